# SPDX-License-Identifier: Apache-2.0
"""A Jupyter client for the tests: Debian's jupyter_client, with every message checked on the way.

Whatever comes is sorted by the request that it belongs to, so that a test can send several requests
and then look at each. Waiting always has a deadline; nothing sleeps for a fixed time."""
import os
import queue
import select
import time
from collections import defaultdict, deque

import pytest
from jupyter_client.blocking import BlockingKernelClient

from conftest import SLOW, llmspell  # noqa: F401 (a fixture)

PATIENCE = 30 * SLOW  # seconds
# ThreadSanitizer keeps signals back until the next call into libc, which a bare loop never makes.
PAUSE = "os.time()" if os.environ.get("LLMSPELL_SANITIZER") == "thread" else ""
SPIN = f"while true do {PAUSE} end"
RUN_ON = f"print('running') {SPIN}"  # for start_running
HEADER = {"msg_id", "msg_type", "session", "username", "date", "version"}


class Outcome:
    """One finished request: its reply's content, and its events."""

    def __init__(self, reply, events):
        self.reply = reply["content"]
        self.events = events

    @property
    def types(self):
        return [event["msg_type"] for event in self.events]

    def contents(self, msg_type):
        return [event["content"] for event in self.events if event["msg_type"] == msg_type]

    def text(self, name="stdout"):
        return "".join(c["text"] for c in self.contents("stream") if c["name"] == name)

    @property
    def value(self):
        """The text of the one result, None without one."""
        results = self.contents("execute_result")
        assert len(results) <= 1
        return results[0]["data"]["text/plain"] if results else None


class Session:
    def __init__(self, connection_file):
        self.client = BlockingKernelClient(connection_file=str(connection_file))
        self.client.load_connection_file()
        self.client.start_channels(hb=False)
        self.client.wait_for_ready(timeout=PATIENCE)
        self.requests = {}                 # msg_id: header
        self.events = defaultdict(deque)   # of a request
        self.replies = {}
        self.foreign = deque()             # events of other clients' requests

    def close(self):
        self.client.stop_channels()

    # ---- sending ----

    def send(self, msg_type, content=None, channel="shell"):
        message = self.client.session.msg(msg_type, content or {})
        self.requests[message["header"]["msg_id"]] = message["header"]
        getattr(self.client, f"{channel}_channel").send(message)
        return message["header"]["msg_id"]

    def execute(self, code, **options):
        return self.send("execute_request", {"code": code, "silent": False, "store_history": True,
                                             "user_expressions": {}, "allow_stdin": True,
                                             "stop_on_error": True, **options})

    def input(self, line):
        self.client.input(line)

    # ---- receiving ----

    def check(self, message):
        assert HEADER <= message["header"].keys(), message
        assert isinstance(message["content"], dict) and isinstance(message["metadata"], dict)
        assert message["header"]["msg_type"] == message["msg_type"]
        assert message["header"]["version"].startswith("5."), message["header"]
        parent = message["parent_header"]
        if parent.get("msg_id") in self.requests:
            assert parent == self.requests[parent["msg_id"]], "the parent header was changed"
        return parent.get("msg_id")

    def receive(self, channel, deadline):
        get = getattr(self.client, f"get_{channel}_msg")
        try:
            return get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            raise AssertionError(f"nothing came on {channel} in time") from None

    def event(self, msg_id, patience=PATIENCE):
        """The next event of a request."""
        deadline = time.monotonic() + patience
        while not self.events[msg_id]:
            message = self.receive("iopub", deadline)
            parent = self.check(message)
            if parent in self.requests:
                self.events[parent].append(message)
            elif message["msg_type"] != "iopub_welcome":
                self.foreign.append(message)
        return self.events[msg_id].popleft()

    def until(self, msg_id, msg_type, seen=None):
        """The next event of this type; those before it go to seen."""
        while True:
            event = self.event(msg_id)
            if event["msg_type"] == msg_type:
                return event
            if seen is not None:
                seen.append(event)

    def until_idle(self, msg_id):
        events = []
        while not events or events[-1]["content"].get("execution_state") != "idle":
            events.append(self.event(msg_id))
        return events

    def foreign_event(self, msg_type, patience=PATIENCE):
        """The next event of this type that another client caused."""
        deadline = time.monotonic() + patience
        while True:
            while not self.foreign:
                message = self.receive("iopub", deadline)
                parent = self.check(message)
                kept = self.events[parent] if parent in self.requests else self.foreign
                kept.append(message)
            message = self.foreign.popleft()
            if message["msg_type"] == msg_type:
                return message

    def reply(self, msg_id, channel="shell", patience=PATIENCE):
        deadline = time.monotonic() + patience
        while msg_id not in self.replies:
            message = self.receive(channel, deadline)
            self.replies[self.check(message)] = message
        reply = self.replies.pop(msg_id)
        asked = self.requests[msg_id]["msg_type"]
        assert reply["msg_type"] == asked.replace("_request", "_reply")
        word = "command" if asked == "debug_request" else "status"  # a response of DAP
        assert isinstance(reply["content"].get(word, reply["content"].get("status")), str), reply
        return reply

    def question(self):
        """The input_request of the code that runs."""
        message = self.receive("stdin", time.monotonic() + PATIENCE)
        self.check(message)
        assert message["msg_type"] == "input_request"
        return message

    # ---- whole exchanges ----

    def finish(self, msg_id, channel="shell"):
        """Waits for reply and idle. Every exchange begins with busy and ends with idle."""
        events = self.until_idle(msg_id)
        states = [e["content"]["execution_state"] for e in events if e["msg_type"] == "status"]
        assert states == ["busy", "idle"] and events[0]["msg_type"] == "status", events
        return Outcome(self.reply(msg_id, channel), events)

    def run(self, code, **options):
        return self.finish(self.execute(code, **options))

    def ask(self, msg_type, content=None, channel="shell"):
        return self.finish(self.send(msg_type, content, channel), channel)

    def wait_pending(self, count):
        """Until the kernel has taken count requests for its executor."""
        deadline = time.monotonic() + PATIENCE
        while self.ask("status_request", channel="control").reply["pending"] != count:
            assert time.monotonic() < deadline, f"{count} requests were never pending"

    def start_running(self, code):
        """Executes code that goes on after print("running"); returns when that was printed."""
        msg_id = self.execute(code)
        assert self.until(msg_id, "stream")["content"]["text"] == "running\n"
        return msg_id


def process_fd(pid):
    """Becomes readable when the process has ended; names that process for ever."""
    return os.pidfd_open(pid)


def wait_end(fd, patience=PATIENCE):
    """True once the process has ended; False if it has not within patience."""
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(patience * 1000))


def wait_until(true, what):
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        select.select([], [], [], 0.01)


@pytest.fixture
def open_session():
    """Opens sessions, and closes them at the end."""
    opened = []

    def start(connection_file):
        opened.append(Session(connection_file))
        return opened[-1]

    yield start
    for session in opened:
        session.close()


@pytest.fixture
def session(kernel, open_session):
    return open_session(kernel.started["connection_file"])
