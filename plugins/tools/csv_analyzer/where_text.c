/* SPDX-License-Identifier: Apache-2.0
 * Conditions as text: `age > 30 and name == "Bo"`. Names and values in quotes may hold anything;
 * without, a name ends at a space or an operator, a value at " and ". */
#include "analyzer.h"

struct scan {
    struct llmspell_call *call;
    const char *text, *at;
};

static const struct {
    const char *text, *op;
} operators[] = {
    {">=", "ge"}, {"<=", "le"}, {"==", "eq"}, {"!=", "ne"}, {"<>", "ne"},
    {">", "gt"},  {"<", "lt"},  {"=", "eq"},  {NULL, NULL},
};

static const char *const words[] = {"eq", "ne",       "lt",          "le",        "gt",
                                    "ge", "contains", "starts_with", "ends_with", "matches",
                                    "in", "is_null",  "not_null",    NULL};

static int32_t fail(const struct scan *scan, const char *expected)
{
    size_t offset = text_length(scan->text, (size_t)(scan->at - scan->text));
    return llmspell_fail_at(scan->call, LLMSPELL_EPARSE, "/where", "expected %s at offset %zu",
                            expected, offset);
}

static void skip_spaces(struct scan *scan)
{
    while (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\n')
        scan->at++;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\0';
}

/* The word and; at the end, too, where a condition is missing. */
static bool at_and(const char *text)
{
    return strncasecmp(text, "and", 3) == 0 && is_space(text[3]);
}

/* What would join conditions if others than and could: or, && and ||, with a condition behind. */
static bool at_other_join(const char *text)
{
    size_t size = strncasecmp(text, "or", 2) == 0 || strncmp(text, "&&", 2) == 0 ||
                          strncmp(text, "||", 2) == 0
                      ? 2
                      : 0;
    if (!size || !is_space(text[size]) || !text[size])
        return false;
    text += size + strspn(text + size, " \t\n");
    text += strcspn(text, " \t\n<>=!");
    text += strspn(text, " \t\n");
    if (*text && strchr("<>=!", *text))
        return true;
    for (size_t i = 0; words[i]; i++) {
        size = strlen(words[i]);
        if (strncasecmp(text, words[i], size) == 0 && is_space(text[size]))
            return true;
    }
    return false;
}

/* Text in quotes; a backslash takes the next character as it is. */
static int32_t quoted(struct scan *scan, json_t **ret)
{
    char quote = *scan->at++;
    LLMSPELL_CLEANUP_FREE char *copy = malloc(strlen(scan->at) + 1);
    size_t size = 0;
    if (!copy)
        return no_memory(scan->call);
    for (; *scan->at && *scan->at != quote; scan->at++) {
        if (*scan->at == '\\' && scan->at[1])
            scan->at++;
        copy[size++] = *scan->at;
    }
    if (!*scan->at)
        return fail(scan, "the closing quote");
    scan->at++;
    *ret = json_stringn(copy, size);
    return *ret ? 0 : no_memory(scan->call);
}

static bool is_quote(char c)
{
    return c == '"' || c == '\'' || c == '`';
}

static int32_t name(struct scan *scan, json_t **ret)
{
    skip_spaces(scan);
    if (is_quote(*scan->at))
        return quoted(scan, ret);
    const char *start = scan->at;
    while (!is_space(*scan->at) && !strchr("<>=!", *scan->at))
        scan->at++;
    if (scan->at == start)
        return fail(scan, "a column");
    *ret = json_stringn(start, (size_t)(scan->at - start));
    return *ret ? 0 : no_memory(scan->call);
}

static int32_t operator(struct scan *scan, const char **ret)
{
    skip_spaces(scan);
    for (size_t i = 0; operators[i].text; i++) {
        size_t size = strlen(operators[i].text);
        if (strncmp(scan->at, operators[i].text, size) == 0) {
            scan->at += size;
            *ret = operators[i].op;
            return 0;
        }
    }
    for (size_t i = 0; words[i]; i++) {
        size_t size = strlen(words[i]);
        char next = strncasecmp(scan->at, words[i], size) == 0 ? scan->at[size] : 'x';
        if (is_space(next) || next == '(' || next == '[') {
            scan->at += size;
            *ret = words[i];
            return 0;
        }
    }
    return fail(scan, "an operator (== != < <= > >= contains starts_with ends_with matches in "
                      "is_null not_null)");
}

/* Up to one of the characters of ends, or " and ". */
static int32_t bare(struct scan *scan, const char *ends, json_t **ret)
{
    const char *start = scan->at, *end = start;
    for (; *scan->at && !strchr(ends, *scan->at); scan->at++) {
        if (scan->at > start && is_space(scan->at[-1]) && at_and(scan->at))
            break;
        if (scan->at > start && is_space(scan->at[-1]) && at_other_join(scan->at))
            return fail(scan, "\"and\", which alone joins conditions (quote a value with spaces),");
        if (!is_space(*scan->at))
            end = scan->at + 1;
    }
    if (end == start)
        return fail(scan, "a value");
    *ret = json_stringn(start, (size_t)(end - start));
    return *ret ? 0 : no_memory(scan->call);
}

static int32_t value(struct scan *scan, const char *ends, json_t **ret)
{
    skip_spaces(scan);
    return is_quote(*scan->at) ? quoted(scan, ret) : bare(scan, ends, ret);
}

/* (a, b), [a, b], or a, b up to the next condition. */
static int32_t list(struct scan *scan, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *items = json_array();
    skip_spaces(scan);
    char close = *scan->at == '(' ? ')' : *scan->at == '[' ? ']' : '\0';
    char ends[3] = {',', close, '\0'};
    scan->at += close != '\0';
    for (;;) {
        json_t *item = NULL;
        int32_t rc = value(scan, ends, &item);
        if (rc < 0)
            return rc;
        if (json_array_append_new(items, item) != 0)
            return no_memory(scan->call);
        skip_spaces(scan);
        if (*scan->at != ',')
            break;
        scan->at++;
    }
    if (close && *scan->at != close)
        return fail(scan, "the end of the list");
    scan->at += close != '\0';
    *ret = llmspell_steal_json(&items);
    return 0;
}

static int32_t condition(struct scan *scan, json_t **ret)
{
    LLMSPELL_CLEANUP_JSON json_t *column = NULL, *operand = NULL;
    const char *op = NULL;
    int32_t rc = name(scan, &column);
    if (rc == 0)
        rc = operator(scan, &op);
    if (rc == 0 && strcmp(op, "in") == 0)
        rc = list(scan, &operand);
    else if (rc == 0 && !strstr(op, "_null"))
        rc = value(scan, "", &operand);
    if (rc < 0)
        return rc;
    *ret = json_pack("{s:O, s:s, s:O*}", "column", column, "op", op, "value", operand);
    return *ret ? 0 : no_memory(scan->call);
}

int32_t where_parse(struct llmspell_call *call, const char *text, json_t **ret_conditions)
{
    struct scan scan = {call, text, text};
    LLMSPELL_CLEANUP_JSON json_t *conditions = json_array();
    for (;;) {
        json_t *item = NULL;
        int32_t rc = condition(&scan, &item);
        if (rc < 0)
            return rc;
        if (json_array_append_new(conditions, item) != 0)
            return no_memory(call);
        skip_spaces(&scan);
        if (!*scan.at)
            break;
        if (!at_and(scan.at))
            return fail(&scan, "\"and\" or the end");
        scan.at += 3;
    }
    *ret_conditions = llmspell_steal_json(&conditions);
    return 0;
}
