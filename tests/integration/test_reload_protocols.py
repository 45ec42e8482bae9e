# SPDX-License-Identifier: Apache-2.0
"""Protocols that a reload starts, stops and replaces in a running kernel: clients keep their ports,
the kernel keeps its state."""
import itertools
import json
import os
import signal
import stat
import subprocess
import threading
from collections import Counter

import pytest

from conftest import BUILD, SLOW
from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, Session, llmspell, open_session, wait_until)
from plugins.reload import Daemon, Line

NONE = {"started": [], "stopped": [], "replaced": [], "failed": []}
BOTH = {"protocol": "jupyter,echo"}
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


@pytest.fixture
def daemon(llmspell, tmp_path, open_session):
    return Daemon(llmspell, tmp_path, open_session)


@pytest.fixture
def line():
    opened = []

    def connect(daemon):
        opened.append(Line(protocol_of(daemon, "echo")["port"]))
        return opened[-1]

    yield connect
    for one in opened:
        one.close()


def protocol_of(daemon, name):
    row, = [row for row in daemon.status()["protocols"] if row["name"] == name]
    return row


def protocols(outcome, **expected):
    assert outcome["protocols"] == {**NONE, **expected}, outcome
    return outcome


def clients(daemon):
    """Without the one that asks."""
    return protocol_of(daemon, "jupyter")["clients"] - 1


def wait_events(daemon, session, reload=1):
    """Until the reload of this number is done: before, the old one may still answer. Then each
    channel of a client comes back in its own time, its subscription last. What is sent before may
    be lost."""
    wait_until(lambda: daemon.reloads() == reload, "a reload")

    def arrives(channel):
        asked = session.send("status_request", channel=channel)
        try:
            return session.event(asked, patience=1)
        except AssertionError:
            return False
    for channel in "control", "shell":
        wait_until(lambda: arrives(channel), f"an event of {channel} after the client came back")


# ---- clients ----

@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_clients_are_counted(daemon, open_session, transport):
    daemon.set(protocol__jupyter={"transport": transport})
    first = daemon.start()
    wait_until(lambda: clients(daemon) == 1, "one client")
    others = [open_session(daemon.connection_file) for _ in range(3)]
    wait_until(lambda: clients(daemon) == 4, "four clients")
    assert "\nclients      5\n" in daemon.llmspell.run("kernel", "status").out
    for other in others:
        other.close()
    wait_until(lambda: clients(daemon) == 1, "the others gone")
    reply = first.ask("status_request", channel="control").reply
    assert reply["clients"] == 1
    dump = first.ask("dump_request", channel="control").reply["dump"]
    assert dump["protocols"][0]["clients"] == 1


def test_who_shakes_no_hands_is_no_client(daemon):
    import socket
    daemon.start()
    wait_until(lambda: clients(daemon) == 1, "one client")
    for text in (b"", b"GET / HTTP/1.1\r\n\r\n" * 20):
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", daemon.connection["shell_port"])) as peer:
                peer.sendall(text)
                peer.shutdown(socket.SHUT_WR)
                while True:
                    try:
                        if not peer.recv(1000):
                            break
                    except ConnectionResetError:
                        break
    wait_until(lambda: clients(daemon) == 1, "one client still")


# ---- echo: started, replaced, stopped ----

def test_a_protocol_comes_and_goes(daemon, line):
    daemon.echo()
    daemon.start()
    daemon.lua("kept = 'state'")
    connection = daemon.connection
    outcome = protocols(daemon.reload(kernel=BOTH, protocol__echo={"execute": "true"}),
                        started=["echo"])
    assert outcome["pending"] is False
    client = line(daemon)
    assert client.ask("hello") == "one: hello"
    assert client.ask("!return kept") == "'state'" or client.ask("!return kept") == "state"
    assert client.ask("!kept = 'changed'") == "ok"
    assert client.ask("!error('no')").startswith("error: ")
    assert daemon.lua("return kept") == "changed"
    wait_until(lambda: protocol_of(daemon, "echo")["clients"] == 1, "one client")
    assert daemon.connection == connection
    protocols(daemon.reload(kernel={"protocol": "jupyter"}), stopped=["echo"])
    assert client.read() == ""  # the end
    assert [row["name"] for row in daemon.status()["protocols"]] == ["jupyter"]
    assert daemon.lua("return kept") == "changed"


