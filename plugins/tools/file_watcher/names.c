/* SPDX-License-Identifier: Apache-2.0
 * The set of names: open addressing over 64-bit hashes. */
#include "names.h"

#include <stdlib.h>
#include <string.h>

#define TRACES (sizeof((struct names){0}.traces) / sizeof(struct trace))

/* FNV-1a; 0 and 1 mean something else in the table. */
uint64_t names_key(uint64_t folder, const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ folder * UINT64_C(0x9e3779b97f4a7c15);
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return hash < 2 ? hash + 2 : hash;
}

/* The slot of key, or the free one where the search for it ends. */
static size_t find_slot(const uint64_t *slots, size_t room, uint64_t key)
{
    size_t at = (size_t)(key ^ key >> 32) & (room - 1);
    while (slots[at] && slots[at] != key)
        at = (at + 1) & (room - 1);
    return at;
}

static bool grow(struct names *names)
{
    size_t room = 1024;
    while (room < names->count * 4)
        room *= 2;
    uint64_t *slots = calloc(room, sizeof *slots);
    if (!slots)
        return false;
    for (size_t i = 0; i < names->room; i++)
        if (names->slots[i] > 1)
            slots[find_slot(slots, room, names->slots[i])] = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->room = room;
    names->used = names->count;
    return true;
}

bool names_add(struct names *names, uint64_t key)
{
    if ((names->used + 1) * 2 > names->room && !grow(names))
        return false;
    size_t slot = find_slot(names->slots, names->room, key);
    if (names->slots[slot] == key)
        return true;
    names->slots[slot] = key;
    names->used++;
    names->count++;
    return true;
}

bool names_has(const struct names *names, uint64_t key)
{
    return names->room > 0 && names->slots[find_slot(names->slots, names->room, key)] == key;
}

void names_remove(struct names *names, uint64_t key)
{
    if (!names_has(names, key))
        return;
    names->slots[find_slot(names->slots, names->room, key)] = 1;
    names->count--;
}

void names_clear(struct names *names)
{
    free(names->slots);
    *names = (struct names){0};
}

void names_trace(struct names *names, uint64_t key, int64_t now_ms)
{
    if (names->trace_count == TRACES) {
        memmove(names->traces, names->traces + 1, (TRACES - 1) * sizeof *names->traces);
        names->trace_count--;
    }
    names->traces[names->trace_count++] = (struct trace){key, now_ms};
}

bool names_is_fresh(const struct names *names, uint64_t key, int64_t since_ms)
{
    for (size_t i = names->trace_count; i > 0 && names->traces[i - 1].ms >= since_ms; i--)
        if (names->traces[i - 1].key == key)
            return true;
    return false;
}
