/* SPDX-License-Identifier: Apache-2.0
 * The Lua runtime through its plugin entry: execution, results, errors, output, input, tools, JSON,
 * completion, limits. Interrupts are in test_lua_interrupt.c. */
#include "lua_host.h"

#include "test.h"

static void results(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "5 + 6", "11");
    SHOWS(h, "1, 2", "1\t2");
    SHOWS(h, "return 'a', nil, 3", "a\tnil\t3");
    SHOWS(h, "x = 1\nx + 1", "2");
    SHOWS(h, "x", "1");
    SHOWS(h, "local y = 2", "");
    SHOWS(h, "y", "");
    SHOWS(h, "nil", "");
    SHOWS(h, "", "");
    SHOWS(h, "-- nothing", "");
    SHOWS(h, "7;", "7");
    SHOWS(h, "'text'", "text");
    SHOWS(h, "1.0", "1.0");
    SHOWS(h, "10 / 4", "2.5");
    SHOWS(h, "2^53", "9.007199254741e+15");
    SHOWS(h, "true", "true");
    SHOWS(h, "function f(a) return a * 2 end\nf(21)", "42");
    SHOWS(h, "function f(a)\n  return a * 2\nend", "");
    SHOWS(h, "local t = {}\nfor i = 1, 3 do t[#t + 1] = i end\nt", "{1, 2, 3}");
    SHOWS(h, "if x then x = 5 end x", "5");
    SHOWS(h, "repeat x = x + 1 until x > 8\nx", "9");
    SHOWS(h, "while (function() return x > 3 end)() do x = x - 1 end\nx", "3");
    SHOWS(h, "goto done\n::done::\nx", "3");
    SHOWS(h, "local a <const>, b = 1, 2\na, b", "1\t2");
    SHOWS(h, "#!/usr/bin/lua\n12", "12");
    SHOWS(h,
          "\xef\xbb\xbf"
          "13",
          "13");
    SHOWS(h, "do return 4 end", "4");
    CU_ASSERT_EQUAL(
        json_integer_value(json_object_get(json_object_get(json_array_get(h->events, 0), "content"),
                                           "execution_count")),
        h->count);
    host_close(h);
}

/* What only looks like a last expression must not be split off, and nothing runs twice. */
static void tails(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "a, b = 7, 2\nc = a\n-b", "");
    SHOWS(h, "c", "5");
    SHOWS(h, "n = 0 function count() n = n + 1 return n end\ncount()", "1");
    SHOWS(h, "n", "1");
    SHOWS(h, "function id(v) return v end\nv = id\n(3)", "");
    SHOWS(h, "v", "3");
    SHOWS(h, "v = {}\n(id)(4)", "4");
    SHOWS(h, "v = 's'\n(id)(5)", "5");
    SHOWS(h, "x = 1 ('a'):upper()", "A");
    SHOWS(h, "s = 'x' id 'y'", "y");
    SHOWS(h, "x = 1; id{6}", "{6}");
    SHOWS(h, "x = 1\nfunction() return 1 end", "function: anonymous (In [12]:2)");
    SHOWS(h, "x = 1\nnot x", "false");
    SHOWS(h, "x = 3\n-x", ""); /* one statement: x = 3 - x */
    SHOWS(h, "x = [==[ ]] return 1 ]==] -- [[\n#x", "13");
    SHOWS(h, "local t = {f = function() if true then return 1 end end}\nt.f()", "1");
    SHOWS(h, "x = 1\nx.y = ", "SyntaxError: In [17]:2: unexpected symbol near <eof>");
    SHOWS(h, "id(1);id(2);", "2");
    SHOWS(h, "x = \"\\\"\\\\\" #x", "2");
    SHOWS(h, "x = 0x1p4 x", "16.0");
    SHOWS(h, "for i = 1, 2 do n = i end n", "2");
    SHOWS(h, "local function g() return 8 end g()", "8");
    host_close(h);
}

