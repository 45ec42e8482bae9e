/* SPDX-License-Identifier: Apache-2.0
 * The operations show and diff. */
#include "git_inspector.h"

/* The tree of the first parent; none for a first commit, or where a shallow clone ends. */
static int parent_tree(const struct inspection *in, git_commit *commit, git_tree **ret_tree)
{
    CLEANUP(git_commit) parent = NULL;
    if (git_commit_parentcount(commit) == 0)
        return 0;
    int error = git_commit_parent(&parent, commit, 0);
    if (error == GIT_ENOTFOUND && git_repository_is_shallow(in->repo) == 1)
        return 0;
    return error < 0 ? error : git_commit_tree(ret_tree, parent);
}

static int compare_commit(const struct inspection *in, git_commit *commit, git_diff **ret_diff)
{
    CLEANUP(git_tree) before = NULL;
    CLEANUP(git_tree) after = NULL;
    git_diff_options options;
    changes_options(in, &options);
    int error = git_commit_tree(&after, commit);
    if (error == 0)
        error = parent_tree(in, commit, &before);
    return error < 0 ? error : git_diff_tree_to_tree(ret_diff, in->repo, before, after, &options);
}

int32_t run_show(const struct inspection *in, json_t **ret_result)
{
    CLEANUP(git_commit) commit = NULL;
    CLEANUP(git_diff) diff = NULL;
    CLEANUP_CHANGES struct changes changes = {0};
    int32_t rc = resolve_commit(in, llmspell_string(in->params, "ref"), "/ref", &commit);
    if (rc < 0)
        return rc;
    int error = compare_commit(in, commit, &diff);
    if (error < 0)
        return inspect_fail(in, error, "changed files");
    rc = changes_rename(in, diff);
    if (rc == 0)
        rc = changes_read(in, diff, &changes);
    if (rc < 0)
        return rc;
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:o, s:O, s:O*}", "commit", commit_value(commit), "files",
                                     changes.files, "patch", changes.patch));
}

/* ---- diff ---- */

/* Both sides; to: NULL for the working tree. */
struct sides {
    git_tree *from, *to;
    git_index *index; /* of the working tree */
};

static void sides_clear(struct sides *sides)
{
    git_tree_free(sides->from);
    git_tree_free(sides->to);
    git_index_free(sides->index);
}

static int32_t open_to(const struct inspection *in, struct sides *sides)
{
    const char *to = llmspell_string(in->params, "to");
    if (to)
        return resolve_tree(in, to, "/to", &sides->to);
    if (git_repository_is_bare(in->repo))
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/to",
                                "the repository is bare: without a working tree diff needs to");
    int error = git_repository_index(&sides->index, in->repo);
    return error < 0 ? inspect_fail(in, error, "the index") : 0;
}

/* Before the first commit all is new. */
static int32_t open_sides(const struct inspection *in, struct sides *sides)
{
    const char *from = llmspell_string(in->params, "from");
    const char *ref = llmspell_string(in->params, "ref");
    int32_t rc = 0;
    if (from)
        rc = resolve_tree(in, from, "/from", &sides->from);
    else if (strcmp(ref, "HEAD") != 0 || git_repository_head_unborn(in->repo) != 1)
        rc = resolve_tree(in, ref, "/ref", &sides->from);
    return rc < 0 ? rc : open_to(in, sides);
}

static bool index_has(git_index *index, const char *file)
{
    size_t position;
    size_t length = strlen(file);
    if (!index || git_index_get_bypath(index, file, 0))
        return index != NULL;
    if (git_index_find_prefix(&position, index, file) < 0)
        return false;
    for (; position < git_index_entrycount(index); position++) {
        const char *path = git_index_get_byindex(index, position)->path;
        if (strncmp(path, file, length) != 0)
            return false;
        if (path[length] == '/')
            return true;
    }
    return false;
}

static int32_t compare(const struct inspection *in, char *file, git_diff **ret_diff)
{
    __attribute__((cleanup(sides_clear))) struct sides sides = {0};
    git_diff_options options;
    int32_t rc = open_sides(in, &sides);
    if (rc < 0)
        return rc;
    if (file && !tree_has(sides.from, file) && !tree_has(sides.to, file) &&
        !index_has(sides.index, file))
        return llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, "/file",
                                "%s is on neither side of the comparison", file);
    changes_options(in, &options);
    if (file)
        options.pathspec = (git_strarray){&file, 1};
    int error = sides.to
                    ? git_diff_tree_to_tree(ret_diff, in->repo, sides.from, sides.to, &options)
                    : git_diff_tree_to_workdir_with_index(ret_diff, in->repo, sides.from, &options);
    return error < 0 ? inspect_fail(in, error, "changed files") : changes_rename(in, *ret_diff);
}

int32_t run_diff(const struct inspection *in, json_t **ret_result)
{
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    CLEANUP(git_diff) diff = NULL;
    CLEANUP_CHANGES struct changes changes = {0};
    int32_t rc = resolve_file(in, &file);
    if (rc == 0)
        rc = compare(in, file, &diff);
    if (rc == 0)
        rc = changes_read(in, diff, &changes);
    if (rc < 0)
        return rc;
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:O, s:I, s:I, s:O*}", "files", changes.files, "additions",
                                     (json_int_t)changes.additions, "deletions",
                                     (json_int_t)changes.deletions, "patch", changes.patch));
}
