/* SPDX-License-Identifier: Apache-2.0
 * The operator-precedence parser: tokens to a program in postfix order with jumps for ?:, if(),
 * && and ||. It keeps its own stack, so that no input can exhaust that of the thread.
 * Called by the calculator and by csv_analyzer. */
#include "expression.h"

enum entry_kind {
    ENTRY_OPERATOR,
    ENTRY_COLON,    /* c ? a : … */
    ENTRY_QUESTION, /* c ? … ; like an open parenthesis until its colon */
    ENTRY_GROUP,
    ENTRY_CALL
};

struct entry {
    uint8_t kind;
    uint8_t op;         /* of an operator */
    uint8_t precedence; /* 0 for what only its own closing token ends */
    bool constant;      /* the call of a constant: pi() */
    int32_t function;   /* function or constant of a call */
    uint32_t commas;    /* in a call so far */
    size_t start;       /* of its token */
    size_t patch;       /* the jump whose target comes later */
};

struct parser {
    struct program *program;
    const struct scope *scope;
    struct parse_error *error;
    const char *text;
    size_t length;
    size_t at; /* end of the last token */
    struct entry *stack;
    size_t depth;
    size_t open;         /* parentheses */
    bool expect_operand; /* else an operator */
};

#define PRECEDENCE_CONDITIONAL 1

__attribute__((format(printf, 4, 5))) static int32_t fail(struct parser *parser, int32_t code,
                                                          size_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(parser->error->message, sizeof parser->error->message, format, args);
    va_end(args);
    parser->error->code = code;
    parser->error->offset = offset;
    return code;
}

/* The text of a token for a message: "the end", 'x', or U+0007 for what cannot be shown. */
static const char *describe(const struct parser *parser, const struct token *token, char ret[64])
{
    const char *text = parser->text + token->start;
    size_t length = token->length;
    if (token->kind == TOKEN_END) {
        snprintf(ret, 64, "the end");
        return ret;
    }
    if (token->kind == TOKEN_BAD) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f) {
            snprintf(ret, 64, "U+%04X", c);
            return ret;
        }
        while (token->start + length < parser->length &&
               ((unsigned char)text[length] & 0xc0) == 0x80)
            length++;
    }
    bool cut = length > 40;
    snprintf(ret, 64, "'%.*s%s'", cut ? 40 : (int)length, text, cut ? "…" : "");
    return ret;
}

static int32_t fail_unexpected(struct parser *parser, const struct token *token, const char *wanted)
{
    char found[64];
    describe(parser, token, found);
    if (token->kind == TOKEN_BAD && *(parser->text + token->start) == '=')
        return fail(parser, LLMSPELL_EPARSE, token->start,
                    "there is no assignment: '=' is not an operator, '==' compares");
    return fail(parser, LLMSPELL_EPARSE, token->start, "expected %s, found %s", wanted, found);
}

static size_t emit(struct parser *parser, enum op op, size_t arg, unsigned argc)
{
    struct program *program = parser->program;
    program->code[program->count] =
        (struct instruction){.op = (uint8_t)op, .argc = (uint8_t)argc, .arg = (uint32_t)arg};
    return program->count++;
}

static void patch(struct parser *parser, size_t jump)
{
    parser->program->code[jump].arg = (uint32_t)parser->program->count;
}

static int32_t count_node(struct parser *parser, size_t offset)
{
    if (++parser->program->nodes > NODES_MAX)
        return fail(parser, LLMSPELL_ELIMIT, offset,
                    "the expression has more than %d numbers, names, operators and calls",
                    NODES_MAX);
    return 0;
}

static void push(struct parser *parser, struct entry entry)
{
    parser->stack[parser->depth++] = entry;
}

static struct entry *top(struct parser *parser)
{
    return parser->depth ? &parser->stack[parser->depth - 1] : NULL;
}

static void finish_entry(struct parser *parser, const struct entry *entry)
{
    if (entry->kind == ENTRY_COLON) {
        patch(parser, entry->patch);
    } else if (entry->op == OP_AND || entry->op == OP_OR) {
        emit(parser, OP_TRUTH, 0, 1);
        patch(parser, entry->patch);
    } else {
        emit(parser, entry->op, 0, 0);
    }
}

