/* SPDX-License-Identifier: Apache-2.0
 * The one table of functions and constants: the parser takes names and argument counts from it,
 * the two evaluators their implementations (double_NAME, exact_NAME), `functions` its list. */
#ifndef TOOLS_SHARED_EXPRESSION_FUNCTIONS_H
#define TOOLS_SHARED_EXPRESSION_FUNCTIONS_H

#define MANY 64 /* arguments of min, max, sum … at most */

/* X(name, arguments at least, at most, description), sorted by name for the binary search. */
#define CALCULATOR_FUNCTIONS(X)                                                                    \
    X(abs, 1, 1, "absolute value")                                                                 \
    X(acos, 1, 1, "inverse cosine, in the chosen angle unit")                                      \
    X(acosh, 1, 1, "inverse hyperbolic cosine")                                                    \
    X(and, 2, MANY, "1 if no argument is 0, else 0")                                               \
    X(asin, 1, 1, "inverse sine, in the chosen angle unit")                                        \
    X(asinh, 1, 1, "inverse hyperbolic sine")                                                      \
    X(atan, 1, 1, "inverse tangent, in the chosen angle unit")                                     \
    X(atan2, 2, 2, "atan2(y, x): angle of the point (x, y), in the chosen angle unit")             \
    X(atanh, 1, 1, "inverse hyperbolic tangent")                                                   \
    X(avg, 1, MANY, "arithmetic mean of the arguments")                                            \
    X(cbrt, 1, 1, "cube root, also of negative numbers")                                           \
    X(ceil, 1, 1, "smallest whole number that is not below x")                                     \
    X(cos, 1, 1, "cosine of an angle in the chosen unit")                                          \
    X(cosh, 1, 1, "hyperbolic cosine")                                                             \
    X(deg, 1, 1, "radians to degrees")                                                             \
    X(exp, 1, 1, "e to the power of x")                                                            \
    X(fact, 1, 1, "factorial of a whole number; NaN for others")                                   \
    X(floor, 1, 1, "largest whole number that is not above x")                                     \
    X(gcd, 2, MANY, "greatest common divisor of whole numbers; NaN for others")                    \
    X(hypot, 2, 2, "square root of x*x + y*y")                                                     \
    X(if, 3, 3, "if(c, a, b): a if c is not 0, else b; only one of them is evaluated")             \
    X(int, 1, 1, "whole part, rounded towards zero (the same as trunc)")                           \
    X(lcm, 2, MANY, "least common multiple of whole numbers; NaN for others")                      \
    X(ln, 1, 1, "natural logarithm")                                                               \
    X(log, 1, 2, "log(x): logarithm to base 10; log(base, x): logarithm to that base")             \
    X(log10, 1, 1, "logarithm to base 10")                                                         \
    X(log2, 1, 1, "logarithm to base 2")                                                           \
    X(max, 1, MANY, "largest argument")                                                            \
    X(min, 1, MANY, "smallest argument")                                                           \
    X(mod, 2, 2, "mod(a, b): remainder of a/b with the sign of b")                                 \
    X(ncr, 2, 2, "ncr(n, k): choices of k out of n without order")                                 \
    X(not, 1, 1, "1 if x is 0, else 0")                                                            \
    X(npr, 2, 2, "npr(n, k): choices of k out of n with order")                                    \
    X(or, 2, MANY, "0 if all arguments are 0, else 1")                                             \
    X(pow, 2, 2, "pow(x, y): x to the power of y, the same as x^y")                                \
    X(rad, 1, 1, "degrees to radians")                                                             \
    X(round, 1, 2,                                                                                 \
      "round(x) or round(x, digits): nearest decimal number, half away from zero; digits counts "  \
      "decimal places and may be negative")                                                        \
    X(sign, 1, 1, "-1, 0 or 1")                                                                    \
    X(sin, 1, 1, "sine of an angle in the chosen unit")                                            \
    X(sinh, 1, 1, "hyperbolic sine")                                                               \
    X(sqrt, 1, 1, "square root; NaN for negative numbers")                                         \
    X(sum, 1, MANY, "sum of the arguments")                                                        \
    X(tan, 1, 1, "tangent of an angle in the chosen unit")                                         \
    X(tanh, 1, 1, "hyperbolic tangent")                                                            \
    X(trunc, 1, 1, "whole part, rounded towards zero")

/* X(name, double value); sorted; each may be called as name(). */
#define CALCULATOR_CONSTANTS(X)                                                                    \
    X(e, M_E)                                                                                      \
    X(inf, HUGE_VAL)                                                                               \
    X(nan, (double)NAN)                                                                            \
    X(pi, M_PI)                                                                                    \
    X(tau, 2 * M_PI)

enum function_id {
#define X(name, min, max, text) FUNCTION_##name,
    CALCULATOR_FUNCTIONS(X)
#undef X
        FUNCTION_COUNT
};

enum constant_id {
#define X(name, value) CONSTANT_##name,
    CALCULATOR_CONSTANTS(X)
#undef X
        CONSTANT_COUNT
};

#endif
