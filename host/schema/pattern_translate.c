/* SPDX-License-Identifier: Apache-2.0
 * Rewrites a regular expression of ECMA-262 (flag u, with the harmless liberties of its annex B)
 * for PCRE2, which reads many of the same letters differently. Called by pattern.c. */
#include "schema/pattern.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/error.h"

#define GROUP_NAMES_MAX 256
#define NO_CODE_POINT UINT32_MAX /* a class escape such as \d: a set, not one character */

/* White space and line ends of ECMA-262, and all other code points. */
#define SPACE                                                                                      \
    "\\x{9}-\\x{d}\\x{20}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"           \
    "\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE                                                                                  \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"               \
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}"                 \
    "\\x{3001}-\\x{fefe}\\x{ff00}-\\x{10ffff}"
#define DOT "[^\\n\\r\\x{2028}\\x{2029}]"

struct translation {
    const char *at, *end;
    struct schema_pattern_text *out;
    char *message;
    size_t depth;    /* open parentheses */
    size_t groups;   /* capturing groups of the whole expression */
    bool repeatable; /* a quantifier may follow */
    struct {
        const char *at;
        size_t length, group;
    } names[GROUP_NAMES_MAX];
    size_t name_count;
};

void schema_pattern_append(struct schema_pattern_text *out, const char *bytes, size_t length)
{
    if (out->failed)
        return;
    if (!out->bytes || out->length + length > out->capacity) {
        size_t capacity = (out->length + length) * 2 + 64;
        char *grown = realloc(out->bytes, capacity);
        if (!grown) {
            out->failed = true;
            return;
        }
        out->bytes = grown;
        out->capacity = capacity;
    }
    memcpy(out->bytes + out->length, bytes, length);
    out->length += length;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'z';
}

static void put(struct translation *t, const char *text)
{
    schema_pattern_append(t->out, text, strlen(text));
}

static void put_code_point(struct translation *t, uint32_t code_point)
{
    char text[16] = {(char)code_point};
    if (code_point >= 0x80 || (!is_letter(text[0]) && !is_digit(text[0])))
        snprintf(text, sizeof text, "\\x{%x}", (unsigned)code_point);
    put(t, text);
}

static int refuse(struct translation *t, const char *reason)
{
    snprintf(t->message, SCHEMA_PATTERN_MESSAGE_MAX, "%s", reason);
    return LLMSPELL_EINVAL;
}

/* Takes text off the front if it is there. */
static bool skip(struct translation *t, const char *text)
{
    size_t length = strlen(text);
    if ((size_t)(t->end - t->at) < length || memcmp(t->at, text, length) != 0)
        return false;
    t->at += length;
    return true;
}

/* Reads hexadecimal digits; UINT32_MAX if there are not between low and high of them. */
static uint32_t read_hex(struct translation *t, size_t low, size_t high)
{
    uint32_t value = 0;
    size_t count = 0;
    for (; t->at < t->end && count < high; t->at++, count++) {
        char c = *t->at, lower = (char)(c | 0x20);
        if (is_digit(c))
            value = value * 16 + (uint32_t)(c - '0');
        else if (lower >= 'a' && lower <= 'f')
            value = value * 16 + (uint32_t)(lower - 'a') + 10;
        else
            break;
    }
    return count >= low ? value : UINT32_MAX;
}

