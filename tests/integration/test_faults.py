# SPDX-License-Identifier: Apache-2.0
"""Tools that do what a tool must not do (plugins/fault.c, throws.cpp): each call gets a clear error
in its time, other calls go on meanwhile, and the kernel stays as it was (docs/isolation.md)."""
import json
import os
import re
import signal
import socket
import time
from pathlib import Path

import pytest

from conftest import SLOW, Llmspell
from daemons import children, fds, rss_kb, state_letter
from jupyter_session import Session, process_fd, wait_end, wait_until
from plugins import maker

ASAN = os.environ.get("LLMSPELL_SANITIZER") == "address"
LATE = 2 * SLOW  # seconds beyond its limit that an answer may take
PARAMETERS = {"type": "object", "properties": {"do": {"type": "string"}, "n": {"type": "integer"},
                                               "text": {"type": "string"}}}
SOURCES = ("fault.c", "fault_process.c")


def make_fault(file, defines=(), sources=SOURCES, libraries=(), **changes):
    text = maker.manifest(file.stem, **{"parameters": PARAMETERS, "examples": [], **changes})
    return maker.make(file, text, defines=defines, sources=sources,
                      libraries=[*maker.flags("jansson"), *libraries])


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "plugins"
    limits = {"memory_mb": 64, "output_kb": 1024}
    make_fault(folder / "fault.so", limits=limits)
    make_fault(folder / "large.so", limits={"memory_mb": 1024})
    make_fault(folder / "runs.so", limits=limits, capabilities=["exec:/bin/sh"])
    make_fault(folder / "loads_crash.so", ["LOADING=abort()"])
    make_fault(folder / "loads_exit.so", ["LOADING=_exit(4)"])
    make_fault(folder / "loads_loop.so", ["LOADING=for(;;);"])
    make_fault(folder / "loads_print.so", ['LOADING=puts("I am loaded");fflush(stdout)'])
    make_fault(folder / "opens_crash.so", ["OPENING=abort()"])
    make_fault(folder / "opens_loop.so", ["OPENING=for(;;);"])
    make_fault(folder / "opens_badly.so",
               ['OPENING=return llmspell_fail(call,LLMSPELL_EUNAVAILABLE,"no \\xff luck")'])
    make_fault(folder / "closes_loop.so", ["CLOSING=for(;;);"])
    make_fault(folder / "closes_crash.so", ["CLOSING=abort()"])
    make_fault(folder / "throws.so", sources=("throws.cpp",), libraries=["-lstdc++"])
    maker.make(folder / "good.so")
    return folder


class Kernel:
    """A daemon with the bad tools, and a client that stays."""

    def __init__(self, llmspell, plugins, **settings):
        self.llmspell = llmspell
        llmspell.env["LLMSPELL_PLUGIN_PATH"] = str(plugins)
        sets = [part for key, value in settings.items()
                for part in ("--set", f"{key.replace('__', '.')}={value}")]
        self.started = llmspell.start(*sets)
        self.pid = self.started["pid"]
        self.session = Session(self.started["connection_file"])
        self.session.run("marker = 'kept'")

    def send(self, name, timeout_ms=0, **params):
        return self.session.send("tool_request", {"command": "invoke", "name": name,
                                                  "timeout_ms": timeout_ms, "params": params}, "control")

    def receive(self, msg_id):
        reply = self.session.reply(msg_id, "control")["content"]
        self.session.until_idle(msg_id)
        return reply

    def call(self, name, timeout_ms=0, **params):
        return self.receive(self.send(name, timeout_ms, **params))

    def fails(self, name, timeout_ms=0, **params):
        reply = self.call(name, timeout_ms, **params)
        assert reply["status"] == "error", reply
        return reply["error"]["code"], reply["error"]["message"]

    def runners(self):
        return [int(child) for child in children(self.pid)]

    def runner_of(self, name):
        """The process that serves the next call of a tool, too."""
        return self.call(name, do="echo")["result"]["pid"]

    def reload(self):
        done = self.llmspell.run("--kernel", "test", "kernel", "reload")
        assert done.status == 0, done

    def check_health(self):
        """The same process, with what its script had; no zombie among its children."""
        assert self.session.run("marker").value in ("kept", "'kept'", '"kept"')
        wait_until(lambda: all(state_letter(p) != "Z" for p in self.runners() if alive(p)),
                   "no zombie")

    def close(self):
        self.session.close()
        done = self.llmspell.run("kernel", "stop", "--all", "--timeout", "20")
        assert done.status == 0, done


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


