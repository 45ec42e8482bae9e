/* SPDX-License-Identifier: Apache-2.0
 * What the sources of template_engine share: parsed templates, the renderer's state, values as
 * text. Spans point into the text of a template, which outlives them. */
#ifndef TEMPLATE_ENGINE_TEMPLATE_H
#define TEMPLATE_ENGINE_TEMPLATE_H

#include <stdbool.h>

#include <llmspell/tool.h>

#include "../shared/json_text.h"

#define OUTPUT_MAX (10u << 20) /* bytes (TOOLS.md) */
#define NESTING_MAX 100        /* of sections, partials, parents and blocks (TOOLS.md) */
#define NODES_MAX 1000000u     /* of one template: bounds its memory */

struct span {
    const char *data;
    size_t len;
};

enum node_type {
    NODE_TEXT,
    NODE_ESCAPED,
    NODE_RAW,
    NODE_SECTION,
    NODE_INVERTED,
    NODE_PARTIAL,
    NODE_PARENT,
    NODE_BLOCK
};

struct node {
    enum node_type type;
    bool dynamic;       /* {{>*name}} */
    bool at_start;      /* begins a line that is not removed: indentation goes before it */
    bool alone;         /* the (opening) tag has its lines for itself; in a parent: a block whose
                           content begins on the next line */
    struct span text;   /* the text, or the name */
    struct span indent; /* white space before the tag, if nothing else is before it on its line */
    struct node *child; /* the first one */
    struct node *next;
};

struct template
{
    struct node *root;
    struct arena *arena;
};

struct parse_error {
    char message[256];
    size_t line;
    size_t column; /* in code points */
};

/* ---- parse.c ---- */

/* 0, LLMSPELL_EPARSE or LLMSPELL_ELIMIT with *ret_error, LLMSPELL_ENOMEM, or the code of a
 * cancellation. */
int32_t template_parse(struct llmspell_call *call, struct span text, struct template *ret,
                       struct parse_error *ret_error);
void template_clear(struct template *tpl);
/* Fills in line and column of offset at in text. */
void error_place(struct span text, size_t at, struct parse_error *error);
struct span leading_space(struct span text);

/* ---- value.c ---- */

typedef void (*escape_fn)(struct text_buffer *out, const char *text, size_t size);
escape_fn escape_find(const char *name);
/* Adds value as a template shows it; escape may be NULL. */
void value_add(struct text_buffer *out, const json_t *value, escape_fn escape);
/* The member of object (which may be anything) that a dotted name leads to, or NULL. */
const json_t *value_walk(const json_t *value, struct span name);
/* Cuts the first part off a dotted name; rest->data is NULL if there is none. */
struct span name_first(struct span name, struct span *ret_rest);
bool value_is_true(const json_t *value);

/* ---- render.c, simple.c ---- */

/* What a rendering needs and what it finds. */
struct rendering {
    struct llmspell_call *call;
    const json_t *context;
    const json_t *partials;
    escape_fn escape;
    struct text_buffer out;
    json_t *missing;          /* set of names: of the context … */
    json_t *missing_partials; /* … and of partials */
};

/* 0 or a negative code with the call's error set. */
int32_t mustache_render(struct rendering *rendering, const struct template *tpl);
/* Simple templates are rendered as they are read: names, if not NULL, collects them instead. */
int32_t simple_render(struct rendering *rendering, struct span text, json_t *names,
                      struct parse_error *ret_error);

/* ---- names.c ---- */

/* {variables, sections, partials}, sorted. */
json_t *template_names(const struct template *tpl);
/* The keys of a set, sorted by code point. */
json_t *sorted_keys(const json_t *set);
void set_add(json_t *set, struct span name);

#endif
