/* SPDX-License-Identifier: Apache-2.0
 * host/log/logger.c, record.c: formats, escaping, levels, many threads, full disks. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <regex.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "config/tree.h"
#include "log/logger.h"

#define TIME "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "

/* Opens a log in the tree. */
static int open_log(const struct tree *tree, const char *name, enum log_level level,
                    enum log_format format)
{
    char path[TREE_MAX];
    struct error error = {0};
    struct logger_options options = {
        .level = level, .format = format, .file = tree_path(tree, name, path)};
    int rc = logger_open(&options, &error);
    if (rc)
        printf("\n    %s\n", error.message);
    return rc;
}

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

/* Logs one message in a fresh file; the file's text. */
static char *logged(enum log_format format, const char *source, const char *message)
{
    struct tree tree;
    tree_open(&tree);
    CU_ASSERT_EQUAL(open_log(&tree, "x.log", LOG_TRACE, format), 0);
    log_info(source, "%s", message);
    logger_close();
    char *text = tree_read(&tree, "x.log");
    tree_close(&tree);
    return text;
}

static void test_formats(void)
{
    char *text = logged(LOG_COMPACT, "kernel", "message");
    CU_ASSERT_TRUE(matches(text, TIME "INFO  kernel: message\n$"));
    free(text);
    text = logged(LOG_PRETTY, "kernel", "message");
    CU_ASSERT_TRUE(matches(text, TIME "INFO  kernel: message\n$")); /* no colour in a file */
    free(text);
    text = logged(LOG_JSON, "plugin:x", "say \"hi\" \\ \x1b[31m\n\xC3\xA4\xFF");
    json_t *record = json_loads(text, 0, NULL);
    CU_ASSERT_PTR_NOT_NULL_FATAL(record);
    CU_ASSERT_EQUAL(json_object_size(record), 4);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(record, "level")), "info");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(record, "source")), "plugin:x");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_object_get(record, "message")),
                           "say \"hi\" \\ \x1b[31m\n\xC3\xA4\xEF\xBF\xBD");
    CU_ASSERT_EQUAL(strlen(json_string_value(json_object_get(record, "time"))), 24);
    CU_ASSERT_PTR_NULL(strchr(text, '\x1b'));
    CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + strlen(text) - 1);
    json_decref(record);
    free(text);
}

static void test_forgery(void)
{
    char *text = logged(LOG_COMPACT, "a\nb",
                        "x\r\n2026 INFO  y\t\x1b[0m\x7f\xC2\x9B\xE4"
                        "\xE2\x80\xA8\xC3\xA4");
    CU_ASSERT_TRUE(matches(text,
                           TIME "INFO  a\\\\nb: x\\\\r\\\\n2026 INFO  y\\\\t\\\\x1b\\[0m\\\\x7f"
                                "\\\\x9b\\\\xe4\\\\x2028\xC3\xA4\n$"));
    free(text);
}

static void test_long_message(void)
{
    char *message = malloc(200001);
    memset(message, '\x01', 200000);
    message[200000] = '\0';
    char *text = logged(LOG_COMPACT, "k", message);
    size_t length = strlen(text);
    CU_ASSERT_TRUE(length > 4 * 65536 && length < 4 * 65536 + 100);
    CU_ASSERT_STRING_EQUAL(text + length - 7, " [cut]\n");
    free(text);
    memset(message, 'y', 200000);
    message[30000] = '\0';
    text = logged(LOG_JSON, "k", message);
    json_t *record = json_loads(text, 0, NULL);
    CU_ASSERT_EQUAL(json_string_length(json_object_get(record, "message")), 30000);
    json_decref(record);
    free(text);
    free(message);
}

