/* SPDX-License-Identifier: Apache-2.0
 * CSV in and out over libcsv. */
#include "csv.h"

#define BLOCK 65536u       /* bytes between two looks at the cancel flag */
#define FIELDS_MAX 100000u /* of one record */
#define GUESS_RECORDS 20
#define GUESS_BYTES (256u << 10)

/* ---- callbacks of libcsv: they cannot stop it, so that an error turns the rest of a block off */

static void fail(struct csv_reader *reader, int32_t code, const char *message)
{
    reader->error = llmspell_fail_at(reader->call, code, reader->pointer, message,
                                     (unsigned long long)reader->line);
}

static bool grow_row(struct csv_reader *reader, size_t size)
{
    size_t room = (reader->used + size) * 2;
    char *grown = realloc(reader->row, room);
    if (!grown)
        return false;
    reader->row = grown;
    reader->room = room;
    return true;
}

static bool grow_fields(struct csv_reader *reader)
{
    size_t room = reader->field_room * 2 + 16;
    size_t *ends = realloc(reader->ends, room * sizeof *ends);
    if (ends)
        reader->ends = ends;
    struct csv_field *fields = realloc(reader->fields, room * sizeof *fields);
    if (fields)
        reader->fields = fields;
    if (!ends || !fields)
        return false;
    reader->field_room = room;
    return true;
}

static void on_field(void *text, size_t size, void *self)
{
    struct csv_reader *reader = self;
    if (reader->error)
        return;
    if (reader->used + size > CSV_RECORD_MAX) {
        fail(reader, LLMSPELL_ELIMIT, "the record of line %llu is larger than 16 MiB");
        return;
    }
    if (reader->count == FIELDS_MAX) {
        fail(reader, LLMSPELL_ELIMIT, "the record of line %llu has more than 100,000 fields");
        return;
    }
    if ((size > reader->room - reader->used && !grow_row(reader, size)) ||
        (reader->count == reader->field_room && !grow_fields(reader))) {
        fail(reader, LLMSPELL_ENOMEM, "out of memory in line %llu");
        return;
    }
    if (size)
        memcpy(reader->row + reader->used, text, size);
    reader->used += size;
    reader->ends[reader->count++] = reader->used;
}

static uint64_t line_feeds(const char *text, size_t size)
{
    uint64_t count = 0;
    const char *end = text + size;
    while (text < end && (text = memchr(text, '\n', (size_t)(end - text)))) {
        count++;
        text++;
    }
    return count;
}

static void hand_on(struct csv_reader *reader)
{
    size_t start = 0;
    for (size_t i = 0; i < reader->count; i++) {
        reader->fields[i].text = reader->row ? reader->row + start : "";
        reader->fields[i].size = reader->ends[i] - start;
        start = reader->ends[i];
    }
    reader->error = reader->record(reader->self, reader->fields, reader->count, reader->line);
}

/* terminator: CR, LF, or -1 at the end of the text. */
static void on_record(int terminator, void *self)
{
    struct csv_reader *reader = self;
    if (reader->error)
        return;
    bool second_half = reader->count == 0 && terminator == '\n' && reader->after_return;
    if (reader->count > 0)
        hand_on(reader);
    reader->line += !second_half;
    if (reader->used)
        reader->line += line_feeds(reader->row, reader->used);
    reader->after_return = terminator == '\r';
    reader->used = 0;
    reader->count = 0;
}

static int no_space(unsigned char c)
{
    (void)c;
    return 0; /* libcsv would trim fields */
}

/* ---- reader ---- */

int32_t csv_reader_init(struct csv_reader *reader, char delimiter, char quote)
{
    reader->line = 1;
    if (csv_init(&reader->parser, CSV_REPALL_NL) != 0)
        return llmspell_fail(reader->call, LLMSPELL_ENOMEM, "out of memory");
    csv_set_space_func(&reader->parser, no_space);
    csv_set_delim(&reader->parser, (unsigned char)delimiter);
    csv_set_quote(&reader->parser, (unsigned char)quote);
    csv_set_blk_size(&reader->parser, 4096);
    return 0;
}

void csv_reader_clear(struct csv_reader *reader)
{
    if (reader->line)
        csv_free(&reader->parser);
    free(reader->row);
    free(reader->ends);
    free(reader->fields);
}

