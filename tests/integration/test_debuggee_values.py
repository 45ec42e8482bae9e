# SPDX-License-Identifier: Apache-2.0
"""The Lua runtime as a debuggee: scopes, variables, expressions, completions, data breakpoints."""
import json
import time

import pytest

from conftest import SLOW
from debuggee import Failed, bus, bus_plugin, kernel_port, llmspell, open_bus  # noqa: F401
from test_debuggee import run_file, script  # noqa: F401


@pytest.fixture
def at(bus, script):
    """Stops at a line of a text; the program ends at the end of the test."""
    started = []

    def stop(text, line, **attach):
        path = script(text)
        bus.ask("attach", **attach)
        bus.breakpoints(path, line)
        started.append(run_file(bus, path))
        bus.stopped("breakpoint")
        bus.breakpoints(path)
        return bus.stack()[0]["id"]
    yield stop
    bus.ask("continue")
    assert bus.finish(started[0])["status"] == "ok"


SCOPES = """outer = 'global'
local up = {1, 2}
local function f(a, ...)
  local a = a .. '!'
  local s = 'x'
  return #up + select('#', ...), a
end
local n = f('first', 'second', nil, 4)
return n
"""


def test_scopes(bus, at):
    frame = at(SCOPES, 6)
    scopes = bus.ask("scopes", frameId=frame)["scopes"]
    assert [(s["name"], s.get("presentationHint"), s["expensive"]) for s in scopes] == [
        ("Locals", "locals", False), ("Varargs", "arguments", False), ("Upvalues", None, False),
        ("Globals", "globals", True)]
    found = [(v["name"], v["value"], v["type"]) for v in
             bus.variables(scopes[0]["variablesReference"])]
    assert found == [("a (shadowed)", '"first"', "string"), ("a", '"first!"', "string"),
                     ("s", '"x"', "string")]
    varargs = bus.variables(scopes[1]["variablesReference"])
    assert [(v["name"], v["value"]) for v in varargs] == [
        ("[1]", '"second"'), ("[2]", "nil"), ("[3]", "4")]
    up, = bus.variables(scopes[2]["variablesReference"])
    assert (up["name"], up["value"], up["type"]) == ("up", "{1, 2}", "table")
    names = {v["name"]: v for v in bus.variables(scopes[3]["variablesReference"])}
    assert names["outer"]["value"] == '"global"' and "print" not in names
    library = bus.variables(names["special variables"]["variablesReference"])
    assert "print" in [v["name"] for v in library]


def test_every_scope_can_be_set(bus, at):
    frame = at(SCOPES, 6)
    scope = {name: bus.scope(name, frame) for name in ("Locals", "Varargs", "Upvalues", "Globals")}

    def put(name, variable, value):
        return bus.ask("setVariable", variablesReference=scope[name], name=variable, value=value)
    assert put("Locals", "a", "a .. '?'")["value"] == '"first!?"'
    assert put("Varargs", "[1]", "...")["value"] == '"second"'
    assert put("Varargs", "[2]", "{n = 2}")["type"] == "table"
    assert put("Upvalues", "up", "{5, 6, 7}")["value"] == "{5, 6, 7}"
    assert put("Globals", "outer", "outer:upper()")["value"] == '"GLOBAL"'
    assert bus.evaluate("a, select(2, ...).n, #up, outer", frame) == "first!?\t2\t3\tGLOBAL"
    for wrong in ("no_such", "[9]", "(for state)"):
        with pytest.raises(Failed, match="no variable"):
            put("Varargs" if wrong == "[9]" else "Locals", wrong, "1")
    with pytest.raises(Failed, match="unexpected symbol|expected"):
        put("Locals", "a", "1 +")
    up = bus.variables(scope["Upvalues"])[0]["variablesReference"]
    assert bus.ask("setVariable", variablesReference=up, name="[2]", value="'two'")["value"] == \
        '"two"'
    assert bus.evaluate("up[2]", frame) == '"two"'


