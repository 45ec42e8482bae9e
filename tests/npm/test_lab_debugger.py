# SPDX-License-Identifier: Apache-2.0
"""JupyterLab's debugger in Debian's Chromium: what the page shows, and what goes over the wire."""
import json
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from debugger import SIDEBAR, Debugged
from lab import PANEL

EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/debugging.ipynb"
CODE = """\
local x = 1
local t = {1, 2, a = 'b'}
function double(a)
  local twice = a * 2
  return twice
end
local y = x + 1
local z = double(y)
return z + y"""


@pytest.fixture
def debug(page):
    """Notebooks with the debugger on. What they sent and got is looked at in the end."""
    books = []

    def start(*codes):
        books.append(Debugged(page, *codes).switch())
        return books[-1]

    yield start
    for book in books:
        book.quiet()
        book.check_wire()
        book.close()


def test_a_breakpoint_before_the_cell_runs(debug, page):
    book = debug(CODE)
    commands = [m["content"]["command"] for m in book.wire("debug_request")]
    assert [c for c in commands if c != "debugInfo"][:3] == [
        "initialize", "attach", "setExceptionBreakpoints"]
    assert [m["content"]["event"] for m in book.wire("debug_event")] == ["initialized"]
    info = book.answers("debugInfo")[-1]
    (row,) = book.set_breakpoint(0, 7)
    assert row["verified"] and row["line"] == 7
    path = book.answers("dumpCell")[-1]["sourcePath"]
    assert path.startswith(info["tmpFilePrefix"]) and path.endswith(info["tmpFileSuffix"])
    assert book.dots(0) == [7]
    assert page.js(f"return {SIDEBAR}.querySelector('.jp-DebuggerBreakpoint').innerText"
                   ).split("\n") == ["Cell [ ]", "7"]

    book.run(0)
    book.stops(0, "local y = x + 1")
    assert book.overlay() == "Paused in Debugger"
    assert book.stack() == [("main chunk", "Cell [*]:7")]
    assert book.variables() == {"x": "1", "t": '{1, 2, a = "b"}'}
    (stop,) = book.events("stopped")
    assert stop == {"reason": "breakpoint", "threadId": 1, "allThreadsStopped": True,
                    "hitBreakpointIds": [row["id"]]}
    frame = book.answers("stackTrace")[-1]["stackFrames"][0]
    assert frame["source"]["path"] == path and frame["line"] == 7
    assert book.sent("source")[-1]["source"]["path"] == path
    assert book.answers("source")[-1]["content"] == CODE
    assert [s["name"] for s in book.answers("scopes")[-1]["scopes"]] == ["Locals", "Globals"]

    book.press("continue")
    book.goes_on(0)
    book.until_output(0, "6")
    assert [e["threadId"] for e in book.events("continued")] == [1]
    assert book.answers("modules")[-1]["modules"] == []


def test_steps(debug):
    book = debug(CODE)
    book.set_breakpoint(0, 8)
    book.run(0)
    book.stops(0, "local z = double(y)")
    book.press("step-in")
    book.stops(0, "local twice = a * 2")
    assert book.stack() == [("double", "Cell [*]:4"), ("main chunk", "Cell [*]:8")]
    assert book.variables() == {"a": "2"}
    book.press("step-over")
    book.stops(0, "return twice")
    assert book.variables() == {"a": "2", "twice": "4"}
    book.press("step-out")  # to the next line of the caller: Lua has no event within one
    book.stops(0, "return z + y")
    assert book.stack() == [("main chunk", "Cell [*]:9")]
    assert book.variables() == {"x": "1", "t": '{1, 2, a = "b"}', "y": "2", "z": "4"}
    book.press("step-over")  # there is no more
    book.goes_on(0)
    book.until_output(0, "6")
    assert [e["reason"] for e in book.events("stopped")] == ["breakpoint"] + ["step"] * 3
    assert len(book.events("continued")) == 4


