/* SPDX-License-Identifier: Apache-2.0
 * The JSON writer of json_text.h. */
#include "json_text.h"

#include <math.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53 */

static void add_real(struct text_buffer *out, double value)
{
    char text[32];
    if (fabs(value) <= WHOLE_MAX && trunc(value) == value && !(value == 0 && signbit(value))) {
        snprintf(text, sizeof text, "%lld", (long long)value);
    } else {
        for (int digits = 15; digits <= 17; digits++) {
            snprintf(text, sizeof text, "%.*g", digits, value);
            if (strtod(text, NULL) == value) /* the same locale reads what it wrote */
                break;
        }
        char *comma = strchr(text, ',');
        if (comma)
            *comma = '.';
    }
    text_buffer_puts(out, text);
}

void json_text_escape(struct text_buffer *out, const char *text, size_t size)
{
    static const char short_escapes[] = "\b\t\n\f\r\"\\";
    static const char letters[] = "btnfr\"\\";
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_buffer_add(out, text + start, i - start);
        start = i + 1;
        const char *at = c ? strchr(short_escapes, c) : NULL;
        char escape[8];
        if (at)
            snprintf(escape, sizeof escape, "\\%c", letters[at - short_escapes]);
        else
            snprintf(escape, sizeof escape, "\\u%04x", c);
        text_buffer_puts(out, escape);
    }
    text_buffer_add(out, text + start, size - start);
}

static void add_string(struct text_buffer *out, const char *text, size_t size)
{
    text_buffer_putc(out, '"');
    json_text_escape(out, text, size);
    text_buffer_putc(out, '"');
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void add_object(struct text_buffer *out, const json_t *object, bool sorted)
{
    size_t count = json_object_size(object), n = 0;
    LLMSPELL_CLEANUP_FREE const char **keys = calloc(count + 1, sizeof *keys);
    const char *key;
    json_t *item;
    if (!keys) {
        out->error = LLMSPELL_ENOMEM;
        return;
    }
    json_object_foreach((json_t *)object, key, item)
    {
        keys[n++] = key;
    }
    if (sorted)
        qsort(keys, n, sizeof *keys, compare_keys);
    text_buffer_putc(out, '{');
    for (size_t i = 0; i < n; i++) {
        if (i)
            text_buffer_putc(out, ',');
        add_string(out, keys[i], strlen(keys[i]));
        text_buffer_putc(out, ':');
        json_text_add(out, json_object_get(object, keys[i]), sorted);
    }
    text_buffer_putc(out, '}');
}

static void add_array(struct text_buffer *out, const json_t *array, bool sorted)
{
    text_buffer_putc(out, '[');
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (i)
            text_buffer_putc(out, ',');
        json_text_add(out, json_array_get(array, i), sorted);
    }
    text_buffer_putc(out, ']');
}

void json_text_add(struct text_buffer *out, const json_t *value, bool sorted)
{
    char integer[32];
    if (out->error)
        return;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(out, value, sorted);
        break;
    case JSON_ARRAY:
        add_array(out, value, sorted);
        break;
    case JSON_STRING:
        add_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        snprintf(integer, sizeof integer, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text_buffer_puts(out, integer);
        break;
    case JSON_REAL:
        add_real(out, json_real_value(value));
        break;
    default:
        text_buffer_puts(out, json_is_true(value)    ? "true"
                              : json_is_false(value) ? "false"
                                                     : "null");
        break;
    }
}
