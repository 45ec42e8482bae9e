/* SPDX-License-Identifier: Apache-2.0
 * host/kernel/history_line.c: lines come back as they were written, and foreign ones do no harm. */
#include "test.h"

#include <string.h>

#include "kernel/history_line.h"

static void check_round_trip(const char *input, size_t size, const char *output)
{
    struct history_text text = {0};
    struct history_line line = {.session = 12,
                                .line = 345,
                                .time_ms = 1763850000042,
                                .input = input,
                                .input_size = size,
                                .output = output,
                                .output_size = output ? strlen(output) : 0},
                        back = {0};
    CU_ASSERT_TRUE_FATAL(history_line_write(&text, &line));
    CU_ASSERT_EQUAL(text.data[text.size - 1], '\n');
    CU_ASSERT_PTR_NULL(memchr(text.data, '\n', text.size - 1));
    int64_t session = 0;
    CU_ASSERT_TRUE(history_line_session(text.data, text.size - 1, &session));
    CU_ASSERT_EQUAL(session, 12);
    CU_ASSERT_TRUE_FATAL(history_line_read(text.data, text.size - 1, &back));
    CU_ASSERT_EQUAL(back.session, 12);
    CU_ASSERT_EQUAL(back.line, 345);
    CU_ASSERT_EQUAL(back.input != NULL, input != NULL);
    CU_ASSERT_EQUAL(back.input_size, input ? size : 0);
    CU_ASSERT(!input || memcmp(back.input, input, size) == 0);
    CU_ASSERT_EQUAL(back.output != NULL, output != NULL);
    CU_ASSERT(!output || strcmp(back.output, output) == 0);
    CU_ASSERT_DOUBLE_EQUAL(json_number_value(json_object_get(back.holder, "time")), 1763850000.042,
                           0.0005);
    json_decref(back.holder);
    free(text.data);
}

static void test_round_trips(void)
{
    char every[256];
    for (int i = 0; i < 128; i++)
        every[i] = (char)i;
    check_round_trip("x = 1", 5, NULL);
    check_round_trip("", 0, "");
    check_round_trip("print \"a\\b\"\n\tend", 16, "{1, 2}\n\"é🙂\"");
    check_round_trip(every, 128, NULL);
    check_round_trip(NULL, 0, "only an output");
}

static void test_session_only(void)
{
    struct history_text text = {0};
    struct history_line line;
    int64_t session = 0;
    CU_ASSERT_TRUE(history_line_write_session(&text, 7));
    CU_ASSERT_TRUE(history_line_session(text.data, text.size - 1, &session));
    CU_ASSERT_EQUAL(session, 7);
    CU_ASSERT_FALSE(history_line_read(text.data, text.size - 1, &line));
    free(text.data);
}

static void test_foreign_lines(void)
{
    static const char *const foreign[] = {
        "",
        "{",
        "}",
        "{}",
        "[]",
        "null",
        "hello",
        "{\"session\":",
        "{\"session\":}",
        "{\"session\":0,\"line\":1,\"input\":\"x\"}",
        "{\"session\":-4,\"line\":1,\"input\":\"x\"}",
        "{\"session\":\"1\",\"line\":1,\"input\":\"x\"}",
        "{\"session\":99999999999999999999,\"line\":1,\"input\":\"x\"}",
        "{\"session\":1000000000000000000,\"line\":1,\"input\":\"x\"}",
        "\xff\xfe\x00",
        "{\"input\":\"x\"}"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        struct history_line line;
        int64_t session = -1;
        CU_ASSERT_FALSE(history_line_session(foreign[i], strlen(foreign[i]), &session));
        CU_ASSERT_EQUAL(session, -1);
        CU_ASSERT_FALSE(history_line_read(foreign[i], strlen(foreign[i]), &line));
    }
}

/* Of another version, or written by hand. */
static void test_other_order(void)
{
    static const char text[] =
        "{ \"input\": \"x\", \"more\": [1], \"line\": 2, \"output\": 5, \"session\": 3 }";
    struct history_line line;
    int64_t session = 0;
    CU_ASSERT_TRUE(history_line_session(text, strlen(text), &session));
    CU_ASSERT_EQUAL(session, 3);
    CU_ASSERT_TRUE_FATAL(history_line_read(text, strlen(text), &line));
    CU_ASSERT_STRING_EQUAL(line.input, "x");
    CU_ASSERT_PTR_NULL(line.output);
    json_decref(line.holder);
}

static void check_last(const char *text, const char *expected)
{
    char joined[256] = "";
    size_t size = strlen(text), length;
    const char *line;
    while (history_text_last(text, &size, &line, &length))
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "<%.*s>", (int)length,
                 line);
    CU_ASSERT_STRING_EQUAL(joined, expected);
}

static void test_backwards(void)
{
    check_last("", "");
    check_last("\n", "<>");
    check_last("a", "<a>");
    check_last("a\nb\n", "<b><a>");
    check_last("a\nb", "<b><a>");
    check_last("\n\nx\n", "<x><><>");
}

TEST_MAIN("kernel/history_line", {"round trips", test_round_trips},
          {"session only", test_session_only}, {"foreign lines", test_foreign_lines},
          {"other order", test_other_order}, {"backwards", test_backwards})
