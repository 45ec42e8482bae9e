/* SPDX-License-Identifier: Apache-2.0
 * The interface of host/schema: errors of schemas, paths and order of violations, limits, threads.
 * Which values are valid is the matter of test_schema_cases.c. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "schema/schema_text.h"

/* ---- schemas that are wrong ---- */

struct refusal {
    const char *schema, *pointer, *words;
};

static const struct refusal refusals[] = {
    {"3", "\"\"", "object or a boolean"},
    {"null", "\"\"", "object or a boolean"},
    {"[]", "\"\"", "object or a boolean"},
    {"{\"type\":3}", "\"/type\"", "must be one of"},
    {"{\"type\":\"text\"}", "\"/type\"", "must be one of"},
    {"{\"type\":[]}", "\"/type\"", "must be one of"},
    {"{\"type\":[\"string\",\"string\"]}", "\"/type\"", "different"},
    {"{\"type\":[\"string\",4]}", "\"/type\"", "must be one of"},
    {"{\"enum\":{}}", "\"/enum\"", "array"},
    {"{\"properties\":{\"a\":{\"minimum\":\"x\"}}}", "\"/properties/a/minimum\"", "number"},
    {"{\"maximum\":null}", "\"/maximum\"", "number"},
    {"{\"exclusiveMinimum\":true}", "\"/exclusiveMinimum\"", "number"},
    {"{\"exclusiveMaximum\":\"1\"}", "\"/exclusiveMaximum\"", "number"},
    {"{\"multipleOf\":0}", "\"/multipleOf\"", "greater than 0"},
    {"{\"multipleOf\":-0.5}", "\"/multipleOf\"", "greater than 0"},
    {"{\"multipleOf\":\"2\"}", "\"/multipleOf\"", "number"},
    {"{\"minLength\":-1}", "\"/minLength\"", "not negative"},
    {"{\"maxLength\":1.5}", "\"/maxLength\"", "whole number"},
    {"{\"minItems\":\"1\"}", "\"/minItems\"", "whole number"},
    {"{\"maxItems\":[]}", "\"/maxItems\"", "whole number"},
    {"{\"minProperties\":null}", "\"/minProperties\"", "whole number"},
    {"{\"maxProperties\":{}}", "\"/maxProperties\"", "whole number"},
    {"{\"minContains\":-1}", "\"/minContains\"", "whole number"},
    {"{\"maxContains\":0.5}", "\"/maxContains\"", "whole number"},
    {"{\"uniqueItems\":1}", "\"/uniqueItems\"", "true or false"},
    {"{\"pattern\":5}", "\"/pattern\"", "string"},
    {"{\"pattern\":\"(\"}", "\"/pattern\"", "not closed"},
    {"{\"pattern\":\"\\\\Z\"}", "\"/pattern\"", "not an escape"},
    {"{\"pattern\":\"(?<=a+)b\"}", "\"/pattern\"", "lookbehind"},
    {"{\"patternProperties\":{\"[\":{}}}", "\"/patternProperties\"", "closing bracket"},
    {"{\"patternProperties\":[]}", "\"/patternProperties\"", "object"},
    {"{\"patternProperties\":{\"a/b\":7}}", "\"/patternProperties/a~1b\"", "object or a boolean"},
    {"{\"format\":1}", "\"/format\"", "string"},
    {"{\"properties\":[]}", "\"/properties\"", "object"},
    {"{\"properties\":{\"a~b\":1}}", "\"/properties/a~0b\"", "object or a boolean"},
    {"{\"additionalProperties\":1}", "\"/additionalProperties\"", "object or a boolean"},
    {"{\"unevaluatedProperties\":\"no\"}", "\"/unevaluatedProperties\"", "object or a boolean"},
    {"{\"unevaluatedItems\":[]}", "\"/unevaluatedItems\"", "object or a boolean"},
    {"{\"propertyNames\":[]}", "\"/propertyNames\"", "object or a boolean"},
    {"{\"required\":\"a\"}", "\"/required\"", "array"},
    {"{\"required\":[1]}", "\"/required\"", "string"},
    {"{\"required\":[\"a\",\"b\",\"a\"]}", "\"/required\"", "element 2"},
    {"{\"dependentRequired\":[]}", "\"/dependentRequired\"", "object"},
    {"{\"dependentRequired\":{\"a\":\"b\"}}", "\"/dependentRequired\"", "array"},
    {"{\"dependentSchemas\":[]}", "\"/dependentSchemas\"", "object"},
    {"{\"dependentSchemas\":{\"a\":[\"b\"]}}", "\"/dependentSchemas/a\"", "object or a boolean"},
    {"{\"items\":[{}]}", "\"/items\"", "object or a boolean"},
    {"{\"prefixItems\":[]}", "\"/prefixItems\"", "at least one"},
    {"{\"prefixItems\":[{},5]}", "\"/prefixItems/1\"", "object or a boolean"},
    {"{\"contains\":0}", "\"/contains\"", "object or a boolean"},
    {"{\"allOf\":{}}", "\"/allOf\"", "at least one"},
    {"{\"anyOf\":[]}", "\"/anyOf\"", "at least one"},
    {"{\"oneOf\":[true,{\"not\":4}]}", "\"/oneOf/1/not\"", "object or a boolean"},
    {"{\"if\":\"x\"}", "\"/if\"", "object or a boolean"},
    {"{\"then\":\"x\"}", "\"/then\"", "object or a boolean"},
    {"{\"else\":\"x\"}", "\"/else\"", "object or a boolean"},
    {"{\"$defs\":[]}", "\"/$defs\"", "object"},
    {"{\"$defs\":{\"a\":{\"type\":\"x\"}}}", "\"/$defs/a/type\"", "must be one of"},
    {"{\"$schema\":5}", "\"/$schema\"", "string"},
    {"{\"$id\":5}", "\"/$id\"", "string"},
    {"{\"$id\":\"a#b\"}", "\"/$id\"", "fragment"},
    {"{\"$anchor\":\"1a\"}", "\"/$anchor\"", "begin with a letter"},
    {"{\"$anchor\":\"a b\"}", "\"/$anchor\"", "begin with a letter"},
    {"{\"$dynamicAnchor\":\"\"}", "\"/$dynamicAnchor\"", "begin with a letter"},
    {"{\"$defs\":{\"a\":{\"$anchor\":\"x\"},\"b\":{\"$anchor\":\"x\",\"type\":\"null\"}}}",
     "\"/$defs/b/$anchor\"", "same anchor"},
    {"{\"$defs\":{\"a\":{\"$id\":\"x\"},\"b\":{\"$id\":\"x\",\"type\":\"null\"}}}",
     "\"/$defs/b/$id\"", "same URI"},
    {"{\"$ref\":5}", "\"/$ref\"", "string"},
    {"{\"$ref\":\"a\\u0000b\"}", "\"/$ref\"", "NUL"},
    {"{\"$ref\":\"#/$defs/x\"}", "\"/$ref\"", "nothing is at"},
    {"{\"$ref\":\"#/allOf/01\",\"allOf\":[{},{}]}", "\"/$ref\"", "nothing is at"},
    {"{\"$ref\":\"#/allOf/2\",\"allOf\":[{},{}]}", "\"/$ref\"", "nothing is at"},
    {"{\"$ref\":\"#/a~2b\",\"a~2b\":{}}", "\"/$ref\"", "nothing is at"},
    {"{\"$ref\":\"#/x\",\"x\":3}", "\"/x\"", "object or a boolean"},
    {"{\"$ref\":\"#/x\",\"x\":{\"type\":3}}", "\"/x/type\"", "must be one of"},
    {"{\"$ref\":\"#%2\"}", "\"/$ref\"", "hexadecimal"},
    {"{\"$ref\":\"#nowhere\"}", "\"/$ref\"", "\"#nowhere\" names an anchor"},
    {"{\"$dynamicRef\":\"#nowhere\"}", "\"/$dynamicRef\"", "anchor"},
    {"{\"properties\":{\"a\":{\"$ref\":\"http://localhost:1234/integer.json\"}}}",
     "\"/properties/a/$ref\"", "\"http://localhost:1234/integer.json\" is a schema outside"},
    {"{\"$ref\":\"https://json-schema.org/draft/2020-12/nothing\"}", "\"/$ref\"", "outside"},
    {"{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}", "\"/$ref\"", "outside"},
    {"{\"$ref\":\"#\"}", "\"\"", "without end"},
    {"{\"allOf\":[{\"$ref\":\"#\"}]}", "\"/allOf/0\"", "without end"},
    {"{\"$defs\":{\"a\":{\"$ref\":\"#/$defs/b\"},\"b\":{\"allOf\":[true,{\"$ref\":\"#/$defs/"
     "a\"}]}}}",
     "/$defs/", "without end"},
};

