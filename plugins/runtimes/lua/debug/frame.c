/* SPDX-License-Identifier: Apache-2.0
 * stackTrace. What is shown of a stack is what lies between its first and its last function of a
 * script: above are C functions that wait, below is the kernel's own call. Only the frames of the
 * page that is asked for are described. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define FRAMES_MAX 10000 /* that are sent without a page having been asked for */

/* ---- the frames of a thread ---- */

/* The frame at a level; with the layout known, this is a walk of its own from `from` on. */
static int at_level(const struct debug *debug, lua_State *L, int level, lua_Debug *ret_activation)
{
    memset(ret_activation, 0, sizeof *ret_activation);
    if (!debug->layout.is_known)
        return lua_getstack(L, level, ret_activation);
    if (level < 0 || !lua_getstack(L, 0, ret_activation))
        return 0;
    const void *frame = ret_activation->i_ci;
    for (; level > 0 && frame; level--)
        frame = layout_previous(frame);
    if (!frame || !layout_previous(frame))
        return 0;
    ret_activation->i_ci = (struct CallInfo *)(uintptr_t)frame;
    return 1;
}

/* From one frame to the one below it. */
static int next_level(const struct debug *debug, lua_State *L, int level, lua_Debug *activation)
{
    if (!debug->layout.is_known)
        return lua_getstack(L, level + 1, activation);
    const void *frame = layout_previous(activation->i_ci);
    if (!frame || !layout_previous(frame))
        return 0;
    activation->i_ci = (struct CallInfo *)(uintptr_t)frame;
    return 1;
}

static int count_levels(const struct debug *debug, lua_State *L)
{
    lua_Debug activation;
    int count = 0, step = 1;
    if (debug->layout.is_known) {
        for (int more = lua_getstack(L, 0, &activation); more; count++)
            more = next_level(debug, L, count, &activation);
        return count;
    }
    while (lua_getstack(L, step, &activation))
        step *= 2;
    for (; step > 0; step /= 2)
        if (lua_getstack(L, count + step - 1, &activation))
            count += step;
    return count;
}

/* A function of a script, of which somebody might want to see the text. */
static int is_shown(lua_State *L, lua_Debug *activation)
{
    lua_getinfo(L, "S", activation);
    return *activation->what != 'C' && !script_is_internal(activation->source);
}

static struct frame_block *find_block(struct debug *debug, lua_State *L)
{
    for (size_t i = 0; i < debug->block_count; i++)
        if (debug->blocks[i].L == L && !debug->blocks[i].is_renamed)
            return &debug->blocks[i];
    return NULL;
}

static struct frame_block *block_of(struct debug *debug, lua_State *L)
{
    struct frame_block *block = find_block(debug, L);
    lua_Debug activation;
    if (block)
        return block;
    block = realloc(debug->blocks, (debug->block_count + 1) * sizeof *block);
    if (!block)
        return NULL;
    debug->blocks = block;
    block += debug->block_count++;
    *block = (struct frame_block){.L = L, .total = count_levels(debug, L)};
    block->end = block->total;
    while (block->top < block->total && at_level(debug, L, block->top, &activation) &&
           !is_shown(L, &activation))
        block->top++;
    while (block->end > block->top && at_level(debug, L, block->end - 1, &activation) &&
           !is_shown(L, &activation))
        block->end--;
    if (debug->next_frame > INT32_MAX / 2)
        debug->next_frame = 1;
    block->first = debug->next_frame;
    debug->next_frame += block->total + 1;
    return block;
}

void frame_forget(struct debug *debug)
{
    free(debug->blocks);
    debug->blocks = NULL;
    debug->block_count = 0;
}

/* Values have changed, and JupyterLab reads those of a frame that it has seen no second time: the
 * next stackTrace gives its frames new ids. The old ones hold. */
void frame_rename(struct debug *debug, const struct frame_at *at)
{
    struct frame_block *block = find_block(debug, at->L);
    if (debug->options.has_cells && block && at->level == block->top)
        block->is_renamed = 1;
}

int frame_id(struct debug *debug, lua_State *L, int level)
{
    const struct frame_block *block = block_of(debug, L);
    return block ? block->first + level : 0;
}

