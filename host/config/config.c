/* SPDX-License-Identifier: Apache-2.0
 * The layers of the configuration, one over the other, and the look-ups in the result. config_load
 * is called once at start and again for a reload; what it returned before stays as it is. */
#include "config/store.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "config/ini.h"
#include "config/settings.h"

#define SYSTEM_DIR "/etc/llmspell"
#define FILE_NAME "llmspell.ini"

static int out_of_memory(struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory while reading the configuration");
}

/* ---- places ---- */

/* path as an absolute one, without slashes at its end; NULL if that cannot be done. */
static char *absolute_path(const struct config *config, const char *path)
{
    char *absolute = NULL;
    if (*path == '/')
        absolute = strdup(path);
    else if (!config->cwd || asprintf(&absolute, "%s/%s", config->cwd, path) < 0)
        return NULL;
    for (size_t length = absolute ? strlen(absolute) : 0; length > 1 && absolute[length - 1] == '/';
         length--)
        absolute[length - 1] = '\0';
    return absolute;
}

static int no_folder(const char *path, struct error *ret_error)
{
    return error_set(
        ret_error, LLMSPELL_EIO,
        "cannot make \"%s\" an absolute path: the working directory does not exist any "
        "more",
        path);
}

/* The home folder of the user as the system knows it; the caller frees it. */
static char *user_home(void)
{
    const char *home = getenv("HOME");
    if (home && *home)
        return strdup(home);
    char buffer[4096];
    struct passwd entry, *found = NULL;
    if (getpwuid_r(getuid(), &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return NULL;
    return strdup(found->pw_dir);
}

static int find_home(struct config *config, const struct config_options *options,
                     struct error *ret_error)
{
    const char *home = options->home ? options->home : getenv("LLMSPELL_HOME");
    LLMSPELL_CLEANUP_FREE char *user = NULL, *fallback = NULL;
    if (!home || !*home) {
        user = user_home();
        if (!user)
            return error_set(ret_error, LLMSPELL_ENOTFOUND,
                             "the home folder is unknown: set LLMSPELL_HOME");
        if (asprintf(&fallback, "%s/.llmspell", user) < 0) {
            fallback = NULL;
            return out_of_memory(ret_error);
        }
        home = fallback;
    }
    config->home = absolute_path(config, home);
    return config->home ? 0 : no_folder(home, ret_error);
}

/* ---- files ---- */

static int merge_file(struct config *config, const struct ini_file *file, const char *path,
                      struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *folder = absolute_path(config, path);
    if (!folder)
        return no_folder(path, ret_error);
    char *slash = strrchr(folder, '/');
    slash[slash == folder] = '\0';
    int rc = 0;
    for (size_t i = 0; i < file->count && !rc; i++) {
        const struct ini_entry *entry = &file->entries[i];
        LLMSPELL_CLEANUP_FREE char *origin = NULL;
        if (asprintf(&origin, "%s:%d", path, entry->line) < 0) {
            origin = NULL;
            return out_of_memory(ret_error);
        }
        struct config_source source = {.origin = origin, .where = origin, .base = folder};
        rc = store_put(config, &source, entry->section, entry->key, entry->value, ret_error);
    }
    return rc;
}

static int load_file(struct config *config, const char *path, bool required,
                     struct error *ret_error)
{
    LLMSPELL_CLEANUP_FCLOSE FILE *stream = fopen(path, "re");
    if (!stream) {
        bool absent = errno == ENOENT || errno == ENOTDIR;
        if (absent && !required)
            return 0;
        return error_set(ret_error, absent ? LLMSPELL_ENOTFOUND : LLMSPELL_EIO,
                         "cannot read the configuration file %s: %s", path, strerror(errno));
    }
    struct ini_file file = {0};
    int rc = ini_read(stream, path, &file, ret_error);
    if (!rc && store_append(&config->files, &config->file_count, path))
        rc = out_of_memory(ret_error);
    if (!rc)
        rc = merge_file(config, &file, path, ret_error);
    ini_clear(&file);
    return rc;
}

static int is_ini(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".ini") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* alphasort would ask the locale */
}

/* Reads the *.ini of a folder in sorted order; no folder is fine. */
static int load_folder(struct config *config, const char *folder, struct error *ret_error)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, is_ini, by_name);
    if (count < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (count < 0)
        return error_set(ret_error, LLMSPELL_EIO, "cannot read the folder %s: %s", folder,
                         strerror(errno));
    int rc = 0;
    for (int i = 0; i < count; i++) {
        LLMSPELL_CLEANUP_FREE char *path = NULL;
        if (asprintf(&path, "%s/%s", folder, names[i]->d_name) < 0)
            path = NULL;
        if (!rc)
            rc = path ? load_file(config, path, true, ret_error) : out_of_memory(ret_error);
        free(names[i]);
    }
    free(names);
    return rc;
}

