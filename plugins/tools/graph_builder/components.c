/* SPDX-License-Identifier: Apache-2.0
 * components: weak ones by union-find, strong ones by Tarjan's algorithm without recursion. */
#include "graph.h"

static uint32_t root_of(uint32_t *parent, uint32_t node)
{
    while (parent[node] != node) {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    return node;
}

/* Numbers from 0 in order of the smallest id: label[node] may be any number below node_count. */
static int32_t renumber(struct job *job, uint32_t *label, uint32_t *ret_count)
{
    const struct graph *graph = &job->graph;
    LLMSPELL_CLEANUP_FREE uint32_t *names = job_alloc(job, graph->node_count, sizeof *names);
    if (!names)
        return LLMSPELL_ENOMEM;
    *ret_count = 0;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        uint32_t node = graph->order[i];
        if (names[label[node]] == 0)
            names[label[node]] = ++*ret_count;
        label[node] = names[label[node]] - 1;
    }
    return 0;
}

int32_t weak_components(struct job *job, uint32_t **ret_labels, uint32_t *ret_count)
{
    const struct graph *graph = &job->graph;
    LLMSPELL_CLEANUP_FREE uint32_t *parent = job_alloc(job, graph->node_count, sizeof *parent);
    LLMSPELL_CLEANUP_FREE uint32_t *label = job_alloc(job, graph->node_count, sizeof *label);
    if (!parent || !label)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = 0; i < graph->node_count; i++)
        parent[i] = i;
    for (uint32_t i = 0; i < graph->edge_count; i++)
        parent[root_of(parent, graph->edges[i].from)] = root_of(parent, graph->edges[i].to);
    for (uint32_t i = 0; i < graph->node_count; i++)
        label[i] = root_of(parent, i);
    int32_t rc = renumber(job, label, ret_count);
    if (rc < 0)
        return rc;
    *ret_labels = label;
    label = NULL;
    return 0;
}

/* ---- strong components ---- */

struct tarjan {
    const struct arcs *arcs;
    uint32_t *index, *low;  /* index 0: not seen */
    uint32_t *open, *path;  /* nodes without a component; the way to the current one */
    uint32_t *next, *label; /* next arc of each node; its component */
    bool *is_open;
    uint32_t seen, open_count, depth, components;
};

static void tarjan_enter(struct tarjan *t, uint32_t node)
{
    t->index[node] = t->low[node] = ++t->seen;
    t->next[node] = t->arcs->start[node];
    t->is_open[node] = true;
    t->open[t->open_count++] = node;
    t->path[t->depth++] = node;
}

static void tarjan_leave(struct tarjan *t, uint32_t node)
{
    uint32_t other;
    if (--t->depth > 0) {
        uint32_t parent = t->path[t->depth - 1];
        if (t->low[node] < t->low[parent])
            t->low[parent] = t->low[node];
    }
    if (t->low[node] != t->index[node])
        return;
    do {
        other = t->open[--t->open_count];
        t->is_open[other] = false;
        t->label[other] = t->components;
    } while (other != node);
    t->components++;
}

static void tarjan_step(struct tarjan *t)
{
    uint32_t node = t->path[t->depth - 1];
    if (t->next[node] == t->arcs->start[node + 1]) {
        tarjan_leave(t, node);
        return;
    }
    uint32_t other = t->arcs->list[t->next[node]++].node;
    if (t->index[other] == 0)
        tarjan_enter(t, other);
    else if (t->is_open[other] && t->index[other] < t->low[node])
        t->low[node] = t->index[other];
}

static int32_t tarjan_run(struct job *job, struct tarjan *t)
{
    for (uint32_t i = 0; i < job->graph.node_count; i++) {
        if (t->index[i] == 0)
            tarjan_enter(t, i);
        while (t->depth > 0) {
            tarjan_step(t);
            int32_t rc = job_tick(job);
            if (rc < 0)
                return rc;
        }
    }
    return 0;
}

static int32_t strong_components(struct job *job, uint32_t **ret_labels, uint32_t *ret_count)
{
    CLEANUP_ARCS struct arcs arcs = {0};
    uint32_t n = job->graph.node_count;
    LLMSPELL_CLEANUP_FREE uint32_t *memory = job_alloc(job, (size_t)n * 5, sizeof *memory);
    LLMSPELL_CLEANUP_FREE uint32_t *label = job_alloc(job, n, sizeof *label);
    LLMSPELL_CLEANUP_FREE bool *is_open = job_alloc(job, n, sizeof *is_open);
    if (!memory || !label || !is_open)
        return LLMSPELL_ENOMEM;
    int32_t rc = arcs_build(job, OUT, &arcs);
    struct tarjan t = {.arcs = &arcs,
                       .index = memory,
                       .low = memory + n,
                       .open = memory + 2 * (size_t)n,
                       .path = memory + 3 * (size_t)n,
                       .next = memory + 4 * (size_t)n,
                       .label = label,
                       .is_open = is_open};
    if (rc == 0)
        rc = tarjan_run(job, &t);
    if (rc == 0)
        rc = renumber(job, label, ret_count);
    if (rc < 0)
        return rc;
    *ret_labels = label;
    label = NULL;
    return 0;
}

/* ---- the result ---- */

struct group {
    uint32_t label, size;
};

static int by_size(const void *a, const void *b)
{
    const struct group *left = a, *right = b;
    if (left->size != right->size)
        return left->size > right->size ? -1 : 1;
    return left->label < right->label ? -1 : 1;
}

/* Lists of ids, each sorted, the largest first. NULL with the error set. */
static json_t *groups_json(struct job *job, const uint32_t *label, uint32_t count)
{
    const struct graph *graph = &job->graph;
    LLMSPELL_CLEANUP_FREE struct group *groups = job_alloc(job, count, sizeof *groups);
    LLMSPELL_CLEANUP_FREE json_t **lists = job_alloc(job, count, sizeof *lists);
    json_t *result = json_array();
    bool ok = groups && lists && result;
    for (uint32_t i = 0; ok && i < count; i++)
        groups[i].label = i;
    for (uint32_t i = 0; ok && i < graph->node_count; i++)
        groups[label[i]].size++;
    if (ok)
        qsort(groups, count, sizeof *groups, by_size);
    for (uint32_t i = 0; ok && i < count; i++) {
        lists[groups[i].label] = json_array();
        ok = json_array_append_new(result, lists[groups[i].label]) == 0;
    }
    for (uint32_t i = 0; ok && i < graph->node_count; i++) {
        uint32_t node = graph->order[i];
        ok = json_array_append(lists[label[node]], graph->nodes[node].id) == 0;
    }
    if (ok)
        return result;
    json_decref(result);
    job_no_memory(job);
    return NULL;
}

int32_t components_run(struct job *job, json_t **ret_result)
{
    LLMSPELL_CLEANUP_FREE uint32_t *weak = NULL, *strong = NULL;
    uint32_t count = 0, strong_count = 0;
    int32_t rc = weak_components(job, &weak, &count);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *result = json_pack("{s:I,s:o}", "count", (json_int_t)count,
                                                     "components", groups_json(job, weak, count));
    if (!result)
        return job_no_memory(job);
    if (job->graph.directed) {
        rc = strong_components(job, &strong, &strong_count);
        if (rc < 0)
            return rc;
        if (json_object_set_new(result, "strong", groups_json(job, strong, strong_count)) != 0)
            return job_no_memory(job);
    }
    *ret_result = llmspell_steal_json(&result);
    return 0;
}
