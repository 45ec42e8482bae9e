/* SPDX-License-Identifier: Apache-2.0
 * Lua's lexical rules (see lexer.h). Never fails: what is no token is TOKEN_BAD. */
#include "lexer.h"

#include <stdlib.h>
#include <string.h>

#define GAP_MIN 256 /* bytes: shorter ones cost less to compile than to leave out */

static const char *const KEYWORDS[] = {"and",   "break", "do",       "else", "elseif", "end",
                                       "false", "for",   "function", "goto", "if",     "in",
                                       "local", "nil",   "not",      "or",   "repeat", "return",
                                       "then",  "true",  "until",    "while"};

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

int lexer_is_name(char c, int first)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (!first && is_digit(c));
}

const char *lexer_keyword(int kind)
{
    return kind >= TOKEN_AND && kind <= TOKEN_WHILE ? KEYWORDS[kind - TOKEN_AND] : NULL;
}

static char peek(const struct lexer *lexer, size_t ahead)
{
    return lexer->size - lexer->at > ahead ? lexer->text[lexer->at + ahead] : '\0';
}

/* At "[": the level of a long bracket (number of "="), or -1 if it is a plain bracket. */
static int long_level(const struct lexer *lexer)
{
    size_t level = 0;
    while (peek(lexer, level + 1) == '=')
        level++;
    return peek(lexer, level + 1) == '[' && level < 1u << 30 ? (int)level : -1;
}

/* Skips a long bracket; 0, or -1 if it has no end. */
static int skip_long(struct lexer *lexer, int level)
{
    lexer->at += (size_t)level + 2;
    while (lexer->at < lexer->size) {
        const char *found = memchr(lexer->text + lexer->at, ']', lexer->size - lexer->at);
        if (!found)
            break;
        lexer->at = (size_t)(found - lexer->text) + 1;
        size_t equal = 0;
        while (peek(lexer, equal) == '=')
            equal++;
        if (equal == (size_t)level && peek(lexer, equal) == ']') {
            lexer->at += equal + 1;
            return 0;
        }
        lexer->at += equal;
    }
    lexer->at = lexer->size;
    return -1;
}

/* At "--": skips the comment; -1 if it has no end. */
static int skip_comment(struct lexer *lexer)
{
    lexer->at += 2;
    if (peek(lexer, 0) == '[') {
        int level = long_level(lexer);
        if (level >= 0)
            return skip_long(lexer, level);
    }
    const char *newline = memchr(lexer->text + lexer->at, '\n', lexer->size - lexer->at);
    lexer->at = newline ? (size_t)(newline - lexer->text) : lexer->size;
    lexer->in_comment = !newline;
    return 0;
}

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Notes the run from start to here, unless it has been: parsers look ahead. Who counts lines by
 * other ends than newlines finds none noted. */
static void note_gap(struct lexer *lexer, size_t start)
{
    struct lexer_gaps *gaps = lexer->gaps;
    const char *at = lexer->text + start, *end = lexer->text + lexer->at;
    size_t lines = 0;
    if (gaps->count == LEXER_GAPS || memchr(at, '\r', (size_t)(end - at)) ||
        (gaps->count > 0 && start < gaps->gaps[gaps->count - 1].end))
        return;
    for (; (at = memchr(at, '\n', (size_t)(end - at))); at++)
        lines++;
    gaps->gaps[gaps->count++] = (struct lexer_gap){start, lexer->at, lines};
}

/* Skips spaces and comments; -1 at a comment without an end. */
static int skip_space(struct lexer *lexer)
{
    size_t start = lexer->at;
    for (;;) {
        while (lexer->at < lexer->size && is_space(lexer->text[lexer->at]))
            lexer->at++;
        if (peek(lexer, 0) != '-' || peek(lexer, 1) != '-')
            break;
        if (skip_comment(lexer) < 0) {
            lexer->in_comment = 1;
            return -1;
        }
    }
    if (lexer->gaps && lexer->at - start >= GAP_MIN)
        note_gap(lexer, start);
    return 0;
}

static int lex_name(struct lexer *lexer)
{
    const char *start = lexer->text + lexer->at;
    size_t length = 0;
    while (lexer->at < lexer->size && lexer_is_name(peek(lexer, 0), 0)) {
        lexer->at++;
        length++;
    }
    for (size_t i = 0; i < sizeof KEYWORDS / sizeof *KEYWORDS; i++)
        if (strlen(KEYWORDS[i]) == length && memcmp(KEYWORDS[i], start, length) == 0)
            return TOKEN_AND + (int)i;
    return TOKEN_NAME;
}

