/* SPDX-License-Identifier: Apache-2.0
 * host/util/base64.c: the vectors of RFC 4648, all lengths, and what is refused. */
#include "test.h"

#include <string.h>

#include "util/base64.h"

static void test_vectors(void)
{
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xFB\xFF\xFE", "+//+"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        unsigned char bytes[16];
        size_t size = 99, length = strlen(pairs[i][1]);
        char *text = base64_encode(pairs[i][0], strlen(pairs[i][0]));
        CU_ASSERT_STRING_EQUAL(text, pairs[i][1]);
        CU_ASSERT_TRUE(base64_decode(text, length, bytes, &size));
        CU_ASSERT_EQUAL(size, strlen(pairs[i][0]));
        CU_ASSERT_TRUE(size <= base64_room(length));
        CU_ASSERT_EQUAL(memcmp(bytes, pairs[i][0], size), 0);
        free(text);
    }
}

static void test_all_bytes(void)
{
    unsigned char in[300], out[300];
    for (size_t n = 0; n <= sizeof in; n++) {
        size_t size = 0;
        for (size_t i = 0; i < n; i++)
            in[i] = (unsigned char)(i * 7 + n);
        char *text = base64_encode(in, n);
        CU_ASSERT_TRUE_FATAL(base64_decode(text, strlen(text), out, &size));
        CU_ASSERT_EQUAL(size, n);
        CU_ASSERT_EQUAL(memcmp(in, out, n), 0);
        free(text);
    }
}

static void test_refused(void)
{
    static const char *const bad[] = {
        "Zg", "Zg=", "Z===", "====", "Zh==", "Zm9=", "Zg==Zg==", "Z-9v", "Zm9\n", "=Zm9", "Zm=v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        unsigned char bytes[16];
        size_t size = 0;
        CU_ASSERT_FALSE(base64_decode(bad[i], strlen(bad[i]), bytes, &size));
    }
    unsigned char bytes[16];
    size_t size = 0;
    CU_ASSERT_FALSE(base64_decode("Zm\0v", 4, bytes, &size));
}

TEST_MAIN("base64", {"vectors", test_vectors}, {"all bytes and lengths", test_all_bytes},
          {"refused", test_refused})
