/* SPDX-License-Identifier: Apache-2.0
 * Shared formulas are written once, for the first of their cells; for the others the addresses in
 * them move along. */
#include "sheet.h"

static bool word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '$' || c == '\\' || (unsigned char)c >= 0x80;
}

/* What a word is, if it is an address. */
struct reference {
    bool has_column, has_row, fixed_column, fixed_row;
    uint32_t column, row;
};

static bool read_reference(const char *word, size_t size, struct reference *ret)
{
    char text[16];
    const char *at = text;
    *ret = (struct reference){0};
    if (size >= sizeof text)
        return false;
    memcpy(text, word, size);
    text[size] = '\0';
    bool dollar = *at == '$';
    at += dollar;
    ret->has_column = read_column(&at, &ret->column);
    if (ret->has_column) {
        ret->fixed_column = dollar;
        dollar = *at == '$';
        at += dollar;
    }
    char *end = NULL;
    unsigned long row = *at >= '1' && *at <= '9' ? strtoul(at, &end, 10) : 0;
    ret->has_row = row >= 1 && row <= ROWS_MAX;
    ret->fixed_row = dollar;
    ret->row = (uint32_t)row - 1;
    return ret->has_row ? *end == '\0' : ret->has_column && !*at && !dollar;
}

static void put_moved(const struct reference *reference, int rows, int columns,
                      struct byte_buffer *out)
{
    char letters[8];
    long long column = (long long)reference->column + (reference->fixed_column ? 0 : columns);
    long long row = (long long)reference->row + (reference->fixed_row ? 0 : rows);
    if ((reference->has_column && (column < 0 || column >= COLUMNS_MAX)) ||
        (reference->has_row && (row < 0 || row >= ROWS_MAX))) {
        buffer_puts(out, "#REF!");
        return;
    }
    if (reference->has_column) {
        write_column((uint32_t)column, letters);
        buffer_printf(out, "%s%s", reference->fixed_column ? "$" : "", letters);
    }
    if (reference->has_row)
        buffer_printf(out, "%s%lld", reference->fixed_row ? "$" : "", row + 1);
}

/* "text" and 'sheet' as they stand. */
static const char *copy_quoted(const char *at, struct byte_buffer *out)
{
    const char *start = at;
    char quote = *at++;
    while (*at && *at != quote)
        at++;
    at += *at != '\0';
    buffer_add(out, start, (size_t)(at - start));
    return at;
}

void shift_formula(const char *formula, int rows, int columns, struct byte_buffer *out)
{
    struct reference reference;
    char before = '\0';
    for (const char *at = formula; *at;) {
        if (*at == '"' || *at == '\'') {
            at = copy_quoted(at, out);
            before = '"';
            continue;
        }
        size_t size = 0;
        while (word_byte(at[size]))
            size++;
        if (size == 0) {
            before = *at;
            buffer_char(out, *at++);
            continue;
        }
        bool is = read_reference(at, size, &reference) && at[size] != '(' && at[size] != '!';
        if (is &&
            !(reference.has_column && reference.has_row)) /* B:D, 2:5; else a name or number */
            is = before == ':' || at[size] == ':';
        if (is)
            put_moved(&reference, rows, columns, out);
        else
            buffer_add(out, at, size);
        before = at[size - 1];
        at += size;
    }
}

/* ---- formulas of ODS ---- */

/* The end of what at opens: behind the closing quote, doubled ones passed over. */
static const char *behind_quotes(const char *at)
{
    char quote = *at++;
    while (*at && !(*at == quote && at[1] != quote))
        at += *at == quote ? 2 : 1;
    return *at ? at + 1 : at;
}

/* One end of a reference, from at to end: ".A1", "$Sheet.A1", "'My sheet'.A1". */
static void put_end(const char *at, const char *end, struct byte_buffer *out)
{
    const char *dot = NULL;
    for (const char *c = at; c < end; c = *c == '\'' ? behind_quotes(c) : c + 1)
        dot = *c == '.' ? c : dot;
    if (dot && dot > at) {
        at += *at == '$';
        buffer_add(out, at, (size_t)(dot - at));
        buffer_char(out, '!');
    }
    buffer_add(out, dot ? dot + 1 : at, (size_t)(end - (dot ? dot + 1 : at)));
}

/* [.A1:.B2] at at; behind it. What refers to other files stays as it is. */
static const char *put_reference(const char *at, struct byte_buffer *out)
{
    const char *start = at++, *end = at, *colon = NULL;
    bool other_file = false;
    while (*end && *end != ']') {
        other_file |= *end == '#' && strncmp(end, "#REF!", 5) != 0;
        colon = *end == ':' && !colon ? end : colon;
        end = *end == '\'' ? behind_quotes(end) : end + 1;
    }
    const char *behind = *end ? end + 1 : end;
    if (other_file) {
        buffer_add(out, start, (size_t)(behind - start));
        return behind;
    }
    put_end(at, colon ? colon : end, out);
    if (colon) {
        buffer_char(out, ':');
        put_end(colon + 1, end, out);
    }
    return behind;
}

void ods_formula(const char *formula, struct byte_buffer *out)
{
    const char *at = strchr(formula, '=');
    bool excel = strncmp(formula, "msoxl:", 6) == 0, in_array = false;
    if (!at || excel) {
        buffer_puts(out, at ? at : formula);
        return;
    }
    while (*at) {
        if (*at == '[') {
            at = put_reference(at, out);
        } else if (*at == '"' || *at == '\'') {
            const char *start = at;
            at = behind_quotes(at);
            buffer_add(out, start, (size_t)(at - start));
        } else { /* {1;2|3;4} has columns and rows */
            in_array = *at == '{' || (in_array && *at != '}');
            char c = *at++;
            buffer_char(out, c == ';' ? ',' : c == '|' && in_array ? ';' : c);
        }
    }
}
