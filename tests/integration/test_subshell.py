# SPDX-License-Identifier: Apache-2.0
"""Subshells (JEP 91): requests that run in the midst of another shell's, by Debian's
jupyter_client."""
import os

import pytest

from conftest import SLOW
from daemons import Deaf, define
from jupyter_session import (  # noqa: F401 (fixtures)
    PAUSE, RUN_ON, SPIN, Outcome, llmspell, open_session, process_fd, session, wait_end,
    wait_until)
from plugins import maker

# The parent's cell that goes on until a subshell has set `done`.
UNTIL_DONE = f"done = false print('running') while not done do {PAUSE} end"


def create(session):
    return session.ask("create_subshell_request", channel="control").reply["subshell_id"]


def listed(session):
    return session.ask("list_subshell_request", channel="control").reply["subshell_id"]


def delete(session, subshell):
    return session.ask("delete_subshell_request", {"subshell_id": subshell}, "control").reply


def send_in(session, subshell, msg_type, content):
    """Sends a shell request with subshell_id in its header; returns its msg_id."""
    message = session.client.session.msg(msg_type, content)
    message["header"]["subshell_id"] = subshell
    session.requests[message["header"]["msg_id"]] = message["header"]
    session.client.shell_channel.send(message)
    return message["header"]["msg_id"]


def execute_in(session, subshell, code, **options):
    return send_in(session, subshell, "execute_request",
                   {"code": code, "silent": False, "store_history": True, "user_expressions": {},
                    "allow_stdin": True, "stop_on_error": True, **options})


def run_in(session, subshell, code, **options):
    return session.finish(execute_in(session, subshell, code, **options))


def ask_in(session, subshell, msg_type, content):
    return session.finish(send_in(session, subshell, msg_type, content))


def finish_running(session, cell):
    """The end of a cell whose busy and first output were read already."""
    events = session.until_idle(cell)
    return Outcome(session.reply(cell), events)


@pytest.fixture
def subshell(session):
    return create(session)


# ---- the set ----

def test_create_list_delete(session):
    assert listed(session) == []
    first, second = create(session), create(session)
    assert first != second and listed(session) == [first, second]
    assert delete(session, first) == {"status": "ok"}
    assert listed(session) == [second]
    assert delete(session, first)["ename"] == "not_found"
    assert delete(session, 5)["ename"] == "invalid_params"
    assert session.ask("delete_subshell_request", channel="control").reply["ename"] == "invalid_params"


def test_it_is_announced(session):
    info = session.ask("kernel_info_request", channel="control").reply
    assert "kernel subshells" in info["supported_features"]


def test_there_is_a_limit(session):
    made = [session.send("create_subshell_request", channel="control") for _ in range(1001)]
    replies = [session.finish(msg_id, "control").reply for msg_id in made]
    assert [r["status"] for r in replies] == ["ok"] * 1000 + ["error"]
    assert delete(session, replies[0]["subshell_id"])["status"] == "ok"
    assert create(session) in listed(session)


@pytest.mark.parametrize("wrong", ["nobody", "", 7, {"subshell_id": None}, ["null"], True])
def test_unknown_id(session, wrong):
    create(session)
    reply = run_in(session, wrong, "ran = true").reply
    assert reply["status"] == "error" and reply["ename"] == "not_found"
    assert "list_subshell_request" in reply["evalue"]
    assert session.run("ran").value is None


def test_null_is_the_parent_and_only_the_header_counts(session, subshell):
    assert run_in(session, None, "return 1").reply["execution_count"] == 1
    note = {"subshell_id": "nobody", "text": '{"subshell_id": "nobody"}'}
    message = session.client.session.msg("execute_request", {
        "code": "return 2", "silent": False, "allow_stdin": False, **note})
    message["header"]["username"] = 'a"subshell_id":"b'
    message["header"]["more"] = note
    session.requests[message["header"]["msg_id"]] = message["header"]
    session.client.shell_channel.send(message)
    outcome = session.finish(message["header"]["msg_id"])
    assert outcome.value == "2" and outcome.reply["execution_count"] == 2


def test_counts_and_history_are_its_own(session, subshell):
    other = create(session)
    session.run("a = 1")
    assert run_in(session, subshell, "a = a + 1").reply["execution_count"] == 1
    assert run_in(session, subshell, "return a").reply["execution_count"] == 2
    assert run_in(session, other, "return a").value == "2"
    assert session.run("return a").reply["execution_count"] == 2
    tail = {"hist_access_type": "tail", "n": 10, "output": False, "raw": True}
    lines = {shell: [line for _, _, line in
                     ask_in(session, shell, "history_request", tail).reply["history"]]
             for shell in (subshell, other, None)}
    assert lines == {subshell: ["a = a + 1", "return a"], other: ["return a"],
                     None: ["a = 1", "return a"]}


