/* SPDX-License-Identifier: Apache-2.0
 * Reading manifests. The scanner steps over values without decoding them, so that a listing of
 * thousands of plugins costs their bytes, not their JSON. */
#include "plugin/manifest.h"

#include <string.h>

#include <llmspell/plugin.h>

#include "tool/native.h"

static const char *const KIND_NAMES[PLUGIN_KINDS] = {"tool", "protocol", "runtime"};

const char *plugin_kind_name(enum plugin_kind kind)
{
    return KIND_NAMES[kind];
}

/* ---- the scanner ---- */

struct scanner {
    const char *at, *end;
};

static void skip_space(struct scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

/* At an opening quote: steps behind the closing one, the first with an even number of backslashes
 * before it. */
static bool skip_string(struct scanner *s)
{
    const char *start = ++s->at;
    while (s->at < s->end && (s->at = memchr(s->at, '"', (size_t)(s->end - s->at)))) {
        const char *back = s->at++;
        while (back > start && back[-1] == '\\')
            back--;
        if ((s->at - 1 - back) % 2 == 0)
            return true;
    }
    s->at = s->end;
    return false;
}

/* Steps over one object or array. */
static bool skip_nested(struct scanner *s)
{
    static const bool matters[256] = {
        ['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true};
    int depth = 0;
    while (s->at < s->end) {
        char c = *s->at;
        if (!matters[(unsigned char)c]) {
            s->at++;
        } else if (c == '"') {
            if (!skip_string(s))
                return false;
        } else {
            s->at++;
            depth += c == '{' || c == '[' ? 1 : -1;
            if (depth == 0)
                return true;
        }
    }
    return false;
}

/* Steps over one value of any kind; a number or word ends where the next member or the end does. */
static bool skip_value(struct scanner *s)
{
    if (s->at >= s->end)
        return false;
    if (*s->at == '"')
        return skip_string(s);
    if (*s->at == '{' || *s->at == '[')
        return skip_nested(s);
    while (s->at < s->end && *s->at != ',' && *s->at != '}')
        s->at++;
    return s->at < s->end;
}

struct member {
    const char *key, *value;
    size_t key_size, value_size;
};

/* The next member of the top-level object: 1, 0 at its end, -1 if this is not JSON. */
static int next_member(struct scanner *s, bool first, struct member *ret_member)
{
    skip_space(s);
    if (s->at < s->end && *s->at == '}')
        return 0;
    if (!first) {
        if (s->at >= s->end || *s->at != ',')
            return -1;
        s->at++;
        skip_space(s);
    }
    if (s->at >= s->end || *s->at != '"')
        return -1;
    ret_member->key = s->at + 1;
    if (!skip_string(s))
        return -1;
    ret_member->key_size = (size_t)(s->at - 1 - ret_member->key);
    skip_space(s);
    if (s->at >= s->end || *s->at != ':')
        return -1;
    s->at++;
    skip_space(s);
    ret_member->value = s->at;
    if (!skip_value(s) || s->at == ret_member->value)
        return -1;
    ret_member->value_size = (size_t)(s->at - ret_member->value);
    skip_space(s);
    return 1;
}

static int not_json(const char *path, struct error *ret_error)
{
    return error_set(ret_error, LLMSPELL_EREFUSED,
                     "%s: its manifest is not a JSON object; check NAME.json with a JSON linter",
                     path);
}

int manifest_members(const char *text, size_t size, const char *path, const char *const *keys,
                     json_t **ret_object, struct error *ret_error)
{
    struct scanner s = {text, text + size};
    LLMSPELL_CLEANUP_JSON json_t *object = json_object();
    skip_space(&s);
    if (!object || s.at >= s.end || *s.at++ != '{')
        return not_json(path, ret_error);
    struct member m;
    int rc;
    for (bool first = true; (rc = next_member(&s, first, &m)) == 1; first = false) {
        const char *const *key = keys;
        while (*key && (strlen(*key) != m.key_size || memcmp(*key, m.key, m.key_size) != 0))
            key++;
        if (!*key)
            continue;
        if (json_object_get(object, *key))
            return error_set(ret_error, LLMSPELL_EREFUSED,
                             "%s: its manifest has the key \"%s\" twice; remove one", path, *key);
        json_t *value = json_loadb(m.value, m.value_size, JSON_DECODE_ANY, NULL);
        if (!value || json_object_set_new(object, *key, value) != 0)
            return not_json(path, ret_error);
    }
    if (rc < 0)
        return not_json(path, ret_error);
    *ret_object = llmspell_steal_json(&object);
    return 0;
}

/* ---- checks ---- */

/* ^[a-z][a-z0-9_]{0,63}$ */
static bool name_is_valid(const char *name)
{
    size_t n = name ? strlen(name) : 0;
    if (n == 0 || n > MANIFEST_NAME_MAX || name[0] < 'a' || name[0] > 'z')
        return false;
    return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static int read_head(const json_t *object, const char *path, struct manifest_head *ret_head,
                     struct error *ret_error)
{
    const char *kind = json_string_value(json_object_get(object, "kind"));
    const char *name = json_string_value(json_object_get(object, "name"));
    const json_t *abi = json_object_get(object, "abi");
    const json_t *major = json_object_get(abi, "major"), *minor = json_object_get(abi, "minor");
    unsigned k = 0;
    while (k < PLUGIN_KINDS && (!kind || strcmp(kind, KIND_NAMES[k]) != 0))
        k++;
    if (k == PLUGIN_KINDS)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: \"kind\" in its manifest must be tool, protocol or runtime", path);
    if (!name_is_valid(name))
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: \"name\" in its manifest must match [a-z][a-z0-9_]{0,63}", path);
    if (!json_is_integer(major) || !json_is_integer(minor))
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: \"abi\" in its manifest must be {\"major\": %d, \"minor\": %d}", path,
                         LLMSPELL_ABI_MAJOR, LLMSPELL_ABI_MINOR);
    ret_head->kind = (enum plugin_kind)k;
    memcpy(ret_head->name, name, strlen(name) + 1);
    ret_head->abi_major = (int)json_integer_value(major);
    ret_head->abi_minor = (int)json_integer_value(minor);
    return 0;
}

int manifest_scan(const char *text, size_t size, const char *path, struct manifest_head *ret_head,
                  struct error *ret_error)
{
    static const char *const keys[] = {"kind", "name", "abi", NULL};
    LLMSPELL_CLEANUP_JSON json_t *object = NULL;
    int rc = manifest_members(text, size, path, keys, &object, ret_error);
    return rc < 0 ? rc : read_head(object, path, ret_head, ret_error);
}

/* One row a key of the manifest: which kinds may have it, which must, and its JSON type. */
struct key_rule {
    const char *key;
    json_type type;
    bool any_type;            /* type is not looked at */
    unsigned kinds, required; /* bit masks of 1 << kind */
};

#define ALL 7u
#define TOOL 1u
#define RUNTIME 4u
#define UNLESS_NATIVE 8u /* required but where "native" says it */

static const struct key_rule RULES[] = {
    {"manifest", JSON_INTEGER, false, ALL, ALL},
    {"kind", JSON_STRING, false, ALL, ALL},
    {"name", JSON_STRING, false, ALL, ALL},
    {"version", JSON_STRING, false, ALL, ALL},
    {"abi", JSON_OBJECT, false, ALL, ALL},
    {"title", JSON_STRING, false, ALL, TOOL},
    {"description", JSON_STRING, false, ALL, ALL},
    {"category", JSON_STRING, false, TOOL, TOOL},
    {"keywords", JSON_ARRAY, false, ALL, 0},
    {"aliases", JSON_ARRAY, false, ALL, 0},
    {"capabilities", JSON_ARRAY, false, ALL, TOOL},
    {"annotations", JSON_OBJECT, false, TOOL, TOOL},
    {"limits", JSON_OBJECT, false, TOOL, 0},
    {"isolation", JSON_STRING, true, TOOL, 0},
    {"parameters", JSON_OBJECT, false, TOOL, UNLESS_NATIVE | TOOL},
    {"result", JSON_OBJECT, true, TOOL, UNLESS_NATIVE | TOOL},
    {"examples", JSON_ARRAY, false, TOOL, 0},
    {"native", JSON_OBJECT, false, TOOL, 0},
    {"config", JSON_OBJECT, false, ALL, 0},
    {"license", JSON_STRING, false, ALL, 0},
    {"homepage", JSON_STRING, false, ALL, 0},
    {"language_info", JSON_OBJECT, false, RUNTIME, RUNTIME},
    {"banner", JSON_STRING, false, RUNTIME, 0},
    {"help_links", JSON_ARRAY, false, RUNTIME, 0},
};

#define RULE_COUNT (sizeof RULES / sizeof RULES[0])

static const char *type_name(json_type type)
{
    switch (type) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    default:
        return "an integer";
    }
}

