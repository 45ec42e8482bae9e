/* SPDX-License-Identifier: Apache-2.0
 * extract. Where names can be read without the data (zip, 7z, plain tar) all entries are judged
 * before anything is written; compressed data is unpacked once, and judged on the way. */
#include "extract.h"

struct extract {
    const struct job *job;
    struct source source;
    struct plan plan;
    struct stage stage;
    uint64_t written;
};

/* ---- before anything is written ---- */

static int32_t judge_all(struct source *source, const struct job *job, int target)
{
    CLEANUP_PLAN struct plan plan;
    struct output *output;
    const char *link;
    int32_t rc = plan_init(&plan, job, target);
    while (rc == 0 && (rc = source_next(source)) > 0) {
        rc = plan_consider(&plan, &source->item, &output, &link);
        rc = rc > 0 ? 0 : rc;
    }
    return rc;
}

static int32_t judge_first(const struct job *job)
{
    CLEANUP_SOURCE struct source source = {.fd = -1};
    int32_t rc = 0;
    LLMSPELL_CLEANUP_CLOSE int target = target_open(job, &rc);
    if (rc == 0)
        rc = source_open(&source, job);
    return rc < 0 || source.filtered ? rc : judge_all(&source, job, target);
}

/* ---- files ---- */

static int32_t write_at(struct extract *extract, int fd, const char *data, size_t size,
                        int64_t offset)
{
    while (size > 0) {
        ssize_t put = pwrite(fd, data, size, offset);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return plan_fail(&extract->plan, extract->source.item.name, errno);
        data += put;
        size -= (size_t)put;
        offset += put;
    }
    return 0;
}

static int32_t write_data(struct extract *extract, int fd)
{
    struct source *source = &extract->source;
    const struct job *job = extract->job;
    const void *data;
    size_t size;
    int64_t offset, end = 0;
    int32_t rc;
    while ((rc = source_data(source, &data, &size, &offset)) > 0) {
        if (offset < 0 || (uint64_t)offset > job->max_total)
            return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                                    "%.200s unpacks to more bytes than max_total", job->path);
        rc = write_at(extract, fd, data, size, offset);
        if (rc < 0)
            return rc;
        end = offset + (int64_t)size;
        job->call->host->progress(job->call, (double)source->position, (double)source->size,
                                  "extracting");
    }
    const struct item *item = &source->item;
    int64_t whole = item->sized ? (int64_t)item->size : end;
    if (rc == 0 && whole > end && ftruncate(fd, whole) != 0) /* a hole at the end */
        return plan_fail(&extract->plan, item->name, errno);
    extract->written += (uint64_t)(whole > end ? whole : end);
    return rc;
}

static int32_t extract_file(struct extract *extract, const struct output *output)
{
    LLMSPELL_CLEANUP_CLOSE int fd = stage_create(&extract->stage, output->path);
    if (fd < 0)
        return plan_fail(&extract->plan, output->path, errno);
    int32_t rc = write_data(extract, fd);
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, output->time};
    if (rc == 0 && (fchmod(fd, (output->mode ? output->mode : 0644) & ~extract->stage.umask) != 0))
        return plan_fail(&extract->plan, output->path, errno);
    futimens(fd, times);
    return rc;
}

/* Some formats give the data to the last name of a file. */
static int32_t extract_link(struct extract *extract, const struct output *output, const char *link)
{
    if (stage_link(&extract->stage, link, output->path) != 0)
        return plan_fail(&extract->plan, output->path, errno);
    if (extract->source.item.size == 0)
        return 0;
    LLMSPELL_CLEANUP_CLOSE int fd =
        openat(extract->stage.folder, output->path, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? plan_fail(&extract->plan, output->path, errno) : write_data(extract, fd);
}

static int32_t extract_item(struct extract *extract)
{
    struct source *source = &extract->source;
    struct output *output;
    const char *link;
    int32_t rc = plan_consider(&extract->plan, &source->item, &output, &link);
    if (rc < 0)
        return rc;
    if (rc > 0 && source->item.type == ITEM_FILE)
        return extract_file(extract, output);
    if (rc > 0 && source->item.type == ITEM_HARDLINK)
        return extract_link(extract, output, link);
    return source->filtered ? source_drain(source, NULL) : 0;
}

/* ---- the result ---- */

static json_t *result_value(const struct extract *extract)
{
    const struct plan *plan = &extract->plan;
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    size_t folders = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct output *output = &plan->list[i];
        folders += output->kind == KIND_FOLDER;
        if (output->kind == KIND_FOLDER)
            continue;
        LLMSPELL_CLEANUP_FREE char *path = join_path(extract->job->target_path, output->path);
        if (!path || json_array_append_new(files, json_string(path)) != 0)
            return NULL;
    }
    return json_pack("{s:s, s:O, s:I, s:I, s:O}", "target_path", extract->job->target_path, "files",
                     files, "directories", (json_int_t)folders, "bytes",
                     (json_int_t)extract->written, "skipped", plan->skipped);
}

static int32_t extract_all(struct extract *extract)
{
    int32_t rc;
    while ((rc = source_next(&extract->source)) > 0) {
        rc = extract_item(extract);
        if (rc < 0)
            return rc;
    }
    return rc == 0 ? stage_place(&extract->stage, &extract->plan) : rc;
}

int32_t extract_run(const struct job *job, json_t **ret_result)
{
    struct extract extract = {.job = job,
                              .source = {.fd = -1},
                              .plan = {.target = -1},
                              .stage = {.job = job, .target = -1, .folder = -1}};
    int32_t rc = judge_first(job);
    if (rc == 0)
        rc = source_open(&extract.source, job);
    if (rc == 0)
        rc = stage_open(&extract.stage, job);
    if (rc == 0)
        rc = plan_init(&extract.plan, job, extract.stage.target);
    if (rc == 0)
        rc = extract_all(&extract);
    stage_close(&extract.stage, &extract.plan, rc < 0);
    if (rc == 0)
        rc = llmspell_return(job->call, ret_result, result_value(&extract));
    plan_clear(&extract.plan);
    source_close(&extract.source);
    return rc;
}
