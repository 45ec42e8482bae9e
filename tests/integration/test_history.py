# SPDX-License-Identifier: Apache-2.0
"""The history that all sessions share: over restarts, beside other kernels, with a file that is torn,
a link, full, huge or not there. The same for one kernel in memory: test_jupyter.py."""
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from conftest import SLOW
from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, llmspell, open_session, process_fd, session, wait_end, wait_until)
from test_logging import ROOT_ONLY, mounted  # noqa: F401 (fixture)


def file_of(llmspell):
    return llmspell.home / "history" / "lua.jsonl"


def stored(llmspell):
    """(session, line, input, output) of every line that is one, in order."""
    rows = []
    for line in file_of(llmspell).read_text(errors="replace").splitlines():
        try:
            row = json.loads(line)
            rows.append((row["session"], row["line"], row.get("input"), row.get("output")))
        except (ValueError, KeyError, TypeError):
            pass
    return rows


def inputs(llmspell):
    return [row[2] for row in stored(llmspell)] if file_of(llmspell).exists() else []


def history(session, /, channel="shell", **content):
    reply = session.ask("history_request", {"output": False, "raw": True, **content}, channel).reply
    assert reply["status"] == "ok", reply
    return [tuple(entry) for entry in reply["history"]]


def tail(session, /, n=10, **content):
    return history(session, hist_access_type="tail", n=n, **content)


def complaints(llmspell, id="test"):
    return [line for line in llmspell.log(id).splitlines() if "history" in line]


class Kernels:
    """Starts daemons one after the other, each with a session of a client."""

    def __init__(self, llmspell, open_session):
        self.llmspell, self.open = llmspell, open_session

    def start(self, *args, id="test"):
        self.started = self.llmspell.start(*args, id=id)
        return self.open(self.started["connection_file"])

    def stop(self, id="test"):
        assert self.llmspell.run("kernel", "stop", id).status == 0


@pytest.fixture
def kernels(llmspell, open_session):
    return Kernels(llmspell, open_session)


# ---- sessions ----

def test_over_restarts(llmspell, kernels):
    one = kernels.start()
    one.run("a = 1")
    one.run("return a + 1")
    one.run("secret = 1", store_history=False)
    one.run("secret = 2", silent=True)
    one.run("error('x')")
    kernels.stop()
    assert stored(llmspell) == [(1, 1, "a = 1", None), (1, 2, "return a + 1", "2"),
                                (1, 3, "error('x')", None)]
    assert file_of(llmspell).stat().st_mode & 0o777 == 0o600
    assert file_of(llmspell).parent.stat().st_mode & 0o777 == 0o700

    two = kernels.start()
    assert tail(two, 2) == [(1, 2, "return a + 1"), (1, 3, "error('x')")]
    two.run("6 * 7")
    assert tail(two, 2, output=True) == [(1, 3, ["error('x')", None]), (2, 1, ["6 * 7", "42"])]
    assert history(two, hist_access_type="range", session=0, start=1, stop=9) == [(2, 1, "6 * 7")]
    assert history(two, hist_access_type="range", session=-1, start=2, stop=4, output=True) == [
        (1, 2, ["return a + 1", "2"]), (1, 3, ["error('x')", None])]
    assert history(two, hist_access_type="range", session=1, start=1, stop=2) == [(1, 1, "a = 1")]
    assert history(two, hist_access_type="range", session=7, start=1, stop=2) == []
    assert history(two, hist_access_type="search", pattern="*a*", n=9) == [
        (1, 1, "a = 1"), (1, 2, "return a + 1")]
    two.run("a = 1")
    assert history(two, hist_access_type="search", pattern="a = ?", n=9, unique=True) == [
        (2, 2, "a = 1")]
    assert not complaints(llmspell)


def test_any_text_comes_back(llmspell, kernels):
    code = '-- "quotes" \\ \t é🙂 \x7f \u2028\nreturn "é\\n\\0" .. \'x\''
    kernels.start().run(code)
    kernels.stop()
    assert tail(kernels.start(), 1) == [(1, 1, code)]


def test_two_clients_share_a_session(kernel, session, open_session):
    other = open_session(kernel.started["connection_file"])
    session.run("mine = 1")
    other.run("yours = 2")
    assert tail(session) == tail(other) == [(1, 1, "mine = 1"), (1, 2, "yours = 2")]


