/* SPDX-License-Identifier: Apache-2.0
 * Finding kernels. Whether one runs is a question to the lock of its PID file. */
#include "cli/kernels.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "daemon/pidfile.h"
#include "util/near.h"
#include "util/private_file.h"

#define ID_MAX 64

static bool id_is_valid(const char *id)
{
    size_t n = strlen(id);
    return n > 0 && n <= ID_MAX && id[0] != '.' && id[0] != '-' &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == n;
}

static char *path_of(const struct config *config, const char *folder, const char *id,
                     const char *suffix)
{
    char *path;
    return asprintf(&path, "%s/%s/%s%s", config_home(config), folder, id, suffix) < 0 ? NULL : path;
}

int kernel_files_set(const struct config *config, const char *id, struct kernel_files *ret_files,
                     struct error *ret_error)
{
    if (!id_is_valid(id))
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "\"%s\" is no kernel id: 1 to %d of A-Z a-z 0-9 . _ - are", id, ID_MAX);
    *ret_files = (struct kernel_files){
        .id = strdup(id),
        .connection = path_of(config, "kernels", id, ".json"),
        .pidfile = path_of(config, "run", id, ".pid"),
        .log = path_of(config, "logs", id, ".log"),
        .state = path_of(config, "state", id, "/kernel_state.json"),
        .dump = path_of(config, "dump", id, ".json"),
    };
    if (ret_files->id && ret_files->connection && ret_files->pidfile && ret_files->log &&
        ret_files->state && ret_files->dump)
        return 0;
    kernel_files_clear(ret_files);
    return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
}

void kernel_files_clear(struct kernel_files *files)
{
    free(files->id);
    free(files->connection);
    free(files->pidfile);
    free(files->log);
    free(files->state);
    free(files->dump);
    *files = (struct kernel_files){0};
}

int kernel_files_prepare(const struct config *config, const struct kernel_files *files,
                         struct error *ret_error)
{
    static const char *const folders[] = {"", "/kernels", "/run", "/logs", "/state", "/dump"};
    int rc = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0] && rc == 0; i++) {
        LLMSPELL_CLEANUP_FREE char *path = NULL;
        if (asprintf(&path, "%s%s", config_home(config), folders[i]) < 0)
            return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
        rc = private_folder_make(path, ret_error);
    }
    LLMSPELL_CLEANUP_FREE char *own =
        strndup(files->state, strlen(files->state) - strlen("/kernel_state.json"));
    if (!own)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    return rc < 0 ? rc : private_folder_make(own, ret_error);
}

/* ---- which there are ---- */

struct ids {
    char (*items)[ID_MAX + 1];
    size_t count, room;
};

static int ids_add(struct ids *ids, const char *name, size_t length)
{
    if (length == 0 || length > ID_MAX)
        return 0; /* no kernel has such an id */
    if (ids->count == ids->room) {
        size_t room = ids->room ? ids->room * 2 : 16;
        void *items = realloc(ids->items, room * sizeof *ids->items);
        if (!items)
            return LLMSPELL_ENOMEM;
        ids->items = items;
        ids->room = room;
    }
    memcpy(ids->items[ids->count], name, length);
    ids->items[ids->count++][length] = '\0';
    return 0;
}

