/* SPDX-License-Identifier: Apache-2.0
 * os.execute and io.popen. Their children get a clean signal state; waiting for them, reading from
 * them and writing to them can be interrupted, which ends the children. Called by state.c, and by
 * execute.c around each cell. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state.h"
#include "trace.h"

#define PATIENCE 25 /* interrupted waits (20 ms each) between SIGTERM and SIGKILL */

extern char **environ;

/* A child of io.popen: freed when it has been waited for and its file is closed. */
struct child {
    struct child *next;
    pid_t pid;
    int own_group;
    uint64_t cell; /* that started it */
    int has_ended, status;
    int is_closed;
};

/* What Lua knows as a file. */
struct pipe_file {
    luaL_Stream stream;
    struct child *child;
};

/* ---- starting ---- */

/* A process group of its own, so that all of it can be ended; not on a terminal, which only the
 * foreground group may read. fd, if there is one, becomes the child's descriptor `as`. */
static int spawn_shell(const struct runtime *rt, const char *command, int own_group, int fd, int as,
                       pid_t *ret_pid)
{
    char shell[] = "sh", option[] = "-c";
    char *arguments[] = {shell, option, (char *)(uintptr_t)command, NULL};
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    sigdelset(&all, SIGKILL);
    sigdelset(&all, SIGSTOP);
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int error = posix_spawnattr_init(&attributes);
    if (error)
        return error;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_setflags(&attributes,
                             own_group ? (short)(flags | POSIX_SPAWN_SETPGROUP) : flags);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    error = posix_spawn_file_actions_init(&actions);
    if (error == 0) {
        if (fd >= 0)
            error = posix_spawn_file_actions_adddup2(&actions, fd, as);
        char **names = rt->environment ? trace_environment(rt, environ) : environ;
        if (error == 0)
            error = names ? posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, arguments, names)
                          : ENOMEM;
        if (names != environ)
            trace_environment_free(names, environ);
        posix_spawn_file_actions_destroy(&actions);
    }
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* ---- waiting ---- */

static void send_signal(pid_t pid, int own_group, int number)
{
    kill(own_group ? -pid : pid, number);
}

/* Waits for a child, which is ended when the code has to end. The status of waitpid, or -1. */
static int wait_for(struct runtime *rt, pid_t pid, int own_group)
{
    int status = 0, waits = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
        if (interrupt_pending(rt) == STOP_NONE)
            continue;
        if (rt->closing)
            return -1; /* it goes on without us */
        if (waits == 0 || waits >= PATIENCE)
            send_signal(pid, own_group, waits == 0 ? SIGTERM : SIGKILL);
        waits++;
    }
    return status;
}

static void look_after(struct child *child)
{
    if (!child->has_ended && waitpid(child->pid, &child->status, WNOHANG) != 0)
        child->has_ended = 1;
}

/* Frees what is done with. */
static void reap(struct runtime *rt)
{
    for (struct child **at = &rt->children; *at;) {
        struct child *child = *at;
        look_after(child);
        if (child->has_ended && child->is_closed) {
            *at = child->next;
            free(child);
        } else {
            at = &child->next;
        }
    }
}

/* What os.execute and file:close return; first what the child has printed. */
static int push_status(lua_State *L, int status)
{
    struct runtime *rt = runtime_of(L);
    if (rt->call)
        rt->executor->write(rt->call, LLMSPELL_STDOUT, "", 0);
    interrupt_look(L);
    if (status >= 0)
        errno = 0; /* or luaL_execresult takes the status for a failure to run */
    return luaL_execresult(L, status);
}

/* ---- os.execute ---- */

static int os_execute(lua_State *L)
{
    const char *command = luaL_optstring(L, 1, NULL);
    if (!command) {
        lua_pushboolean(L, access("/bin/sh", X_OK) == 0);
        return 1;
    }
    pid_t pid = 0;
    int own_group = !isatty(STDIN_FILENO);
    int error = spawn_shell(runtime_of(L), command, own_group, -1, -1, &pid);
    if (error) {
        errno = error;
        return luaL_fileresult(L, 0, NULL);
    }
    return push_status(L, wait_for(runtime_of(L), pid, own_group));
}

