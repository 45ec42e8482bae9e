/* SPDX-License-Identifier: Apache-2.0
 * A host without the loader's rules: shows the failure that each of them prevents.
 *   naive_host [--global] [--close] FILE…   opens each file lazily, calls the last, prints its
 * result
 * --global: RTLD_GLOBAL. --close: dlclose after the call, then waits 10 s for what comes of it. */
#include <dlfcn.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

static int32_t fail(struct llmspell_call *call, int32_t code, const char *path, const char *message)
{
    (void)call, (void)path;
    fprintf(stderr, "%s\n", message);
    return code;
}

int main(int argc, char **argv)
{
    static const struct llmspell_host host = {.size = sizeof host, .fail = fail};
    struct llmspell_call call = {.size = sizeof call, .host = &host};
    int flags = RTLD_LAZY, unload = 0;
    void *handle = NULL, *self = NULL;
    json_t *result = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--global") == 0)
            flags |= RTLD_GLOBAL;
        else if (strcmp(argv[i], "--close") == 0)
            unload = 1;
        else
            handle = dlopen(argv[i], flags);
    }
    const struct llmspell_tool *tool = handle ? dlsym(handle, "llmspell_tool_v1") : NULL;
    if (!tool)
        return 3;
    json_t *params = json_pack("{s:s}", "name", "Ada");
    if (tool->open)
        tool->open(&call, NULL, &self);
    int32_t code = tool->invoke(self, &call, params, &result);
    if (code == 0)
        json_dumpf(result, stdout, JSON_COMPACT);
    fflush(stdout);
    json_decref(params);
    json_decref(result);
    if (unload) {
        dlclose(handle);
        poll(NULL, 0, 10000);
    }
    return code ? 4 : 0;
}