/* What stands in HOME/folder under a name with this end. */
static int ids_read(struct ids *ids, const struct config *config, const char *folder,
                    const char *suffix, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *path = NULL;
    if (asprintf(&path, "%s/%s", config_home(config), folder) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    DIR *directory = opendir(path);
    if (!directory && errno == ENOENT)
        return 0;
    if (!directory)
        return error_set(ret_error, LLMSPELL_EIO, "cannot read %s: %s", path, strerror(errno));
    const struct dirent *entry;
    size_t end = strlen(suffix);
    int rc = 0;
    while (rc == 0 && (entry = readdir(directory))) {
        size_t n = strlen(entry->d_name);
        if (n > end && strcmp(entry->d_name + n - end, suffix) == 0)
            rc = ids_add(ids, entry->d_name, n - end);
    }
    closedir(directory);
    return rc < 0 ? error_set(ret_error, rc, "out of memory") : 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Fills *entry; 1 if there is such a kernel. */
static int read_entry(const struct config *config, const char *id, int flags,
                      struct kernel_entry *entry)
{
    if (kernel_files_set(config, id, &entry->files, NULL) < 0)
        return 0;
    if (pidfile_check(entry->files.pidfile, &entry->pid, NULL) != 1)
        entry->pid = 0;
    entry->connection = json_load_file(entry->files.connection, 0, NULL);
    const struct kernel_files *files = &entry->files;
    if (access(files->connection, F_OK) == 0 || access(files->pidfile, F_OK) == 0 ||
        ((flags & KERNELS_ENDED) &&
         (access(files->state, F_OK) == 0 || access(files->log, F_OK) == 0)))
        return 1;
    kernel_entry_clear(entry); /* it has ended meanwhile, or a folder that is no kernel's */
    return 0;
}

static int make_entries(const struct config *config, int flags, struct ids *ids,
                        struct kernel_entry **ret_entries, size_t *ret_count)
{
    struct kernel_entry *entries = calloc(ids->count + 1, sizeof *entries);
    size_t count = 0;
    if (!entries)
        return LLMSPELL_ENOMEM;
    if (ids->count > 1)
        qsort(ids->items, ids->count, sizeof *ids->items, by_bytes);
    for (size_t i = 0; i < ids->count; i++)
        if (i == 0 || strcmp(ids->items[i], ids->items[i - 1]) != 0)
            count += (size_t)read_entry(config, ids->items[i], flags, &entries[count]);
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}

int kernels_list(const struct config *config, int flags, struct kernel_entry **ret_entries,
                 size_t *ret_count, struct error *ret_error)
{
    struct ids ids = {0};
    int rc = ids_read(&ids, config, "kernels", ".json", ret_error);
    if (rc == 0)
        rc = ids_read(&ids, config, "run", ".pid", ret_error);
    if (rc == 0 && (flags & KERNELS_ENDED))
        rc = ids_read(&ids, config, "logs", ".log", ret_error);
    if (rc == 0 && (flags & KERNELS_ENDED))
        rc = ids_read(&ids, config, "state", "", ret_error);
    if (rc == 0 && (rc = make_entries(config, flags, &ids, ret_entries, ret_count)) < 0)
        error_set(ret_error, rc, "out of memory");
    free(ids.items);
    return rc;
}

void kernel_entry_clear(struct kernel_entry *entry)
{
    kernel_files_clear(&entry->files);
    json_decref(entry->connection);
    *entry = (struct kernel_entry){0};
}

void kernels_free(struct kernel_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        kernel_entry_clear(&entries[i]);
    free(entries);
}

const char *kernel_entry_state(const struct kernel_entry *entry)
{
    if (entry->pid == 0)
        return "dead";
    return access(entry->files.connection, F_OK) == 0 ? "running" : "starting";
}

void kernel_entry_clean(const struct kernel_entry *entry)
{
    if (entry->pid != 0)
        return;
    unlink(entry->files.connection);
    unlink(entry->files.pidfile);
}

static int read_file(const char *path, json_t **ret_connection, struct error *ret_error)
{
    json_error_t where;
    if (access(path, R_OK) != 0)
        return error_set(ret_error, errno == ENOENT ? LLMSPELL_ENOTFOUND : LLMSPELL_EIO,
                         "cannot read the connection file %s: %s", path, strerror(errno));
    json_t *connection = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(connection)) {
        json_decref(connection);
        return error_set(ret_error, LLMSPELL_EPARSE, "%s is not a connection file: line %d: %s",
                         path, where.line, where.text);
    }
    *ret_connection = connection;
    return 0;
}

/* ---- the one that is meant ---- */

struct choice {
    const char *name; /* NULL: any */
    bool exact, dead; /* dead: those that do not run are meant */
    size_t candidates, matches, index;
    struct near nearest;
};

static bool is_meant(const struct choice *choice, const char *id)
{
    if (!choice->name)
        return true;
    return choice->exact ? strcmp(id, choice->name) == 0
                         : strncmp(id, choice->name, strlen(choice->name)) == 0;
}

/* Counts who matches; a whole id beats the starts of others. */
static void choose(struct choice *choice, const struct kernel_entry *entries, size_t count)
{
    choice->candidates = choice->matches = 0;
    for (size_t i = 0; i < count; i++) {
        const char *id = entries[i].files.id;
        if ((entries[i].pid == 0) != choice->dead)
            continue;
        choice->candidates++;
        near_offer(&choice->nearest, id);
        if (!is_meant(choice, id))
            continue;
        choice->index = i;
        choice->matches++;
        if (choice->name && strcmp(id, choice->name) == 0) {
            choice->matches = 1;
            return;
        }
    }
}

static int not_chosen(const struct choice *choice, size_t running, struct error *ret_error)
{
    const char *name = choice->name;
    if (choice->matches > 1)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%zu kernels %s%s%s: name one; `llmspell kernel list` shows them",
                         choice->matches, choice->dead ? "are dead, none runs" : "run",
                         name ? " whose id starts with " : "", name ? name : "");
    if (choice->nearest.best)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "no kernel %s runs; did you mean %s?", name,
                         choice->nearest.best);
    return error_set(ret_error, LLMSPELL_ENOTFOUND,
                     running ? "no kernel %s%sruns; `llmspell kernel list` shows those that do"
                             : "no kernel %s%sruns; `llmspell kernel start --daemon` starts one",
                     name ? name : "", name ? " " : "");
}

