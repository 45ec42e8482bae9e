/* SPDX-License-Identifier: Apache-2.0
 * text_analyzer: counts, frequencies, readability, language, keywords, similarity. This file is the
 * entry. Called by the host's tool registry. */
#include "analyzer.h"

#include <math.h>

#include "../shared/text_input.h"

static const struct operation {
    const char *name;
    int32_t (*run)(const struct task *task, json_t **ret_result);
} operations[] = {
    {"stats", run_stats},         {"frequency", run_frequency}, {"readability", run_readability},
    {"language", run_language},   {"keywords", run_keywords},   {"similarity", run_similarity},
    {"sentences", run_sentences},
};

json_t *number_json(double number)
{
    if (floor(number) == number && fabs(number) <= 9007199254740992.0)
        return json_integer((json_int_t)number);
    return json_real(number);
}

static int32_t text_analyzer_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    (void)config;
    *ret_self = languages_new();
    return *ret_self ? 0 : no_memory(call);
}

static int32_t text_analyzer_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                    json_t **ret_result)
{
    CLEANUP_TEXT_INPUT struct text_input input = {0};
    int32_t rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, &input);
    if (rc < 0)
        return rc;
    struct task task = {.call = call,
                        .params = params,
                        .text = {input.data, input.size},
                        .pointer = json_object_get(params, "input") ? "/input" : "/path",
                        .languages = self};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
        if (llmspell_is(params, "operation", operations[i].name))
            return operations[i].run(&task, ret_result);
    return llmspell_fail_at(call, LLMSPELL_EINVAL, "/operation", "there is no such operation");
}

static void text_analyzer_close(void *self)
{
    languages_free(self);
}

LLMSPELL_TOOL(.open = text_analyzer_open, .invoke = text_analyzer_invoke,
              .close = text_analyzer_close)
