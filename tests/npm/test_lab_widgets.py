# SPDX-License-Identifier: Apache-2.0
"""Jupyter widgets in JupyterLab, with the widget manager of npm: what Lua makes is shown, what the
user does reaches Lua, what Lua assigns is seen."""
import pytest
from selenium.webdriver.common.keys import Keys

from lab import PANEL, Notebook


@pytest.fixture
def book(page, request):
    one = Notebook(page, *request.param)
    for index in range(len(request.param)):
        one.run(index)
    yield one
    one.close()


def cells(*codes):
    return pytest.mark.parametrize("book", [codes], indirect=True, ids=[""])


def inside(book, cell, selector):
    """JavaScript: an element of a cell's output."""
    return f"{book.cell(cell)}.outputArea.node.querySelector(`{selector}`)"


def until_text(book, cell, selector, text):
    book.page.until(f"{inside(book, cell, selector)}.innerText.trim() === arguments[0]", text)


def replace(book, cell, selector, text, end=""):
    """Types into a field, instead of what is there."""
    book.page.mouse("click", inside(book, cell, selector))
    book.page.chord(Keys.CONTROL, "a")
    book.page.type(text + end)


def again(book, cell, text):
    """Runs a cell once more; its result."""
    book.page.js(f"{book.cell(cell)}.model.clearExecution()")
    book.run(cell)
    book.done(cell)
    book.until_output(cell, text)


@cells("size = Widget.IntSlider{description = 'size', min = 1, max = 10, value = 3}\n"
       "heard = Widget.Label{}\nsize:observe('value', function(change)\n"
       "  heard.value = 'heard ' .. change.new end)\nWidget.VBox{heard, size}",
       "size.value = 9", "other = size\nother", "return size.value")
def test_a_slider(book, page):
    heard = ".widget-vbox > .widget-label"
    until_text(book, 0, ".widget-slider .widget-label", "size")
    until_text(book, 0, ".widget-readout", "9")  # what the second cell assigned
    until_text(book, 2, ".widget-readout", "9")  # two views, one value
    page.mouse("click", inside(book, 0, ".noUi-handle"))
    page.type(Keys.ARROW_LEFT * 3)
    until_text(book, 2, ".widget-readout", "6")
    until_text(book, 0, heard, "heard 6")
    replace(book, 2, ".widget-readout", "2", Keys.ENTER)
    until_text(book, 0, ".widget-readout", "2")
    until_text(book, 0, heard, "heard 2")
    replace(book, 2, ".widget-readout", "99", Keys.ENTER)  # the bounds hold
    until_text(book, 0, ".widget-readout", "10")
    until_text(book, 0, heard, "heard 10")
    again(book, 3, "10")


@cells("count = 0\ngo = Widget.Button{description = 'Go', button_style = 'primary'}\n"
       "out = Widget.Output{}\ngo:on_click(function() count = count + 1\n"
       "  out:capture(function() print('clicked ' .. count) end) end)\nWidget.VBox{go, out}",
       "return count", "go.description = 'On'")
def test_a_button(book, page):
    until_text(book, 0, "button.mod-primary", "On")
    for n in 1, 2:
        page.mouse("click", inside(book, 0, "button.widget-button"))
        page.until(f"{inside(book, 0, '.widget-output')}.innerText.includes('clicked {n}')")
    again(book, 1, "2")


@cells("bar = Widget.IntProgress{description = 'work', max = 4, value = 0}\n"
       "go = Widget.Button{description = 'Go'}\ngo:on_click(function() gone = true end)\n"
       "Widget.VBox{bar, go}:show()\nbar.value = 2\nwhile not gone do end\nbar.value = 4\n"
       "print('done')")
def test_progress_and_a_click_while_a_cell_runs(book, page):
    page.until(f"{inside(book, 0, '.progress-bar')}.style.width === '50%'")
    assert page.js(f"return {book.cell(0)}.model.executionState") == "running"
    # What is sent before there is a subshell waits for the end of the cell: the user is slower.
    page.until(f"[...{PANEL}.sessionContext.session.kernel._comms.values()]"
               ".every(comm => comm.subshellId)")
    page.mouse("click", inside(book, 0, "button.widget-button"))
    page.until(f"{inside(book, 0, '.progress-bar')}.style.width === '100%'")
    book.until_output(0, "done")
    book.done(0)


@cells("Widget.interact(function(n, word, loud) print(loud and word:upper() or word, n * n) end,\n"
       "  {n = {0, 10}, word = {'ada', 'grace'}, loud = false})")
