/* SPDX-License-Identifier: Apache-2.0
 * The kernel: takes messages, runs them (executor thread, tool pool, or at once), publishes events.
 * Made by the commands (embedded) and by `kernel start`; protocol plugins reach it as the
 * extension "llmspell.kernel/1". docs/kernel.md draws the way of a message. */
#ifndef HOST_KERNEL_H
#define HOST_KERNEL_H

#include <jansson.h>
#include <stdbool.h>

#include <llmspell/kernel.h>

#include "config/config.h"
#include "plugin/catalog.h"
#include "tool/registry.h"
#include "util/error.h"

struct kernel;
struct operation; /* a request on its way */

struct kernel_options {
    const struct config *config;   /* counted */
    const struct catalog *catalog; /* counted */
    const char *id;                /* copied */
    const char *workdir;           /* absolute; copied */
    bool stores_history;           /* in $LLMSPELL_HOME/history, if [kernel] history says so */

    /* A shutdown_request came (its reply is on its way): end the process soon. content: its own,
     * borrowed. May be NULL. [any-thread] */
    void (*shutdown)(void *data, const json_t *content);

    /* A request that the owner of the process answers (reload_request, dump_request), soon and on
     * any thread, by operation_finish. NULL: such requests are refused. [any-thread] */
    void (*manage)(void *data, struct operation *operation);

    /* Further members of status_reply, about the process: a new object, or NULL. May be NULL.
     * [any-thread] */
    json_t *(*status)(void *data);

    /* The next listening socket of that name that this process inherited, for the protocol plugin
     * owner (llmspell/listen.h); ENOTFOUND, EIO. May be NULL: there are none. [main] */
    int (*take_socket)(void *data, const struct llmspell_ctx *owner, const char *name, int *ret_fd);
    void *data;
};

/* Makes a kernel. Threads start when they are needed. [main] */
int kernel_new(const struct kernel_options *options, struct kernel **ret_kernel,
               struct error *ret_error);

/* Starts the executor and opens the runtime without waiting for it. [main] */
int kernel_start_runtime(struct kernel *kernel, struct error *ret_error);

/* Waits until the runtime is open; its error if it could not be opened. [main] */
int kernel_wait_runtime(struct kernel *kernel, struct error *ret_error);

/* Gives a protocol plugin's context the kernel extension. [main] */
void kernel_attach(struct kernel *kernel, struct llmspell_ctx *ctx);

/* Before and after a protocol's stop, while the kernel goes on: takes no more requests from it,
 * answers those on their way with an error (what they run goes on), removes its handlers. No
 * callback of its requests comes afterwards. [main] */
void kernel_detach(struct kernel *kernel, struct llmspell_ctx *ctx);

/* As struct llmspell_kernel says; origin: whose request it is, or NULL. [any-thread] */
int kernel_submit(struct kernel *kernel, struct llmspell_ctx *origin,
                  const struct llmspell_request *request);
int kernel_subscribe(struct kernel *kernel, llmspell_event_fn event, void *data, uint64_t *ret_id);
void kernel_unsubscribe(struct kernel *kernel, uint64_t id);

/* Ends the running execution. [any-thread] */
void kernel_interrupt(struct kernel *kernel);

/* What an interrupt_request does: with "msg_id" in content it cancels the request of that id, else
 * it ends the running execution. Returns the reply's content, a new reference. [any-thread] */
json_t *kernel_cancel(struct kernel *kernel, const json_t *content);

/* True while something is executed or waits for it. [any-thread] */
bool kernel_is_busy(struct kernel *kernel);

/* For capture_set_take: what children and libraries print is the running cell's. [any-thread] */
bool kernel_take_output(void *kernel, int stream, const char *text, size_t size);

/* For how long nothing was active, in milliseconds; 0 while something is. [any-thread] */
int64_t kernel_idle_ms(struct kernel *kernel);

/* Takes no more requests, waits grace_ms for the active operations, interrupts what is left, waits
 * interrupt_ms more. Returns how many operations were abandoned; then kernel_free must not be
 * called (they still use it). [main] */
unsigned kernel_shutdown(struct kernel *kernel, int64_t grace_ms, int64_t interrupt_ms);

/* Ends the threads and frees everything; NULL is fine. Only when nothing is active. [main] */
void kernel_free(struct kernel *kernel);

/* Puts another configuration and other plugins in place; calls under way end with the old ones.
 * ENOMEM: nothing was changed. [main] */
int kernel_replace(struct kernel *kernel, const struct config *config,
                   const struct catalog *catalog, struct error *ret_error);

/* The tools as they are now: a new reference for registry_unref. [any-thread] */
struct registry *kernel_registry(struct kernel *kernel);

/* A state dump's part of the kernel: requests by type with latencies, operations, runtime, tools.
 * A new reference, or NULL. [main] */
json_t *kernel_dump(struct kernel *kernel);

/* What the owner of the process needs of a request that it answers; content is borrowed. */
const char *operation_type(const struct operation *operation);
const json_t *operation_content(const struct operation *operation);
const struct llmspell_ctx *operation_origin(const struct operation *operation);

/* Answers a request, once; takes over reply ({"status":…}). [any-thread] */
void operation_finish(struct operation *operation, json_t *reply);

const char *kernel_id(const struct kernel *kernel);

#endif
