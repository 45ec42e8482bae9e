/* SPDX-License-Identifier: Apache-2.0
 * The target folder and the stage in it. Files are unpacked on the stage, which nobody else knows
 * and which holds no links, and are renamed to their place when all of them are there: a call that
 * fails leaves nothing behind. */
#include "extract.h"

#include <linux/fs.h>
#include <sys/random.h>

#define POINTER "/target_path"

/* ---- the target folder ---- */

int target_open(const struct job *job, int32_t *ret_code)
{
    char name[LLMSPELL_FS_NAME_MAX];
    LLMSPELL_CLEANUP_FREE char *inside = join_path(job->target_path, "x");
    int fd = job->fs->open(job->call, job->target_path, O_PATH | O_DIRECTORY, 0, POINTER);
    *ret_code = fd < 0 && fd != LLMSPELL_ENOTFOUND ? fd : 0;
    if (fd < 0)
        return -1;
    close(fd);
    /* As the folder of something that is to be written. */
    fd = inside ? job->fs->open_parent(job->call, inside, 1, POINTER, name) : LLMSPELL_ENOMEM;
    *ret_code = fd < 0 ? fd : 0;
    return fd < 0 ? -1 : fd;
}

/* The length of path without its last component; 0: it had only one. */
static size_t parent_length(const char *path, size_t length)
{
    while (length > 0 && path[length - 1] == '/')
        length--;
    while (length > 0 && path[length - 1] != '/')
        length--;
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

static int32_t make_folder(struct stage *stage, size_t length)
{
    char name[LLMSPELL_FS_NAME_MAX];
    const struct job *job = stage->job;
    LLMSPELL_CLEANUP_FREE char *path = strndup(job->target_path, length);
    if (!path)
        return no_memory(job);
    LLMSPELL_CLEANUP_CLOSE int folder = job->fs->open_parent(job->call, path, 1, POINTER, name);
    if (folder < 0)
        return folder;
    if (mkdirat(folder, name, 0777) == 0)
        stage->made[stage->made_count++] = length;
    else if (errno != EEXIST)
        return llmspell_fail_at(job->call, LLMSPELL_EIO, POINTER,
                                "cannot make the folder %.400s: %s", path, strerror(errno));
    return 0;
}

/* From the first part that is missing on. */
static int32_t make_target(struct stage *stage)
{
    const struct job *job = stage->job;
    size_t lengths[sizeof stage->made / sizeof *stage->made], count = 0;
    for (size_t length = strlen(job->target_path); length > 0;) {
        LLMSPELL_CLEANUP_FREE char *path = strndup(job->target_path, length);
        if (!path)
            return no_memory(job);
        int fd = job->fs->open(job->call, path, O_PATH | O_DIRECTORY, 0, POINTER);
        if (fd >= 0)
            close(fd);
        if (fd >= 0)
            break;
        if (fd != LLMSPELL_ENOTFOUND)
            return fd;
        if (count == sizeof lengths / sizeof *lengths)
            return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, POINTER,
                                    "more than %zu folders are missing above %.200s", count,
                                    job->target_path);
        lengths[count++] = length;
        length = parent_length(job->target_path, length);
    }
    int32_t rc = 0;
    while (rc == 0 && count > 0)
        rc = make_folder(stage, lengths[--count]);
    return rc;
}

static void unmake_target(struct stage *stage)
{
    const struct job *job = stage->job;
    while (stage->made_count > 0) {
        char name[LLMSPELL_FS_NAME_MAX];
        size_t length = stage->made[--stage->made_count];
        LLMSPELL_CLEANUP_FREE char *path = strndup(job->target_path, length);
        int folder = path ? job->fs->open_parent(job->call, path, 1, POINTER, name) : -1;
        if (folder < 0)
            return;
        unlinkat(folder, name, AT_REMOVEDIR);
        close(folder);
    }
}

/* ---- the stage ---- */

static int32_t fail_stage(const struct stage *stage)
{
    int error = errno;
    return llmspell_fail_at(stage->job->call, error == EACCES ? LLMSPELL_EPERM : LLMSPELL_EIO,
                            POINTER, "cannot write into %.400s: %s", stage->job->target_path,
                            strerror(error));
}

int32_t stage_open(struct stage *stage, const struct job *job)
{
    int32_t rc = 0;
    uint64_t random = 0;
    struct stat st;
    *stage = (struct stage){.job = job, .folder = -1, .target = target_open(job, &rc)};
    if (rc == 0 && stage->target < 0) {
        rc = make_target(stage);
        stage->target = rc == 0 ? target_open(job, &rc) : -1;
    }
    if (rc < 0 || stage->target < 0)
        return rc < 0 ? rc : LLMSPELL_ENOTFOUND;
    if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return fail_stage(stage);
    snprintf(stage->name, sizeof stage->name, ".llmspell-%016llx.tmp", (unsigned long long)random);
    if (mkdirat(stage->target, stage->name, 0777) != 0) {
        *stage->name = '\0';
        return fail_stage(stage);
    }
    stage->folder =
        openat(stage->target, stage->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (stage->folder < 0 || fstat(stage->folder, &st) != 0)
        return fail_stage(stage);
    stage->umask = ~st.st_mode & 0777; /* what the system left of 0777 */
    fchmod(stage->folder, 0700);
    return 0;
}

static void make_parents(const struct stage *stage, const char *path)
{
    char *copy = strdup(path);
    for (char *slash = copy; slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdirat(stage->folder, copy, 0700);
        *slash = '/';
    }
    free(copy);
}

int stage_create(struct stage *stage, const char *path)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(stage->folder, path, flags, 0600);
    if (fd < 0 && errno == ENOENT)
        make_parents(stage, path);
    else if (fd < 0 && errno == EEXIST) /* a later entry of the same name is what counts */
        unlinkat(stage->folder, path, 0);
    else
        return fd;
    return openat(stage->folder, path, flags, 0600);
}

