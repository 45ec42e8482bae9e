/* SPDX-License-Identifier: Apache-2.0
 * transform: changes a table step by step. The steps that change columns and rows as a whole are
 * here; those that change cells in step_cells.c, shapes in step_shape.c, expressions in
 * step_add.c. */
#include "analyzer.h"

#define LIMIT 1000

int32_t step_fail_column(const struct step *step, const char *key, const char *name)
{
    char pointer[128];
    snprintf(pointer, sizeof pointer, "%s/%s", step->pointer, key);
    return llmspell_fail_at(step->call, LLMSPELL_ENOTFOUND, pointer, "there is no column \"%s\"",
                            name);
}

int32_t step_column(const struct step *step, const char *key, size_t *ret_column)
{
    const char *name = llmspell_string(step->params, key);
    *ret_column = table_find(step->table, name);
    return *ret_column == SIZE_MAX ? step_fail_column(step, key, name) : 0;
}

/* All columns if the step names none. */
int32_t step_columns(const struct step *step, const char *key, size_t **ret_columns,
                     size_t *ret_count)
{
    char pointer[128];
    const json_t *names = json_object_get(step->params, key);
    snprintf(pointer, sizeof pointer, "%s/%s", step->pointer, key);
    if (names)
        return table_columns(step->table, names, pointer, ret_columns, ret_count);
    *ret_count = step->table->count;
    *ret_columns = malloc((*ret_count + 1) * sizeof **ret_columns);
    if (!*ret_columns)
        return no_memory(step->call);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret_columns)[i] = i;
    return 0;
}

static int32_t step_rename(struct step *step)
{
    const char *to = llmspell_string(step->params, "to");
    char pointer[64];
    size_t column;
    int32_t rc = step_column(step, "from", &column);
    if (rc < 0)
        return rc;
    size_t other = table_find(step->table, to);
    snprintf(pointer, sizeof pointer, "%s/to", step->pointer);
    if (other != SIZE_MAX && other != column)
        return llmspell_fail_at(step->call, LLMSPELL_EINVAL, pointer,
                                "there is a column \"%s\" already", to);
    step->table->columns[column].name = arena_copy(&step->table->arena, to, strlen(to));
    return step->table->columns[column].name ? 0 : too_much(step->call);
}

static int32_t step_drop(struct step *step)
{
    LLMSPELL_CLEANUP_FREE size_t *columns = NULL;
    size_t count = 0;
    int32_t rc = step_columns(step, "columns", &columns, &count);
    for (size_t i = step->table->count; rc == 0 && i-- > 0;) {
        bool wanted = false;
        for (size_t k = 0; k < count; k++)
            wanted = wanted || columns[k] == i;
        if (wanted)
            table_remove_column(step->table, i);
    }
    return rc;
}

/* The first row of each key stays. */
static int32_t step_dedupe(struct step *step)
{
    struct table *table = step->table;
    LLMSPELL_CLEANUP_FREE size_t *columns = NULL;
    CLEANUP_GROUPS struct groups groups = {0};
    size_t count = 0;
    int32_t rc = step_columns(step, "columns", &columns, &count);
    if (rc == 0)
        rc = groups_make(table, columns, count, &groups);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < table->count; i++) {
        struct cell *cells = table->columns[i].cells;
        for (size_t g = 0; g < groups.count; g++) /* first rows ascend, and are never before g */
            cells[g] = cells[groups.rows[groups.starts[g]]];
    }
    table->rows = groups.count;
    return 0;
}

static const struct {
    const char *op;
    step_fn run;
} steps[] = {
    {"rename", step_rename}, {"drop", step_drop},   {"cast", step_cast},
    {"fill", step_fill},     {"add", step_add},     {"trim", step_trim},
    {"upper", step_upper},   {"lower", step_lower}, {"dedupe", step_dedupe},
    {"split", step_split},   {"pivot", step_pivot}, {"unpivot", step_unpivot},
};

static int32_t run_step(struct step *step)
{
    int32_t stop = llmspell_cancelled(step->call);
    if (stop < 0)
        return stop;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        if (llmspell_is(step->params, "op", steps[i].op))
            return steps[i].run(step);
    return llmspell_fail_at(step->call, LLMSPELL_EINVAL, step->pointer, "there is no such step");
}

int32_t transform(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    CLEANUP_TABLE struct table table = {0};
    struct load load = {.keep = SIZE_MAX};
    const json_t *list = json_object_get(params, "steps");
    int32_t rc = table_load(call, params, &load, &table);
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct step step = {.call = call, .params = json_array_get(list, i), .table = &table};
        snprintf(step.pointer, sizeof step.pointer, "/steps/%zu", i);
        rc = run_step(&step);
    }
    return rc < 0 ? rc
                  : output_table(params, &table, (size_t)llmspell_integer(params, "limit", LIMIT),
                                 0, table.rows, load.cut, ret);
}
