# SPDX-License-Identifier: Apache-2.0
"""Signals by the thousand, to idle and busy daemons: nothing is lost, nothing is left."""
import json
import os
import random
import signal
import threading

import pytest

from conftest import SLOW
from daemons import (
    children, connection_of, exec_lua, fds, handled_signals, proc, state_letter, thread_names)
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, Session, llmspell, open_session, session, wait_until)

HARMLESS = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE,
            signal.SIGURG, signal.SIGWINCH, signal.SIGCONT]

# TSan runs the handler of a second signal inside that of the first, although libuv's mask forbids it;
# then libuv waits for its own lock.
no_burst_under_tsan = pytest.mark.skipif(os.environ.get("LLMSPELL_SANITIZER") == "thread",
                                         reason="TSan nests signal handlers that exclude each other")


def burst(pid, signals, count=1000):
    """In an order that looks random and is the same in each run."""
    order = random.Random(7)
    for _ in range(count):
        os.kill(pid, order.choice(signals))


def finish_running(session, cell):
    """The reply to what start_running has begun."""
    session.until_idle(cell)
    return session.reply(cell)["content"]


def settled(pid):
    """What the daemon holds, once it has done what the signals asked of it."""
    return {"fds": fds(pid), "threads": thread_names(pid), "children": children(pid)}


@no_burst_under_tsan
def test_to_an_idle_daemon(kernel, session):
    pid = kernel.started["pid"]
    session.run("kept = 'state'")
    session.ask("dump_request", channel="control")
    # answered by the history's thread, behind the line above: its file is open now
    session.ask("history_request", {"hist_access_type": "tail", "n": 1, "output": False, "raw": True})
    before, reloads = None, 0
    for _ in range(4):  # the first finds what a client's sockets take at their leisure
        burst(pid, [*HARMLESS, signal.SIGINT])
        outcome = session.ask("reload_request", channel="control").reply
        assert outcome["status"] == "ok" and outcome["reload"] > reloads
        reloads = outcome["reload"]
        before = before or settled(pid)
    dump = session.ask("dump_request", channel="control").reply["dump"]
    assert dump["kernel"]["messages"]["dump_request"]["errors"] == 0
    assert dump["kernel"]["messages"]["reload_request"]["errors"] == 0
    assert dump["kernel"]["messages"]["interrupt_request"]["count"] > 0
    assert session.run("return kept").value == "state"
    assert dump["kernel"]["runtime"]["execution_count"] == 1
    most = before.pop("fds")  # a dump may have been under way
    wait_until(lambda: fds(pid) <= most and settled(pid) == {**before, "fds": fds(pid)},
               f"{before} again and {most} files, not {settled(pid)}")


class Client(threading.Thread):
    """Counts in a Lua global of its own and calls a tool, until it is told to stop."""

    def __init__(self, connection_file, name, opened):
        super().__init__()
        self.file, self.name, self.stop = connection_file, name, threading.Event()
        self.opened = opened  # jupyter_client waits for a quiet kernel when it opens a session
        self.sent = self.done = self.tools = 0
        self.ready, self.failure = threading.Event(), None

    def step(self, session):
        self.sent += 1
        reply = session.run(f"{self.name} = ({self.name} or 0) + 1").reply
        assert reply["status"] == "ok" or reply["ename"] == "KeyboardInterrupt", reply
        self.done += reply["status"] == "ok"
        reply = session.ask("tool_request", {"command": "invoke", "name": "calculator",
                                             "params": {"input": f"{self.sent}*2"}}).reply
        assert reply["status"] == "ok" and reply["result"]["result"] == self.sent * 2, reply
        self.tools += 1

    def run(self):
        try:
            session = Session(self.file)
            self.opened.wait(PATIENCE)
            while not self.stop.is_set():
                self.step(session)
                self.ready.set()
            session.close()
        except BaseException as error:  # told by the test
            self.failure = error
            self.ready.set()


@no_burst_under_tsan
def test_to_a_busy_daemon(kernel, session):
    """Four clients execute and call tools meanwhile: every request is answered, and counted once."""
    pid = kernel.started["pid"]
    opened = threading.Barrier(4)
    clients = [Client(kernel.started["connection_file"], f"c{i}", opened) for i in range(4)]
    for client in clients:
        client.start()
    try:
        assert all(client.ready.wait(PATIENCE) for client in clients)
        session.ask("dump_request", channel="control")
        before = fds(pid)
        for _ in range(4):
            burst(pid, [*HARMLESS, signal.SIGINT])
            at = [client.sent for client in clients]
            wait_until(lambda: all(c.failure or c.sent > n + 1 for c, n in zip(clients, at)),
                       "every client got answers after the burst")
        grown = fds(pid) - before
    finally:
        for client in clients:
            client.stop.set()
        for client in clients:
            client.join(PATIENCE)
    assert [client.failure for client in clients] == [None] * 4
    for client in clients:
        counted = int(session.run(f"return {client.name}").value)
        assert client.done <= counted <= client.sent and client.tools == client.sent
    dump = session.ask("dump_request", channel="control").reply["dump"]
    assert dump["kernel"]["runtime"]["execution_count"] == sum(c.sent for c in clients) + 4
    assert dump["last_reload"]["status"] == "ok"
    assert dump["kernel"]["messages"]["dump_request"]["errors"] == 0
    assert grown <= 4, "the log, the dump or a reload may be open for a moment"
    wait_until(lambda: children(pid) == [] and fds(pid) <= before, "as few files as before")


