/* SPDX-License-Identifier: Apache-2.0
 * The way to the main thread and from it. Signals come through libuv's pipe and are submitted to
 * the kernel as the same messages that clients send; what other threads ask of the process waits in
 * a list until the loop takes it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/internal.h"
#include "daemon/signals.h"
#include "log/capture.h"
#include "log/logger.h"

/* ---- to the kernel ---- */

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    (void)data;
    if (!llmspell_is(content, "status", "ok")) {
        const char *why = llmspell_string(content, "evalue");
        log_warn("kernel", "%s: %s", msg_type, why ? why : "failed");
    }
    json_decref(content);
}

static int submit(struct server *server, const char *msg_type, json_t *content)
{
    struct llmspell_request request = {.size = sizeof request,
                                       .flags = LLMSPELL_REQUEST_CONTROL,
                                       .msg_type = msg_type,
                                       .content = content,
                                       .data = server,
                                       .reply = on_reply};
    return kernel_submit(server->kernel, NULL, &request);
}

static void submit_or_warn(struct server *server, const char *msg_type)
{
    int rc = submit(server, msg_type, json_object());
    if (rc < 0)
        log_warn("kernel", "%s was not taken: %s", msg_type, llmspell_error_text(rc));
}

/* wait: operations get [kernel] shutdown_grace. */
static void ask_shutdown(struct server *server, const char *reason, bool wait)
{
    int rc = submit(server, "shutdown_request",
                    json_pack("{s:b, s:b, s:s}", "restart", 0, "wait", wait, "reason", reason));
    if (rc < 0 && rc != LLMSPELL_EBUSY) /* busy: it is shutting down already */
        log_error("kernel", "shutdown_request was not taken: %s", llmspell_error_text(rc));
}

/* ---- from the kernel, on any thread ---- */

void bridge_shutdown(void *data, const json_t *content)
{
    struct server *server = data;
    const char *reason = llmspell_string(content, "reason");
    pthread_mutex_lock(&server->lock);
    if (!server->stop) {
        server->stop = true;
        server->wait = llmspell_bool(content, "wait", 0);
        snprintf(server->reason, sizeof server->reason, "%s", reason ? reason : "shutdown_request");
    }
    pthread_mutex_unlock(&server->lock);
    uv_async_send(&server->wake);
}

static json_t *refusal(void)
{
    struct error error;
    error_set(&error, LLMSPELL_EBUSY, "the kernel is shutting down");
    return server_failure(&error);
}

void bridge_manage(void *data, struct operation *operation)
{
    struct server *server = data;
    struct managed *managed = calloc(1, sizeof *managed);
    pthread_mutex_lock(&server->lock);
    bool taken = managed && !server->ending;
    if (taken) {
        managed->operation = operation;
        *server->last = managed;
        server->last = &managed->next;
    }
    pthread_mutex_unlock(&server->lock);
    if (taken) {
        uv_async_send(&server->wake);
        return;
    }
    free(managed);
    operation_finish(operation, refusal());
}

static struct managed *take_all(struct server *server, bool ending)
{
    pthread_mutex_lock(&server->lock);
    struct managed *all = server->first;
    server->first = NULL;
    server->last = &server->first;
    server->ending = server->ending || ending;
    pthread_mutex_unlock(&server->lock);
    return all;
}

void bridge_refuse(struct server *server)
{
    for (struct managed *next, *m = take_all(server, true); m; m = next) {
        next = m->next;
        operation_finish(m->operation, refusal());
        free(m);
    }
}

/* ---- on the main thread ---- */

static void on_wake(uv_async_t *handle)
{
    struct server *server = handle->data;
    for (struct managed *next, *m = take_all(server, false); m; m = next) {
        next = m->next;
        if (strcmp(operation_type(m->operation), "reload_request") == 0)
            reload_run(server, m->operation);
        else
            dump_run(server, m->operation);
        free(m);
    }
    pthread_mutex_lock(&server->lock);
    bool stop = server->stop;
    pthread_mutex_unlock(&server->lock);
    if (stop)
        uv_stop(handle->loop);
}

