/* SPDX-License-Identifier: Apache-2.0
 * host/config/compare.c: what differs between two configurations, in both directions. */
#include "test.h"

#include <string.h>

#include "config/config.h"
#include "config/tree.h"

static struct config *load(const char *content)
{
    struct tree tree;
    struct error error = {0};
    struct config *config = NULL;
    tree_open(&tree);
    tree_write(&tree, "llmspell.ini", content);
    struct config_options options = {
        .home = "/nonexistent", .system_dir = tree.root, .skip_environment = true};
    CU_ASSERT_EQUAL_FATAL(config_load(&options, &config, &error), 0);
    tree_close(&tree);
    return config;
}

static void add_line(void *data, const char *section, const char *key, const char *from,
                     const char *to, bool reloadable)
{
    fprintf(data, "%s.%s:%s>%s%s\n", section, key, from, to, reloadable ? "" : " restart");
}

/* The changes from one to the other, a line each, are these; and as many were counted. */
static void check(const char *from, const char *to, const char *changes)
{
    char *text = NULL;
    size_t size = 0, lines = 0;
    struct config *a = load(from), *b = load(to);
    FILE *out = open_memstream(&text, &size);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    size_t count = config_compare(a, b, add_line, out);
    fclose(out);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    CU_ASSERT_EQUAL(count, lines);
    CU_ASSERT_STRING_EQUAL(text, changes);
    free(text);
    config_unref(a);
    config_unref(b);
}

static void test_nothing(void)
{
    check("", "", "");
    check("[log]\nlevel = debug\n", "# a comment\n[log]\n\nlevel=debug\n", "");
    check("[tool.x]\na = 1\nb = 2\n", "[tool.x]\nb = 2\na = 1\n", ""); /* order says nothing */
    check("", "[log]\nlevel = info\n", "");                            /* the built-in value */
}

static void test_settings(void)
{
    check("", "[log]\nlevel = debug\n", "log.level:info>debug\n");
    check("[log]\nlevel = debug\n", "", "log.level:debug>info\n");
    check("[kernel]\nruntime = a\n", "[kernel]\nruntime = b\n", "kernel.runtime:a>b restart\n");
    check("", "[log]\nfile = /x.log\n", "log.file:>/x.log\n");
    check("[log]\nlevel = debug\n[kernel]\nshutdown_grace = 1s\n",
          "[kernel]\nshutdown_grace = 2s\n[log]\nlevel = warn\n",
          "kernel.shutdown_grace:1s>2s\nlog.level:debug>warn\n"); /* in table order */
}

static void test_plugin_sections(void)
{
    check("", "[tool.x]\na = 1\n", "tool.x.a:>1\n");
    check("[tool.x]\na = 1\n", "", "tool.x.a:1>\n");
    check("[tool.x]\na = 1\n", "[tool.x]\na = 2\n", "tool.x.a:1>2\n");
    check("[tool.x]\na = 1\n", "[tool.y]\na = 1\n", "tool.x.a:1>\ntool.y.a:>1\n");
    check("[tool.x]\na = 1\n", "[protocol.x]\na = 1\n", "tool.x.a:1>\nprotocol.x.a:>1\n");
    check("[tool.x]\na = 1\nb = 1\n", "[tool.x]\nb = 2\nc = 3\n",
          "tool.x.a:1>\ntool.x.b:1>2\ntool.x.c:>3\n");
}

static void same(const char *a_text, const char *b_text, const char *section, bool expected)
{
    struct config *a = load(a_text), *b = load(b_text);
    CU_ASSERT_EQUAL(config_same_section(a, b, section), expected);
    CU_ASSERT_EQUAL(config_same_section(b, a, section), expected);
    config_unref(a);
    config_unref(b);
}

static void test_same_section(void)
{
    same("", "", "log", true);
    same("", "[log]\nlevel = info\n", "log", true);
    same("", "[log]\nlevel = debug\n", "log", false);
    same("", "[kernel]\nhistory_max = 7\n", "log", true);
    same("", "", "tool.x", true);
    same("", "[tool.x]\na = 1\n", "tool.x", false);
    same("[tool.x]\na = 1\n", "[tool.x]\na = 1\nb = 1\n", "tool.x", false);
    same("[tool.x]\na = 1\n", "[tool.x]\na = 1\n[tool.y]\na = 2\n", "tool.x", true);
    same("[tool.x]\na = 1\n", "[tool.x]\na = 01\n", "tool.x", false); /* as it stands there */
}

TEST_MAIN("config/compare", {"nothing", test_nothing}, {"settings", test_settings},
          {"plugin sections", test_plugin_sections}, {"same section", test_same_section})
