# SPDX-License-Identifier: Apache-2.0
"""JupyterLab's panel of variables, its console and its copies, over the control channel."""
import time

from jupyter_session import (  # noqa: F401 (fixtures)
    PAUSE, SLOW, llmspell, open_session, session)
from lab_session import Lab, lab  # noqa: F401 (a fixture)

CODE = "-- cell\nlocal x = 1\n\nlocal y = x + 1\nprint(y)"


def test_types_that_the_panel_shows(session, lab):
    """Rule 9."""
    lab.start()
    session.run("i, f, b, s = 1, 1.5, true, 'text'\nt, fn = {1}, function() end")
    variables = {v["name"]: v for v in lab.ask("inspectVariables")["variables"]}
    assert [variables[n]["type"] for n in "ifbs"] == ["int", "float", "bool", "str"]
    assert not variables["t"].get("type") and not variables["fn"].get("type")
    assert variables["t"]["variablesReference"] > 0 and variables["i"]["variablesReference"] == 0
    assert "print" not in variables, "what Lua defines is a group of its own"
    group = variables["special variables"]
    assert "print" in [v["name"] for v in lab.ask("variables", variablesReference=group["variablesReference"])["variables"]]
    inner = lab.ask("variables", variablesReference=variables["t"]["variablesReference"])["variables"]
    assert inner[0]["value"] == "1"


def test_inspect_variables_in_numbers_while_a_cell_runs(session, lab):
    """Rule 8."""
    lab.start()
    cell = session.start_running("n = 1 print('running') while not stop do n = n + 1 " + PAUSE + " end")
    begun = time.monotonic()
    for _ in range(100):
        names = [v["name"] for v in lab.ask("inspectVariables")["variables"]]
        assert "n" in names
    assert time.monotonic() - begun < 10 * SLOW
    session.ask("interrupt_request", channel="control")
    session.until_idle(cell)
    assert session.reply(cell)["content"]["ename"] == "KeyboardInterrupt"


def test_inspect_variables_at_once_in_a_flood_of_output(session, lab):
    lab.start()
    cell = session.execute("for i = 1, 200 do print(i) io.stdout:flush() end")
    ids = [lab.send("inspectVariables") for _ in range(50)]
    for one in ids:
        assert lab.answer(one)["success"]
    assert lab.finish(cell)["status"] == "ok"


def test_rich_inspect_variables(session, lab):
    lab.start()
    session.run("shown = {1, 2, 3}")
    data = lab.ask("richInspectVariables", variableName="shown")
    assert "text/plain" in data["data"] and isinstance(data["metadata"], dict)
    code = "local inner = {name = 'inner'}\nlocal after = 1"
    lab.breakpoints(code, 2)
    cell = session.execute(code)
    _, frames = lab.stop(cell)
    assert "inner" in lab.ask("richInspectVariables", variableName="inner", frameId=frames[0]["id"])["data"]["text/plain"]
    assert lab.fail("richInspectVariables", variableName="nobody.at.all", frameId=frames[0]["id"])
    lab.go()
    lab.finish(cell)
    assert lab.ask("richInspectVariables", variableName="shown")["data"]["text/plain"]


def test_copy_to_globals(session, lab):
    lab.start()
    code = "local inner = {5}\nlocal after = 1"
    lab.breakpoints(code, 2)
    cell = session.execute(code)
    _, frames = lab.stop(cell)
    lab.ask("copyToGlobals", srcVariableName="inner", dstVariableName="copied", srcFrameId=frames[0]["id"])
    lab.go()
    lab.finish(cell)
    assert session.run("copied[1]").value == "5"


def test_evaluate_in_the_console(session, lab):
    lab.start()
    lab.breakpoints(CODE, 4)
    cell = session.execute(CODE)
    _, frames = lab.stop(cell)
    assert lab.ask("evaluate", context="repl", expression="x + 40", frameId=frames[0]["id"])["result"] == "41"
    lab.ask("evaluate", context="repl", expression="x = 9", frameId=frames[0]["id"])
    assert lab.fail("evaluate", context="repl", expression="error('no')", frameId=frames[0]["id"])
    lab.go()
    reply = session.reply(cell)["content"]
    text = "".join(e["content"]["text"] for e in session.until_idle(cell) if e["msg_type"] == "stream")
    assert reply["status"] == "ok" and text == "10\n"
