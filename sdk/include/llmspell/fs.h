/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.fs/1": files beneath the roots that the manifest asked for and the policy
 * grants. Every path that a caller gives goes through here (TOOLS.md 4): empty or NUL in it →
 * invalid_params; relative → against the working directory of the kernel; symbolic links of the
 * longest existing prefix resolved; outside the roots → permission_denied whether or not it exists;
 * opened with openat2 RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS, so that a link swapped in later is
 * refused too. */
#ifndef LLMSPELL_FS_H
#define LLMSPELL_FS_H

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <llmspell/tool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_FS "llmspell.fs/1"
#define LLMSPELL_FS_NAME_MAX 256 /* bytes of a last component with its NUL */

struct llmspell_fs {
    uint32_t size; /* sizeof at the host's build */
    uint32_t reserved;

    /* Opens path with open(2) flags (O_CLOEXEC is added) and mode (for O_CREAT). O_NOFOLLOW opens a
     * link itself only with O_PATH. Access for writing needs a write grant. Returns a descriptor
     * that the caller closes, or a negative code with the call's error set: not_found,
     * permission_denied, invalid_params (wrong kind, bad path), failed (O_EXCL and it exists),
     * io_error. pointer: the parameter to blame, "/path". [the thread of the call] */
    int32_t (*open)(struct llmspell_call *call, const char *path, int32_t flags, uint32_t mode,
                    const char *pointer);

    /* Opens (O_PATH|O_DIRECTORY) the folder that holds the last component of path and writes that
     * component to ret_name (LLMSPELL_FS_NAME_MAX bytes): for operations on the name itself, with
     * the *at() calls and AT_SYMLINK_NOFOLLOW. for_write != 0 needs a write grant. A path that is
     * itself a root, or a folder that holds one → permission_denied if for_write, else its
     * ret_name is ".". Other errors as open. [the thread of the call] */
    int32_t (*open_parent)(struct llmspell_call *call, const char *path, int32_t for_write,
                           const char *pointer, char *ret_name);

    /* ---- ABI 1.3 ---- */

    /* The resolved absolute path of the folder that the capability fs:write:${statedir} grants (it
     * exists, mode 0700): for libraries that open files by name, as SQLite does. *ret_path is
     * borrowed for the call. permission_denied without that capability. [the thread of the call] */
    int32_t (*state_folder)(struct llmspell_call *call, const char **ret_path);
};

#ifdef __cplusplus
}
#endif

/* The file service; NULL (with the error set) if this host has none. */
static inline const struct llmspell_fs *llmspell_fs_get(struct llmspell_call *call)
{
    const struct llmspell_fs *fs =
        (const struct llmspell_fs *)call->host->extension(call->ctx, LLMSPELL_FS);
    if (!fs)
        llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "this host has no file service (%s)",
                      LLMSPELL_FS);
    return fs;
}

/* Opens a regular file for reading and checks its size in bytes against max. Returns a descriptor
 * that the caller closes, or a negative code with the error set: as fs->open, and limit_exceeded.
 */
static inline int32_t llmspell_fs_open_file(struct llmspell_call *call, const char *path,
                                            const char *pointer, uint64_t max, uint64_t *ret_size)
{
    const struct llmspell_fs *fs = llmspell_fs_get(call);
    if (!fs)
        return LLMSPELL_EUNAVAILABLE;
    int fd = fs->open(call, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, pointer);
    if (fd < 0)
        return fd;
    struct stat st;
    int32_t rc = 0;
    if (fstat(fd, &st) != 0)
        rc = llmspell_fail_at(call, LLMSPELL_EIO, pointer, "cannot stat %s: %s", path,
                              strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rc = llmspell_fail_at(call, LLMSPELL_EINVAL, pointer, "%s is not a regular file", path);
    else if ((uint64_t)st.st_size > max)
        rc = llmspell_fail_at(call, LLMSPELL_ELIMIT, pointer,
                              "%s has %lld bytes, more than the limit of %llu", path,
                              (long long)st.st_size, (unsigned long long)max);
    if (rc < 0) {
        close(fd);
        return rc;
    }
    *ret_size = (uint64_t)st.st_size;
    return fd;
}

/* Reads a whole regular file of at most max bytes. *ret_data: malloc'ed, NUL-terminated beyond
 * *ret_size bytes, the caller frees it. Errors as llmspell_fs_open_file, cancelled, timeout. */
static inline int32_t llmspell_fs_read(struct llmspell_call *call, const char *path,
                                       const char *pointer, uint64_t max, char **ret_data,
                                       size_t *ret_size)
{
    uint64_t size = 0;
    LLMSPELL_CLEANUP_CLOSE int fd = llmspell_fs_open_file(call, path, pointer, max, &size);
    if (fd < 0)
        return fd;
    size_t room = (size_t)size + 4096, used = 0;
    LLMSPELL_CLEANUP_FREE char *data = (char *)malloc(room + 1);
    if (!data)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    for (;;) { /* a file in /proc has size 0, a growing one more than it said */
        size_t want = room - used < 1u << 20 ? room - used : 1u << 20;
        ssize_t n = read(fd, data + used, want);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return llmspell_fail_at(call, LLMSPELL_EIO, pointer, "cannot read %s: %s", path,
                                    strerror(errno));
        if (n == 0)
            break;
        used += (size_t)n;
        if (used > max)
            return llmspell_fail_at(call, LLMSPELL_ELIMIT, pointer,
                                    "%s is larger than the limit of %llu bytes", path,
                                    (unsigned long long)max);
        int32_t stop = llmspell_cancelled(call);
        if (stop < 0)
            return stop;
        if (used == room) {
            char *grown = (char *)realloc(data, room * 2 + 1);
            if (!grown)
                return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
            data = grown;
            room *= 2;
        }
    }
    data[used] = '\0';
    *ret_data = data;
    *ret_size = used;
    data = NULL;
    return 0;
}

#endif
