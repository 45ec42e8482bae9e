/* SPDX-License-Identifier: Apache-2.0
 * Graphs as results: objects throughout, absent members and weight 1 left out. */
#include "graph.h"

/* Sets key to value (taken over) unless it is NULL with absent allowed; false: out of memory. */
static bool set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new_nocheck(object, key, value) == 0;
}

static bool set_optional(json_t *object, const char *key, json_t *value)
{
    return !value || set(object, key, json_incref(value));
}

static json_t *node_json(const struct node *node)
{
    json_t *object = json_object();
    if (object && set(object, "id", json_incref(node->id)) &&
        set_optional(object, "label", node->label) && set_optional(object, "data", node->data))
        return object;
    json_decref(object);
    return NULL;
}

json_t *edge_json(const struct graph *graph, const struct edge *edge)
{
    json_t *object = json_object();
    bool one = edge->weight >= 1 && edge->weight <= 1;
    if (object && set(object, "from", json_incref(graph->nodes[edge->from].id)) &&
        set(object, "to", json_incref(graph->nodes[edge->to].id)) &&
        (one || set(object, "weight", number_json(edge->weight))) &&
        set_optional(object, "label", edge->label) && set_optional(object, "data", edge->data))
        return object;
    json_decref(object);
    return NULL;
}

json_t *graph_json(const struct job *job)
{
    const struct graph *graph = &job->graph;
    json_t *nodes = json_array(), *edges = json_array();
    bool ok = nodes && edges;
    for (uint32_t i = 0; ok && i < graph->node_count; i++)
        ok = json_array_append_new(nodes, node_json(&graph->nodes[i])) == 0;
    for (uint32_t i = 0; ok && i < graph->edge_count; i++)
        ok = json_array_append_new(edges, edge_json(graph, &graph->edges[i])) == 0;
    if (ok)
        return json_pack("{s:b,s:o,s:o}", "directed", graph->directed, "nodes", nodes, "edges",
                         edges);
    json_decref(nodes);
    json_decref(edges);
    return NULL;
}

int32_t graph_result(const struct job *job, json_t **ret_result)
{
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:o,s:I,s:I}", "graph", graph_json(job), "node_count",
                                     (json_int_t)job->graph.node_count, "edge_count",
                                     (json_int_t)job->graph.edge_count));
}

json_t *ids_json(const struct graph *graph, const uint32_t *nodes, size_t count)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids && i < count; i++) {
        if (json_array_append(ids, graph->nodes[nodes[i]].id) == 0)
            continue;
        json_decref(ids);
        ids = NULL;
    }
    return ids;
}
