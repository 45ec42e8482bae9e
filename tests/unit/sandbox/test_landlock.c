/* SPDX-License-Identifier: Apache-2.0
 * host/sandbox/landlock.c, with the filter where Landlock knows no right: what a sandboxed process
 * reads, writes, moves and changes inside and outside its roots. */
#include "sandbox/landlock.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "box.h"

/* ---- a tree: BASE/ro (read), BASE/rw (write), BASE/out (nothing), each with file and sub/ ---- */

static char base[64];

static const char *below(const char *name)
{
    static char text[8][256];
    static unsigned turn;
    char *path = text[turn++ % 8];
    snprintf(path, sizeof text[0], "%s/%s", base, name);
    return path;
}

static void make_folder(const char *name)
{
    char file[32], sub[32];
    snprintf(file, sizeof file, "%s/file", name);
    snprintf(sub, sizeof sub, "%s/sub", name);
    mkdir(below(name), 0755);
    mkdir(below(sub), 0755);
    int fd = open(below(file), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, "text", 4) == 4);
    close(fd);
}

static void tree_make(void)
{
    snprintf(base, sizeof base, "/var/tmp/test-sandbox-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(base));
    make_folder("ro");
    make_folder("rw");
    make_folder("out");
    CU_ASSERT_EQUAL(symlink("../out/file", below("rw/link")), 0);
    CU_ASSERT_EQUAL(symlink("../rw/file", below("ro/inside")), 0);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

static void tree_remove(void)
{
    nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct sandbox_rules tree_rules(void)
{
    static const char *read_roots[2], *write_roots[2];
    static char ro[80], rw[80];
    snprintf(ro, sizeof ro, "%s", below("ro"));
    snprintf(rw, sizeof rw, "%s", below("rw"));
    read_roots[0] = ro;
    write_roots[0] = rw;
    return (struct sandbox_rules){.read_roots = read_roots, .write_roots = write_roots};
}

/* ---- attempts ---- */

static int try_read(void *path)
{
    char byte;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : read(fd, &byte, 1) < 0 ? errno : 0;
}

static int try_write(void *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? errno : write(fd, "x", 1) == 1 ? 0 : errno;
}

static int try_create(void *path)
{
    return open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600) < 0 ? errno : 0;
}

static int try_list(void *path)
{
    return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 ? errno : 0;
}

static int try_truncate(void *path)
{
    return truncate(path, 1) == 0 ? 0 : errno;
}

static int try_remove(void *path)
{
    return unlink(path) == 0 ? 0 : errno;
}

static int try_mkdir(void *path)
{
    return mkdir(path, 0700) == 0 ? 0 : errno;
}

static int try_chmod(void *path)
{
    return chmod(path, 0777) == 0 ? 0 : errno;
}

static int try_fchmod(void *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && fchmod(fd, 0600) == 0 ? 0 : errno;
}

static int try_chown(void *path)
{
    return chown(path, getuid(), getgid()) == 0 ? 0 : errno;
}

static int try_touch(void *path)
{
    return utimensat(AT_FDCWD, path, NULL, 0) == 0 ? 0 : errno;
}

static int try_rename(void *paths)
{
    const char *const *pair = paths;
    return rename(pair[0], pair[1]) == 0 ? 0 : errno;
}

static int try_link(void *paths)
{
    const char *const *pair = paths;
    return link(pair[0], pair[1]) == 0 ? 0 : errno;
}

static int try_parents_memory(void *argument)
{
    char path[64];
    (void)argument;
    snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
    return open(path, O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static void test_files(void)
{
    if (box_skip(box_has_landlock(), "Landlock"))
        return;
    tree_make();
    struct sandbox_rules rules = tree_rules();
    WORKS(&rules, try_read, (void *)below("ro/file"));
    WORKS(&rules, try_list, (void *)below("ro/sub"));
    WORKS(&rules, try_read, (void *)below("rw/file"));
    WORKS(&rules, try_write, (void *)below("rw/file"));
    WORKS(&rules, try_create, (void *)below("rw/sub/new"));
    if (landlock_abi() >= LANDLOCK_ABI_TRUNCATE)
        WORKS(&rules, try_truncate, (void *)below("rw/file"));
    else
        REFUSED(&rules, try_truncate, (void *)below("rw/file"));
    WORKS(&rules, try_mkdir, (void *)below("rw/made"));
    WORKS(&rules, try_remove, (void *)below("rw/sub/new"));
    WORKS(&rules, try_fchmod, (void *)below("rw/file"));
    WORKS(&rules, try_read, (void *)below("ro/inside")); /* the file counts, not the way */
    REFUSED(&rules, try_write, (void *)below("ro/file"));
    REFUSED(&rules, try_create, (void *)below("ro/new"));
    REFUSED(&rules, try_truncate, (void *)below("ro/file"));
    REFUSED(&rules, try_remove, (void *)below("ro/file"));
    REFUSED(&rules, try_mkdir, (void *)below("ro/new"));
    REFUSED(&rules, try_read, (void *)below("out/file"));
    REFUSED(&rules, try_read, (void *)below("rw/link"));
    REFUSED(&rules, try_read, (void *)below("rw/../out/file"));
    REFUSED(&rules, try_write, (void *)below("out/file"));
    REFUSED(&rules, try_create, (void *)below("out/new"));
    REFUSED(&rules, try_list, (void *)below("out"));
    REFUSED(&rules, try_truncate, (void *)below("out/file"));
    tree_remove();
}

/* Landlock knows no such rights: the filter refuses them everywhere. */
static void test_modes(void)
{
    if (box_skip(box_has_seccomp(), "seccomp"))
        return;
    tree_make();
    struct sandbox_rules rules = tree_rules(), none = {0};
    static const char *const names[] = {"out/file", "ro/file", "rw/file"};
    for (size_t i = 0; i < 3; i++) {
        REFUSED(&rules, try_chmod, (void *)below(names[i]));
        REFUSED(&rules, try_chown, (void *)below(names[i]));
        REFUSED(&rules, try_touch, (void *)below(names[i]));
        REFUSED(&none, try_truncate, (void *)below(names[i]));
        REFUSED(&none, try_remove, (void *)below(names[i]));
    }
    tree_remove();
}

static void test_across_roots(void)
{
    if (box_skip(box_has_landlock(), "Landlock"))
        return;
    tree_make();
    struct sandbox_rules rules = tree_rules();
    const char *into[] = {strdup(below("out/file")), strdup(below("rw/taken"))};
    const char *away[] = {strdup(below("rw/file")), strdup(below("out/given"))};
    const char *upgrade[] = {strdup(below("ro/file")), strdup(below("rw/taken"))};
    const char *inside[] = {strdup(below("rw/file")), strdup(below("rw/renamed"))};
    const char **refused[] = {into, away, upgrade};
    for (size_t i = 0; i < 3; i++) {
        int renamed = box_run(&rules, try_rename, refused[i]);
        int linked = box_run(&rules, try_link, refused[i]);
        CU_ASSERT(box_refused(renamed) || renamed == EXDEV); /* what Landlock says to a move */
        CU_ASSERT(box_refused(linked) || linked == EXDEV);
    }
    WORKS(&rules, try_rename, inside);
    for (size_t i = 0; i < 2; i++) {
        free((char *)into[i]);
        free((char *)away[i]);
        free((char *)upgrade[i]);
        free((char *)inside[i]);
    }
    tree_remove();
}

static void test_system_files(void)
{
    static const char *const open_files[] = {"/etc/ld.so.cache", "/dev/null", "/dev/urandom"};
    static const char *const closed[] = {"/etc/passwd",        "/etc/shadow",     "/proc/1/environ",
                                         "/proc/self/environ", "/proc/self/maps", "/root",
                                         "/proc/self/mem",     "/etc/hosts"};
    struct sandbox_rules none = {0}, net = {.net = true};
    if (box_skip(box_has_landlock(), "Landlock"))
        return;
    for (size_t i = 0; i < sizeof open_files / sizeof *open_files; i++)
        WORKS(&none, try_read, (void *)open_files[i]);
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++)
        REFUSED(&none, try_read, (void *)closed[i]);
    WORKS(&none, try_write, "/dev/null");
    REFUSED(&none, try_write, "/dev/zero");
    REFUSED(&none, try_list, "/");
    REFUSED(&none, try_parents_memory, NULL);
    WORKS(&net, try_read, "/etc/hosts");
}

TEST_MAIN("sandbox/landlock", {"files", test_files}, {"modes and owners", test_modes},
          {"renames and links across roots", test_across_roots},
          {"files of the system", test_system_files})
