# SPDX-License-Identifier: Apache-2.0
"""archive_handler against others who know (tar, zip, unzip, ar, Python), what lies on disk
afterwards, hostile archives, and how soon a call lets itself be ended."""
import gzip
import io
import json
import os
import random
import signal
import stat
import subprocess
import tarfile
import time
import zipfile

import pytest

from conftest import SLOW


def invoke(llmspell, *options, settings=(), env=None, **params):
    return llmspell.run(*settings, "tool", "invoke", "archive_handler", "--params", "-", "--output", "json",
                        *options, input=json.dumps(params), env={"TMPDIR": str(llmspell.cwd), **(env or {})}).json


def ok(llmspell, **params):
    reply = invoke(llmspell, **params)
    assert reply["status"] == "ok", reply
    return reply["result"]


def fails(llmspell, *options, **params):
    reply = invoke(llmspell, *options, **params)
    assert reply["status"] == "error", reply
    return reply["error"]["code"], reply["error"].get("path")


def tree(folder):
    """What is there: paths with kind, permissions of files, content or target."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path))
        elif path.is_dir():
            found[name] = ("folder",)
        else:
            found[name] = ("file", stat.S_IMODE(path.stat().st_mode) & 0o100, path.read_bytes())
    return found


@pytest.fixture
def source(llmspell):
    """A folder with all that archives should carry."""
    top = llmspell.cwd / "s"
    (top / "empty").mkdir(parents=True)
    (top / "deep" / ("n" * 120) / ("m" * 120)).mkdir(parents=True)
    (top / "deep" / ("n" * 120) / ("m" * 120) / "long").write_text("long")
    (top / "run").write_text("#!/bin/sh\n")
    (top / "run").chmod(0o755)
    (top / "nothing").write_text("")
    (top / "ä€😀 \n\\x").write_text("odd")
    (top / "big").write_bytes(random.Random(1).randbytes(700000) + b"\0" * 300000)
    (top / "link").symlink_to("deep")
    (top / ".hidden").write_text("h")
    return top


FORMATS = ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst", "7z"]
UNPACK = {"zip": ["unzip", "-q"], **{f: ["tar", "-xf"] for f in FORMATS if f.startswith("tar")}}
PACK = {"zip": ["zip", "-qry"], "tar": ["tar", "-cf"], "tar.gz": ["tar", "-czf"], "tar.bz2": ["tar", "-cjf"],
        "tar.xz": ["tar", "-cJf"], "tar.zst": ["tar", "--zstd", "-cf"]}


@pytest.mark.parametrize("name", FORMATS)
def test_there_and_back(llmspell, source, name):
    ok(llmspell, operation="create", path=f"o.{name}", files=["s"])
    result = ok(llmspell, operation="extract", path=f"o.{name}", target_path="out")
    assert tree(llmspell.cwd / "out" / "s") == tree(source)
    assert result["files"] == sorted(result["files"], key=str.encode)
    assert {p[len("out/s/"):] for p in result["files"]} == {
        n for n, what in tree(source).items() if what[0] != "folder"}
    assert result["bytes"] == sum(len(w[2]) for w in tree(source).values() if w[0] == "file")


@pytest.mark.parametrize("name", UNPACK)
def test_others_unpack_it(llmspell, source, name):
    ok(llmspell, operation="create", path=f"o.{name}", files=["s"])
    (llmspell.cwd / "out").mkdir()
    if name == "zip":  # unzip writes control characters its own way
        (source / "ä€😀 \n\\x").rename(source / "ä€😀")
        ok(llmspell, operation="create", path="o.zip", files=["s"], overwrite=True)
    subprocess.run([*UNPACK[name], f"../o.{name}"], cwd=llmspell.cwd / "out", check=True,
                   env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert tree(llmspell.cwd / "out" / "s") == tree(source)


@pytest.mark.parametrize("name", PACK)
def test_others_packed_it(llmspell, source, name):
    subprocess.run([*PACK[name], f"o.{name}", "s"], cwd=llmspell.cwd, check=True,
                   env={**os.environ, "LC_ALL": "C.UTF-8"})
    listed = ok(llmspell, path=f"o.{name}")
    assert listed["format"] == name
    assert {e["name"].rstrip("/") for e in listed["entries"]} == {"s"} | {f"s/{n}" for n in tree(source)}
    assert ok(llmspell, operation="test", path=f"o.{name}")["ok"]
    ok(llmspell, operation="extract", path=f"o.{name}", target_path="out")
    assert tree(llmspell.cwd / "out" / "s") == tree(source)


def test_python_reads_it(llmspell, source):
    for name in ("zip", "tar.xz"):
        ok(llmspell, operation="create", path=f"o.{name}", files=["s"])
    names = {n for n in tree(source) if "\\" not in n}  # zipfile takes \ for /
    with zipfile.ZipFile(llmspell.cwd / "o.zip") as file:
        assert file.testzip() is None
        assert names <= {n[2:].rstrip("/") for n in file.namelist()}
        assert file.read("s/big") == (source / "big").read_bytes()
    with tarfile.open(llmspell.cwd / "o.tar.xz") as file:
        assert {m.name for m in file} == {"s"} | {f"s/{n}" for n in tree(source)}
        assert all((m.mtime, m.uid, m.gid, m.uname) == (315532800, 0, 0, "") for m in file)


@pytest.mark.parametrize("name", [*FORMATS, "gz"])
def test_the_same_files_give_the_same_bytes(llmspell, name):
    made = []
    for turn in range(2):
        folder = llmspell.cwd / f"t{turn}"
        (folder / "d").mkdir(parents=True)
        for file in sorted(["b", "a", "c"], reverse=turn == 1):
            (folder / "d" / file).write_text(file * 1000)
            os.utime(folder / "d" / file, (turn * 1e9, turn * 1e9))
            (folder / "d" / file).chmod(0o600 if turn else 0o644)
        files = ["a"] if name == "gz" else ["d"]
        base = f"t{turn}/d" if name == "gz" else f"t{turn}"
        ok(llmspell, operation="create", path=f"o{turn}.{name}", files=files, base=base)
        made.append((llmspell.cwd / f"o{turn}.{name}").read_bytes())
    assert made[0] == made[1]


def test_times_and_modes_are_kept(llmspell):
    (llmspell.cwd / "d").mkdir()
    (llmspell.cwd / "d" / "a").write_text("1")
    (llmspell.cwd / "d" / "a").chmod(0o4751)
    os.utime(llmspell.cwd / "d" / "a", (1e9, 1e9))
    (llmspell.cwd / "d").chmod(0o750)
    os.utime(llmspell.cwd / "d", (1.1e9, 1.1e9))
    for name in ("tar", "zip"):
        ok(llmspell, operation="create", path=f"o.{name}", files=["d"], deterministic=False)
        ok(llmspell, operation="extract", path=f"o.{name}", target_path=name)
        file, folder = (llmspell.cwd / name / "d" / "a").stat(), (llmspell.cwd / name / "d").stat()
        assert (stat.S_IMODE(file.st_mode), file.st_mtime) == (0o751, 1e9)
        assert (stat.S_IMODE(folder.st_mode), folder.st_mtime) == (0o750, 1.1e9)


def test_setuid_is_dropped_and_umask_counts(llmspell):
    with tarfile.open(llmspell.cwd / "o.tar", "w") as file:
        for name, mode in (("a", 0o6777), ("b", 0o444)):
            info = tarfile.TarInfo(name)
            info.mode = mode
            file.addfile(info)
    before = os.umask(0o027)
    try:
        ok(llmspell, operation="extract", path="o.tar", target_path="out")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((llmspell.cwd / "out" / n).stat().st_mode) for n in "ab"]
    assert modes == [0o750, 0o440]


def test_hard_links_and_holes_of_tar(llmspell):
    (llmspell.cwd / "a").write_text("shared")
    os.link(llmspell.cwd / "a", llmspell.cwd / "b")
    with open(llmspell.cwd / "sparse", "wb") as file:
        file.seek(5000000)
        file.write(b"middle")
        file.truncate(9000000)
    subprocess.run(["tar", "-cSf", "o.tar", "a", "b", "sparse"], cwd=llmspell.cwd, check=True)
    assert [e["type"] for e in ok(llmspell, path="o.tar")["entries"]] == ["file", "hardlink", "file"]
    assert ok(llmspell, operation="extract", path="o.tar", target_path="out")["bytes"] == 9000006
    assert (llmspell.cwd / "out" / "a").samefile(llmspell.cwd / "out" / "b")
    assert (llmspell.cwd / "out" / "sparse").read_bytes() == (llmspell.cwd / "sparse").read_bytes()
    assert fails(llmspell, operation="extract", path="o.tar", target_path="no",
                 max_total=8000000) == ("limit_exceeded", "/path")


def test_an_archive_of_ar(llmspell):
    (llmspell.cwd / "a").write_text("1")
    subprocess.run(["ar", "qc", "o.a", "a"], cwd=llmspell.cwd, check=True)
    listed = ok(llmspell, path="o.a")
    assert listed["format"] == "ar" and [e["name"] for e in listed["entries"]] == ["a"]
    assert fails(llmspell, operation="add", path="o.a", files=["a"]) == ("invalid_params", "/path")


def test_a_program_in_front_of_a_zip(llmspell):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("a", "1")
    (llmspell.cwd / "o").write_bytes(b"#!/bin/sh\nexit 0\n" * 100 + data.getvalue())
    assert ok(llmspell, path="o")["count"] == 1


# ---- passwords ----

def test_zipcrypto_of_zip(llmspell):
    (llmspell.cwd / "a").write_text("hidden" * 100)
    subprocess.run(["zip", "-q", "-P", "pass", "o.zip", "a"], cwd=llmspell.cwd, check=True)
    assert ok(llmspell, path="o.zip")["entries"][0]["encrypted"]
    assert ok(llmspell, operation="test", path="o.zip", password="pass")["ok"]
    for i in range(20):
        assert fails(llmspell, operation="test", path="o.zip", password=f"no{i}") == ("failed", "/password")
    ok(llmspell, operation="extract", path="o.zip", target_path="out", password="pass")
    assert (llmspell.cwd / "out" / "a").read_text() == "hidden" * 100


def test_the_password_is_a_secret(llmspell):
    settings = ["--set", "tool.archive_handler.secrets=zip:env:ZIP_PASSWORD"]
    (llmspell.cwd / "a").write_text("1")

    def call(value, **params):
        return invoke(llmspell, settings=settings, env={"ZIP_PASSWORD": value}, password_secret="zip", **params)
    assert call("right", operation="create", path="o.zip", files=["a"])["status"] == "ok"
    assert call("right", operation="test", path="o.zip")["result"]["ok"]
    error = call("wrong", operation="test", path="o.zip")["error"]
    assert (error["code"], error["path"]) == ("failed", "/password_secret")
    assert "wrong" not in error["message"].replace("the password is wrong", "")


# ---- what is left behind ----

def hostile(name):
    """tar.gz files of which the last entry is the bad one."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as file:
        for i in range(20):
            info = tarfile.TarInfo(f"d{i % 3}/f{i}")
            info.size = 5000
            file.addfile(info, io.BytesIO(random.Random(i).randbytes(5000)))
        info = tarfile.TarInfo("../evil" if name == "dots" else "last")
        info.type = tarfile.SYMTYPE if name == "link" else tarfile.REGTYPE
        info.linkname = "/etc" if name == "link" else ""
        info.size = 60000000 if name == "bomb" else 0
        file.addfile(info, None if name != "bomb" else open("/dev/zero", "rb"))
    data = gzip.compress(data.getvalue())
    return data[:-2000] if name == "cut" else data