static void tables(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "{}", "{}");
    SHOWS(h, "{b = 2, a = 1, 10, 20}", "{10, 20, a = 1, b = 2}");
    SHOWS(h, "{'q\"uote\\n', ['a b'] = {true}, [1.5] = 0, ['end'] = 1}",
          "{\"q\\\"uote\\n\", [1.5] = 0, [\"a b\"] = {true}, [\"end\"] = 1}");
    SHOWS(h, "t = {} t.t = t t", "{t = <cycle>}");
    SHOWS(h, "s = {1} {s, s}", "{{1}, {1}}");
    SHOWS(h, "{nil, 2}", "{nil, 2}");
    SHOWS(h, "{[true] = 1, [false] = 0}", "{[false] = 0, [true] = 1}");
    HOLDS(host_result(h, "t = {} for i = 1, 60 do t[i] = i end t"), "{\n  1,\n  2,\n");
    HOLDS(host_result(h, "t = {} for i = 1, 3000 do t[i] = i end t"), "… 2000 more");
    HOLDS(host_result(h, "t = {} for i = 1, 3000 do t['k' .. i] = i end t"), "… 2000 more");
    HOLDS(host_result(h, "t = {} for i = 1, 100 do t = {t} end t"), "{…}");
    SHOWS(h, "setmetatable({}, {__tostring = function() return 'me' end})", "me");
    SHOWS(h, "{setmetatable({}, {__tostring = function() return 'me' end})}", "{me}");
    SHOWS(h, "setmetatable({a = 1}, {__name = 'Point'})", "Point {a = 1}");
    HOLDS(host_result(h, "setmetatable({}, {__tostring = function() error('no') end})"),
          "<error in __tostring: In [15]:1: no>");
    SHOWS(h, "print", "function: print ([C])");
    SHOWS(h, "string.format", "function: string.format ([C])");
    SHOWS(h, "function foo() end foo", "function: foo (In [18]:1)");
    SHOWS(h, "{f = function() end}", "{f = function: f (In [19]:1)}");
    SHOWS(h, "'\\xff'", "\xef\xbf\xbd");
    SHOWS(h, "{'\\xff\\0'}", "{\"\\xFF\\x00\"}");
    HOLDS(host_result(h, "coroutine.create(print)"), "thread: ");
    HOLDS(host_result(h, "t = {} for i = 1, 9 do t['a long key number ' .. i] = {i} end t"),
          "{\n  [\"a long key number 1\"] = {1},\n");
    CU_ASSERT_EQUAL(strlen(host_result(h, "string.rep('x', 60000)")), 60000);
    host_close(h);
}

static json_t *traceback_of(struct host *h, const char *code)
{
    return json_object_get(host_run(h, code), "traceback");
}

static void errors(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "x = = 1", "SyntaxError: In [1]:1: unexpected symbol near '='");
    SHOWS(h, "error('boom')", "RuntimeError: In [2]:1: boom");
    SHOWS(h, "error('boom', 0)", "RuntimeError: boom");
    SHOWS(h, "error({name = 'MyError', message = 'sad'})", "MyError: sad");
    SHOWS(h, "error({code = 'E42', message = 'sad'})", "E42: sad");
    SHOWS(h, "error({1, 2})", "RuntimeError: (error object is a table value: {1, 2})");
    SHOWS(h, "error(nil)", "RuntimeError: (error object is a nil value)");
    SHOWS(h, "error(false)", "RuntimeError: (error object is a boolean value: false)");
    SHOWS(h, "error(12)", "RuntimeError: 12");
    SHOWS(h, "error(print)", "RuntimeError: (error object is a function value)");
    SHOWS(h, "error(setmetatable({}, {__tostring = function() return 'T' end}))",
          "RuntimeError: T");
    HOLDS(host_result(h, "error(setmetatable({}, {__tostring = function() error('x', 0) end}))"),
          "its __tostring failed: x");
    HOLDS(host_result(h, "error(setmetatable({}, {__tostring = function() return {} end}))"),
          "must return a string");
    HOLDS(host_result(h, "error('\\xff', 0)"), "RuntimeError: \xef\xbf\xbd");
    json_t *lines = traceback_of(h, "function f()\n  error('deep')\nend\nx = 1\nf()");
    CU_ASSERT_EQUAL_FATAL(json_array_size(lines), 5);
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(lines, 0)), "In [15]:2: deep");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(lines, 1)), "stack traceback:");
    HOLDS(json_string_value(json_array_get(lines, 2)), "in function 'error'");
    HOLDS(json_string_value(json_array_get(lines, 3)), "In [15]:2: in function 'f'");
    CU_ASSERT_STRING_EQUAL(json_string_value(json_array_get(lines, 4)),
                           "\tIn [15]:5: in main chunk");
    HOLDS(host_result(h, "local function r() return 1 + r() end r()"), "stack overflow");
    SHOWS(h, "1 + 1", "2");
    HOLDS(host_result(h, "local t = setmetatable({}, {}) getmetatable(t).__index = "
                         "function(_, k) return t[k] end t.x"),
          "overflow");
    HOLDS(host_result(h, "coroutine.wrap(function() error('in co') end)()"), "in co");
    HOLDS(host_result(h, "coroutine.yield()"), "outside a coroutine");
    HOLDS(host_result(h, "string.rep('(', 300)"), "(((");
    HOLDS(host_result(h, "load(string.rep('(', 300))()"), "nil value");
    h->path = "dir/script.lua";
    SHOWS(h, "\nerror('here')", "RuntimeError: dir/script.lua:2: here");
    host_close(h);
}

