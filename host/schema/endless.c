/* SPDX-License-Identifier: Apache-2.0
 * Finds schemas that apply themselves to the same value whatever that is ("$ref": "#" beside
 * nothing): they could never come to an end. Called by compile.c after the references are known. */
#include "schema/build.h"

#include <stdlib.h>

enum { UNSEEN, OPEN, DONE };

/* Where the search stands in one node. */
struct visit {
    struct schema_node *node;
    const struct schema_op *op;
    size_t child;
};

struct search {
    struct visit *visits;
    size_t count, capacity;
};

static bool enter(struct search *search, struct schema_node *node)
{
    if (search->count == search->capacity) {
        size_t capacity = search->capacity * 2 + 64;
        struct visit *grown = realloc(search->visits, capacity * sizeof *grown);
        if (!grown)
            return false;
        search->visits = grown;
        search->capacity = capacity;
    }
    node->mark = OPEN;
    search->visits[search->count++] = (struct visit){node, node->ops, 0};
    return true;
}

/* The next schema that applies to the same value without any condition, or NULL. */
static struct schema_node *next_target(struct visit *visit)
{
    while (visit->op) {
        const struct schema_op *op = visit->op;
        bool reference = op->run == schema_run_reference;
        size_t count = !op->unconditional ? 0 : reference ? 1 : op->u.children.count;
        if (visit->child < count) {
            size_t child = visit->child++;
            return reference ? op->u.reference.target : op->u.children.nodes[child];
        }
        visit->op = op->next;
        visit->child = 0;
    }
    return NULL;
}

static int search_from(struct schema_build *build, struct search *search, struct schema_node *start)
{
    if (!enter(search, start))
        return schema_refuse_memory(build);
    while (search->count > 0) {
        struct visit *visit = &search->visits[search->count - 1];
        struct schema_node *target = next_target(visit);
        if (!target) {
            visit->node->mark = DONE;
            search->count--;
        } else if (target->mark == OPEN) {
            return schema_refuse(build, visit->node, NULL,
                                 "refers to itself without end (through \"%s\")", target->path);
        } else if (target->mark == UNSEEN && !enter(search, target)) {
            return schema_refuse_memory(build);
        }
    }
    return 0;
}

int schema_find_endless(struct schema_build *build)
{
    struct search search = {0};
    int status = 0;
    for (struct schema_node *node = build->schema->nodes; node && status == 0; node = node->next)
        if (node->mark == UNSEEN)
            status = search_from(build, &search, node);
    free(search.visits);
    return status;
}
