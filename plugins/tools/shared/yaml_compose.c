/* SPDX-License-Identifier: Apache-2.0
 * Makes JSON values of the events of libyaml. What libyaml does not look at is checked here:
 * anchors that exist and do not hold themselves, keys given twice, tags, bounds. */
#include "number.h"
#include "yaml_compose.h"
#include "yaml_scalar.h"
#include "yaml_tag.h"

/* ---- bounds ---- */

static int32_t count_nodes(struct reader *r, const yaml_mark_t *mark, size_t nodes, size_t depth)
{
    if (r->depth + depth > YAML_DEPTH_MAX)
        return yaml_complain(r, LLMSPELL_ELIMIT, mark, "nested deeper than %d levels",
                             YAML_DEPTH_MAX);
    r->nodes += nodes;
    if (r->nodes > YAML_NODES_MAX)
        return yaml_complain(r, LLMSPELL_ELIMIT, mark, "more than %d nodes, aliases expanded",
                             YAML_NODES_MAX);
    return 0;
}

/* ---- nodes ---- */

static int32_t compose_alias(struct reader *r, const yaml_event_t *event, struct node *ret)
{
    const char *name = (const char *)event->data.alias.anchor;
    const struct anchor *anchor = yaml_find_anchor(r, name);
    if (!anchor)
        return yaml_complain(r, LLMSPELL_EPARSE, &event->start_mark, "no anchor is called %.100s",
                             name);
    if (!anchor->value)
        return yaml_complain(r, LLMSPELL_EPARSE, &event->start_mark, "the node %.100s holds itself",
                             name);
    ret->value = json_incref(anchor->value);
    ret->nodes = anchor->nodes;
    ret->depth = anchor->depth;
    if (anchor->key) {
        ret->key_size = anchor->key_size;
        ret->key = malloc(anchor->key_size + 1);
        if (!ret->key)
            return yaml_no_memory(r);
        memcpy(ret->key, anchor->key, anchor->key_size + 1);
    }
    return count_nodes(r, &event->start_mark, anchor->nodes, anchor->depth);
}

static json_t *special(json_t **shared, const char *text)
{
    if (!*shared)
        *shared = json_string(text);
    return json_incref(*shared);
}

static json_t *without_spaces(const char *text, size_t size)
{
    LLMSPELL_CLEANUP_FREE char *copy = malloc(size + 1);
    size_t used = 0;
    for (size_t i = 0; copy && i < size; i++)
        if (!strchr(" \n\t\r", text[i]))
            copy[used++] = text[i];
    return copy ? json_stringn(copy, used) : NULL;
}

static json_t *scalar_value(struct reader *r, const yaml_event_t *event, enum yaml_kind kind,
                            long long integer, double real)
{
    const char *text = (const char *)event->data.scalar.value;
    struct yaml_specials *specials = &r->out->specials;
    switch (kind) {
    case YAML_KIND_NULL:
        return json_null();
    case YAML_KIND_TRUE:
    case YAML_KIND_FALSE:
        return json_boolean(kind == YAML_KIND_TRUE);
    case YAML_KIND_INTEGER:
        return json_integer(integer);
    case YAML_KIND_REAL:
        if (real - real != 0) /* a number beyond the range */
            return special(real > 0 ? &specials->infinity : &specials->minus_infinity,
                           real > 0 ? "Infinity" : "-Infinity");
        return r->input->keep_reals ? json_real(real) : number_json(real);
    case YAML_KIND_BASE64:
        return without_spaces(text, event->data.scalar.length);
    case YAML_KIND_INFINITY:
        return special(&specials->infinity, "Infinity");
    case YAML_KIND_MINUS_INFINITY:
        return special(&specials->minus_infinity, "-Infinity");
    case YAML_KIND_NAN:
        return special(&specials->nan, "NaN");
    default:
        return json_stringn(text, event->data.scalar.length);
    }
}

static int32_t compose_scalar(struct reader *r, const yaml_event_t *event, struct node *ret)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    const char *tag = (const char *)event->data.scalar.tag;
    bool plain = !tag && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    long long integer = 0;
    double real = 0;
    enum yaml_kind kind = YAML_KIND_STRING;
    char problem[160];
    if (tag) {
        if (!yaml_tag_scalar(tag, text, size, &kind, &integer, &real, problem))
            return yaml_complain(r, LLMSPELL_EPARSE, &event->start_mark, "%s", problem);
    } else if (plain) {
        kind = yaml_scalar_kind(text, size, &integer, &real);
    }
    if (kind == YAML_KIND_TOO_LARGE)
        return yaml_complain(
            r, LLMSPELL_EPARSE, &event->start_mark,
            "the integer %.40s needs more than 64 bits; quote it to have it as text", text);
    ret->plain_merge = plain && size == 2 && memcmp(text, "<<", 2) == 0;
    ret->value = scalar_value(r, event, kind, integer, real);
    ret->nodes = 1;
    ret->key = malloc(size + 1);
    if (!ret->value || !ret->key)
        return yaml_no_memory(r);
    memcpy(ret->key, text, size + 1);
    ret->key_size = size;
    return count_nodes(r, &event->start_mark, 1, 0);
}

/* Adds a part to what an alias of the whole costs. */
static void add_cost(struct node *whole, const struct node *part)
{
    whole->nodes += part->nodes;
    if (part->depth + 1 > whole->depth)
        whole->depth = part->depth + 1;
}