static void memory(void)
{
    struct host *h = host_open("{\"memory_mb\": 8}");
    HOLDS(host_result(h, "t = {} for i = 1, 1e9 do t[i] = ('x'):rep(100) .. i end"),
          "MemoryError: not enough memory (memory_mb = 8");
    SHOWS(h, "t = nil collectgarbage() 1 + 1", "2");
    HOLDS(host_result(h, "('x'):rep(1 << 24)"), "MemoryError");
    SHOWS(h, "pcall(string.rep, 'x', 1 << 24)", "false\tnot enough memory");
    HOLDS(host_result(h, "local s = ('x'):rep(1 << 20) while true do s = s .. s end"),
          "MemoryError");
    SHOWS(h, "#('x'):rep(1 << 20)", "1048576");
    HOLDS(host_result(h, "keep = {} local i = 0 while true do i = i + 1 keep[i] = {} end"),
          "MemoryError");
    HOLDS(host_result(h, "keep = nil x = 'still here' x"), "still here");
    host_close(h);
}

static void output(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "print('a', 1, 2.0, nil, true)", "");
    CU_ASSERT_STRING_EQUAL(h->out, "a\t1\t2.0\tnil\ttrue\n");
    SHOWS(h, "print(setmetatable({}, {__tostring = function() return 'obj' end}))", "");
    CU_ASSERT_STRING_EQUAL(h->out, "obj\n");
    SHOWS(h, "io.write('a', 1, 2.5)", "");
    CU_ASSERT_STRING_EQUAL(h->out, "a12.5");
    SHOWS(h, "io.stderr:write('oops') io.stdout:write('out'):write('put')", "");
    CU_ASSERT_STRING_EQUAL(h->err, "oops");
    CU_ASSERT_STRING_EQUAL(h->out, "output");
    HOLDS(host_result(h, "io.stdout"), "file (0x");
    SHOWS(h, "coroutine.wrap(function() print('co') io.write('ro') end)()", "");
    CU_ASSERT_STRING_EQUAL(h->out, "co\nro");
    SHOWS(h, "for c in ('é€😀x'):gmatch('.') do io.write(c) end", "");
    CU_ASSERT_STRING_EQUAL(h->out, "é€😀x");
    SHOWS(h, "io.write('\\xe2\\x82')", "");
    CU_ASSERT_STRING_EQUAL(h->out, "\xe2\x82");
    SHOWS(h, "io.type(io.stdout), io.output() == io.stdout", "file\ttrue");
    SHOWS(h, "io.stdout:close()", "nil\tcannot close standard file");
    SHOWS(h, "print(('y'):rep(5000)) #'x'", "1");
    CU_ASSERT_EQUAL(strlen(h->out), 5001);
    SHOWS(h, "warn('@on') warn('care', 'ful')", "");
    CU_ASSERT_STRING_EQUAL(h->err, "Lua warning: careful\n");
    h->silent = 1;
    SHOWS(h, "print('silent') 5", "");
    CU_ASSERT_STRING_EQUAL(h->out, "silent\n");
    host_close(h);
}

