/* SPDX-License-Identifier: Apache-2.0
 * What analyze gathers of a column. The first 100,000 different values are known by heart, with
 * what each is: most fields of most files cost one look into an index. */
#include <math.h>

#include "analyzer.h"

#define UNIQUE_MAX 100000
#define TOP 5
#define SAMPLES 5

/* What is known of one of the different values. */
struct value {
    double number; /* of an integer or a number */
    uint64_t count;
    uint8_t kind;
};

/* A text that is replaced now and then. */
struct extreme {
    char *text;
    size_t size, room;
    double number;
};

struct profile {
    struct index index;
    struct value *values;
    size_t room;
    bool overflow; /* there are more different values than the index keeps */
    size_t nulls, kinds[KIND_COUNT];
    struct extreme min, max; /* by code points, of all values */
    struct extreme least_number, most_number;
    size_t shortest, longest; /* in code points, of text */
    double *numbers;
    size_t number_count, number_room;
    bool too_many_numbers;
    long double sum, shift, shifted, squares; /* of numbers; around shift, the first of them */
};

struct profile *profile_new(struct arena *shared)
{
    struct profile *profile =
        arena_charge(shared, sizeof *profile) ? calloc(1, sizeof *profile) : NULL;
    if (profile) {
        profile->index.arena = shared;
        profile->shortest = SIZE_MAX;
    }
    return profile;
}

void profile_free(struct profile *profile)
{
    if (!profile)
        return;
    index_clear(&profile->index);
    free(profile->values);
    free(profile->min.text);
    free(profile->max.text);
    free(profile->least_number.text);
    free(profile->most_number.text);
    free(profile->numbers);
    free(profile);
}

/* ---- a value that is new ---- */

static bool set_extreme(struct extreme *e, const char *text, size_t size, double number)
{
    if (size >= e->room) {
        char *grown = realloc(e->text, size * 2 + 16);
        if (!grown)
            return false;
        e->text = grown;
        e->room = size * 2 + 16;
    }
    memcpy(e->text, text, size);
    e->size = size;
    e->number = number;
    return true;
}

static int compare(const struct extreme *e, const char *text, size_t size)
{
    size_t common = size < e->size ? size : e->size;
    int order = memcmp(text, e->text, common);
    return order ? order : (size > e->size) - (size < e->size);
}

static bool note_order(struct profile *p, const char *text, size_t size)
{
    if ((!p->min.text || compare(&p->min, text, size) < 0) && !set_extreme(&p->min, text, size, 0))
        return false;
    return (p->max.text && compare(&p->max, text, size) <= 0) ||
           set_extreme(&p->max, text, size, 0);
}

/* Integers beyond 2^53 can differ where their doubles do not. */
static int compare_number(const struct extreme *e, const char *text, size_t size, double number)
{
    if (number != e->number)
        return number < e->number ? -1 : 1;
    if (fabs(number) < 0x1p53)
        return 0;
    struct cell a = {text, (uint32_t)size, (uint8_t)cell_classify(text, size)};
    struct cell b = {e->text, (uint32_t)e->size, (uint8_t)cell_classify(e->text, e->size)};
    return cell_compare(&a, &b);
}

static bool note_number(struct profile *p, const char *text, size_t size, double number)
{
    struct extreme *least = &p->least_number, *most = &p->most_number;
    if ((!least->text || compare_number(least, text, size, number) < 0) &&
        !set_extreme(least, text, size, number))
        return false;
    return (most->text && compare_number(most, text, size, number) <= 0) ||
           set_extreme(most, text, size, number);
}

/* Numbers are noted as text, too, for columns of several types. */
static bool learn(struct profile *p, const char *text, size_t size, struct value *ret)
{
    *ret = (struct value){.kind = (uint8_t)cell_classify(text, size)};
    if (ret->kind == KIND_INTEGER || ret->kind == KIND_NUMBER) {
        number_read(text, size, &ret->number);
        if (!note_number(p, text, size, ret->number))
            return false;
    }
    if (ret->kind == KIND_STRING) {
        size_t length = text_length(text, size);
        p->shortest = length < p->shortest ? length : p->shortest;
        p->longest = length > p->longest ? length : p->longest;
    }
    return note_order(p, text, size);
}

/* ---- each value ---- */

/* For the median; together with the index within the budget. */
static bool keep_number(struct profile *p, double number)
{
    struct arena *budget = p->index.arena;
    if (p->number_count == p->number_room) {
        size_t more = p->number_room + 16;
        if (!arena_charge(budget, more * sizeof number)) {
            p->too_many_numbers = true;
            return true;
        }
        double *grown = realloc(p->numbers, (p->number_room + more) * sizeof *grown);
        if (!grown)
            return false;
        p->numbers = grown;
        p->number_room += more;
    }
    p->numbers[p->number_count++] = number;
    return true;
}

static bool add_number(struct profile *p, double number)
{
    if (p->kinds[KIND_INTEGER] + p->kinds[KIND_NUMBER] == 1)
        p->shift = number;
    long double off = number - p->shift;
    p->sum += number;
    p->shifted += off;
    p->squares += off * off;
    return p->too_many_numbers || keep_number(p, number);
}

