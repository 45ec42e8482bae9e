/* SPDX-License-Identifier: Apache-2.0
 * What the validator says of a violation. */
#include <string.h>

#include "schema/schema_text.h"

static const struct expectation messages[] = {
    {"{\"minimum\":3}", "2", "the value must be at least 3, is 2 (minimum)"},
    {"{\"maximum\":0.1}", "0.25", "the value must be at most 0.1, is 0.25 (maximum)"},
    {"{\"exclusiveMinimum\":3}", "3", "the value must be greater than 3, is 3 (exclusiveMinimum)"},
    {"{\"exclusiveMaximum\":3}", "3", "the value must be less than 3, is 3 (exclusiveMaximum)"},
    {"{\"multipleOf\":0.01}", "0.005",
     "the value must be a multiple of 0.01, is 0.005 (multipleOf)"},
    {"{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}",
     "/a must be a string, is an integer (type)"},
    {"{\"type\":[\"null\",\"integer\",\"object\"]}", "\"x\"",
     "the value must be an object or an integer or null, is a string (type)"},
    {"{\"type\":\"number\"}", "true", "the value must be a number, is a boolean (type)"},
    {"{\"properties\":{\"op\":{\"enum\":[\"a\",\"b\",1]}}}", "{\"op\":\"c\"}",
     "/op must be one of \"a\", \"b\", 1, is \"c\" (enum)"},
    {"{\"properties\":{\"op\":{\"enum\":[\"a\"],\"x-secret\":true}}}", "{\"op\":\"c\"}",
     "/op must be one of \"a\" (enum)"},
    {"{\"x-secret\":true,\"allOf\":[{\"minimum\":4}]}", "3",
     "the value must be at least 4 (minimum)"},
    {"{\"const\":{\"a\":[1]}}", "[]", "the value must be {\"a\":[1]}, is an array (const)"},
    {"{\"minLength\":2}", "\"\\u00e9\"",
     "the value must have at least 2 characters, has 1 (minLength)"},
    {"{\"maxItems\":1}", "[1,2]", "the value must have at most 1 item, has 2 (maxItems)"},
    {"{\"pattern\":\"^a$\"}", "\"b\"", "the value must match the regular expression ^a$ (pattern)"},
    {"{\"pattern\":\"^[^\\\\u0000]*$\"}", "\"a\\u0000\"",
     "the value must not hold a NUL character (pattern)"},
    {"{\"required\":[\"a\"]}", "{}", "/a is missing (required)"},
    {"{\"dependentRequired\":{\"a\":[\"b\"]}}", "{\"a\":1}",
     "/b is missing, and \"a\" needs it (dependentRequired)"},
    {"{\"additionalProperties\":false}", "{\"a\":1}",
     "/a is not a known member (additionalProperties)"},
    {"{\"items\":false}", "[1]", "/0 is not allowed (items)"},
    {"false", "1", "the value is not allowed"},
    {"{\"uniqueItems\":true}", "[1,2,1]",
     "the value must not have equal items, 0 and 2 are (uniqueItems)"},
    {"{\"contains\":{\"const\":1},\"minContains\":2}", "[]",
     "the value must have at least 2 items that match the schema of contains (minContains)"},
    {"{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":1}",
     "the value must not have a member named \"ab\" (propertyNames)"},
    {"{\"oneOf\":[{\"required\":[\"input\"]},{\"required\":[\"path\"]}]}", "{}",
     "the value must have exactly one of the members \"input\", \"path\" (oneOf)"},
    {"{\"oneOf\":[{\"required\":[\"input\"]},{\"required\":[\"path\"]}]}",
     "{\"input\":1,\"path\":2}",
     "the value must have only one of the members \"input\", \"path\" (oneOf)"},
    {"{\"anyOf\":[{\"required\":[\"a\"]},{\"type\":\"null\"}]}", "{}",
     "the value must match at least one of the 2 schemas of anyOf, matches none (anyOf)"},
    {"{\"not\":{\"required\":[\"a\",\"b\"]}}", "{\"a\":1,\"b\":2}",
     "the value must not have all of the members \"a\", \"b\" (not)"},
    {"{\"not\":{\"required\":[\"a\"]}}", "{\"a\":1}",
     "the value must not have the member \"a\" here (not)"},
    {"{\"not\":{\"type\":\"null\"}}", "null", "the value must not match the schema of not (not)"},
    {"{\"not\":{\"required\":[]}}", "{}", "the value must not match the schema of not (not)"},
    {"{\"oneOf\":[true,false,true]}", "{}",
     "the value must match exactly one of the 3 schemas of oneOf, matches both number 0 and "
     "number 2 (oneOf)"},
};

static void messages_are_sentences(void)
{
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        struct error error = {0};
        CU_ASSERT_EQUAL(check(messages[i].schema, messages[i].instance, &error), 0);
        CU_ASSERT_STRING_EQUAL(error.message, messages[i].violations);
        if (strcmp(error.message, messages[i].violations) != 0)
            printf("\n%s", error.message);
    }
}

static void long_messages(void)
{
    json_t *values = json_array();
    for (int i = 0; i < 500; i++)
        json_array_append_new(values, json_sprintf("value number %d", i));
    json_t *document = json_pack("{s:o}", "enum", values);
    json_t *instance = json_array();
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    json_array_append_new(instance, json_string(big));
    struct schema *schema = NULL;
    struct error error;
    CU_ASSERT_EQUAL_FATAL(schema_compile(document, 0, &schema, &error), 0);
    CU_ASSERT_EQUAL(schema_check(schema, json_array_get(instance, 0), &error), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "\"value number 0\", "));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, ", …, is \"xxx"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "(enum)"));
    schema_free(schema);
    json_decref(document);
    json_decref(instance);
}

TEST_MAIN("schema messages", {"sentences", messages_are_sentences}, {"long", long_messages})