/* Ends the operators that bind more tightly than least, or as tightly unless keep_equal. */
static void reduce(struct parser *parser, uint8_t least, bool keep_equal)
{
    for (struct entry *entry = top(parser); entry; entry = top(parser)) {
        if (entry->precedence < least || (keep_equal && entry->precedence == least))
            return;
        finish_entry(parser, entry);
        parser->depth--;
    }
}

/* ---- where a value must come ---- */

static int32_t add_literal(struct parser *parser, const struct token *token, enum op op)
{
    struct program *program = parser->program;
    program->literals[program->literal_count] = (struct literal){.start = token->start,
                                                                 .length = token->length,
                                                                 .base = token->base,
                                                                 .integer = token->integer};
    emit(parser, op, program->literal_count++, 0);
    program->pushes++;
    parser->expect_operand = false;
    return 0;
}

static int32_t parse_number(struct parser *parser, const struct token *token)
{
    struct token next = lexer_next(parser->text, parser->length, parser->at);
    bool more = next.kind == TOKEN_NAME || next.kind == TOKEN_NUMBER ||
                (next.kind == TOKEN_BAD && parser->text[next.start] == '.');
    if (next.start == parser->at && more) {
        char number[64], rest[64];
        return fail(parser, LLMSPELL_EPARSE, next.start,
                    "expected an operator after the number %s, found %s (multiplication needs *)",
                    describe(parser, token, number), describe(parser, &next, rest));
    }
    return add_literal(parser, token, OP_NUMBER);
}

static int32_t open_parenthesis(struct parser *parser, struct entry entry)
{
    if (++parser->open > NESTING_MAX)
        return fail(parser, LLMSPELL_ELIMIT, entry.start,
                    "parentheses are nested more than %d deep", NESTING_MAX);
    push(parser, entry);
    parser->expect_operand = true;
    return 0;
}

static const char *cure(const char *text)
{
    return text ? text : "";
}

/* True if the name is a variable that is given, which wins over constants and functions. */
static bool take_variable(struct parser *parser, const struct token *token)
{
    const struct scope *scope = parser->scope;
    const char *name = parser->text + token->start;
    for (size_t i = 0; i < scope->count; i++) {
        if (strncmp(scope->variables[i].name, name, token->length) != 0 ||
            scope->variables[i].name[token->length] != '\0')
            continue;
        emit(parser, OP_VARIABLE, i, 0);
        parser->program->pushes++;
        parser->expect_operand = false;
        return true;
    }
    return false;
}

/* A name that is neither a given variable nor a constant. */
static int32_t parse_variable(struct parser *parser, const struct token *token)
{
    const struct scope *scope = parser->scope;
    const char *name = parser->text + token->start;
    char shown[64];
    if (function_find(name, token->length) >= 0)
        return fail(parser, LLMSPELL_EPARSE, token->start,
                    "%s is a function: its arguments in parentheses are missing",
                    describe(parser, token, shown));
    if (scope->free)
        return add_literal(parser, token, OP_VARIABLE);
    return fail(parser, LLMSPELL_EPARSE, token->start, "unknown variable %s%s",
                describe(parser, token, shown), cure(scope->variable_cure));
}

/* The name was given argc arguments: is that right? */
static int32_t check_arguments(struct parser *parser, const struct entry *call, unsigned argc)
{
    unsigned least = call->constant ? 0 : function_min(call->function);
    unsigned most = call->constant ? 0 : function_max(call->function);
    if (argc >= least && argc <= most)
        return 0;
    struct token name = lexer_next(parser->text, parser->length, call->start);
    char shown[64], wanted[32];
    if (least == most)
        snprintf(wanted, sizeof wanted, "%u", least);
    else
        snprintf(wanted, sizeof wanted, "%u to %u", least, most);
    return fail(parser, LLMSPELL_EPARSE, call->start, "%s takes %s argument%s, %u given",
                describe(parser, &name, shown), wanted, most == 1 ? "" : "s", argc);
}

static int32_t finish_call(struct parser *parser, const struct entry *call, unsigned argc)
{
    int32_t rc = check_arguments(parser, call, argc);
    if (rc < 0)
        return rc;
    parser->expect_operand = false;
    if (call->constant) {
        emit(parser, OP_CONSTANT, (size_t)call->function, 0);
        parser->program->pushes++;
        return 0;
    }
    parser->program->used[call->function] = true;
    if (call->function == FUNCTION_if)
        patch(parser, call->patch);
    else
        emit(parser, OP_CALL, (size_t)call->function, argc);
    return 0;
}

