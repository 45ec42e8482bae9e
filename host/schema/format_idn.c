/* SPDX-License-Identifier: Apache-2.0
 * Labels of international host names: Punycode (RFC 3492) and the code points that may stand in a
 * label (RFC 5892). Called by format_net.c. */
#include "schema/format.h"

#include <stdint.h>
#include <string.h>

#include "schema/pattern.h"

#define CODE_POINTS_MAX 64

/* Code points of canonical combining class 9, which may stand before a joiner. */
#define VIRAMA                                                                                     \
    "\\x{94d}\\x{9cd}\\x{a4d}\\x{acd}\\x{b4d}\\x{bcd}\\x{c4d}\\x{ccd}\\x{d3b}\\x{d3c}\\x{d4d}"     \
    "\\x{dca}\\x{e3a}\\x{eba}\\x{f84}\\x{1039}\\x{103a}\\x{1714}\\x{1715}\\x{1734}\\x{17d2}"       \
    "\\x{1a60}\\x{1b44}\\x{1baa}\\x{1bab}\\x{1bf2}\\x{1bf3}\\x{2d7f}\\x{a806}\\x{a82c}\\x{a8c4}"   \
    "\\x{a953}\\x{a9c0}\\x{aaf6}\\x{abed}\\x{10a3f}\\x{11046}\\x{1107f}\\x{110b9}\\x{11133}"       \
    "\\x{11134}\\x{111c0}\\x{11235}\\x{112ea}\\x{1134d}\\x{11442}\\x{114c2}\\x{115bf}\\x{1163f}"   \
    "\\x{116b6}\\x{1172b}\\x{11839}\\x{119e0}\\x{11a34}\\x{11a47}\\x{11a99}\\x{11c3f}\\x{11d44}"   \
    "\\x{11d45}\\x{11d97}"
/* Scripts whose letters join. */
#define JOINING "\\p{sc:Arabic}\\p{sc:Syriac}\\p{sc:Mongolian}\\p{sc:Nko}\\p{sc:Mandaic}"

/* Whatever makes a label wrong. */
static const char wrong[] =
    "^\\p{M}|^-|-$|^..--"
    "|[^\\p{Ll}\\p{Lo}\\p{Lm}\\p{Mn}\\p{Mc}\\p{Nd}\\-\\x{b7}\\x{375}\\x{5f3}\\x{5f4}\\x{6fd}"
    "\\x{6fe}\\x{f0b}\\x{3007}\\x{30fb}\\x{200c}\\x{200d}]"
    "|[\\x{640}\\x{7fa}\\x{302e}\\x{302f}\\x{3031}-\\x{3035}\\x{303b}]"
    "|(?<!l)\\x{b7}|\\x{b7}(?!l)"
    "|\\x{375}(?!\\p{sc:Greek})"
    "|(?<!\\p{sc:Hebrew})[\\x{5f3}\\x{5f4}]"
    "|^(?!.*[\\p{sc:Hiragana}\\p{sc:Katakana}\\p{sc:Han}]).*\\x{30fb}"
    "|^(?=.*[\\x{660}-\\x{669}]).*[\\x{6f0}-\\x{6f9}]"
    "|(?<![" VIRAMA "])\\x{200d}"
    "|(?<![" VIRAMA "])(?:(?<![" JOINING "])\\x{200c}|\\x{200c}(?![" JOINING "]))";

bool schema_format_u_label(const char *text, size_t length)
{
    int number, result = -1;
    PCRE2_SIZE offset;
    size_t count = 0;
    for (size_t i = 0; i < length; i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    if (count == 0 || count > 59)
        return false; /* longer than 63 in ASCII whatever the encoding does */
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)wrong, sizeof wrong - 1,
                      PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL, &number, &offset, NULL);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (code && data)
        result = pcre2_match(code, (PCRE2_SPTR)text, length, 0, 0, data, NULL);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return result == PCRE2_ERROR_NOMATCH;
}

static uint32_t adapt(uint32_t delta, uint32_t points, bool first)
{
    uint32_t k = 0;
    delta = first ? delta / 700 : delta / 2;
    delta += delta / points;
    for (; delta > 35 * 26 / 2; k += 36)
        delta /= 35;
    return k + 36 * delta / (delta + 38);
}

static int digit_value(char c)
{
    if (schema_is_digit(c))
        return c - '0' + 26;
    return schema_is_letter(c) ? (c | 0x20) - 'a' : -1;
}

/* Reads one variable-length integer and adds it to *value. */
static bool read_delta(const char **at, const char *end, uint32_t bias, uint32_t *value)
{
    uint32_t weight = 1;
    for (uint32_t k = 36;; k += 36) {
        int digit = *at < end ? digit_value(*(*at)++) : -1;
        uint32_t product, threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
        if (digit < 0 || __builtin_mul_overflow((uint32_t)digit, weight, &product) ||
            __builtin_add_overflow(*value, product, value))
            return false;
        if ((uint32_t)digit < threshold)
            return true;
        if (__builtin_mul_overflow(weight, 36 - threshold, &weight))
            return false;
    }
}

/* Decodes Punycode; 0 if it is wrong or has nothing but ASCII. */
static size_t decode(const char *text, size_t length, uint32_t *points)
{
    const char *hyphen = memrchr(text, '-', length), *end = text + length, *at = text;
    uint32_t point = 128, bias = 72, value = 0;
    size_t count = 0;
    for (; hyphen && at < hyphen; at++)
        points[count++] = (unsigned char)*at;
    at = hyphen ? hyphen + 1 : text;
    if (at == end)
        return 0;
    while (at < end) {
        uint32_t before = value;
        if (count == CODE_POINTS_MAX || !read_delta(&at, end, bias, &value))
            return 0;
        uint32_t places = (uint32_t)count + 1;
        bias = adapt(value - before, places, before == 0);
        if (__builtin_add_overflow(point, value / places, &point) || point > 0x10FFFF)
            return 0;
        value %= places;
        memmove(points + value + 1, points + value, (count - value) * sizeof *points);
        points[value++] = point;
        count++;
    }
    return count;
}

static size_t encode_utf8(char *out, uint32_t point)
{
    static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)(leads[size] | point);
    return size;
}

bool schema_format_a_label(const char *text, size_t length)
{
    uint32_t points[CODE_POINTS_MAX];
    char utf8[CODE_POINTS_MAX * 4];
    size_t size = 0, count = length < CODE_POINTS_MAX ? decode(text, length, points) : 0;
    for (size_t i = 0; i < count; i++) {
        bool letter = points[i] < 0x80 && schema_is_letter((char)points[i]);
        size += encode_utf8(utf8 + size, letter ? points[i] | 0x20 : points[i]);
    }
    return count > 0 && schema_format_u_label(utf8, size);
}
