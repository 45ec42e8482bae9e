/* SPDX-License-Identifier: Apache-2.0
 * The stack machine for exact numbers (precision n): reads variables and literals, runs the
 * program, keeps MPFR's thread state as it was. Called by calculator.c. */
#include <math.h>

#include "exact.h"

#define LIVE_MAX ((size_t)48 << 20) /* bytes of all numbers on the stack */

struct machine {
    struct exact exact;
    struct num *stack;
    size_t depth;
};

/* ---- variables and literals ---- */

static int32_t read_double(const struct exact *exact, struct num *ret, double value)
{
    if (value == trunc(value) && fabs(value) <= 0x1p53) {
        mpz_set_d(num_init_integer(ret), value);
        return 0;
    }
    /* what the caller wrote: 0.1 is a tenth, not the double nearest to it */
    char digits[32], text[64];
    long exponent = 0;
    shortest_digits(fabs(value), digits, &exponent);
    int length = snprintf(text, sizeof text, "%se%ld", digits, exponent - (long)strlen(digits));
    return num_read_decimal(exact, ret, text, (size_t)length, false, value < 0);
}

static int32_t read_text(const struct exact *exact, struct num *ret, const char *text,
                         size_t length)
{
    bool negative = length && *text == '-', integer = false;
    size_t sign = negative || (length && *text == '+');
    size_t used = lexer_decimal(text + sign, length - sign, &integer);
    if (used == 0 || used != length - sign)
        return LLMSPELL_EINVAL;
    return num_read_decimal(exact, ret, text + sign, used, integer, negative);
}

static int32_t read_variable(const struct exact *exact, struct num *ret,
                             const struct variable *variable)
{
    struct llmspell_call *call = exact->evaluation->call;
    char path[300];
    snprintf(path, sizeof path, "/variables/%s", variable->name);
    if (json_is_integer(variable->value)) {
        mpz_set_si(num_init_integer(ret), (long)json_integer_value(variable->value));
        return 0;
    }
    if (json_is_real(variable->value))
        return read_double(exact, ret, json_real_value(variable->value));
    int32_t rc = read_text(exact, ret, json_string_value(variable->value),
                           json_string_length(variable->value));
    if (rc == LLMSPELL_EINVAL)
        return llmspell_fail_at(call, rc, path,
                                "the variable %.200s is not a decimal number such as -12.5e3",
                                variable->name);
    if (rc == LLMSPELL_ELIMIT)
        return llmspell_fail_at(call, rc, path,
                                "the variable %.200s has more than %d bits; write it with a point "
                                "for a rounded value",
                                variable->name, INTEGER_BITS);
    return rc;
}

