/* SPDX-License-Identifier: Apache-2.0
 * Distances from one node: Dijkstra, or Bellman-Ford (with a queue) if a weight is negative. */
#include "graph.h"

#include <math.h>

/* ---- the heap ---- */

static bool before(struct heap_entry a, struct heap_entry b)
{
    return a.distance < b.distance || (a.distance <= b.distance && a.node < b.node);
}

bool heap_push(struct heap *heap, double distance, uint32_t node)
{
    struct heap_entry entry = {distance, node};
    if (heap->size == heap->room) {
        size_t room = heap->room ? heap->room * 2 : 64;
        struct heap_entry *entries = realloc(heap->entries, room * sizeof *entries);
        if (!entries)
            return false;
        heap->entries = entries;
        heap->room = room;
    }
    size_t at = heap->size++;
    for (; at > 0 && before(entry, heap->entries[(at - 1) / 2]); at = (at - 1) / 2)
        heap->entries[at] = heap->entries[(at - 1) / 2];
    heap->entries[at] = entry;
    return true;
}

struct heap_entry heap_pop(struct heap *heap)
{
    struct heap_entry top = heap->entries[0], last = heap->entries[--heap->size];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < heap->size && before(heap->entries[child + 1], heap->entries[child]))
            child++;
        if (child >= heap->size || !before(heap->entries[child], last))
            break;
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = last;
    return top;
}

void heap_clear(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){0};
}

/* ---- Dijkstra ---- */

static int32_t dijkstra(struct job *job, const struct arcs *arcs, uint32_t source, double *distance)
{
    CLEANUP_HEAP struct heap heap = {0};
    if (!heap_push(&heap, 0, source))
        return job_no_memory(job);
    while (heap.size > 0) {
        struct heap_entry at = heap_pop(&heap);
        int32_t rc = job_tick(job);
        if (rc < 0)
            return rc;
        if (at.distance > distance[at.node])
            continue; /* a shorter way was found meanwhile */
        for (uint32_t i = arcs->start[at.node]; i < arcs->start[at.node + 1]; i++) {
            const struct arc *arc = &arcs->list[i];
            double way = at.distance + graph_weight(job, &job->graph.edges[arc->edge]);
            if (!(way < distance[arc->node]))
                continue;
            distance[arc->node] = way;
            if (!heap_push(&heap, way, arc->node))
                return job_no_memory(job);
        }
    }
    return 0;
}

/* ---- Bellman-Ford ---- */

struct queue {
    uint32_t *nodes, head, size, room; /* a ring */
    bool *has;
    uint32_t *edges; /* of the way to each node */
};

static void queue_put(struct queue *queue, uint32_t node)
{
    if (queue->has[node])
        return;
    queue->has[node] = true;
    queue->nodes[(queue->head + queue->size++) % queue->room] = node;
}

static int32_t relax(struct job *job, const struct arcs *arcs, struct queue *queue,
                     double *distance)
{
    uint32_t node = queue->nodes[queue->head];
    queue->head = (queue->head + 1) % queue->room;
    queue->size--;
    queue->has[node] = false;
    for (uint32_t i = arcs->start[node]; i < arcs->start[node + 1]; i++) {
        const struct arc *arc = &arcs->list[i];
        double way = distance[node] + graph_weight(job, &job->graph.edges[arc->edge]);
        if (!(way < distance[arc->node]))
            continue;
        distance[arc->node] = way;
        queue->edges[arc->node] = queue->edges[node] + 1;
        if (queue->edges[arc->node] >= job->graph.node_count)
            return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/graph",
                                    "a cycle of negative weight runs through \"%.100s\": there is "
                                    "no shortest path",
                                    graph_id(&job->graph, arc->node));
        queue_put(queue, arc->node);
    }
    return job_tick(job);
}

static int32_t bellman_ford(struct job *job, const struct arcs *arcs, uint32_t source,
                            double *distance)
{
    uint32_t n = job->graph.node_count;
    LLMSPELL_CLEANUP_FREE uint32_t *nodes = job_alloc(job, n, sizeof *nodes);
    LLMSPELL_CLEANUP_FREE uint32_t *edges = job_alloc(job, n, sizeof *edges);
    LLMSPELL_CLEANUP_FREE bool *has = job_alloc(job, n, sizeof *has);
    if (!nodes || !edges || !has)
        return LLMSPELL_ENOMEM;
    struct queue queue = {.nodes = nodes, .room = n, .has = has, .edges = edges};
    int32_t rc = 0;
    queue_put(&queue, source);
    while (rc == 0 && queue.size > 0)
        rc = relax(job, arcs, &queue, distance);
    return rc;
}

int32_t distances(struct job *job, const struct arcs *arcs, uint32_t source, double **ret_distance)
{
    uint32_t n = job->graph.node_count;
    LLMSPELL_CLEANUP_FREE double *distance = job_alloc(job, n, sizeof *distance);
    if (!distance)
        return LLMSPELL_ENOMEM;
    for (uint32_t i = 0; i < n; i++)
        distance[i] = INFINITY;
    distance[source] = 0;
    int32_t rc = graph_has_negative(job) ? bellman_ford(job, arcs, source, distance)
                                         : dijkstra(job, arcs, source, distance);
    if (rc < 0)
        return rc;
    *ret_distance = distance;
    distance = NULL;
    return 0;
}
