/* SPDX-License-Identifier: Apache-2.0
 * Explicit tags of YAML nodes. */
#include "yaml_tag.h"

#include <stdio.h>
#include <string.h>

#include "number.h"

#define PREFIX "tag:yaml.org,2002:"

/* The part after the prefix; "" for any other tag. */
static const char *short_name(const char *tag)
{
    size_t size = sizeof PREFIX - 1;
    return strncmp(tag, PREFIX, size) == 0 ? tag + size : "";
}

static bool unknown(const char *tag, char ret_problem[160])
{
    static const char *const kinds[] = {"str",    "int", "float", "bool", "null",
                                        "binary", "map", "seq",   "set",  "omap"};
    const char *name = short_name(tag);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i]) == 0) {
            snprintf(ret_problem, 160, "the tag !!%s is for values of another kind", name);
            return false;
        }
    }
    snprintf(ret_problem, 160, "the tag %s%.100s is not known here", *name ? "!!" : "",
             *name ? name : tag);
    return false;
}

static bool is_base64(const char *text, size_t size)
{
    size_t count = 0, pads = 0;
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\t' || c == '\r')
            continue;
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
        pads += c == '=';
        if ((!letter && c != '=') || (letter && pads))
            return false;
        count++;
    }
    return count % 4 == 0 && pads <= 2;
}

/* A plain 3 has the tag !!float as well. */
static bool fits(const char *name, enum yaml_kind *kind, long long integer, double *real)
{
    bool number = *kind == YAML_KIND_INTEGER || *kind == YAML_KIND_TOO_LARGE;
    if (strcmp(name, "null") == 0)
        return *kind == YAML_KIND_NULL;
    if (strcmp(name, "bool") == 0)
        return *kind == YAML_KIND_TRUE || *kind == YAML_KIND_FALSE;
    if (strcmp(name, "int") == 0)
        return number;
    if (*kind == YAML_KIND_INTEGER) {
        *kind = YAML_KIND_REAL;
        *real = (double)integer;
    }
    return number || *kind == YAML_KIND_REAL || *kind == YAML_KIND_INFINITY ||
           *kind == YAML_KIND_MINUS_INFINITY || *kind == YAML_KIND_NAN;
}

bool yaml_tag_scalar(const char *tag, const char *text, size_t size, enum yaml_kind *ret_kind,
                     long long *ret_integer, double *ret_real, char ret_problem[160])
{
    static const char *const kinds[] = {"null", "bool", "int", "float"};
    const char *name = short_name(tag);
    *ret_kind = YAML_KIND_STRING;
    if (strcmp(tag, "!") == 0 || strcmp(name, "str") == 0)
        return true;
    if (strcmp(name, "binary") == 0) {
        *ret_kind = YAML_KIND_BASE64;
        snprintf(ret_problem, 160, "the text of !!binary is not Base64");
        return is_base64(text, size);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(name, kinds[i]) != 0)
            continue;
        snprintf(ret_problem, 160, "\"%.60s\" is no value of !!%s", text, name);
        *ret_kind = yaml_scalar_kind(text, size, ret_integer, ret_real);
        if (*ret_kind == YAML_KIND_TOO_LARGE && strcmp(name, "float") == 0)
            *ret_kind = number_read(text, size, ret_real) ? YAML_KIND_REAL : YAML_KIND_STRING;
        return fits(name, ret_kind, *ret_integer, ret_real);
    }
    return unknown(tag, ret_problem);
}

bool yaml_tag_collection(const char *tag, bool list, char ret_problem[160])
{
    if (!tag)
        return true;
    const char *name = short_name(tag);
    if (strcmp(tag, "!") == 0 || strcmp(name, list ? "seq" : "map") == 0 ||
        strcmp(name, list ? "omap" : "set") == 0)
        return true;
    return unknown(tag, ret_problem);
}
