/* SPDX-License-Identifier: Apache-2.0
 * host/config/ini.c: what the reader hands on, and what it refuses with which line and cure. */
#include "test.h"

#include <string.h>

#include "config/ini.h"

static int read_bytes(const char *text, size_t size, struct ini_file *file, struct error *error)
{
    memset(error, 0, sizeof *error);
    *file = (struct ini_file){0};
    FILE *stream = fmemopen((void *)text, size, "r");
    int rc = ini_read(stream, "x.ini", file, error);
    fclose(stream);
    return rc;
}

static int read_text(const char *text, struct ini_file *file, struct error *error)
{
    return read_bytes(text, strlen(text), file, error);
}

/* "[section] key = value @line" of the entry, one per line. */
static char *dump(const char *text)
{
    struct ini_file file;
    struct error error;
    char *out = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&out, &size);
    int rc = read_text(text, &file, &error);
    if (rc)
        fprintf(stream, "error %d: %s", rc, error.message);
    for (size_t i = 0; i < file.count; i++)
        if (file.entries[i].key)
            fprintf(stream, "%s.%s=%s@%d|", file.entries[i].section, file.entries[i].key,
                    file.entries[i].value, file.entries[i].line);
    fclose(stream);
    ini_clear(&file);
    return out;
}

static void check(const char *text, const char *expected)
{
    char *got = dump(text);
    CU_ASSERT_STRING_EQUAL(got, expected);
    if (strcmp(got, expected) != 0)
        printf("\n    got      %s\n    expected %s\n", got, expected);
    free(got);
}

static void refused(const char *text, int code, const char *message)
{
    struct ini_file file;
    struct error error;
    int rc = read_text(text, &file, &error);
    CU_ASSERT_EQUAL(rc, code);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, message));
    CU_ASSERT_PTR_NULL(file.entries);
    if (rc != code || !strstr(error.message, message))
        printf("\n    got      %d %s\n    expected %s\n", rc, error.message, message);
    ini_clear(&file);
}

static void test_reads(void)
{
    check("", "");
    check("[a]\nk = v\n", "a.k=v@2|");
    check("# c\n; c\n\n[a]\n k=v w \nb : 2", "a.k=v w@5|a.b=2@6|");
    check("[a]\r\nk = v\r\n", "a.k=v@2|");
    check("\xEF\xBB\xBF[a]\nk = \xC3\xA4\n", "a.k=\xC3\xA4@2|");
    check("[a] ; comment\nk = v ; comment\nl = v;w\nm = \"q\"\nn =\n",
          "a.k=v@2|a.l=v;w@3|a.m=\"q\"@4|a.n=@5|");
    check("[a]\nk=1\n[b]\nk=2\n[a]\nl=3\n", "a.k=1@2|b.k=2@4|a.l=3@6|");
}

static void test_indent(void)
{
    check("[a]\n  k = 1\n  l = 2\n\tm = 3\n", "a.k=1@2|a.l=2@3|a.m=3@4|");
    check("[a]\nk = 1\n  two ; c\n  # c\n  three\nl = 4\n", "a.k=1\ntwo\nthree@2|a.l=4@6|");
    check("[a]\nk =\n  one\n", "a.k=one@2|");
    check("[a]\nk = 1\n\n  l = 2\n", "a.k=1@2|a.l=2@4|");
    refused("[a]\nk = 1\n  l = 2\n", LLMSPELL_EPARSE, "x.ini:3: \"l = 2\" is indented deeper");
    refused("[a]\nk = 1\n  [b]\n", LLMSPELL_EPARSE, "x.ini:3: \"[b]\" is indented deeper");
    refused("nothing\n  A=1\n", LLMSPELL_EPARSE, "x.ini:1: this is neither");
    refused("[s]\nnothing\n  A=1\n", LLMSPELL_EPARSE, "x.ini:2: this is neither");
}

static void test_refuses(void)
{
    refused("[a\nk = 1\n", LLMSPELL_EPARSE, "x.ini:1: the section is not closed");
    refused("\n\n[a ;]\n", LLMSPELL_EPARSE, "x.ini:3: the section's name \"a ;\" has a blank");
    refused("[]\n", LLMSPELL_EPARSE, "x.ini:1: [] has no name");
    refused("[a] k = 1\n", LLMSPELL_EPARSE, "x.ini:1: \"k = 1\" stands behind the section");
    refused("k = 1\n", LLMSPELL_EPARSE, "x.ini:1: the key \"k\" stands outside of any section");
    refused("[a]\nnothing\nk = 1\n", LLMSPELL_EPARSE, "x.ini:2: this is neither");
    refused("[a]\n= 1\n", LLMSPELL_EPARSE, "x.ini:2: no key stands before the '='");
    refused("[a]\nk = 1\nl = 2\nk = 3\n", LLMSPELL_EPARSE,
            "x.ini:4: [a] k stands here and in line 2");
    refused("[a]\nk = 1\n[b]\n[a]\nk = 3\n", LLMSPELL_EPARSE,
            "x.ini:5: [a] k stands here and in line 2");
    refused("[a]\nk = \xE4\n", LLMSPELL_EPARSE, "x.ini:2: byte 5 is not UTF-8");
    refused("[a]\nk = \x1b[2J\n", LLMSPELL_EPARSE, "x.ini:2: byte 5 is the control character 0x1b");
    refused("[a]\nbad\nk = 1\nk = 2\n[open\n", LLMSPELL_EPARSE, "x.ini:2: this is neither");
}

