/* SPDX-License-Identifier: Apache-2.0
 * One call of a bound function: its memory, its arguments, what came of its callbacks. Private to
 * host/tool/native*.c. */
#ifndef HOST_NATIVE_FRAME_H
#define HOST_NATIVE_FRAME_H

#include <pthread.h>
#include <stdatomic.h>

#include "tool/native.h"
#include "tool/native_spec.h"

typedef void (*native_free_fn)(void *);
typedef const char *(*native_message_fn)(int);

struct native {
    struct native_spec spec;
    ffi_cif cif;
    ffi_type **types; /* of the arguments, as they are passed */
    void (*function)(void);
    native_free_fn argument_free[NATIVE_ARGUMENTS_MAX], result_free; /* or NULL */
    native_message_fn message;                                       /* or NULL */
    native_callback_fn callback;
    void *callback_data;
};

/* One argument. */
union native_word {
    unsigned char bytes[8];
    void *pointer;
    int64_t integer;
    double real;
};

struct native_slot {
    union native_word word; /* what is passed, but for structs by value */
    void *block;            /* what the pointer leads to; or NULL */
    size_t count;           /* bytes of a string, bytes, buffer; items of an array */
};

struct native_block;
struct native_closure;

struct native_frame {
    const struct native *native;
    struct llmspell_call *call;
    const json_t *params;
    struct error error;
    struct native_block *blocks;
    size_t used; /* bytes in blocks */
    struct native_slot slots[NATIVE_ARGUMENTS_MAX];
    void *values[NATIVE_ARGUMENTS_MAX]; /* for ffi_call */
    union native_word *returned;        /* what the function returned; a struct may be larger */
    int saved_errno;

    pthread_t thread; /* callbacks on others are refused */
    struct native_closure *closures;
    int callback_rc;            /* the first error in a callback */
    atomic_bool foreign_thread; /* a callback came on another thread */
};

/* Zeroed memory that lives as long as the frame; NULL with the error set (ELIMIT, ENOMEM). */
void *native_frame_alloc(struct native_frame *frame, const struct native_value *value, size_t size);
void native_frame_clear(struct native_frame *frame);

/* JSON to C, all arguments. */
int native_store_arguments(struct native_frame *frame);
int native_store_struct(struct native_frame *frame, const struct native_at *at,
                        const struct native_type *type, const json_t *object, void *ret_memory);

/* C to JSON: a new object, or NULL with the error set. */
json_t *native_load_result(struct native_frame *frame);
json_t *native_load_string(struct native_frame *frame, const char *what, const char *text,
                           size_t size);

/* 0, or EFAILED as "returns.status" says. */
int native_status_check(struct native_frame *frame);

/* Frees what the function handed over; after a failure, what it left in arguments is undefined. */
void native_release_result(struct native_frame *frame, bool success);

/* A C function pointer that calls what name says. */
int native_callback_new(struct native_frame *frame, const struct native_at *at,
                        const struct native_value *value, const char *name, void **ret_code);
void native_callback_clear(struct native_frame *frame);

/* Libraries and symbols; the messages name near ones. */
int native_library_open(const char *name, void **ret_handle, struct error *ret_error);
int native_library_symbol(void *handle, const char *library, const char *name, void **ret_address,
                          struct error *ret_error);

#endif
