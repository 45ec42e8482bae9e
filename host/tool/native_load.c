/* SPDX-License-Identifier: Apache-2.0
 * C to JSON: what came out of one call, whether it succeeded, and who frees what. */
#include <stdlib.h>
#include <string.h>

#include "tool/native_frame.h"
#include "util/base64.h"
#include "util/utf8.h"

#include <llmspell/tool.h>

static json_t *bad_result(struct native_frame *frame, const char *name, const char *what)
{
    error_set(&frame->error, LLMSPELL_EFAILED, "%s: what came out as \"%s\" %s",
              frame->native->spec.symbol, name, what);
    return NULL;
}

json_t *native_load_string(struct native_frame *frame, const char *name, const char *text,
                           size_t size)
{
    if (utf8_valid(text, size) != size)
        return bad_result(frame, name, "is not UTF-8; the description should say bytes");
    return json_stringn_nocheck(text, size);
}

static json_t *load_bytes(struct native_frame *frame, const struct native_value *value,
                          const void *bytes, size_t size)
{
    if (value->text)
        return native_load_string(frame, value->name, bytes, size);
    LLMSPELL_CLEANUP_FREE char *text = base64_encode(bytes, size);
    return text ? json_string_nocheck(text) : NULL;
}

static json_t *load_items(const struct native_type *item, const unsigned char *memory, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; array && i < count; i++)
        json_array_append_new(array, native_scalar_load(item, memory + i * item->size));
    return array;
}

static json_t *load_struct(struct native_frame *frame, const struct native_type *type,
                           const unsigned char *memory);

static json_t *load_pointer_text(struct native_frame *frame, const char *name, const void *memory)
{
    const char *text;
    memcpy(&text, memory, sizeof text);
    return text ? native_load_string(frame, name, text, strlen(text)) : json_null();
}

static json_t *load_field(struct native_frame *frame, const struct native_value *field,
                          const unsigned char *memory)
{
    const struct native_type *type = &field->type;
    switch (type->kind) {
    case NATIVE_STRING:
        return load_pointer_text(frame, field->name, memory);
    case NATIVE_CHARS:
        return native_load_string(frame, field->name, (const char *)memory,
                                  strnlen((const char *)memory, type->count));
    case NATIVE_ARRAY:
        return load_items(type->item, memory, type->count);
    case NATIVE_STRUCT:
        return load_struct(frame, type, memory);
    default:
        return native_scalar_load(type, memory);
    }
}

static json_t *load_struct(struct native_frame *frame, const struct native_type *type,
                           const unsigned char *memory)
{
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    for (size_t i = 0; object && i < type->value_count; i++) {
        const struct native_value *field = &type->values[i];
        if (field->type.kind == NATIVE_POINTER)
            continue;
        json_t *value = load_field(frame, field, memory + field->offset);
        if (!value || json_object_set_new(object, field->name, value) != 0)
            return NULL;
    }
    return llmspell_steal_json(&object);
}

/* ---- lengths ---- */

static int64_t returned_integer(const struct native_frame *frame)
{
    return native_integer_get(&frame->native->spec.result.type, frame->returned);
}

/* How much of a buffer or array came out; false with the error set if it cannot be. */
static bool find_count(struct native_frame *frame, const struct native_value *value,
                       const struct native_slot *slot, size_t *ret_count)
{
    const struct native_spec *spec = &frame->native->spec;
    const struct native_type *type = &spec->result.type;
    int64_t count;
    *ret_count = slot->count;
    if (value->length_from == NATIVE_NO_LINK) {
        if (value->type.kind == NATIVE_BUFFER && value->text)
            *ret_count = strnlen(slot->block, slot->count);
        return true;
    }
    if (value->length_from == NATIVE_LINK_RETURN) {
        count = returned_integer(frame);
    } else {
        type = &spec->arguments[value->length_from].type;
        count = native_integer_get(type, frame->slots[value->length_from].block);
    }
    bool fits = type->is_signed ? count >= 0 && (uint64_t)count <= slot->count
                                : (uint64_t)count <= slot->count;
    if (fits) {
        *ret_count = (size_t)count;
        return true;
    }
    char text[96];
    snprintf(text, sizeof text, "has a length of %lld, where %zu fit", (long long)count,
             slot->count);
    bad_result(frame, value->name, text);
    return false;
}

static json_t *load_argument(struct native_frame *frame, size_t i)
{
    const struct native_value *value = &frame->native->spec.arguments[i];
    const struct native_slot *slot = &frame->slots[i];
    size_t count;
    if (!slot->block) /* a nullable inout that was NULL */
        return json_null();
    switch (value->type.kind) {
    case NATIVE_STRING:
        return load_pointer_text(frame, value->name, slot->block);
    case NATIVE_BYTES:
    case NATIVE_BUFFER:
        return find_count(frame, value, slot, &count) ? load_bytes(frame, value, slot->block, count)
                                                      : NULL;
    case NATIVE_ARRAY:
        return find_count(frame, value, slot, &count)
                   ? load_items(value->type.item, slot->block, count)
                   : NULL;
    case NATIVE_STRUCT:
        return load_struct(frame, &value->type, slot->block);
    default:
        return native_scalar_load(&value->type, slot->block);
    }
}

