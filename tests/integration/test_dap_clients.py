# SPDX-License-Identifier: Apache-2.0
"""Clients: those that attach to a kernel which others use, come one after the other or at a time,
die, do not read, or count and name things in their own way."""
import os
import select
import time
from urllib.parse import quote

import pytest

from dap_session import (  # noqa: F401 (fixtures)
    PATIENCE, SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)
from jupyter_session import SPIN, Session

CELL = "local function f(x)\n  local y = x * 2\n  return y\nend\nprint(f(21))\n"
HOOKS = "print(debug.gethook() == nil, coroutine.wrap(function() return debug.gethook() == nil end)(), " \
        "kept == nil or debug.gethook(kept) == nil)"


@pytest.fixture
def notebook(llmspell, daemon_port):
    """Another client of the same kernel, over Jupyter's protocol."""
    session = Session(llmspell.started["connection_file"])
    session.port = daemon_port
    yield session
    session.close()


def attach(dap, **arguments):
    dap.ask("initialize", adapterID="test")
    dap.ask("attach", **arguments)
    dap.ask("setExceptionBreakpoints", filters=[])
    dap.ask("configurationDone")
    return dap


def set_lines(dap, path, *lines):
    return dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": n} for n in lines])["breakpoints"]


def test_attach_to_what_another_client_runs(notebook, open_dap, script):
    path = script(CELL)
    dap = attach(open_dap(notebook.port))
    set_lines(dap, path, 2)
    cell = notebook.execute(f"dofile('{path}')")
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 2 and frame["source"]["path"] == str(path)
    assert dap.locals(frame)["x"]["value"] == "21"
    dap.resume()
    assert notebook.finish(cell).text() == "42\n"
    dap.ask("disconnect")
    dap.end()


def test_attach_to_a_loop_that_runs_already(notebook, open_dap, script):
    path = script("print('running')\nwhile not stop do\n  local x = 1\nend\n")
    cell = notebook.start_running(f"dofile('{path}')")
    dap = attach(open_dap(notebook.port))
    set_lines(dap, path, 3)
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 3
    dap.evaluate("stop = true", frame)
    dap.ask("disconnect")
    dap.end()
    notebook.until_idle(cell)
    assert notebook.reply(cell)["content"]["status"] == "ok"


def test_pause_right_after_attach(notebook, open_dap):
    cell = notebook.start_running("print('running') " + SPIN)
    dap = attach(open_dap(notebook.port))
    dap.ask("pause", threadId=1)
    dap.stopped("pause")
    dap.ask("terminate")
    notebook.until_idle(cell)
    assert notebook.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert notebook.run("1 + 1").value == "2"


def test_other_clients_are_answered_while_it_is_stopped(notebook, open_dap, script):
    path = script(CELL)
    dap = attach(open_dap(notebook.port))
    set_lines(dap, path, 2)
    cell = notebook.execute(f"dofile('{path}')")
    dap.stopped("breakpoint")
    begun = time.monotonic()
    for _ in range(10):
        assert notebook.ask("kernel_info_request", channel="control").reply["status"] == "ok"
        assert notebook.ask("status_request", channel="control").reply["status"] == "ok"
    assert open_dap(notebook.port).ask("initialize", adapterID="another")
    assert time.monotonic() - begun < 5 * SLOW
    dap.resume()
    assert notebook.finish(cell).text() == "42\n"


def test_an_interrupt_ends_a_stop(notebook, open_dap, script):
    path = script(CELL)
    dap = attach(open_dap(notebook.port))
    set_lines(dap, path, 2)
    for _ in range(3):
        cell = notebook.execute(f"dofile('{path}')")
        dap.stopped("breakpoint")
        assert notebook.ask("interrupt_request", channel="control").reply["status"] == "ok"
        assert notebook.finish(cell).reply["ename"] == "KeyboardInterrupt"
        dap.event("continued")
    set_lines(dap, path)
    assert notebook.run(f"dofile('{path}')").text() == "42\n"


