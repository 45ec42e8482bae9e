/* SPDX-License-Identifier: Apache-2.0
 * Just enough of the grammar of SQL to tell statements apart. */
#include "task.h"

#include <strings.h>

/* Behind a comment at sql, or sql. */
static const char *skip_comment(const char *sql)
{
    if (sql[0] == '-' && sql[1] == '-')
        return sql + strcspn(sql, "\n");
    if (sql[0] != '/' || sql[1] != '*')
        return sql;
    const char *end = strstr(sql + 2, "*/");
    return end ? end + 2 : sql + strlen(sql);
}

const char *sql_skip_blank(const char *sql)
{
    for (;;) {
        const char *at = sql + strspn(sql, " \t\r\n\f\v;");
        at = skip_comment(at);
        if (at == sql)
            return at;
        sql = at;
    }
}

/* Behind '…', "…", `…` with doubled quotes in it. */
static const char *skip_quoted(const char *sql)
{
    char quote = *sql++;
    while (*sql) {
        if (*sql++ != quote)
            continue;
        if (*sql != quote)
            break;
        sql++;
    }
    return sql;
}

/* Behind $tag$ … $tag$ as PostgreSQL has it; sql if it is none. */
static const char *skip_dollars(const char *sql)
{
    size_t n = 1 + strspn(sql + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    if (sql[n] != '$')
        return sql;
    for (const char *at = sql + n + 1; (at = strchr(at, '$')); at++) {
        if (strncmp(at, sql, n + 1) == 0)
            return at + n + 1;
    }
    return sql + strlen(sql);
}

const char *sql_statement_end(const char *sql)
{
    while (*sql && *sql != ';') {
        const char *at = sql;
        if (*sql == '\'' || *sql == '"' || *sql == '`')
            at = skip_quoted(sql);
        else if (*sql == '$')
            at = skip_dollars(sql);
        else
            at = skip_comment(sql);
        sql = at == sql ? sql + 1 : at;
    }
    return sql;
}

bool sql_begins_with(const char *sql, const char *word)
{
    sql = sql_skip_blank(sql);
    size_t n = strspn(sql, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return n == strlen(word) && strncasecmp(sql, word, n) == 0;
}

bool sql_is_read(const char *sql)
{
    static const char *const words[] = {"SELECT", "WITH", "VALUES", "SHOW", "EXPLAIN"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (sql_begins_with(sql, words[i]))
            return true;
    }
    return false;
}
