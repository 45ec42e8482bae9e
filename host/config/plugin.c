/* SPDX-License-Identifier: Apache-2.0
 * The section of a plugin as the JSON object that its open gets: typed by the `config` schema of
 * its manifest. Called by the loader of each kind of plugin. */
#include "config/store.h"

#include <stdlib.h>
#include <string.h>

#include <llmspell/tool.h>

#include "util/near.h"
#include "log/utf8.h"

#define EXPECTED_MAX 256
#define SHOWN_MAX 100

static int out_of_memory(struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_ENOMEM, "out of memory while reading the configuration");
}

static bool has_type(const json_t *property, const char *type)
{
    const char *name = json_string_value(json_object_get(property, "type"));
    return name && strcmp(name, type) == 0;
}

/* ---- text to JSON: NULL if the text is not of the type ---- */

static json_t *parse_boolean(const char *text)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], text) == 0)
            return json_boolean(i % 2);
    return NULL;
}

/* By Jansson: strict, checked for overflow, and deaf to the locale. */
static json_t *parse_number(const char *text, bool integer)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    if (integer ? json_is_integer(value) : json_is_number(value))
        return value;
    json_decref(value);
    return NULL;
}

static json_t *parse_array(const char *text)
{
    json_t *array = json_array();
    while (array && *text) {
        size_t span = strcspn(text, ",\n"), start = strspn(text, " \t"), end = span;
        while (end > start && (text[end - 1] == ' ' || text[end - 1] == '\t'))
            end--;
        if (end > start && json_array_append_new(array, json_stringn(text + start, end - start))) {
            json_decref(array);
            return NULL;
        }
        text += span + (text[span] != '\0');
    }
    return array;
}

static bool in_enum(const json_t *allowed, const json_t *value)
{
    size_t index;
    json_t *item;
    json_array_foreach(allowed, index, item)
    {
        if (json_equal(item, value))
            return true;
    }
    return !json_is_array(allowed);
}

static bool in_range(const json_t *property, const json_t *value)
{
    const json_t *low = json_object_get(property, "minimum");
    const json_t *high = json_object_get(property, "maximum");
    if (!json_is_number(value))
        return true;
    double number = json_number_value(value);
    return (!json_is_number(low) || number >= json_number_value(low)) &&
           (!json_is_number(high) || number <= json_number_value(high));
}

/* raw: as in the file, lines of a continued value separated by '\n'; line: the same with blanks. */
static json_t *parse_value(const json_t *property, const char *raw, const char *line)
{
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    if (has_type(property, "string") || !json_object_get(property, "type")) /* an enum alone */
        value = json_string(line);
    else if (has_type(property, "integer"))
        value = parse_number(line, true);
    else if (has_type(property, "number"))
        value = parse_number(line, false);
    else if (has_type(property, "boolean"))
        value = parse_boolean(line);
    else if (has_type(property, "array"))
        value = parse_array(raw);
    if (!value || !in_enum(json_object_get(property, "enum"), value) || !in_range(property, value))
        return NULL;
    return llmspell_steal_json(&value);
}

/* ---- what would be accepted ---- */

__attribute__((format(printf, 3, 4))) static void add_text(char *text, size_t size,
                                                           const char *format, ...)
{
    size_t length = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, size - length, format, args);
    va_end(args);
}

static void add_json(char *text, size_t size, const json_t *value)
{
    LLMSPELL_CLEANUP_FREE char *dump =
        json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    add_text(text, size, "%s",
             dump                       ? dump
             : json_string_value(value) ? json_string_value(value)
                                        : "?");
}

static void describe_range(const json_t *property, char *text, size_t size)
{
    const json_t *low = json_object_get(property, "minimum");
    const json_t *high = json_object_get(property, "maximum");
    if (low) {
        add_text(text, size, high ? " from " : " of at least ");
        add_json(text, size, low);
    }
    if (high) {
        add_text(text, size, low ? " to " : " up to ");
        add_json(text, size, high);
    }
}

static void describe(const json_t *property, char text[EXPECTED_MAX])
{
    const json_t *allowed = json_object_get(property, "enum");
    text[0] = '\0';
    if (json_is_array(allowed)) {
        size_t index;
        json_t *item;
        json_array_foreach(allowed, index, item)
        {
            add_text(text, EXPECTED_MAX, index ? ", " : "one of ");
            add_json(text, EXPECTED_MAX, item);
        }
        return;
    }
    add_text(text, EXPECTED_MAX, "%s",
             has_type(property, "integer")   ? "an integer"
             : has_type(property, "number")  ? "a number"
             : has_type(property, "boolean") ? "true or false (yes, no, on, off, 1, 0)"
             : has_type(property, "array")   ? "items separated by commas"
                                             : "a text");
    describe_range(property, text, EXPECTED_MAX);
}