/* \uD83D\uDE00 is one code point. */
static uint32_t read_low_surrogate(struct translation *t, uint32_t high)
{
    const char *before = t->at;
    if (!skip(t, "\\u"))
        return high;
    uint32_t low = read_hex(t, 4, 4);
    if (low < 0xDC00 || low > 0xDFFF) {
        t->at = before;
        return high;
    }
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

/* What follows \u. Returns 0 or an error. */
static int read_unicode_escape(struct translation *t, uint32_t *ret_code_point)
{
    uint32_t value;
    if (skip(t, "{")) {
        value = read_hex(t, 1, 8);
        if (value > 0x10FFFF || !skip(t, "}"))
            return refuse(t, "\\u{…} needs the hexadecimal number of a code point");
    } else {
        value = read_hex(t, 4, 4);
        if (value == UINT32_MAX)
            return refuse(t, "\\u needs four hexadecimal digits");
        if (value >= 0xD800 && value <= 0xDBFF)
            value = read_low_surrogate(t, value);
    }
    *ret_code_point = value;
    return 0;
}

/* Escapes that stand for one character wherever they are; at is behind the letter. Returns 1 if it
 * was one, 0 if not, or an error. */
static int read_character_escape(struct translation *t, char letter, uint32_t *ret_code_point)
{
    static const char letters[] = "fnrtv", values[] = "\f\n\r\t\v";
    const char *known = letter ? strchr(letters, letter) : NULL;
    if (known) {
        *ret_code_point = (unsigned char)values[known - letters];
        return 1;
    }
    if (letter == 'u') {
        int status = read_unicode_escape(t, ret_code_point);
        return status < 0 ? status : 1;
    }
    if (letter == 'x') {
        *ret_code_point = read_hex(t, 2, 2);
        return *ret_code_point == UINT32_MAX ? refuse(t, "\\x needs two hexadecimal digits") : 1;
    }
    if (letter == 'c') {
        if (t->at == t->end || !is_letter(*t->at))
            return refuse(t, "\\c needs a letter");
        *ret_code_point = (uint32_t)*t->at++ & 31;
        return 1;
    }
    if (letter == '0' && (t->at == t->end || !is_digit(*t->at))) {
        *ret_code_point = 0;
        return 1;
    }
    if (is_letter(letter) || is_digit(letter) || (letter & 0x80) || letter < 0x20)
        return 0;
    *ret_code_point = (unsigned char)letter; /* \. \/ \- and other punctuation */
    return 1;
}

static int put_property(struct translation *t, bool negated, bool in_class)
{
    const char *close = skip(t, "{") ? memchr(t->at, '}', (size_t)(t->end - t->at)) : NULL;
    if (!close)
        return refuse(t, "\\p needs a property name in braces");
    const char *name = t->at;
    size_t length = (size_t)(close - name);
    for (size_t i = 0; i < length; i++)
        if (!is_letter(name[i]) && !is_digit(name[i]) && name[i] != '_' && name[i] != '=')
            return refuse(t, "\\p{…} holds a character that no property name has");
    if (!schema_pattern_property(name, length, negated, in_class, t->out))
        return refuse(t, "\\p{…} names an unknown Unicode property");
    t->at = close + 1;
    return 0;
}

/* Sets such as \d and \p{L}. Returns 1 if letter is one, 0 if not, or an error. */
static int put_set_escape(struct translation *t, char letter, bool in_class)
{
    switch (letter) {
    case 'd':
    case 'D':
    case 'w':
    case 'W': {
        const char text[] = {'\\', letter, '\0'};
        put(t, text);
        return 1;
    }
    case 's':
        put(t, in_class ? SPACE : "[" SPACE "]");
        return 1;
    case 'S':
        put(t, in_class ? NOT_SPACE : "[" NOT_SPACE "]");
        return 1;
    case 'p':
    case 'P': {
        int status = put_property(t, letter == 'P', in_class);
        return status < 0 ? status : 1;
    }
    default:
        return 0;
    }
}

static int unknown_escape(struct translation *t, char letter)
{
    snprintf(t->message, SCHEMA_PATTERN_MESSAGE_MAX,
             letter > 0x20 ? "\\%c is not an escape of ECMA-262" : "\\ has nothing to escape",
             letter);
    return LLMSPELL_EINVAL;
}

static int put_group_reference(struct translation *t, size_t group)
{
    char text[32];
    if (group == 0 || group > t->groups)
        return refuse(t, "a back reference names a group that does not exist");
    snprintf(text, sizeof text, "\\g{%zu}", group);
    put(t, text);
    return 0;
}

static int put_named_reference(struct translation *t)
{
    const char *close = skip(t, "<") ? memchr(t->at, '>', (size_t)(t->end - t->at)) : NULL;
    if (!close)
        return refuse(t, "\\k needs a group name in angle brackets");
    size_t length = (size_t)(close - t->at), group = 0;
    for (size_t i = 0; i < t->name_count; i++)
        if (t->names[i].length == length && memcmp(t->names[i].at, t->at, length) == 0)
            group = t->names[i].group;
    t->at = close + 1;
    return put_group_reference(t, group);
}

static int put_numbered_reference(struct translation *t, char first)
{
    size_t group = (size_t)(first - '0');
    for (; t->at < t->end && is_digit(*t->at); t->at++)
        group = group < 100000 ? group * 10 + (size_t)(*t->at - '0') : group;
    return put_group_reference(t, group);
}

/* An escape outside of brackets; at is behind the backslash. */
static int put_escape(struct translation *t)
{
    if (t->at == t->end)
        return unknown_escape(t, 0);
    char letter = *t->at++;
    t->repeatable = letter != 'b' && letter != 'B';
    if (!t->repeatable) {
        put(t, letter == 'b' ? "\\b" : "\\B");
        return 0;
    }
    if (letter == 'k')
        return put_named_reference(t);
    if (letter >= '1' && letter <= '9')
        return put_numbered_reference(t, letter);
    int found = put_set_escape(t, letter, false);
    if (found != 0)
        return found < 0 ? found : 0;
    uint32_t code_point;
    found = read_character_escape(t, letter, &code_point);
    if (found == 0)
        return unknown_escape(t, letter);
    if (found > 0)
        put_code_point(t, code_point);
    return found < 0 ? found : 0;
}

/* One code point of UTF-8, or an error. */
static int read_literal(struct translation *t, uint32_t *ret_code_point)
{
    const unsigned char *at = (const unsigned char *)t->at;
    size_t length = *at < 0x80 ? 1 : *at < 0xE0 ? 2 : *at < 0xF0 ? 3 : 4;
    if ((size_t)(t->end - t->at) < length)
        return refuse(t, "is not UTF-8");
    uint32_t value = length == 1 ? *at : *at & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++)
        value = value << 6 | (at[i] & 0x3F);
    t->at += length;
    *ret_code_point = value;
    return 0;
}

