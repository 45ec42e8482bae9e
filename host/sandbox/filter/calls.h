/* SPDX-License-Identifier: Apache-2.0
 * The system calls that a sandboxed process may make whatever their arguments are, and those that
 * answer as if the kernel did not have them. Everything else is EPERM, but for the calls that
 * make_filters.c lets through by their arguments. For make_filters.c alone. */
#ifndef HOST_FILTER_CALLS_H
#define HOST_FILTER_CALLS_H

#include <stddef.h>

/* clang-format off */
static const char *const calls_always[] = {
    /* files: Landlock says which */
    "access", "chdir", "close", "close_range", "copy_file_range", "dup", "dup2", "dup3", "faccessat",
    "faccessat2", "fadvise64", "fallocate", "fchdir", "fdatasync", "flock", "fstat", "fstatfs",
    "fsync", "ftruncate", "getcwd", "getdents", "getdents64", "lseek", "lstat", "newfstatat", "open",
    "openat", "openat2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read",
    "readahead", "readlink", "readlinkat", "readv", "sendfile", "splice", "stat", "statfs", "statx",
    "sync_file_range", "tee", "umask", "vmsplice", "write", "writev",
    /* waiting and pipes */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait",
    "eventfd", "eventfd2", "pipe", "pipe2", "poll", "ppoll", "pselect6", "select", "signalfd",
    "signalfd4", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    /* memory */
    "brk", "get_mempolicy", "madvise", "mbind", "membarrier", "mincore", "mlock", "mlock2",
    "mlockall", "mmap", "mprotect", "mremap", "msync", "munlock", "munlockall", "munmap",
    "pkey_alloc", "pkey_free", "pkey_mprotect", "set_mempolicy",
    /* time */
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "getitimer", "gettimeofday",
    "nanosleep", "pause", "setitimer", "time", "timer_create", "timer_delete", "timer_getoverrun",
    "timer_gettime", "timer_settime", "times",
    /* threads and signals to oneself */
    "arch_prctl", "exit", "exit_group", "futex", "futex_waitv", "get_robust_list", "getcpu",
    "restart_syscall", "riscv_flush_icache", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_yield", "set_robust_list",
    "set_tid_address", "sigaltstack",
    /* asking */
    "capget", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid",
    "getpriority", "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid",
    "gettid", "getuid", "ioprio_get", "sysinfo", "uname", "wait4", "waitid",
    /* the descriptors it was given; no new address */
    "getpeername", "getsockname", "getsockopt", "recvfrom", "recvmmsg", "recvmsg", "sendmmsg",
    "sendmsg", "setsockopt", "shutdown",
    /* less, never more */
    "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "setrlimit", NULL};

static const char *const calls_net[] = {
    "accept", "accept4", "bind", "connect", "listen", "sendto", NULL};

/* Landlock keeps the signals of a program that was started inside, from version 6 on. */
static const char *const calls_exec[] = {
    "execve", "fork", "tgkill", "vfork", NULL};

/* Only with write roots; chmod and chown by path do not exist for tools of others, since no layer
 * below confines them. */
static const char *const calls_write[] = {
    "creat", "fchmod", "link", "linkat", "mkdir", "mkdirat", "mknod", "mknodat", "rename",
    "renameat", "renameat2", "rmdir", "symlink", "symlinkat", "syncfs", "truncate", "unlink",
    "unlinkat",
    NULL};

/* For tools of ours whose work it is. */
static const char *const calls_metadata[] = {
    "chmod", "chown", "fchmodat", "fchown", "fchownat", "futimesat", "lchown", "utime",
    "utimensat", "utimes", NULL};

/* Callers know what to do without extended attributes. */
static const char *const calls_enotsup[] = {
    "fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr", "lgetxattr", "listxattr",
    "llistxattr", "lremovexattr", "lsetxattr", "removexattr", "setxattr", NULL};

/* A filter cannot read clone3's arguments; the C library then takes clone. */
static const char *const calls_enosys[] = {"clone3", NULL};
/* clang-format on */

#endif
