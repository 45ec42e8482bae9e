/* SPDX-License-Identifier: Apache-2.0
 * A description of a C function after reading: types with their layout, arguments with their links.
 * Private to host/tool/native*.c. */
#ifndef HOST_NATIVE_SPEC_H
#define HOST_NATIVE_SPEC_H

#include <ffi.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define NATIVE_ARGUMENTS_MAX 32
#define NATIVE_FIELDS_MAX 64
#define NATIVE_DEPTH_MAX 8              /* of structs in structs */
#define NATIVE_STRUCT_MAX 65536         /* bytes */
#define NATIVE_BYTES_DEFAULT (16 << 20) /* all that one call may allocate */
#define NATIVE_BYTES_MAX (1 << 30)

enum native_kind {
    NATIVE_VOID,
    NATIVE_INTEGER,
    NATIVE_REAL, /* float, double */
    NATIVE_BOOL,
    NATIVE_POINTER, /* opaque: NULL going in, not shown coming out */
    NATIVE_STRING,  /* char *, UTF-8 */
    NATIVE_CHARS,   /* char[N] in a struct, UTF-8 */
    NATIVE_BYTES,
    NATIVE_BUFFER,
    NATIVE_ARRAY, /* of scalars: by pointer as an argument, in place as a field */
    NATIVE_STRUCT,
    NATIVE_CALLBACK
};

/* Where a value stands in the description. */
enum native_place {
    NATIVE_AT_ARGUMENT,
    NATIVE_AT_FIELD,
    NATIVE_AT_CALLBACK_ARGUMENT,
    NATIVE_AT_RETURN,
    NATIVE_AT_CALLBACK_RETURN
};

struct native_value;

/* A type and its layout here. size and align are those of the value itself, not of a pointer to
 * it; of an array argument those of one item. */
struct native_type {
    enum native_kind kind;
    const char *name; /* as the description writes it; borrowed */
    bool is_signed;
    size_t size, align;
    size_t count;                /* array with a fixed number of items, chars; else 0 */
    struct native_type *item;    /* array */
    struct native_value *values; /* the fields of a struct, the arguments of a callback */
    size_t value_count;
    struct native_value *result; /* callback: what it returns */
    ffi_type ffi;                /* of the value itself; elements is owned by it */
};

#define NATIVE_NO_LINK (-1)
#define NATIVE_LINK_RETURN (-2) /* length_from: the return value */

/* An argument, a field, or what is returned. */
struct native_value {
    const char *name; /* borrowed from the JSON, as all texts are */
    struct native_type type;
    bool in, out; /* whether the caller gives it, gets it; both: inout */
    bool pointer; /* passed or returned by pointer */
    bool nullable;
    bool text;               /* bytes, buffer: UTF-8 text in JSON, not base64 */
    const json_t *constant;  /* "value"; or NULL */
    const json_t *fallback;  /* "default"; or NULL */
    const char *description; /* or NULL */
    const char *free_name;   /* "free", a symbol, or NULL: nothing is to be freed */
    const char *member;      /* callback: which member of an answer is the value returned */
    int length_of, size_from, length_from; /* argument indexes or NATIVE_NO_LINK */
    int64_t size;                          /* buffer, array: fixed; or -1 */
    size_t offset;                         /* of a field */
};

enum native_ok {
    NATIVE_OK_ANY,
    NATIVE_OK_LIST,
    NATIVE_OK_NOT_NEGATIVE,
    NATIVE_OK_POSITIVE,
    NATIVE_OK_NOT_ZERO, /* also "nonnull" */
    NATIVE_OK_ERRNO     /* errno stayed 0 */
};

struct native_status {
    enum native_ok ok;
    const json_t *list; /* NATIVE_OK_LIST: one value or an array */
    bool use_errno;
    const char *message; /* "strerror", a symbol, or NULL */
    const json_t *names; /* {"-3": "Z_DATA_ERROR"} or NULL */
};

struct native_spec {
    json_t *json;        /* a reference: what all texts are borrowed from */
    const char *library; /* NULL: the plugin's own */
    const char *symbol;
    struct native_value *arguments;
    size_t argument_count;
    struct native_value result;
    struct native_status status;
    size_t fixed; /* how many arguments are not variable ones; argument_count unless variadic */
    bool variadic;
    size_t max_bytes;
};

