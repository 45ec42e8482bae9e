/* SPDX-License-Identifier: Apache-2.0
 * host/daemon/signals.c: a child with every signal ignored, handled or blocked gets a clean slate.
 */
#include "test.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/signals.h"

static void on_signal(int number)
{
    (void)number;
}

static void set_all(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    for (int number = 1; number <= SIGRTMAX; number++)
        sigaction(number, &action, NULL);
}

static void (*handler_of(int number))(int)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(number, NULL, &action);
    return action.sa_handler;
}

/* Of all signals that a program can set: the first one that is not as it should be, or 0. kept:
 * what SIGPIPE and SIGXFSZ, which are not ours to reset, were and must be. */
static int find_wrong(void (*kept)(int), void (*hangup)(int))
{
    for (int number = 1; number <= SIGRTMAX; number++) {
        bool is_kept = number == SIGPIPE || number == SIGXFSZ;
        void (*wanted)(int) = is_kept ? kept : number == SIGHUP ? hangup : SIG_DFL;
        if (number > SIGSYS && number < SIGRTMIN)
            continue; /* the C library's own */
        if (number == SIGUSR1 || number == SIGUSR2)
            wanted = SIG_IGN;
        if (number == SIGKILL || number == SIGSTOP)
            wanted = SIG_DFL;
        if (handler_of(number) != wanted || signals_is_ignored(number) != (wanted == SIG_IGN))
            return number;
    }
    return 0;
}

static int is_any_blocked(void)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    return !sigisemptyset(&mask);
}

static int after_ignored(void)
{
    set_all(SIG_IGN);
    signals_reset();
    return find_wrong(SIG_IGN, SIG_IGN);
}

static int after_handled(void)
{
    set_all(on_signal);
    signals_reset();
    return find_wrong(on_signal, SIG_DFL);
}

static int after_default(void)
{
    set_all(SIG_DFL);
    signals_reset();
    return find_wrong(SIG_DFL, SIG_DFL);
}

static int after_blocked(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    if (!is_any_blocked())
        return 98;
    signals_reset();
    return is_any_blocked();
}

/* What a service manager sent meanwhile is not lost. */
static int pending_term(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    raise(SIGTERM);
    signals_reset();
    return 97;
}

static int status_of(int (*body)(void))
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(body());
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    return status;
}

static void test_dispositions(void)
{
    CU_ASSERT_EQUAL(status_of(after_ignored), 0);
    CU_ASSERT_EQUAL(status_of(after_handled), 0);
    CU_ASSERT_EQUAL(status_of(after_default), 0);
}

static void test_mask(void)
{
    CU_ASSERT_EQUAL(status_of(after_blocked), 0);
    int status = status_of(pending_term);
    CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

TEST_MAIN("daemon/signals", {"dispositions", test_dispositions}, {"mask", test_mask})
