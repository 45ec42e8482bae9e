# SPDX-License-Identifier: Apache-2.0
"""JupyterLab's debugger, used as by a user: the bug, the gutter, the buttons, the panels; and all
messages that go over the wire for it."""
from selenium.webdriver.common.keys import Keys

from lab import PANEL, Notebook

RECORD = """
window.wire = [];
window.wireTime = performance.now();
arguments[0].sessionContext.session.kernel.anyMessage.connect((_, {msg, direction}) => {
  window.wireTime = performance.now();
  if (/^(debug_.*|status)$/.test(msg.header.msg_type))
    window.wire.push({direction, type: msg.header.msg_type, id: msg.header.msg_id,
                      parent: msg.parent_header?.msg_id, content: msg.content});
});
"""
SIDEBAR = "document.querySelector('#jp-debugger-sidebar')"
TREE = f"[...{SIDEBAR}.querySelectorAll('.jp-DebuggerVariables-body .jp-TreeItem')]"
NAME = "(e => e.querySelector(':scope > .jp-DebuggerVariables-name'))"
BUG = f"{PANEL}.node.querySelector('.jp-DebuggerBugButton')"


class Debugged(Notebook):
    complaints = ()  # that belong to the test
    def __init__(self, page, *codes):
        super().__init__(page, *codes)
        page.js(RECORD.replace("arguments[0]", PANEL))

    def is_on(self):
        return self.page.js(f"return {BUG}.getAttribute('aria-pressed')") == "true"

    def quiet(self):
        """Until nothing has gone over the wire for as long as a user would look at it."""
        self.page.until("performance.now() - window.wireTime > 500")

    def switch(self, on=True):
        """Clicks the bug."""
        page = self.page
        self.quiet()
        page.until(f"{BUG}.getAttribute('aria-disabled') !== 'true' && !{BUG}.disabled")
        page.mouse("click", BUG)
        page.until(f"({BUG}.getAttribute('aria-pressed') === 'true') === arguments[0]", on)
        self.quiet()
        return self

    # ---- the wire ----

    def wire(self, type=None):
        return [m for m in self.page.js("return window.wire") if type in (None, m["type"])]

    def sent(self, command):
        """The arguments of all requests of that command."""
        return [m["content"].get("arguments") for m in self.wire("debug_request")
                if m["content"]["command"] == command]

    def answers(self, command):
        """The bodies of their replies."""
        return [m["content"].get("body") for m in self.wire("debug_reply")
                if m["content"]["command"] == command]

    def events(self, name):
        return [m["content"]["body"] for m in self.wire("debug_event")
                if m["content"]["event"] == name]

    def ask(self, command):
        """A request that the page would not send now."""
        return self.page.js(f"const future = {PANEL}.sessionContext.session.kernel.requestDebug("
                            "{type: 'request', seq: 0, command: arguments[0], arguments: {}});"
                            "let body; future.onReply = m => { body = m.content.body; };"
                            "return future.done.then(() => body)", command)

    def until_events(self, name, count):
        self.page.until("window.wire.filter(m => m.type === 'debug_event'"
                        " && m.content.event === arguments[0]).length >= arguments[1]", name, count)
        return self.events(name)

    def check_wire(self):
        """Each request was answered, and well, between busy and idle, also in a stop."""
        for request in self.wire("debug_request"):
            of = [m for m in self.wire() if m["parent"] == request["id"]]
            command = request["content"]["command"]
            assert [m["content"]["execution_state"] for m in of if m["type"] == "status"] == [
                "busy", "idle"], (command, of)
            (reply,) = [m["content"] for m in of if m["type"] == "debug_reply"]
            assert reply["success"] or reply["message"] in self.complaints, reply
            assert reply["command"] == command and reply["type"] == "response"
            assert reply["request_seq"] == request["content"]["seq"]

    # ---- breakpoints ----

    def gutter(self, cell, line):
        """Clicks beside a line."""
        self.page.mouse("click", f"[...{self.cell(cell)}.node.querySelectorAll("
                        f"'.cm-gutter.cm-breakpoint-gutter > .cm-gutterElement')][{line}]")

    def dots(self, cell):
        """The lines that have a dot beside them."""
        return self.page.js(
            f"return [...{self.cell(cell)}.node.querySelectorAll('.cm-gutter.cm-breakpoint-gutter"
            " > .cm-gutterElement')].map((e, i) => e.querySelector('span') && "
            "e.style.visibility !== 'hidden' && i).filter(i => i)")

    def set_breakpoint(self, cell, line):
        before = len(self.answers("setBreakpoints"))
        self.gutter(cell, line)
        self.page.until("window.wire.filter(m => m.type === 'debug_reply' &&"
                        " m.content.command === 'setBreakpoints').length > arguments[0]", before)
        self.quiet()
        return self.answers("setBreakpoints")[-1]["breakpoints"]

    # ---- stopped ----

    def stops(self, cell, line):
        """Until the program stands at that text, and the panels have been filled."""
        self.page.until(f"[...{self.cell(cell)}.node.querySelectorAll('.jp-DebuggerEditor-highlight"
                        "')].map(e => e.innerText.trim()).join() === arguments[0]", line)
        self.page.until(f"{SIDEBAR}.querySelector('.jp-DebuggerCallstackFrame')")
        self.quiet()
        assert self.overlay()

    def until_paused(self):
        """Until the program stands anywhere."""
        self.page.until(f"{SIDEBAR}.querySelector('.jp-DebuggerCallstackFrame')")
        self.quiet()
        assert self.overlay()

    def goes_on(self, cell):
        """Until the cell has ended, and no panel shows anything of a stop."""
        self.done(cell)
        self.page.until(f"!{SIDEBAR}.querySelector('.jp-DebuggerCallstackFrame')")
        self.page.until(f"!{PANEL}.node.querySelector('.jp-DebuggerEditor-highlight')")
        self.quiet()
        assert not self.overlay()

    def overlay(self):
        return self.page.js(f"return {PANEL}.node.querySelector('.jp-DebuggerPausedOverlay')"
                            "?.innerText.trim()")

    def stack(self):
        """(name, place) of each frame in the panel."""
        return [tuple(row) for row in self.page.js(
            f"return [...{SIDEBAR}.querySelectorAll('.jp-DebuggerCallstackFrame')].map(e => "
            "[...e.children].map(c => c.innerText))")]

    def variables(self):
        """{name: what stands behind it} in the panel, also of those that are inside others."""
        return dict(self.page.js(
            f"return {TREE}.filter({NAME}).map(e => [{NAME}(e).innerText,"
            " e.querySelector(':scope > .jp-DebuggerVariables-detail')?.innerText])"))

    def variable(self, name):
        """JavaScript: its row."""
        return f"{TREE}.find(e => {NAME}(e)?.innerText === '{name}')"

    def scope(self, name):
        """Chooses a scope above the variables."""
        select = f"{SIDEBAR}.querySelector('select[aria-label=Scope]')"
        assert name in self.page.js(f"return [...{select}.options].map(o => o.value)")
        self.page.mouse("click", select)
        self.page.type(name[0] + Keys.ENTER)
        self.page.until(f"{select}.value === arguments[0]", name)

    def press(self, name):
        """A button above the call stack."""
        self.page.mouse("click", f"{SIDEBAR}.querySelector('[aria-label=\"Callstack panel toolbar\"]"
                        f" [data-jp-item-name=\"{name}\"] jp-button[aria-disabled=false]')")

    def menu(self, command):
        """An item of the menu that is open."""
        self.page.mouse("click", "document.querySelector(`.lm-Menu-item[data-command="
                        f"'{command}']:not(.lm-mod-disabled)`)")

    def evaluate(self, code):
        """In the debugger's console, which is open; gives what it shows."""
        console = "document.querySelector('.jp-DebugConsole')"
        self.page.until(f"{console}.querySelector('.jp-CodeConsole-promptCell .cm-content')")
        before = self.page.js(f"return {console}.querySelectorAll('.jp-OutputArea-output').length")
        self.page.mouse("click", f"{console}.querySelector('.jp-CodeConsole-promptCell .cm-content')")
        self.page.type(code)
        self.page.chord(Keys.SHIFT, Keys.ENTER)
        self.page.until(f"{console}.querySelectorAll('.jp-OutputArea-output').length > arguments[0]",
                        before)
        self.quiet()
        return self.page.js(f"return [...{console}.querySelectorAll('.jp-OutputArea-output')].at(-1)"
                            ".innerText.trim()")

    def render(self, name):
        """The looking glass that appears beside a variable."""
        self.page.mouse("move_to_element", self.variable(name))
        self.page.mouse("click", f"{self.variable(name)}.querySelector("
                        "':scope > .jp-DebuggerVariables-renderVariable')")

    def source(self, name):
        """JavaScript: the editor that shows a file."""
        return ("([...jupyterapp.shell.widgets('main')].find(w => w.title.label === "
                f"'{name}')?.node)")

    def reload(self):
        super().reload()
        self.page.js(RECORD.replace("arguments[0]", PANEL))
