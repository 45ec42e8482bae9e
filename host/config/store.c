/* SPDX-License-Identifier: Apache-2.0
 * Puts one value after the other into struct config, whatever layer it comes from, and says what is
 * wrong with it. Called by config.c and environment.c. */
#include "config/store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "util/near.h"
#include "config/settings.h"
#include "log/utf8.h"

#define SHOWN_MAX 100 /* bytes of a bad value in a message */

static const char *const plugin_kinds[] = {"tool.", "protocol.", "runtime."};

static int out_of_memory(struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory while reading the configuration");
}

bool store_grow(void *array_pointer, size_t count, size_t size)
{
    if (count & (count - 1)) /* room doubles at each power of two */
        return true;
    void **array = array_pointer;
    void *grown = reallocarray(*array, count ? count * 2 : 1, size);
    if (grown)
        *array = grown;
    return grown != NULL;
}

int store_append(char ***array, size_t *count, const char *text)
{
    char *copy = strdup(text);
    if (!copy || !store_grow(array, *count, sizeof **array)) {
        free(copy);
        return LLMSPELL_ENOMEM;
    }
    (*array)[(*count)++] = copy;
    return 0;
}

bool store_is_plugin_section(const char *section)
{
    for (size_t i = 0; i < sizeof plugin_kinds / sizeof *plugin_kinds; i++)
        if (strncmp(section, plugin_kinds[i], strlen(plugin_kinds[i])) == 0)
            return true;
    return false;
}

/* "kernel, log, plugins": the sections of the table, or the keys of one. */
static void list_names(const char *section, char *text, size_t size)
{
    size_t length = 0;
    const char *last = "";
    text[0] = '\0';
    for (const struct setting *row = settings_table; row->section && length < size; row++) {
        const char *name = section ? row->key : row->section;
        if ((section && strcmp(row->section, section) != 0) || strcmp(name, last) == 0)
            continue;
        length += (size_t)snprintf(text + length, size - length, "%s%s", *last ? ", " : "", name);
        last = name;
    }
}

static int unknown_section(const struct config_source *source, const char *section,
                           struct error *ret_error)
{
    struct near near = {.word = section};
    for (const struct setting *row = settings_table; row->section; row++)
        near_offer(&near, row->section);
    if (near.best)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%s: there is no section [%s]; did you mean [%s]?", source->where, section,
                         near.best);
    char names[256];
    list_names(NULL, names, sizeof names);
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "%s: there is no section [%s]; the sections are %s, and tool.NAME, "
                     "protocol.NAME, runtime.NAME",
                     source->where, section, names);
}

/* The nearest key of the section, else the same key elsewhere, else all keys of the section. */
static int unknown_key(const struct config_source *source, const char *section, const char *key,
                       struct error *ret_error)
{
    struct near near = {.word = key};
    const char *elsewhere = NULL;
    for (const struct setting *row = settings_table; row->section; row++) {
        if (strcmp(row->section, section) == 0)
            near_offer(&near, row->key);
        else if (strcmp(row->key, key) == 0)
            elsewhere = row->section;
    }
    char hint[512];
    if (near.best && near.distance <= 1)
        snprintf(hint, sizeof hint, "did you mean %s?", near.best);
    else if (elsewhere)
        snprintf(hint, sizeof hint, "it belongs into [%s]", elsewhere);
    else if (near.best)
        snprintf(hint, sizeof hint, "did you mean %s?", near.best);
    else {
        char names[400];
        list_names(section, names, sizeof names);
        snprintf(hint, sizeof hint, "its keys are %s", names);
    }
    return error_set(ret_error, LLMSPELL_EINVAL, "%s: [%s] has no key \"%s\"; %s", source->where,
                     section, key, hint);
}

static int bad_value(const struct config_source *source, const struct setting *setting,
                     const char *raw, struct error *ret_error)
{
    char expected[SETTING_DESCRIPTION_MAX];
    setting_describe(setting, expected);
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "%s: [%s] %s = \"%.*s\" is not acceptable: expected %s", source->where,
                     setting->section, setting->key, utf8_clip(raw, SHOWN_MAX), raw, expected);
}

/* Files were checked by ini.c; the environment and the command line were not. */
int store_check_text(const char *where, const char *raw, struct error *ret_error)
{
    size_t size = strlen(raw);
    for (size_t i = 0; i < size;) {
        uint32_t code = 0;
        size_t length = utf8_sequence((const unsigned char *)raw + i, size - i, &code);
        if (length == 0 || (utf8_is_control(code) && code != '\t' && code != '\n'))
            return error_set(ret_error, LLMSPELL_EINVAL,
                             "%s: byte %zu of the value is %s: remove it", where, i + 1,
                             length ? "a control character" : "not UTF-8");
        i += length;
    }
    return 0;
}