static void input(void)
{
    struct host *h = host_open("{}");
    json_array_append_new(h->lines, json_string("first"));
    json_array_append_new(h->lines, json_string("second"));
    SHOWS(h, "io.write('? ') a = io.read() b = io.read('L') a, b", "first\tsecond\n");
    json_array_append_new(h->lines, json_string("12 3.5 rest"));
    SHOWS(h, "io.read('n', 'n', 'l')", "12\t3.5\t rest");
    json_array_append_new(h->lines, json_string("abcdef"));
    SHOWS(h, "io.read(3)", "abc");
    json_array_append_new(h->lines, json_string("next"));
    SHOWS(h, "io.stdin:read()", "next"); /* what was left of the line is gone with its cell */
    json_array_append_new(h->lines, json_string("one"));
    json_array_append_new(h->lines, json_string(""));
    SHOWS(h, "t = {} for line in io.lines() do t[#t + 1] = line end t", "{\"one\", \"\"}");
    SHOWS(h, "io.read()", "");
    json_array_append_new(h->lines, json_string("x"));
    SHOWS(h, "io.read('a')", "x\n");
    json_array_append_new(h->lines, json_string("é"));
    SHOWS(h, "#io.read()", "2");
    h->no_stdin = 1;
    SHOWS(h, "io.read()", "RuntimeError: In [9]:1: this client has no standard input to read from");
    HOLDS(host_result(h, "for l in io.lines() do end"), "no standard input");
    host_close(h);
}

static void arguments(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "#arg, #ARGS", "0\t0");
    h->path = "s.lua";
    h->args = json_pack("[s, s, s, s, s, s, s]", "in.txt", "--depth", "3", "--name=a b", "--quick",
                        "--last", "-5");
    SHOWS(h, "arg[0], arg[1], arg[7], #arg", "s.lua\tin.txt\t-5\t7");
    SHOWS(h, "ARGS[0], ARGS[1], ARGS.depth, ARGS.name, ARGS.quick, ARGS.last",
          "s.lua\tin.txt\t3\ta b\ttrue\t-5");
    SHOWS(h, "#ARGS, (...)", "1\tin.txt");
    SHOWS(h, "select('#', ...)", "7");
    host_close(h);
}

static void user_expressions(void)
{
    struct host *h = host_open("{}");
    h->expressions = json_pack("{s:s, s:s, s:s, s:s}", "sum", "a + 1", "bad", "a +", "fails",
                               "error('no', 0)", "none", "nil");
    json_t *answers = json_object_get(host_run(h, "a = 4"), "user_expressions");
    json_t *sum = json_object_get(answers, "sum");
    CU_ASSERT(llmspell_is(sum, "status", "ok"));
    CU_ASSERT(llmspell_is(json_object_get(sum, "data"), "text/plain", "5"));
    CU_ASSERT(json_is_object(json_object_get(sum, "metadata")));
    CU_ASSERT(llmspell_is(json_object_get(answers, "bad"), "ename", "SyntaxError"));
    CU_ASSERT(llmspell_is(json_object_get(answers, "fails"), "evalue", "no"));
    json_t *none = json_object_get(json_object_get(answers, "none"), "data");
    CU_ASSERT(llmspell_is(none, "text/plain", "nil"));
    CU_ASSERT_PTR_NULL(json_object_get(host_run(h, "error()"), "user_expressions"));
    host_close(h);
}

static void exits(void)
{
    struct host *h = host_open("{}");
    json_t *reply = host_run(h, "os.exit(3)");
    CU_ASSERT(llmspell_is(reply, "status", "ok"));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "exit_code")), 3);
    json_t *payload = json_array_get(json_object_get(reply, "payload"), 0);
    CU_ASSERT(llmspell_is(payload, "source", "ask_exit"));
    CU_ASSERT(json_is_true(json_object_get(payload, "keepkernel")));
    reply = host_run(h, "pcall(os.exit, false) x = 'went on' print(x)");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "exit_code")), 1);
    CU_ASSERT_STRING_EQUAL(h->out, "");
    reply = host_run(h, "coroutine.wrap(function() os.exit() end)() print('on')");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "exit_code")), 0);
    CU_ASSERT_STRING_EQUAL(h->out, "");
    SHOWS(h, "x", "");
    CU_ASSERT_PTR_NULL(json_object_get(h->reply, "exit_code"));
    SHOWS(h, "os.execute('exit 3')", "nil\texit\t3");
    SHOWS(h, "os.execute('true')", "true\texit\t0");
    SHOWS(h, "os.execute('kill -9 $$')", "nil\tsignal\t9");
    SHOWS(h, "os.execute()", "true");
    SHOWS(h, "os.setlocale(), os.setlocale('C'), os.setlocale('tr_TR')", "C\tC\tnil");
    host_close(h);
}

