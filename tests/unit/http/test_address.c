/* SPDX-License-Identifier: Apache-2.0
 * host/http/address.c: what is an address, and of which kind, at both ends of each net. */
#include "http/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "test.h"

struct row {
    const char *text;
    enum address_kind kind;
};

static const struct row ROWS[] = {
    {"0.0.0.0", ADDRESS_UNSPECIFIED},
    {"0.0.0.1", ADDRESS_RESERVED},
    {"0.255.255.255", ADDRESS_RESERVED},
    {"1.0.0.0", ADDRESS_GLOBAL},
    {"8.8.8.8", ADDRESS_GLOBAL},
    {"9.255.255.255", ADDRESS_GLOBAL},
    {"10.0.0.0", ADDRESS_PRIVATE},
    {"10.255.255.255", ADDRESS_PRIVATE},
    {"11.0.0.0", ADDRESS_GLOBAL},
    {"100.63.255.255", ADDRESS_GLOBAL},
    {"100.64.0.0", ADDRESS_SHARED},
    {"100.100.100.200", ADDRESS_SHARED},
    {"100.127.255.255", ADDRESS_SHARED},
    {"100.128.0.0", ADDRESS_GLOBAL},
    {"126.255.255.255", ADDRESS_GLOBAL},
    {"127.0.0.0", ADDRESS_LOOPBACK},
    {"127.255.255.255", ADDRESS_LOOPBACK},
    {"128.0.0.0", ADDRESS_GLOBAL},
    {"168.63.129.15", ADDRESS_GLOBAL},
    {"168.63.129.16", ADDRESS_RESERVED},
    {"168.63.129.17", ADDRESS_GLOBAL},
    {"169.253.255.255", ADDRESS_GLOBAL},
    {"169.254.0.0", ADDRESS_LINK_LOCAL},
    {"169.254.169.254", ADDRESS_LINK_LOCAL},
    {"169.254.255.255", ADDRESS_LINK_LOCAL},
    {"169.255.0.0", ADDRESS_GLOBAL},
    {"172.15.255.255", ADDRESS_GLOBAL},
    {"172.16.0.0", ADDRESS_PRIVATE},
    {"172.31.255.255", ADDRESS_PRIVATE},
    {"172.32.0.0", ADDRESS_GLOBAL},
    {"191.255.255.255", ADDRESS_GLOBAL},
    {"192.0.0.0", ADDRESS_RESERVED},
    {"192.0.0.255", ADDRESS_RESERVED},
    {"192.0.1.0", ADDRESS_GLOBAL},
    {"192.0.2.1", ADDRESS_DOCUMENTATION},
    {"192.0.3.0", ADDRESS_GLOBAL},
    {"192.88.99.1", ADDRESS_RESERVED},
    {"192.167.255.255", ADDRESS_GLOBAL},
    {"192.168.0.0", ADDRESS_PRIVATE},
    {"192.168.255.255", ADDRESS_PRIVATE},
    {"192.169.0.0", ADDRESS_GLOBAL},
    {"198.17.255.255", ADDRESS_GLOBAL},
    {"198.18.0.0", ADDRESS_RESERVED},
    {"198.19.255.255", ADDRESS_RESERVED},
    {"198.20.0.0", ADDRESS_GLOBAL},
    {"198.51.100.7", ADDRESS_DOCUMENTATION},
    {"203.0.113.7", ADDRESS_DOCUMENTATION},
    {"223.255.255.255", ADDRESS_GLOBAL},
    {"224.0.0.0", ADDRESS_MULTICAST},
    {"239.255.255.255", ADDRESS_MULTICAST},
    {"240.0.0.0", ADDRESS_RESERVED},
    {"255.255.255.255", ADDRESS_RESERVED},

    {"::", ADDRESS_UNSPECIFIED},
    {"::1", ADDRESS_LOOPBACK},
    {"::2", ADDRESS_RESERVED},
    {"::127.0.0.1", ADDRESS_RESERVED}, /* IPv4-compatible, given up */
    {"::8.8.8.8", ADDRESS_RESERVED},
    {"::ffff:127.0.0.1", ADDRESS_LOOPBACK},
    {"::ffff:10.1.2.3", ADDRESS_PRIVATE},
    {"::ffff:8.8.8.8", ADDRESS_GLOBAL},
    {"::ffff:0:127.0.0.1", ADDRESS_LOOPBACK},
    {"::ffff:0:8.8.8.8", ADDRESS_GLOBAL},
    {"64:ff9b::127.0.0.1", ADDRESS_LOOPBACK},
    {"64:ff9b::169.254.169.254", ADDRESS_LINK_LOCAL},
    {"64:ff9b::8.8.8.8", ADDRESS_GLOBAL},
    {"64:ff9b:1::8.8.8.8", ADDRESS_RESERVED},
    {"100::1", ADDRESS_RESERVED},
    {"1fff:ffff::1", ADDRESS_RESERVED},
    {"2001::1", ADDRESS_RESERVED}, /* Teredo */
    {"2001:0:4136:e378:8000:63bf:3fff:fdd2", ADDRESS_RESERVED},
    {"2001:10::1", ADDRESS_RESERVED},
    {"2001:1ff:ffff::1", ADDRESS_RESERVED},
    {"2001:200::1", ADDRESS_GLOBAL},
    {"2001:db7:ffff::1", ADDRESS_GLOBAL},
    {"2001:db8::1", ADDRESS_DOCUMENTATION},
    {"2001:db8:ffff:ffff::1", ADDRESS_DOCUMENTATION},
    {"2001:db9::1", ADDRESS_GLOBAL},
    {"2001:4860:4860::8888", ADDRESS_GLOBAL},
    {"2002:7f00:1::1", ADDRESS_LOOPBACK}, /* 6to4 of 127.0.0.1 */
    {"2002:c0a8:1::1", ADDRESS_PRIVATE},
    {"2002:808:808::1", ADDRESS_GLOBAL},
    {"2606:4700::1111", ADDRESS_GLOBAL},
    {"3fff::1", ADDRESS_DOCUMENTATION},
    {"3fff:fff::1", ADDRESS_DOCUMENTATION},
    {"3fff:1000::1", ADDRESS_GLOBAL},
    {"4000::1", ADDRESS_RESERVED},
    {"5f00::1", ADDRESS_RESERVED},
    {"fbff::1", ADDRESS_RESERVED},
    {"fc00::1", ADDRESS_PRIVATE},
    {"fd00:ec2::254", ADDRESS_PRIVATE},
    {"fdff:ffff::1", ADDRESS_PRIVATE},
    {"fe80::1", ADDRESS_LINK_LOCAL},
    {"fe80::1%eth0", ADDRESS_LINK_LOCAL},
    {"febf:ffff::1", ADDRESS_LINK_LOCAL},
    {"fec0::1", ADDRESS_PRIVATE},
    {"feff::1", ADDRESS_PRIVATE},
    {"ff00::1", ADDRESS_MULTICAST},
    {"ff02::1", ADDRESS_MULTICAST},
    {"[::1]", ADDRESS_LOOPBACK},
    {"[2606:4700::1111]", ADDRESS_GLOBAL},
};

