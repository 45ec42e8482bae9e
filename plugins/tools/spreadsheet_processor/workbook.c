/* SPDX-License-Identifier: Apache-2.0
 * A file of either format: which it is, its sheets, its properties. */
#include "../shared/civil.h"
#include "sheet.h"

static int32_t not_a_workbook(struct job *job)
{
    return llmspell_fail_at(job->call, LLMSPELL_EPARSE, "/path",
                            "%s is an archive, but not an XLSX or ODS file",
                            llmspell_string(job->params, "path"));
}

/* The part that the package says is its document; "" if it is no OPC package. */
static int32_t find_document(struct package *package, char *name, size_t size)
{
    CLEANUP_PART struct part part = {0};
    bool found = false;
    name[0] = '\0';
    int32_t rc = part_open(package, "_rels/.rels", &part, &found);
    while (rc == 0 && found && (rc = part_next(&part)) == 1) {
        rc = 0;
        if (!part_at(&part, XML_READER_TYPE_ELEMENT, "Relationship"))
            continue;
        xmlChar *type = part_attribute(&part, "Type"), *target = part_attribute(&part, "Target");
        const char *kind = type ? strrchr((char *)type, '/') : NULL;
        if (kind && target && strcmp(kind, "/officeDocument") == 0)
            snprintf(name, size, "%s", (char *)target + (target[0] == '/'));
        xmlFree(type);
        xmlFree(target);
    }
    return rc;
}

static int32_t open_either(struct workbook *workbook)
{
    char document[256];
    int32_t rc = find_document(&workbook->package, document, sizeof document);
    if (rc < 0)
        return rc;
    if (document[0])
        return xlsx_open(workbook, document);
    CLEANUP_PART struct part part = {0};
    bool found = false;
    rc = part_open(&workbook->package, "content.xml", &part, &found);
    if (rc == 0 && !found)
        rc = not_a_workbook(workbook->job);
    return rc < 0 ? rc : ods_open(workbook);
}

int32_t book_open(struct job *job, struct workbook *ret_workbook)
{
    *ret_workbook = (struct workbook){.job = job, .package = {.fd = -1}, .sheets = json_array()};
    if (!ret_workbook->sheets)
        return job_no_memory(job);
    int32_t rc = package_open(job, &ret_workbook->package);
    if (rc == 0)
        rc = open_either(ret_workbook);
    if (rc == 0 && json_array_size(ret_workbook->sheets) == 0)
        rc = not_a_workbook(job);
    return rc;
}

void book_close(struct workbook *workbook)
{
    package_close(&workbook->package);
    json_decref(workbook->sheets);
    json_decref(workbook->strings);
    json_decref(workbook->kinds);
    free(workbook->strings_part);
    free(workbook->styles_part);
}

int32_t book_read(struct workbook *workbook, size_t sheet, struct grid *grid)
{
    const char *part = llmspell_string(json_array_get(workbook->sheets, sheet), "part");
    grid->kept = json_array();
    if (!grid->kept)
        return job_no_memory(workbook->job);
    return part ? xlsx_read(workbook, part, grid) : ods_read(workbook, sheet, grid);
}

/* ---- properties ---- */

static const struct property {
    const char *name, *xlsx, *ods;
    bool time;
} properties[] = {{"title", "title", "title", false},
                  {"creator", "creator", "initial-creator", false},
                  {"created", "created", "creation-date", true},
                  {"modified", "modified", "date", true}};

/* RFC 3339 with milliseconds only if there are some, as all times; without a zone if the file gives
 * none. What is no time, or a date only, stays as it is. */
static json_t *time_json(const struct byte_buffer *text)
{
    struct civil_time time;
    char shown[CIVIL_TEXT];
    if (text->size <= sizeof "YYYY-MM-DD" - 1 || civil_read(text->data, text->size, &time) ||
        !civil_write(time.seconds, time.milliseconds, time.offset, shown))
        return buffer_json(text);
    if (!time.has_offset)
        shown[strlen(shown) - 1] = '\0';
    return json_string(shown);
}

static int32_t note_property(struct part *part, bool ods, json_t *object)
{
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        const char *element = ods ? properties[i].ods : properties[i].xlsx;
        CLEANUP_BUFFER struct byte_buffer text = {0};
        if (!part_at(part, XML_READER_TYPE_ELEMENT, element))
            continue;
        int32_t rc = part_text(part, &text);
        if (rc == 0 && text.size > 0)
            json_object_set_new(object, properties[i].name,
                                properties[i].time ? time_json(&text) : buffer_json(&text));
        return rc;
    }
    return 0;
}

int32_t book_properties(struct workbook *workbook, json_t **ret_properties)
{
    CLEANUP_PART struct part part = {0};
    bool ods = strcmp(workbook->format, "ods") == 0, found = false;
    LLMSPELL_CLEANUP_JSON json_t *object =
        json_pack("{s:n,s:n,s:n,s:n}", "title", "creator", "created", "modified");
    if (!object)
        return job_no_memory(workbook->job);
    int32_t rc =
        part_open(&workbook->package, ods ? "meta.xml" : "docProps/core.xml", &part, &found);
    while (rc == 0 && found && (rc = part_next(&part)) == 1)
        rc = note_property(&part, ods, object);
    if (rc == 0)
        *ret_properties = llmspell_steal_json(&object);
    return rc;
}