def below(folder):
    """Processes whose working directory lies there: a runner keeps that of its kernel."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd").startswith(str(folder)):
                found.append(int(entry.name))
        except OSError:
            pass
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory, plugins):
    kernel = Kernel(Llmspell(tmp_path_factory.mktemp("shared")), plugins, tools__crash_limit=0,
                    tools__warm_processes=3, log__level="info", kernel__tool_threads=4)
    yield kernel
    kernel.close()


@pytest.fixture
def start(llmspell, plugins):
    started = []

    def one(**settings):
        started.append(Kernel(llmspell, plugins, **settings))
        return started[-1]

    yield one
    for kernel in started:
        kernel.session.close()


def crash(name, number=None):
    return "failed", rf"tool:\w+ crashed with SIG{name} \(.+\) during the call"


STOPPED = "timeout", r"was stopped after its time limit of 300 ms"
ORDER = "failed", r"sent (something that is no message|a message that)|more than \d+ bytes"
GONE = "failed", r"ended with exit status 1 during the call"
FAULTS = [  # parameters, error (or what the result must hold), a line of the log
    ("segv", {}, crash("SEGV"), "SIGSEGV"),
    ("segv", {"n": 4096}, crash("SEGV"), None),
    ("abort", {}, crash("ABRT"), "SIGABRT"),
    ("exit", {"n": 3}, ("failed", "ended with exit status 3 during the call"), "exit status 3"),
    ("exit", {"n": 0}, ("failed", "ended with exit status 0 during the call"), None),
    ("exit_at_once", {"n": 5}, ("failed", "exit status 5 during"), "exit status 5"),
    ("stack", {}, crash("SEGV"), None),
    ("raise", {"n": int(signal.SIGTERM)}, crash("TERM"), "SIGTERM"),
    ("raise", {"n": int(signal.SIGPIPE)}, crash("PIPE"), None),
    ("loop", {}, STOPPED, None),
    ("sleep", {"n": 100}, STOPPED, None),
    ("wait", {}, STOPPED, None),
    ("hog", {}, crash("SEGV"), "memory is limited to 64 MB"),
    ("no_memory", {}, ("limit_exceeded", "needs more memory than its limit of 64 MB"), None),
    ("print", {"n": 20000}, {"lines": 20000}, "it prints more, which is dropped"),
    ("print_raw", {}, {"written": 16}, "it prints: raw"),
    ("print_for_ever", {}, STOPPED, None),
    ("close_three", {}, {}, None),
    ("close", {"n": 0}, GONE, None),
    ("close", {"n": 5}, GONE, None),
    ("close_and_loop", {"n": 3}, ("failed", "closed its channel during the call"), None),
    ("take_channel", {}, GONE, None),
    ("open_many", {}, {"errno": "EMFILE"}, None),
    ("garbage", {"n": 0}, ORDER, None),
    ("garbage", {"n": 10}, ("limit_exceeded", "answer of more than"), None),
    ("garbage", {"n": 255}, ("limit_exceeded", "answer of more than"), None),
    ("bad_json", {"text": "R", "n": 100}, ("limit_exceeded", "no JSON, or nested"), None),
    ("bad_json", {"text": "L", "n": 100}, ORDER, None),
    ("bad_json", {"text": "?", "n": 100}, ORDER, None),
    ("frames_for_ever", {"text": "L"}, STOPPED, "it logs more in this call, which is dropped"),
    ("frames_for_ever", {"text": "P"}, STOPPED, None),
    ("frames_for_ever", {"text": "T"}, STOPPED, "its process is not used again"),
    ("frames_for_ever", {"text": "Y"}, ORDER, None),
    ("nested", {}, ORDER, None),  # other tools are not its to call
    ("huge_frame", {"n": 1 << 31}, ("limit_exceeded", "answer of more than"), None),
    ("huge_frame", {"n": 1 << 20}, STOPPED, None),
    ("half_frame", {"n": 6}, ("failed", "exit status 6 during"), None),
    ("log", {"n": 20000}, {}, "it logs more in this call, which is dropped"),
    ("log_raw", {}, {}, r"log .+ end"),
    ("progress", {"n": 100000}, {}, None),
    ("raw_error", {}, ("invalid_params", r"bytes \?\? and \?"), None),
    ("nothing", {}, ("failed", "returned no result: a bug in the tool"), None),
    ("large", {"n": 2 << 20}, ("limit_exceeded", "more than the limit of 1048576 of fault"), None),
    ("number", {"n": 0}, ("failed", ""), None),
    ("number", {"n": 1}, ("failed", ""), None),
    ("deep", {"n": 400}, {"deep": None}, None),
    ("deep", {"n": 5000}, ("limit_exceeded", "nested deeper than 2048 levels"), None),
    ("chdir", {}, {"rc": 0}, "a call has changed its working directory"),
    ("umask", {}, {}, "a call has changed its umask"),
    ("locale", {}, {"set": True}, "a call has changed its locale"),
    ("handler", {}, {"rc": 0}, "a call has changed what it does with a signal"),
    ("mask", {}, {"rc": 0}, "a call has changed its signal mask"),
    ("thread", {}, {"rc": 0}, "a call has left a thread that still runs"),
    ("fork", {}, {"errno": "EPERM"}, None),
    ("kill_parent", {}, {"errno": "EPERM"}, None),
    ("ptrace", {}, {"errno": "EPERM"}, None),
    ("read", {"text": "/etc/passwd"}, {"errno": "EACCES"}, None),
    ("read", {"text": "/proc/self/environ"}, {"errno": "EACCES"}, None),
    ("read", {"text": "/proc/1/maps"}, {"errno": "EACCES"}, None),
    ("connect", {"n": 1}, {"errno": "EPERM"}, None),
    ("exec", {"text": "exit 0"}, {"errno": re.compile("EPERM|EACCES")}, None),
    ("echo", {"text": "x" * (1 << 20)}, {"bytes": 1 << 20}, None),
]
IDS = [f"{do}-{'-'.join(str(v)[:9].replace('/', '.') for v in params.values())}" for do, params, *_ in FAULTS]


def check_reply(reply, expected, elapsed, limit):
    if isinstance(expected, dict):
        assert reply["status"] == "ok", reply
        for key, value in expected.items():
            got = reply["result"][key]
            matches = value is None or (value.search(got) if isinstance(value, re.Pattern) else got == value)
            assert matches, reply["result"]
    else:
        assert reply["status"] == "error", str(reply)[:300]
        assert reply["error"]["code"] == expected[0], reply
        assert re.search(expected[1], reply["error"]["message"]), reply
    assert elapsed < limit + LATE, reply


OWN_WAYS = "exit", "hog", "no_memory", "segv", "stack"


def skip_own_ways(do):
    if os.environ.get("LLMSPELL_SANITIZER") and do in OWN_WAYS:
        pytest.skip("a sanitizer ends the process in its own way, and takes no memory limit")


def limit_of(do, expected):
    """Milliseconds. What ends by its limit gets a short one."""
    return 300 if expected is STOPPED else 20000


@pytest.mark.parametrize("do, params, expected, logged", FAULTS, ids=IDS)
def test_fault_in_daemon(shared, do, params, expected, logged):
    skip_own_ways(do)
    limit_ms = limit_of(do, expected)
    shared.call("good")
    began = time.monotonic()
    bad = shared.send("fault", limit_ms, do=do, **params)
    good = [shared.send("good"), shared.send("calculator", input="6*7")]
    for msg_id in good:
        assert shared.receive(msg_id)["status"] == "ok"
    assert time.monotonic() - began < 2 * SLOW
    reply = shared.receive(bad)
    check_reply(reply, expected, time.monotonic() - began, limit_ms / 1000 if expected is STOPPED else 3)
    shared.check_health()
    if logged:
        wait_until(lambda: re.search(logged, shared.llmspell.log()), f"{logged} in the log")
    assert shared.call("fault", do="echo", text="abc")["result"]["bytes"] == 3, "it works again"


@pytest.mark.parametrize("do, params, expected, logged", FAULTS, ids=IDS)
def test_fault_embedded(llmspell, plugins, do, params, expected, logged):
    skip_own_ways(do)
    if len(str(params)) > 100000:
        pytest.skip("longer than a command line")
    limit_ms = limit_of(do, expected)
    began = time.monotonic()
    done = llmspell.run("--plugin-dir", plugins, "--output", "json", "tool", "invoke", "fault",
                        "--set", f"tools.timeout={limit_ms}ms", "--params", json.dumps({"do": do, **params}))
    check_reply(done.json, expected, time.monotonic() - began, limit_ms / 1000 if expected is STOPPED else 3)
    wait_until(lambda: not below(llmspell.cwd.parent), "nothing is left")


def test_descriptors_and_memory_stay(shared):
    """Runs behind the faults: all that they did has left nothing in the kernel."""
    def own_fds():
        return fds(shared.pid) - 3 * len(shared.runners())
    shared.call("fault", do="abort")
    before = own_fds(), rss_kb(shared.pid)
    for turn in range(300):
        assert shared.call("fault", do="abort")["error"]["code"] == "failed"
    wait_until(lambda: own_fds() == before[0], "as many descriptors as before")
    if not ASAN:
        assert rss_kb(shared.pid) - before[1] < 1024
    assert len(shared.runners()) <= 3
    shared.check_health()


# ---- loading, opening, closing ----

LOADS = [
    ("loads_crash", "failed", r"crashed with SIGABRT \(Aborted\) while it was loaded"),
    ("loads_exit", "failed", "ended with exit status 4 while it was loaded"),
    ("loads_loop", "timeout", "was not loaded within 700 ms"),
    ("opens_crash", "failed", "crashed with SIGABRT .* while it was loaded"),
    ("opens_loop", "timeout", "was not loaded within 700 ms"),
    ("opens_badly", "unavailable", r"no \? luck"),
    ("throws", "failed", "crashed with SIGABRT .* during the call"),
]


@pytest.mark.parametrize("name, code, pattern", LOADS, ids=[row[0] for row in LOADS])
def test_loading(shared, name, code, pattern):
    for _ in range(2):
        began = time.monotonic()
        got = shared.fails(name, 700, do="echo")
        assert got[0] == code and re.search(pattern, got[1]), got
        assert time.monotonic() - began < 0.7 + LATE
    shared.check_health()


def test_what_a_constructor_prints(shared):
    assert shared.call("loads_print", do="echo")["status"] == "ok"
    wait_until(lambda: "it prints: I am loaded" in shared.llmspell.log(), "it is logged")


def test_exception_is_told(shared):
    shared.fails("throws", do="echo")
    wait_until(lambda: "nobody catches this" in shared.llmspell.log(), "what() in the log")


@pytest.mark.parametrize("name, said", [("closes_loop", "did not end within"),
                                        ("closes_crash", "crashed with SIGABRT when it was closed")])
def test_closing(start, name, said):
    kernel = start(tools__warm_processes=0)
    assert kernel.call(name, do="echo")["status"] == "ok"
    wait_until(lambda: said in kernel.llmspell.log(), said)
    assert kernel.runners() == []
    kernel.check_health()


# ---- cancellation ----

@pytest.mark.parametrize("name, do", [("fault", "loop"), ("fault", "wait"), ("loads_loop", "echo")])
def test_interrupt(shared, name, do):
    """A script that waits for a bad tool is interrupted, and goes on with its next cell."""
    msg_id = shared.session.start_running(f"print('running') Tool.invoke('{name}', {{['do'] = '{do}'}})")
    began = time.monotonic()
    assert shared.session.ask("interrupt_request", channel="control").reply["status"] == "ok"
    outcome = shared.session.reply(msg_id)
    assert outcome["content"]["status"] == "error", outcome
    assert time.monotonic() - began < LATE
    shared.session.until_idle(msg_id)
    shared.check_health()


def test_ctrl_c_embedded(llmspell, plugins):
    process = llmspell.popen("--plugin-dir", plugins, "tool", "invoke", "fault", "do=loop")
    wait_until(lambda: len(below(llmspell.cwd.parent)) > 1, "the runner is there")
    process.send_signal(signal.SIGINT)
    assert process.wait(10 * SLOW) == 130
    wait_until(lambda: not below(llmspell.cwd.parent), "nothing is left")


# ---- sizes ----

@pytest.mark.parametrize("n, good", [((1 << 20) - 11, True), ((1 << 20) - 10, False)])
def test_exactly_the_limit(shared, n, good):
    reply = shared.call("fault", do="large", n=n)
    if good:
        assert len(reply["result"]["data"]) == n
    else:
        assert reply["error"]["code"] == "limit_exceeded", reply


@pytest.mark.parametrize("isolation", ["inline", "process"])
@pytest.mark.parametrize("text, bytes", [("\n", 2), ("\x01", 6), ('"', 2), ("\\", 2)])
def test_escapes_count(llmspell, plugins, isolation, text, bytes):
    """The limit is one of the JSON text, wherever the tool runs."""
    env = {"LLMSPELL_PLUGIN_PATH": str(plugins), "LLMSPELL_TOOLS_ISOLATION": isolation}

    def echo(count):
        return llmspell.run("tool", "invoke", "fault", "--params", "-", "--output", "json", env=env,
                            input=json.dumps({"do": "echo", "text": text * count})).json
    most = (1 << 20) // bytes
    assert echo(most - 100)["status"] == "ok"
    assert echo(most)["error"]["code"] == "limit_exceeded"


def test_reply_of_100_mb(shared):
    code, message = shared.fails("large", do="large", n=100 << 20)
    assert code == "limit_exceeded" and "more than the limit of 67108864 of large" in message, message
    shared.check_health()


# ---- killed and stopped from outside ----

def test_killed_while_idle(shared):
    pid = shared.runner_of("fault")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not alive(pid) or state_letter(pid) == "Z", "it is dead")
    reply = shared.call("fault", do="echo")
    assert reply["status"] == "ok" and reply["result"]["pid"] != pid, reply
    wait_until(lambda: not alive(pid), "it is no zombie")


def test_killed_during_a_call(shared):
    pid = shared.runner_of("fault")
    msg_id = shared.send("fault", do="sleep", n=100)
    wait_until(lambda: state_letter(pid) == "S" and shared.call("good"), "it sleeps")
    os.kill(pid, signal.SIGKILL)
    reply = shared.receive(msg_id)
    assert reply["status"] == "error" or alive(pid) is False, reply
    wait_until(lambda: not alive(pid), "it is no zombie")
    shared.check_health()


@pytest.mark.parametrize("text", ["", "x" * 3_000_000], ids=["small", "large"])
def test_stopped(shared, text):
    """A process that does not even take its parameters ends by the time limit."""
    pid = shared.runner_of("fault")
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: state_letter(pid) == "T", "it is stopped")
    began = time.monotonic()
    assert shared.fails("fault", 300, do="echo", text=text)[0] == "timeout"
    assert time.monotonic() - began < 0.3 + LATE
    wait_until(lambda: not alive(pid), "it is gone")
    assert shared.call("fault", do="echo")["status"] == "ok"


def test_kernel_killed(start):
    """No runner outlives its kernel, neither an idle one nor one at work."""
    kernel = start()
    kernel.runner_of("large")
    kernel.send("fault", do="loop")
    kernel.send("fault", do="sleep", n=100)
    wait_until(lambda: len(kernel.runners()) == 3, "three runners")
    ends = [process_fd(pid) for pid in kernel.runners()]
    os.kill(kernel.pid, signal.SIGKILL)
    for fd in ends:
        assert wait_end(fd), "a runner outlived its kernel"
        os.close(fd)


def test_kernel_stopped(start, plugins, tmp_path):
    """Warm runners close their tools."""
    closed = tmp_path / "closed"
    make_fault(plugins.parent / "closing" / "closes.so", [f'CLOSING=fclose(fopen("{closed}","w"))'],
               capabilities=[f"fs:write:{tmp_path}"])
    kernel = start(plugins__path=plugins.parent / "closing")
    assert kernel.call("closes", do="echo")["status"] == "ok"
    assert not closed.exists()
    done = kernel.llmspell.run("kernel", "stop", "test")
    assert done.status == 0 and closed.exists(), (done, kernel.llmspell.log())


# ---- programs that a tool starts ----

def test_exec_denied(shared):
    assert shared.call("runs", do="exec", text="exit 3")["result"]["errno"] in ("EPERM", "EACCES")


@pytest.mark.parametrize("then", ["", "; kill -9 $PPID"], ids=["returns", "crashes"])
def test_exec_granted(start, tmp_path, then):
    """What a tool leaves behind is ended with its process."""
    kernel = start(tool__runs__exec="/bin/sh,/usr/bin/sleep,/bin/sleep")
    assert kernel.call("runs", do="exec", text="exit 3")["result"] == {"errno": "0", "status": 3 << 8}
    kernel.call("runs", do="exec", text=f"sleep 1000 &{then}")
    def sleepers():
        return [p for p in below(tmp_path) if Path(f"/proc/{p}/comm").read_text() == "sleep\n"]
    wait_until(lambda: not sleepers(), "nothing that it started is left")
    kernel.check_health()


# ---- set aside ----

def test_set_aside(start, plugins, tmp_path):
    folder = tmp_path / "own"
    make_fault(folder / "brittle.so")
    kernel = start(plugins__path=folder)
    for _ in range(3):
        assert kernel.fails("brittle", do="abort")[0] == "failed"
    code, message = kernel.fails("brittle", do="echo")
    assert code == "unavailable" and re.search(
        r"brittle is set aside for \d+ s more, since its process crashed 3 times within a minute", message)
    assert "3 crashes within a minute: the tool is set aside for a minute" in kernel.llmspell.log()
    assert kernel.call("fault", do="echo")["status"] == "ok", "others go on"
    make_fault(folder / "brittle.so", ["REPAIRED=1"])
    kernel.reload()
    assert kernel.call("brittle", do="echo")["status"] == "ok", "a new file is tried at once"


def test_no_crash_sets_aside(start):
    """Errors, time limits and what a tool says when it opens are no crashes."""
    kernel = start(tools__crash_limit=1)
    for _ in range(2):
        assert kernel.fails("opens_badly", do="echo")[0] == "unavailable"
        assert kernel.fails("fault", 50, do="loop")[0] == "timeout"
        assert kernel.fails("fault", do="raw_error")[0] == "invalid_params"
        assert kernel.call("fault", do="chdir")["status"] == "ok"
    assert kernel.call("fault", do="echo")["status"] == "ok"


# ---- warm ones, many at once ----

def test_warm_processes_are_bounded(start):
    kernel = start(tools__warm_processes=2)
    pids = [kernel.runner_of(name) for name in ("fault", "large", "runs")]
    wait_until(lambda: sorted(kernel.runners()) == sorted(pids[1:]), "the two used last are kept")
    assert kernel.runner_of("large") == pids[1]
    pids.append(kernel.runner_of("loads_print"))
    wait_until(lambda: sorted(kernel.runners()) == sorted([pids[1], pids[3]]), "the oldest went")


def test_many_at_once(start):
    kernel = start(tools__warm_processes=2, kernel__tool_threads=16)
    sent = [kernel.send("fault", do="echo", text="x" * i) for i in range(50)]
    assert [kernel.receive(msg_id)["result"]["bytes"] for msg_id in sent] == list(range(50))
    wait_until(lambda: len(kernel.runners()) <= 2, "the surplus ends")
    kernel.check_health()


# ---- where tools run ----

@pytest.mark.parametrize("globally, own, expected", [
    ("auto", None, ["process", "inline"]), ("inline", None, ["inline", "inline"]),
    ("process", None, ["process", "process"]), ("auto", "inline", ["inline", "inline"]),
    ("inline", "process", ["process", "process"]), ("process", "auto", ["process", "process"])])
def test_isolation(llmspell, plugins, globally, own, expected):
    args = ["--plugin-dir", plugins, "--set", f"tools.isolation={globally}"]
    for name in ("fault", "calculator"):
        args += ["--set", f"tool.{name}.isolation={own}"] if own else []
    found = [llmspell.json(*args, "tool", "info", name)["effective_isolation"]
             for name in ("fault", "calculator")]
    assert found == expected
    reply = llmspell.json(*args, "tool", "invoke", "calculator", "input=6*7")
    assert reply["status"] == "ok", reply


def test_info_says_what_holds(llmspell, plugins):
    args = "--plugin-dir", plugins, "tool", "info", "runs"
    info = llmspell.json(*args)
    assert info["level"] == "privileged" and info["effective_isolation"] == "process"
    assert info["granted"]["denied"] == ["exec:/bin/sh"] and info["granted"]["exec"] == []
    assert info["enforced"].keys() == {"landlock", "seccomp", "no_new_privs", "limits", "missing"}
    text = llmspell.run(*args).out
    assert re.search(r"not granted +exec:/bin/sh\n", text), text
    assert re.search(r"enforced by +(Landlock \d, )?(seccomp, )?(no_new_privs, )?limits\n", text), text
    granted = llmspell.json("--set", "tool.runs.exec=/bin/sh", *args)["granted"]
    assert granted["exec"] == ["/bin/sh"] and granted["denied"] == []
    assert "enforced" not in llmspell.json("tool", "info", "calculator")


def test_reload_with_other_settings(start):
    """After the set of processes was made anew, a tool's old process serves no call."""
    kernel = start(log__level="info")
    first = kernel.runner_of("fault")
    ini = kernel.llmspell.home / "conf.d"
    ini.mkdir()
    (ini / "own.ini").write_text("[tools]\nwarm_processes = 5\n")
    kernel.reload()
    assert kernel.runner_of("fault") != first
    wait_until(lambda: first not in kernel.runners(), "the old one ended")
