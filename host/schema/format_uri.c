/* SPDX-License-Identifier: Apache-2.0
 * The formats uri, uri-reference (RFC 3986), iri, iri-reference (RFC 3987) and uri-template (RFC
 * 6570). Called through format.c. */
#include "schema/format.h"

#include <string.h>

#include "schema/uri.h"

#define SUB_DELIMS "!$&'()*+,;="

static bool is_unreserved(char c)
{
    return schema_is_letter(c) || schema_is_digit(c) || (c && strchr("-._~", c));
}

/* Only unreserved characters, those of extra, correct %XX and, in an IRI, whatever is not ASCII. */
static bool is_made_of(struct schema_uri_part part, const char *extra, bool iri)
{
    for (size_t i = 0; i < part.length; i++) {
        char c = part.at[i];
        if (is_unreserved(c) || (c && strchr(extra, c)) || (iri && (c & 0x80)))
            continue;
        if (c != '%' || i + 2 >= part.length || !schema_is_hex(part.at[i + 1]) ||
            !schema_is_hex(part.at[i + 2]))
            return false;
        i += 2;
    }
    return true;
}

static bool is_scheme(struct schema_uri_part part)
{
    if (part.length == 0 || !schema_is_letter(part.at[0]))
        return false;
    for (size_t i = 0; i < part.length; i++)
        if (!schema_is_letter(part.at[i]) && !schema_is_digit(part.at[i]) &&
            !(part.at[i] && strchr("+-.", part.at[i])))
            return false;
    return true;
}

/* What stands between the brackets of an IP-literal. */
static bool is_ip_literal(const char *text, size_t length)
{
    if (length == 0 || (text[0] | 0x20) != 'v')
        return schema_format_ipv6(text, length);
    const char *dot = memchr(text, '.', length);
    if (!dot || dot == text + 1 || dot + 1 == text + length)
        return false;
    for (const char *at = text + 1; at < dot; at++)
        if (!schema_is_hex(*at))
            return false;
    struct schema_uri_part rest = {dot + 1, (size_t)(text + length - dot - 1)};
    return !memchr(rest.at, '%', rest.length) && is_made_of(rest, SUB_DELIMS ":", false);
}

static bool is_port(struct schema_uri_part part)
{
    for (size_t i = 0; i < part.length; i++)
        if (!schema_is_digit(part.at[i]))
            return false;
    return true;
}

static struct schema_uri_part part_between(const char *start, const char *end)
{
    return (struct schema_uri_part){start, (size_t)(end - start)};
}

static bool is_authority(struct schema_uri_part part, bool iri)
{
    const char *host = part.at, *end = part.at + part.length;
    const char *at = memrchr(part.at, '@', part.length);
    if (at) {
        if (!is_made_of(part_between(part.at, at), SUB_DELIMS ":", iri))
            return false;
        host = at + 1;
    }
    if (host < end && *host == '[') {
        const char *close = memchr(host, ']', (size_t)(end - host));
        if (!close || !is_ip_literal(host + 1, (size_t)(close - host - 1)))
            return false;
        return close + 1 == end || (close[1] == ':' && is_port(part_between(close + 2, end)));
    }
    const char *colon = memchr(host, ':', (size_t)(end - host));
    if (colon && !is_port(part_between(colon + 1, end)))
        return false;
    return is_made_of(part_between(host, colon ? colon : end), SUB_DELIMS, iri);
}

/* The parts that may be there or not. */
static bool is_tail(const struct schema_uri *uri, bool iri)
{
    if (uri->authority.at && !is_authority(uri->authority, iri))
        return false;
    return is_made_of(uri->path, SUB_DELIMS ":@/", iri) &&
           is_made_of(uri->query, SUB_DELIMS ":@/?", iri) &&
           is_made_of(uri->fragment, SUB_DELIMS ":@/?", iri);
}

static bool is_reference(const char *text, size_t length, bool iri)
{
    struct schema_uri uri = schema_uri_split(text, length);
    if (uri.scheme.at)
        return is_scheme(uri.scheme) && is_tail(&uri, iri);
    /* Without a scheme the first segment has no colon. */
    const char *colon = memchr(uri.path.at, ':', uri.path.length);
    const char *slash = memchr(uri.path.at, '/', uri.path.length);
    if (!uri.authority.at && colon && (!slash || colon < slash))
        return false;
    return is_tail(&uri, iri);
}

static bool is_absolute(const char *text, size_t length, bool iri)
{
    struct schema_uri uri = schema_uri_split(text, length);
    return uri.scheme.at && is_scheme(uri.scheme) && is_tail(&uri, iri);
}

bool schema_format_uri(const char *text, size_t length)
{
    return is_absolute(text, length, false);
}

bool schema_format_uri_reference(const char *text, size_t length)
{
    return is_reference(text, length, false);
}

bool schema_format_iri(const char *text, size_t length)
{
    return is_absolute(text, length, true);
}

bool schema_format_iri_reference(const char *text, size_t length)
{
    return is_reference(text, length, true);
}

/* One variable with its modifier: "a.b*" or "a:3". */
static bool is_variable(struct schema_uri_part part)
{
    const char *colon = memchr(part.at, ':', part.length);
    size_t name = colon ? (size_t)(colon - part.at) : part.length;
    if (!colon && name > 0 && part.at[name - 1] == '*')
        name--;
    if (colon) {
        struct schema_uri_part digits = part_between(colon + 1, part.at + part.length);
        if (digits.length == 0 || digits.length > 4 || digits.at[0] == '0' || !is_port(digits))
            return false;
    }
    bool inner = true;
    for (size_t i = 0; i < name; i++) {
        bool dot = part.at[i] == '.';
        if (dot && (inner || i + 1 == name))
            return false;
        if (!dot && !schema_is_letter(part.at[i]) && !schema_is_digit(part.at[i]) &&
            part.at[i] != '_' && part.at[i] != '%')
            return false;
        inner = dot;
    }
    return name > 0;
}

/* What stands between braces. */
static bool is_expression(struct schema_uri_part part)
{
    if (part.length > 0 && part.at[0] && strchr("+#./;?&=,!@|", part.at[0])) {
        part.at++;
        part.length--;
    }
    const char *at = part.at, *end = part.at + part.length;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        if (!is_variable(part_between(at, comma ? comma : end)))
            return false;
        if (!comma)
            return true;
        at = comma + 1;
    }
}

bool schema_format_uri_template(const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *at = text; at < end; at++) {
        if (*at == '{') {
            const char *close = memchr(at, '}', (size_t)(end - at));
            if (!close || !is_expression(part_between(at + 1, close)))
                return false;
            at = close;
        } else if (*at == '%') {
            if (end - at < 3 || !schema_is_hex(at[1]) || !schema_is_hex(at[2]))
                return false;
        } else if ((unsigned char)*at <= 0x20 || *at == 0x7F || strchr("\"'<>\\^`|}", *at)) {
            return false;
        }
    }
    return true;
}
