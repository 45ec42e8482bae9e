/* SPDX-License-Identifier: Apache-2.0
 * The types of a description by name, and the layout of structs as this platform's C has it. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "tool/native_spec.h"
#include "util/near.h"

struct scalar {
    const char *name;
    enum native_kind kind;
    bool is_signed;
    size_t size;
};

#define SIGNED(text, type)                                                                         \
    {                                                                                              \
        text, NATIVE_INTEGER, true, sizeof(type)                                                   \
    }
#define UNSIGNED(text, type)                                                                       \
    {                                                                                              \
        text, NATIVE_INTEGER, false, sizeof(type)                                                  \
    }

static const struct scalar SCALARS[] = {
    SIGNED("i8", int8_t),
    UNSIGNED("u8", uint8_t),
    SIGNED("i16", int16_t),
    UNSIGNED("u16", uint16_t),
    SIGNED("i32", int32_t),
    UNSIGNED("u32", uint32_t),
    SIGNED("i64", int64_t),
    UNSIGNED("u64", uint64_t),
    {"float", NATIVE_REAL, true, sizeof(float)},
    {"double", NATIVE_REAL, true, sizeof(double)},
    {"bool", NATIVE_BOOL, false, sizeof(bool)},
    {"char", NATIVE_INTEGER, CHAR_MIN < 0, 1},
    SIGNED("signed char", signed char),
    UNSIGNED("unsigned char", unsigned char),
    SIGNED("short", short),
    UNSIGNED("unsigned short", unsigned short),
    SIGNED("int", int),
    UNSIGNED("unsigned int", unsigned),
    UNSIGNED("unsigned", unsigned),
    SIGNED("long", long),
    UNSIGNED("unsigned long", unsigned long),
    SIGNED("long long", long long),
    UNSIGNED("unsigned long long", unsigned long long),
    SIGNED("int8_t", int8_t),
    UNSIGNED("uint8_t", uint8_t),
    SIGNED("int16_t", int16_t),
    UNSIGNED("uint16_t", uint16_t),
    SIGNED("int32_t", int32_t),
    UNSIGNED("uint32_t", uint32_t),
    SIGNED("int64_t", int64_t),
    UNSIGNED("uint64_t", uint64_t),
    UNSIGNED("size_t", size_t),
    SIGNED("ssize_t", ssize_t),
    SIGNED("ptrdiff_t", ptrdiff_t),
    SIGNED("intptr_t", intptr_t),
    UNSIGNED("uintptr_t", uintptr_t),
    SIGNED("off_t", off_t),
    SIGNED("time_t", time_t),
};

#define SCALAR_COUNT (sizeof SCALARS / sizeof SCALARS[0])

static unsigned short ffi_code(const struct scalar *scalar)
{
    static const unsigned short integers[2][9] = {
        {0, FFI_TYPE_UINT8, FFI_TYPE_UINT16, 0, FFI_TYPE_UINT32, 0, 0, 0, FFI_TYPE_UINT64},
        {0, FFI_TYPE_SINT8, FFI_TYPE_SINT16, 0, FFI_TYPE_SINT32, 0, 0, 0, FFI_TYPE_SINT64}};
    if (scalar->kind == NATIVE_REAL)
        return scalar->size == sizeof(float) ? FFI_TYPE_FLOAT : FFI_TYPE_DOUBLE;
    return integers[scalar->is_signed][scalar->size];
}

bool native_type_scalar(const char *name, struct native_type *ret_type)
{
    for (size_t i = 0; i < SCALAR_COUNT; i++) {
        const struct scalar *scalar = &SCALARS[i];
        if (strcmp(scalar->name, name) != 0)
            continue;
        *ret_type = (struct native_type){
            .kind = scalar->kind,
            .name = scalar->name,
            .is_signed = scalar->is_signed,
            .size = scalar->size,
            .align = scalar->size, /* true of all ABIs with 64-bit pointers that libffi knows */
            .ffi = {scalar->size, (unsigned short)scalar->size, ffi_code(scalar), NULL},
        };
        return true;
    }
    return false;
}

