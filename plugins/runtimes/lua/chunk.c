/* SPDX-License-Identifier: Apache-2.0
 * Compiles a cell so that the value of its last expression is returned. A walk over the statements
 * of the outermost level finds where the last one starts; "return" goes in there, on the same line,
 * so that line numbers hold. The local with <close> keeps Lua from making a tail call of it, which
 * would drop the cell's own frame from tracebacks. The walk also finds what is long and no code:
 * Lua's compiler reads it byte by byte, and gets its newlines instead. */
#include <string.h>

#include "lexer.h"
#include "state.h"

#define RETURN "local __cell <close> = nil return "

struct parser {
    struct lexer lexer;
    struct token token; /* the current one */
};

static void advance(struct parser *p)
{
    p->token = lexer_next(&p->lexer);
}

static int at(const struct parser *p, int kind)
{
    return p->token.kind == kind;
}

static int accept(struct parser *p, int kind)
{
    if (!at(p, kind))
        return 0;
    advance(p);
    return 1;
}

static int at_end(const struct parser *p)
{
    return at(p, TOKEN_END) || at(p, TOKEN_BAD);
}

static int is_opener(int kind)
{
    return kind == TOKEN_FUNCTION || kind == TOKEN_IF || kind == TOKEN_DO || kind == TOKEN_REPEAT;
}

static int is_closer(int kind)
{
    return kind == TOKEN_END_BLOCK || kind == TOKEN_UNTIL;
}

/* From function, if, do or repeat to behind the end or until that belongs to it. */
static void skip_block(struct parser *p)
{
    int depth = 0;
    do {
        depth += is_opener(p->token.kind) - is_closer(p->token.kind);
        advance(p);
    } while (depth > 0 && !at_end(p));
}

/* From a bracket to behind the one that closes it. */
static void skip_brackets(struct parser *p)
{
    int depth = 0;
    do {
        depth += at(p, '(') || at(p, '[') || at(p, '{');
        depth -= at(p, ')') || at(p, ']') || at(p, '}');
        advance(p);
    } while (depth > 0 && !at_end(p));
}

/* From while or for to the do of its own. */
static void skip_to_do(struct parser *p)
{
    int depth = 0;
    advance(p);
    while (!at_end(p) && !(depth == 0 && at(p, TOKEN_DO))) {
        depth += is_opener(p->token.kind) - is_closer(p->token.kind);
        advance(p);
    }
}

/* A name or a parenthesis with what follows it: fields, indexes, calls. */
static void skip_suffixed(struct parser *p)
{
    if (at(p, '('))
        skip_brackets(p);
    else
        advance(p);
    for (;;) {
        if (at(p, '.') || at(p, ':')) {
            advance(p);
            advance(p);
        } else if (at(p, '[') || at(p, '(') || at(p, '{')) {
            skip_brackets(p);
        } else if (!accept(p, TOKEN_STRING)) {
            return;
        }
    }
}

/* One operand; -1 if there is none. */
static int skip_operand(struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_NAME:
    case '(':
        skip_suffixed(p);
        return 0;
    case TOKEN_FUNCTION:
        skip_block(p);
        return 0;
    case '{':
        skip_brackets(p);
        return 0;
    case TOKEN_NIL:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_DOTS:
        advance(p);
        return 0;
    default:
        return -1;
    }
}

static int is_binary(int kind)
{
    return kind == TOKEN_OPERATOR || kind == TOKEN_AND || kind == TOKEN_OR ||
           (kind > 0 && kind < 128 && strchr("+-*/%^&~|<>", kind));
}

/* Expressions with commas between them; -1 if one is incomplete. */
static int skip_expressions(struct parser *p)
{
    for (;;) {
        while (at(p, '-') || at(p, '~') || at(p, '#') || at(p, TOKEN_NOT))
            advance(p);
        if (skip_operand(p) < 0)
            return -1;
        if (is_binary(p->token.kind) || at(p, ','))
            advance(p);
        else
            return 0;
    }
}

static void skip_local(struct parser *p)
{
    advance(p);
    if (at(p, TOKEN_FUNCTION)) {
        skip_block(p);
        return;
    }
    while (at(p, TOKEN_NAME) || at(p, ',') || at(p, '<') || at(p, '>'))
        advance(p);
    if (accept(p, '='))
        skip_expressions(p);
}

/* An assignment (0), or a call or another expression list, which has values (1). */
static int skip_expression_statement(struct parser *p)
{
    if (skip_expressions(p) < 0)
        return at(p, TOKEN_END); /* incomplete; is_complete_request wants to know */
    if (!accept(p, '='))
        return 1;
    skip_expressions(p);
    return 0;
}

static int is_function_statement(const struct parser *p)
{
    struct parser ahead = *p;
    advance(&ahead);
    return at(&ahead, TOKEN_NAME);
}

