/* SPDX-License-Identifier: Apache-2.0
 * One sheet of an XLSX file, cell by cell. */
#include "sheet.h"

#include <errno.h>

struct cell {
    uint32_t row, column;
    char type[16];
    long style;
    bool has_formula;
    long shared; /* number of a shared formula, or -1 */
    struct byte_buffer value, formula;
};

struct sheet {
    struct workbook *workbook;
    struct part part;
    struct grid *grid;
    json_t *shared;       /* number → {formula, row, column} */
    uint32_t row, column; /* of the next one without an address */
    bool formulas;
};

static void cell_clear(struct cell *cell)
{
    buffer_clear(&cell->value);
    buffer_clear(&cell->formula);
}

/* ---- values ---- */

static json_t *number_value(struct sheet *sheet, const struct cell *cell, int32_t *ret_rc)
{
    const struct workbook *workbook = sheet->workbook;
    char *end = NULL, text[32];
    double value = strtod_l(cell->value.data, &end, workbook->job->numbers);
    if (*end || end == cell->value.data) {
        char column[8];
        write_column(cell->column, column);
        *ret_rc = part_wrong(&sheet->part, "has \"%.60s\" as a number in %s%u", cell->value.data,
                             column, cell->row + 1);
        return NULL;
    }
    const json_t *kind = json_array_get(workbook->kinds, (size_t)cell->style);
    enum format_kind shown = (enum format_kind)json_integer_value(kind);
    if (shown == FORMAT_TIME && time_text(value, text))
        return json_string(text);
    if (shown != FORMAT_NUMBER &&
        date_text(value, workbook->since_1904, shown != FORMAT_DATE, text))
        return json_string(text);
    return number_json(value);
}

static json_t *string_value(struct sheet *sheet, const struct cell *cell, int32_t *ret_rc)
{
    char *end = NULL;
    long index = strtol(cell->value.data, &end, 10);
    const json_t *strings = sheet->workbook->strings;
    if (!*end && index >= 0 && (size_t)index < json_array_size(strings))
        return json_incref(json_array_get(strings, (size_t)index));
    *ret_rc = part_wrong(&sheet->part, "names the shared string \"%.30s\", which there is not",
                         cell->value.data);
    return NULL;
}

/* NULL with *ret_rc 0: out of memory. */
static json_t *cell_value(struct sheet *sheet, struct cell *cell, int32_t *ret_rc)
{
    *ret_rc = 0;
    if (strcmp(cell->type, "str") == 0 || strcmp(cell->type, "inlineStr") == 0) {
        decode_escapes(&cell->value);
        return buffer_json(&cell->value);
    }
    if (cell->value.size == 0)
        return json_null();
    if (strcmp(cell->type, "s") == 0)
        return string_value(sheet, cell, ret_rc);
    if (strcmp(cell->type, "b") == 0)
        return json_boolean(strcmp(cell->value.data, "1") == 0 ||
                            strcmp(cell->value.data, "true") == 0);
    if (strcmp(cell->type, "e") == 0 || strcmp(cell->type, "d") == 0)
        return buffer_json(&cell->value);
    return number_value(sheet, cell, ret_rc);
}

/* ---- formulas ---- */

/* Remembers the first of a shared formula; writes out the others. */
static int32_t resolve_shared(struct sheet *sheet, struct cell *cell)
{
    char key[24];
    snprintf(key, sizeof key, "%ld", cell->shared);
    if (cell->formula.size > 0) {
        json_t *entry = json_pack("{s:o,s:i,s:i}", "formula", buffer_json(&cell->formula), "row",
                                  (int)cell->row, "column", (int)cell->column);
        return json_object_set_new(sheet->shared, key, entry) == 0
                   ? 0
                   : job_no_memory(sheet->workbook->job);
    }
    const json_t *first = json_object_get(sheet->shared, key);
    if (first)
        shift_formula(llmspell_string(first, "formula"),
                      (int)cell->row - (int)llmspell_integer(first, "row", 0),
                      (int)cell->column - (int)llmspell_integer(first, "column", 0),
                      &cell->formula);
    return 0;
}

static int32_t put_cell(struct sheet *sheet, struct cell *cell)
{
    int32_t rc = 0;
    if (cell->value.failed || cell->formula.failed)
        return job_no_memory(sheet->workbook->job);
    json_t *value = cell_value(sheet, cell, &rc);
    if (rc < 0)
        return rc;
    if (sheet->formulas && cell->shared >= 0)
        rc = resolve_shared(sheet, cell);
    if (rc == 0 && sheet->formulas && cell->has_formula && cell->formula.size > 0)
        value = json_pack("{s:o,s:o}", "formula",
                          json_sprintf("=%s", cell->formula.failed ? "" : cell->formula.data),
                          "value", value);
    if (rc < 0) {
        json_decref(value);
        return rc;
    }
    return grid_put(sheet->grid, (struct area){cell->row, cell->column, cell->row, cell->column},
                    value);
}

