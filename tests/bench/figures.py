# SPDX-License-Identifier: Apache-2.0
"""The figures of the benchmark. Each function measures one, floor and ours in turns in one run, and
returns rows for the table (bench.py). Goals are those of docs/performance.md."""
import json
import math
import statistics
import time

import processes
from processes import Failed

MB = 1_000_000
ENDLESS = {
    "loop": "while true do end",
    "pcall": "while true do pcall(function() while true do end end) end",
    "coroutine": "local f = coroutine.wrap(function() while true do end end) f()",
    "string.find": 'string.find(string.rep("a", 60), string.rep("a?", 60) .. string.rep("a", 60) .. "b")',
    "string.gsub": 'string.gsub(string.rep("a", 60), string.rep("a*", 30) .. "b", "")',
    "string.rep": "while true do local s = string.rep('x', 1000000000) end",
    "table.insert": "local t = {} while true do table.insert(t, 1, 0) end",
    "table.sort": "table.sort({3, 1, 2}, function() while true do end end)",
    "finalizer": "setmetatable({}, {__gc = function() while true do end end}) "
                 "while true do collectgarbage() end",
    "os.execute": "os.execute('exec sleep 600')",
    "io.popen": "io.popen('exec sleep 600'):read()",
}


def percentile(values, part):
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]


class Row:
    """One line of the table. floor, ours, ratio: lists of samples, or empty."""

    def __init__(self, name, unit, ours, floor=(), ratio=(), goals=(), note=""):
        self.name, self.unit, self.note = name, unit, note
        self.ours, self.floor, self.ratio = list(ours), list(floor), list(ratio)
        self.goals = goals  # (what, sign, limit): what is ours, ratio, ours_p99 or ratio_p99

    def value(self, what):
        if what == "ours_p99":
            return percentile(self.ours, 0.99)
        if what == "ratio_p99":
            return percentile(self.ours, 0.99) / percentile(self.floor, 0.99)
        values = {"ours": self.ours, "ratio": self.ratio, "floor": self.floor}[what]
        return statistics.median(values) if values else None

    def is_good(self):
        if not self.goals:
            return None
        return all(self.value(what) <= limit if sign == "<=" else self.value(what) >= limit
                   for what, sign, limit in self.goals)

    def document(self):
        document = {"figure": self.name, "unit": self.unit, "note": self.note, "ok": self.is_good(),
                    "goals": [{"of": w, "sign": s, "limit": v} for w, s, v in self.goals]}
        for what in ("floor", "ours", "ratio"):
            values = [value for value in getattr(self, what) if math.isfinite(value)]
            if values:
                document[what] = {"median": statistics.median(values), "min": min(values),
                                  "max": max(values), "p99": percentile(values, 0.99),
                                  "samples": len(values)}
        return document


def at_most(limit, what="ours"):
    return (what, "<=", limit)


def pairs(ours, floor):
    return [a / b for a, b in zip(ours, floor)]


def scaled(values, factor):
    return [value * factor for value in values]


def compare(name, unit, ours_ns, floor_ns, factor, goals, note=""):
    return Row(name, unit, scaled(ours_ns, factor), scaled(floor_ns, factor),
               pairs(ours_ns, floor_ns), goals, note)


def check(results, what):
    for result in results:
        if result["bad"]:
            raise Failed(f"{what}: {result['bad']} replies did not say what they must")


# ---- spawn ----

def spawn(bench):
    times = {"floor": [], "ours": []}
    cpu = {"floor": [], "ours": []}
    for turn in range(bench.count(30, 8) + 1):
        for who, make in (("floor", bench.floor_command), ("ours", bench.ours_command)):
            file = bench.connection()
            result = bench.client("spawn", file, *make(file))
            if turn > 0:  # the first one reads the disk
                times[who].append(result["ns"])
                cpu[who].append(result["cpu_ns"])
    return [compare("spawn to first kernel_info_reply", "ms", times["ours"], times["floor"], 1e-6,
                    [at_most(1.5, "ratio")]),
            compare("CPU of the start", "ms", cpu["ours"], cpu["floor"], 1e-6, [])]


# ---- round trips ----

def turns(bench, kernels, msg_type, count, contents, *options):
    args = [part for kernel, content in zip(kernels, contents) for part in (kernel.file, content)]
    results = bench.client("turns", *options, msg_type, count, *args)
    check(results, msg_type)
    return results


def p99_note(ours, floor):
    return f"p99 {percentile(ours, 0.99) / 1e3:.0f} against {percentile(floor, 0.99) / 1e3:.0f}"


