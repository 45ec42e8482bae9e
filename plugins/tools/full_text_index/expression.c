/* SPDX-License-Identifier: Apache-2.0
 * What people type → an expression of FTS5: each word becomes a quoted string, so that nothing in
 * it is an operator. Strings side by side must all be there; one that holds no word is ignored. */
#include "text_index.h"

/* A part of the query. */
struct piece {
    const char *text;
    size_t size;
    bool excluded;
};

/* Bytes of the white space at text, or 0: ASCII and what Unicode has for words and lines. */
static size_t space_at(const char *text)
{
    static const char *const wide[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80",
                                       "\xE3\x80\x80", "\xE2\x80\xA8", "\xE2\x80\xA9",
                                       "\xE2\x80\xAF", "\xE2\x81\x9F"};
    const unsigned char *bytes = (const unsigned char *)text;
    if (*bytes && *bytes <= ' ')
        return 1;
    if (bytes[0] == 0xE2 && bytes[1] == 0x80 && bytes[2] >= 0x80 && bytes[2] <= 0x8A)
        return 3;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        if (strncmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    }
    return 0;
}

static const char *skip_spaces(const char *at)
{
    for (size_t n; (n = space_at(at)) > 0;)
        at += n;
    return at;
}

static const char *word_end(const char *at)
{
    while (*at && space_at(at) == 0)
        at++;
    return at;
}

/* The next piece; with quotes: "…" is one, and a minus excludes what follows it. */
static bool next_piece(const char **at, bool quotes, struct piece *ret_piece)
{
    const char *text = skip_spaces(*at);
    if (!*text)
        return false;
    *ret_piece =
        (struct piece){text, 0, quotes && text[0] == '-' && text[1] && !space_at(text + 1)};
    ret_piece->text += ret_piece->excluded;
    const char *end = word_end(ret_piece->text);
    *at = end;
    if (quotes && *ret_piece->text == '"') {
        ret_piece->text++;
        end = ret_piece->text + strcspn(ret_piece->text, "\"");
        *at = end + (*end == '"');
    }
    ret_piece->size = (size_t)(end - ret_piece->text);
    return true;
}

static void put_string(sqlite3_str *out, const char *text, size_t size)
{
    sqlite3_str_appendchar(out, 1, '"');
    for (size_t i = 0; i < size; i++)
        sqlite3_str_appendchar(out, text[i] == '"' ? 2 : 1, text[i]);
    sqlite3_str_appendchar(out, 1, '"');
}

/* The pieces that are excluded or not, joined. */
static void put_pieces(sqlite3_str *out, const char *query, bool quotes, bool excluded,
                       const char *behind, const char *between)
{
    struct piece piece;
    int count = 0;
    while (next_piece(&query, quotes, &piece)) {
        if (piece.excluded != excluded)
            continue;
        sqlite3_str_appendall(out, count++ ? between : "");
        put_string(out, piece.text, piece.size);
        sqlite3_str_appendall(out, behind);
    }
}

static bool has_piece(const char *query, bool excluded)
{
    struct piece piece;
    while (next_piece(&query, true, &piece)) {
        if (piece.excluded == excluded)
            return true;
    }
    return false;
}

static int32_t put_simple(struct text_index *index, sqlite3_str *out, const char *query)
{
    if (!has_piece(query, false))
        return llmspell_fail_at(index->database.call, LLMSPELL_EINVAL, "/query",
                                "the query only excludes; add a word to look for");
    sqlite3_str_appendall(out, "(");
    put_pieces(out, query, true, false, "", " ");
    sqlite3_str_appendall(out, ")");
    if (has_piece(query, true)) {
        sqlite3_str_appendall(out, " NOT (");
        put_pieces(out, query, true, true, "", " OR ");
        sqlite3_str_appendall(out, ")");
    }
    return 0;
}

static int32_t put_query(struct text_index *index, sqlite3_str *out, const char *mode,
                         const char *query)
{
    const char *start = skip_spaces(query);
    if (strcmp(mode, "fts5") == 0)
        sqlite3_str_appendall(out, query);
    else if (!*start || strcmp(mode, "phrase") == 0)
        put_string(out, start, strlen(start));
    else if (strcmp(mode, "simple") == 0)
        return put_simple(index, out, query);
    else if (strcmp(mode, "prefix") == 0)
        put_pieces(out, query, false, false, " *", " ");
    else
        put_pieces(out, query, false, false, "", strcmp(mode, "any") == 0 ? " OR " : " ");
    return 0;
}

/* {"title" "body"} : ( */
static int32_t put_fields(struct text_index *index, sqlite3_str *out, const json_t *fields)
{
    sqlite3_str_appendall(out, "{");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *name = json_array_get(fields, i);
        char pointer[32];
        snprintf(pointer, sizeof pointer, "/fields/%zu", i);
        if (catalog_field(index, json_string_value(name)) < 0)
            return llmspell_fail_at(index->database.call, LLMSPELL_EINVAL, pointer,
                                    "the index \"%s\" has no field \"%s\"; see stats for its "
                                    "fields",
                                    index->name, json_string_value(name));
        put_string(out, json_string_value(name), json_string_length(name));
        sqlite3_str_appendall(out, " ");
    }
    sqlite3_str_appendall(out, "} : (");
    return 0;
}

int32_t expression_make(struct text_index *index, const json_t *params, char **ret_expression)
{
    const json_t *fields = json_object_get(params, "fields");
    sqlite3_str *out = sqlite3_str_new(index->database.sqlite);
    int32_t rc = fields ? put_fields(index, out, fields) : 0;
    if (rc == 0)
        rc = put_query(index, out, llmspell_string(params, "mode"),
                       llmspell_string(params, "query"));
    sqlite3_str_appendall(out, fields ? ")" : "");
    *ret_expression = sqlite3_str_finish(out);
    if (rc == 0 && !*ret_expression)
        rc = llmspell_fail(index->database.call, LLMSPELL_ENOMEM, "out of memory");
    return rc;
}
