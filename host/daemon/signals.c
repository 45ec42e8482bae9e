/* SPDX-License-Identifier: Apache-2.0
 * With SIGCHLD ignored, os.execute loses the status of what it ran; with SIGTERM blocked, nobody
 * can stop a daemon. */
#include "daemon/signals.h"

#include <signal.h>
#include <stddef.h>

bool signals_is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void signals_reset(void)
{
    struct sigaction normal = {.sa_handler = SIG_DFL}, ignore = {.sa_handler = SIG_IGN};
    bool nohup = signals_is_ignored(SIGHUP);
    sigset_t none;
    for (int number = 1; number <= SIGRTMAX; number++)
        if (number != SIGPIPE && number != SIGXFSZ && (number != SIGHUP || !nohup))
            sigaction(number, &normal, NULL); /* refused for SIGKILL, SIGSTOP and the C library's */
    sigaction(SIGUSR1, &ignore, NULL);
    sigaction(SIGUSR2, &ignore, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
