/* SPDX-License-Identifier: Apache-2.0
 * BibTeX entries as CSL-JSON items. */
#include "citation.h"

#include <ctype.h>

#define INHERITED_MAX 2000000u /* fields that all entries take over from others */

static const struct {
    const char *bibtex, *csl, *genre;
} types[] = {{"article", "article-journal", NULL},
             {"book", "book", NULL},
             {"proceedings", "book", NULL},
             {"manual", "book", NULL},
             {"booklet", "book", NULL},
             {"inproceedings", "paper-conference", NULL},
             {"conference", "paper-conference", NULL},
             {"incollection", "chapter", NULL},
             {"inbook", "chapter", NULL},
             {"phdthesis", "thesis", "PhD thesis"},
             {"mastersthesis", "thesis", "Master’s thesis"},
             {"thesis", "thesis", NULL},
             {"techreport", "report", "Technical Report"},
             {"report", "report", NULL},
             {"online", "webpage", NULL},
             {"electronic", "webpage", NULL},
             {"www", "webpage", NULL},
             {"unpublished", "manuscript", NULL}};

/* Fields that are texts in both. In order: the first that is there counts. */
static const struct {
    const char *bibtex, *csl;
} texts[] = {{"title", "title"},
             {"journal", "container-title"},
             {"journaltitle", "container-title"},
             {"booktitle", "container-title"},
             {"publisher", "publisher"},
             {"school", "publisher"},
             {"institution", "publisher"},
             {"organization", "publisher"},
             {"address", "publisher-place"},
             {"location", "publisher-place"},
             {"volume", "volume"},
             {"edition", "edition"},
             {"series", "collection-title"},
             {"chapter", "chapter-number"},
             {"type", "genre"},
             {"isbn", "ISBN"},
             {"issn", "ISSN"},
             {"note", "note"},
             {"abstract", "abstract"},
             {"keywords", "keyword"},
             {"language", "language"}};

const char *bibtex_field(const json_t *entry, const char *name)
{
    const json_t *field = json_object_get(json_object_get(entry, "fields"), name);
    const char *value = json_string_value(json_array_get(field, 0));
    while (value && isspace((unsigned char)*value))
        value++;
    return value && *value ? value : NULL;
}

int bibtex_month(const char *text)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end > text)
        return number >= 1 && number <= 12 ? (int)number : 0;
    for (int month = 1; month <= 12 && strlen(text) >= 3; month++)
        if (strncasecmp(text, month_name(month), 3) == 0)
            return month;
    return 0;
}

bool bibtex_date(const char *text, int ret_parts[3], int *ret_count)
{
    static const int digits[] = {4, 2, 2};
    int count = 0;
    for (; count < 3; count++) {
        int value = 0, length = 0;
        for (; isdigit((unsigned char)*text) && length <= 4; text++, length++)
            value = value * 10 + (*text - '0');
        if (length == 0 || length > digits[count] || (count > 0 && value == 0))
            return false;
        ret_parts[count] = value;
        if (*text != '-' || !isdigit((unsigned char)text[1])) {
            count++;
            break;
        }
        text++;
    }
    *ret_count = count;
    return (*text == '\0' || *text == '/' || *text == 'T') && (count < 2 || ret_parts[1] <= 12) &&
           (count < 3 || ret_parts[2] <= 31);
}

static json_t *date_json(const int parts[3], int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(parts[i]));
    return json_pack("{s:[o]}", "date-parts", list);
}

