/* SPDX-License-Identifier: Apache-2.0
 * format: selects, sorts, numbers entries and writes them in a style; list_styles. */
#include "citation.h"

#include <utf8proc.h>

#define SORT_TEXT_MAX 400 /* bytes of names and titles that are compared */

static const struct style {
    const char *id, *title;
    void (*write)(struct line *, const struct work *);
    bool numbered;
    const char *number;  /* printf format before the text, and in_text */
    const char *in_text; /* of a number, or what is between name and year */
    const char *two;     /* between two names */
} styles[] = {
    {"apa", "APA, 7th edition", style_apa, false, "", ", ", " & "},
    {"mla", "MLA, 9th edition", style_mla, false, "", NULL, " and "},
    {"chicago", "Chicago (author-date)", style_chicago, false, "", " ", " and "},
    {"ieee", "IEEE", style_ieee, true, "[%zu] ", "[%zu]", NULL},
    {"harvard", "Harvard", style_harvard, false, "", ", ", " and "},
    {"vancouver", "Vancouver", style_vancouver, true, "%zu. ", "(%zu)", NULL},
};

int32_t op_list_styles(struct llmspell_call *call, json_t **ret_result)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof styles / sizeof *styles; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "id", styles[i].id, "title", styles[i].title));
    return llmspell_return(call, ret_result, json_pack("{s:o}", "styles", list));
}

/* ---- order ---- */

struct entry {
    const json_t *item;
    char *author, *title; /* folded */
    int year;
    size_t index;
};

/* Case-folded, without accents: what sorts. */
static char *folded(const char *text)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = TEXT_MAX};
    utf8proc_uint8_t *mapped = NULL;
    size_t size = strnlen(text, SORT_TEXT_MAX);
    while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
        size--;
    utf8proc_ssize_t length = utf8proc_map(
        (const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &mapped,
        (utf8proc_option_t)(UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK));
    if (length >= 0)
        text_buffer_add(&out, (const char *)mapped, (size_t)length);
    free(mapped);
    text_buffer_putc(&out, '\0');
    return out.error ? NULL : strdup(out.data);
}

/* The names that lead, in the order that sorts; without any the title. */
static char *author_key(const struct work *work)
{
    struct line line = {.out = {.limit = TEXT_MAX}};
    const struct people *people = work_leading(work);
    for (size_t i = 0; i < people->count && line.out.len < SORT_TEXT_MAX; i++) {
        LLMSPELL_CLEANUP_FREE char *name = person_name(&people->list[i], NAME_INVERTED);
        line_put(&line, name ? name : "");
        line_put(&line, "\x01"); /* below all that a longer name goes on with */
    }
    text_buffer_putc(&line.out, '\0');
    bool named = people->count > 0 && !line.out.error;
    char *key = folded(named ? line.out.data : work->texts[WORK_TITLE]);
    text_buffer_free(&line.out);
    return key;
}

static int compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    int order = strcmp(a->author, b->author);
    if (order == 0)
        order = (a->year > b->year) - (a->year < b->year);
    if (order == 0)
        order = strcmp(a->title, b->title);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static int32_t sort(struct library *library, struct entry *list, size_t count)
{
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        CLEANUP_WORK struct work work;
        bool read = work_read(list[i].item, &work);
        list[i].author = read ? author_key(&work) : NULL;
        list[i].title = read ? folded(work.texts[WORK_TITLE]) : NULL;
        list[i].year = work.year;
        if (!list[i].author || !list[i].title)
            return no_memory(library->call);
        rc = llmspell_cancelled(library->call);
    }
    if (rc == 0 && count > 1)
        qsort(list, count, sizeof *list, compare);
    return rc;
}

/* ---- selection ---- */

static const char *id_of(const json_t *item)
{
    const char *id = json_string_value(json_object_get(item, "id"));
    return id ? id : "";
}

/* The keys of a list, or of a text with commas between. */
static json_t *wanted_keys(const json_t *keys)
{
    if (json_is_array(keys))
        return json_incref((json_t *)keys);
    json_t *list = json_array();
    const char *at = json_string_value(keys);
    while (list && *at) {
        size_t length = strcspn(at, ","), start = strspn(at, " \t\r\n");
        size_t end = length;
        while (end > start && strchr(" \t\r\n", at[end - 1]))
            end--;
        if (end > start && json_array_append_new(list, json_stringn(at + start, end - start)) != 0)
            break;
        at += length + (at[length] == ',');
    }
    return list;
}

static int32_t select_keys(struct library *library, const json_t *keys, struct entry **ret_list,
                           size_t *ret_count)
{
    LLMSPELL_CLEANUP_JSON json_t *by_key = json_object();
    LLMSPELL_CLEANUP_JSON json_t *wanted = wanted_keys(keys);
    size_t index;
    json_t *item, *key;
    json_array_foreach(library->items, index, item)
    {
        if (!json_object_get(by_key, id_of(item)) &&
            json_object_set(by_key, id_of(item), item) != 0)
            return no_memory(library->call);
    }
    struct entry *list = *ret_list = calloc(json_array_size(wanted) + 1, sizeof *list);
    if (!list || !wanted)
        return no_memory(library->call);
    json_array_foreach(wanted, index, key)
    {
        list[index].item = json_object_get(by_key, json_string_value(key));
        if (!list[index].item)
            return llmspell_fail_at(library->call, LLMSPELL_ENOTFOUND, "/cite_keys",
                                    "there is no entry with the key %.200s",
                                    json_string_value(key));
    }
    *ret_count = json_array_size(wanted);
    return 0;
}

