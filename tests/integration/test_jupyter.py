# SPDX-License-Identifier: Apache-2.0
"""A kernel daemon and Debian's jupyter_client: execution, output, input, errors, and the requests
that front ends send. Signals, ends and foreign bytes are in test_jupyter_*.py beside this file."""
import pytest

from conftest import BUILD, SLOW
from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, SPIN, llmspell, open_session, session, wait_until)

SUM = 'Tool.calculator{input="2*x+1", variables={x=5}}'


# ---- kernel_info ----

@pytest.mark.parametrize("channel", ["shell", "control"])
def test_kernel_info_is_complete(session, channel):
    info = session.ask("kernel_info_request", channel=channel).reply
    assert info["status"] == "ok"
    assert (5, 3) <= tuple(map(int, info["protocol_version"].split("."))) < (6, 0)
    assert info["implementation"] == "llmspell"
    assert info["implementation_version"].count(".") == 2
    assert "llmspell" in info["banner"]
    language = info["language_info"]
    assert language["name"] == "lua" and language["version"].startswith("5.4")
    assert language["mimetype"] == "text/x-lua" and language["file_extension"] == ".lua"
    assert language["pygments_lexer"] == "lua" and language["codemirror_mode"] == "lua"
    assert language["nbconvert_exporter"] == "script"
    assert info["help_links"] and all(
        link["url"].startswith("https://") and link["text"] for link in info["help_links"])
    assert isinstance(info["supported_features"], list)
    assert info["debugger"] is ("debugger" in info["supported_features"])


# ---- execute ----

def test_cell_with_a_tool_call(session):
    code = f"local answer = {SUM}\nprint(answer.input, answer.result)\nreturn answer.result"
    done = session.run(code)
    assert done.types == ["status", "execute_input", "stream", "execute_result", "status"]
    assert done.contents("execute_input") == [{"code": code, "execution_count": 1}]
    assert done.contents("stream") == [{"name": "stdout", "text": "2*x+1\t11\n"}]
    assert done.contents("execute_result") == [
        {"data": {"text/plain": "11"}, "metadata": {}, "execution_count": 1}]
    assert done.reply == {"status": "ok", "execution_count": 1, "payload": [],
                          "user_expressions": {}}


def test_the_same_through_execute_interactive(session):
    """jupyter_client's own way to run a cell, as `jupyter run` does."""
    seen, asked = [], []

    def answer(message):
        asked.append(message["content"]["prompt"])
        session.input("17")

    reply = session.client.execute_interactive(
        f"print('x is', {SUM}.result + io.read('n'))", allow_stdin=True, timeout=60,
        output_hook=seen.append, stdin_hook=answer)
    assert reply["content"]["status"] == "ok" and asked == [""]
    assert [m["content"]["text"] for m in seen if m["msg_type"] == "stream"] == ["x is\t28\n"]


def test_the_last_expression_is_the_result(session):
    assert session.run(f"{SUM}.result").value == "11"
    assert session.run("local a = 6\na * 7").value == "42"
    assert session.run("x = 1").types == ["status", "execute_input", "status"]
    assert session.run("return nil").value is None


def test_state_persists_across_cells(session):
    session.run("counter = 1; function double(n) return n * 2 end")
    session.run("counter = double(counter) + 40")
    done = session.run("counter")
    assert done.value == "42" and done.reply["execution_count"] == 3


def test_empty_cell(session):
    done = session.run("")
    assert done.reply["status"] == "ok" and done.value is None


def test_silent(session):
    session.run("n = 1")
    done = session.run("n = n + 1; print('hidden?'); return n", silent=True)
    assert "execute_input" not in done.types and "execute_result" not in done.types
    assert done.reply["status"] == "ok" and done.reply["execution_count"] == 1
    assert session.run("n").value == "2"
    silent_error = session.run("error('no')", silent=True)
    assert silent_error.reply["status"] == "error" and "error" not in silent_error.types


def test_store_history_false(session):
    session.run("a = 1")
    done = session.run("a", store_history=False)
    assert done.value == "1" and done.reply["execution_count"] == 1
    assert session.run("a").reply["execution_count"] == 2
    history = session.ask("history_request", {"hist_access_type": "tail", "n": 10, "raw": True,
                                              "output": False}).reply["history"]
    assert [entry[2] for entry in history] == ["a = 1", "a"]


