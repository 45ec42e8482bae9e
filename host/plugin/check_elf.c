/* SPDX-License-Identifier: Apache-2.0
 * The entry, the symbols and the linker's flags of a plugin, read from its file. */
#include <elf.h>
#include <string.h>

#include <llmspell/plugin.h>

#include "plugin/check.h"
#include "plugin/entry.h"

/* Functions that change what belongs to the whole process, or end it. */
static const struct {
    const char *name, *reason;
} IMPORTS[] = {
    {"system",
     "it runs a shell: use posix_spawn() with a list of arguments, and the capability exec"},
    {"popen",
     "it runs a shell: use posix_spawn() with a list of arguments, and the capability exec"},
    {"fork", "copies a process with threads, whose locks stay locked: use posix_spawn()"},
    {"vfork", "stops the host meanwhile: use posix_spawn()"},
    {"daemon", "forks and leaves the host"},
    {"exit", "ends the host: return an error"},
    {"_exit", "ends the host: return an error"},
    {"_Exit", "ends the host: return an error"},
    {"quick_exit", "ends the host: return an error"},
    {"signal", "signals are the host's: a handler of yours replaces its"},
    {"sigaction", "signals are the host's: a handler of yours replaces its"},
    {"sigprocmask", "is not for processes with threads: use pthread_sigmask(), and undo it"},
    {"alarm", "its signal goes to the host: give poll() a time-out"},
    {"setitimer", "its signal goes to the host: give poll() a time-out"},
    {"setlocale", "changes the locale of all threads: use newlocale() and functions with _l"},
    {"chdir", "changes the folder of all threads: use openat() with a descriptor"},
    {"fchdir", "changes the folder of all threads: use openat() with a descriptor"},
    {"chroot", "changes the root of all threads"},
    {"umask", "changes the mask of all threads: use fchmod()"},
    {"setenv", "other threads read the environment meanwhile: hand values on by posix_spawn()"},
    {"unsetenv", "other threads read the environment meanwhile: hand values on by posix_spawn()"},
    {"putenv", "other threads read the environment meanwhile: hand values on by posix_spawn()"},
    {"clearenv", "other threads read the environment meanwhile: hand values on by posix_spawn()"},
    {"srand", "reseeds the random numbers of all: use getrandom() or a generator of your own"},
    {"strtok", "keeps its place for all threads: use strtok_r()"},
    {"localtime", "returns a buffer that all threads share: use localtime_r()"},
    {"gmtime", "returns a buffer that all threads share: use gmtime_r()"},
    {"tmpnam", "another process may take the name first: use mkstemp()"},
    {"mktemp", "another process may take the name first: use mkstemp()"},
    {"gets", "writes beyond its buffer: use getline()"},
    {"json_object_seed", "the host has seeded Jansson's hash"},
    {"json_set_alloc_funcs", "the host and all plugins share Jansson's allocator"},
};

static const char *reason_of(const char *name)
{
    for (size_t i = 0; i < sizeof IMPORTS / sizeof IMPORTS[0]; i++)
        if (strcmp(IMPORTS[i].name, name) == 0)
            return IMPORTS[i].reason;
    return NULL;
}

/* ---- the entry ---- */

static bool find_symbol(const struct elf *elf, const char *name, struct elf_symbol *ret_symbol)
{
    for (size_t i = 0; elf_symbol(elf, i, ret_symbol); i++)
        if (ret_symbol->defined && strcmp(ret_symbol->name, name) == 0)
            return true;
    return false;
}

/* A word of a table that holds a function: filled by a relocation, or in place (DT_RELR). */
static bool is_filled(const struct elf *elf, uint64_t address)
{
    const char *symbol;
    uint64_t value = 0;
    return elf_relocation(elf, address, &symbol) ||
           (elf_read(elf, address, &value, sizeof value) && value != 0);
}

static void check_table(struct check *check, const struct elf *elf,
                        const struct manifest_head *head, const struct elf_symbol *entry)
{
    const char *symbol = PLUGIN_ENTRIES[head->kind].symbol, *identity = "";
    struct {
        uint32_t size;
        uint16_t major, minor;
    } table;
    if (!elf_read(elf, entry->value, &table, sizeof table)) {
        check_find(check, CHECK_ERROR, "%s: %s is no constant table", check->path, symbol);
        return;
    }
    if (table.major != LLMSPELL_ABI_MAJOR || table.minor > LLMSPELL_ABI_MINOR)
        check_find(check, CHECK_ERROR,
                   "%s: %s says ABI %u.%u, but its manifest %d.%d and this host %d.%d: build it "
                   "again with this llmspell's SDK",
                   check->path, symbol, table.major, table.minor, head->abi_major, head->abi_minor,
                   LLMSPELL_ABI_MAJOR, LLMSPELL_ABI_MINOR);
    else if (table.size < PLUGIN_ENTRIES[head->kind].size)
        check_find(check, CHECK_ERROR,
                   "%s: %s has %u bytes, at least %u are needed: build it again with this "
                   "llmspell's SDK",
                   check->path, symbol, table.size, PLUGIN_ENTRIES[head->kind].size);
    else if (!elf_relocation(elf, entry->value + 8, &identity) ||
             strcmp(identity, "json_object_get") != 0)
        check_find(check, CHECK_ERROR,
                   "%s brings a second copy of Jansson, whose objects look empty here: link it "
                   "with the shared libjansson.so",
                   check->path);
    else
        for (size_t i = 0; i < 8 && PLUGIN_ENTRIES[head->kind].required[i]; i++)
            if (!is_filled(elf, entry->value + PLUGIN_ENTRIES[head->kind].required[i]))
                check_find(check, CHECK_ERROR,
                           "%s: a required function of %s is NULL (offset %zu): see llmspell/%s.h",
                           check->path, symbol, PLUGIN_ENTRIES[head->kind].required[i],
                           plugin_kind_name(head->kind));
}

