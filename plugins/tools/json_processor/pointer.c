/* SPDX-License-Identifier: Apache-2.0
 * pointer: the value at a JSON pointer (RFC 6901), or the document with another one there. */
#include "processor.h"

/* The next token of a checked pointer, unescaped, into room; *at moves behind it. */
static void next_token(const char **at, char *token)
{
    const char *c = *at + 1;
    for (; *c && *c != '/'; c++)
        *token++ = (char)(*c != '~' ? *c : *++c == '0' ? '~' : '/');
    *token = '\0';
    *at = c;
}

static int32_t check_pointer(const struct job *job, const char *pointer, size_t size)
{
    bool ok = strlen(pointer) == size && (!*pointer || *pointer == '/');
    for (const char *c = pointer; ok && *c; c++)
        ok = *c != '~' || c[1] == '0' || c[1] == '1';
    if (ok)
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/pointer",
                            "\"%.200s\" is no JSON pointer: \"\" or /a/0, with ~0 for ~ and ~1 "
                            "for /",
                            pointer);
}

/* Digits without leading zeros. */
static bool parse_index(const char *token, size_t *ret_index)
{
    size_t index = 0;
    if (!*token || (*token == '0' && token[1]) || strlen(token) > 10)
        return false;
    for (; *token; token++) {
        if (*token < '0' || *token > '9')
            return false;
        index = index * 10 + (size_t)(*token - '0');
    }
    *ret_index = index;
    return true;
}

static json_t *child(json_t *parent, const char *token)
{
    size_t index = 0;
    if (json_is_object(parent))
        return json_object_get(parent, token);
    return json_is_array(parent) && parse_index(token, &index) ? json_array_get(parent, index)
                                                               : NULL;
}

static int32_t missing(const struct job *job)
{
    return llmspell_fail_at(job->call, LLMSPELL_ENOTFOUND, "/pointer",
                            "nothing is at \"%.200s\" in the document",
                            llmspell_string(job->params, "pointer"));
}

/* Puts value (borrowed) where token leads in parent. */
static int32_t put(const struct job *job, json_t *parent, const char *token, json_t *value)
{
    size_t index = 0;
    int failed;
    if (json_is_object(parent))
        failed = json_object_set(parent, token, value);
    else if (json_is_array(parent) && strcmp(token, "-") == 0)
        failed = json_array_append(parent, value);
    else if (json_is_array(parent) && parse_index(token, &index) && index < json_array_size(parent))
        failed = json_array_set(parent, index, value);
    else
        return missing(job);
    return failed ? job_no_memory(job) : 0;
}

/* Follows pointer to its end; with value, puts that there instead. */
static int32_t follow(const struct job *job, json_t *document, const char *pointer, json_t *value,
                      json_t **ret_found)
{
    LLMSPELL_CLEANUP_FREE char *token = malloc(strlen(pointer) + 1);
    json_t *at = document;
    if (!token)
        return job_no_memory(job);
    while (*pointer) {
        next_token(&pointer, token);
        if (value && !*pointer)
            return put(job, at, token, value);
        at = child(at, token);
        if (!at)
            return missing(job);
    }
    *ret_found = at;
    return 0;
}

static int32_t set_value(struct job *job, const char *pointer, json_t *value, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *document =
        *pointer ? json_deep_copy(job->document) : json_incref(value);
    json_t *found = NULL;
    int32_t rc = document ? 0 : job_no_memory(job);
    if (rc == 0 && *pointer)
        rc = follow(job, document, pointer, value, &found);
    if (rc == 0)
        rc = check_depth(job, document);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result, json_pack("{s:O}", "document", document));
}

int32_t pointer_run(struct job *job, json_t **ret_result)
{
    const char *pointer = llmspell_string(job->params, "pointer");
    json_t *value = json_object_get(job->params, "set"), *found = NULL;
    int32_t rc = check_pointer(job, pointer, llmspell_string_length(job->params, "pointer"));
    if (rc == 0 && value)
        return set_value(job, pointer, value, ret_result);
    if (rc == 0)
        rc = follow(job, job->document, pointer, NULL, &found);
    if (rc == 0)
        rc = check_depth(job, found);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result, json_pack("{s:O}", "value", found));
}
