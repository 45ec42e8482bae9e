# SPDX-License-Identifier: Apache-2.0
"""Reload on a real daemon: settings, policy, tools, log. What runs ends with what it began with;
what is invalid changes nothing."""
import json
import os
import re
import signal
import stat

import pytest

from daemons import Deaf, state_of
from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, llmspell, open_session, process_fd, wait_end, wait_until)
from plugins import maker
from plugins.reload import Daemon


@pytest.fixture
def daemon(llmspell, tmp_path, open_session):
    return Daemon(llmspell, tmp_path, open_session)


def settings(outcome, key="applied"):
    return {item["setting"]: (item["from"], item["to"]) for item in outcome[key]}


# ---- settings ----

def test_log_settings(daemon):
    daemon.start()
    daemon.lua("Log.debug('not told')")
    outcome = daemon.reload(log={"level": "debug"})
    assert settings(outcome) == {"log.level": ("info", "debug")}
    daemon.lua("Log.debug('told')")
    wait_until(lambda: "told" in daemon.llmspell.log(), "a record of level debug")
    assert "not told" not in daemon.llmspell.log()
    daemon.reload(log={"level": "debug", "format": "json"})
    daemon.lua("Log.info('as json')")
    wait_until(lambda: "as json" in daemon.llmspell.log(), "a record")
    line, = [line for line in daemon.llmspell.log().splitlines() if "as json" in line]
    assert json.loads(line)["level"] == "info"
    daemon.reload(log={"rotate_size": "2K", "rotate_count": "3"})
    daemon.lua("for i = 1, 100 do Log.info('a line that is long enough for a rotation ' .. i) end")
    logs = daemon.llmspell.home / "logs"
    wait_until((logs / "test.log.3").exists, "a rotated file")
    assert not (logs / "test.log.4").exists()


def test_another_log_file(daemon):
    """`kernel logs` finds it; one that cannot be written leaves the old one in place."""
    daemon.start()
    file = daemon.llmspell.cwd / "other.log"
    daemon.reload(log={"file": str(file)})
    daemon.lua("Log.info('in the new file')")
    wait_until(lambda: "in the new file" in file.read_text(), "a record")
    assert "in the new file" in daemon.llmspell.run("kernel", "logs", "test").out
    for bad in ("/no/such/folder/x.log", "/proc"):
        daemon.set(log={"file": bad, "level": "debug"}, policy={"tools_deny": "calculator"})
        reply = daemon.ask()
        assert reply["status"] == "error" and bad in reply["evalue"], reply
    done = daemon.llmspell.run("kernel", "reload", "test")
    assert done.status == 1 and "cannot open the log file /proc" in done.err, done
    assert daemon.call("calculator", input="6*7")["status"] == "ok"
    daemon.lua("Log.info('still in it') Log.debug('not told')")
    wait_until(lambda: "still in it" in file.read_text(), "a record")
    assert "not told" not in file.read_text()


def test_idle_timeout(daemon):
    daemon.start()
    fd = process_fd(daemon.pid)
    daemon.reload(kernel={"idle_timeout": "1h"})
    daemon.reload(kernel={"idle_timeout": "200ms"})
    assert wait_end(fd), "the new idle time-out was not applied"
    os.close(fd)
    assert "idle for" in daemon.llmspell.log()


def test_shutdown_grace(daemon):
    daemon.start()
    daemon.set(kernel={"shutdown_grace": "1h"})
    daemon.reload(kernel={"shutdown_grace": "50ms", "interrupt_grace": "20s"})
    daemon.session.start_running(RUN_ON)
    fd = process_fd(daemon.pid)
    os.kill(daemon.pid, signal.SIGTERM)
    assert wait_end(fd), "the old grace was kept"
    os.close(fd)


def test_interrupt_grace(daemon, tmp_path):
    """What a shutdown waits for is what the reload has set."""
    deaf = Deaf(tmp_path)
    daemon.start("--plugin-dir", deaf.folder)
    daemon.reload(kernel={"shutdown_grace": "50ms", "interrupt_grace": "1h"})
    outcome = daemon.reload(kernel={"shutdown_grace": "50ms", "interrupt_grace": "50ms"})
    assert settings(outcome) == {"kernel.interrupt_grace": ("1h", "50ms")}
    daemon.send_call("deaf")
    deaf.wait_begun()
    fd = process_fd(daemon.pid)
    try:
        os.kill(daemon.pid, signal.SIGTERM)
        assert wait_end(fd)
    finally:
        os.close(fd)
    assert state_of(daemon.llmspell)["abandoned"] == 1


