/* SPDX-License-Identifier: Apache-2.0
 * What the files of git_inspector share: the call with its open repository, and the steps that
 * several operations need. Functions return 0 or a negative code with the call's error set. */
#ifndef GIT_INSPECTOR_H
#define GIT_INSPECTOR_H

#include <git2.h>
#include <stdbool.h>

#include <llmspell/fs.h>

#include "../shared/text_buffer.h"

#define SHORT_ID 7              /* digits of an abbreviated commit */
#define BLOB_MAX (50u << 20)    /* bytes of a file of a commit */
#define ENTRIES_MAX 100000      /* files, changes, branches, tags or lines of one answer */
#define PATCH_MAX (64ull << 20) /* bytes of a patch */

struct inspection {
    struct llmspell_call *call;
    const struct llmspell_fs *fs;
    const json_t *params;
    git_repository *repo;
};

/* ---- cleanup of what libgit2 hands out ---- */

#define GIT_CLEANUP(type)                                                                          \
    static inline void cleanup_##type(type **pointer)                                              \
    {                                                                                              \
        type##_free(*pointer);                                                                     \
    }
GIT_CLEANUP(git_blame)
GIT_CLEANUP(git_blob)
GIT_CLEANUP(git_branch_iterator)
GIT_CLEANUP(git_commit)
GIT_CLEANUP(git_diff)
GIT_CLEANUP(git_index)
GIT_CLEANUP(git_object)
GIT_CLEANUP(git_odb)
GIT_CLEANUP(git_patch)
GIT_CLEANUP(git_reference)
GIT_CLEANUP(git_tree)
GIT_CLEANUP(git_tree_entry)
#undef GIT_CLEANUP
#define CLEANUP(type) __attribute__((cleanup(cleanup_##type))) type *

/* ---- errors.c ---- */

/* The error of a call into libgit2 that returned `error`: the cancellation of this call if that is
 * why it ended, out of memory, io_error, or parse_error at /path: a damaged repository. */
int32_t inspect_fail(const struct inspection *in, int error, const char *what);
int32_t inspect_no_memory(const struct inspection *in);

/* ---- roots.c, find.c: the repository ---- */

/* Tells whether the folder or file lies inside the granted folders: 0, or the code of fs->open with
 * an error that shows no more than the caller wrote. */
int32_t roots_check(const struct inspection *in, const char *path, bool folder);

/* Whether all that the opened repository consists of lies there: its folders, its working tree, the
 * folders that it borrows objects from. */
int32_t roots_check_repository(const struct inspection *in);

/* Opens the repository that holds the parameter `path`. */
int32_t find_repository(struct inspection *in);

/* ---- resolve.c: what parameters name ---- */

/* The commit or tree that the revision `text`, the value of the parameter at pointer, stands for.
 * not_found; invalid_params if it is something else. */
int32_t resolve_commit(const struct inspection *in, const char *text, const char *pointer,
                       git_commit **ret_commit);
int32_t resolve_tree(const struct inspection *in, const char *text, const char *pointer,
                     git_tree **ret_tree);

/* The parameter `file` without ./ in front and / behind, which the caller frees; NULL if absent. */
int32_t resolve_file(const struct inspection *in, char **ret_file);

/* Whether the tree (NULL: empty) has it. An error of the repository counts as no. */
bool tree_has(git_tree *tree, const char *file);

/* The blob that `file` is in the tree of the parameter ref, at most BLOB_MAX bytes. */
int32_t resolve_blob(const struct inspection *in, git_tree *tree, const char *file,
                     git_blob **ret_blob);

/* ---- text.c, commit.c: values; NULL if out of memory ---- */

/* Text in `encoding` (NULL: UTF-8) as valid UTF-8; what is wrong becomes U+FFFD. */
json_t *text_value(const char *text, size_t size, const char *encoding);
json_t *path_value(const char *path);
json_t *time_value(const git_time *time); /* null outside of the years 1 to 9999 */
bool text_is_binary(const char *text, size_t size);

json_t *id_value(const git_oid *id, unsigned digits);
json_t *commit_value(git_commit *commit);

/* Sorts an array of objects by the string member `key`, or of strings if key is NULL. Releases it
 * and returns NULL if out of memory. */
json_t *sorted(json_t *array, const char *key);

/* ---- refs.c ---- */

json_t *current_branch(const struct inspection *in);
/* Short, of a local branch with its full name; NULL if it has none. */
json_t *upstream_name(const struct inspection *in, const char *branch);

/* ---- changes.c: differences ---- */

void changes_options(const struct inspection *in, git_diff_options *ret_options);
const char *change_name(git_delta_t status); /* NULL: nothing to show */
int32_t changes_rename(const struct inspection *in, git_diff *diff);

/* What is compared; to: NULL for the working tree with the index. */
struct sides {
    git_tree *from, *to;
    git_index *index; /* of the working tree */
};
void sides_clear(struct sides *sides);
#define CLEANUP_SIDES __attribute__((cleanup(sides_clear))) struct sides

/* The difference between both sides, of `file` alone unless it is NULL. Released by the caller. */
int32_t changes_compare(const struct inspection *in, const struct sides *sides, char *file,
                        git_diff **ret_diff);

/* A diff as values. patch is NULL where it is not wanted. */
struct changes {
    json_t *files;
    size_t additions, deletions;
    json_t *patch;
};
int32_t changes_read(const struct inspection *in, const struct sides *sides, git_diff *diff,
                     struct changes *ret_changes);
void changes_clear(struct changes *changes);
#define CLEANUP_CHANGES __attribute__((cleanup(changes_clear)))

/* ---- the operations ---- */

typedef int32_t operation_fn(const struct inspection *in, json_t **ret_result);
operation_fn run_blame, run_branches, run_cat, run_diff, run_files, run_log, run_show, run_status,
    run_summary, run_tags;

#endif
