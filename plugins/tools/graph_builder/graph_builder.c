/* SPDX-License-Identifier: Apache-2.0
 * graph_builder: graphs that are given and returned as JSON. This file is the entry and the table
 * of operations; the operations live beside it, by topic (graph.h lists them). */
#include "graph.h"

static const struct operation {
    const char *name;
    operation_function *run;
} operations[] = {
    {"create", create_run},
    {"add_node", add_node_run},
    {"add_edge", add_edge_run},
    {"remove_node", remove_node_run},
    {"remove_edge", remove_edge_run},
    {"analyze", analyze_run},
    {"shortest_path", shortest_path_run},
    {"all_shortest_paths", all_shortest_paths_run},
    {"topological_sort", topological_sort_run},
    {"components", components_run},
    {"centrality", centrality_run},
    {"cycles", cycles_run},
    {"neighbors", neighbors_run},
    {"spanning_tree", spanning_tree_run},
    {"export", export_run},
    {"import", import_run},
    {"render", render_run},
};

static int32_t run(struct job *job, json_t **ret_result)
{
    int32_t rc = llmspell_is(job->params, "operation", "import") ? 0 : read_graph(job);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
    return rc < 0 ? rc : llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "unknown");
}

static int32_t graph_builder(void *self, struct llmspell_call *call, const json_t *params,
                             json_t **ret_result)
{
    (void)self;
    struct job job = {
        .call = call, .params = params, .weighted = llmspell_bool(params, "weighted", 1)};
    int32_t rc = graph_init(&job.graph, true) ? run(&job, ret_result) : job_no_memory(&job);
    graph_clear(&job.graph);
    return rc;
}

LLMSPELL_TOOL(.invoke = graph_builder)
