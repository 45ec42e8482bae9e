/* SPDX-License-Identifier: Apache-2.0
 * build: XML from the compact form. */
#include <math.h>

#include "xml.h"

struct builder {
    struct job *job;
    struct byte_buffer out;
    struct byte_buffer place; /* JSON pointer to where we are */
    int indent;
};

static void builder_clear(struct builder *builder)
{
    buffer_clear(&builder->out);
    buffer_clear(&builder->place);
}

static int32_t wrong(const struct builder *builder, const char *what)
{
    return llmspell_fail_at(builder->job->call, LLMSPELL_EINVAL, builder->place.data, "%.300s %s",
                            builder->place.data, what);
}

static void enter(struct builder *builder, const char *key)
{
    buffer_char(&builder->place, '/');
    for (; *key; key++) {
        if (*key == '~' || *key == '/')
            buffer_puts(&builder->place, *key == '~' ? "~0" : "~1");
        else
            buffer_char(&builder->place, *key);
    }
}

static void leave(struct builder *builder, size_t size)
{
    builder->place.size = size;
    if (builder->place.data)
        builder->place.data[size] = '\0';
}

/* ---- text ---- */

static bool is_character(const unsigned char *c)
{
    if (*c < 0x20)
        return *c == '\t' || *c == '\n' || *c == '\r';
    return !(c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE); /* U+FFFE, U+FFFF */
}

static int32_t put_string(struct builder *builder, const json_t *value, bool attribute)
{
    const char *text = json_string_value(value);
    bool ok = strlen(text) == json_string_length(value);
    for (const char *c = text; ok && *c; c++)
        ok = is_character((const unsigned char *)c);
    if (!ok)
        return wrong(builder, "holds a control character, which XML cannot");
    write_escaped(&builder->out, text, attribute);
    return 0;
}

/* Anything but objects and arrays. */
static int32_t put_scalar(struct builder *builder, const json_t *value, bool attribute)
{
    char number[REAL_TEXT_SIZE];
    if (json_is_string(value))
        return put_string(builder, value, attribute);
    if (json_is_integer(value)) {
        buffer_printf(&builder->out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        number_text(json_real_value(value), number);
        buffer_puts(&builder->out, number);
    } else if (json_is_boolean(value)) {
        buffer_puts(&builder->out, json_is_true(value) ? "true" : "false");
    }
    return 0;
}

static bool is_container(const json_t *value)
{
    return json_is_object(value) || json_is_array(value);
}

static int32_t check_name(const struct builder *builder, const char *name)
{
    if (xmlValidateQName((const xmlChar *)name, 0) == 0)
        return 0;
    return wrong(builder, "is not a name in XML");
}

/* ---- elements ---- */

static int32_t put_element(struct builder *builder, const char *name, const json_t *value,
                           int depth, bool layout);

static int32_t put_attributes(struct builder *builder, const json_t *object)
{
    const char *key;
    json_t *value;
    size_t size = builder->place.size;
    int32_t rc = 0;
    json_object_foreach((json_t *)object, key, value)
    {
        if (rc < 0 || *key != '@')
            continue;
        enter(builder, key);
        rc = is_container(value) ? wrong(builder, "is an attribute, which has one value")
                                 : check_name(builder, key + 1);
        if (rc < 0)
            break;
        buffer_printf(&builder->out, " %s=\"", key + 1);
        rc = put_scalar(builder, value, true);
        buffer_char(&builder->out, '"');
        if (rc == 0)
            leave(builder, size);
    }
    return rc;
}

static int32_t put_own_text(struct builder *builder, const json_t *object)
{
    const json_t *text = json_object_get(object, "#text");
    size_t size = builder->place.size;
    if (!text)
        return 0;
    enter(builder, "#text");
    int32_t rc = is_container(text) ? wrong(builder, "is text, which has one value")
                                    : put_scalar(builder, text, false);
    if (rc == 0)
        leave(builder, size);
    return rc;
}

/* One member: an element, or one for each entry of an array. */
static int32_t put_member(struct builder *builder, const char *key, const json_t *value, int depth,
                          bool layout)
{
    size_t size = builder->place.size, i;
    json_t *item;
    int32_t rc = 0;
    enter(builder, key);
    if (!json_is_array(value)) {
        if (layout)
            write_new_line(&builder->out, builder->indent, depth);
        rc = put_element(builder, key, value, depth, layout);
    }
    json_array_foreach(value, i, item)
    {
        char index[24];
        size_t inner = builder->place.size;
        snprintf(index, sizeof index, "%zu", i);
        enter(builder, index);
        if (layout)
            write_new_line(&builder->out, builder->indent, depth);
        rc = json_is_array(item) ? wrong(builder, "is a list in a list, which XML cannot show")
                                 : put_element(builder, key, item, depth, layout);
        if (rc < 0)
            return rc;
        leave(builder, inner);
    }
    if (rc == 0)
        leave(builder, size);
    return rc;
}

static bool has_children(const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        bool empty = json_is_array(value) && json_array_size(value) == 0;
        if (*key != '@' && strcmp(key, "#text") != 0 && !empty)
            return true;
    }
    return false;
}

static bool has_text(const json_t *value)
{
    const json_t *text = json_is_object(value) ? json_object_get(value, "#text") : value;
    return text && !json_is_null(text) && !(json_is_string(text) && json_string_length(text) == 0);
}

/* What stands between the tags. Beside text there is no layout, nor in what stands there. */
static int32_t put_content(struct builder *builder, const json_t *value, int depth, bool layout)
{
    const char *key;
    json_t *member;
    layout = layout && !has_text(value);
    if (!json_is_object(value))
        return put_scalar(builder, value, false);
    int32_t rc = put_own_text(builder, value);
    json_object_foreach((json_t *)value, key, member)
    {
        if (rc == 0 && *key != '@' && strcmp(key, "#text") != 0)
            rc = put_member(builder, key, member, depth + 1, layout);
    }
    if (rc == 0 && layout)
        write_new_line(&builder->out, builder->indent, depth);
    return rc;
}

static int32_t put_element(struct builder *builder, const char *name, const json_t *value,
                           int depth, bool layout)
{
    int32_t rc = check_name(builder, name);
    if (rc == 0)
        rc = llmspell_cancelled(builder->job->call);
    if (rc < 0)
        return rc;
    buffer_printf(&builder->out, "<%s", name);
    rc = put_attributes(builder, value);
    if (rc < 0)
        return rc;
    if (!has_children(value) && !has_text(value)) {
        buffer_puts(&builder->out, "/>");
        return 0;
    }
    buffer_char(&builder->out, '>');
    rc = put_content(builder, value, depth, layout);
    buffer_printf(&builder->out, "</%s>", name);
    return rc;
}

int32_t build_run(struct job *job, json_t **ret_result)
{
    __attribute__((cleanup(builder_clear))) struct builder builder = {
        .job = job, .indent = (int)llmspell_integer(job->params, "indent", 2)};
    json_t *value = json_object_get(job->params, "value");
    void *first = json_object_iter(value);
    enter(&builder, "value");
    if (json_object_size(value) != 1 || json_is_array(json_object_iter_value(first)))
        return wrong(&builder, "must have one member, the root element");
    const char *name = json_object_iter_key(first);
    enter(&builder, name);
    int32_t rc = put_element(&builder, name, json_object_iter_value(first), 0, true);
    if (rc < 0)
        return rc;
    if (builder.out.failed || builder.place.failed)
        return job_no_memory(job);
    return llmspell_return(
        job->call, ret_result,
        json_pack("{s:o}", "output", json_stringn(builder.out.data, builder.out.size)));
}
