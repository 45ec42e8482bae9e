/* SPDX-License-Identifier: Apache-2.0
 * Starting and ending runner processes. Each leads a session of its own, so that whatever it starts
 * is killed with it. */
#include "tool/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/logger.h"
#include "tool/extensions.h"
#include "tool/talk.h"

#define END_MS 2000         /* a killed process that is not gone then is left to the system */
#define DATA_MAX (64 << 20) /* bytes of an answer if the manifest gives no limit */
#define SLACK 65536         /* bytes of a frame beyond its result */

static int system_error(const char *what, int reason, struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_EIO, "cannot start a process for the tool: %s: %s", what,
                     strerror(reason));
}

/* ---- what the runner is told ---- */

static json_t *roots_json(const struct grants *grants)
{
    json_t *roots = json_array();
    for (unsigned i = 0; i < grants->root_count; i++)
        json_array_append_new(roots,
                              json_pack("{s:s, s:b, s:b}", "path", grants->roots[i].path, "write",
                                        grants->roots[i].write, "state", grants->roots[i].state));
    return roots;
}

static int log_level_now(void)
{
    int level = LOG_OFF;
    while (level < LOG_TRACE && logger_enabled((enum log_level)(level + 1)))
        level++;
    return level;
}

static json_t *stamp_json(const struct plugin *plugin)
{
    const struct note_stamp *stamp = &plugin->stamp;
    return json_pack("[I, I, I, I, I]", (json_int_t)stamp->device, (json_int_t)stamp->inode,
                     (json_int_t)stamp->mtime_ns, (json_int_t)stamp->size,
                     (json_int_t)frame_hash(plugin->text, plugin->text_size));
}

static json_t *setup_json(const struct runner_call *call)
{
    const struct grants *grants = call->grants;
    return json_pack(
        "{s:s, s:o, s:s, s:o, s:b, s:b, s:O, s:I, s:I, s:i, s:O?, s:O?}", "plugin",
        call->plugin->path, "stamp", stamp_json(call->plugin), "workdir", grants->workdir, "roots",
        roots_json(grants), "net", grants->net, "metadata", grants->metadata, "exec", grants->exec,
        "memory_mb", (json_int_t)call->memory_mb, "output_bytes", (json_int_t)call->output_bytes,
        "log_level", log_level_now(), "config", call->config, "extensions", call->setup);
}

/* An environment of a few harmless variables, and what the tool was granted. */
struct environment {
    char *items[64];
    unsigned count;
};

static void add_variable(struct environment *environment, const char *name, const char *value)
{
    char *text;
    if (environment->count + 1 < sizeof environment->items / sizeof *environment->items &&
        asprintf(&text, "%s=%s", name, value) >= 0)
        environment->items[environment->count++] = text;
}

extern char **environ;

static void add_granted(struct environment *environment, const json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name)
    {
        const char *value = getenv(json_string_value(name));
        if (value)
            add_variable(environment, json_string_value(name), value);
    }
}

static void add_place(void *data, bool is_file, const char *place)
{
    const char *value = is_file ? NULL : getenv(place);
    if (value)
        add_variable(data, place, value);
}

/* Secrets that lie in variables: the tool may ask for them anyway. */
static void add_secrets(struct environment *environment, const json_t *setup)
{
    struct extensions *extensions;
    if (extensions_from_json(setup, &extensions, NULL) < 0)
        return;
    extensions_places(extensions, add_place, environment);
    extensions_free(extensions);
}

static void make_environment(struct environment *environment, const struct runner_call *call)
{
    const char *tmpdir = getenv("TMPDIR"), *zone = getenv("TZ");
    *environment = (struct environment){.count = 0};
    add_variable(environment, "PATH", "/usr/local/bin:/usr/bin:/bin");
    add_variable(environment, "LANG", "C.UTF-8");
    add_variable(environment, "TMPDIR", tmpdir && *tmpdir == '/' ? tmpdir : "/tmp");
    if (zone)
        add_variable(environment, "TZ", zone);
    add_granted(environment, call->grants->env);
    add_secrets(environment, call->setup);
}

static void clear_environment(struct environment *environment)
{
    for (unsigned i = 0; i < environment->count; i++)
        free(environment->items[i]);
}

/* ---- spawning ---- */

/* The ends of the runner; closed once it is there. */
struct ends {
    int channel, flag, printed;
};

static int add_actions(posix_spawn_file_actions_t *actions, const struct ends *ends)
{
    int rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, ends->printed, 1);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, ends->printed, 2);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, ends->channel, RUNNER_CHANNEL_FD);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, ends->flag, RUNNER_FLAG_FD);
    return rc == 0 ? posix_spawn_file_actions_addclosefrom_np(actions, RUNNER_FLAG_FD + 1) : rc;
}

