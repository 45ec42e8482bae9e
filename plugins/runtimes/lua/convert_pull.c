/* SPDX-License-Identifier: Apache-2.0
 * Lua values to Jansson values. JSON null is JSON.null (light userdata NULL) in arrays and objects.
 * Members are set in the order of their keys. A json_t under construction always hangs on a box,
 * since any call of the Lua API may leave by an error. */
#include <math.h>
#include <string.h>

#include "keys.h"
#include "state.h"
#include "text.h"

/* The way to the value that is converted. */
struct step {
    const struct step *up;
    json_t *parent;    /* container that takes the value; NULL: the box */
    const char *key;   /* in an object */
    size_t size;       /* of key */
    lua_Integer index; /* in an array, from 1; 0: in an object */
    const void *table; /* the Lua table that holds the value */
    int depth;
};

struct pull {
    lua_State *L;
    json_t **box;
    struct convert_error *error;
    json_t **functions; /* a box for the names of functions; NULL: there may be none */
    size_t count;       /* of values so far */
    size_t left;        /* bytes of memory, by and large */
};

/* What a value costs in Jansson's memory. */
#define COST_CONTAINER 192
#define COST_SCALAR 48
#define CHECK_VALUES 4096 /* between two looks for an interrupt */

static int pull_value(struct pull *pull, int index, const struct step *step);

/* ---- errors ---- */

static void append(char *buffer, size_t room, const char *text, size_t size)
{
    size_t used = strlen(buffer);
    if (size > room - 1 - used)
        size = room - 1 - used;
    memcpy(buffer + used, text, size);
    buffer[used + size] = '\0';
}

static int is_plain_name(const char *key, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((key[i] >= 'a' && key[i] <= 'z') || (key[i] >= 'A' && key[i] <= 'Z') ||
              key[i] == '_' || (i > 0 && key[i] >= '0' && key[i] <= '9')))
            return 0;
    return size > 0;
}

/* ".x.y[3]" as Lua writes it. */
static void append_path(char *buffer, size_t room, const struct step *step)
{
    char number[32];
    if (step->up)
        append_path(buffer, room, step->up);
    if (!step->table)
        return;
    if (step->index > 0) {
        snprintf(number, sizeof number, "[%lld]", (long long)step->index);
        append(buffer, room, number, strlen(number));
    } else if (is_plain_name(step->key, step->size)) {
        append(buffer, room, ".", 1);
        append(buffer, room, step->key, step->size);
    } else {
        append(buffer, room, "[\"", 2);
        append(buffer, room, step->key, step->size);
        append(buffer, room, "\"]", 2);
    }
}

/* "/x/y/2" as RFC 6901 writes it. */
static void append_pointer(char *buffer, size_t room, const struct step *step)
{
    char number[32];
    if (step->up)
        append_pointer(buffer, room, step->up);
    if (!step->table)
        return;
    append(buffer, room, "/", 1);
    if (step->index > 0) {
        snprintf(number, sizeof number, "%lld", (long long)step->index - 1);
        append(buffer, room, number, strlen(number));
    }
    for (size_t i = 0; step->index == 0 && i < step->size; i++) {
        char c = step->key[i];
        append(buffer, room, c == '~' ? "~0" : c == '/' ? "~1" : &c, c == '~' || c == '/' ? 2 : 1);
    }
}

static int refuse(struct pull *pull, const struct step *step, const char *what)
{
    struct convert_error *error = pull->error;
    snprintf(error->message, sizeof error->message, "cannot convert %s", what);
    error->pointer[0] = '\0';
    if (step->table) {
        append(error->message, sizeof error->message, " at ", 4);
        append_path(error->message, sizeof error->message, step);
        append_pointer(error->pointer, sizeof error->pointer, step);
    }
    return -1;
}

/* ---- Lua to Jansson ---- */

/* Hands a new value to its container; takes it over. */
static int attach(struct pull *pull, const struct step *step, json_t *value)
{
    int failed = !value;
    if (value && !step->parent)
        *pull->box = value;
    else if (value && step->index > 0)
        failed = json_array_append_new(step->parent, value);
    else if (value)
        failed = json_object_setn_new_nocheck(step->parent, step->key, step->size, value);
    return failed ? refuse(pull, step, "the value (out of memory)") : 0;
}

static int is_utf8(const char *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        size_t length = text_character(text + i, size - i);
        if (length == 0)
            return 0;
        i += length;
    }
    return 1;
}

