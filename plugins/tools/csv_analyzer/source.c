/* SPDX-License-Identifier: Apache-2.0
 * The records of an input: names of columns, each record as long as there are names. */
#include <llmspell/fs.h>

#include "analyzer.h"

#define ERRORS_MAX 100

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t too_much(struct llmspell_call *call)
{
    return llmspell_fail(
        call, LLMSPELL_ELIMIT,
        "the rows take more than %llu MiB of memory; lower max_rows, or leave rows "
        "out by where",
        MEMORY_MAX >> 20);
}

/* ---- names ---- */

struct naming {
    struct index known;
    size_t *last; /* of a known name: the number that was put behind it last, less one */
};

/* name, name_2, name_3 … : the first that is free. */
static char *unique_name(struct source *source, struct naming *naming, const char *text,
                         size_t size)
{
    LLMSPELL_CLEANUP_FREE char *name = malloc(size + 32);
    bool is_new = false;
    size_t length = size;
    if (!name)
        return NULL;
    memcpy(name, text, size);
    size_t first = index_add(&naming->known, name, size, &is_new), entry = first;
    while (entry != INDEX_NONE && !is_new) {
        length = size + (size_t)snprintf(name + size, 32, "_%zu", ++naming->last[first] + 1);
        entry = index_add(&naming->known, name, length, &is_new);
    }
    return entry == INDEX_NONE ? NULL : arena_copy(&source->arena, name, length);
}

/* A name without text is that of the place. */
static char *name_of(struct source *source, struct naming *naming, const struct csv_field *field,
                     size_t place)
{
    char text[32];
    size_t length = field ? strnlen(field->text, field->size) : 0; /* NUL ends a name */
    if (length)
        return unique_name(source, naming, field->text, length);
    int size = snprintf(text, sizeof text, "column_%zu", place + 1);
    return unique_name(source, naming, text, (size_t)size);
}

static int32_t make_names(struct source *source, struct naming *naming,
                          const struct csv_field *fields)
{
    for (size_t i = 0; i < source->count; i++) {
        const struct csv_field *field = source->has_header ? &fields[i] : NULL;
        source->names[i] = name_of(source, naming, field, i);
        if (!source->names[i])
            return no_memory(source->call);
    }
    return 0;
}

static int32_t take_names(struct source *source, const struct csv_field *fields, size_t count)
{
    struct naming naming = {.known = {.arena = &source->arena},
                            .last = calloc(count + 1, sizeof *naming.last)};
    source->names = calloc(count + 1, sizeof *source->names);
    source->fields = calloc(count + 1, sizeof *source->fields);
    source->count = source->names ? count : 0;
    int32_t rc = naming.last && source->names && source->fields
                     ? make_names(source, &naming, fields)
                     : no_memory(source->call);
    index_clear(&naming.known);
    free(naming.last);
    source->started = true;
    return rc < 0 || !source->start ? rc : source->start(source->self, source);
}

/* ---- records ---- */

static int32_t note_ragged(struct source *source, size_t count, uint64_t line)
{
    source->ragged++;
    if (!source->errors)
        source->errors = json_array();
    if (json_array_size(source->errors) >= ERRORS_MAX)
        return 0;
    json_t *message =
        json_sprintf("%zu field%s instead of %zu", count, count == 1 ? "" : "s", source->count);
    json_t *error = json_pack("{s:I, s:o}", "line", (json_int_t)line, "message", message);
    return json_array_append_new(source->errors, error) == 0 ? 0 : no_memory(source->call);
}

static int32_t on_record(void *self, const struct csv_field *fields, size_t count, uint64_t line)
{
    struct source *source = self;
    int32_t rc = 0;
    if (!source->started) {
        rc = take_names(source, fields, count);
        if (rc < 0 || source->has_header)
            return rc;
    }
    if (source->rows == source->max_rows) {
        source->truncated = true;
        return CSV_STOP;
    }
    source->rows++;
    if (count == source->count)
        return source->row(source->self, fields, source->rows);
    rc = note_ragged(source, count, line);
    for (size_t i = 0; i < source->count; i++)
        source->fields[i] = i < count ? fields[i] : (struct csv_field){NULL, 0};
    return rc < 0 ? rc : source->row(source->self, source->fields, source->rows);
}

