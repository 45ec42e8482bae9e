# SPDX-License-Identifier: Apache-2.0
"""A notebook in JupyterLab's page, used as by a user."""
from selenium.webdriver.common.keys import Keys

CARD = ".jp-LauncherCard[data-category='Notebook'][title^='Lua']"
PANEL = "window.book"  # the notebook that was opened last


class Notebook:
    """A new notebook, opened from the launcher; each code gets a cell."""

    def __init__(self, page, *codes):
        self.page = page
        page.js("return jupyterapp.commands.execute('launcher:create').then(() => 0)")
        page.js("window.before = jupyterapp.shell.currentWidget")
        page.click(CARD)
        page.until("jupyterapp.shell.currentWidget?.sessionContext"
                   " && jupyterapp.shell.currentWidget !== window.before")
        page.js("window.book = jupyterapp.shell.currentWidget")
        page.until(f"{PANEL}.sessionContext.session.kernel.connectionStatus === 'connected'"
                   f" && {PANEL}.sessionContext.session.kernel.status === 'idle'")
        for index, code in enumerate(codes):
            if index:
                page.js(f"{PANEL}.content.activeCellIndex = {index - 1}; return jupyterapp"
                        ".commands.execute('notebook:insert-cell-below').then(() => 0)")
            page.js(f"{PANEL}.content.activeCell.model.sharedModel.setSource(arguments[0])", code)

    def cell(self, index):
        return f"{PANEL}.content.widgets[{index}]"

    def run(self, index):
        """Shift-Enter in the cell."""
        self.select(index)
        self.page.chord(Keys.SHIFT, Keys.ENTER)

    def select(self, index):
        self.page.js(f"{PANEL}.content.activeCellIndex = {index}; {PANEL}.content.mode = 'edit';"
                     f"{self.cell(index)}.editor.focus()")

    def outputs(self, index):
        return self.page.js(f"return {self.cell(index)}.model.outputs.toJSON()")

    def text(self, index):
        return "".join("".join(output.get("text", "")) for output in self.outputs(index))

    def until_output(self, index, text):
        self.page.until(f"{self.cell(index)}.outputArea.node.innerText.includes(arguments[0])",
                        text)

    def done(self, index):
        self.page.until(f"{self.cell(index)}.model.executionCount > 0"
                        f" && {PANEL}.sessionContext.session.kernel.status === 'idle'")

    def button(self, name):
        self.page.click(f".jp-NotebookPanel:not(.lm-mod-hidden) [data-jp-item-name='{name}'] "
                        "jp-button, .jp-NotebookPanel:not(.lm-mod-hidden) "
                        f"[data-jp-item-name='{name}'] button")

    def reload(self):
        """The page, with the notebook in it, and in what JupyterLab has kept of its layout."""
        page = self.page
        path = page.js(f"const book = {PANEL};"
                       "return book.context.save().then(() => book.context.path)")
        page.until("jupyterapp.serviceManager.workspaces.fetch('default').then(kept =>"
                   " Object.keys(kept.data).filter(key => key.startsWith('notebook:')).join()"
                   " === 'notebook:' + arguments[0])", path)
        page.driver.refresh()
        page.until("window.jupyterapp?.commands.hasCommand('docmanager:open')")
        page.js("return jupyterapp.restored.then(() => jupyterapp.commands.execute("
                "'docmanager:open', {path: arguments[0]})).then(book => {"
                " window.book = book; return book.sessionContext.ready; }).then(() => 0)", path)
        page.until(f"{PANEL}.sessionContext.session?.kernel?.connectionStatus === 'connected'")

    def close(self):
        """The notebook, its kernel, and what the debugger has opened beside it."""
        self.page.js("const others = [...jupyterapp.shell.widgets('main')].filter(w => w.node.matches"
                     "('.jp-DebugConsole, .jp-DebuggerRichVariable'));"
                     f"const book = {PANEL}; return book.sessionContext.shutdown()"
                     ".then(() => [book, ...others].forEach(w => w.dispose()))")
