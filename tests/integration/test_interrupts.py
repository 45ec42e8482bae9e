# SPDX-License-Identifier: Apache-2.0
"""Interrupts and limits in the middle of what a hook of Lua cannot end: C functions that compute for
long, finalizers, handlers, reads, children. The kernel then runs the next cell and has lost nothing."""
import json
import os
import signal
from pathlib import Path

import pytest

from jupyter_session import (  # noqa: F401 (fixtures)
    PATIENCE, PAUSE, SPIN, llmspell, open_session, session, wait_until)

# Each says when it is in the midst of it: what stands before the line "--" only prepares.
PATTERN = "local s, p = ('a'):rep(60), ('a*'):rep(30) .. 'b'\n--\n"
HUGE = "local s = ('x'):rep(200 * 1000 * 1000)\n--\n"
MANY = "local t = {} for i = 1, 3000000 do t[i] = (i * 7919) % 3000000 end\n--\n"
CASES = {
    "loop": SPIN,
    "pcall": f"while true do pcall(function() {SPIN} end) end",
    "pcall-error": "while true do pcall(error) end",
    "xpcall-handler": f"while true do xpcall(error, function() {SPIN} end) end",
    "error-in-handler": "while true do xpcall(error, function() error('again') end) end",
    "coroutines": "while true do coroutine.wrap(function() pcall(error) end)() end",
    "nested-coroutines": f"coroutine.wrap(function() coroutine.wrap(function() {SPIN} end)() end)()",
    "yields": "local co = coroutine.wrap(function() while true do coroutine.yield() end end) "
              "while true do co() end",
    "find": PATTERN + "string.find(s, p)",
    "match": PATTERN + "s:match(p)",
    "gmatch": PATTERN + "for w in s:gmatch(p) do end",
    "gsub": PATTERN + "s:gsub(p, '')",
    "pcall-find": PATTERN + "while true do pcall(string.find, s, p) end",
    "find-in-coroutine": PATTERN + "coroutine.wrap(function() s:find(p) end)()",
    "find-plain": "local s, p = ('a'):rep(2000000), ('a'):rep(1000000) .. 'b'\n--\n"
                  "while true do s:find(p, 1, true) end",
    "greedy": HUGE + "while true do s:find('.*y') end",
    "lazy": HUGE + "while true do s:find('.-y') end",
    "balance": "local s = ('('):rep(100000)\n--\nwhile true do s:find('%b()') end",
    "gsub-huge": HUGE + "while true do s:gsub('.', '%0%0') end",
    "rep": "while true do local s = ('x'):rep(500 * 1000 * 1000) end",
    "rep-separator": "while true do local s = ('x'):rep(100 * 1000 * 1000, ', ') end",
    "upper": HUGE + "while true do s:upper() end",
    "reverse": HUGE + "while true do s:reverse() end",
    "concatenation": HUGE + "while true do local t = s .. 'x' end",
    "table.concat": MANY + "while true do local s = table.concat(t, ', ') end",
    "sort": MANY + "while true do table.sort(t) table.sort(t, function(a, b) return a > b end) end",
    "sort-in-c": MANY + "while true do for i = 1, #t, 2 do t[i], t[i + 1] = t[i + 1], t[i] end "
                        "table.sort(t) end",
    "sort-comparator": f"table.sort({{3, 1, 2}}, function() {SPIN} end)",
    "insert": MANY + "while true do table.insert(t, 1, 0) end",
    "remove": MANY + "while true do table.remove(t, 1) t[#t + 1] = 0 end",
    "move": MANY + "while true do table.move(t, 1, #t, 2) t[#t] = nil end",
    "unpack": "local t = {} for i = 1, 200000 do t[i] = i end\n--\n"
              "while true do select('#', table.unpack(t)) end",
    "format": "local s = ('x'):rep(1000000)\n--\nwhile true do string.format('%s%q', s, s) end",
    "utf8": "local s = ('é'):rep(500000)\n--\nwhile true do utf8.len(s) end",
    "load": "local s = ('x = 1 '):rep(3000000)\n--\nwhile true do load(s) end",
    "load-function": f"load(function() {SPIN} end)",
    "print": "while true do print('x') end",
    "print-huge": HUGE + "while true do print(s) end",
    "write": "while true do io.write('x') end",
    "parse": "local s = '[' .. ('[1, \"two\"], '):rep(5000000) .. '3]'\n--\n"
             "while true do JSON.parse(s) end",
    "stringify": "local t = {} for i = 1, 300000 do t[i] = {i, 'two'} end\n--\n"
                 "while true do JSON.stringify(t) end",
    "collect": "local t = {} for i = 1, 2000000 do t[i] = {} end\n--\n"
               "while true do collectgarbage() end",
    "generational": "collectgarbage('generational')\n--\nwhile true do collectgarbage() end",
    "finalizer": f"setmetatable({{}}, {{__gc = function() print('running') {SPIN} end}})\n--\n"
                 "while true do collectgarbage() end",
    "finalizers": "local n = 0 local m = {__gc = function() n = n + 1 "
                  f"if n == 1 then print('running') {SPIN} end end}}\n--\n"
                  "while true do setmetatable({}, m) end",
    "close": f"local c <close> = setmetatable({{}}, {{__close = function() {SPIN} end}})",
    "close-again": f"while true do local c <close> = setmetatable({{}}, {{__close = error}}) {SPIN} end",
    "index": f"local t = setmetatable({{}}, {{__index = function() {SPIN} end}})\n--\nlocal x = t.y",
    "recursion": "local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) "
                 "return t[k] end\n--\nwhile true do pcall(function() return t.x end) end",
    "tostring": "local t = setmetatable({}, {}) getmetatable(t).__tostring = function() "
                "return tostring(t) end\n--\nwhile true do pcall(tostring, t) end",
    "deep": "local function f() return 1 + f() end\n--\nwhile true do pcall(f) end",
    "fifo": "for line in io.lines(FIFO) do end",
    "fifo-read": "local f = io.open(FIFO, 'r+')\n--\nwhile true do pcall(f.read, f) end",
    "zeros": "local f = io.open('/dev/zero')\n--\nwhile true do f:read(100000000) end",
    "execute": "os.execute('exec sleep 600')",
    "execute-stubborn": "os.execute('trap \"\" TERM; sleep 600 & wait; wait; sleep 600')",
    "popen-read": "io.popen('exec sleep 600'):read()",
    "popen-close": "io.popen('exec sleep 600'):close()",
    "popen-lines": "for line in io.popen('while :; do echo x; done'):lines() do end",
    "popen-write": "local f = io.popen('exec sleep 600', 'w')\n--\n"
                   "while true do f:write(('x'):rep(100000)) end",
}


