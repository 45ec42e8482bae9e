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

static json_t *file_value(const git_diff_delta *delta, size_t additions, size_t deletions)
{
    const char *old_path = delta->old_file.path, *new_path = delta->new_file.path;
    json_t *file = json_pack("{s:o}", "path", path_value(new_path ? new_path : old_path));
    int rc = file && delta->status == GIT_DELTA_RENAMED
                 ? json_object_set_new(file, "old_path", path_value(old_path))
                 : 0;
    json_t *rest = json_pack("{s:s, s:I, s:I}", "change", change_name(delta->status), "additions",
                             (json_int_t)additions, "deletions", (json_int_t)deletions);
    if (!file || !rest || rc != 0 || json_object_update(file, rest) != 0) {
        json_decref(file);
        file = NULL;
    }
    json_decref(rest);
    return file;
}

static int add_patch(git_patch *patch, struct text_buffer *text)
{
    git_buf piece = {0};
    int error = git_patch_to_buf(&piece, patch);
    if (error == 0)
        text_buffer_add(text, piece.ptr, piece.size);
    git_buf_dispose(&piece);
    return error;
}

static int32_t read_delta(const struct inspection *in, git_diff *diff, size_t index,
                          struct text_buffer *text, struct changes *changes)
{
    CLEANUP(git_patch) patch = NULL;
    size_t additions = 0, deletions = 0;
    const git_diff_delta *delta = git_diff_get_delta(diff, index);
    int32_t rc = llmspell_cancelled(in->call);
    if (rc < 0 || !change_name(delta->status))
        return rc;
    int error = git_patch_from_diff(&patch, diff, index);
    if (error == 0 && patch)
        error = git_patch_line_stats(NULL, &additions, &deletions, patch);
    if (error == 0 && patch && text)
        error = add_patch(patch, text);
    if (error < 0)
        return inspect_fail(in, error, "the differences");
    rc = text ? text_buffer_check(in->call, text) : 0;
    if (rc < 0)
        return rc;
    changes->additions += additions;
    changes->deletions += deletions;
    if (json_array_append_new(changes->files, file_value(delta, additions, deletions)) != 0)
        return inspect_no_memory(in);
    return 0;
}

int32_t changes_read(const struct inspection *in, git_diff *diff, struct changes *ret_changes)
{
    CLEANUP_TEXT_BUFFER struct text_buffer text = {.limit = PATCH_MAX};
    bool wanted = llmspell_bool(in->params, "patch", 0);
    size_t count = git_diff_num_deltas(diff);
    int32_t rc = 0;
    ret_changes->files = json_array();
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = read_delta(in, diff, i, wanted ? &text : NULL, ret_changes);
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
