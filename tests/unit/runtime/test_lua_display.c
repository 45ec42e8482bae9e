/* SPDX-License-Identifier: Apache-2.0
 * Rich display of the Lua runtime: bundles of results, display and its handle, Display.*, tables of
 * records, images, payloads, and what hostile values make of them. */
#include "lua_host.h"

#include <unistd.h>

#include "test.h"

/* "\x89PNG…" of 3×2 pixels, as far as the size goes. */
#define PNG "'\\x89PNG\\r\\n\\x1a\\n\\0\\0\\0\\rIHDR\\0\\0\\0\\3\\0\\0\\0\\2'"

/* The content of the event number i of a type that the last execution emitted; NULL: none. */
static json_t *event_of(const struct host *host, const char *type, size_t number)
{
    size_t i;
    json_t *event;
    json_array_foreach(host->events, i, event)
    {
        if (llmspell_is(event, "msg_type", type) && number-- == 0)
            return json_object_get(event, "content");
    }
    return NULL;
}

static json_t *shown_as(const struct host *host, const char *type)
{
    json_t *content = event_of(host, "execute_result", 0);
    return json_object_get(
        json_object_get(content ? content : event_of(host, "display_data", 0), "data"), type);
}

/* What the code shows under a MIME type: a string, or JSON text. */
static const char *shows(struct host *host, const char *code, const char *type)
{
    static char text[65536];
    json_t *reply = host_run(host, code), *value = shown_as(host, type);
    if (!llmspell_is(reply, "status", "ok")) {
        snprintf(text, sizeof text, "%s: %s", llmspell_string(reply, "ename"),
                 llmspell_string(reply, "evalue"));
    } else if (json_is_string(value)) {
        snprintf(text, sizeof text, "%s", json_string_value(value));
    } else {
        char *dump = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        snprintf(text, sizeof text, "%s", dump ? dump : "(none)");
        free(dump);
    }
    return text;
}

#define GIVES(host, code, type, expected)                                                          \
    do {                                                                                           \
        const char *given_ = shows(host, code, type);                                              \
        if (strcmp(given_, expected) != 0)                                                         \
            fprintf(stderr, "\n%s:%d: %s\n  gives: %s\n  not:   %s\n", __FILE__, __LINE__, code,   \
                    given_, expected);                                                             \
        CU_ASSERT_STRING_EQUAL(given_, expected);                                                  \
    } while (0)

static void results(void)
{
    struct host *h = host_open("{}");
    GIVES(h, "42", "text/html", "(none)");
    GIVES(h, "{1, 2}", "text/html", "(none)");
    GIVES(h, "{a = 1}", "text/html", "(none)");
    GIVES(h, "{}", "text/html", "(none)");
    GIVES(h, "{{}, {}}", "text/html", "(none)");
    GIVES(h, "{{a = 1}, 2}", "text/html", "(none)");
    GIVES(h, "{{a = 1}, {1}}", "text/html", "(none)");
    GIVES(h, "{{a = 1, 1}}", "text/html", "(none)");
    GIVES(h, "{{{}}}", "text/html", "(none)");
    GIVES(h, "{{a = 1}, nil, {a = 2}}", "text/html", "(none)");
    GIVES(h, "{{a = 1}, x = 2}", "text/html", "(none)");
    GIVES(h, "{{[1.5] = 1}}", "text/html", "(none)");
    GIVES(h, "{setmetatable({a = 1}, {__tostring = function() return 'me' end})}", "text/html",
          "(none)");
    GIVES(h, "setmetatable({{a = 1}}, {__tostring = function() return 'me' end})", "text/html",
          "(none)");
    GIVES(h, "{{a = 1}}, 2", "text/html", "(none)");
    GIVES(h, "return {{b = '<&\"', a = 1}, {c = true}}", "text/plain",
          "{{a = 1, b = \"<&\\\"\"}, {c = true}}");
    CU_ASSERT_STRING_EQUAL(
        json_string_value(shown_as(h, "text/html")),
        "<table>\n<thead><tr><th style=\"text-align:right\">a</th><th style=\"text-align:left\">b"
        "</th><th style=\"text-align:left\">c</th></tr></thead>\n<tbody>\n"
        "<tr><td style=\"text-align:right\">1</td><td style=\"text-align:left\">&lt;&amp;&quot;"
        "</td><td style=\"text-align:left\"></td></tr>\n"
        "<tr><td style=\"text-align:left\"></td><td style=\"text-align:left\"></td>"
        "<td style=\"text-align:left\">true</td></tr>\n</tbody>\n</table>");
    GIVES(h, "return {{1, 'x'}, {JSON.null}}", "text/html",
          "<table>\n<tbody>\n<tr><td style=\"text-align:right\">1</td>"
          "<td style=\"text-align:left\">x</td></tr>\n<tr><td style=\"text-align:left\">null</td>"
          "<td style=\"text-align:left\"></td></tr>\n</tbody>\n</table>");
    host_close(h);
}

