/* SPDX-License-Identifier: Apache-2.0
 * Lines of the history's file, written and read. */
#include "kernel/history_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

static const char HEAD[] = "{\"session\":";

static char *reserve(struct history_text *text, size_t more)
{
    if (text->room - text->size < more) {
        size_t room = text->room + text->room / 2 + more + 256;
        char *data = realloc(text->data, room);
        if (!data)
            return NULL;
        text->data = data;
        text->room = room;
    }
    return text->data + text->size;
}

bool history_text_add(struct history_text *text, const char *data, size_t size)
{
    char *to = reserve(text, size);
    if (!to)
        return false;
    memcpy(to, data, size);
    text->size += size;
    return true;
}

__attribute__((format(printf, 2, 3))) static bool add_format(struct history_text *text,
                                                             const char *format, ...)
{
    char *to = reserve(text, 96);
    if (!to)
        return false;
    va_list arguments;
    va_start(arguments, format);
    text->size += (size_t)vsnprintf(to, 96, format, arguments);
    va_end(arguments);
    return true;
}

static char *put_escape(char *to, unsigned char c)
{
    static const char short_escapes[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
    const char *at = c ? strchr(short_escapes, c) : NULL;
    *to++ = '\\';
    if (at)
        *to++ = letters[at - short_escapes];
    else
        to += snprintf(to, 6, "u%04x", c);
    return to;
}

/* As a JSON string. */
static bool add_string(struct history_text *text, const char *data, size_t size)
{
    char *start = reserve(text, 6 * size + 2), *to = start;
    if (!start)
        return false;
    *to++ = '"';
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            *to++ = (char)c;
        else
            to = put_escape(to, c);
    }
    *to++ = '"';
    text->size += (size_t)(to - start);
    return true;
}

static bool write_line(struct history_text *text, const struct history_line *line)
{
    if (!add_format(text, "%s%lld,\"line\":%lld,\"time\":%lld.%03lld", HEAD,
                    (long long)line->session, (long long)line->line,
                    (long long)line->time_ms / 1000, (long long)line->time_ms % 1000))
        return false;
    if (line->input && !(history_text_add(text, ",\"input\":", 9) &&
                         add_string(text, line->input, line->input_size)))
        return false;
    if (line->output && !(history_text_add(text, ",\"output\":", 10) &&
                          add_string(text, line->output, line->output_size)))
        return false;
    return history_text_add(text, "}\n", 2);
}

bool history_line_write(struct history_text *text, const struct history_line *line)
{
    size_t before = text->size;
    bool done = write_line(text, line);
    if (!done)
        text->size = before;
    return done;
}

bool history_line_write_session(struct history_text *text, int64_t session)
{
    return add_format(text, "%s%lld}\n", HEAD, (long long)session);
}

/* ---- reading ---- */

/* A number of up to 15 digits behind HEAD. */
static bool quick_session(const char *text, size_t size, int64_t *ret_session)
{
    const size_t head = sizeof HEAD - 1;
    int64_t number = 0;
    size_t i = head;
    if (size < head + 2 || memcmp(text, HEAD, head) != 0 || text[size - 1] != '}')
        return false;
    for (; i < size && i < head + 15 && text[i] >= '0' && text[i] <= '9'; i++)
        number = number * 10 + (text[i] - '0');
    if (number == 0 || (text[i] != ',' && text[i] != '}'))
        return false;
    *ret_session = number;
    return true;
}

/* A positive integer that leaves room for one more. */
static int64_t number_at(const json_t *object, const char *key)
{
    json_int_t number = json_integer_value(json_object_get(object, key));
    return number > 0 && number < INT64_C(1000000000000000) ? number : 0;
}

bool history_line_session(const char *text, size_t size, int64_t *ret_session)
{
    if (quick_session(text, size, ret_session))
        return true;
    if (size == 0 || *text != '{')
        return false;
    json_t *object = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    int64_t session = number_at(object, "session");
    json_decref(object);
    if (session > 0)
        *ret_session = session;
    return session > 0;
}

bool history_line_read(const char *text, size_t size, struct history_line *ret_line)
{
    if (size == 0 || *text != '{')
        return false;
    json_t *object = json_loadb(text, size, JSON_ALLOW_NUL, NULL);
    const json_t *input = json_object_get(object, "input");
    const json_t *output = json_object_get(object, "output");
    struct history_line line = {
        .session = number_at(object, "session"),
        .line = number_at(object, "line"),
        .input = json_string_value(input),
        .input_size = json_string_length(input),
        .output = json_string_value(output),
        .output_size = json_string_length(output),
        .holder = object,
    };
    if (line.session == 0 || line.line == 0 || (!line.input && !line.output)) {
        json_decref(object);
        return false;
    }
    *ret_line = line;
    return true;
}

bool history_text_last(const char *text, size_t *size, const char **ret_line, size_t *ret_size)
{
    size_t end = *size;
    if (end == 0)
        return false;
    end -= text[end - 1] == '\n';
    const char *newline = end > 0 ? memrchr(text, '\n', end) : NULL;
    size_t start = newline ? (size_t)(newline - text) + 1 : 0;
    *ret_line = text + start;
    *ret_size = end - start;
    *size = start;
    return true;
}
