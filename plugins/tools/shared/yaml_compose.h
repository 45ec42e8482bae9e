/* SPDX-License-Identifier: Apache-2.0
 * What the two halves of the YAML reader share: yaml_read.c feeds libyaml and keeps the anchors,
 * yaml_compose.c makes values of its events. */
#ifndef TOOLS_SHARED_YAML_COMPOSE_H
#define TOOLS_SHARED_YAML_COMPOSE_H

#include <yaml.h>

#include "yaml_read.h"

struct anchor {
    json_t *value; /* NULL while the node is being read */
    size_t nodes, depth;
    char *key; /* the text of a scalar: what it means as a key */
    size_t key_size;
};

struct reader {
    const struct yaml_input *input;
    struct yaml_documents *out;
    yaml_parser_t parser;
    size_t offset; /* of the text that libyaml has taken */
    int32_t stop;  /* cancelled or timeout */
    struct anchor *anchors;
    size_t anchor_count, anchor_room;
    json_t *names; /* of anchors → index */
    size_t nodes, depth;
};

/* What one node was: its value, and what an alias of it costs. */
struct node {
    json_t *value;
    size_t nodes, depth;
    char *key; /* of a scalar; owned */
    size_t key_size;
    bool plain_merge; /* the key << */
};

static inline void node_clear(struct node *node)
{
    json_decref(node->value);
    free(node->key);
    *node = (struct node){0};
}

#define CLEANUP_NODE __attribute__((cleanup(node_clear)))
#define CLEANUP_EVENT __attribute__((cleanup(yaml_event_delete)))

/* ---- yaml_read.c ---- */

/* Keeps what is wrong at mark, and returns code. */
__attribute__((format(printf, 4, 5))) int32_t
yaml_complain(struct reader *r, int32_t code, const yaml_mark_t *mark, const char *format, ...);
int32_t yaml_no_memory(struct reader *r);
int32_t yaml_next_event(struct reader *r, yaml_event_t *event);

struct anchor *yaml_find_anchor(const struct reader *r, const char *name);

/* Before and after the node that has the anchor. *ret_index: SIZE_MAX without an anchor. */
int32_t yaml_open_anchor(struct reader *r, const yaml_char_t *name, size_t *ret_index);
int32_t yaml_close_anchor(struct reader *r, size_t index, const struct node *node);

/* ---- yaml_compose.c ---- */

/* The node that begins with event, up to its end. 0 or a negative code. */
int32_t yaml_compose(struct reader *r, const yaml_event_t *event, struct node *ret);

#endif