def kernel_info(bench):
    pair = [bench.floor(), bench.ours()]
    nothing = bench.content({})
    turns(bench, pair, "kernel_info_request", 200, [nothing] * 2)
    floor, ours = turns(bench, pair, "kernel_info_request", bench.count(4000, 800), [nothing] * 2)
    return [compare("kernel_info round trip", "us", ours["reply"], floor["reply"], 1e-3,
                    [at_most(1.15, "ratio")], p99_note(ours["reply"], floor["reply"]))]


def execute(bench):
    pair = [bench.floor(), bench.ours()]
    code = bench.code("x=1")
    turns(bench, pair, "execute_request", 200, [code] * 2)
    floor, ours = turns(bench, pair, "execute_request", bench.count(4000, 800), [code] * 2)
    return [compare("execute x=1, reply and idle", "us", ours["done"], floor["done"], 1e-3,
                    [at_most(1.25, "ratio")], p99_note(ours["done"], floor["done"]))]


# ---- throughput ----

def pipeline(bench, kernel, msg_type, count, content, *options):
    result = bench.client("pipeline", *options, msg_type, count, 64, kernel.file, content,
                          kernel.pid)
    check([result], msg_type)
    return result


def pipelined(bench):
    pair = [bench.floor(), bench.ours()]
    code = bench.code("x=1")
    count = bench.count(10000, 4000)
    cpu, rate = ([], []), ([], [])
    for turn in range(bench.count(15, 5) + 1):
        for i, kernel in enumerate(pair):
            result = pipeline(bench, kernel, "execute_request", count, code)
            if turn > 0:
                cpu[i].append(result["cpu_ns"] / count / 1e3)
                rate[i].append(count / result["ns"] * 1e9)
    return [Row("CPU per pipelined execute", "us", cpu[1], cpu[0], pairs(cpu[1], cpu[0]),
                [at_most(2, "ratio"), at_most(30)]),
            Row("pipelined executes (window 64)", "/s", rate[1], rate[0], pairs(rate[1], rate[0]),
                [("ours", ">=", 30000)])]


def tool_requests(bench):
    kernel = bench.ours()
    call = bench.content({"command": "invoke", "name": "calculator",
                          "params": {"input": "2*x+1", "variables": {"x": 5}}})
    count = bench.count(20000, 5000)
    results = [pipeline(bench, kernel, "tool_request", count, call, "-c")
               for _ in range(bench.count(6, 3) + 1)][1:]
    return [Row("tool requests (calculator, window 64)", "/s",
                [count / r["ns"] * 1e9 for r in results], goals=[("ours", ">=", 20000)]),
            Row("CPU per tool request", "us", [r["cpu_ns"] / count / 1e3 for r in results])]


def per_call(bench, kernel, tool, calls=500):
    """Microseconds of one call of a tool by a script."""
    code = bench.code(f'for i = 1, {calls} do {tool} end')
    turns(bench, [kernel], "execute_request", 3, [code])
    result, = turns(bench, [kernel], "execute_request", bench.count(40, 10), [code])
    return scaled(result["done"], 1e-3 / calls)


def isolation(bench):
    """The same tool in the kernel's process and in one of its own, called by a script."""
    call = 'Tool.calculator{input = "1"}'
    inline = per_call(bench, bench.ours(), call)
    process = per_call(bench, bench.ours("--set", "tools.isolation=process"), call)
    invoke = ["tool", "invoke", "calculator", "input=1"]
    warm, cold = (scaled(times, 1e-6) for times in bench.client(
        "commands", bench.count(40, 10), bench.binary, *invoke, "--",
        bench.binary, "--set", "tools.isolation=process", *invoke))
    return [Row("tool call from Lua, inline, with validation", "us", inline),
            Row("the same in a warm runner, beyond inline", "us",
                [b - a for a, b in zip(inline, process)], goals=[at_most(25)]),
            Row("first call of a cold runner, beyond inline", "ms",
                [b - a for a, b in zip(warm, cold)], goals=[at_most(10)])]


# ---- much text ----

def printed(bench, kernel, code, lines):
    out = bench.folder / "events"
    result = bench.client("record", kernel.file, code, kernel.pid, out)
    check([result], "print")
    texts = [event["text"] for event in map(json.loads, out.read_text().splitlines())
             if event.get("name") == "stdout"]
    expected = "".join(f"{i}\t{'x' * 43}\n" for i in range(1, lines + 1))
    if "".join(texts) != expected:
        raise Failed(f"print: {len(''.join(texts))} characters came, not the {len(expected)} in "
                     "order that were printed")
    result.update(bytes=len(expected), messages=len(texts))
    return result


