/* SPDX-License-Identifier: Apache-2.0
 * The operation status: what differs between HEAD, the index and the working tree. */
#include "git_inspector.h"

/* The lists of the answer. */
struct lists {
    json_t *staged, *unstaged, *untracked, *conflicts;
};

static void lists_clear(struct lists *lists)
{
    json_decref(lists->staged);
    json_decref(lists->unstaged);
    json_decref(lists->untracked);
    json_decref(lists->conflicts);
}

static int32_t head_tree(const struct inspection *in, git_tree **ret_tree)
{
    if (git_repository_head_unborn(in->repo) == 1)
        return 0;
    return resolve_tree(in, "HEAD", "/path", ret_tree);
}

static int add_delta(const git_diff_delta *delta, json_t *changed, json_t *untracked)
{
    const char *path = delta->new_file.path ? delta->new_file.path : delta->old_file.path;
    if (delta->status == GIT_DELTA_UNTRACKED)
        return untracked ? json_array_append_new(untracked, path_value(path)) : 0;
    const char *change = change_name(delta->status);
    if (!change || delta->status == GIT_DELTA_CONFLICTED)
        return 0;
    return json_array_append_new(
        changed, json_pack("{s:o, s:s}", "path", path_value(path), "change", change));
}

static int32_t read_diff(const struct inspection *in, git_diff *diff, json_t *changed,
                         json_t *untracked)
{
    size_t count = git_diff_num_deltas(diff);
    for (size_t i = 0; i < count; i++)
        if (add_delta(git_diff_get_delta(diff, i), changed, untracked) != 0)
            return inspect_no_memory(in);
    return 0;
}

static int32_t read_staged(const struct inspection *in, git_index *index, struct lists *lists)
{
    CLEANUP(git_tree) tree = NULL;
    CLEANUP(git_diff) diff = NULL;
    git_diff_options options;
    int32_t rc = head_tree(in, &tree);
    if (rc < 0)
        return rc;
    changes_options(in, &options);
    int error = git_diff_tree_to_index(&diff, in->repo, tree, index, &options);
    if (error < 0)
        return inspect_fail(in, error, "staged files");
    rc = changes_rename(in, diff);
    return rc < 0 ? rc : read_diff(in, diff, lists->staged, NULL);
}

static int32_t read_unstaged(const struct inspection *in, git_index *index, struct lists *lists)
{
    CLEANUP(git_diff) diff = NULL;
    git_diff_options options;
    changes_options(in, &options);
    options.flags |= GIT_DIFF_INCLUDE_UNTRACKED;
    int error = git_diff_index_to_workdir(&diff, in->repo, index, &options);
    if (error < 0)
        return inspect_fail(in, error, "changed files");
    return read_diff(in, diff, lists->unstaged, lists->untracked);
}

/* The entries of a conflict have a stage from 1 on; those of one path follow each other. */
static int32_t read_conflicts(const struct inspection *in, git_index *index, struct lists *lists)
{
    const char *last = "";
    for (size_t i = 0; i < git_index_entrycount(index); i++) {
        const git_index_entry *entry = git_index_get_byindex(index, i);
        if (git_index_entry_stage(entry) == 0 || strcmp(entry->path, last) == 0)
            continue;
        last = entry->path;
        if (json_array_append_new(lists->conflicts, path_value(last)) != 0)
            return inspect_no_memory(in);
    }
    return 0;
}

static int32_t read_lists(const struct inspection *in, struct lists *lists)
{
    CLEANUP(git_index) index = NULL;
    int error = git_repository_index(&index, in->repo);
    if (error < 0)
        return inspect_fail(in, error, "the index");
    *lists = (struct lists){json_array(), json_array(), json_array(), json_array()};
    int32_t rc = read_staged(in, index, lists);
    if (rc == 0)
        rc = read_unstaged(in, index, lists);
    if (rc == 0)
        rc = read_conflicts(in, index, lists);
    if (rc < 0)
        return rc;
    lists->staged = sorted(lists->staged, "path");
    lists->unstaged = sorted(lists->unstaged, "path");
    lists->untracked = sorted(lists->untracked, NULL);
    lists->conflicts = sorted(lists->conflicts, NULL);
    return 0;
}

/* How far HEAD and its upstream are apart; where a shallow clone does not tell, nothing. */
static void add_distance(const struct inspection *in, git_reference *head, json_t *result)
{
    CLEANUP(git_reference) upstream = NULL;
    const git_oid *own = git_reference_target(head);
    size_t ahead, behind;
    if (git_branch_upstream(&upstream, head) != 0 || !own || !git_reference_target(upstream) ||
        git_graph_ahead_behind(&ahead, &behind, in->repo, own, git_reference_target(upstream)) != 0)
        return;
    json_object_set_new(result, "ahead", json_integer((json_int_t)ahead));
    json_object_set_new(result, "behind", json_integer((json_int_t)behind));
}

static json_t *position_value(const struct inspection *in)
{
    CLEANUP(git_reference) head = NULL;
    bool born = git_repository_head(&head, in->repo) == 0;
    bool detached = git_repository_head_detached(in->repo) == 1;
    const git_oid *id = born ? git_reference_target(head) : NULL;
    json_t *result = json_pack("{s:o, s:b, s:o}", "branch", current_branch(in), "detached",
                               detached, "head", id ? id_value(id, GIT_OID_HEXSZ) : json_null());
    json_t *upstream = born && !detached ? upstream_name(in, git_reference_name(head)) : NULL;
    if (result && upstream) {
        json_object_set_new(result, "upstream", upstream);
        add_distance(in, head, result);
    }
    return result;
}

int32_t run_status(const struct inspection *in, json_t **ret_result)
{
    __attribute__((cleanup(lists_clear))) struct lists lists = {0};
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    if (git_repository_is_bare(in->repo))
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/path",
                                "the repository at %s is bare: it has no working tree to compare",
                                llmspell_string(in->params, "path"));
    int32_t rc = read_lists(in, &lists);
    if (rc < 0)
        return rc;
    size_t total = json_array_size(lists.staged) + json_array_size(lists.unstaged) +
                   json_array_size(lists.untracked) + json_array_size(lists.conflicts);
    LLMSPELL_CLEANUP_JSON json_t *rest = json_pack(
        "{s:b, s:O, s:O, s:O, s:O}", "clean", total == 0, "staged", lists.staged, "unstaged",
        lists.unstaged, "untracked", lists.untracked, "conflicts", lists.conflicts);
    result = position_value(in);
    if (!rest || !result || json_object_update(result, rest) != 0)
        return inspect_no_memory(in);
    *ret_result = llmspell_steal_json(&result);
    return 0;
}
