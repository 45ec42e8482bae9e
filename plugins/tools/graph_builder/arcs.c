/* SPDX-License-Identifier: Apache-2.0
 * Edges by node, sorted by the id of the other end, so that every walk has one order. */
#include "graph.h"

void arcs_clear(struct arcs *arcs)
{
    free(arcs->start);
    free(arcs->list);
    *arcs = (struct arcs){0};
}

enum direction direction_wanted(const struct job *job)
{
    if (llmspell_is(job->params, "direction", "in"))
        return IN;
    return llmspell_is(job->params, "direction", "both") ? BOTH : OUT;
}

static int by_rank(const void *a, const void *b, void *rank)
{
    const struct arc *left = a, *right = b;
    const uint32_t *ranks = rank;
    if (left->node != right->node)
        return ranks[left->node] < ranks[right->node] ? -1 : 1;
    return left->edge < right->edge ? -1 : left->edge > right->edge;
}

/* Calls of the two passes: count, then put. */
static void put(struct arcs *arcs, uint32_t *used, uint32_t at, struct arc arc)
{
    if (arcs->list)
        arcs->list[arcs->start[at] + used[at]] = arc;
    used[at]++;
}

static void pass(const struct graph *graph, enum direction direction, struct arcs *arcs,
                 uint32_t *used)
{
    if (!graph->directed)
        direction = BOTH;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const struct edge *edge = &graph->edges[i];
        if (direction & OUT)
            put(arcs, used, edge->from, (struct arc){edge->to, i});
        if (direction & IN && !(direction == BOTH && edge->from == edge->to))
            put(arcs, used, edge->to, (struct arc){edge->from, i});
    }
}

int32_t arcs_build(struct job *job, enum direction direction, struct arcs *ret_arcs)
{
    const struct graph *graph = &job->graph;
    CLEANUP_ARCS struct arcs arcs = {0};
    LLMSPELL_CLEANUP_FREE uint32_t *used = job_alloc(job, graph->node_count, sizeof *used);
    arcs.start = job_alloc(job, (size_t)graph->node_count + 1, sizeof *arcs.start);
    if (!used || !arcs.start)
        return LLMSPELL_ENOMEM;
    pass(graph, direction, &arcs, used);
    for (uint32_t i = 0; i < graph->node_count; i++) {
        arcs.start[i + 1] = arcs.start[i] + used[i];
        used[i] = 0;
    }
    arcs.list = job_alloc(job, arcs.start[graph->node_count], sizeof *arcs.list);
    if (!arcs.list)
        return LLMSPELL_ENOMEM;
    pass(graph, direction, &arcs, used);
    for (uint32_t i = 0; i < graph->node_count; i++)
        if (used[i] > 1)
            qsort_r(arcs.list + arcs.start[i], used[i], sizeof *arcs.list, by_rank, graph->rank);
    *ret_arcs = arcs;
    arcs = (struct arcs){0};
    return 0;
}
