/* SPDX-License-Identifier: Apache-2.0
 * JSON, JSON lines and YAML, both ways. */
#include "../shared/json_put.h"
#include "../shared/yaml_write.h"
#include "converter.h"

/* Jansson makes a value of each comma or colon: text with too many is refused before. */
static int32_t check_size(const struct reading *reading)
{
    size_t separators = 0;
    for (size_t i = 0; i < reading->size; i++)
        separators += reading->text[i] == ',' || reading->text[i] == ':';
    if (separators <= 2 * NODES_MAX)
        return llmspell_cancelled(reading->call);
    return llmspell_fail_at(reading->call, LLMSPELL_ELIMIT, reading->pointer,
                            "the document has more than %d values", NODES_MAX);
}

struct pieces {
    const struct reading *reading;
    const char *at, *end;
    int32_t stop; /* cancelled or timeout */
};

/* Hands Jansson the text in pieces; (size_t)-1 ends the parsing. */
static size_t next_piece(void *buffer, size_t size, void *data)
{
    struct pieces *pieces = data;
    size_t left = (size_t)(pieces->end - pieces->at);
    pieces->stop = llmspell_cancelled(pieces->reading->call);
    if (pieces->stop < 0)
        return (size_t)-1;
    size = size < left ? size : left;
    if (size)
        memcpy(buffer, pieces->at, size);
    pieces->at += size;
    return size;
}

static int32_t decode(const struct reading *reading, const char *text, size_t size, size_t line,
                      json_t **ret_value)
{
    struct pieces pieces = {reading, text, text + size, 0};
    json_error_t error;
    *ret_value = json_load_callback(
        next_piece, &pieces, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (*ret_value)
        return 0;
    if (pieces.stop < 0)
        return pieces.stop;
    int32_t code =
        json_error_code(&error) == json_error_stack_overflow ? LLMSPELL_ELIMIT : LLMSPELL_EPARSE;
    return llmspell_fail_at(reading->call, code, reading->pointer, "%.300s (line %zu, column %d)",
                            error.text, line + (size_t)(error.line > 0 ? error.line - 1 : 0),
                            error.column > 0 ? error.column : 1);
}

int32_t read_json(struct reading *reading, json_t **ret_value)
{
    int32_t rc = check_size(reading);
    return rc < 0 ? rc : decode(reading, reading->text, reading->size, 1, ret_value);
}

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r", text[i]) || text[i] == '\0')
            return false;
    return true;
}

int32_t read_jsonl(struct reading *reading, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    const char *at = reading->text, *end = at + reading->size;
    int32_t rc = check_size(reading);
    for (size_t line = 1; rc == 0 && at < end; line++) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        size_t size = (size_t)((stop ? stop : end) - at);
        json_t *value = NULL;
        if (!is_blank(at, size)) {
            rc = decode(reading, at, size, line, &value);
            if (rc == 0 && json_array_append_new(list, value) != 0)
                rc = no_memory(reading->call);
            if (rc == 0)
                rc = count_node(reading);
        }
        at += size + 1;
    }
    *ret_value = rc == 0 ? llmspell_steal_json(&list) : NULL;
    return rc;
}

int32_t read_yaml(struct reading *reading, json_t **ret_value)
{
    CLEANUP_YAML_DOCUMENTS struct yaml_documents documents = {0};
    struct yaml_input input = {reading->call, reading->text, reading->size, true};
    int32_t rc = yaml_read(&input, &documents);
    if (rc < 0)
        return yaml_fail(reading->call, rc, &documents, reading->pointer);
    size_t count = json_array_size(documents.values);
    if (count > 1)
        return llmspell_fail_at(reading->call, LLMSPELL_EFAILED, reading->pointer,
                                "there are %zu YAML documents; convert one at a time", count);
    *ret_value = count ? json_incref(json_array_get(documents.values, 0)) : json_null();
    /* those of an attempt to guess the format go */
    struct yaml_specials old = *reading->specials;
    *reading->specials = documents.specials;
    documents.specials = old;
    return 0;
}

/* ---- writing ---- */

int32_t write_json(struct writing *writing, const json_t *value)
{
    json_put(&writing->out, value, writing->pretty ? 2 : 0, writing->sort_keys);
    if (writing->pretty)
        bounded_char(&writing->out, '\n');
    return 0;
}

/* A list by its items, any other value as one line. */
int32_t write_jsonl(struct writing *writing, const json_t *value)
{
    int32_t rc = 0;
    if (!json_is_array(value)) {
        json_put(&writing->out, value, 0, writing->sort_keys);
        bounded_char(&writing->out, '\n');
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++) {
        json_put(&writing->out, json_array_get(value, i), 0, writing->sort_keys);
        bounded_char(&writing->out, '\n');
        rc = writing_step(writing);
    }
    return rc;
}

int32_t write_yaml(struct writing *writing, const json_t *value)
{
    struct yaml_style style = {
        .indent = 2, .sort_keys = writing->sort_keys, .specials = writing->specials};
    yaml_write(&writing->out, value, &style);
    return 0;
}
