/* SPDX-License-Identifier: Apache-2.0
 * One line of the history's file: an input, its output that came later, or just a session's number.
 * Lines that are none of these are passed over. Used by history_file.c and history_query.c. */
#ifndef HOST_HISTORY_LINE_H
#define HOST_HISTORY_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Text that grows. */
struct history_text {
    char *data;
    size_t size, room;
};

/* Borrowed parts of a line: input NULL: only the output of that line; output NULL: none. */
struct history_line {
    int64_t session, line, time_ms;
    const char *input, *output;
    size_t input_size, output_size;
    json_t *holder; /* history_line_read: what owns the texts */
};

/* Appends the line with its newline; false without memory: then the text is as it was. */
bool history_line_write(struct history_text *text, const struct history_line *line);

/* {"session": N} alone: keeps the number in use when the session's lines are gone. */
bool history_line_write_session(struct history_text *text, int64_t session);

bool history_text_add(struct history_text *text, const char *data, size_t size);

/* The session of a line (without its newline); false: the line is nothing of ours. Quick for what
 * history_line_write wrote. */
bool history_line_session(const char *text, size_t size, int64_t *ret_session);

/* Reads a line with an input or an output; false: it has neither. Then json_decref(holder). */
bool history_line_read(const char *text, size_t size, struct history_line *ret_line);

/* The last line of text[0 .. *size): without its newline, and *size is cut to what stands before
 * it; false at the start. */
bool history_text_last(const char *text, size_t *size, const char **ret_line, size_t *ret_size);

#endif
