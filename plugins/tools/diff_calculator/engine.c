/* SPDX-License-Identifier: Apache-2.0
 * The comparison of two sequences after E. Myers, "An O(ND) Difference Algorithm" (1986), in linear
 * space: the middle of a shortest path is looked for from both ends, then both halves. Own code,
 * since no library can be interrupted here. */
#include "diff.h"

#define WORK_STEP 200000 /* diagonals between two looks at the cancel flag */
#define COST_MIN 400     /* edits until which the path is the shortest in any case */

typedef int64_t index_t;

/* A rectangle of the edit graph. */
struct box {
    index_t left, right, top, bottom;
};

struct engine {
    struct llmspell_call *call;
    uint32_t *a, *b;             /* what is left after lines that the other side lacks are gone */
    size_t *a_origin, *b_origin; /* where they were */
    struct comparison *comparison;
    index_t *forward, *backward; /* furthest x on each diagonal; index 0 is in the middle */
    index_t cost_max;
    size_t work, total;
};

static int32_t look(struct engine *engine, index_t work)
{
    engine->work += (size_t)work;
    if (engine->work < WORK_STEP)
        return 0;
    engine->work = 0;
    return llmspell_cancelled(engine->call);
}

/* Diagonals that are walked from one end: they grow by one on each side, and shrink at the border
 * of the box. `unreached` marks the neighbours outside. */
struct front {
    index_t *furthest;
    index_t low, high;
};

static void widen(struct front *front, index_t lowest, index_t highest, index_t unreached)
{
    if (front->low > lowest)
        front->furthest[--front->low - 1] = unreached;
    else
        front->low++;
    if (front->high < highest)
        front->furthest[++front->high + 1] = unreached;
    else
        front->high--;
}

static bool reaches(const struct front *front, index_t diagonal)
{
    return diagonal >= front->low && diagonal <= front->high;
}

/* One more edit from the top left. True if it meets the other front, with the place. */
static bool advance(const struct engine *engine, const struct box *box, struct front *front,
                    const struct front *other, index_t *ret_x, index_t *ret_y)
{
    bool odd = ((box->left - box->top) - (box->right - box->bottom)) & 1;
    for (index_t d = front->high; d >= front->low; d -= 2) {
        index_t below = front->furthest[d - 1], above = front->furthest[d + 1];
        index_t x = below < above ? above : below + 1, y = x - d;
        while (x < box->right && y < box->bottom && engine->a[x] == engine->b[y]) {
            x++;
            y++;
        }
        front->furthest[d] = x;
        if (odd && reaches(other, d) && other->furthest[d] <= x) {
            *ret_x = x;
            *ret_y = y;
            return true;
        }
    }
    return false;
}

/* One more edit from the bottom right. */
static bool retreat(const struct engine *engine, const struct box *box, struct front *front,
                    const struct front *other, index_t *ret_x, index_t *ret_y)
{
    bool odd = ((box->left - box->top) - (box->right - box->bottom)) & 1;
    for (index_t d = front->high; d >= front->low; d -= 2) {
        index_t below = front->furthest[d - 1], above = front->furthest[d + 1];
        index_t x = below < above ? below : above - 1, y = x - d;
        while (x > box->left && y > box->top && engine->a[x - 1] == engine->b[y - 1]) {
            x--;
            y--;
        }
        front->furthest[d] = x;
        if (!odd && reaches(other, d) && other->furthest[d] >= x) {
            *ret_x = x;
            *ret_y = y;
            return true;
        }
    }
    return false;
}

/* Too many edits: the place that got furthest from its corner has to do. */
static void settle(const struct box *box, const struct front *forward, const struct front *backward,
                   index_t *ret_x, index_t *ret_y)
{
    index_t best = -1, best_back = -1, x = box->left, y = box->top;
    for (index_t d = forward->high; d >= forward->low; d -= 2) {
        index_t at = forward->furthest[d] < box->right ? forward->furthest[d] : box->right;
        if (at - d > box->bottom)
            at = box->bottom + d;
        if (at - box->left + (at - d - box->top) > best) {
            best = at - box->left + (at - d - box->top);
            x = at;
            y = at - d;
        }
    }
    for (index_t d = backward->high; d >= backward->low; d -= 2) {
        index_t at = backward->furthest[d] > box->left ? backward->furthest[d] : box->left;
        if (at - d < box->top)
            at = box->top + d;
        if (box->right - at + (box->bottom - (at - d)) > best_back) {
            best_back = box->right - at + (box->bottom - (at - d));
            if (best_back > best) {
                x = at;
                y = at - d;
            }
        }
    }
    *ret_x = x;
    *ret_y = y;
}

