/* SPDX-License-Identifier: Apache-2.0
 * The stack machine for doubles (precision 0). Called by the calculator and csv_analyzer. */
#include <gmp.h>
#include <math.h>
#include <mpfr.h>

#include "expression.h"

#define CANCEL_EVERY 256 /* instructions; each takes microseconds at most */

/* 0x… and 0b… of any length, correctly rounded. */
static int32_t read_based(const char *digits, size_t length, int base, double *ret)
{
    LLMSPELL_CLEANUP_FREE char *copy = strndup(digits, length);
    if (!copy)
        return LLMSPELL_ENOMEM;
    mpfr_t number;
    mpfr_init2(number, 53);
    mpfr_strtofr(number, copy, NULL, base, MPFR_RNDN);
    *ret = mpfr_get_d(number, MPFR_RNDN);
    mpfr_clear(number);
    return 0;
}

static int32_t read_decimal(const char *text, size_t length, double *ret)
{
    struct decimal decimal;
    if (decimal_split(text, length, &decimal) < 0)
        return LLMSPELL_ENOMEM;
    *ret = strtod(decimal.text, NULL); /* no point in the text: the same in every locale */
    free(decimal.text);
    return 0;
}

static int32_t read_literal(const struct evaluation *evaluation, const struct literal *literal,
                            double *ret)
{
    const char *text = evaluation->program->text + literal->start;
    int32_t rc = literal->base == 10
                     ? read_decimal(text, literal->length, ret)
                     : read_based(text + 2, literal->length - 2, literal->base, ret);
    return rc < 0 ? llmspell_fail(evaluation->call, rc, "out of memory") : 0;
}

static double binary(enum op op, double a, double b)
{
    switch (op) {
    case OP_POWER:
        return pow(a, b);
    case OP_MULTIPLY:
        return a * b;
    case OP_DIVIDE:
        return a / b;
    case OP_REMAINDER:
        return fmod(a, b);
    case OP_ADD:
        return a + b;
    case OP_SUBTRACT:
        return a - b;
    case OP_EQUAL:
        return a == b;
    case OP_NOT_EQUAL:
        return a != b;
    case OP_LESS:
        return a < b;
    case OP_LESS_EQUAL:
        return a <= b;
    case OP_GREATER:
        return a > b;
    default:
        return a >= b;
    }
}

/* The jumps: returns where to go on; may pop. */
static size_t jump(const struct instruction *in, size_t next, double *stack, size_t *depth)
{
    if (in->op == OP_JUMP)
        return in->arg;
    double value = stack[*depth - 1];
    bool taken = in->op == OP_OR ? value != 0 : value == 0;
    if (!taken || in->op == OP_JUMP_UNLESS)
        --*depth;
    else
        stack[*depth - 1] = in->op == OP_OR;
    return taken ? in->arg : next;
}

static void apply(const struct evaluation *evaluation, const struct instruction *in, double *stack,
                  size_t *depth)
{
    double *last = stack + *depth - 1;
    switch (in->op) {
    case OP_CALL:
        *depth -= in->argc - 1u;
        last = stack + *depth - 1;
        *last = double_functions[in->arg](last, in->argc, evaluation->degrees);
        break;
    case OP_NEGATE:
        *last = -*last;
        break;
    case OP_NOT:
        *last = *last == 0;
        break;
    case OP_TRUTH:
        *last = *last != 0;
        break;
    default:
        last[-1] = binary(in->op, last[-1], *last);
        --*depth;
    }
}

static int32_t run(const struct evaluation *evaluation, double *stack)
{
    const struct program *program = evaluation->program;
    size_t depth = 0, next = 0;
    for (unsigned steps = 0; next < program->count; steps++) {
        const struct instruction *in = &program->code[next++];
        int32_t rc = steps % CANCEL_EVERY ? 0 : llmspell_cancelled(evaluation->call);
        switch (in->op) {
        case OP_NUMBER:
            if (rc == 0)
                rc = read_literal(evaluation, &program->literals[in->arg], &stack[depth++]);
            break;
        case OP_VARIABLE:
            stack[depth++] = json_number_value(evaluation->variables[in->arg].value);
            break;
        case OP_CONSTANT:
            stack[depth++] = constant_value((int)in->arg);
            break;
        case OP_JUMP:
        case OP_JUMP_UNLESS:
        case OP_AND:
        case OP_OR:
            next = jump(in, next, stack, &depth);
            break;
        default:
            apply(evaluation, in, stack, &depth);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

int32_t evaluate_double(const struct evaluation *evaluation, json_t **ret_result,
                        const char **ret_type)
{
    LLMSPELL_CLEANUP_FREE double *stack = calloc(evaluation->program->pushes + 1, sizeof *stack);
    if (!stack)
        return llmspell_fail(evaluation->call, LLMSPELL_ENOMEM, "out of memory");
    int32_t rc = run(evaluation, stack);
    mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); /* it would stay with this thread */
    if (rc < 0)
        return rc;
    *ret_type = !isfinite(*stack) ? "special" : *stack == trunc(*stack) ? "integer" : "float";
    return llmspell_return(evaluation->call, ret_result, double_json(*stack));
}
