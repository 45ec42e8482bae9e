/* SPDX-License-Identifier: Apache-2.0
 * Finds the call around the cursor by going back over its tokens (see call.h). */
#include "call.h"

#include <string.h>

struct walk {
    const struct scope *scope;
    struct call *call;
    int brackets;      /* closed ones that are not yet opened */
    int blocks;        /* the same of "end" and "until" */
    size_t commas;     /* on this level */
    struct token link; /* how the table that was left stands in the one around it; kind 0: not */
};

static int kind_at(const struct scope *scope, size_t i)
{
    return i < scope->count ? scope->tokens[i].kind : TOKEN_END;
}

static int can_be_called(int kind)
{
    return kind == TOKEN_NAME || kind == ')' || kind == ']';
}

/* function name(…: parameters, no arguments */
static int is_definition(const struct scope *scope, size_t callee)
{
    while (callee > 0 && (kind_at(scope, callee) == TOKEN_NAME || kind_at(scope, callee) == '.' ||
                          kind_at(scope, callee) == ':'))
        callee--;
    return kind_at(scope, callee) == TOKEN_FUNCTION;
}

static int is_statement(int kind)
{
    return lexer_keyword(kind) && kind != TOKEN_AND && kind != TOKEN_OR && kind != TOKEN_NOT &&
           kind != TOKEN_NIL && kind != TOKEN_TRUE && kind != TOKEN_FALSE;
}

static int found(struct walk *w, size_t open)
{
    w->call->open = open;
    w->call->callee = open - 1;
    w->call->argument = w->commas;
    return is_definition(w->scope, open - 1) ? -1 : 1;
}

/* At a table constructor that is open at the cursor. */
static int enter_table(struct walk *w, size_t i)
{
    struct call *call = w->call;
    int before = i > 0 ? kind_at(w->scope, i - 1) : TOKEN_END;
    if (call->table != CALL_NONE) {
        if (w->link.kind == 0 || call->depth == CALL_PATH)
            return -1;
        call->path[call->depth++] = w->link;
    }
    call->table = i;
    w->commas = 0;
    if (can_be_called(before))
        return found(w, i);
    if (before == '=' && i >= 2 && kind_at(w->scope, i - 2) == TOKEN_NAME)
        w->link = w->scope->tokens[i - 2];
    else if (before == '{' || before == ',' || before == ';' || before == '(')
        w->link = w->scope->tokens[i];
    else
        w->link.kind = 0;
    return 0;
}

static int enter_parenthesis(struct walk *w, size_t i)
{
    if (w->call->table != CALL_NONE && w->link.kind != '{')
        w->call->table = CALL_NONE; /* f(x = {… is no Lua */
    if (i > 0 && can_be_called(kind_at(w->scope, i - 1)))
        return found(w, i);
    w->call->table = CALL_NONE;
    w->call->depth = 0;
    w->commas = 0;
    return 0;
}

/* 1: found, -1: there is no call, 0: go on. */
static int step(struct walk *w, size_t i)
{
    int kind = kind_at(w->scope, i);
    int opens = kind == '(' || kind == '{' || kind == '[';
    if (kind == ')' || kind == '}' || kind == ']') {
        w->brackets++;
    } else if (w->brackets > 0) {
        w->brackets -= opens;
    } else if (kind == TOKEN_END_BLOCK || kind == TOKEN_UNTIL) {
        w->blocks++;
    } else if (w->blocks > 0) {
        w->blocks -=
            kind == TOKEN_FUNCTION || kind == TOKEN_IF || kind == TOKEN_DO || kind == TOKEN_REPEAT;
    } else if (is_statement(kind)) {
        return -1;
    } else if (kind == ',' || kind == ';') {
        w->commas++;
    } else if (opens) {
        if (w->call->inner == CALL_NONE)
            w->call->inner = i;
        if (kind != '[')
            return kind == '{' ? enter_table(w, i) : enter_parenthesis(w, i);
        w->commas = 0;
        w->link.kind = 0;
    }
    return 0;
}

int call_find(const struct scope *scope, size_t end, struct call *ret_call)
{
    memset(ret_call, 0, sizeof *ret_call);
    ret_call->table = ret_call->inner = CALL_NONE;
    struct walk w = {.scope = scope, .call = ret_call};
    int outcome = 0;
    for (size_t i = end; i > 0 && outcome == 0; i--)
        outcome = step(&w, i - 1);
    return outcome > 0;
}

size_t call_argument(const struct scope *scope, const struct call *call, size_t argument,
                     size_t end)
{
    int depth = 0;
    size_t commas = 0;
    for (size_t i = call->open + 1; i < end; i++) {
        int kind = kind_at(scope, i);
        if (depth == 0 && commas == argument && kind != ',')
            return i;
        depth += kind == '(' || kind == '{' || kind == '[';
        depth -= kind == ')' || kind == '}' || kind == ']';
        commas += depth == 0 && kind == ',';
    }
    return CALL_NONE;
}
