/* SPDX-License-Identifier: Apache-2.0
 * CSL-JSON items as BibTeX. */
#include "citation.h"

#include <ctype.h>

static const char *type_of(const json_t *item)
{
    static const char *const types[][2] = {{"article-journal", "article"},
                                           {"article-magazine", "article"},
                                           {"article-newspaper", "article"},
                                           {"article", "article"},
                                           {"book", "book"},
                                           {"paper-conference", "inproceedings"},
                                           {"chapter", "incollection"},
                                           {"report", "techreport"},
                                           {"webpage", "online"},
                                           {"post-weblog", "online"},
                                           {"post", "online"},
                                           {"manuscript", "unpublished"}};
    const char *type = json_string_value(json_object_get(item, "type"));
    const char *genre = json_string_value(json_object_get(item, "genre"));
    if (type && strcmp(type, "thesis") == 0)
        return genre && strcasestr(genre, "master") ? "mastersthesis" : "phdthesis";
    for (size_t i = 0; type && i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i][0]) == 0)
            return types[i][1];
    return "misc";
}

static void put_field(struct text_buffer *out, const char *name, const char *value, bool address)
{
    if (!value || !*value)
        return;
    text_buffer_puts(out, ",\n  ");
    text_buffer_puts(out, name);
    text_buffer_puts(out, " = {");
    for (; address && *value; value++)
        if (*value != '{' && *value != '}' && *value != '\\')
            text_buffer_putc(out, *value);
    latex_put(out, value);
    text_buffer_puts(out, "}");
}

static void put_member(struct text_buffer *out, const char *name, const json_t *item,
                       const char *key)
{
    LLMSPELL_CLEANUP_FREE char *value = member_text(item, key);
    put_field(out, name, value, strcmp(name, "doi") == 0 || strcmp(name, "url") == 0);
}

static void put_braced(struct text_buffer *out, const char *text)
{
    text_buffer_putc(out, '{');
    latex_put(out, text);
    text_buffer_putc(out, '}');
}

/* Part of a name, in braces where a comma or the word and would end it. */
static void put_part(struct text_buffer *out, const char *text)
{
    bool ends = strchr(text, ',') != NULL;
    for (const char *at = text; !ends && (at = strcasestr(at, "and")); at++)
        ends = (at == text || isspace((unsigned char)at[-1])) &&
               (!at[3] || isspace((unsigned char)at[3]));
    if (ends)
        put_braced(out, text);
    else
        latex_put(out, text);
}

/* A family of several words with nothing else would be read as given name and family. */
static void put_family_alone(struct text_buffer *out, const char *family, bool particle)
{
    if (!particle && strpbrk(family, " \t\r\n~"))
        put_braced(out, family);
    else
        put_part(out, family);
    text_buffer_puts(out, particle ? "," : "");
}

static void put_name(struct text_buffer *out, const json_t *name)
{
    static const char *const particles[] = {"non-dropping-particle", "dropping-particle"};
    const char *family = json_string_value(json_object_get(name, "family"));
    const char *given = json_string_value(json_object_get(name, "given"));
    const char *suffix = json_string_value(json_object_get(name, "suffix"));
    const char *literal = json_string_value(json_object_get(name, "literal"));
    if (!family && literal && strcmp(literal, "others") == 0) {
        text_buffer_puts(out, "others");
        return;
    }
    if (!family) {
        put_braced(out, literal ? literal : given ? given : "");
        return;
    }
    bool any_particle = false;
    for (size_t i = 0; i < 2; i++) {
        const char *particle = json_string_value(json_object_get(name, particles[i]));
        any_particle |= particle != NULL;
        put_part(out, particle ? particle : "");
        text_buffer_puts(out, particle ? " " : "");
    }
    if (!given && !suffix) {
        put_family_alone(out, family, any_particle);
        return;
    }
    put_part(out, family);
    if (suffix) {
        text_buffer_puts(out, ", ");
        put_part(out, suffix);
    }
    text_buffer_puts(out, ", ");
    put_part(out, given ? given : "");
}

