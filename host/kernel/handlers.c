/* SPDX-License-Identifier: Apache-2.0
 * Message types that protocol plugins answer: at once on a thread of the pool (handle), or later
 * (receive). Who is about to be called is held, so that a plugin can be stopped meanwhile. */
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "kernel/internal.h"

static int add(struct kernel *kernel, const struct llmspell_ctx *ctx, const struct handler *wanted)
{
    struct handler *handler = calloc(1, sizeof *handler);
    if (!handler || !(handler->msg_type = strdup(wanted->msg_type))) {
        free(handler);
        return LLMSPELL_ENOMEM;
    }
    handler->ctx = ctx;
    handler->function = wanted->function;
    handler->receiver = wanted->receiver;
    handler->data = wanted->data;
    handler->next = kernel->handlers;
    kernel->handlers = handler;
    return 0;
}

/* Where the pointer to it stands: that to NULL, at the end, if there is none. The lock is held. */
static struct handler **find(struct kernel *kernel, const char *msg_type)
{
    struct handler **at = &kernel->handlers;
    while (*at && strcmp((*at)->msg_type, msg_type) != 0)
        at = &(*at)->next;
    return at;
}

/* Takes it off the list and frees it once nobody calls it. The lock is held. */
static void take_off(struct kernel *kernel, struct handler **at)
{
    struct handler *gone = *at;
    *at = gone->next;
    while (gone->held)
        pthread_cond_wait(&kernel->drained, &kernel->lock);
    free(gone->msg_type);
    free(gone);
}

int handlers_set(struct kernel *kernel, struct llmspell_ctx *ctx, const struct handler *wanted)
{
    bool answers = wanted->function || wanted->receiver;
    int rc = 0;
    pthread_mutex_lock(&kernel->lock);
    struct handler **at = find(kernel, wanted->msg_type);
    if (answers && (*at || dispatch_knows(wanted->msg_type)))
        rc = LLMSPELL_EBUSY;
    else if (answers)
        rc = add(kernel, ctx, wanted);
    else if (*at)
        take_off(kernel, at);
    pthread_mutex_unlock(&kernel->lock);
    return rc;
}

bool handlers_find(struct kernel *kernel, struct operation *operation)
{
    pthread_mutex_lock(&kernel->lock);
    operation->plugin = *find(kernel, operation->msg_type);
    if (operation->plugin)
        operation->plugin->held++;
    pthread_mutex_unlock(&kernel->lock);
    return operation->plugin != NULL;
}

void handlers_release(struct operation *operation)
{
    struct kernel *kernel = operation->kernel;
    if (!operation->plugin)
        return;
    pthread_mutex_lock(&kernel->lock);
    if (--operation->plugin->held == 0)
        pthread_cond_broadcast(&kernel->drained);
    pthread_mutex_unlock(&kernel->lock);
    operation->plugin = NULL;
}

void handlers_remove(struct kernel *kernel, const struct llmspell_ctx *ctx)
{
    for (struct handler **at = &kernel->handlers; *at;)
        if (ctx && (*at)->ctx != ctx) {
            at = &(*at)->next;
        } else {
            take_off(kernel, at);
            at = &kernel->handlers; /* the lock may have been let go */
        }
}

bool handlers_exist(struct kernel *kernel, const char *msg_type)
{
    pthread_mutex_lock(&kernel->lock);
    bool exist = *find(kernel, msg_type) != NULL;
    pthread_mutex_unlock(&kernel->lock);
    return exist;
}
