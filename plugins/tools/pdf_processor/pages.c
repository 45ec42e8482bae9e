/* SPDX-License-Identifier: Apache-2.0
 * merge, rotate, extract_pages: new files of pages. Pages are copied into an empty document, so
 * that nothing of the others comes along. */
#include "pdf.h"

#include "../shared/save_file.h"

static int32_t check_target(const struct job *job)
{
    return save_file_check(job->call, llmspell_string(job->params, "target_path"),
                           llmspell_bool(job->params, "overwrite", 0));
}

/* ---- merge ---- */

struct merge {
    const struct job *job;
    struct document target;
    struct document *sources; /* qpdf reads from them until the target is written */
    char (*pointers)[32];
    size_t count, bytes;
};

static void merge_clear(struct merge *merge)
{
    document_close(&merge->target);
    for (size_t i = 0; merge->sources && i < merge->count; i++)
        document_close(&merge->sources[i]);
    free(merge->sources);
    free(merge->pointers);
}

static int32_t open_source(struct merge *merge, size_t index, const json_t *path)
{
    struct document *source = &merge->sources[index];
    const char *pointer = merge->pointers[index];
    struct llmspell_call *call = merge->job->call;
    *source =
        (struct document){.job = merge->job, .path = json_string_value(path), .pointer = pointer};
    if (strlen(source->path) != json_string_length(path))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer, "%s holds a NUL character",
                                pointer);
    int32_t rc = document_read(source);
    if (rc < 0)
        return rc;
    merge->bytes += source->size;
    if (merge->bytes > FILE_MAX)
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, pointer,
                                "the files have more than the limit of %u bytes together",
                                FILE_MAX);
    rc = document_load(source);
    if (rc == 0 && source->pages > PAGES_MAX - merge->target.pages)
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, pointer,
                                "the files have more than the limit of %d pages together",
                                PAGES_MAX);
    return rc;
}

static int32_t add_source(struct merge *merge, size_t index, const json_t *path)
{
    snprintf(merge->pointers[index], sizeof merge->pointers[index], "/paths/%zu", index);
    int32_t rc = open_source(merge, index, path);
    struct document *source = &merge->sources[index];
    for (size_t i = 0; rc == 0 && i < source->pages; i++)
        rc = document_add(&merge->target, source, i);
    if (rc == 0 && index == 0)
        document_copy_info(&merge->target, source);
    merge->job->call->host->progress(merge->job->call, (double)index + 1, (double)merge->count,
                                     "merging");
    return rc;
}

int32_t merge_run(const struct job *job, json_t **ret_result)
{
    const json_t *paths = json_object_get(job->params, "paths");
    __attribute__((cleanup(merge_clear))) struct merge merge = {.job = job,
                                                                .count = json_array_size(paths)};
    int32_t rc = check_target(job);
    if (rc == 0)
        rc = document_new(job, &merge.target);
    if (rc < 0)
        return rc;
    merge.sources = calloc(merge.count, sizeof *merge.sources);
    merge.pointers = calloc(merge.count, sizeof *merge.pointers);
    if (!merge.sources || !merge.pointers)
        return job_no_memory(job);
    for (size_t i = 0; rc == 0 && i < merge.count; i++)
        rc = add_source(&merge, i, json_array_get(paths, i));
    return rc < 0 ? rc : document_save(&merge.target, ENCRYPTION_NONE, ret_result);
}

/* ---- rotate ---- */

static int32_t rotate_page(const struct document *document, size_t index)
{
    qpdf_data qpdf = document->qpdf;
    const json_t *params = document->job->params;
    long long before = 0, angle = llmspell_integer(params, "angle", 0);
    qpdf_oh page = qpdf_get_page_n(qpdf, index);
    qpdf_oh value = qpdf_oh_get_key(qpdf, page, "/Rotate");
    if (llmspell_bool(params, "relative", 1) && qpdf_oh_get_value_as_longlong(qpdf, value, &before))
        angle += before % 360 / 90 * 90 + 360;
    qpdf_oh_replace_key(qpdf, page, "/Rotate", qpdf_oh_new_integer(qpdf, angle % 360));
    qpdf_oh_release_all(qpdf);
    int32_t rc = document_error(document);
    return rc < 0 ? rc : llmspell_cancelled(document->job->call);
}

/* A page that is named twice is turned once. */
static int32_t rotate_pages(const struct document *document, const struct selection *selection)
{
    LLMSPELL_CLEANUP_FREE bool *done = calloc(document->pages + 1, sizeof *done);
    if (!done)
        return job_no_memory(document->job);
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < selection->count; i++) {
        size_t page = selection->pages[i];
        if (!done[page])
            rc = rotate_page(document, page);
        done[page] = true;
    }
    return rc;
}

int32_t rotate_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document document = {0};
    CLEANUP_SELECTION struct selection selection = {0};
    int32_t rc = document_open(job, &document);
    if (rc == 0)
        rc = selection_read(&document, &selection);
    if (rc == 0)
        rc = check_target(job);
    if (rc == 0)
        rc = rotate_pages(&document, &selection);
    return rc < 0 ? rc : document_save(&document, ENCRYPTION_KEEP, ret_result);
}

/* ---- extract_pages ---- */

int32_t extract_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document source = {
        0}; /* closed after the target, which reads from it */
    CLEANUP_DOCUMENT struct document target = {0};
    CLEANUP_SELECTION struct selection selection = {0};
    if (!llmspell_string(job->params, "target_path")) /* the old way to ask for text by page */
        return text_run(job, ret_result);
    int32_t rc = document_open(job, &source);
    if (rc == 0)
        rc = selection_read(&source, &selection);
    if (rc == 0)
        rc = check_target(job);
    if (rc == 0)
        rc = document_new(job, &target);
    for (size_t i = 0; rc == 0 && i < selection.count; i++)
        rc = document_add(&target, &source, selection.pages[i]);
    if (rc < 0)
        return rc;
    document_copy_info(&target, &source);
    return document_save(&target, ENCRYPTION_NONE, ret_result);
}
