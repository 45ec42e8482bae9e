/* SPDX-License-Identifier: Apache-2.0
 * Addresses: e-mail, host names, IP, URLs. */
#include "validation.h"

#include <arpa/inet.h>
#include <strings.h>

#include "../shared/text_input.h"

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits, hyphens (not at the ends); 1 to 63. */
static bool is_label(const char *text, size_t size)
{
    if (size == 0 || size > 63 || text[0] == '-' || text[size - 1] == '-')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_alphanumeric(text[i]) && text[i] != '-')
            return false;
    return true;
}

/* The number of labels, or 0 if one is wrong. */
static size_t count_labels(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t from = 0; from <= size; count++) {
        const char *dot = from < size ? memchr(text + from, '.', size - from) : NULL;
        size_t end = dot ? (size_t)(dot - text) : size;
        if (!is_label(text + from, end - from))
            return 0;
        from = end + 1;
    }
    return count;
}

bool is_hostname(const char *text, size_t size)
{
    return size <= 253 && count_labels(text, size) > 0;
}

/* RFC 5322 atext, or anything beyond ASCII. */
static bool is_atom_byte(char c)
{
    return (unsigned char)c >= 0x80 || is_alphanumeric(c) ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_local_part(const char *text, size_t size)
{
    size_t points = text_points(text, size);
    if (points == 0 || points > 64 || text[0] == '.' || text[size - 1] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] == '.' ? text[i + 1] == '.' : !is_atom_byte(text[i]))
            return false;
    return true;
}

bool is_email(const char *text, size_t size)
{
    const char *at = size ? memrchr(text, '@', size) : NULL;
    if (!at || text_points(text, size) > 254)
        return false;
    size_t local = (size_t)(at - text);
    return is_local_part(text, local) && count_labels(at + 1, size - local - 1) >= 2;
}

static bool parse_ip(int family, const char *text, size_t size)
{
    char copy[64];
    unsigned char address[sizeof(struct in6_addr)];
    if (size >= sizeof copy || memchr(text, '\0', size))
        return false;
    memcpy(copy, text, size);
    copy[size] = '\0';
    return inet_pton(family, copy, address) == 1;
}

bool is_ipv4(const char *text, size_t size)
{
    return parse_ip(AF_INET, text, size);
}

bool is_ipv6(const char *text, size_t size)
{
    return parse_ip(AF_INET6, text, size);
}

/* ---- URLs ---- */

/* The length of the scheme, or 0. */
static size_t scheme_length(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && (is_alphanumeric(text[i]) || (i > 0 && memchr("+-.", text[i], 3))))
        i++;
    bool letter = i > 0 && !(text[0] >= '0' && text[0] <= '9');
    return letter && i < size && text[i] == ':' ? i : 0;
}

static bool is_allowed_scheme(const json_t *schemes, const char *scheme, size_t size)
{
    static const char *const usual[] = {"http", "https", "ftp"};
    for (size_t i = 0; !schemes && i < sizeof usual / sizeof *usual; i++)
        if (strlen(usual[i]) == size && strncasecmp(usual[i], scheme, size) == 0)
            return true;
    for (size_t i = 0; i < json_array_size(schemes); i++) {
        const json_t *item = json_array_get(schemes, i);
        if (json_string_length(item) == size &&
            strncasecmp(json_string_value(item), scheme, size) == 0)
            return true;
    }
    return false;
}

/* No white space, control character or delimiter that RFC 3986 excludes; escapes are whole. */
static bool is_url_text(const char *text, size_t size)
{
    static const char hex[] = "0123456789abcdefABCDEF";
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c == 0x7F || strchr("<>\"{}|\\^`", c))
            return false;
        if (c == '%' && (i + 2 >= size || !strchr(hex, text[i + 1]) || !strchr(hex, text[i + 2]) ||
                         !text[i + 1] || !text[i + 2]))
            return false;
    }
    return true;
}

/* A host name whose labels may go beyond ASCII (an IDN), or an address. */
static bool is_url_host(const char *text, size_t size)
{
    char ascii[254];
    if (size >= 2 && text[0] == '[' && text[size - 1] == ']')
        return is_ipv6(text + 1, size - 2);
    if (size > 0 && text[size - 1] == '.')
        size--;
    if (size == 0 || size >= sizeof ascii)
        return false;
    for (size_t i = 0; i < size; i++)
        ascii[i] = (char)((unsigned char)text[i] >= 0x80 || text[i] == '_' ? 'x' : text[i]);
    return is_hostname(ascii, size);
}

static bool is_port(const char *text, size_t size)
{
    unsigned port = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || size > 5)
            return false;
        port = port * 10 + (unsigned)(text[i] - '0');
    }
    return port <= 65535;
}

/* [user@]host[:port] */
static bool is_authority(const char *text, size_t size)
{
    const char *user = size ? memrchr(text, '@', size) : NULL;
    const char *host = user ? user + 1 : text, *end = text + size;
    const char *bracket = memchr(host, ']', (size_t)(end - host));
    const char *from = bracket ? bracket : host;
    const char *colon = memchr(from, ':', (size_t)(end - from));
    if (colon && !is_port(colon + 1, (size_t)(end - colon - 1)))
        return false;
    return is_url_host(host, (size_t)((colon ? colon : end) - host));
}

/* Where an authority must stand: schemes that are meant for a server. */
static bool needs_authority(const char *scheme, size_t size)
{
    static const char *const names[] = {"http", "https", "ftp", "ftps", "sftp", "ws", "wss", "ssh"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strlen(names[i]) == size && strncasecmp(names[i], scheme, size) == 0)
            return true;
    return false;
}

bool is_url(const json_t *schemes, const char *text, size_t size)
{
    size_t scheme = scheme_length(text, size), from = scheme + 1;
    if (!scheme || !is_allowed_scheme(schemes, text, scheme) || !is_url_text(text, size))
        return false;
    if (size - from < 2 || memcmp(text + from, "//", 2) != 0)
        return size > from && !needs_authority(text, scheme);
    size_t begin = from + 2, end = begin;
    while (end < size && !strchr("/?#", text[end]))
        end++;
    if (end == begin)
        return !needs_authority(text, scheme) && size > end;
    return is_authority(text + begin, end - begin);
}
