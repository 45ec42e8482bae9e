/* SPDX-License-Identifier: Apache-2.0
 * copy: a file, or a folder with all in it. A new folder appears when it is whole; into an existing
 * one the entries are merged, each whole. */
#include "copyfile.h"

/* ---- trees ---- */

struct copier {
    struct tree tree; /* first: the visitor is handed this */
    struct ways targets;
    const struct copy_options *options;
    struct tree_size *size;
};

static int32_t fail_target(const struct job *job, const char *step, int error)
{
    char shown[SHOWN_SIZE];
    show_path(llmspell_string(job->params, "target_path"), shown);
    return fail_errno(job, "/target_path", step, shown, error);
}

/* Makes the folder (or takes the one that is there) and steps into it. An errno. */
static int enter_target(struct copier *copier, const char *name)
{
    int folder = ways_top(&copier->targets);
    if (mkdirat(folder, name, 0700) != 0 && !(errno == EEXIST && copier->options->replace))
        return errno;
    int fd = openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? errno : ways_push(&copier->targets, fd);
}

/* Mode of the folder that is done, then up. An errno. */
static int leave_target(struct copier *copier, const struct stat *st)
{
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(ways_top(&copier->targets), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? errno : copy_attributes(fd, st, copier->options->preserve);
    return error ? error : ways_pop(&copier->targets);
}

static int32_t visit_copy(struct tree *tree, enum tree_event event, const struct tree_entry *entry)
{
    struct copier *copier = (struct copier *)tree;
    struct llmspell_call *call = tree->job->call;
    char shown[SHOWN_SIZE];
    if (event != TREE_ENTRY) {
        int error = event == TREE_ENTER ? enter_target(copier, entry->name)
                                        : leave_target(copier, entry->st);
        return error ? fail_target(tree->job, "make a folder in", error) : 0;
    }
    struct copy_target target = {ways_top(&copier->targets), entry->name, copier->options};
    show_path(entry->path, shown);
    copier->size->files++;
    call->host->progress(call, (double)copier->size->files, 0, entry->path);
    return copy_entry(tree->job, entry->folder, entry->name, &target, shown, &copier->size->bytes);
}

/* All that lies in from is made in to. */
static int32_t copy_tree(const struct job *job, int from, int to,
                         const struct copy_options *options, struct tree_size *size)
{
    struct copier copier = {.options = options, .size = size};
    copier.tree = (struct tree){.job = job,
                                .pointer = "/path",
                                .shown = job->shown,
                                .max = ENTRIES_MAX,
                                .visit = visit_copy};
    int top = openat(to, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = top < 0 ? errno : ways_push(&copier.targets, top);
    int32_t rc = error ? fail_target(job, "open", error) : tree_walk(&copier.tree, from);
    ways_clear(&copier.targets);
    return rc;
}

int32_t copy_folder(const struct job *job, int source, const struct stat *st,
                    const struct copy_target *target, struct tree_size *size)
{
    CLEANUP_DRAFT struct draft draft = DRAFT_INIT;
    struct tree_size planned;
    int32_t rc = tree_measure(job, source, "/path", true, &planned);
    if (rc < 0)
        return rc;
    int error = draft_folder(target->folder, &draft);
    if (error)
        return fail_target(job, "make", error);
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(draft.parent, draft.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_target(job, "open", errno);
    rc = copy_tree(job, source, fd, target->options, size);
    if (rc < 0)
        return rc;
    error = copy_attributes(fd, st, target->options->preserve);
    if (!error && syncfs(fd) != 0)
        error = errno;
    if (!error)
        error = draft_commit(&draft, target->name, target->options->replace);
    return error ? fail_target(job, "make", error) : 0;
}

/* Into a folder that is there. */
static int32_t merge_folder(const struct job *job, int source, const struct place *place,
                            const struct copy_options *options, struct tree_size *size)
{
    struct tree_size planned;
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(place->parent, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return fail_target(job, "open", errno);
    int32_t rc = tree_measure(job, source, "/path", true, &planned);
    if (rc == 0)
        rc = copy_tree(job, source, fd, options, size);
    if (rc == 0 && syncfs(fd) != 0)
        rc = fail_target(job, "write", errno);
    return rc;
}

/* ---- the operation ---- */

json_t *copy_result(const struct job *job, const struct tree_size *size)
{
    return json_pack("{s:s,s:s,s:I,s:I}", "path", job->path, "target_path",
                     llmspell_string(job->params, "target_path"), "bytes", (json_int_t)size->bytes,
                     "files", (json_int_t)size->files);
}

static int32_t check_target(const struct job *job, const struct stat *source,
                            const struct place *place, const char *target)
{
    bool folder = S_ISDIR(source->st_mode);
    char shown[SHOWN_SIZE];
    show_path(target, shown);
    if (place->exists && same_file(&place->st, source))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/target_path",
                                "%s and %s are the same; a thing cannot be copied onto itself",
                                job->shown, shown);
    if ((place->exists || place->linked) && !overwrite_wanted(job, false))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/target_path",
                                "%s exists already; say overwrite to replace it", shown);
    if (!folder && names_folder(target))
        return fail_errno(job, "/target_path", "copy a file to", shown, EISDIR);
    if (!place->exists)
        return 0;
    if (folder && !S_ISDIR(place->st.st_mode))
        return fail_errno(job, "/target_path", "copy a folder onto", shown, ENOTDIR);
    if (!folder && !S_ISREG(place->st.st_mode))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/target_path",
                                "%s is not a regular file; a file cannot replace it", shown);
    return 0;
}

int32_t copy_run(const struct job *job, json_t **ret_result)
{
    const char *target_path = llmspell_string(job->params, "target_path");
    CLEANUP_PLACE struct place place = PLACE_INIT;
    struct tree_size size = {0};
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int in =
        job->fs->open(job->call, job->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, "/path");
    if (in < 0)
        return in;
    if (fstat(in, &st) != 0)
        return fail_errno(job, "/path", "look at", job->shown, errno);
    bool folder = S_ISDIR(st.st_mode);
    if (folder && !llmspell_bool(job->params, "recursive", 0))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                                "%s is a directory; say recursive to copy it with all in it",
                                job->shown);
    int32_t rc = place_parents(job, target_path, "/target_path", folder ? &st : NULL);
    if (rc == 0)
        rc = place_follow(job, target_path, "/target_path", &place);
    if (rc == 0)
        rc = check_target(job, &st, &place, target_path);
    if (rc < 0)
        return rc;

    struct copy_options options = {.replace = place.exists, .sync = !folder};
    struct copy_target target = {place.parent, place.name, &options};
    size.files = !folder;
    if (!folder)
        rc = copy_regular(job, in, &target, job->shown, &size.bytes);
    else if (place.exists)
        rc = merge_folder(job, in, &place, &options, &size);
    else
        rc = copy_folder(job, in, &st, &target, &size);
    if (rc < 0)
        return rc;
    sync_folder(place.parent);
    return llmspell_return(job->call, ret_result, copy_result(job, &size));
}
