/* SPDX-License-Identifier: Apache-2.0
 * The last errors and warnings of the log: a ring below a lock of its own. */
#include "log/recent.h"

#include <string.h>

#include "log/utf8.h"

static void copy_text(char *to, size_t room, const char *from)
{
    size_t size = (size_t)utf8_clip(from, room - 1);
    for (size_t i = 0; i < size;) {
        uint32_t code;
        size_t length = utf8_sequence((const unsigned char *)from + i, size - i, &code);
        if (length)
            memcpy(to + i, from + i, length);
        else
            to[i] = '?';
        i += length ? length : 1;
    }
    to[size] = '\0';
}

void recent_add(struct recent *recent, enum log_level level, const struct timespec *time,
                const char *source, const char *message)
{
    pthread_mutex_lock(&recent->lock);
    struct log_recent *record = &recent->records[recent->added++ % RECENT_MAX];
    record->time = *time;
    record->level = level;
    copy_text(record->source, sizeof record->source, source);
    copy_text(record->message, sizeof record->message, message);
    pthread_mutex_unlock(&recent->lock);
}

unsigned recent_copy(struct recent *recent, struct log_recent records[RECENT_MAX])
{
    pthread_mutex_lock(&recent->lock);
    unsigned count = recent->added < RECENT_MAX ? (unsigned)recent->added : RECENT_MAX;
    for (unsigned i = 0; i < count; i++)
        records[i] = recent->records[(recent->added - count + i) % RECENT_MAX];
    pthread_mutex_unlock(&recent->lock);
    return count;
}
