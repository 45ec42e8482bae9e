/* SPDX-License-Identifier: Apache-2.0
 * create_dir, touch and chmod. touch and chmod follow a symbolic link as far as the roots reach. */
#include "file_operations.h"

static int32_t path_result(const struct job *job, json_t **ret_result)
{
    return llmspell_return(job->call, ret_result, json_pack("{s:s}", "path", job->path));
}

/* ---- create_dir ---- */

static int32_t make_folder(const struct job *job)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    int32_t rc = place_parents(job, job->path, "/path", NULL);
    if (rc == 0)
        rc = place_find(job, job->path, true, "/path", &place);
    if (rc < 0)
        return rc;
    if (mkdirat(place.parent, place.name, 0755) != 0)
        return fail_errno(job, "/path", "make the folder", job->shown, errno);
    mode_t mode = mode_wanted(job, (mode_t)-1);
    if (mode != (mode_t)-1) {
        LLMSPELL_CLEANUP_CLOSE int fd =
            openat(place.parent, place.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || fchmod(fd, mode) != 0)
            return fail_errno(job, "/path", "set the mode of", job->shown, errno);
    }
    sync_folder(place.parent);
    return 0;
}

int32_t create_dir_run(const struct job *job, json_t **ret_result)
{
    int fd = job->fs->open(job->call, job->path, O_PATH | O_DIRECTORY, 0, "/path");
    if (fd >= 0)
        close(fd);
    else if (fd != LLMSPELL_ENOTFOUND)
        return fd;
    bool created = fd < 0;
    int32_t rc = created ? make_folder(job) : 0;
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:b}", "path", job->path, "created", created));
}

/* ---- touch ---- */

static int32_t check_kind(const struct job *job, const struct place *place)
{
    if (!place->exists || S_ISREG(place->st.st_mode) || S_ISDIR(place->st.st_mode))
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                            "%s is a device, socket or FIFO; only files and folders are changed",
                            job->shown);
}

/* Makes the empty file; EEXIST: somebody was faster, which is as good. */
static int create_empty(const struct job *job, const struct place *place)
{
    LLMSPELL_CLEANUP_CLOSE int fd = openat(
        place->parent, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return errno == EEXIST ? 0 : errno;
    mode_t mode = mode_wanted(job, (mode_t)-1);
    return mode != (mode_t)-1 && fchmod(fd, mode) != 0 ? errno : 0;
}

int32_t touch_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    int error;
    int32_t rc = place_parents(job, job->path, "/path", NULL);
    if (rc == 0)
        rc = place_follow(job, job->path, "/path", &place);
    if (rc == 0)
        rc = check_kind(job, &place);
    if (rc < 0)
        return rc;
    if (place.exists)
        error = utimensat(place.parent, place.name, NULL, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
    else
        error = names_folder(job->path) ? EISDIR : create_empty(job, &place);
    return error ? fail_errno(job, "/path", "touch", job->shown, error)
                 : path_result(job, ret_result);
}

/* ---- chmod ---- */

/* Without following a link that was swapped in. An errno. */
static int change_mode(const struct place *place, mode_t mode)
{
    if (fchmodat(place->parent, place->name, mode, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)
        return errno;
    LLMSPELL_CLEANUP_CLOSE int fd = openat(
        place->parent, place->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return fd >= 0 && fchmod(fd, mode) == 0 ? 0 : errno;
}

int32_t chmod_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    int32_t rc = place_follow(job, job->path, "/path", &place);
    if (rc == 0)
        rc = check_kind(job, &place);
    if (rc < 0)
        return rc;
    int error = place.exists ? change_mode(&place, mode_wanted(job, 0644)) : ENOENT;
    return error ? fail_errno(job, "/path", "set the mode of", job->shown, error)
                 : path_result(job, ret_result);
}
