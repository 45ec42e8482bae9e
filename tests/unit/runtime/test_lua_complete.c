/* SPDX-License-Identifier: Apache-2.0
 * Completion, inspection and is_complete of the Lua runtime through its plugin entry: what the
 * tokens around the cursor mean, a full memory, every cut of some code. More rows, through a real
 * client: tests/integration/test_complete.py, test_inspect.py. */
#include "lua_host.h"

#include "test.h"

static json_t *ask(struct host *h, const char *msg_type, const char *code, size_t size,
                   json_int_t cursor)
{
    return host_send(
        h, msg_type,
        json_pack("{s:s%, s:I, s:i}", "code", code, size, "cursor_pos", cursor, "detail_level", 1));
}

/* The matches at the end of code, with a blank between them. */
static const char *matches(struct host *h, const char *code)
{
    static char text[65536];
    size_t i, used = 0;
    json_t *match;
    json_t *reply = ask(h, "complete_request", code, strlen(code), -1);
    text[0] = '\0';
    json_array_foreach(json_object_get(reply, "matches"), i, match)
    {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "",
                                 json_string_value(match));
        if (used >= sizeof text)
            break;
    }
    return text;
}

#define OFFERS(host, code, expected) CU_ASSERT_STRING_EQUAL(matches(host, code), expected)

/* Which declarations of the cell hold at the cursor. */
static void declarations(struct host *h)
{
    OFFERS(h, "local zq1, zq2 <const> = 1, 2 zq", "zq1 zq2");
    OFFERS(h, "local zq1 = 1 do local zq2 = 2 end zq", "zq1");
    OFFERS(h, "repeat local zq1 = 1 until true zq", "");
    OFFERS(h, "while zq do local zq1 = 1 zq", "zq1");
    OFFERS(h, "if a then local zq1 elseif b then local zq2 else local zq3 zq", "zq3");
    OFFERS(h, "for zq1 = 1, 2 do end zq", "");
    OFFERS(h, "for zq1, zq2 in pairs(t) do zq", "zq1 zq2");
    OFFERS(h, "local f = function(zq1, ...) return zq", "zq1");
    OFFERS(h, "local function zq1(zq2) end zq", "zq1");
    OFFERS(h, "function a.b:zq1(zq2) self.x = zq", "zq2");
    OFFERS(h, "f(function(zq1) end) zq", "");
    OFFERS(h, "local zq1 = {zq2 = 1} zq", "zq1");
    OFFERS(h, "zq1, zq2 = 1, 2 zq3 = 1 zq", "zq2 zq3");
    OFFERS(h, "end end until zq1 = 1 zq", "zq1");
    OFFERS(h, "local zq", "");
}

/* Where the cursor stands in a call. */
static void calls(struct host *h)
{
    OFFERS(h, "Tool.calculator{", "input=");
    OFFERS(h, "Tool.calculator{ [x] = 1, ", "input=");
    OFFERS(h, "Tool.calculator{ x = function() return {1, 2} end, ", "input=");
    OFFERS(h, "f(Tool.calculator{", "input=");
    OFFERS(h, "f{x = Tool.calculator{", "input=");
    OFFERS(h, "Tool.invoke('calculator', {", "input=");
    OFFERS(h, "Tool['calculator']{insp", "inspect_me");
    OFFERS(h, "Tool.calculator(({insp", "inspect_me");
    OFFERS(h, "Tool.calculator{1 + {insp", "inspect_me");
    OFFERS(h, "Tool.calculator(1, {insp", "inspect_me");
    OFFERS(h, "Tool.calculator{} {insp", "inspect_me");
    OFFERS(h, "local t = t t{insp", "inspect_me");
    OFFERS(h, "local a = b local b = a b{insp", "inspect_me");
    OFFERS(h, "Tool.get(){insp", "inspect_me");
    OFFERS(h, "){insp", "inspect_me");
    OFFERS(h, "Tool.get('ec", "echo");
    OFFERS(h, "Tool.list('da", "data");
}

static void places(void)
{
    struct host *h = host_open("{}");
    host_run(h, "inspect_me = 1");
    declarations(h);
    calls(h);
    host_close(h);
}