static void json(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "JSON.stringify({b = 1, a = {1, 2.0, 'x'}, c = JSON.null})",
          "{\"a\":[1,2.0,\"x\"],\"b\":1,\"c\":null}");
    SHOWS(h, "JSON.encode({}), JSON.encode(JSON.array()), JSON.encode(JSON.object{'x'})",
          "{}\t[]\t{\"1\":\"x\"}");
    SHOWS(h, "JSON.stringify(0.1), JSON.stringify(1e300), JSON.stringify(-0.0)",
          "0.1\t1e+300\t-0.0");
    SHOWS(h, "JSON.stringify('a\"\\n\\1é')", "\"a\\\"\\n\\u0001é\"");
    SHOWS(h, "JSON.stringify({a = {1}}, {pretty = true})", "{\n  \"a\": [\n    1\n  ]\n}");
    SHOWS(h, "JSON.stringify({1}, 1)", "[\n 1\n]");
    SHOWS(h, "t = JSON.parse('{\"a\":[],\"b\":{},\"c\":null,\"d\":[1,1.0]}') JSON.stringify(t)",
          "{\"a\":[],\"b\":{},\"c\":null,\"d\":[1,1.0]}");
    SHOWS(h, "t", "{a = {}, b = {}, c = null, d = {1, 1.0}}");
    SHOWS(h, "t.c == JSON.null, math.type(t.d[1]), math.type(t.d[2])", "true\tinteger\tfloat");
    SHOWS(h, "JSON.decode('[1,null,3]')[2] == JSON.null, tostring(JSON.null)", "true\tnull");
    SHOWS(h, "JSON.parse('5'), JSON.parse('\"\\\\u00e9\\\\u0000\"') == 'é\\0'", "5\ttrue");
    HOLDS(host_result(h, "JSON.parse('{\"a\":\\n x}')"), "line 2 column");
    HOLDS(host_result(h, "JSON.parse('')"), "JSON.parse: line 1");
    HOLDS(host_result(h, "JSON.parse(('['):rep(5000))"), "JSON.parse");
    HOLDS(host_result(h, "JSON.stringify({x = {y = print}})"), "cannot convert a function at .x.y");
    HOLDS(host_result(h, "JSON.stringify({{}, {['a b'] = 0/0}})"),
          "cannot convert NaN at [2][\"a b\"]");
    HOLDS(host_result(h, "JSON.stringify(1/0)"), "an infinite number");
    HOLDS(host_result(h, "t = {} t.a = {t} JSON.stringify(t)"), "contains itself at .a[1]");
    HOLDS(host_result(h, "JSON.stringify({1, a = 2})"), "both list and named entries");
    HOLDS(host_result(h, "JSON.stringify({[1] = 1, [3] = 3})"), "a list with gaps");
    HOLDS(host_result(h, "JSON.stringify({[true] = 1})"), "a key of type boolean");
    HOLDS(host_result(h, "JSON.stringify({[1.5] = 1})"), "a key of type float");
    HOLDS(host_result(h, "JSON.stringify({a = '\\xff'})"), "not valid UTF-8");
    HOLDS(host_result(h, "JSON.stringify({['\\xff'] = 1})"), "key that is not valid UTF-8");
    HOLDS(host_result(h, "t = {} for i = 1, 2000 do t = {t} end JSON.stringify(t)"), "1000 deep");
    SHOWS(h, "s = {1} JSON.stringify({s, s})", "[[1],[1]]");
    host_close(h);
}

