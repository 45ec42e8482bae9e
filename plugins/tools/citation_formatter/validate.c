/* SPDX-License-Identifier: Apache-2.0
 * validate: required fields, duplicate keys, years, DOIs, unknown fields. */
#include "citation.h"

#include <ctype.h>

#define REQUIRED_MAX 5

/* A name with | needs one of several. */
struct kind {
    const char *type, *required[REQUIRED_MAX];
};

static const struct kind bibtex_kinds[] = {
    {"article", {"author", "title", "journal|journaltitle", "year|date"}},
    {"book", {"author|editor", "title", "publisher", "year|date"}},
    {"inbook", {"author|editor", "title", "chapter|pages|booktitle", "publisher", "year|date"}},
    {"inproceedings", {"author", "title", "booktitle", "year|date"}},
    {"conference", {"author", "title", "booktitle", "year|date"}},
    {"incollection", {"author", "title", "booktitle", "publisher", "year|date"}},
    {"phdthesis", {"author", "title", "school|institution", "year|date"}},
    {"mastersthesis", {"author", "title", "school|institution", "year|date"}},
    {"thesis", {"author", "title", "school|institution", "year|date"}},
    {"techreport", {"author", "title", "institution", "year|date"}},
    {"report", {"author", "title", "institution", "year|date"}},
    {"proceedings", {"title", "year|date"}},
    {"manual", {"title"}},
    {"booklet", {"title"}},
    {"unpublished", {"author", "title", "note"}},
    {"online", {"title", "url"}},
    {"electronic", {"title", "url"}},
    {"www", {"title", "url"}},
    {"misc", {NULL}}};

static const struct kind csl_kinds[] = {
    {"article-journal", {"author", "title", "container-title", "issued"}},
    {"book", {"author|editor", "title", "publisher", "issued"}},
    {"chapter", {"author", "title", "container-title", "issued"}},
    {"paper-conference", {"author", "title", "container-title", "issued"}},
    {"thesis", {"author", "title", "publisher", "issued"}},
    {"report", {"author", "title", "publisher", "issued"}},
    {"webpage", {"title", "URL"}}};

static const char bibtex_fields[] =
    " abstract address annote author booktitle chapter crossref date day doi edition editor eprint "
    "archiveprefix primaryclass eprinttype eventtitle file howpublished institution isbn issn "
    "issue "
    "journal journaltitle key keywords language langid location month note number organization "
    "pages "
    "pagetotal publisher school series subtitle title translator type url urldate version volume "
    "volumes year ";

static const char csl_members[] =
    " id type title title-short author editor translator container-author container-title "
    "container-title-short collection-title collection-editor collection-number publisher "
    "publisher-place volume number-of-volumes issue number page page-first number-of-pages edition "
    "issued accessed submitted original-date event-date event event-title event-place DOI URL ISBN "
    "ISSN PMID PMCID genre note abstract keyword language source archive archive_location "
    "archive-place call-number citation-key citation-label categories chapter-number custom "
    "dimensions jurisdiction medium part-number part-title printing-number references "
    "reviewed-title "
    "reviewed-author scale section shortTitle status supplement-number version volume-title "
    "year-suffix journalAbbreviation authority composer director illustrator interviewer recipient "
    "original-author original-title original-publisher original-publisher-place ";

static bool is_listed(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; length > 0 && (at = strstr(at, name)); at++)
        if (at > list && at[-1] == ' ' && at[length] == ' ')
            return true;
    return false;
}

struct check {
    struct library *library;
    const json_t *entry; /* of BibTeX, or an item */
    const char *key;
    size_t line;
};

