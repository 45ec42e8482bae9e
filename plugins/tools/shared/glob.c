/* SPDX-License-Identifier: Apache-2.0
 * Matching without recursion: a star that was passed last can take one character more; stars before
 * it need not be asked again. That holds for "**" in its turn, so that no pattern explodes. */
#include "glob.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GLOBS_MAX 1000

/* The code point at *text, stepping over it; a byte that is no UTF-8 is itself. */
static uint32_t next_point(const char **text)
{
    const unsigned char *byte = (const unsigned char *)*text;
    size_t size = byte[0] < 0xC2   ? 1
                  : byte[0] < 0xE0 ? 2
                  : byte[0] < 0xF0 ? 3
                  : byte[0] < 0xF5 ? 4
                                   : 1;
    uint32_t point = size == 1 ? byte[0] : byte[0] & (0xFFu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((byte[i] & 0xC0) != 0x80) { /* the NUL at the end stops this, too */
            *text += 1;
            return byte[0];
        }
        point = point << 6 | (byte[i] & 0x3F);
    }
    *text += size;
    return point;
}

/* One member of a class, stepping over it. */
static uint32_t class_point(const char **glob)
{
    if (**glob == '\\' && (*glob)[1])
        ++*glob;
    return next_point(glob);
}

/* The end of the class that starts behind "[" at glob, behind its "]"; NULL: it is not closed. */
static const char *class_end(const char *glob)
{
    glob += *glob == '!' || *glob == '^';
    glob += *glob == ']';
    while (*glob && *glob != ']') {
        glob += *glob == '\\' && glob[1] ? 2 : 1;
    }
    return *glob ? glob + 1 : NULL;
}

/* Whether point is in the class behind "[" at glob, which ends (behind "]") at end. */
static bool class_match(const char *glob, const char *end, uint32_t point)
{
    bool negate = *glob == '!' || *glob == '^', found = false;
    const char *last = end - 1;
    glob += negate;
    while (glob < last) {
        uint32_t from = class_point(&glob), to = from;
        if (*glob == '-' && glob + 1 < last) {
            glob++;
            to = class_point(&glob);
        }
        found |= point >= from && point <= to;
    }
    return found != negate;
}

/* Steps over one character of the text and what matches it in the glob (anything but stars). */
static bool match_one(const char **glob, const char **text)
{
    const char *end = **glob == '[' ? class_end(*glob + 1) : NULL;
    if (**glob == '?' || end) {
        if (**text == '/')
            return false;
        const char *at = *text;
        uint32_t point = next_point(&at);
        if (end && !class_match(*glob + 1, end, point))
            return false;
        *text = at;
        *glob = end ? end : *glob + 1;
        return true;
    }
    const char *literal = *glob;
    if (*literal == '\\' && literal[1])
        literal++;
    if (*literal != **text)
        return false;
    *glob = literal + 1;
    ++*text;
    return true;
}

static const char *next_character(const char *text)
{
    do
        text++;
    while (((unsigned char)*text & 0xC0) == 0x80);
    return text;
}

/* "**" that is a whole component: it may stand for folders. */
static bool is_globstar(const char *start, const char *at)
{
    return at[0] == '*' && at[1] == '*' && (at == start || at[-1] == '/') &&
           (at[2] == '/' || !at[2]);
}

bool glob_match(const char *glob, const char *text)
{
    const char *start = glob;
    const char *star = NULL, *star_text = NULL;   /* behind the last "*", and what it left */
    const char *stars = NULL, *stars_text = NULL; /* the same of the last "**" and its "/" */
    while (*text) {
        if (is_globstar(start, glob)) {
            if (!glob[2])
                return true;
            stars = glob += 3;
            stars_text = text;
            star = NULL;
            continue;
        }
        if (*glob == '*') {
            while (*glob == '*')
                glob++;
            star = glob;
            star_text = text;
            continue;
        }
        if (*glob && match_one(&glob, &text))
            continue;
        if (star && *star_text != '/') {
            text = star_text = next_character(star_text);
            glob = star;
            continue;
        }
        const char *slash = stars ? strchr(stars_text, '/') : NULL;
        if (!slash)
            return false;
        text = stars_text = slash + 1;
        glob = stars;
        star = NULL;
    }
    while (*glob == '*' && !(is_globstar(start, glob) && glob > start))
        glob++;
    return !*glob;
}

