/* SPDX-License-Identifier: Apache-2.0
 * The rules of validate: what they say, and whether a field keeps them. Called by validate.c. */
#include "analyzer.h"
#include "rule_text.h"

struct rule {
    const char *name;
    size_t column; /* SIZE_MAX: the file has none of that name */
    enum kind type;
    bool has_type, required, unique, email;
    const json_t *min, *max; /* NULL: none */
    size_t max_length;
    const json_t *values; /* of enum, or NULL */
    struct pattern *pattern;
    struct index seen; /* of unique: value → the row where it was first */
    size_t *seen_rows;
    size_t seen_room;
};

struct rules {
    struct llmspell_call *call;
    const struct source *source;
    struct rule *items;
    size_t count;
    json_t *texts; /* objects made of rules that are text; they own what the rules borrow */
    struct arena arena;
};

/* ---- reading ---- */

static enum kind find_type(const char *name)
{
    enum kind kind = KIND_INTEGER;
    while (kind < KIND_STRING && strcmp(kind_name(kind), name) != 0)
        kind++;
    return kind;
}

static size_t find_column(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->names[i], name) == 0)
            return i;
    return SIZE_MAX;
}

static int32_t read_rule(struct rules *rules, const json_t *from, const char *pointer,
                         struct rule *rule)
{
    const char *type = llmspell_string(from, "type");
    rule->has_type = type != NULL;
    rule->type = type ? find_type(type) : KIND_STRING;
    rule->required = llmspell_bool(from, "required", 0);
    rule->unique = llmspell_bool(from, "unique", 0);
    rule->email = llmspell_bool(from, "email", 0);
    rule->min = json_object_get(from, "min");
    rule->max = json_object_get(from, "max");
    rule->max_length = (size_t)llmspell_integer(from, "max_length", INT64_MAX);
    rule->values = json_object_get(from, "enum");
    rule->seen.arena = &rules->arena;
    const char *pattern = llmspell_string(from, "pattern");
    char at[POINTER_MAX];
    snprintf(at, sizeof at, "%s/pattern", pointer);
    return pattern ? pattern_new(rules->call, pattern, llmspell_string_length(from, "pattern"), at,
                                 &rule->pattern)
                   : 0;
}

/* "/columns/NAME" with ~ and / written as JSON pointers want them; a very long name is cut. */
static void make_pointer(char *out, size_t room, const char *name)
{
    size_t at = (size_t)snprintf(out, room, "/columns/");
    for (; *name && at + 3 < room; name++) {
        if (*name == '~' || *name == '/') {
            out[at++] = '~';
            out[at++] = *name == '~' ? '0' : '1';
        } else {
            out[at++] = *name;
        }
    }
    out[at] = '\0';
}

static int32_t add_rule(struct rules *rules, const char *name, const json_t *from)
{
    struct rule *rule = &rules->items[rules->count++];
    char pointer[POINTER_MAX - sizeof "/pattern"];
    rule->name = name;
    rule->column = find_column(rules->source, name);
    make_pointer(pointer, sizeof pointer, name);
    if (!json_is_string(from))
        return read_rule(rules, from, pointer, rule);
    json_t *object = NULL;
    int32_t rc = rule_text_parse(rules->call, json_string_value(from), pointer, &object);
    if (rc == 0 && json_array_append_new(rules->texts, object) != 0)
        rc = no_memory(rules->call);
    return rc < 0 ? rc : read_rule(rules, object, pointer, rule);
}

int32_t rules_new(struct llmspell_call *call, const json_t *columns, const struct source *source,
                  struct rules **ret)
{
    struct rules *rules = calloc(1, sizeof *rules);
    if (!rules)
        return no_memory(call);
    *ret = rules;
    rules->call = call;
    rules->source = source;
    rules->arena.max = MEMORY_MAX;
    rules->texts = json_array();
    rules->items = calloc(json_object_size(columns) + 1, sizeof *rules->items);
    if (!rules->items || !rules->texts)
        return no_memory(call);
    const char *name;
    json_t *from;
    int32_t rc = 0;
    json_object_foreach((json_t *)columns, name, from)
    {
        rc = rc < 0 ? rc : add_rule(rules, name, from);
    }
    return rc;
}

void rules_free(struct rules *rules)
{
    if (!rules)
        return;
    for (size_t i = 0; i < rules->count; i++) {
        pattern_free(rules->items[i].pattern);
        index_clear(&rules->items[i].seen);
        free(rules->items[i].seen_rows);
    }
    free(rules->items);
    json_decref(rules->texts);
    arena_clear(&rules->arena);
    free(rules);
}

/* ---- checking ---- */

struct check {
    struct rules *rules;
    struct rule *rule;
    const struct csv_field *field;
    size_t row;
    found_fn found;
    void *self;
};

__attribute__((format(printf, 3, 4))) static int32_t report(const struct check *c, const char *name,
                                                            const char *format, ...)
{
    struct finding finding = {.rule = name};
    va_list args;
    va_start(args, format);
    vsnprintf(finding.message, sizeof finding.message, format, args);
    va_end(args);
    return c->found(c->self, c->row, c->rule->name, c->field, &finding);
}

