/* SPDX-License-Identifier: Apache-2.0
 * Cells of an ODBC result: whole numbers, doubles and bytes as such, all else as text. */
#include "odbc.h"

#define CHUNK 16384
#define VALUE_MAX (64u << 20)

struct bytes {
    char *data;
    size_t size, room;
};

static bool add_chunk(struct bytes *bytes, const char *chunk, size_t size)
{
    if (size > bytes->room - bytes->size) {
        size_t room = (bytes->size + size) * 2;
        char *grown = realloc(bytes->data, room);
        if (!grown)
            return false;
        bytes->data = grown;
        bytes->room = room;
    }
    memcpy(bytes->data + bytes->size, chunk, size);
    bytes->size += size;
    return true;
}

/* 1: a value in *bytes; 0: NULL; or a code. terminator: bytes that end each chunk. */
static int32_t read_long(const struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT column,
                         SQLSMALLINT c_type, size_t terminator, struct bytes *bytes)
{
    struct llmspell_call *call = odbc->task->call;
    char chunk[CHUNK];
    const size_t most = sizeof chunk - terminator;
    for (;;) {
        SQLLEN length = 0;
        SQLRETURN code = SQLGetData(statement, column, c_type, chunk, sizeof chunk, &length);
        if (code == SQL_NO_DATA)
            return 1;
        if (!SQL_SUCCEEDED(code))
            return odbc_fail(odbc, SQL_HANDLE_STMT, statement, ODBC_STAGE_RUN);
        if (length == SQL_NULL_DATA)
            return 0;
        bool more = length == SQL_NO_TOTAL || (size_t)length > most;
        if (!add_chunk(bytes, chunk, more ? most : (size_t)length))
            return llmspell_fail(call, LLMSPELL_ENOMEM, "out of memory");
        if (bytes->size > VALUE_MAX)
            return llmspell_fail_at(call, LLMSPELL_ELIMIT, "/sql", "a value has more than %u MiB",
                                    VALUE_MAX >> 20);
        if (!more || code == SQL_SUCCESS)
            return 1;
    }
}

static json_t *long_cell(const struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT column,
                         bool binary, size_t *bytes, int32_t *ret_rc)
{
    struct bytes value = {NULL, 0, 0};
    json_t *cell = NULL;
    *ret_rc = read_long(odbc, statement, column, binary ? SQL_C_BINARY : SQL_C_WCHAR,
                        binary ? 0 : sizeof(SQLWCHAR), &value);
    if (*ret_rc == 0) {
        cell = json_null();
    } else if (*ret_rc > 0 && binary) {
        cell = cell_blob(value.data, value.size, bytes);
    } else if (*ret_rc > 0) {
        size_t size = 0;
        LLMSPELL_CLEANUP_FREE char *text =
            utf16_to_utf8((const SQLWCHAR *)value.data, value.size / sizeof(SQLWCHAR), &size);
        cell = text ? cell_text(text, size, bytes) : NULL;
    }
    free(value.data);
    if (*ret_rc >= 0)
        *ret_rc = cell ? 0 : llmspell_fail(odbc->task->call, LLMSPELL_ENOMEM, "out of memory");
    return cell;
}

/* NULL with *ret_rc 0: the driver cannot give it so (a number that is too large): as text, then. */
static json_t *number_cell(SQLHSTMT statement, SQLUSMALLINT column, bool real, size_t *bytes)
{
    SQLBIGINT integer = 0;
    double number = 0;
    SQLLEN length = 0;
    SQLRETURN code =
        SQLGetData(statement, column, real ? SQL_C_DOUBLE : SQL_C_SBIGINT,
                   real ? (SQLPOINTER)&number : (SQLPOINTER)&integer, sizeof integer, &length);
    if (!SQL_SUCCEEDED(code))
        return NULL;
    if (length == SQL_NULL_DATA)
        return json_null();
    return real ? cell_real(number, bytes) : cell_integer(integer, bytes);
}

json_t *odbc_cell(const struct odbc *odbc, SQLHSTMT statement, SQLUSMALLINT column,
                  SQLSMALLINT type, size_t *bytes, int32_t *ret_rc)
{
    json_t *cell = NULL;
    bool binary = false;
    *ret_rc = 0;
    switch (type) {
    case SQL_BIT:
    case SQL_TINYINT:
    case SQL_SMALLINT:
    case SQL_INTEGER:
    case SQL_BIGINT:
        cell = number_cell(statement, column, false, bytes);
        break;
    case SQL_REAL:
    case SQL_FLOAT:
    case SQL_DOUBLE:
        cell = number_cell(statement, column, true, bytes);
        break;
    case SQL_BINARY:
    case SQL_VARBINARY:
    case SQL_LONGVARBINARY:
        binary = true;
        break;
    default:
        break;
    }
    return cell ? cell : long_cell(odbc, statement, column, binary, bytes, ret_rc);
}
