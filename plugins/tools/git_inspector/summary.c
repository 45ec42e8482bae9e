/* SPDX-License-Identifier: Apache-2.0
 * The operation summary: how much there is, by whom and of when. */
#include "history.h"

struct author {
    const char *name;
    json_int_t commits;
};

/* What the commits say together. */
struct totals {
    json_t *authors;      /* name → commits */
    git_time first, last; /* of the committers */
    bool any;
};

static int32_t count_commit(const struct inspection *in, git_commit *commit, struct totals *totals)
{
    const git_signature *author = git_commit_author(commit);
    git_time time = {.time = git_commit_time(commit), .offset = git_commit_time_offset(commit)};
    const char *name = author ? author->name : "";
    LLMSPELL_CLEANUP_JSON json_t *key =
        text_value(name, strlen(name), git_commit_message_encoding(commit));
    if (!key)
        return inspect_no_memory(in);
    json_int_t before =
        json_integer_value(json_object_get(totals->authors, json_string_value(key)));
    if (json_object_set_new(totals->authors, json_string_value(key), json_integer(before + 1)) != 0)
        return inspect_no_memory(in);
    if (!totals->any || time.time < totals->first.time)
        totals->first = time;
    if (!totals->any || time.time > totals->last.time)
        totals->last = time;
    totals->any = true;
    return 0;
}

static int32_t count_commits(const struct inspection *in, const struct history *history,
                             struct totals *totals)
{
    int32_t rc = 0;
    for (uint32_t i = 0; rc == 0 && i < history->order_count; i++) {
        CLEANUP(git_commit) commit = NULL;
        rc = llmspell_cancelled(in->call);
        if (rc == 0)
            rc = history_commit(in, &history->nodes[history->order[i]], &commit);
        if (rc == 0)
            rc = count_commit(in, commit, totals);
    }
    return rc;
}

static int by_rank(const void *a, const void *b)
{
    const struct author *first = a, *second = b;
    if (first->commits != second->commits)
        return first->commits < second->commits ? 1 : -1;
    return strcmp(first->name, second->name);
}

/* Those with most commits first. */
static json_t *authors_value(json_t *counts)
{
    json_t *list = json_array(), *value;
    const char *name;
    size_t count = 0;
    LLMSPELL_CLEANUP_FREE struct author *authors =
        calloc(json_object_size(counts) + 1, sizeof *authors);
    if (!authors) {
        json_decref(list);
        return NULL;
    }
    json_object_foreach(counts, name, value) authors[count++] =
        (struct author){name, json_integer_value(value)};
    qsort(authors, count, sizeof *authors, by_rank);
    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:I}", "name", authors[i].name, "commits", authors[i].commits));
    return list;
}

static int count_branches(const struct inspection *in, json_int_t *ret_count)
{
    CLEANUP(git_branch_iterator) iterator = NULL;
    git_reference *branch;
    git_branch_t type;
    int error = git_branch_iterator_new(&iterator, in->repo, GIT_BRANCH_LOCAL);
    while (error == 0 && (error = git_branch_next(&branch, &type, iterator)) == 0) {
        git_reference_free(branch);
        ++*ret_count;
    }
    return error == GIT_ITEROVER ? 0 : error;
}

static int count_tag(const char *name, git_oid *id, void *payload)
{
    (void)name, (void)id;
    json_int_t *count = payload;
    ++*count;
    return 0;
}

int32_t run_summary(const struct inspection *in, json_t **ret_result)
{
    CLEANUP_HISTORY struct history history = {0};
    LLMSPELL_CLEANUP_JSON json_t *counts = json_object();
    struct totals totals = {.authors = counts};
    json_int_t branches = 0, tags = 0;
    int32_t rc = history_walk(in, &history);
    if (rc == 0)
        rc = count_commits(in, &history, &totals);
    if (rc < 0)
        return rc;
    int error = count_branches(in, &branches);
    if (error == 0)
        error = git_tag_foreach(in->repo, count_tag, &tags);
    if (error < 0)
        return inspect_fail(in, error, "branches and tags");
    return llmspell_return(in->call, ret_result,
                           json_pack("{s:I, s:o, s:o, s:o, s:I, s:I}", "commits",
                                     (json_int_t)history.order_count, "authors",
                                     authors_value(counts), "first",
                                     totals.any ? time_value(&totals.first) : json_null(), "last",
                                     totals.any ? time_value(&totals.last) : json_null(),
                                     "branches", branches, "tags", tags));
}
