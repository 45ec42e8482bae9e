/* SPDX-License-Identifier: Apache-2.0
 * A tool for test_extensions.py that hands its parameters to llmspell.http/1, llmspell.state/1 and
 * llmspell.secret/1, and shows what they answer. */
#include <llmspell/http.h>
#include <llmspell/secret.h>
#include <llmspell/state.h>

/* ---- http ---- */

struct stream {
    struct llmspell_call *call;
    json_int_t pieces, bytes, stop_at;
};

static int32_t count_piece(void *data, const void *bytes, uint64_t size)
{
    struct stream *stream = data;
    (void)bytes;
    stream->pieces++;
    stream->bytes += (json_int_t)size;
    return stream->stop_at && stream->bytes >= stream->stop_at
               ? llmspell_fail(stream->call, LLMSPELL_EFAILED, "the tool has seen enough")
               : 0;
}

static uint32_t flags_of(const json_t *params)
{
    return (llmspell_bool(params, "truncate", 0) ? LLMSPELL_HTTP_TRUNCATE : 0) |
           (llmspell_bool(params, "insecure", 0) ? LLMSPELL_HTTP_INSECURE : 0);
}

static json_t *show(const struct llmspell_http_response *response, const struct stream *stream)
{
    return json_pack(
        "{s:i, s:i, s:b, s:s, s:s, s:s, s:O, s:O, s:s%, s:I, s:I, s:I, s:I}", "status",
        response->status, "http_version", response->http_version, "truncated", response->truncated,
        "url", response->url, "reason", response->reason, "remote", response->remote, "headers",
        response->headers, "redirects", response->redirects, "body", response->body,
        stream->pieces || response->body_size > 1000 ? (size_t)0 : (size_t)response->body_size,
        "body_size", (json_int_t)response->body_size, "total_us", (json_int_t)response->total_us,
        "pieces", stream->pieces, "streamed", stream->bytes);
}

static int32_t http(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct stream stream = {.call = call, .stop_at = llmspell_integer(params, "stop_at", 0)};
    struct llmspell_http_response response;
    struct llmspell_http_request request = {
        .flags = flags_of(params),
        .url = llmspell_string(params, "url"),
        .method = llmspell_string(params, "method"),
        .headers = json_object_get(params, "headers"),
        .body = llmspell_string(params, "body"),
        .body_size = llmspell_string_length(params, "body"),
        .max_bytes = (uint64_t)llmspell_integer(params, "max_bytes", 0),
        .timeout_ms = (uint32_t)llmspell_integer(params, "timeout_ms", 0),
        .max_redirects = (uint32_t)llmspell_integer(params, "max_redirects", 5),
        .pointer = "/url",
        .headers_pointer = "/headers",
        .write = llmspell_bool(params, "stream", 0) ? count_piece : NULL,
        .write_data = &stream,
    };
    int32_t rc = llmspell_http_fetch(call, &request, &response);
    if (rc < 0)
        return rc;
    json_t *result = show(&response, &stream);
    llmspell_http_release(call, &response);
    return llmspell_return(call, ret_result, result);
}

/* ---- state ---- */

static int32_t change(struct llmspell_call *call, const struct llmspell_state *state,
                      const json_t *params)
{
    const char *key = llmspell_string(params, "key");
    if (llmspell_is(params, "operation", "set"))
        return state->set(call, key, json_object_get(params, "value"));
    if (llmspell_is(params, "operation", "swap"))
        return state->swap(call, key, json_object_get(params, "expected"),
                           json_object_get(params, "value"));
    return state->remove(call, key);
}

static int32_t state_use(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    const struct llmspell_state *state = llmspell_state_get(call);
    json_t *value = NULL;
    int32_t rc = LLMSPELL_EUNAVAILABLE;
    if (!state)
        return rc;
    if (llmspell_is(params, "operation", "get"))
        rc = state->get(call, llmspell_string(params, "key"), &value);
    else if (llmspell_is(params, "operation", "list"))
        rc = state->list(call, llmspell_string(params, "key"), llmspell_string(params, "after"),
                         (uint32_t)llmspell_integer(params, "limit", 0), &value);
    else
        rc = change(call, state, params);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result,
                           json_pack("{s:i, s:o*}", "answer", rc, "value", value));
}

/* ---- secret ---- */

static int32_t secret(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    char *value = NULL;
    uint64_t size = 0;
    int32_t rc = llmspell_secret_get(call, llmspell_string(params, "key"), "/key", &value, &size);
    if (rc < 0)
        return rc;
    json_t *result = json_pack("{s:s%}", "value", value, (size_t)size);
    llmspell_secret_release(call, value, size);
    return llmspell_return(call, ret_result, result);
}

static int32_t extend(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "http"))
        return http(call, params, ret_result);
    if (llmspell_is(params, "operation", "secret"))
        return secret(call, params, ret_result);
    return state_use(call, params, ret_result);
}

LLMSPELL_TOOL(.invoke = extend)
