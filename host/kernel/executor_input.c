/* SPDX-License-Identifier: Apache-2.0
 * A script asks its client for a line, and the executor waits for the answer; meanwhile it runs
 * what comes for other shells. Called by executor.c (the script) and dispatch.c (the answer). */
#include <llmspell/tool.h>

#include "kernel/internal.h"

struct executor_input {
    struct operation *operation;
    json_t *value;
    struct executor_input *outer; /* that waits further down the stack */
};

static int32_t wait_for(struct executor *executor, struct executor_input *input, json_t **ret_value)
{
    pthread_mutex_lock(&executor->lock);
    while (!input->value && !cancel_is_set(&input->operation->cancel))
        executor_nest_wait(executor);
    executor->input = input->outer;
    pthread_mutex_unlock(&executor->lock);
    if (json_is_string(input->value)) {
        *ret_value = input->value;
        return 0;
    }
    bool ended = input->value != NULL;
    json_decref(input->value);
    return ended ? LLMSPELL_ENOTFOUND : LLMSPELL_ECANCELLED;
}

int32_t executor_input_ask(struct operation *operation, const char *prompt, bool password,
                           json_t **ret_value)
{
    struct executor *executor = &operation->kernel->executor;
    struct executor_input input = {.operation = operation};
    output_flush(&executor->output);
    pthread_mutex_lock(&executor->lock);
    input.outer = executor->input;
    executor->input = &input;
    pthread_mutex_unlock(&executor->lock);
    if (operation_hold(operation)) {
        operation->input(operation->data,
                         json_pack("{s:s, s:b}", "prompt", prompt, "password", password));
        operation_release(operation);
    } else {
        executor_input_ends(executor, operation);
    }
    return wait_for(executor, &input, ret_value);
}

/* An input_reply: only while somebody waits for one. {"value": null} is end of input. */
void executor_input(struct executor *executor, const json_t *content)
{
    pthread_mutex_lock(&executor->lock);
    if (executor->input) {
        json_t *value = json_object_get(content, "value");
        json_decref(executor->input->value);
        executor->input->value = value ? json_deep_copy(value) : json_null();
        pthread_cond_broadcast(&executor->changed);
    }
    pthread_mutex_unlock(&executor->lock);
}

/* The client that was asked is gone: for the code that waits this is the end of input. */
void executor_input_ends(struct executor *executor, const struct operation *operation)
{
    pthread_mutex_lock(&executor->lock);
    for (struct executor_input *input = executor->input; input; input = input->outer)
        if (input->operation == operation && !input->value)
            input->value = json_null();
    pthread_cond_broadcast(&executor->changed);
    pthread_mutex_unlock(&executor->lock);
}
