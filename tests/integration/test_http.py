# SPDX-License-Identifier: Apache-2.0
"""The http protocol: every path, every error, its life beside other protocols."""
import json
import os
import signal
import socket
import stat
import subprocess
import threading

import pytest

from conftest import ROOT, SLOW
from http_session import (  # noqa: F401 (fixtures)
    Http, llmspell, open_session, read_all, served, wait_until, web)
from jupyter_session import PATIENCE, RUN_ON, SPIN
from test_daemon_manager import listeners, manager, service  # noqa: F401 (fixtures)

CALCULATOR = json.loads((ROOT / "plugins/tools/calculator/calculator.json").read_text())


# ---- the paths ----

def test_health_needs_no_token(web):
    answer = web.get("/health", Authorization=None)
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert web.ask("HEAD", "/health", Authorization=None).status == 200


def test_tools_are_listed(web, served):
    tools = web.get("/tools").json["tools"]
    assert tools == served.daemon.llmspell.json("tool", "list")
    assert {"calculator", "hash_calculator"} <= {tool["name"] for tool in tools}
    some = web.get("/tools?category=utility").json["tools"]
    assert some == [tool for tool in tools if tool["category"] == "utility"] != []
    for query in ("hash%20hmac", "hash+hmac", "HASH&category=utility"):
        assert [t["name"] for t in web.get(f"/tools?query={query}").json["tools"]] == ["hash_calculator"]
    assert web.get("/tools?query=zzzz").json["tools"] == []
    assert web.get("/tools?category=zzzz").json["tools"] == []
    assert web.get("/tools?query=").json["tools"] == tools
    size = int(web.ask("HEAD", "/tools").headers["Content-Length"])
    assert size == len(web.get("/tools").text) and size > 1000


def test_a_tool_is_described(web):
    for name in ("calculator", "Calculator", *CALCULATOR["aliases"]):
        answer = web.get(f"/tools/{name}").json
        assert answer["tool"] == "calculator"
        assert {key: answer["info"][key] for key in CALCULATOR} == CALCULATOR
        assert answer["info"]["level"] == "safe"
    answer = web.get("/tools/nope")
    assert (answer.status, answer.error["code"]) == (404, "unknown_tool")


def test_a_tool_is_called(web):
    answer = web.invoke("calculator", {"input": "6*7"})
    assert answer.status == 200 and answer.json["tool"] == "calculator"
    assert answer.json["result"] == {"input": "6*7", "result": 42, "type": "integer"}
    assert answer.json["duration_ms"] > 0
    assert b"0.3333333333333333," in web.invoke("calculator", {"input": "1/3"}).text
    answer = web.invoke("text_manipulator", {"operation": "uppercase", "input": "žluťoučký 🦊"},
                        Content_Type='Application/JSON; charset="UTF-8"')
    assert "ŽLUŤOUČKÝ 🦊" in answer.text.decode()


def test_a_tool_is_tested(web):
    answer = web.ask("POST", "/tools/calculator/test")
    assert answer.status == 200 and answer.json["tool"] == "calculator"
    assert [test["status"] for test in answer.json["tests"]] == ["ok"] * len(CALCULATOR["examples"])
    assert web.ask("POST", "/tools/calculator/test", {}).status == 200
    assert web.ask("POST", "/tools/calculator/test", {"a": 1}).status == 400
    assert web.ask("POST", "/tools/nope/test").status == 404


def test_curl(served):
    found = served.start().found
    url = f"http://{found['ip']}:{found['port']}"
    token = ["-H", f"Authorization: Bearer {found['token']}"]
    out = served.curl(*token, "--json", '{"input": "6*7"}', f"{url}/tools/calculator/invoke")
    assert json.loads(out)["result"]["result"] == 42
    out = served.curl(*token, "-I", f"{url}/tools")
    assert out.startswith("HTTP/1.1 200 OK\n")
    waits = ["-H", "Expect: 100-continue", "-v", "-o", "/dev/null", "--stderr", "-"]
    big = "@-"
    text = json.dumps({"input": "1+1" + " " * 3_000_000})
    out = served.curl(*token, *waits, "--json", big, f"{url}/tools/calculator/invoke", input=text)
    assert "< HTTP/1.1 100 Continue" in out and out.count("< HTTP/1.1") == 2
    out = served.curl(*waits, "--json", big, f"{url}/tools/calculator/invoke", input=text)
    assert "100 Continue" not in out and "< HTTP/1.1 401" in out
    out = served.curl(*token, "-H", "Transfer-Encoding: chunked", "--json", '{"input": "2+2"}',
                      f"{url}/tools/calculator/invoke")
    assert json.loads(out)["result"]["result"] == 4


