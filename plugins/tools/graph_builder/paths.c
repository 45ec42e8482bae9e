/* SPDX-License-Identifier: Apache-2.0
 * shortest_path and all_shortest_paths. The edges that lie on a shortest way ("tight": distance
 * plus weight is the distance of the other end) are walked in the order of the ids, so that the
 * paths come out smallest first. */
#include "graph.h"

#include <math.h>

struct walk {
    struct job *job;
    struct arcs out, in;
    double *distance;
    bool *leads; /* a tight way leads from here to the target */
    bool *used;  /* on the path */
    bool loops;  /* a tight edge without length: cycles of length 0 are possible */
    uint32_t *path, *next, *queue;
    uint32_t depth, target;
};

static void walk_clear(struct walk *walk)
{
    arcs_clear(&walk->out);
    arcs_clear(&walk->in);
    free(walk->distance);
    free(walk->leads);
    free(walk->used);
    free(walk->path);
    free(walk->next);
    free(walk->queue);
}

static bool tight(const struct walk *walk, uint32_t from, uint32_t to, uint32_t edge)
{
    double length = graph_weight(walk->job, &walk->job->graph.edges[edge]);
    double sum = walk->distance[from] + length;
    return isfinite(sum) && sum <= walk->distance[to] && sum >= walk->distance[to];
}

/* Marks what leads to the target without a used node, backwards from it. */
static int32_t mark_leading(struct walk *walk)
{
    uint32_t head = 0, tail = 0;
    memset(walk->leads, 0, walk->job->graph.node_count * sizeof *walk->leads);
    walk->leads[walk->target] = true;
    walk->queue[tail++] = walk->target;
    while (head < tail) {
        uint32_t node = walk->queue[head++];
        for (uint32_t i = walk->in.start[node]; i < walk->in.start[node + 1]; i++) {
            const struct arc *arc = &walk->in.list[i];
            if (walk->leads[arc->node] || walk->used[arc->node] ||
                !tight(walk, arc->node, node, arc->edge))
                continue;
            walk->leads[arc->node] = true;
            walk->queue[tail++] = arc->node;
        }
        int32_t rc = job_tick(walk->job);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t walk_init(struct walk *walk, uint32_t source)
{
    struct job *job = walk->job;
    size_t n = job->graph.node_count;
    int32_t rc = arcs_build(job, OUT, &walk->out);
    if (rc == 0)
        rc = arcs_build(job, IN, &walk->in);
    if (rc == 0)
        rc = distances(job, &walk->out, source, &walk->distance);
    if (rc < 0)
        return rc;
    walk->leads = job_alloc(job, n, sizeof *walk->leads);
    walk->used = job_alloc(job, n, sizeof *walk->used);
    walk->path = job_alloc(job, n, sizeof *walk->path);
    walk->next = job_alloc(job, n, sizeof *walk->next);
    walk->queue = job_alloc(job, n, sizeof *walk->queue);
    if (!walk->leads || !walk->used || !walk->path || !walk->next || !walk->queue)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = 0; i < job->graph.edge_count; i++)
        walk->loops |= graph_weight(job, &job->graph.edges[i]) <= 0;
    return mark_leading(walk);
}

static void walk_enter(struct walk *walk, uint32_t node)
{
    walk->used[node] = true;
    walk->next[walk->depth] = walk->out.start[node];
    walk->path[walk->depth++] = node;
}

static void walk_leave(struct walk *walk)
{
    walk->used[walk->path[--walk->depth]] = false;
}

/* The next node after the last of the path; false: there is none. */
static bool walk_next(struct walk *walk, uint32_t *ret_node)
{
    uint32_t *next = &walk->next[walk->depth - 1], node = walk->path[walk->depth - 1];
    for (; *next < walk->out.start[node + 1]; (*next)++) {
        const struct arc *arc = &walk->out.list[*next];
        if (walk->used[arc->node] || !walk->leads[arc->node] ||
            !tight(walk, node, arc->node, arc->edge))
            continue;
        *ret_node = arc->node;
        while (*next < walk->out.start[node + 1] && walk->out.list[*next].node == *ret_node)
            (*next)++; /* parallel edges give the same path */
        return true;
    }
    return false;
}

/* Goes on to the next whole path; false in *ret_found: there is no more. */
static int32_t walk_path(struct walk *walk, bool *ret_found)
{
    uint32_t node = 0;
    int32_t rc = 0;
    *ret_found = false;
    if (walk->depth > 0 && walk->path[walk->depth - 1] == walk->target)
        walk_leave(walk);
    while (walk->depth > 0 && rc == 0) {
        if (walk->loops) /* what leads on may do so only through the path itself */
            rc = mark_leading(walk);
        if (rc == 0)
            rc = job_tick(walk->job);
        if (rc < 0)
            break;
        if (!walk_next(walk, &node)) {
            walk_leave(walk);
            continue;
        }
        walk_enter(walk, node);
        if (node == walk->target) {
            *ret_found = true;
            return 0;
        }
    }
    return rc;
}

/* The first path; afterwards walk_path. */
static int32_t walk_first(struct walk *walk, uint32_t source, bool *ret_found)
{
    *ret_found = false;
    if (!walk->leads[source])
        return 0;
    walk_enter(walk, source);
    *ret_found = source == walk->target;
    return *ret_found ? 0 : walk_path(walk, ret_found);
}

static int32_t walk_start(struct walk *walk, uint32_t *ret_source)
{
    int32_t rc = graph_param_node(walk->job, "from", ret_source);
    if (rc == 0)
        rc = graph_param_node(walk->job, "to", &walk->target);
    return rc < 0 ? rc : walk_init(walk, *ret_source);
}

int32_t shortest_path_run(struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(walk_clear))) struct walk walk = {.job = job};
    uint32_t source = 0;
    bool found = false;
    int32_t rc = walk_start(&walk, &source);
    if (rc == 0)
        rc = walk_first(&walk, source, &found);
    if (rc < 0)
        return rc;
    if (!found)
        return llmspell_return(
            job->call, ret_result,
            json_pack("{s:b,s:[],s:n,s:n}", "found", 0, "path", "distance", "hops"));
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b,s:o,s:o,s:I}", "found", 1, "path",
                                     ids_json(&job->graph, walk.path, walk.depth), "distance",
                                     number_json(walk.distance[walk.target]), "hops",
                                     (json_int_t)walk.depth - 1));
}