def test_user_expressions(session):
    done = session.run("x = 20", user_expressions={"twice": "x * 2", "bad": "x .. nil", "t": "{x}"})
    answers = done.reply["user_expressions"]
    assert answers["twice"] == {"status": "ok", "data": {"text/plain": "40"}, "metadata": {}}
    assert answers["t"]["data"]["text/plain"] == "{20}"
    assert answers["bad"]["status"] == "error" and "concatenate" in answers["bad"]["evalue"]
    assert answers["bad"]["ename"] and answers["bad"]["traceback"]
    assert "error" not in done.types


# ---- output ----

def test_print_streams_at_once(session):
    """The text is there while the cell still runs: it waits for input that comes afterwards."""
    cell = session.execute("print('before'); local line = io.read(); print('after ' .. line)")
    before = []
    assert session.until(cell, "stream", before)["content"]["text"] == "before\n"
    assert [event["msg_type"] for event in before] == ["status", "execute_input"]
    assert session.ask("status_request", channel="control").reply["pending"] == 1
    session.question()
    session.input("midday")
    rest = session.until_idle(cell)
    assert [e["content"]["text"] for e in rest if e["msg_type"] == "stream"] == ["after midday\n"]
    assert session.reply(cell)["content"]["status"] == "ok"


def test_a_second_print_does_not_wait_for_the_end(session):
    """Text that was joined goes out by itself, though the cell never yields."""
    cell = session.execute(f"print('one'); print('two'); io.write('three'); {SPIN}")
    text = ""
    while text != "one\ntwo\nthree":
        text += session.until(cell, "stream")["content"]["text"]
        assert "one\ntwo\nthree".startswith(text)
    session.ask("interrupt_request", channel="control")
    assert session.until_idle(cell) and session.reply(cell)["content"]["status"] == "error"


def test_stdout_and_stderr_keep_their_order(session):
    done = session.run("print('a'); io.stderr:write('b\\n'); io.write('c', 1, '\\n'); print('d')")
    joined = []
    for stream in done.contents("stream"):
        if joined and joined[-1][0] == stream["name"]:
            joined[-1][1] += stream["text"]
        else:
            joined.append([stream["name"], stream["text"]])
    assert joined == [["stdout", "a\n"], ["stderr", "b\n"], ["stdout", "c1\nd\n"]]


def test_ten_thousand_lines(session):
    done = session.run("for i = 1, 10000 do print('line ' .. i) end")
    assert done.text() == "".join(f"line {i}\n" for i in range(1, 10001))
    assert done.reply["status"] == "ok"


def test_lines_are_joined(session):
    """A Jupyter server drops output above 1,000 messages a second."""
    done = session.run("for i = 1, 100000 do print('line ' .. i) end")
    assert len(done.text()) == sum(len(f"line {i}\n") for i in range(1, 100001))
    assert len(done.contents("stream")) < 300 * SLOW


def test_invalid_utf8_is_printed(session):
    done = session.run(r'print("a\xffb\xc3(\xed\xa0\x80)"); io.stderr:write("\xf0\x9f\x99")')
    assert done.text() == b"a\xffb\xc3(\xed\xa0\x80)\n".decode(errors="replace")
    assert set(done.text("stderr")) == {"\ufffd"}  # one for each byte, or one for all three
    assert session.run('print("grün ✓ 🙂")').text() == "grün ✓ 🙂\n"


def test_code_points_are_not_cut_between_messages(session):
    done = session.run('io.write("x" .. ("🙂é✓"):rep(60000))')
    assert done.text() == "x" + "🙂é✓" * 60000
    assert len(done.contents("stream")) > 1


def test_nul_and_control_characters(session):
    done = session.run(r'print("a\0b\27[1mc\r\n\u{2028}"); return "\0"')
    assert done.text() == "a\0b\x1b[1mc\r\n\u2028\n" and done.reply["status"] == "ok"


# ---- sizes ----

def test_a_megabyte_of_code(session):
    done = session.run("return #[[" + "x" * 1_000_000 + "]]")
    assert done.value == "1000000"
    assert len(done.contents("execute_input")[0]["code"]) == 1_000_012


def test_a_megabyte_of_result(session):
    assert session.run('return ("0123456789"):rep(100000)').value == "0123456789" * 100_000