static void bounds(void)
{
    struct host *h = host_open("{}");
    HOLDS(shows(h, "t = {} for i = 1, 1000 do t[i] = {n = i} end t", "text/html"),
          "</table>\n<p>… 900 more rows</p>");
    HOLDS(shows(h, "r = {} for i = 1, 51 do r['k' .. i] = i end return {r}", "text/html"),
          "<p>… 1 more column</p>");
    GIVES(h, "r = {} for i = 1, 1001 do r['k' .. i] = i end return {r}", "text/html", "(none)");
    HOLDS(shows(h, "return {{a = ('é'):rep(400)}}", "text/html"), "éé…</td>");
    HOLDS(shows(h, "t = {} for i = 1, 90 do t[i] = i end return {{a = t}}", "text/html"),
          ">{…}</td>");
    HOLDS(shows(h, "return {{a = {1, b = {2}}, f = print}}", "text/html"), ">{1, b = {2}}</td>");
    HOLDS(shows(h, "r = {} r.r = r return {r}", "text/html"), "{r = &lt;cycle&gt;}");
    HOLDS(shows(h, "return {{a = '\\xff\\0<'}}", "text/html"), ">\xef\xbf\xbd\xef\xbf\xbd&lt;<");
    HOLDS(
        shows(h,
              "rows, n = {}, 0 rows[1] = {a = setmetatable({}, {__tostring = function() n = n + 1 "
              "for i = 1, n == 2 and 9 or 0 do rows[i] = nil end return 'gone' end})} "
              "rows[2] = {a = 2} rows",
              "text/html"),
        "<tr><td style=\"text-align:left\">gone</td></tr>\n"
        "<tr><td style=\"text-align:left\"></td></tr>");
    host_close(h);
}

static void metamethods(void)
{
    struct host *h = host_open("{}");
    CU_ASSERT(llmspell_is(host_run(h, "function show(f, s) return setmetatable({}, {__display = f, "
                                      "__tostring = s}) end"),
                          "status", "ok"));
    GIVES(h, "show(function() return {['text/html'] = '<i>'} end)", "text/html", "<i>");
    CU_ASSERT_STRING_EQUAL(json_string_value(shown_as(h, "text/plain")), "{}");
    GIVES(h, "show(function() return {['text/html'] = '<i>'} end, function() return 'i' end)",
          "text/plain", "i");
    GIVES(h, "show(function() return {['application/json'] = {1, {}}} end)", "application/json",
          "[1,{}]");
    GIVES(h, "show(function() return nil end, function() return 'plain' end)", "text/plain",
          "plain");
    GIVES(h, "show(function() return Display.html('<u>') end)", "text/html", "<u>");
    GIVES(h, "show(function() return {['text/html'] = 1}, {a = {1}} end)", "text/html", "1");
    char *dump =
        json_dumps(json_object_get(event_of(h, "execute_result", 0), "metadata"), JSON_COMPACT);
    CU_ASSERT_STRING_EQUAL(dump, "{\"a\":[1]}");
    free(dump);
    host_close(h);
}

