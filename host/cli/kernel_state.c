/* SPDX-License-Identifier: Apache-2.0
 * The state file of a kernel, read with distrust: it may be missing, old, or cut. */
#include "cli/kernel_state.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <llmspell/tool.h>

int kernel_state_load(const struct kernel_files *files, json_t **ret_state, struct error *ret_error)
{
    json_error_t where;
    if (access(files->state, R_OK) != 0)
        return error_set(ret_error, errno == ENOENT ? LLMSPELL_ENOTFOUND : LLMSPELL_EIO,
                         "cannot read the state of kernel %s, %s: %s", files->id, files->state,
                         strerror(errno));
    json_t *state = json_load_file(files->state, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(state)) {
        json_decref(state);
        return error_set(ret_error, LLMSPELL_EPARSE,
                         "%s is damaged: line %d: %s; remove it, and start the kernel by hand",
                         files->state, where.line, where.text);
    }
    *ret_state = state;
    return 0;
}

char *kernel_state_log(const struct kernel_files *files, bool *ret_known)
{
    LLMSPELL_CLEANUP_JSON json_t *state = NULL;
    *ret_known = kernel_state_load(files, &state, NULL) == 0;
    const char *log = llmspell_string(state, "log_file");
    if (log)
        return strdup(log);
    return *ret_known ? NULL : strdup(files->log);
}
