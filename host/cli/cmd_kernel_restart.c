/* SPDX-License-Identifier: Apache-2.0
 * `kernel restart [ID]`: stops a daemon and starts it as it was started, with the ports and key
 * that its clients know. A dead one is just started. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/cli.h"
#include "cli/kernel_ask.h"
#include "cli/kernel_end.h"
#include "cli/kernel_state.h"
#include "util/private_file.h"

extern char **environ;

/* ---- how it was started ---- */

/* A list of texts that ends with NULL; owns them. No memory: failed. */
struct texts {
    char **items;
    size_t count;
    bool failed;
};

/* Takes text over, which may be NULL for no memory. */
static void texts_take(struct texts *texts, char *text)
{
    char **items = realloc(texts->items, (texts->count + 2) * sizeof *items);
    if (items)
        texts->items = items;
    if (!items || !text) {
        free(text);
        texts->failed = true;
        return;
    }
    items[texts->count++] = text;
    items[texts->count] = NULL;
}

static void texts_add(struct texts *texts, const char *text)
{
    texts_take(texts, strdup(text));
}

static void texts_clear(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i]);
    free(texts->items);
}

/* How many words of the old start say how it should print: that is for this command to say. */
static int is_output_option(const char *word)
{
    if (strcmp(word, "--output") == 0 || strcmp(word, "-o") == 0)
        return 2;
    return strncmp(word, "--output=", 9) == 0 || strcmp(word, "-ojson") == 0 ||
           strcmp(word, "-otext") == 0 || strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0;
}

static bool is_id_option(const char *word)
{
    return strcmp(word, "--id") == 0 || strncmp(word, "--id=", 5) == 0 || strcmp(word, "-i") == 0;
}

static void make_arguments(const struct cli *cli, const json_t *state, const char *id,
                           struct texts *ret_arguments)
{
    const json_t *list = json_object_get(state, "arguments");
    bool has_id = false;
    texts_add(ret_arguments, llmspell_string(state, "program"));
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *word = json_string_value(json_array_get(list, i));
        int drop = word ? is_output_option(word) : 1;
        if (drop > 0) {
            i += (size_t)drop - 1;
            continue;
        }
        has_id = has_id || is_id_option(word);
        texts_add(ret_arguments, word);
    }
    if (!has_id) {
        texts_add(ret_arguments, "--id");
        texts_add(ret_arguments, id);
    }
    if (cli->json)
        texts_add(ret_arguments, "--output=json");
    if (cli->quiet)
        texts_add(ret_arguments, "--quiet");
}

/* Ours, but with the LLMSPELL_ variables of the first start. Its home is the one where we found it:
 * a relative one stays true so. */
static void make_environment(const struct config *config, const json_t *state,
                             struct texts *ret_environment)
{
    const char *name;
    const json_t *value;
    char *home;
    for (char **at = environ; *at; at++)
        if (strncmp(*at, "LLMSPELL_", 9) != 0)
            texts_add(ret_environment, *at);
    json_object_foreach((json_t *)json_object_get(state, "environment"), name, value)
    {
        char *text;
        if (!json_is_string(value) || strcmp(name, "LLMSPELL_HOME") == 0)
            continue;
        texts_take(ret_environment,
                   asprintf(&text, "%s=%s", name, json_string_value(value)) < 0 ? NULL : text);
    }
    texts_take(ret_environment,
               asprintf(&home, "LLMSPELL_HOME=%s", config_home(config)) < 0 ? NULL : home);
}

/* ---- the new process ---- */

static int spawn(const char *workdir, const struct texts *arguments,
                 const struct texts *environment, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE); /* ignored in here */
    sigaddset(&usual, SIGXFSZ);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    int rc = posix_spawn_file_actions_addchdir_np(&actions, workdir);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(&attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(&attributes, &usual);
    if (rc == 0)
        rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawn(ret_pid, arguments->items[0], &actions, &attributes, arguments->items,
                         environment->items);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return -rc;
}