/* Each cut of code, with the cursor everywhere, gets an answer of each kind. */
static void cuts(void)
{
    static const char CODE[] = "local t = {a = 1, [\"b c\"] = 'x\\n'} --[[ y ]] for i = 1, #t do\n"
                               "Tool.calculator{input = \"1\", x = {{y = 2}}}:f('a', t[\"b";
    static const char *const REQUESTS[] = {"complete_request", "inspect_request",
                                           "is_complete_request"};
    struct host *h = host_open("{}");
    for (size_t size = 0; size < sizeof CODE; size++)
        for (size_t i = 0; i < 3; i++) {
            json_t *reply = ask(h, REQUESTS[i], CODE, size, (json_int_t)(size / (i + 1)));
            const char *status = llmspell_string(reply, "status");
            CU_ASSERT(status && strcmp(status, "failed") != 0 && strcmp(status, "unknown") != 0);
        }
    host_close(h);
}

/* A state that is full still answers, and still answers rightly. */
static void full_memory(void)
{
    struct host *h = host_open("{\"memory_mb\": 2}");
    host_run(h, "hoard = {} while true do hoard[#hoard + 1] = ('x'):rep(1000) .. #hoard end");
    OFFERS(h, "hoa", "hoard");
    OFFERS(h, "string.rev", "reverse");
    ask(h, "inspect_request", "hoard", 5, -1);
    CU_ASSERT(json_is_true(json_object_get(h->reply, "found")));
    ask(h, "is_complete_request", "x = {", 5, -1);
    CU_ASSERT(llmspell_is(h->reply, "status", "incomplete"));
    SHOWS(h, "hoard = nil 1 + 1", "2");
    host_close(h);
}

/* Cells are kept to a bound; the source of an old one is forgotten, not confused. */
static void sources(void)
{
    struct host *h = host_open("{}");
    host_run(h, "-- The first.\nfunction first() end");
    ask(h, "inspect_request", "first", 5, -1);
    const char *text = llmspell_string(json_object_get(h->reply, "data"), "text/plain");
    CU_ASSERT(text && strstr(text, "The first."));
    for (int i = 0; i < 300; i++)
        host_run(h, "-- Another.\nfunction other() end");
    ask(h, "inspect_request", "first", 5, -1);
    text = llmspell_string(json_object_get(h->reply, "data"), "text/plain");
    CU_ASSERT(text && strstr(text, "first()") && !strstr(text, "The first."));
    ask(h, "inspect_request", "other", 5, -1);
    text = llmspell_string(json_object_get(h->reply, "data"), "text/plain");
    CU_ASSERT(text && strstr(text, "Another."));
    host_close(h);
}

/* Asking makes next to nothing in the script's state. */
static void garbage(void)
{
    struct host *h = host_open("{}");
    json_t *before = NULL, *after = NULL;
    host_run(h, "collectgarbage() collectgarbage('stop')");
    ask(h, "complete_request", "string.fo", 9, -1);
    h->runtime->status(h->self, &before);
    for (int i = 0; i < 1000; i++) {
        ask(h, "complete_request", "string.fo", 9, -1);
        ask(h, "inspect_request", "string.format(", 14, -1);
        ask(h, "is_complete_request", "for i = 1, 2 do", 15, -1);
    }
    h->runtime->status(h->self, &after);
    CU_ASSERT(llmspell_integer(after, "heap_bytes", 0) <
              llmspell_integer(before, "heap_bytes", 0) + 4096);
    json_decref(before);
    json_decref(after);
    host_close(h);
}

/* Nor do ever new names pile up; and still no finalizer runs. */
static void new_names(void)
{
    struct host *h = host_open("{}");
    json_t *status = NULL;
    char code[8192];
    host_run(h, "for i = 1, 100 do setmetatable({}, {__gc = function() print('collected') end}) "
                "end");
    h->out[0] = '\0'; /* of those that were collected in the cell */
    for (int i = 0; i < 4000; i++) {
        int size = snprintf(code, sizeof code, "name%05000d.x.y", i);
        ask(h, "complete_request", code, (size_t)size, -1);
    }
    h->runtime->status(h->self, &status);
    CU_ASSERT(llmspell_integer(status, "heap_bytes", 0) < 4 << 20);
    CU_ASSERT_STRING_EQUAL(h->out, "");
    json_decref(status);
    host_run(h, "collectgarbage()");
    HOLDS(h->out, "collected");
    host_close(h);
}

TEST_MAIN("runtime/lua completion", {"places", places}, {"cuts", cuts},
          {"full memory", full_memory}, {"sources", sources}, {"garbage", garbage},
          {"new names", new_names})
