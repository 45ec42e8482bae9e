/* SPDX-License-Identifier: Apache-2.0
 * Frames to and from a runner. What it sends is not trusted: sizes are bounded, text is parsed, and
 * anything that is out of order ends the process. */
#include "tool/talk.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/logger.h"
#include "tool/invoke.h"

#define GRACE_MS 150      /* to notice a cancellation before the kill */
#define PRINTED_LINES 100 /* of what a tool prints during one call; the rest is dropped */

struct talk {
    struct process *process;
    const struct runner_call *call; /* NULL: set-up */
    int64_t deadline_ns;            /* 0: none */
    int64_t kill_ns;                /* 0: not asked to end yet */
    int why;                        /* ETIMEOUT or ECANCELLED, once asked */
    json_t *result;
    struct error *error;
};

enum outcome { GO_ON, ANSWERED, FAILED, GONE };

/* ---- what it prints ---- */

static void log_printed(struct process *process, char *text, size_t size)
{
    for (char *line = text, *end = text + size; line < end;) {
        char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t length = (size_t)((stop ? stop : end) - line);
        if (process->printed_lines < PRINTED_LINES && length > 0)
            log_warn(process->source, "it prints: %.*s", (int)length, line);
        else if (process->printed_lines == PRINTED_LINES)
            log_warn(process->source, "it prints more, which is dropped");
        process->printed_lines++;
        line += length + 1;
    }
}

/* At most one pipe full: a process that prints for ever does not keep us. */
static void read_printed(struct process *process)
{
    char text[4096];
    for (int i = 0; i < 16; i++) {
        ssize_t n = read(process->printed, text, sizeof text);
        if (n <= 0)
            return;
        log_printed(process, text, (size_t)n);
    }
}

/* ---- how it ended ---- */