static int check_keys(const json_t *manifest, enum plugin_kind kind, const char *path,
                      struct error *ret_error)
{
    bool native = json_object_get(manifest, "native") != NULL;
    for (size_t i = 0; i < RULE_COUNT; i++) {
        const struct key_rule *rule = &RULES[i];
        const json_t *value = json_object_get(manifest, rule->key);
        bool derived = native && (rule->required & UNLESS_NATIVE);
        if (!value && !derived && (rule->required & (1u << kind)))
            return error_set(ret_error, LLMSPELL_EREFUSED,
                             "%s: its manifest lacks \"%s\"; every %s has one", path, rule->key,
                             KIND_NAMES[kind]);
        if (value && !rule->any_type && json_typeof(value) != rule->type)
            return error_set(ret_error, LLMSPELL_EREFUSED, "%s: \"%s\" in its manifest must be %s",
                             path, rule->key, type_name(rule->type));
    }
    if (json_integer_value(json_object_get(manifest, "manifest")) != 1)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: \"manifest\" must be 1; this host knows no other format", path);
    return 0;
}

static int check_strings(const json_t *manifest, const char *key, const char *path,
                         struct error *ret_error)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(manifest, key), i, item)
    {
        if (!json_is_string(item))
            return error_set(ret_error, LLMSPELL_EREFUSED,
                             "%s: item %zu of \"%s\" in its manifest must be a string", path, i,
                             key);
    }
    return 0;
}

