/* SPDX-License-Identifier: Apache-2.0
 * metadata and pages: what a document says of itself, and how large its pages are. */
#include "pdf.h"

#include <math.h>

#include "../shared/file_values.h"
#include "../shared/number.h"

/* ---- boxes ---- */

struct box {
    double left, bottom, right, top;
};

/* Numbers of PDF have a point whatever the locale says; atof would not know. */
static bool read_real(qpdf_data qpdf, qpdf_oh value, double *ret_number)
{
    if (qpdf_oh_is_integer(qpdf, value)) {
        *ret_number = (double)qpdf_oh_get_int_value(qpdf, value);
        return true;
    }
    if (!qpdf_oh_is_real(qpdf, value))
        return false;
    const char *text = qpdf_oh_get_real_value(qpdf, value);
    return number_read(text, strlen(text), ret_number) && isfinite(*ret_number);
}

static bool read_box(qpdf_data qpdf, qpdf_oh page, const char *key, struct box *ret_box)
{
    double sides[4];
    qpdf_oh box = qpdf_oh_get_key(qpdf, page, key);
    if (!qpdf_oh_is_array(qpdf, box) || qpdf_oh_get_array_n_items(qpdf, box) != 4)
        return false;
    for (int i = 0; i < 4; i++)
        if (!read_real(qpdf, qpdf_oh_get_array_item(qpdf, box, i), &sides[i]))
            return false;
    *ret_box = (struct box){.left = fmin(sides[0], sides[2]),
                            .bottom = fmin(sides[1], sides[3]),
                            .right = fmax(sides[0], sides[2]),
                            .top = fmax(sides[1], sides[3])};
    return ret_box->right > ret_box->left && ret_box->top > ret_box->bottom;
}

/* What is shown of a page: the crop box within the media box, which is Letter where it is missing,
 * as readers have it. */
static struct box page_box(qpdf_data qpdf, qpdf_oh page)
{
    struct box media = {.right = 612, .top = 792}, crop;
    read_box(qpdf, page, "/MediaBox", &media);
    if (!read_box(qpdf, page, "/CropBox", &crop))
        return media;
    struct box both = {.left = fmax(media.left, crop.left),
                       .bottom = fmax(media.bottom, crop.bottom),
                       .right = fmin(media.right, crop.right),
                       .top = fmin(media.top, crop.top)};
    return both.right > both.left && both.top > both.bottom ? both : media;
}

/* In points; the noise of the subtraction is rounded away. */
static json_t *length_json(double length, double unit)
{
    return number_json(round(length * unit * 1e4) / 1e4);
}

static json_t *size_json(qpdf_data qpdf, qpdf_oh page)
{
    double unit = 1;
    struct box box = page_box(qpdf, page);
    if (!read_real(qpdf, qpdf_oh_get_key(qpdf, page, "/UserUnit"), &unit) || unit <= 0)
        unit = 1;
    return json_pack("{s:o,s:o}", "width_pt", length_json(box.right - box.left, unit), "height_pt",
                     length_json(box.top - box.bottom, unit));
}

/* ---- pages ---- */

static long long page_rotation(qpdf_data qpdf, qpdf_oh page)
{
    long long angle = 0;
    qpdf_oh value = qpdf_oh_get_key(qpdf, page, "/Rotate");
    if (!qpdf_oh_get_value_as_longlong(qpdf, value, &angle) || angle % 90 != 0)
        return 0;
    return (angle % 360 + 360) % 360;
}

static int32_t add_page(const struct document *document, size_t index, json_t *list)
{
    qpdf_data qpdf = document->qpdf;
    qpdf_oh page = qpdf_get_page_n(qpdf, index);
    json_t *size = size_json(qpdf, page);
    json_t *entry = json_pack("{s:I}", "page", (json_int_t)index + 1);
    if (json_object_update(entry, size) != 0 ||
        json_object_set_new(entry, "rotation", json_integer(page_rotation(qpdf, page))) != 0 ||
        json_array_append(list, entry) != 0) {
        json_decref(size);
        json_decref(entry);
        return job_no_memory(document->job);
    }
    json_decref(size);
    json_decref(entry);
    qpdf_oh_release_all(qpdf);
    int32_t rc = document_error(document);
    return rc < 0 ? rc : llmspell_cancelled(document->job->call);
}