def test_interact(book, page):
    result = ".widget-output"
    page.until(f"{inside(book, 0, result)}.innerText.trim().split(/\\s+/).join() === 'ada,25'")
    page.mouse("click", inside(book, 0, ".noUi-handle"))
    page.type(Keys.ARROW_RIGHT)
    page.until(f"{inside(book, 0, result)}.innerText.trim().split(/\\s+/).join() === 'ada,36'")
    page.mouse("click", inside(book, 0, "select"))
    page.type("g" + Keys.ENTER)
    page.until(f"{inside(book, 0, result)}.innerText.trim().split(/\\s+/).join() === 'grace,36'")
    page.mouse("click", inside(book, 0, "input[type=checkbox]"))
    page.until(f"{inside(book, 0, result)}.innerText.trim().split(/\\s+/).join() === 'GRACE,36'")


@cells("float = Widget.FloatSlider{value = 0.5, min = 0, max = 1, step = 0.25}\n"
       "int = Widget.IntText{value = 1}\nreal = Widget.FloatText{value = 1.5}\n"
       "tick = Widget.Checkbox{value = false, description = 'tick'}\n"
       "line = Widget.Text{value = 'one'}\narea = Widget.Textarea{value = 'two'}\n"
       "pick = Widget.Dropdown{options = {{'first', 10}, {'second', 20}}}\n"
       "known = Widget.Label{value = '-'}\ncontrols = {float, int, real, tick, line, area, pick}\n"
       "function tell()\n  local all = {}\n"
       "  for i, one in ipairs(controls) do all[i] = tostring(one.value):gsub('\\n', '+') end\n"
       "  known.value = table.concat(all, ' ')\nend\n"
       "for _, one in ipairs(controls) do one:observe('value', tell) end\n"
       "line:on_submit(function() line.value = line.value:upper() end)\n"
       "Widget.VBox{known, Widget.VBox(controls),\n"
       "  Widget.HBox{Widget.Label{value = 'a label'}, Widget.HTML{value = '<b>bold</b>'}}}",
       "out = Widget.Output{}\nout:capture(function() print('kept') end)\nout")
def test_the_other_controls(book, page):
    """What is changed in each is told by Lua in a label."""
    def until_known(text):
        until_text(book, 0, ".widget-vbox > .widget-label", text)

    until_text(book, 0, ".widget-readout", "0.50")
    until_text(book, 0, ".widget-hbox .widget-label", "a label")
    until_text(book, 0, ".widget-html b", "bold")
    until_text(book, 1, ".widget-output", "kept")
    page.mouse("click", inside(book, 0, ".noUi-handle"))
    page.type(Keys.ARROW_RIGHT)
    until_known("0.75 1 1.5 false one two 10")
    replace(book, 0, ".widget-text input[type=number][step='1']", "7", Keys.TAB)
    until_known("0.75 7 1.5 false one two 10")
    replace(book, 0, ".widget-text input[type=number]:not([step='1'])", "2.25", Keys.TAB)
    until_known("0.75 7 2.25 false one two 10")
    page.mouse("click", inside(book, 0, "input[type=checkbox]"))
    until_known("0.75 7 2.25 true one two 10")
    replace(book, 0, ".widget-text input[type=text]", "word")
    until_known("0.75 7 2.25 true word two 10")  # what is typed is sent piece by piece
    page.type(Keys.ENTER)
    until_known("0.75 7 2.25 true WORD two 10")
    page.until(f"{inside(book, 0, '.widget-text input[type=text]')}.value === 'WORD'")
    replace(book, 0, "textarea", "größer" + Keys.ENTER + "lines", Keys.TAB)
    until_known("0.75 7 2.25 true WORD größer+lines 10")
    page.mouse("click", inside(book, 0, "select"))
    page.type("s" + Keys.ENTER)
    until_known("0.75 7 2.25 true WORD größer+lines 20")


@cells("kept = Widget.IntSlider{value = 5, max = 10}\nheard = Widget.Label{value = '-'}\n"
       "kept:observe('value', function(change) heard.value = 'heard ' .. change.new end)\n"
       "Widget.VBox{kept, heard}")
def test_widgets_outlive_the_page(book, page):
    """After a reload the front end asks the kernel for all states."""
    label = ".widget-vbox > .widget-label"
    until_text(book, 0, ".widget-readout", "5")
    page.mouse("click", inside(book, 0, ".noUi-handle"))
    page.type(Keys.ARROW_RIGHT * 3)
    until_text(book, 0, label, "heard 8")
    book.reload()
    until_text(book, 0, ".widget-readout", "8")
    page.mouse("click", inside(book, 0, ".noUi-handle"))
    page.type(Keys.ARROW_LEFT)
    until_text(book, 0, label, "heard 7")


def test_nothing_was_complained_about(page):
    words = ("widget", "comm", "model")
    errors = [entry["message"] for entry in page.driver.get_log("browser")]
    assert [e for e in errors if any(word in e.lower() for word in words)] == []
