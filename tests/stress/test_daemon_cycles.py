# SPDX-License-Identifier: Apache-2.0
"""Long lives and many of them: starts and ends, races, requests by the hundred thousand."""
import pytest
import zmq
from jupyter_client.session import Session as Wire

from cycles import race, run_cycles
from daemons import children, connection_of, fds, rss_kb, thread_names
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, llmspell, open_session, wait_until)


def test_two_hundred_cycles(llmspell):
    run_cycles(llmspell, 200)


@pytest.mark.parametrize("round", range(3))
def test_fifty_starters_at_once(llmspell, round):
    race(llmspell, 50)


class Requests:
    """Sends requests of all kinds through one socket, a hundred at a time."""

    KINDS = [("execute_request", {"code": "n = (n or 0) + 1", "silent": False}),
             ("execute_request", {"code": "error('on purpose')", "stop_on_error": False}),
             ("execute_request", {"code": "print(n)"}),
             ("tool_request", {"command": "invoke", "name": "calculator", "params": {"input": "6*7"}}),
             ("tool_request", {"command": "invoke", "name": "no_such_tool"}),
             ("complete_request", {"code": "pri", "cursor_pos": 3}),
             ("kernel_info_request", {}), ("history_request", {"hist_access_type": "tail", "n": 3}),
             ("status_request", {}), ("no_such_request", {})]

    def __init__(self, connection):
        self.wire = Wire(key=connection["key"].encode(), signature_scheme="hmac-sha256")
        self.socket = zmq.Context.instance().socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvtimeo = PATIENCE * 1000
        self.socket.connect(f"tcp://127.0.0.1:{connection['shell_port']}")

    def send(self, count):
        for start in range(0, count, 100):
            for i in range(start, start + 100):
                self.wire.send(self.socket, *self.KINDS[i % len(self.KINDS)])
            for _ in range(100):
                self.socket.recv_multipart(copy=False)


def test_a_hundred_thousand_requests(llmspell, open_session):
    """Memory and files after 100,000 mixed requests are what they were after 10,000."""
    started = llmspell.start("--set", "log.level=warn")
    pid, requests = started["pid"], Requests(connection_of(llmspell))
    session = open_session(started["connection_file"])
    requests.send(10_000)
    dump = session.ask("dump_request", channel="control").reply["dump"]
    before = rss_kb(pid), fds(pid), thread_names(pid)
    heap = dump["kernel"]["runtime"]["status"]["heap_bytes"]
    for _ in range(9):
        requests.send(10_000)
        dump = session.ask("dump_request", channel="control").reply["dump"]
    assert dump["kernel"]["requests"] >= 90_000
    after = rss_kb(pid), fds(pid), thread_names(pid)
    print(f"resident: {before[0]} kB, then {after[0]} kB")
    assert after[1:] == before[1:] and children(pid) == []
    assert after[0] - before[0] < 2048, f"grew by {after[0] - before[0]} kB"
    assert dump["kernel"]["runtime"]["status"]["heap_bytes"] < heap + (1 << 20)
    requests.socket.close()
