/* SPDX-License-Identifier: Apache-2.0
 * JSON text in. Called by wire.c for headers (checked, two or three members fetched, nothing built)
 * and by serve.c and client.c for contents. */
#include "scan.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/error.h>

#include "../shared/text.h"

struct scanner {
    const char *at, *end;
    const char *why; /* set once, by the first failure */
    unsigned depth;
};

/* A string as it stands in the text, already checked. */
struct raw {
    const char *data;
    size_t size;
    int escaped; /* has a backslash */
};

/* Takes one value; ret_value NULL: only checks it. */
static int scan_value(struct scanner *s, json_t **ret_value);

static int scan_fail(struct scanner *s, const char *why)
{
    if (!s->why)
        s->why = why;
    return LLMSPELL_EPARSE;
}

static void skip_space(struct scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number behind "\u", or -1. */
static int32_t hex_unit(const char *at, const char *end)
{
    int32_t unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The code point of "\uXXXX" or of a pair of them, with its length in the text; -1 if none. */
static int32_t escaped_point(const char *at, const char *end, size_t *ret_length)
{
    int32_t unit = hex_unit(at + 2, end);
    *ret_length = 6;
    if (unit < 0xD800 || unit > 0xDFFF)
        return unit;
    if (unit > 0xDBFF || end - at < 12 || at[6] != '\\' || at[7] != 'u')
        return -1;
    int32_t low = hex_unit(at + 8, end);
    if (low < 0xDC00 || low > 0xDFFF)
        return -1;
    *ret_length = 12;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

/* What a letter behind a backslash stands for; 0: nothing. */
static char escaped_byte(char letter)
{
    static const char bytes[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                    ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    return bytes[(unsigned char)letter];
}

static int skip_escape(struct scanner *s)
{
    if (s->end - s->at < 2)
        return scan_fail(s, "a string is cut");
    size_t length = 2;
    if (s->at[1] == 'u') {
        if (escaped_point(s->at, s->end, &length) < 0)
            return scan_fail(s, "a bad \\u escape");
    } else if (!escaped_byte(s->at[1])) {
        return scan_fail(s, "a bad escape");
    }
    s->at += length;
    return 0;
}

/* Takes a string from its opening to its closing quote, all checked. */
static int scan_raw(struct scanner *s, struct raw *ret_raw)
{
    if (s->at == s->end || *s->at != '"')
        return scan_fail(s, "a string is missing");
    const char *start = ++s->at;
    int escaped = 0;
    for (;;) {
        size_t left = (size_t)(s->end - s->at);
        size_t run = span_plain(s->at, left);
        s->at += run;
        if (run == left)
            return scan_fail(s, "a string is cut");
        unsigned char c = (unsigned char)*s->at;
        if (c == '"')
            break;
        if (c < 0x20)
            return scan_fail(s, "a control character in a string");
        if (c >= 0x80) {
            size_t sequence = span_utf8(s->at, left - run);
            if (!sequence)
                return scan_fail(s, "text that is not UTF-8");
            s->at += sequence;
            continue;
        }
        escaped = 1;
        if (skip_escape(s) < 0)
            return LLMSPELL_EPARSE;
    }
    *ret_raw = (struct raw){start, (size_t)(s->at - start), escaped};
    s->at++;
    return 0;
}

static size_t put_utf8(char *out, int32_t point)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(lead[size] | point);
    return size;
}

static size_t put_escape(char *out, const char **at, const char *end)
{
    char c = (*at)[1];
    if (c == 'u') {
        size_t length;
        int32_t point = escaped_point(*at, end, &length);
        *at += length;
        return put_utf8(out, point);
    }
    *out = escaped_byte(c);
    *at += 2;
    return 1;
}

/* Decodes a checked string; out has room for raw.size bytes. Returns the bytes written. */
static size_t decode(struct raw raw, char *out)
{
    const char *at = raw.data, *end = raw.data + raw.size;
    size_t size = 0;
    while (at < end) {
        const char *slash = memchr(at, '\\', (size_t)(end - at));
        size_t run = (size_t)((slash ? slash : end) - at);
        memcpy(out + size, at, run);
        size += run;
        at += run;
        if (slash)
            size += put_escape(out + size, &at, end);
    }
    return size;
}

static json_t *build_string(struct raw raw)
{
    if (!raw.escaped)
        return json_stringn_nocheck(raw.data, raw.size);
    char small[512];
    char *out = raw.size <= sizeof small ? small : malloc(raw.size);
    if (!out)
        return NULL;
    json_t *string = json_stringn_nocheck(out, decode(raw, out));
    if (out != small)
        free(out);
    return string;
}

static int set_member(struct scanner *s, json_t *object, struct raw key, json_t *value)
{
    if (!key.escaped)
        return json_object_setn_new_nocheck(object, key.data, key.size, value)
                   ? scan_fail(s, "out of memory")
                   : 0;
    char *name = malloc(key.size);
    int failed = -1;
    if (!name) {
        json_decref(value);
    } else {
        size_t size = decode(key, name);
        if (memchr(name, 0, size)) { /* Jansson's other functions take keys as C strings */
            json_decref(value);
            free(name);
            return scan_fail(s, "a NUL in a key");
        }
        failed = json_object_setn_new_nocheck(object, name, size, value);
    }
    free(name);
    return failed ? scan_fail(s, "out of memory") : 0;
}

static int take(struct scanner *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return 0;
    s->at++;
    return 1;
}

static int scan_key(struct scanner *s, struct raw *ret_key)
{
    skip_space(s);
    if (scan_raw(s, ret_key) < 0)
        return LLMSPELL_EPARSE;
    return take(s, ':') ? 0 : scan_fail(s, "':' is missing");
}

static int scan_object_member(struct scanner *s, json_t *object)
{
    struct raw key;
    json_t *value = NULL;
    if (scan_key(s, &key) < 0 || scan_value(s, object ? &value : NULL) < 0)
        return LLMSPELL_EPARSE;
    return object ? set_member(s, object, key, value) : 0;
}

static int scan_array_member(struct scanner *s, json_t *array)
{
    json_t *value = NULL;
    if (scan_value(s, array ? &value : NULL) < 0)
        return LLMSPELL_EPARSE;
    return array && json_array_append_new(array, value) ? scan_fail(s, "out of memory") : 0;
}

/* The members of an object or array, whose opening bracket is taken, into container or nowhere. */
static int scan_container(struct scanner *s, char closing, json_t *container)
{
    if (++s->depth > TEXT_DEPTH_MAX)
        return scan_fail(s, "nested too deeply");
    if (!take(s, closing)) {
        do {
            int failed =
                closing == '}' ? scan_object_member(s, container) : scan_array_member(s, container);
            if (failed)
                return failed;
        } while (take(s, ','));
        if (!take(s, closing))
            return scan_fail(s, "',' or a closing bracket is missing");
    }
    s->depth--;
    return 0;
}

static int scan_built(struct scanner *s, char closing, json_t **ret_value)
{
    json_t *container = NULL;
    if (ret_value) {
        container = closing == '}' ? json_object() : json_array();
        if (!container)
            return scan_fail(s, "out of memory");
    }
    int result = scan_container(s, closing, container);
    if (result < 0)
        json_decref(container);
    else if (ret_value)
        *ret_value = container;
    return result;
}

static size_t skip_digits(struct scanner *s)
{
    const char *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return (size_t)(s->at - start);
}

/* Takes a number by the grammar; *ret_real says that it has a fraction or an exponent. */
static int skip_number(struct scanner *s, int *ret_real)
{
    if (s->at < s->end && *s->at == '-')
        s->at++;
    const char *first = s->at;
    size_t digits = skip_digits(s);
    if (digits == 0 || (digits > 1 && *first == '0'))
        return scan_fail(s, "not a value");
    *ret_real = 0;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        *ret_real = 1;
        if (!skip_digits(s))
            return scan_fail(s, "a bad number");
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        *ret_real = 1;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        if (!skip_digits(s))
            return scan_fail(s, "a bad number");
    }
    return 0;
}

static json_t *build_number(const char *text, int real)
{
    if (!real) {
        errno = 0;
        long long integer = strtoll(text, NULL, 10);
        if (errno == 0)
            return json_integer(integer);
    }
    double number = strtod(text, NULL);
    return isfinite(number) ? json_real(number) : NULL;
}

static int scan_number(struct scanner *s, json_t **ret_value)
{
    const char *start = s->at;
    int real = 0;
    if (skip_number(s, &real) < 0)
        return LLMSPELL_EPARSE;
    if (!ret_value)
        return 0;
    char small[64];
    size_t size = (size_t)(s->at - start);
    char *text = size < sizeof small ? small : malloc(size + 1);
    if (!text)
        return scan_fail(s, "out of memory");
    memcpy(text, start, size);
    text[size] = 0;
    *ret_value = build_number(text, real);
    if (text != small)
        free(text);
    return *ret_value ? 0 : scan_fail(s, "a number is too large");
}

static int scan_string(struct scanner *s, json_t **ret_value)
{
    struct raw raw;
    if (scan_raw(s, &raw) < 0)
        return LLMSPELL_EPARSE;
    if (ret_value && !(*ret_value = build_string(raw)))
        return scan_fail(s, "out of memory");
    return 0;
}

static int scan_word(struct scanner *s, const char *word, json_t *value, json_t **ret_value)
{
    size_t size = strlen(word);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0)
        return scan_fail(s, "not a value");
    s->at += size;
    if (ret_value)
        *ret_value = value;
    return 0;
}

static int scan_value(struct scanner *s, json_t **ret_value)
{
    skip_space(s);
    switch (s->at < s->end ? *s->at : 0) {
    case '{':
        s->at++;
        return scan_built(s, '}', ret_value);
    case '[':
        s->at++;
        return scan_built(s, ']', ret_value);
    case '"':
        return scan_string(s, ret_value);
    case 't':
        return scan_word(s, "true", json_true(), ret_value);
    case 'f':
        return scan_word(s, "false", json_false(), ret_value);
    case 'n':
        return scan_word(s, "null", json_null(), ret_value);
    default:
        return scan_number(s, ret_value);
    }
}

json_t *scan_json(struct span text, const char **ret_why)
{
    struct scanner s = {.at = text.data, .end = text.data + text.size};
    json_t *value = NULL;
    if (scan_value(&s, &value) == 0) {
        skip_space(&s);
        if (s.at == s.end)
            return value;
        scan_fail(&s, "more than one value");
        json_decref(value);
    }
    *ret_why = s.why;
    return NULL;
}

static int fetch_member(struct scanner *s, struct scan_member *members, size_t count)
{
    struct raw key, value;
    if (scan_key(s, &key) < 0)
        return LLMSPELL_EPARSE;
    skip_space(s);
    for (size_t i = 0; i < count; i++) {
        if (!span_is((struct span){key.data, key.size}, members[i].name))
            continue;
        members[i].value[0] = 0;
        if (s->at == s->end || *s->at != '"')
            break;
        if (scan_raw(s, &value) < 0)
            return LLMSPELL_EPARSE;
        if (value.size < members[i].capacity) {
            size_t size = decode(value, members[i].value);
            members[i].value[memchr(members[i].value, 0, size) ? 0 : size] = 0;
        }
        return 0;
    }
    return scan_value(s, NULL);
}

int scan_members(struct span text, struct scan_member *members, size_t count, const char **ret_why)
{
    struct scanner s = {.at = text.data, .end = text.data + text.size, .depth = 1};
    for (size_t i = 0; i < count; i++)
        members[i].value[0] = 0;
    *ret_why = "not an object";
    if (!take(&s, '{'))
        return LLMSPELL_EPARSE;
    *ret_why = "',' or a closing bracket is missing";
    if (!take(&s, '}')) {
        do {
            if (fetch_member(&s, members, count) < 0) {
                *ret_why = s.why;
                return LLMSPELL_EPARSE;
            }
        } while (take(&s, ','));
        if (!take(&s, '}'))
            return LLMSPELL_EPARSE;
    }
    skip_space(&s);
    return s.at == s.end ? 0 : LLMSPELL_EPARSE;
}
