/* SPDX-License-Identifier: Apache-2.0
 * What the files that write XLSX share: the writer, its styles, the zip. Everything is made in
 * memory: libxlsxwriter 1.1 can write only to a name, past the host's file service. */
#ifndef SPREADSHEET_PROCESSOR_WRITER_H
#define SPREADSHEET_PROCESSOR_WRITER_H

#include "sheet.h"

/* Cell styles by number: 0 plain, 1 bold, then one for each number format. */
#define STYLE_BOLD 1
#define STYLE_FIRST 2

struct column {
    uint32_t style; /* 0: none */
    bool dates;     /* texts that are dates become dates */
};

struct writer {
    struct job *job;
    json_t *codes; /* number format → style */
    struct column *columns;
    struct byte_buffer sheet; /* the part that is being written */
    bool formulas, any_formula;
    size_t index, cells;
};

/* ---- cells.c ---- */

/* One <row>; bold: a header. row: its number from 0. */
int32_t put_row(struct writer *writer, size_t row, const json_t *values, bool bold);

/* Text for XML, as XLSX has it: what XML cannot hold as _x000D_. */
void put_escaped(struct byte_buffer *out, const char *text);

/* ---- zip.c ---- */

struct zip {
    struct archive *archive;
    struct byte_buffer data;
};

bool zip_open(struct zip *zip);
bool zip_add(struct zip *zip, const char *name, const struct byte_buffer *text);
bool zip_finish(struct zip *zip); /* data is whole afterwards */
void zip_clear(struct zip *zip);

#endif
