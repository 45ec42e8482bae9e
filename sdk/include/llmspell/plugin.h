/* SPDX-License-Identifier: Apache-2.0
 * Everything at once, and the facts about the manifest inside a plugin file: an ELF note in
 * .note.llmspell (owner "llmspell", type LLMSPELL_NOTE_MANIFEST) whose descriptor is the JSON text.
 */
#ifndef LLMSPELL_PLUGIN_H
#define LLMSPELL_PLUGIN_H

#include <llmspell/fs.h>
#include <llmspell/kernel.h>
#include <llmspell/listen.h>
#include <llmspell/protocol.h>
#include <llmspell/runtime.h>
#include <llmspell/tool.h>

#define LLMSPELL_NOTE_OWNER "llmspell"
#define LLMSPELL_NOTE_MANIFEST 1
#define LLMSPELL_NOTE_MAX 262144 /* bytes of manifest that the host accepts */

/* The entry symbols, one per kind. */
#define LLMSPELL_TOOL_SYMBOL "llmspell_tool_v1"
#define LLMSPELL_PROTOCOL_SYMBOL "llmspell_protocol_v1"
#define LLMSPELL_RUNTIME_SYMBOL "llmspell_runtime_v1"

#endif
