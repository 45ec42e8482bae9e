# SPDX-License-Identifier: Apache-2.0
"""The http protocol against clients that mean no good: garbage, halves, floods, slowness. After each
it serves as before, without a thread, a descriptor or a connection more."""
import json
import os
import random
import resource
import select
import socket
import threading
import time

import pytest

from conftest import SLOW
from http_session import (  # noqa: F401 (fixtures)
    llmspell, open_session, read_all, read_answer, served, wait_until, web)
from jupyter_session import PATIENCE

GET = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"


def facts(pid):
    """Threads of the protocol (those that run tools come when they are needed), and descriptors."""
    names = [open(f"/proc/{pid}/task/{task}/comm").read() for task in os.listdir(f"/proc/{pid}/task")]
    return names.count("http\n"), len(os.listdir(f"/proc/{pid}/fd"))


@pytest.fixture
def unharmed(web, served):
    """Looks at the kernel before and after."""
    assert web.invoke("calculator", {"input": "6*7"}).status == 200
    web.close()
    wait_until(lambda: served.status()["clients"] == 0, "no client")
    before = facts(served.daemon.pid)
    yield web
    web.close()
    wait_until(lambda: served.status()["clients"] == 0, "all clients gone")
    assert web.invoke("calculator", {"input": "6*7"}).json["result"]["result"] == 42
    web.close()
    wait_until(lambda: served.status()["clients"] == 0, "no client")
    wait_until(lambda: facts(served.daemon.pid) <= before, f"{before} again")


def say(web, data, end=True):
    """All that comes back until the other side closes; end: nothing more is sent."""
    with web.raw() as peer:
        try:
            peer.sendall(data)
            if end:
                peer.shutdown(socket.SHUT_WR)
        except OSError:  # it has closed
            pass
        return read_all(peer)


