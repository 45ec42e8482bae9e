/* SPDX-License-Identifier: Apache-2.0
 * Paths and queries, and the tool_request that they mean. */
#include <stdio.h>
#include <string.h>

#include "http.h"

static const struct {
    const char *suffix; /* behind /tools/NAME */
    enum command command;
} of_tool[] = {
    {"", COMMAND_INFO},
    {"/invoke", COMMAND_INVOKE},
    {"/test", COMMAND_TEST},
};

struct route route_find(const char *path)
{
    if (strcmp(path, "/health") == 0)
        return (struct route){COMMAND_HEALTH, NULL};
    if (strcmp(path, "/tools") == 0)
        return (struct route){COMMAND_LIST, NULL};
    if (strncmp(path, "/tools/", 7) != 0)
        return (struct route){0};
    path += 7;
    size_t size = strcspn(path, "/");
    for (size_t i = 0; size > 0 && i < sizeof of_tool / sizeof *of_tool; i++)
        if (strcmp(path + size, of_tool[i].suffix) == 0)
            return (struct route){of_tool[i].command, strndup(path, size)};
    return (struct route){0};
}

static bool is_post(const struct route *route)
{
    return route->command == COMMAND_INVOKE || route->command == COMMAND_TEST;
}

const char *route_methods(const struct route *route)
{
    return is_post(route) ? "POST" : "GET, HEAD";
}

bool route_takes(const struct route *route, const char *method)
{
    if (is_post(route))
        return strcmp(method, "POST") == 0;
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* ---- the query ---- */

struct query {
    struct request *request;
    json_t *content;
    bool failed;
};

/* Seconds with a fraction, as 2.5; -1: anything else. */
static json_int_t milliseconds(const char *text)
{
    json_int_t value = 0, unit = 1000;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9)
        return -1;
    for (size_t i = 0; i < digits; i++)
        value = value * 10 + (text[i] - '0') * 1000;
    text += digits;
    if (*text == '.' && text[1])
        for (text++; *text >= '0' && *text <= '9'; text++)
            value += (text[0] - '0') * (unit /= 10);
    return *text || value <= 0 ? -1 : value;
}

static void refuse(struct query *query, const char *key, const char *why)
{
    char path[40];
    snprintf(path, sizeof path, "/%.30s", key);
    answer_error(query->request, 0, LLMSPELL_EINVAL, path, "%.30s %s", key, why);
    query->failed = true;
}

static const char *add_timeout(struct query *query, const char *value)
{
    json_int_t ms = milliseconds(value);
    json_object_set_new(query->content, "timeout_ms", json_integer(ms));
    return ms < 0 ? "must be seconds above 0, such as 2.5" : NULL;
}

static const char *add_word(struct query *query, const char *key, const char *value)
{
    return json_object_set_new(query->content, key, json_string(value)) < 0
               ? "must be text in UTF-8"
               : NULL;
}

static bool takes(enum command command, const char *key)
{
    if (command == COMMAND_LIST)
        return strcmp(key, "category") == 0 || strcmp(key, "query") == 0;
    return command == COMMAND_INVOKE && strcmp(key, "timeout") == 0;
}

static enum MHD_Result add_argument(void *data, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct query *query = data;
    enum command command = query->request->route.command;
    bool timeout = command == COMMAND_INVOKE;
    const char *why = NULL;
    (void)kind;
    if (!takes(command, key))
        why = command == COMMAND_LIST     ? "is not known in this query: category and query are"
              : command == COMMAND_INVOKE ? "is not known in this query: timeout is"
                                          : "is not known: this path takes no query";
    else if (json_object_get(query->content, timeout ? "timeout_ms" : key))
        why = "stands twice in the query";
    else
        why = timeout ? add_timeout(query, value ? value : "")
                      : add_word(query, key, value ? value : "");
    if (why)
        refuse(query, key, why);
    return query->failed ? MHD_NO : MHD_YES;
}

/* ---- the content ---- */

static json_t *start_content(struct request *request)
{
    static const char *const commands[] = {[COMMAND_LIST] = "list",
                                           [COMMAND_INFO] = "info",
                                           [COMMAND_INVOKE] = "invoke",
                                           [COMMAND_TEST] = "test"};
    const struct route *route = &request->route;
    json_t *content =
        json_pack("{s:s, s:s*}", "command", commands[route->command], "name", route->name);
    if (!content)
        answer_error(request, 0, LLMSPELL_EINVAL, "/name",
                     "the name of the tool must be text in UTF-8");
    return content;
}

json_t *route_content(struct request *request)
{
    struct query query = {request, start_content(request), false};
    if (!query.content)
        return NULL;
    MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND, add_argument, &query);
    if (query.failed) {
        json_decref(query.content);
        return NULL;
    }
    if (json_object_get(query.content, "query"))
        json_object_set_new(query.content, "command", json_string("search"));
    return query.content;
}
