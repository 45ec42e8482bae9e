/* SPDX-License-Identifier: Apache-2.0
 * Steps of transform that change cells: cast, fill, trim, upper, lower, split. */
#include <math.h>
#include <utf8proc.h>

#include "analyzer.h"

#define CANCEL_EVERY 8192u /* rows */

static int32_t pause_at(const struct step *step, size_t row)
{
    return row % CANCEL_EVERY ? 0 : llmspell_cancelled(step->call);
}

/* ---- cast ---- */

/* Whole numbers however they are written, if they fit. */
static bool to_integer(struct table *table, struct cell *cell, int32_t *rc)
{
    char text[32];
    double value = 0;
    if (cell->kind == KIND_INTEGER)
        return true;
    if (cell->kind == KIND_BOOLEAN)
        value = cell_truth(cell);
    else if (!number_read(cell->text, cell->size, &value) || value != trunc(value) ||
             fabs(value) > 0x1p63 - 1024)
        return false;
    int size = snprintf(text, sizeof text, "%lld", (long long)value);
    *rc = table_cell(table, text, (size_t)size, KIND_INTEGER, cell);
    return true;
}

static bool to_number(struct table *table, struct cell *cell, int32_t *rc)
{
    double value = 0;
    if (cell_is_number(cell))
        return true;
    if (cell->kind == KIND_BOOLEAN)
        value = cell_truth(cell);
    else if (!number_read(cell->text, cell->size, &value) || !isfinite(value))
        return false;
    *rc = table_number_cell(table, value, cell);
    return true;
}

static bool to_boolean(struct table *table, struct cell *cell, int32_t *rc)
{
    double value = 0;
    if (cell->kind == KIND_BOOLEAN)
        value = cell_truth(cell);
    else if (!cell_is_number(cell) || ((value = cell_number(cell)) != 0 && value != 1))
        return false;
    const char *word = value != 0 ? "true" : "false";
    *rc = table_cell(table, word, strlen(word), KIND_BOOLEAN, cell);
    return true;
}

/* Of a date and time the date. */
static bool to_date(struct cell *cell)
{
    if (cell->kind == KIND_DATETIME) {
        cell->size = 10;
        cell->kind = KIND_DATE;
    }
    return cell->kind == KIND_DATE;
}

static bool cast_cell(struct table *table, struct cell *cell, const char *to, int32_t *rc)
{
    /* what an earlier step made a string is looked at afresh */
    if (cell->kind == KIND_STRING)
        cell->kind = (uint8_t)cell_classify(cell->text, cell->size);
    if (strcmp(to, "integer") == 0)
        return to_integer(table, cell, rc);
    if (strcmp(to, "number") == 0)
        return to_number(table, cell, rc);
    if (strcmp(to, "boolean") == 0)
        return to_boolean(table, cell, rc);
    if (strcmp(to, "date") == 0)
        return to_date(cell);
    cell->kind = KIND_STRING;
    return true;
}

int32_t step_cast(struct step *step)
{
    const char *to = llmspell_string(step->params, "to");
    size_t column;
    int32_t rc = step_column(step, "column", &column);
    for (size_t row = 0; rc == 0 && row < step->table->rows; row++) {
        struct cell *cell = &step->table->columns[column].cells[row];
        rc = pause_at(step, row);
        if (rc < 0 || cell->kind == KIND_NULL)
            continue;
        if (!cast_cell(step->table, cell, to, &rc))
            rc = llmspell_fail_at(step->call, LLMSPELL_EPARSE, step->pointer,
                                  "\"%.*s\" in row %zu is no %s",
                                  cell->size > 40 ? 40 : (int)cell->size, cell->text, row + 1, to);
    }
    return rc;
}

/* ---- fill ---- */

static int32_t value_cell(struct table *table, const json_t *value, struct cell *ret)
{
    char text[32];
    if (json_is_string(value))
        return table_cell(table, json_string_value(value), json_string_length(value),
                          json_string_length(value) ? KIND_COUNT : KIND_STRING, ret);
    if (json_is_real(value))
        return table_number_cell(table, json_real_value(value), ret);
    if (json_is_boolean(value)) {
        const char *word = json_is_true(value) ? "true" : "false";
        return table_cell(table, word, strlen(word), KIND_BOOLEAN, ret);
    }
    int size = snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    return table_cell(table, text, (size_t)size, KIND_INTEGER, ret);
}

int32_t step_fill(struct step *step)
{
    struct cell value;
    size_t column;
    int32_t rc = step_column(step, "column", &column);
    if (rc == 0)
        rc = value_cell(step->table, json_object_get(step->params, "value"), &value);
    for (size_t row = 0; rc == 0 && row < step->table->rows; row++)
        if (step->table->columns[column].cells[row].kind == KIND_NULL)
            step->table->columns[column].cells[row] = value;
    return rc;
}

