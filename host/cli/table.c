/* SPDX-License-Identifier: Apache-2.0
 * Tables. The last column is cut to the terminal's width; into a pipe nothing is cut. */
#include "cli/table.h"

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

struct table {
    struct libscols_table *table;
    size_t columns;
    bool color;
};

struct table *table_new(const struct cli *cli, const char *const *headings)
{
    struct table *table = calloc(1, sizeof *table);
    if (!table || !(table->table = scols_new_table())) {
        free(table);
        return NULL;
    }
    table->color = cli->color;
    scols_table_enable_colors(table->table, cli->color);
    scols_table_enable_noheadings(table->table, cli->quiet);
    while (headings[table->columns]) {
        const char *heading = headings[table->columns++];
        bool right = *heading == '>', last = !headings[table->columns];
        struct libscols_column *column = scols_table_new_column(table->table, heading + right, 0,
                                                                right  ? SCOLS_FL_RIGHT
                                                                : last ? SCOLS_FL_TRUNC
                                                                       : 0);
        if (column && cli->color)
            scols_cell_set_color(scols_column_get_header(column), "bold");
    }
    if (!isatty(STDOUT_FILENO))
        scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER);
    return table;
}

void table_add(struct table *table, const char *const *cells)
{
    struct libscols_line *line = table ? scols_table_new_line(table->table, NULL) : NULL;
    for (size_t i = 0; line && i < table->columns; i++)
        scols_line_set_data(line, i, cells[i] ? cells[i] : "");
}

void table_add_heading(struct table *table, const char *text)
{
    if (table && scols_table_get_nlines(table->table) > 0)
        scols_table_new_line(table->table, NULL);
    struct libscols_line *line = table ? scols_table_new_line(table->table, NULL) : NULL;
    if (!line)
        return;
    scols_line_set_data(line, 0, text);
    if (table->color)
        scols_cell_set_color(scols_line_get_cell(line, 0), "bold");
}

void table_free(struct table *table)
{
    if (!table)
        return;
    scols_unref_table(table->table);
    free(table);
}

/* The library fills cells up with blanks, also where a line ends with empty ones. */
static void print_lines(const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "\n"), shown = size;
        while (shown > 0 && text[shown - 1] == ' ')
            shown--;
        fwrite(text, 1, shown, stdout);
        putchar('\n');
        text += size + (text[size] == '\n');
    }
}

void table_print(struct table *table)
{
    char *text = NULL;
    if (table && scols_print_table_to_string(table->table, &text) == 0)
        print_lines(text);
    free(text);
    table_free(table);
}
