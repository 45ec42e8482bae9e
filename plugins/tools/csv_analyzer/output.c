/* SPDX-License-Identifier: Apache-2.0
 * Tables as results: sorted, selected and cut as the parameters say. */
#include "../shared/json_put.h"
#include "analyzer.h"

#define CANCEL_EVERY 65536u /* cells */

/* About what Jansson takes, in bytes. */
#define LIST_COST 96
#define OBJECT_COST 256
#define VALUE_COST 56
#define MEMBER_COST 96

/* ---- views ---- */

void view_clear(struct view *view)
{
    free(view->rows);
    free(view->columns);
}

static int32_t sort_view(const json_t *params, struct view *view)
{
    const json_t *list = json_object_get(params, "sort");
    size_t count = json_array_size(list);
    LLMSPELL_CLEANUP_FREE struct sort_key *keys = malloc((count + 1) * sizeof *keys);
    char pointer[64];
    if (!keys)
        return no_memory(view->table->call);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        snprintf(pointer, sizeof pointer, "/sort/%zu/column", i);
        int32_t rc =
            table_require(view->table, llmspell_string(item, "column"), pointer, &keys[i].column);
        if (rc < 0)
            return rc;
        keys[i].descending = llmspell_is(item, "order", "desc");
    }
    return order_rows(view->table, keys, count, view->rows, view->row_count);
}

static int32_t select_columns(const json_t *params, struct view *view)
{
    const json_t *names = json_object_get(params, "select");
    if (names)
        return table_columns(view->table, names, "/select", &view->columns, &view->column_count);
    view->column_count = view->table->count;
    view->columns = malloc((view->column_count + 1) * sizeof *view->columns);
    if (!view->columns)
        return no_memory(view->table->call);
    for (size_t i = 0; i < view->column_count; i++)
        view->columns[i] = i;
    return 0;
}

int32_t view_make(const json_t *params, const struct table *table, size_t limit, size_t offset,
                  struct view *ret)
{
    *ret = (struct view){.table = table, .row_count = table->rows};
    ret->rows = malloc((table->rows + 1) * sizeof *ret->rows);
    if (!ret->rows)
        return no_memory(table->call);
    for (size_t i = 0; i < table->rows; i++)
        ret->rows[i] = i;
    int32_t rc = sort_view(params, ret);
    if (rc == 0)
        rc = select_columns(params, ret);
    if (offset > ret->row_count)
        offset = ret->row_count;
    ret->row_count -= offset;
    memmove(ret->rows, ret->rows + offset, ret->row_count * sizeof *ret->rows);
    if (ret->row_count > limit)
        ret->row_count = limit;
    return rc;
}

/* ---- as JSON ---- */

static const struct cell *cell_at(const struct view *view, size_t row, size_t column)
{
    return &view->table->columns[view->columns[column]].cells[view->rows[row]];
}

static const char *name_at(const struct view *view, size_t column)
{
    return view->table->columns[view->columns[column]].name;
}

