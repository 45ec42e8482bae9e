/* SPDX-License-Identifier: Apache-2.0
 * JSON values as YAML 1.2. The list of a member stands at the column of its key; the first item of
 * a list within a list, and the first member of a mapping within one, stand on the line of the
 * dash. */
#include "yaml_write.h"

#include <math.h>

#include "json_put.h"
#include "number.h"
#include "yaml_text.h"

#define SIMPLE_KEY_MAX 1000 /* bytes; YAML wants longer keys to be announced by ? */

struct writer {
    struct bounded_text *out;
    const struct yaml_style *style;
};

static void put_block(struct writer *w, const json_t *value, size_t column);
static void put_flow(struct writer *w, const json_t *value, size_t column);

/* ---- scalars ---- */

static void put_real(struct writer *w, double value)
{
    char text[NUMBER_TEXT_MAX];
    number_text(value, text);
    if (value == 0 && signbit(value))
        bounded_char(w->out, '-');
    const char *e = strchr(text, 'e');
    size_t mantissa = e ? (size_t)(e - text) : strlen(text);
    bounded_put(w->out, text, mantissa);
    if (!memchr(text, '.', mantissa)) /* without a point YAML 1.1 would take it as text */
        bounded_puts(w->out, ".0");
    if (e)
        bounded_puts(w->out, e);
}

static const char *special_word(const struct writer *w, const json_t *value)
{
    const struct yaml_specials *specials = w->style->specials;
    if (!specials)
        return NULL;
    if (value == specials->nan)
        return ".nan";
    if (value == specials->infinity)
        return ".inf";
    return value == specials->minus_infinity ? "-.inf" : NULL;
}

static void put_string(struct writer *w, const char *text, size_t size, bool in_flow)
{
    if (yaml_text_is_plain(text, size, in_flow))
        bounded_put(w->out, text, size);
    else
        yaml_text_put_quoted(w->out, text, size);
}

/* A scalar, or an empty list or mapping, on the line where the writer is. */
static void put_scalar(struct writer *w, const json_t *value, bool in_flow)
{
    const char *word = special_word(w, value);
    if (word)
        bounded_puts(w->out, word);
    else if (json_is_string(value))
        put_string(w, json_string_value(value), json_string_length(value), in_flow);
    else if (json_is_real(value))
        put_real(w, json_real_value(value));
    else
        json_put(w->out, value, 0, false);
}

/* ---- text of several lines ---- */

/* The first line tells the indentation, unless it begins with a space or is empty. */
static void put_header(struct writer *w, char style, const char *text, size_t size)
{
    bounded_char(w->out, style);
    if (*text == ' ' || *text == '\n' || *text == '\t')
        bounded_char(w->out, (char)('0' + w->style->indent));
    if (text[size - 1] != '\n')
        bounded_char(w->out, '-');
    else if (size > 1 && text[size - 2] == '\n')
        bounded_char(w->out, '+');
}

static void put_literal(struct writer *w, const char *text, size_t size, size_t column)
{
    put_header(w, '|', text, size);
    if (text[size - 1] == '\n')
        size--;
    const char *end = text + size;
    for (const char *line = text; line <= end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        stop = stop ? stop : end;
        bounded_char(w->out, '\n');
        if (stop > line)
            bounded_fill(w->out, ' ', column + w->style->indent);
        bounded_put(w->out, line, (size_t)(stop - line));
        line = stop + 1;
    }
}

/* The end of a line that begins at text: a single space beyond width, or the end. */
static size_t fold_at(const char *text, size_t size, size_t width)
{
    size_t best = 0, columns = 0;
    for (size_t i = 0; i < size; i++) {
        columns += ((unsigned char)text[i] & 0xC0) != 0x80;
        bool single = text[i] == ' ' && i > 0 && text[i - 1] != ' ' && text[i + 1] != ' ';
        if (columns > width && best)
            return best;
        if (single)
            best = i;
        if (columns > width && single)
            return i;
    }
    return columns > width && best ? best : size;
}

static void put_folded(struct writer *w, const char *text, size_t size, size_t column)
{
    size_t left = column + w->style->indent;
    size_t width = w->style->width > left + 20 ? w->style->width - left : 20;
    bounded_puts(w->out, ">-");
    while (size > 0) {
        size_t line = fold_at(text, size, width);
        bounded_char(w->out, '\n');
        bounded_fill(w->out, ' ', left);
        bounded_put(w->out, text, line);
        line += line < size; /* the space becomes the line break */
        text += line;
        size -= line;
    }
}

static void put_block_string(struct writer *w, const json_t *value, size_t column)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value), width = w->style->width;
    if (yaml_text_is_literal(text, size))
        put_literal(w, text, size, column);
    else if (width && column + size > width && yaml_text_is_foldable(text, size))
        put_folded(w, text, size, column);
    else
        put_scalar(w, value, false);
}