/* ---- the section ---- */

static int unknown_key(const struct config_entry *entry, const json_t *properties,
                       struct error *ret_error)
{
    if (json_object_size(properties) == 0)
        return error_set(ret_error, LLMSPELL_EINVAL,
                         "%s: [%s] has no key \"%s\": this plugin takes no configuration",
                         entry->where, entry->section, entry->key);
    struct near near = {.word = entry->key};
    char names[400] = "its keys are ";
    const char *key;
    json_t *property;
    json_object_foreach((json_t *)properties, key, property)
    {
        near_offer(&near, key);
        add_text(names, sizeof names, "%s%s", names[13] ? ", " : "", key);
    }
    if (near.best)
        snprintf(names, sizeof names, "did you mean %s?", near.best);
    return error_set(ret_error, LLMSPELL_EINVAL, "%s: [%s] has no key \"%s\"; %s", entry->where,
                     entry->section, entry->key, names);
}

/* Keys of each [tool.NAME] that the host reads itself. */
static int check_keys(const struct config *config, const char *section, const json_t *properties,
                      struct error *ret_error)
{
    for (size_t i = 0; i < config->entry_count; i++) {
        const struct config_entry *entry = &config->entries[i];
        if (strcmp(entry->section, section) == 0 && !json_object_get(properties, entry->key) &&
            !store_is_common_key(section, entry->key))
            return unknown_key(entry, properties, ret_error);
    }
    return 0;
}

/* A variable whose section and key could not be told apart while the environment was read. */
static const struct config_variable *find_variable(const struct config *config, const char *section,
                                                   const char *key)
{
    for (size_t i = 0; i < config->variable_count; i++)
        if (environment_is(config->variables[i].name, section, key))
            return &config->variables[i];
    return NULL;
}

static int bad_value(const char *where, const char *section, const char *key, const char *line,
                     const json_t *property, struct error *ret_error)
{
    char expected[EXPECTED_MAX];
    describe(property, expected);
    return error_set(ret_error, LLMSPELL_EINVAL,
                     "%s: [%s] %s = \"%.*s\" is not acceptable: expected %s", where, section, key,
                     utf8_clip(line, SHOWN_MAX), line, expected);
}

/* *ret_value stays NULL if nothing sets the key. */
static int find_value(const struct config *config, const char *section, const char *key,
                      const json_t *property, json_t **ret_value, struct error *ret_error)
{
    const struct config_entry *entry = store_entry(config, section, key);
    const struct config_variable *variable =
        entry && entry->command_line ? NULL : find_variable(config, section, key);
    if (!entry && !variable)
        return 0;
    char where[128];
    snprintf(where, sizeof where, "environment %s", variable ? variable->name : "");
    const char *raw = variable ? variable->value : entry->raw;
    const char *line = variable ? variable->value : entry->shown;
    int rc = variable ? store_check_text(where, raw, ret_error) : 0;
    if (rc)
        return rc;
    *ret_value = parse_value(property, raw, line);
    return *ret_value ? 0
                      : bad_value(variable ? where : entry->where, section, key, line, property,
                                  ret_error);
}

static int add_property(const struct config *config, const char *section, const char *key,
                        const json_t *property, json_t *object, struct error *ret_error)
{
    json_t *value = NULL;
    int rc = find_value(config, section, key, property, &value, ret_error);
    const json_t *fallback = json_object_get(property, "default");
    if (rc || (!value && !fallback))
        return rc;
    if (!value)
        value = json_deep_copy(fallback);
    return json_object_set_new(object, key, value) ? out_of_memory(ret_error) : 0;
}

static int read_properties(const struct config *config, const char *section,
                           const json_t *properties, json_t **ret_object, struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    int rc = object ? 0 : out_of_memory(ret_error);
    const char *key;
    json_t *property;
    json_object_foreach((json_t *)properties, key, property)
    {
        if (!rc)
            rc = add_property(config, section, key, property, object, ret_error);
    }
    if (!rc)
        *ret_object = llmspell_steal_json(&object);
    return rc;
}

int config_plugin(const struct config *config, const char *section, const json_t *schema,
                  json_t **ret_object, struct error *ret_error)
{
    const json_t *properties = json_object_get(schema, "properties");
    int rc = check_keys(config, section, properties, ret_error);
    return rc ? rc : read_properties(config, section, properties, ret_object, ret_error);
}

int config_common(const struct config *config, const char *section, json_t **ret_object,
                  struct error *ret_error)
{
    LLMSPELL_CLEANUP_JSON json_t *schema = config_common_schema();
    return read_properties(config, section, json_object_get(schema, "properties"), ret_object,
                           ret_error);
}
