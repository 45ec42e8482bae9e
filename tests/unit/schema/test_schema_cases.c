/* SPDX-License-Identifier: Apache-2.0
 * Runs the cases of tests/data/schema, which have the format of the JSON-Schema-Test-Suite: core/
 * with `format` as an annotation, format/ with checked formats. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "schema/schema.h"
#include "test.h"

/* Runs the tests of one schema. Returns how many there were. */
static size_t run_case(const json_t *one, unsigned flags)
{
    struct schema *schema = NULL;
    struct error error = {0};
    const json_t *tests = json_object_get(one, "tests");
    const char *title = json_string_value(json_object_get(one, "description"));
    if (schema_compile(json_object_get(one, "schema"), flags, &schema, &error) < 0) {
        printf("\n%s: %s", title, error.message);
        CU_FAIL("a schema does not compile");
        return 0;
    }
    for (size_t i = 0; i < json_array_size(tests); i++) {
        const json_t *test = json_array_get(tests, i), *data = json_object_get(test, "data");
        int expected = json_is_true(json_object_get(test, "valid"));
        int checked = schema_check(schema, data, &error);
        int quiet = schema_validate(schema, data, NULL, NULL, &error);
        CU_ASSERT_EQUAL(checked, expected);
        CU_ASSERT_EQUAL(quiet, expected);
        if (checked != expected || quiet != expected)
            printf("\n%s: test %zu: expected %d, got %d and %d (%s)", title, i, expected, checked,
                   quiet, error.message);
    }
    schema_free(schema);
    return json_array_size(tests);
}

static size_t run_file(const char *folder, const char *name, unsigned flags)
{
    char path[4096];
    json_error_t error;
    size_t count = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, &error);
    CU_ASSERT_TRUE(json_is_array(cases));
    if (!cases)
        printf("\n%s:%d: %s", path, error.line, error.text);
    for (size_t i = 0; i < json_array_size(cases); i++)
        count += run_case(json_array_get(cases, i), flags);
    json_decref(cases);
    return count;
}

/* Returns how many tests the files of a folder have. */
static size_t run_folder(const char *folder, unsigned flags)
{
    struct dirent **entries = NULL;
    size_t tests = 0;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        if (strstr(entries[i]->d_name, ".json"))
            tests += run_file(folder, entries[i]->d_name, flags);
        free(entries[i]);
    }
    free(entries);
    return tests;
}

static void core(void)
{
    CU_ASSERT_TRUE(run_folder(TEST_DATA "/schema/core", 0) > 1000);
}

static void formats(void)
{
    CU_ASSERT_TRUE(run_folder(TEST_DATA "/schema/format", SCHEMA_CHECK_FORMATS) > 500);
}

TEST_MAIN("schema cases", {"core", core}, {"formats", formats})