static int spawn(const char *program, const struct ends *ends, char *const *environment,
                 pid_t *ret_pid)
{
    char *const arguments[] = {(char *)"llmspell", (char *)RUNNER_ARGUMENT, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
    int rc = add_actions(&actions, ends);
    if (rc == 0)
        rc = posix_spawn(ret_pid, program, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return rc;
}

/* Everything that lies between the two, none of it below the runner's own descriptors. */
static int make_ends(struct process *process, struct ends *ends, struct error *ret_error)
{
    int channel[2], printed[2];
    ends->flag = memfd_create("llmspell-runner", MFD_CLOEXEC);
    if (ends->flag < 0 || ftruncate(ends->flag, sizeof *process->flag) != 0)
        return system_error("memfd_create", errno, ret_error);
    void *page =
        mmap(NULL, sizeof *process->flag, PROT_READ | PROT_WRITE, MAP_SHARED, ends->flag, 0);
    if (page == MAP_FAILED)
        return system_error("mmap", errno, ret_error);
    process->flag = page;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel) != 0)
        return system_error("socketpair", errno, ret_error);
    process->channel = channel[0];
    ends->channel = channel[1];
    if (pipe2(printed, O_CLOEXEC) != 0)
        return system_error("pipe", errno, ret_error);
    process->printed = printed[0];
    ends->printed = printed[1];
    fcntl(process->printed, F_SETFL, O_NONBLOCK);
    return 0;
}

/* dup2 onto itself would leave a descriptor close-on-exec, and 3 or 4 may be taken here. */
static int lift(int *fd)
{
    if (*fd < 0 || *fd > RUNNER_FLAG_FD)
        return 0;
    int high = fcntl(*fd, F_DUPFD_CLOEXEC, RUNNER_FLAG_FD + 1);
    if (high < 0)
        return -1;
    close(*fd);
    *fd = high;
    return 0;
}

static int start_child(const char *program, const struct runner_call *call, struct process *process,
                       struct ends *ends, struct error *ret_error)
{
    struct environment environment;
    int rc = make_ends(process, ends, ret_error);
    if (rc < 0)
        return rc;
    if (lift(&ends->channel) < 0 || lift(&ends->flag) < 0 || lift(&ends->printed) < 0)
        return system_error("dup", errno, ret_error);
    make_environment(&environment, call);
    rc = spawn(program ? program : "/proc/self/exe", ends, environment.items, &process->pid);
    clear_environment(&environment);
    if (rc != 0) {
        process->pid = 0;
        return system_error("posix_spawn", rc, ret_error);
    }
    process->handle = pidfd_open(process->pid, 0);
    return process->handle < 0 ? system_error("pidfd_open", errno, ret_error) : 0;
}

int process_start(const char *program, const struct runner_call *call, struct process **ret_process,
                  bool *ret_gone, struct error *ret_error)
{
    struct ends ends = {-1, -1, -1};
    struct process *process = calloc(1, sizeof *process);
    *ret_gone = false;
    if (!process)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    process->key = call->key;
    process->memory_mb = call->memory_mb;
    process->may_spin = sysconf(_SC_NPROCESSORS_ONLN) > 1;
    process->plugin = plugin_ref(call->plugin);
    process->source = call->plugin->source;
    process->handle = process->channel = process->printed = -1;
    int rc = start_child(program, call, process, &ends, ret_error);
    if (ends.channel >= 0)
        close(ends.channel);
    if (ends.flag >= 0)
        close(ends.flag);
    if (ends.printed >= 0)
        close(ends.printed);
    if (rc == 0) {
        int64_t limit = (call->output_bytes > 0 ? call->output_bytes : DATA_MAX) + SLACK;
        frame_reader_init(&process->reader, process->channel, MSG_DONTWAIT,
                          limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
        LLMSPELL_CLEANUP_JSON json_t *setup = setup_json(call);
        rc = talk_set_up(process, call, setup, ret_gone, ret_error);
    }
    if (rc < 0)
        process_end(process, 0);
    else
        *ret_process = process;
    return rc;
}

/* ---- ending ---- */

void process_hang_up(struct process *process)
{
    process->closing = true;
    shutdown(process->channel, SHUT_WR);
}

static bool has_ended(const struct process *process, int wait_ms)
{
    struct pollfd handle = {.fd = process->handle, .events = POLLIN};
    int n;
    do
        n = poll(&handle, 1, wait_ms);
    while (n < 0 && errno == EINTR);
    return n > 0;
}

/* The group goes before its leader is reaped: until then nobody else can have its number. */
static void bury(const struct process *process, int wait_ms)
{
    int status = 0;
    bool by_itself = process->handle >= 0 && has_ended(process, wait_ms);
    if (!by_itself)
        kill(process->pid, SIGKILL);
    kill(-process->pid, SIGKILL);
    if (process->handle < 0 || has_ended(process, END_MS))
        while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR)
            ;
    if (process->closing && !by_itself)
        log_warn(process->source, "its process did not end within %d ms: it was killed", wait_ms);
    else if (process->closing && WIFSIGNALED(status))
        log_warn(process->source, "its process crashed with SIG%s when it was closed",
                 sigabbrev_np(WTERMSIG(status)));
}

bool process_is_dead(const struct process *process)
{
    return has_ended(process, 0);
}

void process_end(struct process *process, int wait_ms)
{
    if (!process)
        return;
    if (process->pid > 0)
        bury(process, wait_ms);
    frame_reader_clear(&process->reader);
    if (process->flag)
        munmap(process->flag, sizeof *process->flag);
    if (process->handle >= 0)
        close(process->handle);
    if (process->channel >= 0)
        close(process->channel);
    if (process->printed >= 0)
        close(process->printed);
    plugin_unref(process->plugin);
    free(process);
}
