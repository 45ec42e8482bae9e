/* SPDX-License-Identifier: Apache-2.0
 * Between the host and its store module llmspell-state.so (SQLite), which is loaded when a tool
 * first uses its store. Not a public ABI: built together. */
#ifndef HOST_STATE_H
#define HOST_STATE_H

#include <llmspell/state.h>

#include "util/error.h"

#define STATE_MODULE "llmspell-state"
#define STATE_MODULE_SYMBOL "llmspell_state_module"

struct state_store;

/* As llmspell_state, with a store and a struct error. call is asked whether it is cancelled while
 * another process holds the store. Any thread may use a store; they take turns. */
struct state_module {
    const char *version;

    /* Opens or makes the file path (mode 0600); its folder must be there. */
    int (*open)(const char *path, struct state_store **ret_store, struct error *ret_error);
    void (*close)(struct state_store *store); /* NULL is fine */

    int (*get)(struct state_store *store, const struct llmspell_call *call, const char *key,
               json_t **ret_value, struct error *ret_error);
    int (*set)(struct state_store *store, const struct llmspell_call *call, const char *key,
               const json_t *value, struct error *ret_error);
    int (*swap)(struct state_store *store, const struct llmspell_call *call, const char *key,
                const json_t *expected, const json_t *value, struct error *ret_error);
    int (*remove)(struct state_store *store, const struct llmspell_call *call, const char *key,
                  struct error *ret_error);
    int (*list)(struct state_store *store, const struct llmspell_call *call, const char *prefix,
                const char *after, unsigned limit, json_t **ret_keys, struct error *ret_error);
};

#endif
