/* SPDX-License-Identifier: Apache-2.0
 * Counters and latency histograms of requests, without locks. A bucket is an eighth of a doubling,
 * so a percentile is at most an eighth too high. */
#include "kernel/internal.h"

#define LOWEST 10 /* 2^10 ns: everything faster is in the first bucket */
#define PER_DOUBLING 8

static unsigned bucket_of(int64_t ns)
{
    if (ns < (INT64_C(1) << LOWEST))
        return 0;
    unsigned top = 63u - (unsigned)__builtin_clzll((unsigned long long)ns);
    unsigned eighth = (unsigned)(ns >> (top - 3)) & (PER_DOUBLING - 1);
    unsigned bucket = 1 + (top - LOWEST) * PER_DOUBLING + eighth;
    return bucket < METRIC_BUCKETS ? bucket : METRIC_BUCKETS - 1;
}

/* The upper end of a bucket, in ns. */
static double bucket_end(unsigned bucket)
{
    if (bucket == 0)
        return (double)(INT64_C(1) << LOWEST);
    unsigned top = LOWEST + (bucket - 1) / PER_DOUBLING, eighth = (bucket - 1) % PER_DOUBLING;
    return (double)(INT64_C(1) << top) * (1.0 + (eighth + 1.0) / PER_DOUBLING);
}

void metric_add(struct metric *metric, int64_t ns, bool failed)
{
    atomic_fetch_add_explicit(&metric->count, 1, memory_order_relaxed);
    if (failed)
        atomic_fetch_add_explicit(&metric->errors, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->total_ns, ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&metric->buckets[bucket_of(ns)], 1, memory_order_relaxed);
    long long max = atomic_load_explicit(&metric->max_ns, memory_order_relaxed);
    while (ns > max && !atomic_compare_exchange_weak(&metric->max_ns, &max, ns))
        ;
}

/* The end of the bucket in which the share (0 to 1) of all lies, in ms; at most the maximum. */
static double percentile(const struct metric *metric, unsigned long count, double share)
{
    double wanted = share * (double)count, seen = 0;
    double max = (double)atomic_load(&metric->max_ns);
    for (unsigned i = 0; i < METRIC_BUCKETS; i++) {
        seen += (double)atomic_load_explicit(&metric->buckets[i], memory_order_relaxed);
        if (seen > 0 && seen >= wanted)
            return (bucket_end(i) < max ? bucket_end(i) : max) / 1e6;
    }
    return max / 1e6;
}

json_t *metric_json(const struct metric *metric)
{
    unsigned long count = atomic_load(&metric->count);
    double total = (double)atomic_load(&metric->total_ns) / 1e6;
    return json_pack("{s:I, s:I, s:{s:f, s:f, s:f, s:f, s:f}}", "count", (json_int_t)count,
                     "errors", (json_int_t)atomic_load(&metric->errors), "latency_ms", "p50",
                     percentile(metric, count, 0.5), "p90", percentile(metric, count, 0.9), "p99",
                     percentile(metric, count, 0.99), "max",
                     (double)atomic_load(&metric->max_ns) / 1e6, "mean",
                     count ? total / (double)count : 0.0);
}
