/* SPDX-License-Identifier: Apache-2.0
 * host/schema/collect.c: all violations in the order of the document, the first few, and an end
 * from outside. */
#include <string.h>

#include "schema/schema_text.h"

static int collect(const char *schema_text, const char *instance_text,
                   const struct schema_collect *options, json_t **ret_violations)
{
    json_t *document = parse(schema_text), *instance = parse(instance_text);
    struct schema *schema = NULL;
    struct error error = {0};
    CU_ASSERT_EQUAL_FATAL(schema_compile(document, 0, &schema, &error), 0);
    int result = schema_collect(schema, instance, options, ret_violations, &error);
    schema_free(schema);
    json_decref(document);
    json_decref(instance);
    return result;
}

/* "path keyword" of each violation, one a line. */
static void show(const json_t *violations, char *text, size_t size)
{
    size_t i, length = 0;
    json_t *item;
    text[0] = '\0';
    json_array_foreach(violations, i, item)
    {
        length += (size_t)snprintf(text + length, size - length, "%s %s\n",
                                   json_string_value(json_object_get(item, "path")),
                                   json_string_value(json_object_get(item, "keyword")));
    }
}

static const struct {
    const char *schema, *instance, *violations;
} orders[] = {
    {"{\"allOf\":[{\"properties\":{\"b\":{\"type\":\"null\"}}},"
     "{\"properties\":{\"a\":{\"type\":\"null\"}}}]}",
     "{\"a\":1,\"b\":2}", "/a type\n/b type\n"},
    {"{\"required\":[\"z\",\"y\"],\"not\":{},\"properties\":{\"a\":{\"type\":\"null\"}}}",
     "{\"a\":1}", " not\n/a type\n/z required\n/y required\n"},
    {"{\"items\":{\"minimum\":9},\"allOf\":[{\"items\":{\"multipleOf\":2}}]}", "[1,10,3]",
     "/0 minimum\n/0 multipleOf\n/2 minimum\n/2 multipleOf\n"},
    {"{\"properties\":{\"a\":{\"required\":[\"x\"]},\"b\":false}}", "{\"a\":{},\"b\":1}",
     "/a/x required\n/b properties\n"},
    {"{\"additionalProperties\":false,\"required\":[\"q\"]}", "{\"b\":1,\"a\":2}",
     "/b additionalProperties\n/a additionalProperties\n/q required\n"},
};

static void document_order(void)
{
    const struct schema_collect options = {.max = 100};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        json_t *violations = NULL;
        char text[500];
        CU_ASSERT_EQUAL(collect(orders[i].schema, orders[i].instance, &options, &violations), 0);
        show(violations, text, sizeof text);
        CU_ASSERT_STRING_EQUAL(text, orders[i].violations);
        if (strcmp(text, orders[i].violations) != 0)
            printf("\n%s on %s:\n%s", orders[i].schema, orders[i].instance, text);
        json_decref(violations);
    }
}

/* The first two are the first two of the document, not the first two that were found. */
static void keeps_the_first(void)
{
    const struct schema_collect options = {.max = 2};
    json_t *violations = NULL;
    char text[200];
    CU_ASSERT_EQUAL(collect("{\"properties\":{\"c\":{\"type\":\"null\"},\"d\":{\"type\":\"null\"}},"
                            "\"allOf\":[{\"properties\":{\"a\":{\"type\":\"null\"}}}]}",
                            "{\"a\":1,\"c\":1,\"d\":1}", &options, &violations),
                    0);
    show(violations, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "/a type\n/c type\n");
    json_decref(violations);
}

static void what_one_holds(void)
{
    const struct schema_collect options = {.max = 9};
    json_t *violations = NULL;
    CU_ASSERT_EQUAL(
        collect("{\"properties\":{\"a/b\":{\"minimum\":3}}}", "{\"a/b\":2}", &options, &violations),
        0);
    json_t *expected = parse("[{\"path\":\"/a~1b\",\"schema_path\":\"/properties/a~1b/minimum\","
                             "\"keyword\":\"minimum\",\"message\":\"must be at least 3, is 2\"}]");
    CU_ASSERT_TRUE(json_equal(violations, expected));
    json_decref(expected);
    json_decref(violations);
    CU_ASSERT_EQUAL(collect("{\"minimum\":3}", "3", &options, &violations), 1);
    CU_ASSERT_TRUE(json_is_array(violations) && json_array_size(violations) == 0);
    json_decref(violations);
}

/* A pattern that is cut inside a character is still shown. */
static void a_cut_message(void)
{
    const struct schema_collect options = {.max = 1};
    char schema[800] = "{\"pattern\":\"x";
    for (size_t i = 0; i < 200; i++)
        memcpy(schema + strlen(schema), "\xC3\xA9", 3);
    memcpy(schema + strlen(schema), "\"}", 3);
    json_t *violations = NULL;
    CU_ASSERT_EQUAL(collect(schema, "\"a\"", &options, &violations), 0);
    CU_ASSERT_EQUAL(json_array_size(violations), 1);
    json_decref(violations);
}

static void nobody_listens(void)
{
    const struct schema_collect options = {.max = 0};
    json_t *violations = NULL;
    CU_ASSERT_EQUAL(collect("{\"items\":{\"minimum\":3}}", "[1,2]", &options, &violations), 0);
    CU_ASSERT_EQUAL(json_array_size(violations), 0);
    json_decref(violations);
}

static int count_down(void *data)
{
    int *left = data;
    return --*left > 0 ? 0 : LLMSPELL_ECANCELLED;
}

static void stopped(void)
{
    int left = 3;
    const struct schema_collect options = {.max = 9, .stop = count_down, .stop_data = &left};
    json_t *violations = NULL, *items = json_array(),
           *schema = parse("{\"items\":{\"minimum\":0}}");
    for (json_int_t i = 0; i < 5000; i++)
        json_array_append_new(items, json_integer(i));
    struct schema *compiled = NULL;
    CU_ASSERT_EQUAL_FATAL(schema_compile(schema, 0, &compiled, NULL), 0);
    CU_ASSERT_EQUAL(schema_collect(compiled, items, &options, &violations, NULL),
                    LLMSPELL_ECANCELLED);
    CU_ASSERT_PTR_NULL(violations);
    CU_ASSERT_EQUAL(left, 0);
    schema_free(compiled);
    json_decref(items);
    json_decref(schema);
}

TEST_MAIN("schema collect", {"violations come in document order", document_order},
          {"the first few of the document are kept", keeps_the_first},
          {"what a violation holds", what_one_holds},
          {"a message that is cut inside a character", a_cut_message},
          {"nobody wants to know them", nobody_listens}, {"stopped from outside", stopped})
