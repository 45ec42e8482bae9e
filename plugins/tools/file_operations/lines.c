/* SPDX-License-Identifier: Apache-2.0
 * read_lines: some lines of a file of any length, read through once; only the lines asked for are
 * held. A line ends with LF or CR LF, which is not part of it; nor is a byte order mark in front.
 */
#include "file_operations.h"

struct reader {
    const struct job *job;
    json_t *lines;
    json_int_t first, last; /* wanted, from 1 */
    json_int_t number;      /* of the line that is being read */
    char *line;             /* its bytes so far, if wanted */
    size_t length, room;
    uint64_t kept; /* bytes of all lines kept */
    bool open;     /* the line has begun */
};

static void reader_clear(struct reader *reader)
{
    json_decref(reader->lines);
    free(reader->line);
}

#define CLEANUP_READER __attribute__((cleanup(reader_clear)))

static bool wanted(const struct reader *reader)
{
    return reader->number >= reader->first && reader->number <= reader->last;
}

static int32_t add_bytes(struct reader *reader, const char *data, size_t size)
{
    const struct job *job = reader->job;
    reader->open = true;
    if (!wanted(reader) || size == 0)
        return 0;
    reader->kept += size;
    if (reader->kept > WHOLE_MAX)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/line_count",
                                "the lines asked for of %s are more than %u bytes; ask for fewer",
                                job->shown, WHOLE_MAX);
    if (reader->length + size > reader->room) {
        size_t room = (reader->length + size) * 2;
        char *line = realloc(reader->line, room);
        if (!line)
            return fail_errno(job, NULL, "read", job->shown, ENOMEM);
        reader->line = line;
        reader->room = room;
    }
    memcpy(reader->line + reader->length, data, size);
    reader->length += size;
    return 0;
}

static int32_t end_line(struct reader *reader)
{
    const struct job *job = reader->job;
    if (wanted(reader)) {
        size_t length = reader->length;
        if (length > 0 && reader->line[length - 1] == '\r')
            length--;
        if (utf8_length(reader->line, length, &(bool){false}) != length)
            return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                                    "%s is not UTF-8 in line %lld; read it with encoding base64",
                                    job->shown, (long long)reader->number);
        bool mark =
            reader->number == 1 && length >= 3 && memcmp(reader->line, "\xEF\xBB\xBF", 3) == 0;
        size_t start = mark ? 3 : 0;
        json_t *line = json_stringn_nocheck(length ? reader->line + start : "", length - start);
        if (json_array_append_new(reader->lines, line) != 0)
            return fail_errno(job, NULL, "read", job->shown, ENOMEM);
    }
    reader->number++;
    reader->length = 0;
    reader->open = false;
    return 0;
}

static int32_t add_chunk(struct reader *reader, const char *data, size_t size)
{
    int32_t rc = 0;
    while (size > 0 && rc == 0) {
        const char *newline = memchr(data, '\n', size);
        size_t length = newline ? (size_t)(newline - data) : size;
        rc = add_bytes(reader, data, length);
        if (rc == 0 && newline)
            rc = end_line(reader);
        length += newline != NULL;
        data += length;
        size -= length;
    }
    return rc;
}

static int32_t read_all(struct reader *reader, int fd, uint64_t size)
{
    const struct job *job = reader->job;
    LLMSPELL_CLEANUP_FREE char *buffer = malloc(CHUNK);
    uint64_t total = 0;
    if (!buffer)
        return fail_errno(job, NULL, "read", job->shown, ENOMEM);
    for (;;) {
        ssize_t got = read(fd, buffer, CHUNK);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(job, "/path", "read", job->shown, errno);
        if (got == 0)
            return reader->open ? end_line(reader) : 0;
        total += (uint64_t)got;
        if (total > STREAM_MAX)
            return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                                    "%s is larger than the limit of %llu bytes", job->shown,
                                    STREAM_MAX);
        int32_t rc = add_chunk(reader, buffer, (size_t)got);
        if (rc == 0)
            rc = llmspell_cancelled(job->call);
        if (rc < 0)
            return rc;
        job->call->host->progress(job->call, (double)total, (double)size, "reading");
    }
}

int32_t read_lines_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_READER struct reader reader = {.job = job, .lines = json_array(), .number = 1};
    uint64_t size = 0;
    struct stat st;
    json_int_t count = llmspell_integer(job->params, "line_count", 1000);
    reader.first = llmspell_integer(job->params, "start_line", 1);
    reader.last = reader.first > INT64_MAX - count ? INT64_MAX : reader.first + count - 1;
    LLMSPELL_CLEANUP_CLOSE int fd =
        llmspell_fs_open_file(job->call, job->path, "/path", STREAM_MAX, &size);
    if (fd < 0)
        return fd;
    if (!reader.lines || fstat(fd, &st) != 0)
        return fail_errno(job, "/path", "look at", job->shown, reader.lines ? errno : ENOMEM);
    int32_t rc = read_all(&reader, fd, size);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:O,s:I,s:I,s:I,s:o}", "path", job->path, "lines",
                                     reader.lines, "start_line", reader.first, "count",
                                     (json_int_t)json_array_size(reader.lines), "total_lines",
                                     reader.number - 1, "version", version_value(&st)));
}