def begin(session, case, folder):
    before, _, after = case.rpartition("--\n")
    fifo = folder / "fifo"
    if "FIFO" in case:
        os.mkfifo(fifo)
    start = "" if "running" in case else "print('running')"
    code = f"local FIFO = {json.dumps(str(fifo))} {before}\n{start} {after}"
    return session.start_running(code)


def descriptors(pid):
    """What the process has open, but for what a session of the client opens and closes."""
    found = sorted(os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")
                   if os.path.lexists(f"/proc/{pid}/fd/{n}"))
    return [name for name in found if "/history/" not in name]  # opened a moment after a cell


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split() + [
        child for task in os.listdir(f"/proc/{pid}/task")
        for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()]


@pytest.mark.parametrize("name", CASES)
def test_interrupt(kernel, session, tmp_path, name):
    pid = kernel.started["pid"]
    session.run("kept = 'still here' collectgarbage()")
    before = descriptors(pid)
    cell = begin(session, CASES[name], tmp_path)
    session.ask("interrupt_request", channel="control")
    session.until_idle(cell)
    reply = session.reply(cell)["content"]
    assert reply["ename"] == "KeyboardInterrupt", reply
    assert session.run("kept").value == "still here"
    session.run("collectgarbage('incremental') collectgarbage() collectgarbage()")
    assert descriptors(pid) == before
    wait_until(lambda: not children(pid), "the child has ended")


@pytest.mark.parametrize("name", CASES)
def test_timeout(llmspell, open_session, tmp_path, name):
    started = llmspell.start("--set", "runtime.lua.timeout_s=1.5")
    session = open_session(started["connection_file"])
    code = CASES[name].replace("FIFO", json.dumps(str(tmp_path / "fifo")))
    if "FIFO" in CASES[name]:
        os.mkfifo(tmp_path / "fifo")
    done = session.run(code)
    assert done.reply["ename"] == "TimeoutError", done.reply
    assert session.run("1 + 1").value == "2"


@pytest.mark.parametrize("code", ["('x'):rep(8 << 30)", "('x'):rep(1 << 30)",
                                  "local s = 'x' while true do s = s .. s end",
                                  "local t = {} for i = 1, math.huge do t[i] = i end",
                                  "table.concat(setmetatable({}, {__len = function() return 1e9 end, "
                                  "__index = function() return ('x'):rep(1000) end}))",
                                  "('x'):rep(1 << 26):gsub('x', '%0%0%0%0%0%0')",
                                  "io.open('/dev/zero'):read('a')",
                                  "JSON.parse('[' .. ('[1],'):rep(5000000) .. '1]')"])
def test_memory(llmspell, open_session, code):
    started = llmspell.start("--set", "runtime.lua.memory_mb=256")
    session = open_session(started["connection_file"])
    done = session.run(code)
    assert done.reply["ename"] == "MemoryError" and "not enough memory" in done.reply["evalue"]
    assert session.run("#('x'):rep(100 << 20)").value == "104857600"


def test_a_kernel_with_endless_finalizers_ends(llmspell, open_session):
    started = llmspell.start()
    session = open_session(started["connection_file"])
    session.run(f"for i = 1, 100 do kept = {{kept, setmetatable({{}}, {{__gc = function() {SPIN} end}})}} "
                "end")
    assert llmspell.run("kernel", "stop", "test", "--timeout", "20").status == 0


def test_finalizers_are_those_of_lua(session):
    """They run in coroutines of their own; what a script sees of it is the same."""
    assert session.run("""local log = {}
        local m = {__gc = function(o) log[#log + 1] = o.name end}
        for i = 1, 3 do setmetatable({name = i}, m) end
        setmetatable({}, {__gc = function() local c <close> = setmetatable({}, {__close = function()
            log[#log + 1] = 'closed' end}) error('in a finalizer') end})
        setmetatable({}, {__gc = function() coroutine.yield() end})
        setmetatable({}, {__gc = true})
        collectgarbage()
        return table.concat(log, ' '), getmetatable(setmetatable({}, m)) == m""").value \
        == "closed 3 2 1\ttrue"
    done = session.run("warn('@on') setmetatable({}, {__gc = function() error('no luck') end}) "
                       "collectgarbage() warn('@off')")
    assert "warning" in done.text("stderr") and "no luck" in done.text("stderr")
