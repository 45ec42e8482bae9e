/* SPDX-License-Identifier: Apache-2.0
 * info, read and to_csv. */
#include "sheet.h"

/* ---- info ---- */

static int32_t measure(struct workbook *workbook, size_t index, json_t *list)
{
    const json_t *sheet = json_array_get(workbook->sheets, index);
    struct grid grid = {.job = workbook->job,
                        .rows = (uint32_t)llmspell_integer(sheet, "rows", 0),
                        .columns = (uint32_t)llmspell_integer(sheet, "columns", 0)};
    const char *part = llmspell_string(sheet, "part");
    int32_t rc = part && *part ? book_read(workbook, index, &grid) : 0;
    json_decref(grid.kept);
    if (rc < 0)
        return rc;
    json_t *entry = json_pack("{s:s,s:I,s:I,s:I,s:O}", "name", llmspell_string(sheet, "name"),
                              "index", (json_int_t)index, "rows", (json_int_t)grid.rows, "columns",
                              (json_int_t)grid.columns, "hidden", json_object_get(sheet, "hidden"));
    return json_array_append_new(list, entry) == 0 ? 0 : job_no_memory(workbook->job);
}

int32_t info_run(struct job *job, json_t **ret_result)
{
    CLEANUP_WORKBOOK struct workbook workbook = {.package = {.fd = -1}};
    LLMSPELL_CLEANUP_JSON json_t *list = json_array(), *properties = NULL;
    int32_t rc = book_open(job, &workbook);
    for (size_t i = 0; rc == 0 && i < json_array_size(workbook.sheets); i++)
        rc = measure(&workbook, i, list);
    if (rc == 0)
        rc = book_properties(&workbook, &properties);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:O,s:O}", "format", workbook.format, "sheets", list,
                                     "properties", properties));
}

int32_t read_run(struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(rows_clear))) struct rows rows = {0};
    char range[40] = "";
    bool header = llmspell_bool(job->params, "has_header", 0);
    int32_t rc =
        rows_load(job, (uint32_t)llmspell_integer(job->params, "limit", 10000) + header, &rows);
    if (rc == 0 && header && rows.any)
        rc = rows_name(job, &rows);
    if (rc < 0)
        return rc;
    if (rows.any)
        write_area(&rows.area, range);
    json_int_t columns = rows.any ? rows.area.last_column - rows.area.column + 1 : 0;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:O,s:s,s:O,s:I,s:I,s:b}", "sheet", rows.sheet, "range",
                                     range, "rows", rows.list, "row_count",
                                     (json_int_t)json_array_size(rows.list), "column_count",
                                     columns, "truncated", rows.truncated));
}

/* ---- to_csv ---- */

static int32_t put_field(const struct job *job, const json_t *value, struct byte_buffer *out)
{
    if (json_is_object(value)) /* a formula and its value */
        value = json_object_get(value, "formula");
    if (json_is_null(value))
        return 0;
    LLMSPELL_CLEANUP_JSON json_t *text = scalar_text(value);
    if (!text)
        return job_no_memory(job);
    const char *c = json_string_value(text);
    if (!c[strcspn(c, ",\"\r\n")]) {
        buffer_puts(out, c);
        return 0;
    }
    buffer_char(out, '"');
    for (; *c; c++) {
        if (*c == '"')
            buffer_char(out, '"');
        buffer_char(out, *c);
    }
    buffer_char(out, '"');
    return 0;
}

static int32_t put_row(const struct job *job, const json_t *row, struct byte_buffer *out)
{
    json_t *value;
    size_t i;
    json_array_foreach(row, i, value)
    {
        if (i)
            buffer_char(out, ',');
        int32_t rc = put_field(job, value, out);
        if (rc < 0)
            return rc;
    }
    buffer_char(out, '\n');
    return llmspell_cancelled(job->call);
}

int32_t to_csv_run(struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(rows_clear))) struct rows rows = {0};
    CLEANUP_BUFFER struct byte_buffer out = {0};
    size_t i;
    json_t *row;
    int32_t rc = rows_load(job, (uint32_t)llmspell_integer(job->params, "limit", 10000), &rows);
    if (rc < 0)
        return rc;
    json_array_foreach(rows.list, i, row)
    {
        rc = rc < 0 ? rc : put_row(job, row, &out);
    }
    if (rc < 0)
        return rc;
    json_t *result = json_pack("{s:o,s:I}", "output", buffer_json(&out), "rows",
                               (json_int_t)json_array_size(rows.list));
    if (result && rows.truncated && json_object_set_new(result, "truncated", json_true()) != 0)
        return job_no_memory(job);
    return llmspell_return(job->call, ret_result, result);
}
