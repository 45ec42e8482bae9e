/* SPDX-License-Identifier: Apache-2.0
 * front_matter: YAML between two lines --- at the very start, and what follows. */
#include "markdown.h"

#include "../shared/yaml_read.h"

/* Where the line that starts at `at` ends, and where the next one starts. */
static size_t line_end(const struct document *document, size_t at, size_t *ret_next)
{
    const char *end = memchr(document->text + at, '\n', document->size - at);
    size_t stop = end ? (size_t)(end - document->text) : document->size;
    *ret_next = end ? stop + 1 : stop;
    return stop;
}

/* Whether the line is --- and blanks. */
static bool is_fence(const struct document *document, size_t at, size_t end)
{
    if (end - at < 3 || memcmp(document->text + at, "---", 3) != 0)
        return false;
    for (at += 3; at < end; at++)
        if (!memchr(" \t\r", document->text[at], 3))
            return false;
    return true;
}

/* The text between the fences and the start of the body; false: there is none. */
static bool find_matter(const struct document *document, size_t *ret_start, size_t *ret_end,
                        size_t *ret_body)
{
    size_t at = 0, next;
    size_t end = line_end(document, 0, &next);
    if (!is_fence(document, 0, end))
        return false;
    *ret_start = at = next;
    while (at < document->size) {
        end = line_end(document, at, &next);
        if (is_fence(document, at, end)) {
            *ret_end = at;
            *ret_body = next;
            return true;
        }
        at = next;
    }
    return false;
}

/* The object; null if it is something else that is YAML: then it is no front matter. */
static int32_t read_matter(const struct document *document, const char *text, size_t size,
                           json_t **ret)
{
    CLEANUP_YAML_DOCUMENTS struct yaml_documents documents = {0};
    struct yaml_input input = {document->call, text, size, false};
    int32_t rc = yaml_read(&input, &documents);
    if (rc < 0) {
        documents.line++; /* the fence */
        return yaml_fail(document->call, rc, &documents, document->pointer);
    }
    json_t *value = json_array_get(documents.values, 0);
    if (json_array_size(documents.values) > 1)
        value = NULL;
    else if (!value || json_is_null(value))
        value = json_object();
    else
        json_incref(value);
    *ret = json_is_object(value) ? value : json_null();
    if (*ret != value)
        json_decref(value);
    return 0;
}

int32_t op_front_matter(const struct document *document, json_t **ret_result)
{
    size_t start = 0, end = 0, body = 0;
    json_t *matter = json_null();
    if (find_matter(document, &start, &end, &body)) {
        int32_t rc = read_matter(document, document->text + start, end - start, &matter);
        if (rc < 0)
            return rc;
        if (json_is_null(matter))
            body = 0;
    }
    return llmspell_return(document->call, ret_result,
                           json_pack("{s:o, s:o}", "front_matter", matter, "body",
                                     json_stringn(document->text + body, document->size - body)));
}
