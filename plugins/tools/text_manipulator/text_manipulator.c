/* SPDX-License-Identifier: Apache-2.0
 * text_manipulator: text transformations, Unicode-correct. This file is the entry and the table of
 * operations; the operations live beside it, by topic (text.h lists them). */
#include "text.h"

static const struct operation {
    const char *name;
    operation_fn run;
} operations[] = {
    {"uppercase", op_uppercase},
    {"lowercase", op_lowercase},
    {"title_case", op_title_case},
    {"capitalize", op_capitalize},
    {"case_fold", op_case_fold},
    {"reverse", op_reverse},
    {"trim", op_trim},
    {"trim_start", op_trim_start},
    {"trim_end", op_trim_end},
    {"replace", op_replace},
    {"substring", op_substring},
    {"split", op_split},
    {"join", op_join},
    {"snake_case", op_snake_case},
    {"kebab_case", op_kebab_case},
    {"camel_case", op_camel_case},
    {"pascal_case", op_pascal_case},
    {"constant_case", op_constant_case},
    {"slugify", op_slugify},
    {"sanitize", op_sanitize},
    {"truncate", op_truncate},
    {"pad", op_pad},
    {"repeat", op_repeat},
    {"indent", op_indent},
    {"dedent", op_dedent},
    {"normalize_whitespace", op_normalize_whitespace},
    {"normalize", op_normalize},
    {"remove_accents", op_remove_accents},
    {"word_wrap", op_word_wrap},
    {"sort_lines", op_sort_lines},
    {"dedupe_lines", op_dedupe_lines},
    {"reverse_lines", op_reverse_lines},
    {"number_lines", op_number_lines},
    {"remove_empty_lines", op_remove_empty_lines},
    {"count", op_count},
    {"extract", op_extract},
};

static const struct operation *find_operation(const char *name)
{
    for (size_t i = 0; name && i < sizeof operations / sizeof *operations; i++)
        if (strcmp(operations[i].name, name) == 0)
            return &operations[i];
    return NULL;
}

/* Graphemes of a text; entries of a list; members of an object. */
static int64_t length_of(struct llmspell_call *call, const json_t *value)
{
    if (json_is_array(value))
        return (int64_t)json_array_size(value);
    if (json_is_object(value))
        return (int64_t)json_object_size(value);
    struct text text = {json_string_value(value), json_string_length(value)};
    return grapheme_count(call, text);
}

static int32_t finish(struct task *task, const char *operation, json_t **ret_result)
{
    int32_t rc = buffer_check(task->call, &task->out);
    if (rc < 0)
        return rc;
    if (!task->value) {
        struct text out = buffer_text(&task->out);
        task->value = json_stringn(out.data, out.len);
        if (!task->value)
            return no_memory(task->call);
    }
    int64_t before = length_of(task->call, json_object_get(task->params, "input"));
    if (before < 0)
        return (int32_t)before;
    int64_t after = length_of(task->call, task->value);
    if (after < 0)
        return (int32_t)after;
    return llmspell_return(task->call, ret_result,
                           json_pack("{s:s, s:O, s:I, s:I}", "operation", operation, "result",
                                     task->value, "original_length", (json_int_t)before,
                                     "result_length", (json_int_t)after));
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    (void)self;
    const char *name = llmspell_string(params, "operation");
    const struct operation *operation = find_operation(name);
    if (!operation)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "there is no operation %s",
                                name ? name : "without a name");
    struct task task = {.call = call, .params = params};
    const char *input = llmspell_string(params, "input");
    if (input)
        task.input = (struct text){input, llmspell_string_length(params, "input")};
    else
        task.input = (struct text){"", 0};
    int32_t rc = operation->run(&task);
    if (rc == 0)
        rc = finish(&task, operation->name, ret_result);
    buffer_free(&task.out);
    json_decref(task.value);
    return rc;
}

LLMSPELL_TOOL(.invoke = invoke)
