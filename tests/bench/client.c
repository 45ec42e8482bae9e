/* SPDX-License-Identifier: Apache-2.0
 * The client of the benchmarks: the same small program for the floor, for llmspell and for others,
 * so that its own cost is small and equal. Prints JSON; tests/bench/figures.py calls it:
 *     client turns [-c] [-b BUSY] TYPE COUNT (FILE CONTENT)…   one request each, in turns
 *     client pipeline [-c] TYPE COUNT WINDOW FILE CONTENT PID  up to WINDOW requests on their way
 *     client record FILE CONTENT PID OUT                       one execute; its events go into OUT
 *     client interrupt [-t MS] [-s PID] COUNT FILE CONTENT     from interrupt_request to the reply
 *     client signal COUNT NUMBER PID FILE [TEXT]               from a signal to its trace in FILE
 *     client spawn FILE PROGRAM ARG…                           from spawn to kernel_info_reply
 *     client commands COUNT PROGRAM ARG… [-- PROGRAM ARG…]…    from spawn to exit
 * -c: on the control channel; -b: while the last kernel runs the endless code of BUSY; -t: how long
 * to wait for a message; exit status 3 if it did not come; -s: SIGINT instead of the request. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "session.h"

#define PEERS_MAX 4
#define FRAMES_MAX 12
#define LATE 3 /* exit status: nothing came in time */

struct peer {
    struct session session;
    void *shell, *control, *iopub;
};

struct message {
    zmq_msg_t frames[FRAMES_MAX];
    int count;
    struct span header, parent, content;
};

static void *context;
static int timeout_ms = 30000;

/* ---- sockets ---- */

static void *open_socket(const struct session *session, int type, int port)
{
    char address[128];
    int none = 0;
    void *socket = zmq_socket(context, type);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    if (type == ZMQ_SUB)
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0);
    snprintf(address, sizeof address, "tcp://%s:%d", session->ip, port);
    if (zmq_connect(socket, address) < 0)
        die("cannot connect %s: %s", address, zmq_strerror(errno));
    return socket;
}

static void send_request(void *socket, const struct request *request)
{
    zmq_send(socket, "<IDS|MSG>", 9, ZMQ_SNDMORE);
    zmq_send(socket, request->signature, SIGNATURE, ZMQ_SNDMORE);
    for (int i = 0; i < 3; i++)
        zmq_send(socket, request->parts[i].data, request->parts[i].size, ZMQ_SNDMORE);
    if (zmq_send(socket, request->parts[3].data, request->parts[3].size, 0) < 0)
        die("cannot send: %s", zmq_strerror(errno));
}

static void message_clear(struct message *message)
{
    for (int i = 0; i < message->count; i++)
        zmq_msg_close(&message->frames[i]);
    message->count = 0;
}

static struct span frame(struct message *message, int i)
{
    return (struct span){zmq_msg_data(&message->frames[i]), zmq_msg_size(&message->frames[i])};
}

static int span_has(struct span span, const char *text)
{
    return memmem(span.data, span.size, text, strlen(text)) != NULL;
}

/* 0: nothing came in time. */
static int try_receive(void *socket, struct message *message)
{
    int at = 0, more = 1;
    message_clear(message);
    while (more) {
        if (message->count == FRAMES_MAX)
            die("a message has more than %d frames", FRAMES_MAX);
        zmq_msg_t *next = &message->frames[message->count];
        zmq_msg_init(next);
        if (zmq_msg_recv(next, socket, 0) < 0)
            return 0;
        more = zmq_msg_more(next);
        message->count++;
    }
    while (at < message->count &&
           (frame(message, at).size != 9 || !span_has(frame(message, at), "<IDS|MSG>")))
        at++;
    if (message->count < at + 6)
        die("a message has too few frames");
    message->header = frame(message, at + 2);
    message->parent = frame(message, at + 3);
    message->content = frame(message, at + 5);
    return 1;
}

static void receive(void *socket, struct message *message)
{
    if (try_receive(socket, message))
        return;
    fprintf(stderr, "client: nothing came within %d ms\n", timeout_ms);
    exit(LATE);
}

