# SPDX-License-Identifier: Apache-2.0
"""Stops at errors: raised and uncaught, where they are raised and before anything unwinds."""
import pytest

from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)


def begin(dap, path, *filters, **options):
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    dap.ask("setExceptionBreakpoints", filters=list(filters), **options)
    dap.ask("configurationDone")


RAISED = {
    "error": "error('mine')",
    "assert": "assert(false, 'mine')",
    "nil call": "local x = nil; x()",
    "arithmetic": "local x = {} + 1",
    "index": "local x = nil; local y = x.field",
    "a C function": "string.format('%d', 'mine')",
    "a table": "error({code = 'EMINE', message = 'mine'})",
    "concatenation": "local x = 'a' .. {}",
    "comparison": "local x = {} < {}",
}


@pytest.mark.parametrize("name", RAISED)
@pytest.mark.parametrize("filter", ["uncaught", "raised"])
def test_uncaught(dap, script, name, filter):
    path = script(f"local function bad(arg)\n  local here = arg\n  {RAISED[name]}\nend\nbad(7)\n")
    begin(dap, path, filter)
    event, frame = dap.stopped("exception")
    while frame["source"].get("path") is None:
        frame = next(f for f in dap.frames() if f["source"].get("path"))
    assert (frame["name"], frame["line"]) == ("bad", 3)
    assert dap.locals(frame)["here"]["value"] == "7"
    info = dap.ask("exceptionInfo", threadId=1)
    assert info["description"] and info["breakMode"] in ("unhandled", "always")
    assert "stack traceback" in info["details"]["stackTrace"] and "bad" in info["details"]["stackTrace"]
    assert event["text"]
    if name == "a table":
        assert info["exceptionId"] in ("EMINE", "error") and "mine" in info["description"]
    dap.resume()
    assert dap.finish() == 1


CAUGHT = "local ok, e = pcall(function()\n  error('mine')\nend)\nprint(ok, e)\n"


def test_raised_stops_in_pcall(dap, script):
    path = script(CAUGHT)
    begin(dap, path, "raised")
    _, frame = dap.stopped("exception")
    assert [f["line"] for f in dap.frames() if f["source"].get("path")][0] == 2
    assert dap.ask("exceptionInfo", threadId=1)["breakMode"] == "always"
    dap.resume()
    assert dap.finish() == 0
    assert dap.output().startswith("false\t") and dap.output().endswith(":2: mine\n")


@pytest.mark.parametrize("text", [
    CAUGHT,
    "print(xpcall(function() error('mine') end, function(e) return e end))",
    "local co = coroutine.create(function() error('mine') end)\nprint(coroutine.resume(co))",
    "print(pcall(coroutine.wrap(function() error('mine') end)))",
    "print(pcall(pcall, error))", "print(load('this is no Lua'))", "print(pcall(require, 'missing.module'))",
    "print(io.open('/nonexistent'))"])
def test_what_is_caught_is_not_uncaught(dap, script, text):
    begin(dap, script(text), "uncaught")
    assert dap.finish() == 0
    assert "stopped" not in [e["event"] for e in dap.all]


def test_uncaught_in_a_coroutine(dap, script):
    path = script("local f = coroutine.wrap(function(x)\n  local y = x\n  error('mine')\nend)\nf(5)\n")
    begin(dap, path, "uncaught")
    event, frame = dap.stopped("exception")
    frame = next(f for f in dap.frames(event["threadId"]) if f["source"].get("path"))
    assert frame["line"] == 3 and dap.locals(frame)["y"]["value"] == "5"
    dap.resume("continue", event["threadId"])
    assert dap.finish() == 1
    assert [e["event"] for e in dap.all].count("stopped") == 1


def test_raised_in_a_coroutine_that_is_resumed(dap, script):
    begin(dap, script("local co = coroutine.create(function()\n  error('mine')\nend)\nprint(coroutine.resume(co))"), "raised")
    event, _ = dap.stopped("exception")
    dap.resume("continue", event["threadId"])
    assert dap.finish() == 0
    assert "mine" in dap.output()


