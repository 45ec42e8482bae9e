# SPDX-License-Identifier: Apache-2.0
"""How clients reach the kernel: CurveZMQ, sockets in the file system, and what is published before
the first subscription has arrived. Raw pyzmq, and our own commands."""
import json
import shutil
import socket
import stat
import tempfile
from pathlib import Path

import pytest
import zmq

from conftest import SLOW
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, llmspell, open_session, session, wait_until)
from test_jupyter_wire import PORTS, Raw

CURVE = ("--set", "protocol.jupyter.curve=true")


class Peer(Raw):
    """A raw client of any transport, with or without encryption."""

    def __init__(self, connection, curve=True):
        self.curve = curve and connection.get("curve_publickey")
        super().__init__(connection)

    def connect(self, kind, port, subscribe=True):
        sock = self.context.socket(kind)
        sock.linger = 0
        sock.rcvtimeo = int(PATIENCE * 1000)
        if self.curve:
            sock.curve_serverkey = self.curve.encode()
            sock.curve_publickey, sock.curve_secretkey = zmq.curve_keypair()
        if kind == zmq.SUB and subscribe:
            sock.subscribe(b"")
        between = "-" if self.connection["transport"] == "ipc" else ":"
        sock.connect(f"{self.connection['transport']}://{self.connection['ip']}{between}"
                     f"{self.connection[port]}")
        self.sockets.append(sock)
        return sock

    def execute(self, code, msg_id):
        content = json.dumps({"code": code, "silent": False, "allow_stdin": False}).encode()
        self.shell.send_multipart(self.frames("execute_request", content, msg_id=msg_id))
        kind, parent, reply = self.receive()
        assert (kind, parent) == ("execute_reply", msg_id)
        return reply

    def events(self, iopub, msg_id):
        """Until idle: [(msg_type, content)] of one request."""
        found = []
        while not found or found[-1][1].get("execution_state") != "idle":
            kind, parent, content = self.receive(iopub)
            if parent == msg_id:
                found.append((kind, content))
        return found


