/* SPDX-License-Identifier: Apache-2.0
 * Names that are wanted: globs, and the older parameters for extensions and folders. */
#include "file_search.h"

static int32_t add_glob(struct llmspell_call *call, struct globs *globs, const char *glob,
                        const char *pointer)
{
    int error = globs_add(globs, glob);
    if (error == E2BIG)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "the braces of %.80s stand for more than 1,000 globs", glob);
    return error ? llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory") : 0;
}

/* Adds one word of an older parameter: an extension with or without its dot, or a name. */
static int32_t add_word(struct llmspell_call *call, struct globs *globs, const char *word,
                        size_t size, bool extension, const char *pointer)
{
    while (size > 0 && (*word == ' ' || *word == '\t')) {
        word++;
        size--;
    }
    while (size > 0 && (word[size - 1] == ' ' || word[size - 1] == '/'))
        size--;
    if (size == 0)
        return 0;
    LLMSPELL_CLEANUP_FREE char *glob = NULL;
    const char *prefix = !extension ? "" : *word == '.' ? "*" : "*.";
    if (asprintf(&glob, "%s%.*s", prefix, (int)size, word) < 0)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    return add_glob(call, globs, glob, pointer);
}

static int32_t add_words(struct llmspell_call *call, struct globs *globs, const char *text,
                         bool extension, const char *pointer)
{
    int32_t rc = 0;
    while (rc == 0) {
        size_t size = strcspn(text, ",");
        rc = add_word(call, globs, text, size, extension, pointer);
        if (!text[size])
            break;
        text += size + 1;
    }
    return rc;
}

enum kind { GLOBS, EXTENSIONS, NAMES };

static int32_t add_value(struct llmspell_call *call, struct globs *globs, const json_t *value,
                         enum kind kind, const char *pointer)
{
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "a NUL character is in no file name");
    if (kind == GLOBS)
        return add_glob(call, globs, text, pointer);
    return add_words(call, globs, text, kind == EXTENSIONS, pointer);
}

/* A parameter that is a text or a list of texts. */
static int32_t add_parameter(struct llmspell_call *call, const json_t *params, const char *key,
                             enum kind kind, struct globs *globs)
{
    const json_t *value = json_object_get(params, key);
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/%s", key);
    if (json_is_string(value))
        return add_value(call, globs, value, kind, pointer);
    for (size_t i = 0; i < json_array_size(value); i++) {
        snprintf(pointer, sizeof pointer, "/%s/%zu", key, i);
        int32_t rc = add_value(call, globs, json_array_get(value, i), kind, pointer);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t filter_init(struct filter *filter, struct llmspell_call *call, const json_t *params)
{
    const struct {
        const char *key;
        enum kind kind;
        struct globs *globs;
    } keys[] = {
        {"glob", GLOBS, &filter->include},
        {"exclude", GLOBS, &filter->exclude},
        {"exclude_dirs", NAMES, &filter->folders},
        {"include_extensions", EXTENSIONS, &filter->extensions},
        {"exclude_extensions", EXTENSIONS, &filter->no_extensions},
    };
    filter->hidden = llmspell_bool(params, "hidden", 0);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        int32_t rc = add_parameter(call, params, keys[i].key, keys[i].kind, keys[i].globs);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void filter_clear(struct filter *filter)
{
    globs_clear(&filter->include);
    globs_clear(&filter->exclude);
    globs_clear(&filter->folders);
    globs_clear(&filter->extensions);
    globs_clear(&filter->no_extensions);
}

static bool is_hidden(const struct filter *filter, const char *path)
{
    const char *slash = strrchr(path, '/');
    return !filter->hidden && (slash ? slash[1] : path[0]) == '.';
}

bool filter_takes_folder(const struct filter *filter, const char *path)
{
    return !is_hidden(filter, path) && !globs_match(&filter->folders, path, true) &&
           !globs_match(&filter->exclude, path, true);
}

bool filter_takes_file(const struct filter *filter, const char *path, bool folder)
{
    if (is_hidden(filter, path) || globs_match(&filter->exclude, path, folder))
        return false;
    if (filter->extensions.count && !globs_match(&filter->extensions, path, folder))
        return false;
    return !globs_match(&filter->no_extensions, path, folder) &&
           globs_match(&filter->include, path, folder);
}
