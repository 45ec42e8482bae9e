/* SPDX-License-Identifier: Apache-2.0
 * The floor of the benchmarks: a kernel that does only what the wire demands. ROUTER shell and
 * control, PUB iopub, REP heartbeat, HMAC verify and sign, a raw scan of the JSON; one thread, no
 * checks beyond the signature. It answers kernel_info_request, execute_request and shutdown_request
 * with busy, execute_input, reply, idle. The code "print N" prints N numbered lines in as few
 * stream messages as fit 64 KiB each, "result N" has a result of N bytes. What a real kernel costs
 * is measured against it, in turns. floor -f CONNECTION_FILE */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define FRAMES_MAX 16
#define SIGNATURE 64
#define STREAM_SIZE 65536
#define LITERAL(text) ((struct part){(text), sizeof(text) - 1})

struct part {
    const char *data;
    size_t size;
};

struct floor {
    void *context, *shell, *control, *in, *iopub, *heartbeat;
    EVP_MAC_CTX *mac;
    char session[33];
    unsigned long count; /* messages sent */
    long executions;
    int stop;
};

/* One request: the frames of shell or control, delimiter at `at`. */
struct request {
    void *socket;
    zmq_msg_t frames[FRAMES_MAX];
    size_t count, at;
    struct part header, content;
};

/* ---- the connection file: flat JSON, scanned ---- */

static const char *find_value(struct part text, const char *key)
{
    char quoted[64];
    int size = snprintf(quoted, sizeof quoted, "\"%s\"", key);
    const char *at = memmem(text.data, text.size, quoted, (size_t)size);
    const char *end = text.data + text.size;
    if (!at)
        return NULL;
    for (at += size; at < end && (*at == ':' || *at == ' ' || *at == '\n'); at++)
        ;
    return at < end ? at : NULL;
}

/* The string behind key, escapes left as they are. */
static struct part find_string(struct part text, const char *key)
{
    const char *at = find_value(text, key);
    if (!at || *at != '"')
        return (struct part){"", 0};
    const char *end = ++at;
    for (;;) { /* from quote to quote; one behind an odd number of backslashes does not end it */
        size_t slashes = 0;
        end = memchr(end, '"', (size_t)(text.data + text.size - end));
        if (!end)
            return (struct part){"", 0};
        while (end - slashes > at && end[-1 - (long)slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            return (struct part){at, (size_t)(end - at)};
        end++;
    }
}

static void bind_port(struct floor *f, void **socket, int type, struct part file, const char *key)
{
    char address[256];
    struct part transport = find_string(file, "transport"), ip = find_string(file, "ip");
    const char *port = find_value(file, key);
    int unlimited = 0;
    *socket = zmq_socket(f->context, type);
    zmq_setsockopt(*socket, ZMQ_SNDHWM, &unlimited, sizeof unlimited);
    snprintf(address, sizeof address, "%.*s://%.*s%c%ld", (int)transport.size, transport.data,
             (int)ip.size, ip.data, transport.size && transport.data[0] == 'i' ? '-' : ':',
             port ? strtol(port, NULL, 10) : 0);
    if (zmq_bind(*socket, address) < 0) {
        fprintf(stderr, "floor: cannot bind %s: %s\n", address, zmq_strerror(errno));
        exit(EXIT_FAILURE);
    }
}

/* ---- signatures ---- */

static void prepare_mac(struct floor *f, struct part key)
{
    char digest[] = "SHA256";
    OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                           OSSL_PARAM_END};
    EVP_MAC *mac = EVP_MAC_fetch(OSSL_LIB_CTX_new(), "HMAC", NULL);
    f->mac = EVP_MAC_CTX_new(mac);
    if (!f->mac || !EVP_MAC_init(f->mac, (const unsigned char *)key.data, key.size, params)) {
        fprintf(stderr, "floor: no HMAC-SHA256\n");
        exit(EXIT_FAILURE);
    }
}

static void sign(struct floor *f, const struct part parts[4], char signature[SIGNATURE])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[SIGNATURE / 2];
    size_t size;
    EVP_MAC_init(f->mac, NULL, 0, NULL);
    for (int i = 0; i < 4; i++)
        EVP_MAC_update(f->mac, (const unsigned char *)parts[i].data, parts[i].size);
    EVP_MAC_final(f->mac, digest, &size, sizeof digest);
    for (size_t i = 0; i < sizeof digest; i++) {
        signature[2 * i] = hex[digest[i] >> 4];
        signature[2 * i + 1] = hex[digest[i] & 15];
    }
}

/* ---- messages ---- */

static struct part frame(struct request *r, size_t i)
{
    return (struct part){zmq_msg_data(&r->frames[i]), zmq_msg_size(&r->frames[i])};
}

static void free_owned(void *data, void *hint)
{
    (void)hint;
    free(data);
}

