# SPDX-License-Identifier: Apache-2.0
"""The kernel as a process among others: what it inherits, terminals that close, another user's
kernel, process 1 of a container, crashes."""
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import pexpect
import pytest

from conftest import BINARY, why_nobody_else
from jupyter_session import PATIENCE, llmspell, wait_until  # noqa: F401 (a fixture)
from test_daemon import ended, exec_lua, files_below, proc_stat, start_foreground  # noqa: F401

NOBODY = 65534


# ---- what is handed down ----

def start_with(llmspell, prepare, id="fore"):
    """A kernel in the foreground whose process was prepared before the binary was executed."""
    process = llmspell.popen("--output", "json", "kernel", "start", "--id", id, preexec_fn=prepare,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process


def status_of(pid, field):
    return re.search(rf"^{field}:\s*(\S+)$", Path(f"/proc/{pid}/status").read_text(), re.M)[1]


def is_in(number, mask):
    return bool(int(mask, 16) >> (number - 1) & 1)


def test_signals_that_were_ignored_or_blocked(llmspell):
    def spoil():
        for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGURG):
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGURG})

    process = start_with(llmspell, spoil)
    try:
        assert exec_lua(llmspell, "local ok, how, code = os.execute('exit 3') "
                                  "return how .. ' ' .. tostring(code)", "fore") == "exit 3"
        assert int(status_of(process.pid, "SigBlk"), 16) == 0
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()
    assert files_below(llmspell.home) == []


