/* SPDX-License-Identifier: Apache-2.0
 * Keeps and finds source text (see source.h). */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void drop(struct sources *sources, struct source_cell *cell)
{
    sources->bytes -= cell->size;
    free(cell->name);
    *cell = (struct source_cell){NULL, NULL, 0};
}

/* Frees the oldest cells until there is room. */
static void make_room(struct sources *sources, size_t size)
{
    for (size_t i = 0; i < SOURCE_CELLS && sources->bytes + size > SOURCE_BYTES; i++)
        drop(sources, &sources->cells[(sources->next + i) % SOURCE_CELLS]);
}

void source_keep(struct runtime *rt, const char *name, struct code code)
{
    if (*name == '@' || code.size > SOURCE_BYTES || !memmem(code.text, code.size, "function", 8))
        return;
    if (!rt->sources)
        rt->sources = calloc(1, sizeof *rt->sources);
    size_t length = strlen(name) + 1;
    char *block = rt->sources ? malloc(length + code.size) : NULL;
    if (!block)
        return; /* inspection will not show it */
    memcpy(block, name, length);
    memcpy(block + length, code.text, code.size);
    struct source_cell *cell = &rt->sources->cells[rt->sources->next];
    drop(rt->sources, cell);
    make_room(rt->sources, code.size);
    *cell = (struct source_cell){block, block + length, code.size};
    rt->sources->bytes += code.size;
    rt->sources->next = (rt->sources->next + 1) % SOURCE_CELLS;
}

void source_close(struct runtime *rt)
{
    for (size_t i = 0; rt->sources && i < SOURCE_CELLS; i++)
        drop(rt->sources, &rt->sources->cells[i]);
    free(rt->sources);
    rt->sources = NULL;
}

static size_t line_offset(struct code code, int n)
{
    size_t at = 0;
    for (; n > 1 && at < code.size; n--) {
        const char *newline = memchr(code.text + at, '\n', code.size - at);
        at = newline ? (size_t)(newline - code.text) + 1 : code.size;
    }
    return at;
}

struct code source_lines(struct code code, int first, int last)
{
    size_t start = line_offset(code, first), end = line_offset(code, last + 1);
    while (end > start && (code.text[end - 1] == '\n' || code.text[end - 1] == '\r'))
        end--;
    return (struct code){start < code.size ? code.text + start : NULL, end - start};
}

struct code source_line(struct code code, int n)
{
    return n < 1 ? (struct code){NULL, 0} : source_lines(code, n, n);
}

/* Does a function stand there? A file may have changed, and a cell's number come again. */
static int fits(struct code code, const lua_Debug *about)
{
    struct code first = source_line(code, about->linedefined);
    struct code last = source_line(code, about->lastlinedefined);
    return first.text && last.text && memmem(first.text, first.size, "function", 8) &&
           memmem(last.text, last.size, "end", 3);
}

struct code source_cell(const struct runtime *rt, const char *name)
{
    const struct sources *sources = rt->sources;
    for (size_t i = 1; sources && i <= SOURCE_CELLS; i++) {
        const struct source_cell *cell =
            &sources->cells[(sources->next + SOURCE_CELLS - i) % SOURCE_CELLS];
        if (cell->name && strcmp(cell->name, name) == 0)
            return (struct code){cell->text, cell->size};
    }
    return (struct code){NULL, 0};
}

static int find_cell(const struct sources *sources, const lua_Debug *about, struct code *ret_code)
{
    for (size_t i = 1; sources && i <= SOURCE_CELLS; i++) {
        const struct source_cell *cell =
            &sources->cells[(sources->next + SOURCE_CELLS - i) % SOURCE_CELLS];
        struct code code = {cell->text, cell->size};
        if (!cell->name || strcmp(cell->name, about->source) != 0 || !fits(code, about))
            continue;
        *ret_code = code;
        return 1;
    }
    return 0;
}

/* O_NONBLOCK: a pipe of that name must not make anybody wait. */
char *source_read(const char *path, size_t *ret_size)
{
    LLMSPELL_CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat about;
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0 ||
        about.st_size > SOURCE_BYTES)
        return NULL;
    size_t size = (size_t)about.st_size, used = 0;
    char *text = malloc(size);
    while (text && used < size) {
        ssize_t n = read(fd, text + used, size - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        used += (size_t)n;
    }
    *ret_size = used;
    return text;
}

int source_find(struct runtime *rt, const lua_Debug *about, struct code *ret_code, char **ret_own)
{
    *ret_own = NULL;
    if (about->linedefined <= 0)
        return 0;
    if (find_cell(rt->sources, about, ret_code))
        return 1;
    if (*about->source == '@')
        ret_code->text = *ret_own = source_read(about->source + 1, &ret_code->size);
    else if (*about->source != '=')
        *ret_code = (struct code){about->source, about->srclen}; /* load("…") */
    else
        return 0;
    if (ret_code->text && fits(*ret_code, about))
        return 1;
    free(*ret_own);
    *ret_own = NULL;
    return 0;
}
