/* SPDX-License-Identifier: Apache-2.0
 * The steps of a protocol's test, each one run of this program. */
#include "cli/plugin_serve_test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "plugin/call.h"
#include "tool/case_folder.h"

#define ID "plugin_test"
#define WORDS_MAX 16

struct bench {
    const char *program;
    char *folder;   /* of the plugin */
    char *home;     /* LLMSPELL_HOME */
    char *protocol; /* "kernel.protocol=NAME" */
    char **environment;
    int timeout_ms;
    json_t *rows;
    int failed;
};

struct step {
    const char *title;
    const char *words[6]; /* of the command line */
    int status;           /* that it must end with */
    const char *output;   /* that must be in what it writes; or NULL */
};

/* `wait` for the protocol to answer is in kernel start. The error and the output come as events. */
static const struct step STEPS[] = {
    {"serves a kernel", {"kernel", "start", "--daemon", "--id", ID}, 0, NULL},
    {"connects and answers", {"--kernel", ID, "kernel", "status", ID}, 0, ID},
    {"sends output", {"--kernel", ID, "exec", "print('out' .. 'put')"}, 0, "output"},
    {"sends a result", {"--kernel", ID, "exec", "return 6*7"}, 0, "42"},
    {"sends errors", {"--kernel", ID, "exec", "error('wrong')"}, 1, "wrong"},
    {"lists tools", {"--kernel", ID, "tool", "list"}, 0, NULL},
    {"connects again and again", {"--kernel", ID, "exec", "return 'again'"}, 0, "again"},
    {"stops", {"kernel", "stop", ID}, 0, NULL},
};

static void bench_clear(struct bench *bench)
{
    if (bench->home)
        case_folder_remove(bench->home);
    free(bench->environment);
    free(bench->protocol);
    free(bench->home);
    free(bench->folder);
    json_decref(bench->rows);
}

/* Our environment with another home; the first item is the caller's, too. */
static char **with_home(char *home)
{
    size_t count = 0, used = 0;
    while (environ[count])
        count++;
    char **list = calloc(count + 2, sizeof *list);
    if (!list)
        return NULL;
    list[used++] = home;
    for (size_t i = 0; i < count; i++)
        if (strncmp(environ[i], "LLMSPELL_HOME=", strlen("LLMSPELL_HOME=")) != 0)
            list[used++] = environ[i];
    return list;
}

static int set_up(struct bench *bench, const struct cli *cli, const struct plugin *plugin,
                  char *home_setting, size_t size, struct error *ret_error)
{
    const char *tmpdir = getenv("TMPDIR");
    bench->program = cli->program;
    bench->rows = json_array();
    bench->folder = strndup(plugin->path, (size_t)(strrchr(plugin->path, '/') - plugin->path));
    if (asprintf(&bench->home, "%s/llmspell-test-XXXXXX", tmpdir ? tmpdir : "/tmp") < 0 ||
        asprintf(&bench->protocol, "kernel.protocol=%s", plugin->head.name) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (!mkdtemp(bench->home))
        return error_set(ret_error, LLMSPELL_EIO, "cannot make the folder %s: %s", bench->home,
                         strerror(errno));
    snprintf(home_setting, size, "LLMSPELL_HOME=%s", bench->home);
    bench->environment = with_home(home_setting);
    return bench->folder && bench->environment
               ? 0
               : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}

/* Starts the program with its output going to fd. */
static pid_t start(const struct bench *bench, const struct step *step, int fd)
{
    const char *words[WORDS_MAX] = {bench->program, "--plugin-dir", bench->folder, "--set",
                                    bench->protocol};
    posix_spawn_file_actions_t actions;
    pid_t pid = -1;
    memcpy(words + 5, step->words, sizeof step->words);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, fd, STDERR_FILENO);
    if (posix_spawn(&pid, bench->program, &actions, NULL, (char *const *)words,
                    bench->environment) != 0)
        pid = -1;
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* The wait status, or -1 if it had to be killed. */
static int wait_for(pid_t pid, int timeout_ms)
{
    int status = -1, fd = (int)syscall(SYS_pidfd_open, pid, 0);
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    bool late = fd >= 0 && poll(&wait, 1, timeout_ms) == 0;
    if (late)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (fd >= 0)
        close(fd);
    return late ? -1 : status;
}

static void check(struct bench *bench, const struct step *step, int status, const char *output,
                  int64_t started_ns)
{
    struct error why;
    bool exited = status >= 0 && WIFEXITED(status);
    int rc = 0;
    if (!exited)
        rc =
            error_set(&why, LLMSPELL_EFAILED,
                      status < 0 ? "it did not end in time: %.600s" : "it crashed: %.600s", output);
    else if (WEXITSTATUS(status) != step->status)
        rc = error_set(&why, LLMSPELL_EFAILED, "exit status %d: %.600s", WEXITSTATUS(status),
                       output);
    else if (step->output && !strstr(output, step->output))
        rc =
            error_set(&why, LLMSPELL_EFAILED, "expected \"%s\", got: %.600s", step->output, output);
    bench->failed += rc < 0;
    json_array_append_new(bench->rows,
                          json_pack("{s:s, s:s, s:s*, s:f}", "title", step->title, "status",
                                    rc < 0 ? "error" : "ok", "message", rc < 0 ? why.message : NULL,
                                    "duration_ms",
                                    (double)((clock_monotonic_ns() - started_ns) / 1000) / 1000.0));
}

static void run_step(struct bench *bench, const struct step *step)
{
    char output[8192] = "";
    int64_t started_ns = clock_monotonic_ns();
    LLMSPELL_CLEANUP_CLOSE int fd = memfd_create("output", MFD_CLOEXEC);
    pid_t pid = fd < 0 ? -1 : start(bench, step, fd);
    int status = pid < 0 ? -1 : wait_for(pid, bench->timeout_ms);
    if (fd >= 0 && pread(fd, output, sizeof output - 1, 0) < 0)
        *output = '\0';
    check(bench, step, status, output, started_ns);
}

int plugin_serve_test(const struct cli *cli, const struct plugin *plugin, int timeout_ms,
                      json_t **ret_rows, struct error *ret_error)
{
    static const struct step KILL = {"", {"kernel", "stop", ID, "--force"}, 0, NULL};
    struct bench bench = {.timeout_ms = timeout_ms};
    char home[4096];
    int rc = set_up(&bench, cli, plugin, home, sizeof home, ret_error);
    for (size_t i = 0; rc == 0 && i < sizeof STEPS / sizeof STEPS[0]; i++) {
        run_step(&bench, &STEPS[i]);
        if (i == 0 && bench.failed)
            break; /* there is no kernel */
    }
    if (rc == 0 && bench.failed) {
        int fd = memfd_create("output", MFD_CLOEXEC);
        pid_t pid = start(&bench, &KILL, fd);
        if (pid > 0)
            wait_for(pid, timeout_ms);
        close(fd);
    }
    if (rc == 0)
        *ret_rows = json_incref(bench.rows);
    rc = rc < 0 ? rc : bench.failed;
    bench_clear(&bench);
    return rc;
}
