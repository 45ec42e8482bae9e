/* SPDX-License-Identifier: Apache-2.0
 * JSON text out: the growing buffer and the writer. Called for every message that leaves. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

#include "span.h"

void text_init(struct text *text, char *buffer, size_t capacity)
{
    *text = (struct text){.data = buffer, .capacity = capacity};
}

void text_clear(struct text *text)
{
    if (text->heap)
        free(text->data);
    *text = (struct text){0};
}

static int text_grow(struct text *text, size_t size)
{
    if (size > SIZE_MAX / 2 - text->size)
        return -1;
    size_t capacity = text->capacity < 256 ? 256 : text->capacity;
    while (capacity < text->size + size)
        capacity *= 2;
    char *data = realloc(text->heap ? text->data : NULL, capacity);
    if (!data)
        return -1;
    if (!text->heap && text->size)
        memcpy(data, text->data, text->size);
    text->data = data;
    text->capacity = capacity;
    text->heap = 1;
    return 0;
}

char *text_reserve(struct text *text, size_t size)
{
    if (text->failed)
        return NULL;
    if (text->capacity - text->size < size && text_grow(text, size) < 0) {
        text->failed = 1;
        return NULL;
    }
    return text->data + text->size;
}

void text_add(struct text *text, const void *data, size_t size)
{
    char *place = text_reserve(text, size);
    if (place && size) {
        memcpy(place, data, size);
        text->size += size;
    }
}

void text_add_integer(struct text *text, int64_t value)
{
    char digits[24];
    char *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (value < 0)
        *--at = '-';
    text_add(text, at, (size_t)(digits + sizeof digits - at));
}

static void add_escape(struct text *text, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    char letter = c < sizeof letters ? letters[c] : (char)c;
    if (c >= 0x80) {
        text_add_literal(text, "\xEF\xBF\xBD"); /* a byte that is not UTF-8 */
    } else if (letter) {
        out[1] = letter;
        text_add(text, out, 2);
    } else {
        text_add(text, out, 6);
    }
}

void text_add_string(struct text *text, const char *data, size_t size)
{
    size_t start = 0, at = 0;
    text_reserve(text, size + 2); /* one growth for the usual case */
    text_add_literal(text, "\"");
    while (at < size) {
        at += span_plain(data + at, size - at);
        if (at == size)
            break;
        size_t sequence = (unsigned char)data[at] < 0x80 ? 0 : span_utf8(data + at, size - at);
        if (sequence) {
            at += sequence;
            continue;
        }
        text_add(text, data + start, at - start);
        add_escape(text, (unsigned char)data[at]);
        start = ++at;
    }
    text_add(text, data + start, size - start);
    text_add_literal(text, "\"");
}

static void add_value(struct text *text, const json_t *value, unsigned depth);

static void add_object(struct text *text, const json_t *object, unsigned depth)
{
    json_t *mutable =
        (json_t *)(uintptr_t)object; /* Jansson's iterator wants it, changes nothing */
    const char *separator = "{";
    for (void *it = json_object_iter(mutable); it; it = json_object_iter_next(mutable, it)) {
        text_add(text, separator, 1);
        text_add_string(text, json_object_iter_key(it), json_object_iter_key_len(it));
        text_add_literal(text, ":");
        add_value(text, json_object_iter_value(it), depth + 1);
        separator = ",";
    }
    if (*separator == '{')
        text_add_literal(text, "{");
    text_add_literal(text, "}");
}

static void add_array(struct text *text, const json_t *array, unsigned depth)
{
    size_t count = json_array_size(array);
    text_add_literal(text, "[");
    for (size_t i = 0; i < count; i++) {
        if (i)
            text_add_literal(text, ",");
        add_value(text, json_array_get(array, i), depth + 1);
    }
    text_add_literal(text, "]");
}

/* The shortest digits that are read back as the same number: 0.1, not 0.10000000000000001. */
static void add_real(struct text *text, const json_t *value)
{
    char digits[64];
    size_t size = 0;
    for (size_t precision = 15; precision <= 17; precision++) {
        size = json_dumpb(value, digits, sizeof digits - 1,
                          JSON_ENCODE_ANY | JSON_REAL_PRECISION(precision));
        if (size == 0 || size >= sizeof digits) {
            text->failed = 1;
            return;
        }
        digits[size] = 0;
        double again = strtod(digits, NULL);
        if (!(again < json_real_value(value)) && !(again > json_real_value(value)))
            break;
    }
    text_add(text, digits, size);
}

static void add_value(struct text *text, const json_t *value, unsigned depth)
{
    if (depth > TEXT_DEPTH_MAX || !value) {
        text->failed = 1;
        return;
    }
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        add_object(text, value, depth);
        break;
    case JSON_ARRAY:
        add_array(text, value, depth);
        break;
    case JSON_STRING:
        text_add_string(text, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        text_add_integer(text, json_integer_value(value));
        break;
    case JSON_REAL:
        add_real(text, value);
        break;
    case JSON_TRUE:
        text_add_literal(text, "true");
        break;
    case JSON_FALSE:
        text_add_literal(text, "false");
        break;
    case JSON_NULL:
        text_add_literal(text, "null");
        break;
    }
}

void text_add_json(struct text *text, const json_t *value)
{
    if (!text->failed)
        add_value(text, value, 1);
}
