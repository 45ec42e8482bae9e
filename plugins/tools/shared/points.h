/* SPDX-License-Identifier: Apache-2.0
 * Code points of a text and their Unicode normal forms, in linear time. Compiled into each tool
 * that uses it. */
#ifndef TOOLS_SHARED_POINTS_H
#define TOOLS_SHARED_POINTS_H

#include <stdbool.h>
#include <utf8proc.h>

#include <llmspell/tool.h>

/* The code point at the start of text (valid UTF-8, not empty); returns its bytes. */
size_t points_next(const char *text, size_t size, int32_t *ret_point);

int point_combining_class(int32_t point);
bool point_is_alphanumeric(int32_t point); /* categories L and N */
bool point_is_mark(int32_t point);         /* category M */

/* Zeroed = empty. */
struct points {
    int32_t *data;
    size_t len;
    size_t room;
};
void points_free(struct points *points);
#define CLEANUP_POINTS __attribute__((cleanup(points_free)))

/* Decomposes text (utf8proc options DECOMPOSE, COMPAT, CASEFOLD), combining marks in canonical
 * order. Returns 0 or a negative code with the error set. */
int32_t points_decompose(struct llmspell_call *call, const char *text, size_t size, int options,
                         struct points *ret);
void points_compose(struct points *points);

#endif
