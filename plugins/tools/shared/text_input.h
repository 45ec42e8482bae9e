/* SPDX-License-Identifier: Apache-2.0
 * Text that a tool is given inline or as a file (TOOLS.md 3, IN): checked UTF-8 without a byte
 * order mark. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_TEXT_INPUT_H
#define TOOLS_SHARED_TEXT_INPUT_H

#include <llmspell/tool.h>

#define TEXT_FILE_MAX (50ull << 20) /* bytes of a file that is read whole */

/* Valid UTF-8 with a length; it may hold NUL. Zeroed = empty. */
struct text_input {
    const char *data; /* of the parameters, or of owned */
    size_t size;      /* bytes */
    char *owned;      /* what was read from a file */
};

/* How many bytes from the start on are valid UTF-8 (no surrogates, nothing overlong). */
size_t text_valid(const char *text, size_t size);

/* Code points of valid UTF-8. */
size_t text_points(const char *text, size_t size);

/* The parameter `inline_key`, or else the file that `path_key` names, of at most max bytes. A file
 * that is not UTF-8 is parse_error at "/<path_key>". Returns 0 or a negative code with the error
 * set. Clear *ret with text_input_clear. */
int32_t text_input_load(struct llmspell_call *call, const json_t *params, const char *inline_key,
                        const char *path_key, uint64_t max, struct text_input *ret);

void text_input_clear(struct text_input *input);

#define CLEANUP_TEXT_INPUT __attribute__((cleanup(text_input_clear)))

#endif