def test_pipelined_executes(session):
    """All are answered, in order, each with busy and idle (Run All in a front end waits for it)."""
    cells = [session.execute(f"return {i}") for i in range(64)]
    done = [session.finish(cell) for cell in cells]
    assert [d.value for d in done] == [str(i) for i in range(64)]
    assert [d.reply["execution_count"] for d in done] == list(range(1, 65))


# ---- errors ----

def test_error_cell(session):
    done = session.run("local function deep()\n  error('boom')\nend\ndeep()")
    assert done.types == ["status", "execute_input", "error", "status"]
    error = done.contents("error")[0]
    assert error.keys() == {"ename", "evalue", "traceback"}
    assert error["ename"] == "RuntimeError" and error["evalue"].endswith(":2: boom")
    traceback = "\n".join(error["traceback"])
    assert "boom" in error["traceback"][0] and "deep" in traceback and "4: in main" in traceback
    assert done.reply["status"] == "error" and done.reply["execution_count"] == 1
    assert {key: done.reply[key] for key in error} == error


@pytest.mark.parametrize("code, name, value", [
    ("x =", "SyntaxError", "near <eof>"),
    ("nothing.field = 1", "RuntimeError", "'nothing'"),
    ("error({code = 'mine', message = 'said so'})", "mine", "said so"),
    ("error()", "RuntimeError", "nil"),
    ("error(setmetatable({}, {__tostring = function() return 'shown' end}))", "RuntimeError",
     "shown"),
    ("Tool.calculator{input = '2 *'}", "parse_error", "calculator"),
    ("Tool.calculator{input = 5}", "invalid_params", "/input"),
    ("Tool.calculater{input = '1'}", "unknown_tool", "calculator"),
    ("local function f() return f() + 1 end f()", "RuntimeError", "stack overflow"),
    ("print('before'); local t = setmetatable({}, {__index = function() error('deep') end}); t.x()",
     "RuntimeError", "deep"),
])
def test_errors_have_names(session, code, name, value):
    done = session.run(code)
    assert done.reply["status"] == "error" and done.contents("error")
    assert done.reply["ename"] == name and value in done.reply["evalue"]
    assert done.reply["traceback"] and value in "\n".join(done.reply["traceback"])
    assert session.run("1 + 1").value == "2"


def test_an_error_aborts_what_is_queued(session):
    """The cells behind the failing one are not run, but each is answered, with busy and idle; other
    requests are not affected."""
    failing = session.execute("io.read(); error('stop here')")
    session.question()
    queued = [session.execute("ran = true") for _ in range(3)]
    other = session.send("complete_request", {"code": "string.rev", "cursor_pos": 10})
    session.wait_pending(5)
    session.input("")
    assert session.finish(failing).reply["status"] == "error"
    for cell in queued:
        done = session.finish(cell)
        assert done.types == ["status", "status"] and done.reply["status"] == "aborted"
    assert session.finish(other).reply["matches"] == ["reverse"]
    done = session.run("return ran")
    assert done.value is None and done.reply["execution_count"] == 2


def test_stop_on_error_false(session):
    failing = session.execute("io.read(); error('go on')", stop_on_error=False)
    session.question()
    queued = session.execute("ran = true; return 'next'")
    session.wait_pending(2)
    session.input("")
    assert session.finish(failing).reply["status"] == "error"
    assert session.finish(queued).value == "next"


# ---- input ----

def test_input(session):
    cell = session.execute("io.write('name? '); local name = io.read(); print('hello ' .. name)")
    question = session.question()
    assert question["content"] == {"prompt": "", "password": False}
    assert question["parent_header"]["msg_id"] == cell
    session.input("Ada Lövelace")
    done = session.finish(cell)
    assert done.text() == "name? hello Ada Lövelace\n"


def test_several_lines_of_input(session):
    cell = session.execute("return io.read('n') + io.read('n'), io.read('l'), io.read('L')")
    for line in ("40", "2 rest", "last"):
        session.question()
        session.input(line)
    assert session.finish(cell).value == "42\t rest\tlast\n"


def test_no_stdin(session):
    done = session.run("io.read()", allow_stdin=False)
    assert done.reply["status"] == "error" and "standard input" in done.reply["evalue"]
    assert session.run("1").value == "1"


