# SPDX-License-Identifier: Apache-2.0
"""The Lua runtime as a debuggee: breakpoints, stops, stack and variables, over debuggee_request."""
import subprocess

import pytest

from debuggee import Failed, bus, bus_plugin, kernel_port, llmspell, open_bus  # noqa: F401


@pytest.fixture
def script(llmspell):
    def write(text, name="script.lua"):
        path = llmspell.cwd / name
        path.write_text(text)
        return path
    return write


def run_file(bus, path, **options):
    return bus.start(path.read_text(), path=str(path), **options)


STEPS = """local function add(a, b)
  local sum = a + b

  return sum
end
local x = add(1, 2)
local y = add(x, 10)
print(x, y)
return y
"""


def test_attach_stop_continue(bus, script):
    path = script(STEPS)
    bus.ask("attach")
    assert bus.breakpoints(path, 3) == [
        {"id": 1, "verified": True, "line": 4, "source": {"name": "script.lua", "path": str(path)}}]
    cell = run_file(bus, path)
    stop = bus.stopped("breakpoint")
    assert stop == {"reason": "breakpoint", "threadId": 1, "allThreadsStopped": True,
                    "hitBreakpointIds": [1]}
    assert bus.where() == ("add", 4)
    assert bus.locals() == {"a": "1", "b": "2", "sum": "3"}
    bus.go()
    assert bus.locals() == {"a": "3", "b": "10", "sum": "13"}
    bus.ask("continue", threadId=1)
    assert bus.event("continued") == {"threadId": 1, "allThreadsContinued": True}
    assert bus.finish(cell)["status"] == "ok"
    assert bus.streams[cell] == "3\t13\n"


def test_stepping(bus, script):
    path = script(STEPS)
    bus.ask("attach", stopOnEntry=True)
    cell = run_file(bus, path)
    bus.stopped("entry")
    assert bus.where() == ("main chunk", 5)  # where the function is made
    seen = []
    for command in "next", "stepIn", "stepOut", "next", "next":
        bus.go(command, "step")
        seen.append(bus.where())
    assert seen == [("main chunk", 6), ("add", 2), ("main chunk", 7), ("main chunk", 8),
                    ("main chunk", 9)]
    bus.ask("next")
    assert bus.finish(cell)["status"] == "ok"


# ---- breakpoints ----

def test_lines_without_code(bus, script):
    path = script("-- a comment\n\nlocal a = 1\n\n-- another\nlocal b = 2\n\n")
    bus.ask("attach")
    made = bus.breakpoints(path, 1, 2, 3, 5, 6, 7, 100)
    assert [(b["verified"], b["line"]) for b in made] == [
        (True, 3), (True, 3), (True, 3), (True, 6), (True, 6), (False, 7), (False, 100)]
    assert "no code" in made[-1]["message"]
    locations = bus.ask("breakpointLocations", source={"path": str(path)}, line=1, endLine=9)
    assert [b["line"] for b in locations["breakpoints"]] == [3, 6]


def test_ids_are_kept(bus, script):
    path = script("a = 1\nb = 2\nc = 3\n")
    bus.ask("attach")
    first = [b["id"] for b in bus.breakpoints(path, 1, 2)]
    second = [b["id"] for b in bus.breakpoints(path, 2, 3)]
    assert second[0] == first[1] and second[1] not in first


def test_file_that_is_not_there_yet(bus, script, llmspell):
    path = llmspell.cwd / "late.lua"
    bus.ask("attach")
    made, = bus.breakpoints(path, 1)
    assert not made["verified"] and made["message"]
    path.write_text("-- comment\nlocal x = 1\nreturn x\n")
    cell = bus.start(f"return dofile({str(path)!r})")
    changed = bus.event("breakpoint")
    assert changed["reason"] == "changed" and changed["breakpoint"]["id"] == made["id"]
    assert changed["breakpoint"]["verified"] and changed["breakpoint"]["line"] == 2
    bus.stopped("breakpoint")
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


@pytest.mark.parametrize("load", ["dofile('mod.lua')", "require('mod')", "loadfile('mod.lua')()",
                                  "load(io.open('mod.lua'):read('a'), '@mod.lua')()",
                                  "dofile('./sub/../mod.lua')"])
