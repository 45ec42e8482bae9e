# SPDX-License-Identifier: Apache-2.0
"""JupyterLab 4 in Debian's Chromium, through its page, as for its users."""
import json

from selenium.webdriver.common.keys import Keys

from browser import fetch
from lab import CARD, PANEL, Notebook


def test_the_launcher_has_the_kernel_with_its_logo(page, lab):
    page.until("document.querySelector(arguments[0]) !== null", CARD)
    assert page.js("return document.querySelector(arguments[0] + ' .jp-LauncherCard-label')"
                   ".innerText.trim()", CARD) == "Lua (llmspell)"
    address, token, _ = lab
    spec = fetch(address, "api/kernelspecs", token)["kernelspecs"]["llmspell-lua"]
    assert {"logo-svg", "logo-64x64"} & spec["resources"].keys()
    page.until("document.querySelector(arguments[0] + ' img.jp-Launcher-kernelIcon')"
               ".naturalWidth > 0", CARD)


def test_cells_run(page):
    book = Notebook(page, "print('hello') io.stderr:write('aside\\n')", "return 6 * 7",
                    "error('brok' .. 'en')", "x = = 1", "'still ' .. 'there'")
    for index, expected in enumerate(["aside", "42", "broken", "unexpected symbol", "still there"]):
        book.run(index)
        book.until_output(index, expected)
    assert [output["name"] for output in book.outputs(0)] == ["stdout", "stderr"]
    assert book.outputs(1)[0]["data"]["text/plain"] == "42"
    assert book.outputs(2)[0]["ename"] == "RuntimeError"
    assert book.outputs(3)[0]["ename"] == "SyntaxError"


def test_run_all(page):
    """All cells at once; each gets its number and its result."""
    book = Notebook(page, *(f"n = {n} return n" for n in range(20)))
    page.js("jupyterapp.commands.execute('notebook:run-all-cells')")
    book.done(19)
    for n in range(20):
        (output,) = book.outputs(n)
        assert output["data"]["text/plain"] == str(n) and output["execution_count"] == n + 1


def test_a_picture_and_a_table(page):
    book = Notebook(
        page, "return {{name = 'ada', born = 1815}, {name = 'grace', born = 1906}}",
        "Display.svg('<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"40\" height=\"30\">"
        "<rect width=\"40\" height=\"30\"/></svg>')", "Display.markdown('a **bold** word')",
        "Display.json{a = {b = 'inner'}}")
    for index in range(4):
        book.run(index)
        book.done(index)
    cells = page.until(f"[...{book.cell(0)}.outputArea.node.querySelectorAll('td')]"
                       ".map(cell => cell.innerText)")
    assert set(cells) == {"ada", "1815", "grace", "1906"}
    assert page.until(f"{book.cell(1)}.outputArea.node.querySelector('img').naturalWidth") == 40
    assert page.until(f"{book.cell(2)}.outputArea.node.querySelector('strong').innerText") == "bold"
    assert [output["data"]["application/json"] for output in book.outputs(3)] == [
        {"a": {"b": "inner"}}]


def test_updates(page):
    book = Notebook(page, "handle = display('first')", "handle:update('second')",
                    "for i = 1, 3 do clear_output(true) print(i) end")
    for index in range(3):
        book.run(index)
        book.done(index)
    book.until_output(0, "second")
    assert "first" not in json.dumps(book.outputs(0)) and book.outputs(1) == []
    assert book.text(2) == "3\n"


def test_five_thousand_prints(page):
    book = Notebook(page, "for i = 1, 5000 do print('line ' .. i) end return 'end'")
    book.run(0)
    book.done(0)
    assert book.text(0) == "".join(f"line {i}\n" for i in range(1, 5001))
    assert book.outputs(0)[-1]["data"]["text/plain"] == "end"


def test_completion(page):
    """Tab shows what there is to choose; the kernel's types are shown beside the names."""
    book = Notebook(page, "string.re")
    book.select(0)
    page.type(Keys.END + Keys.TAB)
    names = page.until("(found => found.length && found.map(e => e.innerText))"
                       "([...document.querySelectorAll('.jp-Completer-item .jp-Completer-match')])")
    assert {"rep", "reverse"} <= set(names)
    assert page.js("return document.querySelector('.jp-Completer-typeExtended').innerText") == \
        "function"
    page.type(Keys.DOWN * names.index("reverse") + Keys.ENTER)
    page.until(f"{book.cell(0)}.model.sharedModel.getSource() === 'string.reverse'")


def test_shift_tab_tells(page):
    book = Notebook(page, "Tool.calculator")
    book.select(0)
    page.type(Keys.END)
    page.chord(Keys.SHIFT, Keys.TAB)
    page.until("document.querySelector('.jp-Tooltip')?.innerText.includes('expression')")
    page.type(Keys.ESCAPE)


def test_input(page):
    book = Notebook(page, "io.write('who? ') local n = io.read() print('hello ' .. n)")
    book.run(0)
    page.click(".jp-Stdin-input")
    page.type("Ada" + Keys.ENTER)
    book.until_output(0, "hello Ada")
    book.done(0)


def test_interrupt_and_restart(page):
    book = Notebook(page, "kept = 'kept' print('running') while true do end", "print(kept)")
    book.run(0)
    book.until_output(0, "running")
    book.button("interrupt")
    book.until_output(0, "interrupted")
    book.run(1)
    book.until_output(1, "kept")
    book.run(0)
    page.until(f"{book.cell(0)}.model.outputs.length === 1 && {book.cell(0)}.model.executionState"
               " === 'running'")
    book.button("restart")
    page.click(".jp-Dialog .jp-mod-accept")
    page.until(f"!document.querySelector('.jp-Dialog')"
               f" && {PANEL}.sessionContext.session.kernel.status === 'idle'")
    book.run(1)
    book.until_output(1, "nil")


def test_a_comm_is_heard_while_a_cell_runs(page):
    """JupyterLab sends comm messages to a subshell once the kernel announces subshells."""
    book = Notebook(page,
                    "Comm.register('stop', function(comm)"
                    " comm:on_msg(function() done = true end) end)",
                    "print('running') while not done do end print('heard')")
    book.run(0)
    book.done(0)
    page.js(f"window.comm = {PANEL}.sessionContext.session.kernel.createComm('stop');"
            "return window.comm.subshellStarted.then(() => { window.comm.open({}); })")
    book.run(1)
    book.until_output(1, "running")
    page.js("window.comm.send({})")
    book.until_output(1, "heard")


def test_nothing_was_complained_about(page):
    """The browser's log: no error of the page that the kernel could have caused."""
    harmless = ("/api/events/subscribe", "/api/me", "/lsp/status", "favicon", "/api/listings")
    errors = [entry["message"] for entry in page.driver.get_log("browser")
              if not any(word in entry["message"] for word in harmless)]
    assert [error for error in errors if "kernel" in error.lower()] == []
