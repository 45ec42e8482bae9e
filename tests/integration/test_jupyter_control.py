# SPDX-License-Identifier: Apache-2.0
"""Interrupts, ends and connection files of a kernel daemon, by Debian's jupyter_client."""
import json
import os
import select
import signal
import socket
import stat
import subprocess
from contextlib import ExitStack
from pathlib import Path

import pytest

from daemons import handled_signals
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, PAUSE, RUN_ON, SPIN, llmspell, open_session, process_fd, session, wait_end)

# Code that never ends by itself; each prints "running" first.
ENDLESS = {
    "loop": RUN_ON,
    "pcall": f"print('running') while true do pcall(function() {SPIN} end) end",
    "xpcall": f"print('running') while true do xpcall(error, function() {SPIN} end) end",
    "coroutine": f"print('running') coroutine.wrap(function() {SPIN} end)()",
    "coroutines": f"print('running') while true do coroutine.wrap(function() {PAUSE} end)() end",
    "goto": f"print('running') ::again:: {PAUSE} goto again",
    "strings": f"print('running') while true do {PAUSE} local s = ('x'):rep(100) end",
    "close": "print('running') local c <close> = setmetatable({}, {__close = function() end}) "
             + SPIN,
    "child": "print('running') os.execute('exec sleep 600')",
}


# ---- interrupts ----

@pytest.mark.parametrize("how", ["request", "SIGINT"])
@pytest.mark.parametrize("name", ENDLESS)
def test_interrupt(kernel, session, name, how):
    session.run("kept = 'still here'")
    cell = session.start_running(ENDLESS[name])
    if how == "request":
        assert session.ask("interrupt_request", channel="control").reply["status"] == "ok"
    else:
        os.kill(kernel.started["pid"], signal.SIGINT)
    events = session.until_idle(cell)
    reply = session.reply(cell)["content"]
    assert reply["status"] == "error" and reply["ename"] == "KeyboardInterrupt"
    assert [e["content"]["ename"] for e in events if e["msg_type"] == "error"] == [reply["ename"]]
    assert session.run("kept").value == "still here"
    assert session.run("coroutine.wrap(function() return 2 end)() + 1").value == "3"


def input_that_nobody_wants(session, text):
    """Sends it and waits until the kernel has taken it: stdin and shell are two sockets, so that
    what is sent first need not come first. The kernel counts it as a request."""
    def requests():
        return session.ask("status_request", channel="control").reply["requests"]
    before, asked = requests(), 0
    session.input(text)
    while requests() != before + (asked := asked + 1) + 1:
        assert asked < 10000, "the input never came"


@pytest.mark.parametrize("how", ["request", "SIGINT"])
def test_interrupt_of_a_blocked_read(kernel, session, how):
    cell = session.execute("while true do pcall(io.read) end")
    session.question()
    if how == "request":
        session.ask("interrupt_request", channel="control")
    else:
        os.kill(kernel.started["pid"], signal.SIGINT)
    assert session.finish(cell).reply["ename"] == "KeyboardInterrupt"
    input_that_nobody_wants(session, "too late")
    again = session.execute("return io.read()")
    session.question()
    session.input("in time")
    assert session.finish(again).value == "in time"


def test_interrupt_of_an_idle_kernel_does_nothing(kernel, session):
    assert session.ask("interrupt_request", channel="control").reply["status"] == "ok"
    os.kill(kernel.started["pid"], signal.SIGINT)
    handled_signals(kernel, kernel.started["pid"])
    assert session.run("for i = 1, 1000000 do n = i end return n").value == "1000000"


def test_interrupt_of_one_request_by_its_id(session):
    """llmspell's own: with "msg_id", only that request is meant."""
    first = session.start_running(RUN_ON)
    other = session.ask("interrupt_request", {"msg_id": "of-nobody"}, "control").reply
    assert other == {"status": "ok", "found": False}
    assert session.ask("status_request", channel="control").reply["pending"] == 1
    found = session.ask("interrupt_request", {"msg_id": first}, "control").reply
    assert found == {"status": "ok", "found": True}
    assert session.until_idle(first) and session.reply(first)["content"]["status"] == "error"


def test_interrupt_aborts_the_queue(session):
    """As after any other error: who interrupts Run All wants all of it to stop."""
    cell = session.start_running(RUN_ON)
    queued = session.execute("ran = true")
    session.wait_pending(2)
    session.ask("interrupt_request", channel="control")
    assert session.until_idle(cell) and session.reply(cell)["content"]["status"] == "error"
    assert session.finish(queued).reply["status"] == "aborted"
    assert session.run("ran").value is None


