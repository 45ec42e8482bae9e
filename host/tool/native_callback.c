/* SPDX-License-Identifier: Apache-2.0
 * C function pointers that call something by its name: closures of libffi, for one call each. */
#include <stdlib.h>
#include <string.h>

#include "tool/native_frame.h"

#include <llmspell/tool.h>

struct native_closure {
    struct native_closure *next;
    struct native_frame *frame;
    const struct native_value *value;
    const char *name; /* borrowed from the parameters */
    ffi_cif cif;
    ffi_closure *closure;
    ffi_type *types[NATIVE_ARGUMENTS_MAX];
};

static json_t *load_one(struct native_frame *frame, const struct native_value *value,
                        const void *argument)
{
    const void *memory = argument;
    if (value->pointer || value->type.kind == NATIVE_STRING)
        memcpy(&memory, argument, sizeof memory);
    if (!memory)
        return json_null();
    if (value->type.kind == NATIVE_STRING)
        return native_load_string(frame, value->name, memory, strlen(memory));
    return native_scalar_load(&value->type, memory);
}

static json_t *load_arguments(const struct native_closure *closure, void **arguments)
{
    const struct native_type *type = &closure->value->type;
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    for (size_t i = 0; object && i < type->value_count; i++) {
        const struct native_value *value = &type->values[i];
        if (value->type.kind == NATIVE_POINTER)
            continue;
        json_t *one = load_one(closure->frame, value, arguments[i]);
        if (!one || json_object_set_new(object, value->name, one) != 0)
            return NULL;
    }
    return llmspell_steal_json(&object);
}

/* What is answered may be the value, or an object with the value as a member. */
static int store_answer(struct native_closure *closure, const json_t *answer, void *ret_memory)
{
    struct native_frame *frame = closure->frame;
    const struct native_type *type = &closure->value->type.result->type;
    union native_word word = {.integer = 0};
    struct error why;
    const struct native_at root = {.params = true, .error = &why};
    if (type->kind == NATIVE_VOID)
        return 0;
    if (json_is_object(answer))
        answer = json_object_get(answer, closure->value->member);
    if (!answer)
        return error_set(&frame->error, LLMSPELL_EFAILED,
                         "%s answered the callback \"%s\" without a member \"%s\"", closure->name,
                         closure->value->name, closure->value->member);
    if (native_scalar_store(&root, type, answer, word.bytes) < 0)
        return error_set(&frame->error, LLMSPELL_EFAILED, "what %s answered the callback \"%s\" %s",
                         closure->name, closure->value->name, why.message);
    ffi_arg widened = (ffi_arg)native_integer_get(type, word.bytes);
    if (type->kind == NATIVE_REAL)
        memcpy(ret_memory, word.bytes, type->size);
    else
        memcpy(ret_memory, &widened, sizeof widened);
    return 0;
}

static int answer(struct native_closure *closure, void *ret_memory, void **arguments)
{
    struct native_frame *frame = closure->frame;
    LLMSPELL_CLEANUP_JSON json_t *params = load_arguments(closure, arguments), *result = NULL;
    if (!params)
        return frame->error.code ? frame->error.code
                                 : error_set(&frame->error, LLMSPELL_ENOMEM, "out of memory");
    int rc = llmspell_cancelled(frame->call);
    if (rc < 0)
        return error_set(&frame->error, rc, "%s", llmspell_error_text(rc));
    rc = frame->native->callback(frame->native->callback_data, frame->call, closure->name, params,
                                 &result, &frame->error);
    return rc < 0 ? rc : store_answer(closure, result, ret_memory);
}

/* C cannot be left through it: after an error the rest of the calls answer 0 at once. */
static void run(ffi_cif *cif, void *ret_memory, void **arguments, void *data)
{
    struct native_closure *closure = data;
    struct native_frame *frame = closure->frame;
    size_t size = closure->value->type.result->type.kind == NATIVE_VOID ? 0 : sizeof(ffi_arg);
    (void)cif;
    memset(ret_memory, 0, size);
    if (!pthread_equal(pthread_self(), frame->thread)) {
        atomic_store(&frame->foreign_thread, true);
        return;
    }
    if (frame->callback_rc == 0)
        frame->callback_rc = answer(closure, ret_memory, arguments);
}

static int prepare(struct native_closure *closure, const struct native_type *type, void *code)
{
    for (size_t i = 0; i < type->value_count; i++)
        closure->types[i] = type->values[i].pointer ? &ffi_type_pointer : &type->values[i].type.ffi;
    if (ffi_prep_cif(&closure->cif, FFI_DEFAULT_ABI, (unsigned)type->value_count,
                     &type->result->type.ffi, closure->types) != FFI_OK)
        return -1;
    return ffi_prep_closure_loc(closure->closure, &closure->cif, run, closure, code) == FFI_OK ? 0
                                                                                               : -1;
}

int native_callback_new(struct native_frame *frame, const struct native_at *at,
                        const struct native_value *value, const char *name, void **ret_code)
{
    void *code = NULL;
    (void)at;
    if (!frame->native->callback)
        return error_set_at(&frame->error, LLMSPELL_EUNAVAILABLE, NULL,
                            "\"%s\" is a callback, and this host can call nothing from a native "
                            "function: callbacks to tools are not available here",
                            value->name);
    struct native_closure *closure = calloc(1, sizeof *closure);
    if (!closure)
        return error_set(&frame->error, LLMSPELL_ENOMEM, "out of memory");
    closure->next = frame->closures;
    frame->closures = closure;
    closure->frame = frame;
    closure->value = value;
    closure->name = name;
    closure->closure = ffi_closure_alloc(sizeof(ffi_closure), &code);
    if (!closure->closure || prepare(closure, &value->type, code) != 0)
        return error_set(&frame->error, LLMSPELL_EUNAVAILABLE,
                         "libffi cannot make a function pointer for the callback \"%s\" here",
                         value->name);
    *ret_code = code;
    return 0;
}

void native_callback_clear(struct native_frame *frame)
{
    for (struct native_closure *closure = frame->closures, *next; closure; closure = next) {
        next = closure->next;
        if (closure->closure)
            ffi_closure_free(closure->closure);
        free(closure);
    }
    frame->closures = NULL;
}