int frame_find(struct debug *debug, int id, struct frame_at *ret_at)
{
    for (size_t i = 0; i < debug->block_count; i++) {
        const struct frame_block *block = &debug->blocks[i];
        if (id < block->first || id >= block->first + block->total)
            continue;
        ret_at->L = block->L;
        ret_at->level = id - block->first;
        return at_level(debug, block->L, ret_at->level, &ret_at->activation);
    }
    return 0;
}

int32_t frame_argument(struct debug *debug, const json_t *arguments, const char *name,
                       struct frame_at *ret_at, int *ret_has)
{
    json_int_t id = llmspell_integer(arguments, name, 0);
    *ret_has = id > 0;
    if (id <= 0 || (id <= INT32_MAX && frame_find(debug, (int)id, ret_at)))
        return 0;
    return llmspell_fail(debug->rt->call, LLMSPELL_ENOTFOUND,
                         "there is no frame %lld now; ask for the stackTrace anew", (long long)id);
}

int frame_top(struct debug *debug, lua_State *L, struct frame_at *ret_at)
{
    ret_at->L = L;
    for (ret_at->level = 0; at_level(debug, L, ret_at->level, &ret_at->activation); ret_at->level++)
        if (is_shown(L, &ret_at->activation))
            return 1;
    return 0;
}

/* ---- their descriptions ---- */

static json_t *name_frame(lua_State *L, lua_Debug *activation, struct script *script)
{
    const char *name = script ? script_function(script, activation->linedefined) : NULL;
    lua_getinfo(L, "n", activation);
    if (name)
        return json_string(name);
    if (*activation->what == 'm')
        return json_string("main chunk");
    if (activation->name && *activation->name && *activation->name != '?')
        return text_json(activation->name, strlen(activation->name));
    if (*activation->what == 'C')
        return json_string("C function");
    return json_sprintf("function at line %d", activation->linedefined);
}

static json_t *describe(struct debug *debug, lua_State *L, lua_Debug *activation, int id)
{
    lua_getinfo(L, "Sl", activation);
    int is_script = *activation->what != 'C' && !script_is_internal(activation->source);
    struct script *script = is_script ? script_of_chunk(debug, activation->source) : NULL;
    json_t *source = script ? script_source(script) : json_pack("{s:s}", "name", "[C]");
    json_t *frame = json_pack("{s:i, s:o, s:o, s:i, s:i}", "id", id, "name",
                              name_frame(L, activation, script), "source", source, "line",
                              activation->currentline > 0 ? activation->currentline : 0, "column",
                              is_script ? 1 : 0);
    if (!is_script)
        json_object_set_new(frame, "presentationHint", json_string("subtle"));
    return frame;
}

struct listing {
    struct debug *debug;
    json_int_t thread;
    json_int_t start, levels;
    json_t *frames;
    int total, is_found;
};

static int list(lua_State *L)
{
    struct listing *listing = lua_touserdata(L, 1);
    struct debug *debug = listing->debug;
    lua_State *thread = thread_find(debug, L, listing->thread);
    lua_Debug activation;
    if (!thread)
        return 0;
    listing->is_found = 1;
    const struct frame_block *block = block_of(debug, thread);
    if (!block || !lua_checkstack(thread, 4))
        return luaL_error(L, "not enough memory");
    listing->total = block->end - block->top;
    if (listing->start < 0 || listing->start >= listing->total)
        return 0;
    int level = block->top + (int)listing->start;
    json_int_t left = listing->levels > 0 ? listing->levels : FRAMES_MAX;
    int more = at_level(debug, thread, level, &activation);
    for (; more && level < block->end && left > 0; level++, left--) {
        json_array_append_new(listing->frames,
                              describe(debug, thread, &activation, block->first + level));
        more = next_level(debug, thread, level, &activation);
    }
    return 0;
}

int32_t frame_list(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct listing listing = {.debug = debug,
                              .thread = llmspell_integer(arguments, "threadId", 1),
                              .start = llmspell_integer(arguments, "startFrame", 0),
                              .levels = llmspell_integer(arguments, "levels", 0),
                              .frames = json_array()};
    int32_t code = debug_protect(debug, list, &listing);
    if (code == 0 && !listing.is_found)
        code = llmspell_fail(debug->rt->call, LLMSPELL_ENOTFOUND, "there is no thread %lld",
                             (long long)listing.thread);
    if (code < 0) {
        json_decref(listing.frames);
        return code;
    }
    *ret_body =
        json_pack("{s:o, s:i}", "stackFrames", listing.frames, "totalFrames", listing.total);
    return 0;
}
