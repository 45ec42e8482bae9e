/* SPDX-License-Identifier: Apache-2.0
 * unit_converter: the table of units, exact arithmetic on them, and proposals for unknown names. */
#ifndef UNITS_H
#define UNITS_H

#include <stdbool.h>
#include <stddef.h>

#include <gmp.h>

#include <llmspell/tool.h>

struct unit {
    const char *symbol; /* case counts */
    const char *factor; /* decimals and pi, joined by * and /: how many of the base unit it is */
    const char *names;  /* joined by |; case does not count */
    const char *others; /* other symbols, joined by |, where case counts; or NULL */
    const char *offset; /* temperatures: what is added before the factor; or NULL */
    bool reciprocal;    /* base = factor / value */
};

struct category {
    const char *name;
    const struct unit *units; /* the first is the base, with factor 1 */
    size_t count;
};

extern const struct category units_categories[];
extern const size_t units_category_count;

/* A symbol or another one, else a name. NULL: unknown. */
const struct unit *units_find(const char *text, const struct category **ret_category);

/* "did you mean …?" with up to three symbols or names like text, or how to see all units. */
#define NEAR_MAX 256
void units_near(const char *text, char ret_text[NEAR_MAX]);

/* Lower case, and the Greek mu as the micro sign. Cut at size - 1 bytes. */
void units_fold(const char *text, size_t length, char *ret_text, size_t size);

/* ---- exact.c ---- */

/* The decimal number that a double was written as, exactly. */
void exact_number(const json_t *number, mpq_t ret);

/* ret = number of the base unit that value of unit is. False: it would divide by zero. */
bool exact_to_base(const struct unit *unit, const mpq_t value, mpq_t ret);
bool exact_from_base(const struct unit *unit, const mpq_t base, mpq_t ret);
void exact_factor(const struct unit *unit, mpq_t ret);

/* Rounds to so many significant digits, ties away from zero. */
void exact_round(mpq_t number, unsigned digits);

/* The nearest double, a whole one up to 2^53 as an integer; NULL: beyond the doubles. */
json_t *exact_json(const mpq_t number);

#endif
