/* SPDX-License-Identifier: Apache-2.0
 * Module names for require: what is loaded or preloaded, and files on package.path and
 * package.cpath. Folders are read up to a bound; no file is opened. */
#include <dirent.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "complete.h"

#define TEMPLATES_MAX 64
#define FILES_MAX 5000 /* of all folders together */

struct search {
    struct completion *c;
    const char *parent; /* "a.b." of the prefix "a.b.c" */
    size_t parent_size;
    size_t files;
};

/* Pushes package[name], raw. */
static int push_package(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushliteral(L, "package");
    lua_rawget(L, -2);
    lua_remove(L, -2);
    if (lua_istable(L, -1)) {
        lua_pushstring(L, name);
        lua_rawget(L, -2);
    } else {
        lua_pushnil(L);
    }
    lua_remove(L, -2);
    return lua_type(L, -1);
}

static void add_keys(lua_State *L, struct completion *c, const char *table)
{
    if (push_package(L, table) == LUA_TTABLE)
        for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
            size_t size = 0;
            if (c->matches.visits++ >= MATCH_VISITS)
                break;
            const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &size) : "";
            if (strcmp(name, "_G") != 0)
                match_add(&c->matches, name, size, "module");
        }
    lua_settop(L, 1);
}

/* Is folder/name/rest (such as x/init.lua) a file? */
static int has_file(const char *folder, const char *name, const char *rest)
{
    char path[PATH_MAX];
    struct stat about;
    int length = snprintf(path, sizeof path, "%s%s%s", folder, name, rest);
    return length > 0 && length < (int)sizeof path && stat(path, &about) == 0 &&
           S_ISREG(about.st_mode);
}

static void add_file(struct search *search, const char *folder, const char *name, const char *rest)
{
    char module[MATCH_SIZE + 1];
    size_t size = strlen(name), ending = strlen(rest);
    if (*rest != '/') {
        if (size <= ending || strcmp(name + size - ending, rest) != 0)
            return;
        size -= ending;
        if (search->parent_size > 0 && size == 4 && memcmp(name, "init", 4) == 0)
            return; /* what the folder itself stands for */
    }
    int length = snprintf(module, sizeof module, "%.*s%.*s", (int)search->parent_size,
                          search->parent, (int)size, name);
    if (length <= 0 || length >= (int)sizeof module || memchr(name, '.', size) ||
        !match_fits(&search->c->matches, module, (size_t)length))
        return;
    if (*rest != '/' || has_file(folder, name, rest))
        match_copy(&search->c->matches, module, (size_t)length, "module");
}

/* One template, "before?rest": lists the folder in which the ? would stand. */
static void read_template(struct search *search, const char *text, size_t size)
{
    char folder[PATH_MAX], rest[NAME_MAX];
    const char *mark = memchr(text, '?', size);
    if (!mark)
        return;
    const char *behind = mark + 1;
    size_t rest_size = size - (size_t)(behind - text);
    int length = snprintf(folder, sizeof folder, "%.*s%.*s", (int)(mark - text), text,
                          (int)search->parent_size, search->parent);
    if (length < 0 || length >= (int)sizeof folder || rest_size >= sizeof rest)
        return;
    for (char *dot = folder + (mark - text); (dot = strchr(dot, '.')) != NULL;)
        *dot = '/';
    memcpy(rest, behind, rest_size);
    rest[rest_size] = '\0';
    if (length > 0 && folder[length - 1] != '/')
        return; /* "lib?.so": the name is not a whole one */
    DIR *dir = opendir(length > 0 ? folder : ".");
    const struct dirent *entry;
    while (dir && search->files++ < FILES_MAX && (entry = readdir(dir)))
        if (entry->d_name[0] != '.')
            add_file(search, folder, entry->d_name, rest);
    if (dir)
        closedir(dir);
}

static void read_path(lua_State *L, struct search *search, const char *name)
{
    if (push_package(L, name) == LUA_TSTRING) {
        const char *at = lua_tostring(L, -1);
        for (int i = 0; *at && i < TEMPLATES_MAX; i++) {
            size_t size = strcspn(at, ";");
            read_template(search, at, size);
            at += size;
            at += *at == ';';
        }
    }
    lua_settop(L, 1);
}

void complete_modules(lua_State *L, struct completion *c)
{
    struct search search = {.c = c, .parent = c->matches.prefix};
    for (size_t i = 0; i < c->matches.prefix_size; i++) {
        if (c->matches.prefix[i] == '/')
            return;
        if (c->matches.prefix[i] == '.')
            search.parent_size = i + 1;
    }
    add_keys(L, c, "loaded");
    add_keys(L, c, "preload");
    read_path(L, &search, "path");
    read_path(L, &search, "cpath");
}
