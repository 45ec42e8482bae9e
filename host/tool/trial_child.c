/* SPDX-License-Identifier: Apache-2.0
 * Loads the tool as a host does, runs cases, compares the process before and after each. */
#include "tool/trial_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "tool/invoke.h"
#include "tool/process_state.h"

struct work {
    const struct trial *trial;
    struct registry *registry;
    int fd;         /* of the pipe */
    int output;     /* what takes the place of stdout */
    off_t wrote;    /* bytes of it so far */
    bool clean;     /* no case has left anything behind */
    json_t *before; /* the process before the tool was loaded */
};

static void send_line(const struct work *work, const char *key, json_t *value)
{
    LLMSPELL_CLEANUP_JSON json_t *line = json_pack("{s:o}", key, value);
    json_dumpfd(line, work->fd, JSON_COMPACT);
    if (write(work->fd, "\n", 1) < 0)
        _exit(1); /* nobody listens */
}

static void send_row(const struct work *work, const char *title, const char *message,
                     int64_t started_ns)
{
    json_t *row = json_pack("{s:s, s:s, s:s*, s:f}", "title", title, "status",
                            message ? "error" : "ok", "message", message, "duration_ms",
                            (double)((clock_monotonic_ns() - started_ns) / 1000) / 1000.0);
    send_line(work, "row", row);
}

/* Stdout is the client's: what a tool prints there would go into a protocol's stream. */
static int redirect_stdout(struct work *work)
{
    work->output = memfd_create("stdout", MFD_CLOEXEC);
    return work->output >= 0 && dup2(work->output, STDOUT_FILENO) >= 0 ? 0 : -1;
}

static int check_stdout(struct work *work, struct error *ret_error)
{
    struct stat st;
    fflush(stdout);
    if (fstat(work->output, &st) != 0 || st.st_size == work->wrote)
        return 0;
    long long bytes = (long long)(st.st_size - work->wrote);
    work->wrote = st.st_size;
    return error_set(ret_error, LLMSPELL_EFAILED,
                     "wrote %lld bytes to stdout, which belongs to the client: use host->log, or "
                     "put it into the result",
                     bytes);
}

/* One case: its own expectations first, then what it did to the process. The first one opens the
 * tool, which may hold descriptors and threads until it is closed. */
static int run_case(struct work *work, const json_t *test, bool is_first, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *before = process_state_read();
    int rc = tool_test_case(work->registry, work->trial->plugin->head.name, test, 0, ret_error);
    LLMSPELL_CLEANUP_JSON json_t *after = process_state_read();
    if (rc < 0)
        return rc;
    rc = process_state_compare(before, after, is_first ? PROCESS_STATE_HELD : 0, ret_error);
    work->clean = work->clean && rc == 0;
    return rc < 0 ? rc : check_stdout(work, ret_error);
}

static void run_cases(struct work *work, size_t first)
{
    const json_t *tests = work->trial->tests;
    for (size_t i = first; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i);
        const char *title = llmspell_string(test, "title");
        int64_t started_ns = clock_monotonic_ns();
        struct error error;
        send_line(work, "start", json_string(title ? title : "(no title)"));
        int rc = run_case(work, test, i == first, &error);
        send_row(work, title ? title : "(no title)", rc < 0 ? error.message : NULL, started_ns);
    }
}

/* Whatever open took, close gives back. */
static void check_closed(struct work *work)
{
    struct error error;
    int64_t started_ns = clock_monotonic_ns();
    LLMSPELL_CLEANUP_JSON json_t *after = process_state_read();
    if (work->clean && process_state_compare(work->before, after, 0, &error) < 0)
        send_row(work, "(after close)", error.message, started_ns);
}

int trial_child_run(const struct trial *trial, size_t first, int fd)
{
    struct work work = {.trial = trial, .fd = fd, .clean = true};
    struct error error;
    LLMSPELL_CLEANUP_FREE char *workdir = getcwd(NULL, 0);
    struct registry_options options = {.isolation = "inline",
                                       .catalog = trial->catalog,
                                       .config = trial->config,
                                       .workdir = workdir ? workdir : "/"};
    int64_t started_ns = clock_monotonic_ns();
    if (redirect_stdout(&work) != 0 || registry_new(&options, &work.registry, &error) < 0) {
        send_row(&work, "(start)", "cannot set up the test", started_ns);
        return EXIT_FAILURE;
    }
    work.before = process_state_read();
    run_cases(&work, first);
    registry_unref(work.registry);
    check_closed(&work);
    json_decref(work.before);
    return write(fd, TRIAL_END, strlen(TRIAL_END)) < 0;
}
