/* SPDX-License-Identifier: Apache-2.0
 * Identifiers and references: $id, $anchor, $dynamicAnchor, $ref, $dynamicRef, and the search for
 * schemas that apply themselves without end. Called by compile.c. */
#include "schema/build.h"

#include <stdlib.h>
#include <string.h>

#include "schema/uri.h"

int schema_add_resource(struct schema_build *build, struct schema_node *node, const char *uri,
                        struct schema_resource **ret_resource)
{
    struct schema_resource *other = schema_map_get(&build->resources, uri, strlen(uri));
    /* Bundling tools write copies; and who compiles the metaschema itself brings it along. */
    if (other && (build->foreign || json_equal(other->root->json, node->json))) {
        *ret_resource = other;
        return 0;
    }
    if (other)
        return schema_refuse(build, node, "$id", "the schema at \"%s\" has the same URI %s",
                             other->root->path, uri);
    struct schema_resource *resource = schema_arena_alloc(&build->schema->arena, sizeof *resource);
    if (!resource || !schema_map_put(&build->resources, uri, resource))
        return schema_refuse_memory(build);
    resource->uri = uri;
    resource->root = node;
    *ret_resource = resource;
    return 0;
}

/* The string of a keyword; *ret_value stays NULL if it is absent. */
static int read_string(struct schema_build *build, struct schema_node *node, const char *keyword,
                       const json_t **ret_value)
{
    const json_t *value = json_object_get(node->json, keyword);
    if (!value)
        return 0;
    if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
        return schema_refuse(build, node, keyword, "must be a string without NUL");
    *ret_value = value;
    return 0;
}

static int read_id(struct schema_build *build, struct schema_node *node)
{
    const json_t *id = NULL;
    int status = read_string(build, node, "$id", &id);
    if (status < 0 || !id)
        return status;
    struct schema_uri uri = schema_uri_split(json_string_value(id), json_string_length(id));
    if (uri.fragment.length > 0)
        return schema_refuse(build, node, "$id",
                             "must not have a fragment; write \"$anchor\" instead");
    const char *absolute = schema_uri_resolve(&build->schema->arena, node->resource->uri, &uri);
    if (!absolute)
        return schema_refuse_memory(build);
    if (strcmp(absolute, node->resource->uri) == 0 && node->resource->root == node)
        return 0;
    return schema_add_resource(build, node, absolute, &node->resource);
}

static bool is_anchor_name(const char *name)
{
    const char *start = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
    size_t first = strspn(name, start);
    return first > 0 &&
           name[first + strspn(name + first, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
                                             "0123456789.-")] == '\0';
}

static int add_dynamic_anchor(struct schema_build *build, struct schema_node *node,
                              const char *name)
{
    struct schema_dynamic_anchor *anchor =
        schema_arena_alloc(&build->schema->arena, sizeof *anchor);
    if (!anchor)
        return schema_refuse_memory(build);
    *anchor = (struct schema_dynamic_anchor){node->resource->anchors, name, node};
    node->resource->anchors = anchor;
    return 0;
}

/* URI#NAME, the key of an anchor. */
static char *anchor_key(struct schema_build *build, const char *uri, const char *name,
                        size_t length)
{
    size_t prefix = strlen(uri);
    char *key = schema_arena_alloc(&build->schema->arena, prefix + length + 2);
    if (key) {
        memcpy(key, uri, prefix);
        key[prefix] = '#';
        memcpy(key + prefix + 1, name, length);
    }
    return key;
}

static int read_anchor(struct schema_build *build, struct schema_node *node, const char *keyword,
                       bool dynamic)
{
    const json_t *value = NULL;
    int status = read_string(build, node, keyword, &value);
    if (status < 0 || !value)
        return status;
    const char *name = json_string_value(value);
    if (!is_anchor_name(name))
        return schema_refuse(build, node, keyword,
                             "must begin with a letter or _, then letters, digits, - . _");
    char *key = anchor_key(build, node->resource->uri, name, json_string_length(value));
    if (!key)
        return schema_refuse_memory(build);
    const struct schema_node *other = schema_map_get(&build->anchors, key, strlen(key));
    if (other && other != node && !build->foreign && !json_equal(other->json, node->json))
        return schema_refuse(build, node, keyword, "the schema at \"%s\" has the same anchor",
                             other->path);
    if (!other && !schema_map_put(&build->anchors, key, node))
        return schema_refuse_memory(build);
    return dynamic ? add_dynamic_anchor(build, node, name) : 0;
}

