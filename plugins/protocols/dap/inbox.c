/* SPDX-License-Identifier: Apache-2.0
 * The queue into the plugin's thread (inbox.h). */
#include "inbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define WEIGHT_MAX (16u << 20) /* bytes of events that wait */
#define PATIENCE_S 2           /* for a client that does not read */

int32_t inbox_open(struct inbox *inbox)
{
    pthread_condattr_t attributes;
    *inbox = (struct inbox){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    inbox->last = &inbox->first;
    if (inbox->fd < 0)
        return LLMSPELL_EIO;
    pthread_mutex_init(&inbox->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&inbox->drained, &attributes);
    pthread_condattr_destroy(&attributes);
    return 0;
}

void inbox_close(struct inbox *inbox)
{
    uint64_t dropped;
    struct item *item;
    if (inbox->fd < 0)
        return;
    while ((item = inbox_take(inbox, &dropped)))
        item_free(item);
    close(inbox->fd);
    inbox->fd = -1;
    pthread_mutex_destroy(&inbox->lock);
    pthread_cond_destroy(&inbox->drained);
}

struct item *item_new(enum item_kind kind, const char *msg_type, const char *header,
                      uint32_t header_size)
{
    size_t type_size = strlen(msg_type) + 1;
    struct item *item = calloc(1, sizeof *item + type_size + header_size + 1);
    if (!item)
        return NULL;
    item->kind = kind;
    item->weight = sizeof *item + type_size + header_size;
    memcpy(item->text, msg_type, type_size);
    if (header_size)
        memcpy(item->text + type_size, header, header_size);
    item->msg_type = item->text;
    item->header = item->text + type_size;
    item->header_size = header_size;
    return item;
}

void item_free(struct item *item)
{
    if (!item)
        return;
    if (item->kind != ITEM_REQUEST)
        json_decref(item->content);
    json_decref(item->metadata);
    free(item);
}

/* The lock is held. */
static void append(struct inbox *inbox, struct item *item)
{
    *inbox->last = item;
    inbox->last = &item->next;
    inbox->weight += item->weight;
    eventfd_write(inbox->fd, 1);
}

void inbox_push(struct inbox *inbox, struct item *item)
{
    pthread_mutex_lock(&inbox->lock);
    append(inbox, item);
    pthread_mutex_unlock(&inbox->lock);
}

/* Waits until there is room; false: in vain. The lock is held. */
static int wait_for_room(struct inbox *inbox)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PATIENCE_S;
    while (inbox->weight > WEIGHT_MAX && !inbox->full && !inbox->closed)
        if (pthread_cond_timedwait(&inbox->drained, &inbox->lock, &until) == ETIMEDOUT)
            inbox->full = 1;
    return inbox->weight <= WEIGHT_MAX;
}

void inbox_push_event(struct inbox *inbox, struct item *item)
{
    pthread_mutex_lock(&inbox->lock);
    int room = wait_for_room(inbox);
    if (room)
        append(inbox, item);
    else
        inbox->dropped++;
    pthread_mutex_unlock(&inbox->lock);
    if (!room)
        item_free(item);
}

/* Takes the one at *at out. The lock is held. */
static struct item *take(struct inbox *inbox, struct item **at)
{
    struct item *item = *at;
    if (!item)
        return NULL;
    *at = item->next;
    if (!*at)
        inbox->last = at;
    inbox->weight -= item->weight;
    return item;
}

struct item *inbox_take(struct inbox *inbox, uint64_t *ret_dropped)
{
    pthread_mutex_lock(&inbox->lock);
    struct item *item = take(inbox, &inbox->first);
    *ret_dropped = 0;
    if (inbox->weight <= WEIGHT_MAX / 2) {
        *ret_dropped = inbox->dropped;
        inbox->dropped = 0;
        inbox->full = 0;
        pthread_cond_broadcast(&inbox->drained);
    }
    pthread_mutex_unlock(&inbox->lock);
    return item;
}

struct item *inbox_take_of(struct inbox *inbox, inbox_wanted_fn is_wanted, const void *data)
{
    pthread_mutex_lock(&inbox->lock);
    struct item **at = &inbox->first;
    while (*at && !is_wanted(*at, data))
        at = &(*at)->next;
    struct item *item = take(inbox, at);
    pthread_mutex_unlock(&inbox->lock);
    return item;
}

void inbox_stop(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->closed = 1;
    pthread_cond_broadcast(&inbox->drained);
    eventfd_write(inbox->fd, 1);
    pthread_mutex_unlock(&inbox->lock);
}
