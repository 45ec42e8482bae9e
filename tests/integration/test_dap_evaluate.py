# SPDX-License-Identifier: Apache-2.0
"""Expressions while the program is stopped: every context, what they may change, and their ends."""
import time

import pytest

from dap_session import (  # noqa: F401 (fixtures)
    SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)

TEXT = """local up = 10
local function f(a, ...)
  local b = {n = 1, list = {1, 2, 3}}
  function b:method() return self.n end
  print(a, up)
  return b
end
f(1, 'v1', 'v2')
print('end')
"""


def stop(dap, script, text=TEXT, line=5):
    dap.begin(script(text), [line])
    return dap.stopped("breakpoint")[1]


def end(dap):
    dap.resume()
    assert dap.finish() == 0


@pytest.mark.parametrize("expression, result", [
    ("a", "1"), ("a + up", "11"), ("b.n", "1"), ("b:method()", "1"), ("#b.list", "3"),
    ("select('#', ...)", "2"), ("(...)", '"v1"'), ("nothing", "nil"), ("1 == 1", "true"),
    ("local z = 5 return z * 2", "10"), ("string.format('%d', 3)", '"3"'), ("nil", "nil"),
    ("return a", "1"), ("_G.print == print", "true"), ("2^53 | 0", "9007199254740992"),
    ("(function() return a end)()", "1"), (" a ", "1"), ("a -- comment", "1"), ("'ü'", '"ü"')])
@pytest.mark.parametrize("context", ["repl", "watch"])
def test_expressions(dap, script, expression, result, context):
    frame = stop(dap, script)
    assert dap.evaluate(expression, frame, context)["result"] == result
    end(dap)


def test_several_values(dap, script):
    frame = stop(dap, script)
    result = dap.evaluate("1, 'two', nil", frame)["result"]
    assert "1" in result and "two" in result
    end(dap)


def test_other_frames(dap, script):
    stop(dap, script)
    outer = dap.frames()[1]
    assert dap.evaluate("up", outer)["result"] == "10"
    assert dap.evaluate("a", outer)["result"] == "nil"
    end(dap)


def test_statements_change_the_frame(dap, script):
    frame = stop(dap, script)
    dap.evaluate("a = 'changed'", frame)
    dap.evaluate("up = up + 1", frame)
    dap.evaluate("new_global = a .. up", frame)
    assert dap.evaluate("new_global", frame)["result"] == '"changed11"'
    end(dap)
    assert dap.output() == "changed\t11\nend\n"


def test_a_table_can_be_opened(dap, script):
    frame = stop(dap, script)
    body = dap.evaluate("b", frame, "hover")
    assert body["type"] == "table" and body["variablesReference"] > 0
    assert dap.variables(body["variablesReference"])["n"]["value"] == "1"
    end(dap)


@pytest.mark.parametrize("expression, why", [
    ("a +", "near"), ("error('mine')", "mine"), ("nothing.field", "nothing"),
    ("error({})", "table"), ("error()", "nil"), ("a b c", ""), (")", ""), ("", "")])
@pytest.mark.parametrize("context", ["repl", "watch", "hover"])
def test_failures_lose_nothing(dap, script, expression, why, context):
    frame = stop(dap, script)
    if expression:
        assert why in dap.fail("evaluate", expression=expression, frameId=frame["id"], context=context)
    else:
        dap.response(dap.send("evaluate", expression=expression, frameId=frame["id"], context=context))
    assert dap.evaluate("a", frame)["result"] == "1"
    assert dap.frames()[0]["line"] == 5
    end(dap)


@pytest.mark.parametrize("context, heard", [("repl", True), ("watch", False), ("hover", False)])
def test_output_of_what_is_evaluated(dap, script, context, heard):
    frame = stop(dap, script)
    dap.evaluate("print('side')", frame, context)
    end(dap)
    assert ("side" in dap.output()) is heard


@pytest.mark.parametrize("expression", [
    "(function() while true do end end)()", "while true do pcall(function() while true do end end) end",
    "coroutine.wrap(function() while true do coroutine.yield() end end)() or (function() while true do end end)()",
    "os.execute('sleep 100')"])
def test_an_endless_one_is_cancelled(dap, script, expression):
    frame = stop(dap, script)
    seq = dap.send("evaluate", expression=expression, frameId=frame["id"], context="repl")
    time.sleep(0.1)
    begun = time.monotonic()
    dap.ask("cancel", requestId=seq)
    response = dap.response(seq)
    assert response["success"] is False and response["message"] == "cancelled"
    assert time.monotonic() - begun < 2 * SLOW
    assert dap.evaluate("a", frame)["result"] == "1"
    assert dap.frames()[0]["line"] == 5
    end(dap)
    assert dap.output() == "1\t10\nend\n"


