# SPDX-License-Identifier: Apache-2.0
"""Programs under the debugger, from launch to their end: output, exit codes, restart, terminate,
disconnect; each over stdio and TCP."""
import os
import time
from pathlib import Path

import pytest

from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)


def test_a_short_script_loses_no_output(dap, script):
    dap.begin(script("print('one') io.write('two\\n') io.stderr:write('oops\\n')"))
    assert dap.finish() == 0
    assert dap.output() == "one\ntwo\n"
    assert dap.output("stderr") == "oops\n"
    order = [e["event"] for e in dap.all]
    assert order.index("output") < order.index("exited") < order.index("terminated")


def test_a_client_that_does_not_wait_for_answers(dap, script):
    """All that comes before the program starts at once, as editors may send it."""
    path = script("print('one')\nprint('two')\n")
    dap.ask("initialize", adapterID="test")
    asked = [dap.send("launch", program=str(path)),
             dap.send("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 2}]),
             dap.send("configurationDone")]
    assert all(dap.response(seq)["success"] for seq in asked)
    dap.stopped("breakpoint")
    assert dap.output() == "one\n"
    dap.resume()
    assert dap.finish() == 0 and dap.output() == "one\ntwo\n"
    assert [e["event"] for e in dap.all].count("process") == 1


def test_terminate_that_does_not_wait_for_the_start(dap, script):
    dap.ask("initialize", adapterID="test")
    asked = [dap.send("launch", program=str(script("while true do end"))),
             dap.send("configurationDone"), dap.send("terminate")]
    assert all(dap.response(seq)["success"] for seq in asked)
    assert dap.finish() == 130


def test_output_says_where_it_was_written(dap, script):
    path = script("print('one')\n\nprint({a = {7}})\n")
    dap.begin(path, [3])
    dap.stopped("breakpoint")
    dap.resume()
    dap.finish()
    one, two = [e["body"] for e in dap.all if e["event"] == "output"]
    assert (one["line"], one["source"]["path"], one["output"]) == (1, str(path), "one\n")
    assert two["line"] == 3 and two["variablesReference"] > 0


def test_a_printed_table_can_be_opened(dap, script):
    dap.begin(script("print({a = {7}})\nprint('end')"), [2])
    dap.stopped()
    body = dap.event("output")
    outer = dap.variables(body["variablesReference"])
    table = next(iter(outer.values())) if "a" not in outer else None
    fields = outer if table is None else dap.variables(table["variablesReference"])
    assert dap.variables(fields["a"]["variablesReference"])["[1]"]["value"] == "7"
    dap.resume()
    dap.finish()


@pytest.mark.parametrize("text, code", [
    ("return", 0), ("os.exit(7)", 7), ("os.exit(true)", 0), ("os.exit(false)", 1),
    ("error('no')", 1), ("local x = nil; x()", 1), ("this is no Lua", 1)])
def test_exit_codes(dap, script, text, code):
    dap.begin(script(text))
    assert dap.finish() == code


def test_an_error_is_shown_with_its_place(dap, script):
    path = script("local function f()\n  error('broken')\nend\nf()\n")
    dap.begin(path)
    assert dap.finish() == 1
    text = dap.output("stderr")
    assert "broken" in text and f"{path.name}:2" in text


def test_arguments_folder_and_environment(dap, script, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    path = script("print(...) print(arg[0] ~= nil, arg[1], #arg)\n"
                  "print(os.getenv 'NEW', os.getenv 'HOME')\n"
                  "print((io.popen('pwd'):read('a'):gsub('\\n', '')))\n")
    dap.begin(path, args=["x y", "z"], cwd=str(folder), env={"NEW": "1", "HOME": None})
    assert dap.finish() == 0
    assert dap.output() == f"x y\tz\ntrue\tx y\t2\n1\tnil\n{folder}\n"


def test_a_folder_that_is_not_there(dap, script):
    dap.ask("initialize", adapterID="test")
    assert "cwd /nonexistent cannot be entered" in dap.fail(
        "launch", program=str(script("")), cwd="/nonexistent")


def test_stop_on_entry(dap, script):
    path = script("-- comment\n\nlocal a = 1\nlocal b = 2\n")
    dap.begin(path, stopOnEntry=True)
    event, frame = dap.stopped("entry")
    assert frame["line"] == 3 and frame["source"]["path"] == str(path)
    dap.resume()
    assert dap.finish() == 0


def test_no_debug(dap, script):
    path = script("local x = 1\nprint(x, debug.gethook())\n")
    dap.begin(path, [2], noDebug=True)
    assert dap.finish() == 0
    assert dap.output() == "1\tnil\n"
    assert "stopped" not in [e["event"] for e in dap.all]


def test_process_event_comes_first(dap, script):
    path = script("print(1)")
    dap.begin(path)
    assert dap.finish() == 0
    body = dap.event("process")
    assert body["name"] == str(path) and body["startMethod"] == "launch"
    assert body["systemProcessId"] > 0


def test_restart(dap, script, tmp_path):
    path = script("count = (count or 0) + 1\nprint('run', count)\nlocal x = count\nreturn x\n")
    dap.begin(path, [3])
    dap.stopped("breakpoint")
    dap.ask("restart")
    event, frame = dap.stopped("breakpoint")
    assert frame["line"] == 3
    dap.resume()
    assert dap.finish() == 0
    assert [e["event"] for e in dap.all].count("terminated") == 1
    assert dap.output().startswith("run\t1\nrun\t")


def test_restart_takes_the_file_as_it_is_now(dap, script):
    path = script("local a = 1\nprint('old')\n")
    dap.begin(path, [2])
    dap.stopped("breakpoint")
    path.write_text("local a = 1\nprint('new')\n")
    dap.ask("restart")
    dap.stopped("breakpoint")
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "new\n"


def test_restart_of_what_has_ended(dap, script):
    dap.begin(script("local a = 1\nprint(a)\n"), [2])
    for _ in range(3):
        dap.stopped("breakpoint")
        dap.resume()
        assert dap.finish() == 0
        dap.ask("restart")
    dap.stopped("breakpoint")
    dap.resume()
    assert dap.finish() == 0
    assert dap.output() == "1\n" * 4


def test_restart_of_a_program_that_runs_for_ever(dap, script):
    dap.begin(script("print('here')\nwhile true do end"))
    dap.event("output")
    dap.ask("restart")
    dap.event("output")
    dap.ask("terminate")
    dap.finish()


LOOPS = {
    "a loop": "while true do end",
    "pcall in a loop": "while true do pcall(function() while true do end end) end",
    "xpcall with a handler that goes on":
        "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "a coroutine": "local co = coroutine.wrap(function() while true do coroutine.yield() end end)\n"
                   "while true do co() end",
    "a coroutine that catches":
        "while true do pcall(coroutine.wrap(function() while true do pcall(error) end end)) end",
    "<close>": "while true do pcall(function()\n"
               "  local x <close> = setmetatable({}, {__close = function() while true do end end})\n"
               "  error('x')\nend) end",
    "a tail call": "local function f() return f() end f()",
    "sleep": "os.execute('sleep 60')",
    "gsub": "while true do ('x'):rep(1000):gsub('x', function() end) end",
}


@pytest.mark.parametrize("name", LOOPS)
def test_terminate(dap, script, name):
    dap.begin(script("print('here') io.stdout:flush()\n" + LOOPS[name]))
    dap.event("output")
    begun = time.monotonic()
    dap.ask("terminate")
    assert dap.finish() != 0
    assert time.monotonic() - begun < 5 * SLOW


@pytest.mark.parametrize("name", ["a loop", "pcall in a loop", "a coroutine"])
def test_terminate_with_breakpoints_set(dap, script, name):
    dap.begin(script("local function f()\n  return 1\nend\nprint('here')\n" + LOOPS[name]), [2])
    dap.event("output")
    dap.ask("terminate")
    assert dap.finish() != 0


def test_terminate_while_stopped(dap, script):
    dap.begin(script("local x = 1\nprint('never')\n"), [2])
    dap.stopped()
    dap.ask("terminate")
    assert dap.finish() != 0
    assert dap.output() == ""


def test_terminate_of_what_has_ended(dap, script):
    dap.begin(script(""))
    assert dap.finish() == 0
    dap.ask("terminate")
    dap.ask("disconnect")
    dap.end()


def wait_for(path, seconds=20):
    deadline = time.monotonic() + seconds * SLOW
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.01)


MARK = "io.open({!r}, 'w'):close()"


def test_disconnect_ends_what_was_launched(dap, script, tmp_path):
    after = tmp_path / "after"
    dap.begin(script(f"local x = 1\nprint(x)\n{MARK.format(str(after))}"), [2])
    dap.stopped()
    dap.ask("disconnect")
    dap.end()
    time.sleep(0.3)
    assert not after.exists()


@pytest.mark.parametrize("stopped", [True, False])
def test_disconnect_keeps_it_when_asked(dap, script, tmp_path, stopped):
    after, go = tmp_path / "after", tmp_path / "go"
    text = (f"local x = 1\nprint(x)\nwhile not io.open({str(go)!r}) do end\n"
            f"assert(debug.gethook() == nil)\n{MARK.format(str(after))}")
    dap.begin(script(text), [2] if stopped else [])
    if stopped:
        dap.stopped()
    else:
        dap.event("output")
    dap.ask("disconnect", terminateDebuggee=False)
    dap.end()
    go.touch()
    wait_for(after)


def test_programs_that_need_their_folder(dap, script, tmp_path):
    (tmp_path / "part.lua").write_text("local M = {}\nfunction M.f(x)\n  return x + 1\nend\nreturn M\n")
    path = script("package.path = './?.lua;' .. package.path\n"
                  "local part = require 'part'\nprint(part.f(1))\n")
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=path.name, cwd=str(tmp_path))
    at, = dap.ask("setBreakpoints", source={"path": str(tmp_path / "part.lua")},
                  breakpoints=[{"line": 3}])["breakpoints"]
    dap.ask("configurationDone")
    event, frame = dap.stopped("breakpoint")
    assert event["hitBreakpointIds"] == [at["id"]]
    assert (frame["name"], frame["line"]) == ("M.f", 3)
    assert frame["source"]["path"] == str(tmp_path / "part.lua")
    dap.resume()
    assert dap.finish() == 0