static int32_t collect(struct walk *walk, uint32_t source, json_t *paths, bool *ret_truncated)
{
    size_t limit = (size_t)llmspell_integer(walk->job->params, "limit", 1000);
    bool found = false;
    int32_t rc = walk_first(walk, source, &found);
    while (rc == 0 && found) {
        *ret_truncated = json_array_size(paths) == limit;
        if (*ret_truncated)
            return 0;
        if (json_array_append_new(paths, ids_json(&walk->job->graph, walk->path, walk->depth)) != 0)
            return job_no_memory(walk->job);
        rc = walk_path(walk, &found);
    }
    return rc;
}

int32_t all_shortest_paths_run(struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(walk_clear))) struct walk walk = {.job = job};
    LLMSPELL_CLEANUP_JSON json_t *paths = json_array();
    uint32_t source = 0;
    bool truncated = false;
    int32_t rc = paths ? walk_start(&walk, &source) : job_no_memory(job);
    if (rc == 0)
        rc = collect(&walk, source, paths, &truncated);
    if (rc < 0)
        return rc;
    size_t count = json_array_size(paths);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b,s:O,s:o,s:I,s:b}", "found", count > 0, "paths", paths,
                                     "distance",
                                     count ? number_json(walk.distance[walk.target]) : json_null(),
                                     "count", (json_int_t)count, "truncated", truncated));
}
