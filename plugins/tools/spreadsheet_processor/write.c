/* SPDX-License-Identifier: Apache-2.0
 * write: an XLSX file from rows, part by part. Texts stand in their cells (inline strings), so that
 * no list of them has to be held. */
#include "writer.h"

#include <strings.h>

#include "../shared/save_file.h"

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/"
#define TYPE "application/vnd.openxmlformats-officedocument.spreadsheetml."
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n"
#define FIRST_FORMAT 164 /* ids below are built in */

static void writer_clear(struct writer *writer)
{
    json_decref(writer->codes);
    free(writer->columns);
    buffer_clear(&writer->sheet);
}

/* ---- names ---- */

static int32_t bad_name(const struct writer *writer, size_t index, const char *why)
{
    char pointer[48];
    snprintf(pointer, sizeof pointer, "/sheets/%zu/name", index);
    return llmspell_fail_at(writer->job->call, LLMSPELL_EINVAL, pointer, "the name of sheet %zu %s",
                            index, why);
}

/* What the schema cannot say about names. */
static int32_t check_names(const struct writer *writer, const json_t *sheets)
{
    size_t i;
    json_t *sheet;
    json_array_foreach(sheets, i, sheet)
    {
        const char *name = llmspell_string(sheet, "name");
        size_t size = llmspell_string_length(sheet, "name");
        if (strlen(name) != size)
            return bad_name(writer, i, "holds U+0000");
        if (name[0] == '\'' || name[size - 1] == '\'')
            return bad_name(writer, i, "begins or ends with an apostrophe");
        for (const char *c = name; *c; c++)
            if ((unsigned char)*c < 0x20)
                return bad_name(writer, i, "holds a control character");
        for (size_t k = 0; k < i; k++)
            if (strcasecmp(name, llmspell_string(json_array_get(sheets, k), "name")) == 0)
                return bad_name(writer, i, "is taken; upper and lower case are the same");
    }
    return 0;
}

/* ---- sheets ---- */

/* The style that shows a number format, made on first use; 0: out of memory. */
static uint32_t style_of(struct writer *writer, const char *code)
{
    const json_t *known = json_object_get(writer->codes, code);
    json_int_t style = known ? json_integer_value(known)
                             : STYLE_FIRST + (json_int_t)json_object_size(writer->codes);
    if (!known && json_object_set_new(writer->codes, code, json_integer(style)) != 0)
        return 0;
    return (uint32_t)style;
}

static int32_t set_up_formats(struct writer *writer, const json_t *sheet)
{
    const char *letters;
    json_t *value;
    memset(writer->columns, 0, COLUMNS_MAX * sizeof *writer->columns);
    json_object_foreach(json_object_get(sheet, "formats"), letters, value)
    {
        const char *at = letters, *code = json_string_value(value);
        enum format_kind kind = format_kind(code);
        char pointer[80];
        uint32_t column = 0;
        bool plain = strlen(letters) <= 20 && !strpbrk(letters, "/~");
        snprintf(pointer, sizeof pointer, "/sheets/%zu/formats%s%s", writer->index,
                 plain ? "/" : "", plain ? letters : "");
        if (!read_column(&at, &column) || *at)
            return llmspell_fail_at(writer->job->call, LLMSPELL_EINVAL, pointer,
                                    "\"%.20s\" is not a column; name one from A to XFD", letters);
        writer->columns[column] =
            (struct column){style_of(writer, code), kind == FORMAT_DATE || kind == FORMAT_DATETIME};
        if (!writer->columns[column].style)
            return job_no_memory(writer->job);
    }
    return 0;
}

/* <cols>: widths, and formats for the cells that are still empty. */
static void put_columns(struct writer *writer, const json_t *sheet)
{
    const json_t *widths = json_object_get(sheet, "column_widths");
    char number[REAL_TEXT_SIZE];
    bool any = false;
    for (size_t i = 0; i < COLUMNS_MAX; i++) {
        uint32_t style = writer->columns[i].style;
        if (i >= json_array_size(widths) && !style)
            continue;
        double width = i < json_array_size(widths) ? json_number_value(json_array_get(widths, i))
                                                   : 9.140625; /* as if nothing were said */
        number_text(width, number);
        buffer_printf(&writer->sheet, "%s<col min=\"%zu\" max=\"%zu\" width=\"%s\"",
                      any ? "" : "<cols>", i + 1, i + 1, number);
        if (style)
            buffer_printf(&writer->sheet, " style=\"%u\"", style);
        buffer_puts(&writer->sheet, i < json_array_size(widths) ? " customWidth=\"1\"/>" : "/>");
        any = true;
    }
    if (any)
        buffer_puts(&writer->sheet, "</cols>");
}