def test_garbage(unharmed):
    web = unharmed
    rng = random.Random(6)
    for size in (1, 10, 1000, 100_000):
        for _ in range(10):
            say(web, rng.randbytes(size))
    for text in (b"\r\n" * 1000, b"\0" * 5000, b"GET\r\n\r\n", b"GET /\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                 b"POST /tools/calculator/invoke HTTP/1.1\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                 b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /health HTTP/1.1\r\nHost localhost\r\n\r\n",
                 b"GET /health HTTP/1.1\r\n Host: localhost\r\n\r\n", b"GET /" + b"%" * 1000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: \x00\r\n\r\n"):
        answer = say(web, text)
        assert b" 500 " not in answer[:20], (text, answer)


def test_mutated_requests(unharmed):
    """A good request with bytes changed, left out, doubled."""
    web = unharmed
    rng = random.Random(7)
    body = b'{"input": "6*7"}'
    good = web.head("POST /tools/calculator/invoke?timeout=5 HTTP/1.1", "Content-Type: application/json",
                    "Connection: close", f"Content-Length: {len(body)}") + body
    assert b" 200 " in say(web, good, end=False)
    for _ in range(300 // SLOW):
        text = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            kind = rng.randrange(3)
            if kind == 0:
                text[at] = rng.randrange(256)
            elif kind == 1:
                del text[at:at + rng.randint(1, 20)]
            else:
                text[at:at] = text[at:at + rng.randint(1, 40)]
        say(web, bytes(text))


@pytest.mark.parametrize("headers,status", [
    (["Content-Length: 5", "Content-Length: 5"], 400), (["Content-Length: 5", "Content-Length: 7"], 400),
    (["Transfer-Encoding: chunked", "Content-Length: 5"], 400),
    (["Transfer-Encoding: gzip"], 501), (["Transfer-Encoding: chunked, gzip"], 501),
    (["Content-Length: -1"], 400), (["Content-Length: x"], 400), (["Content-Length: 1e3"], 400),
    (["Content-Length: 99999999999999999999999999"], 413), (["Content-Length: 18446744073709551615"], 413),
    (["Content-Length: 9000000000"], 413)])
def test_framing(unharmed, headers, status):
    """What could be read in two ways is refused, and nothing behind it is taken for a request."""
    web = unharmed
    answer = say(web, web.head("POST /tools/calculator/invoke HTTP/1.1",
                               "Content-Type: application/json", *headers) + b"0\r\n\r\n" + GET)
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert b'"status":"ok"' not in answer


def test_chunks(unharmed):
    web = unharmed
    head = web.head("POST /tools/calculator/invoke HTTP/1.1", "Content-Type: application/json",
                    "Transfer-Encoding: chunked", "Connection: close")
    one_by_one = b"".join(b"1\r\n%c\r\n" % byte for byte in b'{"input": "6*7"}')
    assert b'"result":42' in say(web, head + one_by_one + b"0\r\n\r\n", end=False)
    assert b'"result":42' in say(web, head + b'10;x=y\r\n{"input": "6*7"}\r\n0\r\nTrailer: x\r\n\r\n',
                                 end=False)
    for bad in (b"x\r\n", b"-1\r\n", b"ffffffffffffffffff\r\n", b"10\r\n{", b"1\r\n{}\r\n", b"\r\n\r\n"):
        assert b" 200 " not in say(web, head + bad)


def test_halves(unharmed):
    web = unharmed
    body = b'{"input": "6*7"}'
    whole = web.head("POST /tools/calculator/invoke HTTP/1.1", "Content-Type: application/json",
                     f"Content-Length: {len(body)}") + body
    for size in range(0, len(whole), 3):
        assert b'"result":42' not in say(web, whole[:size])


def test_huge_headers(unharmed):
    web = unharmed
    for head in (web.head("GET /tools HTTP/1.1", "X: " + "x" * 1_000_000),
                 web.head("GET /tools HTTP/1.1", *[f"X{n}: y" for n in range(50_000)]),
                 web.head("GET /" + "x" * 1_000_000 + " HTTP/1.1"),
                 web.head("GET /tools?" + "&".join(f"a{n}=1" for n in range(100_000)) + " HTTP/1.1"),
                 web.head("X" * 1_000_000 + " / HTTP/1.1")):
        answer = say(web, head)
        assert not answer or answer.split()[1] in (b"400", b"413", b"414", b"431", b"405"), answer[:200]
    answer = say(web, web.head("GET /tools HTTP/1.1", "X: " + "x" * 8000, "Connection: close"), end=False)
    assert answer.startswith(b"HTTP/1.1 200"), "what is usual fits"


def test_large_bodies(unharmed, served):
    """Refused ones are thrown away, so that the client reads why; far too large ones are cut."""
    web = unharmed
    path = "/tools/calculator/invoke"
    web.invoke("calculator", {"input": "1"})
    pid = served.daemon.pid

    def rss():
        with open(f"/proc/{pid}/status") as file:
            return int(next(line for line in file if line.startswith("VmRSS")).split()[1])

    before = rss()
    for _ in range(5):
        assert web.ask("POST", path, b" " * 9_000_000).status == 413
        assert web.ask("POST", path, iter([b" " * 3_000_000] * 4), chunked=True).status == 413
        assert web.ask("POST", path, b" " * 1_000_000, Authorization=None).status == 401
        assert web.ask("POST", path, b"[" * 8_000_000).status == 400
    assert web.ask("POST", path, b" " * (8 << 20)).status == 400
    if SLOW == 1:  # sanitizers keep what is freed
        assert rss() < before + 40_000
    web.close()
    with web.raw() as peer:
        peer.sendall(web.head(f"POST {path} HTTP/1.1", "Content-Type: application/json",
                              "Content-Length: 99000000000"))
        assert peer.recv(100).startswith(b"HTTP/1.1 413 ")
    with web.raw() as peer:
        peer.sendall(web.head(f"POST {path} HTTP/1.1", "Content-Type: application/json",
                              "Transfer-Encoding: chunked"))
        sent = 0
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while sent < 200_000_000:
                peer.sendall(b"100000\r\n" + b" " * 0x100000 + b"\r\n")
                sent += 0x100000
        assert 60_000_000 < sent < 200_000_000


def test_pipelining(unharmed):
    """All are answered, in order, also behind a call."""
    web = unharmed
    requests = b""
    for n in range(100):
        body = json.dumps({"input": f"{n}+0"}).encode()
        requests += GET + web.head("POST /tools/calculator/invoke HTTP/1.1",
                                   "Content-Type: application/json",
                                   f"Content-Length: {len(body)}") + body
    with web.raw() as peer:
        writer = threading.Thread(target=peer.sendall, args=(requests,))
        writer.start()
        rest = b""
        for n in range(100):
            status, answer, rest = read_answer(peer, rest)
            assert (status, answer) == (200, {"status": "ok"})
            status, answer, rest = read_answer(peer, rest)
            assert (status, answer["result"]["result"]) == (200, n)
        writer.join()


def test_a_thousand_connections(unharmed, served):
    """256 are served at a time, the others wait until one goes."""
    web = unharmed
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 4096), hard), hard))
    peers = []
    try:
        for _ in range(1000):
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex((web.ip, web.port))
            peers.append(peer)
        wait_until(lambda: served.status()["clients"] == 256, "as many as there may be")
        for peer in peers[:500]:
            peer.close()
        for peer in peers[500:]:
            peer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert web.get("/health").status == 200


