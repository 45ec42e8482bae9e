/* SPDX-License-Identifier: Apache-2.0
 * Extension "llmspell.kernel/1": the message bus, for protocol plugins. One vocabulary for all:
 * Jupyter-shaped messages {msg_type, content, parent}; docs/messages.md lists them. */
#ifndef LLMSPELL_KERNEL_H
#define LLMSPELL_KERNEL_H

#include <llmspell/host.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LLMSPELL_KERNEL "llmspell.kernel/1"

/* The version of Jupyter's messaging protocol that the messages follow. */
#define LLMSPELL_MESSAGES_VERSION "5.6"

/* llmspell_request.flags */
#define LLMSPELL_REQUEST_CONTROL 1u /* answer at once; never wait behind queued executes */

/* A piece of binary data that comes with a message of a comm. */
struct llmspell_buffer {
    const void *data; /* NULL only if size is 0 */
    uint64_t size;
};

/* A message as subscribers see it. Everything is borrowed for the callback. */
struct llmspell_message {
    uint32_t size;
    uint32_t parent_size;  /* bytes of parent */
    const char *msg_type;  /* "stream", "status", … */
    const json_t *content; /* a JSON object; do not change it */
    const char
        *parent; /* JSON text of the header of the request that caused this event; "" if none */

    /* Since 1.1, and only if size says so. */
    const json_t *metadata;                /* a JSON object, or NULL for {} */
    const struct llmspell_buffer *buffers; /* of comm_open, comm_msg, comm_close */
    uint32_t buffer_count;
    uint32_t reserved;
};

/* A request. The struct and its strings are borrowed for the call of submit; content is taken over
 * by submit in every case, and used on other threads: nothing else may hold it, or a value in it.
 * The callbacks may come from any thread, also before submit returns. */
struct llmspell_request {
    uint32_t size;        /* sizeof at the plugin's build */
    uint32_t flags;       /* LLMSPELL_REQUEST_… */
    const char *msg_type; /* "execute_request", … */
    json_t *content;      /* a JSON object or NULL for {} ; taken over */
    const char *parent;   /* JSON text of this request's own header; copied; events carry it */
    uint32_t parent_size; /* bytes of parent */
    uint32_t reserved;

    void *data; /* handed to the callbacks */

    /* Exactly once if submit returned 0: the reply. content is a new reference for the callee.
     * comm_open, comm_msg and comm_close have none for the client: content is {"status"} then, and
     * msg_type "comm_open_reply" … */
    void (*reply)(void *data, const char *msg_type, json_t *content);

    /* The running code asks for a line: content {"prompt", "password"}, a new reference for the
     * callee. Answer by submitting "input_reply" {"value"}. NULL: this client has no stdin. */
    void (*input)(void *data, json_t *content);

    /* Exactly once if submit returned 0, last of all (after reply and the idle event). Or NULL. */
    void (*done)(void *data);

    /* Since 1.1, and only if size says so. Both are copied. */
    const json_t *metadata;                /* a JSON object or NULL */
    const struct llmspell_buffer *buffers; /* of comm_open, comm_msg, comm_close */
    uint32_t buffer_count;
    uint32_t reserved_1;
};

typedef void (*llmspell_event_fn)(void *data, const struct llmspell_message *message);

/* Handles a message type for the kernel: content borrowed, *ret_reply a new reference. */
typedef int32_t (*llmspell_handler_fn)(void *data, const json_t *content, json_t **ret_reply);

/* A request that a plugin has received and not yet answered. */
struct llmspell_pending;

/* Gets a request to answer later, by llmspell_kernel.answer, once. content (a JSON object) and
 * header (JSON text of the request's own; "" if it has none) are borrowed
 * until then; header has header_size bytes. It comes on the thread that submits, in the order of
 * submit: be quick, never call submit from it. */
typedef void (*llmspell_receiver_fn)(void *data, struct llmspell_pending *pending,
                                     const json_t *content, const char *header,
                                     uint32_t header_size);

struct llmspell_kernel {
    uint32_t size;
    uint32_t reserved;

    /* Hands a request to the kernel; returns at once. Negative: not accepted, no callback comes
     * (EINVAL: no such message; EBUSY: shutting down; EUNAVAILABLE: the plugin is being stopped or
     * replaced, while the kernel goes on). [any-thread] */
    int32_t (*submit)(struct llmspell_ctx *ctx, const struct llmspell_request *request);

    /* Calls event for every event from now on, on the thread that causes it: be quick, never call
     * submit from it. [any-thread] */
    int32_t (*subscribe)(struct llmspell_ctx *ctx, llmspell_event_fn event, void *data,
                         uint64_t *ret_id);

    /* No callback runs for id after this returns. Not from inside the callback. [any-thread] */
    void (*unsubscribe)(struct llmspell_ctx *ctx, uint64_t id);

    /* Registers the handler of a message type that the kernel itself does not answer (the dap
     * plugin: "debug_request"). EBUSY if one is there. handler NULL removes it. [any-thread] */
    int32_t (*handle)(struct llmspell_ctx *ctx, const char *msg_type, llmspell_handler_fn handler,
                      void *data);

    /* As handle, for answers that take their time. When the kernel or a reload stops the plugin, no
     * more come, and stop() has to answer what is left. Not from inside of receiver. Since 1.3.
     * [any-thread] */
    int32_t (*receive)(struct llmspell_ctx *ctx, const char *msg_type,
                       llmspell_receiver_fn receiver, void *data);

    /* Answers a request that receiver got; reply: its content with "status", taken over. Since 1.3.
     * [any-thread] */
    void (*answer)(struct llmspell_ctx *ctx, struct llmspell_pending *pending, json_t *reply);

    /* Broadcasts an event; content is borrowed, as is parent: JSON text of the header of the
     * request that causes it, or "". Not from inside of a subscriber. Since 1.3. [any-thread] */
    int32_t (*publish)(struct llmspell_ctx *ctx, const char *msg_type, const json_t *content,
                       const char *parent, uint32_t parent_size);
};

#ifdef __cplusplus
}
#endif

#endif