static int32_t select_all(struct library *library, bool sorted, struct entry **ret_list,
                          size_t *ret_count)
{
    size_t count = json_array_size(library->items);
    struct entry *list = *ret_list = calloc(count + 1, sizeof *list);
    if (!list)
        return no_memory(library->call);
    *ret_count = count;
    for (size_t i = 0; i < count; i++)
        list[i] = (struct entry){.item = json_array_get(library->items, i), .index = i};
    return sorted ? sort(library, list, count) : 0;
}

/* ---- output ---- */

static const char *name_in_text(const struct person *person)
{
    return *person->family ? person->family : person->literal;
}

static void put_particle(struct line *line, const struct person *person)
{
    if (*person->family && *person->particle) {
        line_put(line, person->particle);
        line_put(line, strchr("'-", person->particle[strlen(person->particle) - 1]) ? "" : " ");
    }
}

/* "Doe", "Doe and Roe", "Doe et al."; without names the title, or the key. */
static void put_names_in_text(struct line *line, const struct style *style, const struct work *work,
                              const char *key)
{
    const struct people *people = work_leading(work);
    if (people->count == 0) {
        line_put(line, has(work, WORK_TITLE) ? work->texts[WORK_TITLE] : key);
        return;
    }
    put_particle(line, &people->list[0]);
    line_put(line, name_in_text(&people->list[0]));
    if (people->count > 2 || people->others) {
        line_put(line, " et al.");
    } else if (people->count == 2) {
        line_put(line, style->two);
        put_particle(line, &people->list[1]);
        line_put(line, name_in_text(&people->list[1]));
    }
}

static json_t *in_text(const struct style *style, enum markup markup, const struct work *work,
                       const char *key, size_t number)
{
    char text[32];
    struct line line = {.out = {.limit = TEXT_MAX}, .markup = markup};
    if (style->numbered) {
        snprintf(text, sizeof text, number ? style->in_text : "", number);
        return json_string(text);
    }
    line_put(&line, "(");
    put_names_in_text(&line, style, work, key);
    if (style->in_text) {
        line_put(&line, style->in_text);
        line_put(&line, has(work, WORK_YEAR) ? work->texts[WORK_YEAR] : "n.d.");
    }
    line_put(&line, ")");
    json_t *result = text_buffer_json(&line.out);
    text_buffer_free(&line.out);
    return result;
}

static json_t *citation(const struct style *style, enum markup markup, const json_t *item,
                        size_t number)
{
    CLEANUP_WORK struct work work;
    char prefix[32] = "";
    CLEANUP_TEXT_BUFFER struct text_buffer text = {.limit = TEXT_MAX};
    struct line line = {.out = {.limit = TEXT_MAX}, .markup = markup};
    if (!work_read(item, &work))
        return NULL;
    style->write(&line, &work);
    if (style->numbered)
        snprintf(prefix, sizeof prefix, style->number, number);
    text_buffer_puts(&text, prefix);
    text_buffer_add(&text, line.out.data, line.out.len);
    while (text.len > 0 && text.data[text.len - 1] == ' ') /* nothing came behind the number */
        text.len--;
    bool failed = line.out.error;
    text_buffer_free(&line.out);
    return failed
               ? NULL
               : json_pack("{s:s, s:o, s:o}", "key", id_of(item), "text", text_buffer_json(&text),
                           "in_text", in_text(style, markup, &work, id_of(item), number));
}

static int32_t put_citations(struct library *library, const struct style *style, enum markup markup,
                             const struct entry *list, size_t count, json_t *citations)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        json_t *one = citation(style, markup, list[i].item, i + 1);
        bytes += json_string_length(json_object_get(one, "text"));
        if (!one || json_array_append_new(citations, one) != 0)
            return no_memory(library->call);
        if (bytes > TEXT_MAX)
            return llmspell_fail_at(library->call, LLMSPELL_ELIMIT, library->pointer,
                                    "the citations have over %u bytes; ask for fewer", TEXT_MAX);
        if (i % 64 == 0)
            library->call->host->progress(library->call, (double)i, (double)count, "writing");
        int32_t stop = llmspell_cancelled(library->call);
        if (stop < 0)
            return stop;
    }
    return 0;
}

int32_t op_format(struct library *library, const json_t *params, json_t **ret_result)
{
    const json_t *keys = json_object_get(params, "cite_keys");
    const struct style *style = styles;
    enum markup markup = llmspell_is(params, "output", "html")       ? MARKUP_HTML
                         : llmspell_is(params, "output", "markdown") ? MARKUP_MARKDOWN
                                                                     : MARKUP_TEXT;
    LLMSPELL_CLEANUP_JSON json_t *citations = json_array();
    struct entry *list = NULL;
    size_t count = 0;
    while (!llmspell_is(params, "style", style->id))
        style++;
    int32_t rc = keys ? select_keys(library, keys, &list, &count)
                      : select_all(library, !style->numbered, &list, &count);
    if (rc == 0)
        rc = put_citations(library, style, markup, list, count, citations);
    for (size_t i = 0; list && i < json_array_size(library->items) && !keys; i++) {
        free(list[i].author);
        free(list[i].title);
    }
    free(list);
    if (rc < 0)
        return rc;
    return llmspell_return(library->call, ret_result,
                           json_pack("{s:s, s:O, s:I}", "style", style->id, "citations", citations,
                                     "count", (json_int_t)count));
}
