/* SPDX-License-Identifier: Apache-2.0
 * move: a rename; between file systems a copy that keeps everything, then a delete. A link is moved
 * itself, never what it points to. */
#include "copyfile.h"

struct move {
    const struct job *job;
    struct place from, to;
    char target[SHOWN_SIZE];
    bool folder, replace;
    struct tree_size size;
};

static void move_clear(struct move *move)
{
    place_clear(&move->from);
    place_clear(&move->to);
}

#define CLEANUP_MOVE __attribute__((cleanup(move_clear)))

static int32_t find_source(struct move *move)
{
    const struct job *job = move->job;
    int32_t rc = place_find(job, job->path, true, "/path", &move->from);
    if (rc < 0)
        return rc;
    if (!move->from.exists)
        return fail_errno(job, "/path", "move", job->shown, ENOENT);
    move->folder = S_ISDIR(move->from.st.st_mode);
    if (move->folder && !llmspell_bool(job->params, "recursive", 0))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                                "%s is a directory; say recursive to move it with all in it",
                                job->shown);
    return 0;
}

static bool same_entry(const struct place *a, const struct place *b)
{
    struct stat one, other;
    return strcmp(a->name, b->name) == 0 && fstat(a->parent, &one) == 0 &&
           fstat(b->parent, &other) == 0 && same_file(&one, &other);
}

static int32_t find_target(struct move *move, const char *path)
{
    const struct job *job = move->job;
    int32_t rc = place_parents(job, path, "/target_path", move->folder ? &move->from.st : NULL);
    if (rc == 0)
        rc = place_find(job, path, true, "/target_path", &move->to);
    if (rc < 0)
        return rc;
    if (same_entry(&move->from, &move->to))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/target_path",
                                "%s and %s are the same; a thing cannot be moved onto itself",
                                job->shown, move->target);
    if (move->to.exists && !move->replace)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/target_path",
                                "%s exists already; say overwrite to replace it", move->target);
    bool onto_folder = move->to.exists && S_ISDIR(move->to.st.st_mode);
    if (!move->folder && (onto_folder || names_folder(path)))
        return fail_errno(job, "/target_path", "move a file to", move->target, EISDIR);
    if (move->folder && move->to.exists && !onto_folder)
        return fail_errno(job, "/target_path", "move a folder to", move->target, ENOTDIR);
    return 0;
}

static int32_t measure_source(struct move *move)
{
    const struct stat *st = &move->from.st;
    if (!move->folder) {
        move->size.files = 1;
        move->size.bytes = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
        return 0;
    }
    LLMSPELL_CLEANUP_CLOSE int fd = tree_open_folder(move->from.parent, move->from.name, st);
    if (fd < 0)
        return fail_errno(move->job, "/path", "open", move->job->shown, -fd);
    return tree_measure(move->job, fd, "/path", false, &move->size);
}

static int32_t move_across(struct move *move)
{
    const struct job *job = move->job;
    struct copy_options options = {.replace = move->replace, .preserve = true, .sync = true};
    struct copy_target target = {move->to.parent, move->to.name, &options};
    uint64_t removed = 0;
    if (!move->folder) {
        int32_t rc = copy_entry(job, move->from.parent, move->from.name, &target, job->shown,
                                &(uint64_t){0});
        if (rc == 0 && unlinkat(move->from.parent, move->from.name, 0) != 0)
            rc = fail_errno(job, "/path", "delete", job->shown, errno);
        return rc;
    }
    struct tree_size copied = {0};
    LLMSPELL_CLEANUP_CLOSE int fd =
        tree_open_folder(move->from.parent, move->from.name, &move->from.st);
    if (fd < 0)
        return fail_errno(job, "/path", "open", job->shown, -fd);
    options.sync = false;
    int32_t rc = copy_folder(job, fd, &move->from.st, &target, &copied);
    return rc < 0 ? rc
                  : tree_remove(job, move->from.parent, move->from.name, &move->from.st, &removed);
}

static int32_t move_entry(struct move *move)
{
    int error;
    if (move->to.exists && !move->folder && same_file(&move->from.st, &move->to.st))
        /* Two names of one file: rename would leave both. */
        error = unlinkat(move->from.parent, move->from.name, 0) == 0 ? 0 : errno;
    else
        error = rename_entry(move->from.parent, move->from.name, move->to.parent, move->to.name,
                             move->replace);
    if (error == EXDEV)
        return move_across(move);
    return error ? fail_errno(move->job, "/target_path", "move to", move->target, error) : 0;
}

int32_t move_run(const struct job *job, json_t **ret_result)
{
    const char *target_path = llmspell_string(job->params, "target_path");
    CLEANUP_MOVE struct move move = {
        .job = job, .from = PLACE_INIT, .to = PLACE_INIT, .replace = overwrite_wanted(job, false)};
    show_path(target_path, move.target);
    int32_t rc = find_source(&move);
    if (rc == 0)
        rc = find_target(&move, target_path);
    if (rc == 0)
        rc = measure_source(&move);
    if (rc == 0)
        rc = move_entry(&move);
    if (rc < 0)
        return rc;
    sync_folder(move.to.parent);
    sync_folder(move.from.parent);
    return llmspell_return(job->call, ret_result, copy_result(job, &move.size));
}
