/* SPDX-License-Identifier: Apache-2.0
 * Values between JSON and SQL. Integers beyond 2^53 are {"$int": "…"} and blobs {"$base64": "…"},
 * in both directions. */
#include "task.h"

#include "../shared/number.h"
#include "../shared/text_input.h"

#define EXACT (1ll << 53)
#define BYTES_MAX (48u << 20) /* of all cells: below the manifest's output_kb */

/* ---- parameters ---- */

static int32_t refuse(const struct task *task, const char *pointer)
{
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, pointer,
                            "a parameter is a string, a number, a boolean, null, {\"$int\": "
                            "\"digits\"} or {\"$base64\": \"…\"}");
}

/* {"$int": …} or {"$base64": …} */
static int32_t read_object(const struct task *task, const json_t *value, const char *pointer,
                           struct parameter *parameter)
{
    const json_t *integer = json_object_get(value, "$int");
    const json_t *blob = json_object_get(value, "$base64");
    if (json_object_size(value) != 1 || !json_is_string(integer ? integer : blob))
        return refuse(task, pointer);
    const char *text = json_string_value(integer ? integer : blob);
    size_t size = json_string_length(integer ? integer : blob);
    json_int_t number = 0;
    if (integer) {
        if (!number_read_integer(text, size, &number))
            return llmspell_fail_at(task->call, LLMSPELL_EINVAL, pointer,
                                    "\"$int\" is an integer from -9223372036854775808 to "
                                    "9223372036854775807, in digits");
        *parameter = (struct parameter){.kind = PARAMETER_INTEGER, .integer = number};
        return 0;
    }
    *parameter = (struct parameter){.kind = PARAMETER_BLOB};
    parameter->text = parameter->owned = base64_read(text, size, &parameter->size);
    if (!parameter->owned)
        return llmspell_fail(task->call, LLMSPELL_ENOMEM, "out of memory");
    if (parameter->size == SIZE_MAX)
        return llmspell_fail_at(task->call, LLMSPELL_EINVAL, pointer,
                                "\"$base64\" is not Base64 with its padding");
    return 0;
}

int32_t parameter_read(const struct task *task, const json_t *value, const char *pointer,
                       struct parameter *ret_parameter)
{
    *ret_parameter = (struct parameter){.kind = PARAMETER_NULL};
    switch (json_typeof(value)) {
    case JSON_NULL:
        return 0;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret_parameter =
            (struct parameter){.kind = PARAMETER_INTEGER, .integer = json_is_true(value)};
        return 0;
    case JSON_INTEGER:
        *ret_parameter =
            (struct parameter){.kind = PARAMETER_INTEGER, .integer = json_integer_value(value)};
        return 0;
    case JSON_REAL:
        *ret_parameter = (struct parameter){.kind = PARAMETER_REAL, .real = json_real_value(value)};
        return 0;
    case JSON_STRING:
        *ret_parameter = (struct parameter){.kind = PARAMETER_TEXT,
                                            .text = json_string_value(value),
                                            .size = json_string_length(value)};
        return 0;
    case JSON_OBJECT:
        return read_object(task, value, pointer, ret_parameter);
    default:
        return refuse(task, pointer);
    }
}

size_t parameters_count(const struct task *task)
{
    const json_t *parameters = json_object_get(task->params, "parameters");
    return json_is_object(parameters) ? json_object_size(parameters) : json_array_size(parameters);
}

int32_t parameters_differ(const struct task *task, size_t wanted)
{
    return llmspell_fail_at(task->call, LLMSPELL_EINVAL, "/parameters",
                            "the statement has %zu parameter%s, but %zu %s given", wanted,
                            wanted == 1 ? "" : "s", parameters_count(task),
                            parameters_count(task) == 1 ? "is" : "are");
}

/* ---- cells ---- */

json_t *cell_integer(int64_t value, size_t *bytes)
{
    *bytes += 21;
    if (value >= -EXACT && value <= EXACT)
        return json_integer(value);
    *bytes += 12;
    return json_pack("{s:o}", "$int", json_sprintf("%lld", (long long)value));
}

json_t *cell_real(double value, size_t *bytes)
{
    *bytes += 25;
    return number_json(value);
}

json_t *cell_blob(const void *data, size_t size, size_t *bytes)
{
    LLMSPELL_CLEANUP_FREE char *text = base64_write(data, size);
    *bytes += size / 3 * 4 + 20;
    return text ? json_pack("{s:s}", "$base64", text) : NULL;
}

/* How long it is between quotes. */
static size_t escaped_size(const char *text, size_t size)
{
    size_t more = 3;
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ')
            more += 5;
        else if (text[i] == '"' || text[i] == '\\')
            more++;
    }
    return size + more;
}

json_t *cell_text(const char *text, size_t size, size_t *bytes)
{
    if (text_valid(text, size) != size)
        return cell_blob(text, size, bytes);
    *bytes += escaped_size(text, size);
    return json_stringn_nocheck(text, size);
}

json_t *name_json(const char *name)
{
    size_t size = name ? strlen(name) : 0;
    if (!name)
        return json_null();
    LLMSPELL_CLEANUP_FREE char *copy = strdup(name);
    for (size_t at = 0; copy && (at += text_valid(copy + at, size - at)) < size;)
        copy[at] = '?';
    return copy ? json_string(copy) : NULL;
}

/* ---- rows ---- */

int32_t rows_init(struct rows *rows, const struct task *task)
{
    *rows = (struct rows){.task = task,
                          .columns = json_array(),
                          .list = json_array(),
                          .limit = llmspell_integer(task->params, "limit", 1000)};
    return rows->columns && rows->list
               ? 0
               : llmspell_fail(task->call, LLMSPELL_ENOMEM, "out of memory");
}

void rows_clear(struct rows *rows)
{
    json_decref(rows->columns);
    json_decref(rows->list);
}

int32_t rows_add_column(struct rows *rows, const char *name, const char *type)
{
    json_t *column = json_pack("{s:o, s:o}", "name", name_json(name ? name : ""), "type",
                               name_json(type && *type ? type : NULL));
    if (json_array_append_new(rows->columns, column) != 0)
        return llmspell_fail(rows->task->call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

int32_t rows_add(struct rows *rows, json_t *row, size_t bytes)
{
    bool many = row && (json_int_t)json_array_size(rows->list) >= rows->limit;
    bool much = row && rows->bytes + bytes > BYTES_MAX;
    if (much && json_array_size(rows->list) == 0) {
        json_decref(row);
        return llmspell_fail(rows->task->call, LLMSPELL_ELIMIT,
                             "a row has more than %u MiB; choose fewer or shorter columns",
                             BYTES_MAX >> 20);
    }
    if (many || much) {
        json_decref(row);
        rows->truncated = true;
        return 1;
    }
    rows->bytes += bytes;
    if (json_array_append_new(rows->list, row) != 0)
        return llmspell_fail(rows->task->call, LLMSPELL_ENOMEM, "out of memory");
    return 0;
}

int32_t rows_result(struct rows *rows, json_t **ret_result)
{
    return llmspell_return(
        rows->task->call, ret_result,
        json_pack("{s:O, s:O, s:I, s:b}", "columns", rows->columns, "rows", rows->list, "row_count",
                  (json_int_t)json_array_size(rows->list), "truncated", rows->truncated));
}
