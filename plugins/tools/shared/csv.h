/* SPDX-License-Identifier: Apache-2.0
 * CSV in and out: libcsv, with what it lacks: line numbers, records as a whole, limits, the guess
 * of the delimiter. Blank lines are no records; spaces belong to a field; a quote within a field
 * that does not begin with one is a plain character. Compiled into each tool that uses it. */
#ifndef TOOLS_SHARED_CSV_H
#define TOOLS_SHARED_CSV_H

#include <csv.h>
#include <stdbool.h>

#include <llmspell/tool.h>

#include "bounded_text.h"

#define CSV_RECORD_MAX (16u << 20) /* bytes of one record */
#define CSV_DELIMITERS ",;\t|:"    /* what a guess chooses from */

struct csv_field {
    const char *text; /* not NUL-terminated; lives until the callback returns */
    size_t size;
};

/* One record; line: where it begins, from 1. Returns 0, CSV_STOP to read no further, or a negative
 * code with the error set. */
#define CSV_STOP 1
typedef int32_t (*csv_record_fn)(void *self, const struct csv_field *fields, size_t count,
                                 uint64_t line);

struct csv_reader {
    struct llmspell_call *call;
    const char *pointer; /* the parameter to blame */
    csv_record_fn record;
    void *self;
    /* private */
    struct csv_parser parser;
    char *row;
    size_t used, room;
    size_t *ends; /* of the fields, in row */
    struct csv_field *fields;
    size_t count, field_room;
    uint64_t line;
    bool after_return; /* the last line ended with CR */
    bool fed;          /* a byte order mark can no longer come */
    int32_t error;     /* what ended the reading */
};

/* Fill the first four members, then: 0 or LLMSPELL_ENOMEM with the error set. */
int32_t csv_reader_init(struct csv_reader *reader, char delimiter, char quote);
void csv_reader_clear(struct csv_reader *reader);

/* Hands on all records that data completes. 0, CSV_STOP, or a negative code with the error set:
 * what the callback returned, cancelled, timeout, limit_exceeded. */
int32_t csv_reader_feed(struct csv_reader *reader, const char *data, size_t size);

/* The last record; parse_error with its line if a quoted field is not closed. */
int32_t csv_reader_end(struct csv_reader *reader);

#define CLEANUP_CSV_READER __attribute__((cleanup(csv_reader_clear)))

/* The delimiter of a text by its beginning: the one whose count is the same in the most of the
 * first 20 records, and not 0 in the first and the most of them; else ','. */
char csv_guess_delimiter(struct llmspell_call *call, const char *data, size_t size, char quote);

/* Writes a field, in quotes only where it needs them. */
void csv_put_field(struct bounded_text *out, const char *text, size_t size, char delimiter);

#endif
