/* SPDX-License-Identifier: Apache-2.0
 * The operations log and search_log. */
#include "filter.h"

/* The page of commits that the caller wants. */
struct page {
    json_t *commits;
    json_int_t skip, limit;
    bool truncated;
};

static int32_t add_commit(const struct inspection *in, struct page *page, git_commit *commit)
{
    if (page->skip > 0) {
        page->skip--;
        return 0;
    }
    if ((json_int_t)json_array_size(page->commits) == page->limit) {
        page->truncated = true;
        return 0;
    }
    return json_array_append_new(page->commits, commit_value(commit)) == 0 ? 0
                                                                           : inspect_no_memory(in);
}

static int32_t fill(const struct inspection *in, const struct history *history, struct page *page)
{
    CLEANUP_FILTER struct filter filter = {0};
    int32_t rc = filter_init(&filter, in, history);
    for (uint32_t i = 0; rc == 0 && !page->truncated && i < history->order_count; i++) {
        CLEANUP(git_commit) commit = NULL;
        rc = llmspell_cancelled(in->call);
        if (rc == 0)
            rc = history_commit(in, &history->nodes[history->order[i]], &commit);
        if (rc == 0)
            rc = filter_shows(&filter, history->order[i], commit);
        if (rc == 1)
            rc = add_commit(in, page, commit);
    }
    if (rc == 0 && filter.file && !filter.file_seen && history->order_count > 0)
        return llmspell_fail_at(in->call, LLMSPELL_ENOTFOUND, "/file", "%s is in no commit of %s",
                                filter.file, llmspell_string(in->params, "ref"));
    return rc;
}

int32_t run_log(const struct inspection *in, json_t **ret_result)
{
    CLEANUP_HISTORY struct history history = {0};
    LLMSPELL_CLEANUP_JSON json_t *commits = json_array();
    struct page page = {.commits = commits,
                        .skip = llmspell_integer(in->params, "skip", 0),
                        .limit = llmspell_integer(in->params, "limit", 50)};
    int32_t rc = history_walk(in, &history);
    if (rc == 0)
        rc = fill(in, &history, &page);
    if (rc < 0)
        return rc;
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:O, s:I, s:b}", "commits", commits, "count",
                                     (json_int_t)json_array_size(commits), "truncated",
                                     page.truncated));
}
