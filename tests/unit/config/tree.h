/* SPDX-License-Identifier: Apache-2.0
 * A temporary folder of a test, with files in it. Used by the tests of config, log and daemon. */
#ifndef TEST_TREE_H
#define TEST_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TREE_MAX 512

struct tree {
    char root[64];
};

static inline void tree_open(struct tree *tree)
{
    snprintf(tree->root, sizeof tree->root, "/tmp/llmspell-test-XXXXXX");
    if (!mkdtemp(tree->root))
        abort();
}

/* The absolute path of name in the tree. */
static inline const char *tree_path(const struct tree *tree, const char *name, char path[TREE_MAX])
{
    snprintf(path, TREE_MAX, "%s/%s", tree->root, name);
    return path;
}

/* Writes a file and makes the folders above it. */
static inline void tree_write(const struct tree *tree, const char *name, const char *text)
{
    char path[TREE_MAX];
    tree_path(tree, name, path);
    for (char *slash = path + strlen(tree->root); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "w");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

/* The content of a file ("" if there is none); the caller frees it. */
static inline char *tree_read(const struct tree *tree, const char *name)
{
    char path[TREE_MAX], *text = NULL, buffer[4096];
    size_t size = 0, got;
    FILE *out = open_memstream(&text, &size), *file = fopen(tree_path(tree, name, path), "r");
    if (!out)
        abort();
    while (file && (got = fread(buffer, 1, sizeof buffer, file)) > 0)
        fwrite(buffer, 1, got, out);
    if (file)
        fclose(file);
    fclose(out);
    return text;
}

static inline int tree_exists(const struct tree *tree, const char *name)
{
    char path[TREE_MAX];
    struct stat facts;
    return lstat(tree_path(tree, name, path), &facts) == 0;
}

static inline int tree_remove_one(const char *path, const struct stat *facts, int type,
                                  struct FTW *ftw)
{
    (void)facts, (void)type, (void)ftw;
    return remove(path);
}

static inline void tree_close(struct tree *tree)
{
    nftw(tree->root, tree_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
