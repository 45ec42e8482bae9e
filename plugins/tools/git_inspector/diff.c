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

int32_t run_show(const struct inspection *in, json_t **ret_result)
{
    CLEANUP(git_commit) commit = NULL;
    CLEANUP(git_diff) diff = NULL;
    CLEANUP_SIDES sides = {0};
    CLEANUP_CHANGES struct changes changes = {0};
    int32_t rc = resolve_commit(in, llmspell_string(in->params, "ref"), "/ref", &commit);
    if (rc < 0)
        return rc;
    int error = git_commit_tree(&sides.to, commit);
    if (error == 0)
        error = parent_tree(in, commit, &sides.from);
    if (error < 0)
        return inspect_fail(in, error, "changed files");
    rc = changes_compare(in, &sides, NULL, &diff);
    if (rc == 0)
        rc = changes_read(in, &sides, diff, &changes);
    if (rc < 0)
        return rc;
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:o, s:O, s:O*}", "commit", commit_value(commit), "files",
                                     changes.files, "patch", changes.patch));
}

/* ---- diff ---- */

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

static int32_t compare(const struct inspection *in, struct sides *sides, git_diff **ret_diff)
{
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    int32_t rc = resolve_file(in, &file);
    if (rc == 0)
        rc = open_sides(in, sides);
    if (rc < 0)
        return rc;
    if (file && !tree_has(sides->from, file) && !tree_has(sides->to, file) &&
        !index_has(sides->index, file))
        return llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, "/file",
                                "%s is on neither side of the comparison", file);
    return changes_compare(in, sides, file, ret_diff);
}

int32_t run_diff(const struct inspection *in, json_t **ret_result)
{
    CLEANUP(git_diff) diff = NULL;
    CLEANUP_SIDES sides = {0};
    CLEANUP_CHANGES struct changes changes = {0};
    int32_t rc = compare(in, &sides, &diff);
    if (rc == 0)
        rc = changes_read(in, &sides, diff, &changes);
    if (rc < 0)
        return rc;
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:O, s:I, s:I, s:O*}", "files", changes.files, "additions",
                                     (json_int_t)changes.additions, "deletions",
                                     (json_int_t)changes.deletions, "patch", changes.patch));
}