bool source_is_null(const struct source *source, const struct csv_field *field)
{
    if (field->size == 0 || source->null_is_empty)
        return field->size == 0;
    for (size_t i = 0; i < json_array_size(source->null_values); i++) {
        const json_t *text = json_array_get(source->null_values, i);
        if (json_string_length(text) == field->size &&
            memcmp(json_string_value(text), field->text, field->size) == 0)
            return true;
    }
    return false;
}

/* ---- reading ---- */

static char quote_of(const json_t *params)
{
    return *llmspell_string(params, "quote");
}

static int32_t begin(struct source *source, struct csv_reader *reader, const char *text,
                     size_t size)
{
    const char *delimiter = llmspell_string(source->params, "delimiter");
    char quote = quote_of(source->params);
    source->delimiter = strcmp(delimiter, "auto") == 0
                            ? csv_guess_delimiter(source->call, text, size, quote)
                            : *delimiter;
    if (source->delimiter == quote)
        return llmspell_fail_at(source->call, LLMSPELL_EINVAL, "/quote",
                                "quote and delimiter must not be the same");
    return csv_reader_init(reader, source->delimiter, quote);
}

static int32_t read_inline(struct source *source, struct csv_reader *reader, const char *key)
{
    const char *text = llmspell_string(source->params, key);
    size_t size = llmspell_string_length(source->params, key);
    snprintf(source->encoding, sizeof source->encoding, "UTF-8");
    int32_t rc = begin(source, reader, text, size);
    return rc < 0 ? rc : csv_reader_feed(reader, text, size);
}

static int32_t read_blocks(struct source *source, struct csv_reader *reader, struct decoder *d)
{
    LLMSPELL_CLEANUP_FREE char *text = malloc(DECODER_BLOCK);
    if (!text)
        return no_memory(source->call);
    int32_t rc = 0;
    for (bool first = true; rc == 0; first = false) {
        size_t size = 0;
        rc = decoder_read(d, text, &size);
        if (rc == 0 && first)
            rc = begin(source, reader, text, size);
        if (rc < 0 || size == 0)
            break;
        rc = csv_reader_feed(reader, text, size);
        source->call->host->progress(source->call, (double)d->offset, (double)d->size, "reading");
    }
    return rc;
}

static int32_t read_file(struct source *source, struct csv_reader *reader, const char *key)
{
    const char *path = llmspell_string(source->params, key);
    struct decoder decoder = {.call = source->call, .pointer = source->pointer, .path = path};
    decoder.fd =
        llmspell_fs_open_file(source->call, path, source->pointer, FILE_MAX, &decoder.size);
    if (decoder.fd < 0)
        return decoder.fd;
    int32_t rc = decoder_open(&decoder, llmspell_string(source->params, "encoding"));
    if (rc == 0)
        rc = read_blocks(source, reader, &decoder);
    snprintf(source->encoding, sizeof source->encoding, "%s", decoder.name);
    decoder_close(&decoder);
    return rc;
}

int32_t source_run(struct source *source)
{
    const char *text_key = source->right ? "right" : "input";
    const char *path_key = source->right ? "right_path" : "path";
    bool is_inline = json_object_get(source->params, text_key) != NULL;
    source->pointer =
        source->right ? (is_inline ? "/right" : "/right_path") : (is_inline ? "/input" : "/path");
    source->arena.max = MEMORY_MAX;
    source->has_header = llmspell_bool(source->params, "has_header", 1);
    source->max_rows = (size_t)llmspell_integer(source->params, "max_rows", 100000);
    source->null_values = json_object_get(source->params, "null_values");
    source->null_is_empty = json_array_size(source->null_values) == 1 &&
                            json_string_length(json_array_get(source->null_values, 0)) == 0;
    CLEANUP_CSV_READER struct csv_reader reader = {
        .call = source->call, .pointer = source->pointer, .record = on_record, .self = source};
    int32_t rc =
        is_inline ? read_inline(source, &reader, text_key) : read_file(source, &reader, path_key);
    if (rc == 0)
        rc = csv_reader_end(&reader);
    if (rc >= 0 && !source->started) /* nothing in it: no columns */
        return take_names(source, NULL, 0);
    return rc < 0 ? rc : 0;
}

void source_clear(struct source *source)
{
    free(source->names);
    free(source->fields);
    json_decref(source->errors);
    arena_clear(&source->arena);
}
