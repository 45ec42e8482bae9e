/* SPDX-License-Identifier: Apache-2.0
 * Looks up names of functions and constants, and lists the whole grammar for `functions`.
 * Called by expression_parse.c and the calculator. */
#include <math.h>

#include "expression.h"

static const struct {
    const char *name, *text;
    uint8_t min, max;
} functions[FUNCTION_COUNT] = {
#define X(name_, min_, max_, text_)                                                                \
    [FUNCTION_##name_] = {.name = #name_, .text = text_, .min = min_, .max = max_},
    CALCULATOR_FUNCTIONS(X)
#undef X
};

static const struct {
    const char *name;
    double value;
} constants[CONSTANT_COUNT] = {
#define X(name_, value_) [CONSTANT_##name_] = {.name = #name_, .value = value_},
    CALCULATOR_CONSTANTS(X)
#undef X
};

/* strcmp of a name of that length with a key */
static int compare(const char *name, size_t length, const char *key)
{
    int order = strncmp(name, key, length);
    return order ? order : -(key[length] != '\0');
}

int function_find(const char *name, size_t length)
{
    int low = 0, high = FUNCTION_COUNT - 1;
    while (low <= high) {
        int middle = (low + high) / 2;
        int order = compare(name, length, functions[middle].name);
        if (order == 0)
            return middle;
        if (order < 0)
            high = middle - 1;
        else
            low = middle + 1;
    }
    return -1;
}

int constant_find(const char *name, size_t length)
{
    for (int i = 0; i < CONSTANT_COUNT; i++)
        if (compare(name, length, constants[i].name) == 0)
            return i;
    return -1;
}

const char *function_name(int function)
{
    return functions[function].name;
}

unsigned function_min(int function)
{
    return functions[function].min;
}

unsigned function_max(int function)
{
    return functions[function].max;
}

double constant_value(int constant)
{
    return constants[constant].value;
}

json_t *double_json(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    if (value == trunc(value) && fabs(value) <= 0x1p53)
        return json_integer((json_int_t)value);
    return json_real(value);
}

/* Appends value to list; both NULL when out of memory is passed on. */
static bool append(json_t *list, json_t *value)
{
    return list && value && json_array_append_new(list, value) == 0;
}

json_t *functions_list(void)
{
    LLMSPELL_CLEANUP_JSON json_t *names = json_array(), *values = json_array(),
                                 *symbols = json_array();
    for (int i = 0; i < FUNCTION_COUNT; i++)
        if (!append(names, json_pack("{s:s,s:i,s:i,s:s}", "name", functions[i].name, "min_args",
                                     functions[i].min, "max_args", functions[i].max, "description",
                                     functions[i].text)))
            return NULL;
    for (int i = 0; i < CONSTANT_COUNT; i++)
        if (!append(values, json_pack("{s:s,s:o}", "name", constants[i].name, "value",
                                      double_json(constants[i].value))))
            return NULL;
    for (const struct operator_info *o = operators; o->symbol; o++)
        if (!append(symbols,
                    json_pack("{s:s,s:i,s:s}", "symbol", o->symbol, "precedence", o->precedence,
                              "associativity", o->right ? "right" : "left")))
            return NULL;
    return json_pack("{s:O,s:O,s:O}", "functions", names, "constants", values, "operators",
                     symbols);
}
