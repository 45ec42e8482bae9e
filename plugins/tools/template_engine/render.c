/* SPDX-License-Identifier: Apache-2.0
 * Renders parsed templates. Indentation of partials is added where a line of their text starts,
 * never inside values; blocks lose theirs where they are defined and get that of the place where
 * they are put in. */
#include <stdint.h>

#include "template.h"

#define CANCEL_STEP 1024 /* nodes between two looks at the cancel flag */

/* A partial, parsed when it is first used. */
struct partial {
    struct partial *next;
    const char *name;
    struct template tpl;
};

struct renderer {
    struct rendering *r;
    const json_t *stack[NESTING_MAX + 2]; /* contexts, the innermost last */
    size_t stacked;
    const json_t *parents[NESTING_MAX + 2]; /* arguments that parents give, the outermost first */
    size_t parent_count;
    unsigned depth;
    unsigned steps;
    struct text_buffer indent; /* of all partials around; only [indent_from..] counts */
    size_t indent_from;
    struct span dedent; /* what lines of the block's text lose */
    bool line_is_begun; /* the indentation of the next line start is there already */
    struct partial *partials;
    json_t *parsed;    /* name → address of the partial */
    json_t *arguments; /* address of a parent → {name → address of the block} */
};

static json_t *address_json(const void *address)
{
    return json_integer((json_int_t)(intptr_t)address);
}

static const void *json_address(const json_t *json)
{
    return (const void *)(intptr_t)json_integer_value(json);
}

static const json_t *look_up(const struct renderer *s, struct span name)
{
    if (name.len == 1 && name.data[0] == '.')
        return s->stack[s->stacked - 1];
    struct span rest, first = name_first(name, &rest);
    const json_t *value = NULL;
    if (first.len == 0) /* .name: of the innermost context only */
        return value_walk(s->stack[s->stacked - 1], rest);
    for (size_t i = s->stacked; i > 0 && !value; i--)
        value = json_object_getn(s->stack[i - 1], first.data, first.len);
    return value_walk(value, rest);
}

static void begin_line(struct renderer *s)
{
    if (!s->line_is_begun)
        text_buffer_add(&s->r->out, s->indent.data + s->indent_from,
                        s->indent.len - s->indent_from);
    s->line_is_begun = false;
}

/* Without the white space that the block's lines lose. */
static struct span dedented(const struct renderer *s, struct span text)
{
    size_t n = 0;
    while (n < s->dedent.len && n < text.len && text.data[n] == s->dedent.data[n])
        n++;
    return (struct span){text.data + n, text.len - n};
}

static void render_text(struct renderer *s, const struct node *node)
{
    struct span rest = node->text;
    bool start = node->at_start;
    if (s->indent.len == s->indent_from && s->dedent.len == 0) {
        s->line_is_begun = false;
        text_buffer_add(&s->r->out, rest.data, rest.len);
        return;
    }
    do {
        if (start) {
            begin_line(s);
            rest = dedented(s, rest);
        }
        const char *newline = memchr(rest.data, '\n', rest.len);
        size_t len = newline ? (size_t)(newline - rest.data) + 1 : rest.len;
        text_buffer_add(&s->r->out, rest.data, len);
        rest.data += len;
        rest.len -= len;
        start = true;
    } while (rest.len > 0);
    s->line_is_begun = false;
}

static int32_t render_list(struct renderer *s, const struct node *node);

static int32_t render_nested(struct renderer *s, const struct node *node)
{
    if (s->depth == NESTING_MAX)
        return llmspell_fail_at(s->r->call, LLMSPELL_ELIMIT, "/input",
                                "sections and partials are nested more than %d deep; does a "
                                "partial include itself without end?",
                                NESTING_MAX);
    s->depth++;
    int32_t rc = render_list(s, node);
    s->depth--;
    return rc;
}

/* ---- sections ---- */

static int32_t render_item(struct renderer *s, const struct node *node, const json_t *item)
{
    s->stack[s->stacked++] = item;
    int32_t rc = render_nested(s, node->child);
    s->stacked--;
    return rc;
}

