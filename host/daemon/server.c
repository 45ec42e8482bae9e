/* SPDX-License-Identifier: Apache-2.0
 * The life of a kernel process: start, loop, end. Signals and requests become messages (bridge.c);
 * the main thread sleeps in the loop in between. */
#include "daemon/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/crash.h"
#include "daemon/daemonize.h"
#include "daemon/internal.h"
#include "daemon/pidfile.h"
#include "log/capture.h"
#include "log/logger.h"
#include "plugin/loader.h"
#include "plugin/section.h"
#include "util/memory.h"
#include "util/timestamp.h"

#define EXIT_ABANDONED 1

json_t *server_failure(const struct error *error)
{
    const char *name = llmspell_error_name(error->code);
    return json_pack("{s:s, s:s, s:s, s:[], s:{s:s, s:s}}", "status", "error", "ename", name,
                     "evalue", error->message, "traceback", "error", "code", name, "message",
                     error->message);
}

double server_uptime(const struct server *server)
{
    return (double)(clock_monotonic_ns() - server->started_ns) / 1e9;
}

/* ---- the log ---- */

const char *server_log_file(const struct server_options *options, const struct config *config)
{
    const char *file = config_string(config, "log", "file");
    return file ? file : options->log_file;
}

/* The log; a process whose log is stderr reports a crash where that led before it was captured. */
static void set_crash_target(void)
{
    int log = logger_descriptor();
    crash_set_fd(log >= 0 ? log : capture_stderr());
}

int server_open_log(const struct server_options *options, const struct config *config,
                    struct error *ret_error)
{
    struct logger_options log = {
        .file = server_log_file(options, config),
        .rotate_bytes = (uint64_t)config_integer(config, "log", "rotate_size"),
        .rotate_count = (unsigned)config_integer(config, "log", "rotate_count"),
        .rotate_age_ms = config_integer(config, "log", "rotate_age"),
        .rotate_max_age_ms = config_integer(config, "log", "rotate_max_age"),
        .compress = config_bool(config, "log", "compress"),
        .sinks = config_string(config, "log", "sink"),
        .kernel = options->id,
    };
    log_level_parse(options->log_level ? options->log_level : config_string(config, "log", "level"),
                    &log.level);
    log_format_parse(config_string(config, "log", "format"), &log.format);
    int rc = logger_open(&log, ret_error);
    set_crash_target();
    return rc;
}

/* ---- what status_reply says of the process ---- */

/* "clients": of all protocols that count them; null if none does. */
static json_t *count_clients(const json_t *protocols)
{
    json_int_t count = 0;
    bool known = false;
    size_t i;
    json_t *row;
    json_array_foreach(protocols, i, row)
    {
        json_t *clients = json_object_get(row, "clients");
        known = known || json_is_integer(clients);
        count += json_integer_value(clients);
    }
    return known ? json_integer(count) : json_null();
}

static json_t *on_status(void *data)
{
    struct server *server = data;
    json_t *protocols = protocols_status(&server->protocols);
    pthread_mutex_lock(&server->lock);
    json_t *reload = server->last_reload ? json_deep_copy(server->last_reload) : json_null();
    pthread_mutex_unlock(&server->lock);
    return json_pack("{s:o, s:o, s:o, s:o}", "started_at", timestamp_json(server->started_at),
                     "clients", count_clients(protocols), "protocols",
                     protocols ? protocols : json_array(), "last_reload", reload);
}

/* ---- start ---- */

static int on_take_socket(void *data, const struct llmspell_ctx *owner, const char *name,
                          int *ret_fd)
{
    const struct server *server = data;
    struct listen_set *sockets = server->options->sockets;
    return sockets ? listen_take(sockets, owner, name, ret_fd) : LLMSPELL_ENOTFOUND;
}

static void warn_of_sockets(const struct listen_set *sockets)
{
    for (unsigned i = 0; sockets && i < sockets->count; i++)
        if (!sockets->sockets[i].owner)
            log_warn("kernel", "no protocol took the inherited socket \"%s\" (FileDescriptorName=)",
                     sockets->sockets[i].name);
}

/* A service manager that cannot be told is no reason not to start. */
static void open_notify(struct server *server)
{
    struct error error;
    if (notify_open(&server->notify, &error) < 0)
        log_warn("kernel", "%s", error.message);
}

int server_check_sections(const struct config *config, const struct catalog *catalog,
                          struct error *ret_error)
{
    const char *section;
    for (size_t i = 0; (section = config_plugin_section(config, i)); i++) {
        int rc = section_check(config, catalog, section, ret_error);
        if (rc == LLMSPELL_ENOTFOUND)
            log_warn("kernel", "%s", ret_error->message);
        else if (rc < 0)
            return rc;
    }
    return 0;
}

static int make_kernel(struct server *server, struct error *ret_error)
{
    const struct server_options *options = server->options;
    struct kernel_options kernel = {
        .config = server->config,
        .catalog = server->catalog,
        .id = options->id,
        .workdir = options->workdir,
        .stores_history = true,
        .shutdown = bridge_shutdown,
        .manage = bridge_manage,
        .status = on_status,
        .take_socket = on_take_socket,
        .data = server,
    };
    int rc = kernel_new(&kernel, &server->kernel, ret_error);
    if (rc == 0)
        protocols_init(&server->protocols, server->kernel, options->sockets);
    return rc;
}

