/* SPDX-License-Identifier: Apache-2.0
 * From the marks of the comparison to a list of changes: each is moved down as far as its lines
 * allow, but rather to a place where the other side has changed, too. */
#include "diff.h"

/* A run of changed lines of one side, [from..to), and the same place on the other side. Runs are
 * empty where only the other side has changed, so both sides have the same number of them. */
struct run {
    size_t from, to;
};

static struct run first_run(const bool *changed)
{
    struct run run = {0, 0};
    while (changed[run.to])
        run.to++;
    return run;
}

static bool next_run(const bool *changed, size_t count, struct run *run)
{
    if (run->to == count)
        return false;
    run->from = run->to = run->to + 1;
    while (changed[run->to])
        run->to++;
    return true;
}

static bool previous_run(const bool *changed, struct run *run)
{
    if (run->from == 0)
        return false;
    run->from = run->to = run->from - 1;
    while (run->from > 0 && changed[run->from - 1])
        run->from--;
    return true;
}

/* Moves a run by one line; it may join its neighbour. */
static bool move_down(const uint32_t *numbers, size_t count, bool *changed, struct run *run)
{
    if (run->to == count || numbers[run->from] != numbers[run->to])
        return false;
    changed[run->from++] = false;
    changed[run->to++] = true;
    while (changed[run->to])
        run->to++;
    return true;
}

static bool move_up(const uint32_t *numbers, bool *changed, struct run *run)
{
    if (run->from == 0 || numbers[run->from - 1] != numbers[run->to - 1])
        return false;
    changed[--run->from] = true;
    changed[--run->to] = false;
    while (run->from > 0 && changed[run->from - 1])
        run->from--;
    return true;
}

/* Up as far as it goes, then down as far as it goes, until it joins no more neighbours. Returns the
 * last end at which the other side has changed, too, or SIZE_MAX. */
static size_t settle(const uint32_t *numbers, size_t count, bool *changed, struct run *run,
                     const bool *other_changed, size_t other_count, struct run *other)
{
    size_t size, beside;
    do {
        size = run->to - run->from;
        while (move_up(numbers, changed, run))
            previous_run(other_changed, other);
        beside = other->to > other->from ? run->to : SIZE_MAX;
        while (move_down(numbers, count, changed, run)) {
            next_run(other_changed, other_count, other);
            if (other->to > other->from)
                beside = run->to;
        }
    } while (size != run->to - run->from);
    return beside;
}

static void slide(const uint32_t *numbers, size_t count, bool *changed, const bool *other_changed,
                  size_t other_count)
{
    struct run run = first_run(changed), other = first_run(other_changed);
    do {
        if (run.to == run.from)
            continue;
        size_t beside = settle(numbers, count, changed, &run, other_changed, other_count, &other);
        while (beside != SIZE_MAX && run.to > beside && move_up(numbers, changed, &run))
            previous_run(other_changed, &other);
    } while (next_run(changed, count, &run) && next_run(other_changed, other_count, &other));
}

static int32_t list(struct llmspell_call *call, const struct comparison *c, struct changes *ret)
{
    size_t room = 0, i = 0, k = 0;
    while (i < c->a_count || k < c->b_count) {
        struct change change = {i, 0, k, 0};
        while (c->a_changed[i])
            i++;
        while (c->b_changed[k])
            k++;
        change.a_size = i - change.a_from;
        change.b_size = k - change.b_from;
        if (change.a_size == 0 && change.b_size == 0) {
            i++;
            k++;
            continue;
        }
        if (ret->count == room) {
            room = room * 2 + 16;
            struct change *grown = realloc(ret->items, room * sizeof *grown);
            if (!grown)
                return no_memory(call);
            ret->items = grown;
        }
        ret->items[ret->count++] = change;
    }
    return 0;
}

int32_t changes_find(struct llmspell_call *call, const struct pieces *a, const struct pieces *b,
                     enum whitespace whitespace, struct changes *ret)
{
    LLMSPELL_CLEANUP_FREE uint32_t *a_numbers = NULL, *b_numbers = NULL;
    LLMSPELL_CLEANUP_FREE bool *flags = calloc(a->count + b->count + 4, sizeof *flags);
    int32_t rc =
        flags ? pieces_number(call, a, b, whitespace, &a_numbers, &b_numbers) : no_memory(call);
    if (rc < 0)
        return rc;
    struct comparison comparison = {.a = a_numbers,
                                    .b = b_numbers,
                                    .a_count = a->count,
                                    .b_count = b->count,
                                    .a_changed = flags + 1,
                                    .b_changed = flags + a->count + 3};
    rc = engine_compare(call, &comparison);
    if (rc < 0)
        return rc;
    slide(a_numbers, a->count, comparison.a_changed, comparison.b_changed, b->count);
    slide(b_numbers, b->count, comparison.b_changed, comparison.a_changed, a->count);
    return list(call, &comparison, ret);
}

void changes_clear(struct changes *changes)
{
    free(changes->items);
}
