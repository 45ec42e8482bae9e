# SPDX-License-Identifier: Apache-2.0
"""What users of other kernels report again and again, held against this one: lost or late output,
hangs after bad code, requests without idle, stalls under pipelined requests, races at the start."""
import itertools
import json
import subprocess
from pathlib import Path

import pytest
import zmq

from conftest import BINARY
from jupyter_session import PATIENCE, RUN_ON, wait_until
from jupyter_session import open_session, session  # noqa: F401 (fixtures)


def end_of(session, cell):
    """The reply of a cell whose first events were read."""
    session.until_idle(cell)
    return session.reply(cell)["content"]


# ---- output: complete, in time, and of the right cell ----

def test_pipelined_cells_keep_their_output(session):
    """Each idle comes after all output of its cell, and no output is another cell's."""
    cells = [session.execute(f"for i = 1, 500 do print('cell {n}', i) end") for n in range(100)]
    for n, cell in enumerate(cells):
        outcome = session.finish(cell)
        assert outcome.text() == "".join(f"cell {n}\t{i}\n" for i in range(1, 501))


def test_a_client_that_reads_late_loses_nothing(session):
    """More messages than ZMQ's default high-water mark, and none is read before the end."""
    count = 3000  # io.write and io.stderr in turns: each a message of its own
    cell = session.execute(f"for i = 1, {count} do print(i) io.stderr:write(i, '\\n') end")
    wait_until(session.client.shell_channel.msg_ready, "the reply comes")
    outcome = session.finish(cell)
    expected = "".join(f"{i}\n" for i in range(1, count + 1))
    assert outcome.text("stdout") == expected and outcome.text("stderr") == expected


# ---- bad code ----

BROKEN = ["x = = 1", "for", "'", "[[", "return return", "}", "\x00", "goto a", "f(" * 100,
          "::a:: ::a::", "local x <const> = 1; x = 2", "\\", "é = 1", "break", "0x",
          "1e", "--[[", "#", "return ...,"]


def test_broken_code_is_answered_in_every_request(session):
    for code in BROKEN:
        outcome = session.run(code)
        assert outcome.reply["status"] == "error" and outcome.types.count("error") == 1, code
        assert outcome.reply["ename"] == "SyntaxError" and outcome.reply["evalue"], code
        place = {"code": code, "cursor_pos": len(code), "detail_level": 1}
        assert session.ask("complete_request", place).reply["status"] == "ok", code
        assert session.ask("inspect_request", place).reply["status"] == "ok", code
        status = session.ask("is_complete_request", {"code": code}).reply["status"]
        assert status in ("incomplete", "invalid"), code
        assert session.run("return 'next'").value == "next"


CODE = "local t = Tool.calculator{input = 'é'}\nfor k, v in pairs(string) do (k):rep(v[1].x"


@pytest.mark.parametrize("request_type", ["complete_request", "inspect_request"])
def test_any_cursor_is_answered(session, request_type):
    """At each place of a code, and outside of it; the kernel lives on."""
    places = [*range(len(CODE) + 1), len(CODE) + 7, 2**31, 2**62]
    asked = [session.send(request_type, {"code": CODE, "cursor_pos": place, "detail_level": 0})
             for place in places]
    for place, message in zip(places, asked):
        reply = session.finish(message).reply
        assert reply["status"] == "ok", (place, reply)
        if request_type == "complete_request":
            assert 0 <= reply["cursor_start"] <= reply["cursor_end"] <= len(CODE)
    session.ask(request_type, {"code": CODE, "cursor_pos": -1, "detail_level": 0})
    assert session.run("return 1").value == "1"


# ---- every request has busy and idle ----

REQUESTS = {
    "execute_request": {"code": "1"}, "complete_request": {"code": "pri", "cursor_pos": 3},
    "inspect_request": {"code": "print", "cursor_pos": 3, "detail_level": 0},
    "is_complete_request": {"code": "1"}, "history_request": {"hist_access_type": "tail", "n": 1},
    "kernel_info_request": {}, "comm_info_request": {},
    "tool_request": {"command": "info", "name": "calculator"},
}
WITHOUT_REPLY = {
    "comm_open": {"comm_id": "c1", "target_name": "nobody", "data": {}},
    "comm_msg": {"comm_id": "c2", "data": {}}, "comm_close": {"comm_id": "c3", "data": {}},
}
CONTROL = {
    "kernel_info_request": {}, "status_request": {}, "tool_request": {"command": "list"},
    "debug_request": {"type": "request", "seq": 1, "command": "debugInfo", "arguments": {}},
    "create_subshell_request": {}, "list_subshell_request": {},
    "delete_subshell_request": {"subshell_id": "nosuch"}, "nosuch_request": {},
}


