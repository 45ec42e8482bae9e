/* SPDX-License-Identifier: Apache-2.0
 * The age of a log file from its first record: it outlives restarts, copies and a set clock. */
#include "log/birth.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "log/rotator.h"
#include "util/timestamp.h"

#define RECORD_TIME 24 /* characters: "2026-11-22T17:43:13.250Z" */
#define JSON_HEAD "{\"time\":\""

/* 0 if text does not start with a time as record.c writes it. */
static int64_t parse_time(const char *text)
{
    char time[RECORD_TIME + 1] = "";
    int64_t ms;
    memcpy(time, text, strnlen(text, RECORD_TIME));
    return time[RECORD_TIME - 1] == 'Z' && timestamp_parse(time, &ms) ? ms : 0;
}

static int64_t first_record(const char *path, int fd)
{
    char text[64];
    LLMSPELL_CLEANUP_CLOSE int file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 || !rotator_is_same(path, fd))
        return 0;
    ssize_t got = pread(file, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    size_t head = strlen(JSON_HEAD);
    return parse_time(strncmp(text, JSON_HEAD, head) == 0 ? text + head : text);
}

int64_t birth_of_log(const char *path, int fd)
{
    int64_t born = first_record(path, fd);
    struct statx facts;
    if (born > 0)
        return born;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_MTIME, &facts) < 0)
        return 0;
    const struct statx_timestamp *time =
        facts.stx_mask & STATX_BTIME ? &facts.stx_btime : &facts.stx_mtime;
    return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}
