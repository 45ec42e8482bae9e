# SPDX-License-Identifier: Apache-2.0
"""Calls on the command line: parameters in every form, time limits, Ctrl-C. Embedded and against a
daemon."""
import json
import os
import re
import signal
import subprocess
import time

import pexpect
import pytest

from conftest import BINARY, SLOW
from jupyter_session import open_session  # noqa: F401 (fixture)
from plugins import maker

# TSan keeps a signal until the thread calls something: without it, the tightest loop is meant.
PAUSE = "os.time()" if os.environ.get("LLMSPELL_SANITIZER") == "thread" else ""
ENDLESS = f"while true do {PAUSE} end"
LOOP = f"print('started') {ENDLESS}"


class Where:
    """Runs commands in this process, or in a running kernel `test`."""

    def __init__(self, llmspell, folder, extra):
        self.llmspell, self.folder, self.extra = llmspell, folder, extra
        self.marker = folder.parent / "waiting"

    def args(self, *args):
        return ["--plugin-dir", str(self.folder), *self.extra, *map(str, args)]

    def run(self, *args, **kwargs):
        return self.llmspell.run(*self.args(*args), **kwargs)

    def invoke(self, *args, **kwargs):
        return self.run("tool", "invoke", *args, "--output", "json", **kwargs)

    def greeting(self, *args, **kwargs):
        done = self.invoke("greet", *args, **kwargs)
        assert done.status == 0 and done.json["status"] == "ok", done
        return done.json["result"]["greeting"]

    def interrupted(self, *args, wait):
        """Starts a command, interrupts it with SIGINT once wait says so, returns how it ended."""
        process = subprocess.Popen([BINARY, *self.args(*args)], text=True, env=self.llmspell.env,
                                   cwd=self.llmspell.cwd, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            wait(process)
            began = time.monotonic()
            process.send_signal(signal.SIGINT)
            process.wait(20 * SLOW)  # with stdin open, as on a terminal
            out, err = process.communicate()
        finally:
            process.kill()
            process.wait()
        assert time.monotonic() - began < 2 * SLOW
        return process.returncode, out, err


def first_line(process):
    assert process.stdout.readline() == "started\n"


@pytest.fixture(params=["embedded", "kernel"])
def where(request, llmspell, tmp_path):
    """With the tools `greet` and `waiting`."""
    folder = tmp_path / "plugins"
    llmspell.env["LLMSPELL_TOOLS_ISOLATION"] = "inline"  # `waiting` makes a file where it may not
    one = Where(llmspell, folder, ["--kernel", "test"] if request.param == "kernel" else [])
    maker.make(folder / "greet.so")
    maker.make(folder / "waiting.so", defines=[maker.define("WAITS", one.marker)])
    if one.extra:
        llmspell.start("--plugin-dir", folder)
    return one


# ---- parameters ----

def test_params_in_every_form(where):
    assert where.greeting() == "Ada"  # the default of the schema
    assert where.greeting("--params", '{"name": "Bob"}') == "Bob"
    assert where.greeting("-p", "{}") == "Ada" and where.greeting("--params", "null") == "Ada"
    assert where.greeting("name=Bob") == "Bob" and where.greeting("name=a=b c") == "a=b c"
    assert where.greeting("name=") == "" and where.greeting("name=wörld") == "wörld"
    file = where.llmspell.cwd / "params.json"
    file.write_text('{"name": "from a file"}\n')
    assert where.greeting("--params", "@params.json") == "from a file"
    assert where.greeting("--params", f"@{file}") == "from a file"
    assert where.greeting("--params", "-", input='{"name": "from stdin"}') == "from stdin"
    assert where.greeting("--params", '{"name": "Bob"}', "name=Eve") == "Eve"
    assert where.greeting("--params", '{"name": "Bob"}', "-p", '{"name": "Eve"}') == "Eve"
    assert where.greeting("--params", r'{"name": "\ud83d\ude00"}') == "\U0001f600"


def test_values_of_pairs_are_json_where_they_can_be(where):
    done = where.invoke("calculator", "input=2*x+y", 'variables={"x": 5, "y": 1}', "precision=20")
    assert done.status == 0 and done.json["result"]["variables"] == {"x": 5, "y": 1}, done
    for text, kind in (("5.5", "a number"), ("true", "a boolean"), ("[1]", "an array"),
                       ("null", "null"), ('{"a":1}', "an object"), ("five", "a string")):
        done = where.invoke("calculator", "input=1", f"precision={text}")
        assert done.status == 1 and done.json["error"]["path"] == "/precision", done
        assert done.json["error"]["message"].startswith("/precision must be an integer"), done
        assert kind in done.json["error"]["message"], done
        assert where.greeting(f"name={text}") == text  # which the schema calls a string
    assert where.greeting('name="5"') == "5" and where.greeting("name=[1") == "[1"


def refused(done, status, code, path, pattern):
    """The same reply in JSON and, in words, in text."""
    assert done.status == status, done
    assert done.json["status"] == "error" and done.json["error"]["code"] == code, done
    assert done.json["error"].get("path") == path, done
    assert re.search(pattern, done.json["error"]["message"]), done
    assert done.err == "", done


@pytest.mark.parametrize("params,status,path,pattern", [
    ('{"name": ', 2, "", "not valid JSON: line 1, column 9"),
    ("{'name': 1}", 2, "", "not valid JSON: line 1"),
    ("", 2, "", "not valid JSON"),
    ('{"name": "Bob"} x', 2, "", "not valid JSON"),
    ('{"name": "\udcff"}', 2, "", "not valid JSON: .* unable to decode byte 0xff"),
    ('{"name": "a", "name": "b"}', 1, "", "duplicate object key near '\"name\"'"),
    ('{"name": {"a": 1, "a": 2}}', 1, "", "duplicate object key"),
    ("[1]", 1, "", "must be a JSON object"),
    ('"name"', 1, "", "must be a JSON object"),
    ('{"nam": "Bob"}', 1, "/nam", "/nam is not a known member .* did you mean name\\?"),
    ('{"zzz": "Bob"}', 1, "/zzz", "/zzz is not a known member \\(additionalProperties\\)$"),
    ('{"name": 5}', 1, "/name", "/name must be a string, is an integer"),
    ('{"name": ' + "[" * 70 + "]" * 70 + "}", 1, "", "nested deeper than 64 levels"),
    ('{"name": ' + "[" * 5000 + "]" * 5000 + "}", 1, "", "nested deeper than 64 levels"),
    ('{"name": "\\ud800"}', 1, "", "invalid Unicode '.uD800'"),
    ('{"name": "\\udc00\\ud800"}', 1, "", "invalid Unicode '.uDC00'"),
    ('{"n\\u0000": 1}', 1, "", "NUL byte in object key"),
    ('{"name": 1e400}', 1, "", "real number overflow"),
    ('{"name": 9223372036854775808}', 1, "", "too big integer"),
    ('{"name": "\\ud80"}', 2, "", "not valid JSON"),
], ids=range(20))
def test_bad_params(where, params, status, path, pattern):
    for source, text in ((params, None), ("-", params)):
        given = None if text is None else os.fsencode(text).decode("utf-8", "surrogateescape")
        done = invoke_bytes(where, source, given)
        refused(done, status, "invalid_params", path, pattern)
        text = invoke_bytes(where, source, given, "text")
        assert text.status == status and text.out == ""
        assert text.err.startswith("llmspell: invalid_params: ") and re.search(pattern, text.err.strip())


def invoke_bytes(where, source, text, output="json"):
    """Like invoke, with an input that need not be UTF-8."""
    from conftest import Result
    done = subprocess.run([BINARY, *where.args("tool", "invoke", "greet", "--params", source, "-o",
                                               output)],
                          input=None if text is None else os.fsencode(text), capture_output=True,
                          env=where.llmspell.env, cwd=where.llmspell.cwd, timeout=60 * SLOW)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    assert done.returncode not in (66, 99) and done.returncode >= 0, done
    return Result(done)


def test_a_mebibyte_of_params(where):
    whole = '{"name": "%s"}' % ("x" * ((1 << 20) - 12))
    assert len(whole) == 1 << 20
    file = where.llmspell.cwd / "large.json"
    file.write_text(whole)
    assert where.greeting("--params", "@large.json") == json.loads(whole)["name"]
    assert where.greeting("--params", "-", input=whole) == json.loads(whole)["name"]
    file.write_text(whole + " ")
    for done in (where.invoke("greet", "--params", "@large.json"),
                 where.invoke("greet", "--params", "-", input=whole + "y" * 5000000)):
        refused(done, 1, "limit_exceeded", "", "more than 1 MiB")


def test_unknown_tool(where):
    done = where.invoke("gret", "name=Bob")
    refused(done, 3, "unknown_tool", None, r"no tool is called gret; did you mean greet\?")
    assert done.json["tool"] == "gret"
    done = where.run("tool", "invoke", "gret")
    assert (done.status, done.out) == (3, "") and "did you mean greet?" in done.err


def test_error_of_a_tool(where):
    done = where.invoke("calculator", "input=1 +")
    refused(done, 1, "parse_error", "/input", "offset")
    text = where.run("tool", "invoke", "calculator", "input=1 +")
    assert (text.status, text.out) == (1, "") and text.err.startswith("llmspell: parse_error: ")
    done = where.invoke("file_operations", "operation=read", "path=nothing.txt")
    refused(done, 1, "not_found", "/path", "nothing.txt")  # of the tool's making, so 1 and not 3


def test_text_of_a_result(where):
    done = where.run("tool", "invoke", "greet", "name=Bob")
    assert done.status == 0 and done.err == ""
    assert json.loads(done.out)["greeting"] == "Bob" and done.out.count("\n") > 3


# ---- time limits ----

def test_timeout_of_a_tool(where):
    began = time.monotonic()
    done = where.invoke("waiting", "--timeout", "1")
    assert 1 <= time.monotonic() - began < 3 * SLOW
    refused(done, 5, "timeout", None, "stopped after its time limit of 1000 ms")
    assert where.run("tool", "invoke", "waiting", "--set", "tools.timeout=1s", "-t", "1").status == 5
    assert where.greeting() == "Ada"


def test_timeout_of_a_script(where):
    """Given up by the client, it does not go on in the kernel."""
    began = time.monotonic()
    done = where.run("exec", ENDLESS, "--timeout", "1")
    assert 1 <= time.monotonic() - began < 3 * SLOW
    assert (done.status, done.out) == (5, ""), done
    assert re.fullmatch(r"llmspell: .*execute_request.*\n", done.err), done
    done = where.run("exec", "return 'free'", "--timeout", "20")
    assert (done.status, done.out) == (0, "free\n"), done
    (where.llmspell.cwd / "loop.lua").write_text(ENDLESS)
    assert where.run("run", "--timeout", "1", "loop.lua").status == 5
    assert where.run("exec", "1", "--timeout", "20").status == 0


# ---- Ctrl-C ----



@pytest.mark.parametrize("code", [LOOP, f"print('started') while true do pcall(error) {PAUSE} end",
                                  "print('started') Tool.waiting{}", "print('started') io.read()"],
                         ids=["loop", "pcall", "tool", "read"])
def test_interrupt_of_a_script(where, code):
    status, out, err = where.interrupted("exec", code, wait=first_line)
    assert (status, out) == (130, ""), err
    assert "KeyboardInterrupt" in err or "interrupted" in err
    if where.extra:
        state = where.llmspell.json("kernel", "status")
        assert state["execution_state"] == "idle" and state["pending"] == 0
    assert where.run("exec", "return 'usable'", "--timeout", "20").out == "usable\n"


def test_interrupt_as_json(where):
    def wait(process):
        deadline = time.monotonic() + 20 * SLOW
        while not where.marker.exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.005)
    code = f"local f = io.open('{where.marker}', 'w') f:close() {ENDLESS}"
    status, out, err = where.interrupted("exec", code, "-o", "json", wait=wait)
    assert status == 130 and err == ""
    assert json.loads(out)["status"] == "error" and json.loads(out)["ename"] == "KeyboardInterrupt"


