/* SPDX-License-Identifier: Apache-2.0
 * template_engine: renders and checks Mustache templates, and lists the names in them. Called by
 * the host's tool registry through llmspell_tool_v1. */
#include <llmspell/fs.h>

#include "template.h"

#define FILE_MAX (50u << 20) /* bytes */

#define CLEANUP_TEMPLATE __attribute__((cleanup(template_clear)))

/* A length of valid UTF-8 at the start of data. */
static size_t utf8_valid_length(const char *data, size_t size)
{
    const unsigned char *p = (const unsigned char *)data;
    size_t i = 0;
    while (i < size) {
        unsigned char c = p[i];
        size_t n = c < 0x80 ? 1 : c >= 0xC2 && c < 0xE0 ? 2 : (c & 0xF0) == 0xE0 ? 3 : 4;
        if ((c >= 0x80 && c < 0xC2) || c > 0xF4 || n > size - i)
            return i;
        for (size_t k = 1; k < n; k++)
            if ((p[i + k] & 0xC0) != 0x80)
                return i;
        if ((c == 0xE0 && p[i + 1] < 0xA0) || (c == 0xED && p[i + 1] > 0x9F) ||
            (c == 0xF0 && p[i + 1] < 0x90) || (c == 0xF4 && p[i + 1] > 0x8F))
            return i;
        i += n;
    }
    return i;
}

/* The template; *ret_data owns it if it came from a file. */
static int32_t load(struct llmspell_call *call, const json_t *params, char **ret_data,
                    struct span *ret)
{
    const char *path = llmspell_string(params, "path");
    *ret = (struct span){llmspell_string(params, "input"), llmspell_string_length(params, "input")};
    if (!path)
        return 0;
    if (strlen(path) != llmspell_string_length(params, "path"))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, "/path", "a path holds no NUL character");
    size_t size = 0;
    int32_t rc = llmspell_fs_read(call, path, "/path", FILE_MAX, ret_data, &size);
    if (rc < 0)
        return rc;
    size_t valid = utf8_valid_length(*ret_data, size);
    if (valid < size)
        return llmspell_fail_at(call, LLMSPELL_EPARSE, "/path",
                                "%s is not UTF-8: wrong byte at offset %zu", path, valid);
    size_t bom = size >= 3 && memcmp(*ret_data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    *ret = (struct span){*ret_data + bom, size - bom};
    return 0;
}

static int32_t fail_template(struct llmspell_call *call, const json_t *params, int32_t code,
                             const struct parse_error *error)
{
    if (code == LLMSPELL_ENOMEM)
        return llmspell_fail(call, code, "out of memory");
    if (code != LLMSPELL_EPARSE && code != LLMSPELL_ELIMIT)
        return code;
    return llmspell_fail_at(call, code, json_object_get(params, "path") ? "/path" : "/input",
                            "%s (line %zu, column %zu)", error->message, error->line,
                            error->column);
}

/* ---- render ---- */

#define NAMES_SHOWN 800 /* bytes */

/* A name, cut at a character if it is longer than max. */
static void add_cut(struct text_buffer *list, const char *name, size_t max)
{
    size_t length = strlen(name), kept = length;
    if (length > max)
        for (kept = max; kept > 0 && ((unsigned char)name[kept] & 0xC0) == 0x80;)
            kept--;
    text_buffer_add(list, name, kept);
    text_buffer_puts(list, kept < length ? "…" : "");
}

static int32_t fail_missing(struct llmspell_call *call, const json_t *set, const char *pointer,
                            const char *what)
{
    LLMSPELL_CLEANUP_JSON json_t *names = sorted_keys(set);
    CLEANUP_TEXT_BUFFER struct text_buffer list = {.limit = SIZE_MAX};
    size_t shown = 0, count = json_array_size(names);
    for (; shown < count && list.len < NAMES_SHOWN; shown++) {
        text_buffer_puts(&list, shown ? ", " : "");
        add_cut(&list, json_string_value(json_array_get(names, shown)), 100);
    }
    char more[64] = "";
    if (shown < count)
        snprintf(more, sizeof more, " and %zu more", count - shown);
    return llmspell_fail_at(call, LLMSPELL_ENOTFOUND, pointer, "%s missing: %.*s%s", what,
                            (int)list.len, list.data ? list.data : "", more);
}

static int32_t check_missing(struct llmspell_call *call, const json_t *params,
                             const struct rendering *rendering)
{
    if (!llmspell_bool(params, "strict", 0))
        return 0;
    if (json_object_size(rendering->missing))
        return fail_missing(call, rendering->missing, "/context", "names of the template are");
    return json_object_size(rendering->missing_partials)
               ? fail_missing(call, rendering->missing_partials, "/partials", "partials are")
               : 0;
}