static void test_nul(void)
{
    static const char text[] = "[a]\nk = 1\0002\n";
    struct ini_file file;
    struct error error;
    CU_ASSERT_EQUAL(read_bytes(text, sizeof text - 1, &file, &error), LLMSPELL_EPARSE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "x.ini:2: byte 6 is the control character 0x00"));
}

/* A line of length bytes: "[a]\n" and key = xxx… */
static char *long_line(const char *before, size_t length, const char *after)
{
    char *text = NULL;
    size_t used = strlen(before);
    char fill[2048];
    memset(fill, 'x', sizeof fill);
    if (asprintf(&text, "[a]\n%s%.*s%s", before, (int)(length - used), fill, after) < 0)
        abort();
    return text;
}

static void check_length(size_t length, const char *after, int code)
{
    struct ini_file file;
    struct error error;
    char *text = long_line("key = ", length, after);
    CU_ASSERT_EQUAL(read_text(text, &file, &error), code);
    if (code == 0 && file.count == 2)
        CU_ASSERT_EQUAL(strlen(file.entries[1].value), length - 6);
    if (code)
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "x.ini:2: the line is longer than 198 bytes"));
    ini_clear(&file);
    free(text);
}

static void test_long_lines(void)
{
    check_length(198, "\n[b]\nl = 1\n", 0);
    check_length(198, "", 0);
    check_length(198, "\r\n", 0);
    check_length(198, "      \t   \n", 0);
    check_length(199, "\n", LLMSPELL_EPARSE);
    check_length(199, "", LLMSPELL_EPARSE);
    check_length(200, "\n[b]\nl = 1\n", LLMSPELL_EPARSE);
    check_length(1500, "\n", LLMSPELL_EPARSE);
    char *comment = long_line("# ", 1900, "\nk = 1\n");
    check(comment, "a.k=1@3|"); /* a comment is never cut into something else */
    free(comment);
}

static void test_long_names(void)
{
    char text[256];
    const char *fifty = "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij";
    snprintf(text, sizeof text, "[%.49s]\n%.49s = 1\n  2\n", fifty, fifty);
    char expected[256];
    snprintf(expected, sizeof expected, "%.49s.%.49s=1\n2@2|", fifty, fifty);
    check(text, expected);
    snprintf(text, sizeof text, "[%s]\nk = 1\n", fifty);
    refused(text, LLMSPELL_EPARSE, "x.ini:1: the section's name is longer than 49 bytes");
    snprintf(text, sizeof text, "[a]\n%s = 1\n", fifty);
    refused(text, LLMSPELL_EPARSE, "x.ini:2: the key's name is longer than 49 bytes");
}

static void test_limits(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fputs("[a]\n", out);
    for (int i = 0; i < INI_ENTRIES_MAX; i++)
        fprintf(out, "k%d=1\n", i);
    fclose(out);
    refused(text, LLMSPELL_ELIMIT, "x.ini:4097: the file has more than 4096 keys");
    free(text);
    text = malloc(INI_FILE_MAX + 2);
    memset(text, '\n', INI_FILE_MAX + 1);
    text[INI_FILE_MAX + 1] = '\0';
    refused(text, LLMSPELL_ELIMIT, "the file is larger than 1048576 bytes");
    memset(text, '#', INI_FILE_MAX + 1);
    refused(text, LLMSPELL_ELIMIT, "x.ini:1: the file is larger than 1048576 bytes");
    free(text);
}

static void test_headings(void)
{
    struct ini_file file;
    struct error error;
    CU_ASSERT_EQUAL(read_text("[a]\n[b]\nk = 1\n", &file, &error), 0);
    CU_ASSERT_EQUAL_FATAL(file.count, 3);
    CU_ASSERT_STRING_EQUAL(file.entries[0].section, "a");
    CU_ASSERT_PTR_NULL(file.entries[0].key);
    CU_ASSERT_EQUAL(file.entries[1].line, 2);
    ini_clear(&file);
    CU_ASSERT_EQUAL(file.count, 0);
}

TEST_MAIN("config/ini", {"reads", test_reads}, {"indented lines", test_indent},
          {"refuses", test_refuses}, {"NUL", test_nul}, {"long lines", test_long_lines},
          {"long names", test_long_names}, {"limits", test_limits}, {"headings", test_headings})
