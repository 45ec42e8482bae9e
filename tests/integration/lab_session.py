# SPDX-License-Identifier: Apache-2.0
"""JupyterLab's part in debugging, for tests: its requests over the control channel, each held to the
rules that it has for kernels, and the names of cells."""
import time

import pytest

from dap_session import check
from jupyter_session import PATIENCE, session  # noqa: F401 (a fixture)

MASK = 0xffffffff


def murmur2(data, seed):
    h, m = seed ^ len(data), 0x5bd1e995
    while len(data) >= 4:
        k = int.from_bytes(data[:4], "little") * m & MASK
        k = (k ^ k >> 24) * m & MASK
        h = (h * m & MASK) ^ k
        data = data[4:]
    if data:
        h = (h ^ int.from_bytes(data, "little")) * m & MASK
    h = (h ^ h >> 13) * m & MASK
    return h ^ h >> 15


class Lab:
    """What JupyterLab does."""

    def __init__(self, session):
        self.session = session
        self.seq = 0
        self.seen = []  # debug_events

    def send(self, command, **arguments):
        self.seq += 1
        return self.session.send("debug_request", {"type": "request", "seq": self.seq, "command": command,
                                                   "arguments": arguments}, "control")

    def answer(self, msg_id):
        """Rule 1: a reply, and busy and idle that belong to the request."""
        reply = self.session.reply(msg_id, "control")["content"]
        states = [e["content"]["execution_state"] for e in self.session.until_idle(msg_id)
                  if e["msg_type"] == "status"]
        assert states == ["busy", "idle"]
        assert reply["type"] == "response"
        return reply

    def request(self, command, **arguments):
        return self.answer(self.send(command, **arguments))

    def ask(self, command, **arguments):
        reply = self.request(command, **arguments)
        assert reply["success"], reply
        if command not in ("debugInfo", "inspectVariables", "variables", "attach", "evaluate"):
            check(reply)
        return reply["body"]

    def fail(self, command, **arguments):
        reply = self.request(command, **arguments)
        assert not reply["success"], reply
        return reply["message"]

    def info(self):
        return self.ask("debugInfo")

    def start(self):
        self.capabilities = self.ask("initialize", clientID="jupyterlab", adapterID="", linesStartAt1=True)
        self.ask("attach")
        info = self.info()
        assert info["isStarted"] is True
        return self

    def path(self, code):
        info = self.info()
        return f"{info['tmpFilePrefix']}{murmur2(code.encode(), int(info['hashSeed']))}{info['tmpFileSuffix']}"

    def breakpoints(self, code, *lines):
        source = self.ask("dumpCell", code=code)["sourcePath"]
        assert source == self.path(code)
        return self.set(source, *lines)

    def set(self, source, *lines):
        return self.ask("setBreakpoints", source={"path": source}, breakpoints=[{"line": n} for n in lines],
                        sourceModified=False)["breakpoints"]

    def event(self, name, cell=None):
        """The next event of that name, which belongs to the cell."""
        deadline = time.monotonic() + PATIENCE
        while True:
            queues = [self.session.events[cell]] if cell else [*self.session.events.values(), self.session.foreign]
            for queue in queues:
                for message in list(queue):
                    if message["msg_type"] == "debug_event":
                        queue.remove(message)
                        self.seen.append(message["content"])
                        check({"seq": 1, **message["content"]})
                        if message["content"]["event"] == name:
                            return message["content"].get("body", {})
            message = self.session.receive("iopub", deadline)
            parent = self.session.check(message)
            queue = self.session.events[parent] if parent in self.session.requests else self.session.foreign
            queue.append(message)

    def stop(self, cell, reason="breakpoint"):
        body = self.event("stopped", cell)
        assert body["reason"] == reason and body["allThreadsStopped"] is True
        return body["threadId"], self.ask("stackTrace", threadId=body["threadId"])["stackFrames"]

    def locals(self, frame):
        scopes = {s["name"]: s for s in self.ask("scopes", frameId=frame["id"])["scopes"]}
        return {v["name"]: v for v in self.ask(
            "variables", variablesReference=scopes["Locals"]["variablesReference"])["variables"]}

    def go(self, command="continue", thread=1):
        self.ask(command, threadId=thread)

    def finish(self, cell):
        reply = self.session.reply(cell)["content"]
        self.session.until_idle(cell)
        return reply


@pytest.fixture
def lab(session):
    return Lab(session)