static int32_t compose_sequence(struct reader *r, struct node *ret)
{
    for (;;) {
        CLEANUP_EVENT yaml_event_t event = {0};
        CLEANUP_NODE struct node item = {0};
        int32_t rc = yaml_next_event(r, &event);
        if (rc < 0 || event.type == YAML_SEQUENCE_END_EVENT)
            return rc;
        rc = yaml_compose(r, &event, &item);
        if (rc < 0)
            return rc;
        add_cost(ret, &item);
        if (json_array_append(ret->value, item.value) != 0)
            return yaml_no_memory(r);
    }
}

/* ---- mappings ---- */

struct mapping {
    struct node *node;
    json_t *merged; /* the members that came by << and give way to own ones */
    bool has_merge;
};

static int32_t merge_one(struct reader *r, struct mapping *m, const json_t *from,
                         const yaml_mark_t *mark)
{
    const char *key;
    json_t *value;
    if (!json_is_object(from))
        return yaml_complain(r, LLMSPELL_EPARSE, mark,
                             "the value of << is neither a mapping nor a list of mappings");
    json_object_foreach((json_t *)from, key, value)
    {
        if (json_object_get(m->node->value, key))
            continue;
        if (json_object_set(m->node->value, key, value) != 0 ||
            json_object_set_new(m->merged, key, json_true()) != 0)
            return yaml_no_memory(r);
    }
    return 0;
}

/* Of several mappings the first that has a key wins. */
static int32_t merge(struct reader *r, struct mapping *m, const struct node *value,
                     const yaml_mark_t *mark)
{
    if (m->has_merge)
        return yaml_complain(r, LLMSPELL_EPARSE, mark, "the key << is given twice; give it a list");
    m->has_merge = true;
    if (!m->merged && !(m->merged = json_object()))
        return yaml_no_memory(r);
    if (!json_is_array(value->value))
        return merge_one(r, m, value->value, mark);
    size_t index;
    json_t *from;
    int32_t rc = 0;
    json_array_foreach(value->value, index, from)
    {
        rc = rc < 0 ? rc : merge_one(r, m, from, mark);
    }
    return rc;
}

static int32_t set_member(struct reader *r, struct mapping *m, const struct node *key,
                          const struct node *value, const yaml_mark_t *mark)
{
    if (json_object_get(m->node->value, key->key) &&
        (!m->merged || json_object_del(m->merged, key->key) != 0))
        return yaml_complain(r, LLMSPELL_EPARSE, mark, "the key \"%.100s\" is given twice",
                             key->key);
    return json_object_set(m->node->value, key->key, value->value) == 0 ? 0 : yaml_no_memory(r);
}

static int32_t compose_key(struct reader *r, const yaml_event_t *event, struct node *ret)
{
    size_t nodes = r->nodes;
    int32_t rc = yaml_compose(r, event, ret);
    if (rc < 0)
        return rc;
    r->nodes = nodes; /* keys do not count */
    if (!ret->key)
        return yaml_complain(r, LLMSPELL_EPARSE, &event->start_mark,
                             "a key is a scalar here, not a list or a mapping");
    if (strlen(ret->key) != ret->key_size)
        return yaml_complain(r, LLMSPELL_EPARSE, &event->start_mark, "a key holds a NUL character");
    return 0;
}

static int32_t compose_member(struct reader *r, struct mapping *m, const yaml_event_t *key_event)
{
    CLEANUP_NODE struct node key = {0}, value = {0};
    CLEANUP_EVENT yaml_event_t event = {0};
    int32_t rc = compose_key(r, key_event, &key);
    if (rc == 0)
        rc = yaml_next_event(r, &event);
    if (rc == 0)
        rc = yaml_compose(r, &event, &value);
    if (rc < 0)
        return rc;
    add_cost(m->node, &value);
    return key.plain_merge ? merge(r, m, &value, &event.start_mark)
                           : set_member(r, m, &key, &value, &key_event->start_mark);
}

static int32_t compose_mapping(struct reader *r, struct node *ret)
{
    struct mapping mapping = {.node = ret};
    for (;;) {
        CLEANUP_EVENT yaml_event_t event = {0};
        int32_t rc = yaml_next_event(r, &event);
        bool end = rc == 0 && event.type == YAML_MAPPING_END_EVENT;
        if (rc == 0 && !end)
            rc = compose_member(r, &mapping, &event);
        if (rc < 0 || end) {
            json_decref(mapping.merged);
            return rc;
        }
    }
}

/* A list or a mapping. */
static int32_t compose_collection(struct reader *r, const yaml_event_t *event, struct node *ret)
{
    bool list = event->type == YAML_SEQUENCE_START_EVENT;
    const yaml_char_t *tag = list ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    char problem[160];
    if (!yaml_tag_collection((const char *)tag, list, problem))
        return yaml_complain(r, LLMSPELL_EPARSE, &event->start_mark, "%s", problem);
    int32_t rc = count_nodes(r, &event->start_mark, 1, 1);
    if (rc < 0)
        return rc;
    ret->value = list ? json_array() : json_object();
    ret->nodes = 1;
    ret->depth = 1;
    if (!ret->value)
        return yaml_no_memory(r);
    r->depth++;
    rc = list ? compose_sequence(r, ret) : compose_mapping(r, ret);
    r->depth--;
    return rc;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT:
        return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT:
        return event->data.mapping_start.anchor;
    default:
        return NULL;
    }
}

int32_t yaml_compose(struct reader *r, const yaml_event_t *event, struct node *ret)
{
    if (event->type == YAML_ALIAS_EVENT)
        return compose_alias(r, event, ret);
    size_t anchor;
    int32_t rc = yaml_open_anchor(r, anchor_of(event), &anchor);
    if (rc == 0)
        rc = event->type == YAML_SCALAR_EVENT ? compose_scalar(r, event, ret)
                                              : compose_collection(r, event, ret);
    return rc < 0 ? rc : yaml_close_anchor(r, anchor, ret);
}