static void wrong_schemas(void)
{
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        json_t *document = parse(refusals[i].schema);
        struct schema *schema = (struct schema *)&schema; /* must stay untouched */
        struct error error = {0};
        int status = schema_compile(document, 0, &schema, &error);
        bool right = status == LLMSPELL_EINVAL && error.code == status &&
                     schema == (struct schema *)&schema &&
                     strstr(error.message, refusals[i].pointer) &&
                     strstr(error.message, refusals[i].words);
        CU_ASSERT_TRUE(right);
        if (!right)
            printf("\n%s: %d %s", refusals[i].schema, status, error.message);
        CU_ASSERT_EQUAL(schema_compile(document, 0, &schema, NULL), LLMSPELL_EINVAL);
        json_decref(document);
    }
    struct schema *schema = NULL;
    CU_ASSERT_EQUAL(schema_compile(NULL, 0, &schema, NULL), LLMSPELL_EINVAL);
    schema_free(NULL);
}

static void too_deep_schema(void)
{
    json_t *document = json_object();
    for (int i = 0; i < 600; i++)
        document = json_pack("{s:o}", "not", document);
    struct schema *schema = NULL;
    struct error error = {0};
    CU_ASSERT_EQUAL(schema_compile(document, 0, &schema, &error), LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "nested deeper than 512"));
    json_decref(document);
}

