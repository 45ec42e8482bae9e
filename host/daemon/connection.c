/* SPDX-License-Identifier: Apache-2.0
 * Connection files: which ports and key the protocols should take, and where clients find them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/internal.h"
#include "log/logger.h"
#include "util/private_file.h"

/* What the client who gave -f FILE wants; an empty object if there is no such file yet. */
static int read_given(const char *path, json_t **ret_wanted, struct error *ret_error)
{
    json_error_t where;
    if (!path || access(path, F_OK) != 0) {
        *ret_wanted = json_object();
        return 0;
    }
    json_t *wanted = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (json_is_object(wanted)) {
        *ret_wanted = wanted;
        return 0;
    }
    json_decref(wanted);
    return error_set(ret_error, LLMSPELL_EPARSE, "%s is not a connection file: line %d: %s", path,
                     where.line, where.text);
}

static bool is_configured(const struct config *config, const char *protocol)
{
    const char *section;
    for (size_t i = 0; (section = config_plugin_section(config, i)); i++)
        if (strncmp(section, "protocol.", 9) == 0 && strcmp(section + 9, protocol) == 0)
            return true;
    return false;
}

/* A kernel of this id that crashed, or is restarted, left its connection file: with the same ports
 * and key its clients find the new one. Not if somebody chose ports. NULL: there is none. */
static json_t *read_left(const struct server *server, const char *protocol, bool first)
{
    const struct server_options *options = server->options;
    json_t *left = NULL;
    if ((first && (options->given_file || options->port)) ||
        is_configured(server->config, protocol) ||
        private_file_read(options->connection_file, &left, NULL) < 0)
        return NULL;
    json_t *own = llmspell_is(left, "protocol", protocol)
                      ? left
                      : json_object_get(json_object_get(left, "protocols"), protocol);
    own = json_is_object(own) ? json_incref(own) : NULL;
    json_decref(left);
    return own;
}

static int serve_one(struct server *server, struct plugin *plugin, const json_t *wanted, bool first,
                     struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *left = read_left(server, plugin->head.name, first);
    struct error why;
    if (left) {
        if (protocols_start(&server->protocols, server->config, plugin, left, &why) == 0)
            return 0;
        log_info("kernel", "the ports of the kernel before cannot be used again: %s", why.message);
    }
    return protocols_start(&server->protocols, server->config, plugin, wanted, ret_error);
}

int connection_serve(struct server *server, struct error *ret_error)
{
    const struct server_options *options = server->options;
    struct plugin *plugins[PROTOCOLS_MAX];
    unsigned count = 0;
    LLMSPELL_CLEANUP_JSON json_t *wanted = NULL, *none = json_object();
    int rc = read_given(options->given_file, &wanted, ret_error);
    if (rc == 0)
        rc = protocols_wanted(server->config, server->catalog, plugins, &count, ret_error);
    if (rc == 0 && options->port)
        json_object_set_new(wanted, "port", json_integer(options->port));
    for (unsigned i = 0; i < count && rc == 0; i++)
        rc = serve_one(server, plugins[i], i == 0 ? wanted : none, i == 0, ret_error);
    return rc;
}

/* The log never shows what lets a client in, not even within what a client sent. */
static void redact_secrets(struct server *server)
{
    static const char *const keys[] = {"key", "token"};
    const struct protocols *protocols = &server->protocols;
    json_t *redacted = json_array();
    for (unsigned i = 0; i < protocols->count; i++)
        for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++) {
            const char *secret = llmspell_string(protocols->items[i].connection, keys[k]);
            if (secret && logger_redact(secret) == 0)
                json_array_append_new(redacted, json_string(secret));
        }
    connection_unredact(server);
    server->redacted = redacted;
}

void connection_unredact(struct server *server)
{
    size_t i;
    json_t *secret;
    json_array_foreach(server->redacted, i, secret)
    {
        logger_unredact(json_string_value(secret));
    }
    json_decref(server->redacted);
    server->redacted = NULL;
}

json_t *connection_others(const struct server *server)
{
    const struct protocols *protocols = &server->protocols;
    const struct served *first = protocols_first(protocols);
    json_t *others = json_object();
    for (unsigned i = 0; i < protocols->count; i++) {
        const struct served *served = &protocols->items[i];
        if (served != first && served->serving && json_object_size(served->connection) > 0)
            json_object_set(others, served->plugin->head.name, served->connection);
    }
    return others;
}

int connection_write(struct server *server, struct error *ret_error)
{
    const struct server_options *options = server->options;
    const struct served *first = protocols_first(&server->protocols);
    LLMSPELL_CLEANUP_JSON json_t *connection = first ? json_copy(first->connection) : NULL;
    if (!connection)
        return error_set(ret_error, LLMSPELL_EUNAVAILABLE, "no protocol serves this kernel");
    redact_secrets(server);
    json_object_set_new(connection, "kernel_id", json_string(options->id));
    json_object_set_new(connection, "pid", json_integer(getpid()));
    json_object_set_new(connection, "protocol", json_string(first->plugin->head.name));
    json_object_set_new(connection, "kernel_name", json_string("llmspell"));
    LLMSPELL_CLEANUP_JSON json_t *others = connection_others(server);
    if (json_object_size(others) > 0)
        json_object_set(connection, "protocols", others);
    int rc = private_file_write(options->connection_file, connection, false, ret_error);
    server->connection_written = server->connection_written || rc == 0;
    if (rc == 0 && options->given_file &&
        (server->given_written || access(options->given_file, F_OK) != 0)) {
        rc = private_file_write(options->given_file, connection, false, ret_error);
        server->given_written = server->given_written || rc == 0;
    }
    return rc;
}

void connection_remove(const struct server *server)
{
    if (server->connection_written)
        unlink(server->options->connection_file);
    if (server->given_written)
        unlink(server->options->given_file);
}
