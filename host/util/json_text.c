/* SPDX-License-Identifier: Apache-2.0
 * A JSON writer. */
#include "util/json_text.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 512

void json_real_text(double value, char *buffer)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, 28, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
    size_t n = strlen(buffer);
    if (!strpbrk(buffer, ".eEn")) /* n: nan, inf (not in JSON, and Jansson refuses them) */
        memcpy(buffer + n, ".0", 3);
}

static void write_string(FILE *out, const char *text, size_t size)
{
    static const char short_escapes[] = "\b\t\n\f\r";
    static const char letters[] = "btnfr";
    fputc('"', out);
    for (size_t i = 0, start = 0; i <= size; i++) {
        unsigned char c = i < size ? (unsigned char)text[i] : 0;
        if (i < size && c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        fwrite(text + start, 1, i - start, out);
        start = i + 1;
        const char *at = c ? strchr(short_escapes, c) : NULL;
        if (i == size)
            break;
        if (at)
            fprintf(out, "\\%c", letters[at - short_escapes]);
        else if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            fprintf(out, "\\u%04x", c);
    }
    fputc('"', out);
}

static void new_line(FILE *out, int indent, int depth)
{
    if (indent)
        fprintf(out, "\n%*s", indent * depth, "");
}

static void write_value(FILE *out, const json_t *value, int indent, int depth);

static void write_object(FILE *out, const json_t *object, int indent, int depth)
{
    const char *key;
    json_t *item;
    int count = 0;
    fputc('{', out);
    json_object_foreach((json_t *)object, key, item)
    {
        if (count++)
            fputc(',', out);
        new_line(out, indent, depth + 1);
        write_string(out, key, strlen(key));
        fputs(indent ? ": " : ":", out);
        write_value(out, item, indent, depth + 1);
    }
    if (count)
        new_line(out, indent, depth);
    fputc('}', out);
}

static void write_array(FILE *out, const json_t *array, int indent, int depth)
{
    size_t i;
    json_t *item;
    fputc('[', out);
    json_array_foreach(array, i, item)
    {
        if (i)
            fputc(',', out);
        new_line(out, indent, depth + 1);
        write_value(out, item, indent, depth + 1);
    }
    if (json_array_size(array))
        new_line(out, indent, depth);
    fputc(']', out);
}

static void write_value(FILE *out, const json_t *value, int indent, int depth)
{
    char real[32];
    if (depth > DEPTH_MAX || !value) {
        fputs("null", out);
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(out, value, indent, depth);
        break;
    case JSON_ARRAY:
        write_array(out, value, indent, depth);
        break;
    case JSON_STRING:
        write_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        fprintf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        json_real_text(json_real_value(value), real);
        fputs(real, out);
        break;
    default:
        fputs(json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null", out);
        break;
    }
}

void json_text_write(FILE *out, const json_t *value, int indent)
{
    write_value(out, value, indent, 0);
}
