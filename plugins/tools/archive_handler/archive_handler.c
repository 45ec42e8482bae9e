/* SPDX-License-Identifier: Apache-2.0
 * archive_handler: lists, tests, extracts, creates archives with libarchive. This file is the
 * entry; it reads the parameters and sees to the locale. */
#include "archive_handler.h"

#include <locale.h>

#include <llmspell/secret.h>

int32_t no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

/* ---- include and exclude ---- */

/* True if the globs match the name or a folder that it lies in. */
static bool matches(const struct globs *globs, const char *name, bool folder)
{
    LLMSPELL_CLEANUP_FREE char *part = name_clean(name);
    for (char *slash = part; slash && (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        bool found = globs_match(globs, part, true);
        *slash = '/';
        if (found)
            return true;
    }
    return part && globs_match(globs, part, folder);
}

bool job_excludes(const struct job *job, const char *name, bool folder)
{
    return job->exclude.count > 0 && matches(&job->exclude, name, folder);
}

bool job_selects(const struct job *job, const char *name, bool folder)
{
    if (job->include.count > 0 && !matches(&job->include, name, folder))
        return false;
    return !job_excludes(job, name, folder);
}

static int32_t read_globs(const struct job *job, const char *key, struct globs *globs)
{
    const json_t *list = json_object_get(job->params, key);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *glob = json_array_get(list, i);
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/%s/%zu", key, i);
        if (strlen(json_string_value(glob)) != json_string_length(glob))
            return llmspell_fail_at(job->call, LLMSPELL_EINVAL, pointer,
                                    "a NUL character is in no file name");
        int error = globs_add(globs, json_string_value(glob));
        if (error == E2BIG)
            return llmspell_fail_at(job->call, LLMSPELL_EINVAL, pointer,
                                    "the braces of %.80s stand for more than 1,000 globs",
                                    json_string_value(glob));
        if (error)
            return no_memory(job);
    }
    return 0;
}

/* ---- the password ---- */

static int32_t keep_password(struct job *job, const char *text, size_t size)
{
    if (memchr(text, '\0', size))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, job->password_pointer,
                                "a password holds no NUL character");
    job->password = strndup(text, size);
    job->password_size = size;
    return job->password ? 0 : no_memory(job);
}

static int32_t read_password(struct job *job)
{
    const char *text = llmspell_string(job->params, "password");
    const char *name = llmspell_string(job->params, "password_secret");
    char *value = NULL;
    uint64_t size = 0;
    job->password_pointer = name ? "/password_secret" : "/password";
    if (text)
        return keep_password(job, text, llmspell_string_length(job->params, "password"));
    if (!name)
        return 0;
    int32_t rc = llmspell_secret_get(job->call, name, "/password_secret", &value, &size);
    if (rc < 0)
        return rc;
    rc = keep_password(job, value, size);
    llmspell_secret_release(job->call, value, size);
    return rc;
}

/* ---- the call ---- */

static int32_t job_init(struct job *job)
{
    const json_t *params = job->params;
    const char *format = llmspell_string(params, "format");
    job->path = llmspell_string(params, "path");
    job->target_path = llmspell_string(params, "target_path");
    if (strlen(job->path) != llmspell_string_length(params, "path"))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/path",
                                "the path holds a NUL character; file names cannot");
    if (strlen(job->target_path) != llmspell_string_length(params, "target_path"))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/target_path",
                                "the path holds a NUL character; file names cannot");
    job->format = format_named(format);
    job->level = (int)llmspell_integer(params, "level", 6);
    job->strip = (size_t)llmspell_integer(params, "strip_components", 0);
    job->overwrite = llmspell_bool(params, "overwrite", 0);
    job->deterministic = llmspell_bool(params, "deterministic", 1);
    job->skip_unsafe = llmspell_is(params, "on_unsafe", "skip");
    job->max_total = (uint64_t)llmspell_integer(params, "max_total", 1 << 30);
    job->max_files = (size_t)llmspell_integer(params, "max_files", 10000);
    int32_t rc = read_globs(job, "include", &job->include);
    if (rc == 0)
        rc = read_globs(job, "exclude", &job->exclude);
    return rc == 0 ? read_password(job) : rc;
}

static void job_clear(struct job *job)
{
    globs_clear(&job->include);
    globs_clear(&job->exclude);
    if (job->password)
        explicit_bzero(job->password, job->password_size);
    free(job->password);
}

static int32_t run(const struct job *job, json_t **ret_result)
{
    static const struct {
        const char *name;
        int32_t (*run)(const struct job *job, json_t **ret_result);
    } operations[] = {{"list", list_run},
                      {"test", test_run},
                      {"extract", extract_run},
                      {"create", create_run},
                      {"add", add_run}};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(job->params, "operation", operations[i].name))
            return operations[i].run(job, ret_result);
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/operation", "unknown operation");
}

/* In the C locale libarchive has no names beyond ASCII. */
static int32_t archive_handler_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    (void)self;
    struct job job = {.call = call, .fs = llmspell_fs_get(call), .params = params};
    if (!job.fs)
        return LLMSPELL_EUNAVAILABLE;
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!utf8)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "this system lacks the locale C.UTF-8, which names in archives need");
    locale_t before = uselocale(utf8);
    int32_t rc = job_init(&job);
    if (rc == 0)
        rc = run(&job, ret_result);
    if (rc == LLMSPELL_ETIMEOUT || rc == LLMSPELL_ECANCELLED)
        call->host->fail(call, rc, NULL, ""); /* not what some file was asked for before */
    job_clear(&job);
    uselocale(before);
    freelocale(utf8);
    return rc;
}

LLMSPELL_TOOL(.invoke = archive_handler_invoke)
