/* SPDX-License-Identifier: Apache-2.0
 * write (whole, by rename) and append (O_APPEND). A symbolic link is followed as far as the roots
 * reach, so that its target is written and the link stays. */
#include "file_operations.h"

#include <openssl/evp.h>

/* ---- the bytes to write ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char blanks[] = " \t\r\n";

/* Says what is wrong with text that is not base64, and where; everything before it is ASCII. */
static int32_t fail_base64(const struct job *job, const char *text, size_t length)
{
    size_t at = 0;
    while (at < length && text[at] && (strchr(alphabet, text[at]) || strchr(blanks, text[at])))
        at++;
    size_t rest = at;
    while (rest < length && text[rest] && strchr("= \t\r\n", text[rest]))
        rest++;
    if (rest < length)
        return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/input",
                                "input is not base64: offset %zu has what is none of its "
                                "characters (A-Z a-z 0-9 + /, and = at the end); take encoding "
                                "utf8 for plain text",
                                text[at] == '=' ? rest : at);
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/input",
                            "input is not base64: its length, without blanks, must be a multiple "
                            "of 4; fill it up with = at the end");
}

/* Decodes strict base64 (white space between is allowed) into *ret_data. False: it is not base64,
 * or out of memory (*ret_data is NULL then). */
static bool base64_decode(const char *text, size_t length, char **ret_data, size_t *ret_size)
{
    size_t used = 0, padding = 0;
    *ret_data = NULL;
    LLMSPELL_CLEANUP_FREE char *clean = malloc(length + 1);
    char *data = malloc(length / 4 * 3 + 4);
    if (!clean || !data) {
        free(data);
        return false;
    }
    *ret_data = data;
    for (size_t i = 0; i < length; i++)
        if (!memchr(blanks, text[i], sizeof blanks - 1))
            clean[used++] = text[i];
    clean[used] = '\0';
    while (padding < 2 && padding < used && clean[used - 1 - padding] == '=')
        padding++;
    if (used % 4 != 0 || strspn(clean, alphabet) != used - padding)
        return false;
    int size = EVP_DecodeBlock((unsigned char *)data, (const unsigned char *)clean, (int)used);
    if (size < 0)
        return false;
    *ret_size = (size_t)size - padding;
    return true;
}

/* *ret_data: the input itself, or *ret_decoded, which the caller frees. */
static int32_t input_bytes(const struct job *job, const char **ret_data, size_t *ret_size,
                           char **ret_decoded)
{
    *ret_data = llmspell_string(job->params, "input");
    *ret_size = llmspell_string_length(job->params, "input");
    if (!llmspell_is(job->params, "encoding", "base64"))
        return 0;
    const char *text = *ret_data;
    size_t length = *ret_size;
    bool good = base64_decode(text, length, ret_decoded, ret_size);
    *ret_data = *ret_decoded;
    if (!*ret_decoded)
        return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
    return good ? 0 : fail_base64(job, text, length);
}

static int32_t write_bytes(const struct job *job, int fd, const char *data, size_t size)
{
    while (size > 0) {
        int32_t stop = llmspell_cancelled(job->call);
        if (stop < 0)
            return stop;
        ssize_t put = write(fd, data, size < CHUNK ? size : CHUNK);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(job, "/path", "write", job->shown, errno);
        data += put;
        size -= (size_t)put;
    }
    return 0;
}

/* ---- whole files ---- */

/* Owner and mode: those of the file that is replaced, or those that the call names. An errno. */
static int set_attributes(const struct job *job, int fd, const struct place *place)
{
    if (!place->exists) {
        mode_t mode = mode_wanted(job, (mode_t)-1);
        return mode != (mode_t)-1 && fchmod(fd, mode) != 0 ? errno : 0;
    }
    mode_t mode = place->st.st_mode & 07777;
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if ((st.st_uid != place->st.st_uid || st.st_gid != place->st.st_gid) &&
        fchown(fd, place->st.st_uid, place->st.st_gid) != 0)
        mode &= 0777; /* a set-id bit was meant for the other owner */
    return fchmod(fd, mode_wanted(job, mode)) == 0 ? 0 : errno;
}

int32_t store_file(const struct job *job, const struct place *place, const char *data, size_t size,
                   bool replace, struct stat *ret_st)
{
    CLEANUP_DRAFT struct draft draft = DRAFT_INIT;
    int error = draft_file(place->parent, place->exists ? 0600 : 0644, &draft);
    if (error)
        return fail_errno(job, "/path", "write", job->shown, error);
    int32_t rc = write_bytes(job, draft.fd, data, size);
    if (rc < 0)
        return rc;
    error = set_attributes(job, draft.fd, place);
    if (!error && fsync(draft.fd) != 0)
        error = errno;
    if (!error)
        error = draft_commit(&draft, place->name, replace);
    if (!error && fstat(draft.fd, ret_st) != 0)
        error = errno;
    if (error)
        return fail_errno(job, "/path", "write", job->shown, error);
    sync_folder(place->parent);
    return 0;
}

