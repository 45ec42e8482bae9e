/* SPDX-License-Identifier: Apache-2.0
 * The workbook of an XLSX file: which sheets there are and where, its strings, its formats. */
#include "sheet.h"

/* PATH relative to the folder of base: "xl/workbook.xml" + "../a/b.xml" → "a/b.xml". */
static char *resolve(const char *base, const char *path)
{
    const char *slash = strrchr(base, '/');
    size_t folder = *path == '/' || !slash ? 0 : (size_t)(slash - base) + 1;
    char *result = malloc(folder + strlen(path) + 1);
    if (!result)
        return NULL;
    memcpy(result, base, folder);
    path += *path == '/';
    while (strncmp(path, "../", 3) == 0 || strncmp(path, "./", 2) == 0) {
        bool up = path[1] == '.';
        path += up ? 3 : 2;
        while (up && folder > 0 && --folder > 0 && result[folder - 1] != '/')
            ;
    }
    memcpy(result + folder, path, strlen(path) + 1);
    return result;
}

/* "xl/workbook.xml" → "xl/_rels/workbook.xml.rels". */
static json_t *relations_name(const char *part)
{
    const char *slash = strrchr(part, '/');
    int folder = slash ? (int)(slash - part) + 1 : 0;
    return json_sprintf("%.*s_rels/%s.rels", folder, part, part + folder);
}

/* The targets of a part's relations: by id, and by the last word of their type ("/styles"). */
static int32_t read_relations(struct workbook *workbook, const char *part, json_t **ret_targets)
{
    CLEANUP_PART struct part relations = {0};
    LLMSPELL_CLEANUP_JSON json_t *name = relations_name(part), *targets = json_object();
    bool found = false;
    if (!name || !targets)
        return job_no_memory(workbook->job);
    int32_t rc = part_open(&workbook->package, json_string_value(name), &relations, &found);
    while (rc == 0 && found && (rc = part_next(&relations)) == 1) {
        rc = 0;
        if (!part_at(&relations, XML_READER_TYPE_ELEMENT, "Relationship"))
            continue;
        xmlChar *id = part_attribute(&relations, "Id"), *type = part_attribute(&relations, "Type");
        xmlChar *target = part_attribute(&relations, "Target");
        LLMSPELL_CLEANUP_FREE char *path = target ? resolve(part, (char *)target) : NULL;
        const char *kind = type ? strrchr((char *)type, '/') : NULL;
        if (path && id)
            json_object_set_new(targets, (char *)id, json_string(path));
        if (path && kind && !json_object_get(targets, kind))
            json_object_set_new(targets, kind, json_string(path));
        xmlFree(id);
        xmlFree(type);
        xmlFree(target);
    }
    if (rc < 0)
        return rc;
    *ret_targets = llmspell_steal_json(&targets);
    return 0;
}

/* ---- the list of sheets ---- */

static int32_t add_sheet(struct workbook *workbook, struct part *part, const json_t *targets)
{
    xmlChar *name = part_attribute(part, "name"), *id = part_attribute(part, "id");
    bool visible = !part_attribute_is(part, "state", "hidden") &&
                   !part_attribute_is(part, "state", "veryHidden");
    const json_t *target = id ? json_object_get(targets, (char *)id) : NULL;
    int failed = json_array_append_new(
        workbook->sheets, json_pack("{s:s,s:b,s:s}", "name", name ? (char *)name : "", "hidden",
                                    !visible, "part", target ? json_string_value(target) : ""));
    xmlFree(name);
    xmlFree(id);
    return failed ? part_wrong(part, "has a sheet that cannot be read") : 0;
}

static int32_t read_sheets(struct workbook *workbook, const char *name, const json_t *targets)
{
    CLEANUP_PART struct part part = {0};
    bool found = false;
    int32_t rc = part_open(&workbook->package, name, &part, &found);
    if (rc == 0 && !found)
        return llmspell_fail_at(workbook->job->call, LLMSPELL_EPARSE, "/path",
                                "%s is not an XLSX file: it has no %s",
                                llmspell_string(workbook->job->params, "path"), name);
    while (rc == 0 && (rc = part_next(&part)) == 1) {
        rc = 0;
        if (part_at(&part, XML_READER_TYPE_ELEMENT, "workbookPr"))
            workbook->since_1904 = part_attribute_is(&part, "date1904", "1") ||
                                   part_attribute_is(&part, "date1904", "true");
        if (part_at(&part, XML_READER_TYPE_ELEMENT, "sheet"))
            rc = add_sheet(workbook, &part, targets);
    }
    return rc;
}

