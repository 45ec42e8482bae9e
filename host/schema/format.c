/* SPDX-License-Identifier: Apache-2.0
 * The table of formats, and the short checks. Called when a schema with checked formats is
 * compiled. */
#include "schema/format.h"

#include "schema/build.h"

schema_format_fn schema_format_find(const char *name)
{
    static const struct {
        const char *name;
        schema_format_fn check;
    } formats[] = {
        {"date", schema_format_date},
        {"date-time", schema_format_date_time},
        {"duration", schema_format_duration},
        {"email", schema_format_email},
        {"hostname", schema_format_hostname},
        {"idn-email", schema_format_idn_email},
        {"idn-hostname", schema_format_idn_hostname},
        {"ipv4", schema_format_ipv4},
        {"ipv6", schema_format_ipv6},
        {"iri", schema_format_iri},
        {"iri-reference", schema_format_iri_reference},
        {"json-pointer", schema_format_json_pointer},
        {"regex", schema_format_regex},
        {"relative-json-pointer", schema_format_relative_json_pointer},
        {"time", schema_format_time},
        {"uri", schema_format_uri},
        {"uri-reference", schema_format_uri_reference},
        {"uri-template", schema_format_uri_template},
        {"uuid", schema_format_uuid},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (strcmp(name, formats[i].name) == 0)
            return formats[i].check;
    return NULL;
}

bool schema_format_uuid(const char *text, size_t length)
{
    if (length != 36)
        return false;
    for (size_t i = 0; i < length; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !schema_is_hex(text[i]))
            return false;
    }
    return true;
}

bool schema_format_regex(const char *text, size_t length)
{
    char message[SCHEMA_PATTERN_MESSAGE_MAX];
    pcre2_code *code = NULL;
    int status = schema_pattern_compile(text, length, &code, message);
    pcre2_code_free(code);
    return status == 0;
}

bool schema_format_json_pointer(const char *text, size_t length)
{
    if (length > 0 && text[0] != '/')
        return false;
    for (size_t i = 0; i < length; i++)
        if (text[i] == '~' && (i + 1 == length || (text[i + 1] != '0' && text[i + 1] != '1')))
            return false;
    return true;
}

bool schema_format_relative_json_pointer(const char *text, size_t length)
{
    size_t digits = 0;
    while (digits < length && schema_is_digit(text[digits]))
        digits++;
    if (digits == 0 || (digits > 1 && text[0] == '0'))
        return false;
    if (length - digits == 1 && text[digits] == '#')
        return true;
    return schema_format_json_pointer(text + digits, length - digits);
}
