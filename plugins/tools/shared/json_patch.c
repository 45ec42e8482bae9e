/* SPDX-License-Identifier: Apache-2.0
 * RFC 6902. A copy is changed, so that a patch that fails leaves nothing. */
#include "json_change.h"

/* Values that `copy` may make in all: a few copies can double a value again and again. */
#define COPIES_MAX 1000000
#define DEPTH_MAX 500

struct json_patch {
    struct llmspell_call *call;
    json_t *document;
    size_t index; /* of the operation */
    size_t copied;
};

static int32_t no_memory(struct llmspell_call *call)
{
    return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
}

static int32_t fail(struct json_patch *patch, int32_t code, const char *what, const char *detail)
{
    char pointer[48];
    snprintf(pointer, sizeof pointer, "/patch/%zu", patch->index);
    return llmspell_fail_at(patch->call, code, pointer, "operation %zu: %s%.200s", patch->index,
                            what, detail);
}

static int32_t missing(struct json_patch *patch, const char *path)
{
    return fail(patch, LLMSPELL_ENOTFOUND, "nothing is at ", *path ? path : "the root");
}

/* ---- pointers ---- */

/* The next token of a pointer, unescaped, into room; *at moves behind it. */
static bool next_token(const char **at, char *token)
{
    const char *c = *at + 1;
    for (; *c && *c != '/'; c++) {
        if (*c == '~' && c[1] != '0' && c[1] != '1')
            return false;
        *token++ = (char)(*c != '~' ? *c : *++c == '0' ? '~' : '/');
    }
    *token = '\0';
    *at = c;
    return true;
}

static bool is_pointer(const char *path)
{
    for (const char *c = path; *c; c++)
        if (*c == '~' && c[1] != '0' && c[1] != '1')
            return false;
    return *path == '\0' || *path == '/';
}

/* An array index: digits without leading zeros. */
static bool parse_index(const char *token, size_t *ret_index)
{
    size_t index = 0;
    if (!*token || (*token == '0' && token[1]) || strlen(token) > 10)
        return false;
    for (; *token; token++) {
        if (*token < '0' || *token > '9')
            return false;
        index = index * 10 + (size_t)(*token - '0');
    }
    *ret_index = index;
    return true;
}

static json_t *child(json_t *parent, const char *token)
{
    size_t index = 0;
    if (json_is_object(parent))
        return json_object_get(parent, token);
    return json_is_array(parent) && parse_index(token, &index) ? json_array_get(parent, index)
                                                               : NULL;
}

/* A place: the value that holds it and its last token, for which the caller frees `token`. Parent
 * NULL: the place is the root. */
struct target {
    json_t *parent;
    char *token;
};

static void target_clear(struct target *target)
{
    free(target->token);
}

#define CLEANUP_TARGET __attribute__((cleanup(target_clear)))

static int32_t find_target(struct json_patch *patch, const char *path, struct target *ret)
{
    ret->parent = NULL;
    ret->token = malloc(strlen(path) + 1);
    if (!ret->token)
        return no_memory(patch->call);
    json_t *value = patch->document;
    for (const char *at = path; *at;) {
        if (ret->parent)
            value = child(ret->parent, ret->token);
        if (!json_is_object(value) && !json_is_array(value))
            return missing(patch, path);
        next_token(&at, ret->token);
        ret->parent = value;
    }
    return 0;
}

static int32_t find(struct json_patch *patch, const char *path, json_t **ret_value)
{
    CLEANUP_TARGET struct target target = {NULL, NULL};
    int32_t rc = find_target(patch, path, &target);
    if (rc < 0)
        return rc;
    *ret_value = target.parent ? child(target.parent, target.token) : patch->document;
    return *ret_value ? 0 : missing(patch, path);
}

/* ---- changes; value: a new reference that is taken over ---- */

static int32_t set_root(struct json_patch *patch, json_t *value)
{
    if (!value)
        return no_memory(patch->call);
    json_decref(patch->document);
    patch->document = value;
    return 0;
}

