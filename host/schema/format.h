/* SPDX-License-Identifier: Apache-2.0
 * Checks of `format`; each takes UTF-8 text, which may hold NUL. Called through format.c. Private
 * to host/schema. */
#ifndef SCHEMA_FORMAT_H
#define SCHEMA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* RFC 3339 (leap seconds: only at 23:59:60 UTC). */
bool schema_format_date_time(const char *text, size_t length);
bool schema_format_date(const char *text, size_t length);
bool schema_format_time(const char *text, size_t length);
bool schema_format_duration(const char *text, size_t length);

/* RFC 5321, RFC 6531; RFC 1123 with A-labels of RFC 5891; RFC 2673, RFC 4291. */
bool schema_format_email(const char *text, size_t length);
bool schema_format_idn_email(const char *text, size_t length);
bool schema_format_hostname(const char *text, size_t length);
bool schema_format_idn_hostname(const char *text, size_t length);
bool schema_format_ipv4(const char *text, size_t length);
bool schema_format_ipv6(const char *text, size_t length);

/* RFC 3986, RFC 3987, RFC 6570. */
bool schema_format_uri(const char *text, size_t length);
bool schema_format_uri_reference(const char *text, size_t length);
bool schema_format_iri(const char *text, size_t length);
bool schema_format_iri_reference(const char *text, size_t length);
bool schema_format_uri_template(const char *text, size_t length);

/* RFC 6901 and its relative draft, RFC 4122, ECMA-262. */
bool schema_format_json_pointer(const char *text, size_t length);
bool schema_format_relative_json_pointer(const char *text, size_t length);
bool schema_format_uuid(const char *text, size_t length);
bool schema_format_regex(const char *text, size_t length);

/* True if the label of a host name in UTF-8 may stand in a U-label (RFC 5892), or the label of an
 * A-label behind "xn--" decodes to one. */
bool schema_format_u_label(const char *text, size_t length);
bool schema_format_a_label(const char *text, size_t length);

static inline bool schema_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool schema_is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool schema_is_hex(char c)
{
    return schema_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

#endif
