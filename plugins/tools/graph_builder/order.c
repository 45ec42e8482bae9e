/* SPDX-License-Identifier: Apache-2.0
 * topological_sort (Kahn, smallest id first) and the search for one cycle, which names what stands
 * in its way. */
#include "graph.h"

enum { NEW, OPEN, DONE };

struct search {
    const struct arcs *arcs;
    unsigned char *state;
    uint32_t *path, *next; /* the open nodes, and the arc that each takes next */
    size_t depth;
};

static void enter(struct search *search, uint32_t node)
{
    search->state[node] = OPEN;
    search->next[search->depth] = search->arcs->start[node];
    search->path[search->depth++] = node;
}

/* One step of the search; true: node closes a cycle. */
static bool step(struct search *search, uint32_t *ret_node)
{
    size_t top = search->depth - 1;
    uint32_t node = search->path[top];
    if (search->next[top] == search->arcs->start[node + 1]) {
        search->state[node] = DONE;
        search->depth--;
        return false;
    }
    uint32_t other = search->arcs->list[search->next[top]++].node;
    *ret_node = other;
    if (search->state[other] == NEW)
        enter(search, other);
    else
        return search->state[other] == OPEN;
    return false;
}

static int32_t search_all(struct job *job, struct search *search, size_t *ret_count)
{
    *ret_count = 0;
    for (uint32_t i = 0; i < job->graph.node_count; i++) {
        uint32_t node = job->graph.order[i];
        if (search->state[node] == NEW)
            enter(search, node);
        while (search->depth > 0) {
            int32_t rc = job_tick(job);
            if (rc < 0)
                return rc;
            if (!step(search, &node))
                continue;
            size_t first = 0;
            while (search->path[first] != node)
                first++;
            *ret_count = search->depth - first;
            memmove(search->path, search->path + first, *ret_count * sizeof *search->path);
            return 0;
        }
    }
    return 0;
}

int32_t find_cycle(struct job *job, uint32_t **ret_nodes, size_t *ret_count)
{
    CLEANUP_ARCS struct arcs arcs = {0};
    uint32_t n = job->graph.node_count;
    LLMSPELL_CLEANUP_FREE unsigned char *state = job_alloc(job, n, 1);
    LLMSPELL_CLEANUP_FREE uint32_t *path = job_alloc(job, n, sizeof *path);
    LLMSPELL_CLEANUP_FREE uint32_t *next = job_alloc(job, n, sizeof *next);
    if (!state || !path || !next)
        return LLMSPELL_ENOMEM;
    int32_t rc = arcs_build(job, OUT, &arcs);
    struct search search = {.arcs = &arcs, .state = state, .path = path, .next = next};
    if (rc == 0)
        rc = search_all(job, &search, ret_count);
    if (rc < 0)
        return rc;
    *ret_nodes = path;
    path = NULL;
    return 0;
}

/* ---- topological_sort ---- */

/* `failed`, with a cycle: a -> b -> a. Long ones are cut. */
static int32_t fail_cyclic(struct job *job)
{
    LLMSPELL_CLEANUP_FREE uint32_t *cycle = NULL;
    CLEANUP_BUFFER struct byte_buffer text = {0};
    size_t count = 0;
    int32_t rc = find_cycle(job, &cycle, &count);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < count && text.size < 500; i++)
        buffer_printf(&text, "\"%.100s\" -> ", graph_id(&job->graph, cycle[i]));
    if (text.size >= 500)
        buffer_puts(&text, "… -> ");
    buffer_printf(&text, "\"%.100s\"", graph_id(&job->graph, cycle[0]));
    return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/graph",
                            "the graph has a cycle, so that it has no topological order: %s",
                            text.failed ? "" : text.data);
}

/* Takes nodes off while some are ready; the heap's key is the rank of the id. */
static int32_t take_ready(struct job *job, const struct arcs *arcs, uint32_t *waiting,
                          uint32_t *order, uint32_t *ret_count)
{
    const struct graph *graph = &job->graph;
    CLEANUP_HEAP struct heap ready = {0};
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (waiting[i] == 0 && !heap_push(&ready, graph->rank[i], i))
            return job_no_memory(job);
    while (ready.size > 0) {
        uint32_t node = heap_pop(&ready).node;
        order[(*ret_count)++] = node;
        for (uint32_t i = arcs->start[node]; i < arcs->start[node + 1]; i++) {
            uint32_t other = arcs->list[i].node;
            if (--waiting[other] == 0 && !heap_push(&ready, graph->rank[other], other))
                return job_no_memory(job);
        }
        int32_t rc = job_tick(job);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t topological_sort_run(struct job *job, json_t **ret_result)
{
    const struct graph *graph = &job->graph;
    CLEANUP_ARCS struct arcs arcs = {0};
    uint32_t count = 0;
    if (!graph->directed)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/graph",
                                "the graph is undirected; only directed ones have an order");
    LLMSPELL_CLEANUP_FREE uint32_t *waiting = job_alloc(job, graph->node_count, sizeof *waiting);
    LLMSPELL_CLEANUP_FREE uint32_t *order = job_alloc(job, graph->node_count, sizeof *order);
    if (!waiting || !order)
        return LLMSPELL_ENOMEM;
    int32_t rc = arcs_build(job, OUT, &arcs);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < graph->edge_count; i++)
        waiting[graph->edges[i].to]++;
    rc = take_ready(job, &arcs, waiting, order, &count);
    if (rc < 0)
        return rc;
    if (count < graph->node_count)
        return fail_cyclic(job);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:o}", "order", ids_json(graph, order, count)));
}
