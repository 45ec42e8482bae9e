/* SPDX-License-Identifier: Apache-2.0
 * The jupyter plugin's JSON text: scan.c (in), text.c (out), span.c. Jansson is the judge. */
#include "test.h"

#include <string.h>

#include <llmspell/error.h>

#include "scan.h"
#include "text.h"

static json_t *scan(const char *text, size_t size)
{
    const char *why = NULL;
    char *copy = malloc(size ? size : 1); /* of the exact size, so that ASan sees an overrun */
    memcpy(copy, text, size);
    json_t *value = scan_json((struct span){copy, size}, &why);
    CU_ASSERT((value != NULL) == (why == NULL));
    free(copy);
    return value;
}

static char *write_text(const json_t *value, size_t first, size_t *ret_size)
{
    struct text text;
    char *buffer = malloc(first ? first : 1);
    text_init(&text, buffer, first);
    text_add_json(&text, value);
    char *copy = text.failed ? NULL : malloc(text.size + 1);
    if (copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = 0;
        *ret_size = text.size;
    }
    text_clear(&text);
    free(buffer);
    return copy;
}

static const char *const good[] = {
    "{}",
    "[]",
    " [ 1 , 2,3 ]\n",
    "{\"a\":{\"b\":[true,false,null]}}",
    "\"\"",
    "\"plain\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "\"\\u0000\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"",
    "\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 0123456789abcdef\"",
    "0",
    "-0",
    "12345678901234567",
    "-9223372036854775808",
    "9223372036854775807",
    "1.5",
    "-1.5e3",
    "1E-7",
    "0.1",
    "{\"k\\u0041\\n\":1}",
    "{\"a\":1,\"a\":2}",
    "[[[[[[[[]]]]]]]]",
};

static void test_good(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_t *want = json_loads(good[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        json_t *value = scan(good[i], strlen(good[i]));
        CU_ASSERT_PTR_NOT_NULL_FATAL(want);
        CU_ASSERT(json_equal(value, want));
        json_decref(value);
        json_decref(want);
    }
}

static void test_bad(void)
{
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "[",
        "]",
        "{]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "[1 2]",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "+1",
        "tru",
        "truex",
        "nul",
        "NaN",
        "Infinity",
        "'a'",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "\"\x1f\"",
        "\"\x80\"",
        "\"\xC3\"",
        "\"\xC0\xAF\"",
        "\"\xED\xA0\x80\"",
        "\"\xF4\x90\x80\x80\"",
        "\"\xE0\x80\x80\"",
        "{} {}",
        "1,",
        "1e999",
        "{\"a\\u0000b\":1}",
        "\xEF\xBB\xBF{}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *value = scan(bad[i], strlen(bad[i]));
        CU_ASSERT_PTR_NULL(value);
        if (value)
            printf("accepted: %s\n", bad[i]);
        json_decref(value);
    }
}

static void test_numbers(void)
{
    json_t *value = scan("9223372036854775808", 19); /* one too many for an integer */
    CU_ASSERT(json_is_real(value));
    CU_ASSERT(json_real_value(value) == 9223372036854775808.0);
    json_decref(value);
    char digits[201];
    memset(digits, '1', 200);
    value = scan(digits, 200);
    CU_ASSERT(json_is_real(value));
    json_decref(value);
}

static void test_depth(void)
{
    size_t size = 2 * TEXT_DEPTH_MAX;
    char *text = malloc(size + 2);
    memset(text, '[', TEXT_DEPTH_MAX);
    memset(text + TEXT_DEPTH_MAX, ']', TEXT_DEPTH_MAX);
    json_t *value = scan(text, size);
    CU_ASSERT_PTR_NOT_NULL(value);
    size_t written = 0;
    char *again = write_text(value, 16, &written);
    CU_ASSERT(again && written == size);
    free(again);
    json_decref(value);
    memset(text, '[', size + 2); /* much too deep, and never closed */
    CU_ASSERT_PTR_NULL(scan(text, size + 2));
    free(text);
}

static void test_too_deep_to_write(void)
{
    size_t size = 0;
    json_t *value = json_array();
    for (int i = 0; i < TEXT_DEPTH_MAX; i++) {
        json_t *outer = json_array();
        json_array_append_new(outer, value);
        value = outer;
    }
    CU_ASSERT_PTR_NULL(write_text(value, 0, &size));
    json_decref(value);
}

static void test_large_string(void)
{
    size_t size = 2 << 20, used = 1;
    char *text = malloc(size + 16);
    static const char *const pieces[] = {"plain text ", "\\n", "\xC3\xA9", "\\u20ac", "\\\\"};
    text[0] = '"';
    for (unsigned i = 0; used < size; i++) {
        size_t n = strlen(pieces[i % 5]);
        memcpy(text + used, pieces[i % 5], n);
        used += n;
    }
    text[used++] = '"';
    json_t *value = scan(text, used);
    json_t *want = json_loadb(text, used, JSON_DECODE_ANY, NULL);
    CU_ASSERT(want && json_equal(value, want));
    json_decref(want);
    json_decref(value);
    free(text);
}