static void tools(void)
{
    struct host *h = host_open("{}");
    SHOWS(h, "Tool.calculator{input = '6*7'}", "42");
    SHOWS(h, "x = 1\nTool.calculator{input = '6*7'}", "42");
    SHOWS(h, "Tool.calculator:execute{input = '6*7'}", "42");
    SHOWS(h, "Tool.invoke('echo', {a = {1, 2}, b = JSON.null})", "{a = {1, 2}, b = null}");
    SHOWS(h, "Tool.invoke('echo')", "{}");
    SHOWS(h, "r = Tool.echo{list = JSON.array(), n = 1.0} JSON.stringify(r)",
          "{\"list\":[],\"n\":1.0}");
    SHOWS(h, "#Tool.list(), Tool.list()[1].name, #Tool.list('data')", "3\tcalculator\t2");
    SHOWS(h, "Tool.list('utility')",
          "{\n  {\n    category = \"utility\",\n    description = "
          "\"does things\",\n    name = \"calculator\",\n    title = "
          "\"calculator\",\n    version = \"1.0.0\"\n  }\n}");
    SHOWS(h, "Tool.exists('calculator'), Tool.exists('nothing')", "true\tfalse");
    SHOWS(h, "Tool.categories()", "{\"data\", \"utility\"}");
    SHOWS(h, "#Tool.discover{tag = 'text'}, #Tool.discover{category = 'utility'}", "2\t1");
    SHOWS(h, "#Tool.search('math'), #Tool.search{'a', 'b'}", "3\t3");
    SHOWS(h, "t = Tool.get('calculator') t.name, t.version, t.schema.required[1]",
          "calculator\t1.0.0\tinput");
    SHOWS(h, "t:getSchema().properties.input.type, t{input = '1'}, tostring(t)",
          "string\t42\ttool: calculator");
    SHOWS(h, "Tool.info('echo').parameters.type, Tool.echo == Tool.get('echo')", "object\ttrue");
    SHOWS(h, "Tool.fail{}", "parse_error: fail: parse_error: bad digit (at /input)");
    SHOWS(h, "ok, e = pcall(Tool.invoke, 'fail') e.code, e.message, e.path, e.tool, 'E: ' .. e",
          "parse_error\tbad digit\t/input\tfail\tE: fail: parse_error: bad digit (at /input)");
    HOLDS(host_result(h, "select(2, pcall(function() Tool.fail{} end)).traceback"), "In [18]:1");
    SHOWS(h, "Tool.calcualtor",
          "unknown_tool: unknown_tool: no tool is named \"calcualtor\"; did "
          "you mean calculator?");
    HOLDS(host_result(h, "Tool.invoke('Ehco', {})"), "did you mean echo?");
    HOLDS(host_result(h, "Tool.get('zzzzzz')"), "Tool.list() shows all");
    SHOWS(h, "Tool.echo{x = {y = print}}",
          "invalid_params: echo: invalid_params: cannot convert a function at .x.y (at /x/y)");
    HOLDS(host_result(h, "Tool.echo('text')"), "have to be a table, not a string");
    HOLDS(host_result(h, "Tool.echo{1, 2}"), "have to be named");
    SHOWS(h, "Tool[1], Tool._x", "nil\tnil");
    SHOWS(h, "Kernel.id, Kernel.status().status", "k-1\tok");
    SHOWS(h, "Log.warn('careful', 1)", "");
    HOLDS(h->log, "2:careful 1\n");
    host_close(h);
}

static json_t *complete(struct host *h, const char *code)
{
    return json_object_get(host_send(h, "complete_request", json_pack("{s:s}", "code", code)),
                           "matches");
}

static int offers(struct host *h, const char *code, const char *match)
{
    size_t i;
    json_t *found;
    json_array_foreach(complete(h, code), i,
                       found) if (strcmp(json_string_value(found), match) == 0) return 1;
    return 0;
}

static void completion(void)
{
    struct host *h = host_open("{}");
    host_run(h, "obj = {alpha = 1, run = function() end, sub = {beta = 2}} "
                "setmetatable(obj, {__index = {inherited = print}}) "
                "evil = setmetatable({}, {__index = function() error('ran') end}) s = 'text'");
    CU_ASSERT(offers(h, "pri", "print"));
    CU_ASSERT(offers(h, "x = whi", "while"));
    CU_ASSERT(offers(h, "obj.al", "alpha"));
    CU_ASSERT(offers(h, "obj.", "inherited"));
    CU_ASSERT(offers(h, "y = obj.sub.be", "beta"));
    CU_ASSERT(offers(h, "obj['sub'].be", "beta"));
    CU_ASSERT(offers(h, "obj:", "run"));
    CU_ASSERT_FALSE(offers(h, "obj:", "alpha"));
    CU_ASSERT(offers(h, "s:up", "upper"));
    CU_ASSERT(offers(h, "('x'):up", "upper"));
    CU_ASSERT(offers(h, "local counter = 1 print(cou", "counter"));
    CU_ASSERT(offers(h, "Tool.cal", "calculator"));
    CU_ASSERT(offers(h, "Tool.", "invoke"));
    CU_ASSERT(offers(h, "Tool.invoke('ec", "echo"));
    CU_ASSERT(offers(h, "Tool.calculator:", "execute"));
    CU_ASSERT(offers(h, "io.stdout:wr", "write"));
    CU_ASSERT_EQUAL(json_array_size(complete(h, "evil.x.y")), 0);
    CU_ASSERT_EQUAL(json_array_size(complete(h, "-- pri")), 0);
    CU_ASSERT_EQUAL(json_array_size(complete(h, "x = 'pri")), 0);
    CU_ASSERT_EQUAL(json_array_size(complete(h, "f().pri")), 0);
    CU_ASSERT(json_array_size(complete(h, "")) > 20);
    json_t *reply = host_send(h, "complete_request",
                              json_pack("{s:s, s:i}", "code", "é = 1 pri + 2", "cursor_pos", 9));
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "cursor_start")), 6);
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "cursor_end")), 9);
    json_t *types =
        json_object_get(json_object_get(reply, "metadata"), "_jupyter_types_experimental");
    CU_ASSERT(llmspell_is(json_array_get(types, 0), "type", "function"));
    host_close(h);
}