static int put_setting(struct config *config, const struct config_source *source,
                       const struct setting *setting, const char *raw, struct error *ret_error)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    int64_t number = 0;
    int rc = setting_parse(setting, raw, source->base, &text, &number);
    if (rc == LLMSPELL_EINVAL)
        return bad_value(source, setting, raw, ret_error);
    if (rc == LLMSPELL_EIO)
        return error_set(ret_error, rc,
                         "%s: [%s] %s: the working directory is unknown: give an "
                         "absolute path",
                         source->where, setting->section, setting->key);
    char *origin = rc ? NULL : strdup(source->origin);
    if (!origin)
        return out_of_memory(ret_error);
    struct config_value *value = &config->values[setting - settings_table];
    free(value->text);
    free(value->origin);
    *value = (struct config_value){.text = text, .number = number, .origin = origin};
    text = NULL;
    return 0;
}

int store_defaults(struct config *config, struct error *ret_error)
{
    static const struct config_source built_in = {"built-in", "built-in", "/", false};
    config->values = calloc(setting_count(), sizeof *config->values);
    if (!config->values)
        return out_of_memory(ret_error);
    int rc = 0;
    for (size_t i = 0; i < setting_count() && !rc; i++) {
        if (settings_table[i].fallback)
            rc = put_setting(config, &built_in, &settings_table[i], settings_table[i].fallback,
                             ret_error);
        else if (!(config->values[i].origin = strdup(built_in.origin)))
            rc = out_of_memory(ret_error);
    }
    return rc;
}

/* ---- sections of plugins ---- */

const struct config_entry *store_entry(const struct config *config, const char *section,
                                       const char *key)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        const struct config_entry *entry = &config->entries[i];
        if (strcmp(entry->key, key) == 0 && strcmp(entry->section, section) == 0)
            return entry;
    }
    return NULL;
}

static int check_plugin_section(const struct config_source *source, const char *section,
                                struct error *ret_error)
{
    const char *name = strchr(section, '.') + 1;
    if (*name && !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-")])
        return 0;
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "%s: [%s]: the name of a plugin has lower-case letters, digits, '_' and '-'",
                     source->where, section);
}

static int add_section(struct config *config, const char *section)
{
    for (size_t i = 0; i < config->section_count; i++)
        if (strcmp(config->sections[i], section) == 0)
            return 0;
    return store_append(&config->sections, &config->section_count, section);
}

static void clear_entry(struct config_entry *entry)
{
    free(entry->section);
    free(entry->key);
    free(entry->raw);
    free(entry->shown);
    free(entry->origin);
    free(entry->where);
}

static int put_entry(struct config *config, const struct config_source *source, const char *section,
                     const char *key, const char *raw)
{
    struct config_entry *old = (struct config_entry *)store_entry(config, section, key);
    if (!old && !store_grow(&config->entries, config->entry_count, sizeof *config->entries))
        return LLMSPELL_ENOMEM;
    struct config_entry entry = {.section = strdup(section),
                                 .key = strdup(key),
                                 .raw = strdup(raw),
                                 .shown = strdup(raw),
                                 .origin = strdup(source->origin),
                                 .where = strdup(source->where),
                                 .command_line = source->command_line};
    if (!entry.section || !entry.key || !entry.raw || !entry.shown || !entry.origin ||
        !entry.where) {
        clear_entry(&entry);
        return LLMSPELL_ENOMEM;
    }
    for (char *at = entry.shown; (at = strchr(at, '\n'));)
        *at = ' ';
    if (old)
        clear_entry(old);
    else
        old = &config->entries[config->entry_count++];
    *old = entry;
    return 0;
}

int store_put(struct config *config, const struct config_source *source, const char *section,
              const char *key, const char *raw, struct error *ret_error)
{
    bool plugin = store_is_plugin_section(section);
    if (!plugin && !setting_has_section(section))
        return unknown_section(source, section, ret_error);
    int rc = plugin ? check_plugin_section(source, section, ret_error) : 0;
    if (!rc && key)
        rc = store_check_text(source->where, raw, ret_error);
    if (rc)
        return rc;
    if (!plugin) {
        const struct setting *setting = key ? setting_find(section, key) : NULL;
        if (!key)
            return 0;
        return setting ? put_setting(config, source, setting, raw, ret_error)
                       : unknown_key(source, section, key, ret_error);
    }
    if (add_section(config, section) || (key && put_entry(config, source, section, key, raw)))
        return out_of_memory(ret_error);
    return 0;
}

struct config *config_ref(const struct config *config)
{
    struct config *counted = (struct config *)config; /* the count is all that changes */
    atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
    return counted;
}

void config_unref(struct config *config)
{
    if (!config || atomic_fetch_sub(&config->refs, 1) != 1)
        return;
    for (size_t i = 0; config->values && i < setting_count(); i++) {
        free(config->values[i].text);
        free(config->values[i].origin);
    }
    for (size_t i = 0; i < config->entry_count; i++)
        clear_entry(&config->entries[i]);
    for (size_t i = 0; i < config->section_count; i++)
        free(config->sections[i]);
    for (size_t i = 0; i < config->file_count; i++)
        free(config->files[i]);
    for (size_t i = 0; i < config->variable_count; i++) {
        free(config->variables[i].name);
        free(config->variables[i].value);
    }
    free(config->values);
    free(config->entries);
    free(config->sections);
    free(config->files);
    free(config->variables);
    free(config->home);
    free(config->cwd);
    free(config);
}
