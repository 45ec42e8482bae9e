/* SPDX-License-Identifier: Apache-2.0
 * The events of a watch: filtered, merged, and freed from what editors do on their way. */
#include <llmspell/clock.h>

#include "../shared/file_values.h"
#include "file_watcher.h"

static const char *const names[] = {"created", "modified", "deleted", "renamed", "attributes"};

static void event_clear(struct event *event)
{
    free(event->path);
    free(event->from);
}

void events_clear(struct events *events)
{
    for (size_t i = 0; i < events->count; i++)
        event_clear(&events->list[i]);
    free(events->list);
    *events = (struct events){0};
}

static void events_remove(struct events *events, size_t index)
{
    event_clear(&events->list[index]);
    events->count--;
    memmove(&events->list[index], &events->list[index + 1],
            (events->count - index) * sizeof *events->list);
}

static bool is_recent(const struct events *events, const struct event *event)
{
    int64_t trace = events->debounce_ms > TRACE_MS ? events->debounce_ms : TRACE_MS;
    return now_ms() - event->last_ms <= trace;
}

/* The last event of a path that is so recent that another one belongs to it; NULL. */
static struct event *find_mergeable(struct events *events, enum event_type type, const char *path)
{
    for (size_t i = events->count; i > 0; i--) {
        struct event *event = &events->list[i - 1];
        if (strcmp(event->path, path) != 0)
            continue;
        if (events->last_ms - event->last_ms >= events->debounce_ms)
            return NULL;
        if (event->type == type && type != RENAMED)
            return event;
        /* A new file is written to: that is still its creation. */
        if (event->type == CREATED && (type == MODIFIED || type == ATTRIBUTES))
            return event;
        if (event->type == DELETED || event->type == CREATED || event->type == RENAMED)
            return NULL;
    }
    return NULL;
}

static bool append(struct events *events, enum event_type type, const char *path, const char *from,
                   bool folder)
{
    if (events->count == events->room) {
        size_t room = events->room ? events->room * 2 : 16;
        struct event *list = realloc(events->list, room * sizeof *list);
        if (!list)
            return false;
        events->list = list;
        events->room = room;
    }
    struct event event = {.type = type,
                          .path = strdup(path),
                          .from = from ? strdup(from) : NULL,
                          .folder = folder,
                          .first_ms = events->last_ms,
                          .last_ms = events->last_ms,
                          .time = llmspell_now(events->job->call)};
    events->list[events->count++] = event; /* cleared with the list, also if incomplete */
    return event.path && (!from || event.from);
}

/* Nobody streams the results of tools yet: who waits sees events as progress. */
static void report(const struct events *events)
{
    const struct event *event = &events->list[events->count - 1];
    const struct job *job = events->job;
    char shown[SHOWN_SIZE], text[SHOWN_SIZE + 16];
    show_path(event->path, shown);
    snprintf(text, sizeof text, "%s %s", names[event->type], shown);
    job->call->host->progress(job->call, (double)events->count, (double)events->max, text);
}

bool events_add(struct events *events, enum event_type type, const char *path, const char *from,
                bool folder)
{
    const struct job *job = events->job;
    bool named = job_wants(job, path, folder) || (from && job_wants(job, from, folder));
    if (!named || !(events->types & 1u << type))
        return true;
    events->last_ms = now_ms();
    struct event *same = find_mergeable(events, type, path);
    if (same) {
        same->last_ms = events->last_ms;
        return true;
    }
    if (events->count == events->max)
        return true; /* the watch ends with this round */
    if (!append(events, type, path, from, folder))
        return false;
    report(events);
    return true;
}

void events_forget(struct events *events, const char *path)
{
    for (size_t i = events->count; i > 0; i--)
        if (strcmp(events->list[i - 1].path, path) == 0 && is_recent(events, &events->list[i - 1]))
            events_remove(events, i - 1);
}

bool events_turn_into_backup(struct events *events, const char *path)
{
    for (size_t i = events->count; i > 0; i--) {
        struct event *event = &events->list[i - 1];
        if (event->type != RENAMED || strcmp(event->from, path) != 0)
            continue;
        if (!is_recent(events, event))
            return false;
        event->type = CREATED;
        event->backup = true;
        free(event->from);
        event->from = NULL;
        if (!(events->types & 1u << CREATED) || !job_wants(events->job, event->path, false))
            events_remove(events, i - 1);
        return true;
    }
    return false;
}

bool events_drop_backup(struct events *events, const char *path)
{
    for (size_t i = events->count; i > 0; i--) {
        struct event *event = &events->list[i - 1];
        if (event->backup && strcmp(event->path, path) == 0 && is_recent(events, event)) {
            events_remove(events, i - 1);
            return true;
        }
    }
    return false;
}

static json_t *text_value(const char *path)
{
    return path ? clean_text(path, strlen(path), false) : NULL;
}

json_t *events_value(const struct events *events)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (size_t i = 0; i < events->count; i++) {
        const struct event *event = &events->list[i];
        json_t *value = json_pack("{s:s, s:o, s:o*, s:b, s:o}", "type", names[event->type], "path",
                                  text_value(event->path), "from", text_value(event->from),
                                  "directory", event->folder, "time", time_value(&event->time));
        if (json_array_append_new(list, value) != 0)
            return NULL;
    }
    return llmspell_steal_json(&list);
}
