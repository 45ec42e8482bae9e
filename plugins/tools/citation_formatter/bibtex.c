/* SPDX-License-Identifier: Apache-2.0
 * Reads the syntax of BibTeX: entries, @string, concatenation; text between entries, @comment and
 * @preamble do not count. */
#include "citation.h"

#include <ctype.h>

#include "../shared/text_input.h"

#define NAME_SIZE 256          /* of a type, field or macro, with its NUL */
#define SEARCH_MAX (64u << 20) /* bytes behind marks that are not closed to be read again */

struct reader {
    struct library *library;
    const char *text;
    size_t size, at;
    size_t line, counted; /* line ends before counted */
    json_t *macros;
    size_t bytes;    /* of all values */
    size_t searched; /* bytes behind marks that were not closed */
    const char *key; /* of the running entry; "" outside */
    json_t *entry;   /* the same; borrowed */
    size_t entry_line;
};

static size_t line_at(struct reader *r, size_t at)
{
    for (; r->counted < at; r->counted++)
        r->line += r->text[r->counted] == '\n';
    while (r->counted > at)
        r->line -= r->text[--r->counted] == '\n';
    return r->line + 1;
}

#define SYNTAX 1 /* a problem was noted: go on with the next entry */

/* A problem of the syntax: ends the call, or is noted. */
static int32_t complain(struct reader *r, size_t at, const char *field, const char *what)
{
    size_t line = line_at(r, at);
    if (!r->library->tolerant)
        return llmspell_fail_at(r->library->call, LLMSPELL_EPARSE, r->library->pointer,
                                "%s (line %zu)", what, line);
    if (r->entry)
        json_object_set_new(r->entry, "broken", json_true());
    int32_t rc = library_note(r->library, r->library->errors, r->key, field, line, "%s", what);
    return rc < 0 ? rc : SYNTAX;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->size && isspace((unsigned char)r->text[r->at]))
        r->at++;
}

static char peek(const struct reader *r)
{
    return r->at < r->size ? r->text[r->at] : '\0';
}

/* A name in lower case; "" if there is none. */
static void read_name(struct reader *r, char name[NAME_SIZE])
{
    size_t length = 0;
    while (r->at < r->size) {
        unsigned char c = (unsigned char)r->text[r->at];
        if (isspace(c) || c == 0 || strchr("{}(),=#\"%@", c))
            break;
        if (length + 1 < NAME_SIZE)
            name[length++] = (char)(c < 0x80 ? tolower(c) : c);
        r->at++;
    }
    name[length] = '\0';
    name[text_valid(name, length)] = '\0'; /* a character that was cut */
}

/* Text in braces or quotes, without them; nested braces must match. */
static int32_t read_delimited(struct reader *r, const char *field, struct text_buffer *out)
{
    size_t start = r->at, depth = 0;
    char end = r->text[r->at++] == '{' ? '}' : '"';
    for (size_t from = r->at; r->at < r->size; r->at++) {
        char c = r->text[r->at];
        if (c == end && depth == 0) {
            text_buffer_add(out, r->text + from, r->at++ - from);
            return 0;
        }
        if (c == '\\' && r->at + 1 < r->size && strchr("{}\\\"", r->text[r->at + 1]) &&
            r->text[r->at + 1] != '"')
            r->at++;
        else if (c == '{')
            depth++;
        else if (c == '}' && depth-- == 0)
            return complain(r, r->at, field, "a closing brace has no opening one");
    }
    r->searched += r->at - start;
    if (r->searched <= SEARCH_MAX)
        r->at = start; /* other entries may follow within what was searched */
    return complain(r, start, field,
                    end == '}' ? "an opening brace is not closed" : "a quote is not closed");
}

/* A number or the name of a macro; one that is not defined stands for itself. */
static int32_t read_word(struct reader *r, const char *field, struct text_buffer *out)
{
    char name[NAME_SIZE];
    size_t start = r->at;
    read_name(r, name);
    if (!*name)
        return complain(r, start, field, "a value is missing");
    const json_t *macro = json_object_get(r->macros, name);
    if (macro)
        text_buffer_add(out, json_string_value(macro), json_string_length(macro));
    else
        text_buffer_add(out, r->text + start, r->at - start);
    if (macro || !r->library->tolerant || isdigit((unsigned char)*name) || bibtex_month(name) > 0)
        return 0;
    return library_note(r->library, r->library->warnings, r->key, field, line_at(r, start),
                        "the string %.100s is not defined, and stands for itself", name);
}

/* Pieces joined by #. */
static int32_t read_value(struct reader *r, const char *field, struct text_buffer *out)
{
    for (;;) {
        skip_space(r);
        int32_t rc = peek(r) == '{' || peek(r) == '"' ? read_delimited(r, field, out)
                                                      : read_word(r, field, out);
        if (rc != 0)
            return rc;
        skip_space(r);
        if (peek(r) != '#')
            break;
        r->at++;
    }
    r->bytes += out->len;
    if (r->bytes > TEXT_MAX)
        return llmspell_fail_at(r->library->call, LLMSPELL_ELIMIT, r->library->pointer,
                                "the values have over %u bytes in all; split the file", TEXT_MAX);
    return text_buffer_check(r->library->call, out);
}