/* A name with its opening parenthesis. */
static int32_t parse_call(struct parser *parser, const struct token *token,
                          const struct token *parenthesis)
{
    const char *name = parser->text + token->start;
    int constant = constant_find(name, token->length);
    int function = function_find(name, token->length);
    char shown[64];
    if (function < 0 && constant < 0)
        return fail(parser, LLMSPELL_EPARSE, token->start, "unknown function %s%s",
                    describe(parser, token, shown), cure(parser->scope->function_cure));
    struct entry call = {.kind = ENTRY_CALL,
                         .function = constant < 0 ? function : constant,
                         .constant = constant >= 0,
                         .start = token->start};
    parser->at = parenthesis->start + parenthesis->length;
    struct token next = lexer_next(parser->text, parser->length, parser->at);
    if (next.kind != TOKEN_RIGHT)
        return open_parenthesis(parser, call);
    parser->at = next.start + next.length;
    return finish_call(parser, &call, 0);
}

static int32_t parse_name(struct parser *parser, const struct token *token)
{
    struct token next = lexer_next(parser->text, parser->length, parser->at);
    if (next.kind == TOKEN_LEFT)
        return parse_call(parser, token, &next);
    if (take_variable(parser, token))
        return 0;
    int constant = constant_find(parser->text + token->start, token->length);
    if (constant < 0)
        return parse_variable(parser, token);
    emit(parser, OP_CONSTANT, (size_t)constant, 0);
    parser->program->pushes++;
    parser->expect_operand = false;
    return 0;
}

static int32_t parse_prefix(struct parser *parser, const struct token *token)
{
    if (token->op == OP_ADD) /* +x is x */
        return 0;
    if (token->op != OP_SUBTRACT && token->op != OP_NOT)
        return fail_unexpected(parser, token, "a value");
    push(parser, (struct entry){.kind = ENTRY_OPERATOR,
                                .op = token->op == OP_NOT ? OP_NOT : OP_NEGATE,
                                .precedence = 7,
                                .start = token->start});
    return 0;
}

static int32_t parse_operand(struct parser *parser, const struct token *token)
{
    switch (token->kind) {
    case TOKEN_NUMBER:
        return parse_number(parser, token);
    case TOKEN_NAME:
        return parse_name(parser, token);
    case TOKEN_OPERATOR:
        return parse_prefix(parser, token);
    case TOKEN_LEFT:
        return open_parenthesis(parser, (struct entry){.kind = ENTRY_GROUP, .start = token->start});
    default:
        return fail_unexpected(parser, token, "a value");
    }
}

/* ---- where a value may end ---- */

static int32_t parse_binary(struct parser *parser, const struct token *token)
{
    const struct operator_info *info = operators;
    while (info->symbol && info->op != token->op)
        info++;
    if (!info->symbol || token->op == OP_NOT)
        return fail_unexpected(parser, token, "an operator");
    reduce(parser, info->precedence, info->right);
    struct entry entry = {.kind = ENTRY_OPERATOR,
                          .op = (uint8_t)token->op,
                          .precedence = info->precedence,
                          .start = token->start};
    if (token->op == OP_AND || token->op == OP_OR)
        entry.patch = emit(parser, token->op, 0, 0);
    push(parser, entry);
    parser->expect_operand = true;
    return 0;
}

static int32_t parse_question(struct parser *parser, const struct token *token)
{
    reduce(parser, PRECEDENCE_CONDITIONAL, true);
    push(parser, (struct entry){.kind = ENTRY_QUESTION,
                                .start = token->start,
                                .patch = emit(parser, OP_JUMP_UNLESS, 0, 0)});
    parser->expect_operand = true;
    return 0;
}

static int32_t parse_colon(struct parser *parser, const struct token *token)
{
    reduce(parser, PRECEDENCE_CONDITIONAL, false);
    struct entry *entry = top(parser);
    if (!entry || entry->kind != ENTRY_QUESTION)
        return fail(parser, LLMSPELL_EPARSE, token->start, "':' without a '?' before it");
    size_t unless = entry->patch;
    entry->patch = emit(parser, OP_JUMP, 0, 0);
    patch(parser, unless);
    entry->kind = ENTRY_COLON;
    entry->precedence = PRECEDENCE_CONDITIONAL;
    parser->expect_operand = true;
    return 0;
}

