/* SPDX-License-Identifier: Apache-2.0
 * Readable text of values, for results and inspection: strings as they are (quoted inside tables),
 * tables on one line if they fit, else one entry a line; keys in order; cycles, depth, width and
 * length bounded. __tostring and __name are honoured, but for show_plain. */
#include <string.h>

#include "keys.h"
#include "lexer.h"
#include "state.h"
#include "text.h"

#define SHOW_WIDTH 80      /* columns of a table on one line */
#define SHOW_INLINE 40     /* entries of a table on one line */
#define SHOW_ENTRIES 1000  /* of one table */
#define SHOW_KEYS 20000    /* that are sorted */
#define SHOW_BYTES 1048576 /* of a result with tables */
#define SHOW_STRING 65536  /* bytes of a string inside a table */
#define SHOW_DEPTH 16

struct show {
    lua_State *L;
    struct text *out;
    int plain;         /* no metamethods */
    int memo;          /* stack index: texts of objects with __tostring, made once */
    size_t inline_end; /* size of out at which a try on one line is given up; 0: no try */
    int full;          /* SHOW_BYTES are reached: nothing more is added */
    const char *hint;  /* the field that holds the value, to name a function */
};

struct frame {
    const struct frame *up;
    const void *table;
    int depth;
};

struct entries {
    int table;        /* stack index */
    lua_Integer list; /* values at 1 … list */
    struct key *keys; /* the other keys, sorted */
    int anchor;       /* stack index of the keys' anchor */
    size_t count, total;
};

static int show_value(struct show *show, int index, const struct frame *up);

static void show_quoted(struct text *out, const char *data, size_t size)
{
    size_t shown = size > SHOW_STRING ? SHOW_STRING : size;
    text_puts(out, "\"");
    for (size_t i = 0; i < shown;) {
        unsigned char c = (unsigned char)data[i];
        size_t length = text_character(data + i, size - i);
        if (c == '"' || c == '\\')
            text_format(out, "\\%c", c);
        else if (c == '\n')
            text_puts(out, "\\n");
        else if (c == '\t')
            text_puts(out, "\\t");
        else if (c == '\r')
            text_puts(out, "\\r");
        else if (length == 0 || c < 32 || c == 127)
            text_format(out, "\\x%02X", c);
        else
            text_add(out, data + i, length);
        i += length ? length : 1;
    }
    text_puts(out, "\"");
    if (shown < size)
        text_format(out, "… (%zu bytes)", size);
}

/* Pushes the string key under which the table on top holds the value; 0: none, nothing pushed. */
static int push_field_name(lua_State *L, int value)
{
    int table = lua_gettop(L);
    if (!lua_istable(L, table))
        return 0;
    for (lua_pushnil(L); lua_next(L, table);) {
        int found = lua_type(L, -2) == LUA_TSTRING && lua_rawequal(L, -1, value);
        lua_pop(L, 1);
        if (found)
            return 1;
    }
    return 0;
}

/* Pushes "module.name" of a value that a loaded module holds; 0: none, nothing pushed. */
static int push_module_name(lua_State *L, int loaded, int value)
{
    for (lua_pushnil(L); lua_next(L, loaded); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !push_field_name(L, value))
            continue;
        lua_pushfstring(L, "%s.%s", lua_tostring(L, -3), lua_tostring(L, -1));
        return 1;
    }
    return 0;
}

/* Pushes the global name of a value ("print", "string.format"); 0: none, nothing pushed. */
static int push_global_name(lua_State *L, int value)
{
    int top = lua_gettop(L);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushliteral(L, "_G");
    lua_rawget(L, top + 1);
    int found = push_field_name(L, value) || push_module_name(L, top + 1, value);
    if (found)
        lua_replace(L, top + 1);
    lua_settop(L, found ? top + 1 : top);
    return found;
}

void show_function_name(lua_State *L, int index, struct text *out)
{
    index = lua_absindex(L, index);
    if (!push_global_name(L, index))
        return;
    text_puts(out, lua_tostring(L, -1));
    lua_pop(L, 1);
}

/* function: name (In [1]:3) */
static void show_function(struct show *show, int index)
{
    lua_Debug about;
    struct text *out = show->out;
    text_puts(out, "function: ");
    size_t before = out->size;
    show_function_name(show->L, index, out);
    if (out->size == before)
        text_puts(out, show->hint ? show->hint : "anonymous");
    lua_pushvalue(show->L, index);
    lua_getinfo(show->L, ">S", &about);
    if (*about.what == 'C')
        text_puts(out, " ([C])");
    else
        text_format(out, " (%s:%d)", about.short_src, about.linedefined);
}

static int call_tostring(lua_State *L)
{
    luaL_tolstring(L, 1, NULL);
    return 1;
}

