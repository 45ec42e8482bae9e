/* SPDX-License-Identifier: Apache-2.0
 * The text of md4c's pieces: characters for entities, for NUL and for line breaks. Named entities
 * are looked up by md4c-html, which has the table of HTML. */
#include "markdown.h"

#include <md4c-html.h>

#define ENTITY_MAX 64 /* bytes of the longest that md4c takes for one, and some */

static void add_point(struct text_buffer *out, unsigned point)
{
    char bytes[4];
    if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
        point = 0xFFFD;
    if (point < 0x80) {
        text_buffer_putc(out, (char)point);
        return;
    }
    size_t length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = length; i-- > 1; point >>= 6)
        bytes[i] = (char)(0x80 | (point & 0x3F));
    bytes[0] = (char)((0xF0 << (4 - length)) | point);
    text_buffer_add(out, bytes, length);
}

/* "#65", "#x41" without the ampersand and the semicolon. md4c lets through 7 or 6 digits. */
static void add_numeric(struct text_buffer *out, const char *text, size_t size)
{
    bool hex = size > 1 && (text[1] == 'x' || text[1] == 'X');
    unsigned point = 0;
    for (size_t i = hex ? 2 : 1; i < size; i++) {
        char lower = (char)(text[i] | 0x20);
        unsigned digit = (unsigned)(lower >= 'a' ? lower - 'a' + 10 : text[i] - '0');
        point = point * (hex ? 16 : 10) + digit;
    }
    add_point(out, point);
}

/* Adds what md4c-html wrote, without its paragraph and its escapes. */
static void add_written(struct text_buffer *out, const struct text_buffer *written)
{
    static const struct {
        const char *escape;
        char c;
    } escapes[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}};
    const size_t before = strlen("<p>"), after = strlen("</p>\n");
    if (written->len < before + after)
        return;
    size_t end = written->len - after;
    for (size_t at = before; at < end;) {
        size_t skip = 0;
        for (size_t i = 0; i < sizeof escapes / sizeof *escapes && !skip; i++) {
            size_t length = strlen(escapes[i].escape);
            if (length <= end - at && memcmp(written->data + at, escapes[i].escape, length) == 0) {
                text_buffer_putc(out, escapes[i].c);
                skip = length;
            }
        }
        if (!skip)
            text_buffer_putc(out, written->data[at]);
        at += skip ? skip : 1;
    }
}

static void write_piece(const MD_CHAR *text, MD_SIZE size, void *data)
{
    text_buffer_add(data, text, size);
}

static void add_entity(struct text_buffer *out, const char *text, size_t size)
{
    if (size > 3 && text[1] == '#') {
        add_numeric(out, text + 1, size - 2);
        return;
    }
    CLEANUP_TEXT_BUFFER struct text_buffer written = {.limit = ENTITY_MAX * 8};
    if (size > ENTITY_MAX || md_html(text, (MD_SIZE)size, write_piece, &written, 0, 0) != 0 ||
        written.error)
        text_buffer_add(out, text, size);
    else
        add_written(out, &written);
}

void inline_add(struct text_buffer *out, MD_TEXTTYPE type, const char *text, size_t size,
                char line_break)
{
    switch (type) {
    case MD_TEXT_HTML:
        break;
    case MD_TEXT_NULLCHAR:
        add_point(out, 0);
        break;
    case MD_TEXT_ENTITY:
        add_entity(out, text, size);
        break;
    case MD_TEXT_BR:
    case MD_TEXT_SOFTBR:
        text_buffer_putc(out, line_break);
        break;
    default:
        text_buffer_add(out, text, size);
    }
}

json_t *attribute_json(const MD_ATTRIBUTE *attribute)
{
    CLEANUP_TEXT_BUFFER struct text_buffer out = {.limit = OUTPUT_MAX};
    for (size_t i = 0; attribute->text && attribute->substr_offsets[i] < attribute->size; i++) {
        size_t from = attribute->substr_offsets[i];
        inline_add(&out, attribute->substr_types[i], attribute->text + from,
                   attribute->substr_offsets[i + 1] - from, ' ');
    }
    return text_buffer_json(&out);
}
