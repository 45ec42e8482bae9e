/* SPDX-License-Identifier: Apache-2.0
 * file_identifier: says what kind of data files are, by their content. This file is the entry, the
 * three operations and lists of files; libmagic is in magic.c. */
#include <math.h>

#include "../shared/file_values.h"
#include "magic.h"
#include "sample.h"
#include "types.h"

#define RANDOM_BITS 7.5  /* bits per byte: compressed data has 7.9, programs and images 4 to 7 */
#define RANDOM_BYTES 256 /* fewer cannot show that they have so many */

struct job {
    struct llmspell_call *call;
    const json_t *params;
    struct magic_set *cookie;
};

/* A whole double is written as an integer. */
static json_t *number_value(double number)
{
    return number == floor(number) ? json_integer((json_int_t)number) : json_real(number);
}

/* ---- operations on one sample; path is NULL for inline data; each answers NULL without memory --
 */

static json_t *identify_value(const struct identity *identity, const struct sample *sample,
                              const char *path)
{
    const char *extension = path ? path_extension(path) : NULL;
    enum fit fit = extension ? type_fits_extension(identity->mime, identity->extensions, extension)
                             : FIT_UNKNOWN;
    return json_pack("{s:s, s:s, s:O, s:O, s:b, s:b, s:I, s:o}", "mime", identity->mime, "encoding",
                     identity->encoding, "description", identity->description, "extensions",
                     identity->extensions, "is_text", identity->text, "is_binary", identity->binary,
                     "size", (json_int_t)sample->total, "extension_matches",
                     fit == FIT_UNKNOWN ? json_null() : json_boolean(fit == FIT_YES));
}

static json_t *verify_value(const struct identity *identity, const char *expected)
{
    bool matches;
    if (strchr(expected, '/')) {
        matches = type_covers(expected, identity->mime);
    } else {
        const char *dot = strrchr(expected, '.'); /* .png; tar.gz as a path with it */
        const char *extension = dot ? dot + 1 : expected;
        matches = type_fits_extension(identity->mime, identity->extensions, extension) == FIT_YES;
    }
    return json_pack("{s:b, s:s, s:s}", "matches", matches, "mime", identity->mime, "expected",
                     expected);
}

static json_t *entropy_value(const struct identity *identity, const struct sample *sample)
{
    double bits = sample_entropy(sample);
    bool random = bits >= RANDOM_BITS && sample->size >= RANDOM_BYTES;
    const char *looks = !identity->binary ? "text" : random ? "compressed_or_encrypted" : "binary";
    return json_pack("{s:o, s:I, s:s}", "bits_per_byte", number_value(bits), "bytes",
                     (json_int_t)sample->size, "looks", looks);
}

static int32_t judge(const struct job *job, const struct sample *sample, const char *path,
                     json_t **ret_value)
{
    CLEANUP_IDENTITY struct identity identity = {0};
    bool entropy = llmspell_is(job->params, "operation", "entropy");
    int32_t rc = magic_identify(job->call, job->cookie, sample, !entropy, &identity);
    if (rc < 0)
        return rc;
    if (entropy)
        *ret_value = entropy_value(&identity, sample);
    else if (llmspell_is(job->params, "operation", "verify"))
        *ret_value = verify_value(&identity, llmspell_string(job->params, "expected"));
    else
        *ret_value = identify_value(&identity, sample, path);
    return *ret_value ? 0 : llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

/* ---- lists ---- */

/* What keeps one file of a list from being judged; the other files do not suffer from it. */
static const char *file_error_text(int32_t code)
{
    switch (code) {
    case LLMSPELL_ENOTFOUND:
        return "does not exist";
    case LLMSPELL_EPERM:
        return "lies outside the folders that tools may use";
    case LLMSPELL_EINVAL:
        return "is not a regular file";
    case LLMSPELL_EIO:
        return "cannot be read";
    default:
        return NULL; /* ends the whole call */
    }
}

static json_t *error_entry(const json_t *path, int32_t code)
{
    bool nul = strlen(json_string_value(path)) != json_string_length(path);
    json_t *message = nul ? json_string("the path holds a NUL character; file names cannot")
                          : json_sprintf("%s %s", json_string_value(path), file_error_text(code));
    return json_pack("{s:O, s:{s:s, s:o}}", "path", path, "error", "code",
                     llmspell_error_name(code), "message", message);
}

static int32_t judge_listed(const struct job *job, const json_t *path, size_t index,
                            json_t **ret_entry)
{
    CLEANUP_SAMPLE struct sample sample = SAMPLE_EMPTY;
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    char pointer[48];
    snprintf(pointer, sizeof pointer, "/paths/%zu", index);
    const char *text = json_string_value(path);
    int32_t rc = sample_read(job->call, text, json_string_length(path), pointer, &sample);
    if (rc < 0 && file_error_text(rc)) {
        *ret_entry = error_entry(path, rc);
        return 0;
    }
    if (rc == 0)
        rc = judge(job, &sample, text, &value);
    if (rc < 0)
        return rc;
    *ret_entry = json_pack("{s:O}", "path", path);
    if (*ret_entry && json_object_update(*ret_entry, value) != 0) {
        json_decref(*ret_entry);
        *ret_entry = NULL;
    }
    return 0;
}

static int32_t judge_list(const struct job *job, const json_t *paths, json_t **ret_value)
{
    LLMSPELL_CLEANUP_JSON json_t *files = json_array();
    size_t i;
    json_t *path;
    json_array_foreach(paths, i, path)
    {
        json_t *entry = NULL;
        int32_t rc = judge_listed(job, path, i, &entry);
        if (rc < 0)
            return rc;
        if (json_array_append_new(files, entry) != 0)
            return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
        job->call->host->progress(job->call, (double)i + 1, (double)json_array_size(paths),
                                  "identifying");
    }
    *ret_value = json_pack("{s:O}", "files", files);
    return *ret_value ? 0 : llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t file_identifier_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    (void)self;
    CLEANUP_MAGIC struct magic_set *cookie = NULL;
    CLEANUP_SAMPLE struct sample sample = SAMPLE_EMPTY;
    const json_t *paths = json_object_get(params, "paths");
    const char *path = llmspell_string(params, "path");
    int32_t rc = 0;
    if (path)
        rc = sample_read(call, path, llmspell_string_length(params, "path"), "/path", &sample);
    else if (!paths)
        rc = sample_decode(call, llmspell_string(params, "input_base64"),
                           llmspell_string_length(params, "input_base64"), &sample);
    if (rc == 0)
        rc = magic_start(call, &cookie);
    if (rc < 0)
        return rc;
    struct job job = {.call = call, .params = params, .cookie = cookie};
    json_t *value = NULL;
    rc = paths ? judge_list(&job, paths, &value) : judge(&job, &sample, path, &value);
    if (rc == 0)
        *ret_result = value;
    return rc;
}

LLMSPELL_TOOL(.invoke = file_identifier_invoke)
