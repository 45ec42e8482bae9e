/* SPDX-License-Identifier: Apache-2.0
 * host/sandbox/seccomp.c: sockets, and the calls that only somebody hostile makes; also on a
 * machine without Landlock. Each gives an error; none ends the process. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "box.h"

static const struct sandbox_rules none, net = {.net = true};

static int outcome(long rc)
{
    return rc >= 0 ? 0 : errno;
}

/* ---- sockets ---- */

struct socket_kind {
    int family, type, protocol;
};

static int try_socket(void *kind)
{
    const struct socket_kind *wanted = kind;
    return outcome(socket(wanted->family, wanted->type | SOCK_CLOEXEC, wanted->protocol));
}

static int try_connect(void *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = *(in_port_t *)port,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd < 0 ? errno : outcome(connect(fd, (struct sockaddr *)&address, sizeof address));
}

/* An inherited descriptor does not lead out either. */
static int try_inherited(void *fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/none"};
    return outcome(connect(*(int *)fd, (struct sockaddr *)&address, sizeof address));
}

static int try_pair(void *type)
{
    int ends[2];
    char text[3] = "";
    if (socketpair(AF_UNIX, *(int *)type | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    if (send(ends[0], "hi", 2, MSG_NOSIGNAL) != 2 || recv(ends[1], text, 2, 0) != 2)
        return errno;
    return strcmp(text, "hi") == 0 ? 0 : EIO;
}

/* The ways to reach a UNIX socket of the machine from a pair of one's own. */
static int try_lead_out(void *server)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET};
    struct sockaddr_un *address = server, none_at_all = {.sun_family = AF_UNSPEC};
    for (size_t i = 0; i < 2; i++) {
        int ends[2];
        struct iovec data = {"hi", 2};
        struct msghdr message = {
            .msg_name = address, .msg_namelen = sizeof *address, .msg_iov = &data, .msg_iovlen = 1};
        if (socketpair(AF_UNIX, types[i] | SOCK_CLOEXEC, 0, ends) != 0)
            return errno;
        sendmsg(ends[0], &message, MSG_NOSIGNAL);
        close(ends[1]);
        sendmsg(ends[0], &message, MSG_NOSIGNAL);
        connect(ends[0], (struct sockaddr *)&none_at_all, sizeof none_at_all);
        connect(ends[0], (struct sockaddr *)address, sizeof *address);
        sendto(ends[0], "hi", 2, MSG_NOSIGNAL, (struct sockaddr *)address, sizeof *address);
    }
    return 0;
}

static void test_unix_sockets(void)
{
    static const int types[] = {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM};
    char byte;
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    for (size_t i = 0; i < 3; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "/var/tmp/test-seccomp-%d", getpid());
        int fd = socket(AF_UNIX, types[i] | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
        CU_ASSERT(types[i] == SOCK_DGRAM || listen(fd, 8) == 0);
        WORKS(&none, try_lead_out, &address);
        WORKS(&net, try_lead_out, &address);
        ssize_t got = types[i] == SOCK_DGRAM ? recv(fd, &byte, 1, 0) : accept(fd, NULL, NULL);
        CU_ASSERT(got < 0 && errno == EAGAIN); /* nothing came */
        close(fd);
        unlink(address.sun_path);
    }
}

static int try_resolve(void *name)
{
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
    int rc = getaddrinfo(name, "80", &hints, &found);
    if (rc == 0)
        freeaddrinfo(found);
    return rc == 0 ? 0 : ENOENT;
}

static int open_listener(in_port_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0);
    CU_ASSERT_FATAL(listen(fd, 8) == 0);
    getsockname(fd, (struct sockaddr *)&address, &size);
    *ret_port = address.sin_port;
    return fd;
}

static void test_sockets(void)
{
    struct socket_kind tcp = {AF_INET, SOCK_STREAM, 0}, udp6 = {AF_INET6, SOCK_DGRAM, 0},
                       unix_stream = {AF_UNIX, SOCK_STREAM, 0},
                       route = {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE},
                       audit = {AF_NETLINK, SOCK_RAW, NETLINK_AUDIT}, raw = {AF_INET, SOCK_RAW, 1},
                       packet = {AF_PACKET, SOCK_RAW, 0}, vsock = {AF_VSOCK, SOCK_STREAM, 0};
    struct socket_kind *never[] = {&unix_stream, &audit, &raw, &packet, &vsock};
    struct socket_kind *with_net[] = {&tcp, &udp6, &route};
    int stream = SOCK_STREAM, sequence = SOCK_SEQPACKET, datagram = SOCK_DGRAM;
    in_port_t port;
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    int listener = open_listener(&port);
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        REFUSED(&none, try_socket, never[i]);
        REFUSED(&net, try_socket, never[i]);
    }
    for (size_t i = 0; i < sizeof with_net / sizeof *with_net; i++)
        REFUSED(&none, try_socket, with_net[i]);
    WORKS(&net, try_socket, &tcp);
    WORKS(&net, try_socket, &route);
    REFUSED(&none, try_connect, &port);
    WORKS(&net, try_connect, &port);
    REFUSED(&none, try_inherited, &listener);
    WORKS(&none, try_pair, &stream);
    WORKS(&none, try_pair, &sequence);
    REFUSED(&none, try_pair, &datagram);
    REFUSED(&net, try_pair, &datagram);
    WORKS(&net, try_resolve, "localhost");
    GIVES(&none, try_resolve, "localhost", ENOENT); /* "not found", not a crash */
    close(listener);
}

/* ---- calls of somebody hostile ---- */