/* ---- violations ---- */

struct report {
    char text[8192];
    int limit;
};

/* One line a violation: instance path, keyword path, keyword. */
static bool collect(void *data, const struct schema_violation *violation)
{
    struct report *report = data;
    size_t length = strlen(report->text);
    snprintf(report->text + length, sizeof report->text - length, "%s %s %s\n",
             violation->instance_path, violation->keyword_path, violation->keyword);
    return --report->limit != 0;
}

static const struct expectation expectations[] = {
    {"false", "1", "  \n"},
    {"{\"type\":\"string\"}", "1", " /type type\n"},
    {"{\"minimum\":3,\"multipleOf\":2}", "1", " /multipleOf multipleOf\n /minimum minimum\n"},
    {"{\"properties\":{\"a\":{\"minimum\":3}}}", "{\"a\":2}", "/a /properties/a/minimum minimum\n"},
    {"{\"properties\":{\"a\":false}}", "{\"a\":2}", "/a /properties/a properties\n"},
    {"{\"properties\":{\"b\":{\"type\":\"null\"},\"a\":{\"type\":\"null\"}}}", "{\"a\":1,\"b\":1}",
     "/a /properties/a/type type\n/b /properties/b/type type\n"},
    {"{\"properties\":{\"a\":{\"type\":\"null\"}},\"required\":[\"r\",\"q\"],"
     "\"additionalProperties\":false}",
     "{\"x\":1,\"a\":1,\"y\":2}",
     "/x /additionalProperties additionalProperties\n/a /properties/a/type type\n"
     "/y /additionalProperties additionalProperties\n/r /required required\n"
     "/q /required required\n"},
    {"{\"required\":[\"a/b\",\"m~n\"]}", "{}",
     "/a~1b /required required\n/m~0n /required required\n"},
    {"{\"additionalProperties\":{\"items\":{\"type\":\"null\"}}}", "{\"a/~\":[null,1,[]]}",
     "/a~1~0/1 /additionalProperties/items/type type\n"
     "/a~1~0/2 /additionalProperties/items/type type\n"},
    {"{\"patternProperties\":{\"^a/\":{\"type\":\"null\"},\"b$\":false}}", "{\"a/b\":1}",
     "/a~1b /patternProperties/^a~1/type type\n/a~1b /patternProperties/b$ patternProperties\n"},
    {"{\"dependentRequired\":{\"a\":[\"b\",\"c\"]}}", "{\"a\":1,\"b\":1}",
     "/c /dependentRequired dependentRequired\n"},
    {"{\"dependentSchemas\":{\"a\":{\"required\":[\"b\"]}}}", "{\"a\":1}",
     "/b /dependentSchemas/a/required required\n"},
    {"{\"propertyNames\":{\"maxLength\":1}}", "{\"ab\":1,\"cd\":1}",
     " /propertyNames propertyNames\n"},
    {"{\"properties\":{\"o\":{\"minProperties\":1}}}", "{\"o\":{}}",
     "/o /properties/o/minProperties minProperties\n"},
    {"{\"prefixItems\":[{\"const\":1}],\"items\":false}", "[2,3]",
     "/0 /prefixItems/0/const const\n/1 /items items\n"},
    {"{\"contains\":{\"const\":1}}", "[2]", " /contains contains\n"},
    {"{\"contains\":{\"const\":1},\"minContains\":2}", "[1]", " /minContains minContains\n"},
    {"{\"contains\":{\"const\":1},\"maxContains\":1}", "[1,1]", " /maxContains maxContains\n"},
    {"{\"items\":{\"uniqueItems\":true}}", "[[1,2],[1,1]]", "/1 /items/uniqueItems uniqueItems\n"},
    {"{\"allOf\":[{\"type\":\"null\"},{\"minimum\":5}]}", "1",
     " /allOf/0/type type\n /allOf/1/minimum minimum\n"},
    {"{\"anyOf\":[{\"type\":\"null\"},{\"minimum\":5}]}", "1", " /anyOf anyOf\n"},
    {"{\"oneOf\":[{\"type\":\"null\"},{\"minimum\":5}]}", "1", " /oneOf oneOf\n"},
    {"{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":0}]}", "1", " /oneOf oneOf\n"},
    {"{\"not\":{\"type\":\"integer\"}}", "1", " /not not\n"},
    {"{\"if\":{\"minimum\":5},\"then\":{\"const\":7},\"else\":{\"const\":0}}", "6",
     " /then/const const\n"},
    {"{\"if\":{\"minimum\":5},\"then\":{\"const\":7},\"else\":{\"const\":0}}", "1",
     " /else/const const\n"},
    {"{\"if\":true,\"then\":false}", "1", " /then then\n"},
    {"{\"$ref\":\"#/$defs/a\",\"$defs\":{\"a\":{\"type\":\"null\"}}}", "1",
     " /$defs/a/type type\n"},
    {"{\"properties\":{\"x\":{\"$ref\":\"#/$defs/a\"}},\"$defs\":{\"a\":false}}", "{\"x\":1}",
     "/x /properties/x/$ref $ref\n"},
    {"{\"allOf\":[{\"properties\":{\"a\":true}}],\"unevaluatedProperties\":false}",
     "{\"b\":1,\"a\":1,\"c\":1}",
     "/b /unevaluatedProperties unevaluatedProperties\n"
     "/c /unevaluatedProperties unevaluatedProperties\n"},
    {"{\"allOf\":[{\"prefixItems\":[true]}],\"unevaluatedItems\":{\"type\":\"null\"}}",
     "[1,null,2]", "/2 /unevaluatedItems/type type\n"},
    {"{\"allOf\":[{\"if\":{\"properties\":{\"operation\":{\"const\":\"verify\"}}},"
     "\"then\":{\"required\":[\"expected\"]}}]}",
     "{\"operation\":\"verify\"}", "/expected /allOf/0/then/required required\n"},
    {"{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}", "{\"minLength\":-1}",
     "/minLength https://json-schema.org/draft/2020-12/schema#/$defs/validation/$defs/"
     "nonNegativeInteger/minimum minimum\n"},
    {"{\"properties\":{\"\":{\"properties\":{\"\":{\"type\":\"null\"}}}}}", "{\"\":{\"\":1}}",
     "// /properties//properties//type type\n"},
};

