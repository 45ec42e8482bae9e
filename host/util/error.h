/* SPDX-License-Identifier: Apache-2.0
 * How host functions say what went wrong: a code of llmspell/error.h and one sentence (what, where,
 * the cure). Library code fills it and returns the code; the command or thread above logs it once.
 */
#ifndef HOST_ERROR_H
#define HOST_ERROR_H

#include <llmspell/error.h>

#define ERROR_MESSAGE_MAX 1024
#define ERROR_PATH_MAX 512

struct error {
    int32_t code;                    /* 0 or negative */
    int32_t has_path;                /* path says which parameter is to blame */
    char path[ERROR_PATH_MAX];       /* a JSON pointer; "" is the whole value */
    char message[ERROR_MESSAGE_MAX]; /* cut at a code point boundary */
};

/* Fills *error (which may be NULL) and returns code. [any-thread] */
__attribute__((format(printf, 3, 4))) int error_set(struct error *error, int code,
                                                    const char *format, ...);

/* The same with the parameter to blame; path may be NULL (then none). [any-thread] */
__attribute__((format(printf, 4, 5))) int error_set_at(struct error *error, int code,
                                                       const char *path, const char *format, ...);

#endif
