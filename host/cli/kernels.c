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

static int is_connection(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_entry(const struct config *config, const char *file, struct kernel_entry *entry)
{
    char id[ID_MAX + 1];
    snprintf(id, sizeof id, "%.*s", (int)strlen(file) - 5, file);
    if (kernel_files_set(config, id, &entry->files, NULL) < 0)
        return -1;
    if (pidfile_check(entry->files.pidfile, &entry->pid, NULL) != 1)
        entry->pid = 0;
    entry->connection = json_load_file(entry->files.connection, 0, NULL);
    return 0;
}

int kernels_list(const struct config *config, struct kernel_entry **ret_entries, size_t *ret_count,
                 struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *folder = NULL;
    struct dirent **files = NULL;
    if (asprintf(&folder, "%s/kernels", config_home(config)) < 0)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    int found = scandir(folder, &files, is_connection, by_bytes);
    if (found < 0 && errno != ENOENT)
        return error_set(ret_error, LLMSPELL_EIO, "cannot read %s: %s", folder, strerror(errno));
    struct kernel_entry *entries = calloc((size_t)(found > 0 ? found : 0) + 1, sizeof *entries);
    size_t count = 0;
    for (int i = 0; i < found; i++) {
        if (entries && add_entry(config, files[i]->d_name, &entries[count]) == 0)
            count++;
        free(files[i]);
    }
    free(files);
    if (!entries)
        return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory");
    *ret_entries = entries;
    *ret_count = count;
    return 0;
}

void kernels_free(struct kernel_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kernel_files_clear(&entries[i].files);
        json_decref(entries[i].connection);
    }
    free(entries);
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

/* Picks the running entry that name means; *ret_index is set if the result is 0. */
static int pick(const struct kernel_entry *entries, size_t count, const char *name,
                size_t *ret_index, struct error *ret_error)
{
    size_t matches = 0, running = 0;
    struct near nearest = {.word = name ? name : ""};
    for (size_t i = 0; i < count; i++) {
        const char *id = entries[i].files.id;
        if (entries[i].pid == 0)
            continue;
        running++;
        near_offer(&nearest, id);
        if (name && strncmp(id, name, strlen(name)) != 0)
            continue;
        *ret_index = i;
        matches++;
        if (name && strcmp(id, name) == 0)
            return 0;
    }
    if (matches == 1)
        return 0;
    if (matches > 1)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%zu kernels run%s%s: name one; `llmspell kernel list` shows them",
                         matches, name ? " whose id starts with " : "", name ? name : "");
    if (nearest.best)
        return error_set(ret_error, LLMSPELL_ENOTFOUND, "no kernel %s runs; did you mean %s?", name,
                         nearest.best);
    return error_set(ret_error, LLMSPELL_ENOTFOUND,
                     running ? "no kernel %s runs; `llmspell kernel list` shows those that do"
                             : "no kernel %sruns; `llmspell kernel start --daemon` starts one",
                     name && running ? name : "");
}

int kernels_find(const struct config *config, const char *name, json_t **ret_connection,
                 struct error *ret_error)
{
    struct kernel_entry *entries;
    size_t count, index = 0;
    if (name && strchr(name, '/'))
        return read_file(name, ret_connection, ret_error);
    size_t n = name ? strlen(name) : 0;
    if (n > 5 && strcmp(name + n - 5, ".json") == 0)
        return read_file(name, ret_connection, ret_error);
    int rc = kernels_list(config, &entries, &count, ret_error);
    if (rc < 0)
        return rc;
    rc = pick(entries, count, name, &index, ret_error);
    if (rc == 0 && !json_is_object(entries[index].connection))
        rc = error_set(ret_error, LLMSPELL_EPARSE, "the connection file %s cannot be read",
                       entries[index].files.connection);
    if (rc == 0)
        *ret_connection = json_incref(entries[index].connection);
    kernels_free(entries, count);
    return rc;
}
