/* SPDX-License-Identifier: Apache-2.0
 * One walk of md4c over a document, under limits. Every operation but front_matter goes through
 * here, to_html before it lets md4c-html write. */
#include "markdown.h"

#define CANCEL_EVERY 256 /* steps between two looks at the cancel flag */

struct walk {
    const struct document *document;
    const struct walker *walker;
    void *self;
    int32_t error;
    unsigned steps, depth;
    size_t cells, addresses; /* bytes of them: one definition can serve many links */
};

/* md4c ends at once only for negative values, and not from everywhere. */
static int step(struct walk *walk)
{
    if (walk->error == 0 && ++walk->steps % CANCEL_EVERY == 0)
        walk->error = llmspell_cancelled(walk->document->call);
    return walk->error;
}

static int deeper(struct walk *walk)
{
    if (++walk->depth > DEPTH_MAX)
        walk->error =
            llmspell_fail_at(walk->document->call, LLMSPELL_ELIMIT, walk->document->pointer,
                             "quotes and lists are nested over %d levels; flatten them", DEPTH_MAX);
    return walk->error;
}

static int one_more_cell(struct walk *walk)
{
    if (++walk->cells > CELLS_MAX)
        walk->error =
            llmspell_fail_at(walk->document->call, LLMSPELL_ELIMIT, walk->document->pointer,
                             "the tables have over %u cells; split the document", CELLS_MAX);
    return walk->error;
}

static int one_more_address(struct walk *walk, const MD_ATTRIBUTE *address,
                            const MD_ATTRIBUTE *title)
{
    walk->addresses += address->size + title->size;
    if (walk->addresses > OUTPUT_MAX)
        walk->error =
            llmspell_fail_at(walk->document->call, LLMSPELL_ELIMIT, walk->document->pointer,
                             "the addresses of links and images have over %u bytes in all; split "
                             "the document",
                             OUTPUT_MAX);
    return walk->error;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *data)
{
    struct walk *walk = data;
    if (step(walk) < 0)
        return walk->error;
    if ((type == MD_BLOCK_QUOTE || type == MD_BLOCK_LI) && deeper(walk) < 0)
        return walk->error;
    if ((type == MD_BLOCK_TH || type == MD_BLOCK_TD) && one_more_cell(walk) < 0)
        return walk->error;
    if (walk->walker->block)
        walk->error = walk->walker->block(walk->self, true, type, detail);
    return walk->error;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *data)
{
    struct walk *walk = data;
    if (type == MD_BLOCK_QUOTE || type == MD_BLOCK_LI)
        walk->depth--;
    if (walk->error == 0 && walk->walker->block)
        walk->error = walk->walker->block(walk->self, false, type, detail);
    return walk->error;
}

static int on_span(struct walk *walk, bool enter, MD_SPANTYPE type, const void *detail)
{
    if (step(walk) < 0)
        return walk->error;
    if (walk->walker->span)
        walk->error = walk->walker->span(walk->self, enter, type, detail);
    return walk->error;
}

static int enter_span(MD_SPANTYPE type, void *detail, void *data)
{
    const MD_SPAN_A_DETAIL *link = detail;
    const MD_SPAN_IMG_DETAIL *image = detail;
    if (type == MD_SPAN_A && one_more_address(data, &link->href, &link->title) < 0)
        return ((struct walk *)data)->error;
    if (type == MD_SPAN_IMG && one_more_address(data, &image->src, &image->title) < 0)
        return ((struct walk *)data)->error;
    return on_span(data, true, type, detail);
}

static int leave_span(MD_SPANTYPE type, void *detail, void *data)
{
    return on_span(data, false, type, detail);
}

static int on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *data)
{
    struct walk *walk = data;
    if (step(walk) < 0)
        return walk->error;
    if (walk->walker->text)
        walk->error = walk->walker->text(walk->self, type, text, size);
    return walk->error;
}

int32_t document_walk(const struct document *document, const struct walker *walker, void *self)
{
    struct walk walk = {.document = document, .walker = walker, .self = self};
    MD_PARSER parser = {.flags = document->flags,
                        .enter_block = enter_block,
                        .leave_block = leave_block,
                        .enter_span = enter_span,
                        .leave_span = leave_span,
                        .text = on_text};
    int rc = md_parse(document->text, (MD_SIZE)document->size, &parser, &walk);
    if (walk.error < 0)
        return walk.error;
    return rc == 0 ? llmspell_cancelled(document->call) : no_memory(document->call);
}
