# SPDX-License-Identifier: Apache-2.0
"""The figures of the daemon, beside a minimal one (daemon_floor.c) in turns. Like figures.py: each
function returns rows for the table. Goals are those of docs/performance.md."""
import json
import signal
import time

import processes
from figures import ENDLESS, Row, at_most, check, compare, percentile, scaled, turns
from processes import Failed, FloorDaemon, OurDaemon

PAIR = (FloorDaemon, OurDaemon)


def compare_ms(name, ours, floor, limit, note=""):
    return Row(name, "ms", ours, floor, [a / b for a, b in zip(ours, floor)], [at_most(limit)], note)


def p99(values):
    return f"p99 {percentile(values, 0.99):.2f}"


# ---- start and end ----

def once(bench, kind):
    """Milliseconds of a start and of an end; in between, a client that connects at once is heard."""
    daemon = bench.daemon(kind)
    if kind is OurDaemon:
        bench.client("turns", "kernel_info_request", 1, daemon.file, bench.content({}))
    ended = daemon.end()
    if kind is OurDaemon and daemon.file.exists():
        raise Failed("daemon: the connection file is left behind")
    return daemon.start_ms, ended


def daemon(bench):
    starts, ends = ([], []), ([], [])
    for turn in range(bench.count(30, 6) + 1):
        for i, kind in enumerate(PAIR):
            start, end = once(bench, kind)
            if turn > 0:  # the first one reads the disk
                starts[i].append(start)
                ends[i].append(end)
    return [compare_ms("daemon start to ready", starts[1], starts[0], 25, p99(starts[1])),
            compare_ms("SIGTERM to exit, idle", ends[1], ends[0], 20, p99(ends[1]))]


# ---- signals ----