def test_the_buttons_over_the_notebook_and_the_keys(debug, page):
    book = debug(CODE)
    book.set_breakpoint(0, 7)
    book.run(0)
    book.stops(0, "local y = x + 1")
    page.mouse("click", f"{PANEL}.node.querySelector('.jp-DebuggerPausedButton[title=Next]')")
    book.stops(0, "local z = double(y)")
    page.type(Keys.F11)
    book.stops(0, "local twice = a * 2")
    page.type(Keys.F10)
    book.stops(0, "return twice")
    page.chord(Keys.SHIFT, Keys.F11)
    book.stops(0, "return z + y")
    page.mouse("click", f"{PANEL}.node.querySelector('.jp-DebuggerPausedButton[title=Continue]')")
    book.goes_on(0)


def test_the_frame_that_is_chosen(debug, page):
    """A click on a caller shows its line and its variables; the console evaluates there."""
    book = debug(CODE)
    book.set_breakpoint(0, 5)
    book.run(0)
    book.stops(0, "return twice")
    page.mouse("click", f"[...{SIDEBAR}.querySelectorAll('.jp-DebuggerCallstackFrame')][1]")
    book.stops(0, "local z = double(y)")
    assert book.variables() == {"x": "1", "t": '{1, 2, a = "b"}', "y": "2"}
    book.press("evaluate")
    assert book.evaluate("x + y") == "3"
    book.press("evaluate")
    book.press("continue")
    book.goes_on(0)


def test_values(debug, page):
    """What JupyterLab shows of each type, and what is inside."""
    book = debug("local i, f, b, s, n = 1, 1.5, true, 'a\\nb', nil\n"
                 "local list, deep = {10, 20}, {inner = {leaf = 'here'}}\n"
                 "local object = setmetatable({}, {__tostring = function() return 'I' end})\n"
                 "local many = {}\nfor n = 1, 2600 do many[n] = n end\nreturn 0")
    book.set_breakpoint(0, 6)
    book.run(0)
    book.stops(0, "return 0")
    shown = book.variables()
    assert {name: shown[name] for name in "i f b s n list".split()} == {
        "i": "1", "f": "1.5", "b": "true", "s": r"a\nb", "n": "nil", "list": "{10, 20}"}
    assert shown["object"] == "I" and "2600 elements" in shown["many"]
    row = f"{book.variable('deep')}.shadowRoot.querySelector('.expand-collapse-button')"
    page.mouse("click", row)
    page.until(f"!!{book.variable('inner')}")
    page.mouse("click", row.replace("'deep'", "'inner'"))
    page.until(f"!!{book.variable('leaf')}")
    assert book.variables()["leaf"] == "here"
    page.mouse("click", row.replace("'deep'", "'many'"))
    page.until(f"!!{book.variable('[2500]')}", patience=120)
    page.mouse("click", row.replace("'deep'", "'…'"))
    page.until(f"!!{book.variable('[2600]')}", patience=120)
    book.press("continue")
    book.goes_on(0)


def test_the_console_and_variables_that_change(debug):
    book = debug(CODE)
    book.set_breakpoint(0, 8)
    book.run(0)
    book.stops(0, "local z = double(y)")
    book.press("evaluate")
    assert book.evaluate("x + y, t.a").split() == ["3", "b"]
    assert book.evaluate("y = 40") == ""
    assert book.variables()["y"] == "40"
    assert book.evaluate("t.a") == '"b"'
    book.complaints = ["attempt to index a nil value (global 'nothing')"]
    assert "error" in book.evaluate("nothing.at.all")  # JupyterLab shows no message
    assert book.wire("debug_reply")[-1]["content"]["message"] == book.complaints[0]
    assert book.evaluate("Tool.calculator{input = '6*7'}.result") == "42"
    book.press("evaluate")
    book.press("continue")
    book.goes_on(0)
    book.until_output(0, "120")


