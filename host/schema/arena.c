/* SPDX-License-Identifier: Apache-2.0
 * The arena of a compiled schema and the string map of the compiler. Called by compile.c and the
 * builders. */
#include "schema/arena.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "schema/value.h"

#define CHUNK_BYTES 4096
#define ALIGNMENT alignof(max_align_t)

struct schema_chunk {
    struct schema_chunk *next;
    size_t used, size;
    alignas(max_align_t) unsigned char bytes[];
};

struct schema_map_slot {
    const char *key;
    size_t length;
    uint64_t hash;
    void *value;
};

static struct schema_chunk *chunk_add(struct schema_arena *arena, size_t size)
{
    size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    struct schema_chunk *chunk = calloc(1, sizeof *chunk + room);
    if (!chunk)
        return NULL;
    chunk->size = room;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *schema_arena_alloc(struct schema_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    struct schema_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < size)
        chunk = chunk_add(arena, size);
    if (!chunk)
        return NULL;
    void *piece = chunk->bytes + chunk->used;
    chunk->used += size;
    return piece;
}

void *schema_arena_array(struct schema_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return schema_arena_alloc(arena, bytes);
}

char *schema_arena_text(struct schema_arena *arena, const char *text, size_t length)
{
    char *copy = schema_arena_alloc(arena, length + 1);
    if (copy)
        memcpy(copy, text, length);
    return copy;
}

void schema_arena_clear(struct schema_arena *arena)
{
    while (arena->chunks) {
        struct schema_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

static struct schema_map_slot *map_slot(const struct schema_map *map, const char *key,
                                        size_t length, uint64_t hash)
{
    size_t at = hash & (map->capacity - 1);
    for (;; at = (at + 1) & (map->capacity - 1)) {
        struct schema_map_slot *slot = &map->slots[at];
        if (!slot->key ||
            (slot->hash == hash && slot->length == length && memcmp(slot->key, key, length) == 0))
            return slot;
    }
}

void *schema_map_get(const struct schema_map *map, const char *key, size_t length)
{
    if (map->capacity == 0)
        return NULL;
    return map_slot(map, key, length, schema_hash_bytes(key, length, 0))->value;
}

static bool map_grow(struct schema_map *map)
{
    struct schema_map larger = {.count = map->count,
                                .capacity = map->capacity ? map->capacity * 2 : 64};
    larger.slots = calloc(larger.capacity, sizeof *larger.slots);
    if (!larger.slots)
        return false;
    for (size_t i = 0; i < map->capacity; i++) {
        const struct schema_map_slot *slot = &map->slots[i];
        if (slot->key)
            *map_slot(&larger, slot->key, slot->length, slot->hash) = *slot;
    }
    free(map->slots);
    *map = larger;
    return true;
}

bool schema_map_put(struct schema_map *map, const char *key, void *value)
{
    if (map->count >= map->capacity / 2 && !map_grow(map))
        return false;
    size_t length = strlen(key);
    uint64_t hash = schema_hash_bytes(key, length, 0);
    *map_slot(map, key, length, hash) = (struct schema_map_slot){key, length, hash, value};
    map->count++;
    return true;
}

void schema_map_clear(struct schema_map *map)
{
    free(map->slots);
    *map = (struct schema_map){0};
}
