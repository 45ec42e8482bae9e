/* SPDX-License-Identifier: Apache-2.0
 * host/util/timestamp.c: text to times, and what is none. */
#include "test.h"

#include "util/timestamp.h"

static void expect(const char *text, int64_t wanted)
{
    int64_t ms = -1;
    CU_ASSERT_TRUE(timestamp_parse(text, &ms));
    CU_ASSERT_EQUAL(ms, wanted);
}

static void test_parse(void)
{
    expect("1970-01-01T00:00:00Z", 0);
    expect("1969-12-31T23:59:59.750Z", -250);
    expect("2024-02-29T23:59:58.250Z", 1709251198250);
    expect("2000-02-29T00:00:00Z", 951782400000);
    expect("9999-12-31T23:59:59.999Z", 253402300799999);
}

static void test_refused(void)
{
    static const char *const texts[] = {
        "",
        "now",
        "2024-02-29",
        "2024-02-29T23:59:58",
        "2024-02-29T23:59:58z",
        "2024-02-29T23:59:58+00:00",
        "2024-02-29T23:59:58.25Z",
        "2024-02-29T23:59:58.2500Z",
        "2024-02-29T23:59:58.-25Z",
        "2024-02-29T23:59:58Z ",
        " 2024-02-29T23:59:58Z",
        "2024-2-29T23:59:58Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:60Z",
        "2024-01-01T00:00:-1Z",
        "-024-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        int64_t ms = 7;
        CU_ASSERT_FALSE(timestamp_parse(texts[i], &ms));
        CU_ASSERT_EQUAL(ms, 7);
    }
}

static void test_json(void)
{
    json_t *value = timestamp_json(1709251198);
    CU_ASSERT_STRING_EQUAL(json_string_value(value), "2024-02-29T23:59:58Z");
    json_decref(value);
}

TEST_MAIN("timestamp", {"parse", test_parse}, {"refused", test_refused}, {"json", test_json})
