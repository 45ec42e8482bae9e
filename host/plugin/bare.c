/* SPDX-License-Identifier: Apache-2.0
 * Bare manifests. Plugin folders hold other JSON, too: what does not claim to be a manifest is
 * passed over without a word. */
#include "plugin/bare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <llmspell/plugin.h>
#include <llmspell/tool.h>

/* The whole file, or NULL if it is none, or too large for a manifest. */
static char *read_file(const char *path, size_t *ret_size, struct note_stamp *ret_stamp)
{
    struct stat st;
    LLMSPELL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > LLMSPELL_NOTE_MAX)
        return NULL;
    *ret_stamp = note_stamp_of(&st);
    size_t room = (size_t)st.st_size, size = 0;
    LLMSPELL_CLEANUP_FREE char *text = malloc(room + 1);
    for (ssize_t n = 1; text && n > 0 && size < room; size += (size_t)n) {
        n = read(fd, text + size, room - size);
        if (n < 0)
            return NULL;
    }
    if (!text)
        return NULL;
    text[size] = '\0';
    *ret_size = size;
    char *whole = text;
    text = NULL;
    return whole;
}

static bool claims(const char *text, size_t size, const char *path)
{
    static const char *const keys[] = {"manifest", NULL};
    LLMSPELL_CLEANUP_JSON json_t *members = NULL;
    if (!memmem(text, size, "\"manifest\"", strlen("\"manifest\"")))
        return false;
    return manifest_members(text, size, path, keys, &members, NULL) < 0 ||
           json_object_size(members) > 0;
}

/* greet.json beside greet.so is what the build has put into greet.so. */
static bool has_shared_object(const char *path)
{
    LLMSPELL_CLEANUP_FREE char *other = NULL;
    int stem = (int)(strlen(path) - strlen(".json"));
    return asprintf(&other, "%.*s.so", stem, path) >= 0 && access(other, F_OK) == 0;
}

bool bare_read(const char *path, char **ret_text, size_t *ret_size, struct note_stamp *ret_stamp)
{
    size_t size;
    LLMSPELL_CLEANUP_FREE char *text = read_file(path, &size, ret_stamp);
    if (!text || !claims(text, size, path) || has_shared_object(path))
        return false;
    *ret_text = text;
    *ret_size = size;
    text = NULL;
    return true;
}

int bare_check(const char *text, size_t size, const char *path, enum plugin_kind kind,
               struct error *ret_error)
{
    static const char *const keys[] = {"native", NULL};
    LLMSPELL_CLEANUP_JSON json_t *members = NULL;
    int rc = manifest_members(text, size, path, keys, &members, ret_error);
    if (rc < 0)
        return rc;
    const json_t *native = json_object_get(members, "native");
    if (kind == PLUGIN_TOOL && json_is_string(json_object_get(native, "library")))
        return 0;
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s is a manifest without its shared object: build it with "
                     "llmspell_add_%s(), or name the library of a tool in \"native\"",
                     path, plugin_kind_name(kind));
}
