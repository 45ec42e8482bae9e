/* SPDX-License-Identifier: Apache-2.0
 * MIME types and the form that their values have on the wire: JSON types are JSON values, images
 * and the like base64, all else text. Called by bundle.c and displaylib.c. */
#include <stdlib.h>
#include <string.h>

#include "display.h"

static int is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z') ||
              (text[i] >= '0' && text[i] <= '9') || (text[i] && strchr("!#$&-^_.+", text[i]))))
            return 0;
    return size > 0;
}

static int is_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int is_suffix(const char *text, const char *suffix)
{
    size_t size = strlen(text), length = strlen(suffix);
    return size > length && strcmp(text + size - length, suffix) == 0;
}

/* A top level name is asked for, too, so that {["a/b"] = 1} stays a table like any other. */
int mime_is_type(const char *type, size_t size)
{
    static const char *const TOP[] = {"text/",    "image/", "application/", "audio/", "video/",
                                      "message/", "font/",  "multipart/",   "model/", "chemical/"};
    const char *slash = memchr(type, '/', size);
    if (!slash || size >= DISPLAY_TYPE_MAX || !is_token(type, (size_t)(slash - type)) ||
        !is_token(slash + 1, size - (size_t)(slash - type) - 1))
        return 0;
    for (size_t i = 0; i < sizeof TOP / sizeof *TOP; i++)
        if (is_prefix(type, TOP[i]))
            return 1;
    return is_prefix(type, "x-");
}

enum mime_kind mime_kind(const char *type)
{
    if (strcmp(type, "application/json") == 0 || is_suffix(type, "+json"))
        return MIME_JSON;
    if (is_prefix(type, "text/") || is_suffix(type, "+xml"))
        return MIME_TEXT;
    if (is_prefix(type, "image/") || is_prefix(type, "audio/") || is_prefix(type, "video/") ||
        is_prefix(type, "font/") || strcmp(type, "application/pdf") == 0 ||
        strcmp(type, "application/octet-stream") == 0)
        return MIME_BINARY;
    return MIME_OTHER;
}

/* ---- values ---- */

static json_t *base64(const char *data, size_t size)
{
    static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)data;
    char *text = malloc((size + 2) / 3 * 4 + 1), *out = text;
    if (!text)
        return NULL;
    for (; size >= 3; size -= 3, in += 3) {
        *out++ = DIGITS[in[0] >> 2];
        *out++ = DIGITS[(in[0] & 3) << 4 | in[1] >> 4];
        *out++ = DIGITS[(in[1] & 15) << 2 | in[2] >> 6];
        *out++ = DIGITS[in[2] & 63];
    }
    if (size > 0) {
        unsigned second = size > 1 ? in[1] : 0;
        *out++ = DIGITS[in[0] >> 2];
        *out++ = DIGITS[(in[0] & 3) << 4 | second >> 4];
        *out++ = size > 1 ? DIGITS[(second & 15) << 2] : '=';
        *out++ = '=';
    }
    json_t *string = json_stringn_nocheck(text, (size_t)(out - text));
    free(text);
    return string;
}

static void attach(lua_State *L, json_t *data, const char *type, json_t *value)
{
    if (!value || json_object_set_new_nocheck(data, type, value) < 0)
        luaL_error(L, "not enough memory for %s", type);
}

static void spend(lua_State *L, const char *type, size_t size, size_t *left)
{
    if (size > *left)
        luaL_error(L, "%s makes the display too large: at most %d MiB can be shown at once", type,
                   DISPLAY_BYTES >> 20);
    *left -= size;
}

/* A string may hold the JSON text of an object or array; NULL if it does not. */
static json_t *parse_container(lua_State *L, int index)
{
    size_t size = 0;
    if (lua_type(L, index) != LUA_TSTRING)
        return NULL;
    const char *text = lua_tolstring(L, index, &size);
    return size > 0 && strchr("{[ \t\r\n", *text) ? json_loadb(text, size, JSON_ALLOW_NUL, NULL)
                                                  : NULL;
}