def test_what_needs_a_restart(daemon):
    daemon.start()
    outcome = daemon.reload(kernel={"tool_threads": "7"}, runtime__lua={"stdlib": "safe"})
    assert set(settings(outcome, "restart_needed")) == {"kernel.tool_threads", "runtime.lua.stdlib"}
    assert settings(outcome) == {}
    assert daemon.lua("return os ~= nil") == "true"


BAD = [
    ("[log\nlevel = debug\n", r"own\.ini:1\b"),
    ("[log]\nlevel debug\n", r"own\.ini:2\b"),
    ("[log]\nlevel = loud\n", r"own\.ini:2: \[log\] level"),
    ("[policy]\ntools_deny = calculator\n[kernel]\nidle_timeout = soon\n",
     r"own\.ini:4: \[kernel\] idle_timeout"),
    ("[log]\nlevle = debug\n", r"own\.ini:2: .*did you mean level"),
    ("[tool.counter]\nwrod = x\n", r"own\.ini:2: .*wrod"),
    ("[protocol.jupyter]\nshell_port = high\n", r"own\.ini:2: .*shell_port"),
    ("[kernel]\nprotocol = jupyter,nosuch\n", r'no protocol plugin is called "nosuch"'),
    ("[kernel]\nprotocol =\n", r"\[kernel\] protocol"),
]


@pytest.mark.parametrize("text, pattern", BAD)
def test_an_invalid_configuration(daemon, text, pattern):
    """Nothing of it is applied; reply, status, log and exit status say so."""
    daemon.counter()
    daemon.start()
    assert daemon.call()["result"]["calls"] == 1
    daemon.ini.write_text(text + "[tools]\ntimeout = 1ms\n")
    reply = daemon.ask()
    assert reply["status"] == "error" and re.search(pattern, reply["evalue"]), reply
    done = daemon.llmspell.run("kernel", "reload", "test")
    assert done.status == 1 and done.out == "" and re.search(pattern, done.err), done
    last = daemon.signal_reload()
    assert last["status"] == "error" and last["reload"] == 3 and re.search(pattern, last["evalue"])
    assert len(re.findall("reload: nothing was changed: .*" + pattern, daemon.llmspell.log())) == 3
    assert daemon.call()["result"]["calls"] == 2
    assert daemon.call("calculator", input="6*7")["status"] == "ok"
    assert daemon.reload()["applied"] == []


# ---- policy ----

def test_policy(daemon):
    """The next call has it; one under way ends with what it began with."""
    daemon.counter()
    file = daemon.llmspell.cwd / "file"
    file.touch()
    daemon.start()
    call = daemon.begin_call(read=str(file))
    daemon.reload(policy={"tools_deny": "calculator, counter"})
    reply = daemon.call(read=str(file))
    assert reply["status"] == "error" and "tools_deny" in reply["error"]["message"]
    assert daemon.run("exec", "return Tool.calculator{input='1'}").status == 1
    daemon.reload(policy={"fs_roots": ""})
    reply = daemon.call(read=str(file))
    assert reply["error"]["code"] == "permission_denied", reply
    assert call.end()["result"]["calls"] == 1
    daemon.reload(policy=None)
    assert daemon.call(read=str(file))["status"] == "ok"


def test_tools_deny_closes_nothing(daemon):
    daemon.counter()
    daemon.start()
    daemon.call()
    daemon.reload(policy={"tools_deny": "counter"})
    daemon.reload(policy={"tools_deny": "calculator"})
    assert daemon.call()["result"]["calls"] == 2


