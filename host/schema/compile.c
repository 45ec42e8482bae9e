/* SPDX-License-Identifier: Apache-2.0
 * Compiling: turns a schema document into a graph of nodes in one walk, then finds the targets of
 * its references. Called by users of schema.h; the keywords are built by build_*.c. */
#include "schema/build.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Relative $id and $ref are resolved against this if the document has no $id. */
#define DEFAULT_URI "schema:/document"
#define PATH_SHOWN 400 /* bytes of a path in a message */

/* The end of a path that is too long for a message. */
static const char *path_tail(const char *path)
{
    size_t length = strlen(path);
    const char *tail = length > PATH_SHOWN ? strchr(path + length - PATH_SHOWN, '/') : NULL;
    return tail ? tail : path;
}

int schema_refuse(struct schema_build *build, const struct schema_node *node, const char *keyword,
                  const char *format, ...)
{
    char text[500];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *path = node ? node->path : "", *tail = path_tail(path);
    return error_set(build->error, LLMSPELL_EINVAL, "the schema is wrong at \"%s%.480s%s%s\": %s",
                     tail > path ? "…" : "", tail, keyword ? "/" : "", keyword ? keyword : "",
                     text);
}

int schema_refuse_memory(struct schema_build *build)
{
    return error_set(build->error, LLMSPELL_ENOMEM, "out of memory while compiling a schema");
}

struct schema_op *schema_add_op(struct schema_build *build, struct schema_node *node,
                                const char *keyword, schema_run_fn run, unsigned types)
{
    struct schema_op *op = schema_arena_alloc(&build->schema->arena, sizeof *op);
    if (!op) {
        schema_refuse_memory(build);
        return NULL;
    }
    op->run = run;
    op->keyword = keyword;
    op->types = (uint8_t)types;
    struct schema_op **end = &node->ops;
    while (*end)
        end = &(*end)->next;
    *end = op;
    return op;
}

int schema_keep_code(struct schema_build *build, pcre2_code *code)
{
    struct schema *schema = build->schema;
    if (schema->code_count == schema->code_capacity) {
        size_t capacity = schema->code_capacity * 2 + 8;
        pcre2_code **grown = realloc(schema->codes, capacity * sizeof *grown);
        if (!grown) {
            pcre2_code_free(code);
            return schema_refuse_memory(build);
        }
        schema->codes = grown;
        schema->code_capacity = capacity;
    }
    schema->codes[schema->code_count++] = code;
    return 0;
}

/* Escapes "~" and "/" of a reference token. Returns the end of out. */
static char *escape_token(char *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool escaped = text[i] == '~' || text[i] == '/';
        if (escaped)
            *out++ = '~';
        *out++ = (char)(!escaped ? text[i] : text[i] == '~' ? '0' : '1');
    }
    return out;
}

char *schema_join_path(struct schema_build *build, const char *path, const char *keyword,
                       const struct schema_name *name)
{
    size_t path_length = strlen(path), keyword_length = strlen(keyword);
    size_t size = path_length + keyword_length + (name ? name->length * 2 : 0) + 3;
    char *text = schema_arena_alloc(&build->schema->arena, size), *out = text;
    if (!text)
        return NULL;
    memcpy(out, path, path_length);
    out += path_length;
    *out++ = '/';
    memcpy(out, keyword, keyword_length);
    out += keyword_length;
    if (name) {
        *out++ = '/';
        out = escape_token(out, name->text, name->length);
    }
    *out = '\0';
    return text;
}

int schema_build_child(struct schema_build *build, struct schema_node *node, const char *keyword,
                       const struct schema_name *name, const json_t *json,
                       struct schema_node **ret_child)
{
    const char *path = schema_join_path(build, node->path, keyword, name);
    if (!path)
        return schema_refuse_memory(build);
    return schema_build_node(build, json, path, keyword, node->resource, ret_child);
}

