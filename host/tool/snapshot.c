/* SPDX-License-Identifier: Apache-2.0
 * A few cheap questions to the system about this process. */
#include "tool/snapshot.h"

#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
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

void snapshot_take(struct snapshot *snapshot, int tasks)
{
    const char *locale = setlocale(LC_ALL, NULL);
    if (!getcwd(snapshot->cwd, sizeof snapshot->cwd))
        snapshot->cwd[0] = '\0';
    snprintf(snapshot->locale, sizeof snapshot->locale, "%s", locale ? locale : "");
    snapshot->umask = umask(077);
    umask(snapshot->umask);
    sigprocmask(SIG_BLOCK, NULL, &snapshot->mask);
    for (int number = 1; number < SNAPSHOT_SIGNALS; number++) {
        struct sigaction action = {0};
        sigaction(number, NULL, &action);
        memcpy(&snapshot->handlers[number], &action.sa_handler, sizeof(void *));
    }
    snapshot->threads = count_threads(tasks);
}

static int same_mask(const sigset_t *a, const sigset_t *b)
{
    for (int number = 1; number < SNAPSHOT_SIGNALS; number++)
        if (sigismember(a, number) != sigismember(b, number))
            return 0;
    return 1;
}

const char *snapshot_compare(const struct snapshot *before, const struct snapshot *after)
{
    if (strcmp(before->cwd, after->cwd) != 0)
        return "its working directory";
    if (strcmp(before->locale, after->locale) != 0)
        return "its locale";
    if (before->umask != after->umask)
        return "its umask";
    if (!same_mask(&before->mask, &after->mask))
        return "its signal mask";
    for (int number = 1; number < SNAPSHOT_SIGNALS; number++)
        if (before->handlers[number] != after->handlers[number])
            return "what it does with a signal";
    if (after->threads > before->threads)
        return "a thread that still runs";
    return NULL;
}
