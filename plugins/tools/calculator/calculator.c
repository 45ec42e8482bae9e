/* SPDX-License-Identifier: Apache-2.0
 * The tool calculator: evaluates arithmetic expressions, says whether they are valid, lists the
 * grammar. Called by the host. */
#include "calculator.h"

#define VARIABLES_MAX 100
#define FUNCTION_CURE "; the operation functions lists all there are"

struct variables {
    struct variable list[VARIABLES_MAX];
    size_t count;
};

/* ---- parameters ---- */

/* /variables/NAME with ~ and / escaped, cut if very long. */
static void variable_path(const char *name, char *ret, size_t size)
{
    size_t n = (size_t)snprintf(ret, size, "/variables/");
    for (; *name && n + 3 < size; name++) {
        if (*name == '~' || *name == '/') {
            ret[n++] = '~';
            ret[n++] = *name == '~' ? '0' : '1';
        } else {
            ret[n++] = *name;
        }
    }
    ret[n] = '\0';
}

static int32_t check_variable(struct llmspell_call *call, const char *name, size_t length)
{
    char path[512];
    variable_path(name, path, sizeof path);
    if (!lexer_is_name(name, length))
        return llmspell_fail_at(call, LLMSPELL_EINVAL, path,
                                "a variable's name is letters, digits and _ and does not begin "
                                "with a digit");
    const char *what = function_find(name, length) >= 0   ? "function"
                       : constant_find(name, length) >= 0 ? "constant"
                                                          : NULL;
    if (what)
        return llmspell_fail_at(call, LLMSPELL_EINVAL, path,
                                "%s is the name of a %s; choose another name for the variable",
                                name, what);
    return 0;
}

static int32_t read_variables(struct llmspell_call *call, const json_t *params, bool exact,
                              struct variables *ret)
{
    json_t *object = json_object_get(params, "variables"), *value = NULL;
    const char *name = NULL;
    size_t length = 0;
    ret->count = 0;
    json_object_keylen_foreach(object, name, length, value)
    {
        int32_t rc = check_variable(call, name, length);
        if (rc < 0)
            return rc;
        bool fits = json_is_number(value) || (exact && json_is_string(value));
        if (!fits || ret->count == VARIABLES_MAX) {
            char path[512];
            variable_path(name, path, sizeof path);
            return llmspell_fail_at(call, LLMSPELL_EINVAL, path,
                                    "a variable is a number, with precision also a decimal string, "
                                    "and there are at most %d",
                                    VARIABLES_MAX);
        }
        ret->list[ret->count++] = (struct variable){.name = name, .value = value};
    }
    return 0;
}

/* ---- evaluate ---- */

static int32_t evaluate(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    const char *input = llmspell_string(params, "input");
    size_t length = llmspell_string_length(params, "input");
    int precision = (int)llmspell_integer(params, "precision", 0);
    struct variables variables;
    int32_t rc = read_variables(call, params, precision > 0, &variables);
    if (rc < 0)
        return rc;
    struct program program;
    struct parse_error error;
    struct scope scope = {.variables = variables.list,
                          .count = variables.count,
                          .variable_cure = "; give its value in variables",
                          .function_cure = FUNCTION_CURE};
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    const char *type = NULL;
    rc = program_parse(&program, input, length, &scope, &error);
    if (rc < 0) {
        llmspell_fail_at(call, rc, "/input", "%s (offset %zu)", error.message, error.offset);
    } else {
        struct evaluation evaluation = {.call = call,
                                        .program = &program,
                                        .variables = variables.list,
                                        .variable_count = variables.count,
                                        .degrees = llmspell_is(params, "angle", "degrees"),
                                        .precision = precision};
        rc = (precision ? evaluate_exact : evaluate_double)(&evaluation, &result, &type);
    }
    program_clear(&program);
    if (rc < 0)
        return rc;
    json_t *reply =
        json_pack("{s:s%,s:O,s:s}", "input", input, length, "result", result, "type", type);
    if (reply && variables.count > 0 &&
        json_object_set_new(reply, "variables",
                            json_deep_copy(json_object_get(params, "variables"))) < 0) {
        json_decref(reply);
        reply = NULL;
    }
    return llmspell_return(call, ret_result, reply);
}

/* ---- validate ---- */

struct name {
    const char *text;
    size_t length;
};

static int compare_names(const void *left, const void *right)
{
    const struct name *a = left, *b = right;
    size_t length = a->length < b->length ? a->length : b->length;
    int order = memcmp(a->text, b->text, length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* The names of the program's variables, sorted, each once; NULL when out of memory. */
static json_t *used_variables(const struct program *program)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    LLMSPELL_CLEANUP_FREE struct name *names = calloc(program->literal_count + 1, sizeof *names);
    if (!list || !names)
        return NULL;
    size_t count = 0;
    for (size_t i = 0; i < program->count; i++) {
        if (program->code[i].op != OP_VARIABLE)
            continue;
        const struct literal *literal = &program->literals[program->code[i].arg];
        names[count++] =
            (struct name){.text = program->text + literal->start, .length = literal->length};
    }
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && compare_names(&names[i - 1], &names[i]) == 0)
            continue;
        if (json_array_append_new(list, json_stringn(names[i].text, names[i].length)) < 0)
            return NULL;
    }
    return llmspell_steal_json(&list);
}

static json_t *used_functions(const struct program *program)
{
    LLMSPELL_CLEANUP_JSON json_t *list = json_array();
    for (int i = 0; i < FUNCTION_COUNT; i++)
        if (program->used[i] && json_array_append_new(list, json_string(function_name(i))) < 0)
            return NULL;
    return llmspell_steal_json(&list);
}

static int32_t validate(struct llmspell_call *call, const json_t *params, json_t **ret_result)
{
    struct variables variables;
    int32_t rc = read_variables(call, params, true, &variables);
    if (rc < 0)
        return rc;
    struct program program;
    struct parse_error error;
    struct scope scope = {.free = true, .function_cure = FUNCTION_CURE};
    rc = program_parse(&program, llmspell_string(params, "input"),
                       llmspell_string_length(params, "input"), &scope, &error);
    if (rc == 0) {
        json_t *names = used_variables(&program), *functions = used_functions(&program);
        rc = llmspell_return(
            call, ret_result,
            json_pack("{s:b,s:o,s:o}", "valid", 1, "variables", names, "functions", functions));
    } else if (rc == LLMSPELL_EPARSE) {
        rc = llmspell_return(call, ret_result,
                             json_pack("{s:b,s:[],s:[],s:{s:s,s:I}}", "valid", 0, "variables",
                                       "functions", "error", "message", error.message, "offset",
                                       (json_int_t)error.offset));
    } else {
        llmspell_fail_at(call, rc, "/input", "%s (offset %zu)", error.message, error.offset);
    }
    program_clear(&program);
    return rc;
}

/* ---- entry ---- */

static int32_t calculate(void *self, struct llmspell_call *call, const json_t *params,
                         json_t **ret_result)
{
    (void)self;
    if (llmspell_is(params, "operation", "functions"))
        return llmspell_return(call, ret_result, functions_list());
    if (llmspell_is(params, "operation", "validate"))
        return validate(call, params, ret_result);
    return evaluate(call, params, ret_result);
}

LLMSPELL_TOOL(.invoke = calculate)