int schema_build_children(struct schema_build *build, struct schema_node *node, const char *keyword,
                          const json_t *array, struct schema_children *ret_children)
{
    struct schema_children children = {.count = json_array_size(array)};
    if (!json_is_array(array) || children.count == 0)
        return schema_refuse(build, node, keyword, "must be an array of at least one schema");
    children.nodes =
        schema_arena_array(&build->schema->arena, children.count, sizeof(struct schema_node *));
    if (!children.nodes)
        return schema_refuse_memory(build);
    for (size_t i = 0; i < children.count; i++) {
        char text[24];
        int length = snprintf(text, sizeof text, "%zu", i);
        struct schema_name name = {text, (size_t)length};
        int status = schema_build_child(build, node, keyword, &name, json_array_get(array, i),
                                        &children.nodes[i]);
        if (status < 0)
            return status;
    }
    *ret_children = children;
    return 0;
}

static struct schema_node *add_node(struct schema_build *build, const json_t *json,
                                    const char *path, const char *keyword)
{
    struct schema *schema = build->schema;
    struct schema_node *node = schema_arena_alloc(&schema->arena, sizeof *node);
    if (!node || !schema_map_put(&build->nodes, path, node)) {
        schema_refuse_memory(build);
        return NULL;
    }
    node->json = json;
    node->path = path;
    node->keyword = keyword;
    node->never = json_is_false(json);
    node->secret = json_is_true(json_object_get(json, "x-secret"));
    node->next = schema->nodes;
    schema->nodes = node;
    return node;
}

int schema_build_node(struct schema_build *build, const json_t *json, const char *path,
                      const char *keyword, struct schema_resource *resource,
                      struct schema_node **ret_node)
{
    struct schema_node place = {.path = path};
    if (!json_is_object(json) && !json_is_boolean(json))
        return schema_refuse(build, &place, NULL, "a schema must be an object or a boolean");
    if (build->depth >= SCHEMA_DEPTH_MAX)
        return schema_refuse(build, &place, NULL, "is nested deeper than %d schemas",
                             SCHEMA_DEPTH_MAX);
    struct schema_node *node = add_node(build, json, path, keyword);
    if (!node)
        return LLMSPELL_ENOMEM;
    node->resource = resource;
    *ret_node = node;
    int status =
        resource ? 0 : schema_add_resource(build, node, build->default_uri, &node->resource);
    if (status < 0 || !json_is_object(json))
        return status;
    build->depth++;
    status = schema_identify(build, node);
    if (status == 0)
        status = schema_build_keywords(build, node);
    build->depth--;
    return status;
}

static int run_build(struct schema_build *build, const json_t *document)
{
    int status = schema_build_node(build, document, "", "", NULL, &build->schema->root);
    if (status == 0)
        status = schema_resolve_references(build);
    if (status == 0)
        status = schema_find_endless(build);
    return status;
}

int schema_compile(const json_t *document, unsigned flags, struct schema **ret_schema,
                   struct error *ret_error)
{
    struct schema_build build = {.error = ret_error, .default_uri = DEFAULT_URI};
    struct schema *schema = calloc(1, sizeof *schema);
    if (!document || !schema) {
        free(schema);
        return document ? schema_refuse_memory(&build)
                        : error_set(ret_error, LLMSPELL_EINVAL, "there is no schema to compile");
    }
    build.schema = schema;
    build.pending_end = &build.pending;
    schema->document = json_incref((json_t *)document);
    schema->flags = flags;
    schema->limits = schema_pattern_limits();
    /* A seed that nobody outside knows keeps chosen names from colliding; without one it works. */
    if (getrandom(&schema->seed, sizeof schema->seed, GRND_NONBLOCK) < 0)
        schema->seed = (uint64_t)(uintptr_t)schema;
    int status = schema->limits ? run_build(&build, document) : schema_refuse_memory(&build);
    schema_map_clear(&build.nodes);
    schema_map_clear(&build.resources);
    schema_map_clear(&build.anchors);
    if (status < 0) {
        schema_free(schema);
        return status;
    }
    *ret_schema = schema;
    return 0;
}

void schema_free(struct schema *schema)
{
    if (!schema)
        return;
    for (size_t i = 0; i < schema->code_count; i++)
        pcre2_code_free(schema->codes[i]);
    free(schema->codes);
    pcre2_match_context_free(schema->limits);
    schema_arena_clear(&schema->arena);
    json_decref(schema->document);
    json_decref(schema->metaschema);
    free(schema);
}
