/* SPDX-License-Identifier: Apache-2.0
 * data_converter: one data format into another. Called by the host's tool registry through
 * llmspell_tool_v1. */
#include <llmspell/fs.h>

#include "../shared/text_input.h"
#include "converter.h"

#define CONFIDENCE_MIN 0.5 /* that a guess needs to be taken */

/* ---- what is given ---- */

struct source {
    char *owned;
    struct reading reading;
    bool is_text;  /* valid UTF-8 */
    json_t *value; /* the parameter value, borrowed; NULL: there is text */
};

static int32_t load_data(struct llmspell_call *call, const json_t *params, struct source *source)
{
    struct reading *r = &source->reading;
    if (json_object_get(params, "input")) {
        r->pointer = "/input";
        r->text = llmspell_string(params, "input");
        r->size = llmspell_string_length(params, "input");
        return 0;
    }
    int32_t rc;
    if (json_object_get(params, "path")) {
        r->pointer = "/path";
        rc = llmspell_fs_read(call, llmspell_string(params, "path"), "/path", TEXT_FILE_MAX,
                              &source->owned, &r->size);
    } else {
        r->pointer = "/input_base64";
        rc =
            base64_decode(call, llmspell_string(params, "input_base64"),
                          llmspell_string_length(params, "input_base64"), &source->owned, &r->size);
    }
    r->text = source->owned;
    return rc;
}

static int32_t load(struct llmspell_call *call, const json_t *params, struct source *source)
{
    struct reading *r = &source->reading;
    r->call = call;
    r->params = params;
    source->value = json_object_get(params, "value");
    if (source->value) {
        r->pointer = "/value";
        return 0;
    }
    int32_t rc = load_data(call, params, source);
    if (rc < 0)
        return rc;
    source->is_text = text_valid(r->text, r->size) == r->size;
    if (source->is_text && r->size >= 3 && memcmp(r->text, "\xEF\xBB\xBF", 3) == 0) {
        r->text += 3;
        r->size -= 3;
    }
    return 0;
}

/* ---- detect ---- */

/* Base64 and bytes that are no text are tried as binary formats first. */
static int32_t guess_format(struct source *source, struct guess *ret)
{
    bool binary = !source->is_text || strcmp(source->reading.pointer, "/input_base64") == 0;
    *ret = (struct guess){NULL, 0};
    int32_t rc = binary ? detect(&source->reading, false, ret) : 0;
    struct guess text = {NULL, 0};
    if (rc == 0 && source->is_text)
        rc = detect(&source->reading, true, &text);
    if (text.confidence > ret->confidence)
        *ret = text;
    return rc;
}

static int32_t detect_format(struct source *source, json_t **ret_result)
{
    struct guess guess;
    int32_t rc = guess_format(source, &guess);
    if (rc < 0)
        return rc;
    json_t *name = guess.format ? json_string(guess.format->name) : json_null();
    json_t *confidence = guess.confidence == 0   ? json_integer(0)
                         : guess.confidence == 1 ? json_integer(1)
                                                 : json_real(guess.confidence);
    return llmspell_return(source->reading.call, ret_result,
                           json_pack("{s:o, s:o}", "format", name, "confidence", confidence));
}

/* ---- convert ---- */

static int32_t choose_format(struct source *source, const json_t *params,
                             const struct format **ret_format)
{
    struct llmspell_call *call = source->reading.call;
    const char *from = llmspell_string(params, "from");
    struct guess guess;
    if (source->value && strcmp(from, "auto") != 0 && strcmp(from, "json") != 0)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/from",
                                "value is JSON; from can only be \"json\", is \"%s\"", from);
    *ret_format = format_find(source->value ? "json" : from);
    if (*ret_format)
        return 0;
    int32_t rc = guess_format(source, &guess);
    if (rc < 0)
        return rc;
    *ret_format = guess.confidence >= CONFIDENCE_MIN ? guess.format : NULL;
    return *ret_format ? 0
                       : llmspell_fail_at(call, LLMSPELL_EINVAL, "/from",
                                          "no format could be guessed; say from");
}