static int start(struct server *server, struct error *ret_error)
{
    const struct server_options *options = server->options;
    int rc = pidfile_open(options->pidfile, &server->pidfile, ret_error);
    if (rc == 0)
        rc = server_open_log(options, server->config, ret_error);
    if (rc == 0 && crash_install(logger_descriptor(), options->id) < 0)
        log_warn("kernel", "crashes will not be reported");
    if (rc == 0)
        open_notify(server);
    if (rc == 0)
        rc = server_check_sections(server->config, server->catalog, ret_error);
    if (rc == 0)
        rc = bridge_open(server, ret_error);
    if (rc == 0)
        rc = make_kernel(server, ret_error);
    if (rc == 0)
        rc = connection_serve(server, ret_error);
    if (rc == 0)
        rc = kernel_start_runtime(server->kernel, ret_error); /* clients are answered meanwhile */
    int runtime =
        server->kernel ? kernel_wait_runtime(server->kernel, rc == 0 ? ret_error : NULL) : 0;
    if (rc == 0)
        rc = runtime;
    if (rc == 0)
        rc = connection_write(server, ret_error);
    return rc;
}

/* From here on what libraries and children print is in the cell that runs, or in the log. */
static void take_output(struct server *server)
{
    struct error error;
    if (capture_start(&error) < 0)
        log_warn("kernel", "what programs print is not in their cells: %s", error.message);
    capture_set_take(kernel_take_output, server->kernel);
    set_crash_target();
    crash_set_drain(capture_drain_fd(STDERR_FILENO));
}

static void tell_ready(struct server *server)
{
    const struct server_options *options = server->options;
    log_info("kernel", "%s is ready (pid %d, %s)", options->id, (int)getpid(),
             options->connection_file);
    if (options->ready_fd >= 0)
        daemonize_ready(options->ready_fd, -1);
    else if (options->ready)
        options->ready(options->data, protocols_first(&server->protocols)->connection);
    take_output(server);
    warn_of_sockets(options->sockets);
    notify_ready(&server->notify, "clients can connect", options->ready_fd >= 0 ? getpid() : 0);
    bridge_start_watchdog(server);
}

/* ---- end ---- */

static void on_second_sigterm(int number)
{
    _exit(128 + number);
}

/* Waits for what runs, interrupts it, gives it up: phase by phase (docs/kernel.md). */
static unsigned end_operations(struct server *server)
{
    int64_t grace_ms =
        server->wait ? config_integer(server->config, "kernel", "shutdown_grace") : 0;
    unsigned abandoned = kernel_shutdown(
        server->kernel, grace_ms, config_integer(server->config, "kernel", "interrupt_grace"));
    if (abandoned)
        log_warn("kernel", "%u operations did not end and were abandoned", abandoned);
    return abandoned;
}

static void release(struct server *server)
{
    json_decref(server->last_reload);
    connection_unredact(server);
    notify_close(&server->notify);
    config_unref(server->config);
    catalog_unref(server->catalog);
    pthread_mutex_destroy(&server->lock);
}

/* Nothing is freed once operations were abandoned, since they still use it. Who sends SIGTERM again
 * does not want to wait: the next start finds the files stale. */
static int end(struct server *server, bool was_ready)
{
    struct sigaction at_once = {.sa_handler = on_second_sigterm};
    sigaction(SIGTERM, &at_once, NULL);
    notify_stopping(&server->notify);
    if (server->loop_ready)
        bridge_refuse(server);
    unsigned abandoned = server->kernel ? end_operations(server) : 0;
    int status = abandoned ? EXIT_ABANDONED : 0;
    if (was_ready)
        state_write(server, server->reason, status, abandoned);
    connection_remove(server);
    if (abandoned) {
        protocols_abandon(&server->protocols);
    } else {
        protocols_stop(&server->protocols);
        capture_set_take(NULL, NULL);
        kernel_free(server->kernel);
        bridge_close(server);
    }
    pidfile_close(server->pidfile);
    if (was_ready)
        log_info("kernel", "%s has ended (%s)", server->options->id, server->reason);
    crash_set_drain(-1);
    capture_stop();
    crash_set_fd(-1);
    logger_close();
    if (abandoned || (was_ready && !loader_is_intact()))
        _exit(status);
    release(server);
    return status;
}

int server_run(const struct server_options *options, int *ret_status, struct error *ret_error)
{
    struct server server = {
        .options = options,
        .config = config_ref(options->config),
        .catalog = catalog_ref(options->catalog),
        .parent_fd = -1,
        .notify = {.fd = -1},
        .started_at = time(NULL),
        .started_ns = clock_monotonic_ns(),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .protocols = {.lock = PTHREAD_RWLOCK_INITIALIZER},
    };
    memory_settle();
    int rc = start(&server, ret_error);
    if (rc == 0) {
        state_write(&server, NULL, 0, 0); /* whoever was told may ask for a restart */
        tell_ready(&server);
        bridge_start_idle(&server);
        uv_run(&server.loop, UV_RUN_DEFAULT);
        log_info("kernel", "%s ends: %s", options->id, server.reason);
    } else if (options->ready_fd >= 0) {
        daemonize_failed(options->ready_fd, ret_error);
    }
    int status = end(&server, rc == 0);
    if (rc == 0)
        *ret_status = status;
    return rc;
}
