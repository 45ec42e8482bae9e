/* SPDX-License-Identifier: Apache-2.0
 * What can be said about a regular expression by reading it. */
#ifndef FILE_SEARCH_COST_H
#define FILE_SEARCH_COST_H

#include <stdbool.h>
#include <stddef.h>

struct cost {
    /* Where it matches within a line, it also matches at that place in the whole text, so that
     * many lines can be searched at once. */
    bool whole;
    /* No more than quadratic in the length of the text, with a small factor: need not be watched.
     */
    bool cheap;
    /* Not even that: linear. */
    bool linear;
};

/* pattern compiles. word: something that can fail follows it. */
struct cost cost_of(const char *pattern, size_t size, bool ignore_case, bool word);

#endif
