/* SPDX-License-Identifier: Apache-2.0
 * The life of a kernel process. Signals become messages of the kernel; the main thread sleeps in
 * the loop in between. */
#include "daemon/server.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include <llmspell/tool.h>

#include "daemon/daemonize.h"
#include "daemon/pidfile.h"
#include "kernel/kernel.h"
#include "log/logger.h"
#include "plugin/protocol.h"

#define PROTOCOLS_MAX 8
#define SIGNALS_MAX 8

struct served {
    const struct llmspell_protocol *protocol;
    void *self;
    const char *name;
    bool serving;
};

struct server {
    const struct server_options *options;
    struct pidfile *pidfile;
    struct kernel *kernel;
    struct served protocols[PROTOCOLS_MAX];
    unsigned protocol_count;
    json_t *connection;
    bool connection_written, given_written;

    uv_loop_t loop;
    bool loop_ready, asked_once;
    uv_async_t shutdown;
    uv_timer_t idle;
    uv_signal_t signals[SIGNALS_MAX];
    unsigned signal_count;
    uv_poll_t parent;
    int parent_fd;
    _Atomic int64_t grace_ms; /* a shutdown_request sets it on its own thread */
};

/* ---- connection files ---- */

/* Writes text to path by a temporary file beside it and rename; mode 0600. */
static int write_private(const char *path, const json_t *value, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *temporary = NULL;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) < 0 ||
        asprintf(&temporary, "%s.%016llx.tmp", path, (unsigned long long)random) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot write %s: %s", path, strerror(errno));
    bool good = json_dumpfd(value, fd, JSON_INDENT(2)) == 0 && write(fd, "\n", 1) == 1;
    good = close(fd) == 0 && good;
    if (good && rename(temporary, path) == 0)
        return 0;
    int why = errno;
    unlink(temporary);
    return error_set(ret_error, LLMSPELL_EIO, "cannot write %s: %s", path, strerror(why));
}

/* What the client who gave -f FILE wants; an empty object if there is no such file yet. */
static int read_wanted(const struct server_options *options, json_t **ret_wanted,
                       struct error *ret_error)
{
    json_error_t where;
    json_t *wanted;
    if (options->given_file && access(options->given_file, F_OK) == 0) {
        wanted = json_load_file(options->given_file, JSON_REJECT_DUPLICATES, &where);
        if (!json_is_object(wanted)) {
            json_decref(wanted);
            return error_set(ret_error, LLMSPELL_EPARSE, "%s is not a connection file: line %d: %s",
                             options->given_file, where.line, where.text);
        }
    } else {
        wanted = json_object();
    }
    if (options->port)
        json_object_set_new(wanted, "port", json_integer(options->port));
    *ret_wanted = wanted;
    return 0;
}

static int write_connection(struct server *server, struct error *ret_error)
{
    const struct server_options *options = server->options;
    json_object_set_new(server->connection, "kernel_id", json_string(options->id));
    json_object_set_new(server->connection, "pid", json_integer(getpid()));
    json_object_set_new(server->connection, "protocol", json_string(server->protocols[0].name));
    json_object_set_new(server->connection, "kernel_name", json_string("llmspell"));
    int rc = write_private(options->connection_file, server->connection, ret_error);
    server->connection_written = rc == 0;
    if (rc == 0 && options->given_file && access(options->given_file, F_OK) != 0) {
        rc = write_private(options->given_file, server->connection, ret_error);
        server->given_written = rc == 0;
    }
    return rc;
}

/* ---- protocols ---- */

static int serve_one(struct server *server, const char *name, const json_t *wanted,
                     struct error *ret_error)
{
    struct plugin *plugin = catalog_find(server->options->catalog, PLUGIN_PROTOCOL, name);
    if (!plugin)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "no protocol plugin is called \"%s\" ([kernel] protocol); `llmspell "
                         "plugin list` shows those that there are",
                         name);
    if (server->protocol_count == PROTOCOLS_MAX)
        return error_set(ret_error, LLMSPELL_ELIMIT, "[kernel] protocol names more than %d",
                         PROTOCOLS_MAX);
    struct served *served = &server->protocols[server->protocol_count];
    LLMSPELL_CLEANUP_JSON json_t *connection = NULL;
    struct call call;
    kernel_attach(server->kernel, &plugin->ctx);
    int rc =
        protocol_open(server->options->config, plugin, &served->protocol, &served->self, ret_error);
    if (rc < 0)
        return rc;
    server->protocol_count++;
    served->name = plugin->head.name;
    call_init(&call, &plugin->ctx);
    rc = served->protocol->serve(served->self, &call.base, wanted, &connection);
    if (rc < 0)
        return call_error(&call, rc, ret_error);
    served->serving = true;
    if (!server->connection)
        server->connection = llmspell_steal_json(&connection);
    return 0;
}

