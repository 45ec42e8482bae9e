/* SPDX-License-Identifier: Apache-2.0
 * bench_pidfile FOLDER COUNT: what pidfile_check costs, in turns with what a check without a lock
 * does (read the number, ask whether such a process lives). Prints JSON; bench.py calls it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "daemon/pidfile.h"

static void die(const char *what)
{
    fprintf(stderr, "bench_pidfile: %s\n", what);
    exit(EXIT_FAILURE);
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* A process that holds path until the returned end of a pipe is closed. */
static pid_t start_holder(const char *path, int *ret_end)
{
    int ready[2], stop[2];
    char word = 'R';
    if (pipe(ready) < 0 || pipe(stop) < 0)
        die(strerror(errno));
    pid_t pid = fork();
    if (pid == 0) {
        struct pidfile *file;
        struct error error;
        close(stop[1]);
        if (pidfile_open(path, &file, &error) < 0)
            die(error.message);
        if (write(ready[1], &word, 1) != 1 || read(stop[0], &word, 1) != 0)
            _exit(EXIT_FAILURE);
        _exit(EXIT_SUCCESS); /* as after a crash: the file stays */
    }
    close(ready[1]);
    close(stop[0]);
    if (pid < 0 || read(ready[0], &word, 1) != 1)
        die("the process that holds the PID file did not start");
    close(ready[0]);
    *ret_end = stop[1];
    return pid;
}

static pid_t check_by_guess(const char *path)
{
    int pid = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    if (fscanf(file, "%d", &pid) != 1)
        pid = 0;
    fclose(file);
    return pid > 0 && kill(pid, 0) == 0 ? pid : 0;
}

static pid_t check_by_lock(const char *path)
{
    pid_t pid = 0;
    struct error error;
    if (pidfile_check(path, &pid, &error) < 0)
        die(error.message);
    return pid;
}

static void print_column(const char *name, const char *who, const long long *times, int count)
{
    printf("\"%s_%s\":[", name, who);
    for (int i = 0; i < count; i++)
        printf(i ? ",%lld" : "%lld", times[i]);
    printf("]");
}

/* expected: the PID that the lock tells. */
static void measure(const char *name, const char *path, pid_t expected, int count)
{
    long long *ours = calloc((size_t)count, sizeof *ours);
    long long *floor = calloc((size_t)count, sizeof *floor);
    if (!ours || !floor)
        die("out of memory");
    for (int i = 0; i < count; i++) {
        long long start = now_ns();
        check_by_guess(path);
        floor[i] = now_ns() - start;
        start = now_ns();
        pid_t found = check_by_lock(path);
        ours[i] = now_ns() - start;
        if (found != expected)
            die("pidfile_check does not say who holds the file");
    }
    print_column(name, "ours", ours, count);
    printf(",");
    print_column(name, "floor", floor, count);
    free(ours);
    free(floor);
}

int main(int argc, char **argv)
{
    char path[512];
    int count = argc == 3 ? (int)strtol(argv[2], NULL, 10) : 0, end;
    if (count < 1) {
        fputs("bench_pidfile FOLDER COUNT\n", stderr);
        return 2;
    }
    snprintf(path, sizeof path, "%s/bench.pid", argv[1]);
    pid_t holder = start_holder(path, &end);
    printf("{");
    measure("held", path, holder, count);
    close(end);
    if (waitpid(holder, NULL, 0) != holder)
        die(strerror(errno));
    printf(",");
    measure("stale", path, 0, count);
    unlink(path);
    printf(",");
    measure("absent", path, 0, count);
    puts("}");
    return EXIT_SUCCESS;
}
