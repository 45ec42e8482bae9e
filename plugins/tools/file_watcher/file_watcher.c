/* SPDX-License-Identifier: Apache-2.0
 * file_watcher: waits for changes of files, or compares them with a snapshot. This file is the
 * entry; it opens what the parameter paths names. */
#include "file_watcher.h"

#include <time.h>

int32_t no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool job_wants(const struct job *job, const char *path, bool folder)
{
    return job->pattern.count == 0 || globs_match(&job->pattern, path, folder);
}

/* ---- targets ---- */

/* A file is looked at in its folder, so that one that is put in its place is seen. */
static int32_t open_file(const struct job *job, struct target *target)
{
    struct stat st;
    target->fd = job->fs->open_parent(job->call, target->path, 0, target->pointer, target->name);
    if (target->fd < 0)
        return target->fd;
    target->link =
        fstatat(target->fd, target->name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
    return 0;
}

static int32_t open_target(const struct job *job, const json_t *value, struct target *target)
{
    struct stat st;
    target->path = json_string_value(value);
    if (strlen(target->path) != json_string_length(value))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, target->pointer,
                                "the path holds a NUL character; file names cannot");
    int fd = job->fs->open(job->call, target->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0,
                           target->pointer);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0) {
        int error = errno;
        close(fd);
        return llmspell_fail_at(job->call, LLMSPELL_EIO, target->pointer,
                                "cannot look at %.200s: %s", target->path, strerror(error));
    }
    target->folder = S_ISDIR(st.st_mode);
    if (target->folder) {
        target->fd = fd;
        return 0;
    }
    close(fd);
    if (!S_ISREG(st.st_mode))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, target->pointer,
                                "%.200s is neither a regular file nor a folder", target->path);
    return open_file(job, target);
}

static int32_t open_targets(struct job *job)
{
    const json_t *paths = json_object_get(job->params, "paths");
    bool single = json_is_string(paths);
    size_t count = single ? 1 : json_array_size(paths);
    for (size_t i = 0; i < count; i++) {
        struct target *target = &job->targets[i];
        target->fd = -1;
        job->target_count = i + 1;
        if (single)
            snprintf(target->pointer, sizeof target->pointer, "/paths");
        else
            snprintf(target->pointer, sizeof target->pointer, "/paths/%zu", i);
        int32_t rc = open_target(job, single ? paths : json_array_get(paths, i), target);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t read_pattern(struct job *job)
{
    const char *pattern = llmspell_string(job->params, "pattern");
    if (!pattern)
        return 0;
    if (strlen(pattern) != llmspell_string_length(job->params, "pattern"))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/pattern",
                                "a NUL character is in no file name");
    int error = globs_add(&job->pattern, pattern);
    if (error == E2BIG)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/pattern",
                                "the braces of %.80s stand for more than 1,000 globs", pattern);
    return error ? no_memory(job) : 0;
}

static void job_clear(struct job *job)
{
    for (size_t i = 0; i < job->target_count; i++)
        if (job->targets[i].fd >= 0)
            close(job->targets[i].fd);
    globs_clear(&job->pattern);
}

static int32_t run(struct job *job, json_t **ret_result)
{
    if (llmspell_is(job->params, "operation", "snapshot"))
        return snapshot_run(job, ret_result);
    if (llmspell_is(job->params, "operation", "compare"))
        return compare_run(job, ret_result);
    return watch_run(job, ret_result);
}

static int32_t file_watcher_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                   json_t **ret_result)
{
    (void)self;
    struct job job = {.call = call,
                      .fs = llmspell_fs_get(call),
                      .params = params,
                      .recursive = llmspell_bool(params, "recursive", 1)};
    if (!job.fs)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = read_pattern(&job);
    if (rc == 0)
        rc = open_targets(&job);
    if (rc == 0)
        rc = run(&job, ret_result);
    if (rc == LLMSPELL_ETIMEOUT || rc == LLMSPELL_ECANCELLED)
        call->host->fail(call, rc, NULL, ""); /* not that some folder was gone before */
    job_clear(&job);
    return rc;
}

LLMSPELL_TOOL(.invoke = file_watcher_invoke)