/* Its output is ours. Returns its exit status, or a negative code. */
static int start_again(struct cli *cli, const json_t *state, const char *id,
                       struct error *ret_error)
{
    struct texts arguments = {0}, environment = {0};
    pid_t pid;
    int status = 0;
    const char *workdir = llmspell_string(state, "workdir");
    make_arguments(cli, state, id, &arguments);
    make_environment(cli->config, state, &environment);
    int rc = arguments.failed || environment.failed
                 ? -ENOMEM
                 : spawn(workdir, &arguments, &environment, &pid);
    if (rc < 0)
        rc = error_set(ret_error, LLMSPELL_EIO,
                       "kernel %s is stopped, but cannot start %s in %s: %s", id,
                       llmspell_string(state, "program"), workdir, strerror(-rc));
    texts_clear(&arguments);
    texts_clear(&environment);
    if (rc < 0)
        return rc;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* ---- the command ---- */

/* Whether it can be started again, before anything is stopped. */
static int check_state(const struct kernel_entry *entry, const json_t *state,
                       struct error *ret_error)
{
    const char *program = llmspell_string(state, "program");
    const char *workdir = llmspell_string(state, "workdir");
    if (!llmspell_bool(state, "daemon", 0))
        return error_set(ret_error, LLMSPELL_EPERM,
                         "kernel %s runs in the foreground of whoever started it; restart it "
                         "there: in the notebook or console, by `systemctl restart`, or by its "
                         "end and the same command",
                         entry->files.id);
    if (!program || !workdir || json_array_size(json_object_get(state, "arguments")) == 0)
        return error_set(
            ret_error, LLMSPELL_EPARSE,
            "%s does not say how the kernel was started; stop it, and start it by hand",
            entry->files.state);
    if (access(program, X_OK) != 0 || access(workdir, X_OK) != 0)
        return error_set(ret_error, LLMSPELL_ENOTFOUND,
                         "kernel %s cannot start again: %s: %s; nothing was done", entry->files.id,
                         access(program, X_OK) != 0 ? program : workdir, strerror(errno));
    return 0;
}

static int load_state(const struct kernel_entry *entry, json_t **ret_state, struct error *ret_error)
{
    int rc = kernel_state_load(&entry->files, ret_state, ret_error);
    if (rc == LLMSPELL_ENOTFOUND)
        return error_set(ret_error, rc,
                         "how kernel %s was started is not known: there is no %s; stop it, and "
                         "start it with `llmspell kernel start --daemon --id %s`",
                         entry->files.id, entry->files.state, entry->files.id);
    return rc < 0 ? rc : check_state(entry, *ret_state, ret_error);
}

/* The file goes with the kernel; put back, its ports and key are those of the next one. */
static int stop(const struct kernel_entry *entry, int timeout_ms, struct error *ret_error)
{
    if (entry->pid == 0)
        return 0;
    int rc = kernel_end_stop(entry, false, timeout_ms, ret_error);
    if (rc == 0 && json_is_object(entry->connection))
        rc = private_file_write(entry->files.connection, entry->connection, false, ret_error);
    return rc;
}

static int run(struct cli *cli, const struct args *args)
{
    struct error error;
    struct kernel_entry entry;
    const struct config *config;
    LLMSPELL_CLEANUP_JSON json_t *state = NULL;
    long long timeout_s;
    if (args_number(args, "timeout", 1, 3600, 30, &timeout_s) < 0)
        return EXIT_USAGE;
    int status = cli_config(cli, &config);
    if (status != 0)
        return status;
    int rc = kernels_select(config, kernel_ask_name(cli, args),
                            KERNELS_DEAD | KERNELS_ENDED | KERNELS_EXACT, &entry, &error);
    if (rc < 0)
        return cli_fail(cli, &error);
    rc = load_state(&entry, &state, &error);
    if (rc == 0)
        rc = stop(&entry, (int)timeout_s * 1000, &error);
    if (rc == 0)
        rc = start_again(cli, state, entry.files.id, &error);
    kernel_entry_clear(&entry);
    return rc < 0 ? cli_fail(cli, &error) : rc;
}

static const struct cli_option OPTIONS[] = {
    {"timeout", 't', "SECONDS", "how long to wait for the end (default 30)", false},
    {NULL, 0, NULL, NULL, false},
};

const struct command cmd_kernel_restart = {
    .name = "kernel restart",
    .arguments = "[ID]",
    .summary = "stop a daemon and start it as it was started",
    .help = "Its clients connect again: ports and key stay. A dead kernel is just started.",
    .options = OPTIONS,
    .max_values = 1,
    .run = run,
};