/* The text of an object with __tostring, called once for each object. */
static int show_object(struct show *show, int index)
{
    lua_State *L = show->L;
    lua_pushvalue(L, index);
    if (lua_rawget(L, show->memo) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushcfunction(L, call_tostring);
        lua_pushvalue(L, index);
        if (lua_pcall(L, 1, 1, 0) != LUA_OK) {
            interrupt_check(L);
            const char *reason = lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1);
            lua_pushfstring(L, "<error in __tostring: %s>", reason);
            lua_remove(L, -2);
        }
        lua_pushvalue(L, index);
        lua_pushvalue(L, -2);
        lua_rawset(L, show->memo);
    }
    size_t size = 0;
    const char *text = lua_tolstring(L, -1, &size);
    int breaks = show->inline_end && memchr(text, '\n', size);
    text_add(show->out, text, size);
    lua_pop(L, 1);
    return breaks ? -1 : 0;
}

/* A number, nil, boolean, userdata or thread, without metamethods but __name. */
static void show_basic(struct show *show, int index)
{
    lua_State *L = show->L;
    int type = lua_type(L, index);
    if (type == LUA_TNIL || type == LUA_TBOOLEAN) {
        text_puts(show->out, type == LUA_TNIL ? "nil" : lua_toboolean(L, index) ? "true" : "false");
    } else if (type == LUA_TNUMBER) {
        size_t size = 0;
        lua_pushvalue(L, index);
        const char *text = lua_tolstring(L, -1, &size);
        text_add(show->out, text, size);
        lua_pop(L, 1);
    } else if (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, index)) {
        text_puts(show->out, "null");
    } else {
        int top = lua_gettop(L);
        const char *name = lua_typename(L, type);
        if (!show->plain && luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
            name = lua_tostring(L, -1);
        text_format(show->out, "%.200s: %p", name, lua_topointer(L, index));
        lua_settop(L, top);
    }
}

static int is_name(const char *data, size_t size)
{
    struct lexer lexer = {.text = data, .size = size};
    struct token token = lexer_next(&lexer);
    return token.kind == TOKEN_NAME && token.start == 0 && token.end == size;
}

static void show_key(struct show *show, const struct key *key, const struct entries *entries)
{
    lua_State *L = show->L;
    if (key->type == LUA_TSTRING && key->size < 128 && is_name(key->string, key->size)) {
        text_add(show->out, key->string, key->size);
        show->hint = key->string;
    } else if (key->type == LUA_TSTRING) {
        text_puts(show->out, "[");
        show_quoted(show->out, key->string, key->size);
        text_puts(show->out, "]");
    } else {
        text_puts(show->out, "[");
        lua_rawgeti(L, entries->anchor, key->anchor);
        show_basic(show, lua_gettop(L));
        lua_pop(L, 1);
        text_puts(show->out, "]");
    }
    text_puts(show->out, " = ");
}

/* Entry number i: first the list, then the keys. -1: a try on one line is given up. */
static int show_entry(struct show *show, const struct entries *entries, size_t i,
                      const struct frame *frame)
{
    lua_State *L = show->L;
    show->hint = NULL;
    if (i < (size_t)entries->list) {
        lua_rawgeti(L, entries->table, (lua_Integer)i + 1);
    } else {
        const struct key *key = &entries->keys[i - (size_t)entries->list];
        show_key(show, key, entries);
        lua_rawgeti(L, entries->anchor, key->anchor);
        lua_rawget(L, entries->table);
    }
    int code = show_value(show, lua_gettop(L), frame);
    lua_pop(L, 1);
    return code;
}

static int show_inline(struct show *show, const struct entries *entries, const struct frame *frame)
{
    size_t count = (size_t)entries->list + entries->count;
    text_puts(show->out, "{");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            text_puts(show->out, ", ");
        if (show_entry(show, entries, i, frame) < 0)
            return -1;
    }
    text_puts(show->out, "}");
    return show->out->size > show->inline_end ? -1 : 0;
}

static void show_indent(struct show *show, int depth)
{
    text_puts(show->out, "\n");
    for (int i = 0; i < depth; i++)
        text_puts(show->out, "  ");
}

static void show_block(struct show *show, const struct entries *entries, const struct frame *frame)
{
    size_t total = (size_t)entries->list + entries->total;
    size_t count = (size_t)entries->list + entries->count;
    size_t shown = 0;
    if (count > SHOW_ENTRIES)
        count = SHOW_ENTRIES;
    text_puts(show->out, "{");
    while (shown < count && !show->full) {
        show_indent(show, frame->depth);
        show_entry(show, entries, shown++, frame);
        if (shown < total)
            text_puts(show->out, ",");
        if (show->out->size > SHOW_BYTES)
            show->full = 1;
    }
    if (shown < total) {
        show_indent(show, frame->depth);
        text_format(show->out, "… %zu more", total - shown);
    }
    show_indent(show, frame->depth - 1);
    text_puts(show->out, "}");
}

