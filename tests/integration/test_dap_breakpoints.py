# SPDX-License-Identifier: Apache-2.0
"""Breakpoints: where they stand, when they stop, in code that runs already, and by the thousand."""
import time

import pytest

from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)

LINES = """-- a comment
local a = 1

--[[ a long
comment ]]
local function f(x)
  local y = x * 2

  return y
end
print(f(a))
"""


def set_lines(dap, path, *breakpoints):
    wanted = [b if isinstance(b, dict) else {"line": b} for b in breakpoints]
    return dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=wanted)["breakpoints"]


@pytest.mark.parametrize("line, moved", [(1, 2), (2, 2), (3, 6), (4, 6), (5, 6), (7, 7), (8, 9),
                                         (11, 11)])
def test_moved_to_the_next_line_with_code(dap, script, line, moved):
    placed, = dap.begin(script(LINES), [line])
    assert placed["verified"] is True
    assert placed["line"] == moved or (moved == 6 and placed["line"] in (6, 7, 10)), placed
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == placed["line"]
    dap.ask("setBreakpoints", source={"path": str(script(LINES))}, breakpoints=[])
    dap.resume()
    assert dap.finish() == 0


def test_beyond_the_end(dap, script):
    placed, = dap.begin(script(LINES), [500])
    assert placed["verified"] is False and placed["message"]
    assert dap.finish() == 0


@pytest.mark.parametrize("line", [0, -5, 2**31, 2**40])
def test_lines_that_cannot_be(dap, script, line):
    path = script("print(1)\n")
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    placed, = set_lines(dap, path, line)
    assert "verified" in placed
    dap.ask("configurationDone")
    if placed["verified"]:
        dap.stopped()
        dap.resume()
    assert dap.finish() == 0


def test_several_and_their_ids(dap, script):
    path = script(LINES)
    one, two = dap.begin(path, [7, 9])
    event, frame = dap.stopped("breakpoint")
    assert (event["hitBreakpointIds"], frame["line"]) == ([one["id"]], 7)
    again, = set_lines(dap, path, 9)
    assert again["id"] == two["id"]
    dap.resume()
    event, frame = dap.stopped("breakpoint")
    assert (event["hitBreakpointIds"], frame["line"]) == ([two["id"]], 9)
    dap.resume()
    assert dap.finish() == 0


def test_the_old_form_with_lines(dap, script):
    path = script(LINES)
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    placed, = dap.ask("setBreakpoints", source={"path": str(path)}, lines=[7])["breakpoints"]
    assert placed["line"] == 7
    dap.ask("configurationDone")
    dap.stopped("breakpoint")
    dap.resume()
    dap.finish()


COUNT = "local t = 0\nfor i = 1, 10 do\n  t = t + i\nend\nprint(t)\n"


def stops(dap, name="i"):
    """What `name` was at each stop, to the end."""
    seen = []
    while True:
        dap.responses.clear()
        while not any(e["event"] in ("stopped", "exited") for e in dap.events):
            dap.receive()
        if any(e["event"] == "exited" for e in dap.events):
            return seen
        _, frame = dap.stopped()
        seen.append(int(dap.evaluate(name, frame)["result"]))
        dap.resume()


@pytest.mark.parametrize("breakpoint, values", [
    ({}, list(range(1, 11))),
    ({"condition": "i == 3"}, [3]),
    ({"condition": "i % 4 == 0 and t > 0"}, [4, 8]),
    ({"condition": "false"}, []),
    ({"condition": "nil"}, []),
    ({"condition": "local z = i return z > 8"}, [9, 10]),
    ({"hitCondition": "5"}, [5]),
    ({"hitCondition": "== 5"}, [5]),
    ({"hitCondition": ">= 8"}, [8, 9, 10]),
    ({"hitCondition": ">8"}, [9, 10]),
    ({"hitCondition": "< 3"}, [1, 2]),
    ({"hitCondition": "<=3"}, [1, 2, 3]),
    ({"hitCondition": "%3"}, [3, 6, 9]),
    ({"hitCondition": " % 5 "}, [5, 10]),
    ({"condition": "i > 5", "hitCondition": "2"}, [7]),
])
def test_conditions(dap, script, breakpoint, values):
    dap.begin(script(COUNT), [{"line": 3, **breakpoint}])
    assert stops(dap) == values
    assert dap.output() == "55\n"


