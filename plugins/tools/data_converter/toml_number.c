/* SPDX-License-Identifier: Apache-2.0
 * Integers, floats, dates and times of TOML. Dates and times become RFC 3339 text: T between date
 * and time, Z for UTC. */
#include "../shared/number.h"
#include "toml.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int32_t fail_number(struct toml *toml, size_t size)
{
    return toml_fail(toml, "\"%.*s\" is no value", size > 60 ? 60 : (int)size, toml->at);
}

/* ---- numbers ---- */

/* Copies text without underscores, each of which stands between two digits. */
static bool strip(const char *text, size_t size, bool (*is_one)(char), char *out)
{
    size_t used = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] != '_')
            out[used++] = text[i];
        else if (i == 0 || i + 1 == size || !is_one(text[i - 1]) || !is_one(text[i + 1]))
            return false;
    }
    out[used] = '\0';
    return true;
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static int32_t put_integer(struct toml *toml, bool fits, json_int_t value, size_t size,
                           json_t **ret)
{
    if (!fits)
        return toml_fail(toml, "the integer %.*s needs more than 64 bits",
                         size > 60 ? 60 : (int)size, toml->at);
    *ret = json_integer(value);
    return *ret ? 0 : no_memory(toml->reading->call);
}

/* 0x…, 0o…, 0b… */
static int32_t read_based(struct toml *toml, size_t size, char *copy, json_t **ret)
{
    int base = toml->at[1] == 'x' ? 16 : toml->at[1] == 'o' ? 8 : 2;
    json_int_t value = 0;
    bool fits = true;
    if (size < 3 || !strip(toml->at + 2, size - 2, is_hex, copy))
        return fail_number(toml, size);
    for (const char *p = copy; *p; p++) {
        int digit = is_digit(*p) ? *p - '0' : is_hex(*p) ? (*p | 0x20) - 'a' + 10 : 99;
        if (digit >= base)
            return fail_number(toml, size);
        fits = fits && !__builtin_mul_overflow(value, base, &value) &&
               !__builtin_add_overflow(value, digit, &value);
    }
    return put_integer(toml, fits, value, size, ret);
}

/* [+-] (0 | 1-9 digits) [. digits] [e [+-] digits] */
static bool check_decimal(const char *p, bool *ret_real)
{
    p += *p == '+' || *p == '-';
    if (!is_digit(*p) || (*p == '0' && is_digit(p[1])))
        return false;
    while (is_digit(*p))
        p++;
    *ret_real = *p != '\0';
    if (*p == '.') {
        if (!is_digit(*++p))
            return false;
        while (is_digit(*p))
            p++;
    }
    if (*p == 'e' || *p == 'E') {
        p++;
        p += *p == '+' || *p == '-';
        if (!is_digit(*p))
            return false;
        while (is_digit(*p))
            p++;
    }
    return *p == '\0';
}

static bool is_special(const char *text, double *ret)
{
    const char *word = text + (*text == '+' || *text == '-');
    if (strcmp(word, "inf") != 0 && strcmp(word, "nan") != 0)
        return false;
    *ret = *word == 'n'   ? (double)__builtin_nanf("")
           : *text == '-' ? -__builtin_inf()
                          : __builtin_inf();
    return true;
}

static int32_t read_decimal(struct toml *toml, size_t size, char *copy, json_t **ret)
{
    bool is_real = false;
    json_int_t integer = 0;
    double real = 0;
    if (!strip(toml->at, size, is_digit, copy))
        return fail_number(toml, size);
    if (is_special(copy, &real)) {
        *ret = special_json(toml->reading, real);
        return *ret ? 0 : no_memory(toml->reading->call);
    }
    if (!check_decimal(copy, &is_real))
        return fail_number(toml, size);
    if (!is_real) {
        bool fits = number_read_integer(copy, strlen(copy), &integer);
        return put_integer(toml, fits, integer, size, ret);
    }
    number_read(copy, strlen(copy), &real);
    *ret = real - real != 0 ? special_json(toml->reading, real) : json_real(real);
    return *ret ? 0 : no_memory(toml->reading->call);
}

/* ---- dates and times ---- */

/* `count` digits at *at, as a number; moves on. -1 if there are none. */
static int digits(const char **at, size_t count)
{
    int value = 0;
    for (size_t i = 0; i < count; i++, ++*at) {
        if (!is_digit(**at))
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool take(const char **at, char c)
{
    if (**at != c)
        return false;
    ++*at;
    return true;
}

static bool in_range(int value, int low, int high)
{
    return value >= low && value <= high;
}

static bool read_date(const char **at)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = digits(at, 4), month = take(at, '-') ? digits(at, 2) : -1;
    int day = take(at, '-') ? digits(at, 2) : -1;
    if (year < 0 || !in_range(month, 1, 12))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return in_range(day, 1, lengths[month - 1] + (month == 2 && leap));
}

static bool read_time(const char **at)
{
    bool ok = in_range(digits(at, 2), 0, 23) && take(at, ':') && in_range(digits(at, 2), 0, 59) &&
              take(at, ':') && in_range(digits(at, 2), 0, 60);
    if (!ok || !take(at, '.'))
        return ok;
    ok = is_digit(**at);
    while (is_digit(**at))
        ++*at;
    return ok;
}

static bool read_offset(const char **at)
{
    if (take(at, 'Z') || **at == '\0')
        return true;
    if (!take(at, '+') && !take(at, '-'))
        return false;
    return in_range(digits(at, 2), 0, 23) && take(at, ':') && in_range(digits(at, 2), 0, 59);
}

static int32_t read_moment(struct toml *toml, size_t size, char *copy, json_t **ret)
{
    memcpy(copy, toml->at, size);
    copy[size] = '\0';
    bool has_date = size > 4 && copy[4] == '-';
    if (has_date && size > 10 && (copy[10] == ' ' || copy[10] == 't'))
        copy[10] = 'T';
    if (copy[size - 1] == 'z')
        copy[size - 1] = 'Z';
    const char *at = copy;
    bool ok = has_date ? read_date(&at) : read_time(&at);
    if (ok && has_date && *at)
        ok = take(&at, 'T') && read_time(&at) && read_offset(&at);
    if (!ok || *at)
        return fail_number(toml, size);
    *ret = json_string(copy);
    return *ret ? 0 : no_memory(toml->reading->call);
}

int32_t toml_read_number(struct toml *toml, size_t size, json_t **ret_value)
{
    LLMSPELL_CLEANUP_FREE char *copy = malloc(size + 1);
    const char *text = toml->at;
    if (!copy)
        return no_memory(toml->reading->call);
    if (memchr(text, '\0', size))
        return fail_number(toml, size);
    if (size > 1 && text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b'))
        return read_based(toml, size, copy, ret_value);
    bool moment = (size > 4 && is_digit(text[0]) && is_digit(text[3]) && text[4] == '-') ||
                  (size > 2 && is_digit(text[0]) && text[2] == ':');
    return moment ? read_moment(toml, size, copy, ret_value)
                  : read_decimal(toml, size, copy, ret_value);
}
