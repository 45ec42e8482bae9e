/* SPDX-License-Identifier: Apache-2.0
 * parse, and the compact form: an element is its text, null, or an object of @attributes, child
 * elements and #text. */
#include "xml.h"

bool is_text(const xmlNode *node)
{
    return node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE;
}

static bool is_blank(const char *text)
{
    return !text || !text[strspn(text, " \t\r\n")];
}

bool holds_elements_only(const xmlNode *element)
{
    bool elements = false;
    for (const xmlNode *node = element->children; node; node = node->next) {
        if (is_text(node) && !is_blank((const char *)node->content))
            return false;
        elements |= !is_text(node);
    }
    return elements;
}

/* ---- names and attributes ---- */

static json_t *joined_name(const struct job *job, const char *mark, const xmlNs *space,
                           const char *name)
{
    bool prefixed = space && space->prefix && !llmspell_bool(job->params, "strip_namespaces", 0);
    return json_sprintf("%s%s%s%s", mark, prefixed ? (const char *)space->prefix : "",
                        prefixed ? ":" : "", name);
}

json_t *element_name(const struct job *job, const xmlNode *element)
{
    return joined_name(job, "", element->ns, (const char *)element->name);
}

bool each_attribute(const struct job *job, const xmlNode *element, attribute_function *put,
                    json_t *object)
{
    bool strip = llmspell_bool(job->params, "strip_namespaces", 0), ok = true;
    for (const xmlNs *space = element->nsDef; ok && space && !strip; space = space->next) {
        LLMSPELL_CLEANUP_JSON json_t *name =
            space->prefix ? json_sprintf("xmlns:%s", (const char *)space->prefix)
                          : json_string("xmlns");
        ok = name &&
             put(object, json_string_value(name), space->href ? (const char *)space->href : "");
    }
    for (const xmlAttr *attribute = element->properties; ok && attribute;
         attribute = attribute->next) {
        LLMSPELL_CLEANUP_JSON json_t *name =
            joined_name(job, "", attribute->ns, (const char *)attribute->name);
        xmlChar *value = xmlNodeListGetString(element->doc, attribute->children, 1);
        ok = name && put(object, json_string_value(name), value ? (const char *)value : "");
        xmlFree(value);
    }
    return ok;
}

static bool put_attribute(json_t *object, const char *name, const char *value)
{
    LLMSPELL_CLEANUP_JSON json_t *key = json_sprintf("@%s", name);
    return key && json_object_set_new(object, json_string_value(key), json_string(value)) == 0;
}

/* ---- the form ---- */

/* The text of an element itself, joined and trimmed; NULL if there is none (or no memory). */
static json_t *own_text(const xmlNode *element, bool *ret_failed)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    for (const xmlNode *node = element->children; node; node = node->next)
        if (is_text(node) && node->content)
            buffer_puts(&text, (const char *)node->content);
    *ret_failed = text.failed;
    if (text.failed || is_blank(text.data))
        return NULL;
    size_t start = strspn(text.data, " \t\r\n"), end = text.size;
    while (strchr(" \t\r\n", text.data[end - 1]))
        end--;
    json_t *value = json_stringn(text.data + start, end - start);
    *ret_failed = !value;
    return value;
}

static json_t *compact_value(const struct job *job, const xmlNode *element);

/* Adds value (taken over) as a member; the second of a name makes an array of both. No value is an
 * array but by that. */
static bool put_child(json_t *object, const char *name, json_t *value)
{
    json_t *before = json_object_get(object, name);
    if (!before)
        return json_object_set_new(object, name, value) == 0;
    if (json_is_array(before))
        return json_array_append_new(before, value) == 0;
    json_t *both = json_pack("[O,o]", before, value);
    return json_object_set_new(object, name, both) == 0;
}

static bool put_children(const struct job *job, const xmlNode *element, json_t *object)
{
    for (const xmlNode *node = element->children; node; node = node->next) {
        if (node->type != XML_ELEMENT_NODE)
            continue;
        LLMSPELL_CLEANUP_JSON json_t *name = element_name(job, node);
        if (!name || !put_child(object, json_string_value(name), compact_value(job, node)))
            return false;
    }
    return true;
}

static json_t *compact_value(const struct job *job, const xmlNode *element)
{
    bool failed = false;
    LLMSPELL_CLEANUP_JSON json_t *object = json_object(), *text = own_text(element, &failed);
    if (!object || failed || !each_attribute(job, element, put_attribute, object) ||
        !put_children(job, element, object))
        return NULL;
    if (json_object_size(object) == 0)
        return text ? llmspell_steal_json(&text) : json_null();
    if (text && json_object_set(object, "#text", text) != 0)
        return NULL;
    return llmspell_steal_json(&object);
}

json_t *compact_element(const struct job *job, const xmlNode *element)
{
    LLMSPELL_CLEANUP_JSON json_t *name = element_name(job, element);
    json_t *result = json_object();
    if (name && result &&
        json_object_set_new(result, json_string_value(name), compact_value(job, element)) == 0)
        return result;
    json_decref(result);
    return NULL;
}

int32_t parse_run(struct job *job, json_t **ret_result)
{
    CLEANUP_DOCUMENT xmlDocPtr document = NULL;
    int32_t rc = load_document(job, "input", "path", &document);
    if (rc < 0)
        return rc;
    const xmlNode *root = xmlDocGetRootElement(document);
    json_t *value = llmspell_is(job->params, "mode", "ordered") ? ordered_element(job, root)
                                                                : compact_element(job, root);
    return llmspell_return(job->call, ret_result, json_pack("{s:o}", "value", value));
}