static int pull_string(struct pull *pull, int index, const struct step *step)
{
    size_t size = 0;
    const char *text = lua_tolstring(pull->L, index, &size);
    if (!is_utf8(text, size))
        return refuse(pull, step, "a string that is not valid UTF-8 (encode binary data first)");
    return attach(pull, step, json_stringn_nocheck(text, size));
}

static int pull_number(struct pull *pull, int index, const struct step *step)
{
    if (lua_isinteger(pull->L, index))
        return attach(pull, step, json_integer(lua_tointeger(pull->L, index)));
    lua_Number number = lua_tonumber(pull->L, index);
    if (!isfinite(number))
        return refuse(pull, step, isnan(number) ? "NaN" : "an infinite number");
    return attach(pull, step, json_real(number));
}

struct shape {
    int marked_array, marked_object;
    size_t strings, integers, others;
    int other_type;
    lua_Integer least, greatest; /* integer key */
};

static void look_at_mark(lua_State *L, int index, struct shape *shape)
{
    int top = lua_gettop(L);
    if (luaL_getmetafield(L, index, "__jsontype") == LUA_TSTRING) {
        const char *mark = lua_tostring(L, -1);
        shape->marked_array = strcmp(mark, "array") == 0;
        shape->marked_object = strcmp(mark, "object") == 0;
    }
    lua_settop(L, top);
}

static void look_at_keys(lua_State *L, int index, struct shape *shape)
{
    for (lua_pushnil(L); lua_next(L, index);) {
        lua_pop(L, 1);
        if (lua_type(L, -1) == LUA_TSTRING) {
            shape->strings++;
        } else if (lua_isinteger(L, -1)) {
            lua_Integer key = lua_tointeger(L, -1);
            if (shape->integers == 0 || key < shape->least)
                shape->least = key;
            if (shape->integers == 0 || key > shape->greatest)
                shape->greatest = key;
            shape->integers++;
        } else {
            shape->others++;
            shape->other_type = lua_type(L, -1);
        }
    }
}

static int check_shape(struct pull *pull, const struct shape *shape, const struct step *step)
{
    char what[128];
    if (shape->others > 0) {
        snprintf(what, sizeof what, "a table with a key of type %s",
                 shape->other_type == LUA_TNUMBER ? "float"
                                                  : lua_typename(pull->L, shape->other_type));
        return refuse(pull, step, what);
    }
    if (shape->marked_object)
        return 0;
    if (shape->strings > 0 && (shape->integers > 0 || shape->marked_array))
        return refuse(pull, step, "a table with both list and named entries");
    if (shape->integers > 0 && (shape->least != 1 || (size_t)shape->greatest != shape->integers))
        return refuse(pull, step, "a list with gaps (put JSON.null there, or use strings as keys)");
    return 0;
}

static int pull_array(struct pull *pull, int index, const struct step *step, json_t *array,
                      size_t count)
{
    struct step next = {.up = step,
                        .parent = array,
                        .table = lua_topointer(pull->L, index),
                        .depth = step->depth + 1};
    int code = 0;
    for (size_t i = 1; code == 0 && i <= count; i++) {
        next.index = (lua_Integer)i;
        lua_rawgeti(pull->L, index, next.index);
        code = pull_value(pull, lua_gettop(pull->L), &next);
        lua_pop(pull->L, 1);
    }
    return code;
}

static int check_key(struct pull *pull, const struct step *step)
{
    if (memchr(step->key, '\0', step->size))
        return refuse(pull, step->up, "a table with a NUL byte in a key");
    if (!is_utf8(step->key, step->size))
        return refuse(pull, step->up, "a table with a key that is not valid UTF-8");
    return 0;
}

static int pull_object(struct pull *pull, int index, const struct step *step, json_t *object)
{
    lua_State *L = pull->L;
    size_t count = 0, total = 0;
    struct key *keys = keys_sorted(L, index, 0, SIZE_MAX, &count, &total);
    int anchor = lua_gettop(L) - 1, code = 0;
    struct step next = {
        .up = step, .parent = object, .table = lua_topointer(L, index), .depth = step->depth + 1};
    for (size_t i = 0; code == 0 && i < count; i++) {
        lua_rawgeti(L, anchor, keys[i].anchor); /* the key; an integer becomes text on the stack */
        lua_pushvalue(L, -1);
        next.key = lua_tolstring(L, -2, &next.size);
        lua_rawget(L, index);
        code = check_key(pull, &next);
        if (code == 0 && !lua_isnil(L, -1))
            code = pull_value(pull, lua_gettop(L), &next);
        lua_pop(L, 2);
    }
    lua_pop(L, 2);
    return code;
}

