/* SPDX-License-Identifier: Apache-2.0
 * Which kernels of this user there are: connection files and PID files in $LLMSPELL_HOME. The
 * commands list and find kernels with it. */
#ifndef HOST_KERNELS_H
#define HOST_KERNELS_H

#include <jansson.h>
#include <sys/types.h>

#include "config/config.h"
#include "util/error.h"

struct kernel_files {
    char *id;
    char *connection; /* kernels/ID.json */
    char *pidfile;    /* run/ID.pid */
    char *log;        /* logs/ID.log */
    char *state;      /* state/ID/kernel_state.json */
    char *dump;       /* dump/ID.json */
};

/* The paths of a kernel. EINVAL: id is not [A-Za-z0-9._-]{1,64}. */
int kernel_files_set(const struct config *config, const char *id, struct kernel_files *ret_files,
                     struct error *ret_error);
void kernel_files_clear(struct kernel_files *files);

/* Makes their folders (mode 0700). */
int kernel_files_prepare(const struct config *config, const struct kernel_files *files,
                         struct error *ret_error);

/* One kernel as it was found. */
struct kernel_entry {
    struct kernel_files files; /* all NULL: a connection file from elsewhere */
    pid_t pid;                 /* who holds the PID file; 0: nobody */
    json_t *connection;        /* NULL: there is none, or it cannot be read */
};

/* "running", "starting" (no connection file yet, or no more) or "dead"; static. */
const char *kernel_entry_state(const struct kernel_entry *entry);
void kernel_entry_clear(struct kernel_entry *entry);

enum {
    KERNELS_DEAD = 1,  /* kernels_select: if none that runs is meant, one that left files */
    KERNELS_ENDED = 2, /* also those of which only a log or a state file is left */
    KERNELS_EXACT = 4, /* kernels_select: the whole id, and no connection file */
};

/* All kernels with a connection file or PID file, sorted by id; flags: KERNELS_ENDED.
 * *ret_entries: kernels_free frees it. */
int kernels_list(const struct config *config, int flags, struct kernel_entry **ret_entries,
                 size_t *ret_count, struct error *ret_error);
void kernels_free(struct kernel_entry *entries, size_t count);

/* The kernel that name means: an id, an unambiguous start of one, or a connection file (a name with
 * a slash or .json at its end). NULL: the only one. ENOTFOUND, EINVAL (several). */
int kernels_select(const struct config *config, const char *name, int flags,
                   struct kernel_entry *ret_entry, struct error *ret_error);

/* The connection that --kernel means; names as above. ENOTFOUND, EINVAL, EPARSE, EBUSY (it starts).
 * *ret_connection is a new reference. */
int kernels_find(const struct config *config, const char *name, json_t **ret_connection,
                 struct error *ret_error);

/* Removes what a kernel left that does not run any more. */
void kernel_entry_clean(const struct kernel_entry *entry);

#endif
