/* SPDX-License-Identifier: Apache-2.0
 * Java properties, in UTF-8: one flat object of text. */
#include "converter.h"

/* ---- reading ---- */

struct scan {
    struct reading *reading;
    const char *at, *end;
    struct bounded_text text; /* of a key or value, without escapes */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool at_line_end(const struct scan *s)
{
    return s->at == s->end || *s->at == '\n' || *s->at == '\r';
}

static void skip_line_end(struct scan *s)
{
    if (s->at < s->end && *s->at == '\r')
        s->at++;
    if (s->at < s->end && *s->at == '\n')
        s->at++;
}

static void skip_spaces(struct scan *s)
{
    while (s->at < s->end && is_space(*s->at))
        s->at++;
}

/* Four hexadecimal digits, or -1. */
static long hex4(const char *text, const char *end)
{
    char digits[5] = {0};
    if (end - text < 4)
        return -1;
    memcpy(digits, text, 4);
    return strspn(digits, "0123456789abcdefABCDEF") == 4 ? strtol(digits, NULL, 16) : -1;
}

static void put_point(struct bounded_text *out, unsigned long code)
{
    unsigned char bytes[4] = {(unsigned char)code};
    size_t size = 1;
    if (code >= 0x80) {
        size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (size_t i = size; i-- > 1; code >>= 6)
            bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
        bytes[0] = (unsigned char)((0xF00u >> size) | code);
    }
    bounded_put(out, (const char *)bytes, size);
}

/* After \u; two of them may be one character. */
static int32_t read_unicode(struct scan *s)
{
    long code = hex4(s->at, s->end), low = -1;
    if (code < 0)
        return fail_at_text(s->reading, s->at, "\\u without four hexadecimal digits");
    s->at += 4;
    if (code >= 0xD800 && code < 0xDC00 && s->end - s->at >= 6 && s->at[0] == '\\' &&
        s->at[1] == 'u')
        low = hex4(s->at + 2, s->end);
    if (code >= 0xD800 && code < 0xE000 && (code >= 0xDC00 || low < 0xDC00 || low >= 0xE000))
        return fail_at_text(s->reading, s->at, "\\u%04lX is half a character", code);
    if (low >= 0) {
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
        s->at += 6;
    }
    put_point(&s->text, (unsigned long)code);
    return 0;
}

/* After a backslash. At the end of a line it joins the next one. */
static int32_t read_escape(struct scan *s)
{
    static const char letters[] = "t\tn\nr\rf\f";
    if (at_line_end(s)) {
        skip_line_end(s);
        skip_spaces(s);
        return 0;
    }
    char c = *s->at++;
    if (c == 'u')
        return read_unicode(s);
    for (const char *p = letters; *p; p += 2)
        if (*p == c)
            c = p[1];
    bounded_char(&s->text, c);
    return 0;
}

static int32_t read_text(struct scan *s, bool key)
{
    int32_t rc = 0;
    s->text.used = 0;
    while (rc == 0 && !at_line_end(s)) {
        if (key && (is_space(*s->at) || *s->at == '=' || *s->at == ':'))
            break;
        if (*s->at == '\\') {
            s->at++;
            rc = read_escape(s);
        } else {
            bounded_char(&s->text, *s->at++);
        }
    }
    return rc < 0 ? rc : bounded_text_check(s->reading->call, &s->text);
}

static int32_t read_pair(struct scan *s, json_t *object)
{
    const char *start = s->at;
    int32_t rc = read_text(s, true);
    LLMSPELL_CLEANUP_FREE char *key = strndup(s->text.used ? s->text.text : "", s->text.used);
    if (rc < 0 || !key)
        return rc < 0 ? rc : no_memory(s->reading->call);
    if (strlen(key) != s->text.used)
        return fail_at_text(s->reading, start, "a key holds a NUL character");
    skip_spaces(s);
    if (s->at < s->end && (*s->at == '=' || *s->at == ':')) {
        s->at++;
        skip_spaces(s);
    }
    rc = read_text(s, false);
    if (rc == 0 && json_object_get(object, key))
        return fail_at_text(s->reading, start, "\"%.100s\" is given twice", key);
    if (rc == 0 && json_object_set_new(object, key, bounded_text_json(&s->text)) != 0)
        rc = no_memory(s->reading->call);
    return rc < 0 ? rc : count_node(s->reading);
}

int32_t read_properties(struct reading *reading, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    struct scan s = {reading, reading->text, reading->text + reading->size, {.max = OUTPUT_MAX}};
    int32_t rc = object ? 0 : no_memory(reading->call);
    while (rc == 0 && s.at < s.end) {
        skip_spaces(&s);
        if (!at_line_end(&s) && (*s.at == '#' || *s.at == '!'))
            while (!at_line_end(&s))
                s.at++;
        else if (!at_line_end(&s))
            rc = read_pair(&s, object);
        skip_line_end(&s);
    }
    bounded_text_clear(&s.text);
    *ret_value = rc == 0 ? llmspell_steal_json(&object) : NULL;
    return rc;
}

/* ---- writing ---- */

static char letter_of(char c)
{
    static const char letters[] = "t\tn\nr\rf\f";
    for (const char *p = letters; *p; p += 2)
        if (p[1] == c)
            return *p;
    return '\0';
}

/* Spaces count at the beginning of a value only, in keys everywhere. */
static void put_escaped(struct bounded_text *out, const char *text, size_t size, bool key)
{
    char escape[8];
    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (letter_of(c)) {
            bounded_char(out, '\\');
            bounded_char(out, letter_of(c));
        } else if ((unsigned char)c < 0x20 || c == 0x7F) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            bounded_puts(out, escape);
        } else {
            if (c == '\\' || (key && strchr(" =:#!", c)) || (c == ' ' && i == 0))
                bounded_char(out, '\\');
            bounded_char(out, c);
        }
    }
}

int32_t write_properties(struct writing *writing, const json_t *value)
{
    CLEANUP_MEMBERS struct members members = {0};
    struct place top = {0};
    const char *key;
    json_t *member;
    if (!json_is_object(value))
        return fail_value(writing, NULL, "it must be an object");
    int32_t rc = members_begin(writing, value, &members);
    while (rc == 0 && members_next(&members, &key, &member)) {
        char scratch[SCALAR_TEXT_MAX];
        size_t size = 0;
        struct place place = {.up = &top, .key = key};
        const char *text = scalar_text(member, scratch, &size);
        if (!text)
            return fail_value(writing, &place,
                              json_is_null(member) ? "there is no null" : "there is text only");
        put_escaped(&writing->out, key, strlen(key), true);
        bounded_char(&writing->out, '=');
        put_escaped(&writing->out, text, size, false);
        bounded_char(&writing->out, '\n');
        rc = writing_step(writing);
    }
    return rc;
}
