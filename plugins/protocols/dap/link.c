/* SPDX-License-Identifier: Apache-2.0
 * A connection to an editor: bytes in, frames out. Nothing blocks; what a client does not read is
 * kept, and the server takes no more from the inbox meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dap.h"

#define READ_SIZE 65536

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static void close_fds(int in_fd, int out_fd)
{
    close(in_fd);
    if (out_fd != in_fd)
        close(out_fd);
}

struct link *link_new(struct dap *dap, int in_fd, int out_fd)
{
    struct link *link = calloc(1, sizeof *link);
    struct session *session = link ? session_new(dap, link) : NULL;
    if (!session) {
        free(link);
        close_fds(in_fd, out_fd);
        return NULL;
    }
    set_nonblocking(in_fd);
    set_nonblocking(out_fd);
    link->dap = dap;
    link->in_fd = in_fd;
    link->out_fd = out_fd;
    link->stdio = in_fd != out_fd;
    link->last = &link->first;
    link->session = session;
    return link;
}

static void drop_first(struct link *link)
{
    struct out *gone = link->first;
    link->first = gone->next;
    if (!link->first)
        link->last = &link->first;
    link->queued -= gone->size - gone->sent;
    free(gone->data);
    free(gone);
}

void link_free(struct link *link)
{
    session_free(link->session);
    while (link->first)
        drop_first(link);
    frames_clear(&link->frames);
    close_fds(link->in_fd, link->out_fd);
    free(link);
}

void link_write(struct link *link)
{
    while (link->first) {
        struct out *out = link->first;
        ssize_t n = write(link->out_fd, out->data + out->sent, out->size - out->sent);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {
            link->broken = true;
            while (link->first)
                drop_first(link);
            return;
        }
        out->sent += (size_t)n;
        link->queued -= (size_t)n;
        if (out->sent == out->size)
            drop_first(link);
    }
}

void link_send(struct link *link, const json_t *message)
{
    size_t size = 0;
    char *data = link->broken ? NULL : frame_encode(message, &size);
    struct out *out = data ? calloc(1, sizeof *out) : NULL;
    if (!out) {
        if (!link->broken)
            dap_log(link->dap, LLMSPELL_LOG_ERROR, "dap: a message was lost: out of memory");
        free(data);
        return;
    }
    *out = (struct out){.size = size, .data = data};
    *link->last = out;
    link->last = &out->next;
    link->queued += size;
    link_write(link);
}

static void take_message(struct link *link, const char *text, size_t size)
{
    json_error_t error;
    LLMSPELL_CLEANUP_JSON json_t *message = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (message) {
        session_receive(link->session, message, NULL, "", 0);
        return;
    }
    dap_log(link->dap, LLMSPELL_LOG_WARN, "dap: a message is not JSON: %s (byte %d)", error.text,
            error.position);
    json_t *reply = json_pack(
        "{s:I, s:s, s:i, s:b, s:s, s:o}", "seq", ++link->session->seq, "type", "response",
        "request_seq", 0, "success", 0, "command", "", "message",
        json_sprintf("the message is not JSON: %s at byte %d", error.text, error.position));
    link_send(link, reply);
    json_decref(reply);
}

static void take_messages(struct link *link)
{
    const char *text, *why;
    size_t size;
    int32_t got;
    while ((got = frames_next(&link->frames, &text, &size, &why)) == 1)
        take_message(link, text, size);
    if (got == 0)
        return;
    dap_log(link->dap, LLMSPELL_LOG_WARN, "dap: a client was dropped: %s", why);
    link->ended = link->broken = true;
}

void link_read(struct link *link)
{
    while (!link->ended) {
        char *room = frames_room(&link->frames, READ_SIZE);
        ssize_t n = room ? read(link->in_fd, room, READ_SIZE) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            link->ended = true;
            return;
        }
        link->frames.used += (size_t)n;
        take_messages(link);
    }
}
