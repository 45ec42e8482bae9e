/* SPDX-License-Identifier: Apache-2.0
 * The tables of an ODS file: their names, how large they are, and which are hidden. */
#include "sheet.h"

/* A style of the family table with table:display="false" hides its tables. The reader stands on
 * style:style. */
static int32_t note_style(struct part *part, xmlChar **style)
{
    if (part_at(part, XML_READER_TYPE_ELEMENT, "style")) {
        xmlFree(*style);
        *style = part_attribute(part, "name");
    }
    return 0;
}

/* Measured at once: going through the part for each table would take long with many. */
static int32_t add_table(struct workbook *workbook, struct part *part, const json_t *hidden)
{
    xmlChar *name = part_attribute(part, "name"), *style = part_attribute(part, "style-name");
    bool is_hidden = style && json_object_get(hidden, (char *)style);
    struct grid grid = {.job = workbook->job};
    int32_t rc = ods_measure(workbook->job, part, &grid);
    int failed = json_array_append_new(
        workbook->sheets,
        json_pack("{s:s,s:b,s:I,s:I}", "name", name ? (char *)name : "", "hidden", is_hidden,
                  "rows", (json_int_t)grid.rows, "columns", (json_int_t)grid.columns));
    xmlFree(name);
    xmlFree(style);
    return rc < 0 ? rc : failed ? part_wrong(part, "has a table that cannot be read") : 0;
}

static int32_t read_tables(struct workbook *workbook, struct part *part, json_t *hidden)
{
    xmlChar *style = NULL;
    int32_t rc = 0;
    while (rc == 0 && (rc = part_next(part)) == 1) {
        rc = note_style(part, &style);
        if (part_at(part, XML_READER_TYPE_ELEMENT, "table-properties") && style &&
            part_attribute_is(part, "display", "false"))
            json_object_set_new(hidden, (char *)style, json_true());
        /* Tables within tables are no sheets: their depth is office:spreadsheet's plus 1. */
        if (part_at(part, XML_READER_TYPE_ELEMENT, "table") &&
            xmlTextReaderDepth(part->reader) == TABLE_DEPTH)
            rc = add_table(workbook, part, hidden);
    }
    xmlFree(style);
    return rc;
}

int32_t ods_open(struct workbook *workbook)
{
    CLEANUP_PART struct part part = {0};
    LLMSPELL_CLEANUP_JSON json_t *hidden = json_object();
    bool found = false;
    workbook->format = "ods";
    int32_t rc = hidden ? part_open(&workbook->package, "content.xml", &part, &found)
                        : job_no_memory(workbook->job);
    if (rc == 0 && !found)
        rc = part_wrong(&part, "is missing");
    return rc < 0 ? rc : read_tables(workbook, &part, hidden);
}