static const char *inspected(struct host *h, const char *code, int cursor)
{
    json_t *reply = host_send(h, "inspect_request",
                              json_pack("{s:s, s:i}", "code", code, "cursor_pos", cursor));
    const char *text = llmspell_string(json_object_get(reply, "data"), "text/plain");
    return json_is_true(json_object_get(reply, "found")) ? text : "";
}

static void inspection(void)
{
    struct host *h = host_open("{}");
    host_run(h, "n = 5 function add(a, b, ...)\n return a + b\nend t = {f = add}");
    HOLDS(inspected(h, "n", 1), "Value:       5");
    HOLDS(inspected(h, "add(1, ", 7), "Signature:   (a, b, ...)");
    HOLDS(inspected(h, "t.f", 2), "In [1], lines 1 to 3");
    HOLDS(inspected(h, "print('x')", 3), "Defined:     C");
    HOLDS(inspected(h, "Tool.calculator{", 16), "input  (string, required)  what to work on");
    HOLDS(inspected(h, "Tool.echo", 9), "Category:    utility");
    CU_ASSERT_STRING_EQUAL(inspected(h, "nothing", 3), "");
    CU_ASSERT_STRING_EQUAL(inspected(h, "", 0), "");
    host_close(h);
}

static const char *completeness(struct host *h, const char *code)
{
    return llmspell_string(host_send(h, "is_complete_request", json_pack("{s:s}", "code", code)),
                           "status");
}

static void is_complete(void)
{
    struct host *h = host_open("{}");
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = 1"), "complete");
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = 1\nx + 1"), "complete");
    CU_ASSERT_STRING_EQUAL(completeness(h, ""), "complete");
    CU_ASSERT_STRING_EQUAL(completeness(h, "for i = 1, 2 do\n  if x then"), "incomplete");
    CU_ASSERT(llmspell_is(h->reply, "indent", "    "));
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = {"), "incomplete");
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = 1\nx +"), "incomplete");
    CU_ASSERT_STRING_EQUAL(completeness(h, "--[[ open"), "incomplete");
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = [["), "incomplete");
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = 'open"), "invalid");
    CU_ASSERT_STRING_EQUAL(completeness(h, "x = = 1"), "invalid");
    CU_ASSERT_STRING_EQUAL(completeness(h, "end"), "invalid");
    host_close(h);
}

static void safe(void)
{
    struct host *h = host_open("{\"stdlib\": \"safe\", \"path\": \"" SOURCE_DIR "/tests/data\"}");
    SHOWS(h, "io, debug, dofile, loadfile", "nil\tnil\tnil\tnil");
    SHOWS(h, "os.execute, os.remove, os.rename, os.tmpname, os.getenv", "nil\tnil\tnil\tnil\tnil");
    SHOWS(h, "package.loadlib, package.loaded.io, package.loaded.debug, package.cpath",
          "nil\tnil\tnil\tnil");
    SHOWS(h, "load(string.dump(function() end))",
          "nil\tattempt to load a binary chunk (mode is 't')");
    HOLDS(host_result(h, "load('return 1', 'x', 'b')"), "binary chunks are switched off");
    SHOWS(h, "load('return x', 'c', 't', {x = 4})()", "4");
    SHOWS(h, "load('return y == nil')()", "true");
    SHOWS(h, "print(os.time() > 0)", "");
    CU_ASSERT_STRING_EQUAL(h->out, "true\n");
    HOLDS(host_result(h, "package.path = '/etc/?' require 'passwd'"), "module 'passwd' not found");
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(host_run(h, "os.exit(2)"), "exit_code")), 2);
    host_close(h);
    h = host_open("{\"path\": \"/some/dir;/x/?.luax\"}");
    HOLDS(host_result(h, "package.path"), "/some/dir/?.lua;/some/dir/?/init.lua;/x/?.luax;");
    host_close(h);
}

static void odd_requests(void)
{
    struct host *h = host_open("{}");
    json_t *reply = host_send(h, "nosuch_request", json_object());
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "code")), LLMSPELL_EUNKNOWN);
    reply = host_send(h, "comm_open", json_object());
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "code")), LLMSPELL_EINVAL);
    reply = host_send(h, "execute_request", json_object());
    CU_ASSERT_EQUAL(json_integer_value(json_object_get(reply, "code")), LLMSPELL_EINVAL);
    HOLDS(host_result(h, "\x1bLua"), "SyntaxError");
    SHOWS(h, "table, pairs, Comm, package.loaded.Comm = 1, 2, 3, 4 Widget.Label{}.value", "");
    SHOWS(h, "setmetatable(_G, {__index = function() error('x') end}) 1", "1");
    CU_ASSERT(offers(h, "pri", "print"));
    SHOWS(h, "setmetatable(_G, nil) debug.setmetatable('', nil); 'text'", "text");
    SHOWS(h, "package.loaded._G = nil print", "function: anonymous ([C])");
    SHOWS(h, "Tool = nil JSON = nil 2", "2");
    SHOWS(h, "setmetatable({}, {__gc = function() print('late') end}) 3", "3");
    host_close(h);
}

