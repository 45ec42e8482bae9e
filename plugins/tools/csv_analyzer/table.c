/* SPDX-License-Identifier: Apache-2.0
 * Rows in memory, by columns, within a budget. */
#include "analyzer.h"

/* ---- columns and rows ---- */

void table_clear(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->columns[i].cells);
    free(table->columns);
    arena_clear(&table->arena);
    *table = (struct table){.call = table->call};
}

/* Cells and texts share the budget of the table. */
static int32_t check_budget(struct table *table, size_t columns, size_t room)
{
    size_t cells = 0;
    if (__builtin_mul_overflow(columns, room * sizeof(struct cell), &cells) || cells > table->max ||
        table->max - cells < table->arena.used)
        return too_much(table->call);
    table->arena.max = table->max - cells;
    return 0;
}

void table_init(struct table *table, struct llmspell_call *call, size_t max)
{
    *table = (struct table){.call = call, .arena = {.max = max}, .max = max};
}

static int32_t grow(struct table *table, size_t room)
{
    int32_t rc = check_budget(table, table->count, room);
    for (size_t i = 0; rc == 0 && i < table->count; i++) {
        struct cell *cells = realloc(table->columns[i].cells, (room + 1) * sizeof *cells);
        if (!cells)
            return no_memory(table->call);
        table->columns[i].cells = cells;
    }
    if (rc == 0)
        table->room = room;
    return rc;
}

int32_t table_set_rows(struct table *table, size_t rows)
{
    int32_t rc = 0;
    if (rows > table->room)
        rc = grow(table, rows < 64 ? 64 : rows + rows / 2);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < table->count; i++)
        for (size_t row = table->rows; row < rows; row++)
            table->columns[i].cells[row] = (struct cell){"", 0, KIND_NULL};
    table->rows = rows;
    return 0;
}

int32_t table_add_column(struct table *table, const char *name, size_t *ret_column)
{
    int32_t rc = check_budget(table, table->count + 1, table->room);
    if (rc < 0)
        return rc;
    if (table->count == table->column_room) {
        size_t room = table->column_room * 2 + 16;
        struct column *columns = realloc(table->columns, room * sizeof *columns);
        if (!columns)
            return no_memory(table->call);
        table->columns = columns;
        table->column_room = room;
    }
    struct column *column = &table->columns[table->count];
    column->name = arena_copy(&table->arena, name, strlen(name));
    column->cells = malloc((table->room + 1) * sizeof *column->cells);
    if (!column->name || !column->cells) {
        free(column->cells);
        return too_much(table->call);
    }
    for (size_t row = 0; row < table->rows; row++)
        column->cells[row] = (struct cell){"", 0, KIND_NULL};
    *ret_column = table->count++;
    return 0;
}

void table_remove_column(struct table *table, size_t column)
{
    free(table->columns[column].cells);
    memmove(table->columns + column, table->columns + column + 1,
            (table->count - column - 1) * sizeof *table->columns);
    table->count--;
}

size_t table_find(const struct table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

int32_t table_require(const struct table *table, const char *name, const char *pointer,
                      size_t *ret_column)
{
    *ret_column = table_find(table, name);
    if (*ret_column != SIZE_MAX)
        return 0;
    return llmspell_fail_at(table->call, LLMSPELL_ENOTFOUND, pointer, "there is no column \"%s\"",
                            name);
}

int32_t table_columns(const struct table *table, const json_t *names, const char *pointer,
                      size_t **ret_columns, size_t *ret_count)
{
    size_t count = json_is_array(names) ? json_array_size(names) : names != NULL;
    LLMSPELL_CLEANUP_FREE size_t *columns = malloc((count + 1) * sizeof *columns);
    char at[64];
    if (!columns)
        return no_memory(table->call);
    for (size_t i = 0; i < count; i++) {
        const json_t *name = json_is_array(names) ? json_array_get(names, i) : names;
        snprintf(at, sizeof at, json_is_array(names) ? "%s/%zu" : "%s", pointer, i);
        int32_t rc = table_require(table, json_string_value(name), at, &columns[i]);
        if (rc < 0)
            return rc;
    }
    *ret_columns = columns;
    *ret_count = count;
    columns = NULL;
    return 0;
}

/* ---- cells ---- */

int32_t table_cell(struct table *table, const char *text, size_t size, enum kind kind,
                   struct cell *ret)
{
    const char *copy = size ? arena_copy(&table->arena, text, size) : "";
    if (!copy)
        return too_much(table->call);
    if (kind == KIND_COUNT)
        kind = size ? cell_classify(copy, size) : KIND_NULL;
    *ret = (struct cell){copy, (uint32_t)size, (uint8_t)kind};
    return 0;
}

int32_t table_number_cell(struct table *table, double value, struct cell *ret)
{
    char text[NUMBER_TEXT_MAX];
    size_t size = number_text(value, text);
    return table_cell(table, text, size, KIND_COUNT, ret);
}

void table_key(const struct table *table, const size_t *columns, size_t count, size_t row,
               struct bounded_text *ret)
{
    ret->used = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &table->columns[columns[i]].cells[row];
        uint32_t head[2] = {cell->kind == KIND_NULL, cell->size};
        bounded_put(ret, (const char *)head, sizeof head);
        bounded_put(ret, cell->text, cell->size);
    }
}

/* ---- loading ---- */

struct loader {
    struct load *load;
    struct table *table;
    struct where where;
    struct source source;
};

static int32_t start(void *self, struct source *source)
{
    struct loader *loader = self;
    size_t column;
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < source->count; i++)
        rc = table_add_column(loader->table, source->names[i], &column);
    const json_t *where = loader->load->right ? NULL : json_object_get(source->params, "where");
    return rc < 0 ? rc : where_compile(source, where, &loader->where);
}

static int32_t keep_row(struct loader *loader, const struct csv_field *fields)
{
    struct table *table = loader->table;
    size_t row = table->rows;
    int32_t rc = table_set_rows(table, row + 1);
    for (size_t i = 0; rc == 0 && i < table->count; i++)
        if (!source_is_null(&loader->source, &fields[i]))
            rc = table_cell(table, fields[i].text, fields[i].size, KIND_COUNT,
                            &table->columns[i].cells[row]);
    return rc;
}

static int32_t load_row(void *self, const struct csv_field *fields, size_t number)
{
    (void)number;
    struct loader *loader = self;
    int32_t rc = where_test(&loader->where, fields);
    if (rc <= 0)
        return rc;
    size_t place = loader->load->total++;
    if (place < loader->load->skip || place - loader->load->skip >= loader->load->keep)
        return 0;
    return keep_row(loader, fields);
}

int32_t table_load(struct llmspell_call *call, const json_t *params, struct load *load,
                   struct table *ret)
{
    struct loader loader = {
        .load = load,
        .table = ret,
        .source = {
            .call = call, .params = params, .right = load->right, .start = start, .row = load_row}};
    loader.source.self = &loader;
    table_init(ret, call, load->max ? load->max : MEMORY_MAX);
    int32_t rc = source_run(&loader.source);
    load->cut = loader.source.truncated;
    where_clear(&loader.where);
    source_clear(&loader.source);
    return rc;
}
