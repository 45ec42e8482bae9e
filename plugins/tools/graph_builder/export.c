/* SPDX-License-Identifier: Apache-2.0
 * export: the graph as text of other programs. */
#include "graph.h"

/* ---- dot ---- */

static void dot_string(struct byte_buffer *out, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    buffer_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\n')
            buffer_puts(out, "\\n");
        else if (text[i] == '"' || text[i] == '\\')
            buffer_printf(out, "\\%c", text[i]);
        else if (text[i])
            buffer_char(out, text[i]);
    }
    buffer_char(out, '"');
}

static void dot_edge(struct byte_buffer *out, const struct graph *graph, const struct edge *edge)
{
    char number[REAL_TEXT_SIZE];
    bool weighs = edge->weight < 1 || edge->weight > 1;
    buffer_puts(out, "  ");
    dot_string(out, graph->nodes[edge->from].id);
    buffer_puts(out, graph->directed ? " -> " : " -- ");
    dot_string(out, graph->nodes[edge->to].id);
    if (edge->label) {
        buffer_puts(out, " [label=");
        dot_string(out, edge->label);
    }
    if (weighs) {
        number_text(edge->weight, number);
        /* dot has no exponents but in quotes */
        const char *quote = strchr(number, 'e') ? "\"" : "";
        buffer_printf(out, "%sweight=%s%s%s", edge->label ? ", " : " [", quote, number, quote);
    }
    buffer_puts(out, edge->label || weighs ? "];\n" : ";\n");
}

int32_t write_dot(struct job *job, struct byte_buffer *out)
{
    const struct graph *graph = &job->graph;
    int32_t rc = 0;
    buffer_puts(out, graph->directed ? "digraph {\n" : "graph {\n");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        buffer_puts(out, "  ");
        dot_string(out, graph->nodes[i].id);
        if (graph->nodes[i].label) {
            buffer_puts(out, " [label=");
            dot_string(out, graph->nodes[i].label);
            buffer_char(out, ']');
        }
        buffer_puts(out, ";\n");
    }
    for (uint32_t i = 0; rc == 0 && i < graph->edge_count; i++) {
        dot_edge(out, graph, &graph->edges[i]);
        rc = job_tick(job);
    }
    buffer_puts(out, "}\n");
    return rc;
}

/* ---- mermaid ---- */

static void mermaid_string(struct byte_buffer *out, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    buffer_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"')
            buffer_puts(out, "#quot;");
        else if (text[i] == '#')
            buffer_puts(out, "#35;"); /* begins an entity */
        else if (text[i] == '\n')
            buffer_puts(out, "<br/>");
        else if ((unsigned char)text[i] >= 0x20)
            buffer_char(out, text[i]);
    }
    buffer_char(out, '"');
}

static int32_t write_mermaid(struct job *job, struct byte_buffer *out)
{
    const struct graph *graph = &job->graph;
    buffer_puts(out, "graph LR\n");
    for (uint32_t i = 0; i < graph->node_count; i++) {
        const struct node *node = &graph->nodes[i];
        buffer_printf(out, "  n%u[", i);
        mermaid_string(out, node->label ? node->label : node->id);
        buffer_puts(out, "]\n");
    }
    for (uint32_t i = 0; i < graph->edge_count; i++) {
        const struct edge *edge = &graph->edges[i];
        buffer_printf(out, "  n%u %s", edge->from, graph->directed ? "-->" : "---");
        if (edge->label) {
            buffer_char(out, '|');
            mermaid_string(out, edge->label);
            buffer_char(out, '|');
        }
        buffer_printf(out, " n%u\n", edge->to);
    }
    return 0;
}

/* ---- graphml ---- */

static void xml_text(struct byte_buffer *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '&' || c == '<' || c == '>' || c == '"')
            buffer_puts(out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&quot;");
        else if (c == '\n' || c == '\r' || c == '\t')
            buffer_printf(out, "&#%d;", c);
        else
            buffer_char(out, text[i]);
    }
}

/* XML has no word for most control characters, nor for U+FFFE and U+FFFF. */
static int32_t check_xml(const struct job *job, const char *format, const json_t *value)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
        if (control || (size - i > 2 && memcmp(text + i, "\xEF\xBF", 2) == 0 &&
                        (unsigned char)text[i + 2] >= 0xBE))
            return llmspell_fail_at(job->call, LLMSPELL_EFAILED, "/graph",
                                    "%s cannot hold the control character in \"%.100s\"; "
                                    "rename it, or export another format",
                                    format, text);
    }
    return 0;
}

int32_t check_xml_texts(const struct job *job, const char *format)
{
    const struct graph *graph = &job->graph;
    int32_t rc = 0;
    for (uint32_t i = 0; rc == 0 && i < graph->node_count; i++) {
        rc = check_xml(job, format, graph->nodes[i].id);
        rc = rc < 0 ? rc : check_xml(job, format, graph->nodes[i].label);
    }
    for (uint32_t i = 0; rc == 0 && i < graph->edge_count; i++)
        rc = check_xml(job, format, graph->edges[i].label);
    return rc;
}

static void xml_data(struct byte_buffer *out, const char *key, const char *text, size_t size)
{
    buffer_printf(out, "      <data key=\"%s\">", key);
    xml_text(out, text, size);
    buffer_puts(out, "</data>\n");
}

