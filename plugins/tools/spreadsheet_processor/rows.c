/* SPDX-License-Identifier: Apache-2.0
 * The rows that a call asks for: which sheet, which range, with names or without. */
#include <strings.h>

#include "sheet.h"

/* ---- which sheet ---- */

static int32_t find_sheet(struct workbook *workbook, size_t *ret_index)
{
    struct llmspell_call *call = workbook->job->call;
    const json_t *wanted = json_object_get(workbook->job->params, "sheet");
    size_t count = json_array_size(workbook->sheets), i;
    json_t *sheet;
    if (json_is_number(wanted)) {
        json_int_t index = llmspell_integer(workbook->job->params, "sheet", 0);
        if (index < 0 || (size_t)index >= count)
            return llmspell_fail_at(call, LLMSPELL_ENOTFOUND, "/sheet",
                                    "there is no sheet %lld; the file has %zu, from 0",
                                    (long long)index, count);
        *ret_index = (size_t)index;
        return 0;
    }
    for (int exact = 1; exact >= 0; exact--)
        json_array_foreach(workbook->sheets, i, sheet)
        {
            const char *name = llmspell_string(sheet, "name"), *other = json_string_value(wanted);
            *ret_index = i;
            if ((exact ? strcmp(name, other) : strcasecmp(name, other)) == 0)
                return 0;
        }
    return llmspell_fail_at(call, LLMSPELL_ENOTFOUND, "/sheet", "there is no sheet \"%.100s\"",
                            json_string_value(wanted));
}

/* ---- rows ---- */

void rows_clear(struct rows *rows)
{
    json_decref(rows->list);
    json_decref(rows->sheet);
}

int32_t rows_load(struct job *job, uint32_t limit, struct rows *ret_rows)
{
    CLEANUP_WORKBOOK struct workbook workbook = {.package = {.fd = -1}};
    struct grid grid = {.job = job, .limit = limit};
    const char *range = llmspell_string(job->params, "range");
    size_t index = 0;
    uint32_t total = 0;
    if (!read_area(range ? range : "A:XFD", &grid.area))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/range",
                                "\"%.60s\" is not a range like A1:C10, B:D, 2:5 or A1", range);
    int32_t rc = book_open(job, &workbook);
    if (rc == 0)
        rc = find_sheet(&workbook, &index);
    if (rc < 0)
        return rc;
    ret_rows->sheet = json_incref(json_object_get(json_array_get(workbook.sheets, index), "name"));
    rc = book_read(&workbook, index, &grid);
    if (rc == 0)
        rc = grid_finish(&grid, &ret_rows->area, &total, &ret_rows->any);
    ret_rows->list = grid.kept;
    ret_rows->truncated = total > limit;
    return rc;
}

/* ---- rows as objects ---- */

json_t *scalar_text(const json_t *value)
{
    static const struct json_style compact = {.indent = 0};
    CLEANUP_BUFFER struct byte_buffer text = {0};
    char number[REAL_TEXT_SIZE];
    if (json_is_string(value))
        return json_string(json_string_value(value));
    if (json_is_number(value)) {
        number_text(json_number_value(value), number);
        return json_string(number);
    }
    json_write(&text, value, &compact);
    return buffer_json(&text);
}

/* The name of a column: its text; its letters if that is empty; with a number if it is taken. taken
 * tells the last number of each, or many equal names would take long. */
static json_t *unique_name(const json_t *value, uint32_t column, json_t *taken)
{
    char letters[8];
    write_column(column, letters);
    if (json_is_object(value)) /* a formula and its value */
        value = json_object_get(value, "value");
    bool named = !json_is_null(value) && !(json_is_string(value) && !json_string_length(value));
    json_t *name = named ? scalar_text(value) : json_string(letters);
    LLMSPELL_CLEANUP_JSON json_t *base = json_incref(name);
    json_int_t next = llmspell_integer(taken, name ? json_string_value(name) : "", 1);
    while (name && json_object_get(taken, json_string_value(name))) {
        json_decref(name);
        name = json_sprintf("%s_%lld", json_string_value(base), (long long)++next);
    }
    if (name && name != base)
        json_object_set_new(taken, json_string_value(base), json_integer(next));
    return name;
}

static json_t *column_names(const struct rows *rows)
{
    const json_t *first = json_array_get(rows->list, 0);
    LLMSPELL_CLEANUP_JSON json_t *taken = json_object();
    json_t *names = json_array(), *value;
    size_t i;
    json_array_foreach(first, i, value)
    {
        json_t *name = unique_name(value, rows->area.column + (uint32_t)i, taken);
        if (!name || json_object_set_new(taken, json_string_value(name), json_integer(1)) != 0 ||
            json_array_append_new(names, name) != 0) {
            json_decref(names);
            return NULL;
        }
    }
    return names;
}

static json_t *row_object(const json_t *names, const json_t *row)
{
    json_t *object = json_object(), *value;
    size_t i;
    json_array_foreach(row, i, value)
    {
        json_object_set(object, json_string_value(json_array_get(names, i)), value);
    }
    return object;
}

/* The first row names the members of the others. */
int32_t rows_name(const struct job *job, struct rows *rows)
{
    LLMSPELL_CLEANUP_JSON json_t *names = column_names(rows);
    if (!names)
        return job_no_memory(job);
    json_array_remove(rows->list, 0);
    for (size_t i = 0; i < json_array_size(rows->list); i++) {
        if (json_array_set_new(rows->list, i, row_object(names, json_array_get(rows->list, i))))
            return job_no_memory(job);
        int32_t stopped = llmspell_cancelled(job->call);
        if (stopped < 0)
            return stopped;
    }
    return 0;
}
