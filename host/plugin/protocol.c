/* SPDX-License-Identifier: Apache-2.0
 * Opening protocol plugins. */
#include "plugin/protocol.h"

#include <stdio.h>

#include <llmspell/tool.h>

#include "plugin/loader.h"

int protocol_open(const struct config *config, struct plugin *plugin,
                  const struct llmspell_protocol **ret_protocol, void **ret_self,
                  struct error *ret_error)
{
    const void *entry;
    LLMSPELL_CLEANUP_JSON json_t *own = NULL;
    int rc = plugin_load_configured(plugin, config, &entry, &own, ret_error);
    if (rc < 0)
        return rc;
    const struct llmspell_protocol *protocol = entry;
    struct call call;
    call_init(&call, &plugin->ctx);
    rc = protocol->open(&call.base, own, ret_self);
    if (rc < 0)
        return call_error(&call, rc, ret_error);
    *ret_protocol = protocol;
    return 0;
}
