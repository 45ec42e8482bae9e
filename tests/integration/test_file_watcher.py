# SPDX-License-Identifier: Apache-2.0
"""file_watcher: changes that are made while it waits; each with inotify, and where it matters in a
sandbox, which refuses inotify. That it waits is seen in /proc, so that nothing sleeps on a guess."""
import decimal
import json
import os
import random
import signal
import subprocess
import time

import pytest

from conftest import BINARY, SLOW


class Watch:
    """A running watch. `watches`: how many folders and files it has to watch before it is ready."""

    def __init__(self, llmspell, watches, isolation="inline", **params):
        params = {"paths": ["."], "timeout_ms": 20000 * SLOW, "debounce_ms": 150, **params}
        env = {**llmspell.env, "LLMSPELL_TOOLS_ISOLATION": isolation, "TMPDIR": str(llmspell.cwd),
               "LLMSPELL_TOOLS_TIMEOUT": "60s"}
        self.process = subprocess.Popen(
            [str(BINARY), "tool", "invoke", "file_watcher", "--params", json.dumps(params), "--output", "json"],
            cwd=llmspell.cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if watches:
            self.wait_ready(watches)

    def count(self):
        """Watches of inotify that the process has, the host's own apart."""
        best = 0
        for fd in os.listdir(f"/proc/{self.process.pid}/fdinfo"):
            try:
                text = open(f"/proc/{self.process.pid}/fdinfo/{fd}").read()
            except OSError:
                continue
            best = max(best, text.count("inotify wd:"))
        return best

    def wait_ready(self, watches):
        deadline = time.monotonic() + 20 * SLOW
        while self.count() != watches:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, self.count()
            time.sleep(0.005)
        time.sleep(0.02)  # the folder of the last watch is still being read

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        while f"{self.process.pid} (llmspell) T" not in open(f"/proc/{self.process.pid}/stat").read():
            time.sleep(0.001)

    def reply(self):
        out, err = self.process.communicate(timeout=40 * SLOW)
        assert out, err
        return json.loads(out)

    def result(self):
        reply = self.reply()
        assert reply["status"] == "ok", reply
        return reply["result"]

    def events(self):
        """(type, path) or (renamed, from, path), in order."""
        result = self.result()
        assert result["count"] == len(result["events"]) and not result["overflow"]
        return [(e["type"], e["from"], e["path"]) if "from" in e else (e["type"], e["path"])
                for e in result["events"]]


@pytest.fixture
def watch(llmspell):
    started = []

    def start(watches, **params):
        started.append(Watch(llmspell, watches, **params))
        return started[-1]

    start.cwd = llmspell.cwd
    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


def test_created(watch):
    one = watch(1)
    (watch.cwd / "a").write_text("1")
    result = one.result()
    event = result["events"][0]
    assert (result["count"], result["timed_out"], result["overflow"]) == (1, False, False)
    assert {**event, "time": ""} == {"type": "created", "path": "a", "directory": False, "time": ""}
    assert list(event) == ["type", "path", "directory", "time"]
    assert event["time"].endswith("Z")


def test_modified_once_a_burst(watch):
    path = watch.cwd / "a"
    path.write_text("1")
    one = watch(1)
    with open(path, "a") as file:
        for _ in range(50):
            file.write("x")
            file.flush()
    assert one.events() == [("modified", "a")]


def test_deleted_and_renamed(watch):
    for name in "abc":
        (watch.cwd / name).write_text("1")
    one = watch(1)
    (watch.cwd / "a").unlink()
    (watch.cwd / "b").rename(watch.cwd / "d")
    assert one.events() == [("deleted", "a"), ("renamed", "b", "d")]


def test_renamed_over_another_one(watch):
    (watch.cwd / "a").write_text("1")
    (watch.cwd / "b").write_text("2")
    one = watch(1)
    (watch.cwd / "a").rename(watch.cwd / "b")
    assert one.events() == [("renamed", "a", "b")]


def test_an_editor_that_writes_and_renames(watch):
    (watch.cwd / "a.txt").write_text("1")
    one = watch(1)
    (watch.cwd / ".a.tmp").write_text("2")
    (watch.cwd / ".a.tmp").rename(watch.cwd / "a.txt")
    assert one.events() == [("modified", "a.txt")]


def test_a_new_file_by_way_of_a_draft(watch):
    one = watch(1)
    (watch.cwd / ".a.tmp").write_text("2")
    (watch.cwd / ".a.tmp").rename(watch.cwd / "a.txt")
    assert one.events() == [("created", "a.txt")]


def test_an_editor_that_makes_a_backup(watch):
    (watch.cwd / "a.txt").write_text("1")
    one = watch(1)
    (watch.cwd / "a.txt").rename(watch.cwd / "a.txt~")
    (watch.cwd / "a.txt").write_text("2")
    (watch.cwd / "a.txt~").unlink()
    assert one.events() == [("modified", "a.txt")]


def test_new_folders_and_what_is_in_them(watch):
    outside = watch.cwd.parent / "made"
    (outside / "x" / "y").mkdir(parents=True)
    (outside / "x" / "f").write_text("1")
    one = watch(1, until="timeout", timeout_ms=1500 * SLOW)
    (watch.cwd / "p" / "q" / "r").mkdir(parents=True)
    (watch.cwd / "p" / "q" / "r" / "f").write_text("1")
    outside.rename(watch.cwd / "made")
    one.wait_ready(7)
    (watch.cwd / "made" / "x" / "y" / "late").write_text("1")
    events = one.events()
    assert sorted(events) == sorted(("created", p) for p in (
        "p", "p/q", "p/q/r", "p/q/r/f", "made", "made/x", "made/x/y", "made/x/f", "made/x/y/late"))


def test_a_folder_that_moves_keeps_being_watched(watch):
    (watch.cwd / "a" / "b").mkdir(parents=True)
    (watch.cwd / "a" / "b" / "f").write_text("1")
    (watch.cwd / "c").mkdir()
    one = watch(4, until="count", max_events=3)
    (watch.cwd / "a").rename(watch.cwd / "c" / "d")
    (watch.cwd / "c" / "d" / "b" / "f").write_text("22")
    (watch.cwd / "c" / "d" / "b" / "g").mkdir()
    assert one.events() == [("renamed", "a", "c/d"), ("modified", "c/d/b/f"), ("created", "c/d/b/g")]


def test_a_folder_that_moves_out_is_left_alone(watch):
    (watch.cwd / "a" / "b").mkdir(parents=True)
    one = watch(3, until="timeout", timeout_ms=1000 * SLOW)
    outside = watch.cwd.parent / "gone"
    (watch.cwd / "a").rename(outside)
    one.wait_ready(1)
    (outside / "b" / "f").write_text("1")
    (watch.cwd / "end").write_text("1")
    assert one.events() == [("deleted", "a"), ("created", "end")]


def test_a_watched_folder_is_removed(watch):
    (watch.cwd / "d").mkdir()
    (watch.cwd / "d" / "f").write_text("1")
    one = watch(1, paths=["d"])
    (watch.cwd / "d" / "f").unlink()
    (watch.cwd / "d").rmdir()
    result = one.result()
    assert [(e["type"], e["path"], e["directory"]) for e in result["events"]] == [
        ("deleted", "d/f", False), ("deleted", "d", True)]


def test_links_are_not_followed_out(watch):
    outside = watch.cwd.parent / "outside"
    outside.mkdir()
    (watch.cwd / "before").symlink_to(outside)
    one = watch(1, until="timeout", timeout_ms=800 * SLOW)
    (watch.cwd / "l").symlink_to(outside)
    (outside / "f").write_text("1")
    (watch.cwd / "end").write_text("1")
    assert one.events() == [("created", "l"), ("created", "end")]


def test_one_file(watch):
    (watch.cwd / "a").write_text("1")
    one = watch(1, paths=["a"], until="count", max_events=2, debounce_ms=0)
    (watch.cwd / "b").write_text("no event")
    (watch.cwd / "a").write_text("2")
    (watch.cwd / "b").rename(watch.cwd / "a")
    assert set(one.events()) == {("modified", "a")}


def test_one_file_behind_a_link(watch):
    (watch.cwd / "d").mkdir()
    (watch.cwd / "d" / "a").write_text("1")
    (watch.cwd / "l").symlink_to("d/a")
    one = watch(2, paths=["l"])
    (watch.cwd / "d" / "a").write_text("2")
    assert one.events() == [("modified", "l")]


def test_not_recursive(watch):
    (watch.cwd / "d").mkdir()
    one = watch(1, recursive=False)
    (watch.cwd / "d" / "f").write_text("1")
    (watch.cwd / "e").mkdir()
    (watch.cwd / "e" / "f").write_text("1")
    assert one.events() == [("created", "e")]


def test_paths_as_they_were_written(watch):
    (watch.cwd / "d" / "e").mkdir(parents=True)
    one = watch(2, paths=["./d/", str(watch.cwd / "d" / "e")])
    (watch.cwd / "d" / "e" / "f").write_text("1")
    (path,) = [p for _, p in one.events()]
    assert path in ("./d/e/f", str(watch.cwd / "d" / "e" / "f"))


def test_pattern_and_kinds(watch):
    for name in ("a.c", "b.o", "d.c"):
        (watch.cwd / name).write_text("1")
    one = watch(1, pattern="*.c", events=["modify", "rename", "attrib"], until="count", max_events=3)
    (watch.cwd / "b.o").write_text("2")
    (watch.cwd / "new.c").touch()
    (watch.cwd / "a.c").write_text("2")
    (watch.cwd / "d.c").chmod(0o600)
    (watch.cwd / "a.c").rename(watch.cwd / "a.x")
    assert one.events() == [("modified", "a.c"), ("attributes", "d.c"), ("renamed", "a.c", "a.x")]


def test_max_events_ends_the_watch(watch):
    one = watch(1, max_events=2, debounce_ms=10000)
    for name in "abcdef":
        (watch.cwd / name).touch()
    assert one.events() == [("created", "a"), ("created", "b")]


def test_until_timeout_takes_all_bursts(watch):
    one = watch(1, until="timeout", timeout_ms=1200 * SLOW, debounce_ms=50)
    (watch.cwd / "a").touch()
    time.sleep(0.3)  # longer than a burst: time is what this is about
    (watch.cwd / "b").touch()
    result = one.result()
    assert [e["path"] for e in result["events"]] == ["a", "b"] and result["timed_out"]


def test_names_that_are_no_utf8(watch):
    one = watch(1)
    open(bytes(watch.cwd) + b"/a\xff", "w").close()
    assert one.events() == [("created", "a\ufffd")]


def test_overflow(watch):
    """The process is stopped until the queue of inotify (16,384 events) is full."""
    limit = int(open("/proc/sys/fs/inotify/max_queued_events").read())
    if limit > 100000:
        pytest.skip(f"max_queued_events is {limit}")
    (watch.cwd / "old").touch()
    one = watch(1, until="timeout", timeout_ms=3000 * SLOW, max_events=10000, debounce_ms=1000)
    one.stop()
    with open(watch.cwd / "a", "w", buffering=1) as a, open(watch.cwd / "b", "w", buffering=1) as b:
        for _ in range(limit):
            a.write("x\n")
            b.write("x\n")
    (watch.cwd / "d").mkdir()
    (watch.cwd / "old").unlink()  # nobody hears of that
    one.process.send_signal(signal.SIGCONT)
    one.wait_ready(2)  # the new folder is watched all the same
    (watch.cwd / "d" / "late").touch()
    (watch.cwd / "old").touch()
    result = one.result()
    events = [(e["type"], e["path"]) for e in result["events"]]
    assert result["overflow"]
    assert ("created", "d/late") in events and ("created", "old") in events


def test_folders_that_change_places_unseen(watch):
    """While nobody looks the new folder p moves into a, and another p is made: taken for the first
    one it would then be its own parent. The folders are read anew, and that is said."""
    (watch.cwd / "a").mkdir()
    one = watch(2, until="timeout", timeout_ms=2000 * SLOW)
    one.stop()
    (watch.cwd / "p").mkdir()
    (watch.cwd / "p").rename(watch.cwd / "a" / "p")
    (watch.cwd / "p").mkdir()
    one.process.send_signal(signal.SIGCONT)
    one.wait_ready(3)
    (watch.cwd / "a").rename(watch.cwd / "p" / "a")
    one.wait_ready(4)
    (watch.cwd / "p" / "a" / "p" / "late").touch()
    result = one.result()
    assert result["overflow"]
    assert ("created", "p/a/p/late") in [(e["type"], e["path"]) for e in result["events"]]


def test_folders_that_move_all_the_time(watch):
    dice = random.Random(3)
    for name in ("a/aa", "b/bb", "c/cc"):
        (watch.cwd / name).mkdir(parents=True)
    one = watch(7, until="timeout", timeout_ms=3000, events=["attrib"])

    def path():
        return "/".join([str(watch.cwd)] + [dice.choice("abcd") for _ in range(dice.randint(1, 4))])
    folders = 0
    while one.process.poll() is None:
        if folders > 40:  # so that they are never 100 within each other
            folders = sum(1 for _ in os.walk(watch.cwd))
        try:
            kind = dice.randrange(3)
            if kind == 0 and folders <= 40:
                os.mkdir(path())
                folders += 1
            elif kind == 1:
                os.rename(path(), path())
            else:
                os.rmdir(path())
        except OSError:
            pass
    assert one.result()["count"] == 0


def test_too_many_folders(watch):
    for i in range(8200):
        os.mkdir(watch.cwd / f"d{i}")
    error = watch(0, timeout_ms=1000).reply()["error"]
    assert (error["code"], error["path"]) == ("limit_exceeded", "/paths/0"), error


def test_interrupt_ends_it_at_once(watch):
    one = watch(1)
    start = time.monotonic()
    one.process.send_signal(signal.SIGINT)
    assert one.reply()["error"]["code"] == "cancelled"
    assert time.monotonic() - start < 5 * SLOW


# ---- without inotify ----


def poll(watch, change, **params):
    """What a watch in a sandbox sees: `change(i)` again and again, as nobody knows when it is ready."""
    one = watch(0, isolation="process", **params)
    deadline = time.monotonic() + 20 * SLOW
    i = 0
    while one.process.poll() is None:
        assert time.monotonic() < deadline
        change(i)
        i += 1
        time.sleep(0.25)
    return one.result()["events"]


def test_sandboxed_created(watch):
    events = poll(watch, lambda i: (watch.cwd / f"n{i}").mkdir(), debounce_ms=20)
    assert (events[0]["type"], events[0]["directory"]) == ("created", True)


def test_sandboxed_modified_by_rename(watch):
    (watch.cwd / "a").write_text("1")

    def change(i):
        (watch.cwd / "tmp").write_text(str(i))
        (watch.cwd / "tmp").rename(watch.cwd / "a")
    events = poll(watch, change, pattern="a", debounce_ms=20)
    assert [(e["type"], e["path"]) for e in events] == [("modified", "a")]


def test_sandboxed_renamed_folder(watch):
    (watch.cwd / "d0" / "e").mkdir(parents=True)
    (watch.cwd / "d0" / "e" / "f").write_text("1")
    events = poll(watch, lambda i: (watch.cwd / f"d{i}").rename(watch.cwd / f"d{i + 1}"), debounce_ms=20)
    event = events[0]
    assert len(events) == 1 and event["type"] == "renamed" and event["directory"]
    assert int(event["path"][1:]) == int(event["from"][1:]) + 1


def test_sandboxed_deleted(watch):
    for i in range(100):
        (watch.cwd / f"f{i}").touch()
    events = poll(watch, lambda i: (watch.cwd / f"f{i}").unlink(), debounce_ms=20)
    assert {e["type"] for e in events} == {"deleted"}


# ---- snapshots ----


def test_snapshot_then_compare(llmspell):
    def invoke(**params):
        return llmspell.run("tool", "invoke", "file_watcher", "--params", "-", "--output", "json",
                            input=json.dumps(params)).json["result"]
    for name in ("keep", "touch", "grow", "replace", "gone"):
        (llmspell.cwd / name).write_text("1")
    snapshot = invoke(operation="snapshot", paths=["."])["snapshot"]
    assert list(snapshot) == ["gone", "grow", "keep", "replace", "touch"]
    os.utime(llmspell.cwd / "touch", ns=(1, 1))
    (llmspell.cwd / "grow").write_text("22")
    (llmspell.cwd / "new").write_text("1")
    stat = (llmspell.cwd / "replace").stat()
    (llmspell.cwd / "new").rename(llmspell.cwd / "replace")
    os.utime(llmspell.cwd / "replace", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (llmspell.cwd / "gone").rename(llmspell.cwd / "came")
    assert invoke(operation="compare", paths=["."], snapshot=snapshot) == {
        "created": ["came"], "modified": ["grow", "replace", "touch"], "deleted": ["gone"]}


def as_javascript(number):
    """Its JSON.stringify writes a double of 19 digits with zeros at the end, and no exponent."""
    return int(decimal.Decimal(repr(float(number))))


@pytest.mark.parametrize("number", [float, as_javascript])
def test_compare_with_numbers_that_became_doubles(llmspell, number):
    """As others hand a snapshot back: times of 19 digits have lost their end."""
    (llmspell.cwd / "a").write_text("1")
    stat = (llmspell.cwd / "a").stat()
    snapshot = {"a": {"size": 1, "mtime_ns": number(stat.st_mtime_ns), "inode": number(stat.st_ino)}}
    done = llmspell.run("tool", "invoke", "file_watcher", "--params", "-", "--output", "json", input=json.dumps(
        {"operation": "compare", "paths": ["."], "snapshot": snapshot})).json
    assert done["result"]["modified"] == []
