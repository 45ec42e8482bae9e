/* SPDX-License-Identifier: Apache-2.0
 * Edit distance (optimal string alignment) for "did you mean". */
#include "util/text.h"

#include <string.h>

#define LONGEST 64

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

unsigned text_distance(const char *a, const char *b, unsigned limit)
{
    size_t n = strlen(a), m = strlen(b);
    size_t apart = n > m ? n - m : m - n;
    if (n > LONGEST || m > LONGEST || apart > limit)
        return limit + 1;
    unsigned rows[3][LONGEST + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= m; j++)
        last[j] = j;
    for (unsigned i = 1; i <= n; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= m; j++) {
            unsigned cost = a[i - 1] != b[j - 1];
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[m] > limit ? limit + 1 : last[m];
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
    unsigned limit = (unsigned)(strlen(nearest->name) / 3);
    limit = limit < 1 ? 1 : limit > 3 ? 3 : limit;
    if (nearest->best && nearest->distance == 0)
        return;
    if (nearest->best)
        limit = nearest->distance - 1;
    unsigned distance = text_distance(nearest->name, candidate, limit);
    if (distance > limit)
        return;
    nearest->best = candidate;
    nearest->distance = distance;
}
