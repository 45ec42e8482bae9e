/* SPDX-License-Identifier: Apache-2.0
 * The formats email, hostname, ipv4, ipv6 and their international forms. Called through
 * format.c. */
#include "schema/format.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#define HOSTNAME_MAX 253
#define LABEL_MAX 63
#define EMAIL_LOCAL_MAX 64

/* inet_pton reads strings; an embedded NUL would hide the rest. */
static bool parses_as(int family, const char *text, size_t length)
{
    unsigned char address[sizeof(struct in6_addr)];
    char copy[INET6_ADDRSTRLEN + 1];
    if (length >= sizeof copy || memchr(text, '\0', length))
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return inet_pton(family, copy, address) == 1;
}

bool schema_format_ipv4(const char *text, size_t length)
{
    return parses_as(AF_INET, text, length);
}

bool schema_format_ipv6(const char *text, size_t length)
{
    return parses_as(AF_INET6, text, length);
}

static bool is_label(const char *text, size_t length)
{
    if (length == 0 || length > LABEL_MAX || text[0] == '-' || text[length - 1] == '-')
        return false;
    for (size_t i = 0; i < length; i++)
        if (!schema_is_letter(text[i]) && !schema_is_digit(text[i]) && text[i] != '-')
            return false;
    if (length >= 4 && strncasecmp(text, "xn--", 4) == 0)
        return schema_format_a_label(text + 4, length - 4);
    return true;
}

/* An international label, or an ASCII one. */
static bool is_idn_label(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (text[i] & 0x80)
            return schema_format_u_label(text, length);
    return is_label(text, length);
}

/* Bytes of the dot at text: ".", or one of its relatives of RFC 3490. 0 if it is none. */
static size_t dot_size(const char *text, size_t left, bool idn)
{
    static const char *const dots[] = {"\xE3\x80\x82", "\xEF\xBC\x8E", "\xEF\xBD\xA1"};
    if (*text == '.')
        return 1;
    for (size_t i = 0; idn && left >= 3 && i < 3; i++)
        if (memcmp(text, dots[i], 3) == 0)
            return 3;
    return 0;
}

static bool is_hostname(const char *text, size_t length, bool idn)
{
    size_t start = 0;
    if (length == 0 || length > (idn ? HOSTNAME_MAX * 3 : HOSTNAME_MAX))
        return false;
    for (size_t i = 0; i < length; i++) {
        size_t dot = dot_size(text + i, length - i, idn);
        if (dot == 0)
            continue;
        if (!(idn ? is_idn_label : is_label)(text + start, i - start))
            return false;
        start = i + dot;
        i += dot - 1;
    }
    return (idn ? is_idn_label : is_label)(text + start, length - start);
}

bool schema_format_hostname(const char *text, size_t length)
{
    return is_hostname(text, length, false);
}

bool schema_format_idn_hostname(const char *text, size_t length)
{
    return is_hostname(text, length, true);
}

/* Dot-string of RFC 5321. */
static bool is_dot_string(const char *text, size_t length, bool idn)
{
    if (length == 0 || text[0] == '.' || text[length - 1] == '.')
        return false;
    for (size_t i = 0; i < length; i++) {
        bool atom = schema_is_letter(text[i]) || schema_is_digit(text[i]) ||
                    (text[i] && strchr("!#$%&'*+-/=?^_`{|}~", text[i])) ||
                    (idn && (text[i] & 0x80));
        if (!atom && (text[i] != '.' || text[i - 1] == '.'))
            return false;
    }
    return true;
}

/* Quoted-string of RFC 5321; the quotes stand at both ends. */
static bool is_quoted_string(const char *text, size_t length, bool idn)
{
    for (size_t i = 1; i + 1 < length; i++) {
        if (text[i] == '"')
            return false;
        if (text[i] == '\\' && ++i + 1 == length)
            return false;
        if ((text[i] & 0x80) ? !idn : text[i] < 0x20 || text[i] == 0x7F)
            return false;
    }
    return true;
}

static bool is_local_part(const char *text, size_t length, bool idn)
{
    if (length > EMAIL_LOCAL_MAX)
        return false;
    if (length >= 2 && text[0] == '"' && text[length - 1] == '"')
        return is_quoted_string(text, length, idn);
    return is_dot_string(text, length, idn);
}

/* "[127.0.0.1]" or "[IPv6:::1]". */
static bool is_address_literal(const char *text, size_t length)
{
    if (length < 2 || text[length - 1] != ']')
        return false;
    text++;
    length -= 2;
    if (length > 5 && strncasecmp(text, "IPv6:", 5) == 0)
        return schema_format_ipv6(text + 5, length - 5);
    return schema_format_ipv4(text, length);
}

static bool is_email(const char *text, size_t length, bool idn)
{
    const char *at = memrchr(text, '@', length);
    if (!at)
        return false;
    size_t local = (size_t)(at - text), domain = length - local - 1;
    if (!is_local_part(text, local, idn))
        return false;
    if (domain > 0 && at[1] == '[')
        return is_address_literal(at + 1, domain);
    return is_hostname(at + 1, domain, idn);
}

bool schema_format_email(const char *text, size_t length)
{
    return is_email(text, length, false);
}

bool schema_format_idn_email(const char *text, size_t length)
{
    return is_email(text, length, true);
}
