/* SPDX-License-Identifier: Apache-2.0
 * text: by pdftotext, a process of its own. It reads the file from its input: no path, and no
 * password, for qpdf has taken that off before. Pages end with a form feed in what it prints. */
#include "pdf.h"

#include <sys/wait.h>

#include "../shared/byte_buffer.h"
#include "../shared/file_values.h"
#include "../shared/program.h"

#define PROGRAM "/usr/bin/pdftotext"
#define TEXT_MAX (64u << 20) /* bytes */
#define TEXT_MS 30000

struct extraction {
    const struct document *document;
    const struct selection *selection;
    const char *bytes; /* the file without encryption; borrowed */
    size_t size;
    struct byte_buffer out;          /* of pages first to last */
    size_t first, last;              /* from 0 */
    size_t *starts;                  /* offsets of these pages in out, and of the end; owned */
    size_t enough;                   /* bytes after which nothing more is wanted; 0: never */
    size_t left;                     /* code points that the result may still take */
    bool by_page, truncated, single; /* single: out is one page, whatever form feeds are in it */
    struct byte_buffer text;
    json_t *pages;
    struct document mended; /* what pdftotext is given if it cannot read the file */
};

static void extraction_clear(struct extraction *extraction)
{
    buffer_clear(&extraction->out);
    buffer_clear(&extraction->text);
    free(extraction->starts);
    json_decref(extraction->pages);
    document_close(&extraction->mended);
}

static int32_t fail_program(const struct extraction *extraction, int status)
{
    bool signalled = WIFSIGNALED(status);
    return llmspell_fail_at(extraction->document->job->call, LLMSPELL_EPARSE, "/path",
                            "pdftotext cannot read %s (%s %d); the operation check says what is "
                            "wrong with the file",
                            extraction->document->path, signalled ? "signal" : "exit status",
                            signalled ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int32_t run_once(struct extraction *extraction, int *ret_status)
{
    char first[24], last[24];
    const struct job *job = extraction->document->job;
    /* -q said twice does no harm */
    const char *layout = llmspell_is(job->params, "layout", "physical") ? "-layout"
                         : llmspell_is(job->params, "layout", "raw")    ? "-raw"
                                                                        : "-q";
    char *const argv[] = {"pdftotext", "-q",  (char *)layout, "-enc", "UTF-8", "-eol", "unix",
                          "-f",        first, "-l",           last,   "-",     "-",    NULL};
    const struct program program = {.path = PROGRAM,
                                    .package = "poppler-utils",
                                    .argv = argv,
                                    .text = extraction->bytes,
                                    .size = extraction->size,
                                    .max = TEXT_MAX,
                                    .enough = extraction->enough,
                                    .wall_ms = TEXT_MS};
    snprintf(first, sizeof first, "%zu", extraction->first + 1);
    snprintf(last, sizeof last, "%zu", extraction->last + 1);
    buffer_clear(&extraction->out);
    return program_run(job->call, &program, &extraction->out, ret_status);
}

/* The pages in a new document, with a page tree as it should be. */
static int32_t mend(struct extraction *extraction)
{
    struct document *mended = &extraction->mended;
    const struct document *document = extraction->document;
    int32_t rc = document_new(document->job, mended);
    mended->path = document->path;
    mended->pointer = document->pointer;
    for (size_t i = 0; rc == 0 && i < document->pages; i++)
        rc = document_add(mended, document, i);
    return rc < 0 ? rc
                  : document_write(mended, ENCRYPTION_NONE, &extraction->bytes, &extraction->size);
}

/* What pdftotext gives up on, such as a wrong count of pages, qpdf may have understood. */
static int32_t run_program(struct extraction *extraction)
{
    int status = 0;
    int32_t rc = run_once(extraction, &status);
    if (rc == 0 && status != 0 && !extraction->mended.qpdf) {
        rc = mend(extraction);
        if (rc == 0)
            rc = run_once(extraction, &status);
    }
    if (rc < 0)
        return rc;
    return status == 0 ? 0 : fail_program(extraction, status);
}

/* ---- what was printed ---- */

/* Where each page begins, one behind the form feed of the page before; what comes after the last
 * one does not count. *ret_feeds: how many there are. */
static int32_t find_pages(struct extraction *extraction, size_t *ret_feeds)
{
    const struct byte_buffer *out = &extraction->out;
    size_t pages = extraction->last - extraction->first + 1;
    extraction->starts = calloc(pages + 1, sizeof *extraction->starts);
    if (!extraction->starts)
        return job_no_memory(extraction->document->job);
    *ret_feeds = 0;
    for (size_t i = 0; i < out->size; i++)
        if (out->data[i] == '\f' && ++*ret_feeds <= pages)
            extraction->starts[*ret_feeds] = i + 1;
    for (size_t i = *ret_feeds + 1; i <= pages; i++)
        extraction->starts[i] = out->size;
    return 0;
}

/* Cuts text to what is left of max_chars. */
static size_t fitting(struct extraction *extraction, const char *text, size_t size)
{
    size_t at = 0;
    for (; at < size; at++) {
        if (((unsigned char)text[at] & 0xC0) == 0x80)
            continue;
        if (extraction->left == 0) {
            extraction->truncated = true;
            break;
        }
        extraction->left--;
    }
    return at;
}

static bool add_text(struct extraction *extraction, size_t page, const char *text, size_t size)
{
    LLMSPELL_CLEANUP_JSON json_t *clean = clean_text(text, size, false);
    if (!clean)
        return false;
    const char *value = json_string_value(clean);
    size_t fits = fitting(extraction, value, json_string_length(clean));
    if (extraction->truncated && fits == 0)
        return true;
    if (!extraction->by_page)
        buffer_add(&extraction->text, value, fits);
    else if (json_array_append_new(extraction->pages,
                                   json_pack("{s:I,s:o}", "page", (json_int_t)page + 1, "text",
                                             json_stringn(value, fits))) != 0)
        return false;
    return !extraction->text.failed;
}

/* The page without the form feeds within it. */
static int32_t add_page(struct extraction *extraction, size_t page)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    size_t from = 0, to = extraction->out.size;
    if (!extraction->single) {
        from = extraction->starts[page - extraction->first];
        to = extraction->starts[page - extraction->first + 1];
    }
    for (size_t i = from; i < to; i++)
        if (extraction->out.data[i] != '\f')
            buffer_char(&text, extraction->out.data[i]);
    const struct job *job = extraction->document->job;
    if (text.failed || !add_text(extraction, page, text.data ? text.data : "", text.size))
        return job_no_memory(job);
    return llmspell_cancelled(job->call);
}

/* ---- which pages ---- */

static bool is_run(const struct selection *selection)
{
    for (size_t i = 1; i < selection->count; i++)
        if (selection->pages[i] != selection->pages[0] + i)
            return false;
    return true;
}

static void find_bounds(struct extraction *extraction)
{
    const struct selection *selection = extraction->selection;
    extraction->first = extraction->last = selection->pages[0];
    for (size_t i = 1; i < selection->count; i++) {
        size_t page = selection->pages[i];
        extraction->first = page < extraction->first ? page : extraction->first;
        extraction->last = page > extraction->last ? page : extraction->last;
    }
    if (is_run(selection)) /* four bytes a character, a form feed a page */
        extraction->enough = extraction->left * 4 + selection->count + 4;
}

static int32_t add_pages(struct extraction *extraction)
{
    const struct selection *selection = extraction->selection;
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < selection->count && !extraction->truncated; i++) {
        if (extraction->single) {
            extraction->first = extraction->last = selection->pages[i];
            rc = run_program(extraction);
        }
        if (rc == 0)
            rc = add_page(extraction, selection->pages[i]);
    }
    return rc;
}

