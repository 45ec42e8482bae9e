/* SPDX-License-Identifier: Apache-2.0
 * Soft and hard limits are the same, and never above the hard limit that was there. */
#include "sandbox/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <llmspell/tool.h>

#define MEMORY_BYTES (1LL << 30)
#define OPEN_FILES 256
#define PROCESSES 64

static int limit(__rlimit_resource_t resource, rlim_t soft, rlim_t hard)
{
    struct rlimit old;
    if (getrlimit(resource, &old) != 0)
        return -errno;
    hard = hard < old.rlim_max ? hard : old.rlim_max;
    struct rlimit new = {soft < hard ? soft : hard, hard};
    return setrlimit(resource, &new) == 0 ? 0 : -errno;
}

/* A number of a line of /proc, after the character before (0: the first). */
static long long read_number(const char *file, char before)
{
    char text[128];
    LLMSPELL_CLEANUP_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (n <= 0)
        return -1;
    text[n] = '\0';
    const char *at = before ? strchr(text, before) : text - 1;
    return at ? strtoll(at + 1, NULL, 10) : -1;
}

/* The address space in use, since libraries and thread stacks count too. */
static int limit_memory(int64_t bytes)
{
    long long pages = read_number("/proc/self/statm", 0);
    if (pages < 0)
        return -EIO;
    rlim_t all =
        (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)(bytes > 0 ? bytes : MEMORY_BYTES);
    return limit(RLIMIT_AS, all, all);
}

/* SIGXCPU first, SIGKILL a second later. */
static int limit_cpu(int64_t ms)
{
    rlim_t seconds = (rlim_t)((ms + 999) / 1000);
    return ms > 0 ? limit(RLIMIT_CPU, seconds, seconds + 1) : 0;
}

static int limit_file(int64_t bytes)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL); /* an error instead of a signal */
    return bytes > 0 ? limit(RLIMIT_FSIZE, (rlim_t)bytes, (rlim_t)bytes) : 0;
}

/* The kernel counts the user's threads, of all programs. All of the machine's is at least that:
 * "0.00 0.01 0.05 1/137 4711". */
static int limit_processes(const struct sandbox_rules *rules)
{
    if (!rules->exec_files || !*rules->exec_files)
        return 0; /* the filter refuses fork */
    long long running = read_number("/proc/loadavg", '/');
    rlim_t all = (rlim_t)(running < 0 ? 0 : running) +
                 (rlim_t)(rules->processes > 0 ? rules->processes : PROCESSES);
    return running < 0 ? -EIO : limit(RLIMIT_NPROC, all, all);
}

int limits_apply(const struct sandbox_rules *rules)
{
    rlim_t files = (rlim_t)(rules->open_files > 0 ? rules->open_files : OPEN_FILES);
    int results[] = {limit(RLIMIT_CORE, 0, 0),           limit_memory(rules->memory_bytes),
                     limit_cpu(rules->cpu_ms),           limit_file(rules->file_bytes),
                     limit(RLIMIT_NOFILE, files, files), limit_processes(rules),
                     limit(RLIMIT_MSGQUEUE, 0, 0)};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++)
        if (results[i] != 0)
            return results[i];
    return 0;
}
