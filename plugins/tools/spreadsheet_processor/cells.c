/* SPDX-License-Identifier: Apache-2.0
 * Rows and cells as XML of a worksheet. */
#include "writer.h"

#define TEXT_MAX 32767 /* characters of a cell */
#define FORMULA_MAX 8192

__attribute__((format(printf, 4, 5))) static int32_t wrong(const struct writer *writer, size_t row,
                                                           size_t column, const char *format, ...)
{
    char pointer[96], what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    snprintf(pointer, sizeof pointer, "/sheets/%zu/rows/%zu/%zu", writer->index, row, column);
    return llmspell_fail_at(writer->job->call, LLMSPELL_EINVAL, pointer, "%s %s", pointer, what);
}

/* ---- text ---- */

static size_t points(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

/* _xHHHH_ in a text itself: its first character is escaped, so that the rest stays. */
static bool looks_escaped(const char *text)
{
    return text[0] == '_' && text[1] == 'x' && strspn(text + 2, "0123456789abcdefABCDEF") >= 4 &&
           text[6] == '_';
}

void put_escaped(struct byte_buffer *out, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '&' || c == '<' || c == '>' || c == '"')
            buffer_puts(out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : "&quot;");
        else if ((c < 0x20 && c != '\t' && c != '\n') || looks_escaped(text))
            buffer_printf(out, "_x%04X_", c);
        else if (c == 0xEF && (unsigned char)text[1] == 0xBF && (unsigned char)text[2] >= 0xBE) {
            buffer_printf(out, "_xFFF%c_", (unsigned char)text[2] == 0xBE ? 'E' : 'F');
            text += 2;
        } else {
            buffer_char(out, *text);
        }
    }
}

/* ---- cells ---- */

static void open_cell(struct writer *writer, size_t row, size_t column, const char *type,
                      uint32_t style)
{
    char letters[8];
    write_column((uint32_t)column, letters);
    buffer_printf(&writer->sheet, "<c r=\"%s%zu\"", letters, row + 1);
    if (style)
        buffer_printf(&writer->sheet, " s=\"%u\"", style);
    if (type)
        buffer_printf(&writer->sheet, " t=\"%s\"", type);
    buffer_char(&writer->sheet, '>');
}

static void put_number(struct writer *writer, size_t row, size_t column, uint32_t style,
                       double value)
{
    char number[REAL_TEXT_SIZE];
    open_cell(writer, row, column, NULL, style);
    number_text(value, number);
    buffer_printf(&writer->sheet, "<v>%s</v></c>", number);
}

static int32_t put_text(struct writer *writer, size_t row, size_t column, uint32_t style,
                        const json_t *value)
{
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    double serial = 0;
    if (strlen(text) != size)
        return wrong(writer, row, column, "holds U+0000; a cell cannot");
    if (points(text) > TEXT_MAX)
        return wrong(writer, row, column, "has more than %d characters", TEXT_MAX);
    if (writer->columns[column].dates && style != STYLE_BOLD && date_serial(text, &serial)) {
        put_number(writer, row, column, style, serial);
        return 0;
    }
    bool blank = size > 0 && (strchr(" \t\n", text[0]) || strchr(" \t\n", text[size - 1]));
    open_cell(writer, row, column, "inlineStr", style);
    buffer_puts(&writer->sheet, blank ? "<is><t xml:space=\"preserve\">" : "<is><t>");
    put_escaped(&writer->sheet, text);
    buffer_puts(&writer->sheet, "</t></is></c>");
    return 0;
}

/* cached: the value that the formula had when it was read; NULL or null: unknown. */
static int32_t put_formula(struct writer *writer, size_t row, size_t column, uint32_t style,
                           const json_t *formula, const json_t *cached)
{
    const char *text = json_string_value(formula);
    char number[REAL_TEXT_SIZE];
    if (!text || *text != '=' || !text[1] || strlen(text) != json_string_length(formula) ||
        points(text) > FORMULA_MAX)
        return wrong(writer, row, column, "is no formula: = and at most %d characters",
                     FORMULA_MAX - 1);
    writer->any_formula = true;
    open_cell(writer, row, column,
              json_is_string(cached)    ? "str"
              : json_is_boolean(cached) ? "b"
                                        : NULL,
              style);
    buffer_puts(&writer->sheet, "<f>");
    put_escaped(&writer->sheet, text + 1);
    buffer_puts(&writer->sheet, "</f>");
    if (json_is_string(cached)) {
        buffer_puts(&writer->sheet, "<v>");
        put_escaped(&writer->sheet, json_string_value(cached));
        buffer_puts(&writer->sheet, "</v>");
    } else if (json_is_boolean(cached)) {
        buffer_printf(&writer->sheet, "<v>%d</v>", json_is_true(cached));
    } else if (json_is_number(cached)) {
        number_text(json_number_value(cached), number);
        buffer_printf(&writer->sheet, "<v>%s</v>", number);
    }
    buffer_puts(&writer->sheet, "</c>");
    return 0;
}

static int32_t put_cell(struct writer *writer, size_t row, size_t column, const json_t *value,
                        bool bold)
{
    uint32_t style = bold ? STYLE_BOLD : writer->columns[column].style;
    if (json_is_null(value))
        return 0;
    if (writer->formulas && json_is_string(value) && *json_string_value(value) == '=')
        return put_formula(writer, row, column, style, value, NULL);
    if (writer->formulas && json_is_object(value))
        return put_formula(writer, row, column, style, json_object_get(value, "formula"),
                           json_object_get(value, "value"));
    if (json_is_object(value) || json_is_array(value))
        return wrong(writer, row, column, "is %s; cells are texts, numbers, true, false and null",
                     json_is_object(value) ? "an object" : "a list");
    if (json_is_string(value))
        return put_text(writer, row, column, style, value);
    if (json_is_number(value)) {
        put_number(writer, row, column, style, json_number_value(value));
        return 0;
    }
    open_cell(writer, row, column, "b", style);
    buffer_printf(&writer->sheet, "<v>%d</v></c>", json_is_true(value));
    return 0;
}

int32_t put_row(struct writer *writer, size_t row, const json_t *values, bool bold)
{
    size_t i;
    json_t *value;
    writer->cells += json_array_size(values);
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/sheets/%zu/rows/%zu", writer->index, row);
    if (json_array_size(values) > COLUMNS_MAX || row >= ROWS_MAX)
        return llmspell_fail_at(writer->job->call, LLMSPELL_ELIMIT, pointer,
                                "a sheet has at most %u rows and %u columns", ROWS_MAX,
                                COLUMNS_MAX);
    if (writer->cells > CELLS_MAX)
        return llmspell_fail_at(writer->job->call, LLMSPELL_ELIMIT, "/sheets",
                                "there are more than %u cells", CELLS_MAX);
    buffer_printf(&writer->sheet, "<row r=\"%zu\">", row + 1);
    json_array_foreach(values, i, value)
    {
        int32_t rc = put_cell(writer, row, i, value, bold);
        if (rc < 0)
            return rc;
    }
    buffer_puts(&writer->sheet, "</row>");
    return llmspell_cancelled(writer->job->call);
}
