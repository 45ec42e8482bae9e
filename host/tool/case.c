/* SPDX-License-Identifier: Apache-2.0
 * Cases: a folder is set up, the steps are called, each reply is held against what is expected. */
#include "tool/case.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "tool/case_folder.h"
#include "util/regex.h"

/* ---- comparing ---- */

static const json_t *member(const json_t *value, const char *key)
{
    char *end;
    if (!json_is_array(value))
        return json_object_get(value, key);
    size_t index = strtoul(key, &end, 10);
    return *key >= '0' && *key <= '9' && !*end ? json_array_get(value, index) : NULL;
}

/* The value at a JSON pointer, or NULL. */
static const json_t *at_pointer(const json_t *value, const char *pointer)
{
    while (value && *pointer == '/') {
        char key[256];
        size_t n = 0;
        for (pointer++; *pointer && *pointer != '/'; pointer++) {
            char c = *pointer;
            if (c == '~' && (pointer[1] == '0' || pointer[1] == '1'))
                c = *++pointer == '0' ? '~' : '/';
            if (n < sizeof key - 1)
                key[n++] = c;
        }
        key[n] = '\0';
        value = member(value, key);
    }
    return value;
}

static int differ(const char *where, const json_t *expected, const json_t *actual,
                  struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *want = json_dumps(expected, JSON_COMPACT | JSON_ENCODE_ANY);
    LLMSPELL_CLEANUP_FREE char *got =
        actual ? json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    return error_set(ret_error, LLMSPELL_EFAILED, "%s: expected %.400s, got %.400s", where,
                     want ? want : "", got ? got : "nothing");
}

static int check_contains(const json_t *step, const json_t *result, struct error *ret_error)
{
    const char *pointer;
    json_t *value;
    json_object_foreach(json_object_get(step, "result_contains"), pointer, value)
    {
        const json_t *actual = at_pointer(result, pointer);
        if (!actual || !json_equal(value, actual))
            return differ(pointer, value, actual, ret_error);
    }
    return 0;
}

static int check_matches(const json_t *step, const json_t *result, struct error *ret_error)
{
    const char *pointer;
    json_t *pattern;
    json_object_foreach(json_object_get(step, "result_matches"), pointer, pattern)
    {
        const json_t *actual = at_pointer(result, pointer);
        LLMSPELL_CLEANUP_FREE char *text =
            json_is_string(actual) ? strdup(json_string_value(actual))
            : actual               ? json_dumps(actual, JSON_COMPACT | JSON_ENCODE_ANY)
                                   : NULL;
        int rc = regex_search(json_string_value(pattern), text ? text : "", ret_error);
        if (rc < 0)
            return rc;
        if (!text || rc == 0)
            return differ(pointer, pattern, actual, ret_error);
    }
    return 0;
}

static int check_error(const json_t *expected, const json_t *reply, struct error *ret_error)
{
    const json_t *error = json_object_get(reply, "error");
    const char *key;
    json_t *value;
    if (!error)
        return differ("error", expected, NULL, ret_error);
    json_object_foreach((json_t *)expected, key, value)
    {
        if (!json_equal(value, json_object_get(error, key)))
            return differ("error", expected, error, ret_error);
    }
    return 0;
}

static int check_reply(const json_t *step, const json_t *reply, struct error *ret_error)
{
    const json_t *exact = json_object_get(step, "result"), *error = json_object_get(step, "error");
    const json_t *result = json_object_get(reply, "result"), *why = json_object_get(reply, "error");
    if (!exact && !error && !json_object_get(step, "result_contains") &&
        !json_object_get(step, "result_matches"))
        return error_set(ret_error, LLMSPELL_EFAILED,
                         "it expects nothing: give result, result_contains, result_matches or "
                         "error");
    if (error)
        return check_error(error, reply, ret_error);
    if (why)
        return error_set(ret_error, LLMSPELL_EFAILED, "%s: %s", llmspell_string(why, "code"),
                         llmspell_string(why, "message"));
    if (exact && !json_equal(exact, result))
        return differ("result", exact, result, ret_error);
    int rc = check_contains(step, result, ret_error);
    return rc < 0 ? rc : check_matches(step, result, ret_error);
}

/* ---- running ---- */

static int run_step(const struct case_runner *runner, const json_t *step, const char *folder,
                    struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int rc =
        runner->invoke(runner->data, json_object_get(step, "params"), folder, &reply, ret_error);
    return rc < 0 ? rc : check_reply(step, reply, ret_error);
}

static int run_in(const struct case_runner *runner, const json_t *test, const char *folder,
                  struct error *ret_error)
{
    const json_t *steps = json_object_get(test, "steps");
    int rc = case_folder_set_up(folder, json_object_get(test, "setup"), ret_error);
    if (rc < 0 || !steps)
        return rc < 0 ? rc : run_step(runner, test, folder, ret_error);
    for (size_t i = 0; rc == 0 && i < json_array_size(steps); i++) {
        struct error why;
        rc = run_step(runner, json_array_get(steps, i), folder, &why);
        if (rc < 0)
            error_set(ret_error, rc, "step %zu: %s", i + 1, why.message);
    }
    return rc;
}

int case_run(const struct case_runner *runner, const json_t *test, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *folder = NULL;
    if (asprintf(&folder, "%s/llmspell-test-XXXXXX", runner->tmpdir) < 0) {
        folder = NULL;
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    }
    if (!mkdtemp(folder))
        return error_set(ret_error, LLMSPELL_EIO, "cannot make a folder in %s: %s", runner->tmpdir,
                         strerror(errno));
    int rc = run_in(runner, test, folder, ret_error);
    case_folder_remove(folder);
    return rc;
}