static int is_idle(const struct message *message)
{
    return message->content.size < 64 && span_has(message->content, "\"idle\"");
}

/* Waits until the kernel answers and its events arrive. */
static void peer_open(struct peer *peer, const char *path)
{
    int quick = 50;
    struct message message = {0};
    struct request request;
    session_open(&peer->session, path);
    peer->shell = open_socket(&peer->session, ZMQ_DEALER, peer->session.shell);
    peer->control = open_socket(&peer->session, ZMQ_DEALER, peer->session.control);
    peer->iopub = open_socket(&peer->session, ZMQ_SUB, peer->session.iopub);
    zmq_setsockopt(peer->iopub, ZMQ_RCVTIMEO, &quick, sizeof quick);
    for (int heard = 0; !heard;) {
        session_request(&peer->session, "kernel_info_request", (struct span){"{}", 2}, &request);
        send_request(peer->shell, &request);
        receive(peer->shell, &message);
        while (!heard && try_receive(peer->iopub, &message))
            heard = is_idle(&message) && span_has(message.parent, request.id);
    }
    zmq_setsockopt(peer->iopub, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    message_clear(&message);
}

static void peer_close(struct peer *peer)
{
    zmq_close(peer->shell);
    zmq_close(peer->control);
    zmq_close(peer->iopub);
    EVP_MAC_CTX_free(peer->session.mac);
}

/* ---- one request ---- */

struct times {
    int64_t reply, done;
    int good; /* status ok */
};

/* The reply to request, whatever else comes. */
static void await_reply(void *socket, const struct request *request, struct message *message)
{
    do
        receive(socket, message);
    while (!span_has(message->parent, request->id));
}

static void await_idle(void *iopub, const struct request *request, struct message *message)
{
    do
        receive(iopub, message);
    while (!is_idle(message) || !span_has(message->parent, request->id));
}

static struct times round_trip(struct peer *peer, void *socket, const char *type,
                               struct span content)
{
    struct times times;
    struct request request;
    struct message message = {0};
    session_request(&peer->session, type, content, &request);
    int64_t start = now_ns();
    send_request(socket, &request);
    await_reply(socket, &request, &message);
    times.reply = now_ns() - start;
    times.good = span_has(message.content, "\"ok\"");
    await_idle(peer->iopub, &request, &message);
    times.done = now_ns() - start;
    message_clear(&message);
    return times;
}

/* ---- turns ---- */

static void print_column(const char *name, const struct times *times, int count, int done)
{
    printf("\"%s\":[", name);
    for (int i = 0; i < count; i++)
        printf(i ? ",%lld" : "%lld", (long long)(done ? times[i].done : times[i].reply));
    printf("]");
}

static void print_times(const struct times *times, int count)
{
    int bad = 0;
    for (int i = 0; i < count; i++)
        bad += !times[i].good;
    printf("{");
    print_column("reply", times, count, 0);
    printf(",");
    print_column("done", times, count, 1);
    printf(",\"bad\":%d}", bad);
}

static void wait_running(struct peer *peer, const struct request *request)
{
    struct message message = {0};
    struct timespec moment = {0, 2000000};
    do
        receive(peer->iopub, &message);
    while (!span_has(message.header, "execute_input") || !span_has(message.parent, request->id));
    message_clear(&message);
    nanosleep(&moment, NULL); /* well into the loop */
}

static void interrupt(struct peer *peer, const struct request *busy)
{
    struct message message = {0};
    struct request request;
    session_request(&peer->session, "interrupt_request", (struct span){"{}", 2}, &request);
    send_request(peer->control, &request);
    await_reply(peer->control, &request, &message);
    await_reply(peer->shell, busy, &message);
    message_clear(&message);
}

struct options {
    int control;
    const char *busy;
    int pid; /* gets SIGINT; 0: interrupt_request */
};

static int run_turns(const struct options *options, char **args, int count)
{
    struct peer peers[PEERS_MAX] = {0};
    struct span contents[PEERS_MAX];
    struct times *times[PEERS_MAX];
    struct request busy;
    int rounds = (int)strtol(args[1], NULL, 10), n = (count - 2) / 2;
    if (n < 1 || n > PEERS_MAX || count % 2 || rounds < 1)
        die("turns wants TYPE COUNT and pairs of FILE CONTENT");
    for (int i = 0; i < n; i++) {
        peer_open(&peers[i], args[2 + 2 * i]);
        contents[i] = read_file(args[3 + 2 * i]);
        times[i] = calloc((size_t)rounds, sizeof **times);
    }
    struct peer *last = &peers[n - 1];
    if (options->busy) {
        session_request(&last->session, "execute_request", read_file(options->busy), &busy);
        send_request(last->shell, &busy);
        wait_running(last, &busy);
    }
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++)
            times[i][round] =
                round_trip(&peers[i], options->control ? peers[i].control : peers[i].shell, args[0],
                           contents[i]);
    if (options->busy)
        interrupt(last, &busy);
    for (int i = 0; i < n; i++) {
        fputs(i ? "," : "[", stdout);
        print_times(times[i], rounds);
        free(times[i]);
        peer_close(&peers[i]);
    }
    puts("]");
    return EXIT_SUCCESS;
}

