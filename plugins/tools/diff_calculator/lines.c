/* SPDX-License-Identifier: Apache-2.0
 * Texts in pieces, and numbers for equal pieces: the comparison then works on numbers. */
#include "diff.h"

#include <sys/random.h>

#define STEP 65536 /* pieces between two looks at the cancel flag */

int32_t pieces_add(struct llmspell_call *call, struct pieces *pieces, struct span span)
{
    if (pieces->count == pieces->room) {
        size_t room = pieces->room * 2 + 64;
        struct span *grown = realloc(pieces->items, room * sizeof *grown);
        if (!grown)
            return no_memory(call);
        pieces->items = grown;
        pieces->room = room;
    }
    pieces->items[pieces->count++] = span;
    return pieces->count % STEP == 0 ? llmspell_cancelled(call) : 0;
}

int32_t pieces_lines(struct llmspell_call *call, struct span text, struct pieces *ret)
{
    for (size_t at = 0; at < text.size;) {
        const char *newline = memchr(text.data + at, '\n', text.size - at);
        size_t end = newline ? (size_t)(newline - text.data) + 1 : text.size;
        int32_t rc = pieces_add(call, ret, (struct span){text.data + at, end - at});
        if (rc < 0)
            return rc;
        at = end;
    }
    return 0;
}

void pieces_clear(struct pieces *pieces)
{
    free(pieces->items);
}

bool line_is_complete(struct span line)
{
    return line.size > 0 && line.data[line.size - 1] == '\n';
}

struct span line_body(struct span line)
{
    return (struct span){line.data, line.size - line_is_complete(line)};
}

/* ---- white space ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What of a piece counts, byte after byte. */
struct reader {
    const char *at, *end;
    enum whitespace whitespace;
};

static struct reader reader_new(struct span piece, enum whitespace whitespace)
{
    size_t size = piece.size;
    while (whitespace != WHITESPACE_COUNTS && size > 0 && is_space(piece.data[size - 1]))
        size--;
    return (struct reader){piece.data, piece.data + size, whitespace};
}

/* The next byte that counts, or -1. */
static int reader_next(struct reader *reader)
{
    bool skips = reader->whitespace >= WHITESPACE_CHANGE;
    bool space = false;
    while (skips && reader->at < reader->end && is_space(*reader->at)) {
        reader->at++;
        space = true;
    }
    if (space && reader->whitespace == WHITESPACE_CHANGE)
        return ' ';
    return reader->at < reader->end ? (unsigned char)*reader->at++ : -1;
}

static bool same_pieces(struct span a, struct span b, enum whitespace whitespace)
{
    if (whitespace == WHITESPACE_COUNTS)
        return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
    struct reader one = reader_new(a, whitespace), other = reader_new(b, whitespace);
    int c;
    while ((c = reader_next(&one)) == reader_next(&other))
        if (c < 0)
            return true;
    return false;
}

/* ---- numbers ---- */

struct table {
    uint32_t *slots; /* number + 1; 0: free */
    size_t mask;
    const struct span **known; /* by number: the first such piece */
    uint64_t *hashes;          /* by number */
    uint32_t count;
    uint64_t seed; /* so that nobody can choose pieces that collide */
    enum whitespace whitespace;
};

static uint64_t hash_piece(const struct table *table, struct span piece)
{
    struct reader reader = reader_new(piece, table->whitespace);
    uint64_t hash = table->seed;
    for (int c; (c = reader_next(&reader)) >= 0;) {
        hash = (hash ^ (uint64_t)c) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    return hash;
}

static uint32_t number_of(struct table *table, const struct span *piece)
{
    uint64_t hash = hash_piece(table, *piece);
    size_t at = hash & table->mask;
    for (; table->slots[at]; at = (at + 1) & table->mask) {
        uint32_t number = table->slots[at] - 1;
        if (table->hashes[number] == hash &&
            same_pieces(*table->known[number], *piece, table->whitespace))
            return number;
    }
    table->known[table->count] = piece;
    table->hashes[table->count] = hash;
    table->slots[at] = ++table->count;
    return table->count - 1;
}

static int32_t number_all(struct llmspell_call *call, struct table *table,
                          const struct pieces *pieces, uint32_t *numbers)
{
    for (size_t i = 0; i < pieces->count; i++) {
        numbers[i] = number_of(table, &pieces->items[i]);
        int32_t stop = i % STEP == 0 ? llmspell_cancelled(call) : 0;
        if (stop < 0)
            return stop;
    }
    return 0;
}

static void table_clear(struct table *table)
{
    free(table->slots);
    free(table->known);
    free(table->hashes);
}

static bool table_init(struct table *table, size_t count)
{
    size_t size = 64;
    while (size < count * 2)
        size *= 2;
    table->mask = size - 1;
    table->slots = calloc(size, sizeof *table->slots);
    table->known = malloc((count + 1) * sizeof *table->known);
    table->hashes = malloc((count + 1) * sizeof *table->hashes);
    return table->slots && table->known && table->hashes &&
           getrandom(&table->seed, sizeof table->seed, 0) == sizeof table->seed;
}

int32_t pieces_number(struct llmspell_call *call, const struct pieces *a, const struct pieces *b,
                      enum whitespace whitespace, uint32_t **ret_a, uint32_t **ret_b)
{
    __attribute__((cleanup(table_clear))) struct table table = {.whitespace = whitespace};
    *ret_a = malloc((a->count + 1) * sizeof **ret_a);
    *ret_b = malloc((b->count + 1) * sizeof **ret_b);
    if (!*ret_a || !*ret_b || !table_init(&table, a->count + b->count))
        return no_memory(call);
    int32_t rc = number_all(call, &table, a, *ret_a);
    return rc < 0 ? rc : number_all(call, &table, b, *ret_b);
}
