/* SPDX-License-Identifier: Apache-2.0
 * delete: the entry itself, never what a link points to; a folder with all in it when asked to. */
#include "tree.h"

/* A walk that unlinks; the folder count first, so that a call that is too big changes nothing. */
static int32_t visit_remove(struct tree *tree, enum tree_event event,
                            const struct tree_entry *entry)
{
    if (event == TREE_ENTER) {
        /* Our own draft may hold folders that their owner may not change. */
        int failed =
            tree->job ? 0 : fchmodat(entry->folder, entry->name, 0700, AT_SYMLINK_NOFOLLOW);
        return failed ? TREE_SKIP : 0;
    }
    int flags = event == TREE_LEAVE ? AT_REMOVEDIR : 0;
    if (unlinkat(entry->folder, entry->name, flags) != 0 && errno != ENOENT)
        return tree->job ? tree_fail(tree, "delete", entry->path, errno) : 0;
    return 0;
}

void tree_remove_quietly(int parent, const char *name)
{
    struct tree tree = {.max = SIZE_MAX, .visit = visit_remove, .shown = name};
    int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        tree_walk(&tree, fd);
        close(fd);
    }
    unlinkat(parent, name, AT_REMOVEDIR);
}

int32_t tree_remove(const struct job *job, int parent, const char *name, const struct stat *st,
                    uint64_t *removed)
{
    struct tree_size size;
    struct tree tree = {.job = job, .pointer = "/path", .shown = job->shown, .max = ENTRIES_MAX};
    tree.visit = visit_remove;
    LLMSPELL_CLEANUP_CLOSE int fd = tree_open_folder(parent, name, st);
    if (fd < 0)
        return fail_errno(job, "/path", "open", job->shown, -fd);
    int32_t rc = tree_measure(job, fd, "/path", false, &size);
    if (rc == 0)
        rc = tree_walk(&tree, fd);
    if (rc < 0)
        return rc;
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0)
        return fail_errno(job, "/path", "delete", job->shown, errno);
    *removed += tree.seen + 1;
    return 0;
}

static int32_t remove_entry(const struct job *job, const struct place *place, uint64_t *removed)
{
    bool folder = S_ISDIR(place->st.st_mode);
    if (folder && llmspell_bool(job->params, "recursive", 0))
        return tree_remove(job, place->parent, place->name, &place->st, removed);
    if (unlinkat(place->parent, place->name, folder ? AT_REMOVEDIR : 0) == 0) {
        *removed = 1;
        return 0;
    }
    if (folder && (errno == ENOTEMPTY || errno == EEXIST))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path",
                                "%s is not empty; say recursive to delete what is in it as well",
                                job->shown);
    return fail_errno(job, "/path", "delete", job->shown, errno);
}

int32_t delete_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    LLMSPELL_CLEANUP_CLOSE int lock = -1;
    uint64_t removed = 0;
    bool missing_ok = llmspell_bool(job->params, "missing_ok", 0);
    int32_t rc = place_find(job, job->path, true, "/path", &place);
    if (rc < 0 && !(rc == LLMSPELL_ENOTFOUND && missing_ok))
        return rc;
    if (rc == 0 && place.exists) {
        rc = place_check_version(job, &place, &lock);
        if (rc == 0)
            rc = remove_entry(job, &place, &removed);
        if (rc < 0)
            return rc;
        sync_folder(place.parent);
    } else if (!missing_ok) {
        return fail_errno(job, "/path", "delete", job->shown, ENOENT);
    }
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:s,s:I}", "path", job->path, "deleted", (json_int_t)removed));
}
