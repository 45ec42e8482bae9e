/* SPDX-License-Identifier: Apache-2.0
 * Guesses a format: the strict ones by reading the text, the others by how it looks. */
#include "../shared/csv.h"
#include "converter.h"

struct attempt {
    const char *name;
    /* How sure it is that this is the format, from what was read; 0: it is not. */
    double (*judge)(const struct reading *reading, const json_t *value);
};

static const char *skip_blank(const struct reading *reading)
{
    const char *at = reading->text, *end = at + reading->size;
    while (at < end && *at && strchr(" \t\r\n", *at))
        at++;
    return at;
}

static size_t count_char(const struct reading *reading, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < reading->size; i++)
        count += reading->text[i] == c;
    return count;
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static double judge_json(const struct reading *reading, const json_t *value)
{
    (void)reading;
    return is_container(value) ? 1 : 0.6; /* 5 and "x" are much else as well */
}

static double judge_jsonl(const struct reading *reading, const json_t *value)
{
    (void)reading;
    size_t count = json_array_size(value), containers = 0;
    for (size_t i = 0; i < count; i++)
        containers += is_container(json_array_get(value, i));
    if (count < 2 || containers == 0)
        return 0;
    return containers == count ? 0.95 : 0.7;
}

static double judge_xml(const struct reading *reading, const json_t *value)
{
    (void)value;
    const char *start = skip_blank(reading);
    return start < reading->text + reading->size && *start == '<' ? 1 : 0;
}

static double judge_msgpack(const struct reading *reading, const json_t *value)
{
    (void)reading;
    return is_container(value) ? 0.9 : 0.3;
}

static double judge_object(const json_t *value, double confidence)
{
    return json_object_size(value) > 0 ? confidence : 0;
}

static double judge_toml(const struct reading *reading, const json_t *value)
{
    (void)reading;
    return judge_object(value, 0.9);
}

static bool has_section(const json_t *value)
{
    const char *key;
    json_t *member;
    json_object_foreach((json_t *)value, key, member)
    {
        if (json_is_object(member))
            return true;
    }
    return false;
}

static double judge_ini(const struct reading *reading, const json_t *value)
{
    (void)reading;
    return has_section(value) ? 0.8 : 0;
}

/* One line of names and values with = and &, without spaces. */
static double judge_query(const struct reading *reading, const json_t *value)
{
    size_t pairs = count_char(reading, '=');
    bool spaces = count_char(reading, ' ') > 0 || count_char(reading, '\n') > 1;
    bool question = reading->size > 0 && *reading->text == '?';
    if (spaces || pairs == 0 || (!question && count_char(reading, '&') + 1 != pairs))
        return 0;
    return judge_object(value, pairs > 1 ? 0.85 : 0.4);
}

static double judge_yaml(const struct reading *reading, const json_t *value)
{
    if (json_is_array(value))
        return json_array_size(value) > 0 ? 0.8 : 0;
    return judge_object(value, reading->size > 3 && !memcmp(reading->text, "---", 3) ? 0.95 : 0.8);
}

/* Lines with = in most of them. */
static double judge_properties(const struct reading *reading, const json_t *value)
{
    size_t pairs = count_char(reading, '=');
    return pairs && pairs >= json_object_size(value) ? judge_object(value, 0.55) : 0;
}

/* Every record of the same number of columns, at least two. */
static double judge_table(const struct reading *reading, const json_t *value)
{
    (void)reading;
    const json_t *first = json_array_get(value, 0);
    return json_object_size(first) > 1 ? 0.7 : 0;
}

/* *limited: the text was too much for this format, if it is the format. */
static int32_t try_format(struct reading *reading, const struct attempt *attempt,
                          struct guess *best, bool *limited)
{
    const struct format *format = format_find(attempt->name);
    LLMSPELL_CLEANUP_JSON json_t *value = NULL;
    reading->nodes = 0;
    int32_t rc = format->read(reading, &value);
    if (rc == LLMSPELL_ECANCELLED) /* an attempt before may have left its own message */
        return llmspell_fail(reading->call, rc, "the caller cancelled the call");
    if (rc == LLMSPELL_ETIMEOUT)
        return llmspell_fail(reading->call, rc, "guessing the format took too long; say from");
    if (rc == LLMSPELL_ENOMEM)
        return rc;
    *limited = *limited || rc == LLMSPELL_ELIMIT;
    if (rc < 0)
        return 0;
    double confidence = attempt->judge(reading, value);
    if (confidence > best->confidence)
        *best = (struct guess){format, confidence};
    return 0;
}

static const struct attempt text_attempts[] = {
    {"json", judge_json},   {"jsonl", judge_jsonl},
    {"xml", judge_xml},     {"toml", judge_toml},
    {"query", judge_query}, {"ini", judge_ini},
    {"yaml", judge_yaml},   {"tsv", judge_table},
    {"csv", judge_table},   {"properties", judge_properties},
};

static const struct attempt binary_attempts[] = {{"msgpack", judge_msgpack}};

/* The tab tells TSV, whatever else CSV would make of it. */
static bool is_worth_trying(const struct reading *reading, const struct attempt *attempt)
{
    if (strcmp(attempt->name, "tsv") == 0)
        return csv_guess_delimiter(reading->call, reading->text, reading->size, '"') == '\t';
    return true;
}

int32_t detect(struct reading *reading, bool text_only, struct guess *ret)
{
    const struct attempt *attempts = text_only ? text_attempts : binary_attempts;
    size_t count = text_only ? sizeof text_attempts / sizeof *text_attempts : 1;
    bool limited = false;
    *ret = (struct guess){NULL, 0};
    for (size_t i = 0; i < count && ret->confidence < 0.9; i++) {
        int32_t rc = is_worth_trying(reading, &attempts[i])
                         ? try_format(reading, &attempts[i], ret, &limited)
                         : 0;
        if (rc < 0)
            return rc;
    }
    reading->nodes = 0;
    if (limited && !ret->format)
        return llmspell_fail_at(reading->call, LLMSPELL_ELIMIT, reading->pointer,
                                "the document is too large or too deep to guess its format");
    return 0;
}