def test_relative_names(bus, script, llmspell, load):
    path = script("local M = {}\nfunction M.f()\n  return 1\nend\nM.f()\nreturn M\n", "mod.lua")
    (llmspell.cwd / "sub").mkdir()
    bus.ask("attach")
    bus.breakpoints(path, 3)
    cell = bus.start(f"package.path = './?.lua' local m = {load} return m.f()")
    for _ in range(2):
        bus.stopped("breakpoint")
        top = bus.stack()[0]
        assert (top["name"], top["line"], top["source"]["path"]) == ("M.f", 3, str(path))
        bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_symbolic_link(bus, script, llmspell):
    path = script("x = 1\ny = 2\n")
    link = llmspell.cwd / "link.lua"
    link.symlink_to(path)
    bus.ask("attach")
    bus.breakpoints(path, 2)
    cell = run_file(bus, link)
    bus.stopped("breakpoint")
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


LOOP = "for i = 1, 10 do\n  local x = i * 2\n  last = x\nend\n"


@pytest.mark.parametrize("condition, stops", [
    ("i == 3", ["3"]), ("x > 16", ["9", "10"]), ("false", []), ("nil", []),
    ("i % 5 == 0", ["5", "10"]), ("return i == 2", ["2"])])
def test_condition(bus, script, condition, stops):
    path = script(LOOP)
    bus.ask("attach")
    bus.breakpoints(path, {"line": 3, "condition": condition})
    assert stops_of(bus, run_file(bus, path)) == stops


def stops_of(bus, cell, name="i"):
    """The values of a local at each stop until the code ends."""
    values = []

    def ended():
        return cell in bus.done or bus.seen("stopped")
    while True:
        bus.until(ended)
        if not bus.seen("stopped"):
            return values
        bus.event("stopped")
        values.append(bus.locals()[name])
        bus.ask("continue")


@pytest.mark.parametrize("condition, stops", [
    ("5", ["5"]), ("== 2", ["2"]), ("= 2", ["2"]), (">= 9", ["9", "10"]), (">8", ["9", "10"]),
    ("% 4", ["4", "8"]), ("<= 2", ["1", "2"]), ("<2", ["1"]), ("~= 1", list("23456789") + ["10"])])
def test_hit_condition(bus, script, condition, stops):
    path = script(LOOP)
    bus.ask("attach")
    bus.breakpoints(path, {"line": 3, "hitCondition": condition})
    assert stops_of(bus, run_file(bus, path)) == stops


def test_a_condition_that_fails_stops_and_says_why(bus, script):
    path = script("local t = nil\nlocal ok = pcall(function()\n  x = 1\nend)\nreturn ok\n")
    bus.ask("attach")
    bus.breakpoints(path, {"line": 3, "condition": "nosuch.field"}, {"line": 5, "condition": "1 +"})
    cell = run_file(bus, path)
    for _ in range(2):
        bus.until(lambda: bus.seen("stopped"))
        assert "failed" in bus.event("output")["output"]
        bus.stopped("breakpoint")
        bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_log_messages(bus, script):
    path = script("for i = 1, 3 do\n  local t = {name = 'n' .. i}\n  last = t\nend\nreturn 'done'\n")
    bus.ask("attach")
    bus.breakpoints(path, {"line": 3, "logMessage": "i={i} name={t.name} {no.such} {{1}}"})
    assert bus.run(path.read_text(), path=str(path))["status"] == "ok"
    assert not bus.seen("stopped")
    lines = [e["output"] for e in bus.seen("output")]
    assert len(lines) == 3 and lines[1].startswith("i=2 name=n2 {no.such: ")
    assert bus.seen("output")[0]["line"] == 3


def test_breakpoint_in_code_that_runs(bus, script):
    path = script("local n = 0\nwhile not done do\n  n = n + 1\nend\nreturn n\n")
    bus.ask("attach")
    cell = run_file(bus, path)
    bus.breakpoints(path, 3)
    bus.stopped("breakpoint")
    assert bus.where() == ("main chunk", 3)
    bus.breakpoints(path)
    bus.ask("continue")
    assert bus.evaluate("done = true") == ""
    assert bus.finish(cell)["status"] == "ok"


def test_attach_to_code_that_runs_in_a_coroutine(bus, script):
    path = script("local co = coroutine.wrap(function()\n  while not done do\n    local x = 1\n"
                  "    y = x\n  end\nend)\nco()\n")
    cell = run_file(bus, path)
    bus.ask("attach")
    bus.breakpoints(path, 4)
    thread = bus.stopped("breakpoint")["threadId"]
    assert thread > 1
    threads = bus.ask("threads")["threads"]
    assert [t["id"] for t in threads] == [1, thread]
    assert threads[1]["name"] == "coroutine: function script.lua:1"
    assert bus.stack(thread)[0]["line"] == 4 and bus.stack(1)[0]["line"] == 7
    bus.evaluate("done = true")
    bus.ask("detach")
    assert bus.finish(cell)["status"] == "ok"


