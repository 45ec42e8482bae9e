/* SPDX-License-Identifier: Apache-2.0
 * host/plugin/catalog.c: a rescan takes over what did not change, and sees what did. The plugin
 * files are copies of a built one. */
#include "test.h"

#include <string.h>
#include <utime.h>

#include "config/tree.h"
#include "plugin/catalog.h"

#define TOOLS BUILD_DIR "/lib/llmspell/tools/"

static void copy(const struct tree *tree, const char *from, const char *name)
{
    char path[TREE_MAX], temporary[TREE_MAX], buffer[65536];
    size_t size;
    FILE *in = fopen(from, "r"), *out = fopen(tree_path(tree, "new", temporary), "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(in);
    CU_ASSERT_PTR_NOT_NULL_FATAL(out);
    while ((size = fread(buffer, 1, sizeof buffer, in)) > 0)
        fwrite(buffer, 1, size, out);
    fclose(in);
    fclose(out);
    CU_ASSERT_EQUAL(chmod(temporary, 0644), 0);
    CU_ASSERT_EQUAL(rename(temporary, tree_path(tree, name, path)), 0); /* another inode */
}

static struct catalog *scan(const struct tree *tree, const struct catalog *previous)
{
    const char *const folders[] = {tree->root, NULL};
    struct catalog_options options = {
        .folders = folders, .allow_writable = true, .previous = previous};
    struct catalog *catalog = NULL;
    struct error error = {0};
    CU_ASSERT_EQUAL_FATAL(catalog_open(&options, &catalog, &error), 0);
    return catalog;
}

static struct plugin *tool(const struct catalog *catalog, const char *name)
{
    return catalog_find(catalog, PLUGIN_TOOL, name);
}

static void test_unchanged(void)
{
    struct tree tree;
    struct error error = {0};
    const json_t *manifest;
    tree_open(&tree);
    copy(&tree, TOOLS "calculator.so", "calculator.so");
    struct catalog *first = scan(&tree, NULL);
    struct plugin *one = tool(first, "calculator");
    CU_ASSERT_PTR_NOT_NULL_FATAL(one);
    CU_ASSERT_EQUAL(plugin_manifest(one, &manifest, &error), 0);
    struct catalog *second = scan(&tree, first);
    CU_ASSERT_PTR_EQUAL(tool(second, "calculator"), one);
    catalog_unref(first); /* the second one keeps it */
    const json_t *again = NULL;
    CU_ASSERT_EQUAL(plugin_manifest(one, &again, &error), 0);
    CU_ASSERT_PTR_EQUAL(again, manifest);
    struct catalog *third = scan(&tree, second), *fresh = scan(&tree, NULL);
    CU_ASSERT_PTR_EQUAL(tool(third, "calculator"), one);
    CU_ASSERT_PTR_NOT_EQUAL(tool(fresh, "calculator"), one); /* without previous nothing is */
    catalog_unref(second);
    catalog_unref(third);
    catalog_unref(fresh);
    tree_close(&tree);
}

static void test_changes(void)
{
    struct tree tree;
    char path[TREE_MAX];
    tree_open(&tree);
    copy(&tree, TOOLS "calculator.so", "calculator.so");
    copy(&tree, TOOLS "base64_encoder.so", "base64_encoder.so");
    copy(&tree, TOOLS "hash_calculator.so", "hash_calculator.so");
    struct catalog *first = scan(&tree, NULL);
    copy(&tree, TOOLS "calculator.so", "calculator.so"); /* the same bytes in a new file */
    unlink(tree_path(&tree, "hash_calculator.so", path));
    copy(&tree, TOOLS "uuid_generator.so", "uuid_generator.so");
    struct catalog *second = scan(&tree, first);
    CU_ASSERT_PTR_NOT_NULL(tool(second, "calculator"));
    CU_ASSERT_PTR_NOT_EQUAL(tool(second, "calculator"), tool(first, "calculator"));
    CU_ASSERT_PTR_EQUAL(tool(second, "base64_encoder"), tool(first, "base64_encoder"));
    CU_ASSERT_PTR_NULL(tool(second, "hash_calculator"));
    CU_ASSERT_PTR_NOT_NULL(tool(first, "hash_calculator")); /* who has the old one, has it whole */
    CU_ASSERT_PTR_NULL(tool(first, "uuid_generator"));
    CU_ASSERT_PTR_NOT_NULL(tool(second, "uuid_generator"));
    CU_ASSERT_EQUAL(catalog_count(second), 3);
    catalog_unref(first);
    catalog_unref(second);
    tree_close(&tree);
}

static void test_written_in_place(void)
{
    struct tree tree;
    char path[TREE_MAX];
    struct utimbuf past = {.actime = 1000000000, .modtime = 1000000000};
    tree_open(&tree);
    copy(&tree, TOOLS "calculator.so", "calculator.so");
    struct catalog *first = scan(&tree, NULL);
    CU_ASSERT_EQUAL(utime(tree_path(&tree, "calculator.so", path), &past), 0);
    struct catalog *second = scan(&tree, first);
    CU_ASSERT_PTR_NOT_NULL(tool(second, "calculator"));
    CU_ASSERT_PTR_NOT_EQUAL(tool(second, "calculator"), tool(first, "calculator"));
    catalog_unref(first);
    catalog_unref(second);
    tree_close(&tree);
}

/* What was refused is looked at again: its file may be whole now. */
static void test_repaired(void)
{
    struct tree tree;
    tree_open(&tree);
    tree_write(&tree, "calculator.so", "no plugin");
    struct catalog *first = scan(&tree, NULL);
    CU_ASSERT_PTR_NULL(tool(first, "calculator"));
    CU_ASSERT_EQUAL(catalog_at(first, 0)->state, PLUGIN_REFUSED);
    copy(&tree, TOOLS "calculator.so", "calculator.so");
    struct catalog *second = scan(&tree, first);
    CU_ASSERT_PTR_NOT_NULL(tool(second, "calculator"));
    catalog_unref(first);
    catalog_unref(second);
    tree_close(&tree);
}

/* The first folder wins, also when the one in it comes later. */
static void test_shadowed(void)
{
    struct tree near, far;
    tree_open(&near);
    tree_open(&far);
    copy(&far, TOOLS "calculator.so", "calculator.so");
    const char *const folders[] = {near.root, far.root, NULL};
    struct catalog_options options = {.folders = folders, .allow_writable = true};
    struct catalog *first = NULL, *second = NULL, *third = NULL;
    struct error error = {0};
    char path[TREE_MAX];
    CU_ASSERT_EQUAL_FATAL(catalog_open(&options, &first, &error), 0);
    struct plugin *old = tool(first, "calculator");
    copy(&near, TOOLS "calculator.so", "calculator.so");
    options.previous = first;
    CU_ASSERT_EQUAL_FATAL(catalog_open(&options, &second, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tool(second, "calculator"));
    CU_ASSERT_STRING_EQUAL(tool(second, "calculator")->path,
                           tree_path(&near, "calculator.so", path));
    unlink(path);
    options.previous = second;
    CU_ASSERT_EQUAL_FATAL(catalog_open(&options, &third, &error), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tool(third, "calculator"));
    CU_ASSERT_STRING_EQUAL(tool(third, "calculator")->path, old->path);
    CU_ASSERT_EQUAL(tool(third, "calculator")->state, PLUGIN_READY);
    catalog_unref(first);
    catalog_unref(second);
    catalog_unref(third);
    tree_close(&near);
    tree_close(&far);
}

TEST_MAIN("plugin/catalog", {"unchanged", test_unchanged}, {"changes", test_changes},
          {"written in place", test_written_in_place}, {"repaired", test_repaired},
          {"shadowed", test_shadowed})