/* A place that a good path through the box passes; not one of its two corners. */
static int32_t split(struct engine *engine, const struct box *box, index_t *ret_x, index_t *ret_y)
{
    index_t lowest = box->left - box->bottom, highest = box->right - box->top;
    index_t first = box->left - box->top, last = box->right - box->bottom;
    struct front forward = {engine->forward, first, first};
    struct front backward = {engine->backward, last, last};
    forward.furthest[first] = box->left;
    backward.furthest[last] = box->right;
    for (index_t cost = 1;; cost++) {
        widen(&forward, lowest, highest, -1);
        if (advance(engine, box, &forward, &backward, ret_x, ret_y))
            return 0;
        widen(&backward, lowest, highest, INT64_MAX);
        if (retreat(engine, box, &backward, &forward, ret_x, ret_y))
            return 0;
        int32_t stop = look(engine, forward.high - forward.low + backward.high - backward.low + 2);
        if (stop < 0)
            return stop;
        if (cost >= engine->cost_max) {
            settle(box, &forward, &backward, ret_x, ret_y);
            return 0;
        }
    }
}

static void mark(bool *changed, const size_t *origin, index_t from, index_t to)
{
    for (index_t i = from; i < to; i++)
        changed[origin[i]] = true;
}

/* Compares the inside of a box. The second half is done in the loop: the depth stays small. */
static int32_t compare(struct engine *engine, struct box box)
{
    for (;;) {
        while (box.left < box.right && box.top < box.bottom &&
               engine->a[box.left] == engine->b[box.top]) {
            box.left++;
            box.top++;
        }
        while (box.left < box.right && box.top < box.bottom &&
               engine->a[box.right - 1] == engine->b[box.bottom - 1]) {
            box.right--;
            box.bottom--;
        }
        if (box.left == box.right || box.top == box.bottom) {
            mark(engine->comparison->a_changed, engine->a_origin, box.left, box.right);
            mark(engine->comparison->b_changed, engine->b_origin, box.top, box.bottom);
            return 0;
        }
        index_t x = 0, y = 0;
        int32_t rc = split(engine, &box, &x, &y);
        if (rc == 0)
            rc = compare(engine, (struct box){box.left, x, box.top, y});
        if (rc < 0)
            return rc;
        box.left = x;
        box.top = y;
    }
}

/* ---- preparation ---- */

/* Keeps what the other side has, too; the rest has changed without further question. */
static size_t reduce(const uint32_t *numbers, size_t count, const bool *elsewhere, bool *changed,
                     uint32_t *kept, size_t *origin)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!elsewhere[numbers[i]]) {
            changed[i] = true;
            continue;
        }
        kept[n] = numbers[i];
        origin[n++] = i;
    }
    return n;
}

static size_t highest_number(const uint32_t *numbers, size_t count, size_t highest)
{
    for (size_t i = 0; i < count; i++)
        highest = numbers[i] > highest ? numbers[i] : highest;
    return highest;
}

static void note_all(const uint32_t *numbers, size_t count, bool *seen)
{
    for (size_t i = 0; i < count; i++)
        seen[numbers[i]] = true;
}

static index_t square_root(size_t n)
{
    index_t root = 1;
    while ((size_t)root * (size_t)root < n)
        root++;
    return root;
}

static int32_t run(struct engine *engine, bool *in_a, bool *in_b)
{
    struct comparison *c = engine->comparison;
    note_all(c->a, c->a_count, in_a);
    note_all(c->b, c->b_count, in_b);
    size_t n = reduce(c->a, c->a_count, in_b, c->a_changed, engine->a, engine->a_origin);
    size_t m = reduce(c->b, c->b_count, in_a, c->b_changed, engine->b, engine->b_origin);
    index_t *middle = malloc(2 * (n + m + 3) * sizeof *middle);
    if (!middle)
        return no_memory(engine->call);
    /* Diagonals run from -m to n, with one more on each side. */
    engine->forward = middle + m + 1;
    engine->backward = middle + (n + m + 3) + m + 1;
    index_t root = square_root(n + m);
    engine->cost_max = root > COST_MIN ? root : COST_MIN;
    int32_t rc = compare(engine, (struct box){0, (index_t)n, 0, (index_t)m});
    free(middle);
    return rc;
}

int32_t engine_compare(struct llmspell_call *call, struct comparison *comparison)
{
    size_t n = comparison->a_count, m = comparison->b_count;
    size_t numbers = highest_number(comparison->b, m, highest_number(comparison->a, n, 0)) + 1;
    struct engine engine = {.call = call, .comparison = comparison};
    LLMSPELL_CLEANUP_FREE bool *seen = calloc(numbers * 2, sizeof *seen);
    LLMSPELL_CLEANUP_FREE uint32_t *kept = malloc((n + m + 1) * sizeof *kept);
    LLMSPELL_CLEANUP_FREE size_t *origins = malloc((n + m + 1) * sizeof *origins);
    if (!seen || !kept || !origins)
        return no_memory(call);
    engine.a = kept;
    engine.b = kept + n;
    engine.a_origin = origins;
    engine.b_origin = origins + n;
    return run(&engine, seen, seen + numbers);
}
