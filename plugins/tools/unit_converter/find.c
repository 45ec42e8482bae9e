/* SPDX-License-Identifier: Apache-2.0
 * Units by symbol or name, and what a wrong one may have meant. */
#include "units.h"

#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 80 /* of a name in the table, and of what is compared with them */
#define PROPOSALS 3

void units_fold(const char *text, size_t length, char *ret_text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 3 < size; i++) {
        char c = text[i];
        if ((unsigned char)c == 0xCE && i + 1 < length && (unsigned char)text[i + 1] == 0xBC) {
            ret_text[used++] = (char)0xC2; /* U+03BC, as many keyboards write it, to U+00B5 */
            ret_text[used++] = (char)0xB5;
            i++;
            continue;
        }
        ret_text[used++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c == '_' || c == '-' ? ' ' : c;
    }
    ret_text[used] = '\0';
}

/* The next name of a list joined by |; NULL at its end. */
static const char *next_name(const char *at, char ret_name[NAME_MAX_BYTES])
{
    if (!at || !*at)
        return NULL;
    size_t length = strcspn(at, "|");
    units_fold(at, length, ret_name, NAME_MAX_BYTES);
    return at[length] ? at + length + 1 : at + length;
}

static bool has_name(const struct unit *unit, const char *folded)
{
    char name[NAME_MAX_BYTES];
    for (const char *at = unit->names; (at = next_name(at, name)) != NULL;)
        if (strcmp(name, folded) == 0)
            return true;
    return false;
}

/* By a symbol, where case counts. */
static bool has_symbol(const struct unit *unit, const char *text)
{
    size_t length = strlen(text);
    if (strcmp(unit->symbol, text) == 0)
        return true;
    for (const char *at = unit->others; at && *at;) {
        size_t other = strcspn(at, "|");
        if (other == length && memcmp(at, text, length) == 0)
            return true;
        at += other + (at[other] == '|');
    }
    return false;
}

/* folded NULL: by symbol. */
static const struct unit *search(const char *text, const char *folded,
                                 const struct category **ret_category)
{
    for (size_t i = 0; i < units_category_count; i++) {
        const struct category *category = &units_categories[i];
        for (size_t j = 0; j < category->count; j++) {
            const struct unit *unit = &category->units[j];
            if (folded ? !has_name(unit, folded) : !has_symbol(unit, text))
                continue;
            *ret_category = category;
            return unit;
        }
    }
    return NULL;
}

const struct unit *units_find(const char *text, const struct category **ret_category)
{
    char folded[NAME_MAX_BYTES];
    const struct unit *unit = search(text, NULL, ret_category);
    if (unit || strlen(text) >= NAME_MAX_BYTES - 3)
        return unit;
    units_fold(text, strlen(text), folded, sizeof folded);
    return search(text, folded, ret_category);
}

/* ---- proposals ---- */

/* Levenshtein's distance of two folded texts. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES], length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            size_t gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return row[length];
}

/* "ton" is a word of "metric ton". */
static bool has_word(const char *name, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = name; length >= 3 && (at = strstr(at, word)) != NULL; at++)
        if ((at == name || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

struct proposal {
    size_t distance;
    char text[NAME_MAX_BYTES];
};

/* Keeps the nearest, in order; of equal ones the first. */
static void propose(struct proposal best[PROPOSALS], size_t distance, const char *text)
{
    size_t at = PROPOSALS;
    while (at > 0 && best[at - 1].distance > distance)
        at--;
    if (at == PROPOSALS)
        return;
    memmove(&best[at + 1], &best[at], (PROPOSALS - 1 - at) * sizeof *best);
    best[at].distance = distance;
    snprintf(best[at].text, NAME_MAX_BYTES, "%s", text);
}

/* The spelling of a unit that is nearest to folded; each unit is proposed once. */
static void propose_unit(struct proposal best[PROPOSALS], const struct unit *unit,
                         const char *folded)
{
    char name[NAME_MAX_BYTES], nearest[NAME_MAX_BYTES];
    units_fold(unit->symbol, strlen(unit->symbol), name, sizeof name);
    size_t least = distance(folded, name);
    snprintf(nearest, sizeof nearest, "%s", unit->symbol);
    for (const char *at = unit->names; (at = next_name(at, name)) != NULL;) {
        size_t own = has_word(name, folded) ? 1 : distance(folded, name);
        if (own >= least)
            continue;
        least = own;
        memcpy(nearest, name, sizeof nearest);
    }
    if (least <= strlen(folded) / 3 + (strlen(folded) < 3))
        propose(best, least, nearest);
}

void units_near(const char *text, char ret_text[NEAR_MAX])
{
    struct proposal best[PROPOSALS];
    char folded[NAME_MAX_BYTES];
    for (size_t i = 0; i < PROPOSALS; i++)
        best[i].distance = NAME_MAX_BYTES;
    units_fold(text, strlen(text), folded, sizeof folded);
    for (size_t i = 0; i < units_category_count; i++)
        for (size_t j = 0; j < units_categories[i].count; j++)
            propose_unit(best, &units_categories[i].units[j], folded);
    size_t used = 0;
    ret_text[0] = '\0';
    for (size_t i = 0; i < PROPOSALS && best[i].distance < NAME_MAX_BYTES; i++)
        used += (size_t)snprintf(ret_text + used, NEAR_MAX - used, "%s%s",
                                 i == 0 ? "did you mean " : ", ", best[i].text);
    snprintf(ret_text + used, NEAR_MAX - used, "%s",
             used > 0 ? "?" : "operation list shows all units");
}
