# SPDX-License-Identifier: Apache-2.0
"""The wall clock jumps by days (libfaketime): whatever waits or measures goes by the monotonic one."""
import json
import os
import signal
import time
from pathlib import Path

import pytest

from daemons import Deaf, connection_of, exec_lua, state_of
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, llmspell, open_session, process_fd, wait_end, wait_until)
from plugins.maker import define, make

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
JUMPS = ["+10d", "-10d"]
pytestmark = [
    pytest.mark.skipif(not LIBRARIES, reason="the package libfaketime is not installed"),
    pytest.mark.skipif(bool(os.environ.get("LLMSPELL_SANITIZER")),
                       reason="a sanitizer must be the first library of a program")]


class Clock:
    """A daemon whose wall clock is ours to set."""

    def __init__(self, llmspell, tmp_path):
        self.llmspell, self.file, self.fd = llmspell, tmp_path / "clock", -1
        self.file.write_text("+0\n")

    def start(self, *args):
        before = dict(self.llmspell.env)
        self.llmspell.env.update(LD_PRELOAD=str(LIBRARIES[0]), FAKETIME_NO_CACHE="1",
                                 FAKETIME_DONT_FAKE_MONOTONIC="1",
                                 FAKETIME_FORCE_MONOTONIC_FIX="0",  # else waits end at once
                                 FAKETIME_TIMESTAMP_FILE=str(self.file))
        try:
            started = self.llmspell.start(*args)
        finally:
            self.llmspell.env.clear()
            self.llmspell.env.update(before)
        self.pid, self.connection_file = started["pid"], started["connection_file"]
        self.fd = process_fd(self.pid)
        return started

    def jump(self, offset):
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset}\n")
        os.replace(new, self.file)

    def days_off(self):
        """By how many days the daemon's clock is wrong."""
        return round((int(exec_lua(self.llmspell, "return os.time()")) - time.time()) / 86400)

    def ended(self, patience=PATIENCE):
        return wait_end(self.fd, patience)


@pytest.fixture
def clock(llmspell, tmp_path):
    one = Clock(llmspell, tmp_path)
    yield one
    if one.fd >= 0:
        os.close(one.fd)


def test_uptime_and_status(clock, llmspell):
    begin = time.monotonic()
    clock.start()
    for jump, days in (("+10d", 10), ("-10d", -10), ("+0", 0)):
        clock.jump(jump)
        assert clock.days_off() == days, "the clock did not jump: the test shows nothing"
        status = llmspell.json("kernel", "status")
        assert 0 <= status["uptime_ms"] <= (time.monotonic() - begin) * 1000
        dump = llmspell.run("kernel", "dump").json
        assert 0 <= dump["uptime_s"] <= time.monotonic() - begin
        for row in dump["kernel"]["messages"].values():
            assert 0 <= row["latency_ms"]["max"] <= (time.monotonic() - begin) * 1000
        for row in dump["kernel"]["operations"]:
            assert 0 <= row["age_ms"] <= (time.monotonic() - begin) * 1000
    years = {line[:10] for line in llmspell.log().splitlines()}
    assert len(years) == 3, "the log has each time as the clock said it"


@pytest.mark.parametrize("jump", JUMPS)
def test_idle_timeout(clock, jump):
    clock.start("--set", "kernel.idle_timeout=3s")
    assert clock.days_off() == 0
    last = time.monotonic()
    clock.jump(jump)
    assert clock.ended(), "it is idle, and goes on"
    assert time.monotonic() - last >= 2.9, "it ended before its time"
    state = state_of(clock.llmspell)
    assert state["ended"] == "idle" and state["exit_status"] == 0


