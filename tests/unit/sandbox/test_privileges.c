/* SPDX-License-Identifier: Apache-2.0
 * host/sandbox/privileges.c and the part of the filter that keeps a sandboxed process to itself:
 * threads yes, processes only with exec, other processes never. */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "box.h"

extern char **environ;

static const struct sandbox_rules none, net = {.net = true};

static int outcome(long rc)
{
    return rc >= 0 ? 0 : errno;
}

/* ---- processes and threads ---- */

static int try_fork(void *argument)
{
    (void)argument;
    pid_t child = fork();
    if (child == 0)
        _exit(7);
    if (child < 0)
        return errno;
    int status;
    return waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 7 ? 0 : ECHILD;
}

static int try_vfork(void *argument)
{
    (void)argument;
    return outcome(
        syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0));
}

static int try_exec(void *path)
{
    char *arguments[] = {path, NULL};
    execve(path, arguments, environ);
    return errno;
}

static int try_spawn(void *path)
{
    char *arguments[] = {path, NULL};
    pid_t child;
    int status, rc = posix_spawn(&child, path, NULL, NULL, arguments, environ);
    if (rc != 0)
        return rc;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0
               ? 0
               : ECHILD;
}

static int try_kill(void *pid)
{
    return outcome(kill(*(pid_t *)pid, 0));
}

static int try_signal_child(void *argument)
{
    int status;
    (void)argument;
    pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    if (child < 0 || kill(child, SIGTERM) != 0)
        return errno;
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? 0 : ECHILD;
}

static void *thread_main(void *argument)
{
    *(int *)argument = 7;
    return NULL;
}

static int try_thread(void *argument)
{
    pthread_t thread;
    int seen = 0;
    (void)argument;
    int rc = pthread_create(&thread, NULL, thread_main, &seen);
    if (rc == 0)
        pthread_join(thread, NULL);
    return rc ? rc : seen == 7 ? 0 : EINVAL;
}

static void test_processes(void)
{
    static const char *const true_only[] = {"/usr/bin/true", NULL}, *const all[] = {"*", NULL};
    struct sandbox_rules one = {.exec_files = true_only}, any = {.exec_files = all};
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    WORKS(&none, try_thread, NULL);
    WORKS(&net, try_thread, NULL);
    REFUSED(&none, try_fork, NULL);
    REFUSED(&net, try_fork, NULL);
    REFUSED(&none, try_exec, "/usr/bin/true");
    REFUSED(&none, try_spawn, "/usr/bin/true");
    REFUSED(&any, try_vfork, NULL); /* in a new user namespace */
    if (SANITIZED)
        return; /* which cannot start programs in so little address space */
    WORKS(&one, try_fork, NULL);
    WORKS(&one, try_spawn, "/usr/bin/true");
    WORKS(&any, try_spawn, "/usr/bin/true");
    WORKS(&any, try_signal_child, NULL);
    REFUSED(&any, try_kill, &(pid_t){0});
    if (box_has_landlock())
        REFUSED(&one, try_spawn, "/usr/bin/env");
}

/* ---- signals and other processes ---- */

static int try_kill_all_ways(void *pid)
{
    pid_t target = *(pid_t *)pid;
    siginfo_t info = {.si_code = SI_QUEUE};
    if (syscall(SYS_tgkill, target, target, 0) == 0 || syscall(SYS_tkill, target, 0) == 0 ||
        syscall(SYS_rt_sigqueueinfo, target, 0, &info) == 0 ||
        syscall(SYS_rt_tgsigqueueinfo, target, target, 0, &info) == 0 ||
        syscall(SYS_pidfd_open, target, 0) >= 0 || kill(0, 0) == 0 || kill(-1, 0) == 0)
        return 0;
    int ends[2];
    if (pipe(ends) != 0 || fcntl(ends[0], F_SETOWN, target) == 0)
        return 0; /* O_ASYNC would signal it */
    return errno;
}

static int try_signal_self(void *argument)
{
    (void)argument;
    if (kill(getpid(), 0) != 0 || raise(SIGURG) != 0) /* ignored */
        return errno;
    return pthread_kill(pthread_self(), 0);
}

static int try_abort(void *argument)
{
    (void)argument;
    abort();
}

static int try_ptrace(void *pid)
{
    return outcome(ptrace(PTRACE_ATTACH, *(pid_t *)pid, NULL, NULL));
}

static int try_priority(void *pid)
{
    return outcome(setpriority(PRIO_PROCESS, (id_t) * (pid_t *)pid, 19));
}

static int try_prlimit(void *pid)
{
    struct rlimit limit;
    return outcome(prlimit(*(pid_t *)pid, RLIMIT_NOFILE, NULL, &limit));
}

static void test_others(void)
{
    static const char *const all[] = {"*", NULL};
    struct sandbox_rules any = {.exec_files = all};
    struct sandbox_report report;
    pid_t parent = getpid();
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    REFUSED(&none, try_kill, &parent);
    REFUSED(&none, try_kill_all_ways, &parent);
    REFUSED(&none, try_ptrace, &parent);
    REFUSED(&none, try_priority, &parent);
    REFUSED(&none, try_prlimit, &parent);
    REFUSED(&any, try_ptrace, &parent);
    WORKS(&none, try_signal_self, NULL);
    GIVES(&none, try_abort, NULL, BOX_KILLED + SIGABRT);
    sandbox_probe(&report);
    if (!box_skip(report.landlock_abi >= 6, "Landlock 6"))
        REFUSED(&any, try_kill, &parent);
}

/* ---- root ---- */

static int try_root(void *argument)
{
    (void)argument;
    FILE *status = fopen("/proc/self/status", "re");
    return status ? 0 : prctl(PR_CAPBSET_READ, 0, 0, 0, 0) < 0 ? EIO : outcome(nice(-1));
}

static void test_root(void)
{
    if (box_skip(geteuid() == 0 && box_has_landlock(), "root"))
        return;
    REFUSED(&none, try_root, NULL); /* CAP_SYS_NICE is gone */
}

TEST_MAIN("sandbox/privileges", {"processes and threads", test_processes},
          {"other processes", test_others}, {"root's capabilities", test_root})
