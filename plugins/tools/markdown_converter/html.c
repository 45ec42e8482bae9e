/* SPDX-License-Identifier: Apache-2.0
 * to_html: what md4c-html writes. It cannot be stopped, so a walk under limits goes before it; and
 * it lets every scheme of an address through, so unwanted ones are cut out of its output. */
#include "markdown.h"

#include <ctype.h>
#include <md4c-html.h>

#include "../shared/text_input.h"

/* How much will be written at least; md4c-html is not called if that is too much. */
struct measure {
    const struct document *document;
    size_t bytes;
};

static int32_t add_bytes(struct measure *measure, size_t bytes)
{
    measure->bytes += bytes;
    if (measure->bytes <= OUTPUT_MAX)
        return 0;
    return llmspell_fail_at(measure->document->call, LLMSPELL_ELIMIT, measure->document->pointer,
                            "the HTML would have more than %u bytes; split the document",
                            OUTPUT_MAX);
}

static int32_t measure_block(void *self, bool enter, MD_BLOCKTYPE type, const void *detail)
{
    (void)type;
    (void)detail;
    return enter ? add_bytes(self, strlen("<p></p>")) : 0;
}

static int32_t measure_span(void *self, bool enter, MD_SPANTYPE type, const void *detail)
{
    size_t bytes = enter ? strlen("<em></em>") : 0;
    if (enter && type == MD_SPAN_A) {
        const MD_SPAN_A_DETAIL *link = detail;
        bytes += link->href.size + link->title.size;
    } else if (enter && type == MD_SPAN_IMG) {
        const MD_SPAN_IMG_DETAIL *image = detail;
        bytes += image->src.size + image->title.size;
    }
    return add_bytes(self, bytes);
}

static int32_t measure_text(void *self, MD_TEXTTYPE type, const char *text, size_t size)
{
    (void)text;
    return type == MD_TEXT_ENTITY ? 0 : add_bytes(self, size);
}

static void write_piece(const MD_CHAR *text, MD_SIZE size, void *data)
{
    text_buffer_add(data, text, size);
}

/* Whether the address that ends at a quote is relative, or its scheme one of those allowed. Blanks
 * and controls are escaped there, so that a scheme cannot be hidden by them. */
static bool is_allowed(const char *address, const char *end)
{
    static const char *const schemes[] = {"http", "https", "mailto"};
    const char *at = address;
    if (at == end || !isalpha((unsigned char)*at))
        return true;
    while (at < end && (isalnum((unsigned char)*at) || strchr("+-.", *at)))
        at++;
    if (at == end || *at != ':')
        return true;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strlen(schemes[i]) == (size_t)(at - address) &&
            strncasecmp(schemes[i], address, (size_t)(at - address)) == 0)
            return true;
    return false;
}

/* The start of the next address in the output, behind its quote; NULL: there is none. Elsewhere
 * md4c-html escapes the brackets and quotes of the text. */
static const char *next_address(const char *at, const char *end)
{
    static const char *const openings[] = {"<a href=\"", "<img src=\""};
    while (at < end && (at = memchr(at, '<', (size_t)(end - at)))) {
        for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
            size_t length = strlen(openings[i]);
            if (length <= (size_t)(end - at) && memcmp(at, openings[i], length) == 0)
                return at + length;
        }
        at++;
    }
    return NULL;
}

/* md4c-html writes &#xD800; as if it were a character. Such bytes become U+FFFD. */
static void repair(struct text_buffer *html)
{
    size_t valid = text_valid(html->data ? html->data : "", html->len);
    for (size_t at = valid; at < html->len; at += valid) {
        memcpy(html->data + at, "\xEF\xBF\xBD", 3); /* of three bytes, as the wrong one */
        valid = text_valid(html->data + at, html->len - at);
    }
}

static void add_filtered(struct text_buffer *out, const struct text_buffer *html)
{
    const char *at = html->data, *end = at ? at + html->len : at, *address;
    while (at < end && (address = next_address(at, end))) {
        const char *quote = memchr(address, '"', (size_t)(end - address));
        if (!quote)
            break;
        const char *kept = is_allowed(address, quote) ? quote : address;
        text_buffer_add(out, at, (size_t)(kept - at));
        at = quote;
    }
    text_buffer_add(out, at, (size_t)(end - at));
}

static void add_escaped(struct text_buffer *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '&')
            text_buffer_puts(out, "&amp;");
        else if (text[i] == '<')
            text_buffer_puts(out, "&lt;");
        else if (text[i] == '>')
            text_buffer_puts(out, "&gt;");
        else
            text_buffer_putc(out, text[i]);
    }
}

static void open_page(const struct document *document, struct text_buffer *out)
{
    text_buffer_puts(out, "<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n<title>");
    add_escaped(out, llmspell_string(document->params, "title"),
                llmspell_string_length(document->params, "title"));
    text_buffer_puts(out, "</title>\n</head>\n<body>\n");
}

int32_t op_to_html(const struct document *document, json_t **ret_result)
{
    static const struct walker walker = {measure_block, measure_span, measure_text};
    struct measure measure = {document, 0};
    int32_t rc = document_walk(document, &walker, &measure);
    if (rc < 0)
        return rc;
    CLEANUP_TEXT_BUFFER struct text_buffer html = {.limit = OUTPUT_MAX};
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = OUTPUT_MAX};
    bool page = llmspell_bool(document->params, "full_document", 0);
    if (md_html(document->text, (MD_SIZE)document->size, write_piece, &html, document->flags, 0))
        return no_memory(document->call);
    rc = text_buffer_check(document->call, &html);
    if (rc < 0)
        return rc;
    repair(&html);
    if (page)
        open_page(document, &out);
    if (document->allow_html)
        text_buffer_add(&out, html.data, html.len);
    else
        add_filtered(&out, &html);
    if (page)
        text_buffer_puts(&out, "</body>\n</html>\n");
    rc = text_buffer_check(document->call, &out);
    return rc < 0 ? rc
                  : llmspell_return(document->call, ret_result,
                                    json_pack("{s:o}", "html", text_buffer_json(&out)));
}
