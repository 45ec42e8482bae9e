# SPDX-License-Identifier: Apache-2.0
"""What the figures stand on: the two C programs, kernels as processes, numbers out of /proc."""
import json
import math
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PORTS = ["shell_port", "control_port", "stdin_port", "iopub_port", "hb_port"]
WARNINGS = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra"]


class Failed(Exception):
    """A figure could not be measured; the text says why."""


class Late(Failed):
    """The client waited for a message in vain."""


def run(command, env=None, timeout=120):
    done = subprocess.run([str(part) for part in command], text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env, timeout=timeout)
    if done.returncode != 0:
        kind = Late if done.returncode == 3 else Failed
        raise kind(f"{Path(str(command[0])).name} {command[1]} ended with {done.returncode}: "
                   f"{done.stderr.strip()[-300:]}")
    return done.stdout


def compile_program(target, sources, libraries, extra=()):
    flags = run(["pkg-config", "--cflags", "--libs", *libraries]).split() if libraries else []
    run(["cc", "-O2", *WARNINGS, "-o", target, *sources, *extra, *flags])
    return target


def find_program(name):
    return shutil.which(name)


def is_ipykernel_there():
    return subprocess.run(["/usr/bin/python3", "-c", "import ipykernel"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


class Bench:
    """A folder of its own with the programs, a home for llmspell, contents of requests."""

    def __init__(self, folder, build, quick):
        self.folder = Path(folder)
        self.build = Path(build).resolve()
        self.quick = quick
        self.binary = self.build / "bin" / "llmspell"
        self.home = self.folder / "home"
        self.home.mkdir()
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("LLMSPELL_")}
        self.env.update(LLMSPELL_HOME=str(self.home), HOME=str(self.folder), TERM="dumb",
                        IPYTHONDIR=str(self.folder / "ipython"))
        self.client_path = compile_program(
            self.folder / "client", [HERE / f"{n}.c" for n in ("client", "spawn", "signals", "session")],
            ["libzmq", "libcrypto"])
        self.floor_path = compile_program(self.folder / "floor", [HERE / "floor.c"],
                                          ["libzmq", "libcrypto"])
        self.kernels = []
        self.daemons = []
        self.made = 0

    def count(self, full, quick):
        return quick if self.quick else full

    def client(self, *args, timeout=120):
        return json.loads(run([self.client_path, *args], env=self.env, timeout=timeout))

    def content(self, value):
        """A file with this JSON: what a request carries."""
        self.made += 1
        path = self.folder / f"content-{self.made}.json"
        path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        return path

    def code(self, text):
        return self.content({"code": text, "silent": False, "store_history": True,
                             "user_expressions": {}, "allow_stdin": False, "stop_on_error": True})

    def connection(self):
        """A connection file with five ports that are free at this moment."""
        sockets = [socket.socket() for _ in PORTS]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        values = dict(zip(PORTS, (one.getsockname()[1] for one in sockets)))
        for one in sockets:
            one.close()
        values.update(transport="tcp", ip="127.0.0.1", key=secrets.token_hex(24),
                      signature_scheme="hmac-sha256", kernel_name="bench")
        self.made += 1
        path = self.folder / f"connection-{self.made}.json"
        path.write_text(json.dumps(values))
        return path

    def floor_command(self, file):
        return [str(self.floor_path), "-f", str(file)]

    def ours_command(self, file):
        return [str(self.binary), "--log-level", "error", "kernel", "start", "-f", str(file)]

    def start(self, make_command):
        kernel = Kernel(self, make_command)
        self.kernels.append(kernel)
        self.client("turns", "kernel_info_request", 1, kernel.file, self.content({}), timeout=60)
        return kernel

    def floor(self):
        return self.start(self.floor_command)

    def ours(self, *settings):
        return self.start(lambda file: [*self.ours_command(file), *settings])

    def ipykernel(self):
        return self.start(lambda file: ["/usr/bin/python3", "-m", "ipykernel_launcher", "-f",
                                        str(file)])

    def daemon(self, kind):
        daemon = kind(self)
        self.daemons.append(daemon)
        return daemon

    def stop_kernels(self):
        while self.kernels:
            self.kernels.pop().stop()
        while self.daemons:
            self.daemons[-1].end()


class Kernel:
    """A kernel in the foreground, reached through its connection file."""

    def __init__(self, bench, make_command):
        self.file = bench.connection()
        self.process = subprocess.Popen(make_command(self.file), env=bench.env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=bench.folder)
        self.pid = self.process.pid

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


class Daemon:
    """A process that detached itself. start_ms: from spawn to the end of the starting command."""

    def __init__(self, bench, command, pidfile):
        self.bench = bench
        self.start_ms = bench.client("commands", 1, *command)[0][0] / 1e6
        self.pid = int(pidfile.read_text().split()[0])

    def end(self):
        """Milliseconds from SIGTERM to exit."""
        self.bench.daemons.remove(self)
        return end_and_time(self.pid)


class OurDaemon(Daemon):
    def __init__(self, bench):
        bench.made += 1
        name = f"bench{bench.made}"
        self.file = bench.home / "kernels" / f"{name}.json"
        self.dump = bench.home / "dump" / f"{name}.json"
        self.log = bench.home / "logs" / f"{name}.log"
        super().__init__(bench, [bench.binary, "kernel", "start", "--daemon", "--id", name],
                         bench.home / "run" / f"{name}.pid")


class FloorDaemon(Daemon):
    """daemon_floor.c: leaves its traces under the same names."""

    def __init__(self, bench):
        bench.made += 1
        name = f"floor{bench.made}"
        program = bench.folder / "daemon_floor"
        if not program.exists():
            compile_program(program, [HERE / "daemon_floor.c"], [])
        self.dump, self.log = (bench.folder / f"{name}.{what}" for what in ("json", "log"))
        super().__init__(bench, [program, bench.folder, name], bench.folder / f"{name}.pid")


# ---- /proc ----

def status_number(path, key):
    for line in Path(path).read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise Failed(f"{path} has no {key}")


def rss_mb(pid):
    return status_number(f"/proc/{pid}/status", "VmRSS") / 1024


def rested_rss_mb(pid):
    """Once it falls no more: what a process that was told to do nothing gives back, it has."""
    before, now = math.inf, rss_mb(pid)
    while now < before:
        time.sleep(0.2)
        before, now = now, rss_mb(pid)
    return now


def pss_mb(pid):
    return status_number(f"/proc/{pid}/smaps_rollup", "Pss") / 1024


def wakeups(pid):
    """Times that a thread of the process was switched away from, so was awake before."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += status_number(task / "status", "voluntary_ctxt_switches")
        total += status_number(task / "status", "nonvoluntary_ctxt_switches")
    return total


def threads(pid):
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def cpu_ns(pid):
    """CPU time of a whole process: clock_getcpuclockid(3)."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def end_and_time(pid, number=signal.SIGTERM, limit_s=10):
    """Sends a signal; milliseconds until the process, not our child, is gone."""
    import select
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        before = time.perf_counter_ns()
        signal.pidfd_send_signal(fd, number)
        if not poll.poll(limit_s * 1000):
            os.kill(pid, signal.SIGKILL)
            raise Failed(f"a daemon did not end within {limit_s} s after SIGTERM")
        return (time.perf_counter_ns() - before) / 1e6
    finally:
        os.close(fd)


# ---- five thousand plugins ----

MANIFEST = """{
  "manifest": 1, "kind": "tool", "name": "bench_00000", "version": "1.0.0",
  "abi": {"major": 1, "minor": 0}, "title": "Bench", "description": "Returns what it was given.",
  "category": "utility", "keywords": ["bench"], "license": "Apache-2.0", "capabilities": [],
  "annotations": {"readOnly": true, "destructive": false, "idempotent": true, "openWorld": false},
  "isolation": "inline",
  "parameters": {"type": "object", "properties": {"input": {"type": "string",
    "description": "Any text"}}, "required": ["input"], "additionalProperties": false},
  "result": {"type": "object"}
}
"""
SOURCE = """
#include <llmspell/tool.h>
static int32_t invoke(void *self, struct llmspell_call *call, const json_t *params, json_t **ret)
{
    (void)self;
    return llmspell_return(call, ret, json_deep_copy(params));
}
LLMSPELL_TOOL(.invoke = invoke)
"""


def build_one_plugin(folder):
    manifest, note, source = (folder / name for name in ("bench.json", "bench_note.S", "bench.c"))
    manifest.write_text(MANIFEST)
    source.write_text(SOURCE)
    template = (ROOT / "sdk" / "cmake" / "note.S.in").read_text()
    note.write_text(template.replace("@LLMSPELL_MANIFEST_PATH@", str(manifest)))
    return compile_program(folder / "bench.so", [source, note], ["jansson"],
                           ["-shared", "-fPIC", "-s", "-fvisibility=hidden",
                            f"-I{ROOT / 'sdk' / 'include'}", "-Wl,-z,noseparate-code"])


def make_plugins(folder, count):
    """count copies of one plugin, each with a name of its own, patched into its manifest."""
    folder.mkdir(mode=0o755)
    image = build_one_plugin(folder).read_bytes()
    for path in list(folder.iterdir()):
        path.unlink()
    for i in range(count):
        path = folder / f"bench_{i:05d}.so"
        path.write_bytes(image.replace(b"bench_00000", b"bench_%05d" % i))
        path.chmod(0o644)


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


def complain(text):
    print(text, file=sys.stderr)
