/* SPDX-License-Identifier: Apache-2.0
 * Commits by time, author, message and file. The history of a file is simplified as git's is: of a
 * merge that has the file from one of its parents, only that parent is followed. */
#include "filter.h"

#include "../shared/civil.h"

/* ---- the parameters ---- */

static int32_t read_time(const struct inspection *in, const char *key, bool last, int64_t *ret)
{
    struct civil_time time;
    const char *text = llmspell_string(in->params, key);
    if (!text)
        return 0;
    size_t length = llmspell_string_length(in->params, key);
    const char *reason = civil_read(text, length, &time);
    if (!reason && length > 10 && !time.has_offset)
        reason = "it has neither Z nor an offset";
    if (reason) {
        char pointer[16];
        snprintf(pointer, sizeof pointer, "/%s", key);
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, pointer,
                                "%s is no time: %s; write 2026-01-31T12:00:00Z or 2026-01-31", text,
                                reason);
    }
    bool later = !last && time.milliseconds > 0; /* commits have whole seconds */
    *ret = time.seconds + later + (last && length == 10 ? CIVIL_DAY - 1 : 0);
    return 0;
}

static int32_t read_pattern(struct filter *filter, const char *key, const char *pointer,
                            struct filter_pattern *ret_pattern)
{
    const struct inspection *in = filter->in;
    struct regex_source source = {.pattern = llmspell_string(in->params, key),
                                  .size = llmspell_string_length(in->params, key),
                                  .options = PCRE2_MULTILINE,
                                  .for_match = true,
                                  .pointer = pointer,
                                  .code = LLMSPELL_EPARSE};
    ret_pattern->pointer = pointer;
    if (!source.pattern)
        return 0;
    int32_t rc = regex_compile(in->call, &source, &ret_pattern->code);
    if (rc < 0)
        return rc;
    ret_pattern->data = pcre2_match_data_create_from_pattern(ret_pattern->code, NULL);
    return ret_pattern->data ? 0 : inspect_no_memory(in);
}

static bool in_history(const struct filter *filter, const char *file)
{
    CLEANUP(git_commit) commit = NULL;
    CLEANUP(git_tree) tree = NULL;
    const struct history *history = filter->history;
    const struct history_node *tip = &history->nodes[history->tips[history->tip_count - 1]];
    return git_commit_lookup(&commit, filter->in->repo, &tip->id) == 0 &&
           git_commit_tree(&tree, commit) == 0 && tree_has(tree, file);
}

/* A file that is no longer there has a history, too: whether it ever was is known at the end. */
static int32_t init_file(struct filter *filter)
{
    int32_t rc = resolve_file(filter->in, &filter->file);
    if (rc < 0 || !filter->file)
        return rc;
    const struct history *history = filter->history;
    filter->wanted = calloc(history->count + 1, 1);
    if (!filter->wanted)
        return inspect_no_memory(filter->in);
    for (unsigned i = 0; i < history->tip_count; i++)
        filter->wanted[history->tips[i]] = 1;
    filter->file_seen = history->tip_count > 0 && in_history(filter, filter->file);
    return 0;
}

int32_t filter_init(struct filter *filter, const struct inspection *in,
                    const struct history *history)
{
    *filter = (struct filter){.in = in, .history = history, .since = INT64_MIN, .until = INT64_MAX};
    int32_t rc = read_time(in, "since", false, &filter->since);
    if (rc == 0)
        rc = read_time(in, "until", true, &filter->until);
    if (rc == 0)
        rc = regex_guard_init(&filter->guard, in->call, REGEX_MATCH_LIMIT);
    if (rc == 0)
        rc = read_pattern(filter, "author", "/author", &filter->author);
    if (rc == 0)
        rc = read_pattern(filter, "grep", "/grep", &filter->grep);
    return rc < 0 ? rc : init_file(filter);
}

static void pattern_clear(struct filter_pattern *pattern)
{
    pcre2_match_data_free(pattern->data);
    pcre2_code_free(pattern->code);
}