static bool same_place(const char *a, const char *b)
{
    struct stat first, second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* conf.d beside a file. */
static char *folder_beside(const char *file)
{
    const char *slash = strrchr(file, '/');
    char *folder = NULL;
    int length = slash ? (int)(slash - file) + 1 : 0;
    return asprintf(&folder, "%.*sconf.d", length, file) < 0 ? NULL : folder;
}

/* Is the place named again further on? Then it is read there: what it says there wins anyway. */
static bool named_again(char *const places[], size_t count, size_t index)
{
    for (size_t i = index + 1; i < count; i++)
        if (same_place(places[index], places[i]))
            return true;
    return false;
}

/* First the files, then the folders beside them. The third file, -c, must exist. */
static int load_places(struct config *config, char *const paths[], size_t count,
                       struct error *ret_error)
{
    char *folders[3] = {NULL, NULL, NULL};
    int rc = 0;
    for (size_t i = 0; i < count && !rc; i++) {
        folders[i] = folder_beside(paths[i]);
        if (!folders[i])
            rc = out_of_memory(ret_error);
        else if (!named_again(paths, count, i))
            rc = load_file(config, paths[i], i == 2, ret_error);
    }
    for (size_t i = 0; i < count && !rc; i++)
        if (!named_again(folders, count, i))
            rc = load_folder(config, folders[i], ret_error);
    for (size_t i = 0; i < count; i++)
        free(folders[i]);
    return rc;
}

static int load_files(struct config *config, const struct config_options *options,
                      struct error *ret_error)
{
    const char *named = options->file;
    if (!named && !options->skip_environment)
        named = getenv("LLMSPELL_CONFIG");
    bool has_named = named && *named;
    LLMSPELL_CLEANUP_FREE char *system = NULL, *user = NULL, *given = NULL;
    if (asprintf(&system, "%s/" FILE_NAME, options->system_dir ? options->system_dir : SYSTEM_DIR) <
        0)
        system = NULL;
    if (asprintf(&user, "%s/" FILE_NAME, config->home) < 0)
        user = NULL;
    if (has_named && !(given = absolute_path(config, named)))
        return no_folder(named, ret_error);
    if (!system || !user)
        return out_of_memory(ret_error);
    char *const paths[] = {system, user, given};
    return load_places(config, paths, has_named ? 3 : 2, ret_error);
}

/* ---- --set ---- */

static int load_set(struct config *config, const char *argument, struct error *ret_error)
{
    const char *equals = strchr(argument, '=');
    const char *dot = equals ? memrchr(argument, '.', (size_t)(equals - argument)) : NULL;
    if (!dot || dot == argument || dot + 1 == equals)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "--set %s: expected section.key=value, such as log.level=debug", argument);
    LLMSPELL_CLEANUP_FREE char *where = NULL;
    LLMSPELL_CLEANUP_FREE char *section = strndup(argument, (size_t)(dot - argument));
    LLMSPELL_CLEANUP_FREE char *key = strndup(dot + 1, (size_t)(equals - dot - 1));
    if (asprintf(&where, "--set %s", argument) < 0)
        where = NULL;
    if (!where || !section || !key)
        return out_of_memory(ret_error);
    struct config_source source = {
        .origin = "--set", .where = where, .base = config->cwd, .command_line = true};
    return store_put(config, &source, section, key, equals + 1, ret_error);
}

int config_load(const struct config_options *options, struct config **ret_config,
                struct error *ret_error)
{
    struct config *config = calloc(1, sizeof *config);
    if (!config)
        return out_of_memory(ret_error);
    atomic_init(&config->refs, 1);
    config->cwd = options->cwd ? strdup(options->cwd) : getcwd(NULL, 0);
    int rc = find_home(config, options, ret_error);
    if (!rc)
        rc = store_defaults(config, ret_error);
    if (!rc)
        rc = load_files(config, options, ret_error);
    if (!rc && !options->skip_environment)
        rc = environment_load(config, ret_error);
    for (const char *const *set = options->sets; set && *set && !rc; set++)
        rc = load_set(config, *set, ret_error);
    if (rc) {
        config_unref(config);
        return rc;
    }
    *ret_config = config;
    return 0;
}

/* ---- look-ups ---- */

static const struct config_value *find_value(const struct config *config, const char *section,
                                             const char *key)
{
    static const struct config_value unset = {0};
    const struct setting *setting = setting_find(section, key);
    assert(setting);
    return setting ? &config->values[setting - settings_table] : &unset;
}

const char *config_string(const struct config *config, const char *section, const char *key)
{
    return find_value(config, section, key)->text;
}

int64_t config_integer(const struct config *config, const char *section, const char *key)
{
    return find_value(config, section, key)->number;
}

bool config_bool(const struct config *config, const char *section, const char *key)
{
    return find_value(config, section, key)->number != 0;
}

const char *config_cwd(const struct config *config)
{
    return config->cwd;
}

const char *config_home(const struct config *config)
{
    return config->home;
}

const char *config_plugin_section(const struct config *config, size_t index)
{
    return index < config->section_count ? config->sections[index] : NULL;
}

const char *config_file(const struct config *config, size_t index)
{
    return index < config->file_count ? config->files[index] : NULL;
}

size_t config_each(const struct config *config, config_each_fn each, void *data)
{
    for (size_t i = 0; i < setting_count(); i++) {
        const struct config_value *value = &config->values[i];
        each(data, settings_table[i].section, settings_table[i].key, value->text ? value->text : "",
             value->origin);
    }
    size_t called = setting_count();
    for (size_t i = 0; i < config->section_count; i++)
        for (size_t j = 0; j < config->entry_count; j++) {
            const struct config_entry *entry = &config->entries[j];
            if (strcmp(entry->section, config->sections[i]) != 0)
                continue;
            each(data, entry->section, entry->key, entry->shown, entry->origin);
            called++;
        }
    return called;
}
