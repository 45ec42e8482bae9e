/* SPDX-License-Identifier: Apache-2.0
 * The parent's side: a child for as many cases as it survives, then another one for the rest. */
#include "tool/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "tool/trial_child.h"

struct child {
    pid_t pid;
    int fd;
    char *text; /* the lines that came */
    size_t size;
    bool late;  /* killed, since nothing came in time */
    int status; /* of waitpid */
};

static void child_clear(struct child *child)
{
    if (child->fd >= 0)
        close(child->fd);
    free(child->text);
}

static int start_child(const struct trial *trial, size_t first, struct child *ret_child,
                       struct error *ret_error)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot make a pipe: %s", strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(1);
        close(ends[0]);
        exit(trial_child_run(trial, first, ends[1]));
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error_set(ret_error, LLMSPELL_EIO, "cannot start a process: %s", strerror(errno));
    }
    setpgid(pid, pid); /* whichever of us comes first */
    *ret_child = (struct child){.pid = pid, .fd = ends[0]};
    return 0;
}

/* A child of the tool may hold the pipe open for ever. */
static bool has_ended(const struct child *child)
{
    size_t n = strlen(TRIAL_END);
    return child->size >= n && memcmp(child->text + child->size - n, TRIAL_END, n) == 0;
}

static int read_child(struct child *child, int timeout_ms, struct error *ret_error)
{
    while (!has_ended(child)) {
        struct pollfd wait = {.fd = child->fd, .events = POLLIN};
        char bytes[4096];
        int ready = poll(&wait, 1, timeout_ms);
        if (ready < 0 && errno == EINTR)
            continue;
        ssize_t n = ready > 0 ? read(child->fd, bytes, sizeof bytes) : 0;
        child->late = ready == 0;
        if (n <= 0)
            break;
        char *grown = realloc(child->text, child->size + (size_t)n + 1);
        if (!grown)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        child->text = grown;
        memcpy(grown + child->size, bytes, (size_t)n);
        child->size += (size_t)n;
        grown[child->size] = '\0';
    }
    return 0;
}

static void end_child(struct child *child)
{
    if (child->late || !child->size)
        kill(child->pid, SIGKILL);
    while (waitpid(child->pid, &child->status, 0) < 0 && errno == EINTR)
        continue;
    kill(-child->pid, SIGKILL); /* what the tool left behind */
}

/* Why a child did not come to its end. */
static void describe_end(const struct child *child, int timeout_ms, char *message, size_t size)
{
    int number = WIFSIGNALED(child->status) ? WTERMSIG(child->status) : 0;
    const char *name = sigabbrev_np(number);
    if (child->late)
        snprintf(message, size,
                 "did not end within %g s: ask llmspell_cancelled() in loops, give waits a limit "
                 "(--timeout gives it more time)",
                 timeout_ms / 1000.0);
    else if (number)
        snprintf(message, size,
                 "crashed with SIG%s (%s): it would have taken the host along; run the test below "
                 "gdb or valgrind, or build with -fsanitize=address",
                 name ? name : "?", strsignal(number));
    else
        snprintf(message, size,
                 "ended the process with status %d: a tool returns an error, it does not exit",
                 WEXITSTATUS(child->status));
}

static void add_row(json_t *rows, const json_t *title, const char *message)
{
    json_array_append_new(
        rows, json_pack("{s:O, s:s, s:s}", "title", title, "status", "error", "message", message));
}

/* Takes the lines of a child into rows; returns how many cases it has begun. */
static size_t take_lines(struct child *child, int timeout_ms, json_t *rows)
{
    LLMSPELL_CLEANUP_JSON json_t *running = NULL;
    size_t begun = 0;
    char *rest = child->text, *line;
    while (rest && (line = strsep(&rest, "\n")) && rest) {
        json_t *value = json_loads(line, 0, NULL);
        if (json_object_get(value, "start")) {
            json_decref(running);
            running = json_incref(json_object_get(value, "start"));
            begun++;
        } else if (json_object_get(value, "row")) {
            json_array_append(rows, json_object_get(value, "row"));
            json_decref(running);
            running = NULL;
        }
        json_decref(value);
    }
    bool died = child->late || !WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0;
    if (running || died) {
        char message[512];
        LLMSPELL_CLEANUP_JSON json_t *title = json_string("(end of the process)");
        describe_end(child, timeout_ms, message, sizeof message);
        add_row(rows, running ? running : title, message);
    }
    return begun;
}

/* Runs the cases from *first on, until the child ends; moves *first behind what was begun. */
static int run_some(const struct trial *trial, size_t *first, json_t *rows, struct error *ret_error)
{
    struct child child;
    int rc = start_child(trial, *first, &child, ret_error);
    if (rc < 0)
        return rc;
    rc = read_child(&child, trial->timeout_ms, ret_error);
    bool ended = has_ended(&child);
    if (rc == 0 && ended) {
        struct pollfd wait = {.fd = child.fd, .events = POLLIN};
        child.late = poll(&wait, 1, 5000) == 0; /* destructors run now */
    }
    end_child(&child);
    size_t begun = rc == 0 ? take_lines(&child, trial->timeout_ms, rows) : 0;
    *first = ended || begun == 0 ? json_array_size(trial->tests) : *first + begun;
    child_clear(&child);
    return rc;
}

int trial_run_inline(const struct trial *trial, json_t **ret_rows, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *rows = json_array();
    int rc = 0, failed = 0;
    size_t first = 0, i;
    json_t *row;
    fflush(NULL);
    do
        rc = run_some(trial, &first, rows, ret_error);
    while (rc == 0 && first < json_array_size(trial->tests));
    if (rc < 0)
        return rc;
    json_array_foreach(rows, i, row)
    {
        failed += !llmspell_is(row, "status", "ok");
    }
    *ret_rows = llmspell_steal_json(&rows);
    return failed;
}
