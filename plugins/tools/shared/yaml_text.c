/* SPDX-License-Identifier: Apache-2.0
 * How a string can stand in YAML: plain, literal, folded or in double quotes. */
#include "yaml_text.h"

#include "yaml_scalar.h"

/* The code point at text, of valid UTF-8. */
static unsigned decode(const char *text, size_t *ret_size)
{
    const unsigned char *p = (const unsigned char *)text;
    *ret_size = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    unsigned code = *ret_size == 1 ? p[0] : p[0] & (0x7Fu >> *ret_size);
    for (size_t i = 1; i < *ret_size; i++)
        code = code << 6 | (p[i] & 0x3Fu);
    return code;
}

/* What only double quotes can hold: control characters, line separators, byte order marks. */
static bool is_special(unsigned code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 ||
           code == 0xFEFF || (code & 0xFFFE) == 0xFFFE;
}

/* Whether all characters are printable, but for those that also may occur. */
static bool is_printable(const char *text, size_t size, const char *also)
{
    for (size_t i = 0, length; i < size; i += length) {
        unsigned code = decode(text + i, &length);
        if (is_special(code) && (code == 0 || code > 0x7E || !strchr(also, (int)code)))
            return false;
    }
    return true;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c);
}

/* - ? : begin a plain scalar only before a character that is no space. */
static bool starts_plain(const char *text, size_t size, bool in_flow)
{
    if (is_one_of(*text, ",[]{}#&*!|>'\"%@` "))
        return false;
    if (!is_one_of(*text, "-?:"))
        return true;
    if (size == 1 || text[1] == ' ' || (in_flow && *text != '-'))
        return false;
    return !in_flow || !is_one_of(text[1], ",[]{}");
}

/* ": " and " #" end a plain scalar, in flow style also brackets and commas. */
static bool holds_indicator(const char *text, size_t size, bool in_flow)
{
    for (size_t i = 0; i < size; i++) {
        char next = i + 1 < size ? text[i + 1] : ' ';
        if (text[i] == ':' && (next == ' ' || (in_flow && is_one_of(next, ",[]{}?:"))))
            return true;
        if (text[i] == ' ' && next == '#')
            return true;
        if (in_flow && is_one_of(text[i], ",[]{}"))
            return true;
    }
    return false;
}

bool yaml_text_is_plain(const char *text, size_t size, bool in_flow)
{
    long long integer;
    double real;
    if (size == 0 || !starts_plain(text, size, in_flow) || text[size - 1] == ' ' ||
        holds_indicator(text, size, in_flow) || !is_printable(text, size, ""))
        return false;
    if (size >= 3 && (memcmp(text, "---", 3) == 0 || memcmp(text, "...", 3) == 0))
        return false;
    if (size == 2 && memcmp(text, "<<", 2) == 0)
        return false;
    return yaml_scalar_kind(text, size, &integer, &real) == YAML_KIND_STRING;
}

bool yaml_text_is_literal(const char *text, size_t size)
{
    size_t blank = 0;
    while (blank < size && is_one_of(text[blank], " \t\n"))
        blank++;
    return blank < size && memchr(text, '\n', size) && is_printable(text, size, "\t\n");
}

bool yaml_text_is_foldable(const char *text, size_t size)
{
    return size > 0 && text[0] != ' ' && text[size - 1] != ' ' && memchr(text, ' ', size) &&
           is_printable(text, size, "");
}

static void put_escape(struct bounded_text *out, unsigned code)
{
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    char text[16];
    for (const char *p = letters; *p; p += 2) {
        if ((unsigned char)*p == code) {
            bounded_char(out, '\\');
            bounded_char(out, p[1]);
            return;
        }
    }
    snprintf(text, sizeof text, code > 0xFFFF ? "\\U%08x" : "\\u%04x", code);
    bounded_puts(out, text);
}

void yaml_text_put_quoted(struct bounded_text *out, const char *text, size_t size)
{
    bounded_char(out, '"');
    for (size_t i = 0, length; i < size; i += length) {
        unsigned code = decode(text + i, &length);
        if (code == '"' || code == '\\' || is_special(code))
            put_escape(out, code);
        else
            bounded_put(out, text + i, length);
    }
    bounded_char(out, '"');
}