static int32_t render_section(struct renderer *s, const struct node *node)
{
    const json_t *value = look_up(s, node->text);
    if (!value_is_true(value))
        return 0;
    if (!json_is_array(value))
        return render_item(s, node, value);
    int32_t rc = 0;
    for (size_t i = 0; rc == 0 && i < json_array_size(value); i++)
        rc = render_item(s, node, json_array_get(value, i));
    return rc;
}

/* ---- partials ---- */

static int32_t fail_partial(struct renderer *s, const char *name, int32_t code,
                            const struct parse_error *error)
{
    char pointer[300] = "/partials/";
    size_t n = strlen(pointer);
    for (; *name && n + 3 < sizeof pointer; name++) {
        if (*name == '~' || *name == '/')
            pointer[n++] = '~';
        pointer[n++] = *name == '~' ? '0' : *name == '/' ? '1' : *name;
    }
    pointer[n] = '\0';
    if (code != LLMSPELL_EPARSE && code != LLMSPELL_ELIMIT)
        return code == LLMSPELL_ENOMEM ? llmspell_fail(s->r->call, code, "out of memory") : code;
    return llmspell_fail_at(s->r->call, code, pointer, "%s (line %zu, column %zu)", error->message,
                            error->line, error->column);
}

/* *ret NULL if there is none of that name. */
static int32_t find_partial(struct renderer *s, struct span name, const struct template **ret)
{
    const json_t *text = json_object_getn(s->r->partials, name.data, name.len);
    *ret = NULL;
    if (!text) {
        set_add(s->r->missing_partials, name);
        return 0;
    }
    const json_t *known = json_object_getn(s->parsed, name.data, name.len);
    if (known) {
        *ret = &((const struct partial *)json_address(known))->tpl;
        return 0;
    }
    struct partial *partial = calloc(1, sizeof *partial + name.len + 1);
    if (!partial)
        return llmspell_fail(s->r->call, LLMSPELL_ENOMEM, "out of memory");
    partial->name = memcpy(partial + 1, name.data, name.len);
    partial->next = s->partials;
    s->partials = partial;
    json_object_setn_new_nocheck(s->parsed, name.data, name.len, address_json(partial));
    struct parse_error error;
    int32_t rc =
        template_parse(s->r->call, (struct span){json_string_value(text), json_string_length(text)},
                       &partial->tpl, &error);
    *ret = &partial->tpl;
    return rc < 0 ? fail_partial(s, partial->name, rc, &error) : 0;
}

/* Where the lines of a partial or of a block start. */
struct margin {
    size_t from, len;
    struct span dedent;
};

/* alone: indent is added to the indentation around; else lines have none. */
static struct margin set_margin(struct renderer *s, bool alone, struct span indent,
                                struct span dedent)
{
    struct margin old = {s->indent_from, s->indent.len, s->dedent};
    if (alone)
        text_buffer_add(&s->indent, indent.data, indent.len);
    else
        s->indent_from = s->indent.len;
    if (s->indent.error)
        s->r->out.error = s->indent.error;
    s->dedent = dedent;
    return old;
}

static void reset_margin(struct renderer *s, struct margin old)
{
    s->indent_from = old.from;
    s->indent.len = old.len;
    s->dedent = old.dedent;
    s->line_is_begun = false;
}

/* The blocks of a parent by their names, collected once; of several with one name the first. NULL
 * without memory. */
static const json_t *parent_arguments(struct renderer *s, const struct node *parent)
{
    char key[32];
    snprintf(key, sizeof key, "%p", (const void *)parent);
    const json_t *known = json_object_get(s->arguments, key);
    if (known)
        return known;
    json_t *blocks = json_object();
    if (json_object_set_new(s->arguments, key, blocks) != 0)
        return NULL;
    for (const struct node *node = parent->child; node; node = node->next)
        if (node->type == NODE_BLOCK &&
            !json_object_getn(blocks, node->text.data, node->text.len) &&
            json_object_setn_new_nocheck(blocks, node->text.data, node->text.len,
                                         address_json(node)) != 0)
            return NULL;
    return blocks;
}

