/* SPDX-License-Identifier: Apache-2.0
 * flatten (all leaves in one object, the way to each as its name) and unflatten. */
#include "processor.h"

/* ---- flatten ---- */

/* Each leaf has its whole name: names of deep leaves can outgrow the document many times. */
#define NAMES_MAX ((size_t)64 << 20)

struct flat {
    const struct job *job;
    const char *separator;
    json_t *output;
    struct byte_buffer name;
    size_t names; /* bytes of all names */
};

static int32_t put_leaf(struct flat *flat, json_t *value)
{
    const char *name = flat->name.data ? flat->name.data : "";
    if (flat->name.failed)
        return job_no_memory(flat->job);
    if (json_object_get(flat->output, name))
        return llmspell_fail_at(flat->job->call, LLMSPELL_EINVAL, "/separator",
                                "two values get the name \"%.200s\"; choose another separator",
                                name);
    flat->names += flat->name.size;
    if (flat->names > NAMES_MAX)
        return llmspell_fail_at(flat->job->call, LLMSPELL_ELIMIT, flat->job->pointer,
                                "the flat names take more than %zu MiB; flatten a part of the "
                                "document",
                                NAMES_MAX >> 20);
    if (json_object_set(flat->output, name, value) != 0)
        return job_no_memory(flat->job);
    return llmspell_cancelled(flat->job->call);
}

static int32_t flatten(struct flat *flat, json_t *value, bool root);

/* value beneath the part name, which is cut off again afterwards. */
static int32_t flatten_member(struct flat *flat, const char *part, json_t *value, bool root)
{
    size_t size = flat->name.size;
    if (!root)
        buffer_puts(&flat->name, flat->separator);
    buffer_puts(&flat->name, part);
    int32_t rc = flatten(flat, value, false);
    flat->name.size = size;
    if (flat->name.data)
        flat->name.data[size] = '\0';
    return rc;
}

static int32_t flatten(struct flat *flat, json_t *value, bool root)
{
    const char *key;
    json_t *item;
    size_t i;
    int32_t rc = 0;
    if (json_object_size(value) == 0 && json_array_size(value) == 0)
        return root && json_is_object(value) ? 0 : put_leaf(flat, value);
    json_object_foreach(value, key, item)
    {
        rc = rc < 0 ? rc : flatten_member(flat, key, item, root);
    }
    json_array_foreach(value, i, item)
    {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        rc = rc < 0 ? rc : flatten_member(flat, index, item, root);
    }
    return rc;
}

int32_t flatten_run(struct job *job, json_t **ret_result)
{
    struct flat flat = {.job = job,
                        .separator = llmspell_string(job->params, "separator"),
                        .output = json_object()};
    int32_t rc = flat.output ? flatten(&flat, job->document, true) : job_no_memory(job);
    if (rc == 0)
        rc = llmspell_return(job->call, ret_result, json_pack("{s:O}", "output", flat.output));
    json_decref(flat.output);
    buffer_clear(&flat.name);
    return rc;
}

/* ---- unflatten: levels become objects, values wait in arrays of one; then both are settled ----
 */

static int32_t clash(const struct job *job, const char *name)
{
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, job->pointer,
                            "\"%.200s\" is beneath or above another name, which has a value; "
                            "rename one of them",
                            name);
}

/* The level beneath key, made if it is missing; NULL if a value is there (or no memory). */
static json_t *step_into(json_t *level, const char *key)
{
    json_t *next = json_object_get(level, key);
    if (next)
        return json_is_object(next) ? next : NULL;
    next = json_object();
    return json_object_set_new(level, key, next) == 0 ? next : NULL;
}

static int32_t put_name(const struct job *job, json_t *level, const char *name, json_t *value)
{
    const char *separator = llmspell_string(job->params, "separator");
    LLMSPELL_CLEANUP_FREE char *copy = strdup(name);
    size_t levels = 0;
    if (!copy)
        return job_no_memory(job);
    char *part = copy, *end;
    while ((end = strstr(part, separator))) {
        *end = '\0';
        if (++levels >= DEPTH_MAX)
            return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, job->pointer,
                                    "a name has more than %d parts", DEPTH_MAX);
        level = step_into(level, part);
        if (!level)
            return clash(job, name);
        part = end + strlen(separator);
    }
    if (json_object_get(level, part))
        return clash(job, name);
    if (json_object_set_new(level, part, json_pack("[O]", value)) != 0)
        return job_no_memory(job);
    return llmspell_cancelled(job->call);
}

/* The members of a level whose names are 0 to n-1, in that order; NULL if they are not. */
static json_t *as_array(const json_t *level)
{
    size_t count = json_object_size(level);
    json_t *array = count ? json_array() : NULL;
    for (size_t i = 0; array && i < count; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        json_t *value = json_object_get(level, index);
        if (value && json_array_append(array, value) == 0)
            continue;
        json_decref(array);
        array = NULL;
    }
    return array;
}

/* What a level or a waiting value stands for: a new reference. */
static json_t *settle(json_t *level)
{
    const char *key;
    json_t *value;
    void *next;
    if (json_is_array(level))
        return json_incref(json_array_get(level, 0));
    json_object_foreach_safe(level, next, key, value)
    {
        json_object_set_new(level, key, settle(value));
    }
    json_t *array = as_array(level);
    return array ? array : json_incref(level);
}

int32_t unflatten_run(struct job *job, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *root = json_object();
    const char *key;
    json_t *value;
    int32_t rc = root ? 0 : job_no_memory(job);
    if (rc == 0 && !json_is_object(job->document))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, job->pointer,
                                "unflatten takes an object of names and values");
    json_object_foreach(job->document, key, value)
    {
        if (rc == 0)
            rc = put_name(job, root, key, value);
    }
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *output = settle(root);
    rc = check_depth(job, output);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result, json_pack("{s:O}", "output", output));
}
