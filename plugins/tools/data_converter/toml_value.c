/* SPDX-License-Identifier: Apache-2.0
 * Values of TOML: arrays, inline tables, words; strings and numbers elsewhere. */
#include "toml.h"

static int32_t enter(struct toml *toml)
{
    if (++toml->depth > TOML_DEPTH_MAX)
        return llmspell_fail_at(toml->reading->call, LLMSPELL_ELIMIT, toml->reading->pointer,
                                "nested deeper than %d levels", TOML_DEPTH_MAX);
    return 0;
}

/* After [; values, commas, comments and line ends up to ]. */
static int32_t read_items(struct toml *toml, json_t *list)
{
    int32_t rc = toml_skip_blank(toml);
    while (rc == 0 && toml->at < toml->end && *toml->at != ']') {
        LLMSPELL_CLEANUP_JSON json_t *value = NULL, *shadow = NULL;
        rc = toml_read_value(toml, &value, &shadow);
        if (rc == 0 && json_array_append(list, value) != 0)
            rc = no_memory(toml->reading->call);
        if (rc == 0)
            rc = count_node(toml->reading);
        if (rc == 0)
            rc = toml_skip_blank(toml);
        if (rc < 0 || toml->at == toml->end || *toml->at != ',')
            break;
        toml->at++;
        rc = toml_skip_blank(toml);
    }
    if (rc == 0 && (toml->at == toml->end || *toml->at != ']'))
        rc = toml_fail(toml, "expected , or ]");
    toml->at += rc == 0;
    return rc;
}

static int32_t read_array(struct toml *toml, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    int32_t rc = enter(toml);
    toml->at++;
    if (rc == 0)
        rc = list ? read_items(toml, list) : no_memory(toml->reading->call);
    toml->depth--;
    *ret = rc == 0 ? llmspell_steal_json(&list) : NULL;
    return rc;
}

static int32_t read_member(struct toml *toml, json_t *table, json_t *shadow)
{
    LLMSPELL_CLEANUP_JSON json_t *parts = NULL;
    const char *place = toml->at;
    json_t *value = NULL, *value_shadow = NULL;
    int32_t rc = toml_read_key(toml, &parts);
    if (rc < 0)
        return rc;
    if (toml->at == toml->end || *toml->at != '=')
        return toml_fail(toml, "expected = behind the key");
    toml->at++;
    toml_skip_spaces(toml);
    rc = toml_read_value(toml, &value, &value_shadow);
    return rc < 0 ? rc : toml_assign(toml, table, shadow, parts, place, value, value_shadow);
}

/* After {; on one line, and without a comma at the end. */
static int32_t read_members(struct toml *toml, json_t *table, json_t *shadow)
{
    int32_t rc = 0;
    toml_skip_spaces(toml);
    if (toml->at < toml->end && *toml->at == '}') {
        toml->at++;
        return 0;
    }
    while (rc == 0) {
        rc = read_member(toml, table, shadow);
        toml_skip_spaces(toml);
        if (rc < 0 || toml->at == toml->end || *toml->at != ',')
            break;
        toml->at++;
        toml_skip_spaces(toml);
    }
    if (rc == 0 && (toml->at == toml->end || *toml->at != '}'))
        rc = toml_fail(toml, "expected , or }");
    toml->at += rc == 0;
    return rc;
}

static int32_t read_inline_table(struct toml *toml, json_t **ret, json_t **ret_shadow)
{
    LLMSPELL_CLEANUP_JSON json_t *table = json_object();
    /* within it dotted keys make tables, beyond it nothing does */
    LLMSPELL_CLEANUP_JSON json_t *shadow = toml_shadow(TABLE_HEADER, toml->section);
    LLMSPELL_CLEANUP_JSON json_t *closed = toml_shadow(TABLE_CLOSED, toml->section);
    if (!table || !shadow || !closed)
        return no_memory(toml->reading->call);
    int32_t rc = enter(toml);
    toml->at++;
    if (rc == 0)
        rc = read_members(toml, table, shadow);
    toml->depth--;
    *ret = rc == 0 ? llmspell_steal_json(&table) : NULL;
    *ret_shadow = rc == 0 ? llmspell_steal_json(&closed) : NULL;
    return rc;
}

static bool is_end(char c)
{
    return strchr(" \t\r\n,]}#", c) != NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Up to what ends a value; a date may have one space before its time. */
static size_t word_size(const struct toml *toml)
{
    const char *at = toml->at;
    while (at < toml->end && !is_end(*at))
        at++;
    if (at - toml->at == 10 && toml->at[4] == '-' && toml->end - at > 3 && *at == ' ' &&
        is_digit(at[1]) && is_digit(at[2]) && at[3] == ':')
        for (at++; at < toml->end && !is_end(*at);)
            at++;
    return (size_t)(at - toml->at);
}

static bool is_word(const struct toml *toml, size_t size, const char *word)
{
    return strlen(word) == size && memcmp(toml->at, word, size) == 0;
}

static int32_t read_word(struct toml *toml, json_t **ret)
{
    size_t size = word_size(toml);
    if (size == 0)
        return toml_fail(toml, "expected a value");
    if (is_word(toml, size, "true") || is_word(toml, size, "false")) {
        *ret = json_boolean(*toml->at == 't');
        toml->at += size;
        return 0;
    }
    int32_t rc = toml_read_number(toml, size, ret);
    toml->at += rc == 0 ? size : 0;
    return rc;
}

int32_t toml_read_value(struct toml *toml, json_t **ret_value, json_t **ret_shadow)
{
    char c = toml->at < toml->end ? *toml->at : '\0';
    if (c == '"' || c == '\'')
        return toml_read_string(toml, true, ret_value);
    if (c == '[')
        return read_array(toml, ret_value);
    if (c == '{')
        return read_inline_table(toml, ret_value, ret_shadow);
    return read_word(toml, ret_value);
}
