/* SPDX-License-Identifier: Apache-2.0
 * Files, links and folders are made under a temporary name beside the target and renamed when they
 * are whole: a reader sees the old or the new, a failure leaves nothing. Used by all that writes.
 */
#include "file_operations.h"

#include <linux/fs.h>
#include <sys/random.h>

#include "tree.h"

#define ATTEMPTS 16 /* names taken by others: 64 random bits make the second try a curiosity */

static int draft_name(struct draft *draft, int parent)
{
    uint64_t random = 0;
    ssize_t got;
    do
        got = getrandom(&random, sizeof random, 0);
    while (got < 0 && errno == EINTR);
    if (got != (ssize_t)sizeof random)
        return errno ? errno : EIO;
    *draft = (struct draft)DRAFT_INIT;
    draft->parent = parent;
    snprintf(draft->name, sizeof draft->name, ".llmspell-%016llx.tmp", (unsigned long long)random);
    return 0;
}

/* Tries names until make succeeds; make returns -1 with errno, EEXIST for another try. */
static int draft_make(int parent, int (*make)(struct draft *, const void *), const void *argument,
                      struct draft *ret_draft)
{
    int error = EEXIST;
    for (int i = 0; i < ATTEMPTS && error == EEXIST; i++) {
        error = draft_name(ret_draft, parent);
        if (!error && make(ret_draft, argument) < 0)
            error = errno;
    }
    if (error)
        *ret_draft = (struct draft)DRAFT_INIT;
    return error;
}

static int make_file(struct draft *draft, const void *mode)
{
    draft->fd = openat(draft->parent, draft->name,
                       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, *(const mode_t *)mode);
    return draft->fd;
}

static int make_folder(struct draft *draft, const void *argument)
{
    (void)argument;
    draft->folder = true;
    return mkdirat(draft->parent, draft->name, 0700);
}

static int make_link(struct draft *draft, const void *target)
{
    return symlinkat(target, draft->parent, draft->name);
}

int draft_file(int parent, mode_t mode, struct draft *ret_draft)
{
    return draft_make(parent, make_file, &mode, ret_draft);
}

int draft_folder(int parent, struct draft *ret_draft)
{
    return draft_make(parent, make_folder, NULL, ret_draft);
}

int draft_link(int parent, const char *target, struct draft *ret_draft)
{
    return draft_make(parent, make_link, target, ret_draft);
}

void draft_discard(struct draft *draft)
{
    if (draft->fd >= 0)
        close(draft->fd);
    if (draft->name[0] && draft->folder)
        tree_remove_quietly(draft->parent, draft->name);
    else if (draft->name[0])
        unlinkat(draft->parent, draft->name, 0);
    *draft = (struct draft)DRAFT_INIT;
}

/* For file systems that cannot rename without replacing: a hard link never replaces either. */
static int rename_by_link(int from, const char *old_name, int to, const char *new_name)
{
    struct stat st;
    if (linkat(from, old_name, to, new_name, 0) == 0)
        return unlinkat(from, old_name, 0) == 0 ? 0 : errno;
    if (errno == EEXIST || errno == EXDEV)
        return errno;
    if (fstatat(to, new_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    return renameat(from, old_name, to, new_name) == 0 ? 0 : errno;
}

int rename_entry(int from, const char *old_name, int to, const char *new_name, bool replace)
{
    if (replace)
        return renameat(from, old_name, to, new_name) == 0 ? 0 : errno;
    if (renameat2(from, old_name, to, new_name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    return rename_by_link(from, old_name, to, new_name);
}

int draft_commit(struct draft *draft, const char *name, bool replace)
{
    int error = rename_entry(draft->parent, draft->name, draft->parent, name, replace);
    if (!error)
        draft->name[0] = '\0';
    return error;
}

void sync_folder(int parent)
{
    int fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd); /* the data is safe already; a folder that cannot be synced is not an error */
    close(fd);
}
