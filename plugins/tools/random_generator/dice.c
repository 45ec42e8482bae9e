/* SPDX-License-Identifier: Apache-2.0
 * The operation dice: NdS with the highest or lowest kept (kh, kl) and a number added. */
#include "random.h"

#define DICE_MAX 1000
#define SIDES_MAX 1000000
#define MODIFIER_MAX 1000000000
#define ROLLS_MAX 1000000 /* of all dice of a call */

struct dice {
    long count, sides, kept, modifier;
    bool highest;
};

/* A decimal number in [1, max], or fallback if there are no digits; -1: neither. */
static long read_number(const char **at, long max, long fallback)
{
    long number = 0;
    if (**at < '0' || **at > '9')
        return fallback;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        if (number <= max)
            number = number * 10 + (**at - '0');
    return number >= 1 && number <= max ? number : -1;
}

static int32_t fail_notation(struct task *task, const char *reason)
{
    return llmspell_fail_at(task->call, LLMSPELL_EPARSE, "/notation",
                            "the notation \"%s\" is not like 2d6, 4d6kh3 or 1d20+5: %s",
                            llmspell_string(task->params, "notation"), reason);
}

/* kh or kl and how many. */
static const char *read_kept(const char **at, struct dice *dice)
{
    dice->kept = dice->count;
    if (**at != 'k' && **at != 'K')
        return NULL;
    char which = (*at)[1] & ~0x20;
    if (which != 'H' && which != 'L')
        return "after k comes h (highest) or l (lowest)";
    dice->highest = which == 'H';
    *at += 2;
    dice->kept = read_number(at, dice->count, 1);
    return dice->kept < 0 ? "it keeps more dice than it rolls, or none" : NULL;
}

static const char *read_modifier(const char **at, struct dice *dice)
{
    if (**at != '+' && **at != '-')
        return NULL;
    long sign = *(*at)++ == '-' ? -1 : 1;
    bool zero = **at == '0' && (*at)[1] == '\0';
    *at += zero;
    long number = zero ? 0 : read_number(at, MODIFIER_MAX, -1);
    dice->modifier = sign * number;
    return number < 0 ? "after the sign comes a number up to 1000000000" : NULL;
}

static int32_t read_notation(struct task *task, struct dice *ret_dice)
{
    const char *at = llmspell_string(task->params, "notation");
    const char *end = at + llmspell_string_length(task->params, "notation");
    *ret_dice = (struct dice){0};
    ret_dice->count = read_number(&at, DICE_MAX, 1);
    if (ret_dice->count < 0)
        return fail_notation(task, "it rolls 1 to 1000 dice");
    if (*at != 'd' && *at != 'D')
        return fail_notation(task, "it lacks the d");
    at++;
    ret_dice->sides = read_number(&at, SIDES_MAX, -1);
    if (ret_dice->sides < 0)
        return fail_notation(task, "after d comes the number of sides, 1 to 1000000");
    const char *reason = read_kept(&at, ret_dice);
    if (!reason)
        reason = read_modifier(&at, ret_dice);
    if (!reason && at != end)
        reason = "something follows that does not belong to it";
    return reason ? fail_notation(task, reason) : 0;
}

struct roll {
    long value;
    long index;
};

/* The better one first; of equal ones the earlier. */
static int compare_highest(const void *a, const void *b)
{
    const struct roll *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static int compare_lowest(const void *a, const void *b)
{
    const struct roll *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static int compare_index(const void *a, const void *b)
{
    const struct roll *x = a, *y = b;
    return x->index < y->index ? -1 : 1;
}

static json_t *throw_json(struct source *source, const struct dice *dice)
{
    struct roll rolls[DICE_MAX];
    LLMSPELL_CLEANUP_JSON json_t *all = json_array();
    LLMSPELL_CLEANUP_JSON json_t *kept = json_array();
    long total = dice->modifier;
    bool ok = true;
    for (long i = 0; i < dice->count; i++) {
        long value = 1 + (long)source_below(source, (uint64_t)dice->sides);
        rolls[i] = (struct roll){value, i};
        ok = ok && json_array_append_new(all, json_integer(value)) == 0;
    }
    if (dice->kept < dice->count) {
        qsort(rolls, (size_t)dice->count, sizeof *rolls,
              dice->highest ? compare_highest : compare_lowest);
        qsort(rolls, (size_t)dice->kept, sizeof *rolls, compare_index);
    }
    for (long i = 0; i < dice->kept; i++) {
        total += rolls[i].value;
        ok = ok && json_array_append_new(kept, json_integer(rolls[i].value)) == 0;
    }
    if (!ok)
        return NULL;
    return json_pack("{s:I, s:O, s:O}", "total", (json_int_t)total, "rolls", all, "kept", kept);
}

int32_t random_dice(struct task *task)
{
    struct dice dice;
    int32_t rc = read_notation(task, &dice);
    if (rc == 0 && dice.count * (long)task->count > ROLLS_MAX)
        return llmspell_fail_at(task->call, LLMSPELL_ELIMIT, "/count",
                                "%zu times %ld dice are more than the %d of one call", task->count,
                                dice.count, ROLLS_MAX);
    for (size_t i = 0; rc == 0 && i < task->count; i++)
        rc = task_add(task, throw_json(&task->source, &dice));
    return rc;
}
