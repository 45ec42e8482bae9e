/* SPDX-License-Identifier: Apache-2.0
 * Runs at build time only: writes sandbox_filters.h, the seccomp programs of each variant,
 * to the file that it is given. An allow list; what it does not hold fails with EPERM, so that a
 * tool gets an error and lives on. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "sandbox/filter/calls.h"
#include "sandbox/filter/variants.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
#define SOCKET_TYPE 0xfU /* the rest of the argument is flags */
#define NEW_NAMESPACES                                                                             \
    ((unsigned)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |      \
                CLONE_NEWPID | CLONE_NEWNET))
#define COUNT(list) (sizeof(list) / sizeof *(list))

static void check(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "make_filters: %s: %s\n", what, strerror(-rc));
    exit(EXIT_FAILURE);
}

/* Adds one rule; rules on one call add up. A call that this architecture lacks is passed over. */
static void add(scmp_filter_ctx context, uint32_t action, const char *name, unsigned count,
                const struct scmp_arg_cmp *arguments)
{
    int call = seccomp_syscall_resolve_name(name);
    check(call == __NR_SCMP_ERROR ? -ENOENT : 0, name);
    if (call >= 0)
        check(seccomp_rule_add_exact_array(context, action, call, count, arguments), name);
}

static void add_calls(scmp_filter_ctx context, uint32_t action, const char *const *names)
{
    for (; *names; names++)
        add(context, action, *names, 0, NULL);
}

static void allow_if(scmp_filter_ctx context, const char *name, struct scmp_arg_cmp argument)
{
    add(context, SCMP_ACT_ALLOW, name, 1, &argument);
}

static void allow_if_both(scmp_filter_ctx context, const char *name, struct scmp_arg_cmp a,
                          struct scmp_arg_cmp b)
{
    add(context, SCMP_ACT_ALLOW, name, 2, (const struct scmp_arg_cmp[]){a, b});
}

static void allow_values(scmp_filter_ctx context, const char *name, unsigned argument,
                         const scmp_datum_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        allow_if(context, name, SCMP_CMP(argument, SCMP_CMP_EQ, values[i]));
}

static void add_controls(scmp_filter_ctx context, unsigned variant)
{
    /* Not F_SETOWN, F_SETSIG: signals to others. */
    static const scmp_datum_t fcntls[] = {
        F_DUPFD,     F_DUPFD_CLOEXEC, F_GETFD,      F_SETFD,      F_GETFL,       F_SETFL,
        F_GETLK,     F_SETLK,         F_SETLKW,     F_OFD_GETLK,  F_OFD_SETLK,   F_OFD_SETLKW,
        F_ADD_SEALS, F_GET_SEALS,     F_GETPIPE_SZ, F_SETPIPE_SZ, F_GET_RW_HINT, F_SET_RW_HINT};
    /* Not TIOCSTI, which types into the terminal. */
    static const scmp_datum_t ioctls[] = {FIONREAD, FIONBIO, FIOCLEX, FIONCLEX, TCGETS, TIOCGWINSZ};
    static const scmp_datum_t net_ioctls[] = {
        SIOCGIFCONF, SIOCGIFFLAGS,  SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFBRDADDR, SIOCGIFINDEX,
        SIOCGIFNAME, SIOCGIFHWADDR, SIOCGIFMTU,  SIOCOUTQ,       SIOCATMARK};
    static const scmp_datum_t prctls[] = {
        PR_SET_NAME,         PR_GET_NAME,       PR_GET_DUMPABLE,     PR_GET_PDEATHSIG,
        PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP,    PR_SET_NO_NEW_PRIVS, PR_CAPBSET_READ,
        PR_GET_TIMERSLACK,   PR_SET_TIMERSLACK, PR_GET_THP_DISABLE,  PR_SET_VMA};
    allow_values(context, "fcntl", 1, fcntls, COUNT(fcntls));
    allow_values(context, "ioctl", 1, ioctls, COUNT(ioctls));
    allow_values(context, "prctl", 0, prctls, COUNT(prctls));
    if (variant & FILTER_NET)
        allow_values(context, "ioctl", 1, net_ioctls, COUNT(net_ioctls));
    if (variant & FILTER_WRITE)
        allow_if(context, "ioctl", SCMP_A1(SCMP_CMP_EQ, FICLONE));
}

/* A datagram socket could name any address of its family in sendmsg: pairs are streams only. */
static void add_sockets(scmp_filter_ctx context, unsigned variant)
{
    static const scmp_datum_t pairs[] = {SOCK_STREAM, SOCK_SEQPACKET};
    static const scmp_datum_t families[] = {AF_INET, AF_INET6};
    static const scmp_datum_t types[] = {SOCK_STREAM, SOCK_DGRAM};
    for (size_t i = 0; i < COUNT(pairs); i++)
        allow_if_both(context, "socketpair", SCMP_A0(SCMP_CMP_EQ, AF_UNIX),
                      SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, pairs[i]));
    if (!(variant & FILTER_NET)) {
        allow_if(context, "sendto", SCMP_A4(SCMP_CMP_EQ, 0)); /* send(2) */
        return;
    }
    for (size_t i = 0; i < COUNT(families); i++)
        for (size_t k = 0; k < COUNT(types); k++)
            allow_if_both(context, "socket", SCMP_A0(SCMP_CMP_EQ, families[i]),
                          SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, types[k]));
    allow_if_both(context, "socket", SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
                  SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE));
}