static json_t *load_return(struct native_frame *frame)
{
    const struct native_value *value = &frame->native->spec.result;
    const union native_word *word = frame->returned;
    switch (value->type.kind) {
    case NATIVE_STRING:
        return load_pointer_text(frame, value->name, word);
    case NATIVE_STRUCT:
        if (!value->pointer)
            return load_struct(frame, &value->type, word->bytes);
        return word->pointer ? load_struct(frame, &value->type, word->pointer) : json_null();
    default:
        return native_scalar_load(&value->type, word);
    }
}

static json_t *no_result(struct native_frame *frame)
{
    if (frame->error.code == 0)
        error_set(&frame->error, LLMSPELL_ENOMEM, "out of memory");
    return NULL;
}

json_t *native_load_result(struct native_frame *frame)
{
    const struct native_spec *spec = &frame->native->spec;
    LLMSPELL_CLEANUP_JSON json_t *result = json_object();
    if (!result)
        return no_result(frame);
    for (size_t i = 0; i < spec->argument_count; i++) {
        if (!native_is_shown(&spec->arguments[i]))
            continue;
        json_t *value = load_argument(frame, i);
        if (!value || json_object_set_new(result, spec->arguments[i].name, value) != 0)
            return no_result(frame);
    }
    if (native_shows_return(spec)) {
        json_t *value = load_return(frame);
        if (!value || json_object_set_new(result, spec->result.name, value) != 0)
            return no_result(frame);
    }
    return llmspell_steal_json(&result);
}

void native_release_result(struct native_frame *frame, bool success)
{
    const struct native *native = frame->native;
    for (size_t i = 0; success && i < native->spec.argument_count; i++) {
        char *text = NULL;
        if (!native->argument_free[i] || !frame->slots[i].block)
            continue;
        memcpy(&text, frame->slots[i].block, sizeof text);
        if (text)
            native->argument_free[i](text);
    }
    if (native->result_free && frame->returned->pointer)
        native->result_free(frame->returned->pointer);
}

/* ---- status ---- */

static bool is_listed(const struct native_status *status, const struct native_type *type,
                      int64_t returned)
{
    size_t count = json_is_array(status->list) ? json_array_size(status->list) : 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *one =
            json_is_array(status->list) ? json_array_get(status->list, i) : status->list;
        union native_word word = {.integer = 0};
        const struct native_at root = {.error = NULL, .params = true};
        if (native_scalar_store(&root, type, one, word.bytes) == 0 &&
            native_integer_get(type, word.bytes) == returned)
            return true;
    }
    return false;
}

static bool succeeded(const struct native_frame *frame)
{
    const struct native_value *result = &frame->native->spec.result;
    const struct native_status *status = &frame->native->spec.status;
    bool scalar = native_is_scalar(&result->type) && !result->pointer;
    int64_t returned = scalar ? returned_integer(frame) : 0;
    switch (status->ok) {
    case NATIVE_OK_LIST:
        return is_listed(status, &result->type, returned);
    case NATIVE_OK_NOT_NEGATIVE:
        return returned >= 0;
    case NATIVE_OK_POSITIVE:
        return result->type.is_signed ? returned > 0 : returned != 0;
    case NATIVE_OK_NOT_ZERO:
        return scalar ? returned != 0 : frame->returned->pointer != NULL;
    case NATIVE_OK_ERRNO:
        return frame->saved_errno == 0;
    default:
        return true;
    }
}

static void write_errno(char *text, size_t size, int number)
{
    const char *name = strerrorname_np(number), *words = strerrordesc_np(number);
    snprintf(text, size, ": %s (%s, errno %d)", words ? words : "unknown error",
             name ? name : "no name", number);
}

/* Which words there are for a value that means failure. */
static void explain(const struct native_frame *frame, const char *value, char *text, size_t size)
{
    const struct native_status *status = &frame->native->spec.status;
    const char *name = json_string_value(json_object_get(status->names, value));
    size_t used = 0;
    *text = '\0';
    if (name)
        used = (size_t)snprintf(text, size, " (%s)", name);
    if (used >= size)
        return;
    if (status->message && strcmp(status->message, "strerror") == 0) {
        write_errno(text + used, size - used, (int)returned_integer(frame));
    } else if (status->message) {
        const char *words = frame->native->message((int)returned_integer(frame));
        snprintf(text + used, size - used, ": %s", words ? words : "");
    } else if (status->use_errno && frame->saved_errno != 0) {
        write_errno(text + used, size - used, frame->saved_errno);
    }
}

int native_status_check(struct native_frame *frame)
{
    const struct native_spec *spec = &frame->native->spec;
    char value[64] = "NULL", words[512];
    if (succeeded(frame))
        return 0;
    if (native_is_scalar(&spec->result.type)) {
        LLMSPELL_CLEANUP_JSON json_t *returned =
            native_scalar_load(&spec->result.type, frame->returned);
        LLMSPELL_CLEANUP_FREE char *text = json_dumps(returned, JSON_ENCODE_ANY);
        snprintf(value, sizeof value, "%s", text ? text : "?");
    } else if (spec->status.ok == NATIVE_OK_ERRNO) {
        snprintf(value, sizeof value, "an error");
    }
    explain(frame, value, words, sizeof words);
    return error_set(&frame->error, LLMSPELL_EFAILED, "%s returned %s%s", spec->symbol, value,
                     words);
}
