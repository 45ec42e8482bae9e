# SPDX-License-Identifier: Apache-2.0
"""The log of a real daemon: rotation by size and age, compression, full disks, folders that go,
logrotate, two daemons in one file, secrets, sinks. (Formats and levels are in test_daemon.py.)"""
import glob
import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import time

import pytest

from conftest import BINARY, SLOW
from jupyter_session import wait_until

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a file system needs root")
FAKETIME = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")


def sets(**settings):
    return [part for key, value in settings.items() for part in ("--set", f"log.{key}={value}")]


def say(llmspell, first, last=None, id="test", text="number"):
    """The daemon logs "<text> <first>" to "<text> <last>"."""
    code = f"for i = {first}, {last or first} do Log.info('<{text} ' .. i .. '>') end"
    done = llmspell.run("--kernel", id, "exec", code)
    assert done.status == 0, done


def said(text, what="number"):
    return [int(number) for number in re.findall(rf"<{what} (\d+)>", text)]


def logs(llmspell):
    return sorted(path.name for path in (llmspell.home / "logs").iterdir())


def read(path):
    return gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()


def compresses(pid):
    names = subprocess.run(f"cat /proc/{pid}/task/*/comm", shell=True, capture_output=True).stdout
    return b"log-archive" in names


@pytest.fixture
def mounted(tmp_path):
    """mounted(options): a small tmpfs, unmounted at the end."""
    folders = []

    def mount(options):
        folder = tmp_path / f"mounted{len(folders)}"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
                              capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
        folders.append(folder)
        return folder

    yield mount
    for folder in folders:
        subprocess.run(["umount", "--lazy", folder], check=True)


# ---- rotation ----

def test_rotation_and_compression(llmspell):
    pid = llmspell.start(*sets(rotate_size="20K", rotate_count=3, compress="true"))["pid"]
    say(llmspell, 1, 3000)
    names = ["test.log", "test.log.1.gz", "test.log.2.gz", "test.log.3.gz"]
    wait_until(lambda: logs(llmspell) == names, "three compressed files")
    wait_until(lambda: not compresses(pid), "the end of the thread that compresses")
    numbers = []
    for name in reversed(names):
        path = llmspell.home / "logs" / name
        if path.suffix == ".gz":
            subprocess.run(["gzip", "-t", path], check=True)
        assert path.stat().st_mode & 0o777 == 0o640
        text = read(path)
        # two threads write: what is under way when the file is full still goes into it
        assert len(text) <= 20 * 1024 + 512 and text.endswith("\n")
        numbers += said(text)
    assert numbers == list(range(numbers[0], 3001)) and len(numbers) > 500


def test_clean_up_at_start(llmspell):
    folder = llmspell.home / "logs"
    folder.mkdir(mode=0o700)
    for name in ("test.log.1", "test.log.2.gz", "test.log.3", "test.log.4", "test.log.gz.tmp"):
        (folder / name).write_text("an old one\n")
    old = time.time() - 7200
    os.utime(folder / "test.log.2.gz", (old, old))
    llmspell.start(*sets(rotate_count=3, rotate_max_age="1h", compress="true"))
    wait_until(lambda: logs(llmspell) == ["test.log", "test.log.1.gz", "test.log.3.gz"],
               "the rest to be tidied up")
    assert read(folder / "test.log.3.gz") == "an old one\n"


def test_age_counts_over_restarts(llmspell):
    folder = llmspell.home / "logs"
    folder.mkdir(mode=0o700)
    then = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 7200))
    (folder / "test.log").write_text(f"{then} INFO  kernel: the first\n")
    llmspell.start(*sets(rotate_age="3h"))
    assert logs(llmspell) == ["test.log"]
    llmspell.run("kernel", "stop", "test")
    llmspell.start(*sets(rotate_age="1h"))
    wait_until(lambda: logs(llmspell) == ["test.log", "test.log.1"], "the rotation")
    assert "the first" in (folder / "test.log.1").read_text()
    assert "the first" not in llmspell.log()


@pytest.mark.skipif(not FAKETIME, reason="the package faketime is not installed")
@pytest.mark.skipif(bool(os.environ.get("LLMSPELL_SANITIZER")),
                    reason="a sanitizer wants to be loaded before libfaketime")
