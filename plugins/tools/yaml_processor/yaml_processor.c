/* SPDX-License-Identifier: Apache-2.0
 * yaml_processor: YAML to JSON values and back, checked, reformatted, queried, merged. Called by
 * the host's tool registry through llmspell_tool_v1. */
#include "../shared/bounded_text.h"
#include "../shared/text_input.h"
#include "../shared/yaml_write.h"
#include "processor.h"

#define OUTPUT_MAX (64u << 20) /* bytes */

/* input or path */
static int32_t load(struct llmspell_call *call, const json_t *params, struct text_input *text,
                    struct source *ret)
{
    int32_t rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, text);
    *ret = (struct source){.call = call,
                           .text = text->data,
                           .size = text->size,
                           .pointer = json_object_get(params, "path") ? "/path" : "/input"};
    return rc;
}

static int32_t parse(struct llmspell_call *call, const json_t *params, const struct source *source,
                     json_t **ret_result)
{
    json_t *value = NULL;
    size_t count = 0;
    int32_t rc = documents_value(source, llmspell_bool(params, "all_documents", 0), &value, &count);
    if (rc < 0)
        return rc;
    return llmspell_return(call, ret_result,
                           json_pack("{s:o, s:I}", "value", value, "documents", (json_int_t)count));
}

static int32_t query(struct llmspell_call *call, const json_t *params, const struct source *source,
                     json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    size_t count = 0;
    int32_t rc = documents_value(source, llmspell_bool(params, "all_documents", 0), &value, &count);
    return rc < 0 ? rc : query_run(call, params, value, ret_result);
}

/* A text that cannot be read is an answer here; one that is too much is not. */
static int32_t validate(struct llmspell_call *call, const json_t *params,
                        const struct source *source, json_t **ret_result)
{
    (void)params;
    CLEANUP_YAML_DOCUMENTS struct yaml_documents documents = {0};
    struct yaml_input input = {call, source->text, source->size, true};
    int32_t rc = yaml_read(&input, &documents);
    if (rc < 0 && rc != LLMSPELL_EPARSE)
        return yaml_fail(call, rc, &documents, source->pointer);
    json_t *error = NULL;
    if (rc < 0)
        error = json_pack("{s:s, s:I, s:I}", "message", documents.message, "line",
                          (json_int_t)documents.line, "column", (json_int_t)documents.column);
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:I, s:o*}", "valid", rc == 0, "documents",
                                     (json_int_t)json_array_size(documents.values), "error",
                                     error));
}

/* NULL in ret_value: a text without a document, which changes nothing. */
static int32_t read_other(struct llmspell_call *call, const json_t *others, size_t index,
                          json_t **ret_value)
{
    char pointer[40];
    size_t count = 0;
    const json_t *text = json_array_get(others, index);
    snprintf(pointer, sizeof pointer, "/others/%zu", index);
    struct source source = {.call = call,
                            .text = json_string_value(text),
                            .size = json_string_length(text),
                            .pointer = pointer};
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    int32_t rc = documents_value(&source, false, &value, &count);
    if (rc == 0 && count > 0)
        *ret_value = llmspell_steal_json(&value);
    return rc;
}

static int32_t merge(struct llmspell_call *call, const json_t *params, const struct source *source,
                     json_t **ret_result)
{
    const json_t *others = json_object_get(params, "others");
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    size_t count = 0;
    int32_t rc = documents_value(source, false, &value, &count);
    for (size_t i = 0; rc == 0 && i < json_array_size(others); i++) {
        LLMSPELL_CLEANUP_JSON json_t *other = NULL;
        rc = read_other(call, others, i, &other);
        if (rc < 0)
            break;
        if (!other)
            continue;
        json_t *merged = documents_merge(value, other);
        json_decref(value);
        value = merged;
        if (!merged)
            return llmspell_return(call, ret_result, NULL);
    }
    return rc < 0 ? rc : llmspell_return(call, ret_result, json_pack("{s:O}", "value", value));
}

/* ---- writing ---- */

static struct yaml_style style_of(const json_t *params, const struct yaml_specials *specials)
{
    return (struct yaml_style){.indent = (size_t)llmspell_integer(params, "indent", 2),
                               .sort_keys = llmspell_bool(params, "sort_keys", 0),
                               .flow = llmspell_bool(params, "flow", 0),
                               .width = (size_t)llmspell_integer(params, "width", 0),
                               .specials = specials};
}

/* One document as it is, several each behind --- */
static int32_t write_documents(struct llmspell_call *call, const json_t *documents,
                               const struct yaml_style *style, json_t **ret_result)
{
    CLEANUP_BOUNDED_TEXT struct bounded_text out = {.max = OUTPUT_MAX, .call = call};
    size_t count = json_array_size(documents);
    for (size_t i = 0; i < count; i++) {
        int32_t stop = llmspell_cancelled(call);
        if (stop < 0)
            return stop;
        if (count > 1)
            bounded_puts(&out, "---\n");
        yaml_write(&out, json_array_get(documents, i), style);
    }
    int32_t rc = bounded_text_check(call, &out);
    return rc < 0 ? rc
                  : llmspell_return(call, ret_result,
                                    json_pack("{s:o}", "output", bounded_text_json(&out)));
}

static int32_t format(struct llmspell_call *call, const json_t *params, const struct source *source,
                      json_t **ret_result)
{
    CLEANUP_YAML_DOCUMENTS struct yaml_documents documents = {0};
    struct source exact = *source;
    exact.keep_reals = true;
    int32_t rc = documents_read(&exact, &documents);
    if (rc < 0)
        return rc;
    struct yaml_style style = style_of(params, &documents.specials);
    return write_documents(call, documents.values, &style, ret_result);
}

static int32_t emit(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    json_t *value = json_object_get(params, "value");
    struct yaml_style style = style_of(params, NULL);
    LLMSPELL_CLEANUP_JSON json_t *one = json_pack("[O]", value);
    if (!one)
        return llmspell_return(call, ret_result, NULL);
    bool all = llmspell_bool(params, "all_documents", 0);
    if (all && !json_is_array(value))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/value",
                                "with all_documents the value is a list, one item a document");
    return write_documents(call, all ? value : one, &style, ret_result);
}

static const struct {
    const char *name;
    int32_t (*run)(struct llmspell_call *, const json_t *, const struct source *, json_t **);
} operations[] = {
    {"parse", parse}, {"validate", validate}, {"format", format},
    {"query", query}, {"merge", merge},
};

static int32_t yaml_invoke(void *self, struct llmspell_call *call, const json_t *params,
                           json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "emit"))
        return emit(call, params, ret_result);
    CLEANUP_TEXT_INPUT struct text_input text = {0};
    struct source source;
    int32_t rc = load(call, params, &text, &source);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(params, "operation", operations[i].name))
            return operations[i].run(call, params, &source, ret_result);
    return rc < 0 ? rc
                  : llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation",
                                     "there is no such operation");
}

LLMSPELL_TOOL(.invoke = yaml_invoke)
