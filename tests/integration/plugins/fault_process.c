/* SPDX-License-Identifier: Apache-2.0
 * The faults of fault.c that concern descriptors, the runner's channel, the state of the process
 * and other processes. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fault.h"

#define CHANNEL 200 /* where the runner keeps it (CHANNEL_HIGH in runner.c) */

static json_t *errno_result(int rc)
{
    return json_pack("{s:i, s:s}", "rc", rc, "errno", rc < 0 ? strerrorname_np(errno) : "0");
}

/* ---- output, descriptors ---- */

json_t *do_print(const struct arguments *arguments)
{
    for (json_int_t i = 0; i < arguments->n; i++)
        fprintf(i % 2 ? stdout : stderr, "printed line %d of many\n", (int)i);
    fflush(stdout);
    return json_pack("{s:I}", "lines", arguments->n);
}

json_t *do_print_raw(const struct arguments *arguments)
{
    (void)arguments;
    static const char text[] = "raw \xff\xfe \x1b[31mred\n";
    return json_pack("{s:i}", "written", (int)write(1, text, sizeof text - 1));
}

json_t *do_print_for_ever(const struct arguments *arguments)
{
    (void)arguments;
    static const char text[] = "and so on and so on and so on and so on\n";
    for (;;)
        if (write(2, text, sizeof text - 1) < 0)
            _exit(7);
}

json_t *do_close(const struct arguments *arguments)
{
    for (int fd = (int)arguments->n; fd < 1024; fd++)
        close(fd);
    return json_object();
}

json_t *do_close_three(const struct arguments *arguments)
{
    (void)arguments;
    close(3);
    return json_object();
}

json_t *do_close_and_loop(const struct arguments *arguments)
{
    do_close(arguments);
    return do_loop(arguments);
}

json_t *do_take_channel(const struct arguments *arguments)
{
    (void)arguments;
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(fd, CHANNEL);
    return json_object();
}

json_t *do_open_many(const struct arguments *arguments)
{
    int rc, count = 0;
    (void)arguments;
    while ((rc = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
        count++;
    return json_pack("{s:i, s:s}", "opened", count, "errno", strerrorname_np(errno));
}

/* ---- the channel ---- */

static void put(const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t n = write(CHANNEL, at, size);
        if (n <= 0)
            _exit(9);
        at += n;
        size -= (size_t)n;
    }
}

static void put_frame(char kind, const char *text, size_t size)
{
    const uint32_t head[2] = {(uint32_t)size, (uint32_t)kind};
    put(head, sizeof head);
    put(text, size);
}

json_t *do_garbage(const struct arguments *arguments)
{
    char bytes[4096];
    memset(bytes, (int)arguments->n, sizeof bytes);
    for (;;)
        put(bytes, sizeof bytes);
}

json_t *do_bad_json(const struct arguments *arguments)
{
    const char *kind = llmspell_string(arguments->params, "text");
    put_frame(kind ? *kind : 'R', "{\"broken\": ", 11);
    return do_sleep(arguments);
}

json_t *do_frames_for_ever(const struct arguments *arguments)
{
    const char *kind = llmspell_string(arguments->params, "text");
    static const char text[] = "{\"level\": 1, \"message\": \"m\", \"done\": 1, \"total\": 2}";
    for (;;)
        put_frame(*kind, text, sizeof text - 1);
}

json_t *do_nested(const struct arguments *arguments)
{
    static const char text[] = "{\"name\": \"file_operations\", \"params\": {\"operation\": "
                               "\"write\", \"path\": \"stolen\", \"content\": \"x\"}}";
    put_frame('N', text, sizeof text - 1);
    return do_loop(arguments);
}

json_t *do_huge_frame(const struct arguments *arguments)
{
    const uint32_t head[2] = {(uint32_t)arguments->n, 'R'};
    put(head, sizeof head);
    return do_loop(arguments);
}

json_t *do_half_frame(const struct arguments *arguments)
{
    const uint32_t head[2] = {100, 'R'};
    put(head, sizeof head);
    put("{\"a\"", 4);
    _exit((int)arguments->n);
}

/* ---- the process as a whole ---- */

json_t *do_chdir(const struct arguments *arguments)
{
    (void)arguments;
    return errno_result(chdir("/usr"));
}

json_t *do_umask(const struct arguments *arguments)
{
    (void)arguments;
    umask(0);
    return json_object();
}

json_t *do_locale(const struct arguments *arguments)
{
    (void)arguments;
    return json_pack("{s:b}", "set", setlocale(LC_ALL, "C") != NULL);
}

json_t *do_handler(const struct arguments *arguments)
{
    (void)arguments;
    struct sigaction action = {.sa_handler = SIG_IGN};
    return errno_result(sigaction(SIGTERM, &action, NULL));
}

json_t *do_mask(const struct arguments *arguments)
{
    (void)arguments;
    sigset_t all;
    sigfillset(&all);
    return errno_result(sigprocmask(SIG_BLOCK, &all, NULL));
}

static void *run_on(void *data)
{
    for (;;)
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    return data;
}

json_t *do_thread(const struct arguments *arguments)
{
    pthread_t thread;
    (void)arguments;
    return json_pack("{s:i}", "rc", pthread_create(&thread, NULL, run_on, NULL));
}

/* ---- others ---- */

json_t *do_fork(const struct arguments *arguments)
{
    (void)arguments;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            pause();
    return errno_result(pid < 0 ? -1 : 0);
}

json_t *do_kill_parent(const struct arguments *arguments)
{
    (void)arguments;
    return errno_result(kill(getppid(), SIGKILL));
}

json_t *do_ptrace(const struct arguments *arguments)
{
    (void)arguments;
    return errno_result((int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

json_t *do_read(const struct arguments *arguments)
{
    const char *path = llmspell_string(arguments->params, "text");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return errno_result(fd < 0 ? -1 : 0);
}

json_t *do_connect(const struct arguments *arguments)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)arguments->n),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return errno_result(fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to, sizeof to));
}

json_t *do_exec(const struct arguments *arguments)
{
    const char *command = llmspell_string(arguments->params, "text");
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
    pid_t pid;
    int status = -1, rc = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
    if (rc == 0)
        waitpid(pid, &status, 0);
    return json_pack("{s:s, s:i}", "errno", rc ? strerrorname_np(rc) : "0", "status", status);
}
