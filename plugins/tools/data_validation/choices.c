/* SPDX-License-Identifier: Apache-2.0
 * The values of a long enum as sets, so that a string or number is looked up and not compared with
 * all of them. Called by rules.c while rules are prepared, and by values.c. */
#include "validation.h"

#include <math.h>

#define KEY_SIZE 40

/* Equal numbers have equal keys: 1 and 1.0 are "1". */
static void number_key(const json_t *value, char ret_key[KEY_SIZE])
{
    double real = json_real_value(value);
    if (json_is_integer(value))
        snprintf(ret_key, KEY_SIZE, "%lld", (long long)json_integer_value(value));
    else if (floor(real) == real && fabs(real) < 9223372036854775808.0)
        snprintf(ret_key, KEY_SIZE, "%lld", (long long)real);
    else
        snprintf(ret_key, KEY_SIZE, "%a", real);
}

static int add_choice(struct choices *choices, const json_t *value)
{
    char key[KEY_SIZE];
    if (json_is_string(value))
        return json_object_setn_new_nocheck(choices->strings, json_string_value(value),
                                            json_string_length(value), json_true());
    if (!json_is_number(value))
        return 0;
    number_key(value, key);
    return json_object_set_new_nocheck(choices->numbers, key, json_true());
}

int32_t choices_fill(struct check *check, const json_t *values, struct choices *ret)
{
    ret->strings = json_object();
    ret->numbers = json_object();
    for (size_t i = 0; i < json_array_size(values); i++) {
        int32_t rc = check_step(check);
        if (rc < 0)
            return rc;
        if (add_choice(ret, json_array_get(values, i)) != 0)
            return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
    }
    return 0;
}

void choices_clear(struct choices *choices)
{
    json_decref(choices->strings);
    json_decref(choices->numbers);
}

bool choices_know(const json_t *value)
{
    return json_is_string(value) || json_is_number(value);
}

bool choices_have(const struct choices *choices, const json_t *value)
{
    char key[KEY_SIZE];
    if (json_is_string(value))
        return json_object_getn(choices->strings, json_string_value(value),
                                json_string_length(value)) != NULL;
    number_key(value, key);
    return json_object_get(choices->numbers, key) != NULL;
}
