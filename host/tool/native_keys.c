/* SPDX-License-Identifier: Apache-2.0
 * Which type may stand where, and which key goes with it, as two tables: so that a key in the wrong
 * place is told, not ignored. Used by native_parse.c. */
#include <string.h>

#include "tool/native_spec.h"
#include "util/near.h"

#define KIND(kind) (1u << NATIVE_##kind)
#define SCALARS (KIND(INTEGER) | KIND(REAL) | KIND(BOOL))
#define ALL 0xFFFFFFFFu

#define ARGUMENT (1u << NATIVE_AT_ARGUMENT)
#define FIELD (1u << NATIVE_AT_FIELD)
#define CALLBACK_ARGUMENT (1u << NATIVE_AT_CALLBACK_ARGUMENT)
#define RETURN (1u << NATIVE_AT_RETURN)
#define NAMED (ARGUMENT | FIELD | CALLBACK_ARGUMENT)

struct key_rule {
    const char *key;
    unsigned places, kinds;
};

static const struct key_rule KEYS[] = {
    {"name", NAMED | RETURN, ALL},
    {"type", ALL, ALL},
    {"description", ALL, ALL},
    {"default", ARGUMENT, SCALARS | KIND(STRING)},
    {"value", ARGUMENT, SCALARS | KIND(STRING) | KIND(POINTER)},
    {"out", ARGUMENT, SCALARS | KIND(STRING) | KIND(ARRAY) | KIND(STRUCT)},
    {"inout", ARGUMENT, SCALARS | KIND(BYTES) | KIND(ARRAY) | KIND(STRUCT)},
    {"pointer", ARGUMENT, SCALARS | KIND(STRUCT)},
    {"pointer", CALLBACK_ARGUMENT, SCALARS},
    {"pointer", RETURN, KIND(STRUCT)},
    {"nullable", ARGUMENT,
     KIND(STRING) | KIND(BYTES) | KIND(ARRAY) | KIND(STRUCT) | KIND(CALLBACK)},
    {"nullable", FIELD, KIND(STRING)},
    {"length_of", ARGUMENT, KIND(INTEGER)},
    {"encoding", ARGUMENT, KIND(BYTES) | KIND(BUFFER)},
    {"size", ARGUMENT, KIND(BUFFER) | KIND(ARRAY)},
    {"size", FIELD, KIND(ARRAY) | KIND(CHARS)},
    {"size_from", ARGUMENT, KIND(BUFFER) | KIND(ARRAY)},
    {"length_from", ARGUMENT, KIND(BUFFER) | KIND(ARRAY)},
    {"items", ARGUMENT | FIELD, KIND(ARRAY)},
    {"fields", ARGUMENT | FIELD | RETURN, KIND(STRUCT)},
    {"arguments", ARGUMENT, KIND(CALLBACK)},
    {"returns", ARGUMENT, KIND(CALLBACK)},
    {"member", ARGUMENT, KIND(CALLBACK)},
    {"free", ARGUMENT | RETURN, KIND(STRING)},
    {"free", RETURN, KIND(STRUCT)},
    {"status", RETURN, ALL & ~KIND(VOID)},
};

#define KEY_COUNT (sizeof KEYS / sizeof KEYS[0])

struct type_rule {
    const char *name;
    enum native_kind kind;
    unsigned places;
};

static const struct type_rule TYPES[] = {
    {"void", NATIVE_VOID, RETURN | 1u << NATIVE_AT_CALLBACK_RETURN},
    {"pointer", NATIVE_POINTER, NAMED | RETURN},
    {"string", NATIVE_STRING, NAMED | RETURN},
    {"chars", NATIVE_CHARS, FIELD},
    {"bytes", NATIVE_BYTES, ARGUMENT},
    {"buffer", NATIVE_BUFFER, ARGUMENT},
    {"array", NATIVE_ARRAY, ARGUMENT | FIELD},
    {"struct", NATIVE_STRUCT, ARGUMENT | FIELD | RETURN},
    {"callback", NATIVE_CALLBACK, ARGUMENT},
};

#define TYPE_COUNT (sizeof TYPES / sizeof TYPES[0])

static int unknown_type(const struct native_at *at, const char *name)
{
    const char *found = NULL;
    struct near near = {.word = name};
    for (size_t i = 0; i < TYPE_COUNT; i++)
        near_offer(&near, TYPES[i].name);
    native_type_offer_names(name, &found);
    if (found)
        near_offer(&near, found);
    return near.best
               ? native_bad(at, "there is no type \"%s\"; did you mean \"%s\"?", name, near.best)
               : native_bad(at, "there is no type \"%s\"; docs/native.md lists them", name);
}

int native_type_parse(const struct native_at *up, const json_t *object, enum native_place place,
                      struct native_type *type)
{
    const struct native_at at = native_at_key(up, "type");
    const char *name = json_string_value(json_object_get(object, "type"));
    if (!name)
        return native_bad(&at, "must be the name of a type, such as \"i32\" or \"string\"");
    if (native_type_scalar(name, type))
        return 0;
    size_t i = 0;
    while (i < TYPE_COUNT && strcmp(TYPES[i].name, name) != 0)
        i++;
    if (i == TYPE_COUNT)
        return unknown_type(&at, name);
    if (!(TYPES[i].places & (1u << place)))
        return native_bad(&at, "\"%s\" cannot stand here", name);
    *type = (struct native_type){
        .kind = TYPES[i].kind,
        .name = TYPES[i].name,
        .size = sizeof(void *),
        .align = sizeof(void *),
        .ffi = {sizeof(void *), sizeof(void *), FFI_TYPE_POINTER, NULL},
    };
    if (type->kind == NATIVE_VOID)
        type->ffi = (ffi_type){1, 1, FFI_TYPE_VOID, NULL};
    return 0;
}

int native_keys_check(const struct native_at *at, const json_t *object, enum native_place place,
                      const struct native_type *type)
{
    const char *names[KEY_COUNT + 1];
    for (size_t i = 0; i < KEY_COUNT; i++)
        names[i] = KEYS[i].key;
    names[KEY_COUNT] = NULL;
    int rc = native_known_keys(at, object, names);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        const struct native_at here = native_at_key(at, name);
        bool fits = rc < 0 || strncmp(name, "x-", 2) == 0;
        for (size_t i = 0; !fits && i < KEY_COUNT; i++)
            fits = strcmp(KEYS[i].key, name) == 0 && (KEYS[i].places & (1u << place)) &&
                   (KEYS[i].kinds & (1u << type->kind));
        if (!fits)
            return native_bad(&here, "does not go with the type \"%s\" here", type->name);
    }
    return rc;
}