static bool is_empty(const json_t *value)
{
    return !value || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

static bool has_field(const struct check *check, const char *name)
{
    return check->library->is_bibtex ? bibtex_field(check->entry, name) != NULL
                                     : !is_empty(json_object_get(check->entry, name));
}

/* What is missing; not where a problem of the syntax ended the entry. */
static int32_t check_required(const struct check *check, const struct kind *kind)
{
    if (check->library->is_bibtex && json_object_get(check->entry, "broken"))
        return 0;
    for (size_t i = 0; i < REQUIRED_MAX && kind->required[i]; i++) {
        char name[64];
        bool found = false;
        for (const char *at = kind->required[i]; *at && !found;) {
            size_t length = strcspn(at, "|");
            snprintf(name, sizeof name, "%.*s", (int)length, at);
            found = has_field(check, name);
            at += length + (at[length] == '|');
        }
        if (found)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(kind->required[i], "|"),
                 kind->required[i]);
        int32_t rc = library_note(check->library, check->library->errors, check->key, name,
                                  check->line, "%s needs the field %s", kind->type, name);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static size_t field_line(const struct check *check, const char *name)
{
    const json_t *field = json_object_get(json_object_get(check->entry, "fields"), name);
    return (size_t)json_integer_value(json_array_get(field, 1));
}

static int32_t check_type(const struct check *check)
{
    bool bibtex = check->library->is_bibtex;
    const char *type = json_string_value(json_object_get(check->entry, "type"));
    const struct kind *kinds = bibtex ? bibtex_kinds : csl_kinds;
    size_t count =
        bibtex ? sizeof bibtex_kinds / sizeof *bibtex_kinds : sizeof csl_kinds / sizeof *csl_kinds;
    for (size_t i = 0; type && i < count; i++)
        if (strcmp(kinds[i].type, type) == 0)
            return check_required(check, &kinds[i]);
    if (!type)
        return library_note(check->library, check->library->errors, check->key, "type", check->line,
                            "the type is missing: article-journal, book, chapter …");
    if (!bibtex)
        return 0; /* CSL has many more types */
    return library_note(check->library, check->library->warnings, check->key, "type", check->line,
                        "the type %.100s is not known, and counts as misc", type);
}

static int32_t check_bibtex_year(const struct check *check)
{
    int parts[3], count;
    const char *year = bibtex_field(check->entry, "year"),
               *date = bibtex_field(check->entry, "date");
    LLMSPELL_CLEANUP_JSON json_t *text = year ? latex_text(year, strlen(year)) : NULL;
    bool bad_year = text && (!bibtex_date(json_string_value(text), parts, &count) || count > 1);
    bool bad_date = date && !bibtex_date(date, parts, &count);
    if (bad_year)
        return library_note(check->library, check->library->errors, check->key, "year",
                            field_line(check, "year"), "%.100s is no year",
                            json_string_value(text));
    if (bad_date)
        return library_note(check->library, check->library->errors, check->key, "date",
                            field_line(check, "date"), "%.100s is no date", date);
    return 0;
}

static int32_t check_year(const struct check *check)
{
    int parts[3];
    const char *words;
    const json_t *issued = json_object_get(check->entry, "issued");
    if (check->library->is_bibtex)
        return check_bibtex_year(check);
    if (is_empty(issued) || work_date(issued, parts, &words) > 0)
        return 0;
    return library_note(check->library, check->library->errors, check->key, "issued", 0,
                        "%.100s has no year", words ? words : "the date");
}

/* 10.registrant/suffix */
static bool is_doi(const char *doi)
{
    if (strncmp(doi, "10.", 3) != 0 || !isdigit((unsigned char)doi[3]))
        return false;
    size_t length = strspn(doi + 3, "0123456789.");
    return length >= 4 && doi[3 + length] == '/' && doi[4 + length] && !strpbrk(doi, " \t\r\n");
}

static int32_t check_doi(const struct check *check, const json_t *item)
{
    bool bibtex = check->library->is_bibtex;
    const json_t *doi = json_object_get(item, "DOI");
    if (is_empty(doi) || (json_is_string(doi) && is_doi(json_string_value(doi))))
        return 0;
    return library_note(check->library, check->library->warnings, check->key,
                        bibtex ? "doi" : "DOI", bibtex ? field_line(check, "doi") : 0,
                        "%.100s is no DOI, which looks like 10.1000/182",
                        json_is_string(doi) ? json_string_value(doi) : "this");
}

static int32_t check_fields(const struct check *check)
{
    bool bibtex = check->library->is_bibtex;
    json_t *members = bibtex ? json_object_get(check->entry, "fields") : (json_t *)check->entry;
    const char *name;
    json_t *value;
    json_object_foreach(members, name, value)
    {
        if (is_listed(bibtex ? bibtex_fields : csl_members, name))
            continue;
        int32_t rc = library_note(check->library, check->library->warnings, check->key, name,
                                  bibtex ? field_line(check, name) : 0,
                                  "the field %.100s is not known", name);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t check_key(const struct check *check, json_t *seen)
{
    const char *message = NULL;
    if (!*check->key)
        message = "the entry has no key";
    else if (json_object_get(seen, check->key))
        message = "the key is there already";
    else if (json_object_set_new(seen, check->key, json_true()) != 0)
        return no_memory(check->library->call);
    return message
               ? library_note(check->library, check->library->errors, check->key,
                              check->library->is_bibtex ? "key" : "id", check->line, "%s", message)
               : 0;
}

static int32_t check_entry(const struct check *check, const json_t *item, json_t *seen)
{
    int32_t rc = check_key(check, seen);
    if (rc == 0)
        rc = check_type(check);
    if (rc == 0)
        rc = check_year(check);
    if (rc == 0)
        rc = check_doi(check, item);
    return rc < 0 ? rc : check_fields(check);
}

int32_t op_validate(struct library *library, const json_t *params, json_t **ret_result)
{
    (void)params;
    LLMSPELL_CLEANUP_JSON json_t *seen = json_object();
    size_t index;
    json_t *item;
    json_array_foreach(library->items, index, item)
    {
        const json_t *entry = library->is_bibtex ? json_array_get(library->entries, index) : item;
        const char *key = json_string_value(json_object_get(item, "id"));
        struct check check = {library, entry, key ? key : "",
                              (size_t)json_integer_value(json_object_get(entry, "line"))};
        if (!library->is_bibtex)
            check.line = 0;
        int32_t rc = check_entry(&check, item, seen);
        if (rc == 0 && index % 64 == 0)
            library->call->host->progress(library->call, (double)index,
                                          (double)json_array_size(library->items), "checking");
        if (rc == 0)
            rc = llmspell_cancelled(library->call);
        if (rc < 0)
            return rc;
    }
    return llmspell_return(library->call, ret_result,
                           json_pack("{s:b, s:I, s:O, s:O}", "valid",
                                     json_array_size(library->errors) == 0, "entries",
                                     (json_int_t)json_array_size(library->items), "errors",
                                     library->errors, "warnings", library->warnings));
}
