# SPDX-License-Identifier: Apache-2.0
"""Options of `kernel start` and what `kernel status` counts."""
import json
import os
import signal
import socket
from pathlib import Path

from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, llmspell, open_session, process_fd, session, wait_end, wait_until)

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def free_base():
    """The first of five neighbouring ports that nobody listens on now."""
    for base in range(20000, 60000, 37):
        held = []
        try:
            for port in range(base, base + 5):
                one = socket.socket()
                held.append(one)
                one.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
        finally:
            for one in held:
                one.close()
    raise AssertionError("no five free ports")


def test_port(llmspell, open_session):
    base = free_base()
    started = llmspell.start("--port", base)
    connection = json.loads(Path(started["connection_file"]).read_text())
    assert sorted(connection[name] for name in PORTS) == list(range(base, base + 5))
    assert open_session(started["connection_file"]).run("return 6*7").reply["status"] == "ok"


def test_wrong_ports(llmspell):
    for port in ("0", "65532", "x", "-1"):
        done = llmspell.run("kernel", "start", "--daemon", "--port", port)
        assert done.status == 2 and "--port" in done.err, done


def test_what_counts_as_an_error(session):
    """An answer other than ok is no failure if the question was whether code is complete."""
    before = session.ask("status_request", channel="control").reply
    assert session.ask("is_complete_request", {"code": "if x then"}).reply["status"] == "incomplete"
    same = session.ask("status_request", channel="control").reply
    assert same["errors"] == before["errors"] and same["requests"] >= before["requests"] + 2
    assert session.run("error('no')").reply["status"] == "error"
    assert session.ask("status_request", channel="control").reply["errors"] == before["errors"] + 1


def test_a_second_sigterm_does_not_wait(llmspell, open_session):
    started = llmspell.start("--set", "kernel.shutdown_grace=1h")
    fd = process_fd(started["pid"])
    open_session(started["connection_file"]).start_running(RUN_ON)
    os.kill(started["pid"], signal.SIGTERM)
    wait_until(lambda: "test ends" in llmspell.log(), "the first signal was not taken")
    # the log line comes just before the handler is in place: a signal before it is the first again
    while not wait_end(fd, 0.05):
        os.kill(started["pid"], signal.SIGTERM)
    os.close(fd)
    assert llmspell.json("kernel", "list")[0]["state"] == "dead"
    assert llmspell.start()["status"] == "ok"