def test_xpcall_with_a_traceback_sees_the_same(dap, script):
    path = script("print(xpcall(function()\n  error('mine')\nend, function(e) return 'H:' .. e end))")
    begin(dap, path, "raised")
    dap.stopped("exception")
    dap.resume()
    assert dap.finish() == 0
    assert dap.output().startswith("false\tH:")


def test_errors_with_conditions(dap, script):
    path = script("for i = 1, 5 do\n  pcall(function()\n    error('e' .. i)\n  end)\nend\n")
    begin(dap, path, filterOptions=[{"filterId": "raised", "condition": "i == 3"}])
    _, frame = dap.stopped("exception")
    frame = next(f for f in dap.frames() if f["line"] == 3 and f["source"].get("path"))
    assert dap.evaluate("i", frame)["result"] == "3"
    dap.resume()
    assert dap.finish() == 0


def test_a_condition_on_the_error_itself(dap, script):
    path = script("pcall(error, 'one')\npcall(function() error('two') end)\npcall(error, {code = 5})\n")
    begin(dap, path, filterOptions=[{"filterId": "raised", "condition": "type(exception) == 'table' and exception.code == 5"}])
    dap.stopped("exception")
    assert dap.frames()[-1]["line"] == 3
    frame = dap.frames()[-1]
    assert dap.evaluate("exception.code", frame)["result"] == "5"
    dap.resume()
    assert dap.finish() == 0


def test_filters_change_while_it_runs(dap, script):
    path = script("print('here')\nlocal n = 0\nwhile not stop do\n  pcall(error, 'x')\nend\n")
    begin(dap, path)
    dap.event("output")
    for _ in range(3):
        dap.ask("setExceptionBreakpoints", filters=["raised"])
        dap.stopped("exception")
        dap.ask("setExceptionBreakpoints", filters=[])
        dap.resume()
    dap.evaluate("stop = true")
    assert dap.finish() == 0


def test_an_error_inside_an_expression_does_not_stop(dap, script):
    path = script("local a = 1\nprint(a)\n")
    begin(dap, path, "raised", "uncaught")
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[])
    assert dap.finish() == 0
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 2, "condition": "pcall(error) or true"}])
    dap.ask("restart")
    _, frame = dap.stopped("breakpoint")
    assert dap.fail("evaluate", expression="error('x')", frameId=frame["id"])
    assert dap.evaluate("pcall(error)", frame)["result"].startswith("false")
    dap.resume()
    assert dap.finish() == 0
    assert [e["event"] for e in dap.all].count("stopped") == 1


def test_exception_info_without_one(dap, script):
    path = script("local a = 1\nprint(a)\n")
    dap.begin(path, [2])
    dap.stopped("breakpoint")
    assert "not stopped at an error" in dap.fail("exceptionInfo", threadId=1)
    dap.resume()
    assert dap.finish() == 0


def test_stack_overflow(dap, script):
    path = script("local function f()\n  return 1 + f()\nend\nf()\n")
    begin(dap, path, "uncaught")
    dap.stopped("exception")
    assert "overflow" in dap.ask("exceptionInfo", threadId=1)["description"]
    assert len(dap.frames(startFrame=0, levels=5)) == 5
    dap.resume()
    assert dap.finish() == 1


def test_error_objects_with_broken_metamethods(dap, script):
    path = script("error(setmetatable({}, {__tostring = function() error('inner') end}))\n")
    begin(dap, path, "uncaught")
    dap.stopped("exception")
    assert dap.ask("exceptionInfo", threadId=1)["exceptionId"]
    dap.resume()
    assert dap.finish() == 1


def test_syntax_errors_end_the_program(dap, script):
    path = script("local = 1\n")
    placed, = dap.begin(path, [1])
    assert placed["verified"] is False and "compile" in placed["message"]
    assert dap.finish() == 1
    assert "1:" in dap.output("stderr")