/* ---- braces ---- */

static int add_plain(struct globs *globs, char *glob)
{
    if (globs->count == GLOBS_MAX) {
        free(glob);
        return E2BIG;
    }
    if (globs->count == globs->room) {
        size_t room = globs->room ? globs->room * 2 : 8;
        char **list = realloc(globs->list, room * sizeof *list);
        if (!list) {
            free(glob);
            return ENOMEM;
        }
        globs->list = list;
        globs->room = room;
    }
    globs->list[globs->count++] = glob;
    return 0;
}

/* Finds the brace that closes the one at open and the commas between, on this level. At most one
 * comma is reported a call: the first behind from. */
static const char *brace_end(const char *from, bool *ret_comma)
{
    size_t depth = 0;
    for (const char *at = from; *at; at++) {
        if (*at == '\\' && at[1])
            at++;
        else if (*at == '{')
            depth++;
        else if (*at == '}' && depth > 0)
            depth--;
        else if ((*at == ',' || *at == '}') && depth == 0) {
            *ret_comma = *at == ',';
            return at;
        }
    }
    return NULL;
}

/* The first brace that is closed further on; NULL if there is none. */
static const char *brace_start(const char *glob)
{
    for (const char *at = glob; *at; at++) {
        bool comma = true;
        const char *end = at + 1;
        if (*at == '\\' && at[1]) {
            at++;
            continue;
        }
        if (*at != '{')
            continue;
        while (end && comma) {
            end = brace_end(end, &comma);
            end += end && comma;
        }
        if (end)
            return at;
    }
    return NULL;
}

/* prefix[0, length) + choice + rest as a new text. */
static char *compose(const char *prefix, size_t length, const char *choice, size_t size,
                     const char *rest)
{
    size_t more = strlen(rest);
    char *text = malloc(length + size + more + 1);
    if (!text)
        return NULL;
    memcpy(text, prefix, length);
    memcpy(text + length, choice, size);
    memcpy(text + length + size, rest, more + 1);
    return text;
}

/* Replaces the first braces of work by each choice and puts the outcome into todo. */
static int expand_first(const char *work, const char *open, struct globs *todo)
{
    bool comma = true;
    const char *close = open + 1;
    while (comma) {
        close = brace_end(close, &comma);
        close += comma;
    }
    comma = true;
    for (const char *choice = open + 1; comma;) {
        const char *end = brace_end(choice, &comma);
        char *text =
            compose(work, (size_t)(open - work), choice, (size_t)(end - choice), close + 1);
        int error = text ? add_plain(todo, text) : ENOMEM;
        if (error)
            return error;
        choice = end + 1;
    }
    return 0;
}

int globs_add(struct globs *globs, const char *glob)
{
    struct globs todo = {0};
    char *copy = strdup(glob);
    int error = copy ? add_plain(&todo, copy) : ENOMEM;
    size_t turns = 0;
    while (!error && todo.count > 0) {
        char *work = todo.list[--todo.count];
        const char *open = brace_start(work);
        if (!open) {
            error = add_plain(globs, work);
            continue;
        }
        error = ++turns > GLOBS_MAX ? E2BIG : expand_first(work, open, &todo);
        free(work);
    }
    globs_clear(&todo);
    return error;
}

bool globs_match(const struct globs *globs, const char *path, bool folder)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < globs->count; i++) {
        const char *glob = globs->list[i];
        size_t length = strlen(glob);
        bool only_folders = length > 1 && glob[length - 1] == '/';
        if (only_folders) {
            char *shorter = folder ? strndup(glob, length - 1) : NULL;
            bool found = shorter && globs_match(&(struct globs){&shorter, 1, 1}, path, true);
            free(shorter);
            if (found)
                return true;
            continue;
        }
        bool whole = strchr(glob, '/') != NULL;
        if (strncmp(glob, "./", 2) == 0)
            glob += 2;
        glob += *glob == '/';
        if (glob_match(glob, whole ? path : name))
            return true;
    }
    return false;
}

void globs_clear(struct globs *globs)
{
    for (size_t i = 0; i < globs->count; i++)
        free(globs->list[i]);
    free(globs->list);
    *globs = (struct globs){0};
}
