/* SPDX-License-Identifier: Apache-2.0
 * WAIT_FOR(condition): asserts that it becomes true within ten seconds. For what threads of the log
 * do in their own time. */
#ifndef TEST_LOG_WAIT_H
#define TEST_LOG_WAIT_H

#include <CUnit/Basic.h>
#include <poll.h>

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int left = 2000;                                                                           \
        while (!(condition) && left-- > 0)                                                         \
            poll(NULL, 0, 5);                                                                      \
        CU_ASSERT_TRUE(left > 0);                                                                  \
    } while (0)

#endif