def test_while_a_cell_runs(session):
    session.run("before = 1")
    cell = session.start_running(RUN_ON)
    for channel in ("shell", "control"):
        assert tail(session, channel=channel) == [(1, 1, "before = 1"), (1, 2, RUN_ON)]
    session.ask("interrupt_request", channel="control")
    session.until_idle(cell)


def test_the_output_of_a_cell_that_was_written_while_it_ran(llmspell, session):
    cell = session.execute("local name = io.read()\nreturn 'hello ' .. name")
    session.question()
    wait_until(lambda: inputs(llmspell), "the line of the running cell")
    session.input("you")
    assert session.finish(cell).value == "hello you"
    wait_until(lambda: len(stored(llmspell)) == 2, "its output")
    assert stored(llmspell)[1] == (1, 1, None, "hello you")
    session.run("1")
    assert [entry[2][1] for entry in tail(session, output=True)] == ["hello you", "1"]


def test_kill_9_loses_at_most_the_last_moment(llmspell, kernels):
    one = kernels.start()
    one.run("kept = 1")
    wait_until(lambda: inputs(llmspell) == ["kept = 1"], "the line in the file")
    end = process_fd(kernels.started["pid"])
    os.kill(kernels.started["pid"], signal.SIGKILL)
    assert wait_end(end)
    assert tail(kernels.start()) == [(1, 1, "kept = 1")]


def test_what_is_not_stored(llmspell, kernels):
    """Commands without a kernel process; a kernel that is told so. An idle one leaves nothing."""
    assert llmspell.run("exec", "6*7").out == "42\n"
    assert not file_of(llmspell).parent.exists()
    kernels.start()
    kernels.stop()
    assert not file_of(llmspell).parent.exists()
    one = kernels.start("--set", "kernel.history=false")
    one.run("a = 1")
    assert tail(one) == [(1, 1, "a = 1")]
    kernels.stop()
    none = kernels.start("--set", "kernel.history_max=0")
    none.run("a = 1")
    assert tail(none) == []
    kernels.stop()
    assert not file_of(llmspell).parent.exists()


def test_the_key_is_not_stored(llmspell, kernels):
    one = kernels.start()
    key = json.loads(Path(kernels.started["connection_file"]).read_text())["key"]
    one.run(f"a = 1 -- {key}")
    one.run(f"return '{key[:20]}' .. '{key[20:]}'")
    one.run("b = 2")
    assert len(tail(one)) == 3  # in memory
    kernels.stop()
    assert key not in file_of(llmspell).read_text()
    assert [row[1:] for row in stored(llmspell)] == [
        (2, f"return '{key[:20]}' .. '{key[20:]}'", None), (3, "b = 2", None)]


# ---- several kernels ----

def test_two_kernels_at_once_lose_nothing(llmspell, kernels):
    sessions = [kernels.start(id=id) for id in ("one", "two")]
    asked = [[one.execute(f"x = '{name} {i}'") for i in range(500)]
             for one, name in zip(sessions, ("one", "two"))]
    for one, requests in zip(sessions, asked):
        for request in requests:
            one.finish(request)
    for id in ("one", "two"):
        kernels.stop(id)
    rows = stored(llmspell)
    assert len(rows) == 1000 and {row[0] for row in rows} == {1, 2}
    for name in ("one", "two"):
        own = [row for row in rows if name in row[2]]
        assert len({row[0] for row in own}) == 1, "one kernel, one session"
        assert [row[1:3] for row in own] == [(i + 1, f"x = '{name} {i}'") for i in range(500)]


def test_compaction_beside_another_kernel(llmspell, kernels):
    limit = ("--set", "kernel.history_max=30")
    sessions = [kernels.start(*limit, id=id) for id in ("one", "two")]
    for round in range(5):
        for one, name in zip(sessions, ("one", "two")):
            for request in [one.execute(f"x = '{name} {round} {i}'") for i in range(40)]:
                one.finish(request)
            last = f"x = '{name} {round} 39'"
            wait_until(lambda: last in inputs(llmspell), last)
            assert len(file_of(llmspell).read_text().splitlines()) <= 61 + 40
    newest = [f"x = 'two 4 {i}'" for i in range(40)][-30:]
    assert inputs(llmspell)[-30:] == newest
    for id in ("one", "two"):
        kernels.stop(id)
    assert [entry[2] for entry in tail(kernels.start(), 30)] == newest
    assert os.listdir(file_of(llmspell).parent) == ["lua.jsonl"]


