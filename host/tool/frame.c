/* SPDX-License-Identifier: Apache-2.0
 * Frames: 8 bytes of size and kind, then JSON text. */
#include "tool/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <llmspell/tool.h>

#include "plugin/call.h"

#define READ_AT_ONCE 65536
#define KEPT_MAX (1u << 20) /* bytes of buffer that a reader keeps between frames */

/* Sleeps until fd takes more. -EAGAIN: the time is up, or somebody wakes us. */
static int wait_for_room(int fd, const struct frame_wait *wait)
{
    int64_t left_ns = wait->until_ns - clock_monotonic_ns();
    struct pollfd fds[2] = {{.fd = fd, .events = POLLOUT}, {.fd = wait->wake, .events = POLLIN}};
    if (left_ns <= 0)
        return -EAGAIN;
    if (poll(fds, 2, (int)(left_ns / 1000000) + 1) < 0 && errno != EINTR)
        return -errno;
    return fds[1].revents ? -EAGAIN : 0;
}

int frame_write(int fd, enum frame_kind kind, const char *text, size_t size,
                const struct frame_wait *wait)
{
    struct frame_head head = {(uint32_t)size, (uint32_t)kind};
    struct iovec parts[2] = {{&head, sizeof head}, {(char *)text, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (size > UINT32_MAX)
        return -EMSGSIZE;
    while (message.msg_iovlen > 0) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL | (wait ? MSG_DONTWAIT : 0));
        if (n < 0 && errno == EINTR)
            continue;
        int rc = n < 0 && errno == EAGAIN && wait ? wait_for_room(fd, wait) : 0;
        if (rc < 0)
            return rc;
        if (n < 0 && errno == EAGAIN && wait)
            continue;
        if (n < 0)
            return -errno;
        while (message.msg_iovlen > 0 && (size_t)n >= message.msg_iov->iov_len) {
            n -= (ssize_t)message.msg_iov->iov_len;
            message.msg_iov++;
            message.msg_iovlen--;
        }
        if (message.msg_iovlen > 0) {
            message.msg_iov->iov_base = (char *)message.msg_iov->iov_base + n;
            message.msg_iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

int frame_write_json(int fd, enum frame_kind kind, const json_t *value,
                     const struct frame_wait *wait)
{
    LLMSPELL_CLEANUP_FREE char *text =
        value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    return text ? frame_write(fd, kind, text, strlen(text), wait) : -ENOMEM;
}

void frame_reader_init(struct frame_reader *reader, int fd, int flags, uint32_t limit)
{
    *reader = (struct frame_reader){.fd = fd, .flags = flags, .limit = limit};
}

void frame_reader_clear(struct frame_reader *reader)
{
    free(reader->data);
    reader->data = NULL;
    reader->used = reader->room = reader->taken = 0;
}

/* Takes the frame that was handed out off the buffer. */
static void drop_taken(struct frame_reader *reader)
{
    reader->used -= reader->taken;
    memmove(reader->data, reader->data + reader->taken, reader->used);
    reader->taken = 0;
    if (reader->used == 0 && reader->room > KEPT_MAX)
        frame_reader_clear(reader);
}

static int make_room(struct frame_reader *reader, size_t room)
{
    if (room <= reader->room)
        return 0;
    char *grown = realloc(reader->data, room);
    if (!grown)
        return -ENOMEM;
    reader->data = grown;
    reader->room = room;
    return 0;
}

static int read_more(struct frame_reader *reader, size_t wanted)
{
    size_t room = wanted > READ_AT_ONCE ? wanted : READ_AT_ONCE;
    int rc = make_room(reader, room);
    if (rc < 0)
        return rc;
    ssize_t n;
    do
        n = recv(reader->fd, reader->data + reader->used, reader->room - reader->used,
                 reader->flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -errno;
    if (n == 0)
        return -EPIPE;
    reader->used += (size_t)n;
    return 1;
}

int frame_next(struct frame_reader *reader, enum frame_kind *ret_kind, const char **ret_text,
               size_t *ret_size)
{
    struct frame_head head;
    if (reader->taken)
        drop_taken(reader);
    for (;;) {
        size_t wanted = sizeof head;
        if (reader->used >= sizeof head) {
            memcpy(&head, reader->data, sizeof head);
            if (head.size > reader->limit)
                return -EMSGSIZE;
            wanted += head.size;
        }
        if (reader->used >= wanted && reader->used >= sizeof head)
            break;
        int rc = read_more(reader, wanted);
        if (rc <= 0)
            return rc;
    }
    *ret_kind = (enum frame_kind)head.kind;
    *ret_text = reader->data + sizeof head;
    *ret_size = head.size;
    reader->taken = sizeof head + head.size;
    return 1;
}

uint32_t frame_hash(const char *text, size_t size)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

static int code_of(const char *name)
{
#define X(symbol, number, wire, text)                                                              \
    if (name && strcmp(name, wire) == 0)                                                           \
        return symbol;
    LLMSPELL_ERRORS(X)
#undef X
    return LLMSPELL_EFAILED;
}

int frame_error(const json_t *value, struct error *ret_error)
{
    const char *message = llmspell_string(value, "message");
    return error_set_at(ret_error, code_of(llmspell_string(value, "code")),
                        llmspell_string(value, "path"), "%s", message ? message : "it failed");
}

json_t *frame_json(const char *text, size_t size)
{
    return json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);
}
