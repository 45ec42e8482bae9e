/* SPDX-License-Identifier: Apache-2.0
 * A PDF file in memory, read and written by qpdf's C API. Its functions that return no code keep
 * their error: document_error asks for it. */
#include "pdf.h"

#include <llmspell/fs.h>

#include "../shared/save_file.h"

#define HEADER_WITHIN 1024 /* bytes in front of the header that readers skip */

void document_close(struct document *document)
{
    struct problem problem;
    if (document->qpdf) {
        document_problem(document, &problem); /* else qpdf prints it */
        qpdf_cleanup(&document->qpdf);
    }
    free(document->bytes);
    *document = (struct document){0};
}

/* ---- errors ---- */

bool document_problem(const struct document *document, struct problem *ret_problem)
{
    qpdf_data qpdf = document->qpdf;
    if (!qpdf_has_error(qpdf))
        return false;
    qpdf_error error = qpdf_get_error(qpdf);
    ret_problem->code = qpdf_get_error_code(qpdf, error);
    ret_problem->offset = qpdf_get_error_file_position(qpdf, error);
    snprintf(ret_problem->text, sizeof ret_problem->text, "%s",
             qpdf_get_error_message_detail(qpdf, error));
    return true;
}

static int32_t fail_password(const struct document *document)
{
    const struct job *job = document->job;
    return llmspell_fail_at(job->call, LLMSPELL_EFAILED, job->password_pointer,
                            job->password ? "the password does not open %s"
                                          : "%s is encrypted: give its password",
                            document->path);
}

int32_t document_fail(const struct document *document, const struct problem *problem)
{
    struct llmspell_call *call = document->job->call;
    const char *path = document->path, *text = problem->text;
    if (strstr(text, "bad_alloc"))
        return job_no_memory(document->job);
    switch (problem->code) {
    case qpdf_e_password:
        return fail_password(document);
    case qpdf_e_unsupported:
        return llmspell_fail_at(call, LLMSPELL_EFAILED, document->pointer,
                                "%s needs what qpdf does not support: %.300s", path, text);
    case qpdf_e_damaged_pdf:
    case qpdf_e_pages:
    case qpdf_e_object:
        return llmspell_fail_at(call, LLMSPELL_EPARSE, document->pointer,
                                "%s is damaged: %.300s (offset %llu)", path, text, problem->offset);
    default:
        return llmspell_fail_at(call, LLMSPELL_EFAILED, document->pointer, "%s: %.300s", path,
                                text);
    }
}

int32_t document_error(const struct document *document)
{
    struct problem problem;
    return document_problem(document, &problem) ? document_fail(document, &problem) : 0;
}

/* ---- reading ---- */

int32_t document_read(struct document *document)
{
    return llmspell_fs_read(document->job->call, document->path, document->pointer, FILE_MAX,
                            &document->bytes, &document->size);
}

bool document_is_pdf(const struct document *document)
{
    size_t head = document->size < HEADER_WITHIN ? document->size : HEADER_WITHIN;
    return memmem(document->bytes, head, "%PDF-", 5) != NULL;
}

static bool parse_with(struct document *document, bool recover, const char *password,
                       struct problem *ret_problem)
{
    if (document->qpdf)
        qpdf_cleanup(&document->qpdf);
    document->qpdf = qpdf_init();
    qpdf_set_suppress_warnings(document->qpdf, QPDF_TRUE);
    qpdf_silence_errors(document->qpdf);
    qpdf_set_attempt_recovery(document->qpdf, recover);
    qpdf_read_memory(document->qpdf, document->path, document->bytes, document->size, password);
    return !document_problem(document, ret_problem);
}

bool document_parse(struct document *document, bool recover, struct problem *ret_problem)
{
    const char *password = document->job->password;
    bool good = parse_with(document, recover, password, ret_problem);
    char *latin1 = !good && password && ret_problem->code == qpdf_e_password
                       ? password_latin1(password)
                       : NULL;
    if (latin1) {
        good = parse_with(document, recover, latin1, ret_problem);
        explicit_bzero(latin1, strlen(latin1));
        free(latin1);
    }
    return good;
}

int32_t document_finish(struct document *document)
{
    bool any = false;
    int32_t rc = document_check_tree(document, &any);
    if (rc < 0)
        return rc;
    if (!any)
        return llmspell_fail_at(document->job->call, LLMSPELL_EPARSE, document->pointer,
                                "%s is damaged: it has no page tree", document->path);
    int pages = qpdf_get_num_pages(document->qpdf);
    if (pages < 0)
        return document_error(document);
    if (pages > PAGES_MAX)
        return llmspell_fail_at(document->job->call, LLMSPELL_ELIMIT, document->pointer,
                                "%s has %d pages, more than the limit of %d", document->path, pages,
                                PAGES_MAX);
    document->pages = (size_t)pages;
    qpdf_push_inherited_attributes_to_page(document->qpdf);
    return document_error(document);
}

