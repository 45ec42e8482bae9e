# SPDX-License-Identifier: Apache-2.0
"""llmspell.http/1, llmspell.state/1 and llmspell.secret/1 through the real binary: a tool that hands
its parameters on (plugins/extend.c), and a local HTTP server with bad manners."""
import json
import signal
import socket
import subprocess
import time

import pytest

from conftest import SLOW
from plugins import maker
from web_server import Server, make_certificate

ANY = {"type": "object", "properties": {"operation": {"type": "string"}, "key": {}, "url": {}}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three tools of one source, which differ in what their manifests ask for."""
    folder = tmp_path_factory.mktemp("tools") / "plugins"
    asks = {"extend": ["http", "state", "secret:api_*"], "modest": [],
            "narrow": ["http:example.org", "http:127.0.0.1"]}
    for name, capabilities in asks.items():
        text = maker.manifest(name, capabilities=capabilities, parameters=ANY, examples=[])
        maker.make(folder / f"{name}.so", text, sources=("extend.c",))
    return folder


@pytest.fixture
def server():
    one = Server()
    yield one
    one.close()


class Tool:
    def __init__(self, llmspell, folder):
        self.llmspell, self.folder, self.sets = llmspell, folder, []
        self.env = llmspell.env
        self.env.update({f"LLMSPELL_TOOL_{name}_NET": "true" for name in ("EXTEND", "MODEST", "NARROW")})

    def set(self, **settings):
        for key, value in settings.items():
            self.sets += ["--set", f"{key.replace('__', '.')}={value}"]
        return self

    def arguments(self, name, **params):
        return ["--plugin-dir", self.folder, *self.sets, "--output", "json", "tool", "invoke", name,
                "--params", json.dumps(params)]

    def reply(self, operation, name="extend", **params):
        done = self.llmspell.run(*self.arguments(name, operation=operation, **params), env=self.env)
        assert done.out, done
        return done.json

    def ok(self, operation, **params):
        reply = self.reply(operation, **params)
        assert reply["status"] == "ok", reply
        return reply["result"]

    def fails(self, operation, **params):
        """(code, path or None, message)"""
        reply = self.reply(operation, **params)
        assert reply["status"] == "error", reply
        error = reply["error"]
        return error["code"], error.get("path"), error["message"]


@pytest.fixture
def tool(llmspell, folder):
    return Tool(llmspell, folder)


@pytest.fixture
def web(tool, server):
    """The tool, let through to the server's port."""
    tool.server = server
    return tool.set(policy__http_private=f"127.0.0.1:{server.port}")


# ---- requests ----

def test_a_change_of_the_policy_reaches_the_tool(llmspell, folder, server, tmp_path):
    """After a reload the next call sees other rules, also one that a warm process would serve."""
    settings = llmspell.home / "llmspell.ini"
    settings.write_text("[tool.extend]\nnet = true\n")
    llmspell.start("--plugin-dir", folder)
    params = json.dumps({"operation": "http", "url": f"{server.url}/echo"})

    def get():
        return llmspell.run("--kernel", "test", "tool", "invoke", "extend", "--params", params,
                            "--output", "json").json

    assert get()["error"]["code"] == "permission_denied"
    settings.write_text("[tool.extend]\nnet = true\n[policy]\n"
                        f"http_private = 127.0.0.1:{server.port}\n")
    assert llmspell.run("kernel", "reload", "test").status == 0
    assert get()["result"]["status"] == 200
    settings.write_text("[tool.extend]\nnet = true\n")
    assert llmspell.run("kernel", "reload", "test").status == 0
    assert get()["status"] == "error" and len(server.seen) == 1


def test_get(web, server):
    result = web.ok("http", url=f"{server.url}/echo?a=b%20c")
    seen = json.loads(result["body"])
    assert seen["method"] == "GET" and seen["query"] == {"a": "b c"} and seen["body"] == ""
    assert seen["headers"]["user-agent"].startswith("llmspell/")
    assert result["status"] == 200 and result["reason"] == "OK" and result["http_version"] == 11
    assert result["headers"]["content-type"] == "application/json"
    assert result["remote"] == f"127.0.0.1:{server.port}" and result["redirects"] == []
    assert result["url"] == f"{server.url}/echo?a=b%20c" and result["total_us"] > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "GET"])
