# SPDX-License-Identifier: Apache-2.0
"""Stepping, and the stack: in, over, out; across coroutines, errors, tail calls, 100,000 frames."""
import time

import pytest

from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)


def walk(dap, *commands):
    """The lines that the steps reach; None: the end."""
    seen = []
    for command in commands:
        event = walk.event
        dap.resume(command, event["threadId"])
        while not any(e["event"] in ("stopped", "terminated") for e in dap.events):
            dap.receive()
        if any(e["event"] == "terminated" for e in dap.events):
            return seen + [None]
        walk.event, frame = dap.stopped("step")
        seen.append(frame["line"])
    return seen


def start(dap, path, line=1):
    dap.begin(path, [line])
    walk.event, frame = dap.stopped("breakpoint")
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[])
    return frame


BASIC = """local function inner(x)
  local y = x + 1
  return y
end
local function outer(x)
  local a = inner(x)
  local b = inner(a)
  return a + b
end
local r = outer(1)
print(r)
"""


def test_over(dap, script):
    start(dap, script(BASIC), 10)
    assert walk(dap, "next", "next") == [11, None]
    assert dap.output() == "5\n"


def test_in_and_out(dap, script):
    start(dap, script(BASIC), 10)
    assert walk(dap, "stepIn", "stepIn", "next", "next") == [6, 2, 3, 7]
    dap.resume("continue", 1)
    assert dap.finish() == 0


def test_in_reaches_the_first_line_of_each_function(dap, script):
    start(dap, script(BASIC), 10)
    assert walk(dap, "stepIn") == [6]
    assert walk(dap, "stepIn") == [2]
    assert walk(dap, "stepOut")[0] in (6, 7)
    assert walk(dap, "stepOut")[0] in (10, 11)
    dap.resume()
    assert dap.finish() == 0


def test_step_off_the_end(dap, script):
    start(dap, script("local a = 1\nlocal b = 2\n"), 2)
    assert walk(dap, "next") == [None]


def test_step_stops_at_breakpoints(dap, script):
    path = script(BASIC)
    dap.begin(path, [10, 3])
    dap.stopped("breakpoint")
    dap.resume("next")
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 3
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[])
    dap.resume()
    assert dap.finish() == 0


def test_over_a_line_with_its_own_breakpoint_does_not_stop_again(dap, script):
    """Bug class 4: a step that ends where it began."""
    path = script("local n = 0\nn = n + 1\nn = n + 1\nprint(n)\n")
    dap.begin(path, [2])
    dap.stopped("breakpoint")
    dap.resume("next")
    _, frame = dap.stopped("step")
    assert frame["line"] == 3
    dap.resume()
    assert dap.finish() == 0


def test_loops(dap, script):
    start(dap, script("for i = 1, 2 do\n  local x = i\nend\nlocal e = 1\n"), 2)
    assert walk(dap, "next", "next", "next", "next") == [1, 2, 1, 4]
    dap.resume()
    dap.finish()


def test_over_recursion_stays_in_its_frame(dap, script):
    path = script("local function f(n)\n  if n == 0 then return 0 end\n  local r = f(n - 1)\n"
                  "  return r + 1\nend\nprint(f(3))\n")
    frame = start(dap, path, 3)
    assert dap.locals(frame)["n"]["value"] == "3"
    dap.resume("next")
    walk.event, frame = dap.stopped("step")
    assert frame["line"] == 4 and dap.locals(frame)["n"]["value"] == "3"
    dap.resume()
    assert dap.finish() == 0


def test_over_an_error_that_pcall_catches(dap, script):
    path = script("local function bad()\n  error('x')\nend\n"
                  "local ok = pcall(function()\n  local a = 1\n  bad()\n  local never = 1\nend)\n"
                  "local after = ok\nprint(after)\n")
    start(dap, path, 6)
    assert walk(dap, "next")[0] in (4, 8, 9)
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "false\n"


def test_over_pcall_with_an_error(dap, script):
    start(dap, script("local a = 1\nlocal ok = pcall(error, 'x')\nlocal ok2 = pcall(function()\n"
                      "  error('y')\nend)\nlocal b = 2\n"), 2)
    assert walk(dap, "next", "next", "next", "next") == [3, 5, 3, 6]
    dap.resume()
    assert dap.finish() == 0


COROUTINES = """local co = coroutine.create(function(a)
  local b = coroutine.yield(a + 1)
  local c = coroutine.yield(b + 1)
  return c
end)
local _, x = coroutine.resume(co, 1)
local _, y = coroutine.resume(co, x)
local _, z = coroutine.resume(co, y)
print(x, y, z)
"""


