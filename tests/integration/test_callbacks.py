# SPDX-License-Identifier: Apache-2.0
"""Callbacks of native tools (docs/native.md): tools and functions of a script that C calls back,
and what a process that is not trusted may call."""
import json
import os
import shutil

import pytest

from conftest import ROOT
from jupyter_session import open_session  # noqa: F401 (fixture)
from plugins import maker

COMPARE = {"name": "compare", "type": "callback", "returns": {"type": "int"},
           "arguments": [{"name": "a", "type": "int"}, {"name": "b", "type": "int"}]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools") / "plugins"
    arguments = {"steal": [{"name": "text", "type": "string"}, COMPARE], "again": [COMPARE]}
    for name, given in arguments.items():
        native = {"library": None, "symbol": name, "arguments": given, "returns": {"type": "int"}}
        text = maker.manifest(name, native=native, parameters=None, result=None, examples=[])
        maker.make(folder / f"{name}.so", text, sources=("steal.c",))
    shutil.copyfile(ROOT / "examples" / "native" / "qsort.json", folder / "qsort.json")
    os.chmod(folder / "qsort.json", 0o644)
    native = {"library": "libc.so.6", "symbol": "difftime", "returns": {"type": "double"},
              "arguments": [{"name": "a", "type": "i64"}, {"name": "b", "type": "i64"}]}
    minus = maker.manifest("minus", native=native, parameters=None, result=None, examples=[])
    (folder / "minus.json").write_text(json.dumps(minus))
    os.chmod(folder / "minus.json", 0o644)
    return folder


@pytest.fixture
def lua(llmspell, folder):
    def run(code, *settings, status=0):
        done = llmspell.run("--plugin-dir", folder, *settings, "exec", code)
        assert done.status == status, done
        return done.out.rstrip("\n") if status == 0 else done.err
    return run


SORT = "local s = Tool.qsort{numbers = {3, -1, 2, 40, 5}, compare = %s}; " \
       "print(table.concat(s.numbers, ' '))"


@pytest.mark.parametrize("compare, sorted", [
    ("function(p) return p.a - p.b end", "-1 2 3 5 40"),
    ("function(p) return {result = p.b - p.a} end", "40 5 3 2 -1"),
    ("function(p) return Tool.calculator{input = p.a .. '-(' .. p.b .. ')'}.result end",
     "-1 2 3 5 40"),
    ("function(p) return coroutine.wrap(function() return p.a - p.b end)() end", "-1 2 3 5 40"),
    ("'tool:minus'", "-1 2 3 5 40"),
])
def test_what_answers(lua, compare, sorted):
    assert lua(SORT % compare) == sorted
    assert lua(f"coroutine.wrap(function() {SORT % compare} end)()") == sorted


def test_output_of_a_function_has_its_place(lua):
    assert lua("print('before') local s = Tool.qsort{numbers = {2, 1}, "
               "compare = function(p) print(p.a, p.b) return 1 end} print('after')") == \
        "before\n2\t1\nafter"


@pytest.mark.parametrize("params, code, path, message", [
    ("numbers = {2, 1}, compare = function() error('no luck') end", "failed", None, "no luck"),
    ("numbers = {2, 1}, compare = function() error({message = 'a table'}) end", "failed", None,
     "a table"),
    ("numbers = {2, 1}, compare = function() return 'x' end", "failed", None,
     'what function:compare answered the callback "compare" must be an integer'),
    ("numbers = {2, 1}, compare = function() return print end", "failed", None,
     "cannot convert a function"),
    ("numbers = {2, 1}, compare = function() return 2^40 // 1 end", "failed", None, "function:compare"),
    ("numbers = {2, 1}, compare = function() coroutine.yield() end", "failed", None, "yield"),
    ("numbers = {2, 1}, compare = 'function:compare'", "invalid_params", "/compare",
     "only a script can pass one"),
    ("numbers = {2, 1}, compare = 'minus'", "invalid_params", None, "write tool:NAME"),
    ("numbers = {2, 1}, compare = 'tool:nobody'", "invalid_params", None, "no tool is called nobody"),
    ("numbers = print, compare = 'tool:minus'", "invalid_params", "/numbers", "must be an array"),
    ("numbers = {print}, compare = 'tool:minus'", "invalid_params", "/numbers/0",
     "cannot convert a function"),
])
def test_errors(lua, params, code, path, message):
    said = lua(f"local _, e = pcall(Tool.qsort, {{{params}}}) print(JSON.stringify(e)) print(e)")
    error = json.loads(said.splitlines()[0])
    assert message in error["message"], error
    assert error.get("path") == path, error
    assert error["code"] == code, error
    assert "42" in lua(f"pcall(Tool.qsort, {{{params}}}) print(Tool.calculator{{input='6*7'}}.result)")


def test_a_tool_without_callbacks_takes_no_function(lua):
    assert "/input is a function; only a callback of a native tool takes one" in lua(
        "print(select(2, pcall(Tool.calculator, {input = print})))")


def test_depth(lua):
    said = lua("local n = 0 local function deep() n = n + 1 "
               "return Tool.qsort{numbers = {2, 1}, compare = deep}.numbers[1] end "
               "local _, e = pcall(deep) print(n) print(e)")
    assert said.startswith("9\n") and "more than 8 tools call one another" in said


def test_time_limits(lua):
    """The tool's limit counts what the function takes; the script's own ends the function."""
    assert "was stopped after its time limit of 300 ms" in lua(
        "print(select(2, pcall(Tool.invoke, 'again', {compare = function() return 1 end}, "
        "{timeout_ms = 300})))")
    assert "timeout_s = 0.3" in lua(
        "Tool.again{compare = function() while true do end end}", "--set",
        "runtime.lua.timeout_s=0.3", status=1)
    done = lua("print(select(2, pcall(Tool.invoke, 'again', {compare = 'tool:minus'}, "
               "{timeout_ms = 300})))")
    assert "time limit" in done, done


@pytest.mark.parametrize("body", ["while true do end", "return 1", "pcall(error) return 1",
                                  "return Tool.calculator{input = '1'}.result"])
def test_interrupt(llmspell, folder, open_session, body):
    llmspell.start("--plugin-dir", folder)
    session = open_session(llmspell.home / "kernels" / "test.json")
    code = f"print('runs') Tool.again{{compare = function() {body} end}}"
    msg_id = session.send("execute_request", {"code": code})
    session.until(msg_id, "stream")
    session.ask("interrupt_request", {}, channel="control")
    session.until_idle(msg_id)
    reply = session.reply(msg_id)["content"]
    assert reply["ename"] == "KeyboardInterrupt", reply
    assert session.run("return 6 * 7").value == "42"


def test_a_client_cannot_name_functions(llmspell, folder, open_session):
    llmspell.start("--plugin-dir", folder)
    session = open_session(llmspell.home / "kernels" / "test.json")
    request = {"command": "invoke", "name": "qsort", "functions": ["compare"],
               "params": {"numbers": [2, 1], "compare": "function:compare"}}
    reply = session.ask("tool_request", request).reply
    assert reply["error"]["code"] == "invalid_params" and reply["error"]["path"] == "/compare", reply


@pytest.mark.parametrize("name", ["tool:file_operations", "tool:minu", "function:x", "x", ""])
def test_a_process_calls_only_what_is_named(llmspell, folder, tmp_path, name):
    """A native tool that speaks to the kernel by itself has the rights of no other tool."""
    frame = json.dumps({"name": name, "params": {"operation": "write", "path": "stolen",
                                                 "content": "x"}})
    params = json.dumps({"text": frame, "compare": "tool:minus"})
    done = llmspell.run("--plugin-dir", folder, "tool", "invoke", "steal", "--params", params,
                        "--output", "json", cwd=tmp_path)
    assert done.json["result"] == {"result": ord("E")}, done
    assert not (tmp_path / "stolen").exists()