def test_a_timeout_does_not_run_while_it_is_stopped(llmspell, open_dap, script):
    llmspell.started = llmspell.start("--set", "protocol.dap.port=0", "--set", "runtime.lua.timeout_s=1")
    dap = open_dap(debugger_port(llmspell))
    dap.begin(script(CELL), [2])
    dap.stopped()
    time.sleep(1.5)
    dap.resume()
    assert dap.finish() == 0


# ---- one after the other ----

def test_two_in_turn(notebook, open_dap, script):
    path = script(CELL)
    for turn in range(3):
        dap = attach(open_dap(notebook.port))
        set_lines(dap, path, 3)
        cell = notebook.execute(f"dofile('{path}')")
        _, frame = dap.stopped("breakpoint")
        assert frame["line"] == 3
        dap.ask("disconnect")
        dap.end()
        assert notebook.finish(cell).text() == "42\n"
        assert notebook.run(f"dofile('{path}')").text() == "42\n"  # nothing of the first is left


def test_two_launches_in_turn(daemon_port, open_dap, script):
    path = script("n = (n or 0) + 1\nlocal x = n\nprint(x)\n")
    for _ in range(3):
        dap = open_dap(daemon_port)
        dap.begin(path, [3])
        dap.stopped("breakpoint")
        dap.resume()
        assert dap.finish() == 0
        dap.ask("disconnect")
        dap.end()


def test_a_second_at_the_same_time(daemon_port, open_dap, script):
    path = script(CELL)
    first, second = open_dap(daemon_port), open_dap(daemon_port)
    first.begin(path, [2])
    first.stopped()
    second.ask("initialize", adapterID="test")
    assert "another client debugs this kernel" in second.fail("launch", program=str(path))
    assert "another client debugs this kernel" in second.fail("attach")
    first.resume()
    assert first.finish() == 0
    first.ask("disconnect")
    first.end()
    second.begin_again = second.ask("launch", program=str(path))
    set_lines(second, path, 2)
    second.ask("configurationDone")
    second.stopped()
    second.resume()
    assert second.finish() == 0


def test_no_hook_is_left(notebook, open_dap, script):
    path = script(CELL)
    notebook.run("kept = coroutine.create(function() while true do coroutine.yield() end end) coroutine.resume(kept)")
    assert notebook.run(HOOKS).text() == "true\ttrue\ttrue\n"
    dap = attach(open_dap(notebook.port))
    assert notebook.run(HOOKS).text() == "true\ttrue\ttrue\n", "nothing while no breakpoint is set"
    set_lines(dap, path, 2)
    cell = notebook.execute(f"coroutine.resume(kept) dofile('{path}')")
    dap.stopped()
    dap.resume("next")
    dap.stopped("step")
    dap.ask("disconnect")
    dap.end()
    assert notebook.finish(cell).text() == "42\n"
    assert notebook.run(HOOKS).text() == "true\ttrue\ttrue\n"


def test_a_hook_of_the_script_stays(notebook, open_dap, script):
    path = script("local n = 0\nlocal function hook() n = n + 1 end\ndebug.sethook(hook, 'l')\nlocal a = 1\nlocal b = 2\n"
                  "print(debug.gethook() == hook, n > 0)\ndebug.sethook()\nlocal c = 3\nreturn c\n")
    dap = attach(open_dap(notebook.port))
    assert notebook.run(f"dofile('{path}')").text() == "true\ttrue\n"
    set_lines(dap, path, 8)
    cell = notebook.execute(f"dofile('{path}')")
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 8
    dap.resume()
    assert notebook.finish(cell).text() == "true\ttrue\n"


# ---- that die ----

def lose(dap):
    os.close(dap.in_fd)
    dap.in_fd = dap.out_fd = -1


def is_there(path, seconds):
    deadline = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.exists()


