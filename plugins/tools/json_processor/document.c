/* SPDX-License-Identifier: Apache-2.0
 * The document: taken as it is (input), parsed from text, or from a file (path). */
#include <llmspell/fs.h>

#include "processor.h"

#define FILE_MAX (50u << 20)

int32_t job_no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t load_text(struct job *job)
{
    const char *path = llmspell_string(job->params, "path");
    job->text = llmspell_string(job->params, "text");
    job->size = llmspell_string_length(job->params, "text");
    job->pointer = path ? "/path" : "/text";
    if (path) {
        int32_t rc = llmspell_fs_read(job->call, path, "/path", FILE_MAX, &job->file, &job->size);
        if (rc < 0)
            return rc;
        job->text = job->file;
    }
    if (job->size >= 3 && memcmp(job->text, "\xEF\xBB\xBF", 3) == 0) {
        job->text += 3;
        job->size -= 3;
    }
    return 0;
}

json_t *parse_json(const char *text, size_t size, json_error_t *error, int32_t *ret_code)
{
    json_t *value =
        json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, error);
    if (value)
        return value;
    enum json_error_code code = json_error_code(error);
    *ret_code = code == json_error_stack_overflow  ? LLMSPELL_ELIMIT
                : code == json_error_out_of_memory ? LLMSPELL_ENOMEM
                                                   : LLMSPELL_EPARSE;
    if (code == json_error_numeric_overflow && strncmp(error->text, "too big", 7) == 0)
        snprintf(error->text, sizeof error->text, "an integer is beyond 64 bits");
    return NULL;
}

int32_t parse_document(struct job *job)
{
    json_error_t error;
    int32_t code = 0;
    job->document = parse_json(job->text, job->size, &error, &code);
    if (job->document)
        return 0;
    return llmspell_fail_at(job->call, code, job->pointer, "not JSON: %s (line %d, column %d)",
                            error.text, error.line, error.column > 0 ? error.column : 1);
}

int32_t load_document(struct job *job)
{
    json_t *input = json_object_get(job->params, "input");
    job->pointer = "/input";
    job->document = json_incref(input);
    if (input)
        return 0;
    int32_t rc = load_text(job);
    return rc < 0 ? rc : parse_document(job);
}

static bool deeper(const json_t *value, int levels)
{
    const char *key;
    json_t *item;
    size_t i;
    if (levels < 0)
        return true;
    json_array_foreach(value, i, item)
    {
        if (deeper(item, levels - 1))
            return true;
    }
    json_object_foreach((json_t *)value, key, item)
    {
        if (deeper(item, levels - 1))
            return true;
    }
    return false;
}

int32_t check_depth(const struct job *job, const json_t *value)
{
    if (!deeper(value, DEPTH_MAX))
        return 0;
    return llmspell_fail_at(job->call, LLMSPELL_ELIMIT, job->pointer,
                            "the result would be nested deeper than %d levels", DEPTH_MAX);
}
