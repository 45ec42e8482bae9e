/* SPDX-License-Identifier: Apache-2.0
 * host/util: UTF-8, near misses, errors, JSON text. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/json_text.h"
#include "util/near.h"
#include "util/utf8.h"

static size_t valid(const char *text)
{
    return utf8_valid(text, strlen(text));
}

static void test_utf8_valid(void)
{
    CU_ASSERT_EQUAL(valid("plain ascii, longer than eight bytes"), 36);
    CU_ASSERT_EQUAL(valid("gr\xC3\xB6\xC3\x9F"
                          "er \xE2\x82\xAC \xF0\x9F\x98\x80"),
                    strlen("gr\xC3\xB6\xC3\x9F"
                           "er \xE2\x82\xAC \xF0\x9F\x98\x80"));
    CU_ASSERT_EQUAL(valid("ab\xFF"), 2);
    CU_ASSERT_EQUAL(valid("\xC0\x80"), 0);         /* overlong */
    CU_ASSERT_EQUAL(valid("\xE0\x80\x80"), 0);     /* overlong */
    CU_ASSERT_EQUAL(valid("x\xED\xA0\x80"), 1);    /* a surrogate */
    CU_ASSERT_EQUAL(valid("\xF4\x90\x80\x80"), 0); /* above U+10FFFF */
    CU_ASSERT_EQUAL(valid("a\xE2\x82"), 1);        /* cut */
    CU_ASSERT_EQUAL(utf8_valid("", 0), 0);
    CU_ASSERT_TRUE(utf8_is_partial("\xE2\x82", 2));
    CU_ASSERT_TRUE(utf8_is_partial("\xF0\x9F\x98", 3));
    CU_ASSERT_FALSE(utf8_is_partial("\xE2\x28", 2));
    CU_ASSERT_FALSE(utf8_is_partial("a", 1));
}

static void test_utf8_repair(void)
{
    size_t size;
    char *fixed = utf8_repair("a\xFF"
                              "b\xE2\x82",
                              5, &size);
    CU_ASSERT_STRING_EQUAL(fixed, "a\xEF\xBF\xBD"
                                  "b\xEF\xBF\xBD\xEF\xBF\xBD");
    CU_ASSERT_EQUAL(size, strlen(fixed));
    CU_ASSERT_EQUAL(utf8_valid(fixed, size), size);
    free(fixed);
}

static void test_nearest(void)
{
    struct near nearest = {.word = "calculater"};
    near_offer(&nearest, "hash_calculator");
    CU_ASSERT_PTR_NULL(nearest.best);
    near_offer(&nearest, "calculator");
    CU_ASSERT_STRING_EQUAL(nearest.best, "calculator");
    near_offer(&nearest, "calculatxx");
    CU_ASSERT_STRING_EQUAL(nearest.best, "calculator");
}

static void test_error(void)
{
    struct error error;
    char longer[3000];
    memset(longer, 'a', sizeof longer);
    memcpy(longer + ERROR_MESSAGE_MAX - 2, "\xE2\x82\xAC", 3); /* the cut falls inside it */
    longer[sizeof longer - 1] = '\0';
    CU_ASSERT_EQUAL(error_set_at(&error, LLMSPELL_EPARSE, "/input", "%s", longer), LLMSPELL_EPARSE);
    CU_ASSERT_EQUAL(error.code, LLMSPELL_EPARSE);
    CU_ASSERT_TRUE(error.has_path);
    CU_ASSERT_STRING_EQUAL(error.path, "/input");
    CU_ASSERT_EQUAL(utf8_valid(error.message, strlen(error.message)), strlen(error.message));
    CU_ASSERT_EQUAL(strlen(error.message), ERROR_MESSAGE_MAX - 2);
    error_set(&error, LLMSPELL_EIO, "bad \xFF byte");
    CU_ASSERT_STRING_EQUAL(error.message, "bad ? byte");
    CU_ASSERT_FALSE(error.has_path);
    CU_ASSERT_EQUAL(error_set(NULL, LLMSPELL_EIO, "ignored"), LLMSPELL_EIO);
    CU_ASSERT_STRING_EQUAL(llmspell_error_name(LLMSPELL_EUNKNOWN), "unknown_tool");
    CU_ASSERT_STRING_EQUAL(llmspell_error_name(-999), "failed");
}

static char *text_of(const char *json, int indent)
{
    static char buffer[4096];
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    FILE *out = fmemopen(buffer, sizeof buffer, "w");
    json_text_write(out, value, indent);
    fputc('\0', out);
    fclose(out);
    json_decref(value);
    return buffer;
}

static void test_json_text(void)
{
    static const double numbers[] = {0.1, 1.0 / 3, 1e300, 5e-324, -0.0, 1.5, 123456789012345680.0};
    CU_ASSERT_STRING_EQUAL(text_of("0.1", 0), "0.1");
    CU_ASSERT_STRING_EQUAL(text_of("2.0", 0), "2.0");
    CU_ASSERT_STRING_EQUAL(text_of("1e300", 0), "1e+300");
    CU_ASSERT_STRING_EQUAL(
        text_of("{\"a\": [1, true, null, \"x\\n\\u0001\\\"\\\\\"], \"b\": {}}", 0),
        "{\"a\":[1,true,null,\"x\\n\\u0001\\\"\\\\\"],\"b\":{}}");
    CU_ASSERT_STRING_EQUAL(text_of("{\"a\":[1]}", 2), "{\n  \"a\": [\n    1\n  ]\n}");
    CU_ASSERT_STRING_EQUAL(text_of("[]", 2), "[]");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        char text[32];
        json_real_text(numbers[i], text);
        CU_ASSERT_EQUAL(strtod(text, NULL), numbers[i]);
        CU_ASSERT_PTR_NOT_NULL(strpbrk(text, ".e"));
    }
}

TEST_MAIN("util", {"utf8_valid", test_utf8_valid}, {"utf8_repair", test_utf8_repair},
          {"nearest", test_nearest}, {"error", test_error}, {"json_text", test_json_text})