static void test_levels(void)
{
    struct tree tree;
    enum log_level level = LOG_OFF;
    enum log_format format = LOG_COMPACT;
    tree_open(&tree);
    CU_ASSERT_EQUAL(open_log(&tree, "x.log", LOG_WARN, LOG_COMPACT), 0);
    log_info("k", "hidden");
    log_warn("k", "one");
    logger_set_level(LOG_DEBUG);
    log_debug("k", "two");
    log_write(LOG_TRACE, "k", "hidden");
    CU_ASSERT_TRUE(logger_enabled(LOG_DEBUG));
    CU_ASSERT_FALSE(logger_enabled(LOG_TRACE));
    CU_ASSERT_FALSE(logger_enabled(LOG_OFF));
    logger_set_level(LOG_OFF);
    log_error("k", "hidden");
    errno = 77;
    logger_set_level(LOG_ERROR);
    log_error("k", "three");
    CU_ASSERT_EQUAL(errno, 77);
    logger_close();
    char *text = tree_read(&tree, "x.log");
    CU_ASSERT_TRUE(matches(text, "WARN  k: one\n.*DEBUG k: two\n.*ERROR k: three\n$"));
    CU_ASSERT_PTR_NULL(strstr(text, "hidden"));
    free(text);
    tree_close(&tree);
    CU_ASSERT_TRUE(log_level_parse("trace", &level) && level == LOG_TRACE);
    CU_ASSERT_TRUE(log_level_parse("off", &level) && level == LOG_OFF);
    CU_ASSERT_FALSE(log_level_parse("loud", &level));
    CU_ASSERT_STRING_EQUAL(log_level_name(LOG_DEBUG), "debug");
    CU_ASSERT_TRUE(log_format_parse("json", &format) && format == LOG_JSON);
    CU_ASSERT_FALSE(log_format_parse("xml", &format));
}

/* ---- stderr: each datagram is one write(2) ---- */

static int captured[2], kept_stderr;

static void capture(void)
{
    fflush(stderr);
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, captured) != 0)
        abort();
    kept_stderr = dup(STDERR_FILENO);
    dup2(captured[1], STDERR_FILENO);
}

/* The next write, "" if there is none. */
static const char *next_write(void)
{
    static char text[8192];
    ssize_t size = recv(captured[0], text, sizeof text - 1, MSG_DONTWAIT);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

static void release(void)
{
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    close(captured[0]);
    close(captured[1]);
}

static void test_stderr(void)
{
    struct logger_options options = {.level = LOG_INFO, .format = LOG_PRETTY, .color = true};
    char big[3000];
    memset(big, 'z', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    capture();
    log_info("k", "hidden before the log is open");
    log_warn("k", "early");
    CU_ASSERT_TRUE(matches(next_write(), TIME "WARN  k: early\n$"));
    CU_ASSERT_EQUAL(logger_open(&options, NULL), 0);
    log_info("k", "in \x1b colour");
    CU_ASSERT_TRUE(matches(next_write(), "^\x1b\\[2m[^ ]+\x1b\\[0m \x1b\\[32mINFO \x1b\\[0m "
                                         "\x1b\\[1mk\x1b\\[0m: in \\\\x1b colour\n$"));
    log_info("k", "%s", big);
    CU_ASSERT_TRUE(strlen(next_write()) > 3000);
    CU_ASSERT_STRING_EQUAL(next_write(), "");
    logger_close();
    log_info("k", "hidden");
    log_error("k", "late");
    CU_ASSERT_TRUE(matches(next_write(), TIME "ERROR k: late\n$"));
    CU_ASSERT_STRING_EQUAL(next_write(), "");
    release();
}

/* ---- the file ---- */

/* The descriptor of this process that is open on path, -1 if there is none. */
static int find_descriptor(const char *path)
{
    struct stat wanted, facts;
    if (stat(path, &wanted) != 0)
        return -1;
    for (int fd = 3; fd < 256; fd++)
        if (fstat(fd, &facts) == 0 && facts.st_ino == wanted.st_ino &&
            facts.st_dev == wanted.st_dev)
            return fd;
    return -1;
}

static void test_file(void)
{
    struct tree tree;
    struct stat facts;
    char path[TREE_MAX];
    tree_open(&tree);
    mode_t mask = umask(022);
    CU_ASSERT_EQUAL(open_log(&tree, "x.log", LOG_INFO, LOG_COMPACT), 0);
    umask(mask);
    tree_path(&tree, "x.log", path);
    CU_ASSERT_EQUAL_FATAL(stat(path, &facts), 0);
    CU_ASSERT_EQUAL(facts.st_mode & 07777, 0640);
    int fd = find_descriptor(path);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFD), FD_CLOEXEC);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK | O_ACCMODE), O_APPEND | O_WRONLY);
    log_info("k", "one");
    CU_ASSERT_EQUAL(open_log(&tree, "x.log", LOG_INFO, LOG_COMPACT), 0); /* appends */
    log_info("k", "two");
    CU_ASSERT_EQUAL(open_log(&tree, "y.log", LOG_INFO, LOG_COMPACT), 0);
    CU_ASSERT_EQUAL(find_descriptor(path), -1);
    log_info("k", "three");
    logger_close();
    char *text = tree_read(&tree, "x.log");
    CU_ASSERT_TRUE(matches(text, TIME "INFO  k: one\n[^\n]*INFO  k: two\n$"));
    free(text);
    tree_close(&tree);
}

