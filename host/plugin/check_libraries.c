/* SPDX-License-Identifier: Apache-2.0
 * The libraries that come along with a plugin: all of them, as the loader would take them. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "plugin/check.h"
#include "plugin/libraries.h"

#define JANSSON "libjansson.so."
#define LIBRARIES_MAX 256

/* GPL-only libraries that people link without knowing: a program that links them is GPL. */
static const char *const GPL[] = {
    "libreadline", "libpoppler",  "libmupdf",  "libmatheval", "libqalculate",  "libigraph",
    "libxapian",   "libgsl.",     "libctpl",   "libs3.",      "libslurm",      "libslang",
    "libavcodec",  "libavformat", "libavutil", "libfftw3",    "libimagequant", "libvips",
    "libMagick",   "libx264",     "libx265",   "libgdbm",     "libmpg123-gpl"};

struct closure {
    struct check *check;
    json_t *seen;    /* {soname: true} */
    json_t *defined; /* {symbol: true}; of all of them */
    unsigned count;
};

static void add_symbols(const struct closure *closure, const struct elf *elf)
{
    struct elf_symbol symbol;
    for (size_t i = 0; elf_symbol(elf, i, &symbol); i++)
        if (symbol.defined && symbol.binding != STB_LOCAL)
            json_object_set_new_nocheck(closure->defined, symbol.name, json_true());
}

static void judge(const struct closure *closure, const char *name, const char *by)
{
    for (size_t i = 0; i < sizeof GPL / sizeof GPL[0]; i++)
        if (strncmp(name, GPL[i], strlen(GPL[i])) == 0)
            check_find(closure->check, CHECK_WARNING,
                       "%s needs %s, which is under the GPL: in the host's process, all of it is "
                       "then under the GPL; run a program that uses it instead",
                       by, name);
    if (strncmp(name, JANSSON, strlen(JANSSON)) == 0 && strcmp(name, JANSSON "4") != 0)
        check_find(closure->check, CHECK_ERROR,
                   "%s needs %s, a second Jansson: the host has " JANSSON "4", by, name);
}

static void add_needed(struct closure *closure, const struct elf *elf, const char *path)
{
    const char *name, *slash = strrchr(path, '/'), *by = slash ? slash + 1 : path;
    for (size_t i = 0; (name = elf_needed(elf, i)); i++) {
        struct elf library;
        struct error error;
        if (json_object_get(closure->seen, name) || closure->count == LIBRARIES_MAX)
            continue;
        json_object_set_new_nocheck(closure->seen, name, json_true());
        closure->count++;
        judge(closure, name, by);
        LLMSPELL_CLEANUP_FREE char *file = library_find(name, elf, path);
        if (!file || elf_open(file, &library, &error) < 0) {
            check_find(closure->check, CHECK_ERROR,
                       "%s needs %s, which is not installed here: install its package, or link "
                       "with a -rpath that leads to it ($ORIGIN is the plugin's folder)",
                       by, name);
            continue;
        }
        add_symbols(closure, &library);
        add_needed(closure, &library, file);
        elf_close(&library);
    }
}

/* Sanitizers and coverage are in the program. */
static bool is_runtime(const char *name)
{
    static const char *const prefixes[] = {"__asan_",      "__ubsan_", "__tsan_", "__lsan_",
                                           "__sanitizer_", "__gcov_",  "__llvm_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

static void check_undefined(const struct closure *closure, const struct elf *elf)
{
    struct elf_symbol symbol;
    for (size_t i = 0; elf_symbol(elf, i, &symbol); i++)
        if (!symbol.defined && symbol.binding == STB_GLOBAL && *symbol.name &&
            !is_runtime(symbol.name) && !json_object_get(closure->defined, symbol.name))
            check_find(closure->check, CHECK_ERROR,
                       "%s cannot be loaded: undefined symbol: %s (is a library missing from its "
                       "LIBRARIES?)",
                       closure->check->path, symbol.name);
}

void check_libraries(struct check *check, const struct elf *elf)
{
    struct closure closure = {.check = check, .seen = json_object(), .defined = json_object()};
    check_begin(check, "libraries");
    add_symbols(&closure, elf);
    add_needed(&closure, elf, check->path);
    check_end(check);
    check_begin(check, "loads: symbols");
    check_undefined(&closure, elf);
    check_end(check);
    json_decref(closure.seen);
    json_decref(closure.defined);
}
