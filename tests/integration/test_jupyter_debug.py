# SPDX-License-Identifier: Apache-2.0
"""JupyterLab's debugger over the control channel: its sequence of requests, the names of cells, and
what is known to go wrong in other kernels."""
import time

import pytest

from jupyter_session import (  # noqa: F401 (fixtures)
    PAUSE, Session, llmspell, open_session, session)
from lab_session import Lab, lab  # noqa: F401 (a fixture)

CODE = "-- cell\nlocal x = 1\n\nlocal y = x + 1\nprint(y)"


def test_the_whole_sequence(session, lab):
    before = lab.info()
    assert before["isStarted"] is False and before["breakpoints"] == [] and before["stoppedThreads"] == []
    assert before["hashMethod"] == "Murmur2" and before["richRendering"] is True and before["copyToGlobals"] is True
    assert {"hashSeed", "tmpFilePrefix", "tmpFileSuffix", "exceptionPaths"} <= set(before)
    capabilities = lab.ask("initialize", clientID="jupyterlab", adapterID="")
    assert all(f["filter"] and f["description"] for f in capabilities["exceptionBreakpointFilters"])
    lab.ask("attach")
    lab.event("initialized")
    lab.ask("setExceptionBreakpoints", filters=[])
    assert isinstance(lab.ask("inspectVariables")["variables"], list)
    assert isinstance(lab.ask("modules")["modules"], list)
    path = lab.ask("dumpCell", code=CODE)["sourcePath"]
    assert path == lab.path(CODE)
    lab.info()
    placed = lab.set(path, 1, 3)
    assert [(b["verified"], b["line"]) for b in placed] == [(True, 2), (True, 4)]
    assert all(b["id"] > 0 and b["source"]["path"] == path for b in placed)
    info = lab.info()
    assert info["breakpoints"] == [{"source": path, "breakpoints": [{"line": 2}, {"line": 4}]}]
    cell = session.execute(CODE)
    thread, frames = lab.stop(cell)
    assert len(frames) == 1, "frames of the kernel show"
    assert frames[0]["line"] == 2 and frames[0]["source"]["path"] == path
    assert lab.info()["stoppedThreads"] == [thread]
    assert lab.ask("source", source={"path": path})["content"] == CODE
    lab.go(thread=thread)
    assert lab.event("continued", cell)["allThreadsContinued"] is True
    thread, frames = lab.stop(cell)
    x = lab.locals(frames[0])["x"]
    assert (x["type"], x["value"]) == ("int", "1")
    lab.go("next", thread)
    thread, frames = lab.stop(cell, "step")
    assert frames[0]["line"] == 5
    lab.go(thread=thread)
    assert lab.finish(cell)["status"] == "ok"
    assert lab.info()["stoppedThreads"] == []
    assert lab.ask("modules")["totalModules"] >= 0
    lab.ask("disconnect", restart=False, terminateDebuggee=False)
    assert lab.info()["isStarted"] is False
    assert session.run("debug.gethook() == nil").value == "true"


def test_kernel_info_says_so(session):
    info = session.ask("kernel_info_request").reply
    assert info["debugger"] is True and "debugger" in info["supported_features"]


@pytest.mark.parametrize("command", ["modules", "inspectVariables"])
def test_answered_before_the_start(session, lab, command):
    assert isinstance(lab.ask(command)["modules" if command == "modules" else "variables"], list)


def test_before_attach(session, lab):
    lab.ask("initialize", clientID="jupyterlab", adapterID="")
    assert lab.info()["isStarted"] is False
    reply = lab.request("stackTrace", threadId=1)
    assert reply["success"] is False and reply["message"]


@pytest.mark.parametrize("code", ["local x = 1\nreturn x", "local x = 1\n\n\n", "  local x = 'ü€😀'\n-- ü", "x = 1", "local a = [[\n\n]] x = 2"])
def test_names_are_of_the_raw_text(session, lab, code):
    """Rule 3, whether or not dumpCell came first."""
    lab.start()
    path = lab.path(code)
    placed, = lab.set(path, 1)
    cell = session.execute(code)
    _, frames = lab.stop(cell)
    assert frames[0]["source"]["path"] == path
    lab.go()
    assert lab.finish(cell)["status"] == "ok"


