/* SPDX-License-Identifier: Apache-2.0
 * Answers: which status an error of the kernel or a tool has in HTTP, and the JSON that goes with
 * it. docs/http.md has the table. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

#define CLIENT_CLOSED_REQUEST 499 /* as nginx and gRPC gateways say it; nobody reads it */

static const struct {
    const char *code;
    unsigned status;
} statuses[] = {
    {"invalid_params", 400}, {"parse_error", 400},  {"permission_denied", 403},
    {"not_found", 404},      {"unknown_tool", 404}, {"limit_exceeded", 413},
    {"failed", 422},         {"busy", 429},         {"cancelled", CLIENT_CLOSED_REQUEST},
    {"network_error", 502},  {"unavailable", 503},  {"plugin_refused", 503},
    {"timeout", 504},
};

static unsigned status_of(const char *code)
{
    for (size_t i = 0; code && i < sizeof statuses / sizeof *statuses; i++)
        if (strcmp(statuses[i].code, code) == 0)
            return statuses[i].status;
    return 500; /* io_error, out_of_memory, protocol_error */
}

static void set_text(struct request *request, unsigned status, const json_t *object)
{
    text_clear(&request->text);
    text_add_json(&request->text, object);
    text_add_literal(&request->text, "\n");
    request->status = status;
}

void answer_error(struct request *request, unsigned status, int32_t code, const char *path,
                  const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    const char *name = llmspell_error_name(code);
    LLMSPELL_CLEANUP_JSON json_t *object =
        json_pack("{s:s, s:{s:s, s:s, s:s*}}", "status", "error", "error", "code", name, "message",
                  message, "path", path);
    set_text(request, status ? status : status_of(name), object);
}

void answer_reply(struct request *request, json_t *reply)
{
    const json_t *error = json_object_get(reply, "error");
    bool ok = llmspell_is(reply, "status", "ok");
    json_object_del(reply, "ename"); /* Jupyter's form of the same error */
    json_object_del(reply, "evalue");
    json_object_del(reply, "traceback");
    set_text(request, ok ? 200 : status_of(llmspell_string(error, "code")), reply);
    json_decref(reply);
}

static struct MHD_Response *make_response(struct request *request)
{
    struct text *text = &request->text;
    struct MHD_Response *response = NULL;
    if (!text->failed && text->heap)
        response = MHD_create_response_from_buffer(text->size, text->data, MHD_RESPMEM_MUST_FREE);
    if (response) {
        *text = (struct text){0};
        return response;
    }
    static const char lost[] = "{\"status\":\"error\",\"error\":{\"code\":\"out_of_memory\","
                               "\"message\":\"out of memory, or an answer that is too deep\"}}\n";
    request->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
    return MHD_create_response_from_buffer(sizeof lost - 1, (void *)(uintptr_t)lost,
                                           MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result answer_send(struct request *request)
{
    size_t size = request->text.size;
    struct MHD_Response *response = make_response(request);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "application/json");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (request->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"llmspell\"");
    if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", route_methods(&request->route));
    /* 503: the kernel may have let go of us already, which we hear only later */
    if (request->cut || request->status == MHD_HTTP_SERVICE_UNAVAILABLE ||
        atomic_load(&request->http->ending))
        MHD_add_response_header(response, "Connection", "close");
    if (!request->counted)
        request->http->answering++;
    request->counted = request->sent = true;
    peer_allow(request->peer, HTTP_BODY_MS, size);
    enum MHD_Result result = MHD_queue_response(request->connection, request->status, response);
    MHD_destroy_response(response);
    return result;
}
