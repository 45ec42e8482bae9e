/* SPDX-License-Identifier: Apache-2.0
 * Collects links, images, code, tables and headings of a document with their lines, for toc and
 * extract. An entry joins its list when it begins, so that nested ones are in order. */
#include "markdown.h"

/* A link or an image that is open. */
struct open_span {
    json_t *entry; /* borrowed; NULL if it is not asked for */
    size_t from;   /* where its text begins in the block's */
    bool is_image;
};

struct collector {
    const struct document *document;
    unsigned what;
    struct collection *result;
    struct place place;
    struct text_buffer block; /* text of the running block or cell */
    struct open_span *spans;
    size_t depth, room;
    size_t unplaced; /* innermost spans whose line is not known */
    json_t *owner;   /* borrowed: the heading, code or table at hand, or NULL */
    bool owner_placed;
    size_t breaks; /* line ends of the block of code so far */
    bool fenced, in_head;
    size_t entries, bytes;
};

static int32_t too_much(const struct collector *c, const char *what)
{
    return llmspell_fail_at(c->document->call, LLMSPELL_ELIMIT, c->document->pointer,
                            "the document has too many %s to list; split it", what);
}

static int32_t check(const struct collector *c, bool built)
{
    if (!built)
        return no_memory(c->document->call);
    return c->bytes > OUTPUT_MAX ? too_much(c, "texts") : 0;
}

static void set_line(json_t *entry, size_t line)
{
    json_object_set_new(entry, "line", json_integer((json_int_t)line));
}

/* A new entry at the end of a list; *ret_entry stays NULL if that is not asked for. */
static int32_t begin_entry(struct collector *c, unsigned kind, json_t *entry, json_t **ret_entry)
{
    size_t index = 0;
    while (kind >> index != 1)
        index++;
    if (!entry || json_array_append_new(c->result->lists[index], entry) != 0)
        return no_memory(c->document->call);
    if (++c->entries > ENTRIES_MAX)
        return too_much(c, "parts");
    *ret_entry = entry;
    return 0;
}

/* The text of the block from an offset on. */
static json_t *block_text(struct collector *c, size_t from)
{
    c->bytes += c->block.len - from;
    if (c->block.error || c->bytes > OUTPUT_MAX)
        return json_string("");
    return json_stringn(c->block.data ? c->block.data + from : "", c->block.len - from);
}

/* ---- spans ---- */

static int32_t open_span(struct collector *c, bool is_image, const MD_ATTRIBUTE *address,
                         const MD_ATTRIBUTE *title)
{
    unsigned kind = is_image ? COLLECT_IMAGES : COLLECT_LINKS;
    json_t *entry = NULL;
    if (c->depth == c->room) {
        size_t room = c->room ? c->room * 2 : 16;
        struct open_span *grown = realloc(c->spans, room * sizeof *grown);
        if (!grown)
            return no_memory(c->document->call);
        c->spans = grown;
        c->room = room;
    }
    if (c->what & kind) {
        json_t *value =
            json_pack("{s:s, s:o, s:o, s:i}", is_image ? "alt" : "text", "", "url",
                      attribute_json(address), "title", attribute_json(title), "line", 0);
        int32_t rc = begin_entry(c, kind, value, &entry);
        if (rc < 0)
            return rc;
        c->bytes += address->size + title->size;
    }
    c->spans[c->depth++] = (struct open_span){entry, c->block.len, is_image};
    c->unplaced++;
    return check(c, true);
}

static int32_t close_span(struct collector *c)
{
    struct open_span *span = &c->spans[c->depth - 1];
    if (c->unplaced > 0) { /* there was no text within */
        size_t line = place_empty_brackets(&c->place);
        for (; c->unplaced > 0; c->unplaced--)
            set_line(c->spans[c->depth - c->unplaced].entry, line);
        if (c->owner && !c->owner_placed) {
            set_line(c->owner, line);
            c->owner_placed = true;
        }
    }
    c->depth--;
    bool built = !span->entry || json_object_set_new(span->entry, span->is_image ? "alt" : "text",
                                                     block_text(c, span->from)) == 0;
    return check(c, built);
}

static int32_t collect_span(void *self, bool enter, MD_SPANTYPE type, const void *detail)
{
    const MD_SPAN_A_DETAIL *link = detail;
    const MD_SPAN_IMG_DETAIL *image = detail;
    if (type != MD_SPAN_A && type != MD_SPAN_IMG)
        return 0;
    if (!enter)
        return close_span(self);
    return type == MD_SPAN_A ? open_span(self, false, &link->href, &link->title)
                             : open_span(self, true, &image->src, &image->title);
}

/* ---- text ---- */

/* Something of the source was told: what is open and has no line yet begins there. */
static void place_all(struct collector *c, const char *text)
{
    size_t start = (size_t)(text - c->place.text), at = start, found = start;
    for (size_t i = 0; i < c->unplaced; i++) { /* the innermost one is the nearest */
        size_t bracket = place_bracket(&c->place, &at);
        if (bracket != SIZE_MAX)
            found = bracket;
        set_line(c->spans[c->depth - 1 - i].entry, place_line(&c->place, found));
    }
    c->unplaced = 0;
    if (!c->owner || c->owner_placed)
        return;
    set_line(c->owner, place_line(&c->place, start) - c->breaks - (c->fenced ? 1 : 0));
    c->owner_placed = true;
}

