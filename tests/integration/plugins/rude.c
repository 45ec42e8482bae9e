/* SPDX-License-Identifier: Apache-2.0
 * A tool that does what a tool must not do: "do" says what. For `plugin check` and `plugin test`.
 */
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <llmspell/tool.h>

int rude_extra(void);

int rude_extra(void)
{
    return 1;
}

static void *sleep_long(void *data)
{
    pause();
    return data;
}

static void disturb(const char *what)
{
    struct itimerval timer = {.it_value.tv_sec = 1000};
    sigset_t set;
    pthread_t thread;
    if (!strcmp(what, "cwd") && chdir("/") != 0)
        abort();
    if (!strcmp(what, "umask"))
        umask(0123);
    if (!strcmp(what, "locale"))
        setlocale(LC_ALL, "C.UTF-8");
    if (!strcmp(what, "handler"))
        signal(SIGUSR1, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    if (!strcmp(what, "mask"))
        pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (!strcmp(what, "environment"))
        setenv("RUDE_VARIABLE", "1", 1);
    if (!strcmp(what, "timer"))
        setitimer(ITIMER_REAL, &timer, NULL);
    if (!strcmp(what, "descriptor") && open("/dev/null", O_RDONLY) < 0)
        abort();
    if (!strcmp(what, "thread"))
        pthread_create(&thread, NULL, sleep_long, NULL);
    if (!strcmp(what, "child") && fork() == 0)
        _exit(0);
    if (!strcmp(what, "stdout"))
        puts("hello");
    if (!strcmp(what, "crash"))
        raise(SIGSEGV);
    if (!strcmp(what, "exit"))
        exit(3);
    while (!strcmp(what, "hang"))
        pause();
}

static int32_t rude(void *self, struct llmspell_call *call, const json_t *params,
                    json_t **ret_result)
{
    const char *what = llmspell_string(params, "do");
    (void)self;
    disturb(what ? what : "");
    return llmspell_return(call, ret_result, json_pack("{s:i}", "done", 1));
}

LLMSPELL_TOOL(.invoke = rude)
