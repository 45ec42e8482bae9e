/* SPDX-License-Identifier: Apache-2.0
 * Steps of transform that change the shape of a table: pivot and unpivot. */
#include "analyzer.h"

#define COLUMNS_MAX 10000 /* of a pivot */

/* The step's table becomes out; texts of the old one must not be used any more. */
static void replace_table(struct step *step, struct table *out)
{
    table_clear(step->table);
    *step->table = *out;
    table_init(out, step->call, 0);
}

static int32_t copy_cell(struct table *out, const struct cell *from, struct cell *to)
{
    return table_cell(out, from->text, from->size, from->kind, to);
}

static int32_t add_named(struct step *step, struct table *out, const char *name, size_t *ret)
{
    if (table_find(out, name) == SIZE_MAX)
        return table_add_column(out, name, ret);
    return llmspell_fail_at(step->call, LLMSPELL_EINVAL, step->pointer,
                            "the result has two columns \"%s\"; rename one before", name);
}

/* ---- pivot ---- */

struct pivot {
    struct step *step;
    struct table out;
    size_t *index;
    size_t index_count;
    size_t labels, values; /* columns */
    struct groups rows;    /* by index */
    struct groups columns; /* by labels */
    struct groups cells;   /* by both */
    size_t *order;         /* place among the columns of labels → the first row of its label */
};

/* One column for each label, in the order of the labels; null is called null. */
static int32_t name_columns(struct pivot *p)
{
    struct table *in = p->step->table;
    struct sort_key key = {p->labels, false};
    size_t count = p->columns.count, column;
    if (count > COLUMNS_MAX)
        return llmspell_fail_at(p->step->call, LLMSPELL_ELIMIT, p->step->pointer,
                                "the pivot has %zu columns; the limit is %d", count, COLUMNS_MAX);
    p->order = malloc((count + 1) * sizeof *p->order);
    if (!p->order)
        return no_memory(p->step->call);
    for (size_t i = 0; i < count; i++)
        p->order[i] = p->columns.rows[p->columns.starts[i]];
    int32_t rc = order_rows(in, &key, 1, p->order, count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const struct cell *cell = &in->columns[p->labels].cells[p->order[i]];
        CLEANUP_BOUNDED_TEXT struct bounded_text name = {.max = CSV_RECORD_MAX};
        bounded_put(&name, cell->kind == KIND_NULL ? "null" : cell->text,
                    cell->kind == KIND_NULL ? 4 : cell->size);
        bounded_put(&name, "", 1);
        rc = bounded_text_check(p->step->call, &name);
        if (rc == 0)
            rc = add_named(p->step, &p->out, name.text, &column);
    }
    return rc;
}

/* For each row where its cell stands in the result. */
struct position {
    uint32_t row, column;
};

static int32_t find_positions(const struct pivot *p, struct position *positions)
{
    size_t rows = p->step->table->rows;
    LLMSPELL_CLEANUP_FREE size_t *places = malloc((rows + 1) * sizeof *places);
    if (!places)
        return no_memory(p->step->call);
    for (size_t i = 0; i < p->columns.count; i++)
        places[p->order[i]] = i;
    for (size_t i = 0; i < p->columns.count; i++) {
        size_t first = p->columns.rows[p->columns.starts[i]];
        for (size_t k = p->columns.starts[i]; k < p->columns.starts[i + 1]; k++)
            positions[p->columns.rows[k]].column = (uint32_t)(p->index_count + places[first]);
    }
    for (size_t i = 0; i < p->rows.count; i++)
        for (size_t k = p->rows.starts[i]; k < p->rows.starts[i + 1]; k++)
            positions[p->rows.rows[k]].row = (uint32_t)i;
    return llmspell_cancelled(p->step->call);
}

static int32_t fill_values(struct pivot *p, const struct position *positions)
{
    const struct column *values = &p->step->table->columns[p->values];
    const char *fn = llmspell_string(p->step->params, "agg");
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < p->cells.count; i++) {
        size_t start = p->cells.starts[i], count = p->cells.starts[i + 1] - start;
        const struct position *at = &positions[p->cells.rows[start]];
        rc = measure_cells(&p->out, values, fn ? fn : "sum", p->cells.rows + start, count,
                           p->step->pointer, &p->out.columns[at->column].cells[at->row]);
        if (rc == 0 && i % 256 == 0)
            rc = llmspell_cancelled(p->step->call);
    }
    return rc;
}

static int32_t fill_pivot(struct pivot *p)
{
    const struct table *in = p->step->table;
    LLMSPELL_CLEANUP_FREE struct position *positions = calloc(in->rows + 1, sizeof *positions);
    int32_t rc = positions ? find_positions(p, positions) : no_memory(p->step->call);
    for (size_t group = 0; rc == 0 && group < p->rows.count; group++) {
        size_t first = p->rows.rows[p->rows.starts[group]];
        for (size_t i = 0; rc == 0 && i < p->index_count; i++)
            rc = copy_cell(&p->out, &in->columns[p->index[i]].cells[first],
                           &p->out.columns[i].cells[group]);
    }
    return rc < 0 ? rc : fill_values(p, positions);
}

