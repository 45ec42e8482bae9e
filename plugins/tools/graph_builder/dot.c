/* SPDX-License-Identifier: Apache-2.0
 * The part of the dot language that import reads: node and edge statements with attribute lists,
 * all ways to write an id, comments. Of the attributes label and weight count, for edges also as
 * defaults (edge [weight=2]). */
#include "graph.h"

#include <math.h>
#include <strings.h>

enum { END, ID, ARROW, LINE, OTHER };

struct attributes {
    json_t *label;
    double weight;
};

struct dot {
    struct job *job;
    const char *at, *end;
    unsigned line;
    int token;
    char other;              /* of OTHER */
    bool quoted;             /* of ID */
    struct byte_buffer text; /* of ID */
    struct attributes edges; /* what `edge [...]` gave all that come later */
};

static void attributes_clear(struct attributes *attributes)
{
    json_decref(attributes->label);
}

static void dot_clear(struct dot *dot)
{
    buffer_clear(&dot->text);
    attributes_clear(&dot->edges);
}

__attribute__((format(printf, 2, 3))) static int32_t wrong(struct dot *dot, const char *format, ...)
{
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    return llmspell_fail_at(dot->job->call, LLMSPELL_EPARSE, "/input", "%s (line %u)", message,
                            dot->line);
}

/* ---- tokens ---- */

static bool looking_at(const struct dot *dot, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(dot->end - dot->at) >= size && memcmp(dot->at, text, size) == 0;
}

static void skip_to(struct dot *dot, const char *text)
{
    while (dot->at < dot->end && !looking_at(dot, text))
        dot->line += *dot->at++ == '\n';
}

static int32_t skip_blank(struct dot *dot)
{
    for (;;) {
        if (dot->at < dot->end && *dot->at && strchr(" \t\r\n", *dot->at)) {
            dot->line += *dot->at++ == '\n';
        } else if (looking_at(dot, "//") || looking_at(dot, "#")) {
            skip_to(dot, "\n");
        } else if (looking_at(dot, "/*")) {
            skip_to(dot, "*/");
            if (dot->at == dot->end)
                return wrong(dot, "a comment has no end");
            dot->at += 2;
        } else {
            return 0;
        }
    }
}

/* \" and \\ are one character, \n is a line break; a backslash before a line break joins lines. */
static void add_escaped(struct dot *dot)
{
    char c = dot->at[1];
    if (c == '"' || c == '\\')
        buffer_char(&dot->text, c);
    else if (c == 'n')
        buffer_char(&dot->text, '\n');
    else if (c != '\n')
        buffer_add(&dot->text, dot->at, 2);
    dot->line += c == '\n';
    dot->at += 2;
}

static int32_t quoted_id(struct dot *dot)
{
    unsigned first = dot->line;
    dot->at++;
    while (dot->at < dot->end && *dot->at != '"') {
        if (*dot->at == '\\' && dot->at + 1 < dot->end) {
            add_escaped(dot);
            continue;
        }
        dot->line += *dot->at == '\n';
        buffer_char(&dot->text, *dot->at++);
    }
    if (dot->at == dot->end) {
        dot->line = first;
        return wrong(dot, "a quoted text has no end");
    }
    dot->at++;
    int32_t rc = skip_blank(dot);
    if (rc < 0 || !looking_at(dot, "+"))
        return rc;
    dot->at++;
    rc = skip_blank(dot);
    if (rc == 0 && !looking_at(dot, "\""))
        return wrong(dot, "+ must stand between quoted texts");
    return rc < 0 ? rc : quoted_id(dot);
}

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A name, or a number: -?(.[0-9]+ | [0-9]+(.[0-9]*)?). Behind a number a name begins at once:
 * graphviz takes 1e3 as 1 and e3, which nobody means. */
static int32_t plain_id(struct dot *dot)
{
    const char *start = dot->at;
    if (name_byte(*dot->at)) {
        while (dot->at < dot->end && (name_byte(*dot->at) || digit(*dot->at)))
            dot->at++;
    } else {
        dot->at++;
        while (dot->at < dot->end && (digit(*dot->at) || *dot->at == '.'))
            dot->at++;
        if (dot->at < dot->end && name_byte(*dot->at)) {
            while (dot->at < dot->end && (name_byte(*dot->at) || digit(*dot->at)))
                dot->at++;
            return wrong(dot, "\"%.*s\" is neither a name nor a number; put it in quotes",
                         dot->at - start > 60 ? 60 : (int)(dot->at - start), start);
        }
    }
    buffer_add(&dot->text, start, (size_t)(dot->at - start));
    return 0;
}