static int32_t write_result(const struct job *job, size_t bytes, bool created,
                            const struct stat *st, json_t **ret_result)
{
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:I,s:b,s:o}", "path", job->path, "bytes",
                                     (json_int_t)bytes, "created", created, "version",
                                     version_value(st)));
}

/* A path that can only name a folder: where it leads is judged first, as of every path. */
static int32_t fail_folder(const struct job *job)
{
    int fd = job->fs->open(job->call, job->path, O_PATH, 0, "/path");
    if (fd >= 0)
        close(fd);
    return fd == LLMSPELL_EPERM ? fd : fail_errno(job, "/path", "write", job->shown, EISDIR);
}

/* Finds where to write and proves that a regular file may stand there. */
static int32_t find_target(const struct job *job, struct place *place)
{
    if (names_folder(job->path))
        return fail_folder(job);
    int32_t rc = place_parents(job, job->path, "/path", NULL);
    if (rc == 0)
        rc = place_follow(job, job->path, "/path", place);
    if (rc == 0 && place->exists && !S_ISREG(place->st.st_mode))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                                "%s is not a regular file; it cannot be written", job->shown);
    return rc;
}

/* A rename would replace a file that its owner protected: ask the kernel first. */
static int32_t check_writable(const struct job *job, const struct place *place)
{
    int fd = openat(place->parent, place->name,
                    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return errno == ETXTBSY ? 0 : fail_errno(job, "/path", "write", job->shown, errno);
    close(fd);
    return 0;
}

int32_t write_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    LLMSPELL_CLEANUP_FREE char *decoded = NULL;
    LLMSPELL_CLEANUP_CLOSE int lock = -1;
    bool overwrite = overwrite_wanted(job, true);
    const char *data = NULL;
    size_t size = 0;
    struct stat st;
    int32_t rc = input_bytes(job, &data, &size, &decoded);
    if (rc == 0)
        rc = find_target(job, &place);
    if (rc < 0)
        return rc;
    if ((place.exists || place.linked) && !overwrite)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path",
                                "%s exists already; say overwrite to replace it", job->shown);
    rc = place_check_version(job, &place, &lock);
    if (rc == 0 && place.exists)
        rc = check_writable(job, &place);
    if (rc == 0)
        rc = store_file(job, &place, data, size, overwrite, &st);
    return rc < 0 ? rc : write_result(job, size, !place.exists, &st, ret_result);
}

/* ---- append ---- */

/* Opens the end of the file, or makes it. fd or negative errno. */
static int open_end(const struct job *job, const struct place *place)
{
    int flags = O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    if (!place->exists)
        flags |= O_CREAT | O_EXCL;
    int fd = openat(place->parent, place->name, flags, 0644);
    if (fd < 0)
        return -errno;
    struct stat st;
    mode_t mode = mode_wanted(job, (mode_t)-1);
    int error = fstat(fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : ENXIO;
    if (!error && !place->exists && mode != (mode_t)-1 && fchmod(fd, mode) != 0)
        error = errno;
    if (!error)
        return fd;
    close(fd);
    return -error;
}

int32_t append_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    LLMSPELL_CLEANUP_FREE char *decoded = NULL;
    LLMSPELL_CLEANUP_CLOSE int lock = -1;
    const char *data = NULL;
    size_t size = 0;
    struct stat st;
    int32_t rc = input_bytes(job, &data, &size, &decoded);
    if (rc == 0)
        rc = find_target(job, &place);
    if (rc == 0)
        rc = place_check_version(job, &place, &lock);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_CLOSE int fd = open_end(job, &place);
    if (fd == -EEXIST && !place.exists) { /* somebody made it just now: append to that */
        place.exists = true;
        fd = open_end(job, &place);
    }
    if (fd < 0)
        return fail_errno(job, "/path", "append to", job->shown, -fd);
    rc = write_bytes(job, fd, data, size);
    if (rc < 0)
        return rc;
    if (fsync(fd) != 0 || fstat(fd, &st) != 0)
        return fail_errno(job, "/path", "append to", job->shown, errno);
    if (!place.exists)
        sync_folder(place.parent);
    return write_result(job, size, !place.exists, &st, ret_result);
}
