/* SPDX-License-Identifier: Apache-2.0
 * The registered claims of RFC 7519 against what the caller of verify expects. */
#include "jwt.h"

#include <time.h>

/* Is it that late, or later? False without the claim, whatever its time would be. */
static bool reached(const json_t *payload, const char *claim, double time)
{
    const json_t *value = json_object_get(payload, claim);
    return value && time >= json_number_value(value);
}

static bool time_or_absent(const json_t *payload, const char *name)
{
    const json_t *value = json_object_get(payload, name);
    return !value || json_is_number(value);
}

bool claims_well_formed(const json_t *payload)
{
    return time_or_absent(payload, "exp") && time_or_absent(payload, "nbf") &&
           time_or_absent(payload, "iat");
}

/* Is name expected to be a text that it is not? */
static bool differs(const json_t *payload, const char *claim, const json_t *params,
                    const char *name)
{
    const json_t *expected = json_object_get(params, name);
    return expected && !json_equal(json_object_get(payload, claim), expected);
}

static bool list_has(const json_t *list, const json_t *value)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), value))
            return true;
    return json_is_string(list) && json_equal(list, value);
}

/* One of the expected audiences must be one of the token's; both may be a text or a list. */
static bool audience_differs(const json_t *payload, const json_t *params)
{
    const json_t *expected = json_object_get(params, "audience");
    const json_t *actual = json_object_get(payload, "aud");
    if (!expected)
        return false;
    for (size_t i = 0; i < json_array_size(expected); i++)
        if (list_has(actual, json_array_get(expected, i)))
            return false;
    return !(json_is_string(expected) && list_has(actual, expected));
}

static bool misses_claim(const json_t *payload, const json_t *params)
{
    const json_t *require = json_object_get(params, "require");
    for (size_t i = 0; i < json_array_size(require); i++) {
        const json_t *name = json_array_get(require, i);
        if (!json_object_getn(payload, json_string_value(name), json_string_length(name)))
            return true;
    }
    return false;
}

const char *claims_check(const json_t *payload, const json_t *params, time_t time)
{
    double now = llmspell_number(params, "at", (double)time);
    double leeway = llmspell_number(params, "leeway", 0);
    if (reached(payload, "exp", now - leeway))
        return "expired";
    if (json_object_get(payload, "nbf") && !reached(payload, "nbf", now + leeway))
        return "not_before";
    if (differs(payload, "iss", params, "issuer"))
        return "issuer";
    if (audience_differs(payload, params))
        return "audience";
    if (differs(payload, "sub", params, "subject"))
        return "subject";
    return misses_claim(payload, params) ? "missing_claim" : NULL;
}
