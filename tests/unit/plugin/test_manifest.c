/* SPDX-License-Identifier: Apache-2.0
 * host/plugin/manifest.c: the scanner, the checks, the derived level. */
#include "test.h"

#include <string.h>

#include "plugin/manifest.h"

#define GOOD                                                                                       \
    "{\"manifest\":1,\"kind\":\"tool\",\"name\":\"x\",\"version\":\"1\",\"abi\":{\"major\":1,"     \
    "\"minor\":0},\"title\":\"X\",\"description\":\"d\",\"category\":\"utility\","                 \
    "\"capabilities\":[],\"annotations\":{},\"parameters\":{},\"result\":{}"

static int scan(const char *text, struct manifest_head *ret_head, struct error *ret_error)
{
    return manifest_scan(text, strlen(text), "p.so", ret_head, ret_error);
}

static int parse(const char *text, struct error *ret_error)
{
    json_t *manifest = NULL;
    int rc = manifest_parse(text, strlen(text), "p.so", &manifest, NULL, ret_error);
    json_decref(manifest);
    return rc;
}

static void test_scan(void)
{
    struct manifest_head head;
    struct error error;
    CU_ASSERT_EQUAL(
        scan(" { \"x\" : {\"kind\":\"no\",\"s\":\"}\\\"{\"}, \"abi\":{\"minor\":2,\"major\":1},"
             "\"kind\":\"runtime\",\n\"list\":[1,[2],{}], \"name\":\"lua\" } ",
             &head, &error),
        0);
    CU_ASSERT_EQUAL(head.kind, PLUGIN_RUNTIME);
    CU_ASSERT_STRING_EQUAL(head.name, "lua");
    CU_ASSERT_EQUAL(head.abi_minor, 2);
}

static void test_scan_refuses(void)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"kind\"}",
        "{\"kind\":",
        "{\"kind\":\"tool\"",
        "{\"kind\":\"tool\",}",
        "{\"kind\":\"tool\",\"name\":\"x\"}",
        "{\"kind\":\"tool\" \"name\":\"x\"}",
        "{\"kind\":\"nope\",\"name\":\"x\",\"abi\":{\"major\":1,\"minor\":0}}",
        "{\"kind\":\"tool\",\"name\":\"../x\",\"abi\":{\"major\":1,\"minor\":0}}",
        "{\"kind\":\"tool\",\"name\":\"X\",\"abi\":{\"major\":1,\"minor\":0}}",
        "{\"kind\":\"tool\",\"name\":\"x\",\"abi\":1}",
        "{\"kind\":\"tool\",\"name\":\"",
        "{\"kind\":\"tool\",\"kind\":\"tool\",\"name\":\"x\",\"abi\":{\"major\":1,\"minor\":0}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct manifest_head head;
        struct error error = {0};
        CU_ASSERT_EQUAL(scan(bad[i], &head, &error), LLMSPELL_EREFUSED);
        CU_ASSERT_EQUAL(strncmp(error.message, "p.so", 4), 0);
    }
}

/* Every cut of a good manifest is refused, none read beyond. */
static void test_scan_cuts(void)
{
    const char *text = GOOD "}";
    size_t size = strlen(text);
    for (size_t n = 0; n < size; n++) {
        char *cut = malloc(n ? n : 1); /* exact, so that ASan sees a byte too many */
        memcpy(cut, text, n);
        struct manifest_head head;
        CU_ASSERT_EQUAL(manifest_scan(cut, n, "p.so", &head, NULL), LLMSPELL_EREFUSED);
        free(cut);
    }
}

static void test_parse(void)
{
    struct error error;
    CU_ASSERT_EQUAL(parse(GOOD "}", &error), 0);
    CU_ASSERT_EQUAL(parse(GOOD ",\"aliases\":[1]}", &error), LLMSPELL_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "aliases"));
    CU_ASSERT_EQUAL(parse(GOOD ",\"limits\":[]}", &error), LLMSPELL_EREFUSED);
    CU_ASSERT_EQUAL(parse(GOOD ",\"limits\":{\"a\":1,\"a\":2}}", &error), LLMSPELL_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "uplicate"));
    CU_ASSERT_EQUAL(parse(GOOD "} x", &error), LLMSPELL_EREFUSED);
    char *without = strdup(GOOD "}"), *title = strstr(without, "title");
    memcpy(title, "x-tle", 5);
    CU_ASSERT_EQUAL(parse(without, &error), LLMSPELL_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "\"title\""));
    free(without);
}

static void test_unknown_keys(void)
{
    const char *text = GOOD ",\"x-mine\":1,\"colour\":2}";
    json_t *manifest = NULL;
    char *warning = NULL;
    CU_ASSERT_EQUAL(manifest_parse(text, strlen(text), "p.so", &manifest, &warning, NULL), 0);
    CU_ASSERT_STRING_EQUAL(warning, "\"colour\"");
    free(warning);
    json_decref(manifest);
}

static const char *level(const char *capabilities)
{
    json_t *list = json_loads(capabilities, 0, NULL);
    const char *name = manifest_level(list);
    json_decref(list);
    return name;
}

static void test_level(void)
{
    CU_ASSERT_STRING_EQUAL(level("[]"), "safe");
    CU_ASSERT_STRING_EQUAL(manifest_level(NULL), "safe");
    CU_ASSERT_STRING_EQUAL(level("[\"fs:read:/proc\"]"), "restricted");
    CU_ASSERT_STRING_EQUAL(level("[\"http\",\"secret:x\"]"), "restricted");
    CU_ASSERT_STRING_EQUAL(level("[\"http\",\"fs:write:${workdir}\"]"), "privileged");
    CU_ASSERT_STRING_EQUAL(level("[\"exec:/bin/true\"]"), "privileged");
    CU_ASSERT_STRING_EQUAL(level("[\"net:connect\"]"), "privileged");
}

TEST_MAIN("manifest", {"scan", test_scan}, {"scan refuses", test_scan_refuses},
          {"scan cuts", test_scan_cuts}, {"parse", test_parse}, {"unknown keys", test_unknown_keys},
          {"level", test_level})