def test_clock_jumps(llmspell, tmp_path):
    clock = tmp_path / "clock"
    clock.write_text("+0\n")
    plain = dict(llmspell.env)
    llmspell.env.update(LD_PRELOAD=FAKETIME[0], FAKETIME_TIMESTAMP_FILE=str(clock),
                        FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
    llmspell.start(*sets(rotate_age="1d", rotate_count=9))
    llmspell.env = plain

    def jump(offset, first, last):
        fresh = tmp_path / "fresh"
        fresh.write_text(f"{offset}\n")
        fresh.rename(clock)
        say(llmspell, first, last)
        return sum(name.startswith("test.log.") for name in logs(llmspell))

    assert jump("+0", 1, 10) == 0
    assert jump("+2d", 11, 20) == 1       # a day has passed
    assert jump("-300d", 21, 30) == 1     # back: not in a loop
    assert jump("-298d", 31, 40) == 2     # and a day counts from there
    assert jump("+20y", 41, 50) == 3
    assert jump("+0", 51, 60) == 3
    texts = [path.read_text() for path in sorted((llmspell.home / "logs").iterdir())]
    assert sorted(said("".join(texts))) == list(range(1, 61))
    assert "records were lost" not in "".join(texts)


# ---- other hands at the file ----

LOGROTATE = shutil.which("logrotate") or "/usr/sbin/logrotate"


@pytest.mark.skipif(not os.path.exists(LOGROTATE), reason="the package logrotate is not installed")
@pytest.mark.parametrize("how", ["create 0640", "nocreate", "copytruncate"])
def test_logrotate(llmspell, tmp_path, how):
    llmspell.start()
    say(llmspell, 1, 20)
    config, state = tmp_path / "logrotate.conf", tmp_path / "logrotate.state"
    config.write_text(f"{llmspell.home}/logs/test.log {{\n rotate 3\n {how}\n}}\n")
    config.chmod(0o600)
    subprocess.run([LOGROTATE, "-f", "-s", state, config], check=True, timeout=60)
    rotated = llmspell.home / "logs" / "test.log.1"
    assert said(rotated.read_text()) == list(range(1, 21))
    last = 20

    def arrived():
        nonlocal last
        last += 1
        say(llmspell, last)
        return last in said(llmspell.log())

    wait_until(arrived, "a record in the new file")
    records = said(rotated.read_text()) + said(llmspell.log())
    assert records == list(range(1, last + 1))
    assert "\0" not in llmspell.log() and logs(llmspell) == ["test.log", "test.log.1"]


def test_two_daemons_one_file(llmspell):
    shared = llmspell.home / "logs" / "shared.log"
    settings = sets(file=shared, rotate_size="15K", rotate_count=100, compress="true")
    llmspell.start(*settings, id="one")
    llmspell.start(*settings, id="two")
    code = "for i = 1, 1500 do Log.info('<{} ' .. i .. '>') end"
    clients = [llmspell.popen("--kernel", id, "exec", code.format(id)) for id in ("one", "two")]
    assert [client.wait(timeout=60 * SLOW) for client in clients] == [0, 0]
    llmspell.run("kernel", "stop", "--all")
    files = list((llmspell.home / "logs").glob("shared.log*"))
    assert len(files) > 1  # how many depends on who finds the file in the other's hands
    text = "".join(read(path) for path in files)
    for id in ("one", "two"):
        assert sorted(said(text, id)) == list(range(1, 1501))
    broken = [line for line in text.splitlines() if not re.match(r"20\d\d-\S+Z [A-Z]+ +\S", line)]
    assert not broken


# ---- disks and folders ----

@ROOT_ONLY
def test_disk_full(llmspell, mounted):
    folder = mounted("size=256k,nr_inodes=100")
    llmspell.start(*sets(file=folder / "test.log", rotate_size="16K", rotate_count=2))
    ballast = folder / "ballast"
    with open(ballast, "wb", buffering=0) as file, pytest.raises(OSError):
        while file.write(b"x" * 4096):
            pass
    say(llmspell, 1, 500)                      # the kernel goes on
    assert llmspell.run("--kernel", "test", "exec", "6*7").out == "42\n"
    ballast.unlink()
    say(llmspell, 501)
    text = "".join(path.read_text() for path in folder.glob("test.log*"))
    lost = sum(int(count) for count in re.findall(r"(\d+) records? w\w+ lost here: No space", text))
    assert lost > 300 and said(text)[-1] == 501
    assert 500 - 5 <= lost + len(said(text)) - 1 <= 500 + 5   # its own warnings count, too


def test_folder_goes(llmspell):
    folder = llmspell.home / "elsewhere"
    folder.mkdir(mode=0o700)
    llmspell.start(*sets(file=folder / "test.log"))
    shutil.rmtree(folder)
    count = 0

    def arrived():
        nonlocal count
        count += 1
        say(llmspell, count)
        folder.mkdir(mode=0o700, exist_ok=True)
        return (folder / "test.log").exists()

    wait_until(arrived, "a new log file")
    assert count in said((folder / "test.log").read_text())


@ROOT_ONLY
def test_read_only_folder_at_start(llmspell, mounted):
    folder = mounted("ro")
    done = llmspell.run("kernel", "start", "--daemon", "--id", "test",
                        *sets(file=folder / "test.log"))
    assert done.status == 1
    assert f"cannot open the log file {folder}/test.log: Read-only file system" in done.err
    assert "choose a folder that you may write to" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_forbidden_folder_at_start(llmspell, tmp_path):
    folder = tmp_path / "forbidden"
    folder.mkdir(mode=0o500)
    done = llmspell.run("kernel", "start", "--daemon", *sets(file=folder / "test.log"))
    assert done.status == 1 and "choose a folder that you may write to" in done.err


# ---- what is in it ----

def test_json_and_secrets(llmspell):
    llmspell.start(*sets(format="json"))
    code = r"""Log.warn('{"key": "3f9a-77aa", "ip": "127.0.0.1"}')
               Log.info('GET /x?token=3f9a-77aa HTTP/1.1\nAuthorization: Bearer 3f9a-77aa')
               Log.error('cannot reach postgres://ada:3f9a-77aa@db/x, password="3f9a-77aa"')"""
    assert llmspell.run("--kernel", "test", "exec", code).status == 0
    messages = [json.loads(line)["message"] for line in llmspell.log().splitlines()]
    assert '{"key": "[redacted]", "ip": "127.0.0.1"}' in messages
    assert "GET /x?token=[redacted] HTTP/1.1\nAuthorization: Bearer [redacted]" in messages
    assert ('cannot reach postgres://ada:[redacted]@db/x, password="[redacted]"') in messages
    assert "3f9a-77aa" not in llmspell.log()


# ---- sinks ----

@pytest.mark.parametrize("sink, path", [("syslog", "/dev/log"),
                                        ("journal", "/run/systemd/journal/socket")])
def test_absent_sink(llmspell, sink, path):
    if os.path.exists(path):
        pytest.skip(f"{path} is there")
    done = llmspell.run("kernel", "start", "--daemon", *sets(sink=f"file,{sink}"))
    assert done.status == 1
    assert f"cannot open the log sink {sink} at {path}: No such file" in done.err
    assert f"take {sink} out of [log] sink" in done.err


def test_unknown_sink(llmspell):
    done = llmspell.run("kernel", "start", "--daemon", *sets(sink="sislog"))
    assert done.status == 1 and 'there is no sink "sislog"; choose from file' in done.err


@ROOT_ONLY
def test_journal(llmspell, tmp_path):
    """journald is a socket of this test, at its place in a mount namespace of the daemon's own."""
    folder = tmp_path / "journal"
    folder.mkdir()
    service = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    service.bind(str(folder / "socket"))
    service.settimeout(30 * SLOW)
    script = ("mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/journal && "
              f"mount --bind '{folder}' /run/systemd/journal && exec \"$@\"")
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", str(BINARY), "kernel",
                           "start", "--daemon", "--id", "test", *sets(sink="journal,file")],
                          env=llmspell.env, cwd=llmspell.cwd, capture_output=True, text=True,
                          timeout=60 * SLOW)
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    message = service.recv(65536).decode()
    while "is ready" not in message:
        message = service.recv(65536).decode()
    assert "\nMESSAGE=test is ready (pid " in message
    assert "PRIORITY=6\n" in message and "\nSYSLOG_IDENTIFIER=llmspell\n" in f"\n{message}"
    assert "\nLLMSPELL_SOURCE=kernel\nLLMSPELL_KERNEL=test\n" in message
    assert "is ready" in llmspell.log()
    service.close()
