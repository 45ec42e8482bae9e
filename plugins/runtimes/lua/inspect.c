/* SPDX-License-Identifier: Apache-2.0
 * inspect_request: what the name at the cursor, or the function whose call it is in, stands for.
 * No code of the script runs; tools are described from their manifests. */
#include "inspect.h"

#include <string.h>

#include "complete.h"

/* A name that ends at the cursor; scope->count if there is none. */
static size_t name_at_cursor(const struct scope *scope)
{
    size_t i = scope->count;
    if (i > 0 && scope->tokens[i - 1].kind == TOKEN_NAME &&
        scope->tokens[i - 1].end == scope->cursor)
        return i - 1;
    return scope->count;
}

/* A name of the cell that no value is known of. 1 if there is one. */
static int describe_local(struct inspection *in, const struct local_list *list)
{
    const struct scope *scope = &in->scope;
    const struct local *local = scope->part_count || scope->separator
                                    ? NULL
                                    : locals_find(list, scope->text + scope->last.start,
                                                  scope->last.end - scope->last.start, SIZE_MAX);
    if (local)
        inspect_local(in, local);
    return local != NULL;
}

/* The tool that the found name stands for: Tool.NAME, or a tool object on top of the stack. */
static void find_tool(lua_State *L, struct inspection *in, int base_is_tool)
{
    const char *object = tools_object_name(L, -1);
    const struct scope *scope = &in->scope;
    if (object) {
        in->manifest = tools_manifest(in->rt, object);
    } else if (lua_isnil(L, -1) && base_is_tool) {
        LLMSPELL_CLEANUP_FREE char *name =
            strndup(scope->text + scope->last.start, scope->last.end - scope->last.start);
        in->manifest = name ? tools_manifest(in->rt, name) : NULL;
    }
}

/* Describes the name that ends with token number last. */
static void describe(lua_State *L, struct inspection *in, size_t last)
{
    struct scope *scope = &in->scope;
    if (!scope_find(scope, last))
        return;
    scope_push_base(L, scope);
    int base_is_tool = scope->separator && tools_is_table(L, -1);
    const struct local *local = scope->part_count ? NULL : scope_local(scope);
    lua_pop(L, 1);
    if (local && local->first > local->last) {
        inspect_local(in, local);
        return;
    }
    if (local)
        scope_push_value(L, scope, last);
    else {
        scope_push_base(L, scope);
        scope_field(L, scope->text + scope->last.start, scope->last.end - scope->last.start);
    }
    find_tool(L, in, base_is_tool);
    if (in->manifest)
        inspect_tool(in);
    else if (local && lua_isnil(L, -1))
        inspect_local(in, local);
    else if (!lua_isnil(L, -1))
        inspect_value(L, in);
    else
        describe_local(in, &scope->locals.globals);
}

/* Tool.NAME{na|me = …: the parameter. */
static void describe_parameter(lua_State *L, struct inspection *in, size_t last)
{
    struct call call;
    const struct scope *scope = &in->scope;
    struct lexer behind = {.text = in->code.text, .size = in->code.size, .at = scope->cursor};
    int before = last > 0 ? scope->tokens[last - 1].kind : TOKEN_END;
    if ((before != '{' && before != ',' && before != ';') || lexer_next(&behind).kind != '=' ||
        !call_find(scope, last, &call))
        return;
    in->manifest = complete_manifest(L, in->rt, scope, &call);
    struct token name = scope->tokens[last];
    LLMSPELL_CLEANUP_FREE char *text = strndup(scope->text + name.start, name.end - name.start);
    if (in->manifest && text)
        inspect_parameter(in, text, complete_schema(in->manifest, scope, &call));
    json_decref(in->manifest);
    in->manifest = NULL;
}

static void describe_call(lua_State *L, struct inspection *in)
{
    struct call call;
    const struct scope *scope = &in->scope;
    if (!call_find(scope, scope->count, &call))
        return;
    in->manifest = complete_manifest(L, in->rt, scope, &call);
    if (in->manifest)
        inspect_tool(in);
    else
        describe(L, in, call.callee);
}

static int inspect(lua_State *L)
{
    struct inspection *in = lua_touserdata(L, 1);
    size_t last = name_at_cursor(&in->scope);
    lua_settop(L, 1);
    if (in->scope.in_comment)
        return 0;
    if (last < in->scope.count)
        describe_parameter(L, in, last);
    if (last < in->scope.count && !in->found)
        describe(L, in, last);
    if (last == in->scope.count)
        describe_call(L, in);
    return 0;
}

/* The cursor may stand inside of a name: its end counts. */
static size_t end_of_name(const char *code, size_t size, size_t cursor)
{
    while (cursor < size && lexer_is_name(code[cursor], 0))
        cursor++;
    return cursor;
}

static void close_inspection(struct inspection *in)
{
    scope_close(&in->scope);
    sheet_clear(&in->sheet);
    text_free(&in->title);
    text_free(&in->value);
    json_decref(in->manifest);
    free(in->own);
}

int32_t inspect_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *code = llmspell_string(content, "code");
    if (!code)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "inspect_request needs code, a string");
    size_t size = llmspell_string_length(content, "code");
    size_t cursor = scope_offset(code, size, llmspell_integer(content, "cursor_pos", -1));
    struct inspection in = {.rt = rt, .code = {code, size}};
    in.detail = (int)llmspell_integer(content, "detail_level", 0);
    if (scope_open(&in.scope, code, end_of_name(code, size, cursor)) < 0)
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "out of memory");
    if (scope_call(rt, inspect, &in) != LUA_OK)
        rt->host->log(rt->ctx, LLMSPELL_LOG_DEBUG, "inspection ended early");
    json_t *data = in.found ? sheet_data(&in.sheet) : json_object();
    json_t *reply = data ? json_pack("{s:s, s:b, s:o, s:{}}", "status", "ok", "found", in.found,
                                     "data", data, "metadata")
                         : NULL;
    close_inspection(&in);
    return llmspell_return(rt->call, ret_reply, reply);
}
