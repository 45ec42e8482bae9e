/* SPDX-License-Identifier: Apache-2.0
 * Events: from whoever causes them to every subscriber, on the thread that causes them. */
#include <stdlib.h>
#include <string.h>

#include "kernel/internal.h"

int events_init(struct events *events)
{
    *events = (struct events){.next_id = 1};
    return pthread_rwlock_init(&events->lock, NULL) == 0 ? 0 : LLMSPELL_ENOMEM;
}

void events_clear(struct events *events)
{
    pthread_rwlock_destroy(&events->lock);
    free(events->subscribers);
}

int kernel_subscribe(struct kernel *kernel, llmspell_event_fn event, void *data, uint64_t *ret_id)
{
    struct events *events = &kernel->events;
    pthread_rwlock_wrlock(&events->lock);
    struct subscriber *grown = reallocarray(events->subscribers, events->count + 1, sizeof *grown);
    if (grown) {
        events->subscribers = grown;
        grown[events->count++] = (struct subscriber){events->next_id, event, data};
        *ret_id = events->next_id++;
    }
    pthread_rwlock_unlock(&events->lock);
    return grown ? 0 : LLMSPELL_ENOMEM;
}

/* The write lock waits for callbacks that are under way. */
void kernel_unsubscribe(struct kernel *kernel, uint64_t id)
{
    struct events *events = &kernel->events;
    pthread_rwlock_wrlock(&events->lock);
    for (size_t i = 0; i < events->count; i++) {
        if (events->subscribers[i].id != id)
            continue;
        events->subscribers[i] = events->subscribers[--events->count];
        break;
    }
    pthread_rwlock_unlock(&events->lock);
}

void publish(struct kernel *kernel, const struct operation *operation, const char *msg_type,
             const json_t *content)
{
    static const struct llmspell_message nothing;
    publish_with(kernel, operation, msg_type, content, &nothing);
}

/* The text of parent need not end where parent_size says, but subscribers count on it. */
int publish_for(struct kernel *kernel, const char *msg_type, const json_t *content,
                const char *parent, uint32_t parent_size)
{
    struct operation *cause = calloc(1, sizeof *cause + parent_size + 1);
    if (!cause)
        return LLMSPELL_ENOMEM;
    cause->parent_size = parent_size;
    if (parent_size)
        memcpy(cause->text, parent, parent_size);
    publish(kernel, cause, msg_type, content);
    free(cause);
    return 0;
}

void publish_with(struct kernel *kernel, const struct operation *operation, const char *msg_type,
                  const json_t *content, const struct llmspell_message *extra)
{
    struct events *events = &kernel->events;
    struct llmspell_message message = {
        .size = sizeof message,
        .parent_size = operation ? operation->parent_size : 0,
        .msg_type = msg_type,
        .content = content,
        .parent = operation ? operation->text : "",
        .metadata = extra->metadata,
        .buffers = extra->buffers,
        .buffer_count = extra->buffer_count,
    };
    pthread_rwlock_rdlock(&events->lock);
    for (size_t i = 0; i < events->count; i++)
        events->subscribers[i].event(events->subscribers[i].data, &message);
    pthread_rwlock_unlock(&events->lock);
}
