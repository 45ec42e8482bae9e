/* SPDX-License-Identifier: Apache-2.0
 * Text to typed values, with overflow and range checks, and the words that say what is accepted.
 * Called by store.c for every value of the table of settings, whatever layer it comes from. */
#include "config/settings.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <llmspell/tool.h>

#include "util/timestamp.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit durations[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000},
                                        {"s", 1000},     {"ms", 1},      {NULL, 0}};
static const struct unit sizes[] = {
    {"G", INT64_C(1) << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0}};

/* Digits with a sign, then a unit; bare is the factor of a number without one, 0 = none allowed. */
static int parse_number(const char *text, const struct unit *units, int64_t bare, int64_t *ret)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!isdigit((unsigned char)*digits))
        return LLMSPELL_EINVAL;
    char *end = NULL;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno == ERANGE)
        return LLMSPELL_EINVAL;
    int64_t factor = *end ? 0 : bare;
    for (const struct unit *unit = units; *end && unit && unit->name; unit++)
        if (strcasecmp(unit->name, end) == 0)
            factor = unit->factor;
    int64_t value = 0;
    if (factor == 0 || __builtin_mul_overflow((int64_t)number, factor, &value))
        return LLMSPELL_EINVAL;
    *ret = value;
    return 0;
}

static int parse_bool(const char *text, int64_t *ret)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(words[i], text) == 0) {
            *ret = (int64_t)(i % 2);
            return 0;
        }
    return LLMSPELL_EINVAL;
}

static char *steal(char **pointer)
{
    char *value = *pointer;
    *pointer = NULL;
    return value;
}

static int copy_text(const char *text, size_t length, char **ret_text)
{
    *ret_text = strndup(text, length);
    return *ret_text ? 0 : LLMSPELL_ENOMEM;
}

/* The spelling of the table is kept, so that callers need not think of case. */
static int parse_choice(const char *choices, const char *text, char **ret_text)
{
    size_t length = strlen(text);
    while (length > 0) {
        size_t size = strcspn(choices, "|");
        if (size == length && strncasecmp(choices, text, size) == 0)
            return copy_text(choices, size, ret_text);
        if (!choices[size])
            break;
        choices += size + 1;
    }
    return LLMSPELL_EINVAL;
}

/* Absolute paths and ${variables} stay; ~ is the home folder; others start at base. */
static int resolve_path(const char *path, const char *base, char **ret_path)
{
    const char *home = getenv("HOME");
    if (path[0] == '~' && (path[1] == '/' || !path[1]) && home && *home)
        return asprintf(ret_path, "%s%s", home, path + 1) < 0 ? LLMSPELL_ENOMEM : 0;
    if (path[0] == '/' || path[0] == '$')
        return copy_text(path, strlen(path), ret_path);
    LLMSPELL_CLEANUP_FREE char *cwd = base ? NULL : getcwd(NULL, 0);
    if (!base && !cwd)
        return LLMSPELL_EIO;
    const char *folder = base ? base : cwd;
    while (strncmp(path, "./", 2) == 0)
        path += 2;
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    return asprintf(ret_path, "%s%s%s", folder, slash, path) < 0 ? LLMSPELL_ENOMEM : 0;
}

static int append_item(FILE *out, const char *item, size_t length, char separator, const char *base)
{
    LLMSPELL_CLEANUP_FREE char *text = NULL, *path = NULL;
    int rc = copy_text(item, length, &text);
    if (!rc && separator == ':')
        rc = resolve_path(text, base, &path);
    if (rc)
        return rc;
    if (ftell(out) > 0)
        fputc(separator, out);
    fputs(path ? path : text, out);
    return 0;
}

/* Trims the items, drops empty ones, resolves them if they are paths. */
static int parse_list(const struct setting *setting, const char *raw, const char *base,
                      char **ret_text)
{
    char separators[] = {setting_separator(setting), '\n', '\0'};
    LLMSPELL_CLEANUP_FREE char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return LLMSPELL_ENOMEM;
    int rc = 0;
    int64_t count = 0;
    while (*raw && !rc) {
        size_t span = strcspn(raw, separators);
        size_t start = strspn(raw, " \t"), end = span;
        while (end > start && isblank((unsigned char)raw[end - 1]))
            end--;
        if (end > start && ++count)
            rc = append_item(out, raw + start, end - start, separators[0], base);
        raw += span + (raw[span] != '\0');
    }
    if (fclose(out) != 0 && !rc)
        rc = LLMSPELL_ENOMEM;
    if (!rc && count < setting->min)
        rc = LLMSPELL_EINVAL;
    if (!rc)
        *ret_text = steal(&text);
    return rc;
}

