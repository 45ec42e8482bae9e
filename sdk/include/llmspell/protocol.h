/* SPDX-License-Identifier: Apache-2.0
 * For authors of protocol plugins. Two halves behind one entry: serve (in a kernel process) and
 * connect (a client's channel to a running kernel). docs/protocols.md shows both. A protocol that
 * only serves leaves connect, request and disconnect NULL: commands do not reach its kernels. */
#ifndef LLMSPELL_PROTOCOL_H
#define LLMSPELL_PROTOCOL_H

#include <llmspell/host.h>
#include <llmspell/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One request of a client; borrowed for the call. */
struct llmspell_client_request {
    uint32_t size;
    int32_t timeout_ms;      /* how long to wait for the reply; -1 = for ever */
    const char *msg_type;    /* "execute_request", "tool_request", … */
    const json_t *content;   /* a JSON object; borrowed */
    llmspell_event_fn event; /* events that this request causes, in order; or NULL */
    /* The kernel asks for a line: returns a new JSON string, or NULL at end of input. Or NULL. */
    json_t *(*input)(void *data, const json_t *content);
    void *data;        /* for event and input */
    int32_t cancel_fd; /* when it becomes readable: read it empty, send interrupt_request, wait on.
                          -1: none */
    int32_t reserved;
};

struct llmspell_protocol {
    uint32_t size;        /* sizeof at the plugin's build */
    uint16_t abi_major;   /* LLMSPELL_ABI_MAJOR of the plugin's build */
    uint16_t needs_minor; /* lowest host minor that the plugin needs */
    json_t *(*json_identity)(const json_t *, const char *); /* &json_object_get; never called */

    /* Required. config: the section [protocol.NAME], typed by the manifest; borrowed. [main] */
    int32_t (*open)(struct llmspell_call *call, const json_t *config, void **ret_self);

    /* Binds and starts to serve on threads of the plugin's own; returns when clients can connect.
     * wanted: the connection object that a client gave (ports and key to use), or an empty object;
     * borrowed. *ret_connection: what a client needs to connect, a new reference; the host adds
     * kernel_id, pid, protocol and writes it to the connection file (mode 0600). [main] */
    int32_t (*serve)(void *self, struct llmspell_call *call, const json_t *wanted,
                     json_t **ret_connection);

    /* Ends serving: sends what is queued, joins the threads, closes the ports. Requests that are on
     * their way have been answered before. The kernel may go on: a reload stops a protocol, and
     * opens it anew from a new file, with `wanted` as it was; serve may come again after stop.
     * [main] */
    void (*stop)(void *self);

    /* Connects to the kernel that a connection file describes; waits until it answers.
     * timeout_ms: -1 = for ever. ETIMEOUT, ENETWORK, EINVAL. [any-thread, one per channel] */
    int32_t (*connect)(void *self, struct llmspell_call *call, const json_t *connection,
                       int32_t timeout_ms, void **ret_channel);

    /* Sends one request and waits for its reply (and its idle event); calls event meanwhile.
     * *ret_reply: the content of the reply, a new reference. [the channel's thread] */
    int32_t (*request)(void *channel, struct llmspell_call *call,
                       const struct llmspell_client_request *request, json_t **ret_reply);

    /* Frees a channel; NULL is fine. [the channel's thread] */
    void (*disconnect)(void *channel);

    /* Frees self, after stop. No callback of a request comes any more. [main] */
    void (*close)(void *self);

    /* Facts for status and a state dump while it serves: *ret_status is a new JSON object;
     * "clients" is the number of connected clients. At once; not while serve or stop runs. Or
     * NULL. [any-thread] */
    int32_t (*status)(void *self, json_t **ret_status);
};

LLMSPELL_EXPORT extern const struct llmspell_protocol llmspell_protocol_v1;

#ifdef __cplusplus
}
#endif

#define LLMSPELL_PROTOCOL(...)                                                                     \
    const struct llmspell_protocol llmspell_protocol_v1 = {.size =                                 \
                                                               sizeof(struct llmspell_protocol),   \
                                                           .abi_major = LLMSPELL_ABI_MAJOR,        \
                                                           .needs_minor = 0,                       \
                                                           .json_identity = json_object_get,       \
                                                           __VA_ARGS__};

#endif
