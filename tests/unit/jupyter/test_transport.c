/* SPDX-License-Identifier: Apache-2.0
 * The jupyter plugin's serving half, from outside: raw ZeroMQ peers, good ones and hostile ones. */
#include "test.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fake_kernel.h"
#include "wire.h"

#define PATIENCE_MS 10000

static void *self;
static json_t *connection;

/* A peer of its own context, without any of the plugin's client code. */
struct peer {
    void *context, *shell, *control, *in, *iopub, *heartbeat;
    struct signer *signer;
    struct wire_session session;
    struct wire_frames frames;
};

static void *peer_socket(struct peer *peer, int type, const char *port)
{
    char address[200];
    int zero = 0, patience = PATIENCE_MS;
    void *socket = zmq_socket(peer->context, type);
    const char *transport = llmspell_string(connection, "transport");
    snprintf(address, sizeof address, "%s://%s%c%d", transport, llmspell_string(connection, "ip"),
             strcmp(transport, "ipc") == 0 ? '-' : ':', (int)llmspell_integer(connection, port, 0));
    zmq_setsockopt(socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &patience, sizeof patience);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    if (type == ZMQ_DEALER)
        zmq_setsockopt(socket, ZMQ_ROUTING_ID, peer->session.id, strlen(peer->session.id));
    CU_ASSERT_FATAL(zmq_connect(socket, address) == 0);
    return socket;
}

static struct peer *peer_new(void)
{
    struct peer *peer = calloc(1, sizeof *peer);
    const char *key = llmspell_string(connection, "key");
    CU_ASSERT_FATAL(wire_session_init(&peer->session) == 0);
    CU_ASSERT_FATAL(signer_new((struct span){key, strlen(key)}, &peer->signer) == 0);
    peer->context = zmq_ctx_new();
    peer->shell = peer_socket(peer, ZMQ_DEALER, "shell_port");
    peer->control = peer_socket(peer, ZMQ_DEALER, "control_port");
    peer->in = peer_socket(peer, ZMQ_DEALER, "stdin_port");
    peer->iopub = peer_socket(peer, ZMQ_SUB, "iopub_port");
    peer->heartbeat = peer_socket(peer, ZMQ_REQ, "hb_port");
    return peer;
}

static void peer_free(struct peer *peer)
{
    void *sockets[] = {peer->shell, peer->control, peer->in, peer->iopub, peer->heartbeat};
    wire_clear(&peer->frames);
    for (size_t i = 0; i < 5; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(peer->context);
    signer_free(peer->signer);
    free(peer);
}

/* Waits for one message and decodes it; topic frames are skipped. */
static void peer_receive(struct peer *peer, void *socket, struct wire_message *ret_message)
{
    const char *why = "none came";
    size_t skip = socket == peer->iopub;
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};
    CU_ASSERT_FATAL(zmq_poll(&item, 1, PATIENCE_MS) == 1);
    CU_ASSERT_FATAL(wire_receive(socket, &peer->frames) == 0);
    int result = wire_decode(peer->signer, NULL, peer->frames.spans + skip,
                             peer->frames.count - skip, ret_message, &why);
    if (result < 0)
        printf("%s\n", why);
    CU_ASSERT_FATAL(result == 0);
}

static void peer_send(struct peer *peer, void *socket, const char *type, const char *content,
                      char id[WIRE_NAME_MAX])
{
    struct wire_outgoing message;
    LLMSPELL_CLEANUP_JSON json_t *value = json_loads(content, 0, NULL);
    CU_ASSERT_FATAL(value && wire_encode(&peer->session, peer->signer, type, (struct span){"", 0},
                                         value, &message) == 0);
    wire_message_id(&message, id);
    CU_ASSERT_FATAL(wire_send(socket, NULL, 0, &message) == 0);
}

