/* SPDX-License-Identifier: Apache-2.0
 * One program with its input and its output, for tools whose manifest asks for exec. Compiled into
 * each tool that uses it. */
#ifndef TOOLS_SHARED_PROGRAM_H
#define TOOLS_SHARED_PROGRAM_H

#include <llmspell/tool.h>

#include "byte_buffer.h"

struct program {
    const char *path;    /* absolute */
    const char *package; /* Debian's, for the message if it is missing */
    char *const *argv;
    const char *text; /* its standard input; what the program leaves of it is dropped */
    size_t size;
    size_t max;    /* bytes that it may print, else limit_exceeded */
    size_t enough; /* bytes after which it is ended, with a status of 0; 0: none */
    int wall_ms;   /* time that it may take, else timeout; 0: that of the call */
};

/* Runs it with an environment of PATH and a UTF-8 locale, stderr thrown away. What it prints is
 * added to out, *ret_status is that of waitpid. Returns 0 or a negative code with the error set:
 * that of the call if it ends before; unavailable if it is not installed. */
int32_t program_run(struct llmspell_call *call, const struct program *program,
                    struct byte_buffer *out, int *ret_status);

#endif
