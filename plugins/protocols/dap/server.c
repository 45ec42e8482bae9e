/* SPDX-License-Identifier: Apache-2.0
 * The thread that does the work: waits for clients, for what they say, and for the inbox. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <llmspell/listen.h>

#include "dap.h"

#define QUEUED_MAX (4u << 20) /* bytes that a client has not read: no more events then */
#define TURN_ITEMS 64u
#define BACKLOG 8

/* ---- from other threads ---- */

static bool is_wanted(int listening, const char *type)
{
    if (strcmp(type, "debug_event") == 0)
        return listening != LISTEN_NOTHING;
    return listening == LISTEN_ALL && (strcmp(type, "stream") == 0 || strcmp(type, "error") == 0 ||
                                       strcmp(type, "display_data") == 0);
}

static bool is_output(const struct llmspell_message *message)
{
    return strcmp(message->msg_type, "debug_event") != 0 ||
           llmspell_is(message->content, "event", "output");
}

static void on_event(void *data, const struct llmspell_message *message)
{
    struct dap *dap = data;
    if (!is_wanted(atomic_load(&dap->listening), message->msg_type))
        return;
    struct item *item = item_new(ITEM_EVENT, message->msg_type, "", 0);
    if (!item)
        return;
    const char *text = llmspell_string(message->content, "text");
    if (!text)
        text = llmspell_string(json_object_get(message->content, "body"), "output");
    item->content = json_deep_copy(message->content);
    item->metadata = message->metadata ? json_deep_copy(message->metadata) : NULL;
    item->weight += 256 + (text ? strlen(text) : 0);
    if (is_output(message))
        inbox_push_event(&dap->inbox, item);
    else
        inbox_push(&dap->inbox, item); /* a stop is never dropped */
}

static void on_request(void *data, struct llmspell_pending *pending, const json_t *content,
                       const char *header, uint32_t header_size)
{
    struct dap *dap = data;
    struct item *item = item_new(ITEM_REQUEST, "debug_request", "", 0);
    if (!item) {
        dap->kernel->answer(dap->ctx, pending, NULL);
        return;
    }
    item->pending = pending; /* header and content stay until it is answered */
    item->header = header;
    item->header_size = header_size;
    item->content = (json_t *)(uintptr_t)content;
    inbox_push(&dap->inbox, item);
}

/* ---- the inbox ---- */

static void handle(struct dap *dap, struct item *item)
{
    if (item->kind == ITEM_REPLY)
        requests_reply(dap, item->ticket, item->content);
    else if (item->kind == ITEM_EVENT && dap->owner)
        output_event(dap->owner, item);
    else if (item->kind == ITEM_REQUEST)
        session_receive(dap->bus, item->content, item->pending, item->header, item->header_size);
}

static bool is_clogged(const struct dap *dap)
{
    const struct link *link = dap->owner ? dap->owner->link : NULL;
    return link && link->queued > QUEUED_MAX;
}

/* The owner's are for later: their order counts. */
static bool is_of_others(const struct item *item, const void *data)
{
    const struct dap *dap = data;
    const struct session *session =
        item->kind == ITEM_REPLY ? requests_session(dap, item->ticket) : dap->bus;
    return item->kind != ITEM_EVENT && session != dap->owner;
}

/* At most TURN_ITEMS, since clients are to be heard in a flood of output, too. Returns whether more
 * may wait. */
static bool take_items(struct dap *dap)
{
    uint64_t dropped;
    struct item *item;
    unsigned taken = 0;
    while (taken < TURN_ITEMS && is_clogged(dap) &&
           (item = inbox_take_of(&dap->inbox, is_of_others, dap))) {
        handle(dap, item);
        item_free(item);
        taken++;
    }
    while (taken < TURN_ITEMS && !is_clogged(dap) && (item = inbox_take(&dap->inbox, &dropped))) {
        if (dropped && dap->owner)
            output_dropped(dap->owner, dropped);
        handle(dap, item);
        item_free(item);
        taken++;
    }
    return taken == TURN_ITEMS;
}

/* ---- clients ---- */

static void add_link(struct dap *dap, int in_fd, int out_fd)
{
    for (int i = 0; i < DAP_LINKS; i++)
        if (!dap->links[i]) {
            dap->links[i] = link_new(dap, in_fd, out_fd);
            atomic_fetch_add(&dap->clients, dap->links[i] != NULL);
            return;
        }
    dap_log(dap, LLMSPELL_LOG_WARN, "dap: a client was refused: there are %d already", DAP_LINKS);
    close(in_fd);
}