/* A request whose reply comes and belongs to it. */
static void peer_ask(struct peer *peer, void *socket, const char *type, const char *reply_type)
{
    char id[WIRE_NAME_MAX];
    struct wire_message reply;
    peer_send(peer, socket, type, "{\"code\":\"x\"}", id);
    peer_receive(peer, socket, &reply);
    CU_ASSERT_STRING_EQUAL(reply.msg_type, reply_type);
    CU_ASSERT_STRING_EQUAL(reply.parent_id, id);
}

static int serve(const char *config_text, const char *wanted_text)
{
    LLMSPELL_CLEANUP_JSON json_t *config = json_loads(config_text, 0, NULL);
    LLMSPELL_CLEANUP_JSON json_t *wanted = json_loads(wanted_text, 0, NULL);
    fake_open(config, &self);
    connection = NULL;
    int result = fake.plugin->serve(self, &fake.call, wanted, &connection);
    if (result < 0) {
        fake.plugin->close(self);
        self = NULL;
    }
    return result;
}

static void setup(void)
{
    fake_start();
    CU_ASSERT_FATAL(serve("{}", "{}") == 0);
}

static void teardown(void)
{
    fake.plugin->stop(self);
    fake.plugin->stop(self); /* harmless */
    fake.plugin->close(self);
    json_decref(connection);
    fake_end();
}

static int port_of(const char *name)
{
    return (int)llmspell_integer(connection, name, 0);
}

/* ---- serving ---- */

static void test_connection(void)
{
    static const char *const ports[] = {"shell_port", "iopub_port", "stdin_port", "control_port",
                                        "hb_port"};
    setup();
    CU_ASSERT_STRING_EQUAL(llmspell_string(connection, "transport"), "tcp");
    CU_ASSERT_STRING_EQUAL(llmspell_string(connection, "ip"), "127.0.0.1");
    CU_ASSERT_STRING_EQUAL(llmspell_string(connection, "signature_scheme"), "hmac-sha256");
    CU_ASSERT(strlen(llmspell_string(connection, "key")) == 64);
    CU_ASSERT(json_object_size(connection) == 9);
    for (int i = 0; i < 5; i++) {
        CU_ASSERT(port_of(ports[i]) > 0);
        for (int j = 0; j < i; j++)
            CU_ASSERT(port_of(ports[i]) != port_of(ports[j]));
    }
    json_t *again = NULL;
    CU_ASSERT(fake.plugin->serve(self, &fake.call, connection, &again) == LLMSPELL_EBUSY);
    CU_ASSERT_PTR_NULL(again);
    teardown();
}

static void test_channels(void)
{
    setup();
    struct peer *peer = peer_new();
    peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
    peer_ask(peer, peer->control, "kernel_info_request", "kernel_info_reply");
    peer_ask(peer, peer->shell, "execute_request", "execute_reply");
    peer_ask(peer, peer->shell, "connect_request", "connect_reply");
    peer_ask(peer, peer->shell, "no_such_request", "no_such_reply");
    peer_free(peer);
    teardown();
}

/* What a client asks for is what it gets: the same ports and the same key, twice over. */
static void test_wanted(void)
{
    setup();
    json_t *wanted = connection;
    char *text = json_dumps(wanted, 0);
    fake.plugin->close(self); /* stops, too */
    for (int i = 0; i < 2; i++) {
        CU_ASSERT_FATAL(serve("{}", text) == 0);
        CU_ASSERT(json_equal(connection, wanted));
        struct peer *peer = peer_new();
        peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
        peer_free(peer);
        if (i == 0) {
            fake.plugin->close(self);
            json_decref(connection);
        }
    }
    free(text);
    json_decref(wanted);
    teardown();
}