/* owned: the malloc'ed buffer of content, given away; or NULL, then content is copied. */
static void send_owned(struct floor *f, void *socket, struct request *r, const char *type,
                       struct part content, void *owned)
{
    char header[512], date[32], signature[SIGNATURE];
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    strftime(date, sizeof date, "%FT%T", gmtime_r(&now.tv_sec, &utc));
    int size = snprintf(header, sizeof header,
                        "{\"msg_id\":\"%s_%lu\",\"username\":\"floor\",\"session\":\"%s\","
                        "\"date\":\"%s.%06ldZ\",\"msg_type\":\"%s\",\"version\":\"5.4\"}",
                        f->session, ++f->count, f->session, date, now.tv_nsec / 1000, type);
    struct part parts[4] = {{header, (size_t)size}, r->header, LITERAL("{}"), content};
    sign(f, parts, signature);
    if (socket == f->iopub)
        zmq_send(socket, type, strlen(type), ZMQ_SNDMORE);
    else
        for (size_t i = 0; i < r->at; i++)
            zmq_send(socket, frame(r, i).data, frame(r, i).size, ZMQ_SNDMORE);
    zmq_send(socket, "<IDS|MSG>", 9, ZMQ_SNDMORE);
    zmq_send(socket, signature, sizeof signature, ZMQ_SNDMORE);
    for (int i = 0; i < 3; i++)
        zmq_send(socket, parts[i].data, parts[i].size, ZMQ_SNDMORE);
    if (!owned) {
        zmq_send(socket, content.data, content.size, 0);
        return;
    }
    zmq_msg_t last; /* handed over, not copied */
    zmq_msg_init_data(&last, owned, content.size, free_owned, NULL);
    zmq_msg_send(&last, socket, 0);
}

static void send_message(struct floor *f, void *socket, struct request *r, const char *type,
                         struct part content)
{
    send_owned(f, socket, r, type, content, NULL);
}

/* Lines as `print(i, filler)` of Lua writes them: a number, a tab, 43 letters. */
static void print_lines(struct floor *f, struct request *r, long count)
{
    static const char start[] = "{\"name\":\"stdout\",\"text\":\"";
    static const char filler[] = "\\txxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\\n";
    size_t size = 0;
    char *text = NULL;
    for (long i = 1; i <= count; i++) {
        if (!text) {
            text = malloc(STREAM_SIZE);
            memcpy(text, start, size = sizeof start - 1);
        }
        size += (size_t)snprintf(text + size, 24, "%ld", i);
        memcpy(text + size, filler, sizeof filler - 1);
        size += sizeof filler - 1;
        if (i < count && size + 96 < STREAM_SIZE)
            continue;
        memcpy(text + size, "\"}", 2);
        send_owned(f, f->iopub, r, "stream", (struct part){text, size + 2}, text);
        text = NULL;
    }
}

static void send_result(struct floor *f, struct request *r, size_t count)
{
    static const char start[] =
        "{\"execution_count\":1,\"metadata\":{},\"data\":{\"text/plain\":\"";
    char *text = malloc(count + sizeof start + 3);
    memcpy(text, start, sizeof start - 1);
    memset(text + sizeof start - 1, 'x', count);
    memcpy(text + sizeof start - 1 + count, "\"}}", 3);
    send_owned(f, f->iopub, r, "execute_result", (struct part){text, count + sizeof start + 2},
               text);
}

static int starts(struct part text, const char *word)
{
    size_t size = strlen(word);
    return text.size > size && memcmp(text.data, word, size) == 0;
}

static void execute(struct floor *f, struct request *r)
{
    char count[64], reply[128];
    struct part code = find_string(r->content, "code");
    int tail = snprintf(count, sizeof count, "\",\"execution_count\":%ld}", ++f->executions);
    size_t size = 9 + code.size + (size_t)tail;
    char *input = malloc(size);
    memcpy(input, "{\"code\":\"", 9);
    memcpy(input + 9, code.data, code.size);
    memcpy(input + 9 + code.size, count, (size_t)tail);
    send_owned(f, f->iopub, r, "execute_input", (struct part){input, size}, input);
    if (starts(code, "print "))
        print_lines(f, r, strtol(code.data + 6, NULL, 10));
    else if (starts(code, "result "))
        send_result(f, r, strtoul(code.data + 7, NULL, 10));
    int length = snprintf(reply, sizeof reply,
                          "{\"status\":\"ok\",\"execution_count\":%ld,\"user_expressions\":{},"
                          "\"payload\":[]}",
                          f->executions);
    send_message(f, r->socket, r, "execute_reply", (struct part){reply, (size_t)length});
}

static const char kernel_info[] =
    "{\"status\":\"ok\",\"protocol_version\":\"5.4\",\"implementation\":\"floor\","
    "\"implementation_version\":\"1\",\"language_info\":{\"name\":\"none\",\"version\":\"1\","
    "\"mimetype\":\"text/plain\",\"file_extension\":\".txt\"},\"banner\":\"floor\","
    "\"help_links\":[]}";

