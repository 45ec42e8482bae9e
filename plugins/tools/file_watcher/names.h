/* SPDX-License-Identifier: Apache-2.0
 * Which names there are in the folders that are watched, and which are new: a set of hashes. Who
 * renames a new file over an old one has changed the old one. */
#ifndef FILE_WATCHER_NAMES_H
#define FILE_WATCHER_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct names {
    uint64_t *slots; /* 0: free, 1: removed */
    size_t used, room, count;
    struct trace { /* names that came lately, the newest last */
        uint64_t key;
        int64_t ms;
    } traces[64];
    size_t trace_count;
};

uint64_t names_key(uint64_t folder, const char *name);
bool names_add(struct names *names, uint64_t key); /* false: out of memory */
bool names_has(const struct names *names, uint64_t key);
void names_remove(struct names *names, uint64_t key);
void names_clear(struct names *names);

void names_trace(struct names *names, uint64_t key, int64_t now_ms);
bool names_is_fresh(const struct names *names, uint64_t key, int64_t since_ms);

#endif
