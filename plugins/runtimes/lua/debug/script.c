/* SPDX-License-Identifier: Apache-2.0
 * What code was compiled from, as clients see it: files by their absolute path, cells by the path
 * that JupyterLab expects (or by a reference), other texts by a reference. Lua knows all of them by
 * chunk names, several of which may belong to one script: a cell that is run twice. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../source.h"
#include "debug.h"

#define TEXTS_MAX 500 /* scripts without a file that are kept */

int script_is_internal(const char *chunk)
{
    return strcmp(chunk, "=[C]") == 0 || strcmp(chunk, "=[widget]") == 0 ||
           strcmp(chunk, "=" DEBUG_NAME) == 0;
}

/* ---- names ---- */

/* Without "//", "/./" and "/../"; malloc'ed. */
char *script_normalize(const char *path)
{
    char cwd[PATH_MAX] = "";
    if (*path != '/' && !getcwd(cwd, sizeof cwd))
        return NULL;
    char *out = malloc(strlen(cwd) + strlen(path) + 3);
    size_t used = 0;
    if (!out)
        return NULL;
    for (int part = *path == '/'; part < 2; part++) {
        const char *at = part == 0 ? cwd : path;
        while (*at) {
            size_t length = strcspn(at, "/");
            if (length == 2 && at[0] == '.' && at[1] == '.') {
                while (used > 0 && out[--used] != '/')
                    continue;
            } else if (length > 0 && !(length == 1 && *at == '.')) {
                out[used++] = '/';
                memcpy(out + used, at, length);
                used += length;
            }
            at += length + strspn(at + length, "/");
        }
    }
    if (used == 0)
        out[used++] = '/';
    out[used] = '\0';
    return out;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* MurmurHash2, 32 bits, as JupyterLab computes it. */
static uint32_t hash_text(const char *text, size_t size, uint32_t seed)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = seed ^ (uint32_t)size;
    for (; size >= 4; text += 4, size -= 4) {
        uint32_t k;
        memcpy(&k, text, 4);
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = (h * m) ^ k;
    }
    if (size > 2)
        h ^= (uint32_t)(unsigned char)text[2] << 16;
    if (size > 1)
        h ^= (uint32_t)(unsigned char)text[1] << 8;
    if (size > 0)
        h = (h ^ (unsigned char)text[0]) * m;
    h = (h ^ h >> 13) * m;
    return h ^ h >> 15;
}

char *script_cell_path(const struct debug *debug, struct code code)
{
    const struct debug_options *options = &debug->options;
    char *path = NULL;
    if (!options->has_cells ||
        asprintf(&path, "%s%u%s", options->prefix, hash_text(code.text, code.size, options->seed),
                 options->suffix) < 0)
        return NULL;
    return path;
}

/* ---- scripts ---- */

static struct script *add(struct debug *debug, const char *name)
{
    struct script *script = debug->script_count < DEBUG_SCRIPTS ? calloc(1, sizeof *script) : NULL;
    if (!script || !(script->name = strdup(name))) {
        free(script);
        return NULL;
    }
    script->next = debug->scripts;
    debug->scripts = script;
    debug->script_count++;
    return script;
}

static void free_functions(struct script *script)
{
    for (size_t i = 0; i < script->function_count; i++)
        free(script->functions[i].name);
    free(script->functions);
    script->functions = NULL;
    script->function_count = 0;
    script->has_functions = 0;
}

static void free_script(struct script *script)
{
    breakpoint_clear(&script->lines);
    free_functions(script);
    free(script->marks);
    free(script->text);
    free(script->real);
    free(script->path);
    free(script->name);
    free(script);
}

static void set_text(struct script *script, struct code code)
{
    free(script->text);
    free_functions(script);
    script->text = malloc(code.size + 1);
    script->size = 0;
    if (!script->text)
        return;
    if (code.size)
        memcpy(script->text, code.text, code.size);
    script->text[code.size] = '\0';
    script->size = code.size;
}

