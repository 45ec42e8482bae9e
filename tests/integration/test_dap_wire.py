# SPDX-License-Identifier: Apache-2.0
"""DAP on the wire: framing, order, what is not DAP; nothing of it needs a program."""
import json
import os
import signal
import socket
import struct
import time

import pytest

from dap_session import (  # noqa: F401 (fixtures)
    PATIENCE, connect, daemon_port, dap, llmspell, open_dap, script, start_stdio)


def test_handshake(dap):
    capabilities = dap.ask("initialize", adapterID="test")
    assert capabilities["supportsConfigurationDoneRequest"] is True
    assert [f["filter"] for f in capabilities["exceptionBreakpointFilters"]] == ["raised", "uncaught"]
    dap.event("initialized")
    dap.ask("disconnect")
    dap.end()


def test_stdio_process_ends_with_its_client(llmspell):
    dap = start_stdio(llmspell)
    dap.ask("initialize", adapterID="test")
    dap.ask("disconnect")
    dap.end()
    assert dap.process.wait(30) == 0
    assert dap.process.stderr.read() == b""
    dap.process = None
    dap.close()


@pytest.mark.parametrize("way", ["silence", "unread answers"])
def test_stdio_process_ends_when_its_client_dies(llmspell, way):
    dap = start_stdio(llmspell)
    if way == "unread answers":
        dap.send("initialize", adapterID="test")
    os.close(dap.out_fd)
    os.close(dap.in_fd)
    dap.in_fd = dap.out_fd = -1
    assert dap.process.wait(30) == 0


