/* SPDX-License-Identifier: Apache-2.0
 * `kernel logs [ID]`: the end of a kernel's log, also of a dead one, and what it grows by. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/interrupted.h"
#include "cli/kernel_ask.h"
#include "cli/kernel_state.h"
#include "cli/log_follow.h"
#include "cli/log_tail.h"
#include "util/utf8.h"

#define LINES_DEFAULT 20
#define LINES_MOST 1000000000

static int to_stdout(void *data, const char *bytes, size_t size)
{
    (void)data;
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/* As other commands do it, `kernel logs | head` ends without a word. */
static bool nobody_reads(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    return poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP));
}

static int to_memory(void *data, const char *bytes, size_t size)
{
    return fwrite(bytes, 1, size, data) == size ? 0 : -1;
}

static json_t *lines_of(const char *text, size_t size)
{
    json_t *lines = json_array();
    while (size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t n = newline ? (size_t)(newline - text) : size, good_size;
        char *good = utf8_repair(text, n, &good_size);
        json_array_append_new(lines, good ? json_stringn(good, good_size) : NULL);
        free(good);
        n += newline != NULL;
        text += n;
        size -= n;
    }
    return lines;
}

static int print_json(const struct cli *cli, const struct kernel_entry *entry, const char *path,
                      uint64_t count, struct error *ret_error)
{
    char *text = NULL;
    size_t size = 0;
    struct log_position position;
    FILE *memory = open_memstream(&text, &size);
    int rc = memory ? log_tail(path, count, to_memory, memory, &position, ret_error)
                    : error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (memory)
        fclose(memory);
    if (rc == 0) {
        log_source_close(&position.source);
        LLMSPELL_CLEANUP_JSON json_t *document =
            json_pack("{s:s, s:s, s:s, s:o}", "status", "ok", "kernel_id", entry->files.id,
                      "log_file", path, "lines", lines_of(text, size));
        cli_print_json(cli, document);
    }
    free(text);
    return rc;
}

static int print_text(const struct kernel_entry *entry, const char *path, uint64_t count,
                      bool follow, struct error *ret_error)
{
    struct log_position position;
    if (follow)
        interrupted_ends();
    int rc = log_tail(path, count, to_stdout, NULL, &position, ret_error);
    if (rc < 0)
        return rc;
    if (follow)
        rc = log_follow(path, entry, &position, to_stdout, NULL, ret_error);
    log_source_close(&position.source);
    return rc;
}

/* The log of a kernel; the caller frees it. ENOTFOUND says where else its records may go. */
static int find_log(const struct kernel_entry *entry, char **ret_path, struct error *ret_error)
{
    bool known = false;
    char *path = entry->files.id ? kernel_state_log(&entry->files, &known) : NULL;
    if (path && (known || access(path, F_OK) == 0 || entry->pid == 0)) {
        *ret_path = path;
        return 0;
    }
    LLMSPELL_CLEANUP_FREE char *tried = path;
    const char *id = entry->files.id ? entry->files.id : "of this connection file";
    return error_set(ret_error, LLMSPELL_ENOTFOUND,
                     "kernel %s keeps no log file%s%s: it logs to stderr, syslog or the journal; "
                     "look there (`journalctl`), or set [log] file and start it again",
                     id, tried ? " like " : "", tried ? tried : "");
}

/* "all", or a number. */
static int read_lines(const struct args *args, uint64_t *ret_lines)
{
    const char *text = args_value(args, "lines");
    long long lines;
    if (text && strcmp(text, "all") == 0) {
        *ret_lines = LOG_TAIL_ALL;
        return 0;
    }
    if (args_number(args, "lines", 0, LINES_MOST, LINES_DEFAULT, &lines) < 0)
        return -1;
    *ret_lines = (uint64_t)lines;
    return 0;
}

static int run(struct cli *cli, const struct args *args)
{
    extern const struct command cmd_kernel_logs;
    struct error error;
    struct kernel_entry entry;
    const struct config *config;
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    uint64_t lines;
    bool follow = args_has(args, "follow");
    if (read_lines(args, &lines) < 0)
        return EXIT_USAGE;
    if (follow && cli->json)
        return cli_usage(&cmd_kernel_logs, "--follow has no end, --output json is one document");
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    const char *name = kernel_ask_name(cli, args);
    if (kernels_select(config, name, KERNELS_DEAD | KERNELS_ENDED, &entry, &error) < 0)
        return cli_fail(cli, &error);
    int rc = find_log(&entry, &path, &error);
    if (rc == 0)
        rc = cli->json ? print_json(cli, &entry, path, lines, &error)
                       : print_text(&entry, path, lines, follow, &error);
    kernel_entry_clear(&entry);
    if (rc < 0 && !cli->json && nobody_reads())
        return EXIT_FAILED;
    return rc < 0 ? cli_fail(cli, &error) : EXIT_OK;
}

static const struct cli_option OPTIONS[] = {
    {"follow", 'f', NULL, "go on with what is written, until the kernel ends", false},
    {"lines", 'n', "N|all", "so many lines at first (default 20)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_logs = {
    .name = "kernel logs",
    .arguments = "[ID]",
    .summary = "show the end of a kernel's log, also of a dead one",
    .options = OPTIONS,
    .max_values = 1,
    .run = run,
};
