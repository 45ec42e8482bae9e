/* SPDX-License-Identifier: Apache-2.0
 * spanning_tree by Kruskal: the lightest edges that close no circle; of a graph in several parts a
 * forest. */
#include "graph.h"

struct choice {
    double weight;
    uint32_t low, high, edge; /* ranks of the ends */
};

static int by_weight(const void *a, const void *b)
{
    const struct choice *left = a, *right = b;
    if (left->weight < right->weight || left->weight > right->weight)
        return left->weight < right->weight ? -1 : 1;
    if (left->low != right->low)
        return left->low < right->low ? -1 : 1;
    if (left->high != right->high)
        return left->high < right->high ? -1 : 1;
    return left->edge < right->edge ? -1 : 1;
}

static struct choice *sorted_choices(struct job *job)
{
    const struct graph *graph = &job->graph;
    struct choice *choices = job_alloc(job, graph->edge_count, sizeof *choices);
    for (uint32_t i = 0; choices && i < graph->edge_count; i++) {
        const struct edge *edge = &graph->edges[i];
        uint32_t from = graph->rank[edge->from], to = graph->rank[edge->to];
        choices[i] = (struct choice){graph_weight(job, edge), from < to ? from : to,
                                     from < to ? to : from, i};
    }
    if (choices && graph->edge_count > 1)
        qsort(choices, graph->edge_count, sizeof *choices, by_weight);
    return choices;
}

static uint32_t root_of(uint32_t *parent, uint32_t node)
{
    while (parent[node] != node) {
        parent[node] = parent[parent[node]];
        node = parent[node];
    }
    return node;
}

int32_t spanning_tree_run(struct job *job, json_t **ret_result)
{
    const struct graph *graph = &job->graph;
    double total = 0;
    if (graph->directed)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/graph",
                                "the graph is directed; spanning trees are of undirected ones "
                                "(directed false)");
    LLMSPELL_CLEANUP_FREE struct choice *choices = sorted_choices(job);
    LLMSPELL_CLEANUP_FREE uint32_t *parent = job_alloc(job, graph->node_count, sizeof *parent);
    LLMSPELL_CLEANUP_JSON json_t *edges = json_array();
    if (!choices || !parent || !edges)
        return job_no_memory(job);
    for (uint32_t i = 0; i < graph->node_count; i++)
        parent[i] = i;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const struct edge *edge = &graph->edges[choices[i].edge];
        uint32_t a = root_of(parent, edge->from), b = root_of(parent, edge->to);
        if (a == b)
            continue;
        parent[a] = b;
        total += choices[i].weight;
        if (json_array_append_new(edges, edge_json(graph, edge)) != 0)
            return job_no_memory(job);
    }
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:O,s:o}", "edges", edges, "total_weight", number_json(total)));
}