def test_evaluate(bus, at):
    frame = at(SCOPES, 6)
    for expression, result in [
            ("a", '"first!"'), ("1 + 1", "2"), ("...", 'second\tnil\t4'), ("#up", "2"),
            ("return 7", "7"), ("local z = 3 return z * 2", "6"), ("x = 5", ""), ("x", "5"),
            ("up[1] = 9", ""), ("up[1]", "9"), ("s = s .. 'y'", ""), ("s", '"xy"'),
            ("nil", "nil"), ("a, s", "first!\txy"), ("(function() return a end)()", '"first!"'),
            ("for i = 1, 2 do x = x + i end", ""), ("x", "8"), ("-- comment", ""), ("", "")]:
        assert bus.evaluate(expression, frame) == result, expression
    assert bus.locals(frame)["s"] == '"xy"'
    assert bus.evaluate("x") == "8"  # without a frame: the globals
    assert bus.evaluate("a") == "nil"
    for wrong, message in [("1 +", "near"), ("error('no')", "no"), ("nosuch.x", "nosuch"),
                           ("error({code = 'E'})", "error object")]:
        with pytest.raises(Failed, match=message) as failure:
            bus.evaluate(wrong, frame)
        assert "(debug)" not in str(failure.value)
    assert bus.evaluate("a", frame) == '"first!"'
    assert bus.evaluate("up", frame, context="clipboard") == "{9, 2}"
    table = bus.ask("evaluate", expression="up", frameId=frame)
    assert [v["evaluateName"] for v in bus.variables(table["variablesReference"])] == \
        ["up[1]", "up[2]"]


def test_set_expression(bus, at):
    frame = at(SCOPES, 6)
    body = bus.ask("setExpression", expression="up[3]", value="a .. s", frameId=frame)
    assert body["value"] == '"first!x"'
    assert bus.ask("setExpression", expression="s", value="'new'", frameId=frame)["value"] == '"new"'
    assert bus.evaluate("up[3], s", frame) == "first!x\tnew"
    for wrong in ("1", "f()", "a +"):
        with pytest.raises(Failed):
            bus.ask("setExpression", expression=wrong, value="1", frameId=frame)


def test_what_an_expression_leaves_behind(bus, script):
    """A function made in a frame outlives it, and then sees the globals alone."""
    path = script("local function f()\n  local inner = 1\n  return inner\nend\nf()\n"
                  "local ok, r = pcall(kept)\nreturn ok\n")
    bus.ask("attach")
    bus.breakpoints(path, 3, 7)
    cell = run_file(bus, path)
    bus.stopped()
    frame = bus.stack()[0]["id"]
    bus.evaluate("kept = function() return inner end", frame)
    assert bus.evaluate("kept()", frame) == "1"
    bus.go()
    assert bus.locals()["ok"] == "true" and bus.locals()["r"] == "nil"
    with pytest.raises(Failed, match="no frame"):
        bus.evaluate("inner", frame)
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_evaluation_stops_nowhere_and_writes_where_it_should(bus, script):
    path = script("function shout(x)\n  print('shout', x)\n  return x\nend\nshout(1)\n")
    bus.ask("attach")
    bus.breakpoints(path, 2)
    bus.ask("setExceptionBreakpoints", filters=["raised", "uncaught"])
    cell = run_file(bus, path)
    bus.stopped("breakpoint")
    frame = bus.stack()[0]["id"]
    asked = bus.post("evaluate", expression="shout(2)", frameId=frame, context="repl")
    assert bus.body(asked)["result"] == "2" and bus.streams[asked] == "shout\t2\n"
    hover = bus.post("evaluate", expression="shout(3)", frameId=frame, context="hover")
    assert bus.body(hover)["result"] == "3"
    assert bus.evaluate("pcall(error, 'x')", frame) == "false\tx"
    assert bus.evaluate("coroutine.wrap(function() return shout(4) end)()", frame) == "4"
    assert not bus.seen("stopped") and hover not in bus.streams
    tools = bus.evaluate("Tool.invoke('calculator', {input = '6 * 7'}).result", frame)
    assert "42" in tools
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_an_endless_evaluation_is_cancelled(bus, at):
    frame = at(SCOPES, 6)
    for code in ("while true do end", "while true do pcall(function() while true do end end) end"):
        asked = bus.post("evaluate", expression=code, frameId=frame)
        time.sleep(0.1)
        bus.reply(bus.send("interrupt_request", msg_id=asked))
        with pytest.raises(Failed, match="cancelled"):
            bus.body(asked)
    assert bus.evaluate("a", frame) == '"first!"'


