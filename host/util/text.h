/* SPDX-License-Identifier: Apache-2.0
 * Small things about names: near misses for messages. Used by config, tool, cli. */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <stddef.h>

/* How many edits (insert, delete, replace, swap of neighbours) lead from a to b; at most limit + 1
 * is told apart. Names over 64 bytes are never near. [any-thread] */
unsigned text_distance(const char *a, const char *b, unsigned limit);

/* Keeps the nearest of several names: start with {name}, offer each, read best (NULL: none is
 * near enough, i.e. within a third of the name's length, at least 1 and at most 3 edits). */
struct nearest {
    const char *name;
    const char *best; /* borrowed from the offers */
    unsigned distance;
};

void nearest_offer(struct nearest *nearest, const char *candidate);

#endif
