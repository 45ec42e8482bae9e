/* SPDX-License-Identifier: Apache-2.0
 * `run FILE [ARGS…]` and `exec CODE`: executes Lua, embedded or in a running kernel, and shows what
 * it prints at once, then its value. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/channel.h"
#include "cli/cli.h"
#include "cli/lines.h"
#include "util/utf8.h"

#define SCRIPT_MAX (64u << 20) /* bytes */

/* What the events of one execution leave behind. */
struct execution {
    const struct cli *cli;
    bool show;       /* print streams and values as they come */
    json_t *outputs; /* json: every stream, display, update and result event */
    json_t *result;  /* data of the last execute_result */
    struct lines lines;
};

static void write_all(FILE *file, const json_t *text)
{
    fwrite(json_string_value(text), 1, json_string_length(text), file);
    fflush(file);
}

static void show_value(const json_t *content)
{
    const json_t *text = json_object_get(json_object_get(content, "data"), "text/plain");
    if (!json_is_string(text))
        return;
    write_all(stdout, text);
    fputc('\n', stdout);
    fflush(stdout);
}

static void on_event(void *data, const struct llmspell_message *message)
{
    struct execution *execution = data;
    const char *type = message->msg_type;
    bool stream = strcmp(type, "stream") == 0, result = strcmp(type, "execute_result") == 0;
    bool display = strcmp(type, "display_data") == 0 || strcmp(type, "update_display_data") == 0;
    if (!stream && !result && !display)
        return;
    if (result) {
        json_decref(execution->result);
        execution->result = json_deep_copy(json_object_get(message->content, "data"));
    }
    if (execution->cli->json)
        json_array_append_new(execution->outputs, json_pack("{s:s, s:o}", "type", type, "content",
                                                            json_deep_copy(message->content)));
    else if (stream)
        write_all(llmspell_is(message->content, "name", "stderr") ? stderr : stdout,
                  json_object_get(message->content, "text"));
    else if (display || execution->show)
        show_value(message->content);
}

/* Switches the echo of a terminal at stdin off; true if it has to be switched on again. */
static bool hide_typing(bool wanted, struct termios *ret_before)
{
    struct termios hidden;
    if (!wanted || tcgetattr(STDIN_FILENO, ret_before) < 0)
        return false;
    hidden = *ret_before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ECHONL;
    return tcsetattr(STDIN_FILENO, TCSADRAIN, &hidden) == 0;
}

/* io.read() and Kernel.input() of the script read our stdin. */
static json_t *on_input(void *data, const json_t *content)
{
    struct execution *execution = data;
    const char *prompt = llmspell_string(content, "prompt"), *line;
    struct termios before;
    size_t size;
    bool hidden = hide_typing(llmspell_bool(content, "password", 0), &before);
    if (prompt && *prompt) {
        fputs(prompt, stdout);
        fflush(stdout);
    }
    int got = lines_next(&execution->lines, &line, &size);
    if (hidden)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
    if (got != 1)
        return NULL;
    LLMSPELL_CLEANUP_FREE char *text = utf8_repair(line, size, &size);
    return text ? json_stringn(text, size) : NULL;
}

static int show_error(const json_t *reply)
{
    const json_t *traceback = json_object_get(reply, "traceback"), *line;
    const char *name = llmspell_string(reply, "ename"), *value = llmspell_string(reply, "evalue");
    size_t i;
    if (llmspell_is(reply, "status", "aborted"))
        fputs("llmspell: not executed: what stood before it in the queue failed\n", stderr);
    else if (json_array_size(traceback) == 0)
        fprintf(stderr, "%s: %s\n", name ? name : "error", value ? value : "");
    json_array_foreach(traceback, i, line)
    {
        fprintf(stderr, "%s\n", json_string_value(line) ? json_string_value(line) : "");
    }
    bool interrupted = name && strcmp(name, "KeyboardInterrupt") == 0;
    return interrupted ? EXIT_INTERRUPTED : EXIT_FAILED;
}

static int finish(struct execution *execution, const json_t *reply)
{
    bool ok = llmspell_is(reply, "status", "ok");
    json_int_t exit_code = llmspell_integer(reply, "exit_code", 0);
    if (execution->cli->json) {
        LLMSPELL_CLEANUP_JSON json_t *document = json_copy((json_t *)reply);
        json_object_set(document, "result", execution->result ? execution->result : json_null());
        json_object_set(document, "outputs", execution->outputs);
        cli_print_json(execution->cli, document);
    }
    if (ok)
        return (int)(exit_code & 255);
    if (!execution->cli->json)
        return show_error(reply);
    return llmspell_is(reply, "ename", "KeyboardInterrupt") ? EXIT_INTERRUPTED : EXIT_FAILED;
}

