/* SPDX-License-Identifier: Apache-2.0
 * The end by a signal: only calls that a signal handler may make. */
#include "cli/interrupted.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define SHOW "\033[?1049h\033[?25l"
#define HIDE "\033[?25h\033[?1049l"

static void on_signal(int number)
{
    _exit(128 + number);
}

static void on_signal_screen(int number)
{
    ssize_t written = write(STDOUT_FILENO, HIDE, sizeof HIDE - 1);
    (void)written; /* the process ends, whatever became of it */
    _exit(128 + number);
}

/* What our parent has us ignore (nohup, a job in the background) stays ignored. */
static void handle(void (*handler)(int))
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = handler}, before;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

void interrupted_ends(void)
{
    handle(on_signal);
}

void interrupted_ends_screen(void)
{
    handle(on_signal_screen);
}

void interrupted_show_screen(void)
{
    fputs(SHOW, stdout);
    fflush(stdout);
}

void interrupted_hide_screen(void)
{
    fputs(HIDE, stdout);
    fflush(stdout);
}
