/* SPDX-License-Identifier: Apache-2.0
 * The lines that hold code: of a function and all that are defined inside it. lua_getinfo tells
 * them of one function only, and only of one that exists; so the compiled chunk is dumped, and its
 * line tables are read from there. */
#include <stdlib.h>
#include <string.h>

#include "debug.h"

#define LINES_MAX 1000000
#define DEPTH_MAX 200 /* functions inside of functions: the compiler's own limit */

struct dump {
    const unsigned char *at, *end;
    int failed;
    struct line_set *set;
};

/* ---- a set of lines ---- */

static int set_add(struct line_set *set, int line)
{
    if (line < 1 || line > LINES_MAX)
        return 0;
    if (line >= set->end) {
        int end = (line | 1023) + 1;
        unsigned char *bits = realloc(set->bits, (size_t)end / 8);
        if (!bits)
            return -1;
        memset(bits + set->end / 8, 0, (size_t)(end - set->end) / 8);
        set->bits = bits;
        set->end = end;
    }
    set->bits[line / 8] |= (unsigned char)(1 << line % 8);
    return 0;
}

int lines_next(const struct line_set *set, int line)
{
    for (line = line < 1 ? 1 : line; line < set->end; line++)
        if (lines_has(set->bits, set->end, line))
            return line;
    return 0;
}

/* ---- what lua_dump writes (lundump.c of Lua 5.4) ---- */

static const unsigned char *take(struct dump *dump, size_t size)
{
    const unsigned char *at = dump->at;
    if (dump->failed || size > (size_t)(dump->end - at)) {
        dump->failed = 1;
        return NULL;
    }
    dump->at += size;
    return at;
}

static int take_byte(struct dump *dump)
{
    const unsigned char *at = take(dump, 1);
    return at ? *at : 0;
}

/* Groups of seven bits, the highest first; the last one is marked. */
static size_t take_number(struct dump *dump)
{
    size_t number = 0;
    for (int i = 0; i < 10 && !dump->failed; i++) {
        int byte = take_byte(dump);
        number = number << 7 | (size_t)(byte & 0x7f);
        if (byte & 0x80)
            return number;
    }
    dump->failed = 1;
    return 0;
}

static void skip_string(struct dump *dump)
{
    size_t size = take_number(dump); /* one more than it has bytes; 0: none */
    if (size > 0)
        take(dump, size - 1);
}

static void skip_constant(struct dump *dump)
{
    int type = take_byte(dump), base = type & 0x0f;
    if (base == LUA_TSTRING)
        skip_string(dump);
    else if (base == LUA_TNUMBER)
        take(dump, 8);
    else if (base != LUA_TNIL && base != LUA_TBOOLEAN)
        dump->failed = 1;
}

struct function {
    int line, is_vararg;
    const signed char *deltas; /* of each instruction's line to the one before */
    size_t count;
};

/* The lines of one function, as luaG_getfuncline counts them. */
static void add_lines(struct dump *dump, const struct function *function)
{
    enum { ABSOLUTE = -0x80 };
    struct dump table = *dump; /* pairs of instruction and line, in order */
    size_t left = take_number(&table);
    size_t at = left ? take_number(&table) : 0, absolute = left ? take_number(&table) : 0;
    int line = function->line;
    for (size_t i = 0; i < function->count && !table.failed; i++) {
        if (function->deltas[i] != ABSOLUTE) {
            line += function->deltas[i];
        } else {
            while (left > 1 && at < i) {
                at = take_number(&table);
                absolute = take_number(&table);
                left--;
            }
            line = (int)absolute;
        }
        if (i > 0 || !function->is_vararg) /* the first instruction of those belongs to no line */
            dump->failed |= set_add(dump->set, line) < 0;
    }
}

static void read_debug(struct dump *dump, struct function *function)
{
    function->count = take_number(dump);
    function->deltas = (const signed char *)take(dump, function->count);
    if (function->deltas)
        add_lines(dump, function);
    for (size_t n = 2 * take_number(dump); n > 0 && !dump->failed; n--)
        take_number(dump);
    for (size_t n = take_number(dump); n > 0 && !dump->failed; n--) {
        skip_string(dump);
        take_number(dump);
        take_number(dump);
    }
    for (size_t n = take_number(dump); n > 0 && !dump->failed; n--)
        skip_string(dump);
}

static void read_function(struct dump *dump, int depth)
{
    struct function function = {0, 0, NULL, 0};
    skip_string(dump);
    function.line = (int)take_number(dump);
    take_number(dump); /* its last line */
    take_byte(dump);   /* parameters */
    function.is_vararg = take_byte(dump);
    take_byte(dump); /* registers */
    take(dump, 4 * take_number(dump));
    for (size_t n = take_number(dump); n > 0 && !dump->failed; n--)
        skip_constant(dump);
    take(dump, 3 * take_number(dump)); /* upvalues */
    if (depth > DEPTH_MAX)
        dump->failed = 1;
    for (size_t n = take_number(dump); n > 0 && !dump->failed; n--)
        read_function(dump, depth + 1);
    if (!dump->failed)
        read_debug(dump, &function);
}

static int write_text(lua_State *L, const void *data, size_t size, void *text)
{
    (void)L;
    text_add(text, data, size);
    return ((struct text *)text)->failed;
}

int lines_of_function(lua_State *L, struct line_set *ret_set)
{
    /* "\x1bLua", version, format, six bytes of data, three sizes, an integer, a float */
    enum { HEADER = 4 + 1 + 1 + 6 + 3 + 8 + 8 };
    struct text *text = text_new(L);
    lua_pushvalue(L, -2);
    int failed = lua_dump(L, write_text, text, 0);
    lua_pop(L, 1); /* the text stays on top, and with it what the dump is */
    *ret_set = (struct line_set){NULL, 0};
    struct dump dump = {(const unsigned char *)text->data,
                        (const unsigned char *)text->data + text->size, failed || text->failed,
                        ret_set};
    const unsigned char *header = take(&dump, HEADER);
    if (!header || header[4] != 0x54 || header[5] != 0)
        dump.failed = 1;
    take_byte(&dump); /* upvalues of the function */
    if (!dump.failed)
        read_function(&dump, 0);
    text_free(text);
    lua_pop(L, 1);
    if (!dump.failed)
        return 0;
    free(ret_set->bits);
    *ret_set = (struct line_set){NULL, 0};
    return -1;
}

int lines_of_text(lua_State *L, struct code code, struct line_set *ret_set)
{
    int top = lua_gettop(L), failed = -1;
    *ret_set = (struct line_set){NULL, 0};
    if (chunk_load(L, chunk_trim(code), "=lines") == LUA_OK)
        failed = lines_of_function(L, ret_set);
    lua_settop(L, top);
    return failed;
}
