/* SPDX-License-Identifier: Apache-2.0
 * my_protocol: lines of JSON {"msg_type", "content"} over a Unix socket in a private folder, so
 * that only this user may run code here. A request is answered by its events, its reply, and
 * {"msg_type":"done"}. One client at a time; the next one waits. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include <llmspell/protocol.h>
#include <llmspell/tool.h>

/* What was read of a connection and is not a whole line yet; a longer line ends the connection. */
struct lines {
    int fd;
    size_t used;
    char bytes[1 << 20];
};

static int send_line(int fd, const char *msg_type, const json_t *content)
{
    LLMSPELL_CLEANUP_JSON json_t *line =
        json_pack("{s:s, s:O?}", "msg_type", msg_type, "content", content);
    LLMSPELL_CLEANUP_FREE char *text = json_dumps(line, JSON_COMPACT);
    size_t size = text ? strlen(text) : 0;
    if (!text)
        return LLMSPELL_ENOMEM;
    text[size++] = '\n'; /* in place of the NUL */
    return send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size ? 0 : LLMSPELL_ENETWORK;
}

/* 1 and a new reference, 0 if no whole line is there yet, or a negative code. */
static int next_line(struct lines *lines, json_t **ret_line)
{
    const char *end = memchr(lines->bytes, '\n', lines->used);
    if (!end) {
        char *room = lines->bytes + lines->used;
        ssize_t n = recv(lines->fd, room, sizeof lines->bytes - lines->used, 0);
        if (n <= 0)
            return n < 0 && errno == EINTR ? 0 : LLMSPELL_ENETWORK;
        lines->used += (size_t)n;
        end = memchr(room, '\n', (size_t)n);
    }
    if (!end)
        return 0;
    size_t size = (size_t)(end - lines->bytes) + 1;
    *ret_line = json_loadb(lines->bytes, size, JSON_REJECT_DUPLICATES, NULL);
    lines->used -= size;
    memmove(lines->bytes, lines->bytes + size, lines->used);
    return json_is_string(json_object_get(*ret_line, "msg_type")) ? 1 : LLMSPELL_EPROTO;
}

/* ---- serve: in a kernel ---- */

struct my_protocol_server {
    char parent_folder[84], folder[100]; /* of the configuration; ours in it */
    struct sockaddr_un address;
    const struct llmspell_kernel *kernel;
    struct llmspell_ctx *ctx;
    uint64_t subscription;
    int listener;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows: callbacks come from other threads */
    int client;           /* -1: none */
    int stopping;
    char parent[32]; /* of the requests of this client: its events carry it */
    unsigned number; /* of clients so far */
};

struct request {
    struct my_protocol_server *self;
    char parent[32];
};

static void answer(struct my_protocol_server *self, const char *parent, size_t parent_size,
                   const char *msg_type, const json_t *content)
{
    pthread_mutex_lock(&self->lock);
    if (self->client >= 0 && strlen(self->parent) == parent_size &&
        memcmp(self->parent, parent, parent_size) == 0 &&
        send_line(self->client, msg_type, content) < 0)
        shutdown(self->client, SHUT_RDWR); /* it does not read (SO_SNDTIMEO) */
    pthread_mutex_unlock(&self->lock);
}

static void on_event(void *data, const struct llmspell_message *message)
{
    answer(data, message->parent, message->parent_size, message->msg_type, message->content);
}

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    struct request *request = data;
    answer(request->self, request->parent, strlen(request->parent), msg_type, content);
    json_decref(content);
}

static void on_done(void *data)
{
    struct request *request = data;
    answer(request->self, request->parent, strlen(request->parent), "done", NULL);
    free(request);
}

/* Out of the line: what submit takes over is another thread's from then on. */
static json_t *take_content(json_t *line)
{
    json_t *content = json_object_get(line, "content");
    if (!json_is_object(content))
        return NULL;
    json_incref(content);
    json_object_del(line, "content");
    return content;
}

static void submit(struct my_protocol_server *self, json_t *line)
{
    struct request *mine = malloc(sizeof *mine);
    if (!mine)
        return;
    mine->self = self;
    memcpy(mine->parent, self->parent, sizeof mine->parent);
    struct llmspell_request request = {
        .size = sizeof request,
        .msg_type = llmspell_string(line, "msg_type"),
        .content = take_content(line),
        .parent = mine->parent,
        .parent_size = (uint32_t)strlen(mine->parent),
        .data = mine,
        .reply = on_reply,
        .done = on_done,
    };
    if (self->kernel->submit(self->ctx, &request) < 0) { /* no such message, or shutting down */
        answer(self, mine->parent, strlen(mine->parent), "refused", NULL);
        free(mine);
    }
}