def test_a_daemon_that_was_started_with_everything_blocked(llmspell, ended):
    def spoil():
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))

    process = llmspell.popen("kernel", "start", "--daemon", "--id", "test", preexec_fn=spoil,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    pid = llmspell.json("kernel", "status", "test")["pid"]
    watch = ended(pid)
    assert exec_lua(llmspell, "return tostring(io.popen('cat', 'w'):close())") == "true"
    ignored = status_of(pid, "SigIgn")
    assert is_in(signal.SIGHUP, ignored) and not is_in(signal.SIGPIPE, ignored)  # has a handler
    assert not is_in(signal.SIGCHLD, ignored)
    os.kill(pid, signal.SIGTERM)
    assert watch.wait()


def test_nohup(llmspell):
    """SIGHUP stays ignored in the foreground, if the starter ignored it."""
    process = start_with(llmspell, lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    assert exec_lua(llmspell, "6 * 7", "fore") == "42"
    assert is_in(signal.SIGHUP, status_of(process.pid, "SigIgn"))
    process.terminate()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


# ---- terminals ----

def test_no_terminal_can_be_acquired(llmspell):
    """A daemon that opens a free terminal without O_NOCTTY does not get it."""
    started = llmspell.start()
    ends = os.openpty()
    try:
        path = os.ttyname(ends[1])
        assert exec_lua(llmspell, f"terminal = assert(io.open('{path}', 'r+')) "
                                  "return io.type(terminal)") == "file"
        assert any(os.readlink(fd) == path for fd in
                   Path(f"/proc/{started['pid']}/fd").iterdir()), "it is not open"
        assert proc_stat(started["pid"])["tty"] == 0
        exec_lua(llmspell, "terminal:close()")
    finally:
        for fd in ends:
            os.close(fd)


def test_the_terminal_closes(llmspell):
    """Started from a shell at a terminal that is closed: it lives on, and answers."""
    child = pexpect.spawn("/bin/sh", ["-i"], env={**llmspell.env, "PS1": "> "}, timeout=PATIENCE,
                          cwd=str(llmspell.cwd), encoding="utf-8")
    child.sendline(f"{BINARY} kernel start --daemon --id test && echo it is' 'up")
    child.expect("it is up")
    pid = llmspell.json("kernel", "status", "test")["pid"]
    child.close(force=True)  # the master's end; the shell gets SIGHUP
    assert not child.isalive()
    assert exec_lua(llmspell, "6 * 7") == "42"
    os.kill(pid, signal.SIGHUP)
    assert exec_lua(llmspell, "print('out'); io.stderr:write('err'); return 6 * 7").endswith("42")
    assert llmspell.json("kernel", "status", "test")["pid"] == pid


# ---- another user's kernel ----

needs_another_user = pytest.mark.skipif(why_nobody_else() is not None, reason=str(why_nobody_else()))


def become_nobody():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


@pytest.fixture
def shared_home(llmspell):
    """A home outside pytest's own folder, which nobody else may enter; its kernel is stopped."""
    with tempfile.TemporaryDirectory(prefix="llmspell-test-") as home:
        llmspell.home = Path(home)
        llmspell.env["LLMSPELL_HOME"] = home
        yield llmspell
        llmspell.run("kernel", "stop", "--all", "--force")


@needs_another_user
def test_another_users_kernel(shared_home):
    """Who may read the PID file of another user's kernel is told whose it is; who may not, too."""
    one = shared_home
    pid = one.start()["pid"]
    for folder in (one.home, *one.home.iterdir()):
        folder.chmod(0o755)

    def start_as_nobody():
        done = subprocess.run([str(BINARY), "kernel", "start", "--daemon", "--id", "test"],
                              text=True, capture_output=True, env=one.env, cwd="/",
                              preexec_fn=become_nobody, timeout=PATIENCE)
        assert done.returncode == 1 and done.stdout == "", done
        return done.stderr

    assert f"running process {pid} of user root" in start_as_nobody()
    (one.home / "run" / "test.pid").chmod(0o600)
    assert re.search(r"test\.pid of user root: Permission denied", start_as_nobody())
    assert exec_lua(one, "6 * 7") == "42"
    assert one.run("kernel", "stop", "test").status == 0


# ---- process 1 ----

def can_unshare():
    if os.geteuid() != 0:
        return "a PID namespace needs root"
    done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"],
                          capture_output=True, text=True)
    return "" if done.returncode == 0 else f"no PID namespace here: {done.stderr.strip()}"


@pytest.fixture
def namespace(llmspell):
    """Starts a kernel as process 1 of a PID namespace; .init and .kernel are its PIDs out here."""
    why = can_unshare()
    if why:
        pytest.skip(why)
    started = []

    class Namespace:
        def __init__(self, *args):
            self.process = subprocess.Popen(
                ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", str(BINARY),
                 "--output", "json", "kernel", "start", "--id", "one", *args],
                text=True, env=llmspell.env, cwd=llmspell.cwd, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            started.append(self.process)
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            self.said = json.loads(line)
            self.init = children(self.process.pid)[0]
            self.kernel = children(self.init)[0]

        def wait(self):
            self.process.wait(PATIENCE)
            return self.process.returncode

    yield Namespace
    for process in started:
        process.kill()
        process.communicate()


def children(pid):
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def inner_pid(pid):
    return int(re.search(r"^NSpid:.*\s(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.M)[1])


def test_process_1_hands_sigterm_on(llmspell, namespace):
    box = namespace()
    assert inner_pid(box.init) == 1 and inner_pid(box.kernel) == box.said["pid"] != 1
    assert Path(f"/proc/{box.init}/comm").read_text() == "llmspell-init\n"
    assert os.getpgid(box.kernel) == box.kernel, "Ctrl-C would reach the init as well"
    os.kill(box.init, signal.SIGTERM)
    assert box.wait() == 0
    assert files_below(llmspell.home) == []


def test_process_1_reaps_orphans(llmspell, namespace):
    box = namespace()
    connection = box.said["connection_file"]
    code = "for i = 1, 20 do os.execute('(sleep 0.0$((i % 3)) &) ; true') end return 'left'"
    done = llmspell.run("--kernel", connection, "exec", code)
    assert done.status == 0 and done.out == "left\n", done
    wait_until(lambda: children(box.init) == [box.kernel], "all orphans reaped")
    assert llmspell.run("--kernel", connection, "exec", "6 * 7").out == "42\n"
    os.kill(box.init, signal.SIGTERM)
    assert box.wait() == 0


def test_process_1_keeps_the_status(llmspell, namespace):
    box = namespace()
    os.kill(box.kernel, signal.SIGKILL)
    assert box.wait() == 128 + signal.SIGKILL
    second = namespace()  # takes the stale files over
    os.kill(second.init, signal.SIGUSR2)
    os.kill(second.init, signal.SIGINT)
    assert llmspell.run("--kernel", second.said["connection_file"], "exec", "1").out == "1\n"
    os.kill(second.init, signal.SIGTERM)
    assert second.wait() == 0


def test_a_start_that_fails_as_process_1(llmspell):
    why = can_unshare()
    if why:
        pytest.skip(why)
    done = subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", str(BINARY), "kernel",
                           "start", "--set", "kernel.protocol=nosuch"], text=True,
                          env=llmspell.env, cwd=llmspell.cwd, capture_output=True,
                          timeout=PATIENCE)
    assert done.returncode == 1 and "nosuch" in done.stderr


def test_init_outside_a_container(llmspell):
    """Orphans of scripts go to the init, not to the process 1 out there."""
    process, said = start_foreground(llmspell, "--init")
    try:
        assert children(process.pid) == [said["pid"]]
        assert exec_lua(llmspell, "os.execute('sleep 600 >/dev/null 2>&1 & true') return 1",
                        "fore") == "1"
        wait_until(lambda: len(children(process.pid)) == 2, "the orphan")
        orphan = next(pid for pid in children(process.pid) if pid != said["pid"])
        os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: children(process.pid) == [said["pid"]], "the orphan reaped")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()
    assert files_below(llmspell.home) == []


