/* SPDX-License-Identifier: Apache-2.0
 * The file service: paths that callers give, resolved beneath granted roots (TOOLS.md 4). Behind
 * the extension "llmspell.fs/1"; used by tool/invoke.c, which binds one set of roots to a tool. */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct files; /* roots with open descriptors; immutable after files_new */

struct files_root {
    const char *path; /* absolute; resolved (realpath) by files_new; skipped if it does not exist */
    bool write;       /* else read only */
    bool state;       /* the tool's own ${statedir} */
};

/* workdir: absolute, what relative paths start from. Errors: EIO, ENOMEM. [any-thread] */
int files_new(const char *workdir, const struct files_root *roots, unsigned count,
              struct files **ret_files, struct error *ret_error);
void files_free(struct files *files);

/* Resolved path of the root that is marked as state, borrowed; NULL if there is none. */
const char *files_state_folder(const struct files *files);

/* As llmspell_fs.open and open_parent (sdk/include/llmspell/fs.h), with a struct error whose path
 * is pointer. Return a descriptor (CLOEXEC, the caller closes) or a negative code. [any-thread] */
int files_open(const struct files *files, const char *path, int flags, uint32_t mode,
               const char *pointer, struct error *ret_error);
int files_open_parent(const struct files *files, const char *path, bool for_write,
                      const char *pointer, char *ret_name, struct error *ret_error);

#endif