def printing_code(bench, lines):
    return bench.code(f'local filler = string.rep("x", 43)\n'
                      f"for i = 1, {lines} do print(i, filler) end")


def print_lines(bench):
    pair = [bench.floor(), bench.ours()]
    lines = 100_000
    codes = [bench.code(f"print {lines}"), printing_code(bench, lines)]
    rate, messages, cpu = ([], []), ([], []), ([], [])
    for turn in range(bench.count(8, 3) + 1):
        for i, kernel in enumerate(pair):
            result = printed(bench, kernel, codes[i], lines)
            if turn > 0:
                rate[i].append(result["bytes"] / result["ns"] * 1e3)
                messages[i].append(result["messages"])
                cpu[i].append(result["cpu_ns"] / 1e6)
    return [Row("print of 100,000 lines", "MB/s", rate[1], rate[0], pairs(rate[1], rate[0]),
                [("ours", ">=", 150)], "all lines, in order"),
            Row("stream messages for them", "", messages[1], messages[0], goals=[at_most(299)]),
            Row("kernel CPU for them", "ms", cpu[1], cpu[0], pairs(cpu[1], cpu[0]))]


def prepare_result(bench, kernel):
    """The megabyte exists before its way to the client is measured."""
    code = bench.code(f'big = string.rep("x", {MB})')
    turns(bench, [kernel], "execute_request", 1, [code])
    return bench.code("big")


def check_result(bench, kernel, code):
    out = bench.folder / "events"
    check([bench.client("record", kernel.file, code, kernel.pid, out)], "result")
    texts = [event["data"]["text/plain"] for event in map(json.loads, out.read_text().splitlines())
             if "data" in event]
    if len(texts) != 1 or texts[0].count("x") != MB:
        raise Failed("result: the megabyte did not come back whole")