static int32_t add_to(struct json_patch *patch, const struct target *target, const char *path,
                      json_t *value)
{
    size_t index = json_array_size(target->parent);
    if (json_is_object(target->parent))
        return json_object_set_new(target->parent, target->token, value) ? no_memory(patch->call)
                                                                         : 0;
    bool known = strcmp(target->token, "-") == 0 || parse_index(target->token, &index);
    if (known && index <= json_array_size(target->parent))
        return json_array_insert_new(target->parent, index, value) ? no_memory(patch->call) : 0;
    json_decref(value);
    return missing(patch, path);
}

static int32_t add(struct json_patch *patch, const char *path, json_t *value)
{
    CLEANUP_TARGET struct target target = {NULL, NULL};
    int32_t rc = find_target(patch, path, &target);
    if (rc < 0)
        json_decref(value);
    else
        rc = target.parent ? add_to(patch, &target, path, value) : set_root(patch, value);
    return rc;
}

/* Without the root a document is null. */
static int32_t remove_at(struct json_patch *patch, const char *path)
{
    CLEANUP_TARGET struct target target = {NULL, NULL};
    size_t index = 0;
    int32_t rc = find_target(patch, path, &target);
    if (rc < 0)
        return rc;
    if (!target.parent)
        return set_root(patch, json_null());
    if (!child(target.parent, target.token))
        return missing(patch, path);
    if (json_is_object(target.parent))
        return json_object_del(target.parent, target.token);
    parse_index(target.token, &index);
    return json_array_remove(target.parent, index);
}

/* In place: the order of the members stays. */
static int32_t replace(struct json_patch *patch, const char *path, json_t *value)
{
    CLEANUP_TARGET struct target target = {NULL, NULL};
    size_t index = 0;
    int32_t rc = find_target(patch, path, &target);
    if (rc == 0 && target.parent && !child(target.parent, target.token))
        rc = missing(patch, path);
    if (rc < 0) {
        json_decref(value);
        return rc;
    }
    if (!target.parent)
        return set_root(patch, value);
    if (json_is_object(target.parent))
        return json_object_set_new(target.parent, target.token, value) ? no_memory(patch->call) : 0;
    parse_index(target.token, &index);
    return json_array_set_new(target.parent, index, value) ? no_memory(patch->call) : 0;
}

/* ---- operations ---- */

/* Values and nesting of a value. */
struct extent {
    size_t count, depth;
};

static void measure(const json_t *value, size_t depth, struct extent *extent)
{
    const char *key;
    json_t *item;
    size_t i;
    extent->count += 1 + json_string_length(value) / 16;
    extent->depth = depth > extent->depth ? depth : extent->depth;
    json_array_foreach(value, i, item)
    {
        measure(item, depth + 1, extent);
    }
    json_object_foreach((json_t *)value, key, item)
    {
        measure(item, depth + 1, extent);
    }
}

/* Looks whether a value may be put at path: nothing gets deeper than others can read. */
static int32_t check_depth(struct json_patch *patch, const json_t *value, const char *path,
                           struct extent *extent)
{
    measure(value, 1, extent);
    for (const char *c = path; *c; c++)
        extent->depth += *c == '/';
    if (extent->depth <= DEPTH_MAX)
        return 0;
    return fail(patch, LLMSPELL_ELIMIT, "the document would be nested too deeply at ", path);
}

static int32_t copy(struct json_patch *patch, const char *from, const char *path)
{
    struct extent extent = {0, 0};
    json_t *value = NULL;
    int32_t rc = find(patch, from, &value);
    if (rc == 0)
        rc = check_depth(patch, value, path, &extent);
    if (rc < 0)
        return rc;
    patch->copied += extent.count;
    if (patch->copied > COPIES_MAX)
        return fail(patch, LLMSPELL_ELIMIT, "the copies grow too large", "");
    return add(patch, path, json_deep_copy(value));
}