/* The process is reaped later; here it only tells. */
static enum outcome tell_end(struct talk *talk)
{
    siginfo_t info = {0};
    struct pollfd handle = {.fd = talk->process->handle, .events = POLLIN};
    const char *when = talk->call ? "during the call" : "while it was loaded";
    poll(&handle, 1, 1000); /* the channel may close before the process is through */
    read_printed(talk->process);
    if (waitid(P_PID, (id_t)talk->process->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0)
        error_set(talk->error, LLMSPELL_EFAILED, "the process of %s closed its channel %s",
                  talk->process->source, when);
    else if (info.si_code == CLD_EXITED)
        error_set(talk->error, LLMSPELL_EFAILED, "the process of %s ended with exit status %d %s",
                  talk->process->source, info.si_status, when);
    else
        error_set(talk->error, LLMSPELL_EFAILED,
                  "%s crashed with SIG%s (%s) %s; its memory is limited to %lld MB",
                  talk->process->source, sigabbrev_np(info.si_status), sigdescr_np(info.si_status),
                  when, (long long)talk->process->memory_mb);
    return GONE;
}

/* ---- what it says ---- */

static void take_log(const struct talk *talk, const json_t *value)
{
    int64_t level = llmspell_integer(value, "level", LOG_INFO);
    const char *message = llmspell_string(value, "message");
    if (message && level >= LOG_ERROR && level <= LOG_TRACE)
        log_write((enum log_level)level, talk->process->source, "%s", message);
}

static void take_progress(const struct talk *talk, const json_t *value)
{
    if (talk->call && talk->call->progress)
        talk->call->progress(
            talk->call->progress_data, json_number_value(json_object_get(value, "done")),
            json_number_value(json_object_get(value, "total")), llmspell_string(value, "message"));
}

/* The tool waits until the other one has answered; the answer goes back as a frame. */
static enum outcome take_nested(struct talk *talk, const json_t *value)
{
    const struct runner_call *call = talk->call;
    const char *name = llmspell_string(value, "name");
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    struct error error = {0};
    if (!name || !call->nested)
        error_set(&error, LLMSPELL_EUNAVAILABLE, "no other tool can be called from here");
    else
        error.code = call->nested(call->nested_data, name, json_object_get(value, "params"),
                                  &result, &error);
    LLMSPELL_CLEANUP_JSON json_t *why = error.code < 0 ? error_json(&error) : NULL;
    int rc = frame_write_json(talk->process->channel, why ? FRAME_ERROR : FRAME_RESULT,
                              why ? why : result);
    return rc < 0 ? tell_end(talk) : GO_ON;
}

static enum outcome out_of_order(struct talk *talk, const char *what)
{
    error_set(talk->error, LLMSPELL_EFAILED,
              "the process of %s %s: it was ended; the tool writes into files that are not its own",
              talk->process->source, what);
    return GONE;
}

static enum outcome take_frame(struct talk *talk, enum frame_kind kind, const char *text,
                               size_t size)
{
    if (kind == FRAME_TIRED) {
        log_warn(talk->process->source, "a call has changed %.*s: its process is not used again",
                 (int)size, text);
        talk->process->tired = true;
        return GO_ON;
    }
    LLMSPELL_CLEANUP_JSON json_t *value = frame_json(text, size);
    if (kind == FRAME_RESULT && value && talk->call) {
        talk->result = llmspell_steal_json(&value);
        return ANSWERED;
    }
    if (!json_is_object(value))
        return out_of_order(talk, "sent something that is no message");
    if (kind == FRAME_READY && !talk->call)
        return ANSWERED;
    if (kind == FRAME_ERROR) {
        frame_error(value, talk->error);
        return FAILED;
    }
    if (kind == FRAME_NESTED && talk->call)
        return take_nested(talk, value);
    if (kind == FRAME_LOG)
        take_log(talk, value);
    else if (kind == FRAME_PROGRESS)
        take_progress(talk, value);
    else
        return out_of_order(talk, "sent a message that nobody expects");
    return GO_ON;
}

static enum outcome tell_kill(struct talk *talk)
{
    if (talk->why == LLMSPELL_ECANCELLED)
        error_set(talk->error, talk->why, "%s was cancelled, and its process ended",
                  talk->process->plugin->head.name);
    else
        error_set(talk->error, talk->why, "%s", ""); /* call_failed knows the limit */
    return GONE;
}

/* ---- the wait ---- */

static enum outcome take_frames(struct talk *talk)
{
    enum frame_kind kind;
    const char *text;
    size_t size;
    int rc;
    while ((rc = frame_next(&talk->process->reader, &kind, &text, &size)) == 1) {
        enum outcome outcome = take_frame(talk, kind, text, size);
        if (outcome != GO_ON)
            return outcome;
    }
    if (rc == 0)
        return GO_ON;
    if (rc == -EMSGSIZE) {
        error_set(talk->error, LLMSPELL_ELIMIT,
                  "%s sent an answer of more than %u bytes: its process was ended",
                  talk->process->source, talk->process->reader.limit);
        return GONE;
    }
    return tell_end(talk);
}

static void ask_to_end(struct talk *talk, int why)
{
    if (talk->kill_ns)
        return;
    talk->why = why;
    talk->kill_ns = clock_monotonic_ns() + GRACE_MS * INT64_C(1000000);
    atomic_store(&talk->process->flag->cancel, why);
}

static int wait_ms(const struct talk *talk, int64_t now)
{
    int64_t until = talk->kill_ns ? talk->kill_ns : talk->deadline_ns;
    if (until == 0)
        return -1;
    return until <= now ? 0 : (int)((until - now) / 1000000) + 1;
}

/* Sleeps until something happens. */
static void sleep_on(struct talk *talk, int cancel)
{
    struct pollfd fds[3] = {{.fd = talk->process->channel, .events = POLLIN},
                            {.fd = talk->process->printed, .events = POLLIN},
                            {.fd = talk->kill_ns ? -1 : cancel, .events = POLLIN}};
    if (talk->process->printed_lines > PRINTED_LINES)
        fds[1].fd = -1; /* it may wait until its pipe is emptied after the call */
    poll(fds, 3, wait_ms(talk, clock_monotonic_ns()));
    if (fds[1].revents & POLLIN)
        read_printed(talk->process);
}

static enum outcome converse(struct talk *talk)
{
    struct cancel *cancel = talk->call ? talk->call->cancel : NULL;
    int fd = cancel ? cancel_fd(cancel) : -1;
    for (;;) {
        enum outcome outcome = take_frames(talk);
        if (outcome != GO_ON)
            return outcome;
        int64_t now = clock_monotonic_ns();
        if (talk->kill_ns && now >= talk->kill_ns)
            return tell_kill(talk);
        if (cancel && cancel_is_set(cancel))
            ask_to_end(talk, LLMSPELL_ECANCELLED);
        else if (talk->deadline_ns && now >= talk->deadline_ns)
            ask_to_end(talk, LLMSPELL_ETIMEOUT);
        sleep_on(talk, fd);
    }
}

/* ---- the two conversations ---- */

int talk_set_up(struct process *process, const json_t *setup, int64_t wall_ms,
                struct error *ret_error)
{
    struct error error = {0};
    struct talk talk = {.process = process, .error = &error};
    talk.deadline_ns = clock_monotonic_ns() + wall_ms * 1000000;
    int rc = frame_write_json(process->channel, FRAME_SETUP, setup);
    enum outcome outcome = rc < 0 ? tell_end(&talk) : converse(&talk);
    if (outcome == ANSWERED)
        return 0;
    if (talk.why == LLMSPELL_ETIMEOUT)
        error_set(&error, LLMSPELL_ETIMEOUT, "%s was not loaded within %lld s", process->source,
                  (long long)wall_ms / 1000);
    return error_set_at(ret_error, error.code, error.has_path ? error.path : NULL, "%s",
                        error.message);
}

static int send_call(struct process *process, const struct runner_call *call)
{
    LLMSPELL_CLEANUP_JSON json_t *request = json_pack(
        "{s:O, s:I}", "params", (json_t *)call->params, "wall_ms", (json_int_t)call->wall_ms);
    return frame_write_json(process->channel, FRAME_CALL, request);
}

/* The codes that the host itself knows better have one wording, wherever the tool runs. */
static int call_failed(const struct talk *talk, struct error *ret_error)
{
    const struct runner_call *call = talk->call;
    const struct error *error = talk->error;
    const char *name = call->plugin->head.name;
    if (error->code == LLMSPELL_ETIMEOUT && !*error->message)
        return error_set(ret_error, error->code, "%s was stopped after its time limit of %lld ms",
                         name, (long long)call->wall_ms);
    if (error->code == LLMSPELL_ENOMEM)
        return error_set(ret_error, LLMSPELL_ELIMIT,
                         "%s needs more memory than its limit of %lld MB", name,
                         (long long)call->memory_mb);
    return error_set_at(ret_error, error->code, error->has_path ? error->path : NULL, "%s",
                        error->message);
}

int process_call(struct process *process, const struct runner_call *call, json_t **ret_result,
                 bool *ret_gone, struct error *ret_error)
{
    struct error error = {0};
    struct talk talk = {.process = process, .call = call, .error = &error};
    process->printed_lines = 0;
    atomic_store(&process->flag->cancel, 0);
    read_printed(process);
    *ret_gone = true;
    int rc = send_call(process, call);
    if (rc == -EPIPE || rc == -ECONNRESET)
        return -EPIPE;
    if (rc < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot hand the call to the process of %s: %s",
                         process->source, strerror(-rc));
    if (call->wall_ms > 0)
        talk.deadline_ns = clock_monotonic_ns() + call->wall_ms * 1000000;
    enum outcome outcome = converse(&talk);
    read_printed(process);
    process->calls++;
    *ret_gone = outcome == GONE || process->tired;
    if (outcome == ANSWERED) {
        *ret_result = talk.result;
        return 0;
    }
    return call_failed(&talk, ret_error);
}
