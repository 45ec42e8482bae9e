/* SPDX-License-Identifier: Apache-2.0
 * Number formats: which of them show dates or times. */
#include <strings.h>

#include "sheet.h"

enum format_kind format_kind_builtin(long id)
{
    if ((id >= 14 && id <= 17) || (id >= 27 && id <= 31) || id == 36 || (id >= 50 && id <= 58))
        return FORMAT_DATE;
    if ((id >= 18 && id <= 21) || (id >= 32 && id <= 35) || id == 45 || id == 47)
        return FORMAT_TIME;
    return id == 22 ? FORMAT_DATETIME : FORMAT_NUMBER;
}

/* Behind what is shown as it stands: "text", \c, _c, *c, [color]. *ret_elapsed: [h], [mm], [ss]. */
static const char *skip_literal(const char *c, bool *ret_elapsed)
{
    if (*c == '"') {
        for (c++; *c && *c != '"';)
            c++;
        return *c ? c + 1 : c;
    }
    if (*c == '\\' || *c == '_' || *c == '*')
        return c[1] ? c + 2 : c + 1;
    if (*c == '[') {
        size_t size = strspn(c + 1, "hHmMsS");
        *ret_elapsed |= size > 0 && c[1 + size] == ']';
        while (*c && *c != ']')
            c++;
        return *c ? c + 1 : c;
    }
    return c;
}

enum format_kind format_kind(const char *code)
{
    bool date = false, time = false, minutes = false, elapsed = false;
    if (strcasecmp(code, "General") == 0 || strcasecmp(code, "Standard") == 0)
        return FORMAT_NUMBER;
    while (*code && *code != ';') {
        const char *next = skip_literal(code, &elapsed);
        if (next != code) {
            code = next;
            continue;
        }
        char c = (char)(*code++ | 32);
        date |= c == 'y' || c == 'd';
        time |= c == 'h' || c == 's';
        minutes |= c == 'm'; /* or months, if nothing else tells */
    }
    if (elapsed)
        return FORMAT_NUMBER; /* a duration */
    if (date)
        return time ? FORMAT_DATETIME : FORMAT_DATE;
    return time ? FORMAT_TIME : minutes ? FORMAT_DATE : FORMAT_NUMBER;
}
