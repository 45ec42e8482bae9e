/* SPDX-License-Identifier: Apache-2.0
 * `kernel start [--daemon]`: makes this process (or a daemon) a kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernels.h"
#include "daemon/daemonize.h"
#include "daemon/init.h"
#include "daemon/listen.h"
#include "daemon/pidfile.h"
#include "daemon/server.h"
#include "daemon/signals.h"

struct start {
    struct cli *cli;
    struct kernel_files files;
    char *workdir, *given_file, *log_file;
    bool named;
    struct listen_set sockets;
    struct server_options server;
};

static void start_clear(struct start *start)
{
    kernel_files_clear(&start->files);
    free(start->workdir);
    free(start->given_file);
    free(start->log_file);
    listen_close(&start->sockets);
}

/* path from the root on, before a daemon changes to /; the caller frees it; NULL stays NULL. */
static char *absolute(const char *path, const char *workdir)
{
    char *full = NULL;
    if (!path)
        return NULL;
    if (asprintf(&full, "%s%s%s", *path == '/' ? "" : workdir, *path == '/' ? "" : "/", path) < 0)
        return NULL;
    return full;
}

static void make_id(char *id, size_t size)
{
    unsigned random = (unsigned)getpid();
    if (getrandom(&random, sizeof random, 0) < 0)
        random ^= (unsigned)getppid() << 16;
    snprintf(id, size, "kernel-%08x", random);
}

static int name_files(struct start *start, const struct args *args, struct error *ret_error)
{
    const struct config *config = start->cli->config;
    char made[32];
    const char *id = args_value(args, "id");
    if (!id)
        id = config_string(config, "kernel", "id");
    start->named = id != NULL;
    if (!id) {
        make_id(made, sizeof made);
        id = made;
    }
    const char *workdir = config_string(config, "kernel", "workdir");
    start->workdir = workdir ? realpath(workdir, NULL) : getcwd(NULL, 0);
    if (!start->workdir)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "the working directory %s does not exist",
                         workdir ? workdir : "");
    const char *given = args_value(args, "connection-file");
    if (!given)
        given = config_string(config, "kernel", "connection_file");
    start->given_file = absolute(given, start->workdir);
    int rc = kernel_files_set(config, id, &start->files, ret_error);
    return rc < 0 ? rc : kernel_files_prepare(config, &start->files, ret_error);
}

static void print_started(const struct start *start, int pid)
{
    if (start->cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = json_pack(
            "{s:s, s:s, s:i, s:s, s:s*}", "status", "ok", "kernel_id", start->files.id, "pid", pid,
            "connection_file", start->files.connection, "log_file", start->log_file);
        cli_print_json(start->cli, document);
    } else if (!start->cli->quiet) {
        printf("kernel %s runs (pid %d)\n  connection file  %s\n", start->files.id, pid,
               start->files.connection);
        if (start->log_file)
            printf("  log              %s\n", start->log_file);
        printf("  connect          jupyter console --existing %s\n", start->files.connection);
        printf("  stop             llmspell kernel stop %s\n", start->files.id);
    }
    fflush(stdout);
}

static void on_ready(void *data, const json_t *connection)
{
    (void)connection;
    print_started(data, (int)getpid());
}

/* As at start: the same command line, the same folder for relative paths. */
static int load_again(void *data, const struct catalog *previous, struct config **ret_config,
                      struct catalog **ret_catalog, struct error *ret_error)
{
    const struct start *start = data;
    struct config *config;
    int rc = cli_load_config(start->cli, config_cwd(start->cli->config), &config, ret_error);
    if (rc < 0)
        return rc;
    rc = cli_load_catalog(start->cli, config, previous, ret_catalog, ret_error);
    if (rc < 0)
        config_unref(config);
    else
        *ret_config = config;
    return rc;
}

static int run_foreground(struct start *start, int *ret_status, struct error *ret_error)
{
    start->server.ready_fd = -1;
    start->server.ready = on_ready;
    return server_run(&start->server, ret_status, ret_error);
}