def test_functions_of_cells_that_have_run(session, lab):
    define = "function defined(a)\n  local b = a * 2\n  return b\nend"
    session.run(define)
    lab.start()
    placed, = lab.breakpoints(define, 2)
    assert placed["verified"] is True
    cell = session.execute("print(defined(4))")
    _, frames = lab.stop(cell)
    assert [(f["name"], f["line"]) for f in frames] == [("defined", 2), ("main chunk", 1)]
    assert frames[0]["source"]["path"] == lab.path(define)
    assert frames[1]["source"]["path"] == lab.path("print(defined(4))")
    lab.go()
    assert lab.finish(cell)["status"] == "ok"


def test_coroutines_made_by_cells_that_have_run(session, lab):
    define = "co = coroutine.wrap(function()\n  while true do\n    local n = 1\n    coroutine.yield(n)\n  end\nend)\nco()"
    session.run(define)
    lab.start()
    lab.breakpoints(define, 3)
    cell = session.execute("co()")
    thread, frames = lab.stop(cell)
    assert frames[0]["line"] == 3 and thread != 1
    lab.go(thread=thread)
    assert lab.finish(cell)["status"] == "ok"


def test_copied_cells_and_cells_run_again(session, lab):
    lab.start()
    lab.breakpoints(CODE, 4)
    for _ in range(3):  # a copy has the same text, and the same name
        cell = session.execute(CODE)
        _, frames = lab.stop(cell)
        assert frames[0]["line"] == 4
        lab.go()
        assert lab.finish(cell)["status"] == "ok"


def test_after_an_interrupt(session, lab):
    lab.start()
    lab.breakpoints(CODE, 4)
    for _ in range(2):
        cell = session.execute(CODE)
        lab.stop(cell)
        assert session.ask("interrupt_request", channel="control").reply["status"] == "ok"
        assert lab.finish(cell)["ename"] == "KeyboardInterrupt"
        assert lab.info()["stoppedThreads"] == []
        assert lab.info()["breakpoints"][0]["breakpoints"] == [{"line": 4}]


def test_restart_the_kernel_and_debug(llmspell, session, lab, open_session):
    lab.start()
    lab.breakpoints(CODE, 4)
    lab.ask("disconnect", restart=True, terminateDebuggee=True)
    after = open_session(llmspell.json("kernel", "restart", "test")["connection_file"])
    lab = Lab(after)
    assert lab.info()["isStarted"] is False and lab.info()["breakpoints"] == []
    lab.start()
    lab.breakpoints(CODE, 4)
    lab.ask("configurationDone")
    cell = after.execute(CODE)
    lab.stop(cell)
    lab.go()
    assert lab.finish(cell)["status"] == "ok"


def test_terminate_button(session, lab):
    """disconnect, then all anew; also while a cell is stopped."""
    lab.start()
    lab.breakpoints(CODE, 2)
    cell = session.execute(CODE)
    lab.stop(cell)
    lab.ask("disconnect", restart=False, terminateDebuggee=False)
    assert lab.finish(cell)["status"] == "ok"
    lab.start()
    assert lab.info()["breakpoints"] == []
    lab.breakpoints(CODE, 2)
    cell = session.execute(CODE)
    lab.stop(cell)
    lab.go()
    assert lab.finish(cell)["status"] == "ok"


def test_disconnect_is_done_when_the_cell_goes_on(session, lab):
    """JupyterLab takes its overlay away only if `continued` comes before idle."""
    for _ in range(20):
        lab.start()
        lab.breakpoints(CODE, 2)
        cell = session.execute(CODE)
        lab.stop(cell)
        lab.ask("disconnect", restart=False, terminateDebuggee=False)
        assert [e["content"]["event"] for e in session.events[cell]
                if e["msg_type"] == "debug_event"] == ["continued"]
        assert lab.finish(cell)["status"] == "ok"


def test_a_page_that_was_loaded_anew(session, lab, open_session, kernel):
    lab.start()
    lab.breakpoints(CODE, 2)
    cell = session.execute(CODE)
    thread, _ = lab.stop(cell)
    other = Lab(open_session_without_waiting(kernel.started["connection_file"]))
    info = other.info()
    assert info["isStarted"] is True and info["stoppedThreads"] == [thread]
    assert info["breakpoints"] == [{"source": lab.path(CODE), "breakpoints": [{"line": 2}]}]
    other.go(thread=thread)
    assert lab.finish(cell)["status"] == "ok"
    other.session.close()


def open_session_without_waiting(connection_file):
    """The shell is busy: it would wait for ever."""
    wait = Session.__init__.__globals__["BlockingKernelClient"].wait_for_ready
    try:
        Session.__init__.__globals__["BlockingKernelClient"].wait_for_ready = lambda *a, **k: None
        session = Session(connection_file)
        time.sleep(0.2)  # iopub has to subscribe
        return session
    finally:
        Session.__init__.__globals__["BlockingKernelClient"].wait_for_ready = wait