static int pick(const struct kernel_entry *entries, size_t count, const char *name, int flags,
                size_t *ret_index, struct error *ret_error)
{
    struct choice choice = {
        .name = name, .exact = flags & KERNELS_EXACT, .nearest = {.word = name ? name : ""}};
    choose(&choice, entries, count);
    size_t running = choice.candidates;
    if (choice.matches == 0 && (flags & (KERNELS_DEAD | KERNELS_ENDED)) && (name || !running)) {
        choice.dead = true;
        choose(&choice, entries, count);
    }
    if (choice.matches != 1)
        return not_chosen(&choice, running, ret_error);
    *ret_index = choice.index;
    return 0;
}

/* A connection file by its path: one of ours tells by its id and PID whose it is. */
static int select_file(const struct config *config, const char *path,
                       struct kernel_entry *ret_entry, struct error *ret_error)
{
    struct kernel_entry entry = {0};
    int rc = read_file(path, &entry.connection, ret_error);
    if (rc < 0)
        return rc;
    const char *id = llmspell_string(entry.connection, "kernel_id");
    json_int_t pid = llmspell_integer(entry.connection, "pid", 0);
    if (id && kernel_files_set(config, id, &entry.files, NULL) == 0 &&
        (pidfile_check(entry.files.pidfile, &entry.pid, NULL) != 1 || entry.pid != pid)) {
        kernel_files_clear(&entry.files);
        entry.pid = 0;
    }
    *ret_entry = entry;
    return 0;
}

static bool is_file_name(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    return n > 0 && (strchr(name, '/') || (n > 5 && strcmp(name + n - 5, ".json") == 0));
}

int kernels_select(const struct config *config, const char *name, int flags,
                   struct kernel_entry *ret_entry, struct error *ret_error)
{
    struct kernel_entry *entries;
    size_t count, index = 0;
    if (is_file_name(name) && !(flags & KERNELS_EXACT))
        return select_file(config, name, ret_entry, ret_error);
    int rc = kernels_list(config, flags, &entries, &count, ret_error);
    if (rc < 0)
        return rc;
    rc = pick(entries, count, name, flags, &index, ret_error);
    if (rc == 0) {
        *ret_entry = entries[index];
        entries[index] = (struct kernel_entry){0};
    }
    kernels_free(entries, count);
    return rc;
}

int kernels_find(const struct config *config, const char *name, json_t **ret_connection,
                 struct error *ret_error)
{
    struct kernel_entry entry;
    int rc = kernels_select(config, name, 0, &entry, ret_error);
    if (rc < 0)
        return rc;
    if (json_is_object(entry.connection))
        *ret_connection = json_incref(entry.connection);
    else if (access(entry.files.connection, F_OK) != 0)
        rc = error_set(ret_error, LLMSPELL_EBUSY,
                       "kernel %s (pid %d) has no connection file: it starts or ends; try again",
                       entry.files.id, (int)entry.pid);
    else
        rc = error_set(ret_error, LLMSPELL_EPARSE, "the connection file %s cannot be read",
                       entry.files.connection);
    kernel_entry_clear(&entry);
    return rc;
}
