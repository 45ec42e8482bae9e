/* SPDX-License-Identifier: Apache-2.0
 * GRAPH as parameters and texts give it. What comes as an object was checked by the host; text was
 * not, so that everything is checked here. */
#include "graph.h"

struct reader {
    struct job *job;
    const char *path;
    bool inner;
};

/* invalid_params about an entry of nodes or edges. */
__attribute__((format(printf, 4, 5))) static int32_t
wrong(const struct reader *reader, const char *list, size_t index, const char *format, ...)
{
    char pointer[96], message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    snprintf(pointer, sizeof pointer, "/%s/%zu", list, index);
    if (reader->inner)
        snprintf(pointer, sizeof pointer, "%s/%s/%zu", reader->path, list, index);
    return llmspell_fail_at(reader->job->call, LLMSPELL_EINVAL,
                            reader->inner ? pointer : reader->path, "%s %s", pointer, message);
}

/* The first member that is not among keys, or NULL. */
static const char *unknown_key(const json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        const char *const *known = keys;
        while (*known && strcmp(*known, key) != 0)
            known++;
        if (!*known)
            return key;
    }
    return NULL;
}

static bool known_keys(const json_t *object, const char *const *keys)
{
    return !unknown_key(object, keys);
}

static bool absent_or_string(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return !value || json_is_string(value);
}

/* ---- nodes ---- */

static int32_t read_node(const struct reader *reader, size_t index, json_t *value)
{
    static const char *const keys[] = {"id", "label", "data", NULL};
    struct graph *graph = &reader->job->graph;
    json_t *id = json_is_object(value) ? json_object_get(value, "id") : value;
    uint32_t node = 0, before = graph->node_count;
    if (!json_is_string(id) || (json_is_object(value) && !known_keys(value, keys)) ||
        !absent_or_string(value, "label"))
        return wrong(reader, "nodes", index, "is neither an id nor {id, label, data}");
    int32_t rc = graph_need_node(reader->job, id, reader->path, &node);
    if (rc < 0)
        return rc;
    if (graph->node_count == before)
        return wrong(reader, "nodes", index, "is \"%.100s\", which is there already",
                     json_string_value(id));
    graph->nodes[node].label = json_incref(json_object_get(value, "label"));
    graph->nodes[node].data = json_incref(json_object_get(value, "data"));
    return 0;
}

static int32_t read_nodes(const struct reader *reader, json_t *nodes)
{
    size_t i;
    json_t *node;
    json_array_foreach(nodes, i, node)
    {
        int32_t rc = read_node(reader, i, node);
        if (rc == 0)
            rc = job_tick(reader->job);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- edges ---- */

struct raw_edge {
    json_t *from, *to, *weight, *label, *data;
};

static bool split_edge(json_t *value, struct raw_edge *ret)
{
    static const char *const keys[] = {"from", "to", "weight", "label", "data", NULL};
    size_t size = json_array_size(value);
    *ret = (struct raw_edge){json_object_get(value, "from"), json_object_get(value, "to"),
                             json_object_get(value, "weight"), json_object_get(value, "label"),
                             json_object_get(value, "data")};
    if (json_is_array(value))
        *ret = (struct raw_edge){.from = json_array_get(value, 0),
                                 .to = json_array_get(value, 1),
                                 .weight = json_array_get(value, 2)};
    return (json_is_object(value) ? known_keys(value, keys) : size == 2 || size == 3) &&
           json_is_string(ret->from) && json_is_string(ret->to) &&
           (!ret->weight || json_is_number(ret->weight)) &&
           (!ret->label || json_is_string(ret->label));
}

static int32_t read_edge(const struct reader *reader, size_t index, json_t *value)
{
    struct raw_edge raw;
    uint32_t from = 0, to = 0;
    if (!split_edge(value, &raw))
        return wrong(reader, "edges", index,
                     "is neither {from, to, weight, label, data} nor [from, to, weight]");
    int32_t rc = graph_need_node(reader->job, raw.from, reader->path, &from);
    if (rc == 0)
        rc = graph_need_node(reader->job, raw.to, reader->path, &to);
    if (rc < 0)
        return rc;
    double weight = raw.weight ? json_number_value(raw.weight) : 1;
    return graph_add_edge(reader->job, from, to, weight, raw.label, raw.data, reader->path);
}

static int32_t read_edges(const struct reader *reader, json_t *edges)
{
    size_t i;
    json_t *edge;
    json_array_foreach(edges, i, edge)
    {
        int32_t rc = read_edge(reader, i, edge);
        if (rc == 0)
            rc = job_tick(reader->job);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- the whole ---- */

int32_t read_value(struct job *job, json_t *value, const char *path, bool inner)
{
    static const char *const keys[] = {"directed", "nodes", "edges", NULL};
    struct reader reader = {job, path, inner};
    json_t *directed = json_object_get(value, "directed");
    json_t *nodes = json_object_get(value, "nodes"), *edges = json_object_get(value, "edges");
    const char *unknown = unknown_key(value, keys);
    if (unknown)
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, path,
                                "\"%.100s\" is no member of a graph, which is "
                                "{directed: bool, nodes: […], edges: […]}",
                                unknown);
    if (!json_is_object(value) || (directed && !json_is_boolean(directed)) ||
        (nodes && !json_is_array(nodes)) || (edges && !json_is_array(edges)))
        return llmspell_fail_at(job->call, LLMSPELL_EINVAL, path,
                                "a graph is {directed: bool, nodes: […], edges: […]}");
    job->graph.directed = !directed || json_is_true(directed);
    int32_t rc = read_nodes(&reader, nodes);
    return rc < 0 ? rc : read_edges(&reader, edges);
}

static int32_t read_text(struct job *job, const json_t *text)
{
    json_error_t error;
    LLMSPELL_CLEANUP_JSON json_t *value =
        json_loadb(json_string_value(text), json_string_length(text),
                   JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!value)
        return llmspell_fail_at(job->call, json_fail_code(&error), "/graph",
                                "the graph is text, but not JSON: %s (line %d, column %d)",
                                error.text, error.line, error.column > 0 ? error.column : 1);
    return read_value(job, value, "/graph", false);
}

int32_t read_graph(struct job *job)
{
    json_t *value = json_object_get(job->params, "graph");
    int32_t rc = !value                  ? 0
                 : json_is_string(value) ? read_text(job, value)
                                         : read_value(job, value, "/graph", true);
    return rc < 0 ? rc : graph_rank(job);
}
