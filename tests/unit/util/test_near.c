/* SPDX-License-Identifier: Apache-2.0
 * host/util/near.c: which candidate is meant. */
#include "test.h"

#include <string.h>

#include "util/near.h"

static const char *nearest(const char *word)
{
    static const char *const candidates[] = {"level",        "format",       "file", "rotate_size",
                                             "rotate_count", "idle_timeout", "id"};
    struct near near = {.word = word};
    for (size_t i = 0; i < sizeof candidates / sizeof *candidates; i++)
        near_offer(&near, candidates[i]);
    return near.best ? near.best : "";
}

static void test_typos(void)
{
    CU_ASSERT_STRING_EQUAL(nearest("levle"), "level");
    CU_ASSERT_STRING_EQUAL(nearest("lvl"), "level");
    CU_ASSERT_STRING_EQUAL(nearest("LEVEL"), "level");
    CU_ASSERT_STRING_EQUAL(nearest("rotate-size"), "rotate_size");
    CU_ASSERT_STRING_EQUAL(nearest("rotatecount"), "rotate_count");
    CU_ASSERT_STRING_EQUAL(nearest("fil"), "file");
    CU_ASSERT_STRING_EQUAL(nearest("timeout"), "idle_timeout");
    CU_ASSERT_STRING_EQUAL(nearest("idd"), "id");
}

static void test_far(void)
{
    char endless[4096];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    CU_ASSERT_STRING_EQUAL(nearest("workdir"), "");
    CU_ASSERT_STRING_EQUAL(nearest("zz"), "");
    CU_ASSERT_STRING_EQUAL(nearest(""), "");
    CU_ASSERT_STRING_EQUAL(nearest(endless), "");
}

TEST_MAIN("config/near", {"typos", test_typos}, {"too far away", test_far})