/* ---- trim ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What is left of spaces alone is null. */
static void trim_cell(struct cell *cell)
{
    struct cell old = *cell;
    while (cell->size && is_space(*cell->text)) {
        cell->text++;
        cell->size--;
    }
    while (cell->size && is_space(cell->text[cell->size - 1]))
        cell->size--;
    if (cell->size != old.size)
        cell->kind = cell->size ? (uint8_t)cell_classify(cell->text, cell->size) : KIND_NULL;
}

int32_t step_trim(struct step *step)
{
    LLMSPELL_CLEANUP_FREE size_t *columns = NULL;
    size_t count = 0;
    int32_t rc = step_columns(step, "columns", &columns, &count);
    for (size_t i = 0; rc == 0 && i < count; i++)
        for (size_t row = 0; row < step->table->rows; row++)
            trim_cell(&step->table->columns[columns[i]].cells[row]);
    return rc;
}

/* ---- upper and lower ---- */

#define SHARP_S 0xDF

static int32_t map_cell(struct table *table, struct cell *cell,
                        utf8proc_int32_t (*map)(utf8proc_int32_t))
{
    CLEANUP_BOUNDED_TEXT struct bounded_text out = {.max = CSV_RECORD_MAX * 2};
    for (size_t at = 0; at < cell->size;) {
        utf8proc_int32_t point = 0;
        utf8proc_uint8_t bytes[4];
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)cell->text + at,
                                              (utf8proc_ssize_t)(cell->size - at), &point);
        if (n <= 0)
            break;
        at += (size_t)n;
        if (point == SHARP_S && map == utf8proc_toupper) { /* to utf8proc its capital is U+1E9E */
            bounded_puts(&out, "SS");
            continue;
        }
        n = utf8proc_encode_char(map(point), bytes);
        bounded_put(&out, (const char *)bytes, (size_t)n);
    }
    int32_t rc = bounded_text_check(table->call, &out);
    return rc < 0 ? rc : table_cell(table, out.text, out.used, cell->kind, cell);
}

static int32_t map_column(struct step *step, utf8proc_int32_t (*map)(utf8proc_int32_t))
{
    size_t column;
    int32_t rc = step_column(step, "column", &column);
    for (size_t row = 0; rc == 0 && row < step->table->rows; row++) {
        struct cell *cell = &step->table->columns[column].cells[row];
        rc = pause_at(step, row);
        if (rc == 0 && cell->size > 0)
            rc = map_cell(step->table, cell, map);
    }
    return rc;
}

int32_t step_upper(struct step *step)
{
    return map_column(step, utf8proc_toupper);
}

int32_t step_lower(struct step *step)
{
    return map_column(step, utf8proc_tolower);
}

/* ---- split ---- */

/* The last column gets all that is left. */
static void split_cell(struct table *table, size_t from, const size_t *into, size_t count,
                       size_t row, const char *delimiter)
{
    const struct cell *cell = &table->columns[from].cells[row];
    const char *at = cell->text, *end = at + cell->size;
    size_t length = strlen(delimiter);
    for (size_t i = 0; i < count && at && cell->kind != KIND_NULL; i++) {
        const char *next = i + 1 < count ? memmem(at, (size_t)(end - at), delimiter, length) : NULL;
        size_t size = (size_t)((next ? next : end) - at);
        if (size > 0)
            table->columns[into[i]].cells[row] =
                (struct cell){at, (uint32_t)size, (uint8_t)cell_classify(at, size)};
        at = next ? next + length : NULL;
    }
}

int32_t step_split(struct step *step)
{
    struct table *table = step->table;
    const json_t *names = json_object_get(step->params, "into");
    size_t count = json_array_size(names), from;
    LLMSPELL_CLEANUP_FREE size_t *into = malloc((count + 1) * sizeof *into);
    if (!into)
        return no_memory(step->call);
    int32_t rc = step_column(step, "column", &from);
    for (size_t i = 0; rc == 0 && i < count; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        char pointer[64];
        snprintf(pointer, sizeof pointer, "%s/into/%zu", step->pointer, i);
        if (table_find(table, name) != SIZE_MAX)
            return llmspell_fail_at(step->call, LLMSPELL_EINVAL, pointer,
                                    "there is a column \"%s\" already", name);
        rc = table_add_column(table, name, &into[i]);
    }
    for (size_t row = 0; rc == 0 && row < table->rows; row++) {
        split_cell(table, from, into, count, row, llmspell_string(step->params, "delimiter"));
        rc = pause_at(step, row);
    }
    return rc;
}