@pytest.fixture
def peer():
    opened = []

    def make(connection, **options):
        opened.append(Peer(connection, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def connection_of(started):
    return json.loads(Path(started["connection_file"]).read_text())


def use_all_channels(one):
    heart = one.connect(zmq.REQ, "hb_port")
    heart.send(b"ping")
    assert heart.recv() == b"ping"
    control, stdin = one.connect(zmq.DEALER, "control_port"), one.connect(zmq.DEALER, "stdin_port")
    control.send_multipart(one.frames(msg_id="over-control"))
    assert one.receive(control)[:2] == ("kernel_info_reply", "over-control")
    iopub = one.connect(zmq.SUB, "iopub_port")
    while one.receive(iopub)[0] != "iopub_welcome":
        pass
    reply = one.execute("print('out') return 6 * 7", "run")
    assert reply["status"] == "ok"
    kinds = [kind for kind, _ in one.events(iopub, "run")]
    assert kinds == ["status", "execute_input", "stream", "execute_result", "status"]
    stdin.send_multipart(one.frames("input_reply", b'{"value": "x"}'))  # nobody waits: dropped
    one.still_answers()


# ---- CurveZMQ ----

def test_a_daemon_makes_its_keys(llmspell, peer):
    started = llmspell.start(*CURVE)
    own = connection_of(started)
    assert len(own["curve_publickey"]) == len(own["curve_secretkey"]) == 40
    assert stat.S_IMODE(Path(started["connection_file"]).stat().st_mode) == 0o600
    assert zmq.curve_public(own["curve_secretkey"].encode()).decode() == own["curve_publickey"]
    use_all_channels(peer(own))
    assert llmspell.run("--kernel", "test", "exec", "return 6 * 7").out == "42\n"
    assert llmspell.run("kernel", "status", "test").status == 0
    assert own["curve_secretkey"] not in llmspell.log()


@pytest.mark.parametrize("transport", ["tcp", "ipc"])
def test_keys_that_a_client_gives(llmspell, peer, transport):
    public, secret = (key.decode() for key in zmq.curve_keypair())
    given = llmspell.cwd / "given.json"
    given.write_text(json.dumps({"transport": transport, "curve_publickey": public,
                                 "curve_secretkey": secret, "key": "the-clients-own-key"}))
    started = llmspell.start("-f", given)
    own = connection_of(started)
    assert (own["curve_publickey"], own["curve_secretkey"]) == (public, secret)
    use_all_channels(peer(own))
    assert llmspell.run("--kernel", "test", "exec", "return 6 * 7").out == "42\n"


def test_a_client_without_keys_gets_nothing_and_blocks_nobody(llmspell, peer):
    own = connection_of(llmspell.start(*CURVE))
    strangers = [peer(own, curve=False) for _ in range(5)]
    wrong = {**own, "curve_publickey": zmq.curve_keypair()[0].decode()}
    strangers.append(peer(wrong))
    heard = []
    for one in strangers:
        heard += [one.shell, one.connect(zmq.SUB, "iopub_port"), one.connect(zmq.REQ, "hb_port")]
        for sock, frames in ((one.shell, one.frames("execute_request",
                                                    b'{"code": "leaked = true"}')),
                             (heard[-1], [b"ping"])):
            try:
                sock.send_multipart(frames, zmq.NOBLOCK)
            except zmq.Again:  # it was refused already
                pass
    good = peer(own)
    for i in range(50):
        assert good.execute(f"return {i}", f"good-{i}")["status"] == "ok"
    use_all_channels(good)
    assert good.execute("assert(leaked == nil)", "leaked?")["status"] == "ok"
    assert not any(sock.poll(0) for sock in heard)
    (llmspell.cwd / "plain.json").write_text(json.dumps(
        {name: value for name, value in own.items() if not name.startswith("curve")}))
    done = llmspell.run("--kernel", llmspell.cwd / "plain.json", "exec", "--timeout", "2", "1")
    assert done.status in (4, 5) and ("curve" in done.err or "answers" in done.err), done


def test_restart_and_reload_keep_the_keys(llmspell, peer):
    started = llmspell.start(*CURVE)
    own = connection_of(started)
    client = peer(own)
    assert llmspell.run("kernel", "reload", "test").status == 0
    client.still_answers()
    assert connection_of(started)["curve_publickey"] == own["curve_publickey"]


@pytest.mark.parametrize("changes, reason", [
    ({"curve_publickey": "abc"}, "curve_publickey"),
    ({"curve_publickey": 7}, "curve_publickey"),
    ({"curve_publickey": "~" * 40}, "curve_publickey"),
    ({"curve_publickey": "#" * 40}, "curve_publickey"),
    ({"curve_publickey": "0" * 39 + "\0"}, "not a connection file"),
    ({"curve_secretkey": "0" * 41}, "curve_secretkey"),
    ({"curve_secretkey": ["x"]}, "curve_secretkey"),
    ({"curve_secretkey": ...}, "curve_secretkey is missing"),
    ({"curve_publickey": "0" * 40}, "does not belong"),
])
def test_bad_keys_are_refused(llmspell, changes, reason):
    public, secret = (key.decode() for key in zmq.curve_keypair())
    given = {"curve_publickey": public, "curve_secretkey": secret, **changes}
    path = llmspell.cwd / "bad.json"
    path.write_text(json.dumps({k: v for k, v in given.items() if v is not ...}))
    done = llmspell.run("kernel", "start", "--daemon", "--id", "bad", "-f", path)
    assert done.status == 1 and reason in done.err, done
    assert secret not in done.err


@pytest.mark.parametrize("value", [None, ""])
def test_no_key_is_no_encryption(llmspell, open_session, value):
    path = llmspell.cwd / "given.json"
    path.write_text(json.dumps({"curve_publickey": value, "curve_secretkey": value}))
    started = llmspell.start("-f", path)
    assert "curve_publickey" not in connection_of(started)
    assert open_session(started["connection_file"]).run("6 * 7").value == "42"


def test_a_client_that_chose_ports_without_keys_is_told(llmspell):
    """Who asks for encryption never gets a kernel without it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = llmspell.cwd / "given.json"
    path.write_text(json.dumps({"shell_port": port, "key": "the-clients-key"}))
    done = llmspell.run(*CURVE, "kernel", "start", "--daemon", "--id", "plain", "-f", path)
    assert done.status == 1 and "curve" in done.err and "transport_encryption" in done.err


# ---- sockets in the file system ----

@pytest.fixture
def short():
    """A folder whose path leaves room for sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="ipc-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


def start_ipc(llmspell, prefix, **more):
    path = llmspell.cwd / "given.json"
    path.write_text(json.dumps({"transport": "ipc", "ip": str(prefix), "key": "the-clients-key",
                                **more}))
    return llmspell.run("kernel", "start", "--daemon", "--id", "test", "-f", path)


def numbers(first=1):
    return {name: first + i for i, name in enumerate(PORTS)}


def test_ipc_for_every_channel(llmspell, peer):
    own = connection_of(llmspell.start("--set", "protocol.jupyter.transport=ipc"))
    use_all_channels(peer(own))
    assert llmspell.run("--kernel", "test", "exec", "return 6 * 7").out == "42\n"
    llmspell.run("kernel", "stop", "test")
    assert not Path(own["ip"]).parent.exists()


def test_ipc_paths_that_a_client_chose(llmspell, peer, short):
    assert start_ipc(llmspell, short / "k", **numbers(7)).status == 0
    assert {p.name for p in short.iterdir()} == {f"k-{n}" for n in range(7, 12)}
    use_all_channels(peer(json.loads((llmspell.home / "kernels" / "test.json").read_text())))
    llmspell.run("kernel", "stop", "test")
    assert list(short.iterdir()) == []


def test_ipc_sockets_that_a_crash_left(llmspell, peer, short):
    """A dead kernel's paths are taken over; those of a living program are not."""
    for n in (1, 2, 3):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(short / f"k-{n}"))
    assert start_ipc(llmspell, short / "k", **numbers()).status == 0
    use_all_channels(peer(json.loads((llmspell.home / "kernels" / "test.json").read_text())))
    llmspell.run("kernel", "stop", "test")
    assert list(short.iterdir()) == []
    with socket.socket(socket.AF_UNIX) as alive:
        alive.bind(str(short / "k-2"))
        alive.listen()
        done = start_ipc(llmspell, short / "k", **numbers())
        assert done.status == 1 and "in use" in done.err
        assert (short / "k-2").is_socket()


def test_ipc_leaves_files_alone_that_are_no_sockets(llmspell, short):
    (short / "k-3").write_text("precious")
    done = start_ipc(llmspell, short / "k", **numbers())
    assert done.status == 1 and "is no socket" in done.err
    assert [(p.name, p.read_text()) for p in short.iterdir()] == [("k-3", "precious")]


@pytest.mark.parametrize("ports", [{}, numbers()], ids=["free", "chosen"])
def test_ipc_paths_that_are_too_long(llmspell, short, ports):
    prefix = short / ("x" * (108 - len(str(short)) - len("/-1")))
    done = start_ipc(llmspell, prefix, **ports)
    assert done.status == 1 and "too long" in done.err
    assert start_ipc(llmspell, str(prefix)[:-1], **ports).status == 0
    llmspell.run("kernel", "stop", "test")
    assert list(short.iterdir()) == []


# ---- what is published before the first subscription ----

def test_a_subscription_that_comes_late_misses_nothing(llmspell, peer):
    """The front end's first request is done with before its subscription is on its way."""
    client = peer(connection_of(llmspell.start()))
    assert client.execute("print('early') return 1", "first")["status"] == "ok"
    iopub = client.connect(zmq.SUB, "iopub_port")
    assert client.receive(iopub)[0] == "iopub_welcome"
    events = client.events(iopub, "first")
    assert [kind for kind, _ in events] == ["status", "execute_input", "stream", "execute_result",
                                            "status"]
    assert events[2][1]["text"] == "early\n"


def test_much_output_waits_for_the_subscription(llmspell, peer):
    """More than is held: the code waits a moment, the subscriber gets all of it."""
    client = peer(connection_of(llmspell.start()))
    code = "for i = 1, 400000 do print(i) end return 'done'"
    client.shell.send_multipart(client.frames("execute_request", json.dumps(
        {"code": code, "silent": False}).encode(), msg_id="much"))
    control = client.connect(zmq.DEALER, "control_port")
    control.send_multipart(client.frames(msg_id="meanwhile"))
    assert client.receive(control)[:2] == ("kernel_info_reply", "meanwhile")
    iopub = client.connect(zmq.SUB, "iopub_port")
    events = client.events(iopub, "much")
    text = "".join(content["text"] for kind, content in events if kind == "stream")
    assert text == "".join(f"{i}\n" for i in range(1, 400001))


def test_a_client_without_iopub_waits_once(llmspell, peer):
    """Nothing is kept for nobody: later output of a client that never subscribes goes nowhere, and
    the first subscriber after it starts with what happens then."""
    client = peer(connection_of(llmspell.start()))
    for i in range(5):
        code = f"for i = 1, 300000 do print('lost', i) end return {i}"
        assert client.execute(code, f"lost-{i}")["status"] == "ok"
    iopub = client.connect(zmq.SUB, "iopub_port")
    assert client.receive(iopub)[0] == "iopub_welcome"
    client.execute("return 1", "seen")
    kind, parent, _ = client.receive(iopub)
    if parent == "lost-4":  # its idle comes after its reply
        assert kind == "status"
        parent = client.receive(iopub)[1]
    assert parent == "seen"


def test_what_is_old_is_not_kept(llmspell, peer, session):
    """Only the first subscriber of a process gets what was before it."""
    late = peer(session_connection(session))
    session.run("print('before')")
    iopub = late.connect(zmq.SUB, "iopub_port")
    assert late.receive(iopub)[0] == "iopub_welcome"
    late.execute("return 1", "after")
    assert late.receive(iopub)[1] == "after"


def session_connection(session):
    info = session.client.get_connection_info()
    return {**info, "key": info["key"].decode()}