static void failing_metamethods(void)
{
    static const char *const CASES[][2] = {
        {"function() error('boom', 0) end", "boom"},
        {"function() error({code = 'x', message = 'bad'}) end", "bad"},
        {"function() error() end", "error object is a nil value"},
        {"function() error(setmetatable({}, {__tostring = error})) end", "__tostring failed"},
        {"42", "attempt to call"},
        {"function() return 42 end", "not a number"},
        {"function() return {'x'} end", "not a number"},
        {"function() return {[{}] = 'x'} end", "not a table"},
        {"function() return {html = 'x'} end", "\"html\" is not a MIME type"},
        {"function() return {['text/html'] = {}} end", "text/html has to be a string, not a table"},
        {"function() return {['image/png'] = 'x'} end", "are no png image"},
        {"function() return {['application/json'] = {0/0}} end", "NaN at [1]"},
        {"function() local t = {} t.t = t return {['application/json'] = t} end",
         "contains itself"},
        {"function() return {['application/json'] = {'\\xff'}} end", "not valid UTF-8"},
        {"function() return {['text/html'] = 'x'}, 3 end", "metadata has to be a table"},
        {"function() return {['text/html'] = 'x'}, {print} end", "cannot convert a function"},
        {"function(self) return self end", "nested more than 8 deep"},
        {"function() coroutine.yield() end", "yield"},
        {"function() return {['text/plain'] = ('x'):rep(100 << 20)} end", "at most 64 MiB"},
        {"function() local function f() return f() + 1 end f() end", "stack overflow"},
    };
    struct host *h = host_open("{}");
    char code[512];
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        snprintf(code, sizeof code, "return setmetatable({}, {__display = %s})", CASES[i][0]);
        const char *text = shows(h, code, "text/plain");
        HOLDS(text, CASES[i][1]);
        CU_ASSERT(strncmp(text, "<error in __display: ", 21) == 0);
        CU_ASSERT_PTR_NULL(shown_as(h, "text/html"));
    }
    GIVES(h, "return setmetatable({}, {__display = function(s) display(s) end})", "text/plain",
          "{}");
    CU_ASSERT_PTR_NOT_NULL(event_of(h, "display_data", 15));
    CU_ASSERT_PTR_NULL(event_of(h, "display_data", 16));
    SHOWS(h, "'still ' .. 'here'", "still here");
    host_close(h);
}

static void events(void)
{
    struct host *h = host_open("{}");
    CU_ASSERT(llmspell_is(host_run(h, "h = display('one', {display_id = 'id', metadata = {a = 1}})"
                                      "h:update('two')"),
                          "status", "ok"));
    char *dump = json_dumps(h->events, JSON_COMPACT);
    CU_ASSERT_STRING_EQUAL(
        dump, "[{\"msg_type\":\"display_data\",\"content\":{\"data\":{\"text/plain\":\"one\"},"
              "\"metadata\":{\"a\":1},\"transient\":{\"display_id\":\"id\"}}},"
              "{\"msg_type\":\"update_display_data\",\"content\":{\"data\":{\"text/plain\":\"two\"}"
              ",\"metadata\":{},\"transient\":{\"display_id\":\"id\"}}}]");
    free(dump);
    host_run(h, "update_display({{a = 1}}, h) display(3, {display_id = 'n', update = true})");
    CU_ASSERT(json_object_get(json_object_get(event_of(h, "update_display_data", 0), "data"),
                              "text/html") != NULL);
    CU_ASSERT_PTR_NOT_NULL(event_of(h, "update_display_data", 1));
    SHOWS(h,
          "a, b = display(1), display(2, {display_id = true}) "
          "return a.display_id ~= b.display_id and #b.display_id > 16",
          "true");
    SHOWS(h, "display(1)", "");
    HOLDS(host_result(h, "h"), "<display id>");
    host_run(h, "print('a') clear_output() clear_output(true) coroutine.wrap(display)('co')");
    CU_ASSERT(json_is_false(json_object_get(event_of(h, "clear_output", 0), "wait")));
    CU_ASSERT(json_is_true(json_object_get(event_of(h, "clear_output", 1), "wait")));
    CU_ASSERT_PTR_NOT_NULL(event_of(h, "display_data", 0));
    h->silent = 1;
    host_run(h, "display(1) h:update(2) clear_output() page('x') set_next_input('y')");
    CU_ASSERT_EQUAL(json_array_size(h->events), 0);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(h->reply, "payload")), 0);
    h->silent = 0;
    SHOWS(h, "setmetatable({}, {__gc = function() display('late') end}) 3", "3");
    host_close(h);
}

