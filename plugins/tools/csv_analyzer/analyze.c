/* SPDX-License-Identifier: Apache-2.0
 * analyze: a profile of each column, in one pass. */
#include "analyzer.h"

struct analysis {
    struct source source;
    struct profile **profiles;
    struct arena values; /* the different values of all columns */
};

static int32_t start(void *self, struct source *source)
{
    struct analysis *a = self;
    a->profiles = calloc(source->count + 1, sizeof *a->profiles);
    if (!a->profiles)
        return no_memory(source->call);
    for (size_t i = 0; i < source->count; i++)
        if (!(a->profiles[i] = profile_new(&a->values)))
            return no_memory(source->call);
    return 0;
}

static int32_t add_row(void *self, const struct csv_field *fields, size_t number)
{
    (void)number;
    struct analysis *a = self;
    for (size_t i = 0; i < a->source.count; i++) {
        bool null = source_is_null(&a->source, &fields[i]);
        if (!profile_add(a->profiles[i], null ? NULL : fields[i].text, fields[i].size))
            return no_memory(a->source.call);
    }
    return 0;
}

static json_t *columns_json(const struct analysis *a)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < a->source.count; i++) {
        if (json_array_append_new(list, profile_json(a->profiles[i], a->source.names[i])) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *result_json(const struct analysis *a)
{
    const struct source *source = &a->source;
    json_t *errors = source->errors ? json_incref(source->errors) : json_array();
    return json_pack("{s:I, s:I, s:s#, s:s, s:b, s:I, s:o, s:o, s:b}", "row_count",
                     (json_int_t)source->rows, "column_count", (json_int_t)source->count,
                     "delimiter", &source->delimiter, 1, "encoding", source->encoding, "has_header",
                     source->has_header, "ragged_rows", (json_int_t)source->ragged, "columns",
                     columns_json(a), "parse_errors", errors, "truncated", source->truncated);
}

int32_t analyze(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    struct analysis a = {.source = {.call = call, .params = params, .start = start, .row = add_row},
                         .values = {.max = MEMORY_MAX}};
    a.source.self = &a;
    int32_t rc = source_run(&a.source);
    if (rc == 0)
        rc = llmspell_return(call, ret, result_json(&a));
    for (size_t i = 0; a.profiles && i < a.source.count; i++)
        profile_free(a.profiles[i]);
    free(a.profiles);
    source_clear(&a.source);
    arena_clear(&a.values);
    return rc;
}
