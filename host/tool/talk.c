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

#define LOAD_MS 10000         /* for loading and opening a tool */
#define LOAD_LEAST_MS 500     /* even if the call has less time */
#define SEND_S 10             /* for a runner to take what it is sent */
#define GRACE_MS 150          /* to notice a cancellation before the kill */
#define END_MS 300            /* from the end of the channel to the end of the process */
#define PROGRESS_NS 100000000 /* between two reports */
#define PRINTED_LINES 100     /* of what a tool prints during one call; the rest is dropped */
#define LOG_LINES 1000        /* likewise of what it logs */
#define SMALL_MAX 262144      /* bytes of a frame that is no result and no parameters */
#define SPIN_NS 40000         /* for which a quick tool's answer is awaited without sleeping */
#define QUICK_NS 150000       /* a call that is over in this time, with the waking up, was quick */
#define FRAMES_AT_ONCE 16     /* before the clock is looked at again */

struct talk {
    struct process *process;
    const struct runner_call *call;
    bool loading; /* the call has not been sent yet */
    bool spins;   /* the first wait, since the last call was quick */
    bool more;    /* frames may be left in the buffer */
    unsigned logged;
    int64_t deadline_ns; /* 0: none */
    int64_t kill_ns;     /* 0: not asked to end yet */
    int why;             /* ETIMEOUT or ECANCELLED, once asked */
    json_t *result;
    int64_t progress_ns; /* of the last report that was let through */
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
    const char *when = talk->loading ? "while it was loaded" : "during the call";
    poll(&handle, 1, END_MS); /* the channel may close before the process is through */
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

static void take_log(struct talk *talk, const json_t *value)
{
    if (talk->logged++ == LOG_LINES)
        log_warn(talk->process->source, "it logs more in this call, which is dropped");
    if (talk->logged > LOG_LINES)
        return;
    int64_t level = llmspell_integer(value, "level", LOG_INFO);
    const char *message = llmspell_string(value, "message");
    if (message && level >= LOG_ERROR && level <= LOG_TRACE)
        log_write((enum log_level)level, talk->process->source, "%s", message);
}

/* Ten a second reach the caller, whatever the process sends. */
static void take_progress(struct talk *talk, const json_t *value)
{
    int64_t now = clock_monotonic_ns();
    if (talk->loading || !talk->call->progress ||
        (talk->progress_ns && now - talk->progress_ns < PROGRESS_NS))
        return;
    talk->progress_ns = now;
    talk->call->progress(
        talk->call->progress_data, json_number_value(json_object_get(value, "done")),
        json_number_value(json_object_get(value, "total")), llmspell_string(value, "message"));
}

static struct frame_wait patience(const struct talk *talk)
{
    struct cancel *cancel = talk->call->cancel;
    int64_t longest = clock_monotonic_ns() + SEND_S * INT64_C(1000000000);
    bool sooner = talk->deadline_ns && talk->deadline_ns < longest;
    return (struct frame_wait){.until_ns = sooner ? talk->deadline_ns : longest,
                               .wake = cancel ? cancel_fd(cancel) : -1};
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

/* It takes nothing, or it is gone. */
static enum outcome tell_unsent(struct talk *talk, int reason)
{
    struct cancel *cancel = talk->call->cancel;
    if (reason == -EPIPE || reason == -ECONNRESET)
        return tell_end(talk);
    if (reason == -EAGAIN) {
        talk->why = cancel && cancel_is_set(cancel) ? LLMSPELL_ECANCELLED : LLMSPELL_ETIMEOUT;
        return tell_kill(talk);
    }
    error_set(talk->error, LLMSPELL_EIO, "cannot hand the call to the process of %s: %s",
              talk->process->source, strerror(-reason));
    return GONE;
}

/* Milliseconds until the deadline, at least 1; 0: there is none. */
static int64_t time_left(const struct talk *talk)
{
    int64_t left_ns = talk->deadline_ns - clock_monotonic_ns();
    return talk->deadline_ns == 0 ? 0 : left_ns < 1000000 ? 1 : left_ns / 1000000;
}

static enum outcome out_of_order(struct talk *talk, const char *what)
{
    error_set(talk->error, LLMSPELL_EFAILED,
              "the process of %s %s: it was ended; the tool writes into files that are not its own",
              talk->process->source, what);
    return GONE;
}

/* The tool waits until the other one has answered; the answer goes back as a frame. */
static enum outcome take_nested(struct talk *talk, const json_t *value)
{
    const struct runner_call *call = talk->call;
    const char *name = llmspell_string(value, "name");
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    struct error error = {0};
    if (!call->nested)
        return out_of_order(talk, "sent a message that nobody expects");
    if (!name)
        error_set(&error, LLMSPELL_EUNAVAILABLE, "no other tool can be called from here");
    else
        error.code = call->nested(call->nested_data, name, json_object_get(value, "params"),
                                  time_left(talk), &result, &error);
    LLMSPELL_CLEANUP_JSON json_t *why = error.code < 0 ? error_json(&error) : NULL;
    const struct frame_wait wait = patience(talk);
    int rc = frame_write_json(talk->process->channel, why ? FRAME_ERROR : FRAME_RESULT,
                              why ? why : result, &wait);
    return rc < 0 ? tell_unsent(talk, rc) : GO_ON;
}

static enum outcome take_result(struct talk *talk, const char *text, size_t size)
{
    talk->result = frame_json(text, size);
    if (talk->result)
        return ANSWERED;
    error_set(talk->error, LLMSPELL_ELIMIT,
              "the result of %s is no JSON, or nested deeper than %d levels",
              talk->process->plugin->head.name, JSON_PARSER_MAX_DEPTH);
    return GONE; /* it may be busy with something else than waiting for the next call */
}

static enum outcome take_frame(struct talk *talk, enum frame_kind kind, const char *text,
                               size_t size)
{
    if (kind == FRAME_RESULT && !talk->loading)
        return take_result(talk, text, size);
    if (size > SMALL_MAX && !(kind == FRAME_NESTED && !talk->loading))
        return out_of_order(talk, "sent a message that is too long");
    if (kind == FRAME_TIRED) {
        if (!talk->process->tired)
            log_warn(talk->process->source, "a call has %.*s: its process is not used again",
                     (int)size, text);
        talk->process->tired = true;
        return GO_ON;
    }
    LLMSPELL_CLEANUP_JSON json_t *value = frame_json(text, size);
    if (!json_is_object(value))
        return out_of_order(talk, "sent something that is no message");
    if (kind == FRAME_READY && talk->loading)
        return ANSWERED;
    if (kind == FRAME_ERROR) {
        frame_error(value, talk->error);
        return FAILED;
    }
    if (kind == FRAME_NESTED && !talk->loading)
        return take_nested(talk, value);
    if (kind == FRAME_LOG)
        take_log(talk, value);
    else if (kind == FRAME_PROGRESS)
        take_progress(talk, value);
    else
        return out_of_order(talk, "sent a message that nobody expects");
    return GO_ON;
}

/* ---- the wait ---- */

/* A tool that talks without end does not keep us from the clock. */
static enum outcome take_frames(struct talk *talk)
{
    enum frame_kind kind;
    const char *text;
    size_t size;
    int rc = 1;
    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
        rc = frame_next(&talk->process->reader, &kind, &text, &size);
        enum outcome outcome = rc == 1 ? take_frame(talk, kind, text, size) : GO_ON;
        if (rc != 1)
            break;
        if (outcome != GO_ON)
            return outcome;
    }
    talk->more = rc == 1;
    if (rc >= 0)
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
    if (talk->more)
        return 0;
    if (until == 0)
        return -1;
    return until <= now ? 0 : (int)((until - now) / 1000000) + 1;
}

/* A processor that falls asleep needs 50 µs to wake up: for a tool that is quicker than that, not
 * to sleep halves the time of a call. At most SPIN_NS, and only after a quick call. */
static int spin(struct pollfd *fds, nfds_t count)
{
    int n;
    int64_t until_ns = clock_monotonic_ns() + SPIN_NS;
    do
        n = poll(fds, count, 0);
    while (n == 0 && clock_monotonic_ns() < until_ns);
    return n;
}

/* Sleeps until something happens. */
static void sleep_on(struct talk *talk, int cancel)
{
    struct pollfd fds[3] = {{.fd = talk->process->channel, .events = POLLIN},
                            {.fd = talk->process->printed, .events = POLLIN},
                            {.fd = talk->kill_ns ? -1 : cancel, .events = POLLIN}};
    bool ready = talk->spins && spin(fds, 3) != 0;
    talk->spins = false;
    if (!ready)
        poll(fds, 3, wait_ms(talk, clock_monotonic_ns()));
    if (fds[1].revents & POLLIN)
        read_printed(talk->process);
}

static enum outcome converse(struct talk *talk)
{
    struct cancel *cancel = talk->call->cancel;
    int fd = cancel ? cancel_fd(cancel) : -1;
    for (;;) {
        sleep_on(talk, fd);
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
    }
}

/* ---- the two conversations ---- */

/* A plugin is loaded within the time of the call that waits for it, but has a moment at least. */
static int64_t loading_ms(const struct runner_call *call)
{
    int64_t ms = call->wall_ms > 0 && call->wall_ms < LOAD_MS ? call->wall_ms : LOAD_MS;
    return ms > LOAD_LEAST_MS ? ms : LOAD_LEAST_MS;
}

int talk_set_up(struct process *process, const struct runner_call *call, const json_t *setup,
                bool *ret_gone, struct error *ret_error)
{
    struct error error = {0};
    struct talk talk = {.process = process, .call = call, .loading = true, .error = &error};
    int64_t ms = loading_ms(call);
    talk.deadline_ns = clock_monotonic_ns() + ms * 1000000;
    const struct frame_wait wait = patience(&talk);
    int rc = frame_write_json(process->channel, FRAME_SETUP, setup, &wait);
    enum outcome outcome = rc < 0 ? tell_unsent(&talk, rc) : converse(&talk);
    *ret_gone = outcome == GONE;
    if (outcome == ANSWERED)
        return 0;
    if (talk.why == LLMSPELL_ETIMEOUT)
        error_set(&error, LLMSPELL_ETIMEOUT, "%s was not loaded within %lld ms", process->source,
                  (long long)ms);
    return error_set_at(ret_error, error.code, error.has_path ? error.path : NULL, "%s",
                        error.message);
}

static int send_call(struct process *process, const struct runner_call *call,
                     const struct frame_wait *wait)
{
    LLMSPELL_CLEANUP_JSON json_t *request = json_pack(
        "{s:O, s:I}", "params", (json_t *)call->params, "wall_ms", (json_int_t)call->wall_ms);
    return frame_write_json(process->channel, FRAME_CALL, request, wait);
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
    *ret_gone = true;
    if (call->wall_ms > 0)
        talk.deadline_ns = clock_monotonic_ns() + call->wall_ms * 1000000;
    const struct frame_wait wait = patience(&talk);
    int rc = send_call(process, call, &wait);
    if (process->calls > 0 && (rc == -EPIPE || rc == -ECONNRESET))
        return -EPIPE;
    int64_t sent_ns = clock_monotonic_ns();
    talk.spins = process->quick;
    enum outcome outcome = rc < 0 ? tell_unsent(&talk, rc) : converse(&talk);
    process->calls++;
    process->quick = process->may_spin && clock_monotonic_ns() - sent_ns < QUICK_NS;
    *ret_gone = outcome == GONE || process->tired;
    if (outcome == ANSWERED) {
        *ret_result = talk.result;
        return 0;
    }
    return call_failed(&talk, ret_error);
}
