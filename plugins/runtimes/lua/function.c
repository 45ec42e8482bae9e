/* SPDX-License-Identifier: Apache-2.0
 * Signatures, places and comments of functions (see function.h). */
#include "function.h"

#include <string.h>

#include "library.h"
#include "source.h"

#define COMMENT_LINES 200
#define PARAMETER_MAX 100 /* bytes of a name */

void function_signature(lua_State *L, int index, struct text *out)
{
    const struct library_entry *entry = library_of(L, index);
    lua_Debug about;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">Su", &about);
    if (entry && *about.what == 'C')
        text_puts(out, entry->signature);
    if (*about.what == 'C')
        return;
    text_puts(out, "(");
    lua_pushvalue(L, index);
    for (int i = 1; i <= about.nparams; i++) {
        const char *name = lua_getlocal(L, NULL, i); /* NULL: stripped */
        text_format(out, "%s%.*s", i > 1 ? ", " : "", PARAMETER_MAX, name ? name : "?");
    }
    lua_pop(L, 1);
    if (about.isvararg)
        text_puts(out, about.nparams ? ", ..." : "...");
    text_puts(out, ")");
}

void function_place(const lua_Debug *about, struct text *out)
{
    if (*about->what == 'C') {
        text_puts(out, "C");
        return;
    }
    text_format(out, "%s, ", about->short_src);
    if (about->lastlinedefined > about->linedefined)
        text_format(out, "lines %d to %d", about->linedefined, about->lastlinedefined);
    else
        text_format(out, "line %d", about->linedefined);
}

static struct code trim(struct code line)
{
    while (line.size > 0 && (*line.text == ' ' || *line.text == '\t')) {
        line.text++;
        line.size--;
    }
    while (line.size > 0 && strchr(" \t\r", line.text[line.size - 1]))
        line.size--;
    return line;
}

static int begins(struct code line, const char *with)
{
    return line.size >= strlen(with) && memcmp(line.text, with, strlen(with)) == 0;
}

/* The "=" of a long bracket at the beginning of text, or -1. */
static int bracket_level(const char *text, size_t size)
{
    size_t level = 0;
    while (level + 1 < size && text[level + 1] == '=')
        level++;
    return size > level + 1 && text[0] == '[' && text[level + 1] == '[' ? (int)level : -1;
}

/* Does the line open a long comment, and with how many "="? -1: no. */
static int opens_long(struct code line)
{
    return begins(line, "--[") ? bracket_level(line.text + 2, line.size - 2) : -1;
}

static int ends_long(struct code line)
{
    if (line.size < 2 || line.text[line.size - 1] != ']')
        return 0;
    size_t i = line.size - 1;
    while (i > 0 && line.text[i - 1] == '=')
        i--;
    return i > 0 && line.text[i - 1] == ']';
}

static int is_short(struct code line)
{
    return begins(line, "--") && opens_long(line) < 0;
}

/* The first line of the comment above a line; the line itself if there is none. */
static int comment_start(struct code code, int line)
{
    int above = line - 1;
    struct code text = trim(source_line(code, above));
    if (!is_short(text) && ends_long(text)) {
        for (int i = above; i >= 1 && i > above - COMMENT_LINES; i--)
            if (opens_long(trim(source_line(code, i))) >= 0)
                return i;
        return line;
    }
    while (above >= 1 && above > line - COMMENT_LINES && is_short(text))
        text = trim(source_line(code, --above));
    return above + 1;
}

/* A line of a short comment without what makes it one. */
static struct code bare(struct code line)
{
    struct code text = trim(line);
    for (; text.size > 0 && *text.text == '-'; text.size--)
        text.text++;
    size_t space = text.size > 0 && *text.text == ' ';
    return (struct code){text.text + space, text.size - space};
}

/* The same of a long comment. */
static struct code bare_long(struct code line, int is_first, int is_last)
{
    struct code text = line;
    if (is_first) {
        text = trim(line);
        size_t mark = (size_t)opens_long(text) + 4;
        text = trim((struct code){text.text + mark, text.size - mark});
    }
    if (!is_last)
        return text;
    while (text.size > 0 && strchr(" \t\r", text.text[text.size - 1]))
        text.size--;
    text.size -= text.size > 0; /* "]", "=", "]" */
    while (text.size > 0 && text.text[text.size - 1] == '=')
        text.size--;
    text.size -= text.size > 0;
    while (text.size > 0 && strchr(" \t\r", text.text[text.size - 1]))
        text.size--;
    return text;
}

void function_comment(struct code code, int line, struct text *out)
{
    int first = comment_start(code, line), is_long = 0;
    size_t start = out->size;
    for (int i = first; i < line; i++) {
        struct code text = source_line(code, i);
        is_long |= i == first && opens_long(trim(text)) >= 0;
        text = is_long ? bare_long(text, i == first, i == line - 1) : bare(text);
        if (trim(text).size == 0 && out->size == start)
            continue; /* a line of dashes, or of --[[ alone */
        text_add(out, text.text, text.size);
        text_puts(out, "\n");
    }
    while (out->size > start && out->data[out->size - 1] == '\n')
        out->data[--out->size] = '\0';
}