int32_t pages_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document document = {0};
    CLEANUP_SELECTION struct selection selection = {0};
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = document_open(job, &document);
    if (rc == 0)
        rc = selection_read(&document, &selection);
    for (size_t i = 0; rc == 0 && i < selection.count; i++)
        rc = add_page(&document, selection.pages[i], list);
    return rc < 0 ? rc
                  : llmspell_return(job->call, ret_result,
                                    json_pack("{s:I,s:O}", "count", (json_int_t)selection.count,
                                              "pages", list));
}

/* ---- metadata ---- */

static json_t *info_json(qpdf_data qpdf, qpdf_oh info, const char *key, bool date)
{
    const char *text = NULL;
    size_t size = 0;
    if (!qpdf_oh_is_dictionary(qpdf, info))
        return json_null();
    qpdf_oh value = qpdf_oh_get_key(qpdf, info, key);
    if (!qpdf_oh_is_string(qpdf, value) || !qpdf_oh_get_value_as_utf8(qpdf, value, &text, &size) ||
        !text)
        return json_null();
    return date ? date_json(text, size) : clean_text(text, size, false);
}

/* The later of the header's and the catalog's. */
static json_t *version_json(qpdf_data qpdf)
{
    const char *version = qpdf_get_pdf_version(qpdf), *newer = NULL;
    LLMSPELL_CLEANUP_FREE char *header = version ? strdup(version) : NULL;
    size_t size = 0;
    qpdf_oh value = qpdf_oh_get_key(qpdf, qpdf_get_root(qpdf), "/Version");
    if (header && qpdf_oh_get_value_as_name(qpdf, value, &newer, &size) && size == 4 &&
        newer[0] == '/' && strcmp(newer + 1, header) > 0)
        return json_string(newer + 1);
    return header ? json_string(header) : NULL;
}

static json_t *metadata_json(const struct document *document)
{
    static const struct {
        const char *name, *key;
        bool date;
    } members[] = {{"title", "/Title", false},         {"author", "/Author", false},
                   {"subject", "/Subject", false},     {"keywords", "/Keywords", false},
                   {"creator", "/Creator", false},     {"producer", "/Producer", false},
                   {"created", "/CreationDate", true}, {"modified", "/ModDate", true}};
    qpdf_data qpdf = document->qpdf;
    qpdf_oh info = qpdf_oh_get_key(qpdf, qpdf_get_trailer(qpdf), "/Info");
    json_t *result = json_pack("{s:I,s:o}", "pages", (json_int_t)document->pages, "pdf_version",
                               version_json(qpdf));
    for (size_t i = 0; result && i < sizeof members / sizeof *members; i++)
        json_object_set_new(result, members[i].name,
                            info_json(qpdf, info, members[i].key, members[i].date));
    json_object_set_new(result, "encrypted", json_boolean(qpdf_is_encrypted(qpdf)));
    json_object_set_new(result, "linearized", json_boolean(qpdf_is_linearized(qpdf)));
    json_object_set_new(result, "page_size",
                        document->pages ? size_json(qpdf, qpdf_get_page_n(qpdf, 0)) : json_null());
    json_object_set_new(result, "bytes", json_integer((json_int_t)document->size));
    return result;
}

int32_t metadata_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document document = {0};
    int32_t rc = document_open(job, &document);
    if (rc < 0)
        return rc;
    json_t *result = metadata_json(&document);
    rc = document_error(&document);
    if (rc == 0)
        return llmspell_return(job->call, ret_result, result);
    json_decref(result);
    return rc;
}