/* The parent reports what the daemon said; the daemon does not come back from here. */
static int run_daemon(struct start *start, struct error *ret_error)
{
    int pid;
    int rc = daemonize(&start->server.ready_fd, &pid, ret_error);
    if (rc == 0) {
        struct error error;
        int status = EXIT_OK;
        rc = server_run(&start->server, &status, &error);
        exit(rc < 0 ? EXIT_FAILED : status); /* what it leaks, a sanitizer tells */
    }
    if (rc == 1)
        print_started(start, pid);
    return rc < 0 ? rc : 0;
}

/* Signals, inherited sockets and, for process 1, an init in between: the process that goes on is
 * the kernel's. */
static int settle(struct start *start, const struct args *args, struct error *ret_error)
{
    signals_reset();
    if (args_has(args, "daemon"))
        return listen_refuse(ret_error);
    int rc = listen_open(&start->sockets, ret_error);
    bool wanted = args_has(args, "init") || init_is_needed();
    return rc == 0 && wanted ? init_run(ret_error) : rc;
}

static int run(struct cli *cli, const struct args *args)
{
    extern const struct command cmd_kernel_start;
    struct error error;
    struct start start = {.cli = cli};
    long long port, idle_s;
    const struct catalog *catalog;
    /* `jupyter run FILE` hands FILE on to the kernel that it starts, too */
    if (args->count > 0 && !args_has(args, "connection-file"))
        return cli_usage(&cmd_kernel_start, "kernel start does not take \"%s\"", args->values[0]);
    if (args_has(args, "init") && args_has(args, "daemon"))
        return cli_usage(&cmd_kernel_start, "--init is for the foreground, not for --daemon");
    if (settle(&start, args, &error) < 0)
        return cli_fail(cli, &error);
    int status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    if (args_number(args, "port", 1, 65531, 0, &port) < 0 ||
        args_number(args, "idle-timeout", 0, 31536000, -1, &idle_s) < 0)
        return EXIT_USAGE;
    bool daemon = args_has(args, "daemon");
    int ended = EXIT_OK;
    int rc = name_files(&start, args, &error);
    if (rc == 0) {
        const char *log = config_string(cli->config, "log", "file");
        start.log_file = log ? strdup(log) : daemon ? strdup(start.files.log) : NULL;
        start.server = (struct server_options){
            .config = cli->config,
            .catalog = catalog,
            .id = start.files.id,
            .named = start.named,
            .workdir = start.workdir,
            .pidfile = start.files.pidfile,
            .connection_file = start.files.connection,
            .state_file = start.files.state,
            .dump_file = start.files.dump,
            .given_file = start.given_file,
            .log_file = daemon ? start.files.log : NULL,
            .log_level = args_value(args, "log-level"),
            .idle_timeout_ms = idle_s >= 0 ? idle_s * 1000 : -1,
            .port = (int)port,
            .sockets = &start.sockets,
            .program = cli->program,
            .arguments = cli->arguments,
            .load = load_again,
            .data = &start,
        };
        rc = daemon ? run_daemon(&start, &error) : run_foreground(&start, &ended, &error);
    }
    start_clear(&start);
    return rc < 0 ? cli_fail(cli, &error) : ended;
}

static const struct cli_option OPTIONS[] = {
    {"daemon", 'd', NULL, "detach from the terminal; return when clients can connect", false},
    {"id", 'i', "ID", "the kernel's name (default: made up)", false},
    {"port", 'p', "N", "use ports N, N+1, … (default: free ones)", false},
    {"connection-file", 'f', "FILE", "use the ports and key in FILE, or write it", false},
    {"idle-timeout", 0, "SECONDS", "end after this time without requests (0: never)", false},
    {"init", 0, NULL, "be process 1 of a container, too (if it is, this is the default)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_start = {
    .name = "kernel start",
    .arguments = "",
    .summary = "start a kernel, in the foreground or as a daemon",
    .options = OPTIONS,
    .max_values = -1,
    .rest = true,
    .run = run,
};
