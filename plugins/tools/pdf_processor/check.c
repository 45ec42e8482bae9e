/* SPDX-License-Identifier: Apache-2.0
 * check: is the file sound? Errors are what a reader must guess around: a broken cross-reference
 * table, page tree, or content of a page. What qpdf could mend by itself are warnings. */
#include "pdf.h"

#include "../shared/file_values.h"

#define LIST_MAX 100

struct report {
    struct document document;
    json_t *errors, *warnings;
};

static void report_clear(struct report *report)
{
    document_close(&report->document);
    json_decref(report->errors);
    json_decref(report->warnings);
}

static void add_text(json_t *list, const char *prefix, const char *text)
{
    char line[640];
    snprintf(line, sizeof line, "%s%s", prefix, text);
    if (json_array_size(list) < LIST_MAX)
        json_array_append_new(list, clean_text(line, strlen(line), true));
}

/* Returns 0, or the code of an error that ends the call. */
static int32_t add_problem(struct report *report, const char *prefix, const struct problem *problem)
{
    if (problem->code == qpdf_e_password || strstr(problem->text, "bad_alloc"))
        return document_fail(&report->document, problem);
    add_text(report->errors, prefix, problem->text);
    return 0;
}

/* The same with the error that qpdf has. */
static int32_t take_error(struct report *report, const char *prefix)
{
    struct problem problem;
    return document_problem(&report->document, &problem) ? add_problem(report, prefix, &problem)
                                                         : 0;
}

/* Contents are decoded one page at a time. */
static int32_t check_page(struct report *report, size_t index)
{
    char prefix[32];
    unsigned char *content = NULL;
    size_t size = 0;
    qpdf_data qpdf = report->document.qpdf;
    snprintf(prefix, sizeof prefix, "page %zu: ", index + 1);
    qpdf_oh page = qpdf_get_page_n(qpdf, index);
    qpdf_oh_get_page_content_data(qpdf, page, &content, &size);
    free(content);
    qpdf_oh_release_all(qpdf);
    int32_t rc = take_error(report, prefix);
    return rc < 0 ? rc : llmspell_cancelled(report->document.job->call);
}

static int32_t check_pages(struct report *report)
{
    struct document *document = &report->document;
    bool any = false;
    int32_t rc = document_check_tree(document, &any);
    if (rc < 0)
        return rc;
    if (!any) {
        add_text(report->errors, "", "it has no page tree");
        return take_error(report, "");
    }
    int pages = qpdf_get_num_pages(document->qpdf);
    if (pages < 0)
        return take_error(report, "pages: ");
    if (pages > PAGES_MAX)
        return document_finish(document); /* says so */
    document->pages = (size_t)pages;
    for (size_t i = 0; rc == 0 && i < document->pages; i++) {
        document->job->call->host->progress(document->job->call, (double)i, pages, "checking");
        rc = check_page(report, i);
    }
    if (rc < 0)
        return rc;
    qpdf_check_pdf(document->qpdf); /* reads every object and decodes every stream */
    return take_error(report, "");
}

static int32_t take_warnings(struct report *report)
{
    qpdf_data qpdf = report->document.qpdf;
    while (qpdf_more_warnings(qpdf)) {
        qpdf_error warning = qpdf_next_warning(qpdf);
        char place[64] = "";
        const char *text = qpdf_get_error_message_detail(qpdf, warning);
        if (strstr(text, "bad_alloc"))
            return job_no_memory(report->document.job);
        unsigned long long offset = qpdf_get_error_file_position(qpdf, warning);
        if (offset > 0)
            snprintf(place, sizeof place, "offset %llu: ", offset);
        add_text(report->warnings, place, text);
    }
    return 0;
}

/* First as it stands; if that fails, with what can be recovered, to see more. */
static int32_t check_document(struct report *report)
{
    struct problem problem;
    struct document *document = &report->document;
    if (!document_parse(document, false, &problem)) {
        int32_t rc = add_problem(report, "", &problem);
        if (rc < 0)
            return rc;
        if (!document_parse(document, true, &problem))
            return add_problem(report, "", &problem);
    }
    int32_t rc = check_pages(report);
    return rc < 0 ? rc : take_warnings(report);
}

int32_t check_run(const struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(report_clear))) struct report report = {
        .document = {.job = job, .path = llmspell_string(job->params, "path"), .pointer = "/path"},
        .errors = json_array(),
        .warnings = json_array()};
    int32_t rc = document_read(&report.document);
    if (rc < 0)
        return rc;
    if (!document_is_pdf(&report.document))
        add_text(report.errors, "", "not a PDF file: it has no %PDF- header");
    else
        rc = check_document(&report);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:b,s:O,s:O}", "valid", json_array_size(report.errors) == 0,
                                     "errors", report.errors, "warnings", report.warnings));
}
