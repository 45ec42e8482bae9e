/* SPDX-License-Identifier: Apache-2.0
 * Texts that live as long as what they belong to, and an index that numbers different ones. */
#include <sys/random.h>

#include "analyzer.h"

#define BLOCK (1u << 18)

struct block {
    struct block *next;
    size_t used, room;
    char data[];
};

bool arena_charge(struct arena *arena, size_t size)
{
    if (arena->used > arena->max || size > arena->max - arena->used)
        return false;
    arena->used += size;
    return true;
}

void *arena_get(struct arena *arena, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    struct block *block = arena->blocks;
    if (!block || size > block->room - block->used) {
        size_t room = size > BLOCK / 4 ? size : BLOCK;
        if (!arena_charge(arena, room) || !(block = malloc(sizeof *block + room)))
            return NULL;
        *block = (struct block){.next = arena->blocks, .room = room};
        arena->blocks = block;
    }
    block->used += size;
    return block->data + block->used - size;
}

char *arena_copy(struct arena *arena, const char *text, size_t size)
{
    char *copy = arena_get(arena, size + 1);
    if (!copy)
        return NULL;
    if (size)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

void arena_clear(struct arena *arena)
{
    while (arena->blocks) {
        struct block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
    arena->used = 0;
}

/* ---- index ---- */

#define INLINE_MAX 20 /* bytes of a text that lies within its entry: one cache line less */

struct index_entry {
    uint32_t size;
    union {
        char inside[INLINE_MAX];
        const char *outside;
    };
};

struct index_slot {
    uint32_t hash;
    uint32_t entry; /* its number + 1, or 0 */
};

static const char *text_of(const struct index_entry *entry)
{
    return entry->size <= INLINE_MAX ? entry->inside : entry->outside;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    __uint128_t product = (__uint128_t)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Seeded: nobody can prepare texts that all fall into one slot. */
static uint32_t hash_of(const struct index *index, const char *text, size_t size)
{
    uint64_t hash = index->seed ^ size, word;
    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&word, text, 8);
        hash = mix(hash ^ word, UINT64_C(0x9E3779B97F4A7C15));
    }
    word = 0;
    if (size)
        memcpy(&word, text, size);
    return (uint32_t)mix(hash ^ word, UINT64_C(0xD6E8FEB86659FD93) ^ index->seed);
}

/* The slot of that text, or the free one where it belongs. */
static size_t find_slot(const struct index *index, const char *text, size_t size, uint32_t hash)
{
    size_t mask = index->slot_count - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        const struct index_slot *at = &index->slots[slot];
        if (at->entry == 0)
            return slot;
        if (at->hash != hash)
            continue;
        const struct index_entry *entry = &index->entries[at->entry - 1];
        if (entry->size == size && (size == 0 || memcmp(text_of(entry), text, size) == 0))
            return slot;
    }
}

static bool grow_slots(struct index *index)
{
    size_t count = index->slot_count ? index->slot_count * 2 : 16;
    if (!arena_charge(index->arena, (count - index->slot_count) * sizeof(struct index_slot)))
        return false;
    struct index_slot *slots = calloc(count, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < index->slot_count; i++) {
        size_t slot = index->slots[i].hash & (count - 1);
        while (index->slots[i].entry && slots[slot].entry)
            slot = (slot + 1) & (count - 1);
        if (index->slots[i].entry)
            slots[slot] = index->slots[i];
    }
    free(index->slots);
    index->slots = slots;
    index->slot_count = count;
    return true;
}

static bool make_room(struct index *index)
{
    if (index->seed == 0 && getrandom(&index->seed, sizeof index->seed, 0) < 0)
        index->seed = (uintptr_t)index;
    index->seed |= 1;
    if (index->count * 2 >= index->slot_count && !grow_slots(index))
        return false;
    if (index->count < index->room)
        return true;
    size_t room = index->room * 2 + 8;
    if (room > UINT32_MAX / 2 ||
        !arena_charge(index->arena, (room - index->room) * sizeof *index->entries))
        return false;
    struct index_entry *entries = realloc(index->entries, room * sizeof *entries);
    if (!entries)
        return false;
    index->entries = entries;
    index->room = room;
    return true;
}

size_t index_find(const struct index *index, const char *text, size_t size)
{
    if (index->count == 0)
        return INDEX_NONE;
    size_t slot = find_slot(index, text, size, hash_of(index, text, size));
    return index->slots[slot].entry ? index->slots[slot].entry - 1 : INDEX_NONE;
}

size_t index_add(struct index *index, const char *text, size_t size, bool *ret_new)
{
    if (!make_room(index))
        return INDEX_NONE;
    uint32_t hash = hash_of(index, text, size);
    size_t slot = find_slot(index, text, size, hash);
    *ret_new = index->slots[slot].entry == 0;
    if (!*ret_new)
        return index->slots[slot].entry - 1;
    struct index_entry entry = {.size = (uint32_t)size};
    if (size > INLINE_MAX)
        entry.outside = arena_copy(index->arena, text, size);
    else if (size)
        memcpy(entry.inside, text, size);
    if (size > INLINE_MAX && !entry.outside)
        return INDEX_NONE;
    index->entries[index->count] = entry;
    index->slots[slot] = (struct index_slot){hash, (uint32_t)++index->count};
    return index->count - 1;
}

const char *index_text(const struct index *index, size_t entry, size_t *ret_size)
{
    *ret_size = index->entries[entry].size;
    return text_of(&index->entries[entry]);
}

void index_clear(struct index *index)
{
    free(index->entries);
    free(index->slots);
    *index = (struct index){.arena = index->arena};
}
