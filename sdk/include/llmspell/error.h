/* SPDX-License-Identifier: Apache-2.0
 * The one list of error codes. A function that can fail returns 0 (or a count) or one of these
 * negative numbers. The names in the third column are what clients see as "code". */
#ifndef LLMSPELL_ERROR_H
#define LLMSPELL_ERROR_H

#include <stdint.h>

/* X(symbol, number, name on the wire, text) — append only, numbers are never reused. */
#define LLMSPELL_ERRORS(X)                                                                         \
    X(LLMSPELL_EINVAL, -1, "invalid_params", "a parameter is not acceptable")                      \
    X(LLMSPELL_EPARSE, -2, "parse_error", "the input cannot be parsed")                            \
    X(LLMSPELL_ENOTFOUND, -3, "not_found", "a thing that was named does not exist")                \
    X(LLMSPELL_EPERM, -4, "permission_denied", "the policy does not allow this")                   \
    X(LLMSPELL_ELIMIT, -5, "limit_exceeded", "a limit other than time was exceeded")               \
    X(LLMSPELL_ETIMEOUT, -6, "timeout", "the time limit was exceeded")                             \
    X(LLMSPELL_ECANCELLED, -7, "cancelled", "the caller cancelled the call")                       \
    X(LLMSPELL_EUNAVAILABLE, -8, "unavailable", "this installation lacks what the call needs")     \
    X(LLMSPELL_EIO, -9, "io_error", "a system call failed")                                        \
    X(LLMSPELL_ENETWORK, -10, "network_error", "the network or the peer failed")                   \
    X(LLMSPELL_EFAILED, -11, "failed", "the operation failed")                                     \
    X(LLMSPELL_ENOMEM, -12, "out_of_memory", "out of memory")                                      \
    X(LLMSPELL_EUNKNOWN, -13, "unknown_tool", "no tool has this name")                             \
    X(LLMSPELL_EREFUSED, -14, "plugin_refused", "the plugin cannot be loaded")                     \
    X(LLMSPELL_EPROTO, -15, "protocol_error", "the peer sent something that is not a message")     \
    X(LLMSPELL_EBUSY, -16, "busy", "the thing is in use")

enum llmspell_error_code {
#define X(symbol, number, name, text) symbol = number,
    LLMSPELL_ERRORS(X)
#undef X
};

/* The name of a code on the wire ("invalid_params"); static; "failed" for an unknown code.
 * [any-thread] */
static inline const char *llmspell_error_name(int32_t code)
{
    switch (code) {
#define X(symbol, number, name, text)                                                              \
    case symbol:                                                                                   \
        return name;
        LLMSPELL_ERRORS(X)
#undef X
    default:
        return "failed";
    }
}

/* A sentence for people about a code; static. [any-thread] */
static inline const char *llmspell_error_text(int32_t code)
{
    switch (code) {
#define X(symbol, number, name, text)                                                              \
    case symbol:                                                                                   \
        return text;
        LLMSPELL_ERRORS(X)
#undef X
    default:
        return "the operation failed";
    }
}

#endif