/* An empty text unsets what has no built-in value. */
static int parse_text(const struct setting *setting, const char *text, const char *base,
                      char **ret_text)
{
    if (!*text)
        return setting->fallback ? LLMSPELL_EINVAL : 0;
    if (setting->type == SETTING_PATH)
        return resolve_path(text, base, ret_text);
    return copy_text(text, strlen(text), ret_text);
}

static int parse_ranged(const struct setting *setting, const char *text, int64_t *ret_number)
{
    int rc = setting->type == SETTING_BOOL       ? parse_bool(text, ret_number)
             : setting->type == SETTING_DURATION ? parse_number(text, durations, 1000, ret_number)
             : setting->type == SETTING_SIZE     ? parse_number(text, sizes, 1, ret_number)
                                                 : parse_number(text, NULL, 1, ret_number);
    bool ranged = setting->type != SETTING_BOOL;
    if (!rc && ranged && (*ret_number < setting->min || *ret_number > setting->max))
        rc = LLMSPELL_EINVAL;
    return rc;
}

int setting_parse(const struct setting *setting, const char *raw, const char *base, char **ret_text,
                  int64_t *ret_number)
{
    LLMSPELL_CLEANUP_FREE char *line = strdup(raw), *text = NULL;
    if (!line)
        return LLMSPELL_ENOMEM;
    for (char *at = line; (at = strchr(at, '\n'));)
        *at = ' ';
    int64_t number = 0;
    int rc = 0;
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_PATH:
        rc = parse_text(setting, line, base, &text);
        break;
    case SETTING_TIME:
        rc = *line && !timestamp_parse(line, &number) ? LLMSPELL_EINVAL : 0;
        if (!rc && *line)
            rc = copy_text(line, strlen(line), &text);
        break;
    case SETTING_LIST:
        rc = parse_list(setting, raw, base, &text);
        break;
    case SETTING_CHOICE:
        rc = parse_choice(setting->choices, line, &text);
        break;
    default:
        rc = parse_ranged(setting, line, &number);
        if (!rc)
            rc = copy_text(line, strlen(line), &text);
    }
    if (rc)
        return rc;
    *ret_number = number;
    *ret_text = steal(&text);
    return 0;
}

/* 3600000 as "1h", 10485760 as "10M": in the largest unit that leaves no rest. */
static void format_number(int64_t number, const struct unit *units, char text[32])
{
    const struct unit *unit = units;
    while (number != 0 && unit->factor != 1 && number % unit->factor != 0)
        unit++;
    snprintf(text, 32, "%" PRId64 "%s", number ? number / unit->factor : 0,
             number ? unit->name : "");
}

static void describe_range(const struct setting *setting, const char *what,
                           const struct unit *units, const char *examples, char *description)
{
    char low[32], high[32];
    if (units) {
        format_number(setting->min, units, low);
        format_number(setting->max, units, high);
    } else {
        snprintf(low, sizeof low, "%" PRId64, setting->min);
        snprintf(high, sizeof high, "%" PRId64, setting->max);
    }
    snprintf(description, SETTING_DESCRIPTION_MAX, "%s from %s to %s%s", what, low, high, examples);
}

static void describe_choices(const char *choices, char *description)
{
    size_t length = (size_t)snprintf(description, SETTING_DESCRIPTION_MAX, "one of ");
    for (; *choices && length + 3 < SETTING_DESCRIPTION_MAX; choices++) {
        if (*choices == '|') {
            description[length++] = ',';
            description[length++] = ' ';
        } else {
            description[length++] = *choices;
        }
    }
    description[length] = '\0';
}

void setting_describe(const struct setting *setting, char description[SETTING_DESCRIPTION_MAX])
{
    const char *text = NULL;
    switch (setting->type) {
    case SETTING_INTEGER:
        describe_range(setting, "an integer", NULL, "", description);
        return;
    case SETTING_DURATION:
        describe_range(setting, "a duration", durations,
                       " (500ms, 5s, 2m, 1h, 7d; a bare number is seconds)", description);
        return;
    case SETTING_SIZE:
        describe_range(setting, "a size", sizes, " (bytes, or 64K, 10M, 2G)", description);
        return;
    case SETTING_CHOICE:
        describe_choices(setting->choices, description);
        return;
    case SETTING_BOOL:
        text = "true or false (yes, no, on, off, 1, 0)";
        break;
    case SETTING_LIST:
        text = setting_separator(setting) == ':' ? "paths separated by ':'"
               : setting->min > 0                ? "at least one name, separated by commas"
                                                 : "names separated by commas";
        break;
    case SETTING_TIME:
        text = "a time such as 2026-11-22T17:43:13Z";
        break;
    case SETTING_PATH:
        text = "a path";
        break;
    case SETTING_STRING:
        text = setting->fallback ? "a text that is not empty" : "a text";
        break;
    }
    snprintf(description, SETTING_DESCRIPTION_MAX, "%s", text);
}
