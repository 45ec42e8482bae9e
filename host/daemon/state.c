/* SPDX-License-Identifier: Apache-2.0
 * kernel_state.json: what was started and how it ended, for `kernel restart`, `kernel logs` and
 * whoever looks for the reason of an end. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/internal.h"
#include "log/logger.h"
#include "util/private_file.h"
#include "util/timestamp.h"

extern char **environ;

static json_t *environment(void)
{
    json_t *object = json_object();
    for (char **variable = environ; *variable; variable++) {
        const char *equals = strchr(*variable, '=');
        if (!equals || strncmp(*variable, "LLMSPELL_", 9) != 0)
            continue;
        char name[256];
        snprintf(name, sizeof name, "%.*s", (int)(equals - *variable), *variable);
        json_object_set_new(object, name, json_string(equals + 1));
    }
    return object;
}

static json_t *strings(const char *const *items)
{
    json_t *array = json_array();
    for (; items && *items; items++)
        json_array_append_new(array, json_string(*items));
    return array;
}

static json_t *config_files(const struct config *config)
{
    json_t *array = json_array();
    const char *file;
    for (size_t i = 0; (file = config_file(config, i)); i++)
        json_array_append_new(array, json_string(file));
    return array;
}

static json_t *describe(const struct server *server)
{
    const struct server_options *options = server->options;
    return json_pack("{s:s, s:s, s:i, s:o, s:b, s:s, s:o, s:s, s:o, s:o, s:s, s:s, s:s*}",
                     "kernel_id", options->id, "version", LLMSPELL_VERSION, "pid", (int)getpid(),
                     "started_at", timestamp_json(server->started_at), "daemon",
                     options->ready_fd >= 0, "program", options->program, "arguments",
                     strings(options->arguments), "workdir", config_cwd(server->config),
                     "environment", environment(), "config_files", config_files(server->config),
                     "protocol", config_string(server->config, "kernel", "protocol"), "runtime",
                     config_string(server->config, "kernel", "runtime"), "log_file",
                     server_log_file(options, server->config));
}

/* The file and the folder of the kernel. */
static void remove_state(const char *path)
{
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *folder = strndup(path, (size_t)(slash - path));
    unlink(path);
    if (folder)
        rmdir(folder); /* stays if it holds more */
}

void state_write(const struct server *server, const char *ended, int exit_status,
                 unsigned abandoned)
{
    struct error error;
    LLMSPELL_CLEANUP_JSON json_t *state = describe(server);
    if (ended && !server->options->named) {
        remove_state(server->options->state_file);
        return;
    }
    if (!state)
        return;
    json_object_set_new(state, "ended_at", ended ? timestamp_json(time(NULL)) : json_null());
    json_object_set_new(state, "ended", ended ? json_string(ended) : json_null());
    if (ended) {
        json_object_set_new(state, "exit_status", json_integer(exit_status));
        json_object_set_new(state, "abandoned", json_integer(abandoned));
        json_object_set_new(state, "work", kernel_dump(server->kernel));
    }
    if (private_file_write(server->options->state_file, state, ended != NULL, &error) < 0)
        log_warn("kernel", "%s", error.message);
}
