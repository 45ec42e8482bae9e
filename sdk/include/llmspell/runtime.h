/* SPDX-License-Identifier: Apache-2.0
 * For authors of runtime plugins (script languages). The kernel owns one executor thread; all but
 * interrupt is called there. The runtime's manifest carries `language_info`, `banner` and
 * `help_links` of kernel_info_reply, so that the kernel answers it without loading the runtime. */
#ifndef LLMSPELL_RUNTIME_H
#define LLMSPELL_RUNTIME_H

#include <llmspell/host.h>
#include <llmspell/kernel.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Extension "llmspell.executor/1": what a runtime asks of the kernel while a request runs. All of
 * them: [executor], with the call that request() was given. */
#define LLMSPELL_EXECUTOR "llmspell.executor/1"
#define LLMSPELL_STDOUT 1
#define LLMSPELL_STDERR 2

/* A function of the script that a tool calls back (see request_calling). arguments: an object,
 * borrowed; *ret_result: a new reference. On failure: a negative code, with the reason in
 * ret_message (message_size bytes, NUL included). [executor] */
typedef int32_t (*llmspell_function_fn)(void *data, const char *name, const json_t *arguments,
                                        json_t **ret_result, char *ret_message,
                                        uint64_t message_size);

struct llmspell_executor {
    uint32_t size;
    uint32_t reserved;

    /* Output text (UTF-8; other bytes are replaced by U+FFFD) of a stream. The kernel publishes it
     * as `stream` events: the first at once, then joined by time and size; order is kept. Size 0:
     * takes in what children and C libraries have printed on descriptors 1 and 2 up to now. */
    void (*write)(struct llmspell_call *call, int32_t stream, const char *text, uint64_t size);

    /* Publishes any other event: display_data, execute_result, error, clear_output … content is
     * taken over. Text written before comes before it. */
    int32_t (*emit)(struct llmspell_call *call, const char *msg_type, json_t *content);

    /* A request to the kernel itself (tool_request, status_request, …), answered before it returns.
     * content is taken over; *ret_reply is a new reference: the reply's content. */
    int32_t (*request)(struct llmspell_call *call, const char *msg_type, json_t *content,
                       json_t **ret_reply);

    /* Asks the client for a line. *ret_value: a new JSON string without the newline. EUNAVAILABLE:
     * the client has no stdin; ECANCELLED: interrupted; ENOTFOUND: end of input. */
    int32_t (*input)(struct llmspell_call *call, const char *prompt, int32_t password,
                     json_t **ret_value);

    /* As request, for a tool_request to invoke a tool whose parameters hold functions: content has
     * "functions", an array of the names of those parameters, and each has the text
     * "function:NAME", with its own name, as its value. function is called while this waits, with
     * one of the names. Since 1.1. */
    int32_t (*request_calling)(struct llmspell_call *call, const char *msg_type, json_t *content,
                               llmspell_function_fn function, void *data, json_t **ret_reply);

    /* Since 1.1: emit with metadata (a JSON object or NULL; taken over as content is) and count
     * buffers, which are borrowed for the call. For comm_open, comm_msg, comm_close. */
    int32_t (*emit_buffers)(struct llmspell_call *call, const char *msg_type, json_t *content,
                            json_t *metadata, const struct llmspell_buffer *buffers,
                            uint32_t count);

    /* Since 1.1: what came with the request that runs; borrowed until request() returns. */
    const struct llmspell_buffer *(*buffers)(struct llmspell_call *call, uint32_t *ret_count);
    const json_t *(*metadata)(struct llmspell_call *call); /* an object; NULL if there is none */

    /* Since 1.1: JSON text of the header of the request that runs, which is the parent of all that
     * it emits; "" if there is none. Terminated; borrowed until request() returns. */
    const char *(*header)(struct llmspell_call *call);

    /* Runs the requests that attend announced: the runtime's own request() is called for each, on
     * this thread, with a call of its own, and has returned when serve returns. So all that belongs
     * to the request that runs has to be put aside, and text that it wrote handed to write before.
     * Returns how many it ran; 0 is fine, and means nothing. Also request and input may call
     * request() in the same way, but only of a runtime that has attend. Since 1.1. */
    int32_t (*serve)(struct llmspell_call *call);

    /* As serve, and sleeps until there is something to run: while a debugger has stopped the code
     * of the request that runs. Returns how many it ran; ECANCELLED: the request has to end.
     * Since 1.3.
     */
    int32_t (*wait)(struct llmspell_call *call);
};

struct llmspell_runtime {
    uint32_t size;        /* sizeof at the plugin's build */
    uint16_t abi_major;   /* LLMSPELL_ABI_MAJOR of the plugin's build */
    uint16_t needs_minor; /* lowest host minor that the plugin needs */
    json_t *(*json_identity)(const json_t *, const char *); /* &json_object_get; never called */

    /* Required. config: the section [runtime.NAME], typed by the manifest; borrowed. [executor] */
    int32_t (*open)(struct llmspell_call *call, const json_t *config, void **ret_self);

    /* Required. Answers execute_request, complete_request, inspect_request, is_complete_request,
     * if it has comms, comm_open, comm_msg, comm_close and comm_info_request, and, if it can be
     * debugged, debuggee_request (docs/debuggee.md); what of these it answers with EUNKNOWN, the
     * kernel answers for it. A comm_open that is not answered with status "ok" makes the kernel
     * send comm_close. content: borrowed; *ret_reply: a new reference, the reply's content with
     * "status": an error of the script is a reply {"status":"error","ename","evalue","traceback"}
     * and 0. A negative code is for failures of the runtime itself, or EUNKNOWN for a message it
     * does not know. The kernel adds "execution_count" and, for run/exec, "path" and "args" to
     * execute_request (docs/messages.md), sends busy, execute_input, idle, and publishes an error
     * reply as the event `error`; the runtime emits execute_result itself. [executor] */
    int32_t (*request)(void *self, struct llmspell_call *call, const char *msg_type,
                       const json_t *content, json_t **ret_reply);

    /* Ends the running request soon, whatever it does; harmless when nothing runs. It may come just
     * before request can notice: once it can, request asks host->cancelled, which says so, too.
     * Called only between open and close. [any-thread] */
    void (*interrupt)(void *self);

    /* Frees self. [executor] */
    void (*close)(void *self);

    /* Facts for a state dump: *ret_status is a new JSON object; "heap_bytes" is shown by
     * `llmspell kernel status`. At once, also while request runs. Called only between open and
     * close. Or NULL. [any-thread] */
    int32_t (*status)(void *self, json_t **ret_status);

    /* Requests of other subshells wait: call executor->serve soon, at a point where request can be
     * entered anew; harmless when nothing runs or nothing waits any more. Remembered if it comes
     * just before request can notice. interrupt then means the innermost request; those around it
     * that have to end, too, find host->cancelled set when they go on. Called only between open and
     * close. Or NULL: requests wait for their turn, whatever their subshell. Since 1.1.
     * [any-thread] */
    void (*attend)(void *self);
};

LLMSPELL_EXPORT extern const struct llmspell_runtime llmspell_runtime_v1;

#ifdef __cplusplus
}
#endif

#define LLMSPELL_RUNTIME(...)                                                                      \
    const struct llmspell_runtime llmspell_runtime_v1 = {.size = sizeof(struct llmspell_runtime),  \
                                                         .abi_major = LLMSPELL_ABI_MAJOR,          \
                                                         .needs_minor = 0,                         \
                                                         .json_identity = json_object_get,         \
                                                         __VA_ARGS__};

#endif
