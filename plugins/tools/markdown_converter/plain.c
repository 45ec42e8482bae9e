/* SPDX-License-Identifier: Apache-2.0
 * to_text: the document without marks. A block is written when its first character comes; what
 * stands before it (a blank line, list markers, indentation) follows from the containers around. */
#include "markdown.h"

#define CONTAINERS_MAX (2 * DEPTH_MAX + 2) /* an item is in a list; one more of each may come */
#define MARKER_SIZE 24

/* A quote, a list, or an item of a list. */
struct container {
    bool is_item;
    bool tight;      /* a list whose items have no blank lines between */
    bool has_output; /* a block within was written */
    unsigned number; /* of the next item; only if it is ordered */
    bool ordered;
    char marker[MARKER_SIZE]; /* of an item, while it is not written; then "" */
    size_t indent;            /* columns of an item's further lines */
};

struct plain {
    const struct document *document;
    struct text_buffer out, piece;
    struct container containers[CONTAINERS_MAX];
    size_t depth;
    bool in_block;
    bool line_start; /* nothing of the running line is written */
    size_t cells;    /* of the running row */
};

/* The innermost list or quote in which something was written says what comes between. */
static bool wants_blank_line(const struct plain *plain)
{
    for (size_t i = plain->depth; i-- > 0;) {
        const struct container *container = &plain->containers[i];
        if (!container->is_item && container->has_output)
            return !container->tight;
    }
    return plain->out.len > 0;
}

static void start_block(struct plain *plain)
{
    if (wants_blank_line(plain))
        text_buffer_putc(&plain->out, '\n');
    for (size_t i = 0; i < plain->depth; i++)
        plain->containers[i].has_output = true;
    plain->in_block = plain->line_start = true;
}

static void end_block(struct plain *plain)
{
    if (plain->in_block && !plain->line_start)
        text_buffer_putc(&plain->out, '\n');
    plain->in_block = false;
}

static void start_line(struct plain *plain)
{
    for (size_t i = 0; i < plain->depth; i++) {
        struct container *item = &plain->containers[i];
        for (size_t k = 0; k < item->indent && !*item->marker; k++)
            text_buffer_putc(&plain->out, ' ');
        text_buffer_puts(&plain->out, item->marker);
        *item->marker = '\0';
    }
    plain->line_start = false;
}

static void put(struct plain *plain, const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\n', size);
        size_t length = end ? (size_t)(end - text) : size;
        if (!plain->in_block)
            start_block(plain);
        if (length > 0 && plain->line_start)
            start_line(plain);
        text_buffer_add(&plain->out, text, length);
        if (end) {
            text_buffer_putc(&plain->out, '\n');
            plain->line_start = true;
            length++;
        }
        text += length;
        size -= length;
    }
}

static void push(struct plain *plain, struct container container)
{
    if (plain->depth < CONTAINERS_MAX)
        plain->containers[plain->depth++] = container;
}

static void push_item(struct plain *plain, const MD_BLOCK_LI_DETAIL *detail)
{
    struct container *list = &plain->containers[plain->depth - 1];
    struct container item = {.is_item = true};
    int length = list->ordered ? snprintf(item.marker, MARKER_SIZE, "%u. ", list->number++)
                               : snprintf(item.marker, MARKER_SIZE, "- ");
    item.indent = (size_t)length;
    if (detail->is_task)
        snprintf(item.marker + length, MARKER_SIZE - (size_t)length, "[%c] ", detail->task_mark);
    push(plain, item);
}

/* An item without any text is a line with its marker. */
static void pop_item(struct plain *plain)
{
    struct container *item = &plain->containers[plain->depth - 1];
    if (*item->marker) {
        start_block(plain);
        start_line(plain);
        while (plain->out.len > 0 && plain->out.data[plain->out.len - 1] == ' ')
            plain->out.len--;
        end_block(plain);
    }
    plain->depth--;
}

static void enter(struct plain *plain, MD_BLOCKTYPE type, const void *detail)
{
    const MD_BLOCK_UL_DETAIL *bullets = detail;
    const MD_BLOCK_OL_DETAIL *numbers = detail;
    if (type == MD_BLOCK_QUOTE)
        push(plain, (struct container){0});
    else if (type == MD_BLOCK_UL)
        push(plain, (struct container){.tight = bullets->is_tight});
    else if (type == MD_BLOCK_OL)
        push(plain, (struct container){
                        .tight = numbers->is_tight, .ordered = true, .number = numbers->start});
    else if (type == MD_BLOCK_LI)
        push_item(plain, detail);
}

static bool is_of_table(MD_BLOCKTYPE type)
{
    return type == MD_BLOCK_THEAD || type == MD_BLOCK_TBODY || type == MD_BLOCK_TR ||
           type == MD_BLOCK_TH || type == MD_BLOCK_TD;
}

static int32_t plain_block(void *self, bool enters, MD_BLOCKTYPE type, const void *detail)
{
    struct plain *plain = self;
    if (!is_of_table(type))
        end_block(plain);
    if (type == MD_BLOCK_TR && enters)
        plain->cells = 0;
    else if (type == MD_BLOCK_TR)
        put(plain, "\n", 1);
    else if ((type == MD_BLOCK_TH || type == MD_BLOCK_TD) && enters && plain->cells++ > 0)
        put(plain, "\t", 1);
    if (enters)
        enter(plain, type, detail);
    else if (type == MD_BLOCK_LI)
        pop_item(plain);
    else if (type == MD_BLOCK_QUOTE || type == MD_BLOCK_UL || type == MD_BLOCK_OL)
        plain->depth--;
    return text_buffer_check(plain->document->call, &plain->out);
}

static int32_t plain_text(void *self, MD_TEXTTYPE type, const char *text, size_t size)
{
    struct plain *plain = self;
    plain->piece.len = 0;
    inline_add(&plain->piece, type, text, size, '\n');
    put(plain, plain->piece.data, plain->piece.len);
    int32_t rc = text_buffer_check(plain->document->call, &plain->piece);
    return rc < 0 ? rc : text_buffer_check(plain->document->call, &plain->out);
}

int32_t op_to_text(const struct document *document, json_t **ret_result)
{
    static const struct walker walker = {.block = plain_block, .text = plain_text};
    struct plain plain = {
        .document = document, .out = {.limit = OUTPUT_MAX}, .piece = {.limit = OUTPUT_MAX}};
    int32_t rc = document_walk(document, &walker, &plain);
    if (rc == 0)
        rc = llmspell_return(document->call, ret_result,
                             json_pack("{s:o}", "text", text_buffer_json(&plain.out)));
    text_buffer_free(&plain.out);
    text_buffer_free(&plain.piece);
    return rc;
}
