/* SPDX-License-Identifier: Apache-2.0
 * random_generator: random numbers, texts, passwords, choices and dice; the same for the same seed.
 * Called by the host's tool registry through llmspell_tool_v1. */
#include "random.h"

static const struct {
    const char *name;
    int32_t (*run)(struct task *task);
} OPERATIONS[] = {
    {"integer", random_integer},       {"float", random_float},
    {"string", random_string},         {"password", random_password},
    {"bytes", random_bytes},           {"choice", random_choice},
    {"passphrase", random_passphrase}, {"sample", random_sample},
    {"shuffle", random_shuffle},       {"dice", random_dice},
    {"boolean", random_boolean},
};

int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

int32_t task_check(struct task *task)
{
    if (task->source.error)
        return llmspell_fail(task->call, LLMSPELL_EIO, "the kernel's random generator failed: %s",
                             strerror(task->source.error));
    return llmspell_cancelled(task->call);
}

int32_t task_add(struct task *task, json_t *value)
{
    if (json_array_append_new(task->values, value) != 0)
        return no_memory(task->call);
    return task_check(task);
}

/* Who knows the seed knows the secret. */
static int32_t check_seed(const struct task *task)
{
    const char *operation = llmspell_string(task->params, "operation");
    if (!task->source.seeded || strncmp(operation, "pass", 4) != 0)
        return 0;
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/seed",
                            "a seed makes a %s guessable; leave it out", operation);
}

static int32_t run(struct task *task)
{
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof OPERATIONS[0]; i++)
        if (llmspell_is(task->params, "operation", OPERATIONS[i].name))
            return OPERATIONS[i].run(task);
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/operation", "unknown operation");
}

static json_t *result_json(const struct task *task)
{
    json_t *first = json_array_get(task->values, 0); /* an empty sample has none */
    json_t *result =
        json_pack("{s:s, s:O, s:O?, s:b}", "operation", llmspell_string(task->params, "operation"),
                  "values", task->values, "value", first, "seeded", task->source.seeded);
    if (result && json_object_update(result, task->extra) != 0) {
        json_decref(result);
        return NULL;
    }
    return result;
}

static int32_t random_generator_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                       json_t **ret_result)
{
    (void)self;
    LLMSPELL_CLEANUP_JSON json_t *values = json_array();
    LLMSPELL_CLEANUP_JSON json_t *extra = json_object();
    struct task task = {.call = call,
                        .params = params,
                        .count = (size_t)llmspell_integer(params, "count", 1),
                        .values = values,
                        .extra = extra};
    if (!values || !extra)
        return no_memory(call);
    source_init(&task.source, json_object_get(params, "seed"));
    int32_t rc = check_seed(&task);
    if (rc == 0)
        rc = run(&task);
    if (rc == 0)
        rc = llmspell_return(call, ret_result, result_json(&task));
    source_clear(&task.source);
    return rc;
}

LLMSPELL_TOOL(.invoke = random_generator_invoke)
