/* SPDX-License-Identifier: Apache-2.0
 * Writes a citation piece by piece: markup, and punctuation that does not double. */
#include "citation.h"

#include <ctype.h>

/* Whether Markdown would take a character for a mark, and not for itself. */
static bool is_mark(const struct line *line, char c, char next)
{
    bool word = isalnum((unsigned char)line->last) || line->last == '_';
    bool word_next = isalnum((unsigned char)next) || next == '_' || (next & 0x80);
    if (c == '_') /* within a word it is none, and addresses have many */
        return !word || !word_next;
    if (c == ']')
        return next == '(' || next == '[';
    if (c == '&')
        return next == '#' || isalpha((unsigned char)next);
    return c && strchr("\\*`<", c);
}

static void put_char(struct line *line, char c, char next)
{
    if (line->markup == MARKUP_HTML && strchr("&<>", c) && c)
        text_buffer_puts(&line->out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
    else if (line->markup == MARKUP_MARKDOWN && is_mark(line, c, next)) {
        text_buffer_putc(&line->out, '\\');
        text_buffer_putc(&line->out, c);
    } else
        text_buffer_putc(&line->out, c);
}

void line_put(struct line *line, const char *text)
{
    for (; *text; text++) {
        put_char(line, *text, text[1]);
        line->last = (*text & 0x80) ? 'x' : *text;
    }
}

static void put_mark(struct line *line, bool open)
{
    if (line->markup == MARKUP_HTML)
        text_buffer_puts(&line->out, open ? "<i>" : "</i>");
    else if (line->markup == MARKUP_MARKDOWN)
        text_buffer_putc(&line->out, '*');
}

void line_italic(struct line *line, const char *text)
{
    put_mark(line, true);
    line_put(line, text);
    put_mark(line, false);
}

static bool ends_sentence(const struct line *line)
{
    return line->last == '.' || line->last == '?' || line->last == '!';
}

static void put_separator(struct line *line, const char *sep)
{
    if (line->out.len == 0)
        sep = "";
    else if (line->fresh)
        sep = " ";
    else if (*sep == '.' && ends_sentence(line))
        sep++;
    line->fresh = false;
    line_put(line, sep);
}

void line_part(struct line *line, const char *sep, const char *prefix, const char *text,
               const char *suffix)
{
    if (!*text)
        return;
    put_separator(line, sep);
    line_put(line, prefix);
    line_put(line, text);
    if (*suffix == '.' && ends_sentence(line))
        suffix++;
    line_put(line, suffix);
}

void line_part_italic(struct line *line, const char *sep, const char *prefix, const char *text,
                      const char *suffix)
{
    if (!*text)
        return;
    put_separator(line, sep);
    line_put(line, prefix);
    line_italic(line, text);
    if (*suffix == '.' && ends_sentence(line))
        suffix++;
    line_put(line, suffix);
}

void line_stop(struct line *line)
{
    if (line->fresh || line->out.len == 0)
        return;
    if (!ends_sentence(line))
        line_put(line, ".");
    line->fresh = true;
}

void line_end(struct line *line)
{
    static const char comma[] = ",”";
    size_t length = strlen(comma);
    if (line->fresh && line->out.len >= length &&
        memcmp(line->out.data + line->out.len - length, comma, length) == 0)
        line->out.data[line->out.len - length] = '.';
    line_stop(line);
}

void line_quoted(struct line *line, const char *title, char mark)
{
    char text[2] = {mark, '\0'};
    if (!*title)
        return;
    put_separator(line, " ");
    line_put(line, "“");
    line_put(line, title);
    if (!ends_sentence(line))
        line_put(line, text);
    line_put(line, "”");
    line->fresh = true;
}
