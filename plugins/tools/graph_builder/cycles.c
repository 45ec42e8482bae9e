/* SPDX-License-Identifier: Apache-2.0
 * cycles: elementary cycles by Johnson's algorithm, without recursion. Starts and arcs are taken in
 * the order of the ids, so that the cycles come out sorted and a limit keeps the smallest. */
#include "graph.h"

struct johnson {
    struct job *job;
    struct arcs out, in;
    bool *forward, *region; /* region: on a cycle through the start, among nodes of no lower rank */
    bool *blocked;
    uint32_t *path, *next, *queue;
    uint32_t depth, start;
    bool *found;      /* for each depth: a cycle was found below */
    json_t **waiting; /* of each blocked node: an array of nodes to free with it; or NULL */
    json_t *cycles;
    size_t limit;
    bool truncated;
};

static void johnson_clear(struct johnson *j)
{
    arcs_clear(&j->out);
    arcs_clear(&j->in);
    for (uint32_t i = 0; j->waiting && i < j->job->graph.node_count; i++)
        json_decref(j->waiting[i]);
    free(j->waiting);
    free(j->forward);
    free(j->region);
    free(j->blocked);
    free(j->path);
    free(j->next);
    free(j->queue);
    free(j->found);
    json_decref(j->cycles);
}