def test_interrupt_of_run(where):
    (where.llmspell.cwd / "loop.lua").write_text(LOOP)
    status, out, err = where.interrupted("run", "loop.lua", wait=first_line)
    assert (status, out) == (130, ""), err


def test_interrupt_of_a_tool(where):
    def wait(process):
        deadline = time.monotonic() + 20 * SLOW
        while not where.marker.exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.005)
    status, out, err = where.interrupted("tool", "invoke", "waiting", wait=wait)
    assert (status, out) == (130, ""), err
    assert err.startswith("llmspell: cancelled: ")
    where.marker.unlink()
    status, out, err = where.interrupted("tool", "invoke", "waiting", "-o", "json", wait=wait)
    assert status == 130 and json.loads(out)["error"]["code"] == "cancelled"
    assert where.greeting() == "Ada"


# ---- two clients of one kernel ----

@pytest.fixture
def clients(llmspell):
    """Starts clients of a daemon; the first one waits for a line, the others wait for it."""
    started = []

    def client(code):
        process = subprocess.Popen([BINARY, "--kernel", "test", "exec", code], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, env=llmspell.env, cwd=llmspell.cwd)
        started.append(process)
        if len(started) == 1:
            first_line(process)
        deadline = time.monotonic() + 20 * SLOW
        while llmspell.json("kernel", "status")["pending"] < len(started):
            assert time.monotonic() < deadline and process.poll() is None
        return process
    llmspell.start()
    yield client
    for process in started:
        process.kill()
        process.communicate()