int stage_link(struct stage *stage, const char *from, const char *path)
{
    if (strcmp(from, path) == 0)
        return 0;
    unlinkat(stage->folder, path, 0);
    make_parents(stage, path);
    return linkat(stage->folder, from, stage->folder, path, 0);
}

void stage_close(struct stage *stage, struct plan *plan, bool all)
{
    plan_sort(plan);
    for (size_t i = plan->count; i > 0 && stage->folder >= 0;
         i--) { /* what lies within goes first */
        const struct output *output = &plan->list[i - 1];
        unlinkat(stage->folder, output->path, output->kind == KIND_FOLDER ? AT_REMOVEDIR : 0);
    }
    if (*stage->name)
        unlinkat(stage->target, stage->name, AT_REMOVEDIR);
    if (stage->folder >= 0)
        close(stage->folder);
    if (stage->target >= 0)
        close(stage->target);
    stage->folder = stage->target = -1;
    if (all)
        unmake_target(stage);
}

/* ---- placing ---- */

/* The folder that was used last: neighbours follow each other. */
struct place {
    int target, fd;
    char *path; /* of fd, below the target; NULL: none */
};

static void place_clear(struct place *place)
{
    if (place->path)
        close(place->fd);
    free(place->path);
    place->path = NULL;
}

/* Step by step, so that no link that somebody puts there now is followed. */
static int open_steps(int target, char *path)
{
    int fd = -1;
    for (char *at = path; at;) {
        char *slash = strchr(at, '/');
        if (slash)
            *slash = '\0';
        int next = openat(fd < 0 ? target : fd, at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int error = errno;
        if (fd >= 0)
            close(fd);
        if (slash)
            *slash = '/';
        if (next < 0) {
            errno = error;
            return -1;
        }
        fd = next;
        at = slash ? slash + 1 : NULL;
    }
    return fd;
}

/* The folder that holds path, and its last name. -1 with errno. */
static int place_folder(struct place *place, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    *ret_name = slash ? slash + 1 : path;
    if (!slash)
        return place->target;
    size_t length = (size_t)(slash - path);
    if (place->path && strlen(place->path) == length && memcmp(place->path, path, length) == 0)
        return place->fd;
    place_clear(place);
    char *copy = strndup(path, length);
    int fd = copy ? open_steps(place->target, copy) : -1;
    if (fd < 0) {
        free(copy);
        return -1;
    }
    place->path = copy;
    place->fd = fd;
    return fd;
}

static int place_file(const struct stage *stage, int folder, const char *name,
                      const struct output *output)
{
    const char *path = output->path;
    if (output->exists)
        return renameat(stage->folder, path, folder, name);
    if (renameat2(stage->folder, path, folder, name, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    return linkat(stage->folder, path, folder, name, 0); /* the stage goes anyway */
}

static int place_one(const struct stage *stage, struct place *place, const struct output *output)
{
    const char *name;
    int folder = place_folder(place, output->path, &name);
    if (folder < 0)
        return -1;
    if (output->kind == KIND_FOLDER)
        return output->exists ? 0 : mkdirat(folder, name, 0777);
    if (output->kind == KIND_FILE)
        return place_file(stage, folder, name, output);
    if (output->exists)
        unlinkat(folder, name, 0);
    return symlinkat(output->target, folder, name);
}

static void unplace(struct place *place, const struct plan *plan)
{
    for (size_t i = plan->count; i > 0; i--) {
        const struct output *output = &plan->list[i - 1];
        const char *name;
        int folder =
            output->placed && !output->exists ? place_folder(place, output->path, &name) : -1;
        if (folder >= 0)
            unlinkat(folder, name, output->kind == KIND_FOLDER ? AT_REMOVEDIR : 0);
    }
}

/* Folders get their mode and time last, since what comes into them changes both. */
static void finish_folders(const struct stage *stage, struct place *place, const struct plan *plan)
{
    for (size_t i = plan->count; i > 0; i--) {
        const struct output *output = &plan->list[i - 1];
        const char *name;
        if (output->kind != KIND_FOLDER || output->exists || !output->listed)
            continue;
        int folder = place_folder(place, output->path, &name);
        int fd =
            folder < 0 ? -1 : openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue;
        const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, output->time};
        fchmod(fd, (output->mode | 0700) & ~stage->umask);
        futimens(fd, times);
        close(fd);
    }
}

int32_t stage_place(struct stage *stage, struct plan *plan)
{
    __attribute__((cleanup(place_clear))) struct place place = {.target = stage->target};
    int32_t rc = 0;
    plan_sort(plan);
    for (size_t i = 0; i < plan->count && rc == 0; i++) {
        struct output *output = &plan->list[i];
        rc = llmspell_cancelled(stage->job->call);
        if (rc == 0 && place_one(stage, &place, output) != 0)
            rc = plan_fail(plan, output->path, errno);
        output->placed = rc == 0;
    }
    if (rc < 0)
        unplace(&place, plan);
    else
        finish_folders(stage, &place, plan);
    return rc;
}
