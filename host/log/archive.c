/* SPDX-License-Identifier: Apache-2.0
 * The thread that looks after the rotated files of a log. A compressed file is made beside them,
 * synced, and renamed into place before the plain one goes: a crash leaves one of the two, or both,
 * and then the next pass takes the plain one again. */
#include "log/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/gzip.h"
#include "log/rotator.h"
#include "util/thread.h"

#define RETRY_MS 100 /* another process writes the rotated file until it notices, for a second */
#define RETRIES 30
#define NICENESS 10

struct archive {
    struct archive_options options;
    char *path, *temporary;
    pthread_mutex_t lock;
    pthread_cond_t wake; /* stop */
    pthread_t thread;
    bool started, running, again; /* started: to be joined */
    atomic_bool stop;
    atomic_int failure;
};

/* ---- names ---- */

static bool is_file(const char *path, struct stat *ret_facts)
{
    return path && lstat(path, ret_facts) == 0 && S_ISREG(ret_facts->st_mode);
}

static bool is_old(const struct archive *archive, const struct stat *facts)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return archive->options.max_age_ms > 0 &&
           now.tv_sec - facts->st_mtim.tv_sec > archive->options.max_age_ms / 1000;
}

static bool is_excess(const struct archive *archive, unsigned number, const struct stat *facts)
{
    return number > archive->options.count || is_old(archive, facts);
}

/* Numbers beyond the count are left over from a larger one, without a gap. */
static bool is_past_end(const struct archive *archive, unsigned number)
{
    struct stat facts;
    LLMSPELL_CLEANUP_FREE char *plain = rotator_name(archive->path, number, false);
    LLMSPELL_CLEANUP_FREE char *zipped = rotator_name(archive->path, number, true);
    return number > ROTATOR_MAX ||
           (number > archive->options.count && !is_file(plain, &facts) && !is_file(zipped, &facts));
}

bool archive_is_due(const struct archive *archive)
{
    struct stat facts;
    if (is_file(archive->temporary, &facts))
        return true;
    for (unsigned i = 1; !is_past_end(archive, i); i++) {
        LLMSPELL_CLEANUP_FREE char *plain = rotator_name(archive->path, i, false);
        LLMSPELL_CLEANUP_FREE char *zipped = rotator_name(archive->path, i, true);
        if (is_file(plain, &facts) && (archive->options.compress || is_excess(archive, i, &facts)))
            return true;
        if (is_file(zipped, &facts) && is_excess(archive, i, &facts))
            return true;
    }
    return false;
}

/* ---- cleaning up ---- */

