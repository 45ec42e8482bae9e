/* SPDX-License-Identifier: Apache-2.0
 * Display.png, jpeg, gif and svg: images from a string or from a file, with the size that they are
 * to be shown at. What is not such an image is refused where it is made. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "display.h"

/* ---- files ---- */

static int refuse_file(lua_State *L, const char *name, const char *path, const char *why)
{
    return luaL_error(L, "Display.%s: cannot read %s: %s", name, path, why);
}

/* Opens a file of which *ret_size bytes are to be read; raises. */
static int open_file(lua_State *L, const char *name, const char *path, size_t *ret_size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not block */
    if (fd < 0)
        return refuse_file(L, name, path, strerror(errno));
    int failed = fstat(fd, &st) != 0, error = errno;
    if (!failed && S_ISREG(st.st_mode) && st.st_size <= DISPLAY_BYTES) {
        *ret_size = (size_t)st.st_size;
        return fd;
    }
    close(fd);
    if (failed)
        return refuse_file(L, name, path, strerror(error));
    return refuse_file(L, name, path,
                       S_ISREG(st.st_mode) ? "it has more than 64 MiB" : "it is no regular file");
}

/* Bytes read, or -1; closes fd. */
static ssize_t read_all(int fd, char *buffer, size_t size)
{
    size_t used = 0;
    ssize_t n = 1;
    while (n > 0 && used < size) {
        n = read(fd, buffer + used, size - used);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            used += (size_t)n;
    }
    int error = errno;
    close(fd);
    errno = error;
    return n < 0 ? -1 : (ssize_t)used;
}

/* Pushes the content of the file. Memory comes first, so that no error leaks the descriptor. */
static void push_file(lua_State *L, const char *name, const char *path)
{
    size_t size = 0, again = 0;
    luaL_Buffer buffer;
    close(open_file(L, name, path, &size));
    char *bytes = luaL_buffinitsize(L, &buffer, size ? size : 1);
    int fd = open_file(L, name, path, &again);
    ssize_t used = read_all(fd, bytes, size);
    if (used < 0)
        refuse_file(L, name, path, strerror(errno));
    luaL_pushresultsize(&buffer, (size_t)used);
}

static void push_path(lua_State *L, const char *name)
{
    size_t size = 0;
    if (runtime_of(L)->safe)
        luaL_error(L, "Display.%s: files cannot be read with stdlib = safe; give the bytes", name);
    if (lua_getfield(L, 1, "path") != LUA_TSTRING)
        luaL_error(L, "Display.%s needs the image's bytes or {path = \"file\"}", name);
    const char *path = lua_tolstring(L, -1, &size);
    if (strlen(path) != size)
        luaL_error(L, "Display.%s: the path has a NUL byte", name);
    push_file(L, name, path);
}

/* ---- size ---- */

/* Adds the option to the table on top. */
static void add_length(lua_State *L, const char *name, int options, const char *key)
{
    int type = lua_getfield(L, options, key);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    if (type != LUA_TNUMBER || !(lua_tonumber(L, -1) > 0) || !(lua_tonumber(L, -1) < 1e6))
        luaL_error(L, "Display.%s: %s has to be a number of pixels above 0", name, key);
    lua_setfield(L, -2, key);
}

/* Sets metadata of the value on top: {[type] = {width = …, height = …}}. */
static void add_metadata(lua_State *L, const char *name, const char *type)
{
    int options = lua_istable(L, 2) ? 2 : lua_istable(L, 1) ? 1 : 0;
    if (!options)
        return;
    lua_createtable(L, 0, 1);
    lua_createtable(L, 0, 2);
    add_length(L, name, options, "width");
    add_length(L, name, options, "height");
    lua_pushnil(L);
    int has_size = lua_next(L, -2);
    lua_pop(L, has_size ? 2 : 0);
    lua_setfield(L, -2, type);
    if (has_size)
        lua_setfield(L, -2, "metadata");
    else
        lua_pop(L, 1);
}

/* ---- values ---- */

static int has_svg(const char *data, size_t size)
{
    return memmem(data, size < 65536 ? size : 65536, "<svg", 4) != NULL;
}

/* Display.png(bytes | {path = …} [, {width = …, height = …}]). Upvalue 1: the MIME type. */
static int make_image(lua_State *L)
{
    const char *type = lua_tostring(L, lua_upvalueindex(1));
    const char *name = image_name(type);
    size_t size = 0;
    lua_settop(L, 2);
    if (!lua_isnil(L, 2))
        luaL_checktype(L, 2, LUA_TTABLE);
    if (lua_istable(L, 1)) {
        push_path(L, name);
    } else {
        luaL_argexpected(L, lua_type(L, 1) == LUA_TSTRING, 1, "string or {path = …}");
        lua_pushvalue(L, 1);
    }
    int bytes = lua_gettop(L);
    const char *data = lua_tolstring(L, bytes, &size);
    if (strcmp(name, "svg") == 0 && !has_svg(data, size))
        luaL_error(L, "Display.svg: there is no <svg in it");
    mime_check(L, type, data, size);
    struct text *plain = text_new(L);
    mime_describe(type, data, size, plain);
    displaylib_push(L, type, bytes, plain);
    add_metadata(L, name, type);
    return 1;
}

void display_image_open(lua_State *L)
{
    static const char *const TYPES[] = {"image/png", "image/jpeg", "image/gif", "image/svg+xml"};
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++) {
        lua_pushstring(L, TYPES[i]);
        lua_pushcclosure(L, make_image, 1);
        lua_setfield(L, -2, image_name(TYPES[i]));
    }
}