def test_a_kernel_ends_with_its_init(llmspell, ended):
    process, said = start_foreground(llmspell, "--init")
    watch = ended(said["pid"])
    process.kill()
    assert watch.wait(), "it goes on, though nobody reaps and nobody hands signals on"
    process.communicate()
    assert files_below(llmspell.home) == []


def test_ctrl_c_reaches_the_kernel_once(llmspell):
    """With an init in between: the first Ctrl-C tells that nothing runs, the second ends it."""
    child = pexpect.spawn(str(BINARY), ["kernel", "start", "--id", "tty", "--init"],
                          env=llmspell.env, cwd=str(llmspell.cwd), timeout=PATIENCE,
                          encoding="utf-8")
    child.expect("kernel stop tty")
    child.sendintr()
    child.expect("Ctrl-C again")
    assert exec_lua(llmspell, "6 * 7", "tty") == "42"
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0 and files_below(llmspell.home) == []


def test_init_is_not_for_a_daemon(llmspell):
    done = llmspell.run("kernel", "start", "--daemon", "--init")
    assert done.status == 2 and "--daemon" in done.err and files_below(llmspell.home) == []


# ---- sockets of a service manager ----

def test_a_daemon_refuses_inherited_sockets(llmspell):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        script = ('LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" kernel start --daemon --id test '
                  f"3<&{listener.fileno()}")
        done = subprocess.run(["bash", "-c", script, str(BINARY)], text=True, env=llmspell.env,
                              cwd=llmspell.cwd, capture_output=True, timeout=PATIENCE,
                              pass_fds=[listener.fileno()])
    assert done.returncode == 1 and "Type=notify" in done.stderr, done
    assert not (llmspell.home / "run" / "test.pid").exists()


# ---- threads and crashes ----

def threads(pid):
    """{name: tid}"""
    return {(task / "comm").read_text().strip(): int(task.name)
            for task in Path(f"/proc/{pid}/task").iterdir()}


def signal_thread(pid, tid, number):
    """kill() would let the system choose the thread."""
    assert ctypes.CDLL(None).tgkill(pid, tid, number) == 0


def test_threads_have_names(llmspell):
    pid = llmspell.start()["pid"]
    exec_lua(llmspell, "print(1)")
    llmspell.json("--kernel", "test", "tool", "invoke", "uuid_generator")
    assert {"executor", "tools-1"} <= threads(pid).keys()


@pytest.mark.skipif("LLMSPELL_SANITIZER" in os.environ, reason="a sanitizer's own report says more")
@pytest.mark.parametrize("name", ["SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS",
                                  "SIGTRAP"])
def test_crash_report_in_the_log(llmspell, ended, name):
    pid = llmspell.start()["pid"]
    watch = ended(pid)
    signal_thread(pid, pid, getattr(signal, name))
    assert watch.wait()
    assert re.search(rf"^llmspell crashed: {name} \(sent by process {os.getpid()}, code -6\) in "
                     rf"thread main \({pid}\) of kernel test, version \S+, build id [0-9a-f]{{40}}, "
                     rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n#0 0x", llmspell.log(), re.M)
    assert re.search(r"^#\d+ 0x[0-9a-f]+ \S+/llmspell\+0x[0-9a-f]+$", llmspell.log(), re.M)
    assert llmspell.start()["pid"] != pid and exec_lua(llmspell, "6 * 7") == "42"


@pytest.mark.skipif("LLMSPELL_SANITIZER" in os.environ, reason="a sanitizer's own report says more")
def test_crash_report_of_the_executor(llmspell):
    """In the foreground: to stderr, with the thread's name, and the status says the signal."""
    process, said = start_foreground(llmspell)
    assert exec_lua(llmspell, "1", "fore") == "1"
    tid = threads(process.pid)["executor"]
    signal_thread(process.pid, tid, signal.SIGSEGV)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGSEGV
    assert f" in thread executor ({tid}) of kernel fore, " in err and err.count("crashed:") == 1
