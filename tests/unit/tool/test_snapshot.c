/* SPDX-License-Identifier: Apache-2.0
 * host/tool/snapshot.c: each thing that a call may change is seen, and nothing else. */
#include "tool/snapshot.h"

#include <locale.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static int tasks;
static struct snapshot before;

static void begin(void)
{
    snapshot_take(&before, tasks);
}

/* What has changed since begin; NULL: nothing. */
static const char *changed(void)
{
    return snapshot_check(&before, tasks);
}

static void test_nothing(void)
{
    begin();
    CU_ASSERT_PTR_NULL(changed());
    CU_ASSERT(before.threads >= 3);
}

static void test_folder(void)
{
    begin();
    CU_ASSERT_EQUAL(chdir("/"), 0);
    CU_ASSERT_STRING_EQUAL(changed(), "changed its working directory");
    CU_ASSERT_EQUAL(chdir(before.cwd), 0);
    CU_ASSERT_PTR_NULL(changed());
}

static void test_locale(void)
{
    setlocale(LC_ALL, "C");
    begin();
    CU_ASSERT_PTR_NOT_NULL(setlocale(LC_NUMERIC, "C.UTF-8"));
    CU_ASSERT_STRING_EQUAL(changed(), "changed its locale");
    setlocale(LC_ALL, "C");
    CU_ASSERT_PTR_NULL(changed());
}

static void test_umask(void)
{
    mode_t old = umask(022);
    begin();
    umask(027);
    CU_ASSERT_STRING_EQUAL(changed(), "changed its umask");
    umask(022);
    CU_ASSERT_PTR_NULL(changed());
    umask(old);
}

static void test_signals(void)
{
    sigset_t one, old;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, action;
    begin();
    sigemptyset(&one);
    sigaddset(&one, SIGUSR2);
    sigprocmask(SIG_BLOCK, &one, &old);
    CU_ASSERT_STRING_EQUAL(changed(), "changed its signal mask");
    sigprocmask(SIG_SETMASK, &old, NULL);
    CU_ASSERT_PTR_NULL(changed());
    sigaction(SIGPIPE, &ignore, &action);
    CU_ASSERT_STRING_EQUAL(changed(), "changed what it does with a signal");
    sigaction(SIGPIPE, &action, NULL);
    CU_ASSERT_PTR_NULL(changed());
    sigaction(SIGXFSZ, &ignore, &action); /* looked at in its turn */
    const char *what = NULL;
    for (int i = 0; i < SNAPSHOT_TURNS && !what; i++)
        what = changed();
    CU_ASSERT_PTR_NOT_NULL_FATAL(what);
    CU_ASSERT_STRING_EQUAL(what, "changed what it does with a signal");
    sigaction(SIGXFSZ, &action, NULL);
}

static void *wait_for(void *semaphore)
{
    sem_wait(semaphore);
    return NULL;
}

static void test_thread(void)
{
    pthread_t thread;
    sem_t end;
    sem_init(&end, 0, 0);
    begin();
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, wait_for, &end), 0);
    CU_ASSERT_STRING_EQUAL(changed(), "left a thread that still runs");
    sem_post(&end);
    pthread_join(thread, NULL);
    sem_destroy(&end);
}

static void test_children(void)
{
    int ends[2];
    char byte;
    CU_ASSERT_FALSE(snapshot_has_children());
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1); /* until we close it */
    }
    CU_ASSERT(snapshot_has_children());
    close(ends[1]);
    close(ends[0]);
    CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
    CU_ASSERT_FALSE(snapshot_has_children());
}

static void test_open(void)
{
    tasks = snapshot_open();
    CU_ASSERT_FATAL(tasks >= 0);
}

TEST_MAIN("snapshot", {"open", test_open}, {"nothing", test_nothing}, {"folder", test_folder},
          {"locale", test_locale}, {"umask", test_umask}, {"signals", test_signals},
          {"thread", test_thread}, {"children", test_children})
