/* SPDX-License-Identifier: Apache-2.0
 * The text that every match of a regular expression contains: lines without it need not be given to
 * PCRE2, and to look for it is many times faster where the expression begins with a repetition. */
#ifndef FILE_SEARCH_NEEDLE_H
#define FILE_SEARCH_NEEDLE_H

#include <stdbool.h>
#include <stddef.h>

#define NEEDLE_MAX 64 /* bytes; of a longer one the beginning does */

struct needle {
    char text[NEEDLE_MAX];
    size_t size; /* 0: there is none */
    bool leads;  /* every match begins with it */
};

/* pattern compiles, and case counts. What is not understood gives no needle. */
struct needle needle_of(const char *pattern, size_t size);

#endif
