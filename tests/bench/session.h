/* SPDX-License-Identifier: Apache-2.0
 * What the benchmark's clients share: the connection file, headers, signatures, time. */
#ifndef BENCH_SESSION_H
#define BENCH_SESSION_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE 64
#define ID_SIZE 48

struct span {
    const char *data;
    size_t size;
};

struct session {
    EVP_MAC_CTX *mac;
    char ip[64];
    int shell, control, iopub; /* ports */
    char id[33];
    unsigned long count; /* requests made */
};

/* One request, ready to send: what is measured begins after it is made. */
struct request {
    char id[ID_SIZE]; /* msg_id with its closing quote, to be searched for in parents */
    char header[512];
    char signature[SIGNATURE];
    struct span parts[4]; /* header, parent, metadata, content */
};

/* All of these end the program with a message if they fail. */
void session_open(struct session *session, const char *path);
void session_request(struct session *session, const char *msg_type, struct span content,
                     struct request *ret_request);
struct span read_file(const char *path);

int64_t now_ns(void);
int64_t cpu_ns(int pid); /* of all threads of a process, also those that have ended */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* spawn.c: the two measurements of processes. Both return the exit status of main. */
int measure_spawn(const char *path, char **argv);
int measure_commands(int count, char **argv);

/* signals.c: times from a signal to its trace. args: NUMBER PID FILE [TEXT]. */
int measure_signals(int count, char **args, int n);

#endif
