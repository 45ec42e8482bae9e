/* SPDX-License-Identifier: Apache-2.0
 * aggregate: one row a group, with measures of columns. */
#include "analyzer.h"

#define LIMIT 1000

struct aggregation {
    const json_t *params;
    struct table in, out;
    size_t *columns; /* of group_by */
    size_t column_count;
    struct groups groups;
};

/* The cells of the group's first row. */
static int32_t copy_keys(struct aggregation *a)
{
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < a->column_count; i++) {
        const struct column *from = &a->in.columns[a->columns[i]];
        size_t to;
        rc = table_add_column(&a->out, from->name, &to);
        for (size_t g = 0; rc == 0 && g < a->groups.count; g++) {
            const struct cell *cell = &from->cells[a->groups.rows[a->groups.starts[g]]];
            rc = table_cell(&a->out, cell->text, cell->size, cell->kind,
                            &a->out.columns[to].cells[g]);
        }
    }
    return rc;
}

static int32_t add_metric(struct aggregation *a, const json_t *metric, size_t place)
{
    const char *name = llmspell_string(metric, "column"), *fn = llmspell_string(metric, "fn");
    const char *as = llmspell_string(metric, "as");
    char pointer[64];
    size_t from, to;
    snprintf(pointer, sizeof pointer, "/metrics/%zu/column", place);
    int32_t rc = table_require(&a->in, name, pointer, &from);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_FREE char *label = malloc(strlen(name) + strlen(fn) + 2);
    if (!label)
        return no_memory(a->in.call);
    snprintf(label, strlen(name) + strlen(fn) + 2, "%s_%s", name, fn);
    snprintf(pointer, sizeof pointer, "/metrics/%zu", place);
    if (table_find(&a->out, as ? as : label) != SIZE_MAX)
        return llmspell_fail_at(a->in.call, LLMSPELL_EINVAL, pointer,
                                "there are two columns \"%s\" in the result; give one another name "
                                "with as",
                                as ? as : label);
    rc = table_add_column(&a->out, as ? as : label, &to);
    for (size_t g = 0; rc == 0 && g < a->groups.count; g++) {
        size_t start = a->groups.starts[g];
        rc = measure_cells(&a->out, &a->in.columns[from], fn, a->groups.rows + start,
                           a->groups.starts[g + 1] - start, pointer, &a->out.columns[to].cells[g]);
        if (rc == 0 && g % 256 == 0)
            rc = llmspell_cancelled(a->in.call);
    }
    return rc;
}

/* By the columns of the groups. */
static int32_t sort_groups(struct aggregation *a)
{
    struct table *out = &a->out;
    LLMSPELL_CLEANUP_FREE struct sort_key *keys = calloc(a->column_count + 1, sizeof *keys);
    LLMSPELL_CLEANUP_FREE size_t *order = malloc((out->rows + 1) * sizeof *order);
    LLMSPELL_CLEANUP_FREE struct cell *cells = malloc((out->rows + 1) * sizeof *cells);
    if (!keys || !order || !cells)
        return no_memory(out->call);
    for (size_t i = 0; i < a->column_count; i++)
        keys[i].column = i;
    for (size_t i = 0; i < out->rows; i++)
        order[i] = i;
    int32_t rc = order_rows(out, keys, a->column_count, order, out->rows);
    for (size_t i = 0; i < out->count; i++) {
        for (size_t row = 0; row < out->rows; row++)
            cells[row] = out->columns[i].cells[order[row]];
        memcpy(out->columns[i].cells, cells, out->rows * sizeof *cells);
    }
    return rc;
}

/* Without group_by there is one group, of no rows perhaps. */
static int32_t make_groups(struct aggregation *a)
{
    int32_t rc = table_columns(&a->in, json_object_get(a->params, "group_by"), "/group_by",
                               &a->columns, &a->column_count);
    if (rc == 0)
        rc = groups_make(&a->in, a->columns, a->column_count, &a->groups);
    if (rc == 0 && a->column_count == 0)
        a->groups.count = 1;
    return rc < 0 ? rc : table_set_rows(&a->out, a->groups.count);
}

int32_t aggregate(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    struct aggregation a = {.params = params};
    struct load load = {.keep = SIZE_MAX};
    int32_t rc = table_load(call, params, &load, &a.in);
    table_init(&a.out, call, MEMORY_MAX / 2);
    if (rc == 0)
        rc = make_groups(&a);
    if (rc == 0)
        rc = copy_keys(&a);
    const json_t *metrics = json_object_get(params, "metrics");
    for (size_t i = 0; rc == 0 && i < json_array_size(metrics); i++)
        rc = add_metric(&a, json_array_get(metrics, i), i);
    if (rc == 0)
        rc = sort_groups(&a);
    if (rc == 0)
        rc = output_table(params, &a.out, (size_t)llmspell_integer(params, "limit", LIMIT), 0,
                          a.out.rows, load.cut, ret);
    groups_clear(&a.groups);
    free(a.columns);
    table_clear(&a.in);
    table_clear(&a.out);
    return rc;
}
