/* SPDX-License-Identifier: Apache-2.0
 * link: a symbolic link target_path to the existing path, both inside the roots. Its text is
 * relative, so that the folder that holds both can be moved. As people know the two names of a link
 * in either order, the one that exists is what it points to. */
#include "file_operations.h"

#include <limits.h>

struct ends {
    const char *what, *what_pointer;   /* what the link points to */
    const char *where, *where_pointer; /* the link */
};

/* 1: it is there and inside the roots, 0: inside but missing, or a negative code. */
static int32_t is_there(const struct job *job, const char *path, const char *pointer)
{
    int fd = job->fs->open(job->call, path, O_PATH, 0, pointer);
    if (fd >= 0)
        close(fd);
    return fd >= 0 ? 1 : fd == LLMSPELL_ENOTFOUND ? 0 : fd;
}

static int32_t find_ends(const struct job *job, struct ends *ret_ends)
{
    const char *target = llmspell_string(job->params, "target_path");
    int32_t there = is_there(job, job->path, "/path");
    int32_t target_there = there < 0 ? there : is_there(job, target, "/target_path");
    if (target_there < 0)
        return target_there;
    if (!there && !target_there)
        return fail_errno(job, "/path", "link to", job->shown, ENOENT);
    *ret_ends = there ? (struct ends){job->path, "/path", target, "/target_path"}
                      : (struct ends){target, "/target_path", job->path, "/path"};
    return 0;
}

/* The path of an open folder as the kernel knows it. An errno. */
static int folder_path(int fd, char ret_path[PATH_MAX])
{
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t got = readlink(name, ret_path, PATH_MAX - 1);
    if (got < 0)
        return errno;
    ret_path[got] = '\0';
    if (got == 1)
        ret_path[0] = '\0'; /* the root, so that every component has its slash in front */
    return 0;
}

/* The text that leads from the folder from to name in the folder to ("." is that folder itself). */
static int relative_text(const char *from, const char *to, const char *name,
                         char ret_text[PATH_MAX])
{
    size_t same = 0, used = 0;
    for (size_t i = 0;; i++) { /* same: where the components differ first */
        bool ends = (from[i] == '/' || !from[i]) && (to[i] == '/' || !to[i]);
        if (ends)
            same = i;
        if (from[i] != to[i] || !from[i])
            break;
    }
    for (const char *up = from + same; *up; up++)
        if (*up == '/') {
            if (used + 4 > PATH_MAX)
                return ENAMETOOLONG;
            memcpy(ret_text + used, "../", 3);
            used += 3;
        }
    const char *down = to + same + (to[same] == '/');
    bool itself = strcmp(name, ".") == 0;
    int length = snprintf(ret_text + used, PATH_MAX - used, "%s%s%s", down,
                          *down && !itself ? "/" : "", itself ? "" : name);
    if (length < 0 || used + (size_t)length >= PATH_MAX)
        return ENAMETOOLONG;
    if (used + (size_t)length == 0)
        memcpy(ret_text, ".", 2);
    else if (length == 0)
        ret_text[used - 1] = '\0'; /* "../.." */
    return 0;
}

/* Makes the text and proves, from the folder of the link, that it leads there. An errno. */
static int link_text(const struct place *what, const struct place *where, char ret_text[PATH_MAX])
{
    char from[PATH_MAX], to[PATH_MAX];
    struct stat st;
    int error = folder_path(where->parent, from);
    if (!error)
        error = folder_path(what->parent, to);
    if (!error)
        error = relative_text(from, to, what->name, ret_text);
    if (error)
        return error;
    if (fstatat(where->parent, ret_text, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        !same_file(&st, &what->st))
        return ESTALE;
    return 0;
}

static int32_t check_where(const struct job *job, const struct ends *ends, const struct place *what,
                           const struct place *where, const char *shown)
{
    if (where->exists && same_file(&where->st, &what->st))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, ends->where_pointer,
                                "%s would point to itself", shown);
    if (where->exists && !overwrite_wanted(job, false))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, ends->where_pointer,
                                "%s exists already; say overwrite to replace it", shown);
    if ((where->exists && S_ISDIR(where->st.st_mode)) || names_folder(ends->where))
        return fail_errno(job, ends->where_pointer, "make the link", shown, EISDIR);
    return 0;
}

int32_t link_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place what = PLACE_INIT;
    CLEANUP_PLACE struct place where = PLACE_INIT;
    CLEANUP_DRAFT struct draft draft = DRAFT_INIT;
    struct ends ends = {0};
    char text[PATH_MAX], shown[SHOWN_SIZE];
    int32_t rc = find_ends(job, &ends);
    if (rc < 0)
        return rc;
    show_path(ends.where, shown);
    rc = place_find(job, ends.what, false, ends.what_pointer, &what);
    if (rc == 0)
        rc = place_parents(job, ends.where, ends.where_pointer, NULL);
    if (rc == 0)
        rc = place_find(job, ends.where, true, ends.where_pointer, &where);
    if (rc == 0)
        rc = check_where(job, &ends, &what, &where, shown);
    if (rc < 0)
        return rc;
    int error = link_text(&what, &where, text);
    if (!error)
        error = draft_link(where.parent, text, &draft);
    if (!error)
        error = draft_commit(&draft, where.name, where.exists);
    if (error)
        return fail_errno(job, ends.where_pointer, "make the link", shown, error);
    sync_folder(where.parent);
    return llmspell_return(job->call, ret_result, json_pack("{s:s}", "path", job->path));
}