def test_a_link_to_a_program_is_that_program(dap, script, tmp_path):
    path = script("local a = 1\nprint(a)\n")
    link = tmp_path / "link.lua"
    link.symlink_to(path)
    dap.begin(link, [2])
    dap.stopped("breakpoint")
    dap.resume()
    assert dap.finish() == 0


def test_second_launch_is_refused(dap, script):
    path = script("local a = 1\nprint(a)\n")
    dap.begin(path, [2])
    dap.stopped()
    assert "has launched or attached already" in dap.fail("launch", program=str(path))
    assert "has launched or attached already" in dap.fail("attach")


def test_breakpoints_before_launch(dap, script):
    path = script("local a = 1\nprint(a)\n")
    dap.ask("initialize", adapterID="test")
    placed, = dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 2}])["breakpoints"]
    assert placed["verified"] is True and placed["line"] == 2
    dap.ask("configurationDone")
    dap.ask("launch", program=str(path))
    dap.stopped("breakpoint")
    dap.resume()
    assert dap.finish() == 0


def test_debug_with_a_file_and_arguments(llmspell, script):
    path = script("local a, b = ...\nprint(a, b)\n")
    dap = start_stdio(llmspell, str(path), "1", "2")
    dap.ask("initialize", adapterID="test")
    dap.ask("launch")
    dap.ask("configurationDone")
    assert dap.finish() == 0
    assert dap.output() == "1\t2\n"
    dap.ask("disconnect")
    dap.end()
    dap.close()


def test_standard_input_is_not_the_protocol(llmspell, script):
    """What reads stdin in a program that is debugged over stdio gets nothing, not our frames."""
    dap = start_stdio(llmspell)
    dap.begin(script("print(pcall(io.read))"))
    assert dap.finish() in (0, 1)
    dap.ask("disconnect")
    dap.end()
    dap.close()
