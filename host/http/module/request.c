/* SPDX-License-Identifier: Apache-2.0
 * What a tool wants to send: its method and headers, checked; the header lines of each hop. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http/module/exchange.h"

/* RFC 9110: the characters of methods and header names. */
static bool is_token(const char *text)
{
    for (const char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("!#$%&'*+-.^_`|~", *at))
            return false;
    return *text != '\0';
}

static bool in_list(const char *const *list, const char *name)
{
    for (; *list; list++)
        if (strcasecmp(*list, name) == 0)
            return true;
    return false;
}

/* The host frames the message, picks the connection and decompresses. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {
        "Host",   "Connection",     "Content-Length",    "Keep-Alive",
        "TE",     "Trailer",        "Accept-Encoding",   "Upgrade",
        "Expect", "HTTP2-Settings", "Transfer-Encoding", NULL};
    return in_list(names, name) || strncasecmp(name, "Proxy-", 6) == 0;
}

/* Names that tell no secret and so go to other origins, too. */
static bool is_harmless(const char *name)
{
    static const char *const names[] = {
        "Accept",       "Accept-Language", "Cache-Control", "Content-Encoding", "Content-Language",
        "Content-Type", "Pragma",          "Range",         "User-Agent",       NULL};
    return in_list(names, name) || strncasecmp(name, "If-", 3) == 0;
}

/* ---- checks ---- */

static int fail_header(const struct llmspell_http_request *request, const char *name,
                       const char *why, struct error *ret_error)
{
    char path[ERROR_PATH_MAX];
    size_t n = (size_t)snprintf(path, sizeof path / 2, "%s/",
                                request->headers_pointer ? request->headers_pointer : "");
    n = n < sizeof path / 2 ? n : sizeof path / 2 - 1;
    for (; *name && n < sizeof path - 3; name++) {
        path[n++] = *name == '/' ? '~' : *name;
        if (*name == '/' || *name == '~')
            path[n++] = *name == '/' ? '1' : '0';
    }
    path[n] = '\0';
    return error_set_at(ret_error, LLMSPELL_EINVAL, request->headers_pointer ? path : NULL, "%s",
                        why);
}

static const char *value_error(const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return "the value of a header must be a string, or an array of strings";
    if (strlen(text) != json_string_length(value) || strpbrk(text, "\r\n"))
        return "the value of a header holds no line break and no NUL";
    return NULL;
}

static const char *header_error(const char *name, const json_t *value, size_t *bytes)
{
    if (!is_token(name))
        return "this is not the name of a header";
    if (is_ours(name))
        return "this header belongs to the host's HTTP client; leave it out";
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        const char *why = value_error(item);
        if (why)
            return why;
        *bytes += strlen(name) + json_string_length(item) + 4;
    }
    return *bytes > HTTP_HEADERS_MAX ? "the headers are longer than 128 KiB" : NULL;
}

static int check_method(const char *method, struct error *ret_error)
{
    if (!method)
        return 0;
    if (!is_token(method) || strlen(method) > 32)
        return error_set(ret_error, LLMSPELL_EINVAL, "\"%s\" is not an HTTP method", method);
    if (strcasecmp(method, "CONNECT") == 0 || strcasecmp(method, "TRACE") == 0)
        return error_set(ret_error, LLMSPELL_EINVAL, "the method %s is not for tools", method);
    return 0;
}

int request_check(const struct llmspell_http_request *request, struct error *ret_error)
{
    const char *name, *why = NULL;
    json_t *value;
    size_t bytes = 0;
    int rc = check_method(request->method, ret_error);
    if (rc < 0)
        return rc;
    json_object_foreach((json_t *)request->headers, name, value)
    {
        why = header_error(name, value, &bytes);
        if (why)
            return fail_header(request, name, why, ret_error);
    }
    return 0;
}

/* ---- header lines ---- */

struct lines {
    struct curl_slist *list;
    bool failed;
};

static void add_line(struct lines *lines, const char *name, const char *value)
{
    char *text = NULL;
    /* "Name;" is how libcurl is told to send an empty one. */
    int n = *value ? asprintf(&text, "%s: %s", name, value) : asprintf(&text, "%s;", name);
    struct curl_slist *grown = n < 0 ? NULL : curl_slist_append(lines->list, text);
    if (grown)
        lines->list = grown;
    else
        lines->failed = true;
    if (n >= 0)
        free(text);
}

static void add_header(struct lines *lines, const char *name, const json_t *value)
{
    if (!json_is_array(value)) {
        add_line(lines, name, json_string_value(value));
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        add_line(lines, name, json_string_value(json_array_get(value, i)));
}

/* "Name:" takes a header of libcurl's own away. */
static void remove_line(struct lines *lines, const char *line)
{
    struct curl_slist *grown = curl_slist_append(lines->list, line);
    if (grown)
        lines->list = grown;
    else
        lines->failed = true;
}

struct curl_slist *request_headers(const struct exchange *exchange)
{
    struct lines lines = {.list = NULL};
    const char *name;
    json_t *value;
    bool typed = false;
    json_object_foreach((json_t *)exchange->request->headers, name, value)
    {
        bool of_body = strncasecmp(name, "Content-", 8) == 0;
        if ((exchange->foreign && !is_harmless(name)) || (of_body && !exchange->with_body))
            continue;
        typed |= strcasecmp(name, "Content-Type") == 0;
        add_header(&lines, name, value);
    }
    remove_line(&lines, "Expect:");
    if (!typed)
        remove_line(&lines, "Content-Type:");
    if (!lines.failed)
        return lines.list;
    curl_slist_free_all(lines.list);
    return NULL;
}