def ended(process, text=None):
    out, err = process.communicate(text, timeout=20 * SLOW)
    return process.returncode, out, err


def test_interrupt_ends_the_request_of_this_client_only(clients):
    running = clients("print('started') io.read() return 7")
    waiting = clients("return 8")
    last = clients("return 9")
    waiting.send_signal(signal.SIGINT)
    status, out, err = ended(waiting)
    assert (status, out) == (130, "") and "interrupted before it began" in err
    assert ended(running, "line\n") == (0, "7\n", "")
    assert ended(last) == (0, "9\n", "")


def test_error_of_one_client_does_not_stop_another(clients):
    failing = clients("print('started') io.read() error('broken')")
    other = clients("return 8")
    status, out, err = ended(failing, "line\n")
    assert (status, out) == (1, "") and "broken" in err
    assert ended(other) == (0, "8\n", "")


def test_given_up_by_one_client_does_not_stop_another(llmspell):
    llmspell.start()
    began = time.monotonic()
    looping = subprocess.Popen([BINARY, "-k", "test", "exec", LOOP, "--timeout", "1"], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=llmspell.env)
    first_line(looping)
    done = llmspell.run("-k", "test", "exec", "return 'next'")
    assert (done.status, done.out) == (0, "next\n") and time.monotonic() - began < 5 * SLOW
    assert ended(looping)[0] == 5


