/* SPDX-License-Identifier: Apache-2.0
 * Kendall's tau-b in n log n (Knight's algorithm), with an exact p-value for up to 33 pairs without
 * ties and the normal approximation beyond. Called by correlation.c. */
#include "statistics.h"

#include <math.h>

#define EXACT_MAX 33

struct pair {
    double x, y;
};

static int by_x_then_y(const void *a, const void *b)
{
    const struct pair *left = a, *right = b;
    if (left->x != right->x)
        return left->x < right->x ? -1 : 1;
    return (left->y > right->y) - (left->y < right->y);
}

/* Sums over groups of equal values that the coefficient and its variance need. */
struct ties {
    long double pairs;  /* t(t-1)/2 */
    long double triple; /* t(t-1)(t-2) */
    long double cubic;  /* t(t-1)(2t+5) */
};

static void ties_add(struct ties *ties, size_t count)
{
    long double t = (long double)count;
    ties->pairs += t * (t - 1) / 2;
    ties->triple += t * (t - 1) * (t - 2);
    ties->cubic += t * (t - 1) * (2 * t + 5);
}

static struct ties ties_of(const double *sorted, size_t stride, size_t count)
{
    struct ties ties = {0, 0, 0};
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && sorted[next * stride] == sorted[i * stride];)
            next++;
        ties_add(&ties, next - i);
    }
    return ties;
}

static long double pairs_tied_in_both(const struct pair *pairs, size_t count)
{
    struct ties ties = {0, 0, 0};
    for (size_t i = 0, next; i < count; i = next) {
        for (next = i + 1; next < count && by_x_then_y(&pairs[next], &pairs[i]) == 0;)
            next++;
        ties_add(&ties, next - i);
    }
    return ties.pairs;
}

/* Merges two sorted runs and counts the inversions between them. */
static long double merge(double *out, const double *left, size_t lefts, const double *right,
                         size_t rights)
{
    long double inversions = 0;
    while (lefts && rights) {
        if (*right < *left) {
            inversions += (long double)lefts;
            *out++ = *right++;
            rights--;
        } else {
            *out++ = *left++;
            lefts--;
        }
    }
    memcpy(out, lefts ? left : right, (lefts + rights) * sizeof *out);
    return inversions;
}

/* Sorts y (bottom up) and counts the exchanges: the discordant pairs. */
static int32_t discordant(struct llmspell_call *call, double *y, double *scratch, size_t count,
                          long double *ret)
{
    long double total = 0;
    double *from = y, *to = scratch;
    for (size_t width = 1; width < count; width *= 2) {
        int32_t stop = llmspell_cancelled(call);
        if (stop < 0)
            return stop;
        for (size_t i = 0; i < count; i += 2 * width) {
            size_t left = count - i < width ? count - i : width;
            size_t right = count - i - left < width ? count - i - left : width;
            total += merge(to + i, from + i, left, from + i + left, right);
        }
        double *swap = from;
        from = to;
        to = swap;
    }
    if (from != y)
        memcpy(y, from, count * sizeof *y);
    *ret = total;
    return 0;
}

/* How many of the n! orders have at most `swaps` inversions, as a share of all. */
static long double share_of_orders(size_t n, size_t swaps)
{
    size_t most = n * (n - 1) / 2;
    long double share[EXACT_MAX * (EXACT_MAX - 1) / 2 + 1] = {1};
    for (size_t k = 2; k <= n; k++) {
        for (size_t i = most + 1; i-- > 0;) { /* from the top: in place */
            long double sum = 0;
            for (size_t j = 0; j < k && j <= i; j++)
                sum += share[i - j];
            share[i] = sum / (long double)k;
        }
    }
    long double sum = 0;
    for (size_t i = 0; i <= swaps; i++)
        sum += share[i];
    return sum;
}

static double exact_p_value(size_t n, long double discordant_pairs)
{
    size_t most = n * (n - 1) / 2, swaps = (size_t)discordant_pairs;
    size_t fewer = swaps < most - swaps ? swaps : most - swaps;
    return (double)fminl(1, 2 * share_of_orders(n, fewer));
}

static double normal_p_value(long double score, size_t count, const struct ties *x,
                             const struct ties *y)
{
    long double n = (long double)count, m = n * (n - 1);
    long double variance =
        (m * (2 * n + 5) - x->cubic - y->cubic) / 18 + 2 * x->pairs * y->pairs / m;
    if (count > 2)
        variance += x->triple * y->triple / (9 * m * (n - 2));
    return normal_two_sided(score / sqrtl(variance));
}

int32_t kendall(struct llmspell_call *call, const struct values *x, const struct values *y,
                struct kendall *ret)
{
    size_t n = x->count;
    LLMSPELL_CLEANUP_FREE struct pair *pairs = malloc((n + 1) * sizeof *pairs);
    LLMSPELL_CLEANUP_FREE double *second = malloc((n + 1) * 2 * sizeof *second);
    if (!pairs || !second)
        return no_memory(call);
    for (size_t i = 0; i < n; i++)
        pairs[i] = (struct pair){x->items[i], y->items[i]};
    qsort(pairs, n, sizeof *pairs, by_x_then_y);
    for (size_t i = 0; i < n; i++)
        second[i] = pairs[i].y;
    long double swaps = 0, total = (long double)n * ((long double)n - 1) / 2;
    int32_t rc = discordant(call, second, second + n, n, &swaps);
    if (rc < 0)
        return rc;
    struct ties tx = ties_of(&pairs[0].x, 2, n), ty = ties_of(second, 1, n);
    long double score = total - tx.pairs - ty.pairs + pairs_tied_in_both(pairs, n) - 2 * swaps;
    ret->tau = score / sqrtl(total - tx.pairs) / sqrtl(total - ty.pairs);
    ret->tau = fmaxl(-1, fminl(1, ret->tau));
    ret->p_value = tx.pairs == 0 && ty.pairs == 0 && n <= EXACT_MAX
                       ? exact_p_value(n, swaps)
                       : normal_p_value(score, n, &tx, &ty);
    return 0;
}
