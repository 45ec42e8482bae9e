/* SPDX-License-Identifier: Apache-2.0
 * struct llmspell_host as every plugin gets it. */
#include "plugin/call.h"

#include <string.h>
#include <time.h>

#include "log/logger.h"

#define PROGRESS_INTERVAL_NS 100000000 /* at most ten reports a second */

int64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void api_log(struct llmspell_ctx *ctx, int32_t level, const char *message)
{
    int32_t known = level < LOG_ERROR ? LOG_ERROR : level > LOG_TRACE ? LOG_TRACE : level;
    if (logger_enabled((enum log_level)known))
        log_write((enum log_level)known, ctx->source, "%s", message);
}

static int32_t api_fail(struct llmspell_call *base, int32_t code, const char *path,
                        const char *message)
{
    int32_t negative = code < 0 ? code : LLMSPELL_EFAILED;
    return error_set_at(&call_of(base)->error, negative, path, "%s", message ? message : "");
}

static int32_t api_cancelled(const struct llmspell_call *base)
{
    const struct call *call = (const struct call *)base;
    if (call->cancel && cancel_is_set(call->cancel))
        return LLMSPELL_ECANCELLED;
    if (call->deadline_ns && clock_monotonic_ns() >= call->deadline_ns)
        return LLMSPELL_ETIMEOUT;
    return 0;
}

static void api_progress(struct llmspell_call *base, double done, double total, const char *message)
{
    struct call *call = call_of(base);
    if (!call->progress)
        return;
    int64_t now = clock_monotonic_ns();
    if (call->progress_ns && now - call->progress_ns < PROGRESS_INTERVAL_NS)
        return;
    call->progress_ns = now;
    call->progress(call->progress_data, done, total, message);
}

static const void *api_extension(struct llmspell_ctx *ctx, const char *id)
{
    return ctx->extension ? ctx->extension(ctx, id) : NULL;
}

const struct llmspell_host host_api = {
    .size = sizeof(struct llmspell_host),
    .abi_major = LLMSPELL_ABI_MAJOR,
    .abi_minor = LLMSPELL_ABI_MINOR,
    .log = api_log,
    .fail = api_fail,
    .cancelled = api_cancelled,
    .progress = api_progress,
    .extension = api_extension,
};

void call_init(struct call *call, struct llmspell_ctx *ctx)
{
    /* The messages are not cleared: a kilobyte a call is not worth it. */
    call->base =
        (struct llmspell_call){.size = sizeof(struct llmspell_call), .host = &host_api, .ctx = ctx};
    call->error.code = 0;
    call->error.has_path = 0;
    call->error.path[0] = call->error.message[0] = '\0';
    call->cancel = NULL;
    call->deadline_ns = 0;
    call->progress = NULL;
    call->progress_data = NULL;
    call->progress_ns = 0;
    call->owner = NULL;
}

int call_error(const struct call *call, int code, struct error *ret_error)
{
    if (call->error.code == 0 || !*call->error.message)
        return error_set(ret_error, code, "%s", llmspell_error_text(code));
    if (ret_error) {
        *ret_error = call->error;
        ret_error->code = code;
    }
    return code;
}
