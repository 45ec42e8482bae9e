/* SPDX-License-Identifier: Apache-2.0
 * The programs are made at build time by libseccomp (filter/make_filters.c), since making one takes
 * it milliseconds; here the process's own id is put in, and a few instructions before it. */
#include "sandbox/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/filter/variants.h"
#include "sandbox/landlock.h"
#include "sandbox_filters.h"

#define PREAMBLE 5

bool seccomp_available(void)
{
    /* The documented way to ask: a kernel that knows filters reads the address. */
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) != 0 && errno == EFAULT;
}

static unsigned variant_of(const struct sandbox_rules *rules)
{
    unsigned variant = rules->net ? FILTER_NET : 0;
    if (rules->exec_files && *rules->exec_files)
        variant |= FILTER_EXEC;
    if (rules->write_roots && *rules->write_roots)
        variant |= FILTER_WRITE;
    if (rules->metadata)
        variant |= FILTER_METADATA;
    return variant;
}

/* Calls newer than the list are ENOSYS, so that the C library takes its older way; truncate(2) is
 * refused where Landlock does not confine it. */
static void put_preamble(struct sock_filter *at, int confined)
{
    bool truncate = confined >= LANDLOCK_ABI_TRUNCATE;
    const struct sock_filter preamble[PREAMBLE] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, FILTER_LAST_CALL, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_truncate, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
    };
    memcpy(at, preamble, sizeof preamble);
    if (truncate)
        at[3] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
}

int seccomp_enter(const struct sandbox_rules *rules, int confined)
{
    struct sock_filter code[PREAMBLE + FILTER_LONGEST];
    const struct filter *filter = &filters[variant_of(rules)];
    put_preamble(code, confined);
    for (unsigned i = 0; i < filter->length; i++) {
        code[PREAMBLE + i] = filter->code[i];
        if (filter->code[i].k == FILTER_SELF)
            code[PREAMBLE + i].k = (uint32_t)getpid();
    }
    struct sock_fprog program = {(unsigned short)(PREAMBLE + filter->length), code};
    /* Some outer filters know only one of the two calls. */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0)
        return 0;
    return -errno;
}