static int32_t read_variables(struct exact *exact)
{
    const struct evaluation *evaluation = exact->evaluation;
    for (size_t i = 0; i < evaluation->variable_count; i++) {
        int32_t rc = read_variable(exact, &exact->variables[i], &evaluation->variables[i]);
        if (rc == 0)
            rc = llmspell_cancelled(evaluation->call);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t read_literal(const struct exact *exact, struct num *ret,
                            const struct literal *literal)
{
    const char *text = exact->evaluation->program->text + literal->start;
    if (literal->base == 10)
        return num_read_decimal(exact, ret, text, literal->length, literal->integer, false);
    LLMSPELL_CLEANUP_FREE char *digits = strndup(text + 2, literal->length - 2);
    if (!digits)
        return num_out_of_memory(exact);
    mpz_set_str(num_init_integer(ret), digits, literal->base);
    return 0;
}

static int32_t read_constant(const struct exact *exact, struct num *ret, int constant)
{
    if (constant == CONSTANT_inf || constant == CONSTANT_nan) {
        num_set_special(exact, ret, constant_value(constant));
        return 0;
    }
    mpfr_ptr r = num_init_real(exact, ret);
    if (constant == CONSTANT_e) {
        mpfr_set_ui(r, 1, MPFR_RNDN);
        mpfr_exp(r, r, MPFR_RNDN);
        return 0;
    }
    mpfr_const_pi(r, MPFR_RNDN);
    if (constant == CONSTANT_tau)
        mpfr_mul_2ui(r, r, 1, MPFR_RNDN);
    return 0;
}

/* ---- the machine ---- */

static void drop(struct machine *machine, size_t count)
{
    for (; count > 0; count--) {
        struct num *num = &machine->stack[--machine->depth];
        machine->exact.live -= num_size(num);
        num_clear(num);
    }
}

static int32_t put(struct machine *machine, const struct num *num)
{
    machine->stack[machine->depth++] = *num;
    machine->exact.live += num_size(num);
    if (machine->exact.live > LIVE_MAX)
        return llmspell_fail_at(machine->exact.evaluation->call, LLMSPELL_ELIMIT, "/input",
                                "the numbers of the calculation need more than %zu MiB",
                                LIVE_MAX >> 20);
    return 0;
}

static size_t jump(struct machine *machine, const struct instruction *in, size_t next)
{
    if (in->op == OP_JUMP)
        return in->arg;
    struct num *last = &machine->stack[machine->depth - 1];
    bool zero = num_is_zero(last), taken = in->op == OP_OR ? !zero : zero;
    drop(machine, 1);
    if (taken && in->op != OP_JUMP_UNLESS) {
        struct num truth = {0};
        num_set_bool(&truth, in->op == OP_OR);
        (void)put(machine, &truth); /* smaller than what it replaces, or one limb */
    }
    return taken ? in->arg : next;
}

static int32_t push(struct machine *machine, const struct instruction *in)
{
    const struct exact *exact = &machine->exact;
    struct num num = {0};
    int32_t rc = 0;
    if (in->op == OP_NUMBER)
        rc = read_literal(exact, &num, &exact->evaluation->program->literals[in->arg]);
    else if (in->op == OP_VARIABLE)
        num_copy(exact, &num, &exact->variables[in->arg]);
    else
        rc = read_constant(exact, &num, (int)in->arg);
    if (rc < 0) {
        num_clear(&num);
        return rc;
    }
    return put(machine, &num);
}

static int32_t apply(struct machine *machine, const struct instruction *in)
{
    const struct exact *exact = &machine->exact;
    size_t count = in->op == OP_CALL ? in->argc : in->op <= OP_NOT || in->op == OP_TRUTH ? 1 : 2;
    const struct num *args = &machine->stack[machine->depth - count];
    struct num result = {0};
    int32_t rc = 0;
    switch (in->op) {
    case OP_CALL:
        rc = exact_functions[in->arg](exact, &result, args, in->argc);
        break;
    case OP_NEGATE:
        rc = exact_negate(exact, &result, args);
        break;
    case OP_NOT:
    case OP_TRUTH:
        num_set_bool(&result, num_is_zero(args) == (in->op == OP_NOT));
        break;
    default:
        rc = exact_binary(exact, in->op, &result, args, args + 1);
    }
    if (rc < 0) {
        num_clear(&result);
        return rc;
    }
    drop(machine, count);
    return put(machine, &result);
}

static int32_t run(struct machine *machine)
{
    const struct program *program = machine->exact.evaluation->program;
    for (size_t next = 0; next < program->count;) {
        const struct instruction *in = &program->code[next++];
        int32_t rc = llmspell_cancelled(machine->exact.evaluation->call);
        if (rc < 0)
            return rc;
        if (in->op <= OP_CONSTANT)
            rc = push(machine, in);
        else if (in->op == OP_AND || in->op == OP_OR || in->op == OP_JUMP ||
                 in->op == OP_JUMP_UNLESS)
            next = jump(machine, in, next);
        else
            rc = apply(machine, in);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int32_t run_all(struct machine *machine, json_t **ret_result, const char **ret_type)
{
    struct exact *exact = &machine->exact;
    int32_t rc = read_variables(exact);
    if (rc == 0)
        rc = run(machine);
    if (rc == 0)
        rc = llmspell_return(exact->evaluation->call, ret_result,
                             num_json(exact, machine->stack, ret_type));
    drop(machine, machine->depth);
    for (size_t i = 0; i < exact->evaluation->variable_count; i++)
        num_clear(&exact->variables[i]);
    return rc;
}

int32_t evaluate_exact(const struct evaluation *evaluation, json_t **ret_result,
                       const char **ret_type)
{
    LLMSPELL_CLEANUP_FREE struct num *stack =
        calloc(evaluation->program->pushes + 1, sizeof *stack);
    LLMSPELL_CLEANUP_FREE struct num *variables =
        calloc(evaluation->variable_count + 1, sizeof *variables);
    struct machine machine = {.stack = stack,
                              .exact = {.evaluation = evaluation, .variables = variables}};
    machine.exact.bits = (mpfr_prec_t)ceil(evaluation->precision * log2(10)) + GUARD_BITS;
    if (!stack || !variables)
        return num_out_of_memory(&machine.exact);
    /* The range of exponents belongs to the thread: narrower here, as before afterwards. */
    mpfr_exp_t least = mpfr_get_emin(), greatest = mpfr_get_emax();
    mpfr_set_emin(-EXPONENT_MAX);
    mpfr_set_emax(EXPONENT_MAX);
    int32_t rc = run_all(&machine, ret_result, ret_type);
    mpfr_set_emin(least);
    mpfr_set_emax(greatest);
    mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); /* digits of pi and the like */
    return rc;
}
