/* SPDX-License-Identifier: Apache-2.0
 * The numbers of one column of a CSV file. Called by values.c. */
#include "statistics.h"

#include "../shared/csv.h"
#include "../shared/text_input.h"

struct column {
    struct llmspell_call *call;
    const char *name;
    size_t index;
    bool found;
    struct values *values;
    size_t room;
};

static int32_t find_column(struct column *column, const struct csv_field *fields, size_t count)
{
    size_t size = strlen(column->name);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].size == size && memcmp(fields[i].text, column->name, size) == 0) {
            column->index = i;
            column->found = true;
            return 0;
        }
    }
    return llmspell_fail_at(column->call, LLMSPELL_ENOTFOUND, "/column",
                            "the first line of the file names no column \"%s\"", column->name);
}

static int32_t add_value(struct column *column, double value)
{
    struct values *values = column->values;
    if (values->count == VALUES_MAX)
        return llmspell_fail_at(column->call, LLMSPELL_ELIMIT, "/path",
                                "the column has more than %d numbers", VALUES_MAX);
    if (values->count == column->room) {
        size_t room = column->room * 2 + 1024;
        double *grown = realloc(values->items, room * sizeof *grown);
        if (!grown)
            return no_memory(column->call);
        values->items = grown;
        column->room = room;
    }
    values->items[values->count++] = value;
    return 0;
}

static void trim(const char **text, size_t *size)
{
    while (*size && (**text == ' ' || **text == '\t')) {
        ++*text;
        --*size;
    }
    while (*size && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\t'))
        --*size;
}

/* Cells without text, and missing ones, are no values. */
static int32_t on_record(void *self, const struct csv_field *fields, size_t count, uint64_t line)
{
    struct column *column = self;
    if (!column->found)
        return find_column(column, fields, count);
    if (column->index >= count)
        return 0;
    const char *text = fields[column->index].text;
    size_t size = fields[column->index].size;
    trim(&text, &size);
    double value;
    if (size == 0)
        return 0;
    if (!number_read(text, size, &value))
        return llmspell_fail_at(column->call, LLMSPELL_EPARSE, "/path",
                                "\"%.*s\" in line %llu is not a number", size > 40 ? 40 : (int)size,
                                text, (unsigned long long)line);
    return add_value(column, value);
}

int32_t column_load(struct llmspell_call *call, const json_t *params, struct values *ret)
{
    CLEANUP_TEXT_INPUT struct text_input file = {0};
    int32_t rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, &file);
    if (rc < 0)
        return rc;
    struct column column = {.call = call, .name = llmspell_string(params, "column"), .values = ret};
    CLEANUP_CSV_READER struct csv_reader reader = {
        .call = call, .pointer = "/path", .record = on_record, .self = &column};
    rc = csv_reader_init(&reader, csv_guess_delimiter(call, file.data, file.size, '"'), '"');
    if (rc == 0)
        rc = csv_reader_feed(&reader, file.data, file.size);
    if (rc == 0)
        rc = csv_reader_end(&reader);
    return rc < 0 || column.found ? rc : find_column(&column, NULL, 0);
}