def test_methods_and_body(web, server, method):
    result = web.ok("http", url=f"{server.url}/echo", method=method, body="h\u00e9llo",
                    headers={"X-Many": ["1", "2"], "X-Empty": "", "Content-Type": "text/x"})
    seen = json.loads(result["body"])
    assert (seen["method"], seen["body"]) == (method, "h\u00e9llo")
    assert seen["headers"]["content-type"] == "text/x" and seen["headers"]["x-empty"] == ""
    assert "x-many" in seen["headers"] and "expect" not in seen["headers"]


def test_no_content_type_is_made_up(web, server):
    seen = json.loads(web.ok("http", url=f"{server.url}/echo", method="POST")["body"])
    assert "content-type" not in seen["headers"] and seen["headers"]["content-length"] == "0"


def test_head_and_status_are_results(web, server):
    assert web.ok("http", url=f"{server.url}/gzip", method="HEAD")["body_size"] == 0
    missing = web.ok("http", url=f"{server.url}/nowhere")
    assert (missing["status"], missing["reason"], missing["body"]) == (404, "Not Found", "nothing here")


def test_response_headers(web, server):
    result = web.ok("http", url=f"{server.url}/headers")
    assert result["reason"] == "Fine indeed"
    headers = result["headers"]
    assert headers["x-one"] == "1, 2" and headers["set-cookie"] == ["a=1", "b=2"]
    assert headers["x-empty"] == "" and headers["x-latin"] == "caf\u00e9"


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection",
                                  "Proxy-Authorization", "a b", "", "x\ny", "Accept-Encoding"])
def test_headers_that_are_not_the_tools(web, server, name):
    code, path, _ = web.fails("http", url=f"{server.url}/echo", headers={name: "v"})
    assert (code, path) == ("invalid_params", f"/headers/{name}")
    assert server.seen == []


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", 7, ["a", None], {"a": "b"}])
def test_header_values(web, server, value):
    code, path, _ = web.fails("http", url=f"{server.url}/echo", headers={"X-A": value})
    assert (code, path) == ("invalid_params", "/headers/X-A") and server.seen == []


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "GET /x", "", "G\r\nX: y"])
def test_bad_methods(web, server, method):
    assert web.fails("http", url=f"{server.url}/echo", method=method)[0] == "invalid_params"
    assert server.seen == []


def test_credentials_in_the_url(web, server):
    url = f"http://al%40ice:s3cret@127.0.0.1:{server.port}/echo"
    result = web.ok("http", url=url)
    assert json.loads(result["body"])["headers"]["authorization"] == "Basic YWxAaWNlOnMzY3JldA=="
    assert result["url"] == f"{server.url}/echo"


def test_streaming(web, server):
    result = web.ok("http", url=f"{server.url}/bomb", stream=True, max_bytes=200 << 20)
    assert result["streamed"] == result["body_size"] == 100 << 20 and result["pieces"] > 10
    code, _, message = web.fails("http", url=f"{server.url}/endless", stream=True, stop_at=100000)
    assert (code, message) == ("failed", "the tool has seen enough")
    assert server.http.broken.wait(20 * SLOW)


# ---- where to ----

LOOPBACK = ["http://127.0.0.1:{port}/echo", "http://127.1:{port}/echo", "http://0x7f.1:{port}/echo",
            "http://2130706433:{port}/echo", "http://0177.0.0.1:{port}/echo",
            "http://017700000001:{port}/echo", "http://0x7f000001:{port}/echo",
            "http://[::ffff:127.0.0.1]:{port}/echo", "http://[::ffff:7f00:1]:{port}/echo",
            "http://[::1]:{port}/echo", "http://[::]:{port}/echo", "http://0.0.0.0:{port}/echo",
            "http://0:{port}/echo", "http://localhost:{port}/echo", "http://LOCALHOST.:{port}/echo",
            "http://a.localhost:{port}/echo", "http://[64:ff9b::7f00:1]:{port}/echo",
            "http://[2002:7f00:1::]:{port}/echo", "http://127\u30020\u30020\u30021:{port}/echo",
            "http://\uff11\uff12\uff17.0.0.1:{port}/echo", "http://%31%32%37.0.0.1:{port}/echo",
            "http://x@127.0.0.1:{port}/echo", "HTTP://127.0.0.1:{port}/echo",
            "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[fe80::1]/",
            "http://192.168.1.1/", "http://100.64.0.1/", "http://[fd00::1]/", "http://224.0.0.1/"]


