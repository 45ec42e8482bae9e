# SPDX-License-Identifier: Apache-2.0
"""The Lua runtime as a debuggee: breakpoints, stops, stack and variables, over debuggee_request."""
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
