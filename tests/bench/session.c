/* SPDX-License-Identifier: Apache-2.0
 * Connection files, headers and signatures for client.c and spawn.c. */
#include "session.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("client: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t cpu_ns(int pid)
{
    clockid_t clock;
    struct timespec used;
    if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
        die("process %d has no clock: %s", pid, strerror(errno));
    return used.tv_sec * INT64_C(1000000000) + used.tv_nsec;
}

struct span read_file(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    size_t size = 0, room = 0, n = 1;
    while (file && n > 0) {
        room = room ? 2 * room : 65536;
        text = realloc(text, room + 1);
        if (!text)
            die("out of memory");
        size += n = fread(text + size, 1, room - size, file);
        if (size < room)
            break;
    }
    if (!file || ferror(file))
        die("cannot read %s: %s", path, strerror(errno));
    fclose(file);
    text[size] = 0;
    return (struct span){text, size};
}

/* The value behind key in flat JSON, without its opening quote. */
static const char *find(const char *text, const char *key)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = strstr(text, quoted);
    if (!at)
        die("the connection file has no %s", key);
    at += strlen(quoted);
    return at + strspn(at, ": \"");
}

void session_open(struct session *session, const char *path)
{
    char digest[] = "SHA256";
    unsigned char random[16];
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_END};
    struct span file = read_file(path);
    const char *key = find(file.data, "key"), *ip = find(file.data, "ip");
    snprintf(session->ip, sizeof session->ip, "%.*s", (int)strcspn(ip, "\""), ip);
    session->shell = (int)strtol(find(file.data, "shell_port"), NULL, 10);
    session->control = (int)strtol(find(file.data, "control_port"), NULL, 10);
    session->iopub = (int)strtol(find(file.data, "iopub_port"), NULL, 10);
    EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    session->mac = EVP_MAC_CTX_new(mac);
    if (!session->mac ||
        !EVP_MAC_init(session->mac, (const unsigned char *)key, strcspn(key, "\""), params))
        die("no HMAC-SHA256");
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        die("no random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(session->id + 2 * i, 3, "%02x", random[i]);
    session->count = 0;
    free((char *)(uintptr_t)file.data);
}

static void sign(struct session *session, struct request *request)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[SIGNATURE / 2];
    size_t size;
    EVP_MAC_init(session->mac, NULL, 0, NULL);
    for (int i = 0; i < 4; i++)
        EVP_MAC_update(session->mac, (const unsigned char *)request->parts[i].data,
                       request->parts[i].size);
    EVP_MAC_final(session->mac, digest, &size, sizeof digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        request->signature[2 * i] = hex[digest[i] >> 4];
        request->signature[2 * i + 1] = hex[digest[i] & 15];
    }
}

void session_request(struct session *session, const char *msg_type, struct span content,
                     struct request *ret_request)
{
    struct request *r = ret_request;
    snprintf(r->id, sizeof r->id, "%s_%lu\"", session->id, ++session->count);
    int size = snprintf(r->header, sizeof r->header,
                        "{\"msg_id\":\"%s,\"username\":\"bench\",\"session\":\"%s\","
                        "\"date\":\"2026-01-01T00:00:00.000000Z\",\"msg_type\":\"%s\","
                        "\"version\":\"5.4\"}",
                        r->id, session->id, msg_type);
    r->parts[0] = (struct span){r->header, (size_t)size};
    r->parts[1] = r->parts[2] = (struct span){"{}", 2};
    r->parts[3] = content;
    sign(session, r);
}
