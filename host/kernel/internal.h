/* SPDX-License-Identifier: Apache-2.0
 * The insides of the kernel, shared by the files of this folder only. */
#ifndef HOST_KERNEL_INTERNAL_H
#define HOST_KERNEL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include <llmspell/runtime.h>

#include "kernel/history.h"
#include "kernel/kernel.h"
#include "plugin/call.h"
#include "tool/invoke.h"
#include "util/memory.h"

/* ---- operation.c: one request from submit to done ---- */

struct operation {
    struct operation *next;         /* in a queue */
    struct operation *left, *right; /* in the kernel's list of active ones */
    struct operation *beneath;  /* on the executor's stack: what this one runs in the midst of */
    struct subshell *subshell;  /* counted; NULL: the parent shell */
    struct lane *lane;          /* of the executor that it waits in; NULL: in none */
    void (*errand)(void *data); /* for a pool: all that there is to do */
    void *errand_data;
    struct kernel *kernel;
    struct llmspell_ctx *origin;
    const char *msg_type;            /* borrowed from the table or from text */
    json_t *content;                 /* ours */
    json_t *metadata;                /* ours; NULL: none */
    struct llmspell_buffer *buffers; /* ours, in one block with their bytes; NULL: none */
    uint32_t buffer_count;
    void *data;
    void (*reply)(void *data, const char *msg_type, json_t *content);
    void (*input)(void *data, json_t *content);
    void (*done)(void *data);
    struct handler *plugin; /* held: of a protocol plugin that is about to be called; or NULL */
    bool quiet;             /* no busy and idle: a part of another request */
    int64_t started_ns;     /* CLOCK_MONOTONIC of its submit */
    uint32_t metric;        /* its row of the kernel's metrics */
    uint32_t held;          /* callbacks that run; guarded by the kernel's lock, as detached */
    bool detached;          /* its client is gone: no more callbacks */
    struct cancel cancel;
    const struct callback_functions *functions; /* that its tools may call back; [executor] */
    unsigned depth;                             /* of tools that called them back; [executor] */
    atomic_bool aborted; /* to be answered with status aborted, without running */
    uint32_t flags;
    uint32_t parent_size;
    int64_t history_line; /* of an execution that the history keeps; 0: of none */
    char text[];          /* parent, NUL, msg_type, NUL */
};

struct operation *operation_new(struct kernel *kernel, struct llmspell_ctx *origin,
                                const struct llmspell_request *request);
void operation_free(struct operation *operation);

/* busy; then the caller works; then operation_finish: reply, idle, done, free. */
void operation_begin(struct operation *operation);

/* Keeps the client's callbacks from being detached while they run; false: they are already. */
bool operation_hold(struct operation *operation);
void operation_release(struct operation *operation);

/* Answers the client with an error in place of what comes later. The kernel's lock is held, and
 * let go while the callbacks run. */
void operation_detach(struct operation *operation);

/* {"status":"error","ename","evalue","traceback":[]} — what every failed request gets. */
json_t *error_reply(int code, const char *message);

/* The same for a field of the request: invalid_params, "path": "/field", message "field …". */
__attribute__((format(printf, 2, 3))) json_t *field_reply(const char *field, const char *format,
                                                          ...);

/* Publishes an event on behalf of operation (or NULL); content is borrowed. */
void publish(struct kernel *kernel, const struct operation *operation, const char *msg_type,
             const json_t *content);

/* The same for a plugin; parent: JSON text of the header of the request that causes it, or "". */
int publish_for(struct kernel *kernel, const char *msg_type, const json_t *content,
                const char *parent, uint32_t parent_size);

/* The same with metadata and buffers: `extra` holds those, and nothing else that counts. */
void publish_with(struct kernel *kernel, const struct operation *operation, const char *msg_type,
                  const json_t *content, const struct llmspell_message *extra);

/* ---- queue.c ---- */

/* What the executor runs one after the other; of other lanes, also in the midst: the parent shell,
 * each subshell, the debugger. */
struct lane {
    unsigned queued; /* guarded by the lock of the executor's queue */
    bool runs;       /* something of it is on the stack; executor thread only */
};

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct operation *first, **last;
    unsigned length, waiting; /* waiting: threads inside queue_pop */
    struct memory_mark mark;
    bool rests; /* no work has come since memory was given back */
    bool closed;
};

void queue_init(struct queue *queue);
void queue_clear(struct queue *queue);
void queue_push(struct queue *queue, struct operation *operation);
struct operation *queue_pop(struct queue *queue); /* waits; NULL once closed and empty */
bool queue_remove(struct queue *queue, struct operation *operation); /* false: it is not there */
/* Takes the first one that is wanted out of the queue; NULL if there is none. */
struct operation *queue_take(struct queue *queue,
                             bool (*is_wanted)(const struct operation *operation, const void *data),
                             const void *data);
void queue_close(struct queue *queue);

/* ---- event.c ---- */

struct subscriber {
    uint64_t id;
    llmspell_event_fn event;
    void *data;
};

struct events {
    pthread_rwlock_t lock;
    struct subscriber *subscribers;
    size_t count;
    uint64_t next_id;
};