# ---- in the midst of a cell ----

LOOPS = {
    "loop": f"while not done do {PAUSE} end",
    "pcall": f"while not done do pcall(function() while not done do {PAUSE} end end) end",
    "xpcall": f"while not done do xpcall(function() {PAUSE} error('x') end, "
              f"function(e) {PAUSE} return e end) end",
    "coroutine": f"coroutine.wrap(function() while not done do {PAUSE} end end)()",
    "coroutines": f"while not done do coroutine.wrap(function() {PAUSE} "
                  f"for i = 1, 10 do coroutine.yield(i) end end)() end",
    "metamethod": f"local t = setmetatable({{}}, {{__index = function() {PAUSE} return done end}}) "
                  "while not t.x do end",
    "comparator": "while not done do local t = {} for i = 1, 50 do t[i] = -i end "
                  f"table.sort(t, function(a, b) {PAUSE} return a < b end) end",
    "gsub": f"while not done do (('x'):rep(9)):gsub('x', function() {PAUSE} end) end",
    "deep": "local function f(n) if n > 0 then return (pcall(f, n - 1)) end "
            f"while not done do {PAUSE} end end f(180)",
    "hook": f"debug.sethook(function() n = n + 1 end, '', 1) while not done do {PAUSE} end "
            "local before = n for i = 1, 9 do end assert(n > before, 'the hook is lost')",
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_sees_what_a_subshell_sets(session, subshell, name):
    cell = session.start_running(f"done = false n = 0 local kept = 7 print('running') {LOOPS[name]} "
                                 "return kept")
    inner = run_in(session, subshell, "print('inner') done = true return 'set'")
    assert inner.text() == "inner\n" and inner.value == "set"
    outer = finish_running(session, cell)
    assert outer.reply["status"] == "ok" and outer.value == "7", outer.reply


def test_outputs_belong_to_their_requests(session, subshell):
    cell = session.start_running("done = 0 print('running') local seen = 0 while done < 20 do "
                                 f"{PAUSE} if done > seen then seen = done io.write('<', seen, '>') "
                                 "end end print(done)")
    inner = []
    for i in range(20):
        outcome = run_in(session, subshell, f"io.write('[{i}') done = done + 1 io.write(']')")
        inner.append(outcome.text())
        assert outcome.types[-1] == "status"
    assert inner == [f"[{i}]" for i in range(20)]
    outer = finish_running(session, cell)
    assert "[" not in outer.text() and outer.text().endswith("20\n")


def test_a_character_in_two_pieces_stays_whole(session, subshell):
    cell = session.execute("done = false print('running') io.write('\\xc3') "
                           f"while not done do {PAUSE} end io.write('\\xa9', '.')")
    session.until(cell, "stream")
    assert run_in(session, subshell, "io.write('in\\xc3') io.write('\\xa9') done = true"
                  ).text() == "in\u00e9"
    assert finish_running(session, cell).text() == "\u00e9."


def test_many_small_requests_during_a_cell(session, subshell):
    cell = session.start_running(UNTIL_DONE + " return n")
    sent = [execute_in(session, subshell, "n = (n or 0) + 1 return n") for _ in range(1000)]
    outcomes = [session.finish(msg_id) for msg_id in sent]
    assert [o.value for o in outcomes] == [str(i) for i in range(1, 1001)]
    assert [o.reply["execution_count"] for o in outcomes] == list(range(1, 1001))
    run_in(session, subshell, "done = true")
    assert finish_running(session, cell).value == "1000"


def test_completion_and_inspection_while_the_parent_runs(session, subshell):
    cell = session.start_running("some_number = 5 " + UNTIL_DONE)
    matches = ask_in(session, subshell, "complete_request",
                     {"code": "some_nu", "cursor_pos": 7}).reply["matches"]
    assert matches == ["some_number"]
    found = ask_in(session, subshell, "inspect_request",
                   {"code": "Tool.calculator", "cursor_pos": 15, "detail_level": 0}).reply
    assert found["found"] and "Parameters" in found["data"]["text/plain"]
    status = ask_in(session, subshell, "is_complete_request", {"code": "for"}).reply["status"]
    assert status == "incomplete"
    assert ask_in(session, subshell, "kernel_info_request", {}).reply["status"] == "ok"
    run_in(session, subshell, "done = true")
    assert finish_running(session, cell).reply["status"] == "ok"


def test_errors_stay_where_they_are(session, subshell):
    cell = session.start_running("local ok, why = pcall(function() " + UNTIL_DONE + " end) "
                                 "return ok, why")
    queued = execute_in(session, subshell, f"while not go do {PAUSE} end error('mine')")
    session.until(queued, "execute_input")
    after = execute_in(session, subshell, "ran = true")  # aborted by the error before it
    other = create(session)
    assert run_in(session, other, "go = true").reply["status"] == "ok"
    failed = finish_running(session, queued)
    assert failed.reply["evalue"].endswith("mine") and "error" in failed.types
    assert session.finish(after).reply["status"] == "aborted"
    assert run_in(session, other, "return ran").value is None
    run_in(session, subshell, "done = true")
    assert finish_running(session, cell).value == "true\tnil"


def test_an_error_of_the_parent_aborts_nothing_of_a_subshell(session, subshell):
    cell = session.start_running(UNTIL_DONE + " error('parent')")
    waits = execute_in(session, subshell, f"done = true return 'mine'")
    outcome = session.finish(waits)
    assert outcome.value == "mine"
    assert finish_running(session, cell).reply["status"] == "error"


def test_several_subshells_run_in_one_another(session):
    shells = [create(session) for _ in range(5)]
    cells = [session.start_running(f"print('running') while not done do {PAUSE} end return 0")]
    for i, shell in enumerate(shells, 1):
        cell = execute_in(session, shell,
                          f"print('running') while not done do {PAUSE} end return {i}")
        session.until(cell, "stream")
        cells.append(cell)
    run_in(session, create(session), "done = true")
    assert [finish_running(session, cell).value for cell in cells] == [str(i) for i in range(6)]


def test_more_than_can_be_nested_wait(session):
    shells = [create(session) for _ in range(20)]
    cells = [session.start_running(RUN_ON)]
    cells += [execute_in(session, shell, RUN_ON) for shell in shells]
    session.wait_pending(21)
    session.until(cells[15], "stream")  # the sixteenth of them; those beneath came no further
    while session.ask("status_request", channel="control").reply["pending"]:
        session.ask("interrupt_request", channel="control")
    for cell in cells:
        assert finish_running(session, cell).reply["ename"] == "KeyboardInterrupt"
    assert session.run("return 1").value == "1"


def test_the_parent_waits_for_its_turn(session, subshell):
    """In the midst of a subshell's request that runs alone, the parent runs; never within itself."""
    first = execute_in(session, subshell, UNTIL_DONE)
    session.until(first, "stream")
    assert session.run("return 'parent'").value == "parent"
    second = execute_in(session, subshell, "return 'second'")
    session.run("done = true")
    assert finish_running(session, first).reply["status"] == "ok"
    assert session.finish(second).value == "second"


def test_coroutines_are_shared(session, subshell):
    session.run("co = coroutine.wrap(function() for i = 1, 100 do coroutine.yield(i) end end)")
    cell = session.start_running(UNTIL_DONE + " return co()")
    assert run_in(session, subshell, "return co()").value == "1"
    running = "busy = coroutine.create(function() " + UNTIL_DONE + " end)"
    run_in(session, subshell, "done = true")
    assert finish_running(session, cell).value == "2"
    session.run(running)
    cell = session.start_running("coroutine.resume(busy)")
    outcome = run_in(session, subshell, "print(coroutine.status(busy), coroutine.resume(busy)) "
                                        "print(pcall(coroutine.yield)) done = true")
    assert "normal\tfalse\tcannot resume non-suspended coroutine" in outcome.text()
    assert "false\tattempt to yield" in outcome.text()
    assert finish_running(session, cell).reply["status"] == "ok"


# ---- while the parent waits ----

def test_while_the_parent_waits_for_input(session, subshell):
    cell = session.execute("return io.read() .. io.read('n')")
    session.question()
    assert run_in(session, subshell, "return 'inner'").value == "inner"
    session.input("from the parent")
    session.question()
    assert run_in(session, subshell, "return 'again'").value == "again"
    session.input("42")
    assert session.finish(cell).value == 'from the parent42'


def test_input_in_the_midst_of_input(session, subshell):
    """The one that asked last is answered first."""
    cell = session.execute("return io.read(3) .. io.read()")
    session.question()
    inner = execute_in(session, subshell, "return io.read('n') + 1")
    session.question()
    session.input("41 and more")
    assert session.finish(inner).value == "42"
    session.input("outer line")
    assert session.finish(cell).value == 'outer line'
    assert run_in(session, subshell, "return 1", allow_stdin=False).value == "1"


def test_input_in_the_midst_of_a_loop(session, subshell):
    cell = session.start_running(UNTIL_DONE)
    inner = execute_in(session, subshell, "done = io.read() return done")
    session.question()
    session.input("line")
    assert session.finish(inner).value == 'line'
    assert finish_running(session, cell).reply["status"] == "ok"
    refused = run_in(session, subshell, "return pcall(io.read)", allow_stdin=False)
    assert "no standard input" in refused.value


def test_a_blocked_read_goes_on(session, subshell, tmp_path):
    """A request that waits does not end system calls: pipe:read must not fail with EINTR."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    cell = session.start_running(f"print('running') local p = io.popen('cat {gate}') "
                                 "local text, why = p:read('a') return tostring(text or why)")
    waits, pending = [], 0
    while pending < 10:  # those that came before it was blocked were run at once
        waits.append(execute_in(session, subshell, "return 'after'"))
        pending = session.ask("status_request", channel="control").reply["pending"]
    gate.write_text("through the pipe")
    assert finish_running(session, cell).value == "through the pipe"
    assert [session.finish(msg_id).value for msg_id in waits] == ["after"] * len(waits)


@pytest.fixture
def deaf(llmspell, tmp_path):
    """A daemon with the tool `deaf`, which waits until it is let go."""
    one = Deaf(tmp_path)
    one.connection_file = llmspell.start("--plugin-dir", one.folder,
                                         *Deaf.INLINE)["connection_file"]
    yield one
    one.release.touch()


def test_during_a_tool_call(deaf, open_session):
    session = open_session(deaf.connection_file)
    subshell, other = create(session), create(session)
    cell = session.execute("Tool.deaf{} return done")
    deaf.wait_begun()
    for _ in range(3):
        inner = run_in(session, subshell, "return Tool.calculator{input = '6*7'}.result")
        assert inner.value == "42"
    assert run_in(session, other, "done = 'in the midst' return done").value == "in the midst"
    deaf.release.touch()
    assert session.finish(cell).value == "in the midst"


# ---- interrupts ----

def interrupt(session, **content):
    return session.ask("interrupt_request", content, "control").reply


BENEATH = {
    "loop": SPIN,
    "pcall": f"while true do pcall(function() {SPIN} end) end",
    "coroutine": f"coroutine.wrap(function() {SPIN} end)()",
    "input": "io.read()",
}


@pytest.mark.parametrize("name", BENEATH)
def test_an_interrupt_ends_all_from_top_to_bottom(session, subshell, name):
    cell = session.start_running(f"print('running') {BENEATH[name]}")
    inner = execute_in(session, subshell, RUN_ON)
    session.until(inner, "stream")
    innermost = execute_in(session, create(session), "print('running') io.read()")
    session.until(innermost, "stream")
    assert interrupt(session) == {"status": "ok"}
    for msg_id in (innermost, inner, cell):
        outcome = finish_running(session, msg_id)
        assert outcome.reply["ename"] == "KeyboardInterrupt" and "error" in outcome.types
    assert session.run("return 1").value == "1"
    assert run_in(session, subshell, "return 2").value == "2"


def test_an_interrupt_of_one_leaves_the_others(session, subshell):
    cell = session.start_running(UNTIL_DONE + " return 'outer'")
    for _ in range(20):
        inner = execute_in(session, subshell, SPIN)
        session.until(inner, "execute_input")
        assert interrupt(session, msg_id=inner)["found"]
        assert finish_running(session, inner).reply["ename"] == "KeyboardInterrupt"
    run_in(session, subshell, "done = true")
    assert finish_running(session, cell).value == "outer"


@pytest.mark.parametrize("name", BENEATH)
def test_an_interrupt_of_one_beneath_waits_for_what_is_above(session, subshell, name):
    cell = session.start_running(f"print('running') {BENEATH[name]}")
    inner = execute_in(session, subshell, UNTIL_DONE + " return 'inner'")
    session.until(inner, "stream")
    assert interrupt(session, msg_id=cell)["found"]
    assert run_in(session, create(session), "done = true").reply["status"] == "ok"
    assert finish_running(session, inner).value == "inner"
    assert finish_running(session, cell).reply["ename"] == "KeyboardInterrupt"


def test_an_interrupt_wakes_a_tool_that_blocks(llmspell, open_session, tmp_path):
    """It sits in a system call on a thread of the kernel, not on the executor."""
    begun = tmp_path / "begun"
    maker.make(tmp_path / "tools" / "blocked.so", sources=("blocked.c",),
               text=maker.manifest("blocked", examples=[{"title": "Wait", "params": {}}]),
               defines=[define("BEGUN", begun)])
    session = open_session(llmspell.start("--plugin-dir", tmp_path / "tools",
                                          *Deaf.INLINE)["connection_file"])
    create(session)
    cell = session.execute("Tool.blocked{}")
    wait_until(begun.exists, "the tool began")
    interrupt(session)
    assert session.finish(cell).reply["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize("isolation", ["inline", "process"])
def test_tool_calls_in_the_midst_of_tool_calls(llmspell, open_session, isolation):
    session = open_session(
        llmspell.start("--set", f"tools.isolation={isolation}")["connection_file"])
    subshell, other = create(session), create(session)
    call = "Tool.calculator{input = '6*7'}.result"
    cell = session.start_running(f"n = {call} print('running') while true do n = {call} end")
    for _ in range(20):
        assert run_in(session, subshell, f"return {call}").value == "42"
    inner = execute_in(session, subshell, f"m = {call} print('running') while true do m = {call} end")
    session.until(inner, "stream")
    assert run_in(session, other, f"return n, m, {call}").value == "42\t42\t42"
    interrupt(session)
    assert finish_running(session, inner).reply["ename"] == "KeyboardInterrupt"
    assert finish_running(session, cell).reply["ename"] == "KeyboardInterrupt"


def test_exit_ends_its_own_request(session, subshell):
    cell = session.start_running(UNTIL_DONE + " return 'outer'")
    reply = run_in(session, subshell, "done = true os.exit(3)").reply
    assert reply["exit_code"] == 3 and reply["payload"][0]["source"] == "ask_exit"
    outer = finish_running(session, cell)
    assert outer.value == "outer" and outer.reply["payload"] == []


def test_the_clock_of_the_outer_code_stands_still(llmspell, open_session):
    limit = 2 * SLOW
    started = llmspell.start("--set", f"runtime.lua.timeout_s={limit}")
    session = open_session(started["connection_file"])
    first, second = create(session), create(session)
    cell = session.start_running(UNTIL_DONE + " return 'in time'")
    for shell in (first, second):  # each takes all of its own time
        assert run_in(session, shell, SPIN).reply["ename"] == "TimeoutError"
    run_in(session, first, "done = true")
    assert finish_running(session, cell).value == "in time"
    assert run_in(session, first, SPIN).reply["ename"] == "TimeoutError"


# ---- deletion, shutdown ----

def test_deletion_while_it_runs(session, subshell):
    inner = execute_in(session, subshell, UNTIL_DONE + " return 'to the end'")
    session.until(inner, "stream")
    queued = [execute_in(session, subshell, "ran = true") for _ in range(3)]
    session.wait_pending(4)
    assert delete(session, subshell)["status"] == "ok"
    assert [session.finish(msg_id).reply["status"] for msg_id in queued] == ["aborted"] * 3
    assert listed(session) == []
    assert run_in(session, subshell, "ran = true").reply["ename"] == "not_found"
    session.run("done = true")
    assert finish_running(session, inner).value == "to the end"
    assert session.run("return ran").value is None


def test_shutdown_ends_all(kernel, session, subshell):
    process = process_fd(kernel.started["pid"])
    cells = [session.start_running(RUN_ON)]
    for shell in (subshell, create(session)):
        cells.append(execute_in(session, shell, RUN_ON))
        session.until(cells[-1], "stream")
    queued = execute_in(session, subshell, "return 1")
    session.wait_pending(4)
    session.send("shutdown_request", {"restart": False}, "control")
    assert wait_end(process)
    assert session.reply(queued)["content"]["status"] == "aborted"
    for cell in cells:
        assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"


# ---- race-free ----

def test_two_shells_at_work_at_once(session, subshell):
    """Both change the same tables as often as they can, and neither finds them broken."""
    session.run("list, sum, text = {}, 0, {}")
    other = create(session)
    work = (f"for i = 1, 200 do {PAUSE} list[#list + 1] = i sum = sum + i "
            "text[('k'):rep(i % 50) .. i] = {tostring(i)} end collectgarbage('step')")
    cells = []
    for _ in range(100):
        cells += [session.execute(work), execute_in(session, subshell, work),
                  execute_in(session, other, work)]
    for cell in cells:
        assert session.finish(cell).reply["status"] == "ok"
    size, total = session.run("return #list, sum").value.split("\t")
    assert int(size) <= 60000 and int(total) <= 100 * 3 * 20100
    assert session.run("collectgarbage() local n = 0 for k, v in pairs(text) do "
                       "assert(v[1] == k:gsub('k', '')) n = n + 1 end return n").value == "200"
