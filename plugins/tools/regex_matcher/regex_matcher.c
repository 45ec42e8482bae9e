/* SPDX-License-Identifier: Apache-2.0
 * regex_matcher: PCRE2 regular expressions on text. This file is the entry with the operations
 * match, find_all, split, explain and escape. Called by the host's tool registry. */
#include "regex.h"

#include "../shared/text_input.h"

/* ---- matches as JSON ---- */

/* For a value that memory did not suffice for. */
static json_t *drop(json_t *value)
{
    json_decref(value);
    return NULL;
}

static int32_t append(struct llmspell_call *call, json_t *array, json_t *item)
{
    if (json_array_append_new(array, item) == 0)
        return 0;
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

static json_t *group_json(const struct search *search, uint32_t group)
{
    struct text text;
    return search_group(search, group, &text) ? json_stringn(text.data, text.size) : json_null();
}

static json_t *groups_json(const struct search *search)
{
    json_t *groups = json_array();
    for (uint32_t i = 1; i <= search->pattern->group_count; i++)
        if (json_array_append_new(groups, group_json(search, i)) != 0)
            return drop(groups);
    return groups;
}

/* Of several groups with one name the first that took part counts. */
static json_t *named_json(const struct search *search)
{
    json_t *named = json_object();
    for (uint32_t i = 0; i < search->pattern->name_count; i++) {
        uint32_t group = 0;
        const char *name = pattern_name(search->pattern, i, &group);
        const json_t *known = json_object_get(named, name);
        if (known && !json_is_null(known))
            continue;
        if (json_object_set_new(named, name, group_json(search, group)) != 0)
            return drop(named);
    }
    return named;
}

static json_t *match_json(struct search *search)
{
    struct text whole = {"", 0};
    search_group(search, 0, &whole);
    size_t start = search_points(search, (size_t)(whole.data - search->text.data));
    size_t length = text_points(whole.data, whole.size);
    return json_pack("{s:s%, s:I, s:I, s:o, s:o}", "match", whole.data, whole.size, "start",
                     (json_int_t)start, "end", (json_int_t)(start + length), "groups",
                     groups_json(search), "named", named_json(search));
}

/* Text that the current match adds to a result, for the limit. */
static size_t match_bytes(const struct search *search)
{
    size_t bytes = 0;
    struct text text;
    for (uint32_t i = 0; i <= search->pattern->group_count; i++)
        if (search_group(search, i, &text))
            bytes += text.size;
    return bytes;
}

/* ---- operations on a text ---- */

static int32_t run_match(struct search *search, json_int_t limit, json_t **ret_result)
{
    (void)limit;
    int32_t rc = search_next(search);
    if (rc < 0)
        return rc;
    return llmspell_return(
        search->call, ret_result,
        json_pack("{s:b, s:o}", "matched", rc, "match", rc ? match_json(search) : json_null()));
}

static int32_t fail_large(const struct search *search)
{
    return llmspell_fail(search->call, LLMSPELL_ELIMIT,
                         "the matches are too large for one result; give a smaller limit");
}

static int32_t find_all(struct search *search, size_t limit, json_t *matches, int *ret_more)
{
    size_t bytes = 0, values = 0;
    size_t each = 6 + search->pattern->group_count + search->pattern->name_count;
    int32_t rc;
    while ((rc = search_next(search)) == 1) {
        if (json_array_size(matches) == limit) {
            *ret_more = 1;
            return 0;
        }
        bytes += match_bytes(search);
        values += each;
        if (bytes > OUTPUT_MAX || values > RESULTS_MAX)
            return fail_large(search);
        if ((rc = append(search->call, matches, match_json(search))) < 0)
            break;
    }
    return rc;
}

static int32_t run_find_all(struct search *search, json_int_t limit, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *matches = json_array();
    int truncated = 0;
    int32_t rc = find_all(search, (size_t)limit, matches, &truncated);
    if (rc < 0)
        return rc;
    return llmspell_return(search->call, ret_result,
                           json_pack("{s:I, s:O, s:b}", "count",
                                     (json_int_t)json_array_size(matches), "matches", matches,
                                     "truncated", truncated));
}

/* At most limit parts: the last holds the rest, so that no text is lost. */
static int32_t run_split(struct search *search, json_int_t limit, json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *parts = json_array();
    size_t from = 0;
    int32_t rc = 0;
    while (json_array_size(parts) + 1 < (size_t)limit && (rc = search_next(search)) == 1) {
        size_t start = search->spans[0], end = search->spans[1];
        if (start < from || end < start)
            continue;
        rc = append(search->call, parts, json_stringn(search->text.data + from, start - from));
        if (rc < 0)
            break;
        from = end;
    }
    if (rc >= 0)
        rc = append(search->call, parts,
                    json_stringn(search->text.data + from, search->text.size - from));
    if (rc < 0)
        return rc;
    return llmspell_return(
        search->call, ret_result,
        json_pack("{s:O, s:I}", "parts", parts, "count", (json_int_t)json_array_size(parts)));
}

static int32_t on_text(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_PATTERN struct pattern pattern = {0};
    CLEANUP_TEXT_INPUT struct text_input input = {0};
    CLEANUP_SEARCH struct search search = {0};
    int32_t rc = pattern_compile(call, params, PATTERN_FOR_SEARCH, &pattern);
    if (rc == 0)
        rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, &input);
    if (rc < 0)
        return rc;
    struct text text = {input.data, input.size};
    if (llmspell_is(params, "operation", "replace"))
        return regex_replace(call, params, &pattern, text, ret_result);
    rc = search_init(&search, call, params, &pattern, text);
    if (rc < 0)
        return rc;
    json_int_t limit = llmspell_integer(params, "limit", 1000);
    return llmspell_is(params, "operation", "find_all") ? run_find_all(&search, limit, ret_result)
           : llmspell_is(params, "operation", "split")  ? run_split(&search, limit, ret_result)
                                                        : run_match(&search, limit, ret_result);
}

