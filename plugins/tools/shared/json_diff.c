/* SPDX-License-Identifier: Apache-2.0
 * Differences: an RFC 6902 patch that turns one value into another. */
#include "json_change.h"

struct json_diff {
    struct llmspell_call *call;
    json_t *patch, *added, *removed, *changed;
    char *path; /* the pointer to where we are */
    size_t path_size, path_room;
    size_t steps;
};

static int32_t compare(struct json_diff *diff, const json_t *old, const json_t *new);

/* ---- the pointer ---- */

static int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t push(struct json_diff *diff, const char *token)
{
    size_t size = strlen(token) * 2 + 2;
    if (diff->path_size + size > diff->path_room) {
        size_t room = (diff->path_size + size) * 2;
        char *grown = realloc(diff->path, room);
        if (!grown)
            return no_memory(diff->call);
        diff->path = grown;
        diff->path_room = room;
    }
    char *out = diff->path + diff->path_size;
    *out++ = '/';
    for (; *token; token++) {
        bool escaped = *token == '~' || *token == '/';
        if (escaped)
            *out++ = '~';
        *out++ = (char)(!escaped ? *token : *token == '~' ? '0' : '1');
    }
    *out = '\0';
    diff->path_size = (size_t)(out - diff->path);
    return 0;
}

static int32_t push_index(struct json_diff *diff, size_t index)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%zu", index);
    return push(diff, digits);
}

static void pop(struct json_diff *diff, size_t size)
{
    diff->path_size = size;
    diff->path[size] = '\0';
}

/* ---- operations ---- */

static int32_t emit(struct json_diff *diff, const char *op, json_t *summary, const json_t *value)
{
    json_t *operation =
        json_pack("{s:s, s:s, s:O*}", "op", op, "path", diff->path, "value", (json_t *)value);
    int failed = json_array_append_new(diff->patch, operation);
    failed |= json_array_append_new(summary, json_string(diff->path));
    return failed ? no_memory(diff->call) : 0;
}

/* What two members or elements at one place need. NULL: there is none. */
static int32_t compare_both(struct json_diff *diff, const json_t *old, const json_t *new)
{
    if (!old)
        return emit(diff, "add", diff->added, new);
    if (!new)
        return emit(diff, "remove", diff->removed, NULL);
    return compare(diff, old, new);
}

static int32_t compare_element(struct json_diff *diff, const json_t *old, const json_t *new,
                               size_t i)
{
    size_t size = diff->path_size;
    int32_t rc = push_index(diff, i);
    if (rc == 0)
        rc = compare_both(diff, json_array_get(old, i), json_array_get(new, i));
    pop(diff, size);
    return rc;
}

static int32_t compare_arrays(struct json_diff *diff, const json_t *old, const json_t *new)
{
    size_t n = json_array_size(old), m = json_array_size(new), both = n < m ? n : m;
    int32_t rc = 0;
    for (size_t i = 0; i < m && rc == 0; i++) /* both, then what is new, at rising indexes */
        rc = i < both || i >= n ? compare_element(diff, old, new, i) : 0;
    for (size_t i = n; i > both && rc == 0; i--) /* what is gone, from the end down */
        rc = compare_element(diff, old, new, i - 1);
    return rc;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The union of the names, sorted; the caller frees the list. */
static const char **list_names(const json_t *old, const json_t *new, size_t *ret_count)
{
    const char **names =
        malloc((json_object_size(old) + json_object_size(new) + 1) * sizeof *names);
    const char *key;
    json_t *value;
    size_t count = 0;
    if (!names)
        return NULL;
    json_object_foreach((json_t *)old, key, value)
    {
        names[count++] = key;
    }
    json_object_foreach((json_t *)new, key, value)
    {
        if (!json_object_get(old, key))
            names[count++] = key;
    }
    qsort(names, count, sizeof *names, compare_names);
    *ret_count = count;
    return names;
}

static int32_t compare_objects(struct json_diff *diff, const json_t *old, const json_t *new)
{
    size_t count = 0;
    LLMSPELL_CLEANUP_FREE const char **names = list_names(old, new, &count);
    int32_t rc = names ? 0 : no_memory(diff->call);
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t size = diff->path_size;
        rc = push(diff, names[i]);
        if (rc == 0)
            rc = compare_both(diff, json_object_get(old, names[i]), json_object_get(new, names[i]));
        pop(diff, size);
    }
    return rc;
}

static int32_t compare(struct json_diff *diff, const json_t *old, const json_t *new)
{
    int32_t stop = ++diff->steps % 1024 == 0 ? llmspell_cancelled(diff->call) : 0;
    if (stop < 0)
        return stop;
    if (json_is_object(old) && json_is_object(new))
        return compare_objects(diff, old, new);
    if (json_is_array(old) && json_is_array(new))
        return compare_arrays(diff, old, new);
    return json_same(old, new) ? 0 : emit(diff, "replace", diff->changed, new);
}

static void clear(struct json_diff *diff)
{
    json_decref(diff->patch);
    json_decref(diff->added);
    json_decref(diff->removed);
    json_decref(diff->changed);
    free(diff->path);
}

int32_t json_diff_values(struct llmspell_call *call, const json_t *old, const json_t *new,
                         json_t **ret_result)
{
    __attribute__((cleanup(clear))) struct json_diff diff = {.call = call,
                                                             .patch = json_array(),
                                                             .added = json_array(),
                                                             .removed = json_array(),
                                                             .changed = json_array(),
                                                             .path = strdup(""),
                                                             .path_room = 1};
    if (!diff.patch || !diff.added || !diff.removed || !diff.changed || !diff.path)
        return no_memory(call);
    int32_t rc = compare(&diff, old, new);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:O, s:{s:O, s:O, s:O}}", "identical",
                                     json_array_size(diff.patch) == 0, "patch", diff.patch,
                                     "summary", "added", diff.added, "removed", diff.removed,
                                     "changed", diff.changed));
}