/* As many as there is room for, so that those of them that have gone already are seen to make room
 * before others are refused. */
static void accept_clients(struct dap *dap)
{
    int fd, yes = 1, room = 0;
    for (int i = 0; i < DAP_LINKS; i++)
        room += !dap->links[i];
    if (room == 0)
        room = 1; /* who is refused */
    while (room-- > 0 &&
           (fd = accept4(dap->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        add_link(dap, fd, fd);
    }
}

static void ignore_reply(void *data, const char *msg_type, json_t *content)
{
    (void)data;
    (void)msg_type;
    json_decref(content);
}

void server_end_kernel(struct dap *dap)
{
    struct llmspell_request request = {.size = sizeof request,
                                       .flags = LLMSPELL_REQUEST_CONTROL,
                                       .msg_type = "shutdown_request",
                                       .content = json_pack("{s:b}", "restart", 0),
                                       .parent = "",
                                       .reply = ignore_reply};
    dap->kernel->submit(dap->ctx, &request);
}

static void drop_link(struct dap *dap, int i)
{
    struct link *link = dap->links[i];
    bool was_used = link->session->phase != PHASE_NEW;
    if (!link->session->leaves)
        session_lost(link->session);
    bool goes_on = link->session->run && !link->session->ends;
    dap->links[i] = NULL;
    atomic_fetch_sub(&dap->clients, 1);
    bool last = link->stdio || was_used;
    link_free(link);
    if (!dap->single || !last)
        return;
    if (goes_on)
        dap->outlived = true;
    else
        server_end_kernel(dap);
}

static void drop_ended(struct dap *dap)
{
    for (int i = 0; i < DAP_LINKS; i++) {
        struct link *link = dap->links[i];
        bool over = link && link->session->phase == PHASE_ENDED && !link->first;
        if (link && (over || link->broken || (link->ended && !link->session->leaves)))
            drop_link(dap, i);
    }
}

/* ---- the loop ---- */

enum { WAKE, LISTENER, INS, OUTS = INS + DAP_LINKS, POLLED = OUTS + DAP_LINKS };

static void fill(const struct dap *dap, struct pollfd *fds)
{
    fds[WAKE] = (struct pollfd){.fd = dap->inbox.fd, .events = POLLIN};
    fds[LISTENER] = (struct pollfd){.fd = dap->listener, .events = POLLIN};
    for (int i = 0; i < DAP_LINKS; i++) {
        const struct link *link = dap->links[i];
        fds[INS + i] =
            (struct pollfd){.fd = link && !link->ended ? link->in_fd : -1, .events = POLLIN};
        fds[OUTS + i] =
            (struct pollfd){.fd = link && link->first ? link->out_fd : -1, .events = POLLOUT};
    }
}

static void resume_sessions(const struct dap *dap)
{
    for (int i = 0; i < DAP_LINKS; i++)
        if (dap->links[i])
            session_resume(dap->links[i]->session);
}

static void *run(void *data)
{
    struct dap *dap = data;
    struct pollfd fds[POLLED];
    eventfd_t count;
    bool more = false;
    while (!atomic_load(&dap->ending)) {
        int timeout = requests_progress(dap);
        fill(dap, fds);
        if (poll(fds, POLLED, more ? 0 : timeout) < 0 && errno != EINTR)
            break;
        if (fds[WAKE].revents)
            eventfd_read(dap->inbox.fd, &count);
        for (int i = 0; i < DAP_LINKS; i++) {
            if (fds[OUTS + i].revents)
                link_write(dap->links[i]);
            if (fds[INS + i].revents)
                link_read(dap->links[i]);
        }
        more = take_items(dap);
        resume_sessions(dap);
        drop_ended(dap);
        if (fds[LISTENER].revents)
            accept_clients(dap);
    }
    return NULL;
}

/* ---- start and stop ---- */

static int32_t listen_on(struct dap *dap, struct llmspell_call *call, int port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    socklen_t size = sizeof *v4;
    int yes = 1;
    if (inet_pton(AF_INET, dap->ip, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, dap->ip, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        size = sizeof *v6;
    } else {
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/ip",
                                "[protocol.dap] ip %s is not a numeric address, as 127.0.0.1 is",
                                dap->ip);
    }
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, BACKLOG) != 0) {
        int why = errno;
        if (fd >= 0)
            close(fd);
        return llmspell_fail_at(call, why == EADDRINUSE ? LLMSPELL_EBUSY : LLMSPELL_ENETWORK,
                                "/port", "cannot listen on %s port %d: %s; port 0 takes a free one",
                                dap->ip, port, strerror(why));
    }
    getsockname(fd, (struct sockaddr *)&address, &size);
    dap->bound = ntohs(address.ss_family == AF_INET ? v4->sin_port : v6->sin6_port);
    dap->listener = fd;
    return 0;
}