static json_t *row_json(const struct view *view, size_t row, bool typed, size_t *cost)
{
    json_t *list = json_array();
    *cost += LIST_COST;
    for (size_t i = 0; list && i < view->column_count; i++) {
        *cost += VALUE_COST + cell_at(view, row, i)->size;
        if (json_array_append_new(list, cell_json(cell_at(view, row, i), typed)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *object_json(const struct view *view, size_t row, bool typed, size_t *cost)
{
    json_t *object = json_object();
    *cost += OBJECT_COST;
    for (size_t i = 0; object && i < view->column_count; i++) {
        *cost += VALUE_COST + cell_at(view, row, i)->size + MEMBER_COST + strlen(name_at(view, i));
        if (json_object_set_new_nocheck(object, name_at(view, i),
                                        cell_json(cell_at(view, row, i), typed)) == 0)
            continue;
        json_decref(object);
        object = NULL;
    }
    return object;
}

/* Looks at the cancel flag now and then; wide rows count as what they are. */
static int32_t row_done(const struct view *view, size_t *cells)
{
    *cells += view->column_count + 1;
    if (*cells < CANCEL_EVERY)
        return 0;
    *cells = 0;
    return llmspell_cancelled(view->table->call);
}

typedef json_t *(*row_fn)(const struct view *view, size_t row, bool typed, size_t *cost);

static int32_t rows_json(const struct view *view, row_fn make, bool typed, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    size_t cost = 0, cells = 0;
    for (size_t row = 0; row < view->row_count; row++) {
        int32_t stop = row_done(view, &cells);
        if (stop < 0)
            return stop;
        if (json_array_append_new(list, make(view, row, typed, &cost)) != 0)
            return no_memory(view->table->call);
        if (cost > MEMORY_MAX)
            return llmspell_fail(view->table->call, LLMSPELL_ELIMIT,
                                 "the result takes more than %llu MiB of memory; set a lower "
                                 "limit, or take csv or jsonl",
                                 MEMORY_MAX >> 20);
    }
    *ret = llmspell_steal_json(&list);
    return *ret ? 0 : no_memory(view->table->call);
}

int32_t view_objects(const struct view *view, bool typed, json_t **ret_list)
{
    return rows_json(view, object_json, typed, ret_list);
}

static json_t *names_json(const struct view *view)
{
    json_t *list = json_array();
    for (size_t i = 0; list && i < view->column_count; i++) {
        if (json_array_append_new(list, json_string_nocheck(name_at(view, i))) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

/* ---- as text ---- */

static void put_delimited(const struct view *view, char delimiter, struct bounded_text *out)
{
    for (size_t i = 0; i < view->column_count; i++) {
        if (i)
            bounded_char(out, delimiter);
        csv_put_field(out, name_at(view, i), strlen(name_at(view, i)), delimiter);
    }
    bounded_char(out, '\n');
    for (size_t row = 0; row < view->row_count && out->error == 0; row++) {
        const struct cell *first = view->column_count ? cell_at(view, row, 0) : NULL;
        if (view->column_count == 1 && first->size == 0)
            bounded_puts(out, "\"\""); /* an empty line would be no record */
        for (size_t i = 0; i < view->column_count; i++) {
            const struct cell *cell = cell_at(view, row, i);
            if (i)
                bounded_char(out, delimiter);
            csv_put_field(out, cell->text, cell->size, delimiter);
        }
        bounded_char(out, '\n');
    }
}

/* One object a line, or a list of them. */
static int32_t put_objects(const struct view *view, bool lines, bool typed,
                           struct bounded_text *out)
{
    size_t cells = 0;
    if (!lines)
        bounded_char(out, '[');
    for (size_t row = 0; row < view->row_count && out->error == 0; row++) {
        size_t cost = 0;
        LLMSPELL_CLEANUP_JSON json_t *object = object_json(view, row, typed, &cost);
        int32_t stop = row_done(view, &cells);
        if (stop < 0 || !object)
            return stop < 0 ? stop : no_memory(view->table->call);
        if (row && !lines)
            bounded_char(out, ',');
        json_put(out, object, 0, false);
        if (lines)
            bounded_char(out, '\n');
    }
    if (!lines)
        bounded_char(out, ']');
    return 0;
}

int32_t view_text(const struct view *view, const char *format, bool typed, json_t **ret_text)
{
    CLEANUP_BOUNDED_TEXT struct bounded_text out = {.max = OUTPUT_MAX, .call = view->table->call};
    int32_t rc = 0;
    if (strcmp(format, "csv") == 0)
        put_delimited(view, ',', &out);
    else if (strcmp(format, "tsv") == 0)
        put_delimited(view, '\t', &out);
    else if (strcmp(format, "markdown") == 0)
        view_markdown(view, &out);
    else if (strcmp(format, "html") == 0)
        view_html(view, &out);
    else
        rc = put_objects(view, strcmp(format, "jsonl") == 0, typed, &out);
    if (rc == 0)
        rc = bounded_text_check(view->table->call, &out);
    if (rc < 0)
        return rc;
    *ret_text = bounded_text_json(&out);
    return *ret_text ? 0 : no_memory(view->table->call);
}

/* ---- the result of filter ---- */

int32_t output_table(const json_t *params, const struct table *table, size_t limit, size_t skip,
                     size_t total, bool cut, json_t **ret_result)
{
    CLEANUP_VIEW struct view view = {0};
    size_t offset = (size_t)llmspell_integer(params, "offset", 0);
    int32_t rc = view_make(params, table, limit, offset - skip, &view);
    if (rc < 0)
        return rc;
    bool typed = llmspell_bool(params, "typed", 1);
    bool rows = llmspell_is(params, "output", "rows");
    json_t *body = NULL;
    rc = rows ? rows_json(&view, row_json, typed, &body)
              : view_text(&view, llmspell_string(params, "output"), typed, &body);
    if (rc < 0)
        return rc;
    bool truncated = cut || offset + view.row_count < total;
    return llmspell_return(table->call, ret_result,
                           json_pack("{s:o, s:o, s:I, s:I, s:b}", "columns", names_json(&view),
                                     rows ? "rows" : "output", body, "count",
                                     (json_int_t)view.row_count, "total", (json_int_t)total,
                                     "truncated", truncated));
}
