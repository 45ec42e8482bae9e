/* SPDX-License-Identifier: Apache-2.0
 * A compilation in progress. Shared by compile.c, reference.c and build_*.c. Private to
 * host/schema. */
#ifndef SCHEMA_BUILD_H
#define SCHEMA_BUILD_H

#include "schema/eval.h"

/* A $ref or $dynamicRef whose target is looked for once all nodes exist. */
struct schema_pending {
    struct schema_pending *next;
    struct schema_node *node;
    struct schema_op *op;
    const json_t *value;
};

struct schema_build {
    struct schema *schema;
    struct error *error;
    struct schema_map nodes;     /* path → node */
    struct schema_map resources; /* absolute URI → resource */
    struct schema_map anchors;   /* absolute URI#name → node */
    struct schema_pending *pending, **pending_end;
    const char *default_uri; /* of a document without $id */
    bool foreign;            /* what is compiled is the metaschema, not the user's document */
    unsigned depth;
};

/* Builds the operation of a keyword and appends it to node. Returns 0 or a negative code. */
typedef int (*schema_build_fn)(struct schema_build *build, struct schema_node *node,
                               const char *keyword, const json_t *value);

/* Sets the error "at PATH/KEYWORD: …" and returns LLMSPELL_EINVAL. */
__attribute__((format(printf, 4, 5))) int schema_refuse(struct schema_build *build,
                                                        const struct schema_node *node,
                                                        const char *keyword, const char *format,
                                                        ...);

int schema_refuse_memory(struct schema_build *build);

/* Appends a new operation for keyword, or returns NULL if out of memory. */
struct schema_op *schema_add_op(struct schema_build *build, struct schema_node *node,
                                const char *keyword, schema_run_fn run, unsigned types);

/* Keeps code until schema_free. Frees it on failure. */
int schema_keep_code(struct schema_build *build, pcre2_code *code);

/* Compiles the subschema json of node under keyword (and name, if not NULL). */
int schema_build_child(struct schema_build *build, struct schema_node *node, const char *keyword,
                       const struct schema_name *name, const json_t *json,
                       struct schema_node **ret_child);

/* Compiles an array of subschemas. */
int schema_build_children(struct schema_build *build, struct schema_node *node, const char *keyword,
                          const json_t *array, struct schema_children *ret_children);

/* Compiles the schema at path. */
int schema_build_node(struct schema_build *build, const json_t *json, const char *path,
                      const char *keyword, struct schema_resource *resource,
                      struct schema_node **ret_node);

/* Compiles all keywords of node, whose json is an object (build_keywords.c). */
int schema_build_keywords(struct schema_build *build, struct schema_node *node);

/* Makes a resource known. */
int schema_add_resource(struct schema_build *build, struct schema_node *node, const char *uri,
                        struct schema_resource **ret_resource);

/* Reads $schema, $id, $anchor and $dynamicAnchor of node. */
int schema_identify(struct schema_build *build, struct schema_node *node);

/* Finds the targets of all references. */
int schema_resolve_references(struct schema_build *build);

/* Refuses schemas that apply themselves to the same value without end. */
int schema_find_endless(struct schema_build *build);

/* path + "/" + keyword [+ "/" + escaped name] in the arena, or NULL. */
char *schema_join_path(struct schema_build *build, const char *path, const char *keyword,
                       const struct schema_name *name);

/* Groups of keywords that are built together; build_object.c, build_array.c, build_logic.c. */
int schema_build_members(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_property_names(struct schema_build *, struct schema_node *, const char *,
                                const json_t *);
int schema_build_required(struct schema_build *, struct schema_node *, const char *,
                          const json_t *);
int schema_build_dependent_required(struct schema_build *, struct schema_node *, const char *,
                                    const json_t *);
int schema_build_dependent_schemas(struct schema_build *, struct schema_node *, const char *,
                                   const json_t *);
int schema_build_elements(struct schema_build *, struct schema_node *, const char *,
                          const json_t *);
int schema_build_contains(struct schema_build *, struct schema_node *, const char *,
                          const json_t *);
int schema_build_logic(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_condition(struct schema_build *, struct schema_node *, const char *,
                           const json_t *);
int schema_build_definitions(struct schema_build *, struct schema_node *, const char *,
                             const json_t *);
int schema_build_single(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_reference(struct schema_build *, struct schema_node *, const char *,
                           const json_t *);
int schema_build_unevaluated(struct schema_build *, struct schema_node *, const char *,
                             const json_t *);

/* Assertions; build_assert.c. */
int schema_build_type(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_choices(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_number(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_size(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_unique(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_pattern(struct schema_build *, struct schema_node *, const char *, const json_t *);
int schema_build_format(struct schema_build *, struct schema_node *, const char *, const json_t *);

/* Reads a number that must be a whole one from 0 on; larger than SIZE_MAX is SIZE_MAX. */
int schema_read_size(struct schema_build *build, const struct schema_node *node,
                     const char *keyword, const json_t *value, size_t *ret_size);

/* A regular expression of the schema. */
int schema_read_pattern(struct schema_build *build, const struct schema_node *node,
                        const char *keyword, const char *text, size_t length,
                        pcre2_code **ret_code);

/* The text of the metaschema of draft 2020-12 and its URI. */
extern const char schema_metaschema_text[];
#define SCHEMA_METASCHEMA_URI "https://json-schema.org/draft/2020-12/schema"

/* The check of a format by name, or NULL if it is unknown (then it is an annotation). */
schema_format_fn schema_format_find(const char *name);

#endif
