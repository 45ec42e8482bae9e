/* SPDX-License-Identifier: Apache-2.0
 * The kernel's bus over TCP, for tests of messages that no protocol of ours lets a client send:
 * lines of JSON, {"id", "type", "content", "subshell"} in; {"id", "reply"}, {"id", "event",
 * "content", "metadata"} and {"id", "done"} out. One client. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llmspell/protocol.h>
#include <llmspell/tool.h>

struct bus {
    const struct llmspell_kernel *kernel;
    struct llmspell_ctx *ctx;
    int listener, fd;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what is written to fd */
    uint64_t subscription;
};

struct request {
    struct bus *bus;
    char header[160];
};

static void write_line(struct bus *bus, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    pthread_mutex_lock(&bus->lock);
    if (text && bus->fd >= 0)
        dprintf(bus->fd, "%s\n", text);
    pthread_mutex_unlock(&bus->lock);
    free(text);
}

static json_t *id_of(const char *header)
{
    json_t *parent = json_loads(*header ? header : "{}", 0, NULL);
    json_t *id = json_incref(json_object_get(parent, "msg_id"));
    json_decref(parent);
    return id ? id : json_null();
}

static void on_event(void *data, const struct llmspell_message *message)
{
    json_t *content = json_deep_copy(message->content); /* its strings are not for two threads */
    json_t *metadata = message->metadata ? json_deep_copy(message->metadata) : json_object();
    write_line(data, json_pack("{s:o, s:s, s:o, s:o}", "id", id_of(message->parent), "event",
                               message->msg_type, "content", content, "metadata", metadata));
}

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    struct request *request = data;
    write_line(request->bus, json_pack("{s:o, s:s, s:o}", "id", id_of(request->header), "type",
                                       msg_type, "reply", content));
}

static void on_done(void *data)
{
    struct request *request = data;
    write_line(request->bus, json_pack("{s:o, s:b}", "id", id_of(request->header), "done", 1));
    free(request);
}

static void on_input(void *data, json_t *content)
{
    struct request *request = data;
    write_line(request->bus,
               json_pack("{s:o, s:o}", "id", id_of(request->header), "input", content));
}

/* Out of the line: what submit takes over is another thread's from then on. */
static json_t *take_content(json_t *line)
{
    json_t *content = json_incref(json_object_get(line, "content"));
    json_object_del(line, "content");
    return content;
}

static void submit(struct bus *bus, json_t *line)
{
    struct request *request = calloc(1, sizeof *request);
    const char *subshell = llmspell_string(line, "subshell");
    int size = snprintf(request->header, sizeof request->header,
                        "{\"msg_id\":\"%.40s\",\"subshell_id\":\"%.40s\"}",
                        llmspell_string(line, "id"), subshell ? subshell : "");
    if (!subshell)
        size = snprintf(request->header, sizeof request->header, "{\"msg_id\":\"%.40s\"}",
                        llmspell_string(line, "id"));
    request->bus = bus;
    struct llmspell_request message = {.size = sizeof message,
                                       .flags = subshell ? 0 : LLMSPELL_REQUEST_CONTROL,
                                       .msg_type = llmspell_string(line, "type"),
                                       .content = take_content(line),
                                       .parent = request->header,
                                       .parent_size = (uint32_t)size,
                                       .data = request,
                                       .reply = on_reply,
                                       .input = on_input,
                                       .done = on_done};
    if (bus->kernel->submit(bus->ctx, &message) < 0) {
        on_reply(request, "", json_pack("{s:s}", "status", "refused"));
        on_done(request);
    }
}

static void *run(void *data)
{
    struct bus *bus = data;
    int fd;
    while ((fd = accept(bus->listener, NULL, NULL)) >= 0) {
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        FILE *in = fdopen(dup(fd), "r");
        char *text = NULL;
        size_t room = 0;
        pthread_mutex_lock(&bus->lock);
        bus->fd = fd;
        pthread_mutex_unlock(&bus->lock);
        while (in && getline(&text, &room, in) > 0) {
            json_t *line = json_loads(text, 0, NULL);
            if (line)
                submit(bus, line);
            json_decref(line);
        }
        free(text);
        if (in)
            fclose(in);
        pthread_mutex_lock(&bus->lock);
        close(fd);
        bus->fd = -1;
        pthread_mutex_unlock(&bus->lock);
    }
    return NULL;
}

static int32_t bus_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    struct bus *bus = calloc(1, sizeof *bus);
    (void)config;
    bus->kernel = call->host->extension(call->ctx, LLMSPELL_KERNEL);
    bus->ctx = call->ctx;
    bus->fd = bus->listener = -1;
    pthread_mutex_init(&bus->lock, NULL);
    *ret_self = bus;
    return 0;
}

static int32_t bus_serve(void *self, struct llmspell_call *call, const json_t *wanted,
                         json_t **ret_connection)
{
    struct bus *bus = self;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    sigset_t all, before;
    (void)wanted;
    bus->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(bus->listener, (struct sockaddr *)&address, size) < 0 || listen(bus->listener, 1) < 0)
        return llmspell_fail(call, LLMSPELL_EIO, "no port");
    getsockname(bus->listener, (struct sockaddr *)&address, &size);
    bus->kernel->subscribe(bus->ctx, on_event, bus, &bus->subscription);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's */
    pthread_create(&bus->thread, NULL, run, bus);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return llmspell_return(
        call, ret_connection,
        json_pack("{s:s, s:i}", "ip", "127.0.0.1", "bus_port", (int)ntohs(address.sin_port)));
}

static void bus_stop(void *self)
{
    struct bus *bus = self;
    bus->kernel->unsubscribe(bus->ctx, bus->subscription);
    shutdown(bus->listener, SHUT_RDWR);
    pthread_mutex_lock(&bus->lock);
    if (bus->fd >= 0)
        shutdown(bus->fd, SHUT_RDWR);
    pthread_mutex_unlock(&bus->lock);
    pthread_join(bus->thread, NULL);
    close(bus->listener);
}

static int32_t bus_status(void *self, json_t **ret_status)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    getsockname(((struct bus *)self)->listener, (struct sockaddr *)&address, &size);
    *ret_status = json_pack("{s:i}", "port", (int)ntohs(address.sin_port));
    return *ret_status ? 0 : LLMSPELL_ENOMEM;
}

LLMSPELL_PROTOCOL(.open = bus_open, .serve = bus_serve, .stop = bus_stop, .close = free,
                  .status = bus_status)
