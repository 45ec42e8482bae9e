/* SPDX-License-Identifier: Apache-2.0
 * The thread between the pipes at stdout and stderr and the running cell, or the log. Its memory is
 * fixed, so a child that floods it only fills its pipe and then waits. */
#include "log/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/logger.h"
#include "log/sink.h"
#include "util/thread.h"
#include "util/utf8.h"

#define LINE_MAX_SIZE 65536

struct line {
    const char *source;
    enum log_level level;
    size_t size;
    char text[LINE_MAX_SIZE + 1];
};

struct capture {
    pthread_t thread;
    int stop;        /* eventfd */
    int original[2]; /* where stdout and stderr led */
    struct line lines[2];
    capture_take_fn take;
    void *data;
};

/* Descriptors 1 and 2 are one a process, and so is this. The lock is held while a pipe is read and
 * what it gave is handed on. The ends are for the crash handler. */
static struct capture *active;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int read_ends[2] = {-1, -1};

/* ---- lines ---- */

/* text[size] may be written: it is the line end, or the spare byte. */
static void log_line(const struct line *line, char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] == '\0')
            text[i] = '?';
    if (size > 0 && text[size - 1] == '\r')
        size--;
    text[size] = '\0';
    if (size > 0)
        log_write(line->level, line->source, "%s", text);
}

/* Logs the whole lines and keeps the rest, unless it fills the room. There is no line end in the
 * bytes before from. */
static void split_lines(struct line *line, size_t from)
{
    char *start = line->text, *at = start + from, *end = start + line->size, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        log_line(line, start, (size_t)(newline - start));
        start = at = newline + 1;
    }
    line->size = (size_t)(end - start);
    memmove(line->text, start, line->size);
    if (line->size == LINE_MAX_SIZE) {
        log_line(line, line->text, line->size);
        line->size = 0;
    }
}

/* Offers what was read to the running cell; a character that is cut at the end waits for its rest,
 * unless all is wanted. False: nobody took it. */
static bool offer(struct capture *capture, int index, bool all)
{
    struct line *line = &capture->lines[index];
    size_t keep = 0;
    if (!capture->take || line->size == 0)
        return false;
    for (size_t n = 1; !all && n < 4 && n <= line->size; n++)
        if (utf8_is_partial(line->text + line->size - n, n))
            keep = n;
    if (!capture->take(capture->data, index + 1, line->text, line->size - keep))
        return false;
    memmove(line->text, line->text + line->size - keep, keep);
    line->size = keep;
    return true;
}

/* Returns the bytes read, 0 at the end or if there is nothing. */
static size_t read_some(struct capture *capture, int index)
{
    struct line *line = &capture->lines[index];
    size_t before = line->size;
    ssize_t got = read(atomic_load(&read_ends[index]), line->text + before, LINE_MAX_SIZE - before);
    if (got <= 0)
        return 0;
    line->size += (size_t)got;
    if (!offer(capture, index, false))
        split_lines(line, before);
    return (size_t)got;
}

/* ---- the thread ---- */

/* What was in the pipe when this began; who floods it has no say in how long that takes. */
static void drain(struct capture *capture, int index)
{
    size_t got = read_some(capture, index);
    if (got == 0)
        return; /* the usual case: one system call */
    size_t left = (size_t)fcntl(atomic_load(&read_ends[index]), F_GETPIPE_SZ);
    while (left > got && got > 0) {
        left -= got;
        got = read_some(capture, index);
    }
}

static void drain_to_log(struct capture *capture, int index)
{
    struct line *line = &capture->lines[index];
    drain(capture, index);
    log_line(line, line->text, line->size);
}

static void read_ready(struct capture *capture, int index)
{
    pthread_mutex_lock(&lock);
    read_some(capture, index);
    pthread_mutex_unlock(&lock);
}