/* Tries one line; a try inside of a try shares its limit. */
static int show_entries(struct show *show, const struct entries *entries, const struct frame *frame)
{
    size_t total = (size_t)entries->list + entries->total;
    if (total == 0) {
        text_puts(show->out, "{}");
        return 0;
    }
    int outermost = show->inline_end == 0;
    size_t start = show->out->size;
    if (total <= SHOW_INLINE) {
        if (outermost)
            show->inline_end = start + SHOW_WIDTH - 2 * (size_t)(frame->depth - 1);
        int code = show_inline(show, entries, frame);
        if (outermost)
            show->inline_end = 0;
        if (code == 0)
            return 0;
    }
    if (!outermost)
        return -1;
    if (!show->out->failed)
        show->out->size = start;
    show_block(show, entries, frame);
    return 0;
}

static int show_table(struct show *show, int index, const struct frame *up)
{
    lua_State *L = show->L;
    struct frame frame = {up, lua_topointer(L, index), up ? up->depth + 1 : 1};
    for (const struct frame *f = up; f; f = f->up)
        if (f->table == frame.table) {
            text_puts(show->out, "<cycle>");
            return 0;
        }
    if (!show->plain && luaL_getmetafield(L, index, "__name") == LUA_TSTRING)
        text_format(show->out, "%.200s ", lua_tostring(L, -1));
    if (frame.depth > SHOW_DEPTH) {
        text_puts(show->out, "{…}");
        return 0;
    }
    struct entries entries = {.table = index, .list = (lua_Integer)lua_rawlen(L, index)};
    entries.keys = keys_sorted(L, index, entries.list, SHOW_KEYS, &entries.count, &entries.total);
    entries.anchor = lua_gettop(L) - 1;
    return show_entries(show, &entries, &frame);
}

static int show_typed(struct show *show, int index, const struct frame *up)
{
    lua_State *L = show->L;
    if (!show->plain && luaL_getmetafield(L, index, "__tostring") != LUA_TNIL)
        return show_object(show, index);
    size_t size = 0;
    const char *data = NULL;
    switch (lua_type(L, index)) {
    case LUA_TSTRING:
        data = lua_tolstring(L, index, &size);
        show_quoted(show->out, data, size);
        return 0;
    case LUA_TTABLE:
        return show_table(show, index, up);
    case LUA_TFUNCTION:
        show_function(show, index);
        return 0;
    default:
        show_basic(show, index);
        return 0;
    }
}

static int show_value(struct show *show, int index, const struct frame *up)
{
    int top = lua_gettop(show->L);
    luaL_checkstack(show->L, LUA_MINSTACK, "a value is nested too deeply to be shown");
    int code = show_typed(show, index, up);
    lua_settop(show->L, top);
    if (show->inline_end && show->out->size > show->inline_end)
        return -1;
    return code;
}

/* One value at the top level: a string is not quoted. */
static void show_top(struct show *show, int index)
{
    if (lua_type(show->L, index) == LUA_TSTRING) {
        size_t size = 0;
        const char *data = lua_tolstring(show->L, index, &size);
        text_add(show->out, data, size);
        return;
    }
    show->hint = NULL;
    show_value(show, index, NULL);
}

void show_values(lua_State *L, int first, int count, struct text *out)
{
    lua_newtable(L);
    struct show show = {.L = L, .out = out, .memo = lua_gettop(L)};
    for (int i = 0; i < count; i++) {
        size_t before = out->size;
        show_top(&show, first + i);
        if (out->failed)
            break;
        size_t added = out->size - before; /* tables of several lines stand alone */
        if (i + 1 < count)
            text_puts(out, added && memchr(out->data + before, '\n', added) ? "\n" : "\t");
    }
    lua_pop(L, 1);
    text_check(L, out);
}

void show_line(lua_State *L, int index, size_t width, struct text *out)
{
    size_t start = out->size;
    lua_newtable(L);
    struct show show = {.L = L, .out = out, .memo = lua_gettop(L), .inline_end = start + width};
    int code = show_value(&show, index, NULL);
    lua_pop(L, 1);
    if (code == 0 || out->failed)
        return;
    if (out->size > start + width)
        out->size = start + width;
    while (out->size > start && ((unsigned char)out->data[out->size] & 0xc0) == 0x80)
        out->size--;
    text_puts(out, out->size > start ? "…" : "{…}");
}

void show_plain(lua_State *L, int index, struct text *out)
{
    index = lua_absindex(L, index);
    struct show show = {.L = L, .out = out, .plain = 1};
    if (lua_type(L, index) == LUA_TSTRING) {
        size_t size = 0;
        const char *data = lua_tolstring(L, index, &size);
        show_quoted(out, data, size);
    } else {
        show_value(&show, index, NULL);
    }
    text_check(L, out);
}
