# SPDX-License-Identifier: Apache-2.0
"""Bytes on the kernel's sockets that no good client sends (raw pyzmq and plain TCP): the kernel
drops them, says so in its log, and goes on."""
import hashlib
import hmac
import json
import socket
import uuid
from pathlib import Path

import pytest
import zmq

from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, llmspell, open_session, session, wait_until)

DELIMITER = b"<IDS|MSG>"
PORTS = ("shell_port", "control_port", "stdin_port", "iopub_port", "hb_port")


class Raw:
    """A peer that can sign, and sends whatever it likes."""

    def __init__(self, connection):
        self.connection = connection
        self.context = zmq.Context()
        self.sockets = []
        self.shell = self.connect(zmq.DEALER, "shell_port")

    def connect(self, kind, port):
        sock = self.context.socket(kind)
        sock.linger = 0
        sock.rcvtimeo = int(PATIENCE * 1000)
        if kind == zmq.SUB:
            sock.subscribe(b"")
        sock.connect(f"tcp://127.0.0.1:{self.connection[port]}")
        self.sockets.append(sock)
        return sock

    def close(self):
        for sock in self.sockets:
            sock.close()
        self.context.term()

    def sign(self, parts):
        mac = hmac.new(self.connection["key"].encode(), digestmod=hashlib.sha256)
        for part in parts:
            mac.update(part)
        return mac.hexdigest().encode()

    def frames(self, msg_type="kernel_info_request", content=b"{}", **header):
        parts = [json.dumps({"msg_id": uuid.uuid4().hex, "msg_type": msg_type, "session": "raw",
                             "username": "", "date": "2026-01-01T00:00:00Z", "version": "5.3",
                             **header}).encode(), b"{}", b"{}", content]
        return [DELIMITER, self.sign(parts), *parts]

    def receive(self, sock=None):
        """(msg_type, parent msg_id, content) of the next message."""
        frames = (sock or self.shell).recv_multipart()
        at = frames.index(DELIMITER)
        parts = frames[at + 2:at + 6]
        assert frames[at + 1] == self.sign(parts), "the kernel's signature is wrong"
        header, parent, _, content = map(json.loads, parts)
        return header["msg_type"], parent.get("msg_id"), content

    def still_answers(self):
        """Messages of one socket stay in order: this answer comes after all sent before."""
        self.shell.send_multipart(self.frames(msg_id="the-good-one"))
        kind, parent, content = self.receive()
        assert (kind, parent) == ("kernel_info_reply", "the-good-one"), "an answer to a bad message"
        assert content["status"] == "ok"


@pytest.fixture
def raw(kernel):
    one = Raw(kernel.connection)
    yield one
    one.close()


def bad_signature(raw):
    frames = raw.frames("execute_request", b'{"code": "bad = true"}')
    return [[DELIMITER, b"0" * 64, *frames[2:]], [DELIMITER, b"", *frames[2:]],
            [DELIMITER, frames[1].upper() + b"0", *frames[2:]],
            [DELIMITER, frames[1][:-1], *frames[2:]],
            [*frames[:5], b'{"code": "bad = 2"}']]


def malformed(raw):
    good = raw.frames("execute_request", b'{"code": "bad = true"}')
    return [[b""], [b"hello"], [DELIMITER], good[:2], good[:3], good[:5], good[1:],
            [b"x" * 100_000], [b""] * 700, [b"id"] * 600 + good, [DELIMITER] * 8,
            [b"\x00\xff" * 30, *good[1:]]]


def signed(raw, *parts):
    return [DELIMITER, raw.sign(parts), *parts]


def badly_signed_content(raw):
    """The signature is right, but what it signs is no message."""
    head = raw.frames()[2]
    no_id = json.dumps({"msg_type": "kernel_info_request"}).encode()
    no_type = json.dumps({"msg_id": "x"}).encode()
    numbers = json.dumps({"msg_id": 1, "msg_type": 2}).encode()
    return [signed(raw, b"", b"", b"", b""), signed(raw, b"{", b"{}", b"{}", b"{}"),
            signed(raw, b"[]", b"{}", b"{}", b"{}"), signed(raw, no_id, b"{}", b"{}", b"{}"),
            signed(raw, no_type, b"{}", b"{}", b"{}"), signed(raw, numbers, b"{}", b"{}", b"{}"),
            signed(raw, head[:-1], b"{}", b"{}", b"{}"), signed(raw, head, b"7", b"{}", b"{}"),
            signed(raw, b"\xff\xfe", b"{}", b"{}", b"{}"),
            signed(raw, b"[" * 100_000, b"{}", b"{}", b"{}")]


@pytest.mark.parametrize("kind", [bad_signature, malformed, badly_signed_content])
@pytest.mark.parametrize("channel", ["shell_port", "control_port", "stdin_port"])
def test_foreign_messages_are_dropped(kernel, session, raw, kind, channel):
    sock = raw.shell if channel == "shell_port" else raw.connect(zmq.DEALER, channel)
    for frames in kind(raw):
        sock.send_multipart(frames)
    if sock is not raw.shell:  # ordered by an answer on the same socket
        sock.send_multipart(raw.frames("nosuch_request"))
        if channel == "control_port":
            assert raw.receive(sock)[0] == "nosuch_reply"
    raw.still_answers()
    assert session.run("bad").value is None
    wait_until(lambda: "dropped" in kernel.log(), "a line about what was dropped")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b'{"code": "x"', b"\xff",
                                     b"[" * 100_000, b'{"code": "\xff"}', b'{"code":1,"code":2}'])
