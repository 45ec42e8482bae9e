/* SPDX-License-Identifier: Apache-2.0
 * Writing a result to the file that the caller names (TOOLS.md 3): a temporary file beside it,
 * fsync, rename. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_SAVE_FILE_H
#define TOOLS_SHARED_SAVE_FILE_H

#include <stdbool.h>

#include <llmspell/fs.h>

/* Puts data where the parameter target_path says, whole or not at all, mode 0644 & umask; a link is
 * followed and stays one. It exists and not overwrite → failed; other errors as the file service's;
 * all at /target_path. Returns 0 or a negative code with the error set. */
int32_t save_file(struct llmspell_call *call, const char *path, bool overwrite, const char *data,
                  size_t size);

/* The checks of save_file before any work is done: may it be written there, is it free? */
int32_t save_file_check(struct llmspell_call *call, const char *path, bool overwrite);

/* The same for who writes piece by piece: save_start, write to fd, save_commit; save_end in any
 * case, which removes what was not committed. {.folder = -1, .fd = -1} = not started. */
struct save {
    struct llmspell_call *call;
    const char *path, *pointer; /* of the file; the parameter that names it */
    bool overwrite;
    int folder, fd; /* fd: of the temporary file */
    char name[LLMSPELL_FS_NAME_MAX], draft[48];
};

int32_t save_start(struct save *save, struct llmspell_call *call, const char *path,
                   const char *pointer, bool overwrite);
int32_t save_commit(struct save *save);
int32_t save_fail(const struct save *save, int error); /* an errno of writing as the call's error */
void save_end(struct save *save);

#endif
