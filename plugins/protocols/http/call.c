/* SPDX-License-Identifier: Apache-2.0
 * A request in the kernel: between submit and `done` it is the kernel's, and its connection is
 * suspended, so that nothing of it goes away. */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "http.h"

static void on_reply(void *data, const char *msg_type, json_t *content)
{
    (void)msg_type;
    answer_reply(data, content);
}

/* The last of the callbacks: from here on the request is the plugin's thread's again. */
static void on_done(void *data)
{
    struct request *request = data;
    struct http *http = request->http;
    pthread_mutex_lock(&http->lock);
    bool first = !http->replied;
    request->next = http->replied;
    http->replied = request;
    if (first)
        eventfd_write(http->wake, 1); /* with the lock: afterwards http may be gone */
    pthread_mutex_unlock(&http->lock);
}

struct request *calls_take(struct http *http)
{
    struct request *ordered = NULL;
    pthread_mutex_lock(&http->lock);
    struct request *taken = http->replied;
    http->replied = NULL;
    pthread_mutex_unlock(&http->lock);
    while (taken) {
        struct request *next = taken->next;
        taken->next = ordered;
        ordered = taken;
        taken = next;
    }
    return ordered;
}

static int write_header(const struct http *http, const char *msg_id, const char *msg_type,
                        char *text, size_t room)
{
    return snprintf(text, room,
                    "{\"msg_id\":\"%s\",\"msg_type\":\"%s\",\"session\":\"http-%016llx\","
                    "\"username\":\"http\",\"version\":\"" LLMSPELL_MESSAGES_VERSION
                    "\",\"date\":\"\"}",
                    msg_id, msg_type, (unsigned long long)http->nonce);
}

int32_t call_submit(struct request *request, json_t *content)
{
    struct http *http = request->http;
    char header[320];
    snprintf(request->msg_id, sizeof request->msg_id, "http-%016llx-%llu",
             (unsigned long long)http->nonce, (unsigned long long)++http->calls);
    int size = write_header(http, request->msg_id, "tool_request", header, sizeof header);
    struct llmspell_request own = {.size = sizeof own,
                                   .msg_type = "tool_request",
                                   .content = content,
                                   .parent = header,
                                   .parent_size = (uint32_t)size,
                                   .data = request,
                                   .reply = on_reply,
                                   .done = on_done};
    return http->kernel->submit(http->ctx, &own);
}

static void drop_reply(void *data, const char *msg_type, json_t *content)
{
    (void)data;
    (void)msg_type;
    json_decref(content);
}

void call_interrupt(struct request *request)
{
    struct http *http = request->http;
    char header[320], msg_id[64];
    snprintf(msg_id, sizeof msg_id, "http-%016llx-%llu", (unsigned long long)http->nonce,
             (unsigned long long)++http->calls);
    int size = write_header(http, msg_id, "interrupt_request", header, sizeof header);
    struct llmspell_request own = {.size = sizeof own,
                                   .flags = LLMSPELL_REQUEST_CONTROL,
                                   .msg_type = "interrupt_request",
                                   .content = json_pack("{s:s}", "msg_id", request->msg_id),
                                   .parent = header,
                                   .parent_size = (uint32_t)size,
                                   .reply = drop_reply};
    if (own.content) /* without one all that is executed would end */
        http->kernel->submit(http->ctx, &own);
}
