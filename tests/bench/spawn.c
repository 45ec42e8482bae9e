/* SPDX-License-Identifier: Apache-2.0
 * Whole processes: from spawn to the first kernel_info_reply, and from spawn to exit. The reply is
 * waited for on a plain TCP socket that speaks just enough ZMTP 3.0 (one greeting, one READY, one
 * message): connecting is tried every 50 microseconds, and the request is sent once. */
#include "session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_NS (20 * INT64_C(1000000000))
#define RETRY_NS 50000

extern char **environ;

static pid_t start(char **argv)
{
    pid_t pid;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    int error = posix_spawn(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        die("cannot start %s: %s", argv[0], strerror(error));
    return pid;
}

/* ---- ZMTP ---- */

static int connect_soon(const struct session *session, pid_t pid)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)session->shell)};
    inet_pton(AF_INET, session->ip, &address.sin_addr);
    for (int64_t end = now_ns() + CONNECT_NS; now_ns() < end;) {
        struct timespec pause = {0, RETRY_NS};
        int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        close(fd);
        if (waitpid(pid, NULL, WNOHANG) == pid)
            die("the kernel ended before it could be reached");
        nanosleep(&pause, NULL);
    }
    kill(pid, SIGKILL);
    die("the kernel did not come up");
}

static void write_all(int fd, const char *data, size_t size)
{
    for (ssize_t n; size > 0; data += n, size -= (size_t)n)
        if ((n = send(fd, data, size, MSG_NOSIGNAL)) <= 0)
            die("the kernel closed the connection");
}

/* Reads until `text` has come; what came before it is thrown away. */
static void read_until(int fd, const char *text, size_t size)
{
    static char buffer[65536];
    size_t used = 0;
    while (!memmem(buffer, used, text, size)) {
        struct pollfd item = {.fd = fd, .events = POLLIN};
        ssize_t n =
            poll(&item, 1, 20000) == 1 ? recv(fd, buffer + used, sizeof buffer - used, 0) : 0;
        if (n <= 0)
            die("the kernel did not answer");
        used += (size_t)n;
    }
}

static size_t put_frame(char *out, struct span frame, int more)
{
    size_t at = 0;
    int large = frame.size > 255;
    out[at++] = (char)((more ? 1 : 0) | (large ? 2 : 0));
    for (int shift = large ? 56 : 0; shift >= 0; shift -= 8)
        out[at++] = (char)(frame.size >> shift & 255);
    memcpy(out + at, frame.data, frame.size);
    return at + frame.size;
}

static void exchange(int fd, const struct request *request)
{
    static const char greeting[64] = {(char)0xFF, 0,    0, 0, 0,   0,   0,   0,
                                      0,          0x7F, 3, 0, 'N', 'U', 'L', 'L'};
    static const char ready[] = "\x04\x29\x05READY\x0BSocket-Type\0\0\0\x06"
                                "DEALER\x08Identity\0\0\0";
    char message[2048];
    struct span frames[] = {{"<IDS|MSG>", 9},  {request->signature, SIGNATURE},
                            request->parts[0], request->parts[1],
                            request->parts[2], request->parts[3]};
    size_t size = 0, count = sizeof frames / sizeof *frames;
    for (size_t i = 0; i < count; i++)
        size += put_frame(message + size, frames[i], i + 1 < count);
    write_all(fd, greeting, sizeof greeting);
    write_all(fd, ready, sizeof ready); /* with the NUL that ends the literal: the last length */
    read_until(fd, "READY", 5);
    write_all(fd, message, size);
    read_until(fd, "kernel_info_reply", 17);
}

int measure_spawn(const char *path, char **argv)
{
    struct session session;
    struct request request;
    session_open(&session, path);
    session_request(&session, "kernel_info_request", (struct span){"{}", 2}, &request);
    int64_t before = now_ns();
    pid_t pid = start(argv);
    int fd = connect_soon(&session, pid);
    int64_t connected = now_ns();
    exchange(fd, &request);
    int64_t after = now_ns(), cpu = cpu_ns(pid);
    close(fd);
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
    printf("{\"ns\":%lld,\"connected_ns\":%lld,\"cpu_ns\":%lld}\n", (long long)(after - before),
           (long long)(connected - before), (long long)cpu);
    return EXIT_SUCCESS;
}

/* ---- commands ---- */

static int64_t run_once(char **argv)
{
    int status;
    int64_t before = now_ns();
    pid_t pid = start(argv);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        die("%s failed with status %d", argv[0], WEXITSTATUS(status));
    return now_ns() - before;
}

/* argv: commands, "--" between them. Runs them in turns. */
int measure_commands(int count, char **argv)
{
    char **commands[8];
    int64_t *times[8];
    int n = 0;
    for (commands[n++] = argv; *argv; argv++) {
        if (strcmp(*argv, "--") != 0)
            continue;
        if (n == 8)
            die("more than 8 commands");
        *argv = NULL;
        commands[n++] = argv + 1;
    }
    for (int i = 0; i < n; i++)
        times[i] = calloc((size_t)count, sizeof **times);
    for (int round = 0; round < count; round++)
        for (int i = 0; i < n; i++)
            times[i][round] = run_once(commands[i]);
    for (int i = 0; i < n; i++) {
        printf(i ? ",[" : "[[");
        for (int round = 0; round < count; round++)
            printf(round ? ",%lld" : "%lld", (long long)times[i][round]);
        printf("]");
    }
    printf("]\n");
    return EXIT_SUCCESS;
}