static int32_t run_engine(struct rendering *rendering, const json_t *params, struct span text)
{
    CLEANUP_TEMPLATE struct template tpl = {0};
    struct parse_error error;
    if (llmspell_is(params, "engine", "simple")) {
        int32_t rc = simple_render(rendering, text, NULL, &error);
        return rc < 0 ? fail_template(rendering->call, params, rc, &error) : 0;
    }
    int32_t rc = template_parse(rendering->call, text, &tpl, &error);
    return rc < 0 ? fail_template(rendering->call, params, rc, &error)
                  : mustache_render(rendering, &tpl);
}

static int32_t render(struct llmspell_call *call, const json_t *params, struct span text,
                      json_t **ret_result)
{
    LLMSPELL_CLEANUP_JSON json_t *missing = json_object();
    LLMSPELL_CLEANUP_JSON json_t *missing_partials = json_object();
    struct rendering r = {.call = call,
                          .context = json_object_get(params, "context"),
                          .partials = json_object_get(params, "partials"),
                          .escape = escape_find(llmspell_string(params, "escape")),
                          .out = {.limit = OUTPUT_MAX},
                          .missing = missing,
                          .missing_partials = missing_partials};
    int32_t rc = run_engine(&r, params, text);
    if (rc == 0)
        rc = text_buffer_check(call, &r.out);
    if (rc == 0)
        rc = check_missing(call, params, &r);
    if (rc == 0)
        rc = llmspell_return(call, ret_result,
                             json_pack("{s:o, s:s, s:I}", "output", text_buffer_json(&r.out),
                                       "engine", llmspell_string(params, "engine"), "bytes",
                                       (json_int_t)r.out.len));
    text_buffer_free(&r.out);
    return rc;
}

/* ---- validate, variables ---- */

static int32_t check(struct llmspell_call *call, bool simple, struct span text,
                     struct parse_error *ret_error)
{
    CLEANUP_TEMPLATE struct template tpl = {0};
    if (!simple)
        return template_parse(call, text, &tpl, ret_error);
    LLMSPELL_CLEANUP_JSON json_t *names = json_object();
    struct rendering r = {.call = call, .out = {.limit = SIZE_MAX}};
    int32_t rc = simple_render(&r, text, names, ret_error);
    text_buffer_free(&r.out);
    return rc;
}

static int32_t return_invalid(struct llmspell_call *call, const char *partial,
                              const struct parse_error *error, json_t **ret_result)
{
    json_t *message = partial ? json_sprintf("partial %s: %s", partial, error->message)
                              : json_string(error->message);
    return llmspell_return(call, ret_result,
                           json_pack("{s:b, s:{s:o, s:I, s:I}}", "valid", 0, "error", "message",
                                     message, "line", (json_int_t)error->line, "column",
                                     (json_int_t)error->column));
}

static int32_t validate(struct llmspell_call *call, const json_t *params, struct span text,
                        json_t **ret_result)
{
    bool simple = llmspell_is(params, "engine", "simple");
    struct parse_error error;
    int32_t rc = check(call, simple, text, &error);
    const char *name;
    json_t *partial;
    if (rc == LLMSPELL_EPARSE)
        return return_invalid(call, NULL, &error, ret_result);
    if (rc < 0)
        return fail_template(call, params, rc, &error);
    json_object_foreach(json_object_get(params, "partials"), name, partial)
    {
        struct span span = {json_string_value(partial), json_string_length(partial)};
        rc = simple ? 0 : check(call, simple, span, &error);
        if (rc == LLMSPELL_EPARSE)
            return return_invalid(call, name, &error, ret_result);
        if (rc < 0)
            return fail_template(call, params, rc, &error);
    }
    return llmspell_return(call, ret_result, json_pack("{s:b}", "valid", 1));
}

static int32_t variables(struct llmspell_call *call, const json_t *params, struct span text,
                         json_t **ret_result)
{
    CLEANUP_TEMPLATE struct template tpl = {0};
    LLMSPELL_CLEANUP_JSON json_t *names = json_object();
    struct parse_error error;
    bool simple = llmspell_is(params, "engine", "simple");
    struct rendering r = {.call = call, .out = {.limit = SIZE_MAX}};
    int32_t rc =
        simple ? simple_render(&r, text, names, &error) : template_parse(call, text, &tpl, &error);
    text_buffer_free(&r.out);
    if (rc < 0)
        return fail_template(call, params, rc, &error);
    json_t *result = simple ? json_pack("{s:o, s:[], s:[]}", "variables", sorted_keys(names),
                                        "sections", "partials")
                            : template_names(&tpl);
    return llmspell_return(call, ret_result, result);
}

static int32_t template_engine_invoke(void *self, struct llmspell_call *call, const json_t *params,
                                      json_t **ret_result)
{
    (void)self;
    LLMSPELL_CLEANUP_FREE char *data = NULL;
    struct span text;
    int32_t rc = load(call, params, &data, &text);
    if (rc < 0)
        return rc;
    if (llmspell_is(params, "operation", "validate"))
        return validate(call, params, text, ret_result);
    return llmspell_is(params, "operation", "variables") ? variables(call, params, text, ret_result)
                                                         : render(call, params, text, ret_result);
}

LLMSPELL_TOOL(.invoke = template_engine_invoke)
