/* SPDX-License-Identifier: Apache-2.0
 * The three entries. */
#include "plugin/entry.h"

#include <llmspell/plugin.h>

const struct plugin_entry PLUGIN_ENTRIES[PLUGIN_KINDS] = {
    [PLUGIN_TOOL] = {LLMSPELL_TOOL_SYMBOL,
                     sizeof(struct llmspell_tool),
                     {offsetof(struct llmspell_tool, invoke)}},
    [PLUGIN_PROTOCOL] = {LLMSPELL_PROTOCOL_SYMBOL,
                         sizeof(struct llmspell_protocol),
                         {offsetof(struct llmspell_protocol, open),
                          offsetof(struct llmspell_protocol, serve),
                          offsetof(struct llmspell_protocol, stop),
                          offsetof(struct llmspell_protocol, close)}},
    [PLUGIN_RUNTIME] = {LLMSPELL_RUNTIME_SYMBOL,
                        offsetof(struct llmspell_runtime, attend), /* as of 1.0 */
                        {offsetof(struct llmspell_runtime, open),
                         offsetof(struct llmspell_runtime, request),
                         offsetof(struct llmspell_runtime, interrupt),
                         offsetof(struct llmspell_runtime, close)}},
};
