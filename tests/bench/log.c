/* SPDX-License-Identifier: Apache-2.0
 * bench_log [FOLDER]: what a record costs its caller on a file, and what a rotation of 10 MB does
 * to the writers, with and without compression. Prints one JSON object. Called by bench.py. */
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log/logger.h"
#include "log/rotator.h"

#define LINES 200000 /* of all threads; about 20 MB: two rotations of 10 MB */
#define THREADS_MAX 4
#define ROTATIONS 21
#define LIMIT (10U << 20)

static char folder[256] = "/tmp/llmspell-bench-log-XXXXXX";
static char file[300];

struct writer {
    pthread_t thread;
    unsigned lines;
    uint32_t *nanoseconds;
};

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static void *write_lines(void *data)
{
    struct writer *writer = data;
    for (unsigned i = 0; i < writer->lines; i++) {
        uint64_t before = now();
        log_info("kernel", "operation %u of client 7f3a ended with status ok after 12 ms, %u left",
                 i, writer->lines - i);
        writer->nanoseconds[i] = (uint32_t)(now() - before);
    }
    return NULL;
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void remove_files(void)
{
    unlink(file);
    for (unsigned i = 1; i < 10; i++)
        for (int gz = 0; gz < 2; gz++) {
            char *name = rotator_name(file, i, gz);
            if (name)
                unlink(name);
            free(name);
        }
}

static void open_log(uint64_t rotate_bytes, bool compress)
{
    struct error error;
    struct logger_options options = {.level = LOG_INFO,
                                     .file = file,
                                     .rotate_bytes = rotate_bytes,
                                     .rotate_count = 5,
                                     .compress = compress};
    remove_files();
    if (logger_open(&options, &error) < 0) {
        fprintf(stderr, "bench_log: %s\n", error.message);
        exit(EXIT_FAILURE);
    }
}

static json_t *measure_lines(unsigned threads, uint64_t rotate_bytes, bool compress)
{
    static uint32_t nanoseconds[LINES];
    struct writer writers[THREADS_MAX];
    struct log_counts before, after;
    open_log(rotate_bytes, compress);
    logger_counts(&before);
    uint64_t start = now();
    for (unsigned i = 0; i < threads; i++) {
        writers[i].lines = LINES / threads;
        writers[i].nanoseconds = nanoseconds + i * (LINES / threads);
        if (pthread_create(&writers[i].thread, NULL, write_lines, &writers[i]) != 0)
            abort();
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(writers[i].thread, NULL);
    uint64_t wall = now() - start;
    logger_counts(&after);
    logger_close();
    qsort(nanoseconds, LINES, sizeof *nanoseconds, compare);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "ns_per_line", (json_int_t)(wall / LINES),
                     "p50_ns", (json_int_t)nanoseconds[LINES / 2], "p99_ns",
                     (json_int_t)nanoseconds[LINES / 100 * 99], "p999_ns",
                     (json_int_t)nanoseconds[LINES / 1000 * 999], "max_ns",
                     (json_int_t)nanoseconds[LINES - 1], "rotations",
                     (json_int_t)(after.rotations - before.rotations));
}

/* The rotation alone, of a file of 10 MB, with a full row behind it. */
static json_t *measure_rotation(void)
{
    static char block[1 << 16];
    uint32_t nanoseconds[ROTATIONS];
    memset(block, 'x', sizeof block);
    remove_files();
    int fd = rotator_open(file);
    for (unsigned i = 0; i < ROTATIONS; i++) {
        for (size_t size = 0; size < LIMIT; size += sizeof block)
            if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
                abort();
        uint64_t before = now();
        if (rotator_rotate(file, fd, 5) != 0)
            abort();
        nanoseconds[i] = (uint32_t)(now() - before);
    }
    close(fd);
    qsort(nanoseconds, ROTATIONS, sizeof *nanoseconds, compare);
    return json_pack("{s:I, s:I}", "p50_ns", (json_int_t)nanoseconds[ROTATIONS / 2], "max_ns",
                     (json_int_t)nanoseconds[ROTATIONS - 1]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        snprintf(folder, sizeof folder, "%s/llmspell-bench-log-XXXXXX", argv[1]);
    if (!mkdtemp(folder)) {
        perror(folder);
        return EXIT_FAILURE;
    }
    snprintf(file, sizeof file, "%s/x.log", folder);
    if (logger_redact("6b1f0c9e-5d2a4b7c8e3f9a0d1c2b3e4f") < 0) /* as the key of a connection */
        abort();
    json_t *report = json_object();
    json_object_set_new(report, "threads_1", measure_lines(1, 0, false));
    json_object_set_new(report, "threads_4", measure_lines(4, 0, false));
    json_object_set_new(report, "rotating", measure_lines(4, LIMIT, false));
    json_object_set_new(report, "compressing", measure_lines(4, LIMIT, true));
    json_object_set_new(report, "rotation", measure_rotation());
    json_dumpf(report, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(report);
    remove_files();
    return rmdir(folder) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
