/* SPDX-License-Identifier: Apache-2.0
 * is_complete_request: whether a cell compiles, could with more text, or never will. The real
 * compiler says so, in a state of its own: the script's state gets no garbage of it. */
#include <string.h>

#include "lexer.h"
#include "state.h"

#define INDENT_MAX 80

static void *allocate(void *data, void *block, size_t old_size, size_t new_size)
{
    (void)data;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, new_size);
}

/* What the outcome of lua_load says. */
static const char *judge(lua_State *L, int status)
{
    static const char END[] = "<eof>";
    size_t size = 0;
    const char *message = status == LUA_OK ? NULL : lua_tolstring(L, -1, &size);
    if (status == LUA_OK)
        return "complete";
    if (status == LUA_ERRMEM)
        return "unknown";
    if (message && size >= strlen(END) && strcmp(message + size - strlen(END), END) == 0)
        return "incomplete";
    return "invalid";
}

/* Does the text end inside of a string or a comment? */
static int is_cut(struct code code)
{
    struct lexer lexer = {.text = code.text, .size = code.size};
    struct token token, last = {TOKEN_END, 0, 0};
    while ((token = lexer_next(&lexer)).kind != TOKEN_END)
        last = token;
    return last.kind == TOKEN_BAD && last.end == code.size;
}

/* First as a cell whose last expression is returned, then as it stands. */
static const char *check(lua_State *L, struct code code)
{
    size_t start = 0;
    const char *returning = "invalid";
    if (chunk_tail(code, &start) || is_cut(code))
        returning = judge(L, chunk_load_returning(L, code, start, "=check"));
    if (strcmp(returning, "complete") == 0)
        return returning;
    lua_settop(L, 0);
    const char *plain = judge(L, luaL_loadbufferx(L, code.text, code.size, "=check", "t"));
    return strcmp(plain, "invalid") == 0 ? returning : plain;
}

/* ---- the indent of the next line ---- */

/* Length of the blanks at the beginning of the line in which offset stands. */
static size_t blanks_at(struct code code, size_t offset, const char **ret_line)
{
    size_t start = offset, length = 0;
    while (start > 0 && code.text[start - 1] != '\n')
        start--;
    while (start + length < code.size &&
           (code.text[start + length] == ' ' || code.text[start + length] == '\t'))
        length++;
    *ret_line = code.text + start;
    return length;
}

/* How far the code itself indents: the least that it has, or 2. */
static size_t find_unit(struct code code)
{
    size_t unit = 0;
    const char *line;
    for (const char *at = code.text; at && at < code.text + code.size;) {
        size_t blanks = blanks_at(code, (size_t)(at - code.text), &line);
        int has_text = line + blanks < code.text + code.size && line[blanks] != '\n';
        if (has_text && blanks > 0 && *line == ' ' && (unit == 0 || blanks < unit))
            unit = blanks;
        at = memchr(at, '\n', (size_t)(code.text + code.size - at));
        at += at != NULL;
    }
    return unit >= 2 && unit <= 8 ? unit : 2;
}

struct open_blocks {
    size_t start[64]; /* offsets of what opened them */
    size_t depth;     /* may exceed the room */
    size_t last;      /* offset of the last token */
};

static void follow(struct open_blocks *open, struct token token)
{
    int kind = token.kind;
    open->last = token.start;
    if (kind == TOKEN_FUNCTION || kind == TOKEN_IF || kind == TOKEN_DO || kind == TOKEN_REPEAT ||
        kind == '(' || kind == '{' || kind == '[') {
        if (open->depth < sizeof open->start / sizeof *open->start)
            open->start[open->depth] = token.start;
        open->depth++;
    } else if (kind == TOKEN_END_BLOCK || kind == TOKEN_UNTIL || kind == ')' || kind == '}' ||
               kind == ']') {
        open->depth -= open->depth > 0;
    }
}

/* One step more than the line that opened the innermost block; none inside of a string. */
static json_t *make_indent(struct code code)
{
    struct lexer lexer = {.text = code.text, .size = code.size};
    struct open_blocks open = {.depth = 0};
    struct token token;
    while ((token = lexer_next(&lexer)).kind != TOKEN_END) {
        if (token.kind == TOKEN_BAD && token.end == code.size)
            return json_string("");
        follow(&open, token);
    }
    size_t room = sizeof open.start / sizeof *open.start;
    size_t at = open.depth == 0      ? open.last
                : open.depth <= room ? open.start[open.depth - 1]
                                     : open.start[room - 1];
    const char *line;
    char blanks[INDENT_MAX + 8];
    size_t width = blanks_at(code, at, &line), unit = find_unit(code);
    width = width > INDENT_MAX ? INDENT_MAX : width;
    memcpy(blanks, line, width);
    if (open.depth > 0 && width > 0 && *blanks == '\t')
        blanks[width++] = '\t';
    else if (open.depth > 0)
        for (size_t i = 0; i < unit; i++)
            blanks[width++] = ' ';
    return json_stringn(blanks, width);
}

int32_t is_complete_request(struct runtime *rt, const json_t *content, json_t **ret_reply)
{
    const char *text = llmspell_string(content, "code");
    size_t size = llmspell_string_length(content, "code");
    LLMSPELL_CLEANUP_FREE char *copy = text ? malloc(size + 1) : NULL;
    if (!text)
        return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/code",
                                "is_complete_request needs code, a string");
    lua_State *L = copy ? lua_newstate(allocate, NULL) : NULL;
    if (!L)
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "out of memory");
    memcpy(copy, text, size);
    copy[size] = '\n'; /* a short string cannot go on behind it */
    struct code code = chunk_trim((struct code){copy, size + 1});
    const char *status = check(L, code);
    lua_close(L);
    json_t *reply = json_pack("{s:s}", "status", status);
    if (reply && strcmp(status, "incomplete") == 0)
        json_object_set_new(reply, "indent", make_indent(code));
    return llmspell_return(rt->call, ret_reply, reply);
}
