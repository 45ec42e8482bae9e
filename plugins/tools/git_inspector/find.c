/* SPDX-License-Identifier: Apache-2.0
 * Finds the repository that a folder belongs to: upwards, as far as the granted folders reach. */
#include "git_inspector.h"

#include <limits.h>

#define LINK_MAX_BYTES 8192 /* of a .git file */

/* The real path of the folder that the caller names. */
static int32_t start_folder(const struct inspection *in, char ret_folder[PATH_MAX])
{
    char link[64];
    const char *path = llmspell_string(in->params, "path");
    LLMSPELL_CLEANUP_CLOSE int fd = in->fs->open(in->call, path, O_PATH | O_DIRECTORY, 0, "/path");
    if (fd < 0)
        return fd;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, ret_folder, PATH_MAX - 1);
    if (length <= 0 || *ret_folder != '/')
        return llmspell_fail_at(in->call, LLMSPELL_EIO, "/path",
                                "cannot find out where %s lies: %s", path, strerror(errno));
    ret_folder[length] = '\0';
    return 0;
}

/* 1 if folder/name is there, 0 if not, or a negative code. */
static int32_t has(const struct inspection *in, const char *folder, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return 0;
    int32_t fd = in->fs->open(in->call, path, O_PATH, 0, "/path");
    if (fd >= 0) {
        close(fd);
        return 1;
    }
    return fd == LLMSPELL_EPERM ? roots_check(in, path, false) : 0;
}

/* 1 if folder itself holds the files of a repository. */
static int32_t is_repository(const struct inspection *in, const char *folder)
{
    int32_t rc = has(in, folder, "HEAD");
    if (rc == 1)
        rc = has(in, folder, "objects");
    return rc == 1 ? has(in, folder, "refs") : rc;
}

/* A .git file names the folder of the repository: `gitdir: PATH`. */
static int32_t follow_link(const struct inspection *in, const char *folder, const char *link)
{
    static const char key[] = "gitdir:";
    char target[PATH_MAX];
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    int32_t rc = llmspell_fs_read(in->call, link, "/path", LINK_MAX_BYTES, &text, &size);
    if (rc < 0)
        return rc;
    if (strncmp(text, key, sizeof key - 1) != 0)
        return llmspell_fail_at(in->call, LLMSPELL_EPARSE, "/path",
                                "the .git file does not begin with \"%s\"", key);
    const char *path = text + sizeof key - 1;
    path += strspn(path, " \t");
    int used = (int)strcspn(path, "\r\n");
    int length = *path == '/' ? snprintf(target, sizeof target, "%.*s", used, path)
                              : snprintf(target, sizeof target, "%s/%.*s", folder, used, path);
    if (length < 0 || (size_t)length >= sizeof target)
        return llmspell_fail_at(in->call, LLMSPELL_EPARSE, "/path",
                                "the .git file names a path that is too long");
    rc = roots_check(in, target, true);
    return rc < 0 ? rc : 1;
}

/* 1 if folder/.git is a repository, or a file that leads to one. */
static int32_t has_repository(const struct inspection *in, const char *folder)
{
    char path[PATH_MAX];
    struct stat st;
    int32_t rc = has(in, folder, ".git");
    if (rc != 1)
        return rc;
    snprintf(path, sizeof path, "%.*s/.git", PATH_MAX - 6, folder);
    if (stat(path, &st) != 0)
        return 0;
    return S_ISREG(st.st_mode) ? follow_link(in, folder, path) : is_repository(in, path);
}

/* To the folder above; false at the top, or where the granted folders end. */
static bool go_up(const struct inspection *in, char *folder)
{
    char *slash = strrchr(folder, '/');
    if (!slash || strcmp(folder, "/") == 0)
        return false;
    slash[slash == folder] = '\0';
    int32_t fd = in->fs->open(in->call, folder, O_PATH | O_DIRECTORY, 0, "/path");
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

static int32_t open_repository(struct inspection *in, const char *folder)
{
    int error = git_repository_open_ext(&in->repo, folder, GIT_REPOSITORY_OPEN_NO_SEARCH, NULL);
    const git_error *last = git_error_last();
    if (error == 0)
        return roots_check_repository(in);
    if (last && last->message && strstr(last->message, "unsupported"))
        return llmspell_fail_at(in->call, LLMSPELL_EUNAVAILABLE, "/path",
                                "the repository at %s is of a kind that libgit2 here does not "
                                "know: %s",
                                llmspell_string(in->params, "path"), last->message);
    return inspect_fail(in, error, "the configuration");
}

int32_t find_repository(struct inspection *in)
{
    char folder[PATH_MAX];
    int32_t rc = start_folder(in, folder);
    while (rc == 0) {
        int32_t found = has_repository(in, folder);
        if (found == 0)
            found = is_repository(in, folder);
        if (found != 0)
            return found < 0 ? found : open_repository(in, folder);
        if (!go_up(in, folder))
            rc = llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, "/path",
                                  "neither %s nor a folder above it that this tool may read is a "
                                  "git repository",
                                  llmspell_string(in->params, "path"));
    }
    return rc;
}