int events_init(struct events *events);
void events_clear(struct events *events);

/* ---- output.c: streams, joined by time and size ---- */

struct output {
    struct kernel *kernel;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    const struct operation *operation; /* whose text it is */
    int32_t stream;                    /* of the text that waits */
    char *text;
    size_t size;
    int64_t flushed_ns;
    bool flusher_runs, closed;
    pthread_t flusher;
};

void output_init(struct output *output, struct kernel *kernel);
void output_clear(struct output *output);
void output_begin(struct output *output, const struct operation *operation);
void output_end(struct output *output); /* sends what waits; no text belongs to the operation now */
/* Text that no runtime wrote, but a child or a library. False: no code runs that it belongs to. */
bool output_take(struct output *output, int32_t stream, const char *text, size_t size);
void output_write(struct output *output, int32_t stream, const char *text, size_t size);
void output_flush(struct output *output); /* everything, now */

/* ---- pool.c: tool calls from outside, and handlers ---- */

#define POOL_THREADS_MAX 64

struct pool {
    struct queue queue;
    pthread_t threads[POOL_THREADS_MAX];
    unsigned started, limit;
};

void pool_init(struct pool *pool, unsigned limit);
void pool_submit(struct pool *pool, struct operation *operation);
void pool_stop(struct pool *pool);

/* ---- executor.c ---- */

#define EXECUTOR_DEPTH_MAX 16 /* requests on the executor's stack */

struct executor {
    struct kernel *kernel;
    struct queue queue;
    struct output output;
    char runtime[MANIFEST_NAME_MAX + 1]; /* the plugin's name */
    struct plugin *plugin;               /* counted */
    struct llmspell_ctx *ctx;
    const struct llmspell_runtime *table;
    void *self;
    pthread_t thread;
    bool started;
    atomic_uint pending;   /* queued or running */
    atomic_uint count;     /* execution_count of the parent shell */
    struct lane parent;    /* of the parent shell */
    struct lane debuggee;  /* of debuggee_request */
    atomic_bool debugged;  /* a debuggee_request has come */
    const char *stack_end; /* lowest address of the thread's stack; executor thread only */
    struct pool errands;   /* tool calls of scripts, while other lanes may want the executor */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool opened;                  /* the attempt is over */
    struct error failure;         /* of opening; code 0 = the runtime is there */
    struct operation *current;    /* top of the stack of what runs */
    unsigned depth;               /* of that stack */
    struct executor_input *input; /* the innermost code that waits for a line */
};

void executor_init(struct executor *executor, struct kernel *kernel);
int executor_start(struct executor *executor, struct error *ret_error);
void executor_submit(struct executor *executor, struct operation *operation);
void executor_interrupt(struct executor *executor, const struct operation *only);
void executor_drop(struct executor *executor,
                   struct operation *operation); /* interrupted, queued */
void executor_stop(struct executor *executor);   /* ends the thread; nothing may run */
void executor_run(struct executor *executor, struct operation *operation); /* [executor] */

/* ---- executor_input.c: a script's question to its client ---- */

int32_t executor_input_ask(struct operation *operation, const char *prompt, bool password,
                           json_t **ret_value);
void executor_input(struct executor *executor, const json_t *content); /* input_reply */
void executor_input_ends(struct executor *executor, const struct operation *operation);

/* ---- executor_nest.c: requests of other lanes in the midst of one that runs ---- */

/* Puts an operation on the stack of what runs, and takes it off again. [executor] */
void executor_nest_push(struct executor *executor, struct operation *operation);
void executor_nest_pop(struct executor *executor);

/* Has the runtime call executor_nest_serve soon, if a request waits that may run now. */
void executor_nest_attend(struct executor *executor);

/* Runs what waits of lanes that are not on the stack; returns how many it ran. [executor] */
int32_t executor_nest_serve(struct executor *executor);

/* The same, and sleeps until there is something; ECANCELLED once operation has to end. [executor]
 */
int32_t executor_nest_sleep(struct executor *executor, struct operation *operation);

/* Serves, or sleeps until `changed` is signalled. The executor's lock is held. [executor] */
void executor_nest_wait(struct executor *executor);

/* kernel_answer, on a thread of its own if requests of other shells may come meanwhile. [executor]
 */
int executor_nest_answer(struct operation *operation, const char *msg_type, const json_t *content,
                         json_t **ret_reply);

/* The runtime is there, or on its way: it may have comms. */
bool executor_is_started(struct executor *executor);

/* executor_api.c: the extension of runtimes, by its id. */
const void *executor_extension(struct llmspell_ctx *ctx, const char *id);

/* Publishes what a failed execution must show. */
void executor_show_error(const struct operation *operation, const json_t *reply);

/* ---- comm.c ---- */

/* True for comm_open, comm_msg, comm_close, comm_info_request. */
bool comm_is(const char *msg_type);

/* What becomes of the runtime's answer to such a message: rc and, if it is 0, reply, which is taken
 * over. Returns the reply's content. */
json_t *comm_answer(struct operation *operation, int rc, json_t *reply, const char *why);

/* ---- subshell.c ---- */

