/* SPDX-License-Identifier: Apache-2.0
 * The keys that every section [tool.NAME] takes, beside those of the tool's own manifest: what the
 * host grants it. Described as manifests describe theirs. */
#include "config/store.h"

#include <string.h>

#include <llmspell/tool.h>

static const char COMMON[] =
    "{\"type\": \"object\", \"properties\": {"
    "\"isolation\": {\"enum\": [\"auto\", \"inline\", \"process\"], \"default\": \"auto\","
    " \"description\": \"Where the tool runs: in the kernel's process, in a sandboxed process of "
    "its own, or (auto) as [tools] isolation says\"},"
    "\"fs_roots\": {\"type\": \"array\", \"description\": \"Folders that this tool's file access "
    "reaches, in place of [policy] fs_roots\"},"
    "\"net\": {\"type\": \"boolean\", \"description\": \"May it use the network? Unset: bundled "
    "tools that ask for it may\"},"
    "\"exec\": {\"type\": \"array\", \"description\": \"Programs that it may start, of those that "
    "its manifest names; * is all of them. Unset: bundled tools may\"},"
    "\"env\": {\"type\": \"array\", \"description\": \"Environment variables that it may see, of "
    "those that its manifest names; * is all of them. Unset: bundled tools may\"},"
    "\"secrets\": {\"type\": \"string\", \"description\": \"Secrets that it may ask for, of those "
    "that "
    "its manifest names: NAME:env:VARIABLE or NAME:file:PATH, separated by commas\"},"
    "\"memory_mb\": {\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1048576, "
    "\"description\": \"Memory of its process in MiB, in place of its manifest's\"}}}";

json_t *config_common_schema(void)
{
    return json_loads(COMMON, 0, NULL);
}

bool store_is_common_key(const char *section, const char *key)
{
    LLMSPELL_CLEANUP_JSON json_t *schema = NULL;
    if (strncmp(section, "tool.", 5) != 0)
        return false;
    schema = config_common_schema();
    return json_object_get(json_object_get(schema, "properties"), key) != NULL;
}