static void test_kinds(void)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        struct address address;
        bool parsed = address_parse(ROWS[i].text, &address);
        enum address_kind kind = parsed ? address_kind(&address) : ADDRESS_GLOBAL;
        if (!parsed || kind != ROWS[i].kind)
            printf("\n%s: %s, expected %s", ROWS[i].text, parsed ? address_kind_name(kind) : "-",
                   address_kind_name(ROWS[i].kind));
        CU_ASSERT(parsed && kind == ROWS[i].kind);
    }
}

static void test_no_addresses(void)
{
    static const char *const texts[] = {
        "",          "x",          "1.2.3", "0x7f.0.0.1", "127.1", "1.2.3.4.", "2130706433",
        "256.0.0.1", "1.2.3.4:80", "::g",   "[::1",       "[]",    ":::",      "01.2.3.4 "};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct address address;
        CU_ASSERT_FALSE(address_parse(texts[i], &address));
    }
}

static bool in(const char *text, const char *net_text)
{
    struct address address;
    struct address_net net;
    CU_ASSERT_FATAL(address_parse(text, &address) && address_net_parse(net_text, &net));
    return address_in_net(&address, &net);
}

static void test_nets(void)
{
    CU_ASSERT_TRUE(in("10.1.2.3", "10.0.0.0/8"));
    CU_ASSERT_FALSE(in("11.0.0.0", "10.0.0.0/8"));
    CU_ASSERT_TRUE(in("::ffff:10.1.2.3", "10.0.0.0/8"));
    CU_ASSERT_TRUE(in("192.168.1.130", "192.168.1.128/25"));
    CU_ASSERT_FALSE(in("192.168.1.127", "192.168.1.128/25"));
    CU_ASSERT_TRUE(in("1.2.3.4", "1.2.3.4"));
    CU_ASSERT_FALSE(in("1.2.3.5", "1.2.3.4/32"));
    CU_ASSERT_TRUE(in("8.8.8.8", "0.0.0.0/0"));
    CU_ASSERT_FALSE(in("2606::1", "0.0.0.0/0"));
    CU_ASSERT_TRUE(in("2606::1", "::/0"));
    CU_ASSERT_TRUE(in("fd12::1", "fd00::/8"));
    CU_ASSERT_TRUE(in("fe80::1", "fe80::1/128"));
    static const char *const wrong[] = {"10.0.0.1/8",  "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
                                        "fd00::/129",  "fd00::1/8",   "/8",        "x/8",
                                        "10.0.0.0/-1", "10.0.0.0/8/8"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct address_net net;
        CU_ASSERT_FALSE(address_net_parse(wrong[i], &net));
    }
}

static void test_sockaddr(void)
{
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    inet_pton(AF_INET, "192.168.3.4", &four.sin_addr);
    CU_ASSERT_TRUE(address_from_sockaddr((struct sockaddr *)&four, sizeof four, &address));
    address_format(&address, text);
    CU_ASSERT_STRING_EQUAL(text, "192.168.3.4");
    inet_pton(AF_INET6, "2001:db8::5", &six.sin6_addr);
    CU_ASSERT_TRUE(address_from_sockaddr((struct sockaddr *)&six, sizeof six, &address));
    address_format(&address, text);
    CU_ASSERT_STRING_EQUAL(text, "2001:db8::5");
    CU_ASSERT_FALSE(address_from_sockaddr((struct sockaddr *)&six, 8, &address));
    CU_ASSERT_FALSE(address_from_sockaddr((struct sockaddr *)&local, sizeof local, &address));
}

TEST_MAIN("address", {"kinds", test_kinds}, {"no addresses", test_no_addresses},
          {"nets", test_nets}, {"socket addresses", test_sockaddr})