def test_a_thousand_breakpoints(bus, script):
    path = script("".join(f"a{i} = {i}\n" for i in range(1, 2001)))
    bus.ask("attach")
    made = bus.breakpoints(path, *[{"line": i, "condition": str(i == 777).lower()}
                                   for i in range(1, 1001)])
    assert len(made) == 1000 and all(b["verified"] for b in made)
    cell = run_file(bus, path)
    bus.stopped("breakpoint")
    assert bus.where()[1] == 777
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_function_breakpoints(bus, script):
    path = script("local M = {}\nfunction M.first(a)\n  return a\nend\nfunction M:second()\n"
                  "  return 2\nend\nlocal function third()\n  return 3\nend\n"
                  "M.first(1) M:second() third()\nM.first(2)\n")
    bus.ask("attach")
    made = bus.ask("setFunctionBreakpoints", breakpoints=[
        {"name": "first", "condition": "a == 2"}, {"name": "M.second"}, {"name": "third"},
        {"name": "fourth"}])["breakpoints"]
    assert [b["verified"] for b in made] == [False] * 4
    cell = run_file(bus, path)
    seen = []
    for _ in range(3):
        stop = bus.stopped("function breakpoint")
        seen.append((bus.where()[0], made[[b["id"] for b in made].index(
            stop["hitBreakpointIds"][0])]["id"] - made[0]["id"]))
        bus.ask("continue")
    assert seen == [("M:second", 1), ("third", 2), ("M.first", 0)]
    assert bus.finish(cell)["status"] == "ok"
    again = bus.ask("setFunctionBreakpoints", breakpoints=[{"name": "third"}])["breakpoints"]
    assert again[0]["verified"]


# ---- every line that a line hook sees ----

CHECK = """local function g(x)
  if x > 3 then
    error('e')
  end
  return x + 1
end
local function f(x)
  local ok = pcall(g, x)
  local y = 1
  if not ok then
    y = 2
  end
  return y
end
local function tail(x)
  return f(x)
end
local function va(...)
  local n = select('#', ...)
  return n
end
local function rec(n)
  if n == 0 then
    return 0
  end
  local r = rec(n - 1)
  return r + 1
end
local function gen()
  for i = 1, 3 do
    coroutine.yield(f(i))
  end
  error('co')
end
for i = 1, 5 do
  f(i)
  tail(i)
  va(1, 2, i)
end
rec(10)
local co = coroutine.create(gen)
for i = 1, 6 do
  coroutine.resume(co)
  f(i)
end
local w = coroutine.wrap(function()
  pcall(function()
    coroutine.yield(1)
    error('x')
  end)
  coroutine.yield(2)
end)
w()
w()
w()
local m = setmetatable({}, {__add = function(a, b)
  return rec(3)
end, __close = function()
  f(9)
end})
do
  local c <close> = m
  local z = m + m
end
table.sort({3, 1, 2}, function(a, b)
  return a < b
end)
string.gsub('abc', '.', function(c)
  f(2)
end)
pcall(function()
  f(1)
  pcall(error)
  error('out')
end)
f(1)
"""


def test_every_line_is_noticed(bus, script, llmspell):
    """A breakpoint on each line in turn is reached as often as a plain line hook is called there."""
    path = script(CHECK)
    counter = script("""local path, counts = ..., {}
local function hook(_, line)
  if debug.getinfo(2, 'S').source == '@' .. path then
    counts[line] = (counts[line] or 0) + 1
  end
end
local chunk = loadfile(path)
local create = coroutine.create
function coroutine.create(f)
  local co = create(f)
  debug.sethook(co, hook, 'l')
  return co
end
function coroutine.wrap(f)
  local co = coroutine.create(f)
  return function(...) return select(2, coroutine.resume(co, ...)) end
end
debug.sethook(hook, 'l')
chunk()
debug.sethook()
local out = {}
for line = 1, 100 do
  if counts[line] then out[#out + 1] = line .. '=' .. counts[line] end
end
io.write(table.concat(out, ' '))
""", "counter.lua")
    plain = subprocess.run(["lua5.4", counter, path], capture_output=True, text=True, check=True)
    expected = dict(pair.split("=") for pair in plain.stdout.split())
    bus.ask("attach")
    for line in range(1, CHECK.count("\n") + 1):
        bus.breakpoints(path, {"line": line, "logMessage": "hit"})
        assert bus.run(path.read_text(), path=str(path))["status"] == "ok"
        made, = bus.breakpoints(path, line)
        hits = len(bus.seen("output"))
        bus.events.clear()
        assert hits == int(expected.get(str(made["line"]), 0)), (line, made)