static int32_t next(struct dot *dot)
{
    int32_t rc = skip_blank(dot);
    if (rc == 0)
        rc = job_tick(dot->job);
    if (rc < 0)
        return rc;
    dot->text.size = 0;
    buffer_puts(&dot->text, "");
    dot->quoted = false;
    dot->token = END;
    if (dot->at == dot->end)
        return 0;
    char c = *dot->at;
    if (looking_at(dot, "->") || looking_at(dot, "--")) {
        dot->token = dot->at[1] == '>' ? ARROW : LINE;
        dot->at += 2;
    } else if (c == '"') {
        dot->token = ID;
        dot->quoted = true;
        return quoted_id(dot);
    } else if (name_byte(c) || digit(c) || c == '.' || c == '-') {
        dot->token = ID;
        return plain_id(dot);
    } else {
        dot->token = OTHER;
        dot->other = c;
        dot->at++;
    }
    return 0;
}

static bool is_other(const struct dot *dot, char c)
{
    return dot->token == OTHER && dot->other == c;
}

static bool is_word(const struct dot *dot, const char *word)
{
    return dot->token == ID && !dot->quoted && strcasecmp(dot->text.data, word) == 0;
}

static int32_t unexpected(struct dot *dot, const char *wanted)
{
    if (dot->token == END)
        return wrong(dot, "expected %s, found the end", wanted);
    if (dot->token == ID)
        return wrong(dot, "expected %s, found \"%.60s\"", wanted, dot->text.data);
    if (dot->token != OTHER)
        return wrong(dot, "expected %s, found %s", wanted, dot->token == ARROW ? "->" : "--");
    if (dot->other == '<')
        return wrong(dot, "HTML texts are not read; use quotes");
    return wrong(dot, "expected %s, found a \"%c\"", wanted,
                 dot->other >= 0x20 && dot->other < 0x7F ? dot->other : '?');
}

/* ---- attributes ---- */

static json_t *token_json(const struct dot *dot)
{
    return dot->text.failed ? NULL : json_stringn(dot->text.data, dot->text.size);
}

/* A number of dot (.5, 5. and 05 too) by way of Jansson, which reads alike under each locale. */
static json_t *number_value(const char *text)
{
    json_error_t error;
    CLEANUP_BUFFER struct byte_buffer json = {0};
    bool negative = *text == '-';
    text += negative;
    while (*text == '0' && digit(text[1]))
        text++;
    size_t size = strlen(text);
    buffer_printf(&json, "%s%s%s%s", negative ? "-" : "", *text == '.' ? "0" : "", text,
                  size && text[size - 1] == '.' ? "0" : "");
    return json.failed ? NULL
                       : json_loadb(json.data, json.size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL,
                                    &error);
}

static int32_t set_attribute(struct dot *dot, bool label, bool weight, struct attributes *ret)
{
    if (label) {
        json_decref(ret->label);
        ret->label = token_json(dot);
        return ret->label ? 0 : job_no_memory(dot->job);
    }
    if (!weight)
        return 0;
    LLMSPELL_CLEANUP_JSON json_t *value = number_value(dot->text.data);
    if (!json_is_real(value))
        return wrong(dot, "the weight \"%.60s\" is not a number", dot->text.data);
    ret->weight = json_real_value(value);
    return 0;
}

/* name [= value]; the token is the name. */
static int32_t read_attribute(struct dot *dot, struct attributes *ret)
{
    bool label = strcasecmp(dot->text.data, "label") == 0;
    bool weight = strcasecmp(dot->text.data, "weight") == 0;
    int32_t rc = next(dot);
    if (rc < 0 || !is_other(dot, '='))
        return rc;
    rc = next(dot);
    if (rc == 0 && dot->token != ID)
        rc = unexpected(dot, "a value");
    if (rc == 0)
        rc = set_attribute(dot, label, weight, ret);
    return rc < 0 ? rc : next(dot);
}

/* Any number of [a=b, c=d]. */
static int32_t read_attributes(struct dot *dot, struct attributes *ret)
{
    int32_t rc = 0;
    while (rc == 0 && is_other(dot, '[')) {
        rc = next(dot);
        while (rc == 0 && !is_other(dot, ']')) {
            if (dot->token != ID)
                return unexpected(dot, "an attribute or ]");
            rc = read_attribute(dot, ret);
            if (rc == 0 && (is_other(dot, ',') || is_other(dot, ';')))
                rc = next(dot);
        }
        if (rc == 0)
            rc = next(dot);
    }
    return rc;
}

/* ---- statements ---- */

static int32_t read_node(struct dot *dot, uint32_t *ret_node)
{
    if (is_word(dot, "subgraph") || is_other(dot, '{'))
        return wrong(dot, "subgraphs are not read; write their edges one by one");
    if (dot->token != ID)
        return unexpected(dot, "the id of a node");
    LLMSPELL_CLEANUP_JSON json_t *id = token_json(dot);
    int32_t rc = id ? graph_need_node(dot->job, id, "/input", ret_node) : job_no_memory(dot->job);
    if (rc == 0)
        rc = next(dot);
    while (rc == 0 &&
           is_other(dot, ':')) { /* a port: where on the node, which counts for nothing */
        rc = next(dot);
        if (rc == 0 && dot->token != ID)
            rc = unexpected(dot, "the name of a port");
        if (rc == 0)
            rc = next(dot);
    }
    return rc;
}

