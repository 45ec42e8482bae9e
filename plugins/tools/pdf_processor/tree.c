/* SPDX-License-Identifier: Apache-2.0
 * The page tree, before qpdf walks it: qpdf does so by recursion, without a bound. */
#include "pdf.h"

#define DEPTH_MAX 256
#define NODES_MAX 200000

struct walk {
    const struct document *document;
    int path[DEPTH_MAX]; /* object numbers from the root down */
    size_t nodes;
};

static int32_t fail_deep(const struct walk *walk)
{
    const struct document *document = walk->document;
    return llmspell_fail_at(document->job->call, LLMSPELL_ELIMIT, document->pointer,
                            "the page tree of %s has more than %d levels or %d nodes",
                            document->path, DEPTH_MAX, NODES_MAX);
}

static bool is_on_path(const struct walk *walk, size_t depth, int object)
{
    for (size_t i = 0; i < depth; i++)
        if (walk->path[i] == object)
            return true;
    return false;
}

static int32_t visit(struct walk *walk, qpdf_oh node, size_t depth)
{
    const struct document *document = walk->document;
    qpdf_data qpdf = document->qpdf;
    int32_t rc = 0;
    if (depth == DEPTH_MAX || ++walk->nodes > NODES_MAX)
        return fail_deep(walk);
    walk->path[depth] = qpdf_oh_get_object_id(qpdf, node);
    qpdf_oh kids = qpdf_oh_get_key(qpdf, node, "/Kids");
    int count = qpdf_oh_is_array(qpdf, kids) ? qpdf_oh_get_array_n_items(qpdf, kids) : 0;
    for (int i = 0; rc == 0 && i < count; i++) {
        qpdf_oh kid = qpdf_oh_get_array_item(qpdf, kids, i);
        int object = qpdf_oh_get_object_id(qpdf, kid);
        bool loop = object != 0 && is_on_path(walk, depth + 1, object); /* qpdf says so itself */
        if (!loop && qpdf_oh_is_dictionary(qpdf, kid))
            rc = visit(walk, kid, depth + 1);
        qpdf_oh_release(qpdf, kid);
    }
    qpdf_oh_release(qpdf, kids);
    return rc < 0 ? rc : llmspell_cancelled(document->job->call);
}

int32_t document_check_tree(const struct document *document, bool *ret_any)
{
    struct walk walk = {.document = document};
    qpdf_data qpdf = document->qpdf;
    qpdf_oh root = qpdf_oh_get_key(qpdf, qpdf_get_root(qpdf), "/Pages");
    *ret_any = qpdf_oh_is_dictionary(qpdf, root);
    int32_t rc = *ret_any ? visit(&walk, root, 0) : 0;
    qpdf_oh_release_all(qpdf);
    return rc;
}
