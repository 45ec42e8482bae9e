/* SPDX-License-Identifier: Apache-2.0
 * The cells that are kept, and how far the sheet is used. */
#include "sheet.h"

static int32_t too_many(const struct grid *grid)
{
    return llmspell_fail_at(grid->job->call, LLMSPELL_ELIMIT, "/path",
                            "the sheet has more than %u cells; read it by range", CELLS_MAX);
}

/* Appends empty entries until the list has count. */
static int32_t fill(struct grid *grid, json_t *list, size_t count, bool arrays)
{
    while (json_array_size(list) < count) {
        if (json_array_append_new(list, arrays ? json_array() : json_null()) != 0)
            return job_no_memory(grid->job);
        if (!arrays && ++grid->cells > CELLS_MAX)
            return too_many(grid);
    }
    return 0;
}

/* What is asked for of where; false: nothing. */
static bool clip(const struct grid *grid, struct area *where)
{
    const struct area *area = &grid->area;
    if (grid->limit == 0)
        return false;
    uint32_t last_row =
        area->last_row - area->row < grid->limit ? area->last_row : area->row + grid->limit - 1;
    if (where->row < area->row)
        where->row = area->row;
    if (where->column < area->column)
        where->column = area->column;
    if (where->last_row > last_row)
        where->last_row = last_row;
    if (where->last_column > area->last_column)
        where->last_column = area->last_column;
    return where->row <= where->last_row && where->column <= where->last_column;
}

static int32_t keep(struct grid *grid, uint32_t row, uint32_t column, json_t *value)
{
    row -= grid->area.row;
    column -= grid->area.column;
    int32_t rc = fill(grid, grid->kept, row + 1, true);
    json_t *list = json_array_get(grid->kept, row);
    if (rc == 0)
        rc = fill(grid, list, column + 1, false);
    if (rc == 0 && json_array_set(list, column, value) != 0)
        rc = job_no_memory(grid->job);
    return rc;
}

int32_t grid_put(struct grid *grid, struct area where, json_t *value)
{
    int32_t rc = value ? 0 : job_no_memory(grid->job);
    if (rc == 0 && !json_is_null(value)) {
        if (where.last_row >= grid->rows)
            grid->rows = where.last_row + 1;
        if (where.last_column >= grid->columns)
            grid->columns = where.last_column + 1;
        bool any = clip(grid, &where);
        for (uint32_t row = where.row; any && rc == 0 && row <= where.last_row; row++) {
            for (uint32_t i = where.column; rc == 0 && i <= where.last_column; i++)
                rc = keep(grid, row, i, value);
            if (rc == 0 && row > where.row)
                rc = llmspell_cancelled(grid->job->call);
        }
    }
    json_decref(value);
    return rc;
}

int32_t grid_finish(struct grid *grid, struct area *ret_area, uint32_t *ret_total, bool *ret_any)
{
    struct area area = grid->area;
    *ret_any = grid->rows > area.row && grid->columns > area.column;
    *ret_total = 0;
    if (!*ret_any)
        return 0;
    if (area.last_row >= grid->rows)
        area.last_row = grid->rows - 1;
    if (area.last_column >= grid->columns)
        area.last_column = grid->columns - 1;
    *ret_total = area.last_row - area.row + 1;
    uint32_t rows = *ret_total < grid->limit ? *ret_total : grid->limit;
    uint32_t columns = area.last_column - area.column + 1;
    if ((uint64_t)rows * columns > CELLS_MAX)
        return too_many(grid);
    area.last_row = area.row + rows - 1;
    int32_t rc = fill(grid, grid->kept, rows, true);
    for (uint32_t i = 0; rc == 0 && i < rows; i++)
        rc = fill(grid, json_array_get(grid->kept, i), columns, false);
    *ret_area = area;
    return rc;
}
