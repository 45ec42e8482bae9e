/* SPDX-License-Identifier: Apache-2.0
 * markdown_converter: Markdown to HTML or text, its table of contents, what is in it, its front
 * matter. Called by the host's tool registry through llmspell_tool_v1. */
#include "../shared/text_input.h"
#include "markdown.h"

static const struct {
    const char *name;
    int32_t (*run)(const struct document *, json_t **);
} operations[] = {
    {"to_html", op_to_html}, {"to_text", op_to_text},           {"toc", op_toc},
    {"extract", op_extract}, {"front_matter", op_front_matter},
};

static int32_t markdown_invoke(void *self, struct llmspell_call *call, const json_t *params,
                               json_t **ret_result)
{
    (void)self;
    CLEANUP_TEXT_INPUT struct text_input text = {0};
    int32_t rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, &text);
    if (rc < 0)
        return rc;
    struct document document = {.call = call,
                                .params = params,
                                .text = text.data,
                                .size = text.size,
                                .pointer = json_object_get(params, "path") ? "/path" : "/input",
                                .allow_html = llmspell_bool(params, "allow_html", 0)};
    document.flags = llmspell_is(params, "dialect", "gfm") ? MD_DIALECT_GITHUB : 0;
    if (!document.allow_html)
        document.flags |= MD_FLAG_NOHTML;
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(params, "operation", operations[i].name))
            return operations[i].run(&document, ret_result);
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "there is no such operation");
}

LLMSPELL_TOOL(.invoke = markdown_invoke)