/* ---- explain ---- */

/* What flags chose; settings inside the pattern count where they stand and are no option of it. */
static json_t *options_json(uint32_t options)
{
    static const struct {
        uint32_t option;
        const char *name;
    } names[] = {{PCRE2_CASELESS, "caseless"},
                 {PCRE2_DOTALL, "dotall"},
                 {PCRE2_EXTENDED, "extended"},
                 {PCRE2_MULTILINE, "multiline"},
                 {PCRE2_UNGREEDY, "ungreedy"}};
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (options & names[i].option)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

static json_t *group_list(const struct pattern *pattern)
{
    json_t *groups = json_array();
    for (uint32_t i = 1; i <= pattern->group_count; i++)
        json_array_append_new(groups, json_pack("{s:I, s:n}", "index", (json_int_t)i, "name"));
    for (uint32_t i = 0; i < pattern->name_count; i++) {
        uint32_t group = 0;
        const char *name = pattern_name(pattern, i, &group);
        json_object_set_new(json_array_get(groups, group - 1), "name", json_string(name));
    }
    return groups;
}

static int32_t explain(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_PATTERN struct pattern pattern = {0};
    uint32_t shortest = 0, reference = 0, options = 0;
    int32_t rc = pattern_compile(call, params, PATTERN_FOR_SHOW, &pattern);
    if (rc < 0)
        return rc;
    pcre2_pattern_info(pattern.code, PCRE2_INFO_MINLENGTH, &shortest);
    pcre2_pattern_info(pattern.code, PCRE2_INFO_BACKREFMAX, &reference);
    pcre2_pattern_info(pattern.code, PCRE2_INFO_ARGOPTIONS, &options);
    return llmspell_return(
        call, ret_result,
        json_pack("{s:O, s:I, s:o, s:I, s:b, s:o}", "pattern", json_object_get(params, "pattern"),
                  "group_count", (json_int_t)pattern.group_count, "groups", group_list(&pattern),
                  "min_length", (json_int_t)shortest, "has_backreferences", reference > 0,
                  "options", options_json(options)));
}

/* ---- escape ---- */

/* What the flag x skips beyond ASCII. */
static bool is_pattern_space(const char *at, size_t left)
{
    static const char *const spaces[] = {"\xC2\x85", "\xE2\x80\x8E", "\xE2\x80\x8F", "\xE2\x80\xA8",
                                         "\xE2\x80\xA9"};
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        if (left >= strlen(spaces[i]) && memcmp(at, spaces[i], strlen(spaces[i])) == 0)
            return true;
    return false;
}

static bool is_special(const char *at, size_t left, bool extended)
{
    if (*at && strchr("\\^$.|?*+()[]{}", *at))
        return true;
    return extended && ((*at && strchr("# \t\n\v\f\r", *at)) || is_pattern_space(at, left));
}

static int32_t escape_text(struct llmspell_call *call, struct text text, bool extended,
                           json_t **ret_result)
{
    LLMSPELL_CLEANUP_FREE char *out = malloc(text.size * 2 + 1);
    size_t size = 0;
    if (!out)
        return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
    for (size_t i = 0; i < text.size; i++) {
        if (is_special(text.data + i, text.size - i, extended))
            out[size++] = '\\';
        out[size++] = text.data[i];
    }
    if (size > OUTPUT_MAX)
        return llmspell_fail(call, LLMSPELL_ELIMIT, "the result is larger than %u MiB",
                             OUTPUT_MAX >> 20);
    return llmspell_return(call, ret_result, json_pack("{s:s%}", "output", out, size));
}

static int32_t escape(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    CLEANUP_TEXT_INPUT struct text_input input = {0};
    uint32_t options = 0;
    int32_t rc = pattern_flags(call, params, &options);
    if (rc == 0)
        rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, &input);
    if (rc < 0)
        return rc;
    return escape_text(call, (struct text){input.data, input.size}, options & PCRE2_EXTENDED,
                       ret_result);
}

static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params,
                      json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "explain"))
        return explain(call, params, ret_result);
    if (llmspell_is(params, "operation", "escape"))
        return escape(call, params, ret_result);
    return on_text(call, params, ret_result);
}

LLMSPELL_TOOL(.invoke = invoke)
