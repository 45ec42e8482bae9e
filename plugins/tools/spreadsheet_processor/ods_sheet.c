/* SPDX-License-Identifier: Apache-2.0
 * One table of an ODS file, cell by cell. Repeated rows and cells that are empty only move on. */
#include "sheet.h"

struct table {
    struct workbook *workbook;
    struct part part;
    struct grid *grid;
    uint64_t row, column;
    long row_repeat; /* of the current row, cut to what a sheet can have */
    bool formulas;
};

static long repeat_of(struct part *part, const char *name, uint32_t max)
{
    long repeat = part_attribute_number(part, name, 1);
    return repeat < 1 ? 1 : repeat > (long)max ? (long)max : repeat;
}

/* ---- text ---- */

/* Blanks, tabs and line breaks are elements; notes stand in the cell, but are not its text. */
static int32_t read_inside(struct table *table, struct byte_buffer *text, bool *ret_any)
{
    struct part *part = &table->part;
    int depth = xmlTextReaderDepth(part->reader), note = -1;
    *ret_any = false;
    if (xmlTextReaderIsEmptyElement(part->reader))
        return 0;
    for (;;) {
        int32_t rc = part_next(part);
        if (rc <= 0)
            return rc;
        int type = xmlTextReaderNodeType(part->reader), at = xmlTextReaderDepth(part->reader);
        if (type == XML_READER_TYPE_END_ELEMENT && at <= depth)
            return 0;
        if (note >= 0 && type == XML_READER_TYPE_END_ELEMENT && at <= note)
            note = -1;
        else if (note >= 0)
            continue;
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "annotation"))
            note = xmlTextReaderIsEmptyElement(part->reader) ? -1 : at;
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "p") && *ret_any)
            buffer_char(text, '\n');
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "s"))
            buffer_fill(text, ' ', (size_t)repeat_of(part, "c", 32767));
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "tab"))
            buffer_char(text, '\t');
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "line-break"))
            buffer_char(text, '\n');
        else if (part_is_text(part) && at > depth + 1)
            buffer_puts(text, (const char *)xmlTextReaderConstValue(part->reader));
        *ret_any |= part_at(part, XML_READER_TYPE_ELEMENT, "p");
    }
}

/* ---- values ---- */

/* PT12H30M00S, of less than a day, as 12:30:00; else as it stands. */
static json_t *time_value(const char *text)
{
    int hour = 0, minute = 0, used = 0;
    double second = 0;
    char out[32];
    if (sscanf(text, "PT%2dH%2dM%n", &hour, &minute, &used) != 2 || used == 0 || hour > 23 ||
        minute > 59)
        return json_string(text);
    for (const char *c = text + used; *c >= '0' && *c <= '9'; c++)
        second = second * 10 + (*c - '0');
    if (!(second < 60))
        return json_string(text);
    return time_text((hour * 3600 + minute * 60 + second) / 86400.0, out) ? json_string(out)
                                                                          : json_string(text);
}

static json_t *typed_value(struct table *table, const char *type, const char *value,
                           const struct byte_buffer *text)
{
    char *end = NULL;
    if (strcmp(type, "boolean") == 0)
        return json_boolean(value && strcmp(value, "true") == 0);
    if (value && strcmp(type, "date") == 0)
        return json_string(value);
    if (value && strcmp(type, "time") == 0)
        return time_value(value);
    if (value && strcmp(type, "string") != 0) {
        double number = strtod_l(value, &end, table->workbook->job->numbers);
        if (!*end && end != value)
            return number_json(number);
    }
    if (value)
        return json_string(value);
    return buffer_json(text);
}

