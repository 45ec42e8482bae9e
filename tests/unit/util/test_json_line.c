/* SPDX-License-Identifier: Apache-2.0
 * host/util/json_line.c: pointers to lines. */
#include "util/json_line.h"

#include <string.h>

#include "test.h"

static const char TEXT[] = "{\n"
                           "  \"a\": 1,\n"
                           "  \"b\": {\"c\": [10,\n"
                           "    {\"d/e\": \"x}]\\\"\"},\n"
                           "    20]},\n"
                           "  \"f\":\n"
                           "    {\"g\": null}\n"
                           "}\n";

static int line(const char *pointer)
{
    return json_line(TEXT, strlen(TEXT), pointer);
}

static void test_finds(void)
{
    CU_ASSERT_EQUAL(line(""), 1);
    CU_ASSERT_EQUAL(line("/a"), 2);
    CU_ASSERT_EQUAL(line("/b/c/0"), 3);
    CU_ASSERT_EQUAL(line("/b/c/1"), 4);
    CU_ASSERT_EQUAL(line("/b/c/1/d~1e"), 4);
    CU_ASSERT_EQUAL(line("/b/c/2"), 5);
    CU_ASSERT_EQUAL(line("/f"), 6);
    CU_ASSERT_EQUAL(line("/f/g"), 7);
}

static void test_what_is_not_there_is_where_it_should_be(void)
{
    CU_ASSERT_EQUAL(line("/z"), 1);
    CU_ASSERT_EQUAL(line("/b/z"), 3);
    CU_ASSERT_EQUAL(line("/b/c/9"), 3);
    CU_ASSERT_EQUAL(line("/a/b/c"), 2);
}

static void test_cut_texts_do_not_overrun(void)
{
    for (size_t n = 0; n <= strlen(TEXT); n++) {
        char *cut = malloc(n + 1); /* exact but for one: a sanitizer sees more */
        CU_ASSERT_PTR_NOT_NULL_FATAL(cut);
        memcpy(cut, TEXT, n);
        CU_ASSERT_TRUE(json_line(cut, n, "/b/c/1/d~1e") >= 1);
        free(cut);
    }
}

TEST_MAIN("util/json_line", {"finds", test_finds},
          {"what is not there", test_what_is_not_there_is_where_it_should_be},
          {"cut texts", test_cut_texts_do_not_overrun})
