# SPDX-License-Identifier: Apache-2.0
"""file_operations where its cases.json cannot reach: special files, versions, two file systems,
limits, races, other users."""
import hashlib
import json
import os
import pathlib
import signal
import socket
import stat
import subprocess
import threading
import time

import pytest

from conftest import BINARY, SLOW, why_nobody_else


class Tool:
    def __init__(self, cwd, tmpdir=None, **options):
        self.cwd = cwd
        self.options = options
        self.env = dict(os.environ, TMPDIR=str(tmpdir or cwd), LLMSPELL_HOME=f"{cwd}/.home")

    def start(self, operation, path, *arguments, **params):
        params.update(operation=operation, path=str(path))
        process = subprocess.Popen(
            [BINARY, "--output", "json", "tool", "invoke", "file_operations", "--params", "-",
             *arguments], cwd=self.cwd, env=self.env, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **self.options)
        process.stdin.write(json.dumps(params))
        process.stdin.close()
        return process

    def call(self, operation, path, *arguments, **params):
        with self.start(operation, path, *arguments, **params) as process:
            out, err = process.stdout.read(), process.stderr.read()
        assert out, err
        return json.loads(out)

    def ok(self, operation, path, **params):
        reply = self.call(operation, path, **params)
        assert reply["status"] == "ok", reply
        return reply["result"]

    def fails(self, operation, path, **params):
        reply = self.call(operation, path, **params)
        assert reply["status"] == "error", reply
        return reply["error"]["code"], reply["error"].get("path")


@pytest.fixture
def tool(tmp_path):
    return Tool(tmp_path)


def drafts(folder):
    return [p for p in pathlib.Path(folder).rglob(".llmspell-*")]


# ---- special files ----

def test_fifo_never_blocks(tool, tmp_path):
    os.mkfifo(tmp_path / "f")
    for operation, params in (("read", {}), ("read_lines", {}), ("write", {"input": "x"}),
                              ("append", {"input": "x"}), ("replace", {"find": "a", "with": "b"}),
                              ("touch", {}), ("chmod", {"mode": "600"}), ("hash_tree", {}),
                              ("disk_usage", {}), ("copy", {"target_path": "g"}),
                              ("list_dir", {}), ("create_dir", {})):
        assert tool.fails(operation, "f", **params) == ("invalid_params", "/path"), operation
    assert tool.ok("metadata", "f")["type"] == "other"
    assert tool.ok("metadata", "f")["mime"] == "inode/fifo"
    assert tool.ok("exists", "f")["type"] == "other"
    assert tool.ok("list_dir", ".")["entries"][0]["type"] == "other"
    assert tool.ok("move", "f", target_path="g")["files"] == 1
    assert tool.ok("delete", "g")["deleted"] == 1


def test_special_files_in_trees(tool, tmp_path):
    (tmp_path / "d").mkdir()
    os.mkfifo(tmp_path / "d/f")
    (tmp_path / "d/x").write_text("1")
    with socket.socket(socket.AF_UNIX) as s:
        os.chdir(tmp_path / "d")
        s.bind("s")
        os.chdir("/")
        assert tool.fails("copy", "d", target_path="e", recursive=True) == ("invalid_params", "/path")
        assert not (tmp_path / "e").exists() and not drafts(tmp_path)
        assert [f["path"] for f in tool.ok("hash_tree", "d")["files"]] == ["d/x"]
        assert tool.ok("disk_usage", "d") == {"bytes": 1, "files": 3, "directories": 0}
        assert tool.ok("delete", "d", recursive=True)["deleted"] == 4


def test_names_that_are_not_utf8(tool, tmp_path):
    (tmp_path / "d").mkdir()
    with open(os.path.join(os.fsencode(tmp_path), b"d", b"a\xff\xc3b"), "wb"):
        pass
    os.symlink(b"\xfe", os.path.join(os.fsencode(tmp_path), b"d", b"l"))
    entries = tool.ok("list_dir", "d")["entries"]
    assert entries[0]["name"] == "a\ufffd\ufffdb"
    assert entries[1]["target"] == "\ufffd"
    assert tool.ok("hash_tree", "d")["files"][0]["path"] == "d/a\ufffd\ufffdb"
    assert tool.ok("copy", "d", target_path="e", recursive=True)["files"] == 2
    names = [sorted(os.listdir(os.fsencode(tmp_path / d))) for d in "de"]
    assert names[0] == names[1]


# ---- versions ----