def test_an_answer_that_nobody_asked_for(kernel, session):
    session.input("early")
    session.send("nosuch", channel="stdin")  # behind it on the same socket
    wait_until(lambda: "nosuch" in kernel.log(), "the next message on stdin in the log")
    cell = session.execute("return io.read()")
    session.question()
    session.input("right")
    assert session.finish(cell).value == "right"


# ---- complete, inspect, is_complete, history, comm_info ----

@pytest.mark.parametrize("code, cursor, matches, start", [
    ("string.re", 9, ["rep", "reverse"], 7),
    ("Tool.calcu", 10, ["calculator"], 5),
    ("variab", 6, ["variable_of_mine"], 0),
    ("t = 'é🙂' .. variab", 18, ["variable_of_mine"], 12),
    ("variable_of_mine.al", 19, ["alpha", "alpine"], 17),
    ("string.re + 1", 9, ["rep", "reverse"], 7),
])
def test_complete(session, code, cursor, matches, start):
    session.run("variable_of_mine = {alpha = 1, alpine = 2, beta = 3}")
    reply = session.ask("complete_request", {"code": code, "cursor_pos": cursor}).reply
    assert reply["status"] == "ok" and reply["matches"] == matches
    assert (reply["cursor_start"], reply["cursor_end"]) == (start, cursor)
    assert isinstance(reply["metadata"], dict)


def test_inspect(session):
    session.run("function area(width, height) return width * height end")
    reply = session.ask("inspect_request", {"code": "area(1, 2)", "cursor_pos": 2,
                                            "detail_level": 0}).reply
    assert reply["status"] == "ok" and reply["found"] is True
    assert "(width, height)" in reply["data"]["text/plain"]
    tool = session.ask("inspect_request", {"code": "Tool.calculator", "cursor_pos": 15,
                                           "detail_level": 1}).reply
    assert "input" in tool["data"]["text/plain"] and "Calculator" in tool["data"]["text/plain"]
    nothing = session.ask("inspect_request", {"code": "nowhere", "cursor_pos": 3,
                                              "detail_level": 0}).reply
    assert nothing == {"status": "ok", "found": False, "data": {}, "metadata": {}}


@pytest.mark.parametrize("code, status", [
    ("x = 1", "complete"), ("x", "complete"), ("", "complete"), ("for i = 1, 2 do", "incomplete"),
    ("function f()", "incomplete"), ("x = {1,", "incomplete"), ("s = [[text", "incomplete"),
    ("--[[ note", "incomplete"), ("x = = 1", "invalid"), ("end", "invalid"), ("'open", "invalid"),
])
def test_is_complete(session, code, status):
    reply = session.ask("is_complete_request", {"code": code}).reply
    assert reply["status"] == status
    assert ("indent" in reply) == (status == "incomplete")


def test_history(session):
    for code in ("a = 1", "b = 2", "a = 1", "error('x')"):
        session.run(code)
    session.run("hidden = 1", store_history=False)

    def lines(**content):
        reply = session.ask("history_request", {"output": False, "raw": True, **content}).reply
        assert reply["status"] == "ok"
        return [tuple(entry) for entry in reply["history"]]

    assert lines(hist_access_type="tail", n=2) == [(1, 3, "a = 1"), (1, 4, "error('x')")]
    assert lines(hist_access_type="range", session=0, start=1, stop=3) == [
        (1, 1, "a = 1"), (1, 2, "b = 2")]
    assert lines(hist_access_type="search", pattern="a*", n=9) == [
        (1, 1, "a = 1"), (1, 3, "a = 1")]
    assert lines(hist_access_type="search", pattern="a*", n=9, unique=True) == [(1, 3, "a = 1")]
    assert lines(hist_access_type="tail", n=1, output=True) == [(1, 4, ["error('x')", None])]


def test_comm_info(session):
    assert session.ask("comm_info_request").reply == {"status": "ok", "comms": {}}


# ---- tool_request ----

