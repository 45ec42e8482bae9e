/* SPDX-License-Identifier: Apache-2.0
 * Writing a result to the file that the caller names (TOOLS.md 3): a temporary file beside it,
 * fsync, rename. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_SAVE_FILE_H
#define TOOLS_SHARED_SAVE_FILE_H

#include <stdbool.h>

#include <llmspell/fs.h>

/* Puts data where the parameter target_path says, whole or not at all, mode 0644 & umask. It exists
 * and not overwrite → failed; other errors as the file service's; all at /target_path. Returns 0 or
 * a negative code with the error set. */
int32_t save_file(struct llmspell_call *call, const char *path, bool overwrite, const char *data,
                  size_t size);

/* The checks of save_file before any work is done: may it be written there, is it free? */
int32_t save_file_check(struct llmspell_call *call, const char *path, bool overwrite);

#endif
