/* SPDX-License-Identifier: Apache-2.0
 * Cuts an expression into tokens and takes decimal numbers apart without any locale.
 * Called by expression_parse.c; the number parts also by the evaluators. */
#include "expression.h"

const struct operator_info operators[] = {
    {"?:", 1, true, OP_NONE},
    {"||", 2, false, OP_OR},
    {"&&", 3, false, OP_AND},
    {"==", 4, false, OP_EQUAL},
    {"!=", 4, false, OP_NOT_EQUAL},
    {"<", 4, false, OP_LESS},
    {"<=", 4, false, OP_LESS_EQUAL},
    {">", 4, false, OP_GREATER},
    {">=", 4, false, OP_GREATER_EQUAL},
    {"+", 5, false, OP_ADD},
    {"-", 5, false, OP_SUBTRACT},
    {"*", 6, false, OP_MULTIPLY},
    {"/", 6, false, OP_DIVIDE},
    {"%", 6, false, OP_REMAINDER},
    {"-", 7, true, OP_NEGATE},
    {"+", 7, true, OP_NONE},
    {"!", 7, true, OP_NOT},
    {"^", 8, true, OP_POWER},
    {NULL, 0, false, OP_NONE},
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_part(char c)
{
    return is_name_start(c) || is_digit(c);
}

static bool is_base_digit(char c, uint8_t base)
{
    if (base == 2)
        return c == '0' || c == '1';
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static size_t skip_digits(const char *text, size_t length, size_t at)
{
    while (at < length && is_digit(text[at]))
        at++;
    return at;
}

bool lexer_is_name(const char *text, size_t length)
{
    if (length == 0 || !is_name_start(text[0]))
        return false;
    for (size_t i = 1; i < length; i++)
        if (!is_name_part(text[i]))
            return false;
    return true;
}

size_t lexer_decimal(const char *text, size_t length, bool *ret_integer)
{
    size_t whole = skip_digits(text, length, 0), at = whole, fraction = 0;
    bool integer = true;
    if (at < length && text[at] == '.') {
        fraction = skip_digits(text, length, at + 1) - (at + 1);
        at += 1 + fraction;
        integer = false;
    }
    if (whole + fraction == 0)
        return 0;
    if (at < length && (text[at] == 'e' || text[at] == 'E')) {
        size_t digits = at + 1;
        if (digits < length && (text[digits] == '+' || text[digits] == '-'))
            digits++;
        size_t end = skip_digits(text, length, digits);
        if (end > digits) {
            at = end;
            integer = false;
        }
    }
    *ret_integer = integer;
    return at;
}

/* The length of 0x… or 0b… with at least one digit, or 0. */
static size_t based_length(const char *text, size_t length, uint8_t *ret_base)
{
    if (length < 3 || text[0] != '0')
        return 0;
    uint8_t base = 0;
    if (text[1] == 'x' || text[1] == 'X')
        base = 16;
    else if (text[1] == 'b' || text[1] == 'B')
        base = 2;
    if (!base || !is_base_digit(text[2], base))
        return 0;
    size_t at = 3;
    while (at < length && is_base_digit(text[at], base))
        at++;
    *ret_base = base;
    return at;
}

static bool number_token(const char *text, size_t length, struct token *token)
{
    token->length = based_length(text, length, &token->base);
    token->integer = true;
    if (!token->length) {
        token->base = 10;
        token->length = lexer_decimal(text, length, &token->integer);
    }
    if (!token->length)
        return false;
    token->kind = TOKEN_NUMBER;
    return true;
}

/* The longest binary or prefix operator that text begins with. */
static bool operator_token(const char *text, size_t length, struct token *token)
{
    for (const struct operator_info *o = operators; o->symbol; o++) {
        size_t n = strlen(o->symbol);
        if (o->op == OP_NONE || n <= token->length || n > length || memcmp(text, o->symbol, n))
            continue;
        token->kind = TOKEN_OPERATOR;
        token->op = o->op;
        token->length = n;
    }
    return token->kind == TOKEN_OPERATOR;
}

static enum token_kind punctuation(char c)
{
    switch (c) {
    case '(':
        return TOKEN_LEFT;
    case ')':
        return TOKEN_RIGHT;
    case ',':
        return TOKEN_COMMA;
    case '?':
        return TOKEN_QUESTION;
    case ':':
        return TOKEN_COLON;
    default:
        return TOKEN_BAD;
    }
}

struct token lexer_next(const char *text, size_t length, size_t offset)
{
    while (offset < length &&
           (text[offset] == ' ' || (text[offset] >= '\t' && text[offset] <= '\r')))
        offset++;
    struct token token = {.kind = TOKEN_BAD, .op = OP_NONE, .start = offset};
    const char *rest = text + offset;
    size_t left = length - offset;
    if (left == 0) {
        token.kind = TOKEN_END;
    } else if (is_name_start(*rest)) {
        token.kind = TOKEN_NAME;
        while (token.length < left && is_name_part(rest[token.length]))
            token.length++;
    } else if (!number_token(rest, left, &token) && !operator_token(rest, left, &token)) {
        token.kind = punctuation(*rest);
        token.length = 1;
    }
    return token;
}

/* The exponent after e or E, kept so small that sums with lengths cannot overflow. */
static int64_t read_exponent(const char *text, size_t length)
{
    bool negative = length && text[0] == '-';
    int64_t value = 0;
    for (size_t i = length && !is_digit(text[0]) ? 1 : 0; i < length; i++)
        if (value < INT64_C(1000000000000000))
            value = value * 10 + (text[i] - '0');
    return negative ? -value : value;
}

int32_t decimal_split(const char *text, size_t length, struct decimal *ret)
{
    char *out = malloc(length + 32);
    if (!out)
        return LLMSPELL_ENOMEM;
    size_t n = 0, at = 0;
    int64_t exponent = 0;
    bool point = false;
    for (; at < length && (is_digit(text[at]) || text[at] == '.'); at++) {
        if (text[at] == '.') {
            point = true;
            continue;
        }
        exponent -= point;
        if (n > 0 || text[at] != '0')
            out[n++] = text[at];
    }
    if (at < length)
        exponent += read_exponent(text + at + 1, length - at - 1);
    if (n == 0) {
        out[n++] = '0';
        exponent = 0;
    }
    snprintf(out + n, 32, "e%lld", (long long)exponent);
    *ret = (struct decimal){.text = out, .digits = n, .exponent = exponent};
    return 0;
}
