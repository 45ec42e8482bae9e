/* SPDX-License-Identifier: Apache-2.0
 * The kinds of addresses, after IANA's special-purpose registries. */
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const unsigned char MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static void from_ipv4(const void *four, struct address *ret_address)
{
    memcpy(ret_address->bytes, MAPPED, sizeof MAPPED);
    memcpy(ret_address->bytes + 12, four, 4);
}

bool address_from_sockaddr(const struct sockaddr *socket, socklen_t size,
                           struct address *ret_address)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    if (socket->sa_family == AF_INET && size >= sizeof four) {
        memcpy(&four, socket, sizeof four);
        from_ipv4(&four.sin_addr, ret_address);
        return true;
    }
    if (socket->sa_family == AF_INET6 && size >= sizeof six) {
        memcpy(&six, socket, sizeof six);
        memcpy(ret_address->bytes, &six.sin6_addr, 16);
        return true;
    }
    return false;
}

bool address_parse(const char *text, struct address *ret_address)
{
    char copy[80];
    unsigned char four[4];
    size_t n = strlen(text);
    if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (inet_pton(AF_INET, copy, four) == 1) {
        from_ipv4(four, ret_address);
        return true;
    }
    char *zone = strchr(copy, '%');
    if (zone)
        *zone = '\0';
    struct address found;
    if (inet_pton(AF_INET6, copy, found.bytes) != 1)
        return false;
    *ret_address = found;
    return true;
}

/* ---- nets ---- */

bool address_in_net(const struct address *address, const struct address_net *net)
{
    unsigned whole = net->prefix / 8, rest = net->prefix % 8;
    if (memcmp(address->bytes, net->base.bytes, whole) != 0)
        return false;
    unsigned mask = 0xff00u >> rest & 0xff;
    return rest == 0 || ((address->bytes[whole] ^ net->base.bytes[whole]) & mask) == 0;
}

static bool parse_prefix(const char *text, unsigned max, unsigned *ret_prefix)
{
    unsigned value = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 3 || strspn(text, "0123456789") != n)
        return false;
    for (; *text; text++)
        value = value * 10 + (unsigned)(*text - '0');
    *ret_prefix = value;
    return value <= max;
}

static bool rest_is_zero(const struct address_net *net)
{
    for (unsigned bit = net->prefix; bit < 128; bit++)
        if (net->base.bytes[bit / 8] & 0x80u >> bit % 8)
            return false;
    return true;
}

bool address_net_parse(const char *text, struct address_net *ret_net)
{
    char copy[80];
    struct address_net net;
    const char *slash = strchr(text, '/');
    size_t n = slash ? (size_t)(slash - text) : strlen(text);
    if (n >= sizeof copy)
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (!address_parse(copy, &net.base))
        return false;
    bool ipv4 = !strchr(copy, ':');
    net.prefix = ipv4 ? 32 : 128;
    if (slash && !parse_prefix(slash + 1, net.prefix, &net.prefix))
        return false;
    net.prefix += ipv4 ? 96 : 0;
    if (!rest_is_zero(&net))
        return false;
    *ret_net = net;
    return true;
}

/* ---- kinds ---- */

struct row4 {
    uint32_t base;
    unsigned prefix;
    enum address_kind kind;
};

static const struct row4 ROWS4[] = {
    {0x00000000, 32, ADDRESS_UNSPECIFIED},   /* 0.0.0.0 */
    {0x00000000, 8, ADDRESS_RESERVED},       /* 0/8 */
    {0x0a000000, 8, ADDRESS_PRIVATE},        /* 10/8 */
    {0x64400000, 10, ADDRESS_SHARED},        /* 100.64/10 */
    {0x7f000000, 8, ADDRESS_LOOPBACK},       /* 127/8 */
    {0xa83f8110, 32, ADDRESS_RESERVED},      /* 168.63.129.16: Azure's own host */
    {0xa9fe0000, 16, ADDRESS_LINK_LOCAL},    /* 169.254/16 */
    {0xac100000, 12, ADDRESS_PRIVATE},       /* 172.16/12 */
    {0xc0000000, 24, ADDRESS_RESERVED},      /* 192.0.0/24 */
    {0xc0000200, 24, ADDRESS_DOCUMENTATION}, /* 192.0.2/24 */
    {0xc0586300, 24, ADDRESS_RESERVED},      /* 192.88.99/24: 6to4 relays */
    {0xc0a80000, 16, ADDRESS_PRIVATE},       /* 192.168/16 */
    {0xc6120000, 15, ADDRESS_RESERVED},      /* 198.18/15: benchmarks */
    {0xc6336400, 24, ADDRESS_DOCUMENTATION}, /* 198.51.100/24 */
    {0xcb007100, 24, ADDRESS_DOCUMENTATION}, /* 203.0.113/24 */
    {0xe0000000, 4, ADDRESS_MULTICAST},      /* 224/4 */
    {0xf0000000, 4, ADDRESS_RESERVED},       /* 240/4, with broadcast */
};