def test_versions(tool, tmp_path):
    first = tool.ok("write", "t", input="one")["version"]
    assert tool.ok("read", "t")["version"] == first
    assert tool.ok("read_lines", "t")["version"] == first
    assert tool.ok("metadata", "t")["version"] == first
    st = os.stat(tmp_path / "t")
    assert first == f"{st.st_mtime_ns}-{st.st_size}-{st.st_ino}"
    second = tool.ok("write", "t", input="two", if_version=first)["version"]
    assert second != first
    assert tool.fails("write", "t", input="x", if_version=first) == ("failed", "/if_version")
    third = tool.ok("append", "t", input="3", if_version=second)["version"]
    assert tool.fails("append", "t", input="x", if_version=second) == ("failed", "/if_version")
    fourth = tool.ok("replace", "t", find="two", if_version=third, **{"with": "2"})["version"]
    assert tool.fails("delete", "t", if_version=third) == ("failed", "/if_version")
    assert (tmp_path / "t").read_text() == "23"
    assert tool.ok("delete", "t", if_version=fourth)["deleted"] == 1


def test_no_update_is_lost(tool, tmp_path):
    """Of many writers that saw the same version exactly one wins."""
    (tmp_path / "t").write_text("0")
    for turn in range(5):
        version = tool.ok("read", "t")["version"]
        started = [tool.start("write", "t", input=f"{turn}.{i}", if_version=version)
                   for i in range(8)]
        replies = []
        for process in started:
            with process:
                replies.append(json.loads(process.stdout.read()))
        assert sorted(r["status"] for r in replies) == ["error"] * 7 + ["ok"], replies
        winner = next(i for i, r in enumerate(replies) if r["status"] == "ok")
        assert (tmp_path / "t").read_text() == f"{turn}.{winner}"
    assert not drafts(tmp_path)


def test_appends_do_not_mix(tool, tmp_path):
    started = [tool.start("append", "t", input=f"{i}" * 1000 + "\n") for i in range(8)]
    for process in started:
        with process:
            assert json.loads(process.stdout.read())["status"] == "ok"
    lines = (tmp_path / "t").read_text().splitlines()
    assert sorted(lines) == [f"{i}" * 1000 for i in range(8)]


# ---- two file systems ----

@pytest.fixture
def across(tmp_path):
    other = pathlib.Path("/dev/shm") / f"llmspell-{os.getpid()}-{time.monotonic_ns()}"
    try:
        other.mkdir()
    except OSError:
        pytest.skip("no second file system")
    if os.stat(other).st_dev == os.stat(tmp_path).st_dev:
        pytest.skip("no second file system")
    yield Tool(tmp_path, tmpdir=other), tmp_path, other
    subprocess.run(["rm", "-rf", str(other)], check=True)


def test_move_across(across):
    tool, here, there = across
    (here / "d/s").mkdir(parents=True)
    (here / "d/x").write_text("abc")
    (here / "d/s/y").write_text("12")
    os.symlink("x", here / "d/l")
    os.chmod(here / "d/x", 0o600)
    os.chmod(here / "d/s", 0o750)
    os.utime(here / "d/x", ns=(10**18, 10**18 + 5))
    assert tool.ok("move", "d", target_path=str(there / "e"), recursive=True) == {
        "path": "d", "target_path": str(there / "e"), "bytes": 5, "files": 3}
    assert not (here / "d").exists() and not drafts(there)
    st = os.stat(there / "e/x")
    assert (there / "e/x").read_text() == "abc" and stat.S_IMODE(st.st_mode) == 0o600
    assert st.st_mtime_ns == 10**18 + 5
    assert stat.S_IMODE(os.stat(there / "e/s").st_mode) == 0o750
    assert os.readlink(there / "e/l") == "x"
    assert tool.ok("move", there / "e/l", target_path="l")["files"] == 1
    assert os.readlink(here / "l") == "x"
    assert tool.ok("move", there / "e/x", target_path="x")["bytes"] == 3
    assert tool.fails("move", there / "e/s/y", target_path="x") == ("failed", "/target_path")
    assert (there / "e/s/y").exists() and (here / "x").read_text() == "abc"
    assert tool.ok("move", there / "e/s/y", target_path="x", overwrite=True)["bytes"] == 2
    os.mkfifo(here / "f")
    assert tool.fails("move", "f", target_path=str(there / "f")) == ("invalid_params", "/path")
    assert not drafts(here) and not drafts(there)


