/* SPDX-License-Identifier: Apache-2.0
 * What is published before anybody has subscribed. A front end may send its first request before
 * its own subscription arrives (two connections, no order between them): the messages of that
 * moment are held, and sent when the first subscription comes. Used by transport.c, under the lock
 * of the iopub channel. */
#ifndef JUPYTER_HOLD_H
#define JUPYTER_HOLD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define HOLD_MS 1000         /* how long a message is worth holding */
#define HOLD_BYTES (1 << 20) /* of all that is held */

struct hold {
    void *in, *out;         /* inproc PAIR; NULL: nothing is held any more */
    pthread_cond_t changed; /* a publisher may go on */
    size_t bytes;
    int releasing; /* the first subscription is being answered */
    int has_oldest;
    struct hold_mark {
        int64_t at; /* monotonic milliseconds */
        size_t size;
    } oldest; /* of the message whose frames are next at out */
};

/* EIO. Starts to hold. */
int hold_open(struct hold *hold, void *context);

/* Asks whether a message of size bytes is to be held: the socket to write its frames to, or NULL:
 * nothing is held (any more). A publisher that finds HOLD_BYTES held waits for the subscription,
 * at most HOLD_MS; then holding ends for good, so that a client without iopub pays once.
 * may_wait 0: does not wait (the thread that takes subscriptions). */
void *hold_begin(struct hold *hold, pthread_mutex_t *lock, size_t size, int may_wait);

/* Sends what is not too old to socket and ends holding. */
void hold_release(struct hold *hold, void *socket);

/* Ends holding, drops what is held, wakes who waits; one of zeros is fine. */
void hold_end(struct hold *hold);

/* After hold_end, when nobody can wait any more. */
void hold_close(struct hold *hold);

#endif
