# SPDX-License-Identifier: Apache-2.0
"""What initialize promises, and the order of things: each capability is used somewhere, each
request is answered in any state, long work is told of."""
import random

import pytest

from conftest import ROOT
from dap_session import (  # noqa: F401 (fixtures)
    SCHEMA, SLOW, connect, daemon_port, dap, debugger_port, llmspell, open_dap, script, start_stdio)

# A capability, and the request or property that a test makes use of.
PROMISES = {
    "supportsConfigurationDoneRequest": "configurationDone", "supportsFunctionBreakpoints": "setFunctionBreakpoints",
    "supportsConditionalBreakpoints": '"condition"', "supportsHitConditionalBreakpoints": '"hitCondition"',
    "supportsLogPoints": '"logMessage"', "supportsEvaluateForHovers": '"hover"', "supportsSetVariable": "setVariable",
    "supportsSetExpression": "setExpression", "supportsCompletionsRequest": "completions", "supportsModulesRequest": "modules",
    "supportsRestartRequest": '"restart"', "supportsExceptionInfoRequest": "exceptionInfo",
    "supportsExceptionFilterOptions": "filterOptions", "supportsValueFormattingOptions": '"hex"',
    "supportTerminateDebuggee": "terminateDebuggee", "supportsTerminateRequest": '"terminate"',
    "supportsDelayedStackTraceLoading": "startFrame", "supportsLoadedSourcesRequest": "loadedSources",
    "supportsBreakpointLocationsRequest": "breakpointLocations", "supportsClipboardContext": '"clipboard"',
    "supportsCancelRequest": '"cancel"', "supportsStepInTargetsRequest": "stepInTargets",
    "supportsDataBreakpoints": "setDataBreakpoints"}


def test_every_promise_is_tested(dap):
    capabilities = dap.ask("initialize", adapterID="test")
    promised = {name for name, value in capabilities.items() if value is True}
    assert promised == set(PROMISES)
    tests = "".join(path.read_text() for path in (ROOT / "tests/integration").glob("test_dap_*.py")
                    if path.name != "test_dap_protocol.py")
    assert not [name for name, word in PROMISES.items() if word not in tests]


REQUESTS = sorted(name[:-len("Request")] for name in SCHEMA["definitions"]
                  if name.endswith("Request") and name not in ("Request", "RunInTerminalRequest", "StartDebuggingRequest"))


@pytest.mark.parametrize("state", ["new", "initialized", "stopped", "running", "ended"])
def test_every_request_is_answered_in_any_state(dap, script, state):
    path = script("local t = {1}\nprint(t)\nwhile hold do end\n")
    if state == "initialized":
        dap.ask("initialize", adapterID="test")
    elif state != "new":
        dap.begin(path, [2])
        dap.stopped()
        if state == "running":
            dap.evaluate("hold = true")
        if state != "stopped":
            dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[])
            dap.resume()
        if state == "ended":
            assert dap.finish() == 0
    left_out = {"Disconnect", "Terminate", "Restart", "Launch", "Attach", "Continue", "Next", "StepIn", "StepOut", "Cancel",
                "ConfigurationDone", "Initialize", "Pause"}
    for name in [n for n in REQUESTS if n not in left_out]:
        command = name[:1].lower() + name[1:]
        for arguments in ({}, {"threadId": "x", "frameId": [], "variablesReference": {}, "expression": 5, "source": 7, "name": 1,
                               "breakpoints": {}, "filters": 3, "line": "a", "text": False, "column": None}):
            response = dap.response(dap.send(command, **arguments))
            assert response["success"] or response["message"], response
    dap.ask("disconnect")
    dap.end()


def test_random_orders(llmspell, daemon_port, script):
    path = str(script("local function f(x)\n  return x\nend\nfor i = 1, 20 do f(i) end\n"))
    chance = random.Random(7)
    for _ in range(30):
        dap = connect(daemon_port)
        choices = [("initialize", {"adapterID": "t"}), ("launch", {"program": path}), ("configurationDone", {}),
                   ("setBreakpoints", {"source": {"path": path}, "breakpoints": [{"line": 2}]}), ("threads", {}),
                   ("continue", {"threadId": 1}), ("next", {"threadId": 1}), ("pause", {"threadId": 1}),
                   ("stackTrace", {"threadId": 1}), ("evaluate", {"expression": "1 + 1"}), ("restart", {}), ("terminate", {}),
                   ("stepIn", {"threadId": 1}), ("cancel", {"requestId": 3}), ("setExceptionBreakpoints", {"filters": ["raised"]})]
        sent = [dap.send("initialize", adapterID="t")]
        sent += [dap.send(command, **arguments) for command, arguments in chance.choices(choices, k=25)]
        for seq in sent:
            dap.response(seq)
        dap.ask("disconnect")
        dap.end()
        dap.close()


def test_progress_of_what_takes_long(dap, script):
    dap.ask("initialize", adapterID="test", supportsProgressReporting=True)
    path = script("local a = 1\nprint(a)\n")
    dap.ask("launch", program=str(path))
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 2}])
    dap.ask("configurationDone")
    _, frame = dap.stopped()
    seq = dap.send("evaluate", expression="(function() while true do end end)()", frameId=frame["id"], context="repl")
    started = dap.event("progressStart")
    assert started["requestId"] == seq and started["cancellable"] is True
    dap.ask("cancel", progressId=started["progressId"])
    assert dap.event("progressEnd")["progressId"] == started["progressId"]
    assert dap.response(seq)["message"] == "cancelled"
    dap.evaluate("a", frame)
    assert [e["event"] for e in dap.all].count("progressStart") == 1
    dap.resume()
    assert dap.finish() == 0


def test_invalidated_after_what_may_change_more(dap, script):
    dap.ask("initialize", adapterID="test", supportsInvalidatedEvent=True)
    path = script("local a = 1\nprint(a)\n")
    dap.ask("launch", program=str(path))
    dap.ask("setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": 2}])
    dap.ask("configurationDone")
    _, frame = dap.stopped()
    dap.evaluate("a", frame, "watch")
    assert "invalidated" not in [e["event"] for e in dap.all]
    dap.evaluate("a = 5", frame, "repl")
    assert dap.event("invalidated") == {"areas": ["variables"]}
    dap.resume()
    assert dap.finish() == 0
