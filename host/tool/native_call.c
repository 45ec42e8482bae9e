/* SPDX-License-Identifier: Apache-2.0
 * Binding a described function, and calling it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tool/native_frame.h"

#include <llmspell/tool.h>

/* ---- binding ---- */

static int find_free(void *handle, const struct native_spec *spec, const char *name,
                     native_free_fn *ret_free, struct error *ret_error)
{
    void *address = NULL;
    if (!name)
        return 0;
    if (strcmp(name, "free") == 0) {
        *ret_free = free;
        return 0;
    }
    int rc = native_library_symbol(handle, spec->library, name, &address, ret_error);
    if (rc == 0)
        memcpy(ret_free, &address, sizeof *ret_free);
    return rc;
}

static int find_symbols(struct native *native, void *handle, struct error *ret_error)
{
    const struct native_spec *spec = &native->spec;
    const char *message = spec->status.message;
    void *address = NULL;
    int rc = native_library_symbol(handle, spec->library, spec->symbol, &address, ret_error);
    if (rc == 0)
        memcpy(&native->function, &address, sizeof native->function);
    for (size_t i = 0; rc == 0 && i < spec->argument_count; i++)
        rc = find_free(handle, spec, spec->arguments[i].free_name, &native->argument_free[i],
                       ret_error);
    if (rc == 0)
        rc = find_free(handle, spec, spec->result.free_name, &native->result_free, ret_error);
    if (rc == 0 && message && strcmp(message, "strerror") != 0) {
        rc = native_library_symbol(handle, spec->library, message, &address, ret_error);
        if (rc == 0)
            memcpy(&native->message, &address, sizeof native->message);
    }
    return rc;
}

static bool passed_by_pointer(const struct native_value *value)
{
    return value->pointer || (value->type.kind != NATIVE_STRUCT && !native_is_scalar(&value->type));
}

/* libffi lays out structs itself: it must agree with us, who fill them. */
static bool same_layout(const struct native_value *value)
{
    return value->type.kind != NATIVE_STRUCT || value->pointer ||
           (value->type.ffi.size == value->type.size &&
            value->type.ffi.alignment == value->type.align);
}

static int prepare(struct native *native, struct error *ret_error)
{
    struct native_spec *spec = &native->spec;
    unsigned count = (unsigned)spec->argument_count;
    ffi_type *result = spec->result.pointer ? &ffi_type_pointer : &spec->result.type.ffi;
    native->types = calloc(count + 1, sizeof *native->types);
    if (!native->types)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; i < count; i++)
        native->types[i] = passed_by_pointer(&spec->arguments[i]) ? &ffi_type_pointer
                                                                  : &spec->arguments[i].type.ffi;
    ffi_status status =
        spec->variadic ? ffi_prep_cif_var(&native->cif, FFI_DEFAULT_ABI, (unsigned)spec->fixed,
                                          count, result, native->types)
                       : ffi_prep_cif(&native->cif, FFI_DEFAULT_ABI, count, result, native->types);
    bool same = same_layout(&spec->result);
    for (size_t i = 0; i < count; i++)
        same = same && same_layout(&spec->arguments[i]);
    if (status != FFI_OK || !same)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "libffi cannot call %s as \"native\" describes it on this machine",
                         spec->symbol);
    return 0;
}

int native_open(const json_t *json, void *handle, struct native **ret_native,
                struct error *ret_error)
{
    struct native *native = calloc(1, sizeof *native);
    if (!native)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = native_spec_parse(json, NULL, &native->spec, ret_error);
    if (rc == 0 && !native->spec.library && !handle)
        rc = error_set(ret_error, LLMSPELL_EREFUSED,
                       "\"library\" of \"native\" is null, but there is no shared object of the "
                       "plugin's own: name a library");
    if (rc == 0 && native->spec.library)
        rc = native_library_open(native->spec.library, &handle, ret_error);
    if (rc == 0)
        rc = find_symbols(native, handle, ret_error);
    if (rc == 0)
        rc = prepare(native, ret_error);
    if (rc < 0) {
        native_close(native);
        return rc;
    }
    *ret_native = native;
    return 0;
}

void native_set_callback(struct native *native, native_callback_fn function, void *data)
{
    native->callback = function;
    native->callback_data = data;
}

void native_close(struct native *native)
{
    if (!native)
        return;
    if (native->spec.json)
        native_spec_clear(&native->spec);
    free(native->types);
    free(native);
}

/* ---- calling ---- */

_Static_assert(sizeof(ffi_arg) == 8, "a register holds every scalar");

/* libffi widens what is narrower than a register: the low bytes are the value. */
static void narrow(const struct native_frame *frame)
{
    const struct native_type *type = &frame->native->spec.result.type;
    ffi_arg widened;
    if ((type->kind != NATIVE_INTEGER && type->kind != NATIVE_BOOL) || type->size >= sizeof widened)
        return;
    memcpy(&widened, frame->returned, sizeof widened);
    native_integer_set(type, (uint64_t)widened, frame->returned);
}

/* Why the call is over, if a callback ended it. */
static int check_callbacks(struct native_frame *frame)
{
    if (atomic_load(&frame->foreign_thread))
        return error_set(&frame->error, LLMSPELL_EUNAVAILABLE,
                         "%s called its callback on another thread, which is not possible here",
                         frame->native->spec.symbol);
    return frame->callback_rc;
}

static int call_function(struct native_frame *frame, json_t **ret_result)
{
    const struct native *native = frame->native;
    ffi_cif cif = native->cif; /* some ports write into it */
    errno = 0;
    ffi_call(&cif, native->function, frame->returned, frame->values);
    frame->saved_errno = errno;
    narrow(frame);
    int rc = check_callbacks(frame);
    bool success = rc < 0 || native_status_check(frame) == 0;
    if (!success)
        rc = frame->error.code;
    if (rc == 0 && !(*ret_result = native_load_result(frame)))
        rc = frame->error.code;
    native_release_result(frame, success);
    return rc;
}

int native_invoke(struct native *native, struct llmspell_call *call, const json_t *params,
                  json_t **ret_result)
{
    struct native_frame frame = {
        .native = native, .call = call, .params = params, .thread = pthread_self()};
    const struct native_value *result = &native->spec.result;
    size_t size = result->type.size > sizeof(ffi_arg) ? result->type.size : sizeof(ffi_arg);
    frame.returned = calloc(1, size < 16 ? 16 : size);
    int rc = frame.returned ? native_store_arguments(&frame)
                            : error_set(&frame.error, LLMSPELL_ENOMEM, "out of memory");
    if (rc == 0)
        rc = call_function(&frame, ret_result);
    native_frame_clear(&frame);
    free(frame.returned);
    if (rc < 0)
        return llmspell_fail_at(call, rc, frame.error.has_path ? frame.error.path : NULL, "%s",
                                frame.error.message);
    return rc;
}
