/* SPDX-License-Identifier: Apache-2.0
 * Small readers of /proc and /sys, through the host's file service, and the JSON values that the
 * parts of a result are made of. Used by every source of system_monitor. */
#include <math.h>
#include <time.h>

#include "monitor.h"

#define FILE_MAX (16u * 1024 * 1024)

int32_t no_memory(struct monitor *monitor)
{
    return llmspell_fail(monitor->call, LLMSPELL_ENOMEM, "out of memory while measuring");
}

int32_t part_return(struct monitor *monitor, json_t **ret_part, json_t *object)
{
    if (!object)
        return no_memory(monitor);
    *ret_part = object;
    return 0;
}

char *read_text(struct monitor *monitor, const char *path)
{
    char *text = NULL;
    size_t size = 0;
    int32_t rc = llmspell_fs_read(monitor->call, path, NULL, FILE_MAX, &text, &size);
    if (rc == LLMSPELL_ENOMEM || rc == LLMSPELL_ETIMEOUT || rc == LLMSPELL_ECANCELLED)
        monitor->broken = rc;
    return text; /* NULL unless it was read */
}

/* Not /proc/self: that is a link, and beside it the paths of this process are ordinary ones. */
char *read_own(struct monitor *monitor, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "/proc/%ld/%s", (long)getpid(), name);
    return read_text(monitor, path);
}

/* A whole number that fits; UNKNOWN for anything else ("max", 2^64 - 1, a negative one). */
static json_int_t parse_integer(const char *text)
{
    char *end;
    while (*text == ' ' || *text == '\t')
        text++;
    if (*text < '0' || *text > '9')
        return UNKNOWN;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    return errno ? UNKNOWN : value;
}

json_int_t read_integer(struct monitor *monitor, const char *path)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, path);
    return text ? parse_integer(text) : UNKNOWN;
}

json_int_t field_integer(const char *text, const char *key)
{
    size_t length = strlen(key);
    while (text) {
        if (strncmp(text, key, length) == 0)
            return parse_integer(text + length);
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    return UNKNOWN;
}

char *next_line(char **text)
{
    char *line = *text;
    if (!*line)
        return NULL;
    char *end = strchrnul(line, '\n');
    *text = *end ? end + 1 : end;
    *end = '\0';
    return line;
}

char *next_word(char **text)
{
    char *word = *text + strspn(*text, " \t");
    char *end = word + strcspn(word, " \t");
    *text = *end ? end + 1 : end;
    *end = '\0';
    return word;
}

double uptime_seconds(struct monitor *monitor)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, "/proc/uptime");
    long whole;
    unsigned hundredths; /* no strtod: it depends on the locale */
    if (!text || sscanf(text, "%ld.%2u", &whole, &hundredths) != 2)
        return UNKNOWN;
    return (double)whole + (double)hundredths / 100;
}

json_int_t boot_time(struct monitor *monitor)
{
    LLMSPELL_CLEANUP_FREE char *text = read_text(monitor, "/proc/stat");
    return field_integer(text, "btime ");
}

json_t *value_integer(json_int_t value)
{
    return value < 0 ? json_null() : json_integer(value);
}

json_t *value_number(double value)
{
    if (!isfinite(value) || value < 0)
        return json_null();
    double rounded = round(value * 100) / 100;
    if (rounded <= 9007199254740992.0 && rounded == floor(rounded))
        return json_integer((json_int_t)rounded);
    return json_real(rounded);
}

json_t *value_percent(double part, double whole)
{
    return whole > 0 && part >= 0 ? value_number(100 * part / whole) : json_null();
}

/* The length of the UTF-8 character at text, 0 if there is none. */
static size_t character_length(const char *text, size_t left)
{
    unsigned char lead = (unsigned char)*text;
    size_t length = lead < 0x80                   ? 1
                    : lead >= 0xC2 && lead < 0xE0 ? 2
                    : (lead & 0xF0) == 0xE0       ? 3
                    : lead >= 0xF0 && lead < 0xF5 ? 4
                                                  : 0;
    if (length > left)
        return 0;
    json_t *probe = json_stringn(text, length); /* Jansson's own check knows the odd cases */
    json_decref(probe);
    return probe ? length : 0;
}

json_t *value_text(const char *text, size_t length)
{
    json_t *whole = json_stringn(text, length);
    if (whole)
        return whole;
    LLMSPELL_CLEANUP_FREE char *clean = malloc(length * 3 + 1);
    if (!clean)
        return NULL;
    size_t used = 0;
    for (size_t at = 0; at < length;) {
        size_t n = character_length(text + at, length - at);
        memcpy(clean + used, n ? text + at : "\xEF\xBF\xBD", n ? n : 3);
        used += n ? n : 3;
        at += n ? n : 1;
    }
    return json_stringn(clean, used);
}

json_t *value_time(json_int_t seconds, int milliseconds)
{
    char text[64], fraction[8] = "";
    struct tm parts;
    time_t when = (time_t)seconds;
    if (seconds < 0 || !gmtime_r(&when, &parts))
        return json_null();
    if (milliseconds > 0 && milliseconds < 1000)
        snprintf(fraction, sizeof fraction, ".%03d", milliseconds);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, fraction);
    return json_string(text);
}

json_t *value_bool(int value)
{
    return value < 0 ? json_null() : json_boolean(value);
}