@pytest.mark.parametrize("url", LOOPBACK)
def test_private_addresses_are_refused(tool, server, url):
    code, path, message = tool.fails("http", url=url.format(port=server.port))
    assert (code, path) == ("permission_denied", "/url"), message
    assert "http_private" in message and server.seen == []


def other_name_of_this_machine():
    """A name that the look-up, not its form, leads to a loopback address, and that address."""
    for name in [socket.gethostname(), *open("/etc/hosts").read().split()]:
        try:
            found = {info[4][0] for info in socket.getaddrinfo(name, 1)}
        except (OSError, UnicodeError):
            continue
        if len(found) == 1 and min(found).startswith("127.") and name[0].isalpha() \
                and "localhost" not in name:
            return name, found.pop()
    return None


@pytest.fixture
def named():
    """A server with a name of its own, and its address."""
    found = other_name_of_this_machine()
    if not found:
        pytest.skip("/etc/hosts has no name but localhost for a loopback address")
    one = Server(address=found[1])
    yield one, *found
    one.close()


def test_an_address_is_judged_after_the_lookup(tool, named):
    server, name, address = named
    code, path, message = tool.fails("http", url=f"http://{name}:{server.port}/echo")
    assert (code, path) == ("permission_denied", "/url") and address in message
    assert server.seen == []
    tool.set(policy__http_private=f"{name}:{server.port}")
    assert tool.ok("http", url=f"http://{name}:{server.port}/echo")["status"] == 200


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:70/",
                                 "unix:/run/x", "http://", "http://?x", "", "/x", "javascript:1",
                                 "http://127.0.0.1:99999/", "http://a b/", "http://x/\r\nHost: y",
                                 "http://127.0.0.1/" + "x" * 8200])
def test_urls_that_are_none(web, url):
    assert web.fails("http", url=url)[:2] == ("invalid_params", "/url")


def test_only_granted_hosts_and_ports(web, server):
    url = f"{server.url}/echo"
    web.set(policy__http_hosts="*.example.org, 127.0.0.2")
    code, path, message = web.fails("http", url=url)
    assert (code, path) == ("permission_denied", "/url") and "http_hosts" in message
    web.set(policy__http_hosts=f"127.0.0.1:{server.port}")
    assert web.ok("http", url=url)["status"] == 200
    web.set(policy__http_ports="1-2, 443")
    assert "http_ports" in web.fails("http", url=url)[2]
    web.set(policy__http_ports="", policy__http_hosts="")
    assert "http_hosts" in web.fails("http", url=url)[2]
    assert len(server.seen) == 1


def test_only_what_the_manifest_asks_for(web, server):
    url = f"{server.url}/echo"
    assert web.ok("http", name="narrow", url=url)["status"] == 200
    code, _, message = web.fails("http", name="narrow", url="http://example.com/")
    assert code == "permission_denied" and "manifest" in message
    code, _, message = web.fails("http", name="modest", url=url)
    assert code == "permission_denied" and "no capability http" in message


def test_a_bad_list_is_told(web, server):
    web.set(policy__http_hosts="good.example, bad host!")
    code, _, message = web.fails("http", url=f"{server.url}/echo")
    assert code == "invalid_params" and "host!" in message


def test_proxies_of_the_environment_are_ignored(web, server):
    proxy = Server()
    try:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            web.env[name] = proxy.url
        assert web.ok("http", url=f"{server.url}/echo")["status"] == 200
        assert proxy.seen == []
    finally:
        proxy.close()


# ---- redirects ----

def redirect(server, to, status=302):
    return f"{server.url}/redirect?status={status}&to={to}"


