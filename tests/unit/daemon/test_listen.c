/* SPDX-License-Identifier: Apache-2.0
 * host/daemon/listen.c: a child with descriptors 3 and up as a service manager would leave them. */
#include "test.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/listen.h"

enum kind { LISTENING, BOUND_ONLY, DATAGRAM, NO_SOCKET, NOTHING };

/* What is handed down, and what is said about it. */
struct handed {
    unsigned count;
    enum kind kinds[LISTEN_SOCKETS_MAX + 1];
    const char *fds, *names;
    bool for_another;
};

static int open_kind(enum kind kind)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (kind == NOTHING)
        return -1;
    if (kind == NO_SOCKET)
        return open("/dev/null", O_RDWR);
    int fd = socket(AF_INET, kind == DATAGRAM ? SOCK_DGRAM : SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        (kind == LISTENING && listen(fd, 1) != 0))
        _exit(100);
    return fd;
}

static void hand_down(const struct handed *handed)
{
    char pid[16];
    int from[LISTEN_SOCKETS_MAX + 1];
    for (unsigned i = 0; i < handed->count; i++) {
        int fd = open_kind(handed->kinds[i]);
        from[i] = fd < 0 ? -1 : fcntl(fd, F_DUPFD, 100);
    }
    for (unsigned i = 0; i < handed->count; i++) {
        close(3 + (int)i);
        if (from[i] >= 0)
            dup2(from[i], 3 + (int)i);
    }
    snprintf(pid, sizeof pid, "%d", handed->for_another ? getppid() : getpid());
    setenv("LISTEN_PID", pid, 1);
    setenv("LISTEN_FDS", handed->fds, 1);
    if (handed->names)
        setenv("LISTEN_FDNAMES", handed->names, 1);
    else
        unsetenv("LISTEN_FDNAMES");
}

/* In a child: what check makes of it is the exit status; 0 is good. */
static int in_child(const struct handed *handed, int (*check)(void))
{
    int status = -1;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        hand_down(handed);
        _exit(check());
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_TRUE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool variables_are_gone(void)
{
    return !getenv("LISTEN_PID") && !getenv("LISTEN_FDS") && !getenv("LISTEN_FDNAMES");
}

/* The number of the line that is not so. */
#define WANT(condition)                                                                            \
    do                                                                                             \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "\n    line %d: %s\n", __LINE__, #condition);                          \
            return 1;                                                                              \
        }                                                                                          \
    while (0)

static const char OWNER[] = "owner", OTHER[] = "other";

/* One socket under two descriptors? */
static bool is_same(int one, int other)
{
    struct stat a, b;
    return one != other && fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_ino == b.st_ino;
}

static int take_by_name(void)
{
    struct listen_set set;
    struct error error;
    int fd = -1;
    WANT(listen_open(&set, &error) == 0);
    WANT(set.count == 3 && variables_are_gone());
    for (int i = 3; i < 6; i++)
        WANT(fcntl(i, F_GETFD) == FD_CLOEXEC);
    WANT(listen_take(&set, OWNER, "repl", &fd) == 0 && is_same(fd, 4));
    int before = fd;
    WANT(listen_take(&set, OWNER, "repl", &fd) == LLMSPELL_ENOTFOUND && fd == before);
    WANT(listen_take(&set, OTHER, "http", &fd) == 0 && is_same(fd, 3));
    WANT(listen_take(&set, OWNER, "dap", &fd) == LLMSPELL_ENOTFOUND);
    WANT(set.sockets[0].owner == OTHER && set.sockets[1].owner == OWNER);
    WANT(set.sockets[2].owner == NULL); /* the second "http" */
    listen_close(&set);
    WANT(fcntl(3, F_GETFD) < 0 && fcntl(4, F_GETFD) < 0 && fcntl(5, F_GETFD) < 0);
    WANT(fcntl(fd, F_GETFD) == FD_CLOEXEC && fcntl(before, F_GETFD) == FD_CLOEXEC);
    WANT(listen_take(&set, OWNER, "http", &fd) == LLMSPELL_ENOTFOUND);
    return 0;
}

static int take_both(void)
{
    struct listen_set set;
    struct error error;
    int one = -1, two = -1;
    WANT(listen_open(&set, &error) == 0);
    WANT(listen_take(&set, OWNER, "http", &one) == 0 && is_same(one, 3));
    WANT(listen_take(&set, OWNER, "http", &two) == 0 && is_same(two, 5));
    return 0;
}