/* Which attribute holds the value of a type. */
static const char *value_name(const char *type)
{
    static const char *const names[][2] = {{"boolean", "boolean-value"},
                                           {"date", "date-value"},
                                           {"time", "time-value"},
                                           {"string", "string-value"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(type, names[i][0]) == 0)
            return names[i][1];
    return "value";
}

/* "of:=[.A1]*2" → "=[.A1]*2". */
static json_t *formula_json(const char *formula)
{
    const char *equals = strchr(formula, '=');
    return json_string(equals ? equals : formula);
}

/* Takes over value; puts it into all cells that the element stands for. */
static int32_t put_cells(struct table *table, long columns, json_t *value)
{
    int32_t rc = value ? 0 : job_no_memory(table->workbook->job);
    for (long row = 0; rc == 0 && row < table->row_repeat; row++)
        for (long column = 0; rc == 0 && column < columns; column++) {
            uint64_t at_row = table->row + (uint64_t)row;
            uint64_t at_column = table->column + (uint64_t)column;
            if (at_row >= ROWS_MAX || at_column >= COLUMNS_MAX)
                break;
            rc = grid_put(table->grid, (uint32_t)at_row, (uint32_t)at_column, json_incref(value));
            if (rc == 0 && column % 256 == 0)
                rc = llmspell_cancelled(table->workbook->job->call);
        }
    json_decref(value);
    return rc;
}

static int32_t on_cell(struct table *table)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    struct part *part = &table->part;
    long columns = repeat_of(part, "number-columns-repeated", COLUMNS_MAX);
    xmlChar *type = part_attribute(part, "value-type"), *formula = part_attribute(part, "formula");
    xmlChar *content = type ? part_attribute(part, value_name((char *)type)) : NULL;
    bool any = false;
    int32_t rc = read_inside(table, &text, &any);
    if (rc == 0 && (type || any || (formula && table->formulas))) {
        json_t *value =
            type || any ? typed_value(table, type ? (char *)type : "string", (char *)content, &text)
                        : json_null();
        if (formula && table->formulas)
            value =
                json_pack("{s:o,s:o}", "formula", formula_json((char *)formula), "value", value);
        rc = put_cells(table, columns, value);
    }
    table->column += (uint64_t)columns;
    xmlFree(type);
    xmlFree(formula);
    xmlFree(content);
    return rc;
}

/* ---- rows ---- */

static int32_t read_rows(struct table *table, int depth)
{
    struct part *part = &table->part;
    table->row_repeat = 0;
    for (;;) {
        int32_t rc = part_next(part);
        if (rc <= 0)
            return rc;
        int type = xmlTextReaderNodeType(part->reader);
        if (type == XML_READER_TYPE_END_ELEMENT && xmlTextReaderDepth(part->reader) <= depth)
            return 0;
        rc = 0;
        if (part_at(part, XML_READER_TYPE_ELEMENT, "table-row")) {
            table->row += (uint64_t)table->row_repeat;
            table->row_repeat = repeat_of(part, "number-rows-repeated", ROWS_MAX);
            table->column = 0;
        } else if (part_at(part, XML_READER_TYPE_ELEMENT, "table-cell") ||
                   part_at(part, XML_READER_TYPE_ELEMENT, "covered-table-cell")) {
            rc = on_cell(table);
        }
        if (rc < 0)
            return rc;
    }
}

int32_t ods_read(struct workbook *workbook, size_t sheet, struct grid *grid)
{
    struct table table = {.workbook = workbook,
                          .grid = grid,
                          .formulas = llmspell_bool(workbook->job->params, "formulas", 0)};
    bool found = false;
    size_t seen = 0;
    int32_t rc = part_open(&workbook->package, "content.xml", &table.part, &found);
    while (rc == 0 && found && (rc = part_next(&table.part)) == 1) {
        rc = 0;
        int depth = xmlTextReaderDepth(table.part.reader);
        if (!part_at(&table.part, XML_READER_TYPE_ELEMENT, "table") || depth != 3 ||
            seen++ != sheet)
            continue;
        if (!xmlTextReaderIsEmptyElement(table.part.reader))
            rc = read_rows(&table, depth);
        break;
    }
    part_close(&table.part);
    return rc < 0 ? rc : 0;
}
