# SPDX-License-Identifier: Apache-2.0
"""The classic Jupyter Notebook in a browser: everything goes through its page, as for its users."""
import base64
import json
import struct
import zlib

import nbformat
import pytest
from selenium.webdriver.common.keys import Keys

from browser import chromium, fetch, free_port, server
from frontend import NAME, wait_until, whole_module

BUTTON = "button[data-jupyter-action='jupyter-notebook:{}']"


def png(width, height):
    """A small blue picture."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    rows = (b"\0" + b"\x20\x40\xc0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    """The running server: (Jupyter, address, token)."""
    folder = tmp_path_factory.mktemp("notebook")
    with whole_module(folder) as jupyter:
        (jupyter.llmspell.cwd / "picture.png").write_bytes(png(40, 30))
        with server(jupyter, ["/usr/bin/jupyter", "notebook", "--no-browser", "--allow-root",
                              "--ip=127.0.0.1", f"--port={free_port()}", "--NotebookApp.password="],
                    folder / "server.log") as (address, token):
            yield jupyter, address, token
        wait_until(lambda: not jupyter.kernels(), "the server takes its kernels with it")


@pytest.fixture(scope="module")
def page(notebooks, tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


class Notebook:
    """A notebook that is open in the browser."""

    def __init__(self, page, notebooks, name, *sources):
        self.page = page
        self.jupyter, self.address, self.token = notebooks
        new = nbformat.v4
        cells = [new.new_code_cell(source) for source in sources]
        book = new.new_notebook(cells=cells, metadata={
            "kernelspec": {"name": NAME, "display_name": "Lua (llmspell)", "language": "lua"}})
        nbformat.write(book, self.jupyter.llmspell.cwd / name)
        page.open(f"{self.address}notebooks/{name}?token={self.token}")
        page.until("Jupyter.notebook.kernel.is_connected()"
                   " && Jupyter.notebook.kernel.info_reply.status")

    def run(self, index):
        """With the button of the tool bar."""
        self.page.js("Jupyter.notebook.select(arguments[0])", index)
        self.page.click(BUTTON.format("run-cell-and-select-next"))

    def done(self, index):
        """Waits for the cell's number beside it."""
        self.page.until("/\\[\\d+\\]/.test(document.querySelectorAll('.code_cell .input_prompt')"
                        "[arguments[0]].innerText)", index)

    def output(self, index):
        return self.page.js("return document.querySelectorAll('.code_cell .output')[arguments[0]]"
                            ".innerText", index)

    def until_output(self, index, text):
        self.page.until("document.querySelectorAll('.code_cell .output')[arguments[0]]"
                        ".innerText.includes(arguments[1])", index, text)

    def kernel(self):
        kernels = fetch(self.address, "api/kernels", self.token)
        mine = self.page.js("return Jupyter.notebook.kernel.id")
        return next(kernel for kernel in kernels if kernel["id"] == mine)


def test_text_results_and_errors(page, notebooks):
    book = Notebook(page, notebooks, "text.ipynb", "print('hello') io.stderr:write('aside\\n')",
                    "Tool.calculator{input = '2*x + 1', variables = {x = 5}}.result",
                    "error('brok' .. 'en')", "for i = 1, 5000 do print('line', i) end")
    for index, expected in enumerate(["aside", "11", "broken", "line\t5000"]):
        book.run(index)
        book.until_output(index, expected)
    assert book.output(0) == "hello\naside\n" or book.output(0).split() == ["hello", "aside"]
    assert "stack traceback" in book.output(2)
    text = page.js("return Jupyter.notebook.get_cell(3).output_area.outputs"
                   ".map(output => output.text).join('')")
    assert text == "".join(f"line\t{i}\n" for i in range(1, 5001))