@pytest.mark.parametrize("name,code", [("dots", "permission_denied"), ("link", "permission_denied"),
                                       ("cut", "parse_error"), ("bomb", "limit_exceeded")])
def test_a_call_that_fails_leaves_nothing(llmspell, name, code):
    (llmspell.cwd / "o.tgz").write_bytes(hostile(name))
    (llmspell.cwd / "there" / "d0").mkdir(parents=True)
    (llmspell.cwd / "there" / "d0" / "f0").write_text("old")
    before = tree(llmspell.cwd)
    for target in ("new/folder", "there"):
        assert fails(llmspell, operation="extract", path="o.tgz", target_path=target, overwrite=True)[0] == code
        assert tree(llmspell.cwd) == before


def test_a_failed_create_leaves_nothing(llmspell):
    (llmspell.cwd / "d").mkdir()
    (llmspell.cwd / "d" / "a").write_text("1")
    before = tree(llmspell.cwd)
    assert fails(llmspell, operation="create", path="o.tar", files=["d"], password="x")[0] == "invalid_params"
    assert tree(llmspell.cwd) == before


def test_links_on_disk_are_not_followed(llmspell):
    """Also inside the roots: the archive says where its files go, not what happens to lie there."""
    (llmspell.cwd / "other").mkdir()
    (llmspell.cwd / "out").mkdir()
    (llmspell.cwd / "out" / "d").symlink_to("../other")
    (llmspell.cwd / "out" / "f").symlink_to("../other/f")
    with zipfile.ZipFile(llmspell.cwd / "d.zip", "w") as file:
        file.writestr("d/x", "1")
    with zipfile.ZipFile(llmspell.cwd / "f.zip", "w") as file:
        file.writestr("f", "1")
    for name in ("d", "f"):
        assert fails(llmspell, operation="extract", path=f"{name}.zip", target_path="out") == (
            "failed", "/target_path")
    assert fails(llmspell, operation="extract", path="d.zip", target_path="out",
                 overwrite=True) == ("failed", "/target_path")
    ok(llmspell, operation="extract", path="f.zip", target_path="out", overwrite=True)
    assert (llmspell.cwd / "out" / "f").read_text() == "1" and not (llmspell.cwd / "out" / "f").is_symlink()
    assert list((llmspell.cwd / "other").iterdir()) == []


