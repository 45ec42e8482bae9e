/* SPDX-License-Identifier: Apache-2.0
 * git_inspector: reads a git repository with libgit2, which neither connects to anything nor runs
 * hooks, filters or other programs here. This file is the entry. */
#include "git_inspector.h"

static const struct {
    const char *name;
    operation_fn *run;
} operations[] = {
    {"status", run_status},  {"log", run_log},         {"show", run_show},
    {"diff", run_diff},      {"blame", run_blame},     {"branches", run_branches},
    {"tags", run_tags},      {"files", run_files},     {"cat", run_cat},
    {"search_log", run_log}, {"summary", run_summary},
};

/* Only the repository's own configuration counts, so that the answer does not depend on who asks.
 * The owner does not matter to something that runs no program. Packs are mapped in small pieces,
 * since the memory of this process is limited. */
static int set_options(void)
{
    static const git_config_level_t levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA,
                                                GIT_CONFIG_LEVEL_SYSTEM, GIT_CONFIG_LEVEL_XDG,
                                                GIT_CONFIG_LEVEL_GLOBAL};
    const char *extensions[] = {"partialclone", "preciousobjects", "worktreeconfig"};
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "") < 0)
            return -1;
    if (git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0) < 0 ||
        git_libgit2_opts(GIT_OPT_SET_EXTENSIONS, extensions,
                         sizeof extensions / sizeof *extensions) < 0 ||
        git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, (size_t)(32u << 20)) < 0 ||
        git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, (size_t)(256u << 20)) < 0 ||
        git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, (ssize_t)(64 << 20)) < 0)
        return -1;
    return 0;
}

static int32_t git_inspector_open(struct llmspell_call *call, const json_t *config, void **ret_self)
{
    (void)config;
    *ret_self = NULL;
    if (git_libgit2_init() < 0 || set_options() < 0)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "libgit2 cannot be started here; check its installation");
    return 0;
}

static void git_inspector_close(void *self)
{
    (void)self;
    git_libgit2_shutdown();
}

static int32_t git_inspector_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                    json_t **ret_result)
{
    (void)self;
    struct inspection in = {.call = call, .fs = llmspell_fs_get(call), .params = params};
    if (!in.fs)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = find_repository(&in);
    for (size_t i = 0; rc == 0 && i < sizeof operations / sizeof *operations; i++) {
        if (llmspell_is(params, "operation", operations[i].name)) {
            rc = operations[i].run(&in, ret_result);
            break;
        }
    }
    git_repository_free(in.repo);
    if (rc == LLMSPELL_ETIMEOUT || rc == LLMSPELL_ECANCELLED)
        call->host->fail(call, rc, NULL, ""); /* not what some path was asked for before */
    return rc;
}

LLMSPELL_TOOL(.open = git_inspector_open, .invoke = git_inspector_invoke,
              .close = git_inspector_close)