/* Runs code in which each @ stands for so many lines of comment, longer than what is compiled. */
static const char *commented(struct host *h, const char *code, int lines)
{
    static char text[400000];
    size_t size = 0;
    for (; *code; code++) {
        text[size++] = *code;
        if (*code != '@')
            continue;
        size--;
        for (int i = 0; i < lines; i++)
            size += (size_t)snprintf(text + size, 61, "-- %-56d\n", i);
    }
    text[size] = '\0';
    return host_result(h, text);
}

static void comments(void)
{
    struct host *h = host_open("{}");
    CU_ASSERT_STRING_EQUAL(commented(h, "@x = 1\n@x + 1@", 9), "2");
    CU_ASSERT_STRING_EQUAL(commented(h, "@return debug.getinfo(1, 'l').currentline", 100), "101");
    HOLDS(commented(h, "@\n@error('here')\n@", 50), "In [3]:102: here");
    HOLDS(commented(h, "x = 1\n@x = = 2\n@", 50), "In [4]:52: unexpected symbol near '='");
    HOLDS(commented(h, "for i = 1, 2 do\n@", 50),
          "'end' expected (to close 'for' at line 1) near <eof>");
    CU_ASSERT_STRING_EQUAL(commented(h, "#[==[@]==]", 9), "540");
    CU_ASSERT_STRING_EQUAL(commented(h, "f = function()\n@return 7 end@f()", 9), "7");
    CU_ASSERT_STRING_EQUAL(commented(h, "return--[==[@]==]5", 9), "5");
    CU_ASSERT_STRING_EQUAL(commented(h, "1\n--[==[@]==]+--[==[\r@]==]5", 9), "6");
    char many[100 * 400 + 64] = "", *at = many;
    for (int i = 1; i <= 100; i++) /* more runs than are noted */
        at += snprintf(at, 400, "n = %d%*s\n", i, 300, "");
    memcpy(at, "debug.getinfo(1, 'l').currentline + n", 38);
    CU_ASSERT_STRING_EQUAL(host_result(h, many), "201");
    host_close(h);
}

TEST_MAIN("runtime/lua", {"results", results}, {"tails", tails}, {"tables", tables},
          {"errors", errors}, {"memory", memory}, {"output", output}, {"input", input},
          {"arguments", arguments}, {"user_expressions", user_expressions}, {"exits", exits},
          {"json", json}, {"tools", tools}, {"completion", completion}, {"inspection", inspection},
          {"is_complete", is_complete}, {"safe", safe}, {"comments", comments},
          {"odd requests", odd_requests})
