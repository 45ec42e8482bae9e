/* SPDX-License-Identifier: Apache-2.0
 * One watch on the log's folder tells of all: growth, renames, new files. The file that was rotated
 * away stays open until the next rotation, since a writer may be late by one record. */
#include "cli/log_follow.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "cli/kernel_end.h"

struct follow {
    const char *path;
    struct log_position *now, before;
    log_sink sink;
    void *data;
};

static int copy_rest(struct follow *follow, struct log_position *position)
{
    struct stat facts;
    if (position->source.fd < 0)
        return 0;
    if (fstat(position->source.fd, &facts) == 0 && facts.st_size < position->offset)
        position->offset = 0; /* emptied (copytruncate) */
    return log_source_copy(&position->source, &position->offset, -1, follow->sink, follow->data);
}

/* The files that came since ours had the name: a quick writer may have rotated more than once.
 * Newest first; only the newest if ours is gone or packed. Returns how many. */
static size_t open_newer(const struct follow *follow, struct log_source newer[LOG_SOURCES_MAX])
{
    size_t count = 0;
    for (unsigned number = 0; number < LOG_SOURCES_MAX; number++) {
        if (log_source_open(follow->path, number, &newer[count]) < 0)
            continue;
        if (log_source_same(&newer[count], &follow->now->source)) {
            log_source_close(&newer[count]);
            return count;
        }
        if (newer[count].packed || (count && log_source_same(&newer[count - 1], &newer[count])))
            log_source_close(&newer[count]);
        else
            count++;
    }
    for (; count > 1; count--)
        log_source_close(&newer[count - 1]);
    return count;
}

static int go_on(struct follow *follow)
{
    struct log_source newer[LOG_SOURCES_MAX];
    size_t count = open_newer(follow, newer);
    int rc = 0;
    while (count-- > 0) {
        log_source_close(&follow->before.source);
        follow->before = *follow->now;
        *follow->now = (struct log_position){.source = newer[count]};
        if (rc == 0)
            rc = copy_rest(follow, follow->now);
    }
    return rc;
}

static int catch_up(struct follow *follow)
{
    struct stat named;
    int rc = copy_rest(follow, &follow->before);
    if (rc == 0)
        rc = copy_rest(follow, follow->now);
    if (rc < 0 || stat(follow->path, &named) != 0)
        return rc;
    const struct log_source *source = &follow->now->source;
    if (source->fd >= 0 && named.st_dev == source->device && named.st_ino == source->inode)
        return 0;
    rc = copy_rest(follow, follow->now); /* what came before the name went to another file */
    return rc < 0 ? rc : go_on(follow);
}

/* Waits for a change. 1: the kernel's process has ended; -1: nobody reads stdout any more. */
static int wait_change(int inotify, int end)
{
    char events[4096];
    struct pollfd fds[] = {
        {.fd = inotify, .events = POLLIN}, {.fd = STDOUT_FILENO}, {.fd = end, .events = POLLIN}};
    if (poll(fds, 3, -1) < 0)
        return 0;
    while (read(inotify, events, sizeof events) > 0)
        ;
    if (fds[1].revents & (POLLERR | POLLHUP))
        return -1;
    return fds[2].revents != 0;
}

static int run(struct follow *follow, const struct kernel_entry *entry, int inotify)
{
    int end = kernel_end_fd(entry, NULL), rc, change = end < 0;
    for (;;) {
        rc = catch_up(follow);
        if (rc == 0 && change > 0) { /* ended: is there another one under this id? */
            if (end >= 0)
                close(end);
            end = kernel_end_fd(entry, NULL);
        }
        if (rc < 0 || end < 0)
            break;
        change = wait_change(inotify, end);
        if (change < 0)
            rc = LLMSPELL_EIO;
        if (rc < 0)
            break;
    }
    if (end >= 0)
        close(end);
    return rc;
}

static int watch_folder(const char *path, struct error *ret_error)
{
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *folder =
        slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0 && folder &&
        inotify_add_watch(fd, folder, IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) >= 0)
        return fd;
    int why = errno;
    if (fd >= 0)
        close(fd);
    return error_set(ret_error, LLMSPELL_EIO, "cannot watch the folder of %s: %s%s", path,
                     strerror(why),
                     why == EMFILE || why == ENOSPC
                         ? "; raise fs.inotify.max_user_instances and max_user_watches"
                         : "");
}

int log_follow(const char *path, const struct kernel_entry *entry, struct log_position *position,
               log_sink sink, void *data, struct error *ret_error)
{
    struct follow follow = {.path = path,
                            .now = position,
                            .before = {.source = {.fd = -1}},
                            .sink = sink,
                            .data = data};
    LLMSPELL_CLEANUP_CLOSE int inotify = watch_folder(path, ret_error);
    if (inotify < 0)
        return inotify;
    int rc = run(&follow, entry, inotify);
    log_source_close(&follow.before.source);
    return rc < 0 ? error_set(ret_error, LLMSPELL_EIO, "cannot write the log on") : 0;
}