static char *copy_target(const json_t *targets, const char *kind)
{
    const char *target = llmspell_string(targets, kind);
    return target ? strdup(target) : NULL;
}

int32_t xlsx_open(struct workbook *workbook, const char *part)
{
    LLMSPELL_CLEANUP_JSON json_t *targets = NULL;
    workbook->format = "xlsx";
    int32_t rc = read_relations(workbook, part, &targets);
    if (rc == 0)
        rc = read_sheets(workbook, part, targets);
    if (rc < 0)
        return rc;
    workbook->strings_part = copy_target(targets, "/sharedStrings");
    workbook->styles_part = copy_target(targets, "/styles");
    return 0;
}

/* ---- strings ---- */

static int32_t load_strings(struct workbook *workbook)
{
    CLEANUP_PART struct part part = {0};
    bool found = false;
    if (!workbook->strings_part)
        return 0;
    int32_t rc = part_open(&workbook->package, workbook->strings_part, &part, &found);
    while (rc == 0 && found && (rc = part_next(&part)) == 1) {
        CLEANUP_BUFFER struct byte_buffer text = {0};
        rc = 0;
        if (!part_at(&part, XML_READER_TYPE_ELEMENT, "si"))
            continue;
        rc = rich_text(&part, "si", &text);
        decode_escapes(&text);
        if (rc == 0 && json_array_append_new(workbook->strings, buffer_json(&text)) != 0)
            rc = job_no_memory(workbook->job);
    }
    return rc;
}

/* ---- styles ---- */

static int32_t add_format(struct part *part, json_t *codes)
{
    char id[24];
    xmlChar *code = part_attribute(part, "formatCode");
    snprintf(id, sizeof id, "%ld", part_attribute_number(part, "numFmtId", -1));
    json_object_set_new(codes, id, json_string(code ? (char *)code : ""));
    xmlFree(code);
    return 0;
}

static int32_t add_style(struct workbook *workbook, struct part *part, const json_t *codes)
{
    char key[24];
    long id = part_attribute_number(part, "numFmtId", 0);
    snprintf(key, sizeof key, "%ld", id);
    const char *code = llmspell_string(codes, key);
    enum format_kind kind = code ? format_kind(code) : format_kind_builtin(id);
    return json_array_append_new(workbook->kinds, json_integer(kind)) == 0
               ? 0
               : job_no_memory(workbook->job);
}

static int32_t load_styles(struct workbook *workbook)
{
    CLEANUP_PART struct part part = {0};
    LLMSPELL_CLEANUP_JSON json_t *codes = json_object();
    bool found = false, cells = false;
    if (!workbook->styles_part)
        return 0;
    int32_t rc = part_open(&workbook->package, workbook->styles_part, &part, &found);
    while (rc == 0 && found && (rc = part_next(&part)) == 1) {
        rc = 0;
        if (part_at(&part, XML_READER_TYPE_ELEMENT, "numFmt"))
            rc = add_format(&part, codes);
        else if (part_at(&part, XML_READER_TYPE_ELEMENT, "cellXfs"))
            cells = true;
        else if (part_at(&part, XML_READER_TYPE_END_ELEMENT, "cellXfs"))
            cells = false;
        else if (cells && part_at(&part, XML_READER_TYPE_ELEMENT, "xf"))
            rc = add_style(workbook, &part, codes);
    }
    return rc;
}

int32_t xlsx_prepare(struct workbook *workbook)
{
    if (workbook->strings)
        return 0;
    workbook->strings = json_array();
    workbook->kinds = json_array();
    int32_t rc = workbook->strings && workbook->kinds ? load_strings(workbook)
                                                      : job_no_memory(workbook->job);
    return rc < 0 ? rc : load_styles(workbook);
}