# ---- the file ----

def test_torn_and_foreign_lines(llmspell, kernels):
    kernels.start().run("first = 1")
    kernels.stop()
    with file_of(llmspell).open("ab") as file:
        file.write(b'garbage\n\n\xff\xfe\0\n[1, 2]\n{"session": "x"}\n{"session":3,"version":9}\n'
                   b'{"session":2,"line":1,"time":1.5,"input":"of another version","new":[]}\n'
                   b'{"session":2,"line":2,"inp')
    two = kernels.start()
    assert [entry[2] for entry in tail(two)] == ["first = 1", "of another version"]
    two.run("second = 2")
    wait_until(lambda: "second = 2" in inputs(llmspell), "the line behind the torn one")
    assert tail(two) == [(1, 1, "first = 1"), (2, 1, "of another version"), (4, 1, "second = 2")]
    assert not complaints(llmspell)


def one_complaint(llmspell, kernels, words):
    """The kernel works, this session's inputs are there, and the log says it once."""
    one = kernels.start()
    for i in range(3):
        assert one.run(f"x = {i} return x").value == str(i)
        wait_until(lambda: complaints(llmspell), "a line in the log")
        assert [entry[2] for entry in tail(one)] == [f"x = {k} return x" for k in range(i + 1)]
    kernels.stop()
    assert len(complaints(llmspell)) == 1 and words in complaints(llmspell)[0], llmspell.log()
    return one


def test_a_link_is_not_followed(llmspell, kernels):
    target = llmspell.cwd / "target"
    file_of(llmspell).parent.mkdir(mode=0o700)
    file_of(llmspell).symlink_to(target)
    one_complaint(llmspell, kernels, "is a link")
    assert not target.exists()


def test_a_folder_that_is_a_link(llmspell, kernels):
    target = llmspell.cwd / "target"
    target.mkdir(mode=0o700)
    file_of(llmspell).parent.symlink_to(target)
    one_complaint(llmspell, kernels, "is a link")
    assert list(target.iterdir()) == []


def test_a_file_that_others_can_read(llmspell, kernels):
    file_of(llmspell).parent.mkdir(mode=0o700)
    file_of(llmspell).write_text("")
    file_of(llmspell).chmod(0o644)
    one_complaint(llmspell, kernels, "chmod 600")
    assert file_of(llmspell).read_text() == ""