static void wrong_calls(void)
{
    struct host *h = host_open("{}");
    HOLDS(host_result(h, "display()"), "bad argument #1 to 'display' (value expected)");
    HOLDS(host_result(h, "display(1, 2)"), "bad argument #2 to 'display' (table expected");
    HOLDS(host_result(h, "display(1, {display_id = {}})"), "display_id has to be a string");
    HOLDS(host_result(h, "display(1, {display_id = ''})"), "display_id has to be a string");
    HOLDS(host_result(h, "display(1, {metadata = 3})"), "metadata has to be a table");
    HOLDS(host_result(h, "display(1, {metadata = {0/0}})"), "metadata: cannot convert NaN");
    HOLDS(host_result(h, "update_display(1)"), "update_display needs the display_id");
    HOLDS(host_result(h, "display(1).update(2, 3)"), "handle:update(value)");
    HOLDS(host_result(h, "display{['image/png'] = 'GIF89a'}"), "they begin with \"GIF89a\"");
    HOLDS(host_result(h, "page()"), "value expected");
    HOLDS(host_result(h, "page('x', -1)"), "0 or more");
    HOLDS(host_result(h, "set_next_input({})"), "string expected");
    HOLDS(host_result(h, "Display.html({})"), "string expected");
    HOLDS(host_result(h, "t = 1 for i = 1, 60 do t = {t, t} end Display.json(t)"),
          "cannot convert so large a value at [1][1]");
    HOLDS(host_result(h, "Display.json(print)"), "cannot convert a function");
    HOLDS(host_result(h, "Display.vega({1})"), "Display.vega needs a table with names");
    HOLDS(host_result(h, "Display.vegalite('no')"), "Display.vegalite needs a table with names");
    HOLDS(host_result(h, "Display.table{1}"), "Display.table: row 1 is not a table");
    HOLDS(host_result(h, "Display.table{a = 1}"), "the rows have to be an array");
    HOLDS(host_result(h, "Display.table{{1}, {a = 1}}"), "row 2 is not of the kind");
    HOLDS(host_result(h, "Display.table({{1}}, {max_rows = 0})"), "max_rows has to be 1 to");
    HOLDS(host_result(h, "Display.table({{1}}, {columns = {}})"), "columns has to be an array");
    HOLDS(host_result(h, "Display.table({{1}}, {columns = {1}})"), "columns[1] has to be a string");
    CU_ASSERT_EQUAL(json_array_size(h->events), 0);
    host_close(h);
}

static void mime(void)
{
    struct host *h = host_open("{}");
    GIVES(h, "display{['text/html'] = 'a\\xff'}", "text/html", "a\xef\xbf\xbd");
    GIVES(h, "display{['text/html'] = '<b>'}", "text/plain", "<b>");
    GIVES(h, "display{['image/x-new'] = '\\0\\1\\2\\3'}", "image/x-new", "AAECAw==");
    GIVES(h, "display{['application/pdf'] = '%PDF-'}", "application/pdf", "JVBERi0=");
    GIVES(h, "display{['application/x-a'] = 'abc'}", "application/x-a", "abc");
    GIVES(h, "display{['application/x-a'] = '\\xff'}", "application/x-a", "/w==");
    GIVES(h, "display{['image/svg+xml'] = '<svg/>'}", "image/svg+xml", "<svg/>");
    GIVES(h, "display{['application/geo+json'] = ' {\"a\": [1]}'}", "application/geo+json",
          "{\"a\":[1]}");
    GIVES(h, "display{['application/json'] = 'text'}", "application/json", "text");
    GIVES(h, "display{['application/json'] = '{no'}", "application/json", "{no");
    GIVES(h, "display{['application/json'] = 1.5}", "application/json", "1.5");
    GIVES(h, "display{['image/png'] = 'iVBORw0KGgoAAAA='}", "image/png", "iVBORw0KGgoAAAA=");
    HOLDS(shows(h, "display{['image/png'] = 'iVBORw0KGgo<'}", "image/png"), "are no png image");
    GIVES(h, "display{['a/b'] = 1}", "text/plain", "{[\"a/b\"] = 1}");
    GIVES(h, "display{['text/html'] = 1, x = 2}", "text/html", "(none)");
    host_close(h);
}