static int pull_table(struct pull *pull, int index, const struct step *step)
{
    lua_State *L = pull->L;
    struct shape shape = {0};
    const void *self = lua_topointer(L, index);
    for (const struct step *s = step; s; s = s->up)
        if (s->table == self)
            return refuse(pull, step, "a table that contains itself");
    if (step->depth >= RUNTIME_DEPTH_MAX)
        return refuse(pull, step, "tables nested more than 1000 deep");
    if (!lua_checkstack(L, LUA_MINSTACK))
        return refuse(pull, step, "a table nested so deeply");
    look_at_mark(L, index, &shape);
    look_at_keys(L, index, &shape);
    if (check_shape(pull, &shape, step) < 0)
        return -1;
    int is_array = !shape.marked_object && (shape.marked_array || shape.integers > 0);
    json_t *value = is_array ? json_array() : json_object();
    if (attach(pull, step, value) < 0)
        return -1;
    return is_array ? pull_array(pull, index, step, value, shape.integers)
                    : pull_object(pull, index, step, value);
}

/* In the outermost table: its caller knows it by its name. */
static int pull_function(struct pull *pull, const struct step *step)
{
    char text[256];
    if (!pull->functions || step->depth != 1 || step->index > 0)
        return refuse(pull, step, "a function");
    if (snprintf(text, sizeof text, "function:%s", step->key) >= (int)sizeof text)
        return refuse(pull, step, "a function (its name is too long)");
    if (!*pull->functions)
        *pull->functions = json_array();
    json_array_append_new(*pull->functions, json_string(step->key));
    return attach(pull, step, json_string(text));
}

/* A table that holds another one twice, which does so, too, … is endless without being a cycle. */
static int pull_cost(struct pull *pull, int index, const struct step *step)
{
    int type = lua_type(pull->L, index);
    size_t cost = type == LUA_TTABLE    ? COST_CONTAINER
                  : type == LUA_TSTRING ? COST_SCALAR + lua_rawlen(pull->L, index)
                                        : COST_SCALAR;
    if (++pull->count % CHECK_VALUES == 0)
        interrupt_check(pull->L);
    if (cost > pull->left)
        return refuse(pull, step, "so large a value");
    pull->left -= cost;
    return 0;
}

static int pull_value(struct pull *pull, int index, const struct step *step)
{
    char what[64];
    interrupt_look(pull->L);
    if (pull_cost(pull, index, step) < 0)
        return -1;
    switch (lua_type(pull->L, index)) {
    case LUA_TNIL:
        return attach(pull, step, json_null());
    case LUA_TBOOLEAN:
        return attach(pull, step, json_boolean(lua_toboolean(pull->L, index)));
    case LUA_TNUMBER:
        return pull_number(pull, index, step);
    case LUA_TSTRING:
        return pull_string(pull, index, step);
    case LUA_TTABLE:
        return pull_table(pull, index, step);
    case LUA_TFUNCTION:
        return pull_function(pull, step);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(pull->L, index))
            return attach(pull, step, json_null());
        break;
    default:
        break;
    }
    snprintf(what, sizeof what, "a %s", luaL_typename(pull->L, index));
    return refuse(pull, step, what);
}

int convert_pull_within(lua_State *L, int index, json_t **box, size_t bytes,
                        struct convert_error *ret_error)
{
    struct pull pull = {.L = L, .box = box, .error = ret_error, .left = bytes};
    struct step root = {0};
    int code = pull_value(&pull, lua_absindex(L, index), &root);
    if (code < 0) { /* now: the collector does not know how large it is */
        json_decref(*box);
        *box = NULL;
    }
    return code;
}

int convert_pull(lua_State *L, int index, json_t **box, struct convert_error *ret_error)
{
    return convert_pull_within(L, index, box, SIZE_MAX, ret_error);
}

int convert_pull_params(lua_State *L, int index, json_t **box, json_t **functions,
                        struct convert_error *ret_error)
{
    struct pull pull = {
        .L = L, .box = box, .error = ret_error, .functions = functions, .left = SIZE_MAX};
    struct step root = {0};
    return pull_value(&pull, lua_absindex(L, index), &root);
}
