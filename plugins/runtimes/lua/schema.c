/* SPDX-License-Identifier: Apache-2.0
 * Types, literals and signatures out of a JSON Schema (see schema.h). */
#include "schema.h"

#include <string.h>

#include "lexer.h"

#define TYPE_MAX 60
#define LITERAL_DEPTH 6

static void add_type_list(const json_t *types, struct text *out)
{
    size_t i;
    json_t *type;
    json_array_foreach(types, i, type)
    {
        if (i > 0)
            text_puts(out, "|");
        text_puts(out, json_is_string(type) ? json_string_value(type) : "any");
    }
}

static void add_choices(const json_t *choices, struct text *out)
{
    size_t i, start = out->size;
    json_t *choice;
    json_array_foreach(choices, i, choice)
    {
        if (i > 0)
            text_puts(out, "|");
        if (out->size - start > TYPE_MAX) {
            text_puts(out, "…");
            return;
        }
        schema_literal(choice, out, TYPE_MAX);
    }
}

void schema_type(const json_t *property, struct text *out)
{
    const json_t *type = json_object_get(property, "type");
    const json_t *choices = json_object_get(property, "enum");
    const json_t *constant = json_object_get(property, "const");
    const char *items = llmspell_string(json_object_get(property, "items"), "type");
    if (json_array_size(choices) > 0) {
        add_choices(choices, out);
    } else if (constant) {
        schema_literal(constant, out, TYPE_MAX);
    } else if (json_is_string(type)) {
        text_puts(out, json_string_value(type));
        if (items && strcmp(json_string_value(type), "array") == 0)
            text_format(out, " of %.40s", items);
    } else if (json_array_size(type) > 0) {
        add_type_list(type, out);
    } else {
        text_puts(out, "any");
    }
}

int schema_required(const json_t *schema, const char *name)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(schema, "required"), i, entry)
    {
        if (json_is_string(entry) && strcmp(json_string_value(entry), name) == 0)
            return 1;
    }
    return 0;
}

static void add_string(const char *data, size_t size, struct text *out, size_t max)
{
    size_t shown = size > max ? max : size;
    while (shown > 0 && shown < size && ((unsigned char)data[shown] & 0xc0) == 0x80)
        shown--;
    text_puts(out, "\"");
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)data[i];
        if (c == '"' || c == '\\')
            text_format(out, "\\%c", c);
        else if (c == '\n')
            text_puts(out, "\\n");
        else if (c < 32 || c == 127)
            text_format(out, "\\%03d", c);
        else
            text_add(out, data + i, 1);
    }
    text_puts(out, shown < size ? "…\"" : "\"");
}

static int is_name(const char *key)
{
    struct lexer lexer = {.text = key, .size = strlen(key)};
    struct token token = lexer_next(&lexer);
    return token.kind == TOKEN_NAME && token.start == 0 && token.end == lexer.size;
}

struct literal {
    struct text *out;
    size_t end; /* of out, beyond which values become "…" */
};

static void add_value(struct literal *literal, const json_t *value, int depth);

static void add_container(struct literal *literal, const json_t *value, int depth)
{
    struct text *out = literal->out;
    const char *key, *comma = "";
    json_t *item;
    size_t i;
    text_puts(out, "{");
    json_array_foreach(value, i, item)
    {
        text_puts(out, comma);
        comma = ", ";
        add_value(literal, item, depth + 1);
        if (out->size > literal->end)
            break;
    }
    json_object_foreach((json_t *)(uintptr_t)value, key, item)
    {
        text_puts(out, comma);
        comma = ", ";
        if (!is_name(key))
            text_puts(out, "[");
        if (is_name(key))
            text_puts(out, key);
        else
            add_string(key, strlen(key), out, TYPE_MAX);
        text_puts(out, is_name(key) ? " = " : "] = ");
        add_value(literal, item, depth + 1);
        if (out->size > literal->end)
            break;
    }
    text_puts(out, "}");
}

static void add_value(struct literal *literal, const json_t *value, int depth)
{
    struct text *out = literal->out;
    if (out->size > literal->end || depth > LITERAL_DEPTH)
        text_puts(out, "…");
    else if (json_is_string(value))
        add_string(json_string_value(value), json_string_length(value), out,
                   literal->end - out->size);
    else if (json_is_integer(value))
        text_format(out, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        text_format(out, "%.14g", json_real_value(value));
    else if (json_is_boolean(value))
        text_puts(out, json_is_true(value) ? "true" : "false");
    else if (json_is_object(value) || json_is_array(value))
        add_container(literal, value, depth);
    else
        text_puts(out, "JSON.null");
}

void schema_literal(const json_t *value, struct text *out, size_t max)
{
    struct literal literal = {out, out->size + max};
    add_value(&literal, value, 0);
}

void schema_signature(const json_t *schema, struct text *out)
{
    const char *name, *comma = "";
    json_t *property;
    text_puts(out, "{");
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        text_format(out, "%s%.100s%s: ", comma, name, schema_required(schema, name) ? "" : "?");
        schema_type(property, out);
        comma = ", ";
    }
    text_puts(out, "}");
}
