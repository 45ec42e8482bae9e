/* SPDX-License-Identifier: Apache-2.0
 * import: a graph from JSON, dot (dot.c) or an adjacency list. */
#include "graph.h"

static int32_t read_json(struct job *job, const char *text, size_t size)
{
    json_error_t error;
    LLMSPELL_CLEANUP_JSON json_t *value =
        json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value)
        return llmspell_fail_at(job->call, json_fail_code(&error), "/input",
                                "the input is not JSON: %s (line %d, column %d)", error.text,
                                error.line, error.column > 0 ? error.column : 1);
    return read_value(job, value, "/input", false);
}

/* ---- adjacency: a line for each node: its id, a colon or not, the ids that it leads to ---- */

struct words {
    struct job *job;
    const char *at, *end;
    unsigned line;
};

static bool word_end(char c)
{
    return strchr(" \t\r\v\f,:#\n\"", c) != NULL; /* NUL too */
}

static int32_t quoted_word(struct words *words, json_t **ret_id)
{
    json_error_t error;
    const char *start = words->at;
    *ret_id = json_loadb(start, (size_t)(words->end - start),
                         JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
    if (!*ret_id)
        return llmspell_fail_at(words->job->call, LLMSPELL_EPARSE, "/input",
                                "a quoted id is not a JSON string: %s (line %u)", error.text,
                                words->line);
    words->at += error.position;
    return 0;
}

/* The next id of the line; NULL at its end. */
static int32_t next_word(struct words *words, json_t **ret_id)
{
    *ret_id = NULL;
    while (words->at < words->end && *words->at && strchr(" \t\r\v\f,:", *words->at))
        words->at++;
    if (words->at == words->end || *words->at == '\n')
        return 0;
    if (*words->at == '#') {
        while (words->at < words->end && *words->at != '\n')
            words->at++;
        return 0;
    }
    if (*words->at == '"')
        return quoted_word(words, ret_id);
    const char *start = words->at;
    while (words->at < words->end && !word_end(*words->at))
        words->at++;
    if (words->at == start)
        return llmspell_fail_at(words->job->call, LLMSPELL_EPARSE, "/input",
                                "U+0000 cannot be in an id (line %u)", words->line);
    *ret_id = json_stringn(start, (size_t)(words->at - start));
    return *ret_id ? 0 : job_no_memory(words->job);
}

static int32_t read_line(struct words *words)
{
    struct job *job = words->job;
    bool first = true;
    uint32_t from = 0, node = 0;
    for (;;) {
        LLMSPELL_CLEANUP_JSON json_t *id = NULL;
        int32_t rc = next_word(words, &id);
        if (rc < 0 || !id)
            return rc;
        rc = graph_need_node(job, id, "/input", first ? &from : &node);
        if (rc == 0 && !first)
            rc = graph_add_edge(job, from, node, 1, NULL, NULL, "/input");
        if (rc == 0)
            rc = job_tick(job);
        if (rc < 0)
            return rc;
        first = false;
    }
}

static int32_t read_adjacency(struct job *job, const char *text, size_t size)
{
    struct words words = {.job = job, .at = text, .end = text + size, .line = 1};
    job->graph.directed = !llmspell_is(job->params, "graph_type", "undirected");
    while (words.at < words.end) {
        int32_t rc = read_line(&words);
        if (rc < 0)
            return rc;
        words.line++;
        if (words.at < words.end)
            words.at++;
    }
    return 0;
}

/* dot is the default of `format`: text that begins like an object was meant as JSON. */
static bool looks_like_json(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '{';
}

int32_t import_run(struct job *job, json_t **ret_result)
{
    const char *text = llmspell_string(job->params, "input");
    const char *format = llmspell_string(job->params, "format");
    size_t size = llmspell_string_length(job->params, "input");
    int32_t rc;
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    if (strcmp(format, "adjacency") == 0)
        rc = read_adjacency(job, text, size);
    else if (strcmp(format, "json") == 0 || (strcmp(format, "dot") == 0 && looks_like_json(text)))
        rc = read_json(job, text, size);
    else if (strcmp(format, "dot") == 0)
        rc = read_dot(job, text, size);
    else
        rc = llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/format",
                              "%s can only be exported; import reads json, dot and adjacency",
                              format);
    return rc < 0 ? rc : graph_result(job, ret_result);
}
