/* SPDX-License-Identifier: Apache-2.0
 * The graph in memory: nodes, edges, the index of ids, their order. */
#include "graph.h"

#include <math.h>

int32_t job_tick(struct job *job)
{
    return ++job->ticks % 256 == 0 ? llmspell_cancelled(job->call) : 0;
}

int32_t job_no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

void *job_alloc(const struct job *job, size_t n, size_t size)
{
    void *memory = calloc(n ? n : 1, size);
    if (!memory)
        job_no_memory(job);
    return memory;
}

bool graph_init(struct graph *graph, bool directed)
{
    *graph = (struct graph){.directed = directed, .index = json_object()};
    return graph->index != NULL;
}

void graph_clear(struct graph *graph)
{
    for (uint32_t i = 0; i < graph->node_count; i++) {
        json_decref(graph->nodes[i].id);
        json_decref(graph->nodes[i].label);
        json_decref(graph->nodes[i].data);
    }
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        json_decref(graph->edges[i].label);
        json_decref(graph->edges[i].data);
    }
    free(graph->nodes);
    free(graph->edges);
    free(graph->order);
    free(graph->rank);
    json_decref(graph->index);
    *graph = (struct graph){0};
}

const char *graph_id(const struct graph *graph, uint32_t node)
{
    return json_string_value(graph->nodes[node].id);
}

bool graph_find(const struct graph *graph, const char *id, uint32_t *ret_node)
{
    const json_t *number = json_object_get(graph->index, id);
    if (!number)
        return false;
    *ret_node = (uint32_t)json_integer_value(number);
    return true;
}

/* Makes room for one more; false: out of memory. */
static bool grow(void **entries, uint32_t count, uint32_t *room, size_t size)
{
    if (count < *room)
        return true;
    uint32_t wanted = *room ? *room * 2 : 16;
    void *grown = realloc(*entries, wanted * size);
    if (!grown)
        return false;
    *entries = grown;
    *room = wanted;
    return true;
}

static int32_t add_node(struct job *job, json_t *id, const char *path, uint32_t *ret_node)
{
    struct graph *graph = &job->graph;
    void *nodes = graph->nodes;
    if (graph->node_count == NODES_MAX)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, path,
                                "a graph has at most %u nodes; this one has more", NODES_MAX);
    if (!grow(&nodes, graph->node_count, &graph->node_room, sizeof *graph->nodes))
        return job_no_memory(job);
    graph->nodes = nodes;
    if (json_object_set_new_nocheck(graph->index, json_string_value(id),
                                    json_integer(graph->node_count)) != 0)
        return job_no_memory(job);
    *ret_node = graph->node_count++;
    graph->nodes[*ret_node] = (struct node){.id = json_incref(id)};
    return 0;
}

int32_t graph_need_node(struct job *job, json_t *id, const char *path, uint32_t *ret_node)
{
    if (strlen(json_string_value(id)) != json_string_length(id))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, path,
                                "the id of a node holds U+0000 after \"%s\"; ids cannot",
                                json_string_value(id));
    if (graph_find(&job->graph, json_string_value(id), ret_node))
        return 0;
    return add_node(job, id, path, ret_node);
}

int32_t graph_add_edge(struct job *job, uint32_t from, uint32_t to, double weight, json_t *label,
                       json_t *data, const char *path)
{
    struct graph *graph = &job->graph;
    void *edges = graph->edges;
    if (graph->edge_count == EDGES_MAX)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, path,
                                "a graph has at most %u edges; this one has more", EDGES_MAX);
    if (!(fabs(weight) <= WEIGHT_MAX))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, path,
                                "the weight %g is beyond 1e300; scale the weights", weight);
    if (!grow(&edges, graph->edge_count, &graph->edge_room, sizeof *graph->edges))
        return job_no_memory(job);
    graph->edges = edges;
    graph->edges[graph->edge_count++] = (struct edge){.from = from,
                                                      .to = to,
                                                      .weight = weight,
                                                      .label = json_incref(label),
                                                      .data = json_incref(data)};
    return 0;
}

static int by_id(const void *a, const void *b, void *graph)
{
    return strcmp(graph_id(graph, *(const uint32_t *)a), graph_id(graph, *(const uint32_t *)b));
}

int32_t graph_rank(struct job *job)
{
    struct graph *graph = &job->graph;
    graph->order = job_alloc(job, graph->node_count, sizeof *graph->order);
    graph->rank = job_alloc(job, graph->node_count, sizeof *graph->rank);
    if (!graph->order || !graph->rank)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->order[i] = i;
    if (graph->node_count > 1)
        qsort_r(graph->order, graph->node_count, sizeof *graph->order, by_id, graph);
    for (uint32_t i = 0; i < graph->node_count; i++)
        graph->rank[graph->order[i]] = i;
    return 0;
}

int32_t graph_param_node(struct job *job, const char *key, uint32_t *ret_node)
{
    char pointer[32];
    const char *id = llmspell_string(job->params, key);
    if (graph_find(&job->graph, id, ret_node) &&
        strlen(id) == llmspell_string_length(job->params, key))
        return 0;
    snprintf(pointer, sizeof pointer, "/%s", key);
    return llmspell_fail_at(job->call, LLMSPELL_ENOTFOUND, pointer,
                            "the graph has no node \"%.200s\"", id);
}

double graph_weight(const struct job *job, const struct edge *edge)
{
    return job->weighted ? edge->weight : 1;
}

bool graph_has_negative(const struct job *job)
{
    for (uint32_t i = 0; i < job->graph.edge_count; i++)
        if (graph_weight(job, &job->graph.edges[i]) < 0)
            return true;
    return false;
}
