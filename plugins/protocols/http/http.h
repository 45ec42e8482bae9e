/* SPDX-License-Identifier: Apache-2.0
 * The insides of the plugin, shared by its files. One thread does all the work: libmicrohttpd
 * speaks HTTP, a request becomes a tool_request on the kernel's bus, and its connection is
 * suspended until the reply is there. */
#ifndef HTTP_H
#define HTTP_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <llmspell/kernel.h>
#include <llmspell/protocol.h>
#include <llmspell/tool.h>

#include "../shared/text.h"

#define HTTP_CLIENTS 256 /* connections at a time; more wait to be accepted */
#define HTTP_TOKEN_MIN 16
#define HTTP_TOKEN_MAX 256

/* How long a client may take, in milliseconds: then its connection is closed. */
#define HTTP_FIRST_MS 10000 /* from connecting to the end of the first request's headers */
#define HTTP_NEXT_MS 60000  /* from an answer to the end of the next request's headers */
#define HTTP_GONE_MS 200    /* to read the next of what one has sent who closed his side */
#define HTTP_BODY_MS 60000  /* for a body, and to read an answer, plus 1 s for each 64 KiB */

struct request;

/* ---- peer.c: a connection ---- */

struct peer {
    struct peer *next, **link;
    int fd;
    int64_t deadline; /* when it is closed, monotonic; 0: not while it is the kernel's turn */
    bool gone;        /* it has closed its side */
    struct request *request; /* the present one, or NULL */
};

struct http {
    const struct llmspell_host *host;
    struct llmspell_ctx *ctx;
    const struct llmspell_kernel *kernel;
    char ip[46]; /* as configured, like the next three */
    int port;
    char own_token[HTTP_TOKEN_MAX + 1];
    size_t max_body;

    /* while it serves */
    bool serving;
    char token[HTTP_TOKEN_MAX + 1];
    char host_ip[46]; /* where it listens; "" if that is no TCP socket */
    int bound;
    int listener, epoll, wake;
    struct MHD_Daemon *daemon;
    pthread_t thread;
    atomic_bool ending;
    atomic_int clients;
    pthread_mutex_t lock;
    struct request *replied; /* by the kernel; guarded by lock */

    /* of the thread */
    struct peer *peers;
    unsigned answering; /* requests that the kernel has, or whose answer is being sent */
    uint64_t nonce, calls;
    int64_t refused_at; /* when the log last told of a client without the token */
};

int64_t http_now_ms(void);
__attribute__((format(printf, 3, 4))) void http_log(const struct http *http, int32_t level,
                                                    const char *format, ...);

/* libmicrohttpd's callback: a connection begins or ends. */
void peer_notify(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code);
struct peer *peer_of(struct MHD_Connection *connection);
void peer_allow(struct peer *peer, int64_t base_ms, size_t bytes); /* sets its deadline */

/* Closes those that are late. Returns for how long the others may go on, -1: for ever. */
int peers_expire(struct http *http);

/* It sends nothing more: its call is cancelled, or it is read to the end. */
void peer_gone(struct peer *peer);

/* ---- route.c: what is asked for ---- */

enum command {
    COMMAND_NONE,
    COMMAND_HEALTH,
    COMMAND_LIST,
    COMMAND_INFO,
    COMMAND_INVOKE,
    COMMAND_TEST
};

struct route {
    enum command command;
    char *name; /* of the tool, or NULL; to be freed */
};

/* COMMAND_NONE: there is no such path. */
struct route route_find(const char *path);
const char *route_methods(const struct route *route); /* for Allow */
bool route_takes(const struct route *route, const char *method);

/* The content of the tool_request, but for params, with what the query says. NULL: it has been
 * answered with what is wrong. */
json_t *route_content(struct request *request);

/* ---- request.c: one request ---- */

enum phase {
    PHASE_BODY,    /* headers are there, the body comes */
    PHASE_WORKING, /* the kernel has it, the connection is suspended */
    PHASE_ANSWERED /* the answer is there, or on its way */
};

struct request {
    struct request *next; /* in http.replied */
    struct http *http;
    struct peer *peer;
    struct MHD_Connection *connection;
    struct route route;
    enum phase phase;
    bool sent;    /* the answer has been queued */
    bool counted; /* in http.answering */
    bool cut;     /* what follows on the connection cannot be told from this request */
    struct text body;
    size_t drained;   /* bytes of a body that nobody wants */
    unsigned status;  /* of the answer; 0: there is none yet */
    struct text text; /* of the answer */
    char msg_id[64];
};

enum MHD_Result request_handle(void *data, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context);
void request_completed(void *data, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode code);

/* The kernel has replied: its connection goes on. */
void request_resume(struct request *request);

/* ---- call.c: a request in the kernel ---- */

/* Takes over content. Negative: not accepted; else the reply becomes the answer, and the request is
 * put into http.replied. */
int32_t call_submit(struct request *request, json_t *content);
void call_interrupt(struct request *request);

/* Those that the kernel has replied to since; in order. */
struct request *calls_take(struct http *http);

/* ---- answer.c ---- */

/* Sets the answer: an error of HTTP, or one about the request (status 0: that of code). */
__attribute__((format(printf, 5, 6))) void answer_error(struct request *request, unsigned status,
                                                        int32_t code, const char *path,
                                                        const char *format, ...);
/* Sets it to a reply of the kernel, or to another object; takes it over. [any-thread] */
void answer_reply(struct request *request, json_t *reply);

/* Queues the answer that is set. */
enum MHD_Result answer_send(struct request *request);

/* ---- guard.c: who may ask ---- */

bool guard_token_is_good(const char *token);
bool guard_make_token(char token[HTTP_TOKEN_MAX + 1]);
bool guard_is_authorized(const struct http *http, const char *authorization);

/* Does a Host header name this machine? A page in a browser whose name was rebound to our address
 * sends another one. fd: the connection. */
bool guard_knows_host(const char *host, int fd);

/* ---- listen.c ---- */

/* Sets listener, host_ip and bound. listener stays -1 where nothing is to be listened on. */
int32_t listen_open(struct http *http, struct llmspell_call *call, const json_t *wanted);

/* ---- server.c: the thread ---- */

int32_t server_start(struct http *http, struct llmspell_call *call, const json_t *wanted,
                     json_t **ret_connection);
void server_stop(struct http *http);

#endif
