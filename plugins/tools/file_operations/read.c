/* SPDX-License-Identifier: Apache-2.0
 * read: a window of a file as text or as base64. Offsets are bytes; text is never cut inside a
 * character. */
#include "file_operations.h"

#include <openssl/evp.h>

struct window {
    char *data;
    size_t size;
    uint64_t offset, total;
    bool truncated;
    struct stat st;
};

static void window_clear(struct window *window)
{
    free(window->data);
}

#define CLEANUP_WINDOW __attribute__((cleanup(window_clear)))

/* Reads [offset, offset + max) of fd into the window, in slices. */
static int32_t fill(const struct job *job, int fd, size_t max, struct window *window)
{
    size_t room = 0;
    while (window->size < max) {
        if (window->size == room) {
            room = room ? room * 2 : 1u << 16;
            room = room < max ? room : max;
            char *data = realloc(window->data, room);
            if (!data)
                return fail_errno(job, NULL, "read", job->shown, ENOMEM);
            window->data = data;
        }
        size_t want = room - window->size < CHUNK ? room - window->size : CHUNK;
        ssize_t got =
            pread(fd, window->data + window->size, want, (off_t)(window->offset + window->size));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(job, "/path", "read", job->shown, errno);
        if (got == 0)
            return 0;
        window->size += (size_t)got;
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
    }
    return 0;
}

/* True if a character that starts before the window reaches into it. */
static bool starts_inside(int fd, const struct window *window)
{
    unsigned char before[3];
    if (window->offset == 0 || window->size == 0 || ((unsigned char)*window->data & 0xC0) != 0x80)
        return false;
    size_t back = window->offset < 3 ? (size_t)window->offset : 3;
    if (pread(fd, before, back, (off_t)(window->offset - back)) != (ssize_t)back)
        return false;
    for (size_t i = 1; i <= back; i++) {
        unsigned char byte = before[back - i];
        if ((byte & 0xC0) != 0x80)
            return (byte >= 0xF0 ? 4u : byte >= 0xE0 ? 3u : byte >= 0xC2 ? 2u : 1u) > i;
    }
    return false;
}

static int32_t check_text(const struct job *job, int fd, struct window *window)
{
    bool cut = false;
    if (starts_inside(fd, window))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/offset",
                                "offset %llu lies inside a character of %s; go back up to 3 bytes",
                                (unsigned long long)window->offset, job->shown);
    size_t good = utf8_length(window->data, window->size, &cut);
    if (good < window->size && !(cut && window->truncated))
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                                "%s is not UTF-8 at byte %llu; read it with encoding base64",
                                job->shown, (unsigned long long)(window->offset + good));
    window->size = good;
    return 0;
}

static json_t *base64_value(const char *data, size_t size)
{
    LLMSPELL_CLEANUP_FREE char *text = malloc((size + 2) / 3 * 4 + 1);
    if (!text || size > WHOLE_MAX)
        return NULL;
    int length = EVP_EncodeBlock((unsigned char *)text, (const unsigned char *)data, (int)size);
    return json_stringn_nocheck(text, (size_t)length);
}

static json_t *window_result(const struct job *job, const struct window *window, bool text)
{
    const char *data = window->size ? window->data : "";
    json_t *content =
        text ? json_stringn_nocheck(data, window->size) : base64_value(data, window->size);
    return json_pack("{s:s,s:o,s:s,s:I,s:I,s:b,s:o}", "path", job->path, "content", content,
                     "encoding", text ? "utf8" : "base64", "bytes", (json_int_t)window->size,
                     "total_bytes", (json_int_t)window->total, "truncated", window->truncated,
                     "version", version_value(&window->st));
}

int32_t read_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_WINDOW struct window window = {0};
    size_t max = (size_t)llmspell_integer(job->params, "max_bytes", 10485760);
    bool text = !llmspell_is(job->params, "encoding", "base64");
    window.offset = (uint64_t)llmspell_integer(job->params, "offset", 0);
    LLMSPELL_CLEANUP_CLOSE int fd =
        job->fs->open(job->call, job->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, "/path");
    if (fd < 0)
        return fd;
    if (fstat(fd, &window.st) != 0)
        return fail_errno(job, "/path", "look at", job->shown, errno);
    if (S_ISDIR(window.st.st_mode))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                                "%s is a directory, not a file; list_dir tells what is in it",
                                job->shown);
    int32_t rc = fill(job, fd, max, &window);
    if (rc < 0)
        return rc;
    uint64_t end = window.offset + window.size;
    window.total = (uint64_t)window.st.st_size;
    if (window.size > 0 && end > window.total)
        window.total = end; /* it grew, or is one of procfs */
    window.truncated = end < window.total;
    if (text)
        rc = check_text(job, fd, &window);
    return rc < 0 ? rc : llmspell_return(job->call, ret_result, window_result(job, &window, text));
}
