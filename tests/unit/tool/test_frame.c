/* SPDX-License-Identifier: Apache-2.0
 * host/tool/frame.c: frames whole, in pieces, too long, to a reader that takes nothing. */
#include "tool/frame.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plugin/call.h"
#include "test.h"

#define LIMIT 4096

struct pair {
    int ends[2];
    struct frame_reader reader;
};

static void open_pair(struct pair *pair)
{
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair->ends), 0);
    frame_reader_init(&pair->reader, pair->ends[0], MSG_DONTWAIT, LIMIT);
}

static void close_pair(struct pair *pair)
{
    frame_reader_clear(&pair->reader);
    close(pair->ends[0]);
    if (pair->ends[1] >= 0)
        close(pair->ends[1]);
}

static void expect(struct pair *pair, enum frame_kind expected, const char *text)
{
    enum frame_kind kind = FRAME_TIRED;
    const char *got = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL_FATAL(frame_next(&pair->reader, &kind, &got, &size), 1);
    CU_ASSERT_EQUAL(kind, expected);
    CU_ASSERT_EQUAL_FATAL(size, strlen(text));
    CU_ASSERT_EQUAL(memcmp(got, text, size), 0);
}

static int next(struct pair *pair)
{
    enum frame_kind kind;
    const char *text;
    size_t size;
    return frame_next(&pair->reader, &kind, &text, &size);
}

static void test_whole(void)
{
    struct pair pair;
    open_pair(&pair);
    CU_ASSERT_EQUAL(next(&pair), 0);
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_LOG, "one", 3, NULL), 0);
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_TIRED, "", 0, NULL), 0);
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_RESULT, "three", 5, NULL), 0);
    expect(&pair, FRAME_LOG, "one");
    expect(&pair, FRAME_TIRED, "");
    expect(&pair, FRAME_RESULT, "three");
    CU_ASSERT_EQUAL(next(&pair), 0);
    close(pair.ends[1]);
    pair.ends[1] = -1;
    CU_ASSERT_EQUAL(next(&pair), -EPIPE);
    close_pair(&pair);
}

/* Each byte on its own: nothing comes before the last one. */
static void test_cut(void)
{
    struct pair pair;
    const struct frame_head head = {4, FRAME_RESULT};
    unsigned char bytes[sizeof head + 4];
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, "true", 4);
    open_pair(&pair);
    for (size_t i = 0; i + 1 < sizeof bytes; i++) {
        CU_ASSERT_EQUAL(write(pair.ends[1], bytes + i, 1), 1);
        CU_ASSERT_EQUAL(next(&pair), 0);
    }
    CU_ASSERT_EQUAL(write(pair.ends[1], bytes + sizeof bytes - 1, 1), 1);
    expect(&pair, FRAME_RESULT, "true");
    close_pair(&pair);
}

static void test_limit(void)
{
    struct pair pair;
    char text[LIMIT + 2];
    memset(text, '1', sizeof text);
    text[LIMIT] = '\0';
    open_pair(&pair);
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_RESULT, text, LIMIT, NULL), 0);
    expect(&pair, FRAME_RESULT, text);
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_RESULT, text, LIMIT + 1, NULL), 0);
    CU_ASSERT_EQUAL(next(&pair), -EMSGSIZE);
    CU_ASSERT_EQUAL(next(&pair), -EMSGSIZE);
    close_pair(&pair);
}

/* Garbage is some size, mostly a wrong one; never more than the limit is kept. */
static void test_garbage(void)
{
    for (int byte = 0; byte < 256; byte++) {
        struct pair pair;
        unsigned char bytes[256];
        memset(bytes, byte, sizeof bytes);
        open_pair(&pair);
        CU_ASSERT_EQUAL(write(pair.ends[1], bytes, sizeof bytes), (ssize_t)sizeof bytes);
        CU_ASSERT_EQUAL(next(&pair), byte == 0 ? 1 : -EMSGSIZE);
        close_pair(&pair);
    }
}

/* A reader that takes nothing keeps the writer no longer than it wants. */
static void test_wait(void)
{
    struct pair pair;
    enum { SIZE = 4 << 20 };
    char *text = calloc(1, SIZE);
    int wake = eventfd(0, EFD_CLOEXEC);
    CU_ASSERT_FATAL(text && wake >= 0);
    open_pair(&pair);
    int64_t before = clock_monotonic_ns();
    struct frame_wait wait = {.until_ns = before + 50000000, .wake = wake};
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_CALL, text, SIZE, &wait), -EAGAIN);
    CU_ASSERT(clock_monotonic_ns() - before >= 50000000);
    wait.until_ns = before + INT64_C(3600000000000);
    eventfd_write(wake, 1);
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_CALL, text, SIZE, &wait), -EAGAIN);
    close(pair.ends[0]);
    pair.ends[0] = wake;
    CU_ASSERT_EQUAL(frame_write(pair.ends[1], FRAME_CALL, text, SIZE, NULL), -EPIPE);
    close_pair(&pair);
    free(text);
}

static void test_error(void)
{
    struct error error = {.message = ""};
    json_t *value =
        json_pack("{s:s, s:s, s:s}", "code", "timeout", "message", "late", "path", "/a");
    CU_ASSERT_EQUAL(frame_error(value, &error), LLMSPELL_ETIMEOUT);
    CU_ASSERT_STRING_EQUAL(error.message, "late");
    CU_ASSERT(error.has_path && strcmp(error.path, "/a") == 0);
    json_decref(value);
    value = json_pack("{s:s, s:i}", "code", "no such code", "message", 7);
    CU_ASSERT_EQUAL(frame_error(value, &error), LLMSPELL_EFAILED);
    CU_ASSERT_FALSE(error.has_path);
    json_decref(value);
    CU_ASSERT_EQUAL(frame_error(NULL, &error), LLMSPELL_EFAILED);
}

TEST_MAIN("frame", {"whole", test_whole}, {"cut", test_cut}, {"limit", test_limit},
          {"garbage", test_garbage}, {"wait", test_wait}, {"error", test_error})