static void paths_and_order(void)
{
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        struct schema *schema = compile(expectations[i].schema, 0);
        json_t *instance = parse(expectations[i].instance);
        struct report report = {.limit = -1};
        struct error error;
        CU_ASSERT_EQUAL(schema_validate(schema, instance, collect, &report, &error), 0);
        CU_ASSERT_STRING_EQUAL(report.text, expectations[i].violations);
        if (strcmp(report.text, expectations[i].violations) != 0)
            printf("\n%s on %s:\n%s", expectations[i].schema, expectations[i].instance,
                   report.text);
        /* The first violation is what schema_check says. */
        char first[ERROR_PATH_MAX] = "";
        memcpy(first, report.text, strcspn(report.text, " "));
        CU_ASSERT_EQUAL(schema_check(schema, instance, &error), 0);
        CU_ASSERT_TRUE(error.has_path);
        CU_ASSERT_EQUAL(error.code, LLMSPELL_EINVAL);
        CU_ASSERT_STRING_EQUAL(error.path, first);
        json_decref(instance);
        schema_free(schema);
    }
}

static void stopping(void)
{
    struct schema *schema = compile("{\"items\":{\"type\":\"null\",\"minimum\":9}}", 0);
    json_t *instance = parse("[1,2,3,4]");
    struct error error;
    for (int limit = 1; limit <= 8; limit++) {
        struct report report = {.limit = limit};
        int lines = 0;
        CU_ASSERT_EQUAL(schema_validate(schema, instance, collect, &report, &error), 0);
        for (const char *at = report.text; *at; at++)
            lines += *at == '\n';
        CU_ASSERT_EQUAL(lines, limit);
    }
    CU_ASSERT_EQUAL(schema_validate(schema, instance, NULL, NULL, NULL), 0);
    CU_ASSERT_EQUAL(schema_check(schema, instance, NULL), 0);
    CU_ASSERT_EQUAL(schema_check(schema, NULL, &error), LLMSPELL_EINVAL);
    json_decref(instance);
    schema_free(schema);
}