/* Groups by the index, by the labels, and by both. */
static int32_t make_groups(struct pivot *p)
{
    const struct table *in = p->step->table;
    LLMSPELL_CLEANUP_FREE size_t *both = malloc((p->index_count + 1) * sizeof *both);
    if (!both)
        return no_memory(p->step->call);
    memcpy(both, p->index, p->index_count * sizeof *both);
    both[p->index_count] = p->labels;
    int32_t rc = groups_make(in, p->index, p->index_count, &p->rows);
    if (rc == 0)
        rc = groups_make(in, &p->labels, 1, &p->columns);
    return rc < 0 ? rc : groups_make(in, both, p->index_count + 1, &p->cells);
}

static int32_t prepare_pivot(struct pivot *p)
{
    struct step *step = p->step;
    size_t column;
    int32_t rc = step_columns(step, "index", &p->index, &p->index_count);
    if (rc == 0)
        rc = step_column(step, "columns", &p->labels);
    if (rc == 0)
        rc = step_column(step, "values", &p->values);
    if (rc == 0)
        rc = make_groups(p);
    if (rc == 0)
        rc = table_set_rows(&p->out, p->rows.count);
    for (size_t i = 0; rc == 0 && i < p->index_count; i++)
        rc = add_named(step, &p->out, step->table->columns[p->index[i]].name, &column);
    return rc < 0 ? rc : name_columns(p);
}

/* Rows in the order in which their index comes first. */
int32_t step_pivot(struct step *step)
{
    struct pivot p = {.step = step};
    table_init(&p.out, step->call, MEMORY_MAX);
    int32_t rc = prepare_pivot(&p);
    if (rc == 0)
        rc = fill_pivot(&p);
    if (rc == 0)
        replace_table(step, &p.out);
    groups_clear(&p.rows);
    groups_clear(&p.columns);
    groups_clear(&p.cells);
    free(p.index);
    free(p.order);
    table_clear(&p.out);
    return rc;
}

/* ---- unpivot ---- */

struct unpivot {
    struct step *step;
    struct table out;
    size_t *id, *columns;
    size_t id_count, column_count;
};

/* Without columns all that are no id. */
static int32_t find_values(struct unpivot *u)
{
    if (json_object_get(u->step->params, "columns"))
        return step_columns(u->step, "columns", &u->columns, &u->column_count);
    size_t count = 0;
    int32_t rc = step_columns(u->step, "columns", &u->columns, &count);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        bool is_id = false;
        for (size_t k = 0; k < u->id_count; k++)
            is_id = is_id || u->id[k] == i;
        if (!is_id)
            u->columns[u->column_count++] = i;
    }
    return rc;
}

static int32_t fill_unpivot(struct unpivot *u)
{
    const struct table *in = u->step->table;
    struct column *columns = u->out.columns;
    size_t at = 0;
    int32_t rc = 0;
    for (size_t row = 0; rc == 0 && row < in->rows; row++) {
        for (size_t k = 0; rc == 0 && k < u->column_count; k++, at++) {
            const struct column *from = &in->columns[u->columns[k]];
            for (size_t i = 0; rc == 0 && i < u->id_count; i++)
                rc = copy_cell(&u->out, &in->columns[u->id[i]].cells[row], &columns[i].cells[at]);
            if (rc == 0)
                rc = table_cell(&u->out, from->name, strlen(from->name), KIND_STRING,
                                &columns[u->id_count].cells[at]);
            if (rc == 0)
                rc = copy_cell(&u->out, &from->cells[row], &columns[u->id_count + 1].cells[at]);
        }
        if (rc == 0 && row % 1024 == 0)
            rc = llmspell_cancelled(u->step->call);
    }
    return rc;
}

static int32_t run_unpivot(struct unpivot *u)
{
    struct step *step = u->step;
    size_t column;
    int32_t rc = step_columns(step, "id", &u->id, &u->id_count);
    if (rc == 0)
        rc = find_values(u);
    if (rc == 0)
        rc = table_set_rows(&u->out, step->table->rows * u->column_count);
    for (size_t i = 0; rc == 0 && i < u->id_count; i++)
        rc = add_named(step, &u->out, step->table->columns[u->id[i]].name, &column);
    if (rc == 0)
        rc = add_named(step, &u->out, "variable", &column);
    if (rc == 0)
        rc = add_named(step, &u->out, "value", &column);
    return rc < 0 ? rc : fill_unpivot(u);
}

int32_t step_unpivot(struct step *step)
{
    struct unpivot u = {.step = step};
    table_init(&u.out, step->call, MEMORY_MAX);
    int32_t rc = run_unpivot(&u);
    if (rc == 0)
        replace_table(step, &u.out);
    free(u.id);
    free(u.columns);
    table_clear(&u.out);
    return rc;
}
