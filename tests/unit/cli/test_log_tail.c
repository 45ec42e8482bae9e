/* SPDX-License-Identifier: Apache-2.0
 * The last lines of a log, at every count and over every border of a block. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <llmspell/tool.h>

#include "cli/log_tail.h"
#include "test.h"

#define BLOCK 65536

static char folder[64], path[96];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/llmspell-tail-XXXXXX");
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.log", folder);
}

static void remove_folder(void)
{
    static const char *const names[] = {"", ".1", ".1.gz", ".2", ".2.gz"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, names[i]);
        unlink(name);
    }
    CU_ASSERT_EQUAL(rmdir(folder), 0);
}

static void write_file(const char *suffix, const char *text, size_t size)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    LLMSPELL_CLEANUP_FCLOSE FILE *file = fopen(name, "we");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(text, 1, size, file), size);
}

static void write_packed(const char *suffix, const char *text)
{
    char name[128];
    snprintf(name, sizeof name, "%s%s", path, suffix);
    gzFile file = gzopen(name, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(gzputs(file, text), (int)strlen(text));
    gzclose(file);
}

static int collect(void *data, const char *bytes, size_t size)
{
    return fwrite(bytes, 1, size, data) == size ? 0 : -1;
}

/* The text of the last lines; the caller frees it. */
static char *tail(uint64_t lines, size_t *ret_size)
{
    char *text = NULL;
    size_t size = 0;
    struct error error;
    struct log_position position;
    FILE *memory = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    CU_ASSERT_EQUAL(log_tail(path, lines, collect, memory, &position, &error), 0);
    fclose(memory);
    if (position.source.fd >= 0)
        CU_ASSERT_EQUAL(position.offset, position.source.size);
    log_source_close(&position.source);
    if (ret_size)
        *ret_size = size;
    return text;
}

static void expect(uint64_t lines, const char *want)
{
    LLMSPELL_CLEANUP_FREE char *text = tail(lines, NULL);
    CU_ASSERT_STRING_EQUAL(text, want);
}

static void test_counts(void)
{
    make_folder();
    write_file("", "a\nb\n\nc\n", 7);
    expect(0, "");
    expect(1, "c\n");
    expect(2, "\nc\n");
    expect(3, "b\n\nc\n");
    expect(4, "a\nb\n\nc\n");
    expect(5, "a\nb\n\nc\n");
    expect(LOG_TAIL_ALL, "a\nb\n\nc\n");
    write_file("", "a\nb", 3); /* without a line end */
    expect(1, "b");
    expect(2, "a\nb");
    write_file("", "", 0);
    expect(3, "");
    remove_folder();
}

/* Lines of one length that begin and end on, before and behind the borders of blocks. */
static void test_blocks(void)
{
    static char text[3 * BLOCK + 8];
    make_folder();
    for (size_t length = BLOCK - 2; length <= BLOCK + 2; length++) {
        memset(text, 'x', sizeof text);
        for (size_t i = length - 1; i < sizeof text; i += length)
            text[i] = '\n';
        size_t whole = sizeof text / length * length;
        write_file("", text, whole);
        for (uint64_t lines = 0; lines <= 4; lines++) {
            size_t size, want = lines * length < whole ? lines * length : whole;
            LLMSPELL_CLEANUP_FREE char *got = tail(lines, &size);
            CU_ASSERT_EQUAL(size, want);
            CU_ASSERT(size != want || memcmp(got, text + whole - want, want) == 0);
        }
    }
    remove_folder();
}

static void test_older_files(void)
{
    make_folder();
    write_packed(".2.gz", "1\n2\n");
    write_file(".1", "3\n4\n", 4);
    expect(1, "4\n"); /* path itself is not there */
    write_file("", "5\n6\n", 4);
    expect(2, "5\n6\n");
    expect(3, "4\n5\n6\n");
    expect(5, "2\n3\n4\n5\n6\n");
    expect(LOG_TAIL_ALL, "1\n2\n3\n4\n5\n6\n");
    char other[128];
    snprintf(other, sizeof other, "%s.1", path);
    unlink(other);
    CU_ASSERT_EQUAL(link(path, other), 0); /* as a rotation that is under way shows it */
    expect(LOG_TAIL_ALL, "1\n2\n5\n6\n");
    remove_folder();
}

static void test_nothing(void)
{
    struct error error;
    struct log_position position;
    make_folder();
    CU_ASSERT_EQUAL(log_tail(path, 1, collect, NULL, &position, &error), LLMSPELL_ENOTFOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, path));
    CU_ASSERT_EQUAL(mkdir(path, 0700), 0);
    CU_ASSERT_EQUAL(log_tail(path, 1, collect, NULL, &position, &error), LLMSPELL_EIO);
    CU_ASSERT_EQUAL(rmdir(path), 0);
    remove_folder();
}

static int refuse(void *data, const char *bytes, size_t size)
{
    (void)data, (void)bytes, (void)size;
    return -1;
}

static void test_sink_refuses(void)
{
    struct error error;
    struct log_position position;
    make_folder();
    write_packed(".1.gz", "1\n");
    write_file("", "2\n", 2);
    CU_ASSERT_EQUAL(log_tail(path, 2, refuse, NULL, &position, &error), LLMSPELL_EIO);
    remove_folder();
}

TEST_MAIN("cli/log_tail", {"counts", test_counts}, {"blocks", test_blocks},
          {"older files", test_older_files}, {"nothing", test_nothing},
          {"sink refuses", test_sink_refuses})
