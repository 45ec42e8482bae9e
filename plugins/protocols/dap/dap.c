/* SPDX-License-Identifier: Apache-2.0
 * The Debug Adapter Protocol plugin: the descriptor and the settings of [protocol.dap]. Loaded by
 * `kernel start` and by `llmspell debug`. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dap.h"

void dap_log(const struct dap *dap, int32_t level, const char *format, ...)
{
    char message[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    dap->host->log(dap->ctx, level, message);
}

static int32_t dap_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    const struct llmspell_kernel *kernel = call->host->extension(call->ctx, LLMSPELL_KERNEL);
    if (!kernel || kernel->size <= offsetof(struct llmspell_kernel, publish))
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "this host's " LLMSPELL_KERNEL " is older than 1.3");
    struct dap *dap = calloc(1, sizeof *dap);
    if (!dap)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    dap->host = call->host;
    dap->ctx = call->ctx;
    dap->kernel = kernel;
    snprintf(dap->ip, sizeof dap->ip, "%s", llmspell_string(config, "ip"));
    dap->port = (int)llmspell_integer(config, "port", -1);
    dap->lost = llmspell_is(config, "lost_client", "continue")    ? LOST_CONTINUE
                : llmspell_is(config, "lost_client", "terminate") ? LOST_TERMINATE
                                                                  : LOST_AUTO;
    dap->listener = dap->inbox.fd = -1;
    *ret_self = dap;
    return 0;
}

static int32_t dap_serve(void *self, struct llmspell_call *call, const json_t *wanted,
                         json_t **ret_connection)
{
    struct dap *dap = self;
    if (dap->serving)
        return llmspell_fail(call, LLMSPELL_EBUSY, "this kernel is being served already");
    return server_start(dap, call, wanted, ret_connection);
}

static void dap_stop(void *self)
{
    server_stop(self);
}

static int32_t dap_status(void *self, json_t **ret_status)
{
    const struct dap *dap = self;
    json_t *status = json_pack("{s:i}", "clients", atomic_load(&dap->clients));
    if (!status)
        return LLMSPELL_ENOMEM;
    if (dap->bound)
        json_object_set_new(status, "port", json_integer(dap->bound));
    *ret_status = status;
    return 0;
}

static void dap_close(void *self)
{
    if (self)
        server_stop(self);
    free(self);
}

LLMSPELL_PROTOCOL(.open = dap_open, .serve = dap_serve, .stop = dap_stop, .close = dap_close,
                  .status = dap_status)