/* One member of a class: a code point, or NO_CODE_POINT if a set was written to out. */
static int read_class_atom(struct translation *t, uint32_t *ret_code_point)
{
    if (!skip(t, "\\"))
        return read_literal(t, ret_code_point);
    if (t->at == t->end)
        return unknown_escape(t, 0);
    char letter = *t->at++;
    *ret_code_point = NO_CODE_POINT;
    int found = put_set_escape(t, letter, true);
    if (found == 0 && letter == 'b') {
        *ret_code_point = '\b';
        return 0;
    }
    if (found == 0)
        found = read_character_escape(t, letter, ret_code_point);
    return found == 0 ? unknown_escape(t, letter) : found < 0 ? found : 0;
}

/* The member low has been read, and a hyphen and another member follow. A set cannot be the end of
 * a range: the hyphen is a member then. */
static int put_range(struct translation *t, uint32_t low)
{
    uint32_t high;
    if (low == NO_CODE_POINT) {
        put(t, "\\-");
        return 0;
    }
    put_code_point(t, low);
    int status = read_class_atom(t, &high);
    if (status < 0)
        return status;
    if (high == NO_CODE_POINT) {
        put(t, "\\-");
        return 0;
    }
    if (high < low)
        return refuse(t, "a range of a character class is out of order");
    put(t, "-");
    put_code_point(t, high);
    return 0;
}

/* A class; at is behind the opening bracket. */
static int put_class(struct translation *t)
{
    bool negated = skip(t, "^");
    t->repeatable = true;
    if (skip(t, "]")) {
        put(t, negated ? "[\\x{0}-\\x{10ffff}]" : "(?!)");
        return 0;
    }
    put(t, negated ? "[^" : "[");
    while (!skip(t, "]")) {
        uint32_t code_point;
        if (t->at == t->end)
            return refuse(t, "a character class lacks its closing bracket");
        int status = read_class_atom(t, &code_point);
        if (status < 0)
            return status;
        bool range = t->end - t->at >= 2 && t->at[0] == '-' && t->at[1] != ']';
        if (range) {
            t->at++;
            status = put_range(t, code_point);
            if (status < 0)
                return status;
        } else if (code_point != NO_CODE_POINT) {
            put_code_point(t, code_point);
        }
    }
    put(t, "]");
    return 0;
}

/* What follows an opening parenthesis. */
static int put_group(struct translation *t)
{
    static const char *const heads[] = {"?:", "?=", "?!", "?<=", "?<!", "?i:", "?-i:"};
    t->depth++;
    t->repeatable = false;
    put(t, "(");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        if (skip(t, heads[i])) {
            put(t, heads[i]);
            return 0;
        }
    }
    if (skip(t, "?<")) { /* find_groups has looked at the name */
        const char *close = memchr(t->at, '>', (size_t)(t->end - t->at));
        t->at = close ? close + 1 : t->end;
        return close ? 0 : refuse(t, "a group has no valid name");
    }
    if (t->at < t->end && *t->at == '?')
        return refuse(t, "(? is not followed by one of : = ! <= <! <name> i: (inline flags are "
                         "written as (?i:…))");
    return 0;
}

