/* SPDX-License-Identifier: Apache-2.0
 * metadata and exists: what is known of a name; of a symbolic link itself, which is not followed.
 */
#include "file_operations.h"

#include <limits.h>

#include "mime.h"

static json_t *metadata_value(const struct job *job, const struct place *place)
{
    const struct stat *st = &place->st;
    char mode[8], target[PATH_MAX + 1];
    snprintf(mode, sizeof mode, "%04o", (unsigned)(st->st_mode & 07777));
    LLMSPELL_CLEANUP_JSON json_t *value = json_pack(
        "{s:s,s:s,s:I,s:s,s:I,s:I,s:o,s:o,s:o,s:I,s:I,s:s,s:o}", "path", job->path, "type",
        type_name(st->st_mode), "size", (json_int_t)st->st_size, "mode", mode, "uid",
        (json_int_t)st->st_uid, "gid", (json_int_t)st->st_gid, "modified", time_value(&st->st_mtim),
        "accessed", time_value(&st->st_atim), "changed", time_value(&st->st_ctim), "inode",
        (json_int_t)st->st_ino, "links", (json_int_t)st->st_nlink, "mime",
        mime_type(place->parent, place->name, st), "version", version_value(st));
    if (!value || !S_ISLNK(st->st_mode))
        return llmspell_steal_json(&value);
    ssize_t got = readlinkat(place->parent, place->name, target, sizeof target - 1);
    target[got < 0 ? 0 : got] = '\0';
    if (json_object_set_new(value, "target", name_value(target)) != 0)
        return NULL;
    return llmspell_steal_json(&value);
}

int32_t metadata_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    int32_t rc = place_find(job, job->path, false, "/path", &place);
    if (rc < 0)
        return rc;
    if (!place.exists)
        return fail_errno(job, "/path", "look at", job->shown, ENOENT);
    return llmspell_return(job->call, ret_result, metadata_value(job, &place));
}

/* A path that leads through a file, or is too long, names nothing: an answer, not an error. */
int32_t exists_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_PLACE struct place place = PLACE_INIT;
    int32_t rc = place_find(job, job->path, false, "/path", &place);
    if (rc < 0 && rc != LLMSPELL_ENOTFOUND && rc != LLMSPELL_EINVAL)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *value =
        json_pack("{s:s,s:b}", "path", job->path, "exists", rc == 0 && place.exists);
    if (value && place.exists &&
        json_object_set_new(value, "type", json_string(type_name(place.st.st_mode))) != 0)
        return fail_errno(job, NULL, "look at", job->shown, ENOMEM);
    return llmspell_return(job->call, ret_result, llmspell_steal_json(&value));
}
