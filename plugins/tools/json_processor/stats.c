/* SPDX-License-Identifier: Apache-2.0
 * stats (what a document is made of) and format (the document as text). */
#include "processor.h"

struct counts {
    json_int_t depth, objects, arrays, strings, numbers, booleans, nulls, keys;
};

static void count(const json_t *value, json_int_t depth, struct counts *counts)
{
    const char *key;
    json_t *item;
    size_t i;
    bool container = json_is_object(value) || json_is_array(value);
    counts->objects += json_is_object(value);
    counts->arrays += json_is_array(value);
    counts->strings += json_is_string(value);
    counts->numbers += json_is_number(value);
    counts->booleans += json_is_boolean(value);
    counts->nulls += json_is_null(value);
    counts->keys += (json_int_t)json_object_size(value);
    if (depth + container > counts->depth)
        counts->depth = depth + container;
    json_array_foreach(value, i, item)
    {
        count(item, depth + 1, counts);
    }
    json_object_foreach((json_t *)value, key, item)
    {
        count(item, depth + 1, counts);
    }
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    case JSON_STRING:
        return "string";
    case JSON_NULL:
        return "null";
    default:
        return json_is_boolean(value) ? "boolean" : "number";
    }
}

static int32_t write_text(const struct job *job, const struct json_style *style,
                          struct byte_buffer *out)
{
    json_write(out, job->document, style);
    return out->failed ? job_no_memory(job) : llmspell_cancelled(job->call);
}

int32_t stats_run(struct job *job, json_t **ret_result)
{
    static const struct json_style compact = {.indent = 0};
    CLEANUP_BUFFER struct byte_buffer text = {0};
    struct counts counts = {0};
    int32_t rc = job->text ? 0 : write_text(job, &compact, &text);
    if (rc < 0)
        return rc;
    count(job->document, 0, &counts);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "type",
                                     type_name(job->document), "depth", counts.depth, "objects",
                                     counts.objects, "arrays", counts.arrays, "strings",
                                     counts.strings, "numbers", counts.numbers, "booleans",
                                     counts.booleans, "nulls", counts.nulls, "keys", counts.keys,
                                     "bytes", (json_int_t)(job->text ? job->size : text.size)));
}

int32_t format_run(struct job *job, json_t **ret_result)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    struct json_style style = {.indent = (int)llmspell_integer(job->params, "indent", 2),
                               .sort_keys = llmspell_bool(job->params, "sort_keys", 0),
                               .ascii = llmspell_bool(job->params, "ascii", 0)};
    int32_t rc = write_text(job, &style, &text);
    if (rc < 0)
        return rc;
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:o}", "output", json_stringn(text.data, text.size)));
}