# ---- errors ----

def test_errors_of_the_caller(web):
    def error(method, path, body=None, **options):
        answer = web.ask(method, path, body, **options)
        return answer.status, answer.error["code"], answer.error.get("path")

    call = "/tools/calculator/invoke"
    assert error("POST", call) == (400, "invalid_params", "/input")
    assert error("POST", call, {"input": 1}) == (400, "invalid_params", "/input")
    assert error("POST", call, {"input": "1", "x": 1}) == (400, "invalid_params", "/x")
    assert error("POST", call, {"input": "1+"})[:2] == (400, "parse_error")
    for text in ('{"input":', "", " ", "[1,", "{'a': 1}", '{"a": 1, "a": 2}', "\xff", "nul", "{}x",
                 "[" * 5000, '{"a": 1e999}', '{"a": "\\ud800"}'):
        found = error("POST", call, text.encode("latin-1"))
        assert found == ((400, "invalid_params", "/input") if not text else
                         (400, "parse_error", "")), text
    for text in ("[]", "1", '"x"', "null", "true"):
        assert error("POST", call, text) == (400, "invalid_params", ""), text
    assert error("POST", call + "?timeout=1&timeout=2", {}) == (400, "invalid_params", "/timeout")
    for text in ("0", "-1", "x", "", "1e3", "1.", ".5", "0.0001", "1" * 10, "1%00"):
        assert error("POST", f"{call}?timeout={text}", {}) == (400, "invalid_params", "/timeout"), text
    assert error("POST", call + "?when=1", {}) == (400, "invalid_params", "/when")
    assert error("GET", "/tools?nmae=x") == (400, "invalid_params", "/nmae")
    assert error("GET", "/tools?query=%FF") == (400, "invalid_params", "/query")
    assert error("GET", "/tools/calculator?query=x")[:2] == (400, "invalid_params")
    assert error("GET", "/tools/%FF") == (400, "invalid_params", "/name")
    assert web.invoke("calculator", {"input": "2*3"}, "?timeout=2.5").json["result"]["result"] == 6


@pytest.mark.parametrize("path", ["/", "/tool", "/tools/", "/tools//invoke", "/tools/calculator/",
                                  "/tools/calculator/run", "/tools/calculator/invoke/",
                                  "/tools/a/b/invoke", "/tools/a%2Fb/invoke", "/health/", "//health",
                                  "/HEALTH", "/tools/../health", "/tools%00", "*"])
def test_paths_that_are_not_there(web, path):
    answer = web.get(path)
    assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert web.ask("POST", path, {}).status == 404


def test_methods(web):
    for path, allow in (("/health", "GET, HEAD"), ("/tools", "GET, HEAD"),
                        ("/tools/calculator", "GET, HEAD"), ("/tools/calculator/invoke", "POST"),
                        ("/tools/calculator/test", "POST")):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "GE", "BREW"):
            answer = web.ask(method, path)
            if method in allow.split(", "):
                assert answer.status in (200, 400)
            else:
                assert answer.status == 405 and answer.headers["Allow"] == allow, (method, path)


def test_types(web):
    body = '{"input": "1"}'
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                 "application/json; charset=latin1", "application/json; x=y", ""):
        assert web.ask("POST", "/tools/calculator/invoke", body, Content_Type=kind).status == 415, kind
    assert web.invoke("calculator", body, Content_Encoding="gzip").status == 415
    assert web.invoke("calculator", body, Content_Encoding="identity").status == 200
    assert web.ask("POST", "/tools/calculator/test", Content_Type=None).status == 200
    assert web.ask("GET", "/tools/calculator", "a body that nobody reads",
                   Content_Type="text/plain").status == 200