@pytest.mark.parametrize("condition", ["i ==", "error('x')", "nothing.here", "error({})",
                                       "setmetatable({}, {__index = error}).x"])
def test_a_condition_that_fails_stops_and_says_so(dap, script, condition):
    dap.begin(script(COUNT), [{"line": 3, "condition": condition}])
    dap.stopped("breakpoint")
    said = [e["body"]["output"] for e in dap.all if e["event"] == "output"]
    assert any("condition" in text for text in said), said
    set_lines(dap, script(COUNT))
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "55\n"


def test_a_hit_condition_that_is_none_says_so(dap, script):
    placed, = dap.begin(script(COUNT), [{"line": 3, "hitCondition": "often"}])
    assert "hit condition" in placed["message"]
    dap.ask("disconnect")


def test_conditions_that_change_what_they_see(dap, script):
    dap.begin(script("local n = 0\nfor i = 1, 3 do\n  local x = i\nend\nprint(n)\n"),
              [{"line": 3, "condition": "(function() n = n + 1 end)()"}])
    assert dap.finish() == 0
    assert dap.output() == "3\n"


def test_log_points(dap, script):
    dap.begin(script(COUNT), [{"line": 3, "logMessage": "i={i}, {t + 0} {{x}.y} {missing.field} {", "hitCondition": "<= 2"}])
    assert dap.finish() == 0
    lines = [e["body"] for e in dap.all if e["event"] == "output" and "i=" in e["body"]["output"]]
    assert len(lines) == 2, lines
    assert lines[0]["output"].startswith("i=1, 0 ") and lines[1]["output"].startswith("i=2, 1 ")
    assert lines[0]["line"] == 3 and lines[0]["category"] == "console"
    assert "stopped" not in [e["event"] for e in dap.all]


def test_log_points_show_tostring_and_survive_its_errors(dap, script):
    dap.begin(script("local good = setmetatable({}, {__tostring = function() return 'GOOD' end})\n"
                     "local bad = setmetatable({}, {__tostring = function() error('x') end})\n"
                     "print(1)\n"), [{"line": 3, "logMessage": "<{good}> <{bad}>"}])
    assert dap.finish() == 0
    text = dap.output("console")
    assert "<GOOD>" in text and dap.output() == "1\n"


# ---- code that runs already ----

RUNNING = """local n = 0
print('here') io.stdout:flush()
while true do
  n = n + 1
  if stop then break end
end
print('end')
"""


@pytest.mark.parametrize("body", [
    "  n = n + 1\n",
    "  for i = 1, 100 do n = n + i end\n",
    "  pcall(function() n = n + 1 end)\n",
    "  coroutine.wrap(function() n = n + 1 end)()\n",
    "  local t = {} for i = 1, 10 do t[i] = {} end\n",
])
def test_set_while_a_loop_runs(dap, script, body):
    path = script("local n = 0\nprint('here')\nwhile true do\n" + body + "  if stop then break end\nend\nprint('end')\n")
    dap.begin(path)
    dap.event("output")
    placed, = set_lines(dap, path, 4)
    assert placed["verified"] is True
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 4
    dap.evaluate("stop = true", frame)
    set_lines(dap, path)
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "here\nend\n"


def test_set_in_a_function_that_is_called_later(dap, script):
    path = script("local function f()\n  return 1\nend\nprint('here')\nwhile not stop do\n  f()\nend\n")
    dap.begin(path)
    dap.event("output")
    for _ in range(3):
        set_lines(dap, path, 2)
        _, frame = dap.stopped("breakpoint")
        assert (frame["name"], frame["line"]) == ("f", 2)
        set_lines(dap, path)
        dap.resume()
    dap.ask("pause", threadId=1)
    dap.stopped("pause")
    dap.evaluate("stop = true")
    dap.resume()
    assert dap.finish() == 0


def test_set_in_a_coroutine_made_before(dap, script):
    path = script("local co = coroutine.create(function()\n  while true do\n    coroutine.yield(1)\n"
                  "  end\nend)\ncoroutine.resume(co)\nprint('here')\nwhile not stop do\n"
                  "  coroutine.resume(co)\nend\n")
    dap.begin(path)
    dap.event("output")
    set_lines(dap, path, 3)
    event, frame = dap.stopped("breakpoint")
    assert frame["line"] == 3 and event["threadId"] != 1
    threads = {t["id"]: t["name"] for t in dap.ask("threads")["threads"]}
    assert threads[1] == "main" and "coroutine" in threads[event["threadId"]]
    dap.evaluate("stop = true", frame)
    set_lines(dap, path)
    dap.resume("continue", event["threadId"])
    assert dap.finish() == 0


