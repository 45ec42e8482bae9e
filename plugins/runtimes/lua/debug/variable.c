/* SPDX-License-Identifier: Apache-2.0
 * variables: what is in a scope or a value, page by page, in an order that does not change: list
 * elements, then keys (numbers by value, texts in natural order, others), then the metatable. No
 * metamethod is asked what there is. setVariable (variable_set.c) goes by the same names. */
#include <stdlib.h>
#include <string.h>

#include "../keys.h"
#include "../lexer.h"
#include "debug.h"

#define ALL_MAX 10000    /* that are sent without a page having been asked for */
#define CELLS_MAX 2500   /* the same for JupyterLab, whose page needs ten seconds for so many */
#define KEYS_MAX 4000000 /* that are sorted */

struct page {
    struct debug *debug;
    struct handle handle;
    struct frame_at at;
    size_t start, left; /* children to pass over, and to send */
    int indexed, named; /* which are wanted */
    json_t *list;
    int is_cut;    /* there are more */
    size_t passed; /* sent or passed over */
};

/* ---- sending ---- */

/* 1: the next child is to be sent. */
static int is_in_page(struct page *page)
{
    if (page->start > 0) {
        page->start--;
        page->passed++;
        return 0;
    }
    if (page->left == 0) {
        page->is_cut = 1;
        return 0;
    }
    page->left--;
    page->passed++;
    return 1;
}

/* The value on top, which is popped. name is taken over, as expression is. */
static void send(lua_State *L, struct page *page, json_t *name, char *expression)
{
    json_t *variable = json_object();
    json_array_append_new(page->list, variable);
    json_object_set_new_nocheck(variable, "name", name);
    value_describe(page->debug, L, -1, variable, expression);
    lua_pop(L, 1);
}

int variable_is_name(const char *text, size_t size)
{
    struct lexer lexer = {.text = text, .size = size};
    struct token token = lexer_next(&lexer);
    return size > 0 && token.kind == TOKEN_NAME && token.start == 0 && token.end == size;
}

/* "[1]", "[1.5]", "["a b"]", "[true]", "[table: 0x…]" of the key on top; 1 if Lua can read it. */
static int write_key(lua_State *L, struct text *out)
{
    int type = lua_type(L, -1);
    text_puts(out, "[");
    if (type == LUA_TSTRING) {
        show_plain(L, -1, out);
        if (out->size > VARIABLE_NAME_MAX) {
            out->size = VARIABLE_NAME_MAX;
            while (out->size > 0 && ((unsigned char)out->data[out->size] & 0xc0) == 0x80)
                out->size--;
            text_puts(out, "…");
        }
    } else if (type == LUA_TNUMBER) {
        lua_pushvalue(L, -1);
        text_puts(out, lua_tostring(L, -1));
        lua_pop(L, 1);
    } else if (type == LUA_TBOOLEAN) {
        text_puts(out, lua_toboolean(L, -1) ? "true" : "false");
    } else {
        text_format(out, "%s: %p", lua_typename(L, type), lua_topointer(L, -1));
    }
    text_puts(out, "]");
    return type == LUA_TSTRING || type == LUA_TNUMBER || type == LUA_TBOOLEAN;
}

/* The name of the key on top, and the expression of its value. */
json_t *variable_name(lua_State *L, const char *parent, char **ret_expression)
{
    size_t size = 0;
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &size) : "";
    struct text out = {NULL, 0, 0, 0};
    *ret_expression = NULL;
    if (size < VARIABLE_NAME_MAX && variable_is_name(text, size)) {
        text_add(&out, text, size);
        if (parent && asprintf(ret_expression, "%s%s%s", parent, *parent ? "." : "", text) < 0)
            *ret_expression = NULL;
    } else if (write_key(L, &out) && parent && *parent && out.size <= VARIABLE_NAME_MAX &&
               asprintf(ret_expression, "%s%s", parent, out.data) < 0) {
        *ret_expression = NULL;
    }
    json_t *name = text_json(out.data ? out.data : "", out.size);
    text_free(&out);
    return name;
}

/* What can be written before a "." or "[": a literal or an operator needs parentheses. */
static char *prefix_of(const char *expression)
{
    char *prefix = NULL;
    if (!expression)
        return NULL;
    size_t length = strlen(expression);
    int is_plain = length > 0 && lexer_is_name(*expression, 1);
    for (size_t i = 0; i < length; i++)
        is_plain = is_plain && (lexer_is_name(expression[i], 0) || strchr(".[]\"", expression[i]));
    if (is_plain || length == 0)
        return strdup(expression);
    return asprintf(&prefix, "(%s)", expression) < 0 ? NULL : prefix;
}

/* ---- tables ---- */

