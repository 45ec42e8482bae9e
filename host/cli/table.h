/* SPDX-License-Identifier: Apache-2.0
 * Aligned tables for people, by libsmartcols: UTF-8 widths, bold headings on a terminal. */
#ifndef HOST_TABLE_H
#define HOST_TABLE_H

#include <stdbool.h>

struct cli;
struct table;

/* headings: NULL-terminated; one that begins with > stands over numbers, to the right. NULL without
 * memory. */
struct table *table_new(const struct cli *cli, const char *const *headings);

/* One row: as many texts as headings; NULL is an empty cell; texts are copied. */
void table_add(struct table *table, const char *const *cells);

/* A line of its own between rows, bold on a terminal; an empty line stands before it, but for the
 * first. */
void table_add_heading(struct table *table, const char *text);

/* Prints to stdout and frees. */
void table_print(struct table *table);

/* Frees without printing; NULL is fine. */
void table_free(struct table *table);

#endif