def test_a_protocol_is_replaced(daemon, line):
    """By a new file: on the same port, with another prefix; Jupyter's clients notice nothing."""
    daemon.echo()
    daemon.set(kernel=BOTH, protocol__echo={"execute": "true"})
    session = daemon.start()
    connection, port = daemon.connection, protocol_of(daemon, "echo")["port"]
    assert line(daemon).ask("!kept = 'state'") == "ok"
    running = session.start_running("print('running') while not go do os.time() end return kept")
    for n in range(6):
        before = line(daemon)
        assert before.ask("x").endswith(": x")
        daemon.echo(greeting=f"v{n}: ")
        protocols(daemon.reload(), replaced=["echo"])
        assert before.read() == ""
        assert protocol_of(daemon, "echo")["port"] == port
        assert line(daemon).ask("x") == f"v{n}: x"
    assert daemon.connection == connection
    session.ask("interrupt_request", channel="control")
    assert session.reply(running)["content"]["ename"] == "KeyboardInterrupt"
    assert session.run("return kept").value == "state"


def test_settings_of_a_protocol(daemon, line):
    """Its port stays, unless the section says another one."""
    daemon.echo()
    daemon.set(kernel=BOTH)
    daemon.start()
    port = protocol_of(daemon, "echo")["port"]
    outcome = daemon.reload(protocol__echo={"port": str(port), "greeting": "set:"})
    protocols(outcome, replaced=["echo"])
    assert protocol_of(daemon, "echo")["port"] == port
    assert line(daemon).ask("x") == "set:x"
    protocols(daemon.reload(), **NONE)
    daemon.reload(protocol__echo={"port": "0"})
    assert line(daemon).ask("x") == "one: x"


def test_a_request_on_its_way(daemon, line):
    """Is answered before its protocol is stopped; what it runs goes on, and so does the kernel."""
    daemon.echo()
    daemon.counter()
    daemon.set(kernel=BOTH, protocol__echo={"execute": "true"})
    session = daemon.start()
    client = line(daemon)
    started, until = daemon.llmspell.cwd / "started", daemon.llmspell.cwd / "until"
    client.send(f"!kept = Tool.counter{{started='{started}', ['until']='{until}'}}.calls")
    client.send("!queued = 'ran'")
    wait_until(started.exists, "the request under way")
    daemon.echo(greeting="two: ")
    protocols(daemon.reload(), replaced=["echo"])
    for _ in range(2):
        assert client.read().startswith("error: the protocol plugin is stopped or replaced")
    assert client.read() == ""
    assert line(daemon).ask("x") == "two: x"
    until.touch()
    assert session.run("return kept .. queued").value == "1ran"


# ---- that fail ----

def test_a_successor_that_does_not_open(daemon, line):
    """The old one serves on as if nothing had been; its clients stay."""
    daemon.echo()
    daemon.set(kernel=BOTH)
    daemon.start()
    client = line(daemon)
    assert client.ask("x") == "one: x"
    daemon.echo(echo_open='return llmspell_fail(call, LLMSPELL_EFAILED, "not today");')
    failed = daemon.reload()["protocols"]["failed"]
    assert [row["name"] for row in failed] == ["echo"] and "not today" in failed[0]["message"]
    done = daemon.llmspell.run("kernel", "reload", "test")
    assert done.status == 1 and "protocol echo failed: " in done.err and "not today" in done.err, done
    assert daemon.status()["last_reload"]["protocols"]["failed"] == failed
    assert client.ask("y") == "one: y"
    daemon.echo(greeting="good: ")
    protocols(daemon.reload(), replaced=["echo"])
    assert line(daemon).ask("x") == "good: x"


def test_a_successor_that_does_not_serve(daemon, line):
    """The old one comes back, on its port."""
    daemon.echo()
    daemon.set(kernel=BOTH)
    daemon.start()
    port = protocol_of(daemon, "echo")["port"]
    for _ in range(3):
        daemon.echo(echo_serve='return llmspell_fail(call, LLMSPELL_EFAILED, "not today");')
        outcome = daemon.reload()
        assert outcome["protocols"]["replaced"] == []
        assert outcome["protocols"]["failed"][0]["message"] == "not today"
        assert protocol_of(daemon, "echo")["port"] == port
        assert line(daemon).ask("x") == "one: x"


def test_settings_that_do_not_serve(daemon, line):
    """Tried again at each reload, until they do."""
    import socket
    daemon.echo()
    daemon.set(kernel=BOTH)
    daemon.start()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        daemon.set(protocol__echo={"port": str(taken), "greeting": "set:"})
        for _ in range(2):
            failed = daemon.ask()["protocols"]["failed"]
            assert f"port {taken} cannot be had" in failed[0]["message"]
            assert line(daemon).ask("x") == "one: x"
    protocols(daemon.reload(), replaced=["echo"])
    assert protocol_of(daemon, "echo")["port"] == taken
    assert line(daemon).ask("x") == "set:x"