def test_over_resume(dap, script):
    start(dap, script(COROUTINES), 6)
    assert walk(dap, "next", "next", "next") == [7, 8, 9]
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "2\t3\t3\n"


def test_into_a_coroutine_and_over_its_yield(dap, script):
    start(dap, script(COROUTINES), 6)
    assert walk(dap, "stepIn") == [2]
    assert walk.event["threadId"] != 1
    line, = walk(dap, "next")
    assert line in (3, 6, 7), "the step goes on where the coroutine does, or where it yields to"
    dap.resume("continue", walk.event["threadId"])
    assert dap.finish() == 0


def test_out_of_a_coroutine(dap, script):
    path = script("local f = coroutine.wrap(function()\n  local a = 1\n  return a\nend)\n"
                  "local x = f()\nprint(x)\n")
    start(dap, path, 2)
    assert walk(dap, "stepOut")[0] in (5, 6)
    assert walk.event["threadId"] == 1
    dap.resume()
    assert dap.finish() == 0


def test_iterators(dap, script):
    start(dap, script("local function iter()\n  return coroutine.wrap(function()\n    for i = 1, 2 do coroutine.yield(i) end\n"
                      "  end)\nend\nfor i in iter() do\n  local x = i\nend\nlocal e = 1\n"), 7)
    assert walk(dap, "next", "next", "next", "next") in ([6, 7, 6, 9], [6, 7, 6, 8])
    dap.resume()
    assert dap.finish() == 0


def test_tail_calls(dap, script):
    start(dap, script("local function g()\n  return 1\nend\nlocal function f()\n  return g()\nend\n"
                      "local x = f()\nlocal y = 1\n"), 7)
    assert walk(dap, "stepIn", "stepIn") == [5, 2]
    assert walk(dap, "next")[0] in (7, 8)
    dap.resume()
    assert dap.finish() == 0


def test_callbacks_of_c_functions(dap, script):
    start(dap, script("local t = {3, 1, 2}\ntable.sort(t, function(a, b)\n  return a < b\nend)\nlocal e = 1\n"), 3)
    assert walk(dap, "stepOut") == [5]
    dap.resume()
    assert dap.finish() == 0


def test_metamethods_and_close(dap, script):
    start(dap, script("local mt = {__index = function(t, k)\n  return k\nend, __close = function()\n  local c = 1\nend}\n"
                      "do\n  local x <close> = setmetatable({}, mt)\n  local y = x.name\nend\nlocal e = 1\n"), 8)
    assert walk(dap, "stepIn") == [2]
    assert walk(dap, "stepOut")[0] in (8, 9, 10)
    dap.resume()
    assert dap.finish() == 0


def test_step_in_targets(dap, script):
    path = script("local function a()\n  return 1\nend\nlocal function b(x)\n  return x\nend\nlocal r = b(a())\nprint(r)\n")
    frame = start(dap, path, 7)
    targets = {t["label"]: t["id"] for t in dap.ask("stepInTargets", frameId=frame["id"])["targets"]}
    wanted = next(id for label, id in targets.items() if label.startswith("b"))
    dap.ask("stepIn", threadId=1, targetId=wanted)
    _, frame = dap.stopped("step")
    assert frame["line"] == 5
    dap.resume()
    assert dap.finish() == 0


def test_stepping_into_a_required_file(dap, script, tmp_path):
    (tmp_path / "part.lua").write_text("local M = {}\nfunction M.f(x)\n  return x\nend\nreturn M\n")
    path = script(f"package.path = '{tmp_path}/?.lua'\nlocal part = require 'part'\nlocal r = part.f(1)\nprint(r)\n")
    start(dap, path, 3)
    assert walk(dap, "stepIn") == [3]
    frame = dap.frames()[0]
    assert frame["source"]["path"] == str(tmp_path / "part.lua")
    dap.resume()
    assert dap.finish() == 0


@pytest.mark.parametrize("command", ["next", "stepIn", "stepOut", "continue"])
def test_going_on_when_nothing_is_stopped(dap, script, command):
    dap.begin(script("print('here')\nwhile true do end\n"))
    dap.event("output")
    assert "nothing is stopped" in dap.fail(command, threadId=1)
    dap.ask("terminate")
    dap.finish()


def test_many_steps_are_quick(dap, script):
    start(dap, script("local a = 1\n" * 120), 2)
    begun = time.monotonic()
    for _ in range(100):
        dap.resume("next")
        dap.event("stopped")
    assert time.monotonic() - begun < 10 * SLOW
    dap.resume()
    assert dap.finish() == 0


# ---- the stack ----