static void take_client(struct my_protocol_server *self, int client)
{
    const struct timeval patience = {.tv_sec = 1};
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    pthread_mutex_lock(&self->lock);
    self->client = self->stopping ? -1 : client;
    if (client >= 0)
        snprintf(self->parent, sizeof self->parent, "{\"client\":%u}", ++self->number);
    pthread_mutex_unlock(&self->lock);
}

static void *serve_clients(void *data)
{
    struct my_protocol_server *self = data;
    struct lines *lines = calloc(1, sizeof *lines);
    while (lines && (lines->fd = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        int rc = 0;
        lines->used = 0;
        take_client(self, lines->fd);
        while (rc >= 0 && self->client >= 0) {
            LLMSPELL_CLEANUP_JSON json_t *line = NULL;
            rc = next_line(lines, &line);
            if (rc == 1)
                submit(self, line);
        }
        take_client(self, -1);
        close(lines->fd);
    }
    free(lines);
    return NULL;
}

/* Makes a folder that only we can enter, and listens in it; absent parts are -1 or empty. */
static int32_t bind_socket(struct my_protocol_server *self, struct llmspell_call *call)
{
    self->address.sun_family = AF_UNIX;
    snprintf(self->folder, sizeof self->folder, "%s/kernel-XXXXXX", self->parent_folder);
    if (!mkdtemp(self->folder))
        return llmspell_fail(call, LLMSPELL_EIO, "cannot make the folder %s: %s", self->folder,
                             strerror(errno));
    snprintf(self->address.sun_path, sizeof self->address.sun_path, "%s/socket", self->folder);
    self->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->listener < 0 ||
        bind(self->listener, (struct sockaddr *)&self->address, sizeof self->address) != 0 ||
        listen(self->listener, 16) != 0)
        return llmspell_fail(call, LLMSPELL_EIO, "cannot listen on %s: %s", self->address.sun_path,
                             strerror(errno));
    return 0;
}

/* Signals are for the host's main thread. */
static int start_thread(struct my_protocol_server *self)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&self->thread, NULL, serve_clients, self);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

static void remove_socket(struct my_protocol_server *self)
{
    if (self->listener >= 0)
        close(self->listener);
    self->listener = -1;
    unlink(self->address.sun_path);
    rmdir(self->folder);
}

static int32_t protocol_serve(void *data, struct llmspell_call *call, const json_t *wanted,
                              json_t **ret_connection)
{
    struct my_protocol_server *self = data;
    (void)wanted; /* a connection object that somebody wants to have used again: not here */
    self->kernel = call->host->extension(call->ctx, LLMSPELL_KERNEL);
    self->ctx = call->ctx;
    self->client = -1;
    self->stopping = 0;
    if (!self->kernel)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE, "there is no kernel in this process");
    int32_t rc = bind_socket(self, call);
    if (rc == 0)
        rc = self->kernel->subscribe(self->ctx, on_event, self, &self->subscription);
    if (rc == 0 && start_thread(self) != 0) {
        self->kernel->unsubscribe(self->ctx, self->subscription);
        rc = llmspell_fail(call, LLMSPELL_EIO, "cannot start a thread");
    }
    if (rc < 0) {
        remove_socket(self);
        return rc;
    }
    return llmspell_return(call, ret_connection,
                           json_pack("{s:s}", "socket", self->address.sun_path));
}

static void protocol_stop(void *data)
{
    struct my_protocol_server *self = data;
    if (self->listener < 0)
        return;
    pthread_mutex_lock(&self->lock);
    self->stopping = 1;
    shutdown(self->listener, SHUT_RDWR); /* both end what the thread waits for */
    if (self->client >= 0)
        shutdown(self->client, SHUT_RDWR);
    pthread_mutex_unlock(&self->lock);
    pthread_join(self->thread, NULL);
    self->kernel->unsubscribe(self->ctx, self->subscription);
    remove_socket(self);
}

/* ---- connect: in a command ---- */

static void protocol_disconnect(void *channel)
{
    struct lines *lines = channel;
    if (!lines)
        return;
    if (lines->fd >= 0)
        close(lines->fd);
    free(lines);
}

