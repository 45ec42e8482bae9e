/* SPDX-License-Identifier: Apache-2.0
 * launch: the working directory and the environment of what runs next. Both are those of the
 * executor's thread and of its children alone. reset: a fresh state in place of the old one. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debug.h"

static int32_t enter(struct runtime *rt, const char *folder)
{
    LLMSPELL_CLEANUP_CLOSE int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || unshare(CLONE_FS) != 0 || fchdir(fd) != 0)
        return llmspell_fail_at(rt->call, LLMSPELL_ENOTFOUND, "/arguments/cwd",
                                "cwd %s cannot be entered: %s", folder, strerror(errno));
    return 0;
}

int32_t launch_set(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct runtime *rt = debug->rt;
    const char *cwd = llmspell_string(arguments, "cwd");
    const json_t *env = json_object_get(arguments, "env");
    json_t *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)env, name, value)
    {
        if (!json_is_string(value) && !json_is_null(value))
            return llmspell_fail_at(rt->call, LLMSPELL_EINVAL, "/arguments/env",
                                    "env: the value of %s has to be a string or null", name);
    }
    int32_t code = cwd ? enter(rt, cwd) : 0;
    if (code < 0)
        return code;
    json_decref(rt->environment);
    rt->environment = env ? json_deep_copy(env) : NULL;
    *ret_body = json_object();
    return 0;
}

const char *trace_getenv(const struct runtime *rt, const char *name)
{
    const json_t *value = json_object_get(rt->environment, name);
    return value ? json_string_value(value) : getenv(name);
}

/* "NAME=value" of those that are set; the process's others are borrowed. */
char **trace_environment(const struct runtime *rt, char **own)
{
    size_t count = 0, used = 0;
    const char *name;
    json_t *value;
    while (own[count])
        count++;
    char **all = calloc(count + json_object_size(rt->environment) + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        LLMSPELL_CLEANUP_FREE char *key = strndup(own[i], strcspn(own[i], "="));
        if (key && !json_object_get(rt->environment, key))
            all[used++] = own[i];
    }
    json_object_foreach(rt->environment, name, value)
    {
        char *entry = NULL;
        if (all && json_is_string(value) &&
            asprintf(&entry, "%s=%s", name, json_string_value(value)) >= 0)
            all[used++] = entry;
    }
    return all;
}

void trace_environment_free(char **all, char **own)
{
    for (char **at = all; all && *at; at++) {
        char **other = own;
        while (*other && *other != *at)
            other++;
        if (!*other)
            free(*at);
    }
    free(all);
}

/* ---- reset ---- */

/* What the struct keeps of a state that is gone. Breakpoints stay, those of data excepted. */
static void forget_state(struct debug *debug)
{
    data_clear(debug);
    handle_clear(debug);
    handle_forget_kept(debug);
    frame_forget(debug);
    step_clear(debug);
    debug->scratch = debug->base_L = debug->error_L = NULL;
    debug->chain_count = 0;
    debug->pause = 0;
    for (struct script *script = debug->scripts; script; script = script->next)
        script->is_loaded = 0;
}

static int open_threads(lua_State *L)
{
    thread_open(lua_touserdata(L, 1), L);
    return 0;
}

int32_t launch_reset(struct runtime *rt, json_t **ret_body)
{
    struct debug *debug = rt->debugger, *attached = rt->debug;
    if (rt->depth > 0)
        return llmspell_fail(rt->call, LLMSPELL_EBUSY, "code runs: interrupt it first");
    if (debug)
        forget_state(debug);
    rt->debug = NULL; /* finalizers are nobody's business */
    state_close(rt);
    int32_t code = state_open(rt, rt->call, rt->path);
    if (code < 0)
        return code;
    rt->debug = attached;
    if (attached && debug_protect(attached, open_threads, attached) < 0)
        return llmspell_fail(rt->call, LLMSPELL_ENOMEM, "not enough memory");
    if (attached)
        hook_changed(attached);
    *ret_body = json_object();
    return 0;
}
