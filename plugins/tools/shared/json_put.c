/* SPDX-License-Identifier: Apache-2.0
 * JSON text with doubles in the shortest form. */
#include "json_put.h"

#include <math.h>

#include "number.h"

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **json_sorted_keys(const json_t *object)
{
    size_t count = json_object_size(object), at = 0;
    const char **keys = count ? malloc(count * sizeof *keys) : NULL;
    if (!keys)
        return NULL;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) keys[at++] = key;
    qsort(keys, count, sizeof *keys, by_bytes);
    return keys;
}

static void put_escape(struct bounded_text *out, unsigned char c)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[8];
    for (const char *p = letters; *p; p += 2) {
        if ((unsigned char)*p == c) {
            bounded_char(out, '\\');
            bounded_char(out, p[1]);
            return;
        }
    }
    snprintf(text, sizeof text, "\\u%04x", c);
    bounded_puts(out, text);
}

void json_put_string(struct bounded_text *out, const char *text, size_t size)
{
    size_t from = 0;
    bounded_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        bounded_put(out, text + from, i - from);
        put_escape(out, c);
        from = i + 1;
    }
    bounded_put(out, text + from, size - from);
    bounded_char(out, '"');
}

void json_put_real(struct bounded_text *out, double value)
{
    char text[NUMBER_TEXT_MAX];
    number_text(value, text);
    if (value == 0 && signbit(value))
        bounded_char(out, '-');
    bounded_puts(out, text);
    if (!strpbrk(text, ".e"))
        bounded_puts(out, ".0");
}

static void new_line(struct bounded_text *out, size_t indent, size_t level)
{
    if (indent == 0)
        return;
    bounded_char(out, '\n');
    bounded_fill(out, ' ', indent * level);
}

struct style {
    size_t indent;
    bool sort;
};

static void put_value(struct bounded_text *out, const json_t *value, struct style style,
                      size_t level);

static void put_list(struct bounded_text *out, const json_t *list, struct style style, size_t level)
{
    bounded_char(out, '[');
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (i)
            bounded_char(out, ',');
        new_line(out, style.indent, level + 1);
        put_value(out, json_array_get(list, i), style, level + 1);
    }
    if (json_array_size(list))
        new_line(out, style.indent, level);
    bounded_char(out, ']');
}

static void put_member(struct bounded_text *out, const char *key, const json_t *value,
                       struct style style, size_t level, bool first)
{
    if (!first)
        bounded_char(out, ',');
    new_line(out, style.indent, level + 1);
    json_put_string(out, key, strlen(key));
    bounded_puts(out, style.indent ? ": " : ":");
    put_value(out, value, style, level + 1);
}

static void put_object(struct bounded_text *out, const json_t *object, struct style style,
                       size_t level)
{
    LLMSPELL_CLEANUP_FREE const char **keys = style.sort ? json_sorted_keys(object) : NULL;
    bool first = true;
    const char *key;
    json_t *value;
    if (style.sort && !keys && json_object_size(object))
        out->error = LLMSPELL_ENOMEM;
    bounded_char(out, '{');
    for (size_t i = 0; keys && i < json_object_size(object); i++)
        put_member(out, keys[i], json_object_get(object, keys[i]), style, level, i == 0);
    if (!style.sort) {
        json_object_foreach((json_t *)object, key, value)
        {
            put_member(out, key, value, style, level, first);
            first = false;
        }
    }
    if (json_object_size(object))
        new_line(out, style.indent, level);
    bounded_char(out, '}');
}

static void put_value(struct bounded_text *out, const json_t *value, struct style style,
                      size_t level)
{
    char text[32];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        put_object(out, value, style, level);
        break;
    case JSON_ARRAY:
        put_list(out, value, style, level);
        break;
    case JSON_STRING:
        json_put_string(out, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        bounded_puts(out, text);
        break;
    case JSON_REAL:
        json_put_real(out, json_real_value(value));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        bounded_puts(out, json_is_true(value) ? "true" : "false");
        break;
    default:
        bounded_puts(out, "null");
    }
}

void json_put(struct bounded_text *out, const json_t *value, size_t indent, bool sort)
{
    put_value(out, value, (struct style){indent, sort}, 0);
}
