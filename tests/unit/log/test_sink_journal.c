/* SPDX-License-Identifier: Apache-2.0
 * host/log/sink_journal.c against a socket of our own: both forms of a field, large messages. */
#include "test.h"

#include <endian.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "log/logger.h"
#include "socket.h"

/* Reads a message as journald does: the value of a field, NULL if it has none. */
static char *find_field(const char *text, size_t size, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = text, *end = text + size; at < end;) {
        const char *line = memchr(at, '\n', (size_t)(end - at));
        const char *equals = line ? memchr(at, '=', (size_t)(line - at)) : NULL;
        if (!line)
            return NULL;
        bool found = (equals ? equals : line) == at + length && memcmp(at, name, length) == 0;
        if (equals && found)
            return strndup(equals + 1, (size_t)(line - equals - 1));
        if (equals) {
            at = line + 1;
            continue;
        }
        uint64_t count;
        memcpy(&count, line + 1, sizeof count);
        count = le64toh(count);
        const char *value = line + 1 + sizeof count;
        CU_ASSERT_TRUE_FATAL(value + count < end && value[count] == '\n');
        if (found)
            return strndup(value, count);
        at = value + count + 1;
    }
    return NULL;
}

static void check_field(const char *text, size_t size, const char *name, const char *expected)
{
    char *value = find_field(text, size, name);
    CU_ASSERT_PTR_NOT_NULL_FATAL(value);
    CU_ASSERT_STRING_EQUAL(value, expected);
    free(value);
}

static void open_log(const char *path, const char *kernel)
{
    struct logger_options options = {
        .level = LOG_INFO, .sinks = "journal", .journal_socket = path, .kernel = kernel};
    CU_ASSERT_EQUAL_FATAL(logger_open(&options, NULL), 0);
}

static void test_fields(void)
{
    struct tree tree;
    char path[TREE_MAX], text[4096];
    tree_open(&tree);
    int fd = socket_open(&tree, path);
    open_log(path, "demo");
    log_warn("plugin:x", "one line, token=abc");
    size_t size = socket_next(fd, text, sizeof text);
    check_field(text, size, "MESSAGE", "one line, token=[redacted]");
    check_field(text, size, "PRIORITY", "4");
    check_field(text, size, "SYSLOG_IDENTIFIER", "llmspell");
    check_field(text, size, "LLMSPELL_SOURCE", "plugin:x");
    check_field(text, size, "LLMSPELL_KERNEL", "demo");
    open_log(path, NULL);
    log_info("a\nb", "two\nlines\nPRIORITY=0\n");
    size = socket_next(fd, text, sizeof text);
    check_field(text, size, "MESSAGE", "two\nlines\nPRIORITY=0\n");
    check_field(text, size, "PRIORITY", "6");
    check_field(text, size, "LLMSPELL_SOURCE", "a\nb");
    CU_ASSERT_PTR_NULL(find_field(text, size, "LLMSPELL_KERNEL"));
    logger_close();
    close(fd);
    tree_close(&tree);
}

/* The descriptor that came with an empty message, -1 if none did. */
static int receive_descriptor(int socket)
{
    char byte;
    union {
        struct cmsghdr head;
        char space[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.space};
    ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    int fd = -1;
    CU_ASSERT_EQUAL(got, 0);
    if (rights && rights->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    return fd;
}

static void test_large(void)
{
    struct tree tree;
    char path[TREE_MAX];
    const size_t length = 1 << 20;
    char *message = malloc(length + 1), *text = malloc(2 * length);
    memset(message, 'm', length);
    message[length] = '\0';
    tree_open(&tree);
    int fd = socket_open(&tree, path);
    open_log(path, "demo");
    log_info("kernel", "%s", message);
    int memory = receive_descriptor(fd);
    CU_ASSERT_TRUE_FATAL(memory >= 0);
    CU_ASSERT_EQUAL(fcntl(memory, F_GET_SEALS),
                    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    ssize_t size = pread(memory, text, 2 * length, 0);
    CU_ASSERT_TRUE_FATAL(size > (ssize_t)length);
    check_field(text, (size_t)size, "MESSAGE", message);
    check_field(text, (size_t)size, "LLMSPELL_KERNEL", "demo");
    logger_close();
    close(memory);
    close(fd);
    free(message);
    free(text);
    tree_close(&tree);
}

static void test_absent(void)
{
    struct error error = {0};
    struct logger_options options = {.sinks = "journal", .journal_socket = "/nowhere/socket"};
    CU_ASSERT_EQUAL(logger_open(&options, &error), LLMSPELL_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "journal at /nowhere/socket: No such file"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "take journal out of [log] sink"));
}

TEST_MAIN("log/sink_journal", {"fields", test_fields}, {"large", test_large},
          {"absent", test_absent})
