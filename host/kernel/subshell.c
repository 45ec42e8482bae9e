/* SPDX-License-Identifier: Apache-2.0
 * Subshells (JEP 91): each has its queue, its execution_count and its history; all share the one
 * runtime. dispatch.c finds here whose a request is, executor_nest.c runs them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

#define SUBSHELLS_MAX 1000

void subshells_init(struct subshells *set, size_t history_room)
{
    *set = (struct subshells){.lock = PTHREAD_MUTEX_INITIALIZER, .history_room = history_room};
}

void subshell_unref(struct subshell *subshell)
{
    if (!subshell || atomic_fetch_sub(&subshell->refs, 1) != 1)
        return;
    atomic_fetch_sub(&subshell->set->alive, 1);
    history_clear(&subshell->history);
    free(subshell);
}

void subshells_clear(struct subshells *set)
{
    while (set->first) {
        struct subshell *gone = set->first;
        set->first = gone->next;
        subshell_unref(gone);
    }
    pthread_mutex_destroy(&set->lock);
}

static int make_id(char *id)
{
    unsigned char random[(SUBSHELL_ID_SIZE - 1) / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return LLMSPELL_EIO;
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    return 0;
}

static int subshell_new(struct subshells *set, struct subshell **ret_subshell)
{
    struct subshell *subshell = calloc(1, sizeof *subshell);
    if (!subshell)
        return LLMSPELL_ENOMEM;
    int rc = make_id(subshell->id);
    const struct history_options history = {.entries_max = set->history_room};
    if (rc == 0)
        rc = history_init(&subshell->history, &history);
    if (rc < 0) {
        free(subshell);
        return rc;
    }
    subshell->set = set;
    atomic_init(&subshell->refs, 1);
    atomic_fetch_add(&set->alive, 1);
    *ret_subshell = subshell;
    return 0;
}

/* Where the pointer to it stands: that to NULL, at the end, if there is none. The lock is held. */
static struct subshell **find(struct subshells *set, const char *id, size_t size)
{
    struct subshell **at = &set->first;
    while (*at && (strlen((*at)->id) != size || memcmp((*at)->id, id, size) != 0))
        at = &(*at)->next;
    return at;
}

/* ---- whose a request is ---- */

/* The end of the JSON string that starts at text. */
static const char *skip_string(const char *text)
{
    for (text++; *text && *text != '"'; text++)
        if (*text == '\\' && text[1])
            text++;
    return *text ? text + 1 : text;
}

/* The value of a member of the outermost object, unparsed; NULL if there is none. */
static const char *find_member(const char *text, const char *quoted_key)
{
    size_t key_size = strlen(quoted_key);
    for (int depth = 0; *text;) {
        depth += *text == '{' || *text == '[';
        depth -= *text == '}' || *text == ']';
        if (*text != '"') {
            text++;
            continue;
        }
        const char *string = text;
        text = skip_string(text);
        const char *next = text + strspn(text, " \t\r\n");
        if (depth == 1 && *next == ':' && (size_t)(text - string) == key_size &&
            memcmp(string, quoted_key, key_size) == 0)
            return next + 1 + strspn(next + 1, " \t\r\n");
    }
    return NULL;
}

/* Most headers do not have the word, and are looked through by strstr alone; JupyterLab's have it,
 * most of them with null. */
int subshell_bind(struct operation *operation)
{
    struct subshells *set = &operation->kernel->subshells;
    if ((operation->flags & LLMSPELL_REQUEST_CONTROL) || operation->parent_size == 0 ||
        !strstr(operation->text, "\"subshell_id\""))
        return 0;
    const char *value = find_member(operation->text, "\"subshell_id\"");
    if (!value || strncmp(value, "null", 4) == 0)
        return 0;
    if (*value != '"')
        return LLMSPELL_ENOTFOUND;
    size_t size = strcspn(value + 1, "\"");
    pthread_mutex_lock(&set->lock);
    struct subshell *subshell = *find(set, value + 1, size);
    if (subshell)
        atomic_fetch_add(&subshell->refs, 1);
    pthread_mutex_unlock(&set->lock);
    operation->subshell = subshell;
    return subshell ? 0 : LLMSPELL_ENOTFOUND;
}

atomic_uint *subshell_count(const struct operation *operation)
{
    return operation->subshell ? &operation->subshell->count : &operation->kernel->executor.count;
}

struct history *subshell_history(const struct operation *operation)
{
    return operation->subshell ? &operation->subshell->history : &operation->kernel->history;
}

/* ---- the answers ---- */

json_t *answer_create_subshell(struct operation *operation)
{
    struct subshells *set = &operation->kernel->subshells;
    struct subshell *subshell = NULL;
    char id[SUBSHELL_ID_SIZE] = "";
    pthread_mutex_lock(&set->lock);
    int rc = set->count < SUBSHELLS_MAX ? subshell_new(set, &subshell) : LLMSPELL_EBUSY;
    if (rc == 0) {
        *find(set, "", 0) = subshell; /* at the end */
        set->count++;
        memcpy(id, subshell->id, sizeof id);
    }
    pthread_mutex_unlock(&set->lock);
    if (rc == LLMSPELL_EBUSY)
        return error_reply(rc, "there are 1000 subshells, the most that there may be: delete some "
                               "with delete_subshell_request");
    return rc < 0 ? error_reply(rc, llmspell_error_text(rc))
                  : json_pack("{s:s, s:s}", "status", "ok", "subshell_id", id);
}

static bool is_of(const struct operation *operation, const void *subshell)
{
    return operation->subshell == subshell;
}

/* What is queued is answered now; what runs goes on, and keeps the subshell until it ends. */
static void abort_queued(struct executor *executor, const struct subshell *subshell)
{
    struct operation *operation;
    while ((operation = queue_take(&executor->queue, is_of, subshell))) {
        operation_begin(operation);
        atomic_fetch_sub(&executor->pending, 1);
        operation_finish(operation, json_pack("{s:s, s:i}", "status", "aborted", "execution_count",
                                              (int)atomic_load(&subshell->count)));
    }
}

json_t *answer_delete_subshell(struct operation *operation)
{
    struct subshells *set = &operation->kernel->subshells;
    const char *id = llmspell_string(operation->content, "subshell_id");
    if (!id)
        return error_reply(LLMSPELL_EINVAL,
                           "delete_subshell_request needs \"subshell_id\", a string");
    pthread_mutex_lock(&set->lock);
    struct subshell **at = find(set, id, strlen(id)), *gone = *at;
    if (gone) {
        *at = gone->next;
        set->count--;
    }
    pthread_mutex_unlock(&set->lock);
    if (!gone)
        return error_reply(LLMSPELL_ENOTFOUND, "there is no such subshell: list_subshell_request "
                                               "names those that there are");
    atomic_store(&gone->deleted, true);
    abort_queued(&operation->kernel->executor, gone);
    subshell_unref(gone);
    return json_pack("{s:s}", "status", "ok");
}

json_t *answer_list_subshell(struct operation *operation)
{
    struct subshells *set = &operation->kernel->subshells;
    json_t *ids = json_array();
    pthread_mutex_lock(&set->lock);
    for (const struct subshell *subshell = set->first; subshell; subshell = subshell->next)
        json_array_append_new(ids, json_string(subshell->id));
    pthread_mutex_unlock(&set->lock);
    return json_pack("{s:s, s:o}", "status", "ok", "subshell_id", ids);
}
