/* SPDX-License-Identifier: Apache-2.0
 * toc: the headings with slugs, as a list of values and as Markdown. */
#include "markdown.h"

#include "../shared/points.h"

#define LEVELS 6

/* Adds the slug as text_manipulator's slugify makes it with unicode: case-folded and composed, runs
 * of all but letters, digits and marks as one hyphen. */
static int32_t add_slug(const struct document *document, const char *text, size_t size,
                        struct text_buffer *out)
{
    CLEANUP_POINTS struct points points = {0};
    int32_t rc =
        points_decompose(document->call, text, size,
                         UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD, &points);
    if (rc < 0)
        return rc;
    points_compose(&points);
    size_t start = out->len;
    bool gap = false;
    for (size_t i = 0; i < points.len; i++) {
        utf8proc_uint8_t bytes[4];
        if (!point_is_alphanumeric(points.data[i]) && !point_is_mark(points.data[i])) {
            gap = true;
            continue;
        }
        if (gap && out->len > start)
            text_buffer_putc(out, '-');
        gap = false;
        utf8proc_ssize_t length = utf8proc_encode_char(points.data[i], bytes);
        text_buffer_add(out, (const char *)bytes, (size_t)length);
    }
    return text_buffer_check(document->call, out);
}

/* The slug of a heading, with -1, -2 … if others have it. used: slug → its next number. */
static json_t *unique_slug(json_t *used, const struct text_buffer *slug)
{
    LLMSPELL_CLEANUP_JSON json_t *name = text_buffer_json(slug);
    if (!name)
        return NULL;
    const char *base = json_string_value(name);
    json_int_t number = json_integer_value(json_object_get(used, base));
    json_t *result = json_incref(name);
    for (; json_object_get(used, json_string_value(result)); number++) {
        json_decref(result);
        result = json_sprintf("%s-%" JSON_INTEGER_FORMAT, base, number);
        if (!result)
            return NULL;
    }
    if (json_object_set_new(used, base, json_integer(number ? number : 1)) != 0 ||
        (number && json_object_set_new(used, json_string_value(result), json_integer(1)) != 0)) {
        json_decref(result);
        return NULL;
    }
    return result;
}

/* Whether a character of a heading would be a mark in the text of a link. */
static bool is_mark(const char *text, size_t size, size_t at)
{
    char c = text[at], next = at + 1 < size ? text[at + 1] : ' ';
    bool letter_before = at > 0 && strchr(" \t", text[at - 1]) == NULL;
    if (c == '_')
        return !letter_before || strchr(" \t", next);
    if (c == '&')
        return next == '#' || (next | 0x20) >= 'a';
    return c && strchr("\\`*[]<", c);
}

static void add_link(struct text_buffer *out, const json_t *entry, json_int_t smallest)
{
    const json_t *text = json_object_get(entry, "text");
    const char *bytes = json_string_value(text);
    size_t size = json_string_length(text);
    for (json_int_t i = smallest; i < json_integer_value(json_object_get(entry, "level")); i++)
        text_buffer_puts(out, "  ");
    text_buffer_puts(out, "- [");
    for (size_t i = 0; i < size; i++) {
        if (is_mark(bytes, size, i))
            text_buffer_putc(out, '\\');
        text_buffer_putc(out, bytes[i]);
    }
    text_buffer_puts(out, "](#");
    text_buffer_puts(out, json_string_value(json_object_get(entry, "slug")));
    text_buffer_puts(out, ")\n");
}

static json_t *toc_entry(const json_t *heading, json_t *slug)
{
    return json_pack("{s:O, s:O, s:o, s:O}", "level", json_object_get(heading, "level"), "text",
                     json_object_get(heading, "text"), "slug", slug, "line",
                     json_object_get(heading, "line"));
}

/* Entries down to max_level; *ret_smallest: their smallest level. Slugs of deeper ones count, so
 * that a slug does not depend on how much is shown. */
static int32_t add_entries(const struct document *document, const json_t *headings, json_t *toc,
                           json_int_t *ret_smallest)
{
    LLMSPELL_CLEANUP_JSON json_t *used = json_object();
    json_int_t max_level = llmspell_integer(document->params, "max_level", LEVELS);
    size_t index;
    json_t *heading;
    *ret_smallest = LEVELS;
    json_array_foreach((json_t *)headings, index, heading)
    {
        CLEANUP_TEXT_BUFFER struct text_buffer slug = {.limit = OUTPUT_MAX};
        json_int_t level = json_integer_value(json_object_get(heading, "level"));
        const json_t *text = json_object_get(heading, "text");
        int32_t rc = add_slug(document, json_string_value(text), json_string_length(text), &slug);
        if (rc == 0 && index % 64 == 0)
            rc = llmspell_cancelled(document->call);
        if (rc < 0)
            return rc;
        json_t *name = unique_slug(used, &slug);
        if (!name)
            return no_memory(document->call);
        if (level > max_level)
            json_decref(name);
        else if (json_array_append_new(toc, toc_entry(heading, name)) != 0)
            return no_memory(document->call);
        if (level < *ret_smallest)
            *ret_smallest = level;
    }
    return 0;
}

int32_t op_toc(const struct document *document, json_t **ret_result)
{
    CLEANUP_COLLECTION struct collection found = {0};
    CLEANUP_TEXT_BUFFER struct text_buffer markdown = {.limit = OUTPUT_MAX};
    LLMSPELL_CLEANUP_JSON json_t *toc = json_array();
    json_int_t smallest = LEVELS;
    int32_t rc = document_collect(document, COLLECT_HEADINGS, &found);
    if (rc == 0)
        rc = add_entries(document, found.lists[COLLECTED_KINDS - 1], toc, &smallest);
    if (rc < 0)
        return rc;
    size_t index;
    json_t *entry;
    json_array_foreach(toc, index, entry) add_link(&markdown, entry, smallest);
    rc = text_buffer_check(document->call, &markdown);
    if (rc < 0)
        return rc;
    return llmspell_return(
        document->call, ret_result,
        json_pack("{s:O, s:o}", "toc", toc, "markdown", text_buffer_json(&markdown)));
}
