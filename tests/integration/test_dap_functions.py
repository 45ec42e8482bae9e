# SPDX-License-Identifier: Apache-2.0
"""Breakpoints of functions and of data, and where breakpoints can stand."""
import pytest

from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)
from test_dap_breakpoints import LINES, stops


# ---- of functions ----

FUNCTIONS = """local M = {}
function M.run(x)
  return x
end
function M:method()
  return self
end
local function plain(a)
  return a
end
global = function() return 1 end
plain(M.run(1))
M:method()
global()
"""


@pytest.mark.parametrize("name, line", [("plain", 9), ("M.run", 3), ("run", 3), ("M:method", 6),
                                        ("global", 11)])
def test_function_breakpoints(dap, script, name, line):
    path = script(FUNCTIONS)
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    placed, = dap.ask("setFunctionBreakpoints", breakpoints=[{"name": name}])["breakpoints"]
    assert placed["id"] > 0
    dap.ask("configurationDone")
    event, frame = dap.stopped("function breakpoint")
    assert event["hitBreakpointIds"] == [placed["id"]] and frame["line"] in (line, line - 1)
    dap.resume()
    assert dap.finish() == 0


def test_function_breakpoints_with_conditions(dap, script):
    path = script("local function f(i)\n  return i\nend\nfor i = 1, 10 do f(i) end\n")
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "f", "condition": "i > 4", "hitCondition": "%3"}])
    dap.ask("configurationDone")
    assert stops(dap) == [7, 10]


def test_a_function_that_is_not_there(dap, script):
    path = script("print(1)\n")
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path))
    placed, = dap.ask("setFunctionBreakpoints", breakpoints=[{"name": "nobody"}])["breakpoints"]
    assert placed["verified"] is False and placed["message"]
    dap.ask("configurationDone")
    assert dap.finish() == 0


# ---- breakpointLocations ----

def test_locations(dap, script):
    path = script(LINES)
    dap.begin(path, [11])
    dap.stopped()
    def lines(line, end=None):
        more = {"endLine": end} if end else {}
        return [b["line"] for b in dap.ask("breakpointLocations", source={"path": str(path)},
                                           line=line, **more)["breakpoints"]]
    assert lines(1) == [] and lines(7) == [7]
    assert {2, 7, 9, 11} <= set(lines(1, 100)) <= {2, 6, 7, 9, 10, 11}
    dap.resume()
    assert dap.finish() == 0


# ---- of data ----

def test_data_breakpoints(dap, script):
    dap.begin(script("local t = {n = 0, other = 1}\nlocal x = 1\nt.other = 2\nt.n = 1\nlocal y = 1\nt.n = 5\nprint(t.n)\n"), [2])
    _, frame = dap.stopped("breakpoint")
    table = dap.locals(frame)["t"]["variablesReference"]
    info = dap.ask("dataBreakpointInfo", variablesReference=table, name="n")
    assert info["dataId"] and "write" in info["accessTypes"]
    placed, = dap.ask("setDataBreakpoints", breakpoints=[{"dataId": info["dataId"], "accessType": "write"}])["breakpoints"]
    assert placed["verified"] is True
    for value in ("1", "5"):
        dap.resume()
        _, frame = dap.stopped("data breakpoint")
        assert dap.evaluate("t.n", frame)["result"] == value
    dap.ask("setDataBreakpoints", breakpoints=[])
    dap.resume()
    assert dap.finish() == 0
