/* SPDX-License-Identifier: Apache-2.0
 * Files that are replaced whole. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "test.h"
#include "util/private_file.h"

static char folder[64], path[96];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/llmspell-save-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.json", folder);
}

/* How many names there are in the folder. */
static int count_names(void)
{
    int count = 0;
    DIR *directory = opendir(folder);
    CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static void expect(int value)
{
    LLMSPELL_CLEANUP_JSON json_t *read = json_load_file(path, 0, NULL);
    CU_ASSERT_EQUAL(llmspell_integer(read, "value", -1), value);
}

static void test_replaces(void)
{
    struct stat facts;
    make_folder();
    for (int i = 0; i < 3; i++) {
        LLMSPELL_CLEANUP_JSON json_t *value = json_pack("{s:i}", "value", i);
        CU_ASSERT_EQUAL(private_file_write(path, value, true, NULL), 0);
        expect(i);
        CU_ASSERT_EQUAL(stat(path, &facts), 0);
        CU_ASSERT_EQUAL(facts.st_mode & 0777, 0600);
        CU_ASSERT_EQUAL(count_names(), 1);
    }
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void test_a_link_is_replaced(void)
{
    char other[96];
    struct stat facts;
    make_folder();
    snprintf(other, sizeof other, "%s/other", folder);
    CU_ASSERT_EQUAL(symlink(other, path), 0);
    LLMSPELL_CLEANUP_JSON json_t *value = json_pack("{s:i}", "value", 1);
    CU_ASSERT_EQUAL(private_file_write(path, value, true, NULL), 0);
    CU_ASSERT(lstat(path, &facts) == 0 && S_ISREG(facts.st_mode));
    CU_ASSERT_NOT_EQUAL(access(other, F_OK), 0);
    unlink(path);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void test_fails(void)
{
    struct error error;
    make_folder();
    LLMSPELL_CLEANUP_JSON json_t *value = json_pack("{s:i}", "value", 1);
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0); /* nothing can be renamed to it */
    CU_ASSERT_EQUAL(private_file_write(path, value, true, &error), LLMSPELL_EIO);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, path));
    CU_ASSERT_EQUAL(count_names(), 1); /* no temporary file is left */
    CU_ASSERT_EQUAL(rmdir(path), 0);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
    CU_ASSERT_EQUAL(private_file_write(path, value, true, &error), LLMSPELL_EIO);
}

static void write_own(const char *where, int expected, const char *word)
{
    struct error error = {0};
    LLMSPELL_CLEANUP_JSON json_t *value = json_pack("{s:i}", "value", 2);
    CU_ASSERT_EQUAL(private_file_write_own(where, value, &error), expected);
    if (expected < 0) {
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, where));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, word));
    }
}

static void test_own_folder(void)
{
    char real[80], link[80], file[96];
    make_folder();
    snprintf(real, sizeof real, "%s/real", folder);
    snprintf(link, sizeof link, "%s/link", folder);
    CU_ASSERT_EQUAL(mkdir(real, 0700), 0);
    CU_ASSERT_EQUAL(symlink(real, link), 0);
    snprintf(file, sizeof file, "%s/x.json", link);
    write_own(file, LLMSPELL_EPERM, "link");
    snprintf(file, sizeof file, "%s/x.json", real);
    CU_ASSERT_NOT_EQUAL(access(file, F_OK), 0);
    write_own(file, 0, NULL);
    CU_ASSERT_EQUAL(access(file, F_OK), 0);
    static const mode_t open_to_others[] = {0720, 0702, 01777};
    for (size_t i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(chmod(real, open_to_others[i]), 0);
        write_own(file, LLMSPELL_EPERM, "written by others");
    }
    CU_ASSERT_EQUAL(chmod(real, 0755), 0);
    write_own(file, 0, NULL);
    unlink(file);
    CU_ASSERT_EQUAL(rmdir(real), 0);
    write_own(file, LLMSPELL_EIO, "make its folder");
    unlink(link);
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

TEST_MAIN("util/save", {"replaces", test_replaces}, {"a link is replaced", test_a_link_is_replaced},
          {"fails", test_fails}, {"only into a folder of ours", test_own_folder})