def test_copy_and_link_across(across):
    tool, here, there = across
    data = os.urandom(3 << 20)
    (here / "a").write_bytes(data)
    assert tool.ok("copy", "a", target_path=str(there / "a"))["bytes"] == len(data)
    assert (there / "a").read_bytes() == data
    tool.ok("link", there / "a", target_path="l")
    assert not os.readlink(here / "l").startswith("/")
    assert (here / "l").read_bytes() == data


# ---- sizes ----

def test_large_and_sparse(tool, tmp_path):
    with open(tmp_path / "s", "wb") as f:
        f.write(b"head")
        f.seek(3 << 30)
        f.write(b"tail")
        f.truncate((3 << 30) + (1 << 20))
    size = (3 << 30) + (1 << 20)
    assert tool.ok("copy", "s", target_path="t")["bytes"] == size
    st = os.stat(tmp_path / "t")
    assert st.st_size == size and st.st_blocks * 512 < 1 << 20
    with open(tmp_path / "t", "rb") as f:
        assert f.read(4) == b"head"
        f.seek(3 << 30)
        assert f.read(5) == b"tail\0"
    got = tool.ok("read", "s", offset=3 << 30, max_bytes=4)
    assert got["content"] == "tail" and got["truncated"] and got["total_bytes"] == size
    for operation, params in (("read_lines", {}), ("hash_tree", {}),
                              ("replace", {"find": "h", "with": "i"})):
        assert tool.fails(operation, "s", **params) == ("limit_exceeded", "/path")


def test_read_default_window(tool, tmp_path):
    (tmp_path / "b").write_bytes(b"x" * ((10 << 20) + 5))
    got = tool.ok("read", "b")
    assert got["bytes"] == 10 << 20 and got["truncated"] and got["total_bytes"] == (10 << 20) + 5
    got = tool.ok("read", "b", max_bytes=52428800, encoding="base64")
    assert got["bytes"] == (10 << 20) + 5 and not got["truncated"]


def test_many_lines(tool, tmp_path):
    (tmp_path / "t").write_text("".join(f"line {i}\n" for i in range(1, 300001)))
    got = tool.ok("read_lines", "t", start_line=299999, line_count=100)
    assert got["lines"] == ["line 299999", "line 300000"] and got["total_lines"] == 300000
    assert tool.ok("read_lines", "t")["count"] == 1000


def test_too_many_entries(tool, tmp_path):
    (tmp_path / "d/s").mkdir(parents=True)
    for i in range(10000):
        (tmp_path / f"d/s/{i}").touch()
    for operation, params in (("hash_tree", {}), ("disk_usage", {}), ("delete", {"recursive": True}),
                              ("copy", {"recursive": True, "target_path": "e"}),
                              ("move", {"recursive": True, "target_path": "e"})):
        assert tool.fails(operation, "d", **params) == ("limit_exceeded", "/path"), operation
    assert len(os.listdir(tmp_path / "d/s")) == 10000 and not (tmp_path / "e").exists()
    got = tool.ok("list_dir", "d/s", limit=10000)
    assert got["count"] == 10000 and not got["truncated"]
    got = tool.ok("list_dir", "d", recursive=True, limit=10000)
    assert got["count"] == 10000 and got["truncated"]
    assert tool.ok("disk_usage", "d/s")["files"] == 10000
    assert tool.ok("delete", "d/s", recursive=True)["deleted"] == 10001


def test_hard_links(tool, tmp_path):
    (tmp_path / "a").write_text("1")
    os.link(tmp_path / "a", tmp_path / "b")
    assert tool.ok("metadata", "a")["links"] == 2
    assert tool.fails("copy", "a", target_path="b", overwrite=True) == ("invalid_params", "/target_path")
    assert tool.ok("move", "a", target_path="b", overwrite=True)["files"] == 1
    assert os.listdir(tmp_path) == ["b"]


# ---- stopping ----

def wait_until(process, condition):
    deadline = time.monotonic() + 30
    while not condition():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.001)


def interrupt(process):
    """Sends SIGINT; returns the seconds until the process was gone."""
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(timeout=30)
    return time.monotonic() - begin


def read_by_runner(process):
    """Bytes that the process of the tool, a child of some thread of ours, has read."""
    total = 0
    for children in pathlib.Path(f"/proc/{process.pid}/task").glob("*/children"):
        for child in children.read_text().split():
            total += int(pathlib.Path(f"/proc/{child}/io").read_text().split()[1])
    return total


