/* SPDX-License-Identifier: Apache-2.0
 * The functions of string and table that the runtime carries in forms that an interrupt ends must
 * do to the letter what Lua's own do: tests/data/lua/strings.lua holds them against each other. */
#include "lua_host.h"

#include "test.h"

static char *read_script(const char *path)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = fopen(path, "re");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_FATAL(getdelim(&text, &size, EOF, file) > 0);
    fclose(file);
    return text;
}

static void differential(void)
{
    struct host *h = host_open("{}");
    char *script = read_script(TEST_DATA "/lua/strings.lua");
#ifdef __SANITIZE_THREAD__ /* two minutes of one thread otherwise */
    SHOWS(h, "SHARE = 10 return SHARE", "10");
#endif
    SHOWS(h, script, "same");
    free(script);
    host_close(h);
}

/* memory_mb speaks before Lua's own limit of 2 GB does. */
static void memory(void)
{
    struct host *h = host_open("{\"memory_mb\": 64}");
    HOLDS(host_result(h, "('x'):rep(8 << 30)"), "MemoryError: not enough memory");
    HOLDS(host_result(h, "('x'):rep(100 << 20)"), "MemoryError: not enough memory");
    HOLDS(host_result(h, "local s = ('x'):rep(9 << 20) s:gsub('x', '%0%0%0%0%0%0%0%0')"),
          "MemoryError");
    HOLDS(host_result(h, "table.concat({('x'):rep(30 << 20), ('y'):rep(30 << 20)})"),
          "MemoryError");
    SHOWS(h, "#('x'):rep(1 << 20)", "1048576");
    host_close(h);
}

TEST_MAIN("runtime/lua strings", {"differential", differential}, {"memory", memory})
