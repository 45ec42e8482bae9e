# SPDX-License-Identifier: Apache-2.0
"""Starts and ends of one daemon, again and again, and what they leave. Used by test_daemon_cycles.py
here (a few) and in tests/stress (many)."""
import os
import signal
import socket
import subprocess
from pathlib import Path

from daemons import connection_of, exec_lua, files_below
from jupyter_session import PATIENCE, process_fd, wait_end, wait_until

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


def processes_of(llmspell):
    """The PIDs of all processes that have the test's home in their environment."""
    wanted = f"LLMSPELL_HOME={llmspell.home}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:  # it has ended, or is somebody else's
            continue
    return found


def is_open(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def end_by(llmspell, way):
    """Ends the daemon `cycle`, or replaces it; returns when that is done."""
    pid = connection_of(llmspell, "cycle")["pid"]
    fd = process_fd(pid)
    try:
        if way in ("SIGTERM", "SIGKILL"):
            os.kill(pid, getattr(signal, way))
        else:
            done = llmspell.run("kernel", way, "cycle")
            assert done.status == 0, done
        assert wait_end(fd), f"{way} did not end it"
    finally:
        os.close(fd)


def run_cycles(llmspell, count):
    """Through all ways to end in turn. What is there at the end was there after the first."""
    temporary = llmspell.cwd.parent / "tmp"
    temporary.mkdir(mode=0o700)
    llmspell.env["TMPDIR"] = str(temporary)
    shared, ports, running = set(os.listdir("/dev/shm")), set(), False
    ways = ["SIGTERM", "stop", "SIGKILL", "restart"]
    for i in range(count):
        if not running:
            llmspell.start(id="cycle")
        connection = connection_of(llmspell, "cycle")
        ports |= {connection[port] for port in PORTS}
        code = f"os.execute('true'); return Tool.calculator{{input='{i}+1'}}.result"
        assert exec_lua(llmspell, code, "cycle") == str(i + 1)
        end_by(llmspell, ways[i % len(ways)])
        running = ways[i % len(ways)] == "restart"
    if llmspell.json("kernel", "list") and running:
        end_by(llmspell, "stop")
    else:  # what SIGKILL leaves, the next start takes over
        llmspell.start(id="cycle")
        end_by(llmspell, "stop")
    assert files_below(llmspell.home) == ["logs/cycle.log", "state/cycle/kernel_state.json"]
    assert os.listdir(temporary) == [] and files_below(llmspell.cwd) == []
    assert {n for n in set(os.listdir("/dev/shm")) - shared if "llmspell" in n} == set()
    wait_until(lambda: processes_of(llmspell) == [], "every process has ended")
    assert [port for port in ports if is_open(port)] == []


def race(llmspell, count):
    """Starters at once on one id: one wins, the others say who holds it, nothing else is left."""
    starters = [llmspell.popen("kernel", "start", "--daemon", "--id", "race",
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(count)]
    ends = [(p.communicate(timeout=PATIENCE * 3), p.returncode) for p in starters]
    winners = [out for (out, _), status in ends if status == 0]
    losers = [(out, err) for (out, err), status in ends if status == 1]
    assert len(winners) == 1 and len(losers) == count - 1, ends
    pid = connection_of(llmspell, "race")["pid"]
    assert f"(pid {pid})" in winners[0]
    for out, err in losers:
        assert out == "" and "race.pid is held by" in err, err
        assert str(pid) in err or "starting or stopping" in err, err
    assert exec_lua(llmspell, "6 * 7", "race") == "42"
    wait_until(lambda: processes_of(llmspell) == [pid], "the losers have ended")
    assert files_below(llmspell.home) == ["kernels/race.json", "logs/race.log", "run/race.pid",
                                          "state/race/kernel_state.json"]
    assert llmspell.run("kernel", "stop", "race").status == 0
    assert files_below(llmspell.home) == ["logs/race.log", "state/race/kernel_state.json"]
    assert processes_of(llmspell) == []
