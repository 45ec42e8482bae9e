/* SPDX-License-Identifier: Apache-2.0
 * The file service behind "llmspell.fs/1": says whether a path lies in a granted root, and opens it
 * beneath the descriptor of that root. Called by tool/invoke.c for every path a tool is given. */
#include "sandbox/files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <llmspell/fs.h>

#include "sandbox/resolve.h"

#define OPEN_ATTEMPTS 64 /* openat2 says EAGAIN while somebody renames in the tree */
#define SHOWN_MAX 256    /* bytes of a path in a message */

struct files {
    struct resolve_roots roots;
    const char *state_folder; /* of roots.list */
};

/* ---- roots ---- */

/* realpath in the form of resolve_root.path; NULL with errno. */
static char *resolved_folder(const char *path)
{
    char *real = realpath(path, NULL);
    if (real && strcmp(real, "/") == 0)
        real[0] = '\0';
    return real;
}

/* Adds a root; one that is not there (or no folder, or out of reach) grants nothing. */
static int add_root(struct files *files, const struct files_root *wanted, struct error *ret_error)
{
    struct resolve_root root = {.fd = -1, .write = wanted->write};
    root.path = resolved_folder(wanted->path);
    if (root.path)
        root.fd = open(*root.path ? root.path : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root.fd < 0) {
        int error = errno;
        free(root.path);
        if (error == ENOENT || error == ENOTDIR || error == EACCES || error == ELOOP)
            return 0;
        if (error == ENOMEM)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        return error_set(ret_error, LLMSPELL_EIO, "cannot open the root %s: %s", wanted->path,
                         strerror(error));
    }
    root.length = strlen(root.path);
    if (wanted->state)
        files->state_folder = root.path;
    files->roots.list[files->roots.count++] = root;
    return 0;
}

