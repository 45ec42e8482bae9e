/* SPDX-License-Identifier: Apache-2.0
 * host/log/record.c: the time by hand against gmtime_r, and where the body starts. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "log/record.h"

static void check_time(time_t seconds, long nanoseconds)
{
    struct record record;
    struct tm parts;
    char expected[96], got[25];
    struct timespec time = {.tv_sec = seconds, .tv_nsec = nanoseconds};
    gmtime_r(&seconds, &parts);
    snprintf(expected, sizeof expected, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ",
             parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
             parts.tm_sec, nanoseconds / 1000000);
    record_init(&record, LOG_INFO, LOG_COMPACT, false, &time, "k", "m");
    snprintf(got, sizeof got, "%s", record.text);
    CU_ASSERT_STRING_EQUAL(got, expected);
    record_clear(&record);
}

static void test_times(void)
{
    static const time_t seconds[] = {0,          -1,         951782399,   951782400,  951868799,
                                     951868800,  1709164800, 1709251200,  4107542399, 4107542400,
                                     1795369393, -86401,     253402300799};
    for (size_t i = 0; i < sizeof seconds / sizeof *seconds; i++)
        check_time(seconds[i], 999999999);
    for (time_t day = 0; day < 40000; day++) /* 1970 to 2079 */
        check_time(day * 86400 + 43199, 1000000);
}

static void test_body(void)
{
    struct record record;
    struct timespec time = {0};
    record_init(&record, LOG_WARN, LOG_COMPACT, false, &time, "kernel", "it is");
    CU_ASSERT_EQUAL(strncmp(record.text + record.body, "kernel: it is\n", 14), 0);
    CU_ASSERT_EQUAL(record.body + 14, record.size);
    record_clear(&record);
    record_init(&record, LOG_WARN, LOG_JSON, false, &time, "kernel", "it is");
    CU_ASSERT_EQUAL(record.body, 0);
    record_clear(&record);
}

TEST_MAIN("log/record", {"times", test_times}, {"body", test_body})
