/* SPDX-License-Identifier: Apache-2.0
 * A JSON writer. Jansson's own prints 17 digits of every double. */
#include "json_write.h"

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 2048
#define WHOLE_MAX 9007199254740992.0 /* 2^53 */

json_t *number_json(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    if (value == trunc(value) && fabs(value) <= WHOLE_MAX)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* printf and strtod use the same decimal point, whatever it is; it becomes a point at the end. */
static void shortest(double value, char text[REAL_TEXT_SIZE])
{
    /* The least doubles have less than 15 digits; of all others 15 are exact. */
    for (int digits = fabs(value) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        snprintf(text, REAL_TEXT_SIZE, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    size_t at = strspn(text, "+-0123456789"), wide = strcspn(text + at, "0123456789e");
    if (!text[at] || text[at] == 'e' || wide == 0)
        return;
    text[at] = '.';
    memmove(text + at + 1, text + at + wide, strlen(text + at + wide) + 1);
}

void number_text(double value, char text[REAL_TEXT_SIZE])
{
    if (value == trunc(value) && fabs(value) <= WHOLE_MAX)
        snprintf(text, REAL_TEXT_SIZE, "%lld", (long long)value);
    else
        shortest(value, text);
}

/* ---- strings ---- */

static uint32_t decode(const char *text, size_t *at)
{
    unsigned char first = (unsigned char)text[*at];
    size_t more = first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
    uint32_t point = first & (0x3Fu >> more);
    for (size_t i = 1; i <= more; i++)
        point = point << 6 | ((unsigned char)text[*at + i] & 0x3Fu);
    *at += more;
    return point;
}

static void write_point(struct byte_buffer *out, uint32_t point)
{
    if (point >= 0x10000) {
        point -= 0x10000;
        buffer_printf(out, "\\u%04x\\u%04x", 0xD800 + (point >> 10), 0xDC00 + (point & 0x3FF));
    } else {
        buffer_printf(out, "\\u%04x", point);
    }
}

void json_write_string(struct byte_buffer *out, const char *text, size_t size, bool ascii)
{
    static const char special[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    size_t start = 0;
    buffer_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F && (c < 0x80 || !ascii))
            continue;
        const char *known = c ? strchr(special, c) : NULL;
        buffer_add(out, text + start, i - start);
        if (known)
            buffer_printf(out, "\\%c", letters[known - special]);
        else
            write_point(out, c < 0x80 ? c : decode(text, &i));
        start = i + 1;
    }
    buffer_add(out, text + start, size - start);
    buffer_char(out, '"');
}

/* ---- values ---- */

struct writer {
    struct byte_buffer *out;
    const struct json_style *style;
};

static void write_value(const struct writer *writer, const json_t *value, int depth);

static void new_line(const struct writer *writer, int depth)
{
    if (!writer->style->indent)
        return;
    buffer_char(writer->out, '\n');
    buffer_fill(writer->out, ' ', (size_t)(writer->style->indent * depth));
}

static void write_member(const struct writer *writer, const char *key, size_t length,
                         const json_t *value, int depth)
{
    new_line(writer, depth);
    json_write_string(writer->out, key, length, writer->style->ascii);
    buffer_puts(writer->out, writer->style->indent ? ": " : ":");
    write_value(writer, value, depth);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void write_sorted(const struct writer *writer, const json_t *object, int depth)
{
    size_t count = json_object_size(object), used = 0;
    const char **keys = calloc(count + 1, sizeof *keys);
    const char *key;
    json_t *item;
    if (!keys) {
        writer->out->failed = true;
        return;
    }
    json_object_foreach((json_t *)object, key, item) keys[used++] = key;
    qsort(keys, used, sizeof *keys, compare_keys);
    for (size_t i = 0; i < used; i++) {
        if (i)
            buffer_char(writer->out, ',');
        write_member(writer, keys[i], strlen(keys[i]), json_object_get(object, keys[i]), depth);
    }
    free(keys);
}

static void write_object(const struct writer *writer, const json_t *object, int depth)
{
    const char *key;
    size_t length;
    json_t *item;
    bool first = true;
    buffer_char(writer->out, '{');
    if (writer->style->sort_keys) {
        write_sorted(writer, object, depth + 1);
    } else {
        json_object_keylen_foreach((json_t *)object, key, length, item)
        {
            if (!first)
                buffer_char(writer->out, ',');
            first = false;
            write_member(writer, key, length, item, depth + 1);
        }
    }
    if (json_object_size(object))
        new_line(writer, depth);
    buffer_char(writer->out, '}');
}

static void write_array(const struct writer *writer, const json_t *array, int depth)
{
    size_t i;
    json_t *item;
    buffer_char(writer->out, '[');
    json_array_foreach(array, i, item)
    {
        if (i)
            buffer_char(writer->out, ',');
        new_line(writer, depth + 1);
        write_value(writer, item, depth + 1);
    }
    if (json_array_size(array))
        new_line(writer, depth);
    buffer_char(writer->out, ']');
}

static void write_integer(struct byte_buffer *out, json_int_t value)
{
    char text[REAL_TEXT_SIZE];
    buffer_add(out, text, (size_t)snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value));
}

/* A real stays one: 3.0, not 3. */
static void write_real(struct byte_buffer *out, double value)
{
    char text[REAL_TEXT_SIZE];
    if (!isfinite(value)) {
        out->failed = true;
        return;
    }
    shortest(value, text);
    buffer_puts(out, text);
    if (!strpbrk(text, ".e"))
        buffer_puts(out, ".0");
}

static void write_value(const struct writer *writer, const json_t *value, int depth)
{
    struct byte_buffer *out = writer->out;
    if (depth > DEPTH_MAX || out->failed) {
        out->failed = true;
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(writer, value, depth);
        break;
    case JSON_ARRAY:
        write_array(writer, value, depth);
        break;
    case JSON_STRING:
        json_write_string(out, json_string_value(value), json_string_length(value),
                          writer->style->ascii);
        break;
    case JSON_INTEGER:
        write_integer(out, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(out, json_real_value(value));
        break;
    default:
        buffer_puts(out, json_is_true(value) ? "true" : json_is_false(value) ? "false" : "null");
        break;
    }
}

void json_write(struct byte_buffer *out, const json_t *value, const struct json_style *style)
{
    write_value(&(struct writer){out, style}, value, 0);
}
