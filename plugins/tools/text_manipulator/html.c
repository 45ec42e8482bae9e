/* SPDX-License-Identifier: Apache-2.0
 * Takes HTML markup out of a text for sanitize, with the HTML standard's idea of where a tag begins
 * and ends. The result holds no tag, also where the removal of one would have made another. */
#include <ctype.h>
#include <strings.h>

#include "text.h"

static bool starts_with(struct text text, size_t at, const char *word)
{
    size_t len = strlen(word);
    return text.len - at >= len && strncasecmp(text.data + at, word, len) == 0;
}

/* Can a tag, a comment or a declaration begin with "<" and the character at offset at? */
static bool opens_markup(struct text text, size_t at)
{
    if (at >= text.len)
        return false;
    unsigned char c = (unsigned char)text.data[at];
    return (c < 0x80 && isalpha(c)) || c == '/' || c == '!' || c == '?';
}

/* Behind the ">" of a tag whose "<" was just passed; quoted attribute values may hold one. */
static size_t tag_end(struct text text, size_t at)
{
    char quote = 0, previous = 0;
    for (; at < text.len; at++) {
        char c = text.data[at];
        if (quote) {
            if (c == quote)
                quote = 0;
        } else if (c == '>') {
            return at + 1;
        } else if ((c == '"' || c == '\'') && previous == '=') {
            quote = c;
        }
        if (!isspace((unsigned char)c))
            previous = c;
    }
    return text.len;
}

/* Behind the next occurrence of word, or at the end. */
static size_t behind(struct text text, size_t at, const char *word)
{
    const char *found =
        at < text.len ? memmem(text.data + at, text.len - at, word, strlen(word)) : NULL;
    return found ? (size_t)(found - text.data) + strlen(word) : text.len;
}

/* Is the element name at offset at exactly name? */
static bool is_element(struct text text, size_t at, const char *name)
{
    if (!starts_with(text, at, name))
        return false;
    at += strlen(name);
    return at == text.len || strchr(" \t\n\f/>", text.data[at]);
}

/* Behind the end tag of a script or style element whose start tag ended at offset at. */
static size_t raw_end(struct text text, size_t at, const char *name)
{
    while (at < text.len) {
        at = behind(text, at, "</");
        if (at < text.len && is_element(text, at, name))
            return tag_end(text, at);
    }
    return text.len;
}

/* Behind the markup whose "<" stands before offset at. */
static size_t markup_end(struct text text, size_t at)
{
    if (starts_with(text, at, "!-->") || starts_with(text, at, "!--->"))
        return behind(text, at, ">"); /* a comment that ends at once */
    if (starts_with(text, at, "!--"))
        return behind(text, at + 3, "-->");
    if (text.data[at] == '!' || text.data[at] == '?')
        return behind(text, at, ">");
    size_t end = tag_end(text, at);
    if (is_element(text, at, "script"))
        return raw_end(text, end, "script");
    if (is_element(text, at, "style"))
        return raw_end(text, end, "style");
    return end;
}

void html_strip(struct buffer *buffer, struct text text)
{
    bool dangling = false; /* the last thing written is a "<" that opened nothing */
    for (size_t at = 0; at < text.len;) {
        if (dangling && opens_markup(text, at)) {
            buffer->len--; /* it does now, with what stood between taken out */
            at = markup_end(text, at);
            dangling = buffer->len > 0 && buffer->data[buffer->len - 1] == '<';
            continue;
        }
        char c = text.data[at];
        if (c == '<' && opens_markup(text, at + 1)) {
            at = markup_end(text, at + 1);
            continue;
        }
        buffer_add(buffer, &c, 1);
        dangling = c == '<' && buffer->error == 0;
        at++;
    }
}
