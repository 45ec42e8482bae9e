/* SPDX-License-Identifier: Apache-2.0
 * Writes XML, the inverse of the compact form of xml_processor. An object of one member that is no
 * list is its root element; anything else gets the root that the call names. */
#include "converter.h"

#define ITEM "item" /* the elements of a list that is the document */

static int32_t put_element(struct writing *writing, const struct place *place, const char *name,
                           const json_t *value, size_t level, bool layout);

/* ---- names and text ---- */

static bool starts_name(unsigned char c)
{
    return c >= 0x80 || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/* A name, or two with a colon between them. Beyond ASCII all letters are taken as such. */
static bool is_name(const char *name)
{
    size_t colons = 0;
    bool start = true;
    for (; *name; name++) {
        unsigned char c = (unsigned char)*name;
        if (c == ':') {
            if (start || ++colons > 1)
                return false;
            start = true;
            continue;
        }
        if (!starts_name(c) && (start || !((c >= '0' && c <= '9') || c == '-' || c == '.')))
            return false;
        start = false;
    }
    return !start;
}

static bool is_character(const unsigned char *c)
{
    if (*c < 0x20)
        return *c == '\t' || *c == '\n' || *c == '\r';
    return !(c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE); /* U+FFFE, U+FFFF */
}

static const char *escape_of(char c, bool attribute)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '\r':
        return "&#13;";
    case '"':
        return attribute ? "&quot;" : NULL;
    case '\n':
        return attribute ? "&#10;" : NULL;
    case '\t':
        return attribute ? "&#9;" : NULL;
    default:
        return NULL;
    }
}

static int32_t put_text(struct writing *writing, const struct place *place, const json_t *value,
                        bool attribute)
{
    char scratch[SCALAR_TEXT_MAX];
    size_t size = 0;
    const char *text = scalar_text(value, scratch, &size);
    for (size_t i = 0; text && i < size; i++) {
        const char *escape = escape_of(text[i], attribute);
        if (!is_character((const unsigned char *)text + i))
            return fail_value(writing, place, "there are no control characters");
        if (escape)
            bounded_puts(&writing->out, escape);
        else
            bounded_char(&writing->out, text[i]);
    }
    return writing_step(writing);
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static bool is_special_key(const char *key)
{
    return *key == '@' || strcmp(key, "#text") == 0;
}

/* ---- elements ---- */

static void new_line(struct writing *writing, size_t level)
{
    if (!writing->pretty)
        return;
    bounded_char(&writing->out, '\n');
    bounded_fill(&writing->out, ' ', 2 * level);
}

static int32_t put_attribute(struct writing *writing, const struct place *place, const char *name,
                             const json_t *value)
{
    if (is_container(value) || !is_name(name))
        return fail_value(writing, place,
                          is_container(value) ? "an attribute has one value"
                                              : "its name is no name in XML");
    bounded_char(&writing->out, ' ');
    bounded_puts(&writing->out, name);
    bounded_puts(&writing->out, "=\"");
    int32_t rc = put_text(writing, place, value, true);
    bounded_char(&writing->out, '"');
    return rc;
}

static int32_t put_attributes(struct writing *writing, const struct place *up, const json_t *object)
{
    CLEANUP_MEMBERS struct members members;
    const char *key;
    json_t *value;
    int32_t rc = members_begin(writing, object, &members);
    while (rc == 0 && members_next(&members, &key, &value)) {
        struct place place = {.up = up, .key = key};
        if (*key == '@')
            rc = put_attribute(writing, &place, key + 1, value);
    }
    return rc;
}

/* A list is an element for each of its values. */
static int32_t put_list(struct writing *writing, const struct place *up, const char *name,
                        const json_t *list, size_t level, bool layout)
{
    int32_t rc = 0;
    if (json_array_size(list) == 0)
        return fail_value(writing, up, "a list without values would be lost");
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        struct place place = {.up = up, .index = i};
        const json_t *item = json_array_get(list, i);
        if (json_is_array(item))
            return fail_value(writing, &place, "there are no lists in lists");
        if (layout)
            new_line(writing, level);
        rc = put_element(writing, &place, name, item, level, layout);
    }
    return rc;
}