@ROOT_ONLY
def test_a_folder_that_cannot_be_written(llmspell, kernels, mounted):
    folder = mounted("size=64k,mode=0700")
    bind(folder, file_of(llmspell).parent, "ro")
    try:
        one_complaint(llmspell, kernels, "Read-only file system")
    finally:
        subprocess.run(["umount", "--lazy", file_of(llmspell).parent], check=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(llmspell, kernels):
    file_of(llmspell).parent.mkdir(mode=0o500)
    one_complaint(llmspell, kernels, "Permission denied")


def bind(source, target, options):
    target.mkdir(mode=0o700)
    subprocess.run(["mount", "--bind", source, target], check=True)
    subprocess.run(["mount", "-o", f"remount,bind,{options}", target], check=True)


@ROOT_ONLY
def test_disk_full(llmspell, kernels, mounted):
    """Loses what came meanwhile, and nothing else: no torn line, one line in the log."""
    folder = mounted("size=64k,mode=0700")
    bind(folder, file_of(llmspell).parent, "rw")
    try:
        one = kernels.start()
        one.run("early = 1")
        wait_until(lambda: inputs(llmspell) == ["early = 1"], "the first line")
        ballast = folder / "ballast"
        with ballast.open("wb", buffering=0) as file, pytest.raises(OSError):
            while file.write(b"x" * 4096):
                pass
        lost = "-- " + "lost " * 2000
        for _ in range(5):
            one.run(lost)
        wait_until(lambda: complaints(llmspell), "a line in the log")
        assert one.run("6 * 7").value == "42"
        assert file_of(llmspell).read_bytes().endswith(b"}\n")
        ballast.unlink()
        one.run("late = 1")
        wait_until(lambda: "late = 1" in inputs(llmspell), "a line that fits again")
        kernels.stop()
        assert len(complaints(llmspell)) == 1
        assert "No space left" in complaints(llmspell)[0] and "make room" in complaints(llmspell)[0]
        assert [json.loads(line)["session"] for line in file_of(llmspell).open()] == [1] * len(
            stored(llmspell))
    finally:
        llmspell.run("kernel", "stop", "--all", "--force")
        subprocess.run(["umount", "--lazy", file_of(llmspell).parent], check=True)


def test_100000_entries(llmspell, kernels):
    file_of(llmspell).parent.mkdir(mode=0o700)
    with open(os.open(file_of(llmspell), os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        for i in range(100_000):
            file.write(f'{{"session":{i // 1000 + 1},"line":{i % 1000 + 1},"time":{i}.5,'
                       f'"input":"x = {i}","output":"{i}"}}\n')
    one = kernels.start("--set", "kernel.history_max=100000")
    assert [entry[2] for entry in tail(one, 1000)] == [f"x = {i}" for i in range(99_000, 100_000)]
    assert history(one, hist_access_type="range", session=7, start=999, stop=0, output=True) == [
        (7, 999, ["x = 6998", "6998"]), (7, 1000, ["x = 6999", "6999"])]
    assert len(history(one, hist_access_type="search", pattern="x = 9*9", unique=True)) == 1111
    every = one.send("history_request", {"hist_access_type": "tail", "n": 200_000, "output": False})
    assert one.run("6 * 7").value == "42"  # beside it
    assert len(one.finish(every).reply["history"]) in (100_000, 100_001)
    assert tail(one, 1) == [(101, 1, "6 * 7")]
    before = one.ask("status_request").reply["rss_bytes"]
    for _ in range(5):
        assert len(tail(one, 1000)) == 1000
    assert one.ask("status_request").reply["rss_bytes"] - before < 8_000_000 * SLOW
    kernels.stop()


def test_an_idle_kernel_does_not_wake_up_for_it(llmspell, kernels):
    """The thread sleeps once everything is written."""
    one = kernels.start()
    one.run("x = 1")
    wait_until(lambda: inputs(llmspell), "the line in the file")
    tasks = Path(f"/proc/{kernels.started['pid']}/task")
    thread, = [task for task in tasks.iterdir() if (task / "comm").read_text() == "history\n"]

    def switches():
        return [line for line in (thread / "status").read_text().splitlines() if "ctxt" in line]

    wait_until(lambda: "S (sleeping)" in (thread / "status").read_text(), "its sleep")
    before = switches()
    for i in range(20):  # requests that do not concern it
        one.run(f"x = {i}", store_history=False)
    assert switches() == before


# ---- what clients send ----

@pytest.mark.parametrize("field, value", [
    ("hist_access_type", 5), ("hist_access_type", "everything"), ("output", "yes"), ("raw", 1),
    ("unique", []), ("session", "0"), ("start", 1.5), ("stop", {}), ("n", "ten"), ("n", True),
    ("pattern", ["*"]), ("pattern", "*" * 1025)])
def test_wrong_types_are_named(session, field, value):
    session.run("x = 1")
    content = {"hist_access_type": "search", "pattern": "*", "n": 5, field: value}
    reply = session.ask("history_request", content).reply
    assert reply["status"] == "error" and reply["error"]["path"] == f"/{field}", reply
    assert field in reply["evalue"] and reply["ename"] == "invalid_params"
    assert tail(session) == [(1, 1, "x = 1")]


def test_nulls_and_absent_fields(session):
    session.run("x = 1")
    for content in ({}, dict.fromkeys(("output", "raw", "session", "start", "stop", "n", "pattern",
                                       "unique", "hist_access_type")),
                    {"hist_access_type": "range"}, {"hist_access_type": "search"}):
        assert session.ask("history_request", content).reply["history"] == [[1, 1, "x = 1"]]


def test_a_hard_pattern_ends(session):
    session.run("-- " + "a" * 200_000)
    found = history(session, hist_access_type="search", pattern="*a" * 300 + "b", n=5)
    assert found == []