def test_bad_content_is_answered(session, raw, content):
    """The envelope is good: so the sender gets to know, with busy and idle."""
    raw.shell.send_multipart(raw.frames("execute_request", content, msg_id="bad-content"))
    kind, parent, reply = raw.receive()
    assert (kind, parent, reply["status"]) == ("execute_reply", "bad-content", "error")
    assert reply["ename"] and reply["evalue"] and reply["traceback"] == []
    while session.foreign_event("status")["content"]["execution_state"] != "idle":
        pass
    raw.still_answers()


@pytest.mark.parametrize("channel", ["shell", "control"])
def test_unknown_message_types(session, channel):
    reply = session.ask("teleport_request", {"to": "moon"}, channel).reply
    assert reply["status"] == "error" and "teleport_request" in reply["evalue"]
    assert reply["ename"] and reply["traceback"] == []
    odd = session.send("teleport", {}, channel)  # no request, so no reply; but busy and idle
    assert [e["content"]["execution_state"] for e in session.until_idle(odd)] == ["busy", "idle"]
    assert session.run("1").value == "1"


def test_unknown_comm_targets_are_closed(session):
    comm = session.send("comm_open", {"comm_id": "c1", "target_name": "nosuch", "data": {}})
    events = session.until_idle(comm)
    closed = [e["content"] for e in events if e["msg_type"] == "comm_close"]
    assert [c["comm_id"] for c in closed] == ["c1"]


def test_unknown_fields_are_ignored(raw):
    raw.shell.send_multipart(raw.frames("execute_request", json.dumps(
        {"code": "return 1", "new": {"field": [1]}, "silent": False}).encode(),
        msg_id="extra", subshell_id=None, also_new=[{}]))
    kind, parent, reply = raw.receive()
    assert (kind, parent, reply["status"]) == ("execute_reply", "extra", "ok")


def test_buffers_and_identities(raw):
    """Further frames behind the content, and identities before the delimiter, are allowed."""
    raw.shell.send_multipart(raw.frames(msg_id="with-buffers") + [b"\x00" * 1000, b""])
    assert raw.receive()[:2] == ("kernel_info_reply", "with-buffers")
    raw.shell.send_multipart([b"one", b"two"] + raw.frames(msg_id="with-ids"))
    frames = raw.shell.recv_multipart()
    assert frames[:3] == [b"one", b"two", DELIMITER]


def test_a_message_played_again_is_dropped(session, raw):
    frames = raw.frames("execute_request", b'{"code": "times = (times or 0) + 1"}')
    for _ in range(3):
        raw.shell.send_multipart(frames)
    assert raw.receive()[0] == "execute_reply"
    raw.still_answers()
    assert session.run("times").value == "1"


@pytest.mark.parametrize("port", PORTS)
@pytest.mark.parametrize("request_bytes", [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f\x03\x00CURVE" + b"\x00" * 47,
    b"\xff" * 4096, b"\x00" * 64, b""], ids=["http", "tls", "curve", "ones", "zeros", "nothing"])
def test_bytes_of_other_protocols(kernel, raw, port, request_bytes):
    with socket.create_connection(("127.0.0.1", kernel.connection[port]), PATIENCE) as plain:
        plain.settimeout(PATIENCE)
        try:
            plain.sendall(request_bytes)
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass
        except (ConnectionError, OSError) as error:
            assert not isinstance(error, TimeoutError), "the kernel keeps the connection"
    raw.still_answers()


def test_heartbeat(raw):
    heart = raw.connect(zmq.REQ, "hb_port")
    for beat in (b"ping", b"", b"\x00\xff" * 5000):
        heart.send(beat)
        assert heart.recv() == beat


def test_heartbeat_while_a_cell_runs(session, raw):
    cell = session.start_running(RUN_ON)
    heart = raw.connect(zmq.REQ, "hb_port")
    heart.send(b"alive?")
    assert heart.recv() == b"alive?"
    session.ask("interrupt_request", channel="control")
    assert session.until_idle(cell)


def test_every_subscriber_is_welcomed(raw):
    """Each new subscription is told that it is complete from now on."""
    for _ in range(2):
        iopub = raw.connect(zmq.SUB, "iopub_port")
        kind, parent, content = raw.receive(iopub)
        assert (kind, parent, content) == ("iopub_welcome", None, {"subscription": ""})


def test_clients_that_go_without_a_word(kernel, raw):
    """Replies to nobody, also of a thousand requests, do no harm."""
    for i in range(5):
        other = Raw(kernel.connection)
        for _ in range(200):
            other.shell.send_multipart(other.frames("execute_request", b'{"code": "return 1"}'))
        other.shell.linger = int(PATIENCE * 1000)
        other.sockets[0].close()
        other.context.term()
    raw.still_answers()


def test_the_connection_file_is_what_a_client_needs(kernel):
    own = json.loads(Path(kernel.started["connection_file"]).read_text())
    assert own["transport"] == "tcp" and own["ip"] == "127.0.0.1"
    assert own["signature_scheme"] == "hmac-sha256" and len(own["key"]) >= 32
    assert len({own[port] for port in PORTS}) == 5
    assert own["kernel_id"] == "test" and own["pid"] == kernel.started["pid"]
    assert own["protocol"] == "jupyter"
