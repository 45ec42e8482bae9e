/* SPDX-License-Identifier: Apache-2.0
 * Errors of ODBC drivers → errors of the call, by their SQLSTATE. */
#include "odbc.h"

#include "../shared/text_input.h"

struct meaning {
    const char *state; /* how it begins */
    int32_t code;
    const char *pointer;
};

static const struct meaning connecting[] = {
    {"IM", LLMSPELL_EUNAVAILABLE, "/database"},    /* the source is there, but not its driver */
    {"01000", LLMSPELL_EUNAVAILABLE, "/database"}, /* unixODBC: cannot open the driver's library */
    {"28", LLMSPELL_EPERM, "/password_secret"},    {"HYT", LLMSPELL_ETIMEOUT, "/database"},
    {"08", LLMSPELL_ENETWORK, "/database"},        {"", LLMSPELL_EFAILED, "/database"},
};

static const struct meaning running[] = {
    {"42501", LLMSPELL_EPERM, "/sql"},      {"25006", LLMSPELL_EPERM, "/sql"},
    {"42", LLMSPELL_EPARSE, "/sql"},        {"37", LLMSPELL_EPARSE, "/sql"},
    {"S0", LLMSPELL_EPARSE, "/sql"},        {"23", LLMSPELL_EFAILED, "/sql"},
    {"07", LLMSPELL_EINVAL, "/parameters"}, {"HYT", LLMSPELL_ETIMEOUT, NULL},
    {"08", LLMSPELL_ENETWORK, "/database"}, {"HY001", LLMSPELL_ELIMIT, "/sql"},
    {"", LLMSPELL_EFAILED, "/sql"},
};

/* The SQLite driver has one SQLSTATE for all, but tells SQLite's own number. */
static const struct {
    SQLINTEGER native;
    struct meaning meaning;
} of_sqlite[] = {
    {1, {"", LLMSPELL_EPARSE, "/sql"}},       {8, {"", LLMSPELL_EPERM, "/sql"}},
    {11, {"", LLMSPELL_EPARSE, "/database"}}, {26, {"", LLMSPELL_EPARSE, "/database"}},
    {23, {"", LLMSPELL_EPERM, "/sql"}},       {18, {"", LLMSPELL_ELIMIT, "/sql"}},
    {14, {"", LLMSPELL_EIO, "/database"}},
};

static const struct meaning *find(const struct meaning *list, const char *state)
{
    while (strncmp(state, list->state, strlen(list->state)) != 0)
        list++;
    return list;
}

static const struct meaning *find_sqlite(SQLINTEGER native)
{
    for (size_t i = 0; i < sizeof of_sqlite / sizeof *of_sqlite; i++) {
        if (of_sqlite[i].native == (native & 0xff))
            return &of_sqlite[i].meaning;
    }
    return NULL;
}

/* Drivers may hand out anything. */
static void clean(char *text)
{
    size_t size = strlen(text);
    for (size_t at = 0; (at += text_valid(text + at, size - at)) < size;)
        text[at] = '?';
}

int32_t odbc_fail(const struct odbc *odbc, SQLSMALLINT type, SQLHANDLE handle,
                  enum odbc_stage stage)
{
    SQLCHAR state[6] = "", text[600] = "";
    SQLINTEGER native = 0;
    SQLSMALLINT length = 0;
    SQLGetDiagRec(type, handle, 1, state, &native, text, sizeof text, &length);
    clean((char *)text);
    const struct meaning *meaning =
        find(stage == ODBC_STAGE_CONNECT ? connecting : running, (const char *)state);
    const struct meaning *own =
        stage != ODBC_STAGE_CONNECT && odbc_is(odbc, "SQLite") ? find_sqlite(native) : NULL;
    meaning = own ? own : meaning;
    return llmspell_fail_at(odbc->task->call, meaning->code, meaning->pointer, "%s (SQLSTATE %s)",
                            *text ? (const char *)text : "the driver failed",
                            *state ? (const char *)state : "unknown");
}
