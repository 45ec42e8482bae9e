# SPDX-License-Identifier: Apache-2.0
"""What the integration tests share: the binary, a home of its own for each test, kernels."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("LLMSPELL_BUILD", ROOT / "build"))
BINARY = BUILD / "bin" / "llmspell"
SLOW = 5 if os.environ.get("LLMSPELL_SANITIZER") else 1  # sanitizers stretch time


def why_nobody_else():
    """Why a test cannot run the binary as another user; None: it can."""
    if os.geteuid() != 0:
        return "only root can become another user"
    closed = [str(folder) for folder in BINARY.resolve().parents
              if not folder.stat().st_mode & 0o001]
    return f"other users may not enter {closed[-1]}, below which the build lies" if closed else None


class Result:
    def __init__(self, done):
        self.status, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"


class Llmspell:
    """Runs the real binary with a home and a working directory of its own."""

    def __init__(self, folder):
        self.home = folder / "home"
        self.cwd = folder / "work"
        self.home.mkdir()
        self.cwd.mkdir()
        self.env = dict(os.environ, LLMSPELL_HOME=str(self.home), HOME=str(folder),
                        JUPYTER_DATA_DIR=str(folder / "jupyter"),
                        JUPYTER_CONFIG_DIR=str(folder / "jupyter-config"),
                        IPYTHONDIR=str(folder / "ipython"), TERM="dumb")
        self.env.pop("LLMSPELL_KERNEL", None)

    def run(self, *args, input=None, timeout=60, env=None, cwd=None, binary=BINARY):
        done = subprocess.run([str(binary), *map(str, args)], input=input, text=True,
                              capture_output=True, timeout=timeout * SLOW,
                              env={**self.env, **(env or {})}, cwd=cwd or self.cwd)
        result = Result(done)
        assert done.returncode not in (66, 99) and done.returncode >= 0, result  # sanitizer, signal
        return result

    def json(self, *args, **kwargs):
        return self.run(*args, "--output", "json", **kwargs).json

    def popen(self, *args, **kwargs):
        return subprocess.Popen([str(BINARY), *map(str, args)], text=True, env=self.env,
                                cwd=self.cwd, **kwargs)

    def start(self, *args, id="test"):
        """Starts a daemon; returns what it said."""
        result = self.run("--output", "json", "kernel", "start", "--daemon", "--id", id, *args)
        assert result.status == 0, result
        return result.json

    def log(self, id="test"):
        path = self.home / "logs" / f"{id}.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def tmp_path(tmp_path_factory):
    """pytest's own looks through the folders of all tests for each, and keeps them."""
    path = Path(tempfile.mkdtemp(prefix="test-", dir=tmp_path_factory.getbasetemp()))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(autouse=True)
def deadline():
    """A test that hangs fails, and the others still run."""
    def late(number, frame):
        raise TimeoutError("the test did not end in time")
    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(120 * SLOW)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def llmspell(tmp_path):
    """Stops what the test has started. A daemon's stderr is /dev/null: what a sanitizer finds goes
    to files, which must not be there at the end."""
    one = Llmspell(tmp_path)
    reports = tmp_path / "sanitizer"
    reports.mkdir()
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if os.environ.get("LLMSPELL_SANITIZER"):
            one.env[name] = f"{one.env.get(name, '')}:log_path={reports}/{name[:4]}".lstrip(":")
    yield one
    if list((one.home / "run").glob("*.pid")):
        if one.run("kernel", "stop", "--all", "--timeout", "20").status != 0:
            one.run("kernel", "stop", "--all", "--force")
    found = "".join(path.read_text(errors="replace") for path in reports.iterdir())
    assert not found, found


@pytest.fixture
def kernel(llmspell):
    """A running daemon: .started is its report, .connection its connection file's content."""
    llmspell.started = llmspell.start()
    llmspell.connection = json.loads(Path(llmspell.started["connection_file"]).read_text())
    return llmspell
