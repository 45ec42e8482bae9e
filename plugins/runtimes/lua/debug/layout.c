/* SPDX-License-Identifier: Apache-2.0
 * The few places of Lua's own structs that the hook reads: a frame's function and its caller, the
 * hook mask of a thread. They hold for Lua 5.4.0 to 5.4.6 on 64 bits; whether they hold here is
 * tried out in a state of its own. If one does not, hook.c does without all of them. */
#include <string.h>

#include "debug.h"

#define SEEN_MAX 16

struct trial {
    struct layout layout;
    int failed;
    const void *seen[SEEN_MAX]; /* prototypes, in the order of the calls */
    int count;
    int lines;
};

static void on_nothing(lua_State *L, lua_Debug *activation)
{
    (void)L;
    (void)activation;
}

static void compare(lua_State *L, lua_Debug *activation, struct trial *trial)
{
    const void *frame = activation->i_ci, *function = layout_function(frame);
    lua_Debug caller;
    lua_getinfo(L, "f", activation);
    const void *slot = *(const void *const *)frame;
    int is_lua = !lua_iscfunction(L, -1);
    if (is_lua && *(const void *const *)slot != lua_topointer(L, -1))
        trial->failed = 1;
    lua_pop(L, 1);
    if ((function != NULL) != is_lua)
        trial->failed = 1;
    if (lua_getstack(L, 1, &caller) && (const void *)caller.i_ci != layout_previous(frame))
        trial->failed = 1;
    if (is_lua && trial->count < SEEN_MAX)
        trial->seen[trial->count++] = function;
}

static void on_call(lua_State *L, lua_Debug *activation)
{
    struct trial *trial = *(struct trial **)lua_getextraspace(L);
    if (activation->event == LUA_HOOKLINE) {
        trial->lines++;
    } else if (activation->event == LUA_HOOKRET && trial->layout.mask) {
        const void *frame = activation->i_ci;
        *layout_mask(&trial->layout, L) = LUA_MASKCALL | LUA_MASKRET | LUA_MASKLINE;
        layout_trap(frame);
        layout_trap(layout_previous(frame));
    } else if (activation->event != LUA_HOOKRET) {
        compare(L, activation, trial);
    }
}

/* The int in lua_State that is what lua_sethook was told, for one mask after the other. */
static size_t find_mask(lua_State *L)
{
    static const int MASKS[] = {1, 2, 4, 5, 7, 3, 6};
    size_t found = 0, count = 0;
    for (size_t at = 40; at + 4 <= 200; at += 4) {
        size_t same = 0;
        for (size_t i = 0; i < sizeof MASKS / sizeof *MASKS; i++) {
            lua_sethook(L, on_nothing, MASKS[i], 0);
            same += *(volatile int *)((char *)L + at) == MASKS[i];
        }
        if (same == sizeof MASKS / sizeof *MASKS) {
            found = at;
            count++;
        }
    }
    if (count == 1) {
        *(volatile int *)((char *)L + found) = 5;
        count = lua_gethookmask(L) == 5;
    }
    lua_sethook(L, NULL, 0, 0);
    return count == 1 ? found : 0;
}

static const char PROGRAM[] = "local function make() return function() return 1 end end\n"
                              "local a, b = make(), make()\n"
                              "a() b()\n"
                              "local c = function() return 2 end\n"
                              "c() string.len('x')\n";

/* main, make, make, a, b, c: a and b are of one prototype */
static int are_right(const struct trial *trial)
{
    const void *const *seen = trial->seen;
    return trial->count == 6 && seen[1] == seen[2] && seen[3] == seen[4] && seen[0] != seen[1] &&
           seen[1] != seen[3] && seen[3] != seen[5];
}

/* Lines that are switched on when a function returns are seen from the next one on: 3 in all. */
static const char RETURNS[] = "local function f() return 1 end\n"
                              "local a = f()\n"
                              "local b = 1\n"
                              "local c = 2\n"
                              "return a + b + c\n";

static int run(lua_State *L, const char *program, int mask)
{
    int status = luaL_loadbufferx(L, program, strlen(program), "=trial", "t");
    lua_sethook(L, on_call, mask, 0);
    if (status == LUA_OK)
        status = lua_pcall(L, 0, 0, 0);
    lua_sethook(L, NULL, 0, 0);
    lua_settop(L, 0);
    return status == LUA_OK;
}

void layout_find(struct layout *ret_layout)
{
    struct trial trial = {.failed = sizeof(void *) != 8 || LUA_VERSION_NUM != 504};
    lua_State *L = trial.failed ? NULL : luaL_newstate();
    *ret_layout = (struct layout){0, 0};
    if (!L)
        return;
    *(struct trial **)lua_getextraspace(L) = &trial;
    luaL_openlibs(L);
    if (!run(L, PROGRAM, LUA_MASKCALL) || !are_right(&trial))
        trial.failed = 1;
    if (!trial.failed) {
        trial.layout.mask = find_mask(L);
        trial.failed =
            !trial.layout.mask || !run(L, RETURNS, LUA_MASKCALL | LUA_MASKRET) || trial.lines != 3;
    }
    lua_close(L);
    if (!trial.failed)
        *ret_layout = (struct layout){1, trial.layout.mask};
}
