/* SPDX-License-Identifier: Apache-2.0
 * Which rows take part: conditions that all must hold. */
#include "analyzer.h"

enum op {
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_CONTAINS,
    OP_STARTS,
    OP_ENDS,
    OP_MATCHES,
    OP_IN,
    OP_IS_NULL,
    OP_NOT_NULL,
    OP_COUNT
};

static const char *const op_names[OP_COUNT] = {
    "eq",          "ne",        "lt",      "le", "gt",      "ge",      "contains",
    "starts_with", "ends_with", "matches", "in", "is_null", "not_null"};

struct condition {
    size_t column;
    enum op op;
    struct cell *values; /* one; of in any number */
    size_t value_count;
    struct pattern *pattern;
};

/* ---- compiling ---- */

static int32_t make_cell(struct where *where, const json_t *value, struct cell *ret)
{
    char text[NUMBER_TEXT_MAX];
    const char *from = text;
    size_t size = 0;
    if (json_is_string(value)) {
        from = json_string_value(value);
        size = json_string_length(value);
    } else if (json_is_integer(value)) {
        size = (size_t)snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        size = number_text(json_real_value(value), text);
    } else if (json_is_boolean(value)) {
        size = (size_t)snprintf(text, sizeof text, "%s", json_is_true(value) ? "true" : "false");
    }
    char *copy = arena_copy(&where->arena, from, size);
    if (!copy)
        return no_memory(where->call);
    *ret = (struct cell){copy, (uint32_t)size,
                         json_is_null(value) ? KIND_NULL : (uint8_t)cell_classify(copy, size)};
    return 0;
}

static int32_t find_name(const struct source *source, const char *name, size_t *ret)
{
    for (size_t i = 0; i < source->count; i++) {
        if (strcmp(source->names[i], name) == 0) {
            *ret = i;
            return 0;
        }
    }
    return LLMSPELL_ENOTFOUND;
}

static enum op find_op(const char *name)
{
    enum op op = OP_EQ;
    while (op < OP_NOT_NULL && strcmp(op_names[op], name) != 0)
        op++;
    return op;
}

static int32_t take_values(struct where *where, struct condition *c, const json_t *value)
{
    size_t count = json_is_array(value) ? json_array_size(value) : value != NULL;
    c->values = calloc(count + 1, sizeof *c->values);
    if (!c->values)
        return no_memory(where->call);
    c->value_count = count;
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = make_cell(where, json_is_array(value) ? json_array_get(value, i) : value,
                       &c->values[i]);
    return rc;
}

/* place: the number of the condition, for pointers; text conditions are blamed as a whole. */
static int32_t compile(struct where *where, const json_t *from, size_t place, bool is_text,
                       struct condition *c)
{
    char pointer[64] = "/where";
    const char *column = llmspell_string(from, "column");
    if (!is_text)
        snprintf(pointer, sizeof pointer, "/where/%zu/column", place);
    if (find_name(where->source, column, &c->column) < 0)
        return llmspell_fail_at(where->call, LLMSPELL_ENOTFOUND, pointer,
                                "there is no column \"%s\"", column);
    c->op = find_op(llmspell_string(from, "op"));
    const json_t *value = json_object_get(from, "value");
    int32_t rc = take_values(where, c, value);
    if (!is_text)
        snprintf(pointer, sizeof pointer, "/where/%zu/value", place);
    if (rc == 0 && c->op == OP_MATCHES)
        rc = pattern_new(where->call, c->values[0].text, c->values[0].size, pointer, &c->pattern);
    return rc;
}

int32_t where_compile(struct source *source, const json_t *conditions, struct where *ret)
{
    ret->call = source->call;
    ret->source = source;
    ret->arena.max = MEMORY_MAX;
    bool is_text = json_is_string(conditions);
    if (is_text) {
        int32_t rc = where_parse(source->call, json_string_value(conditions), &ret->parsed);
        if (rc < 0)
            return rc;
        conditions = ret->parsed;
    }
    size_t count = json_array_size(conditions);
    ret->items = calloc(count + 1, sizeof *ret->items);
    if (!ret->items)
        return no_memory(source->call);
    int32_t rc = 0;
    for (; rc == 0 && ret->count < count; ret->count++)
        rc = compile(ret, json_array_get(conditions, ret->count), ret->count, is_text,
                     &ret->items[ret->count]);
    return rc;
}

void where_clear(struct where *where)
{
    for (size_t i = 0; i < where->count; i++) {
        free(where->items[i].values);
        pattern_free(where->items[i].pattern);
    }
    free(where->items);
    json_decref(where->parsed);
    arena_clear(&where->arena);
    where->count = 0;
}

/* ---- testing ---- */

static bool holds_text(const struct cell *cell, const struct cell *part, enum op op)
{
    if (part->size > cell->size)
        return false;
    if (part->size == 0)
        return true;
    if (op == OP_CONTAINS)
        return memmem(cell->text, cell->size, part->text, part->size) != NULL;
    const char *at = op == OP_STARTS ? cell->text : cell->text + cell->size - part->size;
    return memcmp(at, part->text, part->size) == 0;
}

static bool is_in(const struct condition *c, const struct cell *cell)
{
    for (size_t i = 0; i < c->value_count; i++)
        if (c->values[i].kind != KIND_NULL && cell_compare(cell, &c->values[i]) == 0)
            return true;
    return false;
}

static bool compare(const struct condition *c, const struct cell *cell)
{
    int order = cell_compare(cell, &c->values[0]);
    switch (c->op) {
    case OP_EQ:
        return order == 0;
    case OP_NE:
        return order != 0;
    case OP_LT:
        return order < 0;
    case OP_LE:
        return order <= 0;
    case OP_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}

/* A null is equal to null only, and neither less nor more than anything. */
static bool test_null(const struct condition *c, bool cell_is_null)
{
    bool value_is_null = c->value_count == 1 && c->values[0].kind == KIND_NULL;
    switch (c->op) {
    case OP_IS_NULL:
        return cell_is_null;
    case OP_NOT_NULL:
        return !cell_is_null;
    case OP_EQ:
        return cell_is_null && value_is_null;
    case OP_NE:
        return !(cell_is_null && value_is_null);
    default:
        return false;
    }
}

static int32_t test(const struct where *where, const struct condition *c,
                    const struct csv_field *field)
{
    bool cell_is_null = source_is_null(where->source, field);
    if (cell_is_null || c->op == OP_IS_NULL || c->op == OP_NOT_NULL ||
        (c->op != OP_IN && c->values[0].kind == KIND_NULL))
        return test_null(c, cell_is_null);
    if (c->op == OP_MATCHES)
        return pattern_test(c->pattern, field->text, field->size);
    struct cell cell = {field->text, (uint32_t)field->size,
                        (uint8_t)cell_classify(field->text, field->size)};
    if (c->op == OP_CONTAINS || c->op == OP_STARTS || c->op == OP_ENDS)
        return holds_text(&cell, &c->values[0], c->op);
    return c->op == OP_IN ? is_in(c, &cell) : compare(c, &cell);
}

int32_t where_test(const struct where *where, const struct csv_field *fields)
{
    for (size_t i = 0; i < where->count; i++) {
        int32_t rc = test(where, &where->items[i], &fields[where->items[i].column]);
        if (rc <= 0)
            return rc;
    }
    return 1;
}
