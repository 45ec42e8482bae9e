# SPDX-License-Identifier: Apache-2.0
"""The Lua runtime as a debuggee: sessions, cells, sources, output, launch, reset, subshells."""
import re

import pytest

from debuggee import Failed, bus, bus_plugin, kernel_port, llmspell, open_bus  # noqa: F401
from test_debuggee import run_file, script  # noqa: F401

CELLS = {"prefix": "/tmp/llmspell_1/", "suffix": ".lua", "seed": 0xc70f6907}


def murmur2(data, seed):
    """As JupyterLab computes it."""
    m, size = 0x5bd1e995, len(data)
    h = seed ^ size
    while len(data) >= 4:
        k = int.from_bytes(data[:4], "little") * m & 0xffffffff
        k = (k ^ k >> 24) * m & 0xffffffff
        h = (h * m & 0xffffffff) ^ k
        data = data[4:]
    for i, byte in enumerate(data):
        h ^= byte << 8 * i
    if data:
        h = h * m & 0xffffffff
    h = (h ^ h >> 13) * m & 0xffffffff
    return h ^ h >> 15


def cell_path(code):
    return f"{CELLS['prefix']}{murmur2(code.encode(), CELLS['seed'])}{CELLS['suffix']}"


# ---- the session ----

def test_without_attach(bus):
    for command in ("setBreakpoints", "threads", "evaluate", "pause", "detach"):
        with pytest.raises(Failed, match="attach first"):
            bus.ask(command)
    with pytest.raises(Failed, match="no command frobnicate"):
        bus.ask("frobnicate")
    assert bus.reply(bus.send("debuggee_request"))["ename"] == "invalid_params"
    assert bus.ask("inspectVariables")["variables"][-1]["name"] == "special variables"


def test_bad_arguments(bus):
    bus.ask("attach")
    bus.ask("attach")
    for command, arguments in [
            ("setBreakpoints", {}), ("setBreakpoints", {"source": {}}),
            ("setBreakpoints", {"source": {"path": "relative.lua"}}),
            ("setBreakpoints", {"source": {"sourceReference": 99}}),
            ("setBreakpoints", {"source": {"path": 5}}), ("evaluate", {}),
            ("evaluate", {"expression": "1", "frameId": 5}), ("scopes", {}),
            ("scopes", {"frameId": 77}), ("variables", {}), ("variables", {"variablesReference": 5}),
            ("setVariable", {}), ("setExpression", {}), ("source", {}), ("completions", {}),
            ("stackTrace", {"threadId": 99}), ("breakpointLocations", {}), ("cell", {"code": "x"}),
            ("richInspectVariables", {}), ("copyToGlobals", {}), ("dataBreakpointInfo", {}),
            ("launch", {"cwd": "/no/such/folder"}), ("launch", {"env": {"A": 5}})]:
        with pytest.raises(Failed):
            bus.ask(command, **arguments)
    for breakpoints in ([{"line": -5}, {"line": 2 ** 40}, {"line": "x"}, {}, 7, None], "x", {"a": 1}):
        bus.ask("setBreakpoints", source={"path": "/no/such.lua"}, breakpoints=breakpoints)
    bus.ask("setExceptionBreakpoints", filters=["nonsense", 5], filterOptions=[None, {}])
    bus.ask("setFunctionBreakpoints", breakpoints=[{}, {"name": 5}])
    bus.ask("setDataBreakpoints", breakpoints=[{}, {"dataId": "77"}])
    assert bus.run("x = 1")["status"] == "ok"


def test_sessions_in_turn(bus, script):
    path = script("x = 1\nx = 2\n")
    for _ in range(3):
        bus.ask("attach")
        bus.breakpoints(path, 2)
        cell = run_file(bus, path)
        bus.stopped("breakpoint")
        bus.ask("detach")
        assert bus.finish(cell)["status"] == "ok"
        assert run_is_free(bus, path)


def run_is_free(bus, path):
    reply = bus.run(path.read_text(), path=str(path))
    return reply["status"] == "ok" and not bus.seen("stopped")


# ---- cells ----

CELL = "local function double(x)\n  -- twice\n\n  return x * 2\nend\nlocal y = double(21)\nreturn y"


def test_a_cell(bus):
    bus.ask("attach", cells=CELLS)
    path = bus.ask("cell", code=CELL)["sourcePath"]
    assert path == cell_path(CELL)
    made, = bus.breakpoints(path, 2)
    assert made["verified"] and made["line"] == 4 and made["source"]["path"] == path
    for _ in range(2):  # and once more
        cell = bus.start(CELL)
        bus.stopped("breakpoint")
        frames = bus.stack()
        assert [(f["name"], f["line"], f["source"]["path"]) for f in frames] == [
            ("double", 4, path), ("main chunk", 6, path)]
        x, = bus.variables(bus.scope("Locals"))
        assert (x["name"], x["type"], x["value"]) == ("x", "int", "21")
        assert bus.ask("source", source={"path": path})["content"] == CELL
        bus.ask("continue")
        assert bus.finish(cell)["status"] == "ok"