/* Takes over content. */
static int execute(struct cli *cli, json_t *content, long long timeout_s, bool show)
{
    struct error error;
    struct channel *channel;
    LLMSPELL_CLEANUP_JSON json_t *request_content = content, *reply = NULL;
    int cancel_fd = cli_interrupt_fd(cli);
    struct execution execution = {
        .cli = cli,
        .show = show,
        .outputs = json_array(),
        /* embedded, on_input runs on the executor's thread, which an interrupt wakes by a signal */
        .lines = {.cancel_fd = cli->kernel_name ? cancel_fd : -1},
    };
    int status = cli_channel(cli, &channel);
    if (status == 0) {
        struct llmspell_client_request request = {
            .size = sizeof request,
            .timeout_ms = timeout_s > 0 ? (int)(timeout_s * 1000) : -1,
            .msg_type = "execute_request",
            .content = request_content,
            .event = on_event,
            .input = on_input,
            .data = &execution,
            .cancel_fd = cancel_fd,
        };
        int rc = channel_request(channel, &request, &reply, &error);
        status = rc < 0 ? cli_fail(cli, &error) : finish(&execution, reply);
    }
    json_decref(execution.outputs);
    json_decref(execution.result);
    lines_clear(&execution.lines);
    return status;
}

static json_t *execute_content(const char *code, size_t size)
{
    json_t *text = json_stringn(code, size);
    return text ? json_pack("{s:o, s:b, s:b, s:{}, s:b, s:b}", "code", text, "silent", 0,
                            "store_history", 1, "user_expressions", "allow_stdin", 1,
                            "stop_on_error", 1)
                : NULL;
}

/* ---- run ---- */

static int read_script(const char *path, char **ret_text, size_t *ret_size)
{
    bool from_stdin = strcmp(path, "-") == 0;
    LLMSPELL_CLEANUP_FCLOSE FILE *file = from_stdin ? fdopen(dup(0), "r") : fopen(path, "re");
    struct stat st;
    if (!file || (fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode))) {
        int why = file ? EISDIR : errno;
        fprintf(stderr, "llmspell: cannot read the script %s: %s\n", path, strerror(why));
        return why == ENOENT ? EXIT_ABSENT : EXIT_FAILED;
    }
    char *text = NULL;
    size_t size = 0;
    ssize_t n = getdelim(&text, &size, EOF, file);
    if (n > (ssize_t)SCRIPT_MAX) {
        free(text);
        fprintf(stderr, "llmspell: the script %s has more than %u bytes\n", path, SCRIPT_MAX);
        return EXIT_FAILED;
    }
    *ret_text = text;
    *ret_size = n < 0 ? 0 : (size_t)n;
    return 0;
}

/* getdelim stops at a byte; a script has no 0xFF, since it is UTF-8. */
static int run_script(struct cli *cli, const struct args *args)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    long long timeout_s;
    if (args_number(args, "timeout", 0, 86400, 0, &timeout_s) < 0)
        return EXIT_USAGE;
    int status = read_script(args->values[0], &text, &size);
    if (status != 0)
        return status;
    json_t *content = execute_content(text ? text : "", size);
    if (!content) {
        fprintf(stderr, "llmspell: the script %s is not UTF-8 text\n", args->values[0]);
        return EXIT_FAILED;
    }
    json_t *list = json_array();
    for (int i = 1; i < args->count; i++)
        json_array_append_new(list, json_string(args->values[i]));
    json_object_set_new(content, "path", json_string(args->values[0]));
    json_object_set_new(content, "args", list);
    return execute(cli, content, timeout_s, args_has(args, "result"));
}

static const struct cli_option RUN_OPTIONS[] = {
    {"timeout", 't', "SECONDS", "give up after this time (0: never)", false},
    {"result", 'r', NULL, "print the value of the last expression, too", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_run = {
    .name = "run",
    .arguments = "FILE [ARGS…]",
    .summary = "run a script (- is standard input)",
    .help = "What the script prints appears at once. Options of llmspell stand before FILE; all\n"
            "behind it goes to the script as ARGS and arg. Ctrl-C interrupts it.",
    .options = RUN_OPTIONS,
    .min_values = 1,
    .max_values = -1,
    .rest = true,
    .run = run_script,
};

/* ---- exec ---- */

static int run_exec(struct cli *cli, const struct args *args)
{
    long long timeout_s;
    if (args_number(args, "timeout", 0, 86400, 0, &timeout_s) < 0)
        return EXIT_USAGE;
    json_t *content = execute_content(args->values[0], strlen(args->values[0]));
    if (!content)
        return cli_usage(NULL, "the code is not UTF-8 text");
    return execute(cli, content, timeout_s, true);
}

static const struct cli_option EXEC_OPTIONS[] = {
    {"timeout", 't', "SECONDS", "give up after this time (0: never)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_exec = {
    .name = "exec",
    .arguments = "CODE",
    .summary = "run a piece of code and print its value",
    .options = EXEC_OPTIONS,
    .min_values = 1,
    .max_values = 1,
    .run = run_exec,
};