def test_a_function_of_a_cell_that_ran_before(debug, page):
    book = debug(CODE, "local eleven = double(11)\nreturn eleven")
    book.run(0)
    book.goes_on(0)
    book.set_breakpoint(0, 4)
    assert book.dots(0) == [4]
    book.run(1)
    book.stops(0, "local twice = a * 2")
    assert book.stack() == [("double", "Cell [1]:4"), ("main chunk", "Cell [*]:1")]
    book.press("step-out")
    book.stops(1, "return eleven")
    book.press("continue")
    book.goes_on(1)
    book.until_output(1, "22")
    book.set_breakpoint(0, 4)  # a second click takes it away
    assert book.dots(0) == []
    book.run(1)
    book.goes_on(1)
    assert len(book.events("stopped")) == 2


def test_a_breakpoint_moves_with_the_text(debug, page):
    """A comment has no code: the next line has. Text that is typed above takes the dot along."""
    book = debug("local a = 1\n-- nothing\nlocal b = a + 1\nreturn b")
    (row,) = book.set_breakpoint(0, 2)
    assert row["line"] == 3 and book.dots(0) == [3]
    book.select(0)
    page.chord(Keys.CONTROL, Keys.HOME)
    page.type("local first = 0\n")
    page.until("window.wire.filter(m => m.type === 'debug_request' &&"
               " m.content.command === 'setBreakpoints').length > 1")
    book.quiet()
    assert book.dots(0) == [4]
    book.run(0)
    book.stops(0, "local b = a + 1")
    book.press("continue")
    book.goes_on(0)


def test_a_copied_cell(debug, page):
    """Cells of the same text share their breakpoints, and either of them stops."""
    book = debug(CODE)
    book.set_breakpoint(0, 7)
    book.select(0)
    page.type(Keys.ESCAPE + "cv")
    page.until(f"{PANEL}.content.widgets.length === 2")
    page.until(f"!!{book.cell(1)}.editor")
    for cell in 0, 1:
        book.run(cell)
        book.stops(cell, "local y = x + 1")
        book.press("continue")
        book.goes_on(cell)
    assert book.dots(0) == book.dots(1) == [7]


def test_a_coroutine(debug):
    book = debug("local co = coroutine.wrap(function(a)\n  local b = coroutine.yield(a + 1)\n"
                 "  return b * 2\nend)\nlocal first = co(1)\nlocal second = co(first)\n"
                 "return second")
    book.set_breakpoint(0, 3)
    book.run(0)
    book.stops(0, "return b * 2")
    assert book.variables() == {"a": "1", "b": "2"}
    assert book.events("stopped")[0]["threadId"] != 1
    book.press("step-over")
    book.stops(0, "return second")
    assert book.variables()["second"] == "4"
    book.press("continue")
    book.goes_on(0)


def test_after_an_interrupt(debug):
    """Of a loop, and of a cell that is stopped."""
    book = debug("count = 0\nwhile count >= 0 do\n  count = count + 1\nend", CODE)
    book.set_breakpoint(1, 7)
    book.run(0)
    book.page.until(f"{PANEL}.sessionContext.session.kernel.status === 'busy'")
    book.button("interrupt")
    book.until_output(0, "interrupted")
    for _ in range(2):
        book.run(1)
        book.stops(1, "local y = x + 1")
        book.button("interrupt")
        book.goes_on(1)
        book.until_output(1, "interrupted")
    book.run(1)
    book.stops(1, "local y = x + 1")
    book.press("continue")
    book.goes_on(1)
    book.until_output(1, "6")


def test_restart_and_debug(debug, page):
    """The kernel is another; its breakpoints are the same; all cells run."""
    book = debug("before = (before or 0) + 1", CODE + " + before")
    book.set_breakpoint(1, 7)
    book.run(0)
    book.goes_on(0)
    prefix = book.answers("debugInfo")[-1]["tmpFilePrefix"]
    page.click(".lm-MenuBar-itemLabel", "Kernel")
    book.menu("debugger:restart-debug")
    page.click(".jp-Dialog .jp-mod-accept")
    book.stops(1, "local y = x + 1")
    info = book.answers("debugInfo")[-1]
    assert info["isStarted"]
    assert info["tmpFilePrefix"] != prefix
    assert [b["source"].startswith(info["tmpFilePrefix"]) for b in info["breakpoints"]] == [True]
    assert book.sent("configurationDone") == [{}]
    book.press("continue")
    book.goes_on(1)
    book.until_output(1, "7")
    book.run(1)
    book.stops(1, "local y = x + 1")
    book.press("continue")
    book.goes_on(1)


