/* SPDX-License-Identifier: Apache-2.0
 * The names under which the functions of a script are defined, by the line of the word "function":
 * Lua itself knows only what a caller calls them. For frames and function breakpoints. */
#include <stdlib.h>
#include <string.h>

#include "../lexer.h"
#include "debug.h"

struct reader {
    const char *text;
    const struct token *tokens;
    size_t count;
};

static int kind_at(const struct reader *r, size_t i)
{
    return i < r->count ? r->tokens[i].kind : TOKEN_END;
}

static int is_link(int kind)
{
    return kind == '.' || kind == ':';
}

/* The text of a chain of names without what stands between its tokens. */
static char *join(const struct reader *r, size_t first, size_t last)
{
    char *name = malloc(r->tokens[last].end - r->tokens[first].start + 1), *at = name;
    for (size_t i = first; name && i <= last; i++) {
        size_t size = r->tokens[i].end - r->tokens[i].start;
        memcpy(at, r->text + r->tokens[i].start, size);
        at += size;
    }
    if (name)
        *at = '\0';
    return name;
}

/* function a.b:c( */
static char *name_behind(const struct reader *r, size_t i)
{
    size_t last = i + 1;
    if (kind_at(r, last) != TOKEN_NAME)
        return NULL;
    while (is_link(kind_at(r, last + 1)) && kind_at(r, last + 2) == TOKEN_NAME)
        last += 2;
    return join(r, i + 1, last);
}

/* a.b = function, { c = function */
static char *name_before(const struct reader *r, size_t i)
{
    if (i < 2 || kind_at(r, i - 1) != '=' || kind_at(r, i - 2) != TOKEN_NAME)
        return NULL;
    size_t first = i - 2;
    while (first >= 2 && is_link(kind_at(r, first - 1)) && kind_at(r, first - 2) == TOKEN_NAME)
        first -= 2;
    return join(r, first, i - 2);
}

static void add(struct script *script, int line, char *name)
{
    struct script_function *grown =
        realloc(script->functions, (script->function_count + 1) * sizeof *grown);
    if (!grown) {
        free(name);
        return;
    }
    script->functions = grown;
    script->functions[script->function_count++] = (struct script_function){line, name};
}

static void read_functions(struct script *script, struct code code)
{
    struct lexer lexer = {.text = code.text, .size = code.size};
    struct reader r = {.text = code.text};
    struct token *tokens = lexer_all(&lexer, &r.count);
    size_t at = 0;
    int line = 1;
    r.tokens = tokens;
    for (size_t i = 0; tokens && i < r.count; i++) {
        if (tokens[i].kind != TOKEN_FUNCTION)
            continue;
        for (; at < tokens[i].start; at++)
            line += code.text[at] == '\n';
        char *name = name_behind(&r, i);
        if (!name)
            name = name_before(&r, i);
        if (name)
            add(script, line, name);
    }
    free(tokens);
}

const char *script_function(struct script *script, int line)
{
    LLMSPELL_CLEANUP_FREE char *own = NULL;
    struct code code;
    if (!script->has_functions && script_text(script, &code, &own))
        read_functions(script, chunk_trim(code));
    script->has_functions = 1;
    for (size_t i = 0; i < script->function_count; i++)
        if (script->functions[i].line == line)
            return script->functions[i].name;
    return NULL;
}
