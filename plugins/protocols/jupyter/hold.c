/* SPDX-License-Identifier: Apache-2.0
 * Held messages lie as they are in a ZeroMQ pair within the process, each behind a frame that says
 * when it came. Costs nothing once the first client has subscribed. */
#include "hold.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include <llmspell/error.h>

#define ADDRESS "inproc://hold"

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int hold_open(struct hold *hold, void *context)
{
    int zero = 0;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&hold->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    hold->in = zmq_socket(context, ZMQ_PAIR);
    hold->out = zmq_socket(context, ZMQ_PAIR);
    void *const ends[] = {hold->in, hold->out};
    for (int i = 0; i < 2; i++)
        if (!ends[i] || zmq_setsockopt(ends[i], ZMQ_SNDHWM, &zero, sizeof zero) < 0 ||
            zmq_setsockopt(ends[i], ZMQ_RCVHWM, &zero, sizeof zero) < 0 ||
            zmq_setsockopt(ends[i], ZMQ_LINGER, &zero, sizeof zero) < 0)
            return LLMSPELL_EIO;
    return zmq_bind(hold->out, ADDRESS) == 0 && zmq_connect(hold->in, ADDRESS) == 0 ? 0
                                                                                    : LLMSPELL_EIO;
}

/* Looks at the oldest message; 0: there is none. */
static int find_oldest(struct hold *hold)
{
    if (!hold->has_oldest)
        hold->has_oldest = zmq_recv(hold->out, &hold->oldest, sizeof hold->oldest, ZMQ_DONTWAIT) ==
                           (int)sizeof hold->oldest;
    return hold->has_oldest;
}

/* Takes the frames of the oldest message: to socket, or (NULL) nowhere. */
static void take_oldest(struct hold *hold, void *socket)
{
    int more = 1;
    while (more) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, hold->out, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more(&frame);
        if (!socket || zmq_msg_send(&frame, socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0)
            zmq_msg_close(&frame);
    }
    hold->bytes -= hold->oldest.size;
    hold->has_oldest = 0;
}

static void drop_old(struct hold *hold)
{
    int64_t since = now_ms() - HOLD_MS;
    while (find_oldest(hold) && hold->oldest.at < since)
        take_oldest(hold, NULL);
}

static int is_full(const struct hold *hold, size_t size)
{
    return hold->in && hold->bytes && hold->bytes + size > HOLD_BYTES;
}

static void wait_room(struct hold *hold, pthread_mutex_t *lock, size_t size)
{
    struct timespec until;
    int result = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += HOLD_MS / 1000;
    while (is_full(hold, size) && result == 0)
        result = pthread_cond_timedwait(&hold->changed, lock, &until);
    if (result != 0)
        hold_end(hold); /* nobody comes */
}

void *hold_begin(struct hold *hold, pthread_mutex_t *lock, size_t size, int may_wait)
{
    if (!hold->in)
        return NULL;
    drop_old(hold);
    if (is_full(hold, size) && may_wait)
        wait_room(hold, lock, size);
    else if (is_full(hold, size) && hold->bytes > 2 * HOLD_BYTES)
        hold_end(hold);
    struct hold_mark mark = {now_ms(), size};
    if (!hold->in || zmq_send(hold->in, &mark, sizeof mark, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
        return NULL;
    hold->bytes += size;
    return hold->in;
}

void hold_release(struct hold *hold, void *socket)
{
    if (!hold->in)
        return;
    drop_old(hold);
    while (find_oldest(hold))
        take_oldest(hold, socket);
    hold_end(hold);
}

void hold_end(struct hold *hold)
{
    void *const ends[] = {hold->in, hold->out};
    hold->in = hold->out = NULL;
    for (int i = 0; i < 2; i++)
        if (ends[i])
            zmq_close(ends[i]);
    if (ends[0])
        pthread_cond_broadcast(&hold->changed);
    hold->bytes = 0;
}

void hold_close(struct hold *hold)
{
    pthread_cond_destroy(&hold->changed);
}
