/* SPDX-License-Identifier: Apache-2.0
 * watch: until the first burst of changes is over, until there are enough, or until time is over.
 */
#include "file_watcher.h"

#define SLICE_MS 50 /* between two looks at the cancel flag */

struct watch {
    const struct job *job;
    struct events events;
    struct notify *notify; /* one of the two */
    struct poller *poller;
    bool first; /* end after the first burst */
    int64_t deadline_ms;
    bool timed_out;
};

static unsigned wanted_types(const json_t *params)
{
    static const char *const words[] = {"create", "modify", "delete", "rename", "attrib"};
    const json_t *list = json_object_get(params, "events");
    unsigned types = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        for (unsigned k = 0; k < sizeof words / sizeof *words; k++)
            if (strcmp(json_string_value(json_array_get(list, i)), words[k]) == 0)
                types |= 1u << k;
    return types;
}

/* The system tells that a folder is gone when nobody has it open any more. */
static void close_folders(struct job *job)
{
    for (size_t i = 0; i < job->target_count; i++) {
        struct target *target = &job->targets[i];
        if (!target->folder)
            continue;
        close(target->fd);
        target->fd = -1;
    }
}

static int32_t watch_start(struct watch *watch, struct job *job)
{
    int32_t rc = notify_start(job, &watch->events, &watch->notify);
    if (rc == 0)
        close_folders(job);
    return rc == 1 ? poller_start(job, &watch->events, &watch->poller) : rc;
}

static int32_t watch_wait(struct watch *watch, int64_t ms)
{
    return watch->notify ? notify_wait(watch->notify, ms) : poller_wait(watch->poller, ms);
}

/* How long to wait now; negative: the watch is over. */
static int64_t next_slice(struct watch *watch)
{
    const struct events *events = &watch->events;
    int64_t now = now_ms(), slice = SLICE_MS;
    if (events->count >= events->max)
        return -1;
    if (watch->first && events->count > 0) {
        int64_t quiet = events->last_ms + events->debounce_ms - now;
        if (quiet <= 0)
            return -1;
        slice = quiet < slice ? quiet : slice;
    }
    if (now >= watch->deadline_ms) {
        watch->timed_out = !watch->first || events->count == 0;
        return -1;
    }
    int64_t left = watch->deadline_ms - now;
    return left < slice ? left : slice;
}

static int32_t watch_loop(struct watch *watch)
{
    int32_t rc = 0;
    for (;;) {
        int64_t slice = next_slice(watch);
        if (slice < 0 && watch->notify && watch->events.count < watch->events.max) {
            size_t before = watch->events.count; /* half a rename may turn out to be a deletion */
            rc = notify_flush(watch->notify);
            if (rc == 0 && watch->timed_out && watch->first && watch->events.count > before)
                watch->timed_out = false;
        }
        if (slice < 0 || rc < 0)
            return rc;
        rc = llmspell_cancelled(watch->job->call);
        if (rc == 0)
            rc = watch_wait(watch, slice);
        if (rc < 0)
            return rc;
    }
}

static int64_t timeout_ms(const json_t *params)
{
    const json_t *seconds = json_object_get(params, "timeout_seconds");
    if (seconds)
        return (int64_t)(json_number_value(seconds) * 1000);
    return llmspell_integer(params, "timeout_ms", 30000);
}

int32_t watch_run(struct job *job, json_t **ret_result)
{
    struct watch watch = {.job = job,
                          .first = llmspell_is(job->params, "until", "first"),
                          .deadline_ms = now_ms() + timeout_ms(job->params)};
    watch.events = (struct events){.job = job,
                                   .types = wanted_types(job->params),
                                   .debounce_ms = llmspell_integer(job->params, "debounce_ms", 100),
                                   .max = (size_t)llmspell_integer(job->params, "max_events", 100)};
    int32_t rc = watch_start(&watch, job);
    if (rc == 0)
        rc = watch_loop(&watch);
    if (rc == 0)
        rc =
            llmspell_return(job->call, ret_result,
                            json_pack("{s:o, s:I, s:b, s:b}", "events", events_value(&watch.events),
                                      "count", (json_int_t)watch.events.count, "timed_out",
                                      watch.timed_out, "overflow", watch.events.overflow));
    notify_free(watch.notify);
    poller_free(watch.poller);
    events_clear(&watch.events);
    return rc;
}
