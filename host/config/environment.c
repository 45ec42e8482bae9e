/* SPDX-License-Identifier: Apache-2.0
 * The layer of environment variables: LLMSPELL_SECTION_KEY, and LLMSPELL_TOOL_NAME_KEY (PROTOCOL,
 * RUNTIME) for plugins, where names and keys have '_' themselves: a section that a file names wins;
 * else the first word is the name of a protocol or runtime; else config_plugin finds the key. */
#include "config/store.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "config/settings.h"

#define PREFIX "LLMSPELL_"

extern char **environ;

struct layer {
    struct config *config;
    size_t named; /* plugin sections that the files name: variables must not name any for others */
    struct error *error;
};

static int out_of_memory(struct layer *layer)
{
    return error_set(layer->error, LLMSPELL_ENOMEM, "out of memory while reading the environment");
}

static void to_lower(char *name)
{
    for (; *name; name++)
        *name = (char)tolower((unsigned char)*name);
}

/* Skips text, as it is written in a variable's name; NULL if name does not begin with it. */
static const char *skip(const char *name, const char *text)
{
    for (; *text; text++, name++) {
        int c = isalnum((unsigned char)*text) ? toupper((unsigned char)*text) : '_';
        if (*name != c)
            return NULL;
    }
    return name;
}

const char *environment_key(const char *name, const char *section)
{
    const char *rest = skip(name, PREFIX);
    rest = rest ? skip(rest, section) : NULL;
    return rest && rest[0] == '_' && rest[1] ? rest + 1 : NULL;
}

bool environment_is(const char *name, const char *section, const char *key)
{
    const char *rest = environment_key(name, section);
    rest = rest ? skip(rest, key) : NULL;
    return rest && !*rest;
}

static int put(struct layer *layer, const char *name, const char *section, const char *key,
               const char *value)
{
    LLMSPELL_CLEANUP_FREE char *origin = NULL, *lower = strdup(key);
    if (!lower || asprintf(&origin, "environment %s", name) < 0) {
        origin = NULL;
        return out_of_memory(layer);
    }
    to_lower(lower);
    struct config_source source = {.origin = origin, .where = origin, .base = layer->config->cwd};
    return store_put(layer->config, &source, section, lower, value, layer->error);
}

/* rest: the name after the prefix. A variable whose first word is no section of ours is not ours.
 */
static int load_setting(struct layer *layer, const char *name, const char *value)
{
    const char *rest = name + strlen(PREFIX), *key = strchr(rest, '_');
    if (!key || !key[1])
        return 0;
    LLMSPELL_CLEANUP_FREE char *section = strndup(rest, (size_t)(key - rest));
    if (!section)
        return out_of_memory(layer);
    to_lower(section);
    if (!setting_has_section(section))
        return 0;
    return put(layer, name, section, key + 1, value);
}

/* The longest plugin section of the files whose name begins the variable; *ret_key is the rest. */
static const char *named_section(const struct layer *layer, const char *name, const char **ret_key)
{
    const char *best = NULL;
    for (size_t i = 0; i < layer->named; i++) {
        const char *section = layer->config->sections[i], *key = environment_key(name, section);
        if (key && (!best || key > *ret_key)) {
            best = section;
            *ret_key = key;
        }
    }
    return best;
}

static int remember(struct config *config, const char *name, const char *value)
{
    if (!store_grow(&config->variables, config->variable_count, sizeof *config->variables))
        return LLMSPELL_ENOMEM;
    struct config_variable variable = {strdup(name), strdup(value)};
    if (!variable.name || !variable.value) {
        free(variable.name);
        free(variable.value);
        return LLMSPELL_ENOMEM;
    }
    config->variables[config->variable_count++] = variable;
    return 0;
}

/* kind: "protocol". The name is the first word after it. */
static int load_first_word(struct layer *layer, const char *kind, const char *name,
                           const char *value)
{
    const char *word = name + strlen(PREFIX) + strlen(kind) + 1, *key = strchr(word, '_');
    if (!key || key == word || !key[1])
        return 0;
    LLMSPELL_CLEANUP_FREE char *section = NULL;
    if (asprintf(&section, "%s.%.*s", kind, (int)(key - word), word) < 0) {
        section = NULL;
        return out_of_memory(layer);
    }
    to_lower(section);
    return put(layer, name, section, key + 1, value);
}

static int load_plugin(struct layer *layer, const char *kind, const char *name, const char *value)
{
    if (remember(layer->config, name, value))
        return out_of_memory(layer);
    const char *key = NULL, *section = named_section(layer, name, &key);
    if (section)
        return put(layer, name, section, key, value);
    if (strcmp(kind, "tool") == 0)
        return 0;
    return load_first_word(layer, kind, name, value);
}

static int load_variable(struct layer *layer, const char *name, const char *value)
{
    static const char *const kinds[] = {"tool", "protocol", "runtime"};
    const char *rest = name + strlen(PREFIX);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i]);
        if (strncasecmp(rest, kinds[i], length) == 0 && rest[length] == '_')
            return load_plugin(layer, kinds[i], name, value);
    }
    return load_setting(layer, name, value);
}

static bool is_name(const char *name)
{
    return !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")];
}

int environment_load(struct config *config, struct error *ret_error)
{
    struct layer context = {config, config->section_count, ret_error}, *layer = &context;
    int rc = 0;
    for (char **at = environ; at && *at && !rc; at++) {
        const char *equals = strchr(*at, '=');
        if (strncmp(*at, PREFIX, strlen(PREFIX)) != 0 || !equals || !equals[1])
            continue;
        LLMSPELL_CLEANUP_FREE char *name = strndup(*at, (size_t)(equals - *at));
        if (!name)
            rc = out_of_memory(layer);
        else if (is_name(name))
            rc = load_variable(layer, name, equals + 1);
    }
    return rc;
}
