/* SPDX-License-Identifier: Apache-2.0
 * host/config/plugin.c: the section of a plugin as typed JSON, and what is refused. */
#include "test.h"

#include <string.h>

#include "config/config.h"
#include "config/tree.h"

static const char schema_text[] =
    "{\"type\":\"object\",\"properties\":{"
    "\"ip\":{\"type\":\"string\",\"default\":\"127.0.0.1\"},"
    "\"mode\":{\"type\":\"string\",\"enum\":[\"full\",\"safe\"]},"
    "\"port\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":65535},"
    "\"ratio\":{\"type\":\"number\",\"minimum\":0.5},"
    "\"debug\":{\"type\":\"boolean\",\"default\":false},"
    "\"hosts\":{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"default\":[\"a\"]}}}";

/* config_plugin for [protocol.x] with this content; the result as text, or the message. */
static char *plugin_set(const char *content, const char *schema, const char *set)
{
    struct tree tree;
    struct error error = {0};
    struct config *config = NULL;
    const char *const sets[] = {set, NULL};
    char *text = NULL;
    json_t *object = NULL, *rules = schema ? json_loads(schema, 0, NULL) : NULL;
    tree_open(&tree);
    tree_write(&tree, "llmspell.ini", content);
    struct config_options options = {
        .home = tree.root, .system_dir = "/nonexistent", .sets = set ? sets : NULL};
    int rc = config_load(&options, &config, &error);
    if (!rc)
        rc = config_plugin(config, "protocol.x", rules, &object, &error);
    if (rc) {
        char *inside = strstr(error.message, "llmspell.ini:");
        text = strdup(inside ? inside : error.message);
        CU_ASSERT_EQUAL(rc, LLMSPELL_EINVAL);
        CU_ASSERT_PTR_NULL(object);
    } else {
        text = json_dumps(object, JSON_COMPACT);
    }
    json_decref(object);
    json_decref(rules);
    config_unref(config);
    tree_close(&tree);
    return text;
}

static void check_with(const char *content, const char *schema, const char *set,
                       const char *expected)
{
    char *got = plugin_set(content, schema, set);
    CU_ASSERT_STRING_EQUAL(got, expected);
    if (strcmp(got, expected) != 0)
        printf("\n    got      %s\n    expected %s\n", got, expected);
    free(got);
}

static void check(const char *content, const char *expected)
{
    check_with(content, schema_text, NULL, expected);
}

static void test_defaults(void)
{
    check("", "{\"ip\":\"127.0.0.1\",\"debug\":false,\"hosts\":[\"a\"]}");
    check_with("", NULL, NULL, "{}");
    check_with("", "{}", NULL, "{}");
}

static void test_types(void)
{
    check("[protocol.x]\nip = ::1\nmode = safe\nport = 8080\nratio = 0.75\ndebug = On\n"
          "hosts = b, c d ,,e\n",
          "{\"ip\":\"::1\",\"mode\":\"safe\",\"port\":8080,\"ratio\":0.75,\"debug\":true,"
          "\"hosts\":[\"b\",\"c d\",\"e\"]}");
    check("[protocol.x]\nratio = 2\nhosts =\nip =\n",
          "{\"ip\":\"\",\"ratio\":2,\"debug\":false,\"hosts\":[]}");
    check("[protocol.x]\nip = a\n  b\nhosts = a\n  b,\n  c\n",
          "{\"ip\":\"a b\",\"debug\":false,\"hosts\":[\"a\",\"b\",\"c\"]}");
    check_with("[protocol.x]\nmode = safe\n",
               "{\"properties\":{\"mode\":{\"enum\":[\"full\",\"safe\"]}}}", NULL,
               "{\"mode\":\"safe\"}"); /* an enum needs no type */
    check("[protocol.y]\nanything = 1\n",
          "{\"ip\":\"127.0.0.1\",\"debug\":false,\"hosts\":[\"a\"]}");
}

static void test_refused(void)
{
    check("[protocol.x]\nprot = 1\n",
          "llmspell.ini:2: [protocol.x] has no key \"prot\"; did you mean port?");
    check("[protocol.x]\nqqqqqqq = 1\n", "llmspell.ini:2: [protocol.x] has no key \"qqqqqqq\"; "
                                         "its keys are ip, mode, port, ratio, debug, hosts");
    check_with("[protocol.x]\nport = 1\n", NULL, NULL,
               "llmspell.ini:2: [protocol.x] has no key \"port\": "
               "this plugin takes no configuration");
    check("[protocol.x]\nport = 65536\n",
          "llmspell.ini:2: [protocol.x] port = \"65536\" is not acceptable: "
          "expected an integer from 0 to 65535");
    check("[protocol.x]\nratio = 0.1\n",
          "llmspell.ini:2: [protocol.x] ratio = \"0.1\" is not acceptable: "
          "expected a number of at least 0.5");
    check("[protocol.x]\nmode = fast\n",
          "llmspell.ini:2: [protocol.x] mode = \"fast\" is not acceptable: "
          "expected one of full, safe");
    check("[protocol.x]\ndebug = perhaps\n",
          "llmspell.ini:2: [protocol.x] debug = \"perhaps\" is not acceptable: "
          "expected true or false (yes, no, on, off, 1, 0)");
}

