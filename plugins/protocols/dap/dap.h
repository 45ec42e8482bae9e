/* SPDX-License-Identifier: Apache-2.0
 * The insides of the plugin, shared by its files. One thread does all the work: it reads the
 * clients, takes from the inbox what other threads have, and asks the kernel. A session is one
 * client: an editor (with a link), or the bus, which is JupyterLab's. What is debugged is asked by
 * debuggee_request (docs/debuggee.md). */
#ifndef DAP_H
#define DAP_H

#include <pthread.h>
#include <time.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <llmspell/kernel.h>
#include <llmspell/protocol.h>
#include <llmspell/tool.h>

#include "frame.h"
#include "inbox.h"

#define DAP_LINKS 8 /* clients at a time; one of them debugs */

struct session;
struct request;
struct dap;

/* ---- link.c: a connection to an editor ---- */

struct out {
    struct out *next;
    size_t size, sent;
    char *data;
};

struct link {
    struct dap *dap;
    int in_fd, out_fd; /* the same one, but for stdio */
    bool stdio;
    bool ended;  /* nothing more comes */
    bool broken; /* nothing more can be sent, or what came is not DAP */
    struct frames frames;
    struct out *first, **last; /* what is still to be written */
    size_t queued;             /* bytes of it */
    struct session *session;
};

/* Takes the descriptors over; NULL: out of memory, they are closed. */
struct link *link_new(struct dap *dap, int in_fd, int out_fd);
void link_free(struct link *link);

/* Reads what there is and hands each message to the session. */
void link_read(struct link *link);

/* Writes what can be written now. */
void link_write(struct link *link);

/* Queues a message and writes what can be written. Borrows it. */
void link_send(struct link *link, const json_t *message);

/* ---- session.c: one client ---- */

enum phase {
    PHASE_NEW,      /* before initialize */
    PHASE_READY,    /* initialized */
    PHASE_LAUNCHED, /* a program of its own, from launch on */
    PHASE_ATTACHED, /* to what the kernel runs */
    PHASE_ENDED     /* after disconnect */
};

struct session {
    struct dap *dap;
    struct link *link; /* NULL: the bus */
    enum phase phase;
    unsigned number;                     /* names it in the headers of what it asks */
    json_int_t seq;                      /* of what it sends */
    uint64_t asked;                      /* requests to the kernel so far */
    bool zero_lines, zero_columns, uris; /* what its client counts from, and how it names files */
    bool invalidates, progress;          /* events that its client understands */
    bool configured;                     /* configurationDone has come */
    const struct request *launching;     /* launch, until it is answered */
    json_t *held;                        /* messages of the client that wait, in order */
    json_t *mappings;                    /* pathMappings: [{"localRoot", "remoteRoot"}]; or NULL */
    json_t *launch;                      /* arguments of launch, or NULL */
    struct request *run;                 /* the execution of its program */
    char run_id[64];                     /* its msg_id */
    bool leaves;                         /* disconnect has come */
    bool no_debug;                       /* the program only runs */
    bool restarts,
        ends; /* the program begins anew, or has been ended, once its execution is over */
    json_t *breakpoints; /* path → [{"line", …}], for debugInfo */
    json_t *stopped;     /* ids of the stopped threads, for debugInfo */
};

struct session *session_new(struct dap *dap, struct link *link);
void session_free(struct session *session); /* its requests on the way are forgotten */

/* One message of the client. pending and header: of the bus; else NULL and "". */
void session_receive(struct session *session, const json_t *message,
                     struct llmspell_pending *pending, const char *header, uint32_t header_size);

/* What was held, once it need not be any more. */
void session_resume(struct session *session);

/* The client has gone without disconnect. */
void session_lost(struct session *session);

/* Sends {"type": "event", "event", "body"}; body is taken over, NULL: none. */
void session_event(struct session *session, const char *event, json_t *body);

/* True if it may debug: nobody else does. It is the owner from then on. */
bool session_own(struct session *session);

/* Lets go of the debuggee: hooks and breakpoints go, what is stopped goes on. */
void session_detach(struct session *session);

/* What the debuggee is to know of a session that attaches: a new object. */
json_t *session_options(const struct session *session);

/* ---- request.c: one request of a client, or one of ours, until it is answered ---- */

typedef void (*finish_fn)(struct request *request, const json_t *reply);

struct request {
    struct request *next;
    struct dap *dap;
    struct session *session; /* NULL: gone meanwhile */
    bool own;                /* nobody is answered */
    json_int_t seq;          /* of the client's request */
    char *command;
    json_t *arguments; /* ours, converted; NULL once they are handed on */
    struct llmspell_pending *pending;
    const char *header; /* of the bus: borrowed until it is answered */
    uint32_t header_size;
    uint64_t ticket; /* of what was asked of the kernel */
    char msg_id[64]; /* of that */
    struct timespec since;
    bool announced; /* progressStart was sent */
    finish_fn finish;
};

