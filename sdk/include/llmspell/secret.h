/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.secret/1": passwords, keys and tokens that the operator has granted to this
 * tool by name ([tool.NAME] secrets) and that its manifest asks for (`secret:NAME`, globs). A value
 * never belongs into a log, a message, a result, an argument of a program or its environment. */
#ifndef LLMSPELL_SECRET_H
#define LLMSPELL_SECRET_H

#include <llmspell/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_SECRET "llmspell.secret/1"
#define LLMSPELL_SECRET_MAX 65536 /* bytes of a value */

struct llmspell_secret {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* The secret `name`, read anew each time. *ret_value: NUL-terminated beyond *ret_size bytes (at
     * least 1), released with release. Errors: unavailable (not granted, or empty; the message
     * names the INI line to write), permission_denied (the manifest does not ask for it; its file
     * may be read by others), io_error. pointer: the parameter to blame, "/key_secret", or NULL.
     * [the thread of the call] */
    int32_t (*get)(struct llmspell_call *call, const char *name, const char *pointer,
                   char **ret_value, uint64_t *ret_size);

    /* Zeroes and frees a value; NULL is fine. [any-thread] */
    void (*release)(char *value, uint64_t size);
};

#ifdef __cplusplus
}
#endif

/* Reads a secret; the errors of get, and unavailable if this host has no secrets. After success:
 * llmspell_secret_release(call, value, size). */
static inline int32_t llmspell_secret_get(struct llmspell_call *call, const char *name,
                                          const char *pointer, char **ret_value, uint64_t *ret_size)
{
    const struct llmspell_secret *secret =
        (const struct llmspell_secret *)call->host->extension(call->ctx, LLMSPELL_SECRET);
    if (!secret)
        return llmspell_fail_at(call, LLMSPELL_EUNAVAILABLE, pointer,
                                "this host has no secrets for tools (%s)", LLMSPELL_SECRET);
    return secret->get(call, name, pointer, ret_value, ret_size);
}

static inline void llmspell_secret_release(struct llmspell_call *call, char *value, uint64_t size)
{
    const struct llmspell_secret *secret =
        (const struct llmspell_secret *)call->host->extension(call->ctx, LLMSPELL_SECRET);
    if (secret)
        secret->release(value, size);
}

#endif