def test_a_picture_and_a_table(page, notebooks):
    rows = "{{name = 'ada', born = 1815}, {name = 'grace', born = 1906}}"
    book = Notebook(page, notebooks, "rich.ipynb",
                    "display(Display.png{path = 'picture.png'})", f"Display.table({rows})",
                    f"return {rows}", "display(Display.html('<h4>Big</h4>'))")
    for index in range(4):
        book.run(index)
        book.done(index)
    page.until("document.querySelector('.output_png img').naturalWidth === 40")
    assert page.js("return document.querySelector('.output_png img').naturalHeight") == 30
    source = page.js("return document.querySelector('.output_png img').src")
    assert base64.b64decode(source.split(",")[1]) == png(40, 30)
    for index in (1, 2):
        cells = page.until("[...document.querySelectorAll('.code_cell .output')[arguments[0]]"
                           ".querySelectorAll('table td')].map(cell => cell.innerText)", index)
        assert {"ada", "grace", "1815", "1906"} <= set(cells)
    assert page.until("document.querySelector('.output_html h4').innerText") == "Big"


def test_input(page, notebooks):
    book = Notebook(page, notebooks, "input.ipynb",
                    "io.write('your name? ') local name = io.read() print('hello ' .. name)")
    book.run(0)
    page.until("document.querySelector('.raw_input') !== null")
    page.click(".raw_input")
    page.type("Ada\n")
    book.until_output(0, "hello Ada")
    book.done(0)


def test_interrupt_and_restart(page, notebooks):
    book = Notebook(page, notebooks, "loop.ipynb",
                    "kept = 'kept' print('running') while true do end", "print(kept)")
    book.run(0)
    book.until_output(0, "running")
    page.click(BUTTON.format("interrupt-kernel"))
    book.until_output(0, "interrupted")
    book.run(1)
    book.until_output(1, "kept")
    book.run(0)  # and a loop that a restart ends
    page.until("Jupyter.notebook.get_cell(0).output_area.outputs.length === 1")
    wait_until(lambda: book.kernel()["execution_state"] == "busy", "the loop runs")
    page.click(BUTTON.format("confirm-restart-kernel"))
    page.click(".modal-dialog button.btn-danger")
    wait_until(lambda: book.kernel()["execution_state"] == "idle", "the new kernel is idle")
    page.until("!document.querySelector('.modal-dialog') && Jupyter.notebook.kernel.is_connected()")
    book.run(1)
    book.until_output(1, "nil")


def test_tab_completes(page, notebooks):
    """One match is put in; of several a list is shown to choose from."""
    book = Notebook(page, notebooks, "tab.ipynb", "Tool.calculat", "string.re")

    def tab(index):
        page.js("Jupyter.notebook.select(arguments[0]); Jupyter.notebook.edit_mode();"
                "const editor = Jupyter.notebook.get_cell(arguments[0]).code_mirror;"
                "editor.focus(); editor.setCursor(0, 100);", index)
        page.type(Keys.TAB)

    def until_code(index, text):
        page.until("Jupyter.notebook.get_cell(arguments[0]).get_text() === arguments[1]", index,
                   text)

    tab(0)
    until_code(0, "Tool.calculator")
    tab(1)
    offered = page.until("(found => found.length > 1 && found.map(e => e.text))"
                         "([...document.querySelectorAll('#complete option')])")
    assert {"rep", "reverse"} <= set(offered)
    page.type(Keys.DOWN * offered.index("reverse") + Keys.ENTER)
    until_code(1, "string.reverse")
    book.run(1)
    book.until_output(1, "function")


def test_save_and_the_launcher(page, notebooks):
    """The tree's New menu has the kernel; what was run is in the saved file."""
    book = Notebook(page, notebooks, "saved.ipynb", "6 * 7")
    book.run(0)
    book.until_output(0, "42")
    page.click(BUTTON.format("save-notebook"))
    file = book.jupyter.llmspell.cwd / "saved.ipynb"
    wait_until(lambda: json.loads(file.read_text())["cells"][0]["outputs"], "it is saved")
    (result,) = json.loads(file.read_text())["cells"][0]["outputs"]
    assert result["data"]["text/plain"] == ["42"]
    page.open(f"{book.address}tree?token={book.token}")
    page.click("#new-dropdown-button")
    assert page.until("document.querySelector('#kernel-llmspell-lua').innerText").strip() == \
        "Lua (llmspell)"
