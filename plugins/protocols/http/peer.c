/* SPDX-License-Identifier: Apache-2.0
 * Connections: who is there, how long he may still take, whether he is gone. Only the plugin's
 * thread. libmicrohttpd's own timeout begins anew with each byte, so that it never ends with a
 * client that sends one byte a minute. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "http.h"

/* Beside libmicrohttpd, which does not look at a connection whose call is under way, and overlooks
 * an end that comes together with data. */
static void watch(const struct http *http, struct peer *peer)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = peer};
    epoll_ctl(http->epoll, EPOLL_CTL_ADD, peer->fd, &event);
}

static void add_peer(struct http *http, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return; /* its requests are refused */
    peer->fd = info->connect_fd;
    peer->next = http->peers;
    peer->link = &http->peers;
    if (peer->next)
        peer->next->link = &peer->next;
    http->peers = peer;
    watch(http, peer);
    peer_allow(peer, HTTP_FIRST_MS, 0);
    atomic_fetch_add(&http->clients, 1);
    *context = peer;
}

static void remove_peer(struct http *http, struct peer *peer)
{
    epoll_ctl(http->epoll, EPOLL_CTL_DEL, peer->fd, NULL);
    *peer->link = peer->next;
    if (peer->next)
        peer->next->link = peer->link;
    atomic_fetch_sub(&http->clients, 1);
    free(peer);
}

void peer_notify(void *data, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add_peer(data, connection, context);
    else if (*context)
        remove_peer(data, *context);
}

struct peer *peer_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static bool is_read(const struct peer *peer)
{
    return !peer->request || (peer->request->phase == PHASE_BODY && !peer->request->sent);
}

void peer_allow(struct peer *peer, int64_t base_ms, size_t bytes)
{
    if (peer->gone && is_read(peer))
        peer->deadline = http_now_ms() + HTTP_GONE_MS;
    else
        peer->deadline = http_now_ms() + base_ms + (int64_t)(bytes >> 16) * 1000;
}

int peers_expire(struct http *http)
{
    int64_t now = 0, first = INT64_MAX;
    for (struct peer *peer = http->peers; peer; peer = peer->next) {
        if (!peer->deadline)
            continue;
        if (!now)
            now = http_now_ms();
        if (peer->deadline <= now) {
            shutdown(peer->fd, SHUT_RDWR); /* libmicrohttpd sees its end, and closes */
            peer->deadline = 0;
        } else if (peer->deadline < first) {
            first = peer->deadline;
        }
    }
    return first == INT64_MAX ? -1 : (int)(first - now);
}

void peer_gone(struct peer *peer)
{
    peer->gone = true;
    if (peer->request && peer->request->phase == PHASE_WORKING)
        call_interrupt(peer->request);
    else if (is_read(peer))
        peer_allow(peer, 0, 0);
}
