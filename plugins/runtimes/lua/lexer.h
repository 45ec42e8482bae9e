/* SPDX-License-Identifier: Apache-2.0
 * Lua tokens with their byte offsets: for finding the last expression of a cell (chunk.c), the
 * name at the cursor (scope.c) and open blocks (inspect.c). Compiling is the real compiler's work.
 */
#ifndef LUA_RUNTIME_LEXER_H
#define LUA_RUNTIME_LEXER_H

#include <stddef.h>

/* A token of one character is that character. */
enum token_kind {
    TOKEN_END = 256, /* end of the text */
    TOKEN_BAD,       /* a character that starts nothing, or a string or comment without an end */
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_OPERATOR, /* a binary operator of two characters */
    TOKEN_DOTS,     /* ... */
    TOKEN_LABEL,    /* :: */
    TOKEN_AND,      /* the keywords, in the order of the table in lexer.c */
    TOKEN_BREAK,
    TOKEN_DO,
    TOKEN_ELSE,
    TOKEN_ELSEIF,
    TOKEN_END_BLOCK,
    TOKEN_FALSE,
    TOKEN_FOR,
    TOKEN_FUNCTION,
    TOKEN_GOTO,
    TOKEN_IF,
    TOKEN_IN,
    TOKEN_LOCAL,
    TOKEN_NIL,
    TOKEN_NOT,
    TOKEN_OR,
    TOKEN_REPEAT,
    TOKEN_RETURN,
    TOKEN_THEN,
    TOKEN_TRUE,
    TOKEN_UNTIL,
    TOKEN_WHILE
};

struct token {
    int kind;
    size_t start, end;
};

/* Long runs of spaces and comments, in order: what stands there need not be compiled. */
#define LEXER_GAPS 64

struct lexer_gaps {
    size_t count;
    struct lexer_gap {
        size_t start, end, lines; /* lines: newlines in it */
    } gaps[LEXER_GAPS];
};

struct lexer {
    const char *text;
    size_t size, at;
    int in_comment;          /* the text ends inside a comment */
    struct lexer_gaps *gaps; /* where to note them; NULL: nowhere */
};

struct token lexer_next(struct lexer *lexer);
const char *lexer_keyword(int kind); /* its text; NULL if kind is no keyword */
int lexer_is_name(char c, int first);
/* All tokens of a text (the last has TOKEN_END); malloc'ed; NULL: out of memory. */
struct token *lexer_all(struct lexer *lexer, size_t *ret_count);

#endif