/* name = value into fields, where the first of a name counts. with_line: [value, line]. */
static int32_t read_field(struct reader *r, json_t *fields, bool with_line, bool replace)
{
    char name[NAME_SIZE];
    CLEANUP_TEXT_BUFFER struct text_buffer value = {.limit = TEXT_MAX};
    size_t start = r->at;
    read_name(r, name);
    skip_space(r);
    if (!*name || peek(r) != '=')
        return complain(r, start, name,
                        *name ? "= is missing behind the name of a field"
                              : "the name of a field is missing");
    r->at++;
    int32_t rc = read_value(r, name, &value);
    if (rc != 0 || (!replace && json_object_get(fields, name)))
        return rc;
    json_t *text = text_buffer_json(&value);
    json_t *stored =
        with_line && text ? json_pack("[o, I]", text, (json_int_t)line_at(r, start)) : text;
    return stored && json_object_set_new(fields, name, stored) == 0 ? 0
                                                                    : no_memory(r->library->call);
}

/* The fields up to the closing mark of the entry. */
static int32_t read_fields(struct reader *r, json_t *fields, char end)
{
    for (;;) {
        skip_space(r);
        if (peek(r) == ',') {
            r->at++;
            continue;
        }
        if (peek(r) == end) {
            r->at++;
            return 0;
        }
        if (r->at == r->size || peek(r) == '@')
            return complain(r, r->entry_line, "", "the opening brace of the entry is not closed");
        int32_t rc = read_field(r, fields, true, false);
        if (rc != 0)
            return rc;
        skip_space(r);
        if (r->at < r->size && peek(r) != ',' && peek(r) != end)
            return complain(r, r->at, "", "a comma is missing behind a field");
    }
}

static int32_t read_entry(struct reader *r, const char *type, char end)
{
    skip_space(r);
    size_t start = r->at;
    while (r->at < r->size && r->text[r->at] != ',' && r->text[r->at] != end &&
           r->text[r->at] != '\n' && r->text[r->at] != '=')
        r->at++;
    size_t stop = r->at;
    while (stop > start && isspace((unsigned char)r->text[stop - 1]))
        stop--;
    if (peek(r) == '=' || stop == start) { /* there is no key */
        r->at = start;
        stop = start;
    }
    json_t *entry = json_pack("{s:s, s:o, s:I, s:{}}", "type", type, "key",
                              json_stringn(r->text + start, stop - start), "line",
                              (json_int_t)line_at(r, r->entry_line), "fields");
    if (!entry || json_array_append_new(r->library->entries, entry) != 0)
        return no_memory(r->library->call);
    if (json_array_size(r->library->entries) > ENTRIES_MAX)
        return llmspell_fail_at(r->library->call, LLMSPELL_ELIMIT, r->library->pointer,
                                "there are over %u entries; split the file", ENTRIES_MAX);
    r->key = json_string_value(json_object_get(entry, "key"));
    r->entry = entry;
    return read_fields(r, json_object_get(entry, "fields"), end);
}

/* Goes over what @comment and @preamble hold. */
static int32_t skip_block(struct reader *r)
{
    CLEANUP_TEXT_BUFFER struct text_buffer ignored = {.limit = TEXT_MAX};
    return peek(r) == '{' ? read_delimited(r, "", &ignored) : 0;
}

static int32_t read_block(struct reader *r)
{
    char type[NAME_SIZE];
    r->entry_line = r->at++;
    r->key = "";
    r->entry = NULL;
    skip_space(r);
    read_name(r, type);
    skip_space(r);
    if (!*type || (peek(r) != '{' && peek(r) != '('))
        return 0; /* an @ in the text between entries */
    if (strcmp(type, "comment") == 0 || strcmp(type, "preamble") == 0)
        return skip_block(r);
    char end = r->text[r->at++] == '{' ? '}' : ')';
    if (strcmp(type, "string") != 0)
        return read_entry(r, type, end);
    skip_space(r);
    int32_t rc = read_field(r, r->macros, false, true);
    skip_space(r);
    if (rc == 0 && peek(r) != end)
        return complain(r, r->entry_line, "", "the opening brace of @string is not closed");
    r->at += rc == 0;
    return rc;
}

/* The next @ at the start of a line, for a fresh start. */
static void resume(struct reader *r)
{
    while (r->at < r->size) {
        if (r->text[r->at] == '@' && (r->at == 0 || r->text[r->at - 1] == '\n') &&
            r->at > r->entry_line)
            return;
        r->at++;
    }
}

int32_t bibtex_read(struct library *library, const char *text, size_t size)
{
    struct reader r = {.library = library, .text = text, .size = size, .key = ""};
    r.macros = json_object();
    int32_t rc = r.macros ? 0 : no_memory(library->call);
    for (unsigned steps = 0; rc >= 0 && r.at < size; steps++) {
        const char *at = memchr(text + r.at, '@', size - r.at);
        if (!at)
            break;
        r.at = (size_t)(at - text);
        rc = read_block(&r);
        if (rc == SYNTAX)
            resume(&r);
        if (steps % 64 == 0)
            library->call->host->progress(library->call, (double)r.at, (double)size, "reading");
        if (rc == SYNTAX || (rc == 0 && steps % 64 == 0))
            rc = llmspell_cancelled(library->call);
    }
    json_decref(r.macros);
    return rc < 0 ? rc : 0;
}
