/* SPDX-License-Identifier: Apache-2.0
 * host/config/value.c: text to typed values, their limits, and the words for what is accepted. */
#include "test.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "config/settings.h"

static const struct setting integer = {.type = SETTING_INTEGER, .min = -5, .max = INT64_MAX};
static const struct setting small = {.type = SETTING_INTEGER, .min = 1, .max = 64};
static const struct setting boolean = {.type = SETTING_BOOL, .fallback = "false"};
static const struct setting choice = {.type = SETTING_CHOICE, .choices = "off|error|warn"};
static const struct setting duration = {.type = SETTING_DURATION, .max = 365 * INT64_C(86400000)};
static const struct setting size = {.type = SETTING_SIZE, .max = INT64_MAX};
static const struct setting path = {.type = SETTING_PATH};
static const struct setting paths = {.type = SETTING_LIST};
static const struct setting names = {.type = SETTING_LIST, .choices = ",", .min = 1};
static const struct setting string = {.type = SETTING_STRING};
static const struct setting needed = {.type = SETTING_STRING, .fallback = "lua"};

/* The result as "number text" or the error's name. */
static void check(const struct setting *setting, const char *raw, const char *expected)
{
    char *text = NULL, got[512];
    int64_t number = 0;
    int rc = setting_parse(setting, raw, "/base", &text, &number);
    if (rc)
        snprintf(got, sizeof got, "%s", llmspell_error_name(rc));
    else
        snprintf(got, sizeof got, "%" PRId64 " %s", number, text ? text : "unset");
    CU_ASSERT_STRING_EQUAL(got, expected);
    if (strcmp(got, expected) != 0)
        printf("\n    \"%s\": got %s, expected %s\n", raw, got, expected);
    free(text);
}

static void test_integer(void)
{
    check(&integer, "0", "0 0");
    check(&integer, "+7", "7 +7");
    check(&integer, "-5", "-5 -5");
    check(&integer, "-6", "invalid_params");
    check(&integer, "9223372036854775807", "9223372036854775807 9223372036854775807");
    check(&integer, "9223372036854775808", "invalid_params");
    check(&integer, "", "invalid_params");
    check(&integer, "-", "invalid_params");
    check(&integer, " 1", "invalid_params");
    check(&integer, "1x", "invalid_params");
    check(&integer, "0x10", "invalid_params");
    check(&integer, "1.5", "invalid_params");
    check(&integer, "1\n2", "invalid_params");
    check(&small, "64", "64 64");
    check(&small, "65", "invalid_params");
    check(&small, "0", "invalid_params");
}

static void test_bool_and_choice(void)
{
    static const char *const yes[] = {"true", "yes", "on", "1", "True"};
    static const char *const no[] = {"false", "no", "off", "0", "OFF"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "1 %s", yes[i]);
        check(&boolean, yes[i], expected);
        snprintf(expected, sizeof expected, "0 %s", no[i]);
        check(&boolean, no[i], expected);
    }
    check(&boolean, "2", "invalid_params");
    check(&boolean, "", "invalid_params");
    check(&choice, "warn", "0 warn");
    check(&choice, "OFF", "0 off");
    check(&choice, "war", "invalid_params");
    check(&choice, "off|error", "invalid_params");
    check(&choice, "", "invalid_params");
}

static void test_duration(void)
{
    check(&duration, "500ms", "500 500ms");
    check(&duration, "5s", "5000 5s");
    check(&duration, "5", "5000 5");
    check(&duration, "2m", "120000 2m");
    check(&duration, "1h", "3600000 1h");
    check(&duration, "7d", "604800000 7d");
    check(&duration, "365d", "31536000000 365d");
    check(&duration, "366d", "invalid_params");
    check(&duration, "-1s", "invalid_params");
    check(&duration, "5 s", "invalid_params");
    check(&duration, "1w", "invalid_params");
    check(&duration, "s", "invalid_params");
    check(&duration, "9223372036854775807d", "invalid_params");
}

static void test_size(void)
{
    check(&size, "512", "512 512");
    check(&size, "64K", "65536 64K");
    check(&size, "10m", "10485760 10m");
    check(&size, "2G", "2147483648 2G");
    check(&size, "8589934591G", "9223372035781033984 8589934591G");
    check(&size, "8589934592G", "invalid_params");
    check(&size, "-1", "invalid_params");
    check(&size, "10MB", "invalid_params");
}

static void test_path(void)
{
    setenv("HOME", "/home/u", 1);
    check(&path, "/a/b", "0 /a/b");
    check(&path, "a/b", "0 /base/a/b");
    check(&path, "./a", "0 /base/a");
    check(&path, "../a", "0 /base/../a");
    check(&path, "~/a", "0 /home/u/a");
    check(&path, "~", "0 /home/u");
    check(&path, "~x/a", "0 /base/~x/a");
    check(&path, "", "0 unset");
    char cwd[4096], *text = NULL, expected[4200];
    int64_t number = 0;
    snprintf(expected, sizeof expected, "%s/a", getcwd(cwd, sizeof cwd));
    CU_ASSERT_EQUAL_FATAL(setting_parse(&path, "a", NULL, &text, &number), 0);
    CU_ASSERT_STRING_EQUAL(text, expected);
    free(text);
}

static void test_list(void)
{
    setenv("HOME", "/home/u", 1);
    check(&paths, "/a: b :~/c::${workdir}/d", "0 /a:/base/b:/home/u/c:${workdir}/d");
    check(&paths, "/a\n/b:\n/c", "0 /a:/b:/c");
    check(&paths, "", "0 ");
    check(&paths, " : ", "0 ");
    check(&names, "jupyter , dap,,", "0 jupyter,dap");
    check(&names, "jupyter\ndap", "0 jupyter,dap");
    check(&names, " , ", "invalid_params");
}

static void test_string(void)
{
    check(&string, "a b", "0 a b");
    check(&string, "a\nb", "0 a b");
    check(&string, "", "0 unset");
    check(&needed, "", "invalid_params");
}

static void describes(const struct setting *setting, const char *expected)
{
    char text[SETTING_DESCRIPTION_MAX];
    setting_describe(setting, text);
    CU_ASSERT_STRING_EQUAL(text, expected);
}

static void test_describe(void)
{
    describes(&small, "an integer from 1 to 64");
    describes(&choice, "one of off, error, warn");
    describes(&boolean, "true or false (yes, no, on, off, 1, 0)");
    describes(&duration,
              "a duration from 0 to 365d (500ms, 5s, 2m, 1h, 7d; a bare number is seconds)");
    describes(&path, "a path");
    describes(&paths, "paths separated by ':'");
    describes(&names, "at least one name, separated by commas");
    describes(&needed, "a text that is not empty");
    describes(&(struct setting){.type = SETTING_SIZE, .min = 4096, .max = 3 << 20},
              "a size from 4K to 3M (bytes, or 64K, 10M, 2G)");
}

TEST_MAIN("config/value", {"integer", test_integer}, {"bool and choice", test_bool_and_choice},
          {"duration", test_duration}, {"size", test_size}, {"path", test_path},
          {"list", test_list}, {"string", test_string}, {"describe", test_describe})
