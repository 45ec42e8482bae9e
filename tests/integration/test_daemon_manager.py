# SPDX-License-Identifier: Apache-2.0
"""The kernel under a service manager that is played here: what it tells over $NOTIFY_SOCKET, the
sockets that it takes over, and its life as process 1 with the command line of the image."""
import contextlib
import json
import os
import re
import shlex
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

from conftest import BINARY, ROOT, SLOW
from daemons import children, proc, state_letter
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, llmspell, open_session, wait_until)
from plugins.reload import Daemon, Line
from test_daemon_process import can_unshare

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS",
             "LISTEN_FDNAMES")


# ---- the service manager ----

class Manager:
    """The socket that a service manager hears on; it also learns who speaks."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)

    def receive(self, patience=PATIENCE):
        """The next message: {name: value}, the sender as "pid"."""
        self.socket.settimeout(patience)
        data, rest, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
        (_, _, credentials), = rest
        lines = dict(line.split("=", 1) for line in data.decode().split("\n"))
        return {**lines, "pid": struct.unpack("iii", credentials)[0]}

    def is_silent(self):
        """Nothing waits to be received."""
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            return not self.socket.recv(4096)
        return True


@pytest.fixture
def manager(tmp_path):
    one = Manager(tmp_path)
    yield one
    one.socket.close()


@pytest.fixture
def service(llmspell, manager, tmp_path, open_session):
    """Starts kernels in the foreground as a service manager does: .daemon has their files."""
    started = []

    class Service:
        daemon = Daemon(llmspell, tmp_path, open_session)

        def __init__(self, *args, env=None, sockets=(), names=None):
            self.daemon.set()
            self.log = tmp_path / f"stderr-{len(started)}"
            given = [f"{3 + i}<&{one.fileno()}" for i, one in enumerate(sockets)]
            given += [f"{one.fileno()}<&-" for one in sockets if one.fileno() > 2 + len(sockets)]
            variables = f"LISTEN_PID=$$ LISTEN_FDS={len(sockets)} " if sockets else ""
            variables += f"LISTEN_FDNAMES={shlex.quote(names)} " if names is not None else ""
            command = [BINARY, "-c", self.daemon.ini, "kernel", "start", "--id", "test", *args]
            with self.log.open("w") as stderr:
                self.process = subprocess.Popen(
                    ["bash", "-c", f'{variables} exec "$@" {" ".join(given)}', "bash",
                     *map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=stderr, cwd=llmspell.cwd, pass_fds=[one.fileno() for one in sockets],
                    env={**llmspell.env, "NOTIFY_SOCKET": str(manager.path), **(env or {})})
            started.append(self.process)
            self.pid = self.daemon.pid = self.process.pid

        def wait_ready(self):
            said = manager.receive()
            assert said["READY"] == "1", (said, self.log.read_text())
            self.daemon.connection_file = llmspell.home / "kernels/test.json"
            return said

        def end(self):
            self.process.terminate()
            return self.process.wait(PATIENCE)

    yield Service
    for process in started:
        process.kill()
        process.wait()


# ---- sd_notify ----

def test_a_life(service, manager, llmspell, tmp_path):
    """READY when clients can connect and not before, RELOADING … READY, STOPPING at once."""
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    service.daemon.echo(echo_serve=f'close(open("{begun}", O_CREAT | O_WRONLY, 0600)); '
                                   f'while (access("{gate}", F_OK) != 0) usleep(1000);')
    service.daemon.settings["kernel"] = {"protocol": "jupyter,echo"}
    one = service()
    wait_until(begun.exists, "the second protocol begins to serve")
    assert manager.is_silent(), "it is not ready yet"
    assert llmspell.run("kernel", "status", "test").status == 5
    gate.touch()
    said = one.wait_ready()
    assert said == {"READY": "1", "STATUS": "clients can connect", "pid": one.pid}
    assert service.daemon.lua("6 * 7") == "42"

    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    os.kill(one.pid, signal.SIGUSR1)
    said = manager.receive()
    assert before <= int(said.pop("MONOTONIC_USEC")) <= time.monotonic_ns() // 1000
    assert said == {"RELOADING": "1", "pid": one.pid}
    assert manager.receive() == {"READY": "1", "STATUS": "reloaded", "pid": one.pid}
    service.daemon.set(log={"levle": "debug"})
    os.kill(one.pid, signal.SIGUSR1)
    assert manager.receive()["RELOADING"] == "1"
    said = manager.receive()
    assert said["READY"] == "1" and "nothing was changed" in said["STATUS"]

    free = tmp_path / "free"
    session = service.daemon.open_session(service.daemon.connection_file)
    cell = session.start_running("print('running') while not io.open('%s') do end return 7" % free)
    one.process.terminate()
    assert manager.receive() == {"STOPPING": "1", "pid": one.pid}
    assert one.process.poll() is None, "it waits for the cell, and has told so before"
    free.touch()
    assert session.reply(cell)["content"]["status"] == "ok"
    assert one.process.wait(PATIENCE) == 0
    assert manager.is_silent()


def environment(pid):
    return {line.split("=")[0] for line in proc(pid, "environ").split("\0")}


def test_children_do_not_speak_for_it(service, manager, llmspell):
    """Neither programs of scripts nor processes of tools know the service manager."""
    service.daemon.llmspell.env["LLMSPELL_TOOLS_ISOLATION"] = "process"
    one = service(env={"WATCHDOG_USEC": "600000000"})
    one.wait_ready()
    assert service.daemon.run("tool", "invoke", "calculator", "input=1").status == 0
    runner, = children(one.pid)
    assert not environment(runner) & set(VARIABLES)
    for name in VARIABLES:
        assert service.daemon.lua(f"tostring(os.getenv('{name}'))") == "nil"
    names = service.daemon.lua("io.popen('env'):read('a')")
    assert "LLMSPELL_HOME=" in names and not any(f"{name}=" in names for name in VARIABLES)
    assert one.end() == 0


def test_watchdog(service, manager, open_session):
    """About twice in the time that the manager grants, also while a script runs; not when the
    process is stopped, and not if the variable is meant for another process."""
    one = service(env={"WATCHDOG_USEC": "400000"})
    one.wait_ready()
    session = open_session(service.daemon.connection_file)
    session.start_running("print('running') while true do end")
    times = []
    for _ in range(6):
        assert manager.receive() == {"WATCHDOG": "1", "pid": one.pid}
        times.append(time.monotonic())
    assert 0.19 * 5 <= times[-1] - times[0] + 0.1 and times[-1] - times[0] <= 0.4 * 5 * SLOW
    os.kill(one.pid, signal.SIGSTOP)
    wait_until(lambda: state_letter(one.pid) == "T", "stopped")
    while not manager.is_silent():
        pass
    with pytest.raises(TimeoutError):
        manager.receive(patience=1)
    os.kill(one.pid, signal.SIGCONT)
    assert manager.receive()["WATCHDOG"] == "1"
    one.process.kill()


def test_a_watchdog_for_another(service, manager):
    one = service(env={"WATCHDOG_USEC": "2000", "WATCHDOG_PID": "1"})
    one.wait_ready()
    service.daemon.lua("os.execute('sleep 0.1')")
    assert manager.is_silent()
    assert one.end() == 0


def test_a_daemon_tells_its_pid(llmspell, manager):
    """Type=notify with --daemon: who was started is not who serves."""
    llmspell.env["NOTIFY_SOCKET"] = str(manager.path)
    started = llmspell.start()
    assert manager.receive() == {"READY": "1", "STATUS": "clients can connect",
                                 "MAINPID": str(started["pid"]), "pid": started["pid"]}
    os.kill(started["pid"], signal.SIGTERM)
    assert manager.receive() == {"STOPPING": "1", "pid": started["pid"]}


@pytest.mark.parametrize("name, warned", [("relative", "must be an absolute path"),
                                          ("vsock:2:1234", "vsock is not supported")])
def test_a_manager_that_cannot_be_told(llmspell, name, warned):
    llmspell.env["NOTIFY_SOCKET"] = name
    llmspell.start()
    assert warned in llmspell.log() and llmspell.run("-k", "test", "exec", "42").out == "42\n"


def test_a_manager_that_is_gone(service, manager):
    """It is told nothing, and the kernel goes on; a new one at the same place is told again."""
    one = service()
    one.wait_ready()
    manager.socket.close()
    assert service.daemon.signal_reload()["status"] == "ok"
    manager.path.unlink()
    manager.__init__(manager.path.parent)
    os.kill(one.pid, signal.SIGUSR1)
    assert manager.receive()["RELOADING"] == "1" and manager.receive()["READY"] == "1"
    assert one.end() == 0


# ---- inherited sockets ----

@pytest.fixture
def listeners():
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]


@pytest.fixture
def line():
    opened = []

    def connect(listener):
        opened.append(Line(listener.getsockname()[1]))
        return opened[-1]
    yield connect
    for one in opened:
        one.close()


def echo_status(daemon):
    row, = [row for row in daemon.status()["protocols"] if row["name"] == "echo"]
    return row


@pytest.mark.parametrize("args", [[], ["--init"]], ids=["plain", "init"])
def test_sockets_are_taken_over(service, manager, listeners, line, args):
    """The kernel serves who has connected before it was there; what nobody asks for is warned of;
    and the port outlives the kernel."""
    service.daemon.echo()
    service.daemon.settings["kernel"] = {"protocol": "jupyter,echo"}
    early = line(listeners[0])
    early.send("hello")
    one = service(*args, sockets=listeners, names="echo:mystery")
    one.wait_ready()
    assert early.read() == "one: hello"
    assert echo_status(service.daemon)["port"] == listeners[0].getsockname()[1]
    log = one.log.read_text()
    assert 'no protocol took the inherited socket "mystery"' in log and '"echo"' not in log
    assert service.daemon.lua("tostring(os.getenv('LISTEN_FDS'))") == "nil"
    assert "socket:" not in service.daemon.lua(
        "io.popen('ls -l /proc/self/fd'):read('a')"), "a child has inherited a socket"
    assert one.end() == 0
    waits = line(listeners[0])
    waits.send("again")
    two = service(*args, sockets=listeners[:1], names="echo")
    assert manager.receive()["STOPPING"] == "1"
    two.wait_ready()
    assert waits.read() == "one: again"
    assert two.end() == 0


def test_sockets_without_names_are_nobodys(service, listeners):
    service.daemon.echo()
    service.daemon.settings["kernel"] = {"protocol": "jupyter,echo"}
    one = service(sockets=listeners[:1])
    one.wait_ready()
    assert 'the inherited socket "unknown"' in one.log.read_text()
    assert echo_status(service.daemon)["port"] != listeners[0].getsockname()[1]
    assert one.end() == 0


def test_a_replaced_protocol_keeps_the_inherited_socket(service, manager, listeners, line):
    """The manager listens on the port as well, so that nobody could bind it again."""
    daemon = service.daemon
    daemon.echo()
    daemon.settings["kernel"] = {"protocol": "jupyter,echo"}
    one = service(sockets=listeners[:1], names="echo")
    one.wait_ready()
    daemon.session = daemon.open_session(daemon.connection_file)
    assert line(listeners[0]).ask("hi") == "one: hi"
    daemon.echo("two: ")
    assert daemon.reload()["protocols"]["replaced"] == ["echo"]
    assert line(listeners[0]).ask("hi") == "two: hi"
    daemon.echo("bad: ", echo_serve='return llmspell_fail(call, LLMSPELL_EIO, "on purpose");')
    failed, = daemon.reload()["protocols"]["failed"]
    assert "on purpose" in failed["message"]
    assert line(listeners[0]).ask("hi") == "two: hi", "the old one has it again"
    daemon.echo("three: ")
    assert daemon.reload(kernel={"protocol": "jupyter"})["protocols"]["stopped"] == ["echo"]
    waits = line(listeners[0])
    waits.send("hi")
    assert daemon.reload(kernel={"protocol": "jupyter,echo"})["protocols"]["started"] == ["echo"]
    assert waits.read() == "three: hi"
    assert echo_status(daemon)["port"] == listeners[0].getsockname()[1]
    assert one.end() == 0


# ---- process 1, as in the image ----

def instruction(name):
    text = (ROOT / "conf/docker/Dockerfile").read_text().replace("\\\n", "")
    found = re.findall(rf"^\s*{name} (.*)$", text, re.M)[-1]
    return json.loads(found[found.index("["):])


@pytest.fixture
def image(llmspell):
    """A PID namespace with the command line, the configuration and the user of the image; the ports
    are free ones, and the home is one that this user may reach."""
    user = ["setpriv", "--reuid", "10001", "--regid", "10001", "--clear-groups"]
    why = can_unshare()
    if not why and subprocess.run([*user, BINARY, "version"], capture_output=True).returncode != 0:
        why = "another user cannot run the binary"
    if why:
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="llmspell-image-") as folder:
        class Image:
            home = Path(folder)
            env = {**llmspell.env, "LLMSPELL_HOME": folder, "HOME": folder}
            ini = home / "image.ini"
            manager = Manager(home)  # pytest's own folder is closed to that user

            def command(self, *words):
                """words: of the Dockerfile; "llmspell" is our binary."""
                return [*user, *(str(BINARY) if w == "llmspell" else w for w in words)]

            def health(self):
                """As the engine runs it: a further process in the container."""
                return subprocess.run(
                    ["nsenter", "-t", str(self.init), "-p", "-m",
                     *self.command(*instruction("HEALTHCHECK"))],
                    capture_output=True, text=True, env=self.env, timeout=PATIENCE).returncode

        one = Image()
        ports = re.sub(r"^(\w+_port) = \d+$", r"\1 = 0",
                       (ROOT / "conf/docker/llmspell.ini").read_text(), flags=re.M)
        one.ini.write_text(ports)
        one.env["LLMSPELL_CONFIG"] = str(one.ini)
        os.chown(folder, 10001, 10001)
        yield one
        for pid in children(one.process.pid):  # the change of the user undoes --kill-child
            os.kill(int(pid), signal.SIGKILL)
        one.process.kill()
        one.process.wait()
        one.manager.socket.close()


def test_the_image_as_process_1(image):
    """Full life: ready, healthy, stopped, healthy again, orphans reaped, an orderly end."""
    words = instruction("ENTRYPOINT") + instruction("CMD")
    assert words == ["llmspell", "kernel", "start", "--id", "main"]
    log = image.home / "stderr"
    with log.open("w") as stderr:
        image.process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *image.command(*words)],
            env={**image.env, "NOTIFY_SOCKET": str(image.manager.path)}, cwd=image.home,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
    assert image.manager.receive()["READY"] == "1", log.read_text()
    image.init = int(children(image.process.pid)[0])
    kernel = int(children(image.init)[0])
    assert re.search(r"^NSpid:.*\s1$", proc(image.init, "status"), re.M)
    assert re.search(r"^Uid:\s+10001\s", proc(kernel, "status"), re.M)
    assert "main is ready" in log.read_text()
    connection = json.loads((image.home / "kernels/main.json").read_text())
    assert connection["ip"] == "0.0.0.0" and connection["key"]
    assert image.health() == 0
    os.kill(kernel, signal.SIGSTOP)
    assert image.health() == 5
    os.kill(kernel, signal.SIGCONT)
    assert image.health() == 0
    file = image.home / "kernels/main.json"
    done = subprocess.run([BINARY, "--kernel", file, "exec",
                           "for i = 1, 9 do os.execute('(sleep 0.01 &)') end return 'left'"],
                          capture_output=True, text=True, env=image.env, timeout=PATIENCE)
    assert done.stdout == "left\n", done
    wait_until(lambda: children(image.init) == [str(kernel)], "all orphans reaped")
    os.kill(image.init, signal.SIGTERM)
    assert image.process.wait(PATIENCE) == 0
    assert "main has ended (SIGTERM)" in log.read_text()
    assert not (image.home / "run/main.pid").exists() and not file.exists()
    gone = subprocess.run(image.command(*instruction("HEALTHCHECK")), capture_output=True,
                          env=image.env, timeout=PATIENCE)
    assert gone.returncode == 3
