/* SPDX-License-Identifier: Apache-2.0
 * host/tool/process_state.c: same is same, and a change is named with its cure. */
#include "tool/process_state.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "test.h"

static void test_nothing_changed(void)
{
    struct error error;
    LLMSPELL_CLEANUP_JSON json_t *before = process_state_read(), *after = process_state_read();
    CU_ASSERT_EQUAL(process_state_compare(before, after, 0, &error), 0);
}

static void test_changes_are_named(void)
{
    struct error error;
    LLMSPELL_CLEANUP_JSON json_t *before = process_state_read();
    mode_t mask = umask(0);
    umask(mask ^ 077);
    setenv("LLMSPELL_TEST_STATE", "1", 1);
    LLMSPELL_CLEANUP_JSON json_t *after = process_state_read();
    umask(mask);
    unsetenv("LLMSPELL_TEST_STATE");
    CU_ASSERT_EQUAL(process_state_compare(before, after, 0, &error), LLMSPELL_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "changed the umask (from "));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "(+LLMSPELL_TEST_STATE)"));
    LLMSPELL_CLEANUP_JSON json_t *again = process_state_read();
    CU_ASSERT_EQUAL(process_state_compare(before, again, 0, &error), 0);
}

static void test_what_may_be_held(void)
{
    struct error error;
    LLMSPELL_CLEANUP_JSON json_t *before = process_state_read();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    LLMSPELL_CLEANUP_JSON json_t *after = process_state_read();
    CU_ASSERT_EQUAL(process_state_compare(before, after, PROCESS_STATE_HELD, &error), 0);
    CU_ASSERT_EQUAL(process_state_compare(before, after, 0, &error), LLMSPELL_EFAILED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "/dev/null"));
    close(fd);
}

TEST_MAIN("tool/process_state", {"nothing changed", test_nothing_changed},
          {"changes", test_changes_are_named}, {"held", test_what_may_be_held})
