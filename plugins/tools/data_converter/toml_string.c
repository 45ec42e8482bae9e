/* SPDX-License-Identifier: Apache-2.0
 * Strings of TOML: basic and literal, on one line or on several. */
#include "toml.h"

static void put_point(struct bounded_text *out, unsigned long code)
{
    unsigned char bytes[4] = {(unsigned char)code};
    size_t size = 1;
    if (code >= 0x80) {
        size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (size_t i = size; i-- > 1; code >>= 6)
            bytes[i] = (unsigned char)(0x80 | (code & 0x3F));
        bytes[0] = (unsigned char)((0xF00u >> size) | code);
    }
    bounded_put(out, (const char *)bytes, size);
}

/* \uXXXX and \UXXXXXXXX: a character, no half of one. */
static int32_t read_unicode(struct toml *toml, size_t digits)
{
    char text[9] = {0};
    if ((size_t)(toml->end - toml->at) >= digits)
        memcpy(text, toml->at, digits);
    if (strspn(text, "0123456789abcdefABCDEF") != digits)
        return toml_fail(toml, "\\u or \\U without its %zu hexadecimal digits", digits);
    unsigned long code = strtoul(text, NULL, 16);
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return toml_fail(toml, "U+%04lX is no character", code);
    toml->at += digits;
    put_point(&toml->text, code);
    return 0;
}

/* A backslash before a line end takes away all white space up to the next character. */
static bool join_lines(struct toml *toml)
{
    const char *at = toml->at;
    while (at < toml->end && (*at == ' ' || *at == '\t' || *at == '\r'))
        at++;
    if (at == toml->end || *at != '\n')
        return false;
    while (at < toml->end && strchr(" \t\r\n", *at) && *at)
        at++;
    toml->at = at;
    return true;
}

static int32_t read_escape(struct toml *toml, bool multiline)
{
    static const char letters[] = "b\bt\tn\nf\fr\r\"\"\\\\";
    if (multiline && join_lines(toml))
        return 0;
    char c = toml->at < toml->end ? *toml->at : '\0';
    if (c == 'u' || c == 'U') {
        toml->at++;
        return read_unicode(toml, c == 'u' ? 4 : 8);
    }
    for (const char *p = letters; *p; p += 2) {
        if (*p == c) {
            bounded_char(&toml->text, p[1]);
            toml->at++;
            return 0;
        }
    }
    return toml_fail(toml, "an escape that TOML does not have");
}

/* How many quotes stand here, up to five. */
static size_t count_quotes(const struct toml *toml, char quote)
{
    size_t count = 0;
    while (count < 5 && toml->at + count < toml->end && toml->at[count] == quote)
        count++;
    return count;
}

/* One character that is neither a quote nor an escape. */
static int32_t read_plain(struct toml *toml, bool multiline)
{
    unsigned char c = (unsigned char)*toml->at;
    if (multiline && c == '\r' && toml->at + 1 < toml->end && toml->at[1] == '\n')
        toml->at++, c = '\n';
    if (c == '\n' && !multiline)
        return toml_fail(toml, "a string is not closed");
    if ((c < 0x20 && c != '\t' && c != '\n') || c == 0x7F)
        return toml_fail(toml, "a control character in a string; write it as \\u%04X", c);
    bounded_char(&toml->text, (char)c);
    toml->at++;
    return 0;
}

/* Up to the closing quotes: one, or three; one or two more before those are text. */
static int32_t read_body(struct toml *toml, char quote, bool multiline)
{
    int32_t rc = 0;
    while (rc == 0 && toml->at < toml->end) {
        size_t quotes = count_quotes(toml, quote);
        if (multiline && quotes >= 3) {
            bounded_fill(&toml->text, quote, quotes - 3);
            toml->at += quotes;
            return 0;
        }
        if (!multiline && quotes > 0) {
            toml->at++;
            return 0;
        }
        if (*toml->at == '\\' && quote == '"') {
            toml->at++;
            rc = read_escape(toml, multiline);
        } else {
            rc = read_plain(toml, multiline);
        }
    }
    return rc < 0 ? rc : toml_fail(toml, "a string is not closed");
}

int32_t toml_read_string(struct toml *toml, bool multiline_allowed, json_t **ret_value)
{
    char quote = *toml->at;
    bool multiline = multiline_allowed && count_quotes(toml, quote) >= 3;
    toml->at += multiline ? 3 : 1;
    if (multiline && toml->end - toml->at >= 2 && toml->at[0] == '\r' && toml->at[1] == '\n')
        toml->at += 2;
    else if (multiline && toml->at < toml->end && *toml->at == '\n')
        toml->at++;
    toml->text.used = 0;
    int32_t rc = read_body(toml, quote, multiline);
    if (rc == 0)
        rc = bounded_text_check(toml->reading->call, &toml->text);
    if (rc < 0)
        return rc;
    *ret_value = bounded_text_json(&toml->text);
    return *ret_value ? 0 : no_memory(toml->reading->call);
}
