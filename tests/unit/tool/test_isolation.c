/* SPDX-License-Identifier: Apache-2.0
 * host/tool/isolation.c: who decides where a call runs. */
#include "test.h"

#include "tool/isolation.h"

static const char MIXED[] =
    "{\"isolation\":{\"default\":\"inline\",\"render\":\"process\",\"draw\":\"inline\"}}";

struct wanted {
    const char *manifest;
    bool bundled;
    const char *forced, *own, *general;
    bool first, second; /* whether "list" and "render" run in a process */
};

static const struct wanted table[] = {
    {"{}", true, NULL, "auto", "auto", false, false},
    {"{}", false, NULL, "auto", "auto", true, true},
    {"{}", false, NULL, "inline", "auto", false, false},
    {"{}", false, NULL, "auto", "inline", false, false},
    {"{}", true, NULL, NULL, "process", true, true},
    {"{}", true, "process", "inline", "inline", true, true},
    {"{\"isolation\":\"process\"}", true, NULL, "auto", "auto", true, true},
    {"{\"isolation\":\"process\"}", true, NULL, "inline", "process", false, false},
    {"{\"isolation\":\"inline\"}", false, NULL, "auto", "auto", true, true},
    {"{\"isolation\":\"inline\",\"native\":{}}", true, "inline", "inline", "inline", true, true},
    {MIXED, true, NULL, "auto", "auto", false, true},
    {MIXED, true, NULL, "process", "auto", true, true},
    {MIXED, true, NULL, "auto", "inline", false, false},
    {MIXED, false, NULL, "auto", "auto", true, true},
    {"{\"isolation\":{\"default\":\"process\",\"list\":\"inline\"}}", true, NULL, "auto", "auto",
     false, true},
};

static bool in_process(const struct isolation *isolation, const char *operation)
{
    json_t *params = json_pack("{s:s*}", "operation", operation);
    bool process = isolation_in_process(isolation, params);
    json_decref(params);
    return process;
}

static void test_who_decides(void)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct wanted *row = &table[i];
        json_t *manifest = json_loads(row->manifest, 0, NULL);
        struct isolation_wish wish = {manifest, row->bundled, row->forced, row->own, row->general};
        struct isolation isolation = isolation_of(&wish);
        bool both = row->first != row->second;
        CU_ASSERT_EQUAL(in_process(&isolation, "list"), row->first);
        CU_ASSERT_EQUAL(in_process(&isolation, "render"), row->second);
        CU_ASSERT_EQUAL(isolation_may_be(&isolation, true), both || row->first);
        CU_ASSERT_EQUAL(isolation_may_be(&isolation, false), both || !row->first);
        json_decref(manifest);
    }
}

static void test_no_operation(void)
{
    json_t *manifest = json_loads(MIXED, 0, NULL);
    struct isolation_wish wish = {manifest, true, NULL, NULL, "auto"};
    struct isolation isolation = isolation_of(&wish);
    CU_ASSERT_FALSE(in_process(&isolation, NULL));
    CU_ASSERT_FALSE(in_process(&isolation, "default"));
    CU_ASSERT_FALSE(in_process(&isolation, "draw"));
    json_decref(manifest);
}

static void test_json(void)
{
    json_t *manifest = json_loads(MIXED, 0, NULL);
    struct isolation_wish wish = {manifest, true, NULL, NULL, "auto"};
    struct isolation isolation = isolation_of(&wish);
    json_t *value = isolation_json(&isolation);
    CU_ASSERT_TRUE(json_equal(value, json_object_get(manifest, "isolation")));
    json_decref(value);
    wish.own = "process";
    isolation = isolation_of(&wish);
    value = isolation_json(&isolation);
    CU_ASSERT_STRING_EQUAL(json_string_value(value), "process");
    json_decref(value);
    json_decref(manifest);
}

TEST_MAIN("isolation", {"who decides", test_who_decides}, {"no operation", test_no_operation},
          {"json", test_json})
