/* SPDX-License-Identifier: Apache-2.0
 * analyze (figures of the whole graph) and neighbors. */
#include "graph.h"

struct figures {
    json_int_t loops, parallel;
    uint32_t min, max;
    double mean, density;
    bool connected, special; /* special: is_dag or is_tree */
};

/* The two ends as one number, the smaller first if the direction does not count. */
static uint64_t ends(const struct graph *graph, const struct edge *edge)
{
    uint64_t a = edge->from, b = edge->to;
    return graph->directed || a < b ? a << 32 | b : b << 32 | a;
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static int32_t count_edges(struct job *job, struct figures *figures)
{
    const struct graph *graph = &job->graph;
    LLMSPELL_CLEANUP_FREE uint64_t *pairs = job_alloc(job, graph->edge_count, sizeof *pairs);
    if (!pairs)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        pairs[i] = ends(graph, &graph->edges[i]);
        figures->loops += graph->edges[i].from == graph->edges[i].to;
    }
    if (graph->edge_count > 1)
        qsort(pairs, graph->edge_count, sizeof *pairs, by_value);
    for (uint32_t i = 1; i < graph->edge_count; i++)
        figures->parallel += pairs[i] == pairs[i - 1];
    return 0;
}

static int32_t count_degrees(struct job *job, struct figures *figures, json_t *isolated)
{
    const struct graph *graph = &job->graph;
    LLMSPELL_CLEANUP_FREE uint32_t *degree = job_alloc(job, graph->node_count, sizeof *degree);
    if (!degree)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        degree[graph->edges[i].from]++;
        degree[graph->edges[i].to]++;
    }
    for (uint32_t i = 0; i < graph->node_count; i++) {
        uint32_t node = graph->order[i];
        if (i == 0 || degree[node] < figures->min)
            figures->min = degree[node];
        if (degree[node] > figures->max)
            figures->max = degree[node];
        if (degree[node] == 0 && json_array_append(isolated, graph->nodes[node].id) != 0)
            return job_no_memory(job);
    }
    double n = graph->node_count, e = graph->edge_count;
    figures->mean = n > 0 ? 2 * e / n : 0;
    figures->density = n < 2 ? 0 : (graph->directed ? e : 2 * e) / (n * (n - 1));
    return 0;
}

static int32_t judge_shape(struct job *job, struct figures *figures)
{
    const struct graph *graph = &job->graph;
    LLMSPELL_CLEANUP_FREE uint32_t *nodes = NULL, *labels = NULL;
    uint32_t components = 0;
    size_t cycle = 0;
    int32_t rc = weak_components(job, &labels, &components);
    if (rc < 0)
        return rc;
    figures->connected = components <= 1;
    if (graph->directed)
        rc = find_cycle(job, &nodes, &cycle);
    figures->special = graph->directed
                           ? cycle == 0
                           : components == 1 && graph->edge_count == graph->node_count - 1;
    return rc;
}

int32_t analyze_run(struct job *job, json_t **ret_result)
{
    const struct graph *graph = &job->graph;
    struct figures figures = {0};
    LLMSPELL_CLEANUP_JSON json_t *isolated = json_array();
    int32_t rc = isolated ? count_edges(job, &figures) : job_no_memory(job);
    if (rc == 0)
        rc = count_degrees(job, &figures, isolated);
    if (rc == 0)
        rc = judge_shape(job, &figures);
    if (rc < 0)
        return rc;
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:I,s:I,s:b,s:o,s:I,s:I,s:b,s:b,s:{s:I,s:I,s:o},s:O}", "node_count",
                  (json_int_t)graph->node_count, "edge_count", (json_int_t)graph->edge_count,
                  "directed", graph->directed, "density", number_json(figures.density),
                  "self_loops", figures.loops, "parallel_edges", figures.parallel, "is_connected",
                  figures.connected, graph->directed ? "is_dag" : "is_tree", figures.special,
                  "degrees", "min", (json_int_t)figures.min, "max", (json_int_t)figures.max, "mean",
                  number_json(figures.mean), "isolated", isolated));
}

int32_t neighbors_run(struct job *job, json_t **ret_result)
{
    const struct graph *graph = &job->graph;
    CLEANUP_ARCS struct arcs arcs = {0};
    uint32_t node = 0, count = 0;
    int32_t rc = graph_param_node(job, "node_id", &node);
    if (rc == 0)
        rc = arcs_build(job, direction_wanted(job), &arcs);
    if (rc < 0)
        return rc;
    uint32_t size = arcs.start[node + 1] - arcs.start[node];
    LLMSPELL_CLEANUP_FREE uint32_t *nodes = job_alloc(job, size, sizeof *nodes);
    if (!nodes)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = arcs.start[node]; i < arcs.start[node + 1]; i++)
        if (count == 0 || nodes[count - 1] != arcs.list[i].node)
            nodes[count++] = arcs.list[i].node;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:o}", "neighbors", ids_json(graph, nodes, count)));
}
