/* SPDX-License-Identifier: Apache-2.0
 * The forms of text.h. Reasons tell offsets in code points: all that stands before a wrong
 * character is ASCII, so that its byte index is its offset. */
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "generate.h"

static const char *const FORMATS[] = {"hyphenated", "simple", "urn", "braced", "ulid"};
static const char CROCKFORD[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char HEX_DIGITS[] = "0123456789abcdef";

#define URN "urn:uuid:"
#define URN_SIZE 9

enum text_format text_format_find(const char *name)
{
    unsigned i = TEXT_ULID;
    while (name && i > TEXT_HYPHENATED && strcmp(FORMATS[i], name) != 0)
        i--;
    return name ? (enum text_format)i : TEXT_HYPHENATED;
}

const char *text_format_name(enum text_format format)
{
    return FORMATS[format];
}

static unsigned __int128 id_number(const struct id *id)
{
    unsigned __int128 number = 0;
    for (int i = 0; i < 16; i++)
        number = number << 8 | id->bytes[i];
    return number;
}

/* ---- writing ---- */

static void write_hex(const struct id *id, bool hyphens, char *text)
{
    for (int i = 0; i < 16; i++) {
        if (hyphens && (i == 4 || i == 6 || i == 8 || i == 10))
            *text++ = '-';
        *text++ = HEX_DIGITS[id->bytes[i] >> 4];
        *text++ = HEX_DIGITS[id->bytes[i] & 15];
    }
    *text = '\0';
}

static void write_ulid(const struct id *id, char *text)
{
    unsigned __int128 number = id_number(id);
    for (int i = 25; i >= 0; i--, number >>= 5)
        text[i] = CROCKFORD[(unsigned)number & 31u];
    text[26] = '\0';
}

void text_write(const struct id *id, enum text_format format, char ret_text[TEXT_MAX])
{
    char hex[37];
    if (format == TEXT_ULID) {
        write_ulid(id, ret_text);
        return;
    }
    write_hex(id, format != TEXT_SIMPLE, hex);
    const char *before = format == TEXT_URN ? URN : format == TEXT_BRACED ? "{" : "";
    snprintf(ret_text, TEXT_MAX, "%s%s%s", before, hex, format == TEXT_BRACED ? "}" : "");
}

void text_integer(const struct id *id, char ret_text[TEXT_MAX])
{
    char digits[40]; /* 2^128 has 39 digits */
    size_t i = sizeof digits;
    unsigned __int128 number = id_number(id);
    do {
        digits[--i] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number);
    memcpy(ret_text, digits + i, sizeof digits - i);
    ret_text[sizeof digits - i] = '\0';
}

/* ---- reading ---- */

static int hex_value(char c)
{
    const char *at = c ? strchr(HEX_DIGITS, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
    return at ? (int)(at - HEX_DIGITS) : -1;
}

static size_t code_points(const char *text, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

/* start: where text begins in what the caller gave. */
static bool read_hex(const char *text, size_t size, bool hyphens, size_t start, struct id *ret_id,
                     char ret_reason[TEXT_REASON])
{
    unsigned digits = 0;
    memset(ret_id, 0, sizeof *ret_id);
    for (size_t i = 0; i < size; i++) {
        bool hyphen = hyphens && (i == 8 || i == 13 || i == 18 || i == 23);
        int value = hex_value(text[i]);
        if (hyphen ? text[i] != '-' : value < 0) {
            snprintf(ret_reason, TEXT_REASON, "the character at offset %zu should be a %s",
                     start + i, hyphen ? "hyphen" : "hex digit");
            return false;
        }
        if (hyphen)
            continue;
        ret_id->bytes[digits / 2] |= (unsigned char)(digits % 2 ? value : value << 4);
        digits++;
    }
    return true;
}

static bool read_ulid(const char *text, struct id *ret_id, char ret_reason[TEXT_REASON])
{
    unsigned __int128 number = 0;
    for (int i = 0; i < 26; i++) {
        char c = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 32) : text[i];
        const char *at = c ? strchr(CROCKFORD, c) : NULL;
        if (!at) {
            snprintf(ret_reason, TEXT_REASON,
                     "the character at offset %d is not one of a ULID (Crockford's base 32)", i);
            return false;
        }
        number = number << 5 | (unsigned)(at - CROCKFORD);
    }
    if (strchr("01234567", text[0]) == NULL) {
        snprintf(ret_reason, TEXT_REASON,
                 "a ULID above 7ZZZZZZZZZZZZZZZZZZZZZZZZZ has over 128 bits");
        return false;
    }
    for (int i = 15; i >= 0; i--, number >>= 8)
        ret_id->bytes[i] = (unsigned char)number;
    return true;
}

bool text_read(const char *text, size_t size, struct id *ret_id, enum text_format *ret_format,
               char ret_reason[TEXT_REASON])
{
    if (size == 26) {
        *ret_format = TEXT_ULID;
        return read_ulid(text, ret_id, ret_reason);
    }
    if (size == 32) {
        *ret_format = TEXT_SIMPLE;
        return read_hex(text, 32, false, 0, ret_id, ret_reason);
    }
    if (size == 36) {
        *ret_format = TEXT_HYPHENATED;
        return read_hex(text, 36, true, 0, ret_id, ret_reason);
    }
    if (size == 38 && text[0] == '{' && text[37] == '}') {
        *ret_format = TEXT_BRACED;
        return read_hex(text + 1, 36, true, 1, ret_id, ret_reason);
    }
    if (size == URN_SIZE + 36 && strncasecmp(text, URN, URN_SIZE) == 0) {
        *ret_format = TEXT_URN;
        return read_hex(text + URN_SIZE, 36, true, URN_SIZE, ret_id, ret_reason);
    }
    snprintf(ret_reason, TEXT_REASON,
             "its %zu characters are no hyphenated, simple, urn:uuid: or {braced} UUID and no ULID",
             code_points(text, size));
    return false;
}

/* ---- bits ---- */

int id_version(const struct id *id)
{
    return id->bytes[6] >> 4;
}

const char *id_variant(const struct id *id)
{
    unsigned char bits = id->bytes[8];
    if (bits < 0x80)
        return "ncs";
    if (bits < 0xC0)
        return "rfc9562";
    return bits < 0xE0 ? "microsoft" : "future";
}

/* The first 48 bits. */
static int64_t id_millis(const struct id *id)
{
    return (int64_t)(uint64_t)(id_number(id) >> 80);
}

/* Steps of 100 ns since 1582: low, middle and high part are in this order in a v1, reversed in a
 * v6 (where the version bits cut off the low part). */
static uint64_t id_ticks(const struct id *id)
{
    uint64_t bits = (uint64_t)(id_number(id) >> 64);
    if (id_version(id) == 6)
        return bits >> 16 << 12 | (bits & 0xFFF);
    return (bits & 0xFFF) << 48 | (bits >> 16 & 0xFFFF) << 32 | bits >> 32;
}

bool id_time(const struct id *id, enum text_format format, int64_t *ret_ms)
{
    if (format == TEXT_ULID) {
        *ret_ms = id_millis(id);
        return true;
    }
    int version = id_version(id);
    if (id->bytes[8] >> 6 != 2 || (version != 1 && version != 6 && version != 7))
        return false;
    if (version == 7) {
        *ret_ms = id_millis(id);
        return true;
    }
    int64_t ticks = (int64_t)id_ticks(id) - GREGORIAN_TICKS;
    *ret_ms = ticks / 10000 - (ticks % 10000 < 0); /* rounds down before 1970 too */
    return true;
}