# ---- progress ----

def test_progress_on_a_terminal(llmspell):
    """hash_calculator reports while it reads; a line that is gone at the end shows it."""
    with open(llmspell.cwd / "large", "wb") as file:
        file.truncate(480 << 20)
    for isolation in "inline", "process":
        child = pexpect.spawn(str(BINARY), ["--set", f"tools.isolation={isolation}", "tool", "invoke",
                                            "hash_calculator", "path=large"],
                              env=llmspell.env, cwd=llmspell.cwd, encoding="utf-8", timeout=60)
        child.expect(r"\r\x1b\[K *\d+ %  hashing")
        child.expect(r"\r\x1b\[K\{")  # wiped before the result
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == 0


def test_progress_is_an_event(llmspell, open_session):
    started = llmspell.start()
    with open(llmspell.cwd / "large", "wb") as file:
        file.truncate(480 << 20)
    session = open_session(started["connection_file"])
    call = session.send("tool_request", {"command": "invoke", "name": "hash_calculator",
                                         "params": {"path": str(llmspell.cwd / "large")}})
    events = [event["content"] for event in session.finish(call).events
              if event["msg_type"] == "tool_progress"]
    assert events and all(e["tool"] == "hash_calculator" and e["total"] == 480 << 20 and
                          0 <= e["done"] <= e["total"] for e in events), events
    done = [event["done"] for event in events]
    assert done == sorted(done)
