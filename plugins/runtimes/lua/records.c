/* SPDX-License-Identifier: Apache-2.0
 * Tables of records: an array of rows that are tables with names, or arrays. The survey looks at
 * them raw and runs no code of the script; reading makes the text of each cell that is shown, which
 * may call a __tostring. Rendered by records_html.c and records_text.c. Called by bundle.c and
 * displaylib.c. */
#include <string.h>

#include "display.h"
#include "keys.h"

#define CHECK_ROWS 65536 /* rows between two looks for an interrupt */

static int refuse(struct records *records, size_t row, const char *fault)
{
    records->fault = fault;
    records->fault_row = row;
    return -1;
}

/* ---- survey ---- */

/* Is the outer table an array of tables? Sets count. */
static int survey_rows(lua_State *L, struct records *records)
{
    size_t length = lua_rawlen(L, records->rows), found = 0;
    for (lua_pushnil(L); lua_next(L, records->rows); lua_pop(L, 1)) {
        lua_Integer row = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
        if (row < 1 || (size_t)row > length)
            return refuse(records, 0, "the rows have to be an array");
        if (!lua_istable(L, -1))
            return refuse(records, (size_t)row, "is not a table");
        if (++found % CHECK_ROWS == 0)
            interrupt_check(L);
    }
    records->count = length;
    return found == length ? 0 : refuse(records, 0, "the rows have to be an array without gaps");
}

static int is_scalar(lua_State *L, int index)
{
    int type = lua_type(L, index);
    return type == LUA_TNIL || type == LUA_TBOOLEAN || type == LUA_TNUMBER || type == LUA_TSTRING ||
           (type == LUA_TLIGHTUSERDATA && !lua_touserdata(L, index));
}

static void look_for_methods(lua_State *L, struct records *records)
{
    int top = lua_gettop(L);
    if (luaL_getmetafield(L, top, "__tostring") != LUA_TNIL ||
        luaL_getmetafield(L, top, "__display") != LUA_TNIL)
        records->objects = 1;
    lua_settop(L, top);
}

struct row {
    size_t names, indexes, unseen;
    lua_Integer greatest;
};

/* The keys of the row on top. seen: stack index of the table name → true. */
static int look_at_row(lua_State *L, struct records *records, size_t number, int seen,
                       struct row *row)
{
    int top = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, top); lua_pop(L, 1)) {
        if (row->names + row->indexes == RECORDS_KEYS)
            return refuse(records, number, "has more than 1000 columns");
        if (lua_type(L, -2) == LUA_TSTRING) {
            row->names++;
            lua_pushvalue(L, -2);
            row->unseen += lua_rawget(L, seen) == LUA_TNIL;
            lua_pop(L, 1);
        } else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 &&
                   lua_tointeger(L, -2) <= RECORDS_KEYS) {
            row->indexes++;
            records->nested |= !is_scalar(L, -1);
            if (lua_tointeger(L, -2) > row->greatest)
                row->greatest = lua_tointeger(L, -2);
        } else {
            return refuse(records, number, "has a key that is neither a name nor 1 to 1000");
        }
    }
    return 0;
}

/* Adds the names of the row on top that were not seen, in order. */
static int add_names(lua_State *L, struct records *records, size_t number, int seen)
{
    int row = lua_gettop(L);
    size_t count = 0, total = 0;
    struct key *keys = keys_sorted(L, row, 0, RECORDS_KEYS, &count, &total);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, row + 1, keys[i].anchor);
        lua_pushvalue(L, -1);
        if (lua_rawget(L, seen) == LUA_TNIL) {
            lua_pushvalue(L, -2);
            lua_rawseti(L, records->names, (lua_Integer)++records->columns);
            lua_pushvalue(L, -2);
            lua_pushboolean(L, 1);
            lua_rawset(L, seen);
        }
        lua_pop(L, 2);
    }
    return records->columns > 10 * RECORDS_KEYS ? refuse(records, number, "has one column too many")
                                                : 0;
}

/* The row on top: a record or a list, as those before. */
static int survey_row(lua_State *L, struct records *records, size_t number, int seen, int *kind)
{
    struct row row = {0};
    int top = lua_gettop(L);
    look_for_methods(L, records);
    if (look_at_row(L, records, number, seen, &row) < 0)
        return -1;
    lua_settop(L, top);
    if (row.names > 0 && row.indexes > 0)
        return refuse(records, number, "has both list and named entries");
    int is = row.names > 0 ? 'n' : row.indexes > 0 ? 'l' : *kind;
    if (*kind && is != *kind)
        return refuse(records, number, "is not of the kind (record or list) of those before");
    *kind = is;
    if (row.unseen > 0 && !records->columns_given)
        return add_names(L, records, number, seen);
    if (is == 'l' && !records->columns_given && (size_t)row.greatest > records->columns)
        records->columns = (size_t)row.greatest;
    return 0;
}

