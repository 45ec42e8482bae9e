/* SPDX-License-Identifier: Apache-2.0
 * join: rows of two inputs that have the same value in one column, in the order of the left. */
#include "analyzer.h"

#define LIMIT 1000
#define SIDE_MAX (MEMORY_MAX / 2) /* bytes of each of the three tables */
#define PAIRS_MAX 5000000         /* rows of a result */
#define NONE SIZE_MAX

struct pair {
    size_t left, right; /* rows; NONE: nulls */
};

struct joining {
    struct llmspell_call *call;
    const json_t *params;
    struct table left, right, out;
    size_t left_on, right_on;
    struct groups groups; /* of the right rows, by on */
    struct arena arena;
    struct index index; /* on of the right → its group */
    struct index names; /* of the result's columns */
    bool *used;         /* of the right: it has a partner */
    struct pair *pairs;
    size_t count, room;
};

/* ---- which rows ---- */

static int32_t find_columns(struct joining *j)
{
    const json_t *on = json_object_get(j->params, "on");
    bool one = json_is_string(on);
    const char *left = one ? json_string_value(on) : llmspell_string(on, "left");
    const char *right = one ? json_string_value(on) : llmspell_string(on, "right");
    int32_t rc = table_require(&j->left, left, one ? "/on" : "/on/left", &j->left_on);
    return rc < 0 ? rc : table_require(&j->right, right, one ? "/on" : "/on/right", &j->right_on);
}

static int32_t add_pair(struct joining *j, size_t left, size_t right)
{
    if (j->count == PAIRS_MAX)
        return llmspell_fail(j->call, LLMSPELL_ELIMIT, "the result has more than %d rows",
                             PAIRS_MAX);
    if (j->count == j->room) {
        size_t room = j->room * 2 + 1024;
        struct pair *grown = realloc(j->pairs, room * sizeof *grown);
        if (!grown)
            return no_memory(j->call);
        j->pairs = grown;
        j->room = room;
    }
    j->pairs[j->count++] = (struct pair){left, right};
    if (right != NONE)
        j->used[right] = true;
    return j->count % 65536 ? 0 : llmspell_cancelled(j->call);
}

static int32_t index_right(struct joining *j)
{
    j->arena.max = MEMORY_MAX;
    j->index.arena = &j->arena;
    j->used = calloc(j->right.rows + 1, sizeof *j->used);
    int32_t rc = j->used ? groups_make(&j->right, &j->right_on, 1, &j->groups) : no_memory(j->call);
    bool is_new;
    for (size_t g = 0; rc == 0 && g < j->groups.count; g++) {
        const struct cell *cell =
            &j->right.columns[j->right_on].cells[j->groups.rows[j->groups.starts[g]]];
        /* the group of nulls gets a key that no text is: it matches nothing */
        const char *text = cell->kind == KIND_NULL ? "\xFF" : cell->text;
        size_t size = cell->kind == KIND_NULL ? 1 : cell->size;
        if (index_add(&j->index, text, size, &is_new) == INDEX_NONE)
            rc = too_much(j->call);
    }
    return rc;
}

static bool keeps(const struct joining *j, const char *side)
{
    return llmspell_is(j->params, "how", side) || llmspell_is(j->params, "how", "full");
}

static int32_t match_row(struct joining *j, size_t row)
{
    const struct cell *cell = &j->left.columns[j->left_on].cells[row];
    size_t group =
        cell->kind == KIND_NULL ? INDEX_NONE : index_find(&j->index, cell->text, cell->size);
    if (group == INDEX_NONE)
        return keeps(j, "left") ? add_pair(j, row, NONE) : 0;
    int32_t rc = 0;
    for (size_t i = j->groups.starts[group]; rc == 0 && i < j->groups.starts[group + 1]; i++)
        rc = add_pair(j, row, j->groups.rows[i]);
    return rc;
}