static int32_t fail_without_colon(struct parser *parser, const struct token *token)
{
    return fail_unexpected(parser, token, "':' for the '?' before");
}

static int32_t parse_comma(struct parser *parser, const struct token *token)
{
    reduce(parser, PRECEDENCE_CONDITIONAL, false);
    struct entry *entry = top(parser);
    if (entry && entry->kind == ENTRY_QUESTION)
        return fail_without_colon(parser, token);
    if (!entry || entry->kind != ENTRY_CALL)
        return fail(parser, LLMSPELL_EPARSE, token->start,
                    "',' stands only between the arguments of a function");
    entry->commas++;
    if (!entry->constant && entry->function == FUNCTION_if) {
        if (entry->commas == 1) {
            entry->patch = emit(parser, OP_JUMP_UNLESS, 0, 0);
        } else if (entry->commas == 2) {
            size_t unless = entry->patch;
            entry->patch = emit(parser, OP_JUMP, 0, 0);
            patch(parser, unless);
        }
    }
    parser->expect_operand = true;
    return 0;
}

static int32_t parse_right(struct parser *parser, const struct token *token)
{
    reduce(parser, PRECEDENCE_CONDITIONAL, false);
    struct entry *entry = top(parser);
    if (!entry)
        return fail(parser, LLMSPELL_EPARSE, token->start, "')' without a '(' before it");
    if (entry->kind == ENTRY_QUESTION)
        return fail_without_colon(parser, token);
    parser->depth--;
    parser->open--;
    return entry->kind == ENTRY_CALL ? finish_call(parser, entry, entry->commas + 1) : 0;
}

static int32_t parse_end(struct parser *parser, const struct token *token)
{
    reduce(parser, PRECEDENCE_CONDITIONAL, false);
    struct entry *entry = top(parser);
    if (!entry)
        return 0;
    if (entry->kind == ENTRY_QUESTION)
        return fail_without_colon(parser, token);
    return fail(parser, LLMSPELL_EPARSE, token->start, "expected ')' for the '(' %s offset %zu",
                entry->kind == ENTRY_CALL ? "after the name at" : "at", entry->start);
}

static int32_t parse_operator(struct parser *parser, const struct token *token)
{
    switch (token->kind) {
    case TOKEN_OPERATOR:
        return parse_binary(parser, token);
    case TOKEN_QUESTION:
        return parse_question(parser, token);
    case TOKEN_COLON:
        return parse_colon(parser, token);
    case TOKEN_COMMA:
        return parse_comma(parser, token);
    case TOKEN_RIGHT:
        return parse_right(parser, token);
    case TOKEN_END:
        return parse_end(parser, token);
    default:
        return fail_unexpected(parser, token, "an operator");
    }
}

static int32_t parse_tokens(struct parser *parser)
{
    for (;;) {
        struct token token = lexer_next(parser->text, parser->length, parser->at);
        parser->at = token.start + token.length;
        int32_t rc = 0;
        if (token.kind == TOKEN_NUMBER || token.kind == TOKEN_NAME ||
            token.kind == TOKEN_OPERATOR || token.kind == TOKEN_QUESTION)
            rc = count_node(parser, token.start);
        if (rc == 0)
            rc = parser->expect_operand ? parse_operand(parser, &token)
                                        : parse_operator(parser, &token);
        if (rc < 0 || token.kind == TOKEN_END)
            return rc;
    }
}

void program_clear(struct program *program)
{
    free(program->code);
    free(program->literals);
    *program = (struct program){0};
}

int32_t program_parse(struct program *program, const char *text, size_t length,
                      const struct scope *scope, struct parse_error *ret_error)
{
    /* No token makes more than two instructions, one literal or one entry. */
    *program = (struct program){.text = text,
                                .code = calloc(2 * length + 2, sizeof *program->code),
                                .literals = calloc(length + 1, sizeof *program->literals)};
    LLMSPELL_CLEANUP_FREE struct entry *stack = calloc(length + 1, sizeof *stack);
    struct parser parser = {.program = program,
                            .scope = scope,
                            .error = ret_error,
                            .text = text,
                            .length = length,
                            .stack = stack,
                            .expect_operand = true};
    if (!program->code || !program->literals || !stack)
        return fail(&parser, LLMSPELL_ENOMEM, 0, "out of memory");
    return parse_tokens(&parser);
}
