/* SPDX-License-Identifier: Apache-2.0
 * Memory of one compiled schema: allocated piece by piece, freed as a whole; and a string map for
 * compiling. Private to host/schema. */
#ifndef SCHEMA_ARENA_H
#define SCHEMA_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct schema_chunk;

struct schema_arena {
    struct schema_chunk *chunks; /* the newest first */
};

/* Zeroed memory aligned for any type, or NULL. */
void *schema_arena_alloc(struct schema_arena *arena, size_t size);

/* Zeroed room for count elements; NULL also if the product overflows. */
void *schema_arena_array(struct schema_arena *arena, size_t count, size_t size);

/* A NUL-terminated copy of length bytes, or NULL. */
char *schema_arena_text(struct schema_arena *arena, const char *text, size_t length);

void schema_arena_clear(struct schema_arena *arena);

/* Text to pointer; keys are borrowed, so they must outlive the map. */
struct schema_map {
    struct schema_map_slot *slots;
    size_t count, capacity; /* capacity is 0 or a power of two */
};

/* The value of key, or NULL. */
void *schema_map_get(const struct schema_map *map, const char *key, size_t length);

/* Adds key, which must not be there yet. Returns false if out of memory. */
bool schema_map_put(struct schema_map *map, const char *key, void *value);

void schema_map_clear(struct schema_map *map);

#endif
