# SPDX-License-Identifier: Apache-2.0
"""Clients of the http protocol for the tests: Python's http.client, checked on the way, and plain
sockets for what http.client would not send."""
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time

import pytest

from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, llmspell, open_session, wait_until)
from plugins.reload import Daemon

CODES = {200: None, 400: {"invalid_params", "parse_error", "protocol_error"},
         401: {"permission_denied"}, 403: {"permission_denied"}, 404: {"not_found", "unknown_tool"},
         405: {"invalid_params"}, 413: {"limit_exceeded"}, 415: {"invalid_params"},
         421: {"permission_denied"}, 422: {"failed"}, 429: {"busy"}, 499: {"cancelled"},
         500: {"io_error", "out_of_memory", "protocol_error"}, 501: {"protocol_error"},
         502: {"network_error"}, 503: {"unavailable", "plugin_refused"}, 504: {"timeout"}}


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.text = status, headers, body
        self.json = json.loads(body.decode()) if body else None

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.text[:500]}"


def check(answer, method):
    """What every answer of the plugin has."""
    headers = answer.headers
    assert headers["Content-Type"] == "application/json" and headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in headers.keys() if name.lower().startswith("access-control")]
    if method == "HEAD":
        assert not answer.text and int(headers["Content-Length"]) > 0
        return answer
    assert answer.text.endswith(b"}\n") and len(answer.text) == int(headers["Content-Length"])
    assert answer.json["status"] == ("ok" if answer.status == 200 else "error"), answer
    if answer.status != 200:
        assert answer.error["code"] in CODES[answer.status] and answer.error["message"], answer
        assert "traceback" not in answer.json
    return answer


class Http:
    """A client that keeps its connection."""

    def __init__(self, found):
        self.ip, self.port, self.token = found["ip"], found["port"], found["token"]
        self.connection = http.client.HTTPConnection(self.ip, self.port, timeout=PATIENCE)

    def headers(self, **changes):
        """None leaves one out; _ stands for -."""
        given = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json",
                 **{name.replace("_", "-"): value for name, value in changes.items()}}
        return {name: value for name, value in given.items() if value is not None}

    def send(self, method, path, body=None, chunked=False, **headers):
        if not isinstance(body, (bytes, str, type(None))) and not chunked:
            body = json.dumps(body)
        self.connection.request(method, path, body, self.headers(**headers), encode_chunked=chunked)

    def receive(self, method="POST"):
        response = self.connection.getresponse()
        return check(Answer(response.status, response.headers, response.read()), method)

    def ask(self, method, path, body=None, **options):
        self.send(method, path, body, **options)
        return self.receive(method)

    def get(self, path, **headers):
        return self.ask("GET", path, **headers)

    def invoke(self, tool, params=None, query="", **headers):
        return self.ask("POST", f"/tools/{tool}/invoke{query}", params, **headers)

    def raw(self):
        return socket.create_connection((self.ip, self.port), timeout=PATIENCE)

    def head(self, line, *more):
        """The bytes of a request's head, with the token."""
        lines = [line, "Host: localhost", f"Authorization: Bearer {self.token}", *more, "", ""]
        return "\r\n".join(lines).encode()

    def close(self):
        self.connection.close()


def read_all(peer):
    """Until the other side closes; a reset counts as that, since what was not read is lost."""
    data = b""
    while True:
        try:
            piece = peer.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def read_answer(peer, data=b""):
    """One answer of a connection that stays: its status, its JSON, and what came behind it."""
    while b"\r\n\r\n" not in data:
        piece = peer.recv(65536)
        assert piece, data
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    size = int([line for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")][0]
               .split(b":")[1])
    while len(rest) < size:
        piece = peer.recv(65536)
        assert piece, data
        rest += piece
    return int(head.split()[1]), json.loads(rest[:size]), rest[size:]


class Served:
    """A daemon that serves http behind jupyter."""

    def __init__(self, daemon):
        self.daemon, self.opened = daemon, []

    def start(self, *args, protocol="jupyter,http", **section):
        self.daemon.set(kernel={"protocol": protocol}, protocol__http=section or None)
        self.daemon.start(*args)
        return self

    @property
    def found(self):
        """What the connection file says about http."""
        whole = self.daemon.whole_connection
        return whole if whole["protocol"] == "http" else whole["protocols"]["http"]

    def client(self):
        self.opened.append(Http(self.found))
        return self.opened[-1]

    def status(self):
        row, = [row for row in self.daemon.status()["protocols"] if row["name"] == "http"]
        return row

    def curl(self, *args, **options):
        done = subprocess.run(["curl", "-sS", "--max-time", str(PATIENCE), *args], text=True,
                              capture_output=True, **options)
        assert done.returncode == 0, done
        return done.stdout


@pytest.fixture
def served(llmspell, tmp_path, open_session):
    one = Served(Daemon(llmspell, tmp_path, open_session))
    yield one
    for client in one.opened:
        client.close()


@pytest.fixture
def web(served):
    return served.start().client()
