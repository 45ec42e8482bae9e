/* SPDX-License-Identifier: Apache-2.0
 * database_connector: SQL on SQLite files and on ODBC data sources. Called by the host's tool
 * registry; which of the two it is, the name of the database says. */
#include "task.h"

#include <time.h>

int64_t task_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int32_t task_check(const struct task *task)
{
    int32_t code = llmspell_cancelled(task->call);
    if (code == 0 && task_now() >= task->deadline)
        code = LLMSPELL_ETIMEOUT;
    return code;
}

int32_t task_stop(const struct task *task, int32_t code)
{
    if (llmspell_cancelled(task->call) < 0 || code != LLMSPELL_ETIMEOUT)
        return code;
    return llmspell_fail(task->call, LLMSPELL_ETIMEOUT,
                         "the statement took longer than %lld ms; give it more time in timeout_ms, "
                         "or less to do",
                         (long long)llmspell_integer(task->params, "timeout_ms", 30000));
}

static int32_t database_connector_invoke(void *self, struct llmspell_call *call,
                                         const json_t *params, json_t **ret_result)
{
    (void)self;
    struct task task = {
        .call = call,
        .params = params,
        .operation = llmspell_string(params, "operation"),
        .database = llmspell_string(params, "database"),
        .sql = llmspell_string(params, "sql"),
        .read_only = llmspell_bool(params, "read_only", 1),
        .deadline = task_now() + llmspell_integer(params, "timeout_ms", 30000),
    };
    if (strcmp(task.operation, "data_sources") == 0)
        return odbc_data_sources(&task, ret_result);
    if (strncmp(task.database, ODBC_PREFIX, strlen(ODBC_PREFIX)) == 0)
        return odbc_call(&task, ret_result);
    return sqlite_call(&task, ret_result);
}

LLMSPELL_TOOL(.invoke = database_connector_invoke)