/* ---- pipeline ---- */

static int run_pipeline(const struct options *options, char **args, int n)
{
    struct peer peer = {0};
    struct message message = {0};
    struct request request;
    if (n != 6)
        die("pipeline wants TYPE COUNT WINDOW FILE CONTENT PID");
    long count = strtol(args[1], NULL, 10), window = strtol(args[2], NULL, 10);
    int pid = (int)strtol(args[5], NULL, 10);
    struct span content = read_file(args[4]);
    peer_open(&peer, args[3]);
    void *socket = options->control ? peer.control : peer.shell;
    long sent = 0, bad = 0;
    int64_t cpu = cpu_ns(pid), start = now_ns();
    for (long done = 0; done < count; done++) {
        for (; sent < count && sent < done + window; sent++) {
            session_request(&peer.session, args[0], content, &request);
            send_request(socket, &request);
        }
        receive(socket, &message); /* each request has one reply and one idle */
        bad += !span_has(message.content, "\"ok\"");
        do
            receive(peer.iopub, &message);
        while (!is_idle(&message));
    }
    int64_t seconds_ns = now_ns() - start;
    printf("{\"ns\":%lld,\"cpu_ns\":%lld,\"count\":%ld,\"bad\":%ld}\n", (long long)seconds_ns,
           (long long)(cpu_ns(pid) - cpu), count, bad);
    message_clear(&message);
    peer_close(&peer);
    return EXIT_SUCCESS;
}

/* ---- record ---- */

struct record {
    struct message **messages; /* each by itself: a message must not move */
    size_t count, room;
};

static struct message *record_next(struct record *record)
{
    if (record->count == record->room) {
        record->room = record->room ? 2 * record->room : 1024;
        record->messages = realloc(record->messages, record->room * sizeof *record->messages);
        if (!record->messages)
            die("out of memory");
    }
    struct message *message = calloc(1, sizeof *message);
    if (!message)
        die("out of memory");
    return record->messages[record->count++] = message;
}

/* One line a message: its content, in the order of arrival. Parsing is left to the caller. */
static void record_write(struct record *record, const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file)
        die("cannot write %s: %s", path, strerror(errno));
    for (size_t i = 0; i < record->count; i++) {
        struct message *message = record->messages[i];
        fwrite(message->content.data, 1, message->content.size, file);
        fputc('\n', file);
        message_clear(message);
        free(message);
    }
    fclose(file);
    free(record->messages);
}