def test_restart_alone(debug, page):
    """The debugger is on after it, or is switched on anew: breakpoints are what they were."""
    book = debug(CODE)
    book.set_breakpoint(0, 7)
    book.button("restart")
    page.click(".jp-Dialog .jp-mod-accept")
    page.until(f"!document.querySelector('.jp-Dialog')"
               f" && {PANEL}.sessionContext.session.kernel.status === 'idle'")
    book.quiet()
    if not book.is_on():
        book.switch()
    book.run(0)
    book.stops(0, "local y = x + 1")
    book.press("continue")
    book.goes_on(0)


def test_pause(debug):
    """The same button, while nothing is stopped."""
    book = debug("local done, count = false, 0\nwhile not done do\n  count = count + 1\nend\n"
                 "return 'end'")
    book.run(0)
    book.page.until(f"{PANEL}.sessionContext.session.kernel.status === 'busy'")
    for _ in range(2):
        book.press("continue")
        book.until_paused()
        assert book.events("stopped")[-1]["reason"] == "pause"
        assert book.stack()[0][0] == "main chunk" and int(book.variables()["count"]) > 0
        book.press("continue")
        book.page.until(f"!{SIDEBAR}.querySelector('.jp-DebuggerCallstackFrame')")
    book.press("continue")
    book.until_paused()
    book.press("evaluate")
    assert book.evaluate("done = true") == ""
    book.press("evaluate")
    book.press("continue")
    book.goes_on(0)
    book.until_output(0, "end")


FILTERS = {"raised": ["error('first')", "error('second')"], "uncaught": ["error('second')"]}


@pytest.mark.parametrize("name", FILTERS)
def test_errors(debug, page, name):
    book = debug("local where = 'here'\npcall(function()\n  error('first')\nend)\nerror('second')")
    button = f"{SIDEBAR}.querySelector('.jp-PauseOnExceptions')"
    page.mouse("click", button)
    rows = page.until("(found => found.length && found.map(e => e.innerText.trim()))([...document"
                      ".querySelectorAll('.jp-PauseOnExceptions-menu .lm-Menu-itemLabel')])")
    assert rows == ["raised", "uncaught"]
    page.click(".jp-PauseOnExceptions-menu .lm-Menu-itemLabel", name)
    book.quiet()
    assert book.sent("setExceptionBreakpoints")[-1] == {"filters": [name]}
    assert page.js(f"return {button}.getAttribute('aria-pressed')") == "true"
    book.run(0)
    for line in FILTERS[name]:
        book.stops(0, line)
        stop = book.events("stopped")[-1]
        assert stop["reason"] == "exception" and line[7:-2] in stop["text"]
        book.press("continue")
    book.goes_on(0)
    book.until_output(0, "second")
    page.mouse("click", button)
    page.click(".jp-PauseOnExceptions-menu .lm-Menu-itemLabel", name)
    book.quiet()
    assert book.sent("setExceptionBreakpoints")[-1] == {"filters": []}
    book.run(0)
    book.goes_on(0)
    assert len(book.events("stopped")) == len(FILTERS[name])


def test_copy_to_globals(debug, page):
    book = debug(CODE, "return type(x), t and t.a")
    book.set_breakpoint(0, 7)
    book.run(0)
    book.stops(0, "local y = x + 1")
    page.mouse("context_click", book.variable("t"))
    book.menu("debugger:copy-to-globals")
    book.quiet()
    assert book.sent("copyToGlobals") == [
        {"srcVariableName": "t", "dstVariableName": "t",
         "srcFrameId": book.answers("stackTrace")[-1]["stackFrames"][0]["id"]}]
    book.scope("Globals")
    assert book.variables()["t"] == '{1, 2, a = "b"}' and "x" not in book.variables()
    book.scope("Locals")
    book.press("continue")
    book.goes_on(0)
    book.run(1)
    book.goes_on(1)
    book.until_output(1, "b")


