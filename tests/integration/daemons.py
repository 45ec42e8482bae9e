# SPDX-License-Identifier: Apache-2.0
"""What the tests of the daemon's robustness share: looks from outside at processes and files."""
import json
import os
import re
import signal
import stat
import subprocess
from pathlib import Path

from conftest import BINARY
from jupyter_session import wait_until
from plugins import maker
from plugins.maker import define

SAME = ("ip", "transport", "key", "shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")


# ---- processes ----

def proc(pid, name):
    return Path(f"/proc/{pid}/{name}").read_text()


def fds(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def thread_names(pid):
    return sorted(p.read_text().strip() for p in Path(f"/proc/{pid}/task").glob("*/comm"))


def children(pid):
    """Zombies, too."""
    return "".join(p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/children")).split()


def rss_kb(pid):
    return int(re.search(r"^VmRSS:\s+(\d+) kB", proc(pid, "status"), re.M)[1])


def state_letter(pid):
    return proc(pid, "stat").rpartition(")")[2].split()[0]


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def handled_signals(llmspell, pid):
    """Returns once the kernel has acted on every signal sent so far: libuv keeps their order."""
    before = llmspell.log().count("SIGUSR2")
    os.kill(pid, signal.SIGUSR2)
    wait_until(lambda: llmspell.log().count("SIGUSR2") > before, "SIGUSR2 in the log")


class Foreground:
    """A kernel in the foreground: its exit status is ours to see, its log is .stderr."""

    def __init__(self, llmspell, *args, id="fore", env=None):
        self.log = llmspell.cwd.parent / f"{id}.stderr"
        with self.log.open("w") as stderr:
            self.process = subprocess.Popen(
                [str(BINARY), "--output", "json", "--set", "log.level=info",
                 "kernel", "start", *(["--id", id] if id else []), *map(str, args)],
                text=True, env={**llmspell.env, **(env or {})}, cwd=llmspell.cwd,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
        line = self.process.stdout.readline()
        assert line, self.log.read_text()
        self.started = json.loads(line)
        self.pid, self.connection_file = self.process.pid, Path(self.started["connection_file"])

    def said(self, text):
        return text in self.log.read_text()

    def wait_said(self, text):
        wait_until(lambda: self.said(text), f"{text!r} in the log")

    def end(self, timeout):
        """The exit status; minus the signal's number if a signal ended it."""
        self.process.stdout.read()
        return self.process.wait(timeout)


# ---- files ----

def state_file(llmspell, id="test"):
    return llmspell.home / "state" / id / "kernel_state.json"


def state_of(llmspell, id="test"):
    return json.loads(state_file(llmspell, id).read_text())


def connection_of(llmspell, id="test"):
    return json.loads((llmspell.home / "kernels" / f"{id}.json").read_text())


def files_below(folder):
    """But for the history, which stays."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if not p.is_dir() and p.parent.name != "history")


# ---- the rest ----

def exec_lua(llmspell, code, id="test"):
    done = llmspell.run("--kernel", id, "exec", code)
    assert done.status == 0, done
    return done.out.rstrip("\n")


class Deaf:
    """The tool `deaf`, which no cancellation ends: plugins/deaf.c."""

    INLINE = "--set", "tools.isolation=inline"  # in a process of its own it would be killed

    def __init__(self, folder):
        self.folder, self.begun, self.release = folder / "deaf", folder / "begun", folder / "release"
        maker.make(self.folder / "deaf.so", sources=("deaf.c",),
                   text=maker.manifest("deaf", examples=[{"title": "Wait", "params": {}}]),
                   defines=[define("BEGUN", self.begun), define("RELEASE", self.release)])

    def wait_begun(self):
        wait_until(self.begun.exists, "the deaf tool began")