/* What text.c writes is read back as the same by both readers, whatever the first buffer. */
static void test_write(void)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        for (size_t first = 0; first < 70; first += 23) {
            size_t size = 0;
            json_t *value = json_loads(good[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            char *text = write_text(value, first, &size);
            CU_ASSERT_PTR_NOT_NULL_FATAL(text);
            json_t *again = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
            CU_ASSERT(json_equal(again, value));
            json_decref(again);
            json_decref(value);
            free(text);
        }
}

static void test_write_exact(void)
{
    size_t size = 0;
    json_t *value = json_pack("{s:s%, s:[i,f,b,n], s:{}}", "a", "\"\\\n\x01\x7f/\0z", (size_t)8,
                              "b", -42, 0.1, 1, "c");
    char *text = write_text(value, 256, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    CU_ASSERT_STRING_EQUAL(
        text, "{\"a\":\"\\\"\\\\\\n\\u0001\x7f/\\u0000z\",\"b\":[-42,0.1,true,null],\"c\":{}}");
    free(text);
    json_decref(value);
}

static void test_write_not_utf8(void)
{
    struct text text;
    char buffer[64];
    text_init(&text, buffer, sizeof buffer);
    text_add_string(&text, "a\xFFz\xC3", 4);
    CU_ASSERT(text.size == 10 && memcmp(text.data, "\"a\xEF\xBF\xBDz\xEF\xBF\xBD\"", 10) == 0);
    text_clear(&text);
}

static void test_integers(void)
{
    static const int64_t values[] = {0, 7, -1, 1234567890123, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct text text;
        char want[32];
        int size = snprintf(want, sizeof want, "%lld", (long long)values[i]);
        text_init(&text, NULL, 0);
        text_add_integer(&text, values[i]);
        CU_ASSERT(text.size == (size_t)size && memcmp(text.data, want, text.size) == 0);
        text_clear(&text);
    }
}

static int members(const char *text, char *a, char *b)
{
    const char *why;
    struct scan_member wanted[] = {{"a", a, 16}, {"b", b, 16}};
    return scan_members((struct span){text, strlen(text)}, wanted, 2, &why);
}

static void test_members(void)
{
    char a[16], b[16];
    CU_ASSERT(members(" { \"x\": [1,{\"a\":\"no\"}], \"a\":\"y\\u0065s\", \"b\" : 5 } ", a, b) ==
              0);
    CU_ASSERT_STRING_EQUAL(a, "yes");
    CU_ASSERT_STRING_EQUAL(b, "");
    CU_ASSERT(members("{\"a\":\"longer than it may\",\"b\":\"z\\u0000\"}", a, b) == 0);
    CU_ASSERT_STRING_EQUAL(a, "");
    CU_ASSERT_STRING_EQUAL(b, "");
    CU_ASSERT(members("{}", a, b) == 0);
    CU_ASSERT(members("[]", a, b) == LLMSPELL_EPARSE);
    CU_ASSERT(members("", a, b) == LLMSPELL_EPARSE);
    CU_ASSERT(members("{\"a\":\"x\"", a, b) == LLMSPELL_EPARSE);
    CU_ASSERT(members("{\"a\":\"x\"} 1", a, b) == LLMSPELL_EPARSE);
    CU_ASSERT(members("{\"a\"\"x\"}", a, b) == LLMSPELL_EPARSE);
    CU_ASSERT(members("{\"q\":[1,}", a, b) == LLMSPELL_EPARSE);
}

/* Changed bytes: the same verdict and the same value as Jansson's, but for what scan.h names. */
static void test_mutations(void)
{
    uint32_t state = 12345;
    for (unsigned round = 0; round < 40000; round++) {
        char text[128];
        const char *seed = good[round % (sizeof good / sizeof *good)];
        size_t size = strlen(seed);
        memcpy(text, seed, size);
        for (int i = 0; i < 2 && size; i++) {
            state = state * 1664525 + 1013904223;
            static const char bytes[] = "{}[]\",:\\u0019eE.-+ tfn\x80\xC3\xA9\xE2\x01";
            text[(state >> 8) % size] = bytes[(state >> 20) % (sizeof bytes - 1)];
        }
        json_error_t error;
        json_t *want = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
        json_t *value = scan(text, size);
        if (!(value && !want && json_error_code(&error) == json_error_numeric_overflow))
            CU_ASSERT((!want && !value) || json_equal(value, want));
        json_decref(want);
        json_decref(value);
    }
}

/* Each byte at each place of texts of each length up to five words, beside a loop that is plainly
 * right; what follows the first special byte is varied, for it must not matter. */
static void test_plain(void)
{
    for (size_t size = 0; size <= 40; size++)
        for (size_t at = 0; at < size; at++)
            for (int byte = 0; byte < 256; byte++) {
                int special = byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\';
                char *copy = malloc(size); /* so that ASan sees an overrun */
                memset(copy, byte % 2 ? ' ' : '~', size);
                copy[at] = (char)byte;
                if (at + 1 < size)
                    copy[at + 1] = special ? '!' : '"';
                size_t want = special || at + 1 == size ? at + !special : at + 1;
                CU_ASSERT_EQUAL(span_plain(copy, size), want);
                free(copy);
            }
}

TEST_MAIN("scan", {"good texts", test_good}, {"bad texts", test_bad}, {"numbers", test_numbers},
          {"depth", test_depth}, {"too deep to write", test_too_deep_to_write},
          {"a large string", test_large_string}, {"write and read", test_write},
          {"written exactly", test_write_exact}, {"not UTF-8", test_write_not_utf8},
          {"integers", test_integers}, {"members", test_members}, {"mutations", test_mutations},
          {"plain runs", test_plain})