@pytest.mark.parametrize("code", ["", "a", "ab", "abc", "abcd", "äöü€😀 = 1", "x" * 1001])
def test_paths_of_cells(bus, code):
    bus.ask("attach", cells=CELLS)
    assert bus.ask("cell", code=code)["sourcePath"] == cell_path(code)


def test_a_cell_that_was_run_before(bus):
    code = "function early(x)\n  local y = x\n  return y\nend"
    assert bus.run(code)["status"] == "ok"
    bus.ask("attach", cells=CELLS)
    made, = bus.breakpoints(cell_path(code), 2)
    assert made["verified"]
    cell = bus.start("return early(5)")
    bus.stopped("breakpoint")
    assert bus.stack()[0]["source"]["path"] == cell_path(code)
    bus.ask("continue")
    bus.finish(cell)


def test_a_cell_after_an_interrupt_and_not_counted(bus):
    code = "function spin()\n  while true do\n    n = 1\n  end\nend\nspin()"
    bus.ask("attach", cells=CELLS)
    bus.ask("cell", code=code)
    bus.breakpoints(cell_path(code), 3)
    for _ in range(2):
        cell = bus.start(code, store_history=False)
        bus.stopped("breakpoint")
        bus.reply(bus.send("interrupt_request"))
        assert bus.finish(cell)["ename"] == "KeyboardInterrupt"
    other = "local x = 1\nlocal y = 2\nreturn x + y"
    bus.breakpoints(cell_path(other), 3)
    cell = bus.start(other, store_history=False)
    bus.stopped("breakpoint")
    assert bus.stack()[0]["source"]["path"] == cell_path(other)
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_types_with_cells(bus):
    code = ("local i, f, b, s, n, t, fn = 1, 1.5, true, 'x', nil, {1}, print\nlocal stop = 1")
    bus.ask("attach", cells=CELLS)
    bus.breakpoints(cell_path(code), 2)
    cell = bus.start(code)
    bus.stopped("breakpoint")
    types = {v["name"]: v.get("type") for v in bus.variables(bus.scope("Locals"))}
    assert types == {"i": "int", "f": "float", "b": "bool", "s": "str", "n": None, "t": None,
                     "fn": None}
    rich = bus.ask("richInspectVariables", variableName="t", frameId=bus.stack()[0]["id"])
    assert rich["data"]["text/plain"] == "{1}" and rich["metadata"] == {}
    bus.ask("copyToGlobals", srcVariableName="s", dstVariableName="copied",
            srcFrameId=bus.stack()[0]["id"])
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"
    assert bus.evaluate("copied") == '"x"'
    assert bus.ask("richInspectVariables", variableName="copied")["data"]["text/plain"] == "x"


def test_cells_without_jupyterlab(bus):
    bus.ask("attach", stopOnEntry=True)
    cell = bus.start("local x = 1\nreturn x")
    bus.stopped("entry")
    source = bus.stack()[0]["source"]
    assert re.fullmatch(r"In \[\d+\]", source["name"]) and "path" not in source
    assert bus.ask("source", source=source,
                   sourceReference=source["sourceReference"])["content"] == "local x = 1\nreturn x"
    made, = bus.breakpoints(source["sourceReference"], 2)
    assert made["verified"]
    bus.go(reason="breakpoint")
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


# ---- sources ----

def test_sources(bus, script):
    script("return {}", "known.lua")
    path = script("local f = load('return 1 +\\n nosuch()', '=chunk')\n"
                  "local g = load('local here = 1 return here')\nlocal ok = pcall(f)\ng()\n"
                  "dofile('known.lua')\nlocal z = 1\n")
    bus.ask("attach")
    bus.ask("setExceptionBreakpoints", filters=["raised"])
    bus.breakpoints(path, 6)
    cell = run_file(bus, path)
    bus.stopped("exception")
    top = bus.stack()[0]
    assert top["source"]["name"] == "chunk" and top["line"] == 2
    assert bus.ask("source", source=top["source"])["content"] == "return 1 +\n nosuch()"
    bus.go(reason="breakpoint")
    names = [s["name"] for s in bus.ask("loadedSources")["sources"]]
    assert "script.lua" in names and "known.lua" in names and "chunk" in names
    assert any(name.startswith('[string "local here') for name in names)
    bus.ask("continue")
    assert bus.finish(cell)["status"] == "ok"