int schema_identify(struct schema_build *build, struct schema_node *node)
{
    const json_t *dialect = NULL;
    int status = read_string(build, node, "$schema", &dialect);
    if (status == 0)
        status = read_id(build, node);
    if (status == 0)
        status = read_anchor(build, node, "$anchor", false);
    if (status == 0)
        status = read_anchor(build, node, "$dynamicAnchor", true);
    return status;
}

int schema_build_reference(struct schema_build *build, struct schema_node *node,
                           const char *keyword, const json_t *value)
{
    const json_t *text = NULL;
    int status = read_string(build, node, keyword, &text);
    if (status < 0)
        return status;
    struct schema_op *op = schema_add_op(build, node, keyword, schema_run_reference, SCHEMA_ALL);
    struct schema_pending *pending = schema_arena_alloc(&build->schema->arena, sizeof *pending);
    if (!op || !pending)
        return schema_refuse_memory(build);
    *pending = (struct schema_pending){.node = node, .op = op, .value = value};
    *build->pending_end = pending;
    build->pending_end = &pending->next;
    return 0;
}

/* Undoes ~0 and ~1 in place. Returns the new length, or SIZE_MAX if another ~ stands there. */
static size_t unescape_token(char *token, size_t length)
{
    size_t out = 0;
    for (size_t i = 0; i < length; i++) {
        if (token[i] == '~') {
            if (++i == length || (token[i] != '0' && token[i] != '1'))
                return SIZE_MAX;
            token[out++] = token[i] == '0' ? '~' : '/';
        } else {
            token[out++] = token[i];
        }
    }
    return out;
}