def test_special_files_in_folders(llmspell):
    (llmspell.cwd / "d").mkdir()
    os.mkfifo(llmspell.cwd / "d" / "fifo")
    (llmspell.cwd / "d" / "a").write_text("1")
    assert ok(llmspell, operation="create", path="o.tar", files=["d"])["files"] == 1
    assert fails(llmspell, operation="create", path="p.tar", files=["d/fifo"]) == ("invalid_params", "/files/0")


# ---- ending ----

@pytest.fixture
def large(llmspell):
    """Takes seconds to pack with xz, and to unpack from bz2."""
    (llmspell.cwd / "large").write_bytes(random.Random(1).randbytes(24 << 20))
    return llmspell.cwd / "large"


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_create_ends_when_its_time_is_over(llmspell, large, isolation):
    before = sorted(p.name for p in llmspell.cwd.iterdir())
    start = time.monotonic()
    reply = invoke(llmspell, "--timeout", "1", operation="create", path="o.tar.xz", files=["large"],
                   env={"LLMSPELL_TOOLS_ISOLATION": isolation})
    assert reply["error"]["code"] == "timeout" and "path" not in reply["error"], reply
    assert "exist" not in reply["error"]["message"]
    assert time.monotonic() - start < 3 * SLOW
    assert sorted(p.name for p in llmspell.cwd.iterdir()) == before