static void test_bad_numbers(void)
{
    static const char *const bad[] = {"1.5",   "x",   "",  "1 2", "0x1", "99999999999999999999",
                                      "\"1\"", "[1]", "-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char content[128], expected[256];
        snprintf(content, sizeof content, "[protocol.x]\nport = %s\n", bad[i]);
        snprintf(expected, sizeof expected,
                 "llmspell.ini:2: [protocol.x] port = \"%s\" is not acceptable: "
                 "expected an integer from 0 to 65535",
                 bad[i]);
        check(content, expected);
    }
    check("[protocol.x]\nratio = 1e999\n",
          "llmspell.ini:2: [protocol.x] ratio = \"1e999\" is not acceptable: "
          "expected a number of at least 0.5");
}

static void test_origins(void)
{
    check_with("", schema_text, "protocol.x.port=-1",
               "--set protocol.x.port=-1: [protocol.x] port = \"-1\" is not acceptable: "
               "expected an integer from 0 to 65535");
    setenv("LLMSPELL_PROTOCOL_X_PORT", "7", 1);
    check("[protocol.x]\nport = 1\n",
          "{\"ip\":\"127.0.0.1\",\"port\":7,\"debug\":false,\"hosts\":[\"a\"]}");
    check_with("", schema_text, "protocol.x.port=8",
               "{\"ip\":\"127.0.0.1\",\"port\":8,\"debug\":false,\"hosts\":[\"a\"]}");
    setenv("LLMSPELL_PROTOCOL_X_PORT", "none", 1);
    check("", "environment LLMSPELL_PROTOCOL_X_PORT: [protocol.x] port = \"none\" is not "
              "acceptable: expected an integer from 0 to 65535");
    unsetenv("LLMSPELL_PROTOCOL_X_PORT");
    setenv("LLMSPELL_PROTOCOL_X_PROT", "1", 1);
    check("", "environment LLMSPELL_PROTOCOL_X_PROT: [protocol.x] has no key \"prot\"; "
              "did you mean port?");
    unsetenv("LLMSPELL_PROTOCOL_X_PROT");
}

/* A tool's name has '_' itself: the schema shows which part of the variable is the key. */
static void test_late_variables(void)
{
    struct error error = {0};
    struct config *config = NULL;
    json_t *object = NULL, *other = NULL, *rules = json_loads(schema_text, 0, NULL);
    struct config_options options = {.home = "/nonexistent", .system_dir = "/nonexistent"};
    setenv("LLMSPELL_TOOL_JSON_QUERY_PORT", "7", 1);
    setenv("LLMSPELL_TOOL_JSON_UNKNOWN", "7", 1);
    setenv("LLMSPELL_TOOL_JSON_IP", "\xFF", 1);
    CU_ASSERT_EQUAL_FATAL(config_load(&options, &config, &error), 0);
    CU_ASSERT_EQUAL_FATAL(config_plugin(config, "tool.json_query", rules, &object, &error), 0);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(object, "port")), 7);
    CU_ASSERT_EQUAL(config_plugin(config, "tool.json", rules, &other, &error), LLMSPELL_EINVAL);
    CU_ASSERT_STRING_EQUAL(
        error.message,
        "environment LLMSPELL_TOOL_JSON_IP: byte 1 of the value is not UTF-8: remove it");
    unsetenv("LLMSPELL_TOOL_JSON_QUERY_PORT");
    unsetenv("LLMSPELL_TOOL_JSON_UNKNOWN");
    unsetenv("LLMSPELL_TOOL_JSON_IP");
    json_decref(object);
    json_decref(rules);
    config_unref(config);
}

static void check_secrets(const struct config *config, const char *section, const char *expected)
{
    struct error error = {0};
    json_t *object = NULL;
    CU_ASSERT_EQUAL_FATAL(config_common(config, section, &object, &error), 0);
    const char *actual = json_string_value(json_object_get(object, "secrets"));
    CU_ASSERT((!actual && !expected) || (actual && expected && strcmp(actual, expected) == 0));
    json_decref(object);
}

/* `secrets` of a tool is the host's; of a protocol it is no key. */
static void test_host_keys(void)
{
    struct tree tree;
    struct error error = {0};
    struct config *config = NULL;
    json_t *object = NULL;
    tree_open(&tree);
    tree_write(&tree, "llmspell.ini",
               "[tool.x]\nsecrets = a:env:A,\n    b:env:B\n[protocol.x]\nsecrets = c:env:C\n");
    struct config_options options = {.home = tree.root, .system_dir = "/nonexistent"};
    setenv("LLMSPELL_TOOL_OTHER_SECRETS", "d:env:D", 1);
    CU_ASSERT_EQUAL_FATAL(config_load(&options, &config, &error), 0);
    CU_ASSERT_EQUAL(config_plugin(config, "tool.x", NULL, &object, &error), 0);
    CU_ASSERT_EQUAL(json_object_size(object), 0);
    check_secrets(config, "tool.x", "a:env:A, b:env:B");
    check_secrets(config, "tool.other", "d:env:D");
    check_secrets(config, "tool.y", NULL);
    json_decref(object);
    CU_ASSERT_EQUAL(config_plugin(config, "protocol.x", NULL, &object, &error), LLMSPELL_EINVAL);
    unsetenv("LLMSPELL_TOOL_OTHER_SECRETS");
    config_unref(config);
    tree_close(&tree);
}

TEST_MAIN("config/plugin", {"defaults", test_defaults}, {"types", test_types},
          {"refused", test_refused}, {"bad numbers", test_bad_numbers}, {"origins", test_origins},
          {"late variables", test_late_variables}, {"host keys", test_host_keys})
