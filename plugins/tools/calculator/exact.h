/* SPDX-License-Identifier: Apache-2.0
 * Numbers of the exact evaluator: whole numbers and fractions by GMP, everything else by MPFR.
 * Shared by number.c, eval_exact.c, exact_operators.c, exact_functions.c and exact_integer.c.
 * GMP aborts when it cannot allocate or a size overflows: every operation whose result could be
 * large asks for its size before it starts. */
#ifndef CALCULATOR_EXACT_H
#define CALCULATOR_EXACT_H

#include <gmp.h>
#include <mpfr.h>

#include "calculator.h"

#define FRACTION_BITS 8192   /* of numerator and denominator; beyond, a fraction becomes a real */
#define FRACTION_DIGITS 2400 /* so many decimal digits fit */
#define GUARD_BITS 64
#define EXPONENT_MAX ((mpfr_exp_t)1 << 40) /* of 2, in reals; beyond is Infinity or 0 */
#define ANGLE_EXPONENT_MAX 65536           /* of 2: reducing an angle costs so many digits of pi */

enum num_kind {
    NUM_EMPTY,
    NUM_INTEGER,  /* q with denominator 1: the exact values that are printed in full */
    NUM_FRACTION, /* q: an exact value of type decimal, possibly whole */
    NUM_REAL      /* r: rounded to the working precision; also NaN and infinities */
};

struct num {
    enum num_kind kind;
    union {
        mpq_t q;
        mpfr_t r;
    };
};

struct exact {
    const struct evaluation *evaluation;
    mpfr_prec_t bits; /* working precision */
    struct num *variables;
    size_t live; /* bytes of the numbers on the stack */
};

/* ---- number.c ---- */

void num_clear(struct num *num);

/* Makes an empty number one of that kind with value 0 (a real: NaN). */
mpq_ptr num_init_q(struct num *num, enum num_kind kind);
mpz_ptr num_init_integer(struct num *num);
mpfr_ptr num_init_real(const struct exact *exact, struct num *num);

void num_set_special(const struct exact *exact, struct num *num, double value); /* NaN, ±inf */
void num_set_bool(struct num *num, bool value);
void num_copy(const struct exact *exact, struct num *to, const struct num *from);

/* After an operation on q: an integer over INTEGER_BITS → LLMSPELL_ELIMIT with the error set, a
 * fraction over FRACTION_BITS becomes a real. */
int32_t num_settle(const struct exact *exact, struct num *num);

/* Initializes real with the value of num; its precision is the working one. Returns the ternary
 * value: 0 if exact. The caller clears it. */
int num_get_real(const struct exact *exact, mpfr_t real, const struct num *num);

/* 1: num is whole and integer (which the caller initialized) set; 0: not whole, NaN or infinite;
 * or LLMSPELL_ELIMIT with the error set. */
int32_t num_get_integer(const struct exact *exact, mpz_t integer, const struct num *num);

/* An integer becomes a fraction or a real, so that its type is decimal. */
void num_make_decimal(const struct exact *exact, struct num *num);

bool num_is_zero(const struct num *num);
bool num_is_nan(const struct num *num);
bool num_is_rational(const struct num *num);               /* q holds its value */
bool num_are_integers(const struct num *args, unsigned n); /* all of kind integer */
bool num_are_small(const struct num *args, unsigned n);    /* rational, in FRACTION_BITS */
int num_sign(const struct num *num);                       /* of a number, 0 for NaN */
int num_compare(const struct num *a, const struct num *b); /* neither is NaN */
size_t num_size(const struct num *num);                    /* bytes */
double num_log2(mpz_srcptr integer);                       /* of |integer| > 0 */

int32_t num_too_big(const struct exact *exact); /* fails with limit_exceeded */
int32_t num_out_of_memory(const struct exact *exact);

/* A decimal number, text without a sign. 0 or a negative code with the error set. */
int32_t num_read_decimal(const struct exact *exact, struct num *ret, const char *text,
                         size_t length, bool integer, bool negative);

/* ---- format.c ---- */

/* The result text, a new JSON string, and its type; NULL when out of memory. */
json_t *num_json(const struct exact *exact, const struct num *num, const char **ret_type);

/* ---- exact_operators.c ---- */

/* All operations: ret is empty, the arguments are left alone. 0 or a negative code. */
int32_t exact_binary(const struct exact *exact, enum op op, struct num *ret, const struct num *a,
                     const struct num *b);
int32_t exact_negate(const struct exact *exact, struct num *ret, const struct num *a);

/* ---- exact_functions.c ---- */

typedef int32_t (*exact_fn)(const struct exact *exact, struct num *ret, const struct num *args,
                            unsigned n);

extern const exact_fn exact_functions[FUNCTION_COUNT]; /* NULL for if */

/* ---- exact_integer.c: what the table of exact_functions.c lists ---- */

#define EXACT(name)                                                                                \
    int32_t exact_##name(const struct exact *exact, struct num *ret, const struct num *args,       \
                         unsigned n)
EXACT(ceil);
EXACT(fact);
EXACT(floor);
EXACT(gcd);
EXACT(lcm);
EXACT(ncr);
EXACT(npr);
EXACT(round);
EXACT(trunc);

#endif