static enum address_kind kind4(const unsigned char four[4])
{
    uint32_t value = (uint32_t)four[0] << 24 | (uint32_t)four[1] << 16 | (uint32_t)four[2] << 8 |
                     (uint32_t)four[3];
    for (size_t i = 0; i < sizeof ROWS4 / sizeof *ROWS4; i++)
        if ((value ^ ROWS4[i].base) >> (32 - ROWS4[i].prefix) == 0)
            return ROWS4[i].kind;
    return ADDRESS_GLOBAL;
}

struct row6 {
    struct address_net net;
    int ipv4_at; /* the offset of an IPv4 address that decides; -1 = kind does */
    enum address_kind kind;
};

static const struct row6 ROWS6[] = {
    {{{{0}}, 128}, -1, ADDRESS_UNSPECIFIED},
    {{{{[15] = 1}}, 128}, -1, ADDRESS_LOOPBACK},
    {{{{[10] = 0xff, 0xff}}, 96}, 12, ADDRESS_GLOBAL},   /* ::ffff:0:0/96, mapped */
    {{{{[8] = 0xff, 0xff}}, 96}, 12, ADDRESS_GLOBAL},    /* ::ffff:0:0:0/96, translated */
    {{{{0, 0x64, 0xff, 0x9b}}, 96}, 12, ADDRESS_GLOBAL}, /* 64:ff9b::/96, NAT64 */
    {{{{0x20, 0x02}}, 16}, 2, ADDRESS_GLOBAL},           /* 2002::/16, 6to4 */
    {{{{0x20, 0x01}}, 23}, -1, ADDRESS_RESERVED},        /* 2001::/23, with Teredo */
    {{{{0x20, 0x01, 0x0d, 0xb8}}, 32}, -1, ADDRESS_DOCUMENTATION},
    {{{{0x3f, 0xff}}, 20}, -1, ADDRESS_DOCUMENTATION},
    {{{{0xfc}}, 7}, -1, ADDRESS_PRIVATE}, /* fc00::/7 */
    {{{{0xfe, 0x80}}, 10}, -1, ADDRESS_LINK_LOCAL},
    {{{{0xfe, 0xc0}}, 10}, -1, ADDRESS_PRIVATE}, /* once site-local */
    {{{{0xff}}, 8}, -1, ADDRESS_MULTICAST},
    {{{{0x20}}, 3}, -1, ADDRESS_GLOBAL}, /* 2000::/3: all that is assigned */
};

enum address_kind address_kind(const struct address *address)
{
    for (size_t i = 0; i < sizeof ROWS6 / sizeof *ROWS6; i++)
        if (address_in_net(address, &ROWS6[i].net))
            return ROWS6[i].ipv4_at < 0 ? ROWS6[i].kind : kind4(address->bytes + ROWS6[i].ipv4_at);
    return ADDRESS_RESERVED;
}

const char *address_kind_name(enum address_kind kind)
{
    static const char *const names[] = {
        [ADDRESS_GLOBAL] = "global",         [ADDRESS_UNSPECIFIED] = "unspecified",
        [ADDRESS_LOOPBACK] = "loopback",     [ADDRESS_PRIVATE] = "private",
        [ADDRESS_LINK_LOCAL] = "link-local", [ADDRESS_SHARED] = "carrier-shared",
        [ADDRESS_MULTICAST] = "multicast",   [ADDRESS_DOCUMENTATION] = "documentation",
        [ADDRESS_RESERVED] = "reserved",
    };
    return names[kind];
}

void address_format(const struct address *address, char text[ADDRESS_TEXT_MAX])
{
    const unsigned char *b = address->bytes;
    if (memcmp(b, MAPPED, sizeof MAPPED) == 0)
        snprintf(text, ADDRESS_TEXT_MAX, "%u.%u.%u.%u", b[12], b[13], b[14], b[15]);
    else if (!inet_ntop(AF_INET6, b, text, ADDRESS_TEXT_MAX))
        text[0] = '\0';
}