/* Skips one statement; 1 if it is an expression. */
static int skip_statement(struct parser *p)
{
    switch (p->token.kind) {
    case TOKEN_WHILE:
    case TOKEN_FOR:
        skip_to_do(p);
        skip_block(p);
        return 0;
    case TOKEN_IF:
    case TOKEN_DO:
        skip_block(p);
        return 0;
    case TOKEN_REPEAT:
        skip_block(p);
        skip_expressions(p);
        return 0;
    case TOKEN_FUNCTION:
        if (!is_function_statement(p))
            return skip_expression_statement(p);
        skip_block(p);
        return 0;
    case TOKEN_LOCAL:
        skip_local(p);
        return 0;
    case TOKEN_LABEL:
        advance(p);
        advance(p);
        advance(p);
        return 0;
    case TOKEN_GOTO:
        advance(p);
        advance(p);
        return 0;
    case TOKEN_RETURN:
        advance(p);
        skip_expressions(p);
        return 0;
    default:
        return skip_expression_statement(p);
    }
}

/* chunk_tail, which notes comments in gaps (or NULL) on its way. */
static int find_tail(struct code code, size_t *ret_start, struct lexer_gaps *gaps)
{
    struct parser p = {.lexer = {.text = code.text, .size = code.size, .gaps = gaps}};
    size_t start = 0;
    int is_expression = 0;
    advance(&p);
    while (!at_end(&p)) {
        if (accept(&p, ';'))
            continue;
        size_t before = start = p.token.start;
        is_expression = skip_statement(&p);
        if (p.token.start == before && !at_end(&p))
            advance(&p); /* break, or a stray token */
    }
    *ret_start = start;
    return is_expression && at(&p, TOKEN_END);
}

int chunk_tail(struct code code, size_t *ret_start)
{
    return find_tail(code, ret_start, NULL);
}

struct code chunk_trim(struct code code)
{
    if (code.size >= 3 && memcmp(code.text, "\xef\xbb\xbf", 3) == 0) {
        code.text += 3;
        code.size -= 3;
    }
    if (code.size > 1 && code.text[0] == '#' && code.text[1] == '!') {
        const char *newline = memchr(code.text, '\n', code.size);
        size_t first = newline ? (size_t)(newline - code.text) : code.size;
        code.text += first; /* the newline stays: line numbers hold */
        code.size -= first;
    }
    return code;
}

/* ---- compiling ---- */

/* What the compiler reads: code without its gaps, and with "return" put in. */
struct reading {
    struct code code;
    const struct lexer_gaps *gaps;
    size_t at, gap, lines; /* what comes next: offset, number of a gap, newlines of the last one */
    size_t insert;         /* where "return" goes; NOWHERE: it is in, or not wanted */
    int look;              /* for interrupts */
};

#define NOWHERE SIZE_MAX
#define EIGHT_LINES "\n\n\n\n\n\n\n\n"

/* A gap's newlines: line numbers hold. */
static const char *read_lines(struct reading *r, size_t *ret_size)
{
    static const char lines[] = EIGHT_LINES EIGHT_LINES EIGHT_LINES EIGHT_LINES;
    *ret_size = r->lines < sizeof lines - 1 ? r->lines : sizeof lines - 1;
    r->lines -= *ret_size;
    return lines;
}

static const char *read_text(struct reading *r, size_t end, size_t *ret_size)
{
    const char *text = r->code.text + r->at;
    if (r->insert != NOWHERE && end > r->insert)
        end = r->insert;
    *ret_size = end - r->at < RUNTIME_SLICE ? end - r->at : RUNTIME_SLICE;
    r->at += *ret_size;
    return *ret_size ? text : NULL;
}

static const char *read_piece(lua_State *L, void *data, size_t *size)
{
    struct reading *r = data;
    const struct lexer_gap *gap = r->gap < r->gaps->count ? &r->gaps->gaps[r->gap] : NULL;
    if (r->look)
        interrupt_look(L);
    if (r->lines > 0)
        return read_lines(r, size);
    if (gap && r->at == gap->start) {
        r->at = gap->end;
        r->gap++;
        r->lines = gap->lines;
        *size = 1; /* even if it is all on one line, it stands between two tokens */
        return " ";
    }
    if (r->at == r->insert) {
        r->insert = NOWHERE;
        *size = strlen(RETURN);
        return RETURN;
    }
    return read_text(r, gap ? gap->start : r->code.size, size);
}

int chunk_load_returning(lua_State *L, struct code code, size_t offset, const char *name)
{
    static const struct lexer_gaps none;
    struct reading reading = {.code = code, .gaps = &none, .insert = offset};
    return lua_load(L, read_piece, &reading, name, "t");
}

int chunk_load(lua_State *L, struct code code, const char *name)
{
    struct lexer_gaps gaps = {0};
    size_t start = 0;
    struct reading reading = {.code = code, .gaps = &gaps, .insert = NOWHERE, .look = 1};
    if (find_tail(code, &start, &gaps)) { /* only then: an attempt that fails costs one more */
        struct reading returning = reading;
        returning.insert = start;
        int status = lua_load(L, read_piece, &returning, name, "t");
        if (status == LUA_OK || status == LUA_ERRMEM)
            return status;
        lua_pop(L, 1);
    }
    return lua_load(L, read_piece, &reading, name, "t");
}
