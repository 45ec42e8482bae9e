/* SPDX-License-Identifier: Apache-2.0
 * replace: every occurrence of a text in a UTF-8 file, literally, in one atomic write. */
#include "file_operations.h"

struct edit {
    char *data; /* the file */
    size_t size;
    char *text; /* the file with the changes */
    size_t length;
    size_t count;
};

static void edit_clear(struct edit *edit)
{
    free(edit->data);
    free(edit->text);
}

#define CLEANUP_EDIT __attribute__((cleanup(edit_clear)))

static int32_t read_whole(const struct job *job, int fd, struct edit *edit)
{
    size_t room = 0;
    for (;;) {
        if (edit->size == room) {
            room = room ? room * 2 : 1u << 16;
            char *data = realloc(edit->data, room);
            if (!data)
                return fail_errno(job, NULL, "read", job->shown, ENOMEM);
            edit->data = data;
        }
        size_t want = room - edit->size < CHUNK ? room - edit->size : CHUNK;
        ssize_t got = read(fd, edit->data + edit->size, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(job, "/path", "read", job->shown, errno);
        if (got == 0)
            break;
        edit->size += (size_t)got;
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
        if (edit->size > WHOLE_MAX)
            return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                                    "%s is larger than the limit of %u bytes", job->shown,
                                    WHOLE_MAX);
    }
    size_t good = utf8_length(edit->data, edit->size, &(bool){false});
    if (good == edit->size)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                            "%s is not UTF-8 at byte %zu; only text can be replaced", job->shown,
                            good);
}

static int32_t count_matches(const struct job *job, struct edit *edit)
{
    const char *find = llmspell_string(job->params, "find");
    size_t length = llmspell_string_length(job->params, "find");
    const char *at = edit->data, *end = edit->data + edit->size;
    for (; (at = memmem(at, (size_t)(end - at), find, length)) != NULL; at += length) {
        edit->count++;
        int32_t stop = edit->count % 4096 == 0 ? llmspell_cancelled(job->call) : 0;
        if (stop < 0)
            return stop;
    }
    const json_t *expected = json_object_get(job->params, "expected_count");
    if (edit->count == 0)
        return llmspell_fail_at(job->call, LLMSPELL_ENOTFOUND, "/find",
                                "the text to find does not occur in %s; it is looked for "
                                "literally, with upper and lower case",
                                job->shown);
    json_int_t wanted = llmspell_integer(job->params, "expected_count", 0);
    if (expected && wanted != (json_int_t)edit->count)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/expected_count",
                                "the text occurs %zu times in %s, not %lld as expected_count says; "
                                "nothing was changed",
                                edit->count, job->shown, (long long)wanted);
    return 0;
}

static int32_t make_text(const struct job *job, struct edit *edit)
{
    const char *find = llmspell_string(job->params, "find");
    const char *with = llmspell_string(job->params, "with");
    size_t find_length = llmspell_string_length(job->params, "find");
    size_t with_length = llmspell_string_length(job->params, "with");
    if (with_length > find_length &&
        edit->count > (WHOLE_MAX - edit->size) / (with_length - find_length))
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/with",
                                "%s would grow beyond the limit of %u bytes", job->shown,
                                WHOLE_MAX);
    edit->text = malloc(edit->size + edit->count * with_length + 1 - edit->count * find_length);
    if (!edit->text)
        return fail_errno(job, NULL, "replace in", job->shown, ENOMEM);
    const char *from = edit->data, *end = edit->data + edit->size;
    for (size_t i = 0; i < edit->count; i++) {
        const char *hit = memmem(from, (size_t)(end - from), find, find_length);
        memcpy(edit->text + edit->length, from, (size_t)(hit - from));
        edit->length += (size_t)(hit - from);
        memcpy(edit->text + edit->length, with, with_length);
        edit->length += with_length;
        from = hit + find_length;
    }
    memcpy(edit->text + edit->length, from, (size_t)(end - from));
    edit->length += (size_t)(end - from);
    return 0;
}

/* Opens the file for reading if it may also be written. */
static int32_t open_file(const struct job *job, struct place *place, int *ret_fd,
                         struct stat *ret_st)
{
    int32_t rc = place_follow(job, job->path, "/path", place);
    if (rc < 0)
        return rc;
    if (!place->exists)
        return fail_errno(job, "/path", "replace in", job->shown, ENOENT);
    if (!S_ISREG(place->st.st_mode) || names_folder(job->path))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path", "%s is not a regular file",
                                job->shown);
    *ret_fd =
        openat(place->parent, place->name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*ret_fd < 0 || fstat(*ret_fd, ret_st) != 0)
        return fail_errno(job, "/path", "replace in", job->shown, errno);
    if (ret_st->st_size > (off_t)WHOLE_MAX)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/path",
                                "%s has %lld bytes, more than the limit of %u", job->shown,
                                (long long)ret_st->st_size, WHOLE_MAX);
    return 0;
}

/* The file must be what was read: else a change of somebody else would be lost. */
static bool unchanged(const struct place *place, const struct stat *read)
{
    struct stat now;
    return fstatat(place->parent, place->name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           same_file(&now, read) && now.st_size == read->st_size &&
           now.st_mtim.tv_sec == read->st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == read->st_mtim.tv_nsec;
}

int32_t replace_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    CLEANUP_EDIT struct edit edit = {0};
    LLMSPELL_CLEANUP_CLOSE int lock = -1;
    LLMSPELL_CLEANUP_CLOSE int fd = -1;
    struct stat before, after;
    int32_t rc = open_file(job, &place, &fd, &before);
    if (rc == 0)
        rc = place_check_version(job, &place, &lock);
    if (rc == 0)
        rc = read_whole(job, fd, &edit);
    if (rc == 0)
        rc = count_matches(job, &edit);
    if (rc == 0)
        rc = make_text(job, &edit);
    if (rc < 0)
        return rc;
    if (!unchanged(&place, &before))
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path",
                                "%s was changed by somebody else meanwhile; try again", job->shown);
    rc = store_file(job, &place, edit.text, edit.length, true, &after);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:I,s:o}", "path", job->path, "replacements",
                                     (json_int_t)edit.count, "version", version_value(&after)));
}
