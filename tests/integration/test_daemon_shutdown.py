# SPDX-License-Identifier: Apache-2.0
"""Every phase of a shutdown (docs/kernel.md#shutdown), and each way to end: who is told, what may
end by itself, what is interrupted or abandoned, the exit status, and what remains."""
import json
import os
import signal
import subprocess
import sys
import threading

import pytest

from conftest import BINARY, SLOW
from daemons import (SAME, Deaf, Foreground, connection_of, exec_lua, files_below, mode, state_file,
                     state_of)
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, llmspell, open_session, process_fd, wait_end, wait_until)

LONG = ("--set", "kernel.shutdown_grace=1h")
SHORT = ("--set", "kernel.shutdown_grace=50ms", "--set", "kernel.interrupt_grace=50ms")


@pytest.fixture
def foreground(llmspell):
    """Starts kernels in the foreground; ends those that a failed test leaves."""
    started = []

    def start(*args, **kwargs):
        started.append(Foreground(llmspell, *args, **kwargs))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def left(llmspell):
    return [name for name in files_below(llmspell.home) if not name.startswith("state/")]


# ---- stop accepting, tell the clients ----

@pytest.mark.parametrize("number, reason", [(signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")])
def test_all_clients_are_told_of_a_signal(foreground, open_session, number, reason):
    one = foreground()
    sessions = [open_session(one.connection_file) for _ in range(3)]
    one.process.send_signal(number)
    for session in sessions:
        told = session.foreign_event("shutdown_notification")
        assert told["content"] == {"restart": False, "wait": True, "reason": reason}
    assert one.end(PATIENCE) == 0


def test_all_clients_are_told_of_a_request(foreground, open_session):
    one = foreground()
    asking, other = (open_session(one.connection_file) for _ in range(2))
    asked = asking.send("shutdown_request", {"restart": False}, channel="control")
    assert asking.until(asked, "shutdown_notification")["content"] == {"restart": False}
    assert other.foreign_event("shutdown_notification")["content"] == {"restart": False}
    assert asking.reply(asked, "control")["content"] == {"status": "ok", "restart": False}
    assert one.end(PATIENCE) == 0


def test_nothing_is_taken_after_the_request_to_end(foreground, open_session, llmspell):
    """From that request on, however early the next one comes, and not only when the main thread
    gets to it."""
    for i in range(10):
        one = foreground(id=f"k{i}")
        session = open_session(one.connection_file)
        asked = session.send("shutdown_request", {"restart": False}, channel="control")
        late = [session.send("execute_request", {"code": f"io.open('late{i}', 'w')"}, channel="control")
                for _ in range(5)]
        assert session.reply(asked, "control")["content"]["status"] == "ok"
        assert one.end(PATIENCE) == 0
        assert state_of(llmspell, f"k{i}")["work"]["messages"].get("execute_request") is None
        for request in late:  # the answer is lost if the sockets are closed by then
            if request in session.replies:
                assert session.replies[request]["content"]["ename"] == "ShuttingDown"
    assert not list(llmspell.cwd.iterdir())


def test_requests_in_the_grace_are_refused(foreground, open_session, llmspell):
    one = foreground(*LONG)
    session = open_session(one.connection_file)
    cell = session.execute("return 'got ' .. io.read()")
    session.question()
    one.process.send_signal(signal.SIGTERM)
    one.wait_said("ends: SIGTERM")
    for msg_type in ("execute_request", "tool_request", "kernel_info_request"):
        refused = session.reply(session.send(msg_type, {"code": "1", "command": "list"}))
        assert refused["content"]["ename"] == "ShuttingDown"
    status = llmspell.run("kernel", "status", "fore")
    assert status.status == 1 and status.out.startswith("STOPPING"), status
    session.input("an answer")
    assert session.finish(cell).value == "got an answer"
    assert one.end(PATIENCE) == 0


# ---- operations: in time, interrupted, abandoned ----

def test_a_script_that_ends_in_time(foreground, open_session, llmspell):
    one = foreground(*LONG)
    session = open_session(one.connection_file)
    cell = session.execute("x = io.read(); return 'whole ' .. x")
    session.question()
    one.process.send_signal(signal.SIGTERM)
    one.wait_said("ends: SIGTERM")
    session.input("result")
    assert session.finish(cell).value == "whole result"
    assert one.end(PATIENCE) == 0
    state = state_of(llmspell, "fore")
    assert (state["ended"], state["exit_status"], state["abandoned"]) == ("SIGTERM", 0, 0)
    assert state["work"]["operations"] == []


def test_a_tool_call_that_ends_in_time(foreground, open_session, llmspell, tmp_path):
    deaf = Deaf(tmp_path)
    one = foreground("--plugin-dir", deaf.folder, *Deaf.INLINE, *LONG)
    session = open_session(one.connection_file)
    call = session.send("tool_request", {"command": "invoke", "name": "deaf"})
    deaf.wait_begun()
    one.process.send_signal(signal.SIGTERM)
    one.wait_said("ends: SIGTERM")
    deaf.release.touch()
    assert session.finish(call).reply["status"] == "ok"
    assert one.end(PATIENCE) == 0
    assert state_of(llmspell, "fore")["abandoned"] == 0


def test_a_script_that_never_ends_is_interrupted(foreground, open_session, llmspell):
    one = foreground("--set", "kernel.shutdown_grace=100ms", "--set", "kernel.interrupt_grace=30s")
    session = open_session(one.connection_file)
    cell = session.start_running(RUN_ON)
    queued = [session.execute(f"never = {i}") for i in range(20)]
    session.wait_pending(21)
    one.process.send_signal(signal.SIGTERM)
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert {session.reply(q)["content"]["status"] for q in queued} == {"aborted"}
    assert one.end(PATIENCE) == 0
    assert state_of(llmspell, "fore")["abandoned"] == 0 and left(llmspell) == []


def test_a_shutdown_request_does_not_wait(foreground, open_session):
    one = foreground(*LONG)
    session = open_session(one.connection_file)
    cell = session.start_running(RUN_ON)
    session.send("shutdown_request", {"restart": False}, channel="control")
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert one.end(PATIENCE) == 0


def test_a_tool_that_cannot_be_ended_is_abandoned(foreground, open_session, llmspell, tmp_path):
    deaf = Deaf(tmp_path)
    one = foreground("--plugin-dir", deaf.folder, *Deaf.INLINE, *SHORT)
    session = open_session(one.connection_file)
    call = session.send("tool_request", {"command": "invoke", "name": "deaf"})
    deaf.wait_begun()
    one.process.send_signal(signal.SIGTERM)
    assert one.end(PATIENCE) == 1
    told = session.reply(call)["content"]
    assert told["status"] == "error" and "abandoned" in told["evalue"]
    assert one.said("1 operations did not end and were abandoned")
    state = state_of(llmspell, "fore")
    assert (state["ended"], state["exit_status"], state["abandoned"]) == ("SIGTERM", 1, 1)
    row, = state["work"]["operations"]
    assert row["msg_type"] == "tool_request" and row["msg_id"] == call and row["cancelled"] is True
    assert row["age_ms"] >= 100 and row["protocol"] == "protocol:jupyter"
    assert left(llmspell) == []
    again = foreground()  # the id is free
    again.process.terminate()
    assert again.end(PATIENCE) == 0


def test_a_script_that_cannot_be_ended_is_abandoned(foreground, open_session, llmspell, tmp_path):
    """It waits in a C function that hears nothing; what waits behind it is answered or counted."""
    deaf = Deaf(tmp_path)
    one = foreground("--plugin-dir", deaf.folder, *Deaf.INLINE, *SHORT)
    session = open_session(one.connection_file)
    cell = session.execute("Tool.deaf{}")
    deaf.wait_begun()
    behind = session.execute("never = 1")
    session.wait_pending(2)
    one.process.send_signal(signal.SIGTERM)
    assert one.end(PATIENCE) == 1
    for request in (cell, behind):
        told = session.reply(request)["content"]
        assert told["status"] == "error" and "abandoned" in told["evalue"]
    state = state_of(llmspell, "fore")
    assert state["exit_status"] == 1 and state["abandoned"] == 2
    assert state["work"]["operations"][-1]["msg_id"] == cell
    assert state["work"]["runtime"]["busy"] is True and left(llmspell) == []


def test_a_second_sigterm_ends_at_once(foreground, open_session, llmspell):
    one = foreground(*LONG)
    open_session(one.connection_file).start_running(RUN_ON)
    one.process.send_signal(signal.SIGTERM)
    one.wait_said("ends: SIGTERM")
    one.process.send_signal(signal.SIGTERM)
    assert one.end(PATIENCE) == 128 + signal.SIGTERM
    assert left(llmspell) == ["kernels/fore.json", "run/fore.pid"]
    assert [k["state"] for k in llmspell.json("kernel", "list")] == ["dead"]
    again = foreground()
    again.process.send_signal(signal.SIGTERM)
    assert again.end(PATIENCE) == 0 and left(llmspell) == []


# ---- the ways to end ----

def end_by_request(one, open_session):
    open_session(one.connection_file).send("shutdown_request", {"restart": True}, channel="control")


@pytest.mark.parametrize("args, end, ended", [
    ([], lambda one, _: one.process.send_signal(signal.SIGTERM), "SIGTERM"),
    ([], lambda one, _: one.process.send_signal(signal.SIGHUP), "SIGHUP"),
    ([], end_by_request, "shutdown_request"),
    (["--set", "kernel.idle_timeout=200ms"], lambda *_: None, "idle"),
], ids=["SIGTERM", "SIGHUP", "shutdown_request", "idle"])
def test_the_state_says_how_it_ended(foreground, open_session, llmspell, args, end, ended):
    one = foreground(*args)
    if not args:  # of a running kernel
        state = state_of(llmspell, "fore")
        assert state["pid"] == one.pid and state["ended"] is None and state["ended_at"] is None
        assert "exit_status" not in state and mode(state_file(llmspell, "fore")) == 0o600
    end(one, open_session)
    assert one.end(PATIENCE) == 0
    state = state_of(llmspell, "fore")
    assert state["ended"] == ended and state["exit_status"] == 0 and state["ended_at"]
    assert state["pid"] == one.pid and state["kernel_id"] == "fore" and state["daemon"] is False
    assert mode(state_file(llmspell, "fore")) == 0o600 and left(llmspell) == []


def test_the_front_end_goes(llmspell):
    """The process that started the kernel ends without a word."""
    starter = ("import os, subprocess, sys\n"
               "os.environ['JPY_PARENT_PID'] = str(os.getpid())\n"
               "kernel = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
               "sys.stdout.buffer.write(kernel.stdout.readline()); sys.stdout.flush()\n"
               "sys.stdin.read()\n")
    front = subprocess.Popen([sys.executable, "-c", starter, str(BINARY), "-o", "json", "kernel",
                              "start", "--id", "child", *LONG],
                             env=llmspell.env, cwd=llmspell.cwd, text=True, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    fd = process_fd(json.loads(front.stdout.readline())["pid"])
    front.kill()
    front.communicate()
    assert wait_end(fd), "the kernel outlives its front end"
    os.close(fd)
    state = state_of(llmspell, "child")
    assert state["ended"] == "front end gone" and state["exit_status"] == 0
    assert left(llmspell) == []


def test_a_killed_kernel_says_nothing(llmspell):
    """After SIGKILL the file still says what was started, and that no end was written."""
    started = llmspell.start()
    fd = process_fd(started["pid"])
    os.kill(started["pid"], signal.SIGKILL)
    assert wait_end(fd)
    os.close(fd)
    assert state_of(llmspell)["ended"] is None and state_of(llmspell)["pid"] == started["pid"]


def test_a_made_up_id_leaves_no_state(llmspell, foreground):
    one = foreground(id=None)
    id = one.started["kernel_id"]
    assert state_of(llmspell, id)["pid"] == one.pid
    one.process.send_signal(signal.SIGTERM)
    assert one.end(PATIENCE) == 0
    assert files_below(llmspell.home) == [] and not list((llmspell.home / "state").iterdir())


def test_a_reader_never_sees_half_a_state(llmspell):
    """However often the file is written: who reads it meanwhile gets a whole document."""
    llmspell.start()
    seen, failed, stop = set(), [], threading.Event()

    def read_on():
        while not stop.is_set():
            try:
                state = state_of(llmspell)
                seen.add((state["pid"], state["ended"]))
            except Exception as error:
                failed.append(error)
                return

    reader = threading.Thread(target=read_on)
    reader.start()
    try:
        for _ in range(8):
            assert llmspell.run("kernel", "restart", "test").status == 0
    finally:
        stop.set()
        reader.join()
    assert not failed and len(seen) > 8, failed
    names = os.listdir(llmspell.home / "state" / "test")
    assert names == ["kernel_state.json"], "a temporary file was left"


# ---- SIGKILL, and the next one of that id ----

def kill(llmspell):
    pid = connection_of(llmspell)["pid"]
    fd = process_fd(pid)
    os.kill(pid, signal.SIGKILL)
    assert wait_end(fd)
    os.close(fd)


def test_clients_find_the_next_kernel(llmspell, open_session):
    """After SIGKILL: the same ports and key, so an open client goes on."""
    session = open_session(llmspell.start()["connection_file"])
    session.run("x = 1")
    before = connection_of(llmspell)
    for _ in range(3):
        kill(llmspell)
        llmspell.start()
    after = connection_of(llmspell)
    assert {k: after[k] for k in SAME} == {k: before[k] for k in SAME}
    assert after["pid"] != before["pid"]
    lost = session.send("execute_request", {"code": "return x == nil"})
    assert session.reply(lost)["content"]["status"] == "ok"
    new = open_session(llmspell.home / "kernels" / "test.json")
    assert new.run("return x").value in (None, "nil")


@pytest.mark.parametrize("how", ["port", "configured", "taken", "foreign key file"])
def test_the_left_ports_are_not_taken(llmspell, how):
    """Not if somebody chose ports, not if they are in use, not from a file that others can read."""
    import socket
    llmspell.start()
    before = connection_of(llmspell)
    kill(llmspell)
    args, held = [], socket.socket()
    if how == "port":
        args = ["--port", str(free_ports())]
    elif how == "configured":
        args = ["--set", f"protocol.jupyter.shell_port={free_ports()}"]
    elif how == "taken":
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", before["shell_port"]))
        held.listen()
    else:
        (llmspell.home / "kernels" / "test.json").chmod(0o644)
    llmspell.start(*args)
    held.close()
    after = connection_of(llmspell)
    assert after["key"] != before["key"] and after["shell_port"] != before["shell_port"]
    if args:
        assert after["shell_port"] == int(args[-1].rpartition("=")[2])
    assert mode(llmspell.home / "kernels" / "test.json") == 0o600
    assert exec_lua(llmspell, "6 * 7") == "42"


def free_ports(count=5):
    """The first of some free ports in a row."""
    import socket
    for first in range(20000 + os.getpid() % 10000, 32000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as one:
                    one.bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
    raise AssertionError("no free ports")
