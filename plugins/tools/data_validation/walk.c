/* SPDX-License-Identifier: Apache-2.0
 * Goes over a value in document order: at each place first all rules for the value itself, in their
 * order, then its members or elements, each with the rules that all of them have for it. */
#include "validation.h"

/* Lists of rules for one place. */
struct lists {
    const json_t **items;
    size_t count, room;
};

static int32_t visit(struct check *check, const struct lists *lists, const json_t *value,
                     const struct place *place);

static int32_t report(struct check *check, const struct place *place, const json_t *rule,
                      const char *message, const json_t *value)
{
    LLMSPELL_CLEANUP_FREE char *path = place_pointer("", place);
    const char *own = llmspell_string(rule, "message");
    if (!path)
        return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
    return check_report(check, path, llmspell_string(rule, "type"), own ? own : message, value);
}

static int32_t add_list(struct check *check, struct lists *lists, const json_t *rules)
{
    const json_t *array = rules_array(rules);
    if (json_array_size(array) == 0)
        return 0;
    if (lists->count == lists->room) {
        size_t room = lists->room * 2 + 4;
        const json_t **grown = realloc(lists->items, room * sizeof *grown);
        if (!grown)
            return llmspell_fail(check->call, LLMSPELL_ENOMEM, "out of memory");
        lists->items = grown;
        lists->room = room;
    }
    lists->items[lists->count++] = array;
    return 0;
}

static void lists_clear(struct lists *lists)
{
    free(lists->items);
}

#define CLEANUP_LISTS __attribute__((cleanup(lists_clear)))

/* Calls each for all rules of one type. Stops where it returns other than 0, and returns that. */
typedef int32_t (*each_fn)(struct check *check, const json_t *rule, void *data);
static int32_t each_rule(struct check *check, const struct lists *lists, const char *type,
                         each_fn each, void *data)
{
    int32_t rc = 0;
    for (size_t i = 0; i < lists->count; i++)
        for (size_t k = 0; k < json_array_size(lists->items[i]) && rc == 0; k++) {
            const json_t *rule = json_array_get(lists->items[i], k);
            if ((rc = check_step(check)) == 0 && (!type || llmspell_is(rule, "type", type)))
                rc = check->truncated ? 1 : each(check, rule, data);
        }
    return rc;
}

/* ---- the value itself ---- */

struct here {
    const json_t *value;
    const struct place *place;
    bool descends;
};

static int32_t apply_here(struct check *check, const json_t *rule, void *data)
{
    struct here *here = data;
    char message[MESSAGE_MAX];
    here->descends |= llmspell_is(rule, "type", json_is_array(here->value) ? "array" : "object");
    int32_t rc = rule_apply(check, rule, here->value, message);
    return rc == 0 ? report(check, here->place, rule, message, here->value) : rc < 0 ? rc : 0;
}

/* ---- elements ---- */

static int32_t add_item_rules(struct check *check, const json_t *rule, void *data)
{
    return add_list(check, data, json_object_get(rule, "item_rules"));
}

static int32_t visit_elements(struct check *check, const struct lists *lists, const json_t *array,
                              const struct place *place)
{
    CLEANUP_LISTS struct lists inner = {NULL, 0, 0};
    int32_t rc = each_rule(check, lists, "array", add_item_rules, &inner);
    for (size_t i = 0; inner.count && i < json_array_size(array) && rc == 0; i++) {
        struct place at = {place, NULL, i};
        rc = check->truncated ? 1 : visit(check, &inner, json_array_get(array, i), &at);
    }
    return rc < 0 ? rc : 0;
}

/* ---- members ---- */

struct member {
    const char *key;
    const json_t *value;
    struct place place;
    struct lists *lists;
};

/* Collects the rules for a member, and refuses it where it is not known. */
static int32_t add_member_rules(struct check *check, const json_t *rule, void *data)
{
    struct member *member = data;
    const json_t *properties = json_object_get(rule, "properties");
    const json_t *rules = json_object_get(properties, member->key);
    if (rules)
        return add_list(check, member->lists, rules);
    if (llmspell_bool(rule, "additional_properties", 1))
        return 0;
    return report(check, &member->place, rule, "is not a known member", member->value);
}

static int32_t visit_member(struct check *check, const struct lists *lists, struct member *member)
{
    CLEANUP_LISTS struct lists inner = {NULL, 0, 0};
    member->lists = &inner;
    int32_t rc = each_rule(check, lists, "object", add_member_rules, member);
    if (rc != 0 || inner.count == 0)
        return rc;
    return visit(check, &inner, member->value, &member->place);
}

static bool is_listed(const json_t *names, const char *name)
{
    size_t i;
    json_t *item;
    json_array_foreach(names, i, item) if (strcmp(json_string_value(item), name) == 0) return true;
    return false;
}

/* The one rule for a member that says something where the member is missing. */
static const json_t *find_required(const json_t *rules)
{
    const json_t *array = rules_array(rules);
    for (size_t i = 0; i < json_array_size(array); i++)
        if (llmspell_is(json_array_get(array, i), "type", "required"))
            return json_array_get(array, i);
    return NULL;
}

/* Members whose own rules have a required, in the order of properties; not those of the list
 * required, which are reported already. */
static int32_t report_required(struct check *check, const json_t *rule, const struct here *here)
{
    const char *name;
    json_t *rules;
    json_object_foreach(json_object_get(rule, "properties"), name, rules)
    {
        struct place at = {here->place, name, strlen(name)};
        const json_t *required = json_object_get(here->value, name) ? NULL : find_required(rules);
        int32_t rc = check_step(check);
        if (rc == 0 && required && !is_listed(json_object_get(rule, "required"), name))
            rc = report(check, &at, required, "is required, is missing", NULL);
        if (rc < 0 || check->truncated)
            return rc;
    }
    return 0;
}

static int32_t report_missing(struct check *check, const json_t *rule, void *data)
{
    const struct here *here = data;
    const json_t *names = json_object_get(rule, "required");
    int32_t rc = 0;
    for (size_t i = 0; i < json_array_size(names) && rc == 0; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        struct place at = {here->place, name, strlen(name)};
        if (json_object_get(here->value, name))
            continue;
        rc = check->truncated ? 1 : report(check, &at, rule, "is missing", NULL);
    }
    return rc == 0 ? report_required(check, rule, here) : rc;
}

static int32_t visit_members(struct check *check, const struct lists *lists, const json_t *object,
                             const struct place *place)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        struct member member = {key, value, {place, key, strlen(key)}, NULL};
        int32_t rc = visit_member(check, lists, &member);
        if (rc != 0 || check->truncated)
            return rc;
    }
    struct here here = {object, place, false};
    return each_rule(check, lists, "object", report_missing, &here);
}

static int32_t visit(struct check *check, const struct lists *lists, const json_t *value,
                     const struct place *place)
{
    struct here here = {value, place, false};
    int32_t rc = each_rule(check, lists, NULL, apply_here, &here);
    if (rc != 0 || !here.descends || check->truncated)
        return rc < 0 ? rc : 0;
    if (json_is_array(value))
        rc = visit_elements(check, lists, value, place);
    else if (json_is_object(value))
        rc = visit_members(check, lists, value, place);
    return rc < 0 ? rc : 0;
}

int32_t walk(struct check *check, const json_t *rules, const json_t *value)
{
    CLEANUP_LISTS struct lists lists = {NULL, 0, 0};
    int32_t rc = add_list(check, &lists, rules);
    return rc < 0 ? rc : visit(check, &lists, value, NULL);
}
