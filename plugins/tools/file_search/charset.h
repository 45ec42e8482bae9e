/* SPDX-License-Identifier: Apache-2.0
 * Sets of characters that items of a regular expression can match; for cost.c. */
#ifndef FILE_SEARCH_CHARSET_H
#define FILE_SEARCH_CHARSET_H

#include <stdbool.h>
#include <stdint.h>

/* Characters that an item can match. */
struct set {
    uint64_t ascii[2];
    unsigned beyond; /* BEYOND_…: characters above ASCII */
};

enum { BEYOND_WORD = 1, BEYOND_SPACE = 2, BEYOND_OTHER = 4, BEYOND_ALL = 7 };

struct set set_all(void);
struct set set_not(struct set set);
struct set set_join(struct set a, struct set b);
bool set_meets(struct set a, struct set b);

/* One character (a byte of it, beyond ASCII), with its other case where case does not count. */
struct set set_of_character(bool ignore_case, unsigned char c);

/* The characters that end a line. */
struct set set_of_ends(void);

/* What the escape \c can match, for d, w, s and their contraries. False: it is no such item. */
bool set_of_escape(char c, struct set *ret_set);

#endif
