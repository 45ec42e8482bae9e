/* SPDX-License-Identifier: Apache-2.0
 * Compares and writes whole text files. Called by the commands that install something. */
#include "util/textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

/* Of errno. */
static int refusal(const char *what, const char *path, struct error *ret_error)
{
    int why = errno;
    bool forbidden = why == EACCES || why == EPERM || why == EROFS;
    return error_set(ret_error, forbidden ? LLMSPELL_EPERM : LLMSPELL_EIO, "cannot %s %s: %s", what,
                     path, strerror(why));
}

enum textfile_state textfile_compare(const char *path, const char *text)
{
    size_t length = strlen(text), got = 0;
    struct stat st;
    if (lstat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ? TEXTFILE_ABSENT : TEXTFILE_OTHER;
    LLMSPELL_CLEANUP_CLOSE int fd =
        S_ISREG(st.st_mode) ? open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
    LLMSPELL_CLEANUP_FREE char *found = malloc(length + 1); /* one more: a longer file is another */
    if (fd < 0 || !found)
        return TEXTFILE_OTHER;
    while (got < length + 1) {
        ssize_t n = read(fd, found + got, length + 1 - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return TEXTFILE_OTHER;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return got == length && memcmp(found, text, length) == 0 ? TEXTFILE_SAME : TEXTFILE_OTHER;
}

int textfile_make_folders(const char *path, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *folder = strdup(path);
    if (!folder)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    for (char *slash = folder; (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        if (mkdir(folder, 0755) != 0 && errno != EEXIST)
            return refusal("make the folder", folder, ret_error);
        *slash = '/';
    }
    return 0;
}

static bool write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno != EINTR)
            return false;
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return true;
}

int textfile_write_bytes(const char *path, const void *bytes, size_t size, mode_t mode,
                         struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", path) < 0) {
        temporary = NULL;
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return refusal("write", path, ret_error);
    bool good = write_all(fd, bytes, size) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
    good = close(fd) == 0 && good;
    if (good && rename(temporary, path) == 0)
        return 0;
    int rc = refusal("write", path, ret_error);
    unlink(temporary);
    return rc;
}

int textfile_write(const char *path, const char *text, mode_t mode, struct error *ret_error)
{
    return textfile_write_bytes(path, text, strlen(text), mode, ret_error);
}
