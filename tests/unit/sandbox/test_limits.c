/* SPDX-License-Identifier: Apache-2.0
 * host/sandbox/limits.c: memory, descriptors, long files, CPU time, core files; each ends in an
 * error, only CPU time in a signal. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "box.h"

static int try_allocate(void *bytes)
{
    void *memory =
        mmap(NULL, *(size_t *)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
}

static int try_malloc(void *bytes)
{
    volatile char *memory = malloc(*(size_t *)bytes);
    if (memory)
        memory[0] = 1;
    return memory ? 0 : errno;
}

static void test_memory(void)
{
    struct sandbox_rules rules = {.memory_bytes = 64 << 20}, standard = {0};
    size_t some = 32U << 20, more = 128U << 20, gigabytes = 2ULL << 30;
    WORKS(&rules, try_allocate, &some);
    GIVES(&rules, try_allocate, &more, ENOMEM);
    WORKS(&standard, try_allocate, &more);
    GIVES(&standard, try_allocate, &gigabytes, ENOMEM);
    if (SANITIZED)
        return; /* whose malloc ends the process instead */
    WORKS(&rules, try_malloc, &some);
    GIVES(&rules, try_malloc, &more, ENOMEM);
}

static int try_descriptors(void *count)
{
    for (int i = 0; i < *(int *)count; i++)
        if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
            return errno;
    return 0;
}

static int try_long_file(void *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    return pwrite(fd, "x", 1, 4096) == 1 ? 0 : errno;
}

static int try_limits_back(void *argument)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    (void)argument;
    if (setrlimit(RLIMIT_AS, &limit) == 0 || setrlimit(RLIMIT_CORE, &limit) == 0)
        return 0;
    return errno;
}

static int try_no_core(void *argument)
{
    struct rlimit limit;
    (void)argument;
    getrlimit(RLIMIT_CORE, &limit);
    return limit.rlim_cur == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0 &&
                   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1
               ? 0
               : EINVAL;
}

static int burn(void *argument)
{
    volatile unsigned long turns = 0;
    (void)argument;
    while (turns + 1 != 0) /* until the limit's signal */
        turns++;
    return 0;
}

static void test_limits(void)
{
    int few = 8, many = 300;
    char folder[] = "/var/tmp/test-limits-XXXXXX", path[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/long", folder);
    const char *roots[] = {folder, NULL};
    struct sandbox_rules rules = {.write_roots = roots}, small = rules;
    small.open_files = 32;
    small.file_bytes = 1024;
    WORKS(&rules, try_descriptors, &few);
    GIVES(&rules, try_descriptors, &many, EMFILE);
    GIVES(&small, try_descriptors, &(int){40}, EMFILE);
    WORKS(&rules, try_long_file, path);
    GIVES(&small, try_long_file, path, EFBIG);
    WORKS(&rules, try_no_core, NULL);
    REFUSED(&rules, try_limits_back, NULL);
    struct sandbox_rules quick = {.cpu_ms = 10};
    GIVES(&quick, burn, NULL, BOX_KILLED + SIGXCPU);
    unlink(path);
    rmdir(folder);
}

TEST_MAIN("sandbox/limits", {"memory", test_memory}, {"other limits", test_limits})
