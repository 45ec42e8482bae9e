/* SPDX-License-Identifier: Apache-2.0
 * The operation blame: who wrote each line. */
#include "git_inspector.h"

/* The lines of a file that are asked for. */
struct lines {
    const char *text, *end; /* of the first one; of the file */
    uint32_t first, last;   /* numbers */
};

static uint32_t count_lines(const char *text, size_t size)
{
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == '\n' || i + 1 == size;
    return count;
}

static const char *next_line(const char *text, const char *end)
{
    const char *newline = memchr(text, '\n', (size_t)(end - text));
    return newline ? newline + 1 : end;
}

static int32_t choose_lines(const struct inspection *in, const char *file, git_blob *blob,
                            struct lines *ret_lines)
{
    const char *text = git_blob_rawcontent(blob);
    size_t size = (size_t)git_blob_rawsize(blob);
    if (memchr(text ? text : "", '\0', size))
        return llmspell_fail_at(in->call, LLMSPELL_EPARSE, "/file", "%s is binary: it has no lines",
                                file);
    json_int_t count = count_lines(text, size);
    json_int_t first = llmspell_integer(in->params, "start_line", 1);
    json_int_t last = llmspell_integer(in->params, "end_line", count);
    if (last > count)
        last = count;
    if (first > count && (count > 0 || json_object_get(in->params, "start_line")))
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/start_line",
                                "%s has only %lld lines, not %lld", file, (long long)count,
                                (long long)first);
    if (first > last && count > 0)
        return llmspell_fail_at(in->call, LLMSPELL_EINVAL, "/end_line",
                                "end_line lies before start_line, %lld", (long long)first);
    if (last - first >= ENTRIES_MAX)
        return llmspell_fail_at(in->call, LLMSPELL_ELIMIT, "/file",
                                "there are more than %d lines; choose some with start_line and "
                                "end_line",
                                ENTRIES_MAX);
    *ret_lines = (struct lines){text, text + size, (uint32_t)first, (uint32_t)last};
    for (json_int_t i = 1; i < first; i++)
        ret_lines->text = next_line(ret_lines->text, ret_lines->end);
    return 0;
}

/* Who wrote the lines of one hunk. */
struct origin {
    const git_blame_hunk *hunk;
    json_t *author, *time;
};

static void origin_clear(struct origin *origin)
{
    json_decref(origin->author);
    json_decref(origin->time);
}

static int32_t read_origin(const struct inspection *in, const git_blame_hunk *hunk,
                           struct origin *origin)
{
    CLEANUP(git_commit) commit = NULL;
    if (!hunk)
        return inspect_fail(in, -1, "the authors of lines");
    int error = git_commit_lookup(&commit, in->repo, &hunk->final_commit_id);
    if (error < 0)
        return inspect_fail(in, error, "a commit");
    const git_signature *author = git_commit_author(commit);
    const char *name = author ? author->name : "";
    origin_clear(origin);
    origin->hunk = hunk;
    origin->author = text_value(name, strlen(name), git_commit_message_encoding(commit));
    origin->time = author ? time_value(&author->when) : json_null();
    return 0;
}

static int32_t read_lines(const struct inspection *in, git_blame *blame, const struct lines *lines,
                          json_t *list)
{
    __attribute__((cleanup(origin_clear))) struct origin origin = {0};
    const char *text = lines->text;
    for (uint32_t number = lines->first; number <= lines->last; number++) {
        const git_blame_hunk *hunk = git_blame_get_hunk_byline(blame, number);
        int32_t rc = llmspell_cancelled(in->call);
        if (rc == 0 && (hunk != origin.hunk || !hunk))
            rc = read_origin(in, hunk, &origin);
        if (rc < 0)
            return rc;
        const char *next = next_line(text, lines->end);
        size_t size = (size_t)(next - text) - (next > text && next[-1] == '\n');
        if (json_array_append_new(
                list, json_pack("{s:I, s:o, s:O, s:O, s:o}", "line", (json_int_t)number, "commit",
                                id_value(&hunk->final_commit_id, SHORT_ID), "author", origin.author,
                                "time", origin.time, "text", text_value(text, size, NULL))) != 0)
            return inspect_no_memory(in);
        text = next;
    }
    return 0;
}

static int32_t blame_lines(const struct inspection *in, git_commit *commit, const char *file,
                           const struct lines *lines, json_t *list)
{
    CLEANUP(git_blame) blame = NULL;
    git_blame_options options;
    git_blame_options_init(&options, GIT_BLAME_OPTIONS_VERSION);
    options.newest_commit = *git_commit_id(commit);
    options.min_line = lines->first;
    options.max_line = lines->last;
    int error = git_blame_file(&blame, in->repo, file, &options);
    if (error < 0)
        return inspect_fail(in, error, "the history of lines");
    return read_lines(in, blame, lines, list);
}

int32_t run_blame(const struct inspection *in, json_t **ret_result)
{
    LLMSPELL_CLEANUP_FREE char *file = NULL;
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    CLEANUP(git_commit) commit = NULL;
    CLEANUP(git_tree) tree = NULL;
    CLEANUP(git_blob) blob = NULL;
    struct lines lines = {0};
    int32_t rc = resolve_file(in, &file);
    if (rc == 0)
        rc = resolve_commit(in, llmspell_string(in->params, "ref"), "/ref", &commit);
    if (rc < 0)
        return rc;
    int error = git_commit_tree(&tree, commit);
    if (error < 0)
        return inspect_fail(in, error, "a folder");
    rc = resolve_blob(in, tree, file, &blob);
    if (rc == 0)
        rc = choose_lines(in, file, blob, &lines);
    if (rc == 0 && lines.last > 0)
        rc = blame_lines(in, commit, file, &lines, list);
    return rc < 0 ? rc : llmspell_return(in->call, ret_result, json_pack("{s:O}", "lines", list));
}
