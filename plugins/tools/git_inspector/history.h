/* SPDX-License-Identifier: Apache-2.0
 * The commits that a revision or a range of two reaches, in topological order. */
#ifndef GIT_INSPECTOR_HISTORY_H
#define GIT_INSPECTOR_HISTORY_H

#include "git_inspector.h"

#define HISTORY_MAX 3000000 /* commits */

struct history_node {
    git_oid id;
    int64_t time;     /* of the committer */
    uint32_t parents; /* index into history.parents */
    uint32_t parent_count;
    uint32_t waiting; /* children that do not stand in the order yet */
    uint8_t reached;  /* bit n: from tip n; see history.hidden */
};

struct history {
    struct history_node *nodes;
    uint32_t count, room;
    uint32_t *parents; /* indexes of nodes */
    uint32_t parent_count, parent_room;
    uint32_t *table; /* hash of ids: 1 + index of a node */
    uint32_t table_size;
    uint32_t tips[2];
    unsigned tip_count;
    git_odb *odb;    /* of a shallow clone, else NULL */
    bool symmetric;  /* A...B */
    uint32_t *order; /* what is shown: children before parents, newest first */
    uint32_t order_count;
};

/* Walks from the parameter ref. An empty repository with ref = HEAD has an empty history. */
int32_t history_walk(const struct inspection *in, struct history *ret_history);
void history_clear(struct history *history);
#define CLEANUP_HISTORY __attribute__((cleanup(history_clear)))

/* The commit of a node. */
int32_t history_commit(const struct inspection *in, const struct history_node *node,
                       git_commit **ret_commit);

#endif
