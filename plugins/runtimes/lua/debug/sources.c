/* SPDX-License-Identifier: Apache-2.0
 * Requests about scripts: loadedSources, source, and the cell that JupyterLab is about to run. */
#include "debug.h"

int32_t jupyter_cell(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    struct code code = {llmspell_string(arguments, "code"),
                        llmspell_string_length(arguments, "code")};
    if (!code.text || !debug->options.has_cells)
        return llmspell_fail_at(debug->rt->call, LLMSPELL_EINVAL, "/arguments/code",
                                "cell needs code, a string, and an attach with cells");
    const struct script *script = script_note_cell(debug, NULL, code);
    if (!script)
        return llmspell_fail(debug->rt->call, LLMSPELL_ENOMEM, "out of memory");
    *ret_body = json_pack("{s:s}", "sourcePath", script->path);
    return 0;
}

int32_t script_list(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    json_t *sources = json_array();
    (void)arguments;
    for (const struct script *script = debug->scripts; script; script = script->next)
        if (script->is_loaded)
            json_array_insert_new(sources, 0, script_source(script));
    *ret_body = json_pack("{s:o}", "sources", sources);
    return 0;
}

int32_t script_content(struct debug *debug, const json_t *arguments, json_t **ret_body)
{
    const json_t *source = json_object_get(arguments, "source");
    json_int_t reference = llmspell_integer(arguments, "sourceReference", 0);
    const char *path = llmspell_string(source, "path");
    const struct script *script =
        script_of_reference(debug, llmspell_integer(source, "sourceReference", reference));
    if (!script && path && *path == '/')
        script = script_at(debug, path);
    LLMSPELL_CLEANUP_FREE char *own = NULL;
    struct code code;
    if (!script || !script_text(script, &code, &own))
        return llmspell_fail_at(debug->rt->call, LLMSPELL_ENOTFOUND, "/arguments/source",
                                "there is no text of %s; loadedSources lists what there is",
                                path ? path : "that sourceReference");
    *ret_body = json_pack("{s:o, s:s}", "content", text_json(code.text, code.size), "mimeType",
                          "text/x-lua");
    return 0;
}
