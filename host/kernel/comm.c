/* SPDX-License-Identifier: Apache-2.0
 * Comms: what the kernel does with the runtime's answer to a message of a comm, or without a
 * runtime that has comms. Called by executor.c and dispatch.c. */
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"
#include "log/logger.h"

bool comm_is(const char *msg_type)
{
    return strncmp(msg_type, "comm_", 5) == 0;
}

/* Tells the client that the comm that it opens is not there. */
static void refuse_open(const struct operation *operation)
{
    json_t *id = json_object_get(operation->content, "comm_id");
    json_t *content = json_pack("{s:O?, s:{}}", "comm_id", id, "data");
    if (content && json_is_string(id))
        publish(operation->kernel, operation, "comm_close", content);
    json_decref(content);
}

/* The status is for the kernel's own figures; a client sees events only. */
static json_t *end(const struct operation *operation, json_t *reply)
{
    bool failed = llmspell_is(reply, "status", "error");
    if (failed && json_object_get(reply, "ename"))
        executor_show_error(operation, reply);
    if (failed && strcmp(operation->msg_type, "comm_open") == 0)
        refuse_open(operation);
    return reply;
}

json_t *comm_answer(struct operation *operation, int rc, json_t *reply, const char *why)
{
    bool info = strcmp(operation->msg_type, "comm_info_request") == 0;
    if (rc == 0)
        return info ? reply : end(operation, reply);
    if (info && rc == LLMSPELL_EUNKNOWN)
        return json_pack("{s:s, s:{}}", "status", "ok", "comms");
    if (info)
        return error_reply(rc, why);
    log_debug("kernel", "%s was not taken: %s", operation->msg_type, why);
    return end(operation, json_pack("{s:s}", "status", "error"));
}
