/* SPDX-License-Identifier: Apache-2.0
 * Runs files in the format of the JSON-Schema-Test-Suite ([{"schema", "tests": [{"data",
 * "valid"}]}]) against the validator: schema_suite [--formats] FILE|FOLDER… Prints each failure and
 * the counts; the exit status is 1 if anything failed. For people and for continuous integration.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema/schema.h"

struct counts {
    unsigned flags;
    size_t passed, failed;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Runs the tests of one schema. */
static void run_case(const char *path, const json_t *one, struct counts *counts)
{
    struct schema *schema = NULL;
    struct error error = {0};
    const json_t *tests = json_object_get(one, "tests"), *test;
    size_t i;
    if (schema_compile(json_object_get(one, "schema"), counts->flags, &schema, &error) < 0) {
        printf("%s: %s: %s\n", path, text_of(one, "description"), error.message);
        counts->failed += json_array_size(tests);
        return;
    }
    json_array_foreach((json_t *)tests, i, test)
    {
        int expected = json_is_true(json_object_get(test, "valid"));
        error.message[0] = '\0';
        int result = schema_check(schema, json_object_get(test, "data"), &error);
        if (result == expected) {
            counts->passed++;
            continue;
        }
        counts->failed++;
        char *data = json_dumps(json_object_get(test, "data"), JSON_ENCODE_ANY | JSON_COMPACT);
        printf("%s: %s: %s: %.200s: expected %s, got %d %s\n", path, text_of(one, "description"),
               text_of(test, "description"), data ? data : "", expected ? "valid" : "invalid",
               result, error.message);
        free(data);
    }
    schema_free(schema);
}

static void run_file(const char *path, struct counts *counts)
{
    json_error_t error;
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_ANY, &error);
    if (!cases) /* integers beyond 64 bits are read as reals */
        cases = json_load_file(path, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, &error);
    if (!json_is_array(cases)) {
        printf("%s: is no array of cases: %s\n", path, error.text);
        counts->failed++;
    }
    for (size_t i = 0; i < json_array_size(cases); i++)
        run_case(path, json_array_get(cases, i), counts);
    json_decref(cases);
}

static void run_path(const char *path, struct counts *counts);

static void run_folder(const char *path, struct counts *counts)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char *inner = NULL;
        const char *name = entries[i]->d_name, *dot = strrchr(name, '.');
        bool wanted = name[0] != '.' && (!dot || strcmp(dot, ".json") == 0);
        if (wanted && asprintf(&inner, "%s/%s", path, name) >= 0)
            run_path(inner, counts);
        free(inner);
        free(entries[i]);
    }
    free(entries);
}

static void run_path(const char *path, struct counts *counts)
{
    struct stat info;
    if (stat(path, &info) < 0) {
        printf("%s: cannot be read\n", path);
        counts->failed++;
    } else if (S_ISDIR(info.st_mode)) {
        run_folder(path, counts);
    } else {
        run_file(path, counts);
    }
}

int main(int argc, char **argv)
{
    struct counts counts = {0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--formats") == 0)
            counts.flags |= SCHEMA_CHECK_FORMATS;
        else
            run_path(argv[i], &counts);
    }
    printf("%zu passed, %zu failed\n", counts.passed, counts.failed);
    return counts.failed || counts.passed == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
