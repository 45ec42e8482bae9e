/* SPDX-License-Identifier: Apache-2.0
 * host/kernel/history_glob.c: what fits, and that no pattern takes for ever. */
#include "test.h"

#include <string.h>

#include "kernel/history_glob.h"

static bool fits(const char *pattern, const char *text)
{
    return history_glob(pattern, strlen(pattern), text, strlen(text));
}

static void test_stars(void)
{
    CU_ASSERT_TRUE(fits("", ""));
    CU_ASSERT_FALSE(fits("", "a"));
    CU_ASSERT_TRUE(fits("*", ""));
    CU_ASSERT_TRUE(fits("**", "any\ntext"));
    CU_ASSERT_TRUE(fits("a*", "a = 1"));
    CU_ASSERT_FALSE(fits("a*", "b = a"));
    CU_ASSERT_TRUE(fits("*a", "b = a"));
    CU_ASSERT_TRUE(fits("*ab*ab", "abcabab"));
    CU_ASSERT_FALSE(fits("*ab*ab*ab", "abcab"));
    CU_ASSERT_TRUE(fits("f(?)", "f(é)")); /* one character, two bytes */
    CU_ASSERT_TRUE(fits("?🙂?", "a🙂b"));
    CU_ASSERT_FALSE(fits("?", ""));
    CU_ASSERT_FALSE(fits("??", "é"));
    CU_ASSERT_FALSE(fits("A", "a"));
}

static void test_sets(void)
{
    CU_ASSERT_TRUE(fits("x[abc]", "xb"));
    CU_ASSERT_FALSE(fits("x[abc]", "xd"));
    CU_ASSERT_TRUE(fits("x[a-c]y*", "xby = 1"));
    CU_ASSERT_TRUE(fits("x[^a-c]", "xd"));
    CU_ASSERT_FALSE(fits("x[^a-c]", "xa"));
    CU_ASSERT_TRUE(fits("[à-ü]", "é"));
    CU_ASSERT_TRUE(fits("[]]", "]"));
    CU_ASSERT_TRUE(fits("[a-]", "-"));
    CU_ASSERT_TRUE(fits("[*]", "*"));
    CU_ASSERT_FALSE(fits("[*]", "x"));
    CU_ASSERT_TRUE(fits("t[1", "t[1")); /* never closed: itself */
    CU_ASSERT_TRUE(fits("[", "["));
    CU_ASSERT_TRUE(fits("[]", "[]"));
    CU_ASSERT_FALSE(fits("[]x", "]"));
}

static void test_bytes(void)
{
    CU_ASSERT_TRUE(history_glob("a?b", 3, "a\0b", 3));
    CU_ASSERT_FALSE(history_glob("a\0b", 3, "a\0c", 3));
    CU_ASSERT_TRUE(history_glob("?", 1, "\xff", 1));
    CU_ASSERT_TRUE(history_glob("\xe2", 1, "\xe2", 1)); /* cut */
    CU_ASSERT_FALSE(history_glob("[\xe2", 2, "\xe2", 1));
}

/* With recursion for each star this would outlive us all. */
static void test_hard_patterns(void)
{
    static char text[10000], pattern[1000];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof pattern; i += 2)
        memcpy(pattern + i, "*a", 2);
    pattern[sizeof pattern - 1] = 'b';
    CU_ASSERT_FALSE(history_glob(pattern, sizeof pattern, text, sizeof text));
    memset(pattern, '[', sizeof pattern);
    memset(text, '[', sizeof text);
    pattern[0] = '*';
    CU_ASSERT_TRUE(history_glob(pattern, sizeof pattern, text, sizeof text));
    pattern[sizeof pattern - 1] = ']';
    CU_ASSERT_TRUE(history_glob(pattern, sizeof pattern, text, sizeof text));
}

TEST_MAIN("kernel/history_glob", {"stars", test_stars}, {"sets", test_sets}, {"bytes", test_bytes},
          {"hard patterns", test_hard_patterns})
