/* SPDX-License-Identifier: Apache-2.0
 * The channel of an embedded kernel: submit, then wait for reply and idle. */
#include "kernel/local.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "plugin/call.h"

/* Shared by the caller and the operation: whoever is last frees it. */
struct waiter {
    atomic_int owners;
    struct kernel *kernel;
    const struct llmspell_client_request *request; /* the caller's; not after detached */
    pthread_mutex_t lock;
    bool detached;
    json_t *reply;
    int done_fd;
    char parent[64];
};

static void waiter_drop(struct waiter *waiter)
{
    if (atomic_fetch_sub(&waiter->owners, 1) != 1)
        return;
    json_decref(waiter->reply);
    pthread_mutex_destroy(&waiter->lock);
    if (waiter->done_fd >= 0)
        close(waiter->done_fd);
    free(waiter);
}

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    struct waiter *waiter = data;
    (void)msg_type;
    waiter->reply = content;
}

static void on_done(void *data)
{
    struct waiter *waiter = data;
    eventfd_write(waiter->done_fd, 1);
    waiter_drop(waiter);
}

static void on_event(void *data, const struct llmspell_message *message)
{
    struct waiter *waiter = data;
    if (strcmp(message->parent, waiter->parent) != 0)
        return;
    pthread_mutex_lock(&waiter->lock);
    if (!waiter->detached)
        waiter->request->event(waiter->request->data, message);
    pthread_mutex_unlock(&waiter->lock);
}

/* On the executor's thread, which waits for the answer anyway. */
static void on_input(void *data, json_t *content)
{
    struct waiter *waiter = data;
    json_t *value = waiter->request->input(waiter->request->data, content);
    struct llmspell_request reply = {
        .size = sizeof reply,
        .msg_type = "input_reply",
        .content = json_pack("{s:o}", "value", value ? value : json_null()),
    };
    json_decref(content);
    kernel_submit(waiter->kernel, NULL, &reply);
}

static struct waiter *waiter_new(struct kernel *kernel,
                                 const struct llmspell_client_request *request)
{
    static atomic_ulong serial;
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (!waiter)
        return NULL;
    atomic_init(&waiter->owners, 2);
    waiter->kernel = kernel;
    waiter->request = request;
    pthread_mutex_init(&waiter->lock, NULL);
    waiter->done_fd = eventfd(0, EFD_CLOEXEC);
    snprintf(waiter->parent, sizeof waiter->parent, "{\"msg_id\":\"local-%lu\"}",
             atomic_fetch_add(&serial, 1));
    return waiter;
}

static void interrupt(struct waiter *waiter)
{
    json_t *content = json_object();
    char msg_id[64];
    snprintf(msg_id, sizeof msg_id, "%.*s", (int)strlen(waiter->parent) - 13, waiter->parent + 11);
    json_object_set_new(content, "msg_id", json_string(msg_id));
    json_decref(kernel_cancel(waiter->kernel, content));
    json_decref(content);
}

static int wait_done(struct waiter *waiter, const struct llmspell_client_request *request)
{
    int64_t end = request->timeout_ms < 0
                      ? -1
                      : clock_monotonic_ns() + (int64_t)request->timeout_ms * 1000000;
    for (;;) {
        struct pollfd fds[2] = {{.fd = waiter->done_fd, .events = POLLIN},
                                {.fd = request->cancel_fd, .events = POLLIN}};
        int64_t left = end < 0 ? -1 : (end - clock_monotonic_ns()) / 1000000;
        int n = poll(fds, 2, end < 0 ? -1 : left < 0 ? 0 : (int)left + 1);
        if (n < 0 && errno != EINTR)
            return LLMSPELL_EIO;
        if (n > 0 && fds[0].revents) {
            eventfd_t count;
            return eventfd_read(waiter->done_fd, &count) == 0 ? 0 : LLMSPELL_EIO;
        }
        if (n == 0 && end >= 0 && clock_monotonic_ns() >= end)
            return LLMSPELL_ETIMEOUT;
        if (n > 0 && fds[1].revents) {
            char drain[256];
            if (read(request->cancel_fd, drain, sizeof drain) < 0 && errno != EAGAIN)
                return LLMSPELL_EIO;
            interrupt(waiter);
        }
    }
}

static int submit(struct waiter *waiter, const struct llmspell_client_request *request)
{
    struct llmspell_request own = {
        .size = sizeof own,
        .msg_type = request->msg_type,
        .content = json_deep_copy(request->content),
        .parent = waiter->parent,
        .parent_size = (uint32_t)strlen(waiter->parent),
        .data = waiter,
        .reply = on_reply,
        .input = request->input ? on_input : NULL,
        .done = on_done,
    };
    return kernel_submit(waiter->kernel, NULL, &own);
}

int local_request(struct kernel *kernel, const struct llmspell_client_request *request,
                  json_t **ret_reply, struct error *ret_error)
{
    struct waiter *waiter = waiter_new(kernel, request);
    uint64_t id = 0;
    if (!waiter)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = request->event ? kernel_subscribe(kernel, on_event, waiter, &id) : 0;
    if (rc == 0)
        rc = submit(waiter, request);
    if (rc < 0)
        waiter_drop(waiter); /* the operation's share */
    else
        rc = wait_done(waiter, request);
    if (rc < 0 && waiter->done_fd >= 0 && rc == LLMSPELL_ETIMEOUT)
        interrupt(waiter);
    if (id)
        kernel_unsubscribe(kernel, id);
    pthread_mutex_lock(&waiter->lock);
    waiter->detached = true;
    if (rc == 0) {
        *ret_reply = waiter->reply;
        waiter->reply = NULL;
    }
    pthread_mutex_unlock(&waiter->lock);
    waiter_drop(waiter);
    if (rc < 0)
        error_set(ret_error, rc, "%s was not answered: %s", request->msg_type,
                  llmspell_error_text(rc));
    return rc;
}