static void test_refusals(void)
{
    char text[64], digits[16];
    setup();
    void *served = self;
    json_t *served_connection = connection;
    snprintf(digits, sizeof digits, "%d", port_of("iopub_port"));
    snprintf(text, sizeof text, "{\"hb_port\":%s}", digits);
    CU_ASSERT(serve("{}", text) == LLMSPELL_EBUSY);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, digits));
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, "hb_port"));
    CU_ASSERT(serve("{}", "{\"shell_port\":70000}") == LLMSPELL_EINVAL);
    CU_ASSERT(serve("{}", "{\"shell_port\":\"5\"}") == LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, "/shell_port"));
    CU_ASSERT(serve("{}", "{\"transport\":\"udp\"}") == LLMSPELL_EINVAL);
    CU_ASSERT(serve("{}", "{\"ip\":\"256.1.1.1\"}") == LLMSPELL_EINVAL);
    CU_ASSERT(serve("{}", "{\"ip\":\"\"}") == LLMSPELL_EINVAL);
    CU_ASSERT(serve("{}", "{\"key\":\"\"}") == LLMSPELL_EPERM);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, "allow_unsigned"));
    CU_ASSERT(serve("{\"allow_unsigned\":true}", "{\"key\":\"\",\"ip\":\"0.0.0.0\"}") ==
              LLMSPELL_EPERM);
    CU_ASSERT_PTR_NOT_NULL(strstr(fake.error, "on this machine only"));
    CU_ASSERT(serve("{}", "{\"key\":7}") == LLMSPELL_EINVAL);
    CU_ASSERT(serve("{}", "{\"signature_scheme\":\"hmac-md5\"}") == LLMSPELL_EUNAVAILABLE);
    CU_ASSERT(serve("{}", "{\"curve_publickey\":\"abc\"}") == LLMSPELL_EINVAL);
    self = served;
    connection = served_connection;
    teardown();
}

static void test_unsigned(void)
{
    fake_start();
    CU_ASSERT_FATAL(serve("{\"allow_unsigned\":true}", "{\"key\":\"\"}") == 0);
    struct peer *peer = peer_new();
    peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
    peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
    peer_free(peer);
    teardown();
}

static void test_ipc(void)
{
    char folder[256];
    struct stat status;
    fake_start();
    CU_ASSERT_FATAL(serve("{\"transport\":\"ipc\",\"ip\":\"127.0.0.1\"}", "{}") == 0);
    struct peer *peer = peer_new();
    peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
    peer_free(peer);
    snprintf(folder, sizeof folder, "%s", llmspell_string(connection, "ip"));
    *strrchr(folder, '/') = 0;
    CU_ASSERT(stat(folder, &status) == 0 && (status.st_mode & 0777) == 0700);
    teardown();
    CU_ASSERT(stat(folder, &status) < 0); /* nothing is left behind */
}

