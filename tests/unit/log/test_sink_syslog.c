/* SPDX-License-Identifier: Apache-2.0
 * host/log/sink_syslog.c, datagram.c against a socket of our own: format, a service that is absent,
 * does not drain, or is started again. */
#include "test.h"

#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <time.h>

#include "log/datagram.h"
#include "log/logger.h"
#include "socket.h"

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort();
    bool found = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    if (!found)
        printf("\n    \"%s\" does not match %s\n", text, pattern);
    return found;
}

static int open_log(const char *path, enum log_format format, struct error *error)
{
    struct logger_options options = {
        .level = LOG_DEBUG, .format = format, .sinks = "syslog", .syslog_socket = path};
    return logger_open(&options, error);
}

#define HEAD(priority)                                                                             \
    "^<" priority ">[A-Z][a-z][a-z] [ 1-3][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} llmspell\\[[0-9]+\\]: "

static void test_format(void)
{
    struct tree tree;
    char path[TREE_MAX], text[10000], big[20000];
    tree_open(&tree);
    int fd = socket_open(&tree, path);
    CU_ASSERT_EQUAL_FATAL(open_log(path, LOG_PRETTY, NULL), 0);
    log_error("kernel", "two\nlines");
    socket_next(fd, text, sizeof text);
    CU_ASSERT_TRUE(matches(text, HEAD("27") "kernel: two\\\\nlines$"));
    log_warn("kernel", "password=x");
    socket_next(fd, text, sizeof text);
    CU_ASSERT_TRUE(matches(text, HEAD("28") "kernel: password=\\[redacted\\]$"));
    log_info("kernel", "%s", "");
    socket_next(fd, text, sizeof text);
    CU_ASSERT_TRUE(matches(text, HEAD("30") "kernel: $"));
    CU_ASSERT_EQUAL(open_log(path, LOG_JSON, NULL), 0);
    log_debug("kernel", "in JSON");
    socket_next(fd, text, sizeof text);
    CU_ASSERT_TRUE(matches(text, HEAD("31") "\\{\"time\":.*\"message\":\"in JSON\"}$"));
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    log_info("kernel", "%s", big);
    CU_ASSERT_EQUAL(socket_next(fd, text, sizeof text), 8192);
    logger_close();
    close(fd);
    tree_close(&tree);
}

/* A receiver that hangs costs a wait of 20 ms once, then losses; these are told. */
static void test_stall(void)
{
    struct tree tree;
    char path[TREE_MAX], text[1000], last[1000] = "", notice[1000] = "";
    struct timespec before, after;
    struct log_counts counts, counted;
    tree_open(&tree);
    int fd = socket_open(&tree, path);
    CU_ASSERT_EQUAL_FATAL(open_log(path, LOG_COMPACT, NULL), 0);
    logger_counts(&counts);
    clock_gettime(CLOCK_MONOTONIC, &before);
    for (int i = 0; i < 5000; i++)
        log_info("kernel", "record %d", i);
    clock_gettime(CLOCK_MONOTONIC, &after);
    logger_counts(&counted);
    CU_ASSERT_TRUE(counted.dropped - counts.dropped > 100);
    CU_ASSERT_TRUE(after.tv_sec - before.tv_sec < 2); /* 5000 waits would be 100 s */
    while (socket_next(fd, text, sizeof text))
        continue;
    log_info("kernel", "again");
    while (socket_next(fd, text, sizeof text)) {
        memcpy(notice, last, sizeof notice);
        memcpy(last, text, sizeof last);
    }
    CU_ASSERT_TRUE(matches(notice, HEAD("28") "log: [0-9]+ records were lost here: "));
    CU_ASSERT_TRUE(matches(last, HEAD("30") "kernel: again$"));
    logger_close();
    close(fd);
    tree_close(&tree);
}

static void test_restart(void)
{
    struct tree tree;
    char path[TREE_MAX], text[1000];
    tree_open(&tree);
    int fd = socket_open(&tree, path);
    CU_ASSERT_EQUAL_FATAL(open_log(path, LOG_COMPACT, NULL), 0);
    close(fd);
    log_info("kernel", "lost");
    fd = socket_open(&tree, path);
    log_info("kernel", "found");
    socket_next(fd, text, sizeof text);
    CU_ASSERT_TRUE(matches(text, "log: 1 record was lost here: Connection refused$"));
    socket_next(fd, text, sizeof text);
    CU_ASSERT_TRUE(matches(text, "kernel: found$"));
    logger_close();
    close(fd);
    tree_close(&tree);
}

static void test_absent(void)
{
    struct error error = {0};
    struct datagram datagram;
    char path[300];
    CU_ASSERT_EQUAL(open_log("/nowhere/log", LOG_COMPACT, &error), LLMSPELL_EIO);
    CU_ASSERT_STRING_EQUAL(error.message,
                           "cannot open the log sink syslog at /nowhere/log: No such file or "
                           "directory; start a syslog daemon, or take syslog out of [log] sink");
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    CU_ASSERT_EQUAL(datagram_open(&datagram, path), -ENAMETOOLONG);
}

TEST_MAIN("log/sink_syslog", {"format", test_format}, {"stall", test_stall},
          {"restart", test_restart}, {"absent", test_absent})
