/* SPDX-License-Identifier: Apache-2.0
 * Cell addresses: letters and numbers, both ways. */
#include "sheet.h"

bool read_column(const char **text, uint32_t *ret_column)
{
    uint32_t column = 0;
    const char *c = *text;
    for (; (*c | 32) >= 'a' && (*c | 32) <= 'z'; c++) {
        column = column * 26 + (uint32_t)((*c | 32) - 'a' + 1);
        if (column > COLUMNS_MAX)
            return false;
    }
    if (c == *text)
        return false;
    *text = c;
    *ret_column = column - 1;
    return true;
}

static bool read_row(const char **text, uint32_t *ret_row)
{
    uint32_t row = 0;
    const char *c = *text;
    for (; *c >= '0' && *c <= '9'; c++) {
        row = row * 10 + (uint32_t)(*c - '0');
        if (row > ROWS_MAX)
            return false;
    }
    if (c == *text || row == 0)
        return false;
    *text = c;
    *ret_row = row - 1;
    return true;
}

bool read_cell(const char *text, uint32_t *ret_row, uint32_t *ret_column)
{
    return read_column(&text, ret_column) && read_row(&text, ret_row) && !*text;
}

/* One end of an area: a cell, a column or a row; $ before its parts changes nothing. */
static bool read_end(const char **text, bool *ret_column, bool *ret_row, uint32_t *column,
                     uint32_t *row)
{
    const char *start = *text, *digits;
    start += *start == '$';
    *ret_column = read_column(&start, column);
    digits = *ret_column ? start + (*start == '$') : start;
    *ret_row = read_row(&digits, row);
    *text = *ret_row ? digits : start;
    return *ret_column || *ret_row;
}

static void sort_ends(uint32_t *low, uint32_t *high)
{
    uint32_t swap = *low;
    if (*low <= *high)
        return;
    *low = *high;
    *high = swap;
}

bool read_area(const char *text, struct area *ret_area)
{
    struct area area = {0, 0, ROWS_MAX - 1, COLUMNS_MAX - 1};
    bool column = false, row = false, last_column = false, last_row = false;
    if (!read_end(&text, &column, &row, &area.column, &area.row))
        return false;
    if (!*text && column && row) {
        area.last_column = area.column;
        area.last_row = area.row;
        *ret_area = area;
        return true;
    }
    if (*text++ != ':')
        return false;
    if (!read_end(&text, &last_column, &last_row, &area.last_column, &area.last_row) || *text ||
        column != last_column || row != last_row)
        return false;
    sort_ends(&area.column, &area.last_column);
    sort_ends(&area.row, &area.last_row);
    *ret_area = area;
    return true;
}

void write_column(uint32_t column, char text[8])
{
    char digits[8];
    int used = 0;
    for (column++; column > 0; column = (column - 1) / 26)
        digits[used++] = (char)('A' + (column - 1) % 26);
    for (int i = 0; i < used; i++)
        text[i] = digits[used - 1 - i];
    text[used] = '\0';
}

void write_area(const struct area *area, char text[40])
{
    char first[8], last[8];
    write_column(area->column, first);
    write_column(area->last_column, last);
    snprintf(text, 40, "%s%u:%s%u", first, area->row + 1, last, area->last_row + 1);
}