def test_hashing_stops_soon(tool, tmp_path):
    (tmp_path / "d").mkdir()
    for i in range(40):
        with open(tmp_path / f"d/{i}", "wb") as f:
            f.truncate(499 << 20)
    with tool.start("hash_tree", "d") as process:
        wait_until(process, lambda: read_by_runner(process) > 64 << 20)
        assert interrupt(process) < 0.5 * SLOW
        assert process.returncode != 0


def test_copying_stops_soon_and_leaves_nothing(tool, tmp_path):
    (tmp_path / "d").mkdir()
    for i in range(9000):
        (tmp_path / f"d/{i}").write_text("x")
    with tool.start("copy", "d", recursive=True, target_path="e") as process:
        wait_until(process, lambda: drafts(tmp_path))
        interrupt(process)
    assert (tmp_path / "e").exists() == (process.returncode == 0)
    assert not drafts(tmp_path)


# ---- other users and full devices ----

@pytest.mark.skipif(why_nobody_else() is not None, reason=str(why_nobody_else()))
def test_as_another_user(tmp_path):
    base = pathlib.Path("/tmp") / f"llmspell-{os.getpid()}-{time.monotonic_ns()}"
    base.mkdir(mode=0o777)
    os.chmod(base, 0o777)
    try:
        tool = Tool(base, user=65534, group=65534, extra_groups=[])
        tool.env["HOME"] = str(base)
        (base / "secret").write_text("s")
        os.chmod(base / "secret", 0o600)
        (base / "fixed").write_text("f")
        (base / "closed").mkdir()
        (base / "closed/x").write_text("x")
        os.chmod(base / "closed", 0o700)
        assert tool.fails("read", "secret") == ("io_error", "/path")
        assert tool.fails("write", "fixed", input="x") == ("io_error", "/path")
        assert tool.fails("append", "fixed", input="x") == ("io_error", "/path")
        assert tool.fails("read", "closed/x") == ("io_error", "/path")
        assert tool.fails("chmod", "fixed", mode="666") == ("io_error", "/path")
        assert tool.fails("delete", "closed", recursive=True) == ("io_error", "/path")
        assert tool.fails("read", "/root/.profile") == ("permission_denied", "/path")
        assert tool.fails("read", "/root/no/such") == ("permission_denied", "/path")
        assert (base / "fixed").read_text() == "f"
        tool.ok("create_dir", "mine/sub", create_parents=True)
        tool.ok("write", "mine/sub/t", input="x")
        tool.ok("chmod", "mine/sub", mode="500")
        tool.ok("copy", "mine", target_path="copied", recursive=True)
        assert stat.S_IMODE(os.stat(base / "copied/sub").st_mode) == 0o500
        assert not drafts(base)
    finally:
        subprocess.run(["rm", "-rf", str(base)], check=True)


# ---- races ----

def test_swapped_folder_never_leads_out(tool, tmp_path):
    """While in/ is by turns a folder and a link to the outside, nothing outside is read or made."""
    outside = tmp_path / "outside"
    work = tmp_path / "work"
    (work / "in").mkdir(parents=True)
    outside.mkdir()
    (outside / "t").write_text("secret")
    (work / "in/t").write_text("mine")
    os.symlink(outside, work / "out")
    tool = Tool(work)
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for names in (("in", "tmp"), ("out", "in"), ("in", "out"), ("tmp", "in")):
                os.rename(work / names[0], work / names[1])

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for i in range(100):
            reply = tool.call("read", "in/t")
            assert reply["status"] == "error" or reply["result"]["content"] == "mine"
            tool.call("write", f"in/new{i % 5}", input="x")
            tool.call("delete", "in/t2", recursive=True, missing_ok=True)
    finally:
        stop.set()
        thread.join()
    assert os.listdir(outside) == ["t"]


def test_hash_of_a_tree_is_sha256sum_of_its_lines(tool, tmp_path):
    (tmp_path / "d/s").mkdir(parents=True)
    (tmp_path / "d/b").write_text("b")
    (tmp_path / "d/s/a").write_text("a")
    lines = subprocess.run("find . -type f -printf '%P\\n' | LC_ALL=C sort | xargs sha256sum",
                           shell=True, cwd=tmp_path / "d", check=True, capture_output=True).stdout
    assert tool.ok("hash_tree", "d")["sha256"] == hashlib.sha256(lines).hexdigest()
