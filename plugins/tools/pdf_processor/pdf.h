/* SPDX-License-Identifier: Apache-2.0
 * What the files of pdf_processor share: one call, a document that qpdf has read, its pages that
 * the caller asked for. */
#ifndef PDF_PROCESSOR_PDF_H
#define PDF_PROCESSOR_PDF_H

#include <stdbool.h>

#include <qpdf/qpdf-c.h>

#include <llmspell/tool.h>

#define FILE_MAX (100u << 20) /* bytes */
#define PAGES_MAX 10000

struct job {
    struct llmspell_call *call;
    const json_t *params;
    char *password;               /* owned; NULL: none was given */
    const char *password_pointer; /* the parameter to blame */
};

typedef int32_t operation_function(const struct job *job, json_t **ret_result);

operation_function metadata_run, pages_run;            /* inspect.c */
operation_function check_run;                          /* check.c */
operation_function text_run;                           /* text.c */
operation_function merge_run, rotate_run, extract_run; /* pages.c */
operation_function split_run;                          /* split.c */
operation_function encrypt_run, decrypt_run;           /* crypt.c */

int32_t job_no_memory(const struct job *job);

/* ---- password.c ---- */

/* Fetches password or password_secret into job. */
int32_t password_load(struct job *job);
void password_clear(struct job *job);

/* The same text in Latin-1, as files before AES-256 have it: malloc'ed, or NULL if it is ASCII, or
 * goes beyond, or there is no memory. Zero it before freeing. */
char *password_latin1(const char *password);

/* ---- document.c ---- */

/* Zeroed = closed. */
struct document {
    const struct job *job;
    const char *path, *pointer; /* borrowed: the file's name, the parameter that gave it */
    char *bytes;                /* what qpdf reads from; owned */
    size_t size;
    qpdf_data qpdf;
    size_t pages;
    char version[16]; /* of a new one: the latest that a page came from */
    bool locked;      /* it could not be opened for want of the password */
};

/* An error of qpdf. */
struct problem {
    enum qpdf_error_code_e code;
    unsigned long long offset; /* in the file */
    char text[512];
};

/* Opens the file of the parameter path, with the password if it wants one. */
int32_t document_open(const struct job *job, struct document *ret_document);

/* The steps of it, for files with other names and for check. document_load: up to where pages are
 * counted. recover: let qpdf mend what it can. */
int32_t document_load(struct document *document);
int32_t document_read(struct document *document);
bool document_is_pdf(const struct document *document); /* by its header */
bool document_parse(struct document *document, bool recover, struct problem *ret_problem);
int32_t document_finish(struct document *document);

/* Whether there is a page tree (*ret_any), and not too deep. tree.c */
int32_t document_check_tree(const struct document *document, bool *ret_any);

/* An empty one, for pages of others. */
int32_t document_new(const struct job *job, struct document *ret_document);
void document_close(struct document *document);
#define CLEANUP_DOCUMENT __attribute__((cleanup(document_close)))

/* Takes the error that qpdf has; false: it has none. */
bool document_problem(const struct document *document, struct problem *ret_problem);
/* Makes it the call's error. */
int32_t document_fail(const struct document *document, const struct problem *problem);
/* Both: 0, or a negative code. */
int32_t document_error(const struct document *document);

/* Appends a page of source, from 0. */
int32_t document_add(struct document *document, const struct document *source, size_t page);
void document_copy_info(struct document *document, const struct document *source);

/* Makes the file in memory. *ret_bytes: borrowed until document is closed. */
enum encryption { ENCRYPTION_KEEP, ENCRYPTION_NONE, ENCRYPTION_NEW };
int32_t document_write(const struct document *document, enum encryption encryption,
                       const char **ret_bytes, size_t *ret_size);

/* The same to target_path; *ret_result: {path, pages, bytes}. */
int32_t document_save(const struct document *document, enum encryption encryption,
                      json_t **ret_result);

/* ---- selection.c ---- */

/* The pages that pages, or start_page and end_page, ask for, from 0 and in that order; all without
 * them. Zeroed = empty. */
struct selection {
    size_t *pages; /* owned */
    size_t count;
    bool whole; /* the caller asked for none */
};

int32_t selection_read(const struct document *document, struct selection *ret_selection);
void selection_clear(struct selection *selection);
#define CLEANUP_SELECTION __attribute__((cleanup(selection_clear)))

/* ---- date.c ---- */

json_t *date_json(const char *text, size_t size); /* of an Info dictionary; null if it is none */

#endif
