/* SPDX-License-Identifier: Apache-2.0
 * One table of an ODS file, cell by cell. Repeated rows and cells that are empty only move on. */
#include "sheet.h"

struct table {
    struct job *job;
    struct part *part;
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
    struct part *part = table->part;
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

/* The seconds of P1DT12H30M00.5S; negative: it is none. */
static double duration_seconds(const char *text, locale_t numbers)
{
    double seconds = 0;
    bool time = false;
    if (*text++ != 'P')
        return -1;
    while (*text) {
        char *end = NULL;
        if (*text == 'T') {
            time = true;
            text++;
            continue;
        }
        double number = *text >= '0' && *text <= '9' ? strtod_l(text, &end, numbers) : -1;
        double unit = !end          ? -1
                      : *end == 'D' ? 86400
                      : !time       ? -1
                      : *end == 'H' ? 3600
                      : *end == 'M' ? 60
                      : *end == 'S' ? 1
                                    : -1;
        if (unit < 0)
            return -1;
        seconds += number * unit;
        text = end + 1;
    }
    return seconds;
}

/* PT12H30M00S, of less than a day, as 12:30:00; a longer one, or one below zero, in days. */
static json_t *time_value(const char *text, locale_t numbers)
{
    char out[32];
    bool minus = *text == '-';
    double seconds = duration_seconds(text + minus, numbers);
    if (seconds < 0)
        return json_string(text);
    if (!minus && time_text(seconds / 86400, out))
        return json_string(out);
    return number_json((minus ? -seconds : seconds) / 86400);
}

/* 2024-02-29T12:30:00.500000000, as LibreOffice writes it, with milliseconds if they are not zero.
 */
static json_t *date_value(const char *text)
{
    size_t whole = strcspn(text, ".");
    int ms = 0, digits = 0;
    const char *at = text + whole + (text[whole] == '.');
    for (; *at >= '0' && *at <= '9'; at++)
        if (digits++ < 3)
            ms = ms * 10 + (*at - '0');
    if (!digits || *at || whole > 64)
        return json_string(text);
    for (; digits < 3; digits++)
        ms *= 10;
    return ms ? json_sprintf("%.*s.%03d", (int)whole, text, ms) : json_stringn(text, whole);
}

static json_t *typed_value(struct table *table, const char *type, const char *value,
                           const struct byte_buffer *text)
{
    char *end = NULL;
    if (strcmp(type, "boolean") == 0)
        return json_boolean(value && strcmp(value, "true") == 0);
    if (value && strcmp(type, "date") == 0)
        return date_value(value);
    if (value && strcmp(type, "time") == 0)
        return time_value(value, table->job->numbers);
    if (value && strcmp(type, "string") != 0) {
        double number = strtod_l(value, &end, table->job->numbers);
        if (!*end && end != value)
            return number_json(number);
    }
    if (value && *value) /* errors are empty strings, with "#DIV/0!" as their text */
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

/* "of:=[.A1]*2" → "=A1*2". */
static json_t *formula_json(const char *formula)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    ods_formula(formula, &text);
    return buffer_json(&text);
}

static uint32_t last_of(uint64_t first, long repeat, uint32_t max)
{
    uint64_t last = first + (uint64_t)repeat - 1;
    return last < max ? (uint32_t)last : max - 1;
}

/* Takes over value; puts it into all cells that the element stands for. */
static int32_t put_cells(struct table *table, long columns, json_t *value)
{
    if (value && (table->row >= ROWS_MAX || table->column >= COLUMNS_MAX)) {
        json_decref(value);
        return 0;
    }
    return grid_put(table->grid,
                    (struct area){(uint32_t)table->row, (uint32_t)table->column,
                                  last_of(table->row, table->row_repeat, ROWS_MAX),
                                  last_of(table->column, columns, COLUMNS_MAX)},
                    value);
}

static int32_t on_cell(struct table *table)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    struct part *part = table->part;
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
    struct part *part = table->part;
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

int32_t ods_measure(struct job *job, struct part *part, struct grid *grid)
{
    struct table table = {.job = job, .part = part, .grid = grid};
    if (xmlTextReaderIsEmptyElement(part->reader))
        return 0;
    return read_rows(&table, xmlTextReaderDepth(part->reader));
}

int32_t ods_read(struct workbook *workbook, size_t sheet, struct grid *grid)
{
    CLEANUP_PART struct part part = {0};
    struct table table = {.job = workbook->job,
                          .part = &part,
                          .grid = grid,
                          .formulas = llmspell_bool(workbook->job->params, "formulas", 0)};
    bool found = false;
    size_t seen = 0;
    workbook->package.unpacked = 0; /* the same part is read again, not a further one */
    int32_t rc = part_open(&workbook->package, "content.xml", &part, &found);
    while (rc == 0 && found && (rc = part_next(&part)) == 1) {
        rc = 0;
        int depth = xmlTextReaderDepth(part.reader);
        if (!part_at(&part, XML_READER_TYPE_ELEMENT, "table") || depth != TABLE_DEPTH ||
            seen++ != sheet)
            continue;
        if (!xmlTextReaderIsEmptyElement(part.reader))
            rc = read_rows(&table, depth);
        break;
    }
    return rc < 0 ? rc : 0;
}
