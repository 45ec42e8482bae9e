/* SPDX-License-Identifier: Apache-2.0
 * A few cheap questions to the system about this process. */
#include "tool/snapshot.h"

#include <fcntl.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int snapshot_open(void)
{
    return open("/proc/self/task", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A folder's links are its folders, "." and "..". */
static unsigned long count_threads(int tasks)
{
    struct stat facts;
    return fstat(tasks, &facts) == 0 ? (unsigned long)facts.st_nlink : 0;
}

static mode_t umask_now(void)
{
    mode_t mode = umask(077);
    umask(mode);
    return mode;
}

static void *handler_now(int number)
{
    struct sigaction action = {0};
    void *handler;
    sigaction(number, NULL, &action);
    memcpy(&handler, &action.sa_handler, sizeof handler);
    return handler;
}

void snapshot_take(struct snapshot *snapshot, int tasks)
{
    const char *locale = setlocale(LC_ALL, NULL);
    if (!getcwd(snapshot->cwd, sizeof snapshot->cwd))
        snapshot->cwd[0] = '\0';
    snprintf(snapshot->locale, sizeof snapshot->locale, "%s", locale ? locale : "");
    snapshot->umask = umask_now();
    sigprocmask(SIG_BLOCK, NULL, &snapshot->mask);
    for (int number = 1; number < SNAPSHOT_SIGNALS; number++)
        snapshot->handlers[number] = handler_now(number);
    snapshot->threads = count_threads(tasks);
    snapshot->turn = 0;
}

int snapshot_has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static int same_mask(const sigset_t *a, const sigset_t *b)
{
    for (int number = 1; number < SNAPSHOT_SIGNALS; number++)
        if (sigismember(a, number) != sigismember(b, number))
            return 0;
    return 1;
}

/* One system call a signal: all of them at each call would cost more than all else here. */
static bool same_handlers(struct snapshot *known)
{
    static const int usual = 1 << SIGINT | 1 << SIGTERM | 1 << SIGPIPE | 1 << SIGCHLD |
                             1 << SIGALRM | 1 << SIGSEGV | 1 << SIGABRT;
    known->turn = (known->turn + 1) % SNAPSHOT_TURNS;
    for (int number = 1; number < SNAPSHOT_SIGNALS; number++) {
        bool due = (usual >> number & 1) || number % SNAPSHOT_TURNS == known->turn;
        if (due && handler_now(number) != known->handlers[number])
            return false;
    }
    return true;
}

const char *snapshot_check(struct snapshot *known, int tasks)
{
    char cwd[sizeof known->cwd];
    sigset_t mask;
    const char *locale = setlocale(LC_ALL, NULL);
    unsigned long threads = count_threads(tasks);
    if (strcmp(getcwd(cwd, sizeof cwd) ? cwd : "", known->cwd) != 0)
        return "changed its working directory";
    if (strncmp(locale ? locale : "", known->locale, sizeof known->locale - 1) != 0)
        return "changed its locale";
    if (umask_now() != known->umask)
        return "changed its umask";
    sigprocmask(SIG_BLOCK, NULL, &mask);
    if (!same_mask(&mask, &known->mask))
        return "changed its signal mask";
    if (!same_handlers(known))
        return "changed what it does with a signal";
    if (threads > known->threads)
        return "left a thread that still runs";
    known->threads = threads;
    return NULL;
}