def test_one_that_does_not_start(daemon):
    daemon.echo(echo_serve='return llmspell_fail(call, LLMSPELL_EFAILED, "not today");')
    daemon.start()
    for _ in range(2):
        outcome = daemon.reload(kernel=BOTH)
        assert outcome["protocols"]["failed"][0]["name"] == "echo"
        assert [row["name"] for row in daemon.status()["protocols"]] == ["jupyter"]


def test_the_last_protocol_is_not_stopped(daemon):
    """One that cannot be reached cannot be mended."""
    daemon.echo(echo_serve='return llmspell_fail(call, LLMSPELL_EFAILED, "not today");')
    daemon.start()
    daemon.set(kernel={"protocol": "echo"})
    last = daemon.signal_reload()
    assert last["protocols"]["stopped"] == []
    assert [row["name"] for row in last["protocols"]["failed"]] == ["echo", "jupyter"]
    assert daemon.lua("return 6 * 7") == "42"
    assert daemon.connection["protocol"] == "jupyter"


# ---- the connection file ----

def test_the_connection_file_follows(daemon, line):
    daemon.echo()
    daemon.start()
    before = daemon.connection
    daemon.set(kernel={"protocol": "echo,jupyter"})
    protocols(daemon.ask(), started=["echo"])
    with open(daemon.connection_file) as file:
        after = json.load(file)
    assert after["protocol"] == "echo" and after["kernel_id"] == "test"
    assert after["pid"] == daemon.pid and "shell_port" not in after
    assert stat.S_IMODE(os.stat(daemon.connection_file).st_mode) == 0o600
    done = daemon.run("exec", "return 1")
    assert done.status != 0 and "the protocol echo is for people" in done.err, done
    reply = daemon.session.ask("status_request").reply  # Jupyter's clients are still there
    client = Line(after["port"])
    assert client.ask("x") == "one: x"
    client.close()
    assert [row["name"] for row in reply["protocols"]] == ["echo", "jupyter"]
    daemon.set(kernel={"protocol": "jupyter"})
    protocols(daemon.ask(), stopped=["echo"])
    assert daemon.connection == before


# ---- jupyter itself ----

@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_jupyter_is_replaced(daemon, transport):
    """Its clients come back by themselves: the same ports, the same key, the same globals."""
    daemon.jupyter()
    daemon.set(protocol__jupyter={"transport": transport})
    session = daemon.start()
    connection = daemon.connection
    session.run("kept = 'state'")
    for n in range(3):
        daemon.jupyter(tail=b"x" * (n + 1))
        asked = session.send("reload_request", channel="control")
        planned = session.reply(asked, "control")["content"]
        assert planned["pending"] is True and planned["protocols"]["replaced"] == ["jupyter"]
        wait_events(daemon, session, planned["reload"])
        outcome = session.run("return kept")
        assert outcome.value == "state", (n, outcome.reply, outcome.events)
        last = session.ask("status_request", channel="control").reply["last_reload"]
        assert last["reload"] == planned["reload"] and last["pending"] is False
        protocols(last, replaced=["jupyter"])
        assert daemon.connection == connection
    wait_until(lambda: clients(daemon) == 1, "the one client, once")
    if transport == "ipc":
        folder = os.path.dirname(connection["ip"])
        assert daemon.llmspell.run("kernel", "stop", "test").status == 0
        assert not os.path.exists(folder)


def test_jupyter_is_replaced_while_it_works(daemon):
    """A script, and a tool call: both clients hear that they must ask again; both go on."""
    daemon.jupyter()
    daemon.counter()
    session = daemon.start()
    call = daemon.begin_call()
    running = session.start_running(f"print('running') Tool.counter{{['until']='{call.until}'}} "
                                    "kept = 'ended'")
    daemon.jupyter(tail=b"x")
    os.kill(daemon.pid, signal.SIGUSR1)
    for asked in (running, call.asked):
        reply = session.reply(asked)["content"]
        assert reply["status"] == "error" and reply["ename"] == "unavailable", reply
    wait_events(daemon, session)
    call.until.touch()
    assert session.run("return kept").value == "ended"
    last = session.ask("status_request", channel="control").reply["last_reload"]
    protocols(last, replaced=["jupyter"])
    assert session.ask("status_request", channel="control").reply["active"] == 1


def test_input_of_a_client_whose_protocol_is_replaced(daemon):
    """Nobody will answer: the script hears the end of input, and does not wait for ever."""
    daemon.jupyter()
    session = daemon.start()
    asked = session.execute("line = io.read() kept = line or 'end of input'")
    session.question()
    daemon.jupyter(tail=b"x")
    os.kill(daemon.pid, signal.SIGUSR1)
    assert session.reply(asked)["content"]["ename"] == "unavailable"
    wait_events(daemon, session)
    assert session.run("return kept").value == "end of input"


