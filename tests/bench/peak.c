/* SPDX-License-Identifier: Apache-2.0
 * peak OUTPUT COMMAND…: runs the command with its output in a file, and prints its nanoseconds, its
 * peak memory in KiB (of the largest of it and its children) and its exit status. Small, since what
 * a process starts counts with what its parent had in memory at that moment. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int main(int argc, char **argv)
{
    posix_spawn_file_actions_t actions;
    struct rusage usage;
    pid_t pid;
    int status;
    if (argc < 3) {
        fprintf(stderr, "usage: peak OUTPUT COMMAND…\n");
        return 2;
    }
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, argv[1], O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
    int64_t began = now_ns();
    int error = posix_spawnp(&pid, argv[2], &actions, NULL, argv + 2, environ);
    if (error != 0) {
        fprintf(stderr, "peak: %s: %s\n", argv[2], strerror(error));
        return 1;
    }
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR)
            return 1;
    printf("%" PRId64 " %ld %d\n", now_ns() - began, usage.ru_maxrss,
           WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