static bool grow_values(struct profile *p)
{
    if (p->index.count < p->room)
        return true;
    size_t room = p->room * 2 + 8;
    p->overflow = !arena_charge(p->index.arena, (room - p->room) * sizeof *p->values);
    if (p->overflow)
        return true;
    struct value *values = realloc(p->values, room * sizeof *values);
    if (!values)
        return false;
    p->values = values;
    p->room = room;
    return true;
}

/* The index is full at 100,000, or when all columns together have used up the memory. */
static bool find_value(struct profile *p, const char *text, size_t size, struct value **ret,
                       struct value *unknown)
{
    bool is_new = false;
    size_t entry = INDEX_NONE;
    if (!p->overflow && !grow_values(p))
        return false;
    if (!p->overflow && p->index.count < UNIQUE_MAX)
        entry = index_add(&p->index, text, size, &is_new);
    else
        entry = index_find(&p->index, text, size);
    p->overflow = p->overflow || entry == INDEX_NONE;
    *ret = entry == INDEX_NONE ? unknown : &p->values[entry];
    return (entry != INDEX_NONE && !is_new) || learn(p, text, size, *ret);
}

bool profile_add(struct profile *p, const char *text, size_t size)
{
    struct value unknown, *value = NULL;
    if (!text) {
        p->nulls++;
        return true;
    }
    if (!find_value(p, text, size, &value, &unknown))
        return false;
    value->count++;
    p->kinds[value->kind]++;
    bool number = value->kind == KIND_INTEGER || value->kind == KIND_NUMBER;
    return !number || add_number(p, value->number);
}

/* ---- the result ---- */

static const char *type_of(const struct profile *p)
{
    enum kind only = KIND_NULL;
    size_t kinds = 0;
    for (enum kind kind = KIND_INTEGER; kind < KIND_COUNT; kind++) {
        if (p->kinds[kind] == 0)
            continue;
        only = kind;
        kinds++;
    }
    if (kinds == 2 && p->kinds[KIND_INTEGER] && p->kinds[KIND_NUMBER])
        return "number";
    return kinds > 1 ? "mixed" : kind_name(only);
}

static json_t *median(struct profile *p)
{
    if (p->too_many_numbers)
        return NULL;
    return number_json(median_select(p->numbers, p->number_count));
}

static json_t *deviation(const struct profile *p)
{
    long double n = (long double)(p->kinds[KIND_INTEGER] + p->kinds[KIND_NUMBER]);
    if (n < 2)
        return NULL;
    long double squares = p->squares - p->shifted * p->shifted / n;
    return number_json((double)sqrtl((squares < 0 ? 0 : squares) / (n - 1)));
}

/* Below in the order of top: a smaller count, or a later text. */
static bool is_below(const struct profile *p, size_t a, size_t b)
{
    size_t size_a, size_b;
    if (p->values[a].count != p->values[b].count)
        return p->values[a].count < p->values[b].count;
    const char *text_a = index_text(&p->index, a, &size_a);
    const char *text_b = index_text(&p->index, b, &size_b);
    int order = memcmp(text_a, text_b, size_a < size_b ? size_a : size_b);
    return order ? order > 0 : size_a > size_b;
}

static json_t *text_json(const struct profile *p, size_t entry)
{
    size_t size;
    const char *text = index_text(&p->index, entry, &size);
    return json_stringn_nocheck(text, size);
}

static json_t *top(const struct profile *p)
{
    size_t best[TOP + 1], count = 0;
    for (size_t i = 0; i < p->index.count; i++) {
        size_t at = count;
        for (; at > 0 && is_below(p, best[at - 1], i); at--)
            best[at] = best[at - 1];
        best[at] = i;
        count += count < TOP;
    }
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_pack("{s:o, s:I}", "value", text_json(p, best[i]), "count",
                                              (json_int_t)p->values[best[i]].count));
    return list;
}

static json_t *samples(const struct profile *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->index.count && i < SAMPLES; i++)
        json_array_append_new(list, text_json(p, i));
    return list;
}

static json_t *extreme_json(const struct extreme *e, bool number)
{
    if (!e->text)
        return json_null();
    struct cell cell = {e->text, (uint32_t)e->size,
                        number ? (uint8_t)cell_classify(e->text, e->size) : KIND_STRING};
    return cell_json(&cell, true);
}

json_t *profile_json(struct profile *p, const char *name)
{
    const char *type = type_of(p);
    bool number = strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
    bool text = p->kinds[KIND_STRING] > 0;
    long double n = (long double)(p->kinds[KIND_INTEGER] + p->kinds[KIND_NUMBER]);
    json_int_t unique = p->overflow ? -1 : (json_int_t)p->index.count;
    return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o*, s:o*, s:o*, s:o*, s:o*, s:o, s:o}",
                     "name", name, "type", type, "null_count", (json_int_t)p->nulls, "unique_count",
                     unique, "min", extreme_json(number ? &p->least_number : &p->min, number),
                     "max", extreme_json(number ? &p->most_number : &p->max, number), "mean",
                     number ? number_json((double)(p->sum / n)) : NULL, "median",
                     number ? median(p) : NULL, "std_dev", number ? deviation(p) : NULL,
                     "min_length", text ? json_integer((json_int_t)p->shortest) : NULL,
                     "max_length", text ? json_integer((json_int_t)p->longest) : NULL, "top",
                     top(p), "samples", samples(p));
}
