/* SPDX-License-Identifier: Apache-2.0
 * A tool, from its manifest: what it does, its parameters, an example. */
#include <string.h>

#include "inspect.h"
#include "schema.h"

#define DEFAULT_MAX 60
#define EXAMPLE_MAX 2000

static void fact(struct inspection *in, const char *label, const char *member)
{
    const char *text = llmspell_string(in->manifest, member);
    if (text && *text)
        sheet_fact(&in->sheet, label, text, strlen(text));
}

/* "string, required" or "integer, default 0" */
static void describe_type(const json_t *schema, const char *name, const json_t *property,
                          struct text *out)
{
    const json_t *fallback = json_object_get(property, "default");
    schema_type(property, out);
    if (schema_required(schema, name))
        text_puts(out, ", required");
    if (!fallback)
        return;
    text_puts(out, ", default ");
    schema_literal(fallback, out, DEFAULT_MAX);
}

static void add_row(struct inspection *in, const json_t *schema, const char *name,
                    const json_t *property)
{
    struct text cells[3] = {{NULL, 0, 0, 0}};
    const char *about = llmspell_string(property, "description");
    text_puts(&cells[0], name);
    text_puts(&cells[1], "(");
    describe_type(schema, name, property, &cells[1]);
    text_puts(&cells[1], ")");
    text_puts(&cells[2], about ? about : "");
    sheet_row(&in->sheet, cells, 3);
    for (int i = 0; i < 3; i++)
        text_free(&cells[i]);
}

static void add_parameters(struct inspection *in, const json_t *schema)
{
    static const char *const HEAD[] = {"parameter", "type", "meaning"};
    const char *name;
    json_t *property;
    sheet_heading(&in->sheet, "Parameters");
    sheet_head(&in->sheet, HEAD, 3);
    json_object_foreach(json_object_get(schema, "properties"), name, property)
    {
        add_row(in, schema, name, property);
    }
    sheet_end(&in->sheet);
}

static void add_example(struct inspection *in, const char *name)
{
    const json_t *example = json_array_get(json_object_get(in->manifest, "examples"), 0);
    const json_t *params = json_object_get(example, "params");
    if (!json_is_object(params))
        return;
    in->value.size = 0;
    text_format(&in->value, "Tool.%.100s", name);
    schema_literal(params, &in->value, EXAMPLE_MAX);
    if (in->value.failed)
        return;
    sheet_heading(&in->sheet, "Example");
    sheet_code(&in->sheet, in->value.data, in->value.size);
}

void inspect_tool(struct inspection *in)
{
    const char *name = llmspell_string(in->manifest, "name");
    const char *about = llmspell_string(in->manifest, "description");
    const json_t *schema = json_object_get(in->manifest, "parameters");
    in->title.size = 0;
    text_format(&in->title, "Tool.%.100s{…}", name ? name : "");
    if (in->title.failed)
        return;
    sheet_title(&in->sheet, in->title.data, in->title.size);
    fact(in, "Tool", "name");
    fact(in, "Title", "title");
    fact(in, "Category", "category");
    fact(in, "Version", "version");
    fact(in, "Level", "level");
    if (about)
        sheet_paragraph(&in->sheet, about, strlen(about));
    if (json_object_size(json_object_get(schema, "properties")) > 0)
        add_parameters(in, schema);
    add_example(in, name ? name : "");
    in->found = 1;
}

void inspect_parameter(struct inspection *in, const char *name, const json_t *schema)
{
    const json_t *property = json_object_get(json_object_get(schema, "properties"), name);
    const char *about = llmspell_string(property, "description");
    const char *tool = llmspell_string(in->manifest, "name");
    if (!property)
        return;
    sheet_title(&in->sheet, name, strlen(name));
    if (tool)
        sheet_fact(&in->sheet, "Tool", tool, strlen(tool));
    in->value.size = 0;
    describe_type(schema, name, property, &in->value);
    if (!in->value.failed)
        sheet_fact(&in->sheet, "Type", in->value.data, in->value.size);
    if (about)
        sheet_paragraph(&in->sheet, about, strlen(about));
    in->found = 1;
}
