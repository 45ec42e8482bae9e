/* SPDX-License-Identifier: Apache-2.0
 * Names declared before the cursor (see locals.h). The code is half written as a rule: what does
 * not parse is passed over. */
#include "locals.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct locals *locals;
    const char *text;
    const struct token *tokens;
    size_t count, at;
    int depth;  /* of blocks */
    int braces; /* of table constructors and parentheses */
};

static int kind_at(const struct reader *r, size_t i)
{
    return i < r->count ? r->tokens[i].kind : TOKEN_END;
}

static struct local *push(struct reader *r, struct local_list *list, struct local local)
{
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 32;
        struct local *grown = realloc(list->items, room * sizeof *grown);
        if (!grown) {
            r->locals->failed = 1;
            return NULL;
        }
        list->items = grown;
        list->room = room;
    }
    list->items[list->count] = local;
    return &list->items[list->count++];
}

static struct local make(const struct reader *r, size_t i, enum local_kind kind, int depth)
{
    struct token token = r->tokens[i];
    return (struct local){r->text + token.start, token.end - token.start, i, kind, depth, 1, 0};
}

/* Forgets the locals of the blocks deeper than depth. */
static void leave(struct reader *r, int depth)
{
    struct local_list *list = &r->locals->scoped;
    while (list->count > 0 && list->items[list->count - 1].depth > depth)
        list->count--;
}

/* From an opening bracket to the one that closes it; count if there is none. */
static size_t skip_brackets(const struct reader *r, size_t i)
{
    int depth = 0;
    for (; i < r->count; i++) {
        int kind = kind_at(r, i);
        depth += kind == '(' || kind == '[' || kind == '{';
        depth -= kind == ')' || kind == ']' || kind == '}';
        if (depth == 0)
            return i;
    }
    return i;
}

/* The last token of a name with its fields, indexes and calls, or of a string; 0 if token first
 * begins neither. */
static size_t chain_end(const struct reader *r, size_t first)
{
    size_t i = first;
    if (kind_at(r, i) == TOKEN_STRING)
        return i;
    if (kind_at(r, i) != TOKEN_NAME)
        return 0;
    for (;;) {
        int next = kind_at(r, i + 1);
        if ((next == '.' || next == ':') && kind_at(r, i + 2) == TOKEN_NAME)
            i += 2;
        else if (next == TOKEN_STRING)
            i++;
        else if (next == '(' || next == '[' || next == '{')
            i = skip_brackets(r, i + 1);
        else
            return i < r->count ? i : 0;
        if (i >= r->count)
            return 0;
    }
}

/* At the first name behind "local": names with attributes, and the value of a single one. */
static void read_local(struct reader *r)
{
    struct local *only = NULL;
    size_t names = 0;
    for (;; r->at++) {
        int kind = kind_at(r, r->at);
        if (kind == '<')
            r->at += 2; /* <const> */
        else if (kind == TOKEN_NAME) {
            only = push(r, &r->locals->scoped, make(r, r->at, LOCAL_VARIABLE, r->depth));
            names++;
        } else if (kind != ',')
            break;
    }
    size_t last = kind_at(r, r->at) == '=' ? chain_end(r, r->at + 1) : 0;
    int goes_on = last && (kind_at(r, last + 1) == ',' || kind_at(r, last + 1) == TOKEN_OPERATOR);
    if (only && names == 1 && last && !goes_on) {
        only->first = r->at + 1;
        only->last = last;
    }
}

/* At "function": its name, and its parameters, which belong to the block that it opens. */
static void read_function(struct reader *r)
{
    size_t start = r->at, name = r->at + 1;
    int is_local = start > 0 && kind_at(r, start - 1) == TOKEN_LOCAL, is_method = 0;
    if (kind_at(r, name) == TOKEN_NAME && (is_local || kind_at(r, name + 1) == '(')) {
        struct local_list *list = is_local ? &r->locals->scoped : &r->locals->globals;
        push(r, list, make(r, name, LOCAL_FUNCTION, r->depth));
    }
    r->depth++;
    for (r->at++;
         kind_at(r, r->at) == TOKEN_NAME || kind_at(r, r->at) == '.' || kind_at(r, r->at) == ':';
         r->at++)
        is_method |= kind_at(r, r->at) == ':';
    if (is_method)
        push(r, &r->locals->scoped,
             (struct local){"self", 4, start, LOCAL_PARAMETER, r->depth, 1, 0});
    if (kind_at(r, r->at) != '(')
        return;
    for (r->at++; kind_at(r, r->at) == TOKEN_NAME || kind_at(r, r->at) == ',' ||
                  kind_at(r, r->at) == TOKEN_DOTS;
         r->at++)
        if (kind_at(r, r->at) == TOKEN_NAME)
            push(r, &r->locals->scoped, make(r, r->at, LOCAL_PARAMETER, r->depth));
    r->at += kind_at(r, r->at) == ')';
}

static void read_loop(struct reader *r)
{
    for (r->at++; kind_at(r, r->at) == TOKEN_NAME || kind_at(r, r->at) == ','; r->at++)
        if (kind_at(r, r->at) == TOKEN_NAME)
            push(r, &r->locals->scoped, make(r, r->at, LOCAL_LOOP, r->depth + 1));
}

/* name = … outside of brackets is a global, unless a local has that name. */
static void read_name(struct reader *r)
{
    size_t i = r->at++;
    int before = i > 0 ? kind_at(r, i - 1) : TOKEN_END;
    if (r->braces > 0 || kind_at(r, i + 1) != '=' || before == '.' || before == ':')
        return;
    struct local local = make(r, i, LOCAL_VARIABLE, 0);
    if (!locals_find(&r->locals->scoped, local.name, local.size, i))
        push(r, &r->locals->globals, local);
}

static void read_token(struct reader *r)
{
    int kind = kind_at(r, r->at);
    switch (kind) {
    case TOKEN_FUNCTION:
        read_function(r);
        return;
    case TOKEN_FOR:
        read_loop(r);
        return;
    case TOKEN_NAME:
        read_name(r);
        return;
    case TOKEN_LOCAL:
        r->at++;
        if (kind_at(r, r->at) == TOKEN_NAME)
            read_local(r);
        return;
    case TOKEN_ELSE:
    case TOKEN_ELSEIF:
        leave(r, r->depth - 1);
        break;
    case TOKEN_END_BLOCK:
    case TOKEN_UNTIL:
        leave(r, --r->depth);
        break;
    default:
        r->depth += kind == TOKEN_IF || kind == TOKEN_DO || kind == TOKEN_REPEAT;
        r->braces += kind == '(' || kind == '{';
        r->braces -= kind == ')' || kind == '}';
    }
    r->at++;
}

void locals_read(struct locals *locals, const char *text, const struct token *tokens, size_t count)
{
    struct reader r = {.locals = locals, .text = text, .tokens = tokens, .count = count};
    while (r.at < count)
        read_token(&r);
}

void locals_clear(struct locals *locals)
{
    free(locals->scoped.items);
    free(locals->globals.items);
    memset(locals, 0, sizeof *locals);
}

const struct local *locals_find(const struct local_list *list, const char *name, size_t size,
                                size_t before)
{
    for (size_t i = list->count; i > 0; i--) {
        const struct local *local = &list->items[i - 1];
        if (local->at < before && local->size == size && memcmp(local->name, name, size) == 0)
            return local;
    }
    return NULL;
}