/* ---- elements ---- */

static int32_t read_address(struct sheet *sheet, struct cell *cell)
{
    xmlChar *address = part_attribute(&sheet->part, "r");
    int32_t rc = 0;
    cell->row = sheet->row;
    cell->column = sheet->column;
    if (address && !read_cell((char *)address, &cell->row, &cell->column))
        rc = part_wrong(&sheet->part, "has a cell at \"%.30s\"", (char *)address);
    else if (cell->row >= ROWS_MAX || cell->column >= COLUMNS_MAX)
        rc = part_wrong(&sheet->part, "has more rows or columns than a sheet can have");
    xmlFree(address);
    sheet->column = cell->column + 1;
    return rc;
}

static int32_t read_formula(struct sheet *sheet, struct cell *cell)
{
    cell->has_formula = true;
    if (part_attribute_is(&sheet->part, "t", "shared"))
        cell->shared = part_attribute_number(&sheet->part, "si", -1);
    return part_text(&sheet->part, &cell->formula);
}

static int32_t read_inside(struct sheet *sheet, struct cell *cell)
{
    struct part *part = &sheet->part;
    for (;;) {
        int32_t rc = part_next(part);
        if (rc <= 0)
            return rc;
        if (part_at(part, XML_READER_TYPE_END_ELEMENT, "c"))
            return 0;
        if (part_at(part, XML_READER_TYPE_ELEMENT, "v"))
            rc = part_text(part, &cell->value);
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "is"))
            rc = rich_text(part, "is", &cell->value);
        else if (part_at(part, XML_READER_TYPE_ELEMENT, "f"))
            rc = read_formula(sheet, cell);
        if (rc < 0)
            return rc;
    }
}

static int32_t on_cell(struct sheet *sheet)
{
    __attribute__((cleanup(cell_clear))) struct cell cell = {.shared = -1};
    xmlChar *type = part_attribute(&sheet->part, "t");
    snprintf(cell.type, sizeof cell.type, "%s", type ? (char *)type : "n");
    xmlFree(type);
    cell.style = part_attribute_number(&sheet->part, "s", 0);
    int32_t rc = read_address(sheet, &cell);
    if (rc < 0 || xmlTextReaderIsEmptyElement(sheet->part.reader))
        return rc;
    rc = read_inside(sheet, &cell);
    return rc < 0 || (cell.value.size == 0 && !cell.has_formula) ? rc : put_cell(sheet, &cell);
}

static int32_t on_row(struct sheet *sheet, uint32_t *next_row)
{
    long row = part_attribute_number(&sheet->part, "r", (long)*next_row + 1);
    if (row < 1 || row > (long)ROWS_MAX)
        return part_wrong(&sheet->part, "has more rows than a sheet can have");
    sheet->row = (uint32_t)row - 1;
    sheet->column = 0;
    *next_row = sheet->row + 1;
    return 0;
}

static int32_t read_rows(struct sheet *sheet)
{
    uint32_t next_row = 0;
    for (;;) {
        int32_t rc = part_next(&sheet->part);
        if (rc <= 0 || part_at(&sheet->part, XML_READER_TYPE_END_ELEMENT, "sheetData"))
            return rc < 0 ? rc : 0;
        rc = 0;
        if (part_at(&sheet->part, XML_READER_TYPE_ELEMENT, "row"))
            rc = on_row(sheet, &next_row);
        else if (part_at(&sheet->part, XML_READER_TYPE_ELEMENT, "c"))
            rc = on_cell(sheet);
        if (rc < 0)
            return rc;
    }
}

int32_t xlsx_read(struct workbook *workbook, const char *part, struct grid *grid)
{
    struct sheet sheet = {.workbook = workbook,
                          .grid = grid,
                          .formulas = llmspell_bool(workbook->job->params, "formulas", 0),
                          .shared = json_object()};
    bool found = false;
    int32_t rc = sheet.shared ? xlsx_prepare(workbook) : job_no_memory(workbook->job);
    if (rc == 0)
        rc = part_open(&workbook->package, part, &sheet.part, &found);
    if (rc == 0 && !found)
        rc = part_wrong(&sheet.part, "is missing");
    if (rc == 0)
        rc = read_rows(&sheet);
    part_close(&sheet.part);
    json_decref(sheet.shared);
    return rc;
}
