/* SPDX-License-Identifier: Apache-2.0
 * The file of the history, $LLMSPELL_HOME/history/<runtime>.jsonl, which all kernels share: each
 * change is made under its lock (flock), a compaction puts a new file in its place. Used by the
 * history's thread. */
#ifndef HOST_HISTORY_FILE_H
#define HOST_HISTORY_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "kernel/history_line.h"
#include "util/error.h"

#define HISTORY_FILE_BYTES (INT64_C(16) << 20) /* kept by a compaction, at most */

struct history_file {
    char *folder, *name, *temporary; /* the names in folder; NULL: there is no file */
    size_t entries_max;
    int fd; /* -1: not open */
    bool locked;
    dev_t device;
    ino_t inode;
    int64_t seen; /* bytes of the file that lines and last_session know */
    size_t lines;
    size_t retry_at; /* lines at which a compaction that failed is tried again */
    int64_t last_session;
};

/* home: where the folder "history" is, or will be. runtime: a name that is no file name makes no
 * file. */
int history_file_init(struct history_file *file, const char *home, const char *runtime,
                      size_t entries_max);
void history_file_clear(struct history_file *file);

/* Opens the file if need be, locks it, counts what others have added. EBUSY: another process holds
 * the lock: soon again. EPERM, EIO: the message says what is wrong and the cure. */
int history_file_lock(struct history_file *file, struct error *ret_error);
void history_file_unlock(struct history_file *file);

/* Under the lock: adds whole lines by one write, or nothing. EIO. */
int history_file_append(struct history_file *file, const char *text, size_t size, size_t lines,
                        struct error *ret_error);

/* Under the lock: if the file has grown past twice its limits, keeps the newest lines. EIO: it is
 * as it was. */
int history_file_compact(struct history_file *file, struct error *ret_error);

/* The whole text of the file (the last 64 MiB of it), "" if there is none yet; needs no lock, and
 * waits for none. The caller frees it. */
int history_file_read(const struct history_file *file, char **ret_text, size_t *ret_size,
                      struct error *ret_error);

#endif