def test_sources_that_were_loaded_before(bus, script, llmspell):
    script("local M = {}\nfunction M.f()\n  return 1\nend\nreturn M\n", "early.lua")
    bus.run("package.path = './?.lua' early = require('early')")
    bus.ask("attach")
    assert [s["name"] for s in bus.ask("loadedSources")["sources"]] == ["early.lua"]
    module, = bus.ask("modules")["modules"]
    assert module["name"] == "early"
    bus.breakpoints(llmspell.cwd / "early.lua", 3)
    cell = bus.start("early.f()")
    bus.stopped("breakpoint")
    bus.ask("continue")
    bus.finish(cell)


def test_texts_without_end(bus):
    bus.ask("attach")
    cell = bus.start("for i = 1, 3000 do load('return ' .. i)() end")
    assert bus.finish(cell)["status"] == "ok"
    assert len(bus.ask("loadedSources")["sources"]) < 1000


# ---- output ----

def test_output(bus, script):
    path = script("print('plain', 1)\nio.write('written')\nio.stderr:write('error\\n')\n"
                  "print({key = 'value'}, print)\nos.execute('echo child')\n")
    bus.ask("attach", output=True)
    cell = run_file(bus, path)
    assert bus.finish(cell)["status"] == "ok"
    out = bus.seen("output")
    assert [(e["category"], e["output"], e["line"]) for e in out[:3]] == [
        ("stdout", "plain\t1\n", 1), ("stdout", "written", 2), ("stderr", "error\n", 3)]
    assert out[0]["source"]["path"] == str(path)
    children = bus.variables(out[3]["variablesReference"])
    assert [v["name"] for v in children] == ["[1]", "[2]"]
    inner, = bus.variables(children[0]["variablesReference"])
    assert (inner["name"], inner["value"]) == ("key", '"value"')
    marked = [o["metadata"].get("debug") for o in bus.others if o["event"] == "stream"]
    assert marked == [True, True, True, True, None]
    assert "child" in bus.streams[cell]
    bus.ask("attach", output=False)
    bus.events.clear()
    bus.run("print('quiet')")
    assert not bus.seen("output")


def test_a_flood_can_be_paused(bus):
    bus.ask("attach", output=True)
    cell = bus.start("while not done do print('x') end")
    for _ in range(3):
        bus.ask("pause")
        bus.stopped("pause")
        bus.ask("continue")
    bus.evaluate("done = true")
    assert bus.finish(cell)["status"] == "ok"


# ---- launch, reset ----

def test_launch(bus, llmspell):
    folder = llmspell.cwd / "inner"
    folder.mkdir()
    (folder / "here.txt").write_text("found")
    bus.ask("launch", cwd=str(folder), env={"LLMSPELL_A": "overlay", "HOME": None})
    cell = bus.start("print(io.open('here.txt'):read('a'), os.getenv('LLMSPELL_A'), "
                     "os.getenv('HOME'))\nprint(io.popen('echo $LLMSPELL_A-$HOME-; pwd'):read('a'))")
    assert bus.finish(cell)["status"] == "ok"
    assert bus.streams[cell] == f"found\toverlay\tnil\noverlay--\n{folder}\n\n"
    bus.ask("launch", env={})
    cell = bus.start("print(os.getenv('LLMSPELL_A'), os.getenv('HOME'))")
    bus.finish(cell)
    assert bus.streams[cell] == f"nil\t{llmspell.env['HOME']}\n"


def test_reset(bus, script):
    path = script("x = (x or 0) + 1\nlocal y = x\nreturn y\n")
    bus.ask("attach")
    bus.breakpoints(path, 2)
    for _ in range(3):
        cell = run_file(bus, path)
        bus.stopped("breakpoint")
        with pytest.raises(Failed, match="code runs"):
            bus.ask("reset")
        assert bus.evaluate("x") == "1"
        bus.ask("continue")
        assert bus.finish(cell)["status"] == "ok"
        bus.ask("reset")
    assert bus.evaluate("x") == "nil"
    cell = bus.start("print('still here', #package.path > 0)")
    assert bus.finish(cell)["status"] == "ok" and bus.streams[cell] == "still here\ttrue\n"
    assert bus.reply(bus.send("complete_request", code="str", cursor_pos=3))["status"] == "ok"


def test_reset_without_a_debugger(bus):
    bus.run("x = 5 setmetatable({}, {__gc = function() print('gone') end})")
    bus.ask("reset")
    cell = bus.start("print(x)")
    bus.finish(cell)
    assert bus.streams[cell] == "nil\n"


def test_the_kernel_ends_while_stopped(bus, script, llmspell):
    path = script("x = 1\nx = 2\n")
    bus.ask("attach")
    bus.breakpoints(path, 2)
    run_file(bus, path)
    bus.stopped("breakpoint")
    assert llmspell.run("kernel", "stop", "--all").status == 0
