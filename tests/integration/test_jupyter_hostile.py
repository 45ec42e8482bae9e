# SPDX-License-Identifier: Apache-2.0
"""Peers that mean harm or are broken: wrong types in every field, frames that are announced and
never sent, silent connections in numbers, floods on each channel, a subscriber that never reads.
The kernel answers what has an answer, logs a little, works on for others, and does not grow.
(test_jupyter_wire.py has the malformed messages and other protocols.)"""
import contextlib
import itertools
import json
import re
import select
import socket
import time

import pytest
import zmq

from conftest import SLOW
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, llmspell, wait_until)
from test_jupyter_wire import PORTS, Raw, signed

FLOOD = 20_000 // SLOW
# What an allocator may keep back; a sanitizer keeps what is freed.
SLACK_KB = 40_000 if SLOW == 1 else 1_000_000
serial = itertools.count()


@pytest.fixture
def raw(kernel):
    with contextlib.ExitStack() as stack:
        def make():
            one = Raw(kernel.connection)
            stack.callback(one.close)
            return one
        yield make


def resident_kb(kernel):
    with open(f"/proc/{kernel.connection['pid']}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1])


def ask(one, msg_type="kernel_info_request", content=b"{}", sock=None):
    """One request of a good client, and its reply."""
    msg_id = f"good-{next(serial)}"
    (sock or one.shell).send_multipart(one.frames(msg_type, content, msg_id=msg_id))
    while True:
        kind, parent, reply = one.receive(sock)
        if parent == msg_id:
            return reply


def works(one, sock=None):
    assert ask(one, "execute_request", b'{"code": "return 6 * 7"}', sock)["status"] == "ok"


def does_not_grow(kernel, before):
    wait_until(lambda: resident_kb(kernel) < before + SLACK_KB,
               f"back to {before} KB + {SLACK_KB}")


# ---- wrong types ----

FIELDS = {
    "execute_request": ("code", "silent", "store_history", "user_expressions", "allow_stdin",
                        "stop_on_error"),
    "complete_request": ("code", "cursor_pos"),
    "inspect_request": ("code", "cursor_pos", "detail_level"),
    "is_complete_request": ("code",),
    "history_request": ("output", "raw", "hist_access_type", "session", "start", "stop", "n",
                        "pattern", "unique"),
    "comm_info_request": ("target_name",),
    "comm_open": ("comm_id", "target_name", "data"),
    "comm_msg": ("comm_id", "data"),
    "comm_close": ("comm_id", "data"),
    "kernel_info_request": ("nothing",),
    "connect_request": ("nothing",),
    "tool_request": ("command", "name", "params", "words", "timeout"),
    "interrupt_request": ("msg_id",),
    "status_request": ("nothing",),
    "debug_request": ("type", "seq", "command", "arguments"),
    "create_subshell_request": ("nothing",),
    "delete_subshell_request": ("subshell_id",),
    "list_subshell_request": ("nothing",),
    "input_request": ("prompt", "password"),
    "execute_reply": ("status",),
    "status": ("execution_state",),
}
GOOD = {"code": "x", "cursor_pos": 1, "hist_access_type": "tail", "n": 3, "command": "list",
        "comm_id": "c", "target_name": "t", "data": {}}
WRONG = [None, True, 7, -1, 1.5, 1e308, 2 ** 63, -2 ** 63, "", "x", "\0", "\ud800", "é" * 1000, [],
         [[]], {}, {"": {}}, "x" * 100_000, list(range(1000))]


def nested(depth):
    return b'{"code":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.parametrize("channel", ["shell_port", "control_port"])
@pytest.mark.parametrize("msg_type", FIELDS)
def test_wrong_types_in_every_field(kernel, raw, msg_type, channel):
    one = raw()
    sock = one.shell if channel == "shell_port" else one.connect(zmq.DEALER, channel)
    contents = [json.dumps({**GOOD, name: value}).encode()
                for name in FIELDS[msg_type] for value in WRONG]
    contents += [json.dumps({name: GOOD.get(name, 1)}).encode() for name in FIELDS[msg_type]]
    contents += [b"{}", nested(1000), nested(100_000)]
    waiting = set()
    for content in contents:
        msg_id = f"wrong-{next(serial)}"
        sock.send_multipart(one.frames(msg_type, content, msg_id=msg_id))
        if msg_type.endswith("_request"):
            waiting.add(msg_id)
    while waiting:
        kind, parent, reply = one.receive(sock)
        assert kind == msg_type.replace("_request", "_reply")
        if kind == "debug_reply" and "status" not in reply:  # a response of DAP
            assert reply["type"] == "response" and isinstance(reply["success"], bool), reply
        else:
            assert reply["status"] in ("ok", "error", "aborted", "complete", "incomplete",
                                       "invalid", "unknown")
        waiting.remove(parent)
    works(raw())
    works(one, sock if channel == "shell_port" else None)


@pytest.mark.parametrize("name", ["msg_id", "msg_type", "session", "username", "date", "version",
                                  "subshell_id"])
def test_wrong_types_in_the_header(raw, name):
    one = raw()
    for value in WRONG:
        header = {"msg_id": f"header-{next(serial)}", name: value}
        msg_type = header.pop("msg_type", "kernel_info_request")
        one.shell.send_multipart(one.frames(msg_type, b"{}", **header))
    works(one)


def test_deep_nesting_outside_the_content(kernel, raw):
    one = raw()
    deep = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for at in range(3):
        parts = one.frames(msg_id=f"deep-{at}")[2:]
        parts[at] = deep
        one.shell.send_multipart(signed(one, *parts))
    works(one)
    wait_until(lambda: "was dropped" in kernel.log(), "a line about it")


@pytest.mark.parametrize("port", ["iopub_port", "hb_port"])
def test_odd_frames_on_the_channels_without_messages(raw, port):
    one = raw()
    kind = zmq.XSUB if port == "iopub_port" else zmq.DEALER
    odd = one.connect(kind, port)
    for frames in ([b""], [b"\x01"], [b"\x00"], [b"\x02hello"], [b"\x01" + b"t" * 100_000],
                   [b"", b""], [b"", b"x" * 1_000_000], [b"x"] * 600, [b"", *[b"y"] * 600],
                   [b"\x01", b"more"], [b"\xff" * 300]):
        odd.send_multipart(frames)
    works(one)
    heart = one.connect(zmq.REQ, "hb_port")
    heart.send(b"still there?")
    assert heart.recv() == b"still there?"
    iopub = one.connect(zmq.SUB, "iopub_port")
    while one.receive(iopub)[0] != "iopub_welcome":
        pass


# ---- below the messages: ZMTP by hand ----

GREETING = b"\xff" + b"\0" * 8 + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + b"\0" * 31
PEER_OF = {"shell_port": b"DEALER", "control_port": b"DEALER", "stdin_port": b"DEALER",
           "iopub_port": b"SUB", "hb_port": b"REQ"}


def ready(port):
    kind = PEER_OF[port]
    body = (b"\x05READY\x0bSocket-Type" + len(kind).to_bytes(4, "big") + kind +
            b"\x08Identity" + bytes(4))
    return b"\x04" + bytes([len(body)]) + body


def plain(kernel, port):
    return socket.create_connection(("127.0.0.1", kernel.connection[port]), PATIENCE)


def shake_hands(peer, port):
    """Step by step, as libzmq wants it; what comes afterwards is taken as a message."""
    def read(size):
        data = b""
        while len(data) < size:
            more = peer.recv(size - len(data))
            assert more, "the kernel refused the handshake"
            data += more
        return data

    peer.settimeout(PATIENCE)
    peer.sendall(GREETING)
    assert read(64)[:2] == b"\xff\0"
    peer.sendall(ready(port))
    flags, size = read(2)
    assert flags == 4 and b"READY" in read(size)


@pytest.mark.parametrize("port", PORTS)
def test_a_huge_frame_is_announced(kernel, raw, port):
    """A gigabyte is refused at its announcement; less is not paid for before it comes."""
    one = raw()
    works(one)
    before = resident_kb(kernel)
    with contextlib.ExitStack() as stack:
        for size in [2 ** 63 - 1, 2 ** 30] + [200_000_000] * 20:
            peer = stack.enter_context(plain(kernel, port))
            shake_hands(peer, port)
            peer.sendall(b"\x02" + size.to_bytes(8, "big") + b"x")
            if size < 2 ** 30:
                continue
            with contextlib.suppress(ConnectionError):
                while peer.recv(4096):
                    pass
        works(one)
        assert resident_kb(kernel) < before + SLACK_KB


def test_silent_connections_in_numbers(kernel, raw):
    """Connected, and nothing said; or half a greeting. Others come through, and they are thrown out
    after some time."""
    one = raw()
    works(one)
    before = resident_kb(kernel)
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(plain(kernel, port)) for port in PORTS for _ in range(100)]
        for i, peer in enumerate(peers):
            peer.sendall(GREETING[:i % 64])
        works(one)
        other = raw()
        works(other)
        heart = other.connect(zmq.REQ, "hb_port")
        heart.send(b"ping")
        assert heart.recv() == b"ping"
        assert resident_kb(kernel) < before + SLACK_KB
        deadline = time.monotonic() + PATIENCE
        while peers:
            assert time.monotonic() < deadline, f"{len(peers)} silent peers were kept"
            for peer in select.select(peers, [], [], 1)[0]:
                with contextlib.suppress(ConnectionError):
                    if peer.recv(4096):
                        continue
                peers.remove(peer)
    works(one)


