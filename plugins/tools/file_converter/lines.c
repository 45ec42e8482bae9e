/* SPDX-License-Identifier: Apache-2.0
 * Lines of a text: their ends, their indentation, trailing blanks. Line ends are LF, CRLF and CR.
 */
#include "file_converter.h"

#define LINES_A_LOOK 4096 /* lines between two looks at the cancel flag */
#define STEP_MAX 16       /* columns of an indentation step that is believed */

bool line_next(const char *data, size_t size, struct line *line)
{
    if (line->next >= size)
        return false;
    size_t end = line->start = line->next;
    while (end < size && data[end] != '\n' && data[end] != '\r')
        end++;
    line->end = end;
    if (end < size)
        end += data[end] == '\r' && end + 1 < size && data[end + 1] == '\n' ? 2 : 1;
    line->next = end;
    return true;
}

static void count_line(const char *data, const struct line *line, struct line_counts *counts)
{
    size_t length = line->next - line->end;
    counts->lines++;
    counts->crlf += length == 2;
    counts->lf += length == 1 && data[line->end] == '\n';
    counts->cr += length == 1 && data[line->end] == '\r';
}

const char *line_dominant(const struct line_counts *counts)
{
    if (counts->lf >= counts->crlf && counts->lf >= counts->cr)
        return counts->lf ? "lf" : "none";
    return counts->crlf >= counts->cr ? "crlf" : "cr";
}

static size_t blanks_end(const char *data, size_t at, size_t end)
{
    while (at < end && (data[at] == ' ' || data[at] == '\t'))
        at++;
    return at;
}

/* ---- detect ---- */

struct indents {
    size_t tabs, spaces, both;
    size_t last;                /* columns of the line before */
    size_t steps[STEP_MAX + 1]; /* how often a line is so much deeper than the one before */
};

static void count_indent(const char *data, const struct line *line, struct indents *indents)
{
    size_t end = blanks_end(data, line->start, line->end), tabs = 0;
    if (end == line->end)
        return; /* a blank line says nothing */
    for (size_t i = line->start; i < end; i++)
        tabs += data[i] == '\t';
    size_t columns = end - line->start;
    indents->tabs += tabs && tabs == columns;
    indents->spaces += columns && !tabs;
    indents->both += tabs && tabs < columns;
    if (tabs == 0 && columns > indents->last && columns - indents->last <= STEP_MAX)
        indents->steps[columns - indents->last]++;
    indents->last = tabs ? 0 : columns;
}

/* The most frequent step; 1 only if there is no other (comments in stars are one deeper). */
static size_t indent_step(const struct indents *indents)
{
    size_t best = 0;
    for (size_t i = 2; i <= STEP_MAX; i++)
        if (indents->steps[i] > (best ? indents->steps[best] : 0))
            best = i;
    return best ? best : indents->steps[1] ? 1 : 0;
}

json_t *lines_describe(const char *data, size_t size)
{
    struct line line = {0};
    struct line_counts counts = {0};
    struct indents indents = {0};
    while (line_next(data, size, &line)) {
        count_line(data, &line, &counts);
        count_indent(data, &line, &indents);
    }
    bool mixed = indents.both || (indents.tabs && indents.spaces);
    const char *kind = mixed ? "mixed" : indents.tabs ? "tabs" : indents.spaces ? "spaces" : "none";
    size_t step = indents.spaces ? indent_step(&indents) : 0;
    return json_pack("{s:{s:I, s:I, s:I}, s:s, s:s, s:o*, s:b, s:I}", "line_endings", "lf",
                     (json_int_t)counts.lf, "crlf", (json_int_t)counts.crlf, "cr",
                     (json_int_t)counts.cr, "dominant", line_dominant(&counts), "indentation", kind,
                     "indent_size", step ? json_integer((json_int_t)step) : NULL, "final_newline",
                     line.next > line.end, "lines", (json_int_t)counts.lines);
}

/* ---- changes ---- */

/* The look at the cancel flag after each so many lines, and at the memory. */
static int32_t look(const struct job *job, const struct bytes *out, size_t lines)
{
    if (out->failed)
        return llmspell_fail(job->call, LLMSPELL_ENOMEM, "out of memory");
    return lines % LINES_A_LOOK == 0 ? llmspell_cancelled(job->call) : 0;
}