static int32_t collect_text(void *self, MD_TEXTTYPE type, const char *text, size_t size)
{
    struct collector *c = self;
    const char *source = text;
    if (type == MD_TEXT_NULLCHAR && c->place.at < c->place.size)
        source = memchr(c->place.text + c->place.at, '\0', c->place.size - c->place.at);
    if (source && place_has(&c->place, source) && size > 0) {
        place_all(c, source);
        c->place.at = (size_t)(source - c->place.text) + size;
    }
    if (type == MD_TEXT_CODE && c->owner && !c->owner_placed)
        for (size_t i = 0; i < size; i++)
            c->breaks += text[i] == '\n';
    inline_add(&c->block, type, text, size, ' ');
    return text_buffer_check(c->document->call, &c->block);
}

/* ---- blocks ---- */

static int32_t open_owner(struct collector *c, unsigned kind, json_t *entry)
{
    c->owner_placed = false;
    c->breaks = 0;
    c->fenced = false;
    return begin_entry(c, kind, entry, &c->owner);
}

static int32_t on_heading(struct collector *c, bool enter, const MD_BLOCK_H_DETAIL *heading)
{
    if (enter)
        return open_owner(
            c, COLLECT_HEADINGS,
            json_pack("{s:i, s:s, s:i}", "level", (int)heading->level, "text", "", "line", 0));
    if (!c->owner_placed)
        set_line(c->owner, place_marked_line(&c->place, '#', heading->level));
    int rc = json_object_set_new(c->owner, "text", block_text(c, 0));
    c->owner = NULL;
    return check(c, rc == 0);
}

static int32_t on_code(struct collector *c, bool enter, const MD_BLOCK_CODE_DETAIL *code)
{
    if (enter) {
        int32_t rc = open_owner(c, COLLECT_CODE,
                                json_pack("{s:o, s:s, s:i}", "language",
                                          attribute_json(&code->lang), "code", "", "line", 0));
        c->fenced = code->fence_char != 0;
        c->bytes += code->lang.size;
        return rc;
    }
    if (!c->owner_placed)
        set_line(c->owner, place_marked_line(&c->place, code->fence_char, 3));
    if (c->fenced)
        place_skip_fence(&c->place, code->fence_char);
    int rc = json_object_set_new(c->owner, "code", block_text(c, 0));
    c->owner = NULL;
    c->fenced = false;
    c->breaks = 0;
    return check(c, rc == 0);
}

static const char *align_name(MD_ALIGN align)
{
    static const char *const names[] = {"", "left", "center", "right"};
    return names[align];
}

static int32_t on_cell(struct collector *c, bool enter, const MD_BLOCK_TD_DETAIL *cell)
{
    if (enter)
        return 0;
    json_t *list = json_object_get(c->owner, c->in_head ? "header" : "rows");
    if (!c->in_head)
        list = json_array_get(list, json_array_size(list) - 1);
    int rc = json_array_append_new(list, block_text(c, 0));
    if (rc == 0 && c->in_head)
        rc = json_array_append_new(json_object_get(c->owner, "align"),
                                   json_string(align_name(cell->align)));
    return check(c, rc == 0);
}

static int32_t on_table(struct collector *c, bool enter, MD_BLOCKTYPE type, const void *detail)
{
    if (type == MD_BLOCK_TABLE && enter)
        return open_owner(
            c, COLLECT_TABLES,
            json_pack("{s:[], s:[], s:[], s:i}", "header", "rows", "align", "line", 0));
    if (type == MD_BLOCK_TABLE)
        c->owner = NULL;
    else if (type == MD_BLOCK_THEAD && enter)
        c->in_head = true;
    else if (type == MD_BLOCK_THEAD) {
        c->in_head = false;
        if (!c->owner_placed)
            set_line(c->owner, place_marked_line(&c->place, '|', 1));
        c->owner_placed = true;
    } else if (type == MD_BLOCK_TR && enter && !c->in_head)
        return check(c,
                     json_array_append_new(json_object_get(c->owner, "rows"), json_array()) == 0);
    else if (type == MD_BLOCK_TH || type == MD_BLOCK_TD)
        return on_cell(c, enter, detail);
    return 0;
}

static int32_t collect_block(void *self, bool enter, MD_BLOCKTYPE type, const void *detail)
{
    struct collector *c = self;
    int32_t rc = 0;
    if (enter)
        c->block.len = 0;
    if (type == MD_BLOCK_H && c->what & COLLECT_HEADINGS)
        rc = on_heading(c, enter, detail);
    else if (type == MD_BLOCK_CODE && c->what & COLLECT_CODE)
        rc = on_code(c, enter, detail);
    else if (type >= MD_BLOCK_TABLE && c->what & COLLECT_TABLES)
        rc = on_table(c, enter, type, detail);
    if (!enter)
        c->block.len = 0;
    return rc;
}

int32_t document_collect(const struct document *document, unsigned what, struct collection *ret)
{
    static const struct walker walker = {collect_block, collect_span, collect_text};
    struct collector c = {.document = document,
                          .what = what,
                          .result = ret,
                          .place = {.text = document->text, .size = document->size},
                          .block = {.limit = OUTPUT_MAX}};
    for (size_t i = 0; i < COLLECTED_KINDS; i++)
        if (what & 1u << i && !(ret->lists[i] = json_array()))
            return no_memory(document->call);
    int32_t rc = document_walk(document, &walker, &c);
    text_buffer_free(&c.block);
    free(c.spans);
    return rc;
}

void collection_clear(struct collection *collection)
{
    for (size_t i = 0; i < COLLECTED_KINDS; i++)
        json_decref(collection->lists[i]);
}
