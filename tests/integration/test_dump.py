# SPDX-License-Identifier: Apache-2.0
"""The state dump (SIGUSR2, dump_request, `kernel dump`): what it says, and where it is written."""
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

from conftest import BINARY
from daemons import Deaf, children, connection_of, exec_lua, fds, mode, rss_kb, thread_names
from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, llmspell, open_session, session, wait_until)


def dump_file(llmspell, id="test"):
    return llmspell.home / "dump" / f"{id}.json"


def ask(session):
    reply = session.ask("dump_request", channel="control").reply
    assert reply["status"] == "ok", reply
    return reply["dump"]


# ---- what it says ----

def test_of_the_process(kernel, session):
    before = time.time()
    dump = ask(session)
    pid = kernel.started["pid"]
    assert dump["kernel_id"] == "test" and dump["pid"] == pid
    assert dump["version"] in kernel.run("version").out
    assert dump["program"] == str(BINARY) and dump["workdir"] == str(kernel.cwd)
    assert dump["connection_file"] == kernel.started["connection_file"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", dump["at"])
    assert dump["started_at"] <= dump["at"]
    ps = subprocess.run(["ps", "-o", "etimes=", "-p", str(pid)], capture_output=True, text=True)
    assert abs(dump["uptime_s"] - int(ps.stdout)) <= 2 + time.time() - before
    assert dump["last_reload"] is None
    assert {t["name"] for t in dump["threads"]} == set(thread_names(pid))
    assert {"executor", "jupyter"} <= {t["name"] for t in dump["threads"]}
    main, = [t for t in dump["threads"] if t["id"] == pid]
    assert main["state"] == "R" and main["cpu_s"] >= 0
    assert dump["open_files"] == fds(pid)
    memory = dump["memory"]
    assert 0 < memory["pss_bytes"] <= memory["rss_bytes"]
    assert memory["swap_bytes"] >= 0
    if not os.environ.get("LLMSPELL_SANITIZER"):  # they have a malloc of their own
        assert abs(memory["rss_bytes"] // 1024 - rss_kb(pid)) < 2048
        assert 0 < memory["heap_used_bytes"] < memory["rss_bytes"]
    assert dump["usage"]["user_s"] + dump["usage"]["system_s"] > 0


def test_of_the_lua_heap(kernel, session):
    before = ask(session)["kernel"]["runtime"]
    session.run("held = string.rep('x', 8 << 20)")
    after = ask(session)["kernel"]["runtime"]
    grown = after["status"]["heap_bytes"] - before["status"]["heap_bytes"]
    assert grown >= (8 << 20) - 16384  # some garbage may have gone meanwhile
    assert (after["name"], after["open"], after["busy"]) == ("lua", True, False)
    assert after["execution_count"] == before["execution_count"] + 1 == 1 and after["pending"] == 0


def test_counters_after_known_requests(kernel, session):
    """So many of each type, so many failed, with latencies that are measured ones."""
    before = ask(session)["kernel"]
    for i in range(20):
        session.run(f"x = {i}")
    session.run("os.execute('sleep 0.2')")
    for _ in range(3):
        assert session.run("error('on purpose')", stop_on_error=False).reply["status"] == "error"
    for i in range(30):
        session.ask("tool_request", {"command": "invoke", "name": "calculator",
                                     "params": {"input": str(i)}}, channel="control")
    for _ in range(7):
        session.ask("tool_request", {"command": "invoke", "name": "no_such_tool"}, channel="control")
    session.ask("complete_request", {"code": "pri", "cursor_pos": 3})
    after = ask(session)["kernel"]

    def gained(name, key):
        return after["messages"][name][key] - before["messages"].get(name, {}).get(key, 0)
    assert (gained("execute_request", "count"), gained("execute_request", "errors")) == (24, 3)
    assert (gained("tool_request", "count"), gained("tool_request", "errors")) == (37, 7)
    assert (gained("complete_request", "count"), gained("complete_request", "errors")) == (1, 0)
    assert gained("dump_request", "count") == 1, "the first one is counted, this one not yet"
    assert after["requests"] - before["requests"] == 24 + 37 + 1 + 1
    assert after["errors"] - before["errors"] == 10
    slow = after["messages"]["execute_request"]["latency_ms"]
    assert 0 < slow["p50"] < 200 <= slow["p99"] <= slow["max"]
    assert 200 / 24 <= slow["mean"] < slow["max"]
    for row in after["messages"].values():
        latency = row["latency_ms"]
        assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
    assert "history_request" not in after["messages"], "a type that nobody asked for"


def test_of_plugins_tools_and_protocols(llmspell, open_session, tmp_path):
    (tmp_path / "plugins").mkdir(mode=0o755)
    (tmp_path / "plugins" / "broken.so").write_text("no plugin")
    started = llmspell.start("--plugin-dir", tmp_path / "plugins")
    session = open_session(started["connection_file"])
    first = ask(session)
    assert "calculator" not in first["kernel"]["tools"]["open"]
    session.run("Tool.calculator{input='1'}")
    dump = ask(session)
    assert "calculator" in dump["kernel"]["tools"]["open"]
    assert dump["kernel"]["tools"]["known"] == llmspell.json("kernel", "status")["tools"]
    assert {(p["kind"], p["name"]) for p in dump["plugins"]["loaded"]} >= {
        ("tool", "calculator"), ("protocol", "jupyter"), ("runtime", "lua")}
    refused, = dump["plugins"]["refused"]
    assert refused["file"] == str(tmp_path / "plugins" / "broken.so") and refused["reason"]
    assert [p["name"] for p in dump["protocols"]] == ["jupyter", "dap"]
    assert dump["kernel"]["subscribers"] == 2


def test_of_tool_processes(llmspell, open_session):
    started = llmspell.start("--set", "tools.isolation=process")
    session = open_session(started["connection_file"])
    assert ask(session)["kernel"]["tools"]["processes"] == []
    for _ in range(2):
        session.ask("tool_request", {"command": "invoke", "name": "calculator",
                                     "params": {"input": "1"}}, channel="control")
    row, = ask(session)["kernel"]["tools"]["processes"]
    assert (row["tool"], row["calls"]) == ("calculator", 2) and row["idle_s"] >= 0
    assert [str(row["pid"])] == children(started["pid"])


def test_active_operations(kernel, session):
    cell = session.start_running(RUN_ON)
    queued = [session.execute(f"x = {i}") for i in range(100)]
    session.wait_pending(101)
    dump = ask(session)["kernel"]
    rows = {row["msg_id"]: row for row in dump["operations"]}
    assert set(rows) - {cell, *queued} == {row["msg_id"] for row in dump["operations"]
                                           if row["msg_type"] == "dump_request"}
    assert len(rows) == 102 and dump["runtime"]["pending"] == 101 and dump["runtime"]["busy"]
    ages = [rows[id]["age_ms"] for id in [cell, *queued]]
    assert ages == sorted(ages, reverse=True) and ages[-1] >= 0
    assert {rows[id]["msg_type"] for id in [cell, *queued]} == {"execute_request"}
    assert rows[cell]["session"] == session.client.session.session
    assert rows[cell]["protocol"] == "protocol:jupyter"
    assert not rows[cell]["cancelled"] and not rows[cell]["detached"]
    later = {row["msg_id"]: row for row in ask(session)["kernel"]["operations"]}
    assert later[cell]["age_ms"] > rows[cell]["age_ms"]
    session.ask("interrupt_request", channel="control")
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"


def test_while_a_tool_hears_nothing(llmspell, open_session, tmp_path):
    deaf = Deaf(tmp_path)
    started = llmspell.start("--plugin-dir", deaf.folder, *Deaf.INLINE)
    session = open_session(started["connection_file"])
    cell = session.execute("return Tool.deaf{} ~= nil")
    deaf.wait_begun()
    assert cell in [row["msg_id"] for row in ask(session)["kernel"]["operations"]]
    deaf.release.touch()
    assert session.finish(cell).value == "true"


def test_sigusr2(kernel, session):
    """Also while a script runs, and again and again; a reader never sees half a file."""
    cell = session.start_running(RUN_ON)
    seen = set()
    for _ in range(20):
        before = len(seen)
        os.kill(kernel.started["pid"], signal.SIGUSR2)
        wait_until(dump_file(kernel).exists, "a dump")

        def is_new():
            seen.add(json.loads(dump_file(kernel).read_text())["uptime_s"])
            return len(seen) > before
        wait_until(is_new, "another dump")
    assert "SIGUSR2" in kernel.log() and f"state dumped to {dump_file(kernel)}" in kernel.log()
    rows = json.loads(dump_file(kernel).read_text())["kernel"]["operations"]
    assert cell in [row.get("msg_id") for row in rows]
    assert sorted(os.listdir(kernel.home / "dump")) == ["test.json"], "a temporary file was left"
    kernel.run("kernel", "interrupt", "test")


# ---- where it goes ----

def test_mode(llmspell):
    before = os.umask(0)
    try:
        llmspell.start()
    finally:
        os.umask(before)
    assert llmspell.run("kernel", "dump").status == 0
    assert mode(dump_file(llmspell)) == 0o600 and mode(llmspell.home / "dump") == 0o700


def test_a_link_in_place_of_the_file(kernel):
    victim = kernel.cwd / "victim"
    victim.write_text("precious")
    dump_file(kernel).symlink_to(victim)
    assert kernel.run("kernel", "dump").status == 0
    assert victim.read_text() == "precious" and not dump_file(kernel).is_symlink()
    assert json.loads(dump_file(kernel).read_text())["kernel_id"] == "test"


def refused(llmspell, *words):
    """The dump is not written, the reason is told and logged, and the kernel goes on."""
    done = llmspell.run("kernel", "dump")
    assert done.status == 1 and done.out == "", done
    for text in (done.err, llmspell.log()):
        assert all(word in text for word in (str(dump_file(llmspell)), *words)), text
    assert exec_lua(llmspell, "6 * 7") == "42"


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_in_place_of_the_folder(kernel, target):
    elsewhere = kernel.cwd / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    shutil.rmtree(kernel.home / "dump")
    (kernel.home / "dump").symlink_to(kernel.cwd / target)
    refused(kernel, "link", "0700")
    assert not list(elsewhere.iterdir())


def test_a_folder_that_others_may_write_to(kernel):
    for bits in (0o720, 0o702, 0o1777):
        (kernel.home / "dump").chmod(bits)
        refused(kernel, "written by others", "0700")
    assert not list((kernel.home / "dump").iterdir())
    (kernel.home / "dump").chmod(0o750)
    assert kernel.run("kernel", "dump").status == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user(kernel):
    os.chown(kernel.home / "dump", 65534, 65534)
    refused(kernel, "another user")
    os.chown(kernel.home / "dump", 0, 0)


def test_no_folder(kernel):
    shutil.rmtree(kernel.home / "dump")
    refused(kernel, "make its folder")
    (kernel.home / "dump").write_text("a file")
    refused(kernel, "is no folder")


def test_a_full_disk(llmspell):
    """In a mount namespace of its own, where dump/ is a small tmpfs: the old dump stays whole."""
    (llmspell.home / "dump").mkdir(mode=0o700)
    script = (f'mount -t tmpfs -o size=64k,mode=700 none "{llmspell.home}/dump" || exit 99\n'
              f'x="{BINARY} --output json"; d="{llmspell.home}/dump"\n'
              "$x kernel start --daemon --id test >/dev/null && $x kernel dump >/dev/null || exit 98\n"
              "cp $d/test.json old.json; head -c 100000 /dev/zero >$d/filler 2>/dev/null\n"
              "$x kernel dump >reply.json 2>/dev/null; echo $? >status\n"
              "cmp $d/test.json old.json && ls $d >names\n"
              "rm $d/filler; $x kernel dump >/dev/null; echo $? >status-after; $x kernel stop test\n")
    done = subprocess.run(["unshare", "-m", *([] if os.geteuid() == 0 else ["-r"]), "/bin/sh", "-c",
                           script], env=llmspell.env, cwd=llmspell.cwd, text=True,
                          capture_output=True, timeout=60)
    if done.returncode == 99 or done.stderr.startswith("unshare:"):
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.returncode == 0, done
    error = json.loads((llmspell.cwd / "reply.json").read_text())["error"]
    assert (llmspell.cwd / "status").read_text() == "1\n"
    assert "No space left" in error["message"] and "make room" in error["message"]
    assert (llmspell.cwd / "names").read_text().split() == ["filler", "test.json"]
    assert (llmspell.cwd / "status-after").read_text() == "0\n"
    assert json.loads((llmspell.cwd / "old.json").read_text())["kernel_id"] == "test"