/* date, or year, month and day; a year that is none is kept in words. */
static json_t *issued(const json_t *entry)
{
    int parts[3], count = 0;
    const char *date = bibtex_field(entry, "date"), *year = bibtex_field(entry, "year");
    if (date && bibtex_date(date, parts, &count))
        return date_json(parts, count);
    if (!year)
        return date ? json_pack("{s:o}", "literal", latex_text(date, strlen(date))) : NULL;
    LLMSPELL_CLEANUP_JSON json_t *text = latex_text(year, strlen(year));
    const char *words = json_string_value(text);
    if (!words || !bibtex_date(words, parts, &count) || count > 1)
        return words ? json_pack("{s:s}", "literal", words) : NULL;
    const char *month = bibtex_field(entry, "month"), *day = bibtex_field(entry, "day");
    parts[1] = month ? bibtex_month(month) : 0;
    parts[2] = parts[1] && day ? (int)strtol(day, NULL, 10) : 0;
    count += parts[1] > 0;
    count += parts[2] > 0 && parts[2] <= 31;
    return date_json(parts, count);
}

/* "45--67" as CSL has it: "45-67". */
static json_t *pages(const char *text)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = TEXT_MAX};
    LLMSPELL_CLEANUP_JSON json_t *value = latex_text(text, strlen(text));
    const char *at = value ? json_string_value(value) : "";
    static const char dash[] = "–";
    while (*at) {
        bool is_dash = strncmp(at, dash, strlen(dash)) == 0;
        text_buffer_putc(&out, is_dash ? '-' : *at);
        at += is_dash ? strlen(dash) : 1;
    }
    return text_buffer_json(&out);
}

/* The DOI itself, without the address of the resolver. */
static json_t *doi(const char *text)
{
    static const char *const prefixes[] = {"https://doi.org/", "http://doi.org/",
                                           "https://dx.doi.org/", "http://dx.doi.org/", "doi:"};
    LLMSPELL_CLEANUP_JSON json_t *value = latex_address(text, strlen(text));
    const char *bare = value ? json_string_value(value) : "";
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncasecmp(bare, prefixes[i], strlen(prefixes[i])) == 0)
            return json_string(bare + strlen(prefixes[i]));
    return json_incref(value);
}

static void set(json_t *item, const char *key, json_t *value)
{
    if (value && json_object_get(item, key) == NULL)
        json_object_set_new(item, key, value);
    else
        json_decref(value);
}

static void set_addresses(json_t *item, const json_t *entry)
{
    int parts[3], count = 0;
    const char *url = bibtex_field(entry, "url"), *how = bibtex_field(entry, "howpublished");
    const char *visited = bibtex_field(entry, "urldate"), *value = bibtex_field(entry, "doi");
    if (value)
        set(item, "DOI", doi(value));
    if (url)
        set(item, "URL", latex_address(url, strlen(url)));
    else if (how && (strstr(how, "\\url") || strncmp(how, "http", 4) == 0))
        set(item, "URL", latex_address(how, strlen(how)));
    else if (how)
        set(item, "publisher", latex_text(how, strlen(how)));
    if (visited && bibtex_date(visited, parts, &count))
        set(item, "accessed", date_json(parts, count));
}

/* What has a number in BibTeX: an issue, a report. */
static void set_number(json_t *item, const json_t *entry, const char *type)
{
    const char *number = bibtex_field(entry, "number");
    if (!number)
        number = bibtex_field(entry, "issue");
    if (number)
        set(item, strcmp(type, "article-journal") == 0 ? "issue" : "number",
            latex_text(number, strlen(number)));
}

static json_t *item_of(const json_t *entry)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    const char *csl = "document", *genre = NULL, *value;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].bibtex, type) == 0) {
            csl = types[i].csl;
            genre = types[i].genre;
        }
    if (strcmp(type, "inbook") == 0 && !bibtex_field(entry, "booktitle"))
        csl = "book"; /* its title is that of the book */
    json_t *item = json_pack("{s:O, s:s}", "id", json_object_get(entry, "key"), "type", csl);
    static const char *const people[] = {"author", "editor"};
    for (size_t i = 0; i < 2; i++)
        if ((value = bibtex_field(entry, people[i])))
            set(item, people[i], bibtex_names(value));
    bool web = strcmp(csl, "webpage") == 0; /* there the organization is the site */
    if (web && (value = bibtex_field(entry, "organization")))
        set(item, "container-title", latex_text(value, strlen(value)));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if ((!web || strcmp(texts[i].bibtex, "organization") != 0) &&
            (value = bibtex_field(entry, texts[i].bibtex)))
            set(item, texts[i].csl, latex_text(value, strlen(value)));
    if (genre)
        set(item, "genre", json_string(genre));
    set_number(item, entry, csl);
    if ((value = bibtex_field(entry, "pages")))
        set(item, "page", pages(value));
    set(item, "issued", issued(entry));
    set_addresses(item, entry);
    return item;
}