@pytest.mark.parametrize("jump", JUMPS)
def test_shutdown_grace(clock, open_session, jump):
    clock.start("--set", "kernel.shutdown_grace=1500ms", "--set", "kernel.interrupt_grace=20s")
    session = open_session(clock.connection_file)
    cell = session.start_running(RUN_ON)
    begin = time.monotonic()
    os.kill(clock.pid, signal.SIGTERM)
    wait_until(lambda: "ends: SIGTERM" in clock.llmspell.log(), "SIGTERM in the log")
    clock.jump(jump)
    assert clock.ended(), "it goes on after its grace"
    assert 1.5 <= time.monotonic() - begin < 15
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize("jump", JUMPS)
def test_interrupt_grace(clock, open_session, tmp_path, jump):
    """What cannot be ended is abandoned after that time, not earlier, not never."""
    deaf = Deaf(tmp_path)
    clock.start("--plugin-dir", deaf.folder, *Deaf.INLINE, "--set", "kernel.shutdown_grace=0",
                "--set", "kernel.interrupt_grace=1500ms")
    open_session(clock.connection_file).execute("Tool.deaf{}")
    deaf.wait_begun()
    begin = time.monotonic()
    os.kill(clock.pid, signal.SIGTERM)
    wait_until(lambda: "ends: SIGTERM" in clock.llmspell.log(), "SIGTERM in the log")
    clock.jump(jump)
    assert clock.ended() and time.monotonic() - begin >= 1.5
    assert state_of(clock.llmspell)["abandoned"] == 1


@pytest.mark.parametrize("jump", JUMPS)
def test_time_limit_of_a_tool(clock, open_session, tmp_path, jump):
    begun = tmp_path / "begun"
    make(tmp_path / "plugins" / "waits.so", defines=[define("WAITS", begun)])
    clock.start("--plugin-dir", tmp_path / "plugins", *Deaf.INLINE)
    session = open_session(clock.connection_file)
    begin = time.monotonic()
    call = session.send("tool_request", {"command": "invoke", "name": "waits", "timeout_ms": 1500})
    wait_until(begun.exists, "the tool began")
    clock.jump(jump)
    reply = session.finish(call).reply
    assert reply["status"] == "error" and reply["error"]["code"] == "timeout", reply
    assert 1.5 <= time.monotonic() - begin < 15
    assert 1500 <= reply["duration_ms"] < 15000


@pytest.mark.parametrize("jump", JUMPS)
def test_time_limit_of_a_script(clock, open_session, jump):
    clock.start("--set", "runtime.lua.timeout_s=2")
    session = open_session(clock.connection_file)
    begin = time.monotonic()
    cell = session.start_running(RUN_ON)
    clock.jump(jump)
    assert session.reply(cell)["content"]["ename"] == "TimeoutError"
    assert 1.9 <= time.monotonic() - begin < 15


@pytest.mark.parametrize("jump", JUMPS)
def test_output_flows(clock, open_session, jump):
    """Text that waits to be joined with more is sent in its time."""
    clock.start()
    session = open_session(clock.connection_file)
    cell = session.start_running("print('running') io.read() for i = 1, 3 do print(i) end io.read()")
    session.question()
    clock.jump(jump)
    session.input("go")
    session.question()  # is sent after what was printed
    text = ""
    begin = time.monotonic()
    while text != "1\n2\n3\n":
        text += session.until(cell, "stream")["content"]["text"]
    assert time.monotonic() - begin < 5
    session.input("on")
    assert session.reply(cell)["content"]["status"] == "ok"


def test_a_burst_of_jumps(clock, open_session):
    """Back and forth while it works: nothing is lost."""
    clock.start("--set", "kernel.idle_timeout=1h")
    session = open_session(clock.connection_file)
    for i in range(50):
        clock.jump(["+10d", "-10d", "+400d", "+0"][i % 4])
        assert session.run("n = (n or 0) + 1; return n").value == str(i + 1)
    clock.jump("+0")
    assert clock.llmspell.run("kernel", "reload").status == 0
    assert connection_of(clock.llmspell)["pid"] == clock.pid
    assert clock.llmspell.run("kernel", "stop").status == 0 and clock.ended(5)
    assert json.loads((clock.llmspell.home / "state/test/kernel_state.json").read_text())["ended"] == "SIGTERM"