/* Tries call with arguments that the kernel would look at; EPERM comes before it does. */
static int try_call(void *number)
{
    static char page[4096];
    return outcome(syscall(*(long *)number, page, page, page, 0, 0, 0));
}

static void test_hostile_calls(void)
{
    static const long calls[] = {SYS_mount,
                                 SYS_umount2,
                                 SYS_pivot_root,
                                 SYS_chroot,
                                 SYS_unshare,
                                 SYS_setns,
                                 SYS_setuid,
                                 SYS_setgid,
                                 SYS_setresuid,
                                 SYS_setgroups,
                                 SYS_capset,
                                 SYS_setsid,
                                 SYS_setpgid,
                                 SYS_io_uring_setup,
                                 SYS_bpf,
                                 SYS_perf_event_open,
                                 SYS_userfaultfd,
                                 SYS_keyctl,
                                 SYS_add_key,
                                 SYS_request_key,
                                 SYS_personality,
                                 SYS_init_module,
                                 SYS_finit_module,
                                 SYS_delete_module,
                                 SYS_kexec_load,
                                 SYS_reboot,
                                 SYS_swapon,
                                 SYS_syslog,
                                 SYS_acct,
                                 SYS_quotactl,
                                 SYS_settimeofday,
                                 SYS_clock_settime,
                                 SYS_adjtimex,
                                 SYS_sethostname,
                                 SYS_process_vm_readv,
                                 SYS_process_vm_writev,
                                 SYS_pidfd_getfd,
                                 SYS_pidfd_open,
                                 SYS_kcmp,
                                 SYS_process_madvise,
                                 SYS_move_pages,
                                 SYS_migrate_pages,
                                 SYS_shmget,
                                 SYS_msgget,
                                 SYS_semget,
                                 SYS_mq_open,
                                 SYS_open_by_handle_at,
                                 SYS_name_to_handle_at,
                                 SYS_fanotify_init,
                                 SYS_inotify_init1,
                                 SYS_seccomp,
                                 SYS_execveat,
                                 SYS_sched_setscheduler,
                                 SYS_sync,
                                 SYS_vhangup,
                                 SYS_fchmodat,
                                 SYS_fchownat,
                                 SYS_move_mount,
                                 SYS_fsopen,
                                 SYS_open_tree};
    static const char *const all[] = {"*", NULL}, *const roots[] = {"/var/tmp", NULL};
    struct sandbox_rules everything = {.exec_files = all, .write_roots = roots, .net = true};
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int least = box_run(&none, try_call, (void *)&calls[i]);
        int most = box_run(&everything, try_call, (void *)&calls[i]);
        if (least != EPERM || most != EPERM)
            printf("  call %ld: %d, %d\n", calls[i], least, most);
        CU_ASSERT(least == EPERM && most == EPERM);
    }
    GIVES(&none, try_call, &(long){SYS_clone3}, ENOSYS);
    GIVES(&none, try_call, &(long){SYS_getxattr}, ENOTSUP);
    GIVES(&none, try_call, &(long){1000}, ENOSYS);
}

static int try_type_ahead(void *argument)
{
    char letter = 'x';
    (void)argument;
    return outcome(ioctl(STDIN_FILENO, TIOCSTI, &letter));
}

/* The kernel looks at the low half of a command alone. */
static int try_type_ahead_high(void *argument)
{
    char letter = 'x';
    (void)argument;
    return outcome(syscall(SYS_ioctl, STDIN_FILENO, TIOCSTI | (1UL << 32), &letter));
}

static int try_debuggable(void *argument)
{
    (void)argument;
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

static int try_outlive(void *argument)
{
    (void)argument;
    return outcome(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0));
}

static int try_memfd_program(void *argument)
{
    (void)argument;
    return outcome(memfd_create("program", 0));
}

static int try_written_code(void *argument)
{
    (void)argument;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? errno : outcome(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static void test_arguments(void)
{
    static const char *const all[] = {"*", NULL};
    struct sandbox_rules any = {.exec_files = all};
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    REFUSED(&none, try_type_ahead, NULL);
    REFUSED(&none, try_type_ahead_high, NULL);
    REFUSED(&none, try_debuggable, NULL);
    REFUSED(&none, try_outlive, NULL);
    WORKS(&none, try_memfd_program, NULL); /* as a buffer: nothing can be started */
    REFUSED(&any, try_memfd_program, NULL);
    WORKS(&none, try_written_code, NULL); /* libffi, just-in-time compilers */
}

/* ---- a machine that has less ---- */

/* Makes Landlock look as on a kernel without it. */
static bool hide_landlock(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 444, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static int enter_without_landlock(void)
{
    static const char *const roots[] = {"/var/tmp", NULL};
    struct sandbox_rules rules = {.write_roots = roots};
    struct sandbox_report report;
    struct error error;
    if (!hide_landlock() || sandbox_enter(&rules, &report, &error) != 0)
        return 1;
    if (report.landlock || report.landlock_abi != 0 || !report.seccomp || !report.limits)
        return 2;
    if (!strstr(report.missing, "access to files (no Landlock)"))
        return 3;
    if (truncate("/var/tmp/none", 0) == 0 || errno != EPERM)
        return 4; /* the filter steps in */
    return fork() < 0 && errno == EPERM ? 0 : 5;
}

static void test_without_landlock(void)
{
    int status;
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    pid_t child = fork();
    if (child == 0)
        _exit(enter_without_landlock());
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
}

TEST_MAIN("sandbox/seccomp", {"sockets", test_sockets},
          {"UNIX sockets of others", test_unix_sockets}, {"hostile calls", test_hostile_calls},
          {"calls by their arguments", test_arguments}, {"without Landlock", test_without_landlock})