/* SIGINT ends what runs; at a terminal, a second one on an idle kernel ends the kernel. */
static void on_sigint(struct server *server)
{
    if (kernel_is_busy(server->kernel) || !isatty(STDIN_FILENO)) {
        submit_or_warn(server, "interrupt_request");
        server->asked_once = false;
        return;
    }
    if (server->asked_once) {
        ask_shutdown(server, "SIGINT", true);
        return;
    }
    dprintf(capture_stderr(), "nothing runs; Ctrl-C again ends the kernel\n");
    server->asked_once = true;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    log_info("kernel", "SIG%s", sigabbrev_np(number));
    switch (number) {
    case SIGINT:
        on_sigint(server);
        break;
    case SIGUSR1:
        submit_or_warn(server, "reload_request");
        break;
    case SIGUSR2:
        submit_or_warn(server, "dump_request");
        break;
    default:
        ask_shutdown(server, number == SIGHUP ? "SIGHUP" : "SIGTERM", true);
    }
}

static int64_t idle_limit(const struct server *server)
{
    int64_t given = server->options->idle_timeout_ms;
    return given >= 0 ? given : config_integer(server->config, "kernel", "idle_timeout");
}

/* Fires when the kernel may have been idle long enough. */
static void on_idle_timer(uv_timer_t *handle)
{
    struct server *server = handle->data;
    int64_t idle_ms = kernel_idle_ms(server->kernel), limit = idle_limit(server);
    if (limit <= 0)
        return;
    if (idle_ms >= limit) {
        log_info("kernel", "idle for %lld ms: ending", (long long)idle_ms);
        ask_shutdown(server, "idle", true);
        return;
    }
    uv_timer_start(handle, on_idle_timer, (uint64_t)(limit - idle_ms), 0);
}

void bridge_start_idle(struct server *server)
{
    uv_timer_stop(&server->idle);
    if (idle_limit(server) > 0)
        on_idle_timer(&server->idle);
}

/* The loop turns: that is what the service manager wants to know. */
static void on_watchdog(uv_timer_t *handle)
{
    const struct server *server = handle->data;
    notify_watchdog(&server->notify);
}

void bridge_start_watchdog(struct server *server)
{
    uint64_t ms = (uint64_t)notify_watchdog_interval_ms(&server->notify);
    if (ms > 0)
        uv_timer_start(&server->watchdog, on_watchdog, ms, ms);
}

static void on_parent_gone(uv_poll_t *handle, int status, int events)
{
    struct server *server = handle->data;
    (void)status;
    (void)events;
    log_info("kernel", "the front end that started this kernel has ended");
    uv_poll_stop(handle);
    ask_shutdown(server, "front end gone", false);
}

/* A front end that starts kernels for itself says so, and may go without a word (`jupyter run`). A
 * variable that was only inherited names another process than our parent. */
static void watch_parent(struct server *server)
{
    const char *pid = getenv("JPY_PARENT_PID");
    if (!pid || server->options->ready_fd >= 0 || strtol(pid, NULL, 10) != getppid())
        return;
    server->parent_fd = pidfd_open(getppid(), 0);
    if (server->parent_fd < 0 ||
        uv_poll_init(&server->loop, &server->parent, server->parent_fd) < 0) {
        log_warn("kernel", "the front end's end will not be noticed: %s", strerror(errno));
        return;
    }
    server->parent.data = server;
    uv_poll_start(&server->parent, UV_READABLE, on_parent_gone);
}

/* ---- the loop ---- */

static void watch_signal(struct server *server, int number)
{
    uv_signal_t *handle = &server->signals[server->signal_count++];
    uv_signal_init(&server->loop, handle);
    handle->data = server;
    uv_signal_start(handle, on_signal, number);
}

static void watch_signals(struct server *server)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        watch_signal(server, numbers[i]);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (server->options->ready_fd >= 0 || signals_is_ignored(SIGHUP)) /* nohup */
        sigaction(SIGHUP, &ignore, NULL);
    else
        watch_signal(server, SIGHUP);
}

int bridge_open(struct server *server, struct error *ret_error)
{
    int rc = uv_loop_init(&server->loop);
    if (rc < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot make the event loop: %s",
                         uv_strerror(rc));
    server->loop_ready = true;
    server->last = &server->first;
    uv_async_init(&server->loop, &server->wake, on_wake);
    server->wake.data = server;
    uv_timer_init(&server->loop, &server->idle);
    server->idle.data = server;
    uv_timer_init(&server->loop, &server->watchdog);
    server->watchdog.data = server;
    watch_signals(server);
    watch_parent(server);
    return 0;
}

static void close_handle(uv_handle_t *handle, void *data)
{
    (void)data;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void bridge_close(struct server *server)
{
    if (!server->loop_ready)
        return;
    uv_walk(&server->loop, close_handle, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    if (server->parent_fd >= 0)
        close(server->parent_fd);
}
