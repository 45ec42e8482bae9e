/* SPDX-License-Identifier: Apache-2.0
 * What scripts print. The first text after a quiet time goes out at once; what follows within
 * JOIN_NS is joined into one `stream` event (a Jupyter server drops output above 1,000 messages a
 * second). A flusher thread, started when first needed, sends what nobody follows up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/internal.h"
#include "util/thread.h"
#include "util/utf8.h"

#define JOIN_NS 10000000 /* 10 ms */
#define ROOM 65536       /* bytes of one event at most */

void output_init(struct output *output, struct kernel *kernel)
{
    *output = (struct output){.kernel = kernel, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&output->wake, &attributes);
    pthread_condattr_destroy(&attributes);
}

void output_clear(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    output->closed = true;
    pthread_mutex_unlock(&output->lock);
    pthread_cond_broadcast(&output->wake);
    if (output->flusher_runs)
        pthread_join(output->flusher, NULL);
    pthread_mutex_destroy(&output->lock);
    pthread_cond_destroy(&output->wake);
    free(output->text);
}

/* Text as a JSON string, whatever bytes a script printed. */
static json_t *text_json(const char *text, size_t size)
{
    if (utf8_valid(text, size) == size)
        return json_stringn_nocheck(text, size);
    size_t fixed_size;
    char *fixed = utf8_repair(text, size, &fixed_size);
    json_t *string = fixed ? json_stringn_nocheck(fixed, fixed_size) : NULL;
    free(fixed);
    return string;
}

static void send_text(struct output *output, size_t size)
{
    json_t *text = text_json(output->text, size);
    const char *name = output->stream == LLMSPELL_STDERR ? "stderr" : "stdout";
    json_t *content = json_pack("{s:s, s:o}", "name", name, "text", text);
    if (content)
        publish(output->kernel, output->operation, "stream", content);
    json_decref(content);
}

/* Sends what waits; a code point that is cut at the end stays unless everything is wanted. */
static void flush_locked(struct output *output, bool everything)
{
    size_t size = output->size, keep = 0;
    for (size_t n = 1; !everything && n < 4 && n <= size; n++)
        if (utf8_is_partial(output->text + size - n, n))
            keep = n;
    if (size > keep)
        send_text(output, size - keep);
    memmove(output->text, output->text + size - keep, keep);
    output->size = keep;
    output->flushed_ns = clock_monotonic_ns();
}

static void *flusher_main(void *data)
{
    struct output *output = data;
    pthread_mutex_lock(&output->lock);
    while (!output->closed) {
        if (output->size == 0) {
            pthread_cond_wait(&output->wake, &output->lock);
            continue;
        }
        int64_t at = output->flushed_ns + JOIN_NS;
        struct timespec until = {at / 1000000000, at % 1000000000};
        if (clock_monotonic_ns() >= at)
            flush_locked(output, true);
        else
            pthread_cond_timedwait(&output->wake, &output->lock, &until);
    }
    pthread_mutex_unlock(&output->lock);
    return NULL;
}

void output_begin(struct output *output, const struct operation *operation)
{
    pthread_mutex_lock(&output->lock);
    output->operation = operation;
    pthread_mutex_unlock(&output->lock);
}

void output_end(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    if (output->size > 0)
        flush_locked(output, true);
    output->operation = NULL;
    pthread_mutex_unlock(&output->lock);
}

/* Some milliseconds behind, but read for every printed line: it costs a fifth. */
static int64_t coarse_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void append(struct output *output, const char *text, size_t size)
{
    while (size > 0 && output->text) {
        size_t part = size < ROOM - output->size ? size : ROOM - output->size;
        memcpy(output->text + output->size, text, part);
        output->size += part;
        text += part;
        size -= part;
        if (output->size == ROOM)
            flush_locked(output, false);
    }
}

/* True if the flusher has to be woken. */
static bool write_locked(struct output *output, int32_t stream, const char *text, size_t size)
{
    if (!output->text)
        output->text = malloc(ROOM);
    if (stream != output->stream && output->size > 0)
        flush_locked(output, true);
    output->stream = stream;
    bool was_empty = output->size == 0;
    append(output, text, size);
    if (output->size > 0 && coarse_ns() - output->flushed_ns >= JOIN_NS)
        flush_locked(output, false);
    if (output->size > 0 && !output->flusher_runs)
        output->flusher_runs = thread_start(&output->flusher, "output", flusher_main, output) == 0;
    return was_empty && output->size > 0;
}

void output_write(struct output *output, int32_t stream, const char *text, size_t size)
{
    pthread_mutex_lock(&output->lock);
    bool wake = write_locked(output, stream, text, size);
    pthread_mutex_unlock(&output->lock);
    if (wake)
        pthread_cond_signal(&output->wake);
}

bool output_take(struct output *output, int32_t stream, const char *text, size_t size)
{
    pthread_mutex_lock(&output->lock);
    const struct operation *operation = output->operation;
    bool takes = operation && strcmp(operation->msg_type, "execute_request") == 0;
    bool wake = takes && write_locked(output, stream, text, size);
    pthread_mutex_unlock(&output->lock);
    if (wake)
        pthread_cond_signal(&output->wake);
    return takes;
}

void output_flush(struct output *output)
{
    pthread_mutex_lock(&output->lock);
    if (output->size > 0)
        flush_locked(output, true);
    pthread_mutex_unlock(&output->lock);
}
