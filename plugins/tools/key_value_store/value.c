/* SPDX-License-Identifier: Apache-2.0
 * Values of the store: sums, times. */
#include <math.h>

#include "../shared/civil.h"
#include "pairs.h"

#define EXACT 9007199254740992.0 /* 2^53 */

/* Is it whole, and in which integer? */
static bool is_whole(const json_t *number, json_int_t *ret_integer)
{
    if (json_is_integer(number)) {
        *ret_integer = json_integer_value(number);
        return true;
    }
    double real = json_real_value(number);
    if (!(fabs(real) <= EXACT) || islessgreater(trunc(real), real))
        return false;
    *ret_integer = (json_int_t)real;
    return true;
}

json_t *value_sum(const json_t *a, const json_t *b)
{
    json_int_t x, y, sum;
    if (is_whole(a, &x) && is_whole(b, &y))
        return __builtin_add_overflow(x, y, &sum) ? NULL : json_integer(sum);
    double real = json_number_value(a) + json_number_value(b);
    if (fabs(real) <= EXACT && !islessgreater(trunc(real), real))
        return json_integer((json_int_t)real);
    return isfinite(real) ? json_real(real) : NULL;
}

json_t *expiry_json(int64_t expires)
{
    char text[CIVIL_TEXT];
    return civil_write(expires / 1000, (int)(expires % 1000), 0, text) ? json_string(text) : NULL;
}