/* The members that both nodes and edges have. */
static void xml_members(struct byte_buffer *out, char kind, const json_t *label, const json_t *data)
{
    static const struct json_style compact = {.indent = 0};
    CLEANUP_BUFFER struct byte_buffer json = {0};
    char key[16];
    snprintf(key, sizeof key, "%c_label", kind);
    if (label)
        xml_data(out, key, json_string_value(label), json_string_length(label));
    snprintf(key, sizeof key, "%c_data", kind);
    if (data)
        json_write(&json, data, &compact);
    if (json.failed)
        out->failed = true;
    else if (data)
        xml_data(out, key, json.data, json.size);
}

static void xml_node(struct byte_buffer *out, const struct node *node)
{
    buffer_puts(out, "    <node id=\"");
    xml_text(out, json_string_value(node->id), json_string_length(node->id));
    if (!node->label && !node->data) {
        buffer_puts(out, "\"/>\n");
        return;
    }
    buffer_puts(out, "\">\n");
    xml_members(out, 'n', node->label, node->data);
    buffer_puts(out, "    </node>\n");
}

static void xml_edge(struct byte_buffer *out, const struct graph *graph, const struct edge *edge)
{
    const json_t *from = graph->nodes[edge->from].id, *to = graph->nodes[edge->to].id;
    char number[REAL_TEXT_SIZE];
    buffer_puts(out, "    <edge source=\"");
    xml_text(out, json_string_value(from), json_string_length(from));
    buffer_puts(out, "\" target=\"");
    xml_text(out, json_string_value(to), json_string_length(to));
    buffer_puts(out, "\">\n");
    number_text(edge->weight, number);
    xml_data(out, "e_weight", number, strlen(number));
    xml_members(out, 'e', edge->label, edge->data);
    buffer_puts(out, "    </edge>\n");
}

static int32_t write_graphml(struct job *job, struct byte_buffer *out)
{
    static const char *const keys[][4] = {{"n_label", "node", "label", "string"},
                                          {"n_data", "node", "data", "string"},
                                          {"e_weight", "edge", "weight", "double"},
                                          {"e_label", "edge", "label", "string"},
                                          {"e_data", "edge", "data", "string"}};
    const struct graph *graph = &job->graph;
    int32_t rc = check_xml_texts(job, "GraphML");
    if (rc < 0)
        return rc;
    buffer_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        buffer_printf(out, "  <key id=\"%s\" for=\"%s\" attr.name=\"%s\" attr.type=\"%s\"/>\n",
                      keys[i][0], keys[i][1], keys[i][2], keys[i][3]);
    buffer_printf(out, "  <graph edgedefault=\"%s\">\n",
                  graph->directed ? "directed" : "undirected");
    for (uint32_t i = 0; i < graph->node_count; i++)
        xml_node(out, &graph->nodes[i]);
    for (uint32_t i = 0; i < graph->edge_count; i++)
        xml_edge(out, graph, &graph->edges[i]);
    buffer_puts(out, "  </graph>\n</graphml>\n");
    return 0;
}

/* ---- adjacency and json ---- */

/* Ids that would not read back as they are get quotes, as JSON strings. */
static void adjacency_word(struct byte_buffer *out, const json_t *id)
{
    const char *text = json_string_value(id);
    if (*text && !text[strcspn(text, " \t\r\n\v\f,:#\"\\")])
        buffer_puts(out, text);
    else
        json_write_string(out, text, strlen(text), false);
}

/* Each edge once: at the node that it starts from. */
static int32_t write_adjacency(struct job *job, struct byte_buffer *out)
{
    const struct graph *graph = &job->graph;
    struct graph directed = *graph;
    CLEANUP_ARCS struct arcs arcs = {0};
    job->graph.directed = true;
    int32_t rc = arcs_build(job, OUT, &arcs);
    job->graph.directed = directed.directed;
    for (uint32_t node = 0; rc == 0 && node < graph->node_count; node++) {
        adjacency_word(out, graph->nodes[node].id);
        buffer_char(out, ':');
        for (uint32_t i = arcs.start[node]; i < arcs.start[node + 1]; i++) {
            buffer_char(out, ' ');
            adjacency_word(out, graph->nodes[arcs.list[i].node].id);
        }
        buffer_char(out, '\n');
    }
    return rc;
}

static int32_t write_json(struct job *job, struct byte_buffer *out)
{
    static const struct json_style compact = {.indent = 0};
    LLMSPELL_CLEANUP_JSON json_t *json = graph_json(job);
    if (!json)
        return job_no_memory(job);
    json_write(out, json, &compact);
    return 0;
}

int32_t export_run(struct job *job, json_t **ret_result)
{
    static const struct {
        const char *name;
        int32_t (*write)(struct job *job, struct byte_buffer *out);
    } formats[] = {{"json", write_json},
                   {"dot", write_dot},
                   {"mermaid", write_mermaid},
                   {"graphml", write_graphml},
                   {"adjacency", write_adjacency}};
    CLEANUP_BUFFER struct byte_buffer out = {0};
    const char *format = llmspell_string(job->params, "format");
    size_t i = 0;
    while (strcmp(formats[i].name, format) != 0)
        i++;
    int32_t rc = formats[i].write(job, &out);
    if (rc < 0)
        return rc;
    if (out.failed)
        return job_no_memory(job);
    return llmspell_return(job->call, ret_result,
                           json_pack("{s:s,s:o}", "format", format, "output",
                                     json_stringn(out.data ? out.data : "", out.size)));
}
