/* SPDX-License-Identifier: Apache-2.0
 * file_converter: encoding, line ends, indentation, byte order mark and trailing blanks of text
 * files. This file is the entry and puts the steps together: read, find the encoding, change,
 * write. */
#include "file_converter.h"

#include "../shared/file_values.h"

/* What an operation made of the file. */
struct outcome {
    struct bytes bytes; /* the new file, whole */
    size_t changes;
};

static int32_t no_memory(const struct job *job)
{
    return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

static json_t *confidence_value(double confidence)
{
    return confidence < 1 ? json_real(confidence) : json_integer(1);
}

/* ---- detect ---- */

/* The text as bytes with ASCII lines: itself, or decoded into *decoded. */
static int32_t plain_text(const struct job *job, struct bytes *decoded, const char **ret_data,
                          size_t *ret_size)
{
    *ret_data = job_text(job, ret_size);
    if (encoding_has_ascii_lines(job->encoding.name))
        return 0;
    int32_t rc = text_decode(job, job->encoding.name, ERROR_FAIL, *ret_data, *ret_size, decoded);
    *ret_data = decoded->data ? decoded->data : "";
    *ret_size = decoded->size;
    return rc;
}

static int32_t detect_run(const struct job *job, json_t **ret_result)
{
    CLEANUP_BYTES struct bytes decoded = {0};
    const char *data;
    size_t size;
    int32_t rc = plain_text(job, &decoded, &data, &size);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_JSON json_t *lines = lines_describe(data, size);
    LLMSPELL_CLEANUP_JSON json_t *result = json_pack(
        "{s:s, s:s, s:o, s:b}", "path", job->path, "encoding", job->encoding.name, "confidence",
        confidence_value(job->encoding.confidence), "bom", job->encoding.bom_size > 0);
    static const char *const order[] = {"line_endings", "dominant", "indentation", "indent_size",
                                        "final_newline"};
    if (!lines || !result)
        return no_memory(job);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        json_t *value = json_object_get(lines, order[i]);
        if (value && json_object_set(result, order[i], value) != 0)
            return no_memory(job);
    }
    if (json_object_set_new(result, "bytes", json_integer((json_int_t)job->size)) != 0 ||
        json_object_set(result, "lines", json_object_get(lines, "lines")) != 0)
        return no_memory(job);
    *ret_result = llmspell_steal_json(&result);
    return 0;
}

/* ---- encoding ---- */

/* Lines whose bytes differ; all of them where lines cannot be told apart by their bytes. */
static size_t count_changed_lines(const struct bytes *one, const char *other, size_t size,
                                  bool comparable, size_t all)
{
    size_t count = 0;
    struct line a = {0}, b = {0};
    bool same = one->size == size && (size == 0 || memcmp(one->data, other, size) == 0);
    if (same || !comparable)
        return same ? 0 : all ? all : 1;
    for (;;) {
        bool more = line_next(one->data, one->size, &a), rest = line_next(other, size, &b);
        if (!more && !rest)
            return count ? count : 1;
        size_t length = more ? a.next - a.start : 0;
        count += !more || !rest || length != b.next - b.start ||
                 memcmp(one->data + a.start, other + b.start, length) != 0;
    }
}

/* The byte order mark that the new file gets: as the parameter bom says. */
static int32_t add_mark(const struct job *job, const char *to, struct bytes *out)
{
    char mark[4];
    if (!llmspell_is(job->params, "bom", "add") || strcmp(to, "UTF-16") == 0 ||
        strcmp(to, "UTF-32") == 0) /* iconv writes that of these two, always */
        return 0;
    size_t size = encoding_bom(to, mark);
    if (size == 0)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, "/bom",
                                "%s has no byte order mark; only UTF-8, UTF-16 and UTF-32 have",
                                to);
    bytes_add(out, mark, size);
    return 0;
}

static size_t count_lines(const char *data, size_t size)
{
    size_t count = 0;
    for (struct line line = {0}; line_next(data, size, &line);)
        count++;
    return count;
}

static int32_t encoding_run(const struct job *job, struct outcome *outcome)
{
    CLEANUP_BYTES struct bytes text = {0};
    const char *from = job->encoding.name;
    enum on_error on_error = llmspell_is(job->params, "on_error", "replace")    ? ERROR_REPLACE
                             : llmspell_is(job->params, "on_error", "translit") ? ERROR_TRANSLIT
                                                                                : ERROR_FAIL;
    char to[64];
    size_t size;
    const char *data = job_text(job, &size);
    int32_t rc =
        encoding_find(job->call, llmspell_string(job->params, "to_encoding"), "/to_encoding", to);
    if (rc == 0)
        rc = add_mark(job, to, &outcome->bytes);
    if (rc == 0)
        rc = text_decode(job, from, on_error, data, size, &text);
    if (rc == 0 && strcmp(to, "UTF-8") == 0)
        bytes_add(&outcome->bytes, text.data, text.size);
    else if (rc == 0)
        rc = text_encode(job, to, on_error, text.data ? text.data : "", text.size, &outcome->bytes);
    if (rc < 0)
        return rc;
    if (outcome->bytes.failed)
        return no_memory(job);
    bool comparable = encoding_has_ascii_lines(from) && encoding_has_ascii_lines(to);
    outcome->changes = count_changed_lines(&outcome->bytes, job->data, job->size, comparable,
                                           count_lines(text.data ? text.data : "", text.size));
    return 0;
}