@pytest.mark.parametrize("loop", ["while true do end", "for i = 1, math.huge do end",
                                  "repeat until false", "::a:: goto a",
                                  "while true do pcall(error) end",
                                  "while true do coroutine.wrap(function() end)() end"])
def test_pause(dap, script, loop):
    dap.begin(script(f"print('here')\n{loop}\n"))
    dap.event("output")
    for _ in range(3):
        begun = time.monotonic()
        dap.ask("pause", threadId=1)
        event, frame = dap.stopped("pause")
        assert time.monotonic() - begun < 5 * SLOW
        assert frame["line"] in (1, 2)  # it may not be behind print yet
        dap.resume("continue", event["threadId"])
    dap.ask("terminate")
    dap.finish()


def test_a_thousand(dap, script):
    count = 1000
    path = script("local n = 0\n" + "n = n + 1\n" * count + "print(n)\n")
    placed = dap.begin(path, list(range(2, count + 2)))
    assert [b["line"] for b in placed] == list(range(2, count + 2))
    assert len({b["id"] for b in placed}) == count
    for line in (2, 3, 4):
        assert dap.stopped("breakpoint")[1]["line"] == line
        dap.resume()
    dap.stopped()
    set_lines(dap, path, count + 1)
    dap.resume()
    assert dap.stopped()[1]["line"] == count + 1
    dap.resume()
    assert dap.finish() == 0


def test_a_breakpoint_in_a_tail_called_and_a_vararg_function(dap, script):
    path = script("local function v(...)\n  return select('#', ...)\nend\n"
                  "local function t(...)\n  return v(...)\nend\nprint(t(1, 2, 3))\n")
    dap.begin(path, [2])
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 2
    assert [v["value"] for v in dap.variables(
        dap.scope(frame, "Varargs")["variablesReference"]).values()] == ["1", "2", "3"]
    dap.resume()
    assert dap.finish() == 0


def test_one_stop_for_each_time_a_line_is_entered(dap, script):
    dap.begin(script("local n = 0\nfor i = 1, 3 do n = n + i end\nprint(n)\n"), [3])
    dap.stopped("breakpoint")
    dap.resume()
    assert dap.finish() == 0


def test_in_a_recursion(dap, script):
    path = script("local function f(n)\n  if n == 0 then return 0 end\n  return 1 + f(n - 1)\nend\nprint(f(5))\n")
    dap.begin(path, [2])
    assert stops(dap, "n") == [5, 4, 3, 2, 1, 0]


def test_in_a_string_that_was_loaded(dap, script):
    path = script("local f = load('local a = 1\\nlocal b = a + 1\\nreturn b', '=made')\nlocal stop = 1\nprint(f())\n")
    dap.begin(path, [2])
    _, frame = dap.stopped("breakpoint")
    source, = [s for s in dap.ask("loadedSources")["sources"] if s.get("name") == "made"]
    assert "path" not in source and source["sourceReference"] > 0
    assert "local b" in dap.ask("source", source=source, sourceReference=source["sourceReference"])["content"]
    placed, = dap.ask("setBreakpoints", source=source, breakpoints=[{"line": 2}])["breakpoints"]
    assert placed["verified"] is True
    dap.resume()
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 2 and frame["source"]["sourceReference"] == source["sourceReference"]
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "2\n"


def test_a_file_that_is_loaded_later(dap, script, tmp_path):
    part = tmp_path / "part.lua"
    path = script(f"local a = 1\nio.open({str(part)!r}, 'w'):write('local x = 1\\n\\nreturn x'):close()\n"
                  f"print(dofile({str(part)!r}))\n")
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    placed, = set_lines(dap, part, 2)
    assert placed["verified"] is False
    dap.ask("configurationDone")
    changed = dap.event("breakpoint")
    assert changed["breakpoint"]["id"] == placed["id"] and changed["breakpoint"]["verified"] is True
    _, frame = dap.stopped("breakpoint")
    assert (frame["line"], frame["source"]["path"]) == (3, str(part))
    assert "part.lua" in [e["body"]["source"]["name"] for e in dap.all if e["event"] == "loadedSource"]
    dap.resume()
    assert dap.finish() == 0