static int32_t move(struct json_patch *patch, const char *from, const char *path)
{
    struct extent extent = {0, 0};
    size_t size = strlen(from);
    json_t *value = NULL;
    int32_t rc = find(patch, from, &value);
    if (rc == 0)
        rc = check_depth(patch, value, path, &extent);
    if (rc < 0 || strcmp(from, path) == 0)
        return rc;
    if (strncmp(from, path, size) == 0 && path[size] == '/')
        return fail(patch, LLMSPELL_EINVAL, "a value cannot be moved into itself: ", path);
    json_incref(value);
    rc = remove_at(patch, from);
    if (rc == 0)
        return add(patch, path, value);
    json_decref(value);
    return rc;
}

/* `add` and `replace`. */
static int32_t put(struct json_patch *patch, const char *path, const json_t *value, bool replaces)
{
    struct extent extent = {0, 0};
    int32_t rc = check_depth(patch, value, path, &extent);
    if (rc < 0)
        return rc;
    return replaces ? replace(patch, path, json_deep_copy(value))
                    : add(patch, path, json_deep_copy(value));
}

static int32_t test(struct json_patch *patch, const char *path, const json_t *expected)
{
    json_t *value = NULL;
    int32_t rc = find(patch, path, &value);
    if (rc < 0 || json_same(value, expected))
        return rc;
    return fail(patch, LLMSPELL_EFAILED, "the test fails: another value is at ",
                *path ? path : "the root");
}

static int32_t check_pointer(struct json_patch *patch, const json_t *operation, const char *key)
{
    const json_t *value = json_object_get(operation, key);
    const char *text = json_string_value(value);
    if (text && strlen(text) == json_string_length(value) && is_pointer(text))
        return 0;
    return fail(patch, LLMSPELL_EINVAL, "a JSON pointer is needed as ", key);
}

/* What the operation needs besides path. */
static int32_t check_members(struct json_patch *patch, const json_t *operation, const char *op)
{
    static const struct {
        const char *op, *needs;
    } known[] = {{"add", "value"}, {"remove", NULL}, {"replace", "value"},
                 {"move", "from"}, {"copy", "from"}, {"test", "value"}};
    if (op && strlen(op) != llmspell_string_length(operation, "op"))
        return fail(patch, LLMSPELL_EINVAL, "op must not hold a NUL character, begins with ", op);
    for (size_t i = 0; op && i < sizeof known / sizeof *known; i++) {
        const char *needs = known[i].needs;
        if (strcmp(known[i].op, op) != 0)
            continue;
        int32_t rc = check_pointer(patch, operation, "path");
        if (rc == 0 && needs && *needs == 'f')
            return check_pointer(patch, operation, needs);
        if (rc == 0 && needs && !json_object_get(operation, needs))
            return fail(patch, LLMSPELL_EINVAL, "it lacks the member ", needs);
        return rc;
    }
    return fail(patch, LLMSPELL_EINVAL, "op must be add, remove, replace, move, copy or test, is ",
                op ? op : "absent");
}

static int32_t apply(struct json_patch *patch, const json_t *operation)
{
    const char *op = llmspell_string(operation, "op"), *path = llmspell_string(operation, "path");
    const char *from = llmspell_string(operation, "from");
    json_t *value = json_object_get(operation, "value");
    int32_t rc = check_members(patch, operation, op);
    if (rc < 0)
        return rc;
    switch (op[2]) { /* their third letters differ */
    case 'd':
        return put(patch, path, value, false);
    case 'm':
        return remove_at(patch, path);
    case 'p':
        return *op == 'c' ? copy(patch, from, path) : put(patch, path, value, true);
    case 'v':
        return move(patch, from, path);
    default:
        return test(patch, path, value);
    }
}

int32_t json_patch_apply(struct llmspell_call *call, const json_t *document,
                         const json_t *operations, json_t **ret_document)
{
    struct json_patch patch = {.call = call, .document = json_deep_copy(document)};
    int32_t rc = patch.document ? 0 : no_memory(call);
    for (; patch.index < json_array_size(operations) && rc == 0; patch.index++) {
        rc = llmspell_cancelled(call);
        if (rc == 0)
            rc = apply(&patch, json_array_get(operations, patch.index));
        if (rc < 0)
            break;
    }
    if (rc == 0)
        *ret_document = json_incref(patch.document);
    json_decref(patch.document);
    return rc;
}
