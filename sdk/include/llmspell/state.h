/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.state/1": a small store of JSON values by key, one for each tool, that
 * survives the process; for tools whose manifest has the capability `state`. All processes that run
 * the tool share it, and each function is one transaction. */
#ifndef LLMSPELL_STATE_H
#define LLMSPELL_STATE_H

#include <llmspell/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_STATE "llmspell.state/1"
#define LLMSPELL_STATE_KEY_MAX 256             /* bytes of a key; 1 at least; UTF-8 */
#define LLMSPELL_STATE_VALUE_MAX (1u << 20)    /* bytes of a value as compact JSON */
#define LLMSPELL_STATE_TOTAL_MAX (64ull << 20) /* bytes of the whole store in its file */

/* Errors of all: invalid_params (key), permission_denied (no capability), limit_exceeded, io_error,
 * unavailable (this installation lacks the store), cancelled or timeout (another process holds the
 * store). They leave the store as it was. */
struct llmspell_state {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* 1 and *ret_value, a new reference; or 0 if there is no such key. [the thread of the call] */
    int32_t (*get)(struct llmspell_call *call, const char *key, json_t **ret_value);

    /* Puts a value of any JSON type, borrowed, in place. 0. [the thread of the call] */
    int32_t (*set)(struct llmspell_call *call, const char *key, const json_t *value);

    /* The same, only if the stored value still equals expected (NULL: only if the key is absent;
     * value NULL: removes it). 1 if it was done, 0 if something else is there: get it and try
     * again. [the thread of the call] */
    int32_t (*swap)(struct llmspell_call *call, const char *key, const json_t *expected,
                    const json_t *value);

    /* 1, or 0 if there was no such key. [the thread of the call] */
    int32_t (*remove)(struct llmspell_call *call, const char *key);

    /* The keys that begin with prefix (NULL = "") and come after the key `after` (NULL = from the
     * first), at most limit (0 = 1000), sorted by bytes: *ret_keys is a new array of strings. Their
     * count. [the thread of the call] */
    int32_t (*list)(struct llmspell_call *call, const char *prefix, const char *after,
                    uint32_t limit, json_t **ret_keys);
};

#ifdef __cplusplus
}
#endif

/* The store; NULL (with the error set) if this host has none. */
static inline const struct llmspell_state *llmspell_state_get(struct llmspell_call *call)
{
    const struct llmspell_state *state =
        (const struct llmspell_state *)call->host->extension(call->ctx, LLMSPELL_STATE);
    if (!state)
        llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "this host has no store for tools (%s)",
                      LLMSPELL_STATE);
    return state;
}

#endif