static unsigned entries(const char *folder)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    while (dir && readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void test_no_leaks(void)
{
    setup(); /* whatever the libraries keep for ever is there after the first round */
    teardown();
    unsigned fds = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    for (int i = 0; i < 3; i++) {
        setup();
        struct peer *peer = peer_new();
        peer_ask(peer, peer->shell, "execute_request", "execute_reply");
        peer_free(peer);
        teardown();
    }
    CU_ASSERT(entries("/proc/self/fd") == fds);
    CU_ASSERT(entries("/proc/self/task") == threads);
}

/* ---- iopub, heartbeat, stdin ---- */

static void test_welcome(void)
{
    struct wire_message message;
    setup();
    struct peer *first = peer_new(), *second = peer_new();
    zmq_setsockopt(first->iopub, ZMQ_SUBSCRIBE, "", 0);
    peer_receive(first, first->iopub, &message);
    CU_ASSERT_STRING_EQUAL(message.msg_type, "iopub_welcome");
    CU_ASSERT(span_is(message.parent, "{}"));
    CU_ASSERT(span_is(message.content, "{\"subscription\":\"\"}"));
    zmq_setsockopt(second->iopub, ZMQ_SUBSCRIBE, "status", 6);
    peer_receive(second, second->iopub, &message);
    CU_ASSERT(span_is(message.content, "{\"subscription\":\"status\"}"));
    peer_ask(second, second->shell, "execute_request", "execute_reply");
    for (int i = 0; i < 2; i++) {
        peer_receive(second, second->iopub, &message);
        CU_ASSERT_STRING_EQUAL(message.msg_type, "status");
    }
    peer_free(first);
    peer_free(second);
    teardown();
}

static void test_heartbeat(void)
{
    char bytes[16];
    setup();
    struct peer *peer = peer_new();
    for (int i = 0; i < 20; i++) {
        CU_ASSERT(zmq_send(peer->heartbeat, "\x00ping", 5, 0) == 5);
        CU_ASSERT(zmq_recv(peer->heartbeat, bytes, sizeof bytes, 0) == 5);
        CU_ASSERT(memcmp(bytes, "\x00ping", 5) == 0);
    }
    peer_free(peer);
    teardown();
}

/* While code runs, control and heartbeat answer. */
static void test_busy(void)
{
    char id[WIRE_NAME_MAX], bytes[8];
    struct wire_message reply;
    setup();
    struct peer *peer = peer_new();
    peer_send(peer, peer->shell, "execute_request", "{\"code\":\"loop\"}", id);
    pthread_mutex_lock(&fake.lock);
    while (!fake.running)
        pthread_cond_wait(&fake.changed, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
    peer_ask(peer, peer->control, "kernel_info_request", "kernel_info_reply");
    CU_ASSERT(zmq_send(peer->heartbeat, "x", 1, 0) == 1);
    CU_ASSERT(zmq_recv(peer->heartbeat, bytes, sizeof bytes, 0) == 1);
    peer_ask(peer, peer->control, "interrupt_request", "interrupt_reply");
    peer_receive(peer, peer->shell, &reply);
    CU_ASSERT_STRING_EQUAL(reply.parent_id, id);
    peer_free(peer);
    teardown();
}

/* A client that asks for input but never opened its stdin channel: the code goes on. */
static void test_no_stdin_channel(void)
{
    char id[WIRE_NAME_MAX];
    struct wire_message reply;
    setup();
    struct peer *peer = peer_new();
    void *stranger = zmq_socket(peer->context, ZMQ_DEALER); /* another identity than on stdin */
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", port_of("shell_port"));
    CU_ASSERT_FATAL(zmq_connect(stranger, address) == 0);
    peer_send(peer, stranger, "execute_request", "{\"code\":\"input\"}", id);
    peer_receive(peer, stranger, &reply);
    CU_ASSERT_PTR_NOT_NULL(memmem(reply.content.data, reply.content.size, "\"got\":null", 10));
    zmq_close(stranger);
    peer_free(peer);
    teardown();
}

/* ---- many, and at the end ---- */

static void test_pipelined(void)
{
    enum { COUNT = 3000 };
    char id[WIRE_NAME_MAX];
    struct wire_message message;
    int idle = 0;
    setup();
    struct peer *peer = peer_new();
    zmq_setsockopt(peer->iopub, ZMQ_SUBSCRIBE, "status", 6);
    peer_receive(peer, peer->iopub, &message); /* the welcome */
    for (int i = 0; i < COUNT; i++)
        peer_send(peer, peer->shell, "execute_request", "{\"code\":\"x\"}", id);
    for (int i = 0; i < COUNT; i++)
        peer_receive(peer, peer->shell, &message);
    CU_ASSERT_STRING_EQUAL(message.parent_id, id);
    while (idle < COUNT) {
        peer_receive(peer, peer->iopub, &message);
        idle += memmem(message.content.data, message.content.size, "idle", 4) != NULL;
    }
    CU_ASSERT_STRING_EQUAL(message.parent_id, id);
    peer_free(peer);
    teardown();
}

/* What was sent before stop arrives after it. */
static void test_last_messages(void)
{
    char id[WIRE_NAME_MAX];
    struct wire_message message;
    size_t lines = 0;
    setup();
    struct peer *peer = peer_new();
    zmq_setsockopt(peer->iopub, ZMQ_SUBSCRIBE, "", 0);
    peer_receive(peer, peer->iopub, &message);
    peer_send(peer, peer->shell, "execute_request", "{\"code\":\"print 200000\"}", id);
    peer_receive(peer, peer->shell, &message);
    peer_ask(peer, peer->control, "shutdown_request", "shutdown_reply");
    pthread_mutex_lock(&fake.lock);
    while (fake.answered < 2) /* idle follows the reply */
        pthread_cond_wait(&fake.changed, &fake.lock);
    pthread_mutex_unlock(&fake.lock);
    fake.plugin->stop(self);
    for (int idle = 0; idle < 2;) {
        peer_receive(peer, peer->iopub, &message);
        for (size_t i = 0; i + 1 < message.content.size; i++)
            lines += memcmp(message.content.data + i, "\\n", 2) == 0;
        idle += memmem(message.content.data, message.content.size, "\"idle\"", 6) != NULL;
    }
    CU_ASSERT(lines == 200000);
    peer_free(peer);
    teardown();
}

/* ---- hostile peers ---- */

static void send_frames(void *socket, const struct span *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        zmq_send(socket, frames[i].data, frames[i].size, i + 1 < count ? ZMQ_SNDMORE : 0);
}

/* The frames of a good message; out is to be cleared. */
static void good_frames(struct peer *peer, struct wire_outgoing *out, struct span frames[6])
{
    LLMSPELL_CLEANUP_JSON json_t *content = json_pack("{s:s}", "code", "x");
    CU_ASSERT_FATAL(wire_encode(&peer->session, peer->signer, "execute_request",
                                (struct span){"", 0}, content, out) == 0);
    const struct span good[6] = {SPAN_LITERAL(WIRE_DELIMITER),
                                 {out->signature, out->signature_size},
                                 {out->header.data, out->header.size},
                                 out->parent,
                                 SPAN_LITERAL("{}"),
                                 {out->content.data, out->content.size}};
    memcpy(frames, good, sizeof good);
}

/* Sent again and changed: neither is answered, the next good one is. */
static void test_forged(void)
{
    struct wire_outgoing out;
    struct wire_message reply;
    struct span frames[6];
    setup();
    struct peer *peer = peer_new();
    good_frames(peer, &out, frames);
    send_frames(peer->shell, frames, 6);
    peer_receive(peer, peer->shell, &reply);
    send_frames(peer->shell, frames, 6); /* played again */
    send_frames(peer->control, frames, 6);
    frames[5] = SPAN_LITERAL("{\"code\":\"y\"}"); /* another content */
    send_frames(peer->shell, frames, 6);
    frames[1].size = 0; /* no signature */
    send_frames(peer->shell, frames, 6);
    peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
    peer_ask(peer, peer->control, "kernel_info_request", "kernel_info_reply");
    CU_ASSERT(fake.warnings >= 4);
    wire_outgoing_clear(&out);
    peer_free(peer);
    teardown();
}

/* Signed rightly, but the content is not an object: there is an answer. */
static void test_bad_content(void)
{
    static const char *const contents[] = {"", "[]", "{", "{\"code\":\"\xFF\"}",
                                           "{\"a\":\"\\ud800\"}"};
    struct wire_outgoing out;
    struct wire_message reply;
    struct span frames[6];
    setup();
    struct peer *peer = peer_new();
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        good_frames(peer, &out, frames);
        frames[5] = (struct span){contents[i], strlen(contents[i])};
        signer_sign(peer->signer, frames + 2, 4, out.signature, &frames[1].size);
        send_frames(peer->shell, frames, 6);
        peer_receive(peer, peer->shell, &reply);
        CU_ASSERT_STRING_EQUAL(reply.msg_type, "execute_reply");
        CU_ASSERT_PTR_NOT_NULL(
            memmem(reply.content.data, reply.content.size, "InvalidMessage", 14));
        wire_outgoing_clear(&out);
    }
    peer_free(peer);
    teardown();
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

/* One good message with frames left out, doubled, emptied or with bits turned. */
static void send_mutation(struct peer *peer, void *socket, uint32_t *state)
{
    struct wire_outgoing out;
    struct span good[6], frames[12];
    char bytes[6][512];
    size_t count = 0;
    good_frames(peer, &out, good);
    for (int i = 0; i < 6; i++) {
        uint32_t dice = next_random(state) % 8;
        size_t size = good[i].size;
        memcpy(bytes[i], good[i].data, size);
        if (dice < 3 && size)
            bytes[i][next_random(state) % size] ^= (char)(1 << next_random(state) % 8);
        if (dice == 3)
            size = size ? next_random(state) % size : 0;
        frames[count] = (struct span){bytes[i], size};
        count += dice != 4;
        if (dice == 5)
            frames[count++] = (struct span){bytes[i], size};
    }
    send_frames(socket, frames, count);
    wire_outgoing_clear(&out);
}

static void test_mutations(void)
{
    uint32_t state = 4711;
    setup();
    struct peer *peer = peer_new();
    void *sockets[] = {peer->shell, peer->control, peer->in};
    for (int i = 0; i < 10000; i++)
        send_mutation(peer, sockets[i % 3], &state);
    struct peer *other = peer_new();
    peer_ask(other, other->shell, "execute_request", "execute_reply");
    peer_ask(other, other->control, "kernel_info_request", "kernel_info_reply");
    peer_free(other);
    peer_free(peer);
    teardown();
}

static void test_many_frames(void)
{
    setup();
    struct peer *peer = peer_new();
    for (int i = 0; i < 2 * WIRE_FRAMES_MAX; i++)
        zmq_send(peer->shell, "x", 1, i + 1 < 2 * WIRE_FRAMES_MAX ? ZMQ_SNDMORE : 0);
    zmq_send(peer->shell, "", 0, 0);
    zmq_send(peer->iopub, "\x01x", 2, 0); /* not possible for SUB; the kernel must not mind */
    peer_ask(peer, peer->shell, "kernel_info_request", "kernel_info_reply");
    peer_free(peer);
    teardown();
}

/* Bytes that are not ZeroMQ's at all, on each port. */
static void send_bytes(int port, const char *bytes, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_FATAL(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    CU_ASSERT(send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
    close(fd);
}

static void test_other_protocols(void)
{
    static const char *const ports[] = {"shell_port", "iopub_port", "stdin_port", "control_port",
                                        "hb_port"};
    static const char http[] = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    char noise[300];
    uint32_t state = 7;
    setup();
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < 5; i++) {
            send_bytes(port_of(ports[i]), http, sizeof http - 1);
            for (size_t n = 0; n < sizeof noise; n++)
                noise[n] = (char)next_random(&state);
            send_bytes(port_of(ports[i]), noise, sizeof noise);
        }
    struct peer *peer = peer_new();
    peer_ask(peer, peer->shell, "execute_request", "execute_reply");
    peer_ask(peer, peer->control, "kernel_info_request", "kernel_info_reply");
    peer_free(peer);
    teardown();
}

TEST_MAIN("transport", {"connection", test_connection}, {"channels", test_channels},
          {"wanted", test_wanted}, {"refusals", test_refusals}, {"unsigned", test_unsigned},
          {"ipc", test_ipc}, {"nothing is left", test_no_leaks}, {"welcome", test_welcome},
          {"heartbeat", test_heartbeat}, {"busy", test_busy},
          {"no stdin channel", test_no_stdin_channel}, {"pipelined", test_pipelined},
          {"last messages", test_last_messages}, {"forged", test_forged},
          {"bad content", test_bad_content}, {"mutations", test_mutations},
          {"many frames", test_many_frames}, {"other protocols", test_other_protocols})
