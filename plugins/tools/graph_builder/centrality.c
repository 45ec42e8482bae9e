/* SPDX-License-Identifier: Apache-2.0
 * centrality: degree, betweenness (Brandes), closeness (Wasserman and Faust), pagerank. */
#include "graph.h"

#include <math.h>

#define BETWEENNESS_MAX 2000u
#define DAMPING 0.85
#define ROUNDS 100

static void degree(const struct graph *graph, double *score)
{
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        score[graph->edges[i].from]++;
        score[graph->edges[i].to]++;
    }
}

/* Lengths that a measure by distances can work with. */
static int32_t check_weights(struct job *job, bool zero)
{
    for (uint32_t i = 0; i < job->graph.edge_count; i++) {
        double weight = graph_weight(job, &job->graph.edges[i]);
        if (weight < 0 || (weight <= 0 && !zero))
            return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/graph",
                                    "edge %u has the weight %g; %s needs %s ones (or weighted "
                                    "false)",
                                    i, weight, llmspell_string(job->params, "measure"),
                                    zero ? "non-negative" : "positive");
    }
    return 0;
}

/* ---- closeness ---- */

static int32_t closeness(struct job *job, double *score)
{
    uint32_t n = job->graph.node_count;
    CLEANUP_ARCS struct arcs arcs = {0};
    int32_t rc = check_weights(job, true);
    if (rc == 0)
        rc = arcs_build(job, direction_wanted(job), &arcs);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        LLMSPELL_CLEANUP_FREE double *distance = NULL;
        double sum = 0, reached = 0;
        rc = distances(job, &arcs, i, &distance);
        for (uint32_t k = 0; rc == 0 && k < n; k++) {
            reached += isfinite(distance[k]);
            sum += isfinite(distance[k]) ? distance[k] : 0;
        }
        if (sum > 0)
            score[i] = (reached - 1) / (n - 1) * ((reached - 1) / sum);
        job->call->host->progress(job->call, i + 1, n, "closeness");
        if (rc == 0)
            rc = llmspell_cancelled(job->call);
    }
    return rc;
}

/* ---- betweenness ---- */

struct brandes {
    struct arcs out, in;
    double *distance, *ways, *share; /* of each node */
    uint32_t *done;                  /* nodes by distance */
    uint32_t done_count;
};

static void brandes_clear(struct brandes *b)
{
    arcs_clear(&b->out);
    arcs_clear(&b->in);
    free(b->distance);
    free(b->ways);
    free(b->share);
    free(b->done);
}

/* The least weight among the parallel edges that begin at list[*at]; *at: behind them. */
static double least_weight(const struct job *job, const struct arcs *arcs, uint32_t end,
                           uint32_t *at)
{
    uint32_t node = arcs->list[*at].node;
    double least = INFINITY;
    for (; *at < end && arcs->list[*at].node == node; (*at)++)
        least = fmin(least, graph_weight(job, &job->graph.edges[arcs->list[*at].edge]));
    return least;
}

static int32_t settle(struct job *job, struct brandes *b, struct heap *heap, uint32_t node)
{
    uint32_t end = b->out.start[node + 1];
    b->done[b->done_count++] = node;
    for (uint32_t i = b->out.start[node]; i < end;) {
        uint32_t other = b->out.list[i].node;
        double way = b->distance[node] + least_weight(job, &b->out, end, &i);
        if (way < b->distance[other]) {
            b->distance[other] = way;
            b->ways[other] = 0;
            if (!heap_push(heap, way, other))
                return job_no_memory(job);
        }
        if (way <= b->distance[other])
            b->ways[other] += b->ways[node];
    }
    return job_tick(job);
}

/* Distances from source, and how many shortest ways lead to each node. */
static int32_t count_ways(struct job *job, struct brandes *b, uint32_t source)
{
    CLEANUP_HEAP struct heap heap = {0};
    int32_t rc = 0;
    for (uint32_t i = 0; i < job->graph.node_count; i++) {
        b->distance[i] = INFINITY;
        b->ways[i] = b->share[i] = 0;
    }
    b->distance[source] = 0;
    b->ways[source] = 1;
    b->done_count = 0;
    if (!heap_push(&heap, 0, source))
        return job_no_memory(job);
    while (rc == 0 && heap.size > 0) {
        struct heap_entry at = heap_pop(&heap);
        if (at.distance <= b->distance[at.node])
            rc = settle(job, b, &heap, at.node);
    }
    return rc;
}

/* From the farthest node back: what each passes on to those before it. */
static void share_ways(const struct job *job, struct brandes *b, uint32_t source, double *score)
{
    while (b->done_count > 0) {
        uint32_t node = b->done[--b->done_count], end = b->in.start[node + 1];
        for (uint32_t i = b->in.start[node]; i < end;) {
            uint32_t other = b->in.list[i].node;
            double way = b->distance[other] + least_weight(job, &b->in, end, &i);
            if (way <= b->distance[node] && isfinite(way))
                b->share[other] += b->ways[other] / b->ways[node] * (1 + b->share[node]);
        }
        if (node != source)
            score[node] += b->share[node];
    }
}

static int32_t betweenness_of(struct job *job, struct brandes *b, double *score)
{
    uint32_t n = job->graph.node_count;
    int32_t rc = 0;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = count_ways(job, b, i);
        if (rc == 0) {
            share_ways(job, b, i, score);
            job->call->host->progress(job->call, i + 1, n, "betweenness");
            rc = llmspell_cancelled(job->call);
        }
    }
    for (uint32_t i = 0; i < n && !job->graph.directed; i++)
        score[i] /= 2; /* each pair was seen from both ends */
    return rc;
}

