/* SPDX-License-Identifier: Apache-2.0
 * host/log/recent.c through the logger, and its counters. */
#include "test.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "log/logger.h"
#include "log/recent.h"

struct seen {
    struct log_recent records[RECENT_MAX];
    unsigned count;
};

static void note(void *data, const struct log_recent *record)
{
    struct seen *seen = data;
    seen->records[seen->count++] = *record;
    log_warn("callback", "may log");
}

static struct seen look(void)
{
    struct seen seen = {.count = 0};
    logger_recent(note, &seen);
    return seen;
}

static void test_ring(void)
{
    struct logger_options options = {.level = LOG_DEBUG, .file = "/dev/null"};
    struct log_counts before, after;
    CU_ASSERT_EQUAL_FATAL(logger_open(&options, NULL), 0);
    CU_ASSERT_EQUAL(look().count, 0);
    logger_counts(&before);
    log_info("kernel", "is not kept");
    log_error("kernel", "first \xFF password=x");
    struct seen seen = look();
    CU_ASSERT_EQUAL_FATAL(seen.count, 1);
    CU_ASSERT_EQUAL(seen.records[0].level, LOG_ERROR);
    CU_ASSERT_STRING_EQUAL(seen.records[0].source, "kernel");
    CU_ASSERT_STRING_EQUAL(seen.records[0].message, "first ? password=[redacted]");
    CU_ASSERT_TRUE(seen.records[0].time.tv_sec > 1000000000);
    for (int i = 0; i < 40; i++)
        log_warn("kernel", "number %d", i);
    seen = look();
    CU_ASSERT_EQUAL_FATAL(seen.count, RECENT_MAX);
    CU_ASSERT_STRING_EQUAL(seen.records[0].message, "number 24");
    CU_ASSERT_STRING_EQUAL(seen.records[15].message, "number 39");
    logger_counts(&after);
    CU_ASSERT_EQUAL(after.written[LOG_INFO] - before.written[LOG_INFO], 1);
    CU_ASSERT_EQUAL(after.written[LOG_ERROR] - before.written[LOG_ERROR], 1);
    CU_ASSERT_EQUAL(after.written[LOG_WARN] - before.written[LOG_WARN], 40 + 1 + 16);
    CU_ASSERT_EQUAL(after.dropped, before.dropped);
    CU_ASSERT_TRUE(after.bytes - before.bytes > 58 * 40);
    logger_close();
}

/* Cut at a code point, so that it can stand in JSON. */
static void test_cut(void)
{
    static struct recent recent = RECENT_INIT;
    struct log_recent records[RECENT_MAX];
    struct timespec time = {.tv_sec = 1};
    char message[700];
    memset(message, 'x', sizeof message);
    for (size_t i = 509; i < 600; i += 3)
        memcpy(message + i, "\xE2\x82\xAC", 3);
    message[600] = '\0';
    recent_add(&recent, LOG_WARN, &time, message, message);
    CU_ASSERT_EQUAL_FATAL(recent_copy(&recent, records), 1);
    CU_ASSERT_EQUAL(strlen(records[0].message), 509);
    CU_ASSERT_EQUAL(strlen(records[0].source), 63);
    json_t *text = json_string(records[0].message);
    CU_ASSERT_PTR_NOT_NULL(text);
    json_decref(text);
}

TEST_MAIN("log/recent", {"ring", test_ring}, {"cut", test_cut})