static void answer(struct floor *f, struct request *r)
{
    struct part type = find_string(r->header, "msg_type");
    send_message(f, f->iopub, r, "status", LITERAL("{\"execution_state\":\"busy\"}"));
    if (type.size == 15 && memcmp(type.data, "execute_request", 15) == 0) {
        execute(f, r);
    } else if (type.size == 19 && memcmp(type.data, "kernel_info_request", 19) == 0) {
        send_message(f, r->socket, r, "kernel_info_reply", LITERAL(kernel_info));
    } else if (type.size == 16 && memcmp(type.data, "shutdown_request", 16) == 0) {
        send_message(f, r->socket, r, "shutdown_reply",
                     LITERAL("{\"status\":\"ok\",\"restart\":false}"));
        f->stop = 1;
    }
    send_message(f, f->iopub, r, "status", LITERAL("{\"execution_state\":\"idle\"}"));
}

/* The signature, before anything is read out of the message. */
static int check(struct floor *f, struct request *r)
{
    char right[SIGNATURE];
    struct part parts[4];
    while (r->at < r->count &&
           (frame(r, r->at).size != 9 || memcmp(frame(r, r->at).data, "<IDS|MSG>", 9) != 0))
        r->at++;
    if (r->count < r->at + 6)
        return 0;
    for (size_t i = 0; i < 4; i++)
        parts[i] = frame(r, r->at + 2 + i);
    sign(f, parts, right);
    r->header = parts[0];
    r->content = parts[3];
    struct part given = frame(r, r->at + 1);
    return given.size == SIGNATURE && CRYPTO_memcmp(given.data, right, SIGNATURE) == 0;
}

/* Takes and answers one message; 0 if there was none. */
static int serve(struct floor *f, void *socket)
{
    struct request r = {.socket = socket};
    int more = 1;
    while (more) {
        zmq_msg_t spare, *message = r.count < FRAMES_MAX ? &r.frames[r.count] : &spare;
        zmq_msg_init(message);
        if (zmq_msg_recv(message, socket, ZMQ_DONTWAIT) < 0)
            return 0;
        more = zmq_msg_more(message);
        if (message == &spare)
            zmq_msg_close(message);
        else
            r.count++;
    }
    if (check(f, &r))
        answer(f, &r);
    for (size_t i = 0; i < r.count; i++)
        zmq_msg_close(&r.frames[i]);
    return 1;
}

static void echo(void *socket)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    while (zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) >= 0) {
        int more = zmq_msg_more(&message);
        zmq_msg_send(&message, socket, more ? ZMQ_SNDMORE : 0);
        zmq_msg_init(&message);
    }
    zmq_msg_close(&message);
}

static void run(struct floor *f)
{
    zmq_pollitem_t items[] = {{f->shell, 0, ZMQ_POLLIN, 0},
                              {f->control, 0, ZMQ_POLLIN, 0},
                              {f->heartbeat, 0, ZMQ_POLLIN, 0}};
    while (!f->stop) {
        zmq_poll(items, 3, -1);
        while (!f->stop && (serve(f, f->shell) || serve(f, f->control)))
            ;
        if (items[2].revents)
            echo(f->heartbeat);
    }
}

static struct part read_file(const char *path)
{
    static char text[8192];
    FILE *file = fopen(path, "r");
    size_t size = file ? fread(text, 1, sizeof text, file) : 0;
    if (!size) {
        fprintf(stderr, "floor: cannot read %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    fclose(file);
    return (struct part){text, size};
}

int main(int argc, char **argv)
{
    struct floor f = {0};
    unsigned char random[16];
    if (argc != 3 || strcmp(argv[1], "-f") != 0) {
        fprintf(stderr, "usage: floor -f CONNECTION_FILE\n");
        return 2;
    }
    struct part file = read_file(argv[2]);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return EXIT_FAILURE;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(f.session + 2 * i, 3, "%02x", random[i]);
    prepare_mac(&f, find_string(file, "key"));
    f.context = zmq_ctx_new();
    bind_port(&f, &f.shell, ZMQ_ROUTER, file, "shell_port");
    bind_port(&f, &f.control, ZMQ_ROUTER, file, "control_port");
    bind_port(&f, &f.in, ZMQ_ROUTER, file, "stdin_port");
    bind_port(&f, &f.iopub, ZMQ_PUB, file, "iopub_port");
    bind_port(&f, &f.heartbeat, ZMQ_REP, file, "hb_port");
    run(&f);
    void *sockets[] = {f.shell, f.control, f.in, f.iopub, f.heartbeat};
    for (size_t i = 0; i < sizeof sockets / sizeof *sockets; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(f.context);
    EVP_MAC_CTX_free(f.mac);
    return EXIT_SUCCESS;
}