int files_new(const char *workdir, const struct files_root *roots, unsigned count,
              struct files **ret_files, struct error *ret_error)
{
    struct files *files = calloc(1, sizeof *files);
    if (files)
        files->roots.list = calloc(count ? count : 1, sizeof *files->roots.list);
    if (!files || !files->roots.list) {
        files_free(files);
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    files->roots.workdir = resolved_folder(workdir);
    if (!files->roots.workdir) {
        int error = errno;
        files_free(files);
        return error_set(ret_error, error == ENOMEM ? LLMSPELL_ENOMEM : LLMSPELL_EIO,
                         "cannot use the working directory %s: %s", workdir, strerror(error));
    }
    for (unsigned i = 0; i < count; i++) {
        int rc = add_root(files, &roots[i], ret_error);
        if (rc < 0) {
            files_free(files);
            return rc;
        }
    }
    *ret_files = files;
    return 0;
}

void files_free(struct files *files)
{
    if (!files)
        return;
    for (unsigned i = 0; i < files->roots.count; i++) {
        close(files->roots.list[i].fd);
        free(files->roots.list[i].path);
    }
    free(files->roots.list);
    free(files->roots.workdir);
    free(files);
}

const char *files_state_folder(const struct files *files)
{
    return files->state_folder;
}

/* ---- errors ---- */

/* What a refusal needs to be told: the path as its caller wrote it, and where to blame. */
struct request {
    const char *path;
    const char *pointer;
    struct error *error;
    char shown[SHOWN_MAX + 4];
};

/* Shortens the path for messages, at a code point boundary. */
static void request_init(struct request *request, const char *path, const char *pointer,
                         struct error *error)
{
    size_t length = strlen(path);
    *request = (struct request){.path = path, .pointer = pointer, .error = error};
    if (length <= SHOWN_MAX) {
        memcpy(request->shown, path, length + 1);
        return;
    }
    length = SHOWN_MAX;
    while (length > 0 && ((unsigned char)path[length] & 0xC0) == 0x80)
        length--;
    memcpy(request->shown, path, length);
    memcpy(request->shown + length, "...", 4);
}

#define refuse(request, code, ...)                                                                 \
    error_set_at((request)->error, code, (request)->pointer, __VA_ARGS__)

/* Errors by which the kernel says that the path cannot mean what the call needs. */
static const char *misuse_text(int error)
{
    switch (error) {
    case ENOTDIR:
        return "it, or a part of it, is not a directory";
    case EISDIR:
        return "it is a directory, not a file";
    case ELOOP:
        return "it is a symbolic link, or goes through too many of them";
    case ENAMETOOLONG:
        return "it, or a name in it, is too long";
    case ENXIO:
    case ENODEV:
        return "it is a device, socket or FIFO";
    case EINVAL:
        return "the file system does not take this name or way to open it";
    default:
        return NULL;
    }
}

/* The one place where an errno of this service becomes an error; EXDEV is "outside". */
static int fail_errno(const struct request *request, int error)
{
    const char *misuse = misuse_text(error);
    if (misuse)
        return refuse(request, LLMSPELL_EINVAL, "%s cannot be used: %s", request->shown, misuse);
    switch (error) {
    case EXDEV:
        return refuse(request, LLMSPELL_EPERM,
                      "%s lies outside the folders that tools may use; add its folder to "
                      "fs_roots in [policy] to grant it",
                      request->shown);
    case ENOENT:
        return refuse(request, LLMSPELL_ENOTFOUND, "%s does not exist", request->shown);
    case EEXIST:
        return refuse(request, LLMSPELL_EFAILED, "%s exists already", request->shown);
    case ENOMEM:
        return refuse(request, LLMSPELL_ENOMEM, "out of memory");
    default:
        return refuse(request, LLMSPELL_EIO, "cannot open %s: %s", request->shown, strerror(error));
    }
}

static int fail_read_only(const struct request *request)
{
    return refuse(request, LLMSPELL_EPERM,
                  "%s may only be read; list its folder for writing in fs_roots in [policy] to "
                  "grant more",
                  request->shown);
}

static int check_text(const struct request *request)
{
    if (!request->path[0])
        return refuse(request, LLMSPELL_EINVAL, "the path is empty; name a file or folder");
    if (strlen(request->path) >= PATH_MAX)
        return fail_errno(request, ENAMETOOLONG);
    return 0;
}

/* ---- opening beneath a root ---- */

/* For kernels without openat2 (before 5.6, or a filter that hides it): one component at a time,
 * following nothing. rel is free of links, so a link on the way was swapped in: refused. Returns a
 * descriptor or a negative errno. */
static int open_by_steps(int root, const char *rel, int flags, mode_t mode)
{
    int at = root;
    for (;;) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(rel, "/");
        bool last = rel[length] == '\0';
        int next, error = ENAMETOOLONG;
        if (length < sizeof name) {
            memcpy(name, rel, length);
            name[length] = '\0';
            next = last ? openat(at, name, flags | O_NOFOLLOW, mode)
                        : openat(at, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            error = next < 0 ? errno : 0;
        }
        if (at != root)
            close(at);
        if (error)
            return error == ELOOP && !(flags & O_NOFOLLOW) ? -EXDEV : -error;
        if (last)
            return next;
        at = next;
        rel += length + 1;
    }
}

/* Opens rel ("." is the root itself) without ever leaving root. A descriptor or negative errno. */
static int open_beneath(int root, const char *rel, int flags, mode_t mode)
{
    if (flags & O_PATH)
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    bool creates = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
    struct open_how how = {.flags = (uint64_t)(unsigned)flags,
                           .mode = creates ? mode & 07777 : 0,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    for (int i = 0; i < OPEN_ATTEMPTS; i++) {
        long fd = syscall(SYS_openat2, root, rel, &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno == ENOSYS || errno == EPERM) /* EPERM: how older containers hide a call */
            return open_by_steps(root, rel, flags, mode);
        if (errno != EAGAIN && errno != EINTR)
            return -errno;
    }
    return -EAGAIN;
}

/* 0, or the errno that an open of such a thing deserves. */
static int kind_error(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        return 0;
    return S_ISLNK(st.st_mode) ? ELOOP : ENXIO;
}

/* Devices, sockets and FIFOs are found by O_PATH, which neither blocks nor wakes a driver. A
 * descriptor that may be opened for good, or negative errno; -ENOENT may still be created. */
static int probe_kind(int root, const char *rel, int flags)
{
    int fd = open_beneath(root, rel, O_PATH | O_CLOEXEC | (flags & O_NOFOLLOW), 0);
    if (fd < 0)
        return fd;
    int error = kind_error(fd);
    close(fd);
    return -error;
}

static int open_checked(int root, const char *rel, int flags, mode_t mode)
{
    flags |= O_CLOEXEC;
    if (flags & O_PATH)
        return open_beneath(root, rel, flags, 0);
    if ((flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL)) {
        int rc = probe_kind(root, rel, flags);
        if (rc < 0 && !(rc == -ENOENT && (flags & O_CREAT)))
            return rc;
    }
    /* The thing may have been swapped since: never wait, and look again. */
    int fd = open_beneath(root, rel, flags | O_NONBLOCK | O_NOCTTY, mode);
    if (fd < 0)
        return fd;
    int error = kind_error(fd);
    if (!error && !(flags & O_NONBLOCK)) {
        int status = fcntl(fd, F_GETFL);
        if (status < 0 || fcntl(fd, F_SETFL, status & ~O_NONBLOCK) < 0)
            error = errno;
    }
    if (!error)
        return fd;
    close(fd);
    return -error;
}

/* ---- the two calls ---- */

static bool wants_write(int flags)
{
    if (flags & O_PATH)
        return false;
    return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC));
}