static const json_t *array_step(const json_t *array, const char *token, size_t length)
{
    size_t index = 0;
    if (length == 0 || length > 9 || (length > 1 && token[0] == '0'))
        return NULL;
    for (size_t i = 0; i < length; i++) {
        if (token[i] < '0' || token[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(token[i] - '0');
    }
    return json_array_get(array, index);
}

/* Follows a JSON pointer; writes over it. NULL if there is nothing. */
static const json_t *follow_pointer(const json_t *json, char *pointer, size_t length)
{
    char *at = pointer, *end = pointer + length;
    while (json && at < end) {
        char *token = at + 1, *stop = token;
        while (stop < end && *stop != '/')
            stop++;
        size_t size = unescape_token(token, (size_t)(stop - token));
        if (size == SIZE_MAX)
            return NULL;
        json = json_is_array(json) ? array_step(json, token, size)
                                   : json_object_getn(json, token, size);
        at = stop;
    }
    return json;
}

/* The node of the longest known path that path begins with: its resource gives the base URI. */
static struct schema_node *enclosing_node(struct schema_build *build, const char *path)
{
    size_t length = strlen(path);
    struct schema_node *node = NULL;
    while (!(node = schema_map_get(&build->nodes, path, length)) && length > 0)
        while (length > 0 && path[--length] != '/')
            continue;
    return node;
}

/* The schema at a JSON pointer of a resource; one under an unknown keyword is compiled now. */
static int find_by_pointer(struct schema_build *build, const struct schema_pending *pending,
                           const struct schema_resource *resource, char *pointer, size_t length,
                           struct schema_node **ret_node)
{
    const char *root = resource->root->path;
    char *path = schema_arena_alloc(&build->schema->arena, strlen(root) + length + 1);
    if (!path)
        return schema_refuse_memory(build);
    memcpy(path, root, strlen(root));
    memcpy(path + strlen(root), pointer, length);
    *ret_node = schema_map_get(&build->nodes, path, strlen(root) + length);
    if (*ret_node)
        return 0;
    const json_t *json = memchr(pointer, '\0', length)
                             ? NULL
                             : follow_pointer(resource->root->json, pointer, length);
    if (!json)
        return schema_refuse(build, pending->node, pending->op->keyword,
                             "nothing is at \"%.200s\" of this schema",
                             json_string_value(pending->value));
    struct schema_node *around = enclosing_node(build, path);
    return schema_build_node(build, json, path, "$ref",
                             around ? around->resource : resource->root->resource, ret_node);
}

static int find_by_anchor(struct schema_build *build, const struct schema_pending *pending,
                          const struct schema_resource *resource, const char *name, size_t length,
                          struct schema_node **ret_node)
{
    char *key = anchor_key(build, resource->uri, name, length);
    if (!key)
        return schema_refuse_memory(build);
    *ret_node = schema_map_get(&build->anchors, key, strlen(key));
    if (*ret_node)
        return 0;
    return schema_refuse(build, pending->node, pending->op->keyword,
                         "\"%.200s\" names an anchor that no schema has",
                         json_string_value(pending->value));
}

/* Compiles the metaschema of this draft, the only foreign document that is at hand. */
static int load_metaschema(struct schema_build *build)
{
    struct schema *schema = build->schema;
    struct schema_node *root;
    schema->metaschema = json_loads(schema_metaschema_text, 0, NULL);
    if (!schema->metaschema)
        return schema_refuse_memory(build);
    build->default_uri = SCHEMA_METASCHEMA_URI;
    build->foreign = true;
    int status = schema_build_node(build, schema->metaschema, SCHEMA_METASCHEMA_URI "#", "$ref",
                                   NULL, &root);
    build->foreign = false;
    return status;
}

static int find_resource(struct schema_build *build, const struct schema_pending *pending,
                         const struct schema_uri *uri, struct schema_resource **ret_resource)
{
    static const char known[] = "https://json-schema.org/draft/2020-12/";
    const char *absolute =
        schema_uri_resolve(&build->schema->arena, pending->node->resource->uri, uri);
    if (!absolute)
        return schema_refuse_memory(build);
    *ret_resource = schema_map_get(&build->resources, absolute, strlen(absolute));
    if (!*ret_resource && !build->schema->metaschema &&
        strncmp(absolute, known, strlen(known)) == 0) {
        int status = load_metaschema(build);
        if (status < 0)
            return status;
        *ret_resource = schema_map_get(&build->resources, absolute, strlen(absolute));
    }
    if (*ret_resource)
        return 0;
    return schema_refuse(build, pending->node, pending->op->keyword,
                         "\"%.200s\" is a schema outside of this document, and those are not "
                         "loaded; put it under \"$defs\" with that \"$id\"",
                         json_string_value(pending->value));
}

static int find_target(struct schema_build *build, const struct schema_pending *pending,
                       struct schema_node **ret_node)
{
    struct schema_uri uri =
        schema_uri_split(json_string_value(pending->value), json_string_length(pending->value));
    struct schema_resource *resource;
    int status = find_resource(build, pending, &uri, &resource);
    if (status < 0)
        return status;
    if (uri.fragment.length == 0) {
        *ret_node = resource->root;
        return 0;
    }
    size_t length;
    char *fragment = schema_uri_decode(&build->schema->arena, uri.fragment, &length);
    if (!fragment && length == SIZE_MAX)
        return schema_refuse(build, pending->node, pending->op->keyword,
                             "%% is not followed by two hexadecimal digits");
    if (!fragment)
        return schema_refuse_memory(build);
    if (fragment[0] == '/')
        return find_by_pointer(build, pending, resource, fragment, length, ret_node);
    return find_by_anchor(build, pending, resource, fragment, length, ret_node);
}

/* A $dynamicRef is dynamic only if what it finds at first is a $dynamicAnchor of that name. */
static const char *dynamic_name(const struct schema_pending *pending,
                                const struct schema_node *target)
{
    const char *hash = strchr(json_string_value(pending->value), '#');
    const char *name = json_string_value(json_object_get(target->json, "$dynamicAnchor"));
    bool dynamic = strcmp(pending->op->keyword, "$dynamicRef") == 0 && hash && name &&
                   strcmp(hash + 1, name) == 0;
    return dynamic ? name : NULL;
}

int schema_resolve_references(struct schema_build *build)
{
    for (struct schema_pending *pending = build->pending; pending; pending = pending->next) {
        struct schema_node *target = NULL;
        int status = find_target(build, pending, &target);
        if (status < 0)
            return status;
        struct schema_reference *reference = &pending->op->u.reference;
        reference->target = target;
        reference->anchor = dynamic_name(pending, target);
        pending->op->unconditional = reference->anchor == NULL;
        build->schema->dynamic = build->schema->dynamic || reference->anchor != NULL;
    }
    return 0;
}
