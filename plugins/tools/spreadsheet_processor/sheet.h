/* SPDX-License-Identifier: Apache-2.0
 * What the files of spreadsheet_processor share: one call (struct job), the parts of a package, the
 * grid that cells are read into, and the helpers for addresses, dates and number formats. */
#ifndef SPREADSHEET_PROCESSOR_SHEET_H
#define SPREADSHEET_PROCESSOR_SHEET_H

#include <locale.h>
#include <stdbool.h>

#include <libxml/xmlreader.h>

#include <llmspell/fs.h>

#include "../shared/json_write.h"

#define ROWS_MAX 1048576u
#define COLUMNS_MAX 16384u
#define CELLS_MAX 2000000u
#define TABLE_DEPTH 3 /* of a table:table of an ODS file that is a sheet */

struct archive;

struct job {
    struct llmspell_call *call;
    const json_t *params;
    locale_t numbers; /* the C locale, for strtod_l */
};

typedef int32_t operation_function(struct job *job, json_t **ret_result);

operation_function info_run, read_run, to_csv_run; /* read.c */
operation_function write_run;                      /* write.c */

int32_t job_no_memory(const struct job *job);

/* ---- package.c: a zip of XML parts ---- */

struct package {
    struct job *job;
    int fd;
    uint64_t size, unpacked; /* bytes: of the file, read from its parts so far */
};

/* One part while it is read, node by node. */
struct part {
    struct package *package;
    const char *name; /* borrowed */
    struct archive *archive;
    xmlTextReaderPtr reader;
    uint64_t done, size; /* bytes, unpacked: read so far, and what the archive says (0: nothing) */
    int32_t stop;        /* an error that the read callback found */
    char message[256];   /* what libxml2 says */
};

int32_t package_open(struct job *job, struct package *ret_package);
void package_close(struct package *package);

/* Opens a part by its name; *ret_found false with 0: there is none. */
int32_t part_open(struct package *package, const char *name, struct part *ret_part,
                  bool *ret_found);
void part_close(struct part *part);
#define CLEANUP_PART __attribute__((cleanup(part_close)))

/* The next node: 1, or 0 at the end, or a negative code with the error set. */
int32_t part_next(struct part *part);

bool part_at(const struct part *part, int type, const char *local_name);
/* An attribute by its local name: a new string for xmlFree, or NULL. */
xmlChar *part_attribute(const struct part *part, const char *local_name);
bool part_attribute_is(const struct part *part, const char *local_name, const char *text);
long part_attribute_number(const struct part *part, const char *local_name, long fallback);
bool part_is_text(const struct part *part); /* text, CDATA, blanks */

/* The whole text within the element where the reader stands; the reader moves to its end. */
int32_t part_text(struct part *part, struct byte_buffer *out);

/* parse_error at /path: "NAME …". */
__attribute__((format(printf, 2, 3))) int32_t part_wrong(struct part *part, const char *format,
                                                         ...);

/* ---- address.c ---- */

struct area {
    uint32_t row, column, last_row, last_column; /* from 0, inclusive */
};

/* "B" → 1; reads letters at *text and moves behind them. False: there are none, or too many. */
bool read_column(const char **text, uint32_t *ret_column);
bool read_cell(const char *text, uint32_t *ret_row, uint32_t *ret_column); /* "C7", all of text */
bool read_area(const char *text, struct area *ret_area); /* A1, A1:C10, B:D, 2:5 */
void write_column(uint32_t column, char text[8]);
void write_area(const struct area *area, char text[40]);

/* ---- calendar.c ---- */

/* A serial number of a spreadsheet as text: a date, with time if it has one or with_time; false: it
 * is none (negative, beyond 9999). */
bool date_text(double serial, bool since_1904, bool with_time, char text[32]);
bool time_text(double serial, char text[32]);           /* HH:MM:SS[.mmm] of the fraction */
bool date_serial(const char *text, double *ret_serial); /* of such texts, since 1900 */

/* ---- formats.c ---- */

enum format_kind { FORMAT_NUMBER, FORMAT_DATE, FORMAT_DATETIME, FORMAT_TIME };
enum format_kind format_kind(const char *code);
enum format_kind format_kind_builtin(long id);

/* ---- grid.c: the cells of a sheet that were asked for ---- */

struct grid {
    struct job *job;
    struct area area;       /* what is asked for */
    uint32_t limit;         /* rows to keep; 0: only measure */
    uint32_t rows, columns; /* used: the last one that has a value, plus 1 */
    json_t *kept;           /* arrays of values, from area.row on; owned */
    size_t cells;
};

/* Puts value into every cell of where, and takes it over; null is dropped. Only what is asked for
 * takes time: a file may say in a few words that a value fills the sheet. */
int32_t grid_put(struct grid *grid, struct area where, json_t *value);

/* Fills up to the used size within the area. *ret_area: what is there; *ret_total: rows that there
 * are in it. False in *ret_any: there is nothing. */
int32_t grid_finish(struct grid *grid, struct area *ret_area, uint32_t *ret_total, bool *ret_any);

/* ---- rows.c: what read and to_csv return ---- */

struct rows {
    json_t *list; /* of arrays, all of one width */
    json_t *sheet;
    struct area area;
    bool any, truncated;
};

int32_t rows_load(struct job *job, uint32_t limit, struct rows *ret_rows);
int32_t rows_name(const struct job *job, struct rows *rows); /* arrays to objects */
void rows_clear(struct rows *rows);
json_t *scalar_text(const json_t *value); /* as a string */

/* ---- strings.c ---- */

/* The text of <si> or <is> where the reader stands: runs joined, without phonetic hints. */
int32_t rich_text(struct part *part, const char *element, struct byte_buffer *out);
void decode_escapes(struct byte_buffer *text); /* _x000D_ → CR */
json_t *buffer_json(const struct byte_buffer *text);

/* ---- formula.c ---- */

/* A shared formula as it reads some cells further. */
void shift_formula(const char *formula, int rows, int columns, struct byte_buffer *out);

/* A formula of ODS as one of XLSX: "of:=SUM([.A1:.B2];[Other.C3])" → "=SUM(A1:B2,Other!C3)". */
void ods_formula(const char *formula, struct byte_buffer *out);

/* ---- formats of files ---- */

struct workbook {
    struct job *job;
    struct package package;
    const char *format; /* "xlsx", "ods" */
    json_t *sheets;     /* in order: {name, hidden} with part (xlsx), or rows, columns (ods) */
    json_t *strings;    /* xlsx: the shared strings, loaded on first use */
    json_t *kinds;      /* xlsx: format_kind by style */
    bool since_1904;
    char *strings_part, *styles_part; /* xlsx */
};

int32_t book_open(struct job *job, struct workbook *ret_workbook);
void book_close(struct workbook *workbook);
#define CLEANUP_WORKBOOK __attribute__((cleanup(book_close)))

/* {title, creator, created, modified}, null where unknown. */
int32_t book_properties(struct workbook *workbook, json_t **ret_properties);
int32_t book_read(struct workbook *workbook, size_t sheet, struct grid *grid);

int32_t xlsx_open(struct workbook *workbook, const char *part); /* xlsx.c */
int32_t xlsx_prepare(struct workbook *workbook);                /* strings and styles */
int32_t xlsx_read(struct workbook *workbook, const char *part, struct grid *grid);
int32_t ods_open(struct workbook *workbook); /* ods.c */
int32_t ods_read(struct workbook *workbook, size_t sheet, struct grid *grid);
/* grid->rows and ->columns of the table where the reader stands; the reader moves to its end. */
int32_t ods_measure(struct job *job, struct part *part, struct grid *grid);

#endif