/* True if at is "{n}", "{n,}" or "{n,m}"; *ret_length spans it. */
static bool is_braced_quantifier(const struct translation *t, size_t *ret_length)
{
    const char *at = t->at + 1;
    const char *digits = at;
    while (at < t->end && is_digit(*at))
        at++;
    if (at == digits)
        return false;
    if (at < t->end && *at == ',')
        for (at++; at < t->end && is_digit(*at);)
            at++;
    if (at == t->end || *at != '}')
        return false;
    *ret_length = (size_t)(at + 1 - t->at);
    return true;
}

static int put_quantifier(struct translation *t, size_t length)
{
    if (!t->repeatable)
        return refuse(t, "a quantifier has nothing to repeat");
    schema_pattern_append(t->out, t->at, length);
    t->at += length;
    if (skip(t, "?"))
        put(t, "?");
    t->repeatable = false;
    return 0;
}

static int put_literal(struct translation *t)
{
    uint32_t code_point;
    int status = read_literal(t, &code_point);
    t->repeatable = true;
    if (status == 0)
        put_code_point(t, code_point);
    return status;
}

/* One of the characters that mean something. Returns 1 if it was none. */
static int put_syntax(struct translation *t, char c)
{
    t->at++;
    switch (c) {
    case '\\':
        return put_escape(t);
    case '[':
        return put_class(t);
    case '(':
        return put_group(t);
    case ')':
        if (t->depth-- == 0)
            return refuse(t, "a closing parenthesis has no opening one");
        t->repeatable = true;
        put(t, ")");
        return 0;
    case '|':
    case '^':
    case '$':
        t->repeatable = false;
        put(t, c == '|' ? "|" : c == '^' ? "^" : "$");
        return 0;
    case '.':
        t->repeatable = true;
        put(t, DOT);
        return 0;
    default:
        t->at--;
        return 1;
    }
}

static int put_next(struct translation *t)
{
    char c = *t->at;
    size_t length = 1;
    if (c == '*' || c == '+' || c == '?' || (c == '{' && is_braced_quantifier(t, &length)))
        return put_quantifier(t, length);
    int status = put_syntax(t, c);
    return status == 1 ? put_literal(t) : status;
}

/* Notes the name of a group; at is behind "(?<". */
static int find_group_name(struct translation *t, const char *at)
{
    const char *close = memchr(at, '>', (size_t)(t->end - at));
    if (!close || close == at || is_digit(*at))
        return refuse(t, "a group has no valid name");
    size_t length = (size_t)(close - at);
    for (size_t i = 0; i < length; i++)
        if (!is_letter(at[i]) && !is_digit(at[i]) && at[i] != '_' && at[i] != '$' &&
            !(at[i] & 0x80))
            return refuse(t, "a group has no valid name");
    for (size_t i = 0; i < t->name_count; i++)
        if (t->names[i].length == length && memcmp(t->names[i].at, at, length) == 0)
            return refuse(t, "two groups have the same name");
    if (t->name_count == GROUP_NAMES_MAX)
        return refuse(t, "has too many named groups");
    t->names[t->name_count].at = at;
    t->names[t->name_count].length = length;
    t->names[t->name_count++].group = t->groups;
    return 0;
}

/* True if at opens a capturing group; *ret_name is behind "(?<" or NULL. */
static bool opens_group(const char *at, const char *end, const char **ret_name)
{
    size_t left = (size_t)(end - at);
    *ret_name = NULL;
    if (*at != '(')
        return false;
    if (left > 3 && memcmp(at, "(?<", 3) == 0 && at[3] != '=' && at[3] != '!')
        *ret_name = at + 3;
    return *ret_name || left == 1 || at[1] != '?';
}

/* Counts the capturing groups and their names, because references may stand before them. */
static int find_groups(struct translation *t)
{
    bool in_class = false;
    for (const char *at = t->at, *name; at < t->end; at++) {
        if (*at == '\\') {
            at++;
            continue;
        }
        if (*at == '[' || *at == ']')
            in_class = *at == '[';
        if (in_class || !opens_group(at, t->end, &name))
            continue;
        t->groups++;
        int status = name ? find_group_name(t, name) : 0;
        if (status < 0)
            return status;
    }
    return 0;
}

int schema_pattern_translate(const char *pattern, size_t length, struct schema_pattern_text *out,
                             char message[SCHEMA_PATTERN_MESSAGE_MAX])
{
    struct translation t = {.at = pattern, .end = pattern + length, .out = out, .message = message};
    int status = find_groups(&t);
    while (status == 0 && t.at < t.end)
        status = put_next(&t);
    if (status == 0 && t.depth > 0)
        status = refuse(&t, "a parenthesis is not closed");
    put(&t, ""); /* an empty expression has a buffer, too */
    return out->failed ? LLMSPELL_ENOMEM : status;
}
