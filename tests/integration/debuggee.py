# SPDX-License-Identifier: Apache-2.0
"""Talks to the Lua runtime's half of the debugger, over the kernel's bus (plugins/bus.c)."""
import itertools
import json
import socket
import time
from collections import defaultdict, deque

import pytest

from conftest import SLOW, llmspell  # noqa: F401 (a fixture)
from plugins import maker

PATIENCE = 30 * SLOW
MANIFEST = {"manifest": 1, "kind": "protocol", "name": "bus", "version": "1.0.0",
            "abi": {"major": 1, "minor": 3}, "title": "Bus", "description": "The bus over TCP.",
            "keywords": ["bus"], "aliases": [], "capabilities": [], "license": "Apache-2.0",
            "config": {"type": "object", "additionalProperties": False, "properties": {}}}


class Failed(Exception):
    pass


class Bus:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.ids = itertools.count(1)
        self.replies, self.done = {}, set()
        self.events = deque()             # of debug_event
        self.streams = defaultdict(str)   # text by the request that wrote it
        self.others = []                  # all other events

    def close(self):
        self.socket.close()

    # ---- messages ----

    def send(self, type, subshell=None, **content):
        id = f"m{next(self.ids)}"
        line = json.dumps({"id": id, "type": type, "content": content,
                           **({"subshell": subshell} if subshell else {})})
        self.socket.sendall(line.encode() + b"\n")
        return id

    def read(self, deadline):
        while b"\n" not in self.buffer:
            self.socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.socket.recv(1 << 20)
            except TimeoutError:
                raise AssertionError("nothing came in time") from None
            assert data, "the kernel has gone"
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        self.take(json.loads(line))

    def take(self, message):
        if "reply" in message:
            self.replies[message["id"]] = message["reply"]
        elif "done" in message:
            self.done.add(message["id"])
        elif message.get("event") == "debug_event":
            self.events.append({**message["content"], "parent": message["id"]})
        elif message.get("event") == "stream":
            self.streams[message["id"]] += message["content"]["text"]
            self.others.append(message)
        else:
            self.others.append(message)

    def until(self, true, patience=PATIENCE):
        deadline = time.monotonic() + patience
        while not true():
            self.read(deadline)

    def reply(self, id, patience=PATIENCE):
        self.until(lambda: id in self.replies, patience)
        return self.replies.pop(id)

    # ---- running code ----

    def start(self, code, **options):
        return self.send("execute_request", code=code, **options)

    def finish(self, id):
        reply = self.reply(id)
        self.until(lambda: id in self.done)
        return reply

    def run(self, code, **options):
        return self.finish(self.start(code, **options))

    # ---- debugging ----

    def post(self, command, /, **arguments):
        return self.send("debuggee_request", command=command, arguments=arguments)

    def ask(self, command, /, **arguments):
        return self.body(self.post(command, **arguments))

    def body(self, id):
        reply = self.reply(id)
        if reply["status"] != "ok":
            raise Failed(f"{reply['ename']}: {reply['evalue']}")
        return reply["body"]

    def event(self, name, patience=PATIENCE):
        """The next event of that name; those before it are dropped."""
        found = []

        def look():
            while self.events and not found:
                event = self.events.popleft()
                if event["event"] == name:
                    found.append(event)
            return found
        self.until(look, patience)
        return found[0]["body"]

    def seen(self, name):
        return [e["body"] for e in self.events if e["event"] == name]

    def stopped(self, reason=None):
        body = self.event("stopped")
        assert reason is None or body["reason"] == reason, body
        return body

    def stack(self, thread=1, **options):
        return self.ask("stackTrace", threadId=thread, **options)["stackFrames"]

    def where(self, thread=1):
        top = self.stack(thread, levels=1)[0]
        return top["name"], top["line"]

    def scope(self, name, frame=None):
        frame = frame or self.stack()[0]["id"]
        return {s["name"]: s["variablesReference"]
                for s in self.ask("scopes", frameId=frame)["scopes"]}[name]

    def variables(self, reference, **page):
        return self.ask("variables", variablesReference=reference, **page)["variables"]

    def locals(self, frame=None):
        return {v["name"]: v["value"] for v in self.variables(self.scope("Locals", frame))}

    def evaluate(self, expression, frame=None, **options):
        if frame:
            options["frameId"] = frame
        return self.ask("evaluate", expression=expression, **options)["result"]

    def breakpoints(self, path, *lines, **options):
        wanted = [{"line": line, **options} if isinstance(line, int) else line for line in lines]
        source = {"path": str(path)} if not isinstance(path, int) else {"sourceReference": path}
        return self.ask("setBreakpoints", source=source, breakpoints=wanted)["breakpoints"]

    def go(self, command="continue", reason=None, **options):
        """Goes on, and to the next stop."""
        self.ask(command, threadId=1, **options)
        return self.stopped(reason)


@pytest.fixture(scope="session")
def bus_plugin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bus") / "plugins"
    maker.make(folder / "bus.so", MANIFEST, sources=("bus.c",))
    return folder


@pytest.fixture
def kernel_port(llmspell, bus_plugin):
    def start(ini=""):
        file = llmspell.cwd / "bus.ini"
        file.write_text(f"[kernel]\nprotocol = jupyter,bus\n{ini}")
        llmspell.env["LLMSPELL_PLUGIN_PATH"] = str(bus_plugin)
        llmspell.start("-c", file)
        row, = [r for r in llmspell.json("kernel", "status", "test")["protocols"]
                if r["name"] == "bus"]
        return row["port"]
    yield start
    llmspell.run("kernel", "stop", "--all")


@pytest.fixture
def open_bus(kernel_port):
    opened = []

    def start(ini=""):
        opened.append(Bus(kernel_port(ini)))
        return opened[-1]
    yield start
    for one in opened:
        one.close()


@pytest.fixture
def bus(open_bus):
    return open_bus()
