/* SPDX-License-Identifier: Apache-2.0
 * The HTTP protocol plugin: the descriptor and the settings of [protocol.http]. Loaded by `kernel
 * start` if [kernel] protocol names it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "http.h"

int64_t http_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void http_log(const struct http *http, int32_t level, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    http->host->log(http->ctx, level, message);
}

static int32_t http_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    const struct llmspell_kernel *kernel = call->host->extension(call->ctx, LLMSPELL_KERNEL);
    const char *token = llmspell_string(config, "token");
    if (*token && !guard_token_is_good(token))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/token",
                                "[protocol.http] token must be %d to %d letters, digits and "
                                "-._~+/=; leave it empty to have one made",
                                HTTP_TOKEN_MIN, HTTP_TOKEN_MAX);
    struct http *http = calloc(1, sizeof *http);
    if (!http)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    http->host = call->host;
    http->ctx = call->ctx;
    http->kernel = kernel;
    snprintf(http->ip, sizeof http->ip, "%s", llmspell_string(config, "ip"));
    snprintf(http->own_token, sizeof http->own_token, "%s", token);
    http->port = (int)llmspell_integer(config, "port", 0);
    http->max_body = (size_t)llmspell_integer(config, "max_body", 8 << 20);
    *ret_self = http;
    return 0;
}

static int32_t http_serve(void *self, struct llmspell_call *call, const json_t *wanted,
                          json_t **ret_connection)
{
    struct http *http = self;
    if (!http->kernel)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "there is no kernel in this process to serve");
    if (http->serving)
        return llmspell_fail(call, LLMSPELL_EBUSY, "this kernel is being served already");
    return server_start(http, call, wanted, ret_connection);
}

static void http_stop(void *self)
{
    server_stop(self);
}

static int32_t http_status(void *self, json_t **ret_status)
{
    struct http *http = self;
    json_t *status = json_pack("{s:i}", "clients", atomic_load(&http->clients));
    if (!status)
        return LLMSPELL_ENOMEM;
    if (http->bound)
        json_object_set_new(status, "port", json_integer(http->bound));
    *ret_status = status;
    return 0;
}

static void http_close(void *self)
{
    struct http *http = self;
    if (!http)
        return;
    server_stop(http);
    explicit_bzero(http, sizeof *http);
    free(http);
}

LLMSPELL_PROTOCOL(.open = http_open, .serve = http_serve, .stop = http_stop, .close = http_close,
                  .status = http_status)
