/* SPDX-License-Identifier: Apache-2.0
 * diff_calculator: differences of texts and JSON values, and their application. This file is the
 * entry with the operations on whole texts and on JSON. Called by the host's tool registry. */
#include "diff.h"

#include "../shared/json_change.h"
#include "../shared/text_input.h"

static const struct format {
    const char *name;
    int32_t (*run)(const struct diff *diff);
} formats[] = {
    {"unified", format_unified}, {"context", format_context}, {"side_by_side", format_side_by_side},
    {"inline", format_inline},   {"simple", format_simple},
};

static const struct format *find_format(const char *name)
{
    size_t i = sizeof formats / sizeof *formats - 1;
    while (i > 0 && strcmp(formats[i].name, name) != 0)
        i--;
    return &formats[i];
}

enum whitespace whitespace_of(const json_t *params)
{
    static const char *const names[] = {"none", "trailing", "change", "all"};
    for (int i = 1; i < 4; i++)
        if (llmspell_is(params, "ignore_whitespace", names[i]))
            return (enum whitespace)i;
    return WHITESPACE_COUNTS;
}

/* One side: a text of the parameters or a file, in lines. */
static int32_t load(struct llmspell_call *call, const json_t *params, const char *text_key,
                    const char *path_key, struct text_input *ret_input, struct pieces *ret_lines)
{
    char pointer[32];
    snprintf(pointer, sizeof pointer, "/%s",
             json_object_get(params, text_key) ? text_key : path_key);
    int32_t rc = text_input_load(call, params, text_key, path_key, SIDE_BYTES_MAX, ret_input);
    if (rc == 0)
        rc = pieces_lines(call, (struct span){ret_input->data, ret_input->size}, ret_lines);
    if (rc == 0 && ret_lines->count > SIDE_LINES_MAX)
        return llmspell_fail_at(call, LLMSPELL_ELIMIT, pointer,
                                "the text has %zu lines, more than the limit of %u",
                                ret_lines->count, SIDE_LINES_MAX);
    return rc;
}

static json_t *stats_json(const struct diff *diff)
{
    json_int_t added = 0, removed = 0;
    for (size_t i = 0; i < diff->changes->count; i++) {
        added += (json_int_t)diff->changes->items[i].b_size;
        removed += (json_int_t)diff->changes->items[i].a_size;
    }
    return json_pack("{s:I, s:I, s:I, s:I}", "added", added, "removed", removed, "unchanged",
                     (json_int_t)diff->a->count - removed, "hunks", (json_int_t)hunk_count(diff));
}

static int32_t show(struct diff *diff, json_t **ret_result)
{
    CLEANUP_OUTPUT struct output out = {0};
    const struct format *format = find_format(llmspell_string(diff->params, "format"));
    bool identical = diff->changes->count == 0;
    diff->out = &out;
    int32_t rc = identical ? 0 : format->run(diff);
    if (rc == 0)
        rc = output_check(diff->call, &out);
    if (rc < 0)
        return rc;
    return llmspell_return(diff->call, ret_result,
                           json_pack("{s:s, s:b, s:s%, s:o}", "format", format->name, "identical",
                                     identical, "diff", out.data ? out.data : "", out.size, "stats",
                                     stats_json(diff)));
}

static int32_t run_text(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_TEXT_INPUT struct text_input old = {0}, new = {0};
    CLEANUP_PIECES struct pieces a = {NULL, 0, 0}, b = {NULL, 0, 0};
    CLEANUP_CHANGES struct changes changes = {NULL, 0};
    int32_t rc = load(call, params, "old_text", "old_path", &old, &a);
    if (rc == 0)
        rc = load(call, params, "new_text", "new_path", &new, &b);
    if (rc == 0)
        rc = changes_find(call, &a, &b, whitespace_of(params), &changes);
    if (rc < 0)
        return rc;
    struct diff diff = {call, &a, &b, &changes, params, NULL};
    return show(&diff, ret_result);
}

static int32_t apply_json(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    json_t *document = NULL;
    int32_t rc = json_patch_apply(call, json_object_get(params, "document"),
                                  json_object_get(params, "patch"), &document);
    return rc < 0 ? rc
                  : llmspell_return(call, ret_result, json_pack("{s:o}", "document", document));
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "json"))
        return json_diff_values(call, json_object_get(params, "old_json"),
                                json_object_get(params, "new_json"), ret_result);
    if (llmspell_is(params, "operation", "apply_text"))
        return run_apply_text(call, params, ret_result);
    if (llmspell_is(params, "operation", "apply_json"))
        return apply_json(call, params, ret_result);
    return run_text(call, params, ret_result);
}

LLMSPELL_TOOL(.invoke = invoke)
