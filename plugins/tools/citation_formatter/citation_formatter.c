/* SPDX-License-Identifier: Apache-2.0
 * citation_formatter: bibliographies in BibTeX, CSL-JSON or YAML as citations in six styles,
 * checked, or converted. Called by the host's tool registry through llmspell_tool_v1. */
#include "../shared/yaml_write.h"
#include "citation.h"

static int32_t to_yaml(struct library *library, json_t **ret_output)
{
    struct bounded_text out = {.max = TEXT_MAX};
    struct yaml_style style = {.indent = 2};
    LLMSPELL_CLEANUP_JSON json_t *value = json_pack("{s:O}", "references", library->items);
    if (value)
        yaml_write(&out, value, &style);
    int32_t rc = value ? bounded_text_check(library->call, &out) : no_memory(library->call);
    if (rc == 0)
        *ret_output = bounded_text_json(&out);
    bounded_text_clear(&out);
    return rc;
}

static int32_t to_bibtex(struct library *library, json_t **ret_output)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = TEXT_MAX};
    size_t index;
    json_t *item;
    json_array_foreach(library->items, index, item)
    {
        if (index > 0)
            text_buffer_putc(&out, '\n');
        bibtex_write(&out, item);
        if (index % 64 == 0)
            library->call->host->progress(library->call, (double)index,
                                          (double)json_array_size(library->items), "writing");
        int32_t stop = index % 64 == 0 ? llmspell_cancelled(library->call) : 0;
        if (stop < 0)
            return stop;
    }
    *ret_output = text_buffer_json(&out);
    return text_buffer_check(library->call, &out);
}

int32_t op_convert(struct library *library, const json_t *params, json_t **ret_result)
{
    json_t *output = NULL;
    int32_t rc = 0;
    if (llmspell_is(params, "to", "bibtex"))
        rc = to_bibtex(library, &output);
    else if (llmspell_is(params, "to", "yaml"))
        rc = to_yaml(library, &output);
    else
        output = json_incref(library->items);
    if (rc < 0) {
        json_decref(output);
        return rc;
    }
    return llmspell_return(library->call, ret_result,
                           json_pack("{s:o, s:I}", "output", output, "count",
                                     (json_int_t)json_array_size(library->items)));
}

static const struct {
    const char *name;
    int32_t (*run)(struct library *, const json_t *, json_t **);
} operations[] = {{"format", op_format}, {"validate", op_validate}, {"convert", op_convert}};

static int32_t citation_invoke(void *self, struct llmspell_call *call, const json_t *params,
                               json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "list_styles"))
        return op_list_styles(call, ret_result);
    CLEANUP_LIBRARY struct library library = {0};
    int32_t rc = library_load(call, params, &library);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(params, "operation", operations[i].name))
            return operations[i].run(&library, params, ret_result);
    return rc < 0 ? rc
                  : llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation",
                                     "there is no such operation");
}

LLMSPELL_TOOL(.invoke = citation_invoke)