static int32_t put_children(struct writing *writing, const struct place *up, const json_t *object,
                            size_t level, bool layout)
{
    CLEANUP_MEMBERS struct members members;
    const char *key;
    json_t *value;
    int32_t rc = members_begin(writing, object, &members);
    while (rc == 0 && members_next(&members, &key, &value)) {
        struct place place = {.up = up, .key = key};
        if (is_special_key(key))
            continue;
        if (layout && !json_is_array(value))
            new_line(writing, level);
        rc = json_is_array(value) ? put_list(writing, &place, key, value, level, layout)
                                  : put_element(writing, &place, key, value, level, layout);
    }
    return rc;
}

static bool has_children(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (!is_special_key(key))
            return true;
    }
    return false;
}

static bool is_empty(const json_t *text)
{
    return !text || json_is_null(text) || (json_is_string(text) && !json_string_length(text));
}

static int32_t put_content(struct writing *writing, const struct place *place, const json_t *value,
                           size_t level, bool layout)
{
    const json_t *text = json_is_object(value) ? json_object_get(value, "#text") : value;
    struct place inner = {.up = place, .key = "#text"};
    layout = layout && is_empty(text); /* beside text white space would count */
    if (is_container(text))
        return fail_value(writing, &inner, "text is one value");
    int32_t rc = text ? put_text(writing, place, text, false) : 0;
    if (rc == 0 && json_is_object(value))
        rc = put_children(writing, place, value, level + 1, layout);
    if (layout && json_is_object(value))
        new_line(writing, level);
    return rc;
}

static int32_t put_element(struct writing *writing, const struct place *place, const char *name,
                           const json_t *value, size_t level, bool layout)
{
    if (!is_name(name))
        return fail_value(writing, place, "its name is no name in XML");
    const json_t *text = json_is_object(value) ? json_object_get(value, "#text") : value;
    bounded_char(&writing->out, '<');
    bounded_puts(&writing->out, name);
    int32_t rc = json_is_object(value) ? put_attributes(writing, place, value) : 0;
    if (rc < 0)
        return rc;
    if (is_empty(text) && !has_children(value)) {
        bounded_puts(&writing->out, "/>");
        return 0;
    }
    bounded_char(&writing->out, '>');
    rc = put_content(writing, place, value, level, layout);
    bounded_puts(&writing->out, "</");
    bounded_puts(&writing->out, name);
    bounded_char(&writing->out, '>');
    return rc;
}

/* ---- the document ---- */

static int32_t put_root_list(struct writing *writing, const struct place *top, const char *root,
                             const json_t *list)
{
    bounded_char(&writing->out, '<');
    bounded_puts(&writing->out, root);
    bounded_char(&writing->out, '>');
    int32_t rc = put_list(writing, top, ITEM, list, 1, true);
    new_line(writing, 0);
    bounded_puts(&writing->out, "</");
    bounded_puts(&writing->out, root);
    bounded_char(&writing->out, '>');
    return rc;
}

static bool is_root(const json_t *value)
{
    void *first = json_is_object(value) ? json_object_iter((json_t *)value) : NULL;
    return first && json_object_size(value) == 1 && is_name(json_object_iter_key(first)) &&
           !json_is_array(json_object_iter_value(first));
}

int32_t write_xml(struct writing *writing, const json_t *value)
{
    const char *root = llmspell_string(writing->params, "root");
    struct place top = {0};
    int32_t rc;
    if (is_root(value)) {
        void *first = json_object_iter((json_t *)value);
        struct place place = {.up = &top, .key = json_object_iter_key(first)};
        rc = put_element(writing, &place, place.key, json_object_iter_value(first), 0, true);
    } else if (json_is_array(value)) {
        rc = json_array_size(value) ? put_root_list(writing, &top, root, value)
                                    : put_element(writing, &top, root, json_null(), 0, true);
    } else {
        rc = put_element(writing, &top, root, value, 0, true);
    }
    if (writing->pretty)
        bounded_char(&writing->out, '\n');
    return rc;
}
