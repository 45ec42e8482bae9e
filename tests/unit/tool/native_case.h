/* SPDX-License-Identifier: Apache-2.0
 * For the tests of host/tool/native*.c: functions of the test program itself are described and
 * called. Descriptions are JSON with ' for ", so that they can be read. */
#ifndef NATIVE_CASE_H
#define NATIVE_CASE_H

#include "test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "plugin/call.h"
#include "tool/native.h"

#define EXPORTED __attribute__((visibility("default")))

static struct error last;                /* of the call before */
static native_callback_fn case_callback; /* what callbacks call; or NULL */
static void *case_data;

static inline json_t *case_json(const char *text)
{
    char *copy = strdup(text);
    for (char *c = copy; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_error_t why;
    json_t *value = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (!value)
        fprintf(stderr, "%s: %s\n", why.text, copy);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    free(copy);
    return value;
}

/* Binds a description, calls it once: the result as compact JSON that the caller frees, or NULL
 * with `last` filled. */
static inline char *case_call(const char *spec, const char *params)
{
    struct native *native = NULL;
    json_t *description = case_json(spec), *given = case_json(params), *result = NULL;
    struct llmspell_ctx ctx = {.source = "tool:case"};
    struct call call;
    char *text = NULL;
    call_init(&call, &ctx);
    memset(&last, 0, sizeof last);
    int rc = native_open(description, dlopen(NULL, RTLD_NOW), &native, &last);
    if (rc == 0) {
        native_set_callback(native, case_callback, case_data);
        rc = native_invoke(native, &call.base, given, &result);
        if (rc < 0)
            last = call.error;
    }
    if (rc == 0)
        text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(result);
    json_decref(given);
    native_close(native);
    json_decref(description);
    return text;
}

static inline void case_says(const char *where, const char *wanted, const char *got)
{
    if (!got || strcmp(got, wanted) != 0)
        fprintf(stderr, "%s\n  wanted %s\n  got    %s\n", where, wanted, got ? got : last.message);
    CU_ASSERT_STRING_EQUAL(got ? got : "", wanted);
}

/* The call gives this JSON (with ' for "). */
static inline void gives(const char *spec, const char *params, const char *wanted)
{
    char *got = case_call(spec, params);
    json_t *value = case_json(wanted);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    case_says(spec, text, got);
    free(text);
    json_decref(value);
    free(got);
}

/* The call, or the binding before it, fails with this code, pointer (NULL: none), and message,
 * before which the pointer stands. */
static inline void fails(const char *spec, const char *params, int code, const char *path,
                         const char *message)
{
    char *got = case_call(spec, params), wanted[1024];
    snprintf(wanted, sizeof wanted, "%s%s%s", path ? path : "", path ? " " : "", message);
    CU_ASSERT_PTR_NULL(got);
    CU_ASSERT_EQUAL(last.code, code);
    case_says(spec, wanted, got ? got : last.message);
    CU_ASSERT_EQUAL(last.has_path, path != NULL);
    CU_ASSERT_STRING_EQUAL(last.path, path ? path : "");
    free(got);
}

#endif