/* ---- limits ---- */

static json_t *nest(size_t depth)
{
    json_t *value = json_integer(1);
    for (size_t i = 0; i < depth; i++)
        value = json_pack("[o]", value);
    return value;
}

static void depth_limit(void)
{
    struct schema *schema =
        compile("{\"type\":[\"array\",\"integer\"],\"items\":{\"$ref\":\"#\"}}", 0);
    json_t *fine = nest(250), *deep = nest(520);
    struct error error;
    CU_ASSERT_EQUAL(schema_check(schema, fine, &error), 1);
    CU_ASSERT_EQUAL(schema_check(schema, deep, &error), LLMSPELL_ELIMIT);
    CU_ASSERT_EQUAL(error.code, LLMSPELL_ELIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "nested too deeply for its schema"));
    CU_ASSERT_EQUAL(schema_validate(schema, deep, NULL, NULL, NULL), LLMSPELL_ELIMIT);
    json_decref(fine);
    json_decref(deep);
    schema_free(schema);
}

static void deep_equality(void)
{
    json_t *deep = nest(5000), *same = nest(5000), *pair = json_pack("[OO]", deep, same);
    struct schema *schema = compile("{\"uniqueItems\":true}", 0);
    struct error error;
    CU_ASSERT_EQUAL(schema_check(schema, pair, &error), LLMSPELL_ELIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "compare"));
    for (int i = 0; i < 20; i++)
        json_array_append_new(pair, json_integer(i));
    CU_ASSERT_EQUAL(schema_check(schema, pair, &error), LLMSPELL_ELIMIT);
    json_decref(pair);
    json_decref(deep);
    json_decref(same);
    schema_free(schema);
}