/* Marks what arcs reach from the start; only nodes within (or all, if NULL) of no lower rank. */
static int32_t spread(struct johnson *j, const struct arcs *arcs, const bool *within, bool *marks)
{
    const uint32_t *rank = j->job->graph.rank;
    uint32_t head = 0, tail = 0;
    memset(marks, 0, j->job->graph.node_count * sizeof *marks);
    marks[j->start] = true;
    j->queue[tail++] = j->start;
    while (head < tail) {
        uint32_t node = j->queue[head++];
        for (uint32_t i = arcs->start[node]; i < arcs->start[node + 1]; i++) {
            uint32_t other = arcs->list[i].node;
            if (marks[other] || rank[other] < rank[j->start] || (within && !within[other]))
                continue;
            marks[other] = true;
            j->queue[tail++] = other;
        }
        int32_t rc = job_tick(j->job);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- blocking ---- */

static void unblock(struct johnson *j, uint32_t node)
{
    uint32_t count = 0;
    j->queue[count++] = node;
    j->blocked[node] = false;
    while (count > 0) {
        uint32_t at = j->queue[--count];
        size_t i;
        json_t *other;
        json_array_foreach(j->waiting[at], i, other)
        {
            uint32_t freed = (uint32_t)json_integer_value(other);
            if (!j->blocked[freed])
                continue;
            j->blocked[freed] = false;
            j->queue[count++] = freed;
        }
        json_decref(j->waiting[at]);
        j->waiting[at] = NULL;
    }
}

/* node is freed when one of those that it leads to is. */
static int32_t wait_for_others(struct johnson *j, uint32_t node)
{
    for (uint32_t i = j->out.start[node]; i < j->out.start[node + 1]; i++) {
        uint32_t other = j->out.list[i].node;
        if (!j->region[other] || (i > j->out.start[node] && j->out.list[i - 1].node == other))
            continue;
        if (!j->waiting[other])
            j->waiting[other] = json_array();
        if (json_array_append_new(j->waiting[other], json_integer(node)) != 0)
            return job_no_memory(j->job);
    }
    return 0;
}

/* ---- the walk ---- */

static void enter(struct johnson *j, uint32_t node)
{
    j->blocked[node] = true;
    j->found[j->depth] = false;
    j->next[j->depth] = j->out.start[node];
    j->path[j->depth++] = node;
}

static int32_t leave(struct johnson *j)
{
    uint32_t node = j->path[--j->depth];
    if (!j->found[j->depth])
        return wait_for_others(j, node);
    unblock(j, node);
    if (j->depth > 0)
        j->found[j->depth - 1] = true;
    return 0;
}

/* An undirected graph shows each cycle in both directions, and each edge as a cycle. */
static bool counts(const struct johnson *j, uint32_t arc)
{
    const struct graph *graph = &j->job->graph;
    const struct arc *list = j->out.list;
    uint32_t last = j->path[j->depth - 1];
    if (graph->directed || j->depth == 1)
        return true;
    if (j->depth == 2) /* two edges at least, side by side */
        return (arc > j->out.start[last] && list[arc - 1].node == j->start) ||
               (arc + 1 < j->out.start[last + 1] && list[arc + 1].node == j->start);
    return graph->rank[j->path[1]] < graph->rank[last];
}

static int32_t report(struct johnson *j)
{
    j->truncated = json_array_size(j->cycles) == j->limit;
    if (!j->truncated &&
        json_array_append_new(j->cycles, ids_json(&j->job->graph, j->path, j->depth)) != 0)
        return job_no_memory(j->job);
    return 0;
}

/* One arc further from the last node of the path, or back. */
static int32_t step(struct johnson *j)
{
    uint32_t *next = &j->next[j->depth - 1], node = j->path[j->depth - 1];
    if (*next == j->out.start[node + 1])
        return leave(j);
    uint32_t at = (*next)++, other = j->out.list[at].node;
    while (*next < j->out.start[node + 1] && j->out.list[*next].node == other)
        (*next)++; /* parallel edges give the same cycles */
    if (other == j->start) {
        j->found[j->depth - 1] = true;
        return counts(j, at) ? report(j) : 0;
    }
    if (j->region[other] && !j->blocked[other])
        enter(j, other);
    return 0;
}

static int32_t cycles_from(struct johnson *j)
{
    uint32_t n = j->job->graph.node_count;
    int32_t rc = spread(j, &j->out, NULL, j->forward);
    if (rc == 0)
        rc = spread(j, &j->in, j->forward, j->region);
    if (rc < 0)
        return rc;
    memset(j->blocked, 0, n * sizeof *j->blocked);
    for (uint32_t i = 0; i < n; i++) {
        json_decref(j->waiting[i]);
        j->waiting[i] = NULL;
    }
    enter(j, j->start);
    while (rc == 0 && j->depth > 0 && !j->truncated) {
        rc = step(j);
        if (rc == 0)
            rc = job_tick(j->job);
    }
    j->depth = 0;
    return rc;
}

static int32_t johnson_init(struct johnson *j)
{
    struct job *job = j->job;
    size_t n = job->graph.node_count;
    j->limit = (size_t)llmspell_integer(job->params, "limit", 1000);
    j->forward = job_alloc(job, n, sizeof *j->forward);
    j->region = job_alloc(job, n, sizeof *j->region);
    j->blocked = job_alloc(job, n, sizeof *j->blocked);
    j->path = job_alloc(job, n, sizeof *j->path);
    j->next = job_alloc(job, n, sizeof *j->next);
    j->queue = job_alloc(job, n, sizeof *j->queue);
    j->found = job_alloc(job, n, sizeof *j->found);
    j->waiting = job_alloc(job, n, sizeof *j->waiting);
    j->cycles = json_array();
    if (!j->forward || !j->region || !j->blocked || !j->path || !j->next || !j->queue ||
        !j->found || !j->waiting || !j->cycles)
        return job_no_memory(job);
    int32_t rc = arcs_build(job, OUT, &j->out);
    return rc < 0 ? rc : arcs_build(job, IN, &j->in);
}

int32_t cycles_run(struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(johnson_clear))) struct johnson j = {.job = job};
    int32_t rc = johnson_init(&j);
    for (uint32_t i = 0; rc == 0 && i < job->graph.node_count && !j.truncated; i++) {
        j.start = job->graph.order[i];
        if (j.out.start[j.start] < j.out.start[j.start + 1])
            rc = cycles_from(&j);
    }
    if (rc < 0)
        return rc;
    size_t count = json_array_size(j.cycles);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b,s:I,s:O,s:b}", "has_cycle", count > 0, "count",
                                     (json_int_t)count, "cycles", j.cycles, "truncated",
                                     j.truncated));
}
