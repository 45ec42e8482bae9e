/* SPDX-License-Identifier: Apache-2.0
 * CSV and TSV: a list of flat objects, all values text. */
#include "../shared/csv.h"
#include "../shared/json_put.h"
#include "converter.h"

/* ---- reading ---- */

struct table {
    struct reading *reading;
    json_t *names; /* of columns */
    json_t *rows;
};

/* A name without text is that of its place; one that is there before gets _2 … seen: name → the
 * number that was put behind it last. */
static json_t *make_name(const struct table *table, json_t *seen, const struct csv_field *field)
{
    size_t place = json_array_size(table->names) + 1;
    LLMSPELL_CLEANUP_JSON json_t *base =
        field->size ? json_stringn(field->text, field->size) : json_sprintf("column_%zu", place);
    json_t *name = json_incref(base);
    json_t *last = json_object_get(seen, json_string_value(base));
    while (name && json_object_get(seen, json_string_value(name))) {
        json_decref(name);
        json_integer_set(last, json_integer_value(last) + 1);
        name =
            json_sprintf("%s_%lld", json_string_value(base), (long long)json_integer_value(last));
    }
    if (name && json_object_set_new(seen, json_string_value(name), json_integer(1)) == 0)
        return name;
    json_decref(name);
    return NULL;
}

static int32_t take_names(struct table *table, const struct csv_field *fields, size_t count)
{
    struct reading *reading = table->reading;
    LLMSPELL_CLEANUP_JSON json_t *seen = json_object();
    for (size_t i = 0; i < count; i++) {
        if (memchr(fields[i].text, '\0', fields[i].size))
            return llmspell_fail_at(reading->call, LLMSPELL_EPARSE, reading->pointer,
                                    "the name of column %zu holds a NUL character", i + 1);
        if (!seen || json_array_append_new(table->names, make_name(table, seen, &fields[i])) != 0)
            return no_memory(reading->call);
    }
    return 0;
}

static int32_t on_record(void *self, const struct csv_field *fields, size_t count, uint64_t line)
{
    struct table *table = self;
    size_t columns = json_array_size(table->names);
    if (columns == 0)
        return take_names(table, fields, count);
    if (count > columns)
        return llmspell_fail_at(table->reading->call, LLMSPELL_EPARSE, table->reading->pointer,
                                "line %llu has %zu fields, the first line names %zu columns",
                                (unsigned long long)line, count, columns);
    json_t *row = json_object();
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < columns; i++) {
        json_t *text = i < count ? json_stringn(fields[i].text, fields[i].size) : json_string("");
        const char *name = json_string_value(json_array_get(table->names, i));
        rc = json_object_set_new(row, name, text) == 0 ? count_node(table->reading)
                                                       : no_memory(table->reading->call);
    }
    if (rc == 0 && json_array_append(table->rows, row) != 0)
        rc = no_memory(table->reading->call);
    json_decref(row);
    return rc;
}

static int32_t read_table(struct reading *reading, char delimiter, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *names = json_array(), *rows = json_array();
    struct table table = {reading, names, rows};
    CLEANUP_CSV_READER struct csv_reader reader = {
        .call = reading->call, .pointer = reading->pointer, .record = on_record, .self = &table};
    int32_t rc = csv_reader_init(&reader, delimiter, '"');
    if (rc == 0)
        rc = csv_reader_feed(&reader, reading->text, reading->size);
    if (rc == 0)
        rc = csv_reader_end(&reader);
    *ret_value = rc == 0 ? llmspell_steal_json(&rows) : NULL;
    return rc;
}

int32_t read_csv(struct reading *reading, json_t **ret_value)
{
    return read_table(reading, *llmspell_string(reading->params, "delimiter"), ret_value);
}

int32_t read_tsv(struct reading *reading, json_t **ret_value)
{
    return read_table(reading, '\t', ret_value);
}

/* ---- writing ---- */

/* The columns: the members of all rows, in the order in which they come first. */
static int32_t collect_names(struct writing *writing, const json_t *rows, json_t *names)
{
    const char *key;
    json_t *value;
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        struct place top = {0}, place = {.up = &top, .index = i};
        if (!json_is_object(row))
            return fail_value(writing, &place, "a row is an object");
        json_object_foreach((json_t *)row, key, value)
        {
            if (!json_object_get(names, key) && json_object_set_new(names, key, json_true()) != 0)
                return no_memory(writing->call);
            int32_t stop = writing_step(writing);
            if (stop < 0)
                return stop;
        }
    }
    return 0;
}

static void put_names(struct writing *writing, const json_t *names, char delimiter)
{
    bool first = true;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)names, key, value)
    {
        if (!first)
            bounded_char(&writing->out, delimiter);
        first = false;
        if (*key)
            csv_put_field(&writing->out, key, strlen(key), delimiter);
        else
            bounded_puts(&writing->out, "\"\"");
    }
    bounded_char(&writing->out, '\n');
}

/* Null and what is missing are empty, lists and objects compact JSON. */
static void put_cell(struct writing *writing, const json_t *value, char delimiter)
{
    char scratch[SCALAR_TEXT_MAX];
    size_t size = 0;
    if (json_is_array(value) || json_is_object(value)) {
        CLEANUP_BOUNDED_TEXT struct bounded_text text = {.max = OUTPUT_MAX};
        json_put(&text, value, 0, writing->sort_keys);
        if (text.error < 0)
            writing->out.error = text.error;
        csv_put_field(&writing->out, text.text, text.used, delimiter);
        return;
    }
    const char *text = value ? scalar_text(value, scratch, &size) : NULL;
    csv_put_field(&writing->out, text ? text : "", size, delimiter);
}

static int32_t put_row(struct writing *writing, const json_t *names, const json_t *row,
                       char delimiter)
{
    size_t start = writing->out.used;
    bool first = true;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)names, key, value)
    {
        if (!first)
            bounded_char(&writing->out, delimiter);
        first = false;
        put_cell(writing, json_object_get(row, key), delimiter);
        int32_t stop = writing_step(writing);
        if (stop < 0)
            return stop;
    }
    if (writing->out.used == start) /* an empty line would be no record */
        bounded_puts(&writing->out, "\"\"");
    bounded_char(&writing->out, '\n');
    return writing_step(writing);
}

static int32_t write_table(struct writing *writing, const json_t *value, char delimiter)
{
    LLMSPELL_CLEANUP_JSON json_t *names = json_object();
    if (!json_is_array(value))
        return fail_value(writing, NULL, "a table is a list of objects");
    int32_t rc = names ? collect_names(writing, value, names) : no_memory(writing->call);
    if (rc == 0 && json_array_size(value) > 0 && json_object_size(names) == 0)
        rc = fail_value(writing, NULL, "rows without members have no columns");
    if (rc == 0 && json_object_size(names) > 0)
        put_names(writing, names, delimiter);
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++)
        rc = put_row(writing, names, json_array_get(value, i), delimiter);
    return rc;
}

int32_t write_csv(struct writing *writing, const json_t *value)
{
    return write_table(writing, value, *llmspell_string(writing->params, "delimiter"));
}

int32_t write_tsv(struct writing *writing, const json_t *value)
{
    return write_table(writing, value, '\t');
}
