/* SPDX-License-Identifier: Apache-2.0
 * What the files of this tool share: one call (struct job), the table's functions by topic, and the
 * helpers. Everything works on descriptors that the host's file service opened, never on paths. */
#ifndef FILE_OPERATIONS_H
#define FILE_OPERATIONS_H

#include <stdbool.h>
#include <sys/stat.h>

#include <llmspell/fs.h>

#define WHOLE_MAX (50u << 20)     /* bytes of a file that is held in memory */
#define STREAM_MAX (500ull << 20) /* bytes of a file that is read through */
#define CHUNK (256u << 10)        /* bytes between two looks at the cancel flag */
#define SHOWN_SIZE 264            /* a path as messages show it */

struct job {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    const char *path;
    char shown[SHOWN_SIZE]; /* path, shortened */
};

typedef int32_t operation_function(const struct job *job, json_t **ret_result);

operation_function read_run, read_lines_run;             /* read.c, lines.c */
operation_function write_run, append_run, replace_run;   /* write.c, replace.c */
operation_function delete_run;                           /* delete.c */
operation_function copy_run, move_run;                   /* copy.c, move.c */
operation_function list_dir_run;                         /* list.c */
operation_function metadata_run, exists_run;             /* info.c */
operation_function create_dir_run, touch_run, chmod_run; /* attributes.c */
operation_function link_run;                             /* link.c */
operation_function hash_tree_run, disk_usage_run;        /* measure.c */

/* ---- place.c: where a name is ---- */

struct place {
    int parent; /* O_PATH of the folder; -1 before */
    bool exists;
    bool linked; /* the name given is a symbolic link that was followed to here */
    char name[LLMSPELL_FS_NAME_MAX];
    struct stat st; /* of the name itself, if it exists */
};

#define PLACE_INIT                                                                                 \
    {                                                                                              \
        .parent = -1                                                                               \
    }

void place_clear(struct place *place);
#define CLEANUP_PLACE __attribute__((cleanup(place_clear)))

/* The name itself, whatever it is. Fails as fs->open_parent. */
int32_t place_find(const struct job *job, const char *path, bool for_write, const char *pointer,
                   struct place *ret_place);

/* The same for writing, but a symbolic link is followed to the end: what a write would reach. */
int32_t place_follow(const struct job *job, const char *path, const char *pointer,
                     struct place *ret_place);

/* Makes the missing folders above path if the call says create_parents. A folder source that path
 * lies in is refused ("into itself"); NULL if that does not matter. */
int32_t place_parents(const struct job *job, const char *path, const char *pointer,
                      const struct stat *source);

/* Fails (failed, /if_version) unless the place has the version that the call names, if it names
 * one. *ret_lock: a descriptor that keeps other calls with if_version away until it is closed. */
int32_t place_check_version(const struct job *job, const struct place *place, int *ret_lock);

/* ---- common.c: words and values ---- */

/* Copies path for a message, shortened at a code point boundary. */
void show_path(const char *path, char ret_shown[SHOWN_SIZE]);

/* Sets the error for errno of a failed step ("write") on what is shown. */
int32_t fail_errno(const struct job *job, const char *pointer, const char *step, const char *shown,
                   int error);

/* NULL if out of memory. Names that are not UTF-8 get U+FFFD for each wrong byte. */
json_t *name_value(const char *name);
json_t *version_value(const struct stat *st);
json_t *time_value(const struct timespec *time);
char *join_path(const char *folder, const char *name); /* malloc'ed */
const char *type_name(mode_t mode);                    /* file|directory|symlink|other */
bool same_file(const struct stat *a, const struct stat *b);
bool overwrite_wanted(const struct job *job, bool fallback);
bool names_folder(const char *path); /* ends in a slash, "." or ".." */

/* The member mode ("0644") as bits, or fallback if absent. */
mode_t mode_wanted(const struct job *job, mode_t fallback);

/* How many bytes of data are UTF-8 from its start; *ret_cut: only the end of a character is
 * missing after them. */
size_t utf8_length(const char *data, size_t size, bool *ret_cut);

/* ---- draft.c: a file or folder under a temporary name until it is whole ---- */

struct draft {
    int parent; /* borrowed */
    int fd;     /* of a file that is written; -1 for folders and links */
    bool folder;
    char name[48]; /* "" if there is nothing to remove */
};

#define DRAFT_INIT                                                                                 \
    {                                                                                              \
        .parent = -1, .fd = -1                                                                     \
    }

void draft_discard(struct draft *draft); /* removes what was not committed; sets no error */
#define CLEANUP_DRAFT __attribute__((cleanup(draft_discard)))

/* All return 0 or a positive errno. */
int draft_file(int parent, mode_t mode, struct draft *ret_draft);
int draft_folder(int parent, struct draft *ret_draft);
int draft_link(int parent, const char *target, struct draft *ret_draft);

/* Gives the draft its name; replace: whatever has the name now goes. EEXIST if not. */
int draft_commit(struct draft *draft, const char *name, bool replace);
int rename_entry(int from, const char *old_name, int to, const char *new_name, bool replace);
void sync_folder(int parent);

/* ---- write.c ---- */

/* Puts data in the place, atomically: an existing file keeps its mode. replace: it may exist by
 * then. *ret_st: of the new file. */
int32_t store_file(const struct job *job, const struct place *place, const char *data, size_t size,
                   bool replace, struct stat *ret_st);

#endif
