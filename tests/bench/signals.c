/* SPDX-License-Identifier: Apache-2.0
 * From a signal to the trace that it leaves: a file that is put in place (the state dump), or a
 * line in a log. inotify tells, so nothing is polled. Part of client.c. */
#include "session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

struct trace {
    int notes;        /* inotify, not blocking */
    const char *name; /* of the file, without its folder */
    const char *text; /* what its next line must have; NULL: a file of this name is moved here */
    int log;          /* with text: read from where the last look ended */
};

static void trace_open(struct trace *trace, const char *path, const char *text)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX];
    if (!slash)
        die("%s is not a whole path", path);
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    trace->name = slash + 1;
    trace->text = text;
    trace->notes = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    trace->log = text ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (text && (trace->log < 0 || lseek(trace->log, 0, SEEK_END) < 0))
        die("cannot read %s: %s", path, strerror(errno));
    if (inotify_add_watch(trace->notes, text ? path : folder, text ? IN_MODIFY : IN_MOVED_TO) < 0)
        die("cannot watch %s: %s", text ? path : folder, strerror(errno));
}

static int has_moved(const char *notes, ssize_t size, const char *name)
{
    const struct inotify_event *event;
    for (const char *at = notes; at < notes + size; at += sizeof *event + event->len) {
        event = (const struct inotify_event *)(const void *)at;
        if (event->len && strcmp(event->name, name) == 0)
            return 1;
    }
    return 0;
}

/* Lines come whole: one write each. */
static int has_text(const struct trace *trace)
{
    char lines[16384];
    ssize_t size = read(trace->log, lines, sizeof lines);
    return size > 0 && memmem(lines, (size_t)size, trace->text, strlen(trace->text)) != NULL;
}

static int64_t signal_once(const struct trace *trace, int pid, int number)
{
    _Alignas(struct inotify_event) char notes[4096];
    struct pollfd item = {.fd = trace->notes, .events = POLLIN};
    int64_t start = now_ns();
    if (kill(pid, number) < 0)
        die("process %d gets no signal: %s", pid, strerror(errno));
    for (;;) {
        if (poll(&item, 1, PATIENCE_MS) != 1)
            die("signal %d left no trace in %s", number, trace->name);
        int64_t seen = now_ns();
        ssize_t size = read(trace->notes, notes, sizeof notes);
        if (trace->text ? has_text(trace) : has_moved(notes, size, trace->name))
            return seen - start;
    }
}

int measure_signals(int count, char **args, int n)
{
    struct trace trace;
    struct timespec pause = {0, 2000000};
    if (n < 3 || n > 4)
        die("signal wants COUNT NUMBER PID FILE [TEXT]");
    int number = (int)strtol(args[0], NULL, 10), pid = (int)strtol(args[1], NULL, 10);
    trace_open(&trace, args[2], n > 3 ? args[3] : NULL);
    for (int i = 0; i < count; i++) {
        nanosleep(&pause, NULL); /* the process sleeps again */
        printf(i ? ",%lld" : "[%lld", (long long)signal_once(&trace, pid, number));
    }
    puts("]");
    return EXIT_SUCCESS;
}
