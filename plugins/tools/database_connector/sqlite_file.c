/* SPDX-License-Identifier: Apache-2.0
 * Opening the file: found by the host's file service, then opened by SQLite under its resolved
 * name, since it keeps its journals beside it. */
#include "sqlite_task.h"

#include <limits.h>

static int32_t check_regular(struct task *task, int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return llmspell_fail_at(task->call, LLMSPELL_EIO, "/database", "cannot stat the file: %s",
                                strerror(errno));
    if (!S_ISREG(status.st_mode))
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/database",
                                "%.300s is not a regular file", task->database);
    return 0;
}

/* The path of what fd stands for. */
static int32_t path_of(struct task *task, int fd, char ret_path[PATH_MAX])
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, ret_path, PATH_MAX - 1);
    if (n <= 0)
        return llmspell_fail_at(task->call, LLMSPELL_EIO, "/database",
                                "cannot find the file's name: %s",
                                n < 0 ? strerror(errno) : "it is empty");
    ret_path[n] = '\0';
    return 0;
}

/* A file that is not there is made, empty: that is a database. */
static int32_t make_file(struct task *task, const struct llmspell_fs *fs)
{
    if (task->read_only)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/create",
                                "create makes a file only with read_only false");
    int fd = fs->open(task->call, task->database, O_RDWR | O_CREAT | O_EXCL, 0644, "/database");
    if (fd == LLMSPELL_ENOTFOUND)
        return llmspell_fail_at(task->call, LLMSPELL_ENOTFOUND, "/database",
                                "the folder of %.300s does not exist; make it first",
                                task->database);
    if (fd >= 0)
        close(fd);
    return fd < 0 ? fd : 0;
}

/* O_PATH: to close a descriptor of the file would drop the locks that another thread holds on it as
 * a database (POSIX locks belong to the process). */
static int32_t find_file(struct sqlite *sqlite, char ret_path[PATH_MAX])
{
    struct task *task = sqlite->task;
    const struct llmspell_fs *fs = llmspell_fs_get(task->call);
    char name[LLMSPELL_FS_NAME_MAX];
    if (!fs)
        return LLMSPELL_EUNAVAILABLE;
    LLMSPELL_CLEANUP_CLOSE int fd = fs->open(task->call, task->database, O_PATH, 0, "/database");
    if (fd == LLMSPELL_ENOTFOUND && llmspell_bool(task->params, "create", 0)) {
        int32_t rc = make_file(task, fs);
        if (rc < 0)
            return rc;
        sqlite->created = true;
        fd = fs->open(task->call, task->database, O_PATH, 0, "/database");
    }
    if (fd < 0)
        return fd;
    int32_t rc = check_regular(task, fd);
    if (rc == 0 && !task->read_only) { /* may it be written there? */
        LLMSPELL_CLEANUP_CLOSE int folder =
            fs->open_parent(task->call, task->database, 1, "/database", name);
        rc = folder < 0 ? folder : 0;
    }
    return rc < 0 ? rc : path_of(task, fd, ret_path);
}

int32_t sqlite_open(struct sqlite *sqlite, struct task *task)
{
    char path[PATH_MAX] = ":memory:";
    int flags = task->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    *sqlite = (struct sqlite){.task = task};
    if (strcmp(task->database, ":memory:") != 0) {
        int32_t rc = find_file(sqlite, path);
        if (rc < 0)
            return rc;
    } else {
        flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY;
    }
    int code = sqlite3_open_v2(path, &sqlite->handle,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (code != SQLITE_OK && !sqlite->handle)
        return llmspell_fail(task->call, LLMSPELL_ENOMEM, "out of memory");
    return code == SQLITE_OK ? sqlite_guard(sqlite) : sqlite_fail(sqlite, SQLITE_STAGE_OWN);
}

void sqlite_clear(struct sqlite *sqlite)
{
    if (sqlite->handle) { /* a checkpoint of a write-ahead log is not to be stopped */
        sqlite3_progress_handler(sqlite->handle, 0, NULL, NULL);
        sqlite->trusted = true;
        sqlite3_close(sqlite->handle);
    }
    sqlite->handle = NULL;
}

/* The call's error stays that of the statement: what fails here is not told. */
void sqlite_remove_empty(struct sqlite *sqlite)
{
    const struct llmspell_fs *fs = llmspell_fs_get(sqlite->task->call);
    char name[LLMSPELL_FS_NAME_MAX];
    struct stat status;
    sqlite_clear(sqlite);
    LLMSPELL_CLEANUP_CLOSE int folder =
        sqlite->created
            ? fs->open_parent(sqlite->task->call, sqlite->task->database, 1, "/database", name)
            : -1;
    if (folder >= 0 && fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode) && status.st_size == 0)
        unlinkat(folder, name, 0);
}