static int32_t render_partial(struct renderer *s, const struct node *node)
{
    struct span name = node->text;
    const struct template *tpl = NULL;
    if (node->dynamic) {
        const json_t *value = look_up(s, name);
        if (!value)
            set_add(s->r->missing, name);
        if (!json_is_string(value))
            return 0;
        name = (struct span){json_string_value(value), json_string_length(value)};
    }
    int32_t rc = find_partial(s, name, &tpl);
    if (rc < 0 || !tpl)
        return rc;
    const json_t *arguments = node->type == NODE_PARENT ? parent_arguments(s, node) : NULL;
    if (node->type == NODE_PARENT && !arguments)
        return llmspell_fail(s->r->call, LLMSPELL_ENOMEM, "out of memory");
    struct span indent = dedented(s, node->indent);
    struct margin old = set_margin(s, node->alone, indent, (struct span){NULL, 0});
    if (arguments)
        s->parents[s->parent_count++] = arguments;
    rc = render_nested(s, tpl->root);
    if (arguments)
        s->parent_count--;
    reset_margin(s, old);
    return rc;
}

/* ---- blocks ---- */

static struct span content_indent(const struct node *block)
{
    const struct node *first = block->child;
    if (!block->alone || !first)
        return (struct span){NULL, 0};
    return first->type == NODE_TEXT ? leading_space(first->text) : first->indent;
}

/* The argument for a block: of the outermost parent that has one. */
static const struct node *find_argument(const struct renderer *s, struct span name, size_t *ret_at)
{
    for (size_t i = 0; i < s->parent_count; i++) {
        const json_t *found = json_object_getn(s->parents[i], name.data, name.len);
        if (!found)
            continue;
        *ret_at = i;
        return json_address(found);
    }
    return NULL;
}

static int32_t render_block(struct renderer *s, const struct node *block)
{
    size_t at = 0, count = s->parent_count;
    const struct node *argument = find_argument(s, block->text, &at);
    if (!argument)
        return render_nested(s, block->child);
    struct span indent = block->indent, own = content_indent(block);
    if (block->alone && own.len > 0)
        indent = own;
    indent = dedented(s, indent);
    struct margin old = set_margin(s, indent.data != NULL, indent, content_indent(argument));
    if (block->alone && !argument->alone)
        begin_line(s);
    s->line_is_begun = !block->alone && argument->alone;
    s->parent_count = at; /* blocks in an argument are those of the template that gave it */
    int32_t rc = render_nested(s, argument->child);
    s->parent_count = count;
    reset_margin(s, old);
    return rc;
}

/* ---- all ---- */

static int32_t render_node(struct renderer *s, const struct node *node)
{
    const json_t *value;
    if (node->at_start && node->type != NODE_TEXT)
        begin_line(s);
    switch (node->type) {
    case NODE_TEXT:
        render_text(s, node);
        return 0;
    case NODE_SECTION:
        return render_section(s, node);
    case NODE_INVERTED:
        return value_is_true(look_up(s, node->text)) ? 0 : render_nested(s, node->child);
    case NODE_PARTIAL:
    case NODE_PARENT:
        return render_partial(s, node);
    case NODE_BLOCK:
        return render_block(s, node);
    default:
        value = look_up(s, node->text);
        if (!value)
            set_add(s->r->missing, node->text);
        value_add(&s->r->out, value, node->type == NODE_RAW ? NULL : s->r->escape);
        return 0;
    }
}

static int32_t render_list(struct renderer *s, const struct node *node)
{
    int32_t rc = 0;
    for (; rc == 0 && node; node = node->next) {
        rc = render_node(s, node);
        if (rc == 0 && s->r->out.error)
            rc = text_buffer_check(s->r->call, &s->r->out);
        if (rc == 0 && ++s->steps % CANCEL_STEP == 0)
            rc = llmspell_cancelled(s->r->call);
    }
    return rc;
}

int32_t mustache_render(struct rendering *rendering, const struct template *tpl)
{
    struct renderer s = {.r = rendering, .stack = {rendering->context}, .stacked = 1};
    s.indent.limit = OUTPUT_MAX;
    s.parsed = json_object();
    s.arguments = json_object();
    int32_t rc = render_list(&s, tpl->root);
    while (s.partials) {
        struct partial *next = s.partials->next;
        template_clear(&s.partials->tpl);
        free(s.partials);
        s.partials = next;
    }
    json_decref(s.parsed);
    json_decref(s.arguments);
    text_buffer_free(&s.indent);
    return rc;
}
