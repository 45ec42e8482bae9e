/* SPDX-License-Identifier: Apache-2.0
 * host/util/memory.c: what is free goes back when it is told to, from whatever thread it came. */
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/memory.h"

#define BLOCKS 128
#define BLOCK_SIZE 65536

static long resident_pages(void)
{
    long total = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fscanf(file, "%ld %ld", &total, &resident), 2);
    fclose(file);
    return resident;
}

/* Eight megabytes in pieces, with something behind them that stays. */
static void *use_memory(void *data)
{
    char *blocks[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_SIZE);
        CU_ASSERT_PTR_NOT_NULL_FATAL(blocks[i]);
        memset(blocks[i], i + 1, BLOCK_SIZE);
    }
    *(void **)data = malloc(100);
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return NULL;
}

static void use_in_thread(void **ret_stays)
{
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, use_memory, ret_stays), 0);
    pthread_join(thread, NULL);
}

static void test_rest(void)
{
    void *stays = NULL;
    struct memory_mark mark = {0};
    memory_settle();
    memory_rest(&mark);
    CU_ASSERT_FALSE(memory_rest(&mark));
    use_in_thread(&stays);
    long before = resident_pages();
    CU_ASSERT_TRUE(memory_rest(&mark));
    CU_ASSERT_FALSE(memory_rest(&mark));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their malloc keeps it */
    CU_ASSERT_TRUE(before - resident_pages() > 7 * 256);
#else
    CU_ASSERT_TRUE(before > 0);
#endif
    free(stays);
}

/* What is freed long after it was taken, when no page is new any more, goes back, too. */
static void test_free(void)
{
    char *blocks[BLOCKS];
    struct memory_mark mark = {0};
    for (int i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_SIZE);
        CU_ASSERT_PTR_NOT_NULL_FATAL(blocks[i]);
        memset(blocks[i], i + 1, BLOCK_SIZE);
    }
    CU_ASSERT_TRUE(memory_rest(&mark));
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CU_ASSERT_TRUE(memory_rest(&mark));
#endif
    CU_ASSERT_FALSE(memory_rest(&mark));
}

TEST_MAIN("util/memory", {"rest", test_rest}, {"freed later", test_free})