static void refused(const struct tree *tree, const char *name, const char *message)
{
    char path[TREE_MAX];
    struct error error = {0};
    struct logger_options options = {.level = LOG_INFO, .file = tree_path(tree, name, path)};
    CU_ASSERT_EQUAL(logger_open(&options, &error), LLMSPELL_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, path));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, message));
    if (!strstr(error.message, message))
        printf("\n    %s\n", error.message);
}

static void test_refused(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    CU_ASSERT_EQUAL(open_log(&tree, "x.log", LOG_INFO, LOG_COMPACT), 0);
    CU_ASSERT_EQUAL(symlink("x.log", tree_path(&tree, "link", path)), 0);
    CU_ASSERT_EQUAL(mkfifo(tree_path(&tree, "fifo", path), 0600), 0);
    refused(&tree, "absent/x.log", "make its folder first");
    refused(&tree, "link", "it is a symbolic link");
    refused(&tree, "fifo", "No such device or address");
    refused(&tree, ".", "Is a directory");
    log_info("k", "the log before goes on");
    logger_close();
    char *text = tree_read(&tree, "x.log");
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "the log before goes on"));
    free(text);
    tree_close(&tree);
}

/* ---- full disks ---- */

static void test_device_full(void)
{
    struct logger_options options = {
        .level = LOG_INFO, .file = "/dev/full", .rotate_bytes = 10, .rotate_count = 1};
    CU_ASSERT_EQUAL(logger_open(&options, NULL), 0);
    for (int i = 0; i < 100; i++)
        log_info("k", "lost");
    logger_close();
    CU_ASSERT_NOT_EQUAL(access("/dev/full.1", F_OK), 0);
}

static void limit_files(rlim_t size)
{
    struct rlimit limit = {size, RLIM_INFINITY};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        abort();
}

/* In a child: fills the file up to a limit, lifts it, and logs again. */
static void fill_and_recover(const struct tree *tree)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGXFSZ, &ignore, NULL);
    if (open_log(tree, "x.log", LOG_INFO, LOG_COMPACT))
        _exit(1);
    limit_files(1000);
    for (int i = 0; i < 100; i++)
        log_info("k", "record %03d", i);
    limit_files(RLIM_INFINITY);
    log_info("k", "recovered");
    logger_close();
    _exit(0);
}

static void test_recovery(void)
{
    struct tree tree;
    int status = -1;
    tree_open(&tree);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        fill_and_recover(&tree);
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    char *text = tree_read(&tree, "x.log"), message[128];
    int whole = 0;
    for (const char *at = text; (at = strstr(at, "k: record ")); at++)
        whole += strspn(at + 10, "0123456789") == 3 && at[13] == '\n';
    snprintf(message, sizeof message, "Z WARN  log: %d records were lost here: File too large\n",
             100 - whole);
    CU_ASSERT_TRUE(whole > 10 && whole < 100);
    const char *notice = strstr(text, message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(notice);
    CU_ASSERT_EQUAL(notice[-24], '\n'); /* not behind the half of a record */
    CU_ASSERT_TRUE(matches(text, "\n[^ ]+Z INFO  k: recovered\n$"));
    free(text);
    tree_close(&tree);
}

TEST_MAIN("log/logger", {"stderr", test_stderr}, {"formats", test_formats},
          {"forgery", test_forgery}, {"long messages", test_long_message}, {"levels", test_levels},
          {"file", test_file}, {"refused", test_refused}, {"device full", test_device_full},
          {"recovery", test_recovery})
