/* SPDX-License-Identifier: Apache-2.0
 * Stepping: which line ends a step. A step belongs to a thread and to a frame of it; a line ends it
 * in that frame or in one below. A frame is left by a return, which has an event, by a tail call,
 * or by an error, after which the frame that goes on lies lower. When a coroutine yields or ends,
 * the step goes on in the thread that resumed it (trace_resumed). */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

static int depth_of(lua_State *L)
{
    lua_Debug activation;
    int depth = 0;
    while (lua_getstack(L, depth, &activation))
        depth++;
    return depth;
}

/* How far up the frame stands, the running one being at level 0. */
static size_t position(const struct debug *debug, lua_State *L, const void *frame, int level)
{
    if (!debug->layout.is_known)
        return (size_t)(depth_of(L) - level);
    const char *place = *(const char *const *)frame;
    return (size_t)(place - *(const char *const *)debug->step.bottom);
}

/* The frame below the one at the level; NULL: there is none. */
static const void *below(lua_State *L, int level)
{
    lua_Debug activation;
    return lua_getstack(L, level + 1, &activation) ? activation.i_ci : NULL;
}

void step_clear(struct debug *debug)
{
    free(debug->step.target);
    debug->step = (struct step){NULL};
}

/* A coroutine's lowest frame, which never runs. */
static const void *bottom_of(const struct debug *debug, const void *frame)
{
    while (debug->layout.is_known && layout_previous(frame))
        frame = layout_previous(frame);
    return frame;
}

static void aim_at(struct debug *debug, lua_State *L, const void *frame, int level)
{
    debug->step.frame = frame;
    debug->step.position = frame ? position(debug, L, frame, level) : 0;
}

void step_begin(struct debug *debug, lua_State *L, enum go go)
{
    lua_Debug activation;
    const char *reason = debug->step.reason ? debug->step.reason : "step";
    step_clear(debug);
    if (go == GO_NONE || go == GO_CONTINUE || !lua_getstack(L, 0, &activation))
        return;
    debug->step = (struct step){.L = L, .reason = reason, .depth = debug->rt->depth};
    debug->step.any = go == GO_IN && !debug->go_target;
    debug->step.bottom = bottom_of(debug, activation.i_ci);
    if (go == GO_OUT)
        aim_at(debug, L, below(L, 0), 1);
    else
        aim_at(debug, L, activation.i_ci, 0);
    debug->step.target = debug->go_target;
    debug->go_target = NULL;
}

int step_is_wanted(const struct debug *debug, lua_State *L, const void *frame)
{
    const struct step *step = &debug->step;
    if (step->any || step->L != L)
        return step->any;
    return frame == step->frame || !debug->layout.is_known ||
           position(debug, L, frame, 0) <= step->position;
}

int step_reached(const struct debug *debug, lua_State *L, const lua_Debug *activation)
{
    const struct step *step = &debug->step;
    if (step->any || step->L != L)
        return step->any;
    return activation->i_ci == step->frame ||
           position(debug, L, activation->i_ci, 0) < step->position;
}

/* "stepIn" with a target: into the function of that name, when the frame calls it. */
static int is_target(const struct debug *debug, lua_State *L, lua_Debug *activation)
{
    if (!debug->step.target || below(L, 0) != debug->step.frame)
        return 0;
    lua_getinfo(L, "nS", activation);
    return activation->name && *activation->what != 'C' &&
           strcmp(activation->name, debug->step.target) == 0;
}

void step_call(struct debug *debug, lua_State *L, lua_Debug *activation)
{
    if (activation->event == LUA_HOOKTAILCALL && activation->i_ci == debug->step.frame)
        aim_at(debug, L, below(L, 0), 1);
    else if (is_target(debug, L, activation))
        aim_at(debug, L, activation->i_ci, 0);
}

void step_return(struct debug *debug, lua_State *L, const lua_Debug *activation)
{
    if (position(debug, L, activation->i_ci, 0) <= debug->step.position)
        aim_at(debug, L, below(L, 0), 1);
}