void native_type_offer_names(const char *word, const char **ret_near)
{
    struct near near = {.word = word};
    for (size_t i = 0; i < SCALAR_COUNT; i++)
        near_offer(&near, SCALARS[i].name);
    if (near.best)
        *ret_near = near.best;
}

/* ---- layout ---- */

/* The elements that libffi shall see: an array in place counts as a struct of its items. */
static bool set_elements(ffi_type *ffi, size_t count)
{
    ffi->size = 0; /* libffi computes both */
    ffi->alignment = 0;
    ffi->type = FFI_TYPE_STRUCT;
    ffi->elements = calloc(count + 1, sizeof(ffi_type *));
    return ffi->elements != NULL;
}

static bool lay_out_array(struct native_type *type)
{
    if (!set_elements(&type->ffi, type->count))
        return false;
    for (size_t i = 0; i < type->count; i++)
        type->ffi.elements[i] = &type->item->ffi;
    return true;
}

int native_type_layout(const struct native_at *at, struct native_type *type)
{
    if (!set_elements(&type->ffi, type->value_count))
        return native_no_memory(at);
    type->align = 1;
    for (size_t i = 0; i < type->value_count; i++) {
        struct native_value *field = &type->values[i];
        struct native_type *own = &field->type;
        bool in_place = own->kind == NATIVE_ARRAY || own->kind == NATIVE_CHARS;
        if (in_place && !own->ffi.elements && !lay_out_array(own))
            return native_no_memory(at);
        field->offset = (type->size + own->align - 1) / own->align * own->align;
        type->size = field->offset + own->size;
        if (own->align > type->align)
            type->align = own->align;
        if (type->size > NATIVE_STRUCT_MAX)
            return native_bad(at, "is larger than %d bytes", NATIVE_STRUCT_MAX);
        type->ffi.elements[i] = &own->ffi;
    }
    type->size = (type->size + type->align - 1) / type->align * type->align;
    return 0;
}

/* ---- messages ---- */

/* Writes the pointer of at; "~" and "/" in names are escaped. */
static size_t write_pointer(const struct native_at *at, char *text, size_t size)
{
    if (!at->up)
        return 0;
    size_t used = write_pointer(at->up, text, size);
    if (!at->key) {
        used += (size_t)snprintf(text + used, size - used, "/%zu", at->index);
        return used < size ? used : size - 1;
    }
    if (used + 1 < size)
        text[used++] = '/';
    for (const char *c = at->key; *c && used + 3 < size; c++) {
        text[used++] = *c == '~' || *c == '/' ? '~' : *c;
        if (*c == '~' || *c == '/')
            text[used++] = *c == '~' ? '0' : '1';
    }
    text[used] = '\0';
    return used;
}

int native_bad(const struct native_at *at, const char *format, ...)
{
    char pointer[ERROR_PATH_MAX] = "", message[512];
    const struct native_at *root = at;
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    write_pointer(at, pointer, sizeof pointer);
    while (root->up)
        root = root->up;
    if (root->params)
        return error_set_at(root->error, LLMSPELL_EINVAL, pointer, "%s%s%s", pointer,
                            *pointer ? " " : "", message);
    return error_set(root->error, LLMSPELL_EREFUSED, "%s%s\"%s\" in its manifest: %s",
                     root->file ? root->file : "", root->file ? ": " : "", pointer, message);
}

int native_no_memory(const struct native_at *at)
{
    while (at->up)
        at = at->up;
    return error_set(at->error, LLMSPELL_ENOMEM, "out of memory");
}

int native_known_keys(const struct native_at *at, const json_t *object, const char *const *keys)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        struct near near = {.word = name};
        const char *const *key = keys;
        for (; *key && strcmp(*key, name) != 0; key++)
            near_offer(&near, *key);
        if (*key || strncmp(name, "x-", 2) == 0)
            continue;
        const struct native_at here = native_at_key(at, name);
        return near.best ? native_bad(&here, "is no known key; did you mean \"%s\"?", near.best)
                         : native_bad(&here, "is no known key (own ones start with x-)");
    }
    return 0;
}
