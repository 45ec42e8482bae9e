/* SPDX-License-Identifier: Apache-2.0
 * stepInTargets: the calls on the line where a frame stands. Which of them is meant, stepIn then
 * knows by the name that Lua gives the called function. */
#include <stdlib.h>
#include <string.h>

#include "../lexer.h"
#include "../source.h"
#include "debug.h"

#define TARGETS_MAX 50

static void forget(struct debug *debug)
{
    for (size_t i = 0; i < debug->target_count; i++)
        free(debug->targets[i]);
    free(debug->targets);
    debug->targets = NULL;
    debug->target_count = 0;
}

static int is_called(const struct token *tokens, size_t count, size_t i)
{
    int next = i + 1 < count ? tokens[i + 1].kind : TOKEN_END;
    int before = i > 0 ? tokens[i - 1].kind : TOKEN_END;
    return tokens[i].kind == TOKEN_NAME && before != TOKEN_FUNCTION &&
           (next == '(' || next == '{' || next == TOKEN_STRING);
}

static size_t chain_start(const struct token *tokens, size_t i)
{
    while (i >= 2 && (tokens[i - 1].kind == '.' || tokens[i - 1].kind == ':') &&
           tokens[i - 2].kind == TOKEN_NAME)
        i -= 2;
    return i;
}

static json_t *find_calls(struct debug *debug, struct code line)
{
    struct lexer lexer = {.text = line.text, .size = line.size};
    size_t count = 0;
    struct token *tokens = lexer_all(&lexer, &count);
    json_t *targets = json_array();
    debug->targets = calloc(TARGETS_MAX, sizeof *debug->targets);
    for (size_t i = 0; tokens && i < count && debug->target_count < TARGETS_MAX; i++) {
        if (!debug->targets || !is_called(tokens, count, i))
            continue;
        const char *start = line.text + tokens[chain_start(tokens, i)].start;
        const char *name = line.text + tokens[i].start, *end = line.text + tokens[i].end;
        debug->targets[debug->target_count++] = strndup(name, (size_t)(end - name));
        json_array_append_new(targets, json_pack("{s:i, s:s%}", "id", (int)debug->target_count,
                                                 "label", start, (size_t)(end - start)));
    }
    free(tokens);
    return targets;
}

int32_t target_list(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct frame_at at;
    int has_frame;
    int32_t code = frame_argument(debug, arguments, "frameId", &at, &has_frame);
    if (code < 0)
        return code;
    if (!has_frame)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/frameId",
                                "stepInTargets needs a frameId of stackTrace");
    forget(debug);
    lua_getinfo(at.L, "Sl", &at.activation);
    const struct script *script = script_of_chunk(debug, at.activation.source);
    LLMSPELL_CLEANUP_FREE char *own = NULL;
    struct code text, line = {NULL, 0};
    if (script && script_text(script, &text, &own))
        line = source_line(text, at.activation.currentline);
    *ret_body = json_pack("{s:o}", "targets", line.text ? find_calls(debug, line) : json_array());
    return 0;
}

void target_choose(struct debug *debug, const json_t *arguments)
{
    json_int_t id = llmspell_integer(arguments, "targetId", 0);
    free(debug->go_target);
    debug->go_target = NULL;
    if (id > 0 && (size_t)id <= debug->target_count && debug->targets[id - 1])
        debug->go_target = strdup(debug->targets[id - 1]);
    forget(debug);
}
