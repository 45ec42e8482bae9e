/* SPDX-License-Identifier: Apache-2.0
 * The configuration of a process: INI layers merged over one typed table of settings (settings.c).
 * Layers, later wins: built-in → /etc/llmspell/llmspell.ini → $LLMSPELL_HOME/llmspell.ini → -c FILE
 * → the *.ini of conf.d beside each (sorted) → LLMSPELL_SECTION_KEY → --set section.key=value. */
#ifndef HOST_CONFIG_H
#define HOST_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "util/error.h"

struct config; /* immutable after config_load; counted */

enum setting_type {
    SETTING_STRING,
    SETTING_INTEGER,
    SETTING_BOOL,     /* true|false|yes|no|on|off|1|0 */
    SETTING_CHOICE,   /* one of choices, "a|b|c" */
    SETTING_DURATION, /* 500ms, 5s, 2m, 1h, 7d; a bare number is seconds; kept as milliseconds */
    SETTING_SIZE,     /* 512, 64K, 10M, 2G; kept as bytes */
    SETTING_PATH,     /* relative ones resolve against the folder of the file they stand in */
    SETTING_TIME,     /* 2026-11-22T17:43:13Z; kept as milliseconds since 1970; empty: unset */
    SETTING_LIST      /* items separated by ':' (paths) — kept as one string */
};

/* One row of the table: what `config show`, `config init`, the manual and the checks know. */
struct setting {
    const char *section, *key;
    enum setting_type type;
    const char *fallback; /* built-in value as text, NULL = unset */
    const char *choices;  /* SETTING_CHOICE only */
    int64_t min, max;     /* integers, durations (ms), sizes (bytes) */
    bool reloadable;
    const char *help; /* one or two sentences, with the unit */
};

struct config_options {
    const char *file;        /* -c FILE or NULL; must exist if given */
    const char *const *sets; /* --set arguments "section.key=value", NULL-terminated, or NULL */
    bool skip_environment;   /* tests */
    const char *system_dir;  /* NULL = /etc/llmspell */
    const char *home;        /* NULL = $LLMSPELL_HOME or ~/.llmspell */
    const char *cwd;         /* where relative paths start that stand in no file; NULL = getcwd */
};

/* Reads all layers. Errors (EINVAL, EPARSE, EIO, ENOTFOUND) name file, line, key, what is wrong and
 * the key that was probably meant. [main] */
int config_load(const struct config_options *options, struct config **ret_config,
                struct error *ret_error);

/* One more owner, who must not change it; the last config_unref frees it. [any-thread] */
struct config *config_ref(const struct config *config);
void config_unref(struct config *config);

/* Typed look-ups of table settings; asking for one that is not in the table is a bug (assert).
 * Strings are borrowed from config; NULL = unset. [any-thread] */
const char *config_string(const struct config *config, const char *section, const char *key);
int64_t config_integer(const struct config *config, const char *section, const char *key);
bool config_bool(const struct config *config, const char *section, const char *key);

/* The folder that config_load started from (options.cwd), absolute; borrowed. */
const char *config_cwd(const struct config *config);

/* The folder of the user's files ($LLMSPELL_HOME, ~/.llmspell), absolute; borrowed. */
const char *config_home(const struct config *config);

/* Sections of plugins ([tool.NAME], [protocol.NAME], [runtime.NAME]) are not in the table: their
 * keys are described by `config` in the plugin's manifest, a JSON Schema object whose properties
 * have type string|integer|number|boolean|array (of strings, separated by commas), default, enum,
 * minimum, maximum, description. Makes the JSON object that the plugin's open gets: defaults in,
 * values typed. schema may be NULL (then every key is an error). Errors name file and line.
 * *ret_object: a new reference. [main] */
int config_plugin(const struct config *config, const char *section, const json_t *schema,
                  json_t **ret_object, struct error *ret_error);

/* The keys that every [tool.NAME] takes beside those of its manifest, as a schema of that form; a
 * new reference, NULL without memory. [any-thread] */
json_t *config_common_schema(void);

/* Their values for one section; defaults in. *ret_object: a new reference. [any-thread] */
int config_common(const struct config *config, const char *section, json_t **ret_object,
                  struct error *ret_error);

/* Names of the plugin sections that stand in the files, in order ("tool.calculator", …): NULL after
 * the last. [any-thread] */
const char *config_plugin_section(const struct config *config, size_t index);

/* All settings in table order, then plugin sections: for `config show [--origin]`. origin is
 * "built-in", "FILE:LINE", "environment NAME" or "--set". Borrowed. Returns how many were called.
 */
typedef void (*config_each_fn)(void *data, const char *section, const char *key, const char *value,
                               const char *origin);
size_t config_each(const struct config *config, config_each_fn each, void *data);

/* Do two configurations say the same in a section ("log", "tool.NAME")? [any-thread] */
bool config_same_section(const struct config *a, const struct config *b, const char *section);

/* Calls each for every setting whose value differs, in table order, then keys of plugin sections
 * (reloadable is true for them; a key that does not stand there has the value ""). Returns how many
 * there were. */
typedef void (*config_change_fn)(void *data, const char *section, const char *key, const char *from,
                                 const char *to, bool reloadable);
size_t config_compare(const struct config *from, const struct config *to, config_change_fn each,
                      void *data);

/* The files that were read, in order, for `config path`; NULL after the last. */
const char *config_file(const struct config *config, size_t index);

/* The table (settings.c), section by section; ends with section NULL. */
extern const struct setting settings_table[];

/* Writes the whole table as a commented llmspell.ini ("config init", conf/llmspell.ini). */
int config_write_template(FILE *out);

#endif
