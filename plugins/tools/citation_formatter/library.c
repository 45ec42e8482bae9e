/* SPDX-License-Identifier: Apache-2.0
 * Loads what a call gives (BibTeX, CSL-JSON, YAML, items) into a library. */
#include "citation.h"

#include <ctype.h>

#include "../shared/text_input.h"
#include "../shared/yaml_read.h"

#define MARKS_MAX 8000000u /* commas and opening brackets of a JSON text: they bound its values */

int32_t library_note(const struct library *library, json_t *list, const char *key,
                     const char *field, size_t line, const char *format, ...)
{
    char message[400];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    message[text_valid(message, strlen(message))] = '\0'; /* what was cut within a character */
    json_t *note = json_pack("{s:s, s:s}", "key", key, "field", field);
    if (note && line > 0)
        json_object_set_new(note, "line", json_integer((json_int_t)line));
    if (note)
        json_object_set_new(note, "message", json_string(message));
    return note && json_array_append_new(list, note) == 0 ? 0 : no_memory(library->call);
}

static int32_t parse_error(const struct library *library, size_t line, const char *message)
{
    if (library->tolerant)
        return library_note(library, library->errors, "", "", line, "%s", message);
    if (line == 0)
        return llmspell_fail_at(library->call, LLMSPELL_EPARSE, library->pointer, "%s", message);
    return llmspell_fail_at(library->call, LLMSPELL_EPARSE, library->pointer, "%s (line %zu)",
                            message, line);
}

static bool holds_nul(const json_t *value)
{
    const char *key;
    json_t *member;
    size_t i;
    if (json_is_string(value))
        return memchr(json_string_value(value), '\0', json_string_length(value)) != NULL;
    json_object_foreach((json_t *)value, key, member) if (holds_nul(member)) return true;
    json_array_foreach(value, i, member) if (holds_nul(member)) return true;
    return false;
}

/* Takes the items of a list, of an object's "references" or "items", or one alone. An id may be a
 * number. */
static int32_t take_items(struct library *library, const json_t *value)
{
    static const char *const names[] = {"references", "items"};
    for (size_t i = 0; i < 2; i++)
        if (json_is_array(json_object_get(value, names[i])))
            value = json_object_get(value, names[i]);
    size_t count = json_is_array(value) ? json_array_size(value) : 1;
    if (count > ENTRIES_MAX)
        return llmspell_fail_at(library->call, LLMSPELL_ELIMIT, library->pointer,
                                "there are over %u entries; split the file", ENTRIES_MAX);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_is_array(value) ? json_array_get(value, i) : value;
        if (!json_is_object(item)) {
            char message[120];
            snprintf(message, sizeof message,
                     "entry %zu is neither BibTeX nor an object with members of CSL-JSON such as "
                     "id, type, title",
                     i + 1);
            return parse_error(library, 0, message);
        }
        if (holds_nul(item)) {
            char message[64];
            snprintf(message, sizeof message, "entry %zu holds a NUL character", i + 1);
            int32_t rc = parse_error(library, 0, message);
            if (rc < 0)
                return rc;
            continue;
        }
        json_t *copy = json_copy((json_t *)item);
        if (json_is_number(json_object_get(copy, "id"))) {
            LLMSPELL_CLEANUP_FREE char *id = member_text(copy, "id");
            json_object_set_new(copy, "id", json_string(id ? id : ""));
        }
        if (json_array_append_new(library->items, copy) != 0)
            return no_memory(library->call);
    }
    return 0;
}

/* A text that Jansson reads piece by piece, so that it can be stopped. */
struct json_source {
    const struct library *library;
    const char *text;
    size_t size, at;
    size_t marks; /* that make values */
    int32_t stop;
};

static size_t next_piece(void *buffer, size_t room, void *context)
{
    struct json_source *source = context;
    size_t left = source->size - source->at, size = left < room ? left : room;
    const char *piece = source->text + source->at;
    for (size_t i = 0; i < size; i++)
        source->marks += piece[i] == ',' || piece[i] == '[' || piece[i] == '{';
    source->stop = llmspell_cancelled(source->library->call);
    if (source->stop < 0 || source->marks > MARKS_MAX)
        return (size_t)-1;
    memcpy(buffer, piece, size);
    source->at += size;
    return size;
}

