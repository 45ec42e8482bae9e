/* SPDX-License-Identifier: Apache-2.0
 * Runs one attempt inside a sandbox: a child enters, tries, and says how it went. Shared by
 * the tests of host/sandbox/sandbox.h. */
#ifndef TEST_BOX_H
#define TEST_BOX_H

#include "sandbox/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#else
#define SANITIZED false
#endif

#define BOX_FAILED 900  /* sandbox_enter did not succeed */
#define BOX_KILLED 1000 /* + the signal */

/* An attempt returns 0 (it worked) or errno. */
typedef int box_attempt(void *argument);

/* The result of an attempt, BOX_FAILED or BOX_KILLED + signal. */
static inline int box_run(const struct sandbox_rules *rules, box_attempt *attempt, void *argument)
{
    int result = BOX_FAILED, status = 0, ends[2];
    CU_ASSERT_EQUAL_FATAL(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    CU_ASSERT_FATAL(child >= 0);
    if (child == 0) {
        struct sandbox_report report;
        struct error error = {0};
        close(ends[0]);
        if (sandbox_enter(rules, &report, &error) == 0)
            result = attempt(argument);
        else
            fprintf(stderr, "sandbox_enter: %s\n", error.message);
        _exit(write(ends[1], &result, sizeof result) == (ssize_t)sizeof result ? 0 : 1);
    }
    close(ends[1]);
    if (read(ends[0], &result, sizeof result) != (ssize_t)sizeof result)
        result = BOX_FAILED;
    close(ends[0]);
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) ? BOX_KILLED + WTERMSIG(status) : result;
}

static inline bool box_refused(int result)
{
    return result == EPERM || result == EACCES;
}

/* True if the test needs a layer that this machine lacks; says so. */
static inline bool box_skip(bool there, const char *what)
{
    if (!there)
        printf("  skipped: this machine has no %s\n", what);
    return !there;
}

static inline bool box_has_landlock(void)
{
    struct sandbox_report report;
    sandbox_probe(&report);
    return report.landlock;
}

static inline bool box_has_seccomp(void)
{
    struct sandbox_report report;
    sandbox_probe(&report);
    return report.seccomp;
}

#define REFUSED(rules, attempt, argument)                                                          \
    do {                                                                                           \
        int result_ = box_run(rules, attempt, argument);                                           \
        if (!box_refused(result_))                                                                 \
            printf("  %s: %d\n", #attempt, result_);                                               \
        CU_ASSERT(box_refused(result_));                                                           \
    } while (0)

#define GIVES(rules, attempt, argument, expected)                                                  \
    do {                                                                                           \
        int result_ = box_run(rules, attempt, argument);                                           \
        if (result_ != (expected))                                                                 \
            printf("  %s: %d, not %d\n", #attempt, result_, expected);                             \
        CU_ASSERT_EQUAL(result_, expected);                                                        \
    } while (0)

#define WORKS(rules, attempt, argument) GIVES(rules, attempt, argument, 0)

#endif
