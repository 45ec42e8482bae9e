/* SPDX-License-Identifier: Apache-2.0
 * host/util/textfile.c: files that a command installs. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/textfile.h"

static char folder[64], path[128];

static void make_path(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
}

static void start(void)
{
    snprintf(folder, sizeof folder, "/tmp/llmspell-textfile-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    make_path("file");
}

static unsigned entries(void)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        count += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return count;
}

static void end(void)
{
    unlink(path);
    CU_ASSERT(rmdir(folder) == 0); /* nothing else is left */
}

static void test_write_and_compare(void)
{
    struct stat st;
    start();
    CU_ASSERT(textfile_compare(path, "one\n") == TEXTFILE_ABSENT);
    CU_ASSERT(textfile_write(path, "one\n", 0640, NULL) == 0);
    CU_ASSERT(textfile_compare(path, "one\n") == TEXTFILE_SAME);
    CU_ASSERT(textfile_compare(path, "one") == TEXTFILE_OTHER);
    CU_ASSERT(textfile_compare(path, "one\n2") == TEXTFILE_OTHER);
    CU_ASSERT(textfile_compare(path, "two\n") == TEXTFILE_OTHER);
    CU_ASSERT(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
    CU_ASSERT(textfile_write(path, "", 0600, NULL) == 0);
    CU_ASSERT(textfile_compare(path, "") == TEXTFILE_SAME);
    CU_ASSERT(entries() == 1);
    end();
}

/* `systemctl mask` makes a link to /dev/null. */
static void test_link(void)
{
    struct stat st;
    start();
    CU_ASSERT_FATAL(symlink("/dev/null", path) == 0);
    CU_ASSERT(textfile_compare(path, "") == TEXTFILE_OTHER);
    CU_ASSERT(textfile_write(path, "text", 0644, NULL) == 0);
    CU_ASSERT(lstat(path, &st) == 0 && S_ISREG(st.st_mode));
    CU_ASSERT(textfile_compare(path, "text") == TEXTFILE_SAME);
    end();
}

static void test_folders(void)
{
    struct error error;
    start();
    make_path("a/b/file");
    CU_ASSERT(textfile_compare(path, "x") == TEXTFILE_ABSENT);
    CU_ASSERT(textfile_write(path, "x", 0644, &error) == LLMSPELL_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, path));
    CU_ASSERT(textfile_make_folders(path, NULL) == 0);
    CU_ASSERT(textfile_make_folders(path, NULL) == 0);
    CU_ASSERT(textfile_write(path, "x", 0644, NULL) == 0);
    make_path("a/b/file/below");
    CU_ASSERT(textfile_compare(path, "x") == TEXTFILE_ABSENT);
    CU_ASSERT(textfile_write(path, "x", 0644, &error) == LLMSPELL_EIO);
    make_path("a/b/file");
    unlink(path);
    make_path("a/b");
    rmdir(path);
    make_path("a");
    CU_ASSERT(rmdir(path) == 0);
    end();
}

static void test_a_folder_is_in_the_way(void)
{
    struct error error;
    start();
    CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
    CU_ASSERT(textfile_compare(path, "") == TEXTFILE_OTHER);
    CU_ASSERT(textfile_write(path, "x", 0644, &error) == LLMSPELL_EIO);
    CU_ASSERT(entries() == 1); /* no temporary file stays */
    rmdir(path);
    end();
}

static void test_forbidden(void)
{
    struct error error;
    CU_ASSERT(textfile_write("/proc/self/ns/x", "x", 0644, &error) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "cannot write /proc/self/ns/x: "));
    CU_ASSERT(textfile_make_folders("/proc/self/ns/x/y", &error) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "cannot make the folder /proc/self/ns/x: "));
}

TEST_MAIN("util/textfile", {"write and compare", test_write_and_compare}, {"link", test_link},
          {"folders", test_folders}, {"a folder is in the way", test_a_folder_is_in_the_way},
          {"forbidden", test_forbidden})