/* ---- io.popen ---- */

/* Lua's closef: the file is closed by the script, by <close>, or by the collector. */
static int close_pipe(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    struct pipe_file *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    struct child *child = file->child;
    fclose(file->stream.f); /* a child that reads sees the end */
    child->is_closed = 1;
    if (rt->collecting && !rt->closing)
        return 0; /* reap waits for it */
    if (!child->has_ended)
        child->status = wait_for(rt, child->pid, child->own_group);
    child->has_ended = 1;
    int status = child->status;
    reap(rt);
    return push_status(L, status);
}

static int collect_file(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    rt->collecting++;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    int status = lua_pcall(L, 1, 0, 0);
    rt->collecting--;
    return status == LUA_OK ? 0 : lua_error(L);
}

/* The parent's end of a pipe to or from a new child, or -errno. */
static int start_child(const struct runtime *rt, struct child *child, const char *command,
                       int reads)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    int error = spawn_shell(rt, command, child->own_group, ends[reads ? 1 : 0],
                            reads ? STDOUT_FILENO : STDIN_FILENO, &child->pid);
    close(ends[reads ? 1 : 0]);
    if (error == 0)
        return ends[reads ? 0 : 1];
    close(ends[reads ? 0 : 1]);
    return -error;
}

static int io_popen(lua_State *L)
{
    struct runtime *rt = runtime_of(L);
    const char *command = luaL_checkstring(L, 1), *mode = luaL_optstring(L, 2, "r");
    int reads = strcmp(mode, "r") == 0;
    luaL_argcheck(L, reads || strcmp(mode, "w") == 0, 2, "invalid mode");
    reap(rt);
    struct pipe_file *file = lua_newuserdatauv(L, sizeof *file, 0);
    file->stream = (luaL_Stream){NULL, NULL}; /* closed, for the collector */
    luaL_setmetatable(L, LUA_FILEHANDLE);
    struct child *child = calloc(1, sizeof *child);
    if (!child)
        return luaL_error(L, "not enough memory");
    child->own_group = !isatty(STDIN_FILENO);
    child->cell = rt->cell;
    int fd = start_child(rt, child, command, reads);
    file->stream.f = fd >= 0 ? fdopen(fd, mode) : NULL;
    if (!file->stream.f) {
        errno = fd < 0 ? -fd : errno;
        free(child);
        return luaL_fileresult(L, 0, command);
    }
    file->stream.closef = close_pipe;
    file->child = child;
    child->next = rt->children;
    rt->children = child;
    return 1;
}

/* ---- cells ---- */

uint64_t process_cell_begins(struct runtime *rt)
{
    uint64_t outer = rt->cell;
    reap(rt);
    rt->cell = ++rt->cells;
    return outer;
}

void process_cell_ends(struct runtime *rt, uint64_t outer, int stopped)
{
    for (struct child *child = rt->children; stopped && child; child = child->next) {
        look_after(child);
        if (child->cell == rt->cell && !child->has_ended)
            send_signal(child->pid, child->own_group, SIGTERM);
    }
    reap(rt);
    rt->cell = outer;
}

void process_close(struct runtime *rt)
{
    for (struct child *next; rt->children; rt->children = next) {
        next = rt->children->next;
        free(rt->children);
    }
}

void process_open(lua_State *L)
{
    if (runtime_of(L)->safe)
        return;
    lua_getglobal(L, "os");
    lua_pushcfunction(L, os_execute);
    lua_setfield(L, -2, "execute");
    lua_getglobal(L, "io");
    lua_pushcfunction(L, io_popen);
    lua_setfield(L, -2, "popen");
    luaL_getmetatable(L, LUA_FILEHANDLE);
    lua_getfield(L, -1, "__gc");
    lua_pushcclosure(L, collect_file, 1);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 3);
}
