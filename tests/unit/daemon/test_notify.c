/* SPDX-License-Identifier: Apache-2.0
 * host/daemon/notify.c: what a service manager would receive, on a socket of our own. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "config/tree.h"
#include "daemon/notify.h"

struct manager {
    struct tree tree;
    int fd;
    char name[TREE_MAX]; /* for $NOTIFY_SOCKET */
    struct notify notify;
};

static void bind_manager(struct manager *manager)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(manager->name);
    memcpy(address.sun_path, manager->name, length);
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CU_ASSERT_EQUAL_FATAL(bind(manager->fd, (struct sockaddr *)&address,
                               (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
                          0);
}

/* abstract: a name without a file. */
static void open_manager(struct manager *manager, bool abstract)
{
    struct error error = {0};
    tree_open(&manager->tree);
    if (abstract)
        snprintf(manager->name, sizeof manager->name, "@llmspell-test-%d", getpid());
    else
        tree_path(&manager->tree, "notify", manager->name);
    bind_manager(manager);
    setenv("NOTIFY_SOCKET", manager->name, 1);
    CU_ASSERT_EQUAL(notify_open(&manager->notify, &error), 0);
    CU_ASSERT_STRING_EQUAL(error.message, "");
}

static void close_manager(struct manager *manager)
{
    notify_close(&manager->notify);
    close(manager->fd);
    tree_close(&manager->tree);
}

static const char *receive(const struct manager *manager)
{
    static char text[8192];
    ssize_t got = recv(manager->fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static void send_each(const struct manager *manager)
{
    const struct notify *notify = &manager->notify;
    CU_ASSERT_EQUAL(notify_send(notify, "X_ONE=1\nX_TWO=2"), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "X_ONE=1\nX_TWO=2");
    CU_ASSERT_EQUAL(notify_ready(notify, NULL, 0), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "READY=1");
    CU_ASSERT_EQUAL(notify_ready(notify, "idle", 4711), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "READY=1\nMAINPID=4711\nSTATUS=idle");
    CU_ASSERT_EQUAL(notify_stopping(notify), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "STOPPING=1");
    CU_ASSERT_EQUAL(notify_watchdog(notify), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "WATCHDOG=1");
    CU_ASSERT_EQUAL(notify_status(notify, "%d clients", 3), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "STATUS=3 clients");
    CU_ASSERT_EQUAL(notify_status(notify, "forged\nREADY=1\r\x7f%s", "\t."), 1);
    CU_ASSERT_STRING_EQUAL(receive(manager), "STATUS=forged READY=1   .");
    CU_ASSERT_STRING_EQUAL(receive(manager), "");
}

static void test_path(void)
{
    struct manager manager;
    open_manager(&manager, false);
    send_each(&manager);
    CU_ASSERT_PTR_NULL(getenv("NOTIFY_SOCKET"));
    CU_ASSERT_EQUAL(fcntl(manager.notify.fd, F_GETFD), FD_CLOEXEC);
    close_manager(&manager);
    CU_ASSERT_EQUAL(notify_ready(&manager.notify, NULL, 0), 0);
}

static void test_abstract(void)
{
    struct manager manager;
    open_manager(&manager, true);
    send_each(&manager);
    close_manager(&manager);
}

static long long now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void test_reloading(void)
{
    struct manager manager;
    long long at = 0, before = now_us();
    open_manager(&manager, false);
    CU_ASSERT_EQUAL(notify_reloading(&manager.notify), 1);
    CU_ASSERT_EQUAL(sscanf(receive(&manager), "RELOADING=1\nMONOTONIC_USEC=%lld", &at), 1);
    CU_ASSERT_TRUE(at >= before && at <= now_us());
    close_manager(&manager);
}

static void test_long_status(void)
{
    struct manager manager;
    char status[5000];
    open_manager(&manager, false);
    memset(status, 'x', sizeof status - 1);
    status[sizeof status - 1] = '\0';
    CU_ASSERT_EQUAL(notify_status(&manager.notify, "%s", status), 1);
    CU_ASSERT_TRUE(strlen(receive(&manager)) > 1000);
    CU_ASSERT_EQUAL(notify_ready(&manager.notify, status, 0), 1);
    CU_ASSERT_EQUAL(strncmp(receive(&manager), "READY=1\nSTATUS=xxx", 18), 0);
    close_manager(&manager);
}

/* A manager that does not read, is gone, and is back. */
static void test_trouble(void)
{
    struct manager manager;
    int rc = 1;
    open_manager(&manager, false);
    for (int i = 0; i < 100000 && rc == 1; i++)
        rc = notify_watchdog(&manager.notify);
    CU_ASSERT_EQUAL(rc, LLMSPELL_EBUSY);
    close(manager.fd);
    CU_ASSERT_EQUAL(notify_watchdog(&manager.notify), LLMSPELL_EIO);
    CU_ASSERT_EQUAL(errno, ECONNREFUSED);
    unlink(manager.name);
    CU_ASSERT_EQUAL(notify_watchdog(&manager.notify), LLMSPELL_EIO);
    bind_manager(&manager);
    CU_ASSERT_EQUAL(notify_watchdog(&manager.notify), 1);
    CU_ASSERT_STRING_EQUAL(receive(&manager), "WATCHDOG=1");
    close_manager(&manager);
}

static void test_none(void)
{
    struct notify notify;
    struct error error = {0};
    unsetenv("NOTIFY_SOCKET");
    CU_ASSERT_EQUAL(notify_open(&notify, &error), 0);
    CU_ASSERT_EQUAL(notify_ready(&notify, "x", 1), 0);
    CU_ASSERT_EQUAL(notify_reloading(&notify), 0);
    CU_ASSERT_EQUAL(notify_stopping(&notify), 0);
    CU_ASSERT_EQUAL(notify_watchdog(&notify), 0);
    CU_ASSERT_EQUAL(notify_status(&notify, "x"), 0);
    CU_ASSERT_EQUAL(notify_watchdog_interval_ms(&notify), 0);
    notify_close(&notify);
}

static void refused(const char *name, int code, const char *message)
{
    struct notify notify;
    struct error error = {0};
    setenv("NOTIFY_SOCKET", name, 1);
    CU_ASSERT_EQUAL(notify_open(&notify, &error), code);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, message));
    CU_ASSERT_PTR_NULL(getenv("NOTIFY_SOCKET"));
    CU_ASSERT_EQUAL(notify_ready(&notify, NULL, 0), 0);
    notify_close(&notify);
}

static void test_refused(void)
{
    char name[256] = "/";
    refused("vsock:2:1234", LLMSPELL_EUNAVAILABLE, "vsock is not supported");
    refused("vsock-stream:2:1234", LLMSPELL_EUNAVAILABLE, "vsock is not supported");
    refused("relative/path", LLMSPELL_EINVAL, "\"relative/path\"");
    refused("", LLMSPELL_EINVAL, "absolute path");
    refused("@", LLMSPELL_EINVAL, "abstract name");
    memset(name + 1, 'x', 108);
    refused(name, LLMSPELL_EINVAL, "at most 108 bytes");
}

/* ---- the watchdog ---- */

static int64_t interval(const char *usec, const char *pid, int *ret_rc)
{
    struct manager manager = {.fd = -1};
    struct error error;
    setenv("NOTIFY_SOCKET", "@llmspell-test-nobody", 1);
    if (usec)
        setenv("WATCHDOG_USEC", usec, 1);
    if (pid)
        setenv("WATCHDOG_PID", pid, 1);
    *ret_rc = notify_open(&manager.notify, &error);
    CU_ASSERT_PTR_NULL(getenv("WATCHDOG_USEC"));
    CU_ASSERT_PTR_NULL(getenv("WATCHDOG_PID"));
    int64_t ms = notify_watchdog_interval_ms(&manager.notify);
    notify_close(&manager.notify);
    return ms;
}

static void test_watchdog(void)
{
    static const char *const bad[] = {"", "0", "-1", "soon", "1s", "99999999999999999999"};
    char own[16], other[16];
    int rc = 0;
    snprintf(own, sizeof own, "%d", getpid());
    snprintf(other, sizeof other, "%d", getppid());
    CU_ASSERT_EQUAL(interval("30000000", own, &rc), 15000);
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_EQUAL(interval("30000000", NULL, &rc), 15000);
    CU_ASSERT_EQUAL(interval("1", own, &rc), 1);
    CU_ASSERT_EQUAL(interval("30000000", other, &rc), 0);
    CU_ASSERT_EQUAL(rc, 0);
    CU_ASSERT_EQUAL(interval(NULL, own, &rc), 0);
    CU_ASSERT_EQUAL(rc, 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(interval(bad[i], own, &rc), 0);
        CU_ASSERT_EQUAL(rc, LLMSPELL_EINVAL);
    }
}

TEST_MAIN("daemon/notify", {"path", test_path}, {"abstract", test_abstract},
          {"reloading", test_reloading}, {"long status", test_long_status},
          {"trouble", test_trouble}, {"none", test_none}, {"refused", test_refused},
          {"watchdog", test_watchdog})
