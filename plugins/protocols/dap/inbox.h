/* SPDX-License-Identifier: Apache-2.0
 * What other threads have for the plugin's own: requests of the bus, replies of the kernel, events.
 * In order; a descriptor becomes readable. Output that nobody takes makes its writer wait. */
#ifndef DAP_INBOX_H
#define DAP_INBOX_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <llmspell/kernel.h>

enum item_kind { ITEM_REQUEST, ITEM_REPLY, ITEM_EVENT };

struct item {
    struct item *next;
    enum item_kind kind;
    struct llmspell_pending *pending; /* request: to be answered */
    uint64_t ticket;                  /* reply: which request of ours */
    const char *msg_type;             /* event: in text */
    const char *header;               /* request: JSON text of its own, borrowed as content is */
    uint32_t header_size;
    json_t *content;  /* ours; of a request borrowed from the kernel until it is answered */
    json_t *metadata; /* event: ours, or NULL */
    size_t weight;    /* bytes that it counts for */
    char text[];
};

struct inbox {
    pthread_mutex_t lock;
    pthread_cond_t drained;
    struct item *first, **last;
    size_t weight;    /* of all items */
    uint64_t dropped; /* events that found no room in time */
    int full;         /* nobody reads: more events are dropped at once */
    int closed;
    int fd; /* an eventfd; -1: not open */
};

int32_t inbox_open(struct inbox *inbox);
void inbox_close(struct inbox *inbox); /* nobody may use it any more */

/* Makes an item; text of msg_type and header is copied. NULL: out of memory. */
struct item *item_new(enum item_kind kind, const char *msg_type, const char *header,
                      uint32_t header_size);
void item_free(struct item *item);

/* Takes the item over. [any-thread] */
void inbox_push(struct inbox *inbox, struct item *item);

/* The same for an event: waits a while if too much is there already, then drops it. [any-thread] */
void inbox_push_event(struct inbox *inbox, struct item *item);

/* The oldest item, the caller's now; NULL: none. *ret_dropped: events dropped since the last one.
 */
struct item *inbox_take(struct inbox *inbox, uint64_t *ret_dropped);

/* The oldest that is wanted, past all others; NULL: none. */
typedef bool (*inbox_wanted_fn)(const struct item *item, const void *data);
struct item *inbox_take_of(struct inbox *inbox, inbox_wanted_fn is_wanted, const void *data);

/* Ends all waiting in inbox_push_event, now and later. [any-thread] */
void inbox_stop(struct inbox *inbox);

#endif
