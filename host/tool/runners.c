/* SPDX-License-Identifier: Apache-2.0
 * The set of warm runners. A call takes one of its tool, or starts one; afterwards it goes back in
 * front of the list. When there are too many, the one that has waited longest ends. */
#include "tool/runners.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "log/logger.h"
#include "tool/process.h"

#define MINUTE_NS (60 * INT64_C(1000000000))
#define CLOSE_MS 200   /* for a warm runner to close its tool */
#define BACK_OFF_MS 20 /* before the start after the second crash in a minute; doubles */
#define BACK_OFF_MAX 320

struct runners {
    atomic_uint refs;
    char *program;
    unsigned idle_max, crash_limit;
    pthread_mutex_t lock; /* guards what follows */
    struct process *idle; /* the one that was used last in front */
    unsigned idle_count;
};

int runners_new(const struct runners_options *options, struct runners **ret_runners,
                struct error *ret_error)
{
    struct runners *runners = calloc(1, sizeof *runners);
    if (runners && options->program)
        runners->program = strdup(options->program);
    if (!runners || (options->program && !runners->program)) {
        free(runners);
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    atomic_init(&runners->refs, 1);
    runners->idle_max = options->idle_max;
    runners->crash_limit =
        options->crash_limit < CRASHES_KEPT ? options->crash_limit : CRASHES_KEPT;
    pthread_mutex_init(&runners->lock, NULL);
    *ret_runners = runners;
    return 0;
}

struct runners *runners_ref(struct runners *runners)
{
    atomic_fetch_add_explicit(&runners->refs, 1, memory_order_relaxed);
    return runners;
}

void runners_unref(struct runners *runners)
{
    if (!runners || atomic_fetch_sub(&runners->refs, 1) != 1)
        return;
    runners_stop(runners);
    pthread_mutex_destroy(&runners->lock);
    free(runners->program);
    free(runners);
}

/* ---- warm ones ---- */

/* Takes the first with this key off the list; any if key is NULL. */
static struct process *take(struct runners *runners, const void *key)
{
    pthread_mutex_lock(&runners->lock);
    struct process **at = &runners->idle;
    while (*at && key && (*at)->key != key)
        at = &(*at)->next;
    struct process *process = *at;
    if (process) {
        *at = process->next;
        runners->idle_count--;
    }
    pthread_mutex_unlock(&runners->lock);
    return process;
}

static struct process *take_last(struct runners *runners)
{
    struct process **at = &runners->idle;
    while ((*at)->next)
        at = &(*at)->next;
    struct process *process = *at;
    *at = NULL;
    runners->idle_count--;
    return process;
}

static void end_softly(struct process *process)
{
    process_hang_up(process);
    process_end(process, CLOSE_MS);
}

static void give_back(struct runners *runners, struct process *process)
{
    struct process *surplus = NULL;
    process->used_ns = clock_monotonic_ns();
    pthread_mutex_lock(&runners->lock);
    process->next = runners->idle;
    runners->idle = process;
    if (++runners->idle_count > runners->idle_max)
        surplus = take_last(runners);
    pthread_mutex_unlock(&runners->lock);
    if (surplus)
        end_softly(surplus);
}

/* Those that died while they waited: they are not kept as zombies. */
static void sweep(struct runners *runners)
{
    struct process *dead = NULL;
    pthread_mutex_lock(&runners->lock);
    for (struct process **at = &runners->idle; *at;) {
        struct process *process = *at;
        if (!process_is_dead(process)) {
            at = &process->next;
            continue;
        }
        *at = process->next;
        runners->idle_count--;
        process->next = dead;
        dead = process;
    }
    pthread_mutex_unlock(&runners->lock);
    while (dead) {
        struct process *next = dead->next;
        log_warn(dead->source, "its process, %d, ended while it waited for a call", (int)dead->pid);
        process_end(dead, 0);
        dead = next;
    }
}

void runners_stop(struct runners *runners)
{
    int64_t end_ns = clock_monotonic_ns() + CLOSE_MS * INT64_C(1000000);
    pthread_mutex_lock(&runners->lock);
    for (struct process *p = runners->idle; p; p = p->next)
        process_hang_up(p); /* all at once, then one after the other */
    pthread_mutex_unlock(&runners->lock);
    struct process *process;
    while ((process = take(runners, NULL))) {
        int64_t left_ms = (end_ns - clock_monotonic_ns()) / 1000000;
        process_end(process, left_ms > 0 ? (int)left_ms : 0);
    }
}

void runners_forget(struct runners *runners, const void *key)
{
    struct process *process;
    while ((process = take(runners, key)))
        end_softly(process);
}

json_t *runners_json(struct runners *runners)
{
    json_t *list = json_array();
    int64_t now = clock_monotonic_ns();
    sweep(runners);
    pthread_mutex_lock(&runners->lock);
    for (const struct process *p = runners->idle; p; p = p->next)
        json_array_append_new(list, json_pack("{s:s, s:i, s:I, s:f}", "tool", p->plugin->head.name,
                                              "pid", (int)p->pid, "calls", (json_int_t)p->calls,
                                              "idle_s", (double)(now - p->used_ns) / 1e9));
    pthread_mutex_unlock(&runners->lock);
    return list;
}

/* ---- crashes ---- */

/* How many crashes lie within the last minute. */
static unsigned recent(const struct crashes *crashes, int64_t now)
{
    unsigned count = 0;
    for (unsigned i = 0; i < CRASHES_KEPT && i < crashes->count; i++)
        count += now - crashes->at_ns[i] < MINUTE_NS;
    return count;
}

static void note_crash(const struct runners *runners, const struct runner_call *call,
                       const struct error *error)
{
    log_error(call->plugin->source, "%s", error->message);
    struct crashes *crashes = call->crashes;
    int64_t now = clock_monotonic_ns();
    pthread_mutex_lock(&crashes->lock);
    crashes->at_ns[crashes->count++ % CRASHES_KEPT] = now;
    bool aside = runners->crash_limit > 0 && recent(crashes, now) >= runners->crash_limit;
    if (aside)
        crashes->until_ns = now + MINUTE_NS;
    pthread_mutex_unlock(&crashes->lock);
    if (aside)
        log_error(call->plugin->source,
                  "%u crashes within a minute: the tool is set aside for a minute",
                  runners->crash_limit);
}

/* EUNAVAILABLE while the tool is set aside; else *ret_wait_ms before the next start. */
static int check_crashes(const struct runners *runners, const struct runner_call *call,
                         int *ret_wait_ms, struct error *ret_error)
{
    struct crashes *crashes = call->crashes;
    int64_t now = clock_monotonic_ns();
    pthread_mutex_lock(&crashes->lock);
    int64_t left_ns = crashes->until_ns - now;
    unsigned count = runners->crash_limit ? recent(crashes, now) : 0;
    pthread_mutex_unlock(&crashes->lock);
    *ret_wait_ms = count >= 2 ? BACK_OFF_MS << (count - 2) : 0;
    if (*ret_wait_ms > BACK_OFF_MAX)
        *ret_wait_ms = BACK_OFF_MAX;
    if (left_ns <= 0)
        return 0;
    return error_set(ret_error, LLMSPELL_EUNAVAILABLE,
                     "%s is set aside for %d s more, since its process crashed %u times within a "
                     "minute; the log says how (`llmspell kernel reload` after it was replaced "
                     "tries at once)",
                     call->plugin->head.name, (int)(left_ns / 1000000000) + 1,
                     runners->crash_limit);
}

/* ---- calls ---- */

static bool is_crash(int rc)
{
    return rc < 0 && rc != LLMSPELL_ETIMEOUT && rc != LLMSPELL_ECANCELLED && rc != LLMSPELL_ELIMIT;
}

static int start(struct runners *runners, const struct runner_call *call, int wait_ms,
                 struct process **ret_process, struct error *ret_error)
{
    struct pollfd cancelled = {.fd = call->cancel ? cancel_fd(call->cancel) : -1, .events = POLLIN};
    if (wait_ms > 0)
        poll(&cancelled, 1, wait_ms);
    struct error why = {0};
    bool gone;
    int rc = plugin_check(call->plugin, ret_error);
    if (rc < 0)
        return rc;
    sweep(runners);
    rc = process_start(runners->program, call, ret_process, &gone, &why);
    if (gone && is_crash(rc))
        note_crash(runners, call, &why);
    if (rc == LLMSPELL_EREFUSED)
        plugin_refuse(call->plugin, why.message);
    if (rc < 0)
        error_set_at(ret_error, rc, why.has_path ? why.path : NULL, "%s", why.message);
    return rc;
}

int runners_call(struct runners *runners, const struct runner_call *call, json_t **ret_result,
                 struct error *ret_error)
{
    int wait_ms, rc = check_crashes(runners, call, &wait_ms, ret_error);
    while (rc == 0) {
        struct process *process = call->key ? take(runners, call->key) : NULL;
        bool gone;
        if (!process)
            rc = start(runners, call, wait_ms, &process, ret_error);
        if (rc < 0)
            return rc;
        struct error why = {0};
        rc = process_call(process, call, ret_result, &gone, &why);
        bool tired = process->tired;
        if (tired || (!gone && !call->key))
            end_softly(process);
        else if (gone)
            process_end(process, 0);
        else
            give_back(runners, process);
        if (rc == -EPIPE) { /* it died while it waited: that is not this call's doing */
            rc = 0;
            continue;
        }
        if (gone && !tired && is_crash(rc))
            note_crash(runners, call, &why);
        return rc < 0
                   ? error_set_at(ret_error, rc, why.has_path ? why.path : NULL, "%s", why.message)
                   : 0;
    }
    return rc;
}