static int serve_all(struct server *server, struct error *ret_error)
{
    const char *at = config_string(server->options->config, "kernel", "protocol");
    LLMSPELL_CLEANUP_JSON json_t *wanted = NULL;
    int rc = read_wanted(server->options, &wanted, ret_error);
    while (rc == 0 && at && *(at += strspn(at, ", "))) {
        char name[MANIFEST_NAME_MAX + 1];
        size_t n = strcspn(at, ", ");
        snprintf(name, sizeof name, "%.*s", (int)n, at);
        rc = serve_one(server, name, wanted, ret_error);
        at += n;
    }
    if (rc == 0 && server->protocol_count == 0)
        rc = error_set(ret_error, LLMSPELL_EINVAL, "[kernel] protocol is empty: name one");
    return rc;
}

static void stop_protocols(struct server *server)
{
    for (unsigned i = 0; i < server->protocol_count; i++) {
        struct served *served = &server->protocols[i];
        if (served->serving)
            served->protocol->stop(served->self);
        served->protocol->close(served->self);
    }
}

/* ---- the loop ---- */

static void on_shutdown_async(uv_async_t *handle)
{
    uv_stop(handle->loop);
}

/* A shutdown_request: a running script is not waited for, whoever asked wants to end it. */
static void on_shutdown(void *data, bool restart)
{
    struct server *server = data;
    (void)restart;
    server->grace_ms = 0;
    uv_async_send(&server->shutdown);
}

/* SIGINT ends what runs; at a terminal, a second one on an idle kernel ends the kernel. */
static void on_sigint(struct server *server)
{
    if (kernel_is_busy(server->kernel) || !isatty(STDIN_FILENO)) {
        kernel_interrupt(server->kernel);
        server->asked_once = false;
        return;
    }
    if (server->asked_once) {
        uv_stop(&server->loop);
        return;
    }
    fputs("nothing runs; Ctrl-C again ends the kernel\n", stderr);
    server->asked_once = true;
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct server *server = handle->data;
    log_info("kernel", "%s", strsignal(number));
    if (number == SIGINT)
        on_sigint(server);
    else if (number == SIGTERM || number == SIGHUP)
        uv_stop(handle->loop);
    else
        log_warn("kernel", "%s is not used by this version; nothing was done", strsignal(number));
}

/* Fires when the kernel may have been idle long enough. */
static void on_idle_timer(uv_timer_t *handle)
{
    struct server *server = handle->data;
    int64_t idle_ms = kernel_idle_ms(server->kernel), limit = server->options->idle_timeout_ms;
    if (idle_ms >= limit) {
        log_info("kernel", "idle for %lld ms: ending", (long long)idle_ms);
        uv_stop(handle->loop);
        return;
    }
    uv_timer_start(handle, on_idle_timer, (uint64_t)(limit - idle_ms), 0);
}

static void watch_signal(struct server *server, int number)
{
    uv_signal_t *handle = &server->signals[server->signal_count++];
    uv_signal_init(&server->loop, handle);
    handle->data = server;
    uv_signal_start(handle, on_signal, number);
}