/* A request of a client; NULL: out of memory. */
struct request *request_new(struct session *session, const char *command, json_int_t seq,
                            struct llmspell_pending *pending, const char *header,
                            uint32_t header_size);

/* One of ours, which nobody is answered. */
struct request *request_own(struct session *session, const char *command);

/* Each of these answers, and frees, the request. body is taken over; NULL: none. */
void request_respond(struct request *request, json_t *body);
__attribute__((format(printf, 2, 3))) void request_fail(struct request *request, const char *format,
                                                        ...);
void request_done(struct request *request); /* without an answer: one of ours */

/* Asks the kernel; content is taken over. finish gets the reply's content, on our thread. */
void request_submit(struct request *request, const char *msg_type, json_t *content,
                    finish_fn finish);

/* Asks the debuggee; arguments are taken over. finish NULL: the reply's body is the answer. */
void request_debuggee(struct request *request, const char *command, json_t *arguments,
                      finish_fn finish);

/* The usual finish: answers with the body of a debuggee_reply, or fails with its message. */
void request_answer(struct request *request, const json_t *reply);

/* Fails with what an error reply says. */
void request_refuse(struct request *request, const json_t *reply);

/* Tells clients that want it of what takes long. Milliseconds until it is to be called again; -1:
 * nothing is on its way. */
int requests_progress(struct dap *dap);

/* Cancels what a request asked of the kernel. */
void request_cancel(struct session *session, const char *msg_id);

/* The same for all that the session's client waits for. */
void requests_cancel(struct session *session);

/* The session's request of that seq that is on its way; NULL: none. */
struct request *request_find(const struct session *session, json_int_t seq);

/* Whether the kernel has one of the session's client. */
bool requests_wait(const struct session *session);

/* Whose request waits for the reply of that ticket; NULL: nobody's any more. */
struct session *requests_session(const struct dap *dap, uint64_t ticket);

void requests_forget(struct session *session);                              /* it ends */
void requests_reply(struct dap *dap, uint64_t ticket, const json_t *reply); /* of the kernel */
void requests_clear(struct dap *dap);                                       /* the end: all fail */

/* ---- launch.c: programs ---- */

void launch_request(struct request *request);
void attach_request(struct request *request);
void configuration_done(struct request *request);
void restart_request(struct request *request);
void terminate_request(struct request *request);
void disconnect_request(struct request *request);

/* Ends the program that the session runs, if it does. */
void launch_stop(struct session *session);

/* ---- breakpoints.c: requests about them, whose answers are remembered ---- */
void breakpoints_request(struct request *request);
void breakpoint_kinds_request(struct request *request); /* of functions, errors, data */

/* ---- jupyter.c: what JupyterLab asks beyond DAP ---- */

json_t *jupyter_cells(void); /* how cells are named, for the debuggee */
void jupyter_event(struct session *session, const char *event, const json_t *body);
void debug_info(struct request *request);
void dump_cell(struct request *request);
void modules_request(struct request *request);
void inspect_variables(struct request *request);
void jupyter_attach(struct request *request);

/* ---- output.c: events of the kernel for the owner ---- */
void output_event(struct session *session, const struct item *item);
void output_dropped(struct session *session, uint64_t count);

/* ---- convert.c: lines, columns and paths of clients ---- */
void convert_in(const struct session *session, json_t *value);  /* as the debuggee counts */
void convert_out(const struct session *session, json_t *value); /* as the client does */

/* ---- capabilities.c ---- */
json_t *capabilities(void); /* a new object */

/* ---- server.c: the thread ---- */

enum lost { LOST_AUTO, LOST_CONTINUE, LOST_TERMINATE };
enum listening { LISTEN_NOTHING, LISTEN_DEBUGGEE, LISTEN_ALL };

struct dap {
    const struct llmspell_host *host;
    struct llmspell_ctx *ctx;
    const struct llmspell_kernel *kernel;
    char ip[46];
    int port;
    enum lost lost;

    /* while it serves */
    bool serving;
    bool single;     /* `llmspell debug`: the kernel ends with its session */
    bool outlived;   /* … and that by its program, which goes on */
    json_t *program; /* of `llmspell debug FILE`: {"program", "args"}; or NULL */
    int listener, bound;
    struct inbox inbox;
    pthread_t thread;
    atomic_bool ending;
    atomic_int listening; /* which events the owner wants */
    atomic_int clients;
    uint64_t subscription;

    /* of the thread */
    struct link *links[DAP_LINKS];
    struct session *bus, *owner;
    struct request *requests;
    uint64_t tickets;
    unsigned sessions;
};

int32_t server_start(struct dap *dap, struct llmspell_call *call, const json_t *wanted,
                     json_t **ret_connection);
void server_stop(struct dap *dap);
void server_end_kernel(struct dap *dap); /* it was there for its one session */

__attribute__((format(printf, 3, 4))) void dap_log(const struct dap *dap, int32_t level,
                                                   const char *format, ...);

#endif
