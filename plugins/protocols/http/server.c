/* SPDX-License-Identifier: Apache-2.0
 * The thread that does the work: libmicrohttpd runs when its epoll descriptor says so, the kernel's
 * replies wake it by an eventfd, and connections whose call is under way are watched for their end.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>

#include "http.h"

#define STOP_MS 2000 /* for answers that are on their way when the protocol is stopped */
#define EVENTS 64

/* ---- the loop ---- */

static void on_event(struct http *http, const struct epoll_event *event)
{
    eventfd_t count;
    if (event->data.ptr == &http->wake)
        eventfd_read(http->wake, &count);
    else if (event->data.ptr != &http->daemon)
        peer_gone(event->data.ptr);
}

static void take_replies(struct http *http)
{
    struct request *next;
    for (struct request *request = calls_take(http); request; request = next) {
        next = request->next;
        request_resume(request);
    }
}

/* Who closes makes room for one who waits to be accepted, but libmicrohttpd only asks for new ones
 * at its next run. */
static void run_daemon(struct http *http)
{
    int before;
    do {
        before = atomic_load(&http->clients);
        MHD_run(http->daemon);
    } while (atomic_load(&http->clients) < before);
}

static int shorter(int a, int b)
{
    return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

/* One turn; waits for at most limit_ms, and not if no answer is on its way; -1: for ever. */
static bool turn(struct http *http, int limit_ms)
{
    struct epoll_event events[EVENTS];
    MHD_UNSIGNED_LONG_LONG own;
    run_daemon(http);
    if (limit_ms >= 0 && http->answering == 0)
        return true;
    int timeout = shorter(peers_expire(http), limit_ms);
    if (MHD_get_timeout(http->daemon, &own) == MHD_YES)
        timeout = shorter(timeout, own > INT32_MAX ? INT32_MAX : (int)own);
    int count = epoll_wait(http->epoll, events, EVENTS, timeout);
    if (count < 0 && errno != EINTR)
        return false;
    for (int i = 0; i < count; i++)
        on_event(http, &events[i]);
    take_replies(http);
    return true;
}

/* Nobody new comes in; those who have an answer coming get it. */
static void finish(struct http *http)
{
    int64_t end = http_now_ms() + STOP_MS, left = STOP_MS;
    MHD_quiesce_daemon(http->daemon);
    while (http->answering > 0 && left > 0 && turn(http, (int)left))
        left = end - http_now_ms();
}

static void *run(void *data)
{
    struct http *http = data;
    while (!atomic_load(&http->ending) && turn(http, -1))
        ;
    if (atomic_load(&http->ending))
        finish(http);
    return NULL;
}

/* ---- start ---- */

static int32_t choose_token(struct http *http, struct llmspell_call *call, const json_t *wanted)
{
    const char *given = llmspell_string(wanted, "token");
    if (given && *given && !guard_token_is_good(given))
        return llmspell_fail_at(
            call, LLMSPELL_EINVAL, "/token",
            "token must be %d to %d letters, digits and -._~+/=", HTTP_TOKEN_MIN, HTTP_TOKEN_MAX);
    if (!given || !*given)
        given = http->own_token;
    snprintf(http->token, sizeof http->token, "%s", given);
    if (!*given && !guard_make_token(http->token))
        return llmspell_fail(call, LLMSPELL_EIO, "no random numbers: %s", strerror(errno));
    return 0;
}

/* A %00 would end the text: it becomes a character that is in no name. */
static size_t unescape(void *data, struct MHD_Connection *connection, char *text)
{
    (void)data;
    (void)connection;
    for (char *at = text; (at = strstr(at, "%00")); at += 3)
        at[2] = '1';
    return MHD_http_unescape(text);
}

static bool start_daemon(struct http *http)
{
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, request_handle, http,
        MHD_OPTION_LISTEN_SOCKET, http->listener, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)HTTP_CLIENTS, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_COMPLETED,
        request_completed, http, MHD_OPTION_UNESCAPE_CALLBACK, unescape, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, peer_notify, http, MHD_OPTION_END);
    return http->daemon;
}

static bool watch(const struct http *http, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    return epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

static bool start_loop(struct http *http)
{
    http->epoll = epoll_create1(EPOLL_CLOEXEC);
    http->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (http->epoll < 0 || http->wake < 0 || !start_daemon(http))
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info && watch(http, info->epoll_fd, &http->daemon) &&
           watch(http, http->wake, &http->wake);
}

static bool start_thread(struct http *http)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the host's */
    int failed = pthread_create(&http->thread, NULL, run, http);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(http->thread, "http");
    errno = failed;
    return !failed;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The listener is ours to close: libmicrohttpd would shut it down, and the host's copy with it. */
static void release(struct http *http)
{
    if (http->daemon) {
        MHD_quiesce_daemon(http->daemon);
        MHD_stop_daemon(http->daemon);
    }
    http->daemon = NULL;
    close_fd(&http->listener);
    close_fd(&http->epoll);
    close_fd(&http->wake);
    http->bound = 0;
    pthread_mutex_destroy(&http->lock);
}

static json_t *connection_of(const struct http *http)
{
    if (!http->bound) /* a Unix socket: who has made it knows where it is */
        return json_pack("{s:s}", "token", http->token);
    return json_pack("{s:s, s:i, s:s}", "ip", http->host_ip, "port", http->bound, "token",
                     http->token);
}

int32_t server_start(struct http *http, struct llmspell_call *call, const json_t *wanted,
                     json_t **ret_connection)
{
    int32_t code = choose_token(http, call, wanted);
    if (code == 0)
        code = listen_open(http, call, wanted);
    if (code < 0)
        return code;
    if (http->listener < 0) /* port -1 */
        return llmspell_return(call, ret_connection, json_object());
    http->daemon = NULL;
    http->epoll = http->wake = -1;
    http->replied = NULL;
    http->answering = 0;
    atomic_store(&http->ending, false);
    pthread_mutex_init(&http->lock, NULL);
    bool random = getrandom(&http->nonce, sizeof http->nonce, 0) == (ssize_t)sizeof http->nonce;
    if (!random || !start_loop(http) || !start_thread(http)) {
        code = llmspell_fail(call, LLMSPELL_EIO, "cannot start to serve HTTP: %s", strerror(errno));
        release(http);
        return code;
    }
    http->serving = true;
    return llmspell_return(call, ret_connection, connection_of(http));
}

/* What was on its way has been answered by the kernel before. */
void server_stop(struct http *http)
{
    if (!http->serving)
        return;
    http->serving = false;
    atomic_store(&http->ending, true);
    eventfd_write(http->wake, 1);
    pthread_join(http->thread, NULL);
    release(http);
}