static int survey_columns(lua_State *L, struct records *records)
{
    int kind = 0, top = lua_gettop(L), code = 0;
    lua_newtable(L); /* seen */
    for (size_t i = 1; code == 0 && i <= records->count && i <= records->max_rows; i++) {
        interrupt_check(L);
        lua_rawgeti(L, records->rows, (lua_Integer)i);
        code = survey_row(L, records, i, top + 1, &kind);
        lua_settop(L, top + 1);
    }
    records->lists = kind == 'l';
    records->headed = records->columns > 0 && (!records->lists || records->columns_given);
    return code;
}

int records_survey(lua_State *L, struct records *records)
{
    if (survey_rows(L, records) < 0)
        return -1;
    lua_newtable(L);
    records->names = lua_gettop(L);
    if (records->columns_given) {
        lua_pushvalue(L, records->columns_given);
        lua_replace(L, records->names);
        records->columns = lua_rawlen(L, records->names);
    }
    if (survey_columns(L, records) < 0)
        return -1;
    if (!records->columns_given && records->columns > RECORDS_COLUMNS) {
        records->hidden = records->columns - RECORDS_COLUMNS;
        records->columns = RECORDS_COLUMNS;
    }
    return 0;
}

/* ---- reading ---- */

static void add_string(lua_State *L, struct text *out)
{
    size_t size = 0, cut = 0;
    const char *text = lua_tolstring(L, -1, &size);
    if (size <= RECORDS_CELL) {
        text_add(out, text, size);
        return;
    }
    while (cut < RECORDS_CELL) { /* whole characters */
        size_t length = text_character(text + cut, size - cut);
        cut += length ? length : 1;
    }
    text_add(out, text, cut);
    text_puts(out, "…");
}

/* The text of the value on top, a copy. */
static void read_value(lua_State *L, struct text *out)
{
    int type = lua_type(L, -1);
    if (type == LUA_TSTRING || type == LUA_TNUMBER)
        add_string(L, out);
    else if (type != LUA_TNIL)
        show_line(L, lua_gettop(L), RECORDS_CELL / 5, out);
}

static void read_cell(lua_State *L, struct records *records, int row, size_t column,
                      struct records_cell *cell)
{
    if (!lua_istable(L, row)) {
        lua_pushnil(L); /* a __tostring has changed the rows */
    } else if (records->lists) {
        lua_rawgeti(L, row, (lua_Integer)column + 1);
    } else {
        lua_rawgeti(L, records->names, (lua_Integer)column + 1);
        lua_rawget(L, row);
    }
    cell->start = (uint32_t)records->text->size;
    cell->number = lua_type(L, -1) == LUA_TNUMBER;
    read_value(L, records->text);
    cell->size = (uint32_t)(records->text->size - cell->start);
    lua_pop(L, 1);
}

void records_read(lua_State *L, struct records *records)
{
    size_t columns = records->columns ? records->columns : 1;
    size_t rows = records->count < records->max_rows ? records->count : records->max_rows;
    if (rows > RECORDS_CELLS / columns)
        rows = RECORDS_CELLS / columns;
    luaL_checkstack(L, LUA_MINSTACK, "a table of records");
    records->text = text_new(L);
    records->cells = lua_newuserdatauv(L, rows * columns * sizeof *records->cells + 1, 0);
    records->shown = 0;
    while (records->shown < rows && records->text->size < RECORDS_BYTES) {
        struct records_cell *cells = records->cells + records->shown * records->columns;
        interrupt_check(L);
        lua_rawgeti(L, records->rows, (lua_Integer)++records->shown);
        for (size_t i = 0; i < records->columns; i++)
            read_cell(L, records, lua_gettop(L), i, &cells[i]);
        lua_pop(L, 1);
    }
    text_check(L, records->text);
}

static void add_count(struct text *out, const char *before, size_t count, const char *what)
{
    if (count > 0)
        text_format(out, "%s%zu more %s%s", before, count, what, count == 1 ? "" : "s");
}

void records_more(const struct records *records, struct text *out)
{
    size_t rows = records->count - records->shown;
    add_count(out, "… ", rows, "row");
    add_count(out, rows ? ", " : "… ", records->hidden, "column");
}
