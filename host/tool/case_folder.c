/* SPDX-License-Identifier: Apache-2.0
 * The files of a case. */
#include "tool/case_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/tool.h>

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

void case_folder_remove(const char *folder)
{
    nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* folder/name with the folders above it made; the caller frees it; NULL: bad name, or it failed. */
static char *place(const char *folder, const char *name)
{
    char *path;
    if (!name || !*name || *name == '/' || strstr(name, "..") ||
        asprintf(&path, "%s/%s", folder, name) < 0)
        return NULL;
    for (char *slash = path + strlen(folder) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        bool failed = mkdir(path, 0755) != 0 && errno != EEXIST;
        *slash = '/';
        if (failed) {
            free(path);
            return NULL;
        }
    }
    return path;
}

static int write_file(const char *folder, const char *name, const void *bytes, size_t size)
{
    LLMSPELL_CLEANUP_FREE char *path = place(folder, name);
    LLMSPELL_CLEANUP_FCLOSE FILE *file = path && bytes ? fopen(path, "wxe") : NULL;
    return file && fwrite(bytes, 1, size, file) == size ? 0 : -1;
}

/* The value of a letter of Base64, or -1. */
static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static int write_base64(const char *folder, const char *name, const char *text)
{
    size_t size = 0;
    unsigned bits = 0, buffer = 0;
    LLMSPELL_CLEANUP_FREE unsigned char *bytes = text ? malloc(strlen(text) + 1) : NULL;
    for (; bytes && *text && *text != '='; text++) {
        int digit = digit_of(*text);
        if (digit < 0)
            return -1;
        buffer = (buffer << 6 | (unsigned)digit) & 0xFFFF;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes[size++] = (unsigned char)(buffer >> bits);
        }
    }
    return write_file(folder, name, bytes, size);
}

static int make_folder(const char *folder, const char *name)
{
    LLMSPELL_CLEANUP_FREE char *path = place(folder, name);
    return path && (mkdir(path, 0755) == 0 || errno == EEXIST) ? 0 : -1;
}

static int make_link(const char *folder, const char *name, const char *target)
{
    LLMSPELL_CLEANUP_FREE char *path = place(folder, name);
    return path && target && symlink(target, path) == 0 ? 0 : -1;
}

static int failed(const char *what, const char *name, struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_EFAILED, "cannot set up the %s %s", what,
                     name ? name : "(no text)");
}

int case_folder_set_up(const char *folder, const json_t *setup, struct error *ret_error)
{
    const char *name;
    json_t *item;
    size_t i;
    json_array_foreach(json_object_get(setup, "dirs"), i, item)
    {
        if (make_folder(folder, json_string_value(item)) != 0)
            return failed("folder", json_string_value(item), ret_error);
    }
    json_object_foreach(json_object_get(setup, "files"), name, item)
    {
        if (write_file(folder, name, json_string_value(item), json_string_length(item)) != 0)
            return failed("file", name, ret_error);
    }
    json_object_foreach(json_object_get(setup, "files_base64"), name, item)
    {
        if (write_base64(folder, name, json_string_value(item)) != 0)
            return failed("file", name, ret_error);
    }
    json_object_foreach(json_object_get(setup, "links"), name, item)
    {
        if (make_link(folder, name, json_string_value(item)) != 0)
            return failed("link", name, ret_error);
    }
    return 0;
}
