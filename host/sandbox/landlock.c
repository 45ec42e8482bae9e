/* SPDX-License-Identifier: Apache-2.0
 * The constants are ours: Debian 12's headers know version 2, the running kernel may know more or
 * less. Rights of a later version are simply left out. */
#include "sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <llmspell/tool.h>

/* The numbers are the same on all architectures but alpha. */
#define SYS_CREATE_RULESET 444
#define SYS_ADD_RULE 445
#define SYS_RESTRICT_SELF 446
#define CREATE_RULESET_VERSION 1U
#define RULE_PATH_BENEATH 1

#define FS_EXECUTE (1ULL << 0)
#define FS_WRITE_FILE (1ULL << 1)
#define FS_READ_FILE (1ULL << 2)
#define FS_READ_DIR (1ULL << 3)
#define FS_REMOVE_DIR (1ULL << 4)
#define FS_REMOVE_FILE (1ULL << 5)
#define FS_MAKE_CHAR (1ULL << 6)
#define FS_MAKE_DIR (1ULL << 7)
#define FS_MAKE_REG (1ULL << 8)
#define FS_MAKE_SOCK (1ULL << 9)
#define FS_MAKE_FIFO (1ULL << 10)
#define FS_MAKE_BLOCK (1ULL << 11)
#define FS_MAKE_SYM (1ULL << 12)
#define FS_REFER (1ULL << 13)
#define FS_TRUNCATE (1ULL << 14)
#define FS_IOCTL_DEV (1ULL << 15)
#define NET_BIND_CONNECT_TCP 3ULL
#define SCOPE_UNIX_SIGNAL 3ULL

#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_READ (FS_READ_FILE | FS_READ_DIR)
#define FS_WRITE                                                                                   \
    (FS_READ | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG |        \
     FS_MAKE_FIFO | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)
#define FS_RUN (FS_READ | FS_EXECUTE)

struct ruleset_attr {
    uint64_t fs, net, scope; /* what is refused unless a rule allows it; later versions read more */
};

