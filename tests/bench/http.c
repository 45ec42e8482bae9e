/* SPDX-License-Identifier: Apache-2.0
 * A small HTTP client for `make bench`: POSTs one body again and again over connections that stay.
 *   http PORT TOKEN PATH BODY CONNECTIONS COUNT
 * prints {"seconds": S, "bad": N, "ns": [one round trip each]}; one request a connection is on its
 * way at a time. */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define ANSWER_MAX 65536
#define PATIENCE_MS 20000

struct connection {
    char answer[ANSWER_MAX];
    size_t used;
    long long sent_ns;
};

static struct connection connections[CONNECTIONS_MAX];
static struct pollfd fds[CONNECTIONS_MAX];
static char request[ANSWER_MAX];
static size_t request_size;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void send_one(int i)
{
    connections[i].used = 0;
    connections[i].sent_ns = now_ns();
    if (write(fds[i].fd, request, request_size) != (ssize_t)request_size)
        die("write");
}

/* 1: whole and good; -1: whole and bad; 0: more comes. */
static int read_some(int i)
{
    struct connection *c = &connections[i];
    ssize_t n = read(fds[i].fd, c->answer + c->used, ANSWER_MAX - 1 - c->used);
    if (n <= 0)
        die("read");
    c->used += (size_t)n;
    c->answer[c->used] = 0;
    char *end = strstr(c->answer, "\r\n\r\n"), *length = strstr(c->answer, "Content-Length: ");
    if (!end || !length || c->used < (size_t)(end + 4 - c->answer) + strtoul(length + 16, NULL, 10))
        return 0;
    return strncmp(c->answer, "HTTP/1.1 200 ", 13) == 0 ? 1 : -1;
}

static void open_all(int count, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        fds[i] = (struct pollfd){socket(AF_INET, SOCK_STREAM, 0), POLLIN, 0};
        if (connect(fds[i].fd, (struct sockaddr *)&address, sizeof address) != 0)
            die("connect");
    }
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    int open = (int)strtol(argv[5], NULL, 10), count = (int)strtol(argv[6], NULL, 10);
    int sent = 0, bad = 0;
    request_size = (size_t)snprintf(request, sizeof request,
                                    "POST %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
                                    "%s\r\nContent-Type: application/json\r\nContent-Length: "
                                    "%zu\r\n\r\n%s",
                                    argv[3], argv[2], strlen(argv[4]), argv[4]);
    long long *times = calloc((size_t)count, sizeof *times), began = now_ns();
    open_all(open, (int)strtol(argv[1], NULL, 10));
    for (int i = 0; i < open && sent < count; i++, sent++)
        send_one(i);
    for (int done = 0; done < count;) {
        if (poll(fds, (nfds_t)open, PATIENCE_MS) <= 0)
            return 3;
        for (int i = 0; i < open; i++) {
            int got = fds[i].revents ? read_some(i) : 0;
            if (got == 0)
                continue;
            times[done++] = now_ns() - connections[i].sent_ns;
            bad += got < 0;
            if (sent < count) {
                send_one(i);
                sent++;
            }
        }
    }
    printf("{\"seconds\": %.6f, \"bad\": %d, \"ns\": [", (double)(now_ns() - began) / 1e9, bad);
    for (int i = 0; i < count; i++)
        printf("%s%lld", i ? "," : "", times[i]);
    printf("]}\n");
    return 0;
}