def test_status_of_errors(served, tmp_path):
    served.daemon.counter()
    web = served.start().client()
    missing = tmp_path / "work" / "missing"
    answer = web.invoke("counter", {"read": str(missing)})
    assert (answer.status, answer.error["path"]) == (404, "/read")
    assert web.invoke("counter", {"read": "/etc/passwd"}).status == 403
    answer = web.invoke("counter", {"until": str(missing)}, "?timeout=0.05")
    assert (answer.status, answer.error["code"]) == (504, "timeout")
    answer = web.invoke("hash_calculator", {"operation": "hash", "file": str(missing)})
    assert answer.status == 404 and answer.json["tool"] == "hash_calculator"


# ---- who may ask ----

def test_the_token(web, served):
    good = web.token
    assert len(good) == 64 and set(good) <= set("0123456789abcdef")
    for token in (None, "", "Bearer", "Bearer ", f"Bearer {good[:-1]}", f"Bearer {good}0", good,
                  f"Basic {good}", "Bearer " + "0" * 64, f"Bearer {good} {good}"):
        for path in ("/tools", "/tools/calculator", "/nothing"):
            answer = web.get(path, Authorization=token)
            assert answer.status == 401, token
            assert answer.headers["WWW-Authenticate"] == 'Bearer realm="llmspell"'
    assert web.get("/tools", Authorization=f"bearer  {good}").status == 200
    log = served.daemon.llmspell.log()
    assert "without the right token" in log and good not in log
    assert log.count("without the right token") <= 5, "few a second"


def test_the_token_is_nowhere_but_in_the_file(web, served):
    """Not in the log either, whatever a client sends."""
    served.daemon.lua(f"Log.info('{web.token}')")
    web.get(f"/tools?{web.token}")
    assert stat.S_IMODE(os.stat(served.daemon.connection_file).st_mode) == 0o600
    assert web.token not in served.daemon.llmspell.log()
    assert "[redacted]" in served.daemon.llmspell.log()
    assert web.token not in json.dumps(served.daemon.status())
    dump = served.daemon.session.ask("dump_request", channel="control").reply
    assert web.token not in json.dumps(dump)


@pytest.mark.parametrize("host,good", [
    ("localhost", True), ("LOCALHOST:80", True), ("localhost.", True), ("127.0.0.1", True),
    ("127.9.9.9:1", True), ("[::1]", True), ("[::1]:99", True), ("evil.example", False),
    ("localhost.evil.example", False), ("127.0.0.1.evil.example", False), ("10.0.0.1", False),
    ("[fe80::1]", False), ("::1", False), ("localhost:x", False), ("[::1", False), ("", False),
    ("localhost, evil", False), ("a" * 300, False), ("0x7f.1", False), ("[::1]x", False)])
def test_hosts(web, host, good):
    """A page whose name was rebound to this address cannot ask, not even whether we are there."""
    answer = web.get("/health", Host=host)
    assert answer.status == (200 if good else 421)