# ---- tables ----

TABLES = """
t = {}
t.cycle = t
t[1] = 'one'
t[2.5] = 'float'
t[true] = 'yes'
t['a b'] = 'space'
t.item10 = 10
t.item2 = 2
t[-1] = 'minus'
t[t] = 'self'
binary = '\\xff\\0\\x80end\\n"q"'
deep = setmetatable({}, {__index = function() error('no index') end,
  __tostring = function() error('no text') end, __pairs = function() error('no pairs') end,
  __len = function() error('no length') end})
named = setmetatable({}, {__tostring = function(self) return 'I am named' end})
huge = {}
for i = 1, 100000 do huge[i] = i end
fields = {}
for i = 1, 100000 do fields['k' .. i] = i end
long = ('x'):rep(1000000)
fn = function() return t, huge end
local stop = 1
"""


def test_any_table(bus, at):
    frame = at(TABLES, TABLES.count("\n"))
    names = {v["name"]: v for v in bus.variables(bus.scope("Globals", frame))}
    children = bus.variables(names["t"]["variablesReference"])
    assert [v["name"] for v in children[:-1]] == [
        "[1]", "[-1]", "[2.5]", '["a b"]', "cycle", "item2", "item10", "[true]"]
    assert children[-1]["name"].startswith("[table: 0x")
    assert {v["name"]: v.get("evaluateName") for v in children}['["a b"]'] == 't["a b"]'
    for child in children[:-1]:
        assert bus.evaluate(child["evaluateName"], frame) == child["value"]
    cycle = [v for v in children if v["name"] == "cycle"][0]
    assert [v["name"] for v in bus.variables(cycle["variablesReference"])] == \
        [v["name"] for v in children]
    assert bus.ask("setVariable", variablesReference=names["t"]["variablesReference"],
                   name='["a b"]', value="'changed'")["value"] == '"changed"'
    assert bus.evaluate("t['a b']", frame) == '"changed"'
    json.dumps(names["binary"]).encode()
    assert names["binary"]["value"] == '"\\xFF\\x00\\x80end\\n\\"q\\""'
    assert "error in __tostring" in names["deep"]["value"]
    meta, = bus.variables(names["deep"]["variablesReference"])
    assert meta["name"] == "[[metatable]]"
    assert [v["name"] for v in bus.variables(meta["variablesReference"])] == [
        "__index", "__len", "__pairs", "__tostring"]
    assert len(names["long"]["value"]) < 2000
    assert [v["name"] for v in bus.variables(names["fn"]["variablesReference"])] == ["_ENV"]


def test_a_metamethod_that_does_not_end(bus, at):
    text = "endless = setmetatable({}, {__tostring = function() while true do end end})\n" + TABLES
    frame = at(text, text.count("\n"))
    start = time.monotonic()
    names = {v["name"]: v for v in bus.variables(bus.scope("Globals", frame))}
    assert names["endless"]["value"].startswith("table: 0x")
    assert names["t"]["variablesReference"] and time.monotonic() - start < 4 * SLOW


def test_pages(bus, at):
    frame = at(TABLES, TABLES.count("\n"))
    huge = bus.ask("evaluate", expression="huge", frameId=frame)
    assert (huge["indexedVariables"], huge["namedVariables"]) == (100000, 0)
    reference = huge["variablesReference"]
    start = time.monotonic()
    for first in range(0, 100000, 1000):
        page = bus.variables(reference, filter="indexed", start=first, count=1000)
        assert page[0]["name"] == f"[{first + 1}]" and page[-1]["value"] == str(first + 1000)
    assert time.monotonic() - start < 2 * SLOW
    whole = bus.variables(reference)
    assert len(whole) == 10001 and whole[-1]["name"] == "…"
    more = bus.variables(whole[-1]["variablesReference"])
    assert more[0]["name"] == "[10001]" and len(more) == 10001
    assert bus.variables(reference, start=99999, count=5)[0]["value"] == "100000"
    fields = bus.ask("evaluate", expression="fields", frameId=frame)
    page = bus.variables(fields["variablesReference"], filter="named", start=8, count=3)
    assert [v["name"] for v in page] == ["k9", "k10", "k11"]


