/* SPDX-License-Identifier: Apache-2.0
 * Differences between trees, index and working tree as JSON. */
#include "git_inspector.h"

const char *change_name(git_delta_t status)
{
    switch (status) {
    case GIT_DELTA_ADDED:
        return "added";
    case GIT_DELTA_DELETED:
        return "deleted";
    case GIT_DELTA_MODIFIED:
    case GIT_DELTA_CONFLICTED:
        return "modified";
    case GIT_DELTA_RENAMED:
        return "renamed";
    case GIT_DELTA_TYPECHANGE:
        return "typechange";
    default:
        return NULL;
    }
}

/* While libgit2 compares trees: whether to go on. What it returns comes back as the error. */
static int on_progress(const git_diff *diff, const char *old_path, const char *new_path,
                       void *payload)
{
    (void)diff, (void)old_path, (void)new_path;
    const struct inspection *in = payload;
    return llmspell_cancelled(in->call) < 0 ? GIT_EUSER : 0;
}

static int on_notify(const git_diff *diff, const git_diff_delta *delta, const char *pathspec,
                     void *payload)
{
    (void)delta, (void)pathspec;
    if (git_diff_num_deltas(diff) >= ENTRIES_MAX)
        return GIT_EUSER;
    return on_progress(diff, NULL, NULL, payload);
}

void changes_options(const struct inspection *in, git_diff_options *ret_options)
{
    git_diff_options_init(ret_options, GIT_DIFF_OPTIONS_VERSION);
    ret_options->flags =
        GIT_DIFF_INCLUDE_TYPECHANGE | GIT_DIFF_INDENT_HEURISTIC | GIT_DIFF_DISABLE_PATHSPEC_MATCH;
    ret_options->ignore_submodules = GIT_SUBMODULE_IGNORE_DIRTY;
    ret_options->notify_cb = on_notify;
    ret_options->progress_cb = on_progress;
    ret_options->payload = (void *)(uintptr_t)in;
    ret_options->context_lines = (uint32_t)llmspell_integer(in->params, "context_lines", 3);
    ret_options->id_abbrev = SHORT_ID;
    ret_options->max_size = BLOB_MAX;
    ret_options->old_prefix = "a";
    ret_options->new_prefix = "b";
}

int32_t changes_rename(const struct inspection *in, git_diff *diff)
{
    git_diff_find_options options;
    git_diff_find_options_init(&options, GIT_DIFF_FIND_OPTIONS_VERSION);
    options.flags = GIT_DIFF_FIND_RENAMES;
    int error = git_diff_find_similar(diff, &options);
    return error < 0 ? inspect_fail(in, error, "the renamed files") : 0;
}

/* ---- comparing ---- */

void sides_clear(struct sides *sides)
{
    git_tree_free(sides->from);
    git_tree_free(sides->to);
    git_index_free(sides->index);
}

int32_t changes_compare(const struct inspection *in, const struct sides *sides, char *file,
                        git_diff **ret_diff)
{
    git_diff_options options;
    changes_options(in, &options);
    if (file)
        options.pathspec = (git_strarray){&file, 1};
    int error =
        sides->to ? git_diff_tree_to_tree(ret_diff, in->repo, sides->from, sides->to, &options)
                  : git_diff_tree_to_workdir_with_index(ret_diff, in->repo, sides->from, &options);
    return error < 0 ? inspect_fail(in, error, "changed files") : changes_rename(in, *ret_diff);
}

/* libgit2 has no lines for a file that became a link or is in conflict: as what went and what came,
 * without a look at the index, it has them. */
static int32_t compare_plainly(const struct inspection *in, const struct sides *sides,
                               const git_diff_delta *delta, git_diff **ret_diff)
{
    git_diff_options options;
    const char *path = delta->new_file.path ? delta->new_file.path : delta->old_file.path;
    LLMSPELL_CLEANUP_FREE char *file = strdup(path);
    if (!file)
        return inspect_no_memory(in);
    changes_options(in, &options);
    options.flags &= ~(uint32_t)GIT_DIFF_INCLUDE_TYPECHANGE;
    options.pathspec = (git_strarray){&file, 1};
    int error = sides->to
                    ? git_diff_tree_to_tree(ret_diff, in->repo, sides->from, sides->to, &options)
                    : git_diff_tree_to_workdir(ret_diff, in->repo, sides->from, &options);
    return error < 0 ? inspect_fail(in, error, "changed files") : 0;
}

/* ---- values ---- */

/* What was changed in the index and became a link in the working tree is modified for libgit2. */
static git_delta_t status_of(const git_diff_delta *delta)
{
    bool same_type = (delta->old_file.mode & S_IFMT) == (delta->new_file.mode & S_IFMT);
    return delta->status == GIT_DELTA_MODIFIED && !same_type ? GIT_DELTA_TYPECHANGE : delta->status;
}

static json_t *file_value(const git_diff_delta *delta, size_t additions, size_t deletions)
{
    const char *old_path = delta->old_file.path, *new_path = delta->new_file.path;
    json_t *file = json_pack("{s:o}", "path", path_value(new_path ? new_path : old_path));
    int rc = file && delta->status == GIT_DELTA_RENAMED
                 ? json_object_set_new(file, "old_path", path_value(old_path))
                 : 0;
    json_t *rest =
        json_pack("{s:s, s:I, s:I}", "change", change_name(status_of(delta)), "additions",
                  (json_int_t)additions, "deletions", (json_int_t)deletions);
    if (!file || !rest || rc != 0 || json_object_update(file, rest) != 0) {
        json_decref(file);
        file = NULL;
    }
    json_decref(rest);
    return file;
}