@pytest.mark.parametrize("lost, goes_on", [("auto", False), ("continue", True), ("terminate", False)])
@pytest.mark.parametrize("stopped", [True, False])
def test_a_launched_program_whose_client_dies(llmspell, script, tmp_path, lost, goes_on, stopped):
    mark, go = tmp_path / "mark", tmp_path / "go"
    llmspell.started = llmspell.start("--set", "protocol.dap.port=0", "--set", f"protocol.dap.lost_client={lost}")
    port = debugger_port(llmspell)
    dap = connect(port)
    path = script(f"print('here')\nlocal a = 1\nwhile not io.open('{go}') do end\nio.open('{mark}', 'w'):close()\n")
    dap.begin(path, [2] if stopped else [])
    dap.stopped() if stopped else dap.event("output")
    lose(dap)
    time.sleep(0.2)
    go.touch()
    assert is_there(mark, 20 * SLOW if goes_on else 0.7) is goes_on
    again = connect(port)
    again.begin(script(CELL), [2])
    again.stopped()
    again.resume()
    assert again.finish() == 0
    again.close()


@pytest.mark.parametrize("lost, goes_on", [("auto", True), ("continue", True), ("terminate", True)])
def test_what_was_attached_to(llmspell, script, lost, goes_on):
    llmspell.started = llmspell.start("--set", "protocol.dap.port=0", "--set", f"protocol.dap.lost_client={lost}")
    notebook = Session(llmspell.started["connection_file"])
    dap = attach(connect(debugger_port(llmspell)))
    path = script(CELL)
    set_lines(dap, path, 2)
    cell = notebook.execute(f"dofile('{path}')")
    dap.stopped()
    lose(dap)
    assert notebook.finish(cell).text() == ("42\n" if goes_on else "")
    notebook.close()


def test_stdio_client_that_dies_while_stopped(llmspell, script):
    dap = start_stdio(llmspell)
    dap.begin(script(CELL), [2])
    dap.stopped()
    os.close(dap.out_fd)
    os.close(dap.in_fd)
    dap.in_fd = dap.out_fd = -1
    assert dap.process.wait(30 * SLOW) is not None


# ---- that do not read ----

def test_a_flood_of_output_is_bounded_and_pause_gets_through(dap, script):
    dap.begin(script("while true do print(('x'):rep(100)) end"))
    dap.event("output")
    begun = time.monotonic()
    dap.ask("pause", threadId=1)
    dap.event("stopped")
    assert time.monotonic() - begun < 10 * SLOW
    dap.ask("terminate")
    dap.finish()


@pytest.mark.parametrize("body", ["print(('x'):rep(100))", "io.write('a') io.stderr:write('b')"])
def test_pause_gets_through_to_a_client_that_reads_fast(dap, script, body):
    """There is always output to send, and never any that waits: the client is heard all the same."""
    dap.begin(script(f"while true do {body} end"))
    dap.event("output")
    begun = time.monotonic()
    dap.send("pause", threadId=1)
    tail = b""
    while b'"event":"stopped"' not in tail:
        tail = tail[-100:] + os.read(dap.in_fd, 1 << 20)
    assert time.monotonic() - begun < 10 * SLOW
    dap.send("terminate")


def test_a_client_that_does_not_read(llmspell, daemon_port, script):
    dap = connect(daemon_port)
    dap.begin(script("for i = 1, 200000 do print(i, ('x'):rep(200)) end\ndone = true"))
    time.sleep(3)
    status = llmspell.json("kernel", "status", "test")
    with open(f"/proc/{status['pid']}/status") as file:
        rss = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    assert rss < 200_000 or os.environ.get("LLMSPELL_SANITIZER"), "the kernel keeps what nobody reads"
    assert dap.finish() == 0
    text = dap.output()
    assert "1\t" + "x" * 200 in text
    dropped = "".join(e["body"]["output"] for e in dap.all if e["event"] == "output" and e["body"]["category"] == "important")
    assert text.count("\n") == 200000 or "dropped" in dropped
    dap.close()


