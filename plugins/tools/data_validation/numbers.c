/* SPDX-License-Identifier: Apache-2.0
 * Numbers with check digits, and other codes. */
#include "validation.h"

/* Copies text without the bytes of skip. Returns the length, or 0 if it does not fit. */
static size_t strip(const char *text, size_t size, const char *skip, char *out, size_t room)
{
    size_t length = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] && strchr(skip, text[i]))
            continue;
        if (length + 1 >= room)
            return 0;
        out[length++] = text[i];
    }
    out[length] = '\0';
    return length;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static size_t count_digits(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && is_digit(text[count]))
        count++;
    return count;
}

bool is_phone(const char *text, size_t size)
{
    char number[32];
    size_t length = strip(text, size, " .-()", number, sizeof number);
    const char *digits = number;
    if (length && *digits == '+') {
        digits++;
        length--;
    }
    return length >= 7 && length <= 15 && *digits != '0' && count_digits(digits, length) == length;
}

bool is_credit_card(const char *text, size_t size)
{
    char number[32];
    size_t length = strip(text, size, " -", number, sizeof number);
    int sum = 0;
    if (length < 12 || length > 19 || count_digits(number, length) != length)
        return false;
    for (size_t i = 0; i < length; i++) { /* Luhn */
        int digit = number[length - 1 - i] - '0';
        int doubled = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
        sum += i % 2 ? doubled : digit;
    }
    return sum % 10 == 0;
}

/* ---- IBAN ---- */

/* The register of ISO 13616: country and length. */
static const char iban_lengths[] =
    "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24"
    "FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32"
    "LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24"
    "RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

static size_t iban_length(const char *country)
{
    for (const char *at = iban_lengths; *at; at += 4)
        if (memcmp(at, country, 2) == 0)
            return (size_t)(at[2] - '0') * 10 + (size_t)(at[3] - '0');
    return 0;
}

bool is_iban(const char *text, size_t size)
{
    char code[40];
    size_t length = strip(text, size, " ", code, sizeof code);
    unsigned remainder = 0;
    for (size_t i = 0; i < length; i++)
        if (code[i] >= 'a' && code[i] <= 'z')
            code[i] = (char)(code[i] - 'a' + 'A');
    if (length < 5 || length != iban_length(code) || count_digits(code + 2, 2) != 2)
        return false;
    for (size_t i = 0; i < length; i++) { /* the first four are counted last */
        char c = code[(i + 4) % length];
        if (is_digit(c))
            remainder = (remainder * 10 + (unsigned)(c - '0')) % 97;
        else if (c >= 'A' && c <= 'Z')
            remainder = (remainder * 100 + (unsigned)(c - 'A') + 10) % 97;
        else
            return false;
    }
    return remainder == 1;
}

/* ---- ISBN ---- */

static bool is_isbn10(const char *code)
{
    int sum = 0;
    if (count_digits(code, 9) != 9 || !(is_digit(code[9]) || code[9] == 'X' || code[9] == 'x'))
        return false;
    for (int i = 0; i < 10; i++)
        sum += (10 - i) * (is_digit(code[i]) ? code[i] - '0' : 10);
    return sum % 11 == 0;
}

static bool is_isbn13(const char *code)
{
    int sum = 0;
    if (count_digits(code, 13) != 13 ||
        (memcmp(code, "978", 3) != 0 && memcmp(code, "979", 3) != 0))
        return false;
    for (int i = 0; i < 13; i++)
        sum += (i % 2 ? 3 : 1) * (code[i] - '0');
    return sum % 10 == 0;
}

bool is_isbn(const char *text, size_t size)
{
    char code[32];
    size_t length = strip(text, size, " -", code, sizeof code);
    return length == 10 ? is_isbn10(code) : length == 13 && is_isbn13(code);
}

/* ---- codes ---- */

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_uuid(const char *text, size_t size)
{
    for (size_t i = 0; i < size && size == 36; i++) {
        bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
        if (hyphen ? text[i] != '-' : !is_hex(text[i]))
            return false;
    }
    return size == 36;
}

static int base64_value(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* The alphabet and padding of RFC 4648, with no bits left over. */
bool is_base64(const char *text, size_t size)
{
    size_t digits = size;
    if (size % 4 != 0)
        return false;
    while (digits > 0 && size - digits < 2 && text[digits - 1] == '=')
        digits--;
    for (size_t i = 0; i < digits; i++)
        if (base64_value(text[i]) < 0)
            return false;
    int last = digits ? base64_value(text[digits - 1]) : 0, unused = (int)(size - digits) * 2;
    return (last & ((1 << unused) - 1)) == 0;
}
