/* SPDX-License-Identifier: Apache-2.0
 * stream: a jq program on each line of JSON lines. Lines that are no JSON, and lines that the
 * program fails on, are reported and skipped. */
#include "processor.h"

struct stream {
    struct job *job;
    struct engine *engine;
    json_t *results, *errors;
    size_t limit;
    json_int_t number, lines; /* of the line; lines that are not blank */
    bool truncated;
};

static int32_t report(struct stream *stream, const char *message)
{
    if (json_array_size(stream->errors) >= stream->limit) {
        stream->truncated = true;
        return 0;
    }
    json_t *entry = json_pack("{s:I,s:s}", "line", stream->number, "message", message);
    return json_array_append_new(stream->errors, entry) == 0 ? 0 : job_no_memory(stream->job);
}

static int32_t run_line(struct stream *stream, const json_t *document)
{
    LLMSPELL_CLEANUP_FREE char *message = NULL;
    enum outcome outcome = RUN_OK;
    int32_t rc =
        engine_run(stream->engine, document, stream->results, stream->limit, &outcome, &message);
    if (rc < 0)
        return rc;
    if (json_array_size(stream->results) > stream->limit) {
        stream->truncated = true;
        return json_array_remove(stream->results, stream->limit);
    }
    return outcome == RUN_FAILED ? report(stream, message) : 0;
}

static int32_t read_line(struct stream *stream, const char *text, size_t size)
{
    json_error_t error;
    int32_t code = 0;
    size_t blank = 0;
    stream->number++;
    while (blank < size && strchr(" \t\r", text[blank]) && text[blank])
        blank++;
    if (blank == size)
        return 0;
    stream->lines++;
    LLMSPELL_CLEANUP_JSON json_t *document = parse_json(text, size, &error, &code);
    if (document)
        return run_line(stream, document);
    if (code == LLMSPELL_ENOMEM)
        return job_no_memory(stream->job);
    char message[JSON_ERROR_TEXT_LENGTH + 64];
    snprintf(message, sizeof message, "not JSON: %s (column %d)", error.text, error.column);
    return report(stream, message);
}

/* All lines, until something ends the call or the results are full. */
static int32_t read_lines(struct stream *stream)
{
    const struct job *job = stream->job;
    const char *at = job->text, *end = job->text + job->size;
    while (at < end && !stream->truncated) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        int32_t rc = read_line(stream, at, (size_t)(stop - at));
        if (rc == 0)
            rc = llmspell_cancelled(job->call);
        if (rc < 0)
            return rc;
        job->call->host->progress(job->call, (double)(stop - job->text), (double)job->size,
                                  "lines");
        at = newline ? newline + 1 : end;
    }
    return 0;
}

static int32_t finish(const struct stream *stream, json_t **ret_result)
{
    json_t *result = json_pack("{s:O,s:I,s:I,s:O}", "results", stream->results, "count",
                               (json_int_t)json_array_size(stream->results), "lines", stream->lines,
                               "errors", stream->errors);
    if (result && stream->truncated && json_object_set_new(result, "truncated", json_true()) != 0)
        return job_no_memory(stream->job);
    return llmspell_return(stream->job->call, ret_result, result);
}

int32_t stream_run(struct job *job, json_t **ret_result)
{
    struct stream stream = {.job = job,
                            .results = json_array(),
                            .errors = json_array(),
                            .limit = (size_t)llmspell_integer(job->params, "limit", 10000)};
    int32_t rc = stream.results && stream.errors ? load_text(job) : job_no_memory(job);
    if (rc == 0)
        rc = engine_new(job, &stream.engine);
    if (rc == 0)
        rc = read_lines(&stream);
    engine_free(stream.engine);
    if (rc == 0)
        rc = finish(&stream, ret_result);
    json_decref(stream.results);
    json_decref(stream.errors);
    return rc;
}
