/* SPDX-License-Identifier: Apache-2.0
 * What the files of graph_builder share: the graph in memory, one call (struct job), the table's
 * functions by topic. Nodes and edges are numbers; ids matter for order and for results. */
#ifndef GRAPH_BUILDER_H
#define GRAPH_BUILDER_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/json_write.h"

#define NODES_MAX 10000u
#define EDGES_MAX 100000u
#define WEIGHT_MAX 1e300 /* so that no sum of weights overflows */

struct node {
    json_t *id; /* string; all references are owned */
    json_t *label, *data;
};

struct edge {
    uint32_t from, to;
    double weight;
    json_t *label, *data;
};

/* Zeroed = an empty undirected graph without index: use graph_init. */
struct graph {
    bool directed;
    struct node *nodes;
    struct edge *edges;
    uint32_t node_count, edge_count, node_room, edge_room;
    json_t *index;   /* id → number */
    uint32_t *order; /* nodes by id; after graph_rank */
    uint32_t *rank;  /* the reverse */
};

struct job {
    struct llmspell_call *call;
    const json_t *params;
    struct graph graph;
    bool weighted; /* the parameter: asked for at each edge */
    unsigned ticks;
};

typedef int32_t operation_function(struct job *job, json_t **ret_result);

operation_function create_run, add_node_run, add_edge_run;    /* edit.c */
operation_function remove_node_run, remove_edge_run;          /* edit.c */
operation_function analyze_run, neighbors_run;                /* analyze.c */
operation_function shortest_path_run, all_shortest_paths_run; /* paths.c */
operation_function topological_sort_run;                      /* order.c */
operation_function components_run;                            /* components.c */
operation_function centrality_run;                            /* centrality.c */
operation_function cycles_run;                                /* cycles.c */
operation_function spanning_tree_run;                         /* tree.c */
operation_function export_run;                                /* export.c */
operation_function import_run;                                /* import.c */
operation_function render_run;                                /* render.c */

/* 0, or the code to return: looks at the cancel flag every 256 calls. Call it in each loop. */
int32_t job_tick(struct job *job);

/* The code for text that Jansson does not take: too deep is a limit, all else wrong text. */
static inline int32_t json_fail_code(const json_error_t *error)
{
    return json_error_code(error) == json_error_stack_overflow ? LLMSPELL_ELIMIT : LLMSPELL_EPARSE;
}

/* n zeroed entries, at least one byte; NULL with the error set. */
void *job_alloc(const struct job *job, size_t n, size_t size);
int32_t job_no_memory(const struct job *job);

/* ---- graph.c ---- */

bool graph_init(struct graph *graph, bool directed); /* false: out of memory */
void graph_clear(struct graph *graph);

const char *graph_id(const struct graph *graph, uint32_t node);
bool graph_find(const struct graph *graph, const char *id, uint32_t *ret_node);

/* The node id (a string without NUL), added if it is new. path: the parameter to blame. Returns 0
 * or a negative code with the error set. */
int32_t graph_need_node(struct job *job, json_t *id, const char *path, uint32_t *ret_node);

/* label, data: borrowed, or NULL. */
int32_t graph_add_edge(struct job *job, uint32_t from, uint32_t to, double weight, json_t *label,
                       json_t *data, const char *path);

int32_t graph_rank(struct job *job); /* fills order and rank */

/* The node that the parameter key names, or not_found there. */
int32_t graph_param_node(struct job *job, const char *key, uint32_t *ret_node);

/* The weight as the parameter `weighted` has it: 1 for all if false. */
double graph_weight(const struct job *job, const struct edge *edge);
bool graph_has_negative(const struct job *job);

/* ---- arcs.c: edges by node ---- */

enum direction { OUT = 1, IN = 2, BOTH = 3 };

struct arc {
    uint32_t node, edge; /* where it leads; by which edge */
};

/* Arcs of node n: list[start[n]] up to list[start[n + 1]], by the id of the other node, then in
 * the order of the edges. */
struct arcs {
    uint32_t *start;
    struct arc *list;
};

/* In an undirected graph every edge leads both ways (a loop once), whatever the direction. Needs
 * graph_rank. */
int32_t arcs_build(struct job *job, enum direction direction, struct arcs *ret_arcs);
void arcs_clear(struct arcs *arcs);
#define CLEANUP_ARCS __attribute__((cleanup(arcs_clear)))

enum direction direction_wanted(const struct job *job);

/* ---- read.c ---- */

/* The parameter graph, object or text, into job->graph; it may be absent if not needed. */
int32_t read_graph(struct job *job);

/* GRAPH as a value. path: the parameter to blame; inner: add the place within (false for text). */
int32_t read_value(struct job *job, json_t *value, const char *path, bool inner);

/* ---- result.c ---- */

json_t *graph_json(const struct job *job); /* GRAPH, canonical; NULL: out of memory */
json_t *edge_json(const struct graph *graph, const struct edge *edge);
int32_t graph_result(const struct job *job, json_t **ret_result); /* {graph, …_count} */
json_t *ids_json(const struct graph *graph, const uint32_t *nodes, size_t count);

/* ---- order.c ---- */

/* A cycle as a list of nodes, or count 0. Iterative; needs graph_rank; the graph is directed.
 * *ret_nodes: node_count entries, freed by the caller. */
int32_t find_cycle(struct job *job, uint32_t **ret_nodes, size_t *ret_count);

/* ---- components.c ---- */

/* *ret_labels: of each node the number of its weak component, in order of the ids. */
int32_t weak_components(struct job *job, uint32_t **ret_labels, uint32_t *ret_count);

/* ---- distance.c ---- */

/* Distances from source along arcs; INFINITY where nothing leads. `failed` at /graph if a negative
 * cycle can be reached. *ret_distance: node_count entries, freed by the caller. */
int32_t distances(struct job *job, const struct arcs *arcs, uint32_t source, double **ret_distance);

/* A heap of nodes by distance, then number. */
struct heap_entry {
    double distance;
    uint32_t node;
};
struct heap {
    struct heap_entry *entries;
    size_t size, room;
};
bool heap_push(struct heap *heap, double distance, uint32_t node); /* false: out of memory */
struct heap_entry heap_pop(struct heap *heap);                     /* it is not empty */
void heap_clear(struct heap *heap);
#define CLEANUP_HEAP __attribute__((cleanup(heap_clear)))

/* ---- export.c, import.c ---- */

/* Fails if an id or a label holds what XML cannot. */
int32_t check_xml_texts(const struct job *job, const char *format);

int32_t write_dot(struct job *job, struct byte_buffer *out);
int32_t read_dot(struct job *job, const char *text, size_t size); /* dot.c; errors at /input */

#endif