def test_references_end_with_the_stop(bus, script):
    path = script("t = {1}\nx = 1\nx = 2\n")
    bus.ask("attach")
    bus.breakpoints(path, 2, 3)
    cell = run_file(bus, path)
    bus.stopped()
    old = bus.ask("evaluate", expression="t")["variablesReference"]
    assert bus.variables(old)[0]["value"] == "1"
    bus.go()
    with pytest.raises(Failed, match="variablesReference"):
        bus.variables(old)
    with pytest.raises(Failed, match="variablesReference"):
        bus.variables(10 ** 12)
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


# ---- without a stop ----

def test_globals_while_nothing_is_stopped(bus):
    bus.ask("attach")
    bus.run("answer = 42 list = {1, 2}")
    assert bus.evaluate("answer") == "42"
    names = {v["name"]: v for v in bus.ask("inspectVariables")["variables"]}
    assert names["answer"]["type"] == "integer"
    assert [v["value"] for v in bus.variables(names["list"]["variablesReference"])] == ["1", "2"]
    assert bus.ask("setExpression", expression="list[1]", value="answer")["value"] == "42"
    assert bus.ask("setVariable", variablesReference=names["list"]["variablesReference"],
                   name="[2]", value="7")["value"] == "7"
    assert bus.evaluate("list[1] + list[2]") == "49"
    for command in ("continue", "next", "stepIn", "stepOut"):
        with pytest.raises(Failed, match="nothing is stopped"):
            bus.ask(command, threadId=1)
    with pytest.raises(Failed, match="not stopped at an error"):
        bus.ask("exceptionInfo", threadId=1)


def test_inspection_of_code_that_runs(bus):
    bus.ask("attach")
    cell = bus.start("count = 0 while not done do count = count + 1 end")
    for _ in range(50):
        names = {v["name"] for v in bus.ask("inspectVariables")["variables"]}
        assert "special variables" in names
    bus.evaluate("done = true")
    assert bus.finish(cell)["status"] == "ok"


# ---- completions ----

def test_completions(bus, at):
    frame = at("local text = 'x'\nlocal record = {field = 1, other = 2}\nglobal_name = 1\nlocal z = 1\n"
               "text = text .. #record\n", 5)

    def complete(text, **options):
        targets = bus.ask("completions", text=text, column=len(text) + 1, **options)["targets"]
        return {t["label"]: t for t in targets}
    found = complete("record.", frameId=frame)
    assert set(found) == {"field", "other"} and found["field"]["start"] == 8
    assert complete("x = te", frameId=frame)["text"]["length"] == 2
    assert "global_name" in complete("glob", frameId=frame)
    assert "text" not in complete("te") and "string" in complete("str")
    assert "upper" in complete("text:up", frameId=frame)


# ---- data breakpoints ----

def test_data_breakpoints(bus, script):
    path = script("state = {count = 0}\nlocal function add()\n  local x = 1\n"
                  "  state.count = state.count + x\n  x = 2\nend\nfor i = 1, 3 do\n  add()\nend\n"
                  "other = 5\nlocal z = 1\n")
    bus.ask("attach")
    bus.breakpoints(path, 7)
    cell = run_file(bus, path)
    bus.stopped()
    bus.breakpoints(path)
    reference = bus.ask("evaluate", expression="state")["variablesReference"]
    info = bus.ask("dataBreakpointInfo", variablesReference=reference, name="count")
    other = bus.ask("dataBreakpointInfo", name="state")
    local = bus.ask("dataBreakpointInfo", variablesReference=bus.scope("Locals"), name="add")
    assert info["accessTypes"] == ["write"] and other["dataId"] and local["dataId"] is None
    made = bus.ask("setDataBreakpoints", breakpoints=[
        {"dataId": info["dataId"], "accessType": "write", "condition": "state.count ~= 2"}])
    assert made["breakpoints"][0]["verified"]
    for count in 1, 3:
        stop = bus.go(reason="data breakpoint")
        assert stop["hitBreakpointIds"] == [made["breakpoints"][0]["id"]]
        assert bus.where() == ("add", 5) and bus.evaluate("state.count") == str(count)
    bus.ask("setDataBreakpoints", breakpoints=[])
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"
