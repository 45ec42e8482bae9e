# SPDX-License-Identifier: Apache-2.0
"""What the debugger costs: code that runs with it, beside the same code without, in turns; stops
and steps. Goals are those of docs/performance.md."""
import json
import os
import subprocess
import time

from figures import Row, at_most, pairs, percentile
from processes import Failed

# Line 2 is never reached. Each writes the CPU time it took.
ELSEWHERE = "local function never()\n  return 1\nend\nlocal began = os.clock()\n"
TOOK = "\nprint(os.clock() - began)\n"
LOOP = ELSEWHERE + "local n = 0 for i = 1, {count} do n = n + i % 7 end" + TOOK
CALLS = ELSEWHERE + "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end fib({count})" + TOOK
LINES = "local n = 0\nfor i = 1, 1000000 do\n  n = n + 1\n  n = n + 2\nend\n"


class Debugger:
    """llmspell debug --stdio, and as much of DAP as a stop needs."""

    def __init__(self, bench):
        self.process = subprocess.Popen([bench.binary, "debug", "--stdio"], env=bench.env, bufsize=0,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.buffer, self.seq, self.output = b"", 0, ""
        self.ask("initialize", {"adapterID": "bench"})

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def send(self, command, arguments):
        self.seq += 1
        body = json.dumps({"seq": self.seq, "type": "request", "command": command, "arguments": arguments})
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body.encode()))

    def receive(self):
        while True:
            header, found, rest = self.buffer.partition(b"\r\n\r\n")
            length = int(header.rsplit(b" ", 1)[1]) if found else 0
            if found and len(rest) >= length:
                self.buffer = rest[length:]
                message = json.loads(rest[:length])
                if message.get("event") == "output":
                    self.output += message["body"]["output"]
                return message
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise Failed("debugger: llmspell debug has ended")
            self.buffer += data

    def until(self, event):
        while self.receive().get("event") != event:
            pass

    def ask(self, command, arguments):
        self.send(command, arguments)
        while (message := self.receive())["type"] != "response":
            pass
        if not message["success"]:
            raise Failed(f"debugger: {message['message']}")
        return message.get("body")

    def launch(self, program, lines=(), **more):
        self.ask("launch", {"program": str(program), **more})
        self.ask("setBreakpoints", {"source": {"path": str(program)},
                                    "breakpoints": [{"line": line} for line in lines]})
        self.ask("configurationDone", {})


def program(bench, text):
    bench.made += 1
    path = bench.folder / f"program-{bench.made}.lua"
    path.write_text(text)
    return path


def took(bench, path, lines, **more):
    """Milliseconds of CPU that the program measured itself."""
    debugger = Debugger(bench)
    try:
        debugger.launch(path, lines, **more)
        debugger.until("terminated")
        return float(debugger.output) * 1e3
    finally:
        debugger.close()


def cost(bench, name, text, count, lines, limit):
    path = program(bench, text.replace("{count}", str(count)))
    ours, floor = [], []
    for turn in range(bench.count(9, 3) + 1):
        free = took(bench, path, (), noDebug=True)
        debugged = took(bench, path, lines)
        if turn > 0:
            floor.append(free)
            ours.append(debugged)
    return Row(name, "ms", ours, floor, pairs(ours, floor), [at_most(limit, "ratio")])


def debugger(bench):
    loop, calls = bench.count(20_000_000, 5_000_000), bench.count(29, 26)
    return [cost(bench, "loop, debugger attached", LOOP, loop, (), 1.02),
            cost(bench, "calls, debugger attached", CALLS, calls, (), 1.02),
            cost(bench, "loop, breakpoint elsewhere", LOOP, loop, (2,), 1.05),
            cost(bench, "calls, breakpoint elsewhere", CALLS, calls, (2,), 2),
            *stops(bench)]


def timed(debugger, command):
    began = time.perf_counter()
    debugger.send(command, {"threadId": 1})
    debugger.until("stopped")
    return (time.perf_counter() - began) * 1e3


def stops(bench):
    """From the request to the event of the next stop."""
    one, count = Debugger(bench), bench.count(1000, 200)
    try:
        one.launch(program(bench, LINES), (3,))
        one.until("stopped")
        rows = []
        for name, command in (("continue to the next breakpoint", "continue"), ("step", "next")):
            times = [timed(one, command) for _ in range(count)]
            rows.append(Row(name, "ms", times, goals=[at_most(1)], note=f"p99 {percentile(times, 0.99):.2f}"))
        return rows + [pauses(bench)]
    finally:
        one.close()


def pauses(bench):
    one, times = Debugger(bench), []
    try:
        one.launch(program(bench, "while true do end\n"))
        one.until("process")
        for _ in range(bench.count(500, 100)):
            times.append(timed(one, "pause"))
            one.ask("continue", {"threadId": 1})
        return Row("pause of a loop", "ms", times, goals=[at_most(1)], note=f"p99 {percentile(times, 0.99):.2f}")
    finally:
        one.close()


FIGURES = {"debugger": debugger}