static int compare_naturally(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = strverscmp(a->string, b->string);
    return order ? order : (a->anchor > b->anchor) - (a->anchor < b->anchor);
}

static void sort_naturally(struct key *keys, size_t count)
{
    size_t first = 0, end;
    while (first < count && keys[first].type != LUA_TSTRING)
        first++;
    for (end = first; end < count && keys[end].type == LUA_TSTRING;)
        end++;
    qsort(keys + first, end - first, sizeof *keys, compare_naturally);
}

static void send_elements(lua_State *L, struct page *page, int table, const char *parent)
{
    lua_Integer count = (lua_Integer)lua_rawlen(L, table), i = 1;
    size_t skipped = page->start < (size_t)count ? page->start : (size_t)count;
    page->start -= skipped;
    page->passed += skipped;
    for (i += (lua_Integer)skipped; i <= count && page->left > 0; i++) {
        char *expression = NULL;
        if (!is_in_page(page))
            break;
        if (parent && *parent && asprintf(&expression, "%s[%lld]", parent, (long long)i) < 0)
            expression = NULL;
        lua_rawgeti(L, table, i);
        send(L, page, json_sprintf("[%lld]", (long long)i), expression);
    }
    page->is_cut |= i <= count;
}

static void send_fields(lua_State *L, struct page *page, int table, const char *parent)
{
    size_t count = 0, total = 0;
    struct key *keys =
        keys_sorted(L, table, (lua_Integer)lua_rawlen(L, table), KEYS_MAX, &count, &total);
    int anchor = lua_gettop(L) - 1;
    sort_naturally(keys, count);
    for (size_t i = 0; i < count && !page->is_cut; i++) {
        if (!is_in_page(page))
            continue;
        char *expression;
        lua_rawgeti(L, anchor, keys[i].anchor);
        json_t *name = variable_name(L, parent, &expression);
        lua_rawget(L, table);
        send(L, page, name, expression);
    }
    lua_settop(L, anchor - 1);
}

static void send_metatable(lua_State *L, struct page *page, int index, const char *parent)
{
    char *expression = NULL;
    if (page->is_cut || !lua_getmetatable(L, index))
        return;
    if (!is_in_page(page)) {
        lua_pop(L, 1);
        return;
    }
    if (parent && *parent && asprintf(&expression, "debug.getmetatable(%s)", parent) < 0)
        expression = NULL;
    send(L, page, json_string("[[metatable]]"), expression);
}

static void send_function(lua_State *L, struct page *page, int function)
{
    const char *name;
    for (int n = 1; (name = lua_getupvalue(L, function, n)); n++)
        if (is_in_page(page))
            send(L, page, *name ? json_string(name) : json_sprintf("upvalue %d", n), NULL);
        else
            lua_pop(L, 1);
}

static void send_value(lua_State *L, struct page *page)
{
    handle_push(L, &page->handle);
    int value = lua_gettop(L);
    char *parent = prefix_of(page->handle.expression);
    if (lua_istable(L, value)) {
        if (page->indexed)
            send_elements(L, page, value, parent);
        if (page->named && !page->is_cut)
            send_fields(L, page, value, parent);
    } else if (lua_isfunction(L, value)) {
        send_function(L, page, value);
    } else if (lua_isuserdata(L, value) && lua_getiuservalue(L, value, 1) != LUA_TNONE) {
        if (is_in_page(page))
            send(L, page, json_string("[[user value]]"), NULL);
    }
    if (page->named)
        send_metatable(L, page, value, parent);
    free(parent);
}

/* ---- scopes ---- */

static void send_locals(lua_State *L, struct page *page)
{
    const char *name;
    for (int n = 1; names_push_local(L, &page->at, n, &name); n++) {
        int is_hidden = *name == '(' || !is_in_page(page);
        int is_shadowed = !is_hidden && names_find_local(&page->at, name) != n;
        if (is_hidden)
            lua_pop(L, 1);
        else
            send(L, page, json_sprintf(is_shadowed ? "%s (shadowed)" : "%s", name),
                 is_shadowed ? NULL : strdup(name));
    }
}

static void send_varargs(lua_State *L, struct page *page)
{
    for (int n = 1; names_push_local(L, &page->at, -n, NULL); n++) {
        char *expression = NULL;
        if (!is_in_page(page)) {
            lua_pop(L, 1);
            continue;
        }
        if (asprintf(&expression, "(select(%d, ...))", n) < 0)
            expression = NULL;
        send(L, page, json_sprintf("[%d]", n), expression);
    }
}

static void send_upvalues(lua_State *L, struct page *page)
{
    const char *name;
    for (int n = 1; names_push_upvalue(L, &page->at, n, &name); n++)
        if (!*name || strcmp(name, "_ENV") == 0 || !is_in_page(page))
            lua_pop(L, 1);
        else
            send(L, page, json_string(name), strdup(name));
}

