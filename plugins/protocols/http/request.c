/* SPDX-License-Identifier: Apache-2.0
 * One request: its headers are judged first, its body is collected (or thrown away, so that the
 * client reads why it was refused), then it is the kernel's turn. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

/* × max_body: what is thrown away of a body before the connection is cut. */
#define DRAIN_FACTOR 8

/* The log tells of one client without the token in that time. */
#define REFUSED_MS 1000

static const char *header_of(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

/* ---- the headers ---- */

struct count {
    const char *name;
    unsigned found;
};

static enum MHD_Result count_header(void *data, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct count *count = data;
    (void)kind;
    (void)value;
    count->found += strcasecmp(key, count->name) == 0;
    return MHD_YES;
}

static unsigned count_of(const struct request *request, const char *name)
{
    struct count count = {name, 0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, count_header, &count);
    return count.found;
}

/* What two readers could understand in two ways. */
static bool check_framing(struct request *request)
{
    const char *coding = header_of(request, "Transfer-Encoding");
    if (count_of(request, "Content-Length") + count_of(request, "Transfer-Encoding") > 1)
        answer_error(request, 400, LLMSPELL_EPROTO, NULL,
                     "Content-Length and Transfer-Encoding: one of them, once");
    else if (coding && strcasecmp(coding, "chunked") != 0)
        answer_error(request, 501, LLMSPELL_EPROTO, NULL,
                     "Transfer-Encoding: only chunked is known here");
    request->cut = request->status;
    return !request->status;
}

static bool check_host(struct request *request, const char *version)
{
    const char *host = header_of(request, "Host");
    if (!host && strcmp(version, "HTTP/1.0") == 0)
        return true; /* no browser */
    if (count_of(request, "Host") != 1)
        answer_error(request, 400, LLMSPELL_EPROTO, NULL, "a request needs one Host header");
    else if (!guard_knows_host(host, request->peer->fd))
        answer_error(request, 421, LLMSPELL_EPERM, NULL,
                     "Host %.100s is not this kernel: ask for localhost or for the address that "
                     "it listens on",
                     host);
    return !request->status;
}

static bool check_token(struct request *request)
{
    struct http *http = request->http;
    int64_t now;
    if (request->route.command == COMMAND_HEALTH ||
        guard_is_authorized(http, header_of(request, "Authorization")))
        return true;
    answer_error(request, 401, LLMSPELL_EPERM, NULL,
                 "send Authorization: Bearer TOKEN; the token stands in the connection file");
    now = http_now_ms();
    if (now - http->refused_at >= REFUSED_MS)
        http_log(http, LLMSPELL_LOG_WARN, "a request without the right token was refused");
    if (now - http->refused_at >= REFUSED_MS)
        http->refused_at = now;
    return false;
}

static bool check_route(struct request *request, const char *url, const char *method)
{
    if (request->route.command == COMMAND_NONE)
        answer_error(
            request, 404, LLMSPELL_ENOTFOUND, NULL,
            "there is no %.100s here: /health, /tools, /tools/NAME, /tools/NAME/invoke and "
            "/tools/NAME/test are",
            url);
    else if (!route_takes(&request->route, method))
        answer_error(request, 405, LLMSPELL_EINVAL, NULL, "%.40s is no method for this path: %s",
                     method, route_methods(&request->route));
    return !request->status;
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json", charset[] = "charset=";
    if (!type || strncasecmp(type, json, sizeof json - 1) != 0)
        return false;
    type += sizeof json - 1;
    type += strspn(type, " \t");
    if (!*type)
        return true;
    if (*type++ != ';')
        return false;
    type += strspn(type, " \t");
    if (strncasecmp(type, charset, sizeof charset - 1) != 0)
        return false;
    type += sizeof charset - 1;
    size_t quoted = *type == '"';
    return strncasecmp(type + quoted, "utf-8", 5) == 0 &&
           strcmp(type + quoted + 5, quoted ? "\"" : "") == 0;
}

static bool has_body(const struct request *request)
{
    const char *length = header_of(request, "Content-Length");
    return header_of(request, "Transfer-Encoding") ||
           (length && strspn(length, "0") != strlen(length));
}

static bool check_type(struct request *request)
{
    const char *coding = header_of(request, "Content-Encoding");
    if (!has_body(request) ||
        (request->route.command != COMMAND_INVOKE && request->route.command != COMMAND_TEST))
        return true;
    if (!is_json(header_of(request, "Content-Type")))
        answer_error(request, 415, LLMSPELL_EINVAL, NULL,
                     "a body needs Content-Type: application/json (UTF-8)");
    else if (coding && strcasecmp(coding, "identity") != 0)
        answer_error(request, 415, LLMSPELL_EINVAL, NULL,
                     "Content-Encoding %.40s is not known here: send the body as it is", coding);
    return !request->status;
}

static void refuse_size(struct request *request)
{
    answer_error(request, 413, LLMSPELL_ELIMIT, NULL,
                 "the body is larger than %zu bytes ([protocol.http] max_body)",
                 request->http->max_body);
}

static unsigned long long declared_size(const struct request *request)
{
    const char *length = header_of(request, "Content-Length");
    return length ? strtoull(length, NULL, 10) : 0;
}

static void judge(struct request *request, const char *url, const char *method, const char *version)
{
    if (check_framing(request) && check_host(request, version) && check_token(request) &&
        check_route(request, url, method) && check_type(request) &&
        declared_size(request) > request->http->max_body)
        refuse_size(request);
}

/* ---- the body ---- */

static enum MHD_Result take_body(struct request *request, const char *data, size_t size)
{
    size_t limit = request->http->max_body;
    if (request->peer->gone)
        peer_allow(request->peer, 0, 0);
    if (!request->status && request->body.size + size > limit)
        refuse_size(request);
    if (!request->status) {
        text_add(&request->body, data, size);
        if (!request->body.failed)
            return MHD_YES;
        answer_error(request, 0, LLMSPELL_ENOMEM, NULL, "out of memory");
    }
    request->drained += size + request->body.size;
    text_clear(&request->body);
    return request->drained / DRAIN_FACTOR > limit ? MHD_NO : MHD_YES;
}

/* NULL: it has been answered with what is wrong. */
static json_t *parse_body(struct request *request)
{
    json_error_t error;
    struct text *body = &request->body;
    if (body->size == 0)
        return json_object();
    json_t *params = json_loadb(body->data, body->size,
                                JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    text_clear(body);
    if (!params)
        answer_error(request, 0, LLMSPELL_EPARSE, "",
                     "the body is not JSON: %s at line %d, column %d", error.text, error.line,
                     error.column);
    if (!params || json_is_object(params))
        return params;
    json_decref(params);
    answer_error(request, 0, LLMSPELL_EINVAL, "", "the body must be an object, the parameters");
    return NULL;
}

/* ---- the kernel's turn ---- */

static json_t *make_content(struct request *request)
{
    enum command command = request->route.command;
    json_t *content = route_content(request);
    json_t *params = content && (command == COMMAND_INVOKE || command == COMMAND_TEST)
                         ? parse_body(request)
                         : NULL;
    if (params && command == COMMAND_TEST && json_object_size(params) > 0)
        answer_error(request, 0, LLMSPELL_EINVAL, "",
                     "test takes no parameters: the examples of the manifest are called");
    if (params && command == COMMAND_INVOKE)
        json_object_set(content, "params", params);
    json_decref(params);
    if (!request->status)
        return content;
    json_decref(content);
    return NULL;
}

static enum MHD_Result begin_call(struct request *request)
{
    struct http *http = request->http;
    json_t *content = make_content(request);
    if (!content)
        return answer_send(request);
    request->phase = PHASE_WORKING;
    request->peer->deadline = 0;
    int32_t code = call_submit(request, content);
    if (code < 0) {
        request->phase = PHASE_ANSWERED;
        answer_error(request, 503, LLMSPELL_EUNAVAILABLE, NULL,
                     "the kernel takes no more requests: %s", llmspell_error_text(code));
        return answer_send(request);
    }
    http->answering++;
    request->counted = true;
    MHD_suspend_connection(request->connection);
    if (request->peer->gone)
        call_interrupt(request);
    return MHD_YES;
}

void request_resume(struct request *request)
{
    request->phase = PHASE_ANSWERED;
    MHD_resume_connection(request->connection);
}

static enum MHD_Result answer_or_call(struct request *request)
{
    if (!request->status && request->route.command == COMMAND_HEALTH)
        answer_reply(request, json_pack("{s:s}", "status", "ok"));
    if (request->status)
        return answer_send(request);
    return begin_call(request);
}

/* ---- libmicrohttpd's callbacks ---- */

static struct request *request_new(struct http *http, struct MHD_Connection *connection,
                                   const char *url)
{
    struct peer *peer = peer_of(connection);
    struct request *request = peer ? calloc(1, sizeof *request) : NULL;
    if (!request)
        return NULL;
    request->http = http;
    request->peer = peer;
    request->connection = connection;
    request->route = route_find(url);
    peer->request = request;
    return request;
}

/* A refusal that need not wait for the body: it would not be sent, or is too much. */
static bool is_hasty(const struct request *request)
{
    return request->cut ||
           (request->status && (header_of(request, "Expect") ||
                                declared_size(request) / DRAIN_FACTOR > request->http->max_body));
}

enum MHD_Result request_handle(void *data, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context)
{
    struct request *request = *context;
    if (!request) {
        *context = request = request_new(data, connection, url);
        if (!request)
            return MHD_NO;
        judge(request, url, method, version);
        if (request->status)
            peer_allow(request->peer, HTTP_FIRST_MS, 0);
        else
            peer_allow(request->peer, HTTP_BODY_MS, request->http->max_body);
        return is_hasty(request) ? answer_send(request) : MHD_YES;
    }
    if (*upload_size) {
        size_t size = *upload_size;
        *upload_size = 0;
        return take_body(request, upload, size);
    }
    return request->sent ? MHD_YES : answer_or_call(request);
}

void request_completed(void *data, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code)
{
    struct request *request = *context;
    (void)data;
    (void)connection;
    (void)code;
    if (!request)
        return;
    *context = NULL;
    request->http->answering -= request->counted;
    request->peer->request = NULL;
    peer_allow(request->peer, HTTP_NEXT_MS, 0);
    free(request->route.name);
    text_clear(&request->body);
    text_clear(&request->text);
    free(request);
}
