/* SPDX-License-Identifier: Apache-2.0
 * The functions of os that must not act on the whole kernel: os.exit ends the cell, os.execute can
 * be interrupted and gives its child a clean signal state, os.setlocale changes nothing. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"

#define PATIENCE 25 /* interrupted waits (20 ms each) between SIGTERM and SIGKILL */

extern char **environ;

/* os.exit([code]): true is 0, false is 1. No pcall stops it: it ends the cell as an interrupt does.
 */
static int os_exit(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    int code = lua_isboolean(L, 1) ? !lua_toboolean(L, 1) : (int)luaL_optinteger(L, 1, 0);
    if (!rt->interrupt.running)
        return 0; /* a finalizer outside of any execution */
    rt->exit_code = code;
    interrupt_stop(rt, STOP_EXIT);
    return interrupt_raise(L);
}

/* The process's locale belongs to the host: only "C" can be honoured. */
static int os_setlocale(lua_State *L)
{
    const char *name = luaL_optstring(L, 1, NULL);
    if (!name || strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0 || *name == '\0')
        lua_pushliteral(L, "C");
    else
        luaL_pushfail(L);
    return 1;
}

/* A process group of its own, so that all of it can be ended; not on a terminal, which only the
 * foreground group may read. */
static int spawn_shell(const char *command, int own_group, pid_t *ret_pid)
{
    char shell[] = "sh", option[] = "-c";
    char *arguments[] = {shell, option, (char *)(uintptr_t)command, NULL};
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawnattr_t attributes;
    int error = posix_spawnattr_init(&attributes);
    if (error)
        return error;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setflags(&attributes,
                             own_group ? (short)(flags | POSIX_SPAWN_SETPGROUP) : flags);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    error = posix_spawn(ret_pid, "/bin/sh", NULL, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Waits for a child, which is ended when the code has to end. The status of waitpid, or -1. */
static int wait_for(struct runtime *rt, pid_t pid, int own_group)
{
    int status = 0, waits = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
        if (interrupt_pending(rt) != STOP_NONE && (waits == 0 || waits >= PATIENCE))
            kill(own_group ? -pid : pid, waits == 0 ? SIGTERM : SIGKILL);
        if (interrupt_pending(rt) != STOP_NONE)
            waits++;
    }
    return status;
}

static int os_execute(lua_State *L)
{
    const char *command = luaL_optstring(L, 1, NULL);
    if (!command) {
        lua_pushboolean(L, access("/bin/sh", X_OK) == 0);
        return 1;
    }
    pid_t pid = 0;
    int own_group = !isatty(STDIN_FILENO);
    int error = spawn_shell(command, own_group, &pid);
    if (error) {
        errno = error;
        return luaL_fileresult(L, 0, NULL);
    }
    int status = wait_for(runtime_of(L), pid, own_group);
    interrupt_check(L);
    if (status >= 0)
        errno = 0; /* or luaL_execresult takes the status for a failure to run */
    return luaL_execresult(L, status);
}

void system_open(lua_State *L)
{
    lua_getglobal(L, "os");
    lua_pushcfunction(L, os_exit);
    lua_setfield(L, -2, "exit");
    lua_pushcfunction(L, os_setlocale);
    lua_setfield(L, -2, "setlocale");
    if (!runtime_of(L)->safe) {
        lua_pushcfunction(L, os_execute);
        lua_setfield(L, -2, "execute");
    }
    lua_pop(L, 1);
}