def fine(request_type, reply):
    return reply["status"] == ("complete" if request_type == "is_complete_request" else "ok")


def test_every_request_ends_in_idle(session):
    """Also if its content makes no sense: ask() waits for reply, busy and idle."""
    wrong = {"code": 7, "cursor_pos": "x", "hist_access_type": [], "command": {}}
    for request_type, content in REQUESTS.items():
        assert fine(request_type, session.ask(request_type, content).reply), request_type
        session.ask(request_type, wrong)
        assert session.run("return 1").value == "1", request_type


def test_messages_without_a_reply_end_in_idle(session):
    for message_type, content in WITHOUT_REPLY.items():
        message = session.send(message_type, content)
        states = [event["content"]["execution_state"] for event in session.until_idle(message)
                  if event["msg_type"] == "status"]
        assert states == ["busy", "idle"], message_type
        assert session.run("return 1").value == "1"
        assert message not in session.replies


@pytest.mark.parametrize("state", ["idle", "running"])
def test_every_control_request_ends_in_idle(session, state):
    """At once, also while a cell runs."""
    cell = state == "running" and session.start_running(RUN_ON)
    for request_type, content in CONTROL.items():
        session.ask(request_type, content, channel="control")
    session.ask("interrupt_request", channel="control")
    assert not cell or end_of(session, cell)["ename"] == "KeyboardInterrupt"
    assert session.run("return 1").value == "1"


# ---- pipelined requests ----

def test_two_hundred_pipelined_requests(session):
    """All sent before anything is read, of all kinds; each is answered, in full."""
    kinds = itertools.islice(itertools.cycle(REQUESTS.items()), 200)
    asked = [(kind, session.send(kind, content)) for kind, content in kinds]
    for kind, message in asked:
        assert fine(kind, session.finish(message).reply), kind


def test_a_burst_on_every_channel(session):
    """Shell, control and heartbeat at the same time, with a cell that runs."""
    cell = session.start_running(RUN_ON)
    queued = [session.execute(f"return {n}", stop_on_error=False) for n in range(100)]
    control = [session.send("kernel_info_request", channel="control") for _ in range(100)]
    heart = zmq.Context.instance().socket(zmq.REQ)
    try:
        heart.connect(session.client._make_url("hb"))
        heart.send(b"beat")
        for message in control:
            assert session.finish(message, "control").reply["status"] == "ok"
        assert heart.poll(PATIENCE * 1000) and heart.recv() == b"beat"
    finally:
        heart.close(0)
    session.ask("interrupt_request", channel="control")
    assert end_of(session, cell)["ename"] == "KeyboardInterrupt"
    for message in queued:
        assert session.finish(message).reply["status"] in ("ok", "aborted")


# ---- the start ----

def test_kernels_that_start_at_once_share_no_port(llmspell):
    starts = [llmspell.popen("--output", "json", "kernel", "start", "--daemon", "--id", f"k{n}",
                             stdout=subprocess.PIPE) for n in range(8)]
    ports = []
    for start in starts:
        out, _ = start.communicate(timeout=PATIENCE)
        assert start.returncode == 0
        connection = json.loads(Path(json.loads(out)["connection_file"]).read_text())
        ports += [value for name, value in connection.items() if name.endswith("_port")]
    assert len(ports) == len(set(ports)) == 40
    for n in range(8):
        assert llmspell.run("--kernel", f"k{n}", "exec", "Kernel.id").out == f"k{n}\n"


@pytest.mark.parametrize("path", ["", "/nonexistent"])
def test_a_kernel_needs_no_path(llmspell, open_session, path):
    """The binary is named absolutely in the kernelspec, so PATH and folder do not matter."""
    file = llmspell.cwd / "connection.json"
    kernel = subprocess.Popen([str(BINARY.resolve()), "kernel", "start", "--connection-file", file],
                              env={**llmspell.env, "PATH": path}, cwd="/",
                              stderr=subprocess.DEVNULL)
    try:
        wait_until(file.exists, "the connection file is written")
        session = open_session(file)
        assert session.run("return Tool.calculator{input = '6*7'}.result").value == "42"
        session.ask("shutdown_request", {"restart": False}, channel="control")
        assert kernel.wait(PATIENCE) == 0
    finally:
        kernel.kill()
        kernel.wait()