def test_jupyterlab_is_answered_while_an_editor_does_not_read(notebook, script):
    dap = connect(notebook.port)
    dap.begin(script("for i = 1, 200000 do print(i, ('x'):rep(200)) end"))
    for seq in range(20):
        request = {"type": "request", "seq": seq, "command": "debugInfo", "arguments": {}}
        reply = notebook.reply(notebook.send("debug_request", request, "control"), "control")["content"]
        assert reply["success"] and reply["body"]["isStarted"] is False
        time.sleep(0.1)
    dap.ask("terminate")
    dap.finish()
    dap.close()


def test_output_of_many_lines_is_whole_for_a_client_that_reads(dap, script):
    dap.begin(script("for i = 1, 20000 do print(i) end"))
    assert dap.finish() == 0
    text = dap.output()
    assert text == "".join(f"{i}\n" for i in range(1, 20001)) or "dropped" in dap.output("important")


# ---- lines, columns, paths ----

def test_lines_and_columns_from_0(dap, script):
    path = script(CELL)
    dap.ask("initialize", adapterID="test", linesStartAt1=False, columnsStartAt1=False)
    dap.ask("launch", program=str(path))
    placed, = dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 1}])["breakpoints"]
    assert placed["line"] == 1
    assert [b["line"] for b in dap.ask("breakpointLocations", source={"path": str(path)}, line=1, endLine=2)["breakpoints"]] == [1, 2]
    dap.ask("configurationDone")
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 1 and frame["column"] == 0
    targets = dap.ask("completions", text="stri", column=4, frameId=frame["id"])["targets"]
    assert [t["start"] for t in targets if "string" in t["label"]] == [0]
    dap.resume()
    assert dap.finish() == 0
    output = next(e["body"] for e in dap.all if e["event"] == "output")
    assert output["line"] == 4


def test_paths_as_uris(dap, script):
    path = script(CELL, "a b ü%.lua")
    uri = "file://" + quote(str(path), safe="/-._~")
    dap.ask("initialize", adapterID="test", pathFormat="uri")
    dap.ask("launch", program=str(path))
    placed, = dap.ask("setBreakpoints", source={"path": uri}, breakpoints=[{"line": 2}])["breakpoints"]
    assert placed["verified"] is True and placed["source"]["path"] == uri
    dap.ask("configurationDone")
    _, frame = dap.stopped("breakpoint")
    assert frame["source"]["path"] == uri
    dap.resume()
    assert dap.finish() == 0


@pytest.mark.parametrize("slash", ["", "/"])
def test_path_mappings(dap, script, tmp_path, slash):
    path = script(CELL)
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(path),
            pathMappings=[{"localRoot": "/editor/project" + slash, "remoteRoot": str(tmp_path) + slash}])
    placed, = dap.ask("setBreakpoints", source={"path": f"/editor/project/{path.name}"}, breakpoints=[{"line": 2}])["breakpoints"]
    assert placed["verified"] is True and placed["source"]["path"] == f"/editor/project/{path.name}"
    dap.ask("configurationDone")
    _, frame = dap.stopped("breakpoint")
    assert frame["source"]["path"] == f"/editor/project/{path.name}"
    dap.resume()
    assert dap.finish() == 0


@pytest.mark.parametrize("path", ["dots", "double", "link"])
def test_other_spellings_of_a_path(dap, script, tmp_path, path):
    program = script(CELL)
    (tmp_path / "sub").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path)
    spelled = {"dots": f"{tmp_path}/sub/../{program.name}", "double": f"{tmp_path}//{program.name}",
               "link": f"{tmp_path}/linked/{program.name}"}[path]
    dap.ask("initialize", adapterID="test")
    dap.ask("launch", program=str(program))
    placed, = dap.ask("setBreakpoints", source={"path": spelled}, breakpoints=[{"line": 2}])["breakpoints"]
    assert placed["verified"] is True
    dap.ask("configurationDone")
    dap.stopped("breakpoint")
    dap.resume()
    assert dap.finish() == 0