static void endless_at_run_time(void)
{
    struct error error;
    CU_ASSERT_EQUAL(check("{\"anyOf\":[{\"$ref\":\"#\"}]}", "1", &error), LLMSPELL_ELIMIT);
    CU_ASSERT_EQUAL(check("{\"not\":{\"$ref\":\"#\"}}", "1", &error), LLMSPELL_ELIMIT);
    CU_ASSERT_EQUAL(check("{\"anyOf\":[true,{\"$ref\":\"#\"}]}", "1", &error), 1);
    CU_ASSERT_EQUAL(check("{\"dependentSchemas\":{\"a\":{\"$ref\":\"#\"}}}", "{}", &error), 1);
    CU_ASSERT_EQUAL(check("{\"dependentSchemas\":{\"a\":{\"$ref\":\"#\"}}}", "{\"a\":1}", &error),
                    LLMSPELL_ELIMIT);
    CU_ASSERT_EQUAL(check("{\"$dynamicAnchor\":\"a\",\"$dynamicRef\":\"#a\"}", "1", &error),
                    LLMSPELL_ELIMIT);
}

/* Each level tries the one below twice: 2^40 evaluations without a limit. */
static void step_limit(void)
{
    json_t *definitions = json_object();
    char name[16], reference[32];
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "a%d", i);
        snprintf(reference, sizeof reference, "#/$defs/a%d", i + 1);
        json_object_set_new(
            definitions, name,
            json_pack("{s:[{s:s},{s:s}]}", "anyOf", "$ref", reference, "$ref", reference));
    }
    json_object_set_new(definitions, "a40", json_false());
    json_t *document = json_pack("{s:s,s:o}", "$ref", "#/$defs/a0", "$defs", definitions);
    json_t *instance = json_integer(1);
    struct schema *schema = NULL;
    struct error error;
    CU_ASSERT_EQUAL_FATAL(schema_compile(document, 0, &schema, &error), 0);
    CU_ASSERT_EQUAL(schema_check(schema, instance, &error), LLMSPELL_ELIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "too many steps"));
    schema_free(schema);
    json_decref(instance);
    json_decref(document);
}

static void pattern_limit(void)
{
    struct error error;
    CU_ASSERT_EQUAL(check("{\"pattern\":\"^(a+)+$\"}",
                          "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", &error),
                    LLMSPELL_ELIMIT);
    CU_ASSERT_EQUAL(check("{\"patternProperties\":{\"^(a+)+$\":true}}",
                          "{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\":1}", &error),
                    LLMSPELL_ELIMIT);
    CU_ASSERT_EQUAL(check("{\"not\":{\"pattern\":\"^(a+)+$\"}}",
                          "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"", &error),
                    LLMSPELL_ELIMIT);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "regular expression"));
}

/* A hundred thousand elements: nothing quadratic. */
static void large_arrays(void)
{
    struct schema *schema = compile("{\"uniqueItems\":true,\"prefixItems\":[true],"
                                    "\"anyOf\":[{\"contains\":{\"multipleOf\":2}},true],"
                                    "\"unevaluatedItems\":{\"multipleOf\":3}}",
                                    0);
    json_t *array = json_array();
    struct error error;
    for (int i = 0; i < 100000; i++)
        json_array_append_new(array, json_integer(i % 2 ? 3 * i : 2 * i));
    CU_ASSERT_EQUAL(schema_check(schema, array, &error), 1);
    json_array_append_new(array, json_real(4.0));
    CU_ASSERT_EQUAL(schema_check(schema, array, &error), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "2 and 100000 are (uniqueItems)"));
    json_decref(array);
    schema_free(schema);
}