static char *unknown_keys(const json_t *manifest, enum plugin_kind kind)
{
    char text[512] = "";
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)manifest, key, value)
    {
        size_t i = 0, used = strlen(text);
        while (i < RULE_COUNT && strcmp(RULES[i].key, key) != 0)
            i++;
        bool known = i < RULE_COUNT && (RULES[i].kinds & (1u << kind));
        if (!known && strncmp(key, "x-", 2) != 0)
            snprintf(text + used, sizeof text - used, "%s\"%s\"", used ? ", " : "", key);
    }
    return *text ? strdup(text) : NULL;
}

int manifest_parse(const char *text, size_t size, const char *path, json_t **ret_manifest,
                   char **ret_warning, struct error *ret_error)
{
    json_error_t where;
    LLMSPELL_CLEANUP_JSON json_t *manifest = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where);
    if (!manifest)
        return error_set(ret_error, LLMSPELL_EREFUSED,
                         "%s: its manifest is not valid JSON: line %d, column %d: %s", path,
                         where.line, where.column, where.text);
    if (!json_is_object(manifest))
        return not_json(path, ret_error);
    struct manifest_head head;
    static const char *const lists[] = {"keywords", "aliases", "capabilities"};
    int rc = read_head(manifest, path, &head, ret_error);
    if (rc == 0)
        rc = check_keys(manifest, head.kind, path, ret_error);
    for (size_t i = 0; rc == 0 && i < 3; i++)
        rc = check_strings(manifest, lists[i], path, ret_error);
    if (rc < 0)
        return rc;
    if (head.kind == PLUGIN_TOOL && json_object_get(manifest, "native")) {
        rc = native_check(manifest, path, ret_error);
        if (rc == 0)
            rc = native_derive(manifest, ret_error);
        if (rc < 0)
            return rc;
    }
    if (ret_warning)
        *ret_warning = unknown_keys(manifest, head.kind);
    *ret_manifest = llmspell_steal_json(&manifest);
    return 0;
}

const char *manifest_level(const json_t *capabilities)
{
    static const char *const privileged[] = {"fs:write", "net:connect", "exec"};
    size_t i;
    json_t *item;
    json_array_foreach(capabilities, i, item)
    {
        const char *text = json_string_value(item);
        for (size_t k = 0; text && k < 3; k++)
            if (strncmp(text, privileged[k], strlen(privileged[k])) == 0)
                return "privileged";
    }
    return json_array_size(capabilities) > 0 ? "restricted" : "safe";
}