/* A tool made of a C function alone has no entry; its manifest names what it exports. */
static const char *native_symbol(const struct check *check)
{
    const json_t *native = json_object_get(check->manifest, "native");
    const json_t *library = json_object_get(native, "library");
    return native && (!library || json_is_null(library)) ? llmspell_string(native, "symbol") : NULL;
}

static void check_entry(struct check *check, const struct elf *elf,
                        const struct manifest_head *head)
{
    struct elf_symbol entry;
    const char *native = native_symbol(check);
    check_begin(check, "loads: entry");
    if (native && !find_symbol(elf, native, &entry))
        check_find(check, CHECK_ERROR,
                   "%s does not export %s, which its manifest names in \"native\": put "
                   "LLMSPELL_EXPORT before it",
                   check->path, native);
    else if (!native && !find_symbol(elf, PLUGIN_ENTRIES[head->kind].symbol, &entry))
        check_find(check, CHECK_ERROR,
                   "%s does not export %s: does its source end with the LLMSPELL_… macro?",
                   check->path, PLUGIN_ENTRIES[head->kind].symbol);
    else if (!native)
        check_table(check, elf, head, &entry);
    check_end(check);
}

/* ---- symbols and flags ---- */

/* C++ exports some templates and type information whatever the visibility: those are weak or
 * unique. */
static void check_exports(struct check *check, const struct elf *elf,
                          const struct manifest_head *head)
{
    struct elf_symbol symbol;
    const char *native = native_symbol(check);
    unsigned more = 0;
    check_begin(check, "exported symbols");
    for (size_t i = 0; elf_symbol(elf, i, &symbol); i++) {
        if (!symbol.defined || symbol.binding != STB_GLOBAL || !*symbol.name ||
            strcmp(symbol.name, PLUGIN_ENTRIES[head->kind].symbol) == 0 ||
            (native && strcmp(symbol.name, native) == 0))
            continue;
        if (check->found < 5)
            check_find(check, CHECK_WARNING,
                       "it exports %s, too: compile with -fvisibility=hidden, and put "
                       "LLMSPELL_EXPORT before what is meant for the host",
                       symbol.name);
        else
            more++;
    }
    if (more)
        check_find(check, CHECK_WARNING, "it exports %u symbols more", more);
    check_end(check);
}

static void check_imports(struct check *check, const struct elf *elf)
{
    struct elf_symbol symbol;
    check_begin(check, "imported functions");
    for (size_t i = 0; elf_symbol(elf, i, &symbol); i++) {
        const char *reason = symbol.defined ? NULL : reason_of(symbol.name);
        if (reason)
            check_find(check, CHECK_WARNING, "it calls %s(): %s", symbol.name, reason);
    }
    check_end(check);
}

static void check_flags(struct check *check, const struct elf *elf)
{
    check_begin(check, "flags of the linker");
    if (elf->text_relocations)
        check_find(check, CHECK_ERROR,
                   "its code is changed when it is loaded (text relocations), which hardened "
                   "systems refuse: compile everything with -fPIC");
    if (elf->executable_stack)
        check_find(check, CHECK_ERROR,
                   "it wants an executable stack, for the whole host: give assembler files a "
                   "section .note.GNU-stack, link with -Wl,-z,noexecstack");
    if (elf->static_tls)
        check_find(check, CHECK_WARNING,
                   "it uses static thread-local storage, of which a running process has little "
                   "left: compile with -fPIC and without -ftls-model=initial-exec");
    if (!elf->relro)
        check_find(check, CHECK_WARNING, "its tables stay writable: link with -Wl,-z,relro");
    if (!elf->now)
        check_find(check, CHECK_WARNING,
                   "its symbols are looked up late, and its tables stay writable: link with "
                   "-Wl,-z,now");
    if (!elf->nodelete)
        check_find(check, CHECK_WARNING,
                   "another host could unload it while its threads run: link with "
                   "-Wl,-z,nodelete");
    check_end(check);
}

void check_elf(struct check *check, const struct elf *elf, const struct manifest_head *head)
{
    check_entry(check, elf, head);
    check_exports(check, elf, head);
    check_imports(check, elf);
    check_flags(check, elf);
}