static int32_t match(struct joining *j)
{
    int32_t rc = index_right(j);
    for (size_t row = 0; rc == 0 && row < j->left.rows; row++)
        rc = match_row(j, row);
    for (size_t row = 0; rc == 0 && keeps(j, "right") && row < j->right.rows; row++)
        if (!j->used[row])
            rc = add_pair(j, NONE, row);
    return rc;
}

/* ---- the result ---- */

static int32_t copy_column(struct joining *j, const struct column *from, bool is_right, size_t to)
{
    int32_t rc = 0;
    struct cell *cells = j->out.columns[to].cells;
    for (size_t i = 0; rc == 0 && i < j->count; i++) {
        size_t row = is_right ? j->pairs[i].right : j->pairs[i].left;
        if (row != NONE) /* texts live in the tables that are joined */
            cells[i] = from->cells[row];
        rc = i % 65536 ? 0 : llmspell_cancelled(j->call);
    }
    return rc;
}

static int32_t add_column(struct joining *j, const char *name, const struct column *from,
                          bool is_right)
{
    size_t to;
    bool is_new;
    if (index_add(&j->names, name, strlen(name), &is_new) == INDEX_NONE)
        return too_much(j->call);
    int32_t rc = table_add_column(&j->out, name, &to);
    if (rc == 0 && to % 256 == 0)
        rc = llmspell_cancelled(j->call);
    return rc < 0 ? rc : copy_column(j, from, is_right, to);
}

static int32_t add_left(struct joining *j)
{
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < j->left.count; i++)
        rc = add_column(j, j->left.columns[i].name, &j->left.columns[i], false);
    /* where there is no left row, on is that of the right */
    const struct cell *right = j->right.columns[j->right_on].cells;
    for (size_t i = 0; rc == 0 && i < j->count; i++)
        if (j->pairs[i].left == NONE)
            j->out.columns[j->left_on].cells[i] = right[j->pairs[i].right];
    return rc;
}

/* A name of both gets the suffix, as often as it takes. */
static int32_t add_right_column(struct joining *j, size_t column)
{
    const char *suffix = llmspell_string(j->params, "suffix");
    CLEANUP_BOUNDED_TEXT struct bounded_text name = {.max = CSV_RECORD_MAX};
    bounded_puts(&name, j->right.columns[column].name);
    while (name.error == 0 && index_find(&j->names, name.text, name.used) != INDEX_NONE)
        bounded_puts(&name, suffix);
    bounded_put(&name, "", 1);
    int32_t rc = bounded_text_check(j->call, &name);
    return rc < 0 ? rc : add_column(j, name.text, &j->right.columns[column], true);
}

static int32_t build(struct joining *j)
{
    table_init(&j->out, j->call, SIDE_MAX);
    j->names.arena = &j->arena;
    int32_t rc = table_set_rows(&j->out, j->count);
    if (rc == 0)
        rc = add_left(j);
    for (size_t i = 0; rc == 0 && i < j->right.count; i++)
        if (i != j->right_on)
            rc = add_right_column(j, i);
    return rc;
}

int32_t join(struct llmspell_call *call, const json_t *params, json_t **ret)
{
    struct joining j = {.call = call, .params = params};
    struct load left = {.keep = SIZE_MAX, .max = SIDE_MAX};
    struct load right = {.keep = SIZE_MAX, .max = SIDE_MAX, .right = true};
    int32_t rc = table_load(call, params, &left, &j.left);
    if (rc == 0)
        rc = table_load(call, params, &right, &j.right);
    if (rc == 0)
        rc = find_columns(&j);
    if (rc == 0)
        rc = match(&j);
    if (rc == 0)
        rc = build(&j);
    if (rc == 0)
        rc = output_table(params, &j.out, (size_t)llmspell_integer(params, "limit", LIMIT), 0,
                          j.count, left.cut || right.cut, ret);
    groups_clear(&j.groups);
    index_clear(&j.index);
    index_clear(&j.names);
    arena_clear(&j.arena);
    free(j.used);
    free(j.pairs);
    table_clear(&j.out);
    table_clear(&j.left);
    table_clear(&j.right);
    return rc;
}
