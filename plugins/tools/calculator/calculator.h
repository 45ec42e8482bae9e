/* SPDX-License-Identifier: Apache-2.0
 * The calculator's own part of expressions: eval_exact.c runs a program with GMP and MPFR. */
#ifndef CALCULATOR_H
#define CALCULATOR_H

#include "../shared/expression.h"

#define INTEGER_BITS 1000000 /* of an exact integer */

/* *ret_result: a new reference; *ret_type: static. 0 or a negative code with the error set. */
int32_t evaluate_exact(const struct evaluation *evaluation, json_t **ret_result,
                       const char **ret_type);

#endif
