/* SPDX-License-Identifier: Apache-2.0
 * Which message goes where: answered at once, in order behind what is executed, by the executor,
 * the pool, or the history's thread. One row of RULES a message type. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

/* ---- the messages that the kernel answers itself, at once ---- */

/* The header is JSON text: the id stands in it in quotes. */
static struct operation *find_active(struct kernel *kernel, const char *msg_id)
{
    char quoted[160];
    if (snprintf(quoted, sizeof quoted, "\"%s\"", msg_id) >= (int)sizeof quoted)
        return NULL;
    for (struct operation *o = kernel->active; o; o = o->right)
        if (o->parent_size && strstr(o->text, quoted))
            return o;
    return NULL;
}

/* With "msg_id": just the request of that id; without: what is executed. */
json_t *kernel_cancel(struct kernel *kernel, const json_t *content)
{
    const char *msg_id = llmspell_string(content, "msg_id");
    if (!msg_id || !*msg_id) {
        executor_interrupt(&kernel->executor, NULL);
        return json_pack("{s:s}", "status", "ok");
    }
    pthread_mutex_lock(&kernel->lock);
    struct operation *operation = find_active(kernel, msg_id);
    bool found = operation != NULL, waits = false;
    if (found) {
        cancel_set(&operation->cancel);
        waits = queue_remove(&kernel->executor.queue, operation);
        if (!waits)
            executor_interrupt(&kernel->executor, operation);
    }
    pthread_mutex_unlock(&kernel->lock);
    if (waits) /* off the queue it is ours */
        executor_drop(&kernel->executor, operation);
    return json_pack("{s:s, s:b}", "status", "ok", "found", found);
}

static json_t *at_interrupt(struct operation *operation)
{
    return kernel_cancel(operation->kernel, operation->content);
}

static json_t *at_kernel_info(struct operation *operation)
{
    return answer_kernel_info(operation->kernel);
}

static json_t *at_status(struct operation *operation)
{
    return answer_status(operation->kernel);
}

static json_t *at_comm_info(struct operation *operation)
{
    return comm_answer(operation, LLMSPELL_EUNKNOWN, NULL, "no runtime is there yet");
}

static json_t *at_shutdown(struct operation *operation)
{
    return json_pack("{s:s, s:b}", "status", "ok", "restart",
                     llmspell_bool(operation->content, "restart", 0));
}

/* IN_ORDER: at once if nothing is executed or it is a control request; BY_RUNTIME: at once if there
 * is no runtime yet, which is not loaded for this. */
enum way { AT_ONCE, IN_ORDER, BY_RUNTIME, EXECUTOR, POOL, HISTORY, OWNER, PLUGIN };

struct message_rule {
    const char *msg_type;
    enum way way;
    json_t *(*answer)(struct operation *operation);
};

static const struct message_rule RULES[] = {
    {"execute_request", EXECUTOR, NULL},
    {"complete_request", EXECUTOR, NULL},
    {"debuggee_request", EXECUTOR, NULL},
    {"inspect_request", EXECUTOR, NULL},
    {"is_complete_request", EXECUTOR, NULL},
    {"comm_open", EXECUTOR, NULL},
    {"comm_msg", EXECUTOR, NULL},
    {"comm_close", EXECUTOR, NULL},
    {"kernel_info_request", IN_ORDER, at_kernel_info},
    {"tool_request", POOL, NULL},
    {"status_request", AT_ONCE, at_status},
    {"interrupt_request", AT_ONCE, at_interrupt},
    {"history_request", HISTORY, NULL},
    {"comm_info_request", BY_RUNTIME, at_comm_info},
    {"shutdown_request", AT_ONCE, at_shutdown},
    {"create_subshell_request", AT_ONCE, answer_create_subshell},
    {"delete_subshell_request", AT_ONCE, answer_delete_subshell},
    {"list_subshell_request", AT_ONCE, answer_list_subshell},
    {"reload_request", OWNER, NULL},
    {"dump_request", OWNER, NULL},
};

#define RULE_COUNT (sizeof RULES / sizeof RULES[0])

_Static_assert(RULE_COUNT < METRIC_TYPES, "each message type has a row of the metrics");

const char *dispatch_type(size_t row)
{
    return row < RULE_COUNT ? RULES[row].msg_type : row == RULE_COUNT ? "other" : NULL;
}

static json_t *refuse_debugging(struct operation *operation)
{
    (void)operation;
    return error_reply(LLMSPELL_EUNAVAILABLE,
                       "debugging is not available: no protocol plugin of this kernel answers "
                       "debug_request; add dap to [kernel] protocol");
}

/* What stands for a plugin that is not there; it has no row of the metrics of its own. */
static const struct message_rule *find_unhandled(const char *msg_type)
{
    static const struct message_rule debugging = {"debug_request", AT_ONCE, refuse_debugging};
    return strcmp(msg_type, debugging.msg_type) == 0 ? &debugging : NULL;
}

static const struct message_rule *find_rule(const char *msg_type)
{
    for (size_t i = 0; i < RULE_COUNT; i++)
        if (strcmp(RULES[i].msg_type, msg_type) == 0)
            return &RULES[i];
    return NULL;
}

bool dispatch_knows(const char *msg_type)
{
    return find_rule(msg_type) != NULL;
}

int kernel_answer(struct operation *operation, const char *msg_type, const json_t *content,
                  json_t **ret_reply)
{
    if (strcmp(msg_type, "tool_request") == 0)
        *ret_reply = answer_tool(operation, content);
    else if (strcmp(msg_type, "status_request") == 0)
        *ret_reply = answer_status(operation->kernel);
    else if (strcmp(msg_type, "kernel_info_request") == 0)
        *ret_reply = answer_kernel_info(operation->kernel);
    else
        return LLMSPELL_EUNKNOWN;
    return *ret_reply ? 0 : LLMSPELL_ENOMEM;
}