/* Takes over what the entry does not have from the one it refers to: a title there is that of the
 * container here, if there is no booktitle. */
static void inherit(json_t *entry, const json_t *parent)
{
    json_t *fields = json_object_get(entry, "fields"), *value;
    const char *type = json_string_value(json_object_get(entry, "type")), *name;
    bool within = strncmp(type, "in", 2) == 0 || strcmp(type, "conference") == 0;
    if (within && bibtex_field(parent, "booktitle") && !json_object_get(fields, "booktitle"))
        json_object_set(fields, "booktitle",
                        json_object_get(json_object_get(parent, "fields"), "booktitle"));
    json_object_foreach(json_object_get(parent, "fields"), name, value)
    {
        const char *target = within && strcmp(name, "title") == 0 ? "booktitle" : name;
        if (!json_object_get(fields, target))
            json_object_set(fields, target, value);
    }
}

static int32_t check_inherited(const struct library *library, size_t fields)
{
    if (fields > INHERITED_MAX)
        return llmspell_fail_at(library->call, LLMSPELL_ELIMIT, library->pointer,
                                "the entries take over more than %u fields by crossref; split the "
                                "file",
                                INHERITED_MAX);
    return llmspell_cancelled(library->call);
}

static int32_t resolve(struct library *library, json_t *by_key)
{
    size_t index, fields = 0;
    int32_t rc = 0;
    json_t *entry;
    json_array_foreach(library->entries, index, entry)
    {
        const char *target = bibtex_field(entry, "crossref");
        json_t *parent = target ? json_object_get(by_key, target) : NULL;
        if (parent && parent != entry) {
            fields += json_object_size(json_object_get(parent, "fields"));
            rc = check_inherited(library, fields);
            if (rc < 0)
                return rc;
            inherit(entry, parent);
        } else if (target && library->tolerant &&
                   library_note(library, library->warnings,
                                json_string_value(json_object_get(entry, "key")), "crossref",
                                (size_t)json_integer_value(json_object_get(entry, "line")),
                                "there is no entry %.200s", target) < 0)
            return LLMSPELL_ENOMEM;
    }
    return 0;
}

static size_t entry_bytes(json_t *entry)
{
    size_t bytes = 0;
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(entry, "fields"), name, value) bytes +=
        json_string_length(json_array_get(value, 0));
    return bytes;
}

int32_t bibtex_items(struct library *library)
{
    LLMSPELL_CLEANUP_JSON json_t *by_key = json_object();
    size_t index;
    json_t *entry;
    json_array_foreach(library->entries, index, entry)
    {
        const char *key = json_string_value(json_object_get(entry, "key"));
        if (!json_object_get(by_key, key) && json_object_set(by_key, key, entry) != 0)
            return no_memory(library->call);
    }
    int32_t rc = resolve(library, by_key);
    size_t bytes = 0;
    json_array_foreach(library->entries, index, entry)
    {
        if (rc == 0)
            rc = llmspell_cancelled(library->call);
        bytes += entry_bytes(entry);
        if (rc == 0 && bytes > TEXT_MAX)
            rc = llmspell_fail_at(library->call, LLMSPELL_ELIMIT, library->pointer,
                                  "the entries have over %u bytes with what they refer to; split "
                                  "the file",
                                  TEXT_MAX);
        if (rc < 0)
            return rc;
        if (json_array_append_new(library->items, item_of(entry)) != 0)
            return no_memory(library->call);
    }
    return rc;
}
