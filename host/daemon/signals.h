/* SPDX-License-Identifier: Apache-2.0
 * A clean slate for signals: who starts a kernel (a service manager, cron, nohup, a shell script)
 * may hand down signals ignored or blocked. Called first of all by `kernel start`. */
#ifndef HOST_SIGNALS_H
#define HOST_SIGNALS_H

#include <stdbool.h>

/* Each signal to its default action, and none blocked. What stays: SIGPIPE and SIGXFSZ, which
 * main.c has made harmless, and SIGHUP, if it was ignored (nohup).
 * SIGUSR1 and SIGUSR2 are ignored until the loop takes them: a reload that comes so early finds
 * nothing new. [main, before threads] */
void signals_reset(void);

/* Is a signal ignored? A kernel in the foreground leaves SIGHUP alone, if so. */
bool signals_is_ignored(int number);

#endif