RICH = ".jp-DebuggerRichVariable .jp-VariableRendererPanel"


def test_the_rich_view(debug, page):
    """The looking glass beside a variable: it is shown as a cell would show it, and follows the
    program, though it asks with the frame of the stop in which it was opened."""
    book = debug("local people = {{name = 'ada', born = 1815}, {name = 'grace', born = 1906}}\n"
                 "people[1].name = 'Ada'\nreturn 0", "shown = {{a = 1}}")
    book.set_breakpoint(0, 2)
    book.run(0)
    book.stops(0, "people[1].name = 'Ada'")
    book.render("people")
    cells = page.until(f"(found => found.length && found.map(e => e.innerText))"
                       f"([...document.querySelectorAll('{RICH} td')])")
    assert set(cells) == {"ada", "1815", "grace", "1906"}
    book.press("step-over")
    book.stops(0, "return 0")
    page.until(f"document.querySelector('{RICH} td') &&"
               f" document.querySelector('{RICH}').innerText.includes('Ada')")
    book.press("continue")
    book.goes_on(0)
    page.js("document.querySelector('.jp-DebuggerRichVariable') && [...jupyterapp.shell"
            ".widgets('main')].filter(w => w.hasClass('jp-DebuggerRichVariable'))"
            ".forEach(w => w.dispose())")
    book.run(1)  # of a global, while nothing is stopped
    book.goes_on(1)
    page.until(f"!!{book.variable('shown')}")
    book.render("shown")
    assert page.until(f"document.querySelector('{RICH} td')?.innerText") == "1"
    page.js("[...jupyterapp.shell.widgets('main')].filter(w => w.hasClass("
            "'jp-DebuggerRichVariable')).forEach(w => w.dispose())")


def test_the_source_of_a_module(debug, page, lab_folder):
    """Stepping into a file shows it beside the notebook; its gutter takes breakpoints."""
    (lab_folder / "shapes.lua").write_text(
        "local M = {}\nfunction M.area(a, b)\n  local result = a * b\n  return result\nend\n"
        "return M\n")
    book = debug("local shapes = require 'shapes'\nlocal one = shapes.area(2, 3)\n"
                 "return one + shapes.area(1, 1)")
    book.set_breakpoint(0, 2)
    book.run(0)
    book.stops(0, "local one = shapes.area(2, 3)")
    book.press("step-in")
    book.page.until(f"{book.source('shapes.lua')}.querySelector('.jp-DebuggerEditor-highlight')"
                    "?.innerText.trim() === 'local result = a * b'")
    book.quiet()
    path = str(lab_folder / "shapes.lua")
    assert book.stack() == [("M.area", f"{path}:3"), ("main chunk", "Cell [*]:2")]
    assert page.js(f"return {book.source('shapes.lua')}.innerText").count("result") == 2
    page.mouse("click", f"[...{book.source('shapes.lua')}.querySelectorAll("
               "'.cm-gutter.cm-breakpoint-gutter > .cm-gutterElement')][4]")
    book.quiet()
    assert book.sent("setBreakpoints")[-1]["source"] == {"path": path}
    book.press("continue")
    for variables in {"a": "2", "b": "3", "result": "6"}, {"a": "1", "b": "1", "result": "1"}:
        page.until(f"{book.source('shapes.lua')}.querySelector('.jp-DebuggerEditor-highlight')"
                   "?.innerText.trim() === 'return result'")
        book.quiet()
        assert book.variables() == variables
        book.press("continue")
    book.goes_on(0)
    book.until_output(0, "7")
    assert {"id": "shapes", "name": "shapes", "path": path} in book.answers("modules")[-1]["modules"]
    page.until(f"!{book.source('shapes.lua')}")
    page.mouse("click", f"[...{SIDEBAR}.querySelectorAll('.jp-DebuggerKernelSource-source')]"
               ".find(e => e.innerText.trim() === 'shapes')")
    page.until(f"{book.source('shapes.lua')}.innerText.includes('M.area')")