static int run_record(char **args, int n)
{
    struct peer peer = {0};
    struct record record = {0};
    struct request request;
    struct message reply = {0}, *message;
    if (n != 4)
        die("record wants FILE CONTENT PID OUT");
    int pid = (int)strtol(args[2], NULL, 10);
    peer_open(&peer, args[0]);
    session_request(&peer.session, "execute_request", read_file(args[1]), &request);
    int64_t cpu = cpu_ns(pid), start = now_ns();
    send_request(peer.shell, &request);
    do {
        message = record_next(&record);
        receive(peer.iopub, message);
    } while (!is_idle(message) || !span_has(message->parent, request.id));
    await_reply(peer.shell, &request, &reply);
    printf("{\"ns\":%lld,\"cpu_ns\":%lld,\"messages\":%zu,\"bad\":%d}\n",
           (long long)(now_ns() - start), (long long)(cpu_ns(pid) - cpu), record.count,
           !span_has(reply.content, "\"ok\""));
    record_write(&record, args[3]);
    message_clear(&reply);
    peer_close(&peer);
    return EXIT_SUCCESS;
}

/* ---- interrupt ---- */

/* From the interrupt to the reply of what it ends. */
static struct times interrupt_once(struct peer *peer, int pid, struct span content)
{
    struct times times;
    struct request busy, stop;
    struct message message = {0};
    session_request(&peer->session, "execute_request", content, &busy);
    send_request(peer->shell, &busy);
    wait_running(peer, &busy);
    session_request(&peer->session, "interrupt_request", (struct span){"{}", 2}, &stop);
    int64_t start = now_ns();
    if (!pid)
        send_request(peer->control, &stop);
    else if (kill(pid, SIGINT) < 0)
        die("process %d gets no signal: %s", pid, strerror(errno));
    await_reply(peer->shell, &busy, &message);
    times.reply = times.done = now_ns() - start;
    times.good = span_has(message.content, pid ? "\"KeyboardInterrupt\"" : "\"error\"");
    if (!pid)
        await_reply(peer->control, &stop, &message);
    await_idle(peer->iopub, &busy, &message);
    message_clear(&message);
    return times;
}

static int run_interrupt(const struct options *options, char **args, int n)
{
    struct peer peer = {0};
    if (n != 3)
        die("interrupt wants COUNT FILE CONTENT");
    int count = (int)strtol(args[0], NULL, 10);
    struct span content = read_file(args[2]);
    struct times *times = calloc((size_t)count, sizeof *times);
    peer_open(&peer, args[1]);
    for (int i = 0; i < count; i++)
        times[i] = interrupt_once(&peer, options->pid, content);
    print_times(times, count);
    puts("");
    free(times);
    peer_close(&peer);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    const char *mode = argc > 1 ? argv[1] : "";
    if (strcmp(mode, "spawn") == 0 && argc > 3)
        return measure_spawn(argv[2], argv + 3);
    if (strcmp(mode, "commands") == 0 && argc > 3)
        return measure_commands((int)strtol(argv[2], NULL, 10), argv + 3);
    if (strcmp(mode, "signal") == 0 && argc > 3)
        return measure_signals((int)strtol(argv[2], NULL, 10), argv + 3, argc - 3);
    optind = 2;
    for (int option; (option = getopt(argc, argv, "+cb:s:t:")) != -1;) {
        if (option == '?')
            return 2;
        options.control |= option == 'c';
        if (option == 'b')
            options.busy = optarg;
        if (option == 's')
            options.pid = (int)strtol(optarg, NULL, 10);
        if (option == 't')
            timeout_ms = (int)strtol(optarg, NULL, 10);
    }
    char **args = argv + optind;
    int count = argc - optind, status = 2;
    context = zmq_ctx_new();
    if (strcmp(mode, "turns") == 0 && count >= 4)
        status = run_turns(&options, args, count);
    else if (strcmp(mode, "pipeline") == 0)
        status = run_pipeline(&options, args, count);
    else if (strcmp(mode, "record") == 0)
        status = run_record(args, count);
    else if (strcmp(mode, "interrupt") == 0)
        status = run_interrupt(&options, args, count);
    else
        fprintf(stderr, "client: the first lines of client.c say how it is called\n");
    zmq_ctx_term(context);
    return status;
}