static int32_t read_json(struct library *library, const char *text, size_t size)
{
    json_error_t error;
    struct json_source source = {.library = library, .text = text, .size = size};
    LLMSPELL_CLEANUP_JSON json_t *value =
        json_load_callback(next_piece, &source, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (source.stop < 0)
        return source.stop;
    if (source.marks > MARKS_MAX)
        return llmspell_fail_at(library->call, LLMSPELL_ELIMIT, library->pointer,
                                "the JSON has over %u commas and opening brackets; split the file",
                                MARKS_MAX);
    if (value)
        return take_items(library, value);
    char message[JSON_ERROR_TEXT_LENGTH + 32];
    snprintf(message, sizeof message, "this is no JSON: %s", error.text);
    message[text_valid(message, strlen(message))] = '\0';
    return parse_error(library, error.line > 0 ? (size_t)error.line : 1, message);
}

static int32_t read_yaml(struct library *library, const char *text, size_t size)
{
    CLEANUP_YAML_DOCUMENTS struct yaml_documents documents = {0};
    struct yaml_input input = {library->call, text, size, false};
    int32_t rc = yaml_read(&input, &documents);
    if (rc == LLMSPELL_EPARSE)
        return parse_error(library, documents.line, documents.message);
    if (rc < 0)
        return yaml_fail(library->call, rc, &documents, library->pointer);
    const json_t *value = json_array_get(documents.values, 0);
    return value && !json_is_null(value) ? take_items(library, value) : 0;
}

/* Whether an @, a word and a brace follow each other somewhere at the start of a line. */
static bool looks_like_bibtex(const char *text, size_t size)
{
    for (size_t at = 0; at < size; at++) {
        const char *mark = memchr(text + at, '@', size - at);
        if (!mark)
            return false;
        size_t start = at = (size_t)(mark - text);
        while (start > 0 && (text[start - 1] == ' ' || text[start - 1] == '\t'))
            start--;
        while (at + 1 < size && isalpha((unsigned char)text[at + 1]))
            at++;
        size_t end = at + 1;
        while (end < size && isspace((unsigned char)text[end]))
            end++;
        if ((start == 0 || strchr("\n\r}", text[start - 1])) && text + at > mark && end < size &&
            (text[end] == '{' || text[end] == '('))
            return true;
    }
    return false;
}

/* Text without entries is BibTeX if a comment begins it: % with a word is a directive of YAML. */
static const char *guess(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && isspace((unsigned char)text[at]))
        at++;
    if (at < size && (text[at] == '[' || text[at] == '{'))
        return "csl_json";
    bool comment =
        at < size && text[at] == '%' && (at + 1 == size || !isupper((unsigned char)text[at + 1]));
    return at == size || comment || looks_like_bibtex(text, size) ? "bibtex" : "yaml";
}

static int32_t read_text(struct library *library, const char *format, const char *text, size_t size)
{
    if (strcmp(format, "auto") == 0)
        format = guess(text, size);
    if (strcmp(format, "csl_json") == 0)
        return read_json(library, text, size);
    if (strcmp(format, "yaml") == 0)
        return read_yaml(library, text, size);
    library->is_bibtex = true;
    int32_t rc = bibtex_read(library, text, size);
    return rc < 0 ? rc : bibtex_items(library);
}

int32_t library_load(struct llmspell_call *call, const json_t *params, struct library *ret)
{
    CLEANUP_TEXT_INPUT struct text_input text = {0};
    const json_t *items = json_object_get(params, "items");
    *ret = (struct library){.call = call,
                            .pointer = items                             ? "/items"
                                       : json_object_get(params, "path") ? "/path"
                                                                         : "/input",
                            .tolerant = llmspell_is(params, "operation", "validate"),
                            .items = json_array(),
                            .entries = json_array(),
                            .errors = json_array(),
                            .warnings = json_array()};
    if (!ret->items || !ret->entries || !ret->errors || !ret->warnings)
        return no_memory(call);
    if (items)
        return take_items(ret, items);
    int32_t rc = text_input_load(call, params, "input", "path", TEXT_FILE_MAX, &text);
    return rc < 0 ? rc
                  : read_text(ret, llmspell_string(params, "input_format"), text.data, text.size);
}

void library_clear(struct library *library)
{
    json_decref(library->items);
    json_decref(library->entries);
    json_decref(library->errors);
    json_decref(library->warnings);
}