/* ---- where we are, for messages ---- */

/* One step of a JSON pointer; lives on the stack of who reads. */
struct native_at {
    const struct native_at *up; /* NULL: the root */
    const char *key;            /* or NULL: index counts */
    size_t index;
    const char *file;    /* of the root: whose manifest, or NULL */
    bool params;         /* of the root: pointers are those of parameters, the code is EINVAL */
    struct error *error; /* of the root */
};

static inline struct native_at native_at_key(const struct native_at *up, const char *key)
{
    return (struct native_at){.up = up, .key = key};
}

static inline struct native_at native_at_index(const struct native_at *up, size_t index)
{
    return (struct native_at){.up = up, .index = index};
}

/* Fills the root's error with the pointer and a sentence; returns EREFUSED (a description) or
 * EINVAL (parameters). */
__attribute__((format(printf, 2, 3))) int native_bad(const struct native_at *at, const char *format,
                                                     ...);
int native_no_memory(const struct native_at *at);

/* ---- reading ---- */

static inline bool native_is_scalar(const struct native_type *type)
{
    return type->kind == NATIVE_INTEGER || type->kind == NATIVE_REAL || type->kind == NATIVE_BOOL;
}

/* Whether a parameter of the tool fills it; whether the result shows it. */
static inline bool native_is_param(const struct native_value *value)
{
    return value->in && !value->constant && value->length_of < 0 &&
           value->type.kind != NATIVE_POINTER;
}

static inline bool native_is_shown(const struct native_value *value)
{
    return value->out && value->length_of < 0;
}

/* Whether the value returned goes into the result: not if the status leaves one value only. */
bool native_shows_return(const struct native_spec *spec);

/* Reads {"type": …} for a place. Fills *value also on errors: native_value_clear frees it. */
int native_value_parse(const struct native_at *at, const json_t *object, enum native_place place,
                       unsigned depth, struct native_value *value);
void native_value_clear(struct native_value *value);

/* Its two first steps: the type, without its parts, and whether the keys go with it. */
int native_type_parse(const struct native_at *up, const json_t *object, enum native_place place,
                      struct native_type *type);
int native_keys_check(const struct native_at *at, const json_t *object, enum native_place place,
                      const struct native_type *type);

/* Finds a scalar by its name ("i32", "size_t"); false if there is none. */
bool native_type_scalar(const char *name, struct native_type *ret_type);
void native_type_offer_names(const char *word, const char **ret_near);

/* Offsets, size and alignment of a struct whose fields are read. */
int native_type_layout(const struct native_at *at, struct native_type *type);

/* C's rules for names of arguments, fields and symbols. */
bool native_is_name(const json_t *value);

/* Refuses members of object that keys (NULL-terminated) does not hold. */
int native_known_keys(const struct native_at *at, const json_t *object, const char *const *keys);

int native_spec_parse(const json_t *json, const char *file, struct native_spec *ret_spec,
                      struct error *ret_error);
void native_spec_clear(struct native_spec *spec);

/* "returns.status" of a checked return value. */
int native_status_parse(const struct native_at *at, const json_t *object,
                        const struct native_value *result, struct native_status *ret_status);

/* ---- schemas ---- */

json_t *native_schema_parameters(const struct native_spec *spec); /* NULL: no memory */
json_t *native_schema_result(const struct native_spec *spec);
int native_schema_fits(const struct native_spec *spec, const json_t *parameters, const char *file,
                       struct error *ret_error);

/* ---- scalars ---- */

/* JSON to C and back. Loading gives NULL without memory only: what JSON has no number for is null
 * (NaN, infinities) or a string of digits (u64 above 2^63 - 1). */
int native_scalar_store(const struct native_at *at, const struct native_type *type,
                        const json_t *value, void *ret_memory);
json_t *native_scalar_load(const struct native_type *type, const void *memory);

/* The bits of an integer or bool, sign-extended. */
int64_t native_integer_get(const struct native_type *type, const void *memory);
bool native_integer_fits(const struct native_type *type, uint64_t magnitude, bool negative);
void native_integer_set(const struct native_type *type, uint64_t bits, void *ret_memory);

#endif