def signalled(bench, count, number, *files):
    """From the signal to its trace: daemons in turns, ten signals at a time."""
    times = [[] for _ in PAIR]
    daemons = [bench.daemon(kind) for kind in PAIR]
    for _ in range(count // 10):
        for i, one in enumerate(daemons):
            what, *text = files
            result = bench.client("signal", 10, int(number), one.pid, getattr(one, what), *text)
            times[i] += scaled(result, 1e-6)
    return times


def signals(bench):
    count = bench.count(200, 50)
    floor, dump = signalled(bench, count, signal.SIGUSR2, "dump")
    rows = [compare_ms("SIGUSR2 to the state dump in place", dump, floor, 2, p99(dump))]
    floor, reload = signalled(bench, count, signal.SIGUSR1, "log", "reload: ")
    rows.append(compare_ms("SIGUSR1 to reloaded (log)", reload, floor, 2, p99(reload)))
    kernel = bench.daemon(OurDaemon)
    result = bench.client("interrupt", "-t", 2000, "-s", kernel.pid, count, kernel.file,
                          bench.code(ENDLESS["loop"]))
    check([result], "SIGINT")
    times = scaled(result["reply"], 1e-6)
    return rows + [Row("SIGINT to KeyboardInterrupt", "ms", times, goals=[at_most(2)],
                       note=p99(times))]


# ---- the PID file ----

def pidfile(bench):
    program = bench.build / "tests" / "bench_pidfile"
    if not program.exists():
        raise Failed(f"{program} is not built: LLMSPELL_TESTS is off")
    times = json.loads(processes.run([program, bench.folder, bench.count(5000, 1000)]))
    return [compare(f"PID check, {what}", "us", times[f"{key}_ours"], times[f"{key}_floor"], 1e-3,
                    [at_most(200)])
            for key, what in (("held", "held"), ("stale", "stale"), ("absent", "no file"))]


# ---- the log ----

def log(bench):
    program = bench.build / "tests" / "bench_log"
    if not program.exists():
        processes.complain("bench: bench_log is not built: the log is skipped")
        return []
    report = json.loads(processes.run([program, bench.folder]))

    def row(name, unit, of, key, factor, limit, note=""):
        return Row(name, unit, [report[of][key] * factor], goals=[at_most(limit)], note=note)

    return [row("log line, 1 thread, mean", "us", "threads_1", "ns_per_line", 1e-3, 2),
            row("log line, 4 threads", "us", "threads_4", "p50_ns", 1e-3, 2,
                f"p99 {report['threads_4']['p99_ns'] / 1e3:.1f}"),
            row("log line p99 while 10 MB rotate", "us", "rotating", "p99_ns", 1e-3, 1000),
            row("log line p99 while 10 MB are packed", "us", "compressing", "p99_ns", 1e-3, 1000),
            row("rotation of 10 MB", "ms", "rotation", "p50_ns", 1e-6, 5,
                f"most {report['rotation']['max_ns'] / 1e6:.1f}")]


# ---- at rest ----

def daemon_rest(bench):
    """Waits a fixed time, like idle: nothing must happen in it, also after a client was there."""
    pair = [bench.daemon(kind) for kind in PAIR]
    turns(bench, pair[1:], "execute_request", 1, [bench.code("x=1")])
    seconds = bench.count(5, 2)
    time.sleep(0.3)
    before = [(processes.wakeups(d.pid), processes.cpu_ns(d.pid)) for d in pair]
    time.sleep(seconds)
    after = [(processes.wakeups(d.pid), processes.cpu_ns(d.pid)) for d in pair]
    rates = [((b[0] - a[0]) / seconds, (b[1] - a[1]) / 1e6 / seconds)
             for a, b in zip(before, after)]
    rss = [processes.rss_mb(d.pid) for d in pair]
    pss = [processes.pss_mb(d.pid) for d in pair]
    return [Row("idle daemon: wake-ups", "/s", [rates[1][0]], [rates[0][0]], goals=[at_most(0)],
                note=f"{processes.threads(pair[1].pid)} threads, {seconds} s"),
            Row("idle daemon: CPU", "ms/s", [rates[1][1]], [rates[0][1]], goals=[at_most(0)]),
            Row("idle daemon: resident memory", "MB", [rss[1]], [rss[0]], goals=[at_most(12)],
                note=f"PSS {pss[1]:.1f}")]


# ---- tools over HTTP ----

def http(bench):
    """A calculator call over connections that stay: one at a time, then eight at once."""
    program = processes.compile_program(bench.folder / "http", [processes.HERE / "http.c"], [])
    kernel = bench.ours("--set", "kernel.protocol=jupyter,http")
    files = [json.loads(file.read_text()) for file in (bench.home / "kernels").glob("*.json")]
    found = next(file for file in files if file["pid"] == kernel.pid)["protocols"]["http"]
    count, rows = bench.count(20000, 4000), []
    for connections in (1, 8):
        rates, times = [], []
        for turn in range(4):
            result = json.loads(processes.run(
                [program, found["port"], found["token"], "/tools/calculator/invoke",
                 json.dumps({"input": "6*7"}), connections, count]))
            check([result], "http")
            if turn > 0:
                rates.append(count / result["seconds"])
                times += scaled(result["ns"], 1e-3)
        rows.append(Row(f"calculator over HTTP, {connections} connection{'s' * (connections > 1)}", "/s",
                        rates, note=f"p50 {percentile(times, 0.5):.0f} us, {p99(times)} us"))
    return rows


# ---- a peer ----

def ipykernel_start(bench):
    if not processes.is_ipykernel_there():
        processes.complain("bench: ipykernel is not installed (python3-ipykernel): skipped")
        return []
    times = []
    for turn in range(bench.count(5, 2) + 1):
        file = bench.connection()
        result = bench.client("spawn", file, "/usr/bin/python3", "-m", "ipykernel_launcher", "-f",
                              file)
        if turn > 0:
            times.append(result["ns"] / 1e6)
    return [Row("ipykernel: spawn to first reply", "ms", times)]


FIGURES = {f.__name__: f for f in (daemon, signals, pidfile, log, daemon_rest, http, ipykernel_start)}
