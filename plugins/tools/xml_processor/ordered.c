/* SPDX-License-Identifier: Apache-2.0
 * The ordered form: {name, attributes, children}, for content that mixes text and elements. */
#include "xml.h"

static bool put_attribute(json_t *object, const char *name, const char *value)
{
    return json_object_set_new(object, name, json_string(value)) == 0;
}

/* Text pieces side by side (CDATA, what a comment parted) are one. */
static bool flush_text(json_t *children, struct byte_buffer *text)
{
    bool ok = !text->failed;
    if (ok && text->size > 0)
        ok = json_array_append_new(children, json_stringn(text->data, text->size)) == 0;
    buffer_clear(text);
    return ok;
}

static json_t *children_of(const struct job *job, const xmlNode *element)
{
    CLEANUP_BUFFER struct byte_buffer text = {0};
    json_t *children = json_array();
    bool layout = holds_elements_only(element), ok = children != NULL;
    for (const xmlNode *node = element->children; ok && node; node = node->next) {
        if (is_text(node) && !layout && node->content)
            buffer_puts(&text, (const char *)node->content);
        if (node->type == XML_ELEMENT_NODE)
            ok = flush_text(children, &text) &&
                 json_array_append_new(children, ordered_element(job, node)) == 0;
    }
    if (ok && flush_text(children, &text))
        return children;
    json_decref(children);
    return NULL;
}

json_t *ordered_element(const struct job *job, const xmlNode *element)
{
    json_t *attributes = json_object();
    if (!attributes || !each_attribute(job, element, put_attribute, attributes)) {
        json_decref(attributes);
        return NULL;
    }
    return json_pack("{s:o,s:o,s:o}", "name", element_name(job, element), "attributes", attributes,
                     "children", children_of(job, element));
}
