/* SPDX-License-Identifier: Apache-2.0
 * Reads a whole description: library, symbol, arguments and the links between them. */
#include "tool/native_spec.h"

#include <stdlib.h>
#include <string.h>

#include "tool/native.h"
#include "util/near.h"

bool native_is_name(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);
    return text && n > 0 && n <= 64 && (*text < '0' || *text > '9') &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == n;
}

static int read_head(const struct native_at *at, struct native_spec *spec)
{
    const json_t *library = json_object_get(spec->json, "library");
    const json_t *symbol = json_object_get(spec->json, "symbol");
    const struct native_at here = native_at_key(at, "library");
    const struct native_at there = native_at_key(at, "symbol");
    if (!library || (!json_is_null(library) && json_string_length(library) == 0) ||
        (!json_is_null(library) && !json_is_string(library)))
        return native_bad(&here, "must be the name of a library, such as \"libm.so.6\", or null "
                                 "for the plugin's own file");
    if (strlen(json_is_string(library) ? json_string_value(library) : "") !=
        json_string_length(library))
        return native_bad(&here, "holds a NUL");
    const char *text = json_string_value(symbol);
    if (!text || !*text || strlen(text) != json_string_length(symbol) || strlen(text) > 512)
        return native_bad(&there, "must be the name of a C function");
    spec->library = json_string_value(library);
    spec->symbol = text;
    return 0;
}

static int read_numbers(const struct native_at *at, struct native_spec *spec)
{
    const json_t *fixed = json_object_get(spec->json, "fixed");
    const json_t *bytes = json_object_get(spec->json, "max_bytes");
    const struct native_at here = native_at_key(at, "fixed");
    const struct native_at there = native_at_key(at, "max_bytes");
    json_int_t count = (json_int_t)spec->argument_count;
    spec->variadic = fixed != NULL;
    spec->fixed = spec->argument_count;
    spec->max_bytes = NATIVE_BYTES_DEFAULT;
    if (fixed && (!json_is_integer(fixed) || json_integer_value(fixed) < 1 ||
                  json_integer_value(fixed) > count))
        return native_bad(&here, "must be how many of the %lld arguments stand before the \"...\"",
                          (long long)count);
    if (fixed)
        spec->fixed = (size_t)json_integer_value(fixed);
    if (bytes && (!json_is_integer(bytes) || json_integer_value(bytes) < 1 ||
                  json_integer_value(bytes) > NATIVE_BYTES_MAX))
        return native_bad(&there, "must be an integer from 1 to %d", NATIVE_BYTES_MAX);
    if (bytes)
        spec->max_bytes = (size_t)json_integer_value(bytes);
    return 0;
}

/* ---- arguments ---- */

static int read_arguments(const struct native_at *up, struct native_spec *spec)
{
    const json_t *list = json_object_get(spec->json, "arguments");
    size_t count = json_array_size(list);
    if (list && (!json_is_array(list) || count > NATIVE_ARGUMENTS_MAX))
        return native_bad(up, "must be an array of at most %d objects", NATIVE_ARGUMENTS_MAX);
    spec->arguments = calloc(count + 1, sizeof *spec->arguments);
    if (!spec->arguments)
        return native_no_memory(up);
    for (size_t i = 0; i < count; i++) {
        const struct native_at at = native_at_index(up, i);
        struct native_value *value = &spec->arguments[i];
        spec->argument_count = i + 1;
        int rc = native_value_parse(&at, json_array_get(list, i), NATIVE_AT_ARGUMENT, 0, value);
        if (rc < 0)
            return rc;
        for (size_t k = 0; k < i; k++)
            if (strcmp(spec->arguments[k].name, value->name) == 0)
                return native_bad(&at, "the name \"%s\" is used twice", value->name);
    }
    return 0;
}

/* The argument that a key names; *ret_index stays as it is if the key is absent. */
static int find_link(const struct native_at *up, const struct native_spec *spec, size_t i,
                     const char *key, int *ret_index)
{
    const struct native_at at = native_at_key(up, key);
    const json_t *object = json_array_get(json_object_get(spec->json, "arguments"), i);
    const json_t *named = json_object_get(object, key);
    const char *name = json_string_value(named);
    struct near near = {.word = name};
    if (!named)
        return 0;
    if (!name)
        return native_bad(&at, "must be the name of an argument");
    for (size_t k = 0; k < spec->argument_count; k++) {
        if (k != i && strcmp(spec->arguments[k].name, name) == 0) {
            *ret_index = (int)k;
            return 0;
        }
        near_offer(&near, spec->arguments[k].name);
    }
    return near.best && strcmp(near.best, name) != 0
               ? native_bad(&at, "there is no argument \"%s\"; did you mean \"%s\"?", name,
                            near.best)
               : native_bad(&at, "there is no other argument \"%s\"", name);
}

