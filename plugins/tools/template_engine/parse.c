/* SPDX-License-Identifier: Apache-2.0
 * Reads Mustache into nodes: the core of mustache/spec, inheritance and dynamic names. Tags that
 * have a line for themselves take it away with them; parents count as one tag there. */
#include "template.h"

#define CHUNK_NODES 256
#define CANCEL_STEP 1024 /* tags between two looks at the cancel flag */

struct arena {
    struct arena *next;
    size_t used;
    struct node nodes[CHUNK_NODES];
};

struct parser {
    struct llmspell_call *call;
    struct span text;
    size_t at;
    struct span open; /* the delimiters */
    struct span close;
    struct template *tpl;
    size_t count; /* of nodes */
    unsigned depth;
    struct parse_error *error;
};

/* A tag as it stands in the text. */
struct tag {
    char sigil; /* one of # ^ / > < $ & { = !, or 0 */
    size_t start, end;
    struct span content; /* trimmed */
    bool left, right;    /* nothing but white space before, behind it on its line */
    size_t line_start;   /* if left: where the line starts */
    size_t line_end;     /* if right: behind its line ending */
};

/* The list that nodes are added to. */
struct list {
    struct node **tail;
};

void error_place(struct span text, size_t at, struct parse_error *error)
{
    error->line = error->column = 1;
    for (size_t i = 0; i < at && i < text.len; i++) {
        if (text.data[i] == '\n') {
            error->line++;
            error->column = 1;
        } else if (((unsigned char)text.data[i] & 0xC0) != 0x80) {
            error->column++;
        }
    }
}

__attribute__((format(printf, 4, 5))) static int32_t fail_parse(struct parser *p, int32_t code,
                                                                size_t at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(p->error->message, sizeof p->error->message, format, args);
    va_end(args);
    error_place(p->text, at, p->error);
    return code;
}

