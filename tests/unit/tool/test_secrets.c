/* SPDX-License-Identifier: Apache-2.0
 * host/tool/secrets.c: the list, the two places, and what is refused without showing a value. */
#include "tool/secrets.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/secret.h>

#include "test.h"

static struct secrets *make(const char *granted, const char *capability)
{
    struct secrets *secrets = NULL;
    struct error error = {.message = ""};
    json_t *capabilities = json_pack("[s, s]", "http", capability);
    if (secrets_new(granted, capabilities, "probe", &secrets, &error) != 0)
        printf("\n%s", error.message);
    json_decref(capabilities);
    CU_ASSERT_PTR_NOT_NULL_FATAL(secrets);
    return secrets;
}

/* 0 if it has this value, else the code; the message goes to ret_error. */
static int get(const struct secrets *secrets, const char *name, const char *expected, size_t size,
               struct error *ret_error)
{
    char *value = NULL;
    size_t n = 0;
    int rc = secrets_get(secrets, name, "/key", &value, &n, ret_error);
    if (rc == 0) {
        CU_ASSERT_EQUAL(n, size);
        CU_ASSERT(n == size && memcmp(value, expected, size) == 0 && value[n] == '\0');
    } else {
        CU_ASSERT_PTR_NULL(value);
    }
    secrets_release(value, n);
    return rc;
}

static void put(const char *path, const char *bytes, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, bytes, size), (ssize_t)size);
    CU_ASSERT_EQUAL(fchmod(fd, mode), 0);
    close(fd);
}

static void test_variable(void)
{
    struct error error;
    setenv("TEST_SECRET", "v\xc3\xa4lue", 1);
    setenv("TEST_EMPTY", "", 1);
    unsetenv("TEST_UNSET");
    struct secrets *secrets =
        make(" a:env:TEST_SECRET,b.2-x:env:TEST_UNSET ,\n c:env:TEST_EMPTY,, ", "secret:*");
    CU_ASSERT_EQUAL(get(secrets, "a", "v\xc3\xa4lue", 6, &error), 0);
    CU_ASSERT_EQUAL(get(secrets, "b.2-x", "", 0, &error), LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "TEST_UNSET"));
    CU_ASSERT_EQUAL(get(secrets, "c", "", 0, &error), LLMSPELL_EUNAVAILABLE);
    secrets_free(secrets);
}

static void test_not_granted(void)
{
    struct error error;
    struct secrets *secrets = make(NULL, "secret:api_?");
    CU_ASSERT_EQUAL(get(secrets, "api_k", "", 0, &error), LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "secrets = api_k:file:/PATH"));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "[tool.probe]"));
    CU_ASSERT_STRING_EQUAL(error.path, "/key");
    CU_ASSERT_EQUAL(get(secrets, "api_key", "", 0, &error), LLMSPELL_EPERM);
    CU_ASSERT_EQUAL(get(secrets, "", "", 0, &error), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(get(secrets, "a/b", "", 0, &error), LLMSPELL_EINVAL);
    CU_ASSERT_EQUAL(get(secrets, NULL, "", 0, &error), LLMSPELL_EINVAL);
    secrets_free(secrets);
}

struct file_case {
    const char *bytes;
    size_t size;
    mode_t mode;
    int rc;
    size_t kept;
};

static void test_file(void)
{
    static char large[LLMSPELL_SECRET_MAX + 2];
    static const char lines[] = "two\nlines\r\n\n";
    struct error error;
    char path[] = "/tmp/test_secrets.XXXXXX", list[64];
    close(mkstemp(path));
    snprintf(list, sizeof list, "f:file:%s", path);
    memset(large, 'x', sizeof large);
    const struct file_case cases[] = {
        {"value", 5, 0600, 0, 5},
        {"value\n", 6, 0400, 0, 5},
        {lines, sizeof lines - 1, 0600, 0, sizeof lines - 2},
        {"a\0b", 3, 0600, 0, 3},
        {"\n", 1, 0600, LLMSPELL_EUNAVAILABLE, 0},
        {"", 0, 0600, LLMSPELL_EUNAVAILABLE, 0},
        {"value", 5, 0640, LLMSPELL_EPERM, 0},
        {"value", 5, 0604, LLMSPELL_EPERM, 0},
        {"value", 5, 0620, LLMSPELL_EPERM, 0},
        {large, LLMSPELL_SECRET_MAX, 0600, 0, LLMSPELL_SECRET_MAX},
        {large, LLMSPELL_SECRET_MAX + 1, 0600, LLMSPELL_ELIMIT, 0},
    };
    struct secrets *secrets = make(list, "secret:f");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct file_case *one = &cases[i];
        put(path, one->bytes, one->size, one->mode);
        CU_ASSERT_EQUAL(get(secrets, "f", one->bytes, one->kept, &error), one->rc);
        CU_ASSERT(one->rc == 0 || !strstr(error.message, "value"));
        chmod(path, 0600);
    }
    unlink(path);
    CU_ASSERT_EQUAL(get(secrets, "f", "", 0, &error), LLMSPELL_EUNAVAILABLE);
    CU_ASSERT_EQUAL(mkfifo(path, 0600), 0); /* must not block */
    CU_ASSERT_EQUAL(get(secrets, "f", "", 0, &error), LLMSPELL_EPERM);
    unlink(path);
    secrets_free(secrets);
}

static void test_wrong_lists(void)
{
    static const char *const lists[] = {
        "hunter2",         "a:hunter2", "a:env:",        "a:env:1X",  "a:env:A B",
        "a:file:relative", "a:file:",   ":env:X",        "a b:env:X", "a:vault:hunter2",
        "a:env:X,a:env:Y", "a/b:env:X", "hunter2 :env:X"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        struct secrets *secrets = NULL;
        struct error error = {.message = ""};
        CU_ASSERT_EQUAL(secrets_new(lists[i], NULL, "probe", &secrets, &error), LLMSPELL_EINVAL);
        CU_ASSERT_PTR_NULL(secrets);
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "[tool.probe] secrets"));
        CU_ASSERT_PTR_NULL(strstr(error.message, "hunter2"));
    }
}

TEST_MAIN("secrets", {"variable", test_variable}, {"not granted", test_not_granted},
          {"file", test_file}, {"wrong lists", test_wrong_lists})