/* ---- submit ---- */

/* EBUSY: the kernel ends; EUNAVAILABLE: the protocol that it came through does. */
static int enter(struct kernel *kernel, struct operation *operation)
{
    pthread_mutex_lock(&kernel->lock);
    int rc = kernel->closing                                  ? LLMSPELL_EBUSY
             : operation->origin && operation->origin->closed ? LLMSPELL_EUNAVAILABLE
                                                              : 0;
    if (rc == 0) {
        operation->right = kernel->active;
        if (kernel->active)
            kernel->active->left = operation;
        kernel->active = operation;
        kernel->active_count++;
    }
    pthread_mutex_unlock(&kernel->lock);
    return rc;
}

/* The kernel is asked to end: what comes from now on is refused, and not only once the owner of the
 * process gets to it. */
static void close_entry(struct kernel *kernel)
{
    pthread_mutex_lock(&kernel->lock);
    kernel->closing = true;
    pthread_mutex_unlock(&kernel->lock);
}

static void answer_now(struct operation *operation, const struct message_rule *rule)
{
    struct kernel *kernel = operation->kernel;
    bool shutdown = rule->answer == at_shutdown;
    if (shutdown && kernel->shutdown)
        close_entry(kernel);
    json_t *content = json_incref(operation->content); /* it outlives the operation */
    operation_begin(operation);
    if (shutdown)
        publish(kernel, operation, "shutdown_notification", content);
    operation_finish(operation, rule->answer(operation));
    if (shutdown && kernel->shutdown)
        kernel->shutdown(kernel->data, content);
    json_decref(content);
}

static void to_owner(struct operation *operation)
{
    struct kernel *kernel = operation->kernel;
    operation_begin(operation);
    if (kernel->manage)
        kernel->manage(kernel->data, operation);
    else
        operation_finish(operation, error_reply(LLMSPELL_EUNAVAILABLE,
                                                "only a kernel process can do this (`llmspell "
                                                "kernel start`): name one with --kernel"));
}

/* It may be answered, and gone, before receiver returns. */
static void to_plugin(struct operation *operation)
{
    struct operation hold = {.kernel = operation->kernel, .plugin = operation->plugin};
    const struct handler *plugin = operation->plugin;
    operation->plugin = NULL;
    operation_begin(operation);
    plugin->receiver(plugin->data, (struct llmspell_pending *)operation, operation->content,
                     operation->text, operation->parent_size);
    handlers_release(&hold);
}

static void refuse_subshell(struct operation *operation)
{
    operation_begin(operation);
    operation_finish(operation,
                     error_reply(LLMSPELL_ENOTFOUND,
                                 "there is no subshell with the subshell_id of this request's "
                                 "header: list_subshell_request names those that there are, "
                                 "create_subshell_request makes one"));
}

static void dispatch(struct operation *operation, const struct message_rule *rule)
{
    struct kernel *kernel = operation->kernel;
    enum way way = rule ? rule->way : operation->plugin->function ? POOL : PLUGIN;
    if (way == IN_ORDER)
        way = (operation->flags & LLMSPELL_REQUEST_CONTROL) ||
                      atomic_load(&kernel->executor.pending) == 0
                  ? AT_ONCE
                  : EXECUTOR;
    if (way == BY_RUNTIME)
        way = executor_is_started(&kernel->executor) ? EXECUTOR : AT_ONCE;
    if (way == AT_ONCE)
        answer_now(operation, rule);
    else if (way == OWNER)
        to_owner(operation);
    else if (way == PLUGIN)
        to_plugin(operation);
    else if (way == POOL)
        pool_submit(&kernel->pool, operation);
    else if (way == HISTORY)
        history_submit(subshell_history(operation), operation);
    else
        executor_submit(&kernel->executor, operation);
}

/* A request of ours from one whose members may end earlier. */
static struct llmspell_request complete(const struct llmspell_request *request)
{
    struct llmspell_request own = {0};
    memcpy(&own, request, request->size < sizeof own ? request->size : sizeof own);
    return own;
}

int kernel_submit(struct kernel *kernel, struct llmspell_ctx *origin,
                  const struct llmspell_request *request)
{
    struct llmspell_request own = complete(request);
    if (strcmp(own.msg_type, "input_reply") == 0) {
        atomic_fetch_add_explicit(&kernel->requests, 1, memory_order_relaxed);
        executor_input(&kernel->executor, own.content);
        json_decref(own.content);
        return 0;
    }
    if (!own.content)
        own.content = json_object();
    struct operation *operation = own.content ? operation_new(kernel, origin, &own) : NULL;
    if (!operation) {
        json_decref(own.content);
        return LLMSPELL_ENOMEM;
    }
    const struct message_rule *known = find_rule(operation->msg_type), *rule = known;
    int rc = 0;
    if (!rule && !handlers_find(kernel, operation))
        rule = find_unhandled(operation->msg_type);
    if (!json_is_object(operation->content) || (!rule && !operation->plugin))
        rc = LLMSPELL_EINVAL;
    else
        rc = enter(kernel, operation);
    if (rc < 0) {
        operation_free(operation);
        return rc;
    }
    operation->quiet = strcmp(operation->msg_type, "debuggee_request") == 0;
    operation->metric = (uint32_t)(known ? known - RULES : (ptrdiff_t)RULE_COUNT);
    atomic_fetch_add_explicit(&kernel->requests, 1, memory_order_relaxed);
    if (subshell_bind(operation) < 0)
        refuse_subshell(operation);
    else
        dispatch(operation, rule);
    return 0;
}
