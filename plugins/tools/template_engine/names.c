/* SPDX-License-Identifier: Apache-2.0
 * The names that a template uses, for the operation variables. */
#include "template.h"

void set_add(json_t *set, struct span name)
{
    json_object_setn_new(set, name.data, name.len, json_true());
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *sorted_keys(const json_t *set)
{
    size_t count = json_object_size(set), n = 0;
    LLMSPELL_CLEANUP_FREE const char **keys = calloc(count + 1, sizeof *keys);
    json_t *list = json_array(), *value;
    const char *key;
    if (!keys || !list) {
        json_decref(list);
        return NULL;
    }
    json_object_foreach((json_t *)set, key, value)
    {
        keys[n++] = key;
    }
    qsort(keys, n, sizeof *keys, compare_names);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(keys[i]));
    return list;
}

struct sets {
    json_t *variables;
    json_t *sections;
    json_t *partials;
};

static void collect(const struct node *node, const struct sets *sets)
{
    for (; node; node = node->next) {
        bool itself = node->text.len == 1 && node->text.data[0] == '.';
        bool partial = node->type == NODE_PARTIAL || node->type == NODE_PARENT;
        if (node->type == NODE_ESCAPED || node->type == NODE_RAW || (partial && node->dynamic)) {
            if (!itself)
                set_add(sets->variables, node->text);
        } else if (partial) {
            set_add(sets->partials, node->text);
        } else if ((node->type == NODE_SECTION || node->type == NODE_INVERTED) && !itself) {
            set_add(sets->sections, node->text);
        }
        collect(node->child, sets);
    }
}

json_t *template_names(const struct template *tpl)
{
    LLMSPELL_CLEANUP_JSON json_t *variables = json_object();
    LLMSPELL_CLEANUP_JSON json_t *sections = json_object();
    LLMSPELL_CLEANUP_JSON json_t *partials = json_object();
    const struct sets sets = {variables, sections, partials};
    collect(tpl->root, &sets);
    return json_pack("{s:o, s:o, s:o}", "variables", sorted_keys(variables), "sections",
                     sorted_keys(sections), "partials", sorted_keys(partials));
}