/* Threads always; processes with exec; new namespaces never. */
static void add_processes(scmp_filter_ctx context, unsigned variant)
{
    unsigned thread = CLONE_THREAD;
    if (variant & FILTER_EXEC) {
        allow_if(context, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACES, 0));
        allow_if(context, "kill", SCMP_A0(SCMP_CMP_NE, 0)); /* not the group, the tool's own */
    } else {
        allow_if(context, "clone", SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACES | thread, thread));
        allow_if(context, "kill", SCMP_A0(SCMP_CMP_EQ, FILTER_SELF));
        allow_if(context, "tgkill", SCMP_A0(SCMP_CMP_EQ, FILTER_SELF));
        add(context, SCMP_ACT_ALLOW, "memfd_create", 0, NULL); /* with exec: a program to start */
    }
    allow_if(context, "rt_sigqueueinfo", SCMP_A0(SCMP_CMP_EQ, FILTER_SELF));
    allow_if(context, "rt_tgsigqueueinfo", SCMP_A0(SCMP_CMP_EQ, FILTER_SELF));
    allow_if(context, "prlimit64", SCMP_A0(SCMP_CMP_EQ, 0));
    allow_if(context, "sched_setaffinity", SCMP_A0(SCMP_CMP_EQ, 0));
    allow_if_both(context, "setpriority", SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS),
                  SCMP_A1(SCMP_CMP_EQ, 0));
}

static scmp_filter_ctx make(unsigned variant)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    check(context ? 0 : -ENOMEM, "seccomp_init");
    check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS)), "arch");
    check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2), "binary tree");
    add_calls(context, SCMP_ACT_ALLOW, calls_always);
    add_calls(context, SCMP_ACT_ERRNO(ENOTSUP), calls_enotsup);
    add_calls(context, SCMP_ACT_ERRNO(ENOSYS), calls_enosys);
    if (variant & FILTER_NET)
        add_calls(context, SCMP_ACT_ALLOW, calls_net);
    if (variant & FILTER_EXEC)
        add_calls(context, SCMP_ACT_ALLOW, calls_exec);
    if (variant & FILTER_WRITE) {
        add_calls(context, SCMP_ACT_ALLOW, calls_write);
        if (!(variant & FILTER_METADATA))
            allow_if(context, "utimensat", SCMP_A1(SCMP_CMP_EQ, 0)); /* futimens(3) */
    }
    if (variant & FILTER_METADATA)
        add_calls(context, SCMP_ACT_ALLOW, calls_metadata);
    add_controls(context, variant);
    add_sockets(context, variant);
    add_processes(context, variant);
    return context;
}

/* Prints one program; returns its length. */
static unsigned print(unsigned variant)
{
    struct sock_filter code[BPF_MAXINSNS];
    scmp_filter_ctx context = make(variant);
    int fd = memfd_create("filter", MFD_CLOEXEC);
    check(fd < 0 ? -errno : seccomp_export_bpf(context, fd), "export");
    seccomp_release(context);
    ssize_t bytes = pread(fd, code, sizeof code, 0);
    check(bytes <= 0 ? -EIO : 0, "read back");
    close(fd);
    unsigned length = (unsigned)((size_t)bytes / sizeof *code);
    printf("static const struct sock_filter filter_%u[] = {\n", variant);
    for (unsigned i = 0; i < length; i++)
        printf("{0x%x, %u, %u, 0x%xu},\n", code[i].code, code[i].jt, code[i].jf, code[i].k);
    printf("};\n");
    return length;
}

/* The last call that this libseccomp knows; the kernel may have more. */
static unsigned last_call(void)
{
    unsigned last = 0;
    for (unsigned call = 0; call < 1024; call++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)call);
        last = name ? call : last;
        free(name);
    }
    return last;
}

int main(int argc, char **argv)
{
    unsigned lengths[FILTER_VARIANTS], longest = 0;
    check(argc == 2 && freopen(argv[1], "w", stdout) ? 0 : -EINVAL, "usage: make_filters FILE");
    printf("/* Made by make_filters. */\n#include <linux/filter.h>\n");
    for (unsigned i = 0; i < FILTER_VARIANTS; i++) {
        lengths[i] = print(i);
        longest = lengths[i] > longest ? lengths[i] : longest;
    }
    printf("struct filter {\n    const struct sock_filter *code;\n    unsigned length;\n};\n");
    printf("static const struct filter filters[] = {\n");
    for (unsigned i = 0; i < FILTER_VARIANTS; i++)
        printf("{filter_%u, %u},\n", i, lengths[i]);
    printf("};\n#define FILTER_LONGEST %u\n#define FILTER_LAST_CALL %u\n", longest, last_call());
    check(fclose(stdout) == 0 ? 0 : -EIO, argv[1]);
    return EXIT_SUCCESS;
}