/* Pushes a copy of the globals: those of the script, or those that were there from the start. */
static void push_globals(lua_State *L, struct page *page, int library)
{
    names_push_environment(L, page->handle.frame ? &page->at : NULL);
    int all = lua_gettop(L);
    lua_newtable(L);
    if (!lua_istable(L, all))
        return;
    state_push_baseline(L);
    for (lua_pushnil(L); lua_next(L, all);) {
        lua_pushvalue(L, -2);
        lua_rawget(L, all + 2);
        int is_library = !lua_isnil(L, -1) && lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
        if (is_library == library) {
            lua_pushvalue(L, -2);
            lua_insert(L, -2);
            lua_rawset(L, all + 1);
        } else {
            lua_pop(L, 1);
        }
    }
    lua_settop(L, all + 1);
}

static void send_globals(lua_State *L, struct page *page, int library)
{
    push_globals(L, page, library);
    send_fields(L, page, lua_gettop(L), "");
    if (library || page->is_cut || !is_in_page(page))
        return;
    int reference = handle_new(
        page->debug, (struct handle){.kind = HANDLE_LIBRARY, .frame = page->handle.frame});
    json_array_append_new(page->list, json_pack("{s:s, s:s, s:i}", "name", "special variables",
                                                "value", "what Lua and the kernel define",
                                                "variablesReference", reference));
}

static int list(lua_State *L)
{
    struct page *page = lua_touserdata(L, 1);
    lua_settop(L, 0);
    luaL_checkstack(L, 100, NULL);
    switch (page->handle.kind) {
    case HANDLE_LOCALS:
        send_locals(L, page);
        break;
    case HANDLE_VARARGS:
        send_varargs(L, page);
        break;
    case HANDLE_UPVALUES:
        send_upvalues(L, page);
        break;
    case HANDLE_GLOBALS:
    case HANDLE_LIBRARY:
        send_globals(L, page, page->handle.kind == HANDLE_LIBRARY);
        break;
    default:
        send_value(L, page);
    }
    return 0;
}

/* What did not fit is behind a reference of its own. */
static void send_rest(struct page *page)
{
    struct handle rest = page->handle;
    rest.first = page->passed;
    rest.expression = rest.expression ? strdup(rest.expression) : NULL;
    int reference = rest.kind == HANDLE_KEPT ? 0 : handle_new(page->debug, rest);
    json_array_append_new(page->list, json_pack("{s:s, s:s, s:i}", "name", "…", "value", "more",
                                                "variablesReference", reference));
}

int32_t variable_handle(struct debug *debug, const json_t *arguments, struct handle *ret_handle,
                        struct frame_at *ret_at)
{
    json_int_t reference = llmspell_integer(arguments, "variablesReference", 0);
    const struct handle *handle = handle_find(debug, reference);
    if (!handle)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_ENOTFOUND,
                                "/arguments/variablesReference",
                                "there is no variablesReference %lld now: it ends when the code "
                                "goes on",
                                (long long)reference);
    *ret_handle = *handle;
    if (handle->frame && !frame_find(debug, handle->frame, ret_at))
        return llmspell_fail(debug->rt->call, LLMSPELL_ENOTFOUND, "the frame is gone");
    return 0;
}

int32_t variable_list(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct page page = {.debug = debug};
    const char *filter = llmspell_string(arguments, "filter");
    json_int_t start = llmspell_integer(arguments, "start", 0);
    json_int_t count = llmspell_integer(arguments, "count", 0);
    int32_t code = variable_handle(debug, arguments, &page.handle, &page.at);
    if (code < 0)
        return code;
    page.indexed = !filter || strcmp(filter, "indexed") == 0;
    page.named = !filter || strcmp(filter, "named") == 0;
    page.start = page.handle.first + (start > 0 ? (size_t)start : 0);
    page.left = count > 0 ? (size_t)count : debug->options.has_cells ? CELLS_MAX : ALL_MAX;
    struct page again = page;
    page.list = json_array();
    code = debug_protect(debug, list, &page);
    if (code == LLMSPELL_ETIMEOUT && !debug->plain) { /* a metamethod that does not end */
        json_decref(page.list);
        page = again;
        page.list = json_array();
        debug->plain = 1;
        debug_deadline(debug, 0);
        code = debug_protect(debug, list, &page);
        debug->plain = 0;
    }
    if (code < 0) {
        json_decref(page.list);
        return code;
    }
    if (page.is_cut && count <= 0)
        send_rest(&page);
    *ret_body = json_pack("{s:o}", "variables", page.list);
    return 0;
}