static int32_t start_listening(struct dap *dap, struct llmspell_call *call, const json_t *wanted)
{
    const struct llmspell_listen *inherited = call->host->extension(call->ctx, LLMSPELL_LISTEN);
    int port = (int)llmspell_integer(wanted, "port", dap->port);
    int32_t fd;
    if (inherited && inherited->take(call->ctx, "dap", &fd) == 0) {
        dap->listener = fd;
        return 0;
    }
    return port < 0 ? 0 : listen_on(dap, call, port);
}

static void release(struct dap *dap)
{
    for (int i = 0; i < DAP_LINKS; i++) {
        if (dap->links[i])
            link_free(dap->links[i]);
        dap->links[i] = NULL;
    }
    atomic_store(&dap->clients, 0);
    session_free(dap->bus);
    dap->bus = dap->owner = NULL;
    if (dap->listener >= 0)
        close(dap->listener);
    dap->listener = -1;
    dap->bound = 0;
    json_decref(dap->program);
    dap->program = NULL;
    inbox_close(&dap->inbox);
}

static int start_thread(struct dap *dap)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's */
    int failed = pthread_create(&dap->thread, NULL, run, dap);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(dap->thread, "dap");
    return failed;
}

static int32_t join_bus(struct dap *dap)
{
    int32_t code = dap->kernel->subscribe(dap->ctx, on_event, dap, &dap->subscription);
    if (code < 0)
        return code;
    code = dap->kernel->receive(dap->ctx, "debug_request", on_request, dap);
    if (code < 0)
        dap->kernel->unsubscribe(dap->ctx, dap->subscription);
    return code;
}

/* `llmspell debug` gives the descriptors of stdio, and its file. */
static void take_wishes(struct dap *dap, const json_t *wanted)
{
    json_t *program = json_object_get(wanted, "launch");
    int in_fd = (int)llmspell_integer(wanted, "input_fd", -1);
    int out_fd = (int)llmspell_integer(wanted, "output_fd", -1);
    dap->single = llmspell_bool(wanted, "single", 0);
    dap->program = program ? json_deep_copy(program) : NULL;
    if (in_fd >= 0 && out_fd >= 0)
        add_link(dap, in_fd, out_fd);
}

int32_t server_start(struct dap *dap, struct llmspell_call *call, const json_t *wanted,
                     json_t **ret_connection)
{
    int32_t code = inbox_open(&dap->inbox);
    if (code < 0)
        return llmspell_fail(call, code, "no eventfd: %s", strerror(errno));
    atomic_store(&dap->ending, false);
    dap->outlived = false;
    dap->bus = session_new(dap, NULL);
    code = dap->bus ? start_listening(dap, call, wanted) : LLMSPELL_ENOMEM;
    if (code == 0)
        take_wishes(dap, wanted);
    if (code == 0 && (code = join_bus(dap)) < 0)
        llmspell_fail(call, code, "another plugin answers debug_request already");
    if (code < 0) {
        release(dap);
        return code;
    }
    int failed = start_thread(dap);
    if (failed) {
        dap->kernel->receive(dap->ctx, "debug_request", NULL, NULL);
        dap->kernel->unsubscribe(dap->ctx, dap->subscription);
        release(dap);
        return llmspell_fail(call, LLMSPELL_EIO, "cannot start a thread: %s", strerror(failed));
    }
    dap->serving = true;
    json_t *connection =
        dap->bound ? json_pack("{s:s, s:i}", "ip", dap->ip, "port", dap->bound) : json_object();
    return llmspell_return(call, ret_connection, connection);
}

/* What is on its way has been answered by now; what came since is answered here. */
void server_stop(struct dap *dap)
{
    if (!dap->serving)
        return;
    dap->kernel->receive(dap->ctx, "debug_request", NULL, NULL);
    dap->kernel->unsubscribe(dap->ctx, dap->subscription);
    atomic_store(&dap->ending, true);
    inbox_stop(&dap->inbox);
    pthread_join(dap->thread, NULL);
    dap->owner = NULL; /* nobody reads events any more */
    take_items(dap);
    requests_clear(dap);
    release(dap);
    dap->serving = false;
}