static bool has_length(enum native_kind kind)
{
    return kind == NATIVE_STRING || kind == NATIVE_BYTES || kind == NATIVE_BUFFER ||
           kind == NATIVE_ARRAY;
}

static int link_length_of(const struct native_at *up, struct native_spec *spec, size_t i)
{
    struct native_value *value = &spec->arguments[i];
    const struct native_at at = native_at_key(up, "length_of");
    int rc = find_link(up, spec, i, "length_of", &value->length_of);
    if (rc < 0 || value->length_of < 0)
        return rc;
    const struct native_value *other = &spec->arguments[value->length_of];
    if (!has_length(other->type.kind) || (other->type.kind == NATIVE_STRING && other->out))
        return native_bad(&at, "\"%s\" has no length: it is no string, bytes, buffer or array",
                          other->name);
    if (value->out && !value->in)
        return native_bad(&at, "goes with \"inout\", not with \"out\": the length goes in");
    if (value->constant || value->fallback)
        return native_bad(&at, "excludes \"value\" and \"default\"");
    return 0;
}

static int link_size(const struct native_at *up, struct native_spec *spec, size_t i)
{
    struct native_value *value = &spec->arguments[i];
    const struct native_at at = native_at_key(up, "size_from");
    bool needs = value->type.kind == NATIVE_BUFFER ||
                 (value->type.kind == NATIVE_ARRAY && value->out && !value->in);
    int rc = find_link(up, spec, i, "size_from", &value->size_from);
    if (rc < 0)
        return rc;
    if (value->size_from >= 0) {
        const struct native_value *other = &spec->arguments[value->size_from];
        if (!needs || value->size >= 0)
            return native_bad(&at, needs ? "excludes \"size\"" : "is for what only comes out");
        if (other->type.kind != NATIVE_INTEGER || !native_is_param(other) || other->pointer)
            return native_bad(&at, "\"%s\" is no integer that the caller gives by value",
                              other->name);
    }
    if (needs && value->size < 0 && value->size_from < 0)
        return native_bad(up, "needs a \"size\", or \"size_from\" with the name of an argument");
    return 0;
}

static int link_length_from(const struct native_at *up, struct native_spec *spec, size_t i)
{
    struct native_value *value = &spec->arguments[i];
    const struct native_at at = native_at_key(up, "length_from");
    const json_t *object = json_array_get(json_object_get(spec->json, "arguments"), i);
    const char *name = json_string_value(json_object_get(object, "length_from"));
    if (json_object_get(object, "length_from") && !value->out)
        return native_bad(&at, "is for what comes out");
    if (name && strcmp(name, "returns") == 0) {
        value->length_from = NATIVE_LINK_RETURN;
        return spec->result.type.kind == NATIVE_INTEGER
                   ? 0
                   : native_bad(&at, "the function returns no integer");
    }
    int rc = find_link(up, spec, i, "length_from", &value->length_from);
    if (rc < 0 || value->length_from < 0)
        return rc;
    const struct native_value *other = &spec->arguments[value->length_from];
    if (other->type.kind != NATIVE_INTEGER || !other->out)
        return native_bad(&at,
                          "\"%s\" is no integer that comes out (\"returns\" is the value "
                          "returned)",
                          other->name);
    return 0;
}

/* Constants and defaults must fit their type now, not at the first call. */
static int check_literal(const struct native_at *up, const struct native_value *value,
                         const char *key, const json_t *literal)
{
    unsigned char memory[8];
    const struct native_at at = native_at_key(up, key);
    if (!literal)
        return 0;
    if (!value->in || (value->constant && value->fallback))
        return native_bad(&at, "is for what goes in, and excludes the other");
    if (json_is_null(literal) && value->type.kind == NATIVE_STRING)
        return 0;
    if (value->type.kind == NATIVE_STRING) {
        const char *text = json_string_value(literal);
        return text && strlen(text) == json_string_length(literal)
                   ? 0
                   : native_bad(&at, "must be a string without NUL, or null");
    }
    if (value->type.kind == NATIVE_POINTER)
        return json_is_null(literal) ? 0 : native_bad(&at, "must be null");
    /* Tells the rules of scalars as those of a description. */
    return native_scalar_store(&at, &value->type, literal, memory);
}