HEADERS = {
    "lower case": b"content-length: %d\r\n\r\n",
    "upper case, no blank": b"CONTENT-LENGTH:%d\r\n\r\n",
    "another line before": b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
    "another line behind": b"Content-Length: %d\r\nX-Other: a: b\r\n\r\n",
    "bare newlines": b"Content-Length: %d\n\n",
    "blanks": b"Content-Length: \t%d \r\n\r\n",
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(dap, name):
    body = json.dumps({"seq": 1, "type": "request", "command": "initialize", "arguments": {}}).encode()
    dap.asked[1] = "initialize"
    dap.write(HEADERS[name] % len(body) + body)
    assert dap.response(1)["success"]


def test_byte_by_byte(dap):
    dap.seq, dap.asked[1] = 1, "initialize"
    for byte in dap.frame({"seq": 1, "type": "request", "command": "initialize"}):
        dap.write(bytes([byte]))
    assert dap.response(1)["success"]


def test_many_in_one_write(dap):
    dap.seq, count = 1000, 1000
    frames = b"".join(dap.frame({"seq": n, "type": "request", "command": "initialize"})
                      for n in range(1, count + 1))
    dap.asked = {n: "initialize" for n in range(1, count + 1)}
    dap.write(frames)
    assert dap.response(1)["success"]
    for n in range(2, count + 1):
        assert dap.response(n)["message"] == "initialize has been answered already"


BROKEN = {
    "no JSON": b"{",
    "a list": b"[]",
    "a text": b'"initialize"',
    "nothing": b"",
    "no command": b'{"seq": 1, "type": "request"}',
    "a number for a command": b'{"seq": 1, "type": "request", "command": 7}',
    "arguments that are a list": b'{"seq": 1, "type": "request", "command": "initialize", "arguments": [1]}',
    "invalid UTF-8": b'{"seq": 1, "type": "request", "command": "\xff\xfe"}',
    "a key twice": b'{"seq": 1, "seq": 2, "type": "request", "command": "initialize"}',
    "deep": b'{"seq": 1, "type": "request", "command": "initialize", "arguments": ' + b"[" * 5000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_not_a_request_is_refused_and_the_next_one_answered(dap, name):
    dap.asked.update({0: "", 1: "initialize"})
    body = BROKEN[name]
    dap.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    answer = dap.message(time.monotonic() + PATIENCE)
    assert answer["type"] == "response" and answer["success"] is False and answer["message"], answer
    dap.last_seq = answer["seq"]
    dap.seq = 1
    assert dap.ask("initialize", adapterID="test")


NO_FRAMES = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no length": b"Content-Type: json\r\n\r\n{}",
    "no number": b"Content-Length: many\r\n\r\n{}",
    "negative": b"Content-Length: -5\r\n\r\n{}",
    "a gigabyte": b"Content-Length: 1073741824\r\n\r\n{}",
    "too many digits": b"Content-Length: 99999999999999999999999\r\n\r\n{}",
    "no end": b"x" * 9000,
    "binary": bytes(range(256)) * 40,
}


@pytest.mark.parametrize("name", NO_FRAMES)
def test_what_is_no_frame_ends_that_connection_only(llmspell, daemon_port, open_dap, name):
    bad = connect(daemon_port)
    bad.write(NO_FRAMES[name])
    bad.end()
    bad.close()
    assert open_dap(daemon_port).ask("initialize", adapterID="test")
    assert "a client was dropped" in llmspell.log()


def test_resets_and_half_open_peers(llmspell, daemon_port, open_dap):
    for _ in range(20):
        raw = socket.create_connection(("127.0.0.1", daemon_port), 10)
        raw.sendall(b"Content-Length: 100\r\n\r\n{")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    assert open_dap(daemon_port).ask("initialize", adapterID="test")


def test_who_has_gone_before_being_accepted_takes_no_room(llmspell, daemon_port, open_dap):
    pid = llmspell.json("kernel", "status", "test")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(8):
            raw = socket.create_connection(("127.0.0.1", daemon_port), 10)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()
        dap = open_dap(daemon_port)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert dap.ask("initialize", adapterID="test")


def test_more_clients_than_there_is_room_for(daemon_port, open_dap):
    first = [open_dap(daemon_port) for _ in range(8)]
    for one in first:
        one.ask("initialize", adapterID="test")
    open_dap(daemon_port).end()  # closed at once
    first[0].ask("disconnect")
    first[0].end()
    assert open_dap(daemon_port).ask("initialize", adapterID="test")


def test_errors_that_name_the_cure(dap):
    assert dap.fail("threads") == "threads came before initialize"
    dap.ask("initialize", adapterID="test")
    assert dap.fail("stackTrace", threadId=1) == "stackTrace came before launch or attach"
    assert dap.fail("fly") == "llmspell has no request fly; the answer to initialize tells what there is"
    assert dap.fail("launch") == 'launch needs "program", the Lua file to run'


@pytest.mark.parametrize("program, why", [
    ("/nonexistent/x.lua", "No such file or directory"), ("/", "it is a folder"),
    ("/dev/null", "it is not a regular file")])
def test_programs_that_cannot_run(dap, program, why):
    dap.ask("initialize", adapterID="test")
    message = dap.fail("launch", program=program)
    assert message == f'cannot run {program}: {why}; "program" has to name a Lua file'


def test_a_program_that_is_not_utf8(dap, tmp_path):
    path = tmp_path / "latin.lua"
    path.write_bytes(b"print('\xe9')")
    dap.ask("initialize", adapterID="test")
    assert "it is not UTF-8" in dap.fail("launch", program=str(path))


def test_port_in_use(llmspell):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = llmspell.run("debug", "--listen", port)
    assert result.status != 0
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use; port 0 takes a free one" \
        in result.err


@pytest.mark.parametrize("arguments, message", [
    (("--stdio", "--listen", "1"), "--stdio and --listen exclude each other"),
    (("--listen", "70000"), "70000"),
    (("--kernel", "x"), "[protocol.dap] port")])
def test_usage(llmspell, arguments, message):
    result = llmspell.run("debug", *arguments)
    assert result.status == 2 and message in result.err


def test_status_tells_the_port(llmspell, daemon_port):
    assert f"\nports        dap {daemon_port}\n" in llmspell.run("kernel", "status").out


def test_it_is_off_by_default(llmspell):
    llmspell.start()
    status = llmspell.json("kernel", "status", "--kernel", "test")
    dap = next(p for p in status["protocols"] if p["name"] == "dap")
    assert dap["serving"] and "port" not in dap
