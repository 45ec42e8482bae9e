/* SPDX-License-Identifier: Apache-2.0
 * Counting of strings, and their case. */
#include "analyzer.h"

#include <sys/random.h>
#include <unicode/ucasemap.h>

#define BLOCK (64u << 10)

struct block {
    struct block *next;
    size_t used, room;
    char bytes[];
};

/* A copy that lives as long as the table; .data is NULL without memory. */
static struct span keep(struct table *table, struct span text)
{
    struct block *block = table->blocks;
    if (!block || block->room - block->used < text.size) {
        size_t room = text.size > BLOCK ? text.size : BLOCK;
        block = malloc(sizeof *block + room);
        if (!block)
            return (struct span){NULL, 0};
        *block = (struct block){table->blocks, 0, room};
        table->blocks = block;
    }
    char *copy = block->bytes + block->used;
    memcpy(copy, text.data, text.size);
    block->used += text.size;
    return (struct span){copy, text.size};
}

static bool same(struct span a, struct span b)
{
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static uint64_t hash_text(const struct table *table, struct span text)
{
    uint64_t hash = table->seed;
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

/* The slot of key, or the free one where it belongs. */
static size_t find_slot(const struct table *table, struct span key, uint64_t hash)
{
    size_t at = hash & (table->slot_count - 1);
    while (table->slots[at]) {
        const struct entry *entry = &table->entries[table->slots[at] - 1];
        if (entry->hash == hash && same(entry->key, key))
            break;
        at = (at + 1) & (table->slot_count - 1);
    }
    return at;
}

static bool grow(struct table *table)
{
    size_t room = table->room ? table->room * 2 : 256;
    struct entry *entries = realloc(table->entries, room * sizeof *entries);
    if (entries)
        table->entries = entries;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    /* The seed keeps others from choosing words that collide. */
    bool seeded = table->room || getrandom(&table->seed, sizeof table->seed, 0) > 0;
    if (!entries || !slots || !seeded) {
        free(slots);
        return false;
    }
    free(table->slots);
    table->slots = slots;
    table->slot_count = room * 2;
    table->room = room;
    for (size_t i = 0; i < table->count; i++)
        slots[find_slot(table, entries[i].key, entries[i].hash)] = (uint32_t)i + 1;
    return true;
}

int32_t table_add(struct llmspell_call *call, struct table *table, struct span key,
                  struct span shown)
{
    if (table->count == table->room && !grow(table))
        return no_memory(call);
    uint64_t hash = hash_text(table, key);
    size_t slot = find_slot(table, key, hash);
    table->total++;
    if (table->slots[slot]) {
        table->entries[table->slots[slot] - 1].count++;
        return 0;
    }
    struct entry entry = {.key = keep(table, key), .count = 1, .hash = hash};
    entry.shown = same(key, shown) ? entry.key : keep(table, shown);
    if (!entry.key.data || !entry.shown.data)
        return no_memory(call);
    table->entries[table->count++] = entry;
    table->slots[slot] = (uint32_t)table->count;
    return 0;
}

const struct entry *table_find(const struct table *table, struct span key)
{
    if (table->count == 0)
        return NULL;
    size_t slot = find_slot(table, key, hash_text(table, key));
    return table->slots[slot] ? &table->entries[table->slots[slot] - 1] : NULL;
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    if (one->count != other->count)
        return one->count > other->count ? -1 : 1;
    size_t size = one->shown.size < other->shown.size ? one->shown.size : other->shown.size;
    int order = memcmp(one->shown.data, other->shown.data, size);
    return order ? order
                 : (one->shown.size > other->shown.size) - (one->shown.size < other->shown.size);
}

void table_sort(struct table *table)
{
    if (table->count)
        qsort(table->entries, table->count, sizeof *table->entries, compare_entries);
}

void table_clear(struct table *table)
{
    while (table->blocks) {
        struct block *next = table->blocks->next;
        free(table->blocks);
        table->blocks = next;
    }
    free(table->entries);
    free(table->slots);
}

/* ---- case ---- */

int32_t folder_init(struct folder *folder, struct llmspell_call *call)
{
    UErrorCode code = U_ZERO_ERROR;
    folder->call = call;
    folder->map = ucasemap_open("", 0, &code);
    return U_FAILURE(code) ? no_memory(call) : 0;
}

void folder_clear(struct folder *folder)
{
    if (folder->map)
        ucasemap_close(folder->map);
    free(folder->buffer);
    free(folder->lower);
}

typedef int32_t (*map_fn)(const UCaseMap *map, char *out, int32_t room, const char *text,
                          int32_t size, UErrorCode *code);

static int32_t map_text(struct folder *folder, map_fn map, struct span text, char **buffer,
                        size_t *room, struct span *ret)
{
    size_t wanted = text.size * 3 + 16; /* no mapping is longer */
    if (*room < wanted) {
        char *grown = realloc(*buffer, wanted * 2);
        if (!grown)
            return no_memory(folder->call);
        *buffer = grown;
        *room = wanted * 2;
    }
    UErrorCode code = U_ZERO_ERROR;
    int32_t size = map(folder->map, *buffer, (int32_t)*room, text.data, (int32_t)text.size, &code);
    if (U_FAILURE(code))
        return llmspell_fail(folder->call, LLMSPELL_EFAILED, "ICU cannot change the case: %s",
                             u_errorName(code));
    *ret = (struct span){*buffer, (size_t)size};
    return 0;
}

int32_t folder_fold(struct folder *folder, struct span text, struct span *ret)
{
    return map_text(folder, ucasemap_utf8FoldCase, text, &folder->buffer, &folder->room, ret);
}

int32_t folder_lower(struct folder *folder, struct span text, struct span *ret)
{
    return map_text(folder, ucasemap_utf8ToLower, text, &folder->lower, &folder->lower_room, ret);
}

struct word_count {
    struct llmspell_call *call;
    struct folder *folder;
    struct table *table;
};

static int32_t count_word(void *data, struct span word)
{
    struct word_count *count = data;
    struct span key;
    int32_t rc = folder_fold(count->folder, word, &key);
    return rc < 0 ? rc : table_add(count->call, count->table, key, key);
}

int32_t count_words(const struct task *task, struct span text, struct table *table)
{
    CLEANUP_FOLDER struct folder folder = {0};
    struct word_count count = {task->call, &folder, table};
    int32_t rc = folder_init(&folder, task->call);
    return rc < 0 ? rc : words_each(task, text, count_word, &count);
}
