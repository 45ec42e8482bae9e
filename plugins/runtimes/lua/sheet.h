/* SPDX-License-Identifier: Apache-2.0
 * What inspection answers, written at once as plain text, Markdown and HTML, each of them bounded.
 * Used by inspect*.c. */
#ifndef LUA_RUNTIME_SHEET_H
#define LUA_RUNTIME_SHEET_H

#include "text.h"

#define SHEET_MAX 65536 /* bytes of each form */

struct sheet {
    struct text plain, markdown, html;
};

void sheet_title(struct sheet *sheet, const char *title, size_t size); /* code, in bold */
void sheet_fact(struct sheet *sheet, const char *label, const char *value, size_t size);
void sheet_paragraph(struct sheet *sheet, const char *text, size_t size);
void sheet_heading(struct sheet *sheet, const char *text);
void sheet_code(struct sheet *sheet, const char *code, size_t size);
/* A table: a row for the head, any others, the end. */
void sheet_head(struct sheet *sheet, const char *const *cells, int count);
void sheet_row(struct sheet *sheet, const struct text *cells, int count);
void sheet_end(struct sheet *sheet);
json_t *sheet_data(const struct sheet *sheet); /* the MIME bundle; NULL: out of memory */
void sheet_clear(struct sheet *sheet);

#endif