static int link_argument(const struct native_at *at, struct native_spec *spec, size_t i)
{
    struct native_value *value = &spec->arguments[i];
    int rc = link_length_of(at, spec, i);
    if (rc == 0)
        rc = link_size(at, spec, i);
    if (rc == 0)
        rc = link_length_from(at, spec, i);
    if (rc == 0)
        rc = check_literal(at, value, "value", value->constant);
    if (rc == 0)
        rc = check_literal(at, value, "default", value->fallback);
    bool small = value->type.size < sizeof(int) ||
                 (value->type.kind == NATIVE_REAL && value->type.size < sizeof(double));
    if (rc == 0 && i >= spec->fixed && native_is_scalar(&value->type) && !value->pointer && small)
        return native_bad(at, "C passes no %s behind \"...\": say %s", value->type.name,
                          value->type.kind == NATIVE_REAL ? "double" : "int");
    return rc;
}

/* Names that come out stand in one object with the value returned. */
static int check_names(const struct native_at *up, const struct native_spec *spec)
{
    const struct native_at at = native_at_key(up, "name");
    for (size_t i = 0; native_shows_return(spec) && i < spec->argument_count; i++)
        if (native_is_shown(&spec->arguments[i]) &&
            strcmp(spec->arguments[i].name, spec->result.name) == 0)
            return native_bad(&at, "an argument that comes out is called \"%s\", too",
                              spec->result.name);
    return 0;
}

static int read_returns(const struct native_at *at, struct native_spec *spec)
{
    static const char DEFAULT[] = "result";
    const json_t *object = json_object_get(spec->json, "returns");
    if (!object) {
        spec->result.type = (struct native_type){.kind = NATIVE_VOID, .name = "void"};
        spec->result.type.ffi = (ffi_type){1, 1, FFI_TYPE_VOID, NULL};
        return 0;
    }
    int rc = native_value_parse(at, object, NATIVE_AT_RETURN, 0, &spec->result);
    if (rc < 0)
        return rc;
    if (!spec->result.name)
        spec->result.name = DEFAULT;
    const struct native_at here = native_at_key(at, "status");
    const json_t *status = json_object_get(object, "status");
    if (!status && spec->result.type.kind == NATIVE_POINTER)
        return native_bad(at, "a pointer cannot be shown; it needs a \"status\"");
    return status ? native_status_parse(&here, status, &spec->result, &spec->status) : 0;
}

bool native_shows_return(const struct native_spec *spec)
{
    enum native_kind kind = spec->result.type.kind;
    if (kind == NATIVE_VOID || kind == NATIVE_POINTER)
        return false;
    return spec->status.ok != NATIVE_OK_LIST || json_is_array(spec->status.list);
}

static int parse(const struct native_at *at, struct native_spec *spec)
{
    static const char *const keys[] = {"library", "symbol",    "arguments",   "returns",
                                       "fixed",   "max_bytes", "description", NULL};
    const struct native_at arguments = native_at_key(at, "arguments");
    const struct native_at returns = native_at_key(at, "returns");
    if (!json_is_object(spec->json))
        return native_bad(at, "must be an object");
    int rc = native_known_keys(at, spec->json, keys);
    if (rc == 0)
        rc = read_head(at, spec);
    if (rc == 0)
        rc = read_returns(&returns, spec);
    if (rc == 0)
        rc = read_arguments(&arguments, spec);
    if (rc == 0)
        rc = read_numbers(at, spec);
    for (size_t i = 0; rc == 0 && i < spec->argument_count; i++) {
        const struct native_at here = native_at_index(&arguments, i);
        rc = link_argument(&here, spec, i);
    }
    return rc < 0 ? rc : check_names(&returns, spec);
}

int native_spec_parse(const json_t *json, const char *file, struct native_spec *ret_spec,
                      struct error *ret_error)
{
    struct error own;
    const struct native_at root = {.file = file, .error = ret_error ? ret_error : &own};
    const struct native_at at = native_at_key(&root, "native");
    *ret_spec = (struct native_spec){.json = json_incref((json_t *)json)};
    int rc = parse(&at, ret_spec);
    if (rc < 0)
        native_spec_clear(ret_spec);
    return rc;
}

void native_spec_clear(struct native_spec *spec)
{
    for (size_t i = 0; i < spec->argument_count; i++)
        native_value_clear(&spec->arguments[i]);
    native_value_clear(&spec->result);
    free(spec->arguments);
    json_decref(spec->json);
    *spec = (struct native_spec){0};
}