# ---- floods ----

def flood_of(one, channel):
    """(socket, the messages)"""
    if channel == "iopub_port":
        sock = one.connect(zmq.XSUB, channel)
        return sock, ([b"\x01topic-%d" % i] for i in range(FLOOD))
    if channel == "hb_port":
        sock = one.connect(zmq.DEALER, channel)
        return sock, ([b"", b"beat %d" % i] for i in range(FLOOD))
    sock = one.connect(zmq.DEALER, channel)
    kind, content = {"shell_port": ("execute_request", b'{"code": "", "silent": true}'),
                     "control_port": ("kernel_info_request", b"{}"),
                     "stdin_port": ("input_reply", b'{"value": "x"}')}[channel]
    return sock, (one.frames(kind, content, msg_id=f"flood-{next(serial)}") for _ in range(FLOOD))


@pytest.mark.parametrize("channel", PORTS)
def test_floods(kernel, raw, channel):
    """From a peer that never reads what comes back, while another client works."""
    good = raw()
    works(good)
    control = good.connect(zmq.DEALER, "control_port")
    before = resident_kb(kernel)
    bad = raw()
    sock, messages = flood_of(bad, channel)
    sock.sndhwm = 0
    for i, frames in enumerate(messages):
        sock.send_multipart(frames)
        if i % 2000 == 0:
            assert ask(good, sock=control)["status"] == "ok"
    works(good)
    heart = good.connect(zmq.REQ, "hb_port")
    heart.send(b"ping")
    assert heart.recv() == b"ping"
    bad.close()
    bad.sockets.clear()
    works(good)
    does_not_grow(kernel, before)
    assert len(kernel.log()) < 1_000_000