static int lex_number(struct lexer *lexer)
{
    char exponent = 'e';
    if (peek(lexer, 0) == '0' && (peek(lexer, 1) | 32) == 'x') {
        exponent = 'p';
        lexer->at += 2;
    }
    for (;;) {
        char c = peek(lexer, 0);
        if ((c | 32) == exponent && c != '\0') {
            lexer->at++;
            if (peek(lexer, 0) == '+' || peek(lexer, 0) == '-')
                lexer->at++;
        } else if (is_hex(c) || c == '.') {
            lexer->at++;
        } else if (c != '\0' && lexer_is_name(c, 0)) {
            lexer->at++; /* malformed; the compiler says so */
        } else {
            return TOKEN_NUMBER;
        }
    }
}

/* Offset of the next character in a short string that is not just part of it. */
static size_t next_special(const struct lexer *lexer, char quote)
{
    const char *text = lexer->text;
    size_t at = lexer->at, size = lexer->size;
    while (at < size && text[at] != quote && text[at] != '\\' && text[at] != '\n' &&
           text[at] != '\r')
        at++;
    return at;
}

/* Behind a backslash: skips what it escapes. */
static void skip_escape(struct lexer *lexer)
{
    char c = lexer->text[lexer->at++];
    if (c == 'z')
        while (lexer->at < lexer->size && is_space(lexer->text[lexer->at]))
            lexer->at++;
    else if ((c == '\r' && peek(lexer, 0) == '\n') || (c == '\n' && peek(lexer, 0) == '\r'))
        lexer->at++;
}

static int lex_string(struct lexer *lexer)
{
    char quote = lexer->text[lexer->at++];
    while ((lexer->at = next_special(lexer, quote)) < lexer->size) {
        char c = lexer->text[lexer->at];
        if (c == '\n' || c == '\r')
            return TOKEN_BAD;
        lexer->at++;
        if (c == quote)
            return TOKEN_STRING;
        if (lexer->at < lexer->size)
            skip_escape(lexer);
    }
    return TOKEN_BAD;
}

static int lex_symbol(struct lexer *lexer)
{
    static const char *const PAIRS[] = {"==", "~=", "<=", ">=", "//", "<<", ">>", ".."};
    char c = peek(lexer, 0), second = peek(lexer, 1);
    if (c == '.' && second == '.' && peek(lexer, 2) == '.') {
        lexer->at += 3;
        return TOKEN_DOTS;
    }
    if (c == ':' && second == ':') {
        lexer->at += 2;
        return TOKEN_LABEL;
    }
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++)
        if (c == PAIRS[i][0] && second == PAIRS[i][1]) {
            lexer->at += 2;
            return TOKEN_OPERATOR;
        }
    lexer->at++;
    return c != '\0' && strchr("+-*/%^#&~|<>=(){}[];:,.", c) ? (unsigned char)c : TOKEN_BAD;
}

static int lex(struct lexer *lexer)
{
    char c = peek(lexer, 0);
    if (lexer_is_name(c, 1))
        return lex_name(lexer);
    if (is_digit(c) || (c == '.' && is_digit(peek(lexer, 1))))
        return lex_number(lexer);
    if (c == '"' || c == '\'')
        return lex_string(lexer);
    if (c == '[') {
        int level = long_level(lexer);
        if (level >= 0)
            return skip_long(lexer, level) < 0 ? TOKEN_BAD : TOKEN_STRING;
    }
    return lex_symbol(lexer);
}

struct token lexer_next(struct lexer *lexer)
{
    struct token token = {TOKEN_BAD, lexer->at, lexer->size};
    if (skip_space(lexer) < 0)
        return token;
    token.start = token.end = lexer->at;
    if (lexer->at == lexer->size) {
        token.kind = TOKEN_END;
        return token;
    }
    token.kind = lex(lexer);
    token.end = lexer->at;
    return token;
}

struct token *lexer_all(struct lexer *lexer, size_t *ret_count)
{
    size_t count = 0, room = 64;
    struct token *tokens = malloc(room * sizeof *tokens);
    while (tokens) {
        if (count == room) {
            struct token *grown = realloc(tokens, 2 * room * sizeof *tokens);
            if (!grown) {
                free(tokens);
                return NULL;
            }
            tokens = grown;
            room *= 2;
        }
        tokens[count] = lexer_next(lexer);
        if (tokens[count++].kind == TOKEN_END)
            break;
    }
    *ret_count = count;
    return tokens;
}
