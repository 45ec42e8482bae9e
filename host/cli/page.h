/* SPDX-License-Identifier: Apache-2.0
 * Pages of text for people, like manual pages: headings, folded paragraphs, definitions. Used by
 * tool_page.c. */
#ifndef HOST_PAGE_H
#define HOST_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct cli;

struct page {
    bool color;
    int width; /* letters in a line */
};

/* As wide as the terminal, 60 to 100 letters. */
struct page page_of(const struct cli *cli);

void page_heading(const struct page *page, const char *text);

/* Words of text, folded, each line indented; nothing if text is NULL or empty. */
void page_text(const struct page *page, int indent, const char *text);

/* Text whose first `bold` bytes stand out, folded to lines that begin at column hang. */
void page_term(const struct page *page, int indent, int hang, const char *text, size_t bold);

#endif
