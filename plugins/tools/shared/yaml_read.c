/* SPDX-License-Identifier: Apache-2.0
 * Reads YAML: feeds libyaml, keeps anchors and errors. The values are made in yaml_compose.c. */
#include <stdarg.h>

#include "yaml_compose.h"

#define CHUNK 65536u /* bytes that libyaml gets between two looks at the cancel flag */

/* ---- errors ---- */

int32_t yaml_complain(struct reader *r, int32_t code, const yaml_mark_t *mark, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->out->message, sizeof r->out->message, format, args);
    va_end(args);
    r->out->line = mark->line + 1;
    r->out->column = mark->column + 1;
    return code;
}

int32_t yaml_no_memory(struct reader *r)
{
    return llmspell_fail(r->input->call, LLMSPELL_ENOMEM, "out of memory");
}

/* The place of a byte of the text, from 0. */
static yaml_mark_t mark_at(const struct reader *r, size_t offset)
{
    yaml_mark_t mark = {0};
    for (size_t i = 0; i < offset && i < r->input->size; i++) {
        unsigned char c = (unsigned char)r->input->text[i];
        mark.index += (c & 0xC0) != 0x80;
        mark.column = c == '\n' || c == '\r' ? 0 : mark.column + ((c & 0xC0) != 0x80);
        mark.line += c == '\n';
    }
    return mark;
}

/* libyaml counts neither lines nor columns in what it cannot decode, and ends a last line that has
 * no line end: what is missing there would be said of a line that the text does not have. */
static yaml_mark_t problem_mark(const struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_READER_ERROR)
        return mark_at(r, p->problem_offset);
    yaml_mark_t end = mark_at(r, r->input->size);
    yaml_mark_t mark = p->problem_mark;
    if (mark.column == 0 && mark.line == end.line + 1 && mark.index == end.index && end.column > 0)
        return end;
    return mark;
}

static int32_t parser_error(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (r->stop < 0)
        return r->stop;
    if (p->error == YAML_MEMORY_ERROR)
        return yaml_no_memory(r);
    yaml_mark_t mark = problem_mark(r);
    if (p->error == YAML_SCANNER_ERROR && p->buffer.pointer < p->buffer.last &&
        *p->buffer.pointer == '\t')
        return yaml_complain(r, LLMSPELL_EPARSE, &mark, "a tab cannot indent; use spaces");
    return yaml_complain(r, LLMSPELL_EPARSE, &mark, "%s%s%s",
                         p->problem ? p->problem : "syntax error", p->context ? " " : "",
                         p->context ? p->context : "");
}

int32_t yaml_next_event(struct reader *r, yaml_event_t *event)
{
    return yaml_parser_parse(&r->parser, event) ? 0 : parser_error(r);
}

/* ---- anchors ---- */

static void anchors_clear(struct reader *r)
{
    for (size_t i = 0; i < r->anchor_count; i++) {
        json_decref(r->anchors[i].value);
        free(r->anchors[i].key);
    }
    r->anchor_count = 0;
    json_object_clear(r->names);
}

struct anchor *yaml_find_anchor(const struct reader *r, const char *name)
{
    const json_t *index = json_object_get(r->names, name);
    return index ? &r->anchors[json_integer_value(index)] : NULL;
}

/* *ret_index: SIZE_MAX if the node has no anchor. */
int32_t yaml_open_anchor(struct reader *r, const yaml_char_t *name, size_t *ret_index)
{
    *ret_index = SIZE_MAX;
    if (!name)
        return 0;
    if (r->anchor_count == r->anchor_room) {
        size_t room = r->anchor_room * 2 + 16;
        struct anchor *grown = realloc(r->anchors, room * sizeof *grown);
        if (!grown)
            return yaml_no_memory(r);
        r->anchors = grown;
        r->anchor_room = room;
    }
    /* a later anchor of the same name hides an earlier one */
    json_t *index = json_integer((json_int_t)r->anchor_count);
    if (json_object_set_new(r->names, (const char *)name, index) != 0)
        return yaml_no_memory(r);
    r->anchors[r->anchor_count] = (struct anchor){0};
    *ret_index = r->anchor_count++;
    return 0;
}

int32_t yaml_close_anchor(struct reader *r, size_t index, const struct node *node)
{
    if (index == SIZE_MAX)
        return 0;
    struct anchor *anchor = &r->anchors[index];
    anchor->value = json_incref(node->value);
    anchor->nodes = node->nodes;
    anchor->depth = node->depth;
    if (node->key) {
        anchor->key_size = node->key_size;
        anchor->key = malloc(node->key_size + 1);
        if (!anchor->key)
            return yaml_no_memory(r);
        memcpy(anchor->key, node->key, node->key_size + 1);
    }
    return 0;
}

/* ---- documents ---- */

static int32_t read_documents(struct reader *r)
{
    for (;;) {
        CLEANUP_EVENT yaml_event_t event = {0};
        CLEANUP_NODE struct node node = {0};
        int32_t rc = yaml_next_event(r, &event);
        if (rc < 0 || event.type == YAML_STREAM_END_EVENT)
            return rc;
        if (event.type == YAML_STREAM_START_EVENT || event.type == YAML_DOCUMENT_START_EVENT)
            continue;
        if (event.type == YAML_DOCUMENT_END_EVENT) {
            anchors_clear(r);
            continue;
        }
        rc = yaml_compose(r, &event, &node);
        if (rc < 0)
            return rc;
        if (json_array_append(r->out->values, node.value) != 0)
            return yaml_no_memory(r);
    }
}

/* Hands on the text in pieces; 0 ends the parsing with an error. */
static int feed(void *data, unsigned char *buffer, size_t size, size_t *ret_size)
{
    struct reader *r = data;
    size_t left = r->input->size - r->offset;
    size_t piece = left < size ? left : size;
    r->stop = llmspell_cancelled(r->input->call);
    if (r->stop < 0)
        return 0;
    if (piece > CHUNK)
        piece = CHUNK;
    if (piece)
        memcpy(buffer, r->input->text + r->offset, piece);
    r->offset += piece;
    *ret_size = piece;
    return 1;
}

int32_t yaml_read(const struct yaml_input *input, struct yaml_documents *ret)
{
    struct reader r = {.input = input, .out = ret};
    *ret = (struct yaml_documents){.values = json_array()};
    r.names = json_object();
    if (!ret->values || !r.names || !yaml_parser_initialize(&r.parser)) {
        json_decref(r.names);
        return yaml_no_memory(&r);
    }
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input(&r.parser, feed, &r);
    if (input->size >= 3 && memcmp(input->text, "\xEF\xBB\xBF", 3) == 0)
        r.offset = 3;
    int32_t rc = read_documents(&r);
    yaml_parser_delete(&r.parser);
    anchors_clear(&r);
    free(r.anchors);
    json_decref(r.names);
    return rc;
}

void yaml_documents_clear(struct yaml_documents *documents)
{
    json_decref(documents->values);
    json_decref(documents->specials.infinity);
    json_decref(documents->specials.minus_infinity);
    json_decref(documents->specials.nan);
    documents->values = NULL;
    documents->specials = (struct yaml_specials){0};
}

int32_t yaml_fail(struct llmspell_call *call, int32_t code, const struct yaml_documents *documents,
                  const char *pointer)
{
    if (code != LLMSPELL_EPARSE && code != LLMSPELL_ELIMIT)
        return code;
    return llmspell_fail_at(call, code, pointer, "%s (line %zu, column %zu)", documents->message,
                            documents->line, documents->column);
}
