/* SPDX-License-Identifier: Apache-2.0
 * The step add of transform: a column computed from others, by an expression of the calculator, or
 * by concat(a, " ", b). */
#include <math.h>

#include "../shared/expression.h"
#include "analyzer.h"

/* ---- concat(…) ---- */

/* A part: a text, or a column. */
struct part {
    const char *text;
    size_t size, column;
    bool is_column;
};

struct concat {
    struct step *step;
    const char *at;
    struct part parts[64];
    size_t count;
    char *texts; /* what quoted texts are unescaped into */
    size_t used;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static void skip_spaces(struct concat *c)
{
    while (is_space(*c->at))
        c->at++;
}

static int32_t fail_concat(const struct concat *c, const char *expected)
{
    char pointer[64];
    const char *text = llmspell_string(c->step->params, "expression");
    snprintf(pointer, sizeof pointer, "%s/expression", c->step->pointer);
    return llmspell_fail_at(c->step->call, LLMSPELL_EPARSE, pointer, "expected %s at offset %zu",
                            expected, text_length(text, (size_t)(c->at - text)));
}

static int32_t read_text(struct concat *c, struct part *part)
{
    char quote = *c->at++;
    part->text = c->texts + c->used;
    for (; *c->at && *c->at != quote; c->at++) {
        if (*c->at == '\\' && c->at[1])
            c->at++;
        c->texts[c->used++] = *c->at;
        part->size++;
    }
    if (!*c->at)
        return fail_concat(c, "the closing quote");
    c->at++;
    return 0;
}

static int32_t read_column(struct concat *c, struct part *part)
{
    const char *start = c->at;
    while (*c->at && *c->at != ',' && *c->at != ')')
        c->at++;
    const char *end = c->at;
    while (end > start && is_space(end[-1]))
        end--;
    LLMSPELL_CLEANUP_FREE char *name = strndup(start, (size_t)(end - start));
    if (!name)
        return no_memory(c->step->call);
    if (!*name)
        return fail_concat(c, "a column or a text in quotes");
    part->is_column = true;
    part->column = table_find(c->step->table, name);
    bool itself = part->column + 1 == c->step->table->count; /* the new column is the last */
    return itself || part->column == SIZE_MAX ? step_fail_column(c->step, "expression", name) : 0;
}

/* After the opening parenthesis. */
static int32_t read_parts(struct concat *c)
{
    int32_t rc = 0;
    for (;; c->at++) {
        if (c->count == sizeof c->parts / sizeof *c->parts)
            return fail_concat(c, "at most 64 parts");
        struct part *part = &c->parts[c->count++];
        skip_spaces(c);
        rc = *c->at == '"' || *c->at == '\'' ? read_text(c, part) : read_column(c, part);
        skip_spaces(c);
        if (rc < 0 || *c->at != ',')
            break;
    }
    if (rc == 0 && *c->at != ')')
        return fail_concat(c, "a comma or the closing parenthesis");
    c->at += rc == 0;
    skip_spaces(c);
    return rc == 0 && *c->at ? fail_concat(c, "the end") : rc;
}

static int32_t concat_row(const struct concat *c, size_t row, struct bounded_text *out,
                          struct cell *ret)
{
    struct table *table = c->step->table;
    out->used = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct part *part = &c->parts[i];
        const struct cell *cell = part->is_column ? &table->columns[part->column].cells[row] : NULL;
        bounded_put(out, cell ? cell->text : part->text, cell ? cell->size : part->size);
    }
    int32_t rc = bounded_text_check(c->step->call, out);
    return rc < 0 ? rc : table_cell(table, out->text, out->used, KIND_STRING, ret);
}

/* Nulls are nothing; the result is text always. */
static int32_t add_concat(struct step *step, const char *at, size_t to)
{
    CLEANUP_BOUNDED_TEXT struct bounded_text out = {.max = CSV_RECORD_MAX};
    LLMSPELL_CLEANUP_FREE char *texts = malloc(strlen(at) + 1);
    struct concat c = {.step = step, .at = at, .texts = texts};
    if (!texts)
        return no_memory(step->call);
    int32_t rc = read_parts(&c);
    for (size_t row = 0; rc == 0 && row < step->table->rows; row++) {
        rc = concat_row(&c, row, &out, &step->table->columns[to].cells[row]);
        if (rc == 0 && row % 8192 == 0)
            rc = llmspell_cancelled(step->call);
    }
    return rc;
}

/* ---- expressions of the calculator ---- */

struct formula {
    struct step *step;
    struct variable *variables; /* all columns; values only of those that are used */
    bool *used;
    struct program program;
};

static int32_t fail_formula(const struct step *step, const struct parse_error *error)
{
    char pointer[64];
    snprintf(pointer, sizeof pointer, "%s/expression", step->pointer);
    return llmspell_fail_at(step->call, error->code, pointer, "%s (offset %zu)", error->message,
                            error->offset);
}

