/* SPDX-License-Identifier: Apache-2.0
 * The report of a check. */
#include "plugin/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <llmspell/tool.h>

#include "util/json_line.h"

void check_begin(struct check *check, const char *name)
{
    check->name = name;
    check->found = 0;
}

void check_end(struct check *check)
{
    if (check->found == 0)
        json_array_append_new(check->rows,
                              json_pack("{s:s, s:s}", "check", check->name, "status", "ok"));
}

/* line 0: of no line. */
static void add(struct check *check, enum check_severity severity, int line, const char *format,
                va_list args)
{
    LLMSPELL_CLEANUP_FREE char *message = NULL;
    if (vasprintf(&message, format, args) < 0)
        message = NULL;
    json_t *text = json_string(message ? message : "");
    json_t *row = json_pack("{s:s, s:s, s:o}", "check", check->name, "status",
                            severity == CHECK_ERROR ? "error" : "warning", "message",
                            text ? text : json_string("(not UTF-8)"));
    if (line > 0) {
        json_object_set_new(row, "file", json_string(check->source));
        json_object_set_new(row, "line", json_integer(line));
    }
    json_array_append_new(check->rows, row);
    check->found++;
    check->errors += severity == CHECK_ERROR;
    check->warnings += severity == CHECK_WARNING;
}

void check_find(struct check *check, enum check_severity severity, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(check, severity, 0, format, args);
    va_end(args);
}

void check_find_at(struct check *check, enum check_severity severity, const char *pointer,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add(check, severity, json_line(check->text, check->text_size, pointer), format, args);
    va_end(args);
}
