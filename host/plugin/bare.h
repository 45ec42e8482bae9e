/* SPDX-License-Identifier: Apache-2.0
 * A manifest that is a file of its own: a tool that calls a function of some installed library, and
 * needs no shared object (docs/native.md). Used by catalog.c. */
#ifndef HOST_BARE_H
#define HOST_BARE_H

#include <stdbool.h>
#include <stddef.h>

#include "plugin/manifest.h"
#include "plugin/note.h"
#include "util/error.h"

/* Reads path if it claims to be the manifest of a tool of its own: it has a member "manifest", or
 * is broken JSON that names one, and no shared object of the same name lies beside it. Then true,
 * with *ret_text (the caller frees it, NUL-terminated beyond *ret_size bytes) and *ret_stamp. */
bool bare_read(const char *path, char **ret_text, size_t *ret_size, struct note_stamp *ret_stamp);

/* Whether what was read can do without a shared object. EREFUSED says why not. */
int bare_check(const char *text, size_t size, const char *path, enum plugin_kind kind,
               struct error *ret_error);

#endif