def test_interrupt_ends_it(llmspell, large):
    subprocess.run(["tar", "-cjf", "o.tar.bz2", "large"], cwd=llmspell.cwd, check=True)
    process = llmspell.popen("tool", "invoke", "archive_handler", "--params", json.dumps(
        {"operation": "extract", "path": "o.tar.bz2", "target_path": "out"}), "--output", "json",
        stdout=subprocess.PIPE)
    deadline = time.monotonic() + 20 * SLOW
    while not list(llmspell.cwd.glob("out/.llmspell-*/large")):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=20 * SLOW)
    assert json.loads(out)["error"]["code"] == "cancelled"
    assert time.monotonic() - start < 2 * SLOW
    assert sorted(p.name for p in llmspell.cwd.iterdir()) == ["large", "o.tar.bz2"]


# ---- damaged archives ----

@pytest.mark.parametrize("name", FORMATS)
def test_damaged_archives(llmspell, name):
    """Whatever is broken, the answer is one of the contract's, and extracting stays in its folder."""
    dice = random.Random(name)
    for file in ("d/a", "d/b"):
        (llmspell.cwd / file).parent.mkdir(exist_ok=True)
        (llmspell.cwd / file).write_text(file * 300)
    ok(llmspell, operation="create", path=f"o.{name}", files=["d"])
    data = (llmspell.cwd / f"o.{name}").read_bytes()
    outside = sorted(p.name for p in llmspell.cwd.parent.iterdir())
    for turn in range(25):
        broken = bytearray(data)
        for _ in range(dice.randint(1, 6)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        (llmspell.cwd / "x").write_bytes(broken[:dice.randrange(len(broken))] if turn % 4 == 0 else broken)
        for operation in ("list", "test", "extract"):
            reply = invoke(llmspell, operation=operation, path="x", target_path=f"out/{turn}", on_unsafe="skip")
            assert reply["status"] == "ok" or reply["error"]["code"] in (
                "parse_error", "limit_exceeded", "failed", "io_error"), (turn, reply)
    assert sorted(p.name for p in llmspell.cwd.parent.iterdir()) == outside
    assert sorted(p.name for p in llmspell.cwd.iterdir()) in (
        ["d", f"o.{name}", "x"], ["d", f"o.{name}", "out", "x"])