/* A document that was built by a program may share values and outlive nothing. */
static void shared_values(void)
{
    json_t *part = parse("{\"type\":\"integer\"}");
    json_t *document = json_pack("{s:{s:O,s:O},s:b}", "properties", "a", part, "b", part,
                                 "additionalProperties", 0);
    json_t *instance = parse("{\"a\":1,\"b\":\"x\"}");
    struct schema *schema = NULL;
    struct error error;
    CU_ASSERT_EQUAL_FATAL(schema_compile(document, 0, &schema, &error), 0);
    json_decref(part);
    json_decref(document);
    struct report report = {.limit = -1};
    CU_ASSERT_EQUAL(schema_validate(schema, instance, collect, &report, &error), 0);
    CU_ASSERT_STRING_EQUAL(report.text, "/b /properties/b/type type\n");
    json_decref(instance);
    schema_free(schema);
}

/* The metaschema is a schema of itself, also when it is the document that is compiled. */
static void metaschema(void)
{
    json_t *document = parse("{\"$id\":\"https://json-schema.org/draft/2020-12/schema\","
                             "\"$dynamicAnchor\":\"meta\",\"allOf\":[{\"$ref\":\"meta/core\"},"
                             "{\"$ref\":\"meta/applicator\"},{\"$ref\":\"meta/validation\"}]}");
    json_t *bad = parse("{\"items\":{\"properties\":{\"a\":{\"type\":\"x\"}}}}");
    struct schema *schema = NULL;
    struct error error;
    CU_ASSERT_EQUAL_FATAL(schema_compile(document, 0, &schema, &error), 0);
    CU_ASSERT_EQUAL(schema_check(schema, document, &error), 1);
    CU_ASSERT_EQUAL(schema_check(schema, bad, &error), 0);
    CU_ASSERT_STRING_EQUAL(error.path, "/items/properties/a/type");
    json_decref(document);
    json_decref(bad);
    schema_free(schema);
}

/* ---- threads ---- */

struct job {
    const struct schema *schema;
    const json_t *good, *bad;
    int wrong;
};

static void *work(void *data)
{
    struct job *job = data;
    for (int i = 0; i < 2000; i++) {
        struct error error;
        job->wrong += schema_check(job->schema, job->good, &error) != 1;
        job->wrong += schema_check(job->schema, job->bad, &error) != 0;
        job->wrong += strcmp(error.path, "/m/1") != 0;
    }
    return NULL;
}

static void threads(void)
{
    struct schema *schema =
        compile("{\"properties\":{\"n\":{\"pattern\":\"^[a-z]+$\",\"format\":\"hostname\"},"
                "\"m\":{\"items\":{\"$dynamicRef\":\"#k\"}}},\"$defs\":{\"k\":{"
                "\"$dynamicAnchor\":\"k\",\"enum\":[1,2,3,4,5,6,7,8,9,\"x\"]}},"
                "\"anyOf\":[{\"required\":[\"n\"]}],\"unevaluatedProperties\":false,"
                "\"propertyNames\":{\"pattern\":\"^.$\"}}",
                SCHEMA_CHECK_FORMATS);
    json_t *good = parse("{\"n\":\"abc\",\"m\":[1,9,\"x\"]}");
    json_t *bad = parse("{\"n\":\"abc\",\"m\":[1,10,\"y\"]}");
    pthread_t ids[4];
    struct job jobs[4];
    for (int i = 0; i < 4; i++) {
        jobs[i] = (struct job){schema, good, bad, 0};
        CU_ASSERT_EQUAL_FATAL(pthread_create(&ids[i], NULL, work, &jobs[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(ids[i], NULL);
        CU_ASSERT_EQUAL(jobs[i].wrong, 0);
    }
    json_decref(good);
    json_decref(bad);
    schema_free(schema);
}

TEST_MAIN("schema", {"wrong schemas", wrong_schemas}, {"too deep a schema", too_deep_schema},
          {"paths and order of violations", paths_and_order}, {"stopping", stopping},
          {"depth limit", depth_limit}, {"deep equality", deep_equality},
          {"endless at run time", endless_at_run_time}, {"step limit", step_limit},
          {"pattern limit", pattern_limit}, {"large arrays", large_arrays},
          {"shared values", shared_values}, {"metaschema", metaschema}, {"threads", threads})
