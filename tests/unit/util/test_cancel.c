/* SPDX-License-Identifier: Apache-2.0
 * host/util/cancel.c: the flag and the descriptor, whichever comes first. */
#include "util/cancel.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>

#include "test.h"

static bool is_readable(int fd, int ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return poll(&ready, 1, ms) == 1 && (ready.revents & POLLIN);
}

static void test_set_before_it_is_waited_for(void)
{
    struct cancel cancel;
    cancel_init(&cancel);
    CU_ASSERT_FALSE(cancel_is_set(&cancel));
    cancel_set(&cancel);
    cancel_set(&cancel);
    CU_ASSERT_TRUE(cancel_is_set(&cancel));
    CU_ASSERT_TRUE(is_readable(cancel_fd(&cancel), 0));
    cancel_clear(&cancel);
}

static void test_one_descriptor(void)
{
    struct cancel cancel;
    cancel_init(&cancel);
    int fd = cancel_fd(&cancel);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(cancel_fd(&cancel), fd);
    CU_ASSERT_FALSE(is_readable(fd, 0));
    cancel_clear(&cancel);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), -1); /* closed */
    cancel_clear(&cancel);
}

static void *set(void *data)
{
    cancel_set(data);
    return NULL;
}

/* Whoever comes first: the one who waits wakes up. */
static void test_at_the_same_time(void)
{
    for (int i = 0; i < 500; i++) {
        struct cancel cancel;
        pthread_t thread;
        cancel_init(&cancel);
        CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, set, &cancel), 0);
        CU_ASSERT_TRUE(is_readable(cancel_fd(&cancel), 10000));
        pthread_join(thread, NULL);
        cancel_clear(&cancel);
    }
}

TEST_MAIN("util/cancel", {"set before it is waited for", test_set_before_it_is_waited_for},
          {"one descriptor", test_one_descriptor}, {"at the same time", test_at_the_same_time})