def large(bench):
    pair = [bench.floor(), bench.ours()]
    count = bench.count(40, 10)
    codes = [bench.code(f"result {MB}"), prepare_result(bench, pair[1])]
    for kernel, code in zip(pair, codes):
        check_result(bench, kernel, code)
    floor, ours = turns(bench, pair, "execute_request", count, codes)
    rows = [compare("1 MB result", "ms", ours["done"], floor["done"], 1e-6,
                    [at_most(1.7, "ratio")])]
    line = "-- " + "x" * 96 + "\n"
    code = bench.code(line * (MB // len(line)) + "x=1")
    floor, ours = turns(bench, pair, "execute_request", count, [code] * 2)
    return rows + [compare("1 MB of code", "ms", ours["done"], floor["done"], 1e-6,
                           [at_most(1.7, "ratio")])]


# ---- busy ----

def interrupt(bench):
    rows = []
    for name, code in ENDLESS.items():
        kernel = bench.ours()
        times, note = [math.inf], "is not stopped"
        try:
            result = bench.client("interrupt", "-t", 2000, bench.count(300, 50), kernel.file,
                                  bench.code(code))
            check([result], f"interrupt of {name}")
            times = scaled(result["reply"], 1e-6)
            note = f"p99 {percentile(times, 0.99):.2f}"
        except processes.Late:
            kernel.kill()
        rows.append(Row(f"interrupt: {name}", "ms", times,
                        goals=[at_most(1), at_most(2, "ours_p99")], note=note))
    return rows


def control_busy(bench):
    pair = [bench.floor(), bench.ours()]
    nothing = bench.content({})
    busy = bench.code(ENDLESS["loop"])
    floor, ours = turns(bench, pair, "kernel_info_request", bench.count(3000, 600), [nothing] * 2,
                        "-c", "-b", busy)
    return [compare("control while busy", "us", ours["reply"], floor["reply"], 1e-3,
                    [at_most(2, "ratio_p99")],
                    p99_note(ours["reply"], floor["reply"]) + "; the floor is idle")]


# ---- at rest ----

def idle(bench):
    """The one measurement that waits a fixed time: nothing must happen in it."""
    pair = [bench.floor(), bench.ours()]
    seconds = bench.count(3, 1)
    time.sleep(0.3)
    before = [(processes.wakeups(k.pid), processes.cpu_ns(k.pid)) for k in pair]
    time.sleep(seconds)
    after = [(processes.wakeups(k.pid), processes.cpu_ns(k.pid)) for k in pair]
    rates = [((b[0] - a[0]) / seconds, (b[1] - a[1]) / 1e6 / seconds)
             for a, b in zip(before, after)]
    return [Row("idle wake-ups", "/s", [rates[1][0]], [rates[0][0]], goals=[at_most(0)]),
            Row("idle CPU", "ms/s", [rates[1][1]], [rates[0][1]], goals=[at_most(0)])]


def put_load(bench, kernel, printing, result):
    pipeline(bench, kernel, "execute_request", bench.count(20000, 4000), bench.code("x=1"))
    printed(bench, kernel, printing, 100_000)
    check_result(bench, kernel, result)
    check([bench.client("record", kernel.file, bench.code("--" + "x" * MB + "\nx=1"), kernel.pid,
                        bench.folder / "events")], "1 MB of code")
    pipeline(bench, kernel, "execute_request", 1, bench.code("big = nil collectgarbage()"))


def memory(bench):
    pair = [bench.floor(), bench.ours()]
    start = [processes.rested_rss_mb(k.pid) for k in pair]
    counts = [processes.threads(k.pid) for k in pair]
    put_load(bench, pair[0], bench.code("print 100000"), bench.code(f"result {MB}"))
    put_load(bench, pair[1], printing_code(bench, 100_000),
             prepare_result(bench, pair[1]))
    growth = [processes.rested_rss_mb(k.pid) - before for k, before in zip(pair, start)]
    return [Row("resident memory at start", "MB", [start[1]], [start[0]], goals=[at_most(12)],
                note=f"{counts[1]} threads against {counts[0]}"),
            Row("its growth under load", "MB", [growth[1]], [growth[0]], goals=[at_most(4)])]


# ---- commands ----

def commands(bench):
    none = "/bin/true"
    count = bench.count(40, 10)
    invoke = [bench.binary, "tool", "invoke", "calculator", "input=2*21"]
    true, listing, call = (scaled(times, 1e-6) for times in bench.client(
        "commands", count, none, "--", bench.binary, "tool", "list", "--", *invoke))
    limit = 1.5 * statistics.median(true) + 5
    return [Row("tool list, whole process", "ms", listing, true, pairs(listing, true),
                [at_most(round(limit, 2))], "the floor is /bin/true; goal 1.5 x it + 5 ms"),
            Row("tool invoke calculator, whole process", "ms", call, true, pairs(call, true),
                [at_most(10)], "the floor is /bin/true")]


def scan(bench):
    count = 5000
    folder = bench.folder / "plugins"
    processes.make_plugins(folder, count)
    try:
        listing = processes.run([bench.binary, "--plugin-dir", folder, "--output", "json",
                                 "plugin", "list"], env=bench.env)
        good = listing.count('"bench_')
        if good < count:
            raise Failed(f"scan: only {good} of {count} plugins are listed")
        invoke = ["tool", "invoke", "calculator", "input=2*21"]
        without, together = (scaled(times, 1e-6) for times in bench.client(
            "commands", bench.count(20, 6), bench.binary, *invoke, "--", bench.binary,
            "--plugin-dir", folder, *invoke))
    finally:
        processes.remove(folder)
    return [Row(f"scan of {count} plugins", "ms", [b - a for a, b in zip(without, together)],
                goals=[at_most(60)], note="tool invoke with them minus without them")]


# ---- a peer ----

def ipykernel(bench):
    if not processes.is_ipykernel_there():
        processes.complain("bench: ipykernel is not installed (python3-ipykernel): skipped")
        return []
    pair = [bench.floor(), bench.ipykernel()]
    nothing, code = bench.content({}), bench.code("x=1")
    count = bench.count(300, 60)
    turns(bench, pair, "execute_request", 20, [code] * 2)
    floor, peer = turns(bench, pair, "kernel_info_request", count, [nothing] * 2)
    rows = [compare("ipykernel: kernel_info round trip", "us", peer["reply"], floor["reply"], 1e-3,
                    [])]
    floor, peer = turns(bench, pair, "execute_request", count, [code] * 2)
    rows.append(compare("ipykernel: execute x=1", "us", peer["done"], floor["done"], 1e-3, []))
    many = bench.count(1000, 200)
    result = pipeline(bench, pair[1], "execute_request", many, code)
    return rows + [Row("ipykernel: CPU per pipelined execute", "us",
                       [result["cpu_ns"] / many / 1e3]),
                   Row("ipykernel: pipelined executes", "/s", [many / result["ns"] * 1e9])]


FIGURES = {f.__name__: f for f in (spawn, kernel_info, execute, pipelined, print_lines, large,
                                   interrupt, control_busy, idle, memory, commands, scan,
                                   tool_requests, isolation, ipykernel)}