/* *ret_entry: {name, rows, columns} of the result. */
static int32_t put_sheet(struct writer *writer, const json_t *sheet, json_t **ret_entry)
{
    const json_t *rows = json_object_get(sheet, "rows");
    bool header = llmspell_bool(sheet, "header", 0);
    size_t i, columns = 0;
    json_t *row;
    int32_t rc = set_up_formats(writer, sheet);
    if (rc < 0)
        return rc;
    buffer_puts(&writer->sheet, HEAD "<worksheet xmlns=\"" MAIN "\">");
    put_columns(writer, sheet);
    buffer_puts(&writer->sheet, "<sheetData>");
    json_array_foreach(rows, i, row)
    {
        rc = put_row(writer, i, row, header && i == 0);
        if (rc < 0)
            return rc;
        columns = json_array_size(row) > columns ? json_array_size(row) : columns;
    }
    buffer_puts(&writer->sheet, "</sheetData></worksheet>");
    *ret_entry = json_pack("{s:s,s:I,s:I}", "name", llmspell_string(sheet, "name"), "rows",
                           (json_int_t)json_array_size(rows), "columns", (json_int_t)columns);
    return *ret_entry && !writer->sheet.failed ? 0 : job_no_memory(writer->job);
}

static int32_t put_sheets(struct writer *writer, const json_t *sheets, struct zip *zip,
                          json_t *list)
{
    json_t *sheet;
    json_array_foreach(sheets, writer->index, sheet)
    {
        char name[64];
        json_t *entry = NULL;
        int32_t rc = put_sheet(writer, sheet, &entry);
        if (rc < 0)
            return rc;
        snprintf(name, sizeof name, "xl/worksheets/sheet%zu.xml", writer->index + 1);
        bool ok = zip_add(zip, name, &writer->sheet);
        buffer_clear(&writer->sheet);
        if (json_array_append_new(list, entry) != 0 || !ok)
            return job_no_memory(writer->job);
    }
    return 0;
}

/* ---- the other parts ---- */

static bool add_types(struct zip *zip, size_t count)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    buffer_puts(&text, HEAD
                "<Types xmlns=\"" PACKAGE "content-types\">"
                "<Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-"
                "package.relationships+xml\"/>"
                "<Default Extension=\"xml\" ContentType=\"application/xml\"/>"
                "<Override PartName=\"/xl/workbook.xml\" ContentType=\"" TYPE "sheet.main+xml\"/>"
                "<Override PartName=\"/xl/styles.xml\" ContentType=\"" TYPE "styles+xml\"/>");
    for (size_t i = 1; i <= count; i++)
        buffer_printf(&text,
                      "<Override PartName=\"/xl/worksheets/sheet%zu.xml\" ContentType=\"" TYPE
                      "worksheet+xml\"/>",
                      i);
    buffer_puts(&text, "</Types>");
    return zip_add(zip, "[Content_Types].xml", &text);
}

static bool add_root(struct zip *zip)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    buffer_puts(&text, HEAD "<Relationships xmlns=\"" PACKAGE "relationships\"><Relationship "
                            "Id=\"rId1\" Type=\"" OFFICE "/officeDocument\" "
                            "Target=\"xl/workbook.xml\"/></Relationships>");
    return zip_add(zip, "_rels/.rels", &text);
}

static bool add_relations(struct zip *zip, size_t count)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    buffer_puts(&text, HEAD "<Relationships xmlns=\"" PACKAGE "relationships\">");
    for (size_t i = 1; i <= count; i++)
        buffer_printf(&text,
                      "<Relationship Id=\"rId%zu\" Type=\"" OFFICE "/worksheet\" "
                      "Target=\"worksheets/sheet%zu.xml\"/>",
                      i, i);
    buffer_printf(&text,
                  "<Relationship Id=\"rId%zu\" Type=\"" OFFICE "/styles\" Target=\"styles.xml\"/>"
                  "</Relationships>",
                  count + 1);
    return zip_add(zip, "xl/_rels/workbook.xml.rels", &text);
}