/* Values that were parsed without a bound on their depth. */
static bool is_deep(const json_t *value, size_t depth)
{
    const char *key;
    json_t *member;
    size_t i;
    if (depth > DEPTH_MAX)
        return true;
    json_array_foreach(value, i, member)
    {
        if (is_deep(member, depth + 1))
            return true;
    }
    json_object_foreach((json_t *)value, key, member)
    {
        if (is_deep(member, depth + 1))
            return true;
    }
    return false;
}

static int32_t read_value(struct source *source, const struct format *format, json_t **ret_value)
{
    struct reading *r = &source->reading;
    if (source->value) {
        *ret_value = json_incref(source->value);
        return 0;
    }
    if (format->binary && strcmp(r->pointer, "/input") == 0)
        return llmspell_fail_at(r->call, LLMSPELL_EINVAL, "/input",
                                "%s is binary; give it as input_base64 or path", format->name);
    if (!format->binary && !source->is_text)
        return llmspell_fail_at(r->call, LLMSPELL_EPARSE, r->pointer,
                                "the data is not UTF-8 at byte %zu", text_valid(r->text, r->size));
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    int32_t rc = format->read(r, &value);
    if (rc == 0 && is_deep(value, 0))
        rc = llmspell_fail_at(r->call, LLMSPELL_ELIMIT, r->pointer, "nested deeper than %d levels",
                              DEPTH_MAX);
    *ret_value = rc == 0 ? llmspell_steal_json(&value) : NULL;
    return rc;
}

static int32_t write_value(const struct source *source, const struct format *from,
                           const struct format *to, const json_t *value, json_t **ret_result)
{
    const struct reading *r = &source->reading;
    struct writing writing = {.call = r->call,
                              .params = r->params,
                              .pointer = r->pointer,
                              .format = to->name,
                              .pretty = llmspell_bool(r->params, "pretty", 1),
                              .sort_keys = llmspell_bool(r->params, "sort_keys", 0),
                              .specials = r->specials,
                              .out = {.max = OUTPUT_MAX, .call = r->call}};
    int32_t rc = to->write(&writing, value);
    if (rc == 0)
        rc = bounded_text_check(r->call, &writing.out);
    if (rc == 0) {
        json_t *output = to->binary ? base64_json(writing.out.text, writing.out.used)
                                    : bounded_text_json(&writing.out);
        rc = llmspell_return(r->call, ret_result,
                             json_pack("{s:s, s:s, s:o}", "from", from->name, "to", to->name,
                                       to->binary ? "output_base64" : "output", output));
    }
    bounded_text_clear(&writing.out);
    return rc;
}

static int32_t convert(struct source *source, const json_t *params, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    const struct format *from = NULL;
    int32_t rc = choose_format(source, params, &from);
    source->reading.call->host->progress(source->reading.call, 0, 2, "reading");
    if (rc == 0)
        rc = read_value(source, from, &value);
    if (rc < 0)
        return rc;
    source->reading.call->host->progress(source->reading.call, 1, 2, "writing");
    return write_value(source, from, format_find(llmspell_string(params, "to")), value, ret_result);
}

static int32_t converter_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "list"))
        return llmspell_return(call, ret_result, json_pack("{s:o}", "formats", formats_list()));
    struct yaml_specials specials = {0};
    struct source source = {.reading = {.specials = &specials}};
    int32_t rc = load(call, params, &source);
    if (rc == 0)
        rc = llmspell_is(params, "operation", "detect") ? detect_format(&source, ret_result)
                                                        : convert(&source, params, ret_result);
    free(source.owned);
    json_decref(specials.infinity);
    json_decref(specials.minus_infinity);
    json_decref(specials.nan);
    return rc;
}

LLMSPELL_TOOL(.invoke = converter_invoke)
