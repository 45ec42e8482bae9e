/* SPDX-License-Identifier: Apache-2.0
 * Marks: which members or elements of one value have been evaluated, for unevaluatedProperties and
 * unevaluatedItems. Called by validate_*.c. */
#include <stdlib.h>

#include "schema/eval.h"

void schema_marks_init(struct schema_marks *marks, const json_t *value)
{
    size_t count = json_is_array(value) ? json_array_size(value) : json_object_size(value);
    *marks = (struct schema_marks){.count = count};
}

/* The words of the bits, or NULL if out of memory. */
static uint64_t *words(struct schema_marks *marks)
{
    if (marks->count <= 64)
        return &marks->few;
    if (!marks->many)
        marks->many = calloc((marks->count + 63) / 64, sizeof *marks->many);
    return marks->many;
}

int schema_marks_set(struct schema_marks *marks, size_t index)
{
    if (marks->all)
        return 0;
    uint64_t *bits = words(marks);
    if (!bits)
        return LLMSPELL_ENOMEM;
    bits[index / 64] |= (uint64_t)1 << (index % 64);
    return 0;
}

bool schema_marks_has(const struct schema_marks *marks, size_t index)
{
    if (marks->all)
        return true;
    const uint64_t *bits = marks->count <= 64 ? &marks->few : marks->many;
    return bits && (bits[index / 64] >> (index % 64) & 1);
}

int schema_marks_merge(struct schema_marks *into, const struct schema_marks *from)
{
    const uint64_t *source = from->count <= 64 ? &from->few : from->many;
    into->all = into->all || from->all;
    if (into->all || !source)
        return 0;
    uint64_t *bits = words(into);
    if (!bits)
        return LLMSPELL_ENOMEM;
    for (size_t i = 0; i < (into->count + 63) / 64; i++)
        bits[i] |= source[i];
    return 0;
}

void schema_marks_clear(struct schema_marks *marks)
{
    free(marks->many);
    marks->many = NULL;
}
