/* SPDX-License-Identifier: Apache-2.0
 * host/tool/params.c: aliases, enum aliases, merged options, defaults, and which violation is told.
 */
#include "test.h"

#include <string.h>

#include "tool/params.h"

static const char PARAMETERS[] =
    "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
    "\"operation\":{\"enum\":[\"copy\",\"move\"],\"default\":\"copy\",\"x-enum-aliases\":{\"cp\":"
    "\"copy\",\"1\":\"move\"}},"
    "\"input\":{\"type\":\"string\",\"x-aliases\":[\"text\",\"data\"]},"
    "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"default\":10},"
    "\"key\":{\"type\":\"string\",\"maxLength\":3,\"enum\":[\"\",\"abc\",\"hunter2\"],"
    "\"x-secret\":true},"
    "\"options\":{\"type\":\"object\",\"x-merge\":true}},"
    "\"required\":[\"input\"]}";

struct fixture {
    json_t *document;
    struct params_plan *plan;
    struct schema *schema;
};

static void set_up(struct fixture *f)
{
    f->document = json_loads(PARAMETERS, 0, NULL);
    CU_ASSERT_EQUAL_FATAL(params_plan_new(f->document, &f->plan, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(schema_compile(f->document, 0, &f->schema, NULL), 0);
}

static void tear_down(struct fixture *f)
{
    params_plan_free(f->plan);
    schema_free(f->schema);
    json_decref(f->document);
}

/* Prepares and checks; compares with expected (compact, sorted) or, if it is NULL, wants an error.
 */
static void expect(const char *params, const char *expected, struct error *ret_error)
{
    struct fixture f;
    json_t *given = json_loads(params, JSON_DECODE_ANY, NULL), *prepared = NULL;
    set_up(&f);
    memset(ret_error, 0, sizeof *ret_error);
    int rc = params_prepare(f.plan, given, &prepared, ret_error);
    if (rc == 0)
        rc = params_check(f.plan, f.schema, prepared, ret_error);
    if (expected) {
        char *text = json_dumps(prepared, JSON_COMPACT | JSON_SORT_KEYS);
        CU_ASSERT_EQUAL(rc, 0);
        CU_ASSERT_STRING_EQUAL(text ? text : "", expected);
        free(text);
    } else {
        CU_ASSERT_EQUAL(rc, LLMSPELL_EINVAL);
    }
    json_decref(given);
    json_decref(prepared);
    tear_down(&f);
}

static void test_prepare(void)
{
    struct error error;
    expect("{\"text\":\"a\",\"operation\":\"cp\"}",
           "{\"input\":\"a\",\"limit\":10,\"operation\":\"copy\"}", &error);
    expect("{\"input\":\"a\",\"operation\":1}",
           "{\"input\":\"a\",\"limit\":10,\"operation\":\"move\"}", &error);
    expect("{\"options\":{\"limit\":3,\"data\":\"b\"}}",
           "{\"input\":\"b\",\"limit\":3,\"operation\":\"copy\"}", &error);
    expect("{\"input\":\"a\",\"options\":{\"input\":\"b\"}}",
           "{\"input\":\"a\",\"limit\":10,\"operation\":\"copy\"}", &error);
}

static void test_prepare_refuses(void)
{
    struct error error;
    expect("[1]", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "");
    expect("{\"text\":\"a\",\"input\":\"b\"}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "/text");
    expect("{\"text\":\"a\",\"data\":\"b\"}", NULL, &error);
    char deep[300] = "{\"input\":";
    memset(deep + 9, '[', 70);
    memset(deep + 79, ']', 70);
    memcpy(deep + 149, "}", 2);
    expect(deep, NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "");
}

static void test_order_of_violations(void)
{
    struct error error;
    expect("{\"limit\":0,\"nope\":1,\"operation\":\"x\"}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "/operation");
    expect("{\"limit\":0,\"nope\":1}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "/nope");
    expect("{\"limit\":0,\"input\":7}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "/limit");
    expect("{}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "/input");
}

static void test_secrets_are_not_told(void)
{
    struct error error;
    expect("{\"input\":\"a\",\"key\":\"hunter2\"}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.path, "/key");
    CU_ASSERT_PTR_NULL(strstr(error.message, "hunter2"));
    expect("{\"input\":\"a\",\"key\":\"xyz\"}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.message, "/key is not acceptable (enum)");
    expect("{\"input\":\"a\",\"key\":[\"hunter2\"]}", NULL, &error);
    CU_ASSERT_STRING_EQUAL(error.message, "/key must be a string, is an array (type)");
}

TEST_MAIN("params", {"prepare", test_prepare}, {"prepare refuses", test_prepare_refuses},
          {"order of violations", test_order_of_violations},
          {"secrets are not told", test_secrets_are_not_told})