int32_t change_line_endings(const struct job *job, const char *data, size_t size, struct bytes *out,
                            size_t *ret_changes)
{
    const char *wanted = llmspell_is(job->params, "line_ending", "crlf") ? "\r\n"
                         : llmspell_is(job->params, "line_ending", "cr") ? "\r"
                                                                         : "\n";
    size_t length = strlen(wanted), lines = 0;
    int32_t rc = bytes_reserve(out, size) ? 0 : look(job, out, 1);
    for (struct line line = {0}; rc == 0 && line_next(data, size, &line);) {
        size_t old = line.next - line.end;
        bytes_add(out, data + line.start, line.end - line.start);
        if (old)
            bytes_add(out, wanted, length);
        if (old && (old != length || memcmp(data + line.end, wanted, length) != 0))
            ++*ret_changes;
        rc = look(job, out, ++lines);
    }
    return rc;
}

/* Adds blanks[0, size) with each tab as the spaces up to the next stop. */
static void expand_tabs(struct bytes *out, const char *blanks, size_t size, size_t stop)
{
    for (size_t i = 0, column = 0, width; i < size; i++, column += width) {
        width = blanks[i] == '\t' ? stop - column % stop : 1;
        bytes_fill(out, ' ', width);
    }
}

/* Adds as many tabs as the columns of the blanks hold, the rest as spaces. */
static void gather_tabs(struct bytes *out, const char *blanks, size_t size, size_t stop)
{
    size_t column = 0;
    for (size_t i = 0; i < size; i++)
        column += blanks[i] == '\t' ? stop - column % stop : 1;
    bytes_fill(out, '\t', column / stop);
    bytes_fill(out, ' ', column % stop);
}

int32_t change_indentation(const struct job *job, const char *data, size_t size, struct bytes *out,
                           size_t *ret_changes)
{
    bool spaces = llmspell_bool(job->params, "convert_to_spaces", 1);
    size_t stop = (size_t)llmspell_integer(job->params, "tab_size", 4), lines = 0;
    int32_t rc = bytes_reserve(out, size) ? 0 : look(job, out, 1);
    for (struct line line = {0}; rc == 0 && line_next(data, size, &line);) {
        size_t end = blanks_end(data, line.start, line.end), start = out->size;
        size_t length = end - line.start;
        if (spaces)
            expand_tabs(out, data + line.start, length, stop);
        else
            gather_tabs(out, data + line.start, length, stop);
        if (!out->failed && (out->size - start != length ||
                             (length && memcmp(out->data + start, data + line.start, length))))
            ++*ret_changes;
        bytes_add(out, data + end, line.next - end);
        rc = look(job, out, ++lines);
    }
    return rc;
}

/* Where line ends without its trailing blanks. */
static size_t trimmed_end(const char *data, const struct line *line)
{
    size_t end = line->end;
    while (end > line->start && (data[end - 1] == ' ' || data[end - 1] == '\t'))
        end--;
    return end;
}

/* Finds the last line that is not blank (0: none, lines count from 1) and how lines end. */
static size_t find_last(const char *data, size_t size, struct line_counts *counts)
{
    size_t last = 0;
    for (struct line line = {0}; line_next(data, size, &line);) {
        count_line(data, &line, counts);
        if (trimmed_end(data, &line) > line.start)
            last = counts->lines;
    }
    return last;
}

int32_t change_trim(const struct job *job, const char *data, size_t size, struct bytes *out,
                    size_t *ret_changes)
{
    struct line_counts counts = {0};
    size_t last = find_last(data, size, &counts), number = 0;
    const char *dominant = line_dominant(&counts);
    const char *newline = strcmp(dominant, "crlf") == 0 ? "\r\n"
                          : strcmp(dominant, "cr") == 0 ? "\r"
                                                        : "\n";
    int32_t rc = bytes_reserve(out, size + 2) ? 0 : look(job, out, 1);
    if (last == 0)
        last = 1; /* of blank lines one stays: the final newline */
    for (struct line line = {0}; rc == 0 && line_next(data, size, &line);) {
        size_t end = trimmed_end(data, &line);
        bool open = line.next == line.end;
        *ret_changes += ++number > last || end < line.end || open;
        if (number <= last) {
            bytes_add(out, data + line.start, end - line.start);
            bytes_add(out, open ? newline : data + line.end,
                      open ? strlen(newline) : line.next - line.end);
        }
        rc = look(job, out, number);
    }
    return rc;
}