int32_t document_load(struct document *document)
{
    struct problem problem;
    if (!document_is_pdf(document))
        return llmspell_fail_at(document->job->call, LLMSPELL_EPARSE, document->pointer,
                                "%s is not a PDF file: it has no %%PDF- header", document->path);
    if (document_parse(document, true, &problem))
        return document_finish(document);
    document->locked = problem.code == qpdf_e_password;
    return document_fail(document, &problem);
}

int32_t document_open(const struct job *job, struct document *ret_document)
{
    *ret_document = (struct document){
        .job = job, .path = llmspell_string(job->params, "path"), .pointer = "/path"};
    int32_t rc = document_read(ret_document);
    return rc < 0 ? rc : document_load(ret_document);
}

int32_t document_new(const struct job *job, struct document *ret_document)
{
    *ret_document = (struct document){
        .job = job, .path = llmspell_string(job->params, "target_path"), .pointer = "/target_path"};
    ret_document->qpdf = qpdf_init();
    qpdf_set_suppress_warnings(ret_document->qpdf, QPDF_TRUE);
    qpdf_silence_errors(ret_document->qpdf);
    qpdf_empty_pdf(ret_document->qpdf);
    return document_error(ret_document);
}

/* ---- changing ---- */

static void take_version(struct document *document, const struct document *source)
{
    const char *version = qpdf_get_pdf_version(source->qpdf);
    if (version && strcmp(version, document->version) > 0)
        snprintf(document->version, sizeof document->version, "%s", version);
}

int32_t document_add(struct document *document, const struct document *source, size_t page)
{
    qpdf_oh handle = qpdf_get_page_n(source->qpdf, page);
    int32_t rc = document_error(source);
    if (rc < 0)
        return rc;
    qpdf_add_page(document->qpdf, source->qpdf, handle, QPDF_FALSE);
    qpdf_oh_release(source->qpdf, handle);
    rc = document_error(document);
    if (rc < 0)
        return rc;
    take_version(document, source);
    document->pages++;
    return llmspell_cancelled(document->job->call);
}

void document_copy_info(struct document *document, const struct document *source)
{
    qpdf_oh trailer = qpdf_get_trailer(source->qpdf);
    qpdf_oh info = qpdf_oh_get_key(source->qpdf, trailer, "/Info");
    if (!qpdf_oh_is_dictionary(source->qpdf, info) || !qpdf_oh_is_indirect(source->qpdf, info))
        return;
    qpdf_oh copy = qpdf_oh_copy_foreign_object(document->qpdf, source->qpdf, info);
    qpdf_oh_replace_key(document->qpdf, qpdf_get_trailer(document->qpdf), "/Info", copy);
}

/* ---- writing ---- */

static void on_progress(int percent, void *context)
{
    const struct job *job = context;
    job->call->host->progress(job->call, percent, 100, "writing");
}

static void set_encryption(const struct document *document, enum encryption encryption)
{
    const char *password = document->job->password;
    bool plain = encryption == ENCRYPTION_NONE ||
                 (encryption == ENCRYPTION_KEEP && !qpdf_is_encrypted(document->qpdf));
    if (plain) {
        qpdf_set_preserve_encryption(document->qpdf, QPDF_FALSE);
        qpdf_set_deterministic_ID(document->qpdf, QPDF_TRUE); /* the same input, the same file */
    } else if (encryption == ENCRYPTION_NEW) {
        qpdf_set_r6_encryption_parameters2(document->qpdf, password, password, QPDF_TRUE, QPDF_TRUE,
                                           QPDF_TRUE, QPDF_TRUE, QPDF_TRUE, QPDF_TRUE,
                                           qpdf_r3p_full, QPDF_TRUE);
    }
}

int32_t document_write(const struct document *document, enum encryption encryption,
                       const char **ret_bytes, size_t *ret_size)
{
    qpdf_init_write_memory(document->qpdf);
    int32_t rc = document_error(document);
    if (rc < 0)
        return rc;
    set_encryption(document, encryption);
    if (document->version[0])
        qpdf_set_minimum_pdf_version(document->qpdf, document->version);
    qpdf_register_progress_reporter(document->qpdf, on_progress, (void *)document->job);
    qpdf_write(document->qpdf);
    rc = document_error(document);
    if (rc < 0)
        return rc;
    *ret_bytes = (const char *)qpdf_get_buffer(document->qpdf);
    *ret_size = qpdf_get_buffer_length(document->qpdf);
    return *ret_bytes ? 0 : job_no_memory(document->job);
}

int32_t document_save(const struct document *document, enum encryption encryption,
                      json_t **ret_result)
{
    const struct job *job = document->job;
    const char *target = llmspell_string(job->params, "target_path"), *bytes = NULL;
    size_t size = 0;
    int32_t rc = document_write(document, encryption, &bytes, &size);
    if (rc == 0)
        rc = save_file(job->call, target, llmspell_bool(job->params, "overwrite", 0), bytes, size);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:I,s:I}", "path", target, "pages",
                                     (json_int_t)document->pages, "bytes", (json_int_t)size));
}