static void set_json(lua_State *L, json_t *data, const char *type, int index, size_t *left)
{
    struct convert_error error;
    if (lua_type(L, index) == LUA_TSTRING)
        spend(L, type, lua_rawlen(L, index), left);
    json_t **box = convert_box(L);
    *box = parse_container(L, index);
    if (!*box && convert_pull_within(L, index, box, DISPLAY_JSON, &error) < 0)
        luaL_error(L, "%s: %s", type, error.message);
    json_t *value = *box;
    *box = NULL;
    size_t size = lua_istable(L, index) ? json_dumpb(value, NULL, 0, JSON_ENCODE_ANY) : 0;
    if (size > *left)
        json_decref(value); /* spend raises */
    spend(L, type, size, left);
    attach(L, data, type, value);
    lua_pop(L, 1);
}

/* The first bytes of what is not the image that it was said to be. */
static void refuse_image(lua_State *L, const char *type, const char *data, size_t size)
{
    struct text *start = text_new(L);
    lua_pushlstring(L, data, size < 8 ? size : 8);
    show_plain(L, -1, start);
    luaL_error(L, "%s: the %d bytes are no %s image (they begin with %s)", type, (int)size,
               image_name(type), start->data);
}

void mime_check(lua_State *L, const char *type, const char *data, size_t size)
{
    struct image image;
    if (mime_kind(type) == MIME_BINARY && image_name(type) && !image_is_base64(type, data, size) &&
        image_look(type, data, size, &image) < 0)
        refuse_image(L, type, data, size);
}

static void set_binary(lua_State *L, json_t *data, const char *type, int index)
{
    size_t size = 0;
    const char *bytes = lua_tolstring(L, index, &size);
    mime_check(L, type, bytes, size);
    if (image_is_base64(type, bytes, size)) {
        attach(L, data, type, json_stringn_nocheck(bytes, size));
        return;
    }
    attach(L, data, type, base64(bytes, size));
}

void mime_set(lua_State *L, json_t *data, const char *type, int index, size_t *left)
{
    enum mime_kind kind = mime_kind(type);
    size_t size = 0;
    index = lua_absindex(L, index);
    if (kind == MIME_JSON) {
        set_json(L, data, type, index, left);
        return;
    }
    if (!lua_isstring(L, index))
        luaL_error(L, "%s has to be a string, not a %s", type, luaL_typename(L, index));
    const char *text = lua_tolstring(L, index, &size);
    spend(L, type, size, left);
    if (kind == MIME_BINARY || (kind == MIME_OTHER && !text_is_utf8(text, size)))
        set_binary(L, data, type, index);
    else
        attach(L, data, type, text_json(text, size));
}

/* ---- descriptions ---- */

static void describe_size(size_t size, struct text *out)
{
    if (size < 1024)
        text_format(out, "%zu bytes", size);
    else if (size < 1048576)
        text_format(out, "%.1f KiB", (double)size / 1024);
    else
        text_format(out, "%.1f MiB", (double)size / 1048576);
}

/* "html" of text/html. */
static void describe_type(const char *type, struct text *out)
{
    const char *name = image_name(type);
    const char *slash = strchr(type, '/');
    text_puts(out, name ? name : is_prefix(type, "text/") && slash ? slash + 1 : type);
}

void mime_describe(const char *type, const char *value, size_t size, struct text *out)
{
    struct image image = {0};
    int is_image = image_look(type, value, size, &image) == 0;
    int is_source = (is_prefix(type, "text/") || mime_kind(type) == MIME_JSON) &&
                    (size <= DISPLAY_SOURCE || strcmp(type, "text/markdown") == 0);
    if (is_source) {
        text_add(out, value, size);
        return;
    }
    text_puts(out, "<");
    describe_type(type, out);
    if (is_image && image.width && image.height)
        text_format(out, " %u×%u", image.width, image.height);
    text_puts(out, ", ");
    describe_size(size, out);
    text_puts(out, ">");
}