static void put_people(struct text_buffer *out, const char *key, const json_t *item)
{
    const json_t *list = json_object_get(item, key);
    size_t index;
    json_t *name;
    if (json_array_size(list) == 0)
        return;
    text_buffer_puts(out, ",\n  ");
    text_buffer_puts(out, key);
    text_buffer_puts(out, " = {");
    json_array_foreach((json_t *)list, index, name)
    {
        text_buffer_puts(out, index > 0 ? " and " : "");
        put_name(out, name);
    }
    text_buffer_putc(out, '}');
}

static void put_date(struct text_buffer *out, const json_t *item)
{
    static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                         "jul", "aug", "sep", "oct", "nov", "dec"};
    int parts[3] = {0, 0, 0};
    char text[16];
    const char *words;
    int count = work_date(json_object_get(item, "issued"), parts, &words);
    if (count == 0) {
        put_field(out, "year", words, false);
        return;
    }
    snprintf(text, sizeof text, "%d", parts[0]);
    put_field(out, "year", text, false);
    if (count > 1 && parts[1] >= 1 && parts[1] <= 12) {
        text_buffer_puts(out, ",\n  month = ");
        text_buffer_puts(out, months[parts[1] - 1]);
    }
    snprintf(text, sizeof text, "%d", parts[2]);
    put_field(out, "day", count > 2 ? text : "", false);
}

static void put_pages(struct text_buffer *out, const json_t *item)
{
    LLMSPELL_CLEANUP_FREE char *pages = member_text(item, "page");
    CLEANUP_TEXT_BUFFER struct text_buffer value = {.limit = TEXT_MAX};
    for (const char *at = pages; at && *at; at++)
        text_buffer_puts(&value, *at == '-' && at[1] != '-' ? "--" : (char[2]){*at, '\0'});
    text_buffer_putc(&value, '\0');
    put_field(out, "pages", value.error ? "" : value.data, false);
}

/* A key without what ends one. */
static void put_key(struct text_buffer *out, const json_t *item)
{
    const char *id = json_string_value(json_object_get(item, "id"));
    for (; id && *id; id++)
        text_buffer_putc(out, strchr(" ,{}()=\"#%\t\r\n\\~", *id) ? '_' : *id);
}

void bibtex_write(struct text_buffer *out, const json_t *item)
{
    static const char *const members[][2] = {{"volume", "volume"},
                                             {"edition", "edition"},
                                             {"series", "collection-title"},
                                             {"doi", "DOI"},
                                             {"url", "URL"},
                                             {"isbn", "ISBN"},
                                             {"issn", "ISSN"},
                                             {"chapter", "chapter-number"},
                                             {"language", "language"},
                                             {"note", "note"},
                                             {"keywords", "keyword"},
                                             {"abstract", "abstract"}};
    const char *type = type_of(item);
    bool article = strcmp(type, "article") == 0, thesis = strstr(type, "thesis") != NULL;
    bool report = strcmp(type, "techreport") == 0, online = strcmp(type, "online") == 0;
    text_buffer_putc(out, '@');
    text_buffer_puts(out, type);
    text_buffer_putc(out, '{');
    put_key(out, item);
    put_people(out, "author", item);
    put_people(out, "editor", item);
    put_member(out, "title", item, "title");
    put_member(out,
               article  ? "journal"
               : online ? "organization"
                        : "booktitle",
               item, "container-title");
    put_member(out, thesis ? "school" : report ? "institution" : "publisher", item, "publisher");
    put_member(out, "address", item, "publisher-place");
    put_date(out, item);
    put_member(out, "number", item, article ? "issue" : "number");
    put_pages(out, item);
    put_member(out, "type", item, thesis || report ? "genre" : "");
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        put_member(out, members[i][0], item, members[i][1]);
    text_buffer_puts(out, "\n}\n");
}
