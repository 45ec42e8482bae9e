/* SPDX-License-Identifier: Apache-2.0
 * host/kernel/metrics.c: percentiles against sorted values, extremes, many threads. */
#include "test.h"

#include <pthread.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

static double latency(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(json_object_get(row, "latency_ms"), key));
}

/* What the metric says of these values, in any order; ours to free. */
static json_t *row_of(const int64_t *values, size_t count)
{
    struct metric *metric = calloc(1, sizeof *metric);
    CU_ASSERT_PTR_NOT_NULL_FATAL(metric);
    for (size_t i = 0; i < count; i++)
        metric_add(metric, values[i], false);
    json_t *row = metric_json(metric);
    free(metric);
    CU_ASSERT_PTR_NOT_NULL_FATAL(row);
    return row;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* At least the true value of that rank, and at most an eighth (or a microsecond) more. */
static void check_percentile(const int64_t *sorted, size_t count, const json_t *row,
                             const char *key, double share)
{
    size_t rank = (size_t)(share * (double)count);
    rank -= rank > 0 && share * (double)count <= (double)rank;
    double told = latency(row, key) * 1e6, right = (double)sorted[rank];
    CU_ASSERT(told >= right * (1 - 1e-9));
    CU_ASSERT(told <= (right < 1024 ? 1024 : right * 1.125) * (1 + 1e-9));
}

static void check_values(int64_t *values, size_t count)
{
    double sum = 0;
    LLMSPELL_CLEANUP_JSON json_t *row = row_of(values, count);
    qsort(values, count, sizeof *values, compare);
    for (size_t i = 0; i < count; i++)
        sum += (double)values[i] / 1e6;
    check_percentile(values, count, row, "p50", 0.5);
    check_percentile(values, count, row, "p90", 0.9);
    check_percentile(values, count, row, "p99", 0.99);
    CU_ASSERT_EQUAL(llmspell_integer(row, "count", -1), (json_int_t)count);
    CU_ASSERT_EQUAL(llmspell_integer(row, "errors", -1), 0);
    CU_ASSERT_DOUBLE_EQUAL(latency(row, "max"), (double)values[count - 1] / 1e6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(latency(row, "mean"), sum / (double)count, sum * 1e-9 + 1e-9);
}

static void test_percentiles(void)
{
    enum { COUNT = 5000 };
    static int64_t values[COUNT];
    uint64_t state = 1;
    for (unsigned scale = 1; scale < 34; scale += 4) { /* up to 2^43 ns, more than two hours */
        for (size_t i = 0; i < COUNT; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            values[i] = (int64_t)(1000 + (state >> 20) % (UINT64_C(1) << (scale + 9)));
        }
        check_values(values, COUNT);
        check_values(values, 100);
        check_values(values, 2);
    }
}

/* Every value alone, on both sides of each border of a bucket: it is its own percentile. */
static void test_borders(void)
{
    for (unsigned bit = 0; bit < 43; bit++) {
        for (int64_t eighth = 8; eighth < 16; eighth++) {
            for (int64_t off = -1; off <= 1; off++) {
                int64_t value = (eighth << bit) / 8 + off;
                int64_t pair[] = {value, value * 2};
                if (value <= 0)
                    continue;
                check_values(&value, 1);
                check_values(pair, 2);
            }
        }
    }
}

static void test_extremes(void)
{
    static const int64_t least[] = {0}, most[] = {INT64_MAX / 4};
    LLMSPELL_CLEANUP_JSON json_t *nothing = row_of(NULL, 0), *low = row_of(least, 1),
                                 *high = row_of(most, 1);
    CU_ASSERT_EQUAL(llmspell_integer(nothing, "count", -1), 0);
    CU_ASSERT_EQUAL(latency(nothing, "p99"), 0);
    CU_ASSERT_EQUAL(latency(nothing, "mean"), 0);
    CU_ASSERT_EQUAL(latency(low, "p50"), 0);
    CU_ASSERT_EQUAL(latency(low, "max"), 0);
    CU_ASSERT_DOUBLE_EQUAL(latency(high, "max"), (double)most[0] / 1e6, 1);
    CU_ASSERT(latency(high, "p50") > 7200e3); /* in the last bucket: more than two hours */
    CU_ASSERT(latency(high, "p50") <= latency(high, "max"));
}

enum { THREADS = 8, EACH = 50000 };

static void *add_many(void *data)
{
    for (int i = 0; i < EACH; i++)
        metric_add(data, 1000 + i, i % 10 == 0);
    return NULL;
}

static void test_threads(void)
{
    static struct metric metric;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, add_many, &metric), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    LLMSPELL_CLEANUP_JSON json_t *row = metric_json(&metric);
    CU_ASSERT_EQUAL(llmspell_integer(row, "count", -1), THREADS * EACH);
    CU_ASSERT_EQUAL(llmspell_integer(row, "errors", -1), THREADS * EACH / 10);
    CU_ASSERT_DOUBLE_EQUAL(latency(row, "max"), (1000 + EACH - 1) / 1e6, 1e-9);
    CU_ASSERT_DOUBLE_EQUAL(latency(row, "mean"), (1000 + (EACH - 1) / 2.0) / 1e6, 1e-9);
    unsigned long sum = 0;
    for (size_t i = 0; i < METRIC_BUCKETS; i++)
        sum += atomic_load(&metric.buckets[i]);
    CU_ASSERT_EQUAL(sum, THREADS * EACH);
}

TEST_MAIN("kernel/metrics", {"percentiles", test_percentiles}, {"borders", test_borders},
          {"extremes", test_extremes}, {"threads", test_threads})