def test_frames(dap, script):
    path = script("local function f(x)\n  return x\nend\nlocal t = {}\nfunction t.g(x)\n  local r = f(x)\n"
                  "  return r\nend\nfunction t:h(x)\n  local r = t.g(x)\n  return r\nend\nt:h(1)\n")
    dap.begin(path, [2])
    dap.stopped()
    body = dap.ask("stackTrace", threadId=1)
    frames = body["stackFrames"]
    assert [(f["name"], f["line"]) for f in frames] == [("f", 2), ("t.g", 6), ("t:h", 10), ("main chunk", 13)]
    assert body["totalFrames"] == 4 and len({f["id"] for f in frames}) == 4
    assert all(f["source"]["path"] == str(path) and f["column"] >= 1 for f in frames)
    dap.resume()
    assert dap.finish() == 0


def test_frames_of_the_kernel_do_not_show(dap, script):
    path = script("local t = {2, 1}\ntable.sort(t, function(a, b)\n  return a < b\nend)\npcall(function()\n  local x = 1\nend)\n")
    dap.begin(path, [3, 6])
    dap.stopped()
    frames = dap.frames()
    assert frames[0]["line"] == 3 and frames[-1]["name"] == "main chunk"
    assert len(frames) <= 3 and all(f["source"].get("path") == str(path) or f["presentationHint"] == "subtle"
                                    for f in frames)
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 6}])
    dap.resume()
    dap.stopped()
    frames = dap.frames()
    assert frames[0]["line"] == 6 and frames[-1]["name"] == "main chunk"
    dap.resume()
    assert dap.finish() == 0


def test_a_hundred_thousand_frames(dap, script):
    path = script("local function f(n)\n  if n == 0 then\n    return 0\n  end\n  return 1 + f(n - 1)\nend\nprint(f(99999))\n")
    dap.begin(path, [3])
    dap.event("stopped")
    begun = time.monotonic()
    body = dap.ask("stackTrace", threadId=1, startFrame=0, levels=20)
    assert len(body["stackFrames"]) == 20 and body["totalFrames"] == 100001
    middle = dap.frames(startFrame=50000, levels=10)
    assert len(middle) == 10 and middle[0]["line"] == 5
    last = dap.frames(startFrame=99990, levels=100)
    assert [f["name"] for f in last][-1] == "main chunk" and len(last) == 11
    assert dap.frames(startFrame=200000, levels=10) == []
    assert time.monotonic() - begun < 10 * SLOW
    assert dap.locals(middle[0])["n"]["value"] == "50000"
    dap.resume()
    assert dap.finish() == 0


def test_threads_and_their_stacks(dap, script):
    path = script("local function named()\n  coroutine.yield(1)\nend\nlocal a = coroutine.create(named)\n"
                  "local b = coroutine.create(named)\ncoroutine.resume(a)\nprint(1)\n")
    dap.begin(path, [7])
    event, _ = dap.stopped()
    threads = {t["id"]: t["name"] for t in dap.ask("threads")["threads"]}
    assert event["threadId"] == 1 and len(threads) >= 2
    other = next(id for id in threads if id != 1 and dap.frames(id) and dap.frames(id)[-1]["name"] != "main chunk")
    frames = dap.frames(other)
    assert [f["line"] for f in frames if f["source"].get("path")] == [2]
    assert dap.fail("stackTrace", threadId=4711)
    dap.resume()
    assert dap.finish() == 0


def test_thread_events(dap, script):
    path = script("local co = coroutine.wrap(function()\n  local x = 1\n  return x\nend)\nco()\nlocal e = 1\n")
    dap.begin(path, [2, 6])
    event, _ = dap.stopped("breakpoint")
    assert dap.event("thread") == {"reason": "started", "threadId": event["threadId"]}
    dap.resume("continue", event["threadId"])
    assert dap.event("thread") == {"reason": "exited", "threadId": event["threadId"]}
    dap.stopped("breakpoint")
    assert [t["id"] for t in dap.ask("threads")["threads"]] == [1]
    dap.resume()
    assert dap.finish() == 0


def test_a_coroutine_in_a_coroutine(dap, script):
    path = script("local outer = coroutine.wrap(function()\n  local inner = coroutine.wrap(function()\n"
                  "    local x = 1\n    return x\n  end)\n  return inner()\nend)\nprint(outer())\n")
    dap.begin(path, [4])
    event, frame = dap.stopped("breakpoint")
    assert frame["line"] == 4 and dap.frames(event["threadId"])[0]["line"] == 4
    assert dap.frames(1)[-1]["line"] == 8
    dap.resume("continue", event["threadId"])
    assert dap.finish() == 0
    assert dap.output() == "1\n"