static int32_t betweenness(struct job *job, double *score)
{
    uint32_t n = job->graph.node_count;
    __attribute__((cleanup(brandes_clear))) struct brandes b = {
        .distance = job_alloc(job, n, sizeof *b.distance),
        .ways = job_alloc(job, n, sizeof *b.ways),
        .share = job_alloc(job, n, sizeof *b.share),
        .done = job_alloc(job, n, sizeof *b.done)};
    if (!b.distance || !b.ways || !b.share || !b.done)
        return LLMSPELL_ENOMEM;
    if (n > BETWEENNESS_MAX)
        return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, "/graph",
                                "betweenness takes at most %u nodes; this graph has %u",
                                BETWEENNESS_MAX, n);
    int32_t rc = check_weights(job, false);
    if (rc == 0)
        rc = arcs_build(job, OUT, &b.out);
    if (rc == 0)
        rc = arcs_build(job, IN, &b.in);
    return rc < 0 ? rc : betweenness_of(job, &b, score);
}

/* ---- pagerank ---- */

/* What all edges of each node weigh together; loops of an undirected graph count once. */
static void sum_weights(const struct job *job, const struct arcs *out, double *sum)
{
    for (uint32_t node = 0; node < job->graph.node_count; node++)
        for (uint32_t i = out->start[node]; i < out->start[node + 1]; i++)
            sum[node] += graph_weight(job, &job->graph.edges[out->list[i].edge]);
}

static void pagerank_round(const struct job *job, const struct arcs *out, const double *sum,
                           const double *old, double *score)
{
    uint32_t n = job->graph.node_count;
    double stuck = 0; /* in nodes that lead nowhere: goes to all alike */
    for (uint32_t i = 0; i < n; i++)
        stuck += sum[i] > 0 ? 0 : old[i];
    for (uint32_t i = 0; i < n; i++)
        score[i] = (1 - DAMPING) / n + DAMPING * stuck / n;
    for (uint32_t node = 0; node < n; node++)
        for (uint32_t i = out->start[node]; sum[node] > 0 && i < out->start[node + 1]; i++) {
            double weight = graph_weight(job, &job->graph.edges[out->list[i].edge]);
            score[out->list[i].node] += DAMPING * old[node] * weight / sum[node];
        }
}

static int32_t pagerank(struct job *job, double *score)
{
    uint32_t n = job->graph.node_count;
    CLEANUP_ARCS struct arcs out = {0};
    LLMSPELL_CLEANUP_FREE double *sum = job_alloc(job, n, sizeof *sum);
    LLMSPELL_CLEANUP_FREE double *old = job_alloc(job, n, sizeof *old);
    int32_t rc = sum && old ? check_weights(job, true) : LLMSPELL_ENOMEM;
    if (rc == 0)
        rc = arcs_build(job, OUT, &out);
    if (rc < 0)
        return rc;
    sum_weights(job, &out, sum);
    for (uint32_t i = 0; i < n; i++)
        score[i] = 1.0 / n;
    for (int round = 0; rc == 0 && round < ROUNDS; round++) {
        memcpy(old, score, n * sizeof *old);
        pagerank_round(job, &out, sum, old, score);
        rc = llmspell_cancelled(job->call);
    }
    return rc;
}

/* ---- the result ---- */

struct place {
    double key; /* the score without the noise of its last digits, so that ties are ties */
    uint32_t node, rank;
};

static int by_score(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    if (left->key > right->key || left->key < right->key)
        return left->key > right->key ? -1 : 1;
    return left->rank < right->rank ? -1 : 1;
}

/* Rounded to 12 significant digits. */
static double rounded(double score)
{
    if (!(score > 0))
        return score;
    double scale = pow(10, 11 - floor(log10(score)));
    return isfinite(scale) && scale > 0 ? round(score * scale) / scale : score;
}

static json_t *scores_json(const struct job *job, const double *score)
{
    const struct graph *graph = &job->graph;
    uint32_t n = graph->node_count;
    LLMSPELL_CLEANUP_FREE struct place *places = job_alloc(job, n, sizeof *places);
    json_t *list = places ? json_array() : NULL;
    for (uint32_t i = 0; list && i < n; i++)
        places[i] = (struct place){rounded(score[i]), i, graph->rank[i]};
    if (list && n > 1)
        qsort(places, n, sizeof *places, by_score);
    for (uint32_t i = 0; list && i < n; i++) {
        json_t *entry = json_pack("{s:O,s:o}", "id", graph->nodes[places[i].node].id, "score",
                                  number_json(score[places[i].node]));
        if (json_array_append_new(list, entry) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

int32_t centrality_run(struct job *job, json_t **ret_result)
{
    const char *measure = llmspell_string(job->params, "measure");
    LLMSPELL_CLEANUP_FREE double *score = job_alloc(job, job->graph.node_count, sizeof *score);
    int32_t rc = score ? 0 : LLMSPELL_ENOMEM;
    if (rc == 0 && strcmp(measure, "betweenness") == 0)
        rc = betweenness(job, score);
    else if (rc == 0 && strcmp(measure, "closeness") == 0)
        rc = closeness(job, score);
    else if (rc == 0 && strcmp(measure, "pagerank") == 0)
        rc = pagerank(job, score);
    else if (rc == 0)
        degree(&job->graph, score);
    if (rc < 0)
        return rc;
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:s,s:o}", "measure", measure, "scores", scores_json(job, score)));
}
