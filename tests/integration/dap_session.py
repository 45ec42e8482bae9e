# SPDX-License-Identifier: Apache-2.0
"""A DAP client for the tests, over TCP or stdio. Every message is checked against the protocol's own
JSON schema (tests/data/debugAdapterProtocol.json), and that it answers what was asked."""
import functools
import json
import os
import select
import socket
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest

from conftest import BINARY, SLOW, llmspell  # noqa: F401 (a fixture)

PATIENCE = 30 * SLOW  # seconds
SCHEMA = json.loads((Path(__file__).parent.parent / "data/debugAdapterProtocol.json").read_text())


@functools.cache
def validator(name):
    if name not in SCHEMA["definitions"]:
        return None
    schema = {"$ref": f"#/definitions/{name}", "definitions": SCHEMA["definitions"]}
    return jsonschema.Draft4Validator(schema)


def check(message):
    """As the specification says; what it does not know of has at least the shape of its kind."""
    kind = message["type"]
    word = message["event"] if kind == "event" else message["command"]
    name = word[:1].upper() + word[1:] + kind.capitalize()
    if kind == "response" and not message["success"]:
        name = "ErrorResponse"
    found = validator(name) or validator(kind.capitalize())
    errors = [error.message for error in found.iter_errors(message)]
    assert not errors, (errors, message)


class Closed(Exception):
    """The other side has gone."""


class Dap:
    """read and write are file descriptors."""

    def __init__(self, read, write, process=None):
        self.in_fd, self.out_fd, self.process = read, write, process
        self.buffer = b""
        self.asked = {}       # seq: command
        self.responses = {}   # request_seq: response
        self.events = []      # not yet taken
        self.all = []         # every event there was
        self.seq = self.last_seq = 0

    def close(self):
        for fd in {self.in_fd, self.out_fd}:
            if fd >= 0:
                os.close(fd)
        self.in_fd = self.out_fd = -1
        if self.process:
            self.process.wait(PATIENCE)

    # ---- sending ----

    def write(self, data):
        while data:
            data = data[os.write(self.out_fd, data):]

    def frame(self, message):
        body = json.dumps(message).encode()
        return b"Content-Length: %d\r\n\r\n" % len(body) + body

    def send(self, command, **arguments):
        self.seq += 1
        self.asked[self.seq] = command
        self.write(self.frame({"seq": self.seq, "type": "request", "command": command,
                               "arguments": arguments}))
        return self.seq

    # ---- receiving ----

    def read(self, deadline):
        ready, _, _ = select.select([self.in_fd], [], [], max(deadline - time.monotonic(), 0))
        assert ready, f"nothing came in time; events so far: {[e['event'] for e in self.all]}"
        try:
            data = os.read(self.in_fd, 1 << 20)
        except ConnectionResetError:
            data = b""
        if not data:
            raise Closed
        self.buffer += data

    def message(self, deadline):
        while b"\r\n\r\n" not in self.buffer:
            self.read(deadline)
        header, rest = self.buffer.split(b"\r\n\r\n", 1)
        name, length = header.split(b": ")
        assert name == b"Content-Length"
        while len(rest) < int(length):
            self.read(deadline)
            rest = self.buffer.split(b"\r\n\r\n", 1)[1]
        self.buffer = rest[int(length):]
        return json.loads(rest[:int(length)].decode())  # UTF-8 throughout

    def receive(self, patience=PATIENCE):
        message = self.message(time.monotonic() + patience)
        check(message)
        assert message["seq"] > self.last_seq, "sequence numbers grow"
        self.last_seq = message["seq"]
        if message["type"] == "event":
            self.events.append(message)
            self.all.append(message)
        else:
            assert message["command"] == self.asked[message["request_seq"]]
            assert message["request_seq"] not in self.responses, "answered twice"
            self.responses[message["request_seq"]] = message

    def response(self, seq):
        while seq not in self.responses:
            self.receive()
        return self.responses.pop(seq)

    def ask(self, command, **arguments):
        """The body of its answer, which has to be a success."""
        response = self.response(self.send(command, **arguments))
        assert response["success"], response
        return response.get("body", {})

    def fail(self, command, **arguments):
        """The message of its answer, which has to be a failure."""
        response = self.response(self.send(command, **arguments))
        assert not response["success"], response
        return response["message"]

    def event(self, name, patience=PATIENCE):
        """The body of the next event of that name."""
        deadline, seen = time.monotonic() + patience, 0
        while True:
            for i in range(seen, len(self.events)):
                if self.events[i]["event"] == name:
                    return self.events.pop(i).get("body", {})
            seen = len(self.events)
            self.receive(max(deadline - time.monotonic(), 0.001))

    def end(self):
        """Until the other side closes."""
        try:
            while True:
                self.receive()
        except Closed:
            return

    # ---- what most tests do ----

    def output(self, category="stdout"):
        return "".join(e["body"]["output"] for e in self.all
                       if e["event"] == "output" and e["body"].get("category") == category)

    def begin(self, program, breakpoints=(), **launch):
        """initialize, launch, breakpoints, configurationDone."""
        self.ask("initialize", adapterID="test", clientID="tests")
        self.event("initialized")
        self.ask("launch", program=str(program), **launch)
        body = self.ask("setBreakpoints", source={"path": str(program)},
                        breakpoints=[b if isinstance(b, dict) else {"line": b} for b in breakpoints])
        self.ask("setExceptionBreakpoints", filters=[])
        self.ask("configurationDone")
        return body["breakpoints"]

    def stopped(self, reason=None):
        """Waits for a stop; its event and the top frame."""
        event = self.event("stopped")
        assert reason is None or event["reason"] == reason, event
        return event, self.frames(event["threadId"], levels=1)[0]

    def frames(self, thread=1, **paging):
        return self.ask("stackTrace", threadId=thread, **paging)["stackFrames"]

    def scope(self, frame, name):
        scopes = self.ask("scopes", frameId=frame["id"])["scopes"]
        return {s["name"]: s for s in scopes}[name]

    def variables(self, reference, **paging):
        return {v["name"]: v for v in
                self.ask("variables", variablesReference=reference, **paging)["variables"]}

    def locals(self, frame):
        return self.variables(self.scope(frame, "Locals")["variablesReference"])

    def evaluate(self, expression, frame=None, context="repl"):
        place = {"frameId": frame["id"]} if frame else {}
        return self.ask("evaluate", expression=expression, context=context, **place)

    def resume(self, command="continue", thread=1):
        return self.ask(command, threadId=thread)

    def finish(self):
        """To the end of the program; its exit code."""
        code = self.event("exited")["exitCode"]
        self.event("terminated")
        return code