static bool has_type(enum kind actual, enum kind wanted)
{
    return actual == wanted || wanted == KIND_STRING ||
           (wanted == KIND_NUMBER && actual == KIND_INTEGER);
}

/* Integers exactly: their doubles are the same for several beyond 2^53. */
static int compare_number(const struct cell *cell, const json_t *value)
{
    json_int_t integer, bound = json_integer_value(value);
    if (json_is_integer(value) && cell->kind == KIND_INTEGER &&
        number_read_integer(cell->text, cell->size, &integer))
        return (integer > bound) - (integer < bound);
    double a = cell_number(cell), b = json_number_value(value);
    return (a > b) - (a < b);
}

static int32_t report_bound(const struct check *c, const char *rule, const char *what,
                            const json_t *bound)
{
    char text[NUMBER_TEXT_MAX];
    if (json_is_integer(bound))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(bound));
    else
        number_text(json_real_value(bound), text);
    return report(c, rule, "is %s than %s", what, text);
}

static int32_t check_range(const struct check *c, const struct cell *cell)
{
    const struct rule *rule = c->rule;
    if (!rule->min && !rule->max)
        return 0;
    if (!cell_is_number(cell))
        return report(c, rule->min ? "min" : "max", "is no number");
    if (rule->min && compare_number(cell, rule->min) < 0)
        return report_bound(c, "min", "less", rule->min);
    if (rule->max && compare_number(cell, rule->max) > 0)
        return report_bound(c, "max", "more", rule->max);
    return 0;
}

static bool is_listed(const json_t *values, const struct cell *cell)
{
    for (size_t i = 0; i < json_array_size(values); i++) {
        const json_t *value = json_array_get(values, i);
        if (json_is_string(value) && json_string_length(value) == cell->size &&
            memcmp(json_string_value(value), cell->text, cell->size) == 0)
            return true;
        if (json_is_number(value) && cell_is_number(cell) && compare_number(cell, value) == 0)
            return true;
        if (json_is_boolean(value) && cell->kind == KIND_BOOLEAN &&
            json_is_true(value) == cell_truth(cell))
            return true;
    }
    return false;
}

static int32_t check_unique(const struct check *c)
{
    struct rule *rule = c->rule;
    bool is_new = false;
    size_t entry = index_add(&rule->seen, c->field->text, c->field->size, &is_new);
    if (entry == INDEX_NONE)
        return too_much(c->rules->call);
    if (!is_new)
        return report(c, "unique", "is in row %zu already", rule->seen_rows[entry]);
    if (entry >= rule->seen_room) {
        size_t room = entry * 2 + 64;
        size_t *rows = realloc(rule->seen_rows, room * sizeof *rows);
        if (!rows)
            return no_memory(c->rules->call);
        rule->seen_rows = rows;
        rule->seen_room = room;
    }
    rule->seen_rows[entry] = c->row;
    return 0;
}

static int32_t check_pattern(const struct check *c)
{
    int32_t rc = pattern_test(c->rule->pattern, c->field->text, c->field->size);
    return rc != 0 ? (rc < 0 ? rc : 0) : report(c, "pattern", "does not match the pattern");
}

/* All rules of a value that is not null; each that is broken is reported. */
static int32_t check_value(const struct check *c)
{
    const struct rule *rule = c->rule;
    struct cell cell = {c->field->text, (uint32_t)c->field->size,
                        (uint8_t)cell_classify(c->field->text, c->field->size)};
    int32_t rc = 0;
    if (rule->has_type && !has_type(cell.kind, rule->type))
        rc = report(c, "type", "is not of type %s", kind_name(rule->type));
    else
        rc = check_range(c, &cell);
    if (rc == 0 && text_length(cell.text, cell.size) > rule->max_length)
        rc = report(c, "max_length", "is longer than %zu characters", rule->max_length);
    if (rc == 0 && rule->pattern)
        rc = check_pattern(c);
    if (rc == 0 && rule->values && !is_listed(rule->values, &cell))
        rc = report(c, "enum", "is not one of the values allowed");
    if (rc == 0 && rule->email && !rule_is_email(cell.text, cell.size))
        rc = report(c, "email", "is no e-mail address");
    return rc == 0 && rule->unique ? check_unique(c) : rc;
}

int32_t rules_check(struct rules *rules, const struct csv_field *fields, size_t row, found_fn found,
                    void *self)
{
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < rules->count; i++) {
        struct rule *rule = &rules->items[i];
        if (rule->column == SIZE_MAX)
            continue;
        struct check c = {rules, rule, &fields[rule->column], row, found, self};
        if (!source_is_null(rules->source, c.field))
            rc = check_value(&c);
        else if (rule->required)
            rc = report(&c, "required", "is empty");
    }
    return rc;
}

int32_t rules_check_columns(struct rules *rules, found_fn found, void *self)
{
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < rules->count; i++) {
        struct check c = {rules, &rules->items[i], NULL, 0, found, self};
        if (c.rule->column == SIZE_MAX && c.rule->required)
            rc = report(&c, "required", "the column is missing");
    }
    return rc;
}