def test_redirect_is_followed(web, server):
    result = web.ok("http", url=redirect(server, "/echo%23part"))
    assert result["status"] == 200 and result["url"] == f"{server.url}/echo"
    assert [hop["status"] for hop in result["redirects"]] == [302]
    assert web.ok("http", url=redirect(server, "/echo"), max_redirects=0)["status"] == 302


@pytest.mark.parametrize("status, method, then", [(301, "POST", "GET"), (302, "POST", "GET"),
                                                  (303, "PUT", "GET"), (307, "POST", "POST"),
                                                  (308, "PUT", "PUT"), (302, "PUT", "PUT")])
def test_method_after_a_redirect(web, server, status, method, then):
    result = web.ok("http", url=redirect(server, "/echo", status), method=method, body="b",
                    headers={"Content-Type": "text/x"})
    seen = json.loads(result["body"])
    assert (seen["method"], seen["body"]) == (then, "" if then == "GET" else "b")
    assert ("content-type" in seen["headers"]) == (then != "GET")


@pytest.mark.parametrize("to", ["http://127.0.0.2/", "http://localhost:1/",
                                "http://[::ffff:127.0.0.1]:1/", "http://169.254.169.254/",
                                "http://127.1:1/", "file:///etc/passwd", "gopher://127.0.0.1/",
                                "//10.0.0.1/x"])
def test_redirect_to_what_is_not_allowed(web, server, to):
    code, path, _ = web.fails("http", url=redirect(server, to))
    assert (code, path) == ("permission_denied", "/url") and len(server.seen) == 1


def test_redirect_beyond_the_grant(web, server):
    web.set(policy__http_hosts="127.0.0.1")
    code, _, message = web.fails("http", url=redirect(server, "http://example.org/"))
    assert code == "permission_denied" and "http_hosts" in message


def test_redirect_loop_and_nonsense(web, server):
    code, path, message = web.fails("http", url=f"{server.url}/loop", max_redirects=7)
    assert (code, path, message) == ("network_error", "/url", "more than 7 redirects")
    assert len(server.seen) == 8
    assert web.fails("http", url=redirect(server, "http://"))[0] == "network_error"


def test_credentials_stay_with_their_origin(web, server):
    other = Server()
    try:
        web.set(policy__http_private=f"127.0.0.1:{server.port}, 127.0.0.1:{other.port}")
        headers = {"Authorization": "Bearer t", "Cookie": "c=1", "X-API-Key": "k", "Accept": "a/b"}
        own = f"http://u:p@127.0.0.1:{server.port}"
        near = json.loads(web.ok("http", url=f"{own}/redirect?to=/echo", headers=headers)["body"])
        assert near["headers"]["authorization"] == "Bearer t" and near["headers"]["x-api-key"] == "k"
        for to in (f"{other.url}/echo", f"http://x:y@127.0.0.1:{other.port}/echo"):
            far = web.ok("http", url=f"{own}/redirect?to={to}", headers=headers)
            sent = json.loads(far["body"])["headers"]
            assert sent["accept"] == "a/b"
            assert not sent.keys() & {"authorization", "cookie", "x-api-key"}, sent
        back = f"{other.url}/redirect?to={server.url}/echo"
        sent = json.loads(web.ok("http", url=f"{own}/redirect?to={back}", headers=headers)["body"])
        assert "authorization" not in sent["headers"]
    finally:
        other.close()


# ---- limits ----

@pytest.mark.parametrize("path", ["endless", "bomb"])
def test_bodies_have_an_end(web, server, path):
    code, where, message = web.fails("http", url=f"{server.url}/{path}")
    assert (code, where) == ("limit_exceeded", "/url") and "10485760" in message
    cut = web.ok("http", url=f"{server.url}/{path}", truncate=True, max_bytes=100000)
    assert cut["truncated"] and cut["body_size"] == 100000


def test_exactly_the_limit_is_no_error(web, server):
    assert web.ok("http", url=f"{server.url}/gzip", max_bytes=6000)["body_size"] == 6000
    assert web.fails("http", url=f"{server.url}/gzip", max_bytes=5999)[0] == "limit_exceeded"