def test_settings_of_jupyter(daemon):
    """Ports of its section are taken; the key stays."""
    daemon.start()
    before = daemon.connection
    daemon.lua("kept = 'state'")
    daemon.set(protocol__jupyter={"allow_unsigned": "true"})
    protocols(daemon.signal_reload(), replaced=["jupyter"])
    after = daemon.connection
    assert after["key"] == before["key"]
    daemon.set(protocol__jupyter={"transport": "ipc"})
    protocols(daemon.signal_reload(), replaced=["jupyter"])
    assert daemon.connection["transport"] == "ipc" and daemon.connection["key"] == before["key"]
    assert daemon.lua("return kept") == "state"


def test_jupyter_becomes_no_plugin(daemon):
    """A broken file does not hide the one behind it in the path."""
    daemon.jupyter()
    session = daemon.start()
    connection = daemon.connection
    session.run("kept = 'state'")
    new = daemon.plugins / "new"
    new.write_bytes(b"no ELF file")
    new.rename(daemon.plugins / "jupyter.so")
    protocols(daemon.signal_reload(), replaced=["jupyter"])
    row = protocol_of(daemon, "jupyter")
    assert row["file"] == str(BUILD / "lib/llmspell/protocols/jupyter.so")
    assert daemon.connection == connection
    assert daemon.lua("return kept") == "state"


# ---- much of it ----

def test_while_clients_connect(daemon, line):
    """Commands come and go while echo is replaced: none of them fails."""
    daemon.echo()
    daemon.set(kernel=BOTH)
    daemon.start()
    program = [str(BUILD / "bin" / "llmspell"), "-k", "test", "exec", "return 1"]
    done, stop = [], threading.Event()

    def connect():
        while not stop.is_set():
            one = subprocess.run(program, capture_output=True, text=True, timeout=60 * SLOW,
                                 env=daemon.llmspell.env, cwd=daemon.llmspell.cwd)
            done.append((one.returncode, one.stdout, one.stderr))

    threads = [threading.Thread(target=connect) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n in range(8):
            daemon.echo(greeting=f"v{n}: ")
            protocols(daemon.reload(), replaced=["echo"])
            assert line(daemon).ask("x") == f"v{n}: x"
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(done) >= 4 and set(done) == {(0, "1\n", "")}


def test_status_while_jupyter_is_replaced(daemon):
    """Whoever asks in that moment is told how the kernel is, not that it ends."""
    daemon.jupyter()
    daemon.start()
    own = {"LLMSPELL_PLUGIN_PATH": ""}  # not the file that changes under its feet
    seen, stop = Counter(), threading.Event()

    def look():
        while not stop.is_set():
            done = daemon.run("kernel", "status", "--output", "json", env=own)
            seen[done.json["health"] if done.out else done.err] += 1

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n in range(12):
            daemon.jupyter(tail=b"x" * (n + 1))
            os.kill(daemon.pid, signal.SIGUSR1)
            wait_until(lambda: daemon.reloads() == n + 1, "a reload")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert set(seen) == {"healthy"}, seen


def facts(pid):
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")), "threads": len(os.listdir(f"/proc/{pid}/task"))}


def test_replaced_often(daemon, line):
    """Two files in turn, so that nothing new is mapped: no descriptor, no thread, no memory more."""
    daemon.jupyter()
    session = daemon.start()
    files = [daemon.plugins / name for name in ("a", "b")]
    for file, tail in zip(files, (b"a", b"b")):
        daemon.jupyter(tail)
        os.link(daemon.plugins / "jupyter.so", file)
    seen = []
    for n, file in enumerate(itertools.islice(itertools.cycle(files), 24)):
        link = daemon.plugins / "new"
        os.link(file, link)
        link.rename(daemon.plugins / "jupyter.so")
        os.kill(daemon.pid, signal.SIGUSR1)
        wait_until(lambda: daemon.reloads() == n + 1, "a reload")
        if n in (7, 23):
            wait_events(daemon, session, n + 1)
            wait_until(lambda: clients(daemon) == 1, "the client is back")
            with open(f"/proc/{daemon.pid}/maps") as maps:
                mapped = sum("jupyter.so" in line or "plugins/" in line for line in maps)
            seen.append({**facts(daemon.pid), "maps": mapped})
    before, after = seen
    assert after["maps"] == before["maps"] and after["threads"] == before["threads"], seen
    assert after["fds"] - before["fds"] < 8, seen  # 16 times; a client's channels come back singly