static int32_t check_weight(struct dot *dot, const struct attributes *attributes)
{
    return fabs(attributes->weight) > WEIGHT_MAX ? wrong(dot, "a weight is beyond 1e300") : 0;
}

/* The rest of `a -> b -> c [attributes]` behind a: all its edges get the same attributes. */
static int32_t read_chain(struct dot *dot, uint32_t from)
{
    __attribute__((cleanup(attributes_clear))) struct attributes attributes = {
        json_incref(dot->edges.label), dot->edges.weight};
    uint32_t first = dot->job->graph.edge_count, to = 0;
    int32_t rc = 0;
    while (rc == 0 && (dot->token == ARROW || dot->token == LINE)) {
        if ((dot->token == ARROW) != dot->job->graph.directed)
            return wrong(dot, "%s in a %s; one kind of edges only",
                         dot->token == ARROW ? "->" : "--",
                         dot->job->graph.directed ? "digraph" : "graph");
        rc = next(dot);
        if (rc == 0)
            rc = read_node(dot, &to);
        if (rc == 0)
            rc = graph_add_edge(dot->job, from, to, 1, NULL, NULL, "/input");
        from = to;
    }
    if (rc == 0)
        rc = read_attributes(dot, &attributes);
    if (rc == 0)
        rc = check_weight(dot, &attributes);
    for (uint32_t i = first; rc == 0 && i < dot->job->graph.edge_count; i++) {
        dot->job->graph.edges[i].weight = attributes.weight;
        dot->job->graph.edges[i].label = json_incref(attributes.label);
    }
    return rc;
}

static int32_t read_node_or_edge(struct dot *dot)
{
    __attribute__((cleanup(attributes_clear))) struct attributes attributes = {.weight = 1};
    uint32_t node = 0;
    struct dot ahead = *dot; /* `name = value` sets something of the graph */
    ahead.text = (struct byte_buffer){0};
    int32_t rc = dot->token == ID ? next(&ahead) : 0;
    bool setting = is_other(&ahead, '=') && dot->token == ID;
    buffer_clear(&ahead.text);
    if (rc < 0)
        return rc;
    if (setting)
        return read_attribute(dot, &attributes);
    rc = read_node(dot, &node);
    if (rc < 0 || dot->token == ARROW || dot->token == LINE)
        return rc < 0 ? rc : read_chain(dot, node);
    rc = read_attributes(dot, &attributes);
    if (rc == 0 && attributes.label) {
        json_decref(dot->job->graph.nodes[node].label);
        dot->job->graph.nodes[node].label = json_incref(attributes.label);
    }
    return rc;
}

static int32_t read_statement(struct dot *dot)
{
    __attribute__((cleanup(attributes_clear))) struct attributes ignored = {.weight = 1};
    int32_t rc = 0;
    if (is_word(dot, "graph") || is_word(dot, "node") || is_word(dot, "edge")) {
        bool edges = is_word(dot, "edge");
        rc = next(dot);
        if (rc == 0 && !is_other(dot, '['))
            return unexpected(dot, "[");
        if (rc == 0)
            rc = read_attributes(dot, edges ? &dot->edges : &ignored);
        if (rc == 0)
            rc = check_weight(dot, &dot->edges);
    } else {
        rc = read_node_or_edge(dot);
    }
    return rc == 0 && is_other(dot, ';') ? next(dot) : rc;
}

static int32_t read_head(struct dot *dot)
{
    int32_t rc = next(dot);
    if (rc < 0)
        return rc;
    if (is_word(dot, "strict"))
        return wrong(dot, "strict graphs are not read");
    if (!is_word(dot, "graph") && !is_word(dot, "digraph"))
        return unexpected(dot, "graph or digraph");
    dot->job->graph.directed = is_word(dot, "digraph");
    rc = next(dot);
    if (rc == 0 && dot->token == ID)
        rc = next(dot);
    if (rc == 0 && !is_other(dot, '{'))
        return unexpected(dot, "{");
    return rc < 0 ? rc : next(dot);
}

int32_t read_dot(struct job *job, const char *text, size_t size)
{
    __attribute__((cleanup(dot_clear))) struct dot dot = {
        .job = job, .at = text, .end = text + size, .line = 1, .edges = {.weight = 1}};
    int32_t rc = read_head(&dot);
    while (rc == 0 && !is_other(&dot, '}')) {
        if (is_other(&dot, ';'))
            rc = next(&dot);
        else
            rc = read_statement(&dot);
    }
    if (rc == 0)
        rc = next(&dot);
    if (rc == 0 && dot.token != END)
        return unexpected(&dot, "the end");
    return rc;
}