/* A protocol that is replaced: it closes what it had, its successor gets the same. */
static int take_again(void)
{
    struct listen_set set;
    struct error error;
    int one = -1, two = -1, three = -1;
    WANT(listen_open(&set, &error) == 0);
    WANT(listen_take(&set, OWNER, "http", &one) == 0 &&
         listen_take(&set, OTHER, "http", &two) == 0);
    close(one);
    listen_give_back(&set, OWNER);
    WANT(listen_take(&set, OTHER, "http", &three) == 0 && is_same(three, 3));
    WANT(listen_take(&set, OWNER, "http", &one) == LLMSPELL_ENOTFOUND);
    listen_give_back(NULL, OWNER);
    return 0;
}

static void test_names(void)
{
    struct handed handed = {.count = 3,
                            .kinds = {LISTENING, DATAGRAM, LISTENING},
                            .fds = "3",
                            .names = "http:repl:http"};
    CU_ASSERT_EQUAL(in_child(&handed, take_by_name), 0);
    CU_ASSERT_EQUAL(in_child(&handed, take_both), 0);
    CU_ASSERT_EQUAL(in_child(&handed, take_again), 0);
}

static int take_unnamed(void)
{
    struct listen_set set;
    struct error error;
    int fd = -1;
    WANT(listen_open(&set, &error) == 0 && set.count == 2);
    WANT(strcmp(set.sockets[1].name, "unknown") == 0);
    int first = strcmp(set.sockets[0].name, "unknown") == 0 ? 3 : 4;
    WANT(listen_take(&set, OWNER, "unknown", &fd) == 0 && is_same(fd, first));
    return 0;
}

static void test_without_names(void)
{
    struct handed handed = {.count = 2, .kinds = {LISTENING, LISTENING}, .fds = "2"};
    CU_ASSERT_EQUAL(in_child(&handed, take_unnamed), 0);
    handed.names = "http"; /* one for two */
    CU_ASSERT_EQUAL(in_child(&handed, take_unnamed), 0);
}

static int see_nothing(void)
{
    struct listen_set set;
    struct error error;
    WANT(listen_refuse(&error) == 0);
    WANT(listen_open(&set, &error) == 0 && set.count == 0 && variables_are_gone());
    WANT(fcntl(3, F_GETFD) == 0); /* untouched: it is somebody else's */
    return 0;
}

static void test_for_another(void)
{
    struct handed handed = {.count = 1, .kinds = {LISTENING}, .fds = "1", .for_another = true};
    CU_ASSERT_EQUAL(in_child(&handed, see_nothing), 0);
    handed.for_another = false;
    handed.fds = "0";
    CU_ASSERT_EQUAL(in_child(&handed, see_nothing), 0);
}

static const char *wanted_message;
static int wanted_code;

static int be_refused(void)
{
    struct listen_set set = {.count = 77};
    struct error error = {0};
    WANT(listen_open(&set, &error) == wanted_code);
    WANT(set.count == 77 && variables_are_gone());
    WANT(strstr(error.message, wanted_message));
    return 0;
}

static void refused(const struct handed *handed, int code, const char *message)
{
    wanted_code = code;
    wanted_message = message;
    CU_ASSERT_EQUAL(in_child(handed, be_refused), 0);
}

static void test_refused(void)
{
    struct handed handed = {
        .count = 2, .kinds = {LISTENING, NO_SOCKET}, .fds = "2", .names = "http:repl"};
    refused(&handed, LLMSPELL_EINVAL, "descriptor 4 (\"repl\") is no socket");
    handed.kinds[1] = NOTHING;
    refused(&handed, LLMSPELL_EINVAL, "descriptor 4 (\"repl\") is no socket");
    handed.kinds[1] = BOUND_ONLY;
    refused(&handed, LLMSPELL_EINVAL, "(\"repl\") does not listen: set Accept=no");
    handed.fds = "two";
    refused(&handed, LLMSPELL_EINVAL, "$LISTEN_FDS is \"two\"");
    handed.fds = "-1";
    refused(&handed, LLMSPELL_EINVAL, "$LISTEN_FDS is \"-1\"");
    handed.fds = "17";
    refused(&handed, LLMSPELL_ELIMIT, "more than 16");
}

static int refuse_daemon(void)
{
    struct error error = {0};
    WANT(listen_refuse(&error) == LLMSPELL_EINVAL);
    WANT(strstr(error.message, "without --daemon") && getenv("LISTEN_FDS"));
    return 0;
}

static void test_daemon(void)
{
    struct handed handed = {.count = 1, .kinds = {LISTENING}, .fds = "1"};
    CU_ASSERT_EQUAL(in_child(&handed, refuse_daemon), 0);
}

TEST_MAIN("daemon/listen", {"names", test_names}, {"without names", test_without_names},
          {"for another process", test_for_another}, {"refused", test_refused},
          {"daemon", test_daemon})
