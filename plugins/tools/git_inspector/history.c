/* SPDX-License-Identifier: Apache-2.0
 * The walk is ours: libgit2's cannot be interrupted and gives up where a shallow clone ends. First
 * all commits are read, then those whose children all stand in the order are taken, the newest
 * first, as `git log --date-order` does. */
#include "history.h"

#include <time.h>

#define TABLE_START 4096u
#define PROGRESS_EVERY 4096u /* commits */

void history_clear(struct history *history)
{
    free(history->nodes);
    free(history->parents);
    free(history->table);
    free(history->order);
    git_odb_free(history->odb);
}

int32_t history_commit(const struct inspection *in, const struct history_node *node,
                       git_commit **ret_commit)
{
    int error = git_commit_lookup(ret_commit, in->repo, &node->id);
    return error < 0 ? inspect_fail(in, error, "a commit") : 0;
}

/* ---- the set of nodes ---- */

static uint32_t slot_of(const struct history *history, const git_oid *id)
{
    uint32_t hash;
    memcpy(&hash, id->id, sizeof hash);
    uint32_t slot = hash & (history->table_size - 1);
    while (history->table[slot] && !git_oid_equal(&history->nodes[history->table[slot] - 1].id, id))
        slot = (slot + 1) & (history->table_size - 1);
    return slot;
}

static bool grow_table(struct history *history)
{
    uint32_t size = history->table_size ? history->table_size * 2 : TABLE_START;
    uint32_t *table = calloc(size, sizeof *table);
    if (!table)
        return false;
    free(history->table);
    history->table = table;
    history->table_size = size;
    for (uint32_t i = 0; i < history->count; i++)
        table[slot_of(history, &history->nodes[i].id)] = i + 1;
    return true;
}

static bool grow(void **array, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return true;
    uint32_t wanted = *room ? *room * 2 : 256;
    void *grown = realloc(*array, wanted * size);
    if (!grown)
        return false;
    *array = grown;
    *room = wanted;
    return true;
}

/* The index of the node of id, which is made if it is new. */
static bool node_of(struct history *history, const git_oid *id, uint32_t *ret_index)
{
    if (history->count * 2 >= history->table_size && !grow_table(history))
        return false;
    uint32_t slot = slot_of(history, id);
    if (!history->table[slot]) {
        if (!grow((void **)&history->nodes, history->count, &history->room, sizeof *history->nodes))
            return false;
        history->nodes[history->count] = (struct history_node){.id = *id};
        history->table[slot] = ++history->count;
    }
    *ret_index = history->table[slot] - 1;
    return true;
}

/* ---- reading ---- */

/* Whether a shallow clone ends before the commit. */
static bool is_missing(const struct history *history, const git_oid *id)
{
    return history->odb && !git_odb_exists(history->odb, id);
}

static int32_t add_parent(const struct inspection *in, struct history *history, uint32_t child,
                          const git_oid *id)
{
    uint32_t parent;
    if (is_missing(history, id))
        return 0;
    if (!node_of(history, id, &parent) || !grow((void **)&history->parents, history->parent_count,
                                                &history->parent_room, sizeof *history->parents))
        return inspect_no_memory(in);
    history->parents[history->parent_count++] = parent;
    history->nodes[child].parent_count++;
    history->nodes[parent].waiting++;
    return 0;
}

static int32_t read_node(const struct inspection *in, struct history *history, uint32_t index)
{
    CLEANUP(git_commit) commit = NULL;
    int32_t rc = history_commit(in, &history->nodes[index], &commit);
    if (rc < 0)
        return rc;
    history->nodes[index].time = git_commit_time(commit);
    history->nodes[index].parents = history->parent_count;
    for (unsigned i = 0; rc == 0 && i < git_commit_parentcount(commit); i++)
        rc = add_parent(in, history, index, git_commit_parent_id(commit, i));
    return rc;
}

/* The nodes themselves are the list of what is still to be read. */
static int32_t read_all(const struct inspection *in, struct history *history)
{
    int32_t rc = 0;
    for (uint32_t i = 0; rc == 0 && i < history->count; i++) {
        if (history->count > HISTORY_MAX)
            return llmspell_fail_at(in->call, LLMSPELL_ELIMIT, "/ref",
                                    "the history has more than %d commits", HISTORY_MAX);
        rc = llmspell_cancelled(in->call);
        if (rc == 0 && i % PROGRESS_EVERY == PROGRESS_EVERY - 1)
            in->call->host->progress(in->call, i, 0, "reading commits");
        if (rc == 0)
            rc = read_node(in, history, i);
    }
    return rc;
}

/* Marks all that the tip reaches. */
static int32_t mark(const struct inspection *in, struct history *history, uint32_t tip, uint8_t bit)
{
    LLMSPELL_CLEANUP_FREE uint32_t *stack = malloc((history->count + 1) * sizeof *stack);
    uint32_t depth = 0;
    if (!stack)
        return inspect_no_memory(in);
    history->nodes[tip].reached |= bit;
    stack[depth++] = tip;
    while (depth > 0) {
        const struct history_node *node = &history->nodes[stack[--depth]];
        for (uint32_t i = 0; i < node->parent_count; i++) {
            uint32_t parent = history->parents[node->parents + i];
            if (!(history->nodes[parent].reached & bit)) {
                history->nodes[parent].reached |= bit;
                stack[depth++] = parent;
            }
        }
    }
    return 0;
}