def test_stepping_into_a_required_file(session, lab, tmp_path):
    (tmp_path / "stepped.lua").write_text("local M = {}\nfunction M.f(x)\n  local y = x\n  return y\nend\nreturn M\n")
    code = f"package.path = '{tmp_path}/?.lua;' .. package.path\nlocal m = require 'stepped'\nlocal r = m.f(3)\nprint(r)"
    lab.start()
    lab.breakpoints(code, 3)
    cell = session.execute(code)
    lab.stop(cell)
    lab.go("stepIn")
    _, frames = lab.stop(cell, "step")
    assert [(f["name"], f["line"]) for f in frames] == [("M.f", 3), ("main chunk", 3)]
    assert frames[0]["source"]["path"] == str(tmp_path / "stepped.lua")
    assert "function M.f" in lab.ask("source", source={"path": frames[0]["source"]["path"]})["content"]
    lab.go("stepOut")
    _, frames = lab.stop(cell, "step")
    assert frames[0]["line"] in (3, 4)
    lab.go()
    assert lab.finish(cell)["status"] == "ok"
    assert "stepped" in [m["name"] for m in lab.ask("modules")["modules"]]


def test_breakpoints_in_a_file(session, lab, tmp_path):
    path = tmp_path / "part.lua"
    path.write_text("local a = 1\nlocal b = 2\nreturn b\n")
    lab.start()
    placed, = lab.set(str(path), 2)
    assert placed["verified"] is True
    cell = session.execute(f"dofile('{path}')")
    _, frames = lab.stop(cell)
    assert frames[0]["source"]["path"] == str(path)
    lab.go()
    assert lab.finish(cell)["status"] == "ok"


# ---- ends ----

def test_pause_and_exceptions(session, lab):
    lab.start()
    cell = session.start_running("print('running') while not stop do " + PAUSE + " end")
    lab.ask("pause", threadId=1)
    lab.stop(cell, "pause")
    lab.ask("evaluate", context="repl", expression="stop = true")
    lab.go()
    assert lab.finish(cell)["status"] == "ok"
    lab.ask("setExceptionBreakpoints", filters=["uncaught"])
    code = "local z = 1\nerror('mine')"
    cell = session.execute(code)
    thread, frames = lab.stop(cell, "exception")
    assert lab.ask("exceptionInfo", threadId=thread)["description"].endswith("mine")
    lab.go()
    assert lab.finish(cell)["status"] == "error"
    assert lab.info()["stoppedThreads"] == []


def test_a_cell_that_ends_sends_continued(session, lab):
    lab.start()
    lab.breakpoints("local last = 1", 1)
    cell = session.execute("local last = 1")
    lab.stop(cell)
    lab.go("next")
    assert lab.event("continued", cell)
    assert lab.finish(cell)["status"] == "ok"
    assert lab.info()["stoppedThreads"] == []


def test_many_requests_at_once_while_stopped(session, lab):
    lab.start()
    lab.breakpoints(CODE, 2)
    cell = session.execute(CODE)
    lab.stop(cell)
    ids = [lab.send("debugInfo" if i % 2 else "inspectVariables") for i in range(100)]
    for one in ids:
        assert lab.answer(one)["success"]
    assert session.ask("kernel_info_request", channel="control").reply["status"] == "ok"
    lab.go()
    assert lab.finish(cell)["status"] == "ok"


@pytest.mark.parametrize("content", [
    {}, {"type": "request"}, {"type": "request", "seq": 1, "command": 5}, {"type": "request", "seq": 1, "command": "fly"},
    {"type": "request", "seq": 1, "command": "setBreakpoints", "arguments": []},
    {"type": "request", "seq": 1, "command": "dumpCell", "arguments": {}},
    {"type": "request", "seq": 1, "command": "setBreakpoints", "arguments": {"source": 5}}])
def test_what_is_no_request(session, lab, content):
    lab.start()
    outcome = session.ask("debug_request", content, "control")
    assert outcome.reply.get("success") is False or outcome.reply.get("status") == "error"
    assert lab.info()["isStarted"] is True


def test_shutdown_while_stopped(llmspell, session, lab):
    lab.start()
    lab.breakpoints(CODE, 2)
    cell = session.execute(CODE)
    lab.stop(cell)
    assert llmspell.run("kernel", "stop", "test").status == 0
