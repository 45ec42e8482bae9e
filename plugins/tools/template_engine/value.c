/* SPDX-License-Identifier: Apache-2.0
 * Values of the context: dotted names, truth, and how they look in the output. */
#include "template.h"

struct span name_first(struct span name, struct span *ret_rest)
{
    const char *dot = memchr(name.data, '.', name.len);
    size_t first = dot ? (size_t)(dot - name.data) : name.len;
    *ret_rest = dot ? (struct span){dot + 1, name.len - first - 1} : (struct span){NULL, 0};
    return (struct span){name.data, first};
}

const json_t *value_walk(const json_t *value, struct span name)
{
    struct span rest = name;
    while (value && rest.data) {
        struct span part = name_first(rest, &rest);
        value = json_object_getn(value, part.data, part.len);
    }
    return value;
}

bool value_is_true(const json_t *value)
{
    return value && !json_is_false(value) && !json_is_null(value) &&
           !(json_is_array(value) && json_array_size(value) == 0);
}

/* Adds text with the entities of some characters. */
static void escape_markup(struct text_buffer *out, const char *text, size_t size, bool xml)
{
    size_t start = 0;
    for (size_t i = 0; i < size; i++) {
        const char *entity = text[i] == '&'           ? "&amp;"
                             : text[i] == '<'         ? "&lt;"
                             : text[i] == '>'         ? "&gt;"
                             : text[i] == '"'         ? "&quot;"
                             : text[i] == '\'' && xml ? "&apos;"
                                                      : NULL;
        if (!entity)
            continue;
        text_buffer_add(out, text + start, i - start);
        text_buffer_puts(out, entity);
        start = i + 1;
    }
    text_buffer_add(out, text + start, size - start);
}

static void escape_html(struct text_buffer *out, const char *text, size_t size)
{
    escape_markup(out, text, size, false);
}

static void escape_xml(struct text_buffer *out, const char *text, size_t size)
{
    escape_markup(out, text, size, true);
}

static void escape_url(struct text_buffer *out, const char *text, size_t size)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (size_t i = 0; i < size && !out->error; i++) {
        char code[4];
        if (text[i] && strchr(unreserved, text[i])) {
            text_buffer_putc(out, text[i]);
            continue;
        }
        snprintf(code, sizeof code, "%%%02X", (unsigned char)text[i]);
        text_buffer_add(out, code, 3);
    }
}

escape_fn escape_find(const char *name)
{
    static const struct {
        const char *name;
        escape_fn escape;
    } escapes[] = {{"html", escape_html},
                   {"json", json_text_escape},
                   {"url", escape_url},
                   {"xml", escape_xml}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
        if (strcmp(escapes[i].name, name) == 0)
            return escapes[i].escape;
    return NULL;
}

void value_add(struct text_buffer *out, const json_t *value, escape_fn escape)
{
    CLEANUP_TEXT_BUFFER struct text_buffer text = {.limit = OUTPUT_MAX};
    const char *data = json_string_value(value);
    size_t len = json_string_length(value);
    if (!value || json_is_null(value))
        return;
    if (!data) {
        json_text_add(&text, value, false);
        data = text.data;
        len = text.len;
        if (text.error) {
            out->error = text.error;
            return;
        }
    }
    if (escape)
        escape(out, data, len);
    else
        text_buffer_add(out, data, len);
}
