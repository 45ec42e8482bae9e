# SPDX-License-Identifier: Apache-2.0
"""Rich display through a real Jupyter client and through the command line: bundles of results,
display and its updates, Display.*, payloads, user expressions, and hostile values."""
import base64
import struct
import zlib
from html.parser import HTMLParser

import pytest

from jupyter_session import llmspell, open_session, session  # noqa: F401 (fixtures)


def png(width, height, filler=b""):
    """A whole PNG; filler goes into a chunk of text that every reader skips."""
    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data +
                struct.pack(">I", zlib.crc32(name + data)))
    rows = b"".join(b"\0" + b"\x80" * width for _ in range(height))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0,
                                                              0)) +
            chunk(b"tEXt", b"Comment\0" + filler) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))


class Table(HTMLParser):
    """Rows of cells of the one table in a text."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.styles, self.open, self.rest = [], [], False, ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.styles.append(dict(attributes)["style"])
            self.open = True

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1] += data
        else:
            self.rest += data.strip()


def result(done):
    assert done.reply["status"] == "ok", done.reply
    [content] = done.contents("execute_result")
    return content["data"]


def displayed(done):
    assert done.reply["status"] == "ok", done.reply
    return done.contents("display_data")


# ---- results ----

def test_records_are_a_table(session):
    data = result(session.run(
        "return {{name = '<b>Ada</b>', born = 1815}, {name = 'Alan & co', field = 'logic'}}"))
    table = Table(data["text/html"])
    assert table.rows == [["born", "name", "field"], ["1815", "<b>Ada</b>", ""],
                          ["", "Alan & co", "logic"]]
    assert table.styles[3] == "text-align:right" and table.styles[4] == "text-align:left"
    assert data["text/plain"].startswith('{{born = 1815, name = "<b>Ada</b>"}')
    assert set(data) == {"text/html", "text/plain"}


def test_a_long_table_is_cut(session):
    data = result(session.run("t = {} for i = 1, 1000 do t[i] = {n = i} end t"))
    table = Table(data["text/html"])
    assert len(table.rows) == 101 and table.rest == "… 900 more rows"


@pytest.mark.parametrize("code", ["42", "'text'", "{1, 2}", "{a = {b = 1}}", "nil, 2"])
def test_what_is_no_table_is_text(session, code):
    assert set(result(session.run(f"return {code}"))) == {"text/plain"}


def test_results_of_tools_are_tables_too(session):
    data = result(session.run("Tool.list()"))
    names = [row[2] for row in Table(data["text/html"]).rows]
    assert "calculator" in names[1:] and names[0] == "name"


# ---- display ----

def test_display_and_update(session):
    done = session.run("""
        h = display({["text/html"] = "<b>1</b>", ["text/plain"] = "1"}, {metadata = {a = true}})
        h:update("2")
        update_display(Display.json{1, {x = JSON.null}}, {display_id = h.display_id})
        display("named", {display_id = "mine"})""")
    first, named = displayed(done)
    assert first["data"] == {"text/html": "<b>1</b>", "text/plain": "1"}
    assert first["metadata"] == {"a": True}
    assert named["transient"] == {"display_id": "mine"}
    second, third = done.contents("update_display_data")
    assert first["transient"] == second["transient"] == third["transient"]
    assert second["data"] == {"text/plain": "2"}
    assert third["data"]["application/json"] == [1, {"x": None}]
    assert "execute_result" not in done.types
    late = session.run("h:update('from the next cell')")
    assert late.contents("update_display_data")[0]["transient"] == first["transient"]


def test_ids_differ_between_kernels(session, llmspell, open_session):
    ids = set()
    other = open_session(llmspell.start(id="other")["connection_file"])
    for one in (session, other):
        done = one.run("for i = 1, 3 do display(i) end")
        ids |= {content["transient"]["display_id"] for content in displayed(done)}
    assert len(ids) == 6


def test_order_among_prints(session):
    done = session.run("print('a') display('b') print('c') clear_output(true) print('d')")
    assert done.types == ["status", "execute_input", "stream", "display_data", "stream",
                          "clear_output", "stream", "status"]
    assert done.contents("clear_output") == [{"wait": True}]


def test_display_of_coroutines_and_nested(session):
    done = session.run("""
        local inner = setmetatable({}, {__display = function()
            display("from within") return Display.markdown("*inner*") end})
        coroutine.wrap(function() display("one") coroutine.yield() end)()
        coroutine.wrap(display)(inner)""")
    assert [c["data"]["text/plain"] for c in displayed(done)] == ["one", "from within", "*inner*"]
    assert displayed(done)[2]["data"]["text/markdown"] == "*inner*"


def test_silent_shows_nothing(session):
    done = session.run("h = display(1) h:update(2) clear_output() page('x') return {{a = 1}}",
                       silent=True)
    assert done.types == ["status", "status"] and done.reply["payload"] == []
    assert displayed(session.run("h = display(h ~= nil)"))[0]["data"]["text/plain"] == "true"


def test_images(session, llmspell):
    data = png(120, 80, bytes(range(256)) * 12)
    (llmspell.cwd / "it is.png").write_bytes(data)
    done = session.run("Display.png({path = 'it is.png'}, {width = 60})")
    [content] = done.contents("execute_result")
    assert base64.b64decode(content["data"]["image/png"], validate=True) == data
    assert content["data"]["text/plain"] == f"<png 120×80, {len(data) / 1024:.1f} KiB>"
    assert content["metadata"] == {"image/png": {"width": 60}}
    bytes_given = session.run("local f = io.open('it is.png', 'rb') display(Display.png(f:read('a')))")
    assert displayed(bytes_given)[0]["data"] == content["data"]
    (llmspell.cwd / "no.png").write_text("<html>")
    wrong = session.run("Display.png{path = 'no.png'}").reply
    assert "image/png: the 6 bytes are no png image" in wrong["evalue"]
    assert "no.png" in session.run("Display.gif{path = 'absent/no.png'}").reply["evalue"]


def test_a_large_image_and_a_large_table(session):
    done = session.run("big = string.char(137) .. 'PNG\\r\\n\\x1a\\n' .. ('x'):rep(1 << 20) "
                       "display(Display.png(big))")
    assert len(base64.b64decode(displayed(done)[0]["data"]["image/png"])) == (1 << 20) + 8
    done = session.run("t = {} for i = 1, 10000 do t[i] = {n = i, s = 'row ' .. i} end "
                       "display(Display.table(t, {max_rows = 10000}))")
    assert len(Table(displayed(done)[0]["data"]["text/html"]).rows) == 10001
    too_much = session.run("display(('x'):rep(65 << 20)) display{['text/html'] = ('x'):rep(65 << 20)}")
    assert "at most 64 MiB" in too_much.reply["evalue"]


def test_all_kinds(session):
    done = session.run("""
        display(Display.latex("$x$")) display(Display.svg("<svg xmlns='http://www.w3.org/2000/svg'/>"))
        display(Display.javascript("1")) display(Display.vegalite{mark = "bar", data = {values = {}}})
        display(Display.text({1})) display(Display.vega('{"width": 1}'))""")
    kinds = [set(content["data"]) - {"text/plain"} for content in displayed(done)]
    assert kinds == [{"text/latex"}, {"image/svg+xml"}, {"application/javascript"},
                     {"application/vnd.vegalite.v5+json"}, set(), {"application/vnd.vega.v5+json"}]
    assert all(content["data"]["text/plain"] for content in displayed(done))


# ---- payloads, user expressions ----

def test_payload(session):
    done = session.run("page('long text') set_next_input('x = 1') set_next_input('y = 2', true)")
    assert done.reply["payload"] == [
        {"source": "page", "data": {"text/plain": "long text"}, "start": 0},
        {"source": "set_next_input", "text": "y = 2", "replace": True}]
    assert session.run("1").reply["payload"] == []


def test_user_expressions_are_bundles(session):
    done = session.run("rows = {{a = 1}}", user_expressions={
        "rows": "rows", "shown": "Display.html('<b>')", "wrong": "error('no')", "syntax": "= =",
        "metadata": "setmetatable({}, {__display = function() return {['text/html'] = 1}, "
                    "{a = 1} end})"})
    answers = done.reply["user_expressions"]
    assert Table(answers["rows"]["data"]["text/html"]).rows == [["a"], ["1"]]
    assert answers["shown"] == {"status": "ok", "metadata": {},
                                "data": {"text/html": "<b>", "text/plain": "<b>"}}
    assert answers["metadata"]["metadata"] == {"a": 1}
    for name in ("wrong", "syntax"):
        assert answers[name]["status"] == "error" and answers[name]["ename"]
        assert answers[name]["evalue"] and answers[name]["traceback"]


# ---- hostile values ----

@pytest.mark.parametrize("method, note", [
    ("error('boom', 0)", "boom"), ("return 3", "not a number"), ("return {3}", "MIME type"),
    ("return {['text/html'] = print}", "not a function"),
    ("return {['application/json'] = 0/0}", "NaN"),
    ("return {['application/json'] = _G}", "cannot convert"),
    ("return {['text/html'] = ('x'):rep(100 << 20)}", "at most 64 MiB"),
    ("return self", "nested"), ("coroutine.yield()", "yield"), ("return self:nothing()", "nil")])
def test_a_display_that_fails_is_a_note(session, method, note):
    done = session.run(f"v = setmetatable({{}}, {{__display = function(self) {method} end}}) "
                       "display(v) v", user_expressions={"v": "v"})
    texts = [displayed(done)[0]["data"], result(done), done.reply["user_expressions"]["v"]["data"]]
    for data in texts:
        assert set(data) == {"text/plain"} and note in data["text/plain"]
        assert data["text/plain"].startswith("<error in __display: ")


@pytest.mark.parametrize("code", [
    "setmetatable({}, {__display = function() print('running') while true do PAUSE end end})",
    "setmetatable({}, {__display = function() print('running') "
    "while true do pcall(error) PAUSE end end})",
    "{{a = setmetatable({}, {__tostring = function() print('running') while true do PAUSE end end})}}",
    "(function() local t = 1 for i = 1, 60 do t = {t, t} end print('running') "
    "return JSON.stringify(t) end)()",
    "coroutine.wrap(function() print('running') while true do display(1) end end)()"])
def test_an_interrupt_ends_it(session, code):
    from jupyter_session import PAUSE
    msg_id = session.execute("return " + code.replace("PAUSE", PAUSE))
    assert session.until(msg_id, "stream")["content"]["text"] == "running\n"
    assert session.ask("interrupt_request", channel="control").reply["status"] == "ok"
    session.until_idle(msg_id)
    assert session.reply(msg_id)["content"]["ename"] == "KeyboardInterrupt"
    assert session.run("return 1").value == "1"


def test_bytes_that_are_no_text(session):
    done = session.run("display('\\xff') display{['text/html'] = '\\xfe<'} page('\\xff')")
    plain, html = displayed(done)
    assert plain["data"]["text/plain"] == "\ufffd" and html["data"]["text/html"] == "\ufffd<"
    assert done.reply["payload"][0]["data"]["text/plain"] == "\ufffd"
    table = result(session.run("return {{['<\\xff'] = '\\xff'}}"))["text/html"]
    assert Table(table).rows == [["<\ufffd"], ["\ufffd"]]


def test_a_flood_of_displays_is_complete(session):
    done = session.run("for i = 1, 5000 do display(i) end")
    assert [c["data"]["text/plain"] for c in displayed(done)] == [str(i) for i in range(1, 5001)]


# ---- the command line ----

SHOW = ("h = display(Display.html('<b>one</b>')) clear_output() h:update('two') print('three') "
        "display(Display.table{{a = 1}})")
TEXT = "<b>one</b>\ntwo\nthree\na\n-\n1\n"


@pytest.mark.parametrize("remote", [False, True])
def test_the_command_line_shows_text(kernel, remote):
    to = ["--kernel", "test"] if remote else []
    assert kernel.run(*to, "exec", SHOW).out == TEXT
    (kernel.cwd / "show.lua").write_text(SHOW)
    shown = kernel.run(*to, "run", "show.lua")
    assert shown.status == 0 and shown.out == TEXT and shown.err == ""
    document = kernel.json(*to, "exec", SHOW)
    assert [output["type"] for output in document["outputs"]] == [
        "display_data", "update_display_data", "stream", "display_data"]
    assert kernel.run(*to, "exec", "return {{a = 1}}").out == "{{a = 1}}\n"