static void display_values(void)
{
    struct host *h = host_open("{}");
    GIVES(h, "Display.html('<b>x</b>')", "text/html", "<b>x</b>");
    CU_ASSERT_STRING_EQUAL(json_string_value(shown_as(h, "text/plain")), "<b>x</b>");
    GIVES(h, "Display.html(('x'):rep(5000))", "text/plain", "<html, 4.9 KiB>");
    GIVES(h, "Display.markdown('# a')", "text/markdown", "# a");
    GIVES(h, "Display.latex('$x$')", "text/latex", "$x$");
    GIVES(h, "Display.javascript('1')", "application/javascript", "1");
    GIVES(h, "Display.text({1})", "text/plain", "{1}");
    GIVES(h, "Display.json{a = {1, 2.5}}", "application/json", "{\"a\":[1,2.5]}");
    GIVES(h, "Display.json(JSON.array())", "text/plain", "[]");
    GIVES(h, "Display.vega{data = {}}", "application/vnd.vega.v5+json", "{\"data\":{}}");
    GIVES(h, "Display.vegalite{['$schema'] = 'https://vega.github.io/schema/vega-lite/v4.17.json'}",
          "application/vnd.vegalite.v4+json",
          "{\"$schema\":\"https://vega.github.io/schema/vega-lite/v4.17.json\"}");
    GIVES(h, "Display.vegalite('{\"mark\": \"bar\"}')", "application/vnd.vegalite.v5+json",
          "{\"mark\":\"bar\"}");
    GIVES(h, "{Display.html('x')}", "text/plain", "{x}");
    CU_ASSERT(llmspell_is(host_run(h, "print(Display.png(" PNG "))"), "status", "ok"));
    CU_ASSERT_STRING_EQUAL(h->out, "<png 3×2, 24 bytes>\n");
    GIVES(h, "d = Display.html('x') d.data = nil d", "text/plain", "<display>");
    HOLDS(shows(h, "d.data = 3 d", "text/plain"), "<error in __display: it has to return a table");
    host_close(h);
}