def test_many_clients_at_once(unharmed):
    web = unharmed
    answers = []

    def work():
        with web.raw() as peer:
            for n in range(5):
                body = json.dumps({"input": f"{n}*2"}).encode()
                peer.sendall(web.head("POST /tools/calculator/invoke HTTP/1.1",
                                      "Content-Type: application/json",
                                      f"Content-Length: {len(body)}") + body)
                answers.append(read_answer(peer)[1]["result"]["result"] == n * 2)

    threads = [threading.Thread(target=work) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 500


def test_slow_clients_are_cut(unharmed):
    """Who sends a byte now and then holds a connection for ten seconds, not for ever. This waits for
    a time-out, so it takes that long."""
    web = unharmed
    began = time.monotonic()
    with web.raw() as silent, web.raw() as slow:
        text = iter(web.head("GET /tools HTTP/1.1", "X: " + "x" * 500))
        open_ones = {silent, slow}
        while open_ones:
            assert time.monotonic() - began < 10 + 20 * SLOW
            try:
                slow.send(bytes([next(text)]))
            except OSError:
                pass
            for peer in select.select(list(open_ones), [], [], 0.1)[0]:
                try:
                    assert not peer.recv(1000)
                except ConnectionResetError:
                    pass
                open_ones.remove(peer)
    assert time.monotonic() - began > 8


def test_a_client_that_does_not_read(unharmed):
    """Asks for much, reads nothing, goes."""
    web = unharmed
    with web.raw() as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.settimeout(1)
        try:
            while True:
                peer.sendall(web.head("GET /tools HTTP/1.1") * 20)
        except TimeoutError:
            pass
        assert web.get("/health").status == 200, "others are served"


def test_no_wake_ups_at_rest(web, served):
    """Also while a client holds its connection."""
    assert web.get("/health").status == 200

    def switches():
        total = 0
        for task in os.listdir(f"/proc/{served.daemon.pid}/task"):
            folder = f"/proc/{served.daemon.pid}/task/{task}"
            if open(f"{folder}/comm").read() != "http\n":
                continue
            total += sum(int(line.split()[1]) for line in open(f"{folder}/status")
                         if "ctxt_switches" in line)
        return total

    def is_at_rest():
        before = switches()
        time.sleep(1.5)  # the only way to see that nothing happens
        return switches() == before

    wait_until(is_at_rest, "rest")
