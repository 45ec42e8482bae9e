# SPDX-License-Identifier: Apache-2.0
"""`kernel status [--watch]`, `list`, `logs [-f]`, `interrupt`: what they say of kernels in every
state, each one brought about on the real process. (restart, reload, dump: test_kernel_manage.py.)"""
import gzip
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pexpect
import pytest

from conftest import BINARY
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, RUN_ON, llmspell, open_session, process_fd, wait_end, wait_until)

HEALTHY = r"HEALTHY \(uptime: \d+s, memory: \d+MB\)"


@pytest.fixture
def background():
    """Starts a command that goes on; kills it at the end if it still runs."""
    started = []

    def start(llmspell, *args):
        process = llmspell.popen(*args, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def kill(pid):
    """SIGKILL, and the wait until the process is gone."""
    fd = process_fd(pid)
    os.kill(pid, signal.SIGKILL)
    assert wait_end(fd)
    os.close(fd)


def log_lua(llmspell, code, id="test"):
    done = llmspell.run("--kernel", id, "exec", code)
    assert done.status == 0, done


# ---- status ----

def test_healthy(llmspell, open_session):
    started = llmspell.start()
    first, *details = llmspell.run("kernel", "status").out.splitlines()
    assert re.fullmatch(HEALTHY, first) and "state        idle" in details
    quiet = llmspell.run("-q", "kernel", "status", "test")
    assert quiet.status == 0 and re.fullmatch(HEALTHY + "\n", quiet.out)
    reply = llmspell.json("kernel", "status")
    assert reply["status"] == "ok" and reply["health"] == "healthy"
    assert reply["kernel_id"] == "test" and reply["pid"] == started["pid"]
    session = open_session(started["connection_file"])
    cell = session.start_running(RUN_ON)
    busy = llmspell.run("kernel", "status")
    assert busy.status == 0 and re.match(HEALTHY, busy.out)
    assert re.search(r"^state +busy$", busy.out, re.M)
    done = llmspell.run("kernel", "interrupt")
    assert (done.status, done.out) == (0, "interrupted\n")
    assert session.until_idle(cell)
    assert llmspell.run("-q", "kernel", "interrupt").out == ""


def test_colour_on_a_terminal(llmspell):
    llmspell.start()
    child = pexpect.spawn(str(BINARY), ["kernel", "status"], cwd=llmspell.cwd, timeout=PATIENCE,
                          env={**llmspell.env, "TERM": "xterm", "NO_COLOR": ""})
    child.expect_exact("\033[32mHEALTHY\033[0m (uptime: ")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_not_responding(llmspell):
    started = llmspell.start()
    os.kill(started["pid"], signal.SIGSTOP)
    try:
        done = llmspell.run("kernel", "status", "--timeout", "1")
        assert done.status == 5, done
        assert done.out == f"NOT RESPONDING (pid {started['pid']} lives, no answer within 1 s)\n"
        reply = llmspell.run("kernel", "status", "test", "-t", "1", "-o", "json")
        assert reply.status == 5 and reply.json["health"] == "not_responding"
        assert reply.json["pid"] == started["pid"] and reply.json["kernel_id"] == "test"
    finally:
        os.kill(started["pid"], signal.SIGCONT)
    assert llmspell.run("kernel", "status").status == 0


def test_dead(llmspell):
    kill(llmspell.start()["pid"])
    done = llmspell.run("kernel", "status")
    assert done.status == 3 and done.err == "", done
    assert done.out == ("DEAD (it ended without cleaning up: crash or kill -9; "
                        f"log: {llmspell.home}/logs/test.log)\n")
    reply = llmspell.run("kernel", "status", "te", "--output", "json")
    assert reply.status == 3 and reply.json["health"] == "dead" and reply.json["pid"] == 0
    kill(llmspell.start(id="two")["pid"])
    several = llmspell.run("kernel", "status")
    assert several.status == 1 and "2 kernels are dead, none runs: name one" in several.err
    llmspell.start(id="three")
    assert llmspell.json("kernel", "status")["kernel_id"] == "three"  # the only one that runs
    assert llmspell.run("kernel", "status", "two").status == 3
    assert [(k["kernel_id"], k["state"]) for k in llmspell.json("kernel", "list")] == [
        ("test", "dead"), ("three", "running"), ("two", "dead")]


def test_starting(llmspell):
    """The PID file is held, and there is no connection file."""
    started = llmspell.start()
    Path(started["connection_file"]).unlink()
    done = llmspell.run("kernel", "status")
    assert done.status == 5 and done.out.startswith(f"STARTING (pid {started['pid']} lives, "), done
    assert llmspell.run("-o", "json", "kernel", "status").json["health"] == "starting"
    row, = llmspell.json("kernel", "list")
    assert row["state"] == "starting" and row["pid"] == started["pid"] and "protocol" not in row
    refused = llmspell.run("--kernel", "test", "exec", "1")
    assert refused.status == 1 and "it starts or ends" in refused.err, refused
    assert llmspell.run("kernel", "stop", "test").status == 0
    assert llmspell.json("kernel", "list") == []


def test_stopping(llmspell, open_session):
    started = llmspell.start("--set", "kernel.shutdown_grace=1h")
    open_session(started["connection_file"]).start_running(RUN_ON)
    os.kill(started["pid"], signal.SIGTERM)
    wait_until(lambda: llmspell.run("kernel", "status").out.startswith("STOPPING"), "STOPPING")
    done = llmspell.run("-o", "json", "kernel", "status")
    assert done.status == 1 and done.json["health"] == "stopping"
    assert llmspell.run("kernel", "stop", "--force").status == 0


def test_a_pid_file_that_cannot_be_judged(llmspell):
    """Held, but without a PID: that is said, and not called dead."""
    started = llmspell.start()
    (llmspell.home / "run" / "test.pid").write_text("garbage\n")
    try:
        done = llmspell.run("kernel", "status", "test")
        assert done.status == 1 and done.out == "" and "its content is not a PID" in done.err, done
    finally:
        kill(started["pid"])


def test_a_connection_file_that_cannot_be_read(llmspell):
    started = llmspell.start()
    Path(started["connection_file"]).write_text("{")
    done = llmspell.run("kernel", "status")
    assert done.status == 1 and done.out == "" and "cannot be read" in done.err, done


# ---- status --watch ----

def next_line(process, pattern):
    """The next line that matches, and how many did not."""
    for count, line in enumerate(process.stdout):
        if re.search(pattern, line):
            return line, count
    raise AssertionError(f"no line matches {pattern}: {process.stderr.read()}")


def test_watch_in_a_pipe(llmspell, background):
    """A line a look; it lives on over a crash, a new start and the end."""
    started = llmspell.start()
    watch = background(llmspell, "kernel", "status", "--watch", "--interval", "1")
    stamp = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ test "
    assert next_line(watch, stamp + HEALTHY + "$")[1] == 0
    kill(started["pid"])
    next_line(watch, stamp + r"DEAD \(it ended without cleaning up")
    llmspell.start()
    next_line(watch, stamp + HEALTHY)
    assert llmspell.run("kernel", "stop").status == 0
    next_line(watch, stamp + r"ENDED \(it has ended; waiting for the next start\)")
    llmspell.start()
    next_line(watch, stamp + HEALTHY)
    watch.send_signal(signal.SIGINT)
    rest, err = watch.communicate(timeout=PATIENCE)
    assert watch.returncode == 130 and err == "" and "\033" not in rest


def test_watch_as_json_lines(llmspell, background):
    started = llmspell.start()
    watch = background(llmspell, "-o", "json", "kernel", "status", "test", "-w", "--interval", "1")
    looks = [json.loads(watch.stdout.readline()) for _ in range(2)]
    assert [look["health"] for look in looks] == ["healthy"] * 2
    assert all(look["pid"] == started["pid"] and look["time"].endswith("Z") for look in looks)
    watch.stdout.close()  # nobody reads any more
    assert watch.wait(PATIENCE) == 1
    watch.stdout = None


def test_watch_without_a_kernel(llmspell):
    done = llmspell.run("kernel", "status", "--watch")
    assert done.status == 3 and done.out == "" and "no kernel runs" in done.err
    assert llmspell.run("kernel", "status", "--watch", "--interval", "0").status == 2


def test_watch_on_a_terminal(llmspell):
    """The second screen, drawn again and again; Ctrl-C gives the first one back."""
    started = llmspell.start()
    child = pexpect.spawn(str(BINARY), ["kernel", "status", "-w", "--interval", "1"],
                          cwd=llmspell.cwd, timeout=PATIENCE, env={**llmspell.env, "TERM": "xterm"})
    child.expect_exact("\033[?1049h")
    for _ in range(2):
        child.expect_exact("\033[H\033[J")
        child.expect_exact("kernel test, every 1 s")
        child.expect_exact("HEALTHY")
        child.expect_exact(str(started["pid"]))
    child.sendintr()
    child.expect_exact("\033[?25h\033[?1049l")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130


def test_ctrl_c_at_a_watch_is_no_interrupt(llmspell, background, open_session):
    started = llmspell.start()
    session = open_session(started["connection_file"])
    cell = session.execute("print('running') while not stop do io.read() stop = true end return 7")
    session.question()
    watch = background(llmspell, "kernel", "status", "--watch", "--interval", "1")
    next_line(watch, "HEALTHY")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(PATIENCE) == 130
    session.input("go on")
    assert session.finish(cell).value == "7"


# ---- logs ----

def write_log(llmspell, count, begin=1, name="test.log"):
    """A log as an ended kernel left it."""
    (llmspell.home / "logs").mkdir(exist_ok=True, mode=0o700)
    path = llmspell.home / "logs" / name
    text = "".join(f"line {i}\n" for i in range(begin, begin + count))
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def lines(first, last):
    return "".join(f"line {i}\n" for i in range(first, last + 1))


def test_logs_of_an_ended_kernel(llmspell):
    write_log(llmspell, 50)
    assert llmspell.run("kernel", "logs", "test").out == lines(31, 50)
    assert llmspell.run("kernel", "logs").out == lines(31, 50)  # the only one
    for option, want in (("0", ""), ("1", lines(50, 50)), ("49", lines(2, 50)), ("50", lines(1, 50)),
                         ("51", lines(1, 50)), ("1000000000", lines(1, 50)), ("all", lines(1, 50))):
        assert llmspell.run("kernel", "logs", "-n", option).out == want, option
    for bad in ("-1", "many", "", "1000000001"):
        assert llmspell.run("kernel", "logs", "--lines", bad).status == 2
    document = llmspell.json("kernel", "logs", "-n", "2")
    assert document == {"status": "ok", "kernel_id": "test", "lines": ["line 49", "line 50"],
                        "log_file": str(llmspell.home / "logs" / "test.log")}
    both = llmspell.run("-o", "json", "kernel", "logs", "-f")
    assert both.status == 2 and "--follow" in both.err


def test_logs_without_a_line_end(llmspell):
    path = write_log(llmspell, 3)
    path.write_bytes(path.read_bytes() + b"cut \xff")
    assert llmspell.run("kernel", "logs", "-n", "2", "-o", "json").json["lines"] == ["line 3", "cut \ufffd"]
    path.write_bytes(b"")
    empty = llmspell.run("kernel", "logs")
    assert (empty.status, empty.out, empty.err) == (0, "", "")
    path.write_bytes(b"\n\n\n")
    assert llmspell.run("kernel", "logs", "-n", "2").out == "\n\n"


def test_logs_over_rotated_files(llmspell):
    """Plain and packed ones, with a gap in the row."""
    write_log(llmspell, 10, 31)
    write_log(llmspell, 10, 21, "test.log.1")
    write_log(llmspell, 10, 11, "test.log.2.gz")
    write_log(llmspell, 10, 1, "test.log.4.gz")
    write_log(llmspell, 10, 900, "test.log.1.gz")  # being packed: the plain one counts
    for count in (5, 10, 11, 20, 25, 30, 33, 40):
        assert llmspell.run("kernel", "logs", "-n", count).out == lines(41 - count, 40), count
    assert llmspell.run("kernel", "logs", "-n", "all").out == lines(1, 40)
    (llmspell.home / "logs" / "test.log.2.gz").write_bytes(b"\x1f\x8bbroken")
    assert llmspell.run("kernel", "logs", "-n", "all").out == lines(1, 10) + lines(21, 40)


def test_logs_of_a_huge_file(llmspell):
    """From the end: a terabyte (of holes) takes no longer than a line."""
    path = write_log(llmspell, 1)
    with path.open("r+b") as file:
        file.seek(1 << 40)
        file.write(("\n" + lines(1, 30)).encode())
    assert llmspell.run("kernel", "logs", "-n", "30", timeout=10).out == lines(1, 30)


def test_logs_of_a_dead_kernel(llmspell):
    kill(llmspell.start()["pid"])
    assert "is ready" in llmspell.run("kernel", "logs").out
    follow = llmspell.run("kernel", "logs", "--follow")
    assert follow.status == 0 and "is ready" in follow.out


def test_logs_where_there_are_none(llmspell):
    process = llmspell.popen("--output", "json", "kernel", "start", "--id", "fore",
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert json.loads(process.stdout.readline())["kernel_id"] == "fore"
    done = llmspell.run("kernel", "logs", "fore")
    assert done.status == 3 and done.out == "" and "stderr" in done.err and "[log] file" in done.err
    assert llmspell.run("kernel", "stop", "fore").status == 0
    process.communicate(timeout=PATIENCE)
    for args in (["fore"], []):
        assert llmspell.run("kernel", "logs", *args).status == 3


def test_logs_of_a_file_that_is_no_log(llmspell):
    (llmspell.home / "logs" / "test.log").mkdir(parents=True)
    done = llmspell.run("kernel", "logs", "test")
    assert done.status == 1 and "no regular file" in done.err


# ---- logs -f ----

def test_follow_to_the_end(llmspell, background):
    llmspell.start()
    follow = background(llmspell, "kernel", "logs", "-f", "-n", "1")
    assert "is ready" in follow.stdout.readline()
    log_lua(llmspell, "Log.info('first')")
    assert follow.stdout.readline().endswith("first\n")
    log_lua(llmspell, "Log.info('second') Log.info('third')")
    assert follow.stdout.readline().endswith("second\n")
    assert follow.stdout.readline().endswith("third\n")
    assert llmspell.run("kernel", "stop").status == 0
    rest, err = follow.communicate(timeout=PATIENCE)
    assert follow.returncode == 0 and err == "" and rest.endswith("test has ended (SIGTERM)\n")


def test_follow_over_many_rotations(llmspell, background):
    """Nothing is lost or comes twice, though the writer rotates faster than we look."""
    llmspell.start("--set", "log.rotate_size=2K", "--set", "log.rotate_count=100")
    follow = background(llmspell, "kernel", "logs", "--follow", "--lines", "all")
    assert "is ready" in follow.stdout.readline()
    log_lua(llmspell, "for i = 1, 2000 do Log.info('count ' .. i) end")
    assert llmspell.run("kernel", "stop").status == 0
    out, _ = follow.communicate(timeout=PATIENCE)
    assert (llmspell.home / "logs" / "test.log.40").exists()
    assert [int(n) for n in re.findall(r"count (\d+)$", out, re.M)] == list(range(1, 2001))


def test_follow_over_a_foreign_logrotate(llmspell, background):
    llmspell.start()
    path = llmspell.home / "logs" / "test.log"
    follow = background(llmspell, "kernel", "logs", "-f", "-n", "1")
    assert "is ready" in follow.stdout.readline()
    log_lua(llmspell, "Log.info('before')")
    assert follow.stdout.readline().endswith("before\n")
    os.truncate(path, 0)  # copytruncate
    log_lua(llmspell, "Log.info('emptied')")
    assert follow.stdout.readline().endswith("emptied\n")
    path.rename(path.with_suffix(".log.1"))
    with path.with_suffix(".log.1").open("a") as late:
        late.write("to the old one\n")
    assert follow.stdout.readline() == "to the old one\n"
    path.write_text("to the new one\n")
    assert follow.stdout.readline() == "to the new one\n"
    with path.open("a") as log:
        log.write("and more\n")
    assert follow.stdout.readline() == "and more\n"
    path.unlink()
    path.write_text("made again\n")
    assert follow.stdout.readline() == "made again\n"


def test_follow_and_ctrl_c(llmspell, background):
    started = llmspell.start()
    follow = background(llmspell, "kernel", "logs", "-f")
    assert "is ready" in follow.stdout.readline()
    follow.send_signal(signal.SIGINT)
    assert follow.wait(PATIENCE) == 130
    assert llmspell.json("kernel", "status")["pid"] == started["pid"]


def test_follow_ends_with_its_reader(llmspell, background):
    llmspell.start()
    follow = background(llmspell, "kernel", "logs", "-f")
    assert "is ready" in follow.stdout.readline()
    follow.stdout.close()
    assert follow.wait(PATIENCE) == 1 and follow.stderr.read() == ""
    follow.stdout = None


def test_logs_into_a_pipe_that_is_closed(llmspell, background):
    write_log(llmspell, 100000)
    logs = background(llmspell, "kernel", "logs", "-n", "all")
    assert logs.stdout.readline() == "line 1\n"
    logs.stdout.close()
    assert logs.wait(PATIENCE) == 1 and logs.stderr.read() == ""
    logs.stdout = None