/* ---- flow style ---- */

static size_t line_length(const struct bounded_text *out)
{
    size_t at = out->used;
    while (at > 0 && out->text[at - 1] != '\n')
        at--;
    return out->used - at;
}

/* Between two entries; a line that is full ends here. */
static void put_comma(struct writer *w, size_t column)
{
    bounded_char(w->out, ',');
    if (w->style->width && line_length(w->out) >= w->style->width) {
        bounded_char(w->out, '\n');
        bounded_fill(w->out, ' ', column + w->style->indent);
    } else {
        bounded_char(w->out, ' ');
    }
}

static void put_key(struct writer *w, const char *key, bool in_flow)
{
    put_string(w, key, strlen(key), in_flow);
}

static void put_flow_member(struct writer *w, const char *key, const json_t *value, size_t column)
{
    if (strlen(key) > SIMPLE_KEY_MAX)
        bounded_puts(w->out, "? ");
    put_key(w, key, true);
    bounded_puts(w->out, ": ");
    put_flow(w, value, column + w->style->indent);
}

typedef void (*member_fn)(struct writer *w, const char *key, const json_t *value, size_t column);
typedef void (*between_fn)(struct writer *w, size_t column);

/* Calls put for each member, in the order of the style, and between for each but the first. */
static void put_members(struct writer *w, const json_t *object, size_t column, member_fn put,
                        between_fn between)
{
    size_t count = json_object_size(object), at = 0;
    const char *key;
    json_t *value;
    LLMSPELL_CLEANUP_FREE const char **keys = w->style->sort_keys ? json_sorted_keys(object) : NULL;
    if (w->style->sort_keys && !keys && count) {
        w->out->error = LLMSPELL_ENOMEM;
        return;
    }
    for (; keys && at < count; at++) {
        if (at)
            between(w, column);
        put(w, keys[at], json_object_get(object, keys[at]), column);
    }
    if (keys)
        return;
    json_object_foreach((json_t *)object, key, value)
    {
        if (at++)
            between(w, column);
        put(w, key, value, column);
    }
}

static void put_flow(struct writer *w, const json_t *value, size_t column)
{
    if (json_is_array(value)) {
        bounded_char(w->out, '[');
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i)
                put_comma(w, column);
            put_flow(w, json_array_get(value, i), column + w->style->indent);
        }
        bounded_char(w->out, ']');
    } else if (json_is_object(value)) {
        bounded_char(w->out, '{');
        put_members(w, value, column, put_flow_member, put_comma);
        bounded_char(w->out, '}');
    } else {
        put_scalar(w, value, true);
    }
}

/* ---- block style ---- */

static bool has_parts(const json_t *value)
{
    return json_array_size(value) > 0 || json_object_size(value) > 0;
}

static void new_line(struct writer *w, size_t column)
{
    bounded_char(w->out, '\n');
    bounded_fill(w->out, ' ', column);
}

static void put_member(struct writer *w, const char *key, const json_t *value, size_t column)
{
    bool simple = strlen(key) <= SIMPLE_KEY_MAX;
    if (!simple)
        bounded_puts(w->out, "? ");
    put_key(w, key, false);
    if (!simple)
        new_line(w, column);
    bounded_char(w->out, ':');
    if (!has_parts(value)) {
        bounded_char(w->out, ' ');
        put_block(w, value, column);
        return;
    }
    size_t inner = json_is_array(value) ? column : column + w->style->indent;
    new_line(w, inner);
    put_block(w, value, inner);
}

static void put_list(struct writer *w, const json_t *list, size_t column)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (i)
            new_line(w, column);
        bounded_char(w->out, '-');
        if (has_parts(item)) {
            bounded_fill(w->out, ' ', w->style->indent - 1);
            put_block(w, item, column + w->style->indent);
        } else {
            bounded_char(w->out, ' ');
            put_block(w, item, column);
        }
    }
}

/* A value whose first character stands where the writer is; further lines begin at column. */
static void put_block(struct writer *w, const json_t *value, size_t column)
{
    if (json_object_size(value) > 0)
        put_members(w, value, column, put_member, new_line);
    else if (json_array_size(value) > 0)
        put_list(w, value, column);
    else if (json_is_string(value) && !special_word(w, value))
        put_block_string(w, value, column);
    else
        put_scalar(w, value, false);
}

void yaml_write(struct bounded_text *out, const json_t *value, const struct yaml_style *style)
{
    struct writer w = {out, style};
    if (style->flow)
        put_flow(&w, value, 0);
    else
        put_block(&w, value, 0);
    bounded_char(out, '\n');
}