struct script *script_at(struct debug *debug, const char *path)
{
    LLMSPELL_CLEANUP_FREE char *normal = script_normalize(path);
    LLMSPELL_CLEANUP_FREE char *real = normal ? realpath(normal, NULL) : NULL;
    for (struct script *script = debug->scripts; normal && script; script = script->next) {
        if (!script->path)
            continue;
        if (strcmp(script->path, normal) == 0)
            return script;
        if (real && !script->real)
            script->real = realpath(script->path, NULL); /* it may have come since */
        if (real && script->real && strcmp(script->real, real) == 0)
            return script;
    }
    struct script *script = normal ? add(debug, base_name(normal)) : NULL;
    if (!script)
        return NULL;
    script->path = normal;
    script->real = real;
    normal = real = NULL;
    return script;
}

struct script *script_of_reference(struct debug *debug, json_int_t reference)
{
    struct script *script = debug->scripts;
    while (script && (script->reference != reference || reference == 0))
        script = script->next;
    return script;
}

struct script *script_of_source(struct debug *debug, const json_t *source)
{
    json_int_t reference = llmspell_integer(source, "sourceReference", 0);
    const char *path = llmspell_string(source, "path");
    if (reference > 0)
        return script_of_reference(debug, reference);
    if (!path || *path != '/')
        return NULL;
    struct script *script = script_at(debug, path);
    if (script && strcmp(script->path, path) != 0) { /* the client's own spelling */
        char *own = strdup(path);
        if (own) {
            free(script->path);
            script->path = own;
        }
    }
    return script;
}

json_t *script_source(const struct script *script)
{
    json_t *name = text_json(script->name, strlen(script->name));
    if (script->path)
        return json_pack("{s:o, s:o}", "name", name, "path",
                         text_json(script->path, strlen(script->path)));
    return json_pack("{s:o, s:i}", "name", name, "sourceReference", script->reference);
}

int script_text(const struct script *script, struct code *ret_code, char **ret_own)
{
    *ret_own = NULL;
    *ret_code = (struct code){script->text, script->size};
    if (!script->text && script->path)
        ret_code->text = *ret_own = source_read(script->path, &ret_code->size);
    return ret_code->text != NULL;
}

/* ---- chunks ---- */

static struct chunk **bucket_of(struct debug *debug, const char *name)
{
    size_t size = strlen(name); /* a name may be a long text */
    return &debug->chunks[hash_text(name, size < 256 ? size : 256, (uint32_t)size) % DEBUG_CHUNKS];
}

static struct chunk *find_chunk(struct debug *debug, const char *name)
{
    struct chunk *chunk = *bucket_of(debug, name);
    while (chunk && strcmp(chunk->name, name) != 0)
        chunk = chunk->next;
    return chunk;
}

static void set_chunk(struct debug *debug, const char *name, struct script *script)
{
    struct chunk *chunk = find_chunk(debug, name);
    if (!chunk && script && (chunk = malloc(sizeof *chunk + strlen(name) + 1))) {
        struct chunk **bucket = bucket_of(debug, name);
        memcpy(chunk->name, name, strlen(name) + 1);
        chunk->next = *bucket;
        *bucket = chunk;
    }
    if (chunk)
        chunk->script = script;
}

/* "In [3]" of "=In [3]"; the first line of a text, as Lua's messages name it. */
static void show_name(const char *chunk, char *name, size_t room)
{
    if (*chunk == '=' || *chunk == '@')
        snprintf(name, room, "%s", chunk + 1);
    else
        snprintf(name, room, "[string \"%.*s%s\"]", (int)(strcspn(chunk, "\n") % 40), chunk,
                 strcspn(chunk, "\n") < strlen(chunk) ? "..." : "");
}

/* A script without a file. The number of those that nobody has a breakpoint in is bounded. */
static struct script *add_text(struct debug *debug, const char *chunk, struct code code)
{
    char name[256];
    if (debug->next_reference >= TEXTS_MAX && !code.text)
        return NULL;
    show_name(chunk, name, sizeof name);
    struct script *script = add(debug, name);
    if (!script)
        return NULL;
    script->reference = ++debug->next_reference;
    if (code.text)
        set_text(script, code);
    return script;
}

static struct code text_of_chunk(struct debug *debug, const char *chunk)
{
    if (*chunk == '=')
        return source_cell(debug->rt, chunk);
    return (struct code){chunk, strlen(chunk)};
}