static int32_t feed_block(struct csv_reader *reader, const char *data, size_t size)
{
    if (csv_parse(&reader->parser, data, size, on_field, on_record, reader) != size &&
        !reader->error)
        fail(reader, LLMSPELL_ENOMEM, "out of memory in line %llu");
    if (!reader->error && csv_get_buffer_size(&reader->parser) > CSV_RECORD_MAX + BLOCK)
        fail(reader, LLMSPELL_ELIMIT,
             "a field of the record of line %llu is larger than 16 MiB; a quote may be missing");
    return reader->error ? reader->error : llmspell_cancelled(reader->call);
}

int32_t csv_reader_feed(struct csv_reader *reader, const char *data, size_t size)
{
    if (!reader->fed && size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
        data += 3;
        size -= 3;
    }
    reader->fed = true;
    int32_t rc = reader->error;
    for (size_t at = 0; rc == 0 && at < size; at += BLOCK)
        rc = feed_block(reader, data + at, size - at < BLOCK ? size - at : BLOCK);
    return rc;
}

int32_t csv_reader_end(struct csv_reader *reader)
{
    if (reader->error)
        return reader->error;
    /* Strict only now: it refuses an open quote at the end, and all odd quotes before. */
    csv_set_opts(&reader->parser, CSV_REPALL_NL | CSV_STRICT | CSV_STRICT_FINI);
    if (csv_fini(&reader->parser, on_field, on_record, reader) != 0 && !reader->error) {
        if (csv_error(&reader->parser) != CSV_EPARSE) {
            fail(reader, LLMSPELL_ENOMEM, "out of memory in line %llu");
            return reader->error;
        }
        if (reader->used)
            reader->line += line_feeds(reader->row, reader->used);
        fail(reader, LLMSPELL_EPARSE, "the quoted field that begins in line %llu is not closed");
    }
    return reader->error;
}

/* ---- delimiter ---- */

struct guess {
    size_t counts[GUESS_RECORDS];
    size_t records;
};

static int32_t count_record(void *self, const struct csv_field *fields, size_t count, uint64_t line)
{
    (void)fields;
    (void)line;
    struct guess *guess = self;
    guess->counts[guess->records++] = count - 1;
    return guess->records == GUESS_RECORDS ? CSV_STOP : 0;
}

/* How many of the records have the count that most have; 0 if that is no delimiter at all: the
 * first record and the most of all must have it. */
static size_t evenness(const struct guess *guess)
{
    size_t best = 0, with = 0;
    for (size_t i = 0; i < guess->records; i++) {
        size_t same = 0;
        for (size_t k = 0; k < guess->records; k++)
            same += guess->counts[k] == guess->counts[i];
        if (guess->counts[i] > 0 && same > best)
            best = same;
        with += guess->counts[i] > 0;
    }
    return guess->counts[0] > 0 && with * 2 > guess->records ? best : 0;
}

/* A record that the end of the sample cuts does not count, unless it is the only one. */
static size_t try_delimiter(struct llmspell_call *call, const char *data, size_t size, bool cut,
                            char delimiter, char quote)
{
    struct guess guess = {.records = 0};
    CLEANUP_CSV_READER struct csv_reader reader = {
        .call = call, .pointer = NULL, .record = count_record, .self = &guess};
    if (csv_reader_init(&reader, delimiter, quote) < 0)
        return 0;
    if (csv_reader_feed(&reader, data, size) == 0 && (!cut || guess.records == 0))
        csv_fini(&reader.parser, on_field, on_record, &reader);
    return evenness(&guess);
}

char csv_guess_delimiter(struct llmspell_call *call, const char *data, size_t size, char quote)
{
    bool cut = size > GUESS_BYTES;
    size_t best = 0;
    char delimiter = ',';
    for (const char *c = CSV_DELIMITERS; *c; c++) {
        size_t even =
            *c == quote ? 0 : try_delimiter(call, data, cut ? GUESS_BYTES : size, cut, *c, quote);
        if (even > best) {
            best = even;
            delimiter = *c;
        }
    }
    return delimiter;
}

/* ---- writing ---- */

void csv_put_field(struct bounded_text *out, const char *text, size_t size, char delimiter)
{
    bool plain = true;
    for (size_t i = 0; plain && i < size; i++)
        plain = text[i] != delimiter && text[i] != '"' && text[i] != '\n' && text[i] != '\r';
    if (plain) {
        bounded_put(out, text, size);
        return;
    }
    bounded_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            bounded_char(out, '"');
        bounded_char(out, text[i]);
    }
    bounded_char(out, '"');
}