def test_cells_can_be_interrupted_again_and_again(session):
    for i in range(10):
        cell = session.start_running(f"n = (n or 0) + 1; {RUN_ON}")
        session.ask("interrupt_request", channel="control")
        assert session.until_idle(cell)
        assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert session.run("n").value == "10"


# ---- the command line as a client ----

@pytest.mark.parametrize("where", ["daemon", "embedded"])
def test_what_was_printed_is_seen_before_a_question(kernel, where):
    """Output and question travel on two sockets; a person must see "name? " before typing."""
    options = ["--kernel", "test"] if where == "daemon" else []
    for _ in range(10):
        cell = kernel.popen(*options, "exec", "io.write('name? ') return io.read()",
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert select.select([cell.stdout], [], [], PATIENCE)[0], "it waits, and shows nothing"
        assert cell.communicate("Ada\n", timeout=PATIENCE)[0] == "name? Ada\n"


@pytest.mark.parametrize("where", ["daemon", "embedded"])
@pytest.mark.parametrize("name", ["loop", "pcall", "coroutine", "child"])
def test_ctrl_c_on_the_command_line(kernel, name, where):
    options = ["--kernel", "test"] if where == "daemon" else []
    cell = kernel.popen(*options, "exec", ENDLESS[name], stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE)
    assert cell.stdout.readline() == "running\n"
    cell.send_signal(signal.SIGINT)
    assert "interrupted" in cell.stderr.read() and cell.wait(PATIENCE) == 130
    assert kernel.run(*options, "exec", "1").out == "1\n"


# ---- the end ----

def files_of(kernel):
    return [Path(kernel.started["connection_file"]), kernel.home / "run" / "test.pid"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("channel", ["control", "shell"])
def test_shutdown(kernel, session, channel, restart):
    end = process_fd(kernel.started["pid"])
    assert all(path.exists() for path in files_of(kernel))
    done = session.ask("shutdown_request", {"restart": restart}, channel)
    assert done.reply == {"status": "ok", "restart": restart}
    assert done.contents("shutdown_notification") == [{"restart": restart}]
    assert wait_end(end), "the process goes on"
    os.close(end)
    assert not any(path.exists() for path in files_of(kernel))
    assert kernel.json("kernel", "list") == []
    assert "ends" in kernel.log()


def test_shutdown_while_a_loop_runs(kernel, session):
    end = process_fd(kernel.started["pid"])
    cell = session.start_running(RUN_ON)
    reply = session.ask("shutdown_request", {"restart": False}, "control").reply
    assert reply["status"] == "ok"
    assert session.until_idle(cell)
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert wait_end(end), "the process goes on"
    os.close(end)
    assert not any(path.exists() for path in files_of(kernel))


def test_shutdown_while_input_is_awaited(kernel, session):
    end = process_fd(kernel.started["pid"])
    session.execute("io.read()")
    session.question()
    session.ask("shutdown_request", {"restart": False}, "control")
    assert wait_end(end), "the process goes on"
    os.close(end)


def test_os_exit_asks_the_front_end(kernel, session):
    """os.exit ends the cell, and asks the front end to close; the kernel goes on."""
    done = session.run("print('bye'); os.exit(3); print('never')")
    assert done.text() == "bye\n" and done.reply["status"] == "ok"
    assert [p["source"] for p in done.reply["payload"]] == ["ask_exit"]
    assert session.run("1").value == "1"


# ---- connection files ----

def take_ports(count):
    """Free ports of the loopback interface; they stay bound until the stack is closed."""
    stack, ports = ExitStack(), []
    for _ in range(count):
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        ports.append(server.getsockname()[1])
    return stack, ports


def write_wanted(path, ports, **more):
    names = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
    wanted = {"transport": "tcp", "ip": "127.0.0.1", "signature_scheme": "hmac-sha256",
              "key": "0f0e-a-key-of-the-front-end", "kernel_name": "llmspell-lua",
              **dict(zip(names, ports)), **more}
    path.write_text(json.dumps(wanted))
    return wanted


def test_a_given_connection_file_is_honoured(llmspell, open_session):
    stack, ports = take_ports(5)
    stack.close()
    given = llmspell.cwd / "given.json"
    wanted = write_wanted(given, ports)
    before = given.read_bytes()
    started = llmspell.start("-f", "given.json", id="given")
    own = json.loads(Path(started["connection_file"]).read_text())
    assert {key: own[key] for key in wanted if key != "kernel_name"} == {
        key: wanted[key] for key in wanted if key != "kernel_name"}
    assert open_session(given).run("6 * 7").value == "42"
    llmspell.run("kernel", "stop", "given")
    assert given.read_bytes() == before, "the front end's file is the front end's"


def test_a_given_file_without_ports_and_key(llmspell, open_session):
    given = llmspell.cwd / "given.json"
    given.write_text("{}")
    started = llmspell.start("-f", given)
    own = json.loads(Path(started["connection_file"]).read_text())
    assert len(own["key"]) >= 32 and own["shell_port"] > 0
    assert open_session(started["connection_file"]).run("1").value == "1"


def test_a_connection_file_that_is_not_there_is_written(llmspell, open_session):
    given = llmspell.cwd / "new.json"
    started = llmspell.start("--connection-file", "new.json")
    assert stat.S_IMODE(given.stat().st_mode) == 0o600
    own = json.loads(Path(started["connection_file"]).read_text())
    assert json.loads(given.read_text()) == own
    assert open_session(given).run("6 * 7").value == "42"
    llmspell.run("kernel", "stop", "test")
    assert not given.exists()


def test_a_port_in_use_is_reported(llmspell):
    stack, ports = take_ports(5)
    with stack:
        write_wanted(llmspell.cwd / "given.json", ports)
        done = llmspell.run("kernel", "start", "--daemon", "--id", "late", "-f", "given.json")
        assert done.status == 1 and done.out == ""
        assert f"port {ports[0]}" in done.err and "in use" in done.err
    assert not list((llmspell.home / "run").iterdir())
    assert not list((llmspell.home / "kernels").iterdir())


def test_port_option(llmspell, open_session):
    """`--port N`: ports N, N+1, …"""
    for _ in range(20):
        stack, (base,) = take_ports(1)
        stack.close()
        done = llmspell.run("kernel", "start", "--daemon", "--id", "test", "--port", base)
        if done.status == 0:
            break
        assert "in use" in done.err, done
    own = json.loads((llmspell.home / "kernels" / "test.json").read_text())
    assert sorted(own[key] for key in own if key.endswith("_port")) == list(range(base, base + 5))
    assert open_session(llmspell.home / "kernels" / "test.json").run("1").value == "1"


@pytest.mark.parametrize("content, reason", [
    ("not json", "not a connection file"),
    ("[]", "not a connection file"),
    ('{"key": "a", "key": "b"}', "not a connection file"),
    ('{"shell_port": "eighty"}', "shell_port"),
    ('{"shell_port": 70000}', "shell_port"),
    ('{"transport": "udp"}', "udp"),
    ('{"ip": "no.such.host.invalid"}', "no.such.host.invalid"),
    ('{"signature_scheme": "hmac-md5"}', "hmac-md5"),
    ('{"key": ""}', "key"),
    ('{"key": 7}', "key"),
])
def test_bad_connection_files_are_refused(llmspell, content, reason):
    (llmspell.cwd / "bad.json").write_text(content)
    done = llmspell.run("kernel", "start", "--daemon", "--id", "bad", "-f", "bad.json")
    assert done.status == 1 and done.out == "" and reason in done.err
    assert not list((llmspell.home / "run").iterdir())
    assert (llmspell.cwd / "bad.json").read_text() == content


def test_ipc_transport(llmspell, open_session):
    started = llmspell.start("--set", "protocol.jupyter.transport=ipc")
    own = json.loads(Path(started["connection_file"]).read_text())
    assert own["transport"] == "ipc"
    folder = Path(own["ip"]).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert open_session(started["connection_file"]).run("6 * 7").value == "42"
    llmspell.run("kernel", "stop", "test")
    assert not folder.exists()


def test_a_wrong_key_gets_no_answer(kernel, session):
    other = json.loads(Path(kernel.started["connection_file"]).read_text())
    other["key"] = "wrong"
    path = kernel.cwd / "wrong.json"
    path.write_text(json.dumps(other))
    done = kernel.run("--kernel", path, "exec", "leaked = true")
    assert done.status in (4, 5) and "key" in done.err
    assert session.run("leaked").value is None
    assert "signature" in kernel.log() or "signed" in kernel.log()