def test_a_section_of_a_tool(daemon):
    """Opens just that tool anew; a call under way has the old one."""
    daemon.counter("a")
    daemon.counter("b", name="other")
    daemon.start()
    assert daemon.call("other")["result"] == {"from": "b", "calls": 1, "word": "none"}
    call = daemon.begin_call()
    outcome = daemon.reload(tool__counter={"word": "new"})
    assert settings(outcome) == {"tool.counter.word": ("", "new")}
    assert daemon.call()["result"] == {"from": "a", "calls": 1, "word": "new"}
    assert call.end()["result"] == {"from": "a", "calls": 1, "word": "none"}
    assert daemon.call("other")["result"]["calls"] == 2
    daemon.reload(log={"level": "debug"})
    assert daemon.call()["result"]["calls"] == 2


# ---- files ----

def test_a_new_file_and_one_that_is_gone(daemon):
    daemon.start()
    assert daemon.call()["error"]["code"] == "unknown_tool"
    file = daemon.counter()
    assert daemon.reload()["plugins"] == {"added": ["tool counter"], "removed": [], "replaced": []}
    assert daemon.call()["result"]["calls"] == 1
    call = daemon.begin_call()
    file.unlink()
    assert daemon.reload()["plugins"]["removed"] == ["tool counter"]
    assert daemon.call()["error"]["code"] == "unknown_tool"
    assert call.end()["result"]["calls"] == 2


def test_a_replaced_file(daemon):
    """Again and again; the files of before come back as well."""
    file = daemon.counter("v0")
    daemon.start()
    assert daemon.call()["result"]["from"] == "v0"
    first = daemon.plugins / "kept"
    os.link(file, first)
    for n in range(1, 12):
        call = daemon.begin_call()
        daemon.counter(f"v{n}")
        assert daemon.reload()["plugins"]["replaced"] == ["tool counter"]
        assert daemon.call()["result"] == {"from": f"v{n}", "calls": 1, "word": "none"}
        assert call.end()["result"]["from"] == f"v{n - 1}"
    first.rename(file)
    assert daemon.reload()["plugins"]["replaced"] == ["tool counter"]
    assert daemon.call()["result"]["from"] == "v0"
    daemon.counter("last")
    daemon.reload()
    assert daemon.call()["result"]["from"] == "last"


def test_a_replaced_file_before_a_reload(daemon):
    """A plugin that was discovered but not loaded: the file is another one now."""
    daemon.counter("a")
    daemon.start()
    daemon.counter("b")
    reply = daemon.call()
    assert reply["status"] == "error" and "reload the kernel" in reply["error"]["message"], reply
    daemon.reload()
    assert daemon.call()["result"]["from"] == "b"


def test_a_file_that_is_overwritten(daemon):
    file = daemon.counter("aaaa")
    daemon.start()
    assert daemon.call()["result"]["from"] == "aaaa"
    other = daemon.counter("bbbb", name="other")
    inode = file.stat().st_ino
    text = maker.manifest("counter", parameters={"type": "object"})
    maker.make(other, text, [maker.define("FROM", "bbbb")], sources=("counter.c",))
    file.write_bytes(other.read_bytes())
    other.unlink()
    assert file.stat().st_ino == inode
    daemon.reload()
    for _ in range(2):
        reply = daemon.call()
        assert reply["status"] == "error", reply
        assert re.search("overwritten while it is loaded: .* by rename .* restart",
                         reply["error"]["message"]), reply
    daemon.counter("cccc")
    daemon.reload()
    assert daemon.call()["result"]["from"] == "cccc"


@pytest.mark.parametrize("kind", ["mode", "entry", "cut"])
def test_a_refused_plugin_that_is_mended(daemon, kind):
    """Refused when it was found, or when it was loaded, and tried some times."""
    file = daemon.plugins / "greet.so"
    maker.make(file, defines=["ENTRY_MAJOR=9"] if kind == "entry" else [])
    if kind == "mode":
        file.chmod(0o775)
    elif kind == "cut":
        os.truncate(file, 500)
    daemon.start()
    for _ in range(3):
        reply = daemon.call("greet", name="Ada")
        assert reply["error"]["code"] == "plugin_refused", reply
        daemon.reload()
    if kind == "mode":
        file.chmod(0o755)
    else:
        maker.make(file)
    daemon.reload()
    assert daemon.call("greet", name="Ada")["result"]["greeting"] == "Ada"


# ---- while other things go on ----