static void on_parent_gone(uv_poll_t *handle, int status, int events)
{
    struct server *server = handle->data;
    (void)status;
    (void)events;
    log_info("kernel", "the front end that started this kernel has ended");
    server->grace_ms = 0;
    uv_stop(handle->loop);
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

static int open_loop(struct server *server, struct error *ret_error)
{
    int rc = uv_loop_init(&server->loop);
    if (rc < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot make the event loop: %s",
                         uv_strerror(rc));
    server->loop_ready = true;
    uv_async_init(&server->loop, &server->shutdown, on_shutdown_async);
    uv_timer_init(&server->loop, &server->idle);
    server->idle.data = server;
    watch_signal(server, SIGTERM);
    watch_signal(server, SIGINT);
    watch_signal(server, SIGUSR1);
    watch_signal(server, SIGUSR2);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (server->options->ready_fd >= 0)
        sigaction(SIGHUP, &ignore, NULL);
    else
        watch_signal(server, SIGHUP);
    watch_parent(server);
    return 0;
}

static void close_handle(uv_handle_t *handle, void *data)
{
    (void)data;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void close_loop(struct server *server)
{
    if (!server->loop_ready)
        return;
    uv_walk(&server->loop, close_handle, NULL);
    uv_run(&server->loop, UV_RUN_DEFAULT);
    uv_loop_close(&server->loop);
    if (server->parent_fd >= 0)
        close(server->parent_fd);
}

/* ---- start and end ---- */

static int open_log(const struct server_options *options, struct error *ret_error)
{
    const struct config *config = options->config;
    struct logger_options log = {
        .file = options->log_file,
        .rotate_bytes = (uint64_t)config_integer(config, "log", "rotate_size"),
        .rotate_count = (unsigned)config_integer(config, "log", "rotate_count"),
    };
    log_level_parse(options->log_level ? options->log_level : config_string(config, "log", "level"),
                    &log.level);
    log_format_parse(config_string(config, "log", "format"), &log.format);
    return logger_open(&log, ret_error);
}

static int start(struct server *server, struct error *ret_error)
{
    const struct server_options *options = server->options;
    struct kernel_options kernel = {
        .config = options->config,
        .catalog = options->catalog,
        .id = options->id,
        .workdir = options->workdir,
        .shutdown = on_shutdown,
        .data = server,
    };
    int rc = pidfile_open(options->pidfile, &server->pidfile, ret_error);
    if (rc == 0)
        rc = open_log(options, ret_error);
    if (rc == 0)
        rc = open_loop(server, ret_error);
    if (rc == 0)
        rc = kernel_new(&kernel, &server->kernel, ret_error);
    if (rc == 0)
        rc = kernel_start_runtime(server->kernel, ret_error); /* beside the sockets */
    if (rc == 0)
        rc = serve_all(server, ret_error);
    int runtime =
        server->kernel ? kernel_wait_runtime(server->kernel, rc == 0 ? ret_error : NULL) : 0;
    if (rc == 0)
        rc = runtime;
    if (rc == 0)
        rc = write_connection(server, ret_error);
    return rc;
}

static void on_second_sigterm(int number)
{
    _exit(128 + number);
}

/* Nothing may touch the kernel once operations were abandoned: then only the files go. Who sends
 * SIGTERM again does not want to wait: the next start finds the files stale. */
static void end(struct server *server)
{
    struct sigaction at_once = {.sa_handler = on_second_sigterm};
    sigaction(SIGTERM, &at_once, NULL);
    unsigned abandoned = server->kernel ? kernel_shutdown(server->kernel, server->grace_ms) : 0;
    if (abandoned)
        log_warn("kernel", "%u operations did not end and were abandoned", abandoned);
    if (server->connection_written)
        unlink(server->options->connection_file);
    if (server->given_written)
        unlink(server->options->given_file);
    if (!abandoned) {
        stop_protocols(server);
        kernel_free(server->kernel);
        close_loop(server);
    }
    json_decref(server->connection);
    pidfile_close(server->pidfile);
    if (abandoned) {
        logger_close();
        _exit(EXIT_FAILURE);
    }
}

static void tell_ready(const struct server *server)
{
    const struct server_options *options = server->options;
    log_info("kernel", "%s is ready (pid %d, %s)", options->id, (int)getpid(),
             options->connection_file);
    if (options->ready_fd >= 0)
        daemonize_ready(options->ready_fd, -1);
    else if (options->ready)
        options->ready(options->data, server->connection);
}

int server_run(const struct server_options *options, struct error *ret_error)
{
    struct server server = {
        .options = options,
        .parent_fd = -1,
        .grace_ms = config_integer(options->config, "kernel", "shutdown_grace"),
    };
    int rc = start(&server, ret_error);
    if (rc == 0) {
        tell_ready(&server);
        if (options->idle_timeout_ms > 0)
            uv_timer_start(&server.idle, on_idle_timer, (uint64_t)options->idle_timeout_ms, 0);
        uv_run(&server.loop, UV_RUN_DEFAULT);
        log_info("kernel", "%s ends", options->id);
    } else {
        server.grace_ms = 0;
        if (options->ready_fd >= 0)
            daemonize_failed(options->ready_fd, ret_error);
    }
    end(&server);
    logger_close();
    return rc;
}
