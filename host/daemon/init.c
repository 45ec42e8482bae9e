/* SPDX-License-Identifier: Apache-2.0
 * A small init, as tini: blocked signals and a sigwaitinfo loop, no handlers. */
#include "daemon/init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool init_is_needed(void)
{
    return getpid() == 1;
}

/* What a process causes itself cannot wait. */
static void block_signals(sigset_t *ret_blocked, sigset_t *ret_before)
{
    static const int own[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};
    sigfillset(ret_blocked);
    for (unsigned i = 0; i < sizeof own / sizeof own[0]; i++)
        sigdelset(ret_blocked, own[i]);
    sigprocmask(SIG_SETMASK, ret_blocked, ret_before);
}

/* The child's part. SIGTTOU is still blocked: a group in the background may take the terminal. */
static void become_kernel(const sigset_t *mask, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        raise(SIGTERM); /* it was gone before we asked */
    if (setpgid(0, 0) == 0)
        tcsetpgrp(STDIN_FILENO, getpgrp()); /* fails without a terminal */
    sigprocmask(SIG_SETMASK, mask, NULL);
}

/* Reaps whatever has ended. True if child was among it: *ret_status is how. */
static bool reap(pid_t child, int *ret_status)
{
    bool ended = false;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        if (pid == child) {
            *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
            ended = true;
        }
    return ended;
}

/* SIGTTIN, SIGTTOU and SIGTSTP are about a terminal that is the child's. */
static bool is_for_child(int number)
{
    return number != SIGCHLD && number != SIGTTIN && number != SIGTTOU && number != SIGTSTP;
}

static _Noreturn void watch(pid_t child, const sigset_t *signals)
{
    for (;;) {
        int status = 0, number = sigwaitinfo(signals, NULL);
        if (number == SIGCHLD && reap(child, &status))
            _exit(status);
        if (number > 0 && is_for_child(number))
            kill(child, number);
    }
}

int init_run(struct error *ret_error)
{
    struct sigaction normal = {.sa_handler = SIG_DFL};
    sigset_t blocked, before;
    pid_t self = getpid();
    fflush(NULL);
    sigaction(SIGCHLD, &normal, NULL); /* ignored, it would reap for us, and keep the status */
    block_signals(&blocked, &before);
    prctl(PR_SET_CHILD_SUBREAPER, 1); /* where process 1 is somebody else */
    pid_t child = fork();
    if (child < 0) {
        int why = errno;
        sigprocmask(SIG_SETMASK, &before, NULL);
        return error_set(ret_error, LLMSPELL_EIO, "cannot fork as process 1: %s", strerror(why));
    }
    if (child == 0) {
        become_kernel(&before, self);
        return 0;
    }
    prctl(PR_SET_NAME, "llmspell-init");
    close_range(STDERR_FILENO + 1, ~0U, 0); /* inherited sockets are the child's */
    watch(child, &blocked);
}