struct script *script_find(struct debug *debug, const char *name)
{
    struct chunk *chunk = find_chunk(debug, name);
    if (chunk || *name != '@')
        return chunk ? chunk->script : NULL;
    struct script *script = script_at(debug, name + 1);
    set_chunk(debug, name, script);
    return script;
}

struct script *script_of_chunk(struct debug *debug, const char *name)
{
    struct script *script = script_find(debug, name);
    if (script || *name == '@')
        return script;
    script = add_text(debug, name, text_of_chunk(debug, name));
    set_chunk(debug, name, script);
    if (script)
        script->is_loaded = 1;
    return script;
}

void script_loaded(struct debug *debug, struct script *script)
{
    if (script->is_loaded)
        return;
    script->is_loaded = 1;
    breakpoint_resolve(debug, script);
    if (debug->rt->call)
        debug_emit(debug, "loadedSource",
                   json_pack("{s:s, s:o}", "reason", "new", "source", script_source(script)));
}

/* A cell by its text: under the path that JupyterLab knows it by, else under a number. */
struct script *script_note_cell(struct debug *debug, const char *chunk, struct code code)
{
    LLMSPELL_CLEANUP_FREE char *path = script_cell_path(debug, code);
    struct script *script = path ? script_at(debug, path) : add_text(debug, chunk, code);
    if (script && path && !script->text)
        set_text(script, code);
    if (script)
        script->is_cell = 1;
    if (chunk)
        set_chunk(debug, chunk, script);
    return script;
}

void script_note(struct debug *debug, const char *name, struct code text)
{
    struct script *script = script_find(debug, name);
    if (*name == '@') {
        if (script && text.text && !script->text && access(script->path, R_OK) != 0)
            set_text(script, text); /* load(text, "@name"), and there is no such file */
    } else if (!script && text.text && debug->next_reference < TEXTS_MAX) {
        script = add_text(debug, name, text);
        set_chunk(debug, name, script);
    }
    if (script)
        script_loaded(debug, script);
}

static int is_same(const struct script *script, struct code code)
{
    return script->text && script->size == code.size &&
           memcmp(script->text, code.text, code.size) == 0;
}

void trace_cell(struct runtime *rt, char *name, size_t room, struct code code)
{
    struct debug *debug = rt->debug;
    struct script *script = NULL;
    if (*name == '@')
        return; /* trace_loaded comes */
    size_t length = strlen(name);
    for (int i = 2; i < 1000; i++) { /* executions that are not counted have a number twice */
        struct chunk *chunk = find_chunk(debug, name);
        script = chunk ? chunk->script : NULL;
        if (!script || is_same(script, code))
            break;
        snprintf(name + length, room - length, " (%d)", i);
    }
    if (!script)
        script = script_note_cell(debug, name, code);
    if (script)
        script_loaded(debug, script);
}

void trace_loaded(lua_State *L, int index, struct code text)
{
    lua_Debug about;
    lua_pushvalue(L, index);
    lua_getinfo(L, ">S", &about);
    if (*about.what != 'C' && !script_is_internal(about.source))
        script_note(runtime_of(L)->debug, about.source, text);
}

/* Cells that were run before, under the names that they have now. */
void script_options_changed(struct debug *debug)
{
    const struct sources *sources = debug->rt->sources;
    for (size_t i = 0; sources && i < SOURCE_CELLS; i++) {
        const struct source_cell *cell = &sources->cells[i];
        if (!cell->name)
            continue;
        struct script *script =
            script_note_cell(debug, cell->name, (struct code){cell->text, cell->size});
        if (script)
            script->is_loaded = 1;
    }
}

void script_clear(struct debug *debug)
{
    for (size_t i = 0; i < DEBUG_CHUNKS; i++)
        for (struct chunk *next, *chunk = debug->chunks[i]; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    memset(debug->chunks, 0, sizeof debug->chunks);
    for (struct script *next; debug->scripts; debug->scripts = next) {
        next = debug->scripts->next;
        free_script(debug->scripts);
    }
    debug->script_count = 0;
}