def connect(port):
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    fd = os.dup(connection.fileno())
    connection.close()
    os.set_blocking(fd, True)
    return Dap(fd, fd)


def start_stdio(one, *arguments):
    process = subprocess.Popen([str(BINARY), "debug", "--stdio", *arguments],
                               env=one.env, cwd=one.cwd, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0)
    dap = Dap(os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()), process)
    process.stdin.close()
    process.stdout.close()
    return dap


def debugger_port(one, id="test"):
    status = one.json("kernel", "status", "--kernel", id)
    return next(p["port"] for p in status["protocols"] if p["name"] == "dap")


@pytest.fixture
def daemon_port(llmspell):
    """A kernel that serves DAP beside Jupyter; its port."""
    (llmspell.home).mkdir(exist_ok=True)
    llmspell.started = llmspell.start("--set", "protocol.dap.port=0")
    return debugger_port(llmspell)


@pytest.fixture
def open_dap():
    """Connects to a port, and closes at the end."""
    opened = []

    def start(port):
        opened.append(connect(port))
        return opened[-1]

    yield start
    for dap in opened:
        dap.close()


@pytest.fixture(params=["stdio", "tcp"])
def dap(request, llmspell, open_dap):
    """A fresh debugger, over both of its ways."""
    if request.param == "tcp":
        llmspell.started = llmspell.start("--set", "protocol.dap.port=0")
        yield open_dap(debugger_port(llmspell))
        return
    one = start_stdio(llmspell)
    yield one
    if one.in_fd >= 0:
        one.close()


@pytest.fixture
def script(tmp_path):
    """Writes a Lua file, and returns its path."""
    def write(text, name="program.lua"):
        path = tmp_path / name
        path.write_text(text)
        return path
    return write
