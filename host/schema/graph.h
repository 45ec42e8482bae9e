/* SPDX-License-Identifier: Apache-2.0
 * A compiled schema: a graph of nodes, one for each schema object or boolean, each with its
 * operations in the order in which they run. Written by build_*.c, read by validate_*.c. Private
 * to host/schema. */
#ifndef SCHEMA_GRAPH_H
#define SCHEMA_GRAPH_H

#include "schema/arena.h"
#include "schema/pattern.h"
#include "schema/schema.h"
#include "schema/value.h"

#define SCHEMA_DEPTH_MAX 512 /* nested evaluations; also nesting of a schema document */

/* Bits of the JSON types that an operation looks at. */
#define SCHEMA_TYPE(type) (1u << (type))
#define SCHEMA_OBJECTS SCHEMA_TYPE(JSON_OBJECT)
#define SCHEMA_ARRAYS SCHEMA_TYPE(JSON_ARRAY)
#define SCHEMA_STRINGS SCHEMA_TYPE(JSON_STRING)
#define SCHEMA_NUMBERS (SCHEMA_TYPE(JSON_INTEGER) | SCHEMA_TYPE(JSON_REAL))
#define SCHEMA_BOOLEANS (SCHEMA_TYPE(JSON_TRUE) | SCHEMA_TYPE(JSON_FALSE))
#define SCHEMA_ALL 0xFFu

struct schema_node;
struct schema_op;
struct schema_eval;
struct schema_site;

/* Runs one operation: 1 valid, 0 not (and reported), or a negative code. */
typedef int (*schema_run_fn)(struct schema_eval *eval, const struct schema_op *op,
                             const struct schema_site *site);

/* True if the string is of the format. */
typedef bool (*schema_format_fn)(const char *text, size_t length);

/* A schema with its own URI ($id), or the document itself. */
struct schema_resource {
    const char *uri; /* absolute, without fragment */
    struct schema_node *root;
    struct schema_dynamic_anchor *anchors;
};

struct schema_dynamic_anchor {
    struct schema_dynamic_anchor *next;
    const char *name;
    struct schema_node *node;
};

struct schema_node {
    const json_t *json;
    const char *path;    /* JSON pointer into the document */
    const char *keyword; /* the keyword that it is a subschema of: "properties", "items" … */
    struct schema_resource *resource;
    struct schema_op *ops; /* NULL: everything is valid */
    bool never;            /* the schema false */
    bool secret;           /* x-secret: values stay out of messages */
    uint8_t unevaluated;   /* types for which an unevaluated… keyword needs annotations */
    uint8_t mark;          /* of the search for endless references */
    struct schema_node *next;
};

struct schema_children {
    struct schema_node **nodes;
    size_t count;
};

struct schema_property {
    const char *name;
    size_t length;
    uint64_t hash;
    struct schema_node *node;
};

struct schema_pattern_property {
    pcre2_code *code;
    struct schema_node *node;
};

/* properties, patternProperties and additionalProperties, which one pass over an object serves. */
struct schema_members {
    struct schema_property *properties;
    size_t property_count;
    uint32_t *slots; /* index + 1 into properties; slot_mask + 1 of them */
    size_t slot_mask;
    struct schema_pattern_property *patterns;
    size_t pattern_count;
    struct schema_node *additional; /* or NULL */
};

/* prefixItems and items. */
struct schema_elements {
    struct schema_children prefix;
    struct schema_node *rest; /* or NULL */
};

struct schema_contains {
    struct schema_node *node;
    size_t least, most; /* most is SIZE_MAX without maxContains */
    bool has_least;
};

struct schema_condition {
    struct schema_node *condition, *positive, *negative; /* then and else may be NULL */
};

struct schema_name {
    const char *text;
    size_t length;
};

struct schema_names {
    struct schema_name *names;
    size_t count;
};

/* dependentRequired: name requires needs; dependentSchemas: name requires node. */
struct schema_dependency {
    struct schema_name name;
    struct schema_names needs;
    struct schema_node *node;
};

/* enum and const; a hash table if there are many. */
struct schema_choices {
    const json_t **values;
    size_t count;
    uint32_t *slots; /* index + 1 into values, or NULL */
    size_t slot_mask;
    uint64_t seed;
};

struct schema_divisor {
    struct schema_decimal decimal;
    json_int_t integer; /* 0 if it is none */
    const json_t *json;
};

struct schema_reference {
    struct schema_node *target;
    const char *anchor; /* of a $dynamicRef that really is dynamic; else NULL */
};

struct schema_op {
    schema_run_fn run;
    struct schema_op *next;
    const char *keyword;
    uint8_t types;
    bool unconditional; /* its nodes see the same instance whatever that is: $ref, allOf */
    union {
        unsigned type_mask; /* type; bit 31: only reals without a fraction */
        size_t size;
        struct schema_number number;
        struct schema_divisor divisor;
        const struct schema_choices *choices;
        struct {
            pcre2_code *code;
            const char *text;
        } pattern;
        struct {
            schema_format_fn check;
            const char *name;
        } format;
        struct schema_node *node;
        struct schema_children children;
        const struct schema_members *members;
        const struct schema_elements *elements;
        struct schema_contains contains;
        struct schema_condition condition;
        struct schema_names names;
        struct {
            struct schema_dependency *list;
            size_t count;
        } dependencies;
        struct schema_reference reference;
    } u;
};

#define SCHEMA_INTEGRAL_REALS (1u << 31)

struct schema {
    struct schema_arena arena;
    json_t *document;
    json_t *metaschema; /* loaded when something refers to it */
    struct schema_node *root;
    struct schema_node *nodes; /* all, the newest first */
    pcre2_code **codes;
    size_t code_count, code_capacity;
    pcre2_match_context *limits;
    unsigned flags;
    uint64_t seed;
    bool dynamic; /* holds a $dynamicRef that depends on the dynamic scope */
};

/* The names of a node, found by hash. */
static inline const struct schema_property *
schema_members_find(const struct schema_members *members, const char *name, size_t length,
                    uint64_t seed)
{
    if (members->property_count == 0)
        return NULL;
    uint64_t hash = schema_hash_bytes(name, length, seed);
    for (size_t at = hash & members->slot_mask; members->slots[at];
         at = (at + 1) & members->slot_mask) {
        const struct schema_property *property = &members->properties[members->slots[at] - 1];
        if (property->hash == hash && property->length == length &&
            memcmp(property->name, name, length) == 0)
            return property;
    }
    return NULL;
}

#endif
