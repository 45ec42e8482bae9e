# SPDX-License-Identifier: Apache-2.0
"""tool_request on both channels over a raw Jupyter client, also while a cell loops; what is wrong in
each field; and the same from the command line."""
import json
import re
from pathlib import Path

import pytest

from jupyter_session import (  # noqa: F401 (fixtures)
    RUN_ON, llmspell, open_session, session, wait_until)

CHANNELS = ("shell", "control")


@pytest.fixture(params=[False, True], ids=["idle", "busy"])
def kernel_at_work(request, session):
    """A session of an idle kernel, and of one whose cell loops."""
    if not request.param:
        yield session
        return
    cell = session.start_running(RUN_ON)
    yield session
    assert session.ask("status_request", channel="control").reply["execution_state"] == "busy"
    session.ask("interrupt_request", channel="control")
    session.until_idle(cell)
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_command(kernel_at_work, channel):
    def ask(**content):
        reply = kernel_at_work.ask("tool_request", content, channel).reply
        assert reply["status"] == "ok", reply
        return reply

    tools = ask(command="list")["tools"]
    row = {tool["name"]: tool for tool in tools}["calculator"]
    assert set(row) >= {"name", "title", "description", "category", "version", "level", "keywords"}
    of_category = ask(command="list", category=row["category"])["tools"]
    assert row in of_category and all(t["category"] == row["category"] for t in of_category)
    assert len(of_category) < len(tools) and ask(command="list", category="nosuch")["tools"] == []
    info = ask(command="info", name="Calculator")
    assert info["tool"] == "calculator" and set(info["info"]) >= {
        "manifest", "kind", "name", "version", "abi", "parameters", "result", "examples", "level",
        "effective_isolation", "granted", "file"}
    done = ask(command="invoke", name="calculator", params={"input": "6*7"}, timeout_ms=20_000)
    assert (done["tool"], done["result"]["result"]) == ("calculator", 42)
    assert done["duration_ms"] >= 0
    tested = ask(command="test", name="Calculator")
    assert tested["tool"] == "calculator" and len(tested["tests"]) == len(info["info"]["examples"])
    assert all(test["status"] == "ok" and test["title"] for test in tested["tests"])


@pytest.mark.parametrize("query, found", [
    ("hash", True), ("digest CHECKSUM", True), (["digest", "checksum"], True), (["hash"], True),
    ("digest\tchecksum\n", True), ("digest nosuchword", False), (["digest", "nosuchword"], False),
    (["digest checksum"], False), ("", True), ([], True)])
def test_search(session, query, found):
    """Names, descriptions and keywords; each word must be there."""
    tools = session.ask("tool_request", {"command": "search", "query": query}).reply["tools"]
    assert ("hash_calculator" in [tool["name"] for tool in tools]) is found


def test_search_in_a_category(session):
    def names(**content):
        reply = session.ask("tool_request", {"command": "search", "query": "", **content}).reply
        return [tool["name"] for tool in reply["tools"]]

    info = session.ask("tool_request", {"command": "info", "name": "calculator"}).reply["info"]
    assert "calculator" in names(category=info["category"])
    assert "calculator" in names(category=None) and names(category="nosuch") == []


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("content, path", [
    ({}, "/command"), ({"command": None}, "/command"), ({"command": 5}, "/command"),
    ({"command": ["list"]}, "/command"), ({"command": "dance"}, "/command"),
    ({"command": ""}, "/command"),
    ({"command": "list", "category": 5}, "/category"),
    ({"command": "list", "category": ["math"]}, "/category"),
    ({"command": "search", "query": "x", "category": {}}, "/category"),
    ({"command": "search"}, "/query"), ({"command": "search", "query": None}, "/query"),
    ({"command": "search", "query": 5}, "/query"), ({"command": "search", "query": {}}, "/query"),
    ({"command": "search", "query": ["a", 5]}, "/query/1"),
    ({"command": "search", "query": [["a"]]}, "/query/0"),
    ({"command": "info"}, "/name"), ({"command": "info", "name": 5}, "/name"),
    ({"command": "test", "name": []}, "/name"), ({"command": "invoke", "name": {}}, "/name"),
    ({"command": "invoke", "name": "calculator", "params": []}, ""),
    ({"command": "invoke", "name": "calculator", "params": "x"}, ""),
    ({"command": "invoke", "name": "calculator", "timeout_ms": "1"}, "/timeout_ms"),
    ({"command": "invoke", "name": "calculator", "timeout_ms": 1.5}, "/timeout_ms"),
    ({"command": "invoke", "name": "calculator", "timeout_ms": -1}, "/timeout_ms"),
    ({"command": "invoke", "name": "calculator", "timeout_ms": True}, "/timeout_ms"),
])
def test_wrong_types_are_named(session, content, path, channel):
    reply = session.ask("tool_request", content, channel).reply
    assert reply["status"] == "error" and reply["error"]["code"] == "invalid_params", reply
    assert reply["error"]["path"] == path and reply["error"]["message"]
    field = path.strip("/").partition("/")[0]
    assert field in reply["error"]["message"]