def test_headers_have_an_end(web, server):
    assert web.fails("http", url=f"{server.url}/flood")[:2] == ("limit_exceeded", "/url")


def test_slow_server(web, server):
    before = time.monotonic()
    assert web.fails("http", url=f"{server.url}/slow", timeout_ms=300)[:2] == ("timeout", "/url")
    assert time.monotonic() - before < 3 * SLOW


def test_broken_server(web, server):
    assert web.fails("http", url=f"{server.url}/cut")[0] == "network_error"
    server.close()
    code, path, _ = web.fails("http", url=f"{server.url}/echo")
    assert (code, path) == ("network_error", "/url")


def test_unknown_host(tool):
    assert tool.fails("http", url="http://no-such-host.invalid/")[:2] == ("network_error", "/url")


@pytest.mark.skipif(SLOW > 1, reason="a sanitizer's runtime has to be the first library")
def test_a_lookup_that_hangs_is_left(tool, tmp_path):
    """getaddrinfo cannot be interrupted: its thread is left behind."""
    library = tmp_path / "hang.so"
    (tmp_path / "hang.c").write_text("#include <unistd.h>\nint getaddrinfo(void);\n"
                                     "int getaddrinfo(void) { for (;;) pause(); }\n")
    maker.compile("-shared", "-fPIC", tmp_path / "hang.c", "-o", library)
    tool.env["LD_PRELOAD"] = str(library)
    tool.env["LLMSPELL_TOOLS_ISOLATION"] = "inline"  # a process of its own gets no such variable
    before = time.monotonic()
    code, path, _ = tool.fails("http", url="http://example.org/", timeout_ms=300)
    assert (code, path) == ("timeout", "/url") and time.monotonic() - before < 3


def test_cancellation(web, server):
    child = web.llmspell.popen(*web.arguments("extend", operation="http", url=f"{server.url}/slow"),
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert server.http.arrived.wait(20 * SLOW)
    before = time.monotonic()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=20 * SLOW)
    assert child.returncode == 130, (out, err)
    assert time.monotonic() - before < 3 * SLOW


# ---- TLS ----

@pytest.fixture
def secure(tmp_path, tool):
    tool.pair = make_certificate(tmp_path)
    one = Server(tool.pair)
    tool.server = one
    tool.set(policy__http_private="127.0.0.0/8")
    yield tool
    one.close()


def test_tls_is_verified(secure):
    url = f"{secure.server.url}/echo"
    code, path, message = secure.fails("http", url=url)
    assert (code, path) == ("network_error", "/url") and "certificate" in message
    assert secure.server.seen == []
    secure.set(policy__http_ca_file=secure.pair[0])
    assert secure.ok("http", url=url)["status"] == 200
    wrong = url.replace("127.0.0.1", "localhost")
    assert secure.fails("http", url=wrong)[0] == "network_error"


def test_no_verification_only_if_the_policy_allows_it(secure):
    url = f"{secure.server.url}/echo"
    code, _, message = secure.fails("http", url=url, insecure=True)
    assert code == "permission_denied" and "http_insecure" in message
    secure.set(policy__http_insecure="true")
    assert secure.ok("http", url=url, insecure=True)["status"] == 200
    assert secure.fails("http", url=url)[0] == "network_error"


def test_https_does_not_become_http(secure, server):
    secure.set(policy__http_ca_file=secure.pair[0])
    url = f"{secure.server.url}/redirect?to={server.url}/echo"
    code, _, message = secure.fails("http", url=url)
    assert code == "permission_denied" and "https to http" in message and server.seen == []


# ---- state ----

def test_state(tool):
    assert tool.ok("get", key="a") == {"answer": 0}
    values = [None, True, 1.5, "t\u00e4xt\u0000", [1, {"b": []}], {}]
    for value in values:
        tool.ok("set", key="a", value=value)
        assert tool.ok("get", key="a") == {"answer": 1, "value": value}
    for key in ("b/1", "b/2", "b/3", "c"):
        tool.ok("set", key=key, value=key)
    assert tool.ok("list")["value"] == ["a", "b/1", "b/2", "b/3", "c"]
    assert tool.ok("list", key="b/", after="b/1", limit=1)["value"] == ["b/2"]
    assert tool.ok("remove", key="b/1")["answer"] == 1
    assert tool.ok("remove", key="b/1")["answer"] == 0
    assert tool.ok("list", key="b/") == {"answer": 2, "value": ["b/2", "b/3"]}


