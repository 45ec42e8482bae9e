/* SPDX-License-Identifier: Apache-2.0
 * `tool test`: the examples of a manifest, run for real and compared. */
#include <errno.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool/invoke.h"
#include "tool/tool.h"

/* ---- the folder of one example ---- */

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static void remove_folder(const char *path)
{
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static int make_parents(const char *folder, const char *name)
{
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return -1;
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

static int write_file(const char *folder, const char *name, const json_t *text)
{
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    if (!json_is_string(text) || strstr(name, "..") || make_parents(folder, name) != 0 ||
        asprintf(&path, "%s/%s", folder, name) < 0)
        return -1;
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen(path, "wxe");
    if (!file)
        return -1;
    size_t size = json_string_length(text);
    return fwrite(json_string_value(text), 1, size, file) == size ? 0 : -1;
}

static int set_up(const char *folder, const json_t *setup, struct error *ret_error)
{
    const char *name;
    json_t *text;
    json_object_foreach(json_object_get(setup, "files"), name, text)
    {
        if (write_file(folder, name, text) != 0)
            return error_set(ret_error, LLMSPELL_EFAILED, "cannot set up the file %s", name);
    }
    return 0;
}

/* ---- comparing ---- */

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
        value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
                                     : json_object_get(value, key);
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

static int compare(const json_t *example, const json_t *result, struct error *ret_error)
{
    const json_t *exact = json_object_get(example, "result");
    json_t *contains = json_object_get(example, "result_contains"), *value;
    const char *pointer;
    if (!exact && !contains)
        return error_set(ret_error, LLMSPELL_EFAILED,
                         "the example has neither result nor result_contains");
    if (exact && !json_equal(exact, result))
        return differ("result", exact, result, ret_error);
    json_object_foreach(contains, pointer, value)
    {
        const json_t *actual = at_pointer(result, pointer);
        if (!actual || !json_equal(value, actual))
            return differ(pointer, value, actual, ret_error);
    }
    return 0;
}

/* ---- running ---- */

static int run_in(struct tool *tool, struct registry *registry, const char *folder,
                  const json_t *example, struct error *ret_error)
{
    struct grant_wish wish = {.workdir = folder,
                              .tmpdir = folder,
                              .home = folder,
                              .tool_name = tool->plugin->head.name,
                              .trusted = true};
    struct grants *grants = NULL;
    struct files *files = NULL;
    LLMSPELL_CLEANUP_JSON json_t *reply = NULL;
    int rc = set_up(folder, json_object_get(example, "setup"), ret_error);
    if (rc == 0)
        rc = grants_new(json_object_get(tool->manifest, "capabilities"), &wish, &grants, ret_error);
    if (rc == 0)
        rc = grants_files(grants, &files, ret_error);
    if (rc < 0) {
        grants_unref(grants);
        return rc;
    }
    struct invoke_options options = {.grants = grants, .files = files, .check_result = true};
    rc = tool_invoke(registry, tool->plugin->head.name, json_object_get(example, "params"),
                     &options, &reply);
    files_free(files);
    grants_unref(grants);
    if (rc < 0) {
        const json_t *error = json_object_get(reply, "error");
        return error_set(ret_error, rc, "%s: %s", llmspell_string(error, "code"),
                         llmspell_string(error, "message"));
    }
    return compare(example, json_object_get(reply, "result"), ret_error);
}

static int run_example(struct tool *tool, struct registry *registry, const json_t *example,
                       struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *folder = NULL;
    if (asprintf(&folder, "%s/llmspell-test-XXXXXX", registry_tmpdir(registry)) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    if (!mkdtemp(folder))
        return error_set(ret_error, LLMSPELL_EIO, "cannot make a folder in %s: %s",
                         registry_tmpdir(registry), strerror(errno));
    int rc = run_in(tool, registry, folder, example, ret_error);
    remove_folder(folder);
    return rc;
}

int tool_test(struct registry *registry, const char *name, json_t **ret_tests,
              struct error *ret_error)
{
    struct tool *tool;
    int rc = registry_find(registry, name, &tool, ret_error);
    if (rc == 0)
        rc = tool_describe(tool, registry, ret_error);
    if (rc < 0)
        return rc;
    json_t *tests = json_array(), *example;
    int failed = 0;
    size_t i;
    json_array_foreach(json_object_get(tool->manifest, "examples"), i, example)
    {
        struct error why;
        const char *title = llmspell_string(example, "title");
        rc = run_example(tool, registry, example, &why);
        failed += rc < 0;
        json_t *row =
            json_pack("{s:s, s:s}", "title", title ? title : "", "status", rc < 0 ? "error" : "ok");
        if (rc < 0)
            json_object_set_new(row, "message", json_string(why.message));
        json_array_append_new(tests, row);
    }
    *ret_tests = tests;
    return failed;
}