def test_sigint_ends_what_runs_in_a_daemon(kernel, session):
    for _ in range(20):
        cell = session.start_running(RUN_ON)
        os.kill(kernel.started["pid"], signal.SIGINT)
        assert finish_running(session, cell)["ename"] == "KeyboardInterrupt"
    assert session.run("return 6 * 7").value == "42"


def test_sigint_to_an_idle_daemon_hits_nothing_later(kernel, session):
    for _ in range(50):
        os.kill(kernel.started["pid"], signal.SIGINT)
    handled_signals(kernel, kernel.started["pid"])
    assert "SIGINT" in kernel.log()
    assert session.run("local n = 0 for i = 1, 1e6 do n = n + 1 end return n").value == "1000000"


def test_stopped_and_continued(kernel, session):
    """A stopped process answers nothing and is told so; it goes on where it was."""
    pid = kernel.started["pid"]
    session.run("x = 1")
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: state_letter(pid) == "T", "the process is stopped")
        waits = session.execute("x = x + 1; return x")
        status = kernel.run("kernel", "status", "test", "--timeout", "1")
        assert status.status == 5 and status.out.startswith("NOT RESPONDING"), status
    finally:
        os.kill(pid, signal.SIGCONT)
    assert session.finish(waits).value == "2"
    assert kernel.run("kernel", "status").out.startswith("HEALTHY")


def test_stopped_while_it_runs(kernel, session):
    cell = session.start_running(RUN_ON)
    for _ in range(10):
        os.kill(kernel.started["pid"], signal.SIGSTOP)
        os.kill(kernel.started["pid"], signal.SIGCONT)
    assert session.ask("status_request", channel="control").reply["execution_state"] == "busy"
    os.kill(kernel.started["pid"], signal.SIGINT)
    assert finish_running(session, cell)["ename"] == "KeyboardInterrupt"


def test_sigterm_to_a_stopped_daemon(kernel):
    """It ends in order once it may go on."""
    pid = kernel.started["pid"]
    fd = os.pidfd_open(pid)
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not kernel.json("kernel", "list"), "the end of the kernel")
    os.close(fd)
    state = json.loads((kernel.home / "state" / "test" / "kernel_state.json").read_text())
    assert state["ended"] == "SIGTERM" and state["exit_status"] == 0


def test_sigpipe_of_a_script(kernel, session):
    """A pipe that nobody reads is an error of the script, and a client that goes is nothing."""
    outcome = session.run("local p = io.popen('exec true', 'w')\n"
                          "local ok, why\n"
                          "for i = 1, 1000 do ok, why = p:write(string.rep('x', 65536)) "
                          "if not ok then break end end\n"
                          "p:close() return why")
    assert "Broken pipe" in outcome.value
    for _ in range(5):
        going = kernel.popen("--kernel", "test", "exec", "for i = 1, 1e5 do print(i) end")
        going.kill()
        going.wait()
    assert exec_lua(kernel, "6 * 7") == "42"


@no_burst_under_tsan
def test_children_of_scripts(kernel, session):
    """SIGCHLD is nobody's business but the waiting call's; no zombie stays."""
    pid = kernel.started["pid"]
    outcome = session.run("local bad = 0\n"
                          "for i = 0, 99 do\n"
                          "  local ok, how, n = os.execute('exit ' .. i)\n"
                          "  if how ~= 'exit' or n ~= i then bad = bad + 1 end\n"
                          "  local p = io.popen('echo ' .. i .. '; exit ' .. i)\n"
                          "  local text = p:read('a')\n"
                          "  ok, how, n = p:close()\n"
                          "  if text ~= i .. '\\n' or n ~= i then bad = bad + 1 end\n"
                          "end\n"
                          "local _, how, n = os.execute('kill -9 $$')\n"
                          "return bad, how, n")
    assert outcome.value.split() == ["0", "signal", "9"], outcome.value
    assert children(pid) == []
    cell = session.start_running("print('running') for i = 1, 200 do os.execute('true') end")
    burst(pid, [signal.SIGCHLD, signal.SIGUSR2, signal.SIGURG, signal.SIGWINCH], 500)
    assert finish_running(session, cell)["status"] == "ok"
    assert children(pid) == []


def test_children_start_with_usual_signals(kernel, session):
    """What the daemon ignores or blocks is its own matter."""
    value = session.run("return io.popen('grep -E \"^Sig(Blk|Ign)\" /proc/self/status'):read('a')").value
    masks = {line.split(":")[0]: int(line.split()[-1], 16) for line in value.replace('"', "").splitlines()
             if line.strip()}
    assert masks["SigBlk"] == 0, value
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        assert not masks["SigIgn"] & (1 << (number - 1)), value


@no_burst_under_tsan
@pytest.mark.parametrize("numbers", [[signal.SIGUSR1], [signal.SIGUSR2], HARMLESS])
def test_during_the_start_and_the_end(llmspell, numbers):
    """As soon as `kernel start` has returned, and while it ends."""
    for i in range(5):
        pid = llmspell.start()["pid"]
        fd = os.pidfd_open(pid)
        burst(pid, numbers, 100)
        signal.pidfd_send_signal(fd, signal.SIGTERM)
        try:
            for _ in range(2000):
                signal.pidfd_send_signal(fd, numbers[_ % len(numbers)])
        except ProcessLookupError:
            pass
        wait_until(lambda: not llmspell.json("kernel", "list"), "the end of the kernel")
        os.close(fd)
        state = json.loads((llmspell.home / "state" / "test" / "kernel_state.json").read_text())
        assert (state["ended"], state["exit_status"]) == ("SIGTERM", 0)