static int32_t protocol_connect(void *data, struct llmspell_call *call, const json_t *connection,
                                int32_t timeout_ms, void **ret_channel)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = llmspell_string(connection, "socket");
    (void)data, (void)timeout_ms; /* a local connect does not wait */
    if (!path || strlen(path) >= sizeof address.sun_path)
        return llmspell_fail(call, LLMSPELL_EINVAL, "the connection file has no usable \"socket\"");
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    struct lines *lines = calloc(1, sizeof *lines);
    if (!lines)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    lines->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (lines->fd < 0 || connect(lines->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int why = errno;
        protocol_disconnect(lines);
        return llmspell_fail(call, LLMSPELL_ENETWORK, "cannot connect to %s: %s", path,
                             strerror(why));
    }
    *ret_channel = lines;
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for something to read until the deadline; tells the kernel when the user gives up. */
static int wait_for_line(struct lines *lines, int cancel_fd, int64_t deadline_ms)
{
    struct pollfd fds[2] = {{.fd = lines->fd, .events = POLLIN},
                            {.fd = cancel_fd, .events = POLLIN}}; /* -1 is ignored */
    int64_t left = deadline_ms < 0 ? -1 : deadline_ms - now_ms();
    char bytes[256];
    if (memchr(lines->bytes, '\n', lines->used))
        return 0;
    if (deadline_ms >= 0 && left <= 0)
        return LLMSPELL_ETIMEOUT;
    if (poll(fds, 2, (int)left) > 0 && fds[1].revents && read(cancel_fd, bytes, sizeof bytes) > 0)
        return send_line(lines->fd, "interrupt_request", NULL);
    return fds[0].revents ? 0 : 1;
}

static void take_event(const struct llmspell_client_request *request, const char *msg_type,
                       const json_t *content)
{
    struct llmspell_message message = {
        .size = sizeof message, .msg_type = msg_type, .content = content, .parent = ""};
    if (request->event)
        request->event(request->data, &message);
}

/* Reads until "done" of our request. An interrupt_reply and its "done" may come between. */
static int read_answer(struct lines *lines, const struct llmspell_client_request *request,
                       json_t **ret_reply)
{
    int64_t deadline = request->timeout_ms < 0 ? -1 : now_ms() + request->timeout_ms;
    size_t stem = strlen(request->msg_type) - strlen("request");
    for (;;) {
        LLMSPELL_CLEANUP_JSON json_t *line = NULL;
        int rc = wait_for_line(lines, request->cancel_fd, deadline);
        if (rc == 0)
            rc = next_line(lines, &line);
        if (rc < 0)
            return rc;
        const char *type = line ? llmspell_string(line, "msg_type") : NULL;
        json_t *content = json_object_get(line, "content");
        if (!type)
            continue;
        if (strncmp(type, request->msg_type, stem) == 0 && strcmp(type + stem, "reply") == 0)
            *ret_reply = json_incref(content);
        else if (strcmp(type, "done") == 0 && *ret_reply)
            return 0;
        else if (strcmp(type, "refused") == 0)
            return LLMSPELL_EINVAL;
        else
            take_event(request, type, content);
    }
}

static int32_t protocol_request(void *channel, struct llmspell_call *call,
                                const struct llmspell_client_request *request, json_t **ret_reply)
{
    struct lines *lines = channel;
    json_t *reply = NULL;
    int rc = send_line(lines->fd, request->msg_type, request->content);
    if (rc == 0)
        rc = read_answer(lines, request, &reply);
    if (rc == 0) {
        *ret_reply = reply;
        return 0;
    }
    json_decref(reply);
    return llmspell_fail(call, rc, "the kernel did not answer %s: %s", request->msg_type,
                         llmspell_error_text(rc));
}

/* ---- the entry ---- */

static int32_t protocol_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    struct my_protocol_server *self = calloc(1, sizeof *self);
    if (!self)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    self->listener = -1;
    snprintf(self->parent_folder, sizeof self->parent_folder, "%s",
             llmspell_string(config, "folder"));
    pthread_mutex_init(&self->lock, NULL);
    *ret_self = self;
    return 0;
}

static void protocol_close(void *data)
{
    struct my_protocol_server *self = data;
    pthread_mutex_destroy(&self->lock);
    free(self);
}

LLMSPELL_PROTOCOL(.open = protocol_open, .serve = protocol_serve, .stop = protocol_stop,
                  .connect = protocol_connect, .request = protocol_request,
                  .disconnect = protocol_disconnect, .close = protocol_close)
