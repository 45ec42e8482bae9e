/* SPDX-License-Identifier: Apache-2.0
 * find: files and folders by name, kind, size and time. */
#include <dirent.h>

#include "../shared/file_values.h"
#include "file_search.h"
#include "matcher.h"

struct find {
    json_t *files;
    size_t limit, count;
    bool count_only, truncated, files_wanted, folders_wanted, others_wanted;
    json_int_t min_size, max_size; /* -1: none */
    bool sized;
    bool has_after, has_before;
    struct timespec after, before;
    bool named; /* the names have to match */
    struct matcher matcher;
};

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Sizes are those of files: where one is asked for, nothing else fits. */
static bool fits(const struct find *find, const struct stat *st)
{
    bool kind = S_ISREG(st->st_mode)   ? find->files_wanted
                : S_ISDIR(st->st_mode) ? find->folders_wanted
                                       : find->others_wanted;
    if (!kind || (find->sized && !S_ISREG(st->st_mode)))
        return false;
    if (st->st_size < find->min_size || (find->max_size >= 0 && st->st_size > find->max_size))
        return false;
    return !(find->has_after && is_before(&st->st_mtim, &find->after)) &&
           !(find->has_before && !is_before(&st->st_mtim, &find->before));
}

/* 1, 0, or a negative code. */
static int32_t name_matches(struct find *find, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    LLMSPELL_CLEANUP_JSON json_t *text = clean_text(name, strlen(name), false);
    struct subject subject = {.data = json_string_value(text),
                              .size = json_string_length(text),
                              .watched = !find->matcher.cost.cheap};
    size_t start, end;
    if (!text)
        return llmspell_fail(find->matcher.call, LLMSPELL_ENOMEM, "out of memory");
    return matcher_find(&find->matcher, &subject, 0, false, &start, &end);
}

static int32_t visit_find(struct walk *walk, const struct found *found)
{
    struct find *find = walk->context;
    struct stat st;
    int error = found->fd >= 0 ? fstat(found->fd, &st)
                               : fstatat(found->folder, found->name, &st, AT_SYMLINK_NOFOLLOW);
    if (error || !fits(find, &st))
        return 0; /* gone by now, or not wanted */
    int32_t matches = find->named ? name_matches(find, found->path) : 1;
    if (matches <= 0)
        return matches;
    if (!find->count_only && find->count == find->limit) {
        find->truncated = true;
        return WALK_END;
    }
    find->count++;
    if (find->count_only)
        return 0;
    const char *type = S_ISREG(st.st_mode)   ? "file"
                       : S_ISDIR(st.st_mode) ? "directory"
                       : S_ISLNK(st.st_mode) ? "symlink"
                                             : "other";
    json_t *entry = json_pack("{s:o, s:s, s:I, s:o}", "path",
                              clean_text(found->path, strlen(found->path), false), "type", type,
                              "size", (json_int_t)st.st_size, "modified", time_value(&st.st_mtim));
    if (json_array_append_new(find->files, entry) != 0)
        return llmspell_fail(walk->call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

static int32_t read_time(struct llmspell_call *call, const json_t *params, const char *key,
                         bool *ret_given, struct timespec *ret_time)
{
    const char *text = llmspell_string(params, key);
    char pointer[32];
    *ret_given = text != NULL;
    if (!text || time_parse(text, ret_time))
        return 0;
    snprintf(pointer, sizeof pointer, "/%s", key);
    return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                            "%.80s is no time; write 2025-01-31T12:00:00Z or 2025-01-31", text);
}

static int32_t read_wishes(struct find *find, struct llmspell_call *call, const json_t *params)
{
    bool any = llmspell_is(params, "type", "any");
    find->limit = (size_t)llmspell_integer(params, "limit", 1000);
    find->count_only = llmspell_bool(params, "count_only", 0);
    find->files_wanted = any || llmspell_is(params, "type", "file");
    find->folders_wanted = any || llmspell_is(params, "type", "directory");
    find->others_wanted = any;
    find->min_size = llmspell_integer(params, "min_size", 0);
    find->max_size = llmspell_integer(params, "max_size", -1);
    find->sized = find->min_size > 0 || find->max_size >= 0;
    int32_t rc = read_time(call, params, "modified_after", &find->has_after, &find->after);
    if (rc == 0)
        rc = read_time(call, params, "modified_before", &find->has_before, &find->before);
    return rc;
}

int32_t find_run(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct find find = {0};
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    struct walk walk = {.context = &find, .visit = visit_find};
    find.files = files;
    int32_t rc = files ? read_wishes(&find, call, params)
                       : llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    walk.want_folders = find.folders_wanted;
    find.named = llmspell_string(params, "pattern") != NULL;
    if (rc == 0 && find.named)
        rc = matcher_init(&find.matcher, call, params);
    if (rc == 0)
        rc = walk_init(&walk, call, params);
    if (rc == 0)
        rc = walk_run(&walk);
    walk_clear(&walk);
    matcher_clear(&find.matcher);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result,
                           json_pack("{s:O, s:I, s:b}", "files", files, "count",
                                     (json_int_t)find.count, "truncated", find.truncated));
}
