/* SPDX-License-Identifier: Apache-2.0
 * The inside of struct config: the merged values while the layers are read and afterwards. Shared
 * by the files of this folder only. */
#ifndef HOST_CONFIG_STORE_H
#define HOST_CONFIG_STORE_H

#include <stdatomic.h>

#include "config/config.h"

/* Where a value comes from: "FILE:LINE", "environment NAME" or "--set". */
struct config_source {
    const char *origin;
    const char *where; /* begins error messages: origin, or "--set section.key=value" */
    const char *base;  /* the folder that relative paths start from, NULL = working directory */
    bool command_line; /* wins over the environment */
};

/* A value of the table, in table order. */
struct config_value {
    char *text; /* NULL = unset */
    int64_t number;
    char *origin;
};

/* A key of a plugin section. */
struct config_entry {
    char *section, *key;
    char *raw;   /* lines of a continued value are separated by '\n' */
    char *shown; /* the same on one line */
    char *origin;
    char *where;
    bool command_line;
};

/* LLMSPELL_TOOL_NAME_KEY and such: which part is the key shows when the schema is known. */
struct config_variable {
    char *name, *value;
};

struct config {
    atomic_uint refs;
    char *home, *cwd;
    struct config_value *values;
    struct config_entry *entries;
    size_t entry_count;
    char **sections; /* plugin sections in order of appearance */
    size_t section_count;
    char **files;
    size_t file_count;
    struct config_variable *variables;
    size_t variable_count;
};

/* "tool.NAME", "protocol.NAME" or "runtime.NAME"? [any-thread] */
bool store_is_plugin_section(const char *section);

/* Takes one value of one layer; later ones win. key NULL: only the heading was seen. Errors: EINVAL
 * with what is wrong and what was probably meant. [main] */
int store_put(struct config *config, const struct config_source *source, const char *section,
              const char *key, const char *raw, struct error *ret_error);

/* Fills in the built-in values. ENOMEM, EIO. [main] */
int store_defaults(struct config *config, struct error *ret_error);

/* The value of a key of a plugin section, NULL if it does not stand there. [any-thread] */
const struct config_entry *store_entry(const struct config *config, const char *section,
                                       const char *key);

/* A key of [tool.NAME] that is the host's, whatever the tool's manifest says? [any-thread] */
bool store_is_common_key(const char *section, const char *key);

/* Values are UTF-8 without control characters. EINVAL. [any-thread] */
int store_check_text(const char *where, const char *raw, struct error *ret_error);

/* Appends a copy of text to an array of strings. ENOMEM. [main] */
int store_append(char ***array, size_t *count, const char *text);

/* Makes room for one more item of size bytes; false if memory is short. [main] */
bool store_grow(void *array_pointer, size_t count, size_t size);

/* The part of a variable's name behind LLMSPELL_SECTION_, NULL if it does not begin so. */
const char *environment_key(const char *name, const char *section);

/* Is name LLMSPELL_SECTION_KEY for these two? [any-thread] */
bool environment_is(const char *name, const char *section, const char *key);

/* The layer of environment variables. EINVAL, ENOMEM. [main] */
int environment_load(struct config *config, struct error *ret_error);

#endif