void filter_clear(struct filter *filter)
{
    regex_guard_clear(&filter->guard);
    pattern_clear(&filter->author);
    pattern_clear(&filter->grep);
    free(filter->file);
    free(filter->wanted);
}

/* ---- one commit ---- */

static int32_t matches(struct filter *filter, const struct filter_pattern *pattern, json_t *text)
{
    LLMSPELL_CLEANUP_JSON json_t *owned = text;
    if (!owned)
        return inspect_no_memory(filter->in);
    return regex_match(&filter->guard, pattern->code, json_string_value(owned),
                       json_string_length(owned), 0, pattern->data, pattern->pointer);
}

/* "Name <email>", as git matches it. */
static int32_t matches_author(struct filter *filter, git_commit *commit)
{
    const git_signature *author = git_commit_author(commit);
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    int length =
        asprintf(&text, "%s <%s>", author ? author->name : "", author ? author->email : "");
    if (length < 0) {
        text = NULL;
        return inspect_no_memory(filter->in);
    }
    return matches(filter, &filter->author,
                   text_value(text, (size_t)length, git_commit_message_encoding(commit)));
}

static int32_t matches_message(struct filter *filter, git_commit *commit)
{
    const char *message = git_commit_message(commit);
    return matches(filter, &filter->grep,
                   text_value(message, strlen(message), git_commit_message_encoding(commit)));
}

/* What the file is in a commit: zero if it has none. */
struct version {
    git_oid id;
    git_filemode_t mode;
};

static int32_t read_version(const struct filter *filter, git_commit *commit,
                            struct version *ret_version)
{
    CLEANUP(git_tree) tree = NULL;
    CLEANUP(git_tree_entry) entry = NULL;
    *ret_version = (struct version){.mode = GIT_FILEMODE_UNREADABLE};
    int error = git_commit_tree(&tree, commit);
    if (error == 0)
        error = git_tree_entry_bypath(&entry, tree, filter->file);
    if (error == GIT_ENOTFOUND && tree)
        return 0;
    if (error < 0)
        return inspect_fail(filter->in, error, "a folder");
    ret_version->id = *git_tree_entry_id(entry);
    ret_version->mode = git_tree_entry_filemode(entry);
    return 0;
}

static bool same_version(const struct version *a, const struct version *b)
{
    return a->mode == b->mode && git_oid_equal(&a->id, &b->id);
}

/* 1 if the commit changes the file. Marks the parents that lead on. */
static int32_t changes_file(struct filter *filter, uint32_t index, git_commit *commit)
{
    struct version own, other;
    const struct history *history = filter->history;
    const struct history_node *node = &history->nodes[index];
    if (!filter->wanted[index])
        return 0;
    int32_t rc = read_version(filter, commit, &own);
    for (uint32_t i = 0; rc == 0 && i < node->parent_count; i++) {
        CLEANUP(git_commit) parent = NULL;
        uint32_t at = history->parents[node->parents + i];
        rc = history_commit(filter->in, &history->nodes[at], &parent);
        if (rc == 0)
            rc = read_version(filter, parent, &other);
        if (rc == 0 && same_version(&own, &other)) {
            filter->wanted[at] = 1;
            return 0;
        }
    }
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < node->parent_count; i++)
        filter->wanted[history->parents[node->parents + i]] = 1;
    bool changed = node->parent_count > 0 || own.mode != GIT_FILEMODE_UNREADABLE;
    filter->file_seen |= changed;
    return changed;
}

int32_t filter_shows(struct filter *filter, uint32_t node, git_commit *commit)
{
    int64_t time = git_commit_time(commit);
    int32_t rc = filter->file ? changes_file(filter, node, commit) : 1;
    if (rc == 1)
        rc = time >= filter->since && time <= filter->until;
    if (rc == 1 && filter->author.code)
        rc = matches_author(filter, commit);
    if (rc == 1 && filter->grep.code)
        rc = matches_message(filter, commit);
    return rc;
}
