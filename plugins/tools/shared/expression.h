/* SPDX-License-Identifier: Apache-2.0
 * Expressions as the calculator reads them: expression_lexer.c and expression_parse.c make a
 * program for a stack machine, expression_double.c runs it with doubles. No recursion. Compiled
 * into each tool that uses it. */
#ifndef TOOLS_SHARED_EXPRESSION_H
#define TOOLS_SHARED_EXPRESSION_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "expression_functions.h"

#define NESTING_MAX 100 /* open parentheses */
#define NODES_MAX 10000 /* numbers, names, operators and calls */

/* ---- expression_lexer.c ---- */

enum op {
    OP_NUMBER,   /* push literal [arg] */
    OP_VARIABLE, /* push variable [arg] */
    OP_CONSTANT, /* push constant [arg] */
    OP_CALL,     /* apply function [arg] to the argc topmost values */
    OP_NEGATE,   /* unary - */
    OP_NOT,      /* unary ! */
    OP_POWER,    /* from here to OP_OR: binary operators */
    OP_MULTIPLY,
    OP_DIVIDE,
    OP_REMAINDER,
    OP_ADD,
    OP_SUBTRACT,
    OP_EQUAL,
    OP_NOT_EQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_AND,         /* if the top is 0 leave 0 and jump to arg, else pop it */
    OP_OR,          /* if the top is not 0 leave 1 and jump to arg, else pop it */
    OP_TRUTH,       /* 1 if the top is not 0, else 0 */
    OP_JUMP,        /* jump to arg */
    OP_JUMP_UNLESS, /* pop; jump to arg if it was 0 */
    OP_NONE
};

enum token_kind {
    TOKEN_END,
    TOKEN_NUMBER,
    TOKEN_NAME,
    TOKEN_OPERATOR,
    TOKEN_LEFT,
    TOKEN_RIGHT,
    TOKEN_COMMA,
    TOKEN_QUESTION,
    TOKEN_COLON,
    TOKEN_BAD
};

struct token {
    enum token_kind kind;
    enum op op;    /* of a TOKEN_OPERATOR: the binary one, or OP_NOT for ! */
    uint8_t base;  /* of a TOKEN_NUMBER: 2, 10 or 16 */
    bool integer;  /* of a TOKEN_NUMBER: neither point nor exponent */
    size_t start;  /* byte offset; up to a TOKEN_BAD it is the code point offset, all is ASCII */
    size_t length; /* in bytes; 0 at the end */
};

/* An operator as `functions` lists it and the parser needs it. */
struct operator_info {
    const char *symbol;
    uint8_t precedence; /* 1 weakest */
    bool right;         /* associates to the right */
    enum op op;         /* OP_NONE for the symbols that only the listing names */
};

extern const struct operator_info operators[]; /* weakest first, ends with symbol NULL */

/* The token at or after offset. TOKEN_BAD: not a token there. */
struct token lexer_next(const char *text, size_t length, size_t offset);

/* The number of bytes of the decimal number (12, 1.5e-3, .5) that text begins with, or 0. */
size_t lexer_decimal(const char *text, size_t length, bool *ret_integer);

bool lexer_is_name(const char *text, size_t length);

/* A decimal number as digits × 10^exponent. text has no sign. */
struct decimal {
    char *text;       /* "123e-5": what strtod and mpfr_strtofr read the same in every locale */
    size_t digits;    /* how many digits text begins with; at least one */
    int64_t exponent; /* clamped far outside of every range */
};

/* 0 or LLMSPELL_ENOMEM; the caller frees ret->text. */
int32_t decimal_split(const char *text, size_t length, struct decimal *ret);

/* ---- expression_parse.c ---- */

struct literal {
    size_t start, length; /* in the expression */
    uint8_t base;
    bool integer;
};

struct instruction {
    uint8_t op; /* enum op */
    uint8_t argc;
    uint32_t arg;
};

struct variable {
    const char *name;
    const json_t *value; /* borrowed */
};

struct program {
    const char *text; /* borrowed */
    struct instruction *code;
    size_t count;
    struct literal *literals; /* numbers; with free names also those names */
    size_t literal_count;
    size_t pushes; /* values that code pushes at most */
    size_t nodes;
    bool used[FUNCTION_COUNT];
};

struct parse_error {
    int32_t code;  /* LLMSPELL_EPARSE, LLMSPELL_ELIMIT or LLMSPELL_ENOMEM */
    size_t offset; /* in code points */
    char message[200];
};

/* What names mean while parsing. */
struct scope {
    const struct variable *variables;
    size_t count;
    bool free; /* any other name is a variable too: OP_VARIABLE's arg is the index of a literal */
    const char *variable_cure, *function_cure; /* ends the messages about unknown names; or NULL */
};

/* 0, or a negative code with *ret_error filled. The caller calls program_clear in every case. */
int32_t program_parse(struct program *program, const char *text, size_t length,
                      const struct scope *scope, struct parse_error *ret_error);
void program_clear(struct program *program);

/* ---- expression_names.c ---- */

/* The index of a function or constant, or -1. */
int function_find(const char *name, size_t length);
int constant_find(const char *name, size_t length);

const char *function_name(int function);
unsigned function_min(int function);
unsigned function_max(int function);
double constant_value(int constant);

/* {functions, constants, operators}; NULL when out of memory. */
json_t *functions_list(void);

/* A double as JSON: integer, real, or the string of a special value. */
json_t *double_json(double value);

/* ---- expression_double.c, and the exact evaluator of the calculator ---- */

struct evaluation {
    struct llmspell_call *call;
    const struct program *program;
    const struct variable *variables;
    size_t variable_count;
    bool degrees;
    int precision; /* significant digits */
};

/* *ret_result: a new reference; *ret_type: static. 0 or a negative code with the error set. */
int32_t evaluate_double(const struct evaluation *evaluation, json_t **ret_result,
                        const char **ret_type);

/* The implementations for doubles. n is within the table's bounds. */
typedef double (*double_fn)(const double *args, unsigned n, bool degrees);
extern const double_fn double_functions[FUNCTION_COUNT]; /* NULL for if */

/* The shortest digits that read back as value (finite, not 0): 0.DIGITS × 10^*ret_exponent. */
void shortest_digits(double value, char ret_digits[32], long *ret_exponent);

#endif