/* "x/", "x/." and "x/.." can only name folders. */
static bool names_folder(const char *path)
{
    const char *last = strrchr(path, '/');
    last = last ? last + 1 : path;
    return !*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
}

/* path below root as openat2 takes it. */
static const char *relative(const struct resolve_root *root, const char *path)
{
    path += root->length;
    return *path ? path + 1 : ".";
}

/* The policy first, then what the walk found: nothing is told of a place that is not granted. */
static int check_place(const struct files *files, const struct request *request,
                       const struct resolved *place, bool write,
                       const struct resolve_root **ret_root)
{
    *ret_root = resolve_find(&files->roots, place->path, write);
    if (!*ret_root)
        return resolve_find(&files->roots, place->path, false) ? fail_read_only(request)
                                                               : fail_errno(request, EXDEV);
    if (place->not_directory)
        return fail_errno(request, ENOTDIR);
    if (place->broken)
        return fail_errno(request, ENOENT);
    return 0;
}

int files_open(const struct files *files, const char *path, int flags, uint32_t mode,
               const char *pointer, struct error *ret_error)
{
    struct request request;
    struct resolved place;
    const struct resolve_root *root = NULL;
    request_init(&request, path, pointer, ret_error);
    int rc = check_text(&request);
    if (rc < 0)
        return rc;
    bool creates = (flags & O_CREAT) && !(flags & O_PATH);
    bool follow = !(flags & O_NOFOLLOW) && !(creates && (flags & O_EXCL));
    int error = resolve_path(&files->roots, path, follow, &place);
    if (error)
        return fail_errno(&request, error);
    rc = check_place(files, &request, &place, wants_write(flags), &root);
    if (rc < 0)
        return rc;
    if (creates && names_folder(path))
        return fail_errno(&request, EISDIR);
    int fd = open_checked(root->fd, relative(root, place.path), flags, mode);
    return fd < 0 ? fail_errno(&request, -fd) : fd;
}

/* A root as a name: it has none that could be changed; for reading it is "." in itself. */
static int open_root(const struct request *request, const struct resolve_root *root, bool for_write,
                     char *ret_name)
{
    if (for_write)
        return refuse(request, LLMSPELL_EPERM,
                      "%s is, or holds, one of the folders that tools work in ([policy] "
                      "fs_roots); it cannot be changed itself",
                      request->shown);
    int fd = open_beneath(root->fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(request, -fd);
    memcpy(ret_name, ".", 2);
    return fd;
}

/* Resolves path but for its last name. "link/" is the folder for a reader; a writer means the link
 * and must say so, because deleting or renaming never follows. */
static int resolve_entry(const struct files *files, const struct request *request, bool for_write,
                         struct resolved *ret_place)
{
    char text[PATH_MAX];
    size_t length = strlen(request->path);
    memcpy(text, request->path, length + 1);
    while (length > 1 && text[length - 1] == '/')
        text[--length] = '\0';
    bool slash = request->path[length] != '\0';
    bool follow = names_folder(text) || (slash && !for_write);
    int error = resolve_path(&files->roots, follow ? request->path : text, follow, ret_place);
    if (error || !slash || follow)
        return error;
    struct stat st;
    if (lstat(ret_place->path, &st) == 0 && !S_ISDIR(st.st_mode))
        ret_place->not_directory = true;
    return 0;
}

int files_open_parent(const struct files *files, const char *path, bool for_write,
                      const char *pointer, char *ret_name, struct error *ret_error)
{
    struct request request;
    struct resolved place;
    const struct resolve_root *root = NULL;
    request_init(&request, path, pointer, ret_error);
    int rc = check_text(&request);
    if (rc < 0)
        return rc;
    int error = resolve_entry(files, &request, for_write, &place);
    if (error)
        return fail_errno(&request, error);
    rc = check_place(files, &request, &place, for_write, &root);
    if (rc < 0)
        return rc;
    if (resolve_is_root(&files->roots, place.path) ||
        (for_write && resolve_holds_root(&files->roots, place.path)))
        return open_root(&request, root, for_write, ret_name);

    char *name = strrchr(place.path, '/') + 1; /* not a root, so it lies below one */
    size_t length = strlen(name);
    if (length >= LLMSPELL_FS_NAME_MAX)
        return fail_errno(&request, ENAMETOOLONG);
    name[-1] = '\0';
    int fd =
        open_beneath(root->fd, relative(root, place.path), O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        return refuse(&request, LLMSPELL_ENOTFOUND,
                      "%s has no folder to be in: a part of the path before it does not exist",
                      request.shown);
    if (fd < 0)
        return fail_errno(&request, -fd);
    memcpy(ret_name, name, length + 1);
    return fd;
}
