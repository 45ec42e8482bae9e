/* SPDX-License-Identifier: Apache-2.0
 * The entry of tools whose manifest describes a C function ("native"): what plugin/loader.c gives
 * out in place of the symbol that such a plugin has no need of. */
#ifndef HOST_NATIVE_TOOL_H
#define HOST_NATIVE_TOOL_H

#include <llmspell/tool.h>

/* open binds what the manifest of the called plugin describes; self is its struct native. */
extern const struct llmspell_tool native_tool_entry;

#endif