/* Where nothing but the name or mode is new, git shows no more than that; libgit2 goes on with the
 * names of both sides, and says that binary ones differ. */
static size_t patch_size(git_patch *patch, const git_buf *piece)
{
    const git_delta_t status = git_patch_get_delta(patch)->status;
    const char *mark = status == GIT_DELTA_RENAMED && git_patch_get_delta(patch)->similarity == 100
                           ? "\nBinary files "
                           : "\n--- ";
    const char *line = git_patch_num_hunks(patch) == 0
                           ? memmem(piece->ptr, piece->size, mark, strlen(mark))
                           : NULL;
    return line ? (size_t)(line + 1 - piece->ptr) : piece->size;
}

static int add_patch(git_patch *patch, struct text_buffer *text)
{
    git_buf piece = {0};
    int error = git_patch_to_buf(&piece, patch);
    if (error == 0)
        text_buffer_add(text, piece.ptr, patch_size(patch, &piece));
    git_buf_dispose(&piece);
    return error;
}

/* True for what was changed in the index and changed back in the working tree. */
static bool is_same(git_patch *patch)
{
    const git_diff_delta *delta = git_patch_get_delta(patch);
    return delta->status == GIT_DELTA_MODIFIED && delta->old_file.mode == delta->new_file.mode &&
           git_oid_equal(&delta->old_file.id, &delta->new_file.id);
}

/* Counts the lines of a delta, and adds them to text unless it is NULL. 1: there is no change. */
static int32_t read_lines(const struct inspection *in, git_diff *diff, size_t index,
                          struct text_buffer *text, size_t ret_lines[2])
{
    CLEANUP(git_patch) patch = NULL;
    size_t additions = 0, deletions = 0;
    int32_t rc = llmspell_cancelled(in->call);
    if (rc < 0)
        return rc;
    int error = git_patch_from_diff(&patch, diff, index);
    if (error == 0 && patch && is_same(patch))
        return 1;
    if (error == 0 && patch)
        error = git_patch_line_stats(NULL, &additions, &deletions, patch);
    if (error == 0 && patch && text)
        error = add_patch(patch, text);
    if (error < 0)
        return inspect_fail(in, error, "the differences");
    ret_lines[0] += additions;
    ret_lines[1] += deletions;
    return text ? text_buffer_check(in->call, text) : 0;
}

static int32_t read_plainly(const struct inspection *in, const struct sides *sides,
                            const git_diff_delta *delta, struct text_buffer *text,
                            size_t ret_lines[2])
{
    CLEANUP(git_diff) diff = NULL;
    int32_t rc = compare_plainly(in, sides, delta, &diff);
    for (size_t i = 0; rc == 0 && i < git_diff_num_deltas(diff); i++)
        if (change_name(git_diff_get_delta(diff, i)->status))
            rc = read_lines(in, diff, i, text, ret_lines);
    return rc > 0 ? 0 : rc;
}

static int32_t read_delta(const struct inspection *in, const struct sides *sides, git_diff *diff,
                          size_t index, struct text_buffer *text, struct changes *changes)
{
    size_t lines[2] = {0, 0};
    const git_diff_delta *delta = git_diff_get_delta(diff, index);
    const git_delta_t status = status_of(delta);
    bool plainly = status == GIT_DELTA_TYPECHANGE || status == GIT_DELTA_CONFLICTED;
    if (!change_name(delta->status))
        return 0;
    int32_t rc = plainly ? read_plainly(in, sides, delta, text, lines)
                         : read_lines(in, diff, index, text, lines);
    if (rc != 0)
        return rc > 0 ? 0 : rc;
    changes->additions += lines[0];
    changes->deletions += lines[1];
    if (json_array_append_new(changes->files, file_value(delta, lines[0], lines[1])) != 0)
        return inspect_no_memory(in);
    return 0;
}

int32_t changes_read(const struct inspection *in, const struct sides *sides, git_diff *diff,
                     struct changes *ret_changes)
{
    CLEANUP_TEXT_BUFFER struct text_buffer text = {.limit = PATCH_MAX};
    bool wanted = llmspell_bool(in->params, "patch", 0);
    size_t count = git_diff_num_deltas(diff);
    int32_t rc = 0;
    ret_changes->files = json_array();
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = read_delta(in, sides, diff, i, wanted ? &text : NULL, ret_changes);
        in->call->host->progress(in->call, (double)i, (double)count, "comparing");
    }
    if (rc < 0)
        return rc;
    ret_changes->files = sorted(ret_changes->files, "path");
    if (wanted)
        ret_changes->patch = text_value(text.data ? text.data : "", text.len, NULL);
    return ret_changes->files && (!wanted || ret_changes->patch) ? 0 : inspect_no_memory(in);
}

void changes_clear(struct changes *changes)
{
    json_decref(changes->files);
    json_decref(changes->patch);
}