#define SUBSHELL_ID_SIZE 33 /* 32 hexadecimal digits */

struct subshell {
    struct subshell *next; /* in the set */
    struct subshells *set;
    char id[SUBSHELL_ID_SIZE];
    atomic_uint refs;    /* the set's, and one of each operation */
    atomic_uint count;   /* execution_count */
    atomic_bool deleted; /* what is queued is not run any more */
    struct lane lane;
    struct history history;
};

struct subshells {
    pthread_mutex_t lock;
    struct subshell *first;
    unsigned count;
    size_t history_room;
    atomic_uint alive; /* in the set, or deleted and still in use */
};

void subshells_init(struct subshells *set, size_t history_room);
void subshells_clear(struct subshells *set);

/* Finds the subshell that the request's header names and notes it in operation; ENOTFOUND. */
int subshell_bind(struct operation *operation);
void subshell_unref(struct subshell *subshell);

/* False, at next to no cost, if nothing but the parent shell is or was there. */
static inline bool subshells_exist(struct subshells *set)
{
    return atomic_load_explicit(&set->alive, memory_order_acquire) > 0;
}

/* Those of the request's shell. */
atomic_uint *subshell_count(const struct operation *operation);
struct history *subshell_history(const struct operation *operation);

json_t *answer_create_subshell(struct operation *operation);
json_t *answer_delete_subshell(struct operation *operation);
json_t *answer_list_subshell(struct operation *operation);

/* ---- the answers: each returns the reply's content, a new reference ---- */

/* operation: whose request it is, or that of the script that calls. */
json_t *answer_tool(struct operation *operation, const json_t *content);
json_t *answer_kernel_info(struct kernel *kernel);
json_t *answer_status(struct kernel *kernel);

/* A request of the runtime itself, answered at once. EUNKNOWN: not for runtimes. */
int kernel_answer(struct operation *operation, const char *msg_type, const json_t *content,
                  json_t **ret_reply);

/* ---- metrics.c: how many requests of each type, and how long they took ---- */

#define METRIC_TYPES 24    /* rows: the kernel's own types, and one for all of plugins */
#define METRIC_BUCKETS 272 /* 8 for each doubling from 1 µs to more than two hours */

struct metric {
    atomic_ulong count, errors;
    atomic_llong total_ns, max_ns;
    atomic_ulong buckets[METRIC_BUCKETS]; /* 32 bits are full in two busy days */
};

void metric_add(struct metric *metric, int64_t ns, bool failed);

/* {"count", "errors", "latency_ms": {"p50", "p90", "p99", "max", "mean"}} */
json_t *metric_json(const struct metric *metric);

/* ---- dispatch.c ---- */

/* The message type of a row of the metrics; NULL after the last. */
const char *dispatch_type(size_t row);

/* True for message types that the kernel answers itself: no plugin may handle them. */
bool dispatch_knows(const char *msg_type);

/* ---- kernel.c ---- */

struct handler {
    char *msg_type;
    const struct llmspell_ctx *ctx; /* whose it is */
    llmspell_handler_fn function;   /* one of the two */
    llmspell_receiver_fn receiver;
    void *data;
    unsigned held; /* by operations that call it, or are about to */
    struct handler *next;
};

/* ---- handlers.c: message types that plugins answer ---- */

/* As handle and receive of struct llmspell_kernel; one of function and receiver, or neither. */
int handlers_set(struct kernel *kernel, struct llmspell_ctx *ctx, const struct handler *wanted);

/* Holds the handler of the operation's type in operation->plugin; false: there is none. */
bool handlers_find(struct kernel *kernel, struct operation *operation);

/* Lets go of it. */
void handlers_release(struct operation *operation);

/* Removes those of ctx (NULL: all) once nobody calls them. The kernel's lock is held. */
void handlers_remove(struct kernel *kernel, const struct llmspell_ctx *ctx);

bool handlers_exist(struct kernel *kernel, const char *msg_type);

struct kernel {
    char *id, *workdir;
    void (*shutdown)(void *data, const json_t *content);
    void (*manage)(void *data, struct operation *operation);
    json_t *(*status)(void *data);
    int (*take_socket)(void *data, const struct llmspell_ctx *owner, const char *name, int *ret_fd);
    void *data;
    struct events events;
    struct executor executor;
    struct history history;
    struct subshells subshells;
    struct pool pool;
    json_t *busy, *idle; /* contents of the two status events */
    json_t *info;        /* kernel_info_reply, made once */
    int64_t started_ns;
    atomic_ulong requests, errors;
    struct metric metrics[METRIC_TYPES];

    pthread_mutex_t lock;      /* guards what follows */
    pthread_cond_t drained;    /* the last operation left, or a callback of a client ended */
    struct registry *registry; /* counted; kernel_registry hands it out */
    struct operation *active;  /* head of the list */
    unsigned active_count;
    int64_t idle_ns; /* when the last operation left */
    bool closing;
    struct handler *handlers;
};

/* "x_request" → "x_reply", another "x" → "x_reply", too (buffer of 64 bytes). */
const char *reply_type(const char *msg_type, char *buffer);

#endif
