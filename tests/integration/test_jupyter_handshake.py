# SPDX-License-Identifier: Apache-2.0
"""The start-up handshake of protocol 5.6 (JEP 66): the kernel is given a registration file. The
launcher is a ROUTER of pyzmq, a good one or a bad one."""
import hashlib
import hmac
import json
import shutil
import socket
import subprocess
import tempfile
import time

import pytest
import zmq

from conftest import SLOW
from jupyter_session import PATIENCE, llmspell, open_session  # noqa: F401 (fixtures)

DELIMITER = b"<IDS|MSG>"
PORTS = ("control_port", "shell_port", "stdin_port", "iopub_port", "hb_port")
KEY = "a-key-of-the-launcher"


class Launcher:
    """What starts a kernel: it listens, writes the registration file, and waits."""

    def __init__(self, llmspell, transport="tcp"):
        self.llmspell = llmspell
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.linger = 0
        self.folder = None
        if transport == "tcp":
            self.ip, self.port = "127.0.0.1", self.socket.bind_to_random_port("tcp://127.0.0.1")
        else:
            self.folder = tempfile.mkdtemp(prefix="reg-", dir="/tmp")  # socket paths are short
            self.ip, self.port = f"{self.folder}/s", 1
            self.socket.bind(f"ipc://{self.ip}-1")
        self.transport = transport
        self.file = llmspell.cwd / "registration.json"

    def close(self):
        self.socket.close()
        self.context.term()
        if self.folder:
            shutil.rmtree(self.folder)

    def write(self, **changes):
        facts = {"kernel_id": "the-launchers-id", "transport": self.transport,
                 "registration_ip": self.ip, "registration_port": self.port,
                 "signature_scheme": "hmac-sha256", "key": KEY, **changes}
        self.file.write_text(json.dumps({k: v for k, v in facts.items() if v is not ...}))

    def start(self, *args):
        return self.llmspell.popen("-q", *args, "kernel", "start", "--id", "test", "-f", self.file,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def receive(self, key=KEY):
        """(identity, the content as bytes) of a registration with the right signature."""
        assert self.socket.poll(PATIENCE * 1000), "the kernel never registered"
        identity, delimiter, signature, content = self.socket.recv_multipart()
        assert delimiter == DELIMITER and signature == sign(content, key)
        return identity, content

    def acknowledge(self, identity, *frames):
        self.socket.send_multipart([identity, *(frames or (DELIMITER, sign(b"ACK"), b"ACK"))])

    def file_of_client(self, ports, ip=None):
        """As a launcher makes it of what it knows."""
        path = self.llmspell.cwd / "client.json"
        path.write_text(json.dumps({
            "transport": self.transport, "ip": ip or self.ip, "key": KEY,
            "signature_scheme": "hmac-sha256",
            **{name: int(ports[name]) for name in PORTS}}))
        return path


def sign(content, key=KEY):
    return hmac.new(key.encode(), content, hashlib.sha256).hexdigest().encode() if key else b""


@pytest.fixture
def launch(llmspell):
    made = []

    def make(*args):
        made.append(Launcher(llmspell, *args))
        return made[-1]

    yield make
    for one in made:
        one.close()


def end(process, status):
    """Waits for the end; returns what it said on stderr."""
    out, err = process.communicate(timeout=60 * SLOW)
    assert process.returncode == status, (process.returncode, out, err)
    return err


def stop(llmspell, process):
    assert llmspell.run("kernel", "stop", "test").status == 0
    end(process, 0)


def connection_file(llmspell):
    path = llmspell.home / "kernels" / "test.json"
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, "no connection file"
        time.sleep(0.005)
    return path


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
@pytest.mark.parametrize("form", [int, str])
def test_a_kernel_registers(llmspell, launch, open_session, transport, form):
    launcher = launch(transport)
    launcher.write(registration_port=form(launcher.port))
    before = launcher.file.read_bytes()
    process = launcher.start()
    identity, content = launcher.receive()
    ports = json.loads(content)
    assert ports.pop("kernel_id") == "the-launchers-id"
    assert set(ports) == set(PORTS) and len(set(ports.values())) == 5
    assert {type(port) for port in ports.values()} == {form}, "not as the launcher writes ports"
    assert not (llmspell.home / "kernels" / "test.json").exists(), "before the acknowledgement"
    launcher.acknowledge(identity)
    session = open_session(launcher.file_of_client(ports))
    assert session.run("6 * 7").value == "42"
    own = json.loads(connection_file(llmspell).read_text())
    assert own["key"] == KEY and own["kernel_id"] == "test"
    assert {name: own[name] for name in PORTS} == {n: int(p) for n, p in ports.items()}
    assert llmspell.run("--kernel", "test", "exec", "return 6 * 7").out == "42\n"
    assert launcher.file.read_bytes() == before, "the launcher's file is the launcher's"
    stop(llmspell, process)


def test_a_launcher_may_leave_things_out_and_be_terse(llmspell, launch):
    """No kernel_id; identities and an empty frame before the delimiter; any content that is signed."""
    launcher = launch()
    launcher.write(kernel_id=..., signature_scheme=...)
    process = launcher.start()
    identity, content = launcher.receive()
    assert set(json.loads(content)) == set(PORTS)
    launcher.acknowledge(identity, b"", b"somebody", DELIMITER, sign(b'{"status": "ok"}'),
                         b'{"status": "ok"}')
    connection_file(llmspell)
    stop(llmspell, process)


def test_configured_ports_do_not_count(llmspell, launch):
    """A registration is for free ports: two notebooks of one user must not want the same."""
    launcher = launch()
    launcher.write()
    process = launcher.start("--set", f"protocol.jupyter.shell_port={launcher.port}")
    identity, content = launcher.receive()
    assert json.loads(content)["shell_port"] != launcher.port
    launcher.acknowledge(identity)
    connection_file(llmspell)
    stop(llmspell, process)


@pytest.mark.parametrize("bad, reason", [
    (lambda sent: (DELIMITER, b"0" * 64, b"ACK"), "signature"),
    (lambda sent: (DELIMITER, b"", b"ACK"), "signature"),
    (lambda sent: (DELIMITER, sign(b"ACK", "another key"), b"ACK"), "signature"),
    (lambda sent: (DELIMITER, sign(b"ACK"), b"NAK"), "signature"),
    (lambda sent: (DELIMITER, sign(sent), sent), "our own message"),
    (lambda sent: (DELIMITER, sign(b"ACK"), b"ACK", b""), "is not"),
    (lambda sent: (DELIMITER, sign(b"ACK")), "is not"),
    (lambda sent: (sign(b"ACK"), b"ACK"), "is not"),
    (lambda sent: (b"",), "is not"),
    (lambda sent: (b"x",) * 2000, "is not"),
    (lambda sent: (b"x" * 10_000_000,), "is not"),
], ids=["zeros", "unsigned", "other-key", "other-content", "echo", "more", "less", "no-delimiter",
        "empty", "many", "long"])
def test_a_bad_acknowledgement_ends_the_kernel(llmspell, launch, bad, reason):
    launcher = launch()
    launcher.write()
    process = launcher.start()
    identity, content = launcher.receive()
    launcher.acknowledge(identity, *bad(content))
    err = end(process, 1)
    assert "bad acknowledgement" in err and reason in err and str(launcher.port) in err
    assert KEY not in err and list((llmspell.home / "kernels").iterdir()) == []


def test_without_an_acknowledgement_the_kernel_ends(llmspell, launch):
    launcher = launch()
    launcher.write()
    process = launcher.start()
    launcher.receive()
    assert "no acknowledgement came within 10 s" in end(process, 1)
    assert list((llmspell.home / "kernels").iterdir()) == []
    assert list((llmspell.home / "run").iterdir()) == []


def test_a_port_where_nobody_listens(llmspell, launch):
    launcher = launch()
    with socket.socket() as taken:  # bound, and does not listen: refuses
        taken.bind(("127.0.0.1", 0))
        launcher.write(registration_port=taken.getsockname()[1])
        err = end(launcher.start(), 1)
    assert "no acknowledgement" in err


def test_a_port_that_speaks_another_protocol(llmspell, launch):
    launcher = launch()
    with socket.create_server(("127.0.0.1", 0)) as server:
        launcher.write(registration_port=server.getsockname()[1])
        process = launcher.start()
        server.settimeout(PATIENCE)
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            assert "no acknowledgement" in end(process, 1)


def test_a_daemon_reports_it(llmspell, launch):
    """The command that started it says why, not only the log."""
    launcher = launch()
    launcher.write()
    process = llmspell.popen("kernel", "start", "--daemon", "--id", "test", "-f", launcher.file,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    identity, _ = launcher.receive()
    launcher.acknowledge(identity, DELIMITER, b"0" * 64, b"ACK")
    assert "bad acknowledgement" in end(process, 1)


@pytest.mark.parametrize("changes, reason", [
    ({"registration_port": 0}, "registration_port"),
    ({"registration_port": "0"}, "registration_port"),
    ({"registration_port": 65536}, "registration_port"),
    ({"registration_port": -1}, "registration_port"),
    ({"registration_port": 99999999999999999999}, "registration"),
    ({"registration_port": "99999999999999999999"}, "registration_port"),
    ({"registration_port": "80x"}, "registration_port"),
    ({"registration_port": " 80"}, "registration_port"),
    ({"registration_port": "80\0"}, "registration"),
    ({"registration_port": ""}, "registration_port"),
    ({"registration_port": None}, "registration_port"),
    ({"registration_port": 80.5}, "registration_port"),
    ({"registration_port": ...}, "registration_port"),
    ({"registration_ip": ...}, "registration_ip"),
    ({"registration_ip": ""}, "registration_ip"),
    ({"registration_ip": 7}, "registration_ip"),
    ({"registration_ip": "x" * 256}, "registration_ip"),
    ({"registration_ip": "no such host"}, "registration_ip"),
    ({"kernel_id": 7}, "kernel_id"),
    ({"key": ...}, "key"),
    ({"key": ""}, "key"),
    ({"key": 7}, "key"),
    ({"transport": "udp"}, "transport"),
    ({"signature_scheme": "hmac-md5"}, "signature_scheme"),
    ({"transport": "ipc", "registration_ip": "/" + "x" * 120}, "too long"),
])
def test_bad_registration_files_are_refused(llmspell, launch, changes, reason):
    launcher = launch()
    launcher.write(**changes)
    assert reason in end(launcher.start(), 1)
    assert list((llmspell.home / "kernels").iterdir()) == []


def test_an_unsigned_registration_wants_permission(llmspell, launch):
    launcher = launch()
    launcher.write(key="")
    process = launcher.start("--set", "protocol.jupyter.allow_unsigned=true")
    identity, _ = launcher.receive(key="")
    launcher.acknowledge(identity, DELIMITER, b"", b"ACK")
    connection_file(llmspell)
    stop(llmspell, process)


def test_the_kernelspec_names_the_version(llmspell):
    llmspell.run("kernel", "install", "--user")
    spec = json.loads((llmspell.cwd.parent / "jupyter" / "kernels" / "llmspell-lua" /
                       "kernel.json").read_text())
    assert spec["kernel_protocol_version"] == "5.6"
    assert spec["metadata"]["supported_encryption"] == ["curve"]


def test_a_client_of_today_reads_the_kernelspec(llmspell):
    """jupyter_client gives an ordinary connection file, whatever version the kernelspec names."""
    llmspell.run("kernel", "install", "--user")
    code = ("from jupyter_client.manager import start_new_kernel\n"
            "m, c = start_new_kernel(kernel_name='llmspell-lua')\n"
            "r = c.execute_interactive('print(6 * 7)', timeout=30)\n"
            "assert r['content']['status'] == 'ok'\n"
            "assert c.kernel_info(reply=True, timeout=30)['content']['protocol_version'] == '5.6'\n"
            "c.stop_channels(); m.shutdown_kernel()\n")
    done = subprocess.run(["/usr/bin/python3", "-c", code], env=llmspell.env, cwd=llmspell.cwd,
                          capture_output=True, text=True, timeout=60 * SLOW)
    assert (done.returncode, done.stdout) == (0, "42\n"), done