def test_state_swap(tool):
    assert tool.ok("swap", key="n", value=1)["answer"] == 1
    assert tool.ok("swap", key="n", value=2)["answer"] == 0
    assert tool.ok("swap", key="n", expected=2, value=3)["answer"] == 0
    assert tool.ok("swap", key="n", expected=1, value=3)["answer"] == 1
    assert tool.ok("get", key="n")["value"] == 3
    assert tool.ok("swap", key="n", expected=3)["answer"] == 1
    assert tool.ok("get", key="n")["answer"] == 0


def test_state_is_private(tool):
    tool.ok("set", key="a", value=1)
    place = tool.llmspell.home / "state" / "tools" / "extend"
    assert place.stat().st_mode & 0o777 == 0o700
    for file in place.iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file
    code, _, message = tool.fails("get", name="modest", key="a")
    assert code == "permission_denied" and "no capability state" in message


def test_state_limits(tool):
    for key in ("", "k" * 257, "\u00e9" * 129):
        assert tool.fails("set", key=key, value=1)[0] == "invalid_params"
    tool.ok("set", key="k" * 256, value=1)


def test_damaged_state(tool):
    place = tool.llmspell.home / "state" / "tools" / "extend"
    place.mkdir(parents=True)
    (place / "state.db").write_bytes(b"not a database, but long enough to be read as one" * 100)
    code, _, message = tool.fails("get", key="a")
    assert code == "io_error" and "move it away" in message


# ---- secrets ----

def test_secrets(tool, tmp_path):
    file = tmp_path / "token"
    file.write_text("t0ken\n")
    file.chmod(0o600)
    tool.set(**{"tool.extend__secrets": f"api_key:env:API_KEY, api_token:file:{file}, other:env:X"})
    tool.env.update(API_KEY="kEy", X="x")
    assert tool.ok("secret", key="api_key") == {"value": "kEy"}
    assert tool.ok("secret", key="api_token") == {"value": "t0ken"}
    code, path, message = tool.fails("secret", key="api_more")
    assert (code, path) == ("unavailable", "/key") and "[tool.extend]" in message
    assert tool.fails("secret", key="other")[0] == "permission_denied"  # not asked for
    assert tool.fails("secret", key="../x")[0] == "invalid_params"
    file.chmod(0o640)
    code, _, message = tool.fails("secret", key="api_token")
    assert code == "permission_denied" and "chmod 600" in message
    assert tool.fails("secret", name="modest", key="api_key")[0] == "permission_denied"


def test_a_secret_in_the_wrong_place_is_not_shown(tool):
    tool.set(**{"tool.extend__secrets": "api_key:hunter2"})
    code, _, message = tool.fails("secret", key="api_key")
    assert code == "invalid_params" and "hunter2" not in message and "api_key" in message


def test_hash_calculator_takes_a_secret(llmspell):
    settings = ["--set", "tool.hash_calculator.secrets=k:env:HK, x:env:HX"]
    params = {"operation": "hmac", "input": "The quick brown fox jumps over the lazy dog"}

    def call(**more):
        return llmspell.run(*settings, "-o", "json", "tool", "invoke", "hash_calculator", "--params",
                            json.dumps({**params, **more}), env={"HK": "key", "HX": "6b6579"}).json
    right = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert call(key_secret="k")["result"]["hash"] == right
    assert call(key_secret="x", key_encoding="hex")["result"]["hash"] == right
    bad = call(key_secret="k", key_encoding="hex")["error"]
    assert (bad["code"], bad["path"]) == ("parse_error", "/key_secret")
    assert call(key_secret="y")["error"]["code"] == "unavailable"


def test_nothing_is_loaded_before_it_is_used(kernel):
    maps = open(f"/proc/{kernel.started['pid']}/maps").read()
    assert "libcurl" not in maps and "sqlite" not in maps and "llmspell" in maps
