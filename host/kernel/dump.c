/* SPDX-License-Identifier: Apache-2.0
 * The kernel's part of a state dump: what it has done, what it does, what it holds. */
#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "tool/runners.h"

static json_t *messages(struct kernel *kernel)
{
    json_t *object = json_object();
    const char *type;
    for (size_t row = 0; (type = dispatch_type(row)); row++)
        if (atomic_load(&kernel->metrics[row].count) > 0)
            json_object_set_new(object, type, metric_json(&kernel->metrics[row]));
    return object;
}

/* A member of the request's header, which is JSON text; NULL if it is not there. */
static json_t *header_member(const struct operation *operation, const char *key)
{
    LLMSPELL_CLEANUP_JSON json_t *header =
        json_loadb(operation->text, operation->parent_size, JSON_ALLOW_NUL, NULL);
    return json_incref(json_object_get(header, key));
}

static json_t *operations(struct kernel *kernel)
{
    json_t *array = json_array();
    int64_t now = clock_monotonic_ns();
    pthread_mutex_lock(&kernel->lock);
    for (const struct operation *o = kernel->active; o; o = o->right) {
        json_t *row =
            json_pack("{s:s, s:f, s:b, s:b, s:s*, s:o*, s:o*}", "msg_type", o->msg_type, "age_ms",
                      (double)(now - o->started_ns) / 1e6, "cancelled", cancel_is_set(&o->cancel),
                      "detached", o->detached, "protocol", o->origin ? o->origin->source : NULL,
                      "msg_id", header_member(o, "msg_id"), "session", header_member(o, "session"));
        json_array_append_new(array, row);
    }
    pthread_mutex_unlock(&kernel->lock);
    return array;
}

static json_t *runtime(struct kernel *kernel)
{
    struct executor *executor = &kernel->executor;
    json_t *status = NULL;
    pthread_mutex_lock(&executor->lock);
    bool open = executor->opened && executor->failure.code == 0;
    pthread_mutex_unlock(&executor->lock);
    if (open && executor->table->size > offsetof(struct llmspell_runtime, status) &&
        executor->table->status && executor->table->status(executor->self, &status) < 0)
        status = NULL;
    return json_pack("{s:s, s:b, s:b, s:I, s:I, s:o*}", "name", executor->runtime, "open", open,
                     "busy", kernel_is_busy(kernel), "execution_count",
                     (json_int_t)atomic_load(&executor->count), "pending",
                     (json_int_t)atomic_load(&executor->pending), "status", status);
}

json_t *kernel_dump(struct kernel *kernel)
{
    struct registry *registry = kernel_registry(kernel);
    struct tool *tool;
    json_t *open = json_array();
    for (size_t i = 0; (tool = registry_at(registry, i)); i++)
        if (tool_is_open(tool))
            json_array_append_new(open, json_string(tool_name(tool)));
    pthread_rwlock_rdlock(&kernel->events.lock);
    size_t subscribers = kernel->events.count;
    pthread_rwlock_unlock(&kernel->events.lock);
    json_t *dump =
        json_pack("{s:I, s:I, s:o, s:o, s:o, s:{s:I, s:o, s:o}, s:I}", "requests",
                  (json_int_t)atomic_load(&kernel->requests), "errors",
                  (json_int_t)atomic_load(&kernel->errors), "messages", messages(kernel),
                  "operations", operations(kernel), "runtime", runtime(kernel), "tools", "known",
                  (json_int_t)registry_count(registry), "open", open, "processes",
                  runners_json(registry_runners(registry)), "subscribers", (json_int_t)subscribers);
    registry_unref(registry);
    return dump;
}