static void *run(void *data)
{
    struct capture *capture = data;
    struct pollfd ready[] = {{.fd = atomic_load(&read_ends[0]), .events = POLLIN},
                             {.fd = atomic_load(&read_ends[1]), .events = POLLIN},
                             {.fd = capture->stop, .events = POLLIN}};
    while (poll(ready, 3, -1) >= 0 || errno == EINTR) {
        if (ready[2].revents)
            break;
        for (int i = 0; i < 2; i++) {
            if (ready[i].revents & POLLIN)
                read_ready(capture, i);
            else if (ready[i].revents)
                ready[i].fd = -1; /* nobody can write any more */
        }
    }
    pthread_mutex_lock(&lock);
    drain_to_log(capture, 0);
    drain_to_log(capture, 1);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* ---- start and stop ---- */

static int open_pipe(int index)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 || dup2(ends[1], STDOUT_FILENO + index) < 0) {
        int reason = errno;
        close(ends[0]);
        close(ends[1]);
        return -reason;
    }
    close(ends[1]);
    atomic_store(&read_ends[index], ends[0]);
    return 0;
}

static void point_back(const struct capture *capture)
{
    for (int i = 0; i < 2; i++)
        if (capture->original[i] >= 0)
            dup2(capture->original[i], STDOUT_FILENO + i);
}

/* Gives back what start_pipes and capture_start took. */
static void release(struct capture *capture)
{
    for (int i = 0; i < 2; i++) {
        int fd = atomic_exchange(&read_ends[i], -1);
        if (fd >= 0)
            close(fd);
    }
    logger_redirect_stderr(STDERR_FILENO);
    for (int i = 0; i < 2; i++)
        if (capture->original[i] >= 0)
            close(capture->original[i]);
    if (capture->stop >= 0)
        close(capture->stop);
    free(capture);
}

static int start_pipes(struct capture *capture)
{
    capture->stop = eventfd(0, EFD_CLOEXEC);
    capture->original[0] = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    capture->original[1] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    if (capture->stop < 0 || capture->original[1] < 0)
        return -errno;
    logger_redirect_stderr(capture->original[1]); /* before: no record may come round again */
    int rc = open_pipe(0);
    if (rc == 0)
        rc = open_pipe(1);
    if (rc == 0)
        rc = -thread_start(&capture->thread, "log-capture", run, capture);
    if (rc)
        point_back(capture);
    return rc;
}

int capture_start(struct error *ret_error)
{
    if (active)
        return error_set(ret_error, LLMSPELL_EBUSY, "stdout and stderr are captured already");
    struct capture *capture = calloc(1, sizeof *capture);
    if (!capture)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    capture->lines[0].source = "stdout";
    capture->lines[0].level = LOG_INFO;
    capture->lines[1].source = "stderr";
    capture->lines[1].level = LOG_WARN;
    capture->stop = capture->original[0] = capture->original[1] = -1;
    fflush(stdout);
    int rc = start_pipes(capture);
    if (rc) {
        release(capture);
        return error_set(ret_error, LLMSPELL_EIO, "cannot redirect stdout and stderr: %s",
                         strerror(-rc));
    }
    setvbuf(stdout, NULL, _IOLBF, 0); /* as on a terminal: lines arrive when they are printed */
    pthread_mutex_lock(&lock);
    active = capture;
    pthread_mutex_unlock(&lock);
    return 0;
}

void capture_set_take(capture_take_fn take, void *data)
{
    pthread_mutex_lock(&lock);
    if (active) {
        active->take = take;
        active->data = data;
    }
    pthread_mutex_unlock(&lock);
}

void capture_sync(void)
{
    fflush(stdout); /* what C libraries printed; before the lock, since the pipe may be full */
    pthread_mutex_lock(&lock);
    for (int i = 0; active && i < 2; i++) {
        drain(active, i);
        offer(active, i, true);
    }
    pthread_mutex_unlock(&lock);
}

int capture_stderr(void)
{
    return active ? active->original[1] : STDERR_FILENO;
}

void capture_stop(void)
{
    struct capture *capture = active;
    const uint64_t one = 1;
    if (!capture)
        return;
    capture_set_take(NULL, NULL);
    fflush(stdout);
    pthread_mutex_lock(&lock);
    active = NULL;
    pthread_mutex_unlock(&lock);
    point_back(capture);
    if (write(capture->stop, &one, sizeof one) == (ssize_t)sizeof one)
        pthread_join(capture->thread, NULL);
    release(capture);
}

int capture_drain_fd(int fd)
{
    return fd == STDOUT_FILENO || fd == STDERR_FILENO ? atomic_load(&read_ends[fd - STDOUT_FILENO])
                                                      : -1;
}
