/* SPDX-License-Identifier: Apache-2.0
 * `debug [FILE [ARGS…]]`: a kernel of its own that the protocol plugin dap serves, over stdio (what
 * editors start) or over TCP. It ends with its debugger. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "daemon/protocols.h"
#include "kernel/kernel.h"
#include "log/capture.h"

#define INTERRUPT_MS 1000 /* once it has been interrupted */

struct debug {
    const struct cli *cli;
    struct kernel *kernel;
    struct protocols protocols;
    int ended_fd; /* readable once the session is over */
    bool stdio;
};

static void on_shutdown(void *data, const json_t *content)
{
    const struct debug *debug = data;
    (void)content;
    eventfd_write(debug->ended_fd, 1);
}

/* stdin and stdout are the protocol's alone: nothing else may read or write them. */
static int take_stdio(json_t *wanted, struct error *ret_error)
{
    int in_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    int out_fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    LLMSPELL_CLEANUP_CLOSE int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (in_fd < 0 || out_fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot use stdin and stdout: %s",
                         strerror(errno));
    json_object_set_new(wanted, "input_fd", json_integer(in_fd));
    json_object_set_new(wanted, "output_fd", json_integer(out_fd));
    return 0;
}

/* What serve is asked for: one session, the program, and where. */
static json_t *make_wish(const struct args *args, long long port)
{
    json_t *wanted = json_pack("{s:b, s:I}", "single", 1, "port", (json_int_t)port);
    if (args->count == 0)
        return wanted;
    json_t *list = json_array();
    for (int i = 1; i < args->count; i++)
        json_array_append_new(list, json_string(args->values[i]));
    json_object_set_new(wanted, "launch",
                        json_pack("{s:s, s:o}", "program", args->values[0], "args", list));
    return wanted;
}

/* Over TCP the terminal shows what the program prints, as the debugger does. */
static void on_event(void *data, const struct llmspell_message *message)
{
    const json_t *text = json_object_get(message->content, "text");
    (void)data;
    if (strcmp(message->msg_type, "stream") != 0 || !json_is_string(text))
        return;
    FILE *file = llmspell_is(message->content, "name", "stderr") ? stderr : stdout;
    fwrite(json_string_value(text), 1, json_string_length(text), file);
    fflush(file);
}

static int start(struct debug *debug, const struct config *config, const struct catalog *catalog,
                 const json_t *wanted, struct error *ret_error)
{
    char id[32], workdir[4096];
    snprintf(id, sizeof id, "debug-%d", (int)getpid());
    struct kernel_options options = {.config = config,
                                     .catalog = catalog,
                                     .id = id,
                                     .workdir = getcwd(workdir, sizeof workdir) ? workdir : "/",
                                     .shutdown = on_shutdown,
                                     .data = debug};
    struct plugin *plugin = catalog_find(catalog, PLUGIN_PROTOCOL, "dap");
    if (!plugin)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                         "the protocol plugin dap is not there; `llmspell plugin list` shows "
                         "those that are");
    int rc = kernel_new(&options, &debug->kernel, ret_error);
    if (rc < 0)
        return rc;
    protocols_init(&debug->protocols, debug->kernel, NULL);
    return protocols_start(&debug->protocols, config, plugin, wanted, ret_error);
}

/* For people, and for programs that start this one, on one line. */
static void tell_address(const struct debug *debug)
{
    const struct served *served = protocols_first(&debug->protocols);
    fprintf(stderr, "llmspell: the debugger listens on %s:%lld; connect an editor by DAP\n",
            llmspell_string(served->connection, "ip"),
            (long long)llmspell_integer(served->connection, "port", 0));
}

static int wait_for_end(const struct debug *debug, int interrupt_fd)
{
    struct pollfd fds[] = {{.fd = debug->ended_fd, .events = POLLIN},
                           {.fd = interrupt_fd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        ;
    return fds[0].revents ? EXIT_OK : EXIT_INTERRUPTED;
}

/* The protocol stops first where the kernel has to be abandoned. */
static void end(struct debug *debug)
{
    unsigned left = debug->kernel ? kernel_shutdown(debug->kernel, 0, INTERRUPT_MS) : 0;
    if (left > 0) {
        protocols_abandon(&debug->protocols);
        return;
    }
    protocols_stop(&debug->protocols);
    capture_set_take(NULL, NULL);
    kernel_free(debug->kernel);
}

static int serve(struct debug *debug, const struct config *config, const struct catalog *catalog,
                 const json_t *wanted, int interrupt_fd)
{
    struct error error;
    uint64_t subscription = 0;
    int rc = start(debug, config, catalog, wanted, &error);
    if (rc == 0 && debug->stdio)
        rc = capture_start(&error);
    if (rc < 0) {
        end(debug);
        return cli_fail(debug->cli, &error);
    }
    if (debug->stdio) {
        capture_set_take(kernel_take_output, debug->kernel);
    } else {
        kernel_subscribe(debug->kernel, on_event, debug, &subscription);
        tell_address(debug);
    }
    int status = wait_for_end(debug, interrupt_fd);
    end(debug);
    capture_stop();
    return status;
}

static int run_debug(struct cli *cli, const struct args *args)
{
    const struct config *config;
    const struct catalog *catalog;
    struct error error;
    long long port;
    bool stdio = args_has(args, "stdio");
    extern const struct command cmd_debug;
    if (stdio && args_has(args, "listen"))
        return cli_usage(&cmd_debug, "--stdio and --listen exclude each other");
    if (args_number(args, "listen", 0, 65535, stdio ? -1 : 0, &port) < 0)
        return EXIT_USAGE;
    if (cli->kernel_name)
        return cli_usage(&cmd_debug, "a running kernel is debugged by its own protocol dap: "
                                     "[protocol.dap] port");
    int status = cli_config(cli, &config);
    if (status == 0)
        status = cli_catalog(cli, &catalog);
    if (status != 0)
        return status;
    LLMSPELL_CLEANUP_JSON json_t *wanted = make_wish(args, port);
    if (stdio && take_stdio(wanted, &error) < 0)
        return cli_fail(cli, &error);
    struct debug debug = {.cli = cli, .ended_fd = eventfd(0, EFD_CLOEXEC), .stdio = stdio};
    status = serve(&debug, config, catalog, wanted, cli_interrupt_fd(cli));
    close(debug.ended_fd);
    return status;
}

static const struct cli_option OPTIONS[] = {
    {"listen", 'l', "PORT", "wait for an editor on this port (0, the default: a free one)", false},
    {"stdio", 0, NULL, "speak DAP on stdin and stdout, as editors start it", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_debug = {
    .name = "debug",
    .arguments = "[FILE [ARGS…]]",
    .summary = "debug a script from an editor, by the Debug Adapter Protocol",
    .help = "The editor's launch request may name another program; its attach request runs FILE.\n"
            "Nothing runs before the editor has set its breakpoints (configurationDone). The\n"
            "kernel is a fresh one, which ends with the session. Options stand before FILE.",
    .options = OPTIONS,
    .min_values = 0,
    .max_values = -1,
    .rest = true,
    .run = run_debug,
};