def test_floods_of_what_is_refused(kernel, raw):
    """Wrong signatures and unknown types: a few lines a second, not one for each."""
    one = raw()
    before = resident_kb(kernel)
    for i in range(FLOOD // 2):
        frames = one.frames("execute_request", b'{"code": "return 1"}')
        one.shell.send_multipart([frames[0], b"0" * 64, *frames[2:]])
    control = one.connect(zmq.DEALER, "control_port")
    for i in range(FLOOD // 20):
        control.send_multipart(one.frames("nosuch_request", msg_id=f"nosuch-{i}"))
    for i in range(FLOOD // 20):
        assert one.receive(control)[1] == f"nosuch-{i}"
    works(one)
    lines = kernel.log().count("jupyter: ")
    assert 1 <= lines < 500, f"{lines} lines"
    does_not_grow(kernel, before)


def run_and_read(one, iopub, count):
    """Executes in numbers and reads every event: nothing may be missing."""
    for start in range(0, count, 100):
        for i in range(start, start + 100):
            content = b'{"code": "return %d"}' % i
            one.shell.send_multipart(one.frames("execute_request", content, msg_id=f"read-{i}"))
        for i in range(start, start + 100):
            kinds = []
            while kinds.count("status") < 2:
                kind, parent, _ = one.receive(iopub)
                assert parent in (f"read-{i}", None)
                kinds.append(kind)
            assert kinds[-4:] == ["status", "execute_input", "execute_result", "status"]
            assert one.receive()[:2] == ("execute_reply", f"read-{i}")


def test_a_subscriber_that_never_reads(kernel, raw):
    """What waits for it is bounded; a reader beside it gets everything."""
    one = raw()
    iopub = one.connect(zmq.SUB, "iopub_port")
    assert one.receive(iopub)[0] == "iopub_welcome"
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before it connects
    with deaf:
        deaf.connect(("127.0.0.1", kernel.connection["iopub_port"]))
        shake_hands(deaf, "iopub_port")
        deaf.sendall(b"\x00\x01\x01")
        assert one.receive(iopub)[0] == "iopub_welcome", "it is no subscriber"
        before = resident_kb(kernel)
        run_and_read(one, iopub, FLOOD)
        assert resident_kb(kernel) < before + 2 * SLACK_KB
    does_not_grow(kernel, before)