/* ---- the order ---- */

/* A heap of nodes whose children are all placed; equal times in the order of arrival. */
struct queue {
    const struct history_node *nodes;
    struct {
        uint32_t node, arrival;
    } * items;
    uint32_t count, arrivals;
};

static bool before(const struct queue *queue, uint32_t a, uint32_t b)
{
    int64_t first = queue->nodes[queue->items[a].node].time;
    int64_t second = queue->nodes[queue->items[b].node].time;
    return first != second ? first > second : queue->items[a].arrival < queue->items[b].arrival;
}

static void swap(struct queue *queue, uint32_t a, uint32_t b)
{
    typeof(*queue->items) item = queue->items[a];
    queue->items[a] = queue->items[b];
    queue->items[b] = item;
}

static void push(struct queue *queue, uint32_t node)
{
    uint32_t at = queue->count++;
    queue->items[at].node = node;
    queue->items[at].arrival = queue->arrivals++;
    for (; at > 0 && before(queue, at, (at - 1) / 2); at = (at - 1) / 2)
        swap(queue, at, (at - 1) / 2);
}

static uint32_t pop(struct queue *queue)
{
    uint32_t node = queue->items[0].node;
    queue->items[0] = queue->items[--queue->count];
    for (uint32_t at = 0;;) {
        uint32_t first = at, child = at * 2 + 1;
        for (uint32_t i = child; i < child + 2 && i < queue->count; i++)
            if (before(queue, i, first))
                first = i;
        if (first == at)
            return node;
        swap(queue, at, first);
        at = first;
    }
}

static bool is_shown(const struct history *history, const struct history_node *node)
{
    if (history->tip_count < 2)
        return true;
    return history->symmetric ? node->reached != 3 : !(node->reached & 1);
}

static int32_t put_in_order(const struct inspection *in, struct history *history)
{
    struct queue queue = {.nodes = history->nodes};
    queue.items = malloc((history->count + 1) * sizeof *queue.items);
    LLMSPELL_CLEANUP_FREE void *owned = queue.items;
    history->order = malloc((history->count + 1) * sizeof *history->order);
    if (!queue.items || !history->order)
        return inspect_no_memory(in);
    for (unsigned i = history->tip_count; i-- > 0;)
        if (history->nodes[history->tips[i]].waiting == 0 &&
            (i == 0 || history->tips[i] != history->tips[0]))
            push(&queue, history->tips[i]);
    while (queue.count > 0) {
        uint32_t index = pop(&queue);
        const struct history_node *node = &history->nodes[index];
        if (is_shown(history, node))
            history->order[history->order_count++] = index;
        for (uint32_t i = 0; i < node->parent_count; i++) {
            uint32_t parent = history->parents[node->parents + i];
            if (--history->nodes[parent].waiting == 0)
                push(&queue, parent);
        }
    }
    return 0;
}

/* ---- the tips ---- */

static int32_t add_tip(const struct inspection *in, struct history *history, const char *text)
{
    CLEANUP(git_commit) commit = NULL;
    int32_t rc = resolve_commit(in, *text ? text : "HEAD", "/ref", &commit);
    if (rc < 0)
        return rc;
    if (!node_of(history, git_commit_id(commit), &history->tips[history->tip_count++]))
        return inspect_no_memory(in);
    return 0;
}

/* A, A..B or A...B; a side that is left out is HEAD. */
static int32_t add_tips(const struct inspection *in, struct history *history)
{
    const char *text = llmspell_string(in->params, "ref");
    const char *dots = strstr(text, "..");
    if (!dots)
        return add_tip(in, history, text);
    LLMSPELL_CLEANUP_FREE char *from = strndup(text, (size_t)(dots - text));
    if (!from)
        return inspect_no_memory(in);
    history->symmetric = dots[2] == '.';
    int32_t rc = add_tip(in, history, from);
    return rc < 0 ? rc : add_tip(in, history, dots + 2 + history->symmetric);
}

int32_t history_walk(const struct inspection *in, struct history *ret_history)
{
    if (llmspell_is(in->params, "ref", "HEAD") && git_repository_head_unborn(in->repo) == 1)
        return 0;
    if (git_repository_is_shallow(in->repo) == 1) {
        int error = git_repository_odb(&ret_history->odb, in->repo);
        if (error < 0)
            return inspect_fail(in, error, "the objects");
    }
    int32_t rc = add_tips(in, ret_history);
    if (rc == 0)
        rc = read_all(in, ret_history);
    for (unsigned i = 0; rc == 0 && ret_history->tip_count == 2 && i < 2; i++)
        rc = mark(in, ret_history, ret_history->tips[i], (uint8_t)(1u << i));
    return rc < 0 ? rc : put_in_order(in, ret_history);
}
