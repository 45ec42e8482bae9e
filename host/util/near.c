/* SPDX-License-Identifier: Apache-2.0
 * Edit distance with swapped neighbours (optimal string alignment); case and '-' for '_' are free.
 */
#include "util/near.h"

#include <ctype.h>
#include <string.h>

#define NEAR_MAX 64 /* longer words are not compared */

static int letter(char c)
{
    return c == '-' ? '_' : tolower((unsigned char)c);
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Both words have at most NEAR_MAX letters. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t width = strlen(b), rows[3][NEAR_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= width; j++)
        last[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        row[0] = i;
        for (size_t j = 1; j <= width; j++) {
            size_t change = letter(a[i - 1]) != letter(b[j - 1]);
            row[j] = least(least(last[j], row[j - 1]) + 1, last[j - 1] + change);
            if (i > 1 && j > 1 && letter(a[i - 1]) == letter(b[j - 2]) &&
                letter(a[i - 2]) == letter(b[j - 1]))
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[width];
}

void near_offer(struct near *near, const char *candidate)
{
    size_t length = strlen(near->word), other = strlen(candidate);
    size_t longer = length > other ? length : other, shorter = least(length, other);
    if (longer > NEAR_MAX || shorter == 0)
        return;
    size_t limit = least((longer + 2) / 3, 3);
    size_t distance = edit_distance(near->word, candidate);
    if (distance > limit && shorter >= 3 &&
        (strcasestr(near->word, candidate) || strcasestr(candidate, near->word)))
        distance = limit; /* "timeout" for "idle_timeout" */
    if (distance <= limit && distance < longer && (!near->best || distance < near->distance)) {
        near->best = candidate;
        near->distance = distance;
    }
}