struct path_attr {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

struct ruleset {
    int fd;
    uint64_t handled;
};

/* What dlopen, the C library, OpenSSL's defaults and ICU need. */
static const char *const base_read[] = {"/usr",
                                        "/lib",
                                        "/lib32",
                                        "/lib64",
                                        "/libx32",
                                        "/etc/ld.so.cache",
                                        "/etc/localtime",
                                        "/etc/timezone",
                                        "/etc/ssl/openssl.cnf",
                                        "/sys/devices/system/cpu",
                                        "/dev/zero",
                                        "/dev/random",
                                        "/dev/urandom",
                                        NULL};
static const char *const base_write[] = {"/dev/null", NULL};
static const char *const net_read[] = {
    "/etc/resolv.conf", "/etc/hosts",    "/etc/host.conf", "/etc/nsswitch.conf", "/etc/services",
    "/etc/protocols",   "/etc/gai.conf", "/etc/ssl/certs", "/etc/pki/tls/certs", NULL};
/* The loader of a program needs the right to be executed as well. */
static const char *const loaders[] = {"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1",
                                      "/lib/ld-linux-riscv64-lp64d.so.1", "/lib64/ld64.so.2", NULL};
static const char *const programs[] = {"/usr", "/bin", "/sbin", "/lib", "/lib64", NULL};

int landlock_abi(void)
{
    long version = syscall(SYS_CREATE_RULESET, NULL, 0, CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

static uint64_t rights_of(int abi)
{
    uint64_t rights = FS_REFER - 1; /* version 1: all before it */
    if (abi >= LANDLOCK_ABI_REFER)
        rights |= FS_REFER;
    if (abi >= LANDLOCK_ABI_TRUNCATE)
        rights |= FS_TRUNCATE;
    if (abi >= LANDLOCK_ABI_IOCTL)
        rights |= FS_IOCTL_DEV;
    return rights;
}

static int open_ruleset(int abi, bool net, struct ruleset *ret_ruleset, struct error *ret_error)
{
    struct ruleset_attr attr = {.fs = rights_of(abi)};
    size_t size = sizeof attr.fs;
    if (abi >= LANDLOCK_ABI_NET) {
        size = 2 * sizeof attr.fs;
        attr.net = net ? 0 : NET_BIND_CONNECT_TCP;
    }
    if (abi >= LANDLOCK_ABI_SCOPE) {
        size = sizeof attr;
        attr.scope = SCOPE_UNIX_SIGNAL;
    }
    long fd = syscall(SYS_CREATE_RULESET, &attr, size, 0U);
    if (fd < 0)
        return error_set(ret_error, LLMSPELL_EIO,
                         "cannot make a Landlock ruleset of version %d: %s", abi, strerror(errno));
    *ret_ruleset = (struct ruleset){(int)fd, attr.fs};
    return 0;
}

static int allow(const struct ruleset *ruleset, const char *path, uint64_t rights,
                 struct error *ret_error)
{
    struct stat status;
    if (*path != '/')
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "a root of the sandbox must be an absolute path, not \"%s\"", path);
    LLMSPELL_CLEANUP_CLOSE int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return error_set(ret_error, LLMSPELL_EIO, "cannot open %s for the sandbox: %s", path,
                         strerror(errno));
    if (fd < 0 || fstat(fd, &status) != 0)
        return 0; /* what this process cannot reach, the tool cannot either */
    rights &= ruleset->handled & (S_ISDIR(status.st_mode) ? UINT64_MAX : FS_OF_FILES);
    struct path_attr attr = {.allowed = rights, .parent = fd};
    if (syscall(SYS_ADD_RULE, ruleset->fd, RULE_PATH_BENEATH, &attr, 0U) != 0 && errno != EBADFD)
        return error_set(ret_error, errno == ENOMEM ? LLMSPELL_ENOMEM : LLMSPELL_EIO,
                         "cannot open the sandbox for %s: %s", path, strerror(errno));
    return 0; /* EBADFD: in a file system without paths, such as a pipe */
}

static int allow_all(const struct ruleset *ruleset, const char *const *paths, uint64_t rights,
                     struct error *ret_error)
{
    int rc = 0;
    for (; rc == 0 && paths && *paths; paths++)
        rc = allow(ruleset, *paths, rights, ret_error);
    return rc;
}

static int allow_programs(const struct ruleset *ruleset, const char *const *files,
                          struct error *ret_error)
{
    int rc = files && *files ? allow_all(ruleset, loaders, FS_RUN, ret_error) : 0;
    for (; rc == 0 && files && *files; files++) {
        if (strcmp(*files, "*") == 0)
            rc = allow_all(ruleset, programs, FS_RUN, ret_error);
        else
            rc = allow(ruleset, *files, FS_RUN, ret_error);
    }
    return rc;
}

/* The file for itself too: it may be a link to elsewhere. */
static int allow_plugin(const struct ruleset *ruleset, const char *path, struct error *ret_error)
{
    if (!path)
        return 0;
    const char *slash = strrchr(path, '/');
    LLMSPELL_CLEANUP_FREE char *folder = slash ? strndup(path, (size_t)(slash - path + 1)) : NULL;
    if (slash && !folder)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int rc = allow(ruleset, path, FS_READ, ret_error);
    return rc == 0 ? allow(ruleset, folder, FS_READ, ret_error) : rc;
}

int landlock_open(const struct sandbox_rules *rules, int abi, int *ret_ruleset,
                  struct error *ret_error)
{
    struct ruleset ruleset = {.fd = -1};
    int rc = open_ruleset(abi, rules->net, &ruleset, ret_error);
    if (rc != 0)
        return rc;
    rc = allow_all(&ruleset, base_read, FS_READ, ret_error);
    if (rc == 0)
        rc = allow_all(&ruleset, base_write, FS_READ_FILE | FS_WRITE_FILE | FS_TRUNCATE, ret_error);
    if (rc == 0 && rules->net)
        rc = allow_all(&ruleset, net_read, FS_READ, ret_error);
    if (rc == 0)
        rc = allow_plugin(&ruleset, rules->plugin, ret_error);
    if (rc == 0)
        rc = allow_programs(&ruleset, rules->exec_files, ret_error);
    if (rc == 0)
        rc = allow_all(&ruleset, rules->read_roots, FS_READ, ret_error);
    if (rc == 0)
        rc = allow_all(&ruleset, rules->write_roots, FS_WRITE, ret_error);
    if (rc != 0)
        close(ruleset.fd);
    else
        *ret_ruleset = ruleset.fd;
    return rc;
}

int landlock_enter(int ruleset)
{
    return syscall(SYS_RESTRICT_SELF, ruleset, 0U) == 0 ? 0 : -errno;
}
