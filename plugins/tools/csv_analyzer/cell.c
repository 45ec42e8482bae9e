/* SPDX-License-Identifier: Apache-2.0
 * One value: what type its text is of, how it compares, how it looks as JSON. */
#include "analyzer.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* ---- numbers: -?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?; 007 is text, .5 a number ---- */

static size_t digits(const char *text, size_t size, size_t at)
{
    while (at < size && is_digit(text[at]))
        at++;
    return at;
}

static enum kind number_kind(const char *text, size_t size)
{
    size_t at = size > 0 && text[0] == '-';
    size_t end = digits(text, size, at);
    if (end - at > 1 && text[at] == '0')
        return KIND_STRING;
    if (end == size)
        return end > at ? KIND_INTEGER : KIND_STRING;
    size_t whole = end - at;
    if (text[end] == '.') {
        at = end + 1;
        end = digits(text, size, at);
        if (end == at)
            return KIND_STRING;
    } else if (whole == 0) {
        return KIND_STRING;
    }
    if (end < size && (text[end] == 'e' || text[end] == 'E')) {
        at = end + 1;
        if (at < size && (text[at] == '+' || text[at] == '-'))
            at++;
        end = digits(text, size, at);
        if (end == at)
            return KIND_STRING;
    }
    return end == size ? KIND_NUMBER : KIND_STRING;
}

/* ---- dates ---- */

/* The number of `count` digits at text, or -1. */
static int field(const char *text, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_digit(text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

static bool is_date(const char *text)
{
    int year = field(text, 4), month = field(text + 5, 2), day = field(text + 8, 2);
    return text[4] == '-' && text[7] == '-' && year >= 0 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of(year, month);
}

static bool in_range(int value, int most)
{
    return value >= 0 && value <= most;
}

/* hh:mm:ss[.f](Z|±hh:mm) */
static bool is_time(const char *text, size_t size)
{
    if (size < 9 || text[2] != ':' || text[5] != ':' || !in_range(field(text, 2), 23) ||
        !in_range(field(text + 3, 2), 59) || !in_range(field(text + 6, 2), 60))
        return false;
    size_t at = 8;
    if (text[at] == '.') {
        size_t end = digits(text, size, at + 1);
        if (end == at + 1)
            return false;
        at = end;
    }
    if (size - at == 1)
        return text[at] == 'Z' || text[at] == 'z';
    return size - at == 6 && (text[at] == '+' || text[at] == '-') && text[at + 3] == ':' &&
           in_range(field(text + at + 1, 2), 23) && in_range(field(text + at + 4, 2), 59);
}

static enum kind date_kind(const char *text, size_t size)
{
    if (size < 10 || text[4] != '-' || !is_date(text))
        return KIND_STRING;
    if (size == 10)
        return KIND_DATE;
    bool time = (text[10] == 'T' || text[10] == 't') && is_time(text + 11, size - 11);
    return time ? KIND_DATETIME : KIND_STRING;
}

/* ---- types ---- */

static bool is_word(const char *text, size_t size, const char *word)
{
    return strlen(word) == size && strncasecmp(text, word, size) == 0;
}

enum kind cell_classify(const char *text, size_t size)
{
    if (size == 0)
        return KIND_STRING;
    switch (*text) {
    case 't':
    case 'T':
        return is_word(text, size, "true") ? KIND_BOOLEAN : KIND_STRING;
    case 'f':
    case 'F':
        return is_word(text, size, "false") ? KIND_BOOLEAN : KIND_STRING;
    case 'y':
    case 'Y':
        return is_word(text, size, "yes") ? KIND_BOOLEAN : KIND_STRING;
    case 'n':
    case 'N':
        return is_word(text, size, "no") ? KIND_BOOLEAN : KIND_STRING;
    case '-':
    case '.':
        return number_kind(text, size);
    default:
        break;
    }
    if (!is_digit(*text))
        return KIND_STRING;
    enum kind kind = number_kind(text, size);
    return kind == KIND_STRING ? date_kind(text, size) : kind;
}

const char *kind_name(enum kind kind)
{
    static const char *const names[] = {"empty", "integer",  "number", "boolean",
                                        "date",  "datetime", "string"};
    return names[kind];
}

bool cell_is_number(const struct cell *cell)
{
    return cell->kind == KIND_INTEGER || cell->kind == KIND_NUMBER;
}

double cell_number(const struct cell *cell)
{
    double value = 0;
    number_read(cell->text, cell->size, &value);
    return value;
}

bool cell_truth(const struct cell *cell)
{
    return *cell->text == 't' || *cell->text == 'T' || *cell->text == 'y' || *cell->text == 'Y';
}

json_t *cell_json(const struct cell *cell, bool typed)
{
    json_int_t integer;
    if (!typed && cell->kind == KIND_NULL)
        return json_string("");
    if (typed && cell->kind == KIND_INTEGER &&
        number_read_integer(cell->text, cell->size, &integer))
        return json_integer(integer);
    if (typed && cell->kind == KIND_NUMBER)
        return number_json(cell_number(cell));
    if (typed && cell->kind == KIND_BOOLEAN)
        return json_boolean(cell_truth(cell));
    return cell->kind == KIND_NULL ? json_null() : json_stringn_nocheck(cell->text, cell->size);
}

/* ---- order ---- */

static int compare_text(const struct cell *a, const struct cell *b)
{
    size_t size = a->size < b->size ? a->size : b->size;
    int order = size ? memcmp(a->text, b->text, size) : 0;
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

int cell_compare(const struct cell *a, const struct cell *b)
{
    json_int_t i, k;
    if (a->kind == KIND_INTEGER && b->kind == KIND_INTEGER &&
        number_read_integer(a->text, a->size, &i) && number_read_integer(b->text, b->size, &k))
        return (i > k) - (i < k);
    if (cell_is_number(a) && cell_is_number(b)) {
        double x = cell_number(a), y = cell_number(b);
        return (x > y) - (x < y);
    }
    if (a->kind == KIND_BOOLEAN && b->kind == KIND_BOOLEAN)
        return cell_truth(a) - cell_truth(b);
    return compare_text(a, b);
}

size_t text_length(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return count;
}