@pytest.mark.parametrize("channel", ["shell", "control"])
def test_tool_request(session, channel):
    def ask(**content):
        return session.ask("tool_request", content, channel).reply

    names = [tool["name"] for tool in ask(command="list")["tools"]]
    assert names == sorted(p.stem for p in (BUILD / "lib/llmspell/tools").glob("*.so"))
    info = ask(command="info", name="calculator")
    assert info["tool"] == "calculator" and info["info"]["parameters"]["type"] == "object"
    invoked = ask(command="invoke", name="calculator",
                  params={"input": "2*x+1", "variables": {"x": 5}})
    assert invoked["status"] == "ok" and invoked["tool"] == "calculator"
    assert invoked["result"]["result"] == 11 and invoked["duration_ms"] >= 0
    found = ask(command="search", query="digest checksum")["tools"]
    assert found[0]["name"] == "hash_calculator"
    tests = ask(command="test", name="calculator")["tests"]
    assert len(tests) >= 2 and all(test["status"] == "ok" for test in tests)


@pytest.mark.parametrize("content, code, path", [
    ({"command": "invoke", "name": "nosuch", "params": {}}, "unknown_tool", None),
    ({"command": "info", "name": "nosuch"}, "unknown_tool", None),
    ({"command": "test", "name": "nosuch"}, "unknown_tool", None),
    ({"command": "invoke", "name": "calculator", "params": {"input": 5}}, "invalid_params",
     "/input"),
    ({"command": "invoke", "name": "calculator", "params": {"input": "1", "more": 1}},
     "invalid_params", "/more"),
    ({"command": "invoke", "name": "calculator", "params": {"input": "2 *"}}, "parse_error",
     "/input"),
    ({"command": "invoke", "name": "calculator", "params": []}, "invalid_params", ""),
    ({"command": "invoke"}, "invalid_params", "/name"),
    ({"command": "dance"}, "invalid_params", "/command"),
    ({}, "invalid_params", "/command"),
])
def test_tool_request_errors(session, content, code, path):
    reply = session.ask("tool_request", content, "control").reply
    assert reply["status"] == "error" and reply["error"]["code"] == code
    assert reply["error"]["message"]
    assert path is None or reply["error"].get("path", "") == path


def test_control_is_answered_while_a_cell_runs(session):
    cell = session.start_running(RUN_ON)
    assert session.ask("kernel_info_request", channel="control").reply["status"] == "ok"
    answer = session.ask("tool_request", {"command": "invoke", "name": "calculator",
                                          "params": {"input": "6*7"}}, "control").reply
    assert answer["result"]["result"] == 42
    status = session.ask("status_request", channel="control").reply
    assert status["execution_state"] == "busy" and status["pending"] == 1
    session.ask("interrupt_request", channel="control")
    assert session.until_idle(cell) and session.reply(cell)["content"]["status"] == "error"


def test_status(kernel, session):
    session.run("1")
    session.run("error()")
    status = session.ask("status_request").reply
    assert status["status"] == "ok" and status["kernel_id"] == "test"
    assert status["pid"] == kernel.started["pid"] == kernel.connection["pid"]
    assert status["execution_state"] == "idle" and status["pending"] == 0
    assert status["execution_count"] == 2 and status["errors"] == 1
    assert status["workdir"] == str(kernel.cwd) and status["uptime_ms"] >= 0
    assert status["runtime"] == "lua" and status["protocol"] == "jupyter,dap"
    assert status["tools"] == len(list((BUILD / "lib/llmspell/tools").glob("*.so")))
    assert status["rss_bytes"] > 1_000_000


# ---- two clients ----

def test_two_clients_see_each_other(kernel, session, open_session):
    other = open_session(kernel.started["connection_file"])
    cell = session.execute("print('for all'); return 7")
    session.finish(cell)
    code = other.foreign_event("execute_input")
    assert code["content"]["code"].startswith("print('for all')")
    stream, result = other.foreign_event("stream"), other.foreign_event("execute_result")
    assert stream["content"]["text"] == "for all\n"
    assert result["content"]["data"]["text/plain"] == "7"
    for event in (code, stream, result):
        assert event["parent_header"]["msg_id"] == cell
        assert event["parent_header"]["session"] == session.client.session.session
    other.run("shared = 'from the other'")
    assert session.run("shared").value == "from the other"


def test_input_goes_to_the_client_that_asked(kernel, session, open_session):
    other = open_session(kernel.started["connection_file"])
    mine = session.execute("return 'first ' .. io.read()")
    session.question()
    theirs = other.execute("return 'second ' .. io.read()")
    session.wait_pending(2)
    session.input("A")
    assert session.finish(mine).value == "first A"
    other.question()
    other.input("B")
    assert other.finish(theirs).value == "second B"
