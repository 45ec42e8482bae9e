/* SPDX-License-Identifier: Apache-2.0
 * UTF-8, names, paths and times of files as the results of tools show them. */
#include "file_values.h"

#include <stdint.h>

#define BLOCK 64 /* bytes that are asked at once whether all are ASCII */

/* The length that a lead byte announces, and the range of the byte after it. 0: no lead byte. */
static size_t lead_length(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *ret_high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The bytes of the character at data, 0 if there is none. */
static size_t character_size(const unsigned char *data, size_t size)
{
    unsigned char low, high;
    size_t want = lead_length(data[0], &low, &high);
    if (want == 0 || want > size)
        return 0;
    if (want > 1 && (data[1] < low || data[1] > high))
        return 0;
    for (size_t i = 2; i < want; i++)
        if ((data[i] & 0xC0) != 0x80)
            return 0;
    return want;
}

static bool is_ascii_block(const unsigned char *data)
{
    uint64_t words[BLOCK / 8], all = 0;
    memcpy(words, data, BLOCK);
    for (size_t i = 0; i < BLOCK / 8; i++)
        all |= words[i];
    return (all & 0x8080808080808080u) == 0;
}

size_t utf8_valid_size(const char *data, size_t size)
{
    const unsigned char *bytes = (const unsigned char *)data;
    size_t at = 0;
    while (at < size) {
        while (size - at >= BLOCK && is_ascii_block(bytes + at))
            at += BLOCK;
        size_t end = size - at < BLOCK ? size : at + BLOCK;
        while (at < end) {
            size_t step = bytes[at] < 0x80 ? 1 : character_size(bytes + at, size - at);
            if (step == 0)
                return at;
            at += step;
        }
    }
    return at;
}

json_t *clean_text(const char *data, size_t size, bool printable)
{
    size_t out = 0;
    LLMSPELL_CLEANUP_FREE char *text = malloc(size * 3 + 1);
    if (!text)
        return NULL;
    for (size_t at = 0; at < size;) {
        unsigned char c = (unsigned char)data[at];
        size_t step = character_size((const unsigned char *)data + at, size - at);
        bool good = step > 0 && !(printable && (c < 0x20 || c == 0x7F));
        memcpy(text + out, good ? data + at : "\xEF\xBF\xBD", good ? step : 3);
        out += good ? step : 3;
        at += step ? step : 1;
    }
    return json_stringn_nocheck(text, out);
}

char *join_path(const char *folder, const char *name)
{
    size_t length = strlen(folder), rest = strlen(name);
    if (length == 1 && folder[0] == '.')
        length = 0;
    bool slash = length > 0 && folder[length - 1] != '/';
    char *path = malloc(length + rest + 2);
    if (!path)
        return NULL;
    memcpy(path, folder, length);
    if (slash)
        path[length++] = '/';
    memcpy(path + length, name, rest + 1);
    return path;
}

json_t *time_value(const struct timespec *time)
{
    struct tm tm;
    char day[64], text[96];
    long ms = time->tv_nsec / 1000000;
    if (!gmtime_r(&time->tv_sec, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900)
        return json_string(time->tv_sec < 0 ? "0000-01-01T00:00:00Z" : "9999-12-31T23:59:59Z");
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &tm);
    if (ms)
        snprintf(text, sizeof text, "%s.%03ldZ", day, ms);
    else
        snprintf(text, sizeof text, "%sZ", day);
    return json_string(text);
}

void show_path(const char *path, char ret_shown[SHOWN_SIZE])
{
    size_t length = strlen(path), most = SHOWN_SIZE - 4;
    if (length <= most) {
        memcpy(ret_shown, path, length + 1);
        return;
    }
    while (most > 0 && ((unsigned char)path[most] & 0xC0) == 0x80)
        most--;
    memcpy(ret_shown, path, most);
    memcpy(ret_shown + most, "...", 4);
}
