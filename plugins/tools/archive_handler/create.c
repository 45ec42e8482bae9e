/* SPDX-License-Identifier: Apache-2.0
 * create and add. No format lets entries be appended and replaced in place: add writes the archive
 * anew, the old entries first. */
#include "archive_handler.h"

static int32_t result(const struct sink *sink, json_t **ret_result)
{
    return llmspell_return(sink->job->call, ret_result,
                           json_pack("{s:s, s:I, s:I, s:I}", "path", sink->job->path, "bytes",
                                     (json_int_t)sink->bytes, "files", (json_int_t)sink->files,
                                     "total_size", (json_int_t)sink->total));
}

static int32_t write_members(struct sink *sink, const struct members *members)
{
    int32_t rc = 0;
    for (size_t i = 0; i < members->count; i++)
        sink->expected +=
            S_ISREG(members->list[i].st.st_mode) ? (uint64_t)members->list[i].st.st_size : 0;
    for (size_t i = 0; i < members->count && rc == 0; i++)
        rc = sink_member(sink, &members->list[i]);
    return rc;
}

/* What is at the archive's place now, so that it does not go into itself. */
static bool look_at_archive(const struct job *job, struct stat *ret_st)
{
    int fd = job->fs->open(job->call, job->path, O_PATH, 0, "/path");
    bool found = fd >= 0 && fstat(fd, ret_st) == 0;
    if (fd >= 0)
        close(fd);
    return found;
}

/* ---- create ---- */

static int32_t choose_format(const struct job *job, const struct format **ret_format)
{
    *ret_format = job->format ? job->format : format_of_file(job->path);
    if (*ret_format)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                            "the name %.300s ends with no extension of an archive that can be "
                            "written; say which format it is to have",
                            job->path);
}

static int32_t check_single(const struct job *job, const struct format *format,
                            const struct members *members)
{
    bool single = members->count == 1 && S_ISREG(members->list[0].st.st_mode);
    if (format->code != ARCHIVE_FORMAT_RAW || single)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/files",
                            "%s holds one file and nothing else; take tar.%s for more",
                            format->name, format->name);
}

int32_t create_run(const struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(members_clear))) struct members members = {0};
    CLEANUP_SINK struct sink sink = {.save = {.folder = -1, .fd = -1}};
    const struct format *format = NULL;
    struct stat st;
    int32_t rc = choose_format(job, &format);
    if (rc == 0)
        rc = members_gather(job, look_at_archive(job, &st) ? &st : NULL, &members);
    if (rc == 0)
        rc = check_single(job, format, &members);
    if (rc == 0)
        rc = sink_open(&sink, job, format, job->overwrite);
    if (rc == 0)
        rc = write_members(&sink, &members);
    if (rc == 0)
        rc = sink_commit(&sink);
    return rc == 0 ? result(&sink, ret_result) : rc;
}

/* ---- add ---- */

static int32_t format_to_add(const struct source *source, const struct format **ret_format)
{
    const struct job *job = source->job;
    int filter = archive_filter_code(source->archive, 0);
    *ret_format = source->raw ? NULL : format_of_codes(source->code, filter);
    if (*ret_format)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                            "%.300s has a format that cannot be added to; zip, 7z and tar can",
                            job->path);
}

/* 1: the old entry stays; 0: a new one takes its place; or a negative code. */
static int32_t keeps(const struct job *job, const struct item *item, const struct members *members)
{
    LLMSPELL_CLEANUP_FREE char *name = name_clean(item->name);
    const struct member *member = name ? members_find(members, name) : NULL;
    if (!name)
        return no_memory(job);
    if (!member)
        return 1;
    bool folders = item->type == ITEM_FOLDER && S_ISDIR(member->st.st_mode);
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/files/%zu", member->index);
    if (folders || job->overwrite)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EFAILED, pointer,
                            "the archive has %.300s already; say overwrite to replace it", name);
}

static int32_t copy_old(struct sink *sink, struct source *source, const struct members *members)
{
    int32_t rc = 1;
    do {
        if (!source->item.name)
            return 0; /* an empty archive */
        rc = keeps(sink->job, &source->item, members);
        if (rc > 0)
            rc = sink_copy(sink, source);
        else if (rc == 0 && source->filtered)
            rc = source_drain(source, NULL);
    } while (rc == 0 && (rc = source_next(source)) > 0);
    return rc;
}

static int32_t add_to(const struct job *job, struct source *source, struct sink *sink,
                      const struct members *members)
{
    const struct format *format = NULL;
    struct stat st;
    int32_t rc = source_next(source);
    if (rc >= 0)
        rc = format_to_add(source, &format);
    if (rc == 0)
        rc = sink_open(sink, job, format, true);
    if (rc < 0)
        return rc;
    if (fstat(source->fd, &st) == 0)
        fchmod(sink->save.fd, st.st_mode & 0777);
    rc = copy_old(sink, source, members);
    if (rc == 0)
        rc = write_members(sink, members);
    return rc == 0 ? sink_commit(sink) : rc;
}

int32_t add_run(const struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(members_clear))) struct members members = {0};
    CLEANUP_SOURCE struct source source = {.fd = -1};
    CLEANUP_SINK struct sink sink = {.save = {.folder = -1, .fd = -1}};
    struct stat st;
    int32_t rc = source_open(&source, job);
    if (rc == 0)
        rc = members_gather(job, fstat(source.fd, &st) == 0 ? &st : NULL, &members);
    if (rc == 0)
        rc = add_to(job, &source, &sink, &members);
    return rc == 0 ? result(&sink, ret_result) : rc;
}