def test_the_host_is_needed(web):
    def status(text):
        with web.raw() as peer:
            peer.sendall(text)
            return int(peer.recv(65536).split()[1])
    assert status(b"GET /health HTTP/1.1\r\n\r\n") == 400
    assert status(b"GET /health HTTP/1.0\r\n\r\n") == 200
    assert status(b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n") == 400
    assert status(b"GET /health HTTP/1.1\r\nHost: evil\r\n\r\n") == 421


# ---- its settings ----

def test_settings(served):
    token = "of-my-own.ini-0123"
    web = served.start(token=token, max_body=2048).client()
    assert served.found["token"] == web.token == token
    fits = json.dumps({"input": "1+1"}).ljust(2048)
    assert web.invoke("calculator", fits).status == 200
    assert web.invoke("calculator", fits + " ").status == 413
    assert web.ask("POST", "/tools/calculator/invoke", iter([fits.encode()]), chunked=True).status == 200
    assert web.ask("POST", "/tools/calculator/invoke", iter([fits.encode(), b" "]),
                   chunked=True).status == 413
    assert web.invoke("calculator", fits).status == 200, "the connection goes on"
    assert token not in served.daemon.llmspell.log()


@pytest.mark.parametrize("setting,value,why", [
    ("token", "short", "16 to 256"), ("token", "with a blank in the midst", "16 to 256"),
    ("ip", "localhost", "not a numeric address"), ("port", "65536", "65535"),
    ("max_body", "0", "1024"), ("ip", "192.0.2.1", "cannot listen"), ("bogus", "1", "bogus")])
def test_settings_that_are_wrong(llmspell, setting, value, why):
    done = llmspell.run("--set", "kernel.protocol=jupyter,http", "--set",
                        f"protocol.http.{setting}={value}", "kernel", "start", "--daemon", "--id", "x")
    assert done.status != 0 and why in done.err, done


def test_a_port_that_is_taken(llmspell):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = llmspell.run("--set", "kernel.protocol=jupyter,http", "--set",
                            f"protocol.http.port={port}", "kernel", "start", "--daemon", "--id", "x")
    assert done.status != 0 and f"127.0.0.1 port {port}" in done.err, done


def test_ipv6(served):
    web = served.start(ip="::1").client()
    assert served.found["ip"] == "::1"
    assert web.invoke("calculator", {"input": "1"}).status == 200


def test_all_addresses(served):
    """The Host may be the address that was connected to."""
    found = served.start(ip="0.0.0.0").found
    own = subprocess.run(["hostname", "-I"], text=True, capture_output=True).stdout.split()
    own = [ip for ip in own if ":" not in ip] or ["127.0.0.1"]
    web = Http({**found, "ip": own[0]})
    assert web.get("/health").status == 200
    assert web.get("/health", Host="10.255.255.1").status == (200 if own[0] == "10.255.255.1" else 421)
    web.close()


def test_no_port(served):
    """-1: only a socket of the service manager; without one nothing listens, and that is no error."""
    served.start(port=-1)
    assert "protocols" not in served.daemon.whole_connection
    assert served.status()["clients"] == 0 and "port" not in served.status()
    served.daemon.reload(protocol__http=None)
    assert served.client().get("/health").status == 200


def test_alone(served, llmspell):
    """The first protocol is the connection file; commands cannot reach its kernel, and say so."""
    served.daemon.set(kernel={"protocol": "http"})
    started = llmspell.start("-c", served.daemon.ini)
    served.daemon.connection_file = started["connection_file"]
    found = served.found
    assert found["protocol"] == "http" and found["kernel_id"] == "test"
    web = served.client()
    assert web.invoke("calculator", {"input": "6*7"}).status == 200
    done = llmspell.run("-k", "test", "exec", "return 1")
    assert done.status != 0 and "has no connect half" in done.err, done


# ---- beside a script ----

def test_two_clients_while_a_script_runs(served):
    web, other = served.start().client(), served.client()
    session = served.daemon.session
    running = session.start_running(RUN_ON)
    answers = []

    def work(client, factor):
        for n in range(50):
            answer = client.invoke("calculator", {"input": f"{n}*{factor}"})
            answers.append(answer.json["result"]["result"] == n * factor)

    threads = [threading.Thread(target=work, args=pair) for pair in ((web, 3), (other, 5))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 100
    assert served.status()["clients"] == 2
    session.ask("interrupt_request", channel="control")
    assert session.reply(running)["content"]["ename"] == "KeyboardInterrupt"


def test_events_name_the_request(served):
    """Other clients see what is called, as everything on the bus."""
    web = served.start().client()
    session = served.daemon.session
    web.invoke("calculator", {"input": "1"})
    header = session.foreign_event("status")["parent_header"]
    while not header["msg_id"].startswith("http-"):
        header = session.foreign_event("status")["parent_header"]
    assert header["msg_type"] == "tool_request" and header["username"] == "http"


# ---- cancellation ----

@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_a_client_that_hangs_up(served, tmp_path, how):
    served.daemon.counter()
    web = served.start().client()
    started = tmp_path / "started"
    body = json.dumps({"started": str(started), "until": str(tmp_path / "never")}).encode()
    peer = web.raw()
    peer.sendall(web.head("POST /tools/counter/invoke HTTP/1.1", "Content-Type: application/json",
                          f"Content-Length: {len(body)}") + body)
    wait_until(started.exists, "the call under way")
    session = served.daemon.session
    assert session.ask("status_request", channel="control").reply["active"] == 2
    if how == "half":
        peer.shutdown(socket.SHUT_WR)
        said = read_all(peer)  # libmicrohttpd may see the end first, and not answer
        assert not said or (said.startswith(b"HTTP/1.1 499 ") and b'"cancelled"' in said)
    elif how == "reset":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    peer.close()
    wait_until(lambda: session.ask("status_request", channel="control").reply["active"] == 1,
               "the call cancelled")
    wait_until(lambda: served.status()["clients"] == 0, "the client gone")
    assert web.invoke("counter", {}).json["result"]["calls"] == 2


def test_others_go_on_when_one_hangs_up(served, tmp_path):
    served.daemon.counter()
    web = served.start().client()
    files = {name: tmp_path / name for name in ("a", "b", "until")}
    goes = web.raw()
    for peer, name in ((goes, "a"), (None, "b")):
        params = {"started": str(files[name]), "until": str(files["until"])}
        if peer:
            body = json.dumps(params).encode()
            peer.sendall(web.head("POST /tools/counter/invoke HTTP/1.1",
                                  "Content-Type: application/json",
                                  f"Content-Length: {len(body)}") + body)
        else:
            web.send("POST", "/tools/counter/invoke", params)
        wait_until(files[name].exists, "a call under way")
    goes.close()
    wait_until(lambda: served.status()["clients"] == 1, "one client gone")
    files["until"].touch()
    assert web.receive().status == 200


def test_a_call_is_cancelled_over_jupyter(served, tmp_path):
    served.daemon.counter()
    web = served.start().client()
    session = served.daemon.session
    started = tmp_path / "started"
    web.send("POST", "/tools/counter/invoke", {"started": str(started), "until": "/nowhere/x"})
    wait_until(started.exists, "a call under way")
    header = session.foreign_event("status")["parent_header"]
    while not header["msg_id"].startswith("http-"):
        header = session.foreign_event("status")["parent_header"]
    session.ask("interrupt_request", {"msg_id": header["msg_id"]}, channel="control")
    answer = web.receive()
    assert (answer.status, answer.error["code"]) == (499, "cancelled")


# ---- its life ----

def test_reload(served):
    """Other settings: the port and the token stay, as long as the section does not change them."""
    web = served.start().client()
    assert web.invoke("calculator", {"input": "1"}).status == 200
    before = served.found
    outcome = served.daemon.reload(protocol__http={"max_body": "1024"})
    assert outcome["protocols"]["replaced"] == ["http"] and served.found == before
    web.close()
    assert web.invoke("calculator", json.dumps({"input": "1"}).ljust(1025)).status == 413
    web.close()
    served.daemon.reload(protocol__http={"token": "t" * 20})
    assert served.found == {**before, "token": "t" * 20}
    assert web.get("/tools").status == 401
    web.close()
    served.daemon.reload(protocol__http=None)
    after = served.found
    assert after["port"] == before["port"] and after["token"] not in ("t" * 20, before["token"])
    served.daemon.reload(kernel={"protocol": "jupyter"})
    assert "protocols" not in served.daemon.whole_connection
    with pytest.raises(ConnectionRefusedError):
        web.raw()
    outcome = served.daemon.reload(kernel={"protocol": "jupyter,http"})
    assert outcome["protocols"]["started"] == ["http"]
    assert served.client().get("/health").status == 200


def test_unavailable_closes_the_connection(web):
    """Who is told so by a protocol that is being replaced must not send on to it."""
    answer = web.invoke("hash_calculator", {"operation": "hmac", "input": "x", "key_secret": "none"})
    assert (answer.status, answer.error["code"]) == (503, "unavailable")
    assert answer.headers["Connection"] == "close" and web.connection.sock is None
    assert web.get("/tools/calculator").status == 200


def test_reload_while_it_works(served, tmp_path):
    """The caller hears it; what is called goes on."""
    served.daemon.counter()
    web = served.start().client()
    started, until = tmp_path / "started", tmp_path / "until"
    idle = served.client()
    assert idle.get("/health").status == 200
    web.send("POST", "/tools/counter/invoke", {"started": str(started), "until": str(until)})
    wait_until(started.exists, "a call under way")
    served.daemon.reload(protocol__http={"max_body": "2048"})
    answer = web.receive()
    assert (answer.status, answer.error["code"]) == (503, "unavailable")
    assert answer.headers["Connection"] == "close"
    until.touch()
    assert web.invoke("counter", {}).json["result"]["calls"] == 2
    assert web.port == served.found["port"] and web.token == served.found["token"]


def test_a_port_that_a_reload_cannot_have(served):
    web = served.start().client()
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        served.daemon.set(protocol__http={"port": str(taken)})
        failed, = served.daemon.ask()["protocols"]["failed"]
        assert failed["name"] == "http" and f"port {taken}" in failed["message"]
    assert web.get("/tools").status == 200, "the old one serves on, same port, same token"


@pytest.mark.parametrize("how", ["restart", "crash"])
def test_the_port_and_the_token_outlive_the_process(served, how):
    web = served.start().client()
    before = served.found
    assert web.get("/tools").status == 200
    if how == "restart":
        assert served.daemon.llmspell.run("kernel", "restart", "test").status == 0
    else:
        os.kill(served.daemon.pid, signal.SIGKILL)
        wait_until(lambda: not os.path.exists(f"/proc/{served.daemon.pid}/exe"), "the end")
        served.daemon.start()
    assert served.found == before
    web.close()
    assert web.get("/tools").status == 200


@pytest.mark.parametrize("wait", [True, False])
def test_shutdown_answers(served, tmp_path, wait):
    served.daemon.counter()
    web = served.start().client()
    started, until = tmp_path / "started", tmp_path / "until"
    web.send("POST", "/tools/counter/invoke", {"started": str(started), "until": str(until)})
    wait_until(started.exists, "a call under way")
    served.daemon.session.send("shutdown_request", {"restart": False, "wait": wait},
                               channel="control")
    if wait:
        until.touch()
    answer = web.receive()
    if wait:
        assert answer.status == 200 and answer.json["result"]["calls"] == 1
    else:
        assert answer.status == 499 and answer.json["error"]["code"] == "cancelled"
    wait_until(lambda: not os.path.exists(served.daemon.connection_file), "the end")


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_an_inherited_socket(service, tmp_path, kind):
    daemon = service.daemon
    daemon.settings["kernel"] = {"protocol": "jupyter,http"}
    daemon.settings["protocol.http"] = {"token": "t" * 30}
    path = str(tmp_path / "socket")
    listener = socket.create_server(("127.0.0.1", 0)) if kind == "tcp" else \
        socket.create_server(path, family=socket.AF_UNIX)
    with listener:
        one = service(sockets=[listener], names="http")
        one.wait_ready()
        found = daemon.whole_connection["protocols"]["http"]

        def health(token):
            target = ["--unix-socket", path, "http://localhost/tools"] if kind == "unix" else \
                [f"http://127.0.0.1:{found['port']}/tools"]
            return subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H",
                                   f"Authorization: Bearer {token}", *target], text=True,
                                  capture_output=True, timeout=PATIENCE).stdout
        if kind == "tcp":
            assert found["port"] == listener.getsockname()[1]
        assert health("t" * 30) == "200" and health("x" * 30) == "401"
        daemon.session = daemon.open_session(daemon.connection_file)
        outcome = daemon.reload(**{"protocol.http": {"token": "u" * 30}})
        assert outcome["protocols"]["replaced"] == ["http"]
        assert health("u" * 30) == "200"
        assert one.end() == 0
