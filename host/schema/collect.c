/* SPDX-License-Identifier: Apache-2.0
 * Violations as a JSON array in the order of the document. Called by the extension
 * llmspell.schema/1. */
#include <stdlib.h>

#include "schema/eval.h"

/* One violation and where it stands: the index at each level from the root. */
struct found {
    size_t *places, depth;
    json_t *violation;
};

struct collection {
    struct found *list; /* in document order */
    size_t count, capacity, max;
    bool failed; /* out of memory */
};

static void found_clear(struct found *found)
{
    free(found->places);
    json_decref(found->violation);
}

static void collection_clear(struct collection *collection)
{
    for (size_t i = 0; i < collection->count; i++)
        found_clear(&collection->list[i]);
    free(collection->list);
}

/* < 0, 0, > 0: which of two places comes first. A value comes before what is inside it. */
static int compare_places(const struct found *a, const struct found *b)
{
    size_t common = a->depth < b->depth ? a->depth : b->depth;
    for (size_t i = 0; i < common; i++)
        if (a->places[i] != b->places[i])
            return a->places[i] < b->places[i] ? -1 : 1;
    return (a->depth > b->depth) - (a->depth < b->depth);
}

static bool found_place(struct found *found, const struct schema_location *location)
{
    size_t depth = 0;
    for (const struct schema_location *step = location; step; step = step->parent)
        depth++;
    found->depth = depth;
    found->places = malloc((depth + 1) * sizeof *found->places);
    if (!found->places)
        return false;
    for (const struct schema_location *step = location; step; step = step->parent)
        found->places[--depth] = step->place;
    return true;
}

/* Where found belongs: behind all that are before it or at its place. */
static size_t find_rank(const struct collection *collection, const struct found *found)
{
    size_t low = 0, high = collection->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_places(&collection->list[middle], found) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_room(struct collection *collection)
{
    if (collection->count < collection->capacity)
        return true;
    size_t capacity = collection->capacity * 2 + 16;
    struct found *grown = realloc(collection->list, capacity * sizeof *grown);
    if (!grown)
        return false;
    collection->list = grown;
    collection->capacity = capacity;
    return true;
}

/* Keeps found, and drops the last if that makes one too many. */
static bool insert(struct collection *collection, size_t rank, const struct found *found)
{
    if (!make_room(collection))
        return false;
    struct found *at = collection->list + rank;
    memmove(at + 1, at, (collection->count - rank) * sizeof *at);
    *at = *found;
    collection->count++;
    if (collection->count > collection->max)
        found_clear(&collection->list[--collection->count]);
    return true;
}

/* Messages quote text that may have been cut inside a character; JSON takes UTF-8 only. */
static json_t *violation_json(const struct schema_violation *violation)
{
    struct error clean;
    error_set(&clean, 0, "%s", violation->message);
    return json_pack("{s:s, s:s, s:s, s:s}", "path", violation->instance_path, "schema_path",
                     violation->keyword_path, "keyword", violation->keyword, "message",
                     clean.message);
}

static bool collect(void *data, const struct schema_violation *violation)
{
    struct collection *collection = data;
    struct found found = {0};
    if (!found_place(&found, violation->location)) {
        collection->failed = true;
        return false;
    }
    size_t rank = find_rank(collection, &found);
    if (rank < collection->max) {
        found.violation = violation_json(violation);
        if (found.violation && insert(collection, rank, &found))
            return true;
        collection->failed = true;
    }
    found_clear(&found);
    return !collection->failed;
}

static json_t *as_array(const struct collection *collection)
{
    json_t *array = json_array();
    for (size_t i = 0; i < collection->count && array; i++) {
        if (json_array_append(array, collection->list[i].violation) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

int schema_collect(const struct schema *schema, const json_t *instance,
                   const struct schema_collect *options, json_t **ret_violations,
                   struct error *ret_error)
{
    struct collection collection = {.max = options->max};
    struct schema_eval eval = {.schema = schema,
                               .violation = collect,
                               .data = &collection,
                               .quiet = options->max ? 0 : 1,
                               .stop = options->stop,
                               .stop_data = options->stop_data};
    json_t *array = NULL;
    int result = schema_eval_run(&eval, instance, ret_error);
    if (result >= 0 && !collection.failed)
        array = as_array(&collection);
    collection_clear(&collection);
    if (result >= 0 && !array)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory while validating a value");
    if (array)
        *ret_violations = array;
    return result;
}
