/* SPDX-License-Identifier: Apache-2.0
 * host/sandbox/files.c: what is granted, what is refused and with which words; with openat2 and
 * without it (a filter hides the call); and that a tree which changes under an open never lets one
 * out. */
#include "sandbox/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <llmspell/fs.h>

#include "test.h"

/* ---- a tree: BASE/in (working directory, write), BASE/ro (read only), BASE/out (nothing) ---- */

struct tree {
    char base[PATH_MAX / 8];
    struct files *files;
};

static const char *below(const struct tree *tree, const char *name)
{
    static _Thread_local char text[4][PATH_MAX];
    static _Thread_local unsigned turn;
    char *path = text[turn++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", tree->base, name);
    return path;
}

static void put(const struct tree *tree, const char *name, const char *text)
{
    FILE *file = fopen(below(tree, name), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fputs(text, file);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

static void folder(const struct tree *tree, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(mkdir(below(tree, name), 0755), 0);
}

static void tie(const struct tree *tree, const char *target, const char *name)
{
    CU_ASSERT_EQUAL_FATAL(symlink(target, below(tree, name)), 0);
}

static void put_socket(const struct tree *tree, const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", below(tree, name));
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static void tree_init(struct tree *tree)
{
    snprintf(tree->base, sizeof tree->base, "/tmp/test_files.XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(tree->base));
    const char *folders[] = {"in", "in/sub", "in/sub/deep", "ro", "out", "out/dir", "inside"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        folder(tree, folders[i]);
    put(tree, "in/a.txt", "a");
    put(tree, "in/sub/b.txt", "b");
    put(tree, "in/sub/deep/c.txt", "c");
    put(tree, "ro/r.txt", "r");
    put(tree, "out/secret", "secret");
    put(tree, "inside/x", "x"); /* a neighbour whose name begins like the root's */
    tie(tree, "sub/b.txt", "in/link");
    tie(tree, "sub", "in/dirlink");
    tie(tree, "sub/deep", "in/deeplink");
    tie(tree, below(tree, "in/a.txt"), "in/absolute");
    tie(tree, "missing.txt", "in/dangling");
    tie(tree, "../out/secret", "in/evil");
    tie(tree, below(tree, "out"), "in/evildir");
    tie(tree, "../out/nothing", "in/evildangling");
    tie(tree, "loop2", "in/loop1");
    tie(tree, "loop1", "in/loop2");
    tie(tree, "../out/dir/../../in/a.txt", "in/probe");
    tie(tree, "in", "via");
    tie(tree, "../in", "out/back");
    CU_ASSERT_EQUAL(mkfifo(below(tree, "in/fifo"), 0644), 0);
    put_socket(tree, "in/socket");

    char in[PATH_MAX], ro[PATH_MAX], no[PATH_MAX];
    snprintf(in, sizeof in, "%s", below(tree, "in"));
    snprintf(ro, sizeof ro, "%s", below(tree, "ro"));
    snprintf(no, sizeof no, "%s", below(tree, "no"));
    struct files_root roots[] = {{in, true, false}, {ro, false, false}, {no, true, false}};
    struct error error = {0};
    CU_ASSERT_EQUAL_FATAL(files_new(in, roots, 3, &tree->files, &error), 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void tree_clear(struct tree *tree)
{
    files_free(tree->files);
    CU_ASSERT_EQUAL(nftw(tree->base, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* ---- one open and what came of it ---- */

/* The code of an open, 1 if it gave a descriptor; holds the rules that every answer obeys. */
static int try_open(const struct tree *tree, const char *path, int flags, struct error *ret_error)
{
    struct error error = {0};
    int fd = files_open(tree->files, path, flags, 0644, "/path", &error);
    if (fd >= 0) {
        CU_ASSERT_NOT_EQUAL(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
        close(fd);
        return 1;
    }
    CU_ASSERT_EQUAL(error.code, fd);
    CU_ASSERT_EQUAL(error.has_path, 1);
    CU_ASSERT_STRING_EQUAL(error.path, "/path");
    if (ret_error)
        *ret_error = error;
    return fd;
}

static int code(const struct tree *tree, const char *path, int flags)
{
    return try_open(tree, path, flags, NULL);
}

#define READ O_RDONLY
#define ASSERT_CODE(path, flags, wanted)                                                           \
    do {                                                                                           \
        int got_ = code(tree, path, flags);                                                        \
        if (got_ != (wanted))                                                                      \
            printf("\n    %s: %d, wanted %d", path, got_, wanted);                                 \
        CU_ASSERT_EQUAL(got_, wanted);                                                             \
    } while (0)

static void check_inside(const struct tree *tree)
{
    ASSERT_CODE("a.txt", READ, 1);
    ASSERT_CODE("./sub//b.txt", READ, 1);
    ASSERT_CODE("sub/../a.txt", READ, 1);
    ASSERT_CODE("../in/a.txt", READ, 1);
    ASSERT_CODE("../../../../../../../../../../../../missing", READ, LLMSPELL_EPERM);
    ASSERT_CODE(below(tree, "in/a.txt"), READ, 1);
    ASSERT_CODE(below(tree, "via/a.txt"), READ, 1);
    ASSERT_CODE(below(tree, "ro/r.txt"), READ, 1);
    ASSERT_CODE("link", READ, 1);
    ASSERT_CODE("absolute", READ, 1);
    ASSERT_CODE("dirlink/b.txt", READ, 1);
    ASSERT_CODE("deeplink/../b.txt", READ, 1); /* `..` of the folder, not of the text */
    ASSERT_CODE("deeplink/../a.txt", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE(".", READ, 1);
    ASSERT_CODE("sub/", READ | O_DIRECTORY, 1);
    ASSERT_CODE("dirlink/", READ | O_DIRECTORY, 1);
    ASSERT_CODE("sub/deep/..", READ | O_DIRECTORY, 1);
}

static void check_missing(const struct tree *tree)
{
    ASSERT_CODE("missing.txt", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("missing/further/down", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("missing/../a.txt", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("missing/../new.txt", O_WRONLY | O_CREAT, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("missing/new.txt", O_WRONLY | O_CREAT, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("dangling", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("~/x", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE("$HOME/x", READ, LLMSPELL_ENOTFOUND);
    ASSERT_CODE(below(tree, "ro/missing"), READ, LLMSPELL_ENOTFOUND);
}

static void check_outside(const struct tree *tree)
{
    const char *paths[] = {
        "/etc/passwd", "/etc/no-such-file", "/no-such-folder/x", "../../../../../../../etc/passwd",
        "../out/secret", "../out/nothing", "..", "/", "../inside/x", "evil", "evil/", "evil/x",
        "evildir", "evildir/secret", "evildir/nothing", "evildir/nothing/more", "evildangling",
        "missing/../../out/secret", "missing/../../out/nothing", "a.txt/../../out/secret",
        "../in/../out/secret",
        /* out and back in would tell whether the place outside exists */
        "../out/../in/a.txt", "../no-such/../in/a.txt", "../out/dir/../../in/a.txt", "probe",
        "evildir/../in/a.txt", "/proc/self/cwd", "/proc/self/root/etc/passwd", "/proc/self/fd/0",
        "/dev/null", "/dev/stdin"};
    int flags[] = {
        READ, O_PATH, READ | O_DIRECTORY, O_WRONLY, O_WRONLY | O_CREAT, O_RDWR | O_CREAT | O_TRUNC};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (size_t j = 0; j < sizeof flags / sizeof *flags; j++)
            ASSERT_CODE(paths[i], flags[j], LLMSPELL_EPERM);
    ASSERT_CODE("/etc/passwd", READ | O_NOFOLLOW, LLMSPELL_EPERM);
    ASSERT_CODE(below(tree, "out/back/a.txt"), READ, 1); /* a link from outside into a root */
}

static void check_kinds(const struct tree *tree)
{
    char name[NAME_MAX + 10], path[PATH_MAX + 10];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    memset(path, 'p', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    ASSERT_CODE("", READ, LLMSPELL_EINVAL);
    ASSERT_CODE(name, READ, LLMSPELL_EINVAL);
    ASSERT_CODE(name, O_WRONLY | O_CREAT, LLMSPELL_EINVAL);
    ASSERT_CODE(path, READ, LLMSPELL_EINVAL);
    ASSERT_CODE("loop1", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("loop1/x", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("fifo", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("fifo", O_WRONLY, LLMSPELL_EINVAL);
    ASSERT_CODE("fifo", O_WRONLY | O_CREAT, LLMSPELL_EINVAL);
    ASSERT_CODE("fifo", O_RDWR, LLMSPELL_EINVAL);
    ASSERT_CODE("fifo", O_PATH, 1);
    ASSERT_CODE("socket", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("sub", O_WRONLY, LLMSPELL_EINVAL);
    ASSERT_CODE("sub/", O_WRONLY | O_CREAT, LLMSPELL_EINVAL);
    ASSERT_CODE("new/", O_WRONLY | O_CREAT, LLMSPELL_EINVAL);
    ASSERT_CODE("a.txt", READ | O_DIRECTORY, LLMSPELL_EINVAL);
    ASSERT_CODE("a.txt/", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("a.txt/.", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("a.txt/x", READ, LLMSPELL_EINVAL);
    ASSERT_CODE("link", READ | O_NOFOLLOW, LLMSPELL_EINVAL);
    ASSERT_CODE("link", O_PATH | O_NOFOLLOW, 1);
    ASSERT_CODE("evil", O_PATH | O_NOFOLLOW, 1); /* the link itself lies inside */
}

static void check_writes(const struct tree *tree)
{
    struct stat st;
    ASSERT_CODE("new.txt", O_WRONLY | O_CREAT | O_EXCL, 1);
    ASSERT_CODE("new.txt", O_WRONLY | O_CREAT | O_EXCL, LLMSPELL_EFAILED);
    ASSERT_CODE("evil", O_WRONLY | O_CREAT | O_EXCL, LLMSPELL_EFAILED);
    ASSERT_CODE("dangling", O_WRONLY | O_CREAT | O_EXCL, LLMSPELL_EFAILED);
    ASSERT_CODE("dangling", O_WRONLY | O_CREAT, 1); /* makes what the link points to */
    CU_ASSERT_EQUAL(lstat(below(tree, "in/missing.txt"), &st), 0);
    CU_ASSERT_EQUAL(unlink(below(tree, "in/missing.txt")), 0);
    CU_ASSERT_EQUAL(unlink(below(tree, "in/new.txt")), 0);
    ASSERT_CODE(below(tree, "ro/r.txt"), O_WRONLY, LLMSPELL_EPERM);
    ASSERT_CODE(below(tree, "ro/r.txt"), O_RDONLY | O_TRUNC, LLMSPELL_EPERM);
    ASSERT_CODE(below(tree, "ro/new.txt"), O_WRONLY | O_CREAT, LLMSPELL_EPERM);
    ASSERT_CODE(below(tree, "ro/new/x"), O_WRONLY | O_CREAT, LLMSPELL_EPERM);
    CU_ASSERT_EQUAL(stat(below(tree, "out/nothing"), &st), -1);
}

static void check_blocking(const struct tree *tree)
{
    struct error error = {0};
    int fd = files_open(tree->files, "a.txt", O_RDONLY, 0, "/path", &error);
    CU_ASSERT_EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    fd = files_open(tree->files, "a.txt", O_RDONLY | O_NONBLOCK, 0, "/path", &error);
    CU_ASSERT_NOT_EQUAL(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
}

/* ---- open_parent ---- */

/* The code, or 1 if the descriptor is the folder wanted and the name is as wanted. */
static int parent(const struct tree *tree, const char *path, bool for_write, const char *wanted,
                  const char *wanted_name)
{
    struct error error = {0};
    struct stat got, want;
    char name[LLMSPELL_FS_NAME_MAX] = "";
    int fd = files_open_parent(tree->files, path, for_write, "/target_path", name, &error);
    if (fd < 0) {
        CU_ASSERT_STRING_EQUAL(error.path, "/target_path");
        CU_ASSERT_EQUAL(error.code, fd);
        CU_ASSERT_STRING_EQUAL(name, "");
        return fd;
    }
    CU_ASSERT_EQUAL(fstat(fd, &got), 0);
    close(fd);
    CU_ASSERT_EQUAL(stat(below(tree, wanted), &want), 0);
    CU_ASSERT_EQUAL(got.st_ino, want.st_ino);
    CU_ASSERT_STRING_EQUAL(name, wanted_name);
    return got.st_ino == want.st_ino && strcmp(name, wanted_name) == 0;
}

static void check_parents(const struct tree *tree)
{
    CU_ASSERT_EQUAL(parent(tree, "a.txt", true, "in", "a.txt"), 1);
    CU_ASSERT_EQUAL(parent(tree, "new.txt", true, "in", "new.txt"), 1);
    CU_ASSERT_EQUAL(parent(tree, "sub/new/", true, "in/sub", "new"), 1);
    CU_ASSERT_EQUAL(parent(tree, "sub//", true, "in", "sub"), 1);
    CU_ASSERT_EQUAL(parent(tree, "dirlink/b.txt", true, "in/sub", "b.txt"), 1);
    CU_ASSERT_EQUAL(parent(tree, "link", true, "in", "link"), 1);
    CU_ASSERT_EQUAL(parent(tree, "evil", true, "in", "evil"), 1);
    CU_ASSERT_EQUAL(parent(tree, "evildir", true, "in", "evildir"), 1);
    CU_ASSERT_EQUAL(parent(tree, "dangling", true, "in", "dangling"), 1);
    CU_ASSERT_EQUAL(parent(tree, "dirlink/", false, "in", "sub"), 1);
    CU_ASSERT_EQUAL(parent(tree, "dirlink/", true, "", ""), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(parent(tree, "deeplink/..", true, "in", "sub"), 1);
    CU_ASSERT_EQUAL(parent(tree, "sub/deep/.", true, "in/sub", "deep"), 1);
    CU_ASSERT_EQUAL(parent(tree, "a.txt/", true, "", ""), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(parent(tree, "a.txt/x", true, "", ""), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(parent(tree, "missing/x", true, "", ""), LLMSPELL_ENOTFOUND);
    CU_ASSERT_EQUAL(parent(tree, "", true, "", ""), LLMSPELL_EINVAL);
}

static void check_parents_refused(const struct tree *tree)
{
    const char *outside[] = {"..",    "/",          "/etc/passwd", "evildir/secret", "evildir/new",
                             "evil/", "../out/new", "../out",      "../nothing/x",   "/etc/../etc"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        CU_ASSERT_EQUAL(parent(tree, outside[i], false, "", ""), LLMSPELL_EPERM);
        if (strcmp(outside[i], "evil/") != 0)
            CU_ASSERT_EQUAL(parent(tree, outside[i], true, "", ""), LLMSPELL_EPERM);
    }
    const char *roots[] = {".", "./", "sub/..", "../in", below(tree, "in"), below(tree, "via/")};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        CU_ASSERT_EQUAL(parent(tree, roots[i], false, "in", "."), 1);
        CU_ASSERT_EQUAL(parent(tree, roots[i], true, "", ""), LLMSPELL_EPERM);
    }
    CU_ASSERT_EQUAL(parent(tree, below(tree, "ro/r.txt"), false, "ro", "r.txt"), 1);
    CU_ASSERT_EQUAL(parent(tree, below(tree, "ro/r.txt"), true, "", ""), LLMSPELL_EPERM);
}

static void check_all(const struct tree *tree)
{
    check_inside(tree);
    check_missing(tree);
    check_outside(tree);
    check_kinds(tree);
    check_writes(tree);
    check_blocking(tree);
    check_parents(tree);
    check_parents_refused(tree);
}

/* ---- a thread for which openat2 does not exist ---- */

static void hide_openat2(uint32_t error)
{
    struct sock_filter code_of_filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog filter = {.len = 4, .filter = code_of_filter};
    CU_ASSERT_EQUAL(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    CU_ASSERT_EQUAL(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
    CU_ASSERT_EQUAL(syscall(SYS_openat2, -1, "", NULL, 0), -1);
    CU_ASSERT_EQUAL(errno, (int)error);
}

struct job {
    void (*run)(const struct tree *);
    const struct tree *tree;
    uint32_t error;
};

static void *run_hidden(void *argument)
{
    const struct job *job = argument;
    hide_openat2(job->error);
    job->run(job->tree);
    return NULL;
}

static void without_openat2(const struct tree *tree, void (*run)(const struct tree *),
                            uint32_t error)
{
    struct job job = {run, tree, error};
    pthread_t thread;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_hidden, &job), 0);
    pthread_join(thread, NULL);
}

static void test_contract(void)
{
    struct tree tree;
    tree_init(&tree);
    check_all(&tree);
    tree_clear(&tree);
}

static void test_contract_by_steps(void)
{
    struct tree tree;
    tree_init(&tree);
    without_openat2(&tree, check_all, ENOSYS);
    without_openat2(&tree, check_all, EPERM);
    tree_clear(&tree);
}

/* ---- words ---- */

static void test_messages(void)
{
    struct tree tree;
    struct error error = {0};
    tree_init(&tree);
    CU_ASSERT_EQUAL(try_open(&tree, "evildir/nothing", READ, &error), LLMSPELL_EPERM);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "evildir/nothing"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "fs_roots"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "[policy]"));
    CU_ASSERT_PTR_NULL(strstr(error.message, tree.base));
    struct error other = {0};
    try_open(&tree, "evildir/nothinh", READ, &other);
    CU_ASSERT_EQUAL(strlen(other.message), strlen(error.message));
    try_open(&tree, "dirlink/missing", READ, &error);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "dirlink/missing"));
    CU_ASSERT_PTR_NULL(strstr(error.message, "sub"));

    char path[1200]; /* 400 characters of three bytes: cut between two of them */
    for (size_t i = 0; i + 3 < sizeof path; i += 3)
        memcpy(path + i, "\xE2\x82\xAC", 4);
    CU_ASSERT_EQUAL(try_open(&tree, path, READ, &error), LLMSPELL_EINVAL);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "\xE2\x82\xAC... cannot"));
    tree_clear(&tree);
}

/* ---- roots ---- */

static void test_roots(void)
{
    struct tree tree;
    struct error error = {0};
    struct files *files = NULL;
    tree_init(&tree);
    CU_ASSERT_EQUAL(files_new(below(&tree, "no"), NULL, 0, &files, &error), LLMSPELL_EIO);
    CU_ASSERT_PTR_NULL(files);

    /* Without roots nothing is granted, not even the working directory. */
    CU_ASSERT_EQUAL_FATAL(files_new(below(&tree, "via"), NULL, 0, &files, &error), 0);
    CU_ASSERT_EQUAL(files_open(files, "a.txt", O_RDONLY, 0, "/path", &error), LLMSPELL_EPERM);
    CU_ASSERT_EQUAL(files_open(files, "zzz", O_RDONLY, 0, "/path", &error), LLMSPELL_EPERM);
    files_free(files);

    struct files_root all[] = {{"/", false, false}};
    CU_ASSERT_EQUAL_FATAL(files_new(below(&tree, "in"), all, 1, &files, &error), 0);
    char name[LLMSPELL_FS_NAME_MAX];
    int fd = files_open(files, "evil", O_RDONLY, 0, "/path", &error);
    CU_ASSERT(fd >= 0);
    close(fd);
    fd = files_open_parent(files, "/etc", false, "/path", name, &error);
    CU_ASSERT(fd >= 0);
    CU_ASSERT_STRING_EQUAL(name, "etc");
    close(fd);
    fd = files_open_parent(files, "/../..", false, "/path", name, &error);
    CU_ASSERT(fd >= 0);
    CU_ASSERT_STRING_EQUAL(name, ".");
    close(fd);
    files_free(files);
    files_free(NULL);
    tree_clear(&tree);
}

/* A root in a root: both grant, and neither the inner root nor what holds it can be renamed. */
static void test_nested_roots(void)
{
    struct tree tree;
    struct error error = {0};
    struct files *files = NULL;
    char name[LLMSPELL_FS_NAME_MAX], base[PATH_MAX], deep[PATH_MAX];
    tree_init(&tree);
    snprintf(base, sizeof base, "%s", below(&tree, "in"));
    snprintf(deep, sizeof deep, "%s", below(&tree, "in/sub/deep"));
    struct files_root roots[] = {{base, true, false}, {deep, false, false}};
    CU_ASSERT_EQUAL_FATAL(files_new(deep, roots, 2, &files, &error), 0);
    int fd = files_open(files, "c.txt", O_WRONLY, 0, "/path", &error);
    CU_ASSERT(fd >= 0);
    close(fd);
    fd = files_open(files, "../b.txt", O_RDONLY, 0, "/path", &error);
    CU_ASSERT(fd >= 0);
    close(fd);
    CU_ASSERT_EQUAL(files_open_parent(files, ".", true, "/path", name, &error), LLMSPELL_EPERM);
    CU_ASSERT_EQUAL(files_open_parent(files, "..", true, "/path", name, &error), LLMSPELL_EPERM);
    CU_ASSERT_EQUAL(files_open_parent(files, "../../sub/", true, "/path", name, &error),
                    LLMSPELL_EPERM);
    fd = files_open_parent(files, "..", false, "/path", name, &error);
    CU_ASSERT(fd >= 0);
    CU_ASSERT_STRING_EQUAL(name, "sub");
    close(fd);
    files_free(files);
    tree_clear(&tree);
}

/* The state folder is the marked root, by its resolved path; the others do not count. */
static void test_state_folder(void)
{
    struct tree tree;
    struct error error = {0};
    struct files *files = NULL;
    char base[PATH_MAX], link[PATH_MAX], resolved[PATH_MAX];
    tree_init(&tree);
    CU_ASSERT_PTR_NULL(files_state_folder(tree.files));
    snprintf(base, sizeof base, "%s", below(&tree, "in"));
    snprintf(link, sizeof link, "%s", below(&tree, "via"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(realpath(link, resolved));
    struct files_root roots[] = {{"/", false, false}, {link, true, true}};
    CU_ASSERT_EQUAL_FATAL(files_new(base, roots, 2, &files, &error), 0);
    CU_ASSERT_STRING_EQUAL(files_state_folder(files), resolved);
    files_free(files);
    tree_clear(&tree);
}

/* ---- races ---- */

#define ROUNDS 20000

struct swapper {
    int base;
    atomic_bool stop;
};

/* in/spin is by turns a folder and a link to the folder outside. */
static void *swap(void *argument)
{
    struct swapper *swapper = argument;
    while (!atomic_load(&swapper->stop))
        syscall(SYS_renameat2, swapper->base, "in/spin", swapper->base, "in/spon", 2u /*EXCHANGE*/);
    return NULL;
}

static bool same(int fd, const struct stat *other)
{
    struct stat st;
    CU_ASSERT_EQUAL(fstat(fd, &st), 0);
    return st.st_ino == other->st_ino && st.st_dev == other->st_dev;
}

static void race_opens(const struct tree *tree)
{
    struct stat secret, outside;
    unsigned opened = 0, refused = 0, escaped = 0;
    CU_ASSERT_EQUAL(stat(below(tree, "out/secret"), &secret), 0);
    CU_ASSERT_EQUAL(stat(below(tree, "out"), &outside), 0);
    for (unsigned i = 0; i < ROUNDS || ((!opened || !refused) && i < 100 * ROUNDS); i++) {
        char name[LLMSPELL_FS_NAME_MAX];
        int fd = i % 2 ? files_open(tree->files, "spin/secret", O_RDONLY, 0, "/path", NULL)
                       : files_open_parent(tree->files, "spin/secret", true, "/path", name, NULL);
        if (fd < 0) {
            refused++;
            CU_ASSERT(fd == LLMSPELL_EPERM || fd == LLMSPELL_ENOTFOUND || fd == LLMSPELL_EINVAL ||
                      fd == LLMSPELL_EIO);
            continue;
        }
        opened++;
        escaped += same(fd, &secret) || same(fd, &outside);
        close(fd);
    }
    CU_ASSERT_EQUAL(escaped, 0);
    CU_ASSERT(opened > 0);
    CU_ASSERT(refused > 0);
}

static void race(bool hidden)
{
    struct tree tree;
    struct swapper swapper = {.base = -1};
    pthread_t thread;
    tree_init(&tree);
    folder(&tree, "in/spin");
    put(&tree, "in/spin/secret", "mine");
    tie(&tree, "../out", "in/spon");
    swapper.base = open(tree.base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, swap, &swapper), 0);
    if (hidden)
        without_openat2(&tree, race_opens, ENOSYS);
    else
        race_opens(&tree);
    atomic_store(&swapper.stop, true);
    pthread_join(thread, NULL);
    close(swapper.base);
    tree_clear(&tree);
}

static void test_race(void)
{
    race(false);
}

static void test_race_by_steps(void)
{
    race(true);
}

TEST_MAIN("files", {"contract", test_contract}, {"contract by steps", test_contract_by_steps},
          {"messages", test_messages}, {"roots", test_roots}, {"nested roots", test_nested_roots},
          {"state folder", test_state_folder}, {"race", test_race},
          {"race by steps", test_race_by_steps})