def test_nulls_count_as_absent(session):
    reply = session.ask("tool_request", {"command": "invoke", "name": "calculator",
                                         "params": {"input": "6*7"}, "timeout_ms": None}).reply
    assert reply["status"] == "ok" and reply["result"]["result"] == 42


def test_the_command_line_says_the_same(kernel, session):
    """`tool test`, embedded and with --kernel, and the message."""
    asked = session.ask("tool_request", {"command": "test", "name": "calculator"}, "control").reply
    embedded = kernel.json("tool", "test", "calculator")
    remote = kernel.json("--kernel", "test", "tool", "test", "calculator")
    assert asked == embedded == remote and asked["status"] == "ok"
    text = kernel.run("--kernel", "test", "tool", "test", "calculator")
    assert text.status == 0 and f"{len(asked['tests'])} passed, 0 failed" in text.out
    missing = [kernel.json(*where, "tool", "test", "calculatr") for where in
               ([], ["--kernel", "test"])]
    assert missing[0] == missing[1] and missing[0]["error"]["code"] == "unknown_tool"


# ---- test, when it does not go well ----

def native(llmspell, name, symbol, argument, examples):
    """A bare manifest that binds a function of libc in the user's plugin folder."""
    folder = llmspell.home / "plugins"
    folder.mkdir(mode=0o755, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({
        "manifest": 1, "kind": "tool", "name": name, "version": "1.0.0",
        "abi": {"major": 1, "minor": 0}, "title": name, "description": f"Calls {symbol}.",
        "category": "utility", "capabilities": [], "license": "Apache-2.0",
        "annotations": {"readOnly": True, "destructive": False, "idempotent": True,
                        "openWorld": False},
        "limits": {"wall_ms": 600_000},
        "native": {"library": "libc.so.6", "symbol": symbol, "arguments": [argument],
                   "returns": {"type": "i32"}},
        "examples": examples}))
    (folder / f"{name}.json").chmod(0o644)


def test_examples_that_fail(llmspell, open_session):
    native(llmspell, "absolute", "abs", {"name": "x", "type": "i32"}, [
        {"title": "right", "params": {"x": -2}, "result": {"result": 2}},
        {"title": "wrong", "params": {"x": -2}, "result": {"result": 3}}])
    session = open_session(llmspell.start()["connection_file"])
    reply = session.ask("tool_request", {"command": "test", "name": "absolute"}).reply
    assert reply["status"] == "error" and reply["tool"] == "absolute"
    assert reply["error"]["code"] == reply["ename"] == "failed"
    assert reply["evalue"] == "1 of 2 examples of absolute failed"
    assert [(test["title"], test["status"]) for test in reply["tests"]] == [
        ("right", "ok"), ("wrong", "error")]
    assert reply["tests"][1]["message"] and "message" not in reply["tests"][0]
    for where in ([], ["--kernel", "test"]):
        done = llmspell.run(*where, "--output", "json", "tool", "test", "absolute")
        assert done.status == 1 and done.json == reply
        text = llmspell.run(*where, "tool", "test", "absolute")
        assert text.status == 1 and "1 passed, 1 failed" in text.out, text
        every = llmspell.run(*where, "tool", "test", "--all")
        assert every.status == 1 and re.search(r"\nabsolute +2 +1 +1 ", every.out), every
        assert re.search(r"\ntotal +\d+ +\d+ +1 ", every.out)
        assert re.search("^absolute: wrong: ", every.err, re.M), every  # ASan may speak first
        reports = llmspell.run(*where, "-o", "json", "tool", "test", "--all")
        failed = [report for report in reports.json if report["failed"]]
        assert reports.status == 1 and [report["tool"] for report in failed] == ["absolute"]
        assert failed[0]["error"]["code"] == "failed" and failed[0]["tests"] == reply["tests"]


def children(pid):
    return [child for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]


def test_a_test_is_interrupted(llmspell, open_session):
    native(llmspell, "slow", "sleep", {"name": "seconds", "type": "u32"}, [
        {"title": "an hour", "params": {"seconds": 3600}, "result": {"result": 0}},
        {"title": "another one", "params": {"seconds": 3600}, "result": {"result": 0}}])
    started = llmspell.start()
    session = open_session(started["connection_file"])
    request = session.send("tool_request", {"command": "test", "name": "slow"}, "control")
    wait_until(lambda: children(started["pid"]), "the process of the tool")
    found = session.ask("interrupt_request", {"msg_id": request}, "control").reply
    assert found["found"] is True
    reply = session.finish(request, "control").reply
    assert reply["status"] == "error" and reply["error"]["code"] == "cancelled", reply
    assert "slow" in reply["evalue"]
