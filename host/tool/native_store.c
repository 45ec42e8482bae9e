/* SPDX-License-Identifier: Apache-2.0
 * JSON to C: the arguments of one call, in memory of the call. */
#include <stdlib.h>
#include <string.h>

#include "tool/native_frame.h"
#include "util/base64.h"

/* ---- memory ---- */

struct native_block {
    struct native_block *next;
    _Alignas(16) unsigned char bytes[];
};

void *native_frame_alloc(struct native_frame *frame, const struct native_value *value, size_t size)
{
    size_t most = frame->native->spec.max_bytes;
    if (size > most || frame->used > most - size) {
        error_set(&frame->error, LLMSPELL_ELIMIT,
                  "\"%s\" needs %zu bytes; %zu of the %zu that the arguments of this tool may have "
                  "are used (max_bytes of \"native\")",
                  value->name, size, frame->used, most);
        return NULL;
    }
    struct native_block *block = calloc(1, sizeof *block + size + 1);
    if (!block) {
        error_set(&frame->error, LLMSPELL_ENOMEM, "out of memory");
        return NULL;
    }
    frame->used += size;
    block->next = frame->blocks;
    frame->blocks = block;
    return block->bytes;
}

void native_frame_clear(struct native_frame *frame)
{
    native_callback_clear(frame);
    for (struct native_block *block = frame->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    frame->blocks = NULL;
}

/* What native_frame_alloc or a copy failed with. */
static int failed(const struct native_frame *frame)
{
    return frame->error.code;
}

/* ---- values ---- */

static int copy_text(struct native_frame *frame, const struct native_at *at,
                     const struct native_value *value, const json_t *given,
                     struct native_slot *slot)
{
    const char *text = json_string_value(given);
    size_t length = json_string_length(given);
    if (!text)
        return native_bad(at, "must be a string");
    if (value->type.kind == NATIVE_STRING && strlen(text) != length)
        return native_bad(at, "holds a NUL, where C's strings end");
    char *copy = native_frame_alloc(frame, value, length);
    if (!copy)
        return failed(frame);
    memcpy(copy, text, length);
    slot->block = slot->word.pointer = copy;
    slot->count = length;
    return 0;
}

static int store_bytes(struct native_frame *frame, const struct native_at *at,
                       const struct native_value *value, const json_t *given,
                       struct native_slot *slot)
{
    if (value->text)
        return copy_text(frame, at, value, given, slot);
    const char *text = json_string_value(given);
    if (!text)
        return native_bad(at, "must be a string of base64");
    slot->block = native_frame_alloc(frame, value, base64_room(json_string_length(given)));
    if (!slot->block)
        return failed(frame);
    slot->word.pointer = slot->block;
    if (!base64_decode(text, json_string_length(given), slot->block, &slot->count))
        return native_bad(at, "is not base64 (with padding)");
    return 0;
}

static int store_items(const struct native_at *up, const struct native_type *item,
                       const json_t *given, unsigned char *ret_memory)
{
    size_t i;
    json_t *one;
    json_array_foreach(given, i, one)
    {
        const struct native_at at = native_at_index(up, i);
        int rc = native_scalar_store(&at, item, one, ret_memory + i * item->size);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int check_count(const struct native_at *at, const json_t *given, int64_t fixed)
{
    if (!json_is_array(given))
        return native_bad(at, "must be an array");
    if (fixed >= 0 && json_array_size(given) != (size_t)fixed)
        return native_bad(at, "must have %lld items, has %zu", (long long)fixed,
                          json_array_size(given));
    return 0;
}

static int store_array(struct native_frame *frame, const struct native_at *at,
                       const struct native_value *value, const json_t *given,
                       struct native_slot *slot)
{
    const struct native_type *item = value->type.item;
    int rc = check_count(at, given, value->size);
    if (rc < 0)
        return rc;
    slot->count = json_array_size(given);
    slot->block = native_frame_alloc(frame, value, slot->count * item->size);
    if (!slot->block)
        return failed(frame);
    slot->word.pointer = slot->block;
    return store_items(at, item, given, slot->block);
}

static int store_chars(const struct native_at *at, const struct native_type *type,
                       const json_t *given, void *ret_memory)
{
    const char *text = json_string_value(given);
    size_t length = json_string_length(given);
    if (!text || strlen(text) != length)
        return native_bad(at, "must be a string without NUL");
    if (length >= type->count)
        return native_bad(at, "has %zu bytes; %zu fit", length, type->count - 1);
    memcpy(ret_memory, text, length + 1);
    return 0;
}

static int store_field(struct native_frame *frame, const struct native_at *at,
                       const struct native_value *field, const json_t *given, void *ret_memory)
{
    struct native_slot slot = {0};
    int rc;
    switch (field->type.kind) {
    case NATIVE_STRING:
        rc = copy_text(frame, at, field, given, &slot);
        if (rc == 0)
            memcpy(ret_memory, &slot.word.pointer, sizeof slot.word.pointer);
        return rc;
    case NATIVE_CHARS:
        return store_chars(at, &field->type, given, ret_memory);
    case NATIVE_ARRAY:
        rc = check_count(at, given, (int64_t)field->type.count);
        return rc < 0 ? rc : store_items(at, field->type.item, given, ret_memory);
    case NATIVE_STRUCT:
        return native_store_struct(frame, at, &field->type, given, ret_memory);
    default:
        return native_scalar_store(at, &field->type, given, ret_memory);
    }
}

int native_store_struct(struct native_frame *frame, const struct native_at *up,
                        const struct native_type *type, const json_t *object, void *ret_memory)
{
    size_t known = 0;
    if (!json_is_object(object))
        return native_bad(up, "must be an object");
    for (size_t i = 0; i < type->value_count; i++) {
        const struct native_value *field = &type->values[i];
        const struct native_at at = native_at_key(up, field->name);
        const json_t *given = json_object_get(object, field->name);
        if (field->type.kind == NATIVE_POINTER)
            continue;
        known += given != NULL;
        if (field->nullable && (!given || json_is_null(given)))
            continue;
        if (!given)
            return native_bad(&at, "is missing");
        int rc = store_field(frame, &at, field, given, (unsigned char *)ret_memory + field->offset);
        if (rc < 0)
            return rc;
    }
    if (known != json_object_size(object))
        return native_bad(up, "has a member that is no field of the struct");
    return 0;
}

/* ---- arguments ---- */

/* What only comes out, but for those whose size another argument says. */
static int make_room(struct native_frame *frame, const struct native_value *value,
                     struct native_slot *slot)
{
    const struct native_type *type = &value->type;
    size_t size = type->kind == NATIVE_STRING ? sizeof(char *) : type->size;
    if (type->kind == NATIVE_BUFFER || type->kind == NATIVE_ARRAY) {
        size_t item = type->kind == NATIVE_ARRAY ? type->item->size : 1;
        slot->count = (size_t)value->size;
        if (value->size_from >= 0) {
            const struct native_value *from = &frame->native->spec.arguments[value->size_from];
            int64_t count =
                native_integer_get(&from->type, frame->slots[value->size_from].word.bytes);
            const struct native_at root = {.params = true, .error = &frame->error};
            const struct native_at at = native_at_key(&root, from->name);
            if (count < 0 || count > NATIVE_BYTES_MAX)
                return native_bad(&at, "is no size of a buffer: 0 to %d are", NATIVE_BYTES_MAX);
            slot->count = (size_t)count;
        }
        size = slot->count * item;
    }
    slot->block = slot->word.pointer = native_frame_alloc(frame, value, size);
    return slot->block ? 0 : failed(frame);
}

static int store_scalar(struct native_frame *frame, const struct native_at *at,
                        const struct native_value *value, const json_t *given,
                        struct native_slot *slot)
{
    if (!value->pointer)
        return native_scalar_store(at, &value->type, given, slot->word.bytes);
    slot->block = slot->word.pointer = native_frame_alloc(frame, value, value->type.size);
    return slot->block ? native_scalar_store(at, &value->type, given, slot->block) : failed(frame);
}

static int store_given(struct native_frame *frame, const struct native_at *at,
                       const struct native_value *value, const json_t *given,
                       struct native_slot *slot)
{
    switch (value->type.kind) {
    case NATIVE_STRING:
        return copy_text(frame, at, value, given, slot);
    case NATIVE_BYTES:
        return store_bytes(frame, at, value, given, slot);
    case NATIVE_ARRAY:
        return store_array(frame, at, value, given, slot);
    case NATIVE_STRUCT:
        slot->block = slot->word.pointer = native_frame_alloc(frame, value, value->type.size);
        return slot->block ? native_store_struct(frame, at, &value->type, given, slot->block)
                           : failed(frame);
    case NATIVE_CALLBACK:
        if (!json_is_string(given))
            return native_bad(at, "must be the name of what is called, such as \"tool:NAME\"");
        return native_callback_new(frame, at, value, json_string_value(given), &slot->word.pointer);
    default:
        return store_scalar(frame, at, value, given, slot);
    }
}

static int store_argument(struct native_frame *frame, size_t i)
{
    const struct native_value *value = &frame->native->spec.arguments[i];
    const struct native_at root = {.params = true, .error = &frame->error};
    const struct native_at at = native_at_key(&root, value->name);
    const json_t *given =
        value->constant ? value->constant : json_object_get(frame->params, value->name);
    if (!given)
        given = value->fallback;
    bool null = !given || json_is_null(given);
    if (value->type.kind == NATIVE_POINTER || (null && value->constant) ||
        (null && value->nullable))
        return 0;
    if (!given)
        return native_bad(&at, "is missing");
    return store_given(frame, &at, value, given, &frame->slots[i]);
}

/* The length of another argument, which must fit the type that C wants it in. */
static int store_length(struct native_frame *frame, size_t i)
{
    const struct native_value *value = &frame->native->spec.arguments[i];
    struct native_slot *slot = &frame->slots[i];
    const struct native_slot *other = &frame->slots[value->length_of];
    const struct native_at root = {.params = true, .error = &frame->error};
    const struct native_at at =
        native_at_key(&root, frame->native->spec.arguments[value->length_of].name);
    if (!native_integer_fits(&value->type, other->count, false))
        return native_bad(&at, "has a length of %zu, which does not fit %s", other->count,
                          value->type.name);
    if (value->pointer) {
        slot->block = slot->word.pointer = native_frame_alloc(frame, value, value->type.size);
        if (!slot->block)
            return failed(frame);
    }
    native_integer_set(&value->type, other->count, value->pointer ? slot->block : slot->word.bytes);
    return 0;
}

/* In three rounds, since sizes come from values and lengths from both. */
int native_store_arguments(struct native_frame *frame)
{
    const struct native_spec *spec = &frame->native->spec;
    int rc = 0;
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; rc == 0 && i < spec->argument_count; i++) {
            const struct native_value *value = &spec->arguments[i];
            int own = value->length_of >= 0 ? 2 : value->in ? 0 : 1;
            if (own != round)
                continue;
            rc = round == 2   ? store_length(frame, i)
                 : round == 1 ? make_room(frame, value, &frame->slots[i])
                              : store_argument(frame, i);
        }
    }
    for (size_t i = 0; i < spec->argument_count; i++) {
        const struct native_value *value = &spec->arguments[i];
        bool by_value = value->type.kind == NATIVE_STRUCT && !value->pointer;
        frame->values[i] = by_value ? frame->slots[i].block : &frame->slots[i].word;
    }
    return rc;
}