static int remove_file(const char *path)
{
    return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

/* With the lock on the names. Both forms of a file: the end of the process came between. */
static int tidy_number(const struct archive *archive, unsigned number)
{
    struct stat facts;
    LLMSPELL_CLEANUP_FREE char *plain = rotator_name(archive->path, number, false);
    LLMSPELL_CLEANUP_FREE char *zipped = rotator_name(archive->path, number, true);
    bool has_plain = is_file(plain, &facts);
    int rc = has_plain && is_excess(archive, number, &facts) ? remove_file(plain) : 0;
    if (!rc && is_file(zipped, &facts) && (has_plain || is_excess(archive, number, &facts)))
        rc = remove_file(zipped);
    return rc;
}

static int tidy(const struct archive *archive)
{
    LLMSPELL_CLEANUP_CLOSE int lock = rotator_lock(archive->path);
    int rc = lock < 0 ? lock : 0;
    for (unsigned i = 1; !rc && !is_past_end(archive, i); i++)
        rc = tidy_number(archive, i);
    return rc;
}

/* ---- compressing ---- */

/* The temporary file, empty and locked: nobody else compresses this log. Returns -EAGAIN if
 * somebody does. */
static int open_temporary(const struct archive *archive)
{
    int fd = open(archive->temporary, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int rc = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
    if (rc == 0 && !rotator_is_same(archive->temporary, fd))
        rc = -EAGAIN;
    if (rc == 0 && ftruncate(fd, 0) < 0)
        rc = -errno;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

/* The number that the file behind fd has now, 0 if it fell off the end. */
static unsigned find_number(const struct archive *archive, int fd)
{
    for (unsigned i = 1; i <= archive->options.count; i++) {
        LLMSPELL_CLEANUP_FREE char *name = rotator_name(archive->path, i, false);
        if (name && rotator_is_same(name, fd))
            return i;
    }
    return 0;
}

/* Puts the temporary file in the place of the plain one. */
static int publish(const struct archive *archive, int plain, uint64_t size)
{
    struct stat facts;
    LLMSPELL_CLEANUP_CLOSE int lock = rotator_lock(archive->path);
    if (lock < 0)
        return lock;
    unsigned number = find_number(archive, plain);
    if (fstat(plain, &facts) < 0)
        return -errno;
    if (number == 0 || (uint64_t)facts.st_size != size) /* gone, or somebody wrote it after all */
        return remove_file(archive->temporary);
    LLMSPELL_CLEANUP_FREE char *name = rotator_name(archive->path, number, false);
    LLMSPELL_CLEANUP_FREE char *zipped = rotator_name(archive->path, number, true);
    if (!name || !zipped)
        return -ENOMEM;
    if (rename(archive->temporary, zipped) < 0)
        return -errno;
    return remove_file(name);
}

/* Mode, owner and time of the plain file, as far as we may. */
static int copy_facts(int from, int to)
{
    struct stat facts;
    if (fstat(from, &facts) < 0 || fchmod(to, facts.st_mode & 0777) < 0)
        return -errno;
    if (fchown(to, facts.st_uid, facts.st_gid) < 0 && errno != EPERM)
        return -errno;
    struct timespec times[] = {facts.st_atim, facts.st_mtim};
    return futimens(to, times) < 0 ? -errno : 0;
}

/* Publishes in the end, waiting for a rotation that is on its way. */
static int compress_file(struct archive *archive, int plain)
{
    uint64_t size = 0;
    LLMSPELL_CLEANUP_CLOSE int temporary = open_temporary(archive);
    if (temporary < 0)
        return temporary;
    int rc = gzip_copy(plain, temporary, &archive->stop, &size);
    if (rc == 0)
        rc = copy_facts(plain, temporary);
    for (int i = 0; rc == 0 || rc == -EAGAIN; i++) {
        rc = publish(archive, plain, size);
        if (rc != -EAGAIN || i == RETRIES || atomic_load(&archive->stop))
            break;
        usleep(1000);
    }
    if (rc)
        unlink(archive->temporary);
    return rc;
}

/* Returns 0, also if there is nothing to compress, or -EAGAIN if somebody still writes the file. */
static int compress_number(struct archive *archive, unsigned number)
{
    struct stat facts;
    LLMSPELL_CLEANUP_FREE char *name = rotator_name(archive->path, number, false);
    if (!is_file(name, &facts))
        return name ? 0 : -ENOMEM;
    LLMSPELL_CLEANUP_CLOSE int fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return -errno;
    return compress_file(archive, fd);
}

static void remove_temporary(const struct archive *archive)
{
    struct stat facts;
    LLMSPELL_CLEANUP_CLOSE int fd =
        is_file(archive->temporary, &facts) ? open_temporary(archive) : -1;
    if (fd >= 0)
        unlink(archive->temporary);
}

/* All that is to be done now; -EAGAIN if some of it must wait for others. */
static int pass(struct archive *archive)
{
    int rc = tidy(archive);
    if (rc == -ENOENT) /* no log file just now: the next rotation comes here again */
        return 0;
    for (unsigned i = archive->options.count; i > 0 && archive->options.compress; i--) {
        int failed = atomic_load(&archive->stop) ? -ECANCELED : compress_number(archive, i);
        if (failed && (rc == 0 || rc == -EAGAIN))
            rc = failed;
    }
    remove_temporary(archive);
    return rc;
}

/* ---- the thread ---- */

/* With the lock; until stopped. */
static void wait_retry(struct archive *archive)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    while (!atomic_load(&archive->stop) && !archive->again &&
           pthread_cond_timedwait(&archive->wake, &archive->lock, &until) == 0)
        continue;
}

static void *run(void *data)
{
    struct archive *archive = data;
    int rc = 0, tries = 0;
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    pthread_mutex_lock(&archive->lock);
    do {
        archive->again = false;
        pthread_mutex_unlock(&archive->lock);
        rc = pass(archive);
        pthread_mutex_lock(&archive->lock);
        if (rc == -EAGAIN && tries++ < RETRIES)
            wait_retry(archive);
        else
            rc = rc == -EAGAIN ? 0 : rc;
        if (archive->again)
            tries = 0;
    } while (!atomic_load(&archive->stop) && (archive->again || rc == -EAGAIN));
    if (rc && rc != -EAGAIN && rc != -ECANCELED)
        atomic_store(&archive->failure, -rc);
    archive->running = false;
    pthread_mutex_unlock(&archive->lock);
    return NULL;
}

void archive_start(struct archive *archive)
{
    pthread_mutex_lock(&archive->lock);
    archive->again = true;
    pthread_cond_signal(&archive->wake);
    if (!archive->running) {
        if (archive->started)
            pthread_join(archive->thread, NULL);
        int failed = thread_start(&archive->thread, "log-archive", run, archive);
        archive->started = archive->running = failed == 0;
        if (failed)
            atomic_store(&archive->failure, failed);
    }
    pthread_mutex_unlock(&archive->lock);
}

int archive_failure(struct archive *archive)
{
    return atomic_exchange(&archive->failure, 0);
}

/* ---- open and close ---- */

struct archive *archive_new(const struct archive_options *options)
{
    pthread_condattr_t monotonic;
    struct archive *archive = calloc(1, sizeof *archive);
    if (!archive)
        return NULL;
    archive->options = *options;
    archive->path = strdup(options->path);
    if (asprintf(&archive->temporary, "%s.gz.tmp", options->path) < 0)
        archive->temporary = NULL;
    pthread_mutex_init(&archive->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&archive->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (archive->path && archive->temporary)
        return archive;
    archive_free(archive);
    return NULL;
}

void archive_free(struct archive *archive)
{
    if (!archive)
        return;
    pthread_mutex_lock(&archive->lock);
    atomic_store(&archive->stop, true);
    pthread_cond_signal(&archive->wake);
    pthread_mutex_unlock(&archive->lock);
    if (archive->started)
        pthread_join(archive->thread, NULL);
    pthread_mutex_destroy(&archive->lock);
    pthread_cond_destroy(&archive->wake);
    free(archive->path);
    free(archive->temporary);
    free(archive);
}