static int32_t parse_formula(struct formula *f)
{
    struct table *table = f->step->table;
    const char *text = llmspell_string(f->step->params, "expression");
    for (size_t i = 0; i < table->count; i++)
        f->variables[i].name = table->columns[i].name;
    /* the last column is the new one: it is not there for its own expression */
    struct scope scope = {.variables = f->variables,
                          .count = table->count - 1,
                          .variable_cure = ": no column is called so; rename a column first whose "
                                           "name has more than letters, digits and _"};
    struct parse_error error;
    int32_t rc = program_parse(&f->program, text, strlen(text), &scope, &error);
    if (rc < 0)
        return fail_formula(f->step, &error);
    for (size_t i = 0; i < f->program.count; i++)
        if (f->program.code[i].op == OP_VARIABLE)
            f->used[f->program.code[i].arg] = true;
    return 0;
}

/* 1 if a column that is used is null in this row; then the result is, too. */
static int32_t take_values(struct formula *f, size_t row)
{
    struct table *table = f->step->table;
    bool null = false;
    for (size_t i = 0; i < table->count; i++) {
        const struct cell *cell = &table->columns[i].cells[row];
        if (!f->used[i])
            continue;
        null = null || cell->kind == KIND_NULL;
        if (cell->kind == KIND_NULL)
            continue;
        double value = cell->kind == KIND_BOOLEAN ? cell_truth(cell) : 0;
        if (cell->kind != KIND_BOOLEAN && !number_read(cell->text, cell->size, &value))
            return llmspell_fail_at(f->step->call, LLMSPELL_EPARSE, f->step->pointer,
                                    "\"%.*s\" in row %zu of \"%s\" is no number",
                                    cell->size > 40 ? 40 : (int)cell->size, cell->text, row + 1,
                                    table->columns[i].name);
        if (!isfinite(value))
            return llmspell_fail_at(f->step->call, LLMSPELL_EPARSE, f->step->pointer,
                                    "the number in row %zu of \"%s\" is too large", row + 1,
                                    table->columns[i].name);
        json_decref((json_t *)f->variables[i].value);
        f->variables[i].value = json_real(value);
        if (!f->variables[i].value)
            return no_memory(f->step->call);
    }
    return null;
}

static int32_t run_formula(struct formula *f, size_t row, struct cell *ret)
{
    struct evaluation evaluation = {.call = f->step->call,
                                    .program = &f->program,
                                    .variables = f->variables,
                                    .variable_count = f->step->table->count};
    LLMSPELL_CLEANUP_JSON json_t *result = NULL;
    const char *type;
    int32_t rc = take_values(f, row);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    rc = evaluate_double(&evaluation, &result, &type);
    if (rc < 0)
        return rc;
    if (json_is_number(result))
        return table_number_cell(f->step->table, json_number_value(result), ret);
    return table_cell(f->step->table, json_string_value(result), json_string_length(result),
                      KIND_STRING, ret);
}

static int32_t add_formula(struct step *step, size_t to)
{
    struct table *table = step->table;
    struct formula f = {.step = step,
                        .variables = calloc(table->count + 1, sizeof *f.variables),
                        .used = calloc(table->count + 1, sizeof *f.used)};
    int32_t rc = f.variables && f.used ? parse_formula(&f) : no_memory(step->call);
    for (size_t row = 0; rc == 0 && row < table->rows; row++) {
        rc = run_formula(&f, row, &table->columns[to].cells[row]);
        if (rc == 0 && row % 1024 == 0)
            rc = llmspell_cancelled(step->call);
    }
    for (size_t i = 0; f.variables && i < table->count; i++)
        json_decref((json_t *)f.variables[i].value);
    program_clear(&f.program);
    free(f.variables);
    free(f.used);
    return rc;
}

/* ---- add ---- */

/* What stands behind "concat(", or NULL. */
static const char *after_concat(const char *text)
{
    while (is_space(*text))
        text++;
    if (strncmp(text, "concat", 6) != 0)
        return NULL;
    text += 6;
    while (is_space(*text))
        text++;
    return *text == '(' ? text + 1 : NULL;
}

/* A column of that name is replaced, when all of the new one is there. */
int32_t step_add(struct step *step)
{
    const char *name = llmspell_string(step->params, "column");
    size_t old = table_find(step->table, name), to;
    int32_t rc = table_add_column(step->table, name, &to);
    if (rc < 0)
        return rc;
    const char *concat = after_concat(llmspell_string(step->params, "expression"));
    rc = concat ? add_concat(step, concat, to) : add_formula(step, to);
    if (rc < 0 || old == SIZE_MAX)
        return rc;
    struct cell *cells = step->table->columns[old].cells;
    step->table->columns[old].cells = step->table->columns[to].cells;
    step->table->columns[to].cells = cells;
    table_remove_column(step->table, to);
    return 0;
}
