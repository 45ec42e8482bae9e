/* SPDX-License-Identifier: Apache-2.0
 * create, add_node, add_edge, remove_node, remove_edge. */
#include "graph.h"

int32_t create_run(struct job *job, json_t **ret_result)
{
    if (llmspell_string(job->params, "graph_type"))
        job->graph.directed = llmspell_is(job->params, "graph_type", "directed");
    return graph_result(job, ret_result);
}

static void replace(json_t **member, json_t *value)
{
    if (!value)
        return;
    json_decref(*member);
    *member = json_incref(value);
}

int32_t add_node_run(struct job *job, json_t **ret_result)
{
    uint32_t node = 0;
    int32_t rc = graph_need_node(job, json_object_get(job->params, "node_id"), "/node_id", &node);
    if (rc < 0)
        return rc;
    replace(&job->graph.nodes[node].label, json_object_get(job->params, "label"));
    replace(&job->graph.nodes[node].data, json_object_get(job->params, "data"));
    return graph_result(job, ret_result);
}

int32_t add_edge_run(struct job *job, json_t **ret_result)
{
    const json_t *params = job->params;
    uint32_t from = 0, to = 0;
    int32_t rc = graph_need_node(job, json_object_get(params, "from"), "/from", &from);
    if (rc == 0)
        rc = graph_need_node(job, json_object_get(params, "to"), "/to", &to);
    if (rc == 0)
        rc = graph_add_edge(job, from, to, llmspell_number(params, "weight", 1),
                            json_object_get(params, "label"), json_object_get(params, "data"),
                            "/graph");
    return rc < 0 ? rc : graph_result(job, ret_result);
}

/* ---- removal ---- */

typedef bool goes_function(const struct graph *graph, const struct edge *edge, uint32_t a,
                           uint32_t b);

static bool joins(const struct graph *graph, const struct edge *edge, uint32_t from, uint32_t to)
{
    return (edge->from == from && edge->to == to) ||
           (!graph->directed && edge->from == to && edge->to == from);
}

static bool touches(const struct graph *graph, const struct edge *edge, uint32_t node, uint32_t b)
{
    (void)graph, (void)b;
    return edge->from == node || edge->to == node;
}

static void drop_edges(struct graph *graph, goes_function *goes, uint32_t a, uint32_t b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        struct edge edge = graph->edges[i];
        if (!goes(graph, &edge, a, b)) {
            graph->edges[kept++] = edge;
            continue;
        }
        json_decref(edge.label);
        json_decref(edge.data);
    }
    graph->edge_count = kept;
}

static void drop_node(struct graph *graph, uint32_t node)
{
    struct node *gone = &graph->nodes[node];
    json_decref(gone->id);
    json_decref(gone->label);
    json_decref(gone->data);
    graph->node_count--;
    memmove(gone, gone + 1, (graph->node_count - node) * sizeof *gone);
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        graph->edges[i].from -= graph->edges[i].from > node;
        graph->edges[i].to -= graph->edges[i].to > node;
    }
}

int32_t remove_node_run(struct job *job, json_t **ret_result)
{
    uint32_t node = 0;
    int32_t rc = graph_param_node(job, "node_id", &node);
    if (rc < 0)
        return rc;
    drop_edges(&job->graph, touches, node, 0);
    drop_node(&job->graph, node);
    return graph_result(job, ret_result);
}

/* All edges between the two nodes go. */
int32_t remove_edge_run(struct job *job, json_t **ret_result)
{
    struct graph *graph = &job->graph;
    uint32_t from = 0, to = 0, before = graph->edge_count;
    int32_t rc = graph_param_node(job, "from", &from);
    if (rc == 0)
        rc = graph_param_node(job, "to", &to);
    if (rc < 0)
        return rc;
    drop_edges(graph, joins, from, to);
    if (graph->edge_count == before)
        return llmspell_fail_at(job->call, LLMSPELL_ENOTFOUND, "/to",
                                "the graph has no edge from \"%.100s\" to \"%.100s\"",
                                graph_id(graph, from), graph_id(graph, to));
    return graph_result(job, ret_result);
}