def test_terminate(debug):
    """The red button lets the cell go on; the debugger stays on, with its breakpoints."""
    book = debug(CODE)
    book.set_breakpoint(0, 7)
    for _ in range(2):
        book.run(0)
        book.stops(0, "local y = x + 1")
        book.press("terminate")
        book.goes_on(0)
        book.until_output(0, "6")
    assert [r["terminateDebuggee"] for r in book.sent("disconnect")] == [False, False]
    assert len(book.sent("attach")) == 3


def test_switched_off(debug, page):
    """Nothing stops any more, and nothing is left in the kernel."""
    book = debug(CODE, "return debug.gethook() == nil and pcall == original")
    page.js(f"return {PANEL}.sessionContext.session.kernel.requestExecute("
            "{code: 'original = pcall'}).done.then(() => 0)")
    book.set_breakpoint(0, 7)
    book.run(0)
    book.stops(0, "local y = x + 1")
    book.switch(False)  # while it is stopped: it goes on
    book.done(0)
    book.until_output(0, "6")
    assert book.dots(0) == [] and not book.overlay()
    assert book.sent("disconnect") == [{"restart": False, "terminateDebuggee": False}]
    book.run(1)
    book.until_output(1, "true")
    book.run(0)
    book.done(0)
    book.quiet()
    assert len(book.events("stopped")) == 1
    info = book.ask("debugInfo")
    assert not info["isStarted"] and info["stoppedThreads"] == info["breakpoints"] == []
    book.switch()
    book.set_breakpoint(0, 8)
    book.run(0)
    book.stops(0, "local z = double(y)")
    book.press("continue")
    book.goes_on(0)


def test_the_page_is_loaded_anew(debug, page):
    """debugInfo alone tells it what the kernel does."""
    book = debug(CODE)
    book.set_breakpoint(0, 7)
    book.run(0)
    book.stops(0, "local y = x + 1")
    book.reload()  # the line is not shown: JupyterLab has read the stack before the editor was there
    book.until_paused()
    assert book.is_on() and book.dots(0) == [7]
    assert book.stack() == [("main chunk", "Cell [ ]:7")]
    assert book.variables() == {"x": "1", "t": '{1, 2, a = "b"}'}
    assert book.sent("initialize") == book.sent("attach") == []
    book.press("step-over")
    book.stops(0, "local z = double(y)")
    book.press("continue")
    page.until(f"!{SIDEBAR}.querySelector('.jp-DebuggerCallstackFrame')")


def test_the_example_notebook(debug, page):
    """docs/examples/debugging.ipynb, used as it tells its readers to."""
    cells = {cell["id"]: "".join(cell["source"])
             for cell in json.loads(EXAMPLE.read_text())["cells"]}
    told = cells["debugger-console"].split("`")[1::2]
    here = "local middle = (low + high) // 2  -- a breakpoint here"
    book = debug(cells["debugger-search"], cells["debugger-errors"])
    book.set_breakpoint(0, 4)
    book.run(0)
    book.stops(0, here)
    assert {"low": "1", "high": "7", "wanted": "11"}.items() <= book.variables().items()
    book.press("step-over")
    book.stops(0, "if list[middle] == wanted then return middle end")
    book.press("evaluate")
    assert [book.evaluate(code) for code in told[:2]] == ["7", ""]
    assert "result = 2," in book.evaluate(told[2]) and book.variables()["wanted"] == "13"
    book.press("evaluate")
    book.press("continue")
    book.stops(0, here)
    book.press("continue")
    book.goes_on(0)
    book.until_output(0, "6")

    page.mouse("click", f"{SIDEBAR}.querySelector('.jp-PauseOnExceptions')")
    page.click(".jp-PauseOnExceptions-menu .lm-Menu-itemLabel", "raised")
    book.quiet()
    book.run(1)
    for _ in range(3):  # two rounds for the first list, one for the second
        book.stops(0, here)
        book.press("continue")
    book.stops(0, "if list[middle] < wanted then low = middle + 1 else high = middle - 1 end")
    assert book.events("stopped")[-1]["reason"] == "exception"
    book.press("continue")
    book.goes_on(1)
    book.until_output(1, "attempt to compare string with number")