/* ---- the others ---- */

static int32_t bom_run(const struct job *job, struct outcome *outcome)
{
    char mark[4];
    size_t size;
    const char *name = job->encoding.name;
    const char *text = job_text(job, &size);
    size_t length = encoding_bom(strcmp(name, "US-ASCII") == 0 ? "UTF-8" : name, mark);
    bool add = llmspell_is(job->params, "bom", "add");
    if (add && length == 0)
        return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/path",
                                "%s is in %s, which has no byte order mark; convert its encoding "
                                "to UTF-8 first",
                                job->shown, name);
    if (add)
        bytes_add(&outcome->bytes, mark, length);
    bytes_add(&outcome->bytes, text, size);
    outcome->changes = add != (job->encoding.bom_size > 0);
    return 0;
}

/* An operation on text: the byte order mark and the encoding stay as they are. */
static int32_t text_run(const struct job *job, text_operation *change, struct outcome *outcome)
{
    CLEANUP_BYTES struct bytes decoded = {0};
    CLEANUP_BYTES struct bytes changed = {0};
    const char *name = job->encoding.name, *data;
    bool direct = encoding_has_ascii_lines(name);
    size_t size;
    int32_t rc = plain_text(job, &decoded, &data, &size);
    bytes_add(&outcome->bytes, job->encoding.bom, job->encoding.bom_size);
    if (rc == 0)
        rc = change(job, data, size, direct ? &outcome->bytes : &changed, &outcome->changes);
    if (rc == 0 && !direct)
        rc = text_encode(job, name, ERROR_FAIL, changed.data ? changed.data : "", changed.size,
                         &outcome->bytes);
    return rc;
}

static int32_t change(const struct job *job, struct outcome *outcome)
{
    if (llmspell_is(job->params, "operation", "encoding"))
        return encoding_run(job, outcome);
    if (llmspell_is(job->params, "operation", "bom"))
        return bom_run(job, outcome);
    if (llmspell_is(job->params, "operation", "indentation"))
        return text_run(job, change_indentation, outcome);
    if (llmspell_is(job->params, "operation", "trim"))
        return text_run(job, change_trim, outcome);
    return text_run(job, change_line_endings, outcome);
}

static int32_t change_run(const struct job *job, json_t **ret_result)
{
    struct outcome outcome = {0};
    LLMSPELL_CLEANUP_FREE char *backup = NULL;
    const char *target = llmspell_string(job->params, "target_path");
    int32_t rc = change(job, &outcome);
    if (rc == 0 && outcome.bytes.failed)
        rc = no_memory(job);
    if (rc == 0)
        rc = store(job, outcome.changes > 0, outcome.bytes.data, outcome.bytes.size, &backup);
    if (rc == 0)
        rc = llmspell_return(job->call, ret_result,
                             json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:s*}", "path", job->path,
                                       "target_path", target ? target : job->path, "operation",
                                       llmspell_string(job->params, "operation"), "changed",
                                       outcome.changes > 0, "bytes", (json_int_t)outcome.bytes.size,
                                       "changes", (json_int_t)outcome.changes, "backup", backup));
    bytes_clear(&outcome.bytes);
    return rc;
}

/* A NUL in the text would hide what follows it from the file service. */
static int32_t check_nul(struct llmspell_call *call, const json_t *params, const char *key,
                         const char *pointer)
{
    const char *text = llmspell_string(params, key);
    if (text && strlen(text) != llmspell_string_length(params, key))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, pointer,
                                "the path holds a NUL character; file names cannot");
    return 0;
}

static int32_t file_converter_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                     json_t **ret_result)
{
    (void)self;
    char shown[SHOWN_SIZE];
    struct job job = {.call = call,
                      .fs = llmspell_fs_get(call),
                      .params = params,
                      .path = llmspell_string(params, "path"),
                      .shown = shown};
    if (!job.fs)
        return LLMSPELL_EUNAVAILABLE;
    int32_t rc = check_nul(call, params, "path", "/path");
    if (rc == 0)
        rc = check_nul(call, params, "target_path", "/target_path");
    if (rc < 0)
        return rc;
    show_path(job.path, shown);
    rc = llmspell_fs_read(call, job.path, "/path", FILE_MAX, &job.data, &job.size);
    if (rc < 0)
        return rc;
    rc = encoding_resolve(&job);
    if (rc == 0)
        rc = llmspell_is(params, "operation", "detect") ? detect_run(&job, ret_result)
                                                        : change_run(&job, ret_result);
    free(job.data);
    return rc;
}

LLMSPELL_TOOL(.invoke = file_converter_invoke)
