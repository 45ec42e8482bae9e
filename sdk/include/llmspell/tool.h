/* SPDX-License-Identifier: Apache-2.0
 * For authors of tool plugins. A tool is one JSON manifest, one function and one macro line:
 *
 *     #include <llmspell/tool.h>
 *
 *     static int32_t greet(void *self, struct llmspell_call *call, const json_t *params,
 *                          json_t **ret_result)
 *     {
 *         (void)self;
 *         const char *name = llmspell_string(params, "name");
 *         return llmspell_return(call, ret_result, json_pack("{s:s}", "greeting", name));
 *     }
 *     LLMSPELL_TOOL(.invoke = greet)
 *
 * Before invoke runs, the host has renamed aliases, inserted the defaults of the manifest and
 * checked params against the manifest's JSON Schema: what the schema requires is there. */
#ifndef LLMSPELL_TOOL_H
#define LLMSPELL_TOOL_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/host.h>

#ifdef __cplusplus
extern "C" {
#endif

struct llmspell_tool {
    uint32_t size;        /* sizeof at the plugin's build */
    uint16_t abi_major;   /* LLMSPELL_ABI_MAJOR of the plugin's build */
    uint16_t needs_minor; /* lowest host minor that the plugin needs */

    /* &json_object_get: proves that plugin and host share one Jansson. Never called. */
    json_t *(*json_identity)(const json_t *, const char *);

    /* Optional. Called once before the first invoke. config is the plugin's INI section with the
     * types and defaults of the manifest's `config` schema, borrowed. *ret_self is handed to every
     * invoke. Returns 0 or a negative code (use llmspell_fail). [any-thread] */
    int32_t (*open)(struct llmspell_call *call, const json_t *config, void **ret_self);

    /* Required. params: borrowed, checked, never NULL. *ret_result: a new reference that the host
     * then owns. Returns 0 or a negative code. May run in several threads at once. [any-thread] */
    int32_t (*invoke)(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result);

    /* Optional. Frees self; no invoke runs or follows. [main] */
    void (*close)(void *self);
};

LLMSPELL_EXPORT extern const struct llmspell_tool llmspell_tool_v1;

#ifdef __cplusplus
}
#endif

/* Defines the entry symbol: LLMSPELL_TOOL(.invoke = my_invoke) or with .open and .close, in the
 * order open, invoke, close (C++ wants the order of the struct). */
#define LLMSPELL_TOOL(...)                                                                         \
    const struct llmspell_tool llmspell_tool_v1 = {.size = sizeof(struct llmspell_tool),           \
                                                   .abi_major = LLMSPELL_ABI_MAJOR,                \
                                                   .needs_minor = 0,                               \
                                                   .json_identity = json_object_get,               \
                                                   __VA_ARGS__};

/* ---- errors ---- */

/* Ends a call with an error about one parameter: `return llmspell_fail_at(call, LLMSPELL_EPARSE,
 * "/input", "bad digit at offset %d", n)`. path may be NULL. Messages over 1 KiB are cut. */
__attribute__((format(printf, 4, 5))) static inline int32_t
llmspell_fail_at(struct llmspell_call *call, int32_t code, const char *path, const char *format,
                 ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return call->host->fail(call, code, path, message);
}

/* The same where no single parameter is to blame. */
#define llmspell_fail(call, code, ...) llmspell_fail_at(call, code, NULL, __VA_ARGS__)

/* Ends a call with a result that was just built: NULL (Jansson is out of memory) becomes an error.
 * Takes over result. */
static inline int32_t llmspell_return(struct llmspell_call *call, json_t **ret_result,
                                      json_t *result)
{
    if (!result)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory while building the result");
    *ret_result = result;
    return 0;
}

/* 0, or the code that invoke must return now (the caller cancelled, or time is over). */
static inline int32_t llmspell_cancelled(const struct llmspell_call *call)
{
    return call->host->cancelled(call);
}

/* ---- typed getters: borrowed values of checked params; a fallback for absent optional members
 * ---- */

static inline const char *llmspell_string(const json_t *params, const char *key)
{
    return json_string_value(json_object_get(params, key)); /* NULL if absent */
}

static inline size_t llmspell_string_length(const json_t *params, const char *key)
{
    return json_string_length(json_object_get(params, key)); /* bytes; 0 if absent */
}

static inline json_int_t llmspell_integer(const json_t *params, const char *key,
                                          json_int_t fallback)
{
    const json_t *value = json_object_get(params, key);
    if (json_is_integer(value))
        return json_integer_value(value);
    return json_is_real(value) ? (json_int_t)json_real_value(value) : fallback;
}

static inline double llmspell_number(const json_t *params, const char *key, double fallback)
{
    const json_t *value = json_object_get(params, key);
    return json_is_number(value) ? json_number_value(value) : fallback;
}

static inline int llmspell_bool(const json_t *params, const char *key, int fallback)
{
    const json_t *value = json_object_get(params, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

/* True if the string member key equals text: if (llmspell_is(params, "operation", "encode")) … */
static inline int llmspell_is(const json_t *params, const char *key, const char *text)
{
    const char *value = llmspell_string(params, key);
    return value && strcmp(value, text) == 0;
}

/* ---- cleanup by attribute: `LLMSPELL_CLEANUP_FREE char *text = NULL;` is freed at end of scope
 * ---- */

static inline void llmspell_cleanup_free(void *pointer)
{
    free(*(void **)pointer);
}

static inline void llmspell_cleanup_json(json_t **pointer)
{
    json_decref(*pointer);
}

static inline void llmspell_cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void llmspell_cleanup_fclose(FILE **file)
{
    if (*file)
        fclose(*file);
}

#define LLMSPELL_CLEANUP_FREE __attribute__((cleanup(llmspell_cleanup_free)))
#define LLMSPELL_CLEANUP_JSON __attribute__((cleanup(llmspell_cleanup_json)))
#define LLMSPELL_CLEANUP_CLOSE __attribute__((cleanup(llmspell_cleanup_close)))
#define LLMSPELL_CLEANUP_FCLOSE __attribute__((cleanup(llmspell_cleanup_fclose)))

/* Hands a value out of a cleanup variable: `*ret = llmspell_steal_json(&value);` */
static inline json_t *llmspell_steal_json(json_t **pointer)
{
    json_t *value = *pointer;
    *pointer = NULL;
    return value;
}

#endif