static bool add_workbook(const struct writer *writer, struct zip *zip, const json_t *sheets)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    size_t i;
    json_t *sheet;
    buffer_puts(&text, HEAD "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" OFFICE "\"><sheets>");
    json_array_foreach(sheets, i, sheet)
    {
        buffer_puts(&text, "<sheet name=\"");
        put_escaped(&text, llmspell_string(sheet, "name"));
        buffer_printf(&text, "\" sheetId=\"%zu\" r:id=\"rId%zu\"/>", i + 1, i + 1);
    }
    buffer_puts(&text, "</sheets>");
    if (writer->any_formula)
        buffer_puts(&text, "<calcPr fullCalcOnLoad=\"1\"/>");
    buffer_puts(&text, "</workbook>");
    return zip_add(zip, "xl/workbook.xml", &text);
}

static bool add_styles(const struct writer *writer, struct zip *zip)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    size_t count = json_object_size(writer->codes), id = FIRST_FORMAT;
    const char *code;
    json_t *style;
    buffer_puts(&text, HEAD "<styleSheet xmlns=\"" MAIN "\">");
    if (count)
        buffer_printf(&text, "<numFmts count=\"%zu\">", count);
    json_object_foreach(writer->codes, code, style)
    {
        buffer_printf(&text, "<numFmt numFmtId=\"%zu\" formatCode=\"", id++);
        put_escaped(&text, code);
        buffer_puts(&text, "\"/>");
    }
    if (count)
        buffer_puts(&text, "</numFmts>");
    buffer_puts(&text,
                "<fonts count=\"2\"><font><sz val=\"11\"/><name val=\"Calibri\"/></font>"
                "<font><b/><sz val=\"11\"/><name val=\"Calibri\"/></font></fonts>"
                "<fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>"
                "<fill><patternFill patternType=\"gray125\"/></fill></fills>"
                "<borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border>"
                "</borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs>");
    buffer_printf(&text, "<cellXfs count=\"%zu\"><xf/><xf fontId=\"1\" applyFont=\"1\"/>",
                  count + STYLE_FIRST);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&text, "<xf numFmtId=\"%zu\" applyNumberFormat=\"1\"/>", FIRST_FORMAT + i);
    buffer_puts(&text, "</cellXfs><cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" "
                       "builtinId=\"0\"/></cellStyles></styleSheet>");
    return zip_add(zip, "xl/styles.xml", &text);
}

/* ---- the file ---- */

static int32_t build(struct writer *writer, const json_t *sheets, struct zip *zip, json_t *list)
{
    size_t count = json_array_size(sheets);
    if (!zip_open(zip) || !add_types(zip, count) || !add_root(zip) || !add_relations(zip, count))
        return job_no_memory(writer->job);
    int32_t rc = put_sheets(writer, sheets, zip, list);
    if (rc < 0)
        return rc;
    if (!add_workbook(writer, zip, sheets) || !add_styles(writer, zip) || !zip_finish(zip))
        return job_no_memory(writer->job);
    return 0;
}

int32_t write_run(struct job *job, json_t **ret_result)
{
    const char *path = llmspell_string(job->params, "target_path");
    const json_t *sheets = json_object_get(job->params, "sheets");
    bool overwrite = llmspell_bool(job->params, "overwrite", 0);
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    __attribute__((cleanup(zip_clear))) struct zip zip = {0};
    __attribute__((cleanup(writer_clear))) struct writer writer = {
        .job = job,
        .formulas = llmspell_bool(job->params, "formulas", 0),
        .codes = json_object(),
        .columns = calloc(COLUMNS_MAX, sizeof *writer.columns)};
    int32_t rc =
        list && writer.codes && writer.columns ? check_names(&writer, sheets) : job_no_memory(job);
    if (rc == 0)
        rc = save_file_check(job->call, path, overwrite);
    if (rc == 0)
        rc = build(&writer, sheets, &zip, list);
    if (rc == 0)
        rc = save_file(job->call, path, overwrite, zip.data.data, zip.data.size);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:I,s:O}", "path", path, "bytes",
                                     (json_int_t)zip.data.size, "sheets", list));
}