static void images(void)
{
    struct host *h = host_open("{}");
    GIVES(h, "Display.png(" PNG ")", "image/png", "iVBORw0KGgoAAAANSUhEUgAAAAMAAAAC");
    CU_ASSERT_STRING_EQUAL(json_string_value(shown_as(h, "text/plain")), "<png 3×2, 24 bytes>");
    host_run(h, "Display.png(" PNG ", {width = 30, height = 20})");
    char *dump =
        json_dumps(json_object_get(event_of(h, "execute_result", 0), "metadata"), JSON_COMPACT);
    CU_ASSERT_STRING_EQUAL(dump, "{\"image/png\":{\"height\":20,\"width\":30}}");
    free(dump);
    GIVES(h, "Display.gif('GIF89a\\2\\1\\1\\0')", "text/plain", "<gif 258×1, 10 bytes>");
    GIVES(h,
          "Display.jpeg('\\xff\\xd8\\xff\\xe0\\0\\4ab\\xff\\xff\\xc0\\0\\x0b\\8\\0\\7\\1\\0\\3')",
          "text/plain", "<jpeg 256×7, 19 bytes>");
    GIVES(h, "Display.jpeg('\\xff\\xd8\\xff\\xe0\\xff\\xff123456789')", "text/plain",
          "<jpeg, 15 bytes>");
    GIVES(h, "Display.jpeg('\\xff\\xd8\\xff\\xe0\\x00\\x00123456789')", "text/plain",
          "<jpeg, 15 bytes>");
    GIVES(h, "Display.jpeg('\\xff\\xd8\\xff')", "text/plain", "<jpeg, 3 bytes>");
    GIVES(h, "Display.png('\\x89PNG\\r\\n\\x1a\\n')", "text/plain", "<png, 8 bytes>");
    GIVES(h, "Display.svg('<svg/>')", "image/svg+xml", "<svg/>");
    GIVES(h, "Display.svg('<svg/>')", "text/plain", "<svg, 6 bytes>");
    HOLDS(host_result(h, "Display.svg('<b>')"), "there is no <svg in it");
    HOLDS(host_result(h, "Display.png('')"), "the 0 bytes are no png image");
    HOLDS(host_result(h, "Display.png(1)"), "string or {path = …} expected");
    HOLDS(host_result(h, "Display.png{}"), "needs the image's bytes or {path");
    HOLDS(host_result(h, "Display.png(" PNG ", {width = 'x'})"), "width has to be a number");
    HOLDS(host_result(h, "Display.png(" PNG ", {height = 0/0})"), "height has to be a number");
    HOLDS(host_result(h, "Display.png{path = '/nowhere/x.png'}"),
          "cannot read /nowhere/x.png: No such file");
    HOLDS(host_result(h, "Display.png{path = '/'}"), "it is no regular file");
    HOLDS(host_result(h, "Display.png{path = '/dev/zero'}"), "it is no regular file");
    HOLDS(host_result(h, "Display.png{path = 'a\\0b'}"), "NUL byte");
    HOLDS(host_result(h, "Display.png{path = '/etc/passwd'}"), "are no png image");
    host_close(h);
    h = host_open("{\"stdlib\": \"safe\"}");
    HOLDS(host_result(h, "Display.png{path = '/etc/passwd'}"), "stdlib = safe");
    host_close(h);
}

static void tables(void)
{
    struct host *h = host_open("{}");
    GIVES(h, "Display.table{{name = 'Ada', n = 1}, {name = 'B\\nx', n = 22.5}}", "text/plain",
          "   n  name\n----  ----\n   1  Ada\n22.5  B x");
    GIVES(h, "Display.table({{a = 1, b = 2}, {b = 3}}, {columns = {'b', 'a'}, max_rows = 1})",
          "text/plain", "b  a\n-  -\n2  1\n… 1 more row");
    GIVES(h, "Display.table({{1, 'x'}, {2, 'y'}}, {columns = {'n', 'é'}})", "text/plain",
          "n  é\n-  -\n1  x\n2  y");
    GIVES(h, "Display.table{{'日本', 1}, {'ab', 22}}", "text/plain", "日本   1\nab    22");
    GIVES(h, "Display.table{{('x'):rep(70)}}", "text/plain",
          "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…");
    GIVES(h, "Display.table{}", "text/plain", "(no rows)");
    GIVES(h, "Display.table({}, {columns = {'a'}})", "text/plain", "a\n-\n(no rows)");
    HOLDS(shows(h, "Display.table{{a = '<script>'}}", "text/html"), "&lt;script&gt;");
    GIVES(h, "t = {{a = 1}} d = Display.table(t) t[1].a = 2 d", "text/plain", "a\n-\n1");
    HOLDS(shows(h,
                "t = {} for i = 1, 10000 do t[i] = {n = i} end "
                "return Display.table(t, {max_rows = 9999})",
                "text/plain"),
          "\n9999\n… 1 more row");
    host_close(h);
}

