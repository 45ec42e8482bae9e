/* SPDX-License-Identifier: Apache-2.0
 * Clients may count lines and columns from 0, name files by URI, and see them in other folders than
 * the kernel does. The debuggee counts from 1 and knows absolute paths; here is the difference. In
 * messages of DAP the same keys always mean the same, so that a walk over all members does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap.h"

static const char URI[] = "file://";

/* ---- paths ---- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A file URI as a path; another text as it is. malloc'ed. */
static char *from_uri(const char *text)
{
    char *path = strdup(text);
    if (!path || strncmp(text, URI, sizeof URI - 1) != 0)
        return path;
    const char *at = strchr(text + sizeof URI - 1, '/');
    char *out = path;
    for (at = at ? at : ""; *at; at++) {
        int high = *at == '%' ? hex(at[1]) : -1, low = high >= 0 ? hex(at[2]) : -1;
        if (low >= 0) {
            *out++ = (char)(high * 16 + low);
            at += 2;
        } else {
            *out++ = *at;
        }
    }
    *out = 0;
    return path;
}

static char *to_uri(const char *path)
{
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-._~";
    char *uri = *path == '/' ? malloc(sizeof URI + 3 * strlen(path)) : strdup(path);
    if (!uri || *path != '/')
        return uri;
    char *out = stpcpy(uri, URI);
    for (; *path; path++)
        out += strchr(PLAIN, *path) ? snprintf(out, 2, "%c", *path)
                                    : snprintf(out, 4, "%%%02X", (unsigned char)*path);
    return uri;
}

/* The path below `to` instead of below `from`; NULL: it does not lie there. malloc'ed. */
static char *rebase(const char *path, const char *from, const char *to)
{
    size_t size = strlen(from), to_size = strlen(to);
    while (size > 0 && from[size - 1] == '/')
        size--;
    while (to_size > 0 && to[to_size - 1] == '/')
        to_size--;
    if (strncmp(path, from, size) != 0 || (path[size] && path[size] != '/'))
        return NULL;
    char *rebased = malloc(to_size + strlen(path + size) + 1);
    if (!rebased)
        return NULL;
    memcpy(rebased, to, to_size);
    memcpy(rebased + to_size, path + size, strlen(path + size) + 1);
    return rebased;
}

/* Takes path over. */
static char *map(const struct session *session, char *path, const char *from, const char *to)
{
    size_t i;
    json_t *mapping;
    json_array_foreach(session->mappings, i, mapping)
    {
        const char *a = llmspell_string(mapping, from), *b = llmspell_string(mapping, to);
        char *mapped = path && a && b ? rebase(path, a, b) : NULL;
        if (!mapped)
            continue;
        free(path);
        return mapped;
    }
    return path;
}

static json_t *path_in(const struct session *session, const char *text)
{
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    path = map(session, from_uri(text), "localRoot", "remoteRoot");
    return path ? json_string(path) : NULL;
}

static json_t *path_out(const struct session *session, const char *text)
{
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    path = map(session, strdup(text), "remoteRoot", "localRoot");
    if (!path || !session->uris)
        return path ? json_string(path) : NULL;
    LLMSPELL_CLEANUP_FREE char *uri = to_uri(path);
    return uri ? json_string(uri) : NULL;
}

/* ---- the walk ---- */

static bool is_line(const char *key)
{
    return strcmp(key, "line") == 0 || strcmp(key, "endLine") == 0;
}

static bool is_column(const char *key)
{
    return strcmp(key, "column") == 0 || strcmp(key, "endColumn") == 0;
}

/* The value that takes its place; NULL: none. */
static json_t *converted(const struct session *session, const char *key, const json_t *value,
                         int way)
{
    bool number = json_is_integer(value);
    bool column = is_column(key) || (way < 0 && strcmp(key, "start") == 0); /* of a completion */
    if (number && ((is_line(key) && session->zero_lines) || (column && session->zero_columns)))
        return json_integer(json_integer_value(value) + way);
    if (json_is_string(value) && strcmp(key, "path") == 0)
        return way > 0 ? path_in(session, json_string_value(value))
                       : path_out(session, json_string_value(value));
    return NULL;
}

static void walk(const struct session *session, json_t *value, int way)
{
    const char *key;
    json_t *member;
    size_t i;
    json_object_foreach(value, key, member)
    {
        json_t *instead = converted(session, key, member, way);
        if (instead)
            json_object_set_new(value, key, instead);
        else
            walk(session, member, way);
    }
    if (json_is_array(value))
        json_array_foreach(value, i, member) walk(session, member, way);
}

static bool is_same(const struct session *session)
{
    return !session->link ||
           (!session->zero_lines && !session->zero_columns && !session->uris && !session->mappings);
}

void convert_in(const struct session *session, json_t *value)
{
    if (!is_same(session))
        walk(session, value, 1);
}

void convert_out(const struct session *session, json_t *value)
{
    if (!is_same(session))
        walk(session, value, -1);
}
