/* SPDX-License-Identifier: Apache-2.0
 * What the host offers to every plugin: logging, errors, cancellation, progress, extensions.
 * Rules of the ABI (docs/sdk.md): append only; fixed-width integers; no struct is allocated by the
 * other side; strings are UTF-8, NUL-terminated and borrowed for the call; outputs are last, named
 * ret_, and written only on success; errors are negative (error.h). */
#ifndef LLMSPELL_HOST_H
#define LLMSPELL_HOST_H

#include <jansson.h>
#include <stdint.h>

#include <llmspell/error.h>
#include <llmspell/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LLMSPELL_EXPORT __attribute__((visibility("default")))
#else
#define LLMSPELL_EXPORT
#endif

/* Levels of llmspell_host.log, the same numbers as in the host's log settings. */
#define LLMSPELL_LOG_ERROR 1
#define LLMSPELL_LOG_WARN 2
#define LLMSPELL_LOG_INFO 3
#define LLMSPELL_LOG_DEBUG 4
#define LLMSPELL_LOG_TRACE 5

struct llmspell_ctx; /* one loaded plugin as the host knows it; opaque; lives as long as the process
                      */

/* One call into a plugin. Owned by the host; borrowed for the call; never kept. A plugin that needs
 * the host outside a call copies `host` and `ctx` in open (both live as long as the process). */
struct llmspell_call {
    uint32_t size;                    /* sizeof at the host's build */
    uint32_t reserved;                /* 0 */
    const struct llmspell_host *host; /* never NULL */
    struct llmspell_ctx *ctx;         /* the plugin that is called; never NULL */
};

struct llmspell_host {
    uint32_t size;      /* sizeof at the host's build: a member exists if it lies below size */
    uint16_t abi_major; /* LLMSPELL_ABI_MAJOR of the host */
    uint16_t abi_minor; /* LLMSPELL_ABI_MINOR of the host */

    /* Writes one log record; message is copied; never fails. [any-thread] */
    void (*log)(struct llmspell_ctx *ctx, int32_t level, const char *message);

    /* Sets the error of a call and returns code, so that `return fail(…)` ends the call. code is
     * negative (error.h); path is the JSON pointer of the parameter to blame ("" is the whole
     * object) or NULL; message is one sentence for people. Both are copied; the last call wins.
     * [the thread of the call] */
    int32_t (*fail)(struct llmspell_call *call, int32_t code, const char *path,
                    const char *message);

    /* 0, or LLMSPELL_ECANCELLED / LLMSPELL_ETIMEOUT once the call should end: return that code at
     * once. Costs about 30 ns; ask at least every 100 ms. [any-thread] */
    int32_t (*cancelled)(const struct llmspell_call *call);

    /* Reports progress to the caller; total is 0 if unknown; message is copied or NULL. Reports
     * above ten a second are dropped. [the thread of the call] */
    void (*progress)(struct llmspell_call *call, double done, double total, const char *message);

    /* A table of further functions by its id ("llmspell.fs/1"), static, or NULL if this host does
     * not have it. The header of each extension names its id and type. [any-thread] */
    const void *(*extension)(struct llmspell_ctx *ctx, const char *id);
};

#ifdef __cplusplus
}
#endif

#endif