static void expressions(void)
{
    struct host *h = host_open("{}");
    h->expressions = json_pack("{s:s, s:s, s:s}", "html", "Display.html('<b>')", "none", "nil",
                               "bad", "setmetatable({}, {__display = error})");
    json_t *answers = json_object_get(host_run(h, "x = 1"), "user_expressions");
    json_t *html = json_object_get(answers, "html");
    CU_ASSERT(llmspell_is(html, "status", "ok"));
    CU_ASSERT(llmspell_is(json_object_get(html, "data"), "text/html", "<b>"));
    CU_ASSERT(json_is_object(json_object_get(html, "metadata")));
    json_t *data = json_object_get(json_object_get(answers, "none"), "data");
    CU_ASSERT(llmspell_is(data, "text/plain", "nil"));
    data = json_object_get(json_object_get(answers, "bad"), "data");
    HOLDS(llmspell_string(data, "text/plain"), "<error in __display: ");
    host_close(h);
}

static void payloads(void)
{
    struct host *h = host_open("{}");
    json_t *reply = host_run(h, "page('a') page(Display.html('<b>'), 3) set_next_input('x') "
                                "set_next_input('y\\xff', true)");
    char *dump = json_dumps(json_object_get(reply, "payload"), JSON_COMPACT);
    CU_ASSERT_STRING_EQUAL(
        dump, "[{\"source\":\"page\",\"data\":{\"text/html\":\"<b>\",\"text/plain\":\"<b>\"},"
              "\"start\":3},{\"source\":\"set_next_input\",\"text\":\"y\xef\xbf\xbd\","
              "\"replace\":true}]");
    free(dump);
    CU_ASSERT_EQUAL(json_array_size(json_object_get(host_run(h, "1"), "payload")), 0);
    reply = host_run(h, "page('a') os.exit(1)");
    CU_ASSERT_EQUAL(json_array_size(json_object_get(reply, "payload")), 1);
    CU_ASSERT_PTR_NULL(json_object_get(host_run(h, "page('a') error()"), "payload"));
    host_close(h);
}

/* Bytes of this process's resident memory. */
static size_t resident(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    CU_ASSERT_FATAL(file && fscanf(file, "%*s %zu", &pages) == 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void memory(void)
{
    struct host *h = host_open("{\"memory_mb\": 16}");
    HOLDS(host_result(h, "setmetatable({}, {__display = function() return {['text/html'] = "
                         "('x'):rep(1 << 30)} end})"),
          "<error in __display: not enough memory>");
    CU_ASSERT(llmspell_is(host_run(h, "for i = 1, 2000 do Display.json(('x'):rep(100000)) end"),
                          "status", "ok"));
    /* each of these would leave 20 MB if only the collector freed it */
    size_t before = resident();
    HOLDS(host_result(h, "s = ('x'):rep(4 << 20) t = {s, s, 0/0} "
                         "for i = 1, 60 do pcall(Display.json, t) "
                         "pcall(display, {['text/html'] = s, ['text/plain'] = {}}) "
                         "pcall(Display.vega, {s, s}) end 1"),
          "1");
    CU_ASSERT(resident() < before + ((size_t)500 << 20));
    HOLDS(host_result(h, "for i = 1, 1e4 do page(('x'):rep(10000)) end 1"), "1");
    host_close(h);
}

/* The file is found where the script says, with bytes that no string literal has. */
static void files(void)
{
    char path[] = "/tmp/llmspell-display-XXXXXX", code[256];
    struct host *h = host_open("{}");
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    CU_ASSERT_EQUAL(write(fd, "\x89PNG\r\n\x1a\n", 8), 8);
    close(fd);
    snprintf(code, sizeof code, "Display.png{path = '%s', width = 2}", path);
    GIVES(h, code, "image/png", "iVBORw0KGgo=");
    json_t *metadata = json_object_get(event_of(h, "execute_result", 0), "metadata");
    CU_ASSERT_EQUAL(llmspell_integer(json_object_get(metadata, "image/png"), "width", 0), 2);
    unlink(path);
    host_close(h);
}

TEST_MAIN("runtime/lua display", {"results", results}, {"bounds", bounds},
          {"metamethods", metamethods}, {"failing metamethods", failing_metamethods},
          {"events", events}, {"wrong calls", wrong_calls}, {"mime", mime},
          {"display values", display_values}, {"images", images}, {"tables", tables},
          {"expressions", expressions}, {"payloads", payloads}, {"memory", memory},
          {"files", files})