@pytest.mark.parametrize("command", ["terminate", "restart", "disconnect"])
def test_the_end_while_an_evaluation_runs(dap, script, command):
    frame = stop(dap, script)
    seq = dap.send("evaluate", expression="(function() while true do end end)()", frameId=frame["id"])
    time.sleep(0.1)
    dap.ask(command)
    if command == "disconnect":
        dap.end()
        return
    assert dap.response(seq)["success"] is False
    if command == "restart":
        dap.stopped("breakpoint")
        end(dap)
    else:
        assert dap.finish() != 0


def test_cancel_of_what_is_not_there(dap, script):
    frame = stop(dap, script)
    dap.ask("cancel", requestId=4711)
    assert dap.evaluate("a", frame)["result"] == "1"
    end(dap)


def test_continue_while_an_evaluation_runs(dap, script):
    """Requests are answered in order: continue waits, and cancel goes past it."""
    frame = stop(dap, script)
    seq = dap.send("evaluate", expression="(function() while true do end end)()", frameId=frame["id"])
    later = dap.send("continue", threadId=1)
    dap.ask("cancel", requestId=seq)
    assert dap.response(seq)["success"] is False
    assert dap.response(later)["success"] is True
    assert dap.finish() == 0


def test_breakpoints_do_not_stop_inside(dap, script):
    path = script("local function g()\n  return 5\nend\nlocal x = g()\nprint(x)\n")
    dap.begin(path, [4, 2])
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 4 and dap.evaluate("g()", frame)["result"] == "5"
    dap.resume()
    _, frame = dap.stopped("breakpoint")
    assert frame["line"] == 2
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[])
    end(dap)


def test_tools_can_be_called(dap, script):
    frame = stop(dap, script)
    assert dap.evaluate("#Tool.list() > 0", frame)["result"] == "true"
    end(dap)


def test_without_a_frame_it_is_about_the_globals(dap, script):
    stop(dap, script, "g = 5\nlocal hidden = 6\nprint(g)\n", 3)
    assert dap.evaluate("g")["result"] == "5"
    assert dap.evaluate("hidden")["result"] == "nil"
    end(dap)


def test_while_it_runs(dap, script):
    dap.begin(script("g = 1\nprint('here')\nwhile g == 1 do end\n"))
    dap.event("output")
    assert dap.evaluate("g")["result"] == "1"
    dap.evaluate("g = 2")
    assert dap.finish() == 0


def test_an_environment_of_its_own(dap, script):
    frame = stop(dap, script, "local print = print\nlocal function f()\n  local _ENV = {x = 'mine'}\n  y = 1\n  print(x, y)\nend\nf()\n", 5)
    assert dap.evaluate("x", frame)["result"] == '"mine"'
    dap.evaluate("x = 'other'", frame)
    end(dap)
    assert dap.output() == "other\t1\n"


def test_what_an_expression_keeps_outlives_the_stop(dap, script):
    frame = stop(dap, script, "local x = 5\nprint(x)\nprint(keep())\n", 2)
    dap.evaluate("keep = function() return x end", frame)
    dap.resume()
    assert dap.finish() == 0
    assert dap.output().startswith("5\n")


def test_a_frame_that_is_gone(dap, script):
    frame = stop(dap, script)
    dap.resume("next")
    dap.stopped("step")
    assert dap.fail("evaluate", expression="a", frameId=frame["id"])
    end(dap)


def test_yield_in_an_expression(dap, script):
    frame = stop(dap, script)
    assert dap.fail("evaluate", expression="coroutine.yield(1)", frameId=frame["id"])
    end(dap)


def test_exit_in_an_expression_is_its_own_affair(dap, script):
    frame = stop(dap, script)
    dap.response(dap.send("evaluate", expression="os.exit(3)", frameId=frame["id"], context="repl"))
    assert dap.evaluate("a", frame)["result"] == "1"
    end(dap)


# ---- completions ----

@pytest.mark.parametrize("text, wanted", [
    ("string.for", "format"), ("b.li", "list"), ("b:me", "method"), ("u", "up"), ("pri", "print"),
    ("x = b.", "n"), ("math.", "floor")])
def test_completions(dap, script, text, wanted):
    frame = stop(dap, script)
    targets = dap.ask("completions", text=text, column=len(text) + 1, frameId=frame["id"])["targets"]
    found = {t.get("text", t["label"]): t for t in targets}
    assert any(name == wanted or name.startswith(wanted + "(") or name.endswith(wanted) for name in found), found
    end(dap)


def test_completions_replace_what_was_typed(dap, script):
    frame = stop(dap, script)
    typed = "local q = b.li"
    target, = dap.ask("completions", text=typed, column=len(typed) + 1, frameId=frame["id"])["targets"]
    start, text = target["start"] - 1, target.get("text", target["label"])
    kept = typed[:start] + text + typed[start + target["length"]:]
    assert kept == "local q = b.list", target
    end(dap)


def test_completions_in_the_second_line(dap, script):
    frame = stop(dap, script)
    targets = dap.ask("completions", text="local q = 1\nb.li", line=2, column=5, frameId=frame["id"])["targets"]
    assert any("list" in t["label"] for t in targets)
    end(dap)
