/* SPDX-License-Identifier: Apache-2.0
 * "Did you mean …?": the candidate that is nearest to a mistyped word, by edit distance. Used where
 * commands, tools and the configuration meet an unknown name. */
#ifndef HOST_NEAR_H
#define HOST_NEAR_H

#include <stddef.h>

struct near {
    const char *word; /* borrowed */
    const char *best; /* the nearest candidate so far (borrowed), NULL if none is near enough */
    size_t distance;  /* of best */
};

/* Offers one candidate: it becomes best if it is nearer than the one before and near enough (up to
 * about a third of the letters wrong, or one word contains the other). [any-thread] */
void near_offer(struct near *near, const char *candidate);

#endif
