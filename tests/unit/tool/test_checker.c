/* SPDX-License-Identifier: Apache-2.0
 * host/tool/checker.c: the table llmspell.schema/1 as a tool gets it. */
#include "tool/checker.h"

#include <string.h>

#include "plugin/call.h"
#include "test.h"
#include "tool/extensions.h"

static struct llmspell_ctx ctx = {.source = "tool:probe"};

static json_t *parse(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(json);
    return json;
}

static int32_t check(struct call *call, const char *schema_text, const char *value_text,
                     uint32_t max_errors, json_t **ret_errors)
{
    const struct llmspell_schema *table = extensions_find(LLMSPELL_SCHEMA);
    CU_ASSERT_PTR_NOT_NULL_FATAL(table);
    CU_ASSERT_EQUAL(table->size, sizeof *table);
    json_t *schema = parse(schema_text), *value = parse(value_text);
    int32_t rc = table->check(&call->base, schema, value, max_errors, "/schema", ret_errors);
    json_decref(schema);
    json_decref(value);
    return rc;
}

static void answers(void)
{
    struct call call;
    json_t *errors = NULL;
    call_init(&call, &ctx);
    CU_ASSERT_EQUAL(check(&call, "{\"items\":{\"type\":\"integer\"}}", "[1,2]", 5, &errors), 1);
    CU_ASSERT_TRUE(json_is_array(errors) && json_array_size(errors) == 0);
    json_decref(errors);
    CU_ASSERT_EQUAL(check(&call, "{\"items\":{\"type\":\"null\"}}", "[1,2,3]", 2, &errors), 0);
    CU_ASSERT_EQUAL(json_array_size(errors), 2);
    const json_t *second = json_array_get(errors, 1);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(second, "path")), "/1");
    json_decref(errors);
    CU_ASSERT_EQUAL(check(&call, "false", "1", 0, NULL), 0);
    CU_ASSERT_EQUAL(check(&call, "true", "1", 0, NULL), 1);
}

static void formats(void)
{
    struct call call;
    call_init(&call, &ctx);
    CU_ASSERT_EQUAL(check(&call, "{\"format\":\"ipv4\"}", "\"1.2.3.4\"", 0, NULL), 1);
    CU_ASSERT_EQUAL(check(&call, "{\"format\":\"ipv4\"}", "\"1.2.3\"", 0, NULL), 0);
}

static void no_schema(void)
{
    struct call call;
    json_t *errors = NULL;
    call_init(&call, &ctx);
    CU_ASSERT_EQUAL(check(&call, "{\"items\":{\"type\":\"nul\"}}", "1", 5, &errors),
                    LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NULL(errors);
    CU_ASSERT_STRING_EQUAL(call.error.path, "/schema");
    CU_ASSERT_PTR_NOT_NULL(strstr(call.error.message, "/items/type"));
    CU_ASSERT_EQUAL(checker_table.check(&call.base, NULL, NULL, 5, "/schema", &errors),
                    LLMSPELL_EINVAL);
}

static void cancelled(void)
{
    struct call call;
    struct cancel cancel;
    json_t *errors = NULL;
    call_init(&call, &ctx);
    cancel_init(&cancel);
    cancel_set(&cancel);
    call.cancel = &cancel;
    CU_ASSERT_EQUAL(check(&call, "{\"type\":\"null\"}", "1", 5, &errors), LLMSPELL_ECANCELLED);
    CU_ASSERT_PTR_NULL(errors);
    cancel_clear(&cancel);
}

TEST_MAIN("checker", {"valid, not valid, at most so many", answers},
          {"formats are checked", formats}, {"what is no schema", no_schema},
          {"cancelled", cancelled})
