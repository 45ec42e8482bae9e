/* SPDX-License-Identifier: Apache-2.0
 * Locks a freshly started process in before it loads a foreign tool: resource limits, Landlock,
 * no_new_privs, no Linux capabilities, seccomp. Called by the runner (tool/runner.c), once, while
 * it has one thread; sandbox_probe by `tool info`, to say what this machine enforces. */
#ifndef HOST_SANDBOX_H
#define HOST_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

/* What stays open. Paths are absolute and borrowed for the call; one that does not exist, or that
 * this process cannot reach, opens nothing. */
struct sandbox_rules {
    const char *const *read_roots;  /* folders or files, NULL-terminated; may be NULL */
    const char *const *write_roots; /* read and write; the same */
    const char *const *exec_files;  /* programs that may be started; NULL: none; "*": all of the
                                       system's (/usr, /bin, /sbin, /lib…) */
    const char *plugin;             /* the .so to be loaded: its folder is readable; may be NULL */
    bool net;             /* sockets of AF_INET and AF_INET6, AF_NETLINK to list interfaces */
    bool metadata;        /* chmod, chown and times by path, which nothing confines: trusted only */
    int64_t memory_bytes; /* address space beyond what the process has now; 0: 1 GiB */
    int64_t cpu_ms;       /* of the process, not of a call; rounded up to seconds; 0: no limit */
    int64_t file_bytes;   /* a longer file gives EFBIG; 0: no limit */
    int open_files;       /* 0: 256 */
    int processes;        /* with exec_files: about so many more may run; 0: 64 */
};

struct sandbox_report {
    int landlock_abi;  /* 0: the kernel has none */
    bool landlock;     /* files are confined */
    bool seccomp;      /* system calls are filtered */
    bool no_new_privs; /* no set-user-ID program gives rights */
    bool limits;       /* memory, files, CPU time, core files */
    char missing[256]; /* what this machine cannot enforce, as one sentence, or "" */
};

/* Irreversible; the caller has one thread. A layer that the machine lacks is left out and named in
 * *ret_report (written on success): the caller decides whether the rest is enough. Errors: EINVAL
 * (a path is not absolute), EIO, ENOMEM; then the process is in an unknown state and must end. */
int sandbox_enter(const struct sandbox_rules *rules, struct sandbox_report *ret_report,
                  struct error *ret_error);

/* What sandbox_enter would enforce here; changes nothing. [any-thread] */
void sandbox_probe(struct sandbox_report *ret_report);

#endif