/* One run for all pages. If text has form feeds of its own, a run for each. */
static int32_t extract(struct extraction *extraction)
{
    if (extraction->selection->count == 0)
        return 0;
    find_bounds(extraction);
    int32_t rc = run_program(extraction);
    size_t feeds = 0;
    if (rc == 0)
        rc = find_pages(extraction, &feeds);
    if (rc < 0)
        return rc;
    bool stopped = extraction->enough > 0 && extraction->out.size >= extraction->enough;
    size_t pages = extraction->last - extraction->first + 1;
    extraction->single = feeds > pages || (!stopped && feeds < pages);
    extraction->enough = extraction->single ? 0 : extraction->enough;
    return add_pages(extraction);
}

/* ---- the call ---- */

static int32_t decrypted(struct document *document, struct extraction *extraction)
{
    extraction->bytes = document->bytes;
    extraction->size = document->size;
    if (!qpdf_is_encrypted(document->qpdf))
        return 0;
    return document_write(document, ENCRYPTION_NONE, &extraction->bytes, &extraction->size);
}

static json_t *make_result(const struct extraction *extraction)
{
    const struct byte_buffer *text = &extraction->text;
    if (extraction->by_page)
        return json_pack("{s:O,s:b}", "pages", extraction->pages, "truncated",
                         extraction->truncated);
    return json_pack("{s:o,s:I,s:b}", "text",
                     json_stringn(text->data ? text->data : "", text->size), "pages",
                     (json_int_t)extraction->selection->count, "truncated", extraction->truncated);
}

int32_t text_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT struct document document = {0};
    CLEANUP_SELECTION struct selection selection = {0};
    __attribute__((cleanup(extraction_clear))) struct extraction extraction = {
        .document = &document,
        .selection = &selection,
        .left = (size_t)llmspell_integer(job->params, "max_chars", 1000000),
        .by_page = llmspell_bool(job->params, "by_page", 0) ||
                   llmspell_is(job->params, "operation", "extract_pages"),
        .pages = json_array()};
    int32_t rc = document_open(job, &document);
    if (rc == 0)
        rc = selection_read(&document, &selection);
    if (rc == 0)
        rc = decrypted(&document, &extraction);
    job->call->host->progress(job->call, 0, 0, "extracting text");
    if (rc == 0)
        rc = extract(&extraction);
    return rc < 0 ? rc : llmspell_return(job->call, ret_result, make_result(&extraction));
}
