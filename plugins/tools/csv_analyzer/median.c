/* SPDX-License-Identifier: Apache-2.0
 * The median without sorting: in linear time, whatever the numbers. */
#include <math.h>

#include "analyzer.h"

static void swap(double *a, double *b)
{
    double held = *a;
    *a = *b;
    *b = held;
}

/* The number at `rank` of the sorted numbers; before it come only smaller or equal ones. The pivots
 * are taken at places that depend on nothing in the numbers. */
static double select_rank(double *items, size_t count, size_t rank)
{
    size_t low = 0, high = count;
    uint64_t state = UINT64_C(0x9E3779B97F4A7C15);
    while (high - low > 1) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double pivot = items[low + (size_t)((state >> 33) % (high - low))];
        size_t less = low, at = low, more = high;
        while (at < more) { /* smaller, equal, larger */
            if (items[at] < pivot)
                swap(&items[at++], &items[less++]);
            else if (items[at] > pivot)
                swap(&items[at], &items[--more]);
            else
                at++;
        }
        if (rank < less)
            high = less;
        else if (rank >= more)
            low = more;
        else
            return pivot;
    }
    return items[rank];
}

double median_select(double *items, size_t count)
{
    double high = select_rank(items, count, count / 2);
    if (count % 2)
        return high;
    double low = items[0];
    for (size_t i = 1; i < count / 2; i++)
        low = fmax(low, items[i]);
    return (double)((long double)low + ((long double)high - low) / 2);
}