def test_while_a_script_runs(daemon):
    daemon.counter("old")
    daemon.start()
    running = daemon.session.start_running(
        "kept = 1 print('running') local r repeat r = Tool.counter{} until r.from == 'new' return r.word")
    daemon.counter("new")
    daemon.set(tool__counter={"word": "set"}, log={"level": "debug"})
    assert settings(daemon.signal_reload()) == {"log.level": ("info", "debug"),
                                                "tool.counter.word": ("", "set")}
    events = daemon.session.until_idle(running)
    assert [e["content"]["data"]["text/plain"] for e in events
            if e["msg_type"] == "execute_result"] == ["set"]
    assert daemon.lua("return kept") == "1"


def test_with_calls_in_flight(daemon):
    daemon.counter("old")
    daemon.start("--set", "kernel.tool_threads=51")
    until = daemon.llmspell.cwd / "go"
    asked = [daemon.send_call(until=str(until)) for _ in range(50)]
    wait_until(lambda: daemon.status()["active"] >= 51, "50 calls in flight")
    daemon.counter("new")
    daemon.reload(tool__counter={"word": "new"}, policy={"fs_roots": ""})
    assert daemon.call()["result"] == {"from": "new", "calls": 1, "word": "new"}
    until.touch()
    replies = [daemon.finish_call(one)["result"] for one in asked]
    assert {(r["from"], r["word"]) for r in replies} == {("old", "none")}
    assert sorted(r["calls"] for r in replies) == list(range(1, 51))


def process_facts(pid):
    with open(f"/proc/{pid}/status") as file:
        text = file.read()
    facts = {key: int(re.search(rf"{key}:\s+(\d+)", text)[1]) for key in ("VmRSS", "Threads")}
    facts["fds"] = len(os.listdir(f"/proc/{pid}/fd"))
    with open(f"/proc/{pid}/maps") as file:
        facts["maps"] = sum(1 for line in file if ".so" in line)
    return facts


def test_many_reloads(daemon):
    """Of every kind, a quarter of them invalid: nothing grows."""
    daemon.counter()
    maker.make(daemon.plugins / "greet.so", defines=["ENTRY_MAJOR=9"])
    daemon.start("--set", "kernel.tool_threads=1")
    kinds = [{"log": {"level": "debug"}}, {"log": {"level": "loud"}},
             {"log": {"format": "json"}, "tool__counter": {"word": "x"}},
             {"log": None, "tool__counter": None, "policy": {"tools_deny": "calculator"}}]
    facts = []
    for n in range(240):
        daemon.set(**kinds[n % 4])
        assert daemon.ask()["status"] == ("error" if n % 4 == 1 else "ok")
        daemon.call()
        assert daemon.call("greet")["status"] == "error"
        if n in (39, 239):
            facts.append(process_facts(daemon.pid))
    before, after = facts
    assert after["fds"] <= before["fds"] and after["Threads"] == before["Threads"], facts
    assert after["maps"] == before["maps"], facts
    if not os.environ.get("LLMSPELL_SANITIZER"):
        assert after["VmRSS"] - before["VmRSS"] < 1024, facts  # KiB


def test_a_burst_of_signals(daemon):
    """While a script runs: none of them loses its state."""
    daemon.start()
    daemon.lua("kept = 'state'")
    running = daemon.session.start_running(RUN_ON)
    for n in range(200):
        os.kill(daemon.pid, signal.SIGUSR1 if n % 2 else signal.SIGUSR2)
    dump = daemon.llmspell.home / "dump" / "test.json"
    wait_until(dump.exists, "a dump")
    wait_until(lambda: daemon.status()["last_reload"], "a reload")
    wait_until(lambda: daemon.status()["active"] == 2, "the end of the burst")  # it, and the script
    assert json.loads(dump.read_text()) and stat.S_IMODE(dump.stat().st_mode) == 0o600
    assert daemon.status()["last_reload"]["status"] == "ok"
    daemon.session.ask("interrupt_request", channel="control")
    assert daemon.session.reply(running)["content"]["ename"] == "KeyboardInterrupt"
    assert daemon.lua("return kept") == "state"
    assert daemon.status()["pid"] == daemon.pid
