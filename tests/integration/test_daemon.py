# SPDX-License-Identifier: Apache-2.0
"""`kernel start`, in the foreground and as a daemon: what the process is, who may start when, what
remains, and how it ends. (What it answers is in test_jupyter*.py.)"""
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import pexpect
import pytest

from conftest import BINARY, BUILD, SLOW
from daemons import handled_signals
from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, PAUSE, RUN_ON, llmspell, open_session, process_fd, wait_end,
    wait_until)

PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


@pytest.fixture
def ended():
    """ended(pid): to be asked before the process ends; then ended.wait() tells whether it has."""
    opened = []

    class Watch:
        def __init__(self, pid):
            self.fd = process_fd(pid)
            opened.append(self.fd)

        def wait(self, patience=PATIENCE):
            return wait_end(self.fd, patience)

    yield Watch
    for fd in opened:
        os.close(fd)


def proc(pid, name):
    return Path(f"/proc/{pid}/{name}").read_text()


def proc_stat(pid):
    """The fields behind the name: state, ppid, pgrp, session, tty_nr."""
    fields = proc(pid, "stat").rpartition(")")[2].split()
    return {"state": fields[0], "session": int(fields[3]), "tty": int(fields[4])}


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def files_below(folder):
    """But for the history, and the record of how a named kernel was started and ended: they stay."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if not p.is_dir() and p.name != "kernel_state.json"
                  and p.parent.name != "history")


def exec_lua(llmspell, code, id="test"):
    done = llmspell.run("--kernel", id, "exec", code)
    assert done.status == 0, done
    return done.out.rstrip("\n")


# ---- in the foreground ----

def start_foreground(llmspell, *args, id="fore"):
    process = llmspell.popen("--output", "json", "kernel", "start", "--id", id, *args,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, json.loads(line)


def test_foreground(llmspell):
    process, said = start_foreground(llmspell)
    assert said["status"] == "ok" and said["kernel_id"] == "fore" and said["pid"] == process.pid
    assert Path(said["connection_file"]).exists()
    assert (llmspell.home / "run" / "fore.pid").read_text() == f"{process.pid}\n"
    assert exec_lua(llmspell, "6 * 7", "fore") == "42"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.read() == "", "more than one document"
    assert process.wait(PATIENCE) == 0
    assert files_below(llmspell.home) == []


def test_foreground_logs_to_stderr(llmspell):
    process, _ = start_foreground(llmspell, "--log-level", "info", "--set", "log.level=info")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert "fore is ready" in err and "fore ends" in err


def test_foreground_text(llmspell):
    process = llmspell.popen("kernel", "start", "--id", "fore", stdout=subprocess.PIPE)
    assert process.stdout.readline() == f"kernel fore runs (pid {process.pid})\n"
    process.terminate()
    rest = process.stdout.read()
    assert process.wait(PATIENCE) == 0
    assert "connection file" in rest and "llmspell kernel stop fore" in rest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_foreground_ends_on(llmspell, number):
    process, _ = start_foreground(llmspell)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and files_below(llmspell.home) == []


def test_ctrl_c_at_a_terminal(llmspell):
    """The first one says that nothing runs, the second ends the kernel."""
    child = pexpect.spawn(str(BINARY), ["kernel", "start", "--id", "tty"], env=llmspell.env,
                          cwd=str(llmspell.cwd), timeout=PATIENCE, encoding="utf-8")
    child.expect("kernel stop tty")
    child.sendintr()
    child.expect("Ctrl-C again")
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0 and files_below(llmspell.home) == []


# ---- the daemon's process ----

def test_the_daemon_has_left_its_starter(llmspell):
    """Started from a terminal: of its session, terminal, folder, mask and files nothing is left."""
    (llmspell.cwd / "held").write_text("")
    child = pexpect.spawn("/bin/sh", ["-c", f"umask 0; exec 9<held; exec {BINARY} --output json "
                                            "kernel start --daemon --id test"],
                          env=llmspell.env, cwd=str(llmspell.cwd), timeout=PATIENCE,
                          encoding="utf-8")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    pid = json.loads((llmspell.home / "kernels" / "test.json").read_text())["pid"]
    facts = proc_stat(pid)
    assert facts["tty"] == 0, "it has a controlling terminal"
    assert facts["session"] not in (child.pid, os.getsid(0)), "it is in the starter's session"
    assert facts["session"] != pid, "as a session's leader it could get a terminal again"
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert re.search(r"^Umask:\s*0027$", proc(pid, "status"), re.M)
    links = {int(fd.name): os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    assert not [link for link in links.values() if "pts" in link or "tty" in link]
    assert links[0] == "/dev/null"
    exec_lua(llmspell, "os.execute('(until [ -e go ]; do sleep 0.01; done; echo from a child; "
                       "echo to stderr >&2) &')")
    (llmspell.cwd / "go").write_text("")  # no code runs that it could belong to
    wait_until(lambda: "stdout: from a child" in llmspell.log() and
               "stderr: to stderr" in llmspell.log(), "what a child prints in the log")
    assert not [link for link in links.values() if link.endswith("held")], "a file is still open"


def test_start_returns_when_clients_can_connect(llmspell):
    for i in range(5):
        started = llmspell.start(id=f"k{i}")
        connection = json.loads(Path(started["connection_file"]).read_text())
        for port in PORTS:
            socket.create_connection(("127.0.0.1", connection[port]), 1).close()
        assert llmspell.run("kernel", "status", f"k{i}").status == 0
        assert (llmspell.home / "run" / f"k{i}.pid").read_text() == f"{started['pid']}\n"


def test_start_closes_its_output(llmspell):
    """A shell's $(llmspell kernel start --daemon) must not wait for the daemon's end."""
    done = subprocess.run(["/bin/sh", "-c", f"x=$({BINARY} kernel start --daemon --id test 2>&1);"
                           " echo \"$x\""], env=llmspell.env, cwd=llmspell.cwd, text=True,
                          capture_output=True, timeout=PATIENCE)
    assert re.match(r"kernel test runs \(pid \d+\)\n", done.stdout), done


def test_modes_of_files(llmspell):
    """Whatever the starter's umask is: what holds a key is the user's alone."""
    for mask in (0o000, 0o022, 0o077):
        llmspell.home = llmspell.home.parent / f"home{mask:03o}"
        llmspell.env["LLMSPELL_HOME"] = str(llmspell.home)
        before = os.umask(mask)
        try:
            started = llmspell.start()
        finally:
            os.umask(before)
        assert mode(Path(started["connection_file"])) == 0o600
        for folder in ("", "kernels", "run", "logs"):
            assert mode(llmspell.home / folder) == 0o700, folder
        assert mode(llmspell.home / "logs" / "test.log") & 0o027 == 0
        assert mode(llmspell.home / "run" / "test.pid") & 0o022 == 0
        assert llmspell.run("kernel", "stop", "test").status == 0


def test_log_file(llmspell):
    started = llmspell.start()
    assert started["log_file"] == str(llmspell.home / "logs" / "test.log")
    ready = re.escape(f"test is ready (pid {started['pid']},")
    assert re.search(rf"^\d{{4}}-\d\d-\d\dT\S+ INFO +kernel: {ready}", llmspell.log(), re.M)
    exec_lua(llmspell, "Log.warn('from a script', 7); Log.debug('too little')")
    assert "from a script 7" in llmspell.log() and "too little" not in llmspell.log()


def test_log_level_and_format(llmspell):
    llmspell.start("--set", "log.level=debug", "--set", "log.format=json")
    exec_lua(llmspell, "Log.debug('in detail')")
    records = [json.loads(line) for line in llmspell.log().splitlines()]
    assert any("in detail" in json.dumps(record) for record in records)


# ---- starts that fail ----

@pytest.mark.parametrize("args, status, reason", [
    (["--set", "kernel.idle_timeout=soon"], 1, "idle_timeout"),
    (["--set", "kernel.protocl=jupyter"], 1, "protocol"),
    (["--set", "kernel.protocol=nosuch"], 1, "nosuch"),
    (["--set", "kernel.protocol="], 1, "protocol"),
    (["--set", "kernel.runtime=cobol"], 1, "cobol"),
    (["--set", "runtime.lua.memory_mb=lots"], 1, "memory_mb"),
    (["--set", "protocol.jupyter.shell_port=http"], 1, "shell_port"),
    (["--set", "protocol.jupyter.ip=192.0.2.1"], 1, "192.0.2.1"),
    (["--set", "log.file=/proc/nowhere/x.log"], 1, "/proc/nowhere/x.log"),
    (["--set", "kernel.workdir=/nowhere/at/all"], 3, "/nowhere/at/all"),
    (["-c", "nosuch.ini"], None, "nosuch.ini"),
    (["--id", "../escape"], 1, "../escape"),
    (["--id", "x" * 65], 1, "no kernel id"),
    (["--idle-timeout", "soon"], 2, "idle-timeout"),
    (["--port", "0"], 2, "port"),
    (["--no-such-option"], 2, "no-such-option"),
    (["surplus"], 2, "surplus"),
])
@pytest.mark.parametrize("daemon", [True, False], ids=["daemon", "foreground"])
def test_a_start_that_fails(llmspell, args, status, reason, daemon):
    id_args = [] if "--id" in args else ["--id", "fails"]
    done = llmspell.run("kernel", "start", *(["--daemon"] if daemon else []), *id_args, *args)
    assert done.out == "" and reason in done.err, done
    assert done.status == status if status else done.status in (1, 3), done
    for folder in ("run", "kernels"):
        assert not list((llmspell.home / folder).glob("*")), "something was left"
    assert llmspell.json("kernel", "list") == []


def test_errors_in_the_ini_file_name_the_line(llmspell):
    (llmspell.cwd / "bad.ini").write_text("[kernel]\nhistory_max = 10\nidle_timout = 5s\n")
    done = llmspell.run("-c", "bad.ini", "kernel", "start", "--daemon", "--id", "test")
    assert done.status == 1 and "bad.ini:3" in done.err and "idle_timeout" in done.err


def test_a_home_that_cannot_be_written(llmspell):
    (llmspell.cwd / "file").write_text("")
    done = llmspell.run("kernel", "start", "--daemon",
                        env={"LLMSPELL_HOME": str(llmspell.cwd / "file" / "home")})
    assert done.status == 1 and "file/home" in done.err and "LLMSPELL_HOME" in done.err
    if os.geteuid() != 0:  # for root every folder is writable
        llmspell.home.chmod(0o500)
        done = llmspell.run("kernel", "start", "--daemon")
        llmspell.home.chmod(0o700)
        assert done.status == 1 and str(llmspell.home) in done.err
        assert files_below(llmspell.home) == []


def test_a_file_in_place_of_a_folder(llmspell):
    (llmspell.home / "run").write_text("no folder")
    done = llmspell.run("kernel", "start", "--daemon", "--id", "test")
    assert done.status == 1 and str(llmspell.home / "run") in done.err
    (llmspell.home / "run").unlink()


def test_a_foreign_file_in_place_of_the_pid_file(llmspell):
    (llmspell.home / "run").mkdir(mode=0o700)
    (llmspell.home / "run" / "test.pid").write_text("my precious notes\n")
    done = llmspell.run("kernel", "start", "--daemon", "--id", "test")
    assert done.status == 1 and "not a PID file" in done.err
    assert (llmspell.home / "run" / "test.pid").read_text() == "my precious notes\n"
    (llmspell.home / "run" / "test.pid").unlink()


# ---- one of each id ----

def test_a_second_start_is_refused(llmspell):
    first = llmspell.start()
    before = Path(first["connection_file"]).read_bytes()
    for args in (["--daemon"], []):
        done = llmspell.run("kernel", "start", "--id", "test", *args)
        assert done.status == 1 and done.out == ""
        assert re.search(rf"\b{first['pid']}\b", done.err), done
    assert Path(first["connection_file"]).read_bytes() == before
    assert exec_lua(llmspell, "1 + 1") == "2"
    assert llmspell.json("kernel", "list")[0]["pid"] == first["pid"]


def test_fifty_starters_at_once(llmspell):
    starters = [llmspell.popen("kernel", "start", "--daemon", "--id", "race",
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(50)]
    ends = [(p, *p.communicate(timeout=PATIENCE * 2)) for p in starters]
    winners = [(out, err) for p, out, err in ends if p.returncode == 0]
    assert len(winners) == 1, ends
    for p, out, err in ends:
        assert p.returncode == 0 or (p.returncode == 1 and not out and "race.pid" in err), err
    pid = int(re.search(r"\(pid (\d+)\)", winners[0][0])[1])
    assert [k["pid"] for k in llmspell.json("kernel", "list")] == [pid]
    assert (llmspell.home / "run" / "race.pid").read_text() == f"{pid}\n"
    assert exec_lua(llmspell, "6 * 7", "race") == "42"
    assert llmspell.run("kernel", "stop", "race").status == 0
    assert files_below(llmspell.home) == ["logs/race.log"]


def test_two_kernels_side_by_side(llmspell):
    one, two = llmspell.start(id="one"), llmspell.start(id="two")
    files = [json.loads(Path(k["connection_file"]).read_text()) for k in (one, two)]
    assert len({f[port] for f in files for port in PORTS}) == 10
    assert files[0]["key"] != files[1]["key"]
    exec_lua(llmspell, "who = 'one'", "one")
    assert exec_lua(llmspell, "return who or 'nobody'", "two") == "nobody"
    assert exec_lua(llmspell, "who", "one") == "one"
    assert exec_lua(llmspell, "Kernel.id", "two") == "two"
    listed = llmspell.json("kernel", "list")
    assert [(k["kernel_id"], k["pid"], k["state"]) for k in listed] == [
        ("one", one["pid"], "running"), ("two", two["pid"], "running")]


def test_an_id_is_made_up(llmspell):
    ids = set()
    for _ in range(2):
        done = llmspell.run("--output", "json", "kernel", "start", "--daemon")
        ids.add(done.json["kernel_id"])
    assert len(ids) == 2 and all(re.fullmatch(r"kernel-[0-9a-f]{8}", i) for i in ids)


def test_after_a_kill(llmspell, ended):
    """The lock tells the truth, not the files that a killed kernel could not remove."""
    first = llmspell.start()
    watch = ended(first["pid"])
    os.kill(first["pid"], signal.SIGKILL)
    assert watch.wait()
    assert files_below(llmspell.home) == ["kernels/test.json", "logs/test.log", "run/test.pid"]
    for entry in llmspell.json("kernel", "list"):
        assert entry["kernel_id"] == "test" and entry["state"] == "dead" and entry["pid"] == 0
    assert "running" not in llmspell.run("kernel", "list").out
    assert llmspell.run("--kernel", "test", "exec", "1").status == 3
    assert llmspell.run("kernel", "status", "test").status == 3
    assert llmspell.run("kernel", "stop", "test").status == 3
    assert llmspell.run("--kernel", first["connection_file"], "exec", "1").status == 4
    second = llmspell.start()
    assert second["pid"] != first["pid"] and exec_lua(llmspell, "6 * 7") == "42"
    assert llmspell.run("kernel", "stop", "test").status == 0
    assert files_below(llmspell.home) == ["logs/test.log"]


def test_a_pid_file_with_the_pid_of_another_process(llmspell):
    """A PID that was given to somebody else meanwhile: nobody is refused, nobody is killed."""
    other = subprocess.Popen(["sleep", "600"])
    try:
        for folder in ("run", "kernels"):
            (llmspell.home / folder).mkdir(mode=0o700)
        (llmspell.home / "run" / "test.pid").write_text(f"{other.pid}\n")
        (llmspell.home / "kernels" / "test.json").write_text(json.dumps({"pid": other.pid}))
        assert llmspell.run("kernel", "stop", "test").status == 3
        assert llmspell.run("kernel", "stop", "--all", "--force").status == 0
        assert llmspell.start()["pid"] != other.pid
        assert other.poll() is None, "a process was killed that is no kernel"
    finally:
        other.kill()
        other.wait()


# ---- stop, list, status ----

def test_stop_by_id(llmspell, ended):
    watch = {i: ended(llmspell.start(id=i)["pid"]) for i in ("a", "b")}
    done = llmspell.run("kernel", "stop", "a")
    assert done.status == 0 and done.out == "kernel a stopped\n"
    assert watch["a"].wait(0), "stop returned before the process had ended"
    assert not watch["b"].wait(0)
    assert llmspell.json("kernel", "stop", "b") == {"status": "ok", "stopped": ["b"]}
    assert files_below(llmspell.home) == ["logs/a.log", "logs/b.log"]


def test_stop_all(llmspell, ended):
    watch = [ended(llmspell.start(id=i)["pid"]) for i in ("a", "b", "c")]
    done = llmspell.run("kernel", "stop", "--all")
    assert done.status == 0 and done.out.splitlines() == [f"kernel {i} stopped" for i in "abc"]
    assert all(w.wait(0) for w in watch)
    assert llmspell.run("kernel", "stop", "--all").status == 0  # none is no failure


def test_stop_force(llmspell, open_session, ended):
    """SIGKILL, whatever runs; what the kernel could not remove is removed."""
    started = llmspell.start("--set", "kernel.shutdown_grace=1h")
    watch = ended(started["pid"])
    open_session(started["connection_file"]).start_running(RUN_ON)
    done = llmspell.run("kernel", "stop", "test", "--timeout", "1")
    assert done.status == 5 and "--force" in done.err and str(started["pid"]) in done.err
    assert llmspell.run("kernel", "stop", "--force", "test").status == 0
    assert watch.wait(0) and files_below(llmspell.home) == ["logs/test.log"]


def test_stop_without_an_id(llmspell):
    assert llmspell.run("kernel", "stop").status == 3
    llmspell.start(id="only")
    assert llmspell.run("kernel", "stop").out == "kernel only stopped\n"
    for i in ("a", "b"):
        llmspell.start(id=i)
    done = llmspell.run("kernel", "stop")
    assert done.status in (1, 2) and "2 kernels run" in done.err
    assert len(llmspell.json("kernel", "list")) == 2


@pytest.mark.parametrize("command", ["stop", "status", "interrupt"])
def test_an_unknown_id(llmspell, command):
    llmspell.start(id="known")
    done = llmspell.run("kernel", command, "unheard-of")
    assert done.status == 3 and "unheard-of" in done.err and done.out == ""


def test_list(llmspell):
    assert llmspell.json("kernel", "list") == []
    nothing = llmspell.run("kernel", "list")
    assert nothing.status == 0 and nothing.out == "" and "no kernel runs" in nothing.err
    started = llmspell.start(id="listed")
    assert llmspell.json("kernel", "list") == [
        {"kernel_id": "listed", "pid": started["pid"], "state": "running", "protocol": "jupyter",
         "connection_file": started["connection_file"]}]
    heading, row = llmspell.run("kernel", "list").out.splitlines()
    assert heading.split() == ["ID", "PID", "STATE", "PROTOCOL", "CONNECTION", "FILE"]
    assert row.split() == ["listed", str(started["pid"]), "running", "jupyter",
                           started["connection_file"]]


def test_status(llmspell, open_session):
    started = llmspell.start()
    status = llmspell.json("kernel", "status", "test")
    assert status["kernel_id"] == "test" and status["pid"] == started["pid"]
    assert status["execution_state"] == "idle" and status["workdir"] == str(llmspell.cwd)
    tools = len(list((BUILD / "lib/llmspell/tools").glob("*.so")))
    assert status["tools"] == tools and status["protocol"] == "jupyter,dap"
    text = dict(line.split(None, 1) for line in llmspell.run("kernel", "status").out.splitlines())
    assert text["kernel"] == "test" and text["pid"] == str(started["pid"])
    assert text["state"] == "idle" and text["workdir"] == str(llmspell.cwd)
    assert f"{tools} tools, runtime lua, protocol jupyter,dap" == text["plugins"]
    session = open_session(started["connection_file"])
    cell = session.start_running(RUN_ON)
    assert llmspell.json("kernel", "status", "test")["execution_state"] == "busy"
    assert llmspell.run("kernel", "interrupt", "test").status == 0
    assert session.until_idle(cell)
    assert llmspell.json("kernel", "status", "test")["execution_state"] == "idle"


def test_an_id_may_be_shortened(llmspell):
    llmspell.start(id="alpha-one")
    llmspell.start(id="beta")
    assert llmspell.json("kernel", "status", "alp")["kernel_id"] == "alpha-one"
    assert exec_lua(llmspell, "Kernel.id", "b") == "beta"


# ---- the end ----

def test_idle_timeout(llmspell, ended):
    watch = ended(llmspell.start("--idle-timeout", "1")["pid"])
    assert watch.wait(), "it is idle, and goes on"
    assert "idle" in llmspell.log() and files_below(llmspell.home) == ["logs/test.log"]


def test_idle_timeout_waits_for_what_runs(llmspell, ended):
    watch = ended(llmspell.start("--set", f"kernel.idle_timeout={500 * SLOW}ms")["pid"])
    cell = llmspell.popen("--kernel", "test", "exec", RUN_ON,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert cell.stdout.readline() == "running\n"
    assert not watch.wait(1 * SLOW), "it ended while a cell ran"
    assert llmspell.run("kernel", "interrupt", "test").status == 0
    assert cell.stdout.read() == "" and cell.wait(PATIENCE) == 130
    assert watch.wait(), "it is idle, and goes on"


def test_sigterm_ends_an_idle_daemon(llmspell, ended):
    started = llmspell.start()
    watch = ended(started["pid"])
    os.kill(started["pid"], signal.SIGTERM)
    assert watch.wait()
    assert files_below(llmspell.home) == ["logs/test.log"]


def test_sigterm_while_a_loop_runs(llmspell, open_session, ended):
    """The loop has the grace to end by itself; then it is interrupted, and its client told."""
    started = llmspell.start("--set", "kernel.shutdown_grace=500ms")
    watch = ended(started["pid"])
    session = open_session(started["connection_file"])
    cell = session.start_running(f"print('running') while true do {PAUSE} pcall(error) end")
    begin = time.monotonic()
    os.kill(started["pid"], signal.SIGTERM)
    assert watch.wait(0.5 + 1 * SLOW), "it goes on after its grace and a second"
    assert time.monotonic() - begin >= 0.5, "the loop had no grace"
    assert session.until_idle(cell)
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"
    assert files_below(llmspell.home) == ["logs/test.log"]


def test_sigterm_lets_a_cell_end(llmspell, open_session, ended):
    started = llmspell.start("--set", "kernel.shutdown_grace=1h")
    watch = ended(started["pid"])
    session = open_session(started["connection_file"])
    cell = session.execute("return 'got ' .. io.read()")
    session.question()
    os.kill(started["pid"], signal.SIGTERM)
    wait_until(lambda: "ends: SIGTERM" in llmspell.log(), "SIGTERM in the log")
    refused = session.send("execute_request", {"code": "late = true"})
    session.input("through")
    assert session.finish(cell).value == "got through"
    assert session.reply(refused)["content"]["status"] == "error"
    assert watch.wait()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGINT,
                                    signal.SIGPIPE, signal.SIGURG, signal.SIGCHLD])
def test_signals_that_do_not_end_a_daemon(llmspell, number):
    started = llmspell.start()
    for _ in range(3):
        os.kill(started["pid"], number)
    handled_signals(llmspell, started["pid"])
    assert exec_lua(llmspell, "6 * 7") == "42"
    assert llmspell.json("kernel", "status")["pid"] == started["pid"]


def test_nothing_is_left(llmspell, ended):
    """No temporary file, no zombie, no child, no thread that ends late."""
    watch = ended(llmspell.start()["pid"])
    pid = llmspell.json("kernel", "status")["pid"]
    exec_lua(llmspell, "os.execute('true'); return io.popen('echo x'):read()")
    llmspell.json("--kernel", "test", "tool", "invoke", "uuid_generator")
    assert files_below(llmspell.home) == ["kernels/test.json", "logs/test.log", "run/test.pid"]
    exec_lua(llmspell, "collectgarbage()")  # closes what io.popen opened
    children = "".join(p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/children"))
    assert children.split() == []
    assert llmspell.run("kernel", "stop", "test").status == 0
    assert watch.wait(0) and files_below(llmspell.home) == ["logs/test.log"]
    assert files_below(llmspell.cwd) == []


# ---- paths ----

def test_relative_paths_on_the_command_line(llmspell):
    """They start where the command was given, though the daemon is in /."""
    (llmspell.cwd / "sub").mkdir()
    (llmspell.cwd / "mine.ini").write_text("[kernel]\nhistory = off\n[log]\nfile = sub/by-ini.log\n")
    llmspell.env["LLMSPELL_HOME"] = "rel/home"
    (llmspell.cwd / "rel").mkdir()
    started = llmspell.start("-c", "mine.ini", "-f", "sub/connection.json")
    assert started["connection_file"] == str(llmspell.cwd / "rel/home/kernels/test.json")
    assert (llmspell.cwd / "sub" / "connection.json").exists()
    assert "is ready" in (llmspell.cwd / "sub" / "by-ini.log").read_text()
    assert llmspell.run("kernel", "stop", "test").status == 0
    assert files_below(llmspell.cwd) == ["mine.ini", "sub/by-ini.log"]


def test_relative_log_and_plugin_folder(llmspell):
    (llmspell.cwd / "plugins").symlink_to(BUILD / "lib/llmspell/tools")
    started = llmspell.start("--plugin-dir", "plugins", "--set", "log.file=own.log")
    assert "is ready" in (llmspell.cwd / "own.log").read_text(), started
    listed = llmspell.json("--kernel", "test", "tool", "list")
    tools = listed["tools"] if isinstance(listed, dict) else listed
    assert {str(Path(tool["file"]).parent) for tool in tools} <= {
        str(llmspell.cwd / "plugins"), str(BUILD / "lib/llmspell/tools")}
    assert exec_lua(llmspell, "Tool.calculator{input = '6*7'}.result") == "42"


def test_relative_paths_of_scripts(llmspell):
    """They start in the folder where the kernel was started: for Lua's io as for the tools."""
    (llmspell.cwd / "here.txt").write_text("found\n")
    llmspell.start()
    elsewhere = llmspell.cwd.parent / "elsewhere"
    elsewhere.mkdir()

    def run(code):
        done = llmspell.run("--kernel", "test", "exec", code, cwd=elsewhere)
        assert done.status == 0, done
        return done.out

    assert run("io.open('here.txt'):read('a')") == "found\n\n"
    run("local f = io.open('by-io.txt', 'w'); f:write('io'); f:close()")
    assert (llmspell.cwd / "by-io.txt").read_text() == "io"
    assert run("Tool.file_operations{operation='read', path='here.txt'}.content") == "found\n\n"
    run("Tool.file_operations{operation='write', path='by-tool.txt', input='tool'}")
    assert (llmspell.cwd / "by-tool.txt").read_text() == "tool"
    run("os.execute('pwd >by-shell.txt')")
    assert (llmspell.cwd / "by-shell.txt").read_text() == f"{llmspell.cwd}\n"
    invoked = llmspell.run("--kernel", "test", "tool", "invoke", "file_operations", "--params",
                           json.dumps({"operation": "read", "path": "here.txt"}), cwd=elsewhere)
    assert invoked.status == 0 and "found" in invoked.out
    assert files_below(elsewhere) == []


def test_workdir_setting(llmspell):
    (llmspell.cwd / "sub").mkdir()
    llmspell.start("--set", "kernel.workdir=sub")
    exec_lua(llmspell, "io.open('x.txt', 'w'):close()")
    assert (llmspell.cwd / "sub" / "x.txt").exists()
    assert llmspell.json("kernel", "status")["workdir"] == str(llmspell.cwd / "sub")