static int shown(struct span span)
{
    return span.len < 60 ? (int)span.len : 60;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span leading_space(struct span text)
{
    size_t len = 0;
    while (len < text.len && is_blank(text.data[len]))
        len++;
    return (struct span){text.data, len};
}

static struct span trim(struct span span)
{
    while (span.len > 0 && is_space(span.data[0]))
        span.data++, span.len--;
    while (span.len > 0 && is_space(span.data[span.len - 1]))
        span.len--;
    return span;
}

static struct span part(const struct parser *p, size_t from, size_t to)
{
    return (struct span){p->text.data + from, to - from};
}

/* The offset of needle at or behind from, or SIZE_MAX. */
static size_t find(const struct parser *p, size_t from, struct span needle)
{
    const char *at = memmem(p->text.data + from, p->text.len - from, needle.data, needle.len);
    return at ? (size_t)(at - p->text.data) : SIZE_MAX;
}

static bool starts_line(const struct parser *p, size_t at)
{
    return at == 0 || p->text.data[at - 1] == '\n';
}

static void look_around(const struct parser *p, struct tag *tag)
{
    size_t from = tag->start, to = tag->end;
    while (from > 0 && is_blank(p->text.data[from - 1]))
        from--;
    while (to < p->text.len && is_blank(p->text.data[to]))
        to++;
    tag->left = starts_line(p, from);
    tag->line_start = from;
    if (to + 1 < p->text.len && p->text.data[to] == '\r' && p->text.data[to + 1] == '\n')
        to++;
    tag->right = to == p->text.len || p->text.data[to] == '\n';
    tag->line_end = to < p->text.len ? to + 1 : to;
}

/* Reads the tag whose opening delimiter is at start. */
static int32_t read_tag(struct parser *p, size_t start, struct tag *ret)
{
    size_t inner = start + p->open.len;
    while (inner < p->text.len && is_space(p->text.data[inner]))
        inner++;
    char sigil = inner < p->text.len ? p->text.data[inner] : '\0';
    ret->sigil = sigil && strchr("#^/><$&{=!", sigil) ? sigil : '\0';
    ret->start = start;
    if (ret->sigil)
        inner++;
    char closing[256] = {ret->sigil == '{' ? '}' : '='};
    bool doubled = ret->sigil == '{' || ret->sigil == '=';
    memcpy(closing + doubled, p->close.data, p->close.len);
    struct span needle = {closing, p->close.len + doubled};
    size_t end = inner <= p->text.len ? find(p, inner, needle) : SIZE_MAX;
    if (end == SIZE_MAX)
        return fail_parse(p, LLMSPELL_EPARSE, start, "the tag is not closed: %.*s is missing",
                          (int)needle.len, closing);
    ret->content = trim(part(p, inner, end));
    ret->end = end + needle.len;
    look_around(p, ret);
    return 0;
}

static int32_t new_node(struct parser *p, struct list *list, enum node_type type, struct span text,
                        struct node **ret_node)
{
    struct arena *arena = p->tpl->arena;
    if (++p->count > NODES_MAX)
        return fail_parse(p, LLMSPELL_ELIMIT, p->at, "the template has more than %u parts",
                          NODES_MAX);
    if (!arena || arena->used == CHUNK_NODES) {
        arena = calloc(1, sizeof *arena);
        if (!arena)
            return LLMSPELL_ENOMEM;
        arena->next = p->tpl->arena;
        p->tpl->arena = arena;
    }
    struct node *node = &arena->nodes[arena->used++];
    *node = (struct node){.type = type, .text = text};
    *list->tail = node;
    list->tail = &node->next;
    *ret_node = node;
    return p->count % CANCEL_STEP ? 0 : llmspell_cancelled(p->call);
}

/* Adds text[from..to); empty text counts only as the start of a line. */
static int32_t add_text(struct parser *p, struct list *list, size_t from, size_t to,
                        bool even_empty)
{
    struct node *node = NULL;
    if (from >= to && !even_empty)
        return 0;
    int32_t rc = new_node(p, list, NODE_TEXT, part(p, from, to > from ? to : from), &node);
    if (rc == 0)
        node->at_start = starts_line(p, from);
    return rc;
}

static int32_t set_delimiters(struct parser *p, const struct tag *tag)
{
    struct span open = tag->content, close = tag->content;
    open.len = 0;
    while (open.len < tag->content.len && !is_space(open.data[open.len]))
        open.len++;
    close.data += open.len;
    close.len -= open.len;
    close = trim(close);
    bool bad = open.len == 0 || close.len == 0 || close.len > 200 || open.len > 200 ||
               memchr(open.data, '=', open.len) || memchr(close.data, '=', close.len);
    for (size_t i = 0; i < close.len; i++)
        bad |= is_space(close.data[i]);
    if (bad)
        return fail_parse(p, LLMSPELL_EPARSE, tag->start,
                          "a delimiter tag holds two delimiters without = and white space, as "
                          "{{=<%% %%>=}}");
    p->open = open;
    p->close = close;
    return 0;
}

/* The name in a tag; helpers and expressions of other engines have white space in theirs. */
static int32_t check_name(struct parser *p, const struct tag *tag, struct span name)
{
    if (name.len == 0)
        return fail_parse(p, LLMSPELL_EPARSE, tag->start, "the tag has no name");
    for (size_t i = 0; i < name.len; i++)
        if (is_space(name.data[i]))
            return fail_parse(p, LLMSPELL_EPARSE, tag->start,
                              "\"%.*s\" is not a name: it has white space in it (there are no "
                              "helpers)",
                              shown(name), name.data);
    return 0;
}

static int32_t parse_list(struct parser *p, struct node *parent, const struct tag *opening,
                          struct list list, struct tag *ret_end);

/* Everything between an opening tag and its end. */
static int32_t parse_children(struct parser *p, struct node *node, const struct tag *tag)
{
    struct list list = {&node->child};
    struct tag end = {0};
    if (p->depth == NESTING_MAX)
        return fail_parse(p, LLMSPELL_ELIMIT, tag->start, "tags are nested more than %d deep",
                          NESTING_MAX);
    p->depth++;
    int32_t rc = parse_list(p, node, tag, list, &end);
    p->depth--;
    if (rc == 0 && node->type == NODE_PARENT) {
        node->alone = tag->left && end.right;
        p->at = node->alone ? end.line_end : end.end;
    }
    return rc;
}

/* What a tag becomes; p->at is behind it. in_parent: a block is an argument there. */
static int32_t add_tag(struct parser *p, struct list *list, const struct tag *tag, bool in_parent)
{
    static const char sigils[] = "{&#^><$";
    static const enum node_type types[] = {NODE_RAW,     NODE_RAW,    NODE_SECTION, NODE_INVERTED,
                                           NODE_PARTIAL, NODE_PARENT, NODE_BLOCK};
    const char *sigil = tag->sigil ? strchr(sigils, tag->sigil) : NULL;
    enum node_type type = sigil ? types[sigil - sigils] : NODE_ESCAPED;
    struct span name = tag->content;
    struct node *node = NULL;
    bool partial = type == NODE_PARTIAL || type == NODE_PARENT;
    bool dynamic = partial && name.len > 0 && name.data[0] == '*';
    if (dynamic)
        name = trim((struct span){name.data + 1, name.len - 1});
    int32_t rc = check_name(p, tag, name);
    if (rc == 0)
        rc = new_node(p, list, type, name, &node);
    if (rc < 0)
        return rc;
    node->dynamic = dynamic;
    if (tag->left)
        node->indent = part(p, tag->line_start, tag->start);
    node->alone =
        type != NODE_ESCAPED && type != NODE_RAW && (tag->left || in_parent) && tag->right;
    p->at = node->alone ? tag->line_end : tag->end;
    if (type == NODE_PARENT)
        p->at = tag->end;
    rc = type >= NODE_SECTION && type != NODE_PARTIAL ? parse_children(p, node, tag) : 0;
    node->at_start = !node->alone && starts_line(p, tag->start);
    return rc;
}

static int32_t check_end(struct parser *p, const struct node *parent, const struct tag *opening,
                         const struct tag *end)
{
    if (!parent)
        return fail_parse(p, LLMSPELL_EPARSE, end->start, "{{/%.*s}} closes nothing",
                          shown(end->content), end->content.data);
    struct span name = opening->content;
    if (name.len != end->content.len || memcmp(name.data, end->content.data, name.len) != 0)
        return fail_parse(p, LLMSPELL_EPARSE, end->start,
                          "{{/%.*s}} stands where \"%.*s\" must be closed", shown(end->content),
                          end->content.data, shown(name), name.data);
    return 0;
}

/* Does the tag take its whole line away? A parent does so as a whole, which is known at its end. */
static bool is_alone(const struct tag *tag)
{
    return tag->left && tag->right && tag->sigil && !strchr("{&", tag->sigil);
}

/* The white space before a parent that may be alone is its indentation, if its end shows that. */
static bool parent_is_alone(const struct node *node)
{
    return node->type == NODE_PARENT && node->alone;
}

/* Adds the text before a tag and then the tag; *ret_done at the end tag of parent. */
static int32_t parse_tag(struct parser *p, struct node *parent, const struct tag *opening,
                         struct list *list, struct tag *tag, bool *ret_done)
{
    bool in_parent = parent && parent->type == NODE_PARENT;
    bool alone = is_alone(tag), parent_tag = tag->sigil == '<' && tag->left;
    bool argument_end = tag->sigil == '/' && parent && parent->type == NODE_BLOCK && tag->left;
    size_t from = p->at, to = alone || parent_tag || argument_end ? tag->line_start : tag->start;
    int32_t rc = add_text(p, list, from, to,
                          tag->sigil == '/' && !alone && !argument_end && starts_line(p, to) &&
                              from == to && from > 0);
    if (rc < 0)
        return rc;
    p->at = alone ? tag->line_end : tag->end;
    if (tag->sigil == '!')
        return alone ? 0 : add_text(p, list, tag->start, tag->start, starts_line(p, tag->start));
    if (tag->sigil == '=')
        return set_delimiters(p, tag);
    if (tag->sigil == '/') {
        *ret_done = true;
        return check_end(p, parent, opening, tag);
    }
    struct node **place = list->tail;
    rc = add_tag(p, list, tag, in_parent);
    struct node *node = *place;
    if (rc < 0 || !parent_tag || parent_is_alone(node) || tag->line_start == tag->start)
        return rc;
    /* It was not alone: its white space is text after all, and goes before it. */
    struct list before = {place};
    rc = add_text(p, &before, tag->line_start, tag->start, false);
    (*place)->next = node;
    node->at_start = false;
    list->tail = &node->next;
    return rc;
}

static int32_t parse_list(struct parser *p, struct node *parent, const struct tag *opening,
                          struct list list, struct tag *ret_end)
{
    for (bool done = false; !done;) {
        size_t start = find(p, p->at, p->open);
        if (start == SIZE_MAX && parent)
            return fail_parse(p, LLMSPELL_EPARSE, opening->start,
                              "\"%.*s\" is opened here and never closed", shown(opening->content),
                              opening->content.data);
        if (start == SIZE_MAX)
            return add_text(p, &list, p->at, p->text.len, false);
        struct tag tag = {0};
        int32_t rc = read_tag(p, start, &tag);
        if (rc == 0)
            rc = parse_tag(p, parent, opening, &list, &tag, &done);
        if (rc < 0)
            return rc;
        *ret_end = tag;
    }
    return 0;
}

int32_t template_parse(struct llmspell_call *call, struct span text, struct template *ret,
                       struct parse_error *ret_error)
{
    struct parser p = {.call = call,
                       .text = text,
                       .open = {"{{", 2},
                       .close = {"}}", 2},
                       .tpl = ret,
                       .error = ret_error};
    struct tag none = {0};
    return parse_list(&p, NULL, NULL, (struct list){&ret->root}, &none);
}

void template_clear(struct template *tpl)
{
    while (tpl->arena) {
        struct arena *next = tpl->arena->next;
        free(tpl->arena);
        tpl->arena = next;
    }
    tpl->root = NULL;
}
